"""Anthropic's messages, as programs send them: read into a chat completion. Pure.

What has no counterpart and changes nothing of what is meant is left out, and named. What would change it only those can
be asked who speak this API themselves.
"""

from __future__ import annotations

import json
import re

from inference_providers.errors import InvalidRequestError
from inference_providers.protocols.dialect import OWN_WORDS, Asked, others, settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_PASSED = ("temperature", "top_p", "top_k")
_KNOWN = {
    "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "metadata", "tools", "tool_choice",
    "thinking", "output_config", "output_format", *_PASSED, *OWN_WORDS,
}  # fmt: skip
_TOOL = ("type", "name", "description", "input_schema", "strict", "cache_control")
_REFUSED = ("mcp_servers", "container", "inference_geo", "workspace_id", "fallbacks")
_EFFORT = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = ((2048, "low"), (16384, "medium"))  # tokens of thoughts, up to which an effort is meant
_LONGEST_USER = 64  # characters that OpenAI's `user` may have
_VOLATILE = "x-anthropic-billing-header:"  # a program's own line, another with each request: it spoils prompt caches


class _Left:
    """What is left out: what may be, by name, and why nobody may be asked who does not speak this API."""

    def __init__(self) -> None:
        self.losses: dict[str, None] = {}
        self.only = ""

    def out(self, name: str) -> None:
        """Note what is not missed."""
        self.losses[name] = None

    def needed(self, why: str) -> None:
        """Note what must not be left out."""
        self.only = self.only or why


def read(body: Mapping[str, Any]) -> Asked:
    """A request for a message as one for a chat completion. Raises InvalidRequestError, which names the field."""
    left = _Left()
    for name in _REFUSED:
        if body.get(name) not in (None, [], {}):
            left.needed(f"{name} has no counterpart in chat completions")
    left.losses |= others(body, {*_KNOWN, *_REFUSED})
    made: dict[str, Any] = {"model": _text(body.get("model", "auto"), "model"), "messages": _turns(body, left)}
    if (most := body.get("max_tokens")) is not None:
        made["max_tokens"] = _number(most, "max_tokens")
    made |= {name: _number(body[name], name) for name in _PASSED if body.get(name) is not None}
    if body.get("stop_sequences"):
        made["stop"] = [_text(one, "stop_sequences") for one in _list(body["stop_sequences"], "stop_sequences")]
    _read_tools(body, made, left)
    _read_thinking(body, made, left)
    user = _object(body.get("metadata") or {}, "metadata").get("user_id")
    if user is not None:
        if len(_text(user, "metadata.user_id")) <= _LONGEST_USER:
            made["user"] = user
        else:
            left.out("metadata.user_id")
    streams = body.get("stream") is True
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked(made, body, losses=left.losses, streams=streams, only_native=left.only)


def _turns(body: Mapping[str, Any], left: _Left) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    if (system := _system(body.get("system"), left)) != "":
        turns.append({"role": "system", "content": system})
    given = _list(body.get("messages"), "messages")
    if not given:
        raise _refused("messages: at least one is needed")
    for place, message in enumerate(given):
        where = f"messages.{place}"
        role = _object(message, where).get("role")
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else _list(content, f"{where}.content")
        blocks = [_object(block, f"{where}.content.{number}") for number, block in enumerate(blocks)]
        if any(block.get("cache_control") for block in blocks):
            left.out("cache_control")
        if role == "user":
            turns += _user(blocks, where, left)
        elif role == "assistant":
            turns += _assistant(blocks, where, left)
        elif role == "system":
            turns.append({"role": "system", "content": _joined(blocks, where)})
        else:
            raise _refused(f"{where}.role must be user or assistant, not {role!r:.40}")
    return settled(turns)


def _system(system: Any, left: _Left) -> str:
    if system is None or isinstance(system, str):
        return system or ""
    blocks = [_object(block, "system") for block in _list(system, "system")]
    if any(block.get("cache_control") for block in blocks):
        left.out("cache_control")
    kept = [block for block in blocks if not str(block.get("text", "")).startswith(_VOLATILE)]
    return _joined(kept, "system")


def _joined(blocks: list[Mapping[str, Any]], where: str) -> str:
    return "\n\n".join(_text(block.get("text"), f"{where}.text") for block in blocks)


def _user(blocks: list[Mapping[str, Any]], where: str, left: _Left) -> list[dict[str, Any]]:
    """Results of tools first, each a turn of its own; then what else is said."""
    turns: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            turn, pictures = _result(block, where, left)
            turns.append(turn)
            parts += pictures
    said = [_part(block, where, left) for block in blocks if block.get("type") != "tool_result"]
    parts += [part for part in said if part is not None]
    if parts:
        texts = [part["text"] for part in parts if part["type"] == "text"]
        plain = len(texts) == len(parts)
        turns.append({"role": "user", "content": "\n\n".join(texts) if plain else parts})
    return turns


