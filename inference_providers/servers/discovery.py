"""Servers on this machine: found by a look at known loopback ports, told apart by what they say.

No key is sent while looking, not even a server's own: whatever has taken its port would have it. What lists
its models only to who has the key is there all the same, its models unknown. A closed port costs nothing, a dead one
0.3 s for all together. Which ports, and how each server is recognised, are rows of the registry.
"""

from __future__ import annotations

import _socket  # what `socket` is made of: it brings no selectors and enums, which take two milliseconds of every start
import errno
import os
import time

from inference_providers.credentials import host_of
from inference_providers.files import folders
from inference_providers.offers import LocalServer, address, own_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Provider, Registry

PROBE_TIMEOUT = 0.3  # seconds, for the connection and again for each reply
MODEL_VARIABLE = "INFERENCE_PROVIDERS_LOCAL_MODEL"
_LOCKED = (401, 403)  # how a server says that it wants a key
UNKNOWN = "local"  # the row for a server that speaks the protocol but matches no fingerprint


def scan(
    registry: Registry,
    environ: Mapping[str, str],
    timeout: float = PROBE_TIMEOUT,
    *,
    avoids: Callable[[Provider], str] = lambda provider: "",
) -> list[LocalServer]:
    """The OpenAI-compatible servers that run at the registry's loopback addresses, in registry order.

    *timeout*: seconds, for the connections and again for each reply. *avoids*: by what a provider is avoided; such
    a server is not looked for, and where another's address leads to one, it is left out.
    """
    rows = [provider for provider in registry.providers.values() if provider.local is not None]
    rows_at: dict[str, list[Provider]] = {}  # base URL -> who usually runs there
    for provider in rows:
        if provider.id != UNKNOWN and not avoids(provider):
            rows_at.setdefault(address(provider, environ), []).append(provider)
    alive = _connectable(rows_at, timeout)
    if not alive:
        return []
    targets = [(base, rows_at[base] + [row for row in rows if row not in rows_at[base]]) for base in alive]
    servers = [
        server
        for server in _probe_all(targets, registry, environ, timeout)
        if not avoids(registry.providers[server.provider])
    ]
    rank = {provider.id: index for index, provider in enumerate(rows)}
    return sorted(servers, key=lambda server: rank[server.provider])


def _connectable(bases: Iterable[str], timeout: float) -> list[str]:
    """Those of the addresses that accept a connection, all tried at once."""
    alive: set[str] = set()
    waiting: dict[int, tuple[str, _socket.socket]] = {}  # by file descriptor
    hosts = {base: host_of(base) for base in bases}
    try:
        for base, host in hosts.items():
            connected, sock = _start_connecting(host, base.startswith("https"))
            if connected:
                alive.add(base)
            elif sock is not None:
                waiting[sock.fileno()] = base, sock
        deadline = time.monotonic() + timeout
        while waiting and (left := deadline - time.monotonic()) > 0:
            for file in _writable(list(waiting), left):
                base, sock = waiting.pop(file)
                if sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR) == 0:
                    alive.add(base)
                sock.close()
    finally:
        for _, sock in waiting.values():
            sock.close()
    return [base for base in hosts if base in alive]


def _start_connecting(host: str, tls: bool) -> tuple[bool, _socket.socket | None]:
    """Whether a connection stands already; else the socket of one that may come, or None."""
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "443" if tls else "80")
    name = name.strip("[]").replace("localhost", "127.0.0.1")
    try:
        sock = _socket.socket(_socket.AF_INET6 if ":" in name else _socket.AF_INET, _socket.SOCK_STREAM)
    except OSError:
        return False, None
    try:
        sock.setblocking(False)
        result = sock.connect_ex((name, int(port)))
    except (OSError, ValueError, OverflowError):
        result = errno.EINVAL
    if result in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        return False, sock
    sock.close()
    return result == 0, None


def _writable(files: list[int], seconds: float) -> list[int]:
    """Those of the descriptors whose connections stand, or have failed."""
    import select

    if not hasattr(select, "poll"):
        _, connected, failed = select.select([], files, files, seconds)
        return list({*connected, *failed})
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLOUT)
    return [file for file, _ in poll.poll(seconds * 1000)]


