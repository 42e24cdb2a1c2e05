"""Whom a call, its list and the environment avoid, and whom alone they want. Pure.

Each of them is a layer, and all hold: what any of them avoids is avoided, and only who is wanted by all is asked.
"""

from __future__ import annotations

from functools import cache

from inference_providers.credentials import host_of, is_loopback, is_private
from inference_providers.offers.addresses import AVOID_VARIABLE, OFFLINE_VARIABLE, ONLY_VARIABLE, is_offline
from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.registry import Provider, Registry

LOCAL = "local"  # any server on this machine
REMOTE = "remote"  # the id of an address that a call gives, and that belongs to nobody known


class _Words:
    """The words of one `avoid` or `only`, and whom each stands for. Raises TypeError and ValueError."""

    __slots__ = ("_meant", "said")

    def __init__(self, said: str, words: Iterable[str], registry: Registry) -> None:
        self.said = said  # whose they are, for messages
        self._meant = {word: _meant(word, said, registry) for word in words}

    def __str__(self) -> str:
        shown = list(self._meant)
        return f"{self.said} ({', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''})"

    def holding(self, ids: frozenset[str]) -> str | None:
        """The first word that stands for one of these, if any."""
        return next((word for word, meant in self._meant.items() if not meant.isdisjoint(ids)), None)


def _meant(word: str, said: str, registry: Registry) -> frozenset[str]:
    """What a provider must be called by to be meant: its id, `local`, or the code of its country as `=CN`."""
    key = word.strip().lower()
    if key in (LOCAL, REMOTE):
        return frozenset([f"={key}"])
    known = [pid for one in (registry, bundled()) if (pid := one.provider_id(word)) is not None]
    known += [key] * (
        key in bundled().retired_providers or any(row.part_of == key for row in registry.providers.values())
    )
    if known:
        return frozenset(known)
    from inference_providers.registry import countries_of

    if codes := countries_of(word):
        return frozenset(f"={code}" for code in codes)
    raise _unknown(word, f"{said[0].upper()}{said[1:]}", registry)


def _unknown(word: str, said: str, registry: Registry) -> ValueError:
    from difflib import get_close_matches

    from inference_providers.registry import country_words

    names = [LOCAL, *registry.provider_aliases, *bundled().provider_aliases, *country_words()]
    close = get_close_matches(word.strip().lower()[:80], list(dict.fromkeys(names)), n=3, cutoff=0.7)
    hint = f" Did you mean {' or '.join(close)}?" if close else " `inference-providers providers --all` lists them."
    return ValueError(f"{said} names {word.strip()[:80]!r}, which is no provider and no country.{hint}")


def _listed(said: str, given: Any) -> list[str]:
    """The words of an `avoid` or `only`: a text is one, or several between commas."""
    words = [given] if isinstance(given, str) else given
    if not hasattr(words, "__iter__") or isinstance(words, bytes | dict):
        raise TypeError(f"{said} takes names of providers or countries, not {type(given).__name__}")
    found: list[str] = []
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"{said} takes names of providers or countries, not {type(word).__name__}")
        found += [part for part in word.split(",") if part.strip()]
    return [word.strip() for word in found]


class Selection:
    """Who may be asked, by every layer."""

    __slots__ = ("_avoid", "_only", "offline", "registry")

    def __init__(
        self,
        registry: Registry,
        avoid: tuple[_Words, ...] = (),
        only: tuple[_Words, ...] = (),
        *,
        offline: bool = False,
    ) -> None:
        """*offline*: nobody is asked but at addresses of this machine and of private networks."""
        self.registry, self._avoid, self._only, self.offline = registry, avoid, only, offline

    def __bool__(self) -> bool:
        return bool(self._avoid or self._only or self.offline)

    def and_also(self, whose: str, avoid: object, only: object) -> Selection:
        """This one and another layer: *whose* `avoid` and `only` they are. None: nothing is said.

        Raises ValueError for a name that nobody has, with what was perhaps meant, and for an empty `only`.
        """
        avoided, wanted = self._avoid, self._only
        if avoid is not None and (words := _listed(f"{whose} avoid", avoid)):
            avoided += (_Words(f"{whose} avoid", words, self.registry),)
        if only is not None:
            words = _listed(f"{whose} only", only)
            if not words:
                raise ValueError(f"{whose} only is empty, so that nobody could be asked; None is for everybody")
            wanted += (_Words(f"{whose} only", words, self.registry),)
        return Selection(self.registry, avoided, wanted, offline=self.offline)

    def why_not(self, provider: Provider, *, elsewhere: bool = False, endpoint: str = "") -> str:
        """By what a provider is avoided, as the end of a sentence that begins with its name; empty where it is not.

        *elsewhere*: of a server on this machine, what it has run elsewhere. *endpoint*: where the provider is.
        """
        if self.offline and (elsewhere or not is_private(host_of(endpoint))):
            return f"avoided by {OFFLINE_VARIABLE}"
        if not (self._avoid or self._only):
            return ""
        called = _called(provider) - ({f"={LOCAL}"} if elsewhere else set())
        for words in self._avoid:
            if (word := words.holding(called)) is not None:
                return f"avoided by {words.said} ({word})"
        for words in self._only:
            if words.holding(called) is None:
                return f"avoided by {words}"
        return ""


def selection_of(registry: Registry, environ: Mapping[str, str]) -> Selection:
    """What the owner of the machine, or of the process, says for every list, in variables.

    Raises ValueError as `and_also` does.
    """
    avoided, wanted = (
        (_Words(name, words, registry),) if (words := _listed(name, environ.get(name, ""))) else ()
        for name in (AVOID_VARIABLE, ONLY_VARIABLE)
    )
    return Selection(registry, avoided, wanted, offline=is_offline(environ))


def _called(provider: Provider) -> frozenset[str]:
    """All that a provider can be called by, as in `_meant`.

    A row of the program's own at the host of a provider that is known is that provider, too.
    """
    known = bundled().providers
    same = frozenset([provider.id]) if provider.id in known else _at().get(_place(provider.endpoint), frozenset())
    listed = {known[pid].data.get("country") for pid in same if pid in known}
    countries = {provider.data.get("country")} - {None} or listed - {None}
    kinds = {f"={country}" for country in countries}
    is_remote = provider.id == REMOTE
    if provider.local is not None or (is_remote and is_loopback(host_of(provider.endpoint))):
        kinds.add(f"={LOCAL}")
    if is_remote:
        kinds.add(f"={REMOTE}")
    return frozenset([provider.id, *same, *kinds, *([provider.part_of] if provider.part_of else [])])


@cache
def _at() -> dict[str, frozenset[str]]:
    """The ids of the providers that are known, those that have ended included, by place."""
    found: dict[str, set[str]] = {}
    endpoints = {pid: row["endpoint"] for pid, row in bundled().retired_providers.items()}
    endpoints |= {pid: provider.endpoint for pid, provider in bundled().providers.items()}
    for pid, endpoint in endpoints.items():
        if endpoint and "$" not in endpoint:
            found.setdefault(_place(endpoint), set()).add(pid)
    return {place: frozenset(ids) for place, ids in found.items()}


def _place(endpoint: str) -> str:
    """Host and port of an endpoint, in one spelling for this machine."""
    host = host_of(endpoint)
    return f"{LOCAL}:{host.rpartition(':')[2]}" if is_loopback(host) else host.removesuffix(":443")
