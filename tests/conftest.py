"""Fixtures: loopback servers, registries that point at them, and a machine without keys."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AsyncProviderList, ProviderList
from tests.servers import Behaviour, Server, answer

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no key, no proxy and no cache of the person who runs them."""
    import os

    from inference_providers.registry import bundled

    known = {variable for provider in bundled().providers.values() for variable in provider.key_variables}
    for name in list(os.environ):
        if (
            name in known
            or name.upper().endswith(("_API_KEY", "_PROXY", "_TOKEN"))
            or name.startswith(("INFERENCE_PROVIDERS", "OPENAI_", "OLLAMA_"))
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INFERENCE_PROVIDERS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers; all are closed at the end of the test."""
    servers: list[Server] = []

    def start(behaviour: Behaviour = answer) -> Server:
        servers.append(Server(behaviour))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def registry_of(*endpoints: str, model: str = "m", facts: list[Any] | None = None) -> dict[str, Any]:
    """A registry in which providers p1, p2, ... at *endpoints* serve one model with a key each."""
    providers = {
        f"p{number}": {
            "name": f"Provider {number}",
            "connection": {"protocol": "openai", "endpoint": endpoint, "api_key": f"P{number}_API_KEY"},
            "model_names": {model: f"{model}-internal"},
            **({"facts": {f"{model}-internal": facts[number - 1]}} if facts else {}),
        }
        for number, endpoint in enumerate(endpoints, 1)
    }
    return {"providers": providers, "auto_model_priority": [model]}


def keys(count: int) -> dict[str, str]:
    """A key for each of the providers of `registry_of`."""
    return {f"P{number}_API_KEY": f"canary-{number}-0123456789abcdef" for number in range(1, count + 1)}


def list_of(*endpoints: str, kind: Any = ProviderList, **options: Any) -> Any:
    """A ProviderList over `registry_of` with all keys set, no look at local ports, and no jitter to wait for."""
    registry = registry_of(*endpoints, facts=options.pop("facts", None))
    registry["providers"]["p1"]["model_names"].update(options.pop("more", {}))
    registry["auto_model_priority"] = options.pop("priority", ["m"])
    return kind(
        json_override=registry,
        environ={**keys(len(endpoints)), **options.pop("environ", {})},
        local=False,
        random=Quick(),
        **options,
    )


def async_list_of(*endpoints: str, **options: Any) -> AsyncProviderList:
    made: AsyncProviderList = list_of(*endpoints, kind=AsyncProviderList, **options)
    return made


class Quick(random.Random):
    """Random, but never patient: waits between tries are zero."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0
