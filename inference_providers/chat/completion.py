"""Chat requests and replies in OpenAI's format: built and read here, sent elsewhere. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

PATH = "/chat/completions"
TEST_PROMPT = "Reply with the single word: yes"
_COUNTS = 64  # names of counts that are kept: a stream may tell of new ones with every chunk
TEST_TOKENS = 16  # enough for one word; a reasoning model may spend all of them on thinking


def messages(prompt: str | Sequence[Mapping[str, Any]], system: str | None = None) -> list[dict[str, Any]]:
    """A prompt, or a list of messages, as a list of messages, behind the system prompt if there is one.

    Raises TypeError for anything else, and ValueError for an empty question.
    """
    if not isinstance(prompt, str) and not (
        isinstance(prompt, list | tuple) and all(isinstance(turn, dict) for turn in prompt)
    ):
        raise TypeError("the question must be text, or a list of messages like {'role': 'user', 'content': 'Hi'}")
    if not prompt or (isinstance(prompt, str) and not prompt.strip()):
        raise ValueError("the question is empty")
    start: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else copies(prompt)
    return start + turns


def copies(turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Turns that can be changed without changing the caller's; those of models remember who gave them."""
    return [turn.copy() if isinstance(turn, dict) else dict(turn) for turn in turns]


_THINKING = ("thinking", "reasoning", "thought", "redacted_thinking")  # how types of parts begin that hold thoughts
# Where providers put thoughts in a message or a delta, and what holds the words within such a field.
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks")
_WORDS = ("text", "summary", "thinking", "reasoning", "content", "reasoning_content")
# Finish reasons, of which OpenAI has `length` and `content_filter`: how others call them, and how they begin.
_CUT = ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
_WITHHELD = (
    *("content_filter", "content_moderation", "safety", "image_safety", "prohibited_content", "blocklist", "spii"),
    *("sensitive", "guardrail", "refusal"),
)
FAILED = ("error", "network_error", "abort", "aborted", "cancelled")  # the server has failed in the middle of it


def content_text(content: Any) -> str:
    """The text in a message's content, whether it is a string or a list of parts. Thoughts are not of it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            part if isinstance(part, str) else str(part.get("text") or "")
            for part in content
            if isinstance(part, str) or (isinstance(part, dict) and not thinks(part))
        )
    if not content or not isinstance(content, dict):
        return ""
    if isinstance(content.get("text"), str):  # a part alone
        return content_text([content])
    if "type" in content and thinks(content):
        return ""
    import json

    return json.dumps(content, ensure_ascii=False)  # where JSON is asked for, some give the object itself


def thinks(part: Mapping[str, Any]) -> bool:
    """Whether a part of a message's content holds thoughts."""
    kind = part.get("type")
    return part.get("thought") is True or (isinstance(kind, str) and kind.startswith(_THINKING))


class Pieces:
    """Text that arrives in pieces, joined now and then: many small strings take more memory than their text."""

    __slots__ = ("_blocks", "_new", "size")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._new: list[str] = []
        self.size = 0  # characters

    def add(self, text: str) -> None:
        """One more piece."""
        if not text:
            return
        self.size += len(text)
        self._new.append(text)
        if len(self._new) >= 1024:
            self._blocks.append("".join(self._new))
            self._new = []

    @property
    def text(self) -> str:
        """All the text so far."""
        return "".join([*self._blocks, *self._new])


