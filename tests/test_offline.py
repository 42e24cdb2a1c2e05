"""Offline: nobody beyond this machine and private networks is asked, and nothing is downloaded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers import AsyncProviderList, ProviderAvoidedError, ProviderList, RegistryError
from inference_providers.batches import roll_call
from inference_providers.cli.main import main
from inference_providers.credentials import address_of
from inference_providers.offers import is_offline
from inference_providers.transport.origins import proxy_for
from inference_providers.upkeep import Updater
from inference_providers.upkeep.updater import fetch_catalogue
from tests.servers import Server, answer

ROOT = Path(__file__).parent.parent
Serve = Callable[..., Server]
KEY = "canary-offline-0123456789"
OFFLINE = {"INFERENCE_PROVIDERS_OFFLINE": "1"}
CLOUDS = {f"{name}_API_KEY": KEY for name in ("OPENAI", "GROQ", "ANTHROPIC", "OPENROUTER")}
LISTS = pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])


def result(value: Any) -> Any:
    return asyncio.run(value) if asyncio.iscoroutine(value) else value


def ollama(connection: Any, request: Any) -> None:
    """Behave like Ollama with one model here, and one that it has run elsewhere."""
    if request.path.endswith("/models"):
        connection.reply(200, {"data": [{"id": "gpt-oss:120b-cloud"}, {"id": "llama3.1:8b"}]})
    elif request.path == "/":
        connection.reply(200, "Ollama is running")
    else:
        answer(connection, request)


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("YES", True), ("", False), ("0", False), (" off ", False), ("False", False)]
)  # fmt: skip
def test_what_the_variable_says(value: str, offline: bool) -> None:
    assert is_offline({"INFERENCE_PROVIDERS_OFFLINE": value}) == offline
    assert not is_offline({})


@LISTS
@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "llama-3.3-70b", "anthropic/claude-sonnet-4.5"])
def test_no_cloud_is_asked_and_the_error_says_why(kind: Any, name: str) -> None:
    made = kind(environ={**CLOUDS, **OFFLINE}, local=False)
    with pytest.raises(ProviderAvoidedError, match="avoided by INFERENCE_PROVIDERS_OFFLINE"):
        result(made.ask_ai("secret", name))
    assert made.find_model_providers("gpt-4o") == []


@LISTS
def test_servers_here_answer_and_what_they_have_run_elsewhere_is_not_asked(serve: Serve, kind: Any) -> None:
    server = serve(ollama)
    made = kind(environ={**CLOUDS, **OFFLINE, "OLLAMA_HOST": f"127.0.0.1:{server.port}"})
    assert result(made.ask_ai("hi", "ollama/llama3.1:8b")) == "hello"
    assert result(made.ask_ai("hi", "llama-3.1-8b")) == "hello"
    with pytest.raises(ProviderAvoidedError, match="INFERENCE_PROVIDERS_OFFLINE"):
        result(made.ask_ai("secret", "ollama/gpt-oss:120b-cloud"))
    with pytest.raises(ProviderAvoidedError, match="INFERENCE_PROVIDERS_OFFLINE"):
        result(made.ask_ai("secret", "groq/llama-3.1-8b"))
    assert {request.json["model"] for request in server.asked if request.body} == {"llama3.1:8b"}
    assert all(b"secret" not in request.raw for request in server.requests)


def test_where_an_address_is_decides_and_not_whose_it_is(serve: Serve) -> None:
    gateway = serve()
    made = ProviderList(environ={**OFFLINE, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": gateway.url}, local=False)
    assert made.ask_ai("hi", "openai/gpt-4o") == "hello"
    assert made.ask_ai("hi", "m", api_base=gateway.url) == "hello"
    away = {**OFFLINE, "OLLAMA_HOST": "https://ollama.example.com", "OPENAI_API_KEY": KEY}
    made = ProviderList(environ={**away, "OPENAI_BASE_URL": "https://gateway.example.com/v1"})
    for call in (
        {"model": "ollama/llama3.1:8b"},
        {"model": "openai/gpt-4o"},
        {"model": "m", "api_base": "https://h.example.com/v1"},
    ):
        with pytest.raises(ProviderAvoidedError, match="INFERENCE_PROVIDERS_OFFLINE"):
            made.ask_ai("secret", **call)


def test_it_holds_beside_avoid_and_only(serve: Serve) -> None:
    server = serve(ollama)
    environ = {**CLOUDS, **OFFLINE, "OLLAMA_HOST": f"127.0.0.1:{server.port}"}
    with pytest.raises(ProviderAvoidedError, match="INFERENCE_PROVIDERS_OFFLINE"):
        ProviderList(environ=environ, only=["openai"]).ask_ai("secret", "gpt-4o")
    with pytest.raises(ProviderAvoidedError):
        ProviderList(environ=environ, avoid=["local"]).ask_ai("secret", "ollama/llama3.1:8b")
    assert ProviderList(environ=environ, only=["local"]).ask_ai("hi", "llama-3.1-8b") == "hello"


def test_everything_that_asks_is_offline(serve: Serve) -> None:
    environ = {**CLOUDS, **OFFLINE}
    made = ProviderList(environ=environ, local=False)
    for call in (
        lambda: made.connect_to_model("gpt-4o"),
        lambda: made.client("gpt-4o").chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "x"}]
        ),
        lambda: list(made.batch(["secret"], "gpt-4o", progress=False)),
    ):
        with pytest.raises(Exception, match="INFERENCE_PROVIDERS_OFFLINE"):
            call()
    assert roll_call.called(made.pipeline) == []


def test_nothing_is_downloaded_and_the_next_check_is_not_put_off(serve: Serve, tmp_path: Any) -> None:
    environ = {
        **OFFLINE,
        "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path),
        "INFERENCE_PROVIDERS_URL": "https://updates.example.com/r.json",
    }
    warnings: list[str] = []
    made = Updater(environ, warn=warnings.append)
    assert len(made.current().providers) > 100
    assert warnings == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RegistryError, match="INFERENCE_PROVIDERS_OFFLINE is set"):
        fetch_catalogue("https://models.example.com/api.json", OFFLINE)
    with pytest.raises(RegistryError):
        made.fetch()
    assert "INFERENCE_PROVIDERS_OFFLINE is set" in warnings[0]


@pytest.mark.parametrize(("proxy", "used"), [("http://proxy.example:3128", False), ("socks5h://proxy.lan", True)])
def test_what_goes_to_a_private_network_goes_through_nobody_outside(proxy: str, used: bool) -> None:
    there = address_of("http://gpu-box:8000/v1")
    assert proxy_for(there, {"ALL_PROXY": proxy}) is not None
    assert (proxy_for(there, {**OFFLINE, "ALL_PROXY": proxy}) is not None) is used


def test_mock_mode_goes_nowhere_and_so_it_answers() -> None:
    assert ProviderList(environ=OFFLINE, mock={"*": "from the mock"}).ask_ai("hi", "gpt-4o") == "from the mock"


@pytest.mark.parametrize("words", [["resolve", "openai/gpt-4o"], ["doctor"]])
def test_the_option_is_the_variable_for_one_command(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.delenv("INFERENCE_PROVIDERS_OFFLINE", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    done = CliRunner().invoke(main, ["--offline", *words])
    assert "INFERENCE_PROVIDERS_OFFLINE" in done.output
    assert not is_offline(os.environ)


def test_ask_ai_takes_it_as_well(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", "from inference_providers.cli.ask import main; main()", "--offline", "-m", "openai/gpt-4o", "secret"],
        stdin=subprocess.DEVNULL, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "avoided by INFERENCE_PROVIDERS_OFFLINE" in done.stderr
    assert done.returncode != 0
