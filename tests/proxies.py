"""Proxies and TLS servers on loopback: HTTP proxies that connect, SOCKS proxies, and what they lead to.

Whatever host a client asks a proxy for, it is led to the one server that the proxy was given.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers import Behaviour, Server, answer

HOST = "models.example"
Talk = Callable[["Proxy", socket.socket], bool]  # whether what follows is the client's own


def certificate(folder: Path, *, days: int = 2, names: str = f"DNS:{HOST},DNS:localhost,IP:127.0.0.1") -> Path:
    """A self-signed certificate with its key, made by the openssl command, in one file."""
    made = folder / "both.pem"
    # Days below zero: it has expired already.
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        str(days),
        "-subj",
        f"/CN={folder.name}",
    ]
    command += [
        "-keyout",
        str(folder / "key.pem"),
        "-out",
        str(folder / "cert.pem"),
        "-addext",
        f"subjectAltName={names}",
    ]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no usable openssl command here")
    made.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return made


def serving(pem: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


class TlsServer(Server):
    """A `Server` that speaks TLS."""

    def __init__(self, context: ssl.SSLContext, behaviour: Behaviour = answer) -> None:
        self._context = context
        super().__init__(behaviour)

    def _serve(self, sock: socket.socket) -> None:
        try:
            secured = self._context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        with self._lock:
            self._open.add(secured)
        super()._serve(secured)


class Proxy:
    """Listens on a loopback port. *talk* speaks with the client; if it agrees, bytes are passed on to *port*.

    `asked`: what clients asked for, in the words of the proxy's own protocol. `connections`: how many there were.
    """

    def __init__(self, port: int, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self.target, self._talk, self._context = port, talk, context
        self.asked: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for sock in (self._socket, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            self._open.append(sock)
            with sock:
                if self._talk(self, sock):
                    with socket.create_connection(("127.0.0.1", self.target)) as behind:
                        self._open.append(behind)
                        threading.Thread(target=_pump, args=(sock, behind), daemon=True).start()
                        _pump(behind, sock)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise OSError("the client left")
        data += piece
    return data


def until(sock: socket.socket, mark: bytes) -> bytes:
    data = b""
    while not data.endswith(mark):
        data += exactly(sock, 1)
    return data


def connects(reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n", passes: bool = True) -> Talk:
    """An HTTP proxy that answers with *reply*, and then passes bytes on."""

    def talk(proxy: Proxy, sock: socket.socket) -> bool:
        proxy.asked.append(until(sock, b"\r\n\r\n"))
        sock.sendall(reply)
        return passes

    return talk


def socks5(name: bytes = b"", password: bytes = b"", code: int = 0, kind: int = 1, drip: bool = False) -> Talk:
    """A SOCKS5 proxy that wants this login, if any; it refuses with *code*, and tells its own address as *kind*."""

    def talk(proxy: Proxy, sock: socket.socket) -> bool:
        version, count = exactly(sock, 2)
        methods = exactly(sock, count)
        assert version == 5
        wanted = 2 if name else 0
        if wanted not in methods:
            sock.sendall(b"\x05\xff")
            return False
        sock.sendall(bytes([5, wanted]))
        if name:
            exactly(sock, 1)
            given = exactly(sock, exactly(sock, 1)[0]), exactly(sock, exactly(sock, 1)[0])
            sock.sendall(bytes([1, given != (name, password)]))
            if given != (name, password):
                return False
        head = exactly(sock, 4)
        size = exactly(sock, 1)[0] if head[3] == 3 else {1: 4, 4: 16}[head[3]]
        host, port = exactly(sock, size), int.from_bytes(exactly(sock, 2), "big")
        proxy.asked.append(b"%d %s %d" % (head[3], host, port))
        own = {1: bytes(4), 3: b"\x05proxy", 4: bytes(16)}.get(kind, b"")
        reply = bytes([5, code, 0, kind]) + own + b"\x00\x50"
        for at in range(len(reply)) if drip else ():
            sock.sendall(reply[at : at + 1])
        if not drip:
            sock.sendall(reply)
        return code == 0

    return talk


def socks4(name: bytes = b"", code: int = 90) -> Talk:
    """A SOCKS4 proxy, with names (4a) as well."""

    def talk(proxy: Proxy, sock: socket.socket) -> bool:
        version, command, high, low = exactly(sock, 4)
        number = exactly(sock, 4)
        user = until(sock, b"\0")[:-1]
        host = until(sock, b"\0")[:-1] if number[:3] == b"\0\0\0" and number[3] else number
        proxy.asked.append(b"%s %d" % (host, high * 256 + low))
        assert (version, command) == (4, 1)
        granted = code if user == name else 93
        sock.sendall(bytes([0, granted, 0, 0, 0, 0, 0, 0]))
        return granted == 90

    return talk
