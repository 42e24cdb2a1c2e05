"""A proxy asked to connect, over a socket of a thread or of an event loop. Loaded where there is one."""

from __future__ import annotations

import socket

from inference_providers.transport import http1
from inference_providers.transport.http import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.transport.origins import Origin

_PIECE = 65536  # bytes that are read at once


def ask(sock: Any, origin: Origin, left: Callable[[], float]) -> None:
    """Have the proxy connect to the origin. *left* gives the seconds that remain. Raises WireError and OSError."""
    if origin.way == "socks":
        _ask_socks(sock, origin, left)
        return
    sock.settimeout(left())
    sock.sendall(origin.tunnel_head())
    reader = http1.Reader("CONNECT")
    try:
        while not reader.headed:
            sock.settimeout(left())
            data = sock.recv(_PIECE)
            reader.feed(data) if data else reader.end()
    except WireError as error:
        raise origin.failed(error, late=False, reached=False) from None
    origin.check_tunnel(reader)


def _ask_socks(sock: Any, origin: Origin, left: Callable[[], float]) -> None:
    numeric = ""
    if origin.looked_up is not None:
        try:
            places = socket.getaddrinfo(origin.address.host.encode("ascii"), None, origin.looked_up, socket.SOCK_STREAM)
        except OSError:
            raise origin.not_found() from None
        numeric = str(places[0][4][0])
    steps = origin.handshake(numeric)
    data, size = next(steps)
    while True:
        sock.settimeout(left())
        sock.sendall(data)
        found = b""
        while len(found) < size:
            sock.settimeout(left())
            found += _some(sock.recv(size - len(found)))
        try:
            data, size = steps.send(found)
        except StopIteration:
            return


async def ask_socks(sock: socket.socket, origin: Origin) -> None:
    """`ask` of an event loop, for SOCKS: as long as whoever waits for it. Raises WireError and OSError."""
    import asyncio

    loop, numeric = asyncio.get_running_loop(), ""
    if origin.looked_up is not None:
        try:
            places = await loop.getaddrinfo(origin.address.host, None, family=origin.looked_up, type=socket.SOCK_STREAM)
        except OSError:
            raise origin.not_found() from None
        numeric = str(places[0][4][0])
    steps = origin.handshake(numeric)
    data, size = next(steps)
    while True:
        await loop.sock_sendall(sock, data)
        found = b""
        while len(found) < size:
            found += _some(await loop.sock_recv(sock, size - len(found)))
        try:
            data, size = steps.send(found)
        except StopIteration:
            return


def _some(data: bytes) -> bytes:
    if not data:
        raise ConnectionResetError
    return data
