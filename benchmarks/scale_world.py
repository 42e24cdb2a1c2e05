"""Twenty providers for a while: outages, refused keys, limits by the minute and the second, and who asks when.

Nothing here knows how replicas decide. What a request meets is a function of the schedule, the time and what came in
the last minute, and the same for a simulation and for servers on loopback.
"""

from __future__ import annotations

import math
from collections import deque
from random import Random
from typing import NamedTuple

PROVIDERS = 20
MINUTE = 60.0
WARMING = 5.0  # seconds after an outage in which a provider takes only twice its usual share of a second
TOTAL = 20.0  # seconds that a call may take
KEY_REST = 20.0  # seconds that a refused key rests; an hour by default, which no run would see the end of
QUICK = 0.02  # seconds that a refusal takes
SURGE = (0.62, 0.77, 2.0)  # from, to (parts of the run), and how much more is asked then
TIGHT, AMPLE, MANY_TIGHT = 0.4, 2.2, 5  # limits, as multiples of an equal share of what is asked; the last five's
GONE = (0.33, 0.58)  # the part of the run in which Redis is gone, where it is


class Outage(NamedTuple):
    """A provider (by place) answers with a status from one part of the run to another."""

    place: int
    status: int
    begins: float
    ends: float


OUTAGES = (
    Outage(0, 503, 0.10, 0.25),
    Outage(1, 500, 0.20, 0.40),
    Outage(2, 503, 0.36, 0.50),  # while Redis is gone
    Outage(3, 401, 0.40, 0.55),  # a key
    Outage(4, 500, 0.60, 0.75),  # in the surge
)


class Plan(NamedTuple):
    """How large a run is.

    rate: calls a second of one replica, outside of the surge. most: a multiple of all limits, below 1 for an overload.
    """

    replicas: int
    seconds: float = 240.0
    rate: float = 1.0
    seed: int = 1
    most: float = 1.0

    def limit(self, place: int) -> int:
        """Requests that one provider takes in a minute."""
        share = self.replicas * self.rate * MINUTE / PROVIDERS * self.most
        return max(math.ceil(share * (TIGHT if place >= PROVIDERS - MANY_TIGHT else AMPLE)), 1)

    def calls(self, replica: int) -> list[tuple[float, float]]:
        """When one replica is asked, in seconds from the start, and how long an answer then takes.

        All start at once: two calls within the first tenth of a second.
        """
        random = Random(f"{self.seed} {replica}")
        found = [(random.uniform(0, 0.1), answer_time(random)) for _ in range(2)]
        at, (begins, ends, more) = 0.0, SURGE
        while True:
            busy = more if begins <= at / self.seconds < ends else 1.0
            at += random.expovariate(self.rate * busy)
            if at >= self.seconds:
                return sorted(found)
            found.append((at, answer_time(random)))

    def outages(self) -> list[tuple[Outage, float, float]]:
        """Each, with its seconds."""
        return [(one, one.begins * self.seconds, one.ends * self.seconds) for one in OUTAGES]


def answer_time(random: Random) -> float:
    """Seconds that an answer takes."""
    return min(random.lognormvariate(-0.9, 0.4), 3.0)


class Provider:
    """One provider. asked: requests that came. dead: those that met an outage. over: those beyond its minute."""

    def __init__(self, place: int, plan: Plan) -> None:
        self.place, self.limit = place, plan.limit(place)
        self.outages = [(status, begins, ends) for (at, status, *_), begins, ends in plan.outages() if at == place]
        self.by_second = max(2 * self.limit / MINUTE, 2.0)
        self._minute: deque[float] = deque()
        self._second: deque[float] = deque()
        self.asked = self.dead = self.over = self.crowded = 0

    def meets(self, now: float) -> tuple[int, float | None]:
        """The status of a request that arrives, and seconds to wait where it says so."""
        self.asked += 1
        minute, second = self._minute, self._second
        while minute and minute[0] <= now - MINUTE:
            minute.popleft()
        for status, begins, ends in self.outages:
            if begins <= now < ends:
                self.dead += 1
                return status, None
            if ends <= now < ends + WARMING:
                while second and second[0] <= now - 1:
                    second.popleft()
                if len(second) >= self.by_second:
                    self.crowded += 1
                    return 503, None
                second.append(now)
        if len(minute) >= self.limit:
            self.over += 1
            return 429, float(max(math.ceil(minute[0] + MINUTE - now), 1))
        minute.append(now)
        return 200, None
