"""JSON from elsewhere, read within limits on its nesting and on the memory that its objects take. Pure.

A server, a model or a file must not be able to break a program by the shape of what it sends: whatever
is beyond a limit raises ValueError. `check` holds values from the program itself to the same depth.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEPTH = 100  # objects and lists within each other
LARGE = 1024 * 1024  # bytes; the memory for a text up to this size is not estimated
OBJECTS, OBJECTS_FACTOR = 32 * 1024 * 1024, 3  # bytes that objects may take, or this multiple of the text
TEXT, TEXT_FACTOR = 64 * 1024 * 1024, 1.5  # the same for strings: one wide character makes all take four bytes

# Each string once, whatever is in it; an unterminated one reaches to the end of the text, so nothing is read twice.
_STRINGS = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_TWO_BYTES = rb"[\xc4-\xf4]|\\u(?!00)"  # a character that makes its string two bytes wide, or four:
_FOUR_BYTES = rb"[\xf0-\xf4]|\\u[dD][89abAB]"
_CONTINUED = bytes(range(0x80, 0xC0))  # bytes that begin no character


_LONG = 4096  # characters


class TooDeep(ValueError):
    """Objects and lists nest more than DEPTH levels, or hold themselves."""

    def __init__(self) -> None:
        super().__init__(f"nested more than {DEPTH} levels deep")


class TooLarge(ValueError):
    """The objects would take more memory than a text of this size is allowed."""

    def __init__(self) -> None:
        super().__init__("too large to be read: its objects would take many times its size")


def loads(text: str | bytes, *, strict: bool = False, objects: int = OBJECTS) -> Any:
    """The value of a JSON text. Raises ValueError, of which `TooDeep` and `TooLarge` are kinds.

    strict: refuse `NaN` and `Infinity`. objects: bytes that objects may take however short the text is.
    """
    problem: ValueError
    try:
        value = _large(text, strict, objects) if len(text) > LARGE else _small(text, strict)
    except (TooDeep, TooLarge):
        raise
    except ValueError as error:
        problem = ValueError(str(error))  # the parser's own error holds the whole text, which may contain a secret
    else:
        if _may_be_deep(text):
            check(value)
        return value
    raise problem  # outside the handler: otherwise the parser's error would be kept as the context


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has a name twice")
    return made


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _finite(word: str) -> float:
    number = float(word)
    if number in (float("inf"), float("-inf")):
        _refuse_constant(word[:40])
    return number


_PLAIN = json.JSONDecoder(object_pairs_hook=_once)
_FINITE = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant, parse_float=_finite)


def in_one_way(text: bytes, *, finite: bool = False) -> Any:
    """The value of a JSON text that everybody reads alike: in UTF-8, with no name twice in an object.

    It is for what is checked here and then goes on as it came: whoever gets it must not find in it what was not seen.
    finite: refuse numbers that no float holds. Raises ValueError, of which `TooDeep` and `TooLarge` are kinds.
    """
    if len(text) > LARGE and not fits(text):
        raise TooLarge
    if b"\0" in text[:4]:
        raise ValueError("it is not UTF-8")
    try:
        return (_FINITE if finite else _PLAIN).decode(text.decode("utf-8-sig", "surrogatepass"))
    except RecursionError:
        raise TooDeep from None


_scan, _BLANK = json.JSONDecoder().scan_once, " \t\n\r"  # type: ignore[attr-defined]


def _small(text: str | bytes, strict: bool) -> Any:
    if not strict and type(text) is str and text[:1] == "{":  # most are like this: without what `json` does around it
        try:
            value, end = _scan(text, 0)
        except (StopIteration, ValueError, RecursionError):
            pass  # which is told below
        else:
            if end == len(text) or not text[end:].strip(_BLANK):
                return value
    try:
        return json.loads(text, parse_constant=_refuse_constant if strict else None)
    except RecursionError:
        raise TooDeep from None


def check(value: Any) -> None:
    """Raise TooDeep for a value that nests more than DEPTH levels, or that holds itself."""
    level = [value]
    for _ in range(DEPTH):
        inside = (
            inner for box in level for inner in (box.values() if isinstance(box, dict) else box) if _is_box(inner)
        )
        level = list({id(inner): inner for inner in inside}.values()) if _is_box(level[0]) else []
        if not level:
            return
    raise TooDeep


def _is_box(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def _may_be_deep(text: str | bytes) -> bool:
    """Whether a text has enough brackets to nest too deep."""
    if len(text) < _LONG:
        return _brackets(text) > DEPTH
    left, marks = DEPTH, (b"{", b"[") if isinstance(text, bytes) else ("{", "[")
    for mark in marks:  # to find the few in a long text is quicker than to count them
        at = -1
        while (at := text.find(mark, at + 1)) >= 0:  # type: ignore[arg-type]
            left -= 1
            if left < 0:
                return True
    return False


def _brackets(text: str | bytes) -> int:
    return text.count(b"{") + text.count(b"[") if isinstance(text, bytes) else text.count("{") + text.count("[")


def _large(text: str | bytes, strict: bool, objects: int) -> Any:
    """A long text, read without a decoded copy of it."""
    from pydantic_core import from_json

    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if not fits(data, objects):
        raise TooLarge
    try:
        return from_json(data, allow_inf_nan=not strict)
    except ValueError as error:
        if "recursion" in str(error):
            raise TooDeep from None
        if b"\\ud" not in data and b"\\uD" not in data:
            raise
        try:  # half of a surrogate pair: the standard library accepts it
            return json.loads(data, parse_constant=_refuse_constant if strict else None)
        except RecursionError:
            raise TooDeep from None


def fits(data: bytes, objects: int = OBJECTS) -> bool:
    """Whether the memory that the objects of a JSON text take is in proportion to it."""
    most = max(objects, OBJECTS_FACTOR * len(data))
    if _estimate(data) > most and (_is_crowded(data) or _estimate(_without_strings(data)) > most):
        return False
    return _text_fits(data)


def _is_crowded(data: bytes) -> bool:
    """Whether there are too many strings to remove each of them: that takes memory as well."""
    return 64 * data.count(b'"') > len(data)


def _without_strings(data: bytes) -> bytes:
    """A JSON text with its strings emptied: brackets and commas within strings are not JSON's own."""
    return re.sub(_STRINGS, b'""', data, flags=re.DOTALL)


