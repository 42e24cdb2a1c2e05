"""Whose socket is at the other end: that of the server that was launched, or nothing is to be sent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from inference_providers import Answer, AsyncProviderList
from inference_providers.registry.registry import bundled
from inference_providers.servers import peers
from inference_providers.servers.launch import LaunchableServer
from inference_providers.servers.launchables import Launchables
from tests.servers import Server
from tests.test_launch import (
    SLOW_ENGINE,
    a_list,
    alive,
    eventually,
    nobody_else,
    nothing_is_left,
    places,
    running,
    slow,
    states,
)

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose a socket is")
Serve = Callable[..., Server]
LISTENER = (
    "import socket, sys, time\n"
    "if len(sys.argv) > 2: import os; os.setgid(54321); os.setuid(54321)\n"
    "while True:\n"
    "  try: s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); break\n"
    "  except OSError: time.sleep(.02)\n"
    "print('there', flush=True); time.sleep(60)\n"
)


def launched(**more: object) -> LaunchableServer:
    (server,) = Launchables(bundled(), os.environ, [slow(**more)]).matching("slow")  # type: ignore[arg-type]
    server.wake()
    return server


def port_of(server: LaunchableServer) -> int:
    return int(server.endpoint.rpartition(":")[2].partition("/")[0])


def said_of(server: LaunchableServer) -> str:
    """What is said of a new connection to where the server is."""
    with closing(socket.create_connection(("127.0.0.1", port_of(server)))) as connection:
        return server.stranger(connection.getsockname()[1])


def listener(port: int) -> socket.socket:
    """Somebody else at a port of an engine that was killed: the last of its threads may still hold it."""
    taken: list[socket.socket] = []

    def take() -> bool:
        with suppress(OSError):
            taken.append(socket.create_server(("127.0.0.1", port)))
        return bool(taken)

    assert eventually(take)
    return taken[0]


@pytest.fixture
def orphaned() -> Iterator[LaunchableServer]:
    """A server whose engine has ended, of which nobody has heard: its supervisor sleeps, its state says that it is ready."""
    server = launched()
    ((_, state),) = running(os.environ)
    os.kill(state["supervisor"], signal.SIGSTOP)
    os.kill(state["engine"], signal.SIGKILL)
    assert eventually(lambda: not alive(state["engine"]))
    assert states()[0]["phase"] == "ready"
    yield server
    os.kill(state["supervisor"], signal.SIGCONT)


def test_a_launched_server_is_no_stranger() -> None:
    server = launched()
    assert [said_of(server) for _ in range(5)] == [""] * 5
    server.release()


def test_who_takes_the_port_of_an_engine_that_has_ended_is_a_stranger(orphaned: LaunchableServer) -> None:
    with closing(listener(port_of(orphaned))):
        said = said_of(orphaned)
    assert "no longer has its port" in said
    assert "nothing was sent" in said


def test_an_engine_that_nobody_has_collected_has_ended_for_whoever_looks() -> None:
    """What is left of a process hides its files from all but root: that hides no stranger."""
    if (child := os.fork()) == 0:
        if os.geteuid() == 0:
            os.setgid(54321)
            os.setuid(54321)
        if (ended := os.fork()) == 0:
            os._exit(0)
        os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)  # it is there as long as nobody takes its code
        is_told = "has ended" in peers._not_of_engine(1, {2}, ended) and peers._sockets_of(ended) == set()
        os._exit(0 if is_told else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_who_takes_the_port_is_told(orphaned: LaunchableServer) -> None:
    thief = subprocess.Popen(
        [sys.executable, "-c", LISTENER, str(port_of(orphaned)), "other"], stdout=subprocess.PIPE, text=True
    )
    assert thief.stdout is not None
    assert thief.stdout.readline() == "there\n"
    assert "is that of another user (uid 54321)" in said_of(orphaned)
    thief.kill()
    thief.wait()
    thief.stdout.close()


def test_a_child_of_the_engine_may_be_who_listens() -> None:
    command = ["sh", "-c", f'"{sys.executable}" -P "{SLOW_ENGINE}" "$0"; exit', "{port}"]
    (server,) = Launchables(bundled(), os.environ, [{**slow(), "command": command}]).matching("slow")
    server.wake()
    assert said_of(server) == ""
    server.release()


def test_offers_of_launched_servers_alone_are_checked(serve: Serve) -> None:
    providers = a_list(local_models=[slow()])
    assert providers.ask_ai("hi", "slow")
    (offer,) = providers.candidates("slow")
    offer.wake(20)
    assert offer.peer_check is not None
    port = int(offer.endpoint.rpartition(":")[2].partition("/")[0])
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        assert offer.peer_check(connection.getsockname()[1]) == ""
    from tests.conftest import list_of

    assert [one.peer_check for one in list_of(serve().url).candidates("m")] == [None]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_port_that_somebody_else_has_is_noticed_and_the_server_started_anew(how: str) -> None:
    with closing(Usurper()) as usurper:
        if how == "sync":
            providers = a_list(local_models=[slow()])
            assert providers.ask_ai("hi", "slow")
            usurper.begin()
            answer = providers.ask_ai("hi", "slow")
        else:
            answer = asyncio.run(asked_before_and_after(usurper.begin))
    assert usurper.got == [b"", b""]  # of the connection of the call, and that which looked whether the server is back
    assert "no longer has its port" in "".join(attempt.outcome for attempt in answer.attempts)


async def asked_before_and_after(begin: Callable[[], None]) -> Answer:
    providers = AsyncProviderList(environ=places(), json_override=nobody_else(), local_models=[slow()])
    assert await providers.ask_ai("hi", "slow")
    begin()
    return await providers.ask_ai("hi", "slow")


class Usurper:
    """Kills the engine that runs and takes its port, of which the supervisor hears only at the second connection."""

    def begin(self) -> None:
        ((_, state),) = running(os.environ)
        self.supervisor, self.got = state["supervisor"], list[bytes]()
        os.kill(self.supervisor, signal.SIGSTOP)
        os.kill(state["engine"], signal.SIGKILL)
        assert eventually(lambda: not alive(state["engine"]))
        self.socket = listener(state["port"])
        self.thread = threading.Thread(target=self.take)
        self.thread.start()

    def take(self) -> None:
        for _ in range(2):
            with closing(self.socket.accept()[0]) as connection:
                self.got.append(connection.recv(1))
        os.kill(self.supervisor, signal.SIGCONT)

    def close(self) -> None:
        self.thread.join()
        self.socket.close()


def test_a_server_that_was_not_started_has_no_connection() -> None:
    (server,) = Launchables(bundled(), os.environ, [slow()]).matching("slow")
    assert server.stranger(1) == "the server does not run"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
@pytest.mark.parametrize("accepted", [True, False])
def test_the_kernel_and_its_table_say_the_same(address: str, accepted: bool) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with closing(socket.create_server((address, 0), family=family, dualstack_ipv6=family == socket.AF_INET6)) as server:
        port = server.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            mine = client.getsockname()[1]
            taken = server.accept()[0] if accepted else server
            inode = os.fstat(taken.fileno()).st_ino
            asked = [(one.uid, one.inode) for one in peers._by_netlink(port, mine)]
            looked_up = [(one.uid, one.inode) for one in peers._by_table(port, mine) or ()]
            assert asked == looked_up == [(os.geteuid(), inode)]
            assert peers.stranger(port, mine, os.getpid()) == ""
            other = subprocess.Popen(["sleep", "60"])
            assert "is that of another program" in peers.stranger(port, mine, other.pid)
            assert peers.stranger(port, mine, other.pid, "pid:[of another container]") == ""
            other.kill()
            other.wait()
            assert "has ended" in peers.stranger(port, mine, other.pid)
            taken.close()
            server.close()
            assert "nobody is at port" in peers.stranger(port, mine, os.getpid())


def test_a_connection_to_another_port_is_none_to_the_server() -> None:
    server = launched()
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        with closing(socket.create_connection(other.getsockname())) as connection:
            assert "nobody is at port" in server.stranger(connection.getsockname()[1])
        assert "nobody is at port" in server.stranger(other.getsockname()[1])
    server.release()


def test_who_listens_here_goes_before_who_listens_everywhere() -> None:
    """The kernel gives a connection to the listener whose address fits best; a program at the same port of [::1] has nothing of it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        try:
            other = socket.create_server(("::1", port), family=socket.AF_INET6)
        except OSError:
            pytest.skip("no IPv6 here")
        with closing(other), closing(socket.create_connection(("127.0.0.1", port))) as client:
            mine = client.getsockname()[1]
            inode = os.fstat(server.fileno()).st_ino
            for found in (peers._by_netlink(port, mine), peers._by_table(port, mine)):
                assert [one.inode for one in found or ()] == [inode]


def test_the_supervisor_gives_the_key_to_nobody_who_took_the_port_between_two_looks() -> None:
    """It looks once more, at the connection itself."""
    from inference_providers.servers.engine_process import EngineProcess

    plan: Any = {"folder": "/nonexistent", "key": {"variable": "K"}, "health": "/health"}
    engine = EngineProcess(plan, wakeup=-1)
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        engine.port = stranger.getsockname()[1]
        engine.process = subprocess.Popen(["sleep", "60"])
        assert not engine.is_healthy()
        taken, _ = stranger.accept()
        taken.settimeout(5)
        assert taken.recv(1000) == b"", "no request, no key"
        taken.close()
        engine.process.kill()
        engine.process.wait()
