"""Calls through the pipeline, synchronously: route, send, classify. `acall` is its asyncio twin."""

from __future__ import annotations

import time
from contextlib import suppress

from inference_providers import chat
from inference_providers.wire import classify
from inference_providers.wire.messages import ERROR_CAP, WireError, post_json
from inference_providers.wire.route import Send, Sleep, route
from inference_providers.wire.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.candidates import Attempt, Offer
    from inference_providers.wire.classify import Verdict
    from inference_providers.wire.route import Health, Uniform
    from inference_providers.wire.send import Sender


class Reply:
    """A reply that worked: its JSON, who gave it, and every attempt on the way."""

    __slots__ = ("attempts", "data", "offer")

    def __init__(self, data: Any, offer: Offer, attempts: Sequence[Attempt]) -> None:
        self.data, self.offer, self.attempts = data, offer, list(attempts)

    @property
    def text(self) -> str:
        """The text of a chat reply."""
        return chat.reply_text(self.data)


class Caller:
    """The pipeline's parts, wired: a sender, the health of keys and providers, a random source."""

    def __init__(self, sender: Sender, health: Health, random: Uniform, tell: Callable[[str], None]) -> None:
        self.sender, self.health, self.random, self.tell = sender, health, random, tell

    def call(
        self,
        offers: Sequence[Offer],
        body: Mapping[str, Any],
        *,
        path: str = chat.PATH,
        total: float | None = None,
        allow_empty: bool = False,
    ) -> Reply:
        """Ask the candidates in order until one answers. Raises what `route` raises."""
        attempts: list[Attempt] = []
        steps = route(offers, self.health, self.random, total=total, attempts=attempts)
        step = next(steps)
        while True:
            verdict, offer = None, None
            if isinstance(step, Sleep):
                time.sleep(step.seconds)
            else:
                offer = step.offer
                verdict = self.attempt(step, body, path, allow_empty=allow_empty)
            try:
                step = steps.send(verdict)
            except StopIteration as stop:
                assert offer is not None
                return Reply(stop.value.reply, offer, attempts)

    def attempt(self, step: Send, body: Mapping[str, Any], path: str, *, allow_empty: bool = False) -> Verdict:
        """One try of one candidate."""
        offer = step.offer
        self.tell(f"asking {offer.provider}/{offer.internal_name}")
        try:
            response = self.sender.send(post_json(offer, path, body), limit=step.limit)
            content = response.read() if response.status == 200 else _error_body(response)
        except WireError as error:
            verdict = classify.failure(error, offer.provider)
        else:
            secrets = (offer.api_key,)
            verdict = classify.response(
                response.status,
                response.headers,
                content,
                offer.provider,
                secrets,
                time.time(),
                path=path,
                allow_empty=allow_empty,
            )
        if verdict.error:
            self.tell(str(verdict.error))
        return verdict

    def stream(self, offers: Sequence[Offer], body: Mapping[str, Any], *, total: float | None = None) -> StreamReply:
        """Ask the candidates in order until one's stream brings content. Raises what `route` raises."""
        attempts: list[Attempt] = []
        steps = route(offers, self.health, self.random, total=total, attempts=attempts)
        step = next(steps)
        while True:
            verdict, opened = None, None
            if isinstance(step, Sleep):
                time.sleep(step.seconds)
            else:
                opened = _Opened(self, step, {**body, "stream": True})
                verdict = opened.verdict
                if verdict.error:
                    self.tell(str(verdict.error))
            try:
                step = steps.send(verdict)
            except StopIteration:
                assert opened is not None
                return StreamReply(opened, attempts)


def _error_body(response: Any) -> bytes:
    """The first bytes of an error body: enough for its message."""
    parts, size = [], 0
    with suppress(WireError):
        for chunk in response.chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= ERROR_CAP:
                break
    response.close()
    return b"".join(parts)


class _Opened:
    """One try of a stream: read until its first content or its failure."""

    def __init__(self, caller: Caller, step: Send, body: Mapping[str, Any]) -> None:
        self.offer = step.offer
        self._limits = caller.sender.limits
        self.early: list[dict[str, Any]] = []
        self.state = Stream(self.offer.provider, (self.offer.api_key,), {}, time.time())
        self.verdict = self._open(caller, step, body)

    def _open(self, caller: Caller, step: Send, body: Mapping[str, Any]) -> Verdict:
        caller.tell(f"asking {self.offer.provider}/{self.offer.internal_name}")
        patience = min(self._limits.first_token, step.limit)
        give_up = time.monotonic() + patience
        try:
            self.response = caller.sender.send(post_json(self.offer, chat.PATH, body), limit=patience, idle=patience)
        except WireError as error:
            return classify.failure(error, self.offer.provider)
        if self.response.status != 200:
            content = _error_body(self.response)
            return classify.response(
                self.response.status,
                self.response.headers,
                content,
                self.offer.provider,
                (self.offer.api_key,),
                time.time(),
            )
        self.state = Stream(self.offer.provider, (self.offer.api_key,), self.response.headers, time.time())
        self._source = self._chunks()  # one iterator for both phases: a second would close the first
        try:
            self._read_to_content(give_up)
        except BaseException:
            self.response.close()
            raise
        self.response.watch.idle = self._limits.idle
        self.response.watch.deadline = give_up - patience + caller.health.policy.total
        if self.state.verdict is not None and self.state.verdict.action != classify.OK:
            self.response.close()
        return self.state.verdict or classify.Verdict(classify.OK)

    def _read_to_content(self, give_up: float) -> None:
        for chunk in self._source:
            self.early += self.state.feed(chunk)
            if self.state.started or self.state.verdict is not None:
                return
            if self.state.done:
                break
            if time.monotonic() > give_up:
                self.state.late()
                return
        self.early += self.state.end()

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from self.response.chunks
        except WireError as error:
            self.state.broke(error)

    def rest(self) -> Iterator[dict[str, Any]]:
        """Chunks after the first content, to the end of the stream."""
        yield from self.early
        self.early = []
        if self.state.verdict is not None:
            return
        heard = time.monotonic()
        for chunk in () if self.state.done else self._source:
            events = self.state.events
            yield from self.state.feed(chunk)
            if self.state.done:
                break
            if self.state.events > events:
                heard = time.monotonic()
            elif time.monotonic() - heard > self._limits.idle:
                self.state.silent()
        yield from self.state.end()


class StreamReply:
    """A stream that has brought its first content. Iterate over it for chunks, over `text` for text; close it to stop."""

    def __init__(self, opened: _Opened, attempts: Sequence[Attempt]) -> None:
        self.offer, self.attempts = opened.offer, list(attempts)
        self._opened = opened

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            yield from self._opened.rest()
        finally:
            self.close()

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._opened.state.usage

    def text(self) -> Iterator[str]:
        """The text as it comes. Raises TruncatedStreamError, with the text so far, if the stream breaks."""
        from inference_providers.wire.stream import delta_text

        for chunk in self:
            if piece := delta_text(chunk):
                yield piece

    def close(self) -> None:
        """Stop: closes the connection, so that the provider stops generating."""
        self._opened.response.close()
