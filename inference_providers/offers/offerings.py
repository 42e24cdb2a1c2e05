"""What is offered: a model at its providers, at the servers here, and at those that could be launched. Pure."""

from __future__ import annotations

from inference_providers.offers.access import Access, Accesses
from inference_providers.offers.offer import Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inference_providers.offers.local_server import LocalServer
    from inference_providers.registry import Registry

    Launchable = Callable[[str, str | None, str], Sequence[LocalServer]]

# Where to look for models that can be launched: what the program gave; also the user's lists; also a path
# and servers that were launched; also files that other programs keep.
GIVEN, NAMED, HERE, FOUND = "given", "named", "here", "found"

_FREE = (":free", "-free")  # how providers mark the variant that costs nothing


class Offerings:
    """Offers of one registry, with one set of accesses and the servers that run here."""

    def __init__(self, accesses: Accesses, local: Callable[[], Sequence[LocalServer]], launchable: Launchable) -> None:
        self.registry: Registry = accesses.registry
        self._accesses = accesses
        self._local, self._launchable = local, launchable

    def offers_of(self, canonical: str, *, local: bool = True) -> list[Offer]:
        """Every offer of a canonical model: the registry's in its order, then servers on this machine."""
        offers = [
            Offer(self._accesses[p.id], canonical, internal)
            for p, internal in self.registry.offers_of(canonical)
            if p.local is None
        ]
        return offers + (self._running(canonical=canonical) if local else [])

    def _running(self, *, canonical: str | None = None, internal: str | None = None) -> list[Offer]:
        wanted = (internal, f"{internal}:latest") if internal is not None else ()
        return [
            offer
            for server in self._local()
            for offer in self._server_offers(
                server,
                [m for m, c in server.models.items() if (canonical is not None and c == canonical) or m in wanted],
            )
        ]

    def _server_offers(self, server: LocalServer, models: Iterable[str], *, named: bool = False) -> list[Offer]:
        access = self._accesses.at(server)
        return [Offer(access, server.models[model], model, named=named) for model in models]

    def _offers_at(self, pid: str, canonical: str | None, internal_names: Iterable[str]) -> list[Offer]:
        """Offers of one provider that the user named: at the running servers' addresses where it is local.

        A model that it could be launched with stands before those.
        """
        names = list(internal_names)
        local = self.registry.providers[pid].local is not None
        launched = [offer for name in names for offer in self.launched(name, pid)] if local else []
        if launched:
            return launched
        accesses: list[Access] = [
            self._accesses.at(server) for server in self._local() if server.provider == pid and not server.launched
        ]
        return [
            Offer(access, canonical, internal, named=True)
            for access in accesses or [self._accesses[pid]]
            for internal in names
        ]

    def _own_name(self, pid: str, rest: str) -> tuple[str | None, list[Offer]]:
        canonical = self.registry.providers[pid].canonical_of(rest) or self.registry.names.canonical_name(rest)
        return canonical, self._offers_at(pid, canonical, [rest])

    def launched(self, wanted: str, pid: str | None = None, where: str = FOUND) -> list[Offer]:
        """Offers of models that can be launched here, and are called so or lie there."""
        servers = self._launchable(wanted, pid, where)
        return [offer for server in servers for offer in self._server_offers(server, server.models, named=bool(pid))]

    def _served(self, pid: str, rest: str, head: str = "") -> tuple[str | None, list[Offer]] | None:
        """What provider *pid* lists under *rest*, or serves of the canonical model *rest*.

        Where `head + rest` is an internal name elsewhere (`openai/gpt-oss-120b:free`), only an exact
        canonical name counts here.
        """
        provider = self.registry.providers[pid]
        named = self.launched(rest, pid, NAMED) if provider.local is not None else []
        if named:
            return named[0].canonical_name, named
        for server in self._local():
            listed = self._closest(server, rest) if server.provider == pid and not server.launched else []
            if listed:
                return server.models[listed[0]], self._server_offers(server, listed, named=True)
        launched = self.launched(rest, pid) if provider.local is not None else []
        if launched:
            return launched[0].canonical_name, launched
        wanted = rest.lower()
        if provider.connection.get("deployments"):  # whoever has the account calls models what they like
            return self._own_name(pid, rest) if rest in provider.all_facts else None
        listed = [i for i in provider.all_facts if i.lower() == wanted] or [
            i for i in (provider.data.get("model_names") or {}).values() if i.lower() == wanted
        ]
        if listed:
            return provider.canonical_of(listed[0]), self._offers_at(pid, provider.canonical_of(listed[0]), listed)
        canonical = self._canonical_of(rest)
        if canonical is None and f"{head}{rest}".lower() not in self.registry.internal_index:
            canonical = self.registry.names.canonical_name(rest)
        internal = provider.internal_names(canonical) if canonical else []
        if wanted.endswith(_FREE):  # never the one that costs
            internal = [one for one in internal if one.lower().endswith(_FREE)]
        return (canonical, self._offers_at(pid, canonical, internal)) if internal else None

    def _canonical_of(self, name: str) -> str | None:
        from inference_providers.registry import loose

        return self.registry.loose_index.get(loose(name))

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
        canonical = (wanted.lower(), self._canonical_of(wanted), self.registry.names.canonical_name(wanted))
        return [model for model, means in server.models.items() if means is not None and means in canonical]
