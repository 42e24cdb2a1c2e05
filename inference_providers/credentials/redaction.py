"""Keys taken out of what a server says, in whatever form it echoes them. Pure.

A key may come back as it is, in another case, cut short, with JSON, URL or HTML escapes (also several
times over), in base64 or hex, with its characters set apart, or spread over the pieces of a stream.
So a text is searched as it stands, with its escapes undone, and with its letters and digits alone;
what is found there is taken out of the text itself.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from inference_providers.credentials.keys import DUMMY_KEY
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

MARK = "[key]"
_SHORTEST = 6  # characters of a key: shorter ones would be found in any text
_LONG = 16  # characters from which on parts of a key, and other cases of it, are looked for as well
_PREFIX = 8  # leading characters that tell a key: servers echo them with the rest masked
_PART = 12  # characters of a key's part, wherever in it
_BLOCK = 6  # a part is found by the blocks of this many characters that it holds
_ROUNDS = 3  # escapes within escapes
_DEPTH = 100  # levels of JSON
_ESCAPE = (
    r"(?<!\\)\\++(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([^\\]))"
    r"|%(?:25)*([0-9A-Fa-f]{2})"
    r"|&(?:amp;)*#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));?"
    r"|&(?:amp;)*([A-Za-z]{2,8});"
)
_BREAKS = "abfnrtv0"  # behind a backslash: a line's end, a tabulator and the like
_SMALL_LETTERS = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_TOKEN_END = r"[\s\"'<>\\]|$"


class _View:
    """A text as it reads in another form, and where each of its characters stands in the text that it was made of."""

    __slots__ = ("_at", "_from", "base", "text")

    def __init__(
        self, text: str, base: _View | None = None, at: list[int] | None = None, source: list[int] | None = None
    ) -> None:
        self.text, self.base, self._at, self._from = text, base, at or [], source or []

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original text of the characters from *start* to before *end*."""
        if self.base is None:
            return start, end
        return self.base.span(self._place(start), self._unit_end(self._place(end - 1)))

    def _place(self, index: int) -> int:
        run = bisect_right(self._at, index) - 1
        return self._from[run] + index - self._at[run]

    def _unit_end(self, place: int) -> int:
        """Where the escape that begins at *place* ends; the next character where none does."""
        assert self.base is not None
        found = re.compile(_ESCAPE).match(self.base.text, place)
        return found.end() if found else place + 1


def _unescaped(view: _View) -> _View | None:
    """The text with one layer of escapes undone; None where there is none."""
    text, at, source, parts, size, done = view.text, [], [], [], 0, 0
    for found in re.finditer(_ESCAPE, text):
        plain = _character(found)
        if plain is None:
            continue
        literal = text[done : found.start()]
        for part, place in ((literal, done), (plain, found.start())):
            if part:
                at.append(size)
                source.append(place)
                parts.append(part)
                size += len(part)
        done = found.end()
    if not parts:
        return None
    at.append(size)
    source.append(done)
    return _View("".join([*parts, text[done:]]), view, at, source)


def _character(found: re.Match[str]) -> str | None:
    """What one escape stands for."""
    four, braced, eight, byte, other, percent, sixteen, ten, name = found.groups()
    if other is not None:
        return "\n" if other in _BREAKS else str(other)
    if name is not None:
        from html import unescape

        plain = unescape(f"&{name};")
        return plain if len(plain) == 1 else None
    number = int(ten) if ten is not None else int(four or braced or eight or byte or percent or sixteen, 16)
    return chr(number) if number < 0x110000 else None


def _bare(view: _View) -> _View:
    """The letters and digits of a text alone."""
    at, source, parts, size = [], [], [], 0
    for found in re.finditer(r"[0-9A-Za-z]+", view.text):
        at.append(size)
        source.append(found.start())
        parts.append(found[0])
        size += len(found[0])
    return _View("".join(parts), view, at or [0], source or [0])


def _views(text: str) -> Iterator[_View]:
    """The text as it stands, and with up to three layers of escapes undone."""
    view: _View | None = _View(text)
    for _ in range(_ROUNDS + 1):
        if view is None:
            return
        yield view
        view = _unescaped(view)


def _alone(text: str) -> str:
    """The letters and digits of a text, as a text."""
    return re.sub(r"[^0-9A-Za-z]", "", text)


