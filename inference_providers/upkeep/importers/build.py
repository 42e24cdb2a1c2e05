"""Merges sources and the hand-kept overlay into a registry: the same inputs give the same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from inference_providers.errors import RegistryError
from inference_providers.registry import DOUBTFUL, OPENAI_PROTOCOL, Names, derive
from inference_providers.upkeep.importers import guards
from inference_providers.upkeep.importers.facts_of_models import facts_of_models
from inference_providers.upkeep.importers.kinds import kinds
from inference_providers.upkeep.importers.labels import labelled
from inference_providers.upkeep.importers.merging import Merged, merge_offers
from inference_providers.upkeep.importers.reading import load_overlay as load_overlay
from inference_providers.upkeep.importers.reading import read_source as read_source
from inference_providers.upkeep.importers.retirement import Ending, retired_models
from inference_providers.upkeep.importers.rows import OfferRow, ProviderRow, Source, rates

_VARIANT = re.compile(
    r"[:-](batch|free|flex|spot|fast|highspeed|ultrafast|lora|us|tee|think(ing)?(:\w+)?)$"
    r"|-(sol|terra|luna|astra)-pro$|^(us|eu|au|jp|in|ca|apac|us-gov)\.|/routers/|^~"
)
_WORKED_OUT = ("protocol", "endpoint", "api_key", "more_keys", "only_these_keys", "settings")  # all else is as it is
_TUNED = re.compile(r"[-_](instruct|chat|it)(?=[-_:.@]|$)", re.IGNORECASE)


def build(
    sources: Iterable[Source], overlay: Mapping[str, Any], previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A registry from *sources*, the newest winning, and *overlay*, which wins over all: see `Building`."""
    return Building(sources, overlay, previous).data


