"""The pages of the gateway: how each is reached, and brought to a state that says something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser import scene

Ready = Callable[[Any], None]


def sign_in(page: Any, token: str = scene.TOKEN) -> None:
    """As a person does, with the administrator's token."""
    page.goto("/")
    page.get_by_label("Administrator's token").fill(token)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()


def at(path: str) -> Ready:
    """A page that needs nothing but its path."""

    def ready(page: Any) -> None:
        page.goto(path)

    return ready


def played(page: Any) -> None:
    """Two models have answered."""
    page.goto("/page/playground")
    page.get_by_role("combobox", name="Model 1").fill(scene.LARGE)
    page.get_by_role("combobox", name="Model 2").fill(scene.SMALL)
    page.get_by_label("Prompt", exact=True).fill("What is a gateway for language models? One sentence.")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("2 of 2 answered.").wait_for()
    # How long it took is another thing each time, and what a machine that talks to itself is no example of.
    for column, (first, speed) in enumerate((("740 ms", "68"), ("310 ms", "142"))):
        shown = page.locator(f".column >> nth={column}")
        shown.locator("[data-fact=first]").evaluate("(place, words) => place.textContent = words", first)
        shown.locator("[data-fact=speed]").evaluate("(place, words) => place.textContent = words", speed)


def live(page: Any) -> None:
    """Some calls are over, and one is under way until the page is closed."""
    headers = {"Authorization": f"Bearer {scene.TOKEN}"}
    for model in (scene.SMALL, scene.LARGE, scene.BROKEN, scene.OPEN):
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        page.request.post("/v1/chat/completions", data=body, headers=headers)
    other = page.context.new_page()
    other.goto("/page/playground")
    other.get_by_role("button", name="Remove model 2").click()
    other.get_by_label("Prompt", exact=True).fill("script:endless")
    other.get_by_role("button", name="Ask").click()
    other.locator(".column[data-state=talks]").wait_for()
    page.goto("/page/live")
    page.get_by_text("streams, first content").first.wait_for()


def made(page: Any) -> None:
    """A key was made."""
    page.goto("/page/callers/_new")
    page.get_by_label("Name").fill(f"carol-{page.viewport_size['width']}-{id(page)}")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name="The key of carol").wait_for()


PAGES: dict[str, Ready] = {
    "login": at("/page/login"),
    "overview": at("/"),
    "live": live,
    "costs": at("/page/costs"),
    "costs-of-one": at("/page/costs?range=30d&provider=contoso"),
    "costs-month": at("/page/costs?range=30d"),
    "log": at("/page/log"),
    "call": at("/page/log/1"),
    "callers": at("/page/callers"),
    "new-caller": at("/page/callers/_new"),
    "caller": at("/page/callers/alice"),
    "key": made,
    "revoke": at("/page/callers/build-server/revoke"),
    "playground": played,
    "programs": at("/page/programs"),
}
