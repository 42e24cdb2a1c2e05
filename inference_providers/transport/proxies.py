"""Proxies: which one the environment gives for an address, and what is said of its failures. Pure.

Loaded where the environment names a proxy at all.
"""

from __future__ import annotations

import re

from inference_providers.credentials import Address, Secret, address_of, host_of, is_private
from inference_providers.offers import is_offline
from inference_providers.transport.http import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.transport.http1 import Reader

SOCKS = ("socks", "socks4", "socks4a", "socks5", "socks5h")
_SOCKS_PORT = 1080
_LATER = (502, 503, 504)  # statuses by which a proxy says that it could not connect just now


class Proxy:
    """A proxy: its address, what its scheme is, and from which variable it is. `repr` and `shown` hold no password.

    `scheme` is http, https or one of `SOCKS`; `login` is the name and password as they are in the URL.
    """

    __slots__ = ("address", "login", "scheme", "variable")

    def __init__(self, scheme: str, address: Address, login: Secret, variable: str) -> None:
        self.scheme, self.address, self.login, self.variable = scheme, address, login, variable

    @property
    def shown(self) -> str:
        """The variable with its value, without name and password."""
        return f"{self.variable}={self.scheme}://{self.place}"

    @property
    def place(self) -> str:
        """Host and port, as in the variable."""
        address = self.address
        bracketed = f"[{address.host}]" if ":" in address.host else address.host
        return f"{bracketed}:{address.port}" if self.scheme in SOCKS else address.authority

    @property
    def credentials(self) -> tuple[Secret, Secret] | None:
        """Name and password, with each escaped character as it is meant."""
        if not self.login:
            return None
        name, _, password = self.login.partition(":")
        return _unescaped(name), _unescaped(password)

    @property
    def authorization(self) -> dict[str, str]:
        """The header that an HTTP proxy gets."""
        if self.credentials is None:
            return {}
        from base64 import b64encode

        pair = ":".join(self.credentials).encode("utf-8", "surrogateescape")
        return {"Proxy-Authorization": Secret("Basic " + b64encode(pair).decode("ascii"))}

    def __repr__(self) -> str:
        return f"<Proxy {self.shown}>"

    def refused(self, reader: Reader, place: str) -> WireError:
        """The error for a proxy that answers, and does not connect to *place*."""
        status = reader.status
        if status == 407:
            return self.wants_login(reader)
        if 300 <= status < 400:
            said = "it redirects; a network that wants a login in a browser first does so"
        elif status in _LATER:
            return WireError("broken", f"{self.shown} could not connect to {place} (HTTP {status})")
        else:
            said = f"it may not allow that host: ask who runs it, or unset {self.variable}"
        return WireError("connect", f"{self.shown} refused to connect to {place} (HTTP {status}): {said}")

    def wants_login(self, reader: Reader) -> WireError:
        """The error for HTTP 407."""
        if "basic" not in reader.headers.get("proxy-authenticate", "basic").lower():
            said = "wants a login of another kind than Basic; a helper on this machine, such as px, can give it"
        elif self.login:
            said = f"does not accept the name and password in {self.variable} (@ and : in them are written %40 and %3A)"
        else:
            said = f"wants a name and password: {self.variable}={self.scheme}://NAME:PASSWORD@{self.place}"
        return WireError("connect", f"{self.shown} {said} (HTTP 407)")

    def blamed(self, error: WireError) -> WireError:
        """The error for a failure before the proxy has connected: it says whose it is, and what to do."""
        if error.kind == "deadline":
            return error
        if error.kind == "protocol":
            return WireError("protocol", f"{self.shown} does not answer as a proxy does: {error}")
        if error.kind == "tls":
            is_trust = "certificate" in str(error)  # which says itself what to do
            hint = "" if is_trust else f"; most proxies are http://{self.place}, also for addresses with https"
        else:
            hint = f"; check that this proxy can be reached, or unset {self.variable}"
        return WireError(error.kind, f"{self.shown}: {error}{hint}")


