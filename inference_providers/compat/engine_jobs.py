"""A provider's batch jobs, for an engine: conversations to a job, and a job's results back into them."""

from __future__ import annotations

from inference_providers.batches import Job, StartedJobs
from inference_providers.compat.engine_results import BatchInfo, InferenceResult, info_of
from inference_providers.compat.engine_run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.chat import Conversation
    from inference_providers.compat.engine_call import Call


def start(call: Call, conversations: list[Conversation]) -> str:
    """Start a job; its id. Raises what `StartedJobs` raises."""
    job, handles = _handles(call, conversations)
    return handles.start([job.reader.item(given, index) for index, given in enumerate(conversations)])


def status(call: Call, job_id: str) -> BatchInfo:
    """How far a job is."""
    return info_of(job_id, *_handles(call, [])[1].look(job_id))


def cancelled(call: Call, job_id: str) -> BatchInfo:
    """A job whose end was asked for."""
    return info_of(job_id, *_handles(call, [])[1].cancel(job_id))


def results(call: Call, job_id: str, conversations: list[Conversation], *, partial: bool) -> InferenceResult:
    """What has come of a job.

    Raises RuntimeError for one that has not ended, and for one that has failed (has expired, was cancelled), unless
    *partial* is enough and something was answered: that was paid for, and is the error's `inference_result` otherwise.
    """
    job, handles = _handles(call, conversations)
    state, stage, problem = handles.look(job_id)
    info = info_of(job_id, state, stage, problem)
    if stage == "running":
        raise RuntimeError(f"batch {job_id} has not ended: it is {info.status}")
    run = Run(conversations, None, call.words.get("system"))
    for result in handles.results(job_id, [job.reader.item(given, n) for n, given in enumerate(conversations)]):
        run.take(result)
    if stage == "failed" and not (partial and run.result.successful):
        error = RuntimeError(f"batch {job_id} is {info.status}: {info.error or 'it says no more'}")
        error.__dict__["inference_result"] = run.result
        raise error
    return run.result


def _handles(call: Call, conversations: list[Conversation]) -> tuple[Job, StartedJobs]:
    words = {name: value for name, value in call.words.items() if name not in ("images", "files")}
    job = Job(conversations, call.model, completion_window=call.remote.batch_completion_window, **words)
    return job, StartedJobs(call.pipeline, call.model, job)
