"""What a stream's bytes bring: piece by piece, or all at once where a whole reply was asked for. Pure."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.errors import ProviderUnavailableError, TruncatedStreamError
from inference_providers.protocols import classify
from inference_providers.protocols.stream import StreamJudge
from inference_providers.protocols.stream_form import as_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from inference_providers.protocols.classify import Verdict
    from inference_providers.protocols.protocol import EventJudge


class Part:
    """What one piece of a stream's bytes brought.

    `events`, and `failure`, which comes after them; `raw`, as it is passed on.
    """

    __slots__ = ("events", "failure", "raw")

    def __init__(self, judge: EventJudge, raw: bytes, *, ends: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self.failure: TruncatedStreamError | None = None
        try:
            for event in judge.end() if ends else judge.feed(raw):
                self.events.append(event)
            self.raw = judge.passed_on(self.events, ends=ends)
        except TruncatedStreamError as failure:
            self.failure = failure
            self.raw = b"".join(as_events(self.events, done=False))  # the event that failed is not passed on


def whole_reply(
    body: bytes, provider: str, secrets: Iterable[str | None], now: float, path: str
) -> tuple[Verdict, dict[str, Any]]:
    """The verdict on a stream that came where a whole reply was asked for, and what it adds up to."""
    judge = StreamJudge(provider, secrets, {}, now, _no_stream, path=path, allow_empty=True)
    try:
        chunks = [*judge.feed(body), *judge.end()]
    except TruncatedStreamError as error:
        cut = ProviderUnavailableError(str(error), provider=provider, status=200, code=error.code)
        return classify.Verdict(classify.RETRY, cut), {}
    if path == "/messages":
        from inference_providers.protocols.messages_stream import whole

        return judge.verdict or classify.Verdict(classify.OK), whole(chunks)
    responses = [chunk["response"] for chunk in chunks if isinstance(chunk.get("response"), dict)]
    return judge.verdict or classify.Verdict(classify.OK), responses[-1] if responses else chat.assembled(chunks)


def _no_stream(status: int, headers: object, body: bytes, provider: str, *_: object, **options: object) -> Verdict:
    return classify.unavailable(classify.RETRY, provider, "the reply is cut or not valid JSON")
