"""Simulations that mix backends by prefix: each agent's model goes to its backend, from lists in files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference_providers import (
    BaseLLMBackend,
    LocalServerError,
    NoCredentialsError,
    RegistryError,
    UnknownModelError,
    detect_model_backend,
    generate_response,
    get_available_models,
    get_backend_for_model,
    initialize_llm_registry,
    list_models,
    register_backend,
)
from inference_providers.compat import base_backend
from inference_providers.servers import model_lists
from tests.conftest import keys
from tests.servers import Connection, Received, Server, completion

Serve = Callable[..., Server]
KEYS = list(keys(3).values())


@pytest.fixture(autouse=True)
def no_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No list is read yet, and none is in the configuration folder; MAX_TOKENS and TEMPERATURE are not set."""
    monkeypatch.setattr(model_lists, "_listed", None)
    monkeypatch.setattr(base_backend, "_own", {})
    monkeypatch.delenv("MODELS_DIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    for variable in ("MAX_TOKENS", "TEMPERATURE"):
        monkeypatch.delenv(variable, raising=False)
    yield


@pytest.fixture
def openai_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Server]:
    """Let OpenAI be this server."""

    def point(server: Server) -> Server:
        monkeypatch.setenv("OPENAI_API_KEY", KEYS[0])
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        return server

    return point


def vllm(connection: Any, request: Any) -> None:
    if request.path.endswith("/models"):
        rows = [{"id": name, "object": "model", "owned_by": "vllm"} for name in ("Qwen2-7B-Instruct", "/models/mine")]
        connection.reply(200, {"object": "list", "data": rows})
    elif not request.path.endswith("/chat/completions"):
        connection.reply(404, None)
    else:
        connection.reply(200, completion(f"vllm says {request.json['model']}"))


def written(folder: Path, text: str, name: str = "models.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_each_agent_of_one_run_reaches_its_own_backend(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    openais, mine = openai_at(serve()), serve(vllm)
    monkeypatch.setenv("VLLM_API_BASE", mine.url)
    names = ["litellm_gpt-4", "vllm_Qwen2-7B-Instruct"] * 5
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda name: generate_response(model_name=name, prompt="Hi", max_tokens=50), names))
    assert said == ["hello", "vllm says Qwen2-7B-Instruct"] * 5
    assert all(type(text) is str for text in said)
    assert {request.key for request in openais.asked} == {KEYS[0]}
    assert not any(KEYS[0].encode() in request.raw for request in mine.requests)


def test_the_environment_says_how_long_and_how_bold_an_answer_is(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_at(serve())
    generate_response("litellm_gpt-4", "Hi")
    monkeypatch.setenv("MAX_TOKENS", " 70 ")
    monkeypatch.setenv("TEMPERATURE", "0.9")
    generate_response("litellm_gpt-4", "Hi")
    generate_response("litellm_gpt-4", "Hi", max_tokens=50, temperature=0)
    sent = [(r.json["max_completion_tokens"], r.json["temperature"]) for r in server.asked]
    assert sent == [(250, 0.1), (70, 0.9), (50, 0)]


@pytest.mark.parametrize("word", ["max_tokens", "max_new_tokens", "max_completion_tokens", "max_output_tokens"])
def test_any_word_for_the_length_of_an_answer_will_do(serve: Serve, openai_at: Any, word: str) -> None:
    server = openai_at(serve())
    options: dict[str, Any] = {word: 5}
    generate_response("litellm_gpt-4", "Hi", **options)
    assert server.asked[0].json["max_completion_tokens"] == 5


@pytest.mark.parametrize("variable", ["MAX_TOKENS", "TEMPERATURE"])
@pytest.mark.parametrize("value", ["abc", "inf", "nan", "1,5", "-5"])
def test_a_variable_that_is_no_such_number_is_named(
    serve: Serve, openai_at: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    server = openai_at(serve())
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"(?i){variable}"):
        generate_response("litellm_gpt-4", "Hi")
    assert server.asked == []


def test_messages_and_options_go_through(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    generate_response("litellm_gpt-4", turns, seed=3)
    assert (server.asked[0].json["messages"], server.asked[0].json["seed"]) == (turns, 3)
    with pytest.raises(TypeError, match="sede"):
        generate_response("litellm_gpt-4", "Hi", sede=3)


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("litellm_gpt-4", "litellm"),
        ("litellm_groq/llama3-8b-8192", "litellm"),
        ("litellm_together_ai/meta-llama/Llama-3-8b-chat-hf", "litellm"),
        ("vllm_Qwen2-7B-Instruct", "vllm"),
        ("hf_meta-llama/Llama-3.1-8B-Instruct", "hf"),
        ("openrouter_openai/gpt-4o", "openrouter"),
        ("gpt-4", "openai"),
        ("groq/llama-3.3-70b", "groq"),
    ],
)
def test_a_name_says_where_it_goes(name: str, backend: str) -> None:
    assert get_backend_for_model(name) == detect_model_backend(name) == backend


