"""Which model is meant: the rules in their order, and what an unknown name gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import ProviderList, UnknownModelError
from inference_providers.credentials.pins import Pins
from inference_providers.offers.access import Accesses
from inference_providers.offers.local_server import LocalServer
from inference_providers.offers.resolver import Resolver
from inference_providers.registry.heads import Heads
from inference_providers.registry.registry import Registry, bundled

OLLAMA = LocalServer(
    "ollama", "http://127.0.0.1:11434/v1", {"llama3.1:8b": "llama-3.1-8b", "own-thing:latest": "own-thing"}
)
VLLM = LocalServer("vllm", "http://127.0.0.1:8000/v1", {"meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b"})


def resolver(
    *servers: LocalServer, environ: dict[str, str] | None = None, aliases: dict[str, str] | None = None
) -> Resolver:
    accesses = Accesses(bundled(), environ or {}, Pins(bundled()))
    return Resolver(accesses, aliases=aliases, local=lambda: servers)


CASES: list[tuple[str, str, str | None, set[str] | None]] = [
    # name, rule, canonical name, providers (None: several)
    ("gpt-4", "canonical", "gpt-4", None),
    ("GPT-6-1-SOL", "canonical", "gpt-6.1-sol", None),
    ("Claude_Opus_5.5", "canonical", "claude-opus-5.5", None),
    ("claude-3-7-sonnet", "alias", "claude-3.7-sonnet", None),
    ("gpt-3.5-turbo", "alias", "gpt-3.5", None),
    ("litellm_gpt-4", "prefix", "gpt-4", None),
    ("litellm_groq/llama3-8b-8192", "prefix", "llama-3-8b", {"groq"}),
    ("litellm_together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "prefix", "llama-3.3-70b", {"together"}),
    ("openrouter_meta-llama/llama-3.3-70b-instruct", "prefix", "llama-3.3-70b", {"openrouter"}),
    ("vllm_Qwen2-7B-Instruct", "prefix", "qwen2-7b", {"vllm"}),
    ("hf_meta-llama/Llama-3.3-70B-Instruct", "prefix", "llama-3.3-70b", {"huggingface"}),
    ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "engine", "llama-3.3-70b", {"together"}),
    ("together/llama3.1-70b", "engine", "llama-3.1-70b", {"together"}),
    ("GROQ/llama-3.3-70b-versatile", "engine", "llama-3.3-70b", {"groq"}),
    ("openai/gpt-oss-120b", "internal name", "gpt-oss-120b", None),
    ("meta-llama/llama-3.3-70b-instruct", "internal name", "llama-3.3-70b", None),
    ("groq/llama-17", "engine, unlisted", "llama-17", {"groq"}),
    ("groq:llama-3.3-70b", "engine", "llama-3.3-70b", {"groq"}),
    ("groq:brand-new-model", "engine, unlisted", "brand-new-model", {"groq"}),
    ("llama3.1:8b", "spelling", "llama-3.1-8b", None),
    ("mistral:7b", "spelling", "mistral-7b", None),
    ("meta-llama/Llama-3-8b", "spelling", "llama-3-8b", None),
    ("gpt-4o:cheapest", "policy cheapest", "gpt-4o", None),
    ("gpt-9-turbo-ultra", "family", "gpt-9-turbo-ultra", {"openai"}),
    ("claude-omega-9", "family", "claude-omega-9", {"anthropic"}),
    ("gemini-12-pro", "family", "gemini-12-pro", {"google"}),
    ("palm", "retired", bundled().retired_models["palm"]["successor"], None),
    ("auto", "auto", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rule", "canonical", "providers"), CASES)
def test_the_first_rule_that_matches_wins(
    name: str, rule: str, canonical: str | None, providers: set[str] | None
) -> None:
    found = resolver().resolve(name)
    assert (found.rule, found.canonical_name) == (rule, canonical)
    assert found.offers
    served_by = {offer.provider for offer in found.offers}
    assert served_by == providers if providers else len(served_by) > 1


def test_names_between_commas_are_nobodys_model() -> None:
    with pytest.raises(UnknownModelError, match=r"claude-opus-5\.5"):
        resolver().resolve("claude-opus-5.5,gpt-9")


def test_a_named_provider_gets_the_name_as_it_is() -> None:
    found = resolver().resolve("Some/Thing:v9", provider="together_ai")
    assert [(o.provider, o.internal_name) for o in found.offers] == [("together", "Some/Thing:v9")]
    assert found.rule == "provider"


def test_a_users_alias_comes_before_everything_else() -> None:
    found = resolver(aliases={"gpt-4": "claude-opus-5.5", "Work": "groq/llama-3.3-70b"})
    assert found.resolve("gpt-4").canonical_name == "claude-opus-5.5"
    assert [o.provider for o in found.resolve("work").offers] == ["groq"]


def test_a_model_on_this_machine_comes_after_the_providers() -> None:
    found = resolver(OLLAMA, VLLM).resolve("llama-3.1-8b")
    assert [o.provider for o in found.offers][-2:] == ["ollama", "vllm"]


@pytest.mark.parametrize(
    "name", ["ollama/llama3.1:8b", "ollama/llama-3.1-8b", "ollama:llama3.1:8b", "ollama/llama3.1-8b"]
)
def test_a_named_local_engine_is_asked_alone(name: str) -> None:
    assert [(o.provider, o.internal_name) for o in resolver(OLLAMA, VLLM).resolve(name).offers] == [
        ("ollama", "llama3.1:8b")
    ]


def test_a_local_name_that_nobody_else_knows_resolves() -> None:
    assert [o.provider for o in resolver(OLLAMA).resolve("own-thing:latest").offers] == ["ollama"]
    assert [o.provider for o in resolver(OLLAMA).resolve("own-thing").offers] == ["ollama"]


def test_unknown_open_weights_go_to_a_server_here_with_a_word() -> None:
    found = resolver(VLLM).resolve("llama-99-3b")
    assert (found.rule, [o.provider for o in found.offers]) == ("family", ["vllm"])
    assert "not in the registry" in found.warning


def test_what_is_passed_on_unlisted_says_so() -> None:
    assert "does not list 'llama-17'" in resolver().resolve("groq/llama-17").warning


def test_policies_sort_and_filter() -> None:
    weighted = [
        o.input_price * 3 + o.output_price
        for o in resolver().resolve("llama-3.3-70b:cheapest").offers
        if o.input_price is not None and o.output_price is not None and not o.row().moving
    ]
    assert weighted and weighted == sorted(weighted)
    assert all(
        o.input_price == 0 or o.internal_name.endswith(":free") for o in resolver().resolve("llama-3.3-70b:free").offers
    )
    assert [o.provider for o in resolver(OLLAMA).resolve("llama-3.1-8b:local").offers] == ["ollama"]
    assert resolver().resolve("llama-3.3-70b:fastest").offers[0].provider in ("cerebras", "groq")


def test_a_free_variant_asked_for_by_name_comes_first() -> None:
    environ = {"OPENROUTER_API_KEY": "k1", "OPENAI_API_KEY": "k2"}
    name = next(n for n in bundled().providers["openrouter"].data["more_names"] if n.endswith(":free"))
    assert ProviderList(environ=environ, local=False).find_model_providers(name)[0].internal_name == name


@pytest.mark.parametrize("name", ["", "   ", "ünbekannt✓", "no such model at all", "x" * 301, "x" * 100_000])
def test_an_unknown_name_is_a_clear_error(name: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolver().resolve(name)
    assert len(str(caught.value)) < 1500


def test_an_unknown_name_brings_the_closest_ones_and_what_would_enable_them() -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolver(environ={"GROQ_API_KEY": "k"}).resolve("lama-3.3-70")
    assert caught.value.suggestions[0] == "llama-3.3-70b"
    assert "llama-3.3-70b: usable now" in str(caught.value)
    with pytest.raises(UnknownModelError, match=r"llama-3\.3-70b: set "):
        resolver().resolve("lama-3.3-70")


def test_several_names_in_one_are_told_to_be_a_list() -> None:
    with pytest.raises(UnknownModelError, match="Several models are a list, not one name"):
        ProviderList(environ={}, local=False).resolve("gpt-4o,claude-sonnet-4.5")


def test_an_unknown_provider_brings_the_closest_ones() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean groq"):
        resolver().resolve("x", provider="groqq")


def test_something_that_is_no_text_is_a_clear_error() -> None:
    wrong: Any = None
    with pytest.raises(UnknownModelError, match="NoneType"):
        resolver().resolve(wrong)


@given(st.text(max_size=80))
def test_every_name_resolves_or_is_unknown(name: str) -> None:
    try:
        found = resolver(OLLAMA).resolve(name)
    except UnknownModelError:
        return
    assert found.rule
    assert found.name == name.strip()


@pytest.mark.parametrize("rest", ["gpt-4o", "openai/gpt-4o", "claude-sonnet-4.5", "auto", "brand-new"])
def test_a_providers_prefix_means_what_its_name_and_a_slash_mean(rest: str) -> None:
    alone, slash = (resolver().resolve(f"openrouter{mark}{rest}") for mark in "_/")
    assert alone.rule == "prefix"
    assert [o.internal_name for o in alone.offers] == [o.internal_name for o in slash.offers]


def test_a_provider_that_is_named_is_the_only_one_though_a_router_lists_models_so() -> None:
    """`azure/GPT-4o` is Azure's deployment, and not what a router calls the model that OpenAI and others have."""
    registry, names = bundled(), resolver()
    heads = Heads(registry)
    listed = {name for row in registry.providers.values() for name in row.all_facts if "/" in name}
    listed |= {name for row in registry.providers.values() for name in row.model_names.values() if "/" in name}
    seen = set()
    for name in sorted(listed):
        head = name.partition("/")[0]
        pid = registry.provider_id(head)
        for spelling in (name, name.upper()) if pid else ():
            found = names.resolve(spelling)
            is_open = registry.model(found.canonical_name or "").get("open_weights")
            if found.rule == "suffix" or (is_open and not heads.is_host(head.lower())):
                continue  # a router's own word; a lab's open weights, which anybody may serve
            assert {offer.provider for offer in found.offers} <= {pid}, spelling
            seen.add(pid)
    assert {"azure", "bedrock", "vertex", "openai", "anthropic", "xai"} <= seen


