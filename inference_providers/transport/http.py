"""What travels on the wire: a small request out, a small response in, and the limits on both."""

from __future__ import annotations

from inference_providers.credentials import Address, Secret, Secretive, address_of, host_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from typing import Protocol

    from inference_providers.offers import Offer

    class Recipient(Protocol):
        """Whom a request is for: an offer, or a gateway."""

        @property
        def peer_check(self) -> Callable[[int], str] | None:
            """What says why a connection, from a local port, leads to somebody else; None where that is not checked."""
            raise NotImplementedError

        def forbids(self, address: Address) -> str:
            """Why a request with its key must not go to an address; empty where it may."""
            raise NotImplementedError


COMMON = {
    "User-Agent": "inference_providers",
    "Accept-Encoding": "identity",
}  # headers of every request, unless it has them
RESPONSE_CAP = 64 * 1024 * 1024  # bytes
ERROR_CAP = 64 * 1024  # bytes


class Limits:
    """How long each step of a request may take, in seconds.

    Args:
        connect: Until there is a connection.
        first_token: Until the first content of a stream.
        idle: Between two events of a stream.
        total: The whole call, retries included.
        farewell: For usage and `[DONE]`, once a stream has brought its finish reason.
    """

    __slots__ = ("connect", "farewell", "first_token", "idle", "total")

    def __init__(
        self,
        *,
        connect: float = 5.0,
        first_token: float = 60.0,
        idle: float = 300.0,
        total: float = 600.0,
        farewell: float = 2.0,
    ) -> None:
        self.connect, self.first_token, self.idle, self.total = connect, first_token, idle, total
        self.farewell = farewell


class Cancellation:
    """Ends a request from another thread. Whoever sends the request says how, once there is something to end."""

    __slots__ = ("_close", "_is_cancelled")

    def __init__(self) -> None:
        self._close: Callable[[], None] | None = None
        self._is_cancelled = False

    def watch(self, close: Callable[[], None]) -> None:
        """*close* ends the request from here on; at once, where it has been cancelled already."""
        self._close = close
        if self._is_cancelled:
            close()

    @property
    def is_cancelled(self) -> bool:
        """Whether the request is to end."""
        return self._is_cancelled

    def cancel(self) -> None:
        """End the request, now or as soon as it has a connection."""
        self._is_cancelled = True
        if self._close is not None:
            self._close()


class Request(Secretive):
    """One HTTP request. Its repr shows neither headers nor body.

    *offer* is whom it is for: it says whether the request may go to its URL. Without one, no key goes along.
    """

    __slots__ = ("body", "cancellation", "headers", "method", "offer", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        offer: Recipient | None = None,
    ) -> None:
        self.method, self.url, self.headers, self.body, self.offer = method, url, headers or {}, body, offer
        self.cancellation: Cancellation | None = (
            None  # of the synchronous sender; a task of asyncio is cancelled itself
        )

    def __repr__(self) -> str:
        return f"<Request {self.method} to {host_of(self.url)}>"


class Response:
    """One HTTP response: status, headers to be looked up in lower case, the body as it comes.

    Close it, or read it to its end. Reading `chunks` raises WireError.
    """

    __slots__ = ("chunks", "close", "headers", "limit", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        chunks: Iterator[bytes],
        close: Callable[[], None],
        limit: Callable[[float, float], None],
    ) -> None:
        self.status, self.headers, self.chunks, self.close = status, headers, chunks, close
        self.limit = limit  # sets anew how long the rest may take, and how long silence may, in seconds from now

    def more(self) -> bytes:
        """The next bytes of the body, none at its end. Raises WireError."""
        for chunk in self.chunks:
            if chunk:
                return chunk
        return b""

    def read(self, cap: int = RESPONSE_CAP) -> bytes:
        """The whole body. Raises WireError, also ("oversize") when it is larger than *cap* bytes."""
        parts, size = [], 0
        try:
            for chunk in self.chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > cap:
                    raise _oversize(cap)
        finally:
            self.close()
        return b"".join(parts)


