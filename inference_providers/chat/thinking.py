"""Thoughts that stand in the text of an answer, between tags: told from the answer itself. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TAGS = {  # what opens a block of thoughts, and what closes it
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    # gpt-oss, where a server does not read its format
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
_OPENS = tuple(TAGS)
_BLANK_CAP = 4096  # characters of white space before a block, which are held back
BLOCKS = 64  # in a row: what comes behind them is text, whatever it is
_START, _THINKING, _AFTER, _TEXT = range(4)  # behind a block there may be another one


class Splitter:
    """Text as it comes, parted into the answer and the block of thoughts that it begins with, or several in a row.

    A block later on belongs to the answer: it may be about tags. Only a piece of which the provider itself says so is
    a thought there, too. What may be half of a tag is held back. begun: there has been text before.
    """

    __slots__ = ("_after", "_close", "_held", "_left", "_state", "_told")

    def __init__(self, *, begun: bool = False) -> None:
        self._state, self._held, self._close = _TEXT if begun else _START, "", ""
        self._after, self._left = _AFTER, BLOCKS  # the state behind a block, and how many of them there may be
        self._told = False  # the provider itself says that this is a thought

    def feed(self, piece: str, *, is_thought: bool = False) -> tuple[str, str]:
        """(text of the answer, thoughts) that are certain now. is_thought: the provider says so of this piece."""
        if is_thought and self._state in (_AFTER, _TEXT):
            self._state, self._after = _START, _TEXT
        if is_thought and self._state == _START and not piece.lstrip().startswith(_OPENS):
            self._state, self._close = _THINKING, "</thought>"
        elif self._told and not is_thought and self._state == _THINKING and self._close not in self._held + piece:
            self._state = self._after  # without a tag
        self._told = is_thought
        thoughts = ""
        while piece and self._state != _TEXT:
            if self._state == _THINKING:
                thought, piece = self._thought(piece)
                thoughts += thought
            else:
                piece = self._begun(piece)
        return piece, thoughts

    def end(self) -> tuple[str, str]:
        """What was held back, once all has come."""
        held, self._held = self._held, ""
        if self._state == _THINKING:
            return "", held
        return held.lstrip() if self._state == _AFTER else held, ""

    def _begun(self, piece: str) -> str:
        """What comes behind a tag that opens a block; all so far where there is none; nothing as long as it is open."""
        self._held += piece
        text = self._held.lstrip()
        opened = next((tag for tag in _OPENS if text.startswith(tag)), "")
        if opened:
            self._state, self._close, self._held = _THINKING, TAGS[opened], ""
            return text[len(opened) :]
        if len(self._held) < _BLANK_CAP and (not text or any(tag.startswith(text) for tag in _OPENS)):
            return ""
        held, self._held = text if self._state == _AFTER else self._held, ""
        self._state = _TEXT
        return held

    def _thought(self, piece: str) -> tuple[str, str]:
        """(thoughts, what comes behind them)."""
        piece, self._held = self._held + piece, ""
        thoughts, closed, rest = piece.partition(self._close)
        if closed:
            self._left -= 1
            self._state = self._after if self._left > 0 else _TEXT
            return thoughts, rest
        half = next((size for size in range(len(self._close) - 1, 0, -1) if piece.endswith(self._close[:size])), 0)
        self._held = piece[len(piece) - half :]
        return piece[: len(piece) - half], ""


def split(text: str, *, is_thought: bool = False) -> tuple[str, str]:
    """A whole answer as (the answer, its thoughts).

    The thoughts are the block that it begins with; or, where a chat template has put the tag that opens it into the
    prompt, what comes before the tag that closes it.
    """
    splitter = Splitter()
    parts = [splitter.feed(text, is_thought=is_thought), splitter.end()]
    answer, thoughts = ("".join(part) for part in zip(*parts, strict=True))
    if thoughts or answer != text:
        return answer, thoughts.strip()
    return next(_closed(text), (text, ""))


def _closed(text: str) -> Iterator[tuple[str, str]]:
    """An answer that begins with thoughts, and lacks the tag that says so. One that names a tag is not of them."""
    for opened, close in TAGS.items():
        thoughts, found, rest = text.partition(close)
        alone = thoughts[-1:] in ("", "\n") or (not thoughts[-1:].isspace() and thoughts[-1] not in "`'\"([")
        followed = thoughts[-1:] in ("", "\n") or rest[:1] in ("", "\n") or rest[:1].isalnum()
        if found and opened not in thoughts and alone and followed:
            yield rest.lstrip(), thoughts.strip()
