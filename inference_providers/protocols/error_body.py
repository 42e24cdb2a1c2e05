"""What a server said in its own words, read from whatever shape it put them in. Pure.

A gateway holds the words of another server within its own, as an object or as JSON in a text: the innermost words are
what counts. Everything here looks at a text once or a few times, and at a bounded part of it: a server must not be able
to keep a program busy.
"""

from __future__ import annotations

import json
import re
from itertools import islice

from inference_providers.text import jsontext, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

LONGEST = 4096  # characters of a message that are told
_LOOKED = 1024  # characters of it in which words are looked for
_PAGE = 65536  # characters of a text body that are looked at
_LINE = 300  # characters of it that are told
_TAG = 500  # characters within a tag; what is longer is none
_UNSEEN = ("script", "style")  # elements whose text no reader sees
_SMALL_LETTERS = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # keeps every text's length
_ITEMS, _FIELDS, _LEVELS = 50, 200, 8  # of an error's lists and objects that are looked into
_READ = 4 * _PAGE  # characters of one error that are read, and
_PARTS = 300  # values

# What each thing is called, the likeliest first. A message may be a text, or hold what tells more of it.
_MESSAGES = (
    "message", "Message", "faultstring", "msg", "status_msg", "error_msg", "error_message", "errorMessage",
    "error_description", "detail", "description", "base_resp", "fault", "errors", "details", "Output", "cause",
    "response", "body", "title", "reason",
)  # fmt: skip
_CODES = ("code", "status_code", "statusCode", "error_code", "errorCode", "http_code", "errorcode", "Code")
_KINDS = ("type", "__type", "status", "reason", "error_type")
_PARAMS = ("param", "parameter", "field", "path")
_WITHIN = ("innererror", "inner_error")  # what only adds a code
_WAITS = {
    "retry_after": 1.0, "retryAfter": 1.0, "retry-after": 1.0, "retry_after_seconds": 1.0, "retryAfterSeconds": 1.0,
    "wait_seconds": 1.0, "waitSeconds": 1.0, "retryDelay": 1.0, "retry_delay": 1.0, "retry_in": 1.0,
    "resets_in_seconds": 1.0, "reset_in_seconds": 1.0,
    "retry_after_ms": 0.001, "retryAfterMs": 0.001, "retry-after-ms": 0.001,
}  # fmt: skip
_MOMENTS = ("resets_at", "reset_at", "resetsAt", "resetAt", "retry_at")
_SIZES = {"n_ctx": "limit", "n_prompt_tokens": "requested"}  # llama.cpp's
_STATUS = r"^[45]\d\d$"  # a code that is a status
_EMPTY_WORDS = ("error", "fail", "failure", "failed")  # types that say nothing
# A message of nobody: what it is about stands within.
_RELAYED = r"provider returned error|^litellm\.|error from provider|upstream|^error code: \d{3} - "
_MARKS = frozenset(("error", "errors", "detail", "fault", "Message", "base_resp"))  # an object with one is an error
_TELLING = frozenset(("type", "code", "status", "__type", "object", "request_id", "reason", "param"))


class ErrorDetails:
    """What a server said in its own words: message, code and type, wherever it put them.

    `param` is what it found fault with (`tools`, `messages.0.role`), `status` an HTTP status that it named as a code,
    `wait` the seconds that a field of its own asks for, `sizes` numbers of tokens in fields of their own, `headers`
    those that a gateway quotes, names in lower case. `relayed` says that the words are those of another server behind
    it. `text` is all of it, for looking for words.
    """

    __slots__ = ("code", "headers", "kind", "message", "param", "relayed", "sizes", "status", "text", "wait")

    def __init__(self, message: str, code: str, kind: str, *, param: str = "", further: str = "") -> None:
        """*further*: what it said besides, in which words are looked for as well."""
        self.message, self.code, self.kind, self.param = (
            printable(text[:LONGEST]) for text in (message, code, kind, param)
        )
        parts = (self.message[:_LOOKED], self.code[:_LINE], self.kind[:_LINE], printable(further[:_LOOKED]))
        self.text = "\n".join(" ".join(part.split()) for part in parts if part)
        self.status: int | None = None
        self.wait: float | None = None
        self.sizes: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.relayed = False

    def has(self, pattern: str) -> bool:
        """Whether message, code or type match."""
        return bool(re.search(pattern, self.text, re.IGNORECASE))

    def mapped(self, clean: Callable[[str], str]) -> ErrorDetails:
        """The same with each text as *clean* makes it."""
        made = ErrorDetails(clean(self.message), clean(self.code), clean(self.kind), param=clean(self.param))
        made.text = clean(self.text)
        made.status, made.wait, made.sizes, made.relayed = self.status, self.wait, self.sizes, self.relayed
        made.headers = self.headers
        return made


