"""How far a batch is: a bar on a terminal, or in the cell of a notebook."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inference_providers.batches.items import Summary
    from inference_providers.batches.job import Job
    from inference_providers.routing import Pace

    Told = Callable[[Summary, Pace], None]

_PAUSE = 0.2  # seconds between two updates of a terminal


@contextmanager
def progress_of(job: Job) -> Iterator[Told | None]:
    """A bar: how far, how fast, what it cost, how long still. What is given is told after each result.

    On a terminal's standard error and in notebooks, for a batch with an output file, unless the job says otherwise.
    """
    from inference_providers.rendering import notebook

    in_cell = notebook() is not None
    shown = job.out is not None and (in_cell or (sys.stderr is not None and sys.stderr.isatty()))
    wanted = shown if job.progress is None else job.progress  # without a file it is the user who prints
    if not wanted:
        yield None
        return
    with (_in_cell if in_cell else _on_terminal)(job.source.count()) as bar:
        found: list[tuple[Summary, Pace]] = []

        def told(summary: Summary, pace: Pace) -> None:
            if not found:
                found.append((summary, pace))
            bar(summary, pace, False)

        yield told
        for summary, pace in found:
            bar(summary, pace, True)


@contextmanager
def _on_terminal(total: int | None) -> Iterator[Callable[[Summary, Pace, bool], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("", total=total, told="")
        started = shown = time.monotonic()

        def tell(summary: Summary, pace: Pace, now: bool) -> None:
            nonlocal shown
            if now or time.monotonic() - shown > _PAUSE:
                shown = time.monotonic()
                bar.update(task, completed=summary.total, told=_told(summary, pace, shown - started))

        yield tell


@contextmanager
def _in_cell(total: int | None) -> Iterator[Callable[[Summary, Pace, bool], None]]:
    from inference_providers.rendering import Cell, bar

    cell, started = Cell(), time.monotonic()
    cell.show("text/html", *bar(0, total, ""))

    def tell(summary: Summary, pace: Pace, now: bool) -> None:
        if now or cell.is_due(_SIZE):
            told = _told(summary, pace, time.monotonic() - started)
            cell.show("text/html", *bar(summary.total, total, told))

    yield tell


_SIZE = 20_000  # characters as which an update counts, so that there are five a second


def _told(summary: Summary, pace: Pace, seconds: float) -> str:
    rate = (summary.answered + summary.failed) / max(seconds, 0.001)
    failed = summary.failed + summary.malformed
    busy = sum(lane.busy for lane in pace.lanes.values())
    parts = [
        f"{rate:.1f}/s",
        f"{busy} at once" if busy else "",
        f"{failed} failed" if failed else "",
        f"${summary.cost:.4f}" if summary.cost else "",
    ]
    return " · ".join(filter(None, parts))
