"""What others rely on, as text: public names with their signatures, commands with their options and exit codes.

    python -m tests.api           prints it
    python -m tests.api --write   keeps it in tests/data/api.txt (`make api`)

Annotations are left out: a type may be told more exactly without anybody's call breaking.
"""

from __future__ import annotations

import ast
import configparser
import enum
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from typing import Any

import click

import inference_providers
from tests.conftest import ROOT

SPECIAL = (
    "__iter__", "__next__", "__aiter__", "__anext__", "__enter__", "__exit__", "__aenter__", "__aexit__",
    "__await__", "__getitem__", "__len__", "__call__", "__str__", "__bool__", "__contains__",
)  # fmt: skip
PATH = ROOT / "tests" / "data" / "api.txt"


def signature(function: Any) -> str:
    """Names, kinds and defaults of parameters."""
    try:
        given = inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in given.parameters.values()]
    return str(given.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def members(kind: type, package: str = "inference_providers") -> Iterator[str]:
    """What a class gives: methods, properties, attributes; also what it has from other classes of this package."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if owner.__module__.startswith(package):
            found |= {name: f"{name}: attribute" for name in attributes(owner)}
            found |= {name: member(name, value) for name, value in vars(owner).items()}
    yield from (found[name] for name in sorted(found) if not name.startswith("_"))
    if usable := [name for name in SPECIAL if name in found]:
        yield f"supports {', '.join(usable)}"


def attributes(owner: type) -> Iterator[str]:
    """What instances have: what the class declares, and what its methods set on themselves."""
    yield from inspect.get_annotations(owner)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(owner)))):
        is_set = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if is_set and isinstance(node.value, ast.Name) and node.value.id in ("self", "made"):
            yield node.attr


def construction(kind: type) -> str:
    """The parameters with which one is made."""
    if issubclass(kind, enum.Enum):
        return "(value)"
    made = vars(kind).get("__new__")
    return signature(made.__func__).replace("(cls, ", "(") if made is not None else signature(kind)


def member(name: str, value: Any) -> str:
    """One member, as a line."""
    if isinstance(value, property | cached_property):
        settable = isinstance(value, property) and value.fset is not None
        return f"{name}: property{', settable' if settable else ''}"
    if isinstance(value, classmethod | staticmethod):
        return f"{name}{signature(value.__func__)}: {type(value).__name__}"
    if inspect.iscoroutinefunction(value):
        return f"async {name}{signature(value)}"
    if inspect.isfunction(value):
        return f"{name}{signature(value)}"
    if inspect.ismemberdescriptor(value):
        return f"{name}: attribute"
    return (
        f"{name} = {value!r}"
        if isinstance(value, str | int | float | bool | None)
        else f"{name}: {type(value).__name__}"
    )


def public(name: str) -> Iterator[str]:
    """One public name, with what belongs to it."""
    value = getattr(inference_providers, name)
    if not isinstance(value, type):
        kind = "async def" if inspect.iscoroutinefunction(value) else "def"
        yield f"{kind} {name}{signature(value)}" if callable(value) else f"{name}: {type(value).__name__}"
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    yield f"class {name}({bases})"
    if "__init__" in vars(value) or not issubclass(value, Exception):
        yield f"    {name}{construction(value)}"
    yield from (f"    {line}" for line in members(value))


def command(path: str, given: click.Command) -> Iterator[str]:
    """One command of the command line, and those below it."""
    yield path
    for parameter in given.params:
        yield f"    {option(parameter)}"
    if isinstance(given, click.Group):
        for name in sorted(given.commands):
            yield from command(f"{path} {name}", given.commands[name])


def option(given: click.Parameter) -> str:
    """One option or argument, with what it takes."""
    names = ", ".join([*given.opts, *given.secondary_opts])
    words = [names if isinstance(given, click.Option) else f"{(given.name or '').upper()}"]
    if isinstance(given, click.Option) and given.is_flag:
        words.append("flag")
    else:
        words.append(
            given.type.name if not isinstance(given.type, click.Choice) else "|".join(map(str, given.type.choices))
        )
    words += ["required"] * given.required
    words += ["repeatable"] * (given.multiple if isinstance(given, click.Option) else given.nargs == -1)
    return " ".join(words)


def entry_points() -> Iterator[str]:
    """What setup.cfg declares for installers and for pytest."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    for group, lines in setup["options.entry_points"].items():
        for line in filter(None, map(str.strip, lines.splitlines())):
            name, _, place = line.partition(" = ")
            module, _, attribute = place.partition(":")
            loaded = import_module(module)
            assert not attribute or callable(getattr(loaded, attribute))
            yield f"{group}: {name}"


def exit_codes() -> Iterator[str]:
    """What programs that call the commands look at."""
    from inference_providers.cli import exit_codes as exits

    for name, value in sorted(vars(exits).items(), key=lambda item: str(item[1])):
        if name.isupper() and isinstance(value, int):
            yield f"{value} {name}"
    for kind, code in exits._CODES:
        yield f"{code} for {kind.__name__}"


def fixtures() -> Iterator[str]:
    """What the pytest plug-in gives."""
    from inference_providers.testing import pytest_plugin

    for name, value in sorted(vars(pytest_plugin).items()):
        if "Fixture" in type(value).__name__:
            yield f"fixture {name}"
        elif name.startswith("pytest_"):
            yield f"hook {name}"
    yield "class Stand"
    yield from (f"    {line}" for line in members(pytest_plugin.Stand))


def text() -> str:
    """All of it."""
    from inference_providers.cli.ask import main as ask
    from inference_providers.cli.main import main

    parts = [
        ("inference_providers", [line for name in sorted(inference_providers.__all__) for line in public(name)]),
        ("entry points", list(entry_points())),
        ("pytest plug-in", list(fixtures())),
        ("commands", [*command("ask-ai", ask), *command("inference-providers", main)]),
        ("exit codes", list(exit_codes())),
    ]
    return "\n".join(f"# {title}\n\n" + "\n".join(lines) + "\n" for title, lines in parts)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PATH.write_text(text(), "utf-8")
    else:
        print(text(), end="")
