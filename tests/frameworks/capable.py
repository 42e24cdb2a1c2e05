"""A provider that can do all that frameworks ask for: tools, schemas, streams, chat and responses, embeddings.

What it says is made of what it is asked for: the first tool is called, with values that its schema allows; a reply
in a schema is such a value; after a tool's result, and without either, it says `hello`.
"""

from __future__ import annotations

import base64
import json
import struct
from itertools import count
from typing import Any

from tests.servers import Connection, Received, delta

TEXT = "hello"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_numbers = count(1)


def value_of(schema: Any, whole: Any = None) -> Any:
    """A value that a JSON Schema allows: 3 for numbers, `Ada` for texts, one item for lists."""
    whole = schema if whole is None else whole
    if not isinstance(schema, dict):
        return "Ada"
    if "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return value_of(found, whole)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return value_of(schema[choice][0], whole)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: value_of(one, whole) for name, one in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [value_of(schema.get("items"), whole)]
    return {"integer": 3, "number": 3.0, "boolean": True, "null": None}.get(kind, "Ada")


class Wanted:
    """What a request asks for, in either API's words: a tool and its arguments, or a text."""

    def __init__(self, body: dict[str, Any], *, responses: bool) -> None:
        turns = body["input"] if responses else body["messages"]
        last = turns[-1] if isinstance(turns, list) and turns else {}
        answered = last.get("role") == "tool" or last.get("type") == "function_call_output"
        tools = [
            tool if responses else tool["function"] for tool in body.get("tools") or () if tool["type"] == "function"
        ]
        choice = body.get("tool_choice")
        if isinstance(choice, dict):
            forced = choice.get("name") or (choice.get("function") or {}).get("name")
            tools = [tool for tool in tools if tool["name"] == forced] or tools
        self.tool: str | None = None
        self.text = TEXT
        shape = (body.get("text") or {}).get("format") if responses else body.get("response_format")
        kind = (shape or {}).get("type")
        is_final = kind != "json_schema" and any("final" in tool["name"].lower() for tool in tools)
        if tools and choice != "none" and (not answered or is_final):
            tool = next((tool for tool in tools if answered and "final" in tool["name"].lower()), tools[0])
            self.tool, self.text = tool["name"], json.dumps(value_of(tool.get("parameters") or {}))
        elif kind == "json_schema":
            self.text = json.dumps(value_of(shape["schema"] if responses else shape["json_schema"]["schema"]))
        elif kind == "json_object":
            self.text = json.dumps({"name": "Ada", "age": 3})


def capable(connection: Connection, request: Received) -> None:
    """Behave as the best of providers."""
    path = request.path.partition("?")[0]
    if path.endswith("/models"):
        connection.reply(
            200, {"object": "list", "data": [{"id": "m-internal", "object": "model", "owned_by": "tests"}]}
        )
    elif path.endswith("/chat/completions"):
        _chat(connection, request.json)
    elif path.endswith("/responses"):
        _respond(connection, request.json)
    elif path.endswith("/embeddings"):
        _embed(connection, request.json)
    else:
        connection.reply(404, {"error": {"message": f"no {path} here"}})


def _embed(connection: Connection, body: dict[str, Any]) -> None:
    texts = body["input"]
    many = texts if isinstance(texts, list) and texts and not isinstance(texts[0], int) else [texts]
    rows = []
    for place, text in enumerate(many):
        numbers = [float(len(text)), 1.0, 2.0]
        packed = base64.b64encode(struct.pack("<3f", *numbers)).decode()
        value = packed if body.get("encoding_format") == "base64" else numbers
        rows.append({"object": "embedding", "index": place, "embedding": value})
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    connection.reply(200, {"object": "list", "data": rows, "model": body["model"], "usage": usage})


def _chat(connection: Connection, body: dict[str, Any]) -> None:
    wanted = Wanted(body, responses=False)
    call = {
        "id": f"call_{next(_numbers)}",
        "type": "function",
        "function": {"name": wanted.tool, "arguments": wanted.text},
    }
    finish = "tool_calls" if wanted.tool else "stop"
    if not body.get("stream"):
        said = {"content": None, "tool_calls": [call]} if wanted.tool else {"content": wanted.text}
        choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}
        whole = {"object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice], "usage": USAGE}
        connection.reply(200, {"id": "chatcmpl-1", **whole})
        return
    connection.start_stream()
    connection.event(delta("" if wanted.tool is None else None, role="assistant"))
    half = len(wanted.text) // 2
    for place, piece in enumerate((wanted.text[:half], wanted.text[half:])):
        if wanted.tool is None:
            connection.event(delta(piece))
            continue
        part: dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
        if place == 0:
            part = {**call, "index": 0, "function": {"name": wanted.tool, "arguments": piece}}
        connection.event(delta(None, tool_calls=[part]))
    connection.event(delta(None, finish))
    if (body.get("stream_options") or {}).get("include_usage"):
        connection.event({**delta(None), "choices": [], "usage": USAGE})
    connection.event("[DONE]")
    connection.end_stream()


def _respond(connection: Connection, body: dict[str, Any]) -> None:
    wanted = Wanted(body, responses=True)
    number = next(_numbers)
    if wanted.tool:
        item: dict[str, Any] = {
            "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": wanted.tool,
            "arguments": wanted.text, "status": "completed",
        }  # fmt: skip
    else:
        part = {"type": "output_text", "text": wanted.text, "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [part]}
    whole = {
        "id": f"resp_{number}", "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
        "output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
        "usage": {
            "input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }  # fmt: skip
    if not body.get("stream"):
        connection.reply(200, whole)
        return
    connection.start_stream()
    for place, event in enumerate(_events(whole, item, wanted)):
        kind = event["type"]
        connection.chunk(f"event: {kind}\ndata: {json.dumps({**event, 'sequence_number': place})}\n\n".encode())
    connection.end_stream()


def _events(whole: dict[str, Any], item: dict[str, Any], wanted: Wanted) -> list[dict[str, Any]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    where = {"output_index": 0, "item_id": item["id"]}
    empty = {**item, "status": "in_progress", **({"arguments": ""} if wanted.tool else {"content": []})}
    half = len(wanted.text) // 2
    pieces = (wanted.text[:half], wanted.text[half:])
    if wanted.tool:
        kind = "response.function_call_arguments"
        middle = [{"type": f"{kind}.delta", **where, "delta": piece} for piece in pieces]
        middle.append({"type": f"{kind}.done", **where, "arguments": wanted.text, "name": wanted.tool})
    else:
        text = {**where, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        middle = [{"type": "response.content_part.added", **text, "part": part}]
        middle += [{"type": "response.output_text.delta", **text, "delta": piece, "logprobs": []} for piece in pieces]
        middle.append({"type": "response.output_text.done", **text, "text": wanted.text, "logprobs": []})
        middle.append({"type": "response.content_part.done", **text, "part": item["content"][0]})
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *middle,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
