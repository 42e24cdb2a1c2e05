"""What the system knows of a server's processes: who listens at its port, how busy they are."""

from __future__ import annotations

import contextlib
import socket

import psutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OURS, STRANGER = "ours", "stranger"


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def connectable(port: int) -> bool:
    """Whether somebody listens at a loopback port."""
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def owner(port: int, pid: int | None) -> str:
    """Who listens at a port: OURS, if it is process *pid* or what that started, and nobody else; STRANGER; or nobody."""
    tree = {process.pid for process in _tree(pid)}
    try:
        listening = [found.pid for found in psutil.net_connections("tcp") if _listens(found, port)]
    except psutil.AccessDenied:  # macOS shows only our own processes' sockets
        listening = [process.pid for process in _tree(pid) if _has_socket(process, port)]
        listening = listening or ([None] if connectable(port) else [])
    if not listening:
        return ""
    return OURS if all(one in tree for one in listening) else STRANGER


def processor_time(pid: int | None) -> float:
    """Seconds of processor time that a process and what it started have used."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def started(pid: int | None) -> float | None:
    """When a process was started: with its number, this tells it from any other."""
    try:
        return None if pid is None else psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _tree(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []


def _has_socket(process: psutil.Process, port: int) -> bool:
    try:
        return any(_listens(found, port) for found in process.net_connections("tcp"))
    except psutil.Error:
        return False


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port)
