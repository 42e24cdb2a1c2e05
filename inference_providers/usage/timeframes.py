"""Words for a time, as `7d`, `last_30_days`, `this_month` or `2026-11-01`. Days are those of a time zone, as they are
there: one has 23 or 25 hours where the clocks change.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo

_UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
WORDS = "7d, 24h, last_30_days, today, yesterday, this_week, this_month, last_month, this_year, all, 2026-11-01"
FOREVER = datetime(1971, 1, 1)
_LATEST = 253_370_000_000.0  # in the year 9998


def moments(words: str, now: datetime, zone: tzinfo | None = None) -> tuple[float, float]:
    """From when (inclusive) to when (exclusive) words mean, in seconds since 1970; to the future where it goes on.

    A number of days (weeks, months) are as many whole days, of which today is the last; hours and minutes are counted
    from now. zone: default that of this machine. Raises ValueError for other words.
    """
    said = words.strip().lower().replace("-", "_").replace(" ", "_")
    today = now.astimezone(zone).date()
    end = float("inf")
    months = {"this": today.replace(day=1), "last": (today.replace(day=1) - timedelta(days=1)).replace(day=1)}
    days: dict[str, tuple[date, date | None]] = {
        "today": (today, None),
        "yesterday": (today - timedelta(days=1), today),
        "this_week": (today - timedelta(days=today.weekday()), None),
        "last_week": (today - timedelta(days=today.weekday() + 7), today - timedelta(days=today.weekday())),
        "this_month": (months["this"], None),
        "last_month": (months["last"], months["this"]),
        "this_year": (today.replace(month=1, day=1), None),
        "all": (FOREVER.date(), None),
        "all_time": (FOREVER.date(), None),
    }
    if said in days:
        first, last = days[said]
        return midnight(first, zone), end if last is None else midnight(last, zone)
    if found := re.fullmatch(r"(\d{4})_(\d\d?)_(\d\d?)", said):
        return midnight(date(*map(int, found.groups())), zone), end
    found = re.fullmatch(r"(?:last_)?(\d{1,5})_?([mhdwy]|(?:minute|hour|day|week|month|year)s?)", said)
    if found is None:
        raise ValueError(f"a time is one of these: {WORDS}; not {words!r}")
    count, unit = int(found[1]), _UNITS.get(found[2], found[2].rstrip("s"))
    if unit in ("minute", "hour"):
        return now.timestamp() - count * (60 if unit == "minute" else 3600), end
    back = min(max(count * _DAYS[unit] - 1, 0), (today - FOREVER.date()).days)
    return midnight(today - timedelta(days=back), zone), end


def midnight(day: date, zone: tzinfo | None = None) -> float:
    """When a day begins, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def day_of(moment: float, zone: tzinfo | None = None) -> str:
    """The day that a moment is in, as `2026-11-26`."""
    return _local(moment, zone).strftime("%Y-%m-%d")


def hour_of(moment: float, zone: tzinfo | None = None) -> str:
    """The hour that a moment is in, with the zone's difference to UTC: some hours come twice."""
    return _local(moment, zone).strftime("%Y-%m-%d %H:00 %z")


def _local(moment: float, zone: tzinfo | None) -> datetime:
    """That moment there; the last that a year has digits for, where it is later: whatever was put into a file."""
    return datetime.fromtimestamp(min(moment, _LATEST)).astimezone(zone)
