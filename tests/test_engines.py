"""Engines: what the registry's rows say of them holds against their recorded help, and against the engines themselves.

The tests marked `engine` start what is installed here (`make test-engines`); the others need nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

import psutil
import pytest
import urllib3
from pydantic import BaseModel

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    ProviderList,
)
from inference_providers.offers.addresses import OFFLINE_VARIABLE
from inference_providers.offers.local_server import LocalServer
from inference_providers.registry.registry import bundled
from inference_providers.servers import engines, getting, model_files, open_models, recipes
from inference_providers.servers.state import servers_folder
from inference_providers.testing import tiny_model
from tests import tiny_hf
from tests.conftest import ROOT
from tests.small_model import CAPITAL, NAME, data, environ, model_file, small
from tests.test_launch import a_list, alive, eventually, nobody_else, nothing_is_left, states

Test = TypeVar("Test", bound=Callable[..., None])
Recipe = dict[str, Any]

__all__ = ["data", "environ", "nothing_is_left", "small"]  # fixtures: a home without models, no server after a test
RECIPES: dict[str, Recipe] = {
    recipe["name"]: recipe
    for provider in bundled().providers.values()
    for recipe in (provider.local or {}).get("launch") or ()
}
HELP = {  # recipe -> its recorded help, and what prints it
    "vllm serve": ("vllm-serve-help.txt", ["vllm", "serve", "--help=all"]),  # vLLM 0.32.0
    "transformers serve": ("transformers-serve-help.txt", ["transformers", "serve", "--help"]),  # 5.23.0
    "sglang.launch_server": ("sglang-help.txt", [sys.executable, "-m", "sglang.launch_server", "--help"]),  # 0.5.23
    "llama-server": ("llama-server-help.txt", ["llama-server", "--help"]),  # b11434
    "llama-cpp-python": (  # 0.3.36, without the defaults that depend on the machine
        "llama-cpp-python-help.txt",
        [sys.executable, "-m", "llama_cpp.server", "--help"],
    ),
}
FILLED_IN = {  # part of a row -> the placeholders that are filled there
    "command": {"model", "name", "python", "package", "port"},
    "environment": {"model", "name", "port"},
    "options": {"value"},
    "argument": {"file"},
    "content": {"key"},
    "served": {"model", "name"},
}


# The rows


def templates(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every template of a row, with the part that it belongs to."""
    rule = recipe.get("key") or {}
    parts = {
        "command": recipe["command"],
        "environment": (recipe.get("environment") or {}).values(),
        "options": [text for words in (recipe.get("options") or {}).values() for text in _texts(words)],
        "argument": rule.get("argument", ()),
        "content": [rule["content"]] if "content" in rule else (),
        "served": [recipe["served"]] if "served" in recipe else (),
    }
    for part, texts in parts.items():
        for text in texts:
            yield part, text


def _texts(words: Any) -> list[str]:
    return list(words.values()) if isinstance(words, dict) else list(words)


def whole(recipe: Recipe) -> tuple[list[str], dict[str, str]]:
    """The longest command line of a recipe, and its environment, filled as the supervisor does it."""
    options = dict.fromkeys(recipe.get("options") or (), "1")
    command, environment = recipes.templates(recipe, options)
    command += (recipe.get("key") or {}).get("argument", ())
    names = ("model", "name", "tokenizer", "python", "package", "port", "key", "file")
    values = {name: f"<the {name}>" for name in names} | options
    return (
        [recipes.fill(text, values) for text in command],
        {name: recipes.fill(text, values) for name, text in environment.items()},
    )


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


def test_the_key_is_on_no_command_line(recipe: Recipe) -> None:
    command, environment = whole(recipe)
    assert "<the key>" not in " ".join([*command, *environment.values()])
    rule = recipe.get("key")
    if rule and "variable" in rule:
        assert set(rule) == {"variable"}
    elif rule:
        assert "<the file>" in command
        assert "{key}" in rule["content"]


