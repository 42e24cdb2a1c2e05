"""The registry of the day, built twice from catalogues on disk: what changes, what waits, what is refused."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference_providers.registry.schema import problems
from tests.conftest import ROOT
from tools.nightly import DISAGREES, INVALID, UNREADABLE, WRITTEN, version_of

USAGE = 2
# Models of Groq at the prices that the list which is no source has: how far they agree can be told.
KNOWN = {
    "llama-3.1-8b-instant": (0.05, 0.08),
    "gemma2-9b-it": (0.2, 0.2),
    "deepseek-r1-distill-llama-70b": (0.75, 0.99),
}


def models(prices: dict[str, tuple[float, float]]) -> dict[str, Any]:
    return {
        name: {
            "id": name, "modalities": {"input": ["text"], "output": ["text"]}, "limit": {"context": 1000, "output": 100},
            "cost": {"input": price_in, "output": price_out}, "last_updated": "2026-11-20",
        }
        for name, (price_in, price_out) in prices.items()
    }  # fmt: skip


def provider(pid: str, key: str, prices: dict[str, tuple[float, float]]) -> dict[str, Any]:
    row = {"id": pid, "name": pid.title(), "env": [key], "doc": "https://x.example", "npm": "@ai-sdk/openai-compatible"}
    return {pid: {**row, "api": f"https://api.{pid}.example/v1", "models": models(prices)}}


FIRST = {
    **provider("groq", "GROQ_API_KEY", KNOWN),
    **provider("novita", "NOVITA_API_KEY", {f"brand-{number}-8b": (1, 4) for number in range(1, 6)}),
    **provider("baseten", "BASETEN_API_KEY", {"brand-1-8b": (2, 2)}),
}


class Nights:
    """A registry in a folder, and the catalogue that it is built from each night."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.registry = folder, folder / "registry.json"
        if not self.registry.exists():
            self.registry.write_text(json.dumps({"version": 2026112400, "providers": {}}))
            self.run({**FIRST}, "2026-11-25")
        self.first = self.data()

    def run(self, catalogue: Any, today: str = "2026-11-26", *options: str) -> subprocess.CompletedProcess[str]:
        source = self.folder / "api.json"
        source.write_text(json.dumps(catalogue))
        command = ["--registry", str(self.registry), "--origins", str(self.folder / "origins.json"), "--today", today]
        return subprocess.run(
            [sys.executable, "-m", "tools.nightly", "--from", str(source), *command, *options],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.registry.read_text())
        return found


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a registry that was built once."""
    return Nights(tmp_path_factory.mktemp("nights")).folder


@pytest.fixture
def nights(first_night: Path, tmp_path: Path) -> Nights:
    """The same in a folder of the test's own."""
    shutil.copytree(first_night, tmp_path / "nights")
    return Nights(tmp_path / "nights")


def second() -> dict[str, Any]:
    """The catalogue of the next day: changed by hand as real ones change."""
    day = copy.deepcopy(FIRST)
    novita = day["novita"]["models"]
    novita["brand-1-8b"]["cost"] = {"input": 1.5, "output": 4}  # another price
    novita["brand-2-8b"]["cost"] = {"input": 3.5, "output": 14}  # more than three times off
    novita["brand-3-8b"]["status"] = "deprecated"  # ended
    novita |= models({"brand-9-8b": (1, 4)})  # new
    day["baseten"]["env"] = ["OTHER_API_KEY"]  # lost its key
    return {**day, **provider("nobody-knows", "NOBODYS_API_KEY", {"brand-1-8b": (1, 4)})}


def test_the_first_night_builds_what_there_is(nights: Nights) -> None:
    assert nights.first["version"] == 2026112500
    assert set(KNOWN) == set(nights.first["providers"]["groq"]["facts"])
    assert not problems(nights.first, strict=True)


