"""What is said to a Redis: scripts, each of which it runs as one step."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

SPACE = "{inference_providers}"  # before all of our keys; the braces keep them together in a cluster

# What is told may reach Redis twice, when its reply is lost: each has a number, of which a later one is never told
# before. So a number that is not above the last is of something that is done.
_ONCE = """
local told, number = table.remove(KEYS), tonumber(table.remove(ARGV))
if number <= tonumber(redis.call('GET', told) or '0') then return 0 end
redis.call('SET', told, number, 'EX', 3600)
"""


class Script:
    """A script that Redis runs as one step; `digest` is what it is called there once it has been loaded."""

    __slots__ = ("digest", "once", "text")

    def __init__(self, text: str, *, once: bool = False) -> None:
        """*once*: to be told, and never to be run twice for one telling."""
        from hashlib import sha1

        self.text, self.once = _ONCE + text if once else text, once
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Said:
    """A script with what it is given. then: hears what came of it, an exception where it failed."""

    __slots__ = ("arguments", "keys", "script", "then")

    def __init__(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Any] = (),
        then: Callable[[Any], None] | None = None,
    ) -> None:
        self.script, self.keys, self.arguments, self.then = script, keys, arguments, then
