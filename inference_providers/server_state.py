"""The folders of the servers that this user's programs have launched here: where they are, what they say.

On every program's path to its first answer, so it imports little.
"""

from __future__ import annotations

import os

from inference_providers import jsontext, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

LOADING, READY, FAILED, ENDED = "loading", "ready", "failed", "ended"
TAKEN = 3  # exit code of a supervisor: another process supervises this server


def servers_folder() -> str:
    """Where they are: below `XDG_STATE_HOME` or `~/.local/state`, apart for each machine that shares a home."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    machine = os.uname().nodename if hasattr(os, "uname") else "here"
    return os.path.join(state, "inference_providers", "servers", machine)


def running() -> Iterator[tuple[str, dict[str, Any]]]:
    """Folder and state of every server that was launched and is ready or loading."""
    for path, state in _states():
        if state["phase"] in (LOADING, READY) and locks.is_held(os.path.join(path, "lock")):
            yield path, state


def ended() -> Iterator[tuple[str, dict[str, Any]]]:
    """Folder and state of every server of the last day that ended or could not be started; its `message` says why."""
    for path, state in _states():
        if state["phase"] in (ENDED, FAILED) and not locks.is_held(os.path.join(path, "lock")):
            yield path, state


def _states() -> Iterator[tuple[str, dict[str, Any]]]:
    folder = servers_folder()
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if (state := read_state(path)).get("phase"):
            yield path, state


def read_state(folder: str) -> dict[str, Any]:
    """What a server's supervisor said of it last: that it runs is true while the lock of the folder is held. Empty where it said nothing."""
    try:
        with open(os.path.join(folder, "state.json"), encoding="utf-8") as file:
            return dict(jsontext.loads(file.read()))
    except (OSError, ValueError, TypeError):
        return {}


def endpoint_of(state: Mapping[str, Any]) -> str:
    """The base URL of a server by its state."""
    return f"http://127.0.0.1:{state['port']}/v1"
