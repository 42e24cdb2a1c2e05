"""What is asked where no model is named: `auto`, `auto:small`, and policies over them."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    NoCredentialsError,
    ProviderList,
    UnknownModelError,
)
from inference_providers.calls import listing
from inference_providers.credentials import Environment, Pins
from inference_providers.errors import AuthenticationError
from inference_providers.joint_errors import all_failed
from inference_providers.offers import Accesses, Offer, Resolver, defaults
from inference_providers.registry import Provider, Registry, bundled
from inference_providers.upkeep.importers.build import load_overlay
from tests.conftest import keys, registry_of
from tests.servers import Connection, Received, Server, answer, status
from tests.test_offers import calls_of

Serve = Callable[..., Server]
KINDS = [pytest.param(ProviderList, id="sync"), pytest.param(AsyncProviderList, id="async")]
KEY = "canary-1-0123456789abcdef"
POLICIES = ("cheapest", "fastest", "smartest", "free", "local")


def run(value: Any) -> Any:
    """The value, or what the coroutine returns."""
    return asyncio.run(value) if inspect.iscoroutine(value) else value


# The lists


def two_lists(*endpoints: str, **more: Any) -> dict[str, Any]:
    """A registry with a large and a small model at each endpoint, and a list for each."""
    registry = registry_of(*endpoints, model="large")
    for row in registry["providers"].values():
        row["model_names"]["little"] = "little-internal"
    return {**registry, "auto_small_priority": ["little"], **more}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("auto", "large"),
        ("AUTO", "large"),
        (" auto:small ", "little"),
        ("Auto:Small", "little"),
        ("auto:fastest", "large"),
        ("auto:small:fastest", "little"),
        ("auto:smartest", "large"),
        ("auto:cheapest", "large"),
    ],
)
def test_a_choice_is_a_name_wherever_one_is_given(serve: Serve, name: str, model: str) -> None:
    server = serve()
    made = ProviderList(json_override=two_lists(server.url), environ=keys(1), local=False)
    asynchronous = AsyncProviderList(json_override=two_lists(server.url), environ=keys(1), local=False)
    assert made.ask_ai("hi", name) == "hello"
    assert asyncio.run(asynchronous.ask_ai("hi", [name, "large"])) == "hello"
    assert "".join(made.ask_ai("hi", name, stream=True)) == "hello"
    assert made.client().chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}]).choices
    assert (
        made.client(name).chat.completions.create(model="default", messages=[{"role": "user", "content": "hi"}]).choices
    )
    assert next(iter(made.batch(["hi"], name))).answer == "hello"
    assert made.find_model_providers(name)[0].internal_name == f"{model}-internal"
    assert made.connect_to_model(name).name == f"{model}-internal"
    assert made.explain(name).chosen.internal_name == f"{model}-internal"  # type: ignore[union-attr]
    assert {request.json["model"] for request in server.asked} == {f"{model}-internal"}


def test_a_choice_ends_with_what_runs_here_and_is_narrowed_like_any_name(serve: Serve) -> None:
    made = ProviderList(json_override=two_lists(serve().url, serve().url), environ=keys(2), local=False)
    assert made.ask_ai("hi", "auto:small", avoid="p1").provider == "p2"
    assert made.ask_ai("hi", "auto:small", only="p2").provider == "p2"
    assert made.ask_ai("hi", "auto:small", only="p2", api_key="canary-9-0123456789abcdef").provider == "p2"
    with pytest.raises(UnknownModelError, match=r"Whose key is it\? 'auto:small' may mean p1, p2"):
        made.ask_ai("hi", "auto:small", api_key="canary-9-0123456789abcdef")


def test_a_file_without_a_small_list_has_its_own_other_one() -> None:
    assert Registry({"providers": {}, "auto_model_priority": ["m"]}).auto_small_priority == ["m"]
    assert Registry({"providers": {}}).auto_small_priority == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("auto:cheep", "auto:cheapest"),
        ("auto:smal", "auto:small"),
        ("auto:smart", "auto:smartest"),
        ("auto:small:fastst", "auto:small:fastest"),
        ("auto/small", "auto:small"),
        ("auto-small", "auto:small"),
        ("auto:xyzzy", "auto:small"),
    ],
)
def test_what_is_no_choice_is_an_error_with_the_closest(name: str, meant: str) -> None:
    made = ProviderList(environ={"OPENAI_API_KEY": KEY}, local=False)
    with pytest.raises(UnknownModelError, match=rf"no way to choose a model(.|\n)*\n  {meant}(\n|$)"):
        made.find_model_providers(name)


@pytest.mark.parametrize("policy", ["free", "local"])
def test_a_choice_that_nothing_fits_says_so(policy: str, serve: Serve) -> None:
    made = ProviderList(json_override=two_lists(serve().url), environ=keys(1), local=False)
    with pytest.raises(NoCredentialsError, match=f"auto:{policy}"):
        made.ask_ai("hi", f"auto:{policy}")


# In what order


MADE = {"glm-9": {"lab": "zai"}, "open-9": {"lab": "nobody"}}


def by_makers(*providers: str, makers: dict[str, list[str]] | None = None, doubtful: str = "") -> list[str]:
    """The providers that are asked for a model of Z.AI's, in order."""
    facts = {"glm-9": [None, None, 1, 2, None, "d"]}
    rows = {
        pid: {
            "connection": {"endpoint": f"https://{pid}.example/v1", "api_key": "P1_API_KEY"},
            "model_names": {"glm-9": "glm-9", "open-9": "open-9"},
            **({"facts": facts} if pid == doubtful else {}),
        }
        for pid in providers
    }
    data = {"providers": rows, "models": MADE, "makers": {"zai": ["zai", "zhipu"]} if makers is None else makers}
    trust = {"P1_API_KEY": [f"{pid}.example" for pid in providers]}
    made = ProviderList(json_override=data, environ=keys(1), local=False, trust=trust)
    cheapest = [offer.provider for offer in made.find_model_providers("glm-9:cheapest")]
    found = [offer.provider for offer in made.find_model_providers("glm-9")]
    assert found == cheapest or doubtful
    assert [offer.provider for offer in made.find_model_providers("open-9")] == list(providers)
    return found


