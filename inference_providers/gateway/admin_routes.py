"""The administrator's paths: callers made, listed, changed, revoked and purged. A key is in the reply that makes it."""

from __future__ import annotations

import asyncio

from inference_providers.gateway.caller_fields import FieldError, UnknownCallerError
from inference_providers.gateway.messages import Outgoing, Refused
from inference_providers.gateway.purging import purge
from inference_providers.gateway.routes import ADMIN, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

BASE = "/admin/callers"
_PRIVATE = {"cache-control": "no-store"}


async def listed(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """All callers, and what each has spent this month."""

    def work() -> list[dict[str, Any]]:
        return [_row(gateway, caller) for caller in gateway.callers.list()]

    return Outgoing.json(200, {"object": "list", "data": await _done(work)})


async def created(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A new caller, with its key."""
    fields = incoming.json()
    if "name" not in fields:
        raise Refused(400, "name is missing: what the caller is to be called.", "invalid_field", parameter="name")

    def work() -> dict[str, Any]:
        made, key = gateway.callers.create(fields.pop("name"), **fields)
        return {**_row(gateway, made), "key": key}

    return Outgoing.json(201, await _done(work), _PRIVATE)


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One caller."""
    return Outgoing.json(200, await _done(lambda: _row(gateway, gateway.callers.get(incoming.values["name"]))))


async def changed(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One caller, with other fields: null takes a limit away."""
    fields, name = incoming.json(), incoming.values["name"]
    return Outgoing.json(200, await _done(lambda: _row(gateway, _update(gateway, name, fields))))


def _update(gateway: Gateway, name: str, fields: dict[str, Any]) -> Caller:
    if "name" in fields:
        raise FieldError("name", "a caller keeps its name; make another one instead")
    return gateway.callers.update(name, **fields)


async def revoked(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One caller, whose key is taken no longer."""
    return Outgoing.json(200, await _done(lambda: _row(gateway, gateway.callers.revoke(incoming.values["name"]))))


async def purged(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Nothing is kept of a caller any more."""
    name = incoming.values["name"]

    def work() -> Caller:
        return purge(gateway.callers, name, gateway.pipeline.users_environ, gateway.removals())

    gone = await _done(work)
    return Outgoing.json(200, {"object": "caller.purged", "name": gone.name, "purged": True})


def _row(gateway: Gateway, caller: Caller) -> dict[str, Any]:
    spent = gateway.tiers.spending.spent(caller.id) if caller.budget is not None else None
    return {"object": "caller", **caller.as_dict(), "spent": spent}


async def _done(work: Callable[[], Any]) -> Any:
    """What it gives, apart from the event loop: it may wait for a disk. Raises Refused for what cannot be."""
    try:
        return await asyncio.to_thread(work)
    except UnknownCallerError as error:
        raise Refused(404, _sentence(error), "unknown_caller", parameter="name") from None
    except FieldError as error:
        raise Refused(400, _sentence(error), "invalid_field", parameter=error.field) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused(503, f"The file of callers cannot be used now: {why}.", "callers_unavailable") from None


def _sentence(error: FieldError) -> str:
    said = str(error)
    return f"{said[0].upper()}{said[1:]}."


ROUTES = (
    Route("GET", BASE, listed, ADMIN),
    Route("POST", BASE, created, ADMIN),
    Route("GET", BASE + "/{name}", shown, ADMIN),
    Route("PATCH", BASE + "/{name}", changed, ADMIN),
    Route("DELETE", BASE + "/{name}", revoked, ADMIN),
    Route("POST", BASE + "/{name}/purge", purged, ADMIN),
)
