"""How long a server asks to wait, in whatever words and units: headers, fields of its own, sentences. Pure.

Loaded with the first failure.
"""

from __future__ import annotations

import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READ = 4096  # characters of a message
_HEADERS = {
    "retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001, "retry-after": 1.0, "x-retry-after": 1.0,
}  # fmt: skip
_HEADER = 64  # characters of a header that may be a number, or a date
_EPOCH, _EPOCH_MS = 1e9, 1e12  # numbers from here on are moments: seconds, or milliseconds, since 1970
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_UNIT = (
    r"(?:milliseconds?|millis|msecs?|ms|microseconds?|[\u00b5\u03bcu]s|nanoseconds?|ns|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s"
    r"|毫秒|秒钟?|分钟?|小时|天)"
)
_PIECE = rf"{_NUMBER}\s?{_UNIT}"
_SPAN = rf"{_PIECE}(?:(?:\s|,\s?|\sand\s)?{_PIECE}){{0,4}}(?![a-z\d])"
_LEAD = (
    r"(?:try(?:ing)? again|retry(?:ing|able)?|retry[ _-]?(?:after|delay|in)|wait|(?<!after )waiting|resets?"
    r"|available|back ?off|cool ?down|again|replenished|allowed|renews?|remaining)\b"
)
_SENTENCES = (
    rf"{_LEAD}[^\d\n;]{{0,30}}?\b({_SPAN})",
    rf"({_SPAN})\s?(?:before|until|and then|后|之后|以后)[^\n]{{0,20}}?(?:retry|try|next|again|重试|再试|重置|恢复)",
)
_BARE = rf"(?:retry[ _-]?after|wait_seconds|try again (?:in|after))[\"':= ]{{0,5}}({_NUMBER})(?![\d.]|\s?[a-z%])"
_CLOCK = (
    rf"{_LEAD}[^\d\n;]{{0,30}}?\b(?:(\d{{1,3}})\.)?(\d{{1,3}}):(\d\d):(\d\d)(?![\d:])"  # days.hours:minutes:seconds
)
_EPOCHS = r"(?:resets?|reset_at|until|retry|again)(?:[ _](?:at|after|until))?[\"':= ]{1,5}(\d{10}(?:\d{3})?)(?![\d.])"
_ONE = r"\b(?:an?|one)(?= (?:second|minute|hour|day)\b)"
_MOMENT = (
    r"(?:until|at|on|after|by):?\s(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))"
)
_DRAFT = r"\b(?:remaining|r)=0\b[^,]{0,20}[;,]\s?(?:reset|t)=(\d{1,9})(?!\d)"  # the header `ratelimit`
_RESET = r"^(x-ratelimit-|ratelimit(?:by[a-z]{1,20})?-|anthropic-ratelimit-|x-rate-limit-)(.{0,40}?-?)reset(-.{0,40})?$"


def retry_after(
    headers: Mapping[str, str], message: str, now: float, *, told: float | None = None, limited: bool = False
) -> float | None:
    """Seconds to wait, as the server said; None when it said nothing usable.

    A header counts before a field of the body (*told*, seconds), that before the message, and that, where *limited*,
    before the headers that say when an exhausted limit is reset. Header names are in lower case. *now* is a Unix time.
    """
    for name, scale in _HEADERS.items():
        seconds = _from_header(headers[name], now) if name in headers else None
        if seconds is not None:
            return seconds * scale
    if told is not None and told > 0:
        return told
    seconds = in_words(message, now)
    return max(_resets(headers, now), default=None) if seconds is None and limited else seconds


def in_words(text: str, now: float) -> float | None:
    """The wait that a sentence names: `try again in 2m59.56s`, `wait 30 seconds`, `until 2026-01-01T00:00:00Z`."""
    text = re.sub(_ONE, "1", text[:_READ], flags=re.IGNORECASE)
    for pattern in _SENTENCES:
        if match := re.search(pattern, text, re.IGNORECASE):
            return _usable(_span(match[1]))
    if match := re.search(_CLOCK, text, re.IGNORECASE):
        days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
        return _usable(((days * 24 + hours) * 60 + minutes) * 60.0 + seconds)
    if match := re.search(_EPOCHS, text, re.IGNORECASE):
        return _moment_or_span(match[1], now)
    if match := re.search(_BARE, text, re.IGNORECASE):
        return _usable(float(match[1]))
    if match := re.search(_MOMENT, text):
        return _until(match[1], now)
    return None


def seconds_of(text: str) -> float | None:
    """A field that is a number of seconds, or says its units: `34s`, `1m30s`, `12`."""
    text = text.strip()[:_HEADER]
    if re.fullmatch(_SPAN, text, re.IGNORECASE):
        return _usable(_span(text))
    try:
        return _usable(float(text))
    except ValueError:
        return None


def _span(text: str) -> float:
    return sum(float(number) * _UNITS[_unit(unit)] for number, unit in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(rf"({_NUMBER})\s?({_UNIT})", text, re.IGNORECASE):
        yield match[1], match[2]


def _unit(word: str) -> str:
    word = word.lower()
    if word.startswith(("ms", "milli", "毫")):
        return "ms"
    if word.startswith(("us", "\u00b5", "\u03bc", "micro")):
        return "us"
    if word.startswith("n"):
        return "ns"
    return {"秒": "s", "分": "m", "小": "h", "天": "d"}.get(word[0], word[0])


def _from_header(value: str, now: float) -> float | None:
    if len(value) > _HEADER:
        return None
    seconds = seconds_of(value)
    if seconds is not None:
        return seconds
    from email.utils import parsedate_to_datetime

    try:
        return _usable(parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError, IndexError, AttributeError):
        return _until(value, now)


def _until(moment: str, now: float) -> float | None:
    """Seconds until a moment as RFC 3339 writes it."""
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(re.sub(r"\s?(?:UTC|GMT)$", "Z", moment.strip()))
        return _usable((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError, OSError):
        return None


def _resets(headers: Mapping[str, str], now: float) -> Iterator[float]:
    """Seconds until each limit that is exhausted is reset. One of which it is not said what is left counts as such."""
    for exhausted in re.finditer(_DRAFT, headers.get("ratelimit", "")[:_READ]):
        yield float(exhausted[1])
    for name, value in headers.items():
        match = re.search(_RESET, name, re.IGNORECASE)
        if match is None or len(value) > _HEADER:
            continue
        left = headers.get(f"{match[1]}{match[2]}remaining{match[3] or ''}", "0").strip()
        if left in ("0", "0.0") and (seconds := _moment_or_span(value, now)) is not None:
            yield seconds


def _moment_or_span(value: str, now: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return _from_header(value, now)
    if number >= _EPOCH_MS:
        return _usable(number / 1000 - now)
    return _usable(number - now if number >= _EPOCH else number)


def _usable(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds > 0 else None
