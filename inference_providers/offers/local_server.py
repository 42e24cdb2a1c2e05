"""A server on this machine, as name resolution sees it, and where one would run. Pure."""

from __future__ import annotations

from inference_providers.credentials import host_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.registry import Provider


def address(provider: Provider, environ: Mapping[str, str]) -> str:
    """The base URL where this server would run.

    It comes from the server's variables (`OLLAMA_HOST` and the like), else from the registry.
    """
    return own_address(provider, environ)[1] or provider.endpoint


def own_address(provider: Provider, environ: Mapping[str, str]) -> tuple[str, str]:
    """The variable in which the user says where this server runs, and the base URL; both empty where none is set."""
    for variable in (provider.local or {}).get("address") or ():
        given = environ.get(variable, "").strip().rstrip("/")
        if given:
            return variable, _base_url(given, provider.endpoint)
    return "", ""


def _base_url(given: str, endpoint: str) -> str:
    """`host`, `host:port` or a URL, completed from the usual endpoint."""
    usual_port = host_of(endpoint).rpartition(":")[2]
    path = "".join(f"/{part}" for part in endpoint.split("/", 3)[3:])
    scheme, mark, rest = given.rpartition("://")
    scheme = scheme if mark else "http"
    host, slash, own_path = rest.partition("/")
    if host.startswith(":"):
        host = "127.0.0.1" + host
    host = host.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
    if ":" not in host.rpartition("]")[2]:
        host += f":{usual_port}" if scheme == "http" else ""
    return f"{scheme}://{host}/{own_path}" if slash and own_path else f"{scheme}://{host}{path}"


class LocalServer:
    """A server on this machine: its provider row, its address, and the models it lists.

    One that is `locked` lists them only to who has its key: they are unknown, not none.
    One that this package launches has a key of its own, and neither key nor address before `wake()`.
    """

    reason = ""  # why it cannot be used
    launched = False  # by this package: it serves the one model it was launched for
    wished = False  # whether its model is to run there first
    fits = True  # whether it is made for such models
    # For a new connection from a local port: why who took it is not this server. None: nobody can tell.
    stranger: Callable[[int], str] | None = None

    def __init__(
        self,
        provider: str,
        endpoint: str,
        models: Mapping[str, str | None],
        key: str | None = None,
        *,
        locked: bool = False,
    ) -> None:
        self.locked = locked
        self.provider, self.endpoint, self.models = provider, endpoint, dict(models)
        self.key = key
        self.place = endpoint  # what tells it from other servers

    def wake(self, limit: float) -> None:
        """Have it running. Raises LocalServerError."""

    async def wake_async(self, limit: float) -> None:
        """`wake` for asyncio."""

    @property
    def awake(self) -> bool:
        """Whether `wake` would have nothing to do but note that it is used."""
        return True

    def __repr__(self) -> str:
        models = "wants a key" if self.locked else f"{len(self.models)} models"
        return f"<LocalServer {self.provider} at {self.endpoint}: {models}>"
