"""Calls through the pipeline with asyncio: the driver beside `call`; every decision is shared with it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from inference_providers import chat
from inference_providers.wire import classify
from inference_providers.wire.call import Reply
from inference_providers.wire.messages import ERROR_CAP, WireError, post_json
from inference_providers.wire.route import Send, Sleep, route
from inference_providers.wire.stream import Stream, delta_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.candidates import Attempt, Offer
    from inference_providers.wire.asend import AsyncSender
    from inference_providers.wire.classify import Verdict
    from inference_providers.wire.messages import AsyncResponse
    from inference_providers.wire.route import Health, Uniform


class AsyncCaller:
    """`Caller` for asyncio."""

    def __init__(self, sender: AsyncSender, health: Health, random: Uniform, tell: Callable[[str], None]) -> None:
        self.sender, self.health, self.random, self.tell = sender, health, random, tell

    async def call(
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
                await asyncio.sleep(step.seconds)
            else:
                offer = step.offer
                verdict = await self.attempt(step, body, path, allow_empty=allow_empty)
            try:
                step = steps.send(verdict)
            except StopIteration as stop:
                assert offer is not None
                return Reply(stop.value.reply, offer, attempts)

    async def attempt(self, step: Send, body: Mapping[str, Any], path: str, *, allow_empty: bool = False) -> Verdict:
        """One try of one candidate."""
        offer = step.offer
        self.tell(f"asking {offer.provider}/{offer.internal_name}")
        try:
            response = await self.sender.send(post_json(offer, path, body), limit=step.limit)
            content = await response.read() if response.status == 200 else await _error_body(response)
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

    async def stream(
        self, offers: Sequence[Offer], body: Mapping[str, Any], *, total: float | None = None
    ) -> AsyncStreamReply:
        """Ask the candidates in order until one's stream brings content. Raises what `route` raises."""
        attempts: list[Attempt] = []
        steps = route(offers, self.health, self.random, total=total, attempts=attempts)
        step = next(steps)
        while True:
            verdict, opened = None, None
            if isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            else:
                opened = _Opened(self, step)
                verdict = await opened.open({**body, "stream": True})
                if verdict.error:
                    self.tell(str(verdict.error))
            try:
                step = steps.send(verdict)
            except StopIteration:
                assert opened is not None
                return AsyncStreamReply(opened, attempts)


async def _error_body(response: AsyncResponse) -> bytes:
    """The first bytes of an error body: enough for its message."""
    parts, size = [], 0
    with suppress(WireError):
        async for chunk in response.chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= ERROR_CAP:
                break
    response.close()
    return b"".join(parts)


class _Opened:
    """One try of a stream: read until its first content or its failure."""

    response: AsyncResponse

    def __init__(self, caller: AsyncCaller, step: Send) -> None:
        self._caller, self._limit, self.offer = caller, step.limit, step.offer
        self._limits = caller.sender.limits
        self.early: list[dict[str, Any]] = []
        self.state = Stream(self.offer.provider, (self.offer.api_key,), {}, time.time())

    async def open(self, body: Mapping[str, Any]) -> Verdict:
        self._caller.tell(f"asking {self.offer.provider}/{self.offer.internal_name}")
        secrets = (self.offer.api_key,)
        patience = min(self._limits.first_token, self._limit)
        started = time.monotonic()
        request = post_json(self.offer, chat.PATH, body)
        try:
            async with asyncio.timeout(patience):
                self.response = await self._caller.sender.send(
                    request, limit=self._caller.health.policy.total, idle=self._limits.idle
                )
        except TimeoutError:
            return classify.failure(WireError("deadline", "no answer in time"), self.offer.provider)
        except WireError as error:
            return classify.failure(error, self.offer.provider)
        if self.response.status != 200:
            content = await _error_body(self.response)
            return classify.response(
                self.response.status, self.response.headers, content, self.offer.provider, secrets, time.time()
            )
        self.state = Stream(self.offer.provider, secrets, self.response.headers, time.time())
        self._source = self._chunks()  # one iterator for both phases: a second would close the first
        try:
            await self._read_to_content(max(patience - (time.monotonic() - started), 0.001))
        except BaseException:
            self.response.close()
            raise
        if self.state.verdict is not None and self.state.verdict.action != classify.OK:
            self.response.close()
        return self.state.verdict or classify.Verdict(classify.OK)

    async def _read_to_content(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                async for chunk in self._source:
                    self.early += self.state.feed(chunk)
                    if self.state.started or self.state.verdict is not None:
                        return
                    if self.state.done:
                        break
        except TimeoutError:
            self.state.late()
            return
        self.early += self.state.end()

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.response.chunks:
                yield chunk
        except WireError as error:
            self.state.broke(error)

    async def rest(self) -> AsyncIterator[dict[str, Any]]:
        for event in self.early:
            yield event
        self.early = []
        if self.state.verdict is not None:
            return
        heard = time.monotonic()
        if not self.state.done:
            async for chunk in self._source:
                events = self.state.events
                for event in self.state.feed(chunk):
                    yield event
                if self.state.done:
                    break
                if self.state.events > events:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self._limits.idle:
                    self.state.silent()
        for event in self.state.end():
            yield event


class AsyncStreamReply:
    """`StreamReply` for asyncio."""

    def __init__(self, opened: _Opened, attempts: Sequence[Attempt]) -> None:
        self.offer, self.attempts = opened.offer, list(attempts)
        self._opened = opened

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        try:
            async for chunk in self._opened.rest():
                yield chunk
        finally:
            self.close()

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._opened.state.usage

    async def text(self) -> AsyncIterator[str]:
        """The text as it comes. Raises TruncatedStreamError, with the text so far, if the stream breaks."""
        async for chunk in self:
            if piece := delta_text(chunk):
                yield piece

    def close(self) -> None:
        """Stop: closes the connection, so that the provider stops generating."""
        self._opened.response.close()
