"""Chat requests and replies in OpenAI's format: built and read here, sent elsewhere. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

PATH = "/chat/completions"
TEST_PROMPT = "Reply with the single word: yes"
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


def content_text(content: Any) -> str:
    """The text in a message's content, whether it is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            part if isinstance(part, str) else str(part.get("text") or "")
            for part in content
            if isinstance(part, str | dict)
        )
    return ""


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
    """The model's reasoning in a message or a delta; empty if it shows none."""
    return content_text(part.get("reasoning_content") or part.get("reasoning")) if isinstance(part, dict) else ""


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
    return bool(tool_calls(part) or (legacy and isinstance(legacy, dict)))


def has_other_content(choice: Mapping[str, Any]) -> bool:
    """Whether a message without text still says something: a refusal, audio, images."""
    part = choice.get("message") or choice.get("delta") or {}
    return isinstance(part, dict) and bool(part.get("refusal") or part.get("audio") or part.get("images"))


def cut_by_length(choice: Mapping[str, Any]) -> bool:
    """Whether the token limit ended the reply: a reasoning model may have said nothing yet."""
    return choice.get("finish_reason") in ("length", "max_tokens", "MAX_TOKENS")


def with_instruction(turns: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]]:
    """*turns* with *text* added to the system message; there is a new one if they had none."""
    first = dict(turns[0]) if turns else {}
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{text}"}, *copies(turns[1:])]
    return [{"role": "system", "content": text}, *copies(turns)]


def with_images(turns: Sequence[Mapping[str, Any]], urls: Sequence[str]) -> list[dict[str, Any]]:
    """*turns* with images, by their URLs, added to the user's last message. Raises ValueError if there is none."""
    copied = copies(turns)
    if not urls:
        return copied
    last = next((turn for turn in reversed(copied) if turn.get("role") == "user"), None)
    if last is None:
        raise ValueError("images go into a message with the role user, and there is none; add one")
    content = last.get("content")
    parts = list(content) if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    last["content"] = parts + [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return copied


def test_body() -> dict[str, Any]:
    """The request of a connection test: a question that takes a few tokens."""
    return {"messages": messages(TEST_PROMPT), "max_tokens": TEST_TOKENS}
