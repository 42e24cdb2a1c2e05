"""Nothing goes to whom it was not meant for: a private server is named, in any way, and nobody else hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers import (
    AsyncProviderList,
    InferenceConfig,
    InferenceProvidersError,
    MetaInferenceEngine,
    Policy,
    ProviderList,
    RemoteParams,
    UnknownModelError,
    generate_response,
    initialize_llm_registry,
)
from inference_providers.registry.registry import bundled
from inference_providers.servers import model_lists
from tests.conftest import ROOT, Quick, keys
from tests.servers import Connection, Received, Server, answer, refused_port, status

Serve = Callable[..., Server]
OWN, CLOUDS, *_ = list(keys(3).values())
SECRET = "the-secret-prompt"


def garbage(connection: Connection, request: Received) -> None:
    connection.reply(200, "<html>welcome</html>")


def silent(connection: Connection, request: Received) -> None:
    connection.reset()


def moody(connection: Connection, request: Received) -> None:
    """Behave: list models, then fail in another way each time."""
    random.choice([status(500), status(401), garbage, silent])(connection, request)


BEHAVIOURS: dict[str, Any] = {
    "answers": answer,
    "fails": status(500),
    "refuses the key": status(401, {"error": {"message": "bad key"}}),
    "has no such model": status(404, {"error": {"message": "no such model"}}),
    "is not allowed": lambda c, r: c.reply(403, {"error": {"message": "no"}}),
    "talks garbage": garbage,
    "hangs up": silent,
    "is moody": moody,
    "is away": None,
}
NAMES = ["x", "gpt-4o", "llama-3.3-70b", "openai/gpt-4o", "gpt-4o:cheapest", "gpt-4o:azure", "auto", "llama3.1:8b"]


class World:
    """One private server; a cloud, a proxy before all the others, and a server here that has every model."""

    def __init__(self) -> None:
        self.private, self.cloud, self.proxy = Server(), Server(), Server()
        self.stranger = Server(self._lists_everything)
        self.closed = refused_port()

    @staticmethod
    def _lists_everything(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, {"data": [{"id": name, "owned_by": "library"} for name in NAMES]})
        elif request.path == "/":
            connection.reply(200, "Ollama is running")
        else:
            answer(connection, request)

    def begin(self, behaviour: str) -> str:
        """Forget what was asked; where the private server is."""
        for server in (self.private, self.cloud, self.proxy, self.stranger):
            server.requests.clear()
        self.private.behaviour = BEHAVIOURS[behaviour] or answer
        return self.private.url if BEHAVIOURS[behaviour] else f"http://127.0.0.1:{self.closed}/v1"

    def check(self, keys: set[str | None]) -> None:
        """Nobody else heard anything; a look at a port, with neither key nor prompt, is no word."""
        assert [request.path for request in self.cloud.requests + self.proxy.requests] == []
        assert [request.path for request in self.stranger.requests if request.key or request.body] == []
        assert {request.key for request in self.private.requests} <= keys

    def environ(self, **more: str) -> dict[str, str]:
        """Keys of clouds, all reached by way of the proxy or at an address of the user's, and a server here."""
        variables = ("OPENAI", "GROQ", "OPENROUTER", "ANTHROPIC", "AZURE", "TOGETHER", "CEREBRAS")
        return {
            **{f"{name}_API_KEY": CLOUDS for name in variables},
            "AZURE_RESOURCE_NAME": "somebody",
            "OPENAI_BASE_URL": self.cloud.url,
            "HTTPS_PROXY": self.proxy.url.removesuffix("/v1"),
            "HTTP_PROXY": self.proxy.url.removesuffix("/v1"),
            "OLLAMA_HOST": f"127.0.0.1:{self.stranger.port}",
            **more,
        }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    for server in (made.private, made.cloud, made.proxy, made.stranger):
        server.close()


@contextlib.contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


together = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FAST = {"retry_backoff_base": 0.001, "retry_backoff_max": 0.002, "connection_timeout": 3.0, "max_retries": 1}
TUNING: list[dict[str, Any]] = [
    {}, {"max_retries": 0}, {"max_retries": 2}, {"num_workers": 2}, {"connection_timeout": 2.0},
    {"use_adaptive_concurrency": False}, {"api_key": None, "api_url": None}, {"requests_per_minute": 6000},
]  # fmt: skip
FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "nothing": lambda tuning: {},
    "dict": lambda tuning: {"remote_params": tuning},
    "class": lambda tuning: {"remote_params": RemoteParams(**tuning)},
    "config dict": lambda tuning: {"inference_config": {"remote_params": tuning}},
    "config class": lambda tuning: {"inference_config": InferenceConfig(remote_params=RemoteParams(**tuning))},
    "engine named": lambda tuning: {"inference_config": {"engine": "OPENAI"}, "remote_params": tuning},
}


@settings(together, max_examples=25)
@given(st.sampled_from(sorted(BEHAVIOURS)), st.sampled_from(NAMES), st.sampled_from(TUNING), st.sampled_from(sorted(FORMS)), st.booleans())  # fmt: skip
def test_an_engine_with_an_address_asks_nobody_else(
    world: World, behaviour: str, name: str, tuning: dict[str, Any], form: str, with_key: bool
) -> None:
    url = world.begin(behaviour)
    remote = {"api_url": url, **FAST, **({"api_key": OWN} if with_key else {})}
    with environment(world.environ()), suppress(InferenceProvidersError):
        MetaInferenceEngine(remote_params=remote).infer(SECRET, name, **FORMS[form](tuning))
    world.check({OWN} if with_key else {"not-needed"})
    assert bool(world.private.requests) is (behaviour != "is away")


def private_list(world: World, url: str, how: str, kind: Any = ProviderList) -> tuple[Any, str]:
    """A list to which the private server is named in one way, and what names it."""
    options: dict[str, Any] = {"random": Quick(), "timeout": 3.0, "policy": Policy(total=3.0, backoff_base=0.0)}
    row: dict[str, Any] = {"name": "Private", "connection": {"endpoint": url, "api_key": "PRIVATE_SERVER_KEY"}, "model_names": {"gpt-4o": "gpt-4o"}}  # fmt: skip
    if how == "a merged row":
        return kind(
            json_merge={"providers": {"private": row}}, environ=world.environ(PRIVATE_SERVER_KEY=OWN), **options
        ), "private"
    if how == "OPENAI_BASE_URL":
        return kind(environ=world.environ(OPENAI_BASE_URL=url, OPENAI_API_KEY=OWN), **options), "openai"
    return kind(environ=world.environ(VLLM_API_BASE=url, VLLM_API_KEY=OWN), **options), "vllm"


HOW = ["a merged row", "OPENAI_BASE_URL", "VLLM_API_BASE"]
CALLS: dict[str, Any] = {
    "ask": lambda p, name: p.ask_ai(SECRET, name),
    "ask a list": lambda p, name: p.ask_ai(SECRET, [name, "no-such-provider-at-all/gpt-4o"]),
    "stream": lambda p, name: list(p.stream(SECRET, name)),
    "tools": lambda p, name: p.ask_ai(SECRET, name, schema={"type": "object", "properties": {}}),
    "connect": lambda p, name: p.get_response(*p.connect_to_model(name), SECRET),
    "connect and test": lambda p, name: p.get_response(*p.connect_to_model(name, test=True), SECRET),
    "first available": lambda p, name: p.get_response(*p.connect_to_first_available_model([name]), SECRET),
    "client": lambda p, name: p.client(name).chat.completions.create(model="default", messages=[turn()]),
    "client's call": lambda p, name: p.client("gpt-4o").chat.completions.create(model=name, messages=[turn()]),
    "client's list": lambda p, name: p.client().responses.create(model="gpt-4o", input=SECRET, extra_body={"models": [name]}),
    "batch": lambda p, name: list(p.batch([SECRET, SECRET], name, progress=False, patience=0.01)),
    "item of a batch": lambda p, name: list(p.batch([{"prompt": SECRET, "model": name}], "gpt-4o", progress=False, patience=0.01)),
}  # fmt: skip


