"""No test judges by the clock: how long something takes says how busy the machine is.

What a test may do instead: count requests, tries, or bytes; have a server keep its client waiting and see it leave
(`Connection.hold`, `Server.left`); give a clock of its own; note which of two events came first. A loop that waits for
something, with an end that is far away, guards against hanging and judges nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT

CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time"}
MEASURES = {"duration", "elapsed", "latency", "seconds", "took"}  # what a time that passed is called
AMPLE = 30.0  # seconds: a bound from above that no machine is too busy for


def is_reading(node: ast.AST) -> bool:
    """`time.monotonic()`, `loop.time()`, `perf_counter_ns()`."""
    called = node.func if isinstance(node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name.removesuffix("_ns") in CLOCKS


def names(*nodes: ast.AST) -> set[str]:
    return {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}


class Function:
    """One function of a test module, with the names that hold readings of a clock, and differences of such."""

    def __init__(self, tree: ast.AST) -> None:
        self._nodes = list(ast.walk(tree))
        self._readings: set[str] = set()
        self._differences: set[str] = set()
        size = -1
        while size < (size := len(self._readings) + len(self._differences)):  # until nothing is added
            for node in self._nodes:
                for targets, value in self._given(node):
                    self._readings |= targets if self._is_read(value) else set()
                    self._differences |= targets if self._is_difference(value) else set()

    @staticmethod
    def _given(node: ast.AST) -> Iterator[tuple[set[str], ast.AST]]:
        """Names, and what they are made to hold."""
        if isinstance(node, ast.Assign):
            yield names(*node.targets), node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign) and node.value is not None:
            yield names(node.target), node.value
        elif isinstance(node, ast.For | ast.comprehension):
            yield names(node.target), node.iter
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            yield from ((names(node.func.value), value) for value in node.args)

    def _is_read(self, value: ast.AST) -> bool:
        return any(map(is_reading, ast.walk(value))) or bool(names(value) & self._readings)

    def _is_difference(self, value: ast.AST) -> bool:
        if names(value) & self._differences:
            return True
        return any(
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and self._is_read(node)
            for node in ast.walk(value)
        )

    def judgements(self) -> Iterator[int]:
        """Lines of the asserts that compare a difference, or bound a measured time closely from above."""
        for node in self._nodes:
            if isinstance(node, ast.Assert):
                compared = [one for one in ast.walk(node.test) if isinstance(one, ast.Compare)]
                if any(self._is_difference(one) or is_close(one) for one in compared):
                    yield node.lineno


def is_close(compared: ast.Compare) -> bool:
    """Whether a measured time is to be less than a few seconds."""
    for (left, right), op in zip(pairwise([compared.left, *compared.comparators]), compared.ops, strict=True):
        small, large = (left, right) if isinstance(op, ast.Lt | ast.LtE) else (right, left)
        name = small.attr if isinstance(small, ast.Attribute) else small.id if isinstance(small, ast.Name) else ""
        bound = large.value if isinstance(large, ast.Constant) else None
        if name in MEASURES and isinstance(bound, int | float) and 0 < bound < AMPLE and not isinstance(op, ast.Eq):
            return True
    return False


def judgements(source: str) -> list[int]:
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sorted({line for function in functions for line in Function(function).judgements()})


OURS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_no_test_judges_by_the_clock(path: Path) -> None:
    assert judgements(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "lines",
    [
        "started = time.monotonic()\n    work()\n    assert time.monotonic() - started < 2.3",
        "started = time.process_time()\n    work()\n    took = time.process_time() - started\n    assert took < 5",
        "t = loop.time()\n    assert 0.5 < loop.time() - t < 1.25",
        "started = perf_counter_ns()\n    assert (perf_counter_ns() - started) / 1e9 < 1",
        "def serve(): asked.append(time.monotonic())\n    assert asked[1] - asked[0] < 1",
        "times.append(time.time())\n    for n, t in enumerate(times): assert n <= 10 * (t - times[0]) + 10",
        "assert all(b - a < 1 for a, b in zip(times, times[1:]) if times.append(time.time()))",
        "assert 0.1 <= said.latency < 1",
        "assert 2 > attempt.seconds",
    ],
)
def test_a_judgement_by_the_clock_is_found(lines: str) -> None:
    assert judgements(f"def test_it():\n    {lines}\n") != []


@pytest.mark.parametrize(
    "lines",
    [
        "until = time.monotonic() + 20\n    while not done() and time.monotonic() < until: pass\n    assert done()",
        "assert 0.1 <= said.latency < 60",
        "assert said.latency > 0",
        "now[0] += 30\n    assert now[0] - 30 == 100",
        "assert len(server.asked) - before < 3",
    ],
)
def test_what_waits_counts_or_has_a_clock_of_its_own_is_not_one(lines: str) -> None:
    assert judgements(f"def test_it():\n    {lines}\n") == []
