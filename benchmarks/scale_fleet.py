"""A fleet of replicas before twenty providers, event by event, with the package's own routing, health, rates and state.

What is simulated is the time, the providers, and Redis with the way to it. Everything that decides is imported.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Generator
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

from benchmarks.scale_constants import MEASURED, Constants
from benchmarks.scale_redis import EPOCH, Link, Server, SimulatedState, World
from benchmarks.scale_world import GONE, KEY_REST, PROVIDERS, QUICK, TOTAL, Plan, Provider
from inference_providers import InferenceProvidersError, Policy
from inference_providers.calls.gate import _out_of_its_minute
from inference_providers.protocols import Verdict, classify
from inference_providers.registry import Facts
from inference_providers.routing import Health, Outlook, Rates, Sleep, route
from inference_providers.routing.shared_rests import Cooling, DeadKeys, SharedRests, Tripped
from inference_providers.state import MemoryState

BODY = {"messages": [{"role": "user", "content": "How are you?"}]}
TOKENS = 260.0  # that a request is estimated to take; it takes fewer, which is told afterwards
TOOK = 6.0


class Way(NamedTuple):
    """What replicas know of each other. part: each allows itself only its part of the limits."""

    name: str
    shared: bool = False
    gone: bool = False
    part: bool = False


WAYS = (
    Way("alone"),
    Way("alone, limits divided", part=True),
    Way("shared", shared=True),
    Way("shared, Redis gone for a time", shared=True, gone=True),
)


class Offer:
    """What routing reads of one."""

    api, doubtful, billing, local, launchable, api_key = "chat", False, "payg", False, False, "key"
    canonical_name, internal_name, context_window, key_source, tokens = "m", "m", 200_000, "", None
    input_price = output_price = 1.0
    cached_input_price = None
    facts = Facts([200_000, 8000, 1.0, 1.0])

    def __init__(self, number: int) -> None:
        self.number, self.provider = number, f"p{number + 1}"
        self.place = (f"https://{self.provider}.example", "m")

    def key_mark(self) -> str:
        """What stands for its key."""
        return self.api_key


class Run(World):
    """One fleet, for the length of its plan."""

    def __init__(self, plan: Plan, way: Way, constants: Constants = MEASURED) -> None:
        self.plan, self.way, self.now = plan, way, 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.providers = [Provider(number, plan) for number in range(PROVIDERS)]
        self.offers: list[Any] = [Offer(number) for number in range(PROVIDERS)]
        self.server = Server(self, constants)
        self.constants = constants
        self.asked = self.answered = self.failed = self.sent = 0
        self.seconds: list[float] = []
        self.noticed: list[dict[int, float]] = [{} for _ in plan.outages()]
        self.outages = plan.outages()
        parts = plan.replicas if way.part else 1
        self.limits = {
            one.provider: {"requests_per_minute": max(plan.limit(one.number) / parts, 1.0)} for one in self.offers
        }
        self.replicas = [Replica(self, number) for number in range(plan.replicas)]

    def at(self, wait: float, do: Callable[[], None]) -> None:
        """Have something done so many seconds from now."""
        self._number += 1
        heapq.heappush(self._events, (self.now + wait, self._number, do))

    def wall(self) -> float:
        return EPOCH + self.now

    def go(self) -> Run:
        """Until nothing is under way any more."""
        logger = logging.getLogger("inference_providers")
        level = logger.level
        logger.setLevel(logging.ERROR)  # each link says that it is alone
        try:
            self._go()
        finally:
            logger.setLevel(level)
        return self

    def _go(self) -> None:
        if self.way.gone:
            self.at(GONE[0] * self.plan.seconds, self._lost)
            self.at(GONE[1] * self.plan.seconds, self._found)
        for number, (outage, begins, _) in enumerate(self.outages):
            self.at(begins, partial(self._look, number, outage.place))
        while self._events and self.now <= self.plan.seconds + TOTAL:
            self.now, _, do = heapq.heappop(self._events)
            do()

    def _look(self, number: int, place: int) -> None:
        for replica in self.replicas:
            replica.look_at(number, place)

    def _lost(self) -> None:
        self.server.down = True
        links, self.server.links = self.server.links, []
        for link in links:
            link.broken()

    def _found(self) -> None:
        self.server.lose()
        self.server.down = False


class Replica:
    """One gateway or program: a health, a state, rates; the package's."""

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.number, self.random = run, number, Random(f"{run.plan.seed} replica {number}")
        self.health = Health(Policy(total=TOTAL, key_rest=KEY_REST), lambda: run.now)
        self.link: Link | None = None
        state: Any = MemoryState(lambda: run.now)
        if run.way.shared:
            self.link = Link(run.server, run, self.random)
            state = SimulatedState(self.link, clock=run.wall, seen=self.look)
            rests = SharedRests(state, lambda: run.now, run.wall)
            self.health._dead, self.health._until, self.health._tripped = (
                DeadKeys(rests),
                Cooling(rests),
                Tripped(rests),
            )
        self.rates = Rates(run.limits, lambda: run.now, state)
        registry: Any = SimpleNamespace(auto_model_priority=["m"])
        self.outlook = Outlook(registry, self.random)
        self.calls = iter(run.plan.calls(number))
        self._next()
        state.rests()  # has it listen

    def _next(self) -> None:
        call = next(self.calls, None)
        if call is not None:
            self.run.at(call[0] - self.run.now, lambda: self._begin(call[1]))

    def _begin(self, seconds: float) -> None:
        self._next()
        self.run.asked += 1
        self._on(self._call(seconds))

    def _on(self, steps: Generator[float, None, None]) -> None:
        """Go on with a call, now and after each wait."""
        for wait in steps:
            if wait > 0:
                self.run.at(wait, lambda: self._on(steps))
                return

    def _call(self, seconds: float) -> Generator[float, None, None]:
        """One call: yields what to wait."""
        run, begins = self.run, self.run.now
        offers = self.outlook.ordered("random", run.offers, BODY)
        steps = route(offers, self.health, self.random)
        verdict: Verdict | None = None
        while True:
            try:
                step = steps.send(verdict)
            except StopIteration:
                run.answered += 1
                run.seconds.append(run.now - begins)
                return
            except InferenceProvidersError:
                run.failed += 1
                self.look()
                return
            if verdict is not None and verdict.action != classify.HELD:
                self.look()  # it has failed: this replica may leave it alone from now on
            if isinstance(step, Sleep):
                yield step.seconds
                verdict = None
                continue
            wait, verdict, taken = self._taken(step.offer)
            yield wait
            if verdict is None:
                run.sent += 1
                took, verdict = self._tried(step.offer, seconds)
                yield took
                if taken is not None and verdict.action == classify.OK:
                    self.rates.correct(step.offer.provider, taken, TOOK)

    def _taken(self, offer: Any) -> tuple[float, Verdict | None, Any]:
        """Seconds that its minute was waited for, what holds the try, and what was taken."""
        if self.link is not None:
            self.link.waited = 0.0
        wait, which, taken = self.rates.take(offer.provider, TOKENS)
        waited = 0.0 if self.link is None else self.link.waited
        spread = self.rates.spread(offer.provider)
        return waited, _out_of_its_minute(offer, wait, which, spread) if which else None, taken

    def _tried(self, offer: Any, seconds: float) -> tuple[float, Verdict]:
        """Seconds that a request takes, and what the package makes of what came."""
        status, wait = self.run.providers[offer.number].meets(self.run.now)
        if status == 200:
            return seconds, Verdict(classify.OK)
        headers = {} if wait is None else {"retry-after": f"{wait:g}"}
        return QUICK, classify.refusal(status, headers, b"{}", offer.provider, (), self.run.wall())

    def look(self) -> None:
        """Note which outages this replica has noticed."""
        for number, (outage, begins, ends) in enumerate(self.run.outages):
            if begins <= self.run.now < ends:
                self.look_at(number, outage.place)

    def look_at(self, number: int, place: int) -> None:
        """Note whether it leaves a provider alone."""
        offer, noticed = self.run.offers[place], self.run.noticed[number]
        if self.number not in noticed and (self.health.cooling(offer) > 0 or self.health.dead(offer)):
            noticed[self.number] = self.run.now - self.run.outages[number][1]
