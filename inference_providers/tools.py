"""Tools: plain Python functions that a model may call; their schemas from type hints and docstring. Pure but for the calls."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any


class Call:
    """One call that a model asked for: `function(**arguments)`, or the `problem` that keeps it from being made."""

    __slots__ = ("arguments", "function", "id", "name", "problem")

    def __init__(
        self, call_id: str, name: str, function: Callable[..., Any] | None, arguments: dict[str, Any], problem: str = ""
    ) -> None:
        self.id, self.name, self.function, self.arguments, self.problem = call_id, name, function, arguments, problem

    def __repr__(self) -> str:
        return f"<Call {self.name}({', '.join(self.arguments)})>"

    def run(self) -> str:
        """Make the call; its result as text. An exception becomes text as well: the model may do better next time."""
        if self.function is None:
            return self.problem
        try:
            return as_text(self.function(**self.arguments))
        except Exception as error:  # noqa: BLE001  (whatever the user's function raises, the model is told)
            return failed(error)

    async def run_async(self) -> str:
        """`run` for asyncio: coroutine functions are awaited, others run in a thread."""
        import asyncio
        import inspect

        if self.function is None or not inspect.iscoroutinefunction(self.function):
            return await asyncio.to_thread(self.run)
        try:
            return as_text(await self.function(**self.arguments))
        except Exception as error:  # noqa: BLE001
            return failed(error)


def as_text(result: Any) -> str:
    """A function's result for the model: text as it is, everything else as JSON."""
    if isinstance(result, str):
        return result
    if hasattr(result, "model_dump"):
        result = result.model_dump(mode="json")
    return json.dumps(result, ensure_ascii=False, default=str)


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
        for tool in tools:
            if isinstance(tool, dict):
                self.schemas.append(
                    tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}
                )
            elif callable(tool):
                function = _Function(tool)
                if function.name in self._functions:
                    raise TypeError(f"two tools are called {function.name}")
                self._functions[function.name] = function
                self.schemas.append(function.schema)
            else:
                raise TypeError(f"a tool is a function or its description as a dict, not {type(tool).__name__}")

    @property
    def runs(self) -> bool:
        """Whether there are functions to call here."""
        return bool(self._functions)

    def calls(self, asked: Sequence[Mapping[str, Any]]) -> list[Call] | None:
        """The calls to make for a message's `tool_calls`; None if one of them is not for us to make."""
        names = [str((call.get("function") or {}).get("name")) for call in asked]
        described = {str((schema.get("function") or {}).get("name")) for schema in self.schemas}
        if not self._functions or any(name in described and name not in self._functions for name in names):
            return None
        return [
            self._call(str(call.get("id") or name), name, call["function"].get("arguments"))
            for call, name in zip(asked, names, strict=True)
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
            given = json.loads(arguments or "{}") if isinstance(arguments, str) or not arguments else arguments
            return Call(call_id, name, function.function, function.checked(given))
        except ValueError as error:
            return Call(call_id, name, None, {}, failed(error))


class _Function:
    """One Python function: its description for a model, and its arguments checked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self._model = _arguments_model(function, self.name)
        about, parts = described(function.__doc__ or "")
        parameters = self._model.model_json_schema()
        parameters.pop("title", None)
        for name, field in parameters.get("properties", {}).items():
            field.pop("title", None)
            if name in parts:
                field.setdefault("description", parts[name])
        self.schema = {
            "type": "function",
            "function": {"name": self.name, "description": about, "parameters": parameters},
        }

    def checked(self, given: Any) -> dict[str, Any]:
        """Arguments in the function's own types. Raises ValueError, saying what is wrong with which."""
        from pydantic import ValidationError

        try:
            model = self._model.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
            raise ValueError(f"wrong arguments: {problems}") from None
        return {name: getattr(model, name) for name in model.model_fields_set}


def _arguments_model(function: Callable[..., Any], name: str) -> Any:
    import inspect
    from typing import Any as Anything
    from typing import get_type_hints

    from pydantic import ConfigDict, PydanticUserError, create_model

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
            fields[parameter.name] = (hints.get(parameter.name, Anything), default)
    try:
        return create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)
    except (PydanticUserError, TypeError, NameError, RuntimeError) as error:
        raise TypeError(f"the tool {name} cannot be described: {error}") from None


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """A docstring's text before its list of parameters, and what it says of each: Google's, NumPy's or Sphinx's style."""
    import inspect
    import re

    text = inspect.cleandoc(docstring)
    parts = {m[1]: m[2].strip() for m in re.finditer(r"(?m)^:param (?:[\w\[\], .|]+ )?(\w+):(.*)$", text)}
    section = re.search(r"(?ms)^(?:Args|Arguments|Parameters):?\s*\n(?:-{3,}\n)?(.*?)(?=^\w[\w ]*:?\s*\n|\Z)", text)
    if section:
        body = section[1]
        parts |= {
            m[1]: " ".join(m[2].split())
            for m in re.finditer(r"(?ms)^ *(\w+)(?: *\([^)]*\))? *: *(.+?)(?=^ *\w+(?: *\([^)]*\))? *:|\Z)", body)
        }
    about = re.split(r"(?m)^(?::param |:returns?:|(?:Args|Arguments|Parameters|Returns|Raises):?\s*$)", text)[0]
    return about.strip(), parts
