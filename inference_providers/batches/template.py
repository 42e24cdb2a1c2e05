"""A prompt with places for columns: `Summarise: {body}`. Pure."""

from __future__ import annotations

import json
import re

from inference_providers.batches.items import PROMPTS, MalformedItemError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_PLACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_KEPT = ("model", "models", "system", "custom_id", "id")  # of a row: what is said of the request, not of the prompt


class Template:
    """A prompt in which each `{column}` stands for a cell, and `{{` for a brace. Raises ValueError for any other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.columns: list[str] = []
        for place in _PLACES.finditer(text):
            if place[0] in "{}" or (place[1] is not None and not place[1].strip()):
                raise ValueError(
                    f"the prompt {text!r} has a brace that names no column; a brace itself is written twice"
                )
            if place[1] is not None and place[1].strip() not in self.columns:
                self.columns.append(place[1].strip())
        if not self.columns:
            raise ValueError(f"the prompt {text!r} names no column: as in 'Summarise: {{text}}'")

    def missing(self, known: Iterable[str]) -> list[str]:
        """The columns that are not among these."""
        there = set(known)
        return [name for name in self.columns if name not in there]

    def item(self, given: Any) -> dict[str, Any]:
        """An item with its prompt, out of a text or a row. Raises MalformedItemError."""
        if isinstance(given, str):
            given = dict.fromkeys((*PROMPTS, "line"), given)
        if not isinstance(given, dict):
            raise MalformedItemError("a prompt with columns needs rows, or texts")
        if missing := self.missing(given):
            raise MalformedItemError(f"it has no {' and no '.join(map(repr, missing))}")
        if not any(_cell(given[name]).strip() for name in self.columns):
            raise MalformedItemError(f"its {' and '.join(map(repr, self.columns))} {_IS[len(self.columns) > 1]} empty")
        return {"prompt": self._filled(given), **{name: given[name] for name in _KEPT if given.get(name)}}

    def _filled(self, given: Mapping[str, Any]) -> str:
        def filled(place: re.Match[str]) -> str:
            return _cell(given[place[1].strip()]) if place[1] is not None else place[0][0]

        return _PLACES.sub(filled, self._text)  # once: what a cell holds is not looked at again


_IS = ("is", "are")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
