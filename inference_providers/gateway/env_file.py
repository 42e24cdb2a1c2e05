"""A file with variables, which is read again when a gateway is told to: a process's own environment stays as it was."""

from __future__ import annotations

import re

from inference_providers import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_CAP = 1024 * 1024
_NAME = re.compile(r"(?:export\s+)?(\w+)\s*", re.ASCII)
_QUOTED = {"'": re.compile(r"'([^']*)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*)"')}
_COMMENT = re.compile(r"\s#")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def read_environ(path: str, environ: Mapping[str, str]) -> dict[str, str]:
    """*environ*, and what the file's lines `NAME=VALUE` say over it. Raises ValueError, with no word of the file.

    Lines may begin with `export`, be empty or comments; values may be in quotes. Nothing is expanded in them.
    """
    try:
        content = files.read_private(path, _CAP)
    except FileNotFoundError:
        raise ValueError(f"there is no file {path} to read variables from") from None
    except OSError as error:
        how = f" It holds keys: `chmod 600 {path}`." if isinstance(error, PermissionError) else ""
        raise ValueError(f"{path} is not read: {error.strerror}.{how}") from None
    try:
        found, wrong = _variables(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {number}: it is not UTF-8") from None
    if wrong is not None:
        raise ValueError(f"{path}, line {wrong}: it is not NAME=VALUE, with a value on one line")
    return {**environ, **found}


def _variables(text: str) -> tuple[dict[str, str], int | None]:
    """What the lines of a file say, and the number of the first that says nothing.

    It raises nothing: its local variables hold keys, and would stand in a traceback.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        before, sign, after = line.partition("=")
        name, value = _NAME.fullmatch(before), _value(after)
        if not sign or name is None or value is None or "\0" in value:
            return {}, number
        found[name[1]] = value
    return found, None


def _value(text: str) -> str | None:
    """What stands after `=`, without quotes and a comment; None for quotes that do not end, or end too soon."""
    bare = text.strip()
    if bare[:1] not in _QUOTED:
        comment = _COMMENT.search(text)
        return (text[: comment.start()] if comment else text).strip()
    quoted = _QUOTED[bare[0]].match(bare)
    if quoted is None:
        return None
    rest = bare[quoted.end() :]
    if rest and not _COMMENT.match(rest):
        return None
    return quoted[1] if bare[0] == "'" else _ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[1]), quoted[1])
