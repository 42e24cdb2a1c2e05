"""A key that a server echoes shows nowhere: any form, any place of a reply, any way to ask; errors, logs, pickles, cassettes."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.put_back import having
from inference_providers import AsyncProviderList, InferenceProvidersError, Policy, ProviderList

TOLD = 12  # characters of a key that would tell much
STATUSES = [400, 401, 403, 404, 422, 429, 500, 503]
LETTERS = string.ascii_letters + string.digits
PREFIXES = ["sk-proj-", "sk-ant-api03-", "gsk_", "AIza", "hf_", "xai-", "", "org/team+"]


def _key(dice: Random) -> str:
    tail = "".join(dice.choice(LETTERS + "/+_-=") for _ in range(dice.randint(22, 60)))
    return dice.choice(PREFIXES) + "k" + tail + dice.choice(LETTERS)


def _mixed(dice: Random, key: str) -> str:
    """Each character in a form of its own: what no list of forms has."""
    forms: list[Callable[[str], str]] = [
        str,
        str,
        lambda c: f"\\u{ord(c):04x}",
        lambda c: f"%{ord(c):02X}",
        lambda c: f"&#{ord(c)};",
        lambda c: f"\\x{ord(c):02x}",
    ]
    return "".join(dice.choice(forms)(char) for char in key)


def _echo(dice: Random, key: str) -> str:
    from tests.test_redaction import FORMS

    forms: Any = FORMS
    return _mixed(dice, key) if dice.random() < 0.2 else str(forms[dice.choice(list(forms))](key))


def _texts(dice: Random, echoed: str) -> bytes:
    """A body with an echo in it. What is JSON's own escape is put in as it is, else it would be escaped again."""
    raw = echoed.encode() if dice.random() < 0.5 else json.dumps(echoed)[1:-1].encode()
    return dice.choice([
        b'{"error": {"message": "Incorrect API key provided: %s.", "code": "invalid_api_key"}}', b'{"error": "%s"}', b'{"detail": [{"msg": "x", "loc": ["%s"]}]}',
        b"<html><title>%s</title><body>Error</body></html>", b"%s", b'{"errors": [{"message": "bad", "code": "%s"}]}', b'{"message": "a", "%s": 1}', b'[{"error": {"status": "%s"}}]',
    ]).replace(b"%s", raw)  # fmt: skip


def _echoing(dice: Random, key: str) -> Any:
    """A server that echoes it: in an error, in a 200, in an event, spread over a stream."""
    body = _texts(dice, _echo(dice, key))
    kind, status = dice.randrange(4), dice.choice(STATUSES)

    def behave(connection: Any, request: Any) -> None:
        from tests.servers import delta

        if request.streams and kind:
            connection.start_stream()
            if kind == 1:
                connection.event(delta("Once"))
            elif kind == 2:
                for piece in ("key: ", key[:7], key[7:15], key[15:], "!"):
                    connection.event(delta(piece))
            connection.chunk(b"data: " + body.replace(b"\n", b" ") + b"\n\n")
            connection.end_stream()
        elif kind == 3:
            connection.send(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
        else:
            head = f"HTTP/1.1 {status} {key[:9]}\r\nx-echo: {key}\r\nretry-after: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.send(head.encode() + body)

    return behave


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """(where, text) of all that an error shows."""
    for one in [error, *getattr(error, "attempts", []), *filter(None, (error.__cause__, error.__context__))]:
        yield "an error", f"{one} {one!r}"
        yield (
            "an error's fields",
            f"{ {k: v for k, v in vars(one).items() if k != 'partial'} if hasattr(one, '__dict__') else '' }",
        )
        try:
            yield "a pickle", pickle.dumps(one).decode("latin-1")
        except (TypeError, AttributeError, pickle.PicklingError):
            continue
    yield "a body", str(getattr(error, "body", ""))


def everywhere(dice: Random, folder: Path) -> Iterator[str | None]:
    """Ask by any way a server that echoes the key; look at all that is kept, said or written."""
    from inference_providers.testing import stand_in
    from inference_providers.testing.cassette import RECORD, Cassette
    from tests.servers import Server
    from tests.test_redaction import tells

    lines, log = _Lines(), logging.getLogger("inference_providers")
    log.addHandler(lines)
    level = log.level
    log.setLevel(logging.DEBUG)
    try:
        with Server() as server:
            while True:
                key = _key(dice)
                server.behaviour = _echoing(dice, key)
                tape = folder / f"tape-{dice.getrandbits(32):x}.json"
                records = dice.random() < 0.4
                with having(stand_in, active=Cassette(tape, RECORD) if records else None):
                    shown = list(_asked(dice, server, key))
                shown += [("the log", line) for line in lines.lines]
                shown += [("a cassette", tape.read_text())] if tape.exists() else []
                lines.lines.clear()
                tape.unlink(missing_ok=True)
                found = next((where for where, text in shown if len(tells(text, key)) >= TOLD), None)
                yield None if found is None else f"{found} shows {len(key)} characters of a key"
    finally:
        log.removeHandler(lines)
        log.setLevel(level)


def _asked(dice: Random, server: Any, key: str) -> Iterator[tuple[str, str]]:
    environ = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": server.url}
    settings: dict[str, Any] = {
        "environ": environ,
        "local": False,
        "policy": Policy(tries=1, attempts=1),
        "timeout": 5.0,
    }
    way = dice.randrange(4)
    try:
        if way == 0:
            ProviderList(**settings, verbose=True).ask_ai("hi", "openai/gpt-4o")
        elif way == 1:
            "".join(ProviderList(**settings).stream("hi", "openai/gpt-4o"))
        elif way == 2:
            asyncio.run(_asked_async(settings))
        else:
            messages: Any = [{"role": "user", "content": "hi"}]
            ProviderList(**settings).client().chat.completions.create(model="openai/gpt-4o", messages=messages)
    except InferenceProvidersError as error:
        yield from _shown(error)
    except Exception as error:  # noqa: BLE001  (the SDK's)
        yield from _shown(error)


async def _asked_async(settings: dict[str, Any]) -> None:
    made = AsyncProviderList(**settings)
    try:
        await made.ask_ai("hi", "openai/gpt-4o")
    finally:
        await made.aclose()
