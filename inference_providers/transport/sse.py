"""Server-sent events, parsed as they come. Pure: bytes in, events out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_CAP = 8 * 1024 * 1024  # bytes of one event
HEAD_CAP = 4096  # bytes of blank lines at the beginning of a body, within which its kind must show
MARK = b"\xef\xbb\xbf"  # of UTF-8, which some put before a text
_LINE = 64  # bytes that any line takes in memory, however short it is
_BLANK = (b"\n\n", b"\n\r\n", b"\r\r")  # how a line ends, and the blank one behind it
_FIELDS = (b":", b"data:", b"event:", b"id:", b"retry:", b"error:")


def begins(body: bytes) -> bool | None:
    """Whether a body that begins like this is an event stream, whatever it is called; None where more must come."""
    text = body[: HEAD_CAP + 16].removeprefix(MARK).lstrip()
    if text.startswith(_FIELDS):
        return True
    return None if any(field.startswith(text) for field in _FIELDS) else False


def end_of_events(body: bytes) -> int:
    """Where the last whole event in these bytes ends: behind a blank line. 0 where none does."""
    body = body.removesuffix(b"\r")  # which may be half of a CRLF
    ends = [body.rfind(mark) + len(mark) for mark in _BLANK if mark in body]
    return max(ends, default=0)


class OversizeEvent(ValueError):
    """An event grew beyond EVENT_CAP."""


class Event:
    """One event: its name (empty for the default), its data, and any other field a server put there."""

    __slots__ = ("data", "name", "other")

    def __init__(self, name: str, data: str, other: str) -> None:
        self.name, self.data, self.other = name, data, other


class Parser:
    """Feed bytes in any chunking; get complete events. CRLF, LF and CR end lines; comments are dropped."""

    def __init__(self) -> None:
        self._buffer = b""  # what ended a chunk and may be half of a line's end
        self._pending = bytearray()  # of a line whose end has not come
        self._held = 0  # bytes of the event's lines so far
        self._begun = False
        self._name = ""
        self._data: list[str] = []
        self._other: list[str] = []

    @property
    def held(self) -> int:
        """Bytes of the event that has not ended yet."""
        return self._held + len(self._name) + len(self._pending) + len(self._buffer)

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Events that *chunk* completes. Raises OversizeEvent for one of more than EVENT_CAP bytes."""
        if not self._begun:
            self._begun = True
            chunk = chunk.removeprefix(MARK)
        if b"\n" not in chunk and b"\r" not in chunk and not self._buffer:
            self._pending += chunk
            self._check()
            return
        buffer = b"".join([self._pending, self._buffer, chunk])
        self._pending.clear()
        self._buffer = b"\r" if buffer.endswith(b"\r") else b""  # may be half of a CRLF
        lines = buffer[: len(buffer) - len(self._buffer)].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending += lines.pop()
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event
        self._check()

    def alone(self, chunk: bytes) -> str | None:
        """The data of the event that *chunk* is, where it is just one, whole and without a name; else None.

        Most are: this is `feed` for them, and takes nothing of others.
        """
        if chunk[:6] != b"data: " or chunk[-2:] != b"\n\n" or chunk.find(b"\n", 0, -2) >= 0 or b"\r" in chunk:
            return None
        if self._held or self._pending or self._buffer or self._name or self._data or self._other:
            return None
        self._begun = True
        return chunk[6:-2].decode("utf-8", "replace") if len(chunk) <= EVENT_CAP else None

    def _check(self) -> None:
        if self.held > EVENT_CAP:
            raise OversizeEvent(f"one event is larger than {EVENT_CAP // 1024 // 1024} MiB")

    def end(self) -> Iterator[Event]:
        """The event that the end of the body completes, if any."""
        rest = bytes(self._pending)
        self._pending.clear()
        for line in ([rest] if rest else []) + [b""]:
            event = self._line(line)
            if event is not None:
                yield event

    def _line(self, line: bytes) -> Event | None:
        if not line:
            if not (self._data or self._name or self._other):
                return None
            event = Event(self._name, "\n".join(self._data), "\n".join(self._other))
            self._name, self._data, self._other, self._held = "", [], [], 0
            return event
        field, _, value = line.partition(b":")
        if field == b"data" or field == b"error":
            kept = self._data if field == b"data" else self._other
            kept.append(value.removeprefix(b" ").decode("utf-8", "replace"))
            self._held += len(line) + _LINE
        elif field == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        return None


class Lines:
    """`Parser` for a stream of JSON lines (NDJSON): each line that is not blank is an event."""

    def __init__(self) -> None:
        self._pending = bytearray()  # of a line whose end has not come

    @property
    def held(self) -> int:
        """Bytes of the line that has not ended yet."""
        return len(self._pending)

    def alone(self, chunk: bytes) -> str | None:
        """None: see `Parser.alone`."""
        return None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Lines that *chunk* completes. Raises OversizeEvent for one of more than EVENT_CAP bytes."""
        first, *lines = chunk.split(b"\n")
        self._pending += first
        if lines:
            whole, self._pending = bytes(self._pending), bytearray(lines.pop())
            for line in (whole, *lines):
                yield from _line_event(line)
        if self.held > EVENT_CAP:
            raise OversizeEvent(f"one line is larger than {EVENT_CAP // 1024 // 1024} MiB")

    def end(self) -> Iterator[Event]:
        """The line that the end of the body completes, if any."""
        rest = bytes(self._pending)
        self._pending.clear()
        yield from _line_event(rest)


def _line_event(line: bytes) -> Iterator[Event]:
    if text := line.removeprefix(MARK).strip():
        yield Event("", text.decode("utf-8", "replace"), "")