@pytest.mark.parametrize(
    "name",
    [
        "meta-llama/Llama-3.3-70B-Instruct-FP8", "unsloth/Llama-3.3-70B-Instruct-GGUF", "Qwen/Qwen3-32B-AWQ",
        "TheBloke/Llama-2-13B-chat-GPTQ", "models/gpt-4o", "models/gemini-2.5-pro", "x-ai/grok-4.7", "gpt-4o/",
        "accounts/fireworks/models/llama-v3p3-70b-instruct", "openai/gpt-oss-120b", "azure-gpt-4o",
    ],
)  # fmt: skip
def test_names_of_somebody_who_is_known_resolve_without_a_warning(name: str) -> None:
    found = resolver().resolve(name)
    assert found.offers
    assert found.warning == ""


@pytest.mark.parametrize(
    "name", ["HuggingFaceH4/llama-3.3-70b", "SakanaAI/llama-3.3-70b", "01-ai/llama-3.3-70b", "someone:meta-llama/Llama-3.3-70B-Instruct"]
)  # fmt: skip
def test_open_weights_of_somebody_unknown_resolve_with_a_word(name: str) -> None:
    found = resolver().resolve(name)
    assert (found.rule, found.canonical_name, found.guessed) == ("spelling", "llama-3.3-70b", True)
    assert "no provider or organisation is called" in found.warning
    assert resolver().resolve(f"{name}:cheapest").guessed
    assert resolver(aliases={"work": name}).resolve("work").warning == found.warning


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("opnerouter/gpt-4o", "openrouter/gpt-4o"),
        ("opnerouter:gpt-4o", "openrouter/gpt-4o"),
        ("0penrouter/gpt-4o", "openrouter/gpt-4o"),
        ("opnerouter/openai/gpt-4o", "openrouter/gpt-4o"),
        ("opnerouter/llama-3.3-70b", "openrouter/llama-3.3-70b"),
        ("opnerouter/brand-new", "openrouter/brand-new"),
        ("azure-prod/gpt-4o", "azure/gpt-4o"),
        ("gorq/llama-3.3-70b", "groq/llama-3.3-70b"),
        ("olama/llama3", "ollama/llama3"),
        ("anyscale/llama-3.3-70b", "together/llama-3.3-70b"),
        ("octoai:llama-3.3-70b", "nvidia/llama-3.3-70b"),
        ("accounts/fireworks/models/gpt-4o", "fireworks/gpt-4o"),
        ("my-company/gpt-4o", "openai/gpt-4o"),
        ("my-company:gpt-4o", "gpt-4o"),
        ("meta-llama/gpt-4o", "gpt-4o"),
        ("gpt-4o:azure", "azure/gpt-4o"),
        ("gpt-4o:azur", "azure/gpt-4o"),
        ("gpt-4o@azure", "azure/gpt-4o"),
        ("meta-llama/Llama-3.3-70B-Instruct:groq", "groq/meta-llama/Llama-3.3-70B-Instruct"),
        ("gpt-4o:cheepest", "gpt-4o:cheapest"),
        ("llama-3.3-70b:loacl", "llama-3.3-70b:local"),
    ],
)
def test_what_names_somebody_wrongly_is_an_error_with_what_was_perhaps_meant(name: str, meant: str) -> None:
    for servers in ((), (OLLAMA, VLLM)):
        with pytest.raises(UnknownModelError) as caught:
            resolver(*servers, environ={"OPENAI_API_KEY": "k-1"}).resolve(name)
        assert meant in caught.value.suggestions
        assert meant in str(caught.value)
        assert max(map(len, str(caught.value).splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        *(("open-router/gpt-4o", "openrouter"), ("Open_Router/gpt-4o", "openrouter"), ("local-ai/llama3", "localai")),
        *(("vertex-ai/gemini-2.5-pro", "vertex"), ("together.ai/llama-3.3-70b", "together")),
        *(("azureopenai/mine", "azure"), ("openai-chat:gpt-4o", "openai"), ("google-cloud:gemini-3.8-flash", "vertex")),
        *(("jina_ai/mine", "jina"), ("perplexity-ai/sonar", "perplexity"), ("zhipu_ai/glm-5.2", "zhipu")),
        *(("llama-cpp-python/mine", "llama.cpp"), ("hf-inference-providers/openai/gpt-oss-120b", "huggingface")),
    ],
)
def test_a_provider_has_its_name_in_every_tools_spelling(name: str, provider: str) -> None:
    assert {offer.provider for offer in resolver(VLLM).resolve(name).offers} <= {provider}
    assert bundled().provider_id(name.replace(":", "/").partition("/")[0]) == provider


