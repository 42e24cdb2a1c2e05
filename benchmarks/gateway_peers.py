"""The gateways that `benchmarks.gateway` measures: how each is started, and how it is asked.

Each runs on one core, with one model that one provider serves. Those that are not found are left out.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.common import ROOT, TEST_KEY, keys, registry
from benchmarks.gateway_load import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CHAT = "/v1/chat/completions"
TOKEN = "benchmark-token-0123456789abcdef0123456789"
MODEL = "gpt-4o-mini"
OURS, TENSORZERO, PORTKEY, LITELLM, BARE = (
    "inference_providers",
    "TensorZero",
    "Portkey",
    "LiteLLM's proxy",
    "bare relay",
)
TWENTY = f"{OURS}, 20 candidates"
PATIENCE = 60.0  # seconds in which a gateway has to be ready


class Gateway:
    """A gateway that runs: its process, how it is asked, and seconds from its start to its first answer."""

    def __init__(self, process: subprocess.Popen[str], target: Target, folder: Path) -> None:
        self.process, self.target, self.folder = process, target, folder
        self.ready = 0.0
        self.asked = 0  # requests so far

    def processes(self) -> list[psutil.Process]:
        """It, and its workers."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def memory(self) -> float:
        """Resident memory in MB (of 1,000,000 bytes), all of its processes together."""
        return sum(process.memory_info().rss for process in self.processes()) / 1e6

    def cpu(self) -> float:
        """Seconds of CPU that it has taken, with the system's work for it."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def files(self) -> int:
        """Open descriptors."""
        return sum(process.num_fds() for process in self.processes())

    def connections_to(self, port: int) -> int:
        """Connections that it has to a port of this machine: those that it keeps to the provider."""
        kept = (one for process in self.processes() for one in process.net_connections("tcp"))
        return sum(bool(one.raddr) and one.raddr.port == port for one in kept)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _environ(folder: Path, **more: str) -> dict[str, str]:
    """A fixed few variables, and none of the caller's keys; HOME is empty."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8", **more}


class Start:
    """What a gateway is started with: a command, its variables, and how it is asked then."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], target: Target) -> None:
        self.command, self.environ, self.target = command, environ, target


def ours(folder: Path, upstream: int, workers: int = 1, candidates: int = 1) -> Start:
    """`inference-providers serve`: with routing, the check of the token, metrics and the log of usage."""
    port, url = free_port(), f"http://127.0.0.1:{upstream}/v1"
    environ = _environ(
        folder,
        INFERENCE_PROVIDERS_TOKEN=TOKEN,
        INFERENCE_PROVIDERS_LOG="usage",
        OPENAI_API_KEY=TEST_KEY,
        OPENAI_BASE_URL=url,
        PYTHONPATH=str(ROOT),
    )
    command = [sys.executable, "-m", "inference_providers", "serve", "--port", str(port), "--workers", str(workers)]
    model = MODEL
    if candidates > 1:
        urls, file, model = [url] * candidates, folder / "registry.json", "m"
        file.write_text(json.dumps({"providers": registry(urls)["providers"]}))
        environ |= keys(urls)
        command += ["--registry", str(file)]
    return Start(command, environ, Target(port, CHAT, model, {"Authorization": f"Bearer {TOKEN}"}))


_TENSORZERO = """
import sys, time, openai
from tensorzero import patch_openai_client
client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1")
patch_openai_client(client, config_file=sys.argv[1], async_setup=False)
print("port", client.base_url.port, flush=True)
time.sleep(100000)
"""
_TENSORZERO_CONFIG = """
[gateway]
observability.enabled = false
[models.gpt]
routing = ["openai"]
[models.gpt.providers.openai]
type = "openai"
model_name = "gpt-4o-mini"
api_base = "http://127.0.0.1:{upstream}/v1/"
"""


def tensorzero(python: str, folder: Path, upstream: int) -> Start:
    """TensorZero's gateway as its Python package starts it; it chooses its port."""
    config = folder / "tensorzero.toml"
    config.write_text(_TENSORZERO_CONFIG.format(upstream=upstream))
    target = Target(0, "/openai/v1/chat/completions", "tensorzero::model_name::gpt")
    return Start([python, "-c", _TENSORZERO, str(config)], _environ(folder, OPENAI_API_KEY=TEST_KEY), target)


