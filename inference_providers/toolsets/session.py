"""A server of MCP in use: a thread with an event loop in which the SDK's client lives, asked by synchronous programs.

Whatever a server does, everything here ends after a known time: its start, each call, and its end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

from inference_providers import __version__
from inference_providers.chat import Tool
from inference_providers.errors import InferenceProvidersError
from inference_providers.toolsets.results import FailedError, listed, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.toolsets.results import Listed
    from inference_providers.toolsets.servers import Server

PAGES, LISTED = 50, 2_000  # of a list of tools that is read
_GRACE = 5.0  # seconds beyond a timeout, after which a server that keeps its own thread busy is not waited for
_GOODBYE, _END = 2.0, 10.0  # seconds for a server to hear that nobody needs it any more, and for its end


class ServerError(InferenceProvidersError):
    """A server of MCP cannot be used; the message says which, and why."""


class Session:
    """One server of MCP, started with the first look at `tools`, or before by `start`."""

    def __init__(self, server: Server, environ: Mapping[str, str]) -> None:
        self.server, self._environ = server, environ
        self.notes: list[str] = []  # what is to be told of its tools
        self._ready: Future[list[Any]] = Future()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Any = None
        self._scope: Any = None
        self._stop: asyncio.Event | None = None
        self._running: Any = None
        self._closing = False

    def start(self) -> None:
        """Begin to start the server, without waiting for it. Raises ServerError where the SDK is missing."""
        try:
            import mcp.client.client  # noqa: F401
        except ImportError:
            from inference_providers import installing

            raise ServerError(f"Servers of MCP need the package mcp, 2.3 or later: `{installing.MCP}`.") from None
        for name in ("mcp", "client"):  # the SDK logs what a server sends, with tracebacks, on standard error
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"mcp {self.server.name}")
        self._thread.start()

    def tools(self) -> list[Listed]:
        """What the server lists, as far as a model gets it. Raises ServerError."""
        if self._thread is None:
            self.start()
        try:
            found = self._ready.result(self.server.timeout)
        except FutureTimeout:
            self.close()
            why = f"it has not answered within {self.server.timeout:g} s"
            raise self._failed(f"{why}; `timeout` in [mcp.{self.server.name}] gives it longer") from None
        except Exception as error:  # noqa: BLE001  (the SDK, the system and the server fail in many ways)
            raise self._failed(_told(error)) from None
        tools, self.notes = listed(self.server.name, found, self.server.tools, self.server.secrets)
        return tools

    def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """The result of a call of a tool, as text for a model. Raises FailedError."""
        if self._loop is None or self._client is None or self._thread is None or not self._thread.is_alive():
            raise FailedError(self._has_ended())
        future = asyncio.run_coroutine_threadsafe(self._call(name, dict(arguments)), self._loop)
        try:
            return self.server.shown(text_of(future.result(self.server.timeout + _GRACE)))
        except FailedError as error:
            raise FailedError(self.server.shown(str(error))) from None
        except (TimeoutError, FutureTimeout):
            future.cancel()
            raise FailedError(
                f"no result within {self.server.timeout:g} s; it may have been done all the same"
            ) from None
        except Exception as error:  # noqa: BLE001
            raise FailedError(self.server.shown(self._why(error))) from None

    def leave(self) -> None:
        """Begin to end the server, without waiting for it."""
        self._closing = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: the server has ended
                self._loop.call_soon_threadsafe(self._end)

    def close(self) -> None:
        """End the server, and wait until it has; one that does not end is left alone."""
        self.leave()
        if self._thread is not None:
            self._thread.join(_END)

    def _end(self) -> None:
        if self._stop is not None and self._ready.done():
            self._stop.set()
            asyncio.get_running_loop().call_later(_GOODBYE, self._scope.cancel)
        elif self._scope is not None:
            self._scope.cancel()

    def _run(self) -> None:
        import anyio

        try:
            anyio.run(self._serve)
        except BaseException as error:  # noqa: BLE001  (told to whoever waits)
            if not self._ready.done():
                self._ready.set_exception(_first(error))
        finally:
            self._client = None
            if not self._ready.done():
                self._ready.set_exception(ConnectionError("it has ended"))

    async def _serve(self) -> None:
        import anyio
        from mcp.client.client import Client
        from mcp.types import Implementation

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with anyio.CancelScope() as self._scope:
            if self._closing:
                return
            info = Implementation(name="inference_providers", version=__version__)
            async with Client(self._transport(), client_info=info, cache=None) as client:
                found = await _all_tools(client)
                self._client = client
                self._ready.set_result(found)
                await self._stop.wait()

    def _transport(self) -> Any:
        if self.server.address is None:
            from inference_providers.toolsets import stdio

            self._running = stdio.Running()
            return stdio.program(self.server, self._running)
        from mcp.client.streamable_http import streamable_http_client

        from inference_providers.toolsets.http import client

        address = self.server.address
        url = f"{address.scheme}://{address.authority}{address.target}"
        return streamable_http_client(url, http_client=client(self.server, self._environ))

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        """A call, without the SDK's check of results: it runs the server's own patterns, which may never end."""
        import anyio
        from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult
        from pydantic import TypeAdapter

        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        with anyio.fail_after(self.server.timeout):
            return await self._client.session.send_request(request, TypeAdapter(CallToolResult))

    def _failed(self, why: str) -> ServerError:
        server, running = self.server, self._running
        if running is not None and running.why:
            why = running.why
        words = server.shown(running.last_words) if running is not None else ""
        tail = f"\nIts last words:\n{_indented(words)}" if words else ""
        return ServerError(f"The MCP server {server.name} ({server.place}) cannot be used: {server.shown(why)}.{tail}")

    def _why(self, error: Exception) -> str:
        from mcp.types import CONNECTION_CLOSED
        from pydantic import ValidationError

        if isinstance(error, ValidationError):
            return "it sent something else than a result, or wants more to be typed in, which cannot be given here"
        if self._running is not None and self._running.why:
            return f"the server {self.server.name} cannot be used any more: {self._running.why}"
        return self._has_ended() if getattr(error, "code", None) == CONNECTION_CLOSED else _told(error)

    def _has_ended(self) -> str:
        return f"the server {self.server.name} has ended"


async def _all_tools(client: Any) -> list[Any]:
    """The tools on all pages of a list, as far as it is read."""
    from mcp.types import PaginatedRequestParams

    found: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or len(found) >= LISTED:
            break
    return found


def tools_of(session: Session) -> list[tuple[Tool, Listed]]:
    """The tools of a server as a question takes them, each with what the server says of it. Raises ServerError."""

    def made(one: Listed) -> Tool:
        def call(**arguments: Any) -> str:
            return session.call(one.name, arguments)

        return Tool(one.full_name, one.description, one.parameters, call)

    return [(made(one), one) for one in session.tools()]


def _first(error: BaseException) -> Exception:
    """The error within a group of them that says most; one that ends programs becomes an ordinary one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else ConnectionError(type(error).__name__)


def _told(error: BaseException) -> str:
    error = _first(error)
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return text[:500].rstrip(".")


def _indented(text: str) -> str:
    return "\n".join(f"  {line[:300]}" for line in text.splitlines())
