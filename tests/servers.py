"""A real loopback server on raw sockets: HTTP libraries would not misbehave on request.

Every request is recorded. What comes back is decided by a *behaviour*: a function of the
connection and the request. `answer` is the well-behaved one.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar

PATIENCE = 60.0  # seconds for which a server keeps a client waiting: beyond every deadline in these tests
Behaviour = Callable[["Connection", "Received"], None]


OWN_HEADERS = ("x-api-key", "x-goog-api-key")  # of Anthropic's and Google's own APIs


class Received:
    """One request as it arrived."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, raw: bytes) -> None:
        self.method, self.path, self.headers, self.body, self.raw = method, path, headers, body, raw

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str | None:
        names = ("authorization", *OWN_HEADERS)
        found = [self.headers[name].removeprefix("Bearer ") for name in names if self.headers.get(name)]
        return found[0] if found and len(set(found)) == len(found) else None  # in one header, and in no other

    @property
    def streams(self) -> bool:
        return bool(self.body) and bool(self.json.get("stream"))


class Connection:
    """One accepted connection, with the words of HTTP."""

    def __init__(self, sock: socket.socket, holds: list[Future[bool]]) -> None:
        self.sock, self._holds = sock, holds
        self.keep = True

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reply(
        self, status: int, body: bytes | str | dict[str, Any] | list[Any] | None, headers: dict[str, str] | None = None
    ) -> None:
        """A complete response."""
        if isinstance(body, dict | list) or body is None:
            data, kind = (b"" if body is None else json.dumps(body).encode()), "application/json"
        else:
            data, kind = (body.encode() if isinstance(body, str) else body), "text/plain"
        given = {
            "content-type": kind,
            "content-length": str(len(data)),
            **{k.lower(): v for k, v in (headers or {}).items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.send(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + data)

    def start_stream(self, headers: dict[str, str] | None = None) -> None:
        """The head of an event stream, chunked."""
        given = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})}
        self.send(("HTTP/1.1 200 OK\r\n" + "".join(f"{k}: {v}\r\n" for k, v in given.items()) + "\r\n").encode())

    def chunk(self, data: bytes) -> None:
        self.send(chunk(data))

    def event(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.chunk(f"data: {text}\n\n".encode())

    def end_stream(self) -> None:
        self.send(b"0\r\n\r\n")

    def hold(self, piece: bytes = b"", every: float = 0.1) -> None:
        """Keep the client waiting until it leaves, with *piece* again and again; `Server.left` says whether it did."""
        hold: Future[bool] = Future()
        self._holds.append(hold)
        self.keep = False
        hold.set_result(self._leaves(piece, every))

    def _leaves(self, piece: bytes, every: float) -> bool:
        self.sock.settimeout(every)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                return not self.sock.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                pass
            except OSError:
                return True
            try:
                self.sock.sendall(piece)
            except TimeoutError:  # it reads no more, and the buffers are full
                pass
            except OSError:
                return True
        return False

    def close(self) -> None:
        self.keep = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.keep = False
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.keep = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def completion(text: str | None = "hello", model: str = "m", **choice: Any) -> dict[str, Any]:
    """A chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


def delta(text: str | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat stream."""
    part = {} if text is None else {"content": text}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {**part, **more}, "finish_reason": finish}],
    }


def answer(connection: Connection, request: Received, text: str = "hello") -> None:
    """Behave: list a model, answer a chat, stream when asked to."""
    if request.path.endswith("/models"):
        connection.reply(
            200, {"object": "list", "data": [{"id": "m-internal", "object": "model", "owned_by": "tests"}]}
        )
    elif request.path.endswith("/embeddings"):
        from inference_providers.testing.mock_vectors import embeddings

        connection.reply(200, embeddings(request.json))
    elif request.path.endswith("/rerank"):
        rows = [{"index": place, "relevance_score": 0.5} for place, _ in enumerate(request.json["documents"])]
        connection.reply(200, {"results": rows})
    elif not request.path.endswith(("/chat/completions", "/responses")):
        connection.reply(404, {"detail": "Not Found"})
    elif request.streams:
        connection.start_stream()
        for piece in (text[:2], text[2:]):
            connection.event(delta(piece))
        connection.event(delta(None, "stop"))
        connection.event("[DONE]")
        connection.end_stream()
    else:
        connection.reply(200, completion(text, request.json["model"]))


def status(code: int, body: Any = None, headers: dict[str, str] | None = None) -> Behaviour:
    """Answer everything but the model list with one status."""

    def behave(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
        else:
            connection.reply(code, body, headers)

    return behave


class Limiter:
    """A behaviour that answers *burst* requests and then *rate* a second, and refuses the rest: `refused` of them.

    It counts from when it was made: a request that a busy machine delivers late is never one too many.
    """

    def __init__(self, rate: float, burst: float, then: Behaviour = answer) -> None:
        self._rate, self._burst, self._then = rate, burst, then
        self._made, self._lock = time.monotonic(), threading.Lock()
        self.answered = self.refused = 0

    def __call__(self, connection: Connection, request: Received) -> None:
        with self._lock:
            early = self.answered >= self._burst + self._rate * (time.monotonic() - self._made)
            self.answered += not early
            self.refused += early
        if early:
            connection.reply(429, {"error": {"message": "too many requests"}})
        else:
            self._then(connection, request)


class Server:
    """Listens on a loopback port until closed. `requests` holds what arrived; `everything`, what arrived at any server."""

    everything: ClassVar[list[Received]] = []

    def __init__(self, behaviour: Behaviour = answer, port: int = 0) -> None:
        self.behaviour = behaviour
        self.requests: list[Received] = []
        self.connections = 0
        self.holds: list[Future[bool]] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Received]:
        """Requests other than for the model list."""
        return [request for request in self.requests if not request.path.endswith("/models")]

    def keeps_waiting(self) -> None:
        """Come back when the server keeps a client waiting."""
        end = time.monotonic() + PATIENCE
        while not self.holds and time.monotonic() < end:
            time.sleep(0.001)

    def left(self) -> bool:
        """Whether the server kept clients waiting, and each of them left before the server's patience was over."""
        end = time.monotonic() + PATIENCE
        while not self.holds and time.monotonic() < end:  # whoever was served may have left before it was kept waiting
            time.sleep(0.01)
        return bool(self.holds) and all(hold.result(2 * PATIENCE) for hold in self.holds)

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`; closing alone would let it take one more
        except OSError:
            pass
        self._socket.close()
        self._thread.join(PATIENCE)
        with self._lock:
            for sock in list(self._open):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
                finally:
                    sock.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(sock, self.holds)
        try:
            with sock.makefile("rb") as reader:
                while connection.keep and (request := read_request(reader)) is not None:
                    self.requests.append(request)
                    self.everything.append(request)
                    self.behaviour(connection, request)
        except OSError:
            return
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()


def read_request(reader: Any) -> Received | None:
    line = reader.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    raw, headers = line, {}
    while (line := reader.readline()) not in (b"\r\n", b"\n", b""):
        raw += line
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return Received(method, path, headers, body, raw + body)


_taken: list[socket.socket] = []


def refused_port() -> int:
    """A port on which nothing listens, nor will: it stays taken by a socket that does not, while this process lives."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    _taken.append(sock)
    return int(sock.getsockname()[1])


class BlackHole:
    """An address that swallows connections: its backlog is full and nobody accepts."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(0)
        self._fill = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(self._socket.getsockname())
            self._fill.append(sock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> BlackHole:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in [*self._fill, self._socket]:
            sock.close()
