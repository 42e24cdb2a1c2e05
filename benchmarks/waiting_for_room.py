"""Programs that wait for room in one minute, which they share by Redis: how often do they ask it?

    python -m benchmarks.waiting_for_room [SECONDS [FOLDER]]

Needs redis-server (or valkey-server) and redis-py. Each program has threads that ask one after another, all together
three times as much as the provider's minute has. FOLDER: the clone whose package the programs use; default: this one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.common import ROOT, print_table
from benchmarks.limited_server import limited_server, numbers
from benchmarks.shared_gateways import start_redis

PROGRAMS, THREADS, LIMIT = (1, 4), 24, 120  # requests a minute
TAKES = 2.0  # seconds that an answer takes, so that places become free one by one
PATIENCE = 90.0  # seconds that a call may take: all are answered in the end

PROGRAM = """
import json, sys, threading, time
from inference_providers import ProviderList
from inference_providers.state import redis_state
from inference_providers.state.redis_link import RedisLink
take, ask, taken = getattr(redis_state, "TAKE", None) or redis_state._TAKE, RedisLink.ask, []
def counted(self, script, *given):
    if script is take: taken.append(1)
    return ask(self, script, *given)
RedisLink.ask = counted
url, redis, limit, threads, seconds, patience, home = json.loads(sys.argv[1])
row = {"connection": {"protocol": "openai", "endpoint": url, "api_key": "P1_API_KEY"}, "model_names": {"m": "m"}}
providers = ProviderList(
    json_override={"providers": {"p1": row}}, environ={"P1_API_KEY": "sk-test-0123456789abcdef", "HOME": home},
    local=False, state=redis, rate_limits={"p1": {"requests_per_minute": limit}},
)
found, end = [], time.monotonic() + seconds
def work():
    while time.monotonic() < end:
        try:
            found.append(len(providers.ask_ai("Hi", "m", timeout=patience).attempts) > 1)
        except Exception as error:
            found.append(type(error).__name__)
asking = [threading.Thread(target=work) for _ in range(threads)]
for one in asking: one.start()
for one in asking: one.join()
print(json.dumps([found, len(taken)]))
"""


def measured(programs: int, seconds: float, folder: Path) -> list[str]:
    """The cells of a row."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack, limited_server(TAKES, 1000) as url:
        _, port = start_redis(stack, Path(home))
        given = json.dumps([url, f"redis://127.0.0.1:{port}/0", LIMIT, THREADS, seconds, PATIENCE, home])
        command = [sys.executable, "-c", PROGRAM, given]
        started = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) for _ in range(programs)]
        told = [json.loads(one.communicate()[0]) for one in started]
        answered = numbers(url)["answered"]
    found = [outcome for outcomes, _ in told for outcome in outcomes]
    asked, waited = sum(count for _, count in told), sum(outcome is not False for outcome in found)
    for_those = (asked - (len(found) - waited)) / max(waited, 1)  # all others asked once
    return [f"{programs}", f"{len(found)}", f"{answered}", f"{waited}", f"{asked}", f"{for_those:.1f}"]


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 75.0
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT
    head = ["programs", "calls", "answered", "calls that waited", "asked Redis", "for each that waited"]
    started = time.monotonic()
    print_table(head, (measured(programs, seconds, folder) for programs in PROGRAMS))
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
