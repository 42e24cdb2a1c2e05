"""Parts that several of the pages for work have: text to copy, a field with what is wrong with it."""

from __future__ import annotations

from inference_providers.rendering import Markup, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def copied(text: str, where: str, what: str, *, wraps: bool = False) -> Markup:
    """Text in lines as they are, with a button that copies it, which a script brings to life.

    where: what the text is for, or the file that it goes to. what: whose it is. wraps: whether a long line is broken.
    """
    button = tag("button", "Copy", type="button", class_="copy", aria_label=f"Copy: {what}, {where}", hidden=True)
    lines = tag("pre", tag("code", text), tabindex="0", aria_label=f"{what}, {where}", role="region")
    look = "lines wrapped" if wraps else "lines"
    return tag("div", tag("div", tag("span", where), button, class_="above"), lines, class_=look)


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
