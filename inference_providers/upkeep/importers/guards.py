"""What a new registry must not lose, or gain, in silence: compared with the one before it. Pure.

Catalogues rename providers, drop key variables and leave out half of a list, and what comes of it is valid all the
same. Such a row keeps what it had, and is listed, until somebody accepts the change.
"""

from __future__ import annotations

from typing import NamedTuple

from inference_providers.credentials import host_of, is_foreign
from inference_providers.registry import OPENAI_PROTOCOL, SPOKEN_PROTOCOLS
from inference_providers.upkeep.importers.merging import BEFORE, COMPARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.upkeep.importers.rows import Source

    Row = Mapping[str, Any]

PART = 5  # a row may lose a fifth of its offers, and no more
OFFERS = ("model_names", "more_names", "facts")
# Tables of the overlay whose keys are providers' ids: whoever stands there is known by hand.
_BY_HAND = ("providers", "local", "aliases", "billing", "console", "website", "country", "apis", "currency", "suffixes")
_MOST = 5  # names that a line lists


class Tripped(NamedTuple):
    """A change that was not taken: of which provider, in what, what the sources say now, and what was kept."""

    provider: str
    what: str  # one of `_WORDS`
    said: str
    kept: str

    @property
    def why(self) -> str:
        """What is wrong with the change, in words."""
        return _WORDS[self.what]

    def __str__(self) -> str:
        return f"{self.provider}: {self.why}{f' ({self.said})' if self.said else ''}; {self.kept}"


_WORDS = {
    "key": "key variables are missing",
    "endpoint": "it has lost its endpoint",
    "offers": "more than a fifth of its offers are missing",
    "gone": "no source has it any more",
    "unknown": "nobody knows this provider",
    "host": "its keys would go to another host",
    "owner": "it would get keys of others",
}


def keys_of(row: Row) -> list[str]:
    """The key variables of a provider's row."""
    keys = (row.get("connection") or {}).get("api_key") or []
    return [keys] if isinstance(keys, str) else list(keys)


def names_of(row: Row) -> dict[str, str]:
    """A provider's own names for its models, each with the canonical one."""
    main = {name: model for model, name in (row.get("model_names") or {}).items()}
    return {**main, **(row.get("more_names") or {})}


def places_of(row: Row) -> list[str]:
    """Addresses beside the usual one to which a provider's keys go: of routes, kinds and APIs, and for a token."""
    connection = row.get("connection") or {}
    ways = [way for section in ("routes", "kinds", "speaks") for way in (connection.get(section) or {}).values()]
    auth = connection.get("auth")
    found = [way["endpoint"] for way in ways if way.get("endpoint")]
    return [*found, auth["token"]] if isinstance(auth, dict) else found


def hosts_of(row: Row, *more: str) -> set[str]:
    """The hosts to which a provider's keys go, each with its scheme; also those of *more* addresses."""
    usual = (row.get("connection") or {}).get("endpoint") or ""
    return {_host(endpoint) for endpoint in (usual, *places_of(row), *more) if endpoint}


def _host(endpoint: str) -> str:
    return f"{endpoint.partition('://')[0].lower()}://{host_of(endpoint)}"


def guarded_keys(
    provider: str, old: Row, new: Row, others: Mapping[str, Container[str]], by_hand: Container[str]
) -> tuple[Row, list[Tripped]]:
    """The connection of a new row, without key variables that it has not had, and that are somebody else's.

    *others*: by variable, the providers whose key it holds. *by_hand*: the variables that the overlay gives it.
    """
    connection, had = dict(new.get("connection") or {}), keys_of(old)
    strange = [
        name
        for name in keys_of(new)
        if name not in had and name not in by_hand and (is_foreign(name) or name in others)
    ]
    if not strange:
        return connection, []
    connection["api_key"] = [name for name in keys_of(new) if name not in strange]
    return connection, [Tripped(provider, "owner", _listed(strange), f"kept {_listed(had) or 'none'}")]


def guarded_host(provider: str, old: Row, new: Row, by_hand: str) -> tuple[Row, list[Tripped]]:
    """The connection of a new row, at the old address where its own is at a host to which no key of it went.

    *by_hand*: the address that the overlay gives it, which may be anywhere.
    """
    before, after = old.get("connection") or {}, dict(new.get("connection") or {})
    endpoint = after.get("endpoint") or ""
    if not before.get("endpoint") or not endpoint or endpoint == by_hand or _host(endpoint) in hosts_of(old):
        return after, []
    after["endpoint"] = before["endpoint"]
    return after, [Tripped(provider, "host", endpoint, f"kept {before['endpoint']}")]


