"""The fields of a caller as a form has them: text, which is empty where there is no limit. Pure."""

from __future__ import annotations

import math
import re
import time

from inference_providers.gateway.caller_fields import FieldError
from inference_providers.gateway.page.parts import choice, described, labelled
from inference_providers.gateway.quotas import RATES, TIERS
from inference_providers.rendering import group, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.rendering import Markup

FIELDS = ("tier", *RATES, "budget", "models", "expires")
_WORDS = {
    "requests_per_minute": "Requests a minute",
    "tokens_per_minute": "Tokens a minute",
    "concurrent": "Requests at once",
}
_NUMBER = re.compile(r"[0-9][0-9,_ ]*(\.[0-9]+)?").fullmatch


def values_of(caller: Caller | None) -> dict[str, str]:
    """What a form says of a caller before anything is changed; of a new one without a caller."""
    if caller is None:
        return {**dict.fromkeys(FIELDS, ""), "tier": "basic", "expires": "90d"}
    found = {name: _text(getattr(caller, name)) for name in (*RATES, "budget")}
    models = "\n".join(caller.models or ())
    expires = "" if caller.expires is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(caller.expires))
    return {"tier": caller.tier or "", **found, "models": models, "expires": expires}


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def read(sent: Mapping[str, Any], before: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a form says, as `Callers` takes it: of an existing caller what differs from *before* alone.

    Raises FieldError for what is no number; all else is looked at by `caller_fields`.
    """
    found: dict[str, Any] = {}
    for name in FIELDS:
        said = str(sent.get(name, "")).replace("\r\n", "\n").strip()
        if before is not None and said == before[name]:
            continue
        if said or before is not None:
            found[name] = _READERS.get(name, _word)(name, said)
    return found


def in_words(error: FieldError) -> str:
    """What is wrong with a field, as a form calls it, and what is no limit there."""
    said = (
        str(error)
        .replace(error.field, _WORDS.get(error.field, error.field).lower(), 1)
        .replace(" or null", " or empty")
    )
    return f"{said[0].upper()}{said[1:]}."


def _word(name: str, said: str) -> str | None:
    return said or None


def _number(name: str, said: str) -> float | int | None:
    if not said:
        return None
    if _NUMBER(plain := said.removeprefix("$").strip()) is None:
        raise FieldError(name, f"{_WORDS.get(name, name).lower()} must be a number, not {said[:80]!r}")
    value = float(re.sub("[,_ ]", "", plain))
    return int(value) if value.is_integer() and not math.isinf(value) else value


def _models(name: str, said: str) -> list[str] | None:
    names = [one.strip() for one in re.split(r"[\n,]", said)]
    return [one for one in names if one] or None


_READERS = {**dict.fromkeys((*RATES, "budget"), _number), "models": _models}


def inputs(values: Mapping[str, str], problems: Mapping[str, str]) -> Markup:
    """The fields as inputs. *problems*: what is wrong with which."""
    return group(
        _tier(values["tier"], problems.get("tier", "")),
        tag("div", [_rate(name, values[name], problems.get(name, "")) for name in RATES], class_="fields"),
        tag("div", _budget(values["budget"], problems), _expires(values["expires"], problems), class_="fields"),
        _models_input(values["models"], problems.get("models", "")),
    )


def _tier(chosen: str, problem: str) -> Markup:
    hint = "Usual limits. The three fields below stand in their place where they are filled in."
    options = [("", "None: only the limits below")]
    for name, usual in TIERS.items():
        limits = ", ".join(limits_of({rate: getattr(usual, rate) for rate in RATES}))
        options.append((name, f"{name}: {limits or 'as set below'}"))
    own = described("tier", hint=hint, problem=problem)
    return labelled("Tier", "tier", choice(options, chosen, **own), hint=hint, problem=problem)


def limits_of(rates: Mapping[str, int | None]) -> list[str]:
    """Limits by the minute and at once, in words."""
    units = (("requests_per_minute", "requests/min"), ("tokens_per_minute", "tokens/min"), ("concurrent", "at once"))
    return [f"{most:,} {unit}" for name, unit in units if (most := rates.get(name)) is not None]


def _rate(name: str, value: str, problem: str) -> Markup:
    own = described(name, problem=problem)
    typed = tag(
        "input", type="text", inputmode="numeric", value=value, placeholder="as the tier", autocomplete="off", **own
    )
    return labelled(_WORDS[name], name, typed, problem=problem)


def _budget(value: str, problems: Mapping[str, str]) -> Markup:
    hint, problem = "US dollars a calendar month. Empty: no limit.", problems.get("budget", "")
    own = described("budget", hint=hint, problem=problem)
    typed = tag(
        "input", type="text", inputmode="decimal", value=value, placeholder="no limit", autocomplete="off", **own
    )
    return labelled("Budget", "budget", typed, hint=hint, problem=problem)


def _expires(value: str, problems: Mapping[str, str]) -> Markup:
    hint, problem = "12h, 30d, 8w, or a date (UTC): 2027-01-31. Empty: never.", problems.get("expires", "")
    own = described("expires", hint=hint, problem=problem)
    typed = tag("input", type="text", value=value, placeholder="never", autocomplete="off", spellcheck="false", **own)
    return labelled("Expires", "expires", typed, hint=hint, problem=problem)


def _models_input(value: str, problem: str) -> Markup:
    hint = "One a line, such as gpt-4o-mini, or groq/llama-3.3-70b at Groq alone. Empty: all models."
    own = described("models", hint=hint, problem=problem)
    typed = tag("textarea", value, rows="3", placeholder="all models", autocomplete="off", spellcheck="false", **own)
    return labelled("Models", "models", typed, hint=hint, problem=problem)
