"""Chats in the words of Google's generateContent, for its batches. Pure.

A request comes as OpenAI's body and goes as its, a reply the other way round. A reply is untrusted: what has another
shape than expected is left out.
"""

from __future__ import annotations

import json

from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_COMMON = ("model", "messages", "stop", "tools", "stream")
_SYSTEM = ("system", "developer")
_GOOGLE_NAMES = {
    "max_tokens": "maxOutputTokens", "max_completion_tokens": "maxOutputTokens", "temperature": "temperature",
    "top_p": "topP", "top_k": "topK", "seed": "seed", "n": "candidateCount",
}  # fmt: skip
_ENDS = {
    "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter",
    "PROHIBITED_CONTENT": "content_filter", "BLOCKLIST": "content_filter", "SPII": "content_filter",
}  # fmt: skip


def to_google(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A chat as a request for generateContent, and the fields that have no word there."""
    made: dict[str, Any] = {"contents": _spoken(_google_turns(body))}
    if system := _system(body):
        made["systemInstruction"] = {"parts": [{"text": system}]}
    settings = {word: body[name] for name, word in _GOOGLE_NAMES.items() if body.get(name) is not None}
    if (stop := body.get("stop")) is not None:
        settings["stopSequences"] = [stop] if isinstance(stop, str) else stop
    if settings:
        made["generationConfig"] = settings
    functions = [tool["function"] for tool in body.get("tools") or () if isinstance(tool.get("function"), dict)]
    if functions:
        words = ("name", "description", "parameters")
        declared = [{word: one[word] for word in words if one.get(word)} for one in functions]
        made["tools"] = [{"functionDeclarations": declared}]
    known = (*_GOOGLE_NAMES, *_COMMON)
    return made, [name for name in body if name not in known]


def from_google(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A reply of generateContent as OpenAI's completion."""
    turns: list[tuple[dict[str, Any], Any]] = []
    for candidate in _list(reply.get("candidates")):
        if not isinstance(candidate, dict):
            continue
        parts = [part for part in _list(_dict(candidate.get("content")).get("parts")) if isinstance(part, dict)]
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought")]
        said = "".join(texts)
        turn: dict[str, Any] = {"role": "assistant", "content": said}
        called = [_dict(part["functionCall"]) for part in parts if "functionCall" in part]
        if called:
            turn["tool_calls"] = [
                _call(str(one.get("id") or f"call_{number}"), one.get("name"), one.get("args"))
                for number, one in enumerate(called)
            ]
        turns.append((turn, candidate.get("finishReason")))
    usage = _dict(reply.get("usageMetadata"))
    answered = _count(usage, "candidatesTokenCount") + _count(usage, "thoughtsTokenCount")
    cached = _count(usage, "cachedContentTokenCount")
    asked = _count(usage, "promptTokenCount")
    return _completion(reply.get("responseId"), reply.get("modelVersion"), turns, asked, answered, cached)


def _completion(
    name: Any, model: Any, turns: Sequence[tuple[dict[str, Any], Any]], asked: int, answered: int, cached: int
) -> dict[str, Any]:
    choices = []
    for index, (turn, end) in enumerate(turns):
        said = "tool_calls" if turn.get("tool_calls") else _ENDS.get(str(end), "stop")
        choices.append({"index": index, "message": turn, "finish_reason": said})
    usage: dict[str, Any] = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
    if cached:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    made = {"id": str(name or ""), "object": "chat.completion", "created": 0, "model": str(model or "")}
    return {**made, "choices": choices, "usage": usage}


def _call(name: str, function: Any, arguments: Any) -> dict[str, Any]:
    text = json.dumps(arguments if isinstance(arguments, dict) else {}, ensure_ascii=False)
    return {"id": name, "type": "function", "function": {"name": str(function or ""), "arguments": text}}


def _system(body: Mapping[str, Any]) -> str:
    turns = [turn for turn in body["messages"] if turn.get("role") in _SYSTEM]
    return "\n\n".join("".join(part["text"] for part in _parts(turn) if part["type"] == "text") for turn in turns)


def _parts(turn: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a turn says and shows, as parts; those of kinds that have no word there raise ValueError."""
    content = turn.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    parts = [part for part in content or () if isinstance(part, dict)]
    if strange := next((part.get("type") for part in parts if not _has_word(part)), None):
        raise ValueError(f"a part of kind {strange!r} cannot go into this provider's batch")
    return parts


def _has_word(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return kind in ("text", "image_url", "input_audio") or (kind == "file" and bool(_shown(part)[1]))


def _spoken(turns: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """All turns. Raises ValueError where there are none: a job with one such request may be refused as a whole."""
    found = list(turns)
    if not found:
        raise ValueError("there is nothing in it but a system prompt")
    return found


def _google_turns(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Turns there: the results of one turn's calls are one turn, which Google counts, with nothing else in it."""
    names: dict[Any, str] = {}
    results: list[dict[str, Any]] = []
    for turn in body["messages"]:
        role = turn.get("role")
        if role in _SYSTEM:
            continue
        if role == "tool":
            text = "".join(part.get("text", "") for part in _parts(turn))
            name = names.get(turn.get("tool_call_id"), "")
            results.append({"functionResponse": {"name": name, "response": {"result": text}}})
            continue
        if results:
            yield {"role": "user", "parts": results}
            results = []
        parts = [_google_part(part) for part in _parts(turn)]
        for call in turn.get("tool_calls") or ():
            names[call.get("id")] = call["function"]["name"]
            parts.append({"functionCall": {"name": call["function"]["name"], "args": _arguments(call["function"])}})
        if parts:
            yield {"role": "model" if role == "assistant" else "user", "parts": parts}
    if results:
        yield {"role": "user", "parts": results}


def _google_part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"text": part["text"]}
    kind, data = _shown(part)
    return {"inlineData": {"mimeType": kind, "data": data}} if kind else {"fileData": {"fileUri": data}}


def _shown(part: Mapping[str, Any]) -> tuple[str, str]:
    """(type, base64), or ("", URL), of a picture, sound or a file; of a file that the provider keeps, nothing."""
    if part["type"] == "input_audio":
        sound = _dict(part.get("input_audio"))
        return f"audio/{sound.get('format') or 'wav'}", str(sound.get("data") or "")
    field, name = ("file", "file_data") if part["type"] == "file" else ("image_url", "url")
    url = str(_dict(part.get(field)).get(name) or "")
    if not url.startswith("data:"):
        return "", url
    head, _, data = url[5:].partition(",")
    return head.partition(";")[0], data


def _arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return _dict(jsontext.loads(function.get("arguments") or "{}"))
    except ValueError:
        return {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if type(value) is int and value >= 0 else 0
