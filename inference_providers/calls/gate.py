"""What stands before every try of a call that has preferences: what it may cost, its minute, and what is measured.

A try that is not let through is not sent: its verdict is `held`, with the reason and, where that helps, how long to
wait.
"""

from __future__ import annotations

import threading
import time

from inference_providers.chat import usage_in
from inference_providers.errors import BudgetExceededError, ProviderError, RateLimitError
from inference_providers.offers import is_free
from inference_providers.protocols import Verdict, classify, fit
from inference_providers.routing import MEASURED, Ledger, Load, Outlook, Speeds, Warmth, exceeded, unpriced
from inference_providers.usage import Size, cost_of, most_cost, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest
    from inference_providers.registry import Registry
    from inference_providers.routing import Entry, Preferences, Purse, Rates
    from inference_providers.state import State, Taken
    from inference_providers.usage import Usage

# Failures after which a provider may charge for what it has begun.
_BILLED = ("timeout", "deadline", "broken", "protocol", "oversize")
PAUSE = 0.25  # seconds until a budget is looked at again that others of this program may leave room in
_NO_HEADERS: Mapping[str, str] = {}


class Gate:
    """The state that the preferences of a pipeline's calls need, each part made when it is first needed."""

    def __init__(
        self,
        registry: Registry,
        environ: Mapping[str, str],
        random: Any,
        limits: Any = None,
        *,
        shared: bool = True,
        state: State | None = None,
    ) -> None:
        """*limits*: `rate_limits`, checked. *shared*: whether files of the user's are used. *state*: whose minutes."""
        self._registry, self._environ, self._random, self._shared = registry, environ, random, shared
        self._link = None if state is None or not shared else state.link
        self.rates = _rates(limits, state) if limits else None
        self.load = Load(time.monotonic, self.rates)
        self.warmth = Warmth(time.monotonic)
        self._ledger: Ledger | None = None
        self._speeds: Speeds | None = None
        self._lock = threading.Lock()  # each is made once, whoever comes at the same time

    def __repr__(self) -> str:
        return "<Gate>"

    @property
    def shares(self) -> bool:
        """Whether minutes and budgets are counted together with other machines."""
        return self._link is not None

    @property
    def ledger(self) -> Ledger:
        """What is spent by the day."""
        with self._lock:
            if self._ledger is None and self._link is not None:
                from inference_providers.routing import RedisLedger
                from inference_providers.state import RedisAccounts

                self._ledger = RedisLedger(RedisAccounts(self._link))
            elif self._ledger is None:
                self._ledger = Ledger.of(self._environ) if self._shared else Ledger(None)
            return self._ledger

    @property
    def speeds(self) -> Speeds:
        """How quick offers are."""
        with self._lock:
            fastest = self._registry.fastest
            if self._speeds is None and self._link is not None:
                from inference_providers.routing import RedisSpeeds

                self._speeds = RedisSpeeds(self._link, fastest)
            elif self._speeds is None:
                self._speeds = Speeds.of(self._environ, fastest) if self._shared else Speeds(fastest)
            return self._speeds

    def waits(self, request: ModelRequest) -> bool:
        """Whether letting a try through may wait for a file, or for others."""
        if self.rates is not None and self.rates.waits:
            return True
        if any(purse.waits for purse in request.preferences.purses):
            return True
        budget = request.preferences.budget
        return self._shared and budget is not None and (budget.per_day is not None or budget.per_month is not None)

    def outlook(self, strategy: Any) -> Outlook:
        """What a policy goes by."""
        speeds = self.speeds if strategy in MEASURED else None
        return Outlook(self._registry, self._random, speeds=speeds, load=self.load, warmth=self.warmth)

    def ordered(self, offers: Sequence[Offer], request: ModelRequest, preferences: Preferences) -> Sequence[Offer]:
        """The candidates in the order of the call's policy; those who are asked in turn keep theirs."""
        strategy = preferences.strategy
        if strategy is None or request.in_turn or (preferences.steps and not preferences.general):
            return offers
        return self.outlook(strategy).ordered(strategy, offers, request.body or {})

    def admitted(self, offer: Offer, request: ModelRequest, seconds: float) -> Admission | Verdict:
        """Let a try through, with what it may take set aside for at most so many seconds; or the verdict that holds it.

        Each try counts anew, whether of another candidate, after a repair, or of a hedge.
        """
        admission = Admission(self, offer, request)
        if not request.api:  # something is looked up, and nothing charged
            return admission
        preferences = request.preferences
        size = Size(fit(request, offer).body or {})
        admission.size = size
        if self.rates is not None:
            tokens = size.likely + size.likely_output(size.output or 256)
            wait, which, admission.taken = self.rates.take(offer.provider, tokens)
            if which:
                return _out_of_its_minute(offer, wait, which, self.rates.spread(offer.provider))
        if preferences.spends and (error := self._reserve(admission, preferences, size, seconds)) is not None:
            admission.undo()
            return _beyond(offer, error)
        self.load.begin(offer)
        admission.begins = time.monotonic()
        return admission

    def _reserve(
        self, admission: Admission, preferences: Preferences, size: Size, seconds: float
    ) -> BudgetExceededError | None:
        offer, request, budget = admission.offer, admission.request, preferences.budget
        who = f"{offer.provider}/{offer.internal_name}"
        free = is_free(offer) or offer.billing == "plan"
        body = fit(request, offer).body
        cost = 0.0 if free else None if body is None else most_cost(request.api, body, offer.facts, size)
        if cost is None:
            if budget is None or not budget.allow_unknown:
                return unpriced(preferences.purses, budget, who)
            cost = 0.0
        admission.cost = cost
        for purse in preferences.purses:
            if (left := purse.reserve(cost)) is not None:
                error = exceeded(cost, left, purse.limit, purse.name, whose=who)
                error.is_passing = purse.has_room(cost)
                return error
            admission.purses.append(purse)
        if budget is None or (budget.per_day is None and budget.per_month is None):
            return None
        entry = self.ledger.reserve(cost, budget, seconds)
        if isinstance(entry, BudgetExceededError):
            left, limit = entry.left or 0.0, entry.limit or 0.0
            error = exceeded(cost, left, limit, entry.budget, renews=entry.renews, whose=who)
            error.is_passing = entry.is_passing
            return error
        admission.entry = entry
        return None


