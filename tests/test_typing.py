"""Type checkers find misspellings and wrong types in calls, and what they know is what the code takes."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AsyncProviderList, GenerationParams, ProviderList
from inference_providers.batches import job, sources
from inference_providers.batches.job import Job
from inference_providers.chat import PREFERRING, parameters
from inference_providers.clients import options
from tests.conftest import ROOT
from tests.test_architecture import files, imports

PASSES, FAILS = "tests/typing/passes.py", "tests/typing/fails.py"
EXAMPLES = [  # that need this package alone
    f"examples/{name}.py"
    for name in (
        "agent",
        "bot",
        "csv_batch",
        "demo",
        "local_engine",
        "plugin/office_plugin",
        "script",
        "test_with_pytest",
    )
]


def installed(tool: str) -> pytest.MarkDecorator:
    """Skip where a type checker is missing."""
    return pytest.mark.skipif(
        importlib.util.find_spec(tool) is None, reason=f"{tool} is not installed; `make lint` installs it"
    )


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )


def expected() -> dict[int, str]:
    """The kind of error that each line of `fails.py` must have."""
    lines = (ROOT / FAILS).read_text("utf-8").splitlines()
    return {n: found[1] for n, line in enumerate(lines, 1) if (found := re.search(r"# error: (\S+)$", line))}


@installed("mypy")
def test_mypy_takes_right_calls_and_finds_each_wrong_one() -> None:
    done = run(
        "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", "--output=json", PASSES, FAILS, *EXAMPLES
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row for row in found if row["file"] != FAILS] == [], done.stderr
    errors = {row["line"]: row["code"] for row in found if row["severity"] == "error"}
    assert len(errors) > 40, done.stderr
    assert errors == expected()


@installed("pyright")
def test_pyright_takes_right_calls_and_finds_each_wrong_one() -> None:
    done = run("pyright", "--pythonpath", sys.executable, "--outputjson", PASSES, FAILS)
    if done.returncode not in (0, 1):
        pytest.skip(f"pyright cannot be run here: {(done.stdout + done.stderr)[-300:]}")
    found = [row for row in json.loads(done.stdout)["generalDiagnostics"] if row["severity"] == "error"]
    assert [row for row in found if Path(row["file"]).name == "passes.py"] == []
    assert {row["range"]["start"]["line"] + 1 for row in found} == set(expected())


def names(function: Any, *but: str) -> set[str]:
    """The parameters of a function that can only be given by name."""
    found = inspect.signature(function).parameters.values()
    return {one.name for one in found if one.kind is one.KEYWORD_ONLY} - {*but}


def keys(kind: Any) -> set[str]:
    return {*kind.__required_keys__, *kind.__optional_keys__}


def test_type_checkers_know_the_vocabulary_that_the_code_takes() -> None:
    assert keys(options.GenerationOptions) == {*parameters.VOCABULARY, *parameters.SYNONYMS}


def test_type_checkers_know_what_can_be_preferred() -> None:
    assert keys(options.PreferenceOptions) == PREFERRING


@pytest.mark.parametrize(
    ("kind", "function", "but"),
    [
        (options.AskOptions, ProviderList.ask_ai, ("stream",)),
        (options.AskOptions, AsyncProviderList.ask_ai, ("stream",)),
        (options.BatchOptions, Job.__init__, ()),
    ],
)
def test_type_checkers_know_the_options_that_the_code_takes(kind: Any, function: Any, but: tuple[str, ...]) -> None:
    among_fields = {*sources.OPTIONS, *job.ELSEWHERE, "max_retries"} if kind is options.BatchOptions else set()
    assert keys(kind) - keys(options.GenerationOptions) == (names(function, *but) | among_fields | PREFERRING)


def test_type_checkers_know_what_a_stream_takes() -> None:
    alone = names(AsyncProviderList.ask_ai, "stream", "schema", "max_steps")  # a stream gives text alone
    assert keys(options.StreamOptions) - keys(options.TextOptions) == alone | PREFERRING
    assert inspect.signature(AsyncProviderList.stream).parameters == inspect.signature(ProviderList.stream).parameters
    assert keys(options.GenerationOptions) - keys(options.StreamOptions) == {
        "tools", "functions", "tool_choice", "parallel_tool_calls",
    }  # fmt: skip


def test_type_checkers_know_what_an_engine_takes() -> None:
    assert keys(options.EngineOptions) == {
        *keys(options.GenerationOptions),
        *(field.name for field in fields(GenerationParams)),
        *(keys(options.AskOptions) - (keys(options.ClientTerms) - keys(options.CacheOptions)) - {"test"}),
    }


def test_the_options_are_not_imported_at_run_time() -> None:
    uses = [use for path in files() for use in imports(path)]
    assert {
        name for base, name, typing in uses if base.startswith("clients") and name in vars(options) and not typing
    } == set()
