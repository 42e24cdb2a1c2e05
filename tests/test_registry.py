"""The bundled registry holds what it promises; old files load; merging obeys its laws."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import ProviderList, RegistryError
from inference_providers.registry.late_parts import cut
from inference_providers.registry.merge_patch import merge
from inference_providers.registry.registry import BUNDLED_PATH, bundled, linked, package_file, parse
from inference_providers.registry.schema import problems
from inference_providers.upkeep.importers.build import build, load_overlay, read_source, to_text
from tests.conftest import ROOT, keys, registry_of

SEED = [
    "gpt-4", "gpt-3.5", "codellama-70b", "codellama-34b", "phind-34b", "llama-2-70b", "llama-2-7b", "codellama-python-70b",
    "codellama-python-34b", "wizard-python-34b", "gemini-pro", "gemini-nano", "palm", "mistral-medium", "mistral-small",
    "mistral-tiny", "mistral-7b", "mixtral-8x7b", "falcon-40b", "yi-34b",
]  # fmt: skip
LOCAL = [
    "ollama",
    "lmstudio",
    "llama.cpp",
    "vllm",
    "sglang",
    "transformers",
    "llamafile",
    "jan",
    "koboldcpp",
    "localai",
    "docker",
    "mlx",
    "text-generation-webui",
]
OLD_FORMAT = Path(__file__).parent / "data" / "old-format.json"


def test_it_is_valid_to_the_last_field() -> None:
    assert problems(bundled().data, strict=True) == []


def test_it_is_small() -> None:
    import gzip

    text = Path(BUNDLED_PATH).read_bytes()
    assert len(text) < 1_600_000
    assert len(gzip.compress(text, 9)) < 250_000


def test_it_holds_enough_providers_with_an_endpoint() -> None:
    reachable = [
        p
        for p in bundled().providers.values()
        if p.endpoint and p.protocol in ("openai", "messages") and p.local is None
    ]
    assert len(reachable) >= 165


@pytest.mark.parametrize("name", SEED)
def test_names_of_early_2024_resolve(name: str) -> None:
    found = ProviderList(environ={}, local=False).resolve(name)
    assert found.offers
    assert found.rule in ("canonical", "retired")
    assert found.rule == "canonical" or found.canonical_name == bundled().retired_models[name]["successor"]


@pytest.mark.parametrize("name", ["openai", "google", "mistral", "replicate", "fireworks", "perplexity", "together"])
def test_the_providers_of_the_first_release_are_there(name: str) -> None:
    assert bundled().providers[name].endpoint.startswith("https://")


@pytest.mark.parametrize("name", ["anyscale", "lepton", "octoai"])
def test_ended_services_name_a_successor(name: str) -> None:
    assert bundled().retired_providers[name]["successor"] in bundled().providers


def test_successors_of_ended_models_are_offered() -> None:
    assert {row["successor"] for row in bundled().retired_models.values()} <= bundled().canonical_names


@pytest.mark.parametrize("name", ["gpt-6.1-sol", "claude-opus-5.5", "deepseek-v4.1-flash"])
def test_models_of_autumn_2026_are_there_with_several_providers_and_lead(name: str) -> None:
    assert len({provider.id for provider, _ in bundled().offers_of(name)}) >= 5
    assert name in bundled().auto_model_priority[:10]


def test_every_name_in_the_priority_has_an_offer() -> None:
    assert set(bundled().auto_model_priority) <= bundled().canonical_names


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers_are_entries_like_any_other(name: str) -> None:
    provider = bundled().providers[name]
    assert provider.local is not None
    assert provider.endpoint.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("spelling", "provider"),
    [("togetherai", "together"), ("together_ai", "together"), ("fireworks-ai", "fireworks"), ("fireworks_ai", "fireworks"), ("gemini", "google"), ("vertex_ai", "vertex"), ("nvidia_nim", "nvidia"), ("hosted_vllm", "vllm"), ("OpenAI", "openai")],
)  # fmt: skip
def test_other_tools_spellings_of_providers_are_known(spelling: str, provider: str) -> None:
    assert bundled().provider_id(spelling) == provider


def test_every_provider_alias_belongs_to_one_provider() -> None:
    seen: dict[str, str] = {}
    for provider in bundled().providers.values():
        for alias in provider.data.get("aliases", ()):
            assert alias not in bundled().providers
            assert seen.setdefault(alias, provider.id) == provider.id


@pytest.mark.parametrize(
    "variable",
    ["CLAUDE_API_KEY", "CO_API_KEY", "DEEPINFRA_TOKEN", "TOGETHER_AI_TOKEN", "PPLX_API_KEY", "GROK_API_KEY", "VERCEL_OIDC_TOKEN", "OR_API_KEY", "GRADIENT_MODEL_ACCESS_KEY", "NVIDIA_NIM_API_KEY", "HUGGING_FACE_HUB_TOKEN", "GMI_API_KEY", "XIAOMI_MIMO_API_KEY", "SCW_SECRET_KEY"],
)  # fmt: skip
def test_names_under_which_other_tools_look_for_keys_are_known(variable: str) -> None:
    assert any(variable in provider.key_variables for provider in bundled().providers.values())


def test_facts_of_an_offer_are_in_the_documented_units() -> None:
    offer = next(
        o for o in ProviderList(environ={}, local=False).resolve("gpt-6.1-sol").offers if o.provider == "openai"
    )
    assert (offer.input_price, offer.output_price) == (2, 10)  # USD per million tokens
    assert offer.context_window == 1_050_000
    assert {"vision", "reasoning"} <= offer.features


CATALOGUE = {
    "fresh": {"groq": {"new/model-9-8b-instruct": {"api": "openai-completions", "baseUrl": "https://api.groq.com/openai/v1", "name": "Model 9", "contextWindow": 1000, "maxTokens": 10, "cost": {"input": 1, "output": 2, "cacheRead": 0}, "input": ["text"], "reasoning": False}}},
    "wide": {"groq": {"id": "groq", "name": "Groq", "env": ["GROQ_API_KEY"], "doc": "https://x.example", "npm": "@ai-sdk/groq", "models": {
        "new/model-9-8b-instruct": {"id": "a", "name": "Model 9", "limit": {"context": 500, "output": 20}, "cost": {"input": 9, "output": 9}, "modalities": {"output": ["text"], "input": ["text"]}, "tool_call": True},
        "old-model-1-7b": {"id": "b", "name": "Old", "tool_call": True, "limit": {"context": 5, "output": 2}, "modalities": {"output": ["text"]}},
        "pictures": {"id": "c", "name": "P", "modalities": {"output": ["image"]}}}}},
}  # fmt: skip


def _built(*names: str) -> dict[str, Any]:
    overlay = {**load_overlay(), "auto_model_priority": []}
    return build([read_source(CATALOGUE[name], overlay) for name in names], overlay)


def test_the_newer_source_wins_and_the_older_fills_gaps() -> None:
    facts = _built("wide", "fresh")["providers"]["groq"]["facts"]["new/model-9-8b-instruct"]
    assert facts == [1000, 10, 1, 2, None, "tVRFA"]


def test_what_a_newer_list_lacks_is_marked_doubtful_and_kept() -> None:
    facts = _built("wide", "fresh")["providers"]["groq"]["facts"]
    assert facts["old-model-1-7b"][-1] == "td"
    assert _built("wide")["providers"]["groq"]["facts"]["old-model-1-7b"] == [5, 2, None, None, None, "t"]


def test_what_puts_out_no_text_is_not_to_talk_to() -> None:
    built = _built("wide")
    assert "pictures" not in json.dumps({**built, "kinds": {}})
    assert "pictures" in built["kinds"]["images"]


def test_the_order_of_sources_does_not_matter() -> None:
    assert to_text(_built("wide", "fresh")) == to_text(_built("fresh", "wide"))


def test_an_unknown_form_is_refused_with_its_name() -> None:
    with pytest.raises(RegistryError, match=r"weird\.json: not in a known format"):
        read_source({"a": 1}, load_overlay(), "weird.json")


def test_the_command_rebuilds_the_same_bytes(tmp_path: Path) -> None:
    for name, data in CATALOGUE.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    made = []
    for order in (("wide", "fresh"), ("fresh", "wide")):
        out = tmp_path / "out.json"
        sources = [argument for name in order for argument in ("--from", str(tmp_path / f"{name}.json"))]
        subprocess.run(
            [sys.executable, "-m", "inference_providers", "registry", "build", *sources, "-o", str(out)],
            check=True,
            capture_output=True,
        )
        made.append(out.read_bytes())
    assert made[0] == made[1]


def test_the_old_published_format_loads() -> None:
    environ = {"OPENAI_API_KEY": "canary-old", "LEPTON_API_KEY": "canary-lepton"}
    providers = ProviderList(json_override=OLD_FORMAT, environ=environ, local=False)
    assert providers.get_canonical_model_names() == ["gpt-3.5", "gpt-4", "llama-2-70b", "mixtral-8x7b"]
    assert [tuple(offer) for offer in providers.find_model_providers("gpt-4")] == [
        ("openai", "https://api.openai.com/v1", "gpt-4", "gpt-4-turbo-preview", "canary-old")
    ]
    assert [tuple(offer) for offer in providers.find_model_providers("mixtral-8x7b")] == [
        ("lepton", "https://mixtral-8x7b.lepton.run/api/v1", "mixtral-8x7b", "mixtral-8x7b", "canary-lepton")
    ]
    assert providers.registry.auto_model_priority == ["gpt-4", "mixtral-8x7b"]


def test_override_takes_a_path_json_text_or_a_dict(tmp_path: Path) -> None:
    data = registry_of("https://a.example/v1")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    for source in (data, json.dumps(data), str(path), path):
        assert ProviderList(json_override=source, environ=keys(1), local=False).get_canonical_model_names() == ["m"]


def test_merge_adds_to_the_bundled_registry() -> None:
    providers = ProviderList(json_merge=registry_of("https://a.example/v1"), environ=keys(1), local=False)
    assert "gpt-4" in providers.get_canonical_model_names()
    assert providers.find_model_providers("m")[0].endpoint == "https://a.example/v1"


def test_merge_with_null_removes() -> None:
    providers = ProviderList(json_merge={"providers": {"groq": None}}, environ={"GROQ_API_KEY": "canary"}, local=False)
    assert providers.registry.provider_id("groq") is None
    assert bundled().provider_id("groq") == "groq"


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{not json", r"\$: not JSON \(.*line 1 column 2"),
        ("[1]", r"\$: must be an object"),
        ({"auto_model_priority": []}, r"\$: 'providers' is a required property"),
        ({"providers": {"x": {}}}, r"\$\.providers\.x: 'connection' is a required property"),
        (
            {"providers": {"x": {"connection": {"api_key": "no spaces allowed"}}}},
            r"\$\.providers\.x\.connection\.api_key",
        ),
        ({"providers": {"x": {"connection": {"endpoint": "ftp://h"}}}}, r"\$\.providers\.x\.connection\.endpoint"),
        ({"providers": {"x": {"connection": {}, "model_names": {"a": 5}}}}, r"\$\.providers\.x\.model_names\.a"),
        ("/no/such/file.json", r"/no/such/file\.json"),
        (5, "give a path, JSON text or a dict"),
    ],
)
def test_a_bad_override_is_refused_with_the_path_of_each_problem(source: Any, path: str) -> None:
    with pytest.raises(RegistryError, match=path):
        ProviderList(json_override=source)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(RegistryError) as caught:
        ProviderList(json_override={"providers": {"a": {}, "b": {"connection": {"protocol": 1}}}, "version": "x"})
    assert len(caught.value.problems) == 3
    assert all(problem.startswith("$.") for problem in caught.value.problems)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=2), max_leaves=8
)  # fmt: skip
objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


def _without_nulls(value: Any) -> Any:
    return {k: _without_nulls(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


@given(objects, objects)
def test_merging_twice_is_merging_once(base: Any, patch: Any) -> None:
    once = merge(base, patch)
    assert merge(once, patch) == once


@given(objects)
def test_merging_nothing_changes_nothing_and_merging_into_nothing_gives_the_patch(base: Any) -> None:
    assert merge(base, {}) == base
    assert merge({}, base) == _without_nulls(base)


@given(objects, objects)
def test_merging_changes_neither_input(base: Any, patch: Any) -> None:
    before = json.dumps([base, patch])
    merge(base, patch)
    assert json.dumps([base, patch]) == before


@given(st.binary(max_size=50))
def test_parsing_never_fails_in_another_way(text: bytes) -> None:
    try:
        assert isinstance(parse(text), dict)
    except RegistryError as error:
        assert error.problems


def test_data_and_schema_in_the_package_are_links_to_the_one_copy() -> None:
    for name, target in (
        ("inference-providers.json", "inference-providers.json"),
        ("inference-providers.schema.json", "schema/inference-providers.schema.json"),
    ):
        assert os.path.realpath(linked(str(ROOT / "inference_providers" / name))) == os.path.realpath(ROOT / target)


def test_facts_that_are_parsed_late_are_those_of_the_file() -> None:
    whole = json.loads(Path(BUNDLED_PATH).read_text("utf-8"))
    assert bundled().data == whole
    assert sum(len(row.get("facts", {})) for row in whole["providers"].values()) > 5000


def test_what_most_programs_never_ask_for_is_cut_out_of_the_bundled_file_and_is_whole_all_the_same() -> None:
    text = package_file(BUNDLED_PATH)
    kept, facts, late = cut(text)
    assert json.loads(kept).keys() & late.keys() == set()
    assert len(facts) > 200
    assert json.loads(late["models"]) == json.loads(text)["models"]
    assert json.loads(late["kinds"]) == json.loads(text)["kinds"]
    assert bundled().data == json.loads(text)
