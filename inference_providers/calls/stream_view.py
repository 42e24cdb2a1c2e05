"""A stream as a person sees it: in the cell of a notebook, or on standard output."""

from __future__ import annotations

from inference_providers.attempts import reason
from inference_providers.rendering import Text
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

    from inference_providers.calls.gathering import Gathered

_under_way: set[asyncio.Task[None]] = set()  # an event loop itself does not hold them


class StreamView:
    """What has come of a stream, and who has answered at its end."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._text = Text(gathered.text)

    def add(self, piece: str) -> None:
        """Show a further piece."""
        self._text.add(piece)

    def end(self) -> None:
        """Show who has answered, where all has come; else that somebody has stopped it."""
        answer = self._gathered.answer
        if answer is None:
            self._text.broken("stopped before its end")
        else:
            self._text.end(str(answer), answer._repr_markdown_())

    def broken(self, error: BaseException) -> None:
        """Show why no more will come."""
        self._text.broken(reason(error) if isinstance(error, Exception) else "interrupted")


def to_its_end(work: Callable[[], Any]) -> None:
    """Call it. What is asynchronous is done in the event loop that runs (a notebook's), while other things go on."""
    waiting = work()
    if waiting is None:
        return
    import asyncio

    try:
        task = asyncio.get_running_loop().create_task(waiting)
    except RuntimeError:
        asyncio.run(waiting)
        return
    _under_way.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        import sys

        sys.stderr.write(printable(f"{type(error).__name__}: {error}\n"))
