"""Ollama's replies, as programs get them: made of a chat completion, whole or in lines as it comes. Pure.

Times are in nanoseconds by the clock that is given; one that is not known is not there, and nothing was loaded here.
"""

from __future__ import annotations

import hashlib
import re
import time

from inference_providers import chat
from inference_providers.protocols.reply_parts import as_line, is_likely, object_of
from inference_providers.usage import usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

    NewId = Callable[[str], str]
    Clock = Callable[[], float]  # seconds since 1970

_NANO = 1_000_000_000


def reply(
    data: Mapping[str, Any], asked: Asked, *, new_id: NewId, now: Clock, began: float | None = None
) -> dict[str, Any]:
    """What /api/chat answers. began: when the request came, by the same clock."""
    return _whole(_in_message, data, asked, now, began)


def generated(
    data: Mapping[str, Any], asked: Asked, *, new_id: NewId, now: Clock, began: float | None = None
) -> dict[str, Any]:
    """What /api/generate answers."""
    return _whole(_in_response, data, asked, now, began)


def loaded(asked: Mapping[str, Any], why: str, *, now: Clock) -> dict[str, Any]:
    """What a request is answered that has a model loaded or unloaded: there is nothing to load here. *why*: which."""
    said = _in_message("") if "messages" in asked else _in_response("")
    return {**_head(asked, now()), **said, "done": True, "done_reason": why}


def error(message: str) -> dict[str, Any]:
    """A failure in Ollama's form: words alone."""
    return {"error": message}


def waiting(asked: Asked, *, now: Clock, chats: bool) -> bytes:
    """A line of a stream that says nothing, for whoever waits. *chats*: of /api/chat."""
    said = _in_message("") if chats else _in_response("")
    return _encoded({**_head(asked.original, now()), **said, "done": False})


def embedded(data: Mapping[str, Any], asked: Asked, *, now: Clock, began: float) -> dict[str, Any]:
    """What /api/embed answers. Raises ValueError for a reply without a vector for each text."""
    vectors = chat.vectors_of(data, len(asked.body["input"]))
    if "prompt" in asked.original and "input" not in asked.original:  # /api/embeddings
        return {"embedding": vectors[0]}
    used = usage_of(data.get("usage"))
    times = {"total_duration": _nanoseconds(began, now()), "load_duration": 0}
    known = {"prompt_eval_count": used.input_tokens} if used is not None and used.input_tokens else {}
    return {"model": asked.original.get("model"), "embeddings": vectors, **times, **known}


# Models


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the gateway's list of models, as one of /api/tags. What is not known of it is empty."""
    name = str(row["id"])
    digest = hashlib.sha256(name.encode()).hexdigest()  # programs keep models apart by it
    return {
        "name": name, "model": name, "modified_at": _stamp(0), "size": 0, "digest": digest, "details": _details(name),
        "capabilities": _abilities(row),
    }  # fmt: skip


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the gateway's list of models, as /api/show tells of one."""
    details = _details(str(row["id"]))
    family = details["family"]
    about: dict[str, Any] = {"general.architecture": family, "general.basename": row["id"]}
    if row.get("context_window"):
        about[f"{family}.context_length"] = row["context_window"]
    if row.get("max_output_tokens"):
        about[f"{family}.max_output_tokens"] = row["max_output_tokens"]
    return {
        "modelfile": "", "parameters": "", "template": "", "license": "", "modified_at": _stamp(0), "details": details,
        "model_info": about, "capabilities": _abilities(row),
    }  # fmt: skip


def _details(name: str) -> dict[str, Any]:
    found = re.match("[a-z]+", name.rpartition("/")[2].lower())
    family = found[0] if found else "model"
    return {
        "parent_model": "", "format": "", "family": family, "families": [family], "parameter_size": "",
        "quantization_level": "",
    }  # fmt: skip


_ABILITIES = (("tools", "tools"), ("vision", "vision"), ("reasoning", "thinking"))


def _abilities(row: Mapping[str, Any]) -> list[str]:
    if (kind := row.get("kind")) is not None:
        return ["embedding"] if kind == "embeddings" else [str(kind)]
    can = row.get("features") or ()
    return ["completion", *(theirs for ours, theirs in _ABILITIES if ours in can)]


def _whole(
    said: Callable[..., dict[str, Any]], data: Mapping[str, Any], asked: Asked, now: Clock, began: float | None
) -> dict[str, Any]:
    message, choice, end = chat.message_of(data), chat.first_choice(data), now()
    text = chat.content_text(message.get("content")) or chat.refusal_in(message)
    thoughts = "" if _is_silent(asked) else chat.thoughts(message)
    whole = {**_head(asked.original, end), **said(text, thoughts, _calls(message))}
    spent = None if began is None else _nanoseconds(began, end)
    times = {} if spent is None else {"total_duration": spent, "load_duration": 0, "eval_duration": spent}
    return whole | _logprobs(choice) | _ending(choice.get("finish_reason"), data.get("usage")) | times