def test_the_second_night_takes_changes_and_keeps_what_guards_hold(nights: Nights) -> None:
    done = nights.run(second())
    assert done.returncode == WRITTEN, done.stderr
    data, body = nights.data(), done.stdout
    facts = data["providers"]["novita"]["facts"]
    assert (facts["brand-1-8b"][2:4], facts["brand-2-8b"][2:4]) == ([1.5, 4], [1, 4])
    assert "d" in facts["brand-3-8b"][5] and "brand-9-8b" in facts
    assert data["providers"]["baseten"]["connection"]["api_key"] == ["BASETEN_API_KEY"]
    assert "nobody-knows" not in data["providers"]
    assert data["version"] == 2026112600 and not problems(data, strict=True)
    for line in (
        "Version 2026112600, after 2026112500. Sources: models.dev of 2026-09-30.",
        "Prices that agree with the list that is no source: 3 of 3 (100.0%); before: 3 of 3 (100.0%).",
        "`baseten: key variables are missing (BASETEN_API_KEY); kept BASETEN_API_KEY`",
        "`nobody-knows: nobody knows this provider (a new id); left out`",
        "`novita/brand-2-8b price_in: {'models.dev': 3.5}, kept 1`",
        "- `brand-9-8b`",
        "- `novita/brand-3-8b`",
        "- `novita/brand-1-8b input: 1 -> 1.5 (x1.5)`",
    ):
        assert line in body
    side = json.loads((nights.folder / "origins.json").read_text())
    assert side["version"] == data["version"]
    assert [(row["internal_name"], row["kept"]) for row in side["held"]] == [("brand-2-8b", 1), ("brand-2-8b", 4)]


def test_what_is_accepted_is_taken(nights: Nights) -> None:
    body = nights.folder / "body.md"
    options = ("--accept", "baseten", "--accept", "novita", "--accept", "nobody-knows", "--body", str(body))
    assert nights.run(second(), "2026-11-26", *options).returncode == WRITTEN
    data = nights.data()
    assert data["providers"]["baseten"]["connection"]["api_key"] == ["OTHER_API_KEY"]
    assert data["providers"]["novita"]["facts"]["brand-2-8b"][2:4] == [3.5, 14]
    assert "### New providers (1)" in body.read_text() and "guards" not in body.read_text()


def test_a_night_without_news_writes_nothing_and_a_second_run_changes_only_the_version(nights: Nights) -> None:
    before = nights.registry.read_bytes()
    quiet = nights.run(FIRST)
    assert (quiet.returncode, quiet.stdout, "Nothing is new." in quiet.stderr) == (WRITTEN, "", True)
    assert nights.registry.read_bytes() == before
    nights.run(second())
    once = nights.registry.read_bytes()
    nights.run(second())
    assert nights.registry.read_bytes() == once


def test_prices_that_agree_less_than_before_stop_it(nights: Nights) -> None:
    before = nights.registry.read_bytes()
    wrong = copy.deepcopy(FIRST)
    wrong["groq"]["models"]["gemma2-9b-it"]["cost"] = {"input": 0.4, "output": 0.4}
    done = nights.run(wrong)
    assert (done.returncode, "2 of 3 (66.7%), 3 of 3 (100.0%) before" in done.stderr) == (DISAGREES, True)
    assert nights.registry.read_bytes() == before


@pytest.mark.parametrize("source", [{"a": 1}, "no object"])
def test_a_source_that_cannot_be_read_stops_it(nights: Nights, source: Any) -> None:
    assert nights.run(source).returncode == UNREADABLE
    assert nights.data() == nights.first


def test_what_is_no_registry_is_not_written(nights: Nights) -> None:
    row = {**nights.first["providers"]["novita"], "billing": "by the moon"}  # of a provider that is kept as it was
    nights.registry.write_text(json.dumps({**nights.first, "providers": {**nights.first["providers"], "chutes": row}}))
    done = nights.run(FIRST)
    assert (done.returncode, "by the moon" in done.stderr) == (INVALID, True)


def test_a_day_is_a_day(nights: Nights) -> None:
    assert nights.run(FIRST, "tomorrow").returncode == USAGE


@pytest.mark.parametrize(
    ("today", "previous", "version"),
    [("2026-11-26", 2026112503, 2026112600), ("2026-11-26", 2026112600, 2026112601), ("2026-11-26", 2027010100, 2027010101)],
)  # fmt: skip
def test_a_version_never_decreases(today: str, previous: int, version: int) -> None:
    assert version_of(today, previous) == version
