"""A template: a question with places to fill in, and the options that go with it. Pure."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

INPUT = "input"  # the place for what is asked and piped
_PLACE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_TEXTS = ("prompt", "system")
_LISTS = ("tools", "mcp")
KEYS = ("prompt", "system", "model", "options", "schema", "defaults", "tools", "mcp")


class Template:
    """A template as its file says it.

    prompt and system are texts in which `$name` or `${name}` is a variable and `$$` a dollar sign; any other dollar
    sign stands for itself. models: best first. options: parameters of the model. schema: a text or a JSON Schema.
    defaults: values of variables. tools and mcp: what the model may call, as `--tool` and `--mcp` name it.
    """

    __slots__ = ("content", "defaults", "mcp", "models", "name", "options", "prompt", "schema", "system", "tools")

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        self.name = name
        _check(name, content)
        self.content = content
        self.prompt: str = content.get("prompt", "")
        self.system: str | None = content.get("system")
        model = content.get("model", [])
        self.models: list[str] = [model] if isinstance(model, str) else list(model)
        self.options: dict[str, Any] = dict(content.get("options", {}))
        self.schema: Any = content.get("schema")
        self.defaults: dict[str, str] = {key: str(value) for key, value in content.get("defaults", {}).items()}
        self.tools: list[str] = list(content.get("tools", []))
        self.mcp: list[str] = list(content.get("mcp", []))
        if INPUT in places(self.system or ""):
            raise ValueError(f"the template {name}: ${INPUT} belongs into the prompt, not into the system prompt")

    def __repr__(self) -> str:
        return f"<Template {self.name}>"

    @property
    def variables(self) -> list[str]:
        """The variables of prompt and system prompt, without the input."""
        found = [*places(self.system or ""), *places(self.prompt)]
        return [name for name in dict.fromkeys(found) if name != INPUT]

    @property
    def has_input(self) -> bool:
        """Whether the prompt has a place for what is asked and piped."""
        return INPUT in places(self.prompt)

    def check(self, given: Mapping[str, str]) -> None:
        """Raise ValueError where a variable has no value, or a value no variable."""
        known = self.variables
        if missing := [name for name in known if name not in given and name not in self.defaults]:
            wanted = " ".join(f"-p {name}=..." for name in missing)
            raise ValueError(f"the template {self.name} needs {wanted}; $$ in it stands for a dollar sign")
        if unknown := [name for name in given if name not in known and name != INPUT]:
            has = ", ".join(f"${name}" for name in known) or "none"
            raise ValueError(f"the template {self.name} has no variable ${unknown[0]}; it has {has}")

    def system_with(self, given: Mapping[str, str]) -> str | None:
        """The system prompt with these values. Raises what `check` raises."""
        self.check(given)
        return None if self.system is None else filled(self.system, {**self.defaults, **given})

    def prompt_with(self, text: str, given: Mapping[str, str]) -> str:
        """The question: the prompt with these values, and with *text* in the place of the input, or behind it.

        Raises what `check` raises, and ValueError where there is a place for an input, and none.
        """
        self.check(given)
        values = {**self.defaults, **given}
        if not self.has_input:
            return "\n\n".join(part for part in (filled(self.prompt, values), text) if part)
        if text:
            values[INPUT] = text
        if not values.get(INPUT):
            raise ValueError(
                f"the template {self.name} is about something: give it behind the options, or on standard input"
            )
        return filled(self.prompt, values)


def places(text: str) -> list[str]:
    """The variables of a text."""
    return [found[2] or found[3] for found in _PLACE.finditer(text) if not found[1]]


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables replaced, once: what a value holds is not looked at again."""
    return _PLACE.sub(lambda found: "$" if found[1] else values[found[2] or found[3]], text)


def _check(name: str, content: Mapping[str, Any]) -> None:
    """Raise ValueError for what is not a template."""
    where = f"the template {name}"
    if unknown := [key for key in content if key not in KEYS]:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; it may have {', '.join(KEYS)}")
    for key in _TEXTS:
        if not isinstance(content.get(key, ""), str):
            raise ValueError(f"{where}: {key} must be text")
    if not (isinstance(content.get("model", ""), str) or _is_texts(content["model"])):
        raise ValueError(f"{where}: model must be a name, or a list of names")
    for key in _LISTS:
        if not _is_texts(content.get(key, [])):
            raise ValueError(f"{where}: {key} must be a list of texts")
    if near := [tool for tool in content.get("tools", []) if _is_near(tool)]:
        raise ValueError(
            f"{where}: the tool {near[0]} must be named by its whole path: a template is used in every folder, and "
            "what lies there would be run"
        )
    if not isinstance(content.get("options", {}), dict):
        raise ValueError(f"{where}: options must be a table")
    defaults = content.get("defaults", {})
    if not (isinstance(defaults, dict) and all(isinstance(one, str | int | float) for one in defaults.values())):
        raise ValueError(f"{where}: defaults must be a table of variables and texts")
    if not isinstance(content.get("schema", ""), str | dict):
        raise ValueError(f"{where}: schema must be text, or a table that is a JSON Schema")


def _is_near(tool: str) -> bool:
    """Whether a tool is in a file whose path begins in the current directory."""
    place = tool.rpartition(":")[0]
    return place.endswith(".py") and not os.path.isabs(place) and not place.startswith("~")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def toml_of(content: Mapping[str, Any], order: Sequence[str] = KEYS) -> str:
    """The text of a template's file."""
    import tomlkit

    document = tomlkit.document()
    for key in order:
        value = content.get(key)
        if value in (None, "", [], {}):
            continue
        if isinstance(value, str) and "\n" in value:
            value = tomlkit.string(value, multiline=True)
        document.add(key, tomlkit.item(value))
    return tomlkit.dumps(document)
