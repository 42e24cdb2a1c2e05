"""Calls of the log by what they were, a page at a time: what a person looks through. Nothing of what was said."""

from __future__ import annotations

import math

from inference_providers.usage.log_file import ANSWERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from inference_providers.usage.log_file import LogFile

COLUMNS = (
    "id", "at", "asked", "provider", "model", "name", "caller", "program", "outcome", "input", "output", "cached",
    "cost", "seconds", "first", "attempts",
)  # fmt: skip
NUMBERS = ("at", "input", "output", "cached", "cost", "seconds", "first", "attempts")
OUTCOMES = ("answered", "failed")


class LogSearch:
    """model, provider: parts of a name, in any case. caller: an id; `-` for the administrator. outcome: of `OUTCOMES`.

    Empty for all.
    """

    __slots__ = ("caller", "model", "outcome", "provider")

    def __init__(self, *, model: str = "", provider: str = "", caller: str = "", outcome: str = "") -> None:
        self.model, self.provider, self.caller, self.outcome = model, provider, caller, outcome

    def __repr__(self) -> str:
        return "<LogSearch>"

    def page(
        self, file: LogFile, count: int, *, before: int | None = None, after: int | None = None
    ) -> list[dict[str, Any]]:
        """The latest calls, the last one first; those before a number, or the first ones after it."""
        where, values = self._where()
        if before is not None:
            where, values = [*where, "id < ?"], [*values, before]
        elif after is not None:
            where, values = [*where, "id > ?"], [*values, after]
        order = "ASC" if after is not None and before is None else "DESC"
        sql = f"SELECT {', '.join(COLUMNS)} FROM calls WHERE {' AND '.join(where)} ORDER BY id {order} LIMIT ?"

        def work(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(sql, (*values, count)).fetchall()

        found = [_row(line) for line in file.read(work) or ()]
        return found[::-1] if order == "ASC" else found

    def _where(self) -> tuple[list[str], list[Any]]:
        where: list[str] = ["1"]
        values: list[Any] = []
        for said, columns in ((self.model, ("name", "model", "asked")), (self.provider, ("provider",))):
            if said:
                alike = " OR ".join(f"{column} LIKE ? ESCAPE '!'" for column in columns)
                where.append(f"({alike})")
                values += [_like(said)] * len(columns)
        if self.caller:
            where.append("caller IS NULL" if self.caller == "-" else "caller = ?")
            values += [self.caller] if self.caller != "-" else []
        if self.outcome in OUTCOMES:
            marks = ", ".join("?" * len(ANSWERED))
            where.append(f"outcome {'' if self.outcome == 'answered' else 'NOT '}IN ({marks})")
            values += ANSWERED
        return where, values


def _like(part: str) -> str:
    for sign in "!%_":
        part = part.replace(sign, f"!{sign}")
    return f"%{part}%"


def _row(line: tuple[Any, ...]) -> dict[str, Any]:
    """A call; what is of another form than we write counts as unknown."""
    named = dict(zip(COLUMNS, line, strict=True))
    for name in NUMBERS:
        value = named[name]
        named[name] = value if isinstance(value, int | float) and math.isfinite(value) else None
    return {name: "" if value is None and name not in NUMBERS else value for name, value in named.items()}
