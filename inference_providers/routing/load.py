"""How much room providers have: requests on their way, what their headers say is left, and our own limits."""

from __future__ import annotations

import re
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.offers import Offer
    from inference_providers.routing.rates import Rates

# Headers of what is left and of how much there is, as providers call them, for requests and for tokens.
HEADROOM = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens"),
    ("x-ratelimit-remaining-requests-minute", "x-ratelimit-limit-requests-minute"),
    ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-limit-tokens-minute"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-limit"),
    ("x-ratelimit-remaining", "x-ratelimit-limit"),
    ("ratelimit-remaining", "ratelimit-limit"),
)
NO_ROOM = 0.001  # of a provider's limits
BELIEVED = 60.0  # seconds for which what a header says counts


class Load:
    """Requests on their way, and the room that is left, for all threads of a process."""

    def __init__(self, clock: Callable[[], float], rates: Rates | None = None) -> None:
        self._clock, self.rates = clock, rates
        self._busy: dict[tuple[str | None, str], int] = {}
        # When it was said, the part that is left, and the part that one request takes.
        self._rooms: dict[tuple[str | None, str], tuple[float, float, float]] = {}
        self._lock = threading.RLock()  # a stream may be dropped at any moment

    def begin(self, offer: Offer) -> None:
        """A request goes out."""
        with self._lock:
            self._busy[offer.place] = self._busy.get(offer.place, 0) + 1

    def end(self, offer: Offer, headers: Mapping[str, str]) -> None:
        """It is over; *headers* are those of the reply, in lower case."""
        parts = [part for pair in HEADROOM if (part := _part(headers, pair)) is not None] if headers else []
        with self._lock:
            if (busy := self._busy.get(offer.place, 0) - 1) > 0:
                self._busy[offer.place] = busy
            else:
                self._busy.pop(offer.place, None)
            if parts:
                self._rooms[offer.place] = (self._clock(), *min(parts))

    def busy(self, offer: Offer) -> int:
        """Requests of this process that are on their way there."""
        return self._busy.get(offer.place, 0)

    def full(self, offer: Offer) -> bool:
        """Whether another request would be refused in this minute, as far as anybody said."""
        room = self.room(offer)
        return room < max(self._rooms.get(offer.place, (0.0, 1.0, 0.0))[2], NO_ROOM)

    def room(self, offer: Offer) -> float:
        """The part of its limits that is left, from 0 to 1; 1 where nobody says."""
        at, room, _ = self._rooms.get(offer.place, (0.0, 1.0, 0.0))
        if room < 1:  # it fills again meanwhile
            room = min(room + (1 - room) * (self._clock() - at) / BELIEVED, 1.0)
        return room if self.rates is None else min(room, self.rates.room(offer.provider))


def _part(headers: Mapping[str, str], pair: tuple[str, str]) -> tuple[float, float] | None:
    """The part that is left, and that one request or token takes, by two headers; None where they do not say."""
    left, most = (headers.get(name, "").partition(",")[0].strip() for name in pair)
    if not (re.fullmatch(r"\d{1,15}", left) and re.fullmatch(r"\d{1,15}", most)) or int(most) == 0:
        return None
    return min(int(left) / int(most), 1.0), 1 / int(most)
