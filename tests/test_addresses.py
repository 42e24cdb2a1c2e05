"""Where the user says that a provider is: which variables count, and in which forms people write addresses."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import InferenceProvidersError, MetaInferenceEngine, ProviderList
from inference_providers.cli import doctor_report as doctor
from inference_providers.credentials.hosts import address_of, written_address
from inference_providers.offers.addresses import address, own_address, unheeded
from inference_providers.registry.registry import bundled
from tests.servers import Server

Serve = Callable[..., Server]
CANARY = "canary-addresses-0123456789"
SAYINGS = pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://127.0.0.1:4000/v1", "http://127.0.0.1:4000/v1"),
        (" http://127.0.0.1:4000/v1/ \n", "http://127.0.0.1:4000/v1"),
        ("HTTP://127.0.0.1:4000/v1", "http://127.0.0.1:4000/v1"),
        ("Https://Gateway.example/V1", "https://Gateway.example/V1"),
        ("http://my_proxy:4000/v1", "http://my_proxy:4000/v1"),
        ('"http://litellm:4000/v1"', "http://litellm:4000/v1"),
        ("'http://litellm:4000/v1'", "http://litellm:4000/v1"),
        ("http://[::1]:4000/v1", "http://[::1]:4000/v1"),
        ("https://gateway.example/team-a/openai/v1", "https://gateway.example/team-a/openai/v1"),
        ("https://gateway.example/v1/chat/completions", "https://gateway.example/v1"),
        ("https://gateway.example/v1/chat/completions/", "https://gateway.example/v1"),
    ],
)


@SAYINGS
def test_addresses_are_taken_in_every_form_people_write(text: str, meant: str) -> None:
    assert written_address(text) == (meant, "")
    made = ProviderList(environ={"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": text}, local=False)
    assert made.pipeline.finder.accesses["openai"].endpoint == meant


def test_an_address_by_hand_is_read_in_the_same_way(serve: Serve) -> None:
    server = serve()
    upper = server.url.replace("http", "HTTP")
    for text in (f"'{server.url}'", upper, f"{server.url}/chat/completions/"):
        assert ProviderList(environ={}, local=False).ask_ai("hi", "m", api_base=text) == "hello"
        assert (
            MetaInferenceEngine(remote_params={"api_url": text}).infer(["hi"], "m")[0].messages[-1].content == "hello"
        )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin with http"),
        ("127.0.0.1:4000/v1", "does not begin with http"),
        ("ftp://h/v1", "does not begin with http"),
        ("https:/h/v1", "does not begin with http"),
        ("http://user:secret@h/v1", "a user name or a password"),
        ("http://h/v1?api-version=1", "a query"),
        ("http://h/v1#part", "a fragment"),
        ("http://::1:4000/v1", "brackets"),
        ("http://h:0/v1", "impossible form"),
        ("http://h:99999/v1", "impossible form"),
        ("http://h /v1", "impossible form"),
        ("http:///v1", "impossible form"),
    ],
)
def test_what_is_no_address_says_what_is_wrong_with_it_and_shows_nothing_of_it(text: str, why: str) -> None:
    found, problem = written_address(text)
    assert found == ""
    assert why in problem
    assert "secret" not in problem
    if text:
        made = ProviderList(environ={"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": text}, local=False)
        with pytest.raises(InferenceProvidersError, match="OPENAI_BASE_URL is not a plain") as caught:
            made.connect_to_model("openai/gpt-4o")
        assert why in str(caught.value)


@given(st.text(string.printable, max_size=40) | st.from_regex(r"https?://[ -~]{0,30}", fullmatch=True))
def test_whatever_is_written_is_refused_or_an_address_that_every_reader_reads_alike(text: str) -> None:
    found, problem = written_address(text)
    assert bool(found) != bool(problem)
    if found:
        assert address_of(found).scheme in ("http", "https")
        assert written_address(found) in ((found, ""), (found.removesuffix("/chat/completions"), ""))


@pytest.mark.parametrize(
    "variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL", "GROQ_BASE_URL", "GROQ_API_BASE"]
)
def test_what_other_tools_call_the_address_is_followed(serve: Serve, variable: str) -> None:
    gateway = serve()
    name = variable.partition("_")[0]
    made = ProviderList(environ={f"{name}_API_KEY": CANARY, variable: gateway.url}, local=False)
    model = "gpt-4o" if name == "OPENAI" else "llama-3.3-70b"
    assert made.ask_ai("hi", f"{name.lower()}/{model}") == "hello"
    assert [request.key for request in gateway.asked] == [CANARY]


@pytest.mark.parametrize(
    ("provider", "variable", "given", "endpoint"),
    [
        ("openai", "OPENAI_BASE_URL", "http://h:4000", "http://h:4000"),  # as OpenAI's client takes it
        ("groq", "GROQ_BASE_URL", "http://h:4000", "http://h:4000/openai/v1"),
        ("groq", "GROQ_API_BASE", "http://h:4000/v1", "http://h:4000/v1"),
        ("anthropic", "ANTHROPIC_BASE_URL", "http://h:4000", "http://h:4000/v1"),
        ("anthropic", "ANTHROPIC_API_BASE", "http://h:4000/anthropic/v1", "http://h:4000/anthropic/v1"),
        ("cloudflare-workers-ai", "CLOUDFLARE_BASE_URL", "https://gateway.example", "https://gateway.example"),
        ("ollama", "OLLAMA_API_BASE", "http://h:4000", "http://h:4000/v1"),
        ("ollama", "OLLAMA_BASE_URL", "http://h:4000/v1", "http://h:4000/v1"),
        ("lmstudio", "LM_STUDIO_BASE_URL", "h:4000", "http://h:4000/v1"),
        ("lemonade", "LEMONADE_API_BASE", "h", "http://h:8000/api/v1"),
        ("ollama", "OLLAMA_HOST", "http://h/ollama", "http://h/ollama/v1"),
        ("ollama", "OLLAMA_HOST", "HTTPS://h", "https://h/v1"),
        ("ollama", "OLLAMA_HOST", "'h:4000'", "http://h:4000/v1"),
        ("ollama", "OLLAMA_HOST", "::1", "http://[::1]:11434/v1"),
        ("ollama", "OLLAMA_HOST", "fd00::5", "http://[fd00::5]:11434/v1"),
        ("ollama", "OLLAMA_HOST", "[::]:4000", "http://[::1]:4000/v1"),
        ("ollama", "OLLAMA_HOST", "my_box", "http://my_box:11434/v1"),
        ("vllm", "VLLM_API_BASE", "http://gpu_box:8000/team/v1/", "http://gpu_box:8000/team/v1"),
    ],
)
def test_an_address_without_a_path_has_the_usual_one(provider: str, variable: str, given: str, endpoint: str) -> None:
    assert own_address(bundled().providers[provider], {variable: given}) == (variable, endpoint, "")


def test_a_row_of_the_programs_own_says_where_it_is(serve: Serve) -> None:
    server = serve()
    row = {"connection": {"endpoint": server.url, "api_key": "OFFICE_API_KEY"}, "model_names": {"m": "m"}}
    environ = {"OFFICE_API_KEY": CANARY, "OFFICE_BASE_URL": "http://127.0.0.1:9/some-other-thing"}
    made = ProviderList(json_override={"providers": {"office": row}}, environ=environ, local=False)
    assert made.ask_ai("hi", "office/m") == "hello"


def test_a_key_moves_with_its_own_providers_address_only(serve: Serve) -> None:
    server = serve()
    keys = {f"{name}_API_KEY": f"{CANARY}-{name}" for name in ("OPENAI", "GROQ", "TOGETHER", "MISTRAL")}
    made = ProviderList(environ={**keys, "GROQ_API_BASE": server.url}, local=False)
    hosts = {pid: address_of(made.pipeline.finder.accesses[pid].endpoint).host for pid in ("openai", "groq", "mistral")}
    assert hosts == {"openai": "api.openai.com", "groq": "127.0.0.1", "mistral": "api.mistral.ai"}


def test_where_ollama_runs_is_not_where_the_key_of_its_cloud_goes(serve: Serve) -> None:
    server = serve()
    for variable in ("OLLAMA_HOST", "OLLAMA_BASE_URL", "OLLAMA_API_BASE", "OLLAMA_API_BASE_URL"):
        environ = {"OLLAMA_API_KEY": CANARY, variable: server.url}
        made = ProviderList(environ=environ, local=False)
        assert made.pipeline.finder.accesses["ollama-cloud"].endpoint == "https://ollama.com/v1"
        assert unheeded(bundled().providers["ollama-cloud"], environ) == {}
        assert address(bundled().providers["ollama"], environ) == server.url


@pytest.mark.parametrize(
    ("provider", "own", "shared", "variable"),
    [
        ("minimax-cn", "MINIMAX_CN_API_KEY", "MINIMAX_API_KEY", "MINIMAX_BASE_URL"),
        ("zai", "ZAI_API_KEY", "ZHIPU_API_KEY", "ZHIPU_API_BASE"),
    ],
)
def test_an_address_called_like_a_key_that_several_take_moves_that_key_alone(
    provider: str, own: str, shared: str, variable: str
) -> None:
    row, gateway = bundled().providers[provider], {variable: "https://gateway.example/v1"}
    assert own_address(row, {own: CANARY, **gateway}) == ("", "", "")
    assert own_address(row, {own: CANARY, shared: "your-api-key", **gateway}) == ("", "", "")
    assert unheeded(row, {own: CANARY, **gateway}) == {}
    assert own_address(row, {shared: CANARY, **gateway})[0] == variable
    its_own = {own.removesuffix("_API_KEY") + "_BASE_URL": "https://mine.example/v1"}
    assert own_address(row, {own: CANARY, **gateway, **its_own})[1] == "https://mine.example/v1"


@pytest.mark.parametrize(("model", "server"), [("local/x", "server on this machine"), ("vllm/x", "vLLM server")])
def test_a_server_that_is_away_is_called_by_its_name(model: str, server: str) -> None:
    environ = {"LOCAL_BASE_URL": "http://127.0.0.1:9/v1", "VLLM_API_BASE": "http://127.0.0.1:9/v1"}
    with pytest.raises(InferenceProvidersError, match=f"no {server} runs at http://127"):
        ProviderList(environ=environ).ask_ai("hi", model)


def test_a_server_here_with_an_impossible_address_is_not_looked_for_and_the_error_says_so() -> None:
    environ = {"OLLAMA_HOST": "http://user:secret@h"}
    assert address(bundled().providers["ollama"], environ) == ""
    with pytest.raises(InferenceProvidersError, match="OLLAMA_HOST is not a plain http") as caught:
        ProviderList(environ=environ).ask_ai("hi", "ollama/llama3.1")
    assert "secret" not in str(caught.value)


def test_a_variable_that_is_not_followed_is_warned_of(serve: Serve, caplog: Any) -> None:
    server = serve()
    environ = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url, "OPENAI_API_BASE": "http://elsewhere.lan/v1"}
    assert ProviderList(environ=environ, local=False).ask_ai("hi", "openai/gpt-4o") == "hello"
    assert "OPENAI_API_BASE is not followed" in caplog.text
    openai = bundled().providers["openai"]
    assert unheeded(openai, {"OPENAI_ENDPOINT": "http://gateway.lan"}) == {"OPENAI_ENDPOINT": "set OPENAI_BASE_URL"}
    assert unheeded(openai, {"openai_base_url": "http://gateway.lan"}) == {"openai_base_url": "set OPENAI_BASE_URL"}
    assert unheeded(openai, {"OPENAI_HOST": "nothing of the kind", "OPENAI_BASE_URL": server.url}) == {}
    assert unheeded(openai, {"OPENAI_BASE_URL": server.url, "OPENAI_API_BASE": f"{server.url}/"}) == {}


def test_what_is_a_part_of_the_usual_address_is_followed_and_not_warned_of() -> None:
    environ = {
        "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com",
        "AZURE_API_BASE": "https://mine.openai.azure.com/",
    }
    azure = bundled().providers["azure"]
    assert own_address(azure, environ) == ("", "", "")
    assert unheeded(azure, environ) == {}


def test_doctor_names_an_address_as_followed_or_as_wrong_and_never_as_both(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    for text, followed in (("HTTP://127.0.0.1:9/v1", True), ("127.0.0.1:9", False)):
        monkeypatch.setenv("OPENAI_API_BASE", text)
        shown = doctor.report(doctor.examine(ProviderList(local=False)))
        assert ("openai goes to 127.0.0.1:9" in shown) == followed
        assert ("OPENAI_API_BASE is not a plain http(s) address" in shown) != followed
    monkeypatch.delenv("OPENAI_API_BASE")
    monkeypatch.setenv("OPENAI_ENDPOINT", "http://gateway.lan/v1")
    assert "OPENAI_ENDPOINT is not followed for openai: set OPENAI_BASE_URL" in doctor.report(
        doctor.examine(ProviderList(local=False))
    )


@pytest.mark.parametrize("variable", ["MODEL_BASE_URL", "MODEL_API_BASE", "OR_BASE_URL", "LOCAL_BASE_URL"])
def test_a_variable_that_may_be_anybodys_moves_no_key(variable: str) -> None:
    environ = {variable: "https://proxy.example/v1"}
    for row in bundled().providers.values():
        assert own_address(row, environ) == ("", "", ""), row.id


def test_a_row_of_the_programs_own_says_in_which_variable_its_address_is() -> None:
    """Its own key follows; a key that the package knows stays where it belongs."""
    environ = {"MINE_KEY": CANARY, "OPENAI_API_KEY": CANARY, "MINE_URL": "https://moved.example/v1"}
    for variable, endpoint, wanted in (
        ("MINE_KEY", "https://mine.example/v1", ["https://moved.example/v1"]),
        ("OPENAI_API_KEY", "https://api.openai.com/v1", []),
    ):
        connection = {"protocol": "openai", "endpoint": endpoint, "api_key": variable, "base_url": "MINE_URL"}
        row = {"connection": connection, "model_names": {"mine-1": "mine-1"}}
        mine = ProviderList(json_merge={"providers": {"mine": row}}, environ=environ, local=False)
        assert [offer.endpoint for offer in mine.find_model_providers("mine-1")] == wanted
