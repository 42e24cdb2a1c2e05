"""What is asked and what it costs, in a browser: live, over a time, and call by call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import scene
from tests.browser.pages import at, live
from tests.running import Running


def ask(gateway: Running, model: str, name: str = "") -> int:
    """One call; *name*: a spelling that only this call has."""
    body = {"model": model, "messages": [{"role": "user", "content": f"Hi {name}"}]}
    return gateway.ask("POST", "/v1/chat/completions", body)[0]


def test_live_shows_a_call_that_others_make(page: Any, gateway: Running) -> None:
    page.goto("/page/live")
    before = page.locator("#live-rows").inner_text().count("broken-model")
    assert ask(gateway, scene.BROKEN) == 400
    ended = page.locator("#live-rows").get_by_text(scene.BROKEN)
    ended.nth(before).wait_for()  # without a reload


def test_live_shows_what_is_under_way_and_that_it_ends(page: Any) -> None:
    live(page)
    page.get_by_text("Under way: 1").wait_for()
    page.context.pages[-1].get_by_role("button", name="Stop").click()
    page.get_by_text("Under way: 0").wait_for()


def test_live_can_be_paused(page: Any) -> None:
    page.clock.install()
    page.goto("/page/live")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused.").wait_for()
    page.wait_for_load_state("networkidle")
    asked = len(page.watched.urls)
    page.clock.run_for(60_000)
    assert len(page.watched.urls) == asked
    with page.expect_request("**/page/live/rows"):
        page.get_by_role("button", name="Go on").click()


@pytest.mark.parametrize(
    ("name", "range_"), [("1 hour", "1h"), ("24 hours", "24h"), ("7 days", "7d"), ("30 days", "30d")]
)
def test_costs_of_a_time(page: Any, name: str, range_: str) -> None:
    at("/page/costs")(page)
    page.get_by_role("link", name=name, exact=True).click()
    chosen = page.locator(f'.tabs a[href*="range={range_}"]')
    assert chosen.get_attribute("aria-current") is not None
    assert f"range={range_}" in page.url


def test_costs_say_by_whom(page: Any) -> None:
    at("/page/costs?range=30d")(page)
    for name in ("contoso", scene.LARGE, "alice"):
        assert page.get_by_role("rowheader", name=name).count() == 1
    page.get_by_text("Numbers").first.click()
    assert page.get_by_role("table").first.is_visible()


def test_the_log_is_searched(page: Any) -> None:
    at("/page/log")(page)
    page.get_by_label("Model").fill(scene.OPEN)
    page.get_by_label("Outcome").select_option(label="Failed")
    page.get_by_role("button", name="Search").click()
    rows = page.locator("tbody tr")
    assert rows.count() > 0
    for row in rows.all():
        assert scene.OPEN in row.inner_text() and "answered" not in row.inner_text()
    page.get_by_label("Model").fill("<b>nothing</b>")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_label("Model").input_value() == "<b>nothing</b>"
    assert page.locator("tbody tr").count() == 0 and page.locator("main b").count() == 0


def test_the_log_is_downloaded(page: Any) -> None:
    at("/page/log")(page)
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download as CSV").click()
    lines = begun.value.path().read_text("utf-8").splitlines()
    assert len(lines) > 1000 and scene.SMALL in "".join(lines[:50])


def test_the_overview_shows_no_key(page: Any) -> None:
    page.goto("/")
    assert page.get_by_text("P1_API_KEY").count() == 1
    assert "canary" not in page.content()


def test_a_name_of_a_model_is_text(page: Any, gateway: Running) -> None:
    """Whoever asks chooses it; it stands in the log as it was."""
    name = "<img src=x onerror=alert(1)>"
    ask(gateway, name)
    for path in ("/page/live", "/page/log", "/page/costs?range=1h"):
        page.goto(path)
        page.locator("main").wait_for()
        assert page.locator("main img").count() == 0, path
