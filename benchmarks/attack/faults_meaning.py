"""Faults of who is meant, each as it once was."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from benchmarks.attack.put_back import Fault, everywhere, having, together

Back = AbstractContextManager[Any]


def calls_settings_alone() -> Back:
    """What a call gave for the way to a server took the place of all that its engine had."""
    from inference_providers.compat import engine_settings

    def effective(*layers: Any) -> Any:
        given = [layer for layer in layers if layer is not None]
        return given[-1] if given else engine_settings.RemoteParams()

    return everywhere(engine_settings, "effective", effective)


def unknown_heads_passed_over() -> Back:
    """What stood before a model's name was left out where nobody was called so."""
    from inference_providers.offers import resolver, rules

    return having(resolver, RULES=tuple(rule for rule in rules.RULES if rule is not rules.unknown_head))


def probes_with_keys() -> Back:
    """A server that wanted a key to list its models got the one of whom it looked like."""
    from inference_providers.credentials.hosts import address_of
    from inference_providers.servers.discovery import ServerProbe
    from inference_providers.transport import http as messages

    right = ServerProbe._fetch

    def fetch(self: Any, url: str) -> tuple[int, Mapping[str, str], bytes]:
        found = right(self, url)
        keys = [
            self._environ[name]
            for row in self._registry.providers.values()
            for name in row.key_variables
            if name in self._environ
        ]
        if found[0] != 401 or not keys:
            return found
        response = self._sender.send(messages.Request("GET", url, {"Authorization": f"Bearer {keys[0]}"}))
        return response.status, response.headers, response.read()

    permitted = everywhere(messages, "permitted", lambda request: address_of(request.url))
    return together(permitted, having(ServerProbe, _fetch=fetch))


FAULTS = [
    Fault("an engine's address dropped by a call's settings", "private servers", 60, calls_settings_alone),
    Fault("an unknown provider's name passed over", "names with a slip", 40, unknown_heads_passed_over),
    Fault("probes with a key", "probes", 20, probes_with_keys),
]
