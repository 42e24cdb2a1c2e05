"""Canonical names: a table of spellings, and laws that hold for every name."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import canonical_name
from inference_providers.registry.naming import Names, derive, loose, short
from inference_providers.registry.registry import bundled
from inference_providers.upkeep.importers.build import load_overlay
from tests.conftest import ROOT

SAME = {
    "llama-3.3-70b": ["llama-3.3-70b-versatile", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "accounts/fireworks/models/llama-v3p3-70b-instruct", "databricks-meta-llama-3-3-70b-instruct", "us.meta.llama3-3-70b-instruct-v1:0", "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "Llama-3.3-70B-Instruct-Q5_K_M.gguf"],
    "llama-3.1-8b": ["llama3.1:8b", "llama-3.1-8b-instant", "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama3.1"],
    "qwen2.5-7b": ["qwen2.5-7b-instruct-q4_k_m.gguf", "Qwen/Qwen2.5-7B-Instruct-Turbo", "qwen2p5-7b-instruct"],
    "qwen3-235b-a22b": ["qwen-3-235b", "Qwen/Qwen3-235B-A22B-FP8"],
    "qwen3-235b-a22b-2507": ["Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen.qwen3-235b-a22b-2507-v1:0", "qwen3-235b-a22b-instruct-2507-tput"],
    "qwen3-coder-480b-a35b": ["qwen3-coder:480b", "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "qwen3-coder-480b-a35b-instruct-maas"],
    "claude-sonnet-4.5": ["claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-4.5-sonnet", "anthropic--claude-4.5-sonnet", "duo-chat-sonnet-4-5", "databricks-claude-sonnet-4-5", "claude-sonnet-4-5@20250929"],
    "claude-opus-4.8": ["claude-opus4-8", "claude-opus4.8", "anthropic/claude-opus-4-8", "us.anthropic.claude-opus-4-8", "claude-opus-4-8@default"],
    "claude-3.5-haiku": ["claude-3-5-haiku-latest", "claude-haiku-3.5", "anthropic.claude-3-5-haiku-20241022-v1:0"],
    "gpt-5.4": ["openai-gpt-54", "gpt-5-4", "gpt-5.4-2026-03-05", "openai/gpt-5.4:batch", "global.openai.gpt-5.4"],
    "gpt-4o": ["gpt-4o-2024-08-06", "openai/gpt-4o", "azure-gpt-4o"],
    "gpt-3.5": ["gpt-3.5-turbo", "gpt-35-turbo", "gpt-3.5-turbo-0125"],
    "gpt-oss-120b": ["openai/gpt-oss-120b", "gpt-oss:120b", "gpt-oss-120b-maas", "openai.gpt-oss-120b-1:0"],
    "nemotron-3-super-120b-a12b": ["nvidia.nemotron-super-3-120b", "nemotron-super-3-120b", "nvidia/nemotron-3-super-120b-a12b:free", "nemotron-3-super"],
    "gemini-2.5-flash": ["google/gemini-2.5-flash", "gemini-2-5-flash", "models/gemini-2.5-flash", "databricks-gemini-2-5-flash"],
    "gemma-3-27b": ["gemma3:27b", "google/gemma-3-27b-it", "google-gemma-3-27b-it"],
    "mixtral-8x7b": ["mixtral-8x7b-instruct-v0.1", "open-mixtral-8x7b", "mistral.mixtral-8x7b-instruct-v0:1"],
    "deepseek-v3.1": ["deepseek-v3p1", "deepseek-chat-v3.1", "deepseek-v3.1:671b-cloud", "deepseek-ai/DeepSeek-V3.1"],
    "kimi-k2.5": ["k2p5", "kimi-k2-5", "moonshotai.kimi-k2.5", "moonshotai/Kimi-K2.5-fast"],
    "mistral-large-3": ["mistral-large-2512", "mistral-large-3-675b-instruct-2512", "mistral-large-3:675b"],
    "minimax-m2.5": ["minimax-m25", "MiniMaxAI/MiniMax-M2.5"],
    "codellama-34b": ["code-llama-34b-instruct", "codellama-34b-instruct-hf"],
    "codellama-python-70b": ["code-llama-70b-python"],
}  # fmt: skip

DIFFERENT = [
    ("command-r", "command-r+"),
    ("gpt-4", "gpt-4-turbo"),
    ("gpt-4", "gpt-4o"),
    ("gpt-5", "gpt-5-chat"),
    ("gpt-5-mini", "gpt-5-nano"),
    ("deepseek-v3", "deepseek-v3-0324"),
    ("deepseek-r1", "deepseek-r1-0528"),
    ("deepseek-r1", "deepseek-r1-distill-llama-70b"),
    ("qwen3-235b-a22b", "qwen3-235b-a22b-thinking-2507"),
    ("qwen3-32b", "qwen3-vl-32b"),
    ("qwen2.5-7b", "qwen2.5-coder-7b"),
    ("kimi-k2", "kimi-k2-thinking"),
    ("kimi-k2", "kimi-k2-0905"),
    ("o1", "o1-preview"),
    ("glm-5", "glm-5-turbo"),
    ("minimax-m2.5", "minimax-m2.5-highspeed"),
    ("gpt-5.5", "gpt-5.5-pro"),
    ("kimi-k2-thinking", "kimi-k2-thinking-turbo"),
    ("gemini-3.1-pro", "gemini-3.1-pro-preview-customtools"),
    ("llama-3.1-8b", "llama-guard-3-8b"),
    ("gemma-3-27b", "gemma-2-27b"),
    ("mistral-7b-instruct-v0.2", "mistral-7b-instruct-v0.3"),
]

NO_MODEL = [
    "",
    "   ",
    "auto",
    "text-embedding-3-small",
    "whisper-large-v3",
    "dall-e-3",
    "flux-1-schnell",
    "tts-1",
    "x" * 1000,
    "12345",
]


@pytest.mark.parametrize(("spelling", "canonical"), [(s, c) for c, spellings in SAME.items() for s in [c, *spellings]])
def test_a_spelling_has_its_canonical_name(spelling: str, canonical: str) -> None:
    assert canonical_name(spelling) == canonical


def labelled() -> list[tuple[str, str | None]]:
    """Names as they are found in the wild, and the models that people say they are."""
    lines = (ROOT / "tests" / "data" / "model_names.txt").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(name, None if canonical == "-" else canonical) for name, canonical in pairs]


# What a build knows before it has read a catalogue.
BEFORE = Names(load_overlay()["canonical"], bundled().canonical_names)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_weights_keep_different_names(one: str, other: str) -> None:
    assert BEFORE.complete(derive(one)) != BEFORE.complete(derive(other))


@pytest.mark.parametrize(("name", "canonical"), labelled())
def test_a_name_from_the_wild_is_the_model_that_people_say_it_is(name: str, canonical: str | None) -> None:
    assert BEFORE.complete(derive(name)) == canonical
    assert canonical is None or BEFORE.complete(derive(canonical)) == canonical


PACKED = [
    "-Q4_K_M.gguf", ".Q4_K_M.gguf", ".i1-IQ4_XS.gguf", "-UD-Q4_K_XL.gguf", "-MXFP4.gguf", "-Q8_0-00001-of-00003.gguf",
    "-4bit-DWQ", "-GGUF:Q5_K_M", "-qat-Q4_0.gguf", "-MTP-GGUF", "-unsloth-bnb-4bit", "-imatrix-Q6_K.gguf",
]  # fmt: skip
OPEN = r"(llama-3|gemma-3|qwen3|mistral-small-3|phi-4|glm-4|gpt-oss|deepseek-v3).*\d[be]?"


@given(
    st.sampled_from([name for name in sorted(bundled().canonical_names) if re.fullmatch(OPEN, name)]),
    st.sampled_from(PACKED),
    st.sampled_from(["", "bartowski/", "hf.co/unsloth/", "mlx-community/Qwen_", "./models/", "C:\\models\\"]),
)
def test_how_weights_are_packed_does_not_change_the_model(name: str, packed: str, where: str) -> None:
    assert BEFORE.complete(derive(f"{where}{name}{packed}")) == BEFORE.complete(derive(name))


def test_base_weights_that_are_offered_beside_the_tuned_ones_have_a_name_of_their_own() -> None:
    base, tuned = "accounts/fireworks/models/qwen2p5-32b", "accounts/fireworks/models/qwen2p5-32b-instruct"
    assert canonical_name(base) == f"{canonical_name(tuned)}-base"


@given(st.sampled_from(sorted(bundled().canonical_names)))
def test_case_and_underscores_do_not_change_the_model(name: str) -> None:
    assert derive(name.upper()) == derive(name)
    if not re.search(r"\d-\d", name):  # between digits an underscore is a dot
        assert derive(name.replace("-", "_")) == derive(name)


@pytest.mark.parametrize("name", NO_MODEL)
def test_what_is_no_text_model_has_no_name(name: str) -> None:
    assert canonical_name(name) is None


@pytest.mark.parametrize(("unseen", "canonical"), [("databricks-claude-opus-6-1", "claude-opus-6.1"), ("gpt-73-mini", "gpt-7.3-mini"), ("Qwen/Qwen5-32B-Instruct-FP8", "qwen5-32b"), ("us.anthropic.claude-sonnet-7-20270101-v1:0", "claude-sonnet-7"), ("meta-llama/Llama-5.1-90B-Instruct-Turbo", "llama-5.1-90b")])  # fmt: skip
def test_names_that_the_registry_has_never_seen_follow_the_patterns(unseen: str, canonical: str) -> None:
    assert unseen.lower() not in bundled().internal_index
    assert canonical_name(unseen) == canonical


def test_every_canonical_name_is_its_own_canonical_name() -> None:
    wrong = {name: canonical_name(name) for name in bundled().canonical_names if canonical_name(name) != name}
    assert wrong == {}


def test_an_internal_name_has_one_canonical_name_whoever_serves_it() -> None:
    owners: dict[str, set[str]] = {}
    for provider in bundled().providers.values():
        for canonical, internal in provider.data["model_names"].items():
            owners.setdefault(internal.lower(), set()).add(canonical)
        for internal, canonical in provider.data.get("more_names", {}).items():
            owners.setdefault(internal.lower(), set()).add(canonical)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


@given(st.text(max_size=400))
def test_naming_never_fails_and_gives_a_tidy_name_or_none(name: str) -> None:
    found = canonical_name(name)
    assert found is None or (found == found.strip().lower() and found and "/" not in found)


@given(st.sampled_from(sorted(bundled().internal_index)))
def test_case_and_a_reseller_in_front_do_not_change_the_model(name: str) -> None:
    assert canonical_name(name.upper()) == canonical_name(name)
    assert canonical_name(f"some-reseller/{name}") == canonical_name(name)


@given(st.sampled_from(sorted(bundled().canonical_names)))
def test_deriving_a_canonical_name_again_changes_nothing(name: str) -> None:
    once = bundled().names.complete(derive(name))
    assert once is None or bundled().names.complete(derive(once)) == once


@given(st.text(max_size=60))
def test_the_loose_key_is_stable(name: str) -> None:
    assert loose(loose(name)) == loose(name)
    assert loose(name.replace(".", "-")) == loose(name)


def test_the_short_form_drops_active_parameters_only() -> None:
    assert short("qwen3-235b-a22b") == "qwen3-235b"
    assert short("gpt-oss-120b") == "gpt-oss-120b"


def test_nearly_all_offers_have_a_canonical_name() -> None:
    """Rows of the sources without a name are embeddings, guards, routers and the like; the count is in the file."""
    data = json.loads(json.dumps(bundled().data))
    offers = sum(len(row["model_names"]) + len(row.get("more_names", {})) for row in data["providers"].values())
    assert offers >= 5000
    assert data["sources"]["unnamed"] / (offers + data["sources"]["unnamed"]) < 0.06
