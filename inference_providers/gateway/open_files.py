"""How many connections there can be, by what the system lets this process have open."""

from __future__ import annotations

from contextlib import suppress

_OTHERS = 64  # files that are open beside connections


def most_connections(wanted: int) -> int:
    """At most *wanted*: each may need a second one, to a provider. Raises the process's own limit as far as it may."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    aim = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
        soft = aim
    return min(wanted, max((soft - _OTHERS) // 2, 8))
