"""Pins: which hosts the key in each variable may go to, by the registry of the installed package. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from inference_providers.credentials.hosts import NO_HOST, address_of, host_of, host_pattern, is_loopback

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
        self._patterns, self._headers = _tables(registry)
        self._registry = registry
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
        return variable not in self._patterns or _LOOPBACK in self._patterns[variable]

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
        patterns = self._patterns.get(variable, ())
        plain = {re.sub(r"\\(.)", r"\1", pattern) for pattern in patterns if pattern and NO_HOST not in pattern}
        return sorted([*plain, *(["this machine"] if _LOOPBACK in patterns else [])])


@lru_cache(maxsize=4)
def _tables(registry: Registry) -> tuple[dict[str, set[str]], set[tuple[str, str, str]]]:
    """What a registry says of keys: host patterns by variable, and (variable, header, the header's variable)."""
    patterns: dict[str, set[str]] = {}
    headers: set[tuple[str, str, str]] = set()
    for provider in registry.providers.values():
        settings = provider.connection.get("variables") or {}
        pattern = host_pattern(provider.endpoint, settings)
        ways = [way["endpoint"] for way in (provider.connection.get("routes") or {}).values() if "endpoint" in way]
        for variable in provider.key_variables:
            headers |= {
                (variable, header, source) for header, source in (provider.connection.get("headers") or {}).items()
            }
            patterns.setdefault(variable, set()).add(_LOOPBACK if provider.local is not None else pattern)
            patterns[variable].update(host_pattern(way, settings) for way in ways)
    for row in registry.retired_providers.values():
        for variable in row.get("api_key") or ():
            patterns.setdefault(variable, set()).add(
                host_pattern(
                    row["endpoint"].replace("$MODEL_NAME", "${MODEL_NAME}"),
                    {"MODEL_NAME": {"pattern": "[a-z0-9-]+"}},
                )
            )
    return patterns, headers
