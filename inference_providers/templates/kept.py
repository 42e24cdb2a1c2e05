"""Templates by their names: those of the user, a file `NAME.toml` each, and those of plug-ins."""

from __future__ import annotations

import os
import re
import tomllib

from inference_providers.files import folders, replacing
from inference_providers.plugins import TEMPLATES, objects
from inference_providers.templates.template import Template, toml_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}"
_CAP = 1024 * 1024  # bytes of a file
_ENDING = ".toml"


class TemplateError(ValueError):
    """A template is not there, or cannot be read; the message says which, and why."""


def folder(environ: Mapping[str, str]) -> str:
    """Where templates are. Raises TemplateError for a user without a home."""
    own = folders.own("config", environ)
    if own is None:
        raise TemplateError(f"There is no folder for templates: {folders.NO_HOME}.")
    return os.path.join(own, "templates")


def path_of(name: str, environ: Mapping[str, str]) -> str:
    """The file of a template, whether it is there or not. Raises TemplateError for a name that could lead elsewhere."""
    if not re.fullmatch(_NAME, name) or name.endswith("."):
        raise TemplateError(f"{name!r} cannot be a template's name: use letters, digits, - and _.")
    return os.path.join(folder(environ), name + _ENDING)


def names(environ: Mapping[str, str]) -> list[str]:
    """The templates that there are. Raises TemplateError for a folder that cannot be read."""
    try:
        found = os.listdir(folder(environ))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TemplateError(f"{folder(environ)} cannot be read: {error.strerror}.") from None
    return sorted(
        name.removesuffix(_ENDING)
        for name in found
        if name.endswith(_ENDING) and re.fullmatch(_NAME, name.removesuffix(_ENDING))
    )


def every(environ: Mapping[str, str]) -> list[str]:
    """The user's templates and those of plug-ins. Raises TemplateError for a folder that cannot be read."""
    return sorted({*names(environ), *objects(TEMPLATES, environ)})


def find(name: str, environ: Mapping[str, str]) -> Template:
    """A template by its name, the user's own before that of a plug-in.

    Raises TemplateError for one that is not there, or not as it should be. A file that others can write is not read: a
    template may name functions that are then called.
    """
    text = _read(name, environ)
    if text is None:
        return _plugin(name, environ)
    try:
        return Template(name, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        why = "it nests too deep" if isinstance(error, RecursionError) else error
        raise TemplateError(f"The template {path_of(name, environ)} is not TOML: {why}.") from None
    except ValueError as error:
        raise TemplateError(f"{path_of(name, environ)}: {error}.") from None


def text_of(name: str, environ: Mapping[str, str]) -> str:
    """The file of a template, or what the file of a plug-in's would be. Raises what `find` raises."""
    found = find(name, environ)
    return _read(name, environ) or toml_of(found.content)


def _read(name: str, environ: Mapping[str, str]) -> str | None:
    """The file of a template; None where there is none. Raises TemplateError."""
    path = path_of(name, environ)
    if why := folders.distrust(folder(environ)):
        raise TemplateError(f"Templates are not read: {why}.")
    try:
        data = folders.read(path, _CAP + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TemplateError(f"The template {path} cannot be read: {error.strerror}.") from None
    if len(data) > _CAP:
        raise TemplateError(f"The template {path} is larger than {_CAP // 1024 // 1024} MiB.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise TemplateError(f"The template {path} is not text in UTF-8.") from None


def _plugin(name: str, environ: Mapping[str, str]) -> Template:
    """The template that a plug-in of this name is. Raises TemplateError."""
    content = objects(TEMPLATES, environ).get(name)
    if content is None:
        raise TemplateError(_missing(name, environ))
    try:
        return Template(name, {"prompt": content} if isinstance(content, str) else content)
    except ValueError as error:
        raise TemplateError(f"A plug-in's template cannot be used: {error}.") from None


def save(name: str, content: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Write a new template; its path. Raises TemplateError if there is one, and OSError."""
    path = path_of(name, environ)
    Template(name, content)
    if os.path.lexists(path):
        raise TemplateError(
            f"There is a template {name} already. `inference-providers templates edit {name}` changes it, "
            f"`inference-providers templates remove {name}` removes it."
        )
    folders.make(folder(environ))
    with replacing(path, text=True, mode=0o600) as file:
        file.write(toml_of(content))
    return path


def _missing(name: str, environ: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    known = every(environ)
    close = get_close_matches(name, known, 3, 0.5) or known[:10]
    there = f"There is: {', '.join(close)}." if close else "There is none yet; `ask-ai --save NAME ...` writes one."
    return f"There is no template {name!r}. {there}"
