"""The calls in the log, one by one: listed, searched, and conversations as they were."""

from __future__ import annotations

import json
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from inference_providers.usage.log_file import LogFile

_COLUMNS = (
    "id", "at", "program", "path", "asked", "provider", "model", "name", "outcome", "input", "output", "cached",
    "written", "reasoning", "cost", "reported", "seconds", "first", "attempts", "tries", "prompt",
    "caller",
)  # fmt: skip
_CALLS = (
    f"SELECT {', '.join(f'calls.{name}' for name in _COLUMNS)}, texts.conversation, texts.asked, texts.answer "
    "FROM calls LEFT JOIN texts ON texts.call = calls.id"
)
_NAMES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached": "cached_tokens",
    "written": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "name": "canonical_name",
    "first": "first_content",
}
_NUMBERS = ("at", "input", "output", "cached", "written", "reasoning", "cost", "seconds", "first", "attempts")
_TRY = 4  # provider, model, outcome, seconds
_PAGE = 1000


def latest(file: LogFile, count: int, search: str = "", caller: str | None = None) -> list[dict[str, Any]]:
    """The latest calls, the last one first; with *search*, those whose texts, model or provider hold that.

    *caller*: those of one, by its id.
    """
    whose, values = ("", ()) if caller is None else ("calls.caller = ?", (caller,))
    if not search:
        where = f"WHERE {whose} " if whose else ""
        return _read(file, f"{_CALLS} {where}ORDER BY calls.id DESC LIMIT ?", (*values, count))
    like = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    # In texts, letters beyond ASCII stand as they are: they are written that way.
    fields = ("texts.asked", "texts.answer", "calls.provider", "calls.model", "calls.name", "calls.program")
    found = " OR ".join(f"{field} LIKE ? ESCAPE '\\'" for field in fields)
    found = f"({found}) AND {whose}" if whose else found
    values = (*[like] * len(fields), *values)
    return _read(file, f"{_CALLS} WHERE {found} ORDER BY calls.id DESC LIMIT ?", (*values, count))


def call(file: LogFile, number: int) -> dict[str, Any] | None:
    """One call by its number; None where there is none."""
    return next(iter(_read(file, f"{_CALLS} WHERE calls.id = ?", (number,))), None)


def every(file: LogFile, since: float, until: float) -> Iterator[dict[str, Any]]:
    """All calls of a time, the first one first, a page after the other."""
    last = 0
    while True:
        sql = f"{_CALLS} WHERE calls.id > ? AND calls.at >= ? AND calls.at < ? ORDER BY calls.id LIMIT {_PAGE}"
        page = _read(file, sql, (last, since, until))
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]["id"]


def turns_of(file: LogFile, conversation: str | None = None) -> tuple[str, list[dict[str, Any]], str] | None:
    """(id, messages, model asked for) of a conversation, or of the latest; None where its texts are not kept."""

    def work(connection: sqlite3.Connection) -> tuple[str, list[Any]] | None:
        name = conversation
        if name is None:
            row = connection.execute("SELECT conversation FROM texts ORDER BY call DESC LIMIT 1").fetchone()
            if row is None:
                return None
            name = row[0]
        sql = (
            "SELECT texts.whole, texts.asked, texts.answer, calls.asked FROM texts JOIN calls ON calls.id = texts.call "
            "WHERE texts.conversation = ? ORDER BY texts.call"
        )
        return name, connection.execute(sql, (name,)).fetchall()

    found = file.read(work)
    if found is None or not found[1]:
        return None
    turns: list[dict[str, Any]] = []
    model = ""
    for whole, asked, answer, named in found[1]:
        turns = [] if whole else turns
        turns += _turns(_rows_of(asked)) or []
        turns.append({"role": "assistant", "content": str(answer)})
        model = str(named or "")
    return found[0], turns, model


def _read(file: LogFile, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    def work(connection: sqlite3.Connection) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    return [_row(line) for line in file.read(work) or ()]


def _row(line: Sequence[Any]) -> dict[str, Any]:
    """A call, for JSON: its time in words as well. What is of another form than we write counts as unknown."""
    named = dict(zip((*_COLUMNS, "conversation", "messages", "answer"), line, strict=True))
    for name in _NUMBERS:
        named[name] = _number(named[name])
    for name in ("messages", "tries"):
        named[name] = _rows_of(named[name])
    named["messages"] = _turns(named["messages"])
    named["tries"] = _of_form(named["tries"], lambda one: isinstance(one, list) and len(one) == _TRY)
    named |= {name: str(value) for name, value in named.items() if isinstance(value, bytes)}
    named = {_NAMES.get(name, name): value for name, value in named.items()}
    named["time"] = _time(named.pop("at"))
    named["reported"] = bool(named["reported"])
    named["seconds"] = named["seconds"] or 0.0
    waited = named["seconds"] - (named["first_content"] or 0)
    tokens = named["output_tokens"]
    named["tokens_per_second"] = round(tokens / waited, 1) if tokens and waited > 0 else None
    return named


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _time(at: Any) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(at or 0, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="milliseconds")


def _rows_of(text: Any) -> list[Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _turns(found: list[Any] | None) -> list[Any] | None:
    return _of_form(found, lambda one: isinstance(one, dict))


def _of_form(found: list[Any] | None, is_one: Callable[[Any], bool]) -> list[Any] | None:
    return None if found is None else [one for one in found if is_one(one)]
