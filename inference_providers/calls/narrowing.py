"""A pipeline under a call's own terms: whom it avoids, whom alone it wants, its own key and its own address.

Only who is found differs: health, connections, listeners and stages are those of the pipeline that it is made of.

A key by hand goes to one provider. So the names of the models must mean one; where they mean several, nobody has it.
"""

from __future__ import annotations

from functools import cached_property

from inference_providers import credentials
from inference_providers.calls.finder import Finder
from inference_providers.calls.pipeline import Pipeline
from inference_providers.errors import NoCredentialsError, UnknownModelError
from inference_providers.offers import (
    AUTO,
    BY_HAND,
    REMOTE,
    Accesses,
    Offer,
    Resolution,
    Resolver,
    Selection,
    is_automatic,
    offer_by,
    order,
)
from inference_providers.registry import Provider, bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from inference_providers.servers import Launchables

    Base = Pipeline
else:
    Base = object

_KEPT = 64  # pipelines of which each list keeps the finders, for calls on the same terms
_OF_ONE_FINDER = frozenset(("accesses", "resolver", "guidance", "_launchables", "_lookout"))
_KEYLESS = ("", "none", "null", "empty", "no-key", credentials.DUMMY_KEY)  # what people write for a server without one


def narrowed(
    broad: Base, avoid: Any = None, only: Any = None, api_key: str | None = None, api_base: str | None = None
) -> Base:
    """*broad* under a call's own terms; itself where there are none.

    Raises what is wrong with them: TypeError, ValueError, NoCredentialsError.
    """
    if avoid is None and only is None and api_key is None and api_base is None:
        return broad
    stand_in = broad.stand_in
    avoid, only = _once(avoid), _once(only)
    endpoint = None if api_base is None else _endpoint(api_base)
    key = None if api_key is None else _key(api_key, keyless=endpoint is not None, checked=stand_in is None)
    if stand_in is not None:
        if stand_in.is_isolated:  # it answers for every server and every key
            key = endpoint = None
        if key is not None and key not in broad.keys_by_hand:
            broad.keys_by_hand.append(key)
    finder = broad.finder
    own = finder.accesses.selection or Selection(finder.registry)
    selection = own.and_also("this call's", avoid, only)
    if key is None:  # with one, a call stands for itself: whose it is is settled by the names that this call gives
        terms = (avoid, only, endpoint)
        if (known := broad.narrowed.get(terms)) is not None:
            return known
        if len(broad.narrowed) >= _KEPT:
            broad.narrowed.clear()
        # Another thread may clear them meanwhile, or make the same.
        return broad.narrowed.setdefault(terms, _Narrowed(broad, _finder(finder, selection, None, endpoint)))
    return _Narrowed(broad, _finder(finder, selection, key, endpoint))


def _once(given: Any) -> Any:
    """Names that can be read more than once, and looked up; anything else as it is, for the check to refuse."""
    return tuple(given) if hasattr(given, "__iter__") and not isinstance(given, str | bytes | dict) else given


def _finder(broad: Finder, selection: Selection, key: str | None, endpoint: str | None) -> NarrowFinder:
    if endpoint is not None:
        return AddressFinder(broad, selection, key, endpoint)
    if key is not None:
        return KeyFinder(broad, selection, key)
    return NarrowFinder(broad, broad.accesses.within(selection))


def _endpoint(given: Any) -> str:
    """An `api_base`, checked. Raises TypeError and ValueError, which do not show it: it may be a key."""
    if not isinstance(given, str):
        raise TypeError(f"api_base must be text, not {type(given).__name__}")
    endpoint, problem = credentials.written_address(given)
    if problem:
        raise ValueError("api_base must begin with http:// or https://, without a name, a password or a query in it")
    host = credentials.host_of(endpoint)
    if endpoint.startswith("http://") and not credentials.is_private(host):
        raise ValueError(
            f"api_base: {host} is reached over the public network, where everybody on the way can read along; "
            "use https. Plain http is for this machine and for private networks."
        )
    return endpoint


def _key(given: Any, *, keyless: bool, checked: bool) -> credentials.Secret | None:
    """An `api_key`, checked; None for a word that says that a server wants none. Raises TypeError, NoCredentialsError.

    *checked*: whether a placeholder is refused.
    """
    if not isinstance(given, str):
        raise TypeError(f"api_key must be text, not {type(given).__name__}")
    key = given.strip()
    if keyless and key.lower() in _KEYLESS:
        return None
    if checked and (problem := credentials.refusal(key)):
        hint = " Leave it out if the server wants none." if keyless else ""
        raise NoCredentialsError(f"{BY_HAND.capitalize()} {problem}.{hint}")
    return credentials.Secret(key)


