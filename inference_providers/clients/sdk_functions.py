"""Python functions as `tools=` of SDK clients: the SDK takes descriptions only, and fails at a function.

What is sent is the description that `ask_ai` makes of one. The calls are handed back: the SDK makes none.
"""

from __future__ import annotations

import functools
import inspect
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Change = Callable[[Any, Any], tuple[Any, Any]]  # of positional and of named arguments


def take_functions(made: Any) -> None:
    """Let a client take functions: in every request, and in the helpers that look at tools before there is one."""
    made._prepare_options = _before(made._prepare_options, lambda args, options: ((_described(*args),), options))
    completions = made.chat.completions
    completions.parse = _before(completions.parse, partial(_told, strict=True))  # it refuses tools that are not
    completions.stream = _before(completions.stream, partial(_told, strict=False))


def _before(method: Any, change: Change) -> Any:
    """The method, with its arguments changed."""

    @functools.wraps(method)
    def calling(*args: Any, **options: Any) -> Any:
        args, options = change(args, options)
        return method(*args, **options)

    @functools.wraps(method)
    async def calling_async(*args: Any, **options: Any) -> Any:
        args, options = change(args, options)
        return await method(*args, **options)

    return calling_async if inspect.iscoroutinefunction(method) else calling


def _told(args: Any, options: Any, *, strict: bool) -> tuple[Any, Any]:
    tools = options.get("tools")
    return (args, {**options, "tools": descriptions(tools, strict=strict)} if _has_functions(tools) else options)


def _described(options: Any) -> Any:
    body = options.json_data
    if isinstance(body, dict) and _has_functions(body.get("tools")):
        from inference_providers.chat import Toolbox

        flat = str(options.url).endswith("/responses")
        tools = [_flat(tool) if flat else tool for tool in Toolbox(body["tools"]).schemas]
        options.json_data = {**body, "tools": tools}
    return options


def _has_functions(tools: Any) -> bool:
    return isinstance(tools, list | tuple) and any(callable(tool) for tool in tools)


def _flat(tool: dict[str, Any]) -> dict[str, Any]:
    """A description as the responses API has it, where a schema that is not called loose is held to be strict."""
    return {"type": "function", "strict": False, **tool["function"]} if "function" in tool else tool


def descriptions(tools: Iterable[Callable[..., Any] | dict[str, Any]], *, strict: bool) -> list[dict[str, Any]]:
    """Tools as descriptions. *strict*: those of functions demand each argument, also one that has a default.

    Raises TypeError for a function that cannot be described.
    """
    from inference_providers.chat import Toolbox

    tools = list(tools)
    box = Toolbox(tools)
    if not strict:
        return box.schemas
    return [
        _strict(tool["function"], box.model_of(tool["function"]["name"])) if callable(given) else tool
        for given, tool in zip(tools, box.schemas, strict=True)
    ]


def _strict(function: dict[str, Any], model: Any) -> dict[str, Any]:
    from openai import pydantic_function_tool

    made: Any = pydantic_function_tool(model, name=function["name"], description=function["description"])
    described = dict(made["function"])  # a plain one: arguments are parsed to a dict, by their own names
    described["parameters"].pop("title", None)
    for name, field in described["parameters"]["properties"].items():
        ours = function["parameters"]["properties"][name]
        if "description" in ours and "$ref" not in field:
            field["description"] = ours["description"]
        field.pop("title", None)
        field.pop("default", None)
    return {"type": "function", "function": described}
