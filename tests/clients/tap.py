"""A wire tap: bytes pass both ways as they are, and what a program sent can be read afterwards."""

from __future__ import annotations

import io
import socket
import threading

from tests.servers import Received, read_request


class Tap:
    """Listens on a loopback port and passes every connection on to *port*."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sent: list[bytearray] = []
        self._open: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    @property
    def requests(self) -> list[Received]:
        """What was asked, connection by connection."""
        found = []
        for sent in self._sent:
            reader = io.BytesIO(bytes(sent))
            while (request := read_request(reader)) is not None:
                found.append(request)
        return found

    @property
    def chats(self) -> list[Received]:
        """The chats that were asked for."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def close(self) -> None:
        """End all connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        for sock in self._open:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(near)
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:  # whoever asks sees that nobody is there
                near.close()
                continue
            self._open.append(far)
            sent = bytearray()
            self._sent.append(sent)
            threading.Thread(target=_pass, args=(near, far, sent), daemon=True).start()
            threading.Thread(target=_pass, args=(far, near, bytearray()), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    try:
        while data := source.recv(65536):
            kept += data
            sink.sendall(data)
    except OSError:
        kept += b""
    for sock, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            sock.shutdown(how)
        except OSError:
            continue
