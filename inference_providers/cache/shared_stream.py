"""One stream that several callers read, each at its own pace: whoever comes to its end so far reads on for all."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref

from inference_providers.errors import TruncatedStreamError
from inference_providers.waits import is_mine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from typing import Any

    from inference_providers.offers import Offer

    Ended = Callable[["list[Any] | None"], Any]

STALE = 10.0  # seconds after which nobody joins a stream of which nothing was read


class _Shared:
    """What has come of a stream, and who reads it.

    ended: is given its parts once it is whole, or None once it is clear that it will not be kept. most: bytes up to
    which it is kept for those who come later.
    """

    def __init__(self, opening: Any, ended: Ended, most: int) -> None:
        self.opening, self._ended, self._most = opening, ended, most
        self.parts: list[Any] = []
        self.first = 0  # the number of the first part that is still here
        self.size, self.heard = 0, time.monotonic()
        self.whole_at: int | None = None  # how many parts it has, once it is whole
        self.over = self.told = False  # whether no more will come; whether `ended` was called
        self.error: BaseException | None = None
        self.readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._reading_it = 0  # how many read it; those that were dropped are known by that alone
        self.lock = threading.RLock()  # the garbage collector may drop a reader within

    @property
    def count(self) -> int:
        """How many parts have come."""
        with self.lock:
            return self.first + len(self.parts)

    def _at(self, number: int) -> Any:
        """A part that has come; None for others."""
        with self.lock:
            place = number - self.first
            return self.parts[place] if 0 <= place < len(self.parts) else None

    def joined(self, reader: _Reader) -> bool:
        """Whether one more may read it from its beginning."""
        with self.lock:
            stale = self.whole_at is None and time.monotonic() - self.heard > STALE
            if self.first or self.error is not None or self.opening.closed or (self._reading_it and stale):
                return False
            self.readers.add(reader)
            self._reading_it += 1
            return True

    def left(self, *, closes: bool) -> None:
        """One reads no more. With the last the connection is closed, or, without *closes*, left to close itself."""
        with self.lock:
            self._reading_it -= 1
            if self._reading_it:
                return
        if closes:
            self._close()
        if not self.told:
            self.told = True
            self._ended(None)

    def _close(self) -> None:
        self.opening.close()

    def _took(self, part: Any) -> Any:
        """One more part; what `ended` gives where this settles whether it is kept."""
        self.heard = time.monotonic()
        with self.lock:
            self.parts.append(part)
            self.size += len(part.raw)
            if part.failure is not None:
                self.over = True
            elif self.whole_at is None and self.opening.whole:
                self.whole_at = self.count
            whole = self.whole_at is not None and not self.first
        if self.told:
            if self.first or self.size > self._most:
                self._trim()
            return None
        if part.failure is not None or self.size > self._most:
            self.told = True
            return self._ended(None)
        if whole:
            self.told = True
            return self._ended(list(self.parts))
        return None

    def _trim(self) -> None:
        """Forget what everybody has read, of a stream that is too long to be kept."""
        with self.lock:
            read = min((reader.at for reader in self.readers), default=0) - self.first
            if read > 0:
                del self.parts[:read]
                self.first += read

    def _ends(self, error: BaseException | None) -> Any:
        """No more will come."""
        with self.lock:
            self.over, self.error = True, error
            if self.whole_at is None and error is None and self.opening.whole:
                self.whole_at = self.count
        if self.told:
            return None
        self.told = True
        return self._ended(list(self.parts) if self.whole_at is not None else None)


class _Reader:
    """One caller's place in a shared stream: what its stream is read from.

    until: when it waits no longer, by `time.monotonic`; None for as long as the stream itself may take.
    """

    def __init__(self, shared: Any, until: float | None) -> None:
        self._shared, self._until = shared, until
        self.at, self.closed = 0, False
        self.offer: Offer = shared.opening.offer
        self.joined: bool = shared.joined(self)
        self._reads = self.joined

    def __del__(self) -> None:
        if self._reads:  # dropped, and never closed
            self._leave(closes=False)

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, in lower case."""
        headers: Mapping[str, str] = self._shared.opening.headers
        return headers

    @property
    def status(self) -> int:
        """The response's status: one of success."""
        status: int = self._shared.opening.status
        return status

    @property
    def usage(self) -> Any:
        """Tokens used, once the stream said so."""
        return self._shared.opening.usage

    @property
    def words(self) -> Any:
        """The text that has come so far."""
        return self._shared.opening.words

    @property
    def whole(self) -> bool:
        """Whether all of it has been read here."""
        at = self._shared.whole_at
        return at is not None and self.at >= at

    def close(self) -> None:
        """Read no more."""
        self.closed = True
        self._leave(closes=True)

    def _leave(self, *, closes: bool) -> None:
        reads, self._reads = self._reads, False
        if reads:
            self._shared.left(closes=closes)

    def _late(self) -> TruncatedStreamError:
        return TruncatedStreamError(
            f"{self.offer.provider}: the stream, which another call reads as well, did not go on in time",
            provider=self.offer.provider,
            code="deadline",
        )