def error_details(body: Any) -> ErrorDetails:
    """Read an error body of any shape seen in the wild."""
    return _Reading().of(body)


class _Reading:
    """One error as it is read: what is said of it, the innermost first."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.kinds: list[str] = []
        self.further: list[str] = []
        self.param = ""
        self.wait: float | None = None
        self.sizes: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.relayed = False
        self.parts, self.left = 0, _READ

    def of(self, body: Any) -> ErrorDetails:
        """The error that a body tells of."""
        whole = body[0] if isinstance(body, list) and body else body
        message = self.read(whole, 0) if isinstance(whole, str | dict) else ""
        further = "\n".join(part for part in dict.fromkeys(self.further) if part != message)
        codes, kinds = (" ".join(dict.fromkeys(filter(None, texts))) for texts in (self.codes, self.kinds))
        made = ErrorDetails(message, codes, kinds, param=self.param, further=further)
        status = next((code for code in self.codes if re.search(_STATUS, code)), None)
        made.status = None if status is None else int(status)
        made.wait, made.sizes, made.relayed = self.wait, self.sizes, self.relayed
        made.headers = self.headers
        return made

    def read(self, value: Any, level: int) -> str:
        """The message in a value, the innermost."""
        self.parts += 1
        if value is None or isinstance(value, bool) or level > _LEVELS or self.parts > _PARTS:
            return ""
        if isinstance(value, dict):
            return self.read_object(value, level)
        if isinstance(value, list):
            return "; ".join(dict.fromkeys(filter(None, (self.read(item, level + 1) for item in value[:_ITEMS]))))
        if isinstance(value, str):
            return self.read_text(value, level)
        return str(value)[:LONGEST]

    def read_text(self, text: str, level: int) -> str:
        """A text, or what the JSON in it says."""
        text = text[: min(_PAGE, self.left)]
        self.left -= len(text)
        within, before = _json_in(text) if level < _LEVELS else (None, "")
        if within is not None:
            self.relayed |= bool(re.search(_RELAYED, before[:_LINE], re.IGNORECASE))
            inner = self.read(within, level + 1)
            if inner:
                self.further.append(before[:LONGEST])
                return inner
        if level == 0 or text.lstrip()[:1] == "<":
            if re.search(r"<!doctype html|<html|<head|<body", text[: 4 * _LINE], re.IGNORECASE):
                self.further.insert(0, "<html>")
            return plain(text)
        return text[:LONGEST]

    def read_object(self, error: Mapping[str, Any], level: int) -> str:
        own = self.own_words(error)
        inner = error.get("error")
        message = self.read(inner, level + 1) if isinstance(inner, dict | list) else ""
        message = self.behind(error.get("metadata"), level) or message
        for name in _MESSAGES:
            if message:
                break
            message = self.read(error[name], level + 1) if error.get(name) else ""
        if isinstance(inner, str) and inner:
            said = self.read(inner, level + 1)
            self.kinds.append(said[:LONGEST] if message else "")
            message = message or said
        self.beside(error)
        self.codes += own[0]
        self.kinds += own[1]
        return self.placed(error, message)

    def own_words(self, error: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Codes and kinds of one object, and what else it says in fields of their own."""
        codes = [_short(error[name]) for name in _CODES if _is_word(error.get(name))]
        codes += [
            _short(inner["code"])
            for name in _WITHIN
            if isinstance(inner := error.get(name), dict) and _is_word(inner.get("code"))
        ]
        kinds = [_short(error[name]) for name in _KINDS if _is_word(error.get(name))]
        self.read_waits(error)
        for name, size in _SIZES.items():
            if type(error.get(name)) is int:
                self.sizes.setdefault(size, error[name])
        return codes, [kind for kind in kinds if kind not in _EMPTY_WORDS]

    def read_waits(self, error: Mapping[str, Any]) -> None:
        """How long to wait: a span, or a moment, which is read as a sentence is."""
        for name, scale in _WAITS.items():
            if self.wait is None and name in error:
                self.wait = _told_wait(error[name], scale)
        self.further += [f"resets at {_short(error[name])}" for name in _MOMENTS if _is_word(error.get(name))]

    def behind(self, metadata: Any, level: int) -> str:
        """What a gateway was told by the server behind it."""
        if not isinstance(metadata, dict):
            return ""
        if metadata.get("reasons"):
            self.kinds.append("moderation flagged")
        self.read_waits(metadata)
        quoted = metadata.get("headers")
        for name, value in islice(quoted.items(), _ITEMS) if isinstance(quoted, dict) else ():
            self.headers[name.lower()] = _short(value)
        raw = metadata.get("raw")
        message = self.read(raw, level + 1) if raw else ""
        if message:
            self.relayed = True
        return message

    def beside(self, error: Mapping[str, Any]) -> None:
        """What stands beside the message: outer messages, Google's details."""
        for name in ("message", "detail"):
            if isinstance(said := error.get(name), str):
                self.further.append(said[:LONGEST])
                self.relayed |= bool(re.search(_RELAYED, said[:_LINE], re.IGNORECASE))
        self.further += [_short(one["message"]) for one in _list(error.get("error_chain")) if one.get("message")]
        details = error.get("details")
        for item in details[:_ITEMS] if isinstance(details, list) else ():
            if isinstance(item, dict):
                _, kinds = self.own_words(item)
                self.kinds += [kind for kind in kinds if not kind.startswith("type.googleapis")]
                for one in _list(item.get("fieldViolations")) + _list(item.get("violations")):
                    self.param = self.param or _short(one.get("field") or "")
                    self.kinds += [_short(one[name]) for name in ("quotaId", "quotaMetric") if _is_word(one.get(name))]

    def placed(self, error: Mapping[str, Any], message: str) -> str:
        """The message, with the place in the request that it is about, where that is told apart."""
        place = error.get("loc")
        if isinstance(place, list | str | int) and not isinstance(place, bool) and message:
            names = [_short(part) for part in (place[:_ITEMS] if isinstance(place, list) else [place])]
            self.param = self.param or ".".join(names[1:] if names[:1] == ["body"] and len(names) > 1 else names)
            return f"{'.'.join(names)}: {message}"
        for name in _PARAMS:
            if not self.param and isinstance(error.get(name), str):
                self.param = error[name][:LONGEST]
        return message


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value[:_ITEMS] if isinstance(item, dict)] if isinstance(value, list) else []


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _short(value: Any) -> str:
    """A value as text: JSON for what is not a text."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text[:LONGEST]


def _told_wait(value: Any, scale: float) -> float | None:
    from inference_providers.protocols.waits import seconds_of

    if isinstance(value, dict):  # as a message of protobuf, {"seconds": 17, "nanos": 500000000}
        value = value.get("seconds")
    found = seconds_of(str(value)[:LONGEST]) if _is_word(value) else None
    return None if found is None else found * scale


# An object within a text, in JSON or as Python writes it.

_OPEN = r"""[{\[]\s{0,99}[{"']"""
# One without an end reaches to the end of the text, so that nothing is read twice.
_QUOTED = r"""(?s)'[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z)|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|\b(?:None|True|False)\b"""
_CONSTANTS = {"None": "null", "True": "true", "False": "false"}


def _json_in(text: str) -> tuple[Any, str]:
    """The error that a text holds as JSON, and the text before it; None where it holds none."""
    whole = text.strip()
    if whole[:1] == '"' and len(whole) > 2:
        found = _decoded(whole)
        return (found, "") if isinstance(found, str) and found != text and _json_in_once(found) else (None, "")
    return _json_in_once(text) or (None, "")


def _json_in_once(part: str) -> tuple[Any, str] | None:
    for match in islice(re.finditer(_OPEN, part), 3):
        start = part[match.start() :]
        found = _decoded(start)
        if found is None and "'" in start[:_LINE]:
            found = _decoded(re.sub(_QUOTED, _as_json, start))
        one: Any = found[0] if isinstance(found, list) and found else found
        if isinstance(one, dict) and (one.keys() & _MARKS or ("message" in one and one.keys() & _TELLING)):
            return found, part[: match.start()]
        if isinstance(one, dict) and match.start() == 0 and part.rstrip()[-1:] in "}]" and "message" in one:
            return found, ""
    return None


def _decoded(text: str) -> Any:
    """The JSON value with which a text begins; None for none, and for one that nests too deep."""
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text)
        if isinstance(found, dict | list):
            jsontext.check(found)
    except (ValueError, RecursionError):
        return None
    return found


def _as_json(match: re.Match[str]) -> str:
    """A string or a constant of Python's as JSON has it."""
    word = match[0]
    if word[0] not in "'\"":
        return _CONSTANTS[word]
    if word[0] == '"' or len(word) < 2 or word[-1] != "'":  # of one without an end, nothing can be made
        return word
    return '"' + word[1:-1].replace("\\'", "'").replace('"', '\\"').replace("\\x", "\\u00") + '"'


def plain(text: str) -> str:
    """A text body in one line, tags of an HTML page removed, at most 300 characters."""
    text = text[:_PAGE]
    small = text.translate(_SMALL_LETTERS)
    begin, end = _Ahead(text, "<"), _Ahead(text, ">")
    ends = {name: _Ahead(small, f"</{name}>") for name in _UNSEEN}
    kept: list[str] = []
    place = signs = 0
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
            signs += 1
            if signs > _LINE:  # more than is told
                break
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
