"""SDKs of other APIs than OpenAI's, before providers of chat completions. What they are told to do is in `programs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.behind import BOTH, PICTURE, PLAIN, THINKER, Behind, png
from tests.clients.conftest import PROGRAMS, node_program, python_program
from tests.clients.provider import TEXT, WORDS
from tests.clients.strict_chat import BEFORE, CALLS, THOUGHT


def python(name: str) -> Callable[[], list[str]]:
    return lambda: [*python_program("python"), str(PROGRAMS / name)]


def node(name: str) -> Callable[[], list[str]]:
    return lambda: [*node_program(), str(PROGRAMS / name)]


class Sdk:
    """usage: tokens in, of them cached, out. end: its word for a whole answer. path: what it asks for.

    kinds: its words for errors, by status. own_mind: it repeats whatever the headers say.
    """

    def __init__(
        self, command: Callable[[], list[str]], path: str, end: str, kinds: dict[int, str | None], *,
        usage: tuple[int, int, int] = (12, 8, 9), own_mind: bool = False,
    ) -> None:  # fmt: skip
        self.command, self.path, self.end, self.kinds = command, path, end, kinds
        self.usage, self.own_mind = list(usage), own_mind


ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}
OPENAI = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 503: "server_error"}
GOOGLE = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
NONE: dict[int, str | None] = dict.fromkeys((400, 401, 429, 503))
SDKS = {
    "anthropic-python": Sdk(python("anthropic_python.py"), "/v1/messages", "end_turn", {**ANTHROPIC}),
    "anthropic-node": Sdk(node("anthropic_node.mjs"), "/v1/messages", "end_turn", {**ANTHROPIC}),
    "ai-sdk-anthropic": Sdk(node("ai_sdk_anthropic.mjs"), "/v1/messages", "stop", {**ANTHROPIC}, own_mind=True),
    "openai-responses": Sdk(python("openai_responses_python.py"), "/v1/responses", "completed", {**OPENAI}),
    "google-genai": Sdk(python("google_genai_python.py"), "/v1/models/", "STOP", {**GOOGLE}),
    "ollama": Sdk(python("ollama_python.py"), "/api/chat", "stop", NONE, usage=(20, 0, 9)),
}
CALLED = [[name, arguments] for name, arguments in CALLS]
HISTORY = "? said ? said+add(5)+add(42) =5 =42 said ? said ? said+add(5)+add(42) =5 =42 said ?"


@pytest.fixture(params=list(SDKS))
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return SDKS[str(request.param)]


def turn(script: str, model: str = BOTH, **more: str) -> dict[str, Any]:
    return {"prompt": f"script:{script}", "model": model, **more}


def test_chat(sdk: Sdk, behind: Behind) -> None:
    (said,) = behind.play(sdk.command(), [turn("text")])
    assert said["error"] is None
    assert (said["text"], said["calls"], said["thoughts"], said["pieces"]) == (TEXT, [], "", [])
    assert (said["usage"], said["reason"]) == (sdk.usage, sdk.end)
    assert behind.asked(sdk.path) == len(behind.thinker.chats) == 1


def test_stream(sdk: Sdk, behind: Behind) -> None:
    (said,) = behind.play(sdk.command(), [turn("text")], stream=True)
    assert said["error"] is None
    assert "".join(said["pieces"]) == said["text"] == TEXT
    assert len([piece for piece in said["pieces"] if piece]) == 4  # as the provider sent them
    assert (said["usage"], said["reason"]) == (sdk.usage, sdk.end)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [THINKER, PLAIN])
def test_tools_in_parallel(sdk: Sdk, behind: Behind, model: str, stream: bool) -> None:
    """Words and calls in one turn, which come all at once and in pieces that alternate."""
    (said,) = behind.play(sdk.command(), [turn("tools", model)], stream=stream)
    assert said["error"] is None
    assert (said["said"], said["calls"], said["text"]) == (BEFORE, CALLED, "The tools say 5 and 42.")
    assert behind.asked(sdk.path) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_thinking(sdk: Sdk, behind: Behind, stream: bool) -> None:
    """Thoughts come as thoughts, and go back with the calls that they led to where the provider wants them."""
    first, then = behind.play(
        sdk.command(), [turn("think", THINKER), turn("thinktools", THINKER)], stream=stream, think=True
    )
    assert (first["error"], then["error"]) == (None, None)
    assert (first["thoughts"], first["text"], first["usage"]) == (THOUGHT, TEXT, sdk.usage)
    assert (then["thoughts"], then["calls"], then["text"]) == (THOUGHT * 2, CALLED, "The tools say 5 and 42.")
    last = behind.thinker.chats[-1].json["messages"]
    (called,) = [message for message in last if message.get("tool_calls")]
    assert called["reasoning_content"] == THOUGHT


def test_picture(sdk: Sdk, behind: Behind) -> None:
    (said,) = behind.play(sdk.command(), [turn("pictures", PLAIN, picture=PICTURE)])
    assert (said["error"], said["text"]) == (None, f"{len(png())}bytes")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 429])
def test_refusal(sdk: Sdk, behind: Behind, status: int, stream: bool) -> None:
    """Status, words and kind arrive in the form that the SDK reads, and nothing is asked a second time."""
    more = {"RETRIES": "0"} if sdk.own_mind else {}
    (said,) = behind.play(sdk.command(), [turn(f"refused-{status}", PLAIN)], stream=stream, **more)
    assert (said["error"]["status"], said["error"]["type"]) == (status, sdk.kinds[status])
    assert WORDS[status][0] in said["error"]["message"]
    assert (said["text"], behind.asked(sdk.path)) == ("", 1)


def test_wrong_token(sdk: Sdk, behind: Behind) -> None:
    """It is said in the form that the SDK reads, and nobody is asked."""
    (said,) = behind.play(sdk.command(), [turn("text")], GATEWAY_TOKEN="not-the-token-0123456789")
    assert (said["error"]["status"], said["error"]["type"]) == (401, sdk.kinds[401])
    assert behind.thinker.requests == []


def test_broken_provider(sdk: Sdk, behind: Behind) -> None:
    """A provider that is out of order, and nobody else to ask."""
    behind.plain.down = True
    more = {"RETRIES": "0"} if sdk.own_mind else {}
    (said,) = behind.play(sdk.command(), [turn("text", PLAIN)], **more)
    assert (said["error"]["status"], said["error"]["type"]) == (503, sdk.kinds[503])
    assert "out of order" in said["error"]["message"]
    assert behind.asked(sdk.path) == 1


def test_stream_that_breaks_off(sdk: Sdk, behind: Behind) -> None:
    """The program has what came until then, and an error: half an answer is never taken for a whole one."""
    (said,) = behind.play(sdk.command(), [turn("cut", PLAIN)], stream=True)
    assert "".join(said["pieces"]) == "Grüße from the "
    assert said["error"] is not None
    assert behind.asked(sdk.path) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_whose_provider_begins_to_fail(sdk: Sdk, behind: Behind, stream: bool) -> None:
    """Thoughts and calls of the first are history for the second, which takes neither thoughts nor ids of that form."""
    behind.thinker.lasts = 3
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    turns = behind.play(sdk.command(), [turn(script) for script in scripts], stream=stream, think=True)
    assert [one["error"] for one in turns] == [None] * 5
    tools = "The tools say 5 and 42."
    assert [one["text"] for one in turns] == [TEXT, tools, TEXT, tools, HISTORY]
    assert len([request for request in behind.plain.chats if request.json["messages"]]) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_that_changes_its_model(sdk: Sdk, behind: Behind, stream: bool) -> None:
    """To another provider and back to the first, which wants thoughts with calls also where they are not its own."""
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    models = (THINKER, THINKER, PLAIN, PLAIN, THINKER)
    turns = behind.play(
        sdk.command(), [turn(*one) for one in zip(scripts, models, strict=True)], stream=stream, think=True
    )
    assert [one["error"] for one in turns] == [None] * 5
    tools = "The tools say 5 and 42."
    assert [one["text"] for one in turns] == [TEXT, tools, TEXT, tools, HISTORY]
    assert (len(behind.thinker.chats), len(behind.plain.chats)) == (4, 3)
