"""What providers say themselves that they have, for `ProviderList(live=True)`: it corrects the registry.

No call waits for it. A list that was asked for in the last day counts from the first look-up on; who is not in the
file is asked in the background, and what comes of it applies to later calls. A provider whose list cannot be had
changes nothing.
"""

from __future__ import annotations

import os
import time

from inference_providers.calls.live_store import DAY, LiveStore, list_of
from inference_providers.credentials import Secretive
from inference_providers.offers import LACKING, is_offline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_providers.calls.finder import Finder
    from inference_providers.offers import Access, Accesses, LiveList, Offer
    from inference_providers.transport import Sender

    Place = tuple[str, str]  # an endpoint, and what stands for a key

_AGAIN = 600.0  # seconds after which somebody is asked again whose list could not be had
_NOBODYS = 60.0  # seconds for which it counts that a place is none of those that are asked


class LiveLists(Secretive):
    """The lists of the providers that a finder's keys reach."""

    def __init__(
        self,
        finder: Finder,
        sender: Callable[[], Sender],
        changed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """*changed* is called with each list that has come, once it counts. *clock*: seconds since 1970."""
        self._finder, self._sender, self._changed, self._clock = finder, sender, changed, clock
        self._store: LiveStore | None = None
        # What is known of a place, and until when that counts. Threads only ever exchange single entries.
        self._known: dict[Place, tuple[LiveList | None, float]] = {}
        self._asking: dict[int, object] = {}  # by process: a fork has its parent's memory, and not its threads

    def __repr__(self) -> str:
        return f"<LiveLists of {sum(one is not None for one, _ in self._known.values())} providers>"

    def of(self, access: Access) -> LiveList | None:
        """The list of whoever is reached so, if it is known; else it is asked for in the background."""
        if access.allowed is None or access.key_mark is None or access.provider.local is not None:
            return None
        place, now = (access.endpoint, access.key_mark), self._clock()
        known = self._known.get(place)
        if known is None or known[1] <= now:
            self._look(now, access.allowed)
            known = self._known.setdefault(place, (None, now + _NOBODYS))
        return known[0] if known[1] > now else None

    def lacking(self, access: Access, name: str) -> str:
        """Why there is no model of that name, by the provider's own list; empty where that tells nothing."""
        found = self.of(access)
        return f"{LACKING}{found.day} lacks it" if found is not None and found.lacks(name) else ""

    def has(self, access: Access, name: str) -> bool:
        """Whether the provider's own list has a model of that name."""
        found = self.of(access)
        return found is not None and found.has(name)

    def called(self, access: Access, canonical: str = "", internal: str = "") -> list[tuple[str | None, str]]:
        """Models that a provider's list has and the registry has not: see `LiveList.called`."""
        found = self.of(access)
        return [] if found is None else found.called(self._finder.registry, canonical, internal)

    def _look(self, now: float, accesses: Accesses) -> None:
        """Take what the file has of those whose lists are not known, and have the others asked.

        Nobody whom a call avoids: *accesses* are those of the call that looks something up.
        """
        process, mine = os.getpid(), object()
        if is_offline(self._finder.environ) or self._asking.setdefault(process, mine) is not mine:
            return
        asking = False
        try:
            due = {place: offer for place, offer in self._wanted(accesses).items() if self._is_due(place, now)}
            due = self._from_file(due, now) if due else due
            if due:
                asking = self._start(process, due)
        finally:
            if not asking:
                self._asking.pop(process, None)

    def _is_due(self, place: Place, now: float) -> bool:
        known = self._known.get(place)
        return known is None or known[1] <= now

    def _wanted(self, accesses: Accesses) -> dict[Place, Offer]:
        """Whom the list's keys reach, each as an offer of no model: not by a general-purpose token that is not allowed.

        Nor whose models have names of the account's own.
        """
        finder, found = self._finder, {}
        for provider in finder.resolver.reached():
            access = finder.accesses[provider.id]
            passed_over = access.opt_in or provider.connection.get("deployments")
            if accesses.avoids(provider) or passed_over:
                continue
            if access.variable is not None and access.key_mark is not None:
                (nameless,) = finder.resolver.offers_by(provider, [(None, "models")])
                found[access.endpoint, access.key_mark] = nameless
        return found

    def _from_file(self, due: dict[Place, Offer], now: float) -> dict[Place, Offer]:
        """Those of *due* of whom the file has no list that counts."""
        store = self._store = self._store or LiveStore(self._finder.environ)
        rows, left = store.read(now), {}
        for place, offer in due.items():
            row = rows.get(store.digest(*place)) if rows else None
            if row is None or row["provider"] != offer.provider:
                left[place] = offer
            else:
                self._put(place, list_of(row, offer.row()))
        return left

    def _put(self, place: Place, found: LiveList) -> None:
        self._known[place] = (found, found.asked + DAY)
        # New ones: what is being looked up now is not kept for later calls.
        self._finder._found, self._finder._best = {}, {}
        self._changed()

    def _start(self, process: int, due: dict[Place, Offer]) -> bool:
        """Ask in a thread that nobody waits for, not even the end of the program. Whether there is one."""
        from threading import Thread

        from inference_providers.calls import live_asking

        sender, places = self._sender(), list(due)

        def ask(place: Place, limit: float) -> LiveList | None:
            offer = due[place]
            try:
                found = live_asking.model_list(sender, offer, limit).models(offer, self._clock())
            except Exception:  # noqa: BLE001  (no reply may be able to print a traceback into a program)
                return None
            if found is not None:
                self._put(place, found)
            return found

        def work() -> None:
            try:
                lists = live_asking.at_once(ask, places, live_asking.LIMIT)
                found = {place: one for place, one in zip(places, lists, strict=True) if one is not None}
                for place in places:
                    if place not in found:
                        self._known[place] = (None, self._clock() + _AGAIN)
                self._keep(due, found)
            except RuntimeError:
                return  # the interpreter is ending, and starts no more threads
            finally:
                self._asking.pop(process, None)

        try:
            Thread(target=work, daemon=True, name="inference_providers lists").start()
        except RuntimeError:  # no more threads can be had now
            return False
        return True

    def _keep(self, due: dict[Place, Offer], found: dict[Place, LiveList]) -> None:
        assert self._store is not None
        digests = {self._store.digest(*place): place for place in found}
        made = {digest: found[place] for digest, place in digests.items()}
        owners = {digest: due[place].provider for digest, place in digests.items()}
        self._store.keep(made, owners, self._clock())
