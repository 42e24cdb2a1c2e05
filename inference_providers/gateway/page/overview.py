"""What is connected, and what each key reaches. Never a key."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlencode

from inference_providers.credentials import host_of
from inference_providers.errors import AuthenticationError
from inference_providers.gateway.page import words
from inference_providers.gateway.page.costs import PATH as COSTS
from inference_providers.gateway.page.frame import badge, figures, name_of, notice, page, section, table
from inference_providers.gateway.page.log import PATH as LOG
from inference_providers.gateway.page.logged import how_to_log, log_of
from inference_providers.offers import Offer
from inference_providers.rendering import Markup, tag
from inference_providers.usage import moments, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway
    from inference_providers.registry import Provider
    from inference_providers.usage import Totals

READY, RESTS, WHEN_NAMED, LOCKED = "ready", "rests", "when named", "locked"
_KINDS = {READY: "good", RESTS: "warn", WHEN_NAMED: "plain"}  # all others are bad
_SAID = 300  # letters of what a provider has said
_TIMES = (("Today", "today"), ("Last 7 days", "7d"), ("This month", "this_month"))


class Connected:
    """What a pipeline reaches now. models: how many names of models, each counted once."""

    __slots__ = ("_spent", "keys", "models", "servers", "unused")

    def __init__(self, pipeline: Pipeline, spent: Mapping[str, Totals]) -> None:
        """*spent*: by the ids of providers, what this month has cost."""
        finder, self._spent = pipeline.finder, spent
        names: set[str] = set()
        self.keys = [
            row
            for provider in finder.registry.providers.values()
            if provider.local is None and (row := self._key(pipeline, provider, names)) is not None
        ]
        self.servers = [_server(pipeline, server, names) for server in finder.local_servers()]
        self.models = len(names)
        self.unused = [line.strip() for line in finder.guidance.unused()[1:]]

    def _key(self, pipeline: Pipeline, provider: Provider, names: set[str]) -> list[Any] | None:
        """One provider that has a key, or an account; None for others."""
        access = pipeline.finder.accesses[provider.id]
        if access.credential is None or access.reason:
            return None
        own = {name: provider.canonical_of(name) for name in provider.callable_names()}
        models = {canonical or name for name, canonical in own.items()}
        names |= models
        state, more = _state(pipeline, [Offer(access, canonical, name) for name, canonical in own.items()])
        if access.opt_in and state == READY:
            state, more = WHEN_NAMED, "a general-purpose token: used when the provider is named or allowed"
        return [
            [name_of(provider.name), tag("small", provider.id)],
            tag("code", access.key_source.removeprefix("in ") or "an account"),
            words.several(len(models), "model") if models else "whatever it has",
            name_of(host_of(access.endpoint)),
            [_badge(state), tag("small", more) if more else None],
            self._cost(provider.id),
        ]

    def _cost(self, provider: str) -> Any:
        """What a provider has cost, leading to its calls; nothing for one that was not asked."""
        one = self._spent.get(provider)
        if one is None:
            return ""
        cost = tag("a", words.money(one.cost), href=f"{LOG}?{urlencode({'provider': provider})}")
        return [cost, tag("small", f"+ {one.unknown:,} unknown") if one.unknown else None]


def _badge(state: str) -> Markup:
    return badge(state, _KINDS.get(state, "bad"))


def _state(pipeline: Pipeline, offers: Sequence[Offer]) -> tuple[str, str]:
    """How a provider is, as far as calls have shown, and a word on it."""
    health = pipeline.health
    if offers and health.dead(offers[0]):
        error = health.refusal(offers[0]).error
        what = "key" if error is None or isinstance(error, AuthenticationError) else "account"
        return f"{what} refused", "" if error is None else str(error)[:_SAID]
    rests = [left for one in offers if (left := health.cooling(one)) > 0] if health.resting else []
    if rests:
        return RESTS, f"{words.several(len(rests), 'model')} for up to {words.seconds(max(rests))}"
    return READY, ""


def _server(pipeline: Pipeline, server: Any, names: set[str]) -> list[Any]:
    provider = pipeline.finder.registry.providers[server.provider]
    names |= {canonical or name for name, canonical in server.models.items()}
    state, more = _state(pipeline, pipeline.finder.offers_on(server))
    if server.locked:
        state, more = LOCKED, "lists its models only with its key"
    models = "unknown" if server.locked else words.several(len(server.models), "model")
    return [
        [name_of(provider.name), tag("small", server.provider)],
        models,
        tag("code", server.endpoint),
        [_badge(state), tag("small", more) if more else None],
    ]


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""

    def work() -> tuple[Connected, list[Totals | None]]:
        from datetime import UTC, datetime

        now, file = datetime.fromtimestamp(time.time(), UTC), log_of(gateway)
        sums = [next(iter(report(file, *moments(time, now))), None) for _, time in _TIMES]
        month = {one.key: one for one in report(file, *moments(_TIMES[-1][1], now), by="provider")}
        return Connected(gateway.pipeline, month), sums

    connected, sums = await asyncio.to_thread(work)
    spent = [_spent(name, one) for (name, _), one in zip(_TIMES, sums, strict=True)]
    ways = [(len(connected.keys), "key"), (len(connected.servers), "server on this machine")]
    lead = f"{words.several(connected.models, 'model')} within reach"
    if any(number for number, _ in ways):
        lead += f", through {' and '.join(_ways(*one) for one in ways if one[0])}"
    return page(
        gateway,
        incoming,
        "Overview",
        how_to_log(gateway),
        section("What it has cost", figures(*spent), note=tag("a", "Costs over time, and by whom", href=COSTS)),
        *_connected(connected),
        lead=f"{lead}.",
    )


def _ways(number: int, what: str) -> str:
    first, _, rest = what.partition(" ")
    return f"{words.several(number, first)} {rest}".strip()


def _spent(name: str, one: Totals | None) -> tuple[str, str, str]:
    if one is None:
        return name, words.money(0.0), "no calls"
    unknown = f", {one.unknown:,} of unknown price" if one.unknown else ""
    return name, words.money(one.cost), f"{words.several(one.calls, 'call')}{unknown}"


def _connected(connected: Connected) -> list[Markup]:
    head = ["Provider", "Key", "Reaches", "Host", "State", "This month"]
    keys = section(
        "Keys",
        table("Providers with a key", head, connected.keys, numbers=(5,), empty="No key is set."),
        _unused(connected.unused),
        id="keys",
        note="Where each key is, and what it reaches. Keys themselves are never shown.",
    )
    servers = table(
        "Model servers on this machine",
        ["Server", "Has", "Address", "State"],
        connected.servers,
        empty="None runs now.",
    )
    return [keys, section("On this machine", servers, id="servers")]


def _unused(lines: Sequence[str]) -> Markup | None:
    if not lines:
        return None
    return notice(
        tag("p", tag("strong", "Set, but not used")), tag("ul", [tag("li", one) for one in lines]), kind="warn"
    )
