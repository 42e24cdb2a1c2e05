"""A roll call's entries for people: in Markdown, in HTML, in one line."""

from __future__ import annotations

import re

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inference_providers.batches.roll_call import Entry

COLUMNS = ("provider", "model", "first token", "tokens/s", "cost")


def _cells(entry: Entry) -> list[str]:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else form.format(value)

    cost = "" if not entry.asked else "?" if entry.cost is None else f"${entry.cost:.6f}" if entry.cost else "$0"
    return [entry.provider, entry.name, number(entry.first_token, "{:.2f} s"), number(entry.speed, "{:.0f}"), cost]


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Those that answered first, the quickest before the others; then those that failed, then those not asked."""
    return sorted(entries, key=lambda e: (not e.asked, bool(e.problem), e.first_token or 0.0, e.provider, e.name))


def summary(entries: Sequence[Entry], spent: float) -> str:
    """One line about all of them."""
    asked = [entry for entry in entries if entry.asked]
    interrupted = sum(entry.interrupted for entry in asked)
    failed = sum(bool(entry.problem) for entry in asked) - interrupted
    counts = f"{len(asked) - failed - interrupted} answered, {failed} failed, "
    counts += f"{interrupted} interrupted, " if interrupted else ""
    return f"{counts}{len(entries) - len(asked)} not asked, ${spent:.4f} spent{_unknown(asked)}"


def _unknown(asked: Sequence[Entry]) -> str:
    """What else may be charged."""
    unknown = [entry for entry in asked if entry.cost is None and entry.at_most != 0]
    if not unknown:
        return ""
    most = [entry.at_most for entry in unknown if entry.at_most is not None]
    limit = f"at most ${sum(most):.4f} more"
    if len(most) < len(unknown):
        limit = (
            f"{limit}, and what {len(unknown) - len(most)} without a price cost" if most else "nobody knows how much"
        )
    return f"; {len(unknown)} of unknown cost: {limit}"


def _answers(entry: Entry, count: int) -> list[str]:
    half = [f"{entry.partial} [broken off]"] if entry.partial else []
    return [*entry.answers, *half, *[""] * count][:count]


def markdown(entries: Sequence[Entry], questions: Sequence[str], spent: float, made: str = "") -> str:
    """The entries as a page of Markdown. *made*: when, how and from what, so that two pages can be compared."""

    def clean(text: str) -> str:
        short = text if len(text) <= 200 else f"{text[:200]}..."
        plain = " ".join(printable(short).split()).replace("&", "&amp;").replace("<", "&lt;")
        return re.sub(r"([\\`*_\[\]|!#~>])", r"\\\1", plain)

    lines = ["# Roll call", "", summary(entries, spent), "", *([clean(made), ""] if made else [])]
    lines += [f"{number}. {clean(question)}" for number, question in enumerate(questions, 1)]
    head = [*COLUMNS, *(f"answer {number}" for number in range(1, len(questions) + 1)), "problem"]
    lines += ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for entry in ordered(entries):
        answers = _answers(entry, len(questions))
        lines.append(f"| {' | '.join(map(clean, [*_cells(entry), *answers, entry.problem]))} |")
    return "\n".join(lines) + "\n"


_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid #8884 }
th { font-weight: 600; white-space: nowrap; position: sticky; top: 0; background: Canvas }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.answer { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 28rem }
.problem { color: #b3261e } @media (prefers-color-scheme: dark) { .problem { color: #f2b8b5 } }
.skipped { opacity: .6 }
.made { opacity: .7; overflow-wrap: anywhere }
@media (max-width: 45rem) {
  table, tbody, tr, td { display: block }
  thead, td:empty { display: none }
  tr { padding: .6rem 0; border-bottom: 1px solid #8888 }
  td { border: 0; padding: .1rem 0; overflow-wrap: anywhere }
  td:nth-child(2) { font-weight: 600 }
  .number { display: inline; text-align: left; padding-right: .8rem }
  td:nth-child(4)::after { content: " tokens/s" }
}
"""


def html(entries: Sequence[Entry], questions: Sequence[str], spent: float, made: str = "") -> str:
    """The entries as a page that needs nothing else, on paper, a phone or a desktop. *made*: as for `markdown`."""
    from html import escape

    def safe(text: str) -> str:
        return escape(printable(text))

    def row(entry: Entry) -> str:
        provider, name, *numbers = map(safe, _cells(entry))
        cells = [f"<td>{provider}</td><td>{name}</td>", *(f'<td class="number">{number}</td>' for number in numbers)]
        answers = _answers(entry, len(questions))
        cells += [f'<td class="answer">{safe(answer)}</td>' for answer in answers]
        kind = "" if entry.asked else ' class="skipped"'
        return f'<tr{kind}>{"".join(cells)}<td class="problem">{safe(entry.problem)}</td></tr>'

    asked = "".join(f"<li>{safe(question)}</li>" for question in questions)
    head = "".join(
        f"<th>{name}</th>" for name in (*COLUMNS, *(f"answer {n}" for n in range(1, len(questions) + 1)), "problem")
    )
    rows = "\n".join(map(row, ordered(entries)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Roll call</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>Roll call</h1><p>{safe(summary(entries, spent))}</p>"
        f'<p class="made">{safe(made)}</p>'
        f"<ol>{asked}</ol>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )
