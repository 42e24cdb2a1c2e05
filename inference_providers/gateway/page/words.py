"""Numbers and moments as a person reads them. Pure."""

from __future__ import annotations

import math

UNKNOWN = "–"
_UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def money(dollars: float | None) -> str:
    """US dollars: all that matters of a small sum, no more than that of a large one."""
    if dollars is None:
        return UNKNOWN
    if dollars == 0:
        return "$0"
    if abs(dollars) < 0.01:
        return f"${dollars:.{min(max(1 - math.floor(math.log10(abs(dollars))), 2), 9)}f}"
    return (
        f"${dollars:,.0f}" if abs(dollars) >= 1000 else f"${dollars:,.2f}" if abs(dollars) >= 1 else f"${dollars:.3f}"
    )


def count(number: float | None) -> str:
    """A number of things, short: 950, 12.3k, 4.56M."""
    if number is None:
        return UNKNOWN
    for size, unit in _UNITS:
        if abs(number) >= size * 0.9995:
            return f"{number / size:.3g}{unit}"
    return f"{number:,.0f}"


def seconds(value: float | None) -> str:
    """How long something took."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 100:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def percent(part: float, whole: float) -> str:
    """A part of all."""
    if not whole:
        return UNKNOWN
    share = 100 * part / whole
    return "0 %" if not part else "< 0.1 %" if share < 0.1 else f"{share:.1f} %" if share < 10 else f"{share:.0f} %"


def several(number: int, what: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(at: float, form: str) -> str:
    """A moment of the gateway's clock."""
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone().strftime(form)


def zone() -> str:
    """By which zone the gateway's clock goes, as `UTC+01:00`."""
    from datetime import datetime

    said = datetime.now().astimezone().strftime("%z")
    return "UTC" if said in ("", "+0000") else f"UTC{said[:3]}:{said[3:5]}"
