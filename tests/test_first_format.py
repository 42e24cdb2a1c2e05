"""Files of this package's first implementation load, mean what they meant, and move no key."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList, RegistryError, UnknownModelError
from inference_providers.credentials import Pins, stray_keys
from inference_providers.registry import bundled, is_first_format, modernised
from inference_providers.upkeep.updater import load
from tests.servers import Server, answer

FILES = sorted((Path(__file__).parent / "data" / "first-format").glob("*.json"))
MIDDLE = next(path for path in FILES if path.stem == "middle")
BEGINNING = next(path for path in FILES if path.stem == "beginning")
HOW = ("json_override", "json_merge")
CANARY = "canary-first-0123456789abcdef"
PROXY = "localhost:6006"  # where two of the files have a proxy for Gemini


def parsed(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data


def all_keys(data: dict[str, Any]) -> dict[str, str]:
    """A key in each variable that a file names."""
    variables = [row["connection"].get("api_key") for row in data["providers"].values()]
    return {variable: f"{CANARY}-{variable}" for variable in variables if variable}


def asked_then(data: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Whom the first implementation asked, by canonical name: endpoint, the provider's name of the model, variable."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in data["providers"].values():
        connection = row["connection"]
        if connection["protocol"] != "openai" or "api_key" not in connection:
            continue
        for canonical, name in row["model_names"].items():
            endpoint = connection.get("endpoint") or "https://api.openai.com/v1"
            for placeholder in ("$MODEL_NAME", "{{model_name}}"):
                endpoint = endpoint.replace(placeholder, name)
            found.setdefault(canonical, []).append((endpoint, name, connection["api_key"]))
    return found


def one_row(endpoint: str | None, variable: str, pid: str = "mine", **fields: Any) -> dict[str, Any]:
    """A file with one provider, marked by its comment."""
    connection = {"protocol": "openai", "api_key": variable, **({"endpoint": endpoint} if endpoint else {})}
    row = {"name": pid, "connection": connection, "model_names": {"m": "m-1"}, **fields}
    return {"_": "mine", "providers": {pid: row}, "auto_model_priority": ["m"]}


async def ask(kind: Any, *args: Any, **options: Any) -> str:
    """The answer of a list of either kind."""
    made = kind(local=False, **options)
    reply = made.ask_ai(*args)
    return str(await reply if kind is AsyncProviderList else reply)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_generation_means_what_it_meant(path: Path, how: str) -> None:
    data = parsed(path)
    environ = all_keys(data)
    made = ProviderList(environ=environ, local=False, **{how: path})
    for canonical, then in asked_then(data).items():
        if bundled().retired_models.get(canonical):  # by its maker: a successor answers, with a warning
            assert made.resolve(canonical).offers
            continue
        wanted = [
            (endpoint.replace("together.xyz", "together.xyz/v1"), name, environ[variable])  # the path that it has now
            for endpoint, name, variable in then
            if PROXY not in endpoint and "perplexity" not in endpoint  # which serves no chat completions any more
        ]
        offers = [
            (offer.endpoint, offer.internal_name, str(offer.api_key)) for offer in made.find_model_providers(canonical)
        ]
        assert [offer for offer in offers if offer in wanted] == wanted or how == "json_merge"  # then in today's order
        assert not set(wanted) - set(offers)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_paths_text_and_dicts_are_alike_and_stay_as_they_are(path: Path) -> None:
    data = parsed(path)
    made = [load(source).data for source in (path, str(path), path.read_text("utf-8"), path.read_bytes(), data)]
    assert all(one == made[0] for one in made)
    assert data == parsed(path)


def test_a_protocol_of_its_own_is_asked_at_the_providers_own_address() -> None:
    made = ProviderList(
        json_override=BEGINNING, environ={"MISTRAL_API_KEY": CANARY, "GEMINI_API_KEY": CANARY}, local=False
    )
    assert [tuple(offer) for offer in made.find_model_providers("mixtral-8x7b")] == [
        ("mistral", "https://api.mistral.ai/v1", "mixtral-8x7b", "mistral-small", CANARY)
    ]
    (offer,) = made.find_model_providers("gemini-pro")
    assert (offer.provider, offer.endpoint) == ("gemini", bundled().providers["google"].endpoint)


def test_a_protocol_of_somebody_unknown_is_not_asked_and_nothing_else_is_said_of_it() -> None:
    data = one_row(None, "OWN_KEY")
    data["providers"]["mine"]["connection"]["protocol"] = "grpc"
    made = ProviderList(json_override=data, environ={"OWN_KEY": CANARY}, local=False)
    assert made.find_model_providers("m") == []
    assert "grpc" in str(made.explain("m"))


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_row_without_an_endpoint_is_openais(serve: Callable[..., Server], kind: Any) -> None:
    server = serve(answer)
    environ = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}
    for name in ("chatgpt", "gpt-4"):
        assert asyncio.run(ask(kind, "hi", name, json_override=BEGINNING, environ=environ)) == "hello"
    assert [json.loads(request.body)["model"] for request in server.requests] == ["gpt-4", "gpt-4"]
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {CANARY}"}


@pytest.mark.parametrize("how", HOW)
def test_a_variable_of_ones_own_without_an_endpoint_goes_to_openai(how: str) -> None:
    made = ProviderList(environ={"OWN_KEY": CANARY}, local=False, **{how: one_row(None, "OWN_KEY")})
    assert [tuple(offer) for offer in made.find_model_providers("m")] == [
        ("mine", "https://api.openai.com/v1", "m", "m-1", CANARY)
    ]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_row_that_would_move_a_key_is_disabled_until_it_is_trusted(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture, kind: Any, how: str
) -> None:
    server = serve(answer)
    host = f"127.0.0.1:{server.port}"
    data = json.loads(MIDDLE.read_text("utf-8").replace(PROXY, host))
    options: dict[str, Any] = {how: data, "environ": {"GEMINI_API_KEY": CANARY}}
    with pytest.raises(NoCredentialsError, match="GEMINI_API_KEY"):
        asyncio.run(ask(kind, "hi", "google/gemini-pro", **options))
    assert server.requests == []
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith(f"{how}, ")
    for word in ("google is disabled", "GEMINI_API_KEY", host, "generativelanguage.googleapis.com", "trust={"):
        assert word in warning
    assert CANARY not in caplog.text
    caplog.clear()
    trust = {"GEMINI_API_KEY": [host]}
    assert asyncio.run(ask(kind, "hi", "google/gemini-pro", trust=trust, **options)) == "hello"
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {CANARY}"]
    assert "disabled" not in caplog.text


@pytest.mark.parametrize("how", HOW)
def test_the_other_rows_hold_and_the_disabled_one_says_why(how: str) -> None:
    environ = {"GEMINI_API_KEY": CANARY, "OPENAI_API_KEY": CANARY}
    made = ProviderList(environ=environ, local=False, **{how: MIDDLE})
    assert [offer.provider for offer in made.find_model_providers("gpt-4")] == ["openai"]
    assert made.registry.auto_model_priority[:2] == ["gpt-4", "gemini-pro"]
    said = str(made.explain("gemini-pro"))
    assert f"would send GEMINI_API_KEY to {PROXY}" in said
    assert "trust=" in said
    with pytest.raises(UnknownModelError, match="google is disabled: it would send GEMINI_API_KEY"):
        made.ask_ai("hi", "google/gemini-pro", api_key="k-by-hand-0123456789")


def test_a_pinned_key_without_an_endpoint_does_not_go_to_openai(caplog: pytest.LogCaptureFixture) -> None:
    made = ProviderList(json_override=one_row(None, "GROQ_API_KEY"), environ={"GROQ_API_KEY": CANARY}, local=False)
    assert made.find_model_providers("m") == []
    assert "would send GROQ_API_KEY to api.openai.com" in caplog.text


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("connection", "problem"),
    [
        ({"endpoint": "https://x.example/v1", "api_key": "DATABASE_URL"}, "DATABASE_URL holds the secret"),
        ({"endpoint": "http://127.0.0.1:9/${OPENAI_API_KEY}/v1", "api_key": "OWN_KEY"}, "cannot be part of an address"),
        ({"endpoint": "http://127.0.0.1:9/v1", "api_key": ["OPENAI_API_KEY"], "local": True}, "a cloud key"),
        ({"endpoint": "https://x.example/v1", "api_key": "sk-this is a key"}, "the value is not shown"),
    ],
)
def test_what_is_refused_in_any_file_is_refused_in_these(how: str, connection: dict[str, Any], problem: str) -> None:
    data = {"_": "mine", "providers": {"mine": {"connection": {"protocol": "openai", **connection}}}}
    with pytest.raises(RegistryError, match=problem):
        ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False, **{how: data})


@pytest.mark.parametrize("how", HOW)
def test_files_of_today_are_refused_as_a_whole(how: str) -> None:
    data = one_row("https://proxy.example/v1", "OPENAI_API_KEY")
    del data["_"]
    for mine in (data, {**data, "_": "comment", "version": 2024010100}):
        with pytest.raises(RegistryError, match="OPENAI_API_KEY"):
            ProviderList(environ={}, local=False, **{how: mine})


@pytest.mark.parametrize("how", HOW)
def test_what_was_never_read_is_kept(how: str) -> None:
    data = ProviderList(environ={}, local=False, **{how: MIDDLE}).registry.data
    old = parsed(MIDDLE)
    for key in ("_", "__", "broken", "auto_model_priority"):
        assert data[key] == old[key]
    assert data["providers"]["together"]["not_working"] == old["providers"]["together"]["not_working"]
    assert data["providers"]["localhost"] == old["providers"]["localhost"]
    assert "solar-10b" not in load(MIDDLE).canonical_names


def test_a_merge_keeps_the_other_variables_and_what_is_known_of_a_provider() -> None:
    ours = bundled().providers["together"]
    merged = load(json_merge=MIDDLE).providers["together"]
    assert merged.key_variables[0] == "TOGETHERAI_API_KEY"
    assert set(merged.key_variables) == set(ours.key_variables)
    assert {**merged.connection, "api_key": None} == {**ours.connection, "api_key": None}
    overridden = load(MIDDLE).providers["together"]
    assert overridden.key_variables == ("TOGETHERAI_API_KEY",)
    assert overridden.endpoint == ours.endpoint


def test_a_small_patch_over_the_installed_registry() -> None:
    patch = {"_": "mine", "providers": {"openai": {"model_names": {"gpt-next": "gpt-next-preview"}}, "groq": None}}
    made = ProviderList(json_merge=json.dumps(patch), environ={"OPENAI_API_KEY": CANARY}, local=False)
    assert [offer.internal_name for offer in made.find_model_providers("gpt-next")] == ["gpt-next-preview"]
    assert made.registry.provider_id("groq") is None


def test_an_old_file_under_a_patch_of_today() -> None:
    patch = {"providers": {"google": {"connection": {"endpoint": None}}}}
    made = ProviderList(json_override=MIDDLE, json_merge=patch, environ={"OPENAI_API_KEY": CANARY}, local=False)
    assert [offer.provider for offer in made.find_model_providers("gpt-4")] == ["openai"]
    assert made.registry.providers["google"].disabled


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_model_in_an_address_is_a_server_of_its_own(serve: Callable[..., Server], kind: Any) -> None:
    server = serve(answer)
    data = one_row(
        f"{server.url}/$MODEL_NAME/v1", "OWN_KEY", model_names={"a": "model-a", "b": "model-b", "c": "model-b"}
    )
    options: dict[str, Any] = {"json_override": data, "environ": {"OWN_KEY": CANARY}}
    for name in ("a", "b", "c", "mine.model-b/b"):
        assert asyncio.run(ask(kind, "hi", name, **options)) == "hello"
    sent = [(request.path.removeprefix("/v1"), json.loads(request.body)["model"]) for request in server.requests]
    b = ("/model-b/v1/chat/completions", "model-b")
    assert sent == [("/model-a/v1/chat/completions", "model-a"), b, b, b]


@pytest.mark.parametrize("how", HOW)
def test_who_is_avoided_is_avoided_at_all_of_its_addresses(how: str) -> None:
    environ = {"LEPTON_API_KEY": CANARY, "OCTOAI_TOKEN": CANARY}

    def asked(path: Path, model: str, **options: Any) -> list[str]:
        made = ProviderList(environ=environ, local=False, **options, **{how: path})
        return [offer.provider for offer in made.find_model_providers(model)]

    assert asked(MIDDLE, "llama-2-7b") == ["lepton.llama2-7b"]
    assert asked(MIDDLE, "llama-2-7b", only=["lepton"]) == ["lepton.llama2-7b"]
    assert asked(MIDDLE, "llama-2-70b", only=["lepton.llama2-70b"]) == ["lepton.llama2-70b"]
    for model in ("llama-2-7b", "llama-2-70b"):
        assert asked(MIDDLE, model, avoid=["Lepton"]) == []
    last = MIDDLE.with_name("last.json")
    assert asked(last, "mistral-7b", only=["octo"]) == asked(last, "mistral-7b", only=["octoai"]) == ["octo"]
    assert asked(last, "mistral-7b", avoid=["octoai"]) == []  # whom the installed package knows by another name


def test_a_name_that_is_more_than_a_part_of_a_host_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    names = {"a": "evil.example/", "b": "evil.example#", "c": "x@evil.example", "d": "ok", "e": "${OPENAI_API_KEY}"}
    data = one_row("https://$MODEL_NAME.lepton.run/api/v1", "LEPTON_API_KEY", "lepton", model_names=names)
    made = ProviderList(json_override=data, environ={"LEPTON_API_KEY": CANARY}, local=False)
    assert {pid: row.endpoint for pid, row in made.registry.providers.items()} == {
        "lepton.ok": "https://ok.lepton.run/api/v1"
    }
    for name in ("evil.example/", "evil.example#", "x@evil.example", "${OPENAI_API_KEY}"):
        assert f"lepton is not asked for {name!r}" in caplog.text


def test_no_row_takes_the_place_of_another(caplog: pytest.LogCaptureFixture) -> None:
    data = one_row("https://$MODEL_NAME.x.example/v1", "OWN_KEY", model_names={"a": "a", "b": "b"})
    data["providers"]["mine.a"] = {"connection": {"endpoint": "https://y.example/v1", "api_key": "OWN_KEY"}}
    providers = load(data, warn=logging.getLogger("inference_providers").warning).providers
    assert {pid: row.endpoint for pid, row in providers.items()} == {
        "mine.a": "https://y.example/v1",
        "mine.b": "https://b.x.example/v1",
    }
    assert "mine.a is a provider of its own" in caplog.text


@pytest.mark.parametrize(
    "data",
    [
        {"_": "x", "providers": []},
        {"_": "x", "providers": {"a": 1}},
        {"_": "x", "providers": {"a": {"connection": 1}}},
        {"_": "x", "providers": {"a": {"connection": {"endpoint": 5, "api_key": {"x": 1}, "protocol": []}}}},
        {"_": "x", "providers": {"a": {"connection": {"endpoint": "https://$MODEL_NAME/v1"}, "model_names": {"m": 5}}}},
        {"_": "x", "providers": {"a": {"connection": {"endpoint": "https://$MODEL_NAME/v1"}, "model_names": [1]}}},
    ],
)
def test_what_is_no_registry_is_refused_with_its_path(data: dict[str, Any]) -> None:
    with pytest.raises(RegistryError, match=r"\$\.providers"):
        ProviderList(json_override=data)


_PLACES = [
    "https://api.openai.com/v1", "https://api.openai.com", "https://api.openai.com.evil.example/v1", "http://api.groq.com/v1",
    "https://api.groq.com/openai/v1", "https://x@api.groq.com/openai/v1", "http://localhost:6006/v1", "", None,
    "https://$MODEL_NAME.lepton.run/api/v1", "https://{{model_name}}.lepton.run", "https://{{model_name}}/v1",
    "https://$MODEL_NAME.evil.example/v1", "https://api.together.xyz", "https://api.together.xyz:8443", "http://h:$PORT",
]  # fmt: skip
_VARIABLES = ["OPENAI_API_KEY", "GROQ_API_KEY", "LEPTON_API_KEY", "TOGETHERAI_API_KEY", "GEMINI_API_KEY", "OWN_KEY"]
rows = st.fixed_dictionaries(
    {
        "connection": st.fixed_dictionaries(
            {"protocol": st.sampled_from(["openai", "groq", "gemini"]), "api_key": st.sampled_from(_VARIABLES)},
            optional={"endpoint": st.sampled_from([place for place in _PLACES if place is not None])},
        ),
        "model_names": st.dictionaries(
            st.sampled_from(["m", "n"]), st.sampled_from(["m-1", "api.groq.com", "evil.example/", "a.b"]), max_size=2
        ),
    }
)
files = st.fixed_dictionaries(
    {
        "_": st.just("x"),
        "providers": st.dictionaries(st.sampled_from(["openai", "groq", "lepton", "together", "gemini", "mine"]), rows),
    }
)


@given(files, st.booleans())
def test_no_file_moves_a_key(data: dict[str, Any], merged: bool) -> None:
    pins = Pins(bundled())
    try:
        registry = load(None, data) if merged else load(data)
    except RegistryError:
        return
    assert stray_keys(registry, bundled(), pins) == []
    for pid, row in registry.providers.items():
        if pid in bundled().providers and row.connection is bundled().providers[pid].connection:
            continue
        if row.endpoint == bundled().retired_providers.get(pid, {}).get("endpoint"):
            continue  # as it was in this package; a `$` that is left in a host is no place that a request goes to
        assert all(pins.allows(variable, row.endpoint) for variable in row.key_variables if row.endpoint)


@given(files)
def test_what_is_modern_stays_as_it_is(data: dict[str, Any]) -> None:
    assert is_first_format(data)
    once, _ = modernised(data, bundled())
    twice, told = modernised(once, bundled())
    assert (twice, told) == (once, [])
    assert once["providers"].keys() >= {pid for pid, row in data["providers"].items() if not row["model_names"]}