class NarrowFinder(Finder):
    """A finder over fewer: with other accesses, and all else as *broad* has it."""

    def __init__(self, broad: Finder, accesses: Accesses) -> None:
        self.__dict__.update({name: value for name, value in broad.__dict__.items() if name not in _OF_ONE_FINDER})
        self._broad, self.accesses = broad, accesses
        self._found, self._best, self.holder = {}, {}, None
        self.resolver = Resolver(
            accesses,
            aliases=self._aliases,
            local=self.local_servers,
            launchable=self._launchable,
            launch=broad.resolver.launch,
        )

    @cached_property
    def _launchables(self) -> Launchables:
        return self._broad._launchables  # whose servers the list releases

    def tell(self, message: str) -> None:
        """Say what is tried, where that was asked for."""
        self._broad.tell(message)


class KeyFinder(NarrowFinder):
    """Under a key of the caller's. Once its owner is settled, it stays so: the key goes to nobody else."""

    def __init__(self, broad: Finder, selection: Selection, key: str) -> None:
        super().__init__(broad, broad.accesses.within(selection))
        self.accesses.live = None  # lists are those of other keys
        self._key, self._selection, self._told = credentials.Credential(key, None), selection, {}
        self._settled: dict[str, str] = {}  # "owner" -> the key's, once that is known
        self._finder: Finder | None = None

    def own_candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The candidates for a name at the key's owner. Raises UnknownModelError where the name means several."""
        return self._owner([name], provider).own_candidates(name, provider=provider)

    def first_available(self, names: Sequence[str]) -> list[Offer]:
        """The candidates for several names at the key's owner. Raises UnknownModelError where they mean several."""
        names = [names] if isinstance(names, str) else list(names or ())
        return self._owner(names, None).first_available(names)

    def known_candidates(self, names: Sequence[str]) -> list[Offer] | None:
        """Nothing is known before the owner is."""
        return None

    def keyed(self, name: str = AUTO) -> list[Offer]:
        """The automatic choice at the key's owner."""
        return self._owner([name], None).keyed(name)

    def told(self, name: str = AUTO, *, strict: bool = True) -> list[Offer]:
        """The automatic choice of what the key's owner says that it has."""
        return self._owner([name], None).told(name, strict=strict)

    def on_this_machine(self) -> list[Offer]:
        """The automatic choice on this machine, where the key is a server's here."""
        return self._owner([AUTO], None).on_this_machine()

    def _owner(self, names: Sequence[str], spelling: str | None) -> Finder:
        """The finder of the one provider that all of these names mean."""
        meant: dict[str, None] = {}
        for name in names:
            meant |= dict.fromkeys(self._meant(name, spelling))
        if len(meant) != 1:
            raise _whose_key(names, list(meant))
        (pid,) = meant
        if not (row := self.registry.providers[pid]).key_variables:
            raise UnknownModelError(f"{pid} {row.disabled or 'takes no key; leave api_key out'}.")
        settled = self._settled.setdefault("owner", pid)  # in one step, for many threads
        if pid != settled:
            raise UnknownModelError(f"{BY_HAND.capitalize()} is {settled}'s since the first call; {pid} never gets it.")
        if self._finder is None:
            alone = self._selection.and_also("this call's api_key:", None, [pid])
            self._finder = NarrowFinder(self, self._broad.accesses.with_key(row, self._key.key, alone))
        return self._finder

    def _meant(self, name: str, spelling: str | None) -> list[str]:
        if spelling is None and isinstance(name, str) and is_automatic(name):
            return [pid for pid, row in self.registry.providers.items() if not self.accesses.avoids(row)]
        resolution = self.resolver.resolve(name, spelling)
        meant = [offer.provider for offer in resolution.offers if not self.accesses.avoids(offer.row())]
        if not meant:
            raise self.guidance.no_candidates(resolution)
        return meant


def _whose_key(names: Sequence[str], meant: Sequence[str]) -> UnknownModelError:
    several = f"{', '.join(meant[:5])}{', ...' if len(meant) > 5 else ''}"
    shown = " or ".join(repr(name) for name in names[:3])
    plain = next((name for name in names if not is_automatic(name)), "MODEL")
    how = f"write {meant[0] if meant else 'PROVIDER'}/{plain}, or give its address as api_base"
    return UnknownModelError(
        f"Whose key is it? {shown} may mean {several or 'nobody'}, and a key goes to its owner only: {how}."
    )


