"""No reply stops a program: how long it is looked at, how deep, how large, how many, of any shape at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.kit import Hung, Victim, within
from inference_providers import InferenceProvidersError, ProviderList

MIB = 1024 * 1024
FACTOR, SPARE = 4, 64 * MIB  # what a reply may take: so many times its size, and what any reply may
OBJECT: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
PATTERNS = [
    ("^(a+)+$", "a", 32, "!"),
    ("^(a|a)*$", "a", 32, "!"),
    ("^([a-z]+)*$", "abc", 12, "!"),
    ("(x+x+)+y", "x", 34, ""),
    ("^(\\w+\\s?)*$", "ab", 18, "!"),
    ("(.*a){12}$", "a", 40, "!"),
]
PAGES = [
    ("", "<script", ""),
    ("", "<style ", ""),
    ("<", "a", ">"),
    ("", "<", ""),
    ("<script>", "</scrip", ""),
    ("<style>", "<script>", "</style>"),
]
MOST_IN_REPLY, MOST = 128, 512  # calls of tools that docs/security.md promises


def _bodies(dice: Random) -> tuple[bytes, dict[str, Any]]:
    """A body that takes long to be looked at for whoever goes back over it; and how to ask for it."""
    from tests.servers import completion
    from tests.test_linear import WORST

    kind = dice.randrange(3)
    if kind == 0:
        begin, unit, end = dice.choice([*WORST["json"], ("```json", "\n", "{"), ("```json\n{", "\n", "}")])
        text = begin + unit * (dice.choice([3000, 20_000, 40_000]) // len(unit)) + end
        return json.dumps(completion(text)).encode(), {"schema": OBJECT}
    if kind == 1:
        pattern, unit, count, end = dice.choice(PATTERNS)
        schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
        text = json.dumps({"a": unit * count + end})
        return json.dumps(completion(text)).encode(), {"schema": schema}
    begin, unit, end = dice.choice(PAGES)
    return (begin + unit * (65_000 // len(unit)) + end).encode(), {}


def slow(dice: Random, folder: Path) -> Iterator[str | None]:
    """Texts that patterns go back over, in a program that has a second of the processor for each."""
    from tests.servers import Server

    victim = Victim(folder)
    try:
        with Server() as server:
            while True:
                body, how = _bodies(dice)
                status = 200 if how else dice.choice([200, 400, 500])
                server.behaviour = _replying(body, status)
                told = victim.ask(url=server.url, **how)
                begin = f"{body[:90]!r} of {len(body)} bytes, {how}"
                bad = "ended" in told or told["outcome"].startswith("untyped")
                yield f"{begin}: {told}"[:400] if bad else None
    finally:
        victim.close()


def large(dice: Random, folder: Path) -> Iterator[str | None]:
    """JSON of many small things, in a program whose memory is watched."""
    from tests.servers import Server

    victim = Victim(folder)
    units = [b",{}", b",[]", b",1.5", b',"a"', b',{"a":0}', b",[0,[1]]", b",null", b',"\\u0100"', b",[[[]]]"]
    try:
        with Server() as server:
            while True:
                size = dice.choice([1, 8, 14]) * MIB
                unit = dice.choice(units)
                body = dice.choice([b'{"choices": [0%s]}', b'{"error": [0%s]}', b'{"data": [0%s', b"[0%s]"]).replace(
                    b"%s", unit * (size // len(unit))
                )
                server.behaviour = _replying(body)
                told = victim.ask(url=server.url)
                bad = (
                    "ended" in told
                    or told["outcome"].startswith("untyped")
                    or told["peak"] > FACTOR * len(body) + SPARE
                )
                yield f"{len(body)} bytes of {unit!r}: {told}" if bad else None
    finally:
        victim.close()


def _replying(body: bytes, status: int = 200) -> Any:
    kind = {"content-type": "text/html" if body[:1] == b"<" else "application/json"}
    return lambda connection, request: connection.reply(status, body.decode(), kind)


def _ask(dice: Random, made: dict[str, Any], **options: Any) -> Any:
    """Ask in one of the ways there are; what came, or the error."""
    try:
        with within(60):
            way = dice.choice(["call", "stream", "task", "task's stream"])
            if way == "call":
                return made["sync"].ask_ai("hi", **options)
            if way == "stream":
                return list(made["sync"].stream("hi"))
            return asyncio.run(_ask_async(made["async"](), way, options))
    except Hung:
        return RuntimeError("it hangs")
    except Exception as error:  # noqa: BLE001  (judged by who asks)
        return error


async def _ask_async(made: Any, way: str, options: dict[str, Any]) -> Any:
    try:
        return await made.ask_ai("hi", **options) if way == "task" else [piece async for piece in made.stream("hi")]
    finally:
        await made.aclose()


def _lists(url: str) -> dict[str, Any]:
    from tests.conftest import async_list_of, list_of
    from tests.test_framing import ONE_TRY

    settings: dict[str, Any] = {"policy": ONE_TRY, "timeout": 30}
    return {"sync": list_of(url, **settings), "async": lambda: async_list_of(url, **settings)}


def _junk(dice: Random, level: int = 0) -> Any:
    names = [
        "message",
        "delta",
        "content",
        "text",
        "error",
        "code",
        "msg",
        "loc",
        "index",
        "choices",
        "function",
        "name",
        "arguments",
        "tool_calls",
        "usage",
        "id",
        "type",
        "finish_reason",
        "detail",
        "errors",
        "",
    ]
    if level > 3 or dice.random() < 0.4:
        return dice.choice(
            [None, True, 0, -1, 10**400, 1e308, "", "x", "\ud800", "stop", "error", [], {}, 2**63, "\x00"]
        )
    if dice.random() < 0.4:
        return [_junk(dice, level + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(names): _junk(dice, level + 1) for _ in range(dice.randrange(4))}


def _deep(dice: Random) -> str:
    begin, end = dice.choice([("[", "]"), ('{"a":', "}"), ('[{"error":', "}]"), ('{"error":', "}")])
    depth = dice.choice([50, 99, 101, 300, 600, 990, 3000, 50_000])
    return begin * depth + "1" + end * (depth if dice.random() < 0.8 else 0)


def shapes(dice: Random, folder: Path) -> Iterator[str | None]:
    """JSON of any shape and any depth, as a reply and within a stream: an answer or one of the package's errors."""
    from tests.servers import Server, completion, delta

    with Server() as server:
        made = _lists(server.url)
        while True:
            text = _deep(dice) if dice.random() < 0.5 else json.dumps(_junk(dice))
            text = dice.choice(
                [
                    '{"error": %s}',
                    "%s",
                    '{"choices": [%s]}',
                    '{"choices": [{"message": %s}]}',
                    '{"choices": [{"delta": %s}]}',
                    '{"usage": %s, "choices": 1}',
                ]
            ).replace("%s", text)
            status, begun = dice.choice([200, 200, 400, 429, 500]), dice.random() < 0.3

            def behave(
                connection: Any, request: Any, text: str = text, status: int = status, begun: bool = begun
            ) -> None:
                if request.streams and status == 200:
                    connection.start_stream()
                    if begun:
                        connection.event(delta("Once"))
                    connection.event(text)
                    connection.event("[DONE]")
                    connection.end_stream()
                else:
                    connection.reply(status, text if text else completion(), {"content-type": "application/json"})

            server.behaviour = behave
            said = _ask(dice, made)
            typed = not isinstance(said, BaseException) or isinstance(said, InferenceProvidersError)
            yield None if typed else f"{text[:120]} of {len(text)} characters: {said!r}"[:400]


