"""Three gateways behind one Redis: are a caller's limits one for all, and how soon does each know what one has seen?

    python -m benchmarks.shared_gateways [seconds]

Needs redis-server (or valkey-server), redis-py and the extra `gateway`. Each gateway has a home of its own, as on a
machine of its own. 200 requests a second go to them in turn, of one caller that may make 6,000 a minute; every few
seconds, the provider that all of them ask refuses its key, and they go on to the next. All of it is on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common import ROOT, keys, print_table, registry, verdict
from benchmarks.gateway_peers import free_port

RATE, LIMIT, GATEWAYS, PROVIDERS = 200, 6000, 3, 40
PAUSE = 3.0  # seconds between two keys that are refused
TOKEN = "benchmark-token-0123456789abcdef0123456789"
CHAT = "/v1/chat/completions"
_COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}  # fmt: skip


class Providers:
    """All providers in one server: `/<number>/v1/...` is the one of that number. Those below `bad` refuse their key."""

    def __init__(self) -> None:
        self.bad = 0
        self.answered: list[float] = []  # when a call was answered
        self.refused: dict[int, list[float]] = {}  # by provider, when it was asked in vain

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                sizes = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
                await reader.readexactly(int(sizes[0].split(":")[1]) if sizes else 0)
                number, now = int(head.split(" ")[1].split("/")[1]), time.monotonic()
                is_bad = number < self.bad
                if is_bad:
                    self.refused.setdefault(number, []).append(now)
                else:
                    self.answered.append(now)
                body = json.dumps({"error": {"message": "no"}} if is_bad else _COMPLETION).encode()
                status = "401 Unauthorized" if is_bad else "200 OK"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
        writer.close()


class Asker:
    """Keeps connections to one gateway."""

    def __init__(self, port: int, key: str) -> None:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.port, self.request = port, head.encode() + body
        self.idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self.statuses: dict[str, int] = {}
        self.seconds: list[float] = []

    async def ask(self) -> None:
        began = time.monotonic()
        status = await self._asked(again=bool(self.idle))
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == "200":
            self.seconds.append(time.monotonic() - began)

    async def _asked(self, *, again: bool) -> str:
        """The status; *again*: on a new connection, where the one that was kept has ended meanwhile."""
        try:
            reader, writer = self.idle.pop() if again else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            body = await reader.readexactly(int(size.split(":")[1]))
            if head[9:12] not in ("200", "429"):
                print(f"({head[9:12]}: {body[:1500].decode()})", file=sys.stderr)
        except (OSError, asyncio.IncompleteReadError) as error:
            return await self._asked(again=False) if again else type(error).__name__
        self.idle.append((reader, writer))
        return head[9:12]


def start_redis(stack: ExitStack, folder: Path) -> tuple[psutil.Process, int]:
    """A Redis of its own, and its port."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return psutil.Process(process.pid), port


def _homes(folder: Path) -> tuple[list[Path], str]:
    """A home for each gateway, all with the callers of the first; and the key of one."""
    from inference_providers.gateway.callers import FILE, Callers

    homes = [folder / f"machine{number}" for number in range(GATEWAYS)]
    data = [home / ".local/share/inference_providers" for home in homes]
    for one in data:
        one.mkdir(parents=True)
        for path in (one, *one.parents[:3]):
            path.chmod(0o700)
    callers = Callers({"HOME": str(homes[0])})
    _, key = callers.create("alice", requests_per_minute=LIMIT, budget=1_000.0)
    callers.database.close()  # type: ignore[union-attr]
    for one in data[1:]:
        shutil.copy(data[0] / FILE, one / FILE)
    return homes, key


def _gateway(stack: ExitStack, home: Path, urls: list[str], redis: int) -> tuple[psutil.Process, int]:
    file = home / "registry.json"
    file.write_text(json.dumps({"providers": registry(urls)["providers"]}))
    environ = {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT),
        "INFERENCE_PROVIDERS_TOKEN": TOKEN, "INFERENCE_PROVIDERS_AVOID": "local", **keys(urls),
        "INFERENCE_PROVIDERS_STATE": f"redis://127.0.0.1:{redis}/0",
    }  # fmt: skip
    command = [sys.executable, "-m", "inference_providers", "serve", "--port", "0", "--registry", str(file)]
    process = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    assert process.stderr is not None
    line = process.stderr.readline()
    if not line.startswith("Serving at "):
        sys.exit(line + process.stderr.read())
    return psutil.Process(process.pid), int(line.split()[-1].rsplit(":", 1)[1].partition("/")[0])


