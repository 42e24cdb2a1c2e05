"""What is named exactly is asked for exactly: likeness finds a model, and never another variant of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import (
    AsyncProviderList,
    NoCredentialsError,
    ProviderAvoidedError,
    ProviderList,
    UnknownModelError,
)
from inference_providers.credentials.pins import Pins
from inference_providers.offers.access import Accesses
from inference_providers.offers.local_server import LocalServer
from inference_providers.offers.offer import Offer
from inference_providers.offers.ordering import order
from inference_providers.offers.resolver import Resolver
from inference_providers.registry.registry import bundled
from inference_providers.registry.variants import Wanted, snapshot, variant
from tests.servers import Connection, Received, Server, answer

Serve = Callable[..., Server]


def all_keys() -> dict[str, str]:
    """An environment in which every provider of the bundled registry can be asked."""
    environ = {}
    for provider in bundled().providers.values():
        environ |= dict.fromkeys(provider.key_variables, "k-12345678")
    return environ


def resolver(*servers: LocalServer) -> Resolver:
    return Resolver(Accesses(bundled(), all_keys(), Pins(bundled())), local=lambda: servers)


def ollama(*models: str) -> LocalServer:
    names = bundled().names
    return LocalServer("ollama", "http://127.0.0.1:11434/v1", {model: names.canonical_name(model) for model in models})


def listed() -> Iterator[tuple[str, str]]:
    """Every provider of the bundled registry with each of its names."""
    for provider in bundled().providers.values():
        for name in (*provider.model_names.values(), *provider.more_names):
            yield provider.id, name


def sent(name: str, *servers: LocalServer) -> list[tuple[str, str]]:
    """Who would be asked, under which name."""
    return [(offer.provider, offer.internal_name) for offer in order(resolver(*servers).resolve(name).offers)]


def test_every_listed_name_is_asked_for_as_it_is_where_its_provider_is_named() -> None:
    made = resolver()
    wrong = [
        (pid, name, found)
        for pid, name in listed()
        if (found := [(o.provider, o.internal_name) for o in made.resolve(f"{pid}/{name}").offers]) != [(pid, name)]
    ]
    assert wrong == []


# Registry's aliases, and models that ended, stand for another; a provider's own name before a slash is that provider.
ANOTHER = ("alias", "retired", "engine")


@given(st.sampled_from(sorted(listed())))
def test_who_lists_a_name_is_asked_for_no_sibling_of_it(row: tuple[str, str]) -> None:
    pid, name = row
    found = resolver().resolve(name)
    names = [offer.internal_name for offer in order(found.offers) if offer.provider == pid]
    assert names in ([name], []) or found.rule in ANOTHER


@given(st.sampled_from(sorted(listed())))
def test_nobody_is_asked_for_less_than_a_listed_name_says(row: tuple[str, str]) -> None:
    _, name = row
    found = resolver().resolve(name)
    if found.rule == "internal name":
        assert [o.internal_name for o in found.offers if not variant(name) <= variant(o.internal_name)] == []


@given(st.sampled_from(sorted(listed())))
def test_a_name_is_all_that_it_says_itself(row: tuple[str, str]) -> None:
    _, name = row
    assert Wanted(name, set).kept_by(name)
    assert variant(name.upper()) == variant(name)
    assert variant(name, packing=False) <= variant(name)


@pytest.mark.parametrize(
    ("name", "words", "date"),
    [
        ("gpt-4o", set(), ""),
        ("gpt-4o-2024-08-06", set(), "0806"),
        ("claude-sonnet-4-5-20250929", set(), "0929"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", set(), "0929"),
        ("claude-sonnet-4-5@20250929", set(), "0929"),
        ("gpt-4-0613", set(), "0613"),
        ("gemini-1.5-pro-002", set(), "002"),
        ("eu.anthropic.claude-opus-4-8", {"eu"}, ""),
        ("us-gov/o3-mini", {"us-gov"}, ""),
        ("gpt-5@eu", {"eu"}, ""),
        ("claude-opus-5@eu-central-1", {"eu-central-1"}, ""),
        ("qwen/qwen3.8-27b:free", {"free"}, ""),
        ("meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", {"free"}, ""),
        ("openai/gpt-4o:online", {"online"}, ""),
        ("openai/o3-mini-high", {"high"}, ""),
        ("mistral-medium-latest", set(), ""),
        ("gpt-3.5-turbo-16k", {"16k"}, ""),
        ("llama3.1:8b-instruct-q8_0", {"q8_0"}, ""),
        ("Qwen3-8B-Q4_K_M.gguf", {"q4_k_m"}, ""),
        ("nvidia/Qwen3.8-27B-NVFP4", {"nvfp4"}, ""),
        ("gpt-oss:120b-cloud", {"cloud"}, ""),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", set(), ""),
        ("claude-opus-4-8-think", {"thinking"}, ""),
        ("anthropic/claude-opus-4.1:thinking:8192", {"thinking"}, ""),
        ("Qwen3-30B-A3B-Thinking-2507", {"thinking"}, ""),
        ("qwen3.6-35b-a3b-fp8-no-thinking", {"fp8"}, ""),
        ("openai/gpt-6-sol-pro:batch", {"pro", "batch"}, ""),
        ("openai-gpt-56-terra-pro", {"pro"}, ""),
        ("openai/gpt-5.5-pro", set(), ""),
        ("muse-spark-1.2-contributor-free", {"free"}, ""),
    ],
)
def test_what_a_name_says_beyond_its_model(name: str, words: set[str], date: str) -> None:
    assert (variant(name), snapshot(name)) == (words, date)


# Under a provider that is named


@pytest.mark.parametrize(
    "name",
    [
        "openrouter/openai/gpt-4o:online", "openrouter/meta-llama/llama-3.3-70b-instruct:floor", "openrouter/openrouter/auto",
        "openrouter/google/gemma-3-27b-it:free", "openrouter/openai/gpt-4o:extended", "openai/gpt-4o-2024-12-25",
        "anthropic/claude-opus-5-5-20261001", "together/meta-llama/Llama-3.3-70B-Instruct-FP8", "requesty/gpt-5@eu-west-9",
        "deepinfra/meta-llama/Llama-3.3-70B-Instruct-AWQ", "openai/ft:gpt-4o-mini-2024-07-18:org::abc",
        "fireworks/accounts/me/models/my-lora", "azure/gpt-4o-prod-eu", "groq/llama-3.3-70b-lora",
    ],
)  # fmt: skip
def test_a_variant_that_a_named_provider_does_not_list_is_passed_on_with_a_word(name: str) -> None:
    pid, _, rest = name.partition("/")
    found = resolver().resolve(name)
    assert [(offer.provider, offer.internal_name) for offer in found.offers] == [(pid, rest)]
    assert "passed on as it is" in found.warning


@pytest.mark.parametrize(
    ("name", "internal_name"),
    [
        ("openrouter/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"),  # the one snapshot there is
        ("vertex/claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929"),
        ("groq/llama-3.3-70b", "llama-3.3-70b-versatile"),
    ],
)
def test_likeness_may_add_to_a_name(name: str, internal_name: str) -> None:
    assert internal_name in [offer.internal_name for offer in resolver().resolve(name).offers]


@pytest.mark.parametrize("form", ["ollama/{}", "ollama:{}", "ollama_chat/{}"])
@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ("llama3.1:8b-instruct-q4_0", "llama3.1:8b-instruct-q8_0"),
        ("gpt-oss:120b-cloud", "gpt-oss:120b"),
        ("gpt-oss:20b", "gpt-oss:20b-cloud"),
        ("deepseek-r1:8b", "deepseek-r1:70b"),
        ("deepseek-coder-v2:16b", "deepseek-coder:6.7b"),
        ("gemma3:4b-it-q4_K_M", "gemma3:4b-it-fp16"),
    ],
)
def test_a_tag_that_a_server_here_lacks_is_no_other_tag(there: str, asked: str, form: str) -> None:
    assert sent(form.format(asked), ollama(there)) == [("ollama", asked)]


@pytest.mark.parametrize("there", ["deepseek-r1:latest", "gemma3:latest", "qwen3:latest", "gpt-oss:latest"])
def test_what_a_server_here_calls_latest_is_what_lies_there(there: str) -> None:
    big = {"deepseek-r1:latest": "deepseek-r1", "gemma3:latest": "gemma-3-27b", "qwen3:latest": "qwen3-32b"}
    assert ("ollama", there) not in sent(big.get(there, "gpt-oss-120b"), ollama(there))
    assert sent(f"ollama/{there.removesuffix(':latest')}", ollama(there)) == [("ollama", there)]


# Whoever serves it


@pytest.mark.parametrize("name", ["gpt-oss-120b:free", "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", "qwen/qwen3.8-27b:free"])  # fmt: skip
def test_what_is_free_is_never_asked_of_who_takes_money(name: str) -> None:
    try:
        offers = resolver().resolve(name).offers
    except UnknownModelError:
        return
    assert [offer for offer in offers if offer.input_price and not variant(offer.internal_name) & {"free"}] == []


@pytest.mark.parametrize("name", ["gpt-4o-2024-08-06", "gpt-4o-2024-05-13", "gpt-4-0613", "gpt-4o-mini-2024-07-18"])
def test_a_snapshot_is_asked_of_who_lists_it(name: str) -> None:
    found = sent(name)
    assert ("openai", name) in found
    assert {snapshot(internal) for _, internal in found} <= {snapshot(name), ""}
    assert {snapshot(internal) for _, internal in found} == {snapshot(name)} or name == "gpt-4o-mini-2024-07-18"


def test_a_snapshot_that_nobody_lists_is_its_makers_to_judge() -> None:
    found = resolver().resolve("gpt-4o-2024-12-25")
    assert (found.rule, [(o.provider, o.internal_name) for o in found.offers]) == ("family", [("openai", "gpt-4o-2024-12-25")])  # fmt: skip


@pytest.mark.parametrize("name", ["gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "deepseek-chat", "mistral-nemo", "gpt-4o"])
def test_a_provider_that_has_the_very_name_is_asked_for_it(name: str) -> None:
    found = dict(sent(name))
    for pid in found:
        names = {*bundled().providers[pid].model_names.values(), *bundled().providers[pid].more_names}
        if name in names:
            assert found[pid] == name
        elif whole := {one for one in names if one.rpartition("/")[2] == name}:
            assert found[pid] in whole


def test_the_order_of_providers_does_not_depend_on_how_each_calls_a_model() -> None:
    places = {pid: place for place, pid in enumerate(bundled().providers)}
    for name in ("gpt-4o", "deepseek-r1", "llama-3.3-70b"):
        found = [places[offer.provider] for offer in resolver().resolve(name).offers]
        assert found == sorted(found)


def test_a_region_is_not_left_for_another() -> None:
    for name in ("glm-5.2-eu", "eu.glm-5.2", "llama-3.3-70b-eu"):
        try:
            found = resolver().resolve(name).offers
        except UnknownModelError:
            continue
        assert [offer.internal_name for offer in found if "eu" not in variant(offer.internal_name)] == []


@pytest.mark.parametrize(
    ("name", "pid"), [("gpt-4o-azure", "azure"), ("llama-3.3-70b-groq", "groq"), ("kimi-k2.5-fireworks", "fireworks")]
)
def test_a_service_behind_a_model_is_the_one_that_is_meant(name: str, pid: str) -> None:
    assert {offer.provider for offer in resolver().resolve(name).offers} == {pid}


# What follows a name is somebody's word


def bundled_resolver(*servers: LocalServer) -> Resolver:
    return Resolver(Accesses(bundled(), all_keys(), Pins(bundled())), local=lambda: servers)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        # OpenRouter's, whoever made the model
        ("openai/gpt-4o:online", "openrouter/openai/gpt-4o:online"),
        ("deepseek/deepseek-r1:free", "openrouter/deepseek/deepseek-r1:free"),
        ("qwen/qwen3.8-27b:free", "openrouter/qwen/qwen3.8-27b:free"),
        ("google/gemma-3-27b-it:free", "openrouter/google/gemma-3-27b-it:free"),
        ("mistralai/never-heard-of-7b:free", "openrouter/mistralai/never-heard-of-7b:free"),
        ("anthropic/claude-opus-5.5:beta", "openrouter/anthropic/claude-opus-5.5:beta"),
        ("anthropic/claude-opus-5.5:exacto", "openrouter/anthropic/claude-opus-5.5:exacto"),
        ("openai/gpt-4o:nitro", "openrouter/openai/gpt-4o:nitro"),
        ("google/gemini-2.5-flash:nitro:online", "openrouter/google/gemini-2.5-flash:nitro:online"),
        ("gpt-4o:nitro", "openrouter/openai/gpt-4o:nitro"),
        ("llama-3.3-70b:exacto", "openrouter/meta-llama/llama-3.3-70b-instruct:exacto"),
        ("openai/gpt-4o@preset/email", "openrouter/openai/gpt-4o@preset/email"),
        ("@preset/email", "openrouter/@preset/email"),
        ("openrouter/llama-3.3-70b:nitro", "openrouter/meta-llama/llama-3.3-70b-instruct:nitro"),
        ("openrouter/openai/gpt-4o@preset/email", "openrouter/openai/gpt-4o@preset/email"),
        ("openrouter/auto", "openrouter/openrouter/auto"),
        ("openrouter:auto", "openrouter/openrouter/auto"),
        # Hugging Face's router's
        ("huggingface/openai/gpt-oss-120b:cerebras", "huggingface/openai/gpt-oss-120b:cerebras"),
        ("huggingface/meta-llama/Llama-3.3-70B-Instruct:fastest", "huggingface/meta-llama/Llama-3.3-70B-Instruct:fastest"),
        ("huggingface/meta-llama/Llama-3.3-70B-Instruct:cheapest", "huggingface/meta-llama/Llama-3.3-70B-Instruct:cheapest"),
        ("huggingface/groq/openai/gpt-oss-120b", "huggingface/openai/gpt-oss-120b:groq"),
        # what stands in an account
        ("accounts/me/models/llama-v3p3-70b-instruct", "fireworks/accounts/me/models/llama-v3p3-70b-instruct"),
        ("accounts/me/deployments/abc", "fireworks/accounts/me/deployments/abc"),
        ("accounts/fireworks/models/llama-v3p3-70b-instruct#accounts/me/deployments/abc",
         "fireworks/accounts/fireworks/models/llama-v3p3-70b-instruct#accounts/me/deployments/abc"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
         "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("ft:gpt-4o-mini-2024-07-18:org::abc", "openai/ft:gpt-4o-mini-2024-07-18:org::abc"),
        ("ft:o4-mini-2025-04-16:org::abc", "openai/ft:o4-mini-2025-04-16:org::abc"),
        ("ft:open-mistral-7b:abc:20240101:x", "mistral/ft:open-mistral-7b:abc:20240101:x"),
        (f"meta/meta-llama-3-70b-instruct:{'0a' * 32}", f"replicate/meta/meta-llama-3-70b-instruct:{'0a' * 32}"),
        # how Together serves weights
        ("together/meta-llama/Meta-Llama-3.1-8B-Instruct-Lite", "together/meta-llama/Meta-Llama-3.1-8B-Instruct-Lite"),
        ("together/meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", "together/meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"),
        ("together/llama-3.1-8b-turbo", "together/meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"),
    ],
)  # fmt: skip
def test_a_word_behind_a_name_goes_to_whom_it_belongs(name: str, asked: str) -> None:
    found = bundled_resolver().resolve(name)
    assert f"{found.offers[0].provider}/{found.offers[0].internal_name}" == asked
    assert {offer.internal_name for offer in found.offers} == {asked.partition("/")[2]}  # nobody gets another name
    assert found.warning or found.rule in ("engine", "internal name")


@pytest.mark.parametrize("name", ["openai/gpt-oss-120b:groq", "meta-llama/Llama-3.3-70B-Instruct:novita"])
def test_whether_a_router_or_a_provider_is_meant_is_asked(name: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        bundled_resolver().resolve(name)
    base, _, word = name.rpartition(":")
    assert caught.value.suggestions == [f"{word}/{base}", f"huggingface/{name}"]


@pytest.mark.parametrize("name", ["gpt-4o:cheapest", "gpt-oss-120b:free", "llama-3.3-70b:fastest", "llama3.1:8b"])
def test_a_policy_or_a_tag_behind_a_plain_name_is_nobodys_word(name: str) -> None:
    assert bundled_resolver().resolve(name).rule != "suffix"


@given(st.sampled_from(sorted(listed())), st.sampled_from([":online", ":nitro", ":free", ":floor", "@preset/mine"]))
def test_a_suffix_is_never_lost(row: tuple[str, str], suffix: str) -> None:
    name = row[1] + suffix
    try:
        found = bundled_resolver().resolve(name)
    except UnknownModelError:
        return
    kept = [suffix in offer.internal_name or suffix[1:] in variant(offer.internal_name) for offer in found.offers]
    assert found.rule == "policy free" or all(kept)


# What is asked for is not left for what costs more


def cost(offer: Offer) -> float | None:
    known = offer.input_price is not None and offer.output_price is not None
    return 3 * (offer.input_price or 0) + (offer.output_price or 0) if known else None


def test_no_provider_is_asked_for_a_dearer_sibling_of_the_very_name() -> None:
    registry, made = bundled(), bundled_resolver()
    dearer = []
    for name in (*registry.canonical_names, *registry.aliases, *{name for _, name in listed()}):
        found = made.resolve(name)
        if found.ended or found.rule == "engine":  # stands for another; is of one provider alone
            continue
        for offer in order(found.offers):
            row = offer.row()
            for other in (*row.model_names.values(), *row.more_names):
                if other.rpartition("/")[2].lower() != name.rpartition("/")[2].lower():
                    continue
                before, after = cost(offer.called(other)), cost(offer)
                if offer.internal_name.lower() != name.lower() and None not in (before, after) and before < after:  # type: ignore[operator]
                    dearer.append((name, offer.provider, offer.internal_name, after, other, before))
    assert dearer == []


@pytest.mark.parametrize(
    "name", ["gpt-3.5-turbo", "gpt-3.5", "GPT-3.5-Turbo", "openrouter/gpt-3.5", "openai/gpt-3.5-turbo"]
)
def test_gpt_3_5_is_no_dearer_sibling(name: str) -> None:
    offers = order(Resolver(Accesses(bundled(), all_keys(), Pins(bundled()))).resolve(name).offers)
    assert offers
    assert {offer.internal_name.rpartition("/")[2] for offer in offers} == {"gpt-3.5-turbo"}


# On this machine, or elsewhere


def test_what_ollama_has_run_elsewhere_is_not_on_this_machine() -> None:
    server = ollama("gpt-oss:120b-cloud", "glm-5.3:cloud", "gpt-oss:20b", "my-cloud:8b")
    offers = {offer.internal_name: offer for offer in resolver(server).server_offers(server)}
    assert {name: offer.local for name, offer in offers.items()} == {
        "gpt-oss:120b-cloud": False, "glm-5.3:cloud": False, "gpt-oss:20b": True, "my-cloud:8b": True,
    }  # fmt: skip
    for name in ("gpt-oss-120b:local", "gpt-oss:120b-cloud:local", "glm-5.3:local"):
        assert [offer for offer in resolver(server).resolve(name).offers if not offer.local] == []
    assert sent("ollama/gpt-oss:120b-cloud", server) == [("ollama", "gpt-oss:120b-cloud")]


def elsewhere(connection: Connection, request: Received) -> None:
    """An Ollama whose first model runs elsewhere."""
    if request.path == "/":
        connection.reply(200, "Ollama is running")
    elif request.path.endswith("/models"):
        connection.reply(
            200, {"data": [{"id": name, "owned_by": "library"} for name in ("qwen3-coder:480b-cloud", "qwen3:4b")]}
        )
    else:
        answer(connection, request)


def test_only_local_asks_nobody_elsewhere(serve: Serve) -> None:
    server = serve(elsewhere)
    environ = {"OLLAMA_HOST": f"127.0.0.1:{server.port}"}
    here = ProviderList(environ=environ, only=["local"])
    for name in ("ollama/qwen3-coder:480b-cloud", "qwen3-coder:480b-cloud"):
        with pytest.raises(ProviderAvoidedError, match="only \\(local\\)"):
            here.ask_ai("hi", name)
    assert here.ask_ai("hi") == "hello"
    anybody = ProviderList(environ=environ)
    assert anybody.ask_ai("hi") == "hello"
    assert {request.json["model"] for request in server.asked if request.body} == {"qwen3:4b"}
    assert anybody.ask_ai("hi", "ollama/qwen3-coder:480b-cloud") == "hello"
    assert server.asked[-1].json["model"] == "qwen3-coder:480b-cloud"
    assert "which has it run elsewhere" in str(anybody.explain("qwen3-coder:480b-cloud"))
    with pytest.raises(NoCredentialsError):
        anybody.ask_ai("hi", "qwen3-coder:480b-cloud:local")


# On the wire


def rows(url: str) -> dict[str, Any]:
    row = {
        "connection": {"endpoint": url, "api_key": "MINE_KEY"},
        "model_names": {"llama-3.3-70b": "meta/llama-3.3-70b"},
        "more_names": {"meta/llama-3.3-70b:free": "llama-3.3-70b", "meta/llama-3.3-70b-fp8": "llama-3.3-70b"},
        "facts": {"meta/llama-3.3-70b": [8192, 8192, 1, 2], "meta/llama-3.3-70b:free": [8192, 8192, 0, 0, None, "d"]},
    }
    return {"providers": {"mine": row}}


NAMES = [
    "meta/llama-3.3-70b:free", "meta/llama-3.3-70b-fp8", "meta/llama-3.3-70b", "mine/meta/llama-3.3-70b:free",
    "mine/meta/llama-3.3-70b:online", "mine/meta/llama-3.3-70b:thinking", "mine/llama-3.3-70b-awq", "mine/llama-3.3-70b-20260101",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_what_the_server_reads(serve: Serve, name: str) -> None:
    server = serve()
    given = {"json_merge": rows(server.url), "environ": {"MINE_KEY": "k-12345678"}, "local": False}
    made = ProviderList(**given)
    assert made.ask_ai("hi", name) == "hello"
    assert "".join(made.stream("hi", name))

    async def ask() -> None:
        providers = AsyncProviderList(**given)
        assert await providers.ask_ai("hi", name) == "hello"
        await providers.aclose()

    asyncio.run(ask())
    assert {request.json["model"] for request in server.asked} == {name.removeprefix("mine/")}


def test_what_nobody_gives_for_free_is_not_paid_for(serve: Serve) -> None:
    server = serve()
    row = {"connection": {"endpoint": server.url, "api_key": "MINE_KEY"}, "model_names": {"llama-3.3-70b": "llama"},
           "facts": {"llama": [8192, 8192, 1, 2]}}  # fmt: skip
    made = ProviderList(json_merge={"providers": {"mine": row}}, environ={"MINE_KEY": "k-12345678"}, local=False)
    for name in ("llama-3.3-70b:free", "Llama-3.3-70B-Instruct-Free", "unsloth/llama-3.3-70b-instruct:free"):
        with pytest.raises((UnknownModelError, NoCredentialsError)):
            made.ask_ai("hi", name)
    assert server.asked == []
