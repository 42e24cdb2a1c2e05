"""Many questions: from files or programs, to many providers at once or to their batch APIs."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.batches import roll_call as roll_call
    from inference_providers.batches import roll_call_pages as roll_call_pages
    from inference_providers.batches.batch import AsyncBatch as AsyncBatch
    from inference_providers.batches.batch import Batch as Batch
    from inference_providers.batches.csv_file import CsvFile as CsvFile
    from inference_providers.batches.files import Output as Output
    from inference_providers.batches.formulas import escaped as escaped
    from inference_providers.batches.formulas import is_formula as is_formula
    from inference_providers.batches.handles import AsyncBatchJobs as AsyncBatchJobs
    from inference_providers.batches.handles import BatchJob as BatchJob
    from inference_providers.batches.handles import BatchJobs as BatchJobs
    from inference_providers.batches.items import PROMPTS as PROMPTS
    from inference_providers.batches.items import Item as Item
    from inference_providers.batches.items import MalformedItemError as MalformedItemError
    from inference_providers.batches.items import Result as Result
    from inference_providers.batches.items import Summary as Summary
    from inference_providers.batches.job import Job as Job
    from inference_providers.batches.journals import Journals as Journals
    from inference_providers.batches.parts import Parts as Parts
    from inference_providers.batches.parts import line_of as line_of
    from inference_providers.batches.passing import has_api as has_api
    from inference_providers.batches.passing import pass_on as pass_on
    from inference_providers.batches.passing import takes_files as takes_files
    from inference_providers.batches.provider_parts import jobs_under_way as jobs_under_way
    from inference_providers.batches.roll_call import Entry as Entry
    from inference_providers.batches.runner import Runner as Runner
    from inference_providers.batches.started_jobs import StartedJobs as StartedJobs
    from inference_providers.batches.tables import ANSWERS as ANSWERS
    from inference_providers.batches.tables import prefix as prefix

_HOME = {
    "batch": (
        "AsyncBatch",
        "Batch",
    ),
    "csv_file": ("CsvFile",),
    "files": ("Output",),
    "formulas": (
        "escaped",
        "is_formula",
    ),
    "handles": (
        "AsyncBatchJobs",
        "BatchJob",
        "BatchJobs",
    ),
    "items": (
        "Item",
        "MalformedItemError",
        "PROMPTS",
        "Result",
        "Summary",
    ),
    "job": ("Job",),
    "journals": ("Journals",),
    "parts": (
        "Parts",
        "line_of",
    ),
    "passing": (
        "has_api",
        "pass_on",
        "takes_files",
    ),
    "provider_parts": ("jobs_under_way",),
    "roll_call": ("Entry",),
    "runner": ("Runner",),
    "started_jobs": ("StartedJobs",),
    "tables": (
        "ANSWERS",
        "prefix",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "roll_call",
        "roll_call_pages",
    ),
)
