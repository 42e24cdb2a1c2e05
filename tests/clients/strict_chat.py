"""A provider of chat completions that takes nothing but what is right, and streams as untidily as it may.

What it does not take is a 400, and kept in `complaints`: a gateway that mends a request by asking again is found out.
The last message of a user names the script, as for `ScriptedProvider`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from tests.clients.provider import TEXT, cut, piece, refusal, text_of, whole
from tests.servers import Connection, Received, Server

THOUGHT = "The user wants a script. Let me follow it."
BEFORE = "I add them up."  # what is said in the same chunk as the first call
USAGE = {
    "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 4},
}  # fmt: skip
ASKED = frozenset((
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "stop", "user", "response_format", "reasoning_effort", "metadata",
))  # fmt: skip
FIELDS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
PARTS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}, "file": {"type", "file"}}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}").fullmatch
CALLS: list[tuple[str, dict[str, Any]]] = [("add", {"a": 2, "b": 3}), ("add", {"a": 40, "b": 2})]


class Complaint(Exception):
    """What is wrong with a request."""


def hold(what: object, why: str) -> None:
    """Complain unless *what* is so."""
    if not what:
        raise Complaint(why)


class StrictChat(Server):
    """ids: what an id of a call must be. thinks: its model's thoughts come with replies, and must come back with calls.

    down: it is out of order, and answers 503, as it does after `lasts` chats.
    """

    def __init__(self, ids: str = "[a-zA-Z0-9_-]{1,40}", *, thinks: bool = False) -> None:
        self.ids, self.thinks, self.down = re.compile(ids).fullmatch, thinks, False
        self.lasts = sys.maxsize
        self.calls = CALLS
        self.complaints: list[str] = []
        self._made = 0
        super().__init__(self.play)

    @property
    def turns(self) -> dict[str, Any]:
        """Its row's `turns`, of the registry."""
        row: dict[str, Any] = {"ids": self.ids.__self__.pattern, "takes": []}  # type: ignore[attr-defined]
        return {**row, "takes": ["reasoning_content"], "fills": {"reasoning_content": " "}} if self.thinks else row

    @property
    def chats(self) -> list[Received]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def play(self, connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, {"object": "list", "data": []})
        elif not request.path.endswith("/chat/completions"):
            self.complaints.append(f"{request.method} {request.path}")
            connection.reply(404, {"error": {"message": f"there is no {request.path} here"}})
        elif self.down or len(self.chats) > self.lasts:
            connection.reply(503, {"error": {"message": "out of order", "type": "server_error"}})
        else:
            try:
                self.check(request.json)
            except Complaint as error:
                self.complaints.append(str(error))
                words = {"message": str(error), "type": "invalid_request_error", "param": None, "code": None}
                connection.reply(400, {"error": words})
            else:
                self.answer(connection, request.json)

    # What is right

    def check(self, body: dict[str, Any]) -> None:
        """Raise Complaint unless a request is right."""
        hold(body.keys() <= ASKED, f"unknown fields: {sorted(body.keys() - ASKED)}")
        empty = [name for name, value in body.items() if value is None]
        hold(not empty, f"null fields: {empty}")
        hold("stream_options" not in body or body.get("stream"), "stream_options without stream")
        hold("tool_choice" not in body or body.get("tools"), "tool_choice without tools")
        for tool in body.get("tools", []):
            function = tool.get("function", {})
            hold(tool.keys() == {"type", "function"} and tool["type"] == "function", f"not a function: {tool}")
            hold(function.keys() <= {"name", "description", "parameters", "strict"}, f"of a tool: {sorted(function)}")
            hold(NAME(function.get("name", "")), f"the name of a tool: {function.get('name')!r}")
            hold(function.get("parameters", {}).get("type") == "object", f"parameters of {function['name']}")
        names = [tool["function"]["name"] for tool in body.get("tools", [])]
        hold(len(names) == len(set(names)), "two tools of one name")
        self.check_turns(body["messages"])

    def check_turns(self, messages: list[dict[str, Any]]) -> None:
        """The order of turns, and each of them."""
        hold(messages and messages[-1]["role"] in ("user", "tool"), "the last turn is neither a user's nor a tool's")
        open_calls: list[str] = []
        for place, message in enumerate(messages):
            role = message.get("role")
            where = f"messages[{place}] ({role})"
            hold(role in FIELDS, f"{where}: no such role")
            fields = FIELDS[role] | ({"reasoning_content"} if role == "assistant" and self.thinks else set())
            hold(message.keys() <= fields, f"{where} has {sorted(message.keys() - fields)}")
            hold(role != "system" or place == 0, f"{where}: a system message must be the first")
            if role == "tool":
                hold(message["tool_call_id"] in open_calls, f"{where}: no call is {message['tool_call_id']!r}")
                open_calls.remove(message["tool_call_id"])
            else:
                hold(not open_calls, f"{where}: calls without results: {open_calls}")
            if role == "assistant":
                open_calls = self.check_calls(message, where)
            else:
                self.check_content(message["content"], where, {"text"} if role in ("system", "tool") else set(PARTS))
        hold(not open_calls, f"calls without results: {open_calls}")

    def check_calls(self, message: dict[str, Any], where: str) -> list[str]:
        """A turn of the model's; the ids of its calls."""
        calls = message.get("tool_calls")
        hold(calls is None or calls, f"{where}: tool_calls is empty")
        if message.get("content") is not None:
            self.check_content(message["content"], where, {"text"})
        hold(calls or message.get("content"), f"{where}: neither content nor calls")
        hold(not (self.thinks and calls) or message.get("reasoning_content"), f"{where}: reasoning_content is missing")
        for call in calls or ():
            hold(call.keys() == {"id", "type", "function"} and call["type"] == "function", f"{where}: {sorted(call)}")
            hold(call["function"].keys() == {"name", "arguments"}, f"{where}: {sorted(call['function'])}")
            hold(self.ids(call["id"]), f"{where}: the id of a call: {call['id']!r}")
            hold(isinstance(call["function"]["arguments"], str), f"{where}: arguments are text")
            hold(isinstance(json.loads(call["function"]["arguments"]), dict), f"{where}: arguments are an object")
        made = [call["id"] for call in calls or ()]
        hold(len(made) == len(set(made)), f"{where}: two calls of one id")
        return made

    def check_content(self, content: Any, where: str, kinds: set[str]) -> None:
        """Text, or parts of these kinds."""
        if isinstance(content, str):
            hold(content, f"{where}: content is empty")
            return
        hold(isinstance(content, list) and content, f"{where}: content is {content!r:.60}")
        for part in content:
            kind = part.get("type")
            hold(kind in kinds, f"{where}: a part of the type {kind!r}")
            hold(part.keys() == PARTS[kind], f"{where}: a part with {sorted(part)}")
            hold(kind != "text" or part["text"], f"{where}: a part of no text")
            if kind == "image_url":
                hold(part["image_url"].keys() <= {"url", "detail"}, f"{where}: {sorted(part['image_url'])}")
                hold(picture(part["image_url"]["url"]), f"{where}: not a picture")

    # What it says

    def answer(self, connection: Connection, body: dict[str, Any]) -> None:
        """Follow the script."""
        messages = body["messages"]
        asked = next(text_of(one["content"]) for one in reversed(messages) if one["role"] == "user")
        found = re.findall(r"script:([a-z]+)(?:-(\d+))?", asked)
        script, number = found[-1] if found else ("text", "")
        after = messages[-1]["role"] == "tool"
        if script == "refused" and not after:
            connection.reply(int(number), refusal(int(number)), {"retry-after": "1"} if number == "429" else None)
        elif script == "cut":
            cut(connection, body)
        elif script in ("tools", "thinktools") and body.get("tools") and not after:
            self.call(connection, body, thought=THOUGHT if script == "thinktools" else "")
        else:
            text = self.text(script, messages)
            thought = THOUGHT if script in ("think", "thinktools") else ""
            self.say(connection, body, [{"content": one} for one in re.findall(r"(?s).{1,9}", text)], thought)

    def text(self, script: str, messages: list[dict[str, Any]]) -> str:
        if script == "history":
            return history(messages)
        if script == "pictures":
            return " ".join(pictures(messages))
        if messages[-1]["role"] == "tool":
            return f"The tools say {' and '.join(results(messages))}."
        return TEXT

    def call(self, connection: Connection, body: dict[str, Any], thought: str) -> None:
        """Calls in parallel. In a stream their pieces alternate, and words come in the chunk of the first."""
        made = []
        for name, arguments in self.calls:
            self._made += 1
            given = f"call{self._made:05d}"
            made.append({"id": given, "type": "function", "function": {"name": name, "arguments": arguments}})
        texts = [json.dumps(call["function"]["arguments"]) for call in made]
        heads = [
            {"index": place, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
            for place, call in enumerate(made)
        ]
        deltas: list[dict[str, Any]] = [{"content": BEFORE, "tool_calls": heads[:1]}]
        deltas += [{"tool_calls": [head]} for head in heads[1:]]
        cuts = [re.findall(r"(?s).{1,7}", text) for text in texts]
        for number in range(max(map(len, cuts))):
            rows = [
                {"index": place, "function": {"arguments": parts[number]}}
                for place, parts in enumerate(cuts)
                if number < len(parts)
            ]
            deltas += [{"tool_calls": [row]} for row in rows] if number % 2 else [{"tool_calls": rows}]
        self.say(connection, body, deltas, thought, "tool_calls")

    def say(
        self,
        connection: Connection,
        body: dict[str, Any],
        deltas: list[dict[str, Any]],
        thought: str,
        end: str = "stop",
    ) -> None:
        """A reply that is made of these pieces: whole, or as they are."""
        thoughts = [{"reasoning_content": one} for one in re.findall(r"(?s).{1,9}", thought)]
        if not body.get("stream"):
            connection.reply(200, {**whole(body, together([*thoughts, *deltas]), end), "usage": USAGE})
            return
        connection.start_stream()
        connection.event(piece(body, {"role": "assistant", "content": None if thought else ""}))
        for one in (*thoughts, *deltas):
            connection.event(piece(body, one))
        connection.event(piece(body, {}, end))
        if (body.get("stream_options") or {}).get("include_usage"):
            connection.event({**piece(body, {}), "choices": [], "usage": USAGE})
        connection.event("[DONE]")
        connection.end_stream()


def together(deltas: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that pieces are of."""
    message: dict[str, Any] = {"content": None}
    calls: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        for name in ("content", "reasoning_content"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        for row in delta.get("tool_calls", ()):
            if "id" in row:
                calls[row["index"]] = {"id": row["id"], "type": "function", "function": dict(row["function"])}
            else:
                calls[row["index"]]["function"]["arguments"] += row["function"]["arguments"]
    return {**message, **({"tool_calls": [calls[place] for place in sorted(calls)]} if calls else {})}


def picture(url: str) -> bytes:
    """The bytes of a picture in a data URL; nothing if it is none."""
    head, _, data = url.partition(",")
    if not re.fullmatch(r"data:image/(png|jpeg|webp|gif);base64", head):
        return b""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return b""


def pictures(messages: list[dict[str, Any]]) -> Iterator[str]:
    """The pictures of a conversation, by their bytes."""
    for message in messages:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                yield f"{len(picture(part['image_url']['url']))}bytes"


def results(messages: list[dict[str, Any]]) -> list[str]:
    """What the tools said last."""
    found: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        found.insert(0, text_of(message["content"]))
    return found


def total(arguments: dict[str, Any]) -> int | str:
    """The sum of what a call is made with, where it is numbers."""
    values = list(arguments.values())
    return sum(values) if all(isinstance(value, int) for value in values) else ""


def history(messages: list[dict[str, Any]]) -> str:
    """Who has said what so far, in a word each."""
    words = []
    for message in messages:
        if message["role"] == "assistant":
            calls = [call["function"] for call in message.get("tool_calls", ())]
            sums = [f"{call['name']}({total(json.loads(call['arguments']))})" for call in calls]
            words.append("+".join(["said" if message.get("content") else "", *sums]).strip("+"))
        elif message["role"] == "tool":
            words.append(f"={text_of(message['content'])}")
        elif message["role"] == "user":
            words.append("?")
    return " ".join(words)
