"""Servers on this machine: found by address, told apart by what they say, given no cloud key."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers import ProviderList
from inference_providers.local import address, scan
from inference_providers.registry import Registry, bundled
from tests.servers import BlackHole, Connection, Received, Server, answer, refused_port

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
    found = scan(registry_at(serve(behaviour).port), {}, timeout=2)
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
    started = time.monotonic()
    assert scan(registry_at(refused_port()), {}) == []
    assert time.monotonic() - started < 0.25


def test_a_silent_address_costs_a_third_of_a_second() -> None:
    with BlackHole() as hole:
        started = time.monotonic()
        assert scan(registry_at(int(hole.url.split(":")[2].split("/")[0])), {}) == []
        assert time.monotonic() - started < 1.0


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


def test_a_server_that_wants_its_own_key_gets_that_one(serve: Serve) -> None:
    server = serve(pretending("lemonade", pages={"/": "Jan API"}, key="jan-own-key"))
    environ = {"JAN_API_KEY": "jan-own-key", "OPENAI_API_KEY": CANARY}
    found = scan(registry_at(server.port, "jan"), environ, timeout=2)
    assert [(s.provider, list(s.models)) for s in found] == [("jan", ["llama3.1:8b"])]


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
