"""What a registry that did not come with the package may say about where keys and prompts go. Pure.

The installed package's registry is the measure: see `credentials.Pins`.
"""

from __future__ import annotations

from inference_providers.credentials.foreign_secrets import is_foreign
from inference_providers.credentials.hosts import host_of, sources_of
from inference_providers.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.credentials.pins import Pins
    from inference_providers.registry import Provider

# What is kept of a downloaded registry. Of each provider's row: what it offers, and whether it is out of service.
_OFFERS = ("model_names", "more_names", "facts")
NEWCOMER = "new, needs `trust` or a newer package"  # why a provider that the package does not know is not asked
_FROM_DOWNLOAD = ("disabled", "moving", *_OFFERS)
# What the package alone says, as it decides who is asked and how: a download's own is not read.
_FROM_PACKAGE = ("families", "easiest", "fastest", "makers", "parameters", "refusals", "batch")


def stray_keys(registry: Registry, installed: Registry, pins: Pins) -> list[str]:
    """One line for each variable that the installed package pins to other hosts than *registry* gives.

    A line begins with the JSON path of its connection. A connection that is the installed package's own,
    the same object at the same provider, sends no key astray.
    """
    problems = []
    for pid, provider in registry.providers.items():
        if pid in installed.providers and provider.connection is installed.providers[pid].connection:
            continue
        wrong, moved = _strays(provider, installed, pins)
        problems += [f"$.providers.{pid}.connection{line}" for line in (*wrong, *(f": {line}" for line in moved))]
    return problems


def _strays(provider: Provider, installed: Registry, pins: Pins) -> tuple[list[str], list[str]]:
    """(what is wrong with a row's keys wherever they would be sent; which of them it would send to other hosts)."""
    foreign = [name for name in provider.key_variables if not pins.pinned(name) and is_foreign(name)]
    wrong = _misplaced(provider, pins) + [
        f": {name} holds the secret of something else, and is not a provider's key. Use a variable of your own."
        for name in foreign
    ]
    lines = [
        line for way in provider.all_ways for name in way.key_variables if (line := _moved(way, name, installed, pins))
    ]
    return wrong, list(dict.fromkeys(lines))


def _moved(provider: Provider, variable: str, installed: Registry, pins: Pins) -> str:
    """The problem, where *provider* would have the key in *variable* sent to another host than its own; or empty."""
    if not provider.endpoint or not pins.pinned(variable) or _allowed(installed, provider, variable, pins):
        return ""
    host = host_of(provider.endpoint)
    owners = ", ".join(pins.hosts(variable)) or "no host"
    return (
        f"would send {variable} to {host}, but that key belongs to {owners}. "
        f'If you mean it, pass trust={{"{variable}": ["{host}"]}}; else use a variable of your own.'
    )


def without_strays(data: dict[str, Any], installed: Registry, pins: Pins) -> tuple[dict[str, Any], list[str]]:
    """(a registry's data, in which rows that would move a pinned key are disabled; a line about each of them).

    *data* fits the schema. Such a row keeps its models, and has no key any more: nothing could be sent there even if
    somebody overlooked that it is disabled. All that is wrong in other ways stays, for `stray_keys` to find.
    """
    rows, lines = dict(data["providers"]), []
    for pid, provider in Registry(data).providers.items():
        wrong, moved = _strays(provider, installed, pins)
        if moved and not wrong:
            keyless = {key: value for key, value in provider.connection.items() if key != "api_key"}
            rows[pid] = {**rows[pid], "disabled": " ".join(moved), "connection": keyless}
            lines.append(f"{pid} is disabled: it {' '.join(moved)}")
    return {**data, "providers": rows}, lines