class AddressFinder(NarrowFinder):
    """Under an address of the caller's: nobody else is asked. The names are the server's own."""

    def __init__(self, broad: Finder, selection: Selection, key: str | None, endpoint: str) -> None:
        provider = _provider_at(endpoint, broad.accesses)
        self._provider = provider if provider is not None else _remote(endpoint)
        super().__init__(broad, broad.accesses.with_address(self._provider, endpoint, key, selection))
        self._told = {}

    def own_candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The model at that address, under this name. Raises NoCredentialsError, and UnknownModelError for `auto`."""
        if is_automatic(name):
            return self.keyed(name.strip().lower()) or self.told(name.strip().lower())
        canonical, offers = self._offers(name.strip())
        resolution = Resolution(name, "address", canonical, offers)
        found = [] if self.accesses.avoids(self._provider) else order(offers)
        if not found:
            raise self.guidance.no_candidates(resolution)
        self._say_notices(found)
        return found

    def keyed(self, name: str = AUTO) -> list[Offer]:
        """The automatic choice there, where it is a provider's whose models are known."""
        if self.accesses.avoids(self._provider):
            return self.own_candidates(f"{self._provider.id}/{AUTO}")  # raises what is to be said
        if self._provider.id not in self.registry.providers or self._provider.local is not None:
            raise UnknownModelError("api_base is the address of one server; give the name that it has for the model.")
        return [offer for offer in super().keyed(name) if offer.provider == self._provider.id]

    def _unknown(self, name: str) -> list[Provider]:
        return [row for row in super()._unknown(name) if row.id == self._provider.id]

    def on_this_machine(self) -> list[Offer]:
        """Nobody: the address is the caller's."""
        return []

    def reread_environment(self) -> bool:
        return False

    def default_models(self, *variable: str) -> None:
        """None: the user's default is not for this address."""

    def _offers(self, name: str) -> tuple[str | None, list[Offer]]:
        pid, access = self._provider.id, self.accesses[self._provider.id]
        head, _, rest = name.partition("/")
        if rest and pid != REMOTE and self.registry.provider_id(head) == pid and name not in self._provider.all_facts:
            name = rest
        if pid in self.registry.providers and self._provider.local is None:
            return self.resolver.served(pid, name, name) or self.resolver.own_name(pid, name)
        canonical = self.registry.names.canonical_name(name)
        return canonical, [offer_by(access, canonical, name, named=True)]


def _provider_at(endpoint: str, accesses: Accesses) -> Provider | None:
    """The provider whose origin an address has: with the very address, else one that is avoided, else any."""
    origin = credentials.origin_of(endpoint)
    found = [row for pid, row in accesses.registry.providers.items() if origin == _origin(accesses, pid)]
    found.sort(key=lambda row: (accesses[row.id].endpoint.rstrip("/") != endpoint, not accesses.avoids(row)))
    return found[0] if found else None


def _origin(accesses: Accesses, pid: str) -> tuple[str, str, int] | None:
    return credentials.origin_of(accesses[pid].endpoint) if accesses[pid].endpoint else None


def _remote(endpoint: str) -> Provider:
    """The row of an address that belongs to nobody known: what it takes is not known, so it gets all parameters."""
    takes = {"accepts": list(bundled().parameters.get("extras") or ())}
    connection: dict[str, Any] = {"protocol": "openai", "endpoint": endpoint, "api_key": [], "parameters": takes}
    host = credentials.host_of(endpoint)
    if credentials.is_loopback(host):
        connection["local"] = True
    return Provider(REMOTE, {"name": f"The server at {host}", "connection": connection})


class _Narrowed(Base):
    """A pipeline over another finder; whatever else is asked of it is the broad one's, as that has it now."""

    def __init__(self, broad: Base, finder: NarrowFinder) -> None:
        self._broad, self.finder, self.who_could = broad, finder, finder.who_could
        finder.present = self._present
        self.narrowed: dict[tuple[object, ...], Base] = {}
        if type(finder) is NarrowFinder and broad.finder.holder is not None:
            # What the list's own methods decide, they decide by this pipeline.
            finder.holder = object.__new__(type(broad.finder.holder))
            finder.holder.__dict__.update(broad.finder.holder.__dict__, pipeline=self)

    def __repr__(self) -> str:
        return f"<narrowed {self._broad!r}>"

    def _present(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        return self.health.present(offers)

    if not TYPE_CHECKING:
        # What asks is made as for the broad one, but of this finder.
        caller, async_caller, asker, async_asker = (
            Pipeline.caller,
            Pipeline.async_caller,
            Pipeline.asker,
            Pipeline.async_asker,
        )

        def __getattr__(self, name: str) -> Any:
            return getattr(self._broad, name)
