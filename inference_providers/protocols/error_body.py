"""What a server said in its own words, read from whatever shape it put them in. Pure.

Everything here looks at a text once, and at a bounded part of it: a server must not be able to keep a program busy.
"""

from __future__ import annotations

import json
import math
import re
from itertools import islice

from inference_providers.text import jsontext, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

LONGEST = 4096  # characters of a message; no phrase is looked for beyond
_PAGE = 65536  # characters of a text body that are looked at
_LINE = 300  # characters of it that are told
_HEADER = 64  # characters of a header that may be a number, or a date
_TAG = 500  # characters within a tag; what is longer is none
_MESSAGES = (
    "message",
    "faultstring",
    "msg",
    "detail",
    "error",
    "title",
)  # what a message is called, the likeliest first
_UNSEEN = ("script", "style")  # elements whose text no reader sees
_WAIT = r"(?:try again|retry) (?:in|after) (?:(\d{1,6})m)?(\d{1,9}(?:\.\d{1,9})?)\s{0,9}(ms|s)"
_SMALL_LETTERS = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # keeps every text's length
_ITEMS, _FIELDS, _LEVELS = 50, 200, 8  # of an error's lists and objects that are looked into


class ErrorDetails:
    """What a server said in its own words: message, code and type, wherever it put them."""

    __slots__ = ("code", "kind", "message", "param", "text")

    def __init__(self, message: str, code: str, kind: str, param: str = "") -> None:
        self.message, self.code, self.kind = (printable(text[:LONGEST]) for text in (message, code, kind))
        self.param = printable(param[:LONGEST])
        self.text = " ".join(part for part in (self.message, self.code, self.kind) if part)

    def has(self, pattern: str) -> bool:
        """Whether message, code or type match."""
        return bool(re.search(pattern, self.text, re.IGNORECASE))


def error_details(body: Any) -> ErrorDetails:
    """Read an error body of any shape seen in the wild."""
    whole = body[0] if isinstance(body, list) and body else body
    if isinstance(whole, str):
        return ErrorDetails(plain(whole), "", "")
    if not isinstance(whole, dict):
        return ErrorDetails("", "", "")
    inner = whole.get("error")
    if isinstance(inner, str):
        return ErrorDetails(_text(inner), _text(whole.get("code")), _text(whole.get("type")))
    error = _unwrapped(inner if isinstance(inner, dict) else whole)
    return ErrorDetails(_first_text(error), _joined(_codes(error)), _joined(_kinds(error)), _text(error.get("param")))


def _unwrapped(error: dict[str, Any]) -> dict[str, Any]:
    """The object that tells of the error, within those that only hold it."""
    found = error
    for wrapper in ("fault", "errors"):
        if wrapper in found and not found.get("message"):
            held = found[wrapper]
            one = held[0] if isinstance(held, list) and held else held
            found = one if isinstance(one, dict) else {"message": one}
    return found


def _first_text(error: Mapping[str, Any]) -> str:
    return next((_text(error[name]) for name in _MESSAGES if error.get(name)), "")


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    """What it calls a code, also in an error within."""
    yield _text(error.get("code"))
    inner = error.get("innererror") or error.get("inner_error")
    if isinstance(inner, dict):
        yield _text(inner.get("code"))


def _kinds(error: Mapping[str, Any]) -> Iterator[str]:
    """What it calls a type, a status or a reason."""
    yield _text(error.get("type"))
    yield _text(error.get("status"))
    metadata = error.get("metadata")
    if isinstance(metadata, dict) and metadata.get("reasons"):
        yield "moderation flagged"
    details = error.get("details")
    for item in details[:_ITEMS] if isinstance(details, list) else ():
        if isinstance(item, dict):
            yield _text(item.get("reason"))


def _joined(texts: Iterable[str]) -> str:
    return " ".join(filter(None, texts))


def _text(value: Any, level: int = 0) -> str:
    if value is None or isinstance(value, bool) or level > _LEVELS:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_text(item, level + 1) for item in value[:_ITEMS])))
    if isinstance(value, dict):
        if "msg" in value:
            place = value.get("loc") or ()
            where = ".".join(map(_short, place[:_ITEMS] if isinstance(place, list) else [place]))
            return f"{where}: {_short(value['msg'])}" if where else _short(value["msg"])
        inner = next((value[key] for key in ("message", "detail", "error") if value.get(key)), None)
        return _short(value) if inner is None else _text(inner, level + 1)
    return _short(value)


def _short(value: Any) -> str:
    """A value as text: JSON for what is not a text."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text[:LONGEST]


def plain(text: str) -> str:
    """A text body in one line, tags of an HTML page removed, at most 300 characters."""
    text = text[:_PAGE]
    small = text.translate(_SMALL_LETTERS)
    begin, end = _Ahead(text, "<"), _Ahead(text, ">")
    ends = {name: _Ahead(small, f"</{name}>") for name in _UNSEEN}
    kept: list[str] = []
    place = 0
    while (tag := begin.after(place)) < len(text):
        kept.append(text[place:tag])
        name = next((name for name in _UNSEEN if small.startswith(name, tag + 1)), "")
        if name and (closed := ends[name].after(tag)) < len(text):
            kept.append(" ")
            place = closed + len(f"</{name}>")
        elif (closed := end.after(tag)) < len(text) and closed - tag <= _TAG:
            kept.append(" ")
            place = closed + 1
        else:
            kept.append("<")
            place = tag + 1
    return " ".join("".join([*kept, text[place:]]).split())[:_LINE]


class _Ahead:
    """Where a word comes next. As long as places only grow, each part of the text is searched once."""

    __slots__ = ("_found", "_text", "_word")

    def __init__(self, text: str, word: str) -> None:
        self._text, self._word, self._found = text, word, -1

    def after(self, place: int) -> int:
        """The next one at *place* or behind it; the text's length if there is none."""
        if self._found < place:
            found = self._text.find(self._word, place)
            self._found = found if found >= 0 else len(self._text)
        return self._found


def trimmed(value: Any, level: int = 0) -> Any:
    """As much of an error's parsed JSON as is ever told of it."""
    if isinstance(value, str):
        return value[:_PAGE]
    if isinstance(value, list):
        return [trimmed(item, level + 1) for item in value[:_ITEMS]] if level <= _LEVELS else []
    if isinstance(value, dict):
        rows = islice(value.items(), _FIELDS) if level <= _LEVELS else ()
        return {key[:_PAGE]: trimmed(item, level + 1) for key, item in rows}
    return value


def json_or_text(body: bytes) -> Any:
    """JSON, or the text where it is none that can be read, or None for an empty body."""
    try:
        return jsontext.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace") or None


def retry_after(headers: Mapping[str, str], message: str, now: float) -> float | None:
    """Seconds to wait, as the server said: by header or message; None when it said nothing usable.

    *now* is a Unix time.
    """
    candidates = [(headers.get("retry-after-ms"), 0.001), (headers.get("retry-after"), 1.0)]
    for value, scale in candidates:
        if value and len(value) <= _HEADER:
            seconds = _seconds(value, now)
            if seconds is not None:
                return seconds * scale
    match = re.search(_WAIT, message[:LONGEST])
    if match:
        return int(match[1] or 0) * 60 + float(match[2]) * (0.001 if match[3] == "ms" else 1)
    return None


def _seconds(value: str, now: float) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        from email.utils import parsedate_to_datetime

        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError, OSError, IndexError, AttributeError):
            return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
