"""Servers on this machine: found by address, told apart by what they say, given no cloud key."""

from __future__ import annotations

import asyncio
import json
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import openai
import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    InferenceProvidersError,
    LocalServerError,
    NoCredentialsError,
    ProviderList,
)
from inference_providers.batches import roll_call
from inference_providers.cli import doctor_report as doctor
from inference_providers.offers.addresses import address
from inference_providers.offers.local_server import LocalServer
from inference_providers.registry.registry import Registry, bundled
from inference_providers.servers import discovery
from inference_providers.servers.discovery import scan
from tests.servers import PATIENCE, BlackHole, Connection, Received, Server, answer, refused_port

Serve = Callable[..., Server]
CANARY = "canary-cloud-key-77"


def pretending(
    owned_by: str = "",
    models: tuple[str, ...] = ("llama3.1:8b",),
    pages: dict[str, str] | None = None,
    key: str | None = None,
    **headers: str,
) -> Any:
    def behave(connection: Connection, request: Received) -> None:
        if request.path in (pages or {}):
            connection.reply(200, (pages or {})[request.path], headers)
        elif request.path.endswith("/models"):
            if key and request.key != key:
                connection.reply(401, {"error": "no key"}, headers)
            else:
                connection.reply(200, {"data": [{"id": name, "owned_by": owned_by} for name in models]}, headers)
        elif request.path == "/":
            connection.reply(404, "not here", headers)
        else:
            answer(connection, request)

    return behave


def registry_at(port: int, *rows: str) -> Registry:
    """The bundled local rows, all at one port: only fingerprints tell them apart."""
    providers = {}
    for pid, provider in bundled().providers.items():
        if provider.local is not None and (not rows or pid in rows):
            path = provider.endpoint.split("/", 3)[3]
            connection = {**provider.connection, "endpoint": f"http://127.0.0.1:{port}/{path}"}
            providers[pid] = {**provider.data, "connection": connection}
    return Registry({**bundled().data, "providers": providers})


@pytest.mark.parametrize(
    ("behaviour", "provider"),
    [
        (pretending("library", pages={"/": "Ollama is running"}), "ollama"),
        (pretending("llamacpp"), "llama.cpp"),
        (pretending("vllm"), "vllm"),
        (pretending("sglang"), "sglang"),
        (pretending("organization_owner"), "lmstudio"),
        (pretending("koboldcpp"), "koboldcpp"),
        (pretending("docker"), "docker"),
        (pretending("x", pages={"/openapi.json": '{"paths": {"/load_model": {}}}'}), "transformers"),
        (pretending("x", pages={"/": "<title>LocalAI API</title>"}), "localai"),
        (pretending("x", pages={"/": "<title>Jan API</title>"}), "jan"),
        (pretending("x", pages={"/v1/internal/model/info": '{"model_name": "m"}'}), "text-generation-webui"),
        (pretending("somebody"), "local"),
    ],
)
def test_servers_are_told_apart_by_fingerprint_and_not_by_port(serve: Serve, behaviour: Any, provider: str) -> None:
    found = scan(registry_at(serve(behaviour).port), {}, timeout=PATIENCE)
    assert [server.provider for server in found] == [provider]
    assert found[0].models == {"llama3.1:8b": "llama-3.1-8b"}


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda c, r: c.reply(404, "x"),
        lambda c, r: c.reply(200, "<html>router</html>"),
        lambda c, r: c.close(),
        lambda c, r: c.reply(200, {"data": "x"}),
    ],
)
def test_what_speaks_another_protocol_is_no_model_server(serve: Serve, behaviour: Any) -> None:
    assert scan(registry_at(serve(behaviour).port), {}, timeout=1) == []


def test_nothing_there_costs_nothing() -> None:
    hour = 3600.0  # more than a test may take
    assert scan(registry_at(refused_port()), {}, timeout=hour) == []


