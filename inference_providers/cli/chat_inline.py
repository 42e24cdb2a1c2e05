"""The words of a paragraph of Markdown, with their styles, as far as they are certain. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

from inference_providers.cli.output import encodable
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from markdown_it.token import Token

    Run = tuple[str, str, bool]
    Unit = tuple[str, bool, tuple[tuple[str, str], ...]]  # "word", space before it, texts with styles; or "break"

# Letters of scripts without spaces: a line may end behind each, though not before what closes or behind what opens.
WIDE = (
    "\u1100-\u115f\u2e80-\u3000\u3003-\u3007\u3012-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff02-\uff07\uff0a"
    "\uff0b\uff0d\uff0f-\uff19\uff1c-\uff1e\uff20-\uff3a\uff3c\uff3e-\uff5a\U0001f200-\U0001f2ff\U00020000-\U0003fffd"
)
_OPENING = "\u3008\u300a\u300c\u300e\u3010\uff08\uff3b\uff5b"
_CLOSING = "\u3001\u3002\u3009\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3d\uff5d"
_UNIT = re.compile(
    rf"[{_OPENING}]{{0,4}}[{WIDE}][{_CLOSING}\u3099\u309a\ufe00-\ufe0f]*|[^\s{WIDE}{_OPENING}]+[{_CLOSING}]*|[{_OPENING}]"
)
_BREAK = "\v"  # which no text holds that is printable
_STYLES = {"em": "italic", "strong": "bold", "s": "strike"}
_CODE = "cyan"
# What may open something that later text closes. Brackets are looked at one by one.
_OPENS = re.compile(r"\*(?=[\S\v])|(?<!\w)_(?=[\S\v])|`|~~(?=[\S\v])|<(?=\S*$)|\\$")


def units(token: Token, style: str = "", *, is_open: bool = False) -> Iterator[Unit]:
    """The words of an inline token and the breaks between its lines. *is_open*: its paragraph may go on."""
    runs = list(_runs(token.children or (), style))
    text = "".join(run[0] for run in runs)
    end = len(text)
    if is_open:
        end = _certain("".join(part if literal else re.sub(r"\S", "x", part) for part, _, literal in runs))
    begins = list(accumulate((len(run[0]) for run in runs), initial=0))
    place = 0
    for match in _UNIT.finditer(text):
        if match.end() > end or (match.end() == end < len(text)):
            return
        gap = text[place : match.start()]
        if _BREAK in gap:
            yield "break", False, ()
        yield "word", bool(gap), tuple(_parts(runs, begins, match.start(), match.end()))
        place = match.end()


def _runs(tokens: Any, style: str) -> Iterator[Run]:
    """Texts with their styles, and whether each stands in the source as it is."""
    styles, links = [style], list[str]()
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        now = " ".join(filter(None, styles))
        if name == "link":
            yield from _link(token, links, now)
            links = [*links, token.attrs.get("href", "")] if token.nesting > 0 else links[:-1]
        elif name in _STYLES:
            styles = [*styles, _STYLES[name]] if token.nesting > 0 else styles[:-1]
        elif name == "softbreak":
            yield "\n", now, True
        elif name == "hardbreak":
            yield _BREAK, now, True
        elif name == "image":
            yield f"[{_safe(token.content)}]", now, False
            yield f" ({_safe(str(token.attrs.get('src', '')))})", "dim", False
        else:
            yield _safe(token.content), f"{now} {_CODE}".strip() if name == "code_inline" else now, name == "text"


def _link(token: Token, links: list[str], style: str) -> Iterator[Run]:
    """Behind a link its address: a terminal's own links would hide where they lead."""
    if token.nesting < 0 and token.info != "auto":
        yield f" ({_safe(links[-1])})", f"{style} dim".strip(), False


def _safe(text: str) -> str:
    return encodable(printable(text))


def _certain(text: str) -> int:
    """Up to where nothing that comes later changes a text, whose parts that are understood stand as letters."""
    found = _OPENS.search(text)
    return min(found.start() if found else len(text), _bracket(text))


def _bracket(text: str) -> int:
    """Where the first bracket opens that may yet become a link."""
    opened: list[int] = []
    first = len(text)
    for match in re.finditer(r"[\[\]]", text):
        if match[0] == "[":
            opened.append(match.start())
        elif opened:
            start = opened.pop()
            if text[match.end() : match.end() + 1] == "(":
                first = min(first, start)
    return min([first, *opened[:1]])


def _parts(runs: list[Run], begins: list[int], start: int, end: int) -> Iterator[tuple[str, str]]:
    """The texts between two places, with their styles."""
    at = bisect_right(begins, start) - 1
    while at < len(runs) and begins[at] < end:
        text, style, _ = runs[at]
        yield text[max(0, start - begins[at]) : end - begins[at]], style
        at += 1