class Admission:
    """One try that was let through, and what is set aside for it, until it is settled."""

    __slots__ = (
        "_gate", "_open", "begins", "cost", "entry", "first", "is_sent", "offer", "purses", "request", "size", "taken",
    )  # fmt: skip

    def __init__(self, gate: Gate, offer: Offer, request: ModelRequest) -> None:
        self._gate, self.offer, self.request = gate, offer, request
        self.size: Size | None = None
        self.taken: Taken | None = None
        self.entry: Entry | None = None
        self.purses: list[Purse] = []
        self.cost = 0.0
        self.begins: float | None = None
        self.is_sent = False  # a call may be cancelled while a thread looks at the file of budgets
        self.first: float | None = None  # seconds to a stream's first content
        self._open = [True]  # whoever takes it out settles it: a stream may be closed by two threads at once

    @property
    def waits(self) -> bool:
        """Whether settling it may wait for a file."""
        in_file = self.taken is not None and self.taken.number is not None
        return in_file or self.entry is not None

    def undo(self) -> None:
        """It was not sent: give everything back."""
        if self.taken is not None and self._gate.rates is not None:
            self._gate.rates.give_back(self.offer.provider, self.taken)
        self._open.clear()
        self._settle(0.0)

    def opened(self) -> None:
        """Its stream has brought its first content."""
        if self.begins is not None:
            self.first = time.monotonic() - self.begins

    def answered(self, verdict: Verdict) -> None:
        """A whole reply, or a failure, has come; settle it."""
        if verdict.error is not None:
            self.failed(verdict)
            return
        usage = usage_of(usage_in(verdict.reply)) if isinstance(verdict.reply, dict) else None
        headers = verdict.response[1] if verdict.response is not None else _NO_HEADERS
        self.ended(usage, headers)

    def failed(self, verdict: Verdict) -> None:
        """It has failed; what may have been charged counts as it was set aside."""
        if not self._taken_out():
            return
        error = verdict.error
        status, code = (error.status, error.code) if error is not None else (None, "")
        charged = status < 400 if status is not None else code in _BILLED
        self._gate.load.end(self.offer, error.headers if error is not None else _NO_HEADERS)
        if self._measured:
            self._gate.speeds.failed(self.offer, time.monotonic() - (self.begins or 0.0))
        if self.taken is not None and self._gate.rates is not None:
            self._gate.rates.correct(self.offer.provider, self.taken, self.taken.tokens if charged else 0.0)
        self._settle(self.cost if charged else 0.0)

    def ended(self, usage: Usage | None, headers: Mapping[str, str] = _NO_HEADERS, *, whole: bool = True) -> None:
        """It is over, with what was used, as far as that is known; else it counts as it was set aside."""
        if not self._taken_out():
            return
        gate, offer, seconds = self._gate, self.offer, time.monotonic() - (self.begins or 0.0)
        gate.load.end(offer, headers)
        if usage is not None:
            if self.taken is not None and gate.rates is not None:
                gate.rates.correct(offer.provider, self.taken, usage.total_tokens)
            if self.request.preferences.strategy is not None:
                gate.warmth.note(self.request.body or {}, offer, usage.input_tokens)
        if self._measured and whole:
            self._measure(seconds, usage.output_tokens if usage is not None else 0)
        is_free_here = is_free(offer) or offer.billing == "plan"
        cost = 0.0 if is_free_here and (usage is None or not usage.price) else cost_of(usage, offer.facts)
        self._settle(self.cost if cost is None else cost)

    def __del__(self) -> None:
        """A stream that was dropped without being closed, or what a call that was cancelled has not sent.

        This may be any moment, so files wait for the next call.
        """
        if self._taken_out():
            self._gate.load.end(self.offer, _NO_HEADERS)
            cost = self.cost if self.is_sent else 0.0
            for purse in self.purses:
                purse.settle(self.cost, cost)
            if self.entry is not None:
                self._gate.ledger.leave(self.entry, cost)

    def dropped(self) -> None:
        """It was cancelled, or nobody reads it any more: nobody knows what it costs, so it counts as set aside."""
        self.ended(None, whole=False)

    def _measure(self, seconds: float, tokens: int) -> None:
        from inference_providers.routing import SHORT

        speeds, offer = self._gate.speeds, self.offer
        if self.first is not None:
            rest = seconds - self.first
            speeds.saw(offer, self.first, tokens / rest if tokens > SHORT and rest > 0.01 else None, tokens)
            return
        first = speeds.of_offer(offer)[0]
        if tokens <= SHORT:
            speeds.saw(offer, seconds, None, tokens)
        else:  # what a whole reply took is told apart as the first content usually takes there
            speeds.saw(offer, None, tokens / max(seconds - min(first, seconds / 2), 0.01), tokens)

    @property
    def _measured(self) -> bool:
        return self.request.preferences.strategy in MEASURED

    def _taken_out(self) -> bool:
        """Whether it is this caller who settles it."""
        if self.begins is None:
            return False
        try:
            return self._open.pop()
        except IndexError:
            return False

    def _settle(self, cost: float) -> None:
        for purse in self.purses:
            purse.settle(self.cost, cost)
        if self.entry is not None:
            self._gate.ledger.settle(self.entry, cost)


def _rates(limits: Any, state: State | None) -> Rates:
    from inference_providers.routing import Rates

    return Rates(limits, time.monotonic, state)


def _out_of_its_minute(offer: Offer, wait: float, which: str, spread: float) -> Verdict:
    said = f"not asked: its {which} a minute are used up (rate_limits); there is room in {wait:.1f} s"
    error = RateLimitError(f"{offer.provider}: {said}", provider=offer.provider, code="rate_limits", retry_after=wait)
    verdict = Verdict(classify.HELD, error, retry_after=wait)
    verdict.spread = spread
    return verdict


def _beyond(offer: Offer, error: BudgetExceededError) -> Verdict:
    pause = PAUSE if error.is_passing else None
    verdict = Verdict(
        classify.HELD, ProviderError(str(error), provider=offer.provider, code="budget"), retry_after=pause
    )
    verdict.exceeded = error
    return verdict
