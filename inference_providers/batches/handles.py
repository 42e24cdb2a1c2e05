"""Handles on jobs of providers' batch APIs: listed, looked at, cancelled and fetched, whoever began them."""

from __future__ import annotations

import asyncio

from inference_providers.batches.items import Item, Result
from inference_providers.batches.job import Job
from inference_providers.batches.job_api import FAILED, RUNNING, JobApi, problem_of
from inference_providers.batches.job_forms import api_class
from inference_providers.errors import InferenceProvidersError, NoCredentialsError, ProviderError, UnknownModelError
from inference_providers.offers import offer_by
from inference_providers.transport import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Any, Protocol, TypeVar

    from inference_providers.batches.batch_api import BatchApi
    from inference_providers.calls import Pipeline

    T = TypeVar("T")

    class Holder(Protocol):
        """A provider list, of either kind."""

        @property
        def pipeline(self) -> Pipeline: ...


_COUNTS = ("request_counts", "batchStats", "state")  # what a job's numbers stand in
_CREATED, _ENDED = ("created_at", "createTime", "create_time"), ("completed_at", "ended_at", "endTime", "failed_at")


class BatchJob:
    """A job of a provider's batch API, as it said that it was.

    Attributes:
        name: `provider/id`, by which it is found again.
        provider: The provider's id.
        id: The provider's own id of the job.
        stage: "running", "done" or "failed".
        status: The provider's own word.
        problem: Why it failed, empty if it did not or does not say.
        created: When, as the provider writes it.
        ended: When, as the provider writes it.
        counts: Its requests, by the provider's words.
        data: All that the provider said.
    """

    __slots__ = ("counts", "created", "data", "ended", "id", "problem", "provider", "stage", "status")

    def __init__(self, api: JobApi, data: Mapping[str, Any]) -> None:
        self.provider, self.id, self.data = api.offer.provider, api.id_of(data), dict(data)
        self.stage, self.status = api.stage_of(data), api.word_of(data)
        self.problem = problem_of(data) if self.stage == FAILED else ""
        self.created, self.ended = _first(data, _CREATED), _first(data, _ENDED)
        given: Mapping[str, Any] = next((data[name] for name in _COUNTS if isinstance(data.get(name), dict)), {})
        self.counts = {str(name): count for name, count in given.items() if isinstance(count, int)}

    @property
    def name(self) -> str:
        """`provider/id`."""
        return f"{self.provider}/{self.id}"

    def __repr__(self) -> str:
        return f"<BatchJob {self.name}: {self.status}{f', {self.problem}' if self.problem else ''}>"

    def as_dict(self) -> dict[str, Any]:
        """For JSON.

        Returns:
            Its attributes, but for `data`.
        """
        names = ("name", "provider", "id", "stage", "status", "problem", "created", "ended", "counts")
        return {name: getattr(self, name) for name in names}


def _first(data: Mapping[str, Any], names: tuple[str, ...]) -> str | int | float | None:
    return next((data[name] for name in names if isinstance(data.get(name), str | int | float)), None)


