"""No answer reaches another caller: odd replies over connections that are kept, streams that are left, bytes against h11."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from inference_providers import InferenceProvidersError

ROUND = 32  # questions to one server
AT_ONCE = 4


def _judged(question: str, said: Any) -> str | None:
    if isinstance(said, str) and said == f"for {question}":
        return None
    return None if isinstance(said, InferenceProvidersError) else f"{question} got {said!r}"[:300]


def to_threads(dice: Random, folder: Path) -> Iterator[str | None]:
    """Threads of one program ask one server that sends right and odd replies."""
    from tests.conftest import list_of
    from tests.servers import Server
    from tests.test_framing import ONE_TRY, behaving, drawn

    while True:
        with Server(behaving(drawn(dice.getrandbits(32)))) as server:
            made = list_of(server.url, policy=ONE_TRY, timeout=20)

            def ask(number: int, made: Any = made) -> Any:
                try:
                    return str(made.ask_ai(f"q{number}"))
                except Exception as error:  # noqa: BLE001  (judged below)
                    return error

            with ThreadPoolExecutor(AT_ONCE) as pool:
                said = list(pool.map(ask, range(ROUND)))
            made.close()
        yield from (_judged(f"q{number}", one) for number, one in enumerate(said))


def to_tasks(dice: Random, folder: Path) -> Iterator[str | None]:
    """Tasks of one event loop ask it."""
    from tests.conftest import async_list_of
    from tests.servers import Server
    from tests.test_framing import ONE_TRY, behaving, drawn

    while True:
        with Server(behaving(drawn(dice.getrandbits(32)))) as server:
            made = async_list_of(server.url, policy=ONE_TRY, timeout=20)

            async def ask(number: int, made: Any = made) -> Any:
                try:
                    return str(await made.ask_ai(f"q{number}"))
                except Exception as error:  # noqa: BLE001  (judged below)
                    return error

            async def main(ask: Any = ask) -> list[Any]:
                async def some(start: int) -> list[Any]:
                    return [await ask(number) for number in range(start, ROUND, AT_ONCE)]

                parts = await asyncio.gather(*map(some, range(AT_ONCE)))
                return [parts[number % AT_ONCE][number // AT_ONCE] for number in range(ROUND)]

            said = asyncio.run(main())
        yield from (_judged(f"q{number}", one) for number, one in enumerate(said))


def against_h11(dice: Random, folder: Path) -> Iterator[str | None]:
    """Replies that are odd in all their parts, in pieces: what is read as whole must be what h11 reads."""
    from tests.test_http1 import pieces, read_by_h11, read_by_us, reply

    while True:
        raw = list(pieces(dice, reply(dice)))
        ended = dice.random() < 0.5
        ours, theirs = read_by_us(raw, ended), read_by_h11(raw, ended)
        alike = ours == theirs or ours[0] == "refused" or (ours[0] == "more" and theirs[0] == "refused")
        yield None if alike else f"{b''.join(raw)!r} is {ours!r}, by h11 {theirs!r}"[:400]


class _Node:
    """Part of a cycle, as exceptions, frames and objects of frameworks are."""

    me: _Node
    iterator: Any


def _collected(made: Any) -> None:
    node = _Node()
    node.me = node
    node.iterator = iter(made.ask_ai("long", stream=True))
    next(node.iterator)
    del node
    gc.collect()


def _dropped(made: Any) -> None:
    iterator = iter(made.ask_ai("long", stream=True))
    next(iterator)
    del iterator


def _closed(made: Any) -> None:
    stream = made.ask_ai("long", stream=True)
    next(iter(stream))
    stream.close()


def _closed_elsewhere(made: Any) -> None:
    stream = made.ask_ai("long", stream=True)
    seen: list[Any] = []
    begun = threading.Event()

    def read() -> None:
        try:
            for piece in stream:
                seen.append(piece)
                begun.set()
        except BaseException as error:  # noqa: BLE001  (judged below)
            seen.append(error)
            begun.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    begun.wait(10)
    stream.close()
    reader.join(10)
    if reader.is_alive():
        raise RuntimeError("the reader of a closed stream still waits")
    if isinstance(seen[-1], BaseException):
        raise seen[-1]


WAYS = {
    "a collected cycle": _collected,
    "dropped": _dropped,
    "closed": _closed,
    "closed by another thread": _closed_elsewhere,
}


def after_streams(dice: Random, folder: Path) -> Iterator[str | None]:
    """A stream is left in any way; the next question gets its own answer, and at once."""
    from tests.conftest import list_of
    from tests.servers import Server
    from tests.test_framing import ONE_TRY, dripping

    number = 0
    with Server(dripping) as server:
        made = list_of(server.url, policy=ONE_TRY, timeout=20)
        while True:
            number += 1
            way = dice.choice(list(WAYS))
            try:
                WAYS[way](made)
                said: Any = str(made.ask_ai(f"q{number}"))
            except Exception as error:  # noqa: BLE001  (no failure is right here)
                said = error
            yield None if said == f"for q{number}" else f"after a stream was left ({way}): {said!r}"[:300]


def after_cancelled(dice: Random, folder: Path) -> Iterator[str | None]:
    """A task in the middle of a stream is cancelled; the next question of its loop gets its own answer."""
    from tests.conftest import async_list_of
    from tests.servers import Server
    from tests.test_framing import ONE_TRY, dripping

    with Server(dripping) as server:
        while True:
            made = async_list_of(server.url, policy=ONE_TRY, timeout=20)

            async def read(made: Any = made) -> None:
                async for _ in made.stream("long"):
                    await asyncio.sleep(0)

            async def main(made: Any = made, read: Any = read) -> list[Any]:
                said: list[Any] = []
                for number in range(8):
                    task = asyncio.ensure_future(read())
                    await asyncio.sleep(dice.uniform(0, 0.03))
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    try:
                        said.append(str(await made.ask_ai(f"q{number}")))
                    except Exception as error:  # noqa: BLE001  (no failure is right here)
                        said.append(error)
                await made.aclose()
                return said

            for number, one in enumerate(asyncio.run(main())):
                yield None if one == f"for q{number}" else f"after a task was cancelled: {one!r}"[:300]
