"""The pages of the gateway: how each is reached, and brought to a state that says something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser import scene

Ready = Callable[[Any], None]


def sign_in(page: Any, token: str = scene.TOKEN) -> None:
    """As a person does, with the administrator's token."""
    page.goto("/")
    page.get_by_label("token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def at(path: str) -> Ready:
    """A page that needs nothing but its path."""

    def ready(page: Any) -> None:
        page.goto(path)

    return ready


PAGES: dict[str, Ready] = {"login": at("/"), "overview": at("/")}
