"""Calls through the pipeline with asyncio: the driver beside `call`; every decision is shared with it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from inference_providers.calls.caller import Reply, after_both, ends_the_call, judge
from inference_providers.errors import LocalServerError
from inference_providers.protocols import Part, StreamJudge, as_events, classify, delta_text
from inference_providers.routing import Send, Sleep, route
from inference_providers.transport import ERROR_CAP, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.errors import TruncatedStreamError
    from inference_providers.offers import Offer
    from inference_providers.protocols import Ask, Verdict
    from inference_providers.routing import Health, Uniform
    from inference_providers.transport import AsyncResponse, AsyncSender, Could


class AsyncCaller:
    """`Caller` for asyncio."""

    def __init__(
        self, sender: AsyncSender, health: Health, random: Uniform, tell: Callable[[str], None], could: Could
    ) -> None:
        self.sender, self.health, self.random, self.tell, self.could = sender, health, random, tell, could

    async def call(
        self, offers: Sequence[Offer], ask: Ask, *, total: float | None = None, hedge_after: float | str | None = None
    ) -> Reply:
        """Ask the candidates in order until one answers. Raises what `route` raises."""
        attempts: list[Attempt] = []
        started = time.monotonic()
        able = ask.able(offers, self.could)
        steps = route(able, self.health, self.random, total=total, attempts=attempts, hedge_after=hedge_after)
        step = next(steps)
        while True:
            verdict, offer = None, None
            if isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            else:
                verdict = await (self.attempt(step, ask) if step.hedge is None else self.hedged(step, step.hedge, ask))
                offer = verdict.offer or step.offer
            try:
                step = steps.send(verdict)
            except StopIteration as stop:
                assert offer is not None
                return Reply(stop.value, offer, attempts, ask.dropped(offer), time.monotonic() - started)

    async def attempt(self, step: Send, ask: Ask) -> Verdict:
        """One try of one candidate."""
        offer = step.offer
        self.tell(f"asking {offer.provider}/{offer.internal_name}")
        limit = step.limit
        try:
            if offer.launchable:
                limit = await wake(offer, step.limit)
            response = await self.sender.send(ask.request(offer), limit=limit)
            content = await response.read() if response.status in classify.SUCCESS else await _error_body(response)
        except WireError as error:
            verdict = classify.failure(error, offer.provider, launched=offer.launchable)
        else:
            verdict = judge(response.status, response.headers, content, offer, ask)
        if verdict.error:
            self.tell(str(verdict.error))
        return verdict

    async def hedged(self, step: Send, second: Offer, ask: Ask) -> Verdict:
        """Try a candidate, and a second one if it takes long; the first answer counts, the other request is cancelled."""

        async def work(offer: Offer, limit: float) -> Verdict:
            verdict = await self.attempt(Send(offer, limit), ask)
            verdict.offer = offer
            return verdict

        tasks = [asyncio.ensure_future(work(step.offer, step.limit))]
        try:
            done, _ = await asyncio.wait(tasks, timeout=step.hedge_after)
            if done or not self.health.may_hedge(second):
                return await tasks[0]
            tasks.append(asyncio.ensure_future(work(second, step.hedge_limit)))
            verdicts: list[Verdict] = []
            for finished in asyncio.as_completed(tasks):
                verdicts.append(await finished)
                if ends_the_call(verdicts[-1]):
                    break
            return verdicts[0] if len(verdicts) == 1 else after_both(step.offer, verdicts)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stream(self, offers: Sequence[Offer], ask: Ask, *, total: float | None = None) -> AsyncStreamReply:
        """Ask the candidates in order until one's stream brings content. Raises what `route` raises."""
        attempts: list[Attempt] = []
        steps = route(ask.able(offers, self.could), self.health, self.random, total=total, attempts=attempts)
        step = next(steps)
        while True:
            verdict, opened = None, None
            if isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            else:
                opened = _Opened(self, step, ask)
                verdict = await opened.open()
                if verdict.error:
                    self.tell(str(verdict.error))
            try:
                step = steps.send(verdict)
            except StopIteration:
                assert opened is not None
                return AsyncStreamReply(opened, attempts, ask.dropped(opened.offer))


async def wake(offer: Offer, limit: float) -> float:
    """`call.wake` for asyncio."""
    started = time.monotonic()
    try:
        await offer.wake_async(limit)
    except LocalServerError as error:
        raise WireError("launch", str(error)) from None
    return max(limit - (time.monotonic() - started), 0.001)


async def _error_body(response: AsyncResponse) -> bytes:
    """The first bytes of an error body: enough for its message."""
    parts, size = [], 0
    try:
        with suppress(WireError):
            async for chunk in response.chunks:
                parts.append(chunk)
                size += len(chunk)
                if size >= ERROR_CAP:
                    break
    finally:
        response.close()
    return b"".join(parts)


