"""What programs do that were written for versions 0.2 of this package: their words and methods, and their `None, None`.

`verify=` and the methods below work in any program. Where those versions gave `None`, there is an error now, unless
`compat="0.2"` or `INFERENCE_PROVIDERS_COMPAT=0.2` says otherwise. Loaded with the first connection.

*made* is a `ProviderList`, or an asynchronous one where nothing waits; its module imports this one.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial

from inference_providers.errors import InferenceProvidersError, LocalServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Never

    from inference_providers.calls import Pipeline
    from inference_providers.clients.options import Terms
    from inference_providers.offers import Offer

VERSION = "0.2"
VARIABLE = "INFERENCE_PROVIDERS_COMPAT"
SYSTEM_PROMPT = "Just play along"  # which each question had
HINT = (
    f'A program written for {VERSION} of this package? There this was None, as it is with compat="{VERSION}" or '
    f"{VARIABLE}={VERSION}: see docs/moving.md."
)
_MODULE = "inference_providers.inference_providers"  # where only such programs look


def wanted(compat: str | None, environ: Mapping[str, str]) -> bool:
    """Whether a list is to behave as in 0.2. Raises ValueError for any other version."""
    source = "compat" if compat is not None else f"the environment variable {VARIABLE}"
    version = (environ.get(VARIABLE, "") if compat is None else str(compat)).strip()
    if version and version != VERSION and not version.startswith(f"{VERSION}."):
        raise ValueError(f'{source} must be "{VERSION}", the only version that there is a way back to, not {version!r}')
    return bool(version)


class Call:
    """A call that gave `None` in 0.2 where it failed: its terms in today's words, and what becomes of its error."""

    nobody: Never = (None, None)  # type: ignore[assignment]  # to type checkers, this is not reached
    nothing: Never = None  # type: ignore[assignment]

    def __init__(self, made: Any, pipeline: Pipeline, test: bool, *, marked: bool = False) -> None:
        """*marked*: whether it is in the words of 0.2."""
        self.pipeline, self.test = pipeline, test
        self._made, self._marked = made, marked or _MODULE in sys.modules

    def __enter__(self) -> Call:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if self._made.compat:
            if isinstance(error, Exception) and self._made.verbose:
                from inference_providers.log import tell

                tell(f"None, as in {VERSION}: {error}")
            return isinstance(error, Exception)
        if isinstance(error, InferenceProvidersError):
            if self._marked and HINT not in str(error):
                error.args = (f"{error}\n{HINT}",)
            elif HINT not in getattr(error, "__notes__", ()):
                error.add_note(HINT)  # in the traceback of a program that ends with it, and nowhere else
        return False

    def system(self, system: str | None) -> str | None:
        """The system prompt of a question: that of 0.2, where there is no other and it is wanted."""
        return SYSTEM_PROMPT if system is None and self._made.compat else system


def connecting(made: Any, terms: Terms, test: bool) -> Call:
    """A call that connects. *terms*: those of today, and `verify`, which is *test* now."""
    older: dict[str, Any] = terms  # type: ignore[assignment]
    marked = "verify" in older
    if marked:
        test = verified(made, older, 5) or test
    return Call(made, made._within(terms), test, marked=marked)


def verified(made: Any, options: dict[str, Any], level: int) -> bool:
    """What `verify` says, which is taken out: it is `test` now. *level*: of the call that said it, for a warning."""
    if not made.compat:
        import warnings

        warnings.warn("verify= is test= now: see docs/moving.md", DeprecationWarning, stacklevel=level)
    return bool(options.pop("verify"))


def providers_of(made: Any, canonical_name: str | None) -> list[Offer]:
    """`find_model_providers` of 0.2: of all models, where none is named; nobody, where a name is unknown."""
    from inference_providers.errors import UnknownModelError

    finder = made.pipeline.finder
    if canonical_name is not None:
        try:
            named: list[Offer] = finder.find_model_providers(canonical_name)
            return named
        except UnknownModelError:
            return []
    rank = {pid: place for place, pid in enumerate(made.registry.providers)}
    found = [offer for name in made.get_canonical_model_names() for offer in finder.find_model_providers(name)]
    return sorted(found, key=lambda offer: rank.get(offer.provider, -1))


def updated(found: Any) -> Any:
    """A downloaded registry as `get_updated_provider_list` gives it: as JSON text where the process asks for 0.2."""
    if not wanted(None, os.environ):
        return found
    import json

    return json.dumps(found)


