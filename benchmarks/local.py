"""What this package adds to an engine that it launched: llama.cpp with an untrained model, asked directly and through it.

Run `python -m benchmarks.local [ROUNDS]` from the checkout, with the `[local]` extra. Each way of asking has a
process of its own; the processes take turns, in random order, and ask the same server, which the package has
started, and which ends when nobody uses it any more. Every question makes the engine read the same prompt and write
64 tokens. A target counts as met when both the best and the median keep to it.

The engine runs on one core, with one thread, and the clients on another. Threads of an engine that wait for each
other spin, and whatever else wants one of their cores stops them all: that would be measured instead.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from benchmarks.common import NO_MARK, ROOT, Times, print_table, two_cores, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[int], list[Any]]  # so many questions in, the replies out, as the engine gave them
    Contenders = list[tuple[str, Callable[["Place"], Run], float | None]]

AT_ONCE = 32
SLOTS, CONTEXT = AT_ONCE, 4096
SINGLE_TURNS = 4  # of one question, in each round; AT_ONCE questions have one turn
WARM_UP = 2  # turns, of two questions at most
MODEL = "bench"
MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
TOKENS = 64
WANTED: dict[str, Any] = {"max_tokens": TOKENS, "temperature": 0}
EXTRA = {"ignore_eos": True, "cache_prompt": False}  # llama.cpp's own: the same work for each question
PATIENCE = 30.0  # seconds for the server to end when nobody uses it any more


class Place(NamedTuple):
    """Where the model is: its file, and the server that has it."""

    path: str
    endpoint: str
    key: str
    name: str

    @property
    def url(self) -> str:
        """Where questions go."""
        return f"{self.endpoint}/chat/completions"

    @property
    def headers(self) -> dict[str, str]:
        """What goes with a question."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    @property
    def body(self) -> bytes:
        """A question."""
        return json.dumps({"messages": MESSAGES, "model": self.name, **WANTED, **EXTRA}).encode()


class Taken(NamedTuple):
    """Seconds of one turn: the client's CPU time, the whole, and what the engine says that it took for each question, summed."""

    cpu: float
    wall: float
    engine: float


def bare_urllib3(place: Place) -> Run:
    """JSON out, JSON in, over a pool."""
    import urllib3

    pool = urllib3.PoolManager()
    return lambda count: [
        json.loads(pool.request("POST", place.url, body=place.body, headers=place.headers).data) for _ in range(count)
    ]


def bare_http_client(place: Place) -> Run:
    """The least there is: a connection for each question, as `curl` has it."""
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    url = urlsplit(place.url)

    def call() -> Any:
        connection = HTTPConnection(url.netloc)
        connection.request("POST", url.path, place.body, place.headers)
        reply = json.loads(connection.getresponse().read())
        connection.close()
        return reply

    return lambda count: [call() for _ in range(count)]


def bare_aiohttp(place: Place) -> Run:
    """JSON out, JSON in, over a session; a new one for each turn, since the server closes connections that rest."""
    import aiohttp

    async def call(session: aiohttp.ClientSession) -> Any:
        async with session.post(place.url, data=place.body, headers=place.headers) as reply:
            return json.loads(await reply.read())

    async def all_of(count: int) -> list[Any]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(call(session) for _ in range(count)))

    return lambda count: asyncio.run(all_of(count))


def ours(path: str, kind: str = "ProviderList") -> Any:
    """A list with one model to launch, and an environment without keys."""
    import inference_providers

    environ = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME") if name in os.environ}
    model = {"name": MODEL, "model_path": path, "engine": "llama.cpp", "slots": SLOTS, "context": CONTEXT}
    return getattr(inference_providers, kind)(environ=environ, local_models=[model])


def ask_ai(place: Place) -> Run:
    """`ProviderList.ask_ai`."""
    providers = ours(place.path)
    return lambda count: [providers.ask_ai(MESSAGES, MODEL, extra_body=EXTRA, **WANTED).data for _ in range(count)]


