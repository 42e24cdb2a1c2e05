"""Updates: fetched when asked for, checked, kept; and a hostile one moves no key and no prompt."""

from __future__ import annotations

import copy
import gzip
import json
import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import ProviderList, RegistryError, UnknownModelError
from inference_providers.credentials.hosts import host_of, is_loopback
from inference_providers.credentials.pins import Pins
from inference_providers.credentials.trust import restrained
from inference_providers.offers.access import Accesses
from inference_providers.offers.new_providers import newcomers
from inference_providers.offers.resolver import Resolver
from inference_providers.registry.registry import Registry, bundled
from inference_providers.registry.schema import problems
from inference_providers.upkeep.laid_over import completed
from inference_providers.upkeep.updater import BUILT_URL, REGISTRY_CAP, UPDATE_URL, Updater
from tests.conftest import ROOT
from tests.servers import Connection, Received, Server

Serve = Callable[..., Server]
NEWER = {**bundled().data, "version": bundled().version + 1}


def publishing(body: Any, status: int = 200, **headers: str) -> Any:
    def behave(connection: Connection, request: Received) -> None:
        if headers.get("ETag") and request.headers.get("if-none-match") == headers["ETag"]:
            connection.reply(304, None, headers)
        else:
            connection.reply(status, json.dumps(body) if isinstance(body, dict) else body, headers)

    return behave


@pytest.fixture
def updater(serve: Serve, tmp_path: Path) -> Callable[..., Updater]:
    def make(behaviour: Any, path: str = "/registry.json", **options: Any) -> Updater:
        server = serve(behaviour)
        options.setdefault("folder", str(tmp_path / "kept"))
        made = Updater({}, url=f"http://127.0.0.1:{server.port}{path}", **options)
        made.server = server  # type: ignore[attr-defined]
        return made

    return make


def test_a_newer_registry_is_kept_and_used(updater: Any) -> None:
    made = updater(publishing(NEWER))
    assert made.current().version == NEWER["version"]
    assert Updater({}, url=made.url, folder=os.path.dirname(made.path)).cached().version == NEWER["version"]  # type: ignore[union-attr]


def test_it_is_asked_for_at_most_once_a_day(updater: Any) -> None:
    now = [1_800_000_000.0]
    made = updater(publishing(NEWER), clock=lambda: now[0])
    for _ in range(3):
        made.current()
    assert len(made.server.requests) == 1
    now[0] += 24 * 3600 + 1
    made.current()
    assert len(made.server.requests) == 2


def test_a_date_in_the_future_counts_as_stale(updater: Any) -> None:
    now = [1_800_000_000.0]
    made = updater(publishing(NEWER), clock=lambda: now[0])
    made.current()
    now[0] -= 10 * 24 * 3600
    made.current()
    assert len(made.server.requests) == 2


def test_an_unchanged_registry_is_not_sent_again(updater: Any) -> None:
    made = updater(publishing(NEWER, ETag='"v1"'))
    assert made.fetch()["version"] == NEWER["version"]
    assert made.fetch() is None
    assert made.server.requests[1].headers["if-none-match"] == '"v1"'
    assert made.cached().version == NEWER["version"]


