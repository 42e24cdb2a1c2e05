"""What a cache is told, by its list and by a call: checked here. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

EXACT = "exact"
SQLITE, MEMORY = "sqlite", "memory"
DAY = 86_400.0
SIZE = 256 * 1024 * 1024  # bytes of all entries
ENTRY = 8 * 1024 * 1024  # bytes of one
_OF_CALLS = ("enabled", "ttl", "strategy", "caller")
_OF_LISTS = (*_OF_CALLS, "store", "path", "max_bytes", "shared")
_OTHER_WORDS = {"key_strategy": "strategy"}
_OF_SIMILAR = ("similarity_threshold", "embedding_model")  # what caches of similar questions are told elsewhere
_EXACT_ALONE = f'only "{EXACT}" is there; docs/cache.md says why'


class Settings:
    """What holds for a call.

    enabled: whether replies are looked for and kept. ttl: seconds for which one is kept, and how old one may be; None
    for no limit. strategy: `exact`, the only one. caller: whose replies they are, beside the keys in use. shared: they
    are everybody's. store, path, max_bytes: where they are kept, and how much of them.
    """

    __slots__ = ("caller", "enabled", "max_bytes", "path", "shared", "store", "strategy", "ttl")

    def __init__(self) -> None:
        self.enabled, self.strategy, self.caller, self.shared = True, EXACT, "", False
        self.ttl: float | None = DAY
        self.store, self.path, self.max_bytes = "", "", SIZE

    @classmethod
    def of(cls, given: Any) -> Self:
        """Those of a list: `True`, `False`, or options by name. Raises TypeError and ValueError."""
        made = cls()
        made._take(_options(given), _OF_LISTS)
        return made

    def for_call(self, given: Any) -> Settings:
        """The same with what one call says. Raises TypeError and ValueError."""
        if given is None:
            return self
        made = Settings()
        for name in Settings.__slots__:
            setattr(made, name, getattr(self, name))
        made.enabled = True  # a call that speaks of the cache wants it, unless it says that it does not
        made._take(_options(given), _OF_CALLS)
        return made

    def _take(self, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for word, value in options.items():
            name = _OTHER_WORDS.get(word, word)
            if name in _OF_SIMILAR:
                raise ValueError(f"a cache has no {word}: {_EXACT_ALONE}")
            if name not in known:
                raise ValueError(f"a cache knows no {word!r} here; it knows {', '.join(known)}")
            setattr(self, name, _CHECKS[name](name, value))


def _options(given: Any) -> Mapping[str, Any]:
    if given is True or given is False:
        return {"enabled": given}
    if not isinstance(given, Mapping):
        raise TypeError(f"cache must be True, False or a dict of its options, not {type(given).__name__}")
    return given


def _is_flag(name: str, value: Any) -> bool:
    if value is not True and value is not False:
        raise TypeError(f"a cache's {name} must be True or False, not {value!r}")
    return bool(value)


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"a cache's {name} must be a number of seconds above 0, or None for no limit, not {value!r}")
    return float(value)


def _strategy(name: str, value: Any) -> str:
    if value != EXACT:
        raise ValueError(f"a cache's {name} cannot be {value!r}: {_EXACT_ALONE}")
    return EXACT


def _store(name: str, value: Any) -> str:
    """One of ours, or of a plug-in's: which there are is known where it is made."""
    if not isinstance(value, str) or not value:
        raise no_store(value)
    return value


def no_store(value: Any, others: Iterable[str] = ()) -> ValueError:
    """What to say of a store that nobody has. *others*: those of plug-ins."""
    known = " or ".join(f'"{name}"' for name in (SQLITE, MEMORY, *others))
    return ValueError(f"a cache's store must be {known}, not {value!r}")


def _text(name: str, value: Any) -> str:
    import os

    value = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(value, str) or not value:
        raise TypeError(f"a cache's {name} must be text, not {value!r}")
    return value


def _size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"a cache's {name} must be a number of bytes, 1 or more, not {value!r}")
    return value


_CHECKS: Mapping[str, Any] = {
    "enabled": _is_flag,
    "ttl": _seconds,
    "strategy": _strategy,
    "caller": _text,
    "store": _store,
    "path": _text,
    "max_bytes": _size,
    "shared": _is_flag,
}
