"""OpenAI's responses: passed on to whoever has that API, translated for all others and kept here.

A conversation goes on where it is kept. One that a provider keeps leads back to that provider; one that was made here
goes to whoever serves the model, with all that was said so far.
"""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial

from inference_providers.gateway import dialects, kept_responses, openai_api, passed
from inference_providers.gateway.dialects import Dialect
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.recalled import Recalled, plainer
from inference_providers.gateway.routes import Route
from inference_providers.gateway.shown_items import shown
from inference_providers.protocols import responses_events, responses_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

    from inference_providers.gateway.messages import Handler
    from inference_providers.gateway.service import Gateway
    from inference_providers.protocols import Asked

NAME, PATH = "responses", "/v1/responses"
_DONE = ("completed", "incomplete")
_USUAL, _MOST = 20, 100  # items of one page
_NOT_KEPT = "store"  # of a request: False where its response must not be kept


class Exchange:
    """One request that is translated: what its response is made with, and where it is kept."""

    def __init__(self, gateway: Gateway, incoming: Incoming, recalled: Recalled) -> None:
        self._gateway, self._caller, self._recalled = gateway, incoming.caller.id, recalled
        self._new_id = kept_responses.ids()
        self._events: responses_events.Events | None = None
        self.dialect = Dialect(
            NAME, self._reply, self._stream, path="/responses", learns=True, kept=self.kept, plainer=plainer
        )

    def _reply(self, data: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        return responses_reply.reply(data, asked, new_id=self._new_id, now=time.time())

    def _stream(self, asked: Asked) -> responses_events.Events:
        self._events = responses_events.Events(asked, new_id=self._new_id, now=time.time())
        return self._events

    async def keep(self, response: Mapping[str, Any]) -> None:
        """Keep a response that is whole, unless its request says otherwise."""
        if self._recalled.body.get(_NOT_KEPT) is not False and response.get("status") in _DONE:
            await asyncio.to_thread(self._keep, response)

    def _keep(self, response: Mapping[str, Any]) -> None:
        said = json.dumps(response).encode()
        if all(passed.without_key(said, key) is said for key in self._gateway.secrets()):  # a provider may say ours
            self._gateway.responses.keep(self._caller, response, self._recalled.items, self._new_id)

    async def kept(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A stream, whose response is kept before its last event tells of it."""
        async for piece in pieces:
            if self._events is not None and self._events.response.get("status") in _DONE:
                events, self._events = self._events, None
                await self.keep(events.response)
            yield piece


async def create(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One response."""
    recalled = await asyncio.to_thread(Recalled, gateway.responses, incoming)
    asked, exchange = recalled.read(), Exchange(gateway, incoming, recalled)
    turn = await dialects.prepared(gateway, recalled.incoming, exchange.dialect, asked)
    if asked.streams:
        return await turn.streamed()
    reply = await turn.called()
    if reply.native:
        await turn.learn(reply)
        return turn.passed(reply)
    response = exchange.dialect.reply(reply.data, asked)
    await exchange.keep(response)
    return turn.made(reply, response)


async def look_up(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A response."""
    if incoming.query.get("stream") in ("true", "True", "1"):
        raise Refused(400, "Only the whole of a response is kept here, not its stream.", "not_kept", parameter="stream")
    record = await asyncio.to_thread(gateway.responses.find, incoming.caller.id, incoming.values["id"])
    if record is None:
        raise kept_responses.gone(incoming.values["id"])
    return Outgoing.json(200, record["response"])


async def remove(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Keep a response no longer."""
    id_ = incoming.values["id"]
    if not await asyncio.to_thread(gateway.responses.remove, incoming.caller.id, id_):
        raise kept_responses.gone(id_)
    return Outgoing.json(200, {"id": id_, "object": "response", "deleted": True})


async def cancel(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Nothing to end: what is kept here is whole."""
    await look_up(gateway, incoming)
    raise Refused(400, "Only a response in the background can be cancelled, and this is not one.", "not_in_background")


async def list_items(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What a response was made of: by pages, the last first."""
    items = await asyncio.to_thread(gateway.responses.input_of, incoming.caller.id, incoming.values["id"])
    query = incoming.query
    ordered = items if query.get("order") == "asc" else items[::-1]
    if after := query.get("after"):
        place = next((place for place, item in enumerate(ordered) if item.get("id") == after), None)
        if place is None:
            raise Refused(404, f"There is no {after[:80]!r} here.", "not_found", parameter="after")
        ordered = ordered[place + 1 :]
    limit = _limit(query.get("limit"))
    data = [shown(item) for item in ordered[:limit]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return Outgoing.json(200, {"object": "list", "data": data, **ends, "has_more": len(ordered) > limit})


def _limit(said: str | None) -> int:
    if not said:
        return _USUAL
    if not said.isdecimal() or not 1 <= int(said[:9]) <= _MOST:
        raise Refused(400, f"limit is a number from 1 to {_MOST}.", "invalid_value", parameter="limit")
    return int(said)


async def _where_it_is(own: Handler, gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A response that was made here is looked up here, any other at the provider that has it."""
    is_ours = kept_responses.is_ours(incoming.values["id"])
    return await (own if is_ours else openai_api.routed)(gateway, incoming)


ROUTES = (
    Route("POST", PATH, create),
    *(
        Route(method, f"{PATH}/{{id}}{below}", partial(_where_it_is, handler))
        for method, below, handler in (
            ("GET", "", look_up),
            ("DELETE", "", remove),
            ("POST", "/cancel", cancel),
            ("GET", "/input_items", list_items),
        )
    ),
)
