"""Hosts: addresses read in one way, what is this machine, and which hosts an endpoint can stand for. Pure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Provider

_DEFAULT_VARIABLE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_PORTS = {"http": 80, "https": 443}
# No user information, no escapes in the host, no fragment, nothing that one parser takes for a path and another for
# a host.
_URL = (
    r"(https?)://(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::([1-9]\d{0,4}))?([/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_PRIVATE = (".local", ".internal", ".lan", ".intranet", ".localdomain", ".home.arpa")  # names that no public server has
NO_HOST = r"(?!)"  # a pattern that fits nothing


class Address:
    """A URL, read once: `scheme`, `host`, `port`, and the rest as `target`.

    The host is in lower case, an IPv6 address without brackets. `origin` is (scheme, host, port).
    """

    __slots__ = ("host", "origin", "port", "scheme", "target")

    def __init__(self, scheme: str, host: str, port: int, target: str) -> None:
        self.scheme, self.host, self.port, self.target = scheme, host, port, target
        self.origin = (scheme, host, port)

    @property
    def authority(self) -> str:
        """`host` or `host:port`, as in a `Host` header: the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Address {self.scheme}://{self.authority}>"


def address_of(url: str) -> Address:
    """Read a URL. Raises ValueError for one that two readers could take for different places."""
    match = re.fullmatch(_URL, url)
    port = int(match[4]) if match and match[4] else 0
    if match is None or port > 65535 or (match[2] or "").startswith((".", "-")):
        raise ValueError(f"the URL of {host_of(url)[:100]!r} is not a plain http(s) URL")
    scheme, target = match[1], match[5] or "/"
    host = (match[2] or match[3]).lower()
    return Address(scheme, host, port or _PORTS[scheme], target if target[0] == "/" else f"/{target}")


def origin_of(url: str | None) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL; None for one that `address_of` refuses."""
    try:
        return address_of(url or "").origin
    except ValueError:
        return None


def is_plain_address(url: str) -> bool:
    """Whether *url* is an http(s) address without user information and query, with a port that exists."""
    try:
        return "?" not in address_of(url).target
    except ValueError:
        return False


def written_address(text: str, *, scheme: str = "") -> tuple[str, str]:
    """(an http(s) address as people write it, made plain, "") or ("", what is wrong with it, which does not show it).

    Quotes around it go (env files keep them), and so do slashes and `/chat/completions` at its end; the scheme may be
    in capitals. Where it has none, it has *scheme*.
    """
    text = text.strip()
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        text = text[1:-1].strip()
    head, mark, rest = text.partition("://")
    if not mark and scheme:
        head, rest = scheme, text
    head = head.lower()
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if head not in _PORTS or not (mark or scheme):
        return "", "it does not begin with http:// or https://"
    if "@" in host:
        return "", "it holds a user name or a password"
    if "?" in rest or "#" in rest:
        return "", "it holds a query or a fragment"
    if host.count(":") > 1 and "[" not in host:
        return "", "an IPv6 address stands in brackets, http://[::1]:8000"
    address = f"{head}://{rest.rstrip('/').removesuffix('/chat/completions')}".rstrip("/")
    return (address, "") if is_plain_address(address) else ("", "its host, port or path has an impossible form")


def host_of(url: str) -> str:
    """`host` or `host:port`, in lower case; user information, scheme and path dropped. For any text."""
    rest = url.partition("://")[2] if "://" in url else url
    return re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2].lower()


def is_loopback(host: str) -> bool:
    """Whether `host` or `host:port`, in any spelling, is this machine by the loopback interface."""
    name = host.lower()
    if name.count(":") == 1 or name.startswith("["):  # else an IPv6 address alone, of which nothing is a port
        name = re.sub(r":\d+$", "", name)
    name = name.strip("[]").partition("%")[0].rstrip(".")
    if re.fullmatch(r"[0-9a-fx.:]+", name) and not re.fullmatch(r"127(\.\d{1,3}){3}", name):
        return _odd_loopback(name)
    return name == "localhost" or name.endswith(".localhost") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", name))


def is_private(host: str) -> bool:
    """Whether `host` or `host:port` is this machine, an address or a name of private networks, or a bare name.

    What it leads to, nobody but the network knows; that it is meant to stay there, its form says.
    """
    import ipaddress

    if is_loopback(host):
        return True
    name = host.lower()
    if name.count(":") == 1 or name.startswith("["):
        name = re.sub(r":\d+$", "", name)
    name = name.strip("[]").rstrip(".")
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        odd = re.fullmatch(r"[0-9a-fx.]*", name)  # a number in a form that resolvers read as an address
        return not odd and ("." not in name or name.endswith(_PRIVATE))


def _odd_loopback(name: str) -> bool:
    """Whether it is this machine as `127.1`, `2130706433`, `0x7f000001`, `::ffff:127.0.0.1` and the like."""
    import ipaddress
    import socket

    try:
        address = ipaddress.ip_address(name if ":" in name else socket.inet_aton(name))
    except (ValueError, OSError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def variables_of(endpoint: str) -> list[str]:
    """Names of the variables that an endpoint needs, written as `${NAME}` or `$NAME`, each once."""
    return list(dict.fromkeys(braced or bare for braced, bare in re.findall(r"\$\{(\w+)\}|\$(\w+)", endpoint)))


def sources_of(provider: Provider) -> list[str]:
    """Names of the variables whose values may become a part of a provider's endpoint."""
    rules = provider.connection.get("variables") or {}
    return [source for name in variables_of(provider.endpoint) for source in _sources(name, rules.get(name) or {})]


