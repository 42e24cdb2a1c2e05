"""What the classes of an engine's settings have in common: which fields were set, and how dicts become them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Self

from inference_providers.chat import parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Params:
    """Settings as a dataclass that knows which of its fields were set.

    An instance brings the defaults of its class with it (`brings_defaults`); one that was made from a dict says only
    what the dict says.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Note which fields are set: a default that is passed explicitly counts."""
        new = super().__new__(cls)
        names = (row.name for row in _rows(cls))
        new.__dict__["_explicit"] = {*kwargs, *(name for name, _ in zip(names, args, strict=False))}
        new.__dict__["_brings_defaults"] = True
        return new

    @property
    def brings_defaults(self) -> bool:
        """Whether fields that were not set count with their defaults."""
        return bool(self.__dict__.get("_brings_defaults"))

    def is_set(self, name: str) -> bool:
        """Whether a field was passed, or set since."""
        row = next(row for row in _rows(type(self)) if row.name == name)
        return name in self.__dict__["_explicit"] or getattr(self, name) != _default(row)

    def given(self) -> dict[str, Any]:
        """The fields that were passed, or set since; None counts as not set."""
        values = {row.name: getattr(self, row.name) for row in _rows(type(self)) if self.is_set(row.name)}
        return {name: value for name, value in values.items() if value is not None}

    def beyond(self, honoured: Collection[str]) -> list[str]:
        """The fields that are not *honoured* and differ from their defaults, as `name=value`."""
        rows = [row for row in _rows(type(self)) if row.name not in honoured]
        return [
            f"{row.name}={getattr(self, row.name)!r:.40}" for row in rows if getattr(self, row.name) != _default(row)
        ]


def _rows(kind: Any) -> tuple[Any, ...]:
    return fields(kind)


def _default(row: Any) -> Any:
    return row.default if row.default_factory is MISSING else row.default_factory()


def coerced(kind: Any, value: Any) -> Any:
    """*value* as an instance of *kind*, built from a dict if it is one. Raises TypeError."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, dict):
        # The value itself is not shown: it may be a key.
        raise TypeError(f"give {kind.__name__}(...) or a dict, not {type(value).__name__}")
    names = {row.name for row in fields(kind)}
    if unknown := sorted(set(value) - names):
        raise TypeError(
            f"{kind.__name__} has no {parameters.listed(unknown)}; it has {parameters.listed(sorted(names))}"
        )
    made = kind(**value)
    made.__dict__["_brings_defaults"] = False
    return made


def at_least(least: float, **values: Any) -> None:
    """Raise TypeError for what are no numbers, ValueError for those below *least*; None is no value."""
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(f"{name} must be a number, not {value!r:.80}")
        if not value >= least or value == float("inf"):
            raise ValueError(f"{name} must be at least {least}, not {value!r}")


def whole(**values: Any) -> None:
    """Raise TypeError for what are no whole numbers; None is no value."""
    for name, value in values.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(f"{name} must be a whole number, not {value!r:.80}")