def _cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def waited_for(redis: int, count: int = 500) -> float:
    """Round trips that the thread of a call waits for: letting it in, with limits and a budget, and settling it."""
    import threading

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.redis_tiers import RedisTiers
    from inference_providers.gateway.tiers import Admission
    from inference_providers.state.redis_link import RedisLink

    trips, here = 0, threading.current_thread()

    class Counted(RedisLink):
        def _piped(self, said: Any) -> list[Any]:
            nonlocal trips
            trips += threading.current_thread() is here
            return super()._piped(said)

    link = Counted(f"redis://127.0.0.1:{redis}/0")
    tiers, caller = RedisTiers(link), Caller("c_counted", "counted", requests_per_minute=10**6, budget=10.0)
    for _ in range(count):
        found = tiers.enter(caller, 100, 0.001)
        assert isinstance(found, Admission)
        found.leave(90, 0.0005)
    link.close()
    return trips / count


async def _load(providers: Providers, askers: list[Asker], seconds: float) -> int:
    """Ask at an even pace, whatever comes of it; how many requests."""
    begun, tasks, count = time.monotonic(), set(), 0
    turned = begun
    while (now := time.monotonic()) - begun < seconds:
        is_seen = providers.bad == 0 or providers.bad - 1 in providers.refused
        if now - turned > PAUSE and is_seen and providers.bad < PROVIDERS - 1:
            providers.bad, turned = providers.bad + 1, now
        while count < (now - begun) * RATE:
            task = asyncio.ensure_future(askers[count % len(askers)].ask())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return count


def most_in_a_minute(times: list[float]) -> int:
    """The most that came within any sixty seconds."""
    window: deque[float] = deque()
    most = 0
    for at in sorted(times):
        window.append(at)
        while window[0] <= at - 60:
            window.popleft()
        most = max(most, len(window))
    return most


async def main(seconds: float) -> None:
    """Measure, and print the table."""
    import redis

    providers = Providers()
    server = await asyncio.start_server(providers.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/{number}/v1" for number in range(PROVIDERS)]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        store, redis_port = start_redis(stack, folder)
        homes, key = _homes(folder)
        gateways = [_gateway(stack, home, urls, redis_port) for home in homes]
        askers = [Asker(port, key) for _, port in gateways]
        processes = [process for process, _ in gateways]
        for one in askers * 2:
            await one.ask()
        client = redis.Redis(port=redis_port)
        before, cpu, cpu_redis = client.info("all"), _cpu(processes), _cpu([store])
        for one in askers:
            one.statuses, one.seconds = {}, []
        count = await _load(providers, askers, seconds)
        after, cpu, cpu_redis = client.info("all"), _cpu(processes) - cpu, _cpu([store]) - cpu_redis
        trips = await asyncio.to_thread(waited_for, redis_port)
        server.close()

    def told(field: str) -> float:
        return (after[field] - before[field]) / count

    scripts = after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"]
    most = most_in_a_minute(providers.answered)
    late = sorted(times[-1] - times[0] for times in providers.refused.values() if times)
    statuses: dict[str, int] = {}
    for one in askers:
        for status, number in one.statuses.items():
            statuses[status] = statuses.get(status, 0) + number
    other = {status: number for status, number in statuses.items() if status not in ("200", "429")}
    took = sorted(second for one in askers for second in one.seconds)
    overrun = most / LIMIT - 1
    rows = [
        ["requests a second", f"{count / seconds:.0f}", "200", verdict(count / seconds > 0.98 * RATE)],
        ["requests with neither an answer nor a 429", f"{other or 0}", "0", verdict(not other)],
        ["most answers in any 60 s", f"{most:,} ({overrun:+.2%})", "6,000 +2%", verdict(overrun <= 0.02)],
        ["limit used in the fullest 60 s", f"{most / LIMIT:.1%}", "98%", verdict(most / LIMIT >= 0.98)],
        [f"refused key known to all, median of {len(late)}", f"{statistics.median(late) * 1e3:.0f} ms", "", ""],
        ["refused key known to all, longest", f"{late[-1] * 1e3:.0f} ms", "100 ms", verdict(late[-1] < 0.1)],
        ["round trips that a call waits for", f"{trips:.2f}", "1", verdict(trips <= 1.01)],
        ["reads of Redis's sockets a request, all told", f"{told('total_reads_processed'):.2f}", "", ""],
        ["scripts a request, all told", f"{scripts / count:.2f}", "", ""],
        [
            "bytes to and from Redis a request",
            f"{told('total_net_input_bytes') + told('total_net_output_bytes'):.0f}",
            "",
            "",
        ],
        ["CPU of Redis", f"{cpu_redis / seconds:.1%} of a core", "", ""],
        ["CPU of the gateways", f"{cpu / count * 1e3:.1f} ms a request", "", ""],
        [
            "answer, median / 99%",
            f"{took[len(took) // 2] * 1e3:.0f} / {took[int(len(took) * 0.99)] * 1e3:.0f} ms",
            "",
            "",
        ],
    ]
    print_table(["", "measured", "target", ""], rows)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0))
