"""What a call comes to: a reply that worked, and what each response means. Pure."""

from __future__ import annotations

import time

from inference_providers.chat import billed_in, reply_text
from inference_providers.protocols import classify, reading
from inference_providers.text import in_line
from inference_providers.usage import Charge, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.offers import Offer
    from inference_providers.protocols import FittedRequest, ModelRequest, Verdict


class Reply:
    """A reply that worked: its JSON, its HTTP form, who gave it, and every attempt on the way.

    native: the path of the API other than chat completions in whose words it was asked for, and has come; else empty.
    cached: whether it was kept from an earlier call, and costs nothing. chunks: those of the stream as which it was
    kept, else None. forget: what has it kept no longer, where it is.
    """

    __slots__ = (
        "_charge",
        "attempts",
        "cached",
        "chunks",
        "content",
        "data",
        "dropped",
        "forget",
        "headers",
        "listed",
        "native",
        "offer",
        "repaired",
        "seconds",
        "status",
    )

    def __init__(
        self,
        verdict: Verdict,
        offer: Offer,
        attempts: list[Attempt],
        seconds: float,
        fitted: FittedRequest | None = None,
    ) -> None:
        self.data: Any = verdict.reply
        self.offer, self.attempts, self.seconds = offer, attempts, seconds
        self.listed: Offer = offer  # who would have been asked first without a policy
        self.dropped, self.repaired = (fitted.dropped, fitted.repaired) if fitted is not None else ([], [])
        self.native = fitted.native if fitted is not None else ""
        self.status, self.headers, self.content = verdict.response or (200, {}, b"")
        self._charge: Charge | None = None
        self.cached = False
        self.chunks: Sequence[dict[str, Any]] | None = None
        self.forget: Callable[[], None] | None = None

    @classmethod
    def kept(cls, data: Any, content: bytes, offer: Offer, chunks: Sequence[dict[str, Any]] | None = None) -> Reply:
        """A reply of an earlier call: *content* as it came, and what it says."""
        verdict = classify.Verdict(classify.OK, reply=data)
        kind = "application/json" if chunks is None else "text/event-stream"
        verdict.response = (200, {"content-type": kind}, content)
        reply = cls(verdict, offer, [], 0.0)
        reply.cached, reply.chunks = True, chunks
        return reply

    @classmethod
    def of(cls, data: Mapping[str, Any], offer: Offer) -> Reply:
        """A reply that no server gave, for a stage: JSON as the API would give it, in the name of a candidate.

        What its `usage` says is counted like any other; leave it out of what costs nothing. Raises TypeError and
        ValueError for what is not JSON.
        """
        import json

        verdict = classify.Verdict(classify.OK, reply=dict(data))
        verdict.response = (200, {"content-type": "application/json"}, json.dumps(verdict.reply).encode())
        return cls(verdict, offer, [], 0.0)

    def __repr__(self) -> str:
        return in_line(f"<Reply from {self.offer.provider}/{self.offer.internal_name}: {self.text[:40]!r}>")

    @property
    def text(self) -> str:
        """The text of a chat reply."""
        return reply_text(self.data)

    @property
    def charge(self) -> Charge:
        """What it costs, worked out once."""
        if self._charge is None:
            usage = usage_of(billed_in(self.data)) if isinstance(self.data, dict) else None
            self._charge = Charge(usage, self.offer.facts, self.offer.registry, kept=self.cached)
        return self._charge

    def as_chunk(self) -> dict[str, Any]:
        """All of it as one chunk of a stream."""
        from inference_providers.protocols import as_chunk

        return as_chunk(self.data) if isinstance(self.data, dict) else {}

    def close(self) -> None:
        """Nothing: all of it is here."""


def given(reply: object) -> Reply:
    """What a stage gives for a call: a reply for which nobody was asked now. Raises TypeError for anything else."""
    if not isinstance(reply, Reply):
        raise TypeError(
            f"a stage's before() gave {type(reply).__name__} for a reply; give Reply.of(data, call.offers[0]), "
            "or None to have the candidates asked"
        )
    verdict = classify.Verdict(classify.OK, reply=reply.data)
    verdict.response = (reply.status, reply.headers, reply.content)
    again = Reply(verdict, reply.offer, [], 0.0)
    again.cached, again.chunks, again.forget = reply.cached, reply.chunks, reply.forget
    return again


def judge(status: int, headers: Mapping[str, str], content: bytes, offer: Offer, request: ModelRequest) -> Verdict:
    """The verdict on a complete response. One of a shape that nobody foresaw is not an answer: the next is asked."""
    try:
        protocol, path = reading(request, offer)
        verdict = protocol.decode(
            status,
            headers,
            content,
            offer.provider,
            (offer.api_key,),
            time.time(),
            path=path,
            allow_empty=request.allow_empty,
            registry=offer.registry,
        )
    except Exception as error:  # noqa: BLE001  (a reply must not be able to break a program)
        return classify.unreadable(offer.provider, error)
    if verdict.action == classify.OK:
        # what a stream was put together to has headers and bytes of its own
        verdict.response = (
            (status, headers, content)
            if verdict.response is None
            else (status, {**headers, **verdict.response[1]}, verdict.response[2])
        )
    elif verdict.error is not None:
        from inference_providers.protocols import telling_headers

        verdict.error.headers = telling_headers(headers, (offer.api_key,))
    return verdict


def ends_the_call(verdict: Verdict) -> bool:
    """Whether nobody else need be heard. One that is asked again at once has not said its last word."""
    return verdict.action == classify.OK or (verdict.action == classify.STOP and not verdict.repaired)


def after_both(asked_first: Offer, verdicts: list[Verdict]) -> Verdict:
    """The verdict that counts of two, with the other: one that ends the call, else that on who was asked first."""
    chosen = next((v for v in verdicts if ends_the_call(v)), None) or next(
        v for v in verdicts if v.offer is asked_first
    )
    chosen.also = [verdict for verdict in verdicts if verdict is not chosen]
    return chosen
