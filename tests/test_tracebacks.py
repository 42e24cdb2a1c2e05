"""No traceback shows a key, not even with the local variables of every frame, whatever moment a program is interrupted in."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import PATIENCE, Connection, Received, Server, delta

KEY = "canary-0123456789abcdef0123456789abcdef"
SCRIPT = """
import asyncio, signal, sys, threading, time, traceback
import openai  # takes longer to load than the limits below
import inference_providers
from inference_providers import ProviderList, AsyncProviderList, ask_ai

MESSAGES = [{{"role": "user", "content": "hi"}}]

def interrupted():
    # The server writes a line when it has the request, and then says no more.
    sys.stdin.readline()
    looks = 0
    while looks < 20:  # until the main thread has come to wait for it, and stays there
        time.sleep(0.01)
        top = sys._current_frames()[threading.main_thread().ident]
        looks = looks + 1 if top.f_code.co_filename.endswith("sync_sender.py") else 0
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

async def limited(made):
    async with asyncio.timeout(3):
        {awaited}

def work():
    {call}

signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=interrupted, daemon=True).start()
try:
    work()
except BaseException as error:
    print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
    print("frames shown")
"""
SYNC = {
    "ask_ai": "ask_ai('hi', 'openai/gpt-4o')",
    "a stream": "list(ask_ai('hi', 'openai/gpt-4o', stream=True))",
    "a client": "ProviderList().client().chat.completions.create(model='openai/gpt-4o', messages=MESSAGES)",
    "a connected client": "client, name = ProviderList().connect_to_model('gpt-4o', provider='openai'); client.chat.completions.create(model=name, messages=MESSAGES)",
}
ASYNC = {
    "ask_ai": "await made.ask_ai('hi', 'openai/gpt-4o')",
    "a stream": "[piece async for piece in made.stream('hi', 'openai/gpt-4o')]",
    "a client": "await made.async_client().chat.completions.create(model='openai/gpt-4o', messages=MESSAGES)",
}


def shown(script: str, server: Server, asked: threading.Event, tmp_path: Path) -> str:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as program:  # fmt: skip
        assert asked.wait(PATIENCE)
        said, errors = program.communicate("now\n", timeout=PATIENCE)
    assert "frames shown" in said, errors
    return said + errors


@pytest.fixture
def silent(serve: Callable[..., Server]) -> tuple[Server, threading.Event]:
    asked, over = threading.Event(), threading.Event()

    def behave(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, {"object": "list", "data": []})
            return
        if request.streams:
            connection.start_stream()
            connection.event(delta("begun"))
        asked.set()
        over.wait(PATIENCE)

    return serve(behave), asked


@pytest.mark.parametrize("way", SYNC)
def test_an_interrupted_call_shows_no_key(way: str, silent: tuple[Server, threading.Event], tmp_path: Path) -> None:
    said = shown(SCRIPT.format(call=SYNC[way], awaited="pass"), *silent, tmp_path)
    assert "KeyboardInterrupt" in said
    assert "transport/sync_sender.py" in said  # the frames that send, and that wait for the server
    assert KEY not in said
    assert KEY[7:23] not in said


@pytest.mark.parametrize("limit", ["limited(made)", "asyncio.wait_for({}, 3)"])
@pytest.mark.parametrize("way", ASYNC)
def test_a_call_that_is_cancelled_shows_no_key(
    way: str, limit: str, silent: tuple[Server, threading.Event], tmp_path: Path
) -> None:
    whole = "limited(made)" if limit == "limited(made)" else "asyncio.wait_for(whole(), 3)"
    call = f"made = AsyncProviderList()\n    made.async_client()\n    async def whole():\n        {ASYNC[way]}\n    asyncio.run(main(made, whole))"
    script = SCRIPT.format(call=call, awaited=ASYNC[way]).replace(
        "def work():", f"async def main(made, whole):\n    await {whole}\n\ndef work():"
    ).replace("signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)", "pass")  # fmt: skip
    said = shown(script, *silent, tmp_path)
    assert "TimeoutError" in said
    assert KEY not in said
    assert KEY[7:23] not in said
