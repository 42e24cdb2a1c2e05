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
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Provider, Registry

PROBE_TIMEOUT = 0.3  # seconds, for the connection and again for each reply
_KEPT = 10.0  # seconds for which a look counts
PATIENCE = 5.0  # the same for who is named, or the only one left
_MOST_PLACES = 4  # addresses of one name that are tried
MODEL_VARIABLE = "INFERENCE_PROVIDERS_LOCAL_MODEL"
_LOCKED = (401, 403)  # how a server says that it wants a key
UNKNOWN = "local"  # the row for a server that speaks the protocol but matches no fingerprint


def scan(
    registry: Registry,
    environ: Mapping[str, str],
    timeout: float = PROBE_TIMEOUT,
    *,
    avoids: Callable[[Provider], str] = lambda provider: "",
    bases: Container[str] | None = None,
    late: list[str] | None = None,
) -> list[LocalServer]:
    """The OpenAI-compatible servers that run at the registry's loopback addresses, in registry order.

    *timeout*: seconds, for the connections and again for each reply. *avoids*: by what a provider is avoided; such
    a server is not looked for, and where another's address leads to one, it is left out. *bases*: look at these
    addresses only. *late*: gets the addresses where something may be that had not answered in time.
    """
    rows = [provider for provider in registry.providers.values() if provider.local is not None]
    rows_at: dict[str, list[Provider]] = {}  # base URL -> who usually runs there
    for provider in rows:
        if provider.id != UNKNOWN and not avoids(provider):
            base = address(provider, environ)
            if base and (bases is None or base in bases):
                rows_at.setdefault(base, []).append(provider)
    late = [] if late is None else late
    alive = _connectable(rows_at, timeout, late)
    if not alive:
        return []
    targets = [(base, rows_at[base] + [row for row in rows if row not in rows_at[base]]) for base in alive]
    servers = [
        server
        for server in _probe_all(targets, registry, environ, timeout, late)
        if not avoids(registry.providers[server.provider])
    ]
    rank = {provider.id: index for index, provider in enumerate(rows)}
    return sorted(servers, key=lambda server: rank[server.provider])


class Lookout:
    """The servers that run at the registry's addresses: a look counts for ten seconds.

    A look is short, since most programs do not depend on what it finds. Who does, waits for what is late.
    """

    def __init__(self, registry: Registry, environ: Mapping[str, str], avoids: Callable[[Provider], str]) -> None:
        self._registry, self._environ, self._avoids = registry, environ, avoids
        self._seen: tuple[float, list[LocalServer]] = (float("-inf"), [])
        self._late: list[str] = []  # addresses that had not answered
        self._silent: set[str] = set()  # nor when they had more time

    def servers(self) -> list[LocalServer]:
        """What is seen."""
        if time.monotonic() - self._seen[0] > _KEPT:
            late: list[str] = []
            found = scan(self._registry, self._environ, PROBE_TIMEOUT, avoids=self._avoids, late=late)
            self._seen, self._late = (time.monotonic(), found), late
        return self._seen[1]

    def wait(self, provider: Provider | None = None) -> bool:
        """Give what was late `PATIENCE` seconds: all, or where a provider is. Whether more is seen now."""
        wanted = {address(provider, self._environ)} if provider else self._late
        late = [base for base in self._late if base in wanted]
        if not late:
            return False
        self._late = [base for base in self._late if base not in late]
        silent: list[str] = []
        found = scan(self._registry, self._environ, PATIENCE, avoids=self._avoids, bases=late, late=silent)
        self._silent = self._silent - {*late} | {*silent}
        self._seen = (time.monotonic(), [*self._seen[1], *found])
        return bool(found)

    def silence(self, base: str) -> str:
        """What to say of an address that took a connection, or might have, and said nothing."""
        return f"; what is there has said nothing for {PATIENCE:.0f} seconds" if base in self._silent else ""


def _connectable(bases: Iterable[str], timeout: float, late: list[str]) -> list[str]:
    """Those of the addresses that accept a connection, all tried at once; *late* gets those that may do so yet."""
    alive: set[str] = set()
    waiting: dict[int, tuple[str, _socket.socket]] = {}  # by file descriptor
    hosts = {base: host_of(base) for base in bases}
    try:
        for base, host in hosts.items():
            for family, place in _places(host, base.startswith("https")):
                connected, sock = _start_connecting(family, place)
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
        for base, sock in waiting.values():
            sock.close()
            if base not in alive and base not in late:
                late.append(base)
    return [base for base in hosts if base in alive]