class SharedStream(_Shared):
    """For threads."""

    def __init__(self, opening: Any, ended: Ended, most: int) -> None:
        super().__init__(opening, ended, most)
        self._source, self._reading = opening.parts(), threading.Lock()

    def part(self, at: int, until: float | None) -> Any:
        """A part; None behind the last. Raises TimeoutError, and what reading raises."""
        if (part := self._at(at)) is not None:
            return part
        if not is_mine(self._reading, None if until is None else until - time.monotonic()):
            raise TimeoutError
        try:
            if at >= self.count and not self.over:
                self._read()
        finally:
            self._reading.release()
        if (part := self._at(at)) is None and self.error is not None:
            raise self.error
        return part

    def _read(self) -> None:
        try:
            part = next(self._source, None)
        except BaseException as error:
            self._ends(error)
            raise
        if part is None:
            self._ends(None)
        else:
            self._took(part)


class Reader(_Reader):
    """For threads."""

    def _parts(self) -> Iterator[Any]:
        try:
            while not self.closed and (part := self._shared.part(self.at, self._until)) is not None:
                self.at += 1
                yield part
                if part.failure is not None:
                    raise part.failure
        except TimeoutError:
            raise self._late() from None

    def raw(self) -> Iterator[bytes]:
        """The whole stream as it came. Raises TruncatedStreamError."""
        for part in self._parts():
            yield part.raw

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """The whole stream, parsed: what has come together at a time. Raises TruncatedStreamError."""
        for part in self._parts():
            yield part.events


class AsyncSharedStream(_Shared):
    """For asyncio, within one event loop.

    What reads is a task of its own, so that a reader that is cancelled cancels nobody else.
    """

    def __init__(self, opening: Any, ended: Callable[[list[Any] | None], Awaitable[None] | None], most: int) -> None:
        super().__init__(opening, ended, most)
        self._source = opening.parts()
        self._reading: asyncio.Task[None] | None = None

    async def part(self, at: int, until: float | None) -> Any:
        """A part; None behind the last. Raises TimeoutError, and what reading raises."""
        while at >= self.count and not self.over:
            if self._reading is None:
                self._reading = asyncio.get_running_loop().create_task(self._read())
            if until is None:
                await asyncio.shield(self._reading)
            else:
                async with asyncio.timeout(max(until - time.monotonic(), 0.0)):
                    await asyncio.shield(self._reading)
        if (part := self._at(at)) is None and self.error is not None:
            raise self.error
        return part

    async def _read(self) -> None:
        try:
            part = await anext(self._source, None)
            kept = self._ends(None) if part is None else self._took(part)
        except BaseException as error:  # noqa: BLE001  (raised where it is read)
            kept = self._ends(error)
        finally:
            self._reading = None
        if kept is not None:
            await kept

    def _close(self) -> None:
        super()._close()
        task = self._reading
        if task is not None and not (loop := task.get_loop()).is_closed():
            loop.call_soon_threadsafe(task.cancel)


class AsyncReader(_Reader):
    """For asyncio."""

    async def _parts(self) -> AsyncIterator[Any]:
        try:
            while not self.closed and (part := await self._shared.part(self.at, self._until)) is not None:
                self.at += 1
                yield part
                if part.failure is not None:
                    raise part.failure
        except TimeoutError:
            raise self._late() from None

    async def raw(self) -> AsyncIterator[bytes]:
        """The whole stream as it came. Raises TruncatedStreamError."""
        async for part in self._parts():
            yield part.raw

    async def batches(self) -> AsyncIterator[list[dict[str, Any]]]:
        """The whole stream, parsed: what has come together at a time. Raises TruncatedStreamError."""
        async for part in self._parts():
            yield part.events
