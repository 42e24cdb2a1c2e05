# Made of `async_senders.py` by `make generate`: change that, not this.
"""What sends where a stand-in answers: made-up replies, a recording that is made, one that is played."""

from __future__ import annotations

from time import sleep

from inference_providers.testing.recording import Recording
from inference_providers.transport import Limits, WireError, response_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from inference_providers.testing.recording import Replies, Tape
    from inference_providers.transport import Request, Response, Sender


class MockSender:
    """Gives the replies of a program's author."""

    def __init__(self, replies: Replies) -> None:
        self._replies, self.limits = replies, Limits()

    def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> Response:
        """The reply to *request*. Raises WireError for a latency beyond the limit, as a real server would cause it."""
        seconds, status, headers, body = self._replies.answer(request)
        if limit is not None and seconds > limit:
            sleep(limit)
            raise WireError("deadline", "no complete answer before the deadline")
        sleep(seconds)
        return response_of(status, headers, _each(body))

    def close_idle(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class Recorder:
    """Sends to the real providers, and keeps what they answer."""

    def __init__(self, tape: Tape, real: Sender, secrets: Callable[[], list[str]]) -> None:
        self._tape, self._real, self._secrets = tape, real, secrets
        self.limits = real.limits

    def send(self, request: Request, **limits: Any) -> Response:
        """The provider's reply, which is kept when it ends or is closed. Raises WireError."""
        try:
            response = self._real.send(request, **limits)
        except WireError as error:
            self._tape.keep_failure(request, error, self._secrets())
            raise
        recording = Recording(self._tape, request, response, self._secrets)
        chunks = self._recorded(response, recording)
        return response_of(response.status, response.headers, chunks, recording.close, response.limit)

    def _recorded(self, response: Response, recording: Recording) -> Iterator[bytes]:
        for chunk in response.chunks:
            recording.parts.append(chunk)
            yield chunk
        recording.keep()

    def close_idle(self) -> None:
        """Close the connections that nobody uses."""
        self._real.close_idle()

    def close(self) -> None:
        """Close the connections."""
        self._real.close()


class Player:
    """Gives what was recorded; nothing is sent."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self.limits = tape, Limits()

    def send(self, request: Request, **limits: Any) -> Response:
        """The recorded reply. Raises WireError for a recorded failure, CassetteError where there is none."""
        status, headers, body = self._tape.find(request)
        return response_of(status, headers, _each([body]))

    def close_idle(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


def _each(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
