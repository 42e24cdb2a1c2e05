"""A Redis (or Valkey) of a test's own on loopback."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")
PASSWORD = "canary-of-redis"


class Redis:
    """One server; `url` has its password. It keeps nothing on disk."""

    def __init__(self, folder: Path, *, port: int = 0, password: str = PASSWORD) -> None:
        assert PROGRAM is not None, "neither valkey-server nor redis-server is installed"
        self.port, self._folder, self._password = port or _free_port(), folder, password
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "redis.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\nsave ''\nappendonly no\ndir {self._folder}\n"
            f"requirepass {self._password}\nlogfile {self._folder / 'log'}\n"
        )
        config.chmod(0o600)
        assert PROGRAM is not None
        self.process = subprocess.Popen([PROGRAM, str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, (self._folder / "log").read_text()
            time.sleep(0.01)
        raise AssertionError("it does not answer")

    def stop(self) -> None:
        """End it at once, as a machine that fails."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Have it answer nobody, as behind a network that drops everything."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it answer again."""
        self.process.send_signal(signal.SIGCONT)

    def said(self, *command: str) -> str:
        """What a command gives, by its own client."""
        client = shutil.which("valkey-cli") or shutil.which("redis-cli")
        assert client is not None
        done = subprocess.run(
            [client, "-p", str(self.port), "--no-auth-warning", *command], env={"REDISCLI_AUTH": self._password},
            capture_output=True, text=True, errors="replace", check=True,
        )  # fmt: skip
        return done.stdout

    def everything(self) -> str:
        """All keys with all that is in them, as text."""
        kinds = {"string": ("GET",), "hash": ("HGETALL",), "set": ("SMEMBERS",), "zset": ("ZRANGE", "0", "-1")}
        kinds |= {"list": ("LRANGE", "0", "-1")}
        found = []
        for key in self.said("KEYS", "*").splitlines():
            command, *rest = kinds[self.said("TYPE", key).strip()]
            found.append(f"{key}\n{self.said(command, key, *rest)}")
        return "\n".join(found)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
