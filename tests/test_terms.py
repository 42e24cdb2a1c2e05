"""The terms of a call: whom it avoids, whom alone it wants, a key and an address of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    AuthenticationError,
    InferenceProvidersError,
    MetaInferenceEngine,
    NoCredentialsError,
    ProviderAvoidedError,
    ProviderList,
    RateLimitError,
    UnknownModelError,
    ask_ai,
)
from inference_providers.credentials import is_private
from inference_providers.registry import bundled
from tests.conftest import Quick, async_list_of, keys, list_of, registry_of
from tests.servers import Connection, Received, Server, answer, status

Serve = Callable[..., Server]
BY_HAND = "canary-8-0123456789abcdef"  # none of the environment's
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def listing(connection: Connection, request: Received) -> None:
    """A server on this machine, which lists a model and answers."""
    if request.path.endswith("/models"):
        connection.reply(200, {"object": "list", "data": [{"id": "m", "object": "model"}], "sort": "tame"})
    else:
        answer(connection, request)


# Whom a call avoids: random terms, on every way to ask

COUNTRIES = {"p1": "US", "p2": "CN", "p3": "DE"}  # of p4, nobody knows
WORDS = ["p1", "p2", "p3", "p4", "US", "china", "Germany", "EU", "local", "tame", "FR"]
MEANS = {
    "p1": {"p1"}, "p2": {"p2"}, "p3": {"p3"}, "p4": {"p4"}, "US": {"p1"}, "china": {"p2"}, "Germany": {"p3"},
    "EU": {"p3"}, "local": {"tame"}, "tame": {"tame"}, "FR": set(),
}  # fmt: skip


class Five:
    """Four providers and a server on this machine, of which some fail, so that others stand in."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.marks = count()
        self.servers = {name: Server(self._behaviour(name)) for name in ("p1", "p2", "p3", "p4", "tame")}

    def _behaviour(self, name: str) -> Callable[[Connection, Received], None]:
        def behave(connection: Connection, request: Received) -> None:
            if name in self.failing and request.method == "POST":
                status(500)(connection, request)
            else:
                listing(connection, request)

        return behave

    def options(self, **more: Any) -> dict[str, Any]:
        registry = registry_of(*(self.servers[f"p{n}"].url for n in range(1, 5)))
        for pid, country in COUNTRIES.items():
            registry["providers"][pid]["country"] = country
        registry["providers"]["tame"] = {
            "connection": {
                "endpoint": self.servers["tame"].url,
                "api_key": [],
                "local": {"address": ["TAME_HOST"], "fingerprint": [{"path": "/v1/models", "contains": "tame"}]},
            },
            "model_names": {},
        }
        return {"json_override": registry, "environ": keys(4), "random": Quick(), **more}

    def close(self) -> None:
        for server in self.servers.values():
            server.close()


@pytest.fixture(scope="module")
def five() -> Iterator[Five]:
    made = Five()
    yield made
    made.close()


def test_an_answer_of_this_machine_tells_who_failed_before(five: Five) -> None:
    five.failing = {"p1", "p2"}

    async def asked() -> list[Any]:
        made = AsyncProviderList(**five.options(only=["p1", "p2", "local"]))
        stream = made.stream("hi")
        "".join([piece async for piece in stream])
        return [await made.ask_ai("hi"), stream.answer, await made.connect_to_ai(test=True)]

    made = ProviderList(**five.options(only=["p1", "p2", "local"]))
    stream = made.stream("hi")
    assert "".join(stream)
    try:
        for answer in [made.ask_ai("hi"), stream.answer, made.connect_to_ai(test=True), *asyncio.run(asked())]:
            assert {attempt.provider for attempt in answer.attempts} == {"p1", "p2", "tame"}
    finally:
        five.failing = set()


def wanted(avoid: set[str], only: set[str] | None) -> set[str]:
    """Who may be asked, by the law itself."""
    everybody = {"p1", "p2", "p3", "p4", "tame"}
    kept = everybody if only is None else set[str]().union(*(MEANS[word] for word in only))
    return kept - set[str]().union(*(MEANS[word] for word in avoid))


