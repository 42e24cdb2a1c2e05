"""HTML, built of elements. Text is text: what is not `Markup` is escaped, and what hides or reorders it made visible.

    tag("td", model, class_="name")                    # <td class="name">...</td>, whatever *model* holds
    tag("a", "All of it", href="/page/log")
    tag("ul", [tag("li", one) for one in names])       # lists are taken apart, None is nothing

There is no way to give HTML as a string, a script, a style, a handler of events, or an address with a scheme of its
own: what a page must not have raises ValueError here, not in a browser. What stands in a notebook has no style sheet;
there, `look="number"` names one of a few styles. Pure.
"""

from __future__ import annotations

from html import escape

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NO_FORMULA = "tex2jax_ignore mathjax_ignore"  # classes of what has amounts in dollars, which MathJax takes for formulas
_HTML_VOID = frozenset(("br", "col", "hr", "img", "input", "link", "meta"))
_VOID = _HTML_VOID | {"circle", "line", "path", "rect"}  # those of SVG are closed
_NAMES = frozenset((
    "a", "abbr", "article", "aside", "b", "bdi", "body", "br", "button", "caption", "circle", "code", "col", "dd",
    "desc", "details", "dialog", "div", "dl", "dt", "em", "fieldset", "figcaption", "figure", "footer", "form", "g",
    "h1", "h2", "h3", "h4", "head", "header", "hr", "html", "img", "input", "kbd", "label", "legend", "li", "line",
    "link", "main", "meta", "meter", "nav", "noscript", "ol", "optgroup", "option", "output", "p", "path", "pre",
    "progress", "rect", "script", "section", "select", "small", "span", "strong", "sub", "summary", "sup", "svg",
    "table", "tbody", "td", "template", "text", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "ul",
    "datalist",
))  # fmt: skip
_ADDRESSES = ("href", "src", "action", "formaction")
_LOOKS = {  # of things in notebooks; no colour, so that they are readable in light and in dark
    "text": "text-align:left;vertical-align:top;min-width:12em;max-width:45em",
    "head": "text-align:left;vertical-align:bottom",
    "number-head": "text-align:right;vertical-align:bottom",
    "word": "text-align:left;vertical-align:top;white-space:nowrap",
    "number": "text-align:right;vertical-align:top;white-space:nowrap",
    "caption": "text-align:left;caption-side:top",
    "muted": "opacity:.7",
    "wide": "width:20em;max-width:60%;vertical-align:middle;margin-right:.7em",
}
_CASED = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}  # of SVG


class Markup:
    """HTML that was built here; it goes into other elements as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """*text*: HTML; `tag` and `group` are what makes it elsewhere."""
        self.text = text

    def __repr__(self) -> str:
        return f"<Markup of {len(self.text)} characters>"


def group(*children: Any) -> Markup:
    """Several things in a row."""
    return Markup("".join(map(_child, children)))


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """One element. Children: text, numbers, `Markup`, lists of them, None for nothing.

    Attributes: `class_` and `for_` lose their underscore, others become dashes (`aria_label`); True stands without a
    value, None and False not at all; `look` is one of `_LOOKS`. Raises ValueError for what no page has.
    """
    if name not in _NAMES:
        raise ValueError(f"no page has <{name}>")
    said = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _VOID:
        if children:
            raise ValueError(f"<{name}> holds nothing")
        return Markup(f"<{name}{said}>" if name in _HTML_VOID else f"<{name}{said}/>")
    if name == "script" and (children or "src" not in attributes):
        raise ValueError("a script is a file")
    return Markup(f"<{name}{said}>{''.join(map(_child, children))}</{name}>")


def _child(child: Any) -> str:
    if child is None or child is False:
        return ""
    if isinstance(child, Markup):
        return child.text
    if isinstance(child, list | tuple):
        return "".join(map(_child, child))
    return text(child)


def text(value: Any) -> str:
    """Text, or a number, as HTML says it."""
    return escape(printable(str(value)), quote=True)


def _attribute(key: str, value: Any) -> str:
    name = key.rstrip("_").replace("_", "-")
    name = _CASED.get(name, name)
    if name == "style" or name.startswith("on") or name == "srcdoc":
        raise ValueError(f"no page has an attribute {name}")
    if name == "look":
        return f' style="{_LOOKS[value]}"'
    if value is True:
        return f" {name}"
    said = str(value)
    if name in _ADDRESSES and not _is_address(said):
        raise ValueError(f"{name} leads elsewhere: {said!r:.80}")
    return f' {name}="{text(said)}"'


def _is_address(value: str) -> bool:
    """A path here, a part of this page, or a page on the web, which a person may follow."""
    here = value[:1] in ("/", "#", "?") and value[1:2] not in ("/", "\\")
    return (here or value.startswith("https://")) and value.isprintable()
