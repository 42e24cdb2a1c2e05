"""anthropic's SDK before a provider that speaks its API itself: what it sends arrives byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.behind import CLAUDE, KEYS, NATIVE, PICTURE, PLAIN, TOKEN, Behind
from tests.clients.conftest import python_program
from tests.clients.provider import TEXT, WORDS
from tests.clients.strict_chat import BEFORE, CALLS, THOUGHT
from tests.clients.strict_messages import COUNTED
from tests.clients.test_dialects import HISTORY, SDKS, turn

CALLED = [[name, arguments] for name, arguments in CALLS]
TOOLS = "The tools say 5 and 42."
BETAS = "context-management-2025-06-27,a-beta-of-tomorrow"
MORE = {
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "metadata": {"user_id": "u" * 100},
    "service_tier": "auto",
    "extra_headers": {"anthropic-beta": BETAS},
    "extra_body": {
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "a_field_of_tomorrow": {"price": 0.10, "ünïcode": "🤖", "big": 12345678901234567890},
    },
}
COUNT = """
import os, anthropic
client = anthropic.Anthropic(base_url=os.environ["GATEWAY_URL"], api_key=os.environ["GATEWAY_TOKEN"])
message = {"role": "user", "content": "How many tokens are these words? " * 20}
print(client.messages.count_tokens(model=os.environ["MODEL"], system="Be brief.", messages=[message]).input_tokens)
"""


@pytest.fixture(params=["anthropic-python", "anthropic-node", "ai-sdk-anthropic"])
def command(request: pytest.FixtureRequest) -> list[str]:
    return SDKS[str(request.param)].command()


@pytest.fixture
def python() -> list[str]:
    return SDKS["anthropic-python"].command()


def same_bytes(behind: Behind) -> None:
    """What the provider was sent is what the programs sent, but for the model's name."""
    sent = [request.body for request in behind.tap.requests if request.path.startswith("/v1/messages")]
    names = [
        (f'"model":{space}"{NATIVE}"'.encode(), f'"model":{space}"{NATIVE}-internal"'.encode()) for space in ("", " ")
    ]
    for given, made in names:
        sent = [body.replace(given, made) for body in sent]
    assert sent
    assert sorted(request.body for request in behind.native.messages) == sorted(sent)  # whatever connection they took


@pytest.mark.parametrize("stream", [False, True])
def test_all_of_it_arrives(python: list[str], behind: Behind, stream: bool) -> None:
    (said,) = behind.play(python, [turn("text", NATIVE)], stream=stream, MORE=json.dumps(MORE))
    assert (said["error"], said["text"], said["usage"], said["reason"]) == (None, TEXT, [12, 8, 9], "end_turn")
    same_bytes(behind)
    (request,) = behind.native.messages
    assert request.headers["anthropic-beta"] == BETAS
    assert request.json["system"] == MORE["system"]
    assert request.json["a_field_of_tomorrow"]["price"] == 0.10


@pytest.mark.parametrize("stream", [False, True])
def test_five_turns(command: list[str], behind: Behind, stream: bool) -> None:
    """With thoughts, whose signatures come and go back as they are, and tools."""
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    turns = behind.play(command, [turn(script, NATIVE) for script in scripts], stream=stream, think=True)
    assert [one["error"] for one in turns] == [None] * 5
    assert [one["text"] for one in turns] == [TEXT, TOOLS, TEXT, TOOLS, HISTORY]
    assert (turns[0]["thoughts"], turns[3]["calls"], turns[3]["said"]) == (THOUGHT, CALLED, BEFORE)
    same_bytes(behind)


def test_picture(command: list[str], behind: Behind) -> None:
    (said,) = behind.play(command, [turn("text", NATIVE, picture=PICTURE)])
    assert (said["error"], said["text"]) == (None, TEXT)
    same_bytes(behind)


def test_token_in_either_header(python: list[str], behind: Behind) -> None:
    """The caller's token is read from `Authorization` as well; the provider has its own key, where it wants it."""
    (said,) = behind.play(python, [turn("text", NATIVE)], KEY="auth_token")
    assert (said["error"], said["text"]) == (None, TEXT)
    (request,) = behind.native.messages
    assert (request.headers["x-api-key"], "authorization" in request.headers) == (KEYS["P3_API_KEY"], False)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (429, "rate_limit_error")])
def test_refusal(command: list[str], behind: Behind, status: int, kind: str, stream: bool) -> None:
    (said,) = behind.play(command, [turn(f"refused-{status}", NATIVE)], stream=stream, RETRIES="0")
    assert (said["error"]["status"], said["error"]["type"]) == (status, kind)
    assert WORDS[status][0] in said["error"]["message"]
    assert len(behind.tap.requests) == 1


def test_stream_that_breaks_off(command: list[str], behind: Behind) -> None:
    (said,) = behind.play(command, [turn("cut", NATIVE)], stream=True)
    assert said["error"] is not None
    assert "".join(said["pieces"]) == TEXT[:18]
    assert len(behind.tap.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_to_a_translated_model_and_back(command: list[str], behind: Behind, stream: bool) -> None:
    """Signed thoughts are not for the one, and thoughts without a signature not for the other."""
    scripts = ("thinktools", "think", "thinktools", "text", "history")
    models = (NATIVE, PLAIN, PLAIN, NATIVE, NATIVE)
    turns = behind.play(command, [turn(*one) for one in zip(scripts, models, strict=True)], stream=stream, think=True)
    assert [one["error"] for one in turns] == [None] * 5
    history = "? said+add(5)+add(42) =5 =42 said ? said ? said+add(5)+add(42) =5 =42 said ? said ?"
    assert [one["text"] for one in turns] == [TOOLS, TEXT, TOOLS, TEXT, history]


@pytest.mark.parametrize("stream", [False, True])
def test_provider_of_its_own_api_begins_to_fail(command: list[str], behind: Behind, stream: bool) -> None:
    """A model that somebody serves natively goes there first, and to the others when that fails."""
    behind.native.lasts = 3
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    turns = behind.play(command, [turn(script, CLAUDE) for script in scripts], stream=stream, think=True)
    assert [one["error"] for one in turns] == [None] * 5
    assert [one["text"] for one in turns] == [TEXT, TOOLS, TEXT, TOOLS, HISTORY]
    assert len(behind.plain.chats) == 4


@pytest.mark.parametrize(("model", "least", "most"), [(NATIVE, COUNTED, COUNTED), (PLAIN, 120, 400)])
def test_count_of_tokens(behind: Behind, model: str, least: int, most: int) -> None:
    """By the provider where it counts, else an estimate."""
    environ: dict[str, Any] = {"GATEWAY_URL": behind.url, "GATEWAY_TOKEN": TOKEN, "MODEL": model}
    done = behind.run([*python_program("python"), "-c", COUNT], **environ)
    assert done.returncode == 0, done.stderr
    assert least <= int(done.stdout) <= most