@pytest.mark.parametrize(
    "head", ["xiaomimimo", "meta-llama", "deepseek-ai", "thinking-machines", "github", "lambda_ai"]
)
def test_an_organisation_or_who_has_ended_is_no_provider_in_any_spelling(head: str) -> None:
    assert bundled().provider_id(head) is None


@pytest.mark.parametrize(
    ("name", "who"),
    [("github/gpt-4o", "GitHub Models"), ("github_models/gpt-4o", "GitHub Models"), ("lambda_ai/llama-3.3-70b", "Lambda"),
     ("llama_api/llama-4-scout", "Llama API"), ("octo:llama-3.3-70b", "OctoAI")],
)  # fmt: skip
def test_who_has_ended_is_told_in_every_tools_spelling(name: str, who: str) -> None:
    with pytest.raises(UnknownModelError, match=f"^{who} ended in 20"):
        resolver().resolve(name)


@pytest.mark.parametrize("name", ["gpt-oss-120b-high", "gpt-oss-30b", "gpt-oss:7b"])
def test_open_weights_with_the_name_of_closed_ones_are_not_asked_of_who_has_those(name: str) -> None:
    with pytest.raises(UnknownModelError):
        resolver(environ={"OPENAI_API_KEY": "k-1"}).resolve(name)


