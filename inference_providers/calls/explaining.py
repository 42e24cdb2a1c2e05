"""Why candidates are asked in the order of a policy, for people."""

from __future__ import annotations

from inference_providers.chat import order_behind
from inference_providers.offers import AUTO
from inference_providers.routing import checked_strategy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.calls.pipeline import Pipeline
    from inference_providers.offers import Explanation

_EXAMPLE = {"messages": [{"role": "user", "content": "x" * 4000}]}  # a thousand tokens


def explained(pipeline: Pipeline, found: Explanation, policy: Any) -> Explanation:
    """An explanation with the candidates in the order of a policy, and its arithmetic for a question of usual length.

    Raises TypeError and ValueError for what is no policy.
    """
    name, preferences = found.name or AUTO, pipeline.preferences
    strategy = checked_strategy(policy) if policy is not None else order_behind([name])
    if strategy is None and preferences is not None:
        strategy = preferences.strategy
    if strategy is None:
        return found
    outlook = pipeline.gate.outlook(strategy)
    outlook.explores = False
    ordered = outlook.ordered(strategy, found.candidates, _EXAMPLE)
    return found.by_policy(ordered, lambda offer: outlook.told(strategy, offer, _EXAMPLE))
