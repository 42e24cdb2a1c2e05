"""What does a batch: many questions at once, in constant memory, each provider as fast as it lets us.

Items come from an iterable or a file; workers, of which there are no more than there is work for, ask them through
the same pipeline as `ask_ai`; results come back in order or as completed, and go to a file as they finish.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque

from inference_providers.batches import files
from inference_providers.batches.items import Item, MalformedItemError, Result, Summary, prompts_cost
from inference_providers.batches.job import names_of, route_key
from inference_providers.calls import answer_of, async_asker
from inference_providers.chat import usage_in
from inference_providers.errors import (
    AllProvidersFailedError,
    InferenceProvidersError,
    LocalServerError,
    NoCredentialsError,
    UnknownModelError,
)
from inference_providers.joint_errors import of_rounds
from inference_providers.routing import RISE, OfferLanes, Pace, overloaded
from inference_providers.usage import token_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.batches.job import Job
    from inference_providers.calls import Pipeline
    from inference_providers.chat import Answer
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest
    from inference_providers.routing import ConcurrencyLimiter, Preferences

AHEAD = 1000  # items that may be asked before the first unfinished one, for each item at once


class Runner:
    """Does a job within one event loop."""

    def __init__(
        self,
        pipeline: Pipeline,
        job: Job,
        output: files.Output | None,
        told: Callable[[Summary, Pace], None] | None = None,
    ) -> None:
        self._pipeline, self._job, self._output, self._told = pipeline, job, output, told
        self.summary = Summary()
        self._lanes: dict[Any, OfferLanes] = {}
        self._total = pipeline.timeout if job.timeout is None else job.timeout
        self._waiting: deque[tuple[OfferLanes, float, asyncio.Future[tuple[ConcurrencyLimiter, Sequence[Offer]]]]] = (
            deque()
        )
        self._timer: asyncio.TimerHandle | None = None
        self._reading, self._finding = asyncio.Lock(), asyncio.Lock()
        self._ready: list[Result] = []
        self._source: Iterator[Item] | None = None
        self._async_source: AsyncGenerator[Item, None] | None = None
        self._held: dict[int, Result | None] = {}  # results that wait for an earlier one, by index
        self._next = 0  # the index whose result goes out next
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None  # on which no more is asked
        self._busy = 0  # items that are being asked
        self._workers: set[asyncio.Task[None]] = set()
        self._readers = 0  # workers that have no item yet, those that are yet to begin among them
        self._ended = False  # the source has no more
        self._mixed = False  # some items name their own models: one may have to wait where the next need not
        self.quiet = False  # nobody listens: results go to the file only
        self._window = AHEAD + 4 * job.pace.most

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """Results, in order or as completed: at once all that are ready."""
        started = time.monotonic()
        source = self._job.source
        if source.waits:
            self._async_source = source.items_that_come()
        else:
            self._source = source.items()
        self._grow()
        try:
            while True:
                self._news.clear()
                if self._ready:
                    ready, self._ready = self._ready, []
                    self._room.set()
                    yield ready
                elif not self._workers or (self._failure is not None and not self._busy):
                    break
                else:
                    await self._news.wait()
        finally:
            self._ended = True
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            if self._async_source is not None:
                await self._async_source.aclose()
            self._settle(started)
        if self._failure is not None:
            raise self._failure

    def _settle(self, started: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._output is not None:
            self._output.flush()
        self.summary.seconds = time.monotonic() - started

    def _grow(self) -> None:
        """Start workers while few are about to read or wait for a lane.

        Few: one, and as many more as a limit may rise by in a round. Those who wait do not count where the next item
        may find room though they do not: when they wait for the clock, since it may be for another model, and where
        items are known to differ in their models.
        """
        if self._ended or self._failure is not None:
            return
        reserve = int(len(self._workers) * RISE)
        waiting = 0 if self._mixed or self._timer is not None else len(self._waiting)
        while self._readers + waiting <= reserve and len(self._workers) < self._job.pace.most:
            self._readers += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if error is not None:  # none of those that are results: a worker handles these itself
            self._failure = self._failure or error
        self._news.set()

    async def _work(self) -> None:
        """Take items and ask them, until there are no more. Each that is on its way makes room for one more worker."""
        while (item := await self._take()) is not None:
            self._readers -= 1
            try:
                if item.problem:
                    raise MalformedItemError(item.problem)
                result = Result(item, await (self._answer(item) if self._job.is_plain else self._converse(item)))
            except _Stopped:
                return
            except (InferenceProvidersError, ValueError, TypeError) as error:
                result = Result(item, None, error)
            self._finish(result)
            self._readers += 1
        self._readers -= 1

    async def _take(self) -> Item | None:
        """The next item that is to be asked; None where there is no more, or no more is to be asked."""
        while self._failure is None:
            while not self.quiet and len(self._ready) + len(self._held) > self._window:
                self._room.clear()
                await self._room.wait()
            try:
                item = next(self._source, None) if self._source is not None else await self._take_later()
            except Exception as error:  # noqa: BLE001  (whatever the user's source raises: what is on its way is kept)
                self._failure = self._failure or error
                return None
            if item is None:
                self._ended = True
            if item is None or self._failure is not None:
                return None
            if self._output is not None and self._output.has(item):
                self.summary.resumed += 1
                self._skip(item)
                continue
            return item
        return None

    async def _take_later(self) -> Item | None:
        """The next item of an asynchronous source, for one worker at a time."""
        assert self._async_source is not None
        async with self._reading:
            return await anext(self._async_source, None)

    async def _answer(self, item: Item) -> Answer:
        split = bool(self._job.pattern.split_thinking)
        preferences = self._preferences()
        return answer_of(await self._reply(item, item.body, preferences), item.body["messages"], split=split)

    async def _converse(self, item: Item) -> Answer:
        """For what may take more than one reply."""
        preferences = self._preferences()
        return await async_asker.concluded(self._job.question(item), lambda body: self._reply(item, body, preferences))

    def _preferences(self) -> Preferences | None:
        """What one item's calls prefer, and may spend."""
        return self._job.preferences.for_call() if self._job.preferences is not None else None

    async def _reply(self, item: Item, body: dict[str, Any], preferences: Preferences | None) -> Any:
        """A reply to one request. One that is refused since there are too many waits, and is asked again."""
        job = self._job
        key = route_key(item.models)
        if self._mixed or key != job.models:
            self._mixed = True
            self._grow()
        request = self._pipeline.request(body, job.pattern)
        request.asked = key
        request.preferences = preferences
        lanes = self._lanes.get(key) or await self._find_lanes(key, request)
        request.in_turn = True  # as its lane has it
        tokens = prompts_cost(body) if job.pace.counts_tokens else 0.0
        give_up, most = 0.0, job.max_retries
        tried: list[Attempt] = []
        while True:
            if most is not None:
                request.tries = most + 1 - _times(tried)
            lane, offers = await self._turn(lanes, tokens)
            started, spare = time.monotonic(), 0.0
            give_up = give_up or started + job.patience
            try:
                reply = await self._pipeline.async_caller.call(offers, request, total=self._total)
                job.pace.heard(lane, reply.attempts, started)
                used = _tokens_of(reply.data) if job.pace.counts_tokens else 0.0
                spare = tokens - used if used else 0.0
                if reply.dropped or len(reply.attempts) > 1:
                    self._pipeline.note(reply)
                return reply
            except AllProvidersFailedError as error:
                job.pace.heard(lane, error.attempts, started)
                spare = tokens  # a refusal takes none
                tried += error.attempts
                done = time.monotonic() + lanes.shut() > give_up or (most is not None and _times(tried) > most)
                if not _too_many(error) or done:
                    raise (error if len(tried) == len(error.attempts) else of_rounds(tried)) from None
            finally:
                lane.done(spare)
                self._busy -= 1
                if self._failure is not None:
                    self._news.set()
                if self._waiting:
                    self.wake()

    async def _find_lanes(self, models: str | tuple[str, ...] | None, request: ModelRequest) -> OfferLanes:
        async with self._finding:  # one at a time: who came first is asked first
            known = self._lanes.get(models)
            if known is not None:
                return known
            if len(self._lanes) > 1000:
                self._lanes.clear()
            try:
                offers: Sequence[Offer] = list(
                    await async_asker.found(self._pipeline.finder, names_of(models), request)
                )
            except (UnknownModelError, NoCredentialsError, LocalServerError) as error:
                if models != self._job.models:
                    raise
                self._failure = self._failure or error  # what is asked of most items cannot be asked of anybody
                self._news.set()
                raise _Stopped from None
            alike = True
            if request.preferences is not None:
                offers = self._pipeline.gate.ordered(offers, request, request.preferences)
                alike = not request.preferences.orders
            found = self._lanes[models] = OfferLanes(offers, self._job.pace, self._pipeline.health, alike=alike)
            return found

    async def _turn(self, lanes: OfferLanes, tokens: float) -> tuple[ConcurrencyLimiter, Sequence[Offer]]:
        """Wait for a free lane, and start in it: first come, first served."""
        if self._failure is not None:
            raise _Stopped
        if self._is_hopeless(lanes):
            raise of_rounds(lanes.refused())
        if not self._waiting and (found := self._start(lanes, tokens)) is not None:
            self._grow()
            return found
        turn: asyncio.Future[tuple[ConcurrencyLimiter, Sequence[Offer]]] = asyncio.get_running_loop().create_future()
        self._waiting.append((lanes, tokens, turn))
        self.wake()
        return await turn

    def _is_hopeless(self, lanes: OfferLanes) -> bool:
        """Whether nobody will be there for longer than an item waits."""
        return lanes.shut() > max(self._job.patience, self._total)

    def _start(self, lanes: OfferLanes, tokens: float) -> tuple[ConcurrencyLimiter, Sequence[Offer]] | None:
        found = lanes.free()
        if found is not None:
            found[0].start(tokens)
            self._busy += 1
        return found

    def wake(self) -> None:
        """Those who wait and have room go on, in order. After a failure, nobody."""
        full: set[int] = set()
        passed: list[Any] = []
        while self._waiting and self._failure is None and len(full) < max(len(self._lanes), 1):
            entry = self._waiting.popleft()
            lanes, tokens, turn = entry
            if turn.done():
                continue
            if id(lanes) not in full and (found := self._start(lanes, tokens)) is not None:
                turn.set_result(found)
                continue
            if self._is_hopeless(lanes):
                turn.set_exception(of_rounds(lanes.refused()))
                continue
            if id(lanes) not in full and lanes.wait is not None:
                self._wake_in(lanes.wait)
            full.add(id(lanes))
            passed.append(entry)
        self._waiting.extendleft(reversed(passed))
        self._grow()

    def _wake_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._wake_later)

    def _wake_later(self) -> None:
        self._timer = None
        self.wake()

    def _finish(self, result: Result) -> None:
        self.summary.add(result)
        line = self._job.as_line(result) if self._output is not None or self._job.is_heard else None
        if self._output is not None and line is not None and self._output.put(line):
            asyncio.get_running_loop().call_soon(self._flush)  # once for all that end in this turn
        if self._told is not None:
            self._told(self.summary, self._job.pace)
        if result.error is not None and self._job.raises and self._failure is None:
            self._failure = result.error
        if self.quiet:
            return
        if self._job.as_completed:
            self._ready.append(result)
        else:
            self._held[result.index] = result
            self._release()
        self._news.set()

    def _flush(self) -> None:
        try:
            if self._output is not None:
                self._output.flush()
        except OSError as error:  # a full disk: no use in asking what cannot be kept
            self._failure = self._failure or error
            self._news.set()

    def _skip(self, item: Item) -> None:
        """An item that was answered before: its place in the order is empty."""
        if not self.quiet and not self._job.as_completed:
            self._held[item.index] = None
            self._release()

    def _release(self) -> None:
        while self._next in self._held:
            result = self._held.pop(self._next)
            self._next += 1
            if result is not None:
                self._ready.append(result)


class _Stopped(Exception):
    """The batch has failed: this item is not asked any more."""


def _too_many(error: AllProvidersFailedError) -> bool:
    """Whether asking again later is all that is needed: somebody said so, and nobody else could."""
    return any(overloaded(attempt) for attempt in error.attempts)


def _times(attempts: Sequence[Attempt]) -> int:
    """How often whoever was asked most was asked."""
    return max(Counter(attempt.provider for attempt in attempts).values(), default=0)


def _tokens_of(data: Any) -> float:
    usage = usage_in(data) if isinstance(data, dict) else None
    return float(token_count(usage.get("total_tokens"))) if isinstance(usage, dict) else 0.0
