"""What a gateway counts, for `GET /metrics`: calls, attempts, tokens, cost, times and HTTP replies.

Written by hand rather than with `prometheus_client`, whose parser the tests hold it to. A call adds to a dozen numbers,
and that library takes 1.5 to 2.5 microseconds for each, in its mode for several processes; here all of a call is one
look-up and a dozen additions. That mode also has to be chosen by a variable of the environment before the library is
imported, leaves a file for each process that ever counted, and has no bound for the number of label sets. The format
is a page of text.
"""

from __future__ import annotations

import os
import threading
import weakref
from bisect import bisect_left
from collections import deque

from inference_providers.calls import AttemptFinished, CallStarted, FirstContent, StreamFinished
from inference_providers.gateway import exposition
from inference_providers.gateway.callers import ADMIN_ID
from inference_providers.gateway.metering import asking
from inference_providers.gateway.shared_counts import WIDTH, SharedCounts, kept_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from inference_providers.calls import CallFinished, Event

    Family = tuple[str, tuple[str, ...], int]

PREFIX = "inference_providers_"
CALL, ATTEMPT, HTTP = "call", "attempt", "http"
FAMILIES = {  # how many sets of labels each may have, "other" included
    CALL: (500, ("provider", "model", "outcome", "caller")),
    ATTEMPT: (250, ("provider", "model", "outcome")),
    HTTP: (250, ("route", "status")),
}
# Upper bounds in seconds: of whole calls and streams, of the first content of a stream, of HTTP replies.
CALL_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
FIRST_BOUNDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
HTTP_BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
# Places among the numbers of a call.
_COUNT, _TRIES, _CACHED, _INPUT, _OUTPUT, _READ, _COST, _SECONDS = range(8)
_TIMES = 8
_FIRST = _TIMES + len(CALL_BOUNDS) + 1
_FIRST_TIMES = _FIRST + 1
assert _FIRST_TIMES + len(FIRST_BOUNDS) < WIDTH
_MOST = 1e15  # of what one call may add: a server may say anything


class Metrics:
    """Counts for all worker processes that are forked after it was made; `hear` listens to a pipeline's calls."""

    def __init__(self, workers: int = 1) -> None:
        """*workers*: how many processes count at the same time."""
        self._counts = SharedCounts(
            {name: (most, len(names)) for name, (most, names) in FAMILIES.items()}, workers=workers
        )
        self._places: dict[tuple[Any, ...], int] = {}
        self._late: deque[Any] = deque()  # events that came while another was being counted
        # Of calls that are not over, by their numbers: who asks, when content came, whose stream is open.
        self._callers: dict[int, str] = {}
        self._firsts: dict[int, float] = {}
        self._streams: set[int] = set()
        self._lock = threading.Lock()
        _every.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self._counts!r}>"

    def hear(self, event: Event) -> None:
        """Something has happened in a call: in a task, in a thread, or while the garbage collector is at it.

        Nobody waits: whoever comes while another counts leaves it to the next.
        """
        kind = type(event)
        if kind is CallStarted:
            one = asking.get()
            self._callers[event.call] = ADMIN_ID if one is None else one.caller.id
        elif kind is FirstContent:
            if event.call in self._callers:
                self._firsts[event.call] = event.seconds  # type: ignore[attr-defined]
        elif self._lock.acquire(False):
            try:
                if self._late:
                    self._catch_up()
                self._count(event, kind)
            finally:
                self._lock.release()
        else:
            self._late.append(event)

    def http(self, status: int, route: str, seconds: float) -> None:
        """A request was answered. *route*: the pattern of its path, never the path; empty where there is none."""
        with self._lock:
            at, own = self._place((HTTP, route or "unknown", status)), self._counts.own
            own[at] += 1
            own[at + 1] += max(seconds, 0.0)
            own[at + 2 + bisect_left(HTTP_BOUNDS, seconds)] += 1

    def text(self) -> str:
        """All of it as Prometheus reads it, of all workers together."""
        with self._lock:
            self._catch_up()
            known = self._counts.known()
            streams = self._counts.gauge(0)
        rows: dict[str, list[tuple[str, list[float]]]] = {name: [] for name in FAMILIES}
        for (family, *values), numbers in self._counts.sums(known):
            if numbers[_COUNT]:
                rows[family].append((exposition.labels_of(FAMILIES[family][1], values), numbers))
        return "\n".join((*_lines(rows, streams), ""))

    def _catch_up(self) -> None:
        while self._late:
            event = self._late.popleft()
            self._count(event, type(event))

    def _count(self, event: Any, kind: type[Event]) -> None:
        model = event.canonical_name or event.model
        if kind is AttemptFinished:
            own = self._counts.own
            own[self._place((ATTEMPT, event.provider, model, event.outcome))] += 1
        elif (caller := self._callers.get(event.call)) is not None:  # else it began before anybody listened
            self._ended(event, kind is StreamFinished, model, caller)

    def _ended(self, event: CallFinished, is_stream: bool, model: str | None, caller: str) -> None:
        call, own = event.call, self._counts.own
        first = self._firsts.get(call) if self._firsts else None
        if first is not None:
            if not is_stream and event.provider is not None:
                self._streams.add(call)  # its end is still to come
                own[0] = len(self._streams)
                return
            del self._firsts[call]
            self._streams.discard(call)
            own[0] = len(self._streams)
        del self._callers[call]
        at = self._place((CALL, event.provider or "", model or "", event.outcome, caller))
        own[at] += 1
        own[at + _TRIES] += event.attempts
        own[at + _SECONDS] += event.seconds
        own[at + _TIMES + bisect_left(CALL_BOUNDS, event.seconds)] += 1
        if event.cached:
            own[at + _CACHED] += 1
        elif (usage := event.usage) is not None:
            own[at + _INPUT] += usage.input_tokens
            own[at + _OUTPUT] += usage.output_tokens
            if usage.cached_tokens:
                own[at + _READ] += usage.cached_tokens
        if event.cost and 0 < event.cost < _MOST:
            own[at + _COST] += event.cost
        if first is not None:
            own[at + _FIRST] += first
            own[at + _FIRST_TIMES + bisect_left(FIRST_BOUNDS, first)] += 1

    def _place(self, labels: tuple[Any, ...]) -> int:
        place = self._places.get(labels)
        if place is None:
            family = labels[0]
            if self._counts.is_full(family) and len(self._places) >= 2 * sum(most for most, _ in FAMILIES.values()):
                labels = (family, *("other",) * (len(labels) - 1))  # names without end are not remembered
            place = self._places[labels] = self._counts.place((family, *kept_texts(labels[1:])))
        return place

    def _forked(self) -> None:
        """A child has its parent's calls in memory, which are the parent's to count."""
        self._lock, self._late = threading.Lock(), deque()
        self._callers, self._firsts, self._streams = {}, {}, set()
        self._counts.forked()