def test_the_maker_comes_before_resellers_and_nothing_else_moves() -> None:
    assert by_makers("mistral", "zai", "together") == ["zai", "mistral", "together"]
    assert by_makers("together", "zhipu", "zai") == ["zai", "zhipu", "together"]
    assert by_makers("together", "mistral") == ["together", "mistral"]
    assert by_makers("mistral", "zai", makers={}) == ["mistral", "zai"]
    assert by_makers("mistral", "zai", doubtful="zai") == ["mistral", "zai"]


def test_the_automatic_choice_asks_the_maker_first(serve: Serve) -> None:
    reseller, maker = serve(), serve()
    registry = registry_of(reseller.url, maker.url) | {"models": {"m": {"lab": "lab"}}, "makers": {"lab": ["p2"]}}
    assert ProviderList(json_override=registry, environ=keys(2), local=False).ask_ai("hi").provider == "p2"
    assert not reseller.asked


def test_the_smartest_is_a_matter_of_models_and_not_of_windows() -> None:
    registry = registry_of(*[f"https://p{n}.example/v1" for n in (1, 2, 3)], facts=[[1000], [9000], [5000]])
    for row in registry["providers"].values():
        row["model_names"]["better"] = "better-internal"
        row["facts"]["better-internal"] = [10]
    registry["auto_model_priority"] = ["better", "m"]
    made = ProviderList(json_override=registry, environ=keys(3), local=False)
    assert [offer.provider for offer in made.find_model_providers("m:smartest")] == ["p1", "p2", "p3"]
    smartest = [(offer.canonical_name, offer.provider) for offer in made.find_model_providers("auto:smartest")]
    assert smartest == [(model, f"p{n}") for model in ("better", "m") for n in (1, 2, 3)]


