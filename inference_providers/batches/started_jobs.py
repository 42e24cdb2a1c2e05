"""Jobs of a provider's batch API by their ids: started, looked at and fetched by a program that keeps the id itself."""

from __future__ import annotations

import asyncio

from inference_providers.batches.items import MalformedItemError
from inference_providers.batches.job_api import problem_of
from inference_providers.batches.job_forms import api_class
from inference_providers.batches.provider_jobs import POLL
from inference_providers.batches.provider_parts import Part
from inference_providers.errors import NoCredentialsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any, TypeVar

    from inference_providers.batches.items import Item, Result
    from inference_providers.batches.job import Job
    from inference_providers.calls import Pipeline

    T = TypeVar("T")


class StartedJobs:
    """The jobs of whoever has a batch API among a model's candidates. Items are known by their place in the input.

    Raises NoCredentialsError where none has one.
    """

    def __init__(self, pipeline: Pipeline, model: str, job: Job) -> None:
        self._job = job
        offers = pipeline.finder.candidates(model)
        offer = next((offer for offer in offers if offer.connection.get("batch") is not None), None)
        if offer is None:
            raise NoCredentialsError(f"{offers[0].provider} has no batch API that is known.")
        row = {**pipeline.finder.registry.batch, **offer.connection["batch"]}
        self._api = api_class(row)(pipeline, offer, row, job)

    def start(self, items: Sequence[Item]) -> str:
        """Send all as one job; its id.

        Raises MalformedItemError, before anything is sent, for an item that cannot be asked; ValueError for none,
        or too many.
        """
        if not items:
            raise ValueError("there is nothing to ask: a job needs a request")
        if (broken := next((item for item in items if item.problem), None)) is not None:
            raise MalformedItemError(f"item {broken.index}: {broken.problem}")
        part = self._part(items, with_lines=True)
        if len(items) > self._api.most or part.size > self._api.largest:
            raise ValueError(
                f"one job takes at most {self._api.most} requests and {self._api.largest} bytes; "
                f"these are {len(items)}, with {part.size}"
            )
        return finished(self._api.send(part))

    def look(self, job: str) -> tuple[dict[str, Any], str, str]:
        """What the provider says of a job; how it stands: "running", "done" or "failed"; what went wrong with it."""
        return self._told(finished(self._api.look(job)))

    def cancel(self, job: str) -> tuple[dict[str, Any], str, str]:
        """Ask for a job's end; as `look`."""
        return self._told(finished(self._api.cancel(job)))

    def _told(self, state: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
        return state, self._api.stage_of(state), problem_of(state)

    def results(self, job: str, items: Sequence[Item]) -> list[Result]:
        """The results of a job's items, in their order; waits until it has ended."""
        part = self._part(items)
        part.job = job
        return finished(self._api.wait_for(part, POLL))

    def _part(self, items: Sequence[Item], *, with_lines: bool = False) -> Part:
        part = Part(self._job.models, provider=self._api.offer.provider)
        for item in items:
            name = f"request-{item.index}"
            line, dropped = self._api.line(item, name) if with_lines else (b"", [])
            part.add(item, name, line, dropped)
            part.size += len(line)
        return part


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, in this thread, or in another where this one has an event loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
