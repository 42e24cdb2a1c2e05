"""Who is asked, by each policy, through a day of five providers whose speed and prices drift, that fail and refuse.

`python -m benchmarks.policies` judges the policies on `JUDGED` seeds; whoever changes a policy tunes it on `TUNING`
seeds alone. Nothing is sent and nothing waits: time is simulated, and the router, the health and the strategies are
those of the package.
"""

from __future__ import annotations

import math
from random import Random

JUDGED, TUNING = range(20), range(100, 110)
MINUTES = 24 * 60
NAMES = ("alder", "birch", "cedar", "dogwood", "elm")


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
