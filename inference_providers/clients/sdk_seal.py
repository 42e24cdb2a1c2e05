"""What SDK clients of any kind need: nothing of the environment in them, no way to another origin, and functions."""

from __future__ import annotations

import httpx2

from inference_providers.clients.sdk_functions import take_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def sealed(made: Any) -> Any:
    """A client without what the SDK took from the environment for OpenAI, which takes functions as tools.

    Its copies are sealed as well.

    The SDK reads `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`, `OPENAI_ADMIN_KEY` and
    `OPENAI_CUSTOM_HEADERS` whenever a client is made or copied.
    """
    made.organization = made.project = made.admin_api_key = made.webhook_secret = None
    made._custom_headers = {}
    take_functions(made)
    copy = made.copy

    def sealed_copy(*args: Any, **kwargs: Any) -> Any:
        return sealed(copy(*args, **kwargs))

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


def plain_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Response headers that still hold once the body has been decoded, without where to go next: nobody goes there."""
    kept = ((name.lower(), value) for name, value in headers.items() if name.lower() not in _DROPPED)
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in kept]


_DROPPED = frozenset(("content-encoding", "content-length", "transfer-encoding", "set-cookie", "location"))
