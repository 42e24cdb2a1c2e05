"""An entry of a cache, and what every store of them does. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Store(Protocol):
        """Where entries are kept. Whatever is wrong with it costs no call: nothing is found then, and nothing kept."""

        waits: bool  # whether writing may take longer than asyncio should wait

        def get(self, key: bytes, now: float, oldest: float) -> Entry | None:
            """The entry under a key, made after *oldest* and not past its time; it counts as used."""
            raise NotImplementedError

        def put(self, key: bytes, entry: Entry, now: float) -> None:
            """Keep an entry; those that were used longest ago make room for it."""
            raise NotImplementedError

        def discard(self, key: bytes) -> None:
            """Keep one no longer."""
            raise NotImplementedError

        def clear(self, kind: str = "") -> int:
            """Keep none of a kind, or none at all; how many there were."""
            raise NotImplementedError

        def purge(self, caller: str) -> int:
            """Keep none that was made for a caller; how many there were."""
            raise NotImplementedError

        def counts(self) -> list[dict[str, Any]]:
            """A row for each kind: `kind`, `count`, `size` in bytes, `oldest` (when it was made), `hits`."""
            raise NotImplementedError

        def close(self) -> None:
            """Write what is to be written."""
            raise NotImplementedError


OVERHEAD = 256  # bytes that an entry counts for beside its content


class Entry:
    """One reply: its kind, whose it is, its bytes as they came, and when it was made and will be too old (epoch).

    caller: for whom it was made, where a program serves several; else empty.
    """

    __slots__ = ("caller", "content", "created", "expires", "kind", "model", "provider")

    def __init__(
        self,
        kind: str,
        provider: str,
        model: str,
        content: bytes,
        created: float,
        expires: float | None,
        caller: str = "",
    ) -> None:
        self.kind, self.provider, self.model, self.content = kind, provider, model, content
        self.created, self.expires, self.caller = created, expires, caller

    def __repr__(self) -> str:
        return f"<Entry {self.kind} of {self.provider}/{self.model}, {len(self.content)} bytes>"

    @property
    def size(self) -> int:
        """Bytes that it counts for."""
        return len(self.content) + OVERHEAD

    def holds(self, now: float, oldest: float) -> bool:
        """Whether it is young enough."""
        return self.created > oldest and (self.expires is None or now < self.expires)