def test_a_silent_address_costs_a_third_of_a_second_for_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Noting:
        def __init__(self) -> None:
            self._poll = poll()

        def register(self, file: int, events: int) -> None:
            self._poll.register(file, events)

        def poll(self, milliseconds: float) -> Any:
            waits.append(milliseconds / 1000)
            return self._poll.poll(milliseconds)

    poll = select.poll
    monkeypatch.setattr(select, "poll", Noting)
    with BlackHole() as hole:
        assert scan(registry_at(int(hole.url.split(":")[2].split("/")[0])), {}) == []
    assert waits
    assert max(waits) <= 0.3
    assert waits == sorted(waits, reverse=True)  # what is left of one deadline


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1:9999", "http://127.0.0.1:9999/v1"),
        (":9999", "http://127.0.0.1:9999/v1"),
        ("http://gpu-box:11434", "http://gpu-box:11434/v1"),
        ("http://gpu-box:11434/", "http://gpu-box:11434/v1"),
        ("https://ollama.example/api/v1", "https://ollama.example/api/v1"),
        ("gpu-box", "http://gpu-box:11434/v1"),
        ("[::1]:9999", "http://[::1]:9999/v1"),
    ],
)
def test_addresses_are_taken_in_every_form_people_write(given: str, endpoint: str) -> None:
    assert address(bundled().providers["ollama"], {"OLLAMA_HOST": given}) == endpoint


def test_a_server_elsewhere_is_found_by_its_variable(serve: Serve) -> None:
    server = serve(pretending("library", pages={"/": "Ollama is running"}))
    environ = {"OLLAMA_HOST": f"127.0.0.1:{server.port}", "OPENAI_API_KEY": CANARY}
    made = ProviderList(environ=environ, json_override=registry_at(refused_port()).data)
    assert [(o.provider, o.internal_name, o.local) for o in made.find_model_providers("llama-3.1-8b")] == [
        ("ollama", "llama3.1:8b", True)
    ]


def test_no_cloud_key_reaches_a_local_server(serve: Serve) -> None:
    server = serve(pretending("vllm"))
    data = {
        **bundled().data,
        "providers": {
            "openai": bundled().data["providers"]["openai"],
            **registry_at(server.port, "vllm").data["providers"],
        },
    }
    made = ProviderList(json_override=data, environ={"OPENAI_API_KEY": CANARY})
    connection = made.connect_to_model("llama3.1:8b:local", test=True)
    assert connection.provider == "vllm"
    assert made.ask_ai("hi", model="vllm/llama3.1:8b") == "hello"
    assert CANARY.encode() not in b"".join(request.raw for request in server.requests)
    assert {request.key for request in server.asked if request.path.endswith("completions")} == {"not-needed"}


def locked(connection: Connection, request: Received) -> None:
    """Behave: a stranger that says it is Jan, and wants a key for everything else."""
    if request.path == "/":
        connection.reply(200, "Jan API")
    elif request.key == OWN:
        answer(connection, request)
    else:
        connection.reply(401, {"error": {"message": "no key"}})


OWN = "jan-own-key-0123"
WITH_KEY = {"JAN_API_KEY": OWN, "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": f"http://127.0.0.1:{refused_port()}/v1"}


def jan_list(port: int, environ: dict[str, str], kind: Any = ProviderList, **options: Any) -> Any:
    """A list that knows Jan at this port, and OpenAI."""
    rows = {"openai": bundled().data["providers"]["openai"], **registry_at(port, "jan").data["providers"]}
    return kind(json_override={**bundled().data, "providers": rows}, environ=environ, **options)


def test_a_server_that_wants_its_key_is_there_with_its_models_unknown(serve: Serve) -> None:
    server = serve(locked)
    (found,) = jan_list(server.port, WITH_KEY).local_servers()
    assert (found.provider, found.models, found.locked) == ("jan", {}, True)
    assert "wants a key" in repr(found)


