"""A key shows in no traceback with local variables, whatever moment a call is interrupted or cancelled in, and in no repr or pickle."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import pprint
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.kit import Hung, within
from inference_providers import AsyncProviderList, InferenceProvidersError, Policy, ProviderList

PART = 12  # characters of a key that would tell much
MESSAGES: Any = [{"role": "user", "content": "hi"}]
SYNC: dict[str, Callable[[Any], Any]] = {
    "ask_ai": lambda made: made.ask_ai("hi", "openai/gpt-4o"),
    "a stream": lambda made: list(made.stream("hi", "openai/gpt-4o")),
    "a client": lambda made: made.client().chat.completions.create(model="openai/gpt-4o", messages=MESSAGES),
    "a connected client": lambda made: made.get_response(*made.connect_to_model("openai/gpt-4o"), "hi"),
    "a batch": lambda made: list(made.batch(["hi"], "openai/gpt-4o", progress=False)),
}
ASYNC: dict[str, Callable[[Any], Any]] = {
    "ask_ai": lambda made: made.ask_ai("hi", "openai/gpt-4o"),
    "a client": lambda made: made.async_client().chat.completions.create(model="openai/gpt-4o", messages=MESSAGES),
}


def _told(text: str, key: str) -> bool:
    return any(key[at : at + PART] in text for at in range(len(key) - PART + 1))


def _silent(asked: Callable[[], None], over: threading.Event) -> Any:
    """A server that says nothing once it was asked, or breaks off in the middle."""

    def behave(connection: Any, request: Any) -> None:
        from tests.servers import delta

        if request.path.endswith("/models"):
            connection.reply(200, {"object": "list", "data": []})
            return
        if request.streams:
            connection.start_stream()
            connection.event(delta("begun"))
        asked()
        over.wait(10)

    return behave


class _Interrupted(BaseException):
    """As Ctrl-C is, but for nobody else."""


def interrupted(dice: Random, folder: Path) -> Iterator[str | None]:
    """Ctrl-C, a limit of the program's own, or a deadline, in the middle of a call."""
    from tests.servers import Server

    over = threading.Event()
    main = threading.main_thread()
    in_main = threading.current_thread() is main

    def interrupt(number: int, frame: Any) -> None:
        raise _Interrupted

    def asked() -> None:
        if armed and in_main and main.ident:
            signal.pthread_kill(main.ident, signal.SIGUSR1)

    armed: list[bool] = []
    before = signal.signal(signal.SIGUSR1, interrupt) if in_main else None
    try:
        with Server(_silent(asked, over)) as server:
            while True:
                key = f"sk-{dice.getrandbits(160):040x}"
                os.environ.update(OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url, OLLAMA_HOST="127.0.0.1:9")
                how = dice.choice(["sync", "async"]) if in_main else "async"
                names = list(SYNC if how == "sync" else ASYNC)
                name = dice.choice(names)
                said = _interrupted(name, armed) if how == "sync" else _cancelled(name, dice)
                yield (
                    f"{name} ({how}) shows a key"
                    if _told(said, key)
                    else None
                    if said
                    else f"{name} ({how}) was not interrupted"
                )
                over.set()
                over.clear()
    finally:
        over.set()
        if in_main:
            signal.signal(signal.SIGUSR1, before)


def _frames(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _interrupted(name: str, armed: list[bool]) -> str:
    made = ProviderList(local=False, timeout=10)
    armed.append(True)
    try:
        with within(20):
            SYNC[name](made)
    except (_Interrupted, Hung, Exception) as error:  # noqa: BLE001  (whatever comes of it is looked at)
        return _frames(error)
    finally:
        armed.clear()
    return ""


def _cancelled(name: str, dice: Random) -> str:
    made = AsyncProviderList(local=False, timeout=dice.choice([0.1, 10]))

    async def main() -> str:
        made.async_client()  # its libraries take longer to load than the limit below
        try:
            async with asyncio.timeout(0.15):
                await ASYNC[name](made)
        except Exception as error:  # noqa: BLE001  (whatever comes of it is looked at)
            return _frames(error)
        finally:
            await made.aclose()
        return ""

    return asyncio.run(main())


def shown(dice: Random, folder: Path) -> Iterator[str | None]:
    """Whatever holds a key, shown or kept in one of the ways there are."""
    ways: list[Callable[[Any], str]] = [
        repr, str, lambda one: pprint.pformat(one, depth=6), lambda one: pickle.dumps(one).decode("latin-1"), lambda one: repr(copy.copy(one)),
        lambda one: repr(vars(one)), lambda one: f"{one!r:>5}", lambda one: json.dumps(one, default=repr),
    ]  # fmt: skip
    while True:
        key = f"sk-{dice.getrandbits(160):040x}"
        made = ProviderList(environ={"OPENAI_API_KEY": key}, local=False, policy=Policy(tries=1, attempts=1))
        offer = made.find_model_providers("openai/gpt-4o")[0]
        holders = {
            "the list": made,
            "an offer": offer,
            "offers": [offer],
            "a key": [offer.api_key],
            "a header": {"a": offer.api_key},
            "access": offer._access,
            "sender": made.pipeline.sender,
        }
        name = dice.choice(list(holders))
        try:
            said = dice.choice(ways)(holders[name])
        except (TypeError, AttributeError, InferenceProvidersError, pickle.PicklingError):
            said = ""
        if name in ("a key", "a header") and said.startswith(('["', '{"')):
            said = ""  # JSON is text, where a key is real
        yield f"{name} shows a key: {said[:60]!r}" if _told(said, key) else None
