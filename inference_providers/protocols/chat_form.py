"""Chunks of a chat in the form that SDKs read, whatever a server makes of them. Pure.

Each has choices, each choice a delta. Pieces of tool calls are numbered, one number for each call, and say once what
SDKs would join: some servers number all calls alike, others say id and name again with every piece.
"""

from __future__ import annotations

import json

from inference_providers import chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ChatForm:
    """The form of one stream's chunks."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, _Numbered] = {}

    def put(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """A chunk in that form: itself, where it is."""
        choices = chunk.get("choices")
        made = [self._choice(choice) for choice in choices] if isinstance(choices, list) else []
        return chunk if made == choices else {**chunk, "choices": made}

    def _choice(self, choice: Any) -> Any:
        if not isinstance(choice, dict):
            return choice
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            message = {"message": chat.delta_of(choice), "index": choice.get("index") or 0}
            choice = chat.as_delta({**{key: choice[key] for key in choice if key != "delta"}, **message})
            delta = choice["delta"]
        if not (pieces := chat.tool_calls(delta)):
            return choice
        index = choice.get("index")
        calls = self._calls.setdefault(index if type(index) is int else 0, _Numbered())
        numbered = [made for piece in pieces if (made := calls.numbered(piece)) is not None]
        return choice if numbered == pieces else {**choice, "delta": {**delta, "tool_calls": numbered}}


class _Numbered(chat.ToolCalls):
    """The calls of one answer."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[int, tuple[Any, Any]] = {}  # id and name of each

    def numbered(self, piece: Any) -> dict[str, Any] | None:
        """A piece with the number of its call, and without what was said of that before; None for what is no piece."""
        place = self.add_piece(piece)
        if place is None:
            return None
        made = {**piece, "index": place}
        function = piece.get("function")
        function = made["function"] = dict(function) if isinstance(function, dict) else {}
        said = (made.get("id"), function.get("name"))
        known = self._told.setdefault(place, said)
        if known is not said:
            _forget(made, ("id", known[0]), ("type", made.get("type")))
            _forget(function, ("name", known[1]))
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            function["arguments"] = json.dumps(arguments, ensure_ascii=False)
        elif arguments is None and function:
            function["arguments"] = ""
        if not function:
            del made["function"]
        return made


def _forget(said: dict[str, Any], *known: tuple[str, Any]) -> None:
    """Take out what is known, and what says nothing."""
    for name, value in known:
        if name in said and said[name] in (value, None, ""):
            del said[name]
