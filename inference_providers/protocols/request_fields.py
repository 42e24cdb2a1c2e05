"""What the fields of a request must be, in whichever API's words it came, and what is noted while they are read. Pure.

Google's are checked by `gemini_fields`: its servers read more spellings than one.
"""

from __future__ import annotations

from inference_providers.errors import InvalidRequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Notes:
    """losses: names of what was left out. reasons: why only who speaks the API itself can take the request."""

    __slots__ = ("losses", "reasons")

    def __init__(self) -> None:
        self.losses: dict[str, None] = {}
        self.reasons: dict[str, None] = {}

    def lose(self, name: str) -> None:
        """Something without a counterpart, which changes nothing of what is meant."""
        self.losses[name] = None

    def only_native(self, why: str) -> None:
        """Something without a counterpart, without which the request would mean something else."""
        self.reasons[why] = None

    @property
    def only(self) -> str:
        """All reasons, in words; empty where anybody can take the request."""
        return "; ".join(self.reasons)


def refused(why: str) -> InvalidRequestError:
    """The error that says what is wrong with a field."""
    return InvalidRequestError(f"Nothing was sent: {why}", code="invalid_request_error")


def _check(kind: type | tuple[type, ...], words: str) -> Callable[[Any, str], Any]:
    def check(value: Any, name: str) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise refused(f"{name} must be {words}, not {type(value).__name__}")
        return value

    return check


text = _check(str, "text")
array = _check(list, "a list")
mapping = _check(dict, "an object")
count = _check(int, "a whole number")
flag = _check(bool, "true or false")
number = _check((int, float), "a number")
