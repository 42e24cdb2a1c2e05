"""One vocabulary in, each provider's and model's spelling out: what arrived at the server decides."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, InvalidRequestError, ProviderList
from inference_providers.chat.parameter_rules import Rules, adapted, dropped
from inference_providers.chat.parameters import DROP, ERROR, KEEP, SYNONYMS, VOCABULARY, normalise
from inference_providers.credentials import Pins
from inference_providers.offers.access import Accesses
from inference_providers.offers.late_offers import offer_by
from inference_providers.protocols import fit
from inference_providers.protocols.request import ModelRequest
from inference_providers.registry.registry import bundled
from tests.conftest import Quick, keys, registry_of
from tests.servers import Server, status

Serve = Callable[..., Server]
KINDS = [ProviderList, AsyncProviderList]
PNG = b"\x89PNG\r\n\x1a\n"
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def listed(kind: Any, *offers: tuple[str, dict[str, Any], str], **options: Any) -> Any:
    """A list over offers (endpoint, the provider's `parameters`, letters of its facts)."""
    registry = registry_of(*(url for url, _, _ in offers), facts=[[None] * 5 + [flags] for _, _, flags in offers])
    for provider, (_, rules, _) in zip(registry["providers"].values(), offers, strict=True):
        provider["connection"]["parameters"] = rules
    environ = options.pop("environ", keys(len(offers)))
    return kind(json_override=registry, environ=environ, local=False, random=Quick(), **options)


def ask(made: Any, question: Any = "hi", **options: Any) -> Any:
    answer = made.ask_ai(question, **options)
    return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer


@pytest.fixture(params=KINDS, ids=["sync", "async"])
def asked(request: pytest.FixtureRequest, serve: Serve) -> Callable[..., tuple[dict[str, Any], Any]]:
    """What arrived at the one provider with these rules, and the answer."""

    def run(rules: dict[str, Any] | None = None, flags: str = "", **options: Any) -> tuple[dict[str, Any], Any]:
        server = serve()
        answer = ask(listed(request.param, (server.url, rules or {}, flags)), **options)
        return server.asked[-1].json, answer

    return run


VALUES: dict[str, Any] = {
    "max_tokens": st.integers(1, 10**6),
    "stop": st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=3),
    "reasoning_effort": st.sampled_from(["low", "medium", "high"]),
    "tools": st.just([TOOL]),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(-1, 100),
    "min_p": st.floats(0, 1),
    "seed": st.integers(),
    "frequency_penalty": st.floats(-2, 2),
    "logprobs": st.booleans(),
    "logit_bias": st.dictionaries(st.integers(0, 9), st.integers(-100, 100), max_size=3),
    "response_format": st.sampled_from(["json", {"type": "json_object"}]),
    "guided_regex": st.text(max_size=5),
}
PARAMETERS = st.fixed_dictionaries({}, optional=VALUES)
NAMES = st.lists(st.sampled_from([*VALUES, "developer", "stream_options", "json_schema"]), unique=True)
ROWS = st.fixed_dictionaries(
    {
        "refuses": NAMES,
        "accepts": NAMES,
        "spelling": st.dictionaries(
            st.sampled_from(sorted(VALUES)), st.sampled_from(["x", "x.y", "x.z.w", "outer.in", "other"]), max_size=2
        ),
    }
)
RULES = st.builds(Rules, st.just(bundled().parameters), ROWS, st.text("PERSTVtvsrd", max_size=4))
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "developer", "user"]), "content": st.text(max_size=5)}),
    max_size=3,
)
BODIES = st.builds(
    lambda turns, given, schema: {
        "messages": turns,
        **normalise(given),
        "stream_options": {"include_usage": True},
        **(
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}}
            if schema
            else {}
        ),
    },
    TURNS,
    PARAMETERS,
    st.booleans(),
)


@given(st.data())
def test_any_synonym_means_what_the_canonical_word_means(data: st.DataObject) -> None:
    word, name = data.draw(st.sampled_from(sorted(SYNONYMS.items())))
    value = data.draw(VALUES[name])
    assert normalise({word: value}) == normalise({name: value})
    assert normalise({word: value, name: value}) == normalise({name: value})


@given(PARAMETERS)
def test_normalising_twice_is_normalising_once(given_ones: dict[str, Any]) -> None:
    before = copy.deepcopy(given_ones)
    once = normalise(given_ones)
    assert normalise(once) == once
    assert given_ones == before