def test_a_name_that_nobody_knows_is_an_error_with_the_closest() -> None:
    with pytest.raises(UnknownModelError, match="Closest names"):
        detect_model_backend("gtp-4x")


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("litellm_groq/llama-3.3-70b-versatile", "GROQ_API_KEY"),
        ("litellm_together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "TOGETHER_API_KEY"),
        ("openrouter_openai/gpt-4o", "OPENROUTER_API_KEY"),
        ("hf_meta-llama/Llama-3.1-8B-Instruct", "HF_TOKEN"),
    ],
)
def test_each_prefix_asks_for_its_own_backends_key(name: str, variable: str) -> None:
    with pytest.raises(NoCredentialsError, match=variable):
        generate_response(name, "Hi")


def test_half_a_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_TOKENS", "10.9")
    with pytest.raises(ValueError, match="MAX_TOKENS must be a whole number"):
        generate_response("litellm_gpt-4", "Hi")


# Lists


def test_a_list_of_names_is_read_in_its_order(tmp_path: Path) -> None:
    path = written(tmp_path, '{"models": ["litellm_gpt-4", "vllm_mine", "gpt-4o"]}')
    found = initialize_llm_registry(path)
    assert get_available_models() == list(found) == ["litellm_gpt-4", "vllm_mine", "gpt-4o"]
    assert [found[name]["backend"] for name in found] == ["litellm", "vllm", "openai"]


@pytest.mark.parametrize("name", ["models.json", "models.yaml", "models.yml", "list.txt"])
def test_a_tokenizer_is_where_its_model_is_unless_the_list_says_otherwise(tmp_path: Path, name: str) -> None:
    text = """
models:
- {name: vllm_mine, model_path: /models/mine, description: ours}
- {name: theirs, model_path: /models/theirs, tokenizer_path: /tokenizers/theirs}
"""
    rows = [
        {"name": "vllm_mine", "model_path": "/models/mine", "description": "ours"},
        {"name": "theirs", "model_path": "/models/theirs", "tokenizer_path": "/tokenizers/theirs"},
    ]
    found = initialize_llm_registry(
        written(tmp_path, json.dumps({"models": rows}) if name.endswith("json") else text, name)
    )
    assert found["vllm_mine"] == {
        "name": "vllm_mine",
        "backend": "vllm",
        "model_path": "/models/mine",
        "tokenizer_path": "/models/mine",
        "description": "ours",
    }
    assert (found["theirs"]["backend"], found["theirs"]["tokenizer_path"]) == ("vllm", "/tokenizers/theirs")


def test_json_indented_with_tabs_is_json(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"models": ["litellm_gpt-4", {"name": "vllm_mine"}]}, indent="\t"))
    assert list(initialize_llm_registry(path)) == ["litellm_gpt-4", "vllm_mine"]


def test_several_lists_are_one_and_the_last_word_counts(tmp_path: Path) -> None:
    first = written(tmp_path, '{"models": [{"name": "vllm_a", "description": "old"}, "vllm_b"]}', "a.json")
    second = written(tmp_path, "models:\n  - name: vllm_a\n    description: new\n", "b.yaml")
    found = initialize_llm_registry(first, second)
    assert (list(found), found["vllm_a"]["description"]) == (["vllm_a", "vllm_b"], "new")