def ways(model: str | None, terms: dict[str, Any], mark: str = "") -> dict[str, Callable[[Any], Any]]:
    named = {"model": model or "auto", "messages": MESSAGES}
    return {
        "ask": lambda pl: pl.ask_ai("hi", model, **terms),
        "untested": lambda pl: pl.ask_ai("hi", model, test=False, **terms),
        "stream": lambda pl: list(pl.stream("hi", model, **terms)),
        "batch": lambda pl: [
            result.answer for result in pl.batch([f"a {mark}", f"b {mark}"], model, patience=0, **terms)
        ],
        "client": lambda pl: pl.client(hedge_after=0.01, **terms).chat.completions.create(**named),
        "request": lambda pl: pl.client().chat.completions.create(**named, extra_body=terms),
        "connection": lambda pl: pl.connect_to_model(model, test=True, **terms) if model else pl.connect_to_ai(**terms),
        "first": lambda pl: pl.connect_to_first_available_model([model or "auto", "m"], **terms),
    }


def async_ways(model: str | None, terms: dict[str, Any], mark: str = "") -> dict[str, Callable[[Any], Any]]:
    async def streamed(pl: Any) -> list[str]:
        return [piece async for piece in pl.stream("hi", model, **terms)]

    async def batched(pl: Any) -> list[Any]:
        return [result.answer async for result in pl.batch([f"a {mark}", f"b {mark}"], model, patience=0, **terms)]

    named = {"model": model or "auto", "messages": MESSAGES}
    return {
        "ask": lambda pl: pl.ask_ai("hi", model, **terms),
        "stream": streamed,
        "batch": batched,
        "client": lambda pl: pl.client(**terms).chat.completions.create(**named),
        "request": lambda pl: pl.client().chat.completions.create(**named, extra_body=terms),
        "connection": lambda pl: pl.connect_to_model("m", **terms),
    }


NAMES = st.sets(st.sampled_from(WORDS), max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.tuples(NAMES, st.none() | NAMES.filter(bool)),
    own=st.tuples(NAMES, st.none() | NAMES.filter(bool)),
    everywhere=NAMES,
    failing=st.sets(st.sampled_from(["p1", "p2", "p3", "p4"])),
    model=st.sampled_from([None, "m"]),
    way=st.sampled_from(["ask", "untested", "stream", "batch", "client", "request", "connection", "first"]),
    with_asyncio=st.booleans(),
)
def test_nobody_who_is_avoided_is_ever_sent_anything(
    five: Five, call: Any, own: Any, everywhere: Any, failing: set[str], model: str | None, way: str, with_asyncio: bool
) -> None:
    five.failing = failing
    for server in five.servers.values():
        server.requests.clear()
    terms = {word: sorted(value) for word, value in zip(("avoid", "only"), call, strict=True) if value is not None}
    options = five.options(avoid=own[0], only=own[1])
    mark = f"of example {next(five.marks)}."
    options["environ"] = {**keys(4), "INFERENCE_PROVIDERS_AVOID": ", ".join(everywhere)}
    may = wanted({*call[0], *own[0], *everywhere}, call[1]) & wanted(set(), own[1])
    calls = async_ways(model, terms, mark) if with_asyncio else ways(model, terms, mark)
    if way not in calls:
        way = "ask"
    try:
        if with_asyncio:

            async def asked() -> Any:
                return await calls[way](AsyncProviderList(**options))

            asyncio.run(asked())
        else:
            calls[way](ProviderList(**options))
    except (AllProvidersFailedError, openai.APIError, NoCredentialsError):
        pass
    except UnknownModelError:
        assert "tame" not in may  # a model that only this server has: where it is not looked for, nobody has it
    reached = {
        name
        for name, server in five.servers.items()
        # A batch that was left may still be on its way when the next example begins.
        if any(mark.encode() in one.body or b"of example" not in one.body for one in server.requests)
    }
    assert reached <= may, (way, terms)
    working = may - failing
    if working and len(failing) < 3 and way in ("ask", "batch", "client", "stream"):
        assert reached & working, (
            way,
            terms,
        )  # and those who are left are asked, of three within the limit of attempts


