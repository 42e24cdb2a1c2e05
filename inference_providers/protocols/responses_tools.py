"""Tools of the Responses API as those of chat completions, and calls of them as it says them. Pure.

A custom tool takes text of any form: here it is a function with one text argument. A tool of a namespace is a function
whose name begins with the namespace's. A search for tools is a function where the program itself searches; where a
provider would, all tools are offered at once instead.
"""

from __future__ import annotations

import json

from inference_providers.protocols.request_fields import array, mapping, refused, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.protocols.request_fields import Notes

INPUT = "input"  # the argument of a function that stands for a custom tool
FUNCTION, CUSTOM, SEARCH = "function", "custom", "tool_search"
_LONGEST = 64  # characters of a function's name, which most providers take
_PARAMETERS = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": [INPUT],
    "additionalProperties": False,
}
_WORDS = ("auto", "none", "required")
_NAMED = ("allowed_callers", "output_schema", "async")  # fields of a tool without a counterpart


class Tool:
    """kind: FUNCTION, CUSTOM or SEARCH. name, namespace: as the request has them."""

    __slots__ = ("kind", "name", "namespace")

    def __init__(self, kind: str, name: str, namespace: str = "") -> None:
        self.kind, self.name, self.namespace = kind, name, namespace


Tools = dict[str, Tool]  # by the name of the function that stands for each


def function_name(name: str, namespace: str = "") -> str:
    """The name of the function that stands for a tool."""
    whole = f"{namespace}__{name}" if namespace else name
    if not namespace or len(whole) <= _LONGEST:
        return whole
    from hashlib import sha256

    return f"{whole[: _LONGEST - 9]}_{sha256(whole.encode('utf-8', 'replace')).hexdigest()[:8]}"


def function_names(tools: list[Any], namespace: str = "") -> list[str]:
    """The names of the functions that stand for some tools."""
    found: list[str] = []
    for tool in tools:
        if isinstance(tool, dict) and isinstance(name := tool.get("name"), str):
            inside = tool.get("tools") if tool.get("type") == "namespace" and not namespace else None
            found += function_names(inside, name) if isinstance(inside, list) else [function_name(name, namespace)]
    return found


def read_tools(body: Mapping[str, Any], more: list[Any], made: dict[str, Any], notes: Notes) -> Tools:
    """Put the tools of a request, and which of them may be called, into the body. *more*: those that its input names.

    Raises InvalidRequestError.
    """
    tools: Tools = {}
    functions: dict[str, dict[str, Any]] = {}
    for tool in [*array(body.get("tools") or [], "tools"), *more]:
        _read(mapping(tool, "tools"), "", tools, functions, notes)
    choice, allowed = _choice(body.get("tool_choice"), notes)
    if allowed is not None:
        functions = {name: function for name, function in functions.items() if name in allowed}
    if not functions:
        return tools
    made["tools"] = list(functions.values())
    if choice is not None:
        made["tool_choice"] = choice
    if (parallel := body.get("parallel_tool_calls")) is not None:
        made["parallel_tool_calls"] = parallel is True
    return tools


def _read(tool: Mapping[str, Any], namespace: str, tools: Tools, functions: dict[str, Any], notes: Notes) -> None:
    kind = text(tool.get("type"), "tools.type")
    if kind == "namespace" and not namespace:
        inside = text(tool.get("name"), "tools.name")
        for one in array(tool.get("tools") or [], "tools.tools"):
            _read(mapping(one, "tools.tools"), inside, tools, functions, notes)
        return
    if kind == SEARCH and tool.get("execution") != "client":
        notes.lose("tools.tool_search")
        return
    if kind not in (FUNCTION, CUSTOM, SEARCH):
        notes.only_native(
            f"the tool {kind[:60]!r} is not a function (leave it out, or name a model whose provider has it)"
        )
        return
    name = SEARCH if kind == SEARCH else text(tool.get("name"), "tools.name")
    function: dict[str, Any] = {"name": function_name(name, namespace)}
    description = text(tool.get("description") or "", "tools.description")
    if kind == CUSTOM:
        description = _with_form(description, tool.get("format"), notes)
        function["parameters"] = _PARAMETERS
    else:
        function["parameters"] = mapping(tool.get("parameters") or {}, "tools.parameters")
        if tool.get("strict") is not None:
            function["strict"] = tool["strict"] is True
    if description:
        function["description"] = description
    for field in _NAMED:
        if tool.get(field):
            notes.lose(f"tools.{field}")
    tools[function["name"]] = Tool(kind, name, namespace)
    functions[function["name"]] = {"type": "function", "function": function}


def _with_form(description: str, form: Any, notes: Notes) -> str:
    """A custom tool's description, with what its input must look like: nothing holds the model to it here."""
    form = mapping(form or {}, "tools.format")
    if form.get("type") != "grammar":
        return description
    notes.lose("tools.format")
    syntax = text(form.get("syntax", "lark"), "tools.format.syntax")
    definition = text(form.get("definition"), "tools.format.definition")
    return f"{description}\n\nThe input must match this grammar ({syntax}):\n{definition}".strip()


def _choice(choice: Any, notes: Notes) -> tuple[Any, set[str] | None]:
    """(`tool_choice` of a chat completion, names of the functions that alone may be called or None for all)."""
    if choice is None:
        return None, None
    if isinstance(choice, str):
        if choice not in _WORDS:
            raise refused(f"tool_choice must be {', '.join(_WORDS)} or an object, not {choice[:40]!r}")
        return choice, None
    kind = text(mapping(choice, "tool_choice").get("type"), "tool_choice.type")
    if kind in (FUNCTION, CUSTOM):
        return {"type": "function", "function": {"name": _named(choice)}}, None
    if kind == "allowed_tools":
        mode = choice.get("mode", "auto")
        if mode not in ("auto", "required"):
            raise refused("tool_choice.mode must be auto or required")
        listed = [mapping(one, "tool_choice.tools") for one in array(choice.get("tools"), "tool_choice.tools")]
        return mode, {_named(one) for one in listed if one.get("type") in (FUNCTION, CUSTOM)}
    notes.only_native(f"tool_choice demands {kind[:60]!r}, which is not a function")
    return None, None


def _named(one: Mapping[str, Any]) -> str:
    namespace = text(one.get("namespace") or "", "tool_choice.namespace")
    return function_name(text(one.get("name"), "tool_choice.name"), namespace)


# Calls, there and back


def as_arguments(given: str) -> str:
    """The arguments of the function that stands for a custom tool."""
    return json.dumps({INPUT: given}, ensure_ascii=False)


def as_input(arguments: str) -> str:
    """The input of a custom tool: what a model gave as its function's argument, under whatever name, or instead."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if isinstance(found, dict):
        given = found.get(INPUT)
        if given is None and len(found) == 1:
            (given,) = found.values()
        found = given
    return found if isinstance(found, str) else arguments


def as_text(arguments: Any) -> str:
    """The arguments of a call as text, which some give as the object itself."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)


def as_object(arguments: str) -> Any:
    """The arguments of a call as an object, where they are one."""
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
