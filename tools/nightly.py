"""Builds the registry of the day: `python -m tools.nightly [--from SOURCE]... [--body FILE]`.

Sources are read by name (all of them, unless some are given, by name or as files), guards compare what comes of them
with the registry so far, the version becomes that of the day, and prices are compared with those of a list that is no
source. Written are the registry, where its facts are from, and the body of a pull request. Nothing is published.

Exit codes: 0 written, or nothing is new; 2 wrong usage; 3 what was built is not a valid registry; 4 its prices agree
less with the other list than those so far, by more than one percentage point; 5 a source cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from inference_providers import RegistryError
from inference_providers.registry import Registry, problems
from inference_providers.upkeep import Building, as_markdown, differences, load_overlay, read_named, to_text

ROOT = Path(__file__).parent.parent
WRITTEN, INVALID, DISAGREES, UNREADABLE = 0, 3, 4, 5
SOURCES = ("models.dev", "litellm", "litellm-endpoints", "pi-ai", "endpoints")
STANDS_IN = {"models.dev": "opencode"}  # the same catalogue, elsewhere
FALL = 0.01  # of the share of prices that agree: a percentage point
_MOST = 20  # held prices that the body lists


class Agreement:
    """How many prices of a registry agree with the list that others keep, or are excused."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        oracle = import_module("tests.oracle")  # needs what the extra `prices` brings
        pairs = oracle.compared(Registry(data))
        self.count, self.agree = len(pairs), sum(pair.agrees or oracle.is_excused(pair) for pair in pairs)

    @property
    def share(self) -> float | None:
        """The part that agrees; None where nothing can be compared."""
        return self.agree / self.count if self.count else None

    def __str__(self) -> str:
        return f"{self.agree} of {self.count}" + (f" ({self.share:.1%})" if self.share is not None else "")

    def fell(self, before: Agreement) -> bool:
        """Whether fewer agree than before, by more than a percentage point."""
        return self.share is not None and before.share is not None and before.share - self.share > FALL


def version_of(today: str, previous: int) -> int:
    """The next version: that of the day, YYYYMMDDNN, and later than the one before whatever the clock says."""
    return max(int(today.replace("-", "") + "00"), previous + 1)


def read(names: Sequence[str], today: str) -> list[Any]:
    """The sources of these names or files. Where one by name cannot be had, what stands in for it is read."""
    found = []
    for name in names:
        try:
            found.append(read_named(name, os.environ, today))
        except RegistryError as error:
            if name not in STANDS_IN:
                raise
            print(f"{error}\n{STANDS_IN[name]} is read instead of {name}", file=sys.stderr)
            found.append(read_named(STANDS_IN[name], os.environ, today))
    return found


def is_new(data: Mapping[str, Any], previous: Mapping[str, Any]) -> bool:
    """Whether anything but the version and the days of sources is otherwise."""
    aside = ("version", "sources")
    return {key: data[key] for key in data if key not in aside} != {
        key: previous[key] for key in previous if key not in aside
    }


def body(building: Building, previous: Mapping[str, Any], before: Agreement, now: Agreement) -> str:
    """The body of the pull request."""
    days = [
        f"{kind} of {row['date']}"
        for kind, row in building.data["sources"].items()
        if isinstance(row, dict) and "date" in row
    ]
    lines = [f"Version {building.data['version']}, after {previous.get('version')}. Sources: {', '.join(days)}.", ""]
    lines += [f"Prices that agree with the list that is no source: {now}; before: {before}.", ""]
    if building.tripped:
        lines += [
            f"### Not taken by guards ({len(building.tripped)})",
            "",
            *(f"- {_code(one)}" for one in building.tripped),
        ]
        lines += ["", "To take one, build with `--accept PROVIDER`.", ""]
    if held := building.merged.held:
        shown = [f"{one.provider}/{one.internal_name} {one.field}: {one.said}, kept {one.kept}" for one in held[:_MOST]]
        lines += [f"### Prices on which sources are far apart ({len(held)})", "", *(f"- {_code(one)}" for one in shown)]
        lines += [f"- and {len(held) - _MOST} more"] * (len(held) > _MOST) + [""]
    return "\n".join(lines) + as_markdown(differences(previous, building.data))


def _code(value: object) -> str:
    return f"`{''.join(letter if letter.isprintable() else ' ' for letter in str(value)[:300]).replace('`', chr(39))}`"


def run(options: argparse.Namespace) -> int:
    """Build, judge and write. Returns the exit code."""
    try:
        previous = json.loads(options.registry.read_text("utf-8"))
        overlay = load_overlay()
        overlay["version"] = version_of(options.today, max(int(previous["version"]), 0))
        building = Building(read(options.sources or SOURCES, options.today), overlay, previous, options.accepted)
    except (RegistryError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    if wrong := problems(building.data, strict=True):
        print("What was built is not a valid registry:", *wrong, sep="\n", file=sys.stderr)
        return INVALID
    for one in building.tripped:
        print(f"not taken: {one}", file=sys.stderr)
    if not is_new(building.data, previous):
        print("Nothing is new.", file=sys.stderr)
        return WRITTEN
    try:
        before, now = Agreement(previous), Agreement(building.data)
    except ModuleNotFoundError as error:
        print(f"{error}: the list to compare with comes with the extra `prices`; see `make nightly`", file=sys.stderr)
        return UNREADABLE
    if now.fell(before):
        print(f"Prices agree less than before with the list that is no source: {now}, {before} before", file=sys.stderr)
        return DISAGREES
    options.origins.write_text(building.origins(), "utf-8")
    options.registry.write_text(to_text(building.data), "utf-8")
    text = body(building, previous, before, now)
    if options.body is None:
        print(text, end="")
    else:
        options.body.write_text(text, "utf-8")
    return WRITTEN


def main(arguments: Sequence[str]) -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(
        prog="tools.nightly", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--from", dest="sources", action="append", metavar="SOURCE", help="a name or a file; default: all"
    )
    parser.add_argument(
        "--accept", dest="accepted", action="append", default=[], metavar="PROVIDER", help="let its changes through"
    )
    parser.add_argument(
        "--registry", type=Path, default=ROOT / "inference-providers.json", help="the one so far, written anew"
    )
    parser.add_argument(
        "--origins", type=Path, default=ROOT / "inference-providers.sources.json", help="where its facts are from"
    )
    parser.add_argument("--body", type=Path, help="for the body of a pull request; default: standard output")
    parser.add_argument(
        "--today", default=time.strftime("%Y-%m-%d", time.gmtime()), help="YYYY-MM-DD; default: the day in UTC"
    )
    options = parser.parse_args(arguments)
    try:
        time.strptime(options.today, "%Y-%m-%d")
    except ValueError:
        parser.error(f"{options.today!r} is not a day, YYYY-MM-DD")
    return run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
