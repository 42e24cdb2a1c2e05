# Made of `async_trial.py` by `make generate`: change that, not this.
"""What one try of a candidate needs, whether its reply streams or not."""

from __future__ import annotations

import time

from inference_providers.errors import LocalServerError
from inference_providers.transport import ERROR_CAP, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.offers import Offer
    from inference_providers.transport import Response


def running(offer: Offer, limit: float) -> float:
    """Have there what comes first, a server that this package launches or a token; what is left of *limit* seconds.

    Raises WireError.
    """
    started = time.monotonic()
    try:
        if offer.tokens is not None:
            if not offer.awake:
                from inference_providers.transport import renew_token

                renew_token(offer.tokens, limit)
        else:
            offer.wake(limit)
    except LocalServerError as error:
        raise WireError("launch", str(error)) from None
    return max(limit - (time.monotonic() - started), 0.001)


def error_body(response: Response) -> bytes:
    """The first bytes of an error body, as many as came: enough for its message."""
    parts, size = [], 0
    try:
        for chunk in response.chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= ERROR_CAP:
                break
    except WireError:
        pass
    finally:
        response.close()
    return b"".join(parts)