def test_lists_are_found_where_the_environment_and_the_user_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = written(tmp_path, '{"models": ["vllm_named"]}')
    written(tmp_path / "config" / "inference_providers", "models: [vllm_usual]", "models.yaml")
    monkeypatch.setenv("INFERENCE_PROVIDERS_MODELS", str(named))
    assert get_available_models() == ["vllm_named", "vllm_usual"]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    rows = ["litellm_gpt-4", 5, {"description": "no name"}, None, "", {"name": "vllm_x", "model_path": ["a"]}]
    paths = [
        written(tmp_path, json.dumps({"models": rows}), "rows.json"),
        written(tmp_path, "models:\n\t- vllm_a\n", "tabs.yaml"),
        written(tmp_path, "[]", "list.json"),
        written(tmp_path, '{"models": {"a": 1}}', "object.json"),
        written(tmp_path, "", "empty.yaml"),
        tmp_path / "missing.json",
    ]
    paths[-2].write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RegistryError) as caught:
        initialize_llm_registry(*paths)
    told = "\n".join(caught.value.problems)
    for place in (1, 2, 3, 4, 5):
        assert f"rows.json: $.models[{place}]" in told
    for name in ("tabs.yaml", "list.json", "object.json", "empty.yaml", "missing.json"):
        assert name in told
    assert len(caught.value.problems) == 10


def test_a_name_that_goes_nowhere_is_a_problem_of_its_list(tmp_path: Path) -> None:
    path = written(tmp_path, '{"models": ["gtp-4x", "litellm_gpt-4", "zzz-nothing"]}')
    with pytest.raises(RegistryError) as caught:
        initialize_llm_registry(path)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["$.models[0]", "$.models[2]"]


def test_a_bad_list_leaves_the_one_before_in_place(tmp_path: Path) -> None:
    initialize_llm_registry(written(tmp_path, '{"models": ["vllm_a"]}'))
    with pytest.raises(RegistryError):
        initialize_llm_registry(tmp_path / "missing.json")
    assert get_available_models() == ["vllm_a"]


def test_what_is_returned_is_a_copy(tmp_path: Path) -> None:
    found = initialize_llm_registry(written(tmp_path, '{"models": ["vllm_a"]}'))
    found["vllm_a"]["backend"] = "changed"
    found.clear()
    assert get_backend_for_model("vllm_a") == "vllm"


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = written(tmp_path, f"models: !!python/object/apply:os.mkdir ['{mark}']", "evil.yaml")
    with pytest.raises(RegistryError):
        initialize_llm_registry(path)
    assert not mark.exists()


def test_the_list_tells_what_is_available_now(serve: Serve, openai_at: Any, tmp_path: Path) -> None:
    openai_at(serve())
    initialize_llm_registry(written(tmp_path, '{"models": ["litellm_gpt-4", "litellm_groq/llama-3.3-70b"]}'))
    assert [(row["name"], row["available"]) for row in list_models()] == [
        ("litellm_gpt-4", True),
        ("litellm_groq/llama-3.3-70b", False),
    ]


