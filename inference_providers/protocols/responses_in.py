"""Requests for responses of OpenAI's API, as programs send them: read into a chat completion. Pure.

What has no counterpart and changes nothing of what is meant is left out, and named. What would change it makes the
request one for providers of the Responses API alone.
"""

from __future__ import annotations

from inference_providers.chat import parameters
from inference_providers.protocols.dialect import OWN_WORDS, Asked, others
from inference_providers.protocols.request_fields import (
    Notes,
    array,
    count,
    flag,
    mapping,
    number,
    refused,
    text,
)
from inference_providers.protocols.responses_items import Turns
from inference_providers.protocols.responses_tools import Tools, read_tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

# Fields of the same name and meaning, with what they must be.
_SAME: dict[str, Callable[[Any, str], Any]] = {
    "temperature": number, "top_p": number, "user": text, "service_tier": text, "top_k": number, "min_p": number,
    "seed": count, "presence_penalty": number, "frequency_penalty": number, "repetition_penalty": number,
}  # fmt: skip
# What is kept or answered here, or is of no use without what only a provider of this API has.
_HERE = {
    *("model", "input", "instructions", "stream", "store", "metadata", "include", "previous_response_id", "tools"),
    *("tool_choice", "parallel_tool_calls", "reasoning", "text", "max_output_tokens", "top_logprobs", "background"),
    *("stream_options", "max_tool_calls", "conversation", "prompt", "moderation", "truncation"),
}
_ONLY_NATIVE = {
    "conversation": "conversation names what a provider keeps (send the whole input, or previous_response_id)",
    "prompt": "prompt names a template that a provider keeps (send its text)",
    "moderation": "moderation is done by providers of this API",
}
SEALED, LOGPROBS = "reasoning.encrypted_content", "message.output_text.logprobs"


class AskedResponse(Asked):
    """tools: what the functions of the chat completion stand for. said: the request as its response says it again."""

    __slots__ = ("said", "tools")

    def __init__(
        self, body: dict[str, Any], said: Mapping[str, Any], native: Mapping[str, Any], notes: Notes, tools: Tools
    ) -> None:
        streams = said.get("stream") is True
        super().__init__(body, native, losses=notes.losses, streams=streams, only_native=notes.only)
        self.said, self.tools = said, tools


def read(
    body: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
    native: Mapping[str, Any] | None = None,
) -> AskedResponse:
    """A request for a response as one for a chat completion. Raises InvalidRequestError, which names the field.

    history: the items of the response that it goes on from, and of all before it, where that is known. native: the
    request as those get it who have this API, where that is not as it came.
    """
    notes = Notes()
    turns = Turns(notes)
    previous = body.get("previous_response_id")
    if previous is not None and history is None:
        notes.only_native(f"no response {text(previous, 'previous_response_id')[:80]!r} is kept here")
    system = text(body.get("instructions") or "", "instructions")
    if system:
        turns.add({"role": "system", "content": system}, "instructions")
    for place, item in enumerate(history or ()):
        turns.add(item, f"previous_response_id.{place}")
    for place, item in enumerate(_items(body.get("input"))):
        turns.add(item, f"input.{place}")
    made: dict[str, Any] = {"model": text(body.get("model") or "auto", "model"), "messages": turns.whole()}
    if not made["messages"] and not notes.reasons:
        raise refused("input: at least one item is needed")
    made |= {name: check(body[name], name) for name, check in _SAME.items() if body.get(name) is not None}
    if (most := body.get("max_output_tokens")) is not None:
        made["max_tokens"] = count(most, "max_output_tokens")
    tools = read_tools(body, turns.tools, made, notes)
    _read_form(body, made)
    _read_thinking(body, made, notes)
    _read_logprobs(body, made)
    _read_rest(body, notes)
    if body.get("stream") is True:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return AskedResponse(made, body, body if native is None else native, notes, tools)


def _items(given: Any) -> Iterable[Mapping[str, Any]]:
    if given is None:
        return []
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return [mapping(item, f"input.{place}") for place, item in enumerate(array(given, "input"))]


def _read_form(body: Mapping[str, Any], made: dict[str, Any]) -> None:
    """In which form the text is to come, and how long."""
    config = mapping(body.get("text") or {}, "text")
    if config.get("verbosity") is not None:
        made["verbosity"] = text(config["verbosity"], "text.verbosity")
    form = mapping(config.get("format") or {}, "text.format")
    kind = form.get("type", "text")
    if kind == "json_object":
        made["response_format"] = {"type": "json_object"}
    elif kind == "json_schema":
        schema = mapping(form.get("schema"), "text.format.schema")
        wrapped: dict[str, Any] = {"name": text(form.get("name") or "answer", "text.format.name"), "schema": schema}
        if form.get("description") is not None:
            wrapped["description"] = text(form["description"], "text.format.description")
        if form.get("strict") is not None:
            wrapped["strict"] = flag(form["strict"], "text.format.strict")
        made["response_format"] = {"type": "json_schema", "json_schema": wrapped}
    elif kind != "text":
        raise refused(f"text.format.type must be text, json_object or json_schema, not {kind!r:.40}")


def _read_thinking(body: Mapping[str, Any], made: dict[str, Any], notes: Notes) -> None:
    config = mapping(body.get("reasoning") or {}, "reasoning")
    effort = config.get("effort")
    if effort is not None:
        if effort not in parameters.EFFORTS:
            raise refused(f"reasoning.effort must be one of {', '.join(parameters.EFFORTS)}, not {effort!r:.40}")
        made["reasoning_effort"] = effort
    for name, usual in (("context", "auto"), ("mode", "standard")):
        if config.get(name) not in (None, usual):
            notes.lose(f"reasoning.{name}")


def _read_logprobs(body: Mapping[str, Any], made: dict[str, Any]) -> None:
    most = body.get("top_logprobs")
    included = array(body.get("include") or [], "include")
    if LOGPROBS in included or (most is not None and count(most, "top_logprobs")):
        made["logprobs"] = True
        if most is not None:
            made["top_logprobs"] = most


def _read_rest(body: Mapping[str, Any], notes: Notes) -> None:
    """What is kept here, what only providers of this API have, and what is left out."""
    mapping(body.get("metadata") or {}, "metadata")
    if body.get("store") is not None:
        flag(body["store"], "store")
    for name, why in _ONLY_NATIVE.items():
        if body.get(name) is not None:
            notes.only_native(why)
    if body.get("background") is True:
        notes.only_native("background needs a provider that goes on by itself (ask without it, or stream)")
    if body.get("truncation") not in (None, "disabled"):
        notes.lose("truncation")
    notes.losses |= others(body, {*_HERE, *_SAME, *OWN_WORDS})
