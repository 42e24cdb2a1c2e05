"""What gateways on several machines keep together, where they share a Redis; else each keeps it for its user."""

from __future__ import annotations

from inference_providers.compat import HOUR
from inference_providers.gateway import kept_responses, replies
from inference_providers.gateway.kept_responses import KeptResponses
from inference_providers.gateway.replies import Replies
from inference_providers.gateway.tiers import Tiers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.state import RedisLink


def tiers_of(environ: Mapping[str, str], workers: int, link: RedisLink | None) -> Tiers:
    """What callers may use, and have used."""
    if link is None:
        return Tiers.of(environ, workers)
    from inference_providers.gateway.redis_tiers import RedisTiers

    return RedisTiers(link)


def replies_of(environ: Mapping[str, str], link: RedisLink | None) -> Replies:
    """Replies that can be read again for an hour."""
    if link is None:
        return Replies.of(environ)
    from inference_providers.gateway.redis_replies import RedisReplies

    return RedisReplies(link, replies.NAME, HOUR)


def responses_of(environ: Mapping[str, str], link: RedisLink | None) -> KeptResponses:
    """Responses from which conversations go on."""
    if link is None:
        return KeptResponses.of(environ)
    from inference_providers.gateway.redis_replies import RedisReplies

    return KeptResponses(RedisReplies(link, kept_responses.NAME, kept_responses.HOURS * 3600.0))


def forget_shared(link: RedisLink, caller: str) -> None:
    """Remove all that is kept of a caller there. Raises OSError."""
    from inference_providers.cache import purge_shared

    tiers_of({}, 1, link).forget(caller)
    replies_of({}, link).purge(caller)
    responses_of({}, link).purge(caller)
    purge_shared(link, caller)