def test_a_model_of_a_server_here_is_available_where_that_server_runs(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    initialize_llm_registry({"models": ["vllm_mine", {"name": "vllm_gone", "model_path": str(tmp_path / "gone")}]})
    monkeypatch.setenv("VLLM_API_BASE", "http://127.0.0.1:9/v1")
    assert [row["available"] for row in list_models()] == [False, False]

    def vllm(connection: Connection, request: Received) -> None:
        connection.reply(200, {"object": "list", "data": [{"id": "mine", "object": "model", "owned_by": "vllm"}]})

    monkeypatch.setenv("VLLM_API_BASE", serve(vllm).url)
    assert [row["available"] for row in list_models()] == [True, False]


@pytest.mark.parametrize("given", [["litellm_gpt-4"], ("models.json",), 5, None])
def test_a_model_list_is_a_path_or_what_is_in_one(given: Any) -> None:
    with pytest.raises(TypeError, match=r"a model list is a path, or a dict as \{\"models\": \[...\]\}, not "):
        initialize_llm_registry(given)


def test_without_a_list_the_models_within_reach_are_those_of_the_keys(serve: Serve, openai_at: Any) -> None:
    openai_at(serve())
    found = get_available_models()
    assert "gpt-4" in found
    assert "claude-opus-5.5" not in found


@pytest.mark.parametrize("path", ["/models/mine", "/elsewhere/Qwen2-7B-Instruct"])
def test_a_listed_model_is_asked_of_the_server_that_runs_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    server = serve(vllm)
    monkeypatch.setenv("VLLM_API_BASE", server.url)
    initialize_llm_registry(written(tmp_path, json.dumps({"models": [{"name": "agent", "model_path": path}]})))
    assert generate_response("agent", "Hi") == f"vllm says {path if path == '/models/mine' else Path(path).name}"


def test_a_listed_model_that_nobody_runs_is_a_clear_error(tmp_path: Path) -> None:
    initialize_llm_registry(written(tmp_path, '{"models": [{"name": "agent", "model_path": "/models/none"}]}'))
    with pytest.raises(LocalServerError, match=r"/models/none cannot be read: No such file .*'agent'"):
        generate_response("agent", "Hi")


# What a list may say


AGENTS = {
    "player_0": {"type": "llm", "model": "litellm_groq/llama3-8b-8192"},
    "player_1": {"type": "llm", "model": "litellm_openai/gpt-4"},
    "player_2": {"type": "llm", "model": "vllm_Qwen2-7B-Instruct"},
    "player_3": {"type": "random"},
}


@pytest.mark.parametrize("given", ["a file", "what is in it"])
def test_a_file_of_agents_is_a_list_of_their_models(tmp_path: Path, given: str) -> None:
    config = {"num_episodes": 3, "agents": AGENTS}
    path = written(tmp_path, json.dumps(config), "config.json")
    found = initialize_llm_registry(path if given == "a file" else config)
    assert [(name, entry["backend"]) for name, entry in found.items()] == [
        ("litellm_groq/llama3-8b-8192", "litellm"), ("litellm_openai/gpt-4", "litellm"), ("vllm_Qwen2-7B-Instruct", "vllm"),
    ]  # fmt: skip
    assert get_available_models() == list(found)


def test_a_list_says_more_of_a_model_than_the_agent_that_uses_it(tmp_path: Path) -> None:
    models = written(tmp_path, '{"models": [{"name": "vllm_Qwen2-7B-Instruct", "model_path": "/m"}]}', "models.json")
    agents = written(tmp_path, json.dumps({"agents": AGENTS}), "agents.json")
    for order in ((models, agents), (agents, models)):
        assert initialize_llm_registry(*order)["vllm_Qwen2-7B-Instruct"]["model_path"] == "/m"


def test_agents_without_a_model_are_a_problem_with_their_name() -> None:
    with pytest.raises(RegistryError) as caught:
        initialize_llm_registry(
            {"agents": {"a": {"type": "llm"}, "b": "gpt-4", "c": {"model": 3}, "d": {"type": "human"}}}
        )
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "$.agents.a.model", "$.agents.b.model", "$.agents.c.model",
    ]  # fmt: skip


def test_the_lists_of_a_simulation_are_found_below_the_folder_in_which_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, '{"models": ["litellm_gpt-4"]}', "src/configs/litellm_models.json")
    written(tmp_path, '{"models": [{"name": "vllm_mine", "model_path": "/m"}]}', "src/configs/vllm_models.json")
    assert "litellm_gpt-4" not in model_lists.usable({})[0], "nobody reads them who was not told to"
    assert list(initialize_llm_registry()) == get_available_models() == ["litellm_gpt-4", "vllm_mine"]
    (tmp_path / "src/configs/vllm_models.json").unlink()
    assert list(initialize_llm_registry()) == ["litellm_gpt-4"]


def test_such_lists_that_others_can_write_are_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, '{"models": ["litellm_gpt-4"]}', "src/configs/litellm_models.json").chmod(0o666)
    assert initialize_llm_registry() == {}
    assert "litellm_models.json: is not used" in caplog.text


@pytest.mark.parametrize(
    ("word", "field", "value"),
    [("gpu_memory_utilization", "gpu_memory", 0.5), ("max_model_len", "context", 512), ("tensor_parallel_size", "tensor_parallel", 2)],
)  # fmt: skip
def test_vllms_own_words_mean_what_they_mean_there(word: str, field: str, value: float) -> None:
    entry = {"name": "vllm_a", "model_path": "/m", word: value}
    found = initialize_llm_registry({"models": [entry]})["vllm_a"]
    assert (found[field], word in found) == (value, False)
    assert initialize_llm_registry({"models": [{"name": "a", "model_path": "/m"}], word: value})["a"][field] == value
    with pytest.raises(RegistryError, match=f"{word} and {field} are the same"):
        initialize_llm_registry({"models": [{**entry, field: value / 2}]})


