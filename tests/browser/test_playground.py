"""Models side by side: they stream at once, what they say is text, one may fail, and all can be stopped."""

from __future__ import annotations

from typing import Any

from tests.browser import scene
from tests.browser.provider import FAILURE, HELLO, SHORT, Scene


def answers(page: Any) -> Any:
    """The answers that are shown, from left to right."""
    return page.locator(".column:not([hidden]) .answer")


def choose(page: Any, *models: str) -> None:
    """Open the playground with these models."""
    page.goto("/page/playground")
    for number, model in enumerate(models, 1):
        chosen = page.get_by_role("combobox", name=f"Model {number}")
        if not chosen.is_visible():
            page.get_by_role("button", name="Add a model").click()
        chosen.fill(model)


def fact(page: Any, column: int, name: str) -> str:
    """What is said of an answer."""
    return str(page.locator(f".column >> nth={column}").locator(f"[data-fact={name}]").inner_text())


def test_two_models_stream_side_by_side(page: Any, provider: Scene) -> None:
    choose(page, scene.LARGE, scene.SMALL)
    # Each stream waits for the other to have begun: one after the other would never end.
    page.get_by_label("Prompt", exact=True).fill("script:together")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("2 of 2 answered.").wait_for()
    assert answers(page).all_inner_texts() == [HELLO, SHORT]
    assert fact(page, 0, "provider") == "contoso" and fact(page, 1, "provider") == "northwind"
    assert fact(page, 0, "tokens") == f"24 + {len(HELLO) // 4}"
    cost = (24 * 3.0 + len(HELLO) // 4 * 15.0) / 1e6
    assert fact(page, 0, "cost") == f"${cost:.5f}"
    for column in (0, 1):
        assert fact(page, column, "first").endswith("s") and fact(page, column, "speed") != "–"
    assert page.get_by_role("status").inner_text() == "2 of 2 answered."


def test_what_is_sent_is_what_was_typed(page: Any, provider: Scene) -> None:
    choose(page, scene.SMALL)
    page.get_by_role("button", name="Remove model 2").click()
    page.get_by_text("System prompt, temperature, length").click()
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_label("Most tokens of an answer").fill("50")
    page.get_by_label("Prompt", exact=True).fill('Grüße, 世界 \\ "quoted"')
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("1 of 1 answered.").wait_for()
    sent = provider.chats[-1]
    assert [message["content"] for message in sent["messages"]] == ["Be brief.", 'Grüße, 世界 \\ "quoted"']
    assert (sent["temperature"], sent["max_tokens"], sent["stream"]) == (0.3, 50, True)


def test_a_hostile_model_says_text(page: Any) -> None:
    choose(page, scene.LOUD)
    page.get_by_role("button", name="Remove model 2").click()
    page.get_by_label("Prompt", exact=True).fill("Hi")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("1 of 1 answered.").wait_for()
    said = answers(page).inner_text()
    assert said.startswith('<img src=x onerror="document.title=') and "<script>" in said and "last words" in said
    assert "\\x1b[31mred" in said and "\\u202eevil" in said  # made visible
    assert not {"\x1b", "\u202e", "\u2066"} & set(said)
    assert page.title().startswith("Playground") and page.locator(".answer *").count() == 0
    assert not [url for url in page.watched.urls if url.endswith("/x")]


def test_one_fails_and_the_other_answers(page: Any) -> None:
    choose(page, scene.BROKEN, scene.SMALL, "no-such-model-here")
    page.get_by_label("Prompt", exact=True).fill("Hi")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("1 of 3 answered.").wait_for()
    broken, good, unknown = answers(page).all_inner_texts()
    assert FAILURE in broken and good == SHORT and "no-such-model-here" in unknown
    assert page.locator(".answer b").count() == 0


def test_stop(page: Any, provider: Scene) -> None:
    provider.left_early.clear()
    choose(page, scene.SMALL, scene.LARGE)
    page.get_by_label("Prompt", exact=True).fill("script:endless")
    page.get_by_role("button", name="Ask").click()
    page.locator(".column[data-state=talks] >> nth=1").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert provider.left_early.wait(30)  # the provider, too, need not go on
    assert all("and on" in text for text in answers(page).all_inner_texts())
    assert page.get_by_role("button", name="Ask").is_enabled()


def test_by_keys_alone(page: Any, provider: Scene) -> None:
    page.goto("/page/playground")
    page.get_by_label("Prompt", exact=True).focus()
    page.keyboard.type("Hello")
    page.keyboard.press("Control+Enter")
    page.get_by_text("2 of 2 answered.").wait_for()
    page.keyboard.press("Control+A")
    page.keyboard.type("script:endless")
    page.keyboard.press("Control+Enter")
    page.locator(".column[data-state=talks]").first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("Stopped.").wait_for()
    page.get_by_role("button", name="Add a model").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "model-2"  # where the next model is typed


def test_a_session_that_has_ended_is_said(page: Any) -> None:
    choose(page, scene.SMALL)
    page.get_by_label("Prompt", exact=True).fill("Hi")
    page.context.clear_cookies()
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("your session has ended").first.wait_for()


def test_at_most_four_and_at_least_one(page: Any) -> None:
    choose(page, "a", "b", "c", "d")
    assert page.get_by_role("button", name="Add a model").is_disabled()
    for number in (4, 3, 2):
        page.get_by_role("button", name=f"Remove model {number}").click()
    assert page.get_by_role("button", name="Remove model 1").is_disabled()
