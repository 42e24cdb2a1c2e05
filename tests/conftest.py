"""Fixtures: loopback servers, registries that point at them, and a machine without keys."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import pwd
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, settings

from inference_providers import AsyncProviderList, InferenceProvidersError, ProviderList
from tests.servers import Behaviour, Server, answer

ROOT = Path(__file__).parent.parent

# A busy machine is no failure, and a change is judged by the same examples in every run; `--hypothesis-profile explore`
# looks for others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
settings.register_profile("any machine", settings.get_profile("explore"), derandomize=True)
settings.load_profile("any machine")

# A shell's job in the background ignores Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Thousands of tests and their modules stay to the end: who collects garbage need not look at them each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no key, no proxy and no cache of the person who runs them."""
    from inference_providers.registry.registry import bundled

    known = {variable for provider in bundled().providers.values() for variable in provider.key_variables}
    for name in list(os.environ):
        if (
            name in known
            or name.upper().endswith(("_API_KEY", "_PROXY", "_TOKEN"))
            or name.startswith(("INFERENCE_PROVIDERS", "OPENAI_", "OLLAMA_"))
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INFERENCE_PROVIDERS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("INFERENCE_PROVIDERS_LOG", "off")  # which the command line would keep, and say so
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    homed(monkeypatch, tmp_path / "account")


def homed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have the system say that every user's home is there: what a list that is given no HOME goes by."""
    real = pwd.getpwuid

    def found(uid: int) -> pwd.struct_passwd:
        row = real(uid)
        return pwd.struct_passwd((*row[:5], str(home), *row[6:]))

    monkeypatch.setattr(pwd, "getpwuid", found)


def places() -> dict[str, str]:
    """Where a test keeps things, for a list that is given an environment of its own."""
    kept = ("HOME", "PATH", "PYTHONPATH", *(f"XDG_{kind}_HOME" for kind in ("CACHE", "CONFIG", "DATA", "STATE")))
    return {name: os.environ[name] for name in kept if name in os.environ}


class Leaks(logging.Handler):
    """Everything in which a key might show: log lines of all libraries, and every error that was made."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def shown(self) -> Iterator[str]:
        yield from self.lines
        for error in self.errors:
            for one in (error, error.__cause__, error.__context__):
                yield f"{one} {one!r} {getattr(one, '__dict__', '')} {getattr(one, 'body', '')}"
            try:
                yield repr(pickle.dumps(error))
            except (TypeError, AttributeError, pickle.PicklingError):
                continue


@pytest.fixture(autouse=True)
def no_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key shows in any log line or error, and each goes out once, in the header for it. Holds for every test."""
    leaks = Leaks()
    root = logging.getLogger()
    level = root.level
    root.addHandler(leaks)
    root.setLevel(logging.DEBUG)
    for kind in (InferenceProvidersError, openai.OpenAIError):
        made = kind.__init__

        def noted(self: Any, *args: Any, made: Any = made, **kwargs: Any) -> None:
            leaks.errors.append(self)
            made(self, *args, **kwargs)

        monkeypatch.setattr(kind, "__init__", noted)
    Server.everything.clear()
    yield
    root.removeHandler(leaks)
    root.setLevel(level)
    secrets = set(keys(9).values())
    for text in leaks.shown():
        assert not [secret for secret in secrets if secret in text or secret[:12] in text], text[:500]
    for request in Server.everything:
        sent = [secret for secret in secrets if secret.encode() in request.raw]
        assert sent in ([], [request.key]), request.path
        assert request.raw.count(b"canary-") <= 1 or request.key is None or "canary" not in str(request.key), (
            request.path
        )


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


def registry_of(
    *endpoints: str, model: str = "m", facts: list[Any] | None = None, speaks: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A registry in which providers p1, p2, ... at *endpoints* serve one model with a key each.

    *speaks*: the APIs by which they are asked besides chat completions.
    """
    spoken = {"speaks": {api: {} for api in speaks}} if speaks else {}
    providers = {
        f"p{number}": {
            "name": f"Provider {number}",
            "connection": {"protocol": "openai", "endpoint": endpoint, "api_key": f"P{number}_API_KEY", **spoken},
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