def connected(place: Place) -> Run:
    """The client that `connect_to_model` gives."""
    client, name = ours(place.path).connect_to_model(MODEL)
    return lambda count: [
        client.chat.completions.create(model=name, messages=MESSAGES, extra_body=EXTRA, **WANTED) for _ in range(count)
    ]


def async_ask_ai(place: Place) -> Run:
    """`AsyncProviderList.ask_ai`, gathered."""
    providers = ours(place.path, "AsyncProviderList")

    async def all_of(count: int) -> list[Any]:
        asked = (providers.ask_ai(MESSAGES, MODEL, extra_body=EXTRA, **WANTED) for _ in range(count))
        return [answer.data for answer in await asyncio.gather(*asked)]

    return lambda count: asyncio.run(all_of(count))


def batch(place: Place) -> Run:
    """`ProviderList.batch`."""
    providers = ours(place.path)
    options = {"concurrency": AT_ONCE, "progress": False, "extra_body": EXTRA, **WANTED}
    return lambda count: [result.answer.data for result in providers.batch([MESSAGES] * count, MODEL, **options)]


# Name, how it is made, and its target, as a ratio to the first: the most of time, or the least of tokens a second.
SINGLE: Contenders = [
    ("bare `urllib3` loop", bare_urllib3, None),
    ("bare `http.client`", bare_http_client, None),
    ("`ProviderList.ask_ai`", ask_ai, 1.05),
    ("client of `connect_to_model`", connected, 1.05),
]
TOGETHER: Contenders = [
    ("bare `aiohttp`", bare_aiohttp, None),
    ("`AsyncProviderList.ask_ai`", async_ask_ai, 0.95),
    ("`ProviderList.batch`", batch, 0.95),
]


def engine_seconds(reply: Any) -> float:
    """How long the engine was busy with a question. Raises RuntimeError if it was another than asked for."""
    data = reply if isinstance(reply, dict) else reply.to_dict()
    if data["usage"]["completion_tokens"] != TOKENS:
        raise RuntimeError(f"not {TOKENS} tokens: {data['usage']}")
    return float(data["timings"]["prompt_ms"] + data["timings"]["predicted_ms"]) / 1e3


def work(name: str) -> None:
    """The life of one process: first a place, then for each line, a number, as many questions, and what they took."""
    core, _ = two_cores()
    if core is not None:
        os.sched_setaffinity(0, {core})
    place = Place(*json.loads(sys.stdin.readline()))
    run = next(make for called, make, _ in SINGLE + TOGETHER if called == name)(place)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        replies = run(int(line))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(cpu, wall, sum(map(engine_seconds, replies)), flush=True)
    os._exit(0)  # without complaints of sessions that are still open


@contextmanager
def worker(name: str, place: Place) -> Iterator[Callable[[int], Taken]]:
    """A process for one way of asking: a number of questions in, what they took out."""
    command = [sys.executable, "-m", "benchmarks.local", "--work", name]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        told, heard = process.stdin, process.stdout
        told.write(f"{json.dumps(place)}\n")  # the key is on no command line

        def run(count: int) -> Taken:
            told.write(f"{count}\n")
            told.flush()
            line = heard.readline()
            if not line:
                raise RuntimeError(f"{name} failed")
            return Taken(*map(float, line.split()))

        yield run


def take(contenders: Contenders, place: Place, count: int, turns: int) -> dict[str, list[Taken]]:
    """What *count* questions at a time took, in turns, after unmeasured ones."""
    with ExitStack() as stack:
        runs = {name: stack.enter_context(worker(name, place)) for name, *_ in contenders}
        for _ in range(WARM_UP):
            for run in runs.values():
                run(min(count, 2))
        taken: dict[str, list[Taken]] = {name: [] for name in runs}
        for _ in range(turns):
            for name in random.sample(list(runs), len(runs)):
                taken[name].append(runs[name](count))
    return taken


