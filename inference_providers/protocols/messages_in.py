"""Anthropic's messages, as programs send them: read into a chat completion. Pure.

What has no counterpart and changes nothing of what is meant is left out, and named; what would change it is refused.
"""

from __future__ import annotations

import json

from inference_providers.errors import InvalidRequestError
from inference_providers.protocols.dialect import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_PASSED = ("temperature", "top_p", "top_k")
_LOST = ("cache_control", "service_tier", "speed", "diagnostics", "context_management", "user_profile_id", "betas")
_REFUSED = ("mcp_servers", "container", "inference_geo", "workspace_id", "fallbacks")
_EFFORT = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = ((2048, "low"), (16384, "medium"))  # tokens of thoughts, up to which an effort is meant
_LONGEST_USER = 64  # characters that OpenAI's `user` may have
_VOLATILE = "x-anthropic-billing-header:"  # a program's own line, another with each request: it spoils prompt caches


def read(body: Mapping[str, Any]) -> Asked:
    """A request for a message as one for a chat completion. Raises InvalidRequestError, which names the field."""
    losses: dict[str, None] = {}
    for name in _REFUSED:
        if body.get(name) not in (None, [], {}):
            raise _refused(f"{name} has no counterpart at the model that is asked")
    losses |= dict.fromkeys(name for name in _LOST if body.get(name) is not None)
    made: dict[str, Any] = {"model": _text(body.get("model", "auto"), "model"), "messages": _turns(body, losses)}
    if (most := body.get("max_tokens")) is not None:
        made["max_tokens"] = _number(most, "max_tokens")
    made |= {name: _number(body[name], name) for name in _PASSED if body.get(name) is not None}
    if body.get("stop_sequences"):
        made["stop"] = [_text(one, "stop_sequences") for one in _list(body["stop_sequences"], "stop_sequences")]
    _read_tools(body, made, losses)
    _read_thinking(body, made, losses)
    user = _object(body.get("metadata") or {}, "metadata").get("user_id")
    if user is not None:
        if len(_text(user, "metadata.user_id")) <= _LONGEST_USER:
            made["user"] = user
        else:
            losses["metadata.user_id"] = None
    streams = body.get("stream") is True
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked(made, body, losses=list(losses), streams=streams)