def _misplaced(provider: Provider, pins: Pins) -> list[str]:
    """Problems: keys in an endpoint's text or a local server's address, and cloud keys for servers on this machine."""
    in_address = dict.fromkeys(name for way in provider.all_ways for name in sources_of(way))
    in_address |= dict.fromkeys((provider.local or {}).get("address") or ())
    secrets = [name for name in in_address if pins.pinned(name) or is_foreign(name)]
    problems = [f": {name} is a key and cannot be part of an address" for name in secrets]
    if provider.local is not None:
        cloud = [name for name in provider.key_variables if not pins.belongs_here(name)]
        problems += [f".local: a server on this machine must not get {name}, a cloud key" for name in cloud]
    return problems


def _allowed(installed: Registry, provider: Provider, variable: str, pins: Pins) -> bool:
    """Whether *provider*, of another registry, may have the key in *variable* sent to its endpoint.

    It may if the installed package has the same row, or had it before the provider retired, or if the key goes there.
    """
    ours = installed.providers.get(provider.id)
    if (
        ours is not None
        and provider.endpoint in {way.endpoint for way in ours.all_ways}
        and variable in ours.key_variables
    ):
        return provider.connection.get("variables") == ours.connection.get("variables")
    retired = installed.retired_providers.get(provider.id)
    if retired is not None and retired["endpoint"] == provider.endpoint and variable in retired["api_key"]:
        return True
    return "$" not in host_of(provider.endpoint) and pins.allows(variable, provider.endpoint)


def restrained(update: Mapping[str, Any], base: Registry, pins: Pins) -> dict[str, Any]:
    """The data of a registry: what a downloaded one may say, without what could move a key or a prompt to a new place.

    *update* is the data of the download, which fits the schema; *base* the installed package's registry.

    Kept of the download: which models there are, in which order, and which have retired; what each provider offers.
    From the package: connections, save for an endpoint on a host of all the provider's keys; how a provider is
    described; local servers; spellings of providers and families of names. A provider that the package does not know
    is there only where `trust` names its variables and its host; else its models alone are, among `new_providers`,
    which nobody is asked of. An alias of the download may only stand for a
    canonical name. So no name of its own leads to a provider, which would count as naming it; nor does one that names
    somebody, as `openai/gpt-4o` does, become a model's that others serve.
    """
    providers: dict[str, dict[str, Any]] = {}
    newcomers: dict[str, dict[str, Any]] = {}
    for pid, row in (update.get("providers") or {}).items():
        ours = base.providers.get(pid)
        if ours is not None:
            providers[pid] = _known_row(row, ours, base, pins)
        elif (connection := _trusted_connection(row.get("connection") or {}, pins)) is not None:
            providers[pid] = {**_offers(row, base), "connection": connection}
        else:
            newcomers[pid] = _newcomer(row, base)
    providers |= {pid: dict(provider.data) for pid, provider in base.providers.items() if provider.local is not None}
    canonical = {name for row in providers.values() for name in row.get("model_names") or ()}
    aliases = {name: target for name, target in (update.get("aliases") or {}).items() if target in canonical}
    return {
        **update,
        **_only(_FROM_PACKAGE, base.rows),
        **_retirements(update, base),
        **_kinds(update, base),
        "aliases": {**_headless(aliases, base), **base.aliases},
        "providers": providers,
        "new_providers": newcomers,
    }


def _newcomer(row: Mapping[str, Any], base: Registry) -> dict[str, Any]:
    """What is kept of a provider that the package does not know: its models, for people to read of; no connection.

    It stands apart from the providers, so that no name, alias or variable of its row leads anywhere.
    """
    offers = _only(("model_names", "facts"), _offers(row, base))
    return {"disabled": NEWCOMER, "connection": {}, **offers}


def _known_row(row: Mapping[str, Any], ours: Provider, base: Registry, pins: Pins) -> dict[str, Any]:
    """The row of a provider that the package knows: its offers from the download, all else from the package."""
    description = {key: value for key, value in ours.data.items() if key not in _OFFERS}
    endpoint = (row.get("connection") or {}).get("endpoint") or ""
    moves = {"endpoint": endpoint} if _may_move(ours, endpoint, pins) else {}
    routes = _routes((row.get("connection") or {}).get("routes") or {}, ours, pins)
    return {**description, **_offers(row, base), "connection": {**ours.connection, **moves, **routes}}