def endless(dice: Random, folder: Path) -> Iterator[str | None]:
    """Streams that go on and on: the server counts what it got rid of before it was cut off."""
    from tests.servers import Server, delta

    sent = [0]
    kinds: list[tuple[str, bytes, int]] = [
        ("roles", _event(delta(None, role="assistant")), 12 * MIB),
        ("empty objects", b"data: {}\n\n", 12 * MIB),
        ("pings", b": ping\n\n", 12 * MIB),
        ("a line", b"data: " + b"x" * 60_000, 24 * MIB),
        ("lines", b"data: x\n", 24 * MIB),
        ("an answer", _event(delta("word " * 6000)), 40 * MIB),
        ("thoughts", _event(delta(None, reasoning_content="word " * 6000)), 40 * MIB),
    ]
    with Server() as server:
        made = _lists(server.url)
        while True:
            name, piece, most = dice.choice(kinds)

            def behave(connection: Any, request: Any, piece: bytes = piece, most: int = most, name: str = name) -> None:
                connection.start_stream()
                if name == "a line":
                    connection.chunk(b"data: ")
                block = piece * (65536 // len(piece) or 1)
                for _ in range(most // len(block) + 1):
                    connection.chunk(block)
                    sent[0] += len(block)
                connection.close()

            sent[0], server.behaviour = 0, behave
            try:
                list(made["sync"].stream("hi")) if dice.random() < 0.5 else asyncio.run(
                    _ask_async(made["async"](), "task's stream", {})
                )
                said = f"{name}: no error"
            except InferenceProvidersError:
                said = f"{name}: {sent[0]} bytes were taken" if sent[0] >= most else ""
            except Exception as error:  # noqa: BLE001  (that is untyped)
                said = f"{name}: {error!r}"
            yield said or None


def _event(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def tools(dice: Random, folder: Path) -> Iterator[str | None]:
    """Many calls of tools, in one reply and in all of them: so many are run, and no more."""
    from tests.servers import Server
    from tests.test_limits import calling

    ran: list[int] = []

    def note() -> str:
        """Note it."""
        ran.append(1)
        return "ok"

    with Server() as server:
        made = _lists(server.url)
        while True:
            count = dice.choice([1, 2, 60, 100, 127, 128, 129, 200, 1000, 3000])
            server.behaviour = calling(count)
            ran.clear()
            try:
                if dice.random() < 0.5:
                    made["sync"].ask_ai("hi", tools=[note])
                else:
                    asyncio.run(_ask_async(made["async"](), "task", {"tools": [note]}))
                said = "an answer"
            except InferenceProvidersError:
                said = ""
            except Exception as error:  # noqa: BLE001  (that is untyped)
                said = repr(error)
            over = len(ran) > MOST or (count > MOST_IN_REPLY and ran)
            yield (
                f"{count} calls in a reply: {len(ran)} were run" if over else f"{count} calls: {said}" if said else None
            )


def _cycle() -> dict[str, Any]:
    ring: dict[str, Any] = {"type": "object"}
    ring["properties"] = {"a": ring}
    return ring


def _nested(depth: int, word: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object"}
    for _ in range(depth):
        made = {"type": "object", word: {"a": made}}
    return made


def schemas(dice: Random, folder: Path) -> Iterator[str | None]:
    """Schemas of a program that are deep, or hold themselves."""
    from tests.servers import Server, answer

    makers: list[Callable[[], Any]] = [
        _cycle, lambda: {"$ref": "#"}, lambda: {"type": "object", "allOf": [{"$ref": "#"}]}, lambda: {"type": "object", "not": {"$ref": "#"}},
        lambda: {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/properties/a"}]}}},
        lambda: _nested(dice.choice([120, 300, 900]), "properties"), lambda: {"type": "object", "$anchor": "m", "if": {}, "then": {"$ref": "#m"}},
    ]  # fmt: skip
    with Server(lambda connection, request: answer(connection, request, '{"a": {"a": 1}}')) as server:
        made = _lists(server.url)["sync"]
        while True:
            yield _typed("a schema", lambda: made.ask_ai("hi", schema=dice.choice(makers)()))


def registries(dice: Random, folder: Path) -> Iterator[str | None]:
    """Registries of a program that are deep, or hold themselves."""
    while True:
        given: dict[str, Any] = {"x": _cycle() if dice.random() < 0.5 else _nested(5000, "x"), "providers": {}}
        options: dict[str, Any] = {dice.choice(["json_merge", "json_override"]): given}
        yield _typed("a registry", partial(ProviderList, environ={}, local=False, **options))


def _typed(what: str, use: Callable[[], Any]) -> str | None:
    """What came that is none of the package's errors, nor one of a wrong value."""
    try:
        use()
    except (InferenceProvidersError, ValueError):
        return None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (that is untyped; a panic of Rust's is no Exception)
        return f"{what}: {error!r}"[:300]
    return None