class _Opened:
    """One try of a stream: read until its first content or its failure; then to its end."""

    response: AsyncResponse
    _source: AsyncIterator[bytes]

    def __init__(self, caller: AsyncCaller, step: Send, ask: Ask) -> None:
        self.offer = step.offer
        self._caller, self._limit, self._left, self._ask = caller, step.limit, step.left, ask
        self._limits = caller.sender.limits
        self.closed = False
        self._raw = bytearray()
        self._early: list[dict[str, Any]] = []
        self._failure: TruncatedStreamError | None = None
        self.state = self._judge({})

    def _judge(self, headers: Mapping[str, str]) -> StreamJudge:
        ask = self._ask
        return StreamJudge(
            self.offer.provider, (self.offer.api_key,), headers, time.time(), path=ask.path, allow_empty=ask.allow_empty
        )

    async def open(self) -> Verdict:
        """Read to the first content; the verdict on that."""
        self._caller.tell(f"asking {self.offer.provider}/{self.offer.internal_name}")
        try:
            if self.offer.launchable:
                self._limit = await wake(self.offer, self._limit)
        except WireError as error:
            return classify.failure(error, self.offer.provider)
        patience = min(self._limits.first_token, self._limit)
        started = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                self.response = await self._caller.sender.send(
                    self._ask.request(self.offer), limit=self._left, idle=self._limits.idle
                )
        except TimeoutError:
            return classify.failure(WireError("deadline", "no answer in time"), self.offer.provider)
        except WireError as error:
            return classify.failure(error, self.offer.provider, launched=self.offer.launchable)
        if self.response.status != 200:
            try:
                async with asyncio.timeout(max(patience - (time.monotonic() - started), 0.001)):
                    content = await _error_body(self.response)
            except TimeoutError:
                content = b""
            return judge(self.response.status, self.response.headers, content, self.offer, self._ask)
        self.state = self._judge(self.response.headers)
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
                    self._take(Part(self.state, chunk))
                    if self.state.started or self.state.verdict is not None:
                        return
                    if self.state.done:
                        break
        except TimeoutError:
            self.state.late()
            return
        self._take(Part(self.state, b"", ends=True))

    def _take(self, part: Part) -> None:
        """Keep what came before the first content, or with it."""
        self._raw += part.raw
        self._early += part.events
        self._failure = part.failure

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.response.chunks:
                yield chunk
        except WireError as error:
            if not self.closed:
                self.state.broke(error)

    def _forget(self) -> None:
        """What came before the first content is given once."""
        self._raw, self._early = bytearray(), []

    async def raw(self) -> AsyncIterator[bytes]:
        """The whole stream as it came, judged on the way. Raises TruncatedStreamError."""
        head = list(as_events(self._early)) if self.state.plain else [bytes(self._raw)]
        self._forget()
        for early in head:
            yield early
        async for part in self._rest():
            yield part.raw
            if part.failure is not None:
                raise part.failure

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """The whole stream, parsed. Raises TruncatedStreamError."""
        head = self._early
        self._forget()
        for event in head:
            yield event
        async for part in self._rest():
            for event in part.events:
                yield event
            if part.failure is not None:
                raise part.failure

    async def _rest(self) -> AsyncIterator[Part]:
        if self._failure is not None:
            raise self._failure
        if self.state.verdict is not None or self.closed:
            return
        heard = time.monotonic()
        if not self.state.done:
            async for chunk in self._source:
                seen = self.state.events
                yield Part(self.state, chunk)
                if self.state.done:
                    break
                if self.state.events > seen:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self._limits.idle:
                    self.state.silent()
        if not self.closed:
            yield Part(self.state, b"", ends=True)


class AsyncStreamReply:
    """`StreamReply` for asyncio."""

    def __init__(self, opened: _Opened, attempts: list[Attempt], dropped: list[str]) -> None:
        self.offer, self.attempts, self.dropped = opened.offer, attempts, dropped
        self._opened = opened

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        try:
            async for chunk in self._opened.events():
                if self._opened.closed:
                    return
                yield chunk
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self.offer.provider}/{self.offer.internal_name}>"

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, in lower case."""
        return self._opened.response.headers

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._opened.state.usage

    async def text(self) -> AsyncIterator[str]:
        """The text as it comes. Raises TruncatedStreamError, with the text so far, if the stream breaks."""
        async for chunk in self:
            if piece := delta_text(chunk):
                yield piece

    async def raw(self) -> AsyncIterator[bytes]:
        """The events as bytes, as they came. Raises TruncatedStreamError."""
        async for piece in self._opened.raw():
            if self._opened.closed:
                return
            yield piece

    def close(self) -> None:
        """Stop: closes the connection, so that the provider stops generating."""
        self._opened.closed = True
        self._opened.response.close()