BAD = {
    "not found": publishing("nope", 404),
    "a web page": publishing("<html>Please log in</html>"),
    "empty": publishing(""),
    "cut": publishing(json.dumps(NEWER)[:5000]),
    "too large": publishing(json.dumps({**NEWER, "padding": "x" * REGISTRY_CAP})),
    "older": publishing({**bundled().data, "version": bundled().version - 1}),
    "without a version": publishing({k: v for k, v in bundled().data.items() if k != "version"}),
    "nearly empty": publishing({"version": 2**40, "providers": {"openai": bundled().data["providers"]["openai"]}}),
    "invalid": publishing({**NEWER, "providers": {**NEWER["providers"], "x": {"connection": 5}}}),
    "a redirect": publishing("moved", 302, Location="http://127.0.0.1:9/elsewhere"),
    "a bomb": publishing(gzip.compress(b" " * (50 * 1024 * 1024)), 200, **{"Content-Encoding": "gzip"}),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_update_is_refused_and_the_last_good_one_stays(
    updater: Any, what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = updater(publishing(NEWER))
    good.fetch()
    warnings: list[str] = []
    good.server.behaviour = BAD[what]
    good._warn = warnings.append
    with pytest.raises(RegistryError):
        good.fetch()
    assert good.cached().version == NEWER["version"]
    assert len(warnings) == 1
    assert good.url in warnings[0]


def test_an_old_cache_gives_way_to_a_newer_package(updater: Any) -> None:
    made = updater(publishing(NEWER))
    made.fetch()
    state = json.loads(Path(made._state_path).read_text())
    older = json.dumps({**bundled().data, "version": bundled().version - 1}).encode()
    Path(made.path).write_bytes(older)
    import hashlib

    Path(made._state_path).write_text(json.dumps({**state, "sha256": hashlib.sha256(older).hexdigest()}))
    assert made.cached() is None


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"providers": 1}'])
def test_a_damaged_cache_is_noticed(updater: Any, damage: bytes) -> None:
    made = updater(publishing(NEWER))
    made.fetch()
    Path(made.path).write_bytes(damage)
    assert made.cached() is None
    assert made.current().version >= bundled().version


def test_a_slow_download_is_given_up(updater: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(connection: Connection, request: Received) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        connection.hold(b" " * 10)

    made = updater(drip)
    monkeypatch.setattr("inference_providers.upkeep.download.DOWNLOAD_TIMEOUT", 0.5)
    with pytest.raises(RegistryError, match="before the deadline"):
        made.fetch()
    assert made.server.left()


def test_plain_http_to_another_host_is_refused() -> None:
    with pytest.raises(RegistryError, match="only https"):
        Updater({}, url="http://registry.example/x.json", folder="/nonexistent").fetch()


def test_an_unwritable_cache_is_one_warning_and_no_more(updater: Any, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    warnings: list[str] = []
    made = updater(publishing(NEWER), folder=str(blocker / "cache"), warn=warnings.append)
    assert made.fetch()["version"] == NEWER["version"]
    made.fetch()
    assert made.current().version == NEWER["version"], "this program has it all the same"
    assert len(warnings) == 1
    assert "cannot be written" in warnings[0]


def test_many_writers_leave_a_whole_file(updater: Any) -> None:
    made = updater(publishing(NEWER))
    wrong: list[Exception] = []

    def work() -> None:
        try:
            Updater({}, url=made.url, folder=os.path.dirname(made.path)).fetch()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test shows it)
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert made.cached().version == NEWER["version"]
    assert [name for name in os.listdir(os.path.dirname(made.path)) if name.startswith(".registry-")] == []


def test_auto_update_uses_the_address_of_the_environment(serve: Serve, tmp_path: Path) -> None:
    server = serve(publishing(NEWER))
    environ = {
        "INFERENCE_PROVIDERS_URL": f"http://127.0.0.1:{server.port}/r.json",
        "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path),
    }
    assert ProviderList(auto_update=True, environ=environ, local=False).registry.version == NEWER["version"]
    assert ProviderList(environ=environ, local=False).registry.version == bundled().version
    assert len(server.requests) == 1


def test_auto_update_without_a_network_uses_what_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environ = {"INFERENCE_PROVIDERS_URL": "http://127.0.0.1:9/r.json", "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path)}
    with caplog.at_level(logging.WARNING):
        assert ProviderList(auto_update=True, environ=environ, local=False).registry.version == bundled().version
    assert "The last good registry is used" in caplog.text


def test_get_updated_provider_list_is_a_dict_whatever_happens(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(publishing(NEWER))
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", f"http://127.0.0.1:{server.port}/r.json")
    assert ProviderList.get_updated_provider_list()["version"] == NEWER["version"]
    server.close()
    assert ProviderList.get_updated_provider_list()["version"] == NEWER["version"]


def test_whoever_changes_the_dict_changes_nothing_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", "http://127.0.0.1:9/r.json")
    monkeypatch.setenv("INFERENCE_PROVIDERS_CACHE_DIR", str(tmp_path / "kept"))
    data = ProviderList.get_updated_provider_list()
    before = copy.deepcopy(data)
    assert data == bundled().data
    data["providers"]["openai"]["connection"]["endpoint"] = "https://evil.example/v1"
    assert bundled().data == before
    with pytest.raises(RegistryError, match="would send OPENAI_API_KEY to evil"):
        ProviderList(json_override=data, environ={})
    data["providers"]["openai"]["connection"]["endpoint"] = 5
    with pytest.raises(RegistryError, match=r"\$\.providers\.openai\.connection\.endpoint"):
        ProviderList(json_override=data, environ={})


def test_models_devs_live_catalogue_is_converted(updater: Any) -> None:
    catalogue = {
        "groq": {"id": "groq", "name": "Groq", "env": ["GROQ_API_KEY"], "npm": "@ai-sdk/groq", "models": {
            "brand/new-model-77b-instruct": {"id": "n", "name": "New", "limit": {"context": 9}, "modalities": {"output": ["text"]}}}},
        "evil": {"id": "evil", "name": "Evil", "env": ["OPENAI_API_KEY"], "api": "https://evil.example/v1", "npm": "@ai-sdk/openai-compatible", "models": {}},
    }  # fmt: skip
    made = updater(publishing(catalogue), path="/api.json")
    found = made.current()
    assert found.providers["groq"].data["model_names"]["new-model-77b"] == "brand/new-model-77b-instruct"
    assert found.providers["groq"].data["model_names"]["llama-3.3-70b"]
    assert "evil" not in found.providers
    assert found.version >= bundled().version


@pytest.mark.parametrize("name", ["openai/gpt-4o", "openai/gpt-99", "openai:gpt-99", "ollama/llama9", "nobody/gpt-99"])
@pytest.mark.parametrize("kind", ["alias", "canonical name", "retired model"])
def test_no_name_that_names_somebody_becomes_a_model_that_others_serve(name: str, kind: str) -> None:
    update: dict[str, Any] = copy.deepcopy({**bundled().data})
    names = update["providers"]["deepseek"]["model_names"]
    if kind == "alias":
        update["aliases"] = {name: "deepseek-chat", "plain": "deepseek-chat"}
    elif kind == "canonical name":
        names |= {name: "deepseek-chat", "plain": "deepseek-chat"}
    else:
        update["retired"]["models"] = {each: {"successor": "deepseek-chat"} for each in (name, "plain")}
    registry = Registry(restrained(update, bundled(), Pins(bundled())))
    resolver = Resolver(Accesses(registry, {"DEEPSEEK_API_KEY": "canary-deepseek"}, Pins(bundled())))
    assert "deepseek" in {offer.provider for offer in resolver.resolve("plain").offers if offer.usable}
    try:
        offers = resolver.resolve(name).offers
    except UnknownModelError:
        offers = []
    assert "deepseek" not in {offer.provider for offer in offers}


# What a built registry brings


def built_update(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy({**NEWER})
    change(data["providers"])
    return data


def test_models_prices_retirements_and_order_come_with_a_built_registry(updater: Any) -> None:
    def change(rows: dict[str, Any]) -> None:
        groq = rows["groq"]
        groq["model_names"]["new-model-77b"] = "brand/new-model-77b"
        groq["facts"]["brand/new-model-77b"] = [9, 9, 1, 2]
        groq["facts"]["llama-3.3-70b-versatile"][2] = 0.6

    update = built_update(change)
    update["auto_model_priority"] = update["auto_model_priority"][::-1]
    update["auto_small_priority"] = update["auto_small_priority"][:2]
    update["retired"]["models"]["gone-model-1"] = {"successor": "gpt-5-mini"}
    warnings: list[str] = []
    found = updater(publishing(update), warn=warnings.append).current()
    groq = found.providers["groq"]
    assert groq.facts("brand/new-model-77b").input_price == 1
    assert groq.facts("llama-3.3-70b-versatile").input_price == 0.6
    assert found.auto_model_priority == bundled().auto_model_priority[::-1]
    assert found.auto_small_priority == bundled().auto_small_priority[:2]
    assert found.retired_models["gone-model-1"]["successor"] == "gpt-5-mini"
    assert warnings == []


def test_a_fact_that_a_built_registry_lacks_is_the_installed_ones(updater: Any) -> None:
    ours = bundled().data["providers"]["groq"]["facts"]["llama-3.3-70b-versatile"]

    def change(rows: dict[str, Any]) -> None:
        rows["groq"]["facts"]["llama-3.3-70b-versatile"] = [ours[0] + 1]
        del rows["openai"]["facts"]["gpt-5-mini"]

    found = updater(publishing(built_update(change))).current()
    assert found.providers["groq"].all_facts["llama-3.3-70b-versatile"] == [ours[0] + 1, *ours[1:]]
    assert found.providers["openai"].all_facts["gpt-5-mini"] == bundled().providers["openai"].all_facts["gpt-5-mini"]


LOSSES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "key variables are missing (GROQ_API_KEY)": lambda rows: rows["groq"]["connection"].update(api_key=["X_KEY"]),
    "it has lost its endpoint": lambda rows: rows["groq"]["connection"].update(endpoint=""),
    "more than a fifth of its offers are missing": lambda rows: rows["groq"].update(model_names={"new-1": "new-1"}),
    "no source has it any more": lambda rows: rows.pop("groq"),
}


@pytest.mark.parametrize("told", LOSSES)
def test_a_row_that_has_lost_too_much_keeps_the_installed_offers_with_one_warning(updater: Any, told: str) -> None:
    warnings: list[str] = []
    made = updater(publishing(built_update(LOSSES[told])), warn=warnings.append)
    for _ in range(3):
        found = made.current()
    ours = bundled().providers["groq"]
    groq = found.providers["groq"]
    assert (groq.model_names, groq.all_facts, groq.connection) == (ours.model_names, ours.all_facts, ours.connection)
    assert len(warnings) == 1 and f"groq: {told}" in warnings[0]
    assert found.version == NEWER["version"], "the rest of it is used"


def test_a_provider_that_has_retired_goes(updater: Any) -> None:
    update = built_update(lambda rows: rows.pop("groq"))
    ended = {"name": "Groq", "ended": "2026-11", "api_key": ["GROQ_API_KEY"], "successor": "cerebras"}
    update["retired"]["providers"]["groq"] = {**ended, "endpoint": "https://api.groq.com/openai/v1"}
    warnings: list[str] = []
    assert "groq" not in updater(publishing(update), warn=warnings.append).current().providers
    assert warnings == []


def test_a_new_provider_is_shown_and_is_nobody(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from inference_providers.cli.main import main

    row = {
        "name": "Brand New",
        "aliases": ["brandnew-ai"],
        "connection": {"protocol": "openai", "endpoint": "https://brand.new.example/v1", "api_key": ["BRAND_NEW_API_KEY"]},
        "model_names": {"llama-3.3-70b": "llama-70b", "only-there-9b": "only-there-9b", "brandnew/gpt-4o": "x"},
    }  # fmt: skip
    server = serve(publishing(built_update(lambda rows: rows.update(brandnew=row))))
    environ = {
        "INFERENCE_PROVIDERS_URL": f"http://127.0.0.1:{server.port}/r.json",
        "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path),
        "BRAND_NEW_API_KEY": "canary-brand-new",
    }
    providers = ProviderList(auto_update=True, environ=environ, local=False)
    shown = [offer for offer in providers.explain("llama-3.3-70b") if offer.provider == "brandnew"]
    assert [(one.internal_name, one.endpoint, one.api_key, one.usable) for one in shown] == [("llama-70b", "", None, False)]  # fmt: skip
    assert "brandnew/llama-70b: new, needs `trust` or a newer package" in str(providers.explain("llama-3.3-70b"))
    for name in ("brandnew/llama-3.3-70b", "brandnew-ai/llama-3.3-70b", "only-there-9b", "brandnew:llama-70b"):
        try:
            offers = providers.resolve(name).offers
        except UnknownModelError:
            continue
        assert "brandnew" not in {offer.provider for offer in offers}
    assert providers.registry.provider_id("brandnew") is providers.registry.provider_id("brandnew-ai") is None
    trusted = ProviderList(
        auto_update=True, environ=environ, local=False, trust={"BRAND_NEW_API_KEY": ["brand.new.example"]}
    )
    assert [offer.provider for offer in trusted.find_model_providers("llama-3.3-70b")] == ["brandnew"]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    listed = json.loads(CliRunner().invoke(main, ["models", "--all", "--json"]).stdout)
    found = {row["model"]: row for row in listed}
    assert "brandnew (new, needs `trust` or a newer package)" in found["llama-3.3-70b"]["providers"]
    assert found["only-there-9b"]["usable"] is False


def test_what_others_write_of_new_providers_is_no_connection() -> None:
    odd: dict[str, Any] = {"a": {"model_names": {"m": "m"}, "connection": {"endpoint": "https://evil.example"}}, "b": 5, "c": {"model_names": 5}}  # fmt: skip
    registry = Registry({**SMALL.data, "new_providers": odd})
    assert [(provider.id, provider.endpoint, provider.key_variables) for provider in newcomers(registry)] == [("a", "", ())]  # fmt: skip
    assert newcomers(Registry({**SMALL.data, "new_providers": 5})) is not None


def test_no_address_of_the_project_is_settled_and_models_devs_is_asked() -> None:
    assert BUILT_URL == "" and UPDATE_URL == "https://models.dev/api.json"
    assert "`BUILT_URL`" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_an_update_does_not_say_who_is_asked_first() -> None:
    update = {**bundled().data, "makers": {"OpenAI": ["groq"]}, "fastest": ["groq"]}
    registry = Registry(restrained(update, bundled(), Pins(bundled())))
    assert registry.data["makers"] == bundled().data["makers"] and registry.fastest == bundled().fastest


EVIL = st.sampled_from(["https://evil.example/v1", "https://api.openai.com.evil.example/v1", "https://api.openai.com@evil.example/v1", "http://api.openai.com/v1", "https://${OPENAI_API_KEY}.evil.example/v1", "https://evil.example/${GROQ_API_KEY}", "http://127.0.0.1:6666/v1", "https://api.openai.com\\@evil.example/v1", "https://[::ffff:6666]/v1"])  # fmt: skip
VARIABLES = st.sampled_from(
    ["OPENAI_API_KEY", "GROQ_API_KEY", "AWS_SECRET_ACCESS_KEY", "NEW_API_KEY", "GITHUB_TOKEN", "PATH"]
)
CONNECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "protocol": st.just("openai"),
        "endpoint": EVIL,
        "api_key": VARIABLES | st.lists(VARIABLES, max_size=3),
        "base_url": VARIABLES,
        "headers": st.dictionaries(
            st.sampled_from(["X-Key", "Authorization", "OpenAI-Organization"]), VARIABLES, max_size=2
        ),
        "variables": st.dictionaries(
            VARIABLES,
            st.fixed_dictionaries({}, optional={"pattern": st.just(".*"), "default": st.just("evil.example")}),
            max_size=2,
        ),
        "local": st.just({"address": ["NEW_API_KEY"], "fingerprint": [{"owned_by": "x"}]}) | st.booleans(),
        "opt_in": st.booleans(),
        "auth": st.just("oauth"),
        "speaks": st.dictionaries(
            st.sampled_from(["messages", "responses"]),
            st.fixed_dictionaries({}, optional={"endpoint": EVIL, "key": st.just("x-api-key")}),
            max_size=2,
        ),
        "routes": st.dictionaries(
            st.sampled_from(["1", "2"]),
            st.fixed_dictionaries({"api": st.sampled_from(["chat", "responses"])}, optional={"endpoint": EVIL}),
            max_size=2,
        ),
    },
)
TARGETS = st.sampled_from(["openai", "groq", "azure", "github-copilot", "ollama", "evil", "databricks", "meta-llama"])
SPELLINGS = st.sampled_from(["openai", "groq", "meta-llama", "gpt-4o", "m", "ollama", "evil"])
MODELS = st.sampled_from(
    ["m", "gpt-4o", "openai/gpt-4o", "evil/m", "groq:m", "llama-3.3-70b", "meta-llama/llama-3.3-70b"]
)
ENVIRON = {
    "OPENAI_API_KEY": "canary-openai", "GROQ_API_KEY": "canary-groq", "AWS_SECRET_ACCESS_KEY": "canary-aws", "NEW_API_KEY": "canary-new",
    "GITHUB_TOKEN": "canary-github", "PATH": "/canary-path", "AZURE_OPENAI_API_KEY": "canary-azure", "AZURE_RESOURCE_NAME": "mine",
    "DATABRICKS_TOKEN": "canary-databricks", "DATABRICKS_HOST": "mine.cloud.databricks.com",
}  # fmt: skip
OWN = {
    "canary-openai": {"api.openai.com"}, "canary-groq": {"api.groq.com"}, "canary-databricks": {"mine.cloud.databricks.com"},
    "canary-azure": {"mine.openai.azure.com", "mine.services.ai.azure.com"},
    "canary-github": {"models.github.ai", "api.githubcopilot.com"},
}  # fmt: skip
FEW = {
    pid: bundled().data["providers"][pid]
    for pid in ("openai", "groq", "azure", "github-copilot", "ollama", "databricks")
}
# Of these providers, and of what they serve: a registry is made for each example.
SMALL = Registry(
    {
        **bundled().data,
        "providers": FEW,
        "models": {
            name: row
            for name, row in bundled().data["models"].items()
            if any(name in provider["model_names"] for provider in FEW.values())
        },
        "kinds": {
            kind: {name: row for name, row in models.items() if not FEW.keys().isdisjoint(row["at"])}
            for kind, models in bundled().data["kinds"].items()
        },
    }
)


@settings(max_examples=2000)
@given(st.lists(st.tuples(TARGETS, CONNECTIONS), min_size=1, max_size=4))
def test_a_hostile_update_sends_no_key_and_no_prompt_to_an_unpinned_host(
    mutations: list[tuple[str, dict[str, Any]]],
) -> None:
    update: dict[str, Any] = {**SMALL.data, "providers": dict(SMALL.data["providers"])}
    for pid, connection in mutations:
        row = copy.copy(update["providers"].get(pid, {"model_names": {"m": "m"}}))
        update["providers"][pid] = {
            **row,
            "connection": {**row.get("connection", {}), **connection},
            "model_names": {"m": "m"},
            "more_names": {"m-1": "m", "m-2": "m"},
            "facts": {"m-1": [None] * 5 + ["1"], "m-2": [None] * 5 + ["2"]},
        }
    registry = Registry(restrained(update, SMALL, Pins(SMALL)))
    accesses = Accesses(registry, ENVIRON, Pins(SMALL), {"github-copilot"})
    resolver = Resolver(accesses)
    for pid in registry.providers:
        for offer in [*resolver.resolve("m", provider=pid).offers, *resolver.offers_of("m")]:
            if not offer.usable:
                continue
            host = host_of(offer.endpoint)
            if offer.local:
                assert is_loopback(host)
                assert offer.api_key == "not-needed"
            else:
                assert offer.endpoint.startswith("https://")
                assert host in OWN[str(offer.api_key)]
            assert not set(offer.headers.values()) & set(ENVIRON.values())
            assert offer.connection.get("speaks") == SMALL.providers[offer.provider].connection.get("speaks")


odd_facts = st.lists(
    st.none() | st.integers(-5, 5) | st.floats() | st.sampled_from(["", "tVd", "x1"]) | st.just({"write": 1}),
    max_size=8,
)
odd_names = st.dictionaries(st.sampled_from(["m", "llama-3.3-70b", ""]), st.sampled_from(["m", "x", ""]), max_size=3)
odd_rows = st.fixed_dictionaries(
    {"connection": CONNECTIONS},
    optional={
        "model_names": odd_names,
        "more_names": odd_names,
        "facts": st.dictionaries(st.sampled_from(["llama-3.3-70b-versatile", "m", "x"]), odd_facts, max_size=3),
        "disabled": st.booleans(),
    },
)


@given(odd_rows, st.booleans())
def test_whatever_fits_the_schema_is_completed_to_what_fits_it(row: dict[str, Any], bare: bool) -> None:
    update = (
        {"version": 1, "providers": {"groq": row, "other": row}} if bare else {**SMALL.data, "providers": {"groq": row}}
    )
    if not problems(update):
        made, tripped = completed(SMALL.data, update)
        assert not problems(made)
        assert {one.provider for one in tripped} >= {"openai", "azure"}, "they are missing"
        assert Registry(restrained(made, SMALL, Pins(SMALL))).providers["groq"].connection == SMALL.providers["groq"].connection  # fmt: skip


PROBES = (
    "gpt-4o", "openai/gpt-4o", "llama-3.3-70b", "meta-llama/llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct",
    "evil/gpt-4o", "evil:m", "m", "evil/m", "groq:m", "openai2/gpt-4o", "gpt-4o/m",
)  # fmt: skip


def resolved(registry: Registry) -> dict[str, Any]:
    """What names mean: by which rule, and whom."""
    resolver = Resolver(Accesses(registry, ENVIRON, Pins(SMALL)))
    found: dict[str, Any] = {}
    for name in PROBES:
        try:
            made = resolver.resolve(name)
        except UnknownModelError as error:
            found[name] = str(error)
        else:
            offers = [(offer.provider, offer.internal_name, offer.endpoint) for offer in made.offers]
            found[name] = (made.rule, made.canonical_name, offers)
    return found


@cache
def meant() -> dict[str, Any]:
    return resolved(Registry(restrained(SMALL.data, SMALL, Pins(SMALL))))


@settings(max_examples=1000)
@given(
    st.dictionaries(
        st.sampled_from(["evil", "meta-llama", "gpt-4o", "openai2"]),
        st.fixed_dictionaries(
            {"connection": CONNECTIONS},
            optional={
                "name": SPELLINGS,
                "aliases": st.lists(SPELLINGS, max_size=3),
                "model_names": st.dictionaries(MODELS, MODELS, max_size=4),
                "more_names": st.dictionaries(MODELS, MODELS, max_size=4),
                "part_of": SPELLINGS,
            },
        ),
        min_size=1,
    ),
    st.dictionaries(MODELS, MODELS, max_size=3),
)
def test_new_providers_of_a_hostile_update_change_what_no_name_means(
    rows: dict[str, dict[str, Any]], aliases: dict[str, str]
) -> None:
    update = {**SMALL.data, "providers": {**SMALL.data["providers"], **rows}}
    registry = Registry(restrained(update, SMALL, Pins(SMALL)))
    assert set(registry.data["new_providers"]) == set(rows)
    assert set(registry.providers) == set(SMALL.providers)
    assert resolved(registry) == meant()
    hidden = {*ENVIRON, "evil.example", "NEW_API_KEY"} - {"PATH"}
    for provider in newcomers(registry):
        assert (provider.endpoint, provider.key_variables, provider.address_variables) == ("", (), ())
    assert not any(word in json.dumps(registry.data["new_providers"]) for word in hidden)
    named = Registry(restrained({**update, "aliases": {**SMALL.data["aliases"], **aliases}}, SMALL, Pins(SMALL)))
    only_theirs = {name for row in rows.values() for name in row.get("model_names") or ()} - SMALL.canonical_names
    assert not only_theirs & {named.aliases[name] for name in named.aliases.keys() - SMALL.aliases.keys()}
