"""HTTP/1.1 replies, read cheaply: what http.client does, without an e-mail parser and the objects around it.

Parsing the header as an e-mail and wrapping the reply twice costs more processor time
than sending a request and reading its answer. Connections, TLS, proxies and pools stay
urllib3's; bodies with a content encoding take its path as well.
"""

from __future__ import annotations

import re
from http.client import HTTPException, HTTPResponse, LineTooLong, UnknownProtocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEADER_LINES, _HEADER_LINE = 100, 65536  # as http.client's
unfit = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search  # what may be in no header line that is sent


class Head(HTTPResponse):
    """`http.client`'s response, whose header is read into a plain dict: names in lower case, repeated ones joined."""

    headers: Any

    def begin(self) -> None:
        if self.headers is not None:
            return
        while True:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]
            headers = self._read_header()
            if status != 100:
                break
        if not version.startswith("HTTP/1.") and version != "HTTP/0.9":
            raise UnknownProtocol(version)
        self.code = self.status = status
        self.reason, self.version = reason.strip(), 10 if version in ("HTTP/1.0", "HTTP/0.9") else 11
        self.headers = headers
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        length = headers.get("content-length", "")
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if status in (204, 304) or 100 <= status < 200 or self._method == "HEAD":  # type: ignore[attr-defined]
            self.length = 0
        if not self.chunked and self.length is None:
            self.will_close = True

    def _read_header(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(_HEADER_LINES):
            line = self.fp.readline(_HEADER_LINE + 1)
            if line in (b"\r\n", b"\n", b""):
                return headers
            if len(line) > _HEADER_LINE:
                raise LineTooLong("header line")
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or line[:1] in b" \t":
                continue  # a folded line (forbidden since RFC 7230) or no header at all: nothing here reads it
            name, value = name.rstrip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        raise HTTPException("too many header lines")


class Answer:
    """What urllib3's pool and this module need of a response."""

    __slots__ = ("_connection", "_pool", "_raw", "headers", "retries", "status", "version_string")

    def __init__(self, raw: Head) -> None:
        self._raw, self.headers, self.status, self.version_string = raw, raw.headers, raw.status, "HTTP/1.1"
        self._pool: Any = None
        self._connection: Any = None

    @property
    def length_remaining(self) -> int | None:
        return self._raw.length

    @property
    def closed(self) -> bool:
        return self._raw.isclosed()

    def read1(self, amount: int) -> bytes:
        data = self._raw.read1(amount)
        if self._raw.length == 0 and not self._raw.chunked:
            self._raw._close_conn()  # type: ignore[attr-defined]
        return data

    def release_conn(self) -> None:
        if self._connection is not None and self._pool is not None:
            self._pool._put_conn(self._connection)
            self._connection = None

    def close(self) -> None:
        self._raw.close()
        if self._connection is not None:
            self._connection.close()
            self.release_conn()
