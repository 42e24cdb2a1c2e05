"""One and three real programs before twenty servers on loopback, beside the simulation of the same minute.

The programs, the servers' schedule, the times of calls and of answers are those of the plan; Redis is a real one, which
is killed and started again where the plan says so.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT
from benchmarks.scale_constants import MEASURED
from benchmarks.scale_fleet import WAYS, Run, Way
from benchmarks.scale_world import GONE, KEY_REST, PROVIDERS, QUICK, TOTAL, Plan, Provider
from tests.cluster.redis_server import Redis
from tests.conftest import keys, registry_of
from tests.servers import Connection, Received, Server, completion

SECONDS, RATE, SEEDS, REAL_SEEDS = 60.0, 4.0, range(1, 31), (1, 2, 3)
FLEETS = (1, 3)
LEAD = 1.0  # seconds until they begin, once all are ready
OPERATIONS = "operations of Redis a call"
CHECKED = (WAYS[0], WAYS[2], WAYS[3])


def program(number: int, plan: Plan, urls: list[str], state: str | None) -> dict[str, Any]:
    """One real replica: asks what the plan says when it says so, from the second on that it is told."""
    from inference_providers import InferenceProvidersError, Policy, ProviderList

    limits = {f"p{place + 1}": {"requests_per_minute": plan.limit(place)} for place in range(PROVIDERS)}
    registry = registry_of(*urls)
    one = ProviderList(
        json_override=registry, environ=keys(PROVIDERS), local=False, timeout=TOTAL, state=state, rate_limits=limits,
        policy=Policy(total=TOTAL, key_rest=KEY_REST),
    )  # fmt: skip
    offers = {offer.provider: offer for offer in one.pipeline.asker.candidates("m", None)}
    done = {"asked": 0, "answered": 0}
    noticed: dict[int, float] = {}
    lock, ends = threading.Lock(), threading.Event()
    late: list[float] = []

    def ask(at: float, seconds: float) -> None:
        is_answered = True
        late.append(time.monotonic() - begins - at)
        try:
            one.ask_ai(f"{seconds:.4f}", "m", policy="random")
        except InferenceProvidersError:
            is_answered = False
        with lock:
            done["asked"] += 1
            done["answered"] += is_answered

    def look() -> None:
        health = one.pipeline.health
        while not ends.wait(0.005):
            now = time.monotonic() - begins
            for place, (outage, first, last) in enumerate(plan.outages()):
                offer = offers[f"p{outage.place + 1}"]
                if first <= now < last and place not in noticed and (health.cooling(offer) > 0 or health.dead(offer)):
                    noticed[place] = now - first

    print("ready", one.pipeline.health.cooling(offers["p1"]), flush=True)
    begins = float(sys.stdin.readline())
    with ThreadPoolExecutor(128) as threads:
        threads.submit(look)
        for at, seconds in plan.calls(number):
            time.sleep(max(begins + at - time.monotonic(), 0))
            threads.submit(ask, at, seconds)
        time.sleep(max(begins + plan.seconds - time.monotonic(), 0))
        ends.set()
    return {**done, "noticed": noticed, "late": sorted(late)[len(late) * 95 // 100]}


def server_of(provider: Provider, begins: list[float]) -> Server:
    """A real server that does what the plan says of a provider."""
    lock = threading.Lock()

    def behave(connection: Connection, request: Received) -> None:
        with lock:
            status, wait = provider.meets(time.monotonic() - begins[0])
        if status == 200:
            time.sleep(float(request.json["messages"][-1]["content"]))
            connection.reply(200, completion("hello"))
            return
        time.sleep(QUICK)
        connection.reply(status, {}, {} if wait is None else {"retry-after": f"{wait:g}"})

    return Server(behave)


def real(plan: Plan, way: Way) -> dict[str, Any]:
    """What really happens."""
    start_at: list[float] = []
    providers = [Provider(place, plan) for place in range(PROVIDERS)]
    servers = [server_of(provider, start_at) for provider in providers]
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(Path(folder)) if way.shared else None
        given = [[server.url for server in servers], None if redis is None else redis.url]
        programs = [start("program", number, list(plan), *given) for number in range(plan.replicas)]
        begins = told_to_begin(programs)
        start_at.append(begins)
        operations = 0
        if redis is not None and way.gone:
            time.sleep(max(begins + GONE[0] * plan.seconds - time.monotonic(), 0))
            operations += evaluated(redis)
            redis.stop()
            time.sleep(max(begins + GONE[1] * plan.seconds - time.monotonic(), 0))
            redis.start()
        said = [json.loads(one.communicate()[0]) for one in programs]
        if redis is not None:
            operations += evaluated(redis)
            redis.stop()
    for server in servers:
        server.close()
    noticed = [[one["noticed"].get(str(number)) for one in said] for number in range(len(plan.outages()))]
    asked, answered = (sum(one[name] for one in said) for name in ("asked", "answered"))
    return figures(plan, asked, answered, providers, noticed, operations) | {"late": max(one["late"] for one in said)}


def told_to_begin(programs: list[subprocess.Popen[str]]) -> float:
    """When they begin, which all are told as soon as all are ready; by the machine's clock."""
    for one in programs:
        assert one.stdout is not None
        one.stdout.readline()
    begins = time.monotonic() + LEAD
    for one in programs:
        assert one.stdin is not None
        one.stdin.write(f"{begins}\n")
        one.stdin.flush()
    return begins


