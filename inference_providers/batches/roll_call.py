"""Roll call: every model within reach is asked the same questions; who answers, how fast, at what price."""

from __future__ import annotations

import asyncio
import time

from inference_providers import chat
from inference_providers.attempts import reason
from inference_providers.chat import Question
from inference_providers.errors import TruncatedStreamError
from inference_providers.offers import Offer, is_free, offer_by
from inference_providers.registry import TALKS
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from inference_providers.calls import Pipeline

QUESTIONS = ("What is 17 + 25? Answer with the number alone.", "Name a colour of the sky in one word.")
MAX_TOKENS = 200  # of each answer: enough for a model that thinks before it speaks
AT_ONCE = 16  # models
TIMEOUT = 60.0  # seconds for one answer
NOT_ASKED, INTERRUPTED = "not asked", "interrupted"
_ANSWERING = ("timeout", "deadline", "broken", "protocol", "oversize")  # failures after which it may be charged


class Entry:
    """One model at one provider: its answers, and what they took.

    first_token: seconds until the first text of the first question. speed: output tokens a second after
    that; None where there was too little to tell. cost: USD; None where it is not known, at_most: what it may be then,
    None where that is not known either. problem: why there is no answer, or not all of it; empty when there are all.
    partial: what had come of an answer that broke off. interrupted: whether it was being asked at the end.
    """

    __slots__ = (
        "answers",
        "asked",
        "at_most",
        "cost",
        "first_token",
        "interrupted",
        "local",
        "model",
        "name",
        "partial",
        "problem",
        "provider",
        "speed",
    )

    def __init__(self, offer: Offer) -> None:
        self.provider, self.name, self.model, self.local = (
            offer.provider,
            offer.internal_name,
            offer.canonical_name,
            offer.local,
        )
        self.answers: list[str] = []
        self.first_token: float | None = None
        self.speed: float | None = None
        self.cost: float | None = 0.0
        self.at_most: float | None = 0.0
        self.problem = self.partial = ""
        self.asked = self.interrupted = False

    def __repr__(self) -> str:
        return f"<Entry {self.provider}/{self.name}: {self.problem or self.answers}>"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: getattr(self, name)
            for name in (
                *("provider", "name", "model", "answers", "first_token", "speed", "cost", "at_most", "problem"),
                *("asked", "interrupted", "partial"),
            )
        }


def called(
    pipeline: Pipeline, *, only: Iterable[str] = (), models: Iterable[str] = (), free: bool = False
) -> list[Offer]:
    """Every model of every provider within reach, each provider's preferred name for it.

    only: providers. models: only those with one of these in their names. free: only what costs nothing.
    Raises UnknownModelError for a provider that is not known.
    """
    finder = pipeline.finder
    wanted = {finder.provider_id(spelling) for spelling in only}
    patterns = [pattern.lower() for pattern in models]
    found: list[Offer] = []
    for pid, provider in finder.registry.providers.items():
        if provider.local is None and not finder.accesses[pid].reason:
            access = finder.accesses[pid]
            names = provider.data.get("model_names") or {}
            found += [
                offer_by(access, canonical, internal, named=pid in wanted) for canonical, internal in names.items()
            ]
    for server in finder.local_servers():
        found += finder.offers_on(server)
    return [
        offer
        for offer in found
        if offer.usable
        and offer.api in TALKS
        and (not wanted or offer.provider in wanted)
        and (not patterns or any(p in f"{offer.internal_name} {offer.canonical_name}".lower() for p in patterns))
        and (not free or is_free(offer))
    ]


