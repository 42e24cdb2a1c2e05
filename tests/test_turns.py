"""Conversations with tool calls: whatever providers said, and in whatever order they fail, each gets what it takes."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, Conversation, MetaInferenceEngine, ProviderList
from inference_providers.calls.reply import Reply
from inference_providers.calls.tool_loop import converse
from inference_providers.chat import Question
from inference_providers.chat.turns import Ids, Turn, calls_of, fitted
from inference_providers.errors import ContentFilteredError, StepLimitError
from inference_providers.protocols import fit
from inference_providers.protocols.request import ModelRequest
from inference_providers.registry.facts import Facts
from inference_providers.registry.registry import bundled
from tests.conftest import Quick, keys, registry_of
from tests.servers import Connection, Received, Server, answer, completion, status
from tests.strict_server import PROVIDERS, problem, strict
from tests.test_answer import both
from tests.test_parameters import ask
from tests.test_tools import add, call

Serve = Callable[..., Server]
NINE = "[a-z0-9]{9}"


def turns_of(provider: str) -> dict[str, Any]:
    """How the registry says that a provider wants turns."""
    row: dict[str, Any] = bundled().providers[provider].connection["turns"]
    return row


def put(provider: str, turns: Any, **fields: Any) -> Any:
    """Turns as a provider of the registry gets them."""
    return fitted({"messages": turns, **fields}, provider, turns_of(provider))


def strict_list(serve: Serve, kind: Any, *behaviours: tuple[str, Any]) -> tuple[Any, list[Server], list[str]]:
    """A list over strict servers, each with the rules of a provider of the registry; and what they refused."""
    refused: list[str] = []
    servers = [serve(strict(provider, refused, then)) for provider, then in behaviours]
    registry = registry_of(*(server.url for server in servers))
    for row, (provider, _) in zip(registry["providers"].values(), behaviours, strict=True):
        row["connection"]["turns"] = turns_of(provider)
    environ = keys(len(servers))
    return kind(json_override=registry, environ=environ, local=False, random=Quick()), servers, refused


def says(*messages: Any, then: Any = answer) -> Callable[[Connection, Received], None]:
    """Reply with one message after another, then behave otherwise."""
    left = list(messages)

    def behave(connection: Connection, request: Received) -> None:
        if left and not request.path.endswith("/models"):
            connection.reply(200, completion(message=left.pop(0), finish_reason="tool_calls"))
        else:
            then(connection, request)

    return behave


def sent(server: Server) -> list[dict[str, Any]]:
    """The turns of the last request."""
    turns: list[dict[str, Any]] = server.asked[-1].json["messages"]
    return turns


# What servers say, and what must come of it


def asks(*calls: Any, content: Any = None, **fields: Any) -> dict[str, Any]:
    """A message that asks for calls."""
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **fields}


def bare(arguments: Any = '{"a": 1}', name: Any = "add", **fields: Any) -> dict[str, Any]:
    """A call with nothing but what is given."""
    return {**fields, "function": {"name": name, "arguments": arguments}}


ODD: dict[str, Any] = {
    "two ids that are empty (Gemini)": asks(bare(id=""), bare(id="")),
    "no ids (llama.cpp)": asks(bare(), bare('{"a": 2}')),
    "the same id twice": asks(bare(id="call_0"), bare('{"a": 2}', id="call_0")),
    "ids that are numbers": asks(bare(id=0), bare(id=1)),
    "ids that are too long, or have other letters": asks(bare(id="x" * 300), bare(id="functions.add:0")),
    "arguments that are an object": asks(bare({"a": 1}, id="1")),
    "no arguments": asks(bare(None), bare(""), bare("null")),
    "arguments that are no JSON": asks(bare('{"a": ', id="1"), bare("[1]", id="2"), bare('{"a": NaN}', id="3")),
    "arguments with half of a pair": asks(bare('{"a": "\\ud83d"}', id="1"), bare('{"a": "\\uD83D\\uDE00"}', id="2")),
    "what is left of a stream": asks({**call("add", {"a": 1}), "index": 0}),
    "no name, and names of nothing": asks(bare(name=None), bare(name="functions.add"), bare(name="größe <|x|>")),
    "flat": asks({"name": "add", "arguments": {"a": 1}}),
    "an older API's call": {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": "{}"}},
    "thoughts, in every spelling": asks(
        {**call("add", {"a": 1}), "extra_content": {"google": {"thought_signature": "s"}}, "thought_signature": "s"},
        content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Well."}],
        reasoning_content="hm",
        reasoning="hm",
        reasoning_details=[{"type": "reasoning.encrypted", "data": "x"}],
        provider_specific_fields={"signature": "s"},
    ),
    "fields of replies": asks(
        call("add", {"a": 1}), annotations=[], audio=None, refusal=None, function_call=None, executed_tools=[{}]
    ),
    "no content at all": {"role": "assistant", "tool_calls": [bare()]},
    "blank content": asks(bare(), content="\n"),
}


OTHERS: dict[str, Any] = {  # what none of the strict servers says itself
    "thoughts, in parts of other kinds": asks(
        bare(id="1"),
        content=[
            {"type": "reasoning_content", "reasoning_content": {"text": "hm"}},
            {"type": "text", "text": "hm", "thought": True},
        ],
        thinking="hm",
    ),
}


@pytest.mark.parametrize("message", [*ODD.values(), *OTHERS.values()], ids=[*ODD, *OTHERS])
@pytest.mark.parametrize("provider", PROVIDERS)
@both
def test_another_provider_takes_over_whatever_was_said(serve: Serve, kind: Any, provider: str, message: Any) -> None:
    made, (first, second), refused = strict_list(
        serve, kind, ("openai", says(message, then=status(404))), (provider, answer)
    )
    assert ask(made, tools=[add]) == "hello"
    assert (refused, len(first.asked), len(second.asked)) == ([], 2, 1)
    assert problem(sent(second), provider) == ""


@pytest.mark.parametrize("message", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_provider_that_said_it_takes_it_back(serve: Serve, provider: str, message: Any) -> None:
    made, (server,), refused = strict_list(serve, ProviderList, (provider, says(message, message)))
    assert ask(made, tools=[add]) == "hello"
    assert (refused, len(server.asked)) == ([], 3)


def test_what_a_strict_server_refuses_is_refused() -> None:
    """The oracle: what came before conversations were fitted is refused by those whose rules it breaks."""
    for name, message in ODD.items():
        ids = [one.get("id", f"call_{number}") for number, one in enumerate(message.get("tool_calls") or ())]
        results = [{"role": "tool", "tool_call_id": str(one), "content": "1"} for one in ids]
        turns = [{"role": "user", "content": "hi"}, message, *results]
        assert any(problem(turns, provider) for provider in PROVIDERS), name
    good = [
        {"role": "user", "content": "hi"},
        {**asks(call("add", {"a": 1}, "abcd"), content="x"), "reasoning_content": "x"},
        {"role": "tool", "tool_call_id": "call-abcd", "content": "1"},
    ]
    good[1]["tool_calls"][0]["id"] = good[2]["tool_call_id"] = "abcdefghi"
    assert problem(good, "moonshot") == ""
    assert "is unsupported" in problem(good, "groq")


# Any sequence of odd replies, with failures in between


IDS: list[Any] = ["", None, 0, 1, "0", "call_0", "abcdefghi", "functions.add:0", "x" * 41, "x" * 300, True, {}]
ARGUMENTS: list[Any] = [
    None, "", "null", " ", "{}", '{"a": 1}', {"a": 1}, {}, [], [1], "[1]", '"x"', '{"a": ', '{"a": NaN}', 0,
    '{"a": "\\ud800"}', {"a": "\ud800"}, "[" * 200, '{"a":1}{"a":2}', "x\x00\u2028",
]  # fmt: skip


def some_of(**values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects in which any of these fields may be missing."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(value) for name, value in values.items()})


FUNCTIONS = some_of(
    name=["add", "", None, "nothing", "functions.add", "gr\u00f6\u00dfe x", 7, "n" * 100],
    arguments=ARGUMENTS,
    parsed_arguments=[{"a": 1}],
)
CALLS = st.builds(
    lambda fields, function: {**fields, "function": function},
    some_of(
        id=IDS, type=["function", None, ""], index=[0, 1], extra_content=[{"google": {"thought_signature": "s"}}, None],
        thought_signature=["s"], provider_specific_fields=[None, {"x": 1}],
    ),
    FUNCTIONS,
)  # fmt: skip
PART = {"type": "text", "text": "hm"}
MESSAGES = st.builds(
    lambda fields, calls: {**fields, **({"tool_calls": calls} if calls is not None else {})},
    some_of(
        role=["assistant"],
        content=[None, "", " ", "text", [], [PART], [{"type": "thinking", "thinking": [PART]}], [{**PART, "thought": True}], ["x"], 7, {}],
        reasoning_content=["hm", "", None], thinking=["hm"], reasoning=["hm", None], reasoning_details=[[{"type": "x"}], []],
        annotations=[[]], audio=[None, {"id": "a", "data": "x", "transcript": "said"}], refusal=[None, "no"],
        function_call=[None, {"name": "add", "arguments": "{}"}], images=[[]], signature=["s"], extra_content=[{}],
    ),
    st.none() | st.lists(CALLS, min_size=1, max_size=3),
)  # fmt: skip


def on_the_wire(turns: Any) -> Any:
    """Turns as they arrive."""
    return json.loads(json.dumps(turns, ensure_ascii=False).encode("utf-8", "replace"))


def given_by(provider: str, message: Any) -> Reply:
    """A message as the reply of a provider of the registry."""
    known = {
        "provider": provider,
        "internal_name": "m",
        "canonical_name": "m",
        "facts": Facts(),
        "api_key": "k",
        "registry": None,
    }
    offer: Any = type("Offer", (), known)()
    reply = Reply.of(completion(message=message), offer)
    del reply.data["usage"]
    return reply


@given(st.lists(st.tuples(st.sampled_from(list(PROVIDERS)), MESSAGES), max_size=6))
@example([("google", asks(bare(id=""), bare(id=""))), ("mistral", asks(bare(id="abcdefghi"), bare(id="abcdefghi")))])
def test_whoever_is_asked_next_gets_a_conversation_that_it_takes(said: list[tuple[str, Any]]) -> None:
    question = Question([{"role": "user", "content": "hi"}], {"tools": [add]}, max_steps=20)
    steps = converse(question)
    step: Any = next(steps)
    for provider, message in said:
        for each in PROVIDERS:
            assert problem(on_the_wire(fitted(step, each, turns_of(each))), each) == "", each
        try:
            step = steps.send(given_by(provider, message))
        except StopIteration:
            break
        except ContentFilteredError:
            calls = message.get("tool_calls") or []
            assert message["refusal"]
            assert not any(isinstance(one, dict) and (one.get("function") or {}).get("name") for one in calls)
            break
        results = [one.run() for one in step]
        assert len(results) == len(message.get("tool_calls") or "1"), "one result for each call"
        step = steps.send(results)
        assert [turn["tool_call_id"] for turn in step["messages"][-len(results) :]] == [
            one["id"] for one in step["messages"][-len(results) - 1]["tool_calls"]
        ]


HANDED_IN = MESSAGES.filter(lambda message: message.get("content") not in (7, {}, ["x"]))


@given(st.lists(HANDED_IN, max_size=5), st.sampled_from(list(PROVIDERS)))
def test_messages_that_a_caller_hands_in_go_as_the_provider_takes_them(messages: list[Any], provider: str) -> None:
    turns: list[Any] = [{"role": "user", "content": "hi"}]
    for message in messages:
        calls = message.get("tool_calls") or ([{}] if message.get("function_call") else [])
        turns.append({**message, "role": "assistant"})
        turns += [{"role": "tool", "tool_call_id": one.get("id"), "content": {"n": n}} for n, one in enumerate(calls)]
    turns.append({"role": "user", "content": "And?"})
    before = copy.deepcopy(turns)
    there = put(provider, turns)
    assert problem(on_the_wire(there), provider) == ""
    assert turns == before, "the caller's are not changed"
    assert put(provider, there) == there, "what fits stays as it is"


@pytest.mark.parametrize(
    "thought",
    [
        {"type": "thinking"},
        {"type": "redacted_thinking"},
        {"type": "reasoning.text"},
        {"type": "text", "thought": True},
    ],
    ids=str,
)
def test_thoughts_among_the_parts_go_to_nobody_who_takes_none(thought: dict[str, Any]) -> None:
    said = {"role": "assistant", "content": [{**thought, "text": "hm"}, {"type": "text", "text": "Well."}]}
    assert put("groq", [said, {"role": "user", "content": "And?"}])[0]["content"] == "Well."


@given(st.lists(st.sampled_from(IDS), max_size=8), st.sampled_from(["[a-zA-Z0-9]{9}", "[a-z0-9_-]{1,40}", ".*"]))
def test_each_call_has_an_id_of_its_own_in_the_form_that_is_wanted(given_ids: list[Any], form: str) -> None:
    calls = [{"id": one, "function": {"name": "add", "arguments": "{}"}} for one in given_ids]
    made = [Ids(calls) for _ in range(2)]
    first, second = ([ids.given_to(one, lambda i: bool(re.fullmatch(form, i))) for one in calls] for ids in made)
    assert first == second, "the same whenever it is sent"
    assert len(set(first)) == len(first)
    assert all(re.fullmatch(form, one) for one in first)


def test_an_id_that_is_made_is_none_that_is_there() -> None:
    nobody = [{"function": {"name": "add", "arguments": "{}"}}]
    (made,) = calls_of({"tool_calls": nobody})
    calls = calls_of({"tool_calls": [*nobody, {**nobody[0], "id": made["id"]}]})
    assert calls[1]["id"] == made["id"] != calls[0]["id"]
    assert re.fullmatch(NINE, calls[0]["id"])


@given(st.permutations([0, 1, 2]))
def test_results_go_with_their_calls_in_whatever_order_they_are(order: list[int]) -> None:
    calls = [call("add", {"a": n}, str(n)) for n in range(3)]
    results = [{"role": "tool", "tool_call_id": f"call-{n}", "content": str(n)} for n in order]
    turns = [{"role": "user", "content": "hi"}, asks(*calls), *results]
    there = put("mistral", turns)
    ids = {one["id"]: json.loads(one["function"]["arguments"])["a"] for one in there[1]["tool_calls"]}
    assert [ids[turn["tool_call_id"]] for turn in there[2:]] == order
    assert problem(there, "mistral") == ""


def test_the_same_id_in_two_turns_is_two_ids() -> None:
    turn = [asks(bare(id="call_0")), {"role": "tool", "tool_call_id": "call_0", "content": "1"}]
    there = put("openai", [{"role": "user", "content": "hi"}, *turn, *turn])
    assert there[1]["tool_calls"][0]["id"] == there[2]["tool_call_id"] == "call_0"
    assert there[3]["tool_calls"][0]["id"] == there[4]["tool_call_id"] != "call_0"


# Who gave it


SECRET_THOUGHTS: dict[str, Any] = {
    "reasoning_content": "hm",
    "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}],
}
SIGNED = {**call("add", {"a": 1}), "extra_content": {"google": {"thought_signature": "s"}}}


@both
def test_a_provider_of_which_nothing_is_known_gets_its_own_thoughts_back_and_nobody_elses(
    serve: Serve, kind: Any
) -> None:
    first = serve(says(asks(SIGNED, **SECRET_THOUGHTS), asks(SIGNED, **SECRET_THOUGHTS), then=status(404)))
    second = serve()
    registry = registry_of(first.url, second.url)
    made = kind(json_override=registry, environ=keys(2), local=False, random=Quick())
    said = ask(made, tools=[add])
    _, its_own, _ = first.asked[1].json["messages"]
    assert its_own == asks(SIGNED, **SECRET_THOUGHTS)
    there = [turn for turn in sent(second) if turn["role"] == "assistant"]
    assert [sorted(turn) for turn in there] == [["content", "role", "tool_calls"]] * 2
    assert [sorted(turn["tool_calls"][0]) for turn in there] == [["function", "id", "type"]] * 2
    assert (said.provider, len(sent(second))) == ("p2", 5)


@both
def test_an_answers_messages_remember_who_gave_them(serve: Serve, kind: Any) -> None:
    first, second = serve(says({"role": "assistant", "content": "4", **SECRET_THOUGHTS})), serve()
    made = kind(json_override=registry_of(first.url, second.url), environ=keys(2), local=False, random=Quick())
    said = ask(made, "2 + 2?", model="p1/m")
    then = [*said.messages, {"role": "user", "content": "And?"}]
    for form in (then, copy.deepcopy(then), pickle.loads(pickle.dumps(then)), [one.copy() for one in then]):
        ask(made, form, model="p1/m")
        assert sent(first)[1] == {"role": "assistant", "content": "4", **SECRET_THOUGHTS}
        ask(made, form, model="p2/m", system="Be brief.")
        assert sent(second)[2] == {"role": "assistant", "content": "4"}
    plain = json.loads(json.dumps(then))
    assert (plain, type(plain[1])) == (then, dict)
    ask(made, plain, model="p2/m")
    assert sent(second)[1] == plain[1], "of whoever gave it nothing is known, nor of what p2 takes"


def test_an_answers_turn_has_its_parts_and_where_it_has_no_text_none(serve: Serve) -> None:
    parts = [{"type": "thinking", "thinking": [PART]}, {"type": "text", "text": "4"}]
    for message in ({"role": "assistant", "content": parts}, asks(call("other", {}))):
        server = serve(lambda c, r, message=message: c.reply(200, completion(message=message)))
        tools = [
            {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}
        ]
        answer_ = ask(ProviderList(json_override=registry_of(server.url), environ=keys(1), local=False), tools=tools)
        assert answer_.messages[-1]["content"] == message["content"]


def test_what_a_row_says_counts_for_a_providers_own_turns_as_well(serve: Serve) -> None:
    message = asks(call("add", {"a": 1}), **SECRET_THOUGHTS, reasoning="hm")
    for provider, kept in (("groq", set()), ("cerebras", {"reasoning"}), ("deepseek", {"reasoning_content"})):
        made, (server,), _ = strict_list(serve, ProviderList, (provider, says(message)))
        ask(made, tools=[add])
        assert sent(server)[1].keys() == {"role", "content", "tool_calls"} | kept, provider


def test_a_signature_stays_where_it_was_and_one_stands_in_for_it_where_there_was_none() -> None:
    turns = [{"role": "user", "content": "hi"}, asks(SIGNED, call("add", {"a": 2}, "2"))]
    there = put("google", turns)[1]["tool_calls"]
    assert [one.get("extra_content") for one in there] == [SIGNED["extra_content"], None]
    foreign = Turn(turns[1])
    foreign.provider = "openrouter"
    (stand_in, none) = (one.get("extra_content") for one in put("google", [foreign])[0]["tool_calls"])
    assert (stand_in, none) == (turns_of("google")["first_call"]["extra_content"], None)


# What stays


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "user", "content": "hi", "reasoning_content": "x"},
        {"role": "assistant", "content": "```python", "prefix": True},
        {"role": "assistant", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": ""},
        {"role": "tool", "tool_call_id": "of nobody", "content": "x"},
        {"role": "tool", "content": "x"},
        {"content": "no role"},
        {"role": ["x"]},
        "text",
        None,
    ],
    ids=range(10),
)
def test_what_is_not_about_calls_stays_as_it_is(turn: Any) -> None:
    for provider in PROVIDERS:
        assert put(provider, [turn]) == [turn]


def test_a_conversation_that_is_valid_already_stays_as_it_is() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        asks(call("add", {"a": 1}, "123456789"), content="Well."),
        {"role": "tool", "tool_call_id": "call-123456789", "content": "1"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "And?"},
    ]
    for provider in ("openai", "groq", "lmstudio", "cerebras"):
        assert put(provider, turns) == turns
    assert fitted({"messages": turns}, "", {}) == turns


@pytest.mark.parametrize("turns", ["text", 7, {"role": "assistant"}, None])
def test_messages_of_no_shape_are_the_providers_to_judge(turns: Any) -> None:
    request = ModelRequest({"messages": turns})
    assert fit(request, list_of_one()).body == {"messages": turns, "model": "m-internal"}


def list_of_one() -> Any:
    return ProviderList(
        json_override=registry_of("http://127.0.0.1:9/v1"), environ=keys(1), local=False
    ).find_model_providers("m")[0]


def test_calls_of_an_older_api_become_calls_of_tools_unless_it_is_asked() -> None:
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": '{"a": 1}'}},
        {"role": "function", "name": "add", "content": "2"},
    ]
    _, asked, result = there = put("openai", turns)
    assert (problem(there, "openai"), result["role"], asked["tool_calls"][0]["function"]["name"]) == ("", "tool", "add")
    assert put("openai", turns, functions=[{"name": "add"}]) == turns


def test_names_of_the_requests_tools_stay_and_others_are_put_as_everybody_takes_them() -> None:
    turns = [
        {"role": "user", "content": "hi"},
        asks(bare(name="files.read"), bare(name="files.write"), bare(name="ö" * 99)),
    ]
    tools = [{"type": "function", "function": {"name": "files.read"}}]
    calls = put("google", turns, tools=tools)[1]["tool_calls"]
    assert [one["function"]["name"] for one in calls] == ["files.read", "files_write", "_" * 64]


def test_a_question_without_calls_is_not_gone_through(serve: Serve) -> None:
    from tests.test_protocols import calls_of as counted

    made = list_of_one()
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}] * 50
    assert counted(lambda: fit(ModelRequest({"messages": turns}), made), fitted) == [0]


# Everything that takes this way


@both
def test_calls_that_are_handed_back_are_in_the_standard_form(serve: Serve, kind: Any) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    message = asks(bare({"a": 1}, id="", index=0), bare(None), bare('{"a": '), bare('"{}"'), bare('"a"'))
    made, (server,), refused = strict_list(serve, kind, ("mistral", says(message)))
    said = ask(made, tools=[tool])
    assert [one["function"]["arguments"] for one in said.tool_calls] == ['{"a": 1}', "{}", '{"a": ', "{}", '"a"']
    assert said.messages[-1]["tool_calls"] == said.tool_calls
    assert all(one["type"] == "function" and re.fullmatch(NINE, one["id"]) for one in said.tool_calls)
    results = [{"role": "tool", "tool_call_id": one["id"], "content": None} for one in said.tool_calls]
    assert ask(made, [*said.messages, *results], tools=[tool]) == "hello"
    assert (refused, [turn["content"] for turn in sent(server)[2:]]) == ([], ["null"] * 5)


def test_a_call_of_an_older_api_is_handed_back_as_one_of_a_tool(serve: Serve) -> None:
    made, _, _ = strict_list(serve, ProviderList, ("openai", says(ODD["an older API's call"])))
    (asked,) = ask(made).tool_calls
    assert (asked["type"], asked["function"]) == ("function", {"name": "add", "arguments": "{}"})


@both
def test_the_conversation_of_a_question_that_took_too_long_is_valid(serve: Serve, kind: Any) -> None:
    made, _, _ = strict_list(serve, kind, ("openai", says(*[ODD["two ids that are empty (Gemini)"]] * 5)))
    with pytest.raises(StepLimitError) as caught:
        ask(made, tools=[add], max_steps=3)
    for provider in PROVIDERS:
        assert problem(put(provider, caught.value.messages), provider) == ""


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("", '""'),
        ("\n", '"\\n"'),
        (None, "null"),
        ([], "[]"),
        ({}, "{}"),
        (0, "0"),
        ("ünï\u2028", "ünï\u2028"),
        (b"x", "\"b'x'\""),
    ],
    ids=range(8),
)
@both
def test_no_result_is_blank(serve: Serve, kind: Any, result: Any, told: str) -> None:
    def give() -> Any:
        return result

    made, (server,), refused = strict_list(serve, kind, ("groq", says(asks(call("give")))))
    ask(made, tools=[give])
    assert (refused, sent(server)[-1]["content"]) == ([], told)


class Unspeakable(Exception):
    """One whose message cannot be made."""

    def __str__(self) -> str:
        raise ValueError


@both
def test_an_exception_without_a_message_and_one_with_a_long_one_are_told(serve: Serve, kind: Any) -> None:
    def fail(long: bool) -> None:
        raise RuntimeError("x" * 10**6) if long else Unspeakable

    calls = asks(call("fail", {"long": True}), call("fail", {"long": False}, "2"))
    made, (server,), refused = strict_list(serve, kind, ("openai", says(calls)))
    ask(made, tools=[fail])
    long, short = (json.loads(turn["content"])["error"] for turn in sent(server)[-2:])
    assert (refused, short, long[:15], len(long)) == ([], "Unspeakable: ", "RuntimeError: x", 10_014)


def test_a_large_result_goes_as_it_is(serve: Serve) -> None:
    def give() -> str:
        return "ü" * 3_000_000

    made, (server,), refused = strict_list(serve, ProviderList, ("openai", says(asks(call("give")))))
    ask(made, tools=[give])
    assert (refused, len(sent(server)[-1]["content"])) == ([], 3_000_000)


def handed_on(message: Any) -> list[Any]:
    """Messages as a program keeps them: what came, and results for it."""
    results = [{"role": "tool", "tool_call_id": one.get("id", ""), "content": "1"} for one in message["tool_calls"]]
    return [{"role": "user", "content": "hi"}, message, *results]


@pytest.mark.parametrize("streams", [False, True])
def test_an_sdk_client_of_everybody_puts_a_conversation_as_whoever_answers_takes_it(
    serve: Serve, streams: bool
) -> None:
    message = {
        **ODD["thoughts, in every spelling"],
        "tool_calls": ODD["ids that are too long, or have other letters"]["tool_calls"],
    }
    made, servers, refused = strict_list(serve, ProviderList, ("groq", status(404)), ("mistral", answer))
    client: Any = made.client()
    reply = client.chat.completions.create(model="m", messages=handed_on(message), stream=streams)
    text = "".join(one.choices[0].delta.content or "" for one in reply) if streams else reply.choices[0].message.content
    assert (text, refused, [len(server.asked) for server in servers]) == ("hello", [], [1, 1])


def test_so_does_one_for_asyncio(serve: Serve) -> None:
    made, _, refused = strict_list(serve, AsyncProviderList, ("mistral", answer))

    async def asked() -> Any:
        async with made.client() as client:
            message: Any = ODD["thoughts, in every spelling"]
            return await client.chat.completions.create(model="m", messages=handed_on(message))

    assert (asyncio.run(asked()).choices[0].message.content, refused) == ("hello", [])


def test_a_client_of_one_candidate_sends_what_it_is_given(serve: Serve) -> None:
    server = serve()
    made = ProviderList(json_override=registry_of(server.url), environ=keys(1), local=False)
    client, name = made.connect_to_model("m")
    turns: Any = handed_on(ODD["thoughts, in every spelling"])
    client.chat.completions.create(model=name, messages=turns)
    assert sent(server) == turns


def test_a_batch_takes_the_same_way(serve: Serve) -> None:
    odd = ODD["two ids that are empty (Gemini)"]
    made, _, refused = strict_list(serve, ProviderList, ("google", says(odd, then=status(404))), ("mistral", answer))
    (result,) = made.batch(["hi"], "m", tools=[add])
    assert (result.answer, refused) == ("hello", [])


def test_the_engine_takes_the_same_way(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[str] = []
    monkeypatch.setenv("OPENAI_API_KEY", keys(1)["P1_API_KEY"])
    monkeypatch.setenv("OPENAI_BASE_URL", serve(strict("openai", refused)).url)
    turns = handed_on(asks(bare(id=""), bare(id=""), bare({"a": 1}, id="x" * 80), reasoning_content="hm"))
    (talk,) = MetaInferenceEngine(temperature=0.7).infer([Conversation(turns)], model_name="gpt-4o")
    assert (talk.messages[-1].content, refused) == ("hello", [])
