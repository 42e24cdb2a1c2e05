"""A provider that speaks Anthropic's messages itself: it wants its headers, and the signatures that it gave.

The last message of a user names the script, as for `ScriptedProvider`; what is wrong with a request is in `complaints`.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from tests.clients.provider import TEXT, WORDS
from tests.clients.strict_chat import BEFORE, CALLS, THOUGHT, Complaint, hold, total
from tests.servers import Connection, Received, Server

VERSION = "2023-06-01"
COUNTED = 728  # tokens of whatever is counted
USAGE = {
    "input_tokens": 12, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 8, "output_tokens": 9,
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0}, "service_tier": "standard",
}  # fmt: skip
KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 500: "api_error"}
HEADERS = {"request-id": "req_of_the_provider"}


class StrictMessages(Server):
    """key: what must be in one of the headers for it. models: what it may be asked for.

    lasts: messages, after which it says that it is overloaded.
    """

    def __init__(self, key: str, models: set[str]) -> None:
        self.key, self.models, self.lasts = key, models, sys.maxsize
        self.calls = CALLS
        self.complaints: list[str] = []
        self.signatures: set[str] = set()
        self._made = 0
        super().__init__(self.play)

    @property
    def messages(self) -> list[Received]:
        """The messages that it was asked for."""
        return [request for request in self.requests if request.path.partition("?")[0] == "/v1/messages"]

    def play(self, connection: Connection, request: Received) -> None:
        """Answer one request."""
        path = request.path.partition("?")[0]
        if path == "/v1/models":
            connection.reply(200, {"data": [], "has_more": False})
        elif len(self.messages) > self.lasts:
            refuse(connection, 529, "overloaded_error", "Overloaded")
        else:
            try:
                hold(path in ("/v1/messages", "/v1/messages/count_tokens"), f"{request.method} {path}")
                self.check(request, counts=path.endswith("count_tokens"))
            except Complaint as error:
                self.complaints.append(str(error))
                refuse(connection, 400, "invalid_request_error", str(error))
            else:
                if path.endswith("count_tokens"):
                    connection.reply(200, {"input_tokens": COUNTED})
                else:
                    self.answer(connection, request.json)

    def check(self, request: Received, *, counts: bool) -> None:
        """Raise Complaint unless a request is right."""
        hold(request.key == self.key, "x-api-key: not the provider's")
        hold(
            re.fullmatch(r"\d{4}-\d\d-\d\d", request.headers.get("anthropic-version", "")),
            "anthropic-version: is missing",
        )
        body = request.json
        hold(body["model"] in self.models, f"model: {body['model']}")
        hold(counts or isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
        role = "assistant"
        uses: set[str] = set()
        for place, message in enumerate(body["messages"]):
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            hold(message["role"] != role, f"messages.{place}: roles must alternate")
            hold(blocks, f"messages.{place}: content is empty")
            role = message["role"]
            answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
            hold(answered == uses, f"messages.{place}: results of {answered}, calls {uses}")
            uses = {block["id"] for block in blocks if block["type"] == "tool_use"}
            for block in blocks:
                if block["type"] == "thinking":
                    where = f"messages.{place}.content: Invalid `signature` in `thinking` block"
                    hold(block.get("signature") in self.signatures, where)
                hold(
                    block["type"] != "text" or block["text"], f"messages.{place}: text content blocks must be non-empty"
                )

    # What it says

    def answer(self, connection: Connection, body: dict[str, Any]) -> None:
        """Follow the script."""
        script, number = script_of(body["messages"])
        results = [block for block in body["messages"][-1]["content"] if said(block) == "tool_result"]
        thinks = script in ("think", "thinktools") and body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        if script == "refused" and not results:
            refuse(connection, int(number), KINDS[int(number)], WORDS[int(number)][0])
            return
        blocks: list[dict[str, Any]] = []
        if thinks:
            self._made += 1
            signature = f"c2lnbmF0dXJl{self._made:04d}=="
            self.signatures.add(signature)
            blocks.append({"type": "thinking", "thinking": THOUGHT, "signature": signature})
        if script in ("tools", "thinktools") and not results:
            blocks.append({"type": "text", "text": BEFORE})
            for name, arguments in self.calls:
                self._made += 1
                blocks.append({"type": "tool_use", "id": f"toolu_{self._made:024d}", "name": name, "input": arguments})
            reason = "tool_use"
        else:
            text = f"The tools say {' and '.join(text_of(block['content']) for block in results)}." if results else TEXT
            blocks.append({"type": "text", "text": history(body["messages"]) if script == "history" else text})
            reason = "end_turn"
        self._made += 1
        message = {
            "id": f"msg_{self._made:024d}", "type": "message", "role": "assistant", "model": body["model"],
            "content": blocks, "stop_reason": reason, "stop_sequence": None, "stop_details": None, "container": None,
            "usage": USAGE,
        }  # fmt: skip
        if body.get("stream"):
            stream(connection, message, is_cut=script == "cut")
        else:
            connection.reply(200, message, HEADERS)


def refuse(connection: Connection, status: int, kind: str, message: str) -> None:
    """An error, in Anthropic's form."""
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": HEADERS["request-id"]}
    connection.reply(status, error, HEADERS)


