"""Who is asked, by each policy, through a day of five providers whose speed and prices drift, that fail and refuse.

`python -m benchmarks.policies` judges the policies on `JUDGED` seeds; whoever changes a policy tunes it on `TUNING`
seeds alone. Nothing is sent and nothing waits: time is simulated, and the router, the health and the strategies are
those of the package.
"""

from __future__ import annotations

import heapq
import math
import sys
from collections import Counter, deque
from copy import copy
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from inference_providers import InferenceProvidersError, RateLimitError
from inference_providers import Policy as Numbers
from inference_providers import ProviderUnavailableError as Unavailable
from inference_providers.protocols import Verdict, classify
from inference_providers.registry import Facts
from inference_providers.routing import Health, Load, Outlook, Sleep, Speeds, route

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Self

JUDGED, TUNING = range(20), range(100, 110)
MINUTES = 24 * 60
NAMES = ("alder", "birch", "cedar", "dogwood", "elm")
TOTAL, SILENCE = 60.0, 15.0  # seconds for a question, and until a provider that says nothing is given up
EPOCH = 1.8e9  # when the day begins, in seconds since 1970


class Provider:
    """One provider's day, minute by minute.

    first: seconds to the first token. speed: tokens a second after it. read, write: USD per million tokens. down: how
    it fails in that minute, empty where it does not. most: requests that it takes in a minute.
    """

    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.first = drift(random, random.uniform(0.2, 1.5), 0.03)
        self.speed = drift(random, random.uniform(30, 200), 0.02)
        for _ in range(random.randint(2, 6)):  # hours in which it is overloaded
            slower, begins = random.uniform(1.5, 5.0), random.randrange(MINUTES)
            for minute in range(begins, min(begins + random.randint(10, 90), MINUTES)):
                self.first[minute] *= slower
                self.speed[minute] /= slower
        read = random.uniform(0.1, 1.0)
        write = read * random.uniform(2.0, 5.0)
        changes = [1.0] * MINUTES
        for _ in range(random.randint(0, 4)):
            factor, begins = random.uniform(0.4, 2.0), random.randrange(MINUTES)
            changes[begins:] = [factor] * (MINUTES - begins)
        self.read, self.write = [read * factor for factor in changes], [write * factor for factor in changes]
        self.down = [""] * MINUTES
        for _ in range(random.randint(0, 4)):
            how, begins = random.choice(("error", "error", "silence", "refusal")), random.randrange(MINUTES)
            for minute in range(begins, min(begins + random.randint(2, 40), MINUTES)):
                self.down[minute] = how
        self.most = random.randint(8, 60)


class Question:
    """One request of the day. at: seconds since midnight. asked, told: tokens of its prompt and of its answer.

    luck: for each provider by how much it takes longer than is usual there in that minute.
    """

    def __init__(self, at: float, random: Random) -> None:
        self.at = at
        self.asked = min(int(random.lognormvariate(6.5, 1.2)) + 10, 60_000)
        self.told = min(int(random.lognormvariate(5.2, 0.9)) + 5, 4_000)
        self.luck = [(random.lognormvariate(0, 0.3), random.lognormvariate(0, 0.15)) for _ in NAMES]


