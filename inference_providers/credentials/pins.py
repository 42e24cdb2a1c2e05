"""Pins: which hosts the key in each variable may go to, by the registry of the installed package. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from inference_providers.credentials.hosts import NO_HOST, address_of, host_of, host_patterns, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.credentials.hosts import Address
    from inference_providers.registry import Registry

_LOOPBACK = rf"{NO_HOST}loopback"  # for whom any address of this machine will do; as a pattern for a host, it fits none


class Pins:
    """Which hosts each key variable may go to: the registry of the installed package is the table."""

    def __init__(self, registry: Registry, trust: Mapping[str, Sequence[str]] | None = None) -> None:
        """*trust*: variable -> hosts (`host` or `host:port`) that the program itself names for it."""
        self._owners, self._headers = _tables(registry)
        self._registry = registry
        self._trust = {
            variable: {host_of(host) for host in ([hosts] if isinstance(hosts, str) else hosts)}
            for variable, hosts in (trust or {}).items()
        }

    def pinned(self, variable: str) -> bool:
        """Whether the installed package knows *variable*."""
        return variable in self._owners

    def allows(self, variable: str, endpoint: str) -> bool:
        """Whether the key in *variable* may be sent to *endpoint*. Unknown variables are the caller's own."""
        if variable not in self._owners:
            return True
        try:
            return self.admits(variable, address_of(endpoint))
        except ValueError:
            return False

    def admits(self, variable: str, address: Address) -> bool:
        """`allows`, for a URL that was read."""
        if variable not in self._owners or self._trusts(variable, address):
            return True
        patterns = self._owners[variable].patterns
        if _LOOPBACK in patterns and is_loopback(address.authority):
            return True
        return address.scheme == "https" and any(re.fullmatch(one, address.authority) for one in patterns if one)

    def trusts(self, variable: str, endpoint: str) -> bool:
        """Whether the program itself said that the key in *variable* may go to this host.

        By https, or on this machine: else it may not, whatever was said.
        """
        try:
            return self._trusts(variable, address_of(endpoint))
        except ValueError:
            return False

    def _trusts(self, variable: str, address: Address) -> bool:
        hosts = self._trust.get(variable, set())
        plain = f"[{address.host}]" if ":" in address.host else address.host
        named = not hosts.isdisjoint((address.authority, plain, f"{plain}:{address.port}"))
        return named and (address.scheme == "https" or is_loopback(address.authority))

    def belongs_here(self, variable: str) -> bool:
        """Whether servers on this machine may get the key in *variable*: it is theirs, or the program's own."""
        return variable not in self._owners or _LOOPBACK in self._owners[variable].patterns

    def own_address(self, variable: str, address_variable: str) -> bool:
        """Whether the user may move the key in *variable* by setting *address_variable*.

        `OPENAI_BASE_URL` moves `OPENAI_API_KEY`, and nothing else.
        """
        rows = self._registry.providers.values()
        return any(variable in row.key_variables and address_variable in row.address_variables for row in rows)

    def headers(self, variable: str | None, endpoint: str, rows: Mapping[str, str]) -> dict[str, str]:
        """The header rows (header -> variable) that the installed package has beside this key, at its own host."""
        if variable is None or not self.allows(variable, endpoint):
            return {}
        return {header: source for header, source in rows.items() if (variable, header, source) in self._headers}

    def hosts(self, variable: str) -> list[str]:
        """The hosts of *variable*, sorted, for messages."""
        patterns = self._owners[variable].patterns if variable in self._owners else ()
        known = [one for one in patterns if one and NO_HOST not in one]
        short = (one if re.fullmatch(r"\(\?:.*\)", one) else re.sub(r"\(\?:.*\)", "*", one) for one in known)
        plain = {re.sub(r"\\(.)", r"\1", pattern) for pattern in short}
        return sorted([*plain, *(["this machine"] if _LOOPBACK in patterns else [])])


class _Owners:
    """Where the key in one variable may go: addresses with the rules of their variables; patterns when asked for."""

    __slots__ = ("_places", "_read")

    def __init__(self) -> None:
        self._places: list[tuple[str, Mapping[str, Mapping[str, str]]]] = []
        self._read: frozenset[str] | None = None

    def add(self, endpoint: str, settings: Mapping[str, Mapping[str, str]]) -> None:
        """One more address; `_LOOPBACK` for servers on this machine."""
        self._places.append((endpoint, settings))

    @property
    def patterns(self) -> frozenset[str]:
        """Regular expressions for hosts. Most programs ask for those of a few variables of hundreds."""
        if self._read is None:
            self._read = frozenset(
                pattern
                for place, settings in self._places
                for pattern in ([place] if place == _LOOPBACK else host_patterns(place, settings))
            )
        return self._read


@lru_cache(maxsize=4)
def _tables(registry: Registry) -> tuple[dict[str, _Owners], set[tuple[str, str, str]]]:
    """What a registry says of keys: hosts by variable, and (variable, header, the header's variable)."""
    owners: dict[str, _Owners] = {}
    headers: set[tuple[str, str, str]] = set()
    for provider in registry.providers.values():
        connection = provider.connection
        settings = connection.get("variables") or {}
        for variable in provider.key_variables:
            place = owners.setdefault(variable, _Owners())
            place.add(_LOOPBACK if provider.local is not None else provider.endpoint, settings)
            if "headers" in connection:
                headers |= {(variable, header, source) for header, source in connection["headers"].items()}
            for section in ("routes", "kinds", "speaks"):
                for way in connection[section].values() if section in connection else ():
                    if "endpoint" in way:
                        place.add(way["endpoint"], settings)
            if isinstance(auth := connection.get("auth"), dict):  # where it is exchanged for what is sent
                place.add(auth["token"], settings)
    for row in registry.retired_providers.values():
        for variable in row.get("api_key") or ():
            endpoint = row["endpoint"].replace("$MODEL_NAME", "${MODEL_NAME}")
            owners.setdefault(variable, _Owners()).add(endpoint, {"MODEL_NAME": {"pattern": "[a-z0-9-]+"}})
    return owners, headers