LOOKS: dict[str, Any] = {
    "servers": lambda made: made.local_servers(),
    "explain": lambda made: made.explain(),
    "explain a name": lambda made: made.explain("llama-3.1-8b"),
    "offers": lambda made: made.find_model_providers("gpt-4o"),
    "resolve": lambda made: made.resolve("jan/llama3.1:8b"),
    "candidates": lambda made: made.candidates("jan/llama3.1:8b"),
    "connect": lambda made: made.connect_to_model("jan/llama3.1:8b"),
    "connect to a list": lambda made: made.connect_to_first_available_model(["nonsense", "jan/llama3.1:8b"]),
    "connect to any": lambda made: made.connect_to_ai(test=False),
    "ask any": lambda made: made.ask_ai("secret", timeout=20),
    "ask for a model": lambda made: made.ask_ai("secret", "llama-3.1-8b", timeout=20),
    "ask for a model here": lambda made: made.ask_ai("secret", "llama-3.1-8b:local", timeout=20),
    "client's list": lambda made: made.client("auto").models.list(),
    "batch": lambda made: list(made.batch(["secret"], progress=False, timeout=20)),
    "roll call": lambda made: roll_call.called(made.pipeline),
    "doctor": doctor.examine,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_no_key_goes_out_while_looking_whatever_is_called(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    server = serve(locked)
    for variable, value in WITH_KEY.items():
        monkeypatch.setenv(variable, value)
    with suppress(InferenceProvidersError, openai.OpenAIError):
        look(jan_list(server.port, dict(os.environ)))
    assert [request.path for request in server.requests if "authorization" in request.headers] == []
    assert b"secret" not in b"".join(request.raw for request in server.requests)


def test_no_key_goes_out_while_looking_with_asyncio_either(serve: Serve) -> None:
    server = serve(locked)
    made = jan_list(server.port, WITH_KEY, AsyncProviderList)

    async def look() -> None:
        await made.connect_to_model("jan/llama3.1:8b")
        for call in (made.connect_to_ai(test=False), made.ask_ai("secret", timeout=20)):
            with suppress(InferenceProvidersError):
                await call
        await made.aclose()

    asyncio.run(look())
    assert server.requests
    assert [request.path for request in server.requests if "authorization" in request.headers] == []


def test_a_server_that_is_named_gets_its_own_key_with_the_first_question(serve: Serve) -> None:
    server = serve(locked)
    made = jan_list(server.port, WITH_KEY)
    assert made.ask_ai("hi", "jan/llama3.1:8b") == "hello"
    sent = [(request.path, request.key) for request in server.requests if "authorization" in request.headers]
    assert sent == [("/v1/chat/completions", OWN)]
    assert server.asked[-1].json["model"] == "llama3.1:8b"


def test_a_server_that_is_named_without_its_key_gets_a_dummy_and_says_what_to_set(serve: Serve) -> None:
    server = serve(locked)
    with pytest.raises(InferenceProvidersError, match="HTTP 401"):
        jan_list(server.port, {"OPENAI_API_KEY": CANARY}).ask_ai("hi", "jan/llama3.1:8b")
    assert {request.key for request in server.requests} == {None, "not-needed"}


def test_where_there_is_only_a_server_that_wants_its_key_the_error_says_how_to_ask_it(serve: Serve) -> None:
    server = serve(locked)
    for environ in ({}, {"JAN_API_KEY": OWN}):
        with pytest.raises(NoCredentialsError) as caught:
            jan_list(server.port, environ).ask_ai("secret")
        assert f"Jan runs at {server.url}." in str(caught.value)
        assert "jan/MODEL, with its key in JAN_API_KEY" in str(caught.value)
    assert server.asked == [request for request in server.requests if request.path == "/"]


@pytest.mark.parametrize("code", [401, 403])
def test_a_server_whose_address_the_user_gives_is_known_without_a_fingerprint(serve: Serve, code: int) -> None:
    def behave(connection: Connection, request: Received) -> None:
        answer(connection, request) if request.key == "own-vllm-key" else connection.reply(code, {"error": "no"})

    server = serve(behave)
    environ = {"VLLM_API_BASE": server.url, "VLLM_API_KEY": "own-vllm-key", "GROQ_API_KEY": CANARY}
    made = ProviderList(environ=environ)
    assert [(s.provider, s.locked) for s in made.local_servers() if s.endpoint == server.url] == [("vllm", True)]
    assert made.ask_ai("hi", "vllm/llama-3.1-8b") == "hello"
    assert {request.key for request in server.requests} == {None, "own-vllm-key"}


def test_a_named_server_that_is_away_is_an_error_with_the_address_that_was_looked_at(serve: Serve) -> None:
    cloud, away = serve(), f"http://127.0.0.1:{refused_port()}"
    environ = {"OLLAMA_HOST": away, "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": cloud.url}
    made = ProviderList(environ=environ)
    for name in ("ollama/gpt-4o", "ollama:gpt-4o", "ollama_chat/gpt-4o", "ollama/llama3.1:8b"):
        with pytest.raises(LocalServerError, match=rf"runs at {away}/v1 \(OLLAMA_HOST\)"):
            made.ask_ai("secret", name)
    with pytest.raises(NoCredentialsError):
        made.ask_ai("secret", "gpt-4o:local")
    with pytest.raises(AllProvidersFailedError) as caught:
        ProviderList(environ=environ, local=False).ask_ai("secret", "ollama/gpt-4o", timeout=20)
    assert {attempt.provider for attempt in caught.value.attempts} == {"ollama"}
    assert cloud.requests == []


def test_keyed_providers_come_first_in_automatic_choice(serve: Serve) -> None:
    here, cloud = serve(pretending("vllm")), serve()
    data = {"providers": {"mine": {"connection": {"endpoint": cloud.url, "api_key": "MINE_API_KEY"}, "model_names": {"m": "m-internal"}}, **registry_at(here.port, "vllm").data["providers"]}, "auto_model_priority": ["m"]}  # fmt: skip
    made = ProviderList(json_override=data, environ={"MINE_API_KEY": "k"})
    assert made.connect_to_ai().provider == "mine"
    assert here.asked == []
    assert ProviderList(json_override=data, environ={}).connect_to_ai().provider == "vllm"
    assert ProviderList(json_override=data, environ={}).ask_ai("hi") == "hello"


def test_local_false_looks_nowhere(serve: Serve) -> None:
    server = serve(pretending("vllm"))
    made = ProviderList(json_override=registry_at(server.port, "vllm").data, environ={}, local=False)
    assert made.local_servers() == []
    assert server.connections == 0


def test_when_the_cloud_fails_the_machine_answers_and_both_are_told(serve: Serve) -> None:
    here, cloud = serve(pretending("vllm")), serve(lambda c, r: c.reply(404, "gone"))
    data = {"providers": {"mine": {"connection": {"endpoint": cloud.url, "api_key": "MINE_API_KEY"}, "model_names": {"m": "m-internal"}}, **registry_at(here.port, "vllm").data["providers"]}, "auto_model_priority": ["m"]}  # fmt: skip
    assert ProviderList(json_override=data, environ={"MINE_API_KEY": "k"}).ask_ai("hi") == "hello"


def test_a_running_server_comes_first_for_open_weights_and_last_for_the_rest(serve: Serve) -> None:
    server = serve(pretending("vllm", models=["llama-3.1-8b", "gpt-4o"]))
    made = ProviderList(environ={"OPENAI_API_KEY": "k-1", "GROQ_API_KEY": "k-2", "VLLM_API_BASE": server.url})
    providers = {
        name: [o.provider for o in made.candidates(name)] for name in ("llama-3.1-8b", "gpt-4o", "llama-3.1-8b:fastest")
    }
    assert providers == {
        "llama-3.1-8b": ["vllm", "groq"],
        "gpt-4o": ["openai", "vllm"],
        "llama-3.1-8b:fastest": ["groq", "vllm"],
    }
    assert made.explain("llama-3.1-8b").chosen.provider == "vllm"


def test_what_is_pinned_stays_where_it_is(serve: Serve) -> None:
    server = serve(pretending("vllm", models=["llama-3.1-8b"]))
    made = ProviderList(environ={"GROQ_API_KEY": "k-2", "VLLM_API_BASE": server.url})
    assert {o.provider for o in made.candidates("groq/llama-3.1-8b")} == {"groq"}
    assert {o.provider for o in made.candidates("vllm/llama-3.1-8b")} == {"vllm"}
    assert {o.provider for o in made.candidates("llama-3.1-8b:local")} == {"vllm"}


# Models that are there for something else


OTHERS = (
    "nomic-embed-text:latest", "mxbai-embed-large:latest", "all-minilm:l6-v2", "bge-m3:latest", "snowflake-arctic-embed2",
    "text-embedding-nomic-embed-text-v1.5", "qwen3-embedding:0.6b", "bge-reranker-v2-m3", "whisper-large-v3", "kokoro",
    "sdxl-turbo", "flux.1-dev", "hf.co/CompendiumLabs/bge-base-en-v1.5-gguf:latest",
)  # fmt: skip


def here_only(port: int, kind: Any = ProviderList, **environ: str) -> Any:
    """A list that knows the servers at this port, and no cloud."""
    return kind(json_override=registry_at(port).data, environ=environ)


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_model_that_is_for_something_else_is_not_chosen_to_talk_to(serve: Serve, kind: Any) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if request.path.endswith("completions") and request.json["model"] != "qwen3:4b":
            connection.reply(400, {"error": {"message": f'"{request.json["model"]}" does not support chat'}})
        else:
            pretending("library", (*OTHERS, "qwen3:4b"), {"/": "Ollama is running"})(connection, request)

    server = serve(behave)
    made = here_only(server.port, kind)
    answered = made.ask_ai("hi")
    assert (asyncio.run(answered) if kind is AsyncProviderList else answered) == "hello"
    assert [request.json["model"] for request in server.asked if request.body] == ["qwen3:4b"]
    assert [offer.internal_name for offer in made.explain().candidates] == ["qwen3:4b"]


def the_one(server: Server) -> LocalServer:
    """The server, found: looked for again where a busy machine was too slow for the short look at ports."""
    for _ in range(9):
        if found := here_only(server.port).local_servers():
            break
    (one,) = found
    return one


@pytest.mark.parametrize(
    "row",
    [
        {"type": "embedding"},
        {"type": "embeddings"},
        {"capabilities": ["embedding"]},
        {"labels": ["embeddings"]},
        {"labels": ["reranking"]},
        {"capabilities": {"completion_chat": False}},
        {"architecture": {"output_modalities": ["image"]}},
    ],
    ids=str,
)
def test_what_a_server_says_of_its_models_counts_as_well_as_their_names(serve: Serve, row: dict[str, Any]) -> None:
    rows = [{"id": "house-model-7", **row}, {"id": "house-model-8", "type": "llm", "labels": ["tools", "embeddings"]}]
    server = serve(lambda c, r: c.reply(200, {"data": rows}) if r.path.endswith("/models") else answer(c, r))
    found = the_one(server)
    assert list(filter(found.talks, found.models)) == ["house-model-8"]


def test_a_page_that_tells_kinds_apart_is_believed_where_the_list_says_nothing(serve: Serve) -> None:
    """LM Studio's own list has the kinds, its list for OpenAI's clients has not."""
    own = {
        "data": [{"id": "my-vectors", "type": "embeddings", "quantization": "Q8_0"}, {"id": "my-talk", "type": "llm"}]
    }
    server = serve(pretending("", ("my-vectors", "my-talk"), {"/api/v0/models": json.dumps(own)}))
    found = the_one(server)
    assert (found.provider, list(filter(found.talks, found.models))) == ("lmstudio", ["my-talk"])
    assert here_only(server.port).ask_ai("hi", "lmstudio/my-vectors") == "hello"  # who names it has a reason


# Servers without models


@pytest.mark.parametrize("listed", [{"data": None}, {"data": []}, {"object": "list"}], ids=str)
def test_a_server_without_models_is_told_as_that(serve: Serve, listed: dict[str, Any]) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if request.path == "/":
            connection.reply(200, "Ollama is running")
        else:
            connection.reply(200, listed)

    server = serve(behave)
    with pytest.raises(NoCredentialsError) as caught:
        here_only(server.port).ask_ai("hi")
    assert f"Ollama runs at {server.url}." in str(caught.value)
    assert "It has no models. Get one: `ollama pull llama3.2`" in str(caught.value)


def test_a_server_with_nothing_to_talk_to_is_told_as_that(serve: Serve) -> None:
    server = serve(pretending("library", OTHERS[:2], {"/": "Ollama is running"}))
    with pytest.raises(NoCredentialsError, match="no model to talk to, only nomic-embed-text:latest, mxbai"):
        here_only(server.port).ask_ai("hi")


# Addresses


@pytest.mark.parametrize("variable", ["OLLAMA_HOST", "OLLAMA_API_BASE", "OLLAMA_BASE_URL"])
def test_a_server_behind_a_path_is_found_there(serve: Serve, variable: str) -> None:
    inner = pretending("library", pages={"/team/": "Ollama is running", "/team/v1/nothing": ""})

    def behave(connection: Connection, request: Received) -> None:
        inner(connection, request) if request.path.startswith("/team/") else connection.reply(404, "nothing here")

    root = serve(behave).url.removesuffix("/v1")
    given = f"{root}/team" if variable == "OLLAMA_HOST" else f"{root}/team/v1"
    made = ProviderList(environ={variable: given})
    assert (f"{root}/team/v1", "ollama") in [(found.endpoint, found.provider) for found in made.local_servers()]
    assert made.ask_ai("hi", "ollama/llama3.1:8b") == "hello"


def test_what_runs_where_the_user_says_is_asked_under_that_name_whatever_it_seems_to_be(serve: Serve) -> None:
    for behaviour in (pretending("somebody"), pretending("library", pages={"/": "Ollama is running"})):
        server = serve(behaviour)
        environ = {"VLLM_API_BASE": server.url, "VLLM_API_KEY": OWN, "OPENAI_API_KEY": CANARY}
        assert ProviderList(environ=environ).ask_ai("hi", "vllm/llama3.1:8b") == "hello"
        assert {request.key for request in server.requests} == {None, OWN}


def test_a_name_is_looked_for_at_all_addresses_that_it_has() -> None:
    found = discovery._places("localhost:1234", False)
    assert {place[1] for _, place in found} == {1234}
    assert discovery._places("my-localhost-box.invalid:1", False) == []  # once looked for at 127.0.0.1
    assert discovery._places("[::1]:7", False)[0][1][:2] == ("::1", 7)


# Slow servers


@pytest.mark.parametrize("name", ["ollama/llama3.1:8b", "llama-3.1-8b", "llama3.1:8b:local", None])
@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_slow_server_gets_its_time_where_it_is_named_or_nobody_else_is_left(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: Any, name: str | None
) -> None:
    monkeypatch.setattr(discovery, "PROBE_TIMEOUT", 0.01)
    quick = pretending("library", pages={"/": "Ollama is running"})
    release = threading.Event()

    def behave(connection: Connection, request: Received) -> None:
        if not request.path.endswith("completions"):
            release.wait(0.2)  # twenty times what a look lasts
        quick(connection, request)

    server = serve(behave)
    made = here_only(server.port, kind)
    answered = made.ask_ai("hi", name)
    assert (asyncio.run(answered) if kind is AsyncProviderList else answered) == "hello"


def test_a_slow_server_is_not_waited_for_where_somebody_else_can_answer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "PATIENCE", 3600.0)  # more than a test may take
    cloud = serve()
    with BlackHole() as hole:
        environ = {"OLLAMA_HOST": hole.url, "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": cloud.url}
        made = ProviderList(environ=environ)
        assert made.ask_ai("hi", "gpt-4o") == "hello"
        assert made.ask_ai("hi", "openai/gpt-4o") == "hello"
        assert made.ask_ai("hi") == "hello"


def test_a_server_that_stays_silent_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "PATIENCE", 0.1)
    with BlackHole() as hole:
        made = ProviderList(environ={"OLLAMA_HOST": hole.url})
        with pytest.raises(LocalServerError, match=r"\(OLLAMA_HOST\); what is there has said nothing for"):
            made.ask_ai("hi", "ollama/llama3.1:8b")
