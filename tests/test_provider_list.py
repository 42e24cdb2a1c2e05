"""Connecting and asking, against real loopback servers, with threads and with asyncio alike."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import openai
import pytest

import inference_providers
from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    AuthenticationError,
    NoCredentialsError,
    ProviderList,
    UnknownModelError,
    ask_ai,
)
from inference_providers.transport.staggering import race
from tests.conftest import async_list_of, keys, list_of, registry_of
from tests.servers import PATIENCE, BlackHole, Server, answer, completion, refused_port, status

Serve = Callable[..., Server]
KINDS = [pytest.param(list_of, id="sync"), pytest.param(async_list_of, id="async")]


def run(value: Any) -> Any:
    """The value, or what the coroutine returns."""
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def close(client: Any) -> None:
    run(client.close())


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("test", [False, True])
def test_the_first_candidate_in_registry_order_that_works_is_connected(serve: Serve, make: Any, test: bool) -> None:
    dead, alive, spare = f"http://127.0.0.1:{refused_port()}/v1", serve(), serve()
    connection = run(make(dead, alive.url, spare.url).connect_to_model("m", test=test))
    client, name = connection
    assert (connection.provider, name) == ("p2", "m-internal")
    assert str(client.base_url).rstrip("/") == alive.url
    assert connection.attempts[0].provider == "p1"
    close(client)


def test_the_client_is_a_real_sdk_client_with_the_providers_own_key(serve: Serve) -> None:
    server = serve()
    client, name = list_of(server.url).connect_to_model("m")
    assert type(client) is openai.OpenAI
    assert (
        client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
        .choices[0]
        .message.content
        == "hello"
    )
    assert server.asked[0].key == keys(1)["P1_API_KEY"]
    client.close()


def test_the_async_client_is_a_real_sdk_client(serve: Serve) -> None:
    server = serve()

    async def main() -> str | None:
        client, name = await async_list_of(server.url).connect_to_model("m")
        assert type(client) is openai.AsyncOpenAI
        async with client:
            reply = await client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
            return str(reply.choices[0].message.content)

    assert asyncio.run(main()) == "hello"


@pytest.mark.parametrize("make", KINDS)
def test_without_test_neither_key_nor_prompt_is_sent(serve: Serve, make: Any) -> None:
    server = serve()
    run(make(server.url).connect_to_model("m"))
    assert [(request.method, request.key, request.body) for request in server.requests] == [("GET", None, b"")]


@pytest.mark.parametrize(
    ("code", "works"), [(200, True), (401, True), (404, True), (499, True), (500, False), (503, False)]
)
def test_any_status_below_500_counts_as_reachable(serve: Serve, code: int, works: bool) -> None:
    server = serve(lambda connection, request: connection.reply(code, {"error": "x"}))
    if works:
        assert list_of(server.url).connect_to_model("m").provider == "p1"
    else:
        with pytest.raises(AllProvidersFailedError) as caught:
            list_of(server.url).connect_to_model("m")
        assert [attempt.status for attempt in caught.value.attempts] == [code]


@pytest.mark.parametrize("make", KINDS)
def test_with_test_a_refused_key_moves_on(serve: Serve, make: Any) -> None:
    refusing, good = (
        serve(status(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})),
        serve(),
    )
    connection = run(make(refusing.url, good.url).connect_to_model("m", test=True))
    assert connection.provider == "p2"
    assert [attempt.status for attempt in connection.attempts if attempt.error] == [401]


@pytest.mark.parametrize(
    ("reply", "works"),
    [
        (completion("yes"), True),
        (completion("", finish_reason="length"), True),  # a reasoning model that spent its tokens on thinking
        (completion(None, finish_reason="length"), True),
        (completion(""), False),
        ({"choices": []}, False),
    ],
)
def test_with_test_the_reply_must_be_one(serve: Serve, reply: Any, works: bool) -> None:
    first, second = serve(status(200, reply)), serve()
    assert list_of(first.url, second.url).connect_to_model("m", test=True).provider == ("p1" if works else "p2")


@pytest.mark.parametrize("make", KINDS)
def test_a_dead_host_delays_nobody_by_much(serve: Serve, make: Any) -> None:
    server = serve()
    with BlackHole() as one, BlackHole() as two:
        connection = run(make(one.url, two.url, server.url).connect_to_model("m"))
        assert connection.provider == "p3"
        assert [attempt.provider for attempt in connection.attempts] == ["p3"]  # the others were not waited for


def test_the_next_is_looked_at_when_the_one_before_takes_a_quarter_of_a_second_or_fails() -> None:
    steps = race(4)
    assert [steps.send(None) for _ in range(4)] == [("start", 0), ("wait", 0.25), ("start", 1), ("wait", 0.25)]
    assert steps.send((0, False)) == ("start", 2)
    assert steps.send(None) == ("wait", 0.25)
    assert steps.send((1, True)) == ("wait", 0.0)
    assert steps.send(None) == ("won", 1)


def test_of_several_that_answer_the_earliest_in_order_wins(serve: Serve) -> None:
    has_answered = threading.Event()

    def slow(connection: Any, request: Any) -> None:
        time.sleep(0.4)  # until the other one is asked as well
        answer(connection, request)
        has_answered.set()

    def slower(connection: Any, request: Any) -> None:
        has_answered.wait(PATIENCE)
        time.sleep(0.2)
        answer(connection, request)

    late, later = serve(slow), serve(slower)
    assert list_of(late.url, later.url).connect_to_model("m").provider == "p1"


def test_random_choice_takes_an_injected_source(serve: Serve) -> None:
    servers = [serve() for _ in range(4)]
    chosen = set()
    for seed in range(12):
        made = ProviderList(
            json_override=registry_of(*(s.url for s in servers)),
            environ=keys(4),
            local=False,
            random=random.Random(seed),
        )
        again = ProviderList(
            json_override=registry_of(*(s.url for s in servers)),
            environ=keys(4),
            local=False,
            random=random.Random(seed),
        )
        first = made.connect_to_model("m", choose_randomly=True).provider
        assert first == again.connect_to_model("m", choose_randomly=True).provider
        chosen.add(first)
    assert len(chosen) > 1


@pytest.mark.parametrize("make", KINDS)
def test_the_first_available_of_a_list_skips_what_has_no_key(serve: Serve, make: Any) -> None:
    server = serve()
    made = make(server.url, more={"second": "second-internal"})
    connection = run(made.connect_to_first_available_model(["no-such-model-at-all", "second", "m"]))
    assert connection.name == "second-internal"


def test_a_list_without_any_known_name_or_key_is_a_clear_error() -> None:
    with pytest.raises(UnknownModelError, match="no-such-model"):
        ProviderList(environ={}, local=False).connect_to_first_available_model(["no-such-model-at-all"])
    with pytest.raises(NoCredentialsError, match="OPENAI_API_KEY") as caught:
        ProviderList(environ={}, local=False).connect_to_first_available_model(["gpt-4", "claude-opus-5.5"])
    assert "ANTHROPIC_API_KEY" in caught.value.variables
    with pytest.raises(UnknownModelError, match="empty"):
        ProviderList(environ={}, local=False).connect_to_first_available_model([])


@pytest.mark.parametrize("make", KINDS)
def test_connect_to_ai_takes_the_best_model_by_priority(serve: Serve, make: Any) -> None:
    server = serve()
    made = make(server.url, more={"best": "best-internal"}, priority=["best", "m"])
    connection = run(made.connect_to_ai())
    assert connection.name == "best-internal"
    assert server.asked[0].json["model"] == "best-internal"


@pytest.mark.parametrize("make", KINDS)
def test_ask_ai_falls_back_and_answers(serve: Serve, make: Any) -> None:
    broken, good = serve(status(404, "nothing here")), serve()
    assert run(make(broken.url, good.url).ask_ai("Come here often?")) == "hello"
    assert good.asked[0].json["messages"] == [{"role": "user", "content": "Come here often?"}]


@pytest.mark.parametrize("make", KINDS)
def test_ask_ai_without_test_raises_the_failure_of_the_first_reachable(serve: Serve, make: Any) -> None:
    broken, good = serve(status(404, "nothing here")), serve()
    with pytest.raises(AllProvidersFailedError, match="nothing here"):
        run(make(broken.url, good.url).ask_ai("hi", test=False))
    assert good.asked == []


def test_every_failed_attempt_is_in_the_error(serve: Serve) -> None:
    first, second = serve(status(401, {"error": "bad key"})), serve(status(404, "gone"))
    with pytest.raises(AllProvidersFailedError) as caught:
        list_of(first.url, second.url).ask_ai("hi")
    assert [(a.provider, a.status) for a in caught.value.attempts] == [("p1", 401), ("p2", 404)]
    assert isinstance(caught.value.attempts[0].error, AuthenticationError)
    assert "p1/m-internal" in str(caught.value)
    assert "gone" in str(caught.value)


def test_module_level_ask_ai_takes_what_the_environment_has(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setenv("OPENAI_API_KEY", "canary-one-line")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert ask_ai("Come here often?") == "hello"
    assert ask_ai("And now?", model="gpt-4") == "hello"
    assert [(r.key, r.json["model"]) for r in server.asked] == [
        ("canary-one-line", "gpt-6.1-sol"),
        ("canary-one-line", "gpt-4"),
    ]


def test_no_key_at_all_names_the_five_easiest_and_where_to_get_them() -> None:
    for call in (lambda p: p.ask_ai("x"), lambda p: p.connect_to_ai()):
        with pytest.raises(NoCredentialsError) as caught:
            call(ProviderList(environ={}, local=False))
        assert len(caught.value.variables) == 5
        assert str(caught.value).count("https://") == 5
        assert all(variable in str(caught.value) for variable in caught.value.variables)


@pytest.mark.parametrize("make", KINDS)
def test_get_response_is_the_text_of_the_answer(serve: Serve, make: Any) -> None:
    server = serve()
    made = make(server.url)

    async def ask() -> str:
        client, name = await made.connect_to_model("m")
        async with client:
            return str(await made.get_response(client, name, "What's your sign?"))

    if isinstance(made, AsyncProviderList):
        assert asyncio.run(ask()) == "hello"
    else:
        client, name = made.connect_to_model("m")
        assert made.get_response(client, name, "What's your sign?") == "hello"
        client.close()


def test_get_response_raises_our_errors_without_the_key(serve: Serve) -> None:
    server = serve(status(401, {"error": {"message": f"Incorrect API key provided: {keys(1)['P1_API_KEY']}"}}))
    made = list_of(server.url)
    client, name = made.connect_to_model("m")
    with pytest.raises(AuthenticationError) as caught:
        made.get_response(client, name, "hi")
    assert keys(1)["P1_API_KEY"] not in str(caught.value)
    assert caught.value.status == 401
    client.close()


@pytest.mark.parametrize("make", KINDS)
def test_a_stream_gives_the_text_as_it_comes(serve: Serve, make: Any) -> None:
    made = make(serve().url)

    async def read() -> list[str]:
        return [piece async for piece in made.stream("hi")]

    pieces = asyncio.run(read()) if isinstance(made, AsyncProviderList) else list(made.stream("hi"))
    assert pieces == ["he", "llo"]


def test_explain_says_of_every_offer_why_or_why_not(serve: Serve) -> None:
    made = list_of(serve().url, "https://p2.example/v1", environ={"P2_API_KEY": "changeme"})
    explanation = made.explain("m")
    assert [(o.provider, o.usable) for o in explanation] == [("p1", True), ("p2", False)]
    assert explanation.chosen.provider == "p1"
    assert "P1_API_KEY is set" in str(explanation)
    assert "P2_API_KEY holds a placeholder" in str(explanation)


def test_verbose_tells_what_is_tried_and_no_key(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = serve(status(404, "nothing here")), serve()
    list_of(broken.url, good.url, verbose=True).ask_ai("hi")
    assert "asking p1/m-internal" in caplog.text
    assert "nothing here" in caplog.text
    assert not any(key in caplog.text + capsys.readouterr().err for key in keys(2).values())


def test_an_offer_unpacks_and_carries_the_rest() -> None:
    made = list_of("https://p1.example/v1", facts=[[1000, 100, 1.5, 2, None, "tv"]])
    (offer,) = made.find_model_providers("m")
    provider, endpoint, canonical, internal, key = offer
    assert (provider, endpoint, canonical, internal, key) == (
        "p1",
        "https://p1.example/v1",
        "m",
        "m-internal",
        keys(1)["P1_API_KEY"],
    )
    assert (
        offer.context_window,
        offer.output_limit,
        offer.input_price,
        offer.output_price,
        offer.cached_input_price,
    ) == (1000, 100, 1.5, 2, None)
    assert offer.features == {"tools", "vision"}
    assert offer[4] == key
    assert len(offer) == 5


def test_both_kinds_have_the_same_public_names() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(AsyncProviderList) - public(ProviderList) == {"aclose"}
    assert public(ProviderList) - public(AsyncProviderList) == {"close"}


def test_public_names_are_pinned() -> None:
    assert sorted(inference_providers.__all__) == [
        "AllProvidersFailedError", "Answer", "AnswerStream", "AnthropicInferenceEngine", "AsyncAnswerStream",
        "AsyncBatch", "AsyncBatchJobs", "AsyncClient", "AsyncProviderList", "Attempt", "AuthenticationError",
        "BaseInferenceEngine", "BaseLLMBackend", "Batch", "BatchInfo", "BatchJob", "BatchJobs", "BatchResult", "BatchStatus",
        "BedrockInferenceEngine", "BudgetExceededError", "CerebrasInferenceEngine", "Client", "Connection",
        "ContentFilteredError", "ContentItem", "ContextLengthError", "Conversation",
        "DeepSeekInferenceEngine", "Explanation", "FailureDetail", "FinishReason", "FireworksInferenceEngine",
        "GenerationParams", "GoogleGeminiInferenceEngine", "GoogleVertexInferenceEngine",
        "GuidedDecodingParams", "HuggingFaceRouterInferenceEngine", "InferenceConfig", "InferenceEngineType",
        "InferenceErrorType", "InferenceProvidersError", "InferenceResult", "InsufficientCreditsError",
        "InvalidReplyError", "InvalidRequestError", "Limits", "LlamaCppInferenceEngine", "LocalServerError",
        "MalformedItemError", "Message", "MetaInferenceEngine", "ModelParams", "NativeTextInferenceEngine",
        "NoCredentialsError", "Offer", "OpenAIInferenceEngine", "OpenRouterInferenceEngine",
        "ParasailInferenceEngine", "Policy", "ProviderAvoidedError", "ProviderError", "ProviderList",
        "ProviderUnavailableError", "RateLimitError", "RegistryError", "RemoteInferenceEngine",
        "RemoteParams", "RemoteVLLMInferenceEngine", "Resolution", "Result", "Role", "SGLangInferenceEngine",
        "SambanovaInferenceEngine", "SettingsError", "StepLimitError", "Summary", "TogetherInferenceEngine",
        "TruncatedStreamError", "Type", "UnknownModelError", "Usage", "VLLMInferenceEngine", "ask_ai",
        "batch", "build_inference_engine", "canonical_name", "detect_model_backend", "estimate", "generate_response",
        "get_available_models", "get_backend_for_model", "initialize_llm_registry", "list_models", "register_backend", "stream",
    ]  # fmt: skip
    assert all(getattr(inference_providers, name) for name in inference_providers.__all__)


def test_auto_is_the_same_as_no_name_at_all(serve: Serve) -> None:
    server = serve()
    made = list_of(server.url)
    assert made.ask_ai("hi", model="auto") == "hello"
    with pytest.raises(NoCredentialsError, match="No API key and no model server was found"):
        ProviderList(environ={}, local=False).ask_ai("hi", model="auto")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HF_TOKEN": "hf_x"}, "HF_TOKEN is a general-purpose token: name the provider (huggingface/MODEL)"),
        ({"AZURE_API_KEY": "k"}, "AZURE_RESOURCE_NAME is not set"),
        ({"OPENAI_API_KEY": "your-api-key"}, "OPENAI_API_KEY is set, but holds a placeholder"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "nonsense"}, "OPENAI_BASE_URL is not a plain http(s) address"),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:999999/v1"},
            "OPENAI_BASE_URL is not a plain http(s) address",
        ),
    ],
)
def test_what_is_set_in_vain_is_told(environ: dict[str, str], said: str) -> None:
    with pytest.raises(NoCredentialsError) as caught:
        ProviderList(environ=environ, local=False).ask_ai("hi")
    assert said in str(caught.value)


def test_a_provider_of_ones_own_needs_no_place_in_the_priority_list(serve: Serve) -> None:
    row = {
        "mine": {"connection": {"endpoint": serve().url, "api_key": "MINE_KEY"}, "model_names": {"own": "own-internal"}}
    }
    made = ProviderList(json_merge={"providers": row}, environ={"MINE_KEY": "k"}, local=False)
    assert made.ask_ai("hi") == "hello"
    keyless = {"mine": {"connection": {"endpoint": serve().url}, "model_names": {"own": "own-internal"}}}
    assert ProviderList(json_merge={"providers": keyless}, environ={}, local=False).ask_ai("hi", model="own") == "hello"


def test_a_key_that_is_set_later_is_found(serve: Serve) -> None:
    environ: dict[str, str] = {}
    made = ProviderList(json_override=registry_of(serve().url), environ=environ, local=False)
    with pytest.raises(NoCredentialsError):
        made.ask_ai("hi")
    environ["P1_API_KEY"] = "k"
    assert made.ask_ai("hi") == "hello"
    assert made.connect_to_model("m").provider == "p1"


@pytest.mark.parametrize("question", ["", "  ", [], None, 5, b"hi", ["hi"]])
def test_a_question_that_is_none_is_a_clear_error(question: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="the question"):
        list_of("http://127.0.0.1:9/v1").ask_ai(question)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": None},
        {"hedge_after": "x"},
        {"hedge_after": -1},
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"timeout|hedge_after"):
        ProviderList(environ={}, **options)


def test_explain_counts_candidates_and_not_names() -> None:
    made = ProviderList(environ={"OPENAI_API_KEY": "k"}, local=False)
    assert repr(made.explain("gpt-4o")).startswith("<Explanation of 'gpt-4o': 1 of ")
    assert "another of this provider's names" in str(made.explain("gpt-4o"))


def _subclass(kind: Any) -> Any:
    class SecondOnly(kind):
        """A program's own rule of who may be asked."""

        def candidates(self, name: str, *, provider: str | None = None) -> Any:
            return [offer for offer in super().candidates(name, provider=provider) if offer.provider == "p2"]

    return SecondOnly


