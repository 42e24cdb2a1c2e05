"""SOCKS without I/O: how a proxy is asked for a connection, by versions 4, 4a, 5 and 5 with names (5h).

The messages are those of `socksio`, which the extra `socks` brings.
"""

from __future__ import annotations

import socket

from inference_providers.installing import SOCKS
from inference_providers.transport.http import WireError
from inference_providers.transport.http1 import Sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from inference_providers.transport.proxies import Proxy

# What a proxy means by a number other than that of success.
_REFUSALS_4 = {91: "it refused or failed", 92: "it finds no identd here", 93: "identd here names another user"}
_REFUSALS_5 = {
    1: "a general failure",
    2: "its rules do not allow it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the host refused the connection",
    6: "it took too long",
    7: "it does not connect for others",
    8: "it does not take this kind of address",
}
_GRANTED = 90  # by version 4
_ADDRESS_SIZES = {1: 4, 4: 16}  # bytes of an address, by its type; a name says its own


def check(proxy: Proxy) -> None:
    """Raise WireError ("setup") where SOCKS cannot be spoken here."""
    try:
        import socksio
    except ImportError:
        raise _wrong(proxy, f"the extra inference_providers[socks] is not installed: {SOCKS}") from None
    del socksio


def handshake(proxy: Proxy, host: str, port: int) -> Generator[tuple[bytes, int], bytes, None]:
    """Ask a SOCKS proxy to connect. Yields (what to send, how many bytes to read then), and is sent those bytes.

    *host* is a name or an IP address without brackets. Returns once the proxy has connected. Raises WireError.
    """
    from socksio import socks4, socks5

    name, password = (Sealed(part.encode("utf-8", "surrogateescape")) for part in proxy.credentials or ("", ""))
    if len(name) > 255 or len(password) > 255 or len(host) > 255:
        raise _wrong(proxy, "a host, a name or a password is longer than the 255 bytes that SOCKS can carry")
    if proxy.scheme not in ("socks4", "socks4a"):
        yield from _version_5(proxy, socks5, (host, port), name, password)
        return
    if 0 in name or ":" in host:
        raise _wrong(proxy, "SOCKS4 can carry neither IPv6 addresses nor a name with a zero byte; socks5 can")
    kind = socks4.SOCKS4Request if _is_ipv4(host) else socks4.SOCKS4ARequest
    asked = kind.from_address(socks4.SOCKS4Command.CONNECT, (host, port), name)
    reply = yield Sealed(asked.dumps()), 8
    if reply[0] != 0 or reply[1] not in (_GRANTED, *_REFUSALS_4):
        raise _garbled(proxy)
    if reply[1] != _GRANTED:
        raise _refused(proxy, host, _REFUSALS_4[reply[1]])


def _version_5(
    proxy: Proxy, socks5: Any, place: tuple[str, int], name: Sealed, password: Sealed
) -> Generator[tuple[bytes, int], bytes, None]:
    methods = socks5.SOCKS5AuthMethod
    offered = [methods.NO_AUTH_REQUIRED, *([methods.USERNAME_PASSWORD] if name or password else [])]
    version, method = yield socks5.SOCKS5AuthMethodsRequest(offered).dumps(), 2
    if version != 5:
        raise _garbled(proxy)
    if method == methods.USERNAME_PASSWORD[0] and len(offered) > 1:
        _, refused = yield Sealed(socks5.SOCKS5UsernamePasswordRequest(name, password).dumps()), 2
        if refused:
            raise WireError("connect", f"{proxy.shown} does not accept the name and password in {proxy.variable}")
    elif method != methods.NO_AUTH_REQUIRED[0]:
        wanted = "a login of another kind than a name and a password" if len(offered) > 1 else "a name and a password"
        hint = f"{proxy.variable}={proxy.scheme}://NAME:PASSWORD@{proxy.place}"
        raise WireError("connect", f"{proxy.shown} wants {wanted}" + (f": {hint}" if len(offered) == 1 else ""))
    asked = socks5.SOCKS5CommandRequest.from_address(socks5.SOCKS5Command.CONNECT, place)
    version, code, _, kind = yield asked.dumps(), 4
    if version != 5:
        raise _garbled(proxy)
    if code:
        raise _refused(proxy, place[0], _REFUSALS_5.get(code, f"code {code}"))
    if kind == 3:
        (size,) = yield b"", 1
    elif kind in _ADDRESS_SIZES:
        size = _ADDRESS_SIZES[kind]
    else:
        raise _garbled(proxy)
    yield b"", size + 2  # its own address and port, which nobody needs


def _is_ipv4(host: str) -> bool:
    try:
        return bool(socket.inet_pton(socket.AF_INET, host))
    except OSError:
        return False


def _wrong(proxy: Proxy, why: str) -> WireError:
    return WireError("setup", f"nothing was sent: {proxy.shown} is a SOCKS proxy, and {why}")


def _garbled(proxy: Proxy) -> WireError:
    return WireError("protocol", f"{proxy.shown} does not answer as a SOCKS proxy does: is it an HTTP proxy (http://)?")


def _refused(proxy: Proxy, host: str, why: str) -> WireError:
    return WireError("connect", f"{proxy.shown} did not connect to {host}: {why}")
