"""Which candidate is asked next, after how long, and how many at once."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.routing.budget import BATCH as BATCH
    from inference_providers.routing.budget import Entry as Entry
    from inference_providers.routing.budget import Ledger as Ledger
    from inference_providers.routing.budget import Purse as Purse
    from inference_providers.routing.budget import budget_of as budget_of
    from inference_providers.routing.budget import checked_budget as checked_budget
    from inference_providers.routing.budget import exceeded as exceeded
    from inference_providers.routing.budget import unpriced as unpriced
    from inference_providers.routing.concurrency import OVERLOADED as OVERLOADED
    from inference_providers.routing.concurrency import RISE as RISE
    from inference_providers.routing.concurrency import ConcurrencyLimiter as ConcurrencyLimiter
    from inference_providers.routing.concurrency import OfferLanes as OfferLanes
    from inference_providers.routing.concurrency import Pace as Pace
    from inference_providers.routing.concurrency import overloaded as overloaded
    from inference_providers.routing.health import Health as Health
    from inference_providers.routing.learned import Learned as Learned
    from inference_providers.routing.leases import Grant as Grant
    from inference_providers.routing.leases import Lane as Lane
    from inference_providers.routing.leases import LeasedPace as LeasedPace
    from inference_providers.routing.leases import Report as Report
    from inference_providers.routing.lending import Lender as Lender
    from inference_providers.routing.lending import LentPurse as LentPurse
    from inference_providers.routing.lending import Loan as Loan
    from inference_providers.routing.lending import Wish as Wish
    from inference_providers.routing.load import Load as Load
    from inference_providers.routing.permits import Permits as Permits
    from inference_providers.routing.policy import Policy as Policy
    from inference_providers.routing.preferences import Preferences as Preferences
    from inference_providers.routing.preferences import Step as Step
    from inference_providers.routing.preferences import configured as configured
    from inference_providers.routing.preferences import preferences_of as preferences_of
    from inference_providers.routing.rates import Rates as Rates
    from inference_providers.routing.rates import checked_rates as checked_rates
    from inference_providers.routing.redis_ledger import RedisLedger as RedisLedger
    from inference_providers.routing.redis_speeds import RedisSpeeds as RedisSpeeds
    from inference_providers.routing.router import Send as Send
    from inference_providers.routing.router import Sleep as Sleep
    from inference_providers.routing.router import route as route
    from inference_providers.routing.shared_rests import forget_refused as forget_refused
    from inference_providers.routing.speeds import SHORT as SHORT
    from inference_providers.routing.speeds import Speeds as Speeds
    from inference_providers.routing.strategies import MEASURED as MEASURED
    from inference_providers.routing.strategies import Outlook as Outlook
    from inference_providers.routing.strategies import checked_strategy as checked_strategy
    from inference_providers.routing.strategies import quality as quality
    from inference_providers.routing.strategies import strategy_of as strategy_of
    from inference_providers.routing.warmth import Warmth as Warmth

_HOME = {
    "budget": (
        "BATCH",
        "Entry",
        "Ledger",
        "Purse",
        "budget_of",
        "checked_budget",
        "exceeded",
        "unpriced",
    ),
    "concurrency": (
        "ConcurrencyLimiter",
        "OVERLOADED",
        "OfferLanes",
        "Pace",
        "RISE",
        "overloaded",
    ),
    "health": ("Health",),
    "learned": ("Learned",),
    "leases": ("LeasedPace",),
    "lending": (
        "Lender",
        "LentPurse",
    ),
    "load": ("Load",),
    "permits": ("Permits",),
    "policy": ("Policy",),
    "preferences": (
        "Preferences",
        "Step",
        "configured",
        "preferences_of",
    ),
    "rates": (
        "Rates",
        "checked_rates",
    ),
    "redis_ledger": ("RedisLedger",),
    "redis_speeds": ("RedisSpeeds",),
    "router": (
        "Send",
        "Sleep",
        "route",
    ),
    "shared_rests": ("forget_refused",),
    "speeds": (
        "SHORT",
        "Speeds",
    ),
    "strategies": (
        "MEASURED",
        "Outlook",
        "checked_strategy",
        "quality",
        "strategy_of",
    ),
    "warmth": ("Warmth",),
}
__getattr__, __dir__ = face(__name__, _HOME)
