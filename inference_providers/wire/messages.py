"""What travels on the wire: a small request out, a small response in, and the limits on both."""

from __future__ import annotations

import json

from inference_providers import chat, parameters
from inference_providers.credentials import Address, Secret, Secretive, address_of, host_of
from inference_providers.errors import InvalidRequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.candidates import Offer

    Could = Callable[[Callable[[Offer], bool]], str]

_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one for each call
COMMON = {
    "User-Agent": "inference_providers",
    "Accept-Encoding": "identity",
}  # headers of every request, unless it has them
RESPONSE_CAP = 64 * 1024 * 1024  # bytes
ERROR_CAP = 64 * 1024  # bytes


class Limits:
    """How long each thing may take, in seconds. `total` is for the whole call, retries included."""

    __slots__ = ("connect", "first_token", "idle", "total")

    def __init__(
        self, *, connect: float = 5.0, first_token: float = 60.0, idle: float = 300.0, total: float = 600.0
    ) -> None:
        self.connect, self.first_token, self.idle, self.total = connect, first_token, idle, total


class Request(Secretive):
    """One HTTP request. Its repr shows neither headers nor body.

    *offer* is whom it is for: it says whether the request may go to its URL. Without one, no key goes along.
    """

    __slots__ = ("body", "headers", "method", "offer", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        offer: Offer | None = None,
    ) -> None:
        self.method, self.url, self.headers, self.body, self.offer = method, url, headers or {}, body, offer

    def __repr__(self) -> str:
        return f"<Request {self.method} to {host_of(self.url)}>"


class Response:
    """One HTTP response: status, headers to be looked up in lower case, the body as it comes. Close it, or read it to its end."""

    __slots__ = ("chunks", "close", "headers", "status", "watch")

    def __init__(
        self, status: int, headers: Mapping[str, str], chunks: Iterator[bytes], close: Any, watch: Any = None
    ) -> None:
        self.status, self.headers, self.chunks, self.close = status, headers, chunks, close
        self.watch = watch  # its `idle` may be changed while the body is read

    def read(self, cap: int = RESPONSE_CAP) -> bytes:
        """The whole body. Raises WireError when it is larger than *cap* bytes."""
        parts, size = [], 0
        try:
            for chunk in self.chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > cap:
                    raise WireError("oversize", f"the body is larger than {cap // 1024} KiB")
        finally:
            self.close()
        return b"".join(parts)


