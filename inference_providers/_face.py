"""Faces of folders: a folder loads nothing until one of its names is first used."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def face(
    package: str, home: Mapping[str, tuple[str, ...]], *, modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose names live in the modules of *home* (PEP 562).

    modules: those exported whole, because their functions read best after the module's name.
    """
    where = {name: module for module, names in home.items() for name in names}
    names = sorted([*where, *modules])

    def get(name: str) -> object:
        module = where.get(name)
        if module is None:
            if name not in modules:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return _load(f"{package}.{name}")
        value = getattr(_load(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, value)  # so that the next look-up finds it
        return value

    return get, lambda: names, names


def _load(module: str) -> object:
    __import__(module)
    return sys.modules[module]
