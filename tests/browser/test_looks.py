"""Every page, in every width and both schemes: accessible to all, and nothing that leaves the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.browser import SCHEMES, axe_findings
from tests.browser.pages import PAGES


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened: Callable[..., Any], name: str, width: int, scheme: str) -> None:
    page = opened(signed_in=name != "login", width=width, scheme=scheme)
    PAGES[name](page)
    assert axe_findings(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_leaves_the_screen(opened: Callable[..., Any], name: str) -> None:
    page = opened(signed_in=name != "login")
    PAGES[name](page)
    for width in (1280, 768, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        wide = "[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
        whole, body, screen = page.evaluate(wide)
        assert whole <= screen and body <= screen, width
        if width == 1280:  # nor is there anything beside a table
            tables = "[...document.querySelectorAll('.rows')].map(rows => rows.scrollWidth - rows.clientWidth)"
            assert not any(page.evaluate(tables))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_where_one_is(opened: Callable[..., Any], name: str) -> None:
    page = opened(signed_in=name != "login")
    PAGES[name](page)
    assert page.locator("h1").count() == 1
    assert page.title().endswith("· inference providers")
    assert page.evaluate("document.documentElement.lang") == "en"
    broken = "[...document.images].filter(image => image.complete && !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
