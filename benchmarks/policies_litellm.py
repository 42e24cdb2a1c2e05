"""LiteLLM's own latency-based strategy through the days of `benchmarks.policies`: its class, fed by its callbacks.

What surrounds that class in LiteLLM is imitated: who fails rests for the five seconds of its default, and the next one
is whom the strategy picks among those that are left.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING, Any

from benchmarks.policies import NAMES, SILENCE, LatencyBased

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.policies import Question, Run

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it would fetch a price list
GROUP = "m"


class LiteLLM(LatencyBased):
    """The class that `routing_strategy="latency-based-routing"` makes, with the options that it has by default."""

    def begin(self, run: Run) -> None:
        """A day begins."""
        from litellm.caching.caching import DualCache
        from litellm.router_strategy.lowest_latency import LowestLatencyLoggingHandler

        super().begin(run)
        random.seed(f"litellm {run.day.seed}")  # it takes the random numbers of all
        self.strategy = LowestLatencyLoggingHandler(DualCache())
        self.deployments = [{"model_info": {"id": name}, "litellm_params": {"model": name}} for name in NAMES]

    def ordered(self, question: Question, body: dict[str, Any]) -> Sequence[Any]:
        """Whom it picks, whom it picks of those that are left, and so on; who rests comes last."""
        now, found = self.run.now, []
        for rests in (False, True):
            left = [one for place, one in enumerate(self.deployments) if (self.rests[place] > now) == rests]
            while left:
                picked = self.strategy.get_available_deployments(GROUP, left)
                left.remove(picked)
                found.append(self.offers[NAMES.index(picked["model_info"]["id"])])
        return found

    def over(self, place: int, question: Question, first: float, took: float, *, ok: bool) -> None:
        """It is answered, or lost: what LiteLLM tells its callbacks then."""
        import litellm

        about = {"metadata": {"model_group": GROUP}, "model_info": {"id": NAMES[place]}}
        began, now = self.run.now - took, self.run.now
        if ok:
            tokens = {"prompt_tokens": question.asked, "completion_tokens": question.told}
            usage = litellm.Usage(**tokens, total_tokens=question.asked + question.told)
            reply = litellm.ModelResponse(usage=usage)
            self.strategy.log_success_event({"litellm_params": about}, reply, began, now)
            return
        self.rests[place] = now + 5
        if took >= SILENCE / 2:
            error = litellm.Timeout("silent", model=GROUP, llm_provider=NAMES[place])
            kwargs = {"litellm_params": about, "exception": error}
            asyncio.run(self.strategy.async_log_failure_event(kwargs, None, began, now))
