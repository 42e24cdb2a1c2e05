"""The way to an origin, for both senders: its proxy, what is sent to each, and the errors of failures. No I/O."""

from __future__ import annotations

import socket
import sys

from inference_providers.credentials import Address, is_loopback
from inference_providers.transport import http1
from inference_providers.transport.http import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from inference_providers.transport.http import Request
    from inference_providers.transport.proxies import Proxy

_WITH_BODY = ("POST", "PUT", "PATCH")
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

_OF_ANOTHER = (62, 63, 64)  # OpenSSL's numbers for what is wrong with a certificate: host, mail, IP address
_OUT_OF_TIME = (9, 10)  # not yet valid, expired
_CLOSED = ("SSLEOFError", "SSLZeroReturnError")  # which of them depends on how Python's OpenSSL was built


class Origin:
    """One scheme, host and port, and the proxy through which it is reached.

    `first`: the address to which a connection is opened. `way`: "" for nobody in between, "forward" for a proxy that
    is sent the request itself, "connect" for one that is asked to connect, "socks" for one that is asked so by SOCKS.
    Raises WireError ("setup") for a proxy that cannot be used.
    """

    __slots__ = ("_login", "address", "first", "proxy", "way")

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        self.address = self.first = address
        self.proxy = proxy_for(address, environ)
        self.way, self._login = "", dict[str, str]()
        if self.proxy is not None:
            self.first = self.proxy.address
            if self.proxy.scheme not in ("http", "https"):
                from inference_providers.transport import socks

                self.way = "socks"
                socks.check(self.proxy)
            else:
                self.way = "connect" if address.scheme == "https" else "forward"
                self._login = self.proxy.authorization

    def request_head(self, request: Request, address: Address) -> http1.Sealed:
        """A request's head, as the origin's server or its proxy reads it.

        Raises WireError ("protocol") for a header or a path that would be read as something else.
        """
        target, headers = address.target, request.headers
        if self.way == "forward":  # a proxy reads the whole URL
            target, headers = f"http://{address.authority}{target}", {**headers, **self._login}
        body = request.body
        length = len(body) if body is not None else 0 if request.method in _WITH_BODY else None
        return http1.request_head(request.method, target, address.authority, headers, length)

    def tunnel_head(self) -> http1.Sealed:
        """What asks the proxy to connect to the origin. Raises WireError ("protocol") as `request_head` does."""
        return http1.request_head("CONNECT", self._place, self._place, self._login, None)

    @property
    def _place(self) -> str:
        place = self.address.authority
        return place if place.rpartition("]")[2].count(":") else f"{place}:{self.address.port}"

    def check_tunnel(self, reader: http1.Reader) -> None:
        """Raise WireError unless the proxy has connected, and nothing came that only the origin could have said."""
        assert self.proxy is not None
        if not 200 <= reader.status < 300:
            raise self.proxy.refused(reader, self._place)
        if reader.leftover:
            raise self.proxy.blamed(WireError("protocol", "it said more than that it has connected"))

    def check_reply(self, reader: http1.Reader) -> None:
        """Raise WireError where a reply's head is the proxy's own, and not for who called."""
        if self.proxy is not None and reader.status == 407:
            raise self.proxy.wants_login(reader)

    def handshake(self, numeric: str) -> Generator[tuple[bytes, int], bytes, None]:
        """What asks a SOCKS proxy to connect (see `socks`). *numeric*: the origin's IP address, if it was looked up."""
        from inference_providers.transport import socks

        assert self.proxy is not None
        return socks.handshake(self.proxy, numeric or self.address.host, self.address.port)

    @property
    def looked_up(self) -> int | None:
        """The family of addresses in which the origin is looked up for its proxy; None where the proxy does so."""
        if self.proxy is None or self.proxy.scheme not in ("socks4", "socks5") or ":" in self.address.host:
            return None
        return socket.AF_INET if self.proxy.scheme == "socks4" else socket.AF_UNSPEC

    def not_found(self) -> WireError:
        """The WireError for an origin that cannot be looked up for its proxy."""
        assert self.proxy is not None
        kinds = "IPv4 address" if self.looked_up == socket.AF_INET else "address"
        by_name = {"socks4": "socks4a", "socks5": "socks5h"}[self.proxy.scheme]
        return WireError(
            "connect",
            f"this machine finds no {kinds} of {self.address.host}, which {self.proxy.shown} has to be told; "
            f"with {by_name}:// the proxy looks it up itself",
        )

    def failed(self, error: Exception, late: bool, reached: bool) -> WireError:
        """The WireError for a failure to connect. *reached*: it was the origin that failed, and not its proxy.

        *late*: the deadline of the call has passed.
        """
        known = error if isinstance(error, WireError) else connecting(error, late)
        return known if self.proxy is None or reached else self.proxy.blamed(known)


