"""Merges sources and the hand-kept overlay into a registry: the same inputs give the same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inference_providers.errors import RegistryError
from inference_providers.registry import DOUBTFUL, OPENAI_PROTOCOL, OTHER_PROTOCOL, Names, derive
from inference_providers.upkeep.importers import endpoints, litellm, models_dev, pi
from inference_providers.upkeep.importers.rows import LETTERS, Ids, OfferRow, ProviderRow, Source

_READERS = (
    (endpoints.recognises, endpoints.read),
    (models_dev.recognises, models_dev.read),
    (litellm.recognises_prices, litellm.read_prices),
    (litellm.recognises_endpoints, litellm.read_endpoints),
    (pi.recognises, pi.read),
)
_COMPARED = ("context", "output", "price_in", "price_out", "price_cached")
_VARIANT = re.compile(
    r"[:-](batch|free|flex|spot|fast|highspeed|ultrafast|lora|us|tee)$|^(us|eu|au|jp|in|ca|apac|us-gov)\.|/routers/|^~"
)
_TUNED = re.compile(r"[-_](instruct|chat|it)(?=[-_:.@]|$)", re.IGNORECASE)


def load_overlay() -> dict[str, Any]:
    """The hand-kept part: ids, endpoints, key names, canonical exceptions, priority, retirements."""
    overlay: dict[str, Any] = json.loads(Path(__file__).with_name("overlay.json").read_text("utf-8"))
    return overlay


def read_source(data: Any, overlay: Mapping[str, Any], origin: str = "source") -> Source:
    """Recognise the format of *data* and read it. Raises RegistryError for an unknown format."""
    version = str(overlay["version"])
    ids = Ids(overlay["ids"], overlay["skip"], f"{version[:4]}-{version[4:6]}-{version[6:8]}")
    if isinstance(data, dict):
        for recognises, read in _READERS:
            if recognises(data):
                return read(data, ids)
    raise RegistryError(
        [
            f"{origin}: not in a known format; give models.dev's api.json, LiteLLM's price or endpoint list, "
            "pi-ai's models, or an endpoint list"
        ]
    )


def build(sources: Iterable[Source], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """A registry from *sources*, the newest winning, and *overlay*, which wins over all."""
    ordered = sorted(sources, key=lambda source: (source.rank, source.kind))
    offers, disagreements = _merge_offers(ordered)
    names = _names(offers, overlay)
    providers, bases = _providers(ordered, offers, names, overlay)
    models = _models(ordered, providers, names, overlay)
    return {
        "schema_version": 1,
        "version": overlay["version"],
        "sources": {**_sources(ordered, overlay, disagreements), "unnamed": _unnamed(offers, names)},
        "providers": providers,
        "models": models,
        "names": dict(sorted({**overlay["canonical"], **bases}.items())),
        "aliases": overlay["model_aliases"],
        "families": overlay["families"],
        "parameters": overlay["parameters"],
        "refusals": overlay["refusals"],
        "batch": overlay["batch"],
        "fastest": overlay["fastest"],
        "engines": overlay["engines"],
        "retired": _retired(ordered, providers, overlay),
        "easiest": overlay["easiest"],
        "makers": overlay["makers"],
        "auto_model_priority": list(overlay["auto_model_priority"]),  # without the reasons, which are for who edits it
        "auto_small_priority": list(overlay["auto_small_priority"]),
    }


def _merge_offers(ordered: list[Source]) -> tuple[dict[str, dict[str, OfferRow]], Counter[str]]:
    """provider -> internal name -> one row; facts of the newest source, gaps filled from older ones."""
    covered = defaultdict(set)  # provider -> ranks of the sources that list its models
    seen: dict[tuple[str, str], list[tuple[int, OfferRow]]] = defaultdict(list)
    for source in ordered:
        for row in source.offers:
            covered[row.provider].add(source.rank)
            seen[row.provider, row.internal_name].append((source.rank, row))
    merged: dict[str, dict[str, OfferRow]] = defaultdict(dict)
    disagreements: Counter[str] = Counter()
    for (provider, internal_name), ranked in seen.items():
        rows = [row for _, row in ranked]
        doubtful = ranked[0][0] > min(covered[provider]) or rows[0].ended
        merged[provider][internal_name] = _merge_rows(rows)._replace(ended=doubtful)
        for field in _COMPARED:
            values = {getattr(row, field) for row in rows} - {None}
            disagreements["compared"] += len([r for r in rows if getattr(r, field) is not None]) > 1
            disagreements[field] += len(values) > 1
    return merged, disagreements


def _merge_rows(rows: list[OfferRow]) -> OfferRow:
    values: dict[str, Any] = {}
    for field in OfferRow._fields:
        stated = [getattr(row, field) for row in rows if getattr(row, field) not in (None, "")]
        values[field] = stated[0] if stated else getattr(rows[0], field)
    features: dict[str, str] = {}  # letter in lower case -> as in the newest source that has it
    for row in rows:
        for letter in row.features:
            features.setdefault(letter.lower(), letter)
    return OfferRow(**{**values, "features": "".join(x for x in LETTERS if x in features.values())})


def _names(offers: Mapping[str, Mapping[str, OfferRow]], overlay: Mapping[str, Any]) -> Names:
    derived = {derive(name) for rows in offers.values() for name in rows}
    exceptions = overlay["canonical"]
    return Names(exceptions, sorted({exceptions.get(name, name) for name in derived if name}))


def _providers(
    ordered: list[Source], offers: Mapping[str, Mapping[str, OfferRow]], names: Names, overlay: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    rows: dict[str, list[ProviderRow]] = defaultdict(list)
    for source in ordered:
        for row in source.providers:
            if not row.protocol.startswith("ended:"):
                rows[row.provider].append(row)
    local = overlay["local"]
    ids = [
        provider
        for provider in {*rows, *offers}
        if provider not in local and provider not in overlay["retired"]["providers"]
    ]
    order = {provider: index for index, provider in enumerate(overlay["order"])}
    after = {provider: index for index, provider in enumerate(overlay["last"], start=10_000)}
    ids.sort(key=lambda provider: (order.get(provider, after.get(provider, 5_000)), provider))
    providers: dict[str, Any] = {}
    bases: dict[str, str] = {}
    for provider in ids:
        entry = _provider(provider, rows[provider], overlay)
        bases |= _add_offers(entry, provider, offers.get(provider, {}), names, overlay)
        providers[provider] = entry
    for provider, row in local.items():
        providers[provider] = _local(row)
        if aliases := overlay["aliases"].get(provider):
            providers[provider]["aliases"] = aliases
    return providers, bases


def _provider(provider: str, rows: list[ProviderRow], overlay: Mapping[str, Any]) -> dict[str, Any]:
    hand = overlay["providers"].get(provider, {})
    connection = dict(hand.get("connection", {}))
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
    keys = [*connection.get("api_key", []), *(variable for row in rows for variable in row.variables)]
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
    }
    entry |= {key: value for key, value in described.items() if value}
    entry["connection"] = {"protocol": protocol, "endpoint": endpoint, "api_key": keys}
    for key in ("auth", "opt_in", "deployments", "variables", "base_url", "headers", "parameters", "turns", "batch"):
        if key in connection:
            entry["connection"][key] = connection[key]
    if settings:
        entry["connection"]["settings"] = settings
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
                **({"launch": row["launch"]} if "launch" in row else {}),
            },
            **{key: row[key] for key in ("parameters", "turns") if key in row},
        },
        "model_names": {},
    }


def _add_offers(
    entry: dict[str, Any], provider: str, rows: Mapping[str, OfferRow], names: Names, overlay: Mapping[str, Any]
) -> dict[str, str]:
    """Fill `model_names`, `more_names` and `facts`.

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
    facts: dict[str, list[Any]] = {}
    honoured = provider in overlay["mixed_protocols"]
    for canonical, group in sorted(grouped.items()):
        base = _bases(group)
        batch = {row.internal_name for row in group if re.search(r"[:-]batch$", row.internal_name)}
        bases |= {name.lower(): f"{canonical}-base" for name in base} | {name.lower(): canonical for name in batch}
        chosen = sorted((row for row in group if row.internal_name not in base | batch), key=_preference)
        if not chosen:
            continue
        main[canonical] = chosen[0].internal_name
        more |= {row.internal_name: canonical for row in chosen[1:]}
        for row in chosen:
            facts[row.internal_name] = _facts(row, honoured)
    entry["model_names"] = main
    if more:
        entry["more_names"] = dict(sorted(more.items()))
    if facts:
        entry["facts"] = dict(sorted((name, row) for name, row in facts.items() if row))
    return bases


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
    return (row.ended, bool(_VARIANT.search(name)), tuning, len(name), name)