def _unescaped(text: str) -> Secret:
    from urllib.parse import unquote_to_bytes

    return Secret(unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape"))


def proxy_for(address: Address, environ: Mapping[str, str], names: Mapping[str, str]) -> Proxy | None:
    """The proxy for an address. *names*: names of the variables as they are, by those in lower case.

    Raises WireError ("setup") for one that cannot be used.
    """
    name = next((names[one] for one in (f"{address.scheme}_proxy", "all_proxy") if _value(environ, names, one)), "")
    if not name or is_excepted(address, _value(environ, names, "no_proxy")):
        return None
    proxy = _read(name, Secret(environ[name].strip()))
    # Who is off line asks private networks alone, and what goes there goes through nobody outside.
    return None if is_offline(environ) and not is_private(host_of(proxy.place)) else proxy


def _value(environ: Mapping[str, str], names: Mapping[str, str], name: str) -> str:
    return environ[names[name]].strip() if name in names else ""


def _read(variable: str, url: Secret) -> Proxy:
    scheme, address, login = _parts_of(url)
    if address is None:  # and so any part of it may be a password
        shown = f" ({scheme}://...)" if re.fullmatch("[a-z][a-z0-9+.-]{0,19}", scheme) else ""
        known = ", ".join(("http", "https", *SOCKS))
        raise WireError(
            "setup",
            f"nothing was sent: {variable} names no proxy that can be used{shown}; it should be like "
            f"http://proxy.example:3128, with one of {known} before ://, or not be set",
        )
    return Proxy(scheme, address, login, variable)


def _parts_of(url: Secret) -> tuple[str, Address | None, Secret]:
    """(scheme, address if it can be read, name and password)."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "http", url
    scheme = scheme.lower()
    login, _, place = rest.rpartition("@")
    host = re.split("[/?#]", place, maxsplit=1)[0]
    if scheme in SOCKS and not re.search(r"[^:]:\d+\Z", host):
        host = f"{host}:{_SOCKS_PORT}"
    address = None
    if scheme in ("http", "https", *SOCKS):
        try:
            address = address_of(f"{'https' if scheme == 'https' else 'http'}://{host}")
        except ValueError:
            address = None
    return scheme, address, Secret(login)


def is_excepted(address: Address, no_proxy: str) -> bool:
    """Whether a `NO_PROXY` names an address.

    Its entries are separated by commas or blanks: `*` for everything; a host or domain, with or without a dot or `*.`
    before it, for itself and all below it; an IP address, with or without brackets; a network as `10.0.0.0/8`. With
    `:port`, an entry is for that port only. Case does not count, nor a dot at the end.
    """
    host = address.host.rstrip(".")
    number = _number(host)
    for entry in re.split(r"[,\s]+", no_proxy.lower()):
        name, port = _split(entry)
        if name and (not port or port == str(address.port)):
            if name == "*":
                return True
            if number is not None:
                if _holds(name, number):
                    return True
            else:
                name = name.removeprefix("*.").strip(".")
                if name and (host == name or host.endswith("." + name)):
                    return True
    return False


def _split(entry: str) -> tuple[str, str]:
    """(host, domain or network, port): IPv6 addresses stand in brackets if a port follows."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return (name + rest, "") if rest.startswith("/") else (name, rest.removeprefix(":"))
    if entry.count(":") > 1:
        return entry, ""
    name, _, port = entry.partition(":")
    return name, port


def _number(host: str) -> Any:
    """An IP address as a number of its family, None for a name; of IPv4 in IPv6, the IPv4 address."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _holds(entry: str, number: Any) -> bool:
    """Whether an entry is this IP address, or a network that holds it."""
    import ipaddress

    if "/" not in entry:
        return bool(_number(entry.rstrip(".")) == number)
    try:
        return bool(number in ipaddress.ip_network(entry, strict=False))
    except ValueError:
        return False
