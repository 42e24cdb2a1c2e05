"""How a list's options become its pipeline, and what every list says without asking anybody.

Raises what is wrong with options at once, and clearly.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from inference_providers.calls import LAUNCH, Finder, Pipeline
from inference_providers.chat import check_timeout
from inference_providers.credentials import Secretive, hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import openai

    from inference_providers.clients.options import ClientTerms, Terms
    from inference_providers.clients.sdk_transport import Options
    from inference_providers.clients.version_0_2 import Call
    from inference_providers.offers import Explanation, LocalServer, Offer, Resolution
    from inference_providers.registry import Registry
    from inference_providers.testing import StandIn


class Directory(Secretive):
    """Who can serve what: the part of a list that needs no network, or a look at this machine's ports at most."""

    pipeline: Pipeline
    registry: Registry
    compat = False  # whether this list is as one of version 0.2, as far as its pages say

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A method or field that version 0.2 had."""
            if name.startswith("_") or name in ("pipeline", "registry"):  # missing while the constructor runs
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            from inference_providers.clients import version_0_2

            return version_0_2.member(self, name)

    def __repr__(self) -> str:
        registry = self.__dict__.get("registry")  # missing while the constructor runs
        return f"<{type(self).__name__}{f' of {len(registry.providers)} providers' if registry else ''}>"

    @property
    def timeout(self) -> float:
        """Seconds for a whole call; may be set."""
        return self.pipeline.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        if "pipeline" in self.__dict__:  # not yet where a subclass sets it before our constructor, which then decides
            self.pipeline.timeout = seconds

    @property
    def verbose(self) -> bool:
        """Whether to tell what is tried; may be set."""
        return self.pipeline.verbose

    @verbose.setter
    def verbose(self, verbose: bool) -> None:
        if "pipeline" in self.__dict__:
            self.pipeline.verbose = self.pipeline.finder.verbose = verbose

    def get_canonical_model_names(self) -> list[str]:
        """Every canonical name in the registry, sorted."""
        return sorted(self.registry.canonical_names)

    def find_model_providers(self, canonical_name: str | None = None) -> list[Offer]:
        """Who can serve a model now: one offer for each provider, in registry order; without a name, of every model.

        Servers on this machine come first for models with open weights, else last.

        Empty when no key for it is set. Raises UnknownModelError for a name that no rule resolves.
        """
        if canonical_name is None or self.compat:
            from inference_providers.clients import version_0_2

            return version_0_2.providers_of(self, canonical_name)
        return self.pipeline.finder.find_model_providers(canonical_name)

    def resolve(self, name: str, *, provider: str | None = None) -> Resolution:
        """Which model *name* means, by which rule, and every offer of it, usable or not."""
        return self.pipeline.finder.resolver.resolve(name, provider)

    def explain(self, name: str | None = None) -> Explanation:
        """Every offer of a model (or of the automatic choice), and why it is or is not a candidate."""
        return self.pipeline.finder.explain(name)

    def candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The candidates for a name, in the order in which they are tried.

        Raises UnknownModelError or NoCredentialsError.
        """
        return self.pipeline.finder.own_candidates(name, provider=provider)

    def local_servers(self) -> list[LocalServer]:
        """The model servers that run on this machine; a look at known ports counts for ten seconds."""
        return self.pipeline.finder.own_local_servers()

    def _connecting(self, terms: Terms, test: bool) -> Call:
        """A call that connects, under these terms."""
        from inference_providers.clients import version_0_2

        return version_0_2.connecting(self, terms, test)

    def _routed(
        self, models: Any, timeout: float | None, hedge_after: Any, allow_empty: bool | None, terms: ClientTerms
    ) -> tuple[Pipeline, Options]:
        """What a client that routes is made of: the pipeline under its terms, and its options."""
        from inference_providers.clients import sdk_transport

        cache = self._cache_of(terms)
        pipeline = self._within(terms) if terms else self.pipeline
        options = sdk_transport.options_of(pipeline, models, timeout, hedge_after, allow_empty)
        options.cache = cache
        return pipeline, options

    def _cache_of(self, options: Any) -> Mapping[str, Any] | bool | None:
        """What a call says of the cache, taken out of its options. Raises TypeError and ValueError."""
        return self.pipeline.cache_of_call(options.pop("cache", None), options.pop("cache_config", None))

    def _within(self, terms: Terms) -> Pipeline:
        """The pipeline under a call's terms; from here on, *terms* shows its key as "[key]"."""
        if all(value is None for value in terms.values()):
            return self.pipeline
        from inference_providers.calls import narrowed

        terms["api_key"] = hidden(terms.get("api_key"))
        return narrowed(self.pipeline, **terms)

    @staticmethod
    def get_updated_provider_list(verbose: bool = False) -> dict[str, Any]:
        """The newest registry as a dict: downloaded now and kept, else the last good one, else the bundled one.

        verbose: tell of it. With `INFERENCE_PROVIDERS_COMPAT=0.2` it is JSON text, as it was then.
        """
        from inference_providers.clients import version_0_2
        from inference_providers.upkeep import newest

        found = newest()
        if verbose:
            from inference_providers.log import tell

            tell(f"the newest list has {len(found['providers'])} providers")
        data: dict[str, Any] = version_0_2.updated(found)
        return data