def _facts(row: OfferRow, protocol_honoured: bool) -> list[Any]:
    letters = row.features + DOUBTFUL * row.ended + OTHER_PROTOCOL * bool(row.protocol and protocol_honoured)
    facts = [row.context, row.output, row.price_in, row.price_out, row.price_cached, letters or None]
    while facts and facts[-1] is None:
        facts.pop()
    return facts


def _models(
    ordered: list[Source], providers: Mapping[str, Any], names: Names, overlay: Mapping[str, Any]
) -> dict[str, Any]:
    """Facts about each canonical model, whoever serves it."""
    rows: dict[str, list[OfferRow]] = defaultdict(list)
    for source in ordered:
        for row in source.offers:
            if canonical := names.canonical_name(row.internal_name):
                rows[canonical].append(row)
    offered = {name for entry in providers.values() for name in entry["model_names"]}
    return {canonical: entry for canonical in sorted(offered) if (entry := _model(canonical, rows[canonical], overlay))}


def _model(canonical: str, rows: list[OfferRow], overlay: Mapping[str, Any]) -> dict[str, Any]:
    labs: Counter[str] = Counter()
    for row in rows:
        organisation = row.internal_name.lower().rsplit("/", 2)
        if len(organisation) >= 2 and organisation[-2] in overlay["labs"]:
            labs[overlay["labs"][organisation[-2]]] += 1
    families = Counter(row.family for row in rows if row.family)
    released = Counter(row.released for row in rows if row.released)
    weights = Counter(row.open_weights for row in rows if row.open_weights is not None)
    entry: dict[str, Any] = {}
    if labs:
        entry["lab"] = min(labs, key=lambda lab: (-labs[lab], lab))
    if families:
        entry["family"] = min(families, key=lambda family: (-families[family], family))
    if released:
        entry["released"] = min(released, key=lambda date: (-released[date], date))
    if weights:
        entry["open_weights"] = weights[True] >= weights[False]
    return entry


