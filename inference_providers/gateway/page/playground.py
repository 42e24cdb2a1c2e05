"""The playground: up to four models answer the same question side by side. What they say is text, and no markup."""

from __future__ import annotations

import asyncio

from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import model_list
from inference_providers.gateway.messages import Outgoing, Refused
from inference_providers.gateway.page import words
from inference_providers.gateway.page.answers import MOST_TOKENS, answers
from inference_providers.gateway.page.frame import HEADERS, fields, notice, page, page_route
from inference_providers.gateway.page.parts import described, labelled
from inference_providers.rendering import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway
    from inference_providers.rendering import Markup

PATH = "/page/playground"
COLUMNS, SHOWN = 4, 2  # at most, and at first
LONGEST = 400_000  # characters of a prompt
_FACTS = {"provider": "Provider", "first": "First token", "speed": "Tokens/s", "tokens": "Tokens", "cost": "Cost"}
_LINES = {**HEADERS, "content-type": "application/x-ndjson"}


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""
    rows = await asyncio.to_thread(_models, gateway)
    first = [row["id"] for row in rows[:SHOWN]]
    columns = [_column(number, first[number] if number < len(first) else "") for number in range(COLUMNS)]
    missing = notice(tag("p", "No model is within reach: no key is set, and no model server runs."), kind="warn")
    return page(
        gateway,
        incoming,
        "Playground",
        tag("noscript", notice(tag("p", "This page needs JavaScript."), kind="warn")),
        None if rows else missing,
        _question(),
        tag("div", columns, class_="columns", id="columns"),
        tag("datalist", [tag("option", _price(row), value=row["id"]) for row in rows], id="models"),
        lead="The same question to several models, side by side.",
        scripts=("playground.js",),
    )


def _models(gateway: Gateway) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = model_list.answer(gateway.pipeline.finder)["data"]
    except InferenceProvidersError:
        return []
    return rows


def _price(row: dict[str, Any]) -> str:
    """Who serves a model, and what it costs."""
    said = ", ".join(row["providers"][:3])
    price = row.get("pricing")
    if not price or price["input"] is None or price["output"] is None:
        return said
    return f"{said}: {words.money(price['input'])} in, {words.money(price['output'])} out for a million tokens"


def _question() -> Markup:
    keys = tag("span", tag("kbd", "Ctrl"), "+", tag("kbd", "Enter"), " asks, ", tag("kbd", "Esc"), " stops.")
    prompt = tag("textarea", "", rows="4", required=True, maxlength=str(LONGEST), **described("prompt", hint=keys))
    system = tag("textarea", "", rows="2", maxlength=str(LONGEST), **described("system"))
    heat = tag(
        "input", type="number", min="0", max="2", step="0.1", placeholder="the model's", **described("temperature")
    )
    most = tag("input", type="number", min="1", max=str(MOST_TOKENS), step="1", value="1000", **described("max_tokens"))
    more = tag(
        "details",
        tag("summary", "System prompt, temperature, length"),
        labelled("System prompt", "system", system),
        tag(
            "div",
            labelled("Temperature", "temperature", heat),
            labelled("Most tokens of an answer", "max_tokens", most),
            class_="fields",
        ),
    )
    buttons = tag(
        "div",
        tag("button", "Ask", type="submit", class_="main", id="ask"),
        tag("button", "Stop", type="button", id="stop", disabled=True),
        tag("button", "Add a model", type="button", id="add", class_="quiet"),
        tag("p", "", role="status", class_="heard", id="heard"),
        class_="actions",
    )
    # Without a script nothing is sent: the address of the page would hold what was typed.
    return tag(
        "form", labelled("Prompt", "prompt", prompt, hint=keys), more, buttons,
        id="question", class_="stack wide", method="post", action=PATH,
    )  # fmt: skip


def _column(number: int, model: str) -> Markup:
    """A model and its answer. *number*: from 0 on; those after `SHOWN` are hidden at first."""
    own = f"model-{number}"
    name = f"Model {number + 1}"
    chosen = tag(
        "input", id=own, value=model, list="models", class_="chosen", autocomplete="off", spellcheck="false",
        placeholder="a name, or auto",
    )  # fmt: skip
    away = tag("button", "×", type="button", class_="quiet away", aria_label=f"Remove model {number + 1}")
    facts = [tag("div", tag("dt", words), tag("dd", "–", data_fact=fact)) for fact, words in _FACTS.items()]
    return tag(
        "section",
        tag("div", tag("label", name, for_=own), tag("div", chosen, away, class_="pick"), class_="field"),
        tag("div", "", class_="answer", tabindex="0", role="region", aria_label=f"Answer of model {number + 1}"),
        tag("dl", facts, class_="took"),
        class_="column",
        aria_label=name,
        hidden=number >= SHOWN,
    )


async def asked(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One model's answer as it comes: lines of JSON."""
    sent = await fields(gateway, incoming)
    model = _text(sent, "model", 300)
    messages = [{"role": "user", "content": _text(sent, "prompt", LONGEST)}]
    if system := _text(sent, "system", LONGEST, optional=True):
        messages.insert(0, {"role": "system", "content": system})
    options: dict[str, Any] = {}
    for name, least, most in (("temperature", 0, 2), ("max_tokens", 1, MOST_TOKENS)):
        if (value := sent.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise Refused(
                    400, f"{name} must be a number from {least} to {most:,}.", "invalid_field", parameter=name
                )
            options[name] = value
    return Outgoing(200, _LINES, answers(gateway, messages, model, options))


def _text(sent: dict[str, Any], name: str, longest: int, *, optional: bool = False) -> str:
    value = sent.get(name) or ""
    if not isinstance(value, str) or len(value) > longest or not (optional or value.strip()):
        raise Refused(400, f"{name} must be a text of 1 to {longest:,} characters.", "invalid_field", parameter=name)
    return value


ROUTES = (page_route("GET", PATH, shown), page_route("POST", PATH, asked))
