"""Answers as they come: iterate for text; the whole answer, with its price, is there at the end."""

from __future__ import annotations

import time

from inference_providers import chat
from inference_providers.chat import Answer, AnswerBuilder
from inference_providers.text import in_line
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.calls.async_caller import AsyncStreamReply
    from inference_providers.calls.caller import StreamReply
    from inference_providers.offers import Offer


class _Gathered:
    """The parts of a stream, put together to one reply."""

    def __init__(self, turns: Sequence[Mapping[str, Any]], started: float | None = None) -> None:
        self._turns, self.started = turns, time.monotonic() if started is None else started
        self._parts, self._thoughts = chat.Pieces(), chat.Pieces()
        self._finish: str | None = None
        self._model = ""
        self._usage: Any = None
        self.answer: Answer | None = None

    def add(self, chunk: Mapping[str, Any]) -> str:
        """The text that a chunk brings."""
        self._usage = chunk.get("usage") or self._usage
        choice = chat.first_choice(chunk)
        if choice.get("index"):
            return ""  # another answer to the same question, of which this is the first
        delta = choice.get("delta")
        self._finish = choice.get("finish_reason") or self._finish
        self._model = chunk.get("model") or self._model
        self._thoughts.add(chat.thoughts(delta))
        text = chat.content_text(delta.get("content")) if isinstance(delta, dict) else ""
        self._parts.add(text)
        return text

    def finish(self, reply: StreamReply | AsyncStreamReply) -> None:
        """All has come."""
        if self.answer is not None:
            return
        message = {"role": "assistant", "content": self._parts.text, "reasoning_content": self._thoughts.text}
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        data = {"object": "chat.completion", "model": self._model, "choices": [choice], "usage": self._usage}
        usage = usage_of(self._usage)
        given = AnswerBuilder()
        seconds = time.monotonic() - self.started
        given.add(usage, cost_of(usage, reply.offer.facts), reply.attempts, reply.dropped, seconds)
        self.answer = given.answer(data, reply.offer, self._turns)


class _Stream:
    """What both kinds of streams say of themselves."""

    _reply: Any
    _gathered: _Gathered
    _closed = False

    @property
    def offer(self) -> Offer:
        """Who answers. Raises ValueError before an asynchronous stream is opened."""
        if self._reply is None:
            raise ValueError("the stream is not open yet; iterate over it, or await its open()")
        offer: Offer = self._reply.offer
        return offer

    @property
    def provider(self) -> str:
        """The id of the provider that answers."""
        return self.offer.provider

    @property
    def model(self) -> str:
        """Its name for the model."""
        return self.offer.internal_name

    @property
    def attempts(self) -> list[Attempt]:
        """Every try until the first content."""
        if self._reply is None:
            return []
        attempts: list[Attempt] = self._reply.attempts
        return attempts

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises ValueError as long as the stream has not come to its end."""
        if self._gathered.answer is None:
            raise ValueError("the stream has not come to its end; iterate over it first")
        return self._gathered.answer


class AnswerStream(_Stream):
    """Text as it comes. A break after the first content raises TruncatedStreamError with the text so far; close it to stop early."""

    def __init__(self, reply: StreamReply, turns: Sequence[Mapping[str, Any]], started: float | None = None) -> None:
        self._reply, self._gathered = reply, _Gathered(turns, started)

    def __iter__(self) -> Iterator[str]:
        try:
            for chunk in self._reply:
                if text := self._gathered.add(chunk):
                    yield text
        except BaseException:  # broken, or left by whoever iterates: it will never be whole
            self._closed = True
            raise
        if not self._closed:
            self._gathered.finish(self._reply)

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return in_line(f"<AnswerStream from {self.provider}/{self.model}>")

    def close(self) -> None:
        """Stop: the provider stops generating."""
        self._closed = self._closed or self._gathered.answer is None
        self._reply.close()


class AsyncAnswerStream(_Stream):
    """`AnswerStream` for asyncio. It is opened when it is first iterated over, or by `open()`."""

    def __init__(self, opening: Callable[[], Awaitable[AsyncStreamReply]], turns: Sequence[Mapping[str, Any]]) -> None:
        self._opening, self._reply, self._gathered = opening, None, _Gathered(turns)

    async def open(self) -> AsyncAnswerStream:
        """Ask, and wait for the first content. Raises what `ask_ai` raises."""
        if self._reply is None:
            self._gathered.started = time.monotonic()
            self._reply = await self._opening()
        return self

    async def __aiter__(self) -> AsyncIterator[str]:
        await self.open()
        try:
            async for chunk in self._reply:
                if text := self._gathered.add(chunk):
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
        return f"<AsyncAnswerStream{'' if self._reply else ', not opened'}>"

    async def aclose(self) -> None:
        """Stop: the provider stops generating."""
        self._closed = self._closed or self._gathered.answer is None
        if self._reply is not None:
            self._reply.close()
