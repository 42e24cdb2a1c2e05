"""Measures names against models.dev's labels: `python -m tools.labels /path/to/api.json`.

A pair of rows with one label that has two canonical names is missed; a pair with two labels that has one is wrong.
Some of the labels are the source, the rest is what is measured: split by label (models that no label tells of), by
provider (what others say of the same names), and with no source at all (what patterns alone can do).
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from inference_providers.registry import Names, derive
from inference_providers.upkeep.importers.build import load_overlay, read_source
from inference_providers.upkeep.importers.labels import labelled
from inference_providers.upkeep.importers.rows import OfferRow

# A dated id of a closed model and its undated alias are two labels; with us they are one model (docs/naming.md).
_DATED = re.compile(r"^((?:anthropic|openai)/.*?)-20\d\d-?\d\d-?\d\d$")


class Score(NamedTuple):
    """Pairs of labelled rows, and the worst labels and names of the missed and the wrong ones."""

    together: int
    missed: int
    joined: int
    wrong: int
    worst_missed: list[tuple[int, str]]
    worst_wrong: list[tuple[int, str]]

    def __str__(self) -> str:
        missed, wrong = self.missed / max(1, self.together), self.wrong / max(1, self.joined)
        return f"missed {missed:6.2%} of {self.together}, wrong {wrong:6.2%} of {self.joined}"


def rows_of(path: str) -> list[OfferRow]:
    """All rows of a catalogue, one a provider and name."""
    rows = read_source(json.loads(Path(path).read_text("utf-8")), load_overlay(), path).offers
    return list({(row.provider, row.internal_name): row for row in rows}.values())


def names_with(rows: Iterable[OfferRow], source: Iterable[OfferRow]) -> Names:
    """Names as a build has them that knows all *rows*, and the labels of *source* only."""
    told = {(row.provider, row.internal_name): row.label for row in source}
    rows = [row._replace(label=told.get((row.provider, row.internal_name), "")) for row in rows]
    canonical = load_overlay()["canonical"]
    known = {**labelled(rows, canonical)[0], **canonical}
    return Names(known, {known.get(name, name) for row in rows if (name := derive(row.internal_name))})


def score(names: Names, rows: Iterable[OfferRow], *, strict: bool = False) -> Score:
    """How far *names* agrees with the labels of *rows*; what is no text model by its label does not count."""
    called: dict[str, Counter[str | None]] = defaultdict(Counter)
    labels: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if derive(row.label) is None:
            continue
        label = row.label if strict else _DATED.sub(r"\1", row.label)
        name = names.canonical_name(row.internal_name)
        called[label][name] += 1
        labels[name][label] += 1
    labels.pop(None, None)
    missed = {label: _pairs(counts.total()) - _within(counts) for label, counts in called.items()}
    wrong = {str(name): _pairs(counts.total()) - _within(counts) for name, counts in labels.items()}
    return Score(
        sum(_pairs(counts.total()) for counts in called.values()),
        sum(missed.values()),
        sum(_pairs(counts.total()) for counts in labels.values()),
        sum(wrong.values()),
        sorted(((count, f"{label}: {dict(called[label])}") for label, count in missed.items() if count), reverse=True),
        sorted(((count, f"{name}: {dict(labels[name])}") for name, count in wrong.items() if count), reverse=True),
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _within(counts: Counter[str] | Counter[str | None]) -> int:
    return sum(_pairs(count) for count in counts.values())


def halves(rows: list[OfferRow], key: Callable[[OfferRow], str], seed: int) -> tuple[list[OfferRow], list[OfferRow]]:
    """Labelled rows in two halves that share no value of *key*."""
    values = sorted({key(row) for row in rows if row.label})
    random.Random(seed).shuffle(values)
    first = set(values[::2])
    return [row for row in rows if row.label and key(row) in first], [
        row for row in rows if row.label and key(row) not in first
    ]


def main() -> None:
    """Print the scores of each split, and the worst kinds."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("catalogue", help="models.dev's api.json, with labels")
    parser.add_argument("--seeds", type=int, default=3, help="how many splits of each kind")
    parser.add_argument("--worst", type=int, default=12, help="how many of the worst to show")
    options = parser.parse_args()
    rows = rows_of(options.catalogue)
    have = [row for row in rows if row.label]
    bare = names_with(rows, [])
    found = score(bare, have)
    print(f"patterns alone:      {found}\n  each label by itself: {score(bare, have, strict=True)}")
    print(f"all labels known:    {score(names_with(rows, have), have)}")
    for what, key in (("label", lambda row: row.label), ("provider", lambda row: row.provider)):
        for seed in range(options.seeds):
            for source, rest in (parts := halves(rows, key, seed), parts[::-1]):
                print(f"by {what:<8} seed {seed}: {score(names_with(rows, source), rest)}")
    for what, worst in (("missed", found.worst_missed), ("wrong", found.worst_wrong)):
        print(f"worst {what}, patterns alone:")
        for count, told in worst[: options.worst]:
            print(f"  {count:5} {told}")


if __name__ == "__main__":
    main()
