"""The event loop that runs: asyncio's, or an error that says so."""

from __future__ import annotations

import asyncio


def running_loop() -> asyncio.AbstractEventLoop:
    """The event loop that runs here. Raises RuntimeError, which says what to do, where it is not asyncio's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "no running event loop of asyncio: what is asynchronous here needs asyncio, and does not run on trio. "
            "There, call a ProviderList in a thread: await trio.to_thread.run_sync(...)"
        ) from None
