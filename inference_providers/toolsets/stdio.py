"""A server of MCP as a program of its own, spoken to by its standard input and output: one line a message.

The SDK's own transport keeps a line whole however long it gets, and lets standard error through to the terminal.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from inference_providers.files import folders
from inference_providers.toolsets.results import check_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inference_providers.toolsets.servers import Server

LINE = 8 * 1024 * 1024  # bytes of a message
_TAIL = 4096  # bytes of standard error that are kept
_PATIENCE = 1.0  # seconds that a server has to end by itself once its input is closed, and again after SIGTERM


class Running:
    """What is known of a server's program: the end of its standard error, and why it is not heard any more."""

    def __init__(self) -> None:
        self.tail, self.why = b"", ""

    @property
    def last_words(self) -> str:
        """The last lines of standard error."""
        return "\n".join(self.tail.decode("utf-8", "replace").strip().splitlines()[-5:])


@asynccontextmanager
async def program(server: Server, running: Running) -> AsyncIterator[Any]:
    """The streams of a server that is started here, and ended with what it has started. Raises OSError."""
    words = [_found(server), *server.command[1:]]
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=server.environ,
        cwd=server.cwd,
        start_new_session=True,  # Ctrl-C at the terminal is ours, and its children can be ended with it
        limit=LINE,
    )
    heard, read = anyio.create_memory_object_stream[Any](0)
    write, said = anyio.create_memory_object_stream[Any](0)
    async with anyio.create_task_group() as group:
        for task in (_listen(process, heard, running), _speak(process, said, heard), _note(process, running)):
            group.start_soon(_run, task)
        try:
            yield read, write
        finally:
            with anyio.CancelScope(shield=True):
                for stream in (read, write):
                    stream.close()
                await _end(process, 0.0 if running.why else _PATIENCE)
            group.cancel_scope.cancel()
    for stream in (heard, said):
        stream.close()


async def _run(task: Any) -> None:
    await task


def _found(server: Server) -> str:
    """Where a command is, by the PATH that the server gets. Raises OSError."""
    name = folders.expanded(server.command[0], server.environ)
    path = shutil.which(name, path=server.environ.get("PATH"))
    if path is None or (os.path.dirname(name) and not os.path.isabs(name)):
        raise FileNotFoundError(2, "there is no such program; give a name that is in PATH, or a whole path", name)
    return path


async def _listen(process: asyncio.subprocess.Process, heard: Any, running: Running) -> None:
    """Hand on each line as a message, until there is none any more."""
    assert process.stdout is not None
    async with heard:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, ConnectionError):
            while True:
                try:
                    line = await process.stdout.readuntil(b"\n")
                    check_message(line)
                except asyncio.IncompleteReadError:
                    return
                except (asyncio.LimitOverrunError, ValueError):
                    running.why = (
                        f"it sent a message of more than {LINE // 1024 // 1024} MB, or one that is too complex"
                    )
                    return
                if line.strip():
                    await heard.send(_message(line))


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return ValueError("a line that is not a message")


async def _speak(process: asyncio.subprocess.Process, said: Any, heard: Any) -> None:
    assert process.stdin is not None
    try:
        async with said:
            async for message in said:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
    except (OSError, anyio.ClosedResourceError):
        await heard.aclose()  # so that nobody waits for a reply


async def _note(process: asyncio.subprocess.Process, running: Running) -> None:
    """Keep the end of standard error; it is read whoever wants it, so that the server does not wait."""
    assert process.stderr is not None
    while piece := await process.stderr.read(65536):
        running.tail = (running.tail + piece)[-_TAIL:]


async def _end(process: asyncio.subprocess.Process, patience: float) -> None:
    """End a program: its input first, and after so many seconds of *patience* it and all that it has started."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    if not await _ended(process, patience):
        _signal(process, "SIGTERM")
        await _ended(process, _PATIENCE)
    _signal(process, "SIGKILL")
    await _ended(process, _PATIENCE)
    process._transport.close()  # type: ignore[attr-defined]


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Whether it has ended after so many seconds at most; `wait` would wait for its pipes as well."""
    with anyio.move_on_after(seconds):
        while process.returncode is None:
            await asyncio.sleep(0.01)
    return process.returncode is not None


def _signal(process: asyncio.subprocess.Process, name: str) -> None:
    """Send a signal to a program and its children; where there are no groups of processes, end it."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, getattr(signal, name))
        elif process.returncode is None:
            process.kill()
