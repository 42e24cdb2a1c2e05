"""The cache as a stage of the pipeline: it answers what was asked before, and keeps what comes.

Equal calls that are made at the same time share one request: the first asks, the others wait for its reply.
"""

from __future__ import annotations

import asyncio
import threading
import time

from inference_providers.cache import rules
from inference_providers.cache.entry import Entry
from inference_providers.cache.far_flight import FarFlight
from inference_providers.cache.flight import ALONE, FAILED, Flight
from inference_providers.cache.keys import key_of
from inference_providers.cache.settings import ENTRY
from inference_providers.cache.shared_stream import AsyncReader, AsyncSharedStream, Reader, SharedStream
from inference_providers.calls import AsyncStreamReply, Reply, Stage, StreamReply
from inference_providers.joint_errors import all_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from inference_providers.cache.entry import Store
    from inference_providers.cache.settings import Settings
    from inference_providers.calls import Call

_FAILURES = 1  # of calls that one has waited for, after which it waits for no more


class Asked:
    """What a call asks, as the cache knows it."""

    __slots__ = ("caller", "key", "kind", "settings")

    def __init__(self, kind: str, key: bytes, settings: Settings, caller: str) -> None:
        self.kind, self.key, self.settings, self.caller = kind, key, settings, caller


class _Lead:
    """A call that asks for all equal ones."""

    __slots__ = ("asked", "flight", "place")

    def __init__(self, asked: Asked, flight: Flight, place: tuple[bytes, Any]) -> None:
        self.asked, self.flight, self.place = asked, flight, place


