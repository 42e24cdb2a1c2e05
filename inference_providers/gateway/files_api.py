"""Files by OpenAI's API. Those for batches stay here until it is known who works on them; all others go on at once."""

from __future__ import annotations

import asyncio

from inference_providers.calls import IN_PATH
from inference_providers.credentials import scrub_json
from inference_providers.gateway import forms, kept_lists
from inference_providers.gateway.ids import FILE, STORE, Known
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.named import BASE, Named, offer_of
from inference_providers.gateway.openai_api import routed
from inference_providers.gateway.routes import Route
from inference_providers.protocols import ModelRequest, form_file, form_lists, is_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from inference_providers.gateway.service import Gateway

FOR_BATCHES = "batch"
_PURPOSE = "purpose"


async def upload(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A new file."""
    kind = incoming.headers.get("content-type", "")
    if not is_form(kind):
        raise Refused(400, "A file comes as multipart/form-data, with `purpose` and `file`.", "invalid_form")
    forms.names(incoming.content, kind)
    said, _ = form_lists(incoming.content, (_PURPOSE,))
    if FOR_BATCHES not in said.get(_PURPOSE, []):
        return await routed(gateway, incoming)
    found = form_file(incoming.content)
    if found is None:
        raise Refused(400, "The form has no part `file`.", "missing_file", parameter="file")
    name, content = found
    made = await asyncio.to_thread(gateway.files.put, incoming.caller.id, name or "batch.jsonl", FOR_BATCHES, content)
    return Outgoing.json(200, made)


async def files(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The list of files."""
    return await listed(gateway, incoming, FILE)


async def stores(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The list of vector stores."""
    return await listed(gateway, incoming, STORE)


async def listed(gateway: Gateway, incoming: Incoming, kind: str) -> Outgoing:
    """A list: of what was made here; for the administrator, of all that one provider has, where one is named."""
    query = incoming.query
    provider = query.get("provider")
    if provider is None:
        return await kept_lists.listed(gateway, incoming, kind)
    if not incoming.caller.is_admin:
        raise Refused(403, "What a provider has is the administrator's to see.", "not_administrator")
    from urllib.parse import urlencode

    finder = gateway.pipeline.finder
    whole = Known("the list", finder.provider_id(provider), "", "", 0.0)
    whole.endpoint = finder.accesses[whole.provider].endpoint
    rest = urlencode({name: value for name, value in query.items() if name != "provider"})
    path = f"{incoming.path[len(BASE) :]}?{rest}" if rest else incoming.path[len(BASE) :]
    reply = await gateway.pipeline.async_caller.call(
        [offer_of(whole, finder)], ModelRequest(path=path, method="GET"), total=gateway.options.timeout
    )
    return Outgoing.json(reply.status, scrub_json(reply.data, gateway.secrets()))


async def ours(gateway: Gateway, incoming: Incoming, kind: str) -> Known | None:
    """What the path names, where it is the gateway's own; None for a provider's. Raises Refused (404)."""
    named = Named(gateway.ids, incoming.caller)
    await named.check([(IN_PATH, incoming.values["id"])])
    return next((row for row in named.rows if row.is_ours and row.kind == kind), None)


async def file(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What is said of a file."""
    row = await ours(gateway, incoming, FILE)
    return await routed(gateway, incoming) if row is None else Outgoing.json(200, row.object)


async def delete(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A file is kept no longer, here or at its provider."""
    row = await ours(gateway, incoming, FILE)
    if row is None:
        return await routed(gateway, incoming)
    await asyncio.to_thread(gateway.files.remove, row)
    for copy in await asyncio.to_thread(gateway.ids.copies, row.id):
        await _delete_copy(gateway, copy)
    return Outgoing.json(200, {"id": row.id, "object": "file", "deleted": True})


async def _delete_copy(gateway: Gateway, copy: Known) -> None:
    """Have a provider keep its copy of a file no longer, unless it cannot be asked now."""
    from inference_providers.errors import InferenceProvidersError

    pipeline = gateway.pipeline
    request = ModelRequest(path=f"/files/{copy.id}", method="DELETE")
    try:
        await pipeline.async_caller.call([offer_of(copy, pipeline.finder)], request, total=gateway.options.timeout)
    except (InferenceProvidersError, Refused):
        return
    await asyncio.to_thread(gateway.ids.forget, copy)


async def content(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What is in a file."""
    row = await ours(gateway, incoming, FILE)
    if row is None:
        return await routed(gateway, incoming)
    return Outgoing(200, {"content-type": "application/octet-stream"}, _pieces(gateway.files.read(row.id)))


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


ROUTES = (
    Route("POST", f"{BASE}/files", upload, takes_forms=True),
    Route("GET", f"{BASE}/files", files),
    Route("GET", f"{BASE}/files/{{id}}", file),
    Route("DELETE", f"{BASE}/files/{{id}}", delete),
    Route("GET", f"{BASE}/files/{{id}}/content", content),
    Route("GET", f"{BASE}/vector_stores", stores),
)