def _probe_all(
    targets: Sequence[tuple[str, Sequence[Provider]]], registry: Registry, environ: Mapping[str, str], timeout: float
) -> list[LocalServer]:
    """The servers at base URLs, each with the rows that may be theirs, likeliest first."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=16) as pool:
        servers = pool.map(lambda target: ServerProbe(target[0], registry, environ, timeout).server(target[1]), targets)
    recognised = sorted(
        (server for server in servers if server is not None), key=lambda server: server.provider == UNKNOWN
    )
    unique: dict[str, LocalServer] = {}
    for server in recognised:  # one address may have been asked at several paths
        unique.setdefault(host_of(server.endpoint), server)
    return list(unique.values())


class ServerProbe:
    """One server, asked what it is: what it lists, and whose fingerprint it matches."""

    def __init__(self, base: str, registry: Registry, environ: Mapping[str, str], timeout: float) -> None:
        from inference_providers.transport import Limits, Sender

        self._base, self._registry, self._environ = base, registry, environ
        self._root = "/".join(base.split("/", 3)[:3])
        self._timeout, self._silent = timeout, False
        self._sender = Sender({}, Limits(connect=timeout, total=timeout))
        self._pages: dict[str, tuple[int, Mapping[str, str], bytes]] = {}

    def server(self, rows: Sequence[Provider]) -> LocalServer | None:
        """The server here, or None if nothing here speaks the protocol."""
        try:
            return self._recognise(rows)
        finally:
            self._sender.close()

    def _recognise(self, rows: Sequence[Provider]) -> LocalServer | None:
        status, _, _ = self._get(self._base + "/models")
        models = self._models(self._base + "/models")
        locked = status in _LOCKED
        provider = next(
            (
                row
                for row in rows
                if any(self._matches(fingerprint, row) for fingerprint in (row.local or {}).get("fingerprint") or ())
            ),
            self._named(rows) if locked else None,
        )
        if provider is None:
            if models is None or UNKNOWN not in self._registry.providers:
                return None
            provider = self._registry.providers[UNKNOWN]
        base = self._endpoint_of(provider)
        listed = models if models is not None else self._models(base + "/models")
        names = {name: self._registry.names.canonical_name(name) for name in listed or []}
        return LocalServer(provider.id, base, names, locked=locked and listed is None)

    def _named(self, rows: Sequence[Provider]) -> Provider | None:
        """Whose server the user says is here, in a variable: one that wants a key may say nothing else of itself."""
        return next((row for row in rows if own_address(row, self._environ)[1] == self._base), None)

    def _endpoint_of(self, provider: Provider) -> str:
        """This root with the path of the recognised server: several kinds share a port."""
        path = provider.endpoint.split("/", 3)[3] if provider.id != UNKNOWN else self._base.split("/", 3)[3]
        return f"{self._root}/{path}"

    def _models(self, url: str) -> list[str] | None:
        status, _, body = self._get(url)
        rows = _rows(body) if status == 200 else None
        return None if rows is None else [str(row["id"]) for row in rows if row.get("id")]

    def _matches(self, fingerprint: Mapping[str, Any], provider: Provider) -> bool:
        base = self._endpoint_of(provider)
        if "owned_by" in fingerprint:
            rows = _rows(self._get(base + "/models")[2]) or []
            return any(str(row.get("owned_by", "")).lower().startswith(fingerprint["owned_by"].lower()) for row in rows)
        if "server" in fingerprint:
            return self._get(base + "/models")[1].get("server", "").lower().startswith(fingerprint["server"].lower())
        status, _, body = self._get(self._root + fingerprint["path"])
        if status != 200:
            return False
        if "contains" in fingerprint:
            return fingerprint["contains"].encode() in body
        from inference_providers.text import jsontext

        try:
            data = jsontext.loads(body)
        except ValueError:
            return False
        return isinstance(data, dict) and fingerprint["json"] in data

    def _get(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        if self._silent:
            return 0, {}, b""
        if url not in self._pages:
            self._pages[url] = self._fetch(url)
        return self._pages[url]

    def _fetch(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        from inference_providers.transport import Request, WireError

        try:
            response = self._sender.send(Request("GET", url, {"Accept": "*/*"}), limit=self._timeout)
            return response.status, response.headers, response.read(1024 * 1024)
        except WireError as error:
            self._silent = error.kind in ("deadline", "timeout")  # it would be silent for every other page as well
            return 0, {}, b""


def _rows(body: bytes) -> list[dict[str, Any]] | None:
    """The rows of a `/models` reply; None for another reply."""
    from inference_providers.text import jsontext

    try:
        data = jsontext.loads(body)
    except ValueError:
        return None
    rows = data.get("data") if isinstance(data, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def home_models(environ: Mapping[str, str]) -> list[str]:
    """Paths of the user's own GGUF files: `INFERENCE_PROVIDERS_LOCAL_MODEL`, else all in their models folder.

    The largest come first.
    """
    from inference_providers.servers.model_files import believed_folder, is_gguf, whole_size

    path = environ.get(MODEL_VARIABLE, "").strip()
    if path:
        return [folders.expanded(path, environ)]
    folder = believed_folder(environ)
    try:
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if is_gguf(name)] if folder else []
        return sorted(paths, key=lambda path: (-whole_size(path), path))
    except OSError:
        return []
