"""Python functions as tools of SDK clients: described as `ask_ai` describes them, and their calls handed back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from inference_providers import AsyncProviderList, ProviderList
from inference_providers.chat.tools import Toolbox
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, answer, completion, delta, status
from tests.test_parameters import TOOL
from tests.test_tools import add, call

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


class Place(BaseModel):
    """Somewhere."""

    city: str


def weather(place: Place, unit: Literal["c", "f"] = "c") -> str:
    """The weather somewhere.

    Args:
        place: Where.
        unit: Degrees.
    """
    raise AssertionError("the SDK makes no calls")


def asking(connection: Connection, request: Received) -> None:
    """Ask for a call, whatever is said."""
    if request.path.endswith("/models"):
        answer(connection, request)
        return
    asked = call("weather", {"place": {"city": "Bonn"}, "unit": "c"})
    message = {"role": "assistant", "content": None, "tool_calls": [asked]}
    connection.reply(200, completion(message=message, finish_reason="tool_calls"))


def streamed_call(connection: Connection, request: Received) -> None:
    """A call in pieces."""
    asked = {**call("weather", {"place": {"city": "Bonn"}}), "index": 0}
    connection.start_stream()
    connection.event(delta(None, tool_calls=[asked]))
    connection.event(delta(None, "tool_calls"))
    connection.event("[DONE]")
    connection.end_stream()


def clients(serve: Serve, behaviour: Any = answer, kind: Any = ProviderList) -> list[tuple[Any, Server]]:
    """A client of everybody whose first provider fails, a copy of it, and one of one candidate; who answers each."""
    failing, server, alone = serve(status(404)), serve(behaviour), serve(behaviour)
    routed, connected = list_of(failing.url, server.url, kind=kind), list_of(alone.url, kind=kind)
    client = routed.client()
    one = connected.connect_to_model("m", test=False)
    client_of_one = (asyncio.run(one) if asyncio.iscoroutine(one) else one)[0]
    return [(client, server), (client.with_options(timeout=9), server), (client_of_one, alone)]


def test_a_function_is_sent_as_its_description_and_its_call_handed_back(serve: Serve) -> None:
    for client, server in clients(serve, asking):
        reply = client.chat.completions.create(model="m", messages=MESSAGES, tools=[weather, TOOL])
        assert server.asked[-1].json["tools"] == [*Toolbox([weather]).schemas, TOOL]
        assert reply.choices[0].message.tool_calls[0].function.name == "weather"


def test_so_it_is_for_asyncio(serve: Serve) -> None:
    async def asked(client: Any) -> Any:
        return await client.chat.completions.create(model="m", messages=MESSAGES, tools=(weather,))

    for client, server in clients(serve, kind=AsyncProviderList):
        asyncio.run(asked(client))
        assert server.asked[-1].json["tools"] == Toolbox([weather]).schemas


def test_streams_take_functions(serve: Serve) -> None:
    for client, server in clients(serve, streamed_call):
        pieces = list(client.chat.completions.create(model="m", messages=MESSAGES, tools=[weather], stream=True))
        assert pieces[0].choices[0].delta.tool_calls[0].function.name == "weather"
        with client.chat.completions.stream(model="m", messages=MESSAGES, tools=[weather]) as stream:
            reply = stream.get_final_completion()
        assert reply.choices[0].message.tool_calls[0].function.name == "weather"
        assert server.asked[-1].json["tools"] == Toolbox([weather]).schemas


def test_parse_takes_functions_that_it_can_hold_a_model_to(serve: Serve) -> None:
    for client, server in clients(serve, asking):
        reply = client.chat.completions.parse(model="m", messages=MESSAGES, tools=[weather])
        (tool,) = server.asked[-1].json["tools"]
        function, parameters = tool["function"], tool["function"]["parameters"]
        assert (function["name"], function["description"], function["strict"]) == (
            "weather",
            "The weather somewhere.",
            True,
        )
        assert (parameters["required"], parameters["additionalProperties"]) == (["place", "unit"], False)
        assert parameters["properties"]["unit"] == {"enum": ["c", "f"], "type": "string", "description": "Degrees."}
        (asked,) = reply.choices[0].message.tool_calls
        assert asked.function.parsed_arguments == {"place": {"city": "Bonn"}, "unit": "c"}


def test_so_it_does_for_asyncio(serve: Serve) -> None:
    async def asked(client: Any) -> Any:
        return await client.chat.completions.parse(model="m", messages=MESSAGES, tools=[weather])

    ((client, server), *_) = clients(serve, asking, AsyncProviderList)
    message = asyncio.run(asked(client)).choices[0].message
    assert message.tool_calls[0].function.parsed_arguments == {"place": {"city": "Bonn"}, "unit": "c"}
    assert server.asked[-1].json["tools"][0]["function"]["strict"] is True


def test_the_responses_api_takes_functions_in_its_own_form(serve: Serve) -> None:
    for client, server in clients(serve):
        client.responses.create(model="m", input="hi", tools=[add, {"type": "web_search"}])
        own, search = server.asked[-1].json["tools"]
        (described,) = Toolbox([add]).schemas
        assert own == {"type": "function", "strict": False, **described["function"]}
        assert search == {"type": "web_search"}


@pytest.mark.parametrize("wrong", [[lambda x: x], [add, add], [len]], ids=["nameless", "twice", "builtin"])
@pytest.mark.parametrize("method", ["create", "parse"])
def test_what_cannot_be_described_is_said_before_anything_is_sent(serve: Serve, wrong: Any, method: str) -> None:
    for client, server in clients(serve):
        with pytest.raises(TypeError, match=r"cannot be described|two tools are called add"):
            getattr(client.chat.completions, method)(model="m", messages=MESSAGES, tools=wrong)
        assert server.asked == []


def test_tools_that_are_described_go_as_they_are(serve: Serve) -> None:
    custom = {"type": "custom", "custom": {"name": "x"}}
    for client, server in clients(serve):
        client.chat.completions.create(model="m", messages=MESSAGES, tools=[TOOL, TOOL, custom])
        assert server.asked[-1].json["tools"] == [TOOL, TOOL, custom]
        assert json.loads(server.asked[-1].body)["messages"] == MESSAGES
