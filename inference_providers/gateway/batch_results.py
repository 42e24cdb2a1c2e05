"""What a batch of the gateway's own leaves: a file of results, a file of errors, and how it ended."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress

from inference_providers import files
from inference_providers.batches import AsyncBatchJobs, jobs_under_way
from inference_providers.credentials import scrub_json
from inference_providers.errors import InferenceProvidersError
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from inference_providers.clients import AsyncProviderList
    from inference_providers.gateway.ids import Ids
    from inference_providers.gateway.kept_files import KeptFiles

IN, OUT = "in.jsonl", "out.jsonl"
PURPOSE = "batch_output"
_NO_LIMIT = 2**62  # results were paid for: they are kept, however much their caller has already


async def cancel_jobs(providers: AsyncProviderList, folder: str) -> None:
    """Have providers end what they still work on for a batch, as far as they can be asked."""
    jobs = AsyncBatchJobs(providers)
    for job, provider in jobs_under_way(os.path.join(folder, OUT)).items():
        with suppress(InferenceProvidersError):
            await jobs.cancel(f"{provider}/{job}")


def settle(
    kept: KeptFiles, ids: Ids, said: dict[str, Any], status: str, problem: Exception | None, secrets: Sequence[str] = ()
) -> None:
    """Make the files of a batch that has ended, and say how it has. What it worked with is removed.

    *secrets*: what no result may hold. Done twice, it comes to the same. Of a batch that was purged, nothing is made.
    Raises Refused and OSError where nothing can be kept.
    """
    folder, caller = kept.path(said["id"]), said["_caller"]
    if ids.is_gone(said["id"]):
        shutil.rmtree(folder, ignore_errors=True)
        return
    counts, made = {"completed": 0, "failed": 0}, {}
    for field, key, are_errors in (("output_file_id", "completed", False), ("error_file_id", "failed", True)):
        counts[key] = sum(1 for _ in _rows(folder, are_errors=are_errors))
        if counts[key]:
            id = f"file-{said['id'].removeprefix('batch_')}-{'errors' if are_errors else 'output'}"

            def write(path: str, are_errors: bool = are_errors) -> None:
                with files.replacing(path, mode=0o600) as file:
                    for row in _rows(folder, are_errors=are_errors):
                        row = scrub_json(row, secrets)
                        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

            name = f"{said['id']}_{'error' if are_errors else 'output'}.jsonl"
            made[field] = kept.take(id, caller, name, PURPOSE, write, most=_NO_LIMIT)["id"]

    def change(now: dict[str, Any]) -> dict[str, Any]:
        ended: dict[str, Any] = {**now, **made, "status": status, f"{status}_at": int(time.time())}
        ended["request_counts"] = {**now["request_counts"], **counts}
        if problem is not None:
            data = [{"code": type(problem).__name__, "message": str(problem), "param": None, "line": None}]
            ended["errors"] = {"object": "list", "data": data}
        return ended

    if ids.update(said["id"], change) is None:
        raise OSError(0, "the list of batches cannot be written")  # what it worked with stays, and it is taken up again
    shutil.rmtree(folder, ignore_errors=True)


def _rows(folder: str, *, are_errors: bool) -> Iterator[dict[str, Any]]:
    """Lines of results in OpenAI's form: those with an answer, or the others."""
    with suppress(FileNotFoundError), open(os.path.join(folder, OUT), "rb", opener=files.regular) as file:
        for line in file:
            try:
                row = jsontext.loads(line)
            except ValueError:  # the last one, of a process that was killed
                continue
            if isinstance(row, dict) and (row.get("error") is not None) is are_errors:
                yield {name: row.get(name) for name in ("id", "custom_id", "response", "error")}
