"""JSON in the text of a reply: the whole of it, or values between words, in fences and after thoughts. Pure.

Each character is read a bounded number of times.
"""

from __future__ import annotations

import re

from inference_providers.chat.thinking import TAGS
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

FOUND = 32  # values of a text that are looked at: the last ones

# A bracket that begins an object, empty or with a name and a colon, or a list: most brackets in a text do not.
_NAME = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"[ \t\r\n]{0,64}:'
_BEGINNING = r"\{(?=[ \t\r\n]{0,64}(?:\}|" + _NAME + r'))|\[(?=[ \t\r\n]{0,64}[\[{"\-0-9tfn\]])'
# A string, which ends with its line in any case, or a bracket.
_TOKEN = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?|[\[\]{}]'
# What stands before a value that a reply sets apart: a fence, with or without a name, or a tag.
_MARK = r"(?:(?:```|~~~)[ \t]*[\w-]{0,20}|<\w{1,20}>)\s{0,16}\Z"
_MARK_LENGTH = 64


class Found:
    """One JSON value: its text, and whether the reply set it apart from other words."""

    __slots__ = ("is_marked", "text", "value")

    def __init__(self, text: str, value: Any, *, is_marked: bool) -> None:
        self.text, self.value, self.is_marked = text, value, is_marked


def found(text: str, kinds: tuple[type, ...] = (dict, list)) -> list[Found]:
    """The JSON of a reply: all of it, or the values of these *kinds* (objects, lists) that are not within others.

    Raises ValueError, which says why all of it is none, if there are none.
    """
    text = without_thoughts(text.strip().lstrip("\ufeff").lstrip())
    try:
        return [Found(text, jsontext.loads(text, strict=True), is_marked=True)]
    except (jsontext.TooDeep, jsontext.TooLarge):
        raise
    except ValueError:
        values = [one for one in _within(text) if isinstance(one.value, kinds)][-FOUND:]
        if not values:
            raise
        return values


def _within(text: str) -> Iterator[Found]:
    """The objects and lists in a text. What is within one that is broken, or cut, is no value of its own."""
    beginning, start, end = re.compile(_BEGINNING), 0, 0
    while (match := beginning.search(text, end)) is not None:
        start, end = match.start(), _end(text, match.start())
        if end < 0:
            return
        try:
            value = jsontext.loads(text[start:end], strict=True)
        except ValueError:
            continue
        yield Found(text[start:end], value, is_marked=_is_marked(text, start))


def _end(text: str, start: int) -> int:
    """Behind the bracket that closes the one at *start*; -1 if none does."""
    depth = 0
    for token in re.compile(_TOKEN).finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return -1


def _is_marked(text: str, start: int) -> bool:
    return re.search(_MARK, text[max(0, start - _MARK_LENGTH) : start]) is not None


def without_thoughts(text: str) -> str:
    """The text after thoughts; empty if they do not end.

    If the tag that opens them is missing, the one that closes them must end its line.
    """
    for opens, closes in TAGS.items():
        if text.startswith(opens):
            end = text.find(closes)
            return text[end + len(closes) :].strip() if end >= 0 else ""
    closes = TAGS["<think>"]
    end = -1 if text[:1] in ("", "{", "[", '"', "`") else text.find(closes, 1)
    end = 0 if end < 0 and text.startswith(closes) else end  # they are empty
    while end >= 0:
        index = end + len(closes)
        end = text.find(closes, index)
        if "\n" in _blanks(text[index : end if end >= 0 else len(text)]):
            return text[index:].strip()
    return text


def _blanks(text: str) -> str:
    """The blanks that a text begins with."""
    return text[: len(text) - len(text.lstrip())]
