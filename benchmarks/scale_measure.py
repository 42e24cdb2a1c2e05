"""What the simulation goes by, measured on this machine: a Redis of its own on loopback, and processes that share it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import live_server
from benchmarks.scale_constants import Constants
from inference_providers.state import redis_state
from inference_providers.state.redis_link import RedisLink, Said
from inference_providers.state.redis_state import RedisState
from tests.cluster.redis_server import Redis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUNDS, MANY = 100, 4000
LIMITS = (1e9, None)


@contextmanager
def redis() -> Iterator[Redis]:
    """One for a while."""
    with tempfile.TemporaryDirectory() as folder:
        made = Redis(Path(folder))
        try:
            yield made
        finally:
            made.stop()


def watch(url: str) -> None:
    """What the other process of `spread` does: say when each rest is known here, in seconds of the machine's clock."""
    state = RedisState(RedisLink(url))
    number = 0
    print("ready", len(state.rests()), flush=True)
    key = state.digest("0")
    while number < ROUNDS:
        if key in state.rests():
            print(time.monotonic(), flush=True)
            number += 1
            key = state.digest(str(number))
        time.sleep(0.0002)


def spread(url: str) -> list[float]:
    """Seconds until another process knows of a rest, sorted."""
    state = RedisState(RedisLink(url))
    state.rests()
    command = [sys.executable, "-c", "import sys; from benchmarks.scale_measure import watch; watch(sys.argv[1])", url]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for number in range(ROUNDS):
            time.sleep(0.02)
            begins = time.monotonic()
            state.rest(state.digest(str(number)), time.time() + 60, "cool")
            found.append(float(other.stdout.readline()) - begins)
    return sorted(found)


def trips(url: str) -> list[float]:
    """Seconds of taking out of a minute, sorted."""
    state = RedisState(RedisLink(url))
    found = []
    for _ in range(MANY):
        begins = time.perf_counter()
        state.take("p", 100.0, LIMITS)
        found.append(time.perf_counter() - begins)
    return sorted(found[100:])


def worked(server: Redis, link: RedisLink, said: Sequence[Said], rounds: int) -> float:
    """Redis's own CPU seconds for one of these, said many at once."""
    link.run(*said)
    before = cpu(server)
    for _ in range(rounds):
        link.run(*said)
    return (cpu(server) - before) / rounds / len(said)


def cpu(server: Redis) -> float:
    """CPU seconds of a Redis so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def rest(number: int) -> Said:
    """That something rests."""
    keys = [redis_state.RESTS, redis_state.CHANGES]
    return Said(redis_state._REST, keys, [f"{number:032x}", repr(time.time() + 60), "cool", 3600.0, 5000, 3660.0])


def works(server: Redis, link: RedisLink) -> dict[str, float]:
    """Redis's own seconds for each thing."""
    take = [Said(redis_state.TAKE, [f"{redis_state.MINUTES}q"], [1e9, -1, 100.0])]
    read = [Said(redis_state._ALL, [redis_state.RESTS, redis_state.SECRET], [b"s" * 32, 5000])]
    found = {"take": worked(server, link, take, MANY), "tell": worked(server, link, [rest(1)], MANY)}
    server.said("FLUSHALL")
    found["read"] = worked(server, link, read, MANY)
    link.run(*(rest(number) for number in range(100)))
    found["row"] = (worked(server, link, read, MANY) - found["read"]) / 100
    from redis import Redis as Client

    made: Any = Client.from_url(server.url)
    clients: list[Any] = [made.pubsub() for _ in range(100)]
    for client in clients:
        client.subscribe(redis_state.CHANGES)
    told = worked(server, link, [rest(1)], MANY // 4) - found["tell"]
    for client in clients:
        client.close()
    found["told"] = max(told, 0.0) / 100
    return found


def call() -> float:
    """CPU seconds of a call, the client's alone."""
    from inference_providers import ProviderList
    from tests.conftest import keys, registry_of

    with live_server() as url:
        one = ProviderList(json_override=registry_of(url), environ=keys(1), local=False)
        for _ in range(300):
            one.ask_ai("Hi", "m")
        begins = time.process_time()
        for _ in range(2000):
            one.ask_ai("Hi", "m")
        return (time.process_time() - begins) / 2000


def measured() -> tuple[Constants, list[str]]:
    """The constants, and lines that say what was measured."""
    with redis() as server:
        link = RedisLink(server.url)
        work = works(server, link)
        server.said("FLUSHALL")
        trip, spreads = trips(server.url), spread(server.url)
        version = server.said("INFO", "server").partition("version:")[2].split()[0]
        link.close()
    rounds, known = statistics.median(trip), statistics.median(spreads)
    beyond = max(rounds - work["take"], 1e-6)
    wake = max((known - 2 * beyond - work["tell"] - work["read"]) / 2, 1e-6)  # told, heard of, and read
    made = Constants(trip=beyond, wake=wake, call=call(), **work)
    lines = [
        f"Redis {version} on loopback, protocol 2, Python {sys.version.split()[0]}; {MANY:,} and {ROUNDS} times",
        f"a round trip of `take`: median {rounds * 1e6:.0f} µs, 99th of 100 {trip[len(trip) * 99 // 100] * 1e6:.0f} µs",
        f"a rest is known to another process: median {known * 1e3:.2f} ms, 99th of 100 "
        f"{spreads[len(spreads) * 99 // 100] * 1e3:.2f} ms, at most {spreads[-1] * 1e3:.2f} ms",
    ]
    lines += [f"{name}={value * 1e6:.2f}e-6" for name, value in made._asdict().items()]
    return made, lines


if __name__ == "__main__":
    for line in measured()[1]:
        print(line)
