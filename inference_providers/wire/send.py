"""The synchronous sender, over urllib3: pooled, hardened, with a deadline on every byte."""

from __future__ import annotations

import io
import os
import queue
import socket
import ssl
import threading
import time
from http.client import HTTPException
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from inference_providers.credentials import host_of
from inference_providers.wire.http1 import Answer, Head, unfit
from inference_providers.wire.messages import COMMON, Limits, Request, Response, WireError, proxy_for
from inference_providers.wire.race import STAGGER, race

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_ONCE = urllib3.Retry(total=False, redirect=False, raise_on_redirect=False)  # as `retries=False`, made once
_MAX_POOLED = 64  # idle connections kept for each host
_current = threading.local()  # the deadline and idle limit of the request that this thread sends


class _Watch:
    """When a socket must give up: a deadline for everything, and a limit for silence."""

    __slots__ = ("deadline", "idle")

    def __init__(self, deadline: float, idle: float) -> None:
        self.deadline, self.idle = deadline, idle

    def allowance(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, self.idle)


class _WatchedSocket:
    """A socket whose every read keeps to the deadline: a server that drips bytes cannot outlast it."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.watch: _Watch | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv_into(self, *args: Any) -> int:
        if self.watch is not None:
            self._sock.settimeout(self.watch.allowance())
        return int(self._sock.recv_into(*args))

    def makefile(self, mode: str = "rb", buffering: int | None = None, **_: Any) -> io.BufferedReader:
        self._sock._io_refs = getattr(self._sock, "_io_refs", 0) + 1
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def sendall(self, data: Any, *args: Any) -> None:
        if self.watch is not None:
            self._sock.settimeout(self.watch.allowance())
        self._sock.sendall(data, *args)


class _Watched:
    """Mixed into urllib3's connections: wraps their socket once it stands, writes and reads the head itself."""

    sock: Any
    host: Any
    port: Any
    default_port: Any
    close: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _WatchedSocket(self.sock)

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **_: Any) -> None:
        if self.sock is None:
            self.connect()
        lines = [f"{method} {url} HTTP/1.1"]
        if "Host" not in headers:
            lines.append(f"Host: {self._host_header()}")
        lines += [f"{name}: {value}" for name, value in {**COMMON, **headers}.items()]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body or b'')}")
        if any(map(unfit, lines)) or " " in url:
            raise ValueError("a header or the path holds a character that may not be there")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.sock.watch = _current.watch
        self._method_sent = method
        self.sock.sendall(head + (body or b""))

    def _host_header(self) -> str:
        host, port = getattr(self, "_tunnel_host", None) or self.host, getattr(self, "_tunnel_port", None) or self.port
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return host if port == self.default_port else f"{host}:{port}"

    def getresponse(self) -> Any:
        raw = Head(self.sock, method=self._method_sent)
        try:
            raw.begin()
        except BaseException:
            raw.close()
            raise
        if raw.will_close:
            self.close()  # the response still holds the socket
        if raw.headers.get("content-encoding", "identity") == "identity":
            return Answer(raw)
        return urllib3.HTTPResponse(raw, raw.headers, raw.status, preload_content=False, original_response=raw)


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


def _ca_bundle(environ: Mapping[str, str]) -> str:
    import certifi

    return environ.get("SSL_CERT_FILE") or environ.get("REQUESTS_CA_BUNDLE") or certifi.where()


class _Place:
    """A pool of connections to one origin, where in a URL the request line's part begins, and headers for a proxy."""

    __slots__ = ("cut", "headers", "pool")

    def __init__(self, pool: Any, cut: int, headers: Mapping[str, str]) -> None:
        self.pool, self.cut, self.headers = pool, cut, headers


