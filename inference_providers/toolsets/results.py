"""What servers of MCP say, put for a model: names, descriptions, schemas and results, within limits. Pure."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

from inference_providers.credentials import scrub, scrub_json
from inference_providers.text import in_line, jsontext, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

TOOLS = 128  # of a server: more than that some providers refuse, and all of them charge
DESCRIPTION, SCHEMA = 4_000, 32_000  # characters
RESULT = 100_000  # characters
_NAME = 64  # characters of a function's name


class Listed:
    """One tool of a server, as a model gets it: `name` there, `full_name` here; `harmless`: it says it only reads."""

    __slots__ = ("description", "full_name", "harmless", "name", "parameters")

    def __init__(self, name: str, full_name: str, description: str, parameters: dict[str, Any], harmless: bool) -> None:
        self.name, self.full_name, self.description = name, full_name, description
        self.parameters, self.harmless = parameters, harmless


class FailedError(Exception):
    """A call that failed at the server; its message is for the model."""


def listed(
    server: str, tools: Iterable[Any], patterns: Sequence[str] = (), secrets: Collection[str] = ()
) -> tuple[list[Listed], list[str]]:
    """The tools that a model gets of what a server lists, and what is to be told of the others.

    patterns: names of those that are wanted, in which `*` stands for anything; without any, all.
    secrets: what the server was given, which goes to no model.
    """
    found: dict[str, Listed] = {}
    notes: list[str] = []
    left = 0
    for tool in tools:
        if patterns and not any(fnmatchcase(tool.name, pattern) for pattern in patterns):
            continue
        if len(found) == TOOLS:
            left += 1
            continue
        parameters, problem = _parameters(tool.input_schema)
        if problem:
            notes.append(f"{server}: the tool {in_line(tool.name)[:80]} is left out: its schema {problem}")
            continue
        parameters = scrub_json(parameters, [*secrets])
        name = _full_name(server, scrub(tool.name, secrets), found)
        harmless = bool(tool.annotations and tool.annotations.read_only_hint)
        text = scrub(_cut(printable(tool.description or ""), DESCRIPTION), secrets)
        found[name] = Listed(tool.name, name, text, parameters, harmless)
    if left:
        notes.append(
            f"{server} lists {left + TOOLS:,} tools; the model gets the first {TOOLS}. "
            f"Name those that you want: tools = [...] in [mcp.{server}]"
        )
    missing = [one for one in patterns if not any(fnmatchcase(tool.name, one) for tool in found.values())]
    if missing and not left:
        notes.append(f"{server} has no tool {', '.join(missing)}")
    return list(found.values()), notes


def _parameters(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A schema as providers take it, and why they would not: one that they refuse costs the whole question."""
    try:
        jsontext.check(schema)
        given = _shown(schema)
        parameters = {**given, "type": "object", "properties": given.get("properties") or {}}
        size = len(json.dumps(parameters, allow_nan=False))
    except ValueError as error:
        return {}, "is nested too deep" if isinstance(error, jsontext.TooDeep) else "holds a number that JSON has not"
    return parameters, "is too long" if size > SCHEMA else ""


def _full_name(server: str, name: str, taken: Mapping[str, Any]) -> str:
    """`SERVER__TOOL` in the letters that providers take, and no longer than they take."""
    whole = f"{server}__{re.sub('[^A-Za-z0-9_-]', '_', name)}"
    full, count = whole[:_NAME], 1
    while full in taken:
        count += 1
        full = f"{whole[: _NAME - 5]}_{count}"
    return full


def _shown(value: Any) -> Any:
    """A schema whose texts hide nothing."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return {printable(name): _shown(one) for name, one in value.items()} if isinstance(value, dict) else value


def text_of(result: Any) -> str:
    """The result of a call as text. Raises FailedError for one that says it failed."""
    parts = [_part(block) for block in result.content]
    text = "\n".join(part for part in parts if part)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    text = _cut(printable(text), RESULT)
    if result.is_error:
        raise FailedError(text or "the server gives no reason")
    return text


def _part(block: Any) -> str:
    """One part of a result: its text, or a note of what cannot be shown to a model."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource_link":
        return f"[a link: {block.name}, {block.uri}]"
    if block.type == "resource":
        resource = block.resource
        if (text := getattr(resource, "text", None)) is not None:
            return f"[{resource.uri}]\n{text}"
        return f"[a file that is not text: {resource.uri}, {resource.mime_type or 'of no type'}]"
    data, kind = getattr(block, "data", ""), getattr(block, "mime_type", "")
    return f"[{block.type}, {kind}, {len(data) * 3 // 4:,} bytes: not shown to you]"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[... {len(text) - most:,} characters left out]"


def check_message(line: bytes) -> None:
    """Raise ValueError for a message that would take far more memory than its size."""
    if len(line) > jsontext.LARGE and not jsontext.fits(line):
        raise jsontext.TooLarge
