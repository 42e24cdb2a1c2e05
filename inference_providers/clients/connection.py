"""A connection: a connected client and the internal model name to use with it."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.errors import InferenceProvidersError
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    import openai

    from inference_providers.attempts import Attempt
    from inference_providers.chat import Question
    from inference_providers.offers import Offer


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
        return in_line(f"<{type(self).__name__} to {self.provider}/{self.name}>")


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


_SDKS_OWN = (
    "messages max_tokens temperature top_p frequency_penalty presence_penalty seed n stop logit_bias logprobs "
    "top_logprobs tools tool_choice parallel_tool_calls response_format reasoning_effort verbosity service_tier user"
)  # what the SDK's method takes by name; everything else goes into `extra_body`


def sdk_fields(question: Question, model: str) -> dict[str, Any]:
    """A question as arguments of the SDK's `chat.completions.create`."""
    if question.tools is not None and question.tools.runs:
        raise ValueError("functions are called by ask_ai; a client's get_response takes descriptions of tools only")
    body = question.body()
    own = _SDKS_OWN.split()
    extra = {name: value for name, value in body.items() if name not in own}
    fields: dict[str, Any] = {"model": model, **{name: value for name, value in body.items() if name in own}}
    return {**fields, "extra_body": extra} if extra else fields


def checked_completion(content: bytes, model: str) -> dict[str, Any]:
    """A chat completion's JSON. Raises ProviderUnavailableError where it holds no answer."""
    from inference_providers.errors import ProviderUnavailableError

    try:
        from inference_providers.text import jsontext

        data = jsontext.loads(content)
    except ValueError:
        raise ProviderUnavailableError(f"{model}: the reply is no JSON") from None
    choice = chat.first_choice(data)
    if not choice:
        raise ProviderUnavailableError(f"{model}: the reply has no choices")
    if not (chat.reply_text(data) or chat.has_tool_calls(choice) or chat.cut_by_length(choice)):
        raise ProviderUnavailableError(f"{model}: the reply is empty")
    assert isinstance(data, dict)
    return data


def our_error(error: Exception, model: str) -> InferenceProvidersError:
    """An SDK exception as one of ours: its cause, where it came from our pipeline."""
    from inference_providers.errors import AllProvidersFailedError, ProviderUnavailableError

    cause = error.__cause__
    if isinstance(cause, AllProvidersFailedError) and cause.attempts and cause.attempts[-1].error is not None:
        cause = cause.attempts[-1].error
    if isinstance(cause, InferenceProvidersError):
        return cause
    return ProviderUnavailableError(f"{model}: {type(error).__name__}")
