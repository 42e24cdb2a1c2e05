"""How quick offers are from this machine: decayed medians of time to first content and of tokens a second.

Kept for a day in a small file, so that the next program begins with what this one has seen; nothing of any request is
in it. Only programs that ask for the fastest measure, and only theirs is kept.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from inference_providers.usage import USUAL_OUTPUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.files import Database
    from inference_providers.offers import Offer

NAME = "speeds.sqlite"
SCHEMA = (
    "CREATE TABLE speeds (provider TEXT NOT NULL, model TEXT NOT NULL, at REAL NOT NULL, first REAL, speed REAL);"
    "CREATE INDEX speeds_by_time ON speeds (at)",
)
DAY = 86400.0
SAMPLES = 32  # of each offer
FEW = 4.0  # samples after which one counts half
HALF_LIFE = 900.0  # seconds after which one counts half
PRIOR = 0.25  # how much what the registry says counts, where a fresh sample counts 1
USUAL_FIRST, USUAL_SPEED = 1.0, 60.0  # seconds, and tokens a second, where nothing is known
_LISTED_FIRST, _LISTED_SPEED = 0.4, 240.0  # of the first that the registry calls fast; less so down its list
SHORT = 20  # tokens: an answer of fewer says nothing of a speed
LEARNED = 0.02  # how much one answer says of how long they are
_LOST = 0.6  # how much of what failures cost lately is still believed after one more call
LONG = 600.0  # seconds for which a failure is remembered


class _Samples:
    """What was seen of one offer: (when, seconds to first content, tokens a second), the latest first."""

    __slots__ = ("failed", "failed_at", "seen")

    def __init__(self) -> None:
        self.seen: deque[tuple[float, float | None, float | None]] = deque(maxlen=SAMPLES)
        self.failed, self.failed_at = 0.0, 0.0  # seconds that a call lost there lately


class Speeds:
    """What is known of how quick offers are; for all threads of a process."""

    def __init__(
        self,
        fastest: Sequence[str] = (),
        database: Database | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """*fastest*: providers that the registry calls fast, the fastest first. *clock*: seconds since 1970."""
        self._places = {provider: place for place, provider in enumerate(fastest)}
        self._database, self._clock = database, clock
        self._offers: dict[tuple[str, str], _Samples] = {}
        self._known: dict[tuple[str, str], tuple[float, tuple[float, float]]] = {}  # medians, and until when they count
        self._length = float(USUAL_OUTPUT)
        self._lock = threading.Lock()
        self._read()

    @classmethod
    def of(cls, environ: Mapping[str, str], fastest: Sequence[str]) -> Speeds:
        """Those that this user's programs have seen; in memory for a user without a home folder."""
        from inference_providers.files import Database

        return cls(fastest, Database.of(NAME, environ, SCHEMA))

    def saw(self, offer: Offer, first: float | None, speed: float | None, tokens: int = 0) -> None:
        """An answer came: after so many seconds, with so many tokens a second; None for what it does not tell.

        *tokens*: how many there were, for what a usual answer has.
        """
        self._length += LEARNED * (tokens - self._length) if tokens else 0.0
        if first is None and speed is None:
            return
        now = self._clock()
        with self._lock:
            samples = self._samples(_key(offer))
            samples.seen.appendleft((now, first, speed))
            samples.failed *= _LOST
            self._known.pop(_key(offer), None)
        if self._database is not None and not offer.launchable:
            from inference_providers.files import row_writer

            row_writer().put(self._database, _keep, (offer.provider, offer.internal_name, now, first, speed))

    @property
    def usual(self) -> int:
        """Tokens of a usual answer to this program's questions."""
        return max(int(self._length), 1)

    def failed(self, offer: Offer, seconds: float) -> None:
        """A call was lost there, after so many seconds."""
        with self._lock:
            samples = self._samples(_key(offer))
            samples.failed = max(samples.failed, seconds)
            samples.failed_at = self._clock()

    def of_offer(self, offer: Offer) -> tuple[float, float, int]:
        """Seconds to the first content, tokens a second, and how many samples say so."""
        key, now = _key(offer), self._clock()
        samples = self._offers.get(key)
        if samples is None:
            return *self._prior(offer), 0
        known = self._known.get(key)
        if known is None or known[0] < now:
            known = self._known[key] = (now + HALF_LIFE / 20, self._medians(offer, samples, now))
        return *known[1], len(samples.seen)

    def seconds(self, offer: Offer, tokens: float) -> float:
        """What an answer of so many tokens is expected to take there, what failures cost lately included."""
        first, speed, _ = self.of_offer(offer)
        samples = self._offers.get(_key(offer))
        lost = 0.0
        if samples is not None and samples.failed:
            lost = samples.failed * 0.5 ** ((self._clock() - samples.failed_at) / LONG * 4)
        return first + tokens / speed + lost

    def age(self, offer: Offer) -> float:
        """Seconds since it was last seen; endless where it never was."""
        samples = self._offers.get(_key(offer))
        seen = max(samples.seen[0][0] if samples.seen else 0.0, samples.failed_at) if samples is not None else 0.0
        return self._clock() - seen if seen else float("inf")

    def _medians(self, offer: Offer, samples: _Samples, now: float) -> tuple[float, float]:
        prior = self._prior(offer)
        with self._lock:
            seen = list(samples.seen)
        found = []
        for column in (0, 1):
            rows, place = [(prior[column], PRIOR)], 0
            for at, *values in seen:
                value = values[column]
                if value is not None:
                    rows.append((value, 0.5 ** (place / FEW + (now - at) / HALF_LIFE)))
                    place += 1
            found.append(_median(rows))
        return found[0], max(found[1], 0.1)

    def _prior(self, offer: Offer) -> tuple[float, float]:
        place = self._places.get(offer.provider)
        if place is None:
            return USUAL_FIRST, USUAL_SPEED
        return _LISTED_FIRST + 0.05 * place, max(_LISTED_SPEED - 20 * place, USUAL_SPEED)

    def _samples(self, key: tuple[str, str]) -> _Samples:
        return self._offers.setdefault(key, _Samples())

    def _read(self) -> None:
        now = self._clock()
        rows = self._database.read(lambda connection: _rows(connection, now - DAY)) if self._database else None
        for provider, model, at, first, speed in rows or ():
            if at <= now and _is_time(first) and _is_time(speed):  # whatever was put into the file
                samples = self._samples((provider, model))
                samples.seen.appendleft((at, first, speed))


def _key(offer: Offer) -> tuple[str, str]:
    return offer.provider, offer.internal_name


def _keep(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.executemany("INSERT INTO speeds VALUES (?, ?, ?, ?, ?)", rows)
    now = rows[-1][2]
    connection.execute("DELETE FROM speeds WHERE at < ? OR at > ?", (now - DAY, now + DAY))


def _rows(connection: sqlite3.Connection, since: float) -> list[Any]:
    rows = connection.execute(
        "SELECT provider, model, at, first, speed FROM speeds WHERE at > ? AND typeof(at) = 'real' "
        "ORDER BY at DESC LIMIT 2000",
        (since,),
    ).fetchall()
    return rows[::-1]


def _is_time(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0 <= value < float("inf"))


def _median(rows: list[tuple[float, float]]) -> float:
    """The value that as much weight is below as above."""
    rows.sort()
    half = sum(weight for _, weight in rows) / 2
    for value, weight in rows:
        half -= weight
        if half <= 0:
            return value
    return rows[-1][0]
