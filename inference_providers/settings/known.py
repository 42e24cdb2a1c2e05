"""The settings that there are: each is a variable that stands in a file."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TEXT, NAMES, PATH, PATHS, SWITCH, AMOUNTS = "text", "names", "path", "paths", "switch", "amounts"


class Setting:
    """One setting: its `name`, its `variable`, the `kind` of its values, and `what` it says, in words."""

    __slots__ = ("kind", "name", "variable", "what")

    def __init__(self, name: str, variable: str, kind: str, what: str) -> None:
        self.name, self.variable, self.kind, self.what = name, variable, kind, what

    def __repr__(self) -> str:
        return f"<Setting {self.name} ({self.variable})>"

    def text(self, value: Any) -> str:
        """A value of the file as the variable has it. Raises ValueError, which says what it has to be."""
        return _WRITTEN[self.kind](self.name, value)

    def value(self, text: str) -> Any:
        """What a person has typed as a value of the file. Raises ValueError."""
        return _READ[self.kind](self.name, text)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{name} must be text, as in {name} = "...", not {_shown(value)}')
    return value


def _names(name: str, value: Any, between: str = ",") -> str:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ValueError(f'{name} must be text, or a list of texts, as in {name} = ["...", "..."], not {_shown(value)}')
    return between.join(given)


def _paths(name: str, value: Any) -> str:
    for one in [value] if isinstance(value, str) else value if isinstance(value, list) else ():
        if isinstance(one, str):
            _check_whole(name, one)
    return _names(name, value, os.pathsep)


def _path(name: str, value: Any) -> str:
    _check_whole(name, _text(name, value))
    return str(value)


def _check_whole(name: str, path: str) -> None:
    """Raise ValueError for a path that begins where the user stands: it would mean another file in each folder."""
    if path and not os.path.isabs(path) and not path.startswith("~"):
        raise ValueError(f"{name}: {_shown(path)} must be a whole path: settings hold in every folder")


def _switch(name: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {_shown(value)}")
    return "1" if value else ""


def _amounts(name: str, value: Any) -> str:
    form = f"{name} = {{ per_day = 5 }}"
    if not isinstance(value, dict) or not all(isinstance(one, bool | int | float) for one in value.values()):
        raise ValueError(f"{name} must be a table of amounts of USD, as in {form}, not {_shown(value)}")
    return ",".join(f"{what}={str(one).lower()}" for what, one in value.items())


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _read_names(name: str, text: str) -> Any:
    found = [one.strip() for one in text.split(",") if one.strip()]
    return found[0] if len(found) == 1 else found


def _read_paths(name: str, text: str) -> Any:
    found = [one for one in text.split(os.pathsep) if one.strip()]
    return found[0] if len(found) == 1 else found


def _read_switch(name: str, text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.strip().lower() not in words:
        raise ValueError(f"{name} must be true or false, not {_shown(text)}")
    return words[text.strip().lower()]


def _read_amounts(name: str, text: str) -> dict[str, float | bool]:
    found: dict[str, float | bool] = {}
    for part in text.split(","):
        what, sign, amount = (one.strip() for one in part.partition("="))
        try:
            found[what] = amount == "true" if amount in ("true", "false") else float(amount)
        except ValueError:
            sign = ""
        if not sign:
            raise ValueError(f"{name} must be amounts of USD, as in per_day=5,per_call=0.1, not {_shown(text)}")
    return found


_WRITTEN = {TEXT: _text, NAMES: _names, PATH: _path, PATHS: _paths, SWITCH: _switch, AMOUNTS: _amounts}
_READ = {
    TEXT: lambda _, text: text.strip(),
    NAMES: _read_names,
    PATH: lambda _, text: text.strip(),
    PATHS: _read_paths,
    SWITCH: _read_switch,
    AMOUNTS: _read_amounts,
}

SETTINGS: dict[str, Setting] = {
    name: Setting(name, f"INFERENCE_PROVIDERS_{name.upper()}", kind, what)
    for name, kind, what in (
        ("model", NAMES, "the model, or models, best first, for calls that name none"),
        ("embedding_model", NAMES, "the same for vectors"),
        ("policy", TEXT, "in which order candidates are asked, such as cheapest or fastest"),
        ("budget", AMOUNTS, "what may be spent, in USD: per_call, per_day, per_month"),
        ("avoid", NAMES, "providers, countries or local that are never asked"),
        ("only", NAMES, "nobody but these is asked"),
        ("allow", NAMES, "providers that may have a general-purpose token unnamed"),
        ("offline", SWITCH, "ask nobody beyond this machine and private networks"),
        ("log", TEXT, "what of calls is logged: usage, text or off"),
        ("local_model", PATH, "a GGUF file that is started where there is nobody else to ask"),
        ("models", PATHS, "files with lists of models of your own"),
        ("plugins", NAMES, "off, or the packages whose plug-ins alone are used"),
        ("url", TEXT, "where updates of the registry are taken from"),
    )
}
SECTIONS = {  # tables of further words, each with what is in it
    "aliases": "your own names for models",
    "mcp": "MCP servers, a table each",
}
