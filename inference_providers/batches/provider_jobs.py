"""Providers' own batch APIs: a file goes up, the provider works on it at a lower price, results come down.

It takes its own time, often hours. Paths, fields and words are rows of the registry (`batch`). What is under way
is kept in a file beside the output, so that a program that was ended takes up its jobs again instead of paying twice.
"""

from __future__ import annotations

import time
from collections import Counter

from inference_providers.batches import files
from inference_providers.batches.items import Item, MalformedItemError, Result, Summary
from inference_providers.batches.job import names_of, route_key
from inference_providers.batches.job_api import TRIES
from inference_providers.batches.job_forms import api_class
from inference_providers.batches.provider_parts import Part, State, beside
from inference_providers.chat import parameters
from inference_providers.errors import (
    InferenceProvidersError,
    NoCredentialsError,
)
from inference_providers.files import mode_beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
    from typing import Any

    from inference_providers.batches.batch_api import BatchApi
    from inference_providers.batches.job import Job
    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer
    from inference_providers.routing import Pace

POLL = (2.0, 60.0)  # seconds between looks: the first, and the most
_GONE = (404, 410)  # what says that a job or its results are no more


class JobRunner:
    """Does a job by a provider's batch API. The interface is that of `runner.Runner`."""

    def __init__(
        self,
        pipeline: Pipeline,
        job: Job,
        output: files.Output | None,
        told: Callable[[Summary, Pace], None] | None = None,
    ) -> None:
        if output is None:
            raise ValueError('mode="provider" takes hours and needs an output file (out=...), to be taken up from')
        if hasattr(job.source.given, "__aiter__"):
            raise ValueError('mode="provider" takes a file or a plain iterable; collect the questions first')
        if not job.is_plain:
            raise ValueError('mode="provider" asks each question once: no schema, no functions as tools')
        self._pipeline, self._job, self._output, self._told = pipeline, job, output, told
        self.summary, self.quiet = Summary(), False
        self._state = State(beside(output.path), fresh=not job.resume, mode=mode_beside(output.path))

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """Results as each of the provider's jobs ends, in its order."""
        started = time.monotonic()
        try:
            async for ready, ended in self._all():
                for result in ready:
                    self.summary.add(result)
                    if (line := self._job.as_line(result)) is not None:
                        self._output.put(line)
                self._output.flush()
                if ended is not None:
                    self._state.done(ended)
                if self._told is not None:
                    self._told(self.summary, self._job.pace)
                yield ready
                failed = next((result.error for result in ready if result.error is not None), None)
                if failed is not None and self._job.raises:
                    raise failed
            self._state.settle()
        finally:
            self._output.flush()
            self.summary.seconds = time.monotonic() - started

    async def _all(self) -> AsyncIterator[tuple[list[Result], Part | None]]:
        """Send every part that is not under way, then wait for all.

        With the results comes the part whose job has ended.
        """
        parts: list[tuple[BatchApi, Part]] = []
        broken: list[Result] = []
        items: Iterable[Item]
        if self._job.source.waits:  # a pipe: all of it, since the parts are made at one go
            items = [item async for item in self._job.source.items_that_come()]
        else:
            items = self._job.source.items()
        for part in self._parts(items, broken):
            try:
                api = self._api(part)
                if not part.job:
                    part.job = await api.send(part)
                    self._state.remember(part)
            except InferenceProvidersError as error:
                yield [Result(item, None, error) for item in part.items], None
                continue
            parts.append((api, part))
        if broken:
            yield broken, None
        for api, part in parts:
            ended: Part | None = part
            try:
                ready = await api.wait_for(part, POLL)
            except InferenceProvidersError as error:
                ready = [Result(item, None, error) for item in part.items]
                if getattr(error, "status", None) not in _GONE:
                    ended = None  # it still works on them, and is looked at again next time
            yield ready, ended

    def _parts(self, items: Iterable[Item], broken: list[Result]) -> Iterator[Part]:
        """Items in parts that a provider takes as one file: one model each, not too many, not too large.

        Items that a job works on already come last, as its part.
        """
        open_parts: dict[Any, Part] = {}
        under_way: dict[str, Part] = {}
        seen: Counter[str] = Counter()  # equal questions are told apart by their number
        for item in items:
            seen[item.key] += 1
            name = f"{item.key}-{seen[item.key]}"
            if self._output.has(item):
                self.summary.resumed += 1
            elif item.problem:
                broken.append(Result(item, None, MalformedItemError(item.problem)))
            elif (known := self._state.job_of(name)) is not None:
                job, provider = known
                under_way.setdefault(job, Part(item.models, job, provider)).add(item, name)
            else:
                key = route_key(item.models)
                part = open_parts.setdefault(key, Part(item.models))
                try:
                    api = self._api(part)
                    line, dropped = api.line(item, name)
                except InferenceProvidersError as error:
                    broken.append(Result(item, None, error))
                    continue
                if part.items and (len(part.items) >= api.most or part.size + len(line) > api.largest):
                    yield open_parts.pop(key)
                    part = open_parts[key] = Part(item.models)
                part.add(item, name, line, dropped)
        yield from (part for part in open_parts.values() if part.items)
        yield from under_way.values()

    def _api(self, part: Part) -> BatchApi:
        """The first candidate whose provider has a batch API, or that which works on this part already."""
        if part.api is None:
            offers = self._pipeline.finder.first_available(names_of(part.models))
            rows = self._pipeline.finder.registry
            having = [offer for offer in offers if offer.connection.get("batch") is not None]
            found = next((offer for offer in having if part.provider in ("", offer.provider)), None)
            if found is None:
                raise self._nobody(offers)
            part.provider = found.provider
            row = {**rows.batch, **found.connection["batch"]}
            part.api = api_class(row)(self._pipeline, found, row, self._job)
            part.api.tries = TRIES
        api: BatchApi = part.api
        return api

    def _nobody(self, offers: Sequence[Offer]) -> NoCredentialsError:
        rows = self._pipeline.finder.registry.providers.items()
        able = parameters.listed(pid for pid, row in rows if row.connection.get("batch") is not None)
        tried = list(dict.fromkeys(offer.provider for offer in offers[:5]))
        verb = "has" if len(tried) == 1 else "have"
        return NoCredentialsError(f"{parameters.listed(tried)} {verb} no batch API that is known. {able} have one.")