class AsyncResponse:
    """`Response` for asyncio. *more* gives the next bytes of the body, none at its end."""

    __slots__ = ("close", "headers", "more", "status")

    def __init__(
        self, status: int, headers: Mapping[str, str], more: Callable[[], Awaitable[bytes]], close: Callable[[], None]
    ) -> None:
        self.status, self.headers, self.more, self.close = status, headers, more, close

    @property
    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises WireError."""
        while chunk := await self.more():
            yield chunk

    async def read(self, cap: int = RESPONSE_CAP) -> bytes:
        """The whole body. Raises WireError when it is larger than *cap* bytes."""
        parts, size = [], 0
        try:
            while chunk := await self.more():
                parts.append(chunk)
                size += len(chunk)
                if size > cap:
                    raise WireError("oversize", f"the body is larger than {cap // 1024} KiB")
        finally:
            self.close()
        return parts[0] if len(parts) == 1 else b"".join(parts)


class WireError(Exception):
    """No usable HTTP response; the text never holds a header or a body.

    `kind` is one of connect, tls, timeout, deadline, broken, protocol, oversize, launch, forbidden.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def request_to(
    offer: Offer, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Request:
    """A request for one provider: its address, its key, its organisation headers where the registry has a row for them."""
    fields = {**(headers or {}), **offer.headers}
    if offer.api_key is not None:
        fields["Authorization"] = Secret(f"Bearer {offer.api_key}")
    return Request(method, offer.endpoint + path, fields, body, offer)


_read: dict[str, Address] = {}  # URLs that were read already: most requests go to a few


def permitted(request: Request) -> Address:
    """Where a request is about to go. Raises WireError where it, or its key, must not go there: asked by each sender, for each request."""
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
    """Whether a connection for this request has to be checked: then it is none that was opened for others."""
    return request.offer is not None and request.offer.peer_check is not None


def check_peer(request: Request, port: int) -> None:
    """Raise WireError where a new connection, from local *port*, leads to another process than the server that was launched."""
    check = request.offer.peer_check if request.offer is not None else None
    problem = check(port) if check is not None else ""
    if problem:
        raise WireError("forbidden", f"nothing was sent: {problem}")


class Ask:
    """What a caller wants of whichever candidate: a path, and a JSON body, or another one as bytes.

    The model is set when a candidate is chosen: in the JSON body, or in the form that *content* holds.
    *unsupported* is what becomes of a parameter that the candidate does not take: it is kept or
    dropped, or the candidate is not asked (`parameters.KEEP`, `DROP`, `ERROR`). *untouched* fields go as they are.
    """

    __slots__ = (
        "allow_empty",
        "body",
        "content",
        "content_type",
        "headers",
        "method",
        "path",
        "unsupported",
        "untouched",
    )

    def __init__(
        self,
        body: Mapping[str, Any] | None = None,
        path: str = chat.PATH,
        *,
        method: str = "POST",
        content: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        allow_empty: bool = False,
        unsupported: str = parameters.DROP,
        untouched: Container[str] = (),
    ) -> None:
        self.untouched = untouched
        self.unsupported = unsupported if path == chat.PATH else parameters.KEEP
        self.body, self.path, self.method = body, path, method
        self.content, self.content_type = content, content_type
        self.headers = dict(headers or {})  # the caller's own, for whoever answers
        self.allow_empty = allow_empty

    @property
    def streams(self) -> bool:
        """Whether the reply is to come as events."""
        return bool(self.body) and bool(self.body.get("stream"))  # type: ignore[union-attr]

    def request(self, offer: Offer) -> Request:
        """The request as this candidate gets it: its address, its key, its name for the model."""
        content = (
            _as_json(self.payload(offer)).encode("utf-8", "replace")
            if self.body is not None
            else _form_with_model(self.content, offer.internal_name)
        )
        headers = {**self.headers, "Accept": "text/event-stream" if self.streams else "application/json"}
        if content:
            headers["Content-Type"] = self.content_type
        return request_to(offer, self.method, self.path, headers, content or None)

    def payload(self, offer: Offer) -> dict[str, Any]:
        """The JSON body as this candidate gets it."""
        body = self.body or {}
        payload = (
            parameters.fitted(body, offer.rules, mode=self.unsupported, exempt=self.untouched)
            if self.path == chat.PATH
            else dict(body)
        )
        payload["model"] = offer.internal_name
        return payload

    def dropped(self, offer: Offer) -> list[str]:
        """Names of the parameters that this candidate does not take, and does not get."""
        if self.unsupported == parameters.KEEP or self.body is None:
            return []
        return parameters.dropped(self.body, offer.rules, self.untouched)

    def able(self, offers: Sequence[Offer], could: Could) -> Sequence[Offer]:
        """Those of the candidates that can do what the request needs. Raises InvalidRequestError if none can.

        *could* says who else could, for the message: it is given a test of an offer.
        """
        if self.unsupported == parameters.KEEP or self.body is None:
            return offers
        needs = parameters.needs(self.body)
        if not needs and self.unsupported == parameters.DROP:
            return offers
        missing = {id(offer): self._lacking(offer, needs) for offer in offers}
        found = [offer for offer in offers if not missing[id(offer)]]
        if offers and not found:
            raise _nobody(offers, missing, could(lambda offer: not self._lacking(offer, needs)))
        return found

    def _lacking(self, offer: Offer, needs: Sequence[str]) -> list[str]:
        """What keeps this candidate from being asked, in words."""
        missing = [parameters.NEEDS[need] for need in needs if offer.lacks(need) or need in offer.rules.refused]
        return missing + (self.dropped(offer) if self.unsupported == parameters.ERROR else [])


def _nobody(offers: Sequence[Offer], missing: Mapping[int, list[str]], others: str) -> InvalidRequestError:
    asked = parameters.told(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
    more = f" and {len(offers) - 4} more" if len(offers) > 4 else ""
    lacks = parameters.told(name for offer in offers for name in missing[id(offer)])
    return InvalidRequestError(
        f"Nothing was sent: {asked}{more} cannot do {lacks}. {others}".strip(), code="unsupported"
    )


_FORM_MODEL = rb'(name="model"\r\n(?:[^\r\n]+\r\n)*\r\n)([^\r\n]*)'


def form_model(content: bytes) -> str | None:
    """The model that a multipart form names."""
    import re

    match = re.search(_FORM_MODEL, content)
    return match[2].decode("utf-8", "replace") if match else None


def _form_with_model(content: bytes, model: str) -> bytes:
    import re

    return re.sub(_FORM_MODEL, lambda match: match[1] + model.encode(), content, count=1) if content else content