def _sources(ordered: list[Source], overlay: Mapping[str, Any], disagreements: Counter[str]) -> dict[str, Any]:
    used = {source.kind: dict(overlay["sources"][source.kind]) for source in ordered}
    return {**dict(sorted(used.items())), "disagreements": dict(sorted(disagreements.items()))}


def _unnamed(offers: Mapping[str, Mapping[str, OfferRow]], names: Names) -> int:
    """How many rows of the sources are not for a particular text model: routers, speech, leftovers."""
    return sum(names.canonical_name(name) is None for rows in offers.values() for name in rows)


def _retired(ordered: list[Source], providers: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    successors = overlay["retired"]["providers"]
    ended = {}
    for source in ordered:
        for row in source.providers:
            if row.protocol.startswith("ended:") and row.provider in successors:
                ended[row.provider] = {
                    "name": row.name,
                    "ended": row.protocol.removeprefix("ended:"),
                    "endpoint": row.endpoint,
                    "api_key": list(row.variables),
                    "successor": successors[row.provider],
                }
    models = overlay["retired"]["models"]
    return {"providers": dict(sorted(ended.items())), "models": dict(sorted(models.items()))}


def to_text(registry: Mapping[str, Any]) -> str:
    """The text of the file: one line for each field of a provider and each model; compact, with readable diffs."""
    return _layout(registry, 0) + "\n"


def _layout(value: Any, depth: int) -> str:
    deep = isinstance(value, dict) and value and depth < 3
    if isinstance(value, dict) and deep:
        rows = [f"{json.dumps(key, ensure_ascii=False)}:{_layout(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + "\n}"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