def _estimate(data: bytes) -> int:
    """Roughly how many bytes the objects of a JSON text take, without the characters of strings. CPython's sizes."""
    count = data.count
    objects, lists, commas, colons = count(b"{"), count(b"["), count(b","), count(b":")
    filled = objects - count(b"{}")
    strings = max(0, count(b'"') // 2 - colons)  # those that are values; names recur, and are stored once
    values = commas + filled + lists - count(b"[]")
    others = max(0, values - objects - lists - strings)  # numbers, for the most part
    crowded = max(0, colons - 5 * filled)  # names beyond those that a small object has room for
    return 64 * objects + 120 * filled + 64 * lists + 9 * values + 52 * strings + 28 * others + 60 * crowded


def _text_fits(data: bytes) -> bool:
    """Whether strings stay in proportion: a single wide character makes its whole string wide."""
    most = max(TEXT, TEXT_FACTOR * len(data))
    if 4 * len(data) <= most or not re.search(_TWO_BYTES, data):
        return True
    if 2 * len(data) <= most and not re.search(_FOUR_BYTES, data):
        return True
    return sum(_width(match[0]) for match in re.finditer(_STRINGS, data, re.DOTALL)) <= most


def _width(string: bytes) -> int:
    if not re.search(_TWO_BYTES, string):
        return len(string)
    characters = len(string) if string.isascii() else len(string.translate(None, _CONTINUED))
    return characters * (4 if re.search(_FOUR_BYTES, string) else 2)