@given(st.sampled_from([name for name, (_, least, most) in VOCABULARY.items() if least is not None]), st.floats())
def test_no_number_outside_its_range_passes(name: str, value: float) -> None:
    types, least, most = VOCABULARY[name]
    number: Any = value if float in types or not math.isfinite(value) else int(value)
    fits = math.isfinite(value) and least <= number and (most is None or number <= most)  # type: ignore[operator]
    if fits:
        assert normalise({name: number}) == {name: number}
    else:
        with pytest.raises((ValueError, TypeError), match=name):
            normalise({name: number})


@given(BODIES, RULES, st.sampled_from([DROP, ERROR, KEEP]))
def test_fitting_changes_nothing_that_the_caller_holds(body: dict[str, Any], rules: Rules, mode: str) -> None:
    before = copy.deepcopy(body)
    adapted(body, rules, mode=mode)
    assert body == before


@given(BODIES, RULES)
def test_what_is_refused_is_not_sent_and_what_is_not_sent_is_reported(body: dict[str, Any], rules: Rules) -> None:
    sent = adapted(body, rules)
    told = {"response_format"} if rules.prompted and "json_schema" in body.get("response_format", {}) else set()
    assert set(sent) == {
        rules.spelling.get(name, name).split(".")[0] for name in body if name not in rules.refused | told
    }
    assert set(dropped(body, rules)) == (set(body) & rules.refused) - told - {"stream_options"}
    if "developer" in rules.refused:
        assert all(turn["role"] != "developer" for turn in sent["messages"])


