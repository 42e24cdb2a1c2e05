"""Pipes as input: read once, as they come, within an event loop. Who waits for one holds up nobody."""

from __future__ import annotations

import asyncio
import os
import stat

from inference_providers import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_CHUNK = 65536  # bytes
_SILENCE = 1.0  # seconds without a word from the other end until that is said


async def lines(path: str | os.PathLike[str]) -> AsyncGenerator[bytes, None]:
    """The lines of a pipe, until whoever writes into it is done.

    Says so where it waits for the first. Raises OSError.
    """
    if not hasattr(os, "O_NONBLOCK"):
        raise OSError(
            f"{os.fspath(path)} is a pipe, and pipes are read on Linux and macOS only; write the questions to a file, "
            "or give an iterable of them (of the lines of `sys.stdin`, say)"
        )
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISFIFO(os.fstat(file).st_mode):
            raise OSError(f"{os.fspath(path)} is no pipe any more")
        begun: list[bytes] = []
        silence: float | None = _SILENCE
        while True:
            if not await _readable(file, silence):
                log.warn(f"waiting for {os.fspath(path)}, a pipe into which nobody has written yet")
                await _readable(file)
            silence = None
            try:
                chunk = os.read(file, _CHUNK)
            except BlockingIOError:  # another reader was quicker
                continue
            first, *rest = chunk.split(b"\n")
            begun.append(first)
            for piece in rest:
                yield b"".join(begun) + b"\n"
                begun = [piece]
            if not chunk:
                break
        if last := b"".join(begun):
            yield last
    finally:
        os.close(file)


async def _readable(file: int, seconds: float | None = None) -> bool:
    """Wait until there is something to read, or the end; False after so many *seconds*."""
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    loop.add_reader(file, there.set)
    try:
        await asyncio.wait_for(there.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(file)
    return True
