"""What the package promises, tried at random, and what got through.

Run `python -m benchmarks.attack [SECONDS] [--seed N] [--only NAME] [--put-back [NAME]]` from the checkout: about a
minute by default, all on loopback and in temporary folders, without any key of yours. Exit status 1 if anything got
through. With `--put-back`, each fault that the package once had is put back in turn, and the attack that must find it is made;
exit status 1 if one was not found.
"""

from __future__ import annotations

import argparse
import random
import sys

from benchmarks.attack.faults import FAULTS
from benchmarks.attack.kit import FIRST_LINES, Outcome, run
from benchmarks.attack.plan import ATTACKS
from benchmarks.common import print_table, verdict

SECONDS = 60.0  # for all attacks
PATIENCE = 60.0  # seconds in which a fault must be found; tries run out sooner


def attacked(seconds: float, seed: int, only: str | None) -> int:
    """Make the attacks; how many got through."""
    names = [name for name in ATTACKS if only in (None, name)]
    rows, outcomes = [], []
    for name in names:
        outcome = run(name, ATTACKS[name][0], seed, seconds=seconds / len(names))
        outcomes.append(outcome)
        rows.append(
            [
                name,
                f"{outcome.tried:,}",
                f"{len(outcome.through):,}",
                f"{outcome.seconds:.1f}",
                "nothing",
                verdict(not outcome.through),
            ]
        )
    tried, through = sum(o.tried for o in outcomes), sum(len(o.through) for o in outcomes)
    rows.append(
        [
            "all",
            f"{tried:,}",
            f"{through:,}",
            f"{sum(o.seconds for o in outcomes):.1f}",
            "nothing",
            verdict(not through),
        ]
    )
    print(f"Seed {seed}.\n")
    print_table(["attack", "tried", "got through", "seconds", "target", "result"], rows)
    for outcome in outcomes:
        _tell(outcome)
    return through


def _tell(outcome: Outcome) -> None:
    for line in outcome.through[:FIRST_LINES]:
        print(f"\n{outcome.name}: {line}")


def put_back(seed: int, only: str | None) -> int:
    """Put the faults back, one at a time; how many were not found."""
    rows, missed = [], 0
    for name, fault in FAULTS.items():
        if only not in (None, "", name):
            continue
        with fault.put_back():
            outcome = run(fault.attack, ATTACKS[fault.attack][0], seed, tries=fault.tries, seconds=PATIENCE, first=True)
        missed += not outcome.through
        rows.append(
            [
                name,
                fault.attack,
                f"{outcome.tried:,}",
                f"{outcome.seconds:.1f}",
                "found",
                verdict(bool(outcome.through)),
            ]
        )
    print(f"Seed {seed}.\n")
    print_table(["what was put back", "attack", "found after tries", "seconds", "target", "result"], rows)
    return missed


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack")
    parser.add_argument("seconds", nargs="?", type=float, default=SECONDS, help="for all attacks")
    parser.add_argument("--seed", type=int, default=None, help="for the same attacks again")
    parser.add_argument("--only", choices=list(ATTACKS), metavar="NAME", help=f"one attack: {', '.join(ATTACKS)}")
    parser.add_argument(
        "--put-back", nargs="?", const="", choices=["", *FAULTS], metavar="NAME", help="put faults back"
    )
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    bad = attacked(given.seconds, seed, given.only) if given.put_back is None else put_back(seed, given.put_back)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
