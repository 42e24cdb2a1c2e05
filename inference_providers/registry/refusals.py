"""How a server's words are read where it refuses: rows of the registry file, the first that fits decides. Pure.

A row has the words that it is known by (patterns, whatever the case of letters), the statuses with which it is looked
for (any, where it names none), what to do, and the name of an error. The patterns of a row are compiled when it is
first looked for: a program whose calls all succeed compiles none.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


# What is quoted, and where to read on: the words of a request or of a page, not the server's own. Names of fields in an
# object, which a colon follows, are its own.
_QUOTED = r"(?:'[^'\n]++'|\"[^\"\n]++\"|`[^`\n]++`)(?!\w)"
_ELSEWHERE = (
    r"https?://[^\s'\"`<>)\]]++"
    rf"|(?<![\w{{,])(?<![{{,]\s){_QUOTED}|(?<!\w){_QUOTED}(?!:\s?(?:[\"'\[{{\d]|true|false|null|none))"
)
# Errors that tell of an account or of what a model may say, never of what stands in quotes.
_UNQUOTED = frozenset(("AuthenticationError", "InsufficientCreditsError", "RateLimitError", "ContentFilteredError"))


class Refusal:
    """One row: `name` says in words what it is, `action` what to do, `error` which error it becomes.

    `absent` says that the provider does not have the model. `unquoted` says that it is not looked for in what is
    quoted: a request may speak of money, keys and filters, and what is wrong in it is quoted. `example` is a reply of
    a real server that it decides: `status` and `body`.
    """

    __slots__ = ("_pattern", "absent", "action", "error", "example", "name", "statuses", "unquoted", "words")

    def __init__(self, name: str, row: Mapping[str, Any]) -> None:
        self.name = name
        self.action: str = row["action"]
        self.error: str = row["error"]
        self.absent: bool = row.get("absent", False)
        self.statuses = frozenset(row.get("statuses") or ())
        self.example: Mapping[str, Any] = row.get("example") or {}
        self.words: list[str] = list(row["words"])
        self.unquoted = self.error in _UNQUOTED
        self._pattern: re.Pattern[str] | None = None

    def fits(self, status: int, text: str) -> bool:
        """Whether a refusal with this status, in these words in small letters, is of this kind."""
        if self.statuses and status not in self.statuses:
            return False
        if self._pattern is None:
            whole = "|".join(f"(?:{word})" for word in self.words)
            # Twice as fast without the flag, which small letters do not need: `find` looks in small letters.
            self._pattern = re.compile(whole, 0 if whole == whole.lower() else re.IGNORECASE)
        return self._pattern.search(text) is not None


class Refusals:
    """The rows of one registry, in the order in which they are looked for."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """*rows*: of the registry. *before*: of the installed one; those that it lacks are looked for first."""
        names = [*(name for name in rows if name not in before), *(name for name in rows if name in before)]
        self._rows = [Refusal(name, rows[name]) for name in names]

    def __iter__(self) -> Iterator[Refusal]:
        return iter(self._rows)

    def find(self, status: int, text: str) -> Refusal | None:
        """The first row that fits; None for words that nobody knows."""
        text = text.lower()
        own = "\n".join(_own_words(line) for line in text.split("\n"))
        return next((row for row in self._rows if row.fits(status, own if row.unquoted else text)), None)


def _own_words(line: str) -> str:
    """A line without what it quotes, if something is left then."""
    left = re.sub(_ELSEWHERE, " ", line)
    return left if re.search(r"\w", left) else line
