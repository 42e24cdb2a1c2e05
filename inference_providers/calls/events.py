"""What a call tells those who listen, and where others may stand before and after it.

Events hold times, tokens, prices and outcomes; no key, no prompt, no word of an answer or of a server. Times are
those of `time.monotonic`, in seconds: they can be subtracted, and say nothing of the day.
"""

from __future__ import annotations

import itertools
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.offers import Offer
    from inference_providers.usage import Usage

    # One with a true `ends_alone` is not told of beginnings and attempts, which then cost nothing.
    Listener = Callable[["Event"], None]

OK = "ok"
CLOSED = "closed"  # whoever read a stream has left it before its end
next_number = itertools.count(1).__next__


class Event:
    """Something that happened in a call. call: its number within this process. at: when."""

    __slots__ = ("at", "call")

    def __init__(self, call: int) -> None:
        self.call, self.at = call, time.monotonic()

    def as_dict(self) -> dict[str, Any]:
        """Its name and its values, for JSON."""
        usage = {"usage": made.as_dict()} if (made := getattr(self, "usage", None)) is not None else {}
        return {"event": type(self).__name__, **self._fields(), **usage}

    def __repr__(self) -> str:
        fields = " ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"<{type(self).__name__} {fields}>"

    def _fields(self) -> dict[str, Any]:
        names = [name for kind in reversed(type(self).__mro__) for name in sorted(getattr(kind, "__slots__", ()))]
        return {name: getattr(self, name) for name in names}


class CallStarted(Event):
    """A request is about to be answered. path: which API. candidates: how many may be asked."""

    __slots__ = ("candidates", "path", "streams")

    def __init__(self, call: int, path: str, candidates: int, streams: bool) -> None:
        super().__init__(call)
        self.path, self.candidates, self.streams = path, candidates, streams


class AttemptFinished(Event):
    """One try of a candidate is over.

    outcome: `ok`, or the kind of error. status: of the HTTP response, None without one. seconds: how long it took.
    """

    __slots__ = ("canonical_name", "model", "outcome", "provider", "seconds", "status")

    def __init__(self, call: int, attempt: Attempt) -> None:
        super().__init__(call)
        self.provider, self.model, self.canonical_name = attempt.provider, attempt.model, attempt.canonical_name
        self.outcome = OK if attempt.error is None else type(attempt.error).__name__
        self.status, self.seconds = attempt.status, attempt.seconds


class FirstContent(Event):
    """A stream has brought its first content. seconds: since the call began."""

    __slots__ = ("model", "provider", "seconds")

    def __init__(self, call: int, offer: Offer, seconds: float) -> None:
        super().__init__(call)
        self.provider, self.model, self.seconds = offer.provider, offer.internal_name, seconds


class CallFinished(Event):
    """A call is over: it has its reply, or its error; of one that streams, the stream is open.

    provider, model, canonical_name: who answered, None where nobody did. usage: `Usage`, in tokens, cost: USD; both
    None where they are unknown (of a stream they come with `StreamFinished`). outcome: `ok`, or the kind of error.
    attempts: how many tries it took. seconds: how long. cached: whether the reply was kept from another call, and cost
    nothing.
    """

    __slots__ = ("attempts", "cached", "canonical_name", "cost", "model", "outcome", "provider", "seconds", "usage")

    def __init__(
        self,
        call: int,
        offer: Offer | None,
        outcome: str,
        attempts: int,
        seconds: float,
        usage: Usage | None = None,
        cost: float | None = None,
        *,
        cached: bool = False,
    ) -> None:
        self.call, self.at = call, time.monotonic()
        self.provider = self.model = self.canonical_name = None
        if offer is not None:
            self.provider, self.model, self.canonical_name = offer.provider, offer.internal_name, offer.canonical_name
        self.outcome, self.attempts, self.seconds, self.usage, self.cost = outcome, attempts, seconds, usage, cost
        self.cached = cached


class StreamFinished(CallFinished):
    """A stream is over: at its end (`ok`), left before it (`closed`), or broken. seconds: since the call began."""

    __slots__ = ()
