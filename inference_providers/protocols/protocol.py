"""What one protocol must be able to do. For readers and type checkers: nothing here is loaded by a running program.

A protocol is one module with these names, in `dispatch.PROTOCOLS` under its id. It translates in both directions:
from requests in OpenAI's vocabulary, which all callers speak, and to replies, chunks and verdicts in it. It is pure:
no socket, no clock, no environment; time and secrets are given.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.chat import Pieces
    from inference_providers.offers import Offer
    from inference_providers.protocols.classify import Verdict
    from inference_providers.protocols.request import FittedRequest, ModelRequest
    from inference_providers.registry import Registry
    from inference_providers.transport import WireError

    class ModelProtocol(Protocol):
        """How models are spoken to: requests out, replies and streams in."""

        @property
        def ID(self) -> str:
            """Its name in the registry: `protocol` of a provider's connection, and of an offer."""
            raise NotImplementedError

        def missing(self, request: ModelRequest, offer: Offer, needs: Sequence[str]) -> list[str]:
            """What keeps an offer from being asked, in words (`images`, `min_p`); empty where it can do everything.

            needs: features that cannot be left out, of `parameter_rules.NEEDS`. Called for every candidate of a call
            before anybody is asked, so it looks at what is known and translates nothing.
            """
            raise NotImplementedError

        def encode(self, request: ModelRequest, offer: Offer) -> FittedRequest:
            """The request as this offer gets it: method, path below the endpoint, headers without the key, body.

            Called at most once for each offer of a call, when its turn has come.
            """
            raise NotImplementedError

        def decode(
            self,
            status: int,
            headers: Mapping[str, str],
            body: bytes,
            provider: str,
            secrets: Iterable[str | None],
            now: float,
            *,
            path: str,
            allow_empty: bool,
            registry: Registry | None,
        ) -> Verdict:
            """The verdict on a complete response; `verdict.reply` is that of an answer, as OpenAI's API has it.

            headers: names in lower case. secrets: are taken out of everything that is kept. now: a Unix time, in
            seconds. path: of the request, before it was encoded. allow_empty: a reply without content is an answer.
            registry: says what a server's words mean where it refuses; None for the installed one. Other statuses than
            success are `classify.refusal`'s. What it raises is taken for a reply of a shape that
            nobody foresaw.
            """
            raise NotImplementedError

        def judge(
            self,
            provider: str,
            secrets: Iterable[str | None],
            headers: Mapping[str, str],
            now: float,
            *,
            path: str,
            allow_empty: bool,
            registry: Registry | None,
            choices: int,
            unread: bool,
        ) -> EventJudge:
            """What judges one stream as it comes; the parameters are those of `decode`, and two more.

            choices: how many answers were asked for. unread: the body is no stream of chunks, but a file or speech,
            which is passed on as it comes.
            """
            raise NotImplementedError

    class EventJudge(Protocol):
        """One stream, judged event by event.

        Until the first content a failure is a verdict, and another candidate may be asked. After it, every method
        that finds one raises TruncatedStreamError.
        """

        started: bool  # content has come: from here on nobody else is asked
        resting: bool  # every answer is whole: nothing but usage and the mark of the end is still to come
        done: bool  # the protocol's own mark of the end has come: what follows is not read
        verdict: Verdict | None  # set once the stream failed before its first content, or reached its end
        usage: Any  # as the last event that told of it had it, in OpenAI's names
        words: Pieces  # the text so far
        events: int  # so far, those without content included: a stream that brings none is silent

        @property
        def media_type(self) -> str:
            """The content type of what is passed on; empty where that is as the server has it."""
            raise NotImplementedError

        def passed_on(self, events: Sequence[Mapping[str, Any]], *, ends: bool = False) -> bytes:
            """The bytes, as OpenAI's API has them, that stand for what was read last and has brought these chunks.

            ends: the end of the body was read.
            """
            raise NotImplementedError

        def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
            """The chunks that these bytes complete, as OpenAI's API has them."""
            raise NotImplementedError

        def end(self) -> Iterator[dict[str, Any]]:
            """What the end of the body completes; sets the verdict."""
            raise NotImplementedError

        def broke(self, error: WireError) -> None:
            """The connection failed."""

        def late(self) -> None:
            """No content came in time."""

        def silent(self) -> None:
            """No event came for too long. Raises TruncatedStreamError, unless the answer is whole."""