@given(BODIES, st.builds(Rules, st.just({}), st.fixed_dictionaries({"refuses": NAMES}), st.just("P")))
def test_to_keep_is_to_send_everything_as_it_is(body: dict[str, Any], rules: Rules) -> None:
    assert adapted(body, rules, mode=KEEP) == body


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"temprature": 1}, TypeError, "did you mean temperature?"),
        ({"base_url": "http://127.0.0.1:9/v1"}, TypeError, r"did you mean api_base\?"),
        ({"json": True}, TypeError, r'did you mean response_format="json"\?'),
        ({"concurrency": 2}, TypeError, r"'concurrency' is not a generation parameter\."),
        ({"zzzz": 1}, TypeError, r"not a generation parameter\. A provider's own parameters go into extra_body"),
        ({"max_tokens": 0}, ValueError, "at least 1, not 0"),
        ({"max_new_tokens": True}, TypeError, "max_new_tokens must be a whole number, not True"),
        ({"max_tokens": 3.0}, TypeError, "must be a whole number"),
        ({"temperature": math.nan}, ValueError, "from 0 to 2, not nan"),
        ({"repetition_penalty": math.inf}, ValueError, "not inf"),
        ({"temperature": "hot"}, TypeError, "must be a number, not 'hot'"),
        ({"stop": 3}, TypeError, "must be a text or a list, not 3"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, ValueError, "another word for max_tokens"),
        ({"guided_json": {}, "response_format": "json"}, ValueError, "say the same thing"),
        ({"guided_json": "[1]"}, TypeError, "guided_json must be a JSON Schema"),
        ({"guided_json": "{"}, ValueError, "Expecting"),
        ({"tools": "add"}, TypeError, "tools must be a list"),
        ({"on_unsupported": "ignore"}, ValueError, '"drop" or "error"'),
        ({"max_steps": 0}, ValueError, "max_steps must be a whole number"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_makes_no_sense_is_said_before_anything_is_sent(
    serve: Serve, kind: Any, wrong: dict[str, Any], error: type[Exception], says: str
) -> None:
    server = serve()
    with pytest.raises(error, match=says):
        ask(listed(kind, (server.url, {}, "")), **wrong)
    assert server.requests == []


def test_every_provider_gets_its_own_spelling(asked: Any) -> None:
    rules = {"spelling": {"max_tokens": "max_completion_tokens", "seed": "random_seed", "reasoning_effort": "a.b.c"}}
    sent, answer = asked(rules, max_new_tokens=9, seed=0, effort="low")
    assert (sent["max_completion_tokens"], sent["random_seed"], sent["a"]) == (9, 0, {"b": {"c": "low"}})
    assert not {"max_tokens", "max_new_tokens", "seed", "reasoning_effort", "effort"} & set(sent)
    assert answer.dropped == []


def test_a_dotted_path_keeps_what_is_beside_it(asked: Any) -> None:
    own = {"reasoning": {"exclude": True}}
    sent, _ = asked({"spelling": {"reasoning_effort": "reasoning.effort"}}, reasoning_effort="high", extra_body=own)
    assert sent["reasoning"] == {"exclude": True, "effort": "high"}
    assert own == {"reasoning": {"exclude": True}}


def test_none_and_no_tools_mean_not_given(asked: Any) -> None:
    sent, _ = asked(temperature=None, tools=[], system=None)
    assert sent == {"messages": [{"role": "user", "content": "hi"}], "model": "m-internal"}


def test_numbers_of_tokens_in_a_bias_become_names(asked: Any) -> None:
    assert asked(logit_bias={1734: -100})[0]["logit_bias"] == {"1734": -100}


def test_what_is_beyond_openai_is_sent_to_those_that_take_it_only(asked: Any) -> None:
    sent, answer = asked({"accepts": ["top_k"]}, top_k=5, min_p=0.1)
    assert sent["top_k"] == 5
    assert "min_p" not in sent
    assert answer.dropped == ["min_p"]


@pytest.mark.parametrize(
    ("letter", "given_ones", "left_out"),
    [
        (
            "P",
            {"temperature": 1, "top_p": 0.5, "logit_bias": {1: 1}, "seed": 3},
            {"temperature", "top_p", "logit_bias"},
        ),
        ("E", {"reasoning_effort": "low", "seed": 3}, {"reasoning_effort"}),
        ("R", {"effort": "low", "seed": 3}, {"reasoning_effort"}),
        ("T", {"tool_choice": "auto", "parallel_tool_calls": False, "seed": 3}, {"tool_choice", "parallel_tool_calls"}),
        ("tvsr", {"temperature": 1, "reasoning_effort": "low", "seed": 3}, set()),
    ],
)
def test_a_letter_of_the_facts_leaves_parameters_out(
    asked: Any, letter: str, given_ones: dict[str, Any], left_out: set[str]
) -> None:
    sent, answer = asked(flags=letter, **given_ones)
    assert set(sent) == set(normalise(given_ones)) - left_out | {"messages", "model"}
    assert set(answer.dropped) == left_out


def test_a_model_without_schemas_is_told_of_it_in_the_prompt(asked: Any) -> None:
    sent, answer = asked(flags="S", system="Be brief.", guided_json=json.dumps(SCHEMA))
    assert "response_format" not in sent
    assert [turn["role"] for turn in sent["messages"]] == ["system", "user"]
    assert sent["messages"][0]["content"].startswith("Be brief.\n\nReply with JSON only")
    assert sent["messages"][0]["content"].endswith(json.dumps(SCHEMA))
    assert answer.dropped == []
    assert answer.asked[0]["content"] == "Be brief."


def test_plain_json_is_still_asked_of_a_model_without_schemas(asked: Any) -> None:
    assert asked(flags="S", response_format="json")[0]["response_format"] == {"type": "json_object"}


def test_plain_json_is_reported_where_no_format_is_taken(asked: Any) -> None:
    sent, answer = asked({"refuses": ["response_format"]}, response_format="json")
    assert "response_format" not in sent
    assert answer.dropped == ["response_format"]


@pytest.mark.parametrize(("accepts", "role"), [([], "system"), (["developer"], "developer")])
def test_a_developer_is_the_system_where_nobody_knows_the_role(asked: Any, accepts: list[str], role: str) -> None:
    turns = [{"role": "developer", "content": "x"}, {"role": "user", "content": "hi"}]
    sent, answer = asked({"accepts": accepts}, question=turns)
    assert sent["messages"] == [{**turns[0], "role": role}, turns[1]]
    assert answer.dropped == []
    assert turns[0]["role"] == "developer"


@pytest.mark.parametrize("rules", [{}, {"refuses": ["stream_options"]}])
def test_usage_is_asked_of_streams_where_it_is_known(serve: Serve, rules: dict[str, Any]) -> None:
    server = serve()
    stream = listed(ProviderList, (server.url, rules, "")).stream("hi")
    assert "".join(stream) == "hello"
    assert server.asked[-1].json.get("stream_options") == (None if rules else {"include_usage": True})
    assert stream.answer.dropped == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_candidate_gets_the_question_in_its_own_words(serve: Serve, kind: Any) -> None:
    broken, good = serve(status(404)), serve()
    rules = {"spelling": {"max_tokens": "max_completion_tokens"}, "refuses": ["seed"]}
    answer = ask(listed(kind, (broken.url, rules, ""), (good.url, {}, "P")), max_tokens=5, seed=1, temperature=0)
    assert {"max_completion_tokens", "temperature"} <= set(broken.asked[0].json)
    assert {"max_tokens", "seed"} <= set(good.asked[0].json)
    assert answer.dropped == ["temperature"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_said_once_what_was_left_out(serve: Serve, kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = listed(kind, (serve().url, {"refuses": ["seed", "user"]}, ""))
    for _ in range(2):
        assert ask(made, seed=1, user="me").dropped == ["seed", "user"]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "p1 does not take seed for m-internal; it was left out" in warnings[0]


@pytest.mark.parametrize("kind", KINDS)
def test_on_request_only_those_are_asked_that_take_everything(serve: Serve, kind: Any) -> None:
    first, second = serve(), serve()
    made = listed(kind, (first.url, {}, "P"), (second.url, {}, ""))
    assert ask(made, temperature=0.5, on_unsupported="error").provider == "p2"
    assert first.requests == []
    assert second.asked[0].json["temperature"] == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_sent_where_nobody_takes_everything(serve: Serve, kind: Any) -> None:
    first, second = serve(), serve()
    made = listed(kind, (first.url, {}, "P"), (second.url, {"refuses": ["seed"]}, ""), environ=keys(1))
    with pytest.raises(InvalidRequestError) as caught:
        ask(made, temperature=0.5, on_unsupported="error")
    assert str(caught.value) == (
        "Nothing was sent: p1/m-internal cannot do temperature. p2/m-internal could, with P2_API_KEY."
    )
    assert first.requests == second.requests == []


PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]


@pytest.mark.parametrize(
    ("flags", "rules", "options", "lacking"),
    [
        ("V", {}, {"question": PICTURE}, "images"),
        ("V", {}, {"images": PNG}, "images"),
        ("T", {}, {"tools": [TOOL]}, "tool calls"),
        ("", {"refuses": ["tools"]}, {"tools": [TOOL]}, "tool calls"),
        ("TV", {}, {"tools": [TOOL], "images": PNG}, "tool calls and images"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_who_cannot_do_what_is_needed_is_not_asked(
    serve: Serve, kind: Any, flags: str, rules: dict[str, Any], options: dict[str, Any], lacking: str
) -> None:
    unable, able = serve(), serve()
    offers = [(unable.url, rules, flags), (able.url, {}, "tv")]
    assert ask(listed(kind, *offers), **options).provider == "p2"
    with pytest.raises(InvalidRequestError, match=f"cannot do {lacking}. p2/m-internal could, with P2_API_KEY"):
        ask(listed(kind, *offers, environ=keys(1)), **options)
    assert unable.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_too_goes_to_those_that_can(serve: Serve, kind: Any) -> None:
    unable, able = serve(), serve()
    made = listed(kind, (unable.url, {}, "V"), (able.url, {}, ""))

    async def streamed() -> str:
        return "".join([piece async for piece in made.stream(PICTURE)])

    assert (asyncio.run(streamed()) if kind is AsyncProviderList else "".join(made.stream(PICTURE))) == "hello"
    assert unable.requests == []


def create(made: Any, **options: Any) -> Any:
    """A raw response of the SDK client of a list."""
    options = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **options}
    if isinstance(made, ProviderList):
        return made.client().chat.completions.with_raw_response.create(**options)

    async def created() -> Any:
        return await made.client().chat.completions.with_raw_response.create(**options)

    return asyncio.run(created())


@pytest.mark.parametrize("kind", KINDS)
def test_a_routed_client_says_in_a_header_what_was_left_out(serve: Serve, kind: Any) -> None:
    server = serve()
    made = listed(kind, (server.url, {"spelling": {"max_tokens": "most"}, "refuses": ["user"]}, "P"))
    reply = create(made, temperature=0.5, user="me", max_tokens=3)
    assert reply.headers["x-inference-dropped"] == "temperature, user"
    assert set(server.asked[0].json) == {"messages", "model", "most"}
    assert "x-inference-dropped" not in create(made, seed=1).headers


@pytest.mark.parametrize("kind", KINDS)
def test_messages_of_a_shape_that_nobody_foresaw_are_the_servers_business(serve: Serve, kind: Any) -> None:
    server = serve()
    create(listed(kind, (server.url, {}, "S")), messages=["hi"])
    assert server.asked[0].json["messages"] == ["hi"]


def test_a_client_of_one_candidate_leaves_nothing_out(serve: Serve) -> None:
    server = serve()
    made = listed(ProviderList, (server.url, {"spelling": {"max_tokens": "most"}, "refuses": ["seed"]}, "P"))
    client, name = made.connect_to_model("m")
    answer = made.get_response(client, name, "hi", seed=1, temperature=0.5, max_tokens=3)
    assert server.asked[-1].json.items() >= {"seed": 1, "temperature": 0.5, "most": 3}.items()
    assert answer.dropped == []


def sent_to(variable: str, model: str, **given_ones: Any) -> tuple[dict[str, Any], list[str]]:
    """What the bundled registry makes of parameters for the first offer of a model, and what it leaves out."""
    offer = ProviderList(environ={variable: "k"}, local=False).candidates(model)[0]
    made = fit(ModelRequest({"messages": [{"role": "developer", "content": "x"}], **normalise(given_ones)}), offer)
    return json.loads(made.to_send().body or b""), made.dropped


@pytest.mark.parametrize(
    ("variable", "model", "given_ones", "sent", "left_out"),
    [
        ("OPENAI_API_KEY", "gpt-5", {"max_tokens": 5, "temperature": 1}, {"max_completion_tokens": 5}, ["temperature"]),
        ("OPENAI_API_KEY", "gpt-4o", {"temperature": 1, "top_k": 2}, {"temperature": 1}, ["top_k"]),
        ("MISTRAL_API_KEY", "mistral-large", {"seed": 3, "max_tokens": 5}, {"random_seed": 3, "max_tokens": 5}, []),
        (
            "ANTHROPIC_API_KEY",
            "claude-opus-4.5",
            {"seed": 3, "temperature": 1},
            {"temperature": 1, "max_tokens": 16384},
            ["seed"],
        ),
        ("TOGETHER_API_KEY", "llama-3.3-70b", {"min_p": 0.1, "verbosity": "low"}, {"min_p": 0.1}, ["verbosity"]),
        ("GROQ_API_KEY", "llama-3.3-70b", {"max_new_tokens": 4}, {"max_completion_tokens": 4}, []),
        ("NVIDIA_API_KEY", "llama-3.3-70b", {"guided_regex": "a"}, {"nvext": {"guided_regex": "a"}}, []),
    ],
)
def test_rows_of_the_registry(
    variable: str, model: str, given_ones: dict[str, Any], sent: dict[str, Any], left_out: list[str]
) -> None:
    body, dropped_ones = sent_to(variable, model, **given_ones)
    turns = body.pop("messages")
    del body["model"]
    assert (body, dropped_ones) == (sent, left_out)
    roles = {"OPENAI_API_KEY": "developer", "ANTHROPIC_API_KEY": "user"}  # what a system alone says is the question
    assert turns[0]["role"] == roles.get(variable, "system")


def test_the_registry_speaks_of_parameters_that_there_are() -> None:
    known = {*VOCABULARY, "developer", "stream_options", "json_schema"}
    general = bundled().parameters
    rows = [provider.connection.get("parameters") or {} for provider in bundled().providers.values()]
    for names in (general["extras"], *general["refused"].values(), *(row.get("refuses", ()) for row in rows)):
        assert set(names) <= known
    for row in rows:
        assert set(row) <= {"spelling", "refuses", "accepts"}
        assert {*row.get("spelling", ()), *row.get("accepts", ())} <= known
        assert not {*row.get("spelling", ()), *row.get("accepts", ())} & set(row.get("refuses", ()))


REASONING = [
    ("openai", "o3", True),
    ("openai", "o4-mini-2025-04-16", True),
    ("openai", "gpt-5", True),
    ("openai", "gpt-5-mini-2025-08-07", True),
    ("azure", "o3-mini", True),
    ("azure-cognitive", "gpt-5", True),
    ("azure-cognitive", "codex-mini", True),
    ("openai", "gpt-4o", False),
    ("openai", "gpt-5-chat-latest", False),
    ("azure-cognitive", "deepseek-v3.2", False),
    ("openrouter", "openai/o3", False),
]


@pytest.mark.parametrize(("provider", "model", "reasons"), REASONING)
def test_openais_reasoning_models_take_no_stop_and_spell_max_tokens_otherwise(
    provider: str, model: str, reasons: bool
) -> None:
    access = Accesses(bundled(), {}, Pins(bundled()))[provider]
    offer = offer_by(access, None, model)
    request = ModelRequest({"messages": [], "stop": ["a"], "max_tokens": 50})
    fitted = fit(request, offer)
    assert fitted.body is not None
    assert ("stop" in fitted.body, fitted.dropped) == ((False, ["stop"]) if reasons else (True, []))
    spelled = reasons or provider in ("openai", "azure")
    assert ("max_completion_tokens" in fitted.body, "max_tokens" in fitted.body) == (spelled, not spelled)


def test_a_registry_of_ones_own_may_say_what_a_model_refuses(serve: Serve) -> None:
    server = serve()
    registry = registry_of(server.url)
    registry["parameters"] = {"models": [{"names": "^M-INT", "at": ["p1"], "refuses": ["seed"]}]}
    made = ProviderList(json_override=registry, environ=keys(1), local=False)
    assert made.ask_ai("hi", seed=1, temperature=0).dropped == ["seed"]
    assert server.asked[-1].json.keys() >= {"temperature"}
    assert "seed" not in server.asked[-1].json