def client_of(pipeline: Pipeline, offer: Offer) -> openai.OpenAI:
    """The client of one candidate."""
    from inference_providers.clients import sdk_transport

    return sdk_transport.client_of(pipeline, offer)


def async_client_of(pipeline: Pipeline, offer: Offer) -> openai.AsyncOpenAI:
    """The asynchronous client of one candidate."""
    from inference_providers.clients import sdk_transport

    return sdk_transport.async_client_of(pipeline, offer)


def as_in_0_2(auto_update: Any, json_merge: Any, more: Sequence[Any]) -> tuple[bool, Any]:
    """`auto_update` and `json_merge` of arguments in the order of version 0.2, where *json_merge* was the third.

    *auto_update* is that third one, *more* what came after it. Raises TypeError for more than there were.
    """
    if len(more) > 1 or json_merge is not None:
        raise TypeError("without their names a list takes verbose, json_override and auto_update only")
    return bool(more and more[0]), auto_update


def is_compatible(compat: str | None, environ: Mapping[str, str]) -> bool:
    """Whether a list is to be as one of version 0.2. Raises ValueError for another version."""
    if compat is None and "INFERENCE_PROVIDERS_COMPAT" not in environ:
        return False
    from inference_providers.clients import version_0_2

    return version_0_2.wanted(compat, environ)


def pipeline_of(
    *,
    environ: Mapping[str, str] | None,
    local: bool | str,
    timeout: float,
    hedge_after: float | str | None,
    aliases: Mapping[str, str] | None,
    mock: Mapping[str, Any] | None,
    finding: dict[str, Any],
    calling: dict[str, Any],
    cache: Any = None,
) -> Pipeline:
    """A pipeline over these providers: *finding* are further options of its `Finder`, *calling* of its calls.

    cache: options of its cache, if it has one.
    """
    _check(timeout, hedge_after, environ, aliases)
    if local not in (True, False, LAUNCH):
        raise ValueError(f'local must be True, False or "{LAUNCH}", not {local!r}')
    stand_in = _stand_in(mock)
    if stand_in is not None:
        environ = stand_in.environ(os.environ if environ is None else environ)
        registry = stand_in.registry()
        if registry is not None:
            local, finding = False, {**finding, "json_override": registry, "auto_update": False}
    finder = Finder(environ=environ, local=local, aliases=aliases, **finding)
    pipeline = Pipeline(finder, timeout=timeout, hedge_after=hedge_after, stand_in=stand_in, **calling)
    pipeline.cache_of_call = partial(_cache_of_call, pipeline)  # type: ignore[method-assign]
    if cache is not None and cache is not False:
        from inference_providers.cache import installed

        installed(pipeline, cache)
    return pipeline


def _cache_of_call(pipeline: Pipeline, cache: Any, cache_config: Any) -> Any:
    if cache is None and cache_config is None:
        return None
    from inference_providers.cache import of_call

    return of_call(pipeline, cache, cache_config)


def _stand_in(mock: Mapping[str, Any] | None) -> StandIn | None:
    """What answers instead of providers: these replies, or what a test has put in place."""
    if mock is None:
        if "inference_providers.testing.stand_in" not in sys.modules:
            return None  # whoever puts one in place loads the module
        from inference_providers.testing import stand_in

        return stand_in.active
    from inference_providers.testing import Mock

    return Mock(mock)


def _check(timeout: Any, hedge_after: Any, environ: Any, aliases: Any) -> None:
    """Raise for options that would only fail later, and less clearly."""
    check_timeout(0 if timeout is None else timeout)
    if (
        hedge_after is not None
        and hedge_after != "p95"
        and not (isinstance(hedge_after, int | float) and hedge_after > 0)
    ):
        raise ValueError(f'hedge_after must be a number of seconds above 0, or "p95", not {hedge_after!r}')
    if environ is not None and not hasattr(environ, "items"):
        raise TypeError("environ must be a mapping of variables to values, like os.environ")
    if aliases is not None and not hasattr(aliases, "items"):
        raise TypeError('aliases must be a mapping, like {"work": "gpt-4o"}')
