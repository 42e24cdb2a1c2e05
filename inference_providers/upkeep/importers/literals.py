"""Object literals of JavaScript, as generators and minifiers write them, read as data. Pure; nothing is run.

Strings, numbers, `true`, `!0`, `null`, `void 0`, objects and lists; keys with or without quotation marks. Anything
else (a call, a name, a spread) is no data, and refused.
"""

from __future__ import annotations

import json
import re

from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

CAP = 24 * 1024 * 1024  # bytes of a literal
_CHUNK = 1024 * 1024
_DIGITS = 100  # of a number
_TRIES = 50  # beginnings that are looked at: each may cost as much as a whole literal
_HEAD = 512  # bytes: more than the beginning that `_BEGINS` looks for
# `{name:{id:"name",env:[...]`: how a table of models.dev's rows begins, minified or as JSON.
_BEGINS = re.compile(
    rb'\{\s*"?[\w.-]{1,64}"?\s*:\s*\{\s*"?id"?\s*:\s*"[\w.-]{1,64}"\s*,\s*"?(?:env|name|npm|api|doc)"?\s*:'
)
_BALANCE = re.compile(rb"""\"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|`(?:[^`\\]|\\.)*+`|[{}\[\]]""", re.DOTALL)
_TOKEN = re.compile(
    r"""\s+|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|`(?:[^`\\$]|\\.)*+`|!0|!1|void 0|[^\W\d][\w$]*|\$[\w$]*"""
    r"""|-?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|[{}\[\],:]|.""",
    re.DOTALL,
)
_WORDS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "!0": "true",
    "!1": "false",
    "void 0": "null",
    "undefined": "null",
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def loads(text: str) -> Any:
    """The value of a literal. Raises ValueError for what is none, or goes beyond the limits of JSON from elsewhere."""
    parts: list[str] = []
    last = ""  # the token before, blanks aside
    pending = ""  # a token of which is not known yet whether it is a key
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token.isspace():
            continue
        if pending:
            parts.append(_key(pending) if token == ":" else _value(pending))
            pending = ""
        if token in "{}[],:":
            if token in "}]" and last == ",":
                parts.pop()
            parts.append(token)
        else:
            pending = token
        last = token
    if pending:
        parts.append(_value(pending))
    return jsontext.loads("".join(parts))


def _key(token: str) -> str:
    if token[0] in "\"'`":
        return _string(token)
    if not re.fullmatch(r"[\w$.]+", token):
        raise ValueError(f"{token[:20]!r} is no key")
    return json.dumps(token)


def _value(token: str) -> str:
    if token[0] in "\"'`":
        return _string(token)
    if token in _WORDS:
        return _WORDS[token]
    if token[0].isdigit() or token[0] in ".-":
        if len(token) > _DIGITS:
            raise ValueError("a number of too many digits")
        number = float(int(token, 16)) if "x" in token.lower() else float(token)
        return repr(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    raise ValueError(f"{token[:20]!r} is no data")


def _string(token: str) -> str:
    if len(token) < 2 or token[-1] != token[0]:
        raise ValueError("a text without an end")
    return json.dumps(_ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else token[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    if code := match[1] or match[2] or match[3]:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _ESCAPES.get(match[4], match[4])


def embedded(stream: IO[bytes], wanted: Any) -> Any:
    """The first table of rows within a program of which *wanted* says that it is the one; None if it has none.

    The program is read once, in pieces: no more than the literal's cap is held.
    """
    buffer, tries = stream.read(_CHUNK), 0
    while buffer and tries < _TRIES:
        match = _BEGINS.search(buffer)
        if match is None:
            more = stream.read(_CHUNK)
            buffer = buffer[-_HEAD:] + more if more else b""
            continue
        buffer, tries = buffer[match.start() :], tries + 1
        while len(buffer) < CAP and (more := stream.read(_CHUNK)):
            buffer += more
        found = _prefix(buffer)
        if found is not None and wanted(found):
            return found
        buffer = buffer[1:]
    return None


def _prefix(text: bytes) -> Any:
    """The literal that a text begins with; None where it begins with none."""
    depth = 0
    for match in _BALANCE.finditer(text, 0, CAP):
        token = match[0]
        depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
        if depth == 0:
            try:
                return loads(text[: match.end()].decode("utf-8", "replace"))
            except ValueError:
                return None
    return None
