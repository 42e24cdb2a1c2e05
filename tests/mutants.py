"""Copies of a module with one thing wrong: what a law that can fail has to notice."""

from __future__ import annotations

import inspect
from types import ModuleType


def mutant(module: ModuleType, right: str, wrong: str) -> ModuleType:
    """*module*, made of its source anew with *right* replaced by *wrong*; the real one stays as it is."""
    source = inspect.getsource(module)
    assert source.count(right) == 1, f"{module.__name__} holds {source.count(right)} times: {right}"
    made = ModuleType(module.__name__)
    made.__file__ = module.__file__
    exec(compile(source.replace(right, wrong), str(module.__file__), "exec"), made.__dict__)
    return made
