"""A provider's batch jobs, for an engine: conversations to a job, and a job's results back into them."""

from __future__ import annotations

from inference_providers.batches import Handles, Job
from inference_providers.compat.engine_results import BatchInfo, InferenceResult, info_of
from inference_providers.compat.engine_run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.chat import Conversation
    from inference_providers.compat.engine_call import Call


def start(call: Call, conversations: list[Conversation]) -> str:
    """Start a job; its id. Raises what `Handles` raises."""
    job, handles = _handles(call, conversations)
    return handles.start([job.reader.item(given, index) for index, given in enumerate(conversations)])


def status(call: Call, job_id: str) -> BatchInfo:
    """How far a job is."""
    state, ended, failed = _handles(call, [])[1].look(job_id)
    return info_of(job_id, state, ended=ended, failed=failed)


def results(call: Call, job_id: str, conversations: list[Conversation]) -> InferenceResult:
    """What has come of a job. Raises RuntimeError for one that has not ended, or has failed."""
    job, handles = _handles(call, conversations)
    state, ended, failed = handles.look(job_id)
    info = info_of(job_id, state, ended=ended, failed=failed)
    if not ended:
        raise RuntimeError(f"batch {job_id} has not ended: it is {info.status}")
    if failed:
        raise RuntimeError(f"batch {job_id} is {info.status}: {info.error or 'it says no more'}")
    run = Run(conversations, None, call.words.get("system"))
    for result in handles.results(job_id, [job.reader.item(given, n) for n, given in enumerate(conversations)]):
        run.take(result)
    return run.result


def _handles(call: Call, conversations: list[Conversation]) -> tuple[Job, Handles]:
    words = {name: value for name, value in call.words.items() if name != "images"}
    job = Job(conversations, call.model, completion_window=call.remote.batch_completion_window, **words)
    return job, Handles(call.pipeline, call.model, job)
