"""Server-sent events, parsed as they come. Pure: bytes in, events out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_CAP = 8 * 1024 * 1024  # bytes of one event


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
        self._buffer = b""
        self._pending: list[bytes] = []  # of one long line, joined when it ends
        self._size = 0
        self._begun = False
        self._name = ""
        self._data: list[str] = []
        self._other: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Events that *chunk* completes."""
        self._size += len(chunk)
        if self._size > EVENT_CAP:
            raise OversizeEvent(f"one event is larger than {EVENT_CAP // 1024 // 1024} MiB")
        if not self._begun:
            self._begun = True
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        if b"\n" not in chunk and b"\r" not in chunk and not self._buffer.endswith(b"\r"):
            self._pending.append(chunk)
            return
        buffer = b"".join([self._buffer, *self._pending, chunk])
        self._pending = []
        held = b"\r" if buffer.endswith(b"\r") else b""  # may be half of a CRLF
        lines = (buffer[: len(buffer) - len(held)]).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._buffer = lines.pop() + held
        for line in lines:
            event = self._line(line.decode("utf-8", "replace"))
            if event is not None:
                self._size = len(self._buffer)
                yield event

    def end(self) -> Iterator[Event]:
        """The event that the end of the body completes, if any."""
        rest, self._buffer = b"".join([self._buffer, *self._pending]).rstrip(b"\r"), b""
        self._pending = []
        for line in ([rest] if rest else []) + [b""]:
            event = self._line(line.decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _line(self, line: str) -> Event | None:
        if not line:
            if not (self._data or self._name or self._other):
                return None
            event = Event(self._name, "\n".join(self._data), "\n".join(self._other))
            self._name, self._data, self._other = "", [], []
            return event
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "error":
            self._other.append(value)
        return None
