"""Who serves a model: providers of the registry, the servers here, and those that could be launched. Pure."""

from __future__ import annotations

from inference_providers.offers.late_offers import offer_by
from inference_providers.offers.offer import Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Self

    from inference_providers.offers.access import Access, Accesses
    from inference_providers.offers.local_server import LocalServer
    from inference_providers.offers.resolution import Resolution
    from inference_providers.registry import Provider, Registry, Wanted

    # (a name, the engine that is asked for or None, where to look) -> servers that could be launched
    FindLaunchable = Callable[[str, str | None, str], Sequence[LocalServer]]

# Where to look for models that can be launched: what the program gave; also the user's lists; also a path
# and servers that were launched; also files that other programs keep.
GIVEN = "given"
NAMED = "named"
HERE = "here"
FOUND = "found"


class Lookup:
    """What names are looked up in: one registry, one set of accesses, the servers that run here."""

    def __init__(
        self,
        accesses: Accesses,
        *,
        aliases: Mapping[str, str] | None = None,
        local: Callable[[], Sequence[LocalServer]] = tuple,
        launchable: FindLaunchable = lambda wanted, pid, where: (),
        launch: bool = False,
    ) -> None:
        """*aliases*: the user's. *launch*: whether a plain name may mean a model that would have to be launched."""
        self.registry: Registry = accesses.registry
        self.aliases = {name.lower(): target for name, target in (aliases or {}).items()}
        self.launch = launch
        self._accesses, self._local, self._launchable = accesses, local, launchable

    def resolve(self, name: str, provider: str | None = None) -> Resolution:
        """What a name means by all the rules: for those that resolve a part of it, or another name, again."""
        raise NotImplementedError

    def access(self, pid: str) -> Access:
        """How a provider is reached."""
        return self._accesses[pid]

    def access_at(self, server: LocalServer) -> Access:
        """How a server on this machine is reached."""
        return self._accesses.at(server)

    def local_servers(self) -> Sequence[LocalServer]:
        """The servers that run here."""
        return self._local()

    def variant(self, *, aliases: Mapping[str, str] | None, launch: bool) -> Self:
        """The same with other aliases, perhaps with models to launch."""
        return type(self)(
            self._accesses, aliases=aliases, local=self._local, launchable=self._launchable, launch=launch
        )

    def offers_of(self, canonical: str, *, local: bool = True) -> list[Offer]:
        """Every offer of a canonical model: its maker's, the registry's in its order, then servers on this machine."""
        offers = [
            offer_by(self._accesses[provider.id], canonical, internal)
            for provider, internal in self.registry.offers_of(canonical)
            if provider.local is None
        ]
        offers += self.listed_live(canonical=canonical)
        return offers + (self.running(canonical=canonical) if local else [])

    def listed_live(self, *, canonical: str = "", internal: str = "") -> list[Offer]:
        """What providers with a key list themselves of a canonical model, or under a name, and the registry does not.

        Nothing, where their lists do not count.
        """
        if (live := self._accesses.live) is None:
            return []
        return [
            offer
            for provider in self.reached()
            for offer in self.offers_by(provider, live.called(self._accesses[provider.id], canonical, internal))
        ]

    def reachable(self, canonical_names: Iterable[str]) -> list[Offer]:
        """The offers of these models at providers that can be reached: no look at local ports."""
        reached = self.reached()
        return [
            offer_by(self._accesses[provider.id], canonical, internal)
            for canonical in canonical_names
            for provider in self.registry.makers_first(canonical, reached)
            for internal in provider.internal_names(canonical)
        ]

    def reached(self) -> list[Provider]:
        """The providers with models to talk to that there is a key for, none of which is on this machine."""
        rows = self.registry.providers.values()
        elsewhere = [row for row in rows if row.local is None and "no_chat" not in row.connection]
        return [row for row in elsewhere if not self._accesses[row.id].reason]

    def offers_by(self, provider: Provider, names: Iterable[tuple[str | None, str]]) -> list[Offer]:
        """The offers of a provider under (canonical name, its own name)."""
        access = self._accesses[provider.id]
        return [offer_by(access, canonical, internal) for canonical, internal in names]

    def running(self, *, canonical: str | None = None, internal: str | None = None) -> list[Offer]:
        """What servers here offer of a canonical model, or under a name of their own."""
        wanted = (internal, f"{internal}:latest") if internal is not None else ()
        return [
            offer
            for server in self._local()
            for offer in self.server_offers(
                server,
                [m for m, c in server.models.items() if (canonical is not None and c == canonical) or m in wanted],
            )
        ]

    def passed_to_servers(self, name: str) -> list[Offer]:
        """An offer of each server here, whether it lists that name or not; of who a locked one is, nobody knows."""
        return [offer_by(self._accesses.at(server), None, name) for server in self._local() if not server.locked]

    def server_offers_of_all(self) -> list[Offer]:
        """The offers of all servers that run here, of models to talk to."""
        return [offer for server in self._local() for offer in self.talking(server)]

    def talking(self, server: LocalServer) -> list[Offer]:
        """The offers of a server here, of its models to talk to."""
        return self.server_offers(server, filter(server.talks, server.models))

    def server_offers(
        self, server: LocalServer, models: Iterable[str] | None = None, *, named: bool = False
    ) -> list[Offer]:
        """The offers of a server here: of all its models, or of these."""
        access = self._accesses.at(server)
        wanted = server.models if models is None else models
        return [offer_by(access, server.models[model], model, named=named) for model in wanted]

    def offers_at(self, pid: str, canonical: str | None, internal_names: Iterable[str]) -> list[Offer]:
        """Offers of one provider that the user named: at the running servers' addresses where it is local.

        A model that it could be launched with stands before those.
        """
        names = list(internal_names)
        accesses = []
        if self.registry.providers[pid].local is not None:
            if launched := [offer for name in names for offer in self.launched(name, pid)]:
                return launched
            accesses = [self._accesses.at(server) for server in self.servers_of(pid)]
        return [
            offer_by(access, canonical, internal, named=True)
            for access in accesses or [self._accesses[pid]]
            for internal in names
        ]

    def offer_as_written(self, provider: Provider, name: str) -> Offer:
        """A provider's offer under a name that it does not list, and that nobody said was to be asked of it."""
        return offer_by(self._accesses[provider.id], self.registry.names.canonical_name(name), name)

    def own_name(self, pid: str, name: str) -> tuple[str | None, list[Offer]]:
        """A provider's offer under a name that is passed on as it is, and the canonical name that it may have."""
        canonical = self.registry.providers[pid].canonical_of(name) or self.registry.names.canonical_name(name)
        return canonical, self.offers_at(pid, canonical, [name])

    def wanted(self, name: str, canonical: str, *, packing: bool = True, named: bool = False) -> Wanted:
        """What tells those names of a model that are all that *name* says: its snapshot, its region, `:free`.

        *named*: a provider is, so a snapshot that nobody lists is for it to judge.
        """
        from inference_providers.registry import Wanted, snapshot

        def known() -> set[str]:
            listed = {snapshot(internal) for _, internal in self.registry.offers_of(canonical)} - {""}
            return listed or ({"none"} if named else listed)

        return Wanted(name, known, packing=packing, tier=named)

    def exactly(self, name: str, offers: Sequence[Offer]) -> list[Offer]:
        """These offers; of each provider's those first that are called just so, the head aside.

        Of several, the very name, then one that no newer list lacks, then the cheapest: `TEE/glm-5` is dearer than
        `zai-org/glm-5`. A name that an alias makes of another (`gpt-3.5-turbo` for `gpt-3.5`) is that one, too.
        """
        key = name.lower()
        called = {key.rpartition("/")[2], *(alias for alias, target in self.registry.aliases.items() if target == key)}
        places: dict[str, list[int]] = {}
        for place, offer in enumerate(offers):
            places.setdefault(offer.provider, []).append(place)
        moved = list(offers)
        for own in places.values():
            if len(own) > 1:
                exact = [offers[at] for at in own if offers[at].internal_name.rpartition("/")[2].lower() in called]
                if len(exact) > 1 and exact[0]._access.reason:  # nobody is asked there: what it costs need not be read
                    exact.sort(key=lambda offer: offer.internal_name != name)
                elif len(exact) > 1:
                    exact.sort(key=lambda offer: (offer.internal_name != name, offer.doubtful, _price(offer)))
                kept = {id(offer) for offer in exact}
                rest = [offers[at] for at in own if id(offers[at]) not in kept]
                for at, offer in zip(own, exact + rest, strict=True):
                    moved[at] = offer
        return moved

    def launched(self, wanted: str, pid: str | None = None, where: str = FOUND) -> list[Offer]:
        """Offers of models that can be launched here, and are called so or lie there."""
        servers = self._launchable(wanted, pid, where)
        return [offer for server in servers for offer in self.server_offers(server, named=bool(pid))]

    def served(self, pid: str, name: str, whole: str) -> tuple[str | None, list[Offer]] | None:
        """What a provider that the user named lists under *name*, or serves of the model *name*.

        Its canonical name and the offers. None where it has nothing of the kind. *whole*: what the user wrote, as
        far as it may be a name itself; see `_serves`.
        """
        provider = self.registry.providers[pid]
        if provider.local is not None and (here := self._served_here(pid, name)):
            return here
        if provider.connection.get("deployments"):  # whoever has the account calls models what they like
            return self.own_name(pid, name) if name in provider.all_facts else None
        if listed := self._listed(provider, name):
            return listed
        if routed := self._routed(provider, name):
            return self.own_name(pid, routed)
        return None if self.suffixed(provider, name) else self._serves(provider, name, whole)

    def _served_here(self, pid: str, name: str) -> tuple[str | None, list[Offer]] | None:
        """On this machine: a model of the user's lists, else what a running server lists, else a file to launch."""
        if named := self.launched(name, pid, NAMED):
            return named[0].canonical_name, named
        for server in self.servers_of(pid):
            if listed := self._closest(server, name):
                return server.models[listed[0]], self.server_offers(server, listed, named=True)
        launched = self.launched(name, pid)
        return (launched[0].canonical_name, launched) if launched else None

    def servers_of(self, pid: str) -> list[LocalServer]:
        """An engine's servers that run here, those apart that this package launched.

        Else what runs where the user says that it is, whatever it seems to be: some say nothing of themselves.
        """
        running = [server for server in self._local() if not server.launched]
        own = [server for server in running if server.provider == pid]
        place = "" if own else self._accesses.own_address(pid)
        return own or [server.as_of(pid) for server in running if server.endpoint == place]

    def _listed(self, provider: Provider, name: str) -> tuple[str | None, list[Offer]] | None:
        """By a name of the provider's own, in any case of letters."""
        wanted = name.lower()
        for names in (provider.all_facts, provider.model_names.values()):
            listed = [name] if name in names else [one for one in names if one.lower() == wanted]
            if listed:
                canonical = provider.canonical_of(listed[0])
                return canonical, self.offers_at(provider.id, canonical, listed)
        live = self._accesses.live
        for canonical, internal in () if live is None else live.called(self._accesses[provider.id], internal=name):
            return canonical, self.offers_at(provider.id, canonical, [internal])
        return None

    def _routed(self, provider: Provider, name: str) -> str | None:
        """`openai/gpt-oss-120b:groq` for `groq/openai/gpt-oss-120b`, where the provider's own suffix says so."""
        head, _, rest = name.partition("/")
        own = rest and f":{head.lower()}" in (provider.connection.get("suffixes") or ())
        listed = self._listed(provider, rest) if own else None
        return f"{listed[1][0].internal_name}:{head.lower()}" if listed else None

    def suffixed(self, provider: Provider, name: str) -> str | None:
        """A provider's own name for a model, with the suffixes of its own that *name* has.

        None where it has none, or where the provider neither lists the model nor any other under the same head.
        """
        from inference_providers.registry import without_suffix

        suffixes = provider.connection.get("suffixes") or ()
        base = name
        while shorter := without_suffix(base, suffixes):
            base = shorter
            found = self._listed(provider, base)
            if found is None and "/" not in base:
                found = self._serves(provider, base, base)
            if found is not None:
                return found[1][0].internal_name + name[len(base) :]
        head, slash, _ = base.lower().partition("/")
        names = (*provider.model_names.values(), *provider.more_names) if base != name and slash else ()
        return name if any(one.lower().startswith(head + slash) for one in names) else None

    def _serves(self, provider: Provider, name: str, whole: str) -> tuple[str | None, list[Offer]] | None:
        """By the model's name: canonical, or by its spelling.

        Where *whole* is an internal name elsewhere (`openai/gpt-oss-120b:free`), the spelling does not count.
        """
        canonical = self.registry.canonical(name)
        if canonical is None and whole.lower() not in self.registry.internal_index:
            canonical = self.registry.names.canonical_name(name)
        internal = provider.internal_names(canonical) if canonical else []
        if canonical is not None and name.lower() != canonical:
            internal = [*filter(self.wanted(name, canonical, named=True).kept_by, internal)]
        if canonical is None or not internal:
            return None
        return canonical, self.exactly(name, self.offers_at(provider.id, canonical, internal))

    def _closest(self, server: LocalServer, wanted: str) -> list[str]:
        """What a server lists under a name.

        That is the very name, else the one that it stands for there, else those of the model.
        """
        for one in (wanted, f"{wanted}:latest"):
            found = [model for model in server.models if model == one] or [
                model for model in server.models if model.lower() == one.lower()
            ]
            if found:
                return found[:1]
        canonical = (wanted.lower(), self.registry.canonical(wanted), self.registry.names.canonical_name(wanted))
        return [
            model
            for model, means in server.models.items()
            if means is not None and means in canonical and self.wanted(wanted, means).kept_by(model)
        ]


def _price(offer: Offer) -> float:
    """What three tokens in and one out cost; endless where that is not known."""
    if offer.input_price is None or offer.output_price is None:
        return float("inf")
    return offer.input_price * 3 + offer.output_price


def wire_name(offer: Offer) -> str:
    """What an offer's model is called in a request: its name, with what stands before that there (`google/`)."""
    for head, names in (offer.connection.get("heads") or {}).items():
        import re

        if re.search(names, offer.internal_name):
            return f"{head}{offer.internal_name}"
    return offer.internal_name