class Day:
    """All that happens in one day, by its seed alone: whatever is asked of whom, it is the same."""

    def __init__(self, seed: int) -> None:
        random = Random(f"a day {seed}")
        self.seed = seed
        self.providers = [Provider(name, random) for name in NAMES]
        self.questions: list[Question] = []
        at = 0.0
        while True:
            busy = 1 + 0.8 * math.sin((at / 86400 - 0.3) * 2 * math.pi)  # by night few ask
            at += random.expovariate(12 * busy / 60)
            if at >= MINUTES * 60:
                break
            self.questions.append(Question(at, random))

    def seconds(self, place: int, question: Question, at: float, *, lucky: bool = True) -> tuple[float, float]:
        """What an answer takes at a provider: to its first token, and in all. Without luck: what is usual there."""
        provider, minute = self.providers[place], min(int(at // 60), MINUTES - 1)
        early, slow = question.luck[place] if lucky else (1.0, 1.0)
        first = provider.first[minute] * early
        return first, first + question.told / provider.speed[minute] * slow

    def cost(self, place: int, question: Question, at: float) -> float:
        """What it costs there, in USD."""
        provider, minute = self.providers[place], min(int(at // 60), MINUTES - 1)
        return (question.asked * provider.read[minute] + question.told * provider.write[minute]) / 1e6


def drift(random: Random, usual: float, step: float) -> list[float]:
    """A number that wanders around its usual value, minute by minute."""
    away, found = 0.0, []
    for _ in range(MINUTES):
        away += random.gauss(0, step) - 0.004 * away
        found.append(usual * math.exp(away))
    return found


# Who is asked


class Run:
    """One day under one policy: what every question took and cost, and how often somebody refused.

    Each question goes through `route`, with candidates in the order of the policy, and is answered, refused or let
    down as the day has it. What it learns is known when its answer is there, not before.
    """

    def __init__(self, day: Day, policy: Policy) -> None:
        self.day, self.policy, self.now = day, policy, 0.0
        self.health = Health(Numbers(total=TOTAL), lambda: self.now)
        self.minutes: list[deque[float]] = [deque() for _ in NAMES]
        self.seconds: list[float] = []
        self.cost = 0.0
        self.refused = self.failed = 0
        self.asked: Counter[str] = Counter()
        self.random = Random(day.seed)
        policy.begin(self)

    def go(self) -> Self:
        """Ask all questions of the day."""
        events: list[tuple[float, int, Any, Any]] = []
        for number, question in enumerate(self.day.questions):
            events.append((question.at, number, self._asked(question), None))
        heapq.heapify(events)
        number = len(events)
        while events:
            self.now, _, steps, sent = heapq.heappop(events)
            try:
                wait, sent = steps.send(sent)
            except StopIteration:
                continue
            number += 1
            heapq.heappush(events, (self.now + wait, number, steps, sent))
        return self

    def _asked(self, question: Question) -> Generator[tuple[float, Any], Any, None]:
        """One question: yields what to wait for, and what is then known."""
        body = {"messages": [{"role": "user", "content": "x" * (question.asked * 4)}]}
        offers = self.policy.ordered(question, body)
        steps = route(offers, self.health, self.random)
        step = next(steps)
        while True:
            if isinstance(step, Sleep):
                yield step.seconds, None
                verdict = None
            else:
                place = step.offer.number
                verdict, first, took = self._tried(place, question, step.limit)
                self.policy.begun(place)
                verdict = yield took, verdict
                self.policy.over(place, question, first, took, ok=verdict.action == classify.OK)
            try:
                step = steps.send(verdict)
            except StopIteration:
                self.seconds.append(self.now - question.at)
                self.cost += self.day.cost(place, question, self.now)
                self.asked[NAMES[place]] += 1
                return
            except InferenceProvidersError:
                self.seconds.append(TOTAL)
                self.failed += 1
                return

    def _tried(self, place: int, question: Question, limit: float) -> tuple[Verdict, float, float]:
        """What comes of one try: the verdict, seconds to its first content, and seconds in all."""
        provider, minute = self.day.providers[place], self.minutes[place]
        while minute and minute[0] <= self.now - 60:
            minute.popleft()
        down = provider.down[min(int(self.now // 60), MINUTES - 1)]
        if len(minute) >= provider.most:
            self.refused += 1
            wait = minute[0] + 60 - self.now
            return Verdict(classify.WAIT, RateLimitError("429", status=429), retry_after=wait, cool=True), 0.2, 0.2
        minute.append(self.now)
        if down == "silence":
            took = min(limit, SILENCE)
            return Verdict(classify.NEXT, Unavailable("silent", code="timeout"), cool=True), took, took
        if down:
            took, status = (0.5, 500) if down == "error" else (0.1, 503)
            return Verdict(classify.RETRY, Unavailable(down, status=status), cool=status == 503), took, took
        first, took = self.day.seconds(place, question, self.now)
        return Verdict(classify.OK), first, took

    @property
    def mean(self) -> float:
        """Seconds of a usual question."""
        return sum(self.seconds) / len(self.seconds)


class Policy:
    """What is asked first. `offers` are in the order of the day's providers."""

    def begin(self, run: Run) -> None:
        """A day begins."""
        self.run = run
        self.offers: list[Any] = [Candidate(run.day, number) for number in range(len(NAMES))]

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        """The candidates, first first."""
        raise NotImplementedError

    def begun(self, place: int) -> None:
        """A request has gone out."""

    def over(self, place: int, question: Question, first: float, took: float, *, ok: bool) -> None:
        """It is answered, or lost."""


class Ours(Policy):
    """The package's own, whose outlook is given what calls would give it."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy

    def begin(self, run: Run) -> None:
        super().begin(run)
        self.speeds = Speeds((), None, lambda: EPOCH + run.now)
        self.load = Load(lambda: run.now)
        random = Random(f"{self.strategy} {run.day.seed}")
        registry: Any = SimpleNamespace(auto_model_priority=["m"])
        self.outlook = Outlook(registry, random, speeds=self.speeds, load=self.load)

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        for offer in self.offers:
            offer.price(self.run.now)
        return self.outlook.ordered(self.strategy, self.offers, body)

    def begun(self, place: int) -> None:
        self.load.begin(self.offers[place])

    def over(self, place: int, question: Question, first: float, took: float, *, ok: bool) -> None:
        offer, provider = self.offers[place], self.run.day.providers[place]
        left = max(provider.most - len(self.run.minutes[place]), 0)
        self.load.end(offer, {"x-ratelimit-limit": str(provider.most), "x-ratelimit-remaining": str(left)})
        if ok:
            rest = took - first
            self.speeds.saw(
                offer, first, question.told / rest if question.told > 20 and rest > 0.01 else None, question.told
            )
        else:
            self.speeds.failed(offer, took)


class RoundRobin(Policy):
    """Each in turn."""

    turn = 0

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        self.turn += 1
        places = range(self.turn, self.turn + len(self.offers))
        return [self.offers[place % len(self.offers)] for place in places]


class LatencyBased(Policy):
    """As LiteLLM documents its `latency-based-routing`.

    The mean of what is kept of the last hour (`ttl`), at most ten latencies each, by tokens of the answer; a provider
    without one counts as 0 and so is tried first; among those within a buffer (0 by default) of the lowest, at random.
    A time-out counts as 1000 seconds. One that fails rests for five seconds.
    """

    def begin(self, run: Run) -> None:
        super().begin(run)
        self.random = Random(f"latency {run.day.seed}")
        self.kept: list[deque[tuple[float, float]]] = [deque(maxlen=10) for _ in NAMES]
        self.rests = [0.0] * len(NAMES)

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        now = self.run.now
        means = []
        for kept in self.kept:
            fresh = [value for at, value in kept if now - at < 3600]
            means.append(sum(fresh) / len(fresh) if fresh else 0.0)
        keys = [(self.rests[place] > now, means[place], self.random.random()) for place in range(len(NAMES))]
        return [self.offers[place] for place in sorted(range(len(NAMES)), key=keys.__getitem__)]

    def over(self, place: int, question: Question, first: float, took: float, *, ok: bool) -> None:
        if ok:
            self.kept[place].append((self.run.now, took / question.told))
            return
        self.rests[place] = self.run.now + 5
        if took >= SILENCE / 2:
            self.kept[place].append((self.run.now, 1000.0))


class Oracle(Policy):
    """Who knows of each minute how quick and how dear everybody is, who is down, and who is at its limit; not the luck.

    sees: whether it also knows how long each answer will be; else it goes by how long they are on average.
    """

    def __init__(self, aim: str, *, sees: bool = False) -> None:
        self.aim, self.sees = aim, sees

    def begin(self, run: Run) -> None:
        super().begin(run)
        questions = run.day.questions
        self.told = sum(question.told for question in questions) // len(questions)

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        run, day, now = self.run, self.run.day, self.run.now
        if not self.sees:
            question = copy(question)
            question.told = self.told

        def key(place: int) -> tuple[bool, bool, float]:
            minute = run.minutes[place]
            full = sum(at > now - 60 for at in minute) >= day.providers[place].most
            down = bool(day.providers[place].down[min(int(now // 60), MINUTES - 1)])
            usual = day.seconds(place, question, now, lucky=False)[1]
            return down, full, day.cost(place, question, now) if self.aim == "cost" else usual

        return [self.offers[place] for place in sorted(range(len(NAMES)), key=key)]


class Candidate:
    """What routing and policies read of an offer, at the prices of the day's minute."""

    api, doubtful, billing, local, launchable, api_key = "chat", False, "payg", False, False, "key"
    canonical_name, internal_name, context_window = "m", "m", 200_000

    def __init__(self, day: Day, number: int) -> None:
        self.number, self.provider = number, NAMES[number]
        self.place = (f"https://{self.provider}.example", "m")
        self._provider, self._minute = day.providers[number], -1
        self.price(0.0)

    def price(self, now: float) -> None:
        """Take on the prices of a moment."""
        minute = min(int(now // 60), MINUTES - 1)
        if minute != self._minute:
            self._minute = minute
            self.input_price, self.output_price = self._provider.read[minute], self._provider.write[minute]
            self.cached_input_price = None
            self.facts = Facts([200_000, 8000, self.input_price, self.output_price])


# How it is judged

POLICIES: dict[str, Callable[[], Policy]] = {
    "oracle of speed": lambda: Oracle("speed"),
    "oracle of cost": lambda: Oracle("cost"),
    "oracle of speed and length": lambda: Oracle("speed", sees=True),
    "fastest": lambda: Ours("fastest"),
    "cheapest": lambda: Ours("cheapest"),
    "balanced": lambda: Ours("balanced"),
    "random": lambda: Ours("random"),
    "round-robin": RoundRobin,
    "latency-based": LatencyBased,
}


def row(name: str, seeds: Sequence[int], by_seed: dict[int, dict[str, Run]]) -> str:
    """What a policy comes to, over all seeds and on its worst."""
    runs = [by_seed[seed][name] for seed in seeds]
    slower = [by_seed[seed][name].mean / by_seed[seed]["oracle of speed"].mean for seed in seeds]
    dearer = [by_seed[seed][name].cost / by_seed[seed]["oracle of cost"].cost for seed in seeds]
    mean = sum(run.mean for run in runs) / len(runs)
    cost = sum(run.cost for run in runs) / len(runs)
    refused = sum(run.refused for run in runs) / sum(len(run.seconds) for run in runs)
    failed = sum(run.failed for run in runs)
    speed, price = sum(slower) / len(runs), sum(dearer) / len(runs)
    return (
        f"| {name} | {mean:.2f} | {speed:.3f} | {max(slower):.3f} | {cost:.2f} | {price:.3f} | {max(dearer):.3f} "
        f"| {refused:.1%} | {failed} |"
    )


def main() -> None:
    """Print the table."""
    seeds = list(TUNING if "--tune" in sys.argv else JUDGED)
    names = [name for name in POLICIES if not sys.argv[2:] or name in sys.argv[2:] or name.startswith("oracle")]
    by_seed = {seed: {name: Run(Day(seed), POLICIES[name]()).go() for name in names} for seed in seeds}
    print("| policy | seconds | by the oracle's | on its worst seed | USD a day | by the oracle's | on its worst seed "
          "| refused | lost |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        print(row(name, seeds, by_seed))


if __name__ == "__main__":
    main()
