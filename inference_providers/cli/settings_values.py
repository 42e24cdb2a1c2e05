"""Settings that a person types, checked by whoever goes by them, before they are written."""

from __future__ import annotations

from inference_providers.cli.output import say
from inference_providers.errors import UnknownModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.clients import ProviderList

_SHOWN = 40  # characters of a name that may be anything


def place_of(name: str) -> list[str]:
    """Where a setting stands in the file: `aliases.fast` is `fast` in the table `aliases`. Raises ValueError."""
    from inference_providers.settings import SECTIONS, SETTINGS, unknown

    head, *rest = name.split(".") if not name.startswith("aliases.") else name.split(".", 1)
    if (head in SETTINGS and (not rest or head == "budget")) or (head in SECTIONS and rest and all(rest)):
        return [head, *rest]
    if head in SECTIONS:
        raise ValueError(f"{head} is a table: name what in it, as in {head}.NAME")
    known = next((one.name for one in SETTINGS.values() if one.variable == name), None)
    if known is not None:
        return [known]
    why = unknown(name[:_SHOWN])
    raise ValueError(why if why.startswith("a key") else f"{why}; `inference-providers config` lists them")


def checked(path: list[str], text: str, providers: ProviderList) -> Any:
    """What is written for a text at this place. Raises ValueError and UnknownModelError, with what would be right."""
    from inference_providers.settings import SETTINGS

    if path[0] == "aliases":
        _check_model(text, providers)
        return text
    if path[0] == "budget" and len(path) == 2:
        return checked(path[:1], f"{path[1]}={text}", providers)[path[1]]
    if path == ["budget"] and text.strip().lstrip("$").replace(".", "", 1).isdigit():
        raise ValueError("say for how long: budget.per_call, budget.per_day or budget.per_month")
    if path[0] not in SETTINGS:
        return _toml(text)
    value = SETTINGS[path[0]].value(text)
    check = _CHECKS.get(path[0])
    if check is not None:
        for one in value if isinstance(value, list) else [value]:
            check(one, providers)
    return value


def _toml(text: str) -> Any:
    """A value of TOML where it is one, else text: for tables of further words."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, KeyError, RecursionError):
        return text


def _check_model(name: str, providers: ProviderList) -> None:
    """Raise UnknownModelError for a name that means nothing; whether there is a key for it is another matter."""
    from inference_providers.offers import is_automatic

    if not is_automatic(name):
        found = providers.resolve(name)
        if found.warning:
            say(found.warning, err=True)


def check_embedding_model(name: str, providers: ProviderList) -> None:
    """Likewise of models for vectors."""
    from inference_providers.offers import KindResolver, is_automatic
    from inference_providers.registry import EMBEDDINGS

    if is_automatic(name) or KindResolver(providers.pipeline.finder.resolver, EMBEDDINGS).known(name) is not None:
        return
    found = providers.resolve(name)
    if found.canonical_name in providers.registry.canonical_names:
        raise ValueError(f"{name!r} is a model to talk to; `inference-providers models --kind embeddings` lists others")
    if found.warning:
        say(found.warning, err=True)


def _check_provider(name: str, providers: ProviderList) -> None:
    from inference_providers.offers import selection_of

    selection_of(providers.registry, {}).and_also("this setting's", [name], None)


def _check_allowed(name: str, providers: ProviderList) -> None:
    if providers.registry.provider_id(name) is None:
        raise UnknownModelError(f"There is no provider {name[:_SHOWN]!r}.")


def _check_policy(name: str, providers: ProviderList) -> None:
    from inference_providers.routing import checked_strategy

    checked_strategy(name)


def _check_budget(amounts: Any, providers: ProviderList) -> None:
    from inference_providers.routing import checked_budget

    checked_budget(amounts)


def _check_log(word: str, providers: ProviderList) -> None:
    from inference_providers.usage import mode_of

    mode_of(word, {})


def _check_file(path: str, providers: ProviderList) -> None:
    import os

    from inference_providers.files import folders

    whole = folders.expanded(path, providers.pipeline.users_environ)
    if not os.path.isabs(whole):
        raise ValueError(f"{path[:200]!r} must be a whole path: settings hold in every folder")
    if not os.path.exists(whole):
        raise ValueError(f"there is no file {path[:200]!r}")


_CHECKS: dict[str, Callable[[Any, ProviderList], None]] = {
    "model": _check_model,
    "embedding_model": check_embedding_model,
    "policy": _check_policy,
    "budget": _check_budget,
    "avoid": _check_provider,
    "only": _check_provider,
    "allow": _check_allowed,
    "log": _check_log,
    "local_model": _check_file,
    "models": _check_file,
}
