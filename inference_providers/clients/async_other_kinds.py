"""What lists do with models of other kinds than text: vectors of texts, documents by how well they fit.

`other_kinds` is made of this module by `make generate`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Unpack

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Embeddings, Models, Ranking
    from inference_providers.clients.options import Terms


class AsyncOtherKinds:
    """The part of a list that asks models of other kinds than text."""

    if TYPE_CHECKING:

        def _within(self, terms: Terms) -> Pipeline:
            raise NotImplementedError

    async def embed(
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

        Many texts take several requests; all are of the model that answered first. Whoever serves the very model is a
        fallback, nobody else.

        Args:
            texts: One text or several.
            model: A name in any spelling, or several, best first. Default: the first of the registry's list that a key,
                or a server on this machine, reaches. Name one where vectors are kept: those of two models cannot be
                compared.
            dimensions: The length of the vectors, where the model can be told.
            extra_body: Fields that go into the request as they are, such as the `input_type` of some models.
            timeout: Seconds for each request, retries and fallbacks included. Default: that of the list, 600.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.

        Returns:
            A list of vectors, with `.provider`, `.model`, `.dimensions`, `.usage` and `.cost`.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            ProviderAvoidedError: Whoever could be asked is avoided.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
            InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider
                says.
            ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
            AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
            TypeError: What is not a text.
        """
        from inference_providers.calls import async_embedded

        body = {} if dimensions is None else {"dimensions": dimensions}
        asked: Sequence[str] = [texts] if isinstance(texts, str) else list(texts)
        return await async_embedded(self._within(terms), asked, model, {**body, **(extra_body or {})}, timeout)

    async def rerank(
        self,
        query: str,
        documents: Iterable[str],
        model: Models = None,
        *,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **terms: Unpack[Terms],
    ) -> Ranking:
        """Documents by how well they fit a query, the best first.

        Args:
            query: What is looked for.
            documents: The texts to put in order.
            model: A name in any spelling, or several, best first. Default: the first of the registry's list within
                reach.
            extra_body: Fields that go into the request as they are.
            timeout: Seconds for each request, retries and fallbacks included. Default: that of the list, 600.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.

        Returns:
            The documents, each with its `index`, `score` and text.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            ProviderAvoidedError: Whoever could be asked is avoided.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
            InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider
                says.
            ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
            AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
            TypeError: What is not a text.
        """
        from inference_providers.calls import async_reranked

        return await async_reranked(self._within(terms), query, list(documents), model, extra_body or {}, timeout)
