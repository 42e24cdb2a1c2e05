"""What this package adds to an engine that it launched: llama.cpp on an untrained model, asked directly and through it.

Run `python -m benchmarks.local [ROUNDS]` from the checkout, with the `[local]` extra. Each way of asking has a process
of its own; the processes take turns, in random order, and ask one and the same server, which the package has started
and which ends when the last of them does. Every question makes the engine read the same prompt and write 64 tokens.
It runs on one core, with one thread: threads of its that wait for each other spin, and one that must share its core
slows all of them, so that what else the machine does would be measured. The clients run on another core. A target
counts as met when both the best and the median keep to it.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from benchmarks.calls import worker_environment
from benchmarks.common import NO_MARK, ROOT, Times, print_table, two_cores, verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Run = Callable[[int], list[int]]  # so many questions, to the tokens of each answer

SIZES = {"EMBEDDING": 512, "BLOCKS": 4, "HEADS": 4, "FEED_FORWARD": 1536}  # 64 tokens take this model 0.15 s or so
AT_ONCE = 32
TOKENS = 64
SLOTS, CONTEXT = AT_ONCE, 4096
CALLS_PER_ROUND, WAVES_PER_ROUND = 6, 1  # of single calls, and of AT_ONCE calls together
MODEL = "bench"
QUESTION = "How long does it take to answer this?"
WANTED: dict[str, Any] = {"max_tokens": TOKENS, "temperature": 0}
EXTRA = {"ignore_eos": True, "cache_prompt": False}  # llama.cpp's own: the same work for each question
GONE_WITHIN = 30.0  # seconds


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
        """What goes with them."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def body(self) -> bytes:
        """A question."""
        messages = [{"role": "user", "content": QUESTION}]
        return json.dumps({"messages": messages, "model": self.name, **WANTED, **EXTRA}).encode()


def made(reply: bytes) -> int:
    """How many tokens a reply has."""
    return int(json.loads(reply)["usage"]["completion_tokens"])


def in_turn(call: Callable[[], int]) -> Run:
    """Ask one after another."""
    return lambda count: [call() for _ in range(count)]


def together(call: Callable[[Any], Awaitable[int]], session: Callable[[], Any]) -> Run:
    """Ask all at once, in an event loop and with a session of their own: the server closes those that rest."""

    async def run(count: int) -> list[int]:
        async with session() as opened:
            return await asyncio.gather(*(call(opened) for _ in range(count)))

    return lambda count: asyncio.run(run(count))


def ours(path: str, kind: str = "ProviderList") -> Any:
    """A list that may launch the model, with nothing else in its environment."""
    import inference_providers

    given = {"name": MODEL, "model_path": path, "engine": "llama.cpp", "slots": SLOTS, "context": CONTEXT}
    return getattr(inference_providers, kind)(environ=dict(os.environ), local_models=[given])


def bare_http_client(place: Place) -> Run:
    """The least there is: a connection for each call, as `curl` has it."""
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    parts = urlsplit(place.url)

    def call() -> int:
        connection = HTTPConnection(parts.netloc)
        connection.request("POST", parts.path, place.body(), place.headers)
        reply = connection.getresponse().read()
        connection.close()
        return made(reply)

    return in_turn(call)


def urllib3_call(place: Place) -> Callable[[], int]:
    """JSON out, JSON in, over a pool."""
    import urllib3

    pool = urllib3.PoolManager(maxsize=AT_ONCE)
    return lambda: made(pool.request("POST", place.url, body=place.body(), headers=place.headers).data)


def bare_urllib3(place: Place) -> Run:
    """A loop."""
    return in_turn(urllib3_call(place))


def threads_urllib3(place: Place) -> Run:
    """A thread for each question."""
    call, pool = urllib3_call(place), ThreadPoolExecutor(AT_ONCE)
    return lambda count: list(pool.map(lambda _: call(), range(count)))


def bare_aiohttp(place: Place) -> Run:
    """JSON out, JSON in, over a session."""
    import aiohttp

    async def call(session: Any) -> int:
        async with session.post(place.url, data=place.body(), headers=place.headers) as reply:
            return made(await reply.read())

    return together(call, aiohttp.ClientSession)


