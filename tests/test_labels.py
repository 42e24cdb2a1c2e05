"""Labels: what a source says of names beyond their spelling, and how well names agree with labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.cli.main import main
from inference_providers.registry import Names, derive
from inference_providers.upkeep.importers.build import Building, load_overlay, read_source
from inference_providers.upkeep.importers.labels import labelled
from inference_providers.upkeep.importers.rows import OfferRow
from tests.conftest import ROOT
from tools.labels import halves, names_with, score


def rows(*told: tuple[str, str]) -> list[OfferRow]:
    """Offers, each of a provider of its own: internal name and label."""
    return [OfferRow(f"p{place}", name, label=label) for place, (name, label) in enumerate(told)]


def whys(*told: tuple[str, str], known: dict[str, str] | None = None) -> list[str]:
    found, conflicts = labelled(rows(*told), known or {})
    assert found == {}
    return [conflict.why for conflict in conflicts]


def test_a_label_names_what_no_spelling_tells() -> None:
    told = rows(("green-r", "openai/gpt-oss-120b"), ("gpt-oss-120b", "openai/gpt-oss-120b"), ("green-r-raw", ""))
    assert labelled(told, {}) == ({"green-r": "gpt-oss-120b"}, [])
    names = Names(labelled(told, {})[0], ["gpt-oss-120b"])
    assert {names.canonical_name(name) for name in ("green-r", "Green-R-Raw", "eu/green-r")} == {"gpt-oss-120b"}


def test_a_name_is_in_our_style() -> None:
    told = rows(("green-x", "anthropic/claude-opus-4-7"), ("green-l", "mistral/mistral-small-2603"))
    found, _ = labelled(told, {"mistral-small-2603": "mistral-small-4"})
    assert found == {"green-x": "claude-opus-4.7", "green-l": "mistral-small-4"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("claude-sonnet-4", "anthropic/claude-sonnet-4-5"), "another version"),
        (("qwen3-32b", "alibaba/qwen3-235b-a22b"), "another size"),
        (("deepseek-r1-0528", "deepseek/deepseek-r1"), "another release"),
        (("deepseek-r1-distill-qwen-32b", "deepseek/deepseek-r1"), "the label leaves out distill"),
        (("gpt-5-mini", "openai/gpt-5"), "the label leaves out mini"),
        (("gemini-3-1-pro", "google/gemini-3.1-pro-preview-customtools"), "the label says more than the name"),
        (("mistral-small", "mistral/mistral-small-2603"), "the label says more than the name"),
        (("gemini-flash-latest", "google/gemini-3.8-flash"), "one of the two is no text model, or no particular one"),
        (("llama-guard-3-8b", "meta/llama-3.1-8b-instruct"), "one of the two is no text model, or no particular one"),
        (("gemini-3-pro", "google/gemini-3-pro-image"), "one of the two is no text model, or no particular one"),
    ],
)
def test_a_label_that_cannot_be_right_is_a_conflict(told: tuple[str, str], why: str) -> None:
    known = {"mistral-small-2603": "mistral-small-4"}
    assert whys(told, known=known) == [why]


def test_what_was_settled_by_hand_stays() -> None:
    assert whys(("green-r", "openai/gpt-oss-120b"), known={"green-r": "green-r"}) == ["settled by hand"]


def test_one_label_against_many_who_have_none_moves_no_name() -> None:
    many = [("green-r", "")] * 3
    assert whys(("green-r", "openai/gpt-oss-120b"), *many) == ["most who list the name do not say so"]


def test_labels_that_disagree_move_no_name() -> None:
    told = ("green-r", "openai/gpt-oss-120b"), ("green-r", "openai/gpt-oss-20b")
    assert whys(*told) == ["labels of names that are spelt alike disagree"] * 2


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=8))
def test_labels_of_any_text_make_tidy_names(told: list[tuple[str, str]]) -> None:
    found, conflicts = labelled(rows(*told), {})
    assert all(name == name.lower() and derive(canonical) for name, canonical in found.items())
    assert all(conflict.by_spelling != conflict.by_label for conflict in conflicts)


def table() -> list[OfferRow]:
    lines = (ROOT / "tests" / "data" / "model_labels.txt").read_text("utf-8").splitlines()
    fields = [line.split("\t") for line in lines if not line.startswith("#")]
    return [OfferRow(provider, name, label=label) for provider, name, label in fields]


def test_names_agree_with_labels_by_their_spelling_alone() -> None:
    """The bounds that the registry promises: at most 6% of pairs missed, at most 1% wrong."""
    found = score(names_with(table(), []), table())
    assert found.together > 1000
    assert found.missed <= 0.06 * found.together, found.worst_missed
    assert found.wrong <= 0.01 * found.joined, found.worst_wrong


@pytest.mark.parametrize("seed", range(3))
def test_labels_make_no_name_worse_that_they_do_not_tell_of(seed: int) -> None:
    source, rest = halves(table(), lambda row: row.label, seed)
    alone, helped = score(names_with(table(), []), rest), score(names_with(table(), source), rest)
    assert (helped.missed, helped.wrong) <= (alone.missed, alone.wrong)


def catalogue(models: dict[str, str], provider: str = "shop") -> dict[str, object]:
    return {provider: {"name": "Shop", "env": ["SHOP_API_KEY"], "api": "https://api.shop.example/v1", "models": {name: {"name": name, "canonical_model_id": label} for name, label in models.items()}}}  # fmt: skip


def test_a_build_follows_labels() -> None:
    overlay = load_overlay()
    data = catalogue({"green-r": "openai/gpt-oss-120b", "mini": "openai/gpt-5-mini"})
    built = Building([read_source(data, overlay)], overlay).data
    assert built["providers"]["shop"]["model_names"] == {"gpt-oss-120b": "green-r"}
    assert built["names"]["green-r"] == "gpt-oss-120b"


def test_conflicts_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    shop = catalogue({"gpt-5-mini": "openai/gpt-5"}, "groq")
    shop["groq"]["api"] = "https://api.groq.com/openai/v1"  # another host would be one more
    file.write_text(json.dumps(shop), "utf-8")
    ran = CliRunner().invoke(main, ["registry", "conflicts", "--from", str(file), "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == [
        {"kind": "name", "provider": "groq", "internal_name": "gpt-5-mini", "kept": "gpt-5-mini", "said": "gpt-5", "why": "the label leaves out mini"}
    ]  # fmt: skip
    told = CliRunner().invoke(main, ["registry", "conflicts", "--from", str(file)])
    assert told.stdout == "name\tgroq\tgpt-5-mini\tgpt-5-mini\tgpt-5\tthe label leaves out mini\n"