class Sender:
    """Sends requests; safe to share between threads, and after a fork each process has its own connections."""

    def __init__(self, environ: Mapping[str, str] | None = None, limits: Limits | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self.limits = limits or Limits()
        self._managers: dict[str | None, Any] = {}
        self._places: dict[str, _Place] = {}
        # For reading, the watched socket knows better; this is for connecting.
        self._patient = urllib3.Timeout(connect=self.limits.connect, read=self.limits.total)
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> Response:
        """Send *request*; the response's body is read as its chunks are. Raises WireError.

        *limit* is for everything up to the last byte, *idle* for silence between bytes, in seconds; by
        default it is no shorter.
        """
        limit = self.limits.total if limit is None else limit
        watch = _Watch(time.monotonic() + limit, limit if idle is None else idle)
        _current.watch = watch
        timeout = self._patient if limit >= self.limits.connect else urllib3.Timeout(connect=limit, read=limit)
        try:
            place = self._place(request.url)
            raw = place.pool.urlopen(
                request.method, request.url[place.cut :] or "/", body=request.body, headers={**place.headers, **request.headers} if place.headers else request.headers, timeout=timeout,
                redirect=False, retries=_ONCE, assert_same_host=False, preload_content=False, decode_content=True,
            )  # fmt: skip
        except (HTTPError, OSError, HTTPException, ValueError) as error:
            raise _wire_error(error, watch) from None
        headers = raw.headers if isinstance(raw, Answer) else {n.lower(): v for n, v in raw.headers.items()}
        return Response(raw.status, headers, _chunks(raw, watch), lambda: _close(raw), watch)

    def _place(self, url: str) -> _Place:
        """Where a URL's origin is reached: its pool is looked up once, by the text up to the path."""
        if self._pid != os.getpid():
            self._managers, self._places, self._pid = {}, {}, os.getpid()
        cut = url.find("/", 8)
        origin = url[:cut] if cut >= 0 else url
        place = self._places.get(origin)
        if place is None:
            with self._lock:
                place = self._places.setdefault(origin, self._new_place(url, len(origin)))
        return place

    def _new_place(self, url: str, cut: int) -> _Place:
        proxy = proxy_for(url, self._environ)
        if proxy not in self._managers:
            self._managers[proxy] = self._new_manager(proxy)
        manager = self._managers[proxy]
        pool = manager.connection_from_url(url)
        if proxy and url.startswith("http://"):  # the proxy reads the whole URL, and who it is for
            return _Place(pool, 0, {"Host": host_of(url), **manager.proxy_headers})
        return _Place(pool, cut, {})

    def _new_manager(self, proxy: str | None) -> Any:
        options: dict[str, Any] = {
            "num_pools": 64,
            "maxsize": _MAX_POOLED,
            "ca_certs": _ca_bundle(self._environ),
            "cert_reqs": "CERT_REQUIRED",
        }
        if proxy:
            login = urllib3.util.parse_url(proxy).auth
            options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
        manager: Any = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager

    def close(self) -> None:
        """Close every idle connection."""
        managers, self._managers, self._places = self._managers, {}, {}
        for manager in managers.values():
            manager.clear()


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection  # type: ignore[assignment]


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection  # type: ignore[assignment]


def _chunks(raw: Any, watch: _Watch) -> Iterator[bytes]:
    try:
        while True:
            data = raw.read1(65536)
            if not data:
                if raw.length_remaining:
                    raise WireError("broken", f"the body ended {raw.length_remaining} bytes too early")
                return
            yield data
            if raw.length_remaining == 0:
                return  # all that was announced; no further read is needed to know it
    except (HTTPError, OSError, HTTPException, ValueError) as error:
        raise _wire_error(error, watch) from None


def _close(raw: Any) -> None:
    """Give the connection back if the body was read to its end; else close it."""
    if raw.closed or raw.length_remaining == 0:
        raw.release_conn()
    raw.close()


def _wire_error(error: Exception, watch: _Watch) -> WireError:
    """The kind of failure, by the class of what was raised; the text is our own, so that no header gets into it."""
    text = f"{type(error).__name__}: {error}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) and not isinstance(
            cause, urllib3.exceptions.NewConnectionError
        ):
            if time.monotonic() >= watch.deadline - 0.001:
                return WireError("deadline", "no complete answer before the deadline")
            return (
                WireError("connect", "no connection in time")
                if _is_connecting(error)
                else WireError("timeout", "silent for too long")
            )
        if isinstance(cause, ssl.SSLError):
            return WireError("tls", f"TLS failed ({cause.reason or 'error'})")
        if isinstance(cause, ConnectionRefusedError):
            return WireError("connect", "connection refused")
        if isinstance(cause, socket.gaierror):
            return WireError("connect", "the host name cannot be resolved")
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return WireError("broken", "the connection was reset")
        cause = cause.__cause__ or cause.__context__ or _inner(cause)
    if _is_connecting(error):
        return WireError("connect", "no connection")
    if "RemoteDisconnected" in text or "IncompleteRead" in text or "InvalidChunkLength" in text:
        return WireError("broken", "the connection was closed before the answer was complete")
    if isinstance(error, urllib3.exceptions.DecodeError):
        return WireError("broken", "the body's compression is broken")
    return WireError("protocol", f"no HTTP answer ({type(error).__name__})")


def _inner(error: BaseException) -> BaseException | None:
    """urllib3 keeps some causes as an attribute or an argument."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    return next((arg for arg in error.args if isinstance(arg, BaseException)), None)


def _is_connecting(error: Exception) -> bool:
    kinds = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
    )
    return isinstance(error, kinds) or isinstance(getattr(error, "reason", None), kinds)


def run_race(runners: Sequence[Callable[[], bool]], stagger: float = STAGGER) -> Iterator[int]:
    """Run a staggered race with threads; yields winners, the earliest of those that answered first."""
    events: queue.SimpleQueue[tuple[int, bool]] = queue.SimpleQueue()

    def start(index: int) -> None:
        def work() -> None:
            ok = False
            try:
                ok = runners[index]()
            finally:
                events.put((index, ok))

        threading.Thread(target=work, daemon=True, name=f"probe-{index}").start()

    steps = race(len(runners), stagger)
    event: tuple[int, bool] | None = None
    while True:
        try:
            kind, value = steps.send(event)
        except StopIteration:
            return
        event = None
        if kind == "start":
            start(int(value or 0))
        elif kind == "won":
            yield int(value or 0)
        else:
            try:
                event = events.get(timeout=value) if value != 0.0 else events.get_nowait()
            except queue.Empty:
                event = None