def _part(block: Mapping[str, Any], where: str, left: _Left) -> dict[str, Any] | None:
    """A block as a part of a turn; None for what cannot be one."""
    kind = block.get("type")
    if kind == "text":
        return {"type": "text", "text": _text(block.get("text"), f"{where}.text")}
    if kind == "image":
        url = _address(block.get("source"), f"{where}.image", left)
        return {"type": "image_url", "image_url": {"url": url}} if url else None
    if kind == "document":
        return _document(block, where, left)
    if kind == "search_result":
        texts = [_text(_object(one, where).get("text"), where) for one in _list(block.get("content"), where)]
        return {"type": "text", "text": "\n".join((f"{block.get('title', '')} ({block.get('source', '')})", *texts))}
    if kind == "tool_reference":  # of a tool that waited to be found, and is among the others here
        return {"type": "text", "text": f"The tool {_text(block.get('tool_name'), f'{where}.tool_name')} can be used."}
    left.needed(f"a block of the type {_text(kind, f'{where}.type')!r:.60} has no counterpart in chat completions")
    return None


def _document(block: Mapping[str, Any], where: str, left: _Left) -> dict[str, Any] | None:
    source = _object(block.get("source"), f"{where}.document.source")
    kind, title = source.get("type"), block.get("title")
    for name in ("citations", "context"):
        if block.get(name):
            left.out(f"document.{name}")
    if kind == "text":
        text = _text(source.get("data"), f"{where}.document.source.data")
        return {"type": "text", "text": f"{title}\n{text}" if isinstance(title, str) else text}
    if kind == "content":
        inner = source.get("content")
        if isinstance(inner, str):
            return {"type": "text", "text": inner}
        return {"type": "text", "text": _joined([_object(one, where) for one in _list(inner, where)], where)}
    name = title if isinstance(title, str) else "document.pdf"
    url = _address(source, f"{where}.document", left)
    return {"type": "file", "file": {"filename": name, "file_data": url}} if url else None


def _address(source: Any, where: str, left: _Left) -> str:
    """A picture's or a document's bytes as a data URL, or where it is; empty where only Anthropic has it."""
    source = _object(source, f"{where}.source")
    if source.get("type") == "base64":
        kind = _text(source.get("media_type"), f"{where}.source.media_type")
        return f"data:{kind};base64,{_text(source.get('data'), f'{where}.source.data')}"
    if source.get("type") == "url":
        url: str = _text(source.get("url"), f"{where}.source.url")
        return url
    left.needed(f"{where} is a {_text(source.get('type'), f'{where}.source.type')!r:.40} that only its provider has")
    return ""


def _result(block: Mapping[str, Any], where: str, left: _Left) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The turn of a tool's result, and the pictures in it, which that turn cannot hold."""
    content = block.get("content")
    call = _text(block.get("tool_use_id"), f"{where}.tool_use_id")
    given = [{"type": "text", "text": content}] if isinstance(content, str) else _list(content or [], where)
    parts = [part for one in given if (part := _part(_object(one, where), where, left)) is not None]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    pictures = [part for part in parts if part["type"] != "text"]
    text = "\n".join(texts)
    if pictures:
        text = f"{text}\n(what it shows follows)".strip()
        pictures.insert(0, {"type": "text", "text": f"What the tool call {call} shows:"})
    if block.get("is_error") is True:
        text = f"Error: {text}"
    return {"role": "tool", "tool_call_id": call, "content": text}, pictures


def _assistant(blocks: list[Mapping[str, Any]], where: str, left: _Left) -> list[dict[str, Any]]:
    texts: list[str] = []
    thoughts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            texts.append(_text(block.get("text"), f"{where}.text"))
        elif kind == "thinking":
            thoughts.append(_text(block.get("thinking"), f"{where}.thinking"))
            detail = {"type": "reasoning.text", "text": thoughts[-1]}
            if signature := block.get("signature"):
                detail["signature"] = _text(signature, f"{where}.signature")
                left.out("thinking.signature")
            details.append(detail)
        elif kind == "redacted_thinking":
            left.out("redacted_thinking")
            details.append({"type": "reasoning.encrypted", "data": _text(block.get("data"), f"{where}.data")})
        elif kind == "tool_use":
            arguments = json.dumps(_object(block.get("input") or {}, f"{where}.input"), ensure_ascii=False)
            called = {"name": _text(block.get("name"), f"{where}.name"), "arguments": arguments}
            calls.append({"id": _text(block.get("id"), f"{where}.id"), "type": "function", "function": called})
        else:
            left.needed(
                f"a block of the type {_text(kind, f'{where}.type')!r:.60} has no counterpart in chat completions"
            )
    turn: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if thoughts:
        turn["reasoning_content"] = "".join(thoughts)
    if any("signature" in detail or "data" in detail for detail in details):  # else they say nothing new
        turn["reasoning_details"] = details
    if calls:
        turn["tool_calls"] = calls
    return [turn] if texts or thoughts or calls else []


