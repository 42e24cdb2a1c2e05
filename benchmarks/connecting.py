"""What dead providers cost: `connect_to_model` with dead candidates before a live one, on loopback.

Run `python -m benchmarks.connecting [ROUNDS]` from the checkout. One process, the package imported
beforehand; only `connect_to_model` is timed, each time on a new `ProviderList` without memory of
what was dead. The very first call of the process, which loads the HTTP client, is a row of its own.
A target counts as met when the slowest call keeps to it.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

from benchmarks.common import (
    NO_MARK,
    Times,
    black_hole,
    keys,
    live_server,
    print_table,
    refused_port,
    registry,
    verdict,
)
from inference_providers import ProviderList


def connect(endpoints: list[str], rounds: int) -> Times:
    """Times of `connect_to_model`, whose winner must be the last of *endpoints*."""
    data = registry(endpoints)
    environ = keys(endpoints)
    seconds = []
    for _ in range(rounds):
        providers = ProviderList(json_override=data, environ=environ, local=False)
        started = time.perf_counter()
        connection = providers.connect_to_model("m")
        seconds.append(time.perf_counter() - started)
        if connection.offer.endpoint != endpoints[-1]:
            raise RuntimeError(f"connected to {connection.offer}, not to the live server")
    return Times(seconds)


def main() -> None:
    """Measure, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with ExitStack() as stack:
        live = stack.enter_context(live_server())
        holes = [stack.enter_context(black_hole()) for _ in range(3)]
        refused = [stack.enter_context(refused_port()) for _ in range(10)]
        cases = [
            ("a live one, first call of the process", connect([live], 1), None),
            ("a live one", connect([live], rounds), None),
            ("three black holes, then a live one", connect([*holes, live], rounds), 1.5),
            ("ten refused, then a live one", connect([*refused, live], rounds), 0.3),
        ]
    rows = [
        [
            name,
            *(f"{seconds * 1000:.1f}" for seconds in (times.best, times.median, times.worst)),
            f"under {most * 1000:.0f} ms" if most else NO_MARK,
            verdict(times.worst < most) if most else NO_MARK,
        ]
        for name, times, most in cases
    ]
    print_table(["candidates", "best, ms", "median, ms", "worst, ms", "target", "result"], rows)
    print(f"\n{rounds} rounds.")


if __name__ == "__main__":
    main()
