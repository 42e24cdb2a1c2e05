"""Whose socket is at the other end of a connection on this machine.

Only Linux tells everybody; elsewhere nobody is taken for a stranger.
"""

from __future__ import annotations

import os
import socket
import sys
from struct import Struct, error, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIES = 2  # what is looked at may change meanwhile
_LISTENS = 0x0A  # the kernel's number of that state

# The kernel's answer to one question, which takes microseconds: sock_diag(7).
_HEADER = Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, sender
_QUESTION = Struct("=BBBxI2s2s16s16sIII")  # inet_diag_req_v2
_ANSWER = Struct("=BBBB48sIIIII")  # inet_diag_msg: state is the second, user and inode are the last
_BY_FAMILY, _REQUEST, _ERROR, _NO_COOKIE = 20, 1, 2, 0xFFFFFFFF
_SECONDS = 1.0  # for an answer

# The table of all sockets, where nobody answers: it takes milliseconds to read.
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LOOPBACK = b"%08X" % unpack("=I", bytes((127, 0, 0, 1)))[0]  # as it is written there: words of this machine, in hex
_MAPPED = b"0" * 16 + b"%08X" % unpack("=I", bytes((0, 0, 255, 255)))[0] + _LOOPBACK  # ::ffff:127.0.0.1
_HERE = (_LOOPBACK, _MAPPED)
_ANYWHERE = (b"0" * 8, b"0" * 32)


class _Socket:
    """What the kernel says of one. No inode: not accepted yet, or closed."""

    __slots__ = ("inode", "local", "remote", "state", "uid")

    def __init__(self, state: int, uid: int, inode: int, local: list[bytes], remote: list[bytes]) -> None:
        self.state, self.uid, self.inode, self.local, self.remote = state, uid, inode, local, remote


def stranger(port: int, client_port: int, engine: int | None, namespace: str | None = None) -> str:
    """Why the other end of a connection from *client_port* to 127.0.0.1:*port* is not process *engine*, nor its child.

    Empty if it is, and where the system does not tell. *namespace*: that of the engine's number, see `pid_namespace`;
    of an engine in another one only the user is known.
    """
    if not sys.platform.startswith("linux"):
        return ""
    engine = engine if namespace in (None, pid_namespace()) else None
    problem = ""
    for _ in range(_TRIES):
        problem = _problem(port, client_port, engine)
        if not problem:
            break
    return problem


def pid_namespace() -> str | None:
    """What tells the numbers of processes here from those of another container; None where the system has none."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _problem(port: int, client_port: int, engine: int | None) -> str:
    owners: list[_Socket] | None
    try:
        owners = _by_netlink(port, client_port)
    except (OSError, error):
        owners = _by_table(port, client_port)
    if owners is None:
        return ""
    if not owners:
        return f"nobody is at port {port} any more"
    if others := [one.uid for one in owners if one.uid != os.geteuid()]:
        return f"port {port} is that of another user (uid {others[0]})"
    return "" if engine is None else _not_of_engine(port, {one.inode for one in owners}, engine)


def _by_netlink(port: int, client_port: int) -> list[_Socket]:
    """The socket that gets what is sent from *client_port* to *port*.

    Raises OSError where the kernel does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diagnosis:  # NETLINK_SOCK_DIAG
        diagnosis.settimeout(_SECONDS)
        own = _answer(diagnosis, client_port, port)
        if own is None or own.state == _LISTENS:
            return []  # our end is connected to nobody there
        for remote in (client_port, 0):  # until it is accepted it waits with who listens, and would take any connection
            taker = _answer(diagnosis, port, remote)
            if taker is None or taker.inode:
                break
    return [] if taker is None else [taker]


def _answer(diagnosis: socket.socket, port: int, remote: int) -> _Socket | None:
    here = bytes((127, 0, 0, 1)) + bytes(12)
    ends = (port.to_bytes(2, "big"), remote.to_bytes(2, "big"), here, here)
    question = _QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, _NO_COOKIE, *ends, 0, _NO_COOKIE, _NO_COOKIE)
    diagnosis.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, remote, 0) + question)
    answer = diagnosis.recv(4096)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        number = -int(unpack("=i", answer[_HEADER.size : _HEADER.size + 4])[0])
        if number == 2:  # ENOENT: there is no such socket
            return None
        raise OSError(number, os.strerror(number))
    cells = _ANSWER.unpack_from(answer, _HEADER.size)
    return _Socket(cells[1], cells[-2], cells[-1], [], [])


def _by_table(port: int, client_port: int) -> list[_Socket] | None:
    """The sockets that may get it, by the table; None where not even our own end is shown."""
    sockets, (server, client) = list(_rows(port)), (b"%04X" % port, b"%04X" % client_port)
    if not any(one.local[1] == client and one.remote[1] == server for one in sockets):
        return None
    at_port = [one for one in sockets if one.local[1] == server and one.local[0] in (*_HERE, *_ANYWHERE)]
    taken = [one for one in at_port if one.remote[1] == client and one.inode]
    listening = [one for one in at_port if one.state == _LISTENS]
    return taken or [one for one in listening if one.local[0] in _HERE] or listening


def _rows(port: int) -> Iterator[_Socket]:
    """The TCP sockets with that port at one of their ends."""
    wanted = b":%04X " % port
    for table in _TABLES:
        try:
            with open(table, "rb") as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        for cells in (row.split() for row in rows if wanted in row):
            yield _Socket(int(cells[3], 16), int(cells[7]), int(cells[9]), cells[1].split(b":"), cells[2].split(b":"))


def _not_of_engine(port: int, inodes: set[int], engine: int) -> str:
    if _has_ended(engine):
        return f"the server that had port {port} has ended"
    try:
        missing = inodes - _sockets_of(engine)
        for pid in _descendants(engine) if missing else ():
            missing -= _sockets_of(pid)
    except PermissionError:
        return ""  # a process that does not let itself be looked at; its user is right
    return f"port {port} is that of another program now" if missing else ""


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or only its exit code is left, until its parent asks for it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return True


def _sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets that a process holds. Raises PermissionError."""
    inodes: set[int] = set()
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return inodes
    except PermissionError:
        if _has_ended(pid):  # root alone may look into what is left of one
            return inodes
        raise
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except (FileNotFoundError, ProcessLookupError):  # closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(int(target[8:-1]))
    return inodes


def _descendants(engine: int) -> Iterator[int]:
    """All processes below one, as far as they are there now."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    for pid in parents:
        above: int | None = parents[pid]
        while above and above != engine:
            above = parents.get(above)
        if above == engine:
            yield pid