@pytest.mark.parametrize("kind", ["call", "list", "environment"])
def test_who_is_named_and_avoided_is_an_error_that_says_by_what(serve: Serve, kind: str) -> None:
    server = serve()
    terms = {"avoid": ["p1"]}
    own = terms if kind == "list" else {"environ": {"INFERENCE_PROVIDERS_AVOID": "p1"} if kind == "environment" else {}}
    providers = list_of(server.url, **own)
    said = {"call": "this call's avoid", "list": "this list's avoid", "environment": "INFERENCE_PROVIDERS_AVOID"}[kind]
    with pytest.raises(ProviderAvoidedError) as caught:
        providers.ask_ai("hi", "p1/m", **(terms if kind == "call" else {}))
    assert f"Provider 1, which 'p1/m' was asked of, is avoided by {said} (p1)" in str(caught.value)
    with pytest.raises(NoCredentialsError):
        providers.ask_ai("hi", **(terms if kind == "call" else {}))
    assert server.requests == []


def test_explain_tells_by_what_somebody_is_avoided(serve: Serve) -> None:
    providers = list_of(serve().url, serve().url, avoid=["p1"])
    assert "no     p1/m-internal: avoided by this list's avoid (p1)" in str(providers.explain("m"))
    assert [offer.provider for offer in providers.candidates("m")] == ["p2"]


def test_a_name_that_nobody_has_is_an_error_with_what_was_perhaps_meant() -> None:
    for terms in ({"avoid": ["opnai"]}, {"only": "opnai"}):
        with pytest.raises(
            ValueError, match=r"names 'opnai', which is no provider and no country\. Did you mean openai"
        ):
            ProviderList(environ={}, local=False, **terms)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="opnai"):
            ProviderList(environ={}, local=False).ask_ai("hi", **terms)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=r"INFERENCE_PROVIDERS_ONLY names 'Germny'.*germany"):
        ProviderList(environ={"INFERENCE_PROVIDERS_ONLY": "openai,Germny"}, local=False)
    with pytest.raises(ValueError, match="only is empty"):
        ProviderList(environ={}, local=False, only=[])
    with pytest.raises(TypeError, match="not int"):
        ProviderList(environ={}, local=False, avoid=[3])  # type: ignore[list-item]
    with pytest.raises(openai.BadRequestError, match="opnai"):
        list_of("http://127.0.0.1:9/v1").client().chat.completions.create(
            model="m", messages=MESSAGES, extra_body={"avoid": ["opnai"]}
        )


def test_a_call_only_adds_to_what_its_list_and_the_environment_say(serve: Serve) -> None:
    first, second, third = serve(), serve(), serve()
    providers = list_of(
        first.url, second.url, third.url, only=["p1", "p2"], environ={"INFERENCE_PROVIDERS_AVOID": "p1"}
    )
    assert providers.ask_ai("hi", "m").provider == "p2"
    assert providers.ask_ai("hi", "m", avoid=[], only=["p1", "p2", "p3"]).provider == "p2"
    with pytest.raises(ProviderAvoidedError):
        providers.ask_ai("hi", "m", only=["p3"])
    assert not first.requests and not third.requests


def test_countries_are_those_of_the_registry_by_code_and_by_name() -> None:
    environ = {"DEEPSEEK_API_KEY": "sk-0123456789abcdef", "MISTRAL_API_KEY": "mi-0123456789abcdef"}
    for word in ("CN", "cn", "China"):
        providers = ProviderList(environ=environ, local=False, avoid=[word])
        assert {offer.provider for offer in providers.explain() if offer.usable} == {"mistral"}
    for word in ("FR", "France", "EU"):
        providers = ProviderList(environ=environ, local=False, only=[word])
        assert {offer.provider for offer in providers.explain() if offer.usable} == {"mistral"}
    unknown = next(row for row in bundled().providers.values() if not row.data.get("country") and row.key_variables)
    providers = ProviderList(environ={unknown.key_variables[0]: "k-0123456789abcdef"}, local=False, only=["US"])
    assert not [offer for offer in providers.explain() if offer.usable]


