"""A program that asks what it is told, line by line, and may not survive what it is answered: see `kit.Victim`.

Each question has so many seconds of the processor; a timer of the system ends the program after them.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any

SECONDS = 1.0  # of the processor, for one question: fifty times what a right one takes


def main() -> None:
    """Answer lines until there are no more."""
    from inference_providers import InferenceProvidersError

    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin:
        what = json.loads(line)
        before = _peak(anew=True)
        signal.setitimer(
            signal.ITIMER_PROF, 0 if what.pop("warm", False) else SECONDS
        )  # to load modules is no reply's fault
        try:
            _asked(**what)
            outcome = ""
        except InferenceProvidersError as error:
            outcome = type(error).__name__
        except Exception as error:  # noqa: BLE001  (it is told)
            outcome = f"untyped {type(error).__name__}: {error}"[:200]
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps({"outcome": outcome, "peak": _peak() - before}), flush=True)


def _asked(url: str, stream: bool = False, schema: Any = None) -> None:
    from inference_providers import Policy, ProviderList

    environ = {"OPENAI_API_KEY": "k-0123456789abcdef", "OPENAI_BASE_URL": url}
    made = ProviderList(environ=environ, local=False, policy=Policy(tries=1, attempts=1), timeout=30)
    try:
        if stream:
            for _ in made.stream("hi", "openai/gpt-4o"):
                continue
        else:
            made.ask_ai("hi", "openai/gpt-4o", schema=schema)
    finally:
        made.close()


def _peak(*, anew: bool = False) -> int:
    """The most memory that this program has had, in bytes; *anew*, from now on, where the system can say that."""
    try:
        if anew:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
