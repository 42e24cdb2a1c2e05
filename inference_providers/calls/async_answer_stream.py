"""Answers as they come: iterate for text; the whole answer, with its price, is there at the end.

`answer_stream` is made of this module by `make generate`.
"""

from __future__ import annotations

import time

from inference_providers.calls.gathering import Gathered
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempts
    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.stream_view import StreamView
    from inference_providers.chat import Answer
    from inference_providers.offers import Offer


class AsyncAnswerStream:
    """Text as it comes. It is opened by `open()`, or when it is first iterated over; close it to stop early.

    Iterating raises TruncatedStreamError, with the text so far, if the stream breaks after its first content.
    """

    def __init__(
        self,
        opening: Callable[[], Awaitable[AsyncStreamReply]],
        turns: Sequence[Mapping[str, Any]],
        *,
        split: bool = False,
    ) -> None:
        self._opening, self._gathered = opening, Gathered(turns, split=split)
        self._reply: AsyncStreamReply | None = None
        self._closed = False

    async def open(self) -> AsyncAnswerStream:
        """Ask, and wait for the first content.

        Returns:
            The stream itself.

        Raises:
            InferenceProvidersError: As `ask_ai` does.
        """
        if self._reply is None:
            self._gathered.started = time.monotonic()
            self._reply = await self._opening()
        return self

    async def __aiter__(self) -> AsyncIterator[str]:
        await self.open()
        assert self._reply is not None
        try:
            async for chunk in self._reply:
                if text := self._gathered.add(chunk):
                    yield text
            if not self._closed and (text := self._gathered.rest()):
                yield text
        except BaseException:  # broken, or left by whoever iterates: it will never be whole
            self._closed = True
            raise
        if not self._closed:
            self._gathered.finish(self._reply)

    async def __aenter__(self) -> AsyncAnswerStream:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        who = f" from {self.provider}/{self.model}" if self._reply is not None else ", not opened"
        return in_line(f"<{type(self).__name__}{who}>")

    @property
    def offer(self) -> Offer:
        """Who answers. Raises ValueError before the stream is opened."""
        if self._reply is None:
            raise ValueError("the stream is not open yet; iterate over it, or await its open()")
        return self._reply.offer

    @property
    def provider(self) -> str:
        """The id of the provider that answers."""
        return self.offer.provider

    @property
    def model(self) -> str:
        """Its name for the model."""
        return self.offer.internal_name

    @property
    def attempts(self) -> Attempts:
        """Every try until the first content."""
        from inference_providers.attempts import Attempts

        return Attempts() if self._reply is None else Attempts(self._reply.attempts)

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises ValueError as long as the stream has not come to its end."""
        if self._gathered.answer is None:
            raise ValueError("the stream has not come to its end; iterate over it first")
        return self._gathered.answer

    async def show(self) -> None:
        """Show the text as it comes, until its end: in the cell of a notebook, else on standard output.

        Then `answer` has it. Raises what iterating raises.
        """
        from inference_providers.calls.stream_view import StreamView

        await self.open()
        await self._show_in(StreamView(self._gathered))

    async def _show_in(self, view: StreamView) -> None:
        try:
            if self._gathered.answer is None:
                async for piece in self:
                    view.add(piece)
        except BaseException as error:
            view.broken(error)
            await self.aclose()
            raise
        view.end()

    def _ipython_display_(self) -> None:
        from inference_providers.calls.stream_view import display

        display(self)

    async def aclose(self) -> None:
        """Stop: the provider stops generating."""
        self._closed = self._closed or self._gathered.answer is None
        if self._reply is not None:
            self._reply.close()
