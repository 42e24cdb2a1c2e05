"""The gateway's pages in a browser: one gateway before one scripted provider, with a month of calls in its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import scene
from tests.browser.browser import PATIENCE, Watched, launched
from tests.browser.pages import sign_in
from tests.browser.provider import Scene
from tests.running import Running

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window, for all tests."""
    with launched() as made:
        yield made


@pytest.fixture(scope="session")
def provider() -> Iterator[Scene]:
    """Behind all of the gateway's models."""
    with Scene() as made:
        yield made


@pytest.fixture(scope="session")
def gateway(provider: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway as a user starts it."""
    home = tmp_path_factory.mktemp("home")
    scene.fill(home, time.time())
    running = scene.serving(home, provider.url)
    yield running
    assert running.process.poll() is None, running.process.stderr.read()  # type: ignore[union-attr]
    running.stop()


@pytest.fixture
def opened(browser: Any, gateway: Running) -> Iterator[Callable[..., Any]]:
    """Open pages: `opened(signed_in=False, width=360, scheme="dark", ...)`; all are watched."""
    contexts: list[tuple[Any, Watched]] = []

    def open_page(*, signed_in: bool = True, width: int = 1280, scheme: str = "light", **options: Any) -> Any:
        origin = f"http://127.0.0.1:{gateway.port}"
        context = browser.new_context(
            base_url=origin, viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce",
            **options,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        contexts.append((context, Watched(context, origin)))
        page = context.new_page()
        page.watched = contexts[-1][1]
        if signed_in:
            sign_in(page)
        return page

    yield open_page
    for context, _ in contexts:
        context.close()
    for _, watched in contexts:
        watched.check()


@pytest.fixture
def page(opened: Callable[..., Any]) -> Any:
    """A page of the administrator."""
    return opened()