# What a provider's models are worth, where the list has none of them. Each row: names of a provider's models, with the
# month in which they were made, USD per million output tokens (None: nobody knows), and the letters of their facts.
TABLE: list[tuple[dict[str, tuple[str, float | None, str]], str, str]] = [
    # versions, where nobody knows when they were made
    (
        {"jamba-1.5": ("", 0.4, ""), "jamba-large-1.6": ("", 8, ""), "jamba-large-1.7": ("", 8, ""), "jamba-mini-1.7": ("", 0.4, "")},
        "jamba-large-1.7", "jamba-mini-1.7",
    ),
    # dates
    (
        {"solar-mini": ("2024-06", 0.15, ""), "solar-pro-2": ("2025-05", 0.25, ""), "solar-pro-3": ("2026-01", 0.25, "")},
        "solar-pro-3", "solar-pro-3",
    ),
    # what may have ended comes last, whatever else is said for it
    ({"nova-2-pro": ("2026-03", 10, "d"), "nova-premier": ("2025-10", 12.5, ""), "nova-micro": ("2025-09", 0.14, "")}, "nova-premier", "nova-micro"),
    # what is made for something else
    ({"mercury-edit-9": ("2026-02", 0.75, ""), "mercury-coder-9": ("2026-02", 0.75, ""), "mercury-8": ("2026-01", 0.75, "")}, "mercury-8", "mercury-8"),
    ({"step-9-vl": ("2026-05", 2, ""), "step-guard-9b": ("2026-05", 9, ""), "step-8": ("2026-05", 1, "")}, "step-8", "step-8"),
    # speed at five times the price is no flagship, nor a job for a small one
    ({"swe-1.6": ("", 2.5, ""), "swe-1.7": ("", 2.5, ""), "swe-1.7-lightning": ("", 12.5, "")}, "swe-1.7", "swe-1.7"),
    ({"kimik9": ("", 14, ""), "kimik9-fast": ("", 22.5, ""), "glm9flash": ("", 0.7, "")}, "kimik9", "glm9flash"),
    # what costs more than flagships do is for who names it
    ({"bee-swarm": ("2026-07", 150, ""), "bee-hive": ("2026-07", 20, ""), "bee-cell": ("2026-07", 1.2, "")}, "bee-hive", "bee-cell"),
    # no prices: the newest generation, by size
    ({"qwerky-72b": ("", None, ""), "qwerky-32b": ("", None, "")}, "qwerky-72b", "qwerky-32b"),
    ({"claude-haiku-9": ("2024-10", None, ""), "claude-sonnet-9": ("2025-02", None, ""), "claude-sonnet-9.5": ("2025-05", None, "")}, "claude-sonnet-9.5", "claude-haiku-9"),
    ({"ling-9-flash": ("2026-04", 0.02, ""), "ling-9-1t": ("2026-04", 0.25, ""), "ling-8-1t": ("2025-01", 2, "")}, "ling-9-1t", "ling-9-flash"),
    # all alike: the plain name
    ({"kloker-architect": ("2026-08", 1.16, ""), "kloker": ("2026-08", 1.16, "")}, "kloker", "kloker"),
]  # fmt: skip


@pytest.mark.parametrize(("models", "best", "small"), TABLE)
def test_a_provider_without_a_listed_model_gives_the_best_of_its_own(
    models: dict[str, tuple[str, float | None, str]], best: str, small: str
) -> None:
    rows = {
        name: [None, None, price and price / 4, price, None, letters] for name, (_, price, letters) in models.items()
    }
    for names in (list(models), sorted(models), sorted(models, reverse=True)):  # the order of a file says nothing
        provider = {
            "connection": {"endpoint": "https://p1.example/v1", "api_key": "P1_API_KEY"},
            "model_names": {name: name for name in names},
            "facts": rows,
        }
        released = {name: {"released": when} for name, (when, _, _) in models.items() if when}
        data = {"providers": {"p1": provider}, "models": released, "auto_model_priority": ["listed"]}
        made = ProviderList(json_override=data, environ=keys(1), local=False)
        for choice, wanted in (("auto", best), ("auto:small", small)):
            found = made.find_model_providers(choice)
            assert found[0].canonical_name == wanted
            assert len(found) <= 3
            assert made.explain(choice).chosen.canonical_name == wanted  # type: ignore[union-attr]


