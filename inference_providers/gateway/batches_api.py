"""Batches by OpenAI's API: at the provider that can take the file as it is, else here, with our own batches."""

from __future__ import annotations

import asyncio
import json
import time

from inference_providers.batches import pass_on
from inference_providers.credentials import scrub_json
from inference_providers.gateway.batch_lines import ENDPOINTS, Lines
from inference_providers.gateway.batch_plan import Plan, planned
from inference_providers.gateway.batch_runs import ENDED, public
from inference_providers.gateway.files_api import listed, ours
from inference_providers.gateway.ids import BATCH, COPY, FILE, Known
from inference_providers.gateway.kept_lists import named_here
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.named import BASE, Named
from inference_providers.gateway.openai_api import routed
from inference_providers.gateway.routes import Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.service import Gateway
    from inference_providers.offers import Offer


async def create(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A new batch over a file."""
    asked = incoming.json()
    file = asked.get("input_file_id")
    if not isinstance(file, str) or not file:
        raise Refused(400, "input_file_id is missing.", "missing_required_parameter", parameter="input_file_id")
    named = Named(gateway.ids, incoming.caller)
    await named.check([("input_file_id", file)])
    if not any(row.is_ours and row.kind == FILE for row in named.rows):
        _check_unread(incoming.caller)
        return await routed(gateway, incoming)  # a provider's own file
    if asked.get("endpoint") not in ENDPOINTS:
        raise Refused(400, f"endpoint is one of {', '.join(ENDPOINTS)}.", "invalid_value", parameter="endpoint")
    is_bound = incoming.caller.models is not None
    lines = await asyncio.to_thread(lambda: Lines(_lines(gateway, file), asked["endpoint"], is_bound=is_bound))
    await _check_ids(gateway, incoming, lines)
    plan = await asyncio.to_thread(
        planned, gateway.pipeline.finder, lines, asked["endpoint"], gateway.options, incoming.caller, gateway.allowed
    )
    if plan.offers and not lines.problems:
        return await _passed_on(gateway, incoming, plan.offers, asked)
    made = await asyncio.to_thread(_made, gateway, incoming, asked, lines, plan)
    if made["status"] not in ENDED:
        gateway.batches.start(made["id"])
    return Outgoing.json(200, public(made))


def _check_unread(caller: Caller) -> None:
    """Raise Refused for a caller with limits that the lines of a file which only its provider has may exceed."""
    if caller.models is not None or caller.budget is not None:
        raise Refused(
            403,
            "This key has models or a budget of its own: its batches are over files uploaded with purpose `batch`.",
            "file_not_checked",
            parameter="input_file_id",
        )


def _made(gateway: Gateway, incoming: Incoming, asked: dict[str, Any], lines: Lines, plan: Plan) -> dict[str, Any]:
    return gateway.batches.create(incoming.caller.id, asked, lines.count, lines.problems, plan.mode)


async def _check_ids(gateway: Gateway, incoming: Incoming, lines: Lines) -> None:
    """Report what the lines name and is not their caller's."""
    try:
        await Named(gateway.ids, incoming.caller).check(list(lines.ids))
    except Refused as error:
        lines.report(error.code, error.message, error.parameter)


def _lines(gateway: Gateway, file: str) -> Iterator[bytes]:
    """The lines of a file of ours."""
    left = b""
    for piece in gateway.files.read(file):
        *whole, left = (left + piece).split(b"\n")
        yield from whole
    if left:
        yield left


async def _passed_on(
    gateway: Gateway, incoming: Incoming, offers: Mapping[str, Offer], asked: dict[str, Any]
) -> Outgoing:
    """Have the provider that serves all of the models work on the file."""
    file = asked["input_file_id"]
    copy, job = await pass_on(gateway.pipeline, offers, _lines(gateway, file), asked)
    job = scrub_json(job, gateway.secrets())
    first = next(iter(offers.values()))
    place = first.provider, first.endpoint, incoming.caller.id, time.time()
    names = first.canonical_name, first.internal_name
    rows = [
        Known(copy, *place, COPY, *names, file, made=True),
        Known(str(job["id"]), *place, BATCH, *names, json.dumps(job), made=True),
    ]
    await asyncio.to_thread(gateway.ids.learn, rows)
    headers = {"x-inference-provider": first.provider}
    return Outgoing.json(200, {**job, "input_file_id": file}, headers)


async def batches(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The list of batches."""
    return await listed(gateway, incoming, BATCH)


async def batch(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """How a batch stands."""
    row = await ours(gateway, incoming, BATCH)
    if row is None:
        return await _of_provider(gateway, incoming)
    said = row.object
    if said["status"] not in ENDED:
        gateway.batches.start(row.id)  # nobody may work on it: then we do
    return Outgoing.json(200, public(said))


async def cancel(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A batch is to end."""
    row = await ours(gateway, incoming, BATCH)
    if row is None:
        return await _of_provider(gateway, incoming)
    said = await gateway.batches.cancel(row.id)
    if said is None:
        raise Refused(503, "The list of batches cannot be written.", "no_storage")
    return Outgoing.json(200, public(said))


async def _of_provider(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A provider's batch, which names the file by our own id where it has a copy of ours."""
    reply = await routed(gateway, incoming)
    if not isinstance(reply.content, bytes):
        return reply
    try:
        said = json.loads(reply.content)
    except (ValueError, RecursionError):
        return reply
    if isinstance(said, dict) and "input_file_id" in said:
        found = await asyncio.to_thread(named_here, gateway, said)
        reply.content = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
    return reply


ROUTES = (
    Route("POST", f"{BASE}/batches", create),
    Route("GET", f"{BASE}/batches", batches),
    Route("GET", f"{BASE}/batches/{{id}}", batch),
    Route("POST", f"{BASE}/batches/{{id}}/cancel", cancel),
)
