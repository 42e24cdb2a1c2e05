"""Calls through the pipeline, synchronously: route, send, classify. `acall` is its asyncio twin."""

from __future__ import annotations

import time
from contextlib import suppress

from inference_providers import chat
from inference_providers.errors import LocalServerError
from inference_providers.protocols import Part, StreamJudge, as_events, classify, delta_text
from inference_providers.routing import Send, Sleep, route
from inference_providers.text import in_line
from inference_providers.transport import ERROR_CAP, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.errors import TruncatedStreamError
    from inference_providers.offers import Offer
    from inference_providers.protocols import Ask, Verdict
    from inference_providers.routing import Health, Uniform
    from inference_providers.transport import Could, Sender


class Reply:
    """A reply that worked: its JSON, its HTTP form, who gave it, and every attempt on the way."""

    __slots__ = ("attempts", "content", "data", "dropped", "headers", "offer", "seconds", "status")

    def __init__(
        self, verdict: Verdict, offer: Offer, attempts: list[Attempt], dropped: list[str], seconds: float
    ) -> None:
        self.data: Any = verdict.reply
        self.offer, self.attempts, self.dropped, self.seconds = offer, attempts, dropped, seconds
        self.status, self.headers, self.content = verdict.response or (200, {}, b"")

    def __repr__(self) -> str:
        return in_line(f"<Reply from {self.offer.provider}/{self.offer.internal_name}: {self.text[:40]!r}>")

    @property
    def text(self) -> str:
        """The text of a chat reply."""
        return chat.reply_text(self.data)