def turn() -> Any:
    return {"role": "user", "content": SECRET}


@together
@given(
    st.sampled_from(sorted(BEHAVIOURS)), st.sampled_from(NAMES), st.sampled_from(HOW), st.sampled_from(sorted(CALLS))
)
def test_a_list_asks_nobody_but_the_server_that_is_named(
    world: World, behaviour: str, name: str, how: str, call: str
) -> None:
    made, head = private_list(world, world.begin(behaviour), how)
    with suppress(InferenceProvidersError, openai.OpenAIError):
        CALLS[call](made, f"{head}/{name}")
    made.close()
    world.check({OWN, "not-needed", None})


@together
@given(st.sampled_from(sorted(BEHAVIOURS)), st.sampled_from(NAMES), st.sampled_from(HOW), st.integers(0, 5))
def test_an_asynchronous_list_asks_nobody_but_the_server_that_is_named(
    world: World, behaviour: str, name: str, how: str, call: int
) -> None:
    made, head = private_list(world, world.begin(behaviour), how, AsyncProviderList)
    named = f"{head}/{name}"

    async def ask() -> None:
        if call == 0:
            await made.ask_ai(SECRET, named)
        elif call == 1:
            [piece async for piece in made.stream(SECRET, named)]
        elif call == 2:
            await made.connect_to_model(named, test=True)
        elif call == 3:
            await made.async_client().chat.completions.create(model=named, messages=[turn()])
        elif call == 4:
            [one async for one in made.batch([SECRET], named, progress=False, patience=0.01)]
        else:
            client, model = await made.connect_to_first_available_model([named])
            await client.chat.completions.create(model=model, messages=[turn()])

    async def whole() -> None:
        with suppress(InferenceProvidersError, openai.OpenAIError):
            await ask()
        await made.aclose()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(whole())
    world.check({OWN, "not-needed", None})


PROGRAMS = {
    "ask": "from inference_providers.cli.ask import main; main()",
    "command": "from inference_providers.cli.main import main; main()",
    "generate_response": "import sys, inference_providers; inference_providers.generate_response(*sys.argv[1:], timeout=3)",
}
COMMANDS: dict[str, Callable[[str, Path], list[str]]] = {
    "ask": lambda name, folder: ["ask", "-m", name, "--timeout", "3", SECRET],
    "ask as JSON": lambda name, folder: ["ask", "-m", name, "--timeout", "3", "--json", SECRET],
    "batch": lambda name, folder: [
        "command", "batch", str(folder / "in.jsonl"), "-o", str(folder / "out.jsonl"), "-m", name, "--timeout", "2",
    ],
    "chat": lambda name, folder: ["command", "chat", "-m", name],
    "resolve": lambda name, folder: ["command", "resolve", name],
    "generate_response": lambda name, folder: ["generate_response", name, SECRET],
}  # fmt: skip


def run(environ: dict[str, str], folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the programs, in a process of its own, with the secret on its standard input."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAMS[program], *arguments],
        input=f"{SECRET}\n",
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **environ},
        check=False,
    )


