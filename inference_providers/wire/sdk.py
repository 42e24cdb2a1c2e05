"""What SDK clients of any kind need: nothing of the environment in them, and no way to another origin."""

from __future__ import annotations

import httpx2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def sealed(made: Any) -> Any:
    """A client without what the SDK took from the environment for OpenAI; its copies are sealed as well.

    The SDK reads `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`, `OPENAI_ADMIN_KEY` and
    `OPENAI_CUSTOM_HEADERS` whenever a client is made or copied.
    """
    made.organization = made.project = made.admin_api_key = made.webhook_secret = None
    made._custom_headers = {}
    copy = made.copy

    def sealed_copy(*args: Any, **kwargs: Any) -> Any:
        return sealed(copy(*args, **kwargs))

    made.copy = made.with_options = sealed_copy
    return made


def belongs(url: httpx2.URL, endpoint: str) -> bool:
    """Whether *url* lies below *endpoint*: same scheme, host and port, no user information."""
    ours = httpx2.URL(endpoint)
    same = (url.scheme, url.host, url.port) == (ours.scheme, ours.host, ours.port)
    return same and not url.userinfo and f"{url.path}/".startswith(f"{ours.path.rstrip('/')}/")


def path_below(url: httpx2.URL, endpoint: str) -> str:
    """The path and query of *url*, below *endpoint*."""
    path = url.raw_path.decode("ascii")
    return path.removeprefix(httpx2.URL(endpoint).raw_path.decode("ascii").rstrip("/"))


def plain_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Response headers that still hold once the body has been decoded, without where to go next: nobody goes there."""
    dropped = ("content-encoding", "content-length", "transfer-encoding", "set-cookie", "location")
    return {name: value for name, value in headers.items() if name not in dropped}
