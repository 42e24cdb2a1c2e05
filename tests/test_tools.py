"""Tools: plain functions, described by their hints and docstring, called until the model answers."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from inference_providers import AsyncProviderList, StepLimitError
from inference_providers.chat.tools import Toolbox, as_text
from tests.conftest import list_of
from tests.servers import PATIENCE, Connection, Received, Server, answer, completion, status
from tests.test_answer import both
from tests.test_parameters import TOOL, ask

Serve = Callable[..., Server]


class Unit(Enum):
    """Degrees of what."""

    CELSIUS = "c"
    FAHRENHEIT = "f"


class Place(BaseModel):
    """Somewhere."""

    model_config = ConfigDict(strict=True)
    city: str
    since: date = date(1900, 1, 1)


@dataclass
class Weather:
    """What comes back."""

    place: Place
    degrees: float


def weather(place: Place, unit: Unit = Unit.CELSIUS, days: Annotated[int, Field(ge=1)] = 1) -> Weather:
    """The weather somewhere.

    Measured, not guessed.

    Args:
        place: Where, by name
            or since when.
        unit (Unit): Degrees.

    Returns:
        The weather.
    """
    assert isinstance(place, Place)
    return Weather(place, 20.0 if unit is Unit.CELSIUS else 68.0)


def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


def fail(why: str) -> str:
    """Fail."""
    raise RuntimeError(why)


async def later(text: str) -> str:
    """Say it later."""
    await asyncio.sleep(0)
    return text * 2


def call(name: str, arguments: Any = None, number: str = "1") -> dict[str, Any]:
    """A call as a model asks for it."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"id": f"call-{number}", "type": "function", "function": {"name": name, "arguments": text}}


def calling(*rounds: Any) -> Callable[[Connection, Received], None]:
    """Ask for the calls of each round, then answer."""
    left = list(rounds)

    def behave(connection: Connection, request: Received) -> None:
        if not left:
            answer(connection, request)
            return
        message = {"role": "assistant", "content": None, "tool_calls": left.pop(0)}
        connection.reply(200, completion(message=message, finish_reason="tool_calls"))

    return behave


def results(server: Server) -> list[str]:
    """What the server was told in the end, call by call."""
    return [turn["content"] for turn in server.asked[-1].json["messages"] if turn["role"] == "tool"]


def told(made: Any, server: Server, tools: list[Any]) -> str:
    """The one result that the server was told."""
    assert ask(made, tools=tools) == "hello"
    (result,) = results(server)
    return result


def schema_of(function: Any) -> dict[str, Any]:
    """A function's description."""
    (schema,) = Toolbox([function]).schemas
    assert schema["type"] == "function"
    described_as: dict[str, Any] = schema["function"]
    return described_as


# Descriptions


def test_a_function_is_described_by_its_hints_and_docstring() -> None:
    schema = schema_of(weather)
    assert (schema["name"], schema["description"]) == ("weather", "The weather somewhere.\n\nMeasured, not guessed.")
    parameters = schema["parameters"]
    assert (parameters["type"], parameters["required"], parameters["additionalProperties"]) == (
        "object",
        ["place"],
        False,
    )
    assert parameters["properties"]["place"]["description"] == "Where, by name or since when."
    assert parameters["properties"]["unit"]["default"] == "c"
    assert parameters["properties"]["days"] == {"default": 1, "minimum": 1, "type": "integer"}
    assert parameters["$defs"]["Unit"]["enum"] == ["c", "f"]
    json.dumps(schema)


def test_hints_of_every_kind_have_a_schema() -> None:
    def many(a: Literal["x", "y"], b: list[str] | None, c: dict[str, float], d: "date", e, *, f: bool = False):  # type: ignore[no-untyped-def]  # noqa: UP037
        return None

    fields = schema_of(many)["parameters"]["properties"]
    assert fields["a"]["enum"] == ["x", "y"]
    assert fields["b"]["anyOf"][0] == {"items": {"type": "string"}, "type": "array"}
    assert fields["d"]["format"] == "date"
    assert (fields["e"], fields["f"]) == ({}, {"default": False, "type": "boolean"})
    assert schema_of(many)["description"] == ""


