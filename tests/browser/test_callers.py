"""Callers by the page: a key is made, works, is held to its limits, and works no more once it is revoked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser import scene
from tests.running import Running


def asked(gateway: Running, key: str, model: str = scene.SMALL) -> tuple[int, Any]:
    """What a program gets that has a key."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    status, _, said = gateway.ask("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})
    return status, said.decode()


def made(page: Any, name: str, **fields: str) -> str:
    """A key that was made by the form."""
    page.goto("/page/callers")
    page.get_by_role("link", name="Make a key").click()
    page.get_by_label("Name").fill(name)
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " ").capitalize()).fill(value)
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name=f"The key of {name}").wait_for()
    key = page.locator("code").inner_text()
    assert re.fullmatch(r"ip-[A-Za-z0-9_-]{43}", key)
    return str(key)


def test_a_key_from_its_making_to_its_end(page: Any, gateway: Running) -> None:
    key = made(page, "dora", models=scene.SMALL)
    assert asked(gateway, key)[0] == 200
    assert asked(gateway, key, scene.LARGE)[0] == 404  # not one of its models
    assert key not in page.url
    page.get_by_role("link", name="To all callers").click()
    page.get_by_role("link", name="dora").click()
    assert key not in page.content()

    page.get_by_label("Models").fill("")
    page.get_by_label("Requests a minute").fill("2")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The new limits count from now on.").wait_for()
    assert asked(gateway, key, scene.LARGE)[0] == 200
    statuses = [asked(gateway, key)[0] for _ in range(3)]
    assert statuses[-1] == 429

    page.get_by_role("link", name="dora").click()
    page.get_by_role("link", name="Revoke it").click()
    page.get_by_role("link", name="Keep it").click()
    assert asked(gateway, key)[0] == 429  # nothing has happened so far
    page.get_by_role("link", name="Revoke it").click()
    page.get_by_role("button", name="Revoke the key of dora").click()
    page.get_by_text("Its key is not taken any more.").wait_for()
    status, said = asked(gateway, key)
    assert status == 401 and "revoked" in said
    assert page.get_by_role("row", name="dora").get_by_text("revoked").count() == 1


def test_the_key_is_on_no_page_again(page: Any) -> None:
    key = made(page, "erin")
    shown_at = page.url
    page.goto("/page/callers")
    with pytest.raises(Exception, match="ERR_CACHE_MISS"):  # the browser has kept nothing of it
        page.go_back()
    another = page.context.new_page()
    for path in (shown_at, "/page/callers", "/page/callers/erin"):
        another.goto(path)
        assert key not in another.content()


def test_the_key_is_copied(page: Any, gateway: Running) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key = made(page, "frank")
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == key


def test_what_is_wrong_is_said_where_it_is(page: Any) -> None:
    page.watched.expected += ["status of 400"]
    page.goto("/page/callers/_new")
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Budget").fill("a lot")
    page.get_by_label("Tokens a minute").fill("1,000")
    page.get_by_role("button", name="Make the key").click()
    budget = page.get_by_label("Budget")
    assert budget.get_attribute("aria-invalid") == "true"
    assert "must be a number" in page.locator(f"#{budget.get_attribute('aria-describedby').split()[0]}").inner_text()
    assert page.get_by_label("Name").input_value() == "grace"
    assert page.get_by_label("Tokens a minute").input_value() == "1,000"


def test_by_keys_alone(page: Any) -> None:
    page.goto("/page/callers/_new")
    page.get_by_label("Name").focus()
    page.keyboard.type("heidi")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The key of heidi").wait_for()


def test_long_names_leave_room_for_all_columns(page: Any, gateway: Running) -> None:
    name = "team-a.backend.integration@example.com" + "x" * 26
    key = made(page, name)
    assert asked(gateway, key, f"northwind/{'very-long-name-' * 5}of-a-model")[0] == 200
    page.set_viewport_size({"width": 1280, "height": 800})
    for path in ("/page/callers", "/page/log", "/page/costs"):
        page.goto(path)
        page.get_by_text(name).first.wait_for(state="attached")
        wide = "[...document.querySelectorAll('.rows')].map(rows => rows.scrollWidth - rows.clientWidth)"
        assert not any(page.evaluate(wide)), path
    page.goto("/page/callers")
    column = page.locator("thead th").first.evaluate("cell => cell.offsetWidth / cell.closest('table').offsetWidth")
    assert column < 0.45
