"""Heads: what stands before the slash of a model's name, and whether the registry knows anybody of that name. Pure.

`meta-llama/Llama-3.3-70B` is an organisation's model, whoever serves it; `openrouter/gpt-4o` is a provider's.
Somebody whom nobody knows (`opnerouter/gpt-4o`) was meant as well, so the name is left to nobody else in silence.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.registry.registry import Registry

NEUTRAL = "models/"  # as in `models/gemini-2.5-pro`: stands for nobody
_FILE = r"(?i)^(/|\.\.?/|~)|\\|\.(gguf|safetensors|bin)$"


def is_path(name: str) -> bool:
    """Whether a name can only be a file's path."""
    return bool(re.search(_FILE, name))


def edits(one: str, other: str) -> int:
    """How many letters to insert, drop, change or swap to make one text of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, another in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != another)))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                row[-1] = min(row[-1], above[j - 2] + 1)
    return row[-1]


class Heads:
    """The providers, organisations and labs of a registry.

    Where it knows no labs, those of the installed one count too.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def of(self, name: str) -> tuple[list[str], str]:
        """What stands before the slashes of a name, and what after the last.

        `head:rest` counts where *rest* is a model and *head* is not: elsewhere the colon is a tag's.
        """
        *heads, last = name.strip().rstrip("/").split("/")
        if not heads and ":" in last:
            head, _, rest = last.partition(":")
            if self._is_model(rest) and not self._is_model(head):
                return [head], rest
        return heads, last

    def _is_model(self, name: str) -> bool:
        canonical = self._registry.names.canonical_name(name)
        return canonical in self._registry.canonical_names or canonical in self._registry.retired_models

    def known(self, head: str) -> bool:
        """Whether a provider or an organisation is called so."""
        return self._registry.provider_id(head) is not None or head.lower() in self._registry.organisations

    def makes(self, head: str, canonical: str) -> bool:
        """Whether a model is of that organisation: of its only lab, or listed under its name by some provider.

        What stands before models of many labs (`accounts/fireworks/models/...`) is a provider's way to write names.
        """
        labs = self._registry.organisations.get(head.lower(), frozenset())
        lab = self._registry.facts_of_model(canonical).get("lab")
        if head.lower() == lab or labs == {lab}:
            return True
        listed = (name for name, owner in self._registry.internal_index.items() if owner == canonical)
        return any(head.lower() in name.split("/")[:-1] for name in listed)

    def is_host(self, spelling: str) -> bool:
        """Whether a provider's name stands for the provider alone, not for a lab whose models others serve, too."""
        labs = self._registry.organisations.get(spelling, frozenset())
        if spelling in labs or len(labs) != 1:
            return spelling not in labs
        pid = self._registry.provider_id(spelling)
        if pid is None or pid in labs:
            return False
        served = {self._registry.model(name).get("lab") for name in self._registry.providers[pid].model_names}
        return bool(served - labs - {None})  # `azure/` may stand before one lab's models only, somewhere

    def is_organisation(self, head: str) -> bool:
        """Whether that is somebody who makes models, of one lab or of none that is known."""
        return len(self._registry.organisations.get(head.lower(), "several")) <= 1

    def is_slip(self, head: str) -> bool:
        """Whether that is a provider's name with a slip in it, or was a provider's: who writes so meant that one."""
        return self._ended(head) is not None or bool(self.near(head))

    def _ended(self, head: str) -> Mapping[str, Any] | None:
        """The row of a provider that has ended, by its name in any tool's spelling."""
        plain, rows = _plain(head), self._registry.retired_providers
        return next((row for pid, row in rows.items() if plain in map(_plain, (pid, *row.get("aliases", ())))), None)

    def said(self, head: str, canonical: str | None) -> str:
        """What is wrong with a head, for a person."""
        if (ended := self._ended(head)) is not None:
            return f"{ended['name']} ended in {ended['ended']}."
        if canonical is not None and self.known(head):
            return f"{head[:32]!r} does not make {canonical}, and is not a provider."
        return f"No provider or organisation is called {head[:32]!r}."

    def near(self, head: str) -> list[str]:
        """Providers that were perhaps meant: one or two letters away, the closest first.

        A longer name that begins with a provider's is another's (`SakanaAI`), not a slip; so is one with a digit
        (`01-ai`).
        """
        plain = _plain(head)
        most = 1 if len(plain) <= 5 else 2
        found: dict[str, int] = {}
        for spelling, pid in self._registry.provider_aliases.items():
            other = _plain(spelling)
            longer = len(plain) - len(other)
            if len(plain) < 3 or abs(longer) > most or (longer > 1 and plain.startswith(other)):
                continue
            if _digits(plain) == _digits(other) and (distance := edits(plain, other)) <= most:
                found[pid] = min(distance, found.get(pid, distance))
        return sorted(found, key=lambda pid: (found[pid], -len(pid)))

    def meant(self, heads: Iterable[str]) -> list[str]:
        """Providers to suggest: those that stand among the heads, those near one, those with whose name one begins."""
        from difflib import get_close_matches

        aliases = self._registry.provider_aliases
        found: list[str | None] = []
        for head in heads:
            words = re.split(r"[-_.:]", head.lower())
            if (ended := self._ended(head)) is not None:
                found.append(ended["successor"])
                continue
            found += [self._registry.provider_id(head), *self.near(head)]
            found += [aliases[close] for close in get_close_matches(head.lower(), aliases, n=2, cutoff=0.85)]
            found += [self._registry.provider_id("-".join(words[:count])) for count in range(len(words) - 1, 0, -1)]
        return list(dict.fromkeys(filter(None, found)))


def _plain(spelling: str) -> str:
    return re.sub(r"[^a-z0-9]", "", spelling.lower())


def _digits(plain: str) -> str:
    return re.sub(r"[^0-9]", "", plain)
