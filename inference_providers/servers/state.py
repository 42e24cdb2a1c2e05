"""The folders of the servers that this user's programs have launched here: where they are, what they say.

On every program's path to its first answer, so it imports little.
"""

from __future__ import annotations

import os

from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final, TypeGuard

    from inference_providers.servers.records import ServerState

LOADING: Final = "loading"
READY: Final = "ready"
FAILED: Final = "failed"
ENDED: Final = "ended"
_MOST = 1024 * 1024  # bytes of a state that is read
_TEXTS = ("phase", "message", "provider", "title", "way")
_NUMBERS = (("since", 0, 1e11), ("idle", 0, 1e308))  # each with its range
_COUNTS = (("port", 0, 65535), ("supervisor", 2, 2**31), ("engine", 2, 2**31))
TAKEN = 3  # exit code of a supervisor: another process supervises this server


def servers_folder(environ: Mapping[str, str]) -> str:
    """Where they are: below `XDG_STATE_HOME` or `~/.local/state`, apart for each machine that shares a home.

    Empty without a home.
    """
    state = folders.base("state", environ)
    machine = os.uname().nodename if hasattr(os, "uname") else "here"
    return "" if state is None else os.path.join(state, folders.NAME, "servers", machine)


def running(environ: Mapping[str, str]) -> Iterator[tuple[str, ServerState]]:
    """Folder and state of every server that was launched and is ready or loading."""
    for path, state in _states(environ):
        from inference_providers.files import locks

        if state["phase"] in (LOADING, READY) and locks.is_held(os.path.join(path, "lock")):
            yield path, state


def ended(environ: Mapping[str, str]) -> Iterator[tuple[str, ServerState]]:
    """Folder and state of every server of the last day that ended or could not be started; its `message` says why."""
    for path, state in _states(environ):
        from inference_providers.files import locks

        if state["phase"] in (ENDED, FAILED) and not locks.is_held(os.path.join(path, "lock")):
            yield path, state


def _states(environ: Mapping[str, str]) -> Iterator[tuple[str, ServerState]]:
    """All that can be believed; what cannot is told once, and left out."""
    folder = servers_folder(environ)
    try:
        names = sorted(os.listdir(folder)) if folder else []
    except OSError:
        return
    why = folders.distrust(folder) if names else ""
    for name in [] if why else names:
        path = os.path.join(folder, name)
        if state := read_state(path):
            yield path, state
        elif not why:
            why = folders.distrust(path)
    if why:
        folders.warn_once(f"Launched servers below {folder} are not looked at: {why}.")


def read_state(folder: str) -> ServerState | None:
    """What a server's supervisor wrote of it last: that it runs is true while the lock of the folder is held.

    None where it wrote nothing, or where others can write: a state of theirs could name their own port.
    """
    if folders.distrust(folder):
        return None
    from inference_providers.text import jsontext

    try:
        state = jsontext.loads(folders.read(os.path.join(folder, "state.json"), _MOST))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and _is_whole(state) else None


def _is_whole(state: Mapping[str, Any]) -> TypeGuard[ServerState]:
    """Whether all is there that is read of a state.

    A process's number of 0 or -1 would mean many, where one is to be ended.
    """
    key, model = state.get("key"), state.get("model")
    counts = [row for row in _COUNTS if row[0] != "engine" or state.get("engine") is not None]  # it is not started yet
    return (
        all(isinstance(state.get(name), str) for name in _TEXTS)
        and all(_is_between(state.get(name), least, most, int | float) for name, least, most in _NUMBERS)
        and all(_is_between(state.get(name), least, most, int) for name, least, most in counts)
        and (key is None or isinstance(key, str))
        and isinstance(model, dict)
        and all(isinstance(model.get(name), str) for name in ("name", "path", "served"))
    )


def _is_between(value: Any, least: float, most: float, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most


def endpoint_of(state: ServerState) -> str:
    """The base URL of a server by its state."""
    return f"http://127.0.0.1:{state['port']}/v1"
