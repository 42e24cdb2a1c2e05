"""Processes of their own for what must be measured in one, each forked by a process that has imported everything.

`python -m tests.nursery` reads lines of JSON, `[kind, way, url of a server, url of a usual one]`. For each it forks, and
the child asks, first the usual server and then the other. What it took at its peak to ask that one, and what came of
it, is the line that is written.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import ROOT, keys, registry_of


class Nursery:
    """The process that forks, as its parent sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def measured(self, kind: str, way: str, url: str, warm: str) -> tuple[int, str]:
        """Bytes that a process of its own took at its peak to ask, beyond what it had; and what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([kind, way, url, warm]), file=self._process.stdin, flush=True)
        taken, outcome = json.loads(self._process.stdout.readline())
        return taken, outcome


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A process that forks others, until this ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def told(made: Callable[[], Any]) -> str:
    try:
        return f"answered {len(made())}"
    except Exception as error:  # noqa: BLE001  (whatever it is, the test compares it)
        return f"{type(error).__name__}: {error}"[:300]


def ask(kind: str, way: str, url: str) -> str:
    from inference_providers import AsyncProviderList, ProviderList

    options: dict[str, Any] = {"json_override": registry_of(url), "environ": keys(1), "local": False}
    if way == "embeddings":
        raw = ProviderList(**options).client("m").embeddings.with_raw_response
        return told(lambda: raw.create(model="m", input="x", encoding_format="float").content)
    if kind == "async":

        async def streamed() -> list[str]:
            return [piece async for piece in AsyncProviderList(**options).stream("hi")]

        return told(lambda: asyncio.run(streamed() if way == "stream" else AsyncProviderList(**options).ask_ai("hi")))
    made = ProviderList(**options)
    return told(lambda: [1 for _ in made.stream("hi")] if way == "stream" else made.ask_ai("hi"))


def measure(kind: str, way: str, url: str, warm: str) -> tuple[int, str]:
    ask(kind, way, warm)
    before = peak()
    outcome = ask(kind, way, url)
    return peak() - before, outcome


def main() -> None:
    ready: set[tuple[str, str]] = set()
    for line in sys.stdin:
        kind, way, url, warm = json.loads(line)
        if (kind, way) not in ready:  # so that the children find every module loaded
            ask(kind, way, warm)
            ready.add((kind, way))
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            if status:
                print(json.dumps([-1, f"the child ended with {status}"]), flush=True)
            continue
        print(json.dumps(measure(kind, way, url, warm)), flush=True)
        os._exit(0)


if __name__ == "__main__":
    main()