def test_a_provider_whose_listed_models_may_have_ended_gives_others_before_them() -> None:
    row = {
        "connection": {"endpoint": "https://p1.example/v1", "api_key": "P1_API_KEY"},
        "model_names": {"listed": "listed", "other": "other"},
        "facts": {"listed": [None, None, 1, 1, None, "d"]},
    }
    made = ProviderList(
        json_override={"providers": {"p1": row}, "auto_model_priority": ["listed"]}, environ=keys(1), local=False
    )
    assert [offer.canonical_name for offer in made.find_model_providers("auto")] == ["other", "listed"]


# The installed registry, as a user with one key has it


def one_key(provider: Provider, choice: str) -> list[Offer]:
    """What a key for one provider comes to, of that provider."""
    environ = dict.fromkeys(
        (*provider.connection.get("variables", {}), *provider.connection.get("settings", ())), "abcdefgh12"
    )
    environ[provider.key_variables[0]] = KEY
    accesses = Accesses(bundled(), Environment(environ), Pins(bundled(), None), {provider.id})
    return [offer for offer in defaults.keyed(Resolver(accesses), choice) if offer.provider == provider.id]


def with_keys() -> Iterator[Provider]:
    """The providers of the registry that can be asked with a key, and of which a model is known."""
    for provider in bundled().providers.values():
        if (
            provider.local is None
            and provider.key_variables
            and provider.protocol in ("openai", "messages")
            and provider.model_names
        ):
            yield provider


@pytest.mark.parametrize("choice", ["auto", "auto:small"])
@pytest.mark.parametrize("provider", list(with_keys()), ids=lambda provider: provider.id)
def test_every_key_reaches_a_model_that_a_person_would_be_glad_to_get(provider: Provider, choice: str) -> None:
    found = one_key(provider, choice)
    if not found:  # its address takes more than a key, or nothing of it can be called
        return
    first, registry = found[0], bundled()
    own = [Offer(first._access, canonical, name) for canonical, name in provider.model_names.items()]
    fresh = [offer for offer in own if offer.usable and not offer.doubtful]
    assert first.doubtful <= (not fresh), "what may have ended comes after all others"
    plain = [offer for offer in fresh if not re.search(defaults._APART, offer.canonical_name or "")]
    if plain:
        assert not re.search(defaults._APART, first.canonical_name or ""), "made for something else"

    def year(offer: Offer) -> str:
        return str(registry.model(offer.canonical_name or "").get("released") or "9999")[:4]

    if any("2025" <= year(offer) < "9999" for offer in plain):
        assert year(first) >= "2024", "older by far than others there"
    is_listed = first.canonical_name in defaults.priority(registry, choice)
    if not is_listed and any((offer.output_price or 99) <= defaults.DEAR for offer in plain):
        assert (first.output_price or 0) <= defaults.DEAR, "dear ones are for who names them"


def test_the_lists_say_why_and_since_when() -> None:
    overlay = load_overlay()
    for name in ("auto_model_priority", "auto_small_priority"):
        for model, row in overlay[name].items():
            assert row.keys() == {"why", "since"}, model
            assert 10 < len(row["why"]) < 100
            assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", row["since"])


def test_every_listed_model_is_served_twice_or_by_its_maker() -> None:
    registry = bundled()
    assert registry.auto_small_priority != registry.auto_model_priority
    for model in {*registry.auto_model_priority, *registry.auto_small_priority}:
        rows = [provider for provider, _ in registry.offers_of(model) if provider.protocol in ("openai", "messages")]
        makers = {pid for pids in registry.rows["makers"].values() for pid in pids}
        assert len(rows) >= 2 or {row.id for row in rows} & makers, model
        prices = [row.facts(name).output_price or 0 for row, name in registry.offers_of(model)]
        assert min(prices) <= defaults.DEAR, model


def test_makers_are_providers_that_sell_by_use() -> None:
    registry = bundled()
    for lab, makers in registry.rows["makers"].items():
        for pid in makers:
            assert "plan" not in pid, (lab, pid)
            assert pid in registry.providers, (lab, pid)
    environ = {name: KEY for pid in ("zai", "mistral", "together") for name in registry.providers[pid].key_variables}
    assert ProviderList(environ=environ, local=False).find_model_providers("glm-5.3")[0].provider == "zai"


# Providers whose models nobody knows


