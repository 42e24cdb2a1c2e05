"""The bytes of a JSON object with another model's name in them, and nothing else changed. Pure.

What a caller wrote goes on as it is: numbers that no float holds, halves of surrogates.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KEY, _OTHER = b'"model"', b'"m0del"'
_QUOTES = 100  # that are looked at one by one
_LETTER = b"\\u00"  # a name may be written with letters so, too
_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.)*")', re.DOTALL).match


def with_model(raw: bytes, read: Mapping[str, Any], name: str) -> bytes:
    """*raw*, which was read as *read*, with another name for `model`; nothing where that place is not certain.

    It is certain where `"model"` stands in it just once: *read* has that name, so it is there that it was read. In a
    text these bytes cannot stand, since its quotes are escaped, but for the end of a name that is read as another.
    Beside a tool with such a parameter it stands there several times: see `_outermost`.
    """
    model = read.get("model")
    if not isinstance(model, str):
        return b""
    place = _place(raw, 0)
    if place >= 0 and _place(raw, place + 1) >= 0:
        place = _outermost(raw)
    if place < 0:
        return b""
    if b"\\" in raw and _LETTER in raw and re.search(rb"\\u00[46]", raw):
        return b""
    found = _VALUE(raw, place + len(_KEY))
    if found is None or raw[place - 1 : place] == b"\\":
        return b""
    if model == name:
        return raw
    start, end = found.span(1)
    return b"".join((raw[:start], json.dumps(name).encode(), raw[end:]))


def _place(raw: bytes, start: int) -> int:
    """Where the key stands at *start* or behind; -1 where it does not.

    A long text has few quotes, and one character is found ten times as fast as seven.
    """
    for _ in range(_QUOTES):
        start = raw.find(b'"', start)
        if start < 0 or raw.startswith(_KEY, start):
            return start
        start += 1
    return raw.find(_KEY, start)


def _outermost(raw: bytes) -> int:
    """Where the one key of the outermost object stands; -1 where that is not certain.

    It is there if nothing is called so any more once that key has another name. Most write it first, and some last.
    """
    for place in (raw.find(_KEY), raw.rfind(_KEY)):
        try:
            read = json.loads(b"".join((raw[:place], _OTHER, raw[place + len(_KEY) :])))
        except (ValueError, RecursionError):
            return -1
        if isinstance(read, dict) and "model" not in read:
            return place
    return -1
