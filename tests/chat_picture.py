"""A picture of a chat, the same every time: `python -m tests.chat_picture FILE.svg` runs one against this machine."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.conftest import ROOT
from tests.servers import Server, delta
from tests.terminals import Terminal

COLUMNS, ROWS = 104, 30
SAID = {
    "gpt-4o": "Use a **generator**: it holds one line at a time.\n\n```python\nfor line in open(path):\n    count += 1\n```\n",
    "gpt-4o-mini": "`sum` counts without a list:\n\n1. open the file\n2. add one for each line\n\n```python\nsum(1 for _ in open(path))\n```\n",
}
TYPED = ("How do I count the lines of a large file?", "/pick 2", "/cost")
_COLOURS = {"brown": "yellow", "brightbrown": "bright_yellow"}  # as pyte calls them


def provider(connection: Any, request: Any) -> None:
    """Answers what each model is to say."""
    connection.start_stream()
    for piece in re.findall(r"\S*\s*", SAID[request.json["model"]]):
        connection.event(delta(piece))
    connection.event(delta(None, "stop"))
    connection.event({"choices": [], "usage": {"prompt_tokens": 17, "completion_tokens": 42}})
    connection.event("[DONE]")
    connection.end_stream()


def talked(server: Server, folder: Path) -> Terminal:
    """A terminal in which the chat was held."""
    environ = {
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8", "TERM": "xterm",
        "INFERENCE_PROVIDERS_LOG": "off", "OPENAI_API_KEY": "a-key", "OPENAI_BASE_URL": server.url, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    models = [word for model in SAID for word in ("-m", model)]
    terminal = Terminal(["chat", *models], folder, environ, rows=ROWS, columns=COLUMNS)
    terminal.ready()
    for line, brings in zip(TYPED, (r"2 openai/\S+ · \d", "Now talking", "answers"), strict=True):
        terminal.ask(line, brings)
    return terminal


def drawn(terminal: Terminal) -> str:
    """The screen, as SVG."""
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w"), force_terminal=True)  # noqa: SIM115
    for row in terminal.screen.cells:
        console.print(Text.assemble(*((cell.data, _style(cell)) for cell in row)), soft_wrap=True)
    return console.export_svg(title="inference-providers chat", unique_id="chat")


def _style(cell: Any) -> Style:
    colour = _COLOURS.get(cell.fg, cell.fg.replace("bright", "bright_"))
    return Style(color=None if colour == "default" else colour, bold=cell.bold, italic=cell.italics)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        server = Server(provider)
        shown = talked(server, Path(folder))
        Path(sys.argv[1]).write_text(drawn(shown), encoding="utf-8")
        shown.close()
        server.close()