def test_what_a_list_overrides_decides_under_terms_too_but_does_not_lift_them(serve: Serve) -> None:
    first, second = serve(), serve()

    class Mine(ProviderList):
        def candidates(self, name: str, *, provider: str | None = None) -> Any:
            return super().candidates(name, provider=provider)[::-1]

    providers = list_of(first.url, second.url, kind=Mine)
    assert providers.ask_ai("hi", "m").provider == "p2"
    assert providers.ask_ai("hi", "m", avoid=["p2"]).provider == "p1"
    others = list_of(first.url, second.url)
    everybody = others.candidates("m")
    others.candidates = lambda name: everybody
    assert others.ask_ai("hi", "m", avoid=["p1"]).provider == "p2"
    with pytest.raises(ProviderAvoidedError):
        others.ask_ai("hi", "m", avoid=["p1", "p2"])


def test_terms_share_what_is_known_of_keys(serve: Serve) -> None:
    first, second = serve(status(401)), serve()
    providers = list_of(first.url, second.url)
    providers.ask_ai("hi", "m")
    assert providers.ask_ai("hi", "m", avoid=["FR"]).provider == "p2"
    assert len(first.requests) == 1


# A key by hand


@pytest.mark.parametrize("way", ["ask", "stream", "batch", "client", "connection"])
def test_a_key_by_hand_goes_to_who_is_named_and_replaces_the_environments(serve: Serve, way: str) -> None:
    first, second = serve(), serve()
    ways("p1/m", {"api_key": BY_HAND})[way](list_of(first.url, second.url))
    assert {request.key for request in first.asked} == {BY_HAND}
    assert second.requests == []


@pytest.mark.parametrize("way", ["ask", "stream", "batch", "client", "connection"])
def test_a_key_by_hand_with_asyncio(serve: Serve, way: str) -> None:
    first, second = serve(), serve()
    calls = {
        **async_ways("p1/m", {"api_key": BY_HAND}),
        "connection": lambda pl: pl.connect_to_model("p1/m", test=True, api_key=BY_HAND),
    }

    async def asked() -> None:
        await calls[way](async_list_of(first.url, second.url))

    asyncio.run(asked())
    assert {request.key for request in first.asked} == {BY_HAND}
    assert second.requests == []


def test_a_key_by_hand_has_no_fallback(serve: Serve) -> None:
    first, second = serve(status(500)), serve()
    with pytest.raises(AllProvidersFailedError):
        list_of(first.url, second.url).ask_ai("hi", "p1/m", api_key=BY_HAND)
    assert second.requests == []


@pytest.mark.parametrize("model", ["m", "auto", None, ["p1/m", "p2/m"]])
def test_a_key_that_may_be_several_providers_goes_to_none(serve: Serve, model: Any) -> None:
    first, second = serve(), serve()
    providers = list_of(first.url, second.url)
    for way in ("ask", "stream"):
        with pytest.raises(UnknownModelError, match=r"Whose key is it\?.* may mean p1, p2"):
            ways(model, {"api_key": BY_HAND})[way](providers)
    with pytest.raises(openai.NotFoundError, match="Whose key"):
        providers.client(model, api_key=BY_HAND).chat.completions.create(model="default", messages=MESSAGES)
    assert first.requests == second.requests == []


def test_what_leaves_one_provider_settles_whose_key_it_is(serve: Serve) -> None:
    first, second = serve(), serve()
    providers = list_of(first.url, second.url)
    for model in ("m", None):
        assert providers.ask_ai("hi", model, api_key=BY_HAND, only=["p2"]).provider == "p2"
        assert providers.ask_ai("hi", model, api_key=BY_HAND, avoid=["p1"]).provider == "p2"
    assert {request.key for request in second.asked} == {BY_HAND}
    assert list_of(first.url).ask_ai("hi", "m", api_key=BY_HAND).provider == "p1"  # which alone has the model


def test_a_client_and_a_batch_send_their_key_to_one_provider_only(serve: Serve) -> None:
    first, second = serve(), serve()
    providers = list_of(first.url, second.url)
    client = providers.client(api_key=BY_HAND)
    client.chat.completions.create(model="p1/m", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError, match="is p1's since the first call"):
        client.chat.completions.create(model="p2/m", messages=MESSAGES)
    items = ["a", {"prompt": "b", "model": "p2/m"}]
    kept, refused = list(providers.batch(items, "p1/m", api_key=BY_HAND))
    assert kept.ok and isinstance(refused.error, UnknownModelError)
    assert second.requests == []
    assert providers.ask_ai("hi", "p2/m", api_key=BY_HAND).provider == "p2"  # another call, which names another