def test_what_a_file_says_of_all_models_holds_for_those_that_have_files_and_say_nothing() -> None:
    rows = [{"name": "a", "model_path": "/a"}, {"name": "b", "model_path": "/b", "gpu_memory": 0.3}, "litellm_gpt-4"]
    found = initialize_llm_registry({"gpu_memory_utilization": 0.5, "models": rows})
    assert [entry.get("gpu_memory") for entry in found.values()] == [0.5, 0.3, None]


def test_fields_that_nobody_knows_are_named_with_what_was_perhaps_meant() -> None:
    rows = [{"name": "a", "model_pth": "/m"}, {"name": "b", "colour": "red"}, {"name": "vllm_c", "_": "a comment"}]
    with pytest.raises(RegistryError) as caught:
        initialize_llm_registry({"models": rows})
    first, second = caught.value.problems
    assert "$.models[0]: unknown field 'model_pth'; did you mean model_path?" in first
    assert "$.models[1]: unknown field 'colour'; there are: name, model_path" in second


def test_a_relative_path_is_looked_for_in_models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "weights"))
    initialize_llm_registry({"models": [{"name": "agent", "model_path": "Qwen/none"}]})
    with pytest.raises(LocalServerError, match=f"{tmp_path}/weights/Qwen/none cannot be read"):
        generate_response("agent", "Hi")


def test_a_path_below_the_current_folder_comes_before_models_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    environ = {"MODELS_DIR": "/weights", "HOME": "/home/me"}
    found = [model_lists.full_path(path, environ) for path in ("here", "there", "/away", "~/mine")]
    assert found == [str(tmp_path / "here"), "/weights/there", "/away", "/home/me/mine"]


def test_hf_means_hugging_faces_servers_and_a_file_is_a_file(tmp_path: Path) -> None:
    initialize_llm_registry({"models": ["hf_gpt2", {"name": "hf_mine", "model_path": "/m"}]})
    assert (get_backend_for_model("hf_gpt2"), get_backend_for_model("hf_mine")) == ("hf", "vllm")
    with pytest.raises(LocalServerError, match="/m cannot be read"):
        generate_response("hf_mine", "Hi")


# Backends of a program's own


class Echo(BaseLLMBackend):
    def __init__(self, name: str = "echo") -> None:
        super().__init__(name)
        self.seen: list[dict[str, Any]] = []

    def generate_response(self, model_name: str, prompt: Any, **kwargs: Any) -> str:
        self.seen.append(kwargs)
        return f"{model_name}: {prompt}"

    def is_model_available(self, model_name: str) -> bool:
        return model_name != "away"

    def load_models(self) -> list[str]:
        return ["one", "away"]


def test_a_backend_of_a_programs_own_answers_for_its_prefix(serve: Serve, openai_at: Any) -> None:
    server = openai_at(serve())
    echo = Echo()
    register_backend(echo)
    assert generate_response("echo_one", "Hi") == "one: Hi"
    assert generate_response("echo_one", "Hi", max_tokens=5, temperature=1, own=2) == "one: Hi"  # type: ignore[call-arg]
    assert echo.seen == [{"max_tokens": 250, "temperature": 0.1}, {"max_tokens": 5, "temperature": 1, "own": 2}]
    assert server.asked == []
    assert generate_response("litellm_gpt-4", "Hi") == "hello"
    assert detect_model_backend("echo_one") == get_backend_for_model("echo_one") == "echo"
    assert get_available_models() == ["echo_one", "echo_away"]
    assert [(row["name"], row["backend"], row["available"]) for row in list_models()] == [
        ("echo_one", "echo", True), ("echo_away", "echo", False),
    ]  # fmt: skip
    assert str(echo) == "Echo(echo)"


def test_lists_and_agents_may_name_it_and_the_longest_prefix_counts() -> None:
    register_backend(Echo())
    register_backend(Echo("echo_loud"))
    found = initialize_llm_registry({"models": ["echo_x", "echo_loud_x"], "agents": {"a": {"model": "echo_y"}}})
    assert [entry["backend"] for entry in found.values()] == ["echo", "echo", "echo_loud"]
    assert generate_response("echo_loud_x", "Hi") == "x: Hi"


def test_what_is_no_backend_is_refused() -> None:
    with pytest.raises(TypeError, match="BaseLLMBackend"):
        register_backend(Echo)  # type: ignore[arg-type]
    for name in ("", "a b", "mine_", 3):
        with pytest.raises(ValueError, match="a backend's name"):
            register_backend(Echo(name))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="abstract"):
        BaseLLMBackend("x")  # type: ignore[abstract]
