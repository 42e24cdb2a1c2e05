"""The command line at another time: `python -m tests.browser.clock serve ...` with CLOCK, in seconds since 1970.

The clock goes on from there, so that whatever waits for it still ends. It is set before anything of the package is
loaded.
"""

from __future__ import annotations

import datetime
import os
import time

_SHIFT = float(os.environ["CLOCK"]) - time.time()
_real, _gmtime, _localtime, _strftime = time.time, time.gmtime, time.localtime, time.strftime


def _now() -> float:
    return _real() + _SHIFT


class _Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Shifted:
        return cls.fromtimestamp(_now(), tz)


def main() -> None:
    """Run it."""
    time.time = _now
    time.gmtime = lambda seconds=None: _gmtime(_now() if seconds is None else seconds)
    time.localtime = lambda seconds=None: _localtime(_now() if seconds is None else seconds)
    time.strftime = lambda form, when=None: _strftime(form, time.gmtime() if when is None else when)
    datetime.datetime = _Shifted  # type: ignore[misc]
    from inference_providers.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
