"""What plug-ins are to programs that check types: a plug-in names these where it is checked, and imports nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from typing import Any, Protocol, TypeAlias

    Rows: TypeAlias = dict[str, Any] | Callable[[], dict[str, Any]]
    Store: TypeAlias = Callable[..., MutableMapping[bytes, bytes]]
    Template: TypeAlias = str | dict[str, Any]

    class Dialect(Protocol):
        """A path of the gateway. One with streams has `events`, too, as `StreamingDialect` says."""

        path: str

        def read(self, body: dict[str, Any]) -> dict[str, Any]:
            """The JSON object of a request as a chat completion. A ValueError is told to whoever asks."""
            raise NotImplementedError

        def reply(self, completion: Mapping[str, Any]) -> dict[str, Any]:
            """A chat completion in the dialect's words, as a JSON object."""
            raise NotImplementedError

    class StreamingDialect(Dialect, Protocol):
        """One with streams; `media_type` is theirs, where it is not `text/event-stream`."""

        def events(self) -> Events:
            """What makes the words of one stream."""
            raise NotImplementedError

    class Events(Protocol):
        """One stream."""

        def feed(self, chunk: Mapping[str, Any]) -> bytes:
            """What a chunk of a chat completion brings."""
            raise NotImplementedError

        def end(self) -> bytes:
            """What ends it."""
            raise NotImplementedError

        def failed(self, status: int, message: str, code: str = "") -> bytes:
            """What says that it failed."""
            raise NotImplementedError
