"""A server of MCP at an address: the SDK's HTTP client over our sender, which keeps to the address and to limits."""

from __future__ import annotations

import httpx2

from inference_providers.credentials import Secret
from inference_providers.toolsets.results import check_message
from inference_providers.transport import AsyncSender, Limits, Request, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from inference_providers.credentials import Address
    from inference_providers.toolsets.servers import Server
    from inference_providers.transport import AsyncResponse

REPLY = 8 * 1024 * 1024  # bytes of a reply that is not a stream of events
_LATER = 30.0  # seconds by which a request outlives its call, which ends it
_UNREACHED = -32050  # a code of ours, among those that JSON-RPC leaves to servers
_ALL_DAY = 86400.0
_OURS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "user-agent")


def client(server: Server, environ: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client for one server: proxies and certificates are those of *environ*, and nothing goes to another host."""
    return httpx2.AsyncClient(
        transport=_Bounded(server, environ), headers=server.headers, trust_env=False, follow_redirects=False
    )


class _Recipient:
    """Says where a request with a server's headers may go: to its own address."""

    peer_check: Callable[[int], str] | None = None

    def __init__(self, address: Address) -> None:
        self._origin = address.origin

    def forbids(self, address: Address) -> str:
        """Why a request must not go to an address; empty where it may."""
        return "" if address.origin == self._origin else "it is not the server's address"


class _Bounded(httpx2.AsyncBaseTransport):
    def __init__(self, server: Server, environ: Mapping[str, str]) -> None:
        assert server.address is not None
        self._recipient, self._names = _Recipient(server.address), {name.lower() for name in server.headers}
        self._name = server.name
        self._sender = AsyncSender(environ, Limits(total=server.timeout + _LATER))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {
            name: Secret(value) if name in self._names else value
            for name, value in request.headers.items()
            if name not in _OURS
        }
        body = await request.aread()
        wanted = Request(request.method, str(request.url), headers, body or None, self._recipient)
        listens = request.method == "GET"  # the stream of what the server says by itself: silence is no failure
        try:
            response = await self._sender.send(wanted, limit=_ALL_DAY if listens else None)
        except WireError as error:
            return _failed(request, str(error))
        if why := self._refusal(response):
            response.close()
            return _failed(request, why)
        kept = [(name, value) for name, value in response.headers.items() if name not in _ENCODED]
        return httpx2.Response(response.status, headers=kept, stream=_Body(response), request=request)

    def _refusal(self, response: AsyncResponse) -> str:
        """What a status means that the SDK would not tell; empty for others."""
        if response.status in (401, 403):
            wanted = 'headers = { Authorization = "Bearer ${VARIABLE}" }'
            return f"HTTP {response.status}: it wants a key, or another one; {wanted} in [mcp.{self._name}] gives one"
        is_json = response.headers.get("content-type", "").lower().startswith("application/json")
        return f"HTTP {response.status}" if response.status >= 500 and not is_json else ""

    async def aclose(self) -> None:
        await self._sender.aclose()


def _failed(request: httpx2.Request, why: str) -> httpx2.Response:
    """A failure as the server's own error for this request: any other ends the SDK's client."""
    told = {"jsonrpc": "2.0", "id": None, "error": {"code": _UNREACHED, "message": why}}
    return httpx2.Response(503, json=told, request=request)


_ENCODED = ("content-encoding", "content-length", "transfer-encoding")  # the sender has undone these


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: AsyncResponse) -> None:
        self._response = response
        self._is_events = response.headers.get("content-type", "").lower().startswith("text/event-stream")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """A stream of events as it comes, of which the SDK takes a megabyte each; another reply once it is whole."""
        whole: list[bytes] = []
        size = 0
        try:
            async for chunk in self._response.chunks:
                if self._is_events:
                    yield chunk
                    continue
                whole.append(chunk)
                size += len(chunk)
                if size > REPLY:
                    raise httpx2.StreamError(f"a reply of more than {REPLY // 1024 // 1024} MB")
        except WireError as error:
            raise httpx2.StreamError(str(error)) from None
        reply = b"".join(whole)
        try:
            check_message(reply)
        except ValueError:
            raise httpx2.StreamError("a reply that is too complex") from None
        yield reply

    async def aclose(self) -> None:
        self._response.close()
