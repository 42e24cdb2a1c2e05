"""What asks in a node: one list of providers, one `Runner` in a thread of its own, permits that are leased.

Parts come from several threads of the actor, and end when all their items have; the runner sees one stream of items, so
the end of one part leaves nobody idle.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor

from inference_providers.batches import Job, Output, Runner
from inference_providers.calls import narrowed
from inference_providers.clients import AsyncProviderList
from inference_providers.ray import cluster
from inference_providers.ray.dealer import environment, unpacked
from inference_providers.ray.warnings import RefusedKeys, Warnings
from inference_providers.routing import BATCH, LeasedPace, LentPurse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from typing import Any

    from inference_providers.batches import Item, Result
    from inference_providers.routing import Preferences

COUNTS = ("answered", "failed", "cost", "unpriced", "input_tokens", "output_tokens")  # of a summary, that are told
AT_ONCE = 64  # threads in which requests wait for money, or for files
EVERY = 0.1  # seconds between reports
SOONEST = 0.02  # seconds between two, when a lane has no permit at all
_LEAVING = 10.0  # seconds in which a worker that another machine has given up is expected to end


class Part:
    """Items that are asked together; `done` when the last is. *journal*: where each line goes at once."""

    def __init__(self, items: Sequence[Item], journal: Output | None) -> None:
        self.items, self._journal = items, journal
        self.results: list[Result | None] = [None] * len(items)
        self._numbers = [(item.index, item.custom_id) for item in items]
        self._left = len(items)
        self.done: Future[None] = Future()

    def finish(self, place: int, result: Result) -> None:
        """One of them has its result."""
        result.index = self._numbers[place][0]
        self.results[place] = result
        self._left -= 1
        if self._journal is not None:
            first = self._journal.put(result.as_line())
            if not self._left:
                self._journal.flush()
            elif first:
                asyncio.get_running_loop().call_soon(self._flush)
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def _flush(self) -> None:
        try:
            assert self._journal is not None
            self._journal.flush()
        except OSError as error:  # a full disk: no use in asking what cannot be kept
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """No more is asked."""
        if not self.done.done():
            self.done.set_exception(error)


class _Feed:
    """The items of all parts, in one stream, as the source of a batch."""

    waits = True

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Item] = asyncio.Queue()
        self.parts: dict[int, tuple[Part, int]] = {}  # by the number that an item has here
        self._next = 0

    def add(self, part: Part) -> None:
        """In the loop's thread."""
        for place, item in enumerate(part.items):
            item.index = self._next
            self.parts[self._next] = part, place
            self._next += 1
            self._queue.put_nowait(item)

    def take(self, result: Result) -> None:
        """The result of an item goes to its part."""
        part, place = self.parts.pop(result.index)
        part.finish(place, result)

    async def items_that_come(self) -> AsyncGenerator[Item, None]:
        """Without end."""
        while True:
            yield await self._queue.get()