def test_a_dead_key_by_hand_leaves_the_environments_alone(serve: Serve) -> None:
    def judge(connection: Connection, request: Received) -> None:
        (status(401) if request.key == BY_HAND else answer)(connection, request)

    server = serve(judge)
    providers = list_of(server.url)
    for _ in range(2):
        with pytest.raises((AllProvidersFailedError, AuthenticationError)):
            providers.ask_ai("hi", "p1/m", api_key=BY_HAND)
    assert len(server.asked) == 1  # the second time, it is known to be refused
    assert providers.ask_ai("hi", "p1/m").provider == "p1"


@pytest.mark.parametrize("key", ["", "your-api-key", "two words", "'quoted'"])
def test_what_is_no_key_is_refused_and_no_other_is_used(serve: Serve, key: str) -> None:
    server = serve()
    with pytest.raises(NoCredentialsError, match="The api_key given"):
        list_of(server.url).ask_ai("hi", "p1/m", api_key=key)
    with pytest.raises(TypeError, match="api_key must be text, not int"):
        list_of(server.url).ask_ai("hi", "p1/m", api_key=5)
    assert server.requests == []


def test_a_key_by_hand_that_a_server_echoes_shows_nowhere(serve: Serve) -> None:
    def echo(connection: Connection, request: Received) -> None:
        connection.reply(400, {"error": {"message": f"bad request with {request.key}"}})

    server = serve(echo)
    with pytest.raises(Exception) as caught:
        list_of(server.url, verbose=True).ask_ai("hi", "p1/m", api_key=BY_HAND)
    assert server.asked[0].key == BY_HAND
    assert BY_HAND not in str(caught.value) and BY_HAND[:12] not in repr(vars(caught.value))


def test_no_traceback_with_local_variables_shows_a_key_by_hand(serve: Serve) -> None:
    import traceback

    server = serve(status(400))
    hidden = {"key": BY_HAND}  # the caller's own variables are the caller's
    calls: list[Callable[[Any], Any]] = [
        lambda pl: pl.ask_ai("hi", "p1/m", api_key=hidden["key"]),
        lambda pl: list(pl.stream("hi", "p1/m", api_key=hidden["key"])),
        lambda pl: pl.connect_to_model("p1/m", test=True, api_key=hidden["key"]),
        lambda pl: pl.client(api_key=hidden["key"]).chat.completions.create(model="p1/m", messages=MESSAGES),
        lambda pl: list(pl.batch(["hi"], "p1/m", on_error="raise", api_key=hidden["key"])),
        lambda pl: pl.ask_ai("hi", "p1/m", avoid=["opnai"], api_key=hidden["key"]),
    ]
    for call in calls:
        with pytest.raises(Exception) as caught:
            call(list_of(server.url))
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        text = "".join(part for part in shown.format() if "hidden = " not in part)
        assert BY_HAND not in text


# An address of the caller's


def test_an_address_is_asked_alone_under_the_name_given_and_without_any_key(serve: Serve) -> None:
    known, mine = serve(), serve()
    providers = list_of(known.url)
    for way in ("ask", "stream", "batch", "client"):
        ways("org/my-model:4b", {"api_base": mine.url + "/"})[way](providers)
    assert {request.json["model"] for request in mine.asked} == {"org/my-model:4b"}
    assert {request.key for request in mine.requests} == {None}
    assert known.requests == []
    answered = providers.ask_ai("hi", "my-model", api_base=mine.url, top_k=3, api_key=BY_HAND)
    assert (answered.provider, answered.model) == ("remote", "my-model")
    assert mine.asked[-1].key == BY_HAND and mine.asked[-1].json["top_k"] == 3
    providers.ask_ai("hi", "my-model", api_base=mine.url, api_key="none")
    assert mine.asked[-1].key is None


