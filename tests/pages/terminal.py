"""The picture of a terminal in README: `python -m tests.pages.terminal` draws it of commands that it runs.

The commands ask a server on this machine that answers what is written here; all else that the picture shows is what
they print on a terminal of 80 columns.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.servers import Connection, Received, Server, completion, delta

FILE = ROOT / "docs" / "pictures" / "terminal.svg"
COLUMNS = 80
SAYS = {
    "sky": "Air scatters blue light more than red, so the sky looks blue from every side.",
    "commit": "Close the file before it is renamed",
    "often": "Only when somebody asks.",
}
CONSOLE = """
import code, sys
console = code.InteractiveConsole()
for line in sys.stdin.read().splitlines():
    print(">>> " + line, flush=True)
    console.push(line)
"""
TYPED = """\
from inference_providers import ask_ai
answer = ask_ai("Come here often?", "llama-3.3-70b")
answer
answer.provider, answer.model, answer.usage
"""
COMMANDS = (
    ("# GROQ_API_KEY is set, and nothing else", ""),
    ('ask-ai "Why is the sky blue? One sentence."', ""),
    ('git diff | ask-ai "Write a commit message."', ""),
    ("python", TYPED),
)


def provider(connection: Connection, request: Received) -> None:
    """A server that knows the questions of the picture."""
    if request.path.endswith("/models"):
        connection.reply(200, {"object": "list", "data": []})
        return
    said = next(text for word, text in SAYS.items() if word in str(request.json["messages"]))
    if not request.streams:
        usage = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
        connection.reply(200, completion(said, request.json["model"]) | {"usage": usage})
        return
    connection.start_stream()
    for piece in re.findall(r"\S+\s*", said):
        connection.event(delta(piece))
    connection.event(delta(None, "stop"))
    connection.event("[DONE]")
    connection.end_stream()


def printed(command: str, typed: str, environ: dict[str, str], folder: str) -> str:
    """What a command prints on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CONSOLE] if typed else ["bash", "-c", command],
        stdin=subprocess.PIPE if typed else theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        cwd=folder,
    )
    os.close(theirs)
    if process.stdin is not None:
        process.stdin.write(typed.encode())
        process.stdin.close()
    pieces = []
    while select.select([ours], [], [], 60)[0]:
        try:
            pieces.append(os.read(ours, 65536))
        except OSError:  # the other end is closed
            break
        if not pieces[-1]:
            break
    os.close(ours)
    assert process.wait() == 0, b"".join(pieces)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def transcript() -> str:
    """All commands, each with what it prints, with the colours of the terminal."""
    with tempfile.TemporaryDirectory() as folder, Server(provider) as server:
        environ = {
            "PATH": f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8",
            "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "PYTHONPATH": str(ROOT), "GROQ_API_KEY": "key-of-a-picture",
            "GROQ_BASE_URL": server.url, "OLLAMA_HOST": "127.0.0.1:9", "INFERENCE_PROVIDERS_LOG": "off",
        }  # fmt: skip
        for name, module in (("ask-ai", "ask"), ("git", "")):
            program = Path(folder, name)
            does = (
                f"exec {sys.executable} -c 'from inference_providers.cli.{module} import main; main()' \"$@\""
                if module
                else "echo 'os.replace(...)'"
            )
            program.write_text(f"#!/bin/sh\n{does}\n", "utf-8")
            program.chmod(0o755)
        shown = [
            f"\x1b[1;32m$\x1b[0m \x1b[1m{line}\x1b[0m\n{printed(line, typed, environ, folder)}"
            for line, typed in COMMANDS
        ]
        return "".join(shown)


def drawn() -> str:
    """The picture. Nothing in it is fetched: whoever shows it has a font for it."""
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(transcript()))
    svg = console.export_svg(title="ask-ai", unique_id="terminal")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE).strip() + "\n"


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
