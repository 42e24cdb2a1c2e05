"""HTTP/1.1 requests without I/O, for who serves: bytes in; method, target, headers and body out.

Bodies are read by the reader of replies. Heads are read more strictly still: whoever stands before a gateway must not
read another request in the same bytes, so what RFC 9112 lets a server forgive is refused.
"""

from __future__ import annotations

import re

from inference_providers.transport import http1
from inference_providers.transport.http import WireError

_LINE = re.compile(r"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.([01])").fullmatch
_EMPTY_LINES = re.compile(rb"(?:\r\n)+").match
_TARGET_CAP = 8192  # characters


class RequestReader(http1.Reader):
    """One request, read as its bytes come.

    `headed`: method, target and headers are there; headers by names in lower case, repeated ones joined by commas.
    `done`: the body has come; `leftover` holds what came behind it. keeps: whether the client wants the connection
    kept. expects: whether it waits to be told that its body is wanted.
    """

    __slots__ = ("expects", "has_body", "head_cap", "is_modern", "keeps", "length", "method", "target")

    def __init__(self, head_cap: int = http1.HEAD_CAP) -> None:
        super().__init__("")
        self.method = self.target = ""
        self.head_cap, self.length = head_cap, 0
        self.is_modern = self.keeps = True
        self.expects = self.has_body = False

    def _head(self, data: bytes) -> bytes:
        """What is behind the head, or nothing where that is not complete."""
        buffer = self._buffer + data if self._buffer else data
        if buffer[:1] == b"\r":  # empty lines may stand before it (RFC 9112, 2.2)
            found = _EMPTY_LINES(buffer)
            buffer, self._buffer = buffer[found.end() if found is not None else 0 :], b""
            if buffer in (b"", b"\r"):
                self._buffer = buffer
                return b""
        if not b"A" <= buffer[:1] <= b"Z":
            raise _unclear("it does not begin with a method")
        end = buffer.find(b"\r\n\r\n", max(len(self._buffer) - 3, 0), self.head_cap)
        if end < 0:
            if len(buffer) >= self.head_cap:
                raise WireError("oversize", "the head is too long")
            first = buffer.find(b"\n")
            if first >= 0 and buffer[first - 1 : first] != b"\r":  # and so no end that is waited for
                raise _unclear("a line does not end with CRLF")
            self._buffer = buffer
            return b""
        self._buffer = b""
        self._read_request(buffer[:end])
        return buffer[end + 4 :]

    def _read_request(self, head: bytes) -> None:
        breaks = head.count(b"\n")
        if head.count(b"\r\n") != breaks or head.count(b"\r") != breaks:
            raise _unclear("a line does not end with CRLF")
        first, _, rest = head.decode("latin-1").replace("\r\n", "\n").partition("\n")
        line = _LINE(first)
        if line is None or len(first) > _TARGET_CAP:
            raise _unclear("its first line is no request for a path")
        if "\n " in rest or "\n\t" in rest:
            raise _unclear("a header is folded")
        try:
            headers = self.headers = http1.fields(rest + "\n") if rest else {}
        except WireError:
            raise _unclear("a header is none") from None
        self.method, self.target, self.is_modern = line[1], line[2], line[3] == "1"
        self._read_framing(headers)

    def _read_framing(self, headers: dict[str, str]) -> None:
        """Where the body ends, by RFC 9112, 6.3; and whether the connection is kept."""
        connection = headers.get("connection", "").lower()
        if connection:
            words = [word.strip() for word in connection.split(",")]
            self.keeps = "close" not in words and (self.is_modern or "keep-alive" in words)
        else:
            self.keeps = self.is_modern
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if length is not None or not self.is_modern or coding.lower() != "chunked":
                raise _unclear("where its body ends is said in two ways, or in one that is not known")
            self.has_body, self._state = True, http1.CHUNKS
        elif length is not None:
            try:
                self.length = self._left = http1.length(length)
            except WireError:
                raise _unclear("its length is not a number") from None
            self.has_body = self.length > 0
            self._state = http1.LENGTH if self.has_body else http1.DONE
        else:
            self._state = http1.DONE
        self.expects = self.has_body and headers.get("expect", "").lower() == "100-continue"

    def _trailers(self, data: bytes) -> bytes:
        """What is behind the last chunk. Fields there are refused: nobody here reads them."""
        buffer = self._buffer + data
        if not b"\r\n".startswith(buffer[:2]):
            raise _unclear("fields follow its body")
        if len(buffer) < 2:
            self._buffer = buffer
            return b""
        self._state, self._buffer = http1.DONE, b""
        return buffer[2:]


def _unclear(why: str) -> WireError:
    return WireError("protocol", f"this is no HTTP request that can be read in one way only: {why}")
