"""The end of a launched server: asking for it, and what its log says of one that came by itself."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

from inference_providers.files import locks
from inference_providers.servers.state import read_state

_LOG_LINES = 12  # of a server that failed, for a person
_CAUSE = r"(?:^|\s)((?:\w+\.)*\w*(?:Error|Exception): .*)|^[\d.]+ E +(.*)"  # a line of a log that says what went wrong
_CAUSES, _LAST = 3, 3  # how many such lines, and how many of the last: an engine's last words may be of what followed
_READ = 64 * 1024  # bytes of a log's end


def stop(folder: str, patience: float = 25.0) -> bool:
    """End the server of a folder; whether it is gone after *patience* seconds at most."""
    import signal

    state = read_state(folder)
    lock = os.path.join(folder, "lock")
    if state and locks.is_held(lock):
        with suppress(ProcessLookupError):
            os.kill(state["supervisor"], signal.SIGTERM)
    until = time.monotonic() + patience
    while locks.is_held(lock) and time.monotonic() < until:
        time.sleep(0.02)
    return not locks.is_held(lock)


def log_excerpt(path: str, count: int = _LOG_LINES) -> str:
    """For a person: the first errors that a log names and its last lines, or the last *count* where it names none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _READ))
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"  ({error.strerror})"
    lines = text.splitlines()
    matches = [match for line in lines[:-_LAST] if (match := re.search(_CAUSE, line))]
    causes = list(dict.fromkeys(match[1] or match[2] for match in matches))[:_CAUSES]
    return indented("\n".join([*causes, "...", *lines[-_LAST:]] if causes else lines[-count:]))


def indented(text: str) -> str:
    """Lines of another program, below a line of our own."""
    return "\n".join(f"  {line}" for line in text.splitlines())
