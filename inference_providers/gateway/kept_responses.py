"""Responses that were made here of chat completions, kept for a day: a conversation goes on from any of them.

Each is kept with its own input alone, and the id of the one that it goes on from. What is used is kept for another day.
"""

from __future__ import annotations

import itertools
import json
import os
import re

from inference_providers.gateway.refused import Refused
from inference_providers.gateway.replies import Replies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.state import RedisLink

    Record = Mapping[str, Any]

NAME = "gateway-responses.db"
HOURS = 24
MOST = 64 * 1024 * 1024  # characters of one conversation
_HEAD = "resp_"
# Ids of what is made here: of a response, and of what is in it, which has its response's in it.
_OURS = re.compile(r"[a-z]{1,8}_gw([0-9a-f]{32})([0-9a-f]*)").fullmatch
_BRIEF = {"message": "msg_", "function_call": "fc_", "function_call_output": "fco_", "reasoning": "rs_"}


def ids() -> Callable[[str], str]:
    """What makes the ids of one response: of itself, and of all that is in it."""
    key, numbers = os.urandom(16).hex(), itertools.count()
    return lambda prefix: f"{prefix}gw{key}" + ("" if prefix == _HEAD else f"{next(numbers):03x}")


def is_ours(id: Any) -> bool:
    """Whether an id is of something that was made here, whether or not it is still kept."""
    return isinstance(id, str) and _OURS(id) is not None


def gone(id: str, parameter: str = "") -> Refused:
    """The error that says that something is not kept here, or not any longer."""
    return Refused(
        404,
        f"There is no {id[:80]!r} here. A response that is translated is kept for {HOURS} hours after it was last "
        "used, unless it was asked for with store=false, deleted, or too large. Send the whole conversation as input.",
        "previous_response_not_found" if parameter == "previous_response_id" else "not_found",
        parameter=parameter or None,
    )


class KeptResponses:
    """Those of all callers. Whatever reads or writes may wait for a disk: not for an event loop's own thread."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    @classmethod
    def of(cls, environ: Mapping[str, str], link: RedisLink | None = None) -> KeptResponses:
        """This user's; with a *link*, those of all who share what it leads to."""
        return cls(Replies.of(environ, NAME, HOURS * 3600.0, link))

    def __repr__(self) -> str:
        return f"<KeptResponses {self._replies!r}>"

    def keep(self, caller: str, response: Record, items: Sequence[Record], new_id: Callable[[str], str]) -> bool:
        """Keep a response, with the items of its own input; whether it is kept."""
        named = [
            item if isinstance(item.get("id"), str) else {**item, "id": new_id(_BRIEF.get(kind_of(item), "item_"))}
            for item in items
        ]
        record = {"response": response, "input": named, "previous": response.get("previous_response_id")}
        return self._replies.put(caller, str(response["id"]), record)

    def find(self, caller: str, id: str) -> Record | None:
        """A response with its input; None for one that is not kept."""
        return self._replies.get(caller, id)

    def items(self, caller: str, wanted: Sequence[str]) -> dict[str, Record]:
        """Items of responses, or of their input, by their own ids, of which one may be named often.

        Raises Refused: 404 for one that is not kept, 413 for too much in all.
        """
        made: dict[str, Record] = {}
        read: dict[str, dict[str, Record]] = {}  # the items of a response, by what its ids have in common
        size = 0
        for id in wanted:
            found = _OURS(id)
            key = found[1] if found else ""
            if key not in read:
                record = self.find(caller, f"{_HEAD}gw{key}")
                listed = [*record["response"]["output"], *record["input"]] if record else []
                size = _within(size + len(json.dumps(listed)), "input")
                read[key] = {item["id"]: item for item in listed[::-1] if "id" in item}
            if id not in read[key]:
                raise gone(id, "input")
            made[id] = read[key][id]
            size = _within(size + len(json.dumps(made[id])), "input")
        return made

    def history(self, caller: str, id: str) -> list[Record]:
        """All items of a conversation up to a response, its output included. They are kept for another day.

        Raises Refused (404) where any of it is not kept, since half a conversation is another one.
        """
        links = self._links(caller, id)
        self._replies.renew(caller, [str(record["response"]["id"]) for record in links])
        return [item for record in links for item in (*record["input"], *record["response"]["output"])]

    def input_of(self, caller: str, id: str) -> list[Record]:
        """All items that a response was made of. Raises Refused (404)."""
        links = self._links(caller, id)
        before = [item for record in links[:-1] for item in (*record["input"], *record["response"]["output"])]
        return [*before, *links[-1]["input"]]

    def _links(self, caller: str, id: str) -> list[Record]:
        """The responses of a conversation up to one, the first first."""
        links: list[Record] = []
        size, wanted = 0, id
        while wanted:
            record = self.find(caller, wanted)
            if record is None:
                raise gone(wanted, "previous_response_id")
            size = _within(size + len(json.dumps(record)), "previous_response_id")
            links.append(record)
            wanted = record["previous"] or ""
        return links[::-1]

    def remove(self, caller: str, id: str) -> bool:
        """Keep a response no longer; whether it was there."""
        return self._replies.remove(caller, id)

    def purge(self, caller: str) -> int:
        """Keep nothing of this caller's any longer; how many there were."""
        return self._replies.purge(caller)


def _within(size: int, parameter: str) -> int:
    """A size of what is recalled, in characters. Raises Refused (413) for too much."""
    if size > MOST:
        raise Refused(
            413, "The conversation is too long to be kept here: send what is needed of it as input.",
            "conversation_too_long", parameter=parameter,
        )  # fmt: skip
    return size


def kind_of(item: Record) -> str:
    """The type of an item; a message may go without."""
    kind = item.get("type") or "message"
    return kind if isinstance(kind, str) else ""
