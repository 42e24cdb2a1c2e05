"""What the end of a stream means, by what has come until then. Pure: a table, and its first row that fits."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

# What the end of a body means, by what has come until then: (what has, what has not, outcome). The first match wins.
# other: no chat, but another kind of stream. content: text, thoughts, a tool's call. finish, filtered, cut: a finish
# reason, content_filter, length. done: [DONE]. empty: whoever asked takes an answer without content.
WHOLE, WITHHELD = "an answer", "withheld by its content filter"
EMPTY, BROKEN_OFF = "the stream held no content", "the stream ended without a finish reason"
ENDS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("other", "content"), (), WHOLE),
    (("filtered",), ("content",), WITHHELD),
    ((), ("content", "finish", "done"), EMPTY),
    ((), ("content", "finish", "empty"), EMPTY),
    ((), ("finish", "done"), BROKEN_OFF),
    ((), ("content", "cut", "empty"), EMPTY),
    ((), (), WHOLE),
)


def outcome_of(seen: Container[str]) -> str:
    """What the end of a body means after this was seen of it: an outcome of `ENDS`."""
    return next(
        outcome
        for present, absent, outcome in ENDS
        if all(name in seen for name in present) and not any(name in seen for name in absent)
    )