def _places(host: str, tls: bool) -> list[tuple[int, Any]]:
    """Where a host may be reached: families and addresses, several for a name."""
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "443" if tls else "80")
    name = name.strip("[]")
    if not name.strip("0123456789."):
        return [(_socket.AF_INET, (name, int(port)))]
    try:
        found = _socket.getaddrinfo(name, int(port), 0, _socket.SOCK_STREAM)
    except (OSError, ValueError, OverflowError):
        return []
    return list(dict.fromkeys((row[0], row[4]) for row in found))[:_MOST_PLACES]


def _start_connecting(family: int, place: Any) -> tuple[bool, _socket.socket | None]:
    """Whether a connection stands already; else the socket of one that may come, or None."""
    try:
        sock = _socket.socket(family, _socket.SOCK_STREAM)
    except OSError:
        return False, None
    try:
        sock.setblocking(False)
        result = sock.connect_ex(place)
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
    targets: Sequence[tuple[str, Sequence[Provider]]],
    registry: Registry,
    environ: Mapping[str, str],
    timeout: float,
    late: list[str],
) -> list[LocalServer]:
    """The servers at base URLs, each with the rows that may be theirs, likeliest first; *late* gets silent ones."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=16) as pool:
        servers = pool.map(
            lambda target: ServerProbe(target[0], registry, environ, timeout, late).server(target[1]), targets
        )
    recognised = sorted(
        (server for server in servers if server is not None), key=lambda server: server.provider == UNKNOWN
    )
    unique: dict[str, LocalServer] = {}
    for server in recognised:  # one address may have been asked at several paths
        unique.setdefault(host_of(server.endpoint), server)
    return list(unique.values())


class ServerProbe:
    """One server, asked what it is: what it lists, and whose fingerprint it matches."""

    def __init__(
        self, base: str, registry: Registry, environ: Mapping[str, str], timeout: float, late: list[str]
    ) -> None:
        from inference_providers.transport import Limits, Sender

        self._base, self._registry, self._environ, self._late = base, registry, environ, late
        self._root = base
        self._owner: Provider | None = None  # whose server the user says is here
        self._timeout, self._silent = timeout, False
        self._sender = Sender({}, Limits(connect=timeout, total=timeout))
        self._pages: dict[str, tuple[int, Mapping[str, str], bytes]] = {}

    def server(self, rows: Sequence[Provider]) -> LocalServer | None:
        """The server here, or None if nothing here speaks the protocol."""
        self._owner = next((row for row in rows if own_address(row, self._environ)[1] == self._base), None)
        # Below whatever path the user gives, as behind a gateway, lies what a server has at its root.
        self._root = self._base.removesuffix(_path(self._owner or rows[0]))
        try:
            found = self._recognise(rows)
        finally:
            self._sender.close()
        if found is None and self._silent:
            self._late.append(self._base)
        return found

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
            self._owner if locked else None,  # one that wants a key may say nothing else of itself
        )
        if provider is None:
            if models is None or UNKNOWN not in self._registry.providers:
                return None
            provider = self._registry.providers[UNKNOWN]
        base = self._endpoint_of(provider)
        listed = models if models is not None else self._models(base + "/models")
        names = {name: self._registry.names.canonical_name(name) for name in listed or []}
        return LocalServer(provider.id, base, names, locked=locked and listed is None, mute=self._mute())

    def _mute(self) -> list[str]:
        """The models of which any page that was read says that they are for something else than talk."""
        from inference_providers.offers import is_to_talk_to

        pages = (_rows(body) or () for status, _, body in self._pages.values() if status == 200)
        return [str(row.get("id")) for rows in pages for row in rows if not is_to_talk_to(row)]

    def _endpoint_of(self, provider: Provider) -> str:
        """Where the user says that this server is, else this root with its path: several kinds share a port."""
        as_it_is = provider is self._owner or provider.id == UNKNOWN
        return self._base if as_it_is else self._root + _path(provider)

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


def _path(provider: Provider) -> str:
    """The path of a server's API, as it usually is: `/v1`."""
    return "".join(f"/{part}" for part in provider.endpoint.split("/", 3)[3:])


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