def portkey(script: str, folder: Path, upstream: int) -> Start:
    """Portkey's gateway, which is told with each request whom to ask."""
    port = free_port()
    headers = {
        "Authorization": f"Bearer {TEST_KEY}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
    }
    command = ["node", script, "--headless", f"--port={port}"]
    return Start(command, _environ(folder, NODE_ENV="production"), Target(port, CHAT, MODEL, headers))


_LITELLM_CONFIG = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: {key}
general_settings:
  master_key: {token}
"""


def litellm(python: str, folder: Path, upstream: int) -> Start:
    """LiteLLM's proxy: one model, no database."""
    config, port, token = folder / "litellm.yaml", free_port(), f"sk-{TOKEN}"
    config.write_text(_LITELLM_CONFIG.format(upstream=upstream, key=TEST_KEY, token=token))
    program = str(Path(python).parent / "litellm")
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    environ = _environ(folder, LITELLM_LOCAL_MODEL_COST_MAP="True")
    return Start(command, environ, Target(port, CHAT, MODEL, {"Authorization": f"Bearer {token}"}))


def bare(folder: Path, upstream: int) -> Start:
    """uvicorn and aiohttp, and nothing between them."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.gateway_relay", str(port), str(upstream)]
    return Start(command, _environ(folder, PYTHONPATH=str(ROOT)), Target(port, CHAT, MODEL))


def found(options: Mapping[str, str]) -> dict[str, Callable[[Path, int], Start]]:
    """How each gateway is started that is there, by its name; *options* say where the others' are."""
    starts: dict[str, Callable[[Path, int], Start]] = {OURS: ours, TWENTY: partial(ours, candidates=20)}
    makers = {TENSORZERO: tensorzero, PORTKEY: portkey, LITELLM: litellm}
    for name, make in makers.items():
        if where := options.get(name):
            starts[name] = lambda folder, upstream, make=make, where=where: make(where, folder, upstream)  # type: ignore[misc]
    starts[BARE] = bare
    return starts


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """What is started here runs on that core."""
    if core is None:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


@contextmanager
def running(make: Callable[[Path, int], Start], upstream: int, core: int | None) -> Iterator[Gateway]:
    """A gateway in a process of its own, once it has answered a question."""
    with tempfile.TemporaryDirectory() as name, open(Path(name) / "out", "w+") as out:
        folder = Path(name)
        start = make(folder, upstream)
        started = time.monotonic()
        with on_core(core):
            process = subprocess.Popen(
                start.command, env=start.environ, cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True
            )
        gateway = Gateway(process, start.target, folder)
        try:
            _wait(gateway, started, Path(out.name))
            yield gateway
        finally:
            stop(process)


def _wait(gateway: Gateway, started: float, out: Path) -> None:
    while not _answers(gateway, out):
        if gateway.process.poll() is not None or time.monotonic() - started > PATIENCE:
            raise RuntimeError(f"it did not start: {out.read_text()[-2000:]}")
        time.sleep(0.005)
    gateway.ready = time.monotonic() - started


def _answers(gateway: Gateway, out: Path) -> bool:
    """Whether it answers a question with success."""
    target = gateway.target
    if not target.port:  # it says where it is
        said = re.search(r"^port (\d+)$", out.read_text(), re.MULTILINE)
        if said is None:
            return False
        target.port = int(said[1])
    try:
        with socket.create_connection(("127.0.0.1", target.port), timeout=20) as asked:
            asked.sendall(target.request("plain"))
            reply = asked.recv(65536)
    except OSError:
        return False
    gateway.asked += b"chatcmpl" in reply or reply.startswith(b"HTTP/1.1 200")
    return reply.startswith(b"HTTP/1.1 200")


def stop(process: subprocess.Popen[str]) -> None:
    """End a gateway, and wait for it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
