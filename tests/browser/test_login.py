"""Who gets in by a browser, and out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser import scene
from tests.browser.pages import sign_in
from tests.running import Running


def test_a_stranger_sees_the_login_alone(opened: Callable[..., Any]) -> None:
    page = opened(signed_in=False)
    for path in ("/", "/page/live", "/page/costs", "/page/log", "/page/callers", "/page/playground", "/page/programs"):
        page.goto(path)
        assert page.url.endswith("/page/login"), path
    assert page.get_by_role("navigation").count() == 0


def test_a_wrong_token_gets_words_and_no_session(opened: Callable[..., Any]) -> None:
    page = opened(signed_in=False)
    page.watched.expected += ["status of 403"]
    page.goto("/")
    page.get_by_label("Administrator's token").fill("not-the-token-at-all")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("That is not this gateway's token.").wait_for()
    assert page.context.cookies() == []
    page.goto("/page/callers")
    assert page.url.endswith("/page/login")


def test_in_and_out(opened: Callable[..., Any]) -> None:
    page = opened(signed_in=False)
    sign_in(page)
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and scene.TOKEN not in cookie["value"]
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()
    page.context.add_cookies([cookie])  # a copy of it is worth nothing now
    page.goto("/page/callers")
    assert page.url.endswith("/page/login")


def test_back_shows_nothing_after_the_end(opened: Callable[..., Any]) -> None:
    page = opened()
    page.goto("/page/callers")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()
    page.go_back()
    page.get_by_role("button", name="Log in").wait_for()
    assert page.get_by_text("alice").count() == 0


def test_by_keys_alone(opened: Callable[..., Any]) -> None:
    page = opened(signed_in=False)
    page.goto("/")
    page.locator("input[name=token]:focus").wait_for()  # which it gets by itself, once the page is there
    page.keyboard.type(scene.TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_page_elsewhere_cannot_use_the_session(opened: Callable[..., Any], gateway: Running) -> None:
    page = opened()
    page.watched.expected += ["Failed to load resource", "CORS", "blocked"]
    before = page.watched.urls.copy()
    page.route("http://elsewhere.example/", lambda route: route.fulfill(body="<p>hello</p>", content_type="text/html"))
    page.goto("http://elsewhere.example/")
    home = f"http://127.0.0.1:{gateway.port}"
    forged = "async url => { try { return (await fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors', "
    forged += "body: new URLSearchParams({name: 'forged'})})).status } catch (error) { return String(error) } }"
    page.evaluate(forged, f"{home}/page/callers/_new")
    page.watched.urls[:] = before  # those that this test has asked for itself
    page.goto(f"{home}/page/callers")
    assert page.get_by_text("forged").count() == 0
    assert page.get_by_text("alice").count() > 0