class Building:
    """A registry made of sources: `data`, and `merged`, which says where each fact is from.

    `conflicts` are the labels of sources that were not followed, `tripped` the changes that guards did not let pass,
    `absent` the kinds of sources whose absence keeps guards from judging what is missing.

    The newest source wins, fact by fact, and the overlay over all. *previous*: the registry so far, whose prices stay
    where sources are three times off, and whose rows stay as `guards` say, but for those of *accepted* providers.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        overlay: Mapping[str, Any],
        previous: Mapping[str, Any] | None = None,
        accepted: Iterable[str] = (),
    ) -> None:
        before = guards.Before(previous, overlay, frozenset(accepted))
        given = before.known(sources)
        counts = Counter(source.kind for source in given)
        # Of two lists of one kind and day it is their text that tells which comes first, whichever was named first.
        ordered = sorted(given, key=lambda one: (one.rank, one.kind, repr(one) if counts[one.kind] > 1 else ""))
        ordered.sort(key=lambda source: source.day, reverse=True)
        told, self.conflicts = labelled((row for source in ordered for row in source.offers), overlay["canonical"])
        overlay = {**overlay, "canonical": {**told, **overlay["canonical"]}}
        self._ordered, self._overlay = ordered, overlay
        names = _names(ordered, overlay)
        version = str(max(int(overlay["version"]), int((previous or {}).get("version") or 0)))  # never decreasing
        today = f"{version[:4]}-{version[4:6]}-{version[6:8]}"
        self.merged = merge_offers(ordered, names.canonical_name, overlay, today, before.rows)
        providers, bases = _providers(ordered, self.merged, names, overlay, before)
        models = facts_of_models(ordered, providers, names, overlay, (previous or {}).get("models") or {})
        self.tripped, self.absent = before.tripped, before.absent
        ended = _ended(self.merged, names, models, overlay, today)
        described = _sources(ordered, overlay, self.merged.disagreements)
        as_they_are = ("families", "parameters", "refusals", "batch", "fastest", "engines")
        self.data: dict[str, Any] = {
            "schema_version": 1,
            "version": int(version),
            "sources": {**described, "unnamed": _unnamed(self.merged.offers, names)},
            "providers": providers,
            "models": models,
            "kinds": kinds(ordered, providers, overlay, today, before, self.merged.held),
            "names": dict(sorted({**overlay["canonical"], **bases}.items())),
            "aliases": overlay["model_aliases"],
            **{section: overlay[section] for section in as_they_are},
            "retired": {"providers": dict(sorted(overlay["retired"]["providers"].items())), "models": ended},
            "easiest": overlay["easiest"],
            "makers": overlay["makers"],
            "auto_model_priority": list(overlay["auto_model_priority"]),  # the reasons are for those who edit it
            "auto_small_priority": list(overlay["auto_small_priority"]),
            "kind_priority": {kind: list(models) for kind, models in overlay["kind_priority"].items()},
        }

    def origins(self) -> str:
        """The text of the side file: which source each fact is from, and of which day."""
        from inference_providers.upkeep.importers.origins import origins

        kept = ("facts", "apis", "plans", "doubted", "hours", "rates", "currency", "priced_as", "pages")
        return origins(self.data, self.merged, self._ordered, {name: self._overlay[name] for name in kept})


def _names(sources: Iterable[Source], overlay: Mapping[str, Any]) -> Names:
    derived = {derive(name) for name in {row.internal_name for source in sources for row in source.offers}}
    exceptions = overlay["canonical"]
    return Names(exceptions, sorted({exceptions.get(name, name) for name in derived if name}))


def _providers(
    ordered: list[Source], merged: Merged, names: Names, overlay: Mapping[str, Any], before: guards.Before
) -> tuple[dict[str, Any], dict[str, str]]:
    offers, days = merged.offers, {source.kind: source.day for source in ordered}
    rows: dict[str, list[ProviderRow]] = defaultdict(list)
    for source in ordered:
        for row in source.providers:
            rows[row.provider].append(row)
    local = overlay["local"]
    by_hand = {pid for pid, row in overlay["providers"].items() if "name" in row and "endpoint" in row["connection"]}
    gone, found = {*local, *overlay["retired"]["providers"]}, {*rows, *offers, *by_hand}
    ids = [provider for provider in {*found, *before.missing(found)} if provider not in gone]
    order = {provider: index for index, provider in enumerate(overlay["order"])}
    after = {provider: index for index, provider in enumerate(overlay["last"], start=10_000)}
    ids.sort(key=lambda provider: (order.get(provider, after.get(provider, 5_000)), provider))
    providers: dict[str, Any] = {}
    bases: dict[str, str] = {}
    for provider in ids:
        if provider not in found:
            providers[provider] = before.kept_whole(provider)
            continue
        entry = before.connected(provider, _provider(provider, rows[provider], overlay))
        if provider in overlay["moving"]:
            origins = merged.origins.get(provider, {}).values()
            entry["moving"] = min((days[one["price_in"]] for one in origins if one.get("price_in") in days), default="")
        bases |= _add_offers(entry, offers.get(provider, {}), names)
        providers[provider] = before.offering(provider, entry, merged.origins)
    for provider, row in local.items():
        providers[provider] = _local(row)
        if spoken := _spoken(provider, overlay):
            providers[provider]["connection"]["speaks"] = spoken
        if aliases := overlay["aliases"].get(provider):
            providers[provider]["aliases"] = aliases
    return providers, bases


def _served(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("endpoint", "inputs") if key in row}


def _spoken(provider: str, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """By which other APIs a provider serves its models of chat: without the pages that say so."""
    return {
        api: {key: value for key, value in at[provider].items() if key not in ("page", "day")}
        for api, at in overlay["speaks"].items()
        if provider in at
    }


def _shared(provider: str, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """What a provider takes as another row does, whose service it is as well: in another country, by a plan."""
    hand = overlay["providers"].get(overlay["alike"].get(provider), {})
    return {key: value for key, value in hand.get("connection", {}).items() if key in ("parameters", "turns")}


def _provider(provider: str, rows: list[ProviderRow], overlay: Mapping[str, Any]) -> dict[str, Any]:
    hand = overlay["providers"].get(provider, {})
    connection = {**_shared(provider, overlay), **hand.get("connection", {})}
    endpoint = connection.get("endpoint") or next((row.endpoint for row in rows if row.endpoint), "")
    by_hand = any(row.protocol == OPENAI_PROTOCOL for row in rows)  # an endpoint list says that it is OpenAI-compatible
    protocol = connection.get("protocol") or (
        "openai" if by_hand else next((row.protocol for row in rows if row.protocol), "openai")
    )
    settings = [
        *connection.get("settings", []),
        *connection.get("variables", {}),
        *re.findall(r"\$\{(\w+)\}", endpoint),
    ]
    keys = [*connection.get("api_key", [])]
    if not connection.get("only_these_keys"):
        keys += [variable for row in rows for variable in row.variables]
    keys += connection.get("more_keys", [])
    keys = [variable for variable in dict.fromkeys(keys) if variable not in settings]
    settings = list(
        dict.fromkeys(
            variable
            for variable in settings
            if variable not in connection.get("variables", {}) and variable not in re.findall(r"\$\{(\w+)\}", endpoint)
        )
    )
    entry: dict[str, Any] = {"name": hand.get("name") or next((row.name for row in rows if row.name), provider)}
    described = {
        "website": overlay["website"].get(provider),
        "aliases": overlay["aliases"].get(provider),
        "console": overlay["console"].get(provider),
        "model_list": next((row.model_list for row in rows if row.model_list), None),
        "country": overlay["country"].get(provider),
        "part_of": hand.get("part_of"),
    }
    entry |= {key: value for key, value in described.items() if value}
    if billing := overlay["billing"].get(provider):
        entry["billing"] = billing
    if currency := overlay["currency"].get(provider):
        rates, code = overlay["rates"], currency["code"]
        stated = (
            currency if "usd" in currency else {"usd": rates["usd"][code], "day": rates["day"], "page": rates["page"]}
        )
        entry["currency"] = {"code": code, **{key: stated[key] for key in ("usd", "day", "page")}}
    entry["connection"] = {"protocol": protocol, "endpoint": endpoint, "api_key": keys}
    entry["connection"] |= {key: value for key, value in connection.items() if key not in _WORKED_OUT}
    if settings:
        entry["connection"]["settings"] = settings
    if served := {kind: _served(at[provider]) for kind, at in overlay["serves"].items() if provider in at}:
        entry["connection"]["kinds"] = served
    if spoken := _spoken(provider, overlay):
        entry["connection"]["speaks"] = spoken
    if suffixes := overlay["suffixes"].get(provider):
        entry["connection"]["suffixes"] = suffixes
    return entry


def _local(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "website": row["website"],
        "connection": {
            "protocol": "openai",
            "endpoint": f"http://127.0.0.1:{row['port']}{row.get('path', '/v1')}",
            "api_key": row.get("api_key", []),
            "local": {
                "address": row.get("address", []),
                "fingerprint": row["fingerprint"],
                **{key: row[key] for key in ("get", "launch") if key in row},
            },
            **{key: row[key] for key in ("parameters", "turns") if key in row},
        },
        "model_names": {},
    }


def _add_offers(entry: dict[str, Any], rows: Mapping[str, OfferRow], names: Names) -> dict[str, str]:
    """Fill `model_names`, `more_names`, `facts` and `routes`.

    Returns canonical names for base models and batch endpoints, which are not offered.
    """
    grouped: dict[str, list[OfferRow]] = defaultdict(list)
    for name, row in rows.items():
        canonical = names.canonical_name(name)
        if canonical is not None:
            grouped[canonical].append(row)
    bases: dict[str, str] = {}
    main: dict[str, str] = {}
    more: dict[str, str] = {}
    offered: list[OfferRow] = []
    for canonical, group in sorted(grouped.items()):
        base = _bases(group)
        batch = {row.internal_name for row in group if re.search(r"[:-]batch$", row.internal_name)}
        bases |= {name.lower(): f"{canonical}-base" for name in base} | {name.lower(): canonical for name in batch}
        chosen = sorted((row for row in group if row.internal_name not in base | batch), key=_preference)
        if not chosen:
            continue
        main[canonical] = chosen[0].internal_name
        more |= {row.internal_name: canonical for row in chosen[1:]}
        offered += chosen
    entry["model_names"] = main
    if more:
        entry["more_names"] = dict(sorted(more.items()))
    connection = entry["connection"]
    ways = _ways(offered, connection["endpoint"])
    if ways:
        connection["routes"] = {digit: _route(*way) for way, digit in ways.items()}
    half = (connection.get("batch") or {}).get("price")
    facts = {row.internal_name: _facts(row, ways.get(_way(row, connection["endpoint"]), ""), half) for row in offered}
    if facts:
        entry["facts"] = dict(sorted((name, row) for name, row in facts.items() if row))
    return bases


def _way(row: OfferRow, endpoint: str) -> tuple[str, str]:
    return row.api, row.endpoint if row.endpoint != endpoint else ""


def _ways(rows: Iterable[OfferRow], endpoint: str) -> dict[tuple[str, str], str]:
    """How a provider's offers are reached where that is not its usual way, each with the digit that stands for it."""
    ways = sorted({_way(row, endpoint) for row in rows} - {("chat", "")})
    if len(ways) > 9:
        raise RegistryError([f"{endpoint}: has {len(ways)} ways to its offers; there are nine digits for them"])
    return {way: str(digit) for digit, way in enumerate(ways, start=1)}


