"""The site in a browser: readable on a phone, light and dark, searchable, and closed to everybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.browser import PATIENCE, SCHEMES, axe_findings
from tools.pages import STAGED, stage

pytestmark = pytest.mark.timeout(300)  # some go through all pages, on a machine that may be busy
PHONE = 390
KNOWN = {"landmark-unique"}  # the theme gives the buttons of every code block the same name
MAIN = (
    *("", "contents/", "tutorial/", "how-to/", "how-to/spend-less/", "answers/", "comparison/", "cli/", "environment/"),
    *("failures/", "providers/", "reference/python/", "reference/lists/", "reference/errors/"),
)


def all_pages() -> list[str]:
    """The address of every page, from what the site is built of."""
    stage()
    names = [path.relative_to(STAGED).with_suffix("").as_posix() for path in sorted(STAGED.rglob("*.md"))]
    return [re.sub(r"(^|/)(index|README)$", r"\1", name).rstrip("/") + "/" for name in names]


def test_no_page_is_wider_than_a_phone(opened: Callable[..., Any]) -> None:
    page = opened(width=PHONE)
    wide = []
    for path in all_pages():
        page.goto(f"/{path.lstrip('/')}", wait_until="domcontentloaded")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE:
            wide.append((path, width))
    assert wide == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_axe_finds(opened: Callable[..., Any], scheme: str) -> None:
    page = opened(scheme=scheme)
    found = {}
    for path in MAIN:
        page.goto(f"/{path}")
        found[path] = [line for line in axe_findings(page) if line.partition(":")[0] not in KNOWN]
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_search_finds_a_parameter(opened: Callable[..., Any]) -> None:
    page = opened()
    page.keyboard.press("/")
    page.keyboard.type("max_cost")
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    found = page.locator(".md-search-result__link").all_inner_texts()
    assert any("max_cost" in text for text in found)
    page.locator(".md-search-result__link[href*='#what-may-be-spent']").click()
    page.get_by_role("heading", name="What may be spent").wait_for()
    assert "/limits/" in page.url


def test_the_scheme_is_the_systems_or_ones_own(opened: Callable[..., Any]) -> None:
    page = opened(scheme="dark")
    body = page.locator("body")
    assert body.get_attribute("data-md-color-scheme") == "slate"
    for name, scheme in (("light", "default"), ("dark", "slate")):
        page.get_by_title(f"Switch to {name} mode").click()
        page.wait_for_function("scheme => document.body.dataset.mdColorScheme === scheme", arg=scheme, timeout=PATIENCE)
    page.reload()
    assert body.get_attribute("data-md-color-scheme") == "slate"
