"""Providers asked for their own lists of models, each with its key: free requests, and no calls of the program.

So they say nothing about who is well: neither health nor listeners nor stages hear of them. Whatever comes back is a
stranger's word, and bounded.
"""

from __future__ import annotations

import time

from inference_providers.calls.listing import PATH, kinds_of
from inference_providers.calls.reply import judge
from inference_providers.calls.trial import error_body, running
from inference_providers.credentials import Secret
from inference_providers.errors import AuthenticationError
from inference_providers.offers import LiveList
from inference_providers.protocols import ModelRequest, classify, fit
from inference_providers.transport import Request, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    from inference_providers.errors import ProviderError
    from inference_providers.offers import Offer
    from inference_providers.transport import Sender

    T = TypeVar("T")
    R = TypeVar("R")

LIMIT = 10.0  # seconds for all of them together
AT_ONCE = 16  # providers
MOST = 5000  # models of one list
_CAP = 8 * 1024 * 1024  # bytes of one reply


class Told:
    """What a provider replied: `content`, or the `error`, whose words hold no key. `dead`: the key is refused."""

    __slots__ = ("content", "dead", "error")

    def __init__(self, content: bytes = b"", error: ProviderError | None = None, *, dead: bool = False) -> None:
        self.content, self.error, self.dead = content, error, dead

    def __repr__(self) -> str:
        return f"<Told {self.error or f'{len(self.content)} bytes'}>"

    def models(self, offer: Offer, now: float) -> LiveList | None:
        """The list that the reply is; None where it is none."""
        found = None if self.error is not None else kinds_of(self.content, MOST)
        if found is None:
            return None
        return LiveList(offer.row(), found[0], found[1], asked=now, whole=found[2])


def model_list(sender: Sender, offer: Offer, limit: float, *, keyless: bool = False) -> Told:
    """What a provider replies within *limit* seconds that is asked what it has. *keyless*: by nobody in particular."""
    row: Mapping[str, Any] = offer.connection.get("list") or {}
    return _told(sender, offer, str(row.get("path") or PATH), limit, row, keyless=keyless)


def key_check(sender: Sender, offer: Offer, limit: float) -> Told | None:
    """What it replies that is asked about the key alone; None where the registry knows no such page of it."""
    row: Mapping[str, Any] = offer.connection.get("list") or {}
    return _told(sender, offer, str(row["check"]), limit, row) if row.get("check") else None


def _told(
    sender: Sender, offer: Offer, path: str, limit: float, row: Mapping[str, Any], *, keyless: bool = False
) -> Told:
    request = ModelRequest(path=path, method="GET")
    try:
        if keyless:
            sent = Request("GET", offer.endpoint + path, {"Accept": "application/json", **(row.get("headers") or {})})
        else:
            limit = running(offer, limit)  # a key that is exchanged for a token is of no use itself
            sent = fit(request, offer).to_send()
            sent.headers = {**sent.headers, **(row.get("headers") or {})}
            if (header := row.get("key")) and offer.api_key is not None:  # in a header of the provider's own
                sent.headers.pop("Authorization", None)
                sent.headers[header] = Secret(offer.api_key)
        response = sender.send(sent, limit=max(limit, 0.001))
        content = response.read(_CAP) if response.status in classify.SUCCESS else error_body(response)
    except WireError as error:
        return Told(error=classify.failure(error, offer.provider, at=offer.moved()).error)
    verdict = judge(response.status, response.headers, content, offer, request)
    if verdict.error is None:
        return Told(content)
    dead = verdict.action == classify.DEAD and isinstance(verdict.error, AuthenticationError)
    return Told(error=verdict.error, dead=dead)


def at_once(ask: Callable[[T, float], R], items: Sequence[T], seconds: float) -> list[R | None]:
    """What each comes to, asked with the seconds that are left, in their order; None for what has not come in time.

    In threads that no program waits for at its end: a name may take its time to be looked up. What *ask* raises is
    raised in them.
    """
    from queue import Empty, SimpleQueue
    from threading import Thread

    until = time.monotonic() + seconds
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, R | None]] = SimpleQueue()
    for index in range(len(items)):
        waiting.put(index)

    def work() -> None:
        while (left := until - time.monotonic()) > 0:
            try:
                index = waiting.get_nowait()
            except Empty:
                return
            found = None
            try:
                found = ask(items[index], left)
            finally:
                done.put((index, found))

    for _ in range(min(AT_ONCE, len(items))):
        Thread(target=work, daemon=True, name="inference_providers list").start()
    results: list[R | None] = [None] * len(items)
    try:
        for _ in items:
            index, found = done.get(timeout=max(until - time.monotonic(), 0.0))
            results[index] = found
    except Empty:
        pass
    return results
