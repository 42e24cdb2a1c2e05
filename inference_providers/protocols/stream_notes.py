"""What is noted of a stream while it is read. Pure."""

from __future__ import annotations

from inference_providers import chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Notes:
    """What has come of a stream so far, as the readers of its chunks note it."""

    __slots__ = {  # noqa: RUF023  (in the order in which they come)
        "started": "Content has come (text, thoughts, a tool's call; anything, of a stream that is not read).",
        "finished": "A finish reason has come: the answer is whole, whatever becomes of the connection.",
        "resting": "It has come for every answer, and nothing but usage and the farewell is still to come.",
        "done": "`[DONE]`, or what stands for it, has come: what follows is not read.",
        "usage": "Tokens used, as the chunks have told of them so far.",
        "choices": "How many answers were asked for.",
        "finishes": "The answers that have a finish reason.",
        "filtered": "The finish reason is `content_filter`.",
        "cut": "The finish reason is `length`.",
        "words": "The text so far, for `.partial`.",
        "thoughts": "How many characters of thoughts have come.",
        "other": "How many bytes of chunks have come that hold more than text.",
        "odd": "The last chunk may be of another form than SDKs read.",
    }

    def __init__(self, choices: int) -> None:
        self.choices = choices
        self.finishes: set[int] = set()
        self.words, self.thoughts, self.other = chat.Pieces(), 0, 0
        self.filtered = self.cut = self.started = self.finished = self.resting = self.done = False
        self.odd = False
        self.usage: Any = None

    def error(self, body: Mapping[str, Any], what: str = "an error without a message") -> None:
        """An error has come in place of a chunk, or in one. Raises TruncatedStreamError after first content."""
        raise NotImplementedError

    def fail(self, what: str) -> None:
        """The stream is not an answer. Raises TruncatedStreamError after first content."""
        raise NotImplementedError