def _sources(name: str, rule: Mapping[str, Any]) -> tuple[str, ...]:
    """The variables that may hold one value, preferred first: the row's own name, unless its rule places it."""
    also = tuple(rule.get("also") or ())
    return also if name in also else (name, *also)


def told(provider: Provider, name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What the variables that are set say for one place of a provider's endpoint, preferred first: by variable."""
    rule = (provider.connection.get("variables") or {}).get(name) or {}
    found = {source: environ.get(source, "").strip() for source in _sources(name, rule)}
    parts = {source: _part(said, provider.endpoint, name, rule) for source, said in found.items() if said}
    own = next(iter(rule.get("hosts") or ()), "")
    return {
        source: f"{value}.{domain or own}" if "hosts" in rule else value for source, (value, domain) in parts.items()
    }


def fill_endpoint(provider: Provider, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """(the endpoint with its `${VARIABLE}`s filled in, "") or (None, the reason why not).

    A value must match the registry's pattern, so that no value can move a key to
    another host. `${VARIABLE}` in the host part needs such a pattern.
    """
    endpoint = provider.endpoint
    if not endpoint:
        return None, "has no OpenAI-compatible endpoint"
    rules = provider.connection.get("variables") or {}
    host_part = "/".join(endpoint.split("/", 3)[:3])
    for name in variables_of(endpoint):
        rule = rules.get(name) or {}
        if f"${{{name}}}" not in endpoint or (f"${{{name}}}" in host_part and "pattern" not in rule):
            return None, f"its endpoint needs {name}, whose form the registry does not say"
        sources = _sources(name, rule)
        source = next((one for one in sources if environ.get(one, "").strip()), name)
        value, domain = _part(environ.get(source, "").strip(), host_part, name, rule)
        value = value or rule.get("default", "")
        if not value:
            return None, f"{name} is not set"
        if not re.fullmatch(rule.get("pattern", _DEFAULT_VARIABLE_PATTERN), value):
            return None, _misfit(provider, source, rule)
        endpoint = _filled(endpoint, name, value, domain, rule)
    return endpoint, ""


def _misfit(provider: Provider, source: str, rule: Mapping[str, Any]) -> str:
    """Why the value of a variable is not taken, and what to set instead."""
    if "hosts" in rule:
        other = next((f"; an address elsewhere goes in {name}" for name in provider.address_variables), "")
        return f"{source} names nothing below .{rule['hosts'][0]} or its kin{other}"
    return f"{source} does not look as it should ({rule.get('pattern', 'a plain name')})"


def _part(said: str, endpoint: str, name: str, rule: Mapping[str, Any]) -> tuple[str, str]:
    """What a variable's value says for its place in an endpoint, and the domain that it brings along, or "".

    That is a part of a whole address in the endpoint's domain, or in another of the rule's, else all of it.
    """
    text = said[1:-1].strip() if len(said) > 1 and said[0] in "'\"" and said[-1] == said[0] else said
    value = re.sub(r"^https?://", "", text, flags=re.IGNORECASE).rstrip("/")
    host = re.split(r"[/?#]", value, maxsplit=1)[0].removesuffix(":443")
    before, _, after = host_of(endpoint.replace(f"${{{name}}}", "$")).partition("$")
    for domain in rule.get("hosts") or ():
        if host.lower().endswith(f".{domain}"):
            return host[: -len(domain) - 1], domain
    if not before and not after:  # it is the whole host, which may come with a path
        return host.lower(), ""
    if after and host.lower().startswith(before) and host.lower().endswith(after):
        return host[len(before) : -len(after)], ""
    return value, ""


def _filled(endpoint: str, name: str, value: str, domain: str, rule: Mapping[str, Any]) -> str:
    """An endpoint with one variable's value, in the domain that it brings along, or at the host that it stands for."""
    mark = f"${{{name}}}"
    scheme, _, rest = endpoint.partition("://")
    host, slash, path = rest.partition("/")
    if mark in host and value in (rule.get("at") or {}):
        host = rule["at"][value]
    elif mark in host:
        if domain and host.endswith(f"{mark}.{rule['hosts'][0]}"):
            host = host.removesuffix(rule["hosts"][0]) + domain
        host = host.replace(mark, value.replace("_", "-"))  # no host has one, and names of accounts do
    return f"{scheme}://{host}{slash}{path.replace(mark, value)}"


def host_patterns(endpoint: str, variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Regular expressions for the hosts (with port) of *endpoint*, whose `${VARIABLE}`s have rules in *variables*.

    An empty one for an endpoint without a host. Where a variable has no pattern, `NO_HOST` is in it, so that it fits
    nothing.
    """
    host = host_of(endpoint)
    found = [_host_pattern(host, variables)]
    for variable in variables_of(host):
        rule, mark = variables.get(variable.upper(), {}), f"${{{variable}}}"
        own, *others = rule.get("hosts") or ("",)
        if host.endswith(f"{mark}.{own}"):
            found += [_host_pattern(host.removesuffix(own) + domain, variables) for domain in others]
        found += [re.escape(there) for there in (rule.get("at") or {}).values()]
    return found


def _host_pattern(host: str, variables: Mapping[str, Mapping[str, Any]]) -> str:
    if "$" not in host:
        return re.escape(host)
    pattern = ""
    for text, variable in re.findall(r"([^$]+)|\$\{(\w+)\}", host):
        pattern += re.escape(text) if text else f"(?:{variables.get(variable.upper(), {}).get('pattern', NO_HOST)})"
    return pattern
