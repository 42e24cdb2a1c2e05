"""What fields of a request to Google's API must be. Pure.

Names may be spelled either way (`topP`, `top_p`), whole numbers may be text, and one thing may stand for a list of one:
Google's own servers read all that.
"""

from __future__ import annotations

import re

from inference_providers.errors import InvalidRequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LARGEST = 2.0**53  # up to which whole numbers are exact as floats
_DIGITS = re.compile(r"-?[0-9]{1,15}").fullmatch
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]*+={0,2}+\s*+").fullmatch
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_]{0,63}").fullmatch
_FROM_URL = str.maketrans("-_", "+/")


def refused(why: str) -> InvalidRequestError:
    """The error for a request that cannot be passed on."""
    return InvalidRequestError(f"Nothing was sent: {why}", code="invalid_request_error")


def fields(value: Any, where: str) -> dict[str, Any]:
    """An object's fields that are set, by their names in camel case."""
    if not isinstance(value, dict):
        raise _not(value, where, "an object")
    found = {name: inner for name, inner in value.items() if inner is not None}
    for name in [name for name in found if "_" in name]:
        found.setdefault(camel(name), found.pop(name))
    return found


def camel(name: str) -> str:
    """`topP` for `top_p`."""
    head, *rest = name.strip("_").split("_")
    return head + "".join([part[:1].upper() + part[1:] for part in rest])


def several(value: Any, where: str) -> list[Any]:
    """A list; of one, where that stands alone."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise _not(value, where, "a list")
    return value


def text(value: Any, where: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise _not(value, where, "text")
    return value


def word(value: Any, where: str) -> str:
    """A value of an enumeration, in capitals."""
    return text(value, where).upper()


def flag(value: Any, where: str) -> bool:
    """Whether something is so."""
    if not isinstance(value, bool):
        raise _not(value, where, "true or false")
    return value


def number(value: Any, where: str) -> float:
    """A number that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise _not(value, where, "a number")
    return value


def whole(value: Any, where: str) -> int:
    """A whole number, also one that is told as `5.0` or `"5"`."""
    if isinstance(value, str) and _DIGITS(value):
        return int(value)
    if int(number(value, where)) != value:
        raise refused(f"{where} must be a whole number, not {value!r:.40}")
    return int(value)


def base64(value: Any, where: str) -> str:
    """Bytes in base64, of either alphabet, in the usual one."""
    said = text(value, where)
    if not _BASE64(said):
        raise refused(f"{where} is not base64")
    return usual_base64(said)


def usual_base64(said: str) -> str:
    """Base64 of either alphabet in the usual one, with what pads it."""
    if "-" in said or "_" in said:
        said = said.translate(_FROM_URL)
    said = "".join(said.split())
    return said if len(said) % 4 == 0 else said + "=" * (-len(said) % 4)


def rest(box: Mapping[str, Any], known: frozenset[str], losses: dict[str, None], head: str = "") -> None:
    """Note as lost what an object has beside the known fields."""
    for name in box:
        if name not in known:
            losses[f"{head}{name}" if _NAME(name) else f"{head}(unknown)"] = None


def _not(value: Any, where: str, words: str) -> InvalidRequestError:
    said = f" {value!r:.40}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    return refused(f"{where} must be {words}, not {type(value).__name__}{said}")
