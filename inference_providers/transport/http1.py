"""HTTP/1.1 without I/O: a request's head as bytes; a reply's bytes in, its status, headers and body out.

One reader for both senders, so that both read every reply alike. It is stricter than most: what two
readers could take for different replies is refused, and a connection is `reusable` only after a
reply whose end is certain. `tests/test_http1.py` holds it against h11.
"""

from __future__ import annotations

import re

from inference_providers.transport.http import COMMON, Plain, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_CAP = 65536  # bytes of a reply's head, or of its trailers
FIELDS_CAP = 256  # lines of a head
INTERIM_CAP = 32  # 1xx replies before the final one
_CHUNK_LINE_CAP = 4096  # bytes of a chunk's size and extensions

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?").fullmatch
_FIELDS = re.compile(rf"\A(?:{_TOKEN}:[\t\x20-\x7e\x80-\xff]*+\n)*+").fullmatch
_FIELD = re.compile(r"(?m:^)([^:\n]++):([^\n]*+)\n").findall
_FOLD = re.compile(r"\n[ \t]+").sub
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*+|[ \t]*+)").fullmatch
_UNFIT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search
HEAD, LENGTH, CHUNKS, TRAILERS, TO_THE_END, DONE = range(6)


class Sealed(bytes):
    """Bytes that hold a key: no traceback with local variables shows them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes that may hold a key>"


_heads: dict[tuple[str, ...], Sealed] = {}  # up to the length of the body: most requests to one server begin alike
_MOST_HEADS, _MOST_KEPT = 256, 2048  # of them; bytes of one


def request_head(method: str, target: str, host: str, headers: Mapping[str, str], length: int | None) -> Sealed:
    """A request's head; *length*: bytes of its body, None where it has none.

    Raises WireError ("protocol") for a name, a value or a path that would be read as something else.
    """
    key = (method, target, host, *headers, *headers.values())
    known = _heads.get(key)
    if known is None:
        known = _checked_head(method, target, {"Host": host, **COMMON, **headers})
        if len(_heads) >= _MOST_HEADS:
            _heads.clear()
        if len(known) <= _MOST_KEPT:
            _heads[key] = known
    return Sealed(known + (b"\r\n" if length is None else b"Content-Length: %d\r\n\r\n" % length))


def _checked_head(method: str, target: str, fields: dict[str, str]) -> Sealed:
    fields.pop("Content-Length", None)  # it is ours to say
    try:
        lines = (f"{name}: {value}\r\n" for name, value in fields.items())
        head = Sealed(f"{method} {target} HTTP/1.1\r\n{''.join(lines)}".encode("latin-1"))
    except UnicodeEncodeError:
        raise _unfit() from None
    breaks = len(fields) + 1
    if _UNFIT(head) or " " in target or head.count(b"\r") != breaks or head.count(b"\n") != breaks:
        raise _unfit()
    return head


def _unfit() -> WireError:
    return WireError("protocol", "nothing was sent: a header or the path holds a character that may not be there")


class Reader:
    """One reply, read as its bytes come.

    `headed`: status and headers are there. `done`: the body's end has come, and `leftover` holds what
    came behind it. `reusable`: nothing about the reply leaves a doubt where the next one begins.
    """

    __slots__ = (
        "_buffer",
        "_certain",
        "_interim",
        "_left",
        "_method",
        "_state",
        "_wants_break",
        "headers",
        "leftover",
        "status",
    )

    def __init__(self, method: str = "POST") -> None:
        self._method, self._state, self._buffer = method, HEAD, b""
        self._left = self._interim = self.status = 0
        self._certain = self._wants_break = False
        self.headers: dict[str, str] = {}
        self.leftover = b""

    @property
    def headed(self) -> bool:
        """Whether status and headers of the final reply have come."""
        return self._state != HEAD

    @property
    def done(self) -> bool:
        """Whether the whole reply has come."""
        return self._state == DONE

    @property
    def tunnels(self) -> bool:
        """Whether what follows belongs to somebody behind a proxy."""
        return self._method == "CONNECT" and self._state == DONE

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request."""
        return self._state == DONE and self._certain and not self.leftover

    def feed(self, data: bytes) -> bytes:
        """The part of the body that *data* holds. Raises WireError for what is not HTTP, or may be read in two ways."""
        if self._state == LENGTH:
            return self._counted(data)
        body = b""
        while True:
            state = self._state
            if state == HEAD:
                data = self._head(data)
            elif state == LENGTH:
                return body + self._counted(data)
            elif state == CHUNKS:
                body, data = self._chunks(data)
            elif state == TRAILERS:
                data = self._trailers(data)
            elif state == TO_THE_END:
                return body + data
            else:
                self.leftover += data
                return body
            if self._state == state or (not data and self._state != DONE):
                return body  # more has to come

    def end(self) -> None:
        """No more bytes will come. Raises WireError where the reply is not whole."""
        if self._state == TO_THE_END:
            self._state = DONE
        elif self._state == LENGTH:
            raise WireError("broken", f"the body ended {self._left} bytes too early")
        elif self._state != DONE:
            raise WireError("broken", "the connection was closed before the answer was complete")

    def _counted(self, data: bytes) -> bytes:
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        self._state = DONE
        if left == 0:
            return data
        self.leftover = data[left:]
        return data[:left]

    def _head(self, data: bytes) -> bytes:
        """What is behind the final head, or nothing where that is not complete."""
        searched = max(len(self._buffer) - 2, 0)
        buffer = self._buffer + data
        while True:
            end = _blank_line(buffer, searched)
            if (end or len(buffer)) > HEAD_CAP:
                raise WireError("protocol", "no HTTP answer (its head is too long)")
            if not end:
                if not b"HTTP/1.".startswith(buffer[:7]):
                    raise _no_http()
                self._buffer = buffer
                return b""
            self._read_head(buffer[:end])
            buffer, searched = buffer[end:], 0
            if self._state != HEAD:
                self._buffer = b""
                return buffer

    def _read_head(self, head: bytes) -> None:
        """Status, headers and framing of one head, which may be of an interim reply."""
        first, _, rest = head.decode("latin-1").replace("\r\n", "\n").partition("\n")
        line = _STATUS(first)
        if line is None:
            raise _no_http()
        status = int(line[2])
        headers = fields(rest[:-1])
        coding, said = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and coding.lower() != "chunked":
            raise WireError("protocol", "no HTTP answer (a transfer encoding that nobody asked for)")
        size = None if said is None else length(said)
        if 100 <= status < 200:
            self._interim += 1
            if status == 101 or self._interim > INTERIM_CAP:
                raise WireError("protocol", f"no HTTP answer (HTTP {status}, which nobody asked for)")
            return
        self.status, self.headers = status, headers
        self._frame(line[1] == "1", size, coding is not None)

    def _frame(self, modern: bool, size: int | None, chunked: bool) -> None:
        """Where the body ends, by RFC 9112, 6.3; and whether that is certain."""
        status, headers = self.status, self.headers
        options = headers.get("connection", "").lower()
        close = "close" in options and "close" in [option.strip() for option in options.split(",")]
        self._certain = modern and not close and status < 600
        if self._method == "HEAD" or status in (204, 304) or (self._method == "CONNECT" and status < 300):
            self._state, self._certain = DONE, False
        elif chunked:
            self._state = CHUNKS
            self._certain = self._certain and size is None  # which of the two counts is read in two ways
        elif size is not None:
            self._state, self._left = LENGTH if size else DONE, size
            self._certain = self._certain and headers["content-length"] == str(size)
        else:
            self._state, self._certain = TO_THE_END, False

    def _chunks(self, data: bytes) -> tuple[bytes, bytes]:
        """(body, what is behind the last chunk)."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        at, parts = 0, []
        while True:
            if self._left:
                piece = data[at : at + self._left]
                parts.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._wants_break = True
            if self._wants_break:
                found = data[at : at + 2]
                if not b"\r\n".startswith(found):
                    raise WireError("broken", "the body's chunks are broken")
                if len(found) < 2:
                    break
                at, self._wants_break = at + 2, False
            end = data.find(b"\r\n", at)
            if (end if end >= 0 else len(data)) - at > _CHUNK_LINE_CAP:
                raise WireError("broken", "the body's chunks are broken")
            if end < 0:
                break
            line = _CHUNK(data, at, end)
            if line is None:
                raise WireError("broken", "the body's chunks are broken")
            at, self._left = end + 2, int(line[1], 16)
            if not self._left:
                self._state = TRAILERS
                return b"".join(parts), data[at:]
        self._buffer = data[at:]
        return parts[0] if len(parts) == 1 else b"".join(parts), b""

    def _trailers(self, data: bytes) -> bytes:
        """What is behind the trailers, which are read past. Fields that would change the framing are refused."""
        searched = max(len(self._buffer) - 2, 0)
        buffer = self._buffer + data
        none = (b"\r\n", b"\n")
        end = next((len(mark) for mark in none if buffer.startswith(mark)), 0) or _blank_line(buffer, searched)
        if (end or len(buffer)) > HEAD_CAP:
            raise WireError("broken", "the body's trailers are too long")
        if not end:
            self._buffer = buffer
            return b""
        names = fields(buffer[:end].decode("latin-1").replace("\r\n", "\n")[:-1])
        if "content-length" in names or "transfer-encoding" in names:
            raise WireError("broken", "the body's trailers are broken")
        self._state, self._buffer = DONE, b""
        return buffer[end:]


def _blank_line(buffer: bytes, start: int) -> int:
    """Where the first blank line at or after *start* ends; 0 where there is none. Lines may end with a bare LF."""
    full = buffer.find(b"\n\r\n", start)
    bare = buffer.find(b"\n\n", start, full if full >= 0 else len(buffer))
    return bare + 2 if bare >= 0 else full + 3 if full >= 0 else 0


def fields(text: str) -> dict[str, str]:
    """Header lines, each with its end: names in lower case, repeated ones joined. Raises WireError."""
    if text[:1] in (" ", "\t"):
        raise _no_http()
    if "\n " in text or "\n\t" in text:
        text = _FOLD(" ", text)  # a folded line: obsolete, to be read as one (RFC 9112, 5.2)
    if _FIELDS(text) is None or text.count("\n") > FIELDS_CAP:
        raise _no_http()
    headers: dict[str, str] = {}
    for name, value in _FIELD(text):
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def length(text: str) -> int:
    """A `Content-Length`, said once or several times alike. Raises WireError."""
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    said = {one.strip(" \t") for one in text.split(",")}
    one = said.pop()
    if said or not (one.isascii() and one.isdecimal()) or len(one) > 18:
        raise WireError("protocol", "no HTTP answer (its length is not a number)")
    return int(one)


def _no_http() -> WireError:
    return WireError("protocol", "no HTTP answer")


def decoder(headers: Mapping[str, str]) -> Plain:
    """What undoes a reply's content encodings. Raises WireError ("broken") for an unknown one, or too many."""
    said = headers.get("content-encoding", "")
    if said in ("", "identity"):
        return _PLAIN
    from inference_providers.transport.compression import decompressor

    return decompressor(said)


_PLAIN = Plain()
