"""What a gateway is started with: where it listens, whom it lets in, how much it takes."""

from __future__ import annotations

from inference_providers.gateway.sessions import Sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PORT = 8484
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MIB = 1024 * 1024


class Settings:
    """host, port: where it listens. token: the administrator's; empty where none is asked for on API paths.

    hosts: further names by which it may be called (`Host`), beside its address and those of this machine. max_body:
    bytes. head_seconds, body_seconds: for a request's head and its body to arrive. idle_seconds: for
    which a connection without requests is kept. write_seconds: for a reply that its
    reader does not take. ping_seconds: after which a stream without content yet is begun with a comment, so that nobody
    in between gives it up. stop_seconds: for streams to end when it stops. connections: at most so many at once.
    workers: processes that serve. sessions: of the page, made before workers are, so that all of them know each.
    """

    __slots__ = (
        "body_seconds",
        "connections",
        "head_seconds",
        "host",
        "hosts",
        "idle_seconds",
        "max_body",
        "max_head",
        "ping_seconds",
        "port",
        "sessions",
        "stop_seconds",
        "token",
        "workers",
        "write_seconds",
    )

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        token: str = "",
        hosts: Iterable[str] = (),
        max_body: int = 64 * MIB,
        max_head: int = 65536,
        head_seconds: float = 10.0,
        body_seconds: float = 60.0,
        idle_seconds: float = 75.0,
        write_seconds: float = 60.0,
        ping_seconds: float = 15.0,
        stop_seconds: float = 120.0,
        connections: int = 4096,
        workers: int = 1,
    ) -> None:
        if not token and not is_loopback(host):
            raise ValueError(f"a token is needed at {host}, which others than this machine reach")
        self.workers, self.sessions = workers, Sessions()
        self.host, self.port, self.token = host, port, token
        self.hosts = frozenset(name.lower() for name in (*LOOPBACK, *hosts, host))
        self.max_body, self.max_head = max_body, max_head
        self.head_seconds, self.body_seconds, self.write_seconds = head_seconds, body_seconds, write_seconds
        self.idle_seconds = idle_seconds
        self.ping_seconds, self.stop_seconds, self.connections = ping_seconds, stop_seconds, connections

    @property
    def is_open(self) -> bool:
        """Whether others than this machine reach it."""
        return not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, wherever it leads
        return False
