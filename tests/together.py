"""Cases of one test that wait more than they work: they wait together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 10  # few enough for each to be as quick as if it was alone


def together(cases: Mapping[str, Callable[[], None]]) -> None:
    """Run every case, each in a thread; all that failed are raised in one group, each with its name as a note."""
    assert cases
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {name: pool.submit(case) for name, case in cases.items()}
    failures = []
    for name, done in running.items():
        if error := done.exception():
            error.add_note(f"in the case {name}")
            failures.append(error)
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} cases failed", failures)