def lists(*models: Any, reply: Any = None) -> Callable[[Connection, Received], None]:
    """A server with a list of models, which it gives to who has the key."""

    def behave(connection: Connection, request: Received) -> None:
        if request.path != "/v1/models":
            answer(connection, request)
        elif request.key is None:
            connection.reply(401, {"error": {"message": "no key"}})
        else:
            rows = [{"id": model} if isinstance(model, str) else model for model in models]
            connection.reply(200, {"object": "list", "data": rows} if reply is None else reply)

    return behave


def unlisted(*urls: str, **more: Any) -> dict[str, Any]:
    """A registry of providers of which no model is known, each with a key."""
    registry = registry_of(*urls)
    for row in registry["providers"].values():
        row["model_names"] = {}
    return (
        registry | {"auto_model_priority": ["gpt-5.5", "llama-3.3-70b"], "auto_small_priority": ["llama-3.1-8b"]} | more
    )


def listings(server: Server) -> int:
    """How often a server was asked, with a key, what it has."""
    return sum(request.path.endswith("/models") and request.key is not None for request in server.requests)


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_of_unknown_models_is_asked_once_what_it_has(serve: Serve, kind: Any) -> None:
    server = serve(
        lists("text-embedding-3-large", "flux-schnell", "llama-3.1-8b-instruct", "openai/gpt-5.5", "whisper-1")
    )
    made = kind(json_override=unlisted(server.url), environ=keys(1), local=False)

    async def asked() -> list[Any]:
        return [await made.ask_ai("hi"), await made.ask_ai("hi", "auto"), await made.ask_ai("hi", test=False)]

    answers = (
        asyncio.run(asked())
        if kind is AsyncProviderList
        else [made.ask_ai("hi"), made.ask_ai("hi", "auto"), made.ask_ai("hi", test=False)]
    )
    assert [str(one) for one in answers] == ["hello"] * 3
    assert {request.json["model"] for request in server.asked} == {"openai/gpt-5.5"}
    assert listings(server) == 1
    assert {request.key for request in server.requests if request.key} == {keys(1)["P1_API_KEY"]}
    assert run(made.ask_ai("hi", "auto:small")) == "hello"
    assert server.asked[-1].json["model"] == "llama-3.1-8b-instruct"
    assert listings(server) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_connections_and_streams_are_to_what_it_has(serve: Serve, kind: Any) -> None:
    server = serve(lists("llama-3.3-70b"))
    made = kind(json_override=unlisted(server.url), environ=keys(1), local=False)
    assert run(made.connect_to_ai()).name == "llama-3.3-70b"
    assert run(made.connect_to_model("auto:small")).name == "llama-3.3-70b"
    assert run(made.connect_to_first_available_model(["gpt-5.5", "auto:cheapest"])).name == "llama-3.3-70b"

    async def streamed() -> str:
        return "".join([piece async for piece in await made.ask_ai("hi", stream=True)])

    assert (
        asyncio.run(streamed()) if kind is AsyncProviderList else "".join(made.ask_ai("hi", stream=True))
    ) == "hello"


def test_sdk_clients_and_batches_reach_it(serve: Serve) -> None:
    server = serve(lists("llama-3.3-70b"))
    made = ProviderList(json_override=unlisted(server.url), environ=keys(1), local=False)
    reply = made.client().chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
    assert reply.choices[0].message.content == "hello"
    assert next(iter(made.batch(["hi"]))).answer == "hello"
    assert [row.id for row in made.client().models.list()] == ["llama-3.3-70b"]
    assert listings(server) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_with_another_key_waits_for_it(serve: Serve, kind: Any) -> None:
    silent, known = serve(lists("llama-3.3-70b")), serve()
    registry = unlisted(silent.url, known.url)
    registry["providers"]["p2"]["model_names"] = {"m": "m-internal"}
    made = kind(json_override=registry, environ=keys(2), local=False)
    assert run(made.ask_ai("hi")).provider == "p2"
    assert run(made.ask_ai("hi", "auto")).provider == "p2"
    assert run(made.connect_to_ai()).provider == "p2"
    assert not silent.requests


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_when_everybody_else_has_failed(serve: Serve, kind: Any) -> None:
    spare, refused = serve(lists("llama-3.3-70b")), serve(status(401, {"error": {"message": "Incorrect API key"}}))
    registry = unlisted(spare.url, refused.url)
    registry["providers"]["p2"]["model_names"] = {"m": "m-internal"}
    made = kind(json_override=registry, environ=keys(2), local=False)
    answered = run(made.ask_ai("hi"))
    assert (answered.provider, [attempt.provider for attempt in answered.attempts]) == ("p1", ["p2", "p1"])
    connection = run(kind(json_override=registry, environ=keys(2), local=False).connect_to_ai())
    assert connection.provider == "p1"


