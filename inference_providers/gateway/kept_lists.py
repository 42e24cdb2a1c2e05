"""Lists of files, batches and vector stores: of what was made through the gateway, each caller's own, by pages."""

from __future__ import annotations

import asyncio

from inference_providers.credentials import scrub_json
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway.batch_runs import ENDED, public
from inference_providers.gateway.ids import BATCH, COPY, FILE, STORE, Known
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.named import offer_of
from inference_providers.protocols import ModelRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.gateway.service import Gateway

_MOST = {FILE: (10_000, 10_000), BATCH: (20, 100), STORE: (20, 100)}  # of one page: where nothing is said, and at most
_PATHS = {FILE: "/files", BATCH: "/batches", STORE: "/vector_stores"}
_AT_ONCE = 8  # requests to providers, for one page
_GONE = (404, 410)


async def listed(gateway: Gateway, incoming: Incoming, kind: str) -> Outgoing:
    """One page: of a caller what it has made, of the administrator what anybody has."""
    query, caller = incoming.query, incoming.caller
    rows = await asyncio.to_thread(gateway.ids.listed, kind, None if caller.is_admin else caller.id)
    if query.get("order") == "asc":
        rows.reverse()
    if after := query.get("after"):
        place = next((place for place, row in enumerate(rows) if row.id == after), None)
        if place is None:
            raise Refused(404, f"There is no {after[:80]!r} here.", "not_found", parameter="after")
        rows = rows[place + 1 :]
    if purpose := query.get("purpose"):
        rows = [row for row in rows if row.object.get("purpose", purpose) == purpose]
    limit = _limit(query.get("limit"), *_MOST[kind])
    turns = asyncio.Semaphore(_AT_ONCE)
    seen = await asyncio.gather(*(_now(gateway, row, turns) for row in rows[:limit]))
    data = [public(one) for one in seen if one and (not purpose or one.get("purpose") == purpose)]
    data = scrub_json(data, gateway.secrets())  # a provider may have said one again
    ends = {"first_id": data[0].get("id"), "last_id": data[-1].get("id")} if data else {}
    return Outgoing.json(200, {"object": "list", "data": data, **ends, "has_more": len(rows) > limit})


def _limit(said: str | None, usual: int, most: int) -> int:
    if not said:
        return usual
    if not said.isdecimal() or not 1 <= int(said[:9]) <= most:
        raise Refused(400, f"limit is a number from 1 to {most:,}.", "invalid_value", parameter="limit")
    return int(said)


async def _now(gateway: Gateway, row: Known, turns: asyncio.Semaphore) -> dict[str, Any] | None:
    """A thing as it is now: its provider is asked where that may have changed. None for what is gone."""
    said = row.object
    if row.is_ours:
        return said
    if not said or (row.kind == BATCH and said.get("status") not in ENDED):
        async with turns:
            try:
                said = await looked_at(gateway, row)
                await asyncio.to_thread(gateway.ids.see, row, said)
            except (InferenceProvidersError, Refused) as error:
                if getattr(error, "status", None) in _GONE:
                    await asyncio.to_thread(gateway.ids.forget, row)
                    return None
                # else it is told as it was when it was last seen
    return await asyncio.to_thread(named_here, gateway, said)


async def looked_at(gateway: Gateway, row: Known) -> dict[str, Any]:
    """A thing, as its provider says it is. Raises what a call raises, and Refused."""
    from urllib.parse import quote

    request = ModelRequest(path=f"{_PATHS[row.kind]}/{quote(row.id, safe='')}", method="GET")
    pipeline = gateway.pipeline
    reply = await pipeline.async_caller.call([offer_of(row, pipeline.finder)], request, total=gateway.options.timeout)
    return reply.data if isinstance(reply.data, dict) else {}


def named_here(gateway: Gateway, said: dict[str, Any]) -> dict[str, Any]:
    """A provider's batch, with our own name for the file that it has a copy of."""
    file = said.get("input_file_id")
    found = gateway.ids.find([file]) if isinstance(file, str) else []
    ours = next((row.data for row in found if row.kind == COPY), None)
    return {**said, "input_file_id": ours} if ours else said
