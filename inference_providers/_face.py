"""Faces of folders: a folder gives its names when they are first asked for, and loads nothing before."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def face(
    package: str, home: Mapping[str, tuple[str, ...]], *, modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names live in the modules of *home* (PEP 562).

    modules: those that are given whole, since their functions read best with the module's name before them.
    Every start of a program makes several faces, so nothing is worked out before it is asked for.
    """

    def names() -> list[str]:
        return sorted([*modules, *(name for given in home.values() for name in given)])

    def get(name: str) -> object:
        for module, given in home.items():
            if name in given:
                value = getattr(_load(f"{package}.{module}"), name)
                setattr(sys.modules[package], name, value)  # asked for once
                return value
        if name in modules:
            return _load(f"{package}.{name}")
        if name == "__all__":
            return names()
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, names


def _load(module: str) -> object:
    __import__(module)
    return sys.modules[module]