def test_a_provider_all_of_whose_models_may_have_ended_is_asked_what_it_has(serve: Serve) -> None:
    server = serve(lists("llama-3.3-70b"))
    registry = unlisted(server.url)
    registry["providers"]["p1"] |= {"model_names": {"gone": "gone"}, "facts": {"gone": [None, None, 1, 1, None, "d"]}}
    made = ProviderList(json_override=registry, environ=keys(1), local=False)
    found = made.pipeline.finder.candidates("auto")
    assert [offer.internal_name for offer in found] == ["llama-3.3-70b", "gone"]
    server.behaviour = status(500)
    broken = ProviderList(json_override=registry_at(registry, "http://127.0.0.1:9/v1"), environ=keys(1), local=False)
    assert [offer.internal_name for offer in broken.pipeline.finder.candidates("auto")] == ["gone"]


def registry_at(registry: dict[str, Any], url: str) -> dict[str, Any]:
    moved: dict[str, Any] = json.loads(json.dumps(registry))
    moved["providers"]["p1"]["connection"]["endpoint"] = url
    return moved


def test_a_key_by_hand_goes_to_its_owner_only_and_has_a_list_of_its_own(serve: Serve) -> None:
    first, second = serve(lists("llama-3.3-70b")), serve(lists("gpt-5.5"))
    made = ProviderList(json_override=unlisted(first.url, second.url), environ=keys(1), local=False)
    assert made.ask_ai("hi") == "hello"
    by_hand = "canary-9-0123456789abcdef"
    assert made.ask_ai("hi", only="p2", api_key=by_hand).provider == "p2"
    assert {request.key for request in second.requests if request.key} == {by_hand}
    assert by_hand not in {request.key for request in first.requests}
    third = serve(lists("llama-3.1-8b"))
    assert made.ask_ai("hi", "auto", avoid="p1", only=["p2"], api_key=by_hand).provider == "p2"
    assert not third.requests
    with pytest.raises(NoCredentialsError):
        made.ask_ai("hi", avoid="p1")


