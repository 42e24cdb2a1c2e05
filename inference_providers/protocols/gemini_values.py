"""Answers that had to stand in the field `value` of an object, taken out of it, as they come. Pure."""

from __future__ import annotations

import re

from inference_providers import chat
from inference_providers.protocols.gemini_schema import CHOICE, VALUE
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BEGINS = '{"value":'
_BEGUN = re.compile(r'\s*\{\s*"value"\s*:').match
_LONGEST = 256  # characters in which it begins, blanks among them
_ENDS = "} \t\r\n"


def unwrapping(response_format: Any) -> Plain:
    """What text of an answer is read by, as it was asked for."""
    inner = response_format.get("json_schema") if isinstance(response_format, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    return Wrapped() if name == VALUE else Chosen() if name == CHOICE else Plain()


class Plain:
    """Text as it is."""

    def feed(self, text: str) -> str:
        """What of it can be told by now."""
        return text

    def end(self) -> str:
        """The rest."""
        return ""


class Wrapped(Plain):
    """JSON in the field `value`; whatever else comes stays as it is, since not everybody does as asked."""

    def __init__(self) -> None:
        self._held = chat.Pieces()  # what may close the object: models that are held to JSON may write blanks forever
        self._is_wrapped: bool | None = None
        self._has_told = False

    def feed(self, text: str) -> str:
        """What of it can be told by now: all but what may close the object."""
        if self._is_wrapped is False:
            return text
        if self._is_wrapped and not text.strip(_ENDS):
            self._held.add(text)
            return ""
        held, self._held = self._held.text + text, chat.Pieces()
        if self._is_wrapped is None:
            if found := _BEGUN(held):
                held, self._is_wrapped = held[found.end() :], True
            elif len(held) < _LONGEST and _BEGINS.startswith("".join(held.split())):
                self._held.add(held)
                return ""
            else:
                self._is_wrapped = False
                return held
        held = held if self._has_told else held.lstrip()
        told = held.rstrip(_ENDS)
        self._held.add(held[len(told) :])
        self._has_told = self._has_told or bool(told)
        return told

    def end(self) -> str:
        """The rest, without the bracket that closes the object."""
        held, self._held = self._held.text, chat.Pieces()
        return held.rstrip().removesuffix("}").rstrip() if self._is_wrapped else held


class Chosen(Plain):
    """One of some words, in the field `value`: told when all of it is there."""

    def __init__(self) -> None:
        self._held = chat.Pieces()

    def feed(self, text: str) -> str:
        """Nothing yet."""
        self._held.add(text)
        return ""

    def end(self) -> str:
        """The word alone; the text, where it is no such answer."""
        text, self._held = self._held.text, chat.Pieces()
        try:
            found = jsontext.loads(text)
        except ValueError:
            return text
        value = found.get(VALUE) if isinstance(found, dict) else found
        return value if isinstance(value, str) else text