def _lines(rows: dict[str, list[tuple[str, list[float]]]], streams: float) -> Iterator[str]:
    calls, name = rows[CALL], PREFIX
    yield from _counter(f"{name}requests_total", "Calls that are over, streams at their end.", calls, _COUNT)
    yield from _counter(f"{name}tries_total", "Attempts that these calls took.", calls, _TRIES)
    yield from _counter(f"{name}cached_replies_total", "Replies that were kept from earlier calls.", calls, _CACHED)
    yield from exposition.head(
        f"{name}tokens_total", "counter", "Tokens, as providers count; cached ones are input, too."
    )
    for labels, numbers in calls:
        for kind, place in (("input", _INPUT), ("output", _OUTPUT), ("cached", _READ)):
            yield exposition.sample(f"{name}tokens_total", f'{labels},kind="{kind}"', numbers[place])
    yield from _counter(f"{name}cost_usd_total", "USD, as far as prices are known.", calls, _COST)
    whole = (CALL_BOUNDS, _SECONDS, _TIMES)
    yield from _histogram(f"{name}request_seconds", "How long calls took, streams to their end.", calls, *whole)
    first = (FIRST_BOUNDS, _FIRST, _FIRST_TIMES)
    streamed = [row for row in calls if row[1][_FIRST]]
    yield from _histogram(f"{name}first_content_seconds", "Until streams had content.", streamed, *first)
    yield from _counter(f"{name}attempts_total", "Attempts at providers, by what came of them.", rows[ATTEMPT], 0)
    yield from exposition.head(f"{name}open_streams", "gauge", "Streams that are being read.")
    yield exposition.sample(f"{name}open_streams", "", streams)
    replies = rows[HTTP]
    yield from _counter(f"{name}http_responses_total", "HTTP replies; 499: the client had gone.", replies, 0)
    yield from _histogram(f"{name}http_response_seconds", "How long they took.", replies, HTTP_BOUNDS, 1, 2)


def _counter(name: str, what: str, rows: Sequence[tuple[str, list[float]]], place: int) -> Iterator[str]:
    yield from exposition.head(name, "counter", what)
    for labels, numbers in rows:
        yield exposition.sample(name, labels, numbers[place])


def _histogram(
    name: str, what: str, rows: Sequence[tuple[str, list[float]]], bounds: Sequence[float], total: int, first: int
) -> Iterator[str]:
    yield from exposition.head(name, "histogram", what)
    for labels, numbers in rows:
        yield from exposition.histogram(name, labels, bounds, numbers[first : first + len(bounds) + 1], numbers[total])


_every: weakref.WeakSet[Metrics] = weakref.WeakSet()


def _after_fork() -> None:
    for metrics in _every:
        metrics._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
