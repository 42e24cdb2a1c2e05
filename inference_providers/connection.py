"""A connection: a connected client and the internal model name to use with it."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.errors import InferenceProvidersError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    import openai

    from inference_providers.candidates import Attempt, Offer


class _Connection:
    """What both kinds of connections are. The client is made when first asked for: the SDK takes a second to import."""

    def __init__(self, offer: Offer, attempts: Sequence[Attempt], make: Callable[[], Any]) -> None:
        self.offer, self.attempts = offer, list(attempts)
        self._make = make
        self._client: Any = None

    def _made(self) -> Any:
        if self._client is None:
            self._client = self._make()
        return self._client

    @property
    def name(self) -> str:
        """The provider's name for the model."""
        return self.offer.internal_name

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self.offer.provider

    def __iter__(self) -> Iterator[Any]:
        return iter((self._made(), self.name))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return tuple(self)[index]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self.provider}/{self.name}>"


class Connection(_Connection):
    """Unpacks as `client, name`; carries `.provider`, `.offer` and `.attempts`."""

    @property
    def client(self) -> openai.OpenAI:
        """A real `openai.OpenAI` with the provider's own base URL and key."""
        client: openai.OpenAI = self._made()
        return client


class AsyncConnection(_Connection):
    """Unpacks as `client, name`; carries `.provider`, `.offer` and `.attempts`."""

    @property
    def client(self) -> openai.AsyncOpenAI:
        """A real `openai.AsyncOpenAI` with the provider's own base URL and key."""
        client: openai.AsyncOpenAI = self._made()
        return client


def completion_text(completion: Any, model: str) -> str:
    """The text of an SDK completion. Raises ProviderUnavailableError where there is none."""
    from inference_providers.errors import ProviderUnavailableError

    choices = getattr(completion, "choices", None)
    if not choices:
        raise ProviderUnavailableError(f"{model}: the reply has no choices")
    text = chat.content_text(choices[0].message.content)
    if not text and not choices[0].message.tool_calls and choices[0].finish_reason != "length":
        raise ProviderUnavailableError(f"{model}: the reply is empty")
    return text


def our_error(error: Exception, model: str) -> InferenceProvidersError:
    """An SDK exception as one of ours: its cause, where it came from our pipeline."""
    from inference_providers.errors import AllProvidersFailedError, ProviderUnavailableError

    cause = error.__cause__
    if isinstance(cause, AllProvidersFailedError) and cause.attempts and cause.attempts[-1].error is not None:
        cause = cause.attempts[-1].error
    if isinstance(cause, InferenceProvidersError):
        return cause
    return ProviderUnavailableError(f"{model}: {type(error).__name__}")
