"""Credentials: API keys found in environment variables, and where each may go.

Pure: the environment is a mapping given by the caller. A key is kept in `Credential`,
whose repr never shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from inference_providers.registry import Provider, Registry

_PLACEHOLDER = (
    r"(?i)^(|\W+|x{3,}|your[-_ ].*|<.*>|\[.*\]|\{.*\}|\$\{?\w*\}?|sk-(\.{3,}|x+|\*+|your.*)|change[-_ ]?me|change[-_ ]?this|replace[-_ ]?me|replace[-_ ]with.*|"
    r"insert[-_ ].*|todo|tbd|none|null|undefined|api[-_ ]?key|.*your[-_ ](api[-_ ]?)?key.*|placeholder|\S*-?\.\.\.|\S*[x*]{8,})$"
)
_DEFAULT_VARIABLE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
DUMMY_KEY = "not-needed"  # sent to local servers that ask for none


class Secretive:
    """For what holds keys: it cannot be pickled, so that no key ends up in a file."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


class Secret(str):
    """A key: real wherever it is used as text (`str`, `format`, a client's `api_key`), masked where it would only be shown.

    Its repr, and so every traceback with local variables, and its pickle show "[key]".
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[key]'"

    def __reduce_ex__(self, _: Any) -> tuple[type[str], tuple[str]]:
        return str, ("[key]",)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self


class Environment(Mapping[str, str], Secretive):
    """Environment variables whose repr shows none of them: tracebacks with local variables stay clean."""

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __repr__(self) -> str:
        return "<Environment>"

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


class Credential(Secretive):
    """A key and the variable it came from; `key` is a `Secret`."""

    __slots__ = ("key", "variable")

    def __init__(self, key: str, variable: str | None) -> None:
        self.key, self.variable = Secret(key), variable

    def __repr__(self) -> str:
        return f"Credential(variable={self.variable!r}, key='...')"


def refusal(value: str) -> str | None:
    """Why *value* is not a key, in words for a person, or None if it may be one."""
    text = value.strip()
    if not text:
        return "is empty"
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return "is wrapped in quotes; remove them"
    if len(text) < 256 and re.match(_PLACEHOLDER, text):
        return "holds a placeholder, not a key"
    if re.search(r"[^\x21-\x7e]", text):
        return "holds blanks or characters that no key has"
    return None


def find(provider: Provider, environ: Mapping[str, str]) -> tuple[Credential | None, str]:
    """The credential for *provider*, or None and the reason.

    The first of its variables that holds a key wins; placeholders are passed over.
    """
    refused = ""
    for variable in provider.key_variables:
        value = environ.get(variable)
        if value is None:
            continue
        reason = refusal(value)
        if reason is None:
            return Credential(value.strip(), variable), ""
        refused = refused or f"{variable} {reason}"
    if provider.local is not None:
        return Credential(DUMMY_KEY, None), ""
    if provider.connection.get("auth") == "oauth":
        return None, "needs an OAuth access token, not a key"
    wanted = " or ".join(provider.key_variables)
    if not wanted and is_loopback(host_of(provider.endpoint)):
        return Credential(DUMMY_KEY, None), ""
    if not wanted:
        return None, "has no key variable; give it `api_key`"
    return None, refused or f"{wanted} is not set"


def fill_endpoint(provider: Provider, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """The endpoint with its `${VARIABLE}`s filled in, or None and the reason.

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
        value = re.sub(r"^https?://", "", environ.get(name, "").strip()).rstrip("/") or rule.get("default")
        if not value:
            return None, f"{name} is not set"
        if not re.fullmatch(rule.get("pattern", _DEFAULT_VARIABLE_PATTERN), value):
            return None, f"{name} does not look as it should ({rule.get('pattern', 'a plain name')})"
        endpoint = endpoint.replace(f"${{{name}}}", value)
    return endpoint, ""


