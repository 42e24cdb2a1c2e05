"""Anthropic's messages, as programs send them: read into a chat completion. Pure.

What has no counterpart and changes nothing of what is meant is left out, and named. What would change it only those can
be asked who speak this API themselves.
"""

from __future__ import annotations

import json
import re

from inference_providers import chat
from inference_providers.protocols.dialect import OWN_WORDS, Asked, others, settled
from inference_providers.protocols.request_fields import Notes, array, mapping, number, refused, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
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


def read(body: Mapping[str, Any]) -> Asked:
    """A request for a message as one for a chat completion. Raises InvalidRequestError, which names the field."""
    notes = Notes()
    for name in _REFUSED:
        if body.get(name) not in (None, [], {}):
            notes.only_native(f"{name} has no counterpart in chat completions")
    notes.losses |= others(body, {*_KNOWN, *_REFUSED})
    made: dict[str, Any] = {"model": text(body.get("model", "auto"), "model"), "messages": _turns(body, notes)}
    if (most := body.get("max_tokens")) is not None:
        made["max_tokens"] = number(most, "max_tokens")
    made |= {name: number(body[name], name) for name in _PASSED if body.get(name) is not None}
    if body.get("stop_sequences"):
        made["stop"] = [text(one, "stop_sequences") for one in array(body["stop_sequences"], "stop_sequences")]
    _read_tools(body, made, notes)
    _read_thinking(body, made, notes)
    user = mapping(body.get("metadata") or {}, "metadata").get("user_id")
    if user is not None:
        if len(text(user, "metadata.user_id")) <= _LONGEST_USER:
            made["user"] = user
        else:
            notes.lose("metadata.user_id")
    streams = body.get("stream") is True
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked(made, body, losses=notes.losses, streams=streams, only_native=notes.only)


def _turns(body: Mapping[str, Any], notes: Notes) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    if (system := _system(body.get("system"), notes)) != "":
        turns.append({"role": "system", "content": system})
    given = array(body.get("messages"), "messages")
    if not given:
        raise refused("messages: at least one is needed")
    for place, message in enumerate(given):
        where = f"messages.{place}"
        role = mapping(message, where).get("role")
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else array(content, f"{where}.content")
        blocks = [mapping(block, f"{where}.content.{number}") for number, block in enumerate(blocks)]
        if any(block.get("cache_control") for block in blocks):
            notes.lose("cache_control")
        if role == "user":
            turns += _user(blocks, where, notes)
        elif role == "assistant":
            turns += _assistant(blocks, where, notes)
        elif role == "system":
            turns.append({"role": "system", "content": _joined(blocks, where)})
        else:
            raise refused(f"{where}.role must be user or assistant, not {role!r:.40}")
    return settled(turns)


def _system(system: Any, notes: Notes) -> str:
    if system is None or isinstance(system, str):
        return system or ""
    blocks = [mapping(block, "system") for block in array(system, "system")]
    if any(block.get("cache_control") for block in blocks):
        notes.lose("cache_control")
    kept = [block for block in blocks if not str(block.get("text", "")).startswith(_VOLATILE)]
    return _joined(kept, "system")


def _joined(blocks: list[Mapping[str, Any]], where: str) -> str:
    return "\n\n".join(text(block.get("text"), f"{where}.text") for block in blocks)


def _user(blocks: list[Mapping[str, Any]], where: str, notes: Notes) -> list[dict[str, Any]]:
    """Results of tools first, each a turn of its own; then what else is said."""
    turns: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            turn, pictures = _result(block, where, notes)
            turns.append(turn)
            parts += pictures
    said = [_part(block, where, notes) for block in blocks if block.get("type") != "tool_result"]
    parts += [part for part in said if part is not None]
    if parts:
        texts = [part["text"] for part in parts if part["type"] == "text"]
        plain = len(texts) == len(parts)
        turns.append({"role": "user", "content": "\n\n".join(texts) if plain else parts})
    return turns


def _part(block: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any] | None:
    """A block as a part of a turn; None for what cannot be one."""
    kind = block.get("type")
    if kind == "text":
        return {"type": "text", "text": text(block.get("text"), f"{where}.text")}
    if kind == "image":
        url = _address(block.get("source"), f"{where}.image", notes)
        return {"type": "image_url", "image_url": {"url": url}} if url else None
    if kind == "document":
        return _document(block, where, notes)
    if kind == "search_result":
        texts = [text(mapping(one, where).get("text"), where) for one in array(block.get("content"), where)]
        return {"type": "text", "text": "\n".join((f"{block.get('title', '')} ({block.get('source', '')})", *texts))}
    if kind == "tool_reference":  # of a tool that waited to be found, and is among the others here
        return {"type": "text", "text": f"The tool {text(block.get('tool_name'), f'{where}.tool_name')} can be used."}
    notes.only_native(f"a block of the type {text(kind, f'{where}.type')!r:.60} has no counterpart in chat completions")
    return None


def _document(block: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any] | None:
    source = mapping(block.get("source"), f"{where}.document.source")
    kind, title = source.get("type"), block.get("title")
    for name in ("citations", "context"):
        if block.get(name):
            notes.lose(f"document.{name}")
    if kind == "text":
        said = text(source.get("data"), f"{where}.document.source.data")
        return {"type": "text", "text": f"{title}\n{said}" if isinstance(title, str) else said}
    if kind == "content":
        inner = source.get("content")
        if isinstance(inner, str):
            return {"type": "text", "text": inner}
        return {"type": "text", "text": _joined([mapping(one, where) for one in array(inner, where)], where)}
    name = title if isinstance(title, str) else "document.pdf"
    url = _address(source, f"{where}.document", notes)
    return {"type": "file", "file": {"filename": name, "file_data": url}} if url else None