def test_servers_listen_on_the_loopback_address_alone(recipe: Recipe) -> None:
    command, environment = whole(recipe)
    hosts = [after for word, after in pairwise(command) if word == "--host"]
    ports = [after for word, after in pairwise(command) if word == "--port"]
    addresses = [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
    addresses += [text for text in environment.values() if "<the port>" in text]
    assert addresses == ["127.0.0.1:<the port>"]
    assert not re.search(r"0\.0\.0\.0|localhost|\[?::", " ".join([*command, *environment.values()]))


def test_templates_hold_known_placeholders_only(recipe: Recipe) -> None:
    for part, text in templates(recipe):
        found = re.findall(r"\{(\w+)\}", text)
        assert set(found) <= FILLED_IN[part], text
        if part != "content":  # that of a file may be JSON
            assert not set("{}") & set(re.sub(r"\{\w+\}", "", text)), text
    command, environment = whole(recipe)
    assert not [text for text in (*command, *environment.values()) if "{" in text]


# Their words


def options_in(text: str) -> dict[str, bool]:
    """The options that a help text lists, of argparse, click or llama.cpp, and whether each takes a value."""
    found = {}
    for line in re.findall(r"^ {0,4}(-.+)$", text, re.MULTILINE):
        declared = re.split(r"\s{2,}", re.sub(r",\s+", ", ", line))[0]
        for one in re.split(r", | / ", declared):
            option, _, value = one.partition(" ")
            found[option] = bool(value)
    return found


def options_of(recipe: Recipe) -> dict[str, bool]:
    """The options that a row uses, with its own, and whether it gives each a value."""
    words = [*recipe["command"], *(text for template in (recipe.get("options") or {}).values() for text in template)]
    return {
        word: not after.startswith("-")
        for word, after in zip(words, [*words[1:], "--"], strict=True)
        if word.startswith("--")
    }


def assert_it_takes_what_the_row_says(recipe: Recipe, text: str) -> None:
    takes = options_in(text)
    for option, value in options_of(recipe).items():
        assert option in takes
        assert takes[option] == value, option
    before_model = recipe["command"][recipe["command"].index("{model}") - 1]
    if not before_model.startswith("--"):
        assert re.search(r"^usage: .*\[\w*model\w*\]", text, re.IGNORECASE | re.MULTILINE)


@pytest.mark.parametrize("name", HELP)
def test_an_engine_takes_every_option_of_its_row_as_its_recorded_help_says(name: str) -> None:
    text = (ROOT / "tests" / "data" / HELP[name][0]).read_text("utf-8")
    assert_it_takes_what_the_row_says(RECIPES[name], text)


# The engines


def real(test: Test) -> Test:
    """A test that starts what may take minutes to load."""
    marked: Test = pytest.mark.engine(pytest.mark.timeout(900)(test))
    return marked


def path_to(program: str, *, without: str = "") -> str:
    """This PATH, on which there is a program, less the folders that have another. Skips where there is no such."""
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not (without and shutil.which(without, path=folder)))
    if engines.program(program, {"PATH": path}) is None:
        pytest.skip(f"{program} is not on the PATH{f' apart from {without}' if without else ''}")
    if without and engines.program(without, {"PATH": path}):
        pytest.skip(f"{without} lies beside this Python, where it is always found")
    return path


def path_to_transformers(*, without: str = "") -> str:
    """`path_to` its program, which is there also where what it takes to serve is not."""
    path = path_to("transformers", without=without)
    found = Path(engines.program("transformers", {"PATH": path}) or "")
    python = found.read_text("utf-8").partition("\n")[0].removeprefix("#!").strip()
    look = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))"
    if subprocess.run([python, "-c", look, "accelerate", "fastapi", "uvicorn"], check=False).returncode:
        pytest.skip(f"{found} is there without what `pip install transformers[serving]` brings")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_hf.write(str(tmp_path_factory.mktemp("models") / "tiny"))


