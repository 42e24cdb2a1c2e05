"""A request for a response, with all that it goes on from and that is kept here."""

from __future__ import annotations

import json
import re

from inference_providers.gateway.kept_responses import KeptResponses, is_ours
from inference_providers.gateway.messages import Incoming
from inference_providers.protocols import responses_in, responses_thoughts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.protocols import AskedResponse

_ABOUT_THOUGHTS = re.compile(r"encrypted[ _]content|item (with id )?'rs_").search


class Recalled:
    """body: as it came, but for references to items, in whose place those items stand. items: its own input.

    incoming: the request as a provider of the API can take it, which knows nothing of what is kept here. What was made
    here waits for a disk to be found. Raises Refused for what is not kept (404), or for a body that is no JSON.
    """

    def __init__(self, kept: KeptResponses, incoming: Incoming) -> None:
        self._kept, self._caller = kept, incoming.caller.id
        self.body, self.incoming = incoming.json(), incoming
        self._history: list[Any] | None = None
        self._native: dict[str, Any] | None = None
        given = self.body.get("input")
        self.items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else []
        if isinstance(given, list):
            self.items = self._whole(given)
            self.body = {**self.body, "input": self.items}
        previous = self.body.get("previous_response_id")
        if is_ours(previous):
            self._history = kept.history(self._caller, str(previous))
            listed = [*self._history, *self.items]
            self._native = {name: value for name, value in self.body.items() if name != "previous_response_id"}
            self._native["input"] = listed
            self.incoming = Incoming(
                incoming.method, incoming.path, incoming.caller, content=json.dumps(self._native).encode(),
                query_string=incoming.query_string, headers=incoming.headers, values=incoming.values,
            )  # fmt: skip

    def _whole(self, given: list[Any]) -> list[Any]:
        """Items, with those that references stand for in their place."""
        named = [_named_here(item) for item in given]
        found = self._kept.items(self._caller, [name for name in named if name])
        return [found[name] if name else item for item, name in zip(given, named, strict=True)]

    def read(self) -> AskedResponse:
        """The request as one for a chat completion. Raises InvalidRequestError."""
        return responses_in.read(self.body, history=self._history, native=self._native)


def plainer(body: Mapping[str, Any], refused: str = "?") -> dict[str, Any] | None:
    """A request without what only this gateway can read, for a provider of the API; None where there is nothing of it.

    refused: the words of a refusal. Where those are of thoughts that somebody else encrypted or keeps, none stays.
    """
    given = body.get("input")
    if not isinstance(given, list) or (refused != "?" and not _ABOUT_THOUGHTS(refused.lower())):
        return None
    if refused == "?":
        plain = [one for item in given if (one := _plain(item)) is not None]
    else:  # what follows them is told apart by the ids that it had with them
        plain = [_unnamed(item) for item in given if not _is_thought(item)]
        if len(plain) == len(given):
            return None
    return None if plain == given else {**body, "input": plain}


def _plain(item: Any) -> Any:
    """An item without what only this gateway can read; None for one that is nothing else."""
    if not isinstance(item, dict):
        return item
    own = is_ours(item.get("id"))
    if _is_thought(item) and (own or responses_thoughts.is_sealed_here(item.get("encrypted_content"))):
        return None
    return _unnamed(item) if own else item


def _is_thought(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _is_reference(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") in (None, "item_reference") and "role" not in item


def _named_here(item: Any) -> str:
    """The id of what was made here, where an item is a reference to that; else empty."""
    return str(item["id"]) if _is_reference(item) and is_ours(item.get("id")) else ""


def _unnamed(item: Any) -> Any:
    """An item without its id; one that is nothing else keeps it."""
    if not isinstance(item, dict) or _is_reference(item):
        return item
    return {name: value for name, value in item.items() if name != "id"}
