"""What a registry that did not come with the package may say about where keys and prompts go. Pure.

The installed package's registry is the measure: see `credentials.Pins`.
"""

from __future__ import annotations

from inference_providers.credentials.foreign_secrets import is_foreign
from inference_providers.credentials.pins import host_of, variables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.credentials.pins import Pins
    from inference_providers.registry import Provider, Registry


def stray_keys(registry: Registry, installed: Registry, pins: Pins) -> list[str]:
    """One line for each variable that the installed package pins to other hosts than *registry* gives.

    A connection that is the installed package's own, the same object at the same provider, sends no key astray.
    """
    found = []
    for pid, provider in registry.providers.items():
        if pid in installed.providers and provider.connection is installed.providers[pid].connection:
            continue
        found += _misplaced(pid, provider, pins)
        for variable in provider.key_variables:
            if not pins.pinned(variable) and is_foreign(variable):
                found.append(
                    f"$.providers.{pid}.connection: {variable} holds the secret of something else, and is no provider's "
                    "key. Use a variable of your own."
                )
            elif provider.endpoint and pins.pinned(variable) and not _allowed(installed, provider, variable, pins):
                host = host_of(provider.endpoint)
                allowed = ", ".join(pins.hosts(variable)) or "no host"
                found.append(
                    f"$.providers.{pid}.connection: would send {variable} to {host}, but that key belongs to {allowed}. "
                    f'If you mean it, pass trust={{"{variable}": ["{host}"]}}; else use a variable of your own.'
                )
    return found


def _misplaced(pid: str, provider: Provider, pins: Pins) -> list[str]:
    """Keys in an endpoint's text or in a local server's address, and cloud keys for servers on this machine."""
    path = f"$.providers.{pid}.connection"
    named = [*variables_of(provider.endpoint), *((provider.local or {}).get("address") or ())]
    secret = [name for name in named if pins.pinned(name) or is_foreign(name)]
    found = [f"{path}: {name} is a key and cannot be part of an address" for name in secret]
    if provider.local is not None:
        cloud = [name for name in provider.key_variables if not pins.belongs_here(name)]
        found += [f"{path}.local: a server on this machine must not get {name}, a cloud key" for name in cloud]
    return found


def _allowed(installed: Registry, provider: Provider, variable: str, pins: Pins) -> bool:
    ours = installed.providers.get(provider.id)
    if ours is not None and ours.endpoint == provider.endpoint and variable in ours.key_variables:
        return provider.connection.get("variables") == ours.connection.get("variables")
    retired = installed.retired_providers.get(provider.id)
    if retired is not None and retired["endpoint"] == provider.endpoint and variable in retired["api_key"]:
        return True
    return "$" not in host_of(provider.endpoint) and pins.allows(variable, provider.endpoint)


def restrained(update: Mapping[str, Any], base: Registry, pins: Pins) -> dict[str, Any]:
    """A downloaded registry with everything taken out that could move a key or a prompt to a new place.

    Connections come from the installed package; a changed endpoint counts only on a host
    that every one of the provider's variables is pinned to. Providers that the package
    does not know stay only where `trust` names their variable and host. Local servers,
    spellings of providers and families of names are the package's alone, and an alias
    may only stand for a canonical name: none can lead to a provider by its name, which
    would count as naming it.
    """
    providers: dict[str, Any] = {}
    for pid, row in (update.get("providers") or {}).items():
        ours = base.providers.get(pid)
        kept = {key: row[key] for key in ("disabled", "model_names", "more_names", "facts") if key in row}
        if ours is not None:
            connection = dict(ours.connection)
            endpoint = (row.get("connection") or {}).get("endpoint") or ""
            if (
                ours.local is None
                and "$" not in endpoint + ours.endpoint
                and _everywhere(pins, ours.key_variables, endpoint)
            ):
                connection["endpoint"] = endpoint
            described = {key: value for key, value in ours.data.items() if key not in _OFFERS}
            providers[pid] = {**described, **kept, "connection": connection}
        elif _trusted(row.get("connection") or {}, pins):
            theirs = row["connection"]
            providers[pid] = {
                **kept,
                "connection": {
                    "protocol": theirs.get("protocol", "openai"),
                    "endpoint": theirs["endpoint"],
                    "api_key": theirs["api_key"],
                },
            }
    for pid, provider in base.providers.items():
        if provider.local is not None:
            providers[pid] = dict(provider.data)
    canonical = {name for row in providers.values() for name in row.get("model_names") or ()}
    aliases = {name: target for name, target in (update.get("aliases") or {}).items() if target in canonical}
    ours_alone = {
        key: base.data[key] for key in ("families", "easiest", "fastest", "parameters", "batch") if key in base.data
    }
    return {**update, **ours_alone, "aliases": {**aliases, **base.aliases}, "providers": providers}


_OFFERS = ("model_names", "more_names", "facts")


def _everywhere(pins: Pins, variables: Sequence[str], endpoint: str) -> bool:
    return (
        bool(variables)
        and endpoint.startswith("https://")
        and all(pins.allows(variable, endpoint) for variable in variables)
    )


def _trusted(connection: Mapping[str, Any], pins: Pins) -> bool:
    keys = connection.get("api_key") or []
    variables = [keys] if isinstance(keys, str) else keys
    endpoint = connection.get("endpoint") or ""
    if "$" in endpoint or connection.get("local") or not variables:
        return False
    if any(not pins.pinned(variable) and is_foreign(variable) for variable in variables):
        return False
    return endpoint.startswith("https://") and all(pins.trusts(variable, endpoint) for variable in variables)
