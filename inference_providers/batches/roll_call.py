"""Roll call: every model within reach is asked the same questions; who answers, how fast, at what price."""

from __future__ import annotations

import asyncio
import re
import time

from inference_providers import chat
from inference_providers.attempts import reason
from inference_providers.chat import Question
from inference_providers.errors import InferenceProvidersError, TruncatedStreamError
from inference_providers.offers import offer as candidates
from inference_providers.text import printable
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer

QUESTIONS = ("What is 17 + 25? Answer with the number alone.", "Name a colour of the sky in one word.")
MAX_TOKENS = 200  # of each answer: enough for a model that thinks before it speaks
AT_ONCE = 16  # models
TIMEOUT = 60.0  # seconds for one answer
NOT_ASKED = "not asked"


class Entry:
    """One model at one provider: its answers, and what they took.

    first_token: seconds until the first text of the first question. speed: output tokens a second after
    that; None where there was too little to tell. cost: USD. problem: why there is no answer; empty when there are all.
    """

    __slots__ = ("answers", "asked", "cost", "first_token", "local", "model", "name", "problem", "provider", "speed")

    def __init__(self, offer: Offer) -> None:
        self.provider, self.name, self.model, self.local = (
            offer.provider,
            offer.internal_name,
            offer.canonical_name,
            offer.local,
        )
        self.answers: list[str] = []
        self.first_token: float | None = None
        self.speed: float | None = None
        self.cost: float | None = 0.0
        self.problem = ""
        self.asked = False

    def __repr__(self) -> str:
        return f"<Entry {self.provider}/{self.name}: {self.problem or self.answers}>"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: getattr(self, name)
            for name in ("provider", "name", "model", "answers", "first_token", "speed", "cost", "problem")
        }


def called(
    pipeline: Pipeline, *, only: Iterable[str] = (), models: Iterable[str] = (), free: bool = False
) -> list[Offer]:
    """Every model of every provider within reach, each provider's preferred name for it; those with *models* in their names.

    only: providers. free: only what costs nothing. Raises UnknownModelError for a provider that is not known.
    """
    finder = pipeline.finder
    wanted = {finder.provider_id(spelling) for spelling in only}
    patterns = [pattern.lower() for pattern in models]
    found: list[Offer] = []
    for pid, provider in finder.registry.providers.items():
        if provider.local is None and not finder.accesses[pid].reason:
            access = finder.accesses[pid]
            names = provider.data.get("model_names") or {}
            found += [
                candidates.Offer(access, canonical, internal, named=pid in wanted)
                for canonical, internal in names.items()
            ]
    for server in finder.local_servers():
        found += finder.offers_on(server)
    return [
        offer
        for offer in found
        if offer.usable
        and (not wanted or offer.provider in wanted)
        and (not patterns or any(p in f"{offer.internal_name} {offer.canonical_name}".lower() for p in patterns))
        and (not free or offer.local or (offer.input_price == 0 and offer.output_price == 0))
    ]


