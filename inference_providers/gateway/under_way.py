"""What is being asked now in this process, and what was lately: for whoever watches. No word of what is said."""

from __future__ import annotations

import time
from collections import deque

from inference_providers.calls import CallFinished, FirstContent, Stage, StreamFinished
from inference_providers.chat import names_of
from inference_providers.gateway.metering import asking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import Call, Event, Pipeline

_LONG = 200  # characters of a model's name
LATEST = 100  # calls that are over
MOST_OPEN = 5000  # calls whose end nobody has told would otherwise be kept for good


class Seen:
    """One call. began: by `time.monotonic`, at: in seconds since 1970. seconds: until its end, None before that.

    caller: its id, empty for the administrator. first: seconds until its first content.
    """

    __slots__ = (
        "_call", "asked", "at", "attempts", "began", "cached", "caller", "cost", "first", "input", "model", "number",
        "outcome", "output", "provider", "seconds", "streams",
    )  # fmt: skip

    def __init__(self, call: Call) -> None:
        self._call: Call | None = call
        asked, one = call.request.asked, asking.get()
        name = asked if type(asked) is str else "auto" if asked is None else ", ".join(names_of(asked))
        self.asked = name[:_LONG]
        self.caller = "" if one is None or one.caller.is_admin else one.caller.id
        self.number, self.began, self.at, self.streams = call.number, call.started, time.time(), call.request.streams
        self.provider = self.model = self.outcome = ""
        self.first: float | None = None
        self.seconds: float | None = None
        self.input: int | None = None
        self.output: int | None = None
        self.cost: float | None = None
        self.attempts, self.cached = 0, False

    def __repr__(self) -> str:
        return f"<Seen {self.outcome or 'under way'}>"

    @property
    def is_open(self) -> bool:
        """Whether its stream is open."""
        return self._call is not None and self._call.is_open

    @property
    def tried(self) -> list[tuple[str, bool]]:
        """Who was asked so far, and whether that failed."""
        attempts = () if self._call is None else tuple(self._call.attempts)
        return [(one.provider, one.error is not None) for one in attempts]

    @property
    def rate(self) -> float | None:
        """Tokens a second, from its first content on where that is known; None before its end."""
        if not self.output or self.seconds is None:
            return None
        wrote = self.seconds - (self.first or 0.0)
        return self.output / wrote if wrote > 0 else None

    def end(self, event: CallFinished) -> None:
        """It is over."""
        call, self._call = self._call, None
        self.outcome, self.seconds, self.attempts = event.outcome, event.seconds, event.attempts
        self.provider, self.model, self.cached = event.provider or "", event.model or "", event.cached
        if not self.provider and call is not None and call.attempts:
            self.provider, self.model = call.attempts[-1].provider, call.attempts[-1].model
        self.cost = event.cost
        if event.usage is not None:
            self.input, self.output = event.usage.input_tokens, event.usage.output_tokens


class UnderWay(Stage):
    """Stands around the calls of a gateway's process. For one event loop."""

    def __init__(self) -> None:
        self._open: dict[int, Seen] = {}
        self._over: deque[Seen] = deque(maxlen=LATEST)

    def __repr__(self) -> str:
        return f"<UnderWay of {len(self._open)} calls>"

    def attach(self, pipeline: Pipeline) -> None:
        """Watch the calls of a pipeline, also those that others answer."""
        pipeline.stages.insert(0, self)
        pipeline.listeners.append(self.hear)

    def open(self) -> list[Seen]:
        """What is under way, the latest first."""
        return list(reversed(tuple(self._open.values())))

    def over(self) -> list[Seen]:
        """What was, the latest first."""
        return list(reversed(tuple(self._over)))

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more, by its id."""
        self._over = deque((one for one in self._over if one.caller != caller), LATEST)

    def before(self, call: Call) -> None:
        """A call begins."""
        if not call.request.api:
            return  # no model is asked
        if len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open)), None)
        self._open[call.number] = Seen(call)

    def hear(self, event: Event) -> None:
        """What comes of it."""
        seen = self._open.get(event.call)
        if seen is None:
            return
        if type(event) is FirstContent:
            seen.provider, seen.model, seen.first = event.provider, event.model, event.seconds
        elif isinstance(event, CallFinished) and (type(event) is StreamFinished or not seen.is_open):
            del self._open[event.call]
            seen.end(event)
            self._over.append(seen)

    hear.ends_alone = True  # type: ignore[attr-defined]
