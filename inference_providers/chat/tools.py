"""Tools: Python functions that a model may call, described by type hints and docstring. Pure but for the calls."""

from __future__ import annotations

import json
import re

from inference_providers.chat.docstrings import parse_docstring
from inference_providers.text import in_line, jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any


ERROR_SHOWN = 10_000  # characters of an exception's message that a model gets


class Call:
    """One call that a model asked for: `function(**arguments)`, or the `problem` that prevents it."""

    __slots__ = ("arguments", "function", "id", "name", "problem")

    def __init__(
        self, call_id: str, name: str, function: Callable[..., Any] | None, arguments: dict[str, Any], problem: str = ""
    ) -> None:
        self.id, self.name, self.function, self.arguments, self.problem = call_id, name, function, arguments, problem

    def __repr__(self) -> str:
        return in_line(f"<Call {self.name}({', '.join(self.arguments)})>")

    def run(self) -> str:
        """Make the call; its result as text. So is an exception: the model may do better next time."""
        if self.function is None:
            return self.problem
        try:
            result = self.function(**self.arguments)
            return as_text(_awaited(result) if hasattr(result, "__await__") else result)
        except Exception as error:  # noqa: BLE001  (the model gets to know whatever the user's function raises)
            return error_text(error)

    async def run_async(self) -> str:
        """`run` for asyncio: coroutine functions are awaited, others run in a thread."""
        import asyncio
        import inspect

        if self.function is None:
            return self.problem
        try:
            own = inspect.iscoroutinefunction(self.function)
            result = (
                self.function(**self.arguments) if own else await asyncio.to_thread(self.function, **self.arguments)
            )
            return as_text(await result if hasattr(result, "__await__") else result)
        except Exception as error:  # noqa: BLE001
            return error_text(error)


def _awaited(result: Any) -> Any:
    """The result of a coroutine, run in a thread: the program may have no event loop, or one that must not block."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    async def finished() -> Any:
        return await result

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, finished()).result()


def as_text(result: Any) -> str:
    """A function's result for the model: text as it is, everything else (and blank text, which some refuse) as JSON."""
    if isinstance(result, str) and result and not result.isspace():
        return result
    return json.dumps(result, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """Values that JSON does not have: models and dataclasses as objects, the rest as text."""
    import dataclasses

    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)


def error_text(error: Exception) -> str:
    """An exception as JSON for the model, of a long message the beginning."""
    try:
        says = str(error)
    except Exception:  # noqa: BLE001  (an exception whose message cannot be made is one all the same)
        says = ""
    return json.dumps({"error": f"{type(error).__name__}: {says[:ERROR_SHOWN]}"}, ensure_ascii=False)


class Tool:
    """A function that somebody else describes, as servers do their tools: it gets the arguments as they come."""

    __slots__ = ("function", "model", "name", "schema")

    def __init__(
        self, name: str, description: str, parameters: Mapping[str, Any], function: Callable[..., Any]
    ) -> None:
        self.name, self.function, self.model = name, function, None
        self.schema: dict[str, Any] = {
            "type": "function",
            "function": {"name": name, "description": description, "parameters": dict(parameters)},
        }

    def __repr__(self) -> str:
        return in_line(f"<Tool {self.name}>")

    def converted(self, arguments: Any) -> dict[str, Any]:
        """The arguments. Raises ValueError for what is not an object."""
        if not isinstance(arguments, dict):
            raise ValueError("wrong arguments: they must be a JSON object")
        return arguments


