"""Google's generateContent, as programs get it: made of a chat completion, whole or as it comes. Pure."""

from __future__ import annotations

import re

from inference_providers import chat
from inference_providers.protocols import gemini_signatures as signatures
from inference_providers.protocols.gemini_values import unwrapping
from inference_providers.protocols.reply_parts import as_line, is_likely, object_of
from inference_providers.usage import usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

_STATES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED",
    404: "NOT_FOUND", 405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 409: "ABORTED", 429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}  # fmt: skip
_ANSWERS = 128  # of one stream: as many as can be asked for anywhere
_RPC = "type.googleapis.com/google.rpc"
_LATE = ("tool_calls", "function_call", "reasoning_details")
_RARE = ("cachedContentTokenCount", "thoughtsTokenCount")
_PICTURE = re.compile(r"data:([\w.+/-]{1,100});base64,").match
_REASONS = frozenset((
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "UNEXPECTED_TOOL_CALL",
))  # fmt: skip


def reply(data: Mapping[str, Any], asked: Asked, *, new_id: Callable[[str], str]) -> dict[str, Any]:
    """A response: a candidate for each answer of a chat completion."""
    told = []
    choices = chat.as_chunk(data).get("choices")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            index = choice.get("index")
            told.append(_whole(_Answer(asked, index if type(index) is int else place), choice))
    told = told or [_Answer(asked, 0).end()]
    return _response(told, asked, data.get("model"), new_id(""), chat.usage_in(data))


def _response(candidates: list[dict[str, Any]], asked: Asked, model: Any, own: str, used: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"candidates": candidates}
    if counts := usage(used):
        told["usageMetadata"] = counts
    version = model if model and isinstance(model, str) else asked.body["model"]
    return {**told, "modelVersion": version, "responseId": own}


def shows_thoughts(asked: Asked) -> bool:
    """Whether whoever asks wants to see thoughts: Google shows them to nobody else."""
    config: Any = asked.original
    for name, other in (("generationConfig", "generation_config"), ("thinkingConfig", "thinking_config")):
        config = config.get(name, config.get(other)) if isinstance(config, dict) else None
    return isinstance(config, dict) and True in (config.get("includeThoughts"), config.get("include_thoughts"))


