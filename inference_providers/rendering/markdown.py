r"""Markdown of models, made safe for any program that renders it. Pure.

Some of them (nbconvert) pass HTML on as it is, and follow whatever a link says; what is code, they do not all see
alike. So nothing here depends on what is code: whatever could act is nowhere in what `safe` gives, code included.

- No `<` stands before a letter, `/`, `!` or `?`. In text it is `&lt;`. Code that has one is written as HTML of our own
  (`<pre><code>`), every sign of it as an entity.
- A link leads to `http:`, `https:`, `mailto:`, or within the page. Others are text.
- No picture is fetched, since its address could carry away what the model was told: it is a link.
- No braces give an element an attribute that acts, as some (Pandoc, Python-Markdown) let them: `{onclick=...}`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from inference_providers.rendering.markup import NO_FORMULA
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TAG = r"<(?=[A-Za-z/!?])"
# `](` or `]:` before an address with a scheme: what one may consist of, then a colon, or what may stand for it.
_LINK = r"\](?=[(:][ \t<>]*+\n?+[ \t<>]*+(?!https?://|mailto:)%s{0,199}(?:[:&]|(?<=%s{199})))"
_LINK = _LINK.replace("%s", r"[\w+.\-\\<> \t\u0080-\U0010ffff]")
_PICTURE = r"!(?=\[)"
# Of MathJax: links, and looks of the page; whatever follows, since it may be a comment, or `\\let` may rename them.
_MACRO = r"\\(?=(?-i:href|style|class|cssId|data|mmlToken|require)(?![A-Za-z]))"
# Of a paragraph, what is from a brace to the next that closes one; and what may not be in there.
_BRACES = re.compile(r"\{(?:[^}\n]|\n(?![ \t]*\n))*+")
_ATTRIBUTE = re.compile(r"(?:on[a-z]{2,20}|style|href|src|srcdoc|formaction)[ \t\n]{0,9}=", re.IGNORECASE)
_HOSTILE = re.compile("|".join((_TAG, _LINK, _PICTURE, _MACRO)), re.IGNORECASE)
_INSTEAD = {"<": "&lt;", "]": "&#93;", "!": "&#33;", "\\": "\\ "}
_URL = re.compile(r"<(https?://[\w\-./?=&%#~:+,;@]+)>", re.IGNORECASE)
_MATH = re.compile(r"\\[\\()\[\]]")  # how some models begin and end formulas, and an escaped backslash
_ENDS = {r"\(": (r"\)", "$"), r"\[": (r"\]", "$$")}
_ONE_DOLLAR = re.compile(r"(?<![$\\])\$(?!\$)")
_MARK = "\x00"  # which no text holds that is printable
_FENCE = re.compile(r"[ \t>]*+(?:(?:[-+*]|\d{1,9}[.)])[ \t>]++)*+(`{3,}|~{3,})(.*)").fullmatch
_SIGNS = re.compile(r"[^\w \u0080-\U0010ffff]|_")
_SIGNS_BUT_FEW = re.compile(r"[^\w \u0080-\U0010ffff.,/-]|_")  # within a line these mean nothing
_DOLLAR = "<span>&#36;</span>"  # one that begins no formula, at whatever stage somebody looks for one
_OURS = ("<pre><code>", "</code></pre>", "<code>", "</code>", "<span>", "</span>")


def safe(text: str) -> str:
    """*text*, a model's Markdown, with nothing in it that acts. What is open at its end is closed."""
    made = "\n".join(_blocks(printable(text).split("\n")))
    rest = made
    for one in _OURS:
        rest = rest.replace(one, "")
    return _block_of_code(text) if _HOSTILE.search(rest) else made  # not reached, as far as anybody knows


def plain(text: str) -> str:
    """*text* as Markdown that says just that, on one line: every sign that could mean something as an entity."""
    return _SIGNS.sub(_entity, printable(text))