@settings(together, max_examples=12)
@given(st.sampled_from(["answers", "fails", "refuses the key", "is away", "hangs up"]), st.sampled_from(NAMES), st.sampled_from(HOW[1:]), st.sampled_from(sorted(COMMANDS)))  # fmt: skip
def test_the_command_line_asks_nobody_but_the_server_that_is_named(
    world: World, tmp_path_factory: pytest.TempPathFactory, behaviour: str, name: str, how: str, which: str
) -> None:
    url, folder = world.begin(behaviour), tmp_path_factory.mktemp("job")
    (folder / "in.jsonl").write_text(f'{{"prompt": "{SECRET}"}}\n')
    head = "openai" if how == "OPENAI_BASE_URL" else "vllm"
    own = (
        {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": OWN}
        if head == "openai"
        else {"VLLM_API_BASE": url, "VLLM_API_KEY": OWN}
    )
    done = run(world.environ(**own), folder, *COMMANDS[which](f"{head}/{name}", folder))
    world.check({OWN, "not-needed", None})
    overlooked = "no vLLM server runs" in done.stderr  # a busy machine may take longer than the look at a port lasts
    if behaviour == "answers" and which.startswith("ask") and not overlooked:
        assert (done.returncode, [request.key for request in world.private.asked if request.body]) == (0, [OWN]), (
            done.stderr
        )


# Names that are nobody's


CLOSED = ["gpt-4o", "claude-3-opus", "gemini-2.5-pro", "openai/gpt-4o", "models/gpt-4o", "gpt-4o:cheapest"]
STRANGERS = [
    "my-company", "opnerouter", "azur", "azure-prod", "proxy", "a/b", "gpt-proxy", "claude-proxy", "text-server",
    "openai_like", "company:openai", "groqq", "OpenRouterr", "private", "127.0.0.1:8000", "http://gateway.corp/v1",
    "accounts/my-company/models", "meta_llama_internal", "🏢", "..", "~",
]  # fmt: skip


@pytest.mark.parametrize("head", STRANGERS)
def test_a_model_of_closed_weights_under_a_head_that_nobody_is_called_is_asked_of_nobody(
    world: World, head: str
) -> None:
    world.begin("answers")
    for model in CLOSED:
        for prefix in ("", "litellm_"):
            made = ProviderList(environ=world.environ(), timeout=3.0)
            with pytest.raises(InferenceProvidersError):
                made.ask_ai(SECRET, f"{prefix}{head}/{model}")
    world.check({None})


def edited(spelling: str) -> st.SearchStrategy[str]:
    """A name with one slip: a letter left out, doubled, or swapped with the next."""
    places = st.integers(0, len(spelling) - 2)
    slips = (
        lambda i: spelling[:i] + spelling[i + 1 :],
        lambda i: spelling[: i + 1] + spelling[i:],
        lambda i: spelling[:i] + spelling[i + 1] + spelling[i] + spelling[i + 2 :],
    )
    return st.tuples(places, st.sampled_from(slips)).map(lambda both: both[1](both[0]))


@together
@given(
    st.sampled_from(["openrouter", "azure", "together", "groq", "cerebras", "fireworks", "ollama", "vllm"]).flatmap(edited),
    st.sampled_from(["gpt-4o", "llama-3.3-70b", "meta-llama/Llama-3.3-70B-Instruct", "mixtral-8x7b", "brand-new"]),
    st.sampled_from(["{}/{}", "litellm_{}/{}", "{}/{}:cheapest"]),
)  # fmt: skip
def test_a_slip_in_a_providers_name_never_asks_another(world: World, head: str, model: str, form: str) -> None:
    if bundled().provider_id(head) is not None or head in bundled().organisations:
        return  # somebody else's name
    world.begin("answers")
    made = ProviderList(environ=world.environ(), timeout=3.0)
    with pytest.raises(UnknownModelError) as caught:
        made.ask_ai(SECRET, form.format(head, model))
    assert caught.value.suggestions
    assert [len(line) for line in f"Error: {caught.value}".splitlines() if len(line) > 80] == []
    world.check({None})


def test_a_slip_is_passed_over_in_a_list_of_models_and_goes_nowhere_in_a_batch(world: World) -> None:
    world.begin("answers")
    made, _ = private_list(world, world.private.url, "OPENAI_BASE_URL")
    assert made.ask_ai("hi", ["opnerouter/gpt-4o", "azur/llama-3.3-70b", "openai/gpt-4o"]).provider == "openai"
    world.begin("answers")
    rows = [{"prompt": SECRET, "model": "azur/gpt-4o"}, {"prompt": SECRET, "models": ["azur/gpt-4o", "grooq/x"]}]
    done = list(made.batch(rows, "openai/gpt-4o", progress=False))
    assert [type(result.error) for result in done] == [UnknownModelError, UnknownModelError]
    with pytest.raises(openai.NotFoundError, match="azur"):
        made.client("openai/gpt-4o").chat.completions.create(model="azur/gpt-4o", messages=[turn()])
    for call in (
        lambda: made.connect_to_model("azur/gpt-4o"),
        lambda: made.connect_to_first_available_model(["azur/gpt-4o"]),
        lambda: made.client().models.retrieve("azur/gpt-4o"),
        lambda: made.find_model_providers("azur/gpt-4o"),
        lambda: made.connect_to_model("gpt-4o", provider="azur"),
    ):
        with pytest.raises((UnknownModelError, openai.NotFoundError), match="azur"):
            call()
    assert world.private.requests == []
    world.check(set())


@pytest.mark.parametrize("arguments", [["ask", "-m"], ["command", "resolve"], ["command", "chat", "-m"]])
def test_the_command_line_says_what_was_perhaps_meant(world: World, tmp_path: Path, arguments: list[str]) -> None:
    world.begin("answers")
    done = run(world.environ(), tmp_path, *arguments, "opnerouter/gpt-4o")
    assert (done.returncode, done.stdout) == (4, "")
    assert "openrouter/gpt-4o" in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 80
    world.check(set())


def test_a_slip_is_an_error_of_every_way_to_ask(world: World) -> None:
    world.begin("answers")
    with environment(world.environ()):
        for ask in (
            lambda: generate_response("opnerouter/gpt-4o", SECRET),
            lambda: MetaInferenceEngine().infer(SECRET, "opnerouter/gpt-4o"),
            lambda: MetaInferenceEngine(remote_params={"api_key": OWN}).infer(SECRET, "opnerouter/gpt-4o"),
            lambda: MetaInferenceEngine().infer(SECRET, inference_config={"model": {"model_name": "azur/gpt-4o"}}),
            lambda: MetaInferenceEngine().infer(SECRET, "gpt-4o", {"engine": "OPNEROUTER"}),
        ):
            with pytest.raises(UnknownModelError):
                ask()
    world.check(set())


def test_open_weights_of_somebody_unknown_are_asked_for_with_one_warning(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    row = {"connection": {"endpoint": server.url, "api_key": "MINE_KEY"}, "model_names": {"llama-3.3-70b": "big-llama"}}
    made = ProviderList(json_merge={"providers": {"mine": row}}, environ={"MINE_KEY": "k-1"}, local=False)
    for _ in range(2):
        assert made.ask_ai("hi", "someone/Llama-3.3-70B-Instruct") == "hello"
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [
        "no provider or organisation is called 'someone'; 'someone/Llama-3.3-70B-Instruct' is taken for "
        "llama-3.3-70b; mine is asked, for big-llama"
    ]


def test_an_empty_list_of_models_names_nobody(world: World) -> None:
    world.begin("answers")
    made = ProviderList(environ=world.environ(), timeout=3.0)
    for ask in (
        lambda: made.client([]),
        lambda: made.async_client([]),
        lambda: made.ask_ai(SECRET, []),
        lambda: made.connect_to_first_available_model([]),
    ):
        with pytest.raises(UnknownModelError):
            ask()
    world.check(set())


def test_a_listed_model_is_not_asked_of_another_engine_that_has_something_called_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.begin("answers")
    (tmp_path / "models.json").write_text('{"models": [{"name": "vllm_x", "model_path": "/models/nowhere/x"}]}')
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{world.stranger.port}")  # has an `x` of its own
    monkeypatch.setattr(model_lists, "_listed", None)  # as it is now, afterwards
    initialize_llm_registry(tmp_path / "models.json")
    with pytest.raises(InferenceProvidersError):
        generate_response("vllm_x", SECRET, timeout=3)
    world.check(set())