class RollCall:
    """The questions, the spending limit, and the models. `run()` asks them all and gives an entry for each.

    budget: USD; a model whose answers might go beyond it is not asked, nor one without a known price,
    unless *unpriced*.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        offers: Sequence[Offer],
        questions: Sequence[str] = QUESTIONS,
        *,
        budget: float = 0.10,
        unpriced: bool = False,
        told: Callable[[Entry, float], None] = lambda entry, spent: None,
    ) -> None:
        if not budget >= 0:  # nor no number at all
            raise ValueError(f"the spending limit must be 0 or more, not {budget!r}")
        self._pipeline, self._offers, self._questions = pipeline, list(offers), list(questions)
        self._budget, self._unpriced, self._told = budget, unpriced, told
        self.entries = [Entry(offer) for offer in self._offers]  # filled as it goes, so that an interruption loses none
        self.spent = 0.0
        self._reserved = 0.0
        self._asking = 0
        self._room = asyncio.Condition()

    async def run(self) -> list[Entry]:
        """Ask everybody, some at once; the cheapest first, so that the limit reaches far."""
        rows = [(self._most(offer), offer, entry) for offer, entry in zip(self._offers, self.entries, strict=True)]
        waiting = iter(sorted(rows, key=lambda row: row[0]))

        async def work() -> None:
            for most, offer, entry in waiting:
                await self._ask_all(offer, entry, most)
                self._told(entry, self.spent)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(rows))):
                group.create_task(work())
        return self.entries

    def _most(self, offer: Offer) -> float:
        """USD that its answers may cost; 0 where nobody knows."""
        if offer.local or offer.input_price is None or offer.output_price is None:
            return 0.0
        tokens = sum(len(question) // 3 + 20 for question in self._questions)
        return (tokens * offer.input_price + MAX_TOKENS * len(self._questions) * offer.output_price) / 1e6

    async def _ask_all(self, offer: Offer, entry: Entry, most: float) -> None:
        known = offer.local or (offer.input_price is not None and offer.output_price is not None)
        if not known and not self._unpriced:
            entry.problem, entry.cost = f"{NOT_ASKED}: no price is known (--unpriced asks it)", None
            return
        if not await self._reserve(most):
            entry.problem = f"{NOT_ASKED}: it may cost ${most:.4f}; ${self.spent:.4f} of ${self._budget:.2f} are spent"
            return
        entry.asked = True
        try:
            for question in self._questions:
                entry.answers.append(await self._ask(offer, entry, question))
        except InferenceProvidersError as error:
            entry.problem = reason(error)
            if isinstance(error, TruncatedStreamError):  # some tokens came, nobody knows how many
                entry.cost = None
        finally:
            async with self._room:
                self._asking -= 1
                if entry.cost is not None:  # else it may have cost all that was set aside
                    self._reserved -= most
                self._room.notify_all()

    async def _reserve(self, most: float) -> bool:
        """Set aside what answers may cost, when those of others leave room for it; false where there will be none."""
        async with self._room:
            while most > 0 and self.spent + self._reserved + most > self._budget:
                if not self._asking:
                    return False
                await self._room.wait()
            self._reserved += most
            self._asking += 1
            return True

    async def _ask(self, offer: Offer, entry: Entry, question: str) -> str:
        asked = Question(chat.messages(question), {"max_tokens": MAX_TOKENS})
        request = self._pipeline.request(asked.streamed(), asked)
        started = time.monotonic()
        reply = await self._pipeline.async_caller.stream([offer], request, total=TIMEOUT)
        first = time.monotonic() - started
        pieces = [piece async for piece in reply.text()]
        took = time.monotonic() - started - first
        text = "".join(pieces).strip()
        usage = usage_of(reply.usage)
        tokens = usage.output_tokens if usage else len(text) // 4
        if entry.first_token is None:
            entry.first_token = first
        if tokens > 4 and took > 0.01:
            entry.speed = tokens / took
        cost = 0.0 if offer.local else cost_of(usage, offer.facts)
        entry.cost = None if cost is None or entry.cost is None else entry.cost + cost
        self.spent += cost or 0.0
        return text


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
    answered = sum(entry.asked and not entry.problem for entry in entries)
    failed = sum(entry.asked and bool(entry.problem) for entry in entries)
    rest = len(entries) - answered - failed
    return f"{answered} answered, {failed} failed, {rest} not asked, ${spent:.4f} spent"


def markdown(entries: Sequence[Entry], questions: Sequence[str], spent: float) -> str:
    """The entries as a page of Markdown."""

    def clean(text: str) -> str:
        short = text if len(text) <= 200 else f"{text[:200]}..."
        plain = " ".join(printable(short).split()).replace("&", "&amp;").replace("<", "&lt;")
        return re.sub(r"([\\`*_\[\]|!#~>])", r"\\\1", plain)

    lines = ["# Roll call", "", summary(entries, spent), ""]
    lines += [f"{number}. {clean(question)}" for number, question in enumerate(questions, 1)]
    head = [*COLUMNS, *(f"answer {number}" for number in range(1, len(questions) + 1)), "problem"]
    lines += ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for entry in ordered(entries):
        answers = [*entry.answers, *[""] * len(questions)][: len(questions)]
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
"""


def html(entries: Sequence[Entry], questions: Sequence[str], spent: float) -> str:
    """The entries as a page that needs nothing else."""
    import html as library

    def escape(text: str) -> str:
        return library.escape(printable(text))

    def row(entry: Entry) -> str:
        provider, name, *numbers = map(escape, _cells(entry))
        cells = [f"<td>{provider}</td><td>{name}</td>", *(f'<td class="number">{number}</td>' for number in numbers)]
        answers = [*entry.answers, *[""] * len(questions)][: len(questions)]
        cells += [f'<td class="answer">{escape(answer)}</td>' for answer in answers]
        kind = "" if entry.asked else ' class="skipped"'
        return f'<tr{kind}>{"".join(cells)}<td class="problem">{escape(entry.problem)}</td></tr>'

    asked = "".join(f"<li>{escape(question)}</li>" for question in questions)
    head = "".join(
        f"<th>{name}</th>" for name in (*COLUMNS, *(f"answer {n}" for n in range(1, len(questions) + 1)), "problem")
    )
    rows = "\n".join(map(row, ordered(entries)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Roll call</title><style>{_STYLE}</style></head>\n<body><h1>Roll call</h1><p>{escape(summary(entries, spent))}</p>"
        f"<ol>{asked}</ol>\n<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )
