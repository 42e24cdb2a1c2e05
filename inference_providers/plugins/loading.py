"""Plug-ins as objects: imported when they are asked for, checked, and left out with a warning where they are broken."""

from __future__ import annotations

import json
import re
import sys
from contextlib import redirect_stdout

from inference_providers.files import folders
from inference_providers.plugins.discovery import (
    DIALECTS,
    ENGINES,
    GROUPS,
    PROVIDERS,
    STORES,
    TEMPLATES,
    TOOLS,
    declared,
    installed_path,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from inference_providers.plugins.discovery import Declaration

VERSION = 1  # of the interface: raised where plug-ins would have to change
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_SHOWN = 500  # characters of an error
_known: dict[tuple[str, ...], Plugin] = {}


class Plugin:
    """One plug-in: what is declared of it, and its object, or the problem for which it is left out."""

    __slots__ = ("declaration", "examined", "problem", "value")

    def __init__(self, declaration: Declaration) -> None:
        self.declaration, self.problem, self.examined = declaration, "", False
        self.value: Any = None
        try:
            self.value = _imported(declaration)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (whatever a package does must not end a program)
            self.problem = str(error) if type(error) is _UnfitError else said_by(error)

    def __repr__(self) -> str:
        return f"<Plugin {self.name}, {self.problem or 'sound'}>"

    @property
    def name(self) -> str:
        """By which it is asked for."""
        return self.declaration.name

    @property
    def package(self) -> str:
        """Whose it is, with its version."""
        return f"{self.declaration.package} {self.declaration.version}".strip()

    @property
    def warning(self) -> str:
        """What a person should know of one that is left out."""
        kind = self.declaration.group.removesuffix("s")
        return f"The plug-in {self.name!r} ({kind}) of {self.package} is left out: {self.problem}"

    def faulty(self, problem: str) -> Plugin:
        """The same one, left out for what is wrong with it beside others that are installed."""
        made = object.__new__(Plugin)
        made.declaration, made.value, made.examined, made.problem = self.declaration, None, True, problem
        return made


def objects(group: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The sound plug-ins of a group by name; what is wrong with others is told once."""
    return {one.name: one.value for one in sound(loaded(environ, group))}


def sound(plugins: Iterable[Plugin]) -> list[Plugin]:
    """Those without a problem; that of each other is told once."""
    kept = []
    for one in plugins:
        if one.problem:
            folders.warn_once(one.warning)
        else:
            kept.append(one)
    return kept


def loaded(environ: Mapping[str, str], *groups: str) -> list[Plugin]:
    """All plug-ins of these groups, or of all; those that are broken, too."""
    found = []
    for group in groups or GROUPS:
        declarations = declared(environ, group)
        for one in declarations:
            key = (one.group, one.name, one.target, one.package, one.version)
            plugin = _known.get(key)
            if plugin is None:
                plugin = _known[key] = Plugin(one)
            found.append(_alone(plugin, declarations))
    return found


def _alone(plugin: Plugin, declarations: Iterable[Declaration]) -> Plugin:
    """A plug-in, or, where another package has one of its name, the same with that as its problem.

    Neither is taken: whoever was installed later must not come in the place of what a person knows.
    """
    own = plugin.declaration
    others = sorted({one.package for one in declarations if one.name == own.name and one.package != own.package})
    if not others:
        return plugin
    return plugin.faulty(f"{' and '.join(others)} has one of the same name; uninstall one of them")


def said_by(error: BaseException) -> str:
    """The kind and the message of an error of somebody else's code, which may be long, or fail itself."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001
        message = ""
    return f"{type(error).__name__}: {message}"[:_SHOWN]


class _UnfitError(Exception):
    """What is wrong with a plug-in, in words."""


def _imported(declaration: Declaration) -> Any:
    """The object that an entry point names. Raises _UnfitError, and whatever its module does."""
    if not re.fullmatch(_NAME, declaration.name):
        raise _UnfitError("its name may hold letters, digits, dots, dashes and underscores alone")
    module_name, _, attributes = (part.strip() for part in declaration.target.partition(":"))
    path = list(sys.path)
    sys.path[:] = installed_path()  # a file of the current directory must not come in the module's place
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no answer
            __import__(module_name)
    finally:
        sys.path[:] = [*path, *(folder for folder in sys.path if folder not in path)]
    value: Any = sys.modules[module_name]
    _check_version(declaration, module_name, getattr(value, "requires", None))
    for attribute in filter(None, attributes.split(".")):
        value = getattr(value, attribute)
    if declaration.group in (PROVIDERS, ENGINES) and callable(value):
        value = value()
    fits, wanted = _SHAPES[declaration.group]
    if not fits(value):
        raise _UnfitError(f"{declaration.target} must be {wanted}, not {type(value).__name__}")
    # A copy, of nothing but what JSON has: what was found fit must stay so.
    return json.loads(json.dumps(value)) if declaration.group in (PROVIDERS, ENGINES) else value


def _check_version(declaration: Declaration, module: str, requires: Any) -> None:
    if type(requires) is not int:
        raise _UnfitError(f"{module} does not say which version of the interface it needs (`requires = {VERSION}`)")
    if requires != VERSION:
        older = "inference_providers" if requires > VERSION else declaration.package
        raise _UnfitError(f"it needs version {requires} of the interface, and this is {VERSION}; upgrade {older}")


def _is_dialect(value: Any) -> bool:
    methods = (getattr(value, name, None) for name in ("read", "reply"))
    return isinstance(getattr(value, "path", None), str) and all(map(callable, methods))


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


_ROWS = "a dict in the form of json_merge, or a function that gives one"
_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    PROVIDERS: (_is_dict, _ROWS),
    ENGINES: (_is_dict, _ROWS),
    DIALECTS: (_is_dialect, "an object with `path`, `read` and `reply`"),
    TOOLS: (callable, "a function"),
    TEMPLATES: (lambda value: isinstance(value, dict | str), "a text, or a dict"),
    STORES: (callable, "a function that gives a mapping"),
}
