"""Lanes whose permits are leased: what one of several workers may do of what all together may. Pure but for the clock.

A `LeasedPace` stands in a batch where its `Pace` would be. Its lanes do not find their own limits: they count what
comes of their calls, tell it (`report`), and take what they are given (`granted`) by whoever knows of all workers
(`routing.Permits`).
"""

from __future__ import annotations

from inference_providers.routing.concurrency import FIRST_PAUSE, ConcurrencyLimiter, Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypedDict

    Lane = tuple[str, str]  # a provider, and its name for a model

    class Report(TypedDict):
        """What a worker tells of a lane since it told last."""

        held: int  # permits that it holds
        busy: int  # requests under way
        used: int  # permits that were used at once; all that are held, if a request had to wait for one
        wants: int  # permits that it could use
        answered: int
        refusals: list[tuple[float, float | None]]  # seconds ago that the request went out; seconds to wait, if said
        unused: int  # starts that it was granted and did not need
        extra: int  # requests that came here though another lane was meant to have them
        tokens: float  # taken
        need: float  # tokens that its next request may take

    class Grant(TypedDict):
        """What a worker may do in a lane until it is told anew."""

        permits: int  # requests at once
        starts: int | None  # requests that may begin; None where nobody counts them
        pause: float  # seconds for which the lane is closed


VALID = 3.0  # seconds for which a worker goes by what it was told last


class LeasedLane(ConcurrencyLimiter):
    """The share that one worker has of a lane."""

    __slots__ = ("_answered", "_extra", "_need", "_peak", "_refusals_heard", "_took", "expires", "short", "starts")

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, None, None, adaptive=False)
        self.starts: int | None = 0
        self.expires = 0.0
        self.short = True  # whether a request had to wait for a permit: the one that it was made for
        self._answered = self._extra = self._peak = 0
        self._took = self._need = 0.0
        self._refusals_heard: list[tuple[float, float | None]] = []  # when the request went out, and the wait

    def wait(self, now: float) -> float | None:
        """Seconds until a request may start; None where that depends on permits, which may come at any time."""
        if self.busy >= int(self.limit) or now > self.expires or (self.starts is not None and self.starts < 1):
            self.short = True
            return None
        return max(self.opens - now, 0.0)

    def start(self, tokens: float) -> None:
        """A request goes out, which will take about so many tokens."""
        self.busy += 1
        self._peak = max(self._peak, self.busy)
        self._took += tokens
        self._need = tokens
        if self.starts is not None:
            self.starts -= 1

    def count(self, requests: int) -> None:
        """Requests that came here though another lane was meant to have them; below zero, that went elsewhere."""
        self._extra += requests

    def went_well(self) -> None:
        """An answer came."""
        self._answered += 1

    def was_refused(self, now: float, started: float, retry_after: float | None) -> None:
        """Too much at once. This worker stops for a moment by itself: what all do is told to it a little later."""
        self.refused = True
        self._refusals_heard.append((started, retry_after))
        self.opens = max(self.opens, now + (retry_after or FIRST_PAUSE))

    def done(self, too_many_tokens: float) -> None:
        """A request has ended; it took fewer tokens than was thought, or more."""
        self.busy -= 1
        self._took -= too_many_tokens

    def report(self, now: float, backlog: int) -> Report:
        """What happened since the last report. *backlog*: questions of this worker that are not on their way."""
        wants = self._peak + backlog if self.short else min(self._peak + 1, self.busy + backlog)
        made: Report = {
            "held": int(self.limit),
            "busy": self.busy,
            "used": max(self._peak, int(self.limit)) if self.short else self._peak,
            "wants": wants,
            "answered": self._answered,
            "refusals": [(now - started, wait) for started, wait in self._refusals_heard],
            "unused": self.starts or 0,
            "extra": self._extra,
            "tokens": self._took,
            "need": self._need,
        }
        if self.starts is not None:
            self.starts = 0  # given back with the report
        self._answered = self._extra = 0
        self._peak, self._took, self.short = self.busy, 0.0, False
        self._refusals_heard = []
        return made

    def granted(self, grant: Grant, now: float, asked: float) -> None:
        """Take over what was granted to a report of *asked*."""
        self.limit = float(grant["permits"])
        self.starts = grant["starts"]
        self.opens = max(self.opens, now + grant["pause"]) if grant["pause"] else self.opens
        self.expires = asked + VALID


class LeasedPace(Pace):
    """The lanes of one worker. *hungry* is called when a lane needs permits that it has none of."""

    def __init__(self, most: int, clock: Callable[[], float], hungry: Callable[[], None], *, tokens: bool) -> None:
        super().__init__(most, clock)
        self._hungry, self.counts_tokens = hungry, tokens
        self.leased: dict[Lane, LeasedLane] = {}

    def lane(self, provider: str, model: str) -> ConcurrencyLimiter:
        """The lane of one offer."""
        found = self.leased.get((provider, model))
        if found is None:
            found = self.leased[provider, model] = LeasedLane()
            self.lanes[provider, model] = found
            self._hungry()
        return found

    def report(self, backlog: int) -> dict[Lane, Report]:
        """What to tell of each lane."""
        now = self.clock()
        return {key: lane.report(now, backlog) for key, lane in self.leased.items()}

    def granted(self, grants: Mapping[Lane, Grant], asked: float) -> None:
        """Take over what was granted to a report of *asked*."""
        now = self.clock()
        for key, grant in grants.items():
            self.leased[key].granted(grant, now, asked)
