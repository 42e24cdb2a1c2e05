# Made of `async_other_kinds.py` by `make generate`: change that, not this.
"""What lists do with models of other kinds than text: vectors of texts, documents by how well they fit."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Unpack

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Embeddings, Models, Ranking
    from inference_providers.clients.options import Terms


class OtherKinds:
    """The part of a list that asks models of other kinds than text."""

    if TYPE_CHECKING:

        def _within(self, terms: Terms) -> Pipeline:
            raise NotImplementedError

    def embed(
        self,
        texts: str | Iterable[str],
        model: Models = None,
        *,
        dimensions: int | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **terms: Unpack[Terms],
    ) -> Embeddings:
        """The vectors of texts, one for each, in their order.

        model: a name in any spelling, or several, best first. Without one, the first of the registry's list that a
        key, or a server on this machine, reaches: name one where vectors are kept, since those of two models cannot be
        compared. Whoever serves the very model is a fallback, nobody else. dimensions: of the vectors, where the model
        can be told. extra_body: goes into the request as it is (`input_type` of some). terms: as in `ask_ai`.

        Many texts take several requests; all are of the model that answered first. Raises TypeError for what is not a
        text, and otherwise as `ask_ai` does.
        """
        from inference_providers.calls import embedded

        body = {} if dimensions is None else {"dimensions": dimensions}
        asked: Sequence[str] = [texts] if isinstance(texts, str) else list(texts)
        return embedded(self._within(terms), asked, model, {**body, **(extra_body or {})}, timeout)

    def rerank(
        self,
        query: str,
        documents: Iterable[str],
        model: Models = None,
        *,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **terms: Unpack[Terms],
    ) -> Ranking:
        """Documents by how well they fit a query, the best first: each with its `index`, `score` and text.

        Options as in `embed`.
        """
        from inference_providers.calls import reranked

        return reranked(self._within(terms), query, list(documents), model, extra_body or {}, timeout)
