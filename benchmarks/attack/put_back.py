"""Faults that the package once had, put back one at a time: an attack that does not find its fault proves nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from benchmarks.attack.kit import FAULT


class Fault:
    """One fault: what it was, which attack must find it within how many tries, and how it is put back."""

    def __init__(self, name: str, attack: str, tries: int, back: Callable[[], AbstractContextManager[Any]]) -> None:
        self.name, self.attack, self.tries, self._back = name, attack, tries, back

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Have it in this process, and in the programs that attacks start."""
        before = os.environ.get(FAULT)
        os.environ[FAULT] = self.name
        try:
            with self._back():
                yield
        finally:
            os.environ.pop(FAULT)
            if before is not None:
                os.environ[FAULT] = before


def as_here() -> None:
    """In a program that an attack started: have the fault that the attack has. It stays to the program's end."""
    name = os.environ.get(FAULT)
    if name is not None:
        from benchmarks.attack.faults import FAULTS

        _kept.enter_context(FAULTS[name].put_back())


_kept = ExitStack()


@contextmanager
def having(owner: Any, **values: Any) -> Iterator[None]:
    """A module or class with other functions or values."""
    before = {name: vars(owner)[name] for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


@contextmanager
def everywhere(module: Any, name: str, fault: Any) -> Iterator[None]:
    """`having` for a function that other modules have imported by its name."""
    right = getattr(module, name)

    def put(old: Any, new: Any) -> None:
        for one in [one for key, one in sys.modules.items() if key.startswith("inference_providers")]:
            for key in [key for key, value in vars(one).items() if value is old]:
                setattr(one, key, new)

    put(right, fault)
    try:
        yield
    finally:
        put(fault, right)


@contextmanager
def together(*backs: AbstractContextManager[Any]) -> Iterator[None]:
    """Several at once."""
    with ExitStack() as stack:
        for back in backs:
            stack.enter_context(back)
        yield
