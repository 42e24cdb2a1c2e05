"""Models of other kinds than text, as the registry file has them: who serves each, under which names. Pure."""

from __future__ import annotations

import json
from functools import cached_property

from inference_providers.registry.facts import Facts
from inference_providers.registry.kinds import EMBEDDINGS, MODERATION, RERANK, plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
_WITHOUT_OUTPUT = (EMBEDDINGS, RERANK, MODERATION)  # no tokens come out, so none are paid for


class KindModels:
    """All models of one kind: canonical name -> who serves it."""

    def __init__(self, kind: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """*rows*: by canonical name, `at` (provider -> its names -> facts) and what else is known of the model."""
        self.kind, self.rows = kind, rows

    def __repr__(self) -> str:
        return f"<KindModels {self.kind}: {len(self.rows)}>"

    def canonical(self, name: str) -> str | None:
        """The canonical name that a model's name in any spelling stands for; None where nobody is known to serve it."""
        if name in self.rows:
            return name
        return self._index.get(name.strip().lower()) or self._index.get(plain_name(name))

    def names_at(self, canonical: str, provider: str) -> list[str]:
        """What a provider calls a model, the preferred name first."""
        return list(self._at(canonical).get(provider) or ())

    def providers_of(self, canonical: str) -> list[str]:
        """The ids of those who serve a model."""
        return list(self._at(canonical))

    def listed_at(self, provider: str, name: str) -> tuple[str, str] | None:
        """(canonical name, its own name) of a model that a provider lists under *name*, in any case of letters."""
        wanted = name.lower()
        for canonical in self.rows:
            for own in self._at(canonical).get(provider) or ():
                if own.lower() == wanted:
                    return canonical, own
        return None

    def facts(self, canonical: str | None, provider: str, internal_name: str) -> Facts:
        """What is known of an offer, whose API is that of its kind."""
        row = (self._at(canonical).get(provider) or {}).get(internal_name) or () if canonical else ()
        facts = Facts(row)
        if not facts.route:  # else nobody here can ask it
            facts.api = self.kind
        if self.kind in _WITHOUT_OUTPUT and facts.input_price is not None and facts.output_price is None:
            facts.output_price = 0.0
        return facts

    def _at(self, canonical: str) -> Mapping[str, Mapping[str, list[Any]]]:
        row = self.rows.get(canonical) or {}
        found: Mapping[str, Mapping[str, list[Any]]] = row.get("at") or {}
        return found

    @cached_property
    def _index(self) -> Mapping[str, str]:
        """Every name, in lower case, to the canonical one."""
        index: dict[str, str] = {}
        for canonical, row in self.rows.items():
            for names in (row.get("at") or {}).values():
                for name in names:
                    index.setdefault(name.lower(), canonical)
                    index.setdefault(plain_name(name), canonical)
        index.update((name.lower(), name) for name in self.rows)
        return index


def read(text: bytes, rows: Mapping[str, Any]) -> Mapping[str, KindModels]:
    """The section of a registry, as the file's text or as data."""
    section: Mapping[str, Any] = json.loads(text) if text else rows
    return {kind: KindModels(kind, models) for kind, models in section.items()}
