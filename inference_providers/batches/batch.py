"""`Batch` and `AsyncBatch`: what `batch()` gives."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from inference_providers.batches import files
from inference_providers.batches.items import Summary
from inference_providers.batches.job import Job
from inference_providers.batches.parts import take_over
from inference_providers.batches.places import Places, check
from inference_providers.batches.progress import progress_of
from inference_providers.batches.runner import Runner
from inference_providers.transport import running_loop
from inference_providers.waits import has_come, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Iterator
    from typing import Any

    from inference_providers.batches.items import Result
    from inference_providers.batches.progress import Told
    from inference_providers.calls import Pipeline
    from inference_providers.rendering import Table

_CHUNKS = 64  # that may wait for a synchronous program to take them


class _Batch:
    """What both kinds do.

    With a CSV file for output, the lines that it is made of are kept beside it, so that the batch can be resumed.
    """

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        self._pipeline, self._job = pipeline, job
        if job.pattern.split_thinking is None:
            job.pattern.split_thinking = pipeline.split_thinking
        job.prefer(pipeline)
        if any(said is not None for said in job.cache):
            job.pattern.cache = pipeline.cache_of_call(*job.cache)
        self._places = None if job.out is None else Places(job.out, has_jobs=job.by_provider)
        self._lines = None if self._places is None else self._places.lines
        self.summary: Summary = Summary()
        check(job.source, self._places)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"

    def _repr_html_(self) -> str:
        from inference_providers.batches.result_table import shown

        return shown(type(self).__name__, self.summary, self._kept() or ()).text

    def _kept(self) -> Iterable[Result] | None:
        """The results that are in a file, if all is done; None where there are none."""
        return files.Results(self._lines) if self._lines is not None else None

    def _listed(self) -> Iterable[Result]:
        if (kept := self._kept()) is None:
            raise ValueError("there are no results yet: await the batch (with out=...) first")
        return kept

    def table(self) -> Table:
        """A row for each result: its answer and what is known of it, or its error. Raises ValueError if none are there.

        Without an output file this asks, as iterating does.
        """
        from inference_providers.batches.result_table import table_of

        return table_of(self._listed())

    def to_pandas(self) -> Any:
        """`table()` as a `pandas.DataFrame`. Raises ImportError without pandas."""
        return self.table().to_pandas()

    async def _chunks(self, *, quiet: bool = False) -> AsyncGenerator[list[Result], None]:
        running_loop()
        job, places = self._job, self._places
        check(job.source, places)  # again: since then an awaited one may have waited long
        output = None if places is None else places.opened(resume=job.resume)
        try:
            if output is not None and job.engine is None:
                take_over(output, resume=job.resume)
            with progress_of(job) as told:
                runner = self._runner(output, told)
                self.summary, runner.quiet = runner.summary, quiet
                async with aclosing(runner.results()) as results:  # its workers end before the file is closed
                    async for ready in results:
                        yield ready
            if output is not None:
                output.settle(ordered=job.is_heard)
        finally:
            if output is not None:
                output.close()
        if places is not None and places.is_table:
            from inference_providers.batches import tables

            tables.write(job.source.table(), places.lines, places.out, job.csv_formulas)

    def _runner(self, output: files.Output | None, told: Told | None) -> Any:
        if self._job.engine is not None:
            from inference_providers.batches import engines

            return engines.runner(self._job.engine, self._pipeline, self._job, output, told)
        if self._job.by_provider:
            from inference_providers.batches.provider_jobs import JobRunner

            return JobRunner(self._pipeline, self._job, output, told)
        return Runner(self._pipeline, self._job, output, told)

    async def _all(self) -> None:
        async for _ in self._chunks(quiet=True):
            pass


class Batch(_Batch):
    """A batch. Iterate over it for results; `summary` counts them.

    With an output file everything is done when `batch()` returns, and iterating reads the file.
    Without one, the asking goes on while you iterate, in a thread, and ends when you stop.
    """

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        super().__init__(pipeline, job)
        if self._lines is not None:
            run(self._all())

    def __iter__(self) -> Iterator[Result]:
        if self._lines is not None:
            return iter(files.Results(self._lines))
        return _in_a_thread(self._chunks())

    def _listed(self) -> Iterable[Result]:
        return self


class AsyncBatch(_Batch):
    """A batch for asyncio.

    `async for` gives results as they are ready; `await` does everything where there is an output file. Once
    awaited, `async for` gives what is in the file.
    """

    _done = False

    def _kept(self) -> Iterable[Result] | None:
        return super()._kept() if self._done else None

    async def __aiter__(self) -> AsyncIterator[Result]:
        if (kept := self._kept()) is not None:
            for result in kept:
                yield result
            return
        chunks = self._chunks()
        try:
            async for ready in chunks:
                for result in ready:
                    yield result
        finally:
            await chunks.aclose()

    def __await__(self) -> Any:
        return self._run().__await__()

    async def _run(self) -> AsyncBatch:
        if self._lines is None:
            raise ValueError("without an output file (out=...) the results would be lost: iterate over the batch")
        await self._all()
        self._done = True
        return self


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run in this thread, or in another where this one has an event loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return

    async def nothing() -> AsyncGenerator[list[Result], None]:
        await work
        yield []

    for _ in _in_a_thread(nothing()):  # which ends it when it is interrupted
        continue


def _in_a_thread(results: AsyncGenerator[list[Result], None]) -> Iterator[Result]:
    """Results of an asynchronous iterator, which runs in a thread of its own and does not run far ahead."""
    import queue
    import threading

    chunks: queue.SimpleQueue[list[Result] | BaseException | None] = queue.SimpleQueue()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    begun = threading.Event()

    async def produce() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        running.append((loop, task))
        begun.set()
        async with aclosing(results):
            async for ready in results:
                chunks.put(ready)
                while chunks.qsize() > _CHUNKS:
                    await asyncio.sleep(0.005)

    def work() -> None:
        try:
            asyncio.run(produce())
            chunks.put(None)
        except BaseException as error:  # noqa: BLE001  (raised where the caller waits)
            chunks.put(error)
        finally:
            begun.set()

    thread = threading.Thread(target=work, name="batch", daemon=True)
    thread.start()
    try:
        while (found := taken(chunks)) is not None:
            if isinstance(found, BaseException):
                raise found
            yield from found
    finally:
        has_come(begun)
        for loop, task in running:
            if thread.is_alive() and not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        if thread is not threading.current_thread():  # where garbage may be collected as well
            thread.join()
