"""The parts of a stream, put together to one answer. Pure, but for the clock."""

from __future__ import annotations

import time

from inference_providers import chat
from inference_providers.chat import Answer, AnswerBuilder
from inference_providers.usage import Charge, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.stream_reply import StreamReply


class Gathered:
    """The parts of a stream, put together to one reply.

    split: thoughts that stand between tags at the beginning of the text are no part of it.
    """

    def __init__(self, turns: Sequence[Mapping[str, Any]], *, split: bool = False) -> None:
        self._turns, self.started = turns, time.monotonic()
        self._assembly, self._thoughts = chat.Assembly(), chat.Pieces()
        self._split, self._parted = split, (chat.Pieces(), chat.Pieces())
        self._splitter = chat.Splitter() if split else None
        self.answer: Answer | None = None

    def add(self, chunk: Mapping[str, Any]) -> str:
        """The text that a chunk brings."""
        delta = chat.first_delta(chunk)
        if self._splitter is None and "extra_content" in delta and chat.is_thought(delta):
            so_far = chat.reply_text(self._assembly.reply)
            self._splitter = chat.Splitter(begun=bool(so_far))
            self._part((so_far, ""))
        self._assembly.add(chunk)
        text = delta.get("content")
        if type(text) is not str:
            text = chat.content_text(text) if text else ""
        if delta and (len(delta) > 1 or type(delta.get("content")) is not str):
            self._thoughts.add(chat.thoughts(delta))
        if self._splitter is None:
            return text
        return self._part(self._splitter.feed(text, is_thought=chat.is_thought(delta)))

    def _part(self, parted: tuple[str, str]) -> str:
        """The text of (text, thoughts); both are kept."""
        for pieces, piece in zip(self._parted, parted, strict=True):
            pieces.add(piece)
        return parted[0]

    def rest(self) -> str:
        """Text that was held back, since it might have been the beginning of a tag."""
        return "" if self._splitter is None else self._part(self._splitter.end())

    @property
    def text(self) -> str:
        """The text so far."""
        return chat.reply_text(self._assembly.reply) if self._splitter is None else self._parted[0].text

    def finish(self, reply: StreamReply | AsyncStreamReply) -> None:
        """All has come. Raises ContentFilteredError for a refusal."""
        if self.answer is not None:
            return
        data = self._assembly.reply
        message = chat.message_of(data)
        if message.get("refusal") or type(message.get("content")) is list:
            from inference_providers.calls import refused

            refused.check(message, None, reply.offer)
        usage = usage_of(chat.billed_in(data))
        charged = Charge(usage, reply.offer.facts, reply.offer.registry, kept=reply.cached)
        given = AnswerBuilder(split=self._split)
        seconds = time.monotonic() - self.started
        listed = charged.listed_at(None if reply.listed in (None, reply.offer) else reply.listed.facts)
        attempts = reply.attempts
        if reply.cached:
            from inference_providers.calls.tool_loop import from_cache

            attempts = [*attempts, from_cache(reply)]
        given.add(charged, attempts, reply.dropped, seconds, reply.repaired, listed, cached=reply.cached)
        text, thoughts = self._parted[0].text, self._parted[1].text.strip()
        parted = (text, thoughts) if thoughts else None
        self.answer = given.answer(data, reply.offer, self._turns, parted=parted, thoughts=self._thoughts.text)