def _encoded(secret: str) -> list[str]:
    """The base64 of a key, wherever in an encoded text it begins: without the characters that its neighbours change."""
    from base64 import b64encode

    raw = secret.encode("utf-8", "replace")
    codes = []
    for shift in range(3):
        code = b64encode(b"\0" * shift + raw).decode()
        codes.append(code[(0, 2, 3)[shift] : (len(raw) + shift) * 8 // 6])
    return [_alone(code) for code in codes]  # and so in either alphabet


def _parts(text: str, needle: str, shortest: int) -> Iterator[tuple[int, int, bool]]:
    """Where *text* holds *needle*, or a part of it of at least *shortest* characters; and whether its end is in it."""
    step = max(1, min(_BLOCK, shortest // 2))
    for begin in range(0, len(needle) - step + 1, step):
        block = needle[begin : begin + step]
        place = text.find(block)
        while place >= 0:
            left, right = begin, begin + step
            start, end = place, place + step
            while left and start and text[start - 1] == needle[left - 1]:
                left, start = left - 1, start - 1
            while right < len(needle) and end < len(text) and text[end] == needle[right]:
                right, end = right + 1, end + 1
            if end - start >= shortest:
                yield start, end, right == len(needle)
            place = text.find(block, max(end, place + 1) if end - start >= shortest else place + 1)


def _whole(text: str, needle: str) -> Iterator[int]:
    """The places where *text* holds all of *needle*."""
    place = text.find(needle)
    while place >= 0:
        yield place
        place = text.find(needle, place + len(needle))


def _echoes(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """The places of a text that tell something of a key."""
    alone, ends = _alone(secret), _Ends(text)
    long = len(secret) >= _LONG and len(alone) >= _PART
    for view in _views(text):
        for place in _whole(view.text, secret):
            yield view.span(place, place + len(secret))
        if long:
            yield from _beginning(ends, view, secret.lower())
            bare = _bare(view)
            for start, end, last in _parts(bare.text.lower(), alone.lower(), _PART):
                span = bare.span(start, end)
                yield span if last else ends.of(span)
            coded = [(bare.text.lower(), secret.encode("utf-8", "replace").hex(), 2 * _PART)]
            coded += [(bare.text, code, _LONG) for code in _encoded(secret)]
            for within, code, shortest in coded:
                for start, end, _ in _parts(within, code, shortest):
                    yield ends.of(bare.span(start, end))


def _beginning(ends: _Ends, view: _View, secret: str) -> Iterator[tuple[int, int]]:
    """The key's first characters, and what is behind them in the same word: the rest of it, perhaps masked."""
    lowered = view.text.translate(_SMALL_LETTERS)  # `lower` would move places where a letter becomes two
    for place in _whole(lowered, secret[:_PREFIX]):
        if lowered.startswith(secret, place):
            yield view.span(place, place + len(secret))
        else:
            yield ends.of(view.span(place, place + _PREFIX))


class _Ends:
    """Where words of a text end. The last answer is kept: many places may lie in one long word."""

    __slots__ = ("_end", "_start", "_text")

    def __init__(self, text: str) -> None:
        self._text, self._start, self._end = text, 0, -1

    def of(self, span: tuple[int, int]) -> tuple[int, int]:
        """A place, with what is behind it in the same word."""
        if not self._start <= span[1] <= self._end:
            found = re.compile(_TOKEN_END).search(self._text, span[1])
            self._start, self._end = span[1], found.start() if found else len(self._text)
        return span[0], self._end


def _spans(text: str, secrets: Iterable[str | None]) -> list[tuple[int, int]]:
    """Places to be taken out, in order, none within another."""
    echoes = sorted(
        span
        for secret in secrets
        if secret and len(secret) >= _SHORTEST and secret != DUMMY_KEY
        for span in _echoes(text, str(secret))
    )
    spans: list[tuple[int, int]] = []
    for start, end in echoes:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def scrub(text: str, secrets: Iterable[str | None]) -> str:
    """*text* without the given keys, in any form, and without parts of them that would tell much."""
    return scrub_pieces([text], secrets)[0]


def scrub_pieces(pieces: Sequence[str], secrets: Iterable[str | None]) -> list[str]:
    """`scrub` for a text that came in pieces: a key may be spread over several. As many pieces come back."""
    text = "".join(pieces)
    spans = _spans(text, secrets)
    if not spans:
        return list(pieces)
    results, begin = [], 0
    for piece in pieces:
        end, at, result = begin + len(piece), begin, ""
        for start, stop in spans:
            if stop > begin and start < end:
                result += text[at : max(start, at)] + (MARK if start >= begin else "")
                at = min(stop, end)
        results.append(result + text[at:end])
        begin = end
    return results


def scrub_bytes(body: bytes, secrets: Iterable[str | None]) -> bytes:
    """`scrub` for a body, before anything is read or cut out of it."""
    return scrub(body.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")


def scrub_json(value: Any, secrets: Sequence[str | None], depth: int = _DEPTH) -> Any:
    """`scrub` for every text in parsed JSON, names of objects included; below *depth* levels there is "..." instead."""
    if isinstance(value, str):
        return scrub(value, secrets)
    if depth <= 0:
        return "..."
    if isinstance(value, list):
        return [scrub_json(item, secrets, depth - 1) for item in value]
    if isinstance(value, dict):
        return {scrub(str(key), secrets): scrub_json(item, secrets, depth - 1) for key, item in value.items()}
    return value


def scrub_events(body: bytes, secrets: Sequence[str | None]) -> bytes:
    """`scrub_bytes` for an event stream: also of keys that are spread over the texts of its events."""
    lines = scrub_bytes(body, secrets).split(b"\n")
    events: dict[int, Any] = {}
    for number, line in enumerate(lines):
        if line.startswith(b"data:"):
            try:
                events[number] = jsontext.loads(line[5:])
            except ValueError:
                continue
    texts: dict[tuple[Any, ...], list[tuple[int, Any, Any]]] = {}
    for number, event in events.items():
        for path, holder, name in _texts(event, ()):
            texts.setdefault(path, []).append((number, holder, name))
    changed: set[int] = set()
    for places in texts.values():
        before = [holder[name] for _, holder, name in places]
        for (number, holder, name), text, old in zip(places, scrub_pieces(before, secrets), before, strict=True):
            if text != old:
                holder[name] = text
                changed.add(number)
    for number in changed:
        end = b"\r" if lines[number].endswith(b"\r") else b""
        lines[number] = b"data: " + json.dumps(events[number], ensure_ascii=False).encode("utf-8", "replace") + end
    return b"\n".join(lines)


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(path, what holds it, under which name) of every text in an event."""
    if len(path) > _DEPTH or not isinstance(value, dict | list):
        return
    for name, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(item, str):
            yield (*path, name), value, name
        else:
            yield from _texts(item, (*path, name))