def test_an_address_has_no_fallback_and_wants_a_model(serve: Serve) -> None:
    known, mine = serve(), serve(status(500))
    providers = list_of(known.url)
    with pytest.raises(AllProvidersFailedError):
        providers.ask_ai("hi", "m", api_base=mine.url)
    for model in (None, "auto"):
        with pytest.raises(UnknownModelError, match="give the name"):
            providers.ask_ai("hi", model, api_base=mine.url)
    assert known.requests == []


def test_a_providers_own_address_gets_its_key_of_the_environment_and_nobody_elses(serve: Serve) -> None:
    first, second = serve(), serve()
    providers = list_of(first.url, second.url)
    answered = providers.ask_ai("hi", "p1/m", api_base=first.url)
    assert (answered.provider, answered.model) == ("p1", "m-internal")
    assert first.asked[-1].key == keys(1)["P1_API_KEY"]
    providers.ask_ai("hi", "unlisted", api_base=f"{first.url}/deeper")
    assert (first.asked[-1].path, first.asked[-1].json["model"]) == ("/v1/deeper/chat/completions", "unlisted")
    providers.ask_ai("hi", "m", api_base=first.url, api_key=BY_HAND)
    assert first.asked[-1].key == BY_HAND
    assert providers.ask_ai("hi", api_base=first.url).provider == "p1"  # whose models are known
    for terms in ({"avoid": ["p1"]}, {"only": ["p2"]}):
        with pytest.raises(ProviderAvoidedError):
            providers.ask_ai("hi", "m", api_base=first.url, **terms)
        with pytest.raises(ProviderAvoidedError):
            providers.ask_ai("hi", api_base=first.url, **terms)
    assert second.requests == []


def test_an_address_on_this_machine_is_avoided_with_it(serve: Serve) -> None:
    mine = serve()
    providers = list_of("http://127.0.0.1:9/v1")
    for terms in ({"avoid": ["local"]}, {"only": ["US"]}, {"avoid": "remote"}):
        with pytest.raises(ProviderAvoidedError):
            providers.ask_ai("hi", "m", api_base=mine.url, **terms)
    assert mine.requests == []
    for terms in ({"only": ["local"]}, {"only": ["remote"]}):
        providers.ask_ai("hi", "m", api_base=mine.url, **terms)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://llm.example.com/v1", "use https"),
        ("http://8.8.8.8/v1", "use https"),
        ("http://0x08080808/v1", "use https"),
        ("ftp://llm.example.com", "must begin with"),
        ("https://user:secret@llm.example.com/v1", "must begin with"),
        ("https://llm.example.com/v1?key=secret", "must begin with"),
        ("", "must begin with"),
        (BY_HAND, "must begin with"),
    ],
)
def test_what_is_no_address_for_a_key_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        list_of("http://127.0.0.1:9/v1").ask_ai("hi", "m", api_base=address)
    assert "secret" not in str(caught.value) and BY_HAND not in str(caught.value)


def test_plain_http_is_for_this_machine_and_private_networks() -> None:
    private = ["localhost", "127.0.0.1:8000", "10.1.2.3", "192.168.0.7:80", "[fd00::1]:8000", "[::1]", "vllm:8000"]
    private += ["gpu.internal", "llm.svc.cluster.local", "100.64.0.1", "169.254.1.1"]
    public = ["example.com", "8.8.8.8", "134744072", "0x8080808", "[2001:4860:4860::8888]:80", "local.example.com"]
    public += ["10.0.0.1.example.com", "8.8"]
    assert [host for host in private if not is_private(host)] == []
    assert [host for host in public if is_private(host)] == []


def test_a_stage_or_an_sdk_cannot_bring_in_another_key_or_address(serve: Serve) -> None:
    """The SDK's own `api_key` is never sent, and its `base_url` is not followed."""
    server, other = serve(), serve()
    client = list_of(server.url).client()
    client.with_options(api_key=BY_HAND).chat.completions.create(model="m", messages=MESSAGES)
    assert server.asked[-1].key == keys(1)["P1_API_KEY"]
    with pytest.raises(openai.APIConnectionError):
        client.with_options(base_url=other.url).chat.completions.create(model="m", messages=MESSAGES)
    assert other.requests == []