def guarded_routes(provider: str, old: Row, new: Row, by_hand: Iterable[str]) -> tuple[dict[str, Any], list[Tripped]]:
    """A new row, with the offers of the old one where some would be asked at a host to which no key of it went.

    *by_hand*: addresses that the overlay gives it.
    """
    known = hosts_of(old, (new.get("connection") or {}).get("endpoint") or "", *by_hand)
    routes = (new.get("connection") or {}).get("routes") or {}
    strange = [there for way in routes.values() if (there := way.get("endpoint") or "") and _host(there) not in known]
    if not strange:
        return dict(new), []
    return with_offers(new, old), [Tripped(provider, "host", _listed(strange), "kept its offers as they were")]


def guarded_connection(
    provider: str, old: Row, new: Row, *, own_keys: bool = False, by_hand: str = ""
) -> tuple[Row, list[Tripped]]:
    """The connection of a new row, with the key variables and the endpoint that the old row had and this one lost.

    *own_keys*: the overlay lists the key variables, so that those that are missing are meant to be. *by_hand*: the
    protocol that the overlay gives it.
    """
    before, after = old.get("connection") or {}, dict(new.get("connection") or {})
    tripped = []
    had, have = keys_of(old), keys_of(new)
    if not own_keys and (lost := [name for name in had if name not in have]):
        tripped.append(Tripped(provider, "key", _listed(lost), f"kept {_listed(had)}"))
        after["api_key"] = had
    was, now = (one.get("protocol", OPENAI_PROTOCOL) for one in (before, after))
    spoken = now == was or was not in SPOKEN_PROTOCOLS or (now == by_hand and now in SPOKEN_PROTOCOLS)
    if before.get("endpoint") and not (after.get("endpoint") and spoken):
        said = after.get("endpoint") or ""
        said = said if spoken else f"{said or 'no address'}, by another protocol: {now}"
        tripped.append(Tripped(provider, "endpoint", said, f"kept {before['endpoint']}"))
        after |= {key: before[key] for key in ("protocol", "endpoint") if key in before}
    return after, tripped


def guarded_offers(provider: str, old: Row, new: Row) -> tuple[dict[str, Any], list[Tripped]]:
    """A new row, with the offers of the old one where more than a fifth of those are missing."""
    had, have = names_of(old), names_of(new)
    lost = [name for name in had if name not in have]
    if len(lost) * PART <= len(had):
        return dict(new), []
    return with_offers(new, old), [Tripped(provider, "offers", _listed(lost), f"kept all {len(had)}")]


def lost_of_kind(provider: str, kind: str, missing: list[str], count: int) -> Tripped | None:
    """What is said where more than a fifth is *missing* of the *count* offers that a provider had of a kind."""
    if len(missing) * PART <= count:
        return None
    return Tripped(provider, "offers", f"{kind}: {_listed(missing)}", f"kept all {count}")


def with_offers(row: Row, old: Row) -> dict[str, Any]:
    """A row with all offers of another row, and how they are reached."""
    found = {key: value for key, value in row.items() if key not in OFFERS}
    connection = {key: value for key, value in row["connection"].items() if key != "routes"}
    if routes := (old.get("connection") or {}).get("routes"):
        connection["routes"] = routes
    return {**found, "connection": connection, **{key: old[key] for key in OFFERS if key in old}}


def gone(provider: str, old: Row) -> Tripped:
    """What is said of a provider that no source has any more."""
    count = len(names_of(old))
    return Tripped(provider, "gone", "", f"kept as it was, with {count} offer{'s' * (count != 1)}")


def unknown(providers: Iterable[str], previous: Row, overlay: Row, accepted: Container[str]) -> list[Tripped]:
    """The ids that neither a registry before nor the overlay knows: where keys may go is not for a catalogue to say."""
    known = {*(previous.get("providers") or {}), *((previous.get("retired") or {}).get("providers") or {})}
    known |= {*overlay["ids"].values(), *overlay["order"], *overlay["last"], *overlay["retired"]["providers"]}
    known = known.union(*(overlay[table] for table in _BY_HAND))
    return [
        Tripped(one, "unknown", "a new id", "left out")
        for one in sorted(providers)
        if one not in known and one not in accepted
    ]


def lost(provider: str, old: Row, new: Row) -> list[Tripped]:
    """Whatever a new row has lost that an old one had."""
    return guarded_connection(provider, old, new)[1] + guarded_offers(provider, old, new)[1]


