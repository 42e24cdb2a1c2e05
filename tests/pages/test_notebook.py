"""The notebook of the examples, run by a real kernel; and what a browser makes of it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.servers import Connection, Received, Server, answer, completion, delta

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

pytestmark = pytest.mark.docs
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
CANARY = "canary-notebook-0123456789"
TEXT = """Light is **scattered**, and $x^2$ the more the shorter its waves are.

- first
- second

<script>window.acted = 1</script><img src="x" onerror="window.acted = 1"><b onclick="window.acted = 1">bold</b>
[link](javascript:window.acted=1) ![picture](https://pictures.example/x.png) [good](https://example.com/)

```html
<script>window.acted = 1</script>
<p>code</p>
```

| a | b |
|---|---|
| 1 | 2 |
"""
USAGE = {"prompt_tokens": 12, "completion_tokens": 60, "total_tokens": 72}


def hostile(connection: Connection, request: Received) -> None:
    """Answers with what would act in a notebook."""
    if request.path.endswith("/models"):
        answer(connection, request)
    elif request.streams:
        connection.start_stream()
        for at in range(0, len(TEXT), 7):
            connection.event(delta(TEXT[at : at + 7]))
        connection.event({**delta(None, "stop"), "usage": USAGE})
        connection.event("[DONE]")
        connection.end_stream()
    else:
        connection.reply(200, {**completion(TEXT, request.json["model"]), "usage": USAGE})


def environ(server: Server, home: Path) -> dict[str, str]:
    """A machine with one key."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": CANARY,
        "OPENAI_BASE_URL": server.url, "INFERENCE_PROVIDERS_AVOID": "local", "TMPDIR": str(home),
    }  # fmt: skip


def run(book: Any, environ: dict[str, str], folder: Path) -> Any:
    """The notebook with its outputs. Raises CellExecutionError for a cell that fails and does not say that it will."""
    client = nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environ)
    return book


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The example, with its outputs."""
    server, home = Server(hostile), tmp_path_factory.mktemp("home")
    try:
        yield run(nbformat.read(NOTEBOOK, as_version=4), environ(server, home), home)
    finally:
        server.close()


def outputs(book: Any, begin: str) -> list[Any]:
    """The outputs of the cell that begins so."""
    (cell,) = [cell for cell in book.cells if cell.source.startswith(begin)]
    found: list[Any] = cell.outputs
    return found


def test_what_is_committed_has_no_outputs_and_can_be_run_anywhere() -> None:
    kept = json.loads(NOTEBOOK.read_text("utf-8"))
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in kept["cells"])
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))
    assert "/home" not in NOTEBOOK.read_text("utf-8")


def test_every_cell_shows_what_it_should(shown: Any) -> None:
    (answered,) = outputs(shown, 'ask_ai("What')
    assert answered.data["text/markdown"].endswith("</small>")
    assert "$" not in answered.data["text/markdown"].replace("$x^2$", "")
    for begin in (
        "offers = ",
        "providers.explain",
        "providers.estimate",
        "answer = ",
        "answer.attempts",
        "reply.usage",
    ):
        assert "<table>" in outputs(shown, begin)[0].data["text/html"], begin
    assert 'class="dataframe"' in outputs(shown, "offers.to_pandas")[0].data["text/html"]
    (streamed,) = outputs(shown, "providers.stream")  # one output, which was filled
    assert "12 &#43; 60 tokens" in streamed.data["text/markdown"]
    bar, frame = outputs(shown, "folder = ")
    assert bar.data["text/plain"].startswith("5/5 · ")
    assert 'class="dataframe"' in frame.data["text/html"]
    for begin in ("%%ask", "%ask"):
        (asked,) = outputs(shown, begin)
        assert asked.output_type == "display_data", asked
        assert asked.data["text/markdown"].startswith("Light is **scattered**")


def test_an_error_is_told_in_a_few_lines(shown: Any) -> None:
    (error,) = outputs(shown, 'ask_ai("Hello", "no-such')
    assert error.ename == "UnknownModelError"
    told = "\n".join(error.traceback).splitlines()
    assert len(told) < 15
    assert not [line for line in told if "inference_providers/" in line and "File" in line]


def test_no_key_is_in_a_notebook(shown: Any) -> None:
    assert CANARY not in nbformat.writes(shown)


def test_a_wrong_line_of_the_magic_is_told_in_one(tmp_path: Path, serve: Callable[..., Server]) -> None:
    sources = ["%load_ext inference_providers", "%ask -x hi", "%ask --to 1 hi", "%%ask\n{wrong}", "%ask hi"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    for cell in book.cells[1:3]:
        cell.metadata.tags = ["raises-exception"]
    run(book, environ(serve(), tmp_path), tmp_path)
    _, wrong, to, unknown, right = [cell.outputs for cell in book.cells]
    assert [one.text.strip()[:29] for one in (*wrong, *to)] == [
        "UsageError: there is no -x; b",
        "UsageError: --to wants the na",
    ]
    assert unknown[0].data["text/markdown"].startswith("hello")
    assert right[0].data["text/plain"] == "hello"


def test_an_asynchronous_stream_fills_its_cell_after_the_cell_has_ended(
    tmp_path: Path, serve: Callable[..., Server]
) -> None:
    from jupyter_client.manager import start_new_kernel

    server = serve(hostile)
    manager, client = start_new_kernel(kernel_name="python3", env=environ(server, tmp_path), cwd=str(tmp_path))
    try:
        asked = client.execute("from inference_providers import *\nAsyncProviderList().stream('Why?', 'gpt-4o')")
        seen: list[str] = []
        while not seen or "tokens" not in seen[-1]:
            message = client.get_iopub_msg(timeout=60)
            if message["msg_type"] in ("display_data", "update_display_data"):
                assert message["parent_header"]["msg_id"] == asked
                seen.append(message["content"]["data"]["text/markdown"])
        assert seen[0] == "…"
        assert seen[-1].startswith("Light is **scattered**")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def page_of(book: Any) -> str:
    """The notebook as a page, as nbconvert makes it, without what it fetches; in the colours of the reader."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
    style = ":root{color-scheme:light dark}body{font:15px system-ui;margin:2em}td,th{padding:.2em .6em}"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Notebook</title><style>{style}</style><main>{body}</main></html>'


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_acts_and_all_can_be_read_in_a_browser(shown: Any, browser: Any, tmp_path: Path, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"data:text/html;base64,{base64.b64encode(page_of(shown).encode()).decode()}")
    assert page.evaluate("window.acted") is None
    assert [url for url in asked if not url.startswith("data:")] == []
    assert page.locator("script, img, iframe, [onclick], a[href^='javascript']").count() == 0
    for text in ("<script>window.acted = 1</script>", "<p>code</p>", "openai/gpt-4o · 12 tokens in, 60 out"):
        assert page.get_by_text(text).count() > 0, text
    assert page.locator("a[href='https://example.com/']").count() > 0
    faint = page.evaluate(FAINT)
    assert faint == []
    page.screenshot(path=str(tmp_path / f"notebook-{scheme}.png"), full_page=True)
    page.close()


# Cells of our tables whose text has the colour of what is behind it.
FAINT = """() => [...document.querySelectorAll('td, th, caption, small')].filter(one => {
  const style = getComputedStyle(one), page = getComputedStyle(document.documentElement)
  return style.color === page.backgroundColor || style.visibility !== 'visible' || +style.opacity < 0.6
}).map(one => one.outerHTML)"""
