"""The way to an origin, for both senders: its proxy, what is sent to each, and the errors of failures. No I/O."""

from __future__ import annotations

import socket
import sys

from inference_providers.credentials import Address, Secret, address_of, is_loopback
from inference_providers.transport import http1
from inference_providers.transport.http import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.transport.http import Request

_WITH_BODY = ("POST", "PUT", "PATCH")


class Origin:
    """One scheme, host and port, and the proxy through which it is reached.

    Raises WireError ("connect") for a proxy that cannot be used.
    """

    __slots__ = ("_login", "address", "proxy", "tunnelled")

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        self.address = address
        self.proxy, login = _read_proxy(Secret(proxy_for(address, environ) or ""))
        self.tunnelled = self.proxy is not None and address.scheme == "https"
        self._login = {"Proxy-Authorization": login} if login else {}

    def request_head(self, request: Request, address: Address) -> http1.Sealed:
        """A request's head, as the origin's server or its proxy reads it.

        Raises WireError ("protocol") for a header or a path that would be read as something else.
        """
        target, headers = address.target, request.headers
        if self.proxy is not None and not self.tunnelled:  # a proxy reads the whole URL
            target, headers = f"http://{address.authority}{target}", {**headers, **self._login}
        body = request.body
        length = len(body) if body is not None else 0 if request.method in _WITH_BODY else None
        return http1.request_head(request.method, target, address.authority, headers, length)

    def tunnel_head(self) -> http1.Sealed:
        """What asks the proxy to connect to the origin. Raises WireError ("protocol") as `request_head` does."""
        place = self.address.authority
        place = place if place.rpartition("]")[2].count(":") else f"{place}:{self.address.port}"
        return http1.request_head("CONNECT", place, place, self._login, None)

    def check_tunnel(self, reader: http1.Reader) -> None:
        """Raise WireError unless the proxy has connected, and nothing came that only the origin could have said."""
        if not 200 <= reader.status < 300:
            raise WireError("connect", f"the proxy refused to connect (HTTP {reader.status})")
        if reader.leftover:
            raise WireError("protocol", "the proxy said something before it connected")


def proxy_for(address: Address, environ: Mapping[str, str]) -> str | None:
    """The proxy that *environ* gives for an address; never one for this machine."""
    if is_loopback(address.authority):
        return None
    lowered = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy")}
    lowered.update(
        {
            name: value
            for name, value in environ.items()
            if name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
        }
    )
    proxy = lowered.get(f"{address.scheme}_proxy") or lowered.get("all_proxy")
    for entry in lowered.get("no_proxy", "").split(","):
        entry = entry.strip().lower().lstrip(".").partition(":")[0]
        if entry == "*" or (entry and (address.host == entry or address.host.endswith("." + entry))):
            return None
    return (proxy if "://" in proxy else f"http://{proxy}") if proxy else None


def _read_proxy(url: Secret) -> tuple[Address | None, str]:
    """A proxy's address, and what it gets as `Proxy-Authorization`. Raises WireError for one that cannot be used."""
    if not url:
        return None, ""
    address, login = _parts_of(url)
    if address is None:
        raise WireError(
            "connect",
            f"the proxy in the environment cannot be used ({url.partition(':')[0][:20]}); http and https can",
        )
    return address, login


def _parts_of(url: Secret) -> tuple[Address | None, Secret]:
    from base64 import b64encode
    from urllib.parse import unquote_to_bytes

    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    try:
        address = address_of(f"{scheme.lower()}://{place}")
    except ValueError:
        return None, Secret("")
    return address, Secret("Basic " + b64encode(unquote_to_bytes(login)).decode("ascii") if at else "")


def connecting(error: Exception, late: bool) -> WireError:
    """The WireError for a failure to connect. *late*: the deadline of the call has passed."""
    if type(error).__name__ == "SSLEOFError":
        return WireError("broken", "the connection was reset")
    if _is_tls(error):
        return WireError("tls", f"TLS failed ({getattr(error, 'reason', None) or 'error'})")
    if isinstance(error, TimeoutError):
        return _late() if late else WireError("connect", "no connection in time")
    if isinstance(error, ConnectionRefusedError):
        return WireError("connect", "connection refused")
    if isinstance(error, socket.gaierror | UnicodeError):
        return WireError("connect", "the host name cannot be resolved")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return WireError("broken", "the connection was reset")
    return WireError("connect", "no connection")


def told(error: Exception, late: bool) -> WireError:
    """The WireError for a failure of an open connection. *late*: the deadline of the call has passed.

    The text is our own, so that no header gets into it.
    """
    if isinstance(error, TimeoutError):
        return _late() if late else WireError("timeout", "silent for too long")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return WireError("broken", "the connection was reset")
    if _is_tls(error) and type(error).__name__ != "SSLEOFError":
        return WireError("tls", f"TLS failed ({getattr(error, 'reason', None) or 'error'})")
    if isinstance(error, OSError):
        return WireError("broken", "the connection was closed before the answer was complete")
    return WireError("protocol", f"no HTTP answer ({type(error).__name__})")


def _late() -> WireError:
    return WireError("deadline", "no complete answer before the deadline")


def _is_tls(error: Any) -> bool:
    ssl = sys.modules.get("ssl")  # whoever raised it has loaded it
    return ssl is not None and isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError)
