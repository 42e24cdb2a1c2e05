"""What sends where a stand-in answers: made-up replies, a recording that is made, one that is played.

`senders` is made of this module by `make generate`.
"""

from __future__ import annotations

from asyncio import sleep

from inference_providers.testing.recording import Recording
from inference_providers.transport import Limits, WireError, async_response_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from typing import Any

    from inference_providers.testing.recording import Replies, Tape
    from inference_providers.transport import AsyncResponse, AsyncSender, Request


class AsyncMockSender:
    """Gives the replies of a program's author."""

    def __init__(self, replies: Replies) -> None:
        self._replies, self.limits = replies, Limits()

    async def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> AsyncResponse:
        """The reply to *request*. Raises WireError for a latency beyond the limit, as a real server would cause it."""
        seconds, status, headers, body = self._replies.answer(request)
        if limit is not None and seconds > limit:
            await sleep(limit)
            raise WireError("deadline", "no complete answer before the deadline")
        await sleep(seconds)
        return async_response_of(status, headers, _each(body))

    async def close_idle(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


class AsyncRecorder:
    """Sends to the real providers, and keeps what they answer."""

    def __init__(self, tape: Tape, real: AsyncSender, secrets: Callable[[], list[str]]) -> None:
        self._tape, self._real, self._secrets = tape, real, secrets
        self.limits = real.limits

    async def send(self, request: Request, **limits: Any) -> AsyncResponse:
        """The provider's reply, which is kept when it ends or is closed. Raises WireError."""
        try:
            response = await self._real.send(request, **limits)
        except WireError as error:
            self._tape.keep_failure(request, error, self._secrets())
            raise
        recording = Recording(self._tape, request, response, self._secrets)
        chunks = self._recorded(response, recording)
        return async_response_of(response.status, response.headers, chunks, recording.close, response.limit)

    async def _recorded(self, response: AsyncResponse, recording: Recording) -> AsyncIterator[bytes]:
        async for chunk in response.chunks:
            recording.parts.append(chunk)
            yield chunk
        recording.keep()

    async def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        await self._real.close_idle()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._real.aclose()


class AsyncPlayer:
    """Gives what was recorded; nothing is sent."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self.limits = tape, Limits()

    async def send(self, request: Request, **limits: Any) -> AsyncResponse:
        """The recorded reply. Raises WireError for a recorded failure, CassetteError where there is none."""
        status, headers, body = self._tape.find(request)
        return async_response_of(status, headers, _each([body]))

    async def close_idle(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


async def _each(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
