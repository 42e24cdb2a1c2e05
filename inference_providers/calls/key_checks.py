"""Which keys work, and what they reach: every provider with a key is asked for its own list of models, at once."""

from __future__ import annotations

import time

from inference_providers.calls import live_asking
from inference_providers.calls.listing import kinds_of
from inference_providers.offers import ALLOW_VARIABLE, LiveList, is_offline
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from typing import Any

    from inference_providers.calls.pipeline import Pipeline
    from inference_providers.errors import ProviderError
    from inference_providers.offers import Offer
    from inference_providers.registry import Provider, Registry
    from inference_providers.transport import Sender

# What a check comes to.
WORKS, REFUSED, FAILED, UNKNOWN, NOT_ASKED = "works", "refused", "failed", "unknown", "not asked"
NOT_IN_REGISTRY, NOT_IN_LIST = "not in the registry", "not in its list"  # notes on models
OPEN = "its list is open to everybody, so it proves nothing of the key"
_LONGEST = 300  # characters of what a provider says
_NONE = (404, 405, 410, 501)  # how a server says that it has no list


class KeyCheck:
    """One key at one provider: the `verdict`, why (`said`, in the provider's words or ours), and the list it gave."""

    __slots__ = ("live", "provider", "said", "status", "variable", "verdict")

    def __init__(
        self, provider: Provider, variable: str, verdict: str, said: str = "", status: int | None = None
    ) -> None:
        self.provider, self.variable, self.verdict, self.said, self.status = provider, variable, verdict, said, status
        self.live: LiveList | None = None

    def __repr__(self) -> str:
        return f"<KeyCheck of {self.variable} at {self.provider.id}: {self.verdict}>"

    def as_dict(self, registry: Registry) -> dict[str, Any]:
        """For JSON."""
        live = self.live
        return {
            "provider": self.provider.id,
            "variable": self.variable,
            "verdict": self.verdict,
            "status": self.status,
            "said": self.said,
            "models": None if live is None else len(live.talking),
            "other_models": None if live is None else len(live.other),
            "not_in_registry": [] if live is None else live.lacking_in_registry(registry),
            "not_in_list": [] if live is None else live.in_vain(),
            "console": self.provider.data.get("console"),
        }

    def rows(self, registry: Registry) -> list[dict[str, Any]]:
        """A row for each model to talk to that the list has, and for each that the registry lists in vain."""
        if self.live is None:
            return []
        lacking, found = set(self.live.lacking_in_registry(registry)), []
        for name in self.live.talking:
            means = self.live.canonical_of(registry, name)
            model = means if means in registry.canonical_names else None
            found.append(self._row(model, name, NOT_IN_REGISTRY if name in lacking and model is None else ""))
        found.sort(key=lambda row: (str(row["model"]).lower(), row["name"]))
        return found + [self._row(self.provider.canonical_of(name), name, NOT_IN_LIST) for name in self.live.in_vain()]

    def _row(self, model: str | None, name: str, note: str) -> dict[str, Any]:
        return {"model": model or name, "provider": self.provider.id, "name": name, "note": note}


def check_keys(
    pipeline: Pipeline,
    *,
    prove: bool = True,
    seconds: float = live_asking.LIMIT,
    only: Container[str] | None = None,
) -> list[KeyCheck]:
    """What every key in the environment comes to, in registry order; off line, nobody is asked.

    *only*: those of these providers, by id.
    *prove*: also tell a list that everybody gets from one that only a key gives. *seconds*: for all of them together.
    """
    checks: list[KeyCheck] = []
    offers: dict[int, Offer] = {}
    for provider, variable in _keys(pipeline):
        if only is not None and provider.id not in only:
            continue
        access = pipeline.finder.accesses[provider.id]
        why = access.reason
        if is_offline(pipeline.finder.environ):
            why = "off line"
        elif not why and access.opt_in:
            why = f"a general-purpose token, sent only where {ALLOW_VARIABLE}={provider.id} allows it"
        if not why:
            (offers[len(checks)],) = pipeline.finder.resolver.offers_by(provider, [(None, "models")])
        checks.append(KeyCheck(provider, variable, NOT_ASKED, why))
    sender = pipeline.sender if offers else None

    def ask(index: int, left: float) -> KeyCheck:
        assert sender is not None
        return _checked(sender, offers[index], checks[index], time.monotonic() + left, prove=prove)

    late = f"no answer within {seconds:g} seconds"
    for index, found in zip(offers, live_asking.at_once(ask, list(offers), seconds), strict=True):
        before = checks[index]
        checks[index] = found or KeyCheck(before.provider, before.variable, FAILED, late)
    return checks


def _keys(pipeline: Pipeline) -> list[tuple[Provider, str]]:
    """The providers for which the environment has a key, and the variable with it."""
    from inference_providers.credentials import find

    found = []
    for provider in pipeline.finder.registry.providers.values():
        if provider.local is None:
            credential, _ = find(provider, pipeline.finder.environ)
            if credential is not None and credential.variable is not None:
                found.append((provider, credential.variable))
    return found


def _checked(sender: Sender, offer: Offer, check: KeyCheck, until: float, *, prove: bool) -> KeyCheck:
    provider, variable = check.provider, check.variable
    told = live_asking.model_list(sender, offer, until - time.monotonic())
    if told.error is not None:
        return _refused(provider, variable, told.error, dead=told.dead)
    if kinds_of(told.content) is None:
        return KeyCheck(provider, variable, UNKNOWN, "what it replied is no list of models")
    found = KeyCheck(provider, variable, WORKS)
    if prove:
        found = _proof(sender, offer, found, until)
    if found.verdict != REFUSED:  # else what everybody gets is of no use to who has that key
        found.live = told.models(offer, time.time())
    return found


def _proof(sender: Sender, offer: Offer, listed: KeyCheck, until: float) -> KeyCheck:
    """What the key is worth that a list was given to: a page about the key says it, or nobody else gets that list."""
    provider, variable = listed.provider, listed.variable
    if (told := live_asking.key_check(sender, offer, until - time.monotonic())) is not None:
        return listed if told.error is None else _refused(provider, variable, told.error, dead=told.dead)
    told = live_asking.model_list(sender, offer, until - time.monotonic(), keyless=True)
    if told.error is not None and told.error.status is not None:
        return listed
    if told.error is None and kinds_of(told.content) is not None:
        return KeyCheck(provider, variable, UNKNOWN, OPEN)
    return KeyCheck(provider, variable, UNKNOWN, "whether others get its list as well could not be seen")


def _refused(provider: Provider, variable: str, error: ProviderError, *, dead: bool) -> KeyCheck:
    """What an error says of the key, which is refused only where it is *dead*.

    A 403 without words on the key may be about the country, or about lists alone.
    """
    status, said = error.status, in_line(error.message[:_LONGEST])
    if dead:
        return KeyCheck(provider, variable, REFUSED, said, status)
    if status in _NONE:
        return KeyCheck(provider, variable, UNKNOWN, "it has no list of models to ask for", status)
    return KeyCheck(provider, variable, FAILED, said, status)


def nothing_works(checks: Sequence[KeyCheck]) -> bool:
    """Whether keys were asked about, and each was refused, or its provider gave no answer."""
    asked = [check for check in checks if check.verdict != NOT_ASKED]
    return bool(asked) and all(check.verdict in (REFUSED, FAILED) for check in asked)
