"""By which other APIs providers serve their models of chat: rows with a page each, and where the key may go for that."""

from __future__ import annotations

import re
from typing import Any

import pytest

from inference_providers import ProviderList, RegistryError
from inference_providers.credentials.hosts import host_of
from inference_providers.credentials.pins import Pins
from inference_providers.protocols.native_form import NativeForm
from inference_providers.registry import schema
from inference_providers.registry.registry import Registry, bundled
from inference_providers.upkeep.changes import differences
from inference_providers.upkeep.importers.guards import places_of
from inference_providers.upkeep.importers.reading import load_overlay

SPEAKS = load_overlay()["speaks"]
ROWS = [pytest.param(api, pid, row, id=f"{api}-{pid}") for api, rows in SPEAKS.items() for pid, row in rows.items()]
ENDPOINT = "https://chat.example/v1"
ELSEWHERE = "https://messages.example/anthropic/v1"


def registry_with(speaks: dict[str, Any]) -> dict[str, Any]:
    connection = {"protocol": "openai", "endpoint": ENDPOINT, "api_key": "MINE_API_KEY", "speaks": speaks}
    return {"providers": {"mine": {"name": "Mine", "connection": connection, "model_names": {"m": "m-1"}}}}


def form(api: str) -> NativeForm:
    return NativeForm(api, f"/{api}", {}, b"{}")


@pytest.mark.parametrize(("api", "pid", "row"), ROWS)
def test_a_row_has_a_page_and_a_day_and_leads_where_its_keys_may_go(api: str, pid: str, row: dict[str, Any]) -> None:
    assert row["page"].startswith("https://")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["day"])
    provider = bundled().providers[pid]
    assert provider.connection["speaks"][api] == {key: row[key] for key in row if key not in ("page", "day")}
    if provider.local is not None:
        assert "endpoint" not in row, "where it runs is the user's word"
        return
    names = [*provider.model_names.values(), *provider.more_names]
    assert any(re.search(row.get("names", ""), name) for name in names)
    if endpoint := row.get("endpoint"):
        assert [name for name in provider.key_variables if not Pins(bundled()).allows(name, endpoint)] == []


def test_nobody_else_has_such_a_row() -> None:
    rows = {(api, pid) for pid, one in bundled().providers.items() for api in one.connection.get("speaks") or ()}
    assert rows == {(api, pid) for api, found in SPEAKS.items() for pid in found}


def test_a_key_may_go_where_its_provider_speaks_another_api_and_nowhere_else() -> None:
    pins = Pins(Registry(registry_with({"messages": {"endpoint": ELSEWHERE}, "responses": {}})))
    assert pins.hosts("MINE_API_KEY") == ["chat.example", "messages.example"]
    assert pins.allows("MINE_API_KEY", ELSEWHERE)
    assert not pins.allows("MINE_API_KEY", ELSEWHERE.replace("https", "http"))
    assert not pins.allows("MINE_API_KEY", "https://messages.example.evil.example/v1")


def test_a_file_of_the_users_has_no_key_of_a_provider_sent_elsewhere_for_an_api() -> None:
    merge = {"providers": {"deepseek": {"connection": {"speaks": {"messages": {"endpoint": ELSEWHERE}}}}}}
    environ = {"DEEPSEEK_API_KEY": "canary-1-0123456789abcdef"}
    with pytest.raises(RegistryError, match=r"would send DEEPSEEK_API_KEY to messages\.example"):
        ProviderList(json_merge=merge, environ=environ, local=False)
    trust = {name: ["messages.example"] for name in ("DEEPSEEK_API_KEY", "LLM_DEEPSEEK_KEY")}
    made = ProviderList(json_merge=merge, environ=environ, local=False, trust=trust)
    (offer,) = made.resolve("deepseek/deepseek-v4-pro").offers
    row = form("messages").row(offer)
    assert row is not None
    assert row["endpoint"] == ELSEWHERE


def test_another_host_for_an_api_is_among_the_changes_of_a_registry() -> None:
    before, after = registry_with({}), registry_with({"messages": {"endpoint": ELSEWHERE}})
    assert places_of(after["providers"]["mine"]) == [ELSEWHERE]
    (change,) = differences(before, after)
    assert (change.kind, change.name, change.new) == ("host", "mine", host_of(ELSEWHERE))


@pytest.mark.parametrize(
    "speaks",
    [
        {"gemini": {}},
        {"messages": {"endpoint": "https://${MINE_HOST}/v1"}},
        {"messages": {"endpoint": "ftp://chat.example"}},
        {"messages": {"key": "x-api-key: a\r\nHost"}},
        {"messages": {"headers": {"anthropic-version": "2023\r\nHost: evil.example"}}},
        {"messages": {"headers": {"a b": "c"}}},
        {"messages": {"names": "("}},
        {"messages": "https://chat.example/v1"},
    ],
)
def test_a_row_of_another_form_is_refused(speaks: dict[str, Any]) -> None:
    assert schema.problems(registry_with({"messages": {}})) == []
    assert any("speaks" in problem for problem in schema.problems(registry_with(speaks)))


@pytest.mark.parametrize(
    ("name", "environ", "api", "asked"),
    [
        ("deepseek/deepseek-v4-pro", {}, "messages", True),
        ("deepseek/deepseek-v4-pro", {}, "responses", False),
        ("deepseek/deepseek-v4-pro", {"DEEPSEEK_BASE_URL": "https://proxy.example/v1"}, "messages", False),
        ("openai/gpt-6.1-sol", {}, "responses", True),
        ("openai/gpt-6.1-sol", {"OPENAI_BASE_URL": "https://proxy.example/v1"}, "responses", False),
        ("openai/gpt-4o-search-preview", {}, "responses", False),
        ("openai/o1-pro", {}, "responses", True),  # by nothing else
        ("sambanova/gpt-oss-120b", {}, "messages", True),
        ("sambanova/MiniMax-M2.7", {}, "messages", False),
        ("azure/gpt-4o", {}, "responses", True),
        ("azure/claude-opus-5-5", {}, "responses", False),
        ("groq/openai/gpt-oss-120b", {}, "responses", True),
        ("mistral/mistral-large-latest", {}, "responses", False),
    ],
)
def test_an_offer_is_asked_as_it_is_by_the_apis_of_its_row(
    name: str, environ: dict[str, str], api: str, asked: bool
) -> None:
    pid = name.partition("/")[0]
    key = {bundled().providers[pid].key_variables[0]: "canary-1-0123456789abcdef", "AZURE_RESOURCE_NAME": "mine"}
    offer = ProviderList(environ={**key, **environ}, local=False).resolve(name).offers[0]
    assert offer.provider == pid
    assert (form(api).row(offer) is not None) == asked