def proxy_for(address: Address, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that *environ* gives for an address; never one for this machine. Raises WireError ("setup")."""
    if is_loopback(address.authority):
        return None
    # A name in lower case counts more than one in another.
    names = {
        name.lower(): name
        for name in sorted((name for name in environ if name.lower() in _VARIABLES), key=str.islower)
        if name.islower() or name.lower() != "http_proxy" or "REQUEST_METHOD" not in environ
    }  # of a CGI program, a request's header `Proxy` becomes HTTP_PROXY
    if not names.keys() - {"no_proxy"}:
        return None
    from inference_providers.transport import proxies

    return proxies.proxy_for(address, environ, names)


def connecting(error: Exception, late: bool) -> WireError:
    """The WireError for a failure to connect. *late*: the deadline of the call has passed."""
    if is_gone(error):
        return WireError("broken", "the connection was reset")
    if _is_tls(error):
        return _untrusted(error)
    if isinstance(error, TimeoutError):
        return _late() if late else WireError("connect", "no connection in time")
    if isinstance(error, ConnectionRefusedError):
        return WireError("connect", "connection refused")
    if isinstance(error, socket.gaierror | UnicodeError):
        return WireError("connect", "the host name cannot be resolved")
    return WireError("connect", "no connection")


def told(error: Exception, late: bool) -> WireError:
    """The WireError for a failure of an open connection. *late*: the deadline of the call has passed.

    The text is our own, so that no header gets into it.
    """
    if isinstance(error, TimeoutError):
        return _late() if late else WireError("timeout", "silent for too long")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return WireError("broken", "the connection was reset")
    if _is_tls(error) and not is_gone(error):
        return _untrusted(error)
    if isinstance(error, OSError):
        return WireError("broken", "the connection was closed before the answer was complete")
    return WireError("protocol", f"no HTTP answer ({type(error).__name__})")


def is_gone(error: Exception) -> bool:
    """Whether it says that the other end has closed or reset the connection, with TLS or without."""
    return isinstance(error, ConnectionResetError | BrokenPipeError) or type(error).__name__ in _CLOSED


def _late() -> WireError:
    return WireError("deadline", "no complete answer before the deadline")


def _is_tls(error: Any) -> bool:
    ssl = sys.modules.get("ssl")  # whoever raised it has loaded it
    return ssl is not None and isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError)


def _untrusted(error: Any) -> WireError:
    """The WireError for a failure of TLS; the words about a certificate are OpenSSL's own."""
    reason, code = getattr(error, "reason", None) or "error", getattr(error, "verify_code", 0)
    if not code:
        return WireError("tls", f"TLS failed ({reason})")
    if code in _OF_ANOTHER:
        advice = "is for another host: check the address"
    elif code in _OUT_OF_TIME:
        advice = "is not valid at this time: check this machine's clock, else only its owner can renew it"
    else:
        advice = (
            "is signed by nobody who is trusted here: where a company's proxy or an own authority signs, "
            "let SSL_CERT_FILE name a file with its certificate and the usual ones"
        )
    return WireError("tls", f"TLS failed ({reason}: {error.verify_message}); the server's certificate {advice}")
