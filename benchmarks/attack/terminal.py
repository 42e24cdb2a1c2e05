"""Nothing that a server or a model says steers a terminal: seen from the terminal's end, and in what is logged."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.attack.kit import command

STEERING = ["\x1b]0;owned\x07", "\x1b]52;c;cm0gLXJm\x1b\\", "\x1b[2J", "\x1b[38;5;99m", "\x9b2J", "\x9d0;owned\x9c", "\x90q\x9c", "\x08", "\x0b", "\x0c", "\x0e", "\x05",
            "\u202egpj.exe", "\u2066x\u2069", "\u200e", "\u061c", "\rsorry", "\x85", "\u2028", "\ufeff", "\U000e0041", "\x7f", "\x00", "\u2060", "\x1bc", "\x1b#8"]  # fmt: skip
ASK = """
import json, sys
from inference_providers.cli.ask import main
for call in json.loads(sys.argv[1]):
    try:
        main(call, prog_name="ask-ai")
    except SystemExit:
        print("\\n<ended>", flush=True)
"""
CALLS = [
    ["hi"],
    ["--no-stream", "hi"],
    ["--json", "hi"],
    ["-v", "hi"],
    ["-v", "--no-stream", "hi"],
    ["-v", "--json", "hi"],
]


def _hostile(dice: Random) -> str:
    return " ".join(
        ["begin", *(dice.choice([*STEERING, "word", "naïve 日本"]) for _ in range(dice.randint(1, 6))), "end"]
    )


def _server(dice: Random, text: str) -> Any:
    """A behaviour with that text in an answer, in an error, or in both halves of a broken stream."""
    from tests.servers import completion, delta

    kind, status = dice.randrange(5), dice.choice([400, 401, 404, 429, 500])

    def behave(connection: Any, request: Any) -> None:
        if kind == 0:
            connection.reply(status, {"error": {"message": text, "code": text, "type": text}})
        elif kind == 1:
            body = text.encode("utf-8", "surrogatepass")
            connection.send(
                f"HTTP/1.1 {status} \x9b2J\r\nx-a: \x9d0;x\x9c\r\ncontent-length: {len(body)}\r\n\r\n".encode("latin-1")
                + body
            )
        elif request.streams:
            connection.start_stream()
            for letter in text:
                connection.event({**delta(letter), "model": text, "id": text})
            connection.event(delta(None, "stop") if kind < 4 else {"error": {"message": text, "code": text}})
            connection.event("[DONE]")
            connection.end_stream()
        else:
            connection.reply(200, {**completion(text, text), "id": text})

    return behave


def _shown(call: list[str], environ: dict[str, str], folder: Path) -> bytes:
    """What a terminal gets from a program that has one for everything but its input."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(call, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=folder, env=environ)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65536):
            said += chunk
    except OSError:  # the terminal's other end is closed
        pass
    finally:
        os.close(ours)
        program.wait()
    return said


def _steers(said: bytes) -> str | None:
    from tests.test_display import OWN, STEERS

    if b"\x1b[38;5;99m" in said:
        return "a server's colour"
    shown = OWN.sub(b"", said).decode("utf-8", "replace")
    found = STEERS.search(shown) or re.search("[\U000e0000-\U000e007f\u2060]", shown)
    return ascii(shown[max(0, found.start() - 40) : found.end() + 40]) if found else None


def commands(dice: Random, folder: Path) -> Iterator[str | None]:
    """`ask-ai` in a terminal: each of its forms, against a server with another text each time."""
    from tests.servers import Server

    with Server() as server:
        while True:
            server.behaviour = _server(dice, _hostile(dice))
            calls = dice.sample(CALLS, 3)
            environ = {
                **os.environ,
                "OPENAI_API_KEY": "k-0123456789abcdef",
                "OPENAI_BASE_URL": server.url,
                "OLLAMA_HOST": "127.0.0.1:9",
            }
            parts = _shown(command(ASK, json.dumps(calls)), environ, folder).split(b"<ended>")
            if len(parts) != len(calls) + 1:
                yield f"{len(parts) - 1} of {len(calls)} programs ended: {parts[-1][-200:]!r}"
            for call, part in zip(calls, parts, strict=False):
                steers = _steers(part)
                yield None if steers is None else f"ask-ai {' '.join(call)}: {steers}"


def texts(dice: Random, folder: Path) -> Iterator[str | None]:
    """What makes text harmless: any characters, whole or in pieces; nothing that steers is left, nothing else is lost."""
    from inference_providers import InferenceProvidersError
    from inference_providers.text import display
    from tests.test_display import STEERS

    ranges = [
        (0, 0x20),
        (0x20, 0x7F),
        (0x7F, 0xA0),
        (0xA0, 0x600),
        (0x600, 0x61D),
        (0x2000, 0x2070),
        (0xD800, 0xE000),
        (0xFFF0, 0x10000),
        (0x1F300, 0x1F700),
        (0xE0000, 0xE0080),
    ]
    while True:
        text = "".join(chr(dice.randrange(*dice.choice(ranges))) for _ in range(dice.randint(1, 30)))
        cuts = sorted(dice.randrange(len(text) + 1) for _ in range(3))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        shown = [
            display.printable(text),
            "".join(display.pieces(parts)),
            display.as_json({"a": text}),
            str(InferenceProvidersError(text)),
        ]
        plain = [c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp")]
        rest = iter(shown[0])
        bad = next((one for one in shown if STEERS.search(one)), None)
        if bad is None and not all(c in rest for c in plain):
            bad = f"something of {text!a} is lost"
        if bad is None and json.loads(shown[2])["a"] != json.loads(json.dumps(text)):
            bad = f"JSON of {text!a} says something else"
        yield None if bad is None else ascii(bad)