def _head(asked: Mapping[str, Any], at: float) -> dict[str, Any]:
    return {"model": asked.get("model", "auto"), "created_at": _stamp(at)}


def _stamp(at: float) -> str:
    seconds, micro = divmod(int(at * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micro:06d}Z"


def _nanoseconds(start: float, end: float) -> int:
    return max(int((end - start) * _NANO), 0)


def _is_silent(asked: Asked) -> bool:
    """Whether nobody wants to see thoughts: some models think whatever they are told."""
    return asked.original.get("think") is False


def _in_message(text: str, thoughts: str = "", calls: list[Any] | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thoughts:
        message["thinking"] = thoughts
    if calls:
        message["tool_calls"] = calls
    return {"message": message}


def _in_response(text: str, thoughts: str = "", calls: list[Any] | None = None) -> dict[str, Any]:
    return {"response": text, **({"thinking": thoughts} if thoughts else {})}


def _calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Calls of a message: arguments are an object here. Ids are there for who keeps them."""
    made: list[dict[str, Any]] = []
    for call in chat.calls_of(message):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            arguments = object_of(function.get("arguments") or "")
            called = {"index": len(made), "name": str(function.get("name") or ""), "arguments": arguments}
            made.append({"id": str(call.get("id") or ""), "function": called})
    return made


def _logprobs(choice: Mapping[str, Any]) -> dict[str, Any]:
    found = choice.get("logprobs")
    tokens = found.get("content") if isinstance(found, dict) else None
    rows = [_token(one, more=True) for one in tokens if is_likely(one)] if isinstance(tokens, list) else []
    return {"logprobs": rows} if rows else {}


def _token(one: Mapping[str, Any], *, more: bool = False) -> dict[str, Any]:
    row = {name: one[name] for name in ("token", "logprob", "bytes") if one.get(name) is not None}
    top = one.get("top_logprobs") if more else None
    others = [_token(other) for other in top if is_likely(other)] if isinstance(top, list) else []
    return {**row, "top_logprobs": others} if others else row


def _ending(reason: Any, usage: Any) -> dict[str, Any]:
    """Why it ended, and the tokens that were used, as far as they are known."""
    end: dict[str, Any] = {"done": True, "done_reason": "length" if chat.is_cut(reason) else "stop"}
    if (used := usage_of(usage)) is not None:
        counts = {"prompt_eval_count": used.input_tokens, "eval_count": used.output_tokens}
        end |= {name: tokens for name, tokens in counts.items() if tokens}
    return end


class Events:
    """A stream of /api/chat, made of the chunks of a chat completion: lines of JSON, the last of which has the counts.

    Calls come whole, in one line before the last. began: when the request came, by the same clock; now, if that is not
    known.
    """

    _said = staticmethod(_in_message)

    def __init__(self, asked: Asked, *, new_id: NewId, now: Clock, began: float | None = None) -> None:
        self._asked, self._now = asked, now
        self._began = now() if began is None else began
        self._first: float | None = None  # when the first token came
        self._calls: chat.Assembly | None = None
        self._reason: Any = None
        self._usage: Any = None
        self._ended = False

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The lines that a chunk brings."""
        if said := chat.usage_in(chunk):
            self._usage = chat.with_usage(self._usage, said)
        out = []
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                delta = chat.delta_of(choice)
                self._reason = choice.get("finish_reason") or self._reason
                if chat.has_tool_calls(choice):
                    self._calls = self._calls or chat.Assembly()
                    self._calls.add({"choices": [choice]})
                    self._first = self._first or self._now()
                text = chat.content_text(delta.get("content")) or chat.refusal_in(delta)
                thoughts = "" if _is_silent(self._asked) else chat.thoughts(delta)
                more = _logprobs(choice)
                if text or thoughts or more:
                    out.append(self._line({**self._said(text, thoughts), **more, "done": False}))
        return b"".join(out)

    def end(self) -> bytes:
        """The lines that end it."""
        if self._ended:
            return b""
        self._ended = True
        calls = _calls(chat.message_of(self._calls.reply)) if self._calls else []
        out = [self._line({**self._said("", "", calls), "done": False})] if calls else []
        end = self._now()
        times = {"total_duration": _nanoseconds(self._began, end), "load_duration": 0}
        if self._first is not None:
            times["prompt_eval_duration"] = _nanoseconds(self._began, self._first)
            times["eval_duration"] = _nanoseconds(self._first, end)
        out.append(self._line({**self._said(""), **_ending(self._reason, self._usage), **times}, end))
        return b"".join(out)

    def failed(self, status: int, message: str, code: str = "") -> bytes:
        """The line that says that it failed."""
        self._ended = True
        return _encoded(error(message))

    def _line(self, fields: Mapping[str, Any], at: float | None = None) -> bytes:
        at = self._now() if at is None else at
        self._first = at if self._first is None else self._first
        return _encoded({**_head(self._asked.original, at), **fields})


class GeneratedEvents(Events):
    """A stream of /api/generate."""

    _said = staticmethod(_in_response)


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return as_line(fields) + b"\n"