def ask_ai(place: Place) -> Run:
    """`ProviderList.ask_ai`."""
    providers = ours(place.path)
    return in_turn(lambda: providers.ask_ai(QUESTION, MODEL, extra_body=EXTRA, **WANTED).usage.output_tokens)


def connected(place: Place) -> Run:
    """The client that `connect_to_model` gives."""
    client, name = ours(place.path).connect_to_model(MODEL)
    messages = [{"role": "user", "content": QUESTION}]

    def call() -> int:
        reply = client.chat.completions.create(model=name, messages=messages, extra_body=EXTRA, **WANTED)
        return int(reply.usage.completion_tokens)

    return in_turn(call)


def async_ask_ai(place: Place) -> Run:
    """`AsyncProviderList.ask_ai`, gathered."""
    providers = ours(place.path, "AsyncProviderList")

    @contextmanager
    def nothing() -> Iterator[None]:
        yield None

    async def all_of(count: int) -> list[int]:
        asked = (providers.ask_ai(QUESTION, MODEL, extra_body=EXTRA, **WANTED) for _ in range(count))
        return [answer.usage.output_tokens for answer in await asyncio.gather(*asked)]

    return lambda count: asyncio.run(all_of(count))


def batch(place: Place) -> Run:
    """`ProviderList.batch`."""
    providers = ours(place.path)
    options = {"concurrency": AT_ONCE, "progress": False, "extra_body": EXTRA, **WANTED}
    return lambda count: [one.answer.usage.output_tokens for one in providers.batch([QUESTION] * count, MODEL, **options)]


# Name, how it is made, and the target for its ratio to the first: the most of time, the least of tokens a second.
SINGLE: list[tuple[str, Callable[[Place], Run], float | None]] = [
    ("bare `urllib3` loop", bare_urllib3, None),
    ("bare `http.client`", bare_http_client, None),
    ("`ProviderList.ask_ai`", ask_ai, 1.05),
    ("client of `connect_to_model`", connected, 1.05),
]
TOGETHER: list[tuple[str, Callable[[Place], Run], float | None]] = [
    ("bare `aiohttp`", bare_aiohttp, None),
    ("bare `urllib3` in threads", threads_urllib3, None),
    ("`AsyncProviderList.ask_ai`", async_ask_ai, 0.95),
    ("`ProviderList.batch`", batch, 0.95),
]


def work(name: str) -> None:
    """The life of one process: first a place, then for each line, a number, as many questions; prints CPU and wall seconds."""
    core, _ = two_cores()
    if core is not None:
        os.sched_setaffinity(0, {core})
    place = Place(*json.loads(sys.stdin.readline()))
    run = next(make for called, make, _ in SINGLE + TOGETHER if called == name)(place)
    for line in sys.stdin:
        count = int(line)
        cpu, wall = time.process_time(), time.perf_counter()
        tokens = run(count)
        print(time.process_time() - cpu, time.perf_counter() - wall, flush=True)
        if tokens != [TOKENS] * count:
            raise RuntimeError(f"not {count} answers of {TOKENS} tokens: {tokens}")
    os._exit(0)  # without complaints of sessions that are still open


@contextmanager
def worker(name: str, place: Place) -> Iterator[Callable[[int], tuple[float, float]]]:
    """A process for one way of asking: a number of questions in, CPU and wall seconds out."""
    command = [sys.executable, "-m", "benchmarks.local", "--work", name]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        told, heard = process.stdin, process.stdout
        told.write(f"{json.dumps(place)}\n")  # the key is on no command line

        def run(count: int) -> tuple[float, float]:
            told.write(f"{count}\n")
            told.flush()
            line = heard.readline()
            if not line:
                raise RuntimeError(f"{name} failed")
            cpu, wall = map(float, line.split())
            return cpu, wall

        yield run


def measure(
    contenders: list[tuple[str, Callable[[Place], Run], float | None]], place: Place, count: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall seconds of *count* questions at a time, taken in turns."""
    with ExitStack() as stack:
        runs = {name: stack.enter_context(worker(name, place)) for name, *_ in contenders}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for turn in range(rounds + 2):
            for name in random.sample(list(runs), len(runs)):
                done = runs[name](count)
                if turn >= 2:
                    taken[name].append(done)
    return taken