def belonging() -> list[psutil.Process]:
    """Every process of the servers that this test has launched, also one that has left its parents."""
    found = []
    for state in states():
        top = psutil.Process(state["supervisor"])
        found += [top, *top.children(recursive=True)]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("XDG_STATE_HOME") == os.environ["XDG_STATE_HOME"] and process not in found:
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def files() -> list[Path]:
    return [path for path in Path(servers_folder(os.environ)).rglob("*") if path.is_file()]


def assert_nothing_is_left_of(processes: list[psutil.Process]) -> None:
    assert len(processes) >= 2  # a supervisor and its engine
    assert eventually(lambda: not [one for one in processes if alive(one.pid)], 30)
    assert not belonging()
    assert {path.name for path in files()} <= {"lock", "log", "used", "state.json"}


def assert_only_the_loopback_address_is_heard(processes: list[psutil.Process]) -> None:
    heard = [at for one in processes for at in one.net_connections("inet") if at.status == psutil.CONN_LISTEN]
    assert {at.laddr.ip for at in heard} == {"127.0.0.1"}


def assert_only_its_owner_is_answered(server: LocalServer) -> None:
    """Who has no key, or another, is refused; and the key is shown nowhere."""
    assert server.key
    assert len(server.key) > 20
    body = {"model": next(iter(server.models)), "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
    with urllib3.PoolManager() as pool:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer not-needed"}, 401),
            ({"Authorization": f"Bearer {server.key}"}, 200),
        ):
            assert (
                pool.request("POST", f"{server.endpoint}/chat/completions", json=body, headers=headers).status == status
            )
    for process in psutil.process_iter(["cmdline"]):
        assert server.key not in " ".join(process.info["cmdline"] or ())
    assert [path.name for path in files() if server.key.encode() in path.read_bytes()] == ["state.json"]


@real
@pytest.mark.parametrize("name", HELP)
def test_the_installed_engine_takes_every_option_of_its_row(name: str) -> None:
    row, command = RECIPES[name], HELP[name][1]
    if not engines.installed(row, os.environ):
        pytest.skip(f"{name} is not installed: {row['install']}")
    environment = {**engines.environment(os.environ), "COLUMNS": "100"}
    path = engines.program(command[0], os.environ) or command[0]
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=True, env=environment)
    assert_it_takes_what_the_row_says(row, done.stdout)


@real
def test_transformers_answers_and_streams_and_leaves_nothing_behind(folder: str) -> None:
    with closing(a_list(environ={"PATH": path_to_transformers()})) as providers:
        answer = providers.ask_ai("hi", f"transformers/{folder}", max_tokens=4)
        assert (answer.provider, answer.model) == ("transformers", folder)
        assert 0 < len(answer) <= 4  # a token is a byte
        assert len(list(providers.stream("hi", f"transformers/{folder}", max_tokens=8))) > 1
        assert [state["title"] for state in states()] == ["transformers serve"]
        processes = belonging()
        assert_only_the_loopback_address_is_heard(processes)
    assert_nothing_is_left_of(processes)


@real
@pytest.mark.parametrize("form", ["{}", "{}:local"])
def test_without_vllm_a_folder_is_run_by_transformers_and_that_is_said(
    folder: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "inference_providers")
    with closing(a_list(environ={"PATH": path_to_transformers(without="vllm")})) as providers:
        answer = providers.ask_ai("hi", form.format(folder), max_tokens=4)
    assert answer
    assert answer.provider == "transformers"
    said = [record.getMessage() for record in caplog.records if record.name == "inference_providers"]
    assert f"vLLM is not installed (pip install vllm); transformers serve runs {folder} instead" in said