@pytest.mark.parametrize("make", KINDS)
def test_a_subclass_that_overrides_who_may_be_asked_is_heeded_by_every_call(make: Any, serve: Serve) -> None:
    first, second = serve(partial(answer, text="first")), serve(partial(answer, text="second"))
    kind = _subclass(AsyncProviderList if make is async_list_of else ProviderList)

    async def everything(providers: Any) -> list[str]:
        async def value(made: Any) -> Any:
            return await made if inspect.isawaitable(made) else made

        said = [str(await value(providers.ask_ai("?", "m")))]
        said.append((await value(providers.connect_to_model("m"))).offer.provider)
        said.append((await value(providers.connect_to_first_available_model(["m"]))).offer.provider)
        client = providers.client()
        messages = [{"role": "user", "content": "?"}]
        said.append(
            (await value(client.chat.completions.create(model="m", messages=messages))).choices[0].message.content
        )
        await value(client.close())
        batch = providers.batch(["?"], "m")
        results = [result async for result in batch] if kind.__mro__[1] is AsyncProviderList else list(batch)
        return [*said, str(results[0].answer)]

    providers = list_of(first.url, second.url, kind=kind)
    assert asyncio.run(everything(providers)) == ["second", "p2", "p2", "second", "second"]
    assert first.requests == []