class ResponseCache(Stage):
    """A cache of replies around every call of a pipeline. clock: seconds since the epoch."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.settings, self.store, self._clock = settings, store, clock
        self._flights: dict[tuple[bytes, Any], Flight] = {}
        self._leads: dict[int, _Lead] = {}  # by the number of the call
        self._lock = threading.RLock()  # the garbage collector may end a stream within

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self.store!r}>"

    # Before a call

    def before(self, call: Call) -> Reply | StreamReply | None:
        """A reply that was kept, or that an equal call has got meanwhile; None where this call is to ask."""
        steps = self._steps(call, None)
        try:
            flight = next(steps)
            while True:
                flight.wait(call.left)
                flight = steps.send(None)
        except StopIteration as stop:
            found: Reply | StreamReply | None = stop.value
            return found

    async def before_async(self, call: Call) -> Reply | AsyncStreamReply | None:
        """`before`, for asyncio."""
        steps = self._steps(call, asyncio.get_running_loop())
        try:
            flight = next(steps)
            while True:
                await flight.wait_async(call.left)
                flight = steps.send(None)
        except StopIteration as stop:
            found: Reply | AsyncStreamReply | None = stop.value
            return found

    def _steps(self, call: Call, loop: Any) -> Generator[Flight, None, Any]:
        """The reply to the same question, kept or under way; None where this call is to ask.

        Yields calls under way, which are to be waited for. Raises where those did not end in time.
        """
        asked = self._asked(call)
        if asked is None:
            return None
        failures = 0
        place = (asked.key, loop or "threads")  # who waits in one world must not keep the other from going on
        while True:
            reply = self._kept(asked, call)
            if reply is not None:
                return reply
            flight = self._under_way(asked, call, place)
            if flight is None:
                return (yield from self._among_processes(asked, call))
            yield flight
            outcome = flight.outcome
            if outcome is None:
                raise all_failed(
                    "Nothing was sent: an equal request, which was under way, had no reply in time. "
                    "Give a larger timeout, or cache=False to ask apart from it.",
                    [],
                )
            if isinstance(outcome, Entry):
                return self._reply(asked, outcome, call)
            if outcome is ALONE or (outcome is FAILED and failures >= _FAILURES):
                return None
            if outcome is FAILED:
                failures += 1
            elif (stream := self._joined(outcome, call, loop)) is not None:
                return stream
            elif self._flights.get(place) is flight:  # still open, and too late to read it from its beginning
                return None

    def _asked(self, call: Call) -> Asked | None:
        """What a call asks; None for one that the cache has nothing to do with."""
        request = call.request
        if request.cache is False or not call.offers or _may_pass(call):
            return None
        settings = self.settings if request.cache in (None, True) else self.settings.for_call(request.cache)
        if not (settings.enabled or request.cache is True):
            return None
        kind = rules.kind_of(request)
        key = key_of(request, call.offers, settings) if kind else None
        return None if key is None else Asked(kind, key, settings, request.caller)

    def _kept(self, asked: Asked, call: Call) -> Reply | None:
        """The reply that is kept for it."""
        now, ttl = self._clock(), asked.settings.ttl
        entry = self.store.get(asked.key, now, float("-inf") if ttl is None else now - ttl)
        if entry is None:
            return None
        reply = self._reply(asked, entry, call)
        if reply is None:
            self.store.discard(asked.key)
        return reply

    def _reply(self, asked: Asked, entry: Entry, call: Call) -> Reply | None:
        """An entry as a reply; None where it is not one, or is of nobody who may answer."""
        offers = (one for one in call.offers if (one.provider, one.internal_name) == (entry.provider, entry.model))
        offer = next(offers, None)
        found = rules.read(entry.kind, entry.content) if entry.kind == asked.kind and offer is not None else None
        if found is None or offer is None:
            return None
        data, chunks = found
        reply = Reply.kept(data, entry.content, offer, chunks)
        reply.forget = lambda: self.store.discard(asked.key)
        return reply

    def _under_way(self, asked: Asked, call: Call, place: tuple[bytes, Any]) -> Flight | None:
        """The equal call that is under way; None where this one goes first."""
        with self._lock:
            flight = self._flights.get(place)
            if flight is None or flight.is_lost:
                flight = self._flights[place] = Flight(call.left)
                self._leads[call.number] = _Lead(asked, flight, place)
                return None
            return flight

    def _among_processes(self, asked: Asked, call: Call) -> Generator[Any, None, Any]:
        """None where this process is to ask; else the reply that another one has got meanwhile."""
        claim = getattr(self.store, "claim", None)
        if claim is None or call.request.streams:
            return None
        while (seconds := claim(asked.key)) and call.left > 0:
            flight = FarFlight(self.store, asked.key, seconds)
            yield flight
            reply = self._kept(asked, call)
            if reply is not None:
                lead = self._leads.pop(call.number, None)
                if lead is not None:
                    self._land(lead, None, None, FAILED)  # whoever waits for this one looks for it as well
                return reply
            if flight.is_over:  # it has failed, or its reply is not to be shared: all that wait ask for themselves
                return None
        return None

    def _joined(self, shared: Any, call: Call, loop: Any) -> StreamReply | AsyncStreamReply | None:
        """The same stream once more; None where it cannot be read from its beginning."""
        until = time.monotonic() + call.left
        reader: Any = (Reader if loop is None else AsyncReader)(shared, until)
        if not reader.joined:
            return None
        reply = (StreamReply if loop is None else AsyncStreamReply)(reader, [])
        reply.cached = True
        return reply

    # After a call

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """Keep the reply, and have those that wait for it go on."""
        lead = self._leads.pop(call.number, None)
        if lead is None:
            return
        entry = None
        try:
            if isinstance(reply, StreamReply) and self._is_shared(reply):
                self._share(lead, reply, SharedStream, Reader)
                return
            entry = self._entry(lead, reply)
            if entry is not None:
                self._keep(lead, entry, reply)
        finally:
            self._land(lead, entry, error)

    async def after_async(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """`after`, for asyncio."""
        lead = self._leads.pop(call.number, None)
        if lead is None:
            return
        entry = None
        try:
            if isinstance(reply, AsyncStreamReply) and self._is_shared(reply):
                self._share(lead, reply, AsyncSharedStream, AsyncReader)
                return
            entry = self._entry(lead, reply)
            if entry is not None and self.store.waits:
                await asyncio.to_thread(self._keep, lead, entry, reply)
            elif entry is not None:
                self._keep(lead, entry, reply)
        finally:
            self._land(lead, entry, error)

    def _entry(self, lead: _Lead, reply: Any) -> Entry | None:
        """What is kept of a reply; None where nothing is."""
        if not isinstance(reply, Reply):
            return None
        kind, content = lead.asked.kind, bytes(reply.content)
        if reply.data is None and kind == rules.EMBEDDINGS:  # a large one, which was not read
            whole = rules.read(kind, content) is not None
        else:
            whole = rules.is_whole(kind, reply.data)
        return self._made(lead.asked, reply.offer, content) if whole else None

    def _made(self, asked: Asked, offer: Any, content: bytes) -> Entry | None:
        if offer.api_key and str(offer.api_key).encode() in content:  # no file of ours holds a key
            return None
        now, ttl = self._clock(), asked.settings.ttl
        expires = None if ttl is None else now + ttl
        return Entry(asked.kind, offer.provider, offer.internal_name, content, now, expires, asked.caller)

    def _keep(self, lead: _Lead, entry: Entry, reply: Any = None) -> None:
        asked = lead.asked
        self.store.put(asked.key, entry, entry.created)
        if reply is not None:
            reply.forget = lambda: self.store.discard(lead.asked.key)

    def _land(self, lead: _Lead, entry: Entry | None, error: BaseException | None, otherwise: Any = ALONE) -> None:
        """Have those go on that wait; nothing where they have what they waited for."""
        if lead.flight.outcome is None:
            self._over(lead)
            lead.flight.land(entry or (FAILED if error is not None else otherwise))

    def _over(self, lead: _Lead) -> None:
        with self._lock:
            if self._flights.get(lead.place) is lead.flight:
                del self._flights[lead.place]
        if (release := getattr(self.store, "release", None)) is not None:
            release(lead.asked.key)

    # Streams

    @staticmethod
    def _is_shared(reply: Any) -> bool:
        """Whether a stream is one of a server's events: one that another stage has given is not kept."""
        is_read = hasattr(reply.opening, "parts") and not reply.cached
        return is_read and "event-stream" in reply.headers.get("content-type", "")

    def _share(self, lead: _Lead, reply: Any, kind: Any, reader: Any) -> None:
        """Have a stream be read by all that ask for it, and kept once it is whole."""

        def ended(parts: list[Any] | None) -> Any:
            entry = None if parts is None else self._streamed(lead, reply.offer, parts)
            if entry is None:
                self._over(lead)
                return None
            if kind is AsyncSharedStream and self.store.waits:
                return self._keep_stream(lead, entry)
            self._keep(lead, entry)
            self._over(lead)
            return None

        shared = kind(reply.opening, ended, ENTRY)
        reply.opening = reader(shared, None)
        if reply.opening.joined:
            lead.flight.land(shared)

    async def _keep_stream(self, lead: _Lead, entry: Entry) -> None:
        try:
            await asyncio.to_thread(self._keep, lead, entry)
        finally:
            self._over(lead)

    def _streamed(self, lead: _Lead, offer: Any, parts: list[Any]) -> Entry | None:
        """What is kept of a whole stream; None where it ended otherwise than well."""
        kind = lead.asked.kind
        content = b"".join(part.raw for part in parts)
        if kind.startswith(rules.CHAT) and not content.rstrip().endswith(b"[DONE]"):
            content += b"data: [DONE]\n\n"
        return self._made(lead.asked, offer, content) if rules.read(kind, content) is not None else None


def _may_pass(call: Call) -> bool:
    """Whether a reply may come in the words of another API: those are passed on as they come, and not read here."""
    native = call.request.native
    return native is not None and any(native.row(offer) is not None for offer in call.offers)