def _routes(routes: Mapping[str, Any], ours: Provider, pins: Pins) -> dict[str, Any]:
    """A download's routes to a known provider's offers: those that lead elsewhere lead nowhere."""
    known = {way.get("endpoint") for way in (ours.connection.get("routes") or {}).values()}
    if not routes and not ours.connection.get("routes"):
        return {}
    return {
        "routes": {
            digit: way
            if (there := way.get("endpoint")) is None or there in known or _may_move(ours, there, pins)
            else {"api": "other"}
            for digit, way in routes.items()
        }
    }


def _offers(row: Mapping[str, Any], base: Registry) -> dict[str, Any]:
    """What is kept of a downloaded row, save for its connection."""
    offers = _only(_FROM_DOWNLOAD, row)
    if "disabled" in offers:
        offers["disabled"] = bool(offers["disabled"])  # no word of a download's own
    if offers.get("model_names"):
        offers["model_names"] = _headless(offers["model_names"], base)
    return offers


def _retirements(update: Mapping[str, Any], base: Registry) -> dict[str, Any]:
    """What a download says of models and services that have ended, under its key; empty where it says nothing."""
    retired = update.get("retired") or {}
    if not retired.get("models"):
        return {}
    return {"retired": {**retired, "models": _headless(retired["models"], base)}}


def _kinds(update: Mapping[str, Any], base: Registry) -> dict[str, Any]:
    """What a download says of models of other kinds than text: who serves them where, the package says."""
    if not update.get("kinds"):
        return {}
    return {"kinds": {kind: _headless(models, base) for kind, models in update["kinds"].items()}}


def _headless(rows: Mapping[str, Any], base: Registry) -> dict[str, Any]:
    """The rows whose names stand for a model alone, and not for a provider's: `gpt-4o`, not `openai/gpt-4o`."""
    return {
        name: value
        for name, value in rows.items()
        if "/" not in name and not (":" in name and base.provider_id(name.partition(":")[0]))
    }


def _may_move(ours: Provider, endpoint: str, pins: Pins) -> bool:
    """Whether a provider's endpoint may become *endpoint*: a host by https to which each of its keys may go already."""
    return (
        ours.local is None
        and "$" not in endpoint + ours.endpoint
        and bool(ours.key_variables)
        and _is_https(endpoint)
        and all(pins.allows(variable, endpoint) for variable in ours.key_variables)
    )


def _trusted_connection(connection: Mapping[str, Any], pins: Pins) -> dict[str, Any] | None:
    """What is kept of the connection of a provider that the package does not know; None unless `trust` names it."""
    if not _is_trusted(connection, pins):
        return None
    return {
        "protocol": connection.get("protocol", "openai"),
        "endpoint": connection["endpoint"],
        "api_key": connection["api_key"],
    }


def _is_trusted(connection: Mapping[str, Any], pins: Pins) -> bool:
    """Whether `trust` names all variables of a connection for its host, and the host is reached by https.

    A variable that holds the secret of something else is never trusted.
    """
    keys = connection.get("api_key") or []
    variables = [keys] if isinstance(keys, str) else keys
    endpoint = connection.get("endpoint") or ""
    return (
        bool(variables)
        and not connection.get("local")
        and "$" not in endpoint
        and _is_https(endpoint)
        and all(pins.trusts(variable, endpoint) for variable in variables)
        and all(pins.pinned(variable) or not is_foreign(variable) for variable in variables)
    )


def _is_https(endpoint: str) -> bool:
    return endpoint.startswith("https://")


def _only(keys: Iterable[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """The given keys of a row, where it has them."""
    return {key: row[key] for key in keys if key in row}