def _turns(body: Mapping[str, Any], losses: dict[str, None]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    if (system := _system(body.get("system"), losses)) != "":
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
            losses["cache_control"] = None
        if role == "user":
            turns += _user(blocks, where)
        elif role == "assistant":
            turns += _assistant(blocks, where, losses)
        elif role == "system":
            turns.append({"role": "system", "content": _joined(blocks, where)})
        else:
            raise _refused(f"{where}.role must be user or assistant, not {role!r:.40}")
    return turns


def _system(system: Any, losses: dict[str, None]) -> str:
    if system is None or isinstance(system, str):
        return system or ""
    blocks = [_object(block, "system") for block in _list(system, "system")]
    if any(block.get("cache_control") for block in blocks):
        losses["cache_control"] = None
    kept = [block for block in blocks if not str(block.get("text", "")).startswith(_VOLATILE)]
    return _joined(kept, "system")


def _joined(blocks: list[Mapping[str, Any]], where: str) -> str:
    return "\n\n".join(_text(block.get("text"), f"{where}.text") for block in blocks)


def _user(blocks: list[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    """Results of tools first, each a turn of its own; then what else is said."""
    turns: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            turn, pictures = _result(block, where)
            turns.append(turn)
            parts += pictures
    parts += [_part(block, where) for block in blocks if block.get("type") != "tool_result"]
    if parts:
        texts = [part["text"] for part in parts if part["type"] == "text"]
        plain = len(texts) == len(parts)
        turns.append({"role": "user", "content": "\n\n".join(texts) if plain else parts})
    return turns


def _part(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = block.get("type")
    if kind == "text":
        return {"type": "text", "text": _text(block.get("text"), f"{where}.text")}
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": _address(block.get("source"), f"{where}.image")}}
    if kind == "document":
        return _document(block, where)
    if kind == "search_result":
        texts = [_text(_object(one, where).get("text"), where) for one in _list(block.get("content"), where)]
        return {"type": "text", "text": "\n".join((f"{block.get('title', '')} ({block.get('source', '')})", *texts))}
    raise _refused(f"{where}: a block of the type {kind!r:.60} cannot be passed on to this model")


def _document(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    source = _object(block.get("source"), f"{where}.document.source")
    kind, title = source.get("type"), block.get("title")
    if kind == "text":
        text = _text(source.get("data"), f"{where}.document.source.data")
        return {"type": "text", "text": f"{title}\n{text}" if isinstance(title, str) else text}
    if kind == "content":
        inner = source.get("content")
        if isinstance(inner, str):
            return {"type": "text", "text": inner}
        return {"type": "text", "text": _joined([_object(one, where) for one in _list(inner, where)], where)}
    name = title if isinstance(title, str) else "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": _address(source, f"{where}.document")}}


def _address(source: Any, where: str) -> str:
    """A picture's or a document's bytes as a data URL, or where it is."""
    source = _object(source, f"{where}.source")
    if source.get("type") == "base64":
        kind = _text(source.get("media_type"), f"{where}.source.media_type")
        return f"data:{kind};base64,{_text(source.get('data'), f'{where}.source.data')}"
    if source.get("type") == "url":
        url: str = _text(source.get("url"), f"{where}.source.url")
        return url
    raise _refused(f"{where}: {source.get('type')!r:.40} is kept at a provider that is not asked here")


def _result(block: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The turn of a tool's result, and the pictures in it, which that turn cannot hold."""
    content = block.get("content")
    call = _text(block.get("tool_use_id"), f"{where}.tool_use_id")
    given = [{"type": "text", "text": content}] if isinstance(content, str) else _list(content or [], where)
    parts = [_part(_object(one, where), where) for one in given]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    pictures = [part for part in parts if part["type"] != "text"]
    text = "\n".join(texts)
    if pictures:
        text = f"{text}\n(what it shows follows)".strip()
        pictures.insert(0, {"type": "text", "text": f"What the tool call {call} shows:"})
    if block.get("is_error") is True:
        text = f"Error: {text}"
    return {"role": "tool", "tool_call_id": call, "content": text}, pictures


def _assistant(blocks: list[Mapping[str, Any]], where: str, losses: dict[str, None]) -> list[dict[str, Any]]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            texts.append(_text(block.get("text"), f"{where}.text"))
        elif kind == "thinking":
            thoughts.append(_text(block.get("thinking"), f"{where}.thinking"))
            if block.get("signature"):
                losses["thinking.signature"] = None
        elif kind == "redacted_thinking":
            losses["redacted_thinking"] = None
        elif kind == "tool_use":
            arguments = json.dumps(_object(block.get("input") or {}, f"{where}.input"), ensure_ascii=False)
            called = {"name": _text(block.get("name"), f"{where}.name"), "arguments": arguments}
            calls.append({"id": _text(block.get("id"), f"{where}.id"), "type": "function", "function": called})
        else:
            raise _refused(f"{where}: a block of the type {kind!r:.60} cannot be passed on")
    turn: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if thoughts:
        turn["reasoning_content"] = "".join(thoughts)
    if calls:
        turn["tool_calls"] = calls
    return [turn] if texts or thoughts or calls else []


def _read_tools(body: Mapping[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    tools = []
    for tool in _list(body.get("tools") or [], "tools"):
        kind, name = _object(tool, "tools").get("type") or "custom", tool.get("name")
        if kind != "custom":
            raise _refused(f"The tool {kind!r:.60} runs at Anthropic, and has no counterpart at this model.")
        function = {"name": _text(name, "tools.name"), "parameters": _object(tool.get("input_schema") or {}, "tools")}
        if tool.get("description") is not None:
            function["description"] = _text(tool["description"], "tools.description")
        if tool.get("strict") is not None:
            function["strict"] = tool["strict"] is True
        if tool.get("cache_control"):
            losses["cache_control"] = None
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


def _read_thinking(body: Mapping[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    """How much is thought, and in which form the answer is to come."""
    thinking = _object(body.get("thinking") or {}, "thinking")
    config = _object(body.get("output_config") or {}, "output_config")
    effort = config.get("effort")
    if effort is not None:
        said = _EFFORT.get(effort if isinstance(effort, str) else "")
        if said is None:
            raise _refused(f"output_config.effort is none of {', '.join(_EFFORT)}")
        made["reasoning_effort"] = said
        if said != effort:
            losses["output_config.effort"] = None
    elif thinking.get("type") == "enabled":
        budget = _number(thinking.get("budget_tokens", 0), "thinking.budget_tokens")
        made["reasoning_effort"] = next((word for most, word in _BUDGETS if budget <= most), "high")
        losses["thinking.budget_tokens"] = None
    form = config.get("format") or body.get("output_format")
    if form is not None:
        schema = _object(_object(form, "output_config.format").get("schema"), "output_config.format.schema")
        wrapped = {"name": "answer", "schema": schema, "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": wrapped}


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