class AsyncResponse:
    """`Response` for asyncio. *more* gives the next bytes of the body, none at its end; it raises WireError."""

    __slots__ = ("close", "headers", "limit", "more", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        more: Callable[[], Awaitable[bytes]],
        close: Callable[[], None],
        limit: Callable[[float, float], None],
    ) -> None:
        self.status, self.headers, self.more, self.close, self.limit = status, headers, more, close, limit

    @property
    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises WireError."""
        while chunk := await self.more():
            yield chunk

    async def read(self, cap: int = RESPONSE_CAP) -> bytes:
        """The whole body. Raises WireError, also ("oversize") when it is larger than *cap* bytes."""
        parts, size = [], 0
        try:
            while chunk := await self.more():
                parts.append(chunk)
                size += len(chunk)
                if size > cap:
                    raise _oversize(cap)
        finally:
            self.close()
        return parts[0] if len(parts) == 1 else b"".join(parts)


class WholeResponse(AsyncResponse):
    """One that is here to its end, and has left its connection: nothing is waited for."""

    __slots__ = ("_left",)

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status, self.headers, self._left = status, headers, content
        self.more, self.close, self.limit = self._more, _nothing, _nothing

    async def _more(self) -> bytes:
        content, self._left = self._left, b""
        return content

    async def read(self, cap: int = RESPONSE_CAP) -> bytes:
        """The whole body. Raises WireError ("oversize") when it is larger than *cap* bytes."""
        content, self._left = self._left, b""
        if len(content) > cap:
            raise _oversize(cap)
        return content


def _nothing(*_: float) -> None:
    """What there is to close, or to limit, where all is here."""


def _oversize(cap: int) -> WireError:
    return WireError("oversize", f"the body is larger than {cap // 1024} KiB")


def response_of(
    status: int,
    headers: Mapping[str, str],
    chunks: Iterator[bytes],
    close: Callable[[], None] = lambda: None,
    limit: Callable[[float, float], None] = lambda total, idle: None,
) -> Response:
    """A response that is already there: for what stands in for servers. *limit* takes two numbers of seconds."""
    return Response(status, headers, chunks, close, limit)


def async_response_of(
    status: int,
    headers: Mapping[str, str],
    chunks: AsyncIterator[bytes],
    close: Callable[[], None] = lambda: None,
    limit: Callable[[float, float], None] = lambda total, idle: None,
) -> AsyncResponse:
    """`response_of` for asyncio."""

    async def more() -> bytes:
        return await anext(chunks, b"")

    return AsyncResponse(status, headers, more, close, limit)


class Plain:
    """A body without a content encoding."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """*data*, decoded piece by piece."""
        yield data

    def end(self) -> None:
        """Nothing is missing."""


class WireError(Exception):
    """No usable HTTP response; the text never holds a header or a body.

    `kind` is one of connect, tls, timeout, deadline, broken, protocol, oversize, launch, forbidden, setup (something
    is wrong in the environment, with whoever is asked).
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def request_to(
    offer: Offer,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    endpoint: str = "",
    key_header: str = "",
) -> Request:
    """A request for one provider, with its address and its key.

    *endpoint*: of another API of its. *key_header*: the header that has the key there, and nothing else.

    Headers for an organisation go along where the registry has a row for them. Nothing is checked yet: see `permitted`.
    """
    fields = {**(headers or {}), **offer.headers}
    if offer.api_key is not None:
        if key_header:
            fields[key_header] = Secret(offer.api_key)
        else:
            fields[offer.connection.get("key_header", "Authorization")] = Secret(f"Bearer {offer.api_key}")
    return Request(method, (endpoint or offer.endpoint) + path, fields, body, offer)


_read: dict[str, Address] = {}  # URLs that were read already: most requests go to a few


def permitted(request: Request) -> Address:
    """Where a request is about to go; each sender asks for each request.

    Raises WireError ("forbidden") where the request, or its key, must not go there, or its URL cannot be read.
    """
    address = _read.get(request.url)
    if address is None:
        try:
            address = address_of(request.url)
        except ValueError as error:
            raise WireError("forbidden", f"nothing was sent: {error}") from None
        if len(_read) > 1000:
            _read.clear()
        _read[request.url] = address
    if request.offer is not None:
        problem = request.offer.forbids(address)
    else:
        carries = any(
            type(value) is Secret or name.lower() == "authorization" for name, value in request.headers.items()
        )
        problem = "a key goes to its owner only" if carries else ""
    if problem:
        raise WireError("forbidden", f"nothing was sent: {problem}")
    return address


def is_checked(request: Request) -> bool:
    """Whether a connection for this request has to be checked: then it is not one that was opened for others."""
    return request.offer is not None and request.offer.peer_check is not None


def check_peer(request: Request, port: int) -> None:
    """Check that a new connection, from local *port*, leads to the server that was launched.

    Raises WireError ("stranger") where it leads to another process.
    """
    check = request.offer.peer_check if request.offer is not None else None
    problem = check(port) if check is not None else ""
    if problem:
        raise WireError("stranger", f"nothing was sent: {problem}")
