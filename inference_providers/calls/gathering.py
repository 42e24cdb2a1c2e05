"""The parts of a stream, put together to one answer. Pure, but for the clock."""

from __future__ import annotations

import time

from inference_providers import chat
from inference_providers.chat import Answer, AnswerBuilder
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.stream_reply import StreamReply


class Gathered:
    """The parts of a stream, put together to one reply."""

    def __init__(self, turns: Sequence[Mapping[str, Any]], started: float | None = None) -> None:
        self._turns, self.started = turns, time.monotonic() if started is None else started
        self._parts, self._thoughts = chat.Pieces(), chat.Pieces()
        self._refusal: chat.Pieces | None = None
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
        if isinstance(delta, dict) and (refusal := delta.get("refusal")) and isinstance(refusal, str):
            self._refusal = self._refusal or chat.Pieces()
            self._refusal.add(refusal)
        return text

    def finish(self, reply: StreamReply | AsyncStreamReply) -> None:
        """All has come. Raises ContentFilteredError for a refusal."""
        if self.answer is not None:
            return
        if self._refusal is not None:
            from inference_providers.calls import refused

            refused.check({"content": self._parts.text, "refusal": self._refusal.text}, None, reply.offer)
        message = {"role": "assistant", "content": self._parts.text, "reasoning_content": self._thoughts.text}
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        data = {"object": "chat.completion", "model": self._model, "choices": [choice], "usage": self._usage}
        usage = usage_of(self._usage)
        given = AnswerBuilder()
        seconds = time.monotonic() - self.started
        given.add(usage, cost_of(usage, reply.offer.facts), reply.attempts, reply.dropped, seconds, reply.repaired)
        self.answer = given.answer(data, reply.offer, self._turns)