@pytest.mark.parametrize(
    "name", ["./gpt-4o.gguf", "/models/gpt-4o", "models\\gpt-4o", "~/gpt-4o", "gpt-4o.safetensors"]
)
def test_a_files_path_is_no_model_of_somebody_elses(name: str) -> None:
    with pytest.raises(UnknownModelError, match="path of a file"):
        resolver().resolve(name)


def test_a_file_of_providers_alone_knows_the_organisations_of_the_installed_one() -> None:
    rows = {
        "p": {"connection": {"endpoint": "https://p.example/v1"}, "model_names": {"llama-3.3-70b": "a", "gpt-4o": "b"}}
    }
    registry = Registry({"providers": rows})
    found = Resolver(Accesses(registry, {}, Pins(bundled())))
    assert found.resolve("meta-llama/Llama-3.3-70B-Instruct-FP8").warning == ""
    with pytest.raises(UnknownModelError):
        found.resolve("my-company/gpt-4o")


@pytest.mark.parametrize(
    ("name", "provider"),
    [("azure_gpt-4o", "azure"), ("azure gpt-4o", "azure"), ("groq-llama-3.3-70b", "groq"), ("Cerebras-llama-3.3-70b", "cerebras")],
)  # fmt: skip
def test_a_providers_name_joined_to_a_models_means_that_provider(name: str, provider: str) -> None:
    assert {offer.provider for offer in resolver().resolve(name).offers} == {provider}