def test_the_functions_of_the_module_and_the_engine_take_terms(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    for name, value in {"OPENAI_API_KEY": keys(1)["P1_API_KEY"], "OPENAI_BASE_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    assert ask_ai("hi", "openai/gpt-4o", api_key=BY_HAND).provider == "openai"
    assert server.asked[-1].key == BY_HAND
    engine = MetaInferenceEngine(max_tokens=5)
    engine.infer([MESSAGES], "openai/gpt-4o", api_key=BY_HAND, only=["openai"])
    assert server.asked[-1].key == BY_HAND
    engine.infer([MESSAGES], "my-model", api_base=server.url + "/other")
    assert (server.asked[-1].path, server.asked[-1].json["model"]) == ("/v1/other/chat/completions", "my-model")
    count = len(server.requests)
    for terms in ({"avoid": ["openai"]}, {"only": ["FR"]}, {"avoid": "US", "api_key": BY_HAND}):
        with pytest.raises(NoCredentialsError):
            ask_ai("hi", "openai/gpt-4o", **terms)  # type: ignore[call-overload]
        with pytest.raises(NoCredentialsError):
            engine.infer([MESSAGES], "openai/gpt-4o", **terms)  # type: ignore[arg-type]
    with pytest.raises(NoCredentialsError):
        engine.infer([MESSAGES], "my-model", api_base=server.url, avoid=["local"])
    monkeypatch.setenv("INFERENCE_PROVIDERS_AVOID", "openai")
    with pytest.raises(ProviderAvoidedError, match="INFERENCE_PROVIDERS_AVOID"):
        ask_ai("hi", "openai/gpt-4o")
    with pytest.raises(NoCredentialsError):
        engine.infer([MESSAGES], "openai/gpt-4o")
    assert len(server.requests) == count


def test_mock_mode_answers_for_every_key_and_every_address() -> None:
    providers = ProviderList(mock={"*": "hello"})
    assert providers.ask_ai("hi", "gpt-4o", api_key="k", api_base="https://llm.example.com/v1") == "hello"
    assert providers.ask_ai("hi", "gpt-4o", api_key="k") == "hello"
    assert providers.ask_ai("hi", "gpt-4o", avoid=["openai"]).provider != "openai"


def test_a_call_without_terms_has_the_lists_own_pipeline(serve: Serve) -> None:
    providers = list_of(serve().url)
    providers.ask_ai("hi", "m")
    list(providers.batch(["hi"], "m"))
    assert providers.pipeline.narrowed == {}
    providers.ask_ai("hi", "m", avoid=["FR"])
    providers.ask_ai("hi", "m", avoid=("FR",))
    assert len(providers.pipeline.narrowed) == 1  # found once for the same terms
    assert json.dumps(str(providers.ask_ai("hi", "m", only=iter(["p1"])))) == '"hello"'


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("max_retries", "retry_attempts"),
        ("base_url", "api_base"),
        ("avoided", "avoid"),
        ("nope", "there are .*api_base"),
    ],
)
def test_an_option_that_there_is_not_is_named_with_the_one_that_was_meant(word: str, said: str) -> None:
    providers = list_of("http://127.0.0.1:9/v1")
    options: dict[str, Any] = {word: 1}
    with pytest.raises(TypeError, match=rf"'{word}' is not an option here; .*{said}"):
        providers.client(**options)
    for connect in (providers.connect_to_ai, lambda **given: providers.connect_to_model("m", **given)):
        with pytest.raises(TypeError, match=rf"'{word}' is not an option here"):
            connect(**options)


def test_one_provider_that_fails_the_test_of_a_connection_says_so_itself(serve: Serve) -> None:
    server = serve(status(429, {"error": {"message": "slow down"}}, {"retry-after": "7"}))
    with pytest.raises(RateLimitError) as caught:
        list_of(server.url).connect_to_model("m", test=True)
    assert (caught.value.provider, caught.value.status, caught.value.retry_after) == ("p1", 429, 7)
    assert caught.value.message == "slow down"
    assert caught.value.attempts[0].outcome == "reachable"


def test_every_error_has_a_message() -> None:
    for ask in (
        lambda: ProviderList(environ={}, local=False).ask_ai("x"),
        lambda: ProviderList().resolve("no-such-model-at-all"),
    ):
        with pytest.raises(InferenceProvidersError) as caught:
            ask()
        assert caught.value.message == str(caught.value)