class _Answer:
    """One answer, made of its chunks: what is to be said at once, and at its end the rest."""

    def __init__(self, asked: Asked, index: int) -> None:
        self.index = index
        self._shows = shows_thoughts(asked)
        self._text = unwrapping(asked.body.get("response_format"))
        self._thoughts = chat.Pieces()
        self._late = chat.Assembly()  # of calls, and of what came beside thoughts
        self._reason: Any = None
        self._likely: list[float] = []

    def feed(self, choice: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a chunk brings; None where that is nothing yet."""
        delta = chat.delta_of(choice)
        self._reason = choice.get("finish_reason") or self._reason
        parts: list[dict[str, Any]] = []
        if thoughts := chat.thoughts(delta):
            self._thoughts.add(thoughts)
            if self._shows:
                parts.append({"text": thoughts, "thought": True})
        said = chat.content_text(delta.get("content")) or chat.refusal_in(delta)
        if said and (said := self._text.feed(said)):
            parts.append({"text": said})
        parts += _pictures(delta.get("images"))
        if late := {name: delta[name] for name in _LATE if delta.get(name)}:
            self._late.add({"choices": [{"index": 0, "delta": late}]})
        likely = _logprobs(choice.get("logprobs"), self._likely)
        if not parts and not likely:
            return None
        return {**self._candidate(parts or [{"text": ""}]), **likely}

    def end(self) -> dict[str, Any]:
        """What is told at its end: calls, which are whole, a signature, why it ended."""
        message = chat.message_of(self._late.reply)
        calls = [_call(call) for call in chat.calls_of(message) if isinstance(call, dict)]
        rest = self._text.end()
        parts: list[dict[str, Any]] = [{"text": rest}] if rest or not calls else []
        parts += calls
        kept = message.get("reasoning_details")
        details = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
        if own := signatures.signature(self._thoughts.text if calls else "", details):
            signed = calls[0] if calls else parts[-1]
            signed.setdefault("thoughtSignature", own)
        told = {**self._candidate(parts), "finishReason": _reason(self._reason)}
        return {**told, "avgLogprobs": sum(self._likely) / len(self._likely)} if self._likely else told

    def _candidate(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {"content": {"role": "model", "parts": parts}, "index": self.index}


def _whole(answer: _Answer, choice: Mapping[str, Any]) -> dict[str, Any]:
    """The candidate of an answer that came at once."""
    first, last = answer.feed(choice) or {}, answer.end()
    parts: list[dict[str, Any]] = []
    for part in [*first.get("content", {}).get("parts", ()), *last["content"]["parts"]]:
        if parts and "text" in part and "text" in parts[-1] and part.get("thought") == parts[-1].get("thought"):
            parts[-1] = {**parts[-1], **part, "text": parts[-1]["text"] + part["text"]}
        elif not parts or part != {"text": ""}:
            parts.append(part)
    return {**first, **last, "content": {"role": "model", "parts": parts}}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    called = {"id": str(call.get("id") or ""), "name": str(function.get("name") or "")}
    part: dict[str, Any] = {"functionCall": {**called, "args": object_of(function.get("arguments"))}}
    googles = signatures.in_call(call)
    return {**part, "thoughtSignature": googles} if googles else part


def _pictures(images: Any) -> list[dict[str, Any]]:
    """Pictures that a model made, as those who serve such give them."""
    made: list[dict[str, Any]] = []
    for image in images if isinstance(images, list) else ():
        held = image.get("image_url") if isinstance(image, dict) else None
        url = held.get("url") if isinstance(held, dict) else held
        if not isinstance(url, str):
            continue
        if found := _PICTURE(url):
            made.append({"inlineData": {"mimeType": found[1], "data": url[found.end() :]}})
        elif url.startswith(("https://", "http://")):
            made.append({"fileData": {"fileUri": url}})
    return made


def _logprobs(given: Any, sums: list[float]) -> dict[str, Any]:
    """How likely tokens were, in Google's words; *sums* gets those of the tokens that were taken."""
    rows = given.get("content") if isinstance(given, dict) else None
    rows = [row for row in rows if is_likely(row)] if isinstance(rows, list) else []
    if not rows:
        return {}
    sums += [row["logprob"] for row in rows]
    others = [row.get("top_logprobs") for row in rows]
    top = [{"candidates": [_token(one) for one in each if is_likely(one)]} for each in others if isinstance(each, list)]
    told = {"chosenCandidates": [_token(row) for row in rows], **({"topCandidates": top} if any(others) else {})}
    return {"logprobsResult": told}


def _token(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": row["token"], "logProbability": row["logprob"]}


def _reason(said: Any) -> str:
    """Why an answer ended, in Google's words, which have none of their own for a call."""
    if not isinstance(said, str):
        return "STOP"
    if chat.is_cut(said):
        return "MAX_TOKENS"
    if (own := said.upper()) in _REASONS:
        return own
    return "SAFETY" if chat.is_withheld(said) else "OTHER" if said.lower() in chat.FAILED else "STOP"


def usage(said: Any) -> dict[str, int]:
    """Tokens in Google's words: thoughts are not among the candidates' there. Empty where nobody says how many."""
    used = usage_of(said)
    if used is None:
        return {}
    thoughts = min(used.reasoning_tokens, used.output_tokens)
    told = {
        "promptTokenCount": used.input_tokens,
        "cachedContentTokenCount": min(used.cached_tokens, used.input_tokens),
        "candidatesTokenCount": used.output_tokens - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": used.input_tokens + used.output_tokens,
    }
    return {name: count for name, count in told.items() if count or name not in _RARE}


def error(status: int, message: str, code: str = "", *, retry_after: str = "") -> dict[str, Any]:
    """A failure in Google's form. retry_after: seconds."""
    state = _STATES.get(status, "INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")
    told: dict[str, Any] = {"code": status, "message": message, "status": state}
    details = []
    if code:
        details.append({"@type": f"{_RPC}.ErrorInfo", "reason": code.upper(), "domain": "inference-providers"})
    if retry_after.isdecimal():
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{retry_after}s"})
    return {"error": {**told, **({"details": details} if details else {})}}


class Events:
    """A stream of responses, made of the chunks of a chat completion.

    A call is told in one part, at the end, when all of it is there: programs take no pieces of one.
    """

    def __init__(self, asked: Asked, *, new_id: Callable[[str], str]) -> None:
        self._asked, self._id = asked, new_id("")
        self._answers: dict[int, _Answer] = {}
        self._usage: Any = None
        self._model: Any = None
        self._ended = False

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The event that a chunk brings; nothing where it brings none."""
        self._model = chunk.get("model") or self._model
        if said := chat.usage_in(chunk):
            self._usage = chat.with_usage(self._usage, said)
        told = []
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index")
                answer = self._answer(index if type(index) is int else 0)
                candidate = answer.feed(choice) if answer is not None else None
                told += [candidate] if candidate else []
        return self._event(self._response(told, None)) if told else b""

    def end(self) -> bytes:
        """What ends it."""
        if self._ended:
            return b""
        self._ended = True
        answers = self._answers or {0: _Answer(self._asked, 0)}
        told = [answer.end() for _, answer in sorted(answers.items())]
        return self._event(self._response(told, self._usage)) + self._close()

    def failed(self, status: int, message: str, code: str = "") -> bytes:
        """The event that says that it failed."""
        self._ended = True
        return self._event(error(status, message, code)) + self._close()

    def _answer(self, index: int) -> _Answer | None:
        """An answer by its number; None for one more than anybody asks for."""
        if index not in self._answers and len(self._answers) < _ANSWERS:
            self._answers[index] = _Answer(self._asked, index)
        return self._answers.get(index)

    def _response(self, told: list[dict[str, Any]], used: Any) -> dict[str, Any]:
        return _response(told, self._asked, self._model, self._id, used)

    def _event(self, value: Any) -> bytes:
        return b"data: " + as_line(value) + b"\n\n"

    def _close(self) -> bytes:
        return b""


class ListEvents(Events):
    """The same as one JSON list, which Google sends to whoever does not ask for events."""

    _begun = False

    def _event(self, value: Any) -> bytes:
        before, self._begun = b"," if self._begun else b"[", True
        return before + as_line(value) + b"\n"

    def _close(self) -> bytes:
        return b"]"