def test_a_word_that_stands_for_nobody_is_left_out() -> None:
    assert {offer.provider for offer in resolver().resolve("models/openai/gpt-4o").offers} == {"openai"}
    assert {offer.provider for offer in resolver().resolve("models/azure/my-own").offers} == {"azure"}
    with pytest.raises(UnknownModelError):
        resolver().resolve("models/my-company/gpt-4o")


def test_a_tag_that_is_named_is_the_one_that_is_asked() -> None:
    models = ("llama3.1:8b-instruct-q4_0", "llama3.1:8b-instruct-q8_0", "llama3.1:8b", "Qwen3:4b", "own:latest")
    names = {name: bundled().names.canonical_name(name) for name in models}
    here = LocalServer("ollama", "http://127.0.0.1:11434/v1", names)
    for model in (*models, "qwen3:4b", "own"):
        for form in ("ollama/{}", "ollama:{}", "ollama_chat/{}"):
            found = [o.internal_name for o in resolver(here).resolve(form.format(model)).offers]
            assert found == [next(m for m in models if m.lower() in (model.lower(), f"{model}:latest"))]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("openrouter/qwen/qwen3.8-27b:free", "qwen/qwen3.8-27b:free"),
        ("together/meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free"),
        ("azure/gpt4o", "gpt4o"),
        ("azure/gpt-4o-batch", "gpt-4o-batch"),
        ("azure/GPT-4o-Mini", "GPT-4o-Mini"),
        ("azure/gpt-4o", "gpt-4o"),
        ("openrouter/auto", "openrouter/auto"),
        ("openrouter_auto", "openrouter/auto"),
        ("openrouter/free", "openrouter/free"),
        ("openrouter/openrouter/auto", "openrouter/auto"),
        ("groq/compound", "groq/compound"),
    ],
)
def test_what_is_named_under_a_provider_is_not_turned_into_another_of_its_models(name: str, sent: str) -> None:
    assert [offer.internal_name for offer in resolver().resolve(name).offers] == [sent]