class Toolbox:
    """The tools of one question: functions to call here, and descriptions (dicts) whose calls go back to the caller.

    Raises TypeError for a function that cannot be described, and for two tools with one name.
    """

    def __init__(self, tools: Iterable[Any]) -> None:
        self._functions: dict[str, _Function | Tool] = {}
        self.schemas: list[dict[str, Any]] = []
        names: set[str] = set()
        for tool in tools:
            if isinstance(tool, dict):
                schema = tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}
            elif isinstance(tool, Tool) or callable(tool):
                function = tool if isinstance(tool, Tool) else _Function(tool)
                self._functions[function.name], schema = function, function.schema
            else:
                raise TypeError(f"a tool is a function or its description as a dict, not {type(tool).__name__}")
            if (name := _name_in(schema)) and name in names:
                raise TypeError(f"two tools are called {name}")
            names.add(name)
            self.schemas.append(schema)

    @property
    def runs(self) -> bool:
        """Whether any tool is a function to call here."""
        return bool(self._functions)

    def model_of(self, name: str) -> Any:
        """The pydantic model of a function's arguments, whose fields have the arguments' names as aliases."""
        return self._functions[name].model

    def makes(self, tool_calls: Sequence[Any]) -> bool:
        """Whether all calls of a message (`turns.calls_of`) are to be made here: those of tools that are not, too."""
        handed_back = {_name_in(schema) for schema in self.schemas} - self._functions.keys()
        return (
            bool(self._functions)
            and all(_is_of_function(call) for call in tool_calls)
            and handed_back.isdisjoint([self._meant(_name_in(call)) for call in tool_calls])
        )

    def calls(self, tool_calls: Sequence[Mapping[str, Any]]) -> list[Call]:
        """The calls to make for those of a message, one for each in their order."""
        return [self._call(call["id"], _name_in(call), call["function"]["arguments"]) for call in tool_calls]

    def _meant(self, name: str) -> str:
        """The tool that a name is meant for, where models and servers write more: `functions.f`, `f<|channel|>json`."""
        names = [_name_in(schema) for schema in self.schemas]
        if name in names:
            return name
        plain = re.sub(r"(?s)<\|.*|\s", "", name).lower()
        found = [one for one in names if one and one.lower() in (plain, re.split("[.:/]", plain)[-1])]
        return found[0] if len(found) == 1 else name

    def _call(self, call_id: str, name: str, arguments: str) -> Call:
        function = self._functions.get(self._meant(name))
        if function is None:
            return Call(
                call_id,
                name,
                None,
                {},
                error_text(LookupError(f"there is no tool {name!r}, only {', '.join(self._functions)}")),
            )
        try:
            return Call(call_id, name, function.function, function.converted(jsontext.loads(arguments)))
        except ValueError as error:
            return Call(call_id, name, None, {}, error_text(error))


def _is_of_function(call: Any) -> bool:
    return isinstance(call, dict) and isinstance(call.get("function"), dict)


def _name_in(call: Any) -> str:
    """The function's name in a call or a description; empty for one of another kind."""
    function = call.get("function") if isinstance(call, dict) else None
    return str(function.get("name") or "") if isinstance(function, dict) else ""


class _Function:
    """One Python function: its description for a model, and its arguments checked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        if not self.name.isidentifier():
            raise TypeError(f"the tool {self.name} cannot be described: it has no name; define it with def")
        self.model, parameters = _arguments_model(function, self.name)
        fields = parameters.get("properties", {})
        about, texts = parse_docstring(function.__doc__ or "", fields)
        parameters.pop("title", None)
        for name, field in fields.items():
            field.pop("title", None)
            if name in texts:
                field.setdefault("description", texts[name])
        self.schema: dict[str, Any] = {
            "type": "function",
            "function": {"name": self.name, "description": about, "parameters": parameters},
        }

    def converted(self, arguments: Any) -> dict[str, Any]:
        """Arguments in the function's own types. Raises ValueError, which says what is wrong with which of them."""
        from pydantic import ValidationError

        from inference_providers.chat import validation

        parameters = self.schema["function"]["parameters"]
        if isinstance(arguments, dict) and None in arguments.values():  # of what may be left out, some models give null
            from inference_providers.chat.nulls import restored

            arguments = restored(parameters, arguments)
        validation.check_choices(validation.kinds(parameters), arguments)
        try:
            # from JSON: strict models, too, read a date from it
            model = self.model.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            raise ValueError(f"wrong arguments: {'; '.join(validation.pydantic_problems(error))}") from None
        return {field.removeprefix(_FIELD_PREFIX): getattr(model, field) for field in model.model_fields_set}


_FIELD_PREFIX = "own_"  # of each field of an arguments' model, so that `copy` and `_x` are names like others


def _arguments_model(function: Callable[..., Any], name: str) -> tuple[Any, dict[str, Any]]:
    """A pydantic model of a function's arguments, and its JSON Schema. Raises TypeError if there can be none."""
    import inspect
    from typing import Annotated, get_type_hints
    from typing import Any as Anything

    from pydantic import ConfigDict, Field, PydanticUserError, create_model

    try:
        signature = inspect.signature(function)
        # Of what the signature is of: a wrapper keeps its own hints where it wraps a built-in, which has none.
        hinted = inspect.unwrap(function, stop=lambda one: hasattr(one, "__signature__"))
        hints = get_type_hints(hinted, include_extras=True)
    except (TypeError, ValueError, NameError) as error:
        raise TypeError(f"the tool {name} cannot be described: {error}") from None
    fields: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise TypeError(f"the tool {name} cannot be described: {parameter} can only be given by position")
        if parameter.kind is not parameter.VAR_KEYWORD:
            default = ... if parameter.default is parameter.empty else parameter.default
            hint = hints.get(parameter.name, Anything)
            fields[_FIELD_PREFIX + parameter.name] = (Annotated[hint, Field(alias=parameter.name)], default)
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)
        return model, model.model_json_schema()
    except (PydanticUserError, TypeError, NameError, RuntimeError) as error:
        why = str(error).partition("\n")[0]  # pydantic goes on about its own settings
        raise TypeError(f"the tool {name} cannot be described: {why}") from None
