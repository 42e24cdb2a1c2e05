"""What is said of a caller, as people and programs give it, checked. Pure."""

from __future__ import annotations

import json
import math
import re

from inference_providers.gateway.quotas import RATES, TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_TAKEN = ("admin", "administrator", "anybody")  # who asks without being a caller
_MOST_MODELS, _LONGEST_MODEL = 1000, 300
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_FAR = 32503680000.0  # the year 3000


class FieldError(ValueError):
    """What is said of a caller cannot be so. field: the name of what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownCallerError(FieldError):
    """There is no such caller."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}" if known else "there is none"
        super().__init__("name", f"no caller is called {name!r}; {there}")


def checked_name(name: Any) -> str:
    """A caller's name. Raises FieldError."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        form = "1 to 64 letters (a to z), digits or any of . _ @ -, the first of which is a letter or digit"
        raise FieldError("name", f"a caller's name has {form}, unlike {_shown(name)}")
    if name.lower() in _TAKEN:
        raise FieldError("name", f"{name!r} is not the name of a caller here; give another")
    return name


def checked(fields: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Values of columns. Raises FieldError."""
    for field in fields:
        if field not in _CHECKS:
            raise FieldError(field, f"a caller has no {field!r}; it has {', '.join(_CHECKS)}")
    return {field: _CHECKS[field](field, value, now) for field, value in fields.items()}


def _models(field: str, given: Any, now: float) -> str | None:
    if given is None:
        return None
    form = "a list of models' names, or null for all"
    if isinstance(given, str) or not isinstance(given, list | tuple) or not 1 <= len(given) <= _MOST_MODELS:
        raise FieldError(field, f"models must be {form}, not {_shown(given)}")
    names = []
    for name in given:
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_MODEL or not name.isprintable():
            raise FieldError(field, f"models must be {form}; {_shown(name)} is not a model's name")
        names.append(name.strip())
    return json.dumps(list(dict.fromkeys(names)), ensure_ascii=False)


def _tier(field: str, given: Any, now: float) -> str | None:
    if given is not None and (not isinstance(given, str) or given not in TIERS):
        raise FieldError(field, f"tier must be one of {', '.join(TIERS)}, or null for none, not {_shown(given)}")
    return given


def _rate(field: str, given: Any, now: float) -> int | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or not 1 <= given < 2**53):
        raise FieldError(field, f"{field} must be a whole number from 1 on, or null for none, not {_shown(given)}")
    return given


def _budget(field: str, given: Any, now: float) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < math.inf:
        raise FieldError(field, f"budget must be an amount of USD a month, 0 or more, or null, not {_shown(given)}")
    return float(given)


def _expires(field: str, given: Any, now: float) -> float | None:
    """When: `30d` from now, a date, or seconds since 1970."""
    if given is None:
        return None
    when = _moment(given, now)
    if when is None:
        form = "a time from now (12h, 30d, 8w), a date (2027-01-31), or, by HTTP, null for never"
        raise FieldError(field, f"expires must be {form}, not {_shown(given)}")
    if when <= now:
        raise FieldError(field, f"expires must lie in the future, unlike {_shown(given)}; `revoke` ends a key at once")
    return when


def _moment(given: Any, now: float) -> float | None:
    from datetime import UTC, datetime

    when: float | None = None
    if isinstance(given, int | float) and not isinstance(given, bool):
        when = float(given)
    elif isinstance(given, str) and (span := re.fullmatch(r"([0-9]{1,9})([mhdw])", given.strip())):
        when = now + int(span[1]) * _SECONDS[span[2]]
    elif isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given.strip())
            when = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return when if when is not None and 0 <= when < _FAR else None


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:77]}..."


_CHECKS = {
    "models": _models,
    "tier": _tier,
    **dict.fromkeys(RATES, _rate),
    "budget": _budget,
    "expires": _expires,
}
