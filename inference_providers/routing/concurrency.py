"""How many requests a provider gets at once, and how fast: found by trying, within limits. Pure but for the clock.

Each offer has a lane: a limit of requests at once, found as TCP finds its window. It rises while all goes well, by a
quarter in each round (slow start) and after the first refusal by one, and is halved by a 429, at most once for each
round (additive increase, multiplicative decrease: AIMD). Rates by the minute are token buckets.
"""

from __future__ import annotations

from inference_providers.errors import AuthenticationError, InsufficientCreditsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from inference_providers.attempts import Attempt
    from inference_providers.offers import Offer

    class Health(Protocol):
        """What is known of keys and providers: `wire.route.Health`."""

        def dead(self, offer: Offer) -> bool:
            """Whether the key was refused."""
            raise NotImplementedError

        def cooling(self, offer: Offer) -> float:
            """Seconds for which it is to be left alone."""
            raise NotImplementedError


FIRST = 16  # requests at once, to begin with
MOST = 256  # requests at once that are found by trying
RISE = 0.25  # of a limit, in each round until the first refusal
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 8.0  # seconds after a refusal that says nothing of when; twice as long each time
OVERLOADED = (429, 503, 529)  # what says: not so fast


def overloaded(attempt: Attempt) -> bool:
    """Whether this try was refused since there was too much at once; not: since the account is empty."""
    return attempt.status in OVERLOADED and not isinstance(
        attempt.error, AuthenticationError | InsufficientCreditsError
    )


class Bucket:
    """A token bucket: a rate by the minute, with a burst of one second's worth.

    It may go below zero, and gives nothing until it is above again.
    """

    __slots__ = ("_level", "_rate", "_then", "most")

    def __init__(self, per_minute: float, now: float) -> None:
        self._rate = per_minute / 60
        self.most = max(self._rate, 1.0)
        self._level, self._then = self.most, now

    def wait(self, now: float) -> float:
        """Seconds until something may be taken."""
        self._level = min(self.most, self._level + (now - self._then) * self._rate)
        self._then = now
        return 0.0 if self._level >= 1e-9 else -self._level / self._rate + 1e-3

    def take(self, amount: float) -> None:
        """Take, or give back what was too much."""
        self._level -= amount

    def room(self, now: float) -> float:
        """How much is there; below zero, nothing may be taken."""
        return self._level if not self.wait(now) else -1.0


class ConcurrencyLimiter:
    """The lane of one offer.

    An AIMD limit of requests at once, what is on its way, the token buckets, and when it opens again.
    """

    __slots__ = (
        "_adaptive",
        "_ceiling",
        "_cut",
        "_refusals",
        "_requests",
        "_tokens",
        "busy",
        "limit",
        "opens",
        "refused",
        "said",
    )

    def __init__(
        self, limit: float, ceiling: float, requests: Bucket | None, tokens: Bucket | None, *, adaptive: bool = True
    ) -> None:
        self.limit, self._ceiling, self._adaptive = limit, ceiling, adaptive
        self._refusals = 0  # rounds in a row that were refused
        self._requests, self._tokens = requests, tokens
        self.busy = 0
        self.opens = 0.0
        self._cut = 0.0
        self.refused = False
        self.said: Exception | None = None  # in which words it was last refused

    def wait(self, now: float) -> float | None:
        """Seconds until a request may start; None where that depends on others that are on their way."""
        if self.busy >= int(self.limit):
            return None
        wait = max(self.opens - now, 0.0)
        for bucket in (self._requests, self._tokens):
            if bucket is not None:
                wait = max(wait, bucket.wait(now))
        return wait

    def start(self, tokens: float) -> None:
        """A request goes out, which will take about so many tokens."""
        self.busy += 1
        if self._requests is not None:
            self._requests.take(1)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def count(self, requests: int) -> None:
        """Requests that came here though another lane was meant to have them; below zero, that went elsewhere."""
        if self._requests is not None:
            self._requests.take(requests)

    def settle(self, requests: float, tokens: float) -> None:
        """Requests and tokens that others took of this lane, or gave back."""
        if self._requests is not None:
            self._requests.take(requests)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def room(self, now: float, tokens: float) -> float | None:
        """How many requests of so many tokens the buckets have room for: below zero, none; None without buckets."""
        rooms = [] if self._requests is None else [self._requests.room(now)]
        if self._tokens is not None:
            rooms.append(self._tokens.room(now) / max(tokens, 1.0))
        return min(rooms) if rooms else None

    def went_well(self) -> None:
        """An answer came."""
        self._refusals = 0
        if self.busy >= int(self.limit):
            self.limit = min(self._ceiling, self.limit + (1 / self.limit if self.refused else RISE))

    def was_refused(self, now: float, started: float, retry_after: float | None) -> None:
        """Too much at once. Requests that started before the last cut say nothing new."""
        self.refused = True
        if started >= self._cut:
            self._cut = now
            self._refusals += 1
            if self._adaptive:
                self.limit = max(1.0, self.limit / 2)
            if not retry_after:
                retry_after = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._refusals - 1))
        self.opens = max(self.opens, now + (retry_after or 0.0))

    def done(self, too_many_tokens: float) -> None:
        """A request has ended; it took fewer tokens than was thought, or more."""
        self.busy -= 1
        if self._tokens is not None:
            self._tokens.take(-too_many_tokens)