def _address(source: Any, where: str, notes: Notes) -> str:
    """A picture's or a document's bytes as a data URL, or where it is; empty where only Anthropic has it."""
    source = mapping(source, f"{where}.source")
    if source.get("type") == "base64":
        kind = text(source.get("media_type"), f"{where}.source.media_type")
        return f"data:{kind};base64,{text(source.get('data'), f'{where}.source.data')}"
    if source.get("type") == "url":
        url: str = text(source.get("url"), f"{where}.source.url")
        return url
    notes.only_native(
        f"{where} is a {text(source.get('type'), f'{where}.source.type')!r:.40} that only its provider has"
    )
    return ""


def _result(block: Mapping[str, Any], where: str, notes: Notes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The turn of a tool's result, and the pictures in it, which that turn cannot hold."""
    content = block.get("content")
    call = text(block.get("tool_use_id"), f"{where}.tool_use_id")
    given = [{"type": "text", "text": content}] if isinstance(content, str) else array(content or [], where)
    parts = [part for one in given if (part := _part(mapping(one, where), where, notes)) is not None]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    pictures = [part for part in parts if part["type"] != "text"]
    said = "\n".join(texts)
    if pictures:
        said = f"{said}\n(what it shows follows)".strip()
        pictures.insert(0, {"type": "text", "text": f"What the tool call {call} shows:"})
    if block.get("is_error") is True:
        said = f"Error: {said}"
    return {"role": "tool", "tool_call_id": call, "content": said}, pictures


def _assistant(blocks: list[Mapping[str, Any]], where: str, notes: Notes) -> list[dict[str, Any]]:
    texts: list[str] = []
    thoughts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            texts.append(text(block.get("text"), f"{where}.text"))
        elif kind == "thinking":
            thoughts.append(text(block.get("thinking"), f"{where}.thinking"))
            detail = {"type": "reasoning.text", "text": thoughts[-1]}
            if signature := block.get("signature"):
                detail["signature"] = text(signature, f"{where}.signature")
                notes.lose("thinking.signature")
            details.append(detail)
        elif kind == "redacted_thinking":
            notes.lose("redacted_thinking")
            details.append({"type": "reasoning.encrypted", "data": text(block.get("data"), f"{where}.data")})
        elif kind == "tool_use":
            arguments = json.dumps(mapping(block.get("input") or {}, f"{where}.input"), ensure_ascii=False)
            called = {"name": text(block.get("name"), f"{where}.name"), "arguments": arguments}
            calls.append({"id": text(block.get("id"), f"{where}.id"), "type": "function", "function": called})
        else:
            notes.only_native(
                f"a block of the type {text(kind, f'{where}.type')!r:.60} has no counterpart in chat completions"
            )
    turn: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if thoughts:
        turn["reasoning_content"] = "".join(thoughts)
    if any("signature" in detail or "data" in detail for detail in details):  # else they say nothing new
        turn["reasoning_details"] = details
    if calls:
        turn["tool_calls"] = calls
    return [turn] if texts or thoughts or calls else []


def _read_tools(body: Mapping[str, Any], made: dict[str, Any], notes: Notes) -> None:
    tools = []
    for tool in array(body.get("tools") or [], "tools"):
        kind, name = mapping(tool, "tools").get("type") or "custom", tool.get("name")
        if kind != "custom":
            notes.only_native(f"the tool {text(kind, 'tools.type')!r:.60} runs at Anthropic, or is made for its models")
            continue
        function = {"name": text(name, "tools.name"), "parameters": mapping(tool.get("input_schema") or {}, "tools")}
        if tool.get("description") is not None:
            function["description"] = text(tool["description"], "tools.description")
        if tool.get("strict") is not None:
            function["strict"] = tool["strict"] is True
        if tool.get("cache_control"):
            notes.lose("cache_control")
        notes.losses |= others(tool, _TOOL, "tools.")
        tools.append({"type": "function", "function": function})
    if not tools:
        return
    made["tools"] = tools
    choice = mapping(body.get("tool_choice") or {}, "tool_choice")
    kind = choice.get("type")
    if kind == "tool":
        made["tool_choice"] = {"type": "function", "function": {"name": text(choice.get("name"), "tool_choice.name")}}
    elif kind is not None:
        said = {"auto": "auto", "any": "required", "none": "none"}.get(kind if isinstance(kind, str) else "")
        if said is None:
            raise refused(f"tool_choice.type must be auto, any, tool or none, not {kind!r:.40}")
        made["tool_choice"] = said
    if choice.get("disable_parallel_tool_use") is True:
        made["parallel_tool_calls"] = False


def _read_thinking(body: Mapping[str, Any], made: dict[str, Any], notes: Notes) -> None:
    """How much is thought, and in which form the answer is to come."""
    thinking = mapping(body.get("thinking") or {}, "thinking")
    config = mapping(body.get("output_config") or {}, "output_config")
    notes.losses |= others(config, ("effort", "format"), "output_config.")
    effort = config.get("effort")
    if effort is not None:
        said = _EFFORT.get(effort if isinstance(effort, str) else "")
        if said is None:
            raise refused(f"output_config.effort is none of {', '.join(_EFFORT)}")
        made["reasoning_effort"] = said
        if said != effort:
            notes.lose("output_config.effort")
    elif thinking.get("type") == "enabled":
        budget = number(thinking.get("budget_tokens", 0), "thinking.budget_tokens")
        made["reasoning_effort"] = next((word for most, word in _BUDGETS if budget <= most), "high")
        notes.lose("thinking.budget_tokens")
    form = config.get("format") or body.get("output_format")
    if form is not None:
        schema = mapping(mapping(form, "output_config.format").get("schema"), "output_config.format.schema")
        made["response_format"] = chat.parameters.json_schema(schema, strict=True)


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
