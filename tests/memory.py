"""What a question takes of memory, measured in a process that does nothing else: see `forks`."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable
from typing import Any

from tests.conftest import keys, registry_of
from tests.forks import Forks

LOAD = "from tests import memory\nmemory.load()"
MEASURE = "from tests import memory\nmemory.main()"


def measured(forks: Forks, kind: str, way: str, url: str, warm: str) -> tuple[int, str]:
    """Bytes that a process of its own took at its peak to ask, beyond what it had; and what came of it.

    *warm*: the URL of a usual server, which it asks first.
    """
    done = forks.run(MEASURE, json.dumps([kind, way, url, warm]))
    assert done.returncode == 0, done.stderr
    taken, outcome = json.loads(done.stdout)
    return taken, outcome


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


def load() -> None:
    """Have the modules loaded that asking needs: nobody answers at this address."""
    for kind, way in (("sync", "call"), ("sync", "stream"), ("sync", "embeddings"), ("async", "call")):
        ask(kind, way, "http://127.0.0.1:9/v1")


def main() -> None:
    kind, way, url, warm = json.loads(sys.argv[1])
    ask(kind, way, warm)
    before = peak()
    outcome = ask(kind, way, url)
    print(json.dumps([peak() - before, outcome]))
