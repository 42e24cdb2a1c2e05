"""What SDK clients of any kind need: nothing of the environment in them, no way to another origin, and functions."""

from __future__ import annotations

import httpx2
import openai

from inference_providers.clients.sdk_functions import take_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def sealed(made: Any) -> Any:
    """A client without what the SDK took from the environment for OpenAI, which takes functions as tools.

    Its copies are sealed as well, and keep the headers that they are made with.

    The SDK reads `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`, `OPENAI_ADMIN_KEY` and
    `OPENAI_CUSTOM_HEADERS` whenever a client is made or copied.
    """
    return _sealed(made, {})


def _sealed(made: Any, headers: dict[str, str]) -> Any:
    made.organization = made.project = made.admin_api_key = made.webhook_secret = None
    made._custom_headers = headers
    take_functions(made)
    copy = made.copy

    def sealed_copy(**options: Any) -> Any:
        only = options.get("set_default_headers")
        own = {**headers, **(options.get("default_headers") or {})} if only is None else dict(only)
        return _sealed(copy(**options), own)

    made.copy = made.with_options = sealed_copy
    return made


class Base:
    """A client's base URL, parsed once: what lies below it, and what does not."""

    __slots__ = ("_origin", "_path", "_raw")

    def __init__(self, base_url: str) -> None:
        url = httpx2.URL(base_url)
        self._origin = (url.scheme, url.host, url.port)
        self._path = url.path.rstrip("/") + "/"
        self._raw = url.raw_path.decode("ascii").rstrip("/")

    def holds(self, url: httpx2.URL) -> bool:
        """Whether *url* lies below: same scheme, host and port, no user information."""
        return (
            (url.scheme, url.host, url.port) == self._origin
            and not url.userinfo
            and f"{url.path}/".startswith(self._path)
        )

    def below(self, url: httpx2.URL) -> str:
        """The path and query of *url*, below the base."""
        return url.raw_path.decode("ascii").removeprefix(self._raw)


def without_sockets(made: Any) -> Any:
    """A client of everybody, which has no address that a WebSocket could be opened at: who tries is told what to do."""
    made.websocket_base_url = _NoAddress()
    made.__dict__["realtime"] = _NoRealtime(type(made).realtime.func, made)
    copy = made.copy
    made.copy = made.with_options = lambda *args, **kwargs: without_sockets(copy(*args, **kwargs))
    return made


def _no_sockets() -> openai.OpenAIError:
    return openai.OpenAIError(
        "A client of all providers opens no WebSocket: it would be one provider's. Take that one's own client: "
        'client, name = providers.connect_to_model("gpt-realtime"), then client.realtime.connect(model=name).'
    )


class _NoAddress(httpx2.URL):
    """Where the SDK looks for the address of a WebSocket. Whatever is asked of it, there is none."""

    def __init__(self) -> None:
        """Without what a URL is made of, so that each of its properties comes to `__getattr__`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _no_sockets()

    def __repr__(self) -> str:
        return "<no address for WebSockets>"


class _NoRealtime:
    """`client.realtime` but for its connection: sessions and secrets are plain requests."""

    def __init__(self, make: Callable[[Any], Any], client: Any) -> None:
        self._make, self._client = make, client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(self._client), name)

    def connect(self, *_: Any, **__: Any) -> Any:
        """Raises openai.OpenAIError."""
        raise _no_sockets()