class Caller:
    """The pipeline's parts, wired: a sender, the health of keys and providers, a random source."""

    def __init__(
        self, sender: Sender, health: Health, random: Uniform, tell: Callable[[str], None], could: Could
    ) -> None:
        self.sender, self.health, self.random, self.tell, self.could = sender, health, random, tell, could

    def call(
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
                time.sleep(step.seconds)
            else:
                verdict = self.attempt(step, ask) if step.hedge is None else self.hedged(step, step.hedge, ask)
                offer = verdict.offer or step.offer
            try:
                step = steps.send(verdict)
            except StopIteration as stop:
                assert offer is not None
                return Reply(stop.value, offer, attempts, ask.dropped(offer), time.monotonic() - started)

    def attempt(self, step: Send, ask: Ask) -> Verdict:
        """One try of one candidate."""
        offer = step.offer
        self.tell(f"asking {offer.provider}/{offer.internal_name}")
        limit = step.limit
        try:
            if offer.launchable:
                limit = wake(offer, step.limit)
            response = self.sender.send(ask.request(offer), limit=limit)
            content = response.read() if response.status in classify.SUCCESS else error_body(response)
        except WireError as error:
            verdict = classify.failure(error, offer.provider, launched=offer.launchable)
        else:
            verdict = judge(response.status, response.headers, content, offer, ask)
        if verdict.error:
            self.tell(str(verdict.error))
        return verdict

    def hedged(self, step: Send, second: Offer, ask: Ask) -> Verdict:
        """Try a candidate, and a second one if it takes long; the first answer counts, or a word that ends the call."""
        from queue import Empty, SimpleQueue
        from threading import Thread

        answers: SimpleQueue[Verdict | BaseException] = SimpleQueue()

        def work(offer: Offer, limit: float) -> None:
            try:
                verdict = self.attempt(Send(offer, limit), ask)
                verdict.offer = offer
                answers.put(verdict)
            except BaseException as error:  # noqa: BLE001  (raised where the caller waits)
                answers.put(error)

        def answer(timeout: float | None = None) -> Verdict:
            found = answers.get(timeout=timeout)
            if isinstance(found, BaseException):
                raise found
            return found

        Thread(target=work, args=(step.offer, step.limit), daemon=True).start()
        try:
            return answer(step.hedge_after)
        except Empty:
            if not self.health.may_hedge(second):
                return answer()
            Thread(target=work, args=(second, step.hedge_limit), daemon=True).start()
        first = answer()
        return first if ends_the_call(first) else after_both(step.offer, [first, answer()])

    def stream(self, offers: Sequence[Offer], ask: Ask, *, total: float | None = None) -> StreamReply:
        """Ask the candidates in order until one's stream brings content. Raises what `route` raises."""
        attempts: list[Attempt] = []
        steps = route(ask.able(offers, self.could), self.health, self.random, total=total, attempts=attempts)
        step = next(steps)
        while True:
            verdict, opened = None, None
            if isinstance(step, Sleep):
                time.sleep(step.seconds)
            else:
                opened = _Opened(self, step, ask)
                verdict = opened.open()
                if verdict.error:
                    self.tell(str(verdict.error))
            try:
                step = steps.send(verdict)
            except StopIteration:
                assert opened is not None
                return StreamReply(opened, attempts, ask.dropped(opened.offer))


def wake(offer: Offer, limit: float) -> float:
    """Have a server that this package launches running before it is asked; what is left of *limit*. Raises WireError."""
    started = time.monotonic()
    try:
        offer.wake(limit)
    except LocalServerError as error:
        raise WireError("launch", str(error)) from None
    return max(limit - (time.monotonic() - started), 0.001)


def judge(status: int, headers: Mapping[str, str], content: bytes, offer: Offer, ask: Ask) -> Verdict:
    """The verdict on a complete response. One of a shape that nobody foresaw is no answer: the next is asked."""
    secrets = (offer.api_key,)
    try:
        verdict = classify.response(
            status, headers, content, offer.provider, secrets, time.time(), path=ask.path, allow_empty=ask.allow_empty
        )
    except Exception as error:  # noqa: BLE001  (a reply must not be able to break a program)
        return classify.unreadable(offer.provider, error)
    if verdict.action == classify.OK:
        verdict.response = (status, headers, content)
    return verdict


def ends_the_call(verdict: Verdict) -> bool:
    """Whether nobody else need be heard."""
    return verdict.action in (classify.OK, classify.STOP)


def after_both(asked_first: Offer, verdicts: list[Verdict]) -> Verdict:
    """The verdict that counts of two: one that ends the call, else that on the candidate asked first. It carries the other."""
    chosen = next((v for v in verdicts if ends_the_call(v)), None) or next(
        v for v in verdicts if v.offer is asked_first
    )
    chosen.also = [verdict for verdict in verdicts if verdict is not chosen]
    return chosen


def error_body(response: Any) -> bytes:
    """The first bytes of an error body: enough for its message."""
    parts, size = [], 0
    try:
        with suppress(WireError):
            for chunk in response.chunks:
                parts.append(chunk)
                size += len(chunk)
                if size >= ERROR_CAP:
                    break
    finally:
        response.close()
    return b"".join(parts)


class _Opened:
    """One try of a stream: read until its first content or its failure; then to its end."""

    response: Any
    _source: Iterator[bytes]

    def __init__(self, caller: Caller, step: Send, ask: Ask) -> None:
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

    def open(self) -> Verdict:
        """Read to the first content; the verdict on that."""
        self._caller.tell(f"asking {self.offer.provider}/{self.offer.internal_name}")
        try:
            if self.offer.launchable:
                self._limit = wake(self.offer, self._limit)
        except WireError as error:
            return classify.failure(error, self.offer.provider)
        patience = min(self._limits.first_token, self._limit)
        give_up = time.monotonic() + patience
        try:
            self.response = self._caller.sender.send(self._ask.request(self.offer), limit=patience, idle=patience)
        except WireError as error:
            return classify.failure(error, self.offer.provider, launched=self.offer.launchable)
        if self.response.status != 200:
            return judge(self.response.status, self.response.headers, error_body(self.response), self.offer, self._ask)
        self.state = self._judge(self.response.headers)
        self._source = self._chunks()  # one iterator for both phases: a second would close the first
        try:
            self._read_to_content(give_up)
        except BaseException:
            self.response.close()
            raise
        self.response.watch.idle = self._limits.idle
        self.response.watch.deadline = give_up - patience + self._left
        if self.state.verdict is not None and self.state.verdict.action != classify.OK:
            self.response.close()
        return self.state.verdict or classify.Verdict(classify.OK)

    def _read_to_content(self, give_up: float) -> None:
        for chunk in self._source:
            self._take(Part(self.state, chunk))
            if self.state.started or self.state.verdict is not None:
                return
            if self.state.done:
                break
            if time.monotonic() > give_up:
                self.state.late()
                return
        self._take(Part(self.state, b"", ends=True))

    def _take(self, part: Part) -> None:
        """Keep what came before the first content, or with it."""
        self._raw += part.raw
        self._early += part.events
        self._failure = part.failure

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from self.response.chunks
        except WireError as error:
            if not self.closed:
                self.state.broke(error)

    def _forget(self) -> None:
        """What came before the first content is given once."""
        self._raw, self._early = bytearray(), []

    def raw(self) -> Iterator[bytes]:
        """The whole stream as it came, judged on the way. Raises TruncatedStreamError."""
        early = list(as_events(self._early)) if self.state.plain else [bytes(self._raw)]
        self._forget()
        yield from early
        for part in self._rest():
            yield part.raw
            if part.failure is not None:
                raise part.failure

    def events(self) -> Iterator[dict[str, Any]]:
        """The whole stream, parsed. Raises TruncatedStreamError."""
        early = self._early
        self._forget()
        yield from early
        for part in self._rest():
            yield from part.events
            if part.failure is not None:
                raise part.failure

    def _rest(self) -> Iterator[Part]:
        if self._failure is not None:
            raise self._failure
        if self.state.verdict is not None or self.closed:
            return
        heard = time.monotonic()
        for chunk in () if self.state.done else self._source:
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


class StreamReply:
    """A stream that has brought its first content. Iterate over it for chunks, over `text()` for text; close it to stop."""

    def __init__(self, opened: _Opened, attempts: list[Attempt], dropped: list[str]) -> None:
        self.offer, self.attempts, self.dropped = opened.offer, attempts, dropped
        self._opened = opened

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            for chunk in self._opened.events():
                if self._opened.closed:  # from outside, perhaps another thread
                    return
                yield chunk
        finally:
            self.close()

    def __repr__(self) -> str:
        return in_line(f"<{type(self).__name__} from {self.offer.provider}/{self.offer.internal_name}>")

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, in lower case."""
        headers: Mapping[str, str] = self._opened.response.headers
        return headers

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._opened.state.usage

    def text(self) -> Iterator[str]:
        """The text as it comes. Raises TruncatedStreamError, with the text so far, if the stream breaks."""
        for chunk in self:
            if piece := delta_text(chunk):
                yield piece

    def raw(self) -> Iterator[bytes]:
        """The events as bytes, as they came. Raises TruncatedStreamError."""
        for piece in self._opened.raw():
            if self._opened.closed:
                return
            yield piece

    def close(self) -> None:
        """Stop: closes the connection, so that the provider stops generating."""
        self._opened.closed = True
        self._opened.response.close()
