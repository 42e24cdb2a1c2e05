"""TLS for both senders: whom to believe, and TLS within TLS for proxies that are themselves reached by it."""

from __future__ import annotations

import ssl
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from typing import Any

_RECORD = 65536  # bytes that are read at once from a tunnel


def context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """What certificates are checked against: `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, else certifi's list."""
    import certifi

    bundle = environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    made = ssl.create_default_context(cafile=bundle)
    made.set_alpn_protocols(["http/1.1"])
    return made


class Tunnelled:
    """A TLS connection over any socket, in memory: for a proxy's TLS around the provider's."""

    def __init__(self, sock: Any, made: ssl.SSLContext, host: str) -> None:
        self._sock, self._in, self._out = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = made.wrap_bio(self._in, self._out, server_hostname=host)
        self._do(self._tls.do_handshake)

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
            self._sock.sendall(self._out.read())

    def _fill(self) -> None:
        data = self._sock.recv(_RECORD)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def recv(self, size: int) -> bytes:
        """Bytes as they come; none at the end."""
        try:
            return bytes(self._do(partial(self._tls.read, size)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, data: Any) -> None:
        """Send everything."""
        with memoryview(data) as left:
            sent = 0
            while sent < len(left):
                sent += self._do(partial(self._tls.write, left[sent : sent + _RECORD]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def secured(sock: socket.socket, made: ssl.SSLContext, host: str) -> Any:
    """A TLS connection over a socket, which may be one itself. Raises OSError."""
    if isinstance(sock, ssl.SSLSocket):
        return Tunnelled(sock, made, host)
    return made.wrap_socket(sock, server_hostname=host)
