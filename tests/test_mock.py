"""Mock mode: a program's own replies through the whole pipeline, without key or network."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pydantic
import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    InferenceProvidersError,
    InvalidReplyError,
    InvalidRequestError,
    ProviderList,
    UnknownModelError,
)
from tests.conftest import Quick


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mock mode opens no connection and asks for no address."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("mock mode went to the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def mocked(**replies: Any) -> ProviderList:
    return ProviderList(mock={name.replace("_", "-"): reply for name, reply in replies.items()}, random=Quick())


ADD = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_a_text_is_the_answer_and_no_key_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1-0123456789abcdef")
    providers = mocked(gpt_4="It depends.")
    found = providers.ask_ai("Should I?", "gpt-4")
    assert (found, found.canonical_name, found.finish_reason) == ("It depends.", "gpt-4", "stop")
    assert found.usage is not None and found.usage.total_tokens > 0
    assert {offer.variable for offer in providers.candidates("gpt-4")} == {"INFERENCE_PROVIDERS_MOCK_KEY"}


def test_a_function_gets_the_messages() -> None:
    providers = mocked(gpt_4=lambda messages: f"{messages[0]['role']}: {messages[-1]['content'].upper()}")
    assert providers.ask_ai("hi", "gpt-4", system="Be brief.") == "system: HI"


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4", "openai/gpt-4", "litellm_gpt-4", "claude-3-7-sonnet", "claude-3-opus", "mixtral-8x7b", "mistral-7b",
        "llama-2-7b", "gpt-3.5", "together/llama3.1-70b", "hf_foo/bar", "vllm_Qwen2-7B-Instruct", "our-own-finetune",
        "gpt-4o-2024-08-06",
    ],
)  # fmt: skip
def test_a_model_is_mocked_under_the_name_that_the_program_uses(name: str) -> None:
    assert ProviderList(mock={name: "yes"}).ask_ai("?", name) == "yes"


def test_one_model_is_the_same_in_other_spellings() -> None:
    providers = mocked(gpt_4="yes")
    assert {providers.ask_ai("?", name) for name in ("GPT-4", "openai/gpt-4", "litellm_gpt-4", "openrouter/gpt-4")} == {
        "yes"
    }


def test_each_model_has_its_own_reply() -> None:
    providers = ProviderList(mock={"gpt-4": "four", "claude-opus-5.5": "five", "*": "rest"})
    names = ("gpt-4", "claude-opus-5.5", "gemini-2.5-pro")
    assert [providers.ask_ai("?", name) for name in names] == ["four", "five", "rest"]
    assert providers.ask_ai("?") == "four"


def test_a_model_without_a_reply_is_unknown() -> None:
    with pytest.raises(UnknownModelError):
        mocked(gpt_4="x").ask_ai("?", "claude-opus-5.5")


def test_nothing_mocked_answers_nothing() -> None:
    with pytest.raises(InferenceProvidersError):
        ProviderList(mock={}).ask_ai("?")


def test_a_list_gives_one_reply_after_another_and_the_last_for_ever() -> None:
    providers = mocked(gpt_4=["one", lambda messages: "two", {"content": "three"}])
    assert [providers.ask_ai("?", "gpt-4") for _ in range(5)] == ["one", "two", "three", "three", "three"]


@pytest.mark.parametrize("error", [500, 429, "out of order", {"status": 503, "message": "busy"}, TimeoutError("late")])
def test_a_passing_error_is_followed_by_the_next_reply(error: Any) -> None:
    found = mocked(gpt_4=[{"error": error}, "at last"]).ask_ai("?", "gpt-4")
    assert found == "at last"
    assert len(found.attempts) == 2


def test_an_error_is_what_a_real_one_would_be() -> None:
    with pytest.raises(AllProvidersFailedError, match="no such luck") as caught:
        mocked(gpt_4={"error": {"status": 500, "message": "no such luck"}}).ask_ai("?", "gpt-4")
    assert {attempt.status for attempt in caught.value.attempts} == {500}
    with pytest.raises(InvalidRequestError, match="bad prompt"):
        mocked(gpt_4={"error": {"status": 400, "message": "bad prompt"}}).ask_ai("?", "gpt-4")


def test_a_latency_is_waited_for() -> None:
    assert 0.15 <= mocked(gpt_4={"content": "x", "latency_ms": 150}).ask_ai("?", "gpt-4").latency < 60  # in seconds


@pytest.mark.parametrize("stream", [False, True])
def test_a_latency_beyond_the_timeout_is_a_timeout(stream: bool) -> None:
    providers = mocked(gpt_4={"content": "x", "latency_ms": 3_600_000})  # more than a test may take
    with pytest.raises(AllProvidersFailedError, match=r"deadline|in time"):
        providers.ask_ai("?", "gpt-4", stream=stream, timeout=0.2)


def test_an_asynchronous_list_waits_without_blocking_and_times_out() -> None:
    hour = {"content": "x", "latency_ms": 3_600_000}  # more than a test may take
    providers = AsyncProviderList(mock={"gpt-4": {"content": "x", "latency_ms": 20}, "gpt-4o": hour}, timeout=7200)

    async def work() -> list[Any]:
        patient = asyncio.create_task(providers.ask_ai("?", "gpt-4o"))
        await asyncio.sleep(0)  # it begins
        answers = await asyncio.gather(*(providers.ask_ai("?", "gpt-4") for _ in range(5)))
        assert patient.cancel()
        return answers

    assert asyncio.run(work()) == ["x"] * 5
    with pytest.raises(AllProvidersFailedError):
        asyncio.run(providers.ask_ai("?", "gpt-4o", timeout=0.2))


def test_streams_come_in_pieces() -> None:
    with mocked(gpt_4="one two  three\n").stream("?", "gpt-4") as stream:
        assert list(stream) == ["one", " two", " ", " three\n"]
        assert stream.answer == "one two  three\n"
        assert stream.answer.usage is not None


def test_asynchronous_streams_come_in_pieces() -> None:
    async def work() -> list[str]:
        providers = AsyncProviderList(mock={"gpt-4": "one two"})
        return [piece async for piece in providers.stream("?", "gpt-4")]

    assert asyncio.run(work()) == ["one", " two"]


def test_a_mocked_call_of_a_tool_is_run_and_answered() -> None:
    providers = mocked(gpt_4=[{"tool_calls": [ADD]}, lambda messages: f"It is {messages[-1]['content']}."])
    assert providers.ask_ai("2 + 3?", "gpt-4", tools=[add]) == "It is 5."


class Point(pydantic.BaseModel):
    """Two numbers."""

    x: int
    y: int


def test_a_reply_that_does_not_fit_is_repaired_once() -> None:
    providers = mocked(gpt_4=['{"x": 1}', '{"x": 1, "y": 2}'])
    assert providers.ask_ai("?", "gpt-4", schema=Point).parsed == Point(x=1, y=2)
    with pytest.raises(InvalidReplyError):
        mocked(gpt_4="no JSON at all").ask_ai("?", "gpt-4", schema=Point)


def test_a_real_client_of_the_sdk_is_answered() -> None:
    providers = mocked(gpt_4="from the SDK")
    client, name = providers.connect_to_model("gpt-4", test=True)
    assert providers.get_response(client, name, "hi") == "from the SDK"
    routed = providers.client()
    made = routed.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}])
    assert made.choices[0].message.content == "from the SDK"
    client.close()
    routed.close()


def test_a_batch_is_answered_in_order() -> None:
    providers = mocked(gpt_4=lambda messages: messages[-1]["content"] * 2)
    assert [result.answer for result in providers.batch(["a", "b", "c"], "gpt-4")] == ["aa", "bb", "cc"]


def test_what_was_asked_can_be_looked_at(inference_providers: Any) -> None:
    inference_providers.mock({"gpt-4": "yes"})
    ProviderList().ask_ai("Should I?", "gpt-4", temperature=0.5, max_tokens=7)
    (body,) = inference_providers.requests
    assert (body["messages"][-1]["content"], body["temperature"], body["max_tokens"]) == ("Should I?", 0.5, 7)
    json.dumps(body)


@pytest.mark.parametrize(
    ("mock", "named"),
    [
        ("text", "mapping"),
        (["text"], "mapping"),
        ({"gpt-4": None}, "gpt-4"),
        ({"gpt-4": 5}, "gpt-4"),
        ({"gpt-4": []}, "gpt-4"),
        ({"gpt-4": ["fine", 5]}, "gpt-4"),
        ({"gpt-4": {"contnt": "x"}}, "contnt"),
        ({"gpt-4": {"content": 5}}, "content"),
        ({"gpt-4": {"latency_ms": "long"}}, "latency_ms"),
    ],
)
def test_what_is_no_reply_is_refused_when_the_list_is_made(mock: Any, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        ProviderList(mock=mock)


async def slow(messages: Any) -> str:
    return "x"


@pytest.mark.parametrize(
    ("function", "named"),
    [(lambda m: None, "NoneType"), (lambda m: ["a"], "list"), (lambda m: {"contnt": 1}, "contnt"), (slow, "async")],
)
def test_a_function_that_returns_no_reply_is_told_so(function: Any, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        mocked(gpt_4=function).ask_ai("?", "gpt-4")


def test_what_a_function_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        mocked(gpt_4=lambda messages: 1 / 0).ask_ai("?", "gpt-4")


def test_an_engine_and_a_simulation_are_mocked_as_well(inference_providers: Any) -> None:
    from inference_providers import MetaInferenceEngine, generate_response

    inference_providers.mock({"gpt-4o": "engine", "litellm_gpt-4": "simulation"})
    engine = MetaInferenceEngine(remote_params={"api_key_env_varname": "NOT_SET"})
    assert engine.infer("Hi", "gpt-4o")[0].messages[-1].content == "engine"
    assert generate_response("litellm_gpt-4", "Hi") == "simulation"
    inference_providers.mock({"gpt-4o": "another"})
    assert engine.infer("Hi", "gpt-4o")[0].messages[-1].content == "another"
    by_hand = MetaInferenceEngine(remote_params={"api_key": "canary-1-0123456789abcdef"})
    assert by_hand.infer("Hi", "gpt-4o")[0].messages[-1].content == "another"


@pytest.mark.parametrize("replies", [{"*": "hi"}, {"gpt-4": "hi"}])
def test_nobody_is_warned_of_an_address_that_is_none(replies: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    made = mocked(**replies)
    made.candidates("gpt-4")
    made.candidates("auto")
    assert made.ask_ai("x") == "hi"
    assert caplog.records == []