def lines_of_table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """A table as Markdown has it. *right*: of which columns the cells stand at the right."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    dashes = ["---:" if number else "---" for number in right]
    return [line(map(_cell, head)), line(dashes), *(line(map(_cell, row)) for row in rows)]


def _cell(text: str) -> str:
    return _SIGNS_BUT_FEW.sub(_entity, printable(text)).replace("&#36;", _DOLLAR)


def note(text: str) -> str:
    """A remark in small letters, as Markdown."""
    return f'<small class="{NO_FORMULA}">{_SIGNS_BUT_FEW.sub(_entity, printable(text))}</small>'


def _acts(text: str) -> bool:
    """Whether code, or a paragraph, could do something if somebody saw no code in it."""
    return _HOSTILE.search(text) is not None or any(map(_ATTRIBUTE.search, _BRACES.findall(text)))


def _braces(match: re.Match[str]) -> str:
    return match[0].replace("{", "&#123;") if _ATTRIBUTE.search(match[0]) else match[0]


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _block_of_code(text: str) -> str:
    return f"<pre><code>{plain(text)}</code></pre>"


def _blocks(lines: list[str]) -> Iterator[str]:
    """The lines of a text, blocks of code and what is between them each in their way."""
    between: list[str] = []
    at = 0
    while at < len(lines):
        fence = _FENCE(lines[at])
        if fence is None or (fence[1][0] == "`" and "`" in fence[2]):
            between.append(lines[at])
            at += 1
            continue
        yield from _between(between)
        between = []
        end, is_closed = _end(lines, at, fence[1])
        yield from _fenced(lines[at:end], fence, is_closed=is_closed)
        at = end
    yield from _between(between)


def _end(lines: list[str], at: int, fence: str) -> tuple[int, bool]:
    """(the line after the block that begins at a line, whether its last line closes it)."""
    closing = re.compile(rf"[ \t>]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
    quoted = lines[at].lstrip().startswith(">")
    for number in range(at + 1, len(lines)):
        if closing.fullmatch(lines[number]):
            return number + 1, True
        if quoted and not lines[number].lstrip().startswith(">"):
            return number, False
    return len(lines), False


def _fenced(block: list[str], fence: re.Match[str], *, is_closed: bool) -> Iterator[str]:
    lead = block[0][: fence.start(1)]
    if not _acts("\n".join(block)):
        yield from block
        if not is_closed:
            yield re.sub(r"[^\s>]", " ", lead) + fence[1]
        return
    if lead.strip():  # the mark of a list or a quotation, which stays
        yield lead.rstrip()
    body = block[1:-1] if is_closed else block[1:]
    code = [line[len(lead) :] if not line[: len(lead)].strip(" \t>") else line for line in body]
    yield from ("", _block_of_code("\n".join(code)), "")


def _between(lines: list[str]) -> Iterator[str]:
    """Text that is no block of code: paragraph by paragraph, since no code within a line goes beyond one."""
    if lines:
        parts = re.split(r"(\n[ \t]*\n)", "\n" + "\n".join(lines) + "\n")
        yield "".join(part if at % 2 else _inline(part) for at, part in enumerate(parts))[1:-1]


def _inline(text: str) -> str:
    """A paragraph: what is between backticks is code."""
    runs = [(match.start(), match.end()) for match in re.finditer("`+", text)]
    places: dict[int, list[int]] = {}  # where runs of a length are, the last first
    for number in reversed(range(len(runs))):
        start, end = runs[number]
        places.setdefault(end - start, []).append(number)
    made, last, number = [], 0, 0
    while number < len(runs):
        start, end = runs[number]
        later = places[end - start]
        while later and later[-1] <= number:
            later.pop()
        if not later:
            number += 1
            continue
        close = runs[later[-1]]
        code = text[end : close[0]]
        if _acts(code):
            made += [_words(text[last:start]), f"<code>{plain(code.strip())}</code>"]
        else:
            made += [_words(text[last:start]), text[start : close[1]]]
        last, number = close[1], later[-1] + 1
    whole = "".join([*made, _words(text[last:])])
    # Values in quotes may hold what was taken for code.
    return _block_of_code(text) if any(map(_ATTRIBUTE.search, _BRACES.findall(whole))) else whole


def _words(text: str) -> str:
    text = _BRACES.sub(_braces, _URL.sub(r"\1", _with_dollars(text)))
    return _HOSTILE.sub(lambda match: _INSTEAD[match[0]], text).replace(_MARK, _DOLLAR)


def _with_dollars(text: str) -> str:
    """Formulas between `$`, as notebooks want them, in place of backslashes and brackets; and amounts that are none."""
    marks = [match for match in _MATH.finditer(text) if match[0] != r"\\"]
    made, last = [], 0
    for first, second in pairwise(marks):
        end, sign = _ENDS.get(first[0], ("", ""))
        if second[0] == end and first.start() >= last:
            inner = text[first.end() : second.start()]
            made += [_amounts(text[last : first.start()]), sign, inner.strip() if sign == "$" else inner, sign]
            last = second.end()
    return "".join([*made, _amounts(text[last:])])


def _amounts(text: str) -> str:
    """*text* with `_MARK` for each `$` that begins an amount: no other stands where a formula would end."""
    signs = [match.start() for match in _ONE_DOLLAR.finditer(text)]
    made, last, number = [], 0, 0
    while number < len(signs):
        at, end = signs[number], signs[number + 1] if number + 1 < len(signs) else len(text)
        if end < len(text) and not text[end - 1].isspace() and not text[end + 1 : end + 2].isdigit():
            number += 2  # a formula
            continue
        if text[at + 1 : at + 2].isdigit():
            made += [text[last:at], _MARK]
            last = at + 1
        number += 1
    return "".join([*made, text[last:]])
