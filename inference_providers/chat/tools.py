"""Tools: plain Python functions that a model may call; their schemas from type hints and docstring. Pure but for the calls."""

from __future__ import annotations

import json

from inference_providers.chat.docstrings import described
from inference_providers.text import in_line, jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any


class Call:
    """One call that a model asked for: `function(**arguments)`, or the `problem` that keeps it from being made."""

    __slots__ = ("arguments", "function", "id", "name", "problem")

    def __init__(
        self, call_id: str, name: str, function: Callable[..., Any] | None, arguments: dict[str, Any], problem: str = ""
    ) -> None:
        self.id, self.name, self.function, self.arguments, self.problem = call_id, name, function, arguments, problem

    def __repr__(self) -> str:
        return in_line(f"<Call {self.name}({', '.join(self.arguments)})>")

    def run(self) -> str:
        """Make the call; its result as text. An exception becomes text as well: the model may do better next time."""
        if self.function is None:
            return self.problem
        try:
            result = self.function(**self.arguments)
            return as_text(_waited_for(result) if hasattr(result, "__await__") else result)
        except Exception as error:  # noqa: BLE001  (whatever the user's function raises, the model is told)
            return failed(error)

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
            return failed(error)


def _waited_for(result: Any) -> Any:
    """What a coroutine function gives in a program without a loop of its own, or with one that must not be blocked."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    async def finished() -> Any:
        return await result

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, finished()).result()


def as_text(result: Any) -> str:
    """A function's result for the model: text as it is, everything else as JSON."""
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON does not know: models and dataclasses as objects, the rest as text."""
    import dataclasses

    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else str(value)


def failed(error: Exception) -> str:
    """An exception for the model."""
    return json.dumps({"error": f"{type(error).__name__}: {error}"}, ensure_ascii=False)


class Toolbox:
    """The tools of one question: functions that are called here, and descriptions (dicts) whose calls are handed back.

    Raises TypeError for a function that cannot be described.
    """

    def __init__(self, tools: Iterable[Any]) -> None:
        self._functions: dict[str, _Function] = {}
        self.schemas: list[dict[str, Any]] = []
        names: set[str] = set()
        for tool in tools:
            if isinstance(tool, dict):
                schema = tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}
            elif callable(tool):
                function = _Function(tool)
                self._functions[function.name], schema = function, function.schema
            else:
                raise TypeError(f"a tool is a function or its description as a dict, not {type(tool).__name__}")
            if (name := _name_in(schema)) and name in names:
                raise TypeError(f"two tools are called {name}")
            names.add(name)
            self.schemas.append(schema)

    @property
    def runs(self) -> bool:
        """Whether there are functions to call here."""
        return bool(self._functions)

    def makes(self, asked: Sequence[Any]) -> bool:
        """Whether all of a message's `tool_calls` are for us to make."""
        names = {_name_in(call) for call in asked}
        handed_back = {_name_in(schema) for schema in self.schemas} - self._functions.keys()
        return bool(self._functions) and "" not in names and names.isdisjoint(handed_back)

    def calls(self, asked: Sequence[Any]) -> list[Call] | None:
        """The calls to make for a message's `tool_calls`; None if one of them is not for us to make."""
        if not self.makes(asked):
            return None
        return [
            self._call(str(call.get("id") or f"call_{place}"), _name_in(call), call["function"].get("arguments"))
            for place, call in enumerate(asked)
        ]

    def _call(self, call_id: str, name: str, arguments: Any) -> Call:
        function = self._functions.get(name)
        if function is None:
            return Call(
                call_id,
                name,
                None,
                {},
                failed(LookupError(f"there is no tool {name!r}; there are {', '.join(self._functions)}")),
            )
        try:
            given = jsontext.loads(arguments or "{}") if isinstance(arguments, str) or not arguments else arguments
            return Call(call_id, name, function.function, function.checked(given))
        except ValueError as error:
            return Call(call_id, name, None, {}, failed(error))


def _name_in(call: Any) -> str:
    """The function's name in a call or a description; empty for what is of another kind."""
    function = call.get("function") if isinstance(call, dict) else None
    return str(function.get("name") or "") if isinstance(function, dict) else ""


class _Function:
    """One Python function: its description for a model, and its arguments checked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        if not self.name.isidentifier():
            raise TypeError(f"the tool {self.name} cannot be described: it has no name to call it by; use def")
        self._model, parameters = _arguments_model(function, self.name)
        fields = parameters.get("properties", {})
        about, parts = described(function.__doc__ or "", fields)
        parameters.pop("title", None)
        for name, field in fields.items():
            field.pop("title", None)
            if name in parts:
                field.setdefault("description", parts[name])
        self.schema: dict[str, Any] = {
            "type": "function",
            "function": {"name": self.name, "description": about, "parameters": parameters},
        }

    def checked(self, given: Any) -> dict[str, Any]:
        """Arguments in the function's own types. Raises ValueError, saying what is wrong with which."""
        from pydantic import ValidationError

        from inference_providers.chat import validation

        validation.check_choices(validation.kinds(self.schema["function"]["parameters"]), given)
        try:
            model = self._model.model_validate_json(json.dumps(given))  # strict models, too, take a date from JSON
        except ValidationError as error:
            raise ValueError(f"wrong arguments: {'; '.join(validation.found_by_pydantic(error))}") from None
        return {field.removeprefix(_OWN): getattr(model, field) for field in model.model_fields_set}


_OWN = "own_"  # before the name of each field of an arguments' model, so that `copy` and `_x` are names like others


def _arguments_model(function: Callable[..., Any], name: str) -> tuple[Any, dict[str, Any]]:
    """A model of the function's arguments, and its JSON Schema."""
    import inspect
    from typing import Annotated, get_type_hints
    from typing import Any as Anything

    from pydantic import ConfigDict, Field, PydanticUserError, create_model

    try:
        signature = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
    except (TypeError, ValueError, NameError) as error:
        raise TypeError(f"the tool {name} cannot be described: {error}") from None
    fields: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise TypeError(f"the tool {name} cannot be described: {parameter} can only be given by position")
        if parameter.kind is not parameter.VAR_KEYWORD:
            default = ... if parameter.default is parameter.empty else parameter.default
            hint = hints.get(parameter.name, Anything)
            fields[_OWN + parameter.name] = (Annotated[hint, Field(alias=parameter.name)], default)
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)
        return model, model.model_json_schema()
    except (PydanticUserError, TypeError, NameError, RuntimeError) as error:
        raise TypeError(f"the tool {name} cannot be described: {error}") from None