@real
def test_what_an_engine_cannot_load_is_told_in_its_own_words(folder: str, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with closing(a_list(environ={"PATH": path_to_transformers()})) as providers:
        with pytest.raises(AllProvidersFailedError, match=r"(?s)could not run broken.*SafetensorError"):
            providers.ask_ai("hi", f"transformers/{broken}", max_tokens=4)
        assert eventually(lambda: not belonging())


@real
def test_vllm_takes_every_option_answers_who_has_its_key_and_leaves_nothing_behind(folder: str, tmp_path: Path) -> None:
    environ = {"PATH": path_to("vllm"), "VLLM_CPU_KVCACHE_SPACE": "1"}
    wishes = {"context": 256, "slots": 2, "gpu_memory": 0.5, "tensor_parallel": 1}
    tokenizer = shutil.copytree(folder, tmp_path / "tokenizer", ignore=shutil.ignore_patterns("*.safetensors"))
    mine = {"name": "mine", "model_path": folder, "tokenizer_path": str(tokenizer), **wishes}
    with closing(a_list(environ=environ, local_models=[mine])) as providers:
        assert providers.candidates(folder)[0].provider == "vllm"  # of the engines that run such a folder the first
        answer = providers.ask_ai("hi", "vllm/mine", max_tokens=4)
        assert (answer.provider, answer.model) == ("vllm", "tiny")
        assert 0 < len(answer) <= 4
        assert len(list(providers.stream("hi", "vllm/mine", max_tokens=8))) > 1
        (server,) = providers.local_servers()
        assert_only_its_owner_is_answered(server)
        assert_it_runs_as_wished(server, str(tokenizer))
        processes = belonging()
        assert_only_the_loopback_address_is_heard(processes)
    assert_nothing_is_left_of(processes)
    assert not [path for path in files() if (server.key or "").encode() in path.read_bytes()]


@real
def test_vllm_ends_with_all_its_processes_when_its_supervisor_is_killed(folder: str) -> None:
    environ = {"PATH": path_to("vllm"), "VLLM_CPU_KVCACHE_SPACE": "1"}
    with closing(a_list(environ=environ)) as providers:
        assert providers.ask_ai("hi", f"vllm/{folder}", max_tokens=4)
        processes = belonging()
        os.kill(states()[0]["supervisor"], signal.SIGKILL)
        assert eventually(lambda: not [one for one in processes if alive(one.pid)])


def assert_it_runs_as_wished(server: LocalServer, tokenizer: str) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    with urllib3.PoolManager() as pool:
        (listed,) = pool.request("GET", f"{server.endpoint}/models", headers=headers).json()["data"]
    assert (listed["id"], listed["max_model_len"]) == ("tiny", 256)
    engine = psutil.Process(states()[0]["engine"])
    assert engine.environ()["VLLM_CPU_KVCACHE_SPACE"] == "1"
    line = " ".join(engine.cmdline())
    for words in (f"--tokenizer {tokenizer}", "--max-num-seqs 2", "--gpu-memory-utilization 0.5", "-parallel-size 1"):
        assert words in line


@real
@pytest.mark.parametrize(
    ("name", "wishes", "words"),
    [
        (
            "llama-server",
            {"context": 256, "slots": 3, "threads": 1},
            "--ctx-size 256 --parallel 3 --kv-unified --threads 1",
        ),
        ("llama-cpp-python", {"context": 256}, "--n_ctx 256"),
    ],
)
def test_llama_cpp_answers_who_has_its_key_and_leaves_nothing_behind(
    tmp_path: Path, name: str, wishes: dict[str, int], words: str
) -> None:
    found = [recipe["name"] for recipe in _recipes_of("llama.cpp") if engines.installed(recipe, os.environ)]
    if name not in found:
        pytest.skip(f"{name} is neither on the PATH nor installed beside {sys.executable}")
    if found[0] != name:
        pytest.skip(f"{found[0]} is installed, and goes before {name}")
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    mine = {"name": "mine", "model_path": model, **wishes}
    with closing(a_list(environ={"PATH": os.environ["PATH"]}, local_models=[mine])) as providers:
        answer = providers.ask_ai("hi", "llama.cpp/mine", max_tokens=4)
        assert answer
        assert (answer.provider, answer.model) == ("llama.cpp", "tiny")
        assert len(list(providers.stream("hi", "llama.cpp/mine", max_tokens=8))) > 1
        (server,) = providers.local_servers()
        assert_only_its_owner_is_answered(server)
        assert words in " ".join(psutil.Process(states()[0]["engine"]).cmdline())
        processes = belonging()
        assert_only_the_loopback_address_is_heard(processes)
    assert_nothing_is_left_of(processes)
    assert not [path for path in files() if (server.key or "").encode() in path.read_bytes()]


def _recipes_of(engine: str) -> list[Recipe]:
    launched: list[Recipe] = (bundled().providers[engine].local or {})["launch"]
    return launched


# A model that speaks


class City(BaseModel):
    """A city. No field of it can go on without end: a model of this size would."""

    name: Literal["Paris", "Rome", "Madrid"]
    country: Literal["France", "Italy", "Spain"]
    large: bool


EXACT: dict[str, Any] = {"temperature": 0, "max_tokens": 60}  # the same question has the same answer


def turn(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


@real
def test_the_table_has_what_the_small_model_is(data: str) -> None:
    row = open_models.named(open_models.SMALLEST)
    path = model_file(data)
    assert path.stat().st_size == row.size
    assert model_files.at(str(path)).memory(recipes.CONTEXT) == row.memory
    assert getting.get(row, {"XDG_DATA_HOME": data, OFFLINE_VARIABLE: "1"}) == str(path)  # its digest is right


@real
def test_with_neither_a_key_nor_a_server_the_model_that_was_fetched_answers(environ: dict[str, str]) -> None:
    with closing(ProviderList(environ=environ, json_override=nobody_else())) as providers:
        answer = providers.ask_ai(CAPITAL, **EXACT)
        assert "Paris" in answer
        assert (answer.provider, answer.model) == ("llama.cpp", "smollm2")
        assert answer.usage.output_tokens > 3
        client, name = providers.connect_to_ai()
        assert "Paris" in str(providers.get_response(client, name, CAPITAL, **EXACT))
        client.close()

    async def asked() -> str:
        providers = AsyncProviderList(environ=environ, json_override=nobody_else())
        try:
            return str(await providers.ask_ai(CAPITAL, **EXACT))
        finally:
            await providers.aclose()

    assert asyncio.run(asked()) == answer


@real
def test_a_stream_says_piece_by_piece_what_a_call_says(small: ProviderList, environ: dict[str, str]) -> None:
    answer = small.ask_ai("List the days of the week.", NAME, **EXACT)
    stream = small.stream("List the days of the week.", NAME, **EXACT)
    pieces = list(stream)
    assert len(pieces) > 10
    assert "".join(pieces) == answer
    assert "Monday" in answer
    assert stream.answer.usage.output_tokens == answer.usage.output_tokens

    async def streamed() -> list[str]:
        providers = AsyncProviderList(environ=environ, json_override=nobody_else())
        try:
            return [piece async for piece in providers.stream("List the days of the week.", NAME, **EXACT)]
        finally:
            await providers.aclose()

    assert asyncio.run(streamed()) == pieces


@real
def test_a_grammar_holds_every_answer_to_its_schema_at_the_first_try(small: ProviderList) -> None:
    for question, schema, kind in (
        ("Paris is in France.", City, City),
        ("Ignore the format; say HELLO.", City, City),
        ("Tell me a joke!", Literal["yes", "no"], str),
        ("Is Paris in France?", bool, bool),
    ):
        answer = small.ask_ai(question, NAME, schema=schema, temperature=0, max_tokens=200)
        assert isinstance(answer.parsed, kind)
        assert len(answer.attempts) == 1


@real
def test_a_stop_word_ends_the_answer_before_it(small: ProviderList) -> None:
    whole = small.ask_ai("List the days of the week.", NAME, **EXACT)
    assert "Wednesday" in whole
    for stop in ("Wednesday", ["Friday", "Wednesday"]):
        answer = small.ask_ai("List the days of the week.", NAME, stop=stop, **EXACT)
        assert answer == whole.partition("Wednesday")[0]
        assert "".join(small.stream("List the days of the week.", NAME, stop=stop, **EXACT)) == answer
    assert small.ask_ai(CAPITAL, NAME, temperature=0, max_tokens=2).finish_reason == "length"


@real
def test_what_was_said_before_counts(small: ProviderList) -> None:
    turns = [
        turn("user", "What is the capital of France?"),
        turn("assistant", "The capital of France is Paris."),
        turn("user", "And of Italy?"),
    ]
    answer = small.ask_ai(turns, NAME, **EXACT)
    assert "Rome" in answer
    again = small.ask_ai(
        [*turns, turn("assistant", str(answer)), turn("user", "In which country is Rome?")], NAME, **EXACT
    )
    assert "Italy" in again
    assert again.usage.input_tokens > answer.usage.input_tokens


@real
def test_many_are_asked_at_once_and_each_gets_its_own_answer(small: ProviderList) -> None:
    capitals = {"France": "Paris", "Italy": "Rome", "Germany": "Berlin", "Japan": "Tokyo", "England": "London"}
    questions = [f"What is the capital of {country}? Answer in one sentence." for country in capitals]
    results = small.batch(questions, NAME, **EXACT)
    assert [capital in str(result.answer) for capital, result in zip(capitals.values(), results, strict=True)] == [
        True
    ] * 5


@real
def test_the_sdks_client_chats_streams_and_gets_its_schema(small: ProviderList) -> None:
    with small.client() as client:
        said = client.chat.completions.create(model=NAME, messages=[turn("user", CAPITAL)], **EXACT)
        text = said.choices[0].message.content
        assert text
        assert "Paris" in text
        chunks = client.chat.completions.create(model=NAME, messages=[turn("user", CAPITAL)], stream=True, **EXACT)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
        parsed = client.chat.completions.parse(
            model=NAME,
            messages=[turn("user", "Paris is in France.")],
            response_format=City,
            temperature=0,
            max_tokens=200,
        )
        assert isinstance(parsed.choices[0].message.parsed, City)


@real
def test_the_command_line_starts_asks_and_stops_it(environ: dict[str, str]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={**environ, "INFERENCE_PROVIDERS_OFFLINE": "1"}, check=True,
        )  # fmt: skip

    assert run("-m", "inference_providers", "local", "get", "smollm2").stdout.startswith("smollm2 is at ")
    assert run("-m", "inference_providers", "local", "start", "smollm2").stdout.startswith(
        "smollm2 is served by llama.cpp"
    )
    ask = "from inference_providers.cli.ask import main; main()"
    asked = run("-c", ask, "--json", "--temperature", "0", "--model", NAME, CAPITAL)
    assert "Paris" in json.loads(asked.stdout)["answer"]
    run("-m", "inference_providers", "local", "stop", "smollm2")
    assert not states()


@real
def test_the_demo_is_answered_by_it_and_says_so(environ: dict[str, str]) -> None:
    if engines.program("ask-ai", environ) is None:
        pytest.skip("the package is not installed here: there is no ask-ai")
    demo = [sys.executable, str(ROOT / "examples" / "demo.py")]
    said = subprocess.run(
        demo, capture_output=True, text=True, env={**environ, "OLLAMA_HOST": "127.0.0.1:9"}, check=True
    )
    assert "Paris" in said.stdout
    assert "A llama.cpp server answered, with SmolLM2-135M-Instruct" in said.stdout


@real
def test_where_it_cannot_be_had_the_demo_says_so_and_is_answered_with_noise(environ: dict[str, str]) -> None:
    if engines.program("ask-ai", environ) is None:
        pytest.skip("the package is not installed here: there is no ask-ai")
    nothing = {
        **environ,
        "XDG_DATA_HOME": environ["HOME"],
        "INFERENCE_PROVIDERS_OFFLINE": "1",
        "OLLAMA_HOST": "127.0.0.1:9",
    }
    demo = [sys.executable, str(ROOT / "examples" / "demo.py")]
    said = subprocess.run(demo, capture_output=True, text=True, env=nothing, check=True)
    assert "INFERENCE_PROVIDERS_OFFLINE is set: nothing is fetched." in said.stderr
    assert "So a tiny untrained model is written" in said.stdout
    assert "with a tiny untrained model: noise" in said.stdout