class Worker:
    """Asks parts. Raises in its constructor what is wrong with this node, and in `ask` what ends the batch."""

    def __init__(self, dealer: Any) -> None:
        self.ray, self.dealer = cluster.load(), dealer
        given = unpacked(self.ray, dealer)
        cluster.check_version(given["version"])
        self.name = uuid.uuid4().hex[:12]
        self._given = given
        self._failure: BaseException | None = None
        self._feed: _Feed
        self._hungry: asyncio.Event
        self._loop = asyncio.new_event_loop()
        self._warnings, self._refused = Warnings(), RefusedKeys()
        self.providers = self._list()
        self.providers.pipeline.listeners.append(self._refused)
        self.job = Job((), **given["options"])
        self.source = self.job.source  # which makes items of what is given; what the runner reads is the feed
        begun: Future[None] = Future()
        threading.Thread(target=self._live, args=(begun,), name="batch", daemon=True).start()
        begun.result()

    def _list(self) -> AsyncProviderList:
        """The driver's list, made again: as it was made, and as it was set since."""
        given = self._given
        providers = dict(given["providers"])
        if providers["environ"] is None and given["variables"]:
            providers["environ"] = environment(given["variables"], os.environ)
        made = AsyncProviderList(**providers)
        made.pipeline.timeout = given["timeout"]
        if given["preferences"] is not None:  # else those of this node's user count
            made.pipeline.preferences = given["preferences"]
        return made

    def ask(self, items: Sequence[Item], journal: Output | None) -> list[Result]:
        """The results of items, in their order."""
        part = Part(items, journal)
        if items:
            self._loop.call_soon_threadsafe(self._add, part)
            part.done.result()
        return [result for result in part.results if result is not None]

    def told(self) -> str:
        """What was warned of by now, and which keys were refused, as JSON."""
        return json.dumps([self._warnings.all, [[name, *found] for name, found in self._refused.found.items()]])

    def _add(self, part: Part) -> None:
        if self._failure is not None:
            part.fail(self._failure)
        else:
            self._feed.add(part)

    def _live(self, begun: Future[None]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run(begun))
            error: BaseException = RuntimeError("the worker has ended")
        except BaseException as failed:  # noqa: BLE001  (raised where the parts wait)
            error = failed
        self._failure = error
        if not begun.done():
            begun.set_exception(error)
        for part, _ in set(self._feed.parts.values()):
            part.fail(error)
        self._loop.run_forever()  # for parts that come still: they are told of the failure

    async def _run(self, begun: Future[None]) -> None:
        self._feed, self._hungry = _Feed(), asyncio.Event()
        job = self.job
        source: Any = self._feed
        job.source, job.is_heard = source, True
        job.as_line = self._feed.take
        given = self._given
        pace = LeasedPace(given["most"], time.monotonic, self._hungry.set, tokens=given["counts_tokens"])
        job.pace = pace
        self._loop.set_default_executor(ThreadPoolExecutor(AT_ONCE, "waits"))
        pipeline = narrowed(self.providers.pipeline, **job.terms)
        if job.pattern.split_thinking is None:
            job.pattern.split_thinking = pipeline.split_thinking
        job.prefer(pipeline)
        self._purse = self._lent(job.preferences)
        if any(said is not None for said in job.cache):
            job.pattern.cache = pipeline.cache_of_call(*job.cache)
        runner = Runner(pipeline, job, None)
        runner.quiet = True
        begun.set_result(None)
        reporting = asyncio.create_task(self._report(pace, runner))
        asking = asyncio.create_task(_exhausted(runner))
        ended, _ = await asyncio.wait((reporting, asking), return_when=asyncio.FIRST_COMPLETED)
        for task in (reporting, asking):
            task.cancel()
        for task in ended:
            task.result()

    def _lent(self, preferences: Preferences | None) -> LentPurse | None:
        """A purse that is lent what it holds, in the place of the batch's."""

        def hungry() -> None:  # from any thread
            self._loop.call_soon_threadsafe(self._hungry.set)

        found = None
        if preferences is None:
            return None
        for purse in preferences.purses:
            if purse.name == BATCH:
                found = LentPurse(BATCH, purse.limit, hungry)
                preferences.purses = tuple(found if one is purse else one for one in preferences.purses)
        return found

    async def _report(self, pace: LeasedPace, runner: Runner) -> None:
        """Tell what happened, and take over what is granted, again and again."""
        while True:
            if pace.leased:
                asked = time.monotonic()
                backlog = len(self._feed.parts) - sum(lane.busy for lane in pace.leased.values())
                wish = None if self._purse is None else self._purse.wish()
                done = {name: getattr(runner.summary, name) for name in COUNTS}
                news = {"done": done, "said": self._warnings.taken()}
                grants, loan = await self.dealer.report.remote(self.name, pace.report(backlog), wish, news)
                pace.granted(grants, asked)
                if self._purse is not None and loan is not None:
                    self._purse.lend(loan)
                runner.wake()
            await asyncio.sleep(SOONEST)
            try:
                await asyncio.wait_for(self._hungry.wait(), EVERY - SOONEST)
            except TimeoutError:
                continue
            self._hungry.clear()


async def _exhausted(runner: Runner) -> None:
    async for _ in runner.results():
        pass


def opened(path: str, opener: Callable[..., Output] = Output) -> Output:
    """A part's journal, open for appending.

    Where another process still has it, that one's machine was given up, and it is about to end: waits for that.
    """
    end = time.monotonic() + _LEAVING
    while True:
        try:
            return opener(path)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