def said(block: Any) -> str:
    """The type of a block."""
    return str(block["type"]) if isinstance(block, dict) else "text"


def text_of(content: Any) -> str:
    """The text of a content, whether it is one or blocks."""
    return content if isinstance(content, str) else "".join(block.get("text") or "" for block in content)


def script_of(messages: list[dict[str, Any]]) -> tuple[str, str]:
    """The script that a user has named last."""
    texts = [text_of(message["content"]) for message in messages if message["role"] == "user"]
    found = [one for text in texts for one in re.findall(r"script:([a-z]+)(?:-(\d+))?", text)]
    return found[-1] if found else ("text", "")


def history(messages: list[dict[str, Any]]) -> str:
    """Who has said what so far, in a word each, as `strict_chat.history` has it."""
    words = []
    for message in messages:
        blocks = [{"type": "text"}] if isinstance(message["content"], str) else message["content"]
        kinds = [said(block) for block in blocks]
        if message["role"] == "assistant":
            sums = [f"{one['name']}({total(one['input'])})" for one in blocks if said(one) == "tool_use"]
            words.append("+".join(["said" if "text" in kinds else "", *sums]).strip("+"))
        else:
            words += [f"={text_of(block['content'])}" for block in blocks if said(block) == "tool_result"]
            words += ["?"] if "text" in kinds else []
    return " ".join(words)


def stream(connection: Connection, message: dict[str, Any], *, is_cut: bool) -> None:
    """A message as events: one block after the other, in pieces. *is_cut*: the connection is lost in the midst of it."""
    connection.start_stream(HEADERS)

    def event(kind: str, **fields: Any) -> None:
        connection.chunk(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())

    begun = {**message, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    event("message_start", message=begun)
    event("ping")
    for index, block in enumerate(message["content"]):
        start, deltas = opened(block)
        event("content_block_start", index=index, content_block=start)
        for delta in deltas[: 2 if is_cut else None]:
            event("content_block_delta", index=index, delta=delta)
        if is_cut:
            connection.close()
            return
        event("content_block_stop", index=index)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    event("message_delta", delta=delta, usage={"output_tokens": USAGE["output_tokens"]})
    event("message_stop")
    connection.end_stream()


def opened(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and what is added to it."""
    if block["type"] == "tool_use":
        pieces = re.findall(r"(?s).{1,7}", json.dumps(block["input"]))
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": one} for one in pieces]
    if block["type"] == "thinking":
        pieces = re.findall(r"(?s).{1,9}", block["thinking"])
        deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": one} for one in pieces]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {"type": "thinking", "thinking": "", "signature": ""}, deltas
    pieces = re.findall(r"(?s).{1,9}", block["text"])
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": one} for one in pieces]
