"""The judge of doubtful marks, on catalogues of a few lines."""

from __future__ import annotations

from typing import Any

from inference_providers.upkeep.importers.build import load_overlay
from inference_providers.upkeep.importers.rows import OfferRow, Source
from tests import doubtful

OVERLAY: dict[str, Any] = {
    **load_overlay(),
    "version": 2026112601,
    "complete": {"models.dev": ["groq"], "pi-ai": ["groq"]},
    "tools_only": ["pi-ai"],
    "hoarders": ["litellm"],
}
FRESH = [OfferRow("groq", "llama-3.3-70b-versatile", features="t"), OfferRow("groq", "qwen/qwen3-32b", features="t")]


GEMMA = OfferRow("groq", "gemma2-9b-it", features="t")
GEMMA_ID = ("groq", "gemma2-9b-it")


def verdicts(older: list[OfferRow], hoard: list[OfferRow], newest: list[OfferRow]) -> dict[str, doubtful.Verdict]:
    """By judge: what each list says of the marks that the other two make. All have the same two offers besides."""
    lists = (("models.dev", "2026-09-30", older), ("litellm", "2026-11-24", hoard), ("pi-ai", "2026-11-10", newest))
    sources = [Source(kind, rank, [], [*FRESH, *rows], day) for rank, (kind, day, rows) in enumerate(lists, start=1)]
    return {verdict.judge: verdict for verdict in doubtful.judged(sources, OVERLAY)}


def test_what_whole_lists_lack_has_ended() -> None:
    elsewhere = OfferRow("together", "google/gemma-2-9b-it", features="t")  # so the model is none that came later
    found = verdicts([elsewhere], [GEMMA], [elsewhere])
    assert found["models.dev"].right == found["pi-ai"].right == [GEMMA_ID]
    assert found["litellm"].right == []  # it alone lists the offer
    assert found["all"].right == [GEMMA_ID] * 2
    assert not found["all"].wrong + found["all"].missed


def test_what_a_list_cannot_know_it_does_not_lack() -> None:
    found = verdicts([], [GEMMA], [])  # newer than models.dev, or older
    assert not found["models.dev"].right + found["models.dev"].missed
    assert found["pi-ai"].missed == [GEMMA_ID]


def test_a_mark_on_what_is_listed_is_wrong() -> None:
    deprecated = GEMMA._replace(ended=True)
    found = verdicts([deprecated], [], [GEMMA])
    assert found["pi-ai"].wrong == [GEMMA_ID]
    assert found["models.dev"].missed == [GEMMA_ID]
    assert verdicts([], [deprecated], [GEMMA])["pi-ai"].wrong == []  # an end that is newer than the list


def test_it_is_not_heard_against_a_day() -> None:
    dated = GEMMA._replace(ends="2026-09-01")
    found = verdicts([GEMMA], [dated], [GEMMA])
    assert found["models.dev"].wrong == found["pi-ai"].wrong == []


def test_an_end_after_its_day_is_not_held_against_marks() -> None:
    assert verdicts([GEMMA], [], [])["pi-ai"].missed == []  # models.dev had it alive, on an earlier day


def test_the_word_of_a_hoarder_is_no_sign_of_life() -> None:
    found = verdicts([GEMMA._replace(ended=True)], [GEMMA], [])
    assert found["litellm"].wrong == []


def test_another_spelling_is_no_end() -> None:
    found = verdicts([], [OfferRow("groq", "Qwen/Qwen3-32B", features="t")], [])
    assert all(not verdict.right + verdict.wrong + verdict.missed for verdict in found.values())


def test_numbers() -> None:
    verdict = doubtful.Verdict("x", right=[("a", "1")] * 3, wrong=[("a", "2")], missed=[("a", "3")] * 2)
    assert (verdict.precision, verdict.completeness) == (0.75, 0.6)
    assert str(verdict) == "x: 75.0% of 4 marks right, 60.0% of 5 ends marked"
