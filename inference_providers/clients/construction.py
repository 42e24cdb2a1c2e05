"""How a list's options become its pipeline, and what every list says without asking anybody.

Raises what is wrong with options at once, and clearly.
"""

from __future__ import annotations

import os
import sys

from inference_providers.calls import LAUNCH, Finder, Pipeline
from inference_providers.chat import check_timeout
from inference_providers.credentials import Secretive, hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.clients.options import Terms
    from inference_providers.offers import Explanation, LocalServer, Offer, Resolution
    from inference_providers.registry import Registry
    from inference_providers.testing import StandIn


class Directory(Secretive):
    """Who can serve what: the part of a list that needs no network, or a look at this machine's ports at most."""

    pipeline: Pipeline
    registry: Registry

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

    def find_model_providers(self, canonical_name: str) -> list[Offer]:
        """Who can serve a model now: one offer for each provider, in registry order.

        Servers on this machine come first for models with open weights, else last.

        Empty when no key for it is set. Raises UnknownModelError for a name that no rule resolves.
        """
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

    def _within(self, terms: Terms) -> Pipeline:
        """The pipeline under a call's terms; from here on, *terms* shows its key as "[key]"."""
        if all(value is None for value in terms.values()):
            return self.pipeline
        from inference_providers.calls import narrowed

        terms["api_key"] = hidden(terms.get("api_key"))
        return narrowed(self.pipeline, **terms)

    @staticmethod
    def get_updated_provider_list() -> dict[str, Any]:
        """The newest registry as a dict: downloaded now and kept, else the last good one, else the bundled one."""
        from inference_providers.upkeep import newest

        return newest()


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
) -> Pipeline:
    """A pipeline over these providers: *finding* are further options of its `Finder`, *calling* of its calls."""
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
    return Pipeline(finder, timeout=timeout, hedge_after=hedge_after, stand_in=stand_in, **calling)


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
