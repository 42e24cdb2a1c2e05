"""The documents that this package began with: each promise of theirs, and their own lines, run as they were written.

Only the paths of imports are today's, and who answers is a server of the test, or mock mode for several providers.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import inference_providers
from inference_providers import (
    Conversation,
    LocalServerError,
    Message,
    MetaInferenceEngine,
    NoCredentialsError,
    ProviderList,
    Role,
    UnknownModelError,
    ask_ai,
    detect_model_backend,
    generate_response,
    get_available_models,
    initialize_llm_registry,
    list_models,
)
from inference_providers.compat import base_backend
from inference_providers.servers import model_lists
from tests.conftest import keys
from tests.servers import Connection, Received, Server, answer

Serve = Callable[..., Server]
KEY = keys(1)["P1_API_KEY"]
PATHS = ("oumi.inference", "oumi.core.types.conversation", "oumi.core.configs", "src.backends")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine with nothing on it, in a folder of its own."""
    monkeypatch.setattr(model_lists, "_listed", None)
    monkeypatch.setattr(base_backend, "_own", {})
    for variable in ("MAX_TOKENS", "TEMPERATURE", "MODELS_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture
def openai(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A key for OpenAI, which is this server."""
    server = serve()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return server


def ollama(connection: Connection, request: Received) -> None:
    if request.path == "/":
        connection.reply(200, "Ollama is running")
    elif request.path.endswith("/models"):
        connection.reply(
            200, {"data": [{"id": name, "owned_by": "library"} for name in ("mixtral:8x7b", "mistral:7b")]}
        )
    else:
        answer(connection, request)


def vllm(connection: Connection, request: Received) -> None:
    if request.path.endswith("/models"):
        rows = [{"id": name, "owned_by": "vllm"} for name in ("Qwen2-7B-Instruct", "llama3.1-8b")]
        connection.reply(200, {"object": "list", "data": rows})
    elif request.path.endswith("/chat/completions"):
        answer(connection, request)
    else:
        connection.reply(404, None)


@pytest.fixture
def here(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    """An Ollama with two models."""
    server = serve(ollama)
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.port}")
    return server


def run(code: str, **names: Any) -> dict[str, Any]:
    """Run lines of a document, with these names known; what is known afterwards."""
    code = textwrap.dedent(code)
    for path in PATHS:
        code = code.replace(f"from {path} import", "from inference_providers import")
    exec(compile(code, "<document>", "exec"), names)
    return names


def conversation() -> Conversation:
    return Conversation(messages=[Message(role=Role.USER, content="Hi")])


# 000: MetaInferenceEngine

LOOP = """
from oumi.inference import MetaInferenceEngine
from oumi.core.types.conversation import Conversation, Message, Role

# Create a simple conversation
conversation = Conversation(messages=[
    Message(role=Role.USER, content="Explain quantum computing in simple terms.")
])

# Initialize the engine with generation parameters
engine = MetaInferenceEngine(temperature=0.7, max_tokens=1000)

# Run inference with different models
for model_name in ["gpt-4o", "claude-3-sonnet", "gemini-pro"]:
    response = engine.infer([conversation], model_name=model_name)
    print(f"\\n=== {model_name} response ===")
    print(response[0].messages[-1].content)
"""


def test_000_one_engine_asks_three_models(inference_providers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    inference_providers.mock({"gpt-4o": "one", "claude-3-sonnet": "two", "gemini-pro": "three"})
    run(LOOP)
    lines = capsys.readouterr().out.split()
    assert [word for word in lines if word in ("one", "two", "three")] == ["one", "two", "three"]


def test_000_parameters_are_normalised(openai: Server) -> None:
    for word in ("max_tokens", "max_new_tokens"):
        options: dict[str, Any] = {word: 1000}
        MetaInferenceEngine(temperature=0.7, **options).infer([conversation()], model_name="gpt-4o")
    assert [(r.json["temperature"], r.json["max_completion_tokens"]) for r in openai.asked] == [(0.7, 1000)] * 2


@pytest.mark.parametrize(
    ("code", "variable"),
    [
        ('engine.infer(conversations, model_name="together/llama3.1-70b")', "TOGETHER_API_KEY"),
        ('engine.infer(conversations, model_name="llama4-scout-instruct")', "TOGETHER_API_KEY"),
    ],
)
def test_000_a_name_says_which_engine_and_its_key_is_asked_for(code: str, variable: str) -> None:
    with pytest.raises(NoCredentialsError) as caught:
        run(code, engine=MetaInferenceEngine(), conversations=[conversation()])
    assert variable in [*caught.value.variables, *str(caught.value).split()]


def test_000_vllm_is_a_server_here(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(vllm)
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    known = run(
        'response = engine.infer(conversations, model_name="vllm/llama3.1-8b")',
        engine=MetaInferenceEngine(), conversations=[conversation()],
    )  # fmt: skip
    assert known["response"][0].messages[-1].content == "hello"
    assert server.asked[0].json["model"] == "llama3.1-8b"


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("gpt-4", "openai"), ("gpt-99-turbo", "openai"), ("text-davinci-003", "openai"), ("text-new", "openai"),
        ("o1-new", "openai"), ("claude-3-opus", "anthropic"), ("claude-99", "anthropic"), ("claude-3-7-sonnet", "anthropic"), ("gemini-pro", "google"),
        ("gemini-99", "google"),
    ],
)  # fmt: skip
def test_000_a_pattern_leads_to_its_provider(name: str, provider: str) -> None:
    variable = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY"}[provider]
    found = ProviderList(environ={variable: KEY}, local=False).candidates(name)
    assert {offer.provider for offer in found} == {provider}


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("""
        response = engine.infer(
            [conversation],
            model_name="gpt-4",
            remote_params={"api_key": "your-openai-key"}
        )
        """, "your-openai-key"),
    ],
)  # fmt: skip
def test_000_a_key_by_hand_goes_out_and_a_placeholder_does_not(code: str, key: str, openai: Server) -> None:
    with pytest.raises(NoCredentialsError, match="placeholder"):
        run(code, engine=MetaInferenceEngine(), conversation=conversation())
    assert openai.asked == []
    run(code.replace(key, keys(2)["P2_API_KEY"]), engine=MetaInferenceEngine(), conversation=conversation())
    assert [request.key for request in openai.asked] == [keys(2)["P2_API_KEY"]]


CONFIG = """
from oumi.core.configs import InferenceConfig, GenerationParams, ModelParams

# Create a custom inference config
config = InferenceConfig(
    model=ModelParams(model_name="dummy-will-be-replaced"),  # Will be replaced with model_name
    generation=GenerationParams(
        temperature=0.8,
        max_new_tokens=2000,
        top_p=0.95
    )
)

# Use with MetaInferenceEngine
engine = MetaInferenceEngine()
response = engine.infer(
    [conversation],
    model_name="gpt-4o",  # This overrides config.model.model_name
    inference_config=config
)
"""


def test_000_a_configuration_is_overridden_by_the_name(openai: Server) -> None:
    known = run(CONFIG, MetaInferenceEngine=MetaInferenceEngine, conversation=conversation())
    assert known["response"][0].messages[-1].content == "hello"
    sent = openai.asked[0].json
    assert (sent["model"], sent["temperature"], sent["max_completion_tokens"], sent["top_p"]) == (
        "gpt-4o",
        0.8,
        2000,
        0.95,
    )


# 001: inference engines


@pytest.mark.parametrize(
    "name", ["VLLMInferenceEngine", "NativeTextInferenceEngine", "LlamaCppInferenceEngine", "AnthropicInferenceEngine",
             "GoogleVertexInferenceEngine", "RemoteInferenceEngine"],
)  # fmt: skip
def test_001_engines_are_classes_that_take_a_model(name: str) -> None:
    kind = getattr(inference_providers, name, None)
    if kind is None:
        pytest.skip(f"{name} is not there yet")
    assert kind(inference_providers.ModelParams(model_name="m"))


def test_001_any_api_in_openais_format_will_do(serve: Serve) -> None:
    server = serve()
    engine = MetaInferenceEngine(remote_params={"api_url": f"{server.url}/chat/completions", "api_key": KEY})
    assert engine.infer([conversation()], model_name="mine")[0].messages[-1].content == "hello"
    assert [(request.json["model"], request.key) for request in server.asked] == [("mine", KEY)]


# 002: inference providers

NAMES = [
    "gpt-4",
    "llama-2-70b",
    "gemini-pro",
    "falcon-40b",
    "gpt-3.5",
    "llama-2-7b",
    "palm",
    "yi-34b",
    "codellama-70b",
    "codellama-python-70b",
    "mistral-medium",
    "codellama-34b",
    "codellama-python-34b",
    "mistral-small",
    "mixtral-8x7b",
    "phind-34b",
    "wizard-python-34b",
    "mistral-tiny",
    "mistral-7b",
    "gemini-nano",
    # of its last file
    "deepseek-34b",
    "dolphin-8x7b",
    "goliath-120b",
    "openchat-3.5",
    "openchat-7b",
    "qwen-72b",
    # of 004
    "mixtral",
    "microsoft/DialoGPT-large",
    "meta-llama/Llama-2-70b-chat-hf",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
]


def test_002_a_model_by_name(here: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", "http://127.0.0.1:9/none.json")
    known = run("""
        from inference_providers import ProviderList
        providers = ProviderList(auto_update=True)

        client, name = providers.connect_to_model("mixtral-8x7b")
        print(providers.get_response(client, name, "What's your sign?"))
    """)
    assert (known["name"], capsys.readouterr().out) == ("mixtral:8x7b", "hello\n")


def test_002_the_first_of_a_list_that_is_there(here: Server) -> None:
    known = run("""
        client, name = providers.connect_to_first_available_model([
            "mistral-7b", "llama-2-7b", "gpt-3.5", "gemini-nano"])
    """, providers=ProviderList())  # fmt: skip
    assert known["name"] == "mistral:7b"


def test_002_paid_models_are_used_if_there_is_a_key(openai: Server) -> None:
    client, name = ProviderList().connect_to_first_available_model(["claude-opus-5.5", "gpt-4o"])
    assert name == "gpt-4o"
    assert str(client.base_url).startswith(openai.url)


def test_002_the_best_that_there_is_and_no_time_for_that(openai: Server, capsys: pytest.CaptureFixture[str]) -> None:
    known = run("""
        client, name = providers.connect_to_ai()
        print(providers.ask_ai("Come here often?"))
    """, providers=ProviderList())  # fmt: skip
    assert capsys.readouterr().out == "hello\n"
    assert known["name"] in ProviderList().registry.providers["openai"].model_names.values()


def test_002_the_order_is_the_files_or_random() -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": KEY, "AZURE_API_KEY": keys(2)["P2_API_KEY"]}, local=False)
    order = list(providers.registry.providers)
    found = [offer.provider for offer in providers.find_model_providers("gpt-4o")]
    assert found == sorted(found, key=order.index)
    assert found[0] == "openai"


def test_002_three_ways_to_stay_fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", "http://127.0.0.1:9/none.json")
    newest = ProviderList.get_updated_provider_list()
    newest["providers"] = {pid: newest["providers"][pid] for pid in ("openai",)}
    (tmp_path / "mine.json").write_text(json.dumps({"providers": newest["providers"]}), "utf-8")
    for own in (str(tmp_path / "mine.json"), json.dumps({"providers": newest["providers"]})):
        assert list(ProviderList(False, own, False).registry.providers) == ["openai"]


@pytest.mark.parametrize(
    "code",
    [
        "ProviderList(verbose=False, json_override=None, auto_update=False)",
        "ProviderList(False, None, False)",
        "providers.get_canonical_model_names()",
        'providers.find_model_providers("gpt-4")',
        "providers.get_response(client, 'gpt-4', 'Hi')",
        'providers.connect_to_model("gpt-4", choose_randomly=False, test=False)',
        'providers.connect_to_model("gpt-4", False, False)',
        'providers.connect_to_model("gpt-4", choose_randomly=True, test=True)',
        'providers.connect_to_first_available_model(["gpt-4"], test=False)',
        'providers.connect_to_first_available_model(["gpt-4"], True)',
        "providers.connect_to_ai(test=True)",
        "providers.connect_to_ai(False)",
        'providers.ask_ai("Hi", test=True)',
        'providers.ask_ai("Hi", True)',
        'providers.ask_ai("Hi", False)',
        'ask_ai("Hi", False)',
    ],
)
def test_002_the_cheat_sheet(code: str, openai: Server) -> None:
    providers = ProviderList()
    client = providers.client()
    assert eval(code, {"ProviderList": ProviderList, "providers": providers, "client": client, "ask_ai": ask_ai})


@pytest.mark.parametrize("name", NAMES)
def test_002_names_of_then_mean_a_model_that_somebody_has(name: str) -> None:
    found = ProviderList(environ={}, local=False).resolve(name)
    assert found.offers
    assert found.canonical_name in {offer.canonical_name for offer in found.offers}


@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("OPENAI_API_KEY", "openai"), ("GEMINI_API_KEY", "google"), ("GOOGLE_API_KEY", "google"),
        ("MISTRAL_API_KEY", "mistral"), ("FIREWORKS_API_KEY", "fireworks"), ("PERPLEXITYAI_API_KEY", "perplexity"),
        ("TOGETHERAI_API_KEY", "together"), ("REPLICATE_API_TOKEN", "replicate"),
    ],
)  # fmt: skip
def test_002_providers_are_known_by_their_keys(variable: str, provider: str) -> None:
    providers = ProviderList(environ={variable: KEY}, local=False)
    assert providers.pipeline.finder.accesses[provider].credential is not None


@pytest.mark.parametrize("variable", ["ANYSCALE_API_KEY", "LEPTON_API_KEY", "OCTOAI_API_KEY"])
def test_002_a_key_of_one_that_has_ended_is_said_to_be_that(variable: str) -> None:
    with pytest.raises(NoCredentialsError, match=rf"{variable} is of \w.*, which ended in 20\d\d"):
        ProviderList(environ={variable: KEY}, local=False).connect_to_ai()


def test_002_no_base_model_is_chosen_unasked() -> None:
    registry = ProviderList(environ={}, local=False).registry
    chosen = [*registry.auto_model_priority, *registry.auto_small_priority]
    assert [name for name in chosen if name.endswith(("-base", "-completion"))] == []


# 003: backends by prefix

AGENTS = """
{
  "agents": {
    "player_0": {"type": "llm", "model": "litellm_groq/llama3-8b-8192"},
    "player_1": {"type": "llm", "model": "litellm_openai/gpt-4"},
    "player_2": {"type": "llm", "model": "vllm_Qwen2-7B-Instruct"}
  }
}
"""
LITELLM = """
{
  "models": [
    "litellm_gpt-4",
    "litellm_gpt-3.5-turbo",
    "litellm_groq/llama3-8b-8192",
    "litellm_together_ai/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"
  ]
}
"""
VLLM = """
{
  "models": [
    {
      "name": "vllm_Qwen2-7B-Instruct",
      "model_path": "/path/to/models/Qwen/Qwen2-7B-Instruct",
      "tokenizer_path": "/path/to/models/Qwen/Qwen2-7B-Instruct",
      "description": "Qwen2 7B Instruct model for local inference"
    },
    {
      "name": "vllm_llama2-7b-chat",
      "model_path": "/path/to/models/llama2-7b-chat",
      "tokenizer_path": "/path/to/models/llama2-7b-chat",
      "description": "Llama2 7B Chat model"
    }
  ]
}
"""
QUICK_START = """
import os
from src.backends import initialize_llm_registry, generate_response

# Set your preferred backend
# No need to set INFERENCE_BACKEND - automatic detection based on model prefix

# Initialize the system
initialize_llm_registry()

# Generate a response
response = generate_response(
    model_name="litellm_gpt-3.5-turbo",
    prompt="Hello, world!",
    max_tokens=50,
    temperature=0.1
)
print(response)
"""


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """The two lists of a simulation, in their places."""
    folder = tmp_path / "src" / "configs"
    folder.mkdir(parents=True)
    (folder / "litellm_models.json").write_text(LITELLM)
    (folder / "vllm_models.json").write_text(VLLM)
    return folder


def test_003_the_quick_start(openai: Server, configs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(QUICK_START)
    assert capsys.readouterr().out == "hello\n"
    sent = openai.asked[0].json
    assert sent["messages"] == [{"role": "user", "content": "Hello, world!"}]
    assert (sent.get("max_tokens") or sent["max_completion_tokens"], sent["temperature"]) == (50, 0.1)


def test_003_several_providers_in_one_simulation(
    openai: Server, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = serve(vllm)
    monkeypatch.setenv("VLLM_API_BASE", mine.url)
    (tmp_path / "config_with_vllm_models.json").write_text(AGENTS)
    initialize_llm_registry("config_with_vllm_models.json")
    agents = json.loads(AGENTS)["agents"]
    assert [detect_model_backend(agent["model"]) for agent in agents.values()] == ["litellm", "litellm", "vllm"]
    with pytest.raises(NoCredentialsError, match="GROQ_API_KEY"):
        generate_response(agents["player_0"]["model"], "Hi")
    said = [generate_response(agents[player]["model"], "Hi") for player in ("player_1", "player_2")]
    assert said == ["hello", "hello"]
    assert (openai.asked[0].json["model"], mine.asked[0].json["model"]) == ("gpt-4", "Qwen2-7B-Instruct")


def test_003_models_are_listed_in_two_files(configs: Path) -> None:
    found = initialize_llm_registry()
    names = [*json.loads(LITELLM)["models"], *(row["name"] for row in json.loads(VLLM)["models"])]
    assert list(found) == get_available_models() == [row["name"] for row in list_models()] == names
    assert [found[name]["backend"] for name in names] == ["litellm"] * 4 + ["vllm"] * 2
    assert found["vllm_llama2-7b-chat"] == {**json.loads(VLLM)["models"][1], "backend": "vllm"}


def test_003_the_environment_has_its_two_numbers(openai: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    generate_response("litellm_gpt-4", "Hi")
    monkeypatch.setenv("MAX_TOKENS", "77")
    monkeypatch.setenv("TEMPERATURE", "0.9")
    generate_response("litellm_gpt-4", "Hi")
    sent = [(r.json.get("max_tokens") or r.json["max_completion_tokens"], r.json["temperature"]) for r in openai.asked]
    assert sent == [(250, 0.1), (77, 0.9)]


def test_003_what_is_wrong_with_a_model_here_is_said(configs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    initialize_llm_registry()
    with pytest.raises(LocalServerError, match="/path/to/models/llama2-7b-chat cannot be read"):
        generate_response("vllm_llama2-7b-chat", "Hi")
    monkeypatch.setenv("MODELS_DIR", str(configs))
    initialize_llm_registry({"models": [{"name": "vllm_a", "model_path": "a", "gpu_memory_utilization": 0.8}]})
    with pytest.raises(LocalServerError, match=f"{configs}/a cannot be read"):
        generate_response("vllm_a", "Hi")


def test_003_names_without_a_backend_are_an_error() -> None:
    with pytest.raises(UnknownModelError, match="Closest names"):
        detect_model_backend("no-such-model-at-all")
