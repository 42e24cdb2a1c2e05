"""The provider behind the gateways: an OpenAI-compatible server on uvloop that answers at once.

`python -m benchmarks.gateway_upstream [CORE]` prints its port, and ends when its standard input is closed. How it
answers, the question says: it holds `reply=` and one of

    plain    a completion of 300 bytes
    large    one of 200 KB
    stream   20 events, each written by itself, as fast as they go
    paced    200 events, one every 5 ms, each with the time at which it was sent
    slow     an event every half second for a minute
    endless  an event every 10 ms until nobody listens

Whoever asks below `/messages` is answered in Anthropic's words, `plain` or `stream`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

EVENTS = {  # of each kind of stream: how many, and the seconds between two of them
    b"stream": (20, 0.0),
    b"paced": (200, 0.005),
    b"slow": (120, 0.5),
    b"endless": (1_000_000, 0.01),
}
LARGE = 200_000  # bytes of text
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
_STREAM_HEAD = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
_USAGE = {"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29}


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    data = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _USAGE,
    }
    body = json.dumps(data).encode()
    return _HEAD % (b"application/json", b"content-length: %d" % len(body)) + body


def _chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
    data = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        **more,
    }
    return _framed(b"data: " + json.dumps(data).encode() + b"\n\n")


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)


def _event(kind: str, **fields: Any) -> bytes:
    return _framed(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())


def _message(text: str) -> dict[str, Any]:
    return {
        "id": "msg_benchmark",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": "end_turn" if text else None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 20},
    }


_TEXT = "Hello, how can I help you today? This is a plain answer."
_BODY = json.dumps(_message(_TEXT)).encode()
_PLAIN_MESSAGE = _HEAD % (b"application/json", b"content-length: %d" % len(_BODY)) + _BODY
_BEGUN = _event("message_start", message=_message("")) + _event(
    "content_block_start", index=0, content_block={"type": "text", "text": ""}
)
_DELTA = _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "t=0000000000.000000 "})
_STOPPED = (
    _event("content_block_stop", index=0)
    + _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 20})
    + _event("message_stop")
    + b"0\r\n\r\n"
)
_PLAIN = _completion(_TEXT)
_LARGE = _completion("word " * (LARGE // 5))
_TIMED = _chunk({"content": "t=0000000000.000000 "})
_END = _chunk({}, "stop", usage=_USAGE) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection: requests with `Content-Length`, one after another."""

    loop: asyncio.AbstractEventLoop

    def connection_made(self, transport: Any) -> None:
        self.transport, self.received, self.needs = transport, bytearray(), 0

    def data_received(self, data: bytes) -> None:
        self.received += data
        while len(self.received) >= (self.needs or 1):
            if not self.needs:
                end = self.received.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = self.received[:end].lower()
                at = head.find(b"content-length:")
                self.needs = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
            elif len(self.received) == self.needs:
                self.answer(self.received)
                self.received, self.needs = bytearray(), 0
            else:
                self.answer(self.received[: self.needs])
                self.received, self.needs = self.received[self.needs :], 0

    def answer(self, request: bytearray) -> None:
        at = request.find(b"reply=")
        kind = bytes(request[at + 6 : at + 16]).split(b" ", 1)[0] if at >= 0 else b"plain"
        messages = request.find(b"/messages ", 0, 64) >= 0
        self.timed, self.end = (_DELTA, _STOPPED) if messages else (_TIMED, _END)
        if kind in EVENTS:
            count, pause = EVENTS[kind]
            self.transport.write(_STREAM_HEAD + _BEGUN if messages else _STREAM_HEAD)
            self.send_event(count, pause, self.loop.time())
        elif messages:
            self.transport.write(_PLAIN_MESSAGE)
        else:
            self.transport.write(_LARGE if kind == b"large" else _PLAIN)

    def send_event(self, left: int, pause: float, due: float) -> None:
        """One event; the next is due a pause after this one was, however late this one is."""
        if self.transport.is_closing():
            return
        if not left:
            self.transport.write(self.end)
            return
        self.transport.write(self.timed.replace(b"0000000000.000000", b"%017.6f" % time.monotonic()))
        if pause:
            self.loop.call_at(due + pause, self.send_event, left - 1, pause, due + pause)
        else:
            self.loop.call_soon(self.send_event, left - 1, pause, due)


async def _serve() -> None:
    Upstream.loop = asyncio.get_running_loop()
    server = await Upstream.loop.create_server(Upstream, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await Upstream.loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    uvloop.run(_serve())