ODD = [
    ("bare", [{"id": "llama-3.3-70b"}], "llama-3.3-70b"),
    ("texts", {"data": ["llama-3.3-70b"]}, "llama-3.3-70b"),
    ("models", {"models": [{"name": "llama-3.3-70b"}]}, "llama-3.3-70b"),
    ("kinds", {"data": [{"id": "gpt-5.5", "type": "embedding"}, {"id": "llama-3.3-70b", "type": "chat"}]}, "llama-3.3-70b"),
    ("output", {"data": [{"id": "gpt-5.5", "architecture": {"output_modalities": ["image"]}}, {"id": "llama-3.3-70b"}]}, "llama-3.3-70b"),
    ("ended", {"data": [{"id": "gpt-5.5", "deprecated": True}, {"id": "llama-3.3-70b"}]}, "llama-3.3-70b"),
    ("no chat", {"data": [{"id": "gpt-5.5", "capabilities": {"completion_chat": False}}, {"id": "llama-3.3-70b"}]}, "llama-3.3-70b"),
    ("rubbish", {"data": [None, 5, [], {}, {"id": 5}, {"id": ""}, {"id": "a\x1b[31mb"}, {"id": "x" * 9999}, {"id": "llama-3.3-70b"}]}, "llama-3.3-70b"),
    ("newest", {"data": [{"id": "own-a", "created": 1700000000}, {"id": "own-b", "created": 1790000000}]}, "own-b"),
    ("times that are none", {"data": [{"id": "own-9", "created": "x"}, {"id": "own-8", "created": 1e300}, {"id": "own-7", "created": float("1e9")}]}, "own-9"),
    ("own names", {"data": [{"id": "zephyrus-2"}, {"id": "zephyrus-2-mini"}, {"id": "zephyrus-embed-2"}]}, "zephyrus-2"),
    ("long", {"data": [{"id": f"own-{n}"} for n in range(3000)]}, "own-1999"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "model"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_lists_of_any_form_are_read(serve: Serve, reply: Any, model: str) -> None:
    server = serve(lists(reply=reply))
    made = ProviderList(json_override=unlisted(server.url), environ=keys(1), local=False)
    assert made.ask_ai("hi") == "hello"
    assert server.asked[0].json["model"] == model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("behaviour", "error", "said"),
    [
        (lists(reply={"data": []}), AllProvidersFailedError, "has no model to talk to"),
        (lists(reply={"data": {"id": "m"}}), AllProvidersFailedError, "has no model to talk to"),
        (lists("text-embedding-3-large"), AllProvidersFailedError, "has no model to talk to"),
        (lambda c, r: c.reply(401, {"error": {"message": "Incorrect API key"}}), AuthenticationError, "Incorrect API key"),
        (lambda c, r: c.reply(404, {"detail": "Not Found"}), AllProvidersFailedError, "404"),
        (lambda c, r: c.reply(200, "<html>hello</html>"), AllProvidersFailedError, "has no model to talk to"),
        (lambda c, r: c.reply(200, "[" * 10_000 + "]" * 10_000), AllProvidersFailedError, "has no model to talk to"),
    ],
)  # fmt: skip
def test_a_list_that_helps_nobody_is_an_error_that_says_what_to_do(
    serve: Serve, kind: Any, behaviour: Any, error: type[Exception], said: str
) -> None:
    made = kind(json_override=unlisted(serve(behaviour).url), environ=keys(1), local=False)
    for call in (lambda: made.ask_ai("hi"), lambda: made.ask_ai("hi", "auto"), made.connect_to_ai):
        with pytest.raises(error, match=said) as caught:
            run(call())
        assert "name one: p1/MODEL" in str(caught.value)
        assert keys(1)["P1_API_KEY"] not in str(caught.value)


def test_whoever_answers_instead_of_providers_answers_for_lists_too() -> None:
    made = ProviderList(mock={"m": "hello"}, environ={})
    assert made.ask_ai("hi", "auto:small") == "hello"


def test_a_warm_question_looks_nothing_up_again(serve: Serve) -> None:
    server = serve(lists(*[f"own-{n}" for n in range(500)]))
    made = ProviderList(json_override=unlisted(server.url), environ=keys(1), local=False)
    made.ask_ai("hi")
    calls = calls_of(lambda: made.ask_ai("hi"))
    assert calls["month"] == calls["ranked"] == calls["keyed"] == 0  # of `offers.defaults`
    assert calls["Names.canonical_name"] < 5
    assert listings(server) == 1


def test_all_lists_together_have_ten_seconds() -> None:
    asked: list[float] = []

    def slow(offer: Offer, limit: float) -> bytes:
        asked.append(limit)
        raise all_failed(f"{offer.provider} is out of time", [])

    registry = Registry(unlisted("https://a.example/v1", "https://b.example/v1"))
    accesses = Accesses(registry, Environment(keys(2)), Pins(bundled(), {"P1_API_KEY": [], "P2_API_KEY": []}))
    rows = list(registry.providers.values())
    with pytest.raises(AllProvidersFailedError, match="p1 is out of time"):
        listing.candidates(Resolver(accesses), "auto", rows, slow, {}, strict=True)
    assert 0 < asked[1] <= asked[0] <= listing.LIMIT


def test_servers_here_come_before_lists(serve: Serve) -> None:
    remote, here = serve(lists("llama-3.3-70b")), serve()
    local = {
        "name": "Here",
        "connection": {"endpoint": here.url, "local": {"fingerprint": [{"owned_by": "tests"}]}},
        "model_names": {},
    }
    registry = unlisted(remote.url)
    registry["providers"]["here"] = local
    made = ProviderList(json_override=registry, environ=keys(1))
    assert made.ask_ai("hi").provider == "here"
    assert not remote.requests
