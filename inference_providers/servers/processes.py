"""What the system knows of a server's processes: who listens at its port, who is connected."""

from __future__ import annotations

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
    """Who listens at a port: OURS, if it is process *pid* or what that started, alone; STRANGER; or nobody."""
    tree = {process.pid for process in _tree(pid)}
    try:
        listening = [one.pid for one in psutil.net_connections("tcp") if _listens(one, port)]
    except psutil.AccessDenied:  # macOS shows only our own processes' sockets
        listening = [one.pid for one in _tree(pid) if any(_listens(connection, port) for connection in _sockets(one))]
        listening = listening or ([None] if connectable(port) else [])
    if not listening:
        return ""
    return OURS if all(one in tree for one in listening) else STRANGER


def is_connected(port: int) -> bool:
    """Whether anybody holds a connection to a port: waits for an answer, or has just got one."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows only our own processes' sockets
        connections = [one for process in psutil.process_iter() for one in _sockets(process)]
    return any(one.status == psutil.CONN_ESTABLISHED and _port(one) == port for one in connections)


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


def _sockets(process: psutil.Process) -> list[Any]:
    try:
        return list(process.net_connections("tcp"))
    except psutil.Error:
        return []


def _port(connection: Any) -> int:
    return int(connection.laddr[1])


def _listens(connection: Any, port: int) -> bool:
    here = ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1")
    return bool(connection.status == psutil.CONN_LISTEN and _port(connection) == port and connection.laddr[0] in here)
