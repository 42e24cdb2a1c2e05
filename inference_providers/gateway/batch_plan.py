"""Who works on a batch: a provider by its own batch API, as the file came; or our own batches, by one or directly."""

from __future__ import annotations

import json

from inference_providers.batches import has_api, takes_files
from inference_providers.calls import Owners
from inference_providers.clients import RoutedOptions, RoutedRequest
from inference_providers.errors import InvalidRequestError, UnknownModelError
from inference_providers.gateway.batch_lines import ENDPOINTS
from inference_providers.gateway.batch_runs import DIRECT, PROVIDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.calls import Finder
    from inference_providers.gateway.allowed_models import AllowedModels
    from inference_providers.gateway.batch_lines import Lines
    from inference_providers.gateway.callers import Caller
    from inference_providers.offers import Offer


class Plan:
    """offers: of the provider that takes the file as it is, by the models' names; None for a batch of our own.

    mode: how that one asks.
    """

    __slots__ = ("mode", "offers")

    def __init__(self, offers: Mapping[str, Offer] | None, mode: str = DIRECT) -> None:
        self.offers, self.mode = offers, mode


def planned(
    finder: Finder, lines: Lines, endpoint: str, options: RoutedOptions, caller: Caller, allowed: AllowedModels
) -> Plan:
    """Who is to work on a batch; what is wrong with its models is added to the problems of its lines.

    A caller with a budget asks directly: what a provider's batch API has cost is known only when it has ended.
    Raises NoCredentialsError where there is nobody at all.
    """
    found: dict[str, Sequence[Offer]] = {}
    for name, line in lines.models.items():
        try:
            offers = _candidates(finder, name, endpoint, options)
            found[name] = allowed.offers(caller, name or None, offers)
        except (UnknownModelError, InvalidRequestError) as error:
            lines.report("model_not_found", str(error), "body.model", line=line)
    if not found or lines.problems:
        return Plan(None)
    has_budget = caller.budget is not None
    for first in () if has_budget else next(iter(found.values())):
        if takes_files(first, finder.registry, lines.count, lines.size):
            there = {name: _at(first.provider, offers) for name, offers in found.items()}
            if all(there.values()):
                return Plan({name: offer for name, offer in there.items() if offer is not None})
    if endpoint != ENDPOINTS[0]:
        lines.report(
            "endpoint_not_supported",
            f"No provider with a batch API in OpenAI's form serves all of these models, and without one only "
            f"{ENDPOINTS[0]} can be asked in a batch.",
            "endpoint",
        )
    is_free = not has_budget and caller.models is None  # our own batches hold to neither where providers work
    by_provider = is_free and all(any(map(has_api, offers)) for offers in found.values())
    return Plan(None, PROVIDER if by_provider else DIRECT)


def _at(provider: str, offers: Sequence[Offer]) -> Offer | None:
    return next((offer for offer in offers if offer.provider == provider), None)


def _candidates(finder: Finder, name: str, endpoint: str, options: RoutedOptions) -> Sequence[Offer]:
    """Who serves a model by the API that the batch asks."""
    content = json.dumps({"model": name} if name else {}).encode()
    path = endpoint.removeprefix("/v1")
    wanted = RoutedRequest("POST", path, content, "application/json", options, Owners())
    return wanted.candidates(finder)
