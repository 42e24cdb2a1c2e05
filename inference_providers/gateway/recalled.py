"""A request for a response, with all that it goes on from and that is kept here."""

from __future__ import annotations

import json

from inference_providers.gateway.kept_responses import KeptResponses, gone, is_ours
from inference_providers.gateway.messages import Incoming
from inference_providers.protocols import responses_in, responses_thoughts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.protocols import AskedResponse

_SIGNS = (b"_gw", b"ip1.")  # in whatever names what was made here


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
            self.items = [self._item(item) for item in given]
            self.body = {**self.body, "input": self.items}
        previous = self.body.get("previous_response_id")
        if is_ours(previous):
            self._history = kept.history(self._caller, str(previous))
        if self._history is not None or any(sign in incoming.content for sign in _SIGNS):
            self._put_otherwise(incoming, given)

    def _item(self, item: Any) -> Any:
        """An item, or that which a reference stands for."""
        if not isinstance(item, dict) or item.get("type") not in (None, "item_reference") or "role" in item:
            return item
        id_ = item.get("id")
        if not is_ours(id_):
            return item
        found = self._kept.item(self._caller, str(id_))
        if found is None:
            raise gone(str(id_), "input")
        return found

    def _put_otherwise(self, incoming: Incoming, given: Any) -> None:
        listed = [*(self._history or ()), *self.items]
        plain = [one for item in listed if (one := _plain(item)) is not None]
        if self._history is None and plain in (given, listed):
            return
        self._native = {name: value for name, value in self.body.items() if name != "previous_response_id"}
        self._native["input"] = plain
        self.incoming = Incoming(
            incoming.method, incoming.path, incoming.caller, content=json.dumps(self._native).encode(),
            query_string=incoming.query_string, headers=incoming.headers, values=incoming.values,
        )  # fmt: skip

    def read(self) -> AskedResponse:
        """The request as one for a chat completion. Raises InvalidRequestError."""
        return responses_in.read(self.body, history=self._history, native=self._native)


def _plain(item: Any) -> Any:
    """An item without what only this gateway can read; None for one that is nothing else."""
    if not isinstance(item, dict):
        return item
    own = is_ours(item.get("id"))
    if item.get("type") == "reasoning" and (own or responses_thoughts.is_sealed_here(item.get("encrypted_content"))):
        return None
    return {name: value for name, value in item.items() if name != "id"} if own else item
