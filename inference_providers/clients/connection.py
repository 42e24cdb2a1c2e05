"""A connection: a connected client and the internal model name to use with it."""

from __future__ import annotations

import time

from inference_providers import chat
from inference_providers.attempts import Attempts
from inference_providers.errors import InferenceProvidersError
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Self

    import openai

    from inference_providers.attempts import Attempt
    from inference_providers.chat import Answer, Question
    from inference_providers.offers import Offer
    from inference_providers.registry import Registry

    class Pair(tuple[openai.OpenAI, str]):
        """To type checkers, which know a tuple's members one by one, a connection is one."""

        def __new__(cls, *args: Any) -> Self: ...

    class AsyncPair(tuple[openai.AsyncOpenAI, str]):
        """The same for asyncio."""

        def __new__(cls, *args: Any) -> Self: ...

else:
    Pair = AsyncPair = object  # a tuple would have to have its client, which is made when it is first asked for


class _Connection:
    """What both kinds of connections are. The client is made when first asked for: the SDK takes a second to import."""

    def __init__(self, offer: Offer, attempts: Sequence[Attempt], make: Callable[[], Any]) -> None:
        self.offer, self.attempts = offer, Attempts(attempts)
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

    if not TYPE_CHECKING:

        def __iter__(self) -> Iterator[Any]:
            return iter((self._made(), self.name))

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return tuple(self)[index]

    def _repr_html_(self) -> str:
        from inference_providers.rendering import pairs

        kind = {"provider": self.provider, "model": self.name, "canonical name": self.offer.canonical_name}
        return pairs(kind, type(self).__name__).text + self.attempts.table()._repr_html_()

    def __repr__(self) -> str:
        return in_line(f"<{type(self).__name__} to {self.provider}/{self.name}>")


class Connection(_Connection, Pair):
    """Unpacks as `client, name`; carries `.provider`, `.offer` and `.attempts`."""

    @property
    def client(self) -> openai.OpenAI:
        """A real `openai.OpenAI` with the provider's own base URL and key."""
        client: openai.OpenAI = self._made()
        return client


class AsyncConnection(_Connection, AsyncPair):
    """Unpacks as `client, name`; carries `.provider`, `.offer` and `.attempts`."""

    @property
    def client(self) -> openai.AsyncOpenAI:
        """A real `openai.AsyncOpenAI` with the provider's own base URL and key."""
        client: openai.AsyncOpenAI = self._made()
        return client


OFFER = "inference_offer"  # what a reply's extensions call the candidate that gave it
KEPT = "inference_kept"  # and what says that it was kept from another call, and costs nothing
_SDKS_OWN = (
    "messages max_tokens temperature top_p frequency_penalty presence_penalty seed n stop logit_bias logprobs "
    "top_logprobs tools tool_choice parallel_tool_calls response_format reasoning_effort verbosity service_tier user"
)  # what the SDK's method takes by name; everything else goes into `extra_body`


class ClientCall:
    """A question to a connected client: the arguments of the SDK's `chat.completions.create`, and then the answer.

    Raises ValueError for functions as tools: nobody would call them.
    """

    def __init__(self, question: Question, model: str) -> None:
        if question.tools is not None and question.tools.runs:
            raise ValueError("functions are called by ask_ai; a client's get_response takes descriptions of tools only")
        body, own = question.body(), _SDKS_OWN.split()
        extra = {name: value for name, value in body.items() if name not in own}
        self.arguments: dict[str, Any] = {"model": model, **{name: body[name] for name in body if name in own}}
        if extra:
            self.arguments["extra_body"] = extra
        self._question, self._model, self._started = question, model, time.monotonic()

    def answer(self, reply: Any, registry: Registry) -> Answer:
        """The answer in the SDK's raw response.

        Raises ProviderUnavailableError where there is none, and ContentFilteredError where the model refuses.
        """
        from inference_providers.registry import Facts
        from inference_providers.usage import Charge, usage_of

        data = checked_completion(reply.http_response.content, self._model)
        self._check_refusal(chat.message_of(data), reply.http_response)
        provider = registry.providers.get(reply.headers.get("x-inference-provider", ""))
        model = reply.headers.get("x-inference-model", self._model)  # which the client has chosen, where it routes
        dropped, repaired = (reply.headers.get(f"x-inference-{what}", "") for what in ("dropped", "repaired"))
        usage, kept = usage_of(chat.billed_in(data)), KEPT in reply.http_response.extensions
        charged = Charge(usage, provider.facts(model) if provider else Facts(), registry, kept=kept)
        given = chat.AnswerBuilder(split=bool(self._question.split_thinking))
        given.add(
            charged,
            (),
            filter(None, dropped.split(", ")),
            time.monotonic() - self._started,
            filter(None, repaired.split(", ")),
            cached=kept,
        )
        answer = given.answer(data, None, self._question.turns)
        answer.provider, answer.model = provider.id if provider else None, model
        answer.canonical_name = provider.canonical_of(model) if provider else None
        return answer

    def _check_refusal(self, message: Mapping[str, Any], response: Any) -> None:
        from inference_providers.calls import refused

        offer = response.extensions.get(OFFER)
        if offer is not None:
            refused.check(message, None, offer)
            return
        sent = response.request.headers.get("authorization", "")  # by a client of the caller's own
        refused.check_own(message, self._model, sent.removeprefix("Bearer "))


def checked_completion(content: bytes, model: str) -> dict[str, Any]:
    """A chat completion's JSON. Raises ProviderUnavailableError where it holds no answer."""
    from inference_providers.errors import ProviderUnavailableError

    try:
        from inference_providers.text import jsontext

        data = jsontext.loads(content)
    except ValueError:
        raise ProviderUnavailableError(f"{model}: the reply is not JSON") from None
    choice = chat.first_choice(data)
    if not choice:
        raise ProviderUnavailableError(f"{model}: the reply has no choices")
    said = chat.reply_text(data) or chat.has_tool_calls(choice) or chat.has_other_content(choice)
    if not (said or chat.cut_by_length(choice)):
        raise ProviderUnavailableError(f"{model}: the reply is empty")
    assert isinstance(data, dict)
    return data


def our_error(error: Exception, model: str) -> InferenceProvidersError:
    """An SDK exception as one of ours: its cause, where it came from our pipeline."""
    from inference_providers.errors import ProviderUnavailableError

    cause = error.__cause__
    if isinstance(cause, InferenceProvidersError):
        return cause
    return ProviderUnavailableError(f"{model}: {type(error).__name__}")
