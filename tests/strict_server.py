"""Servers that refuse a conversation which is not valid by their provider's rules, in that provider's words.

The rules are what is known of the real ones; each is called like its row of the registry, whose rules for turns a
conversation is fitted by. So a test can say: whatever happened before, what this provider gets is what it takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.servers import Behaviour, Connection, Received, answer

STANDARD = frozenset(("role", "content", "name", "tool_calls"))
CALL, FUNCTION = {"id", "type", "function"}, {"name", "arguments"}


class Strict(NamedTuple):
    """What one provider demands of a conversation, beyond what all do."""

    ids: str = "[a-zA-Z0-9_-]{1,40}"
    id_words: str = "Invalid 'messages[{0}].tool_calls[{1}].id': string does not match the pattern"
    takes: frozenset[str] = frozenset()
    unknown: str = "messages.{0}.{1}: Extra inputs are not permitted"
    status: int = 400
    wants: str = ""  # a field that each turn with calls must have, and not empty
    signed: bool = False  # the first call of a turn must carry a signature
    null: bool = True  # null is taken for content


PROVIDERS = {
    "openai": Strict(takes=frozenset(("refusal", "audio", "annotations"))),
    "mistral": Strict(
        ids="[a-zA-Z0-9]{9}",
        id_words="Tool call id was {2} but must be a-z, A-Z, 0-9, with a length of 9.",
        unknown='{{"type":"extra_forbidden","loc":["body","messages",{0},"assistant","{1}"]}}',
        status=422,
        takes=frozenset(("thinking",)),
    ),
    "groq": Strict(unknown="'messages.{0}' : for 'role:assistant' the following must be satisfied"
                           "[('messages.{0}' : property '{1}' is unsupported)]"),
    "google": Strict(ids=".+", takes=frozenset(("extra_content",)), signed=True),
    "moonshot": Strict(ids=".+", takes=frozenset(("reasoning_content",)), wants="reasoning_content"),
    "deepseek": Strict(ids=".+", takes=frozenset(("reasoning_content",)), wants="reasoning_content"),
    "lmstudio": Strict(ids=".+", null=False),
    "cerebras": Strict(takes=frozenset(("reasoning",))),
}  # fmt: skip
TOLERANT = frozenset(("lmstudio",))  # of whatever fields and parts: LM Studio reads those that it knows


def problem(messages: Sequence[Mapping[str, Any]], provider: str) -> str:
    """Why the provider refuses this conversation, in its words; empty if it does not."""
    return next(_problems(messages, provider), "")


def _problems(messages: Sequence[Mapping[str, Any]], provider: str) -> Iterator[str]:
    strict = PROVIDERS[provider]
    waiting: list[str] = []
    met: set[str] = set()
    for place, turn in enumerate(messages):
        if turn.get("role") == "tool":
            if not waiting:
                yield "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            if turn.get("tool_call_id") not in waiting:
                yield f"messages.{place}: unexpected tool_call_id {turn.get('tool_call_id')!r}"
            else:
                waiting.remove(turn["tool_call_id"])
            if not _is_said(turn.get("content")) or turn.keys() - {"role", "content", "tool_call_id", "name"}:
                yield f"the message at position {place} with role 'tool' must not be empty"
            continue
        if waiting:
            yield (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}"
            )
        waiting = []
        if turn.get("role") == "assistant":
            waiting = [call.get("id", "") for call in turn.get("tool_calls") or ()]
            yield from _of_assistant(turn, place, strict, tolerant=provider in TOLERANT)
            if len({*waiting} | met) != len(waiting) + len(met):
                yield "messages: `tool_use` ids must be unique"
            met.update(waiting)
        elif turn.get("role") not in ("user", "system", "developer"):
            yield f"messages.{place}.role: {turn.get('role')!r} is not one of 'system', 'user', 'assistant', 'tool'"
    if waiting:
        yield "An assistant message with 'tool_calls' must be followed by tool messages"


def _of_assistant(turn: Mapping[str, Any], place: int, strict: Strict, *, tolerant: bool) -> Iterator[str]:
    allowed = STANDARD | strict.takes
    calls = turn.get("tool_calls")
    if not tolerant:
        yield from (strict.unknown.format(place, name) for name in turn.keys() - allowed)
    if "tool_calls" in turn and not calls:
        yield f"[] is too short - 'messages.{place}.tool_calls'"
    yield from _of_content(turn, place, strict, tolerant=tolerant)
    if any(turn[name] is None for name in turn.keys() - {"content"}):
        yield f"None is not of type 'object' - 'messages.{place}'"
    for number, call in enumerate(calls or ()):
        yield from _of_call(call, place, number, strict, tolerant=tolerant)
    if calls and strict.wants and not turn.get(strict.wants):
        yield f"thinking is enabled but {strict.wants} is missing in assistant tool call message at index {place}"
    if calls and strict.signed:
        google = (calls[0].get("extra_content") or {}).get("google") or {}
        if not google.get("thought_signature"):
            yield "Function call is missing a thought_signature in functionCall parts."


def _of_content(turn: Mapping[str, Any], place: int, strict: Strict, *, tolerant: bool) -> Iterator[str]:
    content, calls = turn.get("content"), turn.get("tool_calls")
    if "content" not in turn or (
        content is None and not (strict.null and calls) and not {"audio", "refusal"} & turn.keys()
    ):
        yield "Invalid 'content': 'content' field must be a string or an array of objects."
    if isinstance(content, list) and not tolerant:
        kinds = {part.get("type") for part in content if isinstance(part, dict)}
        if kinds - ({"text", "thinking"} if "thinking" in strict.takes else {"text"}):
            yield f"messages.{place}.content: unknown kind of part among {kinds}"
    blank_is_null = calls and not strict.null
    if content is not None and not _is_said(content) and not blank_is_null:
        yield "messages: text content blocks must be non-empty"


def _of_call(call: Any, place: int, number: int, strict: Strict, *, tolerant: bool) -> Iterator[str]:
    if not isinstance(call, dict) or call.get("type") != "function" or not isinstance(call.get("function"), dict):
        yield f"Missing required parameter: 'messages[{place}].tool_calls[{number}].type'"
        return
    call_id, function = call.get("id"), call["function"]
    if not isinstance(call_id, str) or not re.fullmatch(strict.ids, call_id):
        yield strict.id_words.format(place, number, call_id)
    if not tolerant:
        extras = (call.keys() - CALL - strict.takes) | (function.keys() - FUNCTION)
        yield from (strict.unknown.format(place, name) for name in extras)
    if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", str(function.get("name", ""))):
        yield f"Invalid 'messages[{place}].tool_calls[{number}].function.name': string does not match pattern"
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        yield f"{arguments!r} is not of type 'string' - 'messages.{place}.tool_calls.{number}.function.arguments'"
        return
    try:
        value = json.loads(arguments, parse_constant=_no_constant)
        value = json.loads(json.dumps(value, ensure_ascii=False).encode())
    except ValueError:
        yield f"messages.{place}: failed to parse tool call arguments as JSON"
        return
    if not isinstance(value, dict):
        yield f"messages.{place}.content.{number}.tool_use.input: Input should be a valid dictionary"


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _is_said(content: Any) -> bool:
    if isinstance(content, list):
        return bool(content) and all(
            isinstance(p, dict) and (p.get("type") != "text" or p.get("text")) for p in content
        )
    return isinstance(content, str) and bool(content.strip())


def strict(provider: str, refused: list[str], then: Behaviour = answer) -> Behaviour:
    """A behaviour: *then* for a valid conversation; anything else is refused, and the words are kept in *refused*."""

    def behave(connection: Connection, request: Received) -> None:
        words = "" if request.path.endswith("/models") else problem(request.json["messages"], provider)
        if words:
            refused.append(words)
            error = {"message": words, "type": "invalid_request_error"}
            connection.reply(PROVIDERS[provider].status, {"error": error})
        else:
            then(connection, request)

    return behave
