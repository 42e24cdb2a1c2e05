"""Who can serve what: offers, how each is reached, in which order they are tried, and why."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.offers import addresses as addresses
    from inference_providers.offers import defaults as defaults
    from inference_providers.offers.access import ALLOW_VARIABLE as ALLOW_VARIABLE
    from inference_providers.offers.access import BY_HAND as BY_HAND
    from inference_providers.offers.access import BY_HAND_VARIABLE as BY_HAND_VARIABLE
    from inference_providers.offers.access import LACKING as LACKING
    from inference_providers.offers.access import Access as Access
    from inference_providers.offers.access import Accesses as Accesses
    from inference_providers.offers.addresses import AVOID_VARIABLE as AVOID_VARIABLE
    from inference_providers.offers.addresses import OFFLINE_VARIABLE as OFFLINE_VARIABLE
    from inference_providers.offers.addresses import ONLY_VARIABLE as ONLY_VARIABLE
    from inference_providers.offers.addresses import SELECTING as SELECTING
    from inference_providers.offers.addresses import address as address
    from inference_providers.offers.addresses import is_offline as is_offline
    from inference_providers.offers.addresses import own_address as own_address
    from inference_providers.offers.defaults import list_of as list_of
    from inference_providers.offers.defaults import priority as priority
    from inference_providers.offers.explanation import Explanation as Explanation
    from inference_providers.offers.explanation import explained as explained
    from inference_providers.offers.features import FEATURES as FEATURES
    from inference_providers.offers.features import feature_called as feature_called
    from inference_providers.offers.features import features_of as features_of
    from inference_providers.offers.guidance import Guidance as Guidance
    from inference_providers.offers.kinds import KindResolver as KindResolver
    from inference_providers.offers.late_offers import offer_by as offer_by
    from inference_providers.offers.live_list import LiveList as LiveList
    from inference_providers.offers.local_server import LocalServer as LocalServer
    from inference_providers.offers.lookup import FOUND as FOUND
    from inference_providers.offers.lookup import GIVEN as GIVEN
    from inference_providers.offers.lookup import NAMED as NAMED
    from inference_providers.offers.lookup import wire_name as wire_name
    from inference_providers.offers.new_providers import newcomers as newcomers
    from inference_providers.offers.offer import Offer as Offer
    from inference_providers.offers.offer_list import Offers as Offers
    from inference_providers.offers.ordering import all_run_here as all_run_here
    from inference_providers.offers.ordering import order as order
    from inference_providers.offers.ordering import shuffled as shuffled
    from inference_providers.offers.resolution import AUTO as AUTO
    from inference_providers.offers.resolution import SMALL as SMALL
    from inference_providers.offers.resolution import Resolution as Resolution
    from inference_providers.offers.resolver import Resolver as Resolver
    from inference_providers.offers.resolver import is_automatic as is_automatic
    from inference_providers.offers.rules import PREFIXES as PREFIXES
    from inference_providers.offers.rules import prefix_of as prefix_of
    from inference_providers.offers.selection import REMOTE as REMOTE
    from inference_providers.offers.selection import Selection as Selection
    from inference_providers.offers.selection import selection_of as selection_of
    from inference_providers.offers.sorting import POLICIES as POLICIES
    from inference_providers.offers.sorting import apply_policy as apply_policy
    from inference_providers.offers.sorting import is_free as is_free
    from inference_providers.offers.talking import is_to_talk_to as is_to_talk_to

_HOME = {
    "access": (
        "ALLOW_VARIABLE",
        "Access",
        "Accesses",
        "BY_HAND",
        "BY_HAND_VARIABLE",
        "LACKING",
    ),
    "addresses": (
        "AVOID_VARIABLE",
        "OFFLINE_VARIABLE",
        "ONLY_VARIABLE",
        "SELECTING",
        "address",
        "is_offline",
        "own_address",
    ),
    "defaults": (
        "list_of",
        "priority",
    ),
    "explanation": (
        "Explanation",
        "explained",
    ),
    "features": (
        "FEATURES",
        "feature_called",
        "features_of",
    ),
    "guidance": ("Guidance",),
    "kinds": ("KindResolver",),
    "late_offers": ("offer_by",),
    "live_list": ("LiveList",),
    "local_server": ("LocalServer",),
    "lookup": (
        "FOUND",
        "GIVEN",
        "NAMED",
        "wire_name",
    ),
    "new_providers": ("newcomers",),
    "offer": ("Offer",),
    "offer_list": ("Offers",),
    "ordering": (
        "all_run_here",
        "order",
        "shuffled",
    ),
    "resolution": (
        "AUTO",
        "Resolution",
        "SMALL",
    ),
    "resolver": (
        "Resolver",
        "is_automatic",
    ),
    "rules": (
        "PREFIXES",
        "prefix_of",
    ),
    "selection": (
        "REMOTE",
        "Selection",
        "selection_of",
    ),
    "sorting": (
        "POLICIES",
        "apply_policy",
        "is_free",
    ),
    "talking": ("is_to_talk_to",),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "addresses",
        "defaults",
    ),
)
