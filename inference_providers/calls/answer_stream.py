# Made of `async_answer_stream.py` by `make generate`: change that, not this.
"""Answers as they come: iterate for text; the whole answer, with its price, is there at the end."""

from __future__ import annotations

import time

from inference_providers.calls.gathering import Gathered
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempts
    from inference_providers.calls.stream_reply import StreamReply
    from inference_providers.calls.stream_view import StreamView
    from inference_providers.chat import Answer
    from inference_providers.offers import Offer


class AnswerStream:
    """Text as it comes. It is opened by `open()`, or when it is first iterated over; close it to stop early.

    Iterating raises TruncatedStreamError, with the text so far, if the stream breaks after its first content.
    """

    def __init__(
        self,
        opening: Callable[[], StreamReply],
        turns: Sequence[Mapping[str, Any]],
        *,
        split: bool = False,
    ) -> None:
        self._opening, self._gathered = opening, Gathered(turns, split=split)
        self._reply: StreamReply | None = None
        self._closed = False

    def open(self) -> AnswerStream:
        """Ask, and wait for the first content.

        Returns:
            The stream itself.

        Raises:
            InferenceProvidersError: As `ask_ai` does.
        """
        if self._reply is None:
            self._gathered.started = time.monotonic()
            self._reply = self._opening()
        return self

    def __iter__(self) -> Iterator[str]:
        self.open()
        assert self._reply is not None
        try:
            for chunk in self._reply:
                if text := self._gathered.add(chunk):
                    yield text
            if not self._closed and (text := self._gathered.rest()):
                yield text
        except BaseException:  # broken, or left by whoever iterates: it will never be whole
            self._closed = True
            raise
        if not self._closed:
            self._gathered.finish(self._reply)

    def __enter__(self) -> AnswerStream:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        who = f" from {self.provider}/{self.model}" if self._reply is not None else ", not opened"
        return in_line(f"<{type(self).__name__}{who}>")

    @property
    def offer(self) -> Offer:
        """Who answers. Raises ValueError before the stream is opened."""
        if self._reply is None:
            raise ValueError("the stream is not open yet; iterate over it, or its open()")
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

    def show(self) -> None:
        """Show the text as it comes, until its end: in the cell of a notebook, else on standard output.

        Then `answer` has it. Raises what iterating raises.
        """
        from inference_providers.calls.stream_view import StreamView

        self.open()
        self._show_in(StreamView(self._gathered))

    def _show_in(self, view: StreamView) -> None:
        try:
            if self._gathered.answer is None:
                for piece in self:
                    view.add(piece)
        except BaseException as error:
            view.broken(error)
            self.close()
            raise
        view.end()

    def _ipython_display_(self) -> None:
        from inference_providers.calls.stream_view import display

        display(self)

    def close(self) -> None:
        """Stop: the provider stops generating."""
        self._closed = self._closed or self._gathered.answer is None
        if self._reply is not None:
            self._reply.close()
