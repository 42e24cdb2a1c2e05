"""TLS for both senders: whom to believe, and TLS within TLS for proxies that are themselves reached by it."""

from __future__ import annotations

import os
import re
import ssl
import sys
import time
from functools import partial

from inference_providers.transport.http import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from typing import Any

_RECORD = 65536  # bytes that are read at once from a tunnel
_FIRST = (("SSL_CERT_FILE", "SSL_CERT_DIR"), ("REQUESTS_CA_BUNDLE",), ("CURL_CA_BUNDLE",))  # the first set counts
_ADDED = "NODE_EXTRA_CA_CERTS"


def context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """What certificates are checked against: what the environment names, by `sources`, else certifi's list.

    As `ssl.create_default_context` makes one, except that `SSLKEYLOGFILE` is taken from *environ* too.
    Raises WireError ("setup") for a variable that names no certificates or a log that cannot be written.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and host names
    if sys.version_info >= (3, 13):
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    used = sources(environ)
    for name in used:
        if problem := _load(made, name, _path(environ[name].strip(), environ)):
            if name == "SSL_CERT_DIR" and "SSL_CERT_FILE" in used:
                continue  # OpenSSL's own default, which may name a folder that is not there
            said = f"{name}={environ[name]} names no certificates ({problem}); correct or unset it"
            raise WireError("setup", f"nothing was sent: {said}")
    if not set(used) - {_ADDED}:
        import certifi

        made.load_verify_locations(certifi.where())
    if (log := environ.get("SSLKEYLOGFILE")) and not sys.flags.ignore_environment:
        try:
            made.keylog_filename = _path(log, environ)
        except OSError as error:
            raise WireError(
                "setup", f"nothing was sent: SSLKEYLOGFILE={log} names a log that cannot be written ({error.strerror})"
            ) from None
    made.set_alpn_protocols(["http/1.1"])
    return made


def sources(environ: Mapping[str, str]) -> list[str]:
    """The variables that name certificates to trust.

    `SSL_CERT_FILE` and `SSL_CERT_DIR`, else `REQUESTS_CA_BUNDLE`, else `CURL_CA_BUNDLE` stand in place of certifi's
    list; those of `NODE_EXTRA_CA_CERTS` are added.
    """
    found = [[name for name in names if environ.get(name, "").strip()] for names in (*_FIRST, (_ADDED,))]
    return next(filter(None, found[:-1]), []) + found[-1]


def _path(path: str, environ: Mapping[str, str]) -> str:
    """A path, or several, with their `~`."""
    if "~" not in path:
        return path
    from inference_providers.files import folders

    return os.pathsep.join(folders.expanded(one, environ) for one in path.split(os.pathsep))


def _load(made: ssl.SSLContext, name: str, path: str) -> str:
    """Trust what is in a file, or in folders of files named by OpenSSL's hashes; why not, if it holds nothing."""
    is_folder = name == "SSL_CERT_DIR" or (name.endswith("_BUNDLE") and os.path.isdir(path))
    try:
        if is_folder:
            folders = path.split(os.pathsep) if name == "SSL_CERT_DIR" else [path]
            if not any(map(os.path.isdir, folders)):
                return "there is no such folder"
            made.load_verify_locations(capath=path)
            hashed = re.compile(r"[0-9a-f]{8}\.\d{1,9}").fullmatch
            if not any(hashed(file) for folder in folders if os.path.isdir(folder) for file in os.listdir(folder)):
                return "no file there is named by its hash: `openssl rehash` does that"
        elif os.path.exists(path) and not os.path.isfile(path):
            return "it is not a file"
        else:
            made.load_verify_locations(path)
    except ssl.SSLError:
        return "there is no certificate in it that can be read, as PEM"
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


class Tunnelled:
    """A TLS connection over any socket, in memory: for a proxy's TLS around the provider's."""

    def __init__(self, sock: Any, made: ssl.SSLContext, host: str) -> None:
        self.raw, self._in, self._out = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.settimeout(sock.gettimeout())
        self._tls = made.wrap_bio(self._in, self._out, server_hostname=host)
        self._do(self._tls.do_handshake)

    def settimeout(self, seconds: float | None) -> None:
        """Seconds from now for whatever is done next, however many steps it takes; 0: it must not wait."""
        self._until = None if seconds is None else time.monotonic() + seconds
        self._waits = seconds != 0

    def _allow(self) -> None:
        """The time that is left, for the next step."""
        left = None if self._until is None else self._until - time.monotonic()
        if self._waits and left is not None and left <= 0:
            raise TimeoutError("deadline")
        self.raw.settimeout(left if self._waits else 0)

    def _do(self, work: Callable[[], Any]) -> Any:
        while True:
            try:
                done = work()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
                continue
            self._flush()
            return done

    def _flush(self) -> None:
        if self._out.pending:
            self._allow()
            self.raw.sendall(self._out.read())

    def _fill(self) -> None:
        self._allow()
        data = self.raw.recv(_RECORD)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def recv(self, size: int) -> bytes:
        """At most *size* bytes as they come; none at the end. Raises OSError."""
        try:
            return bytes(self._do(partial(self._tls.read, size)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, data: Any) -> None:
        """Send everything. Raises OSError."""
        with memoryview(data) as left:
            sent = 0
            while sent < len(left):
                sent += self._do(partial(self._tls.write, left[sent : sent + _RECORD]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def secured(sock: socket.socket, made: ssl.SSLContext, host: str, watch: Callable[[socket.socket], None]) -> Any:
    """A TLS connection over *sock*, which may be one itself. Raises OSError.

    *watch* is given the socket that the handshake waits for.
    """
    if isinstance(sock, ssl.SSLSocket):
        return Tunnelled(sock, made, host)
    wrapped = made.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)  # takes the file from `sock`
    try:
        watch(wrapped)
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped
