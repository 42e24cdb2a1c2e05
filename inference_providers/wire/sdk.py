"""SDK clients: real `openai.OpenAI` and `AsyncOpenAI` objects over our senders.

Underneath the SDK sits a transport that sends to one origin only, with that provider's
own key, whatever the environment or a later `with_options()` put into the headers.
"""

from __future__ import annotations

import os

import httpx2
import openai

from inference_providers.credentials import Secretive, host_of
from inference_providers.wire.messages import AsyncResponse, Limits, Request, Response, WireError, headers_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Any

    from inference_providers.candidates import Offer
    from inference_providers.wire.asend import AsyncSender
    from inference_providers.wire.send import Sender

# `OPENAI_CUSTOM_HEADERS` and the organisation variables are read by the SDK whenever a client is made or copied.
_OWN = ("authorization", "openai-organization", "openai-project")  # set by us, from the provider's row
_HOP = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "cookie")


def client(offer: Offer, sender: Sender, timeout: float) -> openai.OpenAI:
    """A synchronous SDK client for one candidate."""
    http = httpx2.Client(
        transport=_Transport(offer, sender),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(timeout, connect=5.0),
    )
    made = openai.OpenAI(
        api_key=offer.api_key or "none",
        base_url=offer.endpoint,
        http_client=http,
        timeout=httpx2.Timeout(timeout, connect=5.0),
    )
    sealed: openai.OpenAI = _sealed(made)
    return sealed


def async_client(offer: Offer, sender: AsyncSender, timeout: float) -> openai.AsyncOpenAI:
    """An asynchronous SDK client for one candidate."""
    http = httpx2.AsyncClient(
        transport=_AsyncTransport(offer, sender),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(timeout, connect=5.0),
    )
    made = openai.AsyncOpenAI(
        api_key=offer.api_key or "none",
        base_url=offer.endpoint,
        http_client=http,
        timeout=httpx2.Timeout(timeout, connect=5.0),
    )
    sealed: openai.AsyncOpenAI = _sealed(made)
    return sealed


def _sealed(made: Any) -> Any:
    """A client without what the SDK took from the environment for OpenAI; its copies are sealed as well."""
    made.organization = made.project = made.admin_api_key = made.webhook_secret = None
    made._custom_headers = {}
    copy = made.copy

    def sealed_copy(*args: Any, **kwargs: Any) -> Any:
        return _sealed(copy(*args, **kwargs))

    made.copy = made.with_options = sealed_copy
    return made


class _Sent(Secretive):
    """The keys that went out with a request, for scrubbing its errors; never shown."""

    __slots__ = ("_offer",)

    def __init__(self, offer: Offer) -> None:
        self._offer = offer

    def keys(self) -> list[str]:
        return [self._offer.api_key] if self._offer.api_key else []


def _belongs(url: httpx2.URL, endpoint: str) -> bool:
    """Whether *url* lies below *endpoint*: same scheme, host and port, no user information."""
    ours = httpx2.URL(endpoint)
    same = (url.scheme, url.host, url.port) == (ours.scheme, ours.host, ours.port)
    return same and not url.userinfo and f"{url.path}/".startswith(f"{ours.path.rstrip('/')}/")


def _request(request: httpx2.Request, body: bytes, offer: Offer) -> Request:
    """The SDK's request as the provider gets it. Refuses any other origin than the offer's."""
    if not _belongs(request.url, offer.endpoint):
        raise httpx2.UnsupportedProtocol(
            f"This client belongs to {host_of(offer.endpoint)} and sends nothing elsewhere.", request=request
        )
    request.extensions["inference_providers.sent"] = _Sent(offer)
    dropped = {*_OWN, *_HOP, *_custom_headers(os.environ)}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
    return Request(
        request.method,
        str(request.url),
        {**headers, **{n: v for n, v in headers_for(offer).items() if n != "User-Agent"}},
        body or None,
    )


def _custom_headers(environ: Mapping[str, str]) -> set[str]:
    """Names that `OPENAI_CUSTOM_HEADERS` would add to every SDK client, whoever it talks to."""
    lines = environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    return {line.partition(":")[0].strip().lower() for line in lines if ":" in line}


def _limits(request: httpx2.Request, total: Limits) -> tuple[float, float]:
    """(limit, idle) in seconds: the SDK's read timeout bounds both, as its users expect of `timeout=`."""
    given = request.extensions.get("timeout") or {}
    read = given.get("read")
    return (total.total, total.idle) if read is None else (float(read), float(read))


def _error(error: WireError, request: httpx2.Request) -> httpx2.TransportError:
    kinds = {
        "connect": httpx2.ConnectError,
        "tls": httpx2.ConnectError,
        "timeout": httpx2.ReadTimeout,
        "deadline": httpx2.ReadTimeout,
        "broken": httpx2.RemoteProtocolError,
    }
    return kinds.get(error.kind, httpx2.RemoteProtocolError)(str(error), request=request)


class _Transport(httpx2.BaseTransport):
    def __init__(self, offer: Offer, sender: Sender) -> None:
        self._offer, self._sender = offer, sender

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        limit, idle = _limits(request, self._sender.limits)
        try:
            response = self._sender.send(_request(request, request.read(), self._offer), limit=limit, idle=idle)
        except WireError as error:
            raise _error(error, request) from None
        return httpx2.Response(
            response.status, headers=_plain(response.headers), stream=_Stream(response, request), request=request
        )


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, offer: Offer, sender: AsyncSender) -> None:
        self._offer, self._sender = offer, sender

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        limit, idle = _limits(request, self._sender.limits)
        try:
            response = await self._sender.send(
                _request(request, await request.aread(), self._offer), limit=limit, idle=idle
            )
        except WireError as error:
            raise _error(error, request) from None
        return httpx2.Response(
            response.status, headers=_plain(response.headers), stream=_AsyncStream(response, request), request=request
        )


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Without those that no longer hold once the body has been decoded, and without where to go next: nobody goes there."""
    return {
        name: value
        for name, value in headers.items()
        if name not in ("content-encoding", "content-length", "transfer-encoding", "set-cookie", "location")
    }


class _Stream(httpx2.SyncByteStream):
    def __init__(self, response: Response, request: httpx2.Request) -> None:
        self._response, self._request = response, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.chunks
        except WireError as error:
            raise _error(error, self._request) from None

    def close(self) -> None:
        self._response.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, response: AsyncResponse, request: httpx2.Request) -> None:
        self._response, self._request = response, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.chunks:
                yield chunk
        except WireError as error:
            raise _error(error, self._request) from None

    async def aclose(self) -> None:
        self._response.close()