def variables_of(endpoint: str) -> list[str]:
    """Names of the variables that an endpoint needs, written as `${NAME}` or `$NAME`."""
    return list(dict.fromkeys(braced or bare for braced, bare in re.findall(r"\$\{(\w+)\}|\$(\w+)", endpoint)))


def host_of(url: str) -> str:
    """`host` or `host:port`, in lower case; user information, scheme and path dropped."""
    rest = url.partition("://")[2] if "://" in url else url
    return re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2].lower()


class Address:
    """A URL, read once: `scheme`, `host` (lower case, an IPv6 address without brackets), `port`, and the rest as `target`."""

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


_PORTS = {"http": 80, "https": 443}
# No user information, no escapes in the host, no fragment, nothing that one parser takes for a path and another for a host.
_URL = (
    r"(https?)://(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::([1-9]\d{0,4}))?([/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


def address_of(url: str) -> Address:
    """Read a URL. Raises ValueError for one that two readers could take for different places."""
    match = re.fullmatch(_URL, url)
    port = int(match[4]) if match and match[4] else 0
    if match is None or port > 65535 or (match[2] or "").startswith((".", "-")):
        raise ValueError(f"{host_of(url)[:100]!r} is in no plain http(s) URL")
    scheme, target = match[1], match[5] or "/"
    host = (match[2] or match[3]).lower()
    return Address(scheme, host, port or _PORTS[scheme], target if target[0] == "/" else f"/{target}")


def origin_of(url: str | None) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL; None where there is no plain one."""
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


def is_loopback(host: str) -> bool:
    """Whether `host` or `host:port`, in any spelling, is this machine by the loopback interface."""
    name = host.lower()
    if name.count(":") == 1 or name.startswith("["):  # else an IPv6 address alone, of which nothing is a port
        name = re.sub(r":\d+$", "", name)
    name = name.strip("[]").partition("%")[0].rstrip(".")
    if re.fullmatch(r"[0-9a-fx.:]+", name) and not re.fullmatch(r"127(\.\d{1,3}){3}", name):
        return _odd_loopback(name)
    return name == "localhost" or name.endswith(".localhost") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", name))


def _odd_loopback(name: str) -> bool:
    """`127.1`, `2130706433`, `0x7f000001`, `::ffff:127.0.0.1` and the like."""
    import ipaddress
    import socket

    try:
        address = ipaddress.ip_address(name if ":" in name else socket.inet_aton(name))
    except (ValueError, OSError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


class Pins:
    """Which hosts each key variable may go to: the registry of the installed package is the table."""

    def __init__(self, registry: Registry, trust: Mapping[str, Sequence[str]] | None = None) -> None:
        self._patterns, self._own, self._headers = _pinned(registry)
        self._trust = {
            variable: {host_of(host) for host in ([hosts] if isinstance(hosts, str) else hosts)}
            for variable, hosts in (trust or {}).items()
        }

    def pinned(self, variable: str) -> bool:
        """Whether the installed package knows *variable*."""
        return variable in self._patterns

    def allows(self, variable: str, endpoint: str) -> bool:
        """Whether the key in *variable* may be sent to *endpoint*. Unknown variables are the caller's own."""
        if variable not in self._patterns:
            return True
        try:
            return self.admits(variable, address_of(endpoint))
        except ValueError:
            return False

    def admits(self, variable: str, address: Address) -> bool:
        """`allows`, for a URL that was read."""
        if variable not in self._patterns or self._trusts(variable, address):
            return True
        if any(pattern == _LOOPBACK and is_loopback(address.authority) for pattern in self._patterns[variable]):
            return True
        return address.scheme == "https" and any(
            re.fullmatch(pattern, address.authority) for pattern in self._patterns[variable] if pattern
        )

    def trusts(self, variable: str, endpoint: str) -> bool:
        """Whether the program itself said that the key in *variable* may go to this host, by https or on this machine."""
        try:
            return self._trusts(variable, address_of(endpoint))
        except ValueError:
            return False

    def _trusts(self, variable: str, address: Address) -> bool:
        trusted = self._trust.get(variable, set())
        plain = f"[{address.host}]" if ":" in address.host else address.host
        named = not trusted.isdisjoint((address.authority, plain, f"{plain}:{address.port}"))
        return named and (address.scheme == "https" or is_loopback(address.authority))

    def belongs_here(self, variable: str) -> bool:
        """Whether servers on this machine may get the key in *variable*: it is theirs, or the program's own."""
        return variable not in self._patterns or _LOOPBACK in self._patterns[variable]

    def own_address(self, variable: str, address_variable: str) -> bool:
        """Whether the user may move the key in *variable* by setting *address_variable*: `OPENAI_BASE_URL` for `OPENAI_API_KEY`."""
        return (variable, address_variable) in self._own

    def headers(self, variable: str | None, endpoint: str, rows: Mapping[str, str]) -> dict[str, str]:
        """Of the header rows (header -> variable), those that the installed package has beside this key, at its own host."""
        if variable is None or not self.allows(variable, endpoint):
            return {}
        return {header: source for header, source in rows.items() if (variable, header, source) in self._headers}

    def hosts(self, variable: str) -> list[str]:
        """The hosts of *variable*, for messages."""
        known = self._patterns.get(variable, ())
        plain = {re.sub(r"\\(.)", r"\1", pattern) for pattern in known if pattern and _NEVER not in pattern}
        return sorted([*plain, *(["this machine"] if _LOOPBACK in known else [])])


_LOOPBACK = r"(?!)loopback"  # for whom any address of this machine will do; as a pattern for a host, it fits none


@lru_cache(maxsize=4)
def _pinned(registry: Registry) -> tuple[dict[str, set[str]], set[tuple[str, str]], set[tuple[str, str, str]]]:
    """A registry's tables: host patterns by variable, (variable, the variable with the user's own address for it), headers."""
    patterns: dict[str, set[str]] = {}
    own: set[tuple[str, str]] = set()
    headers: set[tuple[str, str, str]] = set()
    for provider in registry.providers.values():
        pattern = _host_pattern(provider.endpoint, provider.connection.get("variables") or {})
        for variable in provider.key_variables:
            own.add((variable, provider.connection.get("base_url") or ""))
            headers |= {
                (variable, header, source) for header, source in (provider.connection.get("headers") or {}).items()
            }
            patterns.setdefault(variable, set()).add(_LOOPBACK if provider.local is not None else pattern)
    for row in registry.retired_providers.values():
        for variable in row.get("api_key") or ():
            patterns.setdefault(variable, set()).add(
                _host_pattern(
                    row["endpoint"].replace("$MODEL_NAME", "${MODEL_NAME}"),
                    {"MODEL_NAME": {"pattern": "[a-z0-9-]+"}},
                )
            )
    return patterns, own, headers


def _host_pattern(endpoint: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """A pattern for the host (with port) of *endpoint*; empty without one, and one that fits none when it cannot be pinned."""
    pattern = ""
    for text, variable in re.findall(r"([^$]+)|\$\{(\w+)\}", host_of(endpoint)):
        pattern += re.escape(text) if text else f"(?:{variables.get(variable.upper(), {}).get('pattern', _NEVER)})"
    return pattern


_NEVER = r"(?!)"


def near_misses(known: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Set variables whose names are almost a known key variable: `{"OPENAI_KEY": "OPENAI_API_KEY"}`.

    Names only: no value is looked at, and a near miss is never used as a key.
    """
    from difflib import get_close_matches

    names = sorted(set(known))
    candidates = [name for name in environ if name not in names and re.search(r"(?i)key|token|secret|_pat$", name)]
    found: dict[str, str] = {}
    for name in sorted(candidates):
        plain = re.sub(r"-", "_", name.upper())
        full = re.sub(r"_?(API)?_?(KEY|TOKEN|SECRET)$", "", plain) + "_API_KEY"
        match = [full] if full in names else get_close_matches(plain, names, n=1, cutoff=0.88)
        if match and match[0] not in environ:
            found[name] = match[0]
    return found
