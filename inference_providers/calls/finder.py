"""`Finder`: registry, credentials, name resolution and candidates of one environment.

No network but loopback probes; what a provider says that it has, the pipeline asks it.
"""

from __future__ import annotations

import os
import time
from functools import cached_property

from inference_providers.calls.registries import registry_of
from inference_providers.chat import default_models
from inference_providers.credentials import Environment, Pins, Secretive
from inference_providers.errors import LocalServerError, NoCredentialsError, UnknownModelError
from inference_providers.offers import (
    ALLOW_VARIABLE,
    AUTO,
    GIVEN,
    NAMED,
    SELECTING,
    SMALL,
    Accesses,
    Offer,
    Resolution,
    Resolver,
    all_run_here,
    is_automatic,
    order,
    prefix_of,
)
from inference_providers.registry import Registry, bundled
from inference_providers.servers import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Explanation, Guidance, LocalServer
    from inference_providers.registry import Provider
    from inference_providers.servers import Launchables, Lookout

LAUNCH = "launch"  # a value of `local`
_FOUND_KEPT = 10.0  # seconds for which the candidates of several names count


class Finder(Secretive):
    """Who can serve what, with these keys and servers. Its options are those of `ProviderList`."""

    takes_paths = True  # whether a model's name may be the path of a file

    def __init__(
        self,
        verbose: bool,
        json_override: str | os.PathLike[str] | Mapping[str, Any] | Registry | None,
        auto_update: bool,
        *,
        json_merge: str | os.PathLike[str] | Mapping[str, Any] | None,
        environ: Mapping[str, str] | None,
        local: bool | str,
        local_models: Iterable[Any],
        trust: Mapping[str, Sequence[str]] | None,
        allow: Iterable[str],
        aliases: Mapping[str, str] | None,
        update_url: str | None,
        avoid: Iterable[str] | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        self.verbose = verbose
        self.environ = Environment.of(os.environ if environ is None else environ)
        self._local, self._local_models, self._aliases = local, local_models, aliases
        options: Any = {"auto_update": auto_update, "trust": trust, "environ": self.environ, "url": update_url}
        self.registry: Registry = registry_of(json_override, json_merge, options)
        allowed = [*([allow] if isinstance(allow, str) else allow), *self.environ.get(ALLOW_VARIABLE, "").split(",")]
        self._allow = {pid for name in allowed if name.strip() and (pid := self.registry.provider_id(name))}
        selection = None
        if avoid is not None or only is not None or any(map(self.environ.get, SELECTING)):
            from inference_providers.offers import selection_of

            selection = selection_of(self.registry, self.environ).and_also("this list's", avoid, only)
        self.accesses = Accesses(self.registry, self.environ, Pins(bundled(), trust), self._allow, selection)
        self.resolver = Resolver(
            self.accesses,
            aliases=aliases,
            local=self.local_servers,
            launchable=self._launchable,
            launch=local == LAUNCH,
        )
        # Those of a choice that have not said lately that they lack the model: what calls have learnt.
        self.present: Callable[[Sequence[Offer]], Sequence[Offer]] | None = None
        self.model_list: Callable[[Offer, float], bytes] | None = None  # what one replies, asked what it has
        self.holder: Any = None  # the list that holds this finder: a subclass of it may decide who is asked
        self._found: dict[tuple[str, ...], tuple[float, list[Offer]]] = {}
        self._best: dict[str, list[Offer]] = {}  # what a choice comes to at providers with keys
        self._told: dict[str, Any] = {}  # what providers said that they have
        self._warned: set[str] = set()
        self._environment_seen = self.environ.fingerprint()
        if local_models:
            _ = self._launchables  # says what is wrong with them now

    def __repr__(self) -> str:
        registry = self.__dict__.get("registry")  # missing while the constructor runs
        return f"<{type(self).__name__}{f' of {len(registry.providers)} providers' if registry else ''}>"

    def find_model_providers(self, canonical_name: str) -> list[Offer]:
        """Who can serve a model now: one offer for each provider, in registry order.

        Servers on this machine come first for models with open weights, else last. Empty when no key for it is set.
        Raises UnknownModelError for a name that no rule resolves.
        """
        return self._ordered(self.resolver.resolve(canonical_name))

    def resolve(self, name: str, *, provider: str | None = None) -> Resolution:
        """Which model *name* means, by which rule, and every offer of it, usable or not."""
        return self.resolver.resolve(name, provider)

    def explain(self, name: str | None = None) -> Explanation:
        """Every offer of a model (or of the one that is asked by default), and why it is or is not a candidate."""
        from inference_providers.offers import explained

        names = self.default_models() if name is None else None
        return explained(names or [name], self.resolver, self._ordered, self.registry, by_default=names is not None)

    def default_models(self, *variable: str) -> list[str] | None:
        """The models for calls that name none, best first, by a variable; None for the best within reach."""
        return default_models(self.environ, *variable)

    def _ordered(self, resolution: Resolution) -> list[Offer]:
        # Who runs a model with open weights on this machine means to use it; a policy has an order of its own.
        facts = self.registry.model(resolution.canonical_name or "")
        by_policy = resolution.rule.startswith("policy") and resolution.rule != "policy listed"
        here_first = bool(facts.get("open_weights")) and not by_policy
        return order(resolution.offers, here_first=here_first, plans_last=resolution.rule == "policy cheapest")

    def local_servers(self) -> list[LocalServer]:
        """The model servers that run on this machine, as the list that holds this finder has them."""
        found: list[LocalServer] = self.own_local_servers() if self.holder is None else self.holder.local_servers()
        return found

    def own_local_servers(self) -> list[LocalServer]:
        """The model servers that run on this machine; a look at known ports counts for ten seconds."""
        if not self._local:
            return []
        launched: list[LocalServer] = list(self._launchables.running()) if any(running(self.environ)) else []
        ours = {server.endpoint for server in launched}
        return [server for server in self._lookout.servers() if server.endpoint not in ours] + launched

    @cached_property
    def _lookout(self) -> Lookout:
        from inference_providers.servers import Lookout

        return Lookout(self.registry, self.environ, self.accesses.avoids)

    def _waited_for(self, provider: Provider | None = None) -> bool:
        return "_lookout" in self.__dict__ and self._lookout.wait(provider)

    @cached_property
    def guidance(self) -> Guidance:
        """What to say to those without a key that is used."""
        from inference_providers.offers import Guidance
        from inference_providers.settings import unread

        advice = self._launchables.advice if self._local else tuple
        return Guidance(self.accesses, self.environ, self.local_servers, advice, unread)

    @cached_property
    def _launchables(self) -> Launchables:
        from inference_providers.log import warn
        from inference_providers.servers import Launchables

        return Launchables(self.registry, self.environ, self._local_models, warn, takes_paths=self.takes_paths)

    def _launchable(self, wanted: str, pid: str | None, where: str) -> Sequence[LocalServer]:
        """Models that could be launched here, for name resolution."""
        if not self._local:
            if prefix_of(wanted):
                from inference_providers.servers import model_lists

                model_lists.check_not_listed(wanted, self.environ)
            return ()
        return () if where == GIVEN and not self._local_models else self._launchables.matching(wanted, pid, where)

    def candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The candidates for a name, as the list that holds this finder has them. Raises as `own_candidates` does."""
        if self.holder is None:
            return self.own_candidates(name, provider=provider)
        ask = self.holder.candidates  # without *provider* where none is named: an override may take the name alone
        found: list[Offer] = ask(name) if provider is None else ask(name, provider=provider)
        if self.accesses.selection is not None:  # an override may know nothing of it
            asked, found = found, [offer for offer in found if not self.accesses.avoids(offer.row())]
            if asked and not found:
                raise self.guidance.no_candidates(Resolution(name, "override", None, asked))
        return found

    def own_candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The candidates for a name, in the order in which they are tried.

        Raises UnknownModelError or NoCredentialsError.
        """
        if provider is None and isinstance(name, str) and is_automatic(name):
            return self._automatic(name.strip().lower())
        try:
            resolution = self.resolver.resolve(name, provider)
        except UnknownModelError:
            if provider is not None or not self._waited_for():  # for a server that may know it
                raise
            resolution = self.resolver.resolve(name)
        found = self._ordered(resolution)
        if (not found and self.reread_environment()) or self._may_be_late(resolution, found):
            resolution = self.resolver.resolve(name, provider)
            found = self._ordered(resolution)
        if not found and self._local and provider is None:
            found = order(self.resolver.launched(name, None, NAMED))  # a name of the user's own
        if not found:
            raise self.guidance.no_engine(resolution) or self._no_key(resolution)
        if self._local and all_run_here(found):
            self._check_there_is_a_server(resolution, found[0])
        self._warn_of_other_engines(resolution, found[0])
        self._say_notices(found)
        if resolution.warning:
            asked = f"; {found[0].provider} is asked, for {found[0].internal_name}" if resolution.guessed else ""
            self.warn_once(resolution.warning + asked)
        return found

    def _say_notices(self, offers: Sequence[Offer]) -> None:
        for notice in [notice for offer in offers for notice in offer.notices]:
            self.warn_once(notice)

    def warn_once(self, message: str, key: str = "") -> None:
        """Warn, unless that, or something of the same *key*, was said before."""
        if (key or message) not in self._warned:
            from inference_providers.log import warn

            self._warned.add(key or message)
            warn(message)

    def _automatic(self, name: str) -> list[Offer]:
        """Candidates for a choice: with keys, then servers here, one started for want of others, then the unknown."""
        keyed = list(self.keyed(name) if self.present is None else self.present(self.keyed(name)))
        if keyed:
            here = self._here() + (self._to_launch() if self._local == LAUNCH else [])
            first = self.told(name, strict=False) if not here and all(offer.doubtful for offer in keyed) else []
            return first + keyed + here
        found = self.on_this_machine() or self.told(name)
        if not found:
            raise self.guidance.nothing() if name in (AUTO, SMALL) else self._no_key(self.resolver.resolve(name))
        return found

    def provider_id(self, spelling: str) -> str:
        """The id of a provider in any spelling, also of one that this registry lacks. Raises UnknownModelError."""
        return self.resolver.provider_id(spelling, bundled())

    def offers_on(self, server: LocalServer) -> list[Offer]:
        """What a server on this machine offers: each of its models to talk to."""
        return self.resolver.talking(server)

    def release(self) -> None:
        """Use the servers that were launched no longer."""
        if "_launchables" in self.__dict__:
            self._launchables.release()

    def _to_launch(self) -> list[Offer]:
        """The models that the automatic choice may launch."""
        servers = self._launchables.automatic(everything=self._local == LAUNCH) if self._local else ()
        return order(offer for server in servers for offer in self.offers_on(server))

    def _no_key(self, resolution: Resolution) -> NoCredentialsError:
        """Nobody can be asked: what to set, and whether a file of the model lies here."""
        error = self.guidance.no_candidates(resolution)
        model = resolution.canonical_name or resolution.name
        here = self._launchables.matching(model) if self._local and resolution.canonical_name else []
        if any(not server.reason for server in here):
            hint = f"A file of it lies here ({here[0].model.source}): ask for {model}:local."
            return type(error)(f"{error}\n{hint}", error.variables)
        return error

    def _may_be_late(self, resolution: Resolution, found: Sequence[Offer]) -> bool:
        """Whether a server is there now, where one was asked for by name, or nobody else is left."""
        if not found:
            return not any(offer.named for offer in resolution.offers) and self._waited_for()
        row = found[0].row()
        return all_run_here(found) and not self.resolver.servers_of(row.id) and self._waited_for(row)

    def _check_there_is_a_server(self, resolution: Resolution, first: Offer) -> None:
        """Raise LocalServerError unless an engine that is named runs here, or can be started with what lies here."""
        if not self.resolver.servers_of(first.provider):
            said, instead = self._lookout.silence(first.endpoint), self._launchables.instead(first.internal_name)
            raise self.guidance.no_server(resolution, first, *instead, said)

    def _warn_of_other_engines(self, resolution: Resolution, chosen: Offer) -> None:
        """Say once why a model is launched with another engine than the first."""
        if not chosen.launchable or chosen.awake:
            return
        for offer in resolution.offers:
            if offer.place == chosen.place:
                return
            if offer.launchable and (offer.fits or offer.wished) and offer.reason:
                self.warn_once(f"{offer.reason}; {chosen.provider_name} runs {chosen.internal_name} instead")

    def reread_environment(self) -> bool:
        """Look for keys anew, if the environment has changed since the last look: people set keys between two calls."""
        now = self.environ.fingerprint()
        if now == self._environment_seen:
            return False
        self._environment_seen = now
        self.accesses.forget()
        self._told.clear()
        self._found, self._best = {}, {}
        return True

    def known_candidates(self, names: Sequence[str]) -> list[Offer] | None:
        """What `first_available` found for these names in the last seconds, if anything."""
        found = self._found.get(tuple(names))
        return found[1] if found and time.monotonic() - found[0] < _FOUND_KEPT else None

    def first_available(self, names: Sequence[str]) -> list[Offer]:
        """The candidates for several names, best first; unknown names count only when nothing else is left."""
        names = [names] if isinstance(names, str) else list(names or ())
        if not all(isinstance(name, str) for name in names):
            raise UnknownModelError("Model names must be text, or a list of texts.")
        return self.kept(names, lambda: self._look_up(names))

    def kept(self, names: Sequence[str], look_up: Callable[[], list[Offer]]) -> list[Offer]:
        """What was found for these names in the last seconds, else what is found now."""
        known, found = self.known_candidates(names), self._found
        if known is None:
            known = look_up()
            if len(found) > 1000:
                found.clear()
            found[tuple(names)] = (time.monotonic(), known)
        return known

    def _look_up(self, names: Sequence[str]) -> list[Offer]:
        found, problems = list[Offer](), list[Exception]()
        for name in names:
            try:
                found += self.candidates(name)
            except (UnknownModelError, NoCredentialsError, LocalServerError) as error:
                problems.append(error)
                self.tell(f"{name}: {str(error).splitlines()[0]}")
        if found:
            return found
        raise self.guidance.none_of(names, problems, by_default=names == self.default_models())

    def keyed(self, name: str = AUTO) -> list[Offer]:
        """The candidates for a choice among providers with keys: no look at local ports."""
        found = self._best.get(name)
        if not found and (self.reread_environment() or found is None):
            from inference_providers.offers import defaults

            best = self._best
            found = best[name] = defaults.keyed(self.resolver, name)
        self._say_notices((found or [])[:1])
        return found or []

    def told(self, name: str = AUTO, *, strict: bool = True) -> list[Offer]:
        """The candidates for a choice at providers with a key that say themselves what they have.

        Those are asked of whose models none is known that could be called: each once, for the life of the list.
        *strict*: raise what the first of them failed with where none gives a model.
        """
        unknown = self._unknown(name)
        if self.model_list is None or not unknown or name.endswith((":free", ":local")):
            return []
        from inference_providers.calls import listing

        return listing.candidates(self.resolver, name, unknown, self.model_list, self._told, strict=strict)

    def _unknown(self, name: str) -> list[Provider]:
        """The providers with a key of which the registry knows no model that can be called for certain."""
        served = {offer.provider for offer in self.keyed(name) if not offer.doubtful}
        return [row for row in self.resolver.reached() if row.id not in served and not self.accesses[row.id].opt_in]

    def on_this_machine(self) -> list[Offer]:
        """Candidates on this machine: running servers, else models of the user's own that can be launched."""
        here = self._here()
        if not here and self._waited_for():
            here = self._here()
        return here or self._to_launch()

    def _here(self) -> list[Offer]:
        """What the servers that run here have to talk to."""
        return order(self.resolver.server_offers_of_all(), here_first=True)

    def who_could(self, able: Callable[[Offer], bool]) -> str:
        """Who could do what was asked, for a person: of what the keys reach, else of what a key would reach."""
        return self.guidance.who_could(able, self.keyed(), self.resolver)

    def tell(self, message: str) -> None:
        """Say what is tried, where that was asked for."""
        if self.verbose:
            from inference_providers.log import tell

            tell(message)