def simulated(plan: Plan, way: Way) -> dict[str, Any]:
    """What the simulation says."""
    run = Run(plan, way, MEASURED).go()
    noticed = [[found.get(number) for number in range(plan.replicas)] for found in run.noticed]
    operations = sum(run.server.operations.values()) - run.server.operations["message"]
    return figures(plan, run.asked, run.answered, run.providers, noticed, operations)


def figures(
    plan: Plan, asked: int, answered: int, providers: list[Provider], noticed: list[list[Any]], operations: int
) -> dict[str, Any]:
    """What is compared."""
    sent = sum(one.asked for one in providers)
    refused = [at for at in noticed[3] if at is not None]
    failing = [at for number in (0, 1, 2, 4) for at in noticed[number] if at is not None]
    return {
        "answered, %": 100 * answered / asked,
        "extra requests a call": sent / asked - 1,
        "to a dead provider, % of calls": 100 * sum(one.dead for one in providers) / asked,
        "over a limit, % of requests": 100 * sum(one.over for one in providers) / sent,
        "outages noticed, % of replicas": 100 * len(failing) / (4 * plan.replicas),
        "a refused key noticed by all, s": max(refused) if len(refused) == plan.replicas else None,
        OPERATIONS: operations / asked,
    }


def evaluated(redis: Redis) -> int:
    """Scripts that a Redis has run."""
    return int(redis.said("INFO", "commandstats").partition("cmdstat_evalsha:calls=")[2].partition(",")[0] or 0)


def start(what: str, *given: Any) -> subprocess.Popen[str]:
    """A process of `main`."""
    command = [sys.executable, "-m", "benchmarks.scale_check", what, json.dumps(given)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def check() -> None:
    """Print the mean of real runs beside the mean of simulated ones, and the least and the greatest of those."""
    print("| replicas | knows | figure | real, mean | simulated, mean | least | most | difference | within |")
    print("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    within = count = 0
    for number, way in enumerate(CHECKED):
        cases = [(replicas, seed) for replicas in FLEETS for seed in REAL_SEEDS]
        running = [start("real", replicas, number, seed) for replicas, seed in cases]
        said = [json.loads(one.communicate()[0]) for one in running]
        for replicas in FLEETS:
            found = [one for (of, _), one in zip(cases, said, strict=True) if of == replicas]
            late = max(one.pop("late") for one in found)
            print(f"{way.name}, {replicas}: of 20 calls 19 began at most {late * 1e3:.0f} ms late", file=sys.stderr)
            runs = [simulated(Plan(replicas, SECONDS, RATE, seed), way) for seed in SEEDS]
            for name in found[0]:
                if name == OPERATIONS and not way.shared:
                    continue
                row, is_within = compared(name, found, runs)
                print(f"| {replicas} | {way.name} | {name} | {row} | {'yes' if is_within else 'no'} |", flush=True)
                within, count = within + is_within, count + 1
    print(f"\n{within} of {count} figures are within what {len(SEEDS)} simulated runs come to.")


def compared(name: str, found: list[dict[str, Any]], runs: list[dict[str, Any]]) -> tuple[str, bool]:
    """The cells of a figure, and whether the real mean is among the simulated figures."""
    real_ones = [one[name] for one in found if one[name] is not None]
    known = [run[name] for run in runs if run[name] is not None]
    if not real_ones or not known:
        return (
            f"in {len(real_ones)} of {len(found)} | in {len(known)} of {len(runs)} |  |  | ",
            not real_ones and not known,
        )
    value, mean, least, most = statistics.mean(real_ones), statistics.mean(known), min(known), max(known)
    tiny = 1e-9  # of sums
    cells = f"{value:.2f} | {mean:.2f} | {least:.2f} | {most:.2f} | {value - mean:+.2f}"
    return cells, least - tiny <= value <= most + tiny


def main() -> None:
    """What `start` starts."""
    what, given = sys.argv[1], json.loads(sys.argv[2])
    if what == "real":
        replicas, number, seed = given
        print(json.dumps(real(Plan(replicas, SECONDS, RATE, seed), CHECKED[number])))
    else:
        number, plan, *rest = given
        print(json.dumps(program(number, Plan(*plan), *rest)))


if __name__ == "__main__":
    main()
