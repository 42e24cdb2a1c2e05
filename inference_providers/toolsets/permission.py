"""Which calls of tools are made: those that only read at once, all others once somebody has allowed them."""

from __future__ import annotations

import re

from inference_providers.chat import Tool
from inference_providers.text import in_line
from inference_providers.toolsets.functions import reads_only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

YES, NO, ALWAYS = "yes", "no", "always"
SHOWN = 400  # characters of an argument that a question shows: its beginning and its end
# What a person does not see, though texts of some languages, and emoji, have it: soft hyphens, fillers, zero-width
# spaces and joiners, variation selectors. What is allowed is what is seen.
_BLANK = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2800\u3164\ufe00-\ufe0e\uffa0"
    r"\U000e0100-\U000e01ef]"
)
NAMED = 20  # arguments that a question shows


class RefusedError(Exception):
    """A call that nobody allowed; its message is for the model."""


class Permission:
    """Asks before a call that may change something, and has tools tell of their calls.

    ask: gets the name of a tool and its arguments, and returns YES, NO or ALWAYS. tell: hears of each call that is
    made. everything: no call is asked about.
    """

    def __init__(
        self,
        ask: Callable[[str, Mapping[str, Any]], str],
        tell: Callable[[str, Mapping[str, Any]], None],
        *,
        everything: bool = False,
    ) -> None:
        self._ask, self._tell, self._everything = ask, tell, everything
        self._always: set[str] = set()

    def check(self, name: str, arguments: Mapping[str, Any], *, harmless: bool) -> None:
        """Return where a call may be made. Raises RefusedError."""
        if not (harmless or self._everything or name in self._always):
            said = self._ask(name, arguments)
            if said == ALWAYS:
                self._always.add(name)
            elif said != YES:
                raise RefusedError(
                    "This call was not allowed. Do not try it again; answer with what you have, or say what you "
                    "would have done."
                )
        self._tell(name, arguments)

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that asks before it is called; it is described as before."""
        from functools import wraps

        name, harmless = getattr(function, "__name__", type(function).__name__), reads_only(function)

        @wraps(function)
        def asked(**arguments: Any) -> Any:
            self.check(name, arguments, harmless=harmless)
            return function(**arguments)

        asked.__name__ = name
        return asked

    def tool(self, tool: Tool, *, harmless: bool) -> Tool:
        """A tool of a server that asks before it is called."""
        call, schema = tool.function, tool.schema["function"]

        def asked(**arguments: Any) -> Any:
            self.check(tool.name, arguments, harmless=harmless)
            return call(**arguments)

        return Tool(tool.name, schema["description"], schema["parameters"], asked)


def lines_of(arguments: Mapping[str, Any], shown: int | None = SHOWN) -> list[str]:
    """Arguments for a person, one a line, safe to show. Of a long one the beginning and the end; None: all of it."""
    named = list(arguments.items())
    lines = [f"{_seen(name)[:60]}: {_cut(_written(value), shown)}" for name, value in named[: shown and NAMED]]
    if len(named) > len(lines):
        lines.append(f"... and {len(named) - len(lines)} more")
    return lines


def is_cut(arguments: Mapping[str, Any]) -> bool:
    """Whether `lines_of` leaves something out."""
    return lines_of(arguments) != lines_of(arguments, None)


def in_short(arguments: Mapping[str, Any], shown: int = 80) -> str:
    """Arguments as in a call, in one short line."""
    text = ", ".join(f"{_seen(name)[:40]}={_cut(_written(value), shown // 2)}" for name, value in arguments.items())
    return text if len(text) <= shown else f"{text[:shown]}..."


def _written(value: Any) -> str:
    import json

    return _seen(json.dumps(value, ensure_ascii=False, default=str))


def _seen(text: str) -> str:
    """A text on one line, in which all that it holds is seen."""
    return in_line(re.sub(_BLANK, _escape, text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(text: str, shown: int | None) -> str:
    if shown is None or len(text) <= shown:
        return text
    head, tail = text[: shown * 3 // 4], text[-(shown // 4) :]
    return f"{head} [... {len(text) - len(head) - len(tail):,} characters ...] {tail}"