@pytest.mark.parametrize(
    "name", ["schema", "copy", "json", "model_dump", "model_config", "self", "_hidden", "class_", "own_x"]
)
def test_a_parameter_may_have_any_name(serve: Serve, name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def echo({name}: int, last: int = 0) -> int: return {name}", scope)
    server = serve(calling([call("echo", {name: 7})]))
    assert told(list_of(server.url), server, [scope["echo"]]) == "7"
    assert list(schema_of(scope["echo"])["parameters"]["properties"]) == [name, "last"]


class Adder:
    """Adds to what it has."""

    def __init__(self, base: int) -> None:
        self.base = base

    def plus(self, more: int) -> int:
        """Add more."""
        return self.base + more


def logged(function: Any) -> Any:
    """A decorator."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


@pytest.mark.parametrize(
    ("tool", "asked", "result"),
    [
        (Adder(40).plus, call("plus", {"more": 2}), "42"),
        (logged(add), call("add", {"a": 1, "b": 2}), "3"),
        (Place, call("Place", {"city": "Bonn"}), '{"city": "Bonn", "since": "1900-01-01"}'),
    ],
    ids=["method", "decorated", "class"],
)
def test_methods_decorated_functions_and_classes_are_tools(serve: Serve, tool: Any, asked: Any, result: str) -> None:
    server = serve(calling([asked]))
    assert told(list_of(server.url), server, [tool]) == result


def _unknown(x: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
    pass


def _callback(x: Callable[[], int]) -> None:
    pass


def _star(*x: int) -> None:
    pass


def _positional(x: int, /) -> None:
    pass


def _foreign(x: threading.Thread) -> None:
    pass


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([lambda x: x], "it has no name"),
        ([_unknown], "tool _unknown cannot be described: name 'Missing'"),
        ([_callback], "tool _callback cannot be described"),
        ([_star], r"\*x: 'int' can only be given by position"),
        ([_positional], "_positional cannot be described: x: 'int' can only be given by position"),
        ([_foreign], r"tool _foreign cannot be described: [^\n]+\Z"),
        ([functools.partial(add, 1)], "tool partial cannot be described"),
        ([len], "cannot be described"),
        ([3], "a tool is a function or its description as a dict, not int"),
        ([add, add], "two tools are called add"),
        ([add, TOOL], "two tools are called add"),
        (add, "tools must be a list"),
        ("add", "tools must be a list"),
    ],
    ids=range(13),
)
@both
def test_what_cannot_be_described_is_said_before_anything_is_sent(
    serve: Serve, kind: Any, wrong: Any, says: str
) -> None:
    server = serve()
    with pytest.raises(TypeError, match=says):
        ask(list_of(server.url, kind=kind), tools=wrong)
    assert server.requests == []


def test_a_bare_description_is_wrapped(serve: Serve) -> None:
    server = serve()
    list_of(server.url).ask_ai("hi", tools=[TOOL["function"], {"type": "web_search"}])
    assert server.asked[0].json["tools"] == [TOOL, {"type": "web_search"}]


# The loop


@both
def test_a_function_is_called_and_its_result_told(serve: Serve, kind: Any) -> None:
    server = serve(calling([call("weather", {"place": {"city": "Bonn", "since": "2026-01-01"}, "unit": "f"})]))
    said = ask(list_of(server.url, kind=kind, facts=[[None, None, 1, 1]]), tools=[weather, add])
    assert [tool["function"]["name"] for tool in server.asked[0].json["tools"]] == ["weather", "add"]
    assert server.asked[1].json["tools"] == server.asked[0].json["tools"]
    question, asked, result = server.asked[1].json["messages"]
    assert (question["role"], asked["role"], asked["content"]) == ("user", "assistant", None)
    assert (result["role"], result["tool_call_id"]) == ("tool", asked["tool_calls"][0]["id"])
    assert json.loads(result["content"]) == {"place": {"city": "Bonn", "since": "2026-01-01"}, "degrees": 68.0}
    assert (said, said.usage.total_tokens, said.cost, len(said.attempts)) == ("hello", 8, pytest.approx(8e-6), 2)
    assert [turn["role"] for turn in said.messages] == ["user", "assistant", "tool", "assistant"]


@both
def test_the_functions_own_default_is_used(serve: Serve, kind: Any) -> None:
    mutable: list[int] = []

    def keep(a: int, into: list[int] = mutable) -> int:
        into.append(a)
        return len(into)

    server = serve(calling([call("keep", {"a": 1})], [call("keep", {"a": 2})]))
    ask(list_of(server.url, kind=kind), tools=[keep])
    assert (mutable, results(server)) == ([1, 2], ["1", "2"])


@both
def test_several_calls_at_once_are_all_answered_in_order(serve: Serve, kind: Any) -> None:
    asked = [call("add", {"a": n, "b": n}, str(n)) for n in range(4)]
    server = serve(calling(asked))
    ask(list_of(server.url, kind=kind), tools=[add])
    turns = [turn for turn in server.asked[1].json["messages"] if turn["role"] == "tool"]
    assert [(t["tool_call_id"], t["content"]) for t in turns] == [(f"call-{n}", str(2 * n)) for n in range(4)]


def test_several_calls_at_once_are_made_side_by_side_in_asyncio(serve: Serve) -> None:
    barrier = threading.Barrier(2, timeout=PATIENCE)

    def meet(a: int) -> int:
        barrier.wait()
        return a

    server = serve(calling([call("meet", {"a": 1}), call("meet", {"a": 2}, "2")]))
    ask(list_of(server.url, kind=AsyncProviderList), tools=[meet])
    assert results(server) == ["1", "2"]


@both
def test_a_coroutine_function_is_a_tool(serve: Serve, kind: Any) -> None:
    server = serve(calling([call("later", {"text": "ha"}), call("lazily", {}, "2")]))

    def lazily() -> Any:
        return later("ho")

    ask(list_of(server.url, kind=kind), tools=[later, lazily])
    assert results(server) == ["haha", "hoho"]


def test_a_coroutine_function_is_a_tool_where_a_loop_runs_already(serve: Serve) -> None:
    server = serve(calling([call("later", {"text": "ha"})]))

    async def notebook() -> str:
        return str(list_of(server.url).ask_ai("hi", tools=[later]))

    assert asyncio.run(notebook()) == "hello"
    assert results(server) == ["haha"]


def test_a_slow_function_does_not_stop_the_loop(serve: Serve) -> None:
    ticked = threading.Event()

    def slow() -> str:
        return "done" if ticked.wait(PATIENCE) else "the loop stood still"

    async def ticking() -> None:
        while not any(server.asked):
            await asyncio.sleep(0.01)
        for _ in range(10):
            await asyncio.sleep(0.01)
        ticked.set()

    async def both_of_them() -> None:
        clock = asyncio.create_task(ticking())
        await list_of(server.url, kind=AsyncProviderList).ask_ai("hi", tools=[slow])
        clock.cancel()

    server = serve(calling([call("slow")]))
    asyncio.run(both_of_them())
    assert results(server) == ["done"]


@both
def test_a_function_sees_the_callers_context_wherever_it_runs(serve: Serve, kind: Any) -> None:
    user = contextvars.ContextVar("user", default="nobody")
    server = serve(calling([call("who"), call("who_later", {}, "2")]))

    def who() -> str:
        return user.get()

    async def who_later() -> str:
        return user.get()

    user.set("me")
    ask(list_of(server.url, kind=kind), tools=[who, who_later])
    assert results(server) == ["me", "me"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (call("fail", {"why": "it rains"}), "RuntimeError: it rains"),
        (call("nothing"), "there is no tool 'nothing', only add, fail"),
        (call("add", '{"a": 1'), "Expecting"),
        (call("add", "[1, 2]"), "wrong arguments"),
        (call("add", "null"), "a: Field required"),
        (call("add", ""), "a: Field required"),
        (call("add", {"a": "one"}), "a: Input should be a valid integer"),
        (call("add", {"a": 1, "c": 2}), "c: Extra inputs are not permitted"),
        (call("add", {"own_a": 1}), "own_a: Extra inputs are not permitted"),
        (call("add", "[" * 10**5), "nested more than 100 levels deep"),
        (call("add", '{"a": NaN}'), "a: "),
    ],
    ids=range(11),
)
@both
def test_the_model_is_told_of_a_call_that_fails(serve: Serve, kind: Any, asked: Any, says: str) -> None:
    server = serve(calling([asked]))
    assert says in json.loads(told(list_of(server.url, kind=kind), server, [add, fail]))["error"]


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        ({"id": "1", "function": {"name": "add", "arguments": {"a": 1}}}, "2"),
        ({"id": None, "function": {"name": "add", "arguments": '{"a": 1}'}}, "2"),
        ({"id": "1", "function": {"name": "add", "arguments": json.dumps('{"a": 1}')}}, "2"),
        ({"function": {"name": "nil", "arguments": None}}, "null"),
        ({"function": {"name": "nil"}}, "null"),
    ],
)
@both
def test_calls_of_a_slightly_wrong_shape_are_made(serve: Serve, kind: Any, asked: Any, result: str) -> None:
    def nil() -> None:
        """Give nothing."""

    server = serve(calling([asked]))
    assert told(list_of(server.url, kind=kind), server, [add, nil]) == result


@both
def test_a_call_of_another_kind_is_handed_back(serve: Serve, kind: Any) -> None:
    asked = {"type": "custom", "custom": {"name": "x"}}
    server = serve(calling([asked]))
    said = ask(list_of(server.url, kind=kind), tools=[add])
    assert (said, said.tool_calls, len(server.asked)) == ("", [asked], 1)


@pytest.mark.parametrize(
    "asked", [{"id": "1"}, {"function": "add"}, {"id": "1", "type": "function", "function": None}, {}, None, "add", 1]
)
@pytest.mark.parametrize("tools", [[add], [TOOL], None])
@both
def test_what_calls_nothing_is_no_answer(serve: Serve, kind: Any, tools: Any, asked: Any) -> None:
    broken, good = serve(calling([asked])), serve()
    assert ask(list_of(broken.url, good.url, kind=kind), **({"tools": tools} if tools else {})) == "hello"
    assert len(broken.asked) == 1


@pytest.mark.parametrize(
    "name", ["functions.add", "default_api.add", " add ", "add<|channel|>commentary", "Add", "tools:add", "mcp/add\n"]
)
@both
def test_a_tool_is_called_whatever_a_model_writes_around_its_name(serve: Serve, kind: Any, name: str) -> None:
    server = serve(calling([call(name, {"a": 1})]))
    assert told(list_of(server.url, kind=kind), server, [add, fail]) == "2"


@both
def test_a_name_that_may_be_meant_for_two_tools_is_meant_for_none(serve: Serve, kind: Any) -> None:
    def ADD(a: int) -> int:
        return -a

    server = serve(calling([call("functions.add", {"a": 1})]))
    assert "there is no tool 'functions.add'" in told(list_of(server.url, kind=kind), server, [add, ADD])


@both
def test_a_call_in_a_models_own_words_of_what_is_only_described_is_handed_back(serve: Serve, kind: Any) -> None:
    called = f"functions.{TOOL['function']['name']}"
    said = ask(list_of(serve(calling([call(called)])).url, kind=kind), tools=[fail, TOOL])
    assert [one["function"]["name"] for one in said.tool_calls] == [called]


@pytest.mark.parametrize(
    ("given_", "result"), [({"a": 1, "b": None}, "2"), ({"a": 1, "c": None}, "c: Extra"), ({"a": None}, "a: Input")]
)
@both
def test_null_for_what_may_be_left_out_is_left_out(serve: Serve, kind: Any, given_: Any, result: str) -> None:
    server = serve(calling([call("add", given_)]))
    assert result in told(list_of(server.url, kind=kind), server, [add])


@both
def test_null_is_given_to_a_function_that_takes_it(serve: Serve, kind: Any) -> None:
    def seen(x: int | None = 5) -> str:
        return repr(x)

    server = serve(calling([call("seen", {"x": None})]))
    assert told(list_of(server.url, kind=kind), server, [seen]) == "None"


@both
def test_with_a_tool_that_is_only_described_nothing_is_called(serve: Serve, kind: Any) -> None:
    done: list[int] = []
    asked = [call("note", {"a": 1}), call("add", {}, "2")]

    def note(a: int) -> None:
        done.append(a)

    said = ask(list_of(serve(calling(asked)).url, kind=kind), tools=[note, TOOL])
    assert (said.tool_calls, said.finish_reason, done) == (asked, "tool_calls", [])


@both
def test_a_model_that_never_stops_calling_is_stopped(serve: Serve, kind: Any) -> None:
    server = serve(calling(*[[call("add", {"a": n})] for n in range(20)]))
    with pytest.raises(StepLimitError, match="after 3 steps") as caught:
        ask(list_of(server.url, kind=kind), tools=[add], max_steps=3)
    assert len(server.asked) == 3
    assert [turn["role"] for turn in caught.value.messages] == [
        "user",
        *["assistant", "tool"] * 2,
    ]  # the last call is not made: nobody would hear of it


@pytest.mark.parametrize(("choice", "then"), [("required", "auto"), (TOOL, "auto"), ("none", "none"), ("auto", "auto")])
@both
def test_a_call_that_is_asked_for_is_asked_for_once(serve: Serve, kind: Any, choice: Any, then: str) -> None:
    server = serve(calling([call("add", {"a": 1})]))
    ask(list_of(server.url, kind=kind), tools=[add], tool_choice=choice)
    assert [request.json["tool_choice"] for request in server.asked] == [choice, then]


@both
def test_another_provider_goes_on_where_one_fails_between_calls(serve: Serve, kind: Any) -> None:
    first, second = serve(calling([call("add", {"a": 1})])), serve()
    made = list_of(first.url, second.url, kind=kind)

    def add(a: int) -> int:
        first.behaviour = status(404)
        return a + 1

    said = ask(made, tools=[add])
    assert (said.provider, [a.provider for a in said.attempts]) == ("p2", ["p1", "p1", "p2"])
    assert results(second) == ["2"]


@both
def test_tools_and_a_schema_go_together(serve: Serve, kind: Any) -> None:
    behave = calling([call("add", {"a": 1})])
    server = serve(
        lambda c, r: behave(c, r) if len(server.asked) == 1 else c.reply(200, completion('{"city": "Bonn"}'))
    )
    said = ask(list_of(server.url, kind=kind), tools=[add], schema=Place)
    assert said.parsed == Place(city="Bonn")
    assert results(server) == ["2"]


def test_a_program_can_still_be_interrupted(serve: Serve) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    server = serve(calling([call("stop")]))
    with pytest.raises(KeyboardInterrupt):
        ask(list_of(server.url), tools=[stop])
    assert len(server.asked) == 1


# Results


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ({"ä": [1, True]}, '{"ä": [1, true]}'),
        (date(2026, 1, 31), '"2026-01-31"'),
        (Place(city="Bonn"), '{"city": "Bonn", "since": "1900-01-01"}'),
        ([Place(city="Bonn")], '[{"city": "Bonn", "since": "1900-01-01"}]'),
        (Weather(Place(city="Bonn"), 1.5), '{"place": {"city": "Bonn", "since": "1900-01-01"}, "degrees": 1.5}'),
        (int, "\"<class 'int'>\""),
    ],
)
def test_results_are_text_or_json(result: Any, text: str) -> None:
    assert as_text(result) == text


@both
def test_a_result_that_is_no_json_is_a_failure_that_the_model_is_told_of(serve: Serve, kind: Any) -> None:
    def odd() -> Any:
        round_and_round: list[Any] = []
        round_and_round.append(round_and_round)
        return round_and_round

    server = serve(calling([call("odd")], [call("keys", {}, "2")]))

    def keys() -> Any:
        return {(1, 2): 3}

    ask(list_of(server.url, kind=kind), tools=[odd, keys])
    assert ["error" in json.loads(result) for result in results(server)] == [True, True]


ARGUMENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=3
)


@given(ARGUMENTS | st.text() | st.lists(st.integers()))
def test_whatever_a_model_asks_for_is_a_call_or_a_problem(arguments: Any) -> None:
    asked = call("add", arguments)
    before = copy.deepcopy(asked)
    calls = Toolbox([add]).calls([asked])
    assert calls is not None
    assert asked == before
    result = json.loads(calls[0].run())
    if isinstance(result, int):
        assert result == calls[0].arguments["a"] + calls[0].arguments.get("b", 1)
    else:
        assert set(result) == {"error"}
        assert calls[0].function is None


@given(st.integers(), st.integers())
def test_what_fits_is_called_with_it(a: int, b: int) -> None:
    (made,) = Toolbox([add]).calls([call("add", {"a": a, "b": b})]) or []
    assert made.arguments == {"a": a, "b": b}
    assert made.run() == str(a + b)