class Pace:
    """The lanes of one batch.

    concurrency: requests at once, or "auto" to find out; without *adaptive* it stays as it is.
    requests_per_minute, tokens_per_minute: for each provider.
    """

    def __init__(
        self,
        concurrency: int | str,
        clock: Callable[[], float],
        *,
        adaptive: bool = True,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
    ) -> None:
        if concurrency != "auto" and not (isinstance(concurrency, int) and concurrency >= 1):
            raise ValueError(f'concurrency must be a whole number from 1 on, or "auto", not {concurrency!r}')
        for name, value in (("requests_per_minute", requests_per_minute), ("tokens_per_minute", tokens_per_minute)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, not {value!r}")
        self.most = MOST if concurrency == "auto" else int(concurrency)
        self._first = float(min(FIRST, self.most) if concurrency == "auto" else self.most)
        self.clock, self._adaptive = clock, adaptive
        self._requests, self._tokens = requests_per_minute, tokens_per_minute
        self.counts_tokens = tokens_per_minute is not None
        self.lanes: dict[tuple[str, str], ConcurrencyLimiter] = {}
        self._buckets: dict[str, list[Bucket | None]] = {}  # of each provider, whatever its models

    def lane(self, provider: str, model: str) -> ConcurrencyLimiter:
        """The lane of one offer."""
        found = self.lanes.get((provider, model))
        if found is None:
            if provider not in self._buckets:
                now = self.clock()
                rates = (self._requests, self._tokens)
                self._buckets[provider] = [Bucket(rate, now) if rate else None for rate in rates]
            requests, tokens = self._buckets[provider]
            found = self.lanes[provider, model] = ConcurrencyLimiter(
                self._first, float(self.most), requests, tokens, adaptive=self._adaptive
            )
        return found

    def heard(self, lane: ConcurrencyLimiter, attempts: Sequence[Attempt], started: float) -> None:
        """Learn from what came of a call that was to go by *lane*."""
        for number, attempt in enumerate(attempts):
            tried = self.lane(attempt.provider, attempt.model)
            if number or tried is not lane:
                tried.count(1)
                if not number:
                    lane.count(-1)
            if attempt.error is None:
                tried.went_well()
            elif overloaded(attempt):
                tried.said = attempt.error
                tried.was_refused(self.clock(), started, getattr(attempt.error, "retry_after", None))


class OfferLanes:
    """The candidates for one model, and the lanes of those that serve it side by side.

    Those are all that have the first one's model. A request goes to the lane with the least load: requests on their
    way, by its limit. Where all of them are shut for longer than a pause, it goes to the next candidate that is not.
    """

    __slots__ = ("_health", "_lanes", "_offers", "_pace", "wait")

    def __init__(self, offers: Sequence[Offer], pace: Pace, health: Health, *, alike: bool = True) -> None:
        """*alike*: whether it does not matter which of those with the same model is asked."""
        self._offers, self._pace, self._health = offers, pace, health
        first = offers[0].canonical_name
        count = 1
        while alike and first is not None and count < len(offers) and offers[count].canonical_name == first:
            if offers[count].launchable:
                break  # another engine with the same model: to fall back on, not to be loaded as well
            count += 1
        self._lanes = [pace.lane(offer.provider, offer.internal_name) for offer in offers[:count]]
        # Seconds until a lane opens by itself, where none was free; None: when a call ends.
        self.wait: float | None = None

    def free(self) -> tuple[ConcurrencyLimiter, Sequence[Offer]] | None:
        """The lane with most room, and the candidates with its offer first; None where there is no room now."""
        now = self._pace.clock()
        if len(self._lanes) < len(self._offers) and all(lane.opens - now > LONGEST_PAUSE for lane in self._lanes):
            return self._next(now)
        if len(self._lanes) == 1:
            lane = self._lanes[0]
            self.wait = lane.wait(now)
            return (lane, self._offers) if self.wait == 0 else None
        best, least, self.wait = -1, 0.0, None
        # Who is ill would not be asked: its request would go to another, beyond that one's limits.
        well = [place for place in range(len(self._lanes)) if not self._ill(self._offers[place])]
        for place in well or range(len(self._lanes)):
            lane = self._lanes[place]
            wait = lane.wait(now)
            if wait != 0:
                if wait is not None:
                    self.wait = wait if self.wait is None else min(wait, self.wait)
                continue
            load = lane.busy / lane.limit
            if best < 0 or load < least:
                best, least = place, load
        if best < 0:
            return None
        chosen = self._offers[best]
        return self._lanes[best], [chosen, *(offer for offer in self._offers if offer is not chosen)]

    def _next(self, now: float) -> tuple[ConcurrencyLimiter, Sequence[Offer]] | None:
        """The lane of the first candidate that is not shut, of those that are there to fall back on."""
        offers = [*self._offers[len(self._lanes) :], *self._offers[: len(self._lanes)]]
        lanes = [self._pace.lane(offer.provider, offer.internal_name) for offer in offers]
        place = next((n for n, lane in enumerate(lanes) if lane.opens - now <= LONGEST_PAUSE), None)
        if place is None:
            self.wait = min(lane.opens for lane in lanes) - now
            return None
        self.wait = lanes[place].wait(now)
        return (lanes[place], [offers[place], *offers[:place], *offers[place + 1 :]]) if self.wait == 0 else None

    def shut(self) -> float:
        """Seconds for which nobody is to be asked: all candidates have said when to come back, if above 0."""
        keys = [(offer.provider, offer.internal_name) for offer in self._offers]
        lanes = [self._pace.lanes.get(key) for key in keys]
        return max(min(lane.opens if lane is not None else 0.0 for lane in lanes) - self._pace.clock(), 0.0)

    def refused(self) -> list[Attempt]:
        """What stands for a try at each candidate, where nobody is asked: what each said, and for how long it holds."""
        from inference_providers.attempts import Attempt

        now, attempts = self._pace.clock(), []
        for offer in self._offers:
            lane = self._pace.lanes.get((offer.provider, offer.internal_name))
            if lane is not None and lane.said is not None:
                wait = max(lane.opens - now, 0.0)
                outcome = f"not asked: it said to come back in {max(round(wait), 1)} s ({lane.said})"
                attempts.append(Attempt(offer.provider, offer.internal_name, outcome, error=lane.said))
        return attempts

    def _ill(self, offer: Offer) -> bool:
        return self._health.dead(offer) or self._health.cooling(offer) > 0