def first_choice(reply: Any) -> Mapping[str, Any]:
    """The first choice of a reply; an empty mapping where there is none."""
    choices = reply.get("choices") if isinstance(reply, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def message_of(reply: Any) -> Mapping[str, Any]:
    """The message of a reply's first choice; an empty mapping where there is none."""
    message = first_choice(reply).get("message")
    return message if isinstance(message, dict) else {}


def reply_text(reply: Any) -> str:
    """The text of a chat reply; empty if it has none."""
    return content_text(message_of(reply).get("content"))


def thoughts(part: Any) -> str:
    """The model's reasoning in a message or a delta; empty if it shows none.

    The first field that holds words counts, since some providers say the same in several; then parts of the content.
    """
    if not isinstance(part, dict):
        return ""
    for name in _THOUGHTS:
        if (field := part.get(name)) and (words := field if isinstance(field, str) else _words(field)):
            return words
    return _words(_thoughts_in(part.get("content")))


def _words(field: Any) -> str:
    """The words in a field of thoughts: a string, or objects and lists around some."""
    if isinstance(field, str):
        return field
    if isinstance(field, list):
        return "".join([_words(one) for one in field])
    return next(filter(None, (_words(field.get(name)) for name in _WORDS)), "") if isinstance(field, dict) else ""


def has_thoughts(part: Any) -> bool:
    """Whether a message or a delta holds thoughts, also such as nobody can read: encrypted or signed ones."""
    if not isinstance(part, dict):
        return False
    return any(part.get(name) for name in _THOUGHTS) or bool(_thoughts_in(part.get("content")))


def _thoughts_in(content: Any) -> list[Any]:
    """The parts of a content that hold thoughts."""
    parts = [content] if type(content) is dict else content if type(content) is list else ()
    return [part for part in parts if isinstance(part, dict) and thinks(part)]


def is_thought(part: Any) -> bool:
    """Whether a message or a delta says that (the beginning of) its text is a thought, as Gemini's do."""
    extra = part.get("extra_content") if isinstance(part, dict) else None
    google = extra.get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and google.get("thought") is True


def delta_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a choice of a chunk adds to its message; some give the message as a whole."""
    delta = choice.get("delta")
    if delta is None:  # beside one, a message is what has come so far
        delta = choice.get("message")
    return delta if isinstance(delta, dict) else {}


def first_delta(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a chunk adds to the first answer: a stream may bring several to the same question."""
    choices = chunk.get("choices")
    for choice in choices if type(choices) is list else ():
        if type(choice) is dict and not choice.get("index"):
            delta = choice.get("delta")
            return delta if type(delta) is dict else delta_of(choice)
    return {}


def with_usage(so_far: Any, more: Any) -> Any:
    """Counts of a stream so far. They are told once, or again and again; some tell one half first, the other last."""
    if isinstance(so_far, dict) and isinstance(more, dict):
        said = {name: value for name, value in more.items() if value is not None}
        return {**so_far, **said} if len(so_far) < _COUNTS else said
    return more


def usage_in(chunk: Mapping[str, Any]) -> Any:
    """The tokens used, wherever a reply or a chunk of a stream tells of them; None where it does not."""
    if usage := chunk.get("usage"):
        return usage
    if "x_groq" in chunk and isinstance(own := chunk["x_groq"], dict) and (usage := own.get("usage")):
        return usage
    if usage := first_choice(chunk).get("usage"):
        return usage
    metrics = chunk.get("amazon-bedrock-invocationMetrics")
    if not isinstance(metrics, dict):
        return None
    return {"prompt_tokens": metrics.get("inputTokenCount"), "completion_tokens": metrics.get("outputTokenCount")}


def billed_in(chunk: Mapping[str, Any]) -> Any:
    """What a reply or a chunk says of what it costs: `usage_in`, with what stands elsewhere in it."""
    usage = usage_in(chunk)
    if type(usage) is not dict:
        return usage
    if tier := chunk.get("service_tier"):
        usage = {**usage, "service_tier": tier}
    output = chunk.get("output")
    if type(output) is list and "num_search_queries" not in usage:  # a response, which lists what was done for it
        searches = sum(type(item) is dict and item.get("type") == "web_search_call" for item in output)
        usage = {**usage, "num_search_queries": searches} if searches else usage
    return usage


def as_chunk(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A whole reply as one chunk of a stream. One that is no chat completion stays as it is."""
    choices = reply.get("choices")
    if not isinstance(choices, list) or not message_of(reply):
        return dict(reply)
    return {**reply, "object": "chat.completion.chunk", "choices": [as_delta(one) for one in choices]}


def as_delta(choice: Any) -> Any:
    """A choice with a message as one with a delta."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return choice
    calls = [{"index": at, **call} if isinstance(call, dict) else call for at, call in enumerate(tool_calls(message))]
    delta = {**message, "tool_calls": calls} if calls else message
    return {**{name: value for name, value in choice.items() if name != "message"}, "delta": delta}


def tool_calls(part: Any) -> list[Any]:
    """The tool calls in a message or a delta, unchecked: each may have any form."""
    calls = part.get("tool_calls") if isinstance(part, dict) else None
    return calls if isinstance(calls, list) else []


def has_tool_calls(choice: Mapping[str, Any]) -> bool:
    """Whether a choice (or a delta in it) calls a tool or a function."""
    part = choice.get("message") or choice.get("delta") or {}
    if not isinstance(part, dict):
        return False
    legacy = part.get("function_call")
    return any(map(_is_call, tool_calls(part))) or bool(legacy and isinstance(legacy, dict))


def _is_call(call: Any) -> bool:
    """Whether one of a list of calls, or of pieces of them, says what is called, or with what."""
    if not isinstance(call, dict):
        return False
    return any(isinstance(call.get(kind), dict) and call[kind] for kind in ("function", "custom")) or "name" in call


def has_other_content(choice: Mapping[str, Any]) -> bool:
    """Whether a message without text still says something: a refusal, audio, images."""
    part = choice.get("message") or choice.get("delta") or {}
    if not isinstance(part, dict):
        return False
    return any(part.get(name) for name in ("audio", "images", "annotations")) or bool(refusal_in(part))


def refusal_in(part: Mapping[str, Any]) -> str:
    """The words with which a model refuses, in a message or a delta: a field of it, or parts of its content."""
    said, content = part.get("refusal"), part.get("content")
    if said or type(content) is not list:
        return said if isinstance(said, str) else ""
    parts = [one.get("refusal") for one in content if isinstance(one, dict) and one.get("type") == "refusal"]
    return "".join([words for words in parts if isinstance(words, str)])


def cut_by_length(choice: Mapping[str, Any]) -> bool:
    """Whether the token limit ended the reply: a reasoning model may have said nothing yet."""
    return is_cut(choice.get("finish_reason"))


def is_cut(reason: Any) -> bool:
    """Whether a finish reason says that the token limit ended the reply."""
    return isinstance(reason, str) and reason.lower() in _CUT


def is_withheld(reason: Any) -> bool:
    """Whether a finish reason says that a content filter ended the reply, or that the model refuses."""
    return isinstance(reason, str) and reason.lower().startswith(_WITHHELD)


def with_instruction(turns: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    """*turns* with *text* added to the system message; there is a new one if they had none."""
    first = dict(turns[0]) if turns else {}
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{text}"}, *copies(turns[1:])]
    return [{"role": "system", "content": text}, *copies(turns)]


def with_images(turns: Sequence[Mapping[str, Any]], urls: Sequence[str]) -> list[dict[str, Any]]:
    """*turns* with images, by their URLs, added to the user's last message. Raises ValueError if there is none."""
    return with_parts(turns, [{"type": "image_url", "image_url": {"url": url}} for url in urls], "images")


def with_parts(turns: Sequence[Mapping[str, Any]], parts: Sequence[Any], what: str = "files") -> list[dict[str, Any]]:
    """*turns* with parts added to the user's last message. Raises ValueError, which says *what* they are, without one.

    Where all is text, so is the message: not every server takes a list of parts.
    """
    copied = copies(turns)
    if not parts:
        return copied
    last = next((turn for turn in reversed(copied) if turn.get("role") == "user"), None)
    if last is None:
        raise ValueError(f"{what} go into a message with the role user, and there is none; add one")
    content = last.get("content")
    if not isinstance(content, list):
        content = [{"type": "text", "text": content or ""}]
        if all(part["type"] == "text" for part in parts):
            last["content"] = "\n\n".join(part["text"] for part in (*content, *parts) if part["text"])
            return copied
    last["content"] = [*content, *parts]
    return copied


def test_body() -> dict[str, Any]:
    """The request of a connection test: a question that takes a few tokens."""
    return {"messages": messages(TEST_PROMPT), "max_tokens": TEST_TOKENS}
