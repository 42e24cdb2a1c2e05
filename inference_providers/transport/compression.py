"""Content encodings of replies undone: gzip and deflate, alone or one over the other. Loaded when a reply has one."""

from __future__ import annotations

import zlib

from inference_providers.transport.http import RESPONSE_CAP, Plain, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

INFLATED = 1024 * 1024  # bytes that are decompressed at once
_DEFLATED = 16384  # bytes that are given to zlib at once
_STACKED = 3  # content encodings of one body
_ALIASES = {"x-gzip": "gzip"}
_GZIP = b"\x1f\x8b"  # how each part of it begins


def decompressor(said: str) -> Plain:
    """What undoes the encodings that a `Content-Encoding` names.

    Raises WireError ("broken") for others, or too many.
    """
    kinds = [_ALIASES.get(kind, kind) for kind in (one.strip(" \t") for one in said.lower().split(","))]
    kinds = [kind for kind in reversed(kinds) if kind not in ("", "identity")]
    if len(kinds) > _STACKED or not {"gzip", "deflate"}.issuperset(kinds):
        raise WireError("broken", "the body's compression is unknown")
    return Stacked(kinds) if len(kinds) > 1 else Inflated(kinds[0]) if kinds else Plain()


class Inflated(Plain):
    """A body compressed with gzip or deflate, decompressed in pieces of limited size.

    The reader counts those, so that a small body that inflates to a huge one is stopped. What follows the
    compressed data (some servers pad it) is not part of the body.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._open: Any = None
        self._held = b""  # the beginning of what may be one more part
        self._parts = 0  # that have come whole

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """*data*, decompressed piece by piece. Raises WireError."""
        for at in range(0, len(data), _DEFLATED):  # what follows a part is copied: many parts are read in slices
            yield from self._slice(data[at : at + _DEFLATED])

    def _slice(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._open is None:
                data, self._held = self._held + data, b""
                if not self._begins(data):
                    return
            unpacker: Any = self._open
            try:
                piece = unpacker.decompress(data, INFLATED)
            except zlib.error:
                raise _no_compression() from None
            if piece:
                yield piece
            data = unpacker.unconsumed_tail
            if unpacker.eof:
                data, self._open = unpacker.unused_data, None
                self._parts += 1
            elif not data and len(piece) < INFLATED:  # else what was decompressed may still wait inside
                return

    def _begins(self, data: bytes) -> bool:
        """Whether a part begins with *data*; if it may, but more has to come to know, *data* is held."""
        if self._parts and (self._kind != "gzip" or not _GZIP.startswith(data[:2])):
            self._kind = "over"
        if self._kind == "over" or not data:
            return False
        if len(data) < 2:
            self._held = data
            return False
        if self._kind == "gzip":  # whose parts may follow one another
            bits = 31
        else:  # some send it without its head
            bits = 15 if data[0] & 15 == 8 and (data[0] * 256 + data[1]) % 31 == 0 else -15
        self._open = zlib.decompressobj(bits)
        return True

    def end(self) -> None:
        """Raise WireError where something is missing."""
        if self._open is not None or self._held:
            raise _no_compression()


class Stacked(Plain):
    """A body that was compressed several times. What comes between two of them is counted, as nobody else can."""

    def __init__(self, kinds: list[str]) -> None:
        self._layers = [Inflated(kind) for kind in kinds]  # the one that was applied last is first
        self._between = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """*data*, decompressed piece by piece. Raises WireError, also ("oversize") for more than is ever read."""
        return self._through(0, data)

    def _through(self, layer: int, data: bytes) -> Iterator[bytes]:
        for piece in self._layers[layer].pieces(data):
            if layer == len(self._layers) - 1:
                yield piece
            else:
                self._between += len(piece)
                if self._between > RESPONSE_CAP:
                    raise WireError("oversize", f"the body is larger than {RESPONSE_CAP // 1024} KiB")
                yield from self._through(layer + 1, piece)

    def end(self) -> None:
        """Raise WireError where something is missing."""
        for layer in self._layers:
            layer.end()


def _no_compression() -> WireError:
    return WireError("broken", "the body's compression is broken")