def _read_tools(body: Mapping[str, Any], made: dict[str, Any], left: _Left) -> None:
    tools = []
    for tool in _list(body.get("tools") or [], "tools"):
        kind, name = _object(tool, "tools").get("type") or "custom", tool.get("name")
        if kind != "custom":
            left.needed(f"the tool {_text(kind, 'tools.type')!r:.60} runs at Anthropic, or is made for its models")
            continue
        function = {"name": _text(name, "tools.name"), "parameters": _object(tool.get("input_schema") or {}, "tools")}
        if tool.get("description") is not None:
            function["description"] = _text(tool["description"], "tools.description")
        if tool.get("strict") is not None:
            function["strict"] = tool["strict"] is True
        if tool.get("cache_control"):
            left.out("cache_control")
        left.losses |= others(tool, _TOOL, "tools.")
        tools.append({"type": "function", "function": function})
    if not tools:
        return
    made["tools"] = tools
    choice = _object(body.get("tool_choice") or {}, "tool_choice")
    kind = choice.get("type")
    if kind == "tool":
        made["tool_choice"] = {"type": "function", "function": {"name": _text(choice.get("name"), "tool_choice.name")}}
    elif kind is not None:
        said = {"auto": "auto", "any": "required", "none": "none"}.get(kind if isinstance(kind, str) else "")
        if said is None:
            raise _refused(f"tool_choice.type must be auto, any, tool or none, not {kind!r:.40}")
        made["tool_choice"] = said
    if choice.get("disable_parallel_tool_use") is True:
        made["parallel_tool_calls"] = False


def _read_thinking(body: Mapping[str, Any], made: dict[str, Any], left: _Left) -> None:
    """How much is thought, and in which form the answer is to come."""
    thinking = _object(body.get("thinking") or {}, "thinking")
    config = _object(body.get("output_config") or {}, "output_config")
    left.losses |= others(config, ("effort", "format"), "output_config.")
    effort = config.get("effort")
    if effort is not None:
        said = _EFFORT.get(effort if isinstance(effort, str) else "")
        if said is None:
            raise _refused(f"output_config.effort is none of {', '.join(_EFFORT)}")
        made["reasoning_effort"] = said
        if said != effort:
            left.out("output_config.effort")
    elif thinking.get("type") == "enabled":
        budget = _number(thinking.get("budget_tokens", 0), "thinking.budget_tokens")
        made["reasoning_effort"] = next((word for most, word in _BUDGETS if budget <= most), "high")
        left.out("thinking.budget_tokens")
    form = config.get("format") or body.get("output_format")
    if form is not None:
        schema = _object(_object(form, "output_config.format").get("schema"), "output_config.format.schema")
        wrapped = {"name": "answer", "schema": schema, "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": wrapped}


def without_foreign_thoughts(body: Mapping[str, Any], refused: str = "?") -> dict[str, Any] | None:
    """The request without thoughts that no signature proves, which were made of another model's; None if it has none.

    refused: the words of a refusal. Where those are of thoughts, or of their signatures, none of them stays.
    """
    said = _ABOUT_THOUGHTS(refused.lower())
    if refused != "?" and said is None:
        return None
    turns, found = [], False
    for turn in body.get("messages") or ():
        content = turn.get("content") if isinstance(turn, dict) and turn.get("role") == "assistant" else None
        if isinstance(content, list):
            kept = [block for block in content if not _is_foreign(block, all_of_them=said is not None)]
            if len(kept) < len(content):
                found, turn = True, {**turn, "content": kept or [{"type": "text", "text": "(thought)"}]}
        turns.append(turn)
    if not found:
        return None
    made = {**body, "messages": turns}
    if _has(turns[-1], "tool_result") and isinstance(body.get("thinking"), dict):
        del made["thinking"]  # else a turn that calls has to begin with thoughts
    return made


def _has(turn: Any, kind: str) -> bool:
    content = turn.get("content") if isinstance(turn, dict) else None
    return isinstance(content, list) and any(isinstance(block, dict) and block.get("type") == kind for block in content)


def nameable(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request may name things that a provider keeps: what models and programs make up cannot."""
    turns = body.get("messages")
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    blocks = [
        block for content in contents if isinstance(content, list) for block in content if isinstance(block, dict)
    ]
    said = [{name: value for name, value in block.items() if name != "input"} for block in blocks]
    return {"messages": said, "container": body.get("container")}


_ABOUT_THOUGHTS = re.compile(r"signature|thinking").search


def _is_foreign(block: Any, *, all_of_them: bool) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "thinking":
        return all_of_them or not block.get("signature")
    return all_of_them and kind == "redacted_thinking"


# What a field must be


def _refused(why: str) -> InvalidRequestError:
    return InvalidRequestError(f"Nothing was sent: {why}", code="invalid_request_error")


def _check(kind: type | tuple[type, ...], words: str) -> Callable[[Any, str], Any]:
    def check(value: Any, name: str) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _refused(f"{name} must be {words}, not {type(value).__name__}")
        return value

    return check


_text = _check(str, "text")
_list = _check(list, "a list")
_object = _check(dict, "an object")
_number = _check((int, float), "a number")
