"""Old paths of modules that have moved. They still work, with a DeprecationWarning."""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def moved(old: str, *new: str) -> Callable[[str], object]:
    """The `__getattr__` of a module that has moved: takes each name from the first of the *new* modules that has it."""

    def get(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        for module in new:
            __import__(module)
            try:
                value = getattr(sys.modules[module], name)
            except AttributeError:
                continue
            warnings.warn(f"{old} has moved: import {name} from {module}", DeprecationWarning, stacklevel=2)
            return value
        raise AttributeError(f"module {old!r} has no attribute {name!r}")

    return get
