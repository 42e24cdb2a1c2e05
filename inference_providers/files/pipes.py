"""Named pipes as input: read once, as data arrives, in an event loop; waiting for one blocks nothing else."""

from __future__ import annotations

import asyncio
import os
import stat

from inference_providers import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_CHUNK = 65536  # bytes
_SILENCE = 1.0  # seconds without data until a warning says what is being waited for


async def lines(path: str | os.PathLike[str]) -> AsyncGenerator[bytes, None]:
    """The lines of a pipe, until all of its writers are done.

    Warns if it has to wait for the first. Raises OSError.
    """
    if not hasattr(os, "O_NONBLOCK"):
        raise OSError(
            f"{os.fspath(path)} is a pipe, and pipes are read on Linux and macOS only; write the questions to a file, "
            "or give an iterable of them (of the lines of `sys.stdin`, say)"
        )
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISFIFO(os.fstat(file).st_mode):
            raise OSError(f"{os.fspath(path)} is not a pipe any more")
        unfinished: list[bytes] = []  # the pieces of a line whose end has not come yet
        silence: float | None = _SILENCE
        while True:
            if not await _readable(file, silence):
                log.warn(f"waiting for {os.fspath(path)}, a pipe into which nobody has written yet")
                await _readable(file)
            silence = None
            try:
                chunk = os.read(file, _CHUNK)
            except BlockingIOError:  # another reader was faster
                continue
            first, *rest = chunk.split(b"\n")
            unfinished.append(first)
            for piece in rest:
                yield b"".join(unfinished) + b"\n"
                unfinished = [piece]
            if not chunk:
                break
        if last := b"".join(unfinished):
            yield last
    finally:
        os.close(file)


async def _readable(file: int, seconds: float | None = None) -> bool:
    """Wait for data, or for the end of the pipe; False if neither comes within *seconds*."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(file, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(file)
    return True
