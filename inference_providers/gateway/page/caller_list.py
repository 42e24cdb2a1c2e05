"""Callers in a table: whether their keys are taken, what they may use, what they have spent this month."""

from __future__ import annotations

import time

from inference_providers.gateway.page import words
from inference_providers.gateway.page.caller_form import limits_of
from inference_providers.gateway.page.frame import badge, name_of, table
from inference_providers.gateway.quotas import RATES
from inference_providers.rendering import group, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.service import Gateway
    from inference_providers.rendering import Markup

ACTIVE, REVOKED, EXPIRED, EXPIRING = "active", "revoked", "expired", "expires soon"
_KINDS = {ACTIVE: "good", REVOKED: "plain", EXPIRED: "bad", EXPIRING: "warn"}
_SOON = 7 * 86400.0  # seconds
_NEARLY = 0.9  # of a budget
_HEAD = ("Name", "Key", "Limits", "Models", "Spent this month")


def state_of(caller: Caller, now: float) -> str:
    """Whether its key is taken at *now*, in seconds since 1970."""
    if caller.revoked is not None:
        return REVOKED
    if caller.expires is None or caller.expires > now + _SOON:
        return ACTIVE
    return EXPIRED if caller.expires <= now else EXPIRING


def spent_of(gateway: Gateway, caller: Caller) -> float | None:
    """USD of this month; None for a caller without a budget, whose spending is in the log alone."""
    return None if caller.budget is None else gateway.tiers.spending.spent(caller.id)


def state_words(caller: Caller, state: str, spent: float | None) -> Markup:
    """A line on one of them."""
    said = [badge(state, _KINDS[state]), f" since {_day(caller.created)}"]
    if caller.revoked is not None:
        said = [badge(state, _KINDS[state]), f" on {_day(caller.revoked)}"]
    elif caller.expires is not None:
        said.append(f", {'expired' if state == EXPIRED else 'expires'} on {_day(caller.expires)}")
    if caller.budget is not None:
        said.append(f". {words.money(spent)} of {words.money(caller.budget)} are spent this month.")
    return group(*said)


def listed(rows: Sequence[tuple[Caller, float | None]], now: float) -> Markup:
    """The table; *rows* are callers with what they have spent. Those whose keys are taken come first."""
    ordered = sorted(rows, key=lambda row: (state_of(row[0], now) in (REVOKED, EXPIRED), row[0].name.lower()))
    return table(
        "Callers",
        _HEAD,
        [_row(caller, spent, now) for caller, spent in ordered],
        empty="There is no caller yet: make a key for each person and program.",
    )


def _row(caller: Caller, spent: float | None, now: float) -> tuple[Any, ...]:
    state = state_of(caller, now)
    return (
        tag("a", name_of(caller.name), href=f"/page/callers/{caller.name}"),
        tag("div", badge(state, _KINDS[state]), _ends(caller, state)),
        _limits(caller),
        _models(caller),
        _spent(caller, spent),
    )


def _ends(caller: Caller, state: str) -> Markup | None:
    if state == REVOKED or caller.expires is None:
        return None
    return tag("span", f"{'expired' if state == EXPIRED else 'until'} {_day(caller.expires)}", class_="below")


def _limits(caller: Caller) -> Markup | str:
    quota = caller.quota
    said = [] if quota is None else limits_of({name: getattr(quota, name) for name in RATES})
    tier = tag("span", caller.tier, class_="tier") if caller.tier else None
    if not said:
        return tag("div", tier, tag("span", "no limit by the minute", class_="below")) if tier else "none"
    return tag("div", tier, [tag("span", one, class_="below") for one in said])


def _models(caller: Caller) -> Markup | str:
    if caller.models is None:
        return "all"
    shown = [tag("span", name_of(name), class_="below model") for name in caller.models[:4]]
    more = len(caller.models) - 4
    return tag("div", shown, tag("span", f"and {more} more", class_="below") if more > 0 else None)


def _spent(caller: Caller, spent: float | None) -> Markup | str:
    if caller.budget is None:
        return "no budget"
    part = min((spent or 0.0) / caller.budget, 1.0) if caller.budget else 1.0
    told = f"{part:.0%} of the budget of {caller.name}"
    look = "fill bad" if part >= _NEARLY else "fill"
    bar = tag("rect", class_=look, x="0", y="0", width=f"{part * 100:.2f}", height="3")
    drawn = tag(
        "svg", bar, class_="share", viewBox="0 0 100 3", preserveAspectRatio="none", role="img", aria_label=told
    )
    return tag("div", f"{words.money(spent)} of {words.money(caller.budget)}", drawn, class_="spent")


def _day(when: float) -> str:
    return time.strftime("%d %b %Y", time.gmtime(when))
