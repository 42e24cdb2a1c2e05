"""Which offers may have ended: by the dates of sources, and by what whole lists lack. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inference_providers.upkeep.importers.rows import OfferRow, Source

Ranked = Sequence[tuple[Source, OfferRow]]


class Endings:
    """Judges offers by all sources together.

    `complete` of the overlay names, for each kind of source, the providers of which it lists every model; `tools_only`
    the sources that leave out models that call no tools; `hoarders` those that never remove a model, so that being
    listed there is no sign of life.
    """

    def __init__(
        self,
        newest_first: Sequence[Source],
        canonical: Callable[[str], str | None],
        overlay: Mapping[str, Any],
        today: str,
    ) -> None:
        self._canonical, self._overlay, self._today = canonical, overlay, today
        self._kinds = {source.kind: source for source in newest_first}
        self._alive: dict[str, dict[str, set[str | None]]] = {kind: defaultdict(set) for kind in self._kinds}
        self._tools: set[str | None] = set()  # models that call tools, by anybody's word
        for source in newest_first:
            for row in source.offers:
                model = canonical(row.internal_name)
                if not self._has_ended(row):
                    self._alive[source.kind][row.provider].add(model)
                if "t" in row.features or source.kind in overlay["tools_only"]:
                    self._tools.add(model)
        self._anywhere = {
            kind: {model for models in by_provider.values() for model in models}
            for kind, by_provider in self._alive.items()
        }

    def is_doubtful(self, ranked: Ranked) -> bool:
        """Whether an offer, as each source has it, may have ended."""
        if any(self._has_ended(row) for _, row in ranked):
            return True
        listing = {source.kind for source, _ in ranked}
        if any(self._lacks(kind, ranked) for kind in self._overlay["complete"] if kind not in listing):
            return True
        return listing <= set(self._overlay["hoarders"]) and self._is_nobodys(ranked[0][1])

    def _has_ended(self, row: OfferRow) -> bool:
        return row.ended or bool(row.ends and row.ends <= self._today)

    def _lacks(self, kind: str, ranked: Ranked) -> bool:
        """Whether a whole list lacks an offer, and that says something of it."""
        row = ranked[0][1]
        source, model = self._kinds.get(kind), self._canonical(row.internal_name)
        if source is None or row.provider not in self._overlay["complete"][kind]:
            return False
        alive = self._alive[kind]
        if row.provider not in alive or model in alive[row.provider]:
            return False  # not listed at all; or there under another spelling: a region, a snapshot
        hoarders = self._overlay["hoarders"]
        if any(other.day > source.day for other, _ in ranked if other.kind not in hoarders):
            return False
        if kind in self._overlay["tools_only"]:
            return self._calls_tools(ranked, model)
        return model in self._anywhere[kind]  # else the model may be newer than the list

    def _calls_tools(self, ranked: Ranked, model: str | None) -> bool:
        features = "".join(row.features for _, row in ranked)
        return "t" in features or ("T" not in features and model in self._tools)

    def _is_nobodys(self, row: OfferRow) -> bool:
        """Whether no current list has a model any more, though some list its provider, and are as new."""
        model = self._canonical(row.internal_name)
        current = [kind for kind in self._kinds if kind not in self._overlay["hoarders"]]
        listed = any(row.provider in self._alive[kind] for kind in current)
        fresh = any(kind in self._overlay["tools_only"] for kind in current)
        return listed and fresh and not any(model in self._anywhere[kind] for kind in current)
