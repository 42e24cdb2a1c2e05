"""A whole file of requests for a provider's batch API in OpenAI's form: uploaded as it is, and its job begun."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from inference_providers.batches.batch_api import multipart
from inference_providers.batches.job_api import JobApi
from inference_providers.errors import InferenceProvidersError
from inference_providers.offers import wire_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer
    from inference_providers.registry import Registry

NAME = "batch.jsonl"  # of every file, at its provider
# What of a row says how its API is spoken to: where all of it is as it is by default, that is OpenAI's form.
_FORM = ("upload", "form", "create", "body", "poll", "download", "output", "errors", "done", "failed")
_FURTHER = ("form_of", "beside", "inside", "key", "status", "cancel", "list")


def has_api(offer: Offer) -> bool:
    """Whether an offer's provider has a batch API that is known."""
    return offer.connection.get("batch") is not None


def takes_files(offer: Offer, registry: Registry, count: int, size: int) -> bool:
    """Whether an offer's provider has a batch API in OpenAI's very form, which takes so many requests and bytes."""
    own = offer.connection.get("batch")
    if own is None or any(name in own for name in _FURTHER):
        return False
    if any(name in own and own[name] != registry.batch[name] for name in _FORM):
        return False
    row = {**registry.batch, **own}
    return bool(count <= row["requests"] and size <= row["bytes"])


async def pass_on(
    pipeline: Pipeline, offers: Mapping[str, Offer], lines: Iterable[bytes], asked: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Have a provider work on a file: its id there, and the job as the provider says it.

    offers: of that provider, by the models' names in the lines. asked: the body that begins the job, but for the
    file. Raises what the provider refuses; then it does not keep the file.
    """
    first = next(iter(offers.values()))
    row = {**pipeline.finder.registry.batch, **first.connection["batch"]}
    api = JobApi(pipeline, first, row)
    content, kind = await asyncio.to_thread(lambda: multipart(row["form"], NAME, b"".join(_renamed(lines, offers))))
    uploaded = await api.ask("POST", row["upload"], content, kind)
    file = uploaded.get("id")
    if not isinstance(file, str):
        raise api.unwell("its batch API gave the file no id")
    try:
        body = json.dumps({**asked, "input_file_id": file}).encode()
        job = await api.ask("POST", row["create"], body, "application/json")
        api.id_of(job)
    except InferenceProvidersError:
        with suppress(InferenceProvidersError):
            await api.bytes("DELETE", api.path(f"{row['upload']}/{{id}}", file))
        raise
    return file, job


def _renamed(lines: Iterable[bytes], offers: Mapping[str, Offer]) -> Iterator[bytes]:
    """Lines with the provider's own names for the models; else as they came."""
    for line in lines:
        if line.strip():
            row = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            row["body"]["model"] = wire_name(offers[row["body"].get("model", "")])
            yield json.dumps(row).encode() + b"\n"
