"""What tests of the pages need: the site, built once and served here, and a browser."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import PATIENCE, Watched, launched
from tests.conftest import ROOT

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.docs)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window, for all tests."""
    with launched() as made:
        yield made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site: `make docs-site`, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "tools.pages", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="session")
def origin(site: Path) -> Iterator[str]:
    """Where the site is served."""
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Files, and not a word about them, or about a browser that leaves before it has all."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """A file's content to the browser."""
        with suppress(ConnectionError):
            super().copyfile(source, outputfile)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def opened(browser: Any, origin: str) -> Iterator[Callable[..., Any]]:
    """Open pages: `opened("cli/", width=390, scheme="dark")`; all are watched."""
    contexts: list[tuple[Any, Watched]] = []

    def open_page(path: str = "", *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            base_url=origin, viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE)
        contexts.append((context, Watched(context, origin)))
        page = context.new_page()
        page.goto(f"{origin}/{path}")
        return page

    yield open_page
    for context, _ in contexts:
        context.close()
    for _, watched in contexts:
        watched.check()
