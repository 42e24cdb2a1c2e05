"""Parts that several of the pages for work have: text to copy, amounts of money, a field with what is wrong with it."""

from __future__ import annotations

from inference_providers.gateway.page.markup import Markup, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def copied(text: str, where: str, what: str) -> Markup:
    """Text in lines as they are, with a button that copies it, which a script brings to life.

    where: what the text is for, or the file that it goes to. what: whose it is.
    """
    button = tag("button", "Copy", type="button", class_="copy", aria_label=f"Copy: {what}, {where}", hidden=True)
    lines = tag("pre", tag("code", text), tabindex="0", aria_label=f"{what}, {where}", role="region")
    return tag("div", tag("div", tag("span", where), button, class_="above"), lines, class_="lines")


def dollars(amount: float | None) -> str:
    """USD as people read it: two places, and more for what is less than a cent."""
    if amount is None:
        return "unknown"
    if 0 < abs(amount) < 0.01:
        return f"${amount:.4f}" if abs(amount) >= 0.0001 else "under $0.0001"
    return f"${amount:,.2f}"


def labelled(label: str, name: str, control: Markup, *, hint: Any = None, problem: str = "") -> Markup:
    """A control with its label, what to know, and what is wrong; the control says so by `described`."""
    own = f"field-{name}"
    said = [
        tag("p", problem, class_="problem", id=f"{own}-problem") if problem else None,
        tag("p", hint, class_="hint", id=f"{own}-hint") if hint else None,
    ]
    return tag("div", tag("label", label, for_=own), control, said, class_="field")


def described(name: str, *, hint: Any = None, problem: str = "") -> dict[str, Any]:
    """Attributes of the control of a field."""
    own = f"field-{name}"
    ids = [f"{own}-problem"] * bool(problem) + [f"{own}-hint"] * bool(hint)
    return {
        "id": own,
        "name": name,
        "aria_describedby": " ".join(ids) or None,
        "aria_invalid": "true" if problem else None,
    }


def choice(options: Iterable[tuple[str, str]], chosen: str, **attributes: Any) -> Markup:
    """A list of which one is chosen: (value, words)."""
    made = [tag("option", words, value=value, selected=value == chosen) for value, words in options]
    return tag("select", made, **attributes)
