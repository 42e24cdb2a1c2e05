"""Ctrl-C ends a wait for other threads, also where the system has given the signal to one of them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from inference_providers.vectors.sources import Text
from inference_providers.waits import has_come, is_mine, taken
from tests.conftest import list_of
from tests.servers import PATIENCE, Connection, Received, Server, answer
from tests.test_hedging import hedging, once
from tests.test_pipeline import eventually
from tests.test_single_flight import waiting
from tests.test_vectors import filling, vectors

Serve = Callable[..., Server]


def take_signal() -> None:
    """In this thread: Python notes it, and the main thread's wait goes on."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


def interrupting(connection: Connection, request: Received) -> None:
    take_signal()
    connection.hold()


def test_a_wait_ends_with_what_it_waits_for() -> None:
    queue: SimpleQueue[int] = SimpleQueue()
    event, lock = threading.Event(), threading.Lock()
    lock.acquire()

    def work() -> None:
        queue.put(1)
        event.set()
        lock.release()

    threading.Timer(0.05, work).start()
    assert taken(queue) == 1
    assert has_come(event)
    assert is_mine(lock)


@pytest.mark.parametrize("seconds", [0, -1, 0.01, 1.1])
def test_a_wait_for_so_long_ends(seconds: float) -> None:
    lock = threading.Lock()
    lock.acquire()
    with pytest.raises(Empty):
        taken(SimpleQueue(), seconds)
    assert not has_come(threading.Event(), seconds)
    assert not is_mine(lock, seconds)


def test_what_is_there_is_taken_without_a_wait() -> None:
    queue: SimpleQueue[int] = SimpleQueue()
    event = threading.Event()
    queue.put(2)
    event.set()
    assert taken(queue, 0) == 2
    assert has_come(event, 0)
    assert is_mine(threading.Lock(), 0)


@pytest.mark.parametrize("seconds", [None, PATIENCE])
@pytest.mark.parametrize(
    "wait",
    [
        lambda queue, event, lock, seconds: taken(queue, seconds),
        lambda queue, event, lock, seconds: has_come(event, seconds),
        lambda queue, event, lock, seconds: is_mine(lock, seconds),
    ],
    ids=["queue", "event", "lock"],
)
def test_a_signal_that_another_thread_takes_ends_a_wait(wait: Any, seconds: float | None) -> None:
    queue: SimpleQueue[int] = SimpleQueue()
    event, lock, is_over = threading.Event(), threading.Lock(), threading.Event()
    lock.acquire()

    def work() -> None:
        time.sleep(0.05)
        take_signal()
        if not is_over.wait(PATIENCE / 2):  # so that the test ends where nothing is raised
            queue.put(1)
            event.set()
            lock.release()

    thread = threading.Thread(target=work)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        wait(queue, event, lock, seconds)
    is_over.set()
    thread.join()


def test_ctrl_c_ends_a_hedged_call(serve: Serve) -> None:
    def holding(connection: Connection, request: Received) -> None:
        connection.hold()

    first = serve(holding)
    second = serve(once(lambda: first.holds, interrupting))
    made = hedging("sync", first.url, second.url)
    with pytest.raises(KeyboardInterrupt):
        made.ask_ai("hi", "m")
    assert eventually(lambda: bool(first.holds and second.holds))
    assert first.left()
    assert second.left()


def test_ctrl_c_ends_a_batch(serve: Serve) -> None:
    server = serve(interrupting)
    with pytest.raises(KeyboardInterrupt):
        list(list_of(server.url).batch(["a"], "m"))  # one question: a second signal would come when nobody expects it
    assert eventually(lambda: bool(server.holds))
    assert server.left()


def test_ctrl_c_ends_a_wait_for_an_equal_call(serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        is_asked.set()
        assert eventually(lambda: waiting(made) == 1)
        take_signal()
        is_over.wait(PATIENCE)
        answer(connection, request)

    def ask() -> None:
        found.append(str(made.ask_ai("hi", "m")))

    is_asked, is_over = threading.Event(), threading.Event()
    found: list[str] = []
    server = serve(slow)
    made = list_of(server.url, cache=True)
    thread = threading.Thread(target=ask)
    thread.start()
    assert is_asked.wait(PATIENCE)
    with pytest.raises(KeyboardInterrupt):
        made.ask_ai("hi", "m")
    is_over.set()
    thread.join()
    assert found == ["hello"]
    assert len(server.asked) == 1


def test_ctrl_c_ends_texts_that_go_into_a_collection(serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        take_signal()
        is_heard.wait(PATIENCE)
        vectors(connection, request)

    server, is_heard = serve(slow), threading.Event()
    work = filling(server)
    work.ending = lambda requests: is_heard.set()
    with pytest.raises(KeyboardInterrupt):
        work.fill([Text("a", "a cat")])
    assert is_heard.is_set()
