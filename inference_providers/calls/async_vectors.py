"""Texts to their vectors, and documents to their order.

`vectors` is made of this module by `make generate`.
"""

from __future__ import annotations

from functools import partial

from inference_providers import chat
from inference_providers.calls.async_waiting import all_of, in_thread
from inference_providers.calls.kinds import candidates_of_kind
from inference_providers.errors import ProviderUnavailableError
from inference_providers.protocols import ModelRequest
from inference_providers.registry import EMBEDDINGS, RERANK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.calls.pipeline import Pipeline
    from inference_providers.calls.reply import Reply
    from inference_providers.chat import Embeddings, Models, Ranking
    from inference_providers.offers import Offer

_AT_ONCE = 4  # requests


async def async_embedded(
    pipeline: Pipeline, texts: Sequence[str], model: Models, more: Mapping[str, Any], timeout: float | None
) -> Embeddings:
    """The vectors of texts, all of one model."""
    found, replies = chat.Embeddings(), list["Reply"]()
    groups = chat.parts(texts)  # looks whether they are texts, before anybody is looked for
    offers = await _candidates(pipeline, model, EMBEDDINGS) if groups else []
    limits = [offer.row().kind(EMBEDDINGS).get("inputs") or chat.TEXTS for offer in offers]
    groups = chat.parts(texts, min(limits, default=chat.TEXTS))

    async def ask(group: list[str]) -> Reply:
        return await _asked(pipeline, "/embeddings", {**more, "input": group}, offers, timeout)

    while groups:
        now, groups = groups[: _AT_ONCE if replies else 1], groups[_AT_ONCE if replies else 1 :]
        come = await all_of([partial(ask, group) for group in now])
        for group, reply in zip(now, come, strict=True):
            found += _read(reply, partial(chat.vectors_of, count=len(group), dimensions=found.dimensions))
        replies += come
        offers = [offer for offer in offers if _is_of(offer, replies[0].offer)]
    if replies:
        found.of(replies)
    return found


async def async_reranked(
    pipeline: Pipeline,
    query: str,
    documents: Sequence[str],
    model: Models,
    more: Mapping[str, Any],
    timeout: float | None,
) -> Ranking:
    """Documents, the one first that fits best."""
    found = chat.Ranking()
    if not documents:
        return found
    chat.parts([query, *documents])  # they are texts
    offers = await _candidates(pipeline, model, RERANK)
    reply = await _asked(pipeline, "/rerank", {**more, "query": query, "documents": documents}, offers, timeout)
    found += _read(reply, lambda data: chat.ranking_of(data, documents))
    found.of([reply])
    return found


async def _candidates(pipeline: Pipeline, model: Models, kind: str) -> list[Offer]:
    finder = pipeline.finder
    usual = None if model or kind != EMBEDDINGS else finder.default_models(chat.EMBEDDING_MODEL_VARIABLE)
    return await in_thread(candidates_of_kind, finder, chat.names_of(model) or usual or ["auto"], kind)


async def _asked(
    pipeline: Pipeline, path: str, body: dict[str, Any], offers: Sequence[Offer], timeout: float | None
) -> Reply:
    request = ModelRequest({"model": "", **body}, path)
    total = pipeline.timeout if timeout is None else timeout
    return await pipeline.async_caller.call(offers, request, total=total)


def _is_of(offer: Offer, other: Offer) -> bool:
    """Whether two offers are of one model: only then can their vectors be compared."""
    if other.canonical_name is None:
        return offer.place == other.place
    return offer.canonical_name == other.canonical_name


def _read(reply: Reply, read: Any) -> Any:
    try:
        return read(reply.data)
    except ValueError as error:
        offer = reply.offer
        raise ProviderUnavailableError(f"{offer.provider}: {error}", provider=offer.provider) from None
