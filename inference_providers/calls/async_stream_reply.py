"""A stream of a call: read until its first content, so that another may be asked; then as it comes.

`stream_reply` is made of this module by `make generate`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

from inference_providers.calls.async_trial import error_body, running
from inference_providers.calls.reply import given, judge
from inference_providers.calls.stream_head import Head
from inference_providers.chat import Pieces
from inference_providers.errors import TruncatedStreamError
from inference_providers.protocols import Part, classify, delta_text, fit, reading
from inference_providers.text import in_line
from inference_providers.transport import WireError
from inference_providers.usage import usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.calls.gate import Admission
    from inference_providers.calls.observation import Call, Context
    from inference_providers.offers import Offer
    from inference_providers.protocols import EventJudge, FittedRequest, ModelRequest, Verdict
    from inference_providers.routing import Send
    from inference_providers.transport import AsyncResponse, AsyncSender


class AsyncOpening:
    """One try of a stream: read until its first content or its failure; then to its end."""

    response: AsyncResponse

    def __init__(self, context: Context, sender: AsyncSender, step: Send, request: ModelRequest) -> None:
        self.offer = step.offer
        self._context, self._sender, self._limits = context, sender, sender.limits
        self._limit, self._left, self._request = step.limit, step.left, request
        self.closed = False
        self.admission: Admission | None = None  # what is set aside for it
        self._raw = bytearray()
        self._early: list[dict[str, Any]] = []
        self._failure: TruncatedStreamError | None = None
        self._begun, self._reads, self._ended = False, True, False  # of what follows the first content
        self._seen, self._heard = 0, 0.0  # how many events there were before the last piece; when one came last
        self.judge = self._judge({})

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, in lower case."""
        headers: Mapping[str, str] = self.response.headers
        kind = self.judge.media_type
        return {**headers, "content-type": kind} if kind else headers

    @property
    def status(self) -> int:
        """The response's status: one of success."""
        status: int = self.response.status
        return status

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream, or the reply that came instead of one, said so."""
        return self.judge.usage

    @property
    def words(self) -> Pieces:
        """The text so far."""
        return self.judge.words

    @property
    def whole(self) -> bool:
        """Whether all of it has come."""
        return self.judge.done or self.judge.verdict is not None

    def close(self) -> None:
        """Read no more; again does no harm."""
        self.closed = True
        self.response.close()
        admission, self.admission = self.admission, None
        if admission is not None:
            admission.ended(usage_of(self.usage), self.response.headers, whole=self.whole)

    def _judge(self, headers: Mapping[str, str]) -> EventJudge:
        offer, request = self.offer, self._request
        protocol, path = reading(request, offer)
        key, now = (offer.api_key,), time.time()
        return protocol.judge(
            offer.provider, key, headers, now, path=path, allow_empty=request.allow_empty, registry=offer.registry,
            choices=_answers(request), unread=bool(request.accept),
        )  # fmt: skip

    async def open(self) -> Verdict:
        """Read to the first content; the verdict on that."""
        offer = self.offer
        if self._context.verbose:
            self._context.tell(f"asking {offer.provider}/{offer.internal_name}")
        try:
            if offer.launchable or not offer.awake:
                self._limit = await running(offer, self._limit)
            # What is no stream of events may say nothing until it is whole.
            patience = self._limit if self._request.accept else min(self._limits.first_token, self._limit)
            started = time.monotonic()
            sent = fit(self._request, offer).to_send()
            self.response = await self._sender.send(sent, limit=patience, idle=patience)
        except WireError as error:
            offer.lost()
            return classify.failure(error, offer.provider, launched=offer.launchable, at=offer.moved())
        if self.response.status not in classify.SUCCESS:
            content = await error_body(self.response)
            return judge(self.response.status, self.response.headers, content, offer, self._request)
        self.judge = self._judge(self.response.headers)
        try:
            await self._read_to_content()
        except BaseException:
            self.response.close()
            raise
        self._until = started + self._left
        self._limit_rest()
        if self.judge.verdict is not None and self.judge.verdict.action != classify.OK:
            self.response.close()
        return self.judge.verdict or classify.Verdict(classify.OK)

    def _limit_rest(self) -> None:
        """How long the rest may take: of an answer that is whole, only usage and the farewell are waited for."""
        left, silence = max(self._until - time.monotonic(), 0.001), self._limits.idle
        self._rests = self.judge.resting
        if self._rests:
            left, silence = min(left, self._limits.farewell), min(silence, self._limits.farewell)
        self.response.limit(left, silence)

    async def _read_to_content(self) -> None:
        while chunk := await self._chunk():
            self._take(Part(self.judge, chunk))
            if self.judge.started or self.judge.verdict is not None:
                return
            if self.judge.done:
                break
        self._take(Part(self.judge, b"", ends=True))

    def _take(self, part: Part) -> None:
        """Keep what came before the first content, or with it."""
        self._raw += part.raw
        self._early += part.events
        self._failure = part.failure

    async def _chunk(self) -> bytes:
        """The next bytes, none at the end."""
        try:
            return await self.response.more()
        except WireError as error:
            if not self.closed:
                self.judge.broke(error)
            return b""

    def _forget(self) -> None:
        """What came before the first content is given once."""
        self._raw, self._early = bytearray(), []

    async def raw(self) -> AsyncIterator[bytes]:
        """The whole stream as it came, judged on the way. Raises TruncatedStreamError."""
        head = bytes(self._raw)
        self._forget()
        yield head
        while (part := await self._part()) is not None:
            yield part.raw
            if part.failure is not None:
                raise part.failure

    async def batches(self) -> AsyncIterator[list[dict[str, Any]]]:
        """The whole stream, parsed: what has come together at a time. Raises TruncatedStreamError."""
        head = self._early
        self._forget()
        yield head
        while (part := await self._part()) is not None:
            yield part.events
            if part.failure is not None:
                raise part.failure

    async def parts(self) -> AsyncIterator[Part | Head]:
        """The whole stream, piece by piece; where it breaks, the last piece says so."""
        head = Head(bytes(self._raw), self._early, self._failure)
        self._forget()
        yield head
        if head.failure is None:
            while (part := await self._part()) is not None:
                yield part

    async def _part(self) -> Part | None:
        """The next piece, None at the end. Raises TruncatedStreamError."""
        judge = self.judge
        if not self._begun:
            self._begun, self._heard = True, time.monotonic()
            if self._failure is not None:
                raise self._failure
            self._ended = judge.verdict is not None or self.closed
            self._reads = not judge.done
        elif self._reads:
            self._look_back()
        if self._ended:
            return None
        if self._reads:
            chunk = await self._chunk()
            if chunk:
                self._seen = judge.events
                return Part(judge, chunk)
            self._reads = False
        self._ended = True
        return None if self.closed else Part(judge, b"", ends=True)

    def _look_back(self) -> None:
        """What the last piece means for those to come. Raises TruncatedStreamError where it brings nothing for long."""
        judge = self.judge
        if judge.done:
            self._reads = False
        elif judge.events > self._seen:
            self._heard = time.monotonic()
            if judge.resting != self._rests:
                self._limit_rest()
        elif time.monotonic() - self._heard > self._limits.idle:
            judge.silent()
            self._reads = False


def _answers(request: ModelRequest) -> int:
    """How many answers a request asks for."""
    wanted = request.body.get("n") if request.body is not None else None
    return wanted if isinstance(wanted, int) and wanted > 0 else 1


class AsyncStreamReply:
    """A stream that has brought its first content.

    Iterate over it for chunks, over `text()` for text; close it to stop.
    """

    call: Call | None = None  # that is told of the stream's end
    cached = False  # whether it is of an earlier call, or of another's that was under way, and costs nothing
    listed: Offer | None = None  # who would have been asked first without a policy

    def __init__(self, opening: Any, attempts: list[Attempt], fitted: FittedRequest | None = None) -> None:
        self.offer: Offer = opening.offer
        self.attempts = attempts
        self.dropped, self.repaired = (fitted.dropped, fitted.repaired) if fitted is not None else ([], [])
        self.native = fitted.native if fitted is not None else ""  # see `Reply`
        self._opening = opening
        self._whole, self._failure = False, ""  # whether it was read to its end; the kind of error that it broke with

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        with self._reading():
            async for chunks in self._opening.batches():
                for chunk in chunks:
                    if self._opening.closed:  # from outside, perhaps another thread
                        return
                    yield chunk
            self._whole = True

    async def batches(self) -> AsyncIterator[list[dict[str, Any]]]:
        """The chunks, as many at a time as have come together. Raises TruncatedStreamError."""
        with self._reading():
            async for chunks in self._opening.batches():
                if self._opening.closed:
                    return
                yield chunks
            self._whole = True

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """It is read, and closed when that ends, however it does."""
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failure = type(error).__name__
            raise
        finally:
            self.close()

    def __del__(self) -> None:
        if self.call is not None:  # dropped, and never closed: its connection closes itself
            self._tell()

    def __repr__(self) -> str:
        return in_line(f"<{type(self).__name__} from {self.offer.provider}/{self.offer.internal_name}>")

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, in lower case."""
        headers: Mapping[str, str] = self._opening.headers
        return headers

    @property
    def status(self) -> int:
        """The response's status: one of success."""
        status: int = self._opening.status
        return status

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._opening.usage

    @property
    def words(self) -> Pieces:
        """The text that has come so far, which grows as it is read."""
        words: Pieces = self._opening.words
        return words

    @property
    def is_whole(self) -> bool:
        """Whether every answer in it has come to its end: what may follow is usage."""
        judge = getattr(self._opening, "judge", None)
        return judge is None or bool(judge.resting or judge.done)

    @property
    def opening(self) -> Any:
        """What it is read from; whoever puts something else there reads this."""
        return self._opening

    @opening.setter
    def opening(self, opening: Any) -> None:
        self._opening = opening

    async def text(self) -> AsyncIterator[str]:
        """The text as it comes. Raises TruncatedStreamError, with the text so far, if the stream breaks."""
        async for chunk in self:
            if piece := delta_text(chunk):
                yield piece

    async def raw(self) -> AsyncIterator[bytes]:
        """The events as bytes, as they came. Raises TruncatedStreamError."""
        with self._reading():
            async for piece in self._opening.raw():
                if self._opening.closed:
                    return
                self._whole = self._opening.whole  # an SDK reads no further than [DONE]
                yield piece
            self._whole = True

    def close(self) -> None:
        """Stop: closes the connection, so that the provider stops generating."""
        self._opening.close()
        if self.call is not None:
            self._tell()

    def _tell(self) -> None:
        call, self.call = self.call, None
        if call is not None:
            call.ended(self, self._failure, whole=self._whole)


def given_stream(reply: object) -> AsyncStreamReply:
    """What a stage gives for a stream: one, or a whole reply. Raises TypeError for anything else."""
    if isinstance(reply, AsyncStreamReply):
        return reply
    from inference_providers.calls.async_given_stream import AsyncGiven

    stream = AsyncStreamReply(AsyncGiven(whole := given(reply)), [])
    stream.cached = whole.cached
    return stream