def _route(api: str, endpoint: str) -> dict[str, str]:
    return {"api": api, "endpoint": endpoint} if endpoint else {"api": api}


def _bases(group: list[OfferRow]) -> set[str]:
    """Names beside which the same provider lists the same name with `-instruct` or `-chat`."""
    tuned = {
        _TUNED.sub("", row.internal_name).lower().removesuffix("-hf")
        for row in group
        if _TUNED.search(row.internal_name)
    }
    return {
        row.internal_name
        for row in group
        if not _TUNED.search(row.internal_name) and row.internal_name.lower() in tuned
    }


def _preference(row: OfferRow) -> tuple[Any, ...]:
    """Instruct first, then chat; the plain name before regions, batches and dated snapshots."""
    name = row.internal_name.lower()
    tuning = 0 if "instruct" in name else 1 if _TUNED.search(name) else 2
    return (row.api != "chat", row.ended, bool(_VARIANT.search(name)), tuning, len(name), name)


def _facts(row: OfferRow, way: str, half: float | None) -> list[Any]:
    """A row of the registry file. *way*: the digit of its route. *half*: what a batch costs of the usual price here."""
    letters = row.features + DOUBTFUL * row.ended + way
    more = dict(row.more)
    if row.price_write is not None:
        more["write"] = row.price_write
    if half is not None and more.get("batch") == _times(half, row):
        del more["batch"]  # the provider's row says it
    facts = [
        row.context,
        row.output,
        row.price_in,
        row.price_out,
        row.price_cached,
        letters,
        dict(sorted(more.items())),
    ]
    while facts and not facts[-1] and facts[-1] != 0:
        facts.pop()
    return facts


