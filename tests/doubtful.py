"""How right the doubtful marks are: each source in turn is left out of the build, and judges the marks of the others.

    python -m tests.doubtful SOURCE...     the catalogues that a registry is built from

A source says that an offer is alive by listing it, if it removes what has ended; that it has ended by a date of its
own, or by lacking it, under any spelling, where it is known to list everything. It is not heard against a day that
another source gives, nor about what came after its own: what another has ended since, or had alive on an earlier day.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference_providers.registry.registry import Registry
from inference_providers.upkeep.importers.build import build, load_overlay, read_source
from inference_providers.upkeep.importers.rows import OfferRow, Source

Offer = tuple[str, str]  # provider, internal name


@dataclass
class Verdict:
    """How the marks of a build did, by the word of the source that it lacked."""

    judge: str
    right: list[Offer] = field(default_factory=list)
    wrong: list[Offer] = field(default_factory=list)  # marked, and alive
    missed: list[Offer] = field(default_factory=list)  # ended, and not marked

    @property
    def precision(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.wrong))

    @property
    def completeness(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.missed))

    def __str__(self) -> str:
        marks, ends = len(self.right) + len(self.wrong), len(self.right) + len(self.missed)
        return (
            f"{self.judge}: {self.precision:.1%} of {marks} marks right, {self.completeness:.1%} of {ends} ends marked"
        )


def judged(sources: Sequence[Source], overlay: Mapping[str, Any]) -> list[Verdict]:
    """A verdict by each source that lists offers, and one by all of them."""
    verdicts = [
        _judged_by(judge, [source for source in sources if source is not judge], overlay)
        for judge in sources
        if judge.offers
    ]
    together = Verdict("all")
    for verdict in verdicts:
        together.right += verdict.right
        together.wrong += verdict.wrong
        together.missed += verdict.missed
    return [*verdicts, together]


def _judged_by(judge: Source, others: Sequence[Source], overlay: Mapping[str, Any]) -> Verdict:
    registry = Registry(build(others, overlay))
    word = _Word(judge, others, registry, overlay)
    verdict = Verdict(judge.kind)
    for provider in registry.providers.values():
        for internal_name in provider.all_facts:
            alive = word.is_alive(provider.id, internal_name)
            if alive is None:
                continue
            is_marked = provider.facts(internal_name).is_doubtful
            group = verdict.right if is_marked and not alive else verdict.wrong if is_marked else verdict.missed
            if is_marked or not alive:
                group.append((provider.id, internal_name))
    return verdict


class _Word:
    """What one source says of the offers of others."""

    def __init__(self, judge: Source, others: Sequence[Source], registry: Registry, overlay: Mapping[str, Any]) -> None:
        version = str(overlay["version"])
        self._today = f"{version[:4]}-{version[4:6]}-{version[6:8]}"
        self._judge, self._overlay = judge, overlay
        self._own = {(row.provider, row.internal_name): row for row in judge.offers}
        self._rows: dict[Offer, list[tuple[Source, OfferRow]]] = defaultdict(list)
        for source in others:
            for row in source.offers:
                self._rows[row.provider, row.internal_name].append((source, row))
        self._canonical = registry.names.canonical_name
        self._models = defaultdict(set)  # alive, by provider
        self._tools: set[str | None] = set()  # models that call tools
        for row in judge.offers:
            if not self._has_ended(row):
                self._models[row.provider].add(self._canonical(row.internal_name))
        for source in (judge, *others):
            for row in source.offers:
                if "t" in row.features or source.kind in overlay["tools_only"]:
                    self._tools.add(self._canonical(row.internal_name))
        self._known = {model for models in self._models.values() for model in models}

    def is_alive(self, provider: str, internal_name: str) -> bool | None:
        """What it says of an offer; None if it says nothing, or nothing that can be held against others."""
        own, rows = self._own.get((provider, internal_name)), self._rows[provider, internal_name]
        ends = [row.ends for _, row in rows if row.ends and row.ends <= self._today]
        if own is not None and not self._has_ended(own):
            is_heard = self._judge.kind not in self._overlay["hoarders"] and not ends
            later = any(row.ended and source.day > self._judge.day for source, row in rows)
            return True if is_heard and not later else None
        if own is None and not self._means_to_lack(provider, internal_name):
            return None
        since = own.ends if own is not None and own.ends else self._judge.day
        alive_before = [
            source.day
            for source, row in rows
            if source.kind not in self._overlay["hoarders"] and not self._has_ended(row)
        ]
        return None if any(day < since for day in alive_before) else False

    def _has_ended(self, row: OfferRow) -> bool:
        return row.ended or bool(row.ends and row.ends <= self._today)

    def _means_to_lack(self, provider: str, internal_name: str) -> bool:
        kind, model = self._judge.kind, self._canonical(internal_name)
        if provider not in self._overlay["complete"].get(kind, ()) or model in self._models[provider]:
            return False
        if kind in self._overlay["tools_only"]:
            features = "".join(row.features for _, row in self._rows[provider, internal_name])
            return "t" in features or ("T" not in features and model in self._tools)
        return model in self._known  # else it may be newer than the list


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tests.doubtful", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sources", nargs="+", type=Path)
    overlay = load_overlay()
    sources = [
        read_source(json.loads(path.read_text("utf-8")), overlay, path.name)
        for path in parser.parse_args(arguments).sources
    ]
    for verdict in judged(sources, overlay):
        print(verdict)
        for title, offers in (("wrong", verdict.wrong), ("missed", verdict.missed)):
            for provider, count in Counter(provider for provider, _ in offers).most_common(8):
                examples = [name for owner, name in offers if owner == provider][:4]
                print(f"  {title} {provider} {count}: {', '.join(examples)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
