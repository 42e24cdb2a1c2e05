"""Permits of several workers: the limits that one batch has at each provider, shared out. Pure but for the clock.

The limits are those of a `Pace`, found as on one machine, from what all workers report. Each worker holds a lease of
permits. More is leased only of what nobody holds, neither by his lease nor by requests under way, so that all leases
together are never above the limit, but for the moment after a refusal has halved it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.routing.concurrency import ConcurrencyLimiter, Pace
    from inference_providers.routing.leases import Grant, Lane, Report

GONE = 5.0  # seconds without a report after which a worker is dead, and its leases are free: above `leases.VALID`
_FULL = 2**31
_TURN = 5.0  # seconds after which what cannot be divided goes to the next


class Lease:
    """What one worker has of a lane."""

    __slots__ = ("busy", "charged", "permits", "starts", "used", "wants")

    def __init__(self) -> None:
        self.permits = self.busy = self.used = self.wants = self.starts = 0
        self.charged = 0.0  # tokens that were taken for its starts beforehand

    @property
    def held(self) -> int:
        """Permits that nobody else can have."""
        return max(self.permits, self.busy)


class Permits:
    """Shares out the lanes of a pace."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._leases: dict[Lane, dict[str, Lease]] = {}
        self._seen: dict[str, float] = {}
        self._since = 0.0  # of what was added up last
        self.allowed = 0.0  # permits times seconds, added up: what could have been used

    def report(self, worker: str, reports: Mapping[Lane, Report]) -> dict[Lane, Grant]:
        """What a worker may do from now on, from what it tells of the time since its last report."""
        now = self._pace.clock()
        self._forget(now)
        self._add_up(now)
        self._seen[worker] = now
        for key, report in reports.items():
            self._hear(key, self._lease(key, worker, report), report, now)
        return {key: self._grant(key, worker, reports[key], now) for key in reports}

    def leave(self, worker: str) -> None:
        """A worker has ended: what it held is free."""
        self._seen.pop(worker, None)
        for leases in self._leases.values():
            leases.pop(worker, None)

    @property
    def busy(self) -> int:
        """Requests under way, as far as their workers have told."""
        return sum(lease.busy for leases in self._leases.values() for lease in leases.values())

    def numbers(self) -> dict[str, Any]:
        """What is leased, for those who watch."""
        self._add_up(self._pace.clock())
        lanes = {
            "/".join(key): {"limit": int(self._pace.lane(*key).limit), "leased": {w: x.permits for w, x in by.items()}}
            for key, by in self._leases.items()
        }
        return {"allowed": self.allowed, "lanes": lanes}

    def _forget(self, now: float) -> None:
        for worker in [worker for worker, seen in self._seen.items() if now - seen > GONE]:
            self.leave(worker)

    def _add_up(self, now: float) -> None:
        if self._leases and self._since:
            self.allowed += (now - self._since) * sum(int(self._pace.lane(*key).limit) for key in self._leases)
        self._since = now if self._leases else 0.0

    def _lease(self, key: Lane, worker: str, report: Report) -> Lease:
        leases = self._leases.setdefault(key, {})
        found = leases.get(worker)
        if found is None:
            found = leases[worker] = Lease()
            found.permits = report["held"]  # of a lease that was forgotten, since its worker was long silent
        return found

    def _hear(self, key: Lane, lease: Lease, report: Report, now: float) -> None:
        lease.busy, lease.used, lease.wants = report["busy"], report["used"], report["wants"]
        limiter = self._pace.lane(*key)
        used = sum(other.used for other in self._leases[key].values())
        limiter.busy = _FULL if used >= int(limiter.limit) else 0  # for all of this report alike
        limiter.settle(report["extra"] - report["unused"], report["tokens"] - lease.charged)
        lease.starts, lease.charged = 0, 0.0
        for _ in range(report["answered"]):
            limiter.went_well()
        for ago, wait in report["refusals"]:
            limiter.was_refused(now, now - ago, wait)

    def _grant(self, key: Lane, worker: str, report: Report, now: float) -> Grant:
        leases, limiter = self._leases[key], self._pace.lane(*key)
        lease = leases[worker]
        total = int(limiter.limit)
        others = sum(other.held for name, other in leases.items() if name != worker)
        fair = shares(total, {name: other.wants for name, other in leases.items()}, int(now / _TURN))[worker]
        lease.permits = min(fair, max(0, total - others))
        pause = max(limiter.opens - now, 0.0)
        return {"permits": lease.permits, "starts": self._starts(limiter, leases, lease, report, now), "pause": pause}

    @staticmethod
    def _starts(
        limiter: ConcurrencyLimiter, leases: Mapping[str, Lease], lease: Lease, report: Report, now: float
    ) -> int | None:
        """How many requests may begin until the next report, by the rates of the minute; taken out of them at once."""
        eager = sum(1 for other in leases.values() if other.wants > other.busy) or 1
        room = limiter.room(now, report["need"])
        if room is None:
            return None
        wanted = max(0, lease.wants - lease.busy)
        lease.starts = min(wanted, max(1, int(room / eager))) if room >= 0 else 0
        lease.charged = lease.starts * report["need"]
        limiter.settle(lease.starts, lease.charged)
        return lease.starts


def shares(total: int, wants: Mapping[str, int], turn: int = 0) -> dict[str, int]:
    """*total* among all who want some: the same to each, but to nobody more than he wants.

    What cannot be divided goes to some of them, to others in another *turn*.
    """
    given = dict.fromkeys(wants, 0)
    names = sorted(wants)
    left = total
    while left > 0 and (open_ := [name for name in names if wants[name] > given[name]]):
        each = left // len(open_)
        if not each:
            first = turn % len(open_)
            for name in (open_[first:] + open_[:first])[:left]:
                given[name] += 1
            break
        for name in open_:
            more = min(each, wants[name] - given[name])
            given[name] += more
            left -= more
    return given
