"""Replies that may be read again for a while, in a Redis: from whichever gateway. Each goes when its time is over."""

from __future__ import annotations

import json
from typing import Any

from inference_providers.gateway.ids import is_text
from inference_providers.gateway.replies import LARGEST, Replies
from inference_providers.state import SPACE, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.state import RedisLink

REPLIES, OWN = f"{SPACE}:reply:", f"{SPACE}:replies-of:"
_PUT = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
redis.call('SADD', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[2]))
return 1
""")
_GET = Script("return redis.call('GETRANGE', KEYS[1], 0, tonumber(ARGV[1]))")
_RENEW = Script("for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], tonumber(ARGV[1])) end return 1")
_REMOVE = Script("redis.call('SREM', KEYS[2], KEYS[1]) return redis.call('DEL', KEYS[1])")
_PURGE = Script("""
local count = 0
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do count = count + redis.call('DEL', key) end
redis.call('DEL', KEYS[1])
return count
""")


class RedisReplies(Replies):
    """The replies of all callers of all gateways; in memory what could not be written."""

    def __init__(self, link: RedisLink, name: str, seconds: float) -> None:
        super().__init__(None, seconds=seconds)
        self._link, self._name = link, name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._link.place}>"

    def put(self, caller: str, id_: str, details: Mapping[str, Any]) -> bool:
        """Keep one; whether it is kept: one that is too large is not."""
        content = json.dumps(details, ensure_ascii=False).encode("utf-8", "replace")
        if len(content) > LARGEST:
            return False
        if self._link.ask(_PUT, self._keys(caller, id_), content, int(self._seconds * 1000)) is None:
            self._memory.put(caller, id_, details)
        return True

    def get(self, caller: str, id_: str) -> Mapping[str, Any] | None:
        """What was kept for this caller; None for anything else."""
        found = self._memory.get(caller, id_)
        if found is not None or not is_text(id_):
            return found
        content = self._link.ask(_GET, self._keys(caller, id_)[:1], LARGEST)
        try:
            details = json.loads(content) if content else None
        except (ValueError, RecursionError):
            return None
        return details if isinstance(details, dict) else None

    def renew(self, caller: str, ids: Sequence[str]) -> None:
        """Keep some as long as if they came now."""
        super().renew(caller, ids)
        keys = [self._keys(caller, one)[0] for one in ids if is_text(one)]
        if keys:
            self._link.tell(_RENEW, [*keys, self._keys(caller, "")[1]], int(self._seconds * 1000))

    def remove(self, caller: str, id_: str) -> bool:
        """Keep one no longer; whether it was there."""
        found = self._memory.remove(caller, id_)
        return bool(is_text(id_) and self._link.ask(_REMOVE, self._keys(caller, id_))) or found

    def purge(self, caller: str) -> int:
        """Keep nothing of this caller's any longer; how many there were."""
        own = self._memory.purge(caller)
        return own + (self._link.ask(_PURGE, self._keys(caller, "")[1:]) or 0)

    def _keys(self, caller: str, id_: str) -> list[str]:
        # The length keeps a caller's name apart from what follows, whatever is in it.
        whose = f"{self._name}:{len(caller)}:{caller}"
        return [f"{REPLIES}{whose}:{id_}", f"{OWN}{whose}"]