def compare_single(place: Place, turns: int) -> None:
    """One question after another: how long each takes, and how much of that is not the engine's."""
    taken = take(SINGLE, place, 1, turns)
    wall = {name: Times([one.wall for one in values]) for name, values in taken.items()}
    bare = wall[SINGLE[0][0]]
    rows = []
    for name, _, most in SINGLE:
        outside = Times([one.wall - one.engine for one in taken[name]])
        cpu = Times([one.cpu for one in taken[name]])
        times = (wall[name].best, wall[name].median, outside.median, cpu.median)
        best, median = wall[name].best / bare.best, wall[name].median / bare.median
        target = f"at most {most:.2f}x" if most else "reference" if name == SINGLE[0][0] else NO_MARK
        met = verdict(max(best, median) <= most) if most else NO_MARK
        rows.append([name, *(f"{one * 1e3:.2f}" for one in times), f"{best:.3f}x", f"{median:.3f}x", target, met])
    head = ["best, ms", "median", "outside the engine, median", "CPU of the client, median", "ratio of best"]
    print_table(["one after another", *head, "ratio of median", "target", "result"], rows)
    print()


def compare_together(place: Place, turns: int) -> None:
    """Many questions at once: how many tokens a second come of it."""
    taken = take(TOGETHER, place, AT_ONCE, turns)
    wall = {name: Times([one.wall for one in values]) for name, values in taken.items()}
    bare = wall[TOGETHER[0][0]]
    rows = []
    for name, _, least in TOGETHER:
        rates = [f"{AT_ONCE * TOKENS / one:,.0f}" for one in (wall[name].best, wall[name].median)]
        cpu = Times([one.cpu / AT_ONCE for one in taken[name]])
        best, median = bare.best / wall[name].best, bare.median / wall[name].median
        target = f"at least {least:.2f}x" if least else "reference" if name == TOGETHER[0][0] else NO_MARK
        met = verdict(min(best, median) >= least) if least else NO_MARK
        rows.append([name, *rates, f"{cpu.median * 1e3:.2f}", f"{best:.3f}x", f"{median:.3f}x", target, met])
    head = ["tokens a second, best", "median", "CPU of the client a question, ms", "ratio of best", "ratio of median"]
    print_table([f"{AT_ONCE} at once", *head, "target", "result"], rows)
    print()


@contextmanager
def running_on(core: int | None) -> Iterator[None]:
    """What is started meanwhile stays on this core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def launched(folder: str) -> Iterator[Place]:
    """A server that the package has launched. It has ended when this ends."""
    from inference_providers.servers import state as server_state
    from inference_providers.testing import tiny_model

    # of which 64 tokens take a tenth of a second
    with patch.multiple(tiny_model, EMBEDDING=512, BLOCKS=3, HEADS=4, FEED_FORWARD=1536):
        path = tiny_model.write(os.path.join(folder, f"{MODEL}.gguf"))
    providers = ours(path)
    _, core = two_cores()
    started = time.perf_counter()
    with running_on(core):
        connection = providers.connect_to_model(MODEL)
    ready = time.perf_counter() - started
    try:
        yield Place(path, connection.offer.endpoint, connection.offer.api_key or "", connection.name)
    finally:
        providers.close()
        closed = time.perf_counter()
        while any(server_state.running(os.environ)):
            if time.perf_counter() - closed > PATIENCE:
                raise RuntimeError(f"the server has not ended: {server_state.servers_folder(os.environ)}")
            time.sleep(0.05)
    gone = time.perf_counter() - closed
    print(f"The server was ready {ready:.1f} s after it was asked for, and gone {gone:.1f} s after its last user.")


def main() -> None:
    """Measure, and print both tables."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        os.environ.clear()  # nothing of yours is for the engine, and its state is for nobody else
        os.environ.update(PATH=os.defpath, HOME=folder, XDG_STATE_HOME=folder, LANG="C.UTF-8", OMP_THREAD_LIMIT="1")
        with launched(folder) as place:
            compare_single(place, rounds * SINGLE_TURNS)
            compare_together(place, rounds)
    print(
        f"{rounds} rounds of {SINGLE_TURNS} single questions, and of {AT_ONCE} at once; {TOKENS} tokens in each answer."
    )


if __name__ == "__main__":
    main()