class AsyncBatchJobs:
    """The batch jobs of the providers whose keys a list has.

    A job is meant by `provider/id`, or by a `BatchJob`.

    Args:
        providers: The list: an `AsyncProviderList` or a `ProviderList`.
    """

    def __init__(self, providers: Holder) -> None:
        self._pipeline = providers.pipeline
        self.problems: dict[str, InferenceProvidersError] = {}

    async def list(self, provider: str | None = None, *, limit: int = 20) -> Sequence[BatchJob]:
        """Jobs of one provider, or of all within reach, the newest first.

        One of several providers that cannot be asked is left out; `problems` says why.

        Args:
            provider: The provider's id. Default: all whose keys are there.
            limit: The most of each provider.

        Returns:
            The jobs.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        running_loop()
        self.problems = {}
        if provider is not None:
            api = self._api(self._pipeline.finder.provider_id(provider))
            return [BatchJob(api, row) for row in await api.jobs(limit)]
        rows, accesses = self._pipeline.finder.registry.providers, self._pipeline.finder.accesses
        able = [
            pid for pid, row in rows.items() if row.connection.get("batch") is not None and not accesses[pid].reason
        ]
        found = await asyncio.gather(*(self._listed(pid, limit) for pid in able))
        return [job for jobs in found for job in jobs]

    async def _listed(self, pid: str, limit: int) -> Sequence[BatchJob]:
        try:
            api = self._api(pid)
            return [BatchJob(api, row) for row in await api.jobs(limit)]
        except ProviderError as error:
            self.problems[pid] = error
            return []

    async def get(self, job: str | BatchJob) -> BatchJob:
        """A job as it is now.

        Args:
            job: `provider/id`, or the job as it was.

        Returns:
            The job.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        api, name = self._of(job)
        return BatchJob(api, await api.look(name))

    async def cancel(self, job: str | BatchJob) -> BatchJob:
        """Ask for a job's end. What it has answered by then is charged, and can be fetched.

        Args:
            job: `provider/id`, or the job.

        Returns:
            The job as it is then.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        api, name = self._of(job)
        return BatchJob(api, await api.cancel(name))

    async def results(self, job: str | BatchJob) -> Sequence[Result]:
        """What a job has answered. `custom_id` of each says to what.

        Args:
            job: `provider/id`, or the job.

        Returns:
            The results, in the provider's order.

        Raises:
            ProviderUnavailableError: It still runs, or failed without a result.
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        api, name = self._of(job)
        state = await api.look(name)
        rows = await api.rows(name, state)
        if not rows:
            found = BatchJob(api, state)
            waits = "it still runs" if found.stage == RUNNING else found.problem or f"it ended as {found.status!r}"
            raise api.unwell(f"job {found.id} has no results: {waits}")
        return [self._result(api, row, index) for index, row in enumerate(rows)]

    def _of(self, job: str | BatchJob) -> tuple[BatchApi, str]:
        running_loop()
        provider, slash, name = (job.name if isinstance(job, BatchJob) else job).partition("/")
        if not slash or not name:
            raise UnknownModelError(f"{job!r} names no job: its provider and its id, as in openai/batch_abc123.")
        return self._api(self._pipeline.finder.provider_id(provider)), name

    def _api(self, pid: str) -> BatchApi:
        finder = self._pipeline.finder
        row = finder.registry.providers[pid].connection.get("batch")
        if row is None:
            raise NoCredentialsError(f"{pid} has no batch API that is known.")
        access = finder.accesses[pid]
        if access.reason:
            raise NoCredentialsError(f"{pid} cannot be asked: {access.reason}.")
        row = {**finder.registry.batch, **row}
        return api_class(row)(self._pipeline, offer_by(access, "", ""), row, Job([]))

    def _result(self, api: BatchApi, row: dict[str, Any], index: int) -> Result:
        """A result, which may be of any model."""
        item = Item(index)
        custom = row.get("custom_id")
        item.custom_id = custom if isinstance(custom, str) else None
        response = row.get("response")
        body = response.get("body") if isinstance(response, dict) else None
        model = body.get("model") if isinstance(body, dict) else None
        finder, pid = self._pipeline.finder, api.offer.provider
        names = finder.registry.providers[pid].data.get("model_names") or {}
        canonical = next((name for name, own in names.items() if own == model), str(model or ""))
        api.offer = offer_by(finder.accesses[pid], canonical, str(model or ""))
        return api.result(item, row, "it has neither a response nor an error", [])


class BatchJobs:
    """The batch jobs of the providers whose keys a list has.

    A job is meant by `provider/id`, or by a `BatchJob`.

    Args:
        providers: The list: a `ProviderList` or an `AsyncProviderList`.
    """

    def __init__(self, providers: Holder) -> None:
        self._jobs = AsyncBatchJobs(providers)

    @property
    def problems(self) -> dict[str, InferenceProvidersError]:
        """Why providers were left out of the last list."""
        return self._jobs.problems

    def list(self, provider: str | None = None, *, limit: int = 20) -> Sequence[BatchJob]:
        """Jobs of one provider, or of all within reach, the newest first.

        One of several providers that cannot be asked is left out; `problems` says why.

        Args:
            provider: The provider's id. Default: all whose keys are there.
            limit: The most of each provider.

        Returns:
            The jobs.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        return _value(self._jobs.list(provider, limit=limit))

    def get(self, job: str | BatchJob) -> BatchJob:
        """A job as it is now.

        Args:
            job: `provider/id`, or the job as it was.

        Returns:
            The job.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        return _value(self._jobs.get(job))

    def cancel(self, job: str | BatchJob) -> BatchJob:
        """Ask for a job's end. What it has answered by then is charged, and can be fetched.

        Args:
            job: `provider/id`, or the job.

        Returns:
            The job as it is then.

        Raises:
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        return _value(self._jobs.cancel(job))

    def results(self, job: str | BatchJob) -> Sequence[Result]:
        """What a job has answered. `custom_id` of each says to what.

        Args:
            job: `provider/id`, or the job.

        Returns:
            The results, in the provider's order.

        Raises:
            ProviderUnavailableError: It still runs, or failed without a result.
            UnknownModelError: The provider is unknown, or the id is none of a job.
            NoCredentialsError: There is no key for the provider, or it has no batch API that is known.
            ProviderError: The provider refused.
        """
        return _value(self._jobs.results(job))


def _value(work: Coroutine[Any, Any, T]) -> T:
    from inference_providers.batches.batch import run

    found: list[T] = []

    async def keep() -> None:
        found.append(await work)

    run(keep())
    return found[0]