class Before:
    """The registry before, as a build asks it: `rows` for prices, and what stays of the rest; `tripped` says what did.

    `kinds`: by kind and provider, what it had of models that are no text models: its name -> (model, facts).
    Losses say nothing where a kind of source is missing that the registry before was built of: it is not `comparable`.
    """

    def __init__(self, previous: Row | None, overlay: Row, accepted: Container[str]) -> None:
        self._overlay, self._accepted = overlay, accepted
        self._previous = previous
        providers = (previous or {}).get("providers") or {}
        self.rows = {"providers": {pid: row for pid, row in providers.items() if pid not in accepted}}
        self._owners = _owners(providers)
        self.kinds = by_provider((previous or {}).get("kinds") or {}, accepted)
        self.comparable = True
        self.absent: list[str] = []
        self.tripped: list[Tripped] = []

    def known(self, sources: Iterable[Source]) -> list[Source]:
        """The sources without what they say of providers that nobody knows."""
        given = list(sources)
        if self._previous is None:
            self.comparable = False
            return given
        self.absent = sorted(kinds_of(self._previous) - {source.kind for source in given})
        self.comparable = not self.absent
        found = {row.provider for source in given for rows in (source.providers, source.offers) for row in rows}
        self.tripped += unknown(found, self._previous, self._overlay, self._accepted)
        left_out = {one.provider for one in self.tripped}
        if not left_out:
            return given
        return [
            source._replace(
                providers=[row for row in source.providers if row.provider not in left_out],
                offers=[row for row in source.offers if row.provider not in left_out],
                others=[row for row in source.others if row.provider not in left_out],
            )
            for source in given
        ]

    def known_of_kind(self, kind: str, model: str) -> dict[str, Any]:
        """What was known of a model of a kind, but for who serves it."""
        row = (((self._previous or {}).get("kinds") or {}).get(kind) or {}).get(model) or {}
        return {field: value for field, value in row.items() if field != "at"}

    def _old(self, provider: str) -> Row:
        return self.rows["providers"].get(provider) or {} if self.comparable else {}

    def missing(self, found: Container[str]) -> list[str]:
        """Providers that no source has any more, save those that the overlay has dropped."""
        dropped = {*self._overlay["skip"], *self._overlay["local"]}
        return [
            pid
            for pid, row in self.rows["providers"].items()
            if self.comparable
            and pid not in found
            and pid not in dropped
            and not (row.get("connection") or {}).get("local")
        ]

    def kept_whole(self, provider: str) -> dict[str, Any]:
        """The old row of a provider that is gone."""
        row = dict(self._old(provider))
        self.tripped.append(gone(provider, row))
        return row

    def connected(self, provider: str, row: dict[str, Any]) -> dict[str, Any]:
        """A new row, with what its connection must not lose."""
        by_hand = (self._overlay["providers"].get(provider) or {}).get("connection") or {}
        own_keys = bool(by_hand.get("only_these_keys"))
        protocol = by_hand.get("protocol") or ""
        connection, tripped = guarded_connection(
            provider, self._old(provider), row, own_keys=own_keys, by_hand=protocol
        )
        if self._previous is not None and provider not in self._accepted:  # whatever sources there are
            old = self.rows["providers"].get(provider) or {}
            own = [*by_hand.get("api_key", ()), *by_hand.get("more_keys", ())]
            connection, moved = guarded_host(provider, old, {"connection": connection}, by_hand.get("endpoint") or "")
            connection, taken = guarded_keys(provider, old, {"connection": connection}, self._owners, own)
            tripped = [*tripped, *moved, *taken]
        self.tripped += tripped
        return {**row, "connection": connection}

    def offering(self, provider: str, row: dict[str, Any], origins: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """A new row, with the old one's offers where it has lost too many; *origins* then say that they are those."""
        found, tripped = guarded_offers(provider, self._old(provider), row)
        if not tripped and (old := self.rows["providers"].get(provider)) is not None:
            rules = (self._overlay["apis"].get(provider) or {}).get("rules") or ()
            found, tripped = guarded_routes(provider, old, row, [rule.get("endpoint") or "" for rule in rules])
        if tripped:
            self.tripped += tripped
            origins[provider] = {name: _from_before(facts) for name, facts in (found.get("facts") or {}).items()}
            found |= {key: row for key, row in self.rows["providers"][provider].items() if key == "moving"}
        return found


def by_provider(kinds: Row, accepted: Container[str]) -> dict[tuple[str, str], dict[str, tuple[str, list[Any]]]]:
    """Offers of other kinds than text, by kind and provider; without those of *accepted* ones."""
    found: dict[tuple[str, str], dict[str, tuple[str, list[Any]]]] = {}
    for kind, models in kinds.items():
        for model, row in models.items():
            for provider, names in (row.get("at") or {}).items():
                if provider not in accepted:
                    found.setdefault((kind, provider), {}).update({name: (model, one) for name, one in names.items()})
    return found


def _owners(providers: Mapping[str, Row]) -> dict[str, set[str]]:
    """Key variables, each with the providers whose key it holds."""
    found: dict[str, set[str]] = {}
    for pid, row in providers.items():
        for name in keys_of(row):
            found.setdefault(name, set()).add(pid)
    return found


def kinds_of(registry: Row) -> set[str]:
    """The kinds of sources that a registry was built of."""
    return {kind for kind, row in (registry.get("sources") or {}).items() if isinstance(row, dict) and "url" in row}


def _from_before(facts: Sequence[Any]) -> dict[str, str]:
    """The origins of one offer's facts, as far as they are known."""
    known = [field for field, value in zip(COMPARED, facts, strict=False) if value is not None]
    return dict.fromkeys([*known, *(facts[6] if len(facts) > 6 else ())], BEFORE)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" * (len(names) > _MOST)
    return ", ".join(names[:_MOST]) + more
