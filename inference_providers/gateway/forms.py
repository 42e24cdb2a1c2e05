"""Forms (`multipart/form-data`), read so strictly that whoever gets one finds no other parts in it. Pure.

A form goes on as it came, but for its model. So one is refused in which a provider could see a part that was not seen
here: behind another boundary, under a name that comes twice, in lines that end otherwise.
"""

from __future__ import annotations

import re

from inference_providers.gateway.refused import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = re.compile(
    r'(?i)multipart/form-data *; *boundary=(?:"([\w\'()+,./:=? -]{1,70})"|([\w\'+./-]{1,70})) *'
).fullmatch
_MOST_HEAD = 4096  # bytes of a part's headers
_MOST_PARTS = 1000
_MOST_BEHIND = 8  # bytes of dashes and line ends
_ONCE = frozenset(("model", "purpose", "stream"))  # what is looked at here, and providers differ in which of two counts
_HEAD = re.compile(rb"[A-Za-z-]{1,40}:[ \t]*([^\r\n]*)").fullmatch
_PARAMETER = re.compile(rb';[ \t]*([\w*-]{1,20})=("(?:[^"\\\r\n]|\\[^\r\n])*"|[^\s;"]{1,200})[ \t]*')


def names(content: bytes, kind: str) -> list[str]:
    """The names of a form's parts. Raises Refused for one that others could read otherwise."""
    found = _BOUNDARY(kind.strip())
    if found is None:
        raise _unclear("its Content-Type does not say one boundary, and nothing else")
    listed = list(_names(content, b"--" + (found[1] or found[2]).encode("ascii", "replace")))
    if twice := [name for name in _ONCE if listed.count(name) > 1]:
        raise Refused(400, f"The form says {twice[0]} more than once.", "invalid_form", parameter=twice[0])
    return listed


def _names(content: bytes, boundary: bytes) -> Iterator[str]:
    if not content.startswith(boundary + b"\r\n"):
        raise _unclear("it does not begin with its boundary")
    place = 0
    for _ in range(_MOST_PARTS):
        head = place + len(boundary) + 2
        text = content.find(b"\r\n\r\n", head, head + _MOST_HEAD)
        place = content.find(boundary, head)
        if text < 0 or place < text + 6 or content[place - 2 : place] != b"\r\n":
            raise _unclear("a part has no head, or no end")
        yield _name(content[head:text])
        end = place + len(boundary)
        if content[end : end + 2] == b"--":
            if len(content) > end + _MOST_BEHIND or content[end + 2 :].strip(b"\r\n"):
                raise _unclear("something is behind its end")
            return
        if content[end : end + 2] != b"\r\n":
            raise _unclear("its boundary stands where no part begins")
    raise _unclear("it has too many parts")


def _name(head: bytes) -> str:
    """What a part is called, by its head."""
    said: list[bytes] = []
    for line in head.split(b"\r\n"):
        field = _HEAD(line)
        if field is None:
            raise _unclear("the head of a part is none")
        if line[:20].lower() == b"content-disposition:":
            said.append(field[1])
    kind, _, _ = said[0].partition(b";") if len(said) == 1 else (b"", b"", b"")
    found = list(_PARAMETER.finditer(said[0])) if kind.strip().lower() == b"form-data" else []
    called = [one[2].strip(b'"') for one in found if one[1].lower().startswith(b"name")]
    if len(called) != 1 or b"\\" in called[0] or len(kind) + sum(len(one[0]) for one in found) != len(said[0]):
        raise _unclear("a part has no name, or more than one")
    return called[0].decode("utf-8", "replace")


def _unclear(why: str) -> Refused:
    return Refused(400, f"The form cannot be read in one way only: {why}.", "invalid_form")
