"""A stream as a person sees it: in the cell of a notebook, or on standard output."""

from __future__ import annotations

from inference_providers.attempts import reason
from inference_providers.rendering import Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from inference_providers.calls.gathering import Gathered

_under_way: set[asyncio.Task[None]] = set()  # an event loop itself does not hold them


class StreamView:
    """What has come of a stream, and who has answered at its end."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._text = Text(gathered.text)

    def wait(self) -> None:
        """Take a place for what is to come."""
        self._text.wait()

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
        self._text.broken(str(error) or reason(error) if isinstance(error, Exception) else "interrupted")


def display(stream: Any) -> None:
    """Show a stream in IPython. An asynchronous one fills its cell while the notebook goes on."""
    if hasattr(stream, "__iter__"):
        stream.show()
        return
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(stream.show())
        return
    view = StreamView(stream._gathered)
    view.wait()
    task = loop.create_task(stream._show_in(view))
    _under_way.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()  # which the cell shows