class RollCall:
    """The questions, the spending limit, and the models. `run()` asks them all and gives an entry for each.

    budget: USD; a model whose answers might go beyond it is not asked, nor one without a known price,
    unless *unpriced*.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        offers: Sequence[Offer],
        questions: Sequence[str] = QUESTIONS,
        *,
        budget: float = 0.10,
        unpriced: bool = False,
        told: Callable[[Entry, float], None] = lambda entry, spent: None,
    ) -> None:
        if not budget >= 0:  # nor no number at all
            raise ValueError(f"the spending limit must be 0 or more, not {budget!r}")
        self._pipeline, self._offers, self._questions = pipeline, list(offers), list(questions)
        self._budget, self._unpriced, self._told = budget, unpriced, told
        self.entries = [Entry(offer) for offer in self._offers]  # filled as it goes, so that an interruption loses none
        self.spent = 0.0
        self._reserved = 0.0
        self._asking = 0
        self._room = asyncio.Condition()

    async def run(self) -> list[Entry]:
        """Ask everybody, some at once; the cheapest first, so that the limit reaches far."""
        rows = [(self._most(offer), offer, entry) for offer, entry in zip(self._offers, self.entries, strict=True)]
        waiting = iter(sorted(rows, key=lambda row: row[0]))

        async def work() -> None:
            for most, offer, entry in waiting:
                await self._ask_all(offer, entry, most)
                self._told(entry, self.spent)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(rows))):
                    group.create_task(work())
        finally:
            for entry in self.entries:
                if not entry.asked and not entry.problem:
                    entry.problem = f"{NOT_ASKED}: {INTERRUPTED} before"
        return self.entries

    def _most(self, offer: Offer) -> float:
        """USD that its answers may cost; 0 where nobody knows."""
        if offer.local or offer.input_price is None or offer.output_price is None:
            return 0.0
        tokens = sum(len(question) // 3 + 20 for question in self._questions)
        return (tokens * offer.input_price + MAX_TOKENS * len(self._questions) * offer.output_price) / 1e6

    async def _ask_all(self, offer: Offer, entry: Entry, most: float) -> None:
        known = offer.local or (offer.input_price is not None and offer.output_price is not None)
        if not known and not self._unpriced:
            entry.problem, entry.cost = f"{NOT_ASKED}: no price is known (--unpriced asks it)", None
            return
        if not await self._reserve(most):
            entry.problem = f"{NOT_ASKED}: it may cost ${most:.4f}; ${self.spent:.4f} of ${self._budget:.2f} are spent"
            return
        entry.asked, entry.at_most = True, most if known else None
        try:
            for question in self._questions:
                entry.answers.append(await self._ask(offer, entry, question))
        except Exception as error:  # noqa: BLE001  (whatever it is, it must not take the answers of the others)
            entry.problem = reason(error)
            if not offer.local and _may_be_charged(error):
                entry.cost = None
        except BaseException:  # interrupted: it was sent, and the provider may go on with it
            entry.problem, entry.interrupted = INTERRUPTED, True
            if not offer.local:
                entry.cost = None
            raise
        finally:
            self._asking -= 1
            if entry.cost is not None:  # else it may have cost all that was set aside
                self._reserved -= most
            async with self._room:
                self._room.notify_all()

    async def _reserve(self, most: float) -> bool:
        """Set aside what answers may cost, when those of others leave room for it; false where there will be none."""
        async with self._room:
            while most > 0 and self.spent + self._reserved + most > self._budget:
                if not self._asking:
                    return False
                await self._room.wait()
            self._reserved += most
            self._asking += 1
            return True

    async def _ask(self, offer: Offer, entry: Entry, question: str) -> str:
        asked = Question(chat.messages(question), {"max_tokens": MAX_TOKENS})
        request = self._pipeline.request(asked.streamed(), asked)
        started = time.monotonic()
        reply = await self._pipeline.async_caller.stream([offer], request, total=TIMEOUT)
        first = time.monotonic() - started
        if entry.first_token is None:
            entry.first_token = first
        pieces: list[str] = []
        try:
            async for piece in reply.text():
                pieces.append(piece)  # noqa: PERF401  (what has come is paid for, however it ends)
        except BaseException:
            entry.partial = "".join(pieces).strip()
            raise
        took = time.monotonic() - started - first
        text = "".join(pieces).strip()
        usage = usage_of(reply.usage)
        tokens = usage.output_tokens if usage else len(text) // 4
        if tokens > 4 and took > 0.01:
            entry.speed = tokens / took
        cost = 0.0 if offer.local else cost_of(usage, offer.facts)
        entry.cost = None if cost is None or entry.cost is None else entry.cost + cost
        self.spent += cost or 0.0
        return text


def _may_be_charged(error: Exception) -> bool:
    """Whether a provider may have begun to answer, so that nobody knows what it will charge."""
    tries = [attempt.error for attempt in getattr(error, "attempts", ())] or [error]
    return isinstance(error, TruncatedStreamError) or any(getattr(one, "code", None) in _ANSWERING for one in tries)
