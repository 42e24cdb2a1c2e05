"""A gateway within a test's own process, for whatever needs callers of its own: asked by ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from inference_providers import AsyncProviderList
from inference_providers.gateway.app import Application
from inference_providers.gateway.callers import Caller, Callers
from inference_providers.gateway.service import Gateway
from inference_providers.gateway.settings import Settings
from tests.conftest import keys, places
from tests.gateway.conftest import TOKEN


class Known(Callers):
    """Callers whose keys are their ids."""

    def __init__(self, *callers: Caller) -> None:
        self._callers = {caller.id: caller for caller in callers}

    def of(self, token: str) -> Caller | None:
        return self._callers.get(token)

    def by_id(self, id: str) -> Caller | None:
        return self._callers.get(id)


class Asked:
    """A gateway that can be asked."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self._application = gateway, Application(gateway)

    async def __call__(
        self,
        token: str,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """(status, JSON or bytes) of one request, by whoever has this token."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        where, _, query = path.partition("?")
        given = {"host": "127.0.0.1", "authorization": f"Bearer {token}", **(headers or {})}
        given |= {"content-type": kind} if content else {}
        scope: dict[str, Any] = {"type": "http", "method": method, "path": where, "query_string": query.encode()}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
        status, pieces = 0, list[bytes]()

        came = iter(({"type": "http.request", "body": content, "more_body": False},) if method == "POST" else ())

        async def receive() -> dict[str, Any]:
            for message in came:
                return message
            return await asyncio.Future()  # the client stays

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            pieces.append(message.get("body", b""))

        await self._application(scope, receive, send)
        found = b"".join(pieces)
        try:
            return status, json.loads(found)
        except ValueError:
            return status, found

    async def upload(self, token: str, content: bytes, purpose: str = "batch") -> tuple[int, Any]:
        """A new file."""
        form = f'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--x\r\n'
        form += 'Content-Disposition: form-data; name="file"; filename="q.jsonl"\r\n\r\n'
        kind = "multipart/form-data; boundary=x"
        return await self(token, "POST", "/v1/files", form.encode() + content + b"\r\n--x--\r\n", kind)


@asynccontextmanager
async def asked(registry: dict[str, Any], *callers: Caller) -> AsyncIterator[Asked]:
    """A gateway over a registry, with these callers."""
    environ = {**places(), **keys(len(registry["providers"]))}

    def providers() -> AsyncProviderList:
        return AsyncProviderList(json_override=registry, environ=environ, local=False)

    gateway = Gateway(providers, Settings(token=TOKEN), Known(*callers))
    await gateway.begin()
    try:
        yield Asked(gateway)
    finally:
        await gateway.aclose()