# Methods, each with the list before its arguments


def find_all_model_providers(made: Any) -> list[Offer]:
    """Every offer of every model that can be asked now, in registry order: `find_model_providers()`."""
    found: list[Offer] = made.find_model_providers()
    return found


def get_canonical_names_in_use(made: Any) -> list[str]:
    """Every canonical name in the registry, sorted: `get_canonical_model_names()`."""
    names: list[str] = made.get_canonical_model_names()
    return names


def connect_to_model_endpoint(
    made: Any,
    endpoint: str | None,
    api_key: str,
    internal_name: str,
    verify: bool = False,
    allow_cached: bool = True,
) -> Any:
    """A client of one model at an address, with this key: `connect_to_model(internal_name, api_base=, api_key=)`.

    endpoint: without one OpenAI's. verify: only if a short inference succeeds. allow_cached: has no meaning now.
    """
    from inference_providers.credentials import hidden

    del allow_cached
    api_key = hidden(api_key)
    address = endpoint or made.registry.providers["openai"].endpoint
    with Call(made, made._within({"api_base": address, "api_key": api_key}), verify, marked=True) as call:
        offers = call.pipeline.asker.candidates(internal_name, None)
        offer, attempts = call.pipeline.asker.connected(offers, True) if verify else (offers[0], [])
        return made._connection(offer, attempts)[0]
    return call.nothing


def detect_local_api_keys(made: Any) -> list[str]:
    """The keys that providers of the registry have in the environment; nothing else there is taken for one."""
    found: dict[str, None] = {}
    for pid in made.registry.providers:
        access = made.pipeline.finder.accesses[pid]
        with suppress(LocalServerError):  # it is in a keyring that cannot be used now
            if access.key is not None and access.variable:
                found[access.key] = None
    return list(found)


def detect_local_endpoints(made: Any) -> list[int]:
    """The ports of model servers on this machine: `local_servers()`."""
    from inference_providers.credentials import origin_of

    origins = [origin_of(server.endpoint) for server in made.local_servers()]
    return [origin[2] for origin in origins if origin is not None]


def detect_local_connections(made: Any, refresh_cache: bool = False) -> dict[str, tuple[str, str, str, str]]:
    """What the servers on this machine have: canonical name -> (protocol, address, the server's name, key).

    refresh_cache: has no meaning now; a look counts for ten seconds.
    """
    del refresh_cache
    found: dict[str, tuple[str, str, str, str]] = {}
    for server in made.local_servers():
        for name in server.models:
            key = made.registry.names.canonical_name(name) or name
            found.setdefault(key, ("openai", server.endpoint, name, "not-needed"))
    return found


def fuzzy_match_model_name(made: Any, internal_name: str, names: Sequence[str]) -> str | None:
    """Which of *names* a provider's name of a model means: `canonical_name`, else the closest whose parts it has."""
    from difflib import get_close_matches

    canonical: str | None = made.registry.names.canonical_name(internal_name)
    if canonical in names:
        return canonical
    last = internal_name.replace("\\", "/").rpartition("/")[2].partition(":")[0][:200]
    able = [name for name in names if all(part in last.lower() for part in name.lower().split("-"))]
    return next(iter(get_close_matches(last, able, n=1, cutoff=0.5)), None)


def config(made: Any) -> dict[str, Any]:
    """The registry as a dict: `registry.data`."""
    return dict(made.registry.data)


def provider_info(made: Any) -> dict[str, Any]:
    """Its providers: id -> row."""
    return dict(made.registry.data["providers"])


def cached_clients(made: Any) -> dict[str, Any]:
    """Nothing: clients share their list's connections now, and need no cache."""
    del made
    return {}


METHODS: tuple[Callable[..., Any], ...] = (
    find_all_model_providers, get_canonical_names_in_use, connect_to_model_endpoint, detect_local_api_keys,
    detect_local_endpoints, detect_local_connections, fuzzy_match_model_name,
)  # fmt: skip
FIELDS: tuple[Callable[..., Any], ...] = (config, provider_info, cached_clients)


def member(made: Any, name: str) -> Any:
    """A method or field of 0.2, of a list that is not asynchronous. Raises AttributeError for any other name."""
    if hasattr(type(made), "close"):
        for method in METHODS:
            if method.__name__ == name:
                return partial(method, made)
        for field in FIELDS:
            if field.__name__ == name:
                return field(made)
    raise AttributeError(f"{type(made).__name__!r} object has no attribute {name!r}")
