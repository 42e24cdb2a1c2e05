"""A provider on loopback whose replies follow scripts.

The last message of a user names the script: `script:text`, `script:tool`, `script:refused-400` and so on. A message
without one has a plain text, so that programs that ask for more than they were told to (a title, a summary) get one.
After the result of a tool, the model says that result.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.servers import Connection, Received, Server

TEXT = "Grüße from the script: hello, world."
PIECES = ("Grüße ", "from the ", "script: ", "hello, ", "world.")
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
PAUSE = 0.05  # seconds between the pieces of a slow stream
WORDS = {
    400: ("the temperature is beyond this model", "invalid_request_error", "temperature", "invalid_value"),
    401: ("this key is not known here", "invalid_request_error", None, "invalid_api_key"),
    429: ("the script has had enough for now", "rate_limit_error", None, "rate_limit_exceeded"),
    500: ("the script fell over", "server_error", None, None),
}
HEADERS = {429: {"retry-after": "7"}}


def refusal(status: int) -> dict[str, Any]:
    """The body of an error, in OpenAI's form."""
    message, kind, param, code = WORDS[status]
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def text_of(content: Any) -> str:
    """The text of a message, whether it is one or a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content or ""


class ScriptedProvider(Server):
    """Answers as its scripts say. `calls` are the tools that it has called, and with what; `requests`, what it saw."""

    def __init__(self, calls: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        self.calls = calls or [("add", {"a": 2, "b": 3}), ("add", {"a": 40, "b": 2})]
        self.reply = TEXT  # of `script:reply`
        super().__init__(self.play)

    @property
    def chats(self) -> list[Received]:
        """The chats that it was asked for."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def play(self, connection: Connection, request: Received) -> None:
        """Answer one request."""
        if request.path.endswith("/models"):
            row = {"id": "m-internal", "object": "model", "created": 1, "owned_by": "tests"}
            connection.reply(200, {"object": "list", "data": [row]})
        elif not request.path.endswith("/chat/completions"):
            connection.reply(404, {"error": {"message": f"there is no {request.path} here"}})
        else:
            self._chat(connection, request.json)

    def _chat(self, connection: Connection, body: dict[str, Any]) -> None:
        messages = body["messages"]
        asked = next((text_of(one["content"]) for one in reversed(messages) if one["role"] == "user"), "")
        found = re.findall(r"script:([a-z]+)(?:-(\d+))?", asked)
        script, number = found[-1] if found else ("text", "")
        if script == "refused":
            status = int(number)
            connection.reply(status, refusal(status), HEADERS.get(status))
        elif messages[-1]["role"] == "tool":
            results = []
            for message in reversed(messages):
                if message["role"] != "tool":
                    break
                results.append(text_of(message["content"]))
            say(connection, body, f"The tool says {' and '.join(reversed(results))}.")
        elif script == "tool" and body.get("tools"):
            call(connection, body, self.calls[:1])
        elif script == "parallel" and body.get("tools"):
            call(connection, body, self.calls)
        elif script == "reply":
            say(connection, body, self.reply)
        elif script == "slow":
            say(connection, body, TEXT, PAUSE)
        elif script == "cut":
            cut(connection, body)
        else:
            say(connection, body, TEXT)


def whole(body: dict[str, Any], message: dict[str, Any], finish: str) -> dict[str, Any]:
    """A complete reply."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": finish}
    first = {"id": "chatcmpl-script", "object": "chat.completion", "created": 1_700_000_000, "model": body["model"]}
    return {**first, "choices": [choice], "usage": USAGE, "system_fingerprint": "fp_script"}


def piece(body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    first = {"id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 1_700_000_000}
    return {**first, "model": body["model"], "choices": [choice]}


def say(connection: Connection, body: dict[str, Any], text: str, pause: float = 0.0) -> None:
    """A text: whole or in pieces, as it is asked for."""
    if not body.get("stream"):
        connection.reply(200, whole(body, {"content": text}, "stop"))
        return
    connection.start_stream()
    connection.event(piece(body, {"role": "assistant", "content": ""}))
    for part in PIECES if text == TEXT else re.findall(r"(?s).{1,40}", text):
        time.sleep(pause)
        connection.event(piece(body, {"content": part}))
    finish(connection, body, "stop")


def call(connection: Connection, body: dict[str, Any], calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Calls of tools; in a stream, the arguments come in pieces."""
    made: list[dict[str, Any]] = [
        {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for place, (name, arguments) in enumerate(calls)
    ]
    if not body.get("stream"):
        connection.reply(200, whole(body, {"content": None, "tool_calls": made}, "tool_calls"))
        return
    connection.start_stream()
    connection.event(piece(body, {"role": "assistant", "content": None}))
    for place, one in enumerate(made):
        arguments = one["function"]["arguments"]
        function = {**one["function"], "arguments": ""}
        connection.event(piece(body, {"tool_calls": [{"index": place, **one, "function": function}]}))
        for part in re.findall(r"(?s).{1,5}", arguments):
            connection.event(piece(body, {"tool_calls": [{"index": place, "function": {"arguments": part}}]}))
    finish(connection, body, "tool_calls")


def cut(connection: Connection, body: dict[str, Any]) -> None:
    """A stream that breaks off: the connection is lost in the middle of it."""
    connection.start_stream()
    connection.event(piece(body, {"role": "assistant", "content": ""}))
    for part in PIECES[:2]:
        connection.event(piece(body, {"content": part}))
    connection.close()


def finish(connection: Connection, body: dict[str, Any], reason: str) -> None:
    """The end of a stream, with the usage where it is asked for."""
    connection.event(piece(body, {}, reason))
    if (body.get("stream_options") or {}).get("include_usage"):
        connection.event({**piece(body, {}), "choices": [], "usage": USAGE})
    connection.event("[DONE]")
    connection.end_stream()
