"""One exchange that is being recorded, and what a stand-in's senders need of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from inference_providers.transport import AsyncResponse, Request, Response, WireError

    class Replies(Protocol):
        """Made-up replies."""

        def answer(self, request: Request) -> tuple[float, int, dict[str, str], list[bytes]]:
            """(seconds to wait, status, headers, body) for a request."""
            raise NotImplementedError

    class Tape(Protocol):
        """A recording."""

        def keep(
            self, request: Request, status: int, headers: Mapping[str, str], body: bytes, secrets: list[str]
        ) -> None:
            """Keep a reply."""

        def keep_failure(self, request: Request, error: WireError, secrets: list[str]) -> None:
            """Keep a failure."""

        def find(self, request: Request) -> tuple[int, dict[str, str], bytes]:
            """What was recorded for a request."""
            raise NotImplementedError


class Recording:
    """One exchange that is being recorded. It is written once: at its end, or as far as it got when it is closed."""

    def __init__(
        self, tape: Tape, request: Request, response: Response | AsyncResponse, secrets: Callable[[], list[str]]
    ) -> None:
        self._tape, self._request, self._response, self._secrets = tape, request, response, secrets
        self.parts: list[bytes] = []
        self._is_written = False

    def keep(self) -> None:
        """Write it to the file, unless that was done."""
        if not self._is_written:
            self._is_written = True
            response = self._response
            self._tape.keep(self._request, response.status, response.headers, b"".join(self.parts), self._secrets())

    def close(self) -> None:
        """Stop reading, and write what there is; a probe reads nothing at all."""
        self.keep()
        self._response.close()
