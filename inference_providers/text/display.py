"""Text from elsewhere, made safe to show: whatever steers a terminal or hides text is made visible. Pure.

Models, servers and file names may hold escape sequences (which set a terminal's title, write to its
clipboard, clear it), characters that reverse the order of what follows, and invisible characters.
All such text goes through `printable` before it reaches a terminal, a log or an error's message.
Letters, marks, joiners (U+200C, U+200D), zero-width spaces (which Khmer and Thai need), variation
selectors and emoji of every kind stay as they are.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator
    from typing import Any

_MARKS = r"\u061c\u200e\u200f"  # directional marks: left out, since the text without them is the same text
# Control characters except tab and line feed; line and paragraph separators, bidirectional controls; word joiner and
# invisible operators; byte order mark; annotations; halves of surrogate pairs; tags.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f" + _MARKS + r"\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f"
)
# England, Scotland and Wales: a black flag with tags, the only use of tags that hides nothing.
_FLAG = "\U0001f3f4"
_FLAGS = tuple(
    _FLAG + "".join(chr(0xE0000 + ord(letter)) for letter in f"gb{land}\x7f") for land in ("eng", "sct", "wls")
)
_SHOWN = rf"({'|'.join(_FLAGS)})|([\ud800-\udbff][\udc00-\udfff])|[{_HIDDEN}]"


def printable(text: str) -> str:
    r"""*text* with escapes like `\x1b` and `\u202e` for whatever steers a terminal or hides text; no carriage returns.

    `printable(printable(text)) == printable(text)`, and most text comes back as the same object.
    """
    if text.isprintable():
        return text
    import re

    return re.sub(_SHOWN, _visible, text)


def in_line(text: str) -> str:
    """`printable` for text that must stay on one line and in one cell: line feeds and tabs are escaped as well."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def pieces(texts: Iterable[str]) -> Iterator[str]:
    """`printable` for text that arrives in pieces; a piece may end in the middle of a character."""
    held = ""
    for text in texts:
        whole = held + text
        end = _end(whole)
        held = whole[end:]
        if end:
            yield printable(whole[:end])
    if held:
        yield printable(held)


def _end(text: str) -> int:
    """Where a character begins that the next piece may continue (a flag, a surrogate pair); else the end."""
    flag = text.rfind(_FLAG)
    if flag >= 0 and any(one != text[flag:] and one.startswith(text[flag:]) for one in _FLAGS):
        return flag
    return len(text) - ("\ud800" <= text[-1:] <= "\udbff")


def as_json(value: Any, indent: int | None = 2, *, ascii_only: bool = False) -> str:
    r"""*value* as JSON that is safe to show on any terminal.

    What `printable` would escape is written as `\uXXXX`, so nothing is lost.
    """
    import json
    import re

    return re.sub(f"[{_HIDDEN}]", _json_escape, json.dumps(value, ensure_ascii=ascii_only, indent=indent))


def _visible(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    if match[2]:  # a server cut it in two
        return printable(match[2].encode("utf-16", "surrogatepass").decode("utf-16"))
    code = ord(match[0])
    if code == 0x0D or match[0] in "\u061c\u200e\u200f":
        return ""
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    data = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))
