"""`batch(engine="ray")`: the part of it that is done in the program that has called it.

Items go into parts (`batches.parts`), whose names are all that Ray moves: actors read a part, ask it, and append each
answer to its journal at once. What is done is gathered into the output here, part by part.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import aclosing, suppress

from inference_providers import log
from inference_providers.batches import MalformedItemError, Parts, Result, Summary, line_of
from inference_providers.ray import cluster, pool
from inference_providers.ray.dealer import dealer_of, failure, telling
from inference_providers.ray.worker import Worker, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from typing import Any

    from inference_providers.batches import Item, Job, Output
    from inference_providers.calls import Pipeline
    from inference_providers.routing import Pace

_FIRST, _MOST = 16, 2000  # items of the first part, and of any: each has one more than the one before it
_LARGEST = 2**24  # bytes of a part, but for one item that is larger
_ENDING = 10.0  # seconds that Ray has for ending what is under way
_LEAVING, _AGAIN = 3.0, 0.05  # seconds in which actors end whose batch has, and between two looks at their journals
_LOOK = 0.3  # seconds between two looks at how far all are


class PartWorker(Worker):
    """An actor that is given the names of parts."""

    def __init__(self, dealer: Any, folder: str) -> None:
        with telling(dealer):
            super().__init__(dealer)
        self._parts = Parts(folder)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        with telling(self.dealer):
            for name in rows["item"]:
                self._do(str(name))
        return {"item": rows["item"], "told": [self.told()] * len(rows["item"])}

    def _do(self, name: str) -> None:
        """Ask a part; Ray may have it done again, even when it was gathered, where its node was lost."""
        self._parts.check()
        journal = opened(self._parts.journal(name))
        try:
            items = self._parts.items(name)
            self.ask([item for item in items if not journal.has(item)], journal)
        finally:
            journal.close()


class RayRunner:
    """Does a job on a cluster."""

    def __init__(
        self, pipeline: Pipeline, job: Job, output: Output, told: Callable[[Summary, Pace], None] | None = None
    ) -> None:
        self._ray = cluster.load()
        self._pipeline, self._job, self._output, self._told = pipeline, job, output, told
        self.summary = Summary()
        self._shown = Summary()  # for the bar: what all have done together, gathered or not
        self._so_far: dict[str, float] = {}
        self._said: set[str] = set()  # what was warned of already
        self.quiet = False  # nobody listens: results go to the file only
        self._parts = Parts.beside(output.path)
        self._names: list[str] = []
        self._stopped = False

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """Results, part by part as they are done."""
        started = time.monotonic()
        try:
            self._take_up()
            malformed = await self._part()
            if malformed and not self.quiet:
                yield malformed
            async with aclosing(self._done()) as done:
                async for name in done:
                    results = self._parts.gather(name, self._output, self._heard)
                    if results and not self.quiet:
                        yield results
                    if self._job.raises and (failed := next((one for one in results if not one.ok), None)) is not None:
                        raise failed.error or RuntimeError("an item failed")
            self._parts.remove()
            self._tell()
        finally:
            self._gather_left(self._heard)
            self._output.flush()
            self.summary.seconds = time.monotonic() - started

    def _take_up(self) -> None:
        """What an earlier program left: its journals count as its output does.

        Its actors may still be writing for a moment, if it was killed just now.
        """
        if self._job.resume:
            self._gather_left()
            for name in self._parts.journals():
                self._parts.gather(name, self._output)
            self._output.take_up()
        else:
            self._parts.remove()
        self._parts.make(self._output.path)

    def _gather_left(self, heard: Callable[[Result], None] | None = None) -> None:
        """What an interruption leaves in journals, as far as those who write them end soon; the rest is kept there."""
        end = time.monotonic() + _LEAVING
        while (left := self._parts.journals()) and time.monotonic() < end:
            for name in left:
                with suppress(OSError):  # a full disk, perhaps, on which this ends: it is kept where it is
                    self._parts.gather_free(name, self._output, heard)
            time.sleep(_AGAIN)

    async def _part(self) -> list[Result]:
        """Put what is to be asked into parts: the items that cannot be, as results."""
        malformed: list[Result] = []
        part: list[bytes] = []
        count, size = _FIRST, 0
        async for item in self._items():
            if self._output.has(item):
                self.summary.resumed += 1
            elif item.problem:
                malformed.append(self._failed(item, MalformedItemError(item.problem)))
            else:
                try:
                    part.append(line_of(item))
                except (TypeError, ValueError) as error:
                    malformed.append(self._failed(item, error))
                    continue
                size += len(part[-1])
                if len(part) >= count or size > _LARGEST:
                    self._write(part)
                    part, count, size = [], min(_MOST, count + 1), 0
        if part:
            self._write(part)
        return malformed

    async def _items(self) -> AsyncGenerator[Item, None]:
        source = self._job.source
        if source.waits:
            async for item in source.items_that_come():
                yield item
            return
        for item in source.items():
            yield item

    def _write(self, lines: list[bytes]) -> None:
        self._names.append(f"{len(self._names):06d}")
        self._parts.write(self._names[-1], lines)

    def _failed(self, item: Item, error: Exception) -> Result:
        """The result of an item that cannot be asked."""
        result = Result(item, None, error)
        self._output.put(result.as_line())
        self._heard(result)
        if self._job.raises:
            raise error
        return result

    def _heard(self, result: Result) -> None:
        self.summary.add(result)
        self._tell()

    def _tell(self) -> None:
        if self._told is None:
            return
        for name in Summary.__slots__:
            found = getattr(self.summary, name)
            setattr(self._shown, name, max(found, self._so_far[name]) if name in self._so_far else found)
        self._told(self._shown, self._job.pace)

    async def _done(self) -> AsyncGenerator[str, None]:
        """The names of parts, as they are done. Where nobody wants more of them, nothing more is asked."""
        if not self._names:
            return
        loop, found = asyncio.get_running_loop(), asyncio.Queue[tuple[str, str] | BaseException | None]()

        def put(one: tuple[str, str] | BaseException | None) -> None:
            loop.call_soon_threadsafe(found.put_nowait, one)

        with cluster.joined(self._job.address) as ray:
            dealer = dealer_of(ray, self._pipeline, self._job, self._parts.folder)
            thread = threading.Thread(target=self._work, args=(ray, dealer, put), name="ray batch", daemon=True)
            thread.start()
            looking = asyncio.create_task(self._look(dealer))
            try:
                while (one := await found.get()) is not None:
                    if isinstance(one, BaseException):
                        raise (failure(ray, dealer) or cluster.told(one)) from None
                    name, told = one
                    self._pass_on(*json.loads(told))
                    yield name
            finally:
                self._stopped, self._so_far = True, {}
                looking.cancel()
                ray.kill(dealer)  # workers that wait for permits end as well
                thread.join(_ENDING)

    async def _look(self, dealer: Any) -> None:
        """Tell now and then how far all are, and what they warn of."""
        known, lane = 0, self._job.pace.lane(self._job.engine or "", "")
        while True:
            await asyncio.sleep(_LOOK)
            try:
                self._so_far, lane.busy, said = await dealer.news.remote(known)
            except Exception:  # noqa: BLE001  (what ends a batch is raised where its parts are waited for)
                return
            known += len(said)
            self._pass_on(said)
            self._tell()

    def _pass_on(self, warnings: Sequence[str], refused: Sequence[Sequence[Any]] = ()) -> None:
        """Say here what a worker has warned of; listeners who want to know hear which keys were refused there."""
        for one in warnings:
            if one not in self._said:
                self._said.add(one)
                log.warn(one)
        for listener in self._pipeline.listeners:
            if (hear := getattr(listener, "refused_elsewhere", None)) is not None:
                for provider, status, other in refused:
                    hear(provider, status, other)

    def _work(self, ray: Any, dealer: Any, put: Callable[[tuple[str, str] | BaseException | None], None]) -> None:
        """Have Ray Data hand the names out. The longest parts first, so that all end at about the same time."""
        try:
            with cluster.quiet(ray):
                names = ray.data.from_items(self._names[::-1], override_num_blocks=len(self._names))
                how = {"batch_size": 1, "fn_constructor_kwargs": {"folder": self._parts.folder}}
                actors = min(self._job.actors or cluster.machines(ray), len(self._names))
                for row in pool.mapped(ray, names, PartWorker, dealer, actors, **how).iter_rows():
                    if self._stopped:
                        return
                    put((str(row["item"]), str(row["told"])))
            put(None)
        except BaseException as error:  # noqa: BLE001  (raised where the batch waits)
            put(error)


def runner(
    pipeline: Pipeline, job: Job, output: Output, told: Callable[[Summary, Pace], None] | None = None
) -> RayRunner:
    """What does a batch on a cluster."""
    return RayRunner(pipeline, job, output, told)