def _times(factor: float, row: OfferRow) -> list[float | None]:
    prices = (row.price_in, row.price_out, row.price_cached, row.price_write)
    return rates(*(None if price is None else round(price * factor, 6) for price in prices))


def _ended(
    merged: Merged, names: Names, models: Mapping[str, Any], overlay: Mapping[str, Any], today: str
) -> dict[str, Any]:
    """The rows of retired models: by hand, and by the end dates of offers at the models' makers."""
    makers = {pid: lab for lab, providers in overlay["makers"].items() for pid in providers}
    endings = []
    for provider, rows in merged.offers.items():
        for row in rows.values() if provider in makers else ():
            model = names.canonical_name(row.internal_name)
            if model is not None and (models.get(model) or {}).get("lab") == makers[provider]:
                successor = names.canonical_name(row.successor) or ""
                endings.append(Ending(model, row.ends, successor, row.page))
    found = retired_models(endings, overlay["retired"]["models"], models, today)
    # Reasons are for those who edit them.
    return {model: {key: value for key, value in row.items() if key != "why"} for model, row in found.items()}


def _sources(ordered: list[Source], overlay: Mapping[str, Any], disagreements: Counter[str]) -> dict[str, Any]:
    described = ("url", "licence")
    used = {
        source.kind: {**{key: overlay["sources"][source.kind][key] for key in described}, "date": source.day}
        for source in ordered
    }
    return {**dict(sorted(used.items())), "disagreements": dict(sorted(disagreements.items()))}


def _unnamed(offers: Mapping[str, Mapping[str, OfferRow]], names: Names) -> int:
    """How many rows of the sources are not for a particular text model: routers, speech, leftovers."""
    return sum(names.canonical_name(name) is None for rows in offers.values() for name in rows)


def to_text(registry: Mapping[str, Any]) -> str:
    """The text of the file: one line for each field of a provider and each model; compact, with readable diffs."""
    return _layout(registry, 0) + "\n"


def _layout(value: Any, depth: int) -> str:
    deep = isinstance(value, dict) and value and depth < 3
    if isinstance(value, dict) and deep:
        rows = [f"{json.dumps(key, ensure_ascii=False)}:{_layout(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + "\n}"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
