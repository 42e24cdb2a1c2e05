"""Several processes behind one address: one that dies, all that end, and nobody who is left."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest

from tests.gateway.helpers import BODY, CHAT, Pausing, Stream, eventually, lives, refuses, workers
from tests.running import Running
from tests.servers import Server

Start = Callable[..., Running]
Serve = Callable[..., Server]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forks")


def test_a_worker_that_dies_under_load_is_followed_by_another(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, args=["--workers", "2"])
    assert eventually(lambda: len(workers(gateway)) == 2)
    statuses: list[int] = []
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            try:
                statuses.append(gateway.ask("POST", CHAT, BODY)[0])
            except (OSError, HTTPException):  # it was at the one that died
                statuses.append(0)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert eventually(lambda: len(statuses) > 8)
        before = workers(gateway)
        before[0].kill()
        assert eventually(lambda: not lives(before[0]) and len(workers(gateway)) == 2)
        seen = len(statuses)
        assert eventually(lambda: len(statuses) > seen + 8)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(statuses) <= {200, 0}
    assert statuses.count(0) <= len(threads)  # at most the one that each had under way
    assert before[1] in workers(gateway)
    last = workers(gateway)
    assert gateway.stop() == 0
    assert not any(lives(one) for one in last)


def test_all_read_anew(start: Start, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "keys.env"
    file.touch(0o600)
    gateway = start(serve().url, args=["--workers", "3", "--env-file", str(file)])
    assert eventually(lambda: len(workers(gateway)) == 3)
    file.write_text("no assignment\n")
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.process.stderr is not None
    said = [gateway.process.stderr.readline() for _ in range(5)]  # after the token and the page
    assert len([line for line in said if "line 1" in line]) == 3  # one of each


def test_workers_end_with_the_process_that_watches_them(start: Start, serve: Serve) -> None:
    pausing = Pausing()
    gateway = start(serve(pausing).url, args=["--workers", "2"])
    assert eventually(lambda: len(workers(gateway)) == 2)
    stream = Stream(gateway)
    left = workers(gateway)
    gateway.process.kill()
    gateway.process.wait(60)
    assert eventually(lambda: refuses(gateway))
    pausing.go.set()
    assert stream.rest().endswith(b"data: [DONE]\n\n")  # as if they had been told to end
    assert eventually(lambda: not any(lives(one) for one in left))


def test_one_started_later_ends_with_it_too(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, args=["--workers", "2"])
    assert eventually(lambda: len(workers(gateway)) == 2)
    first = workers(gateway)
    for one in first:
        one.kill()
    assert eventually(lambda: len([one for one in workers(gateway) if one not in first]) == 2)
    second = workers(gateway)
    psutil.Process(gateway.process.pid).kill()
    assert eventually(lambda: not any(lives(one) for one in second))
