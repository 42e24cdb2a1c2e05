"""Replies as they come: begun while their provider is still silent, passed on, and ended at once with their reader."""

from __future__ import annotations

import asyncio

from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import passed
from inference_providers.gateway.messages import Outgoing, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Protocol

    from inference_providers.calls import AsyncStreamReply
    from inference_providers.gateway.messages import Headers

    class Form(Protocol):
        """In which words a stream goes on."""

        media_type: str
        ping: bytes  # what says, in the stream, that it goes on; empty where nothing may

        def headers(self, reply: AsyncStreamReply) -> Headers:
            """Those of a stream that has begun."""
            raise NotImplementedError

        def pieces(self, reply: AsyncStreamReply) -> AsyncIterator[bytes]:
            """What a provider sends."""
            raise NotImplementedError

        def failed(self, error: InferenceProvidersError | Refused) -> bytes:
            """A failure, in the stream."""
            raise NotImplementedError


async def streamed(opening: asyncio.Future[AsyncStreamReply], form: Form, seconds: float) -> Outgoing:
    """A reply as it comes. One that says nothing for *seconds* is begun, so that nobody on the way gives it up."""
    try:
        await asyncio.wait((opening,), timeout=seconds if form.ping else None)
    except BaseException:
        opening.cancel()
        raise
    if opening.done():
        reply = opening.result()
        return Outgoing(reply.status, form.headers(reply), Pieces(form.pieces(reply), opening))
    headers = [(b"content-type", form.media_type.encode()), (b"cache-control", b"no-cache")]
    return Outgoing(200, headers, Pieces(_late(opening, form, seconds), opening))


class Pieces:
    """The pieces of a stream, which ends with it at once, whether or not it has begun, and any of it was read."""

    def __init__(self, pieces: AsyncIterator[bytes], opening: asyncio.Future[AsyncStreamReply]) -> None:
        self._pieces, self._opening = pieces, opening

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Read no more: the provider stops generating."""
        opening = self._opening
        if not opening.done():
            opening.cancel()
        elif not opening.cancelled() and opening.exception() is None:
            opening.result().close()
        await self._pieces.aclose()  # type: ignore[attr-defined]


async def _late(opening: asyncio.Future[AsyncStreamReply], form: Form, seconds: float) -> AsyncIterator[bytes]:
    """A stream that was begun before its first content: what fails now is an event."""
    while not opening.done():
        yield form.ping
        await asyncio.wait((opening,), timeout=seconds)
    try:
        reply = opening.result()
    except InferenceProvidersError as error:
        yield form.failed(error)
        return
    if passed.EVENTS not in reply.headers.get("content-type", ""):
        yield form.failed(Refused(502, "The provider's reply is not a stream of events.", "not_a_stream"))
        return
    async for piece in form.pieces(reply):
        yield piece


async def passed_on(
    reply: AsyncStreamReply,
    failed: Callable[[InferenceProvidersError], bytes],
    pieces: AsyncIterator[bytes] | None = None,
    note: Callable[[bytes], None] | None = None,
) -> AsyncIterator[bytes]:
    """What a provider sends, as it comes. Events are passed on by lines, and what fails is one more of them.

    note: hears of each line, for what fails then.
    """
    lines = passed.Lines(reply) if passed.EVENTS in reply.headers.get("content-type", "") else None
    clean = lines or passed.Bytes(reply)
    try:
        async for piece in pieces or reply.raw():
            if whole := clean.feed(piece):
                if note is not None:
                    note(whole)
                yield whole
        if rest := clean.rest():
            yield rest
    except InferenceProvidersError as error:
        if lines is None:  # a picture, or speech, that says it is cut off by not ending
            raise
        yield (b"" if lines.complete else b"\n\n") + failed(error)
