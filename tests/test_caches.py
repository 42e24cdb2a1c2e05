"""Caches that were made, changed or damaged by hand: used where they are sound, else left, with a word at most."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers import RegistryError, UnknownModelError
from inference_providers.credentials.hosts import host_of
from inference_providers.credentials.pins import Pins
from inference_providers.offers.access import Accesses
from inference_providers.offers.resolver import Resolver
from inference_providers.registry.registry import bundled
from inference_providers.upkeep.updater import Updater
from tests.test_update import NEWER, publishing, updater

__all__ = ["updater"]  # a fixture: what downloads from a server here

SMALL = {
    **{key: value for key, value in bundled().data.items() if key not in ("providers", "models", "names")},
    "version": bundled().version + 1,
    "providers": {
        pid: {
            key: dict(list(value.items())[:2]) if key in ("model_names", "more_names", "facts") else value
            for key, value in bundled().data["providers"][pid].items()
        }
        for pid in ("openai", "groq", "ollama", "llama.cpp", "azure")
    },
    "models": dict(list(bundled().data["models"].items())[:2]),
    "names": dict(list(bundled().data["names"].items())[:2]),
}
JUNK = (
    None, True, False, 0, -1, 10**400, 1e308, float("inf"), float("nan"), "", "x", "\ud800", "\0", "https://[", "http://x:y:z/v1",
    "https://api.openai.com:99999999/v1", [], [None], [[]], [["x"]], {}, {"": None}, {"x": {"y": []}}, "${X}", "(" * 9,
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a registry at which something may stand."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def altered(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with something else at one place."""
    if not path:
        return value
    made = copy.copy(data)
    made[path[0]] = altered(data[path[0]], path[1:], value)
    return made


def by_hand(folder: Path, registry: Any, **state: Any) -> None:
    """A cache whose state fits: the sum is right."""
    folder.mkdir(mode=0o700, exist_ok=True)
    text = registry if isinstance(registry, bytes) else json.dumps(registry).encode()
    (folder / "registry.json").write_bytes(text)
    said = {"url": GONE, "checked": time.time(), "sha256": hashlib.sha256(text).hexdigest(), **state}
    (folder / "registry-state.json").write_text(json.dumps(said))


GONE = "http://127.0.0.1:9/none.json"


def used(folder: Path) -> tuple[int, list[str]]:
    """Use the cache as a program does; the version of the registry in force, and the warnings."""
    warnings: list[str] = []
    environ = {
        "INFERENCE_PROVIDERS_CACHE_DIR": str(folder),
        "INFERENCE_PROVIDERS_URL": GONE,
        "OPENAI_API_KEY": "k",
        "GROQ_API_KEY": "g",
    }
    registry = Updater(environ, warn=warnings.append).current()
    pins = Pins(bundled())
    for access in (Accesses(registry, environ, pins)[pid] for pid in registry.providers):
        if access.credential and access.credential.key in ("k", "g"):
            hosts = pins.hosts(access.credential.variable)
            assert access.endpoint is None or host_of(access.endpoint) in hosts
    resolver = Resolver(Accesses(registry, environ, pins))
    for name in (
        "gpt-4o",
        "openai/gpt-4o",
        "llama-3.1-8b",
        "claude-3-5-sonnet",
        "nonsense",
        "groq/x",
        "gpt-4o:cheapest",
    ):
        try:
            for offer in resolver.resolve(name).offers:
                assert offer.provider in f"{offer!r} {offer.facts} {offer.input_price} {offer.rules} {offer.reason}"
        except UnknownModelError:
            continue
    assert registry.easiest is not None
    assert registry.auto_model_priority is not None
    return registry.version, warnings


def test_a_sound_cache_made_by_hand_is_used(tmp_path: Path) -> None:
    by_hand(tmp_path / "kept", SMALL)
    assert used(tmp_path / "kept") == (SMALL["version"], [])
    state = json.loads((tmp_path / "kept" / "registry-state.json").read_text())
    assert state["accepted"], "it need not be checked at each start"
    by_hand(tmp_path / "kept", {**SMALL, "providers": 3}, accepted=state["accepted"])
    assert used(tmp_path / "kept")[0] == bundled().version


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(place=st.sampled_from(places(SMALL)), junk=st.sampled_from(JUNK))
def test_a_cache_with_anything_anywhere_is_used_or_left(tmp_path: Path, place: tuple[Any, ...], junk: Any) -> None:
    by_hand(tmp_path / "kept", altered(SMALL, place, junk))
    version, warnings = used(tmp_path / "kept")
    assert version >= bundled().version
    assert len(warnings) <= 1


@pytest.mark.parametrize("deep", [100, 900, 5000, 100_000])
@pytest.mark.parametrize(
    "where", ['{"providers": %s}', '{"providers": {"x": %s}}', '{"providers": {}, "sources": {"x": %s}}', "%s"]
)
def test_a_deep_cache_is_left(tmp_path: Path, deep: int, where: str) -> None:
    for opened, closed in (("[", "]"), ('{"a":', "}")):
        by_hand(tmp_path / "kept", (where % (opened * deep + "1" + closed * deep)).encode())
        version, warnings = used(tmp_path / "kept")
        assert version == bundled().version
        assert len(warnings) <= 1


@pytest.mark.parametrize("name", ["url", "checked", "sha256", "etag", "accepted"])
@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:20])
def test_a_state_with_anything_in_it_is_used_or_left(tmp_path: Path, name: str, junk: Any) -> None:
    by_hand(tmp_path / "kept", SMALL, **{name: junk})
    version, warnings = used(tmp_path / "kept")
    assert version in (bundled().version, SMALL["version"])
    assert len(warnings) <= 1


@pytest.mark.parametrize("file", ["registry.json", "registry-state.json"])
@pytest.mark.parametrize("what", ["nothing", "bytes", "a FIFO", "a folder", "a loop", "digits", "a list"])
def test_a_cache_with_something_else_in_a_files_place_is_left(tmp_path: Path, file: str, what: str) -> None:
    by_hand(tmp_path / "kept", SMALL)
    path = tmp_path / "kept" / file
    path.unlink()
    if what == "a FIFO":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    elif what == "a loop":
        path.symlink_to(path)
    else:
        path.write_bytes({"nothing": b"", "bytes": b"\xff\xfe\0", "digits": b"9" * 5000, "a list": b"[]"}[what])
    version, warnings = used(tmp_path / "kept")
    assert version == bundled().version
    assert len(warnings) <= 1


def test_a_damaged_cache_is_fetched_anew_at_once(updater: Any) -> None:
    made = updater(publishing(NEWER, ETag='"v1"'))
    made.current()
    Path(made.path).write_bytes(Path(made.path).read_bytes()[:5000])
    assert made.current().version == NEWER["version"]
    assert len(made.server.requests) == 2
    assert "if-none-match" not in made.server.requests[1].headers
    made.current()
    assert len(made.server.requests) == 2


def test_a_deep_update_is_refused(updater: Any) -> None:
    for deep in (900, 5000):
        made = updater(publishing('{"providers": ' + "[" * deep + "]" * deep + "}"))
        with pytest.raises(RegistryError):
            made.fetch()