@pytest.mark.parametrize("base", [ProviderList, AsyncProviderList])
def test_a_subclass_that_overrides_which_servers_run_here_is_heeded(base: Any) -> None:
    looks = []

    class Nowhere(base):  # type: ignore[misc]
        def local_servers(self) -> list[Any]:
            looks.append(1)
            return []

    providers = Nowhere(environ={})
    with pytest.raises(NoCredentialsError):
        run(providers.ask_ai("?"))
    assert looks
    assert all(not offer.local or not offer.awake for offer in providers.explain("llama-3.3-70b").candidates)


@pytest.mark.parametrize("make", KINDS)
def test_timeout_and_verbose_can_be_set_later(make: Any, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    providers = make(serve().url)
    providers.verbose = True
    with caplog.at_level("INFO", "inference_providers"):
        run(providers.ask_ai("?", "m"))
    assert "asking p1/m-internal" in caplog.text
    with BlackHole() as hole:
        providers = make(hole.url)
        providers.timeout = 0.05
        with pytest.raises(AllProvidersFailedError, match="before the deadline"):
            run(providers.ask_ai("?", "m"))
    assert (providers.timeout, providers.verbose) == (0.05, False)


@pytest.mark.parametrize("base", [ProviderList, AsyncProviderList])
def test_a_subclass_may_set_what_it_hands_on_before(base: Any) -> None:
    class Early(base):  # type: ignore[misc]
        def __init__(self, verbose: bool) -> None:
            self.verbose, self.timeout = verbose, 5.0
            super().__init__(verbose, environ={}, local=False, timeout=self.__dict__.get("timeout", 7.0))

    assert (Early(True).verbose, Early(True).timeout) == (True, 7.0)


def test_what_a_test_patches_on_a_list_is_what_a_question_uses(serve: Callable[..., Server]) -> None:
    server = serve()
    made = list_of(server.url)
    patched = mock.patch.object(made, "candidates", side_effect=UnknownModelError("patched"))
    with patched, pytest.raises(UnknownModelError, match="patched"):
        made.ask_ai("x", "gpt-4o")
    assert server.requests == []
