"""What comes in and what goes out, as the gateway's handlers have it: HTTP without a server."""

from __future__ import annotations

import json

from inference_providers.gateway.refused import Refused as Refused
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.service import Gateway

    Handler = Callable[[Gateway, "Incoming"], Awaitable["Outgoing"]]
    Headers = Iterable[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")


class Incoming:
    """One request, read whole.

    headers: by names in lower case, repeated ones joined by commas. values: what stands for `{name}` in the path.
    """

    __slots__ = ("caller", "content", "headers", "method", "path", "query_string", "values")

    def __init__(
        self,
        method: str,
        path: str,
        caller: Caller,
        *,
        content: bytes = b"",
        query_string: str = "",
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        self.method, self.path, self.caller, self.content = method, path, caller, content
        self.query_string, self.headers = query_string, headers or {}
        self.values = values or {}

    @property
    def query(self) -> dict[str, str]:
        """The query's fields; the last of each name."""
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The JSON object of the body. Raises Refused (400) for anything else."""
        try:
            body = jsontext.in_one_way(self.content, finite=True)
        except ValueError as error:
            what = "JSON that nests too deep" if isinstance(error, jsontext.TooDeep) else f"not JSON: {error}"
            raise Refused(400, f"The body is {what}.", "invalid_json") from None
        if not isinstance(body, dict):
            raise Refused(400, f"The body is not a JSON object but {type(body).__name__}.", "invalid_json")
        return body


class Outgoing:
    """One reply: whole, or an iterator of pieces, which is closed when nobody reads it any more."""

    __slots__ = ("content", "headers", "status")

    def __init__(
        self, status: int, headers: Mapping[str, str] | Headers = (), content: bytes | AsyncIterator[bytes] = b""
    ) -> None:
        self.status, self.content = status, content
        given: Any = headers
        if hasattr(given, "items"):
            given = [
                (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in given.items()
            ]
        self.headers: list[tuple[bytes, bytes]] = list(given)

    async def close(self) -> None:
        """Nobody reads it any more."""
        close: Any = getattr(self.content, "aclose", None)
        if close is not None:
            await close()

    @classmethod
    def json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Outgoing:
        """A JSON value."""
        made = cls(status, headers or {}, json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        made.headers.append(JSON)
        return made
