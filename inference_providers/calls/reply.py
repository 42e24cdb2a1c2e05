"""What a call comes to: a reply that worked, and what each response means. Pure."""

from __future__ import annotations

import time

from inference_providers.chat import reply_text
from inference_providers.protocols import PROTOCOLS, classify
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest, Verdict


class Reply:
    """A reply that worked: its JSON, its HTTP form, who gave it, and every attempt on the way."""

    __slots__ = ("attempts", "content", "data", "dropped", "headers", "offer", "seconds", "status")

    def __init__(
        self, verdict: Verdict, offer: Offer, attempts: list[Attempt], dropped: list[str], seconds: float
    ) -> None:
        self.data: Any = verdict.reply
        self.offer, self.attempts, self.dropped, self.seconds = offer, attempts, dropped, seconds
        self.status, self.headers, self.content = verdict.response or (200, {}, b"")

    def __repr__(self) -> str:
        return in_line(f"<Reply from {self.offer.provider}/{self.offer.internal_name}: {self.text[:40]!r}>")

    @property
    def text(self) -> str:
        """The text of a chat reply."""
        return reply_text(self.data)


def judge(status: int, headers: Mapping[str, str], content: bytes, offer: Offer, request: ModelRequest) -> Verdict:
    """The verdict on a complete response. One of a shape that nobody foresaw is not an answer: the next is asked."""
    try:
        verdict = PROTOCOLS[offer.protocol].decode(
            status,
            headers,
            content,
            offer.provider,
            (offer.api_key,),
            time.time(),
            path=request.path,
            allow_empty=request.allow_empty,
        )
    except Exception as error:  # noqa: BLE001  (a reply must not be able to break a program)
        return classify.unreadable(offer.provider, error)
    if verdict.action == classify.OK:
        verdict.response = (status, headers, content)
    return verdict


def ends_the_call(verdict: Verdict) -> bool:
    """Whether nobody else need be heard."""
    return verdict.action in (classify.OK, classify.STOP)


def after_both(asked_first: Offer, verdicts: list[Verdict]) -> Verdict:
    """The verdict that counts of two, with the other: one that ends the call, else that on who was asked first."""
    chosen = next((v for v in verdicts if ends_the_call(v)), None) or next(
        v for v in verdicts if v.offer is asked_first
    )
    chosen.also = [verdict for verdict in verdicts if verdict is not chosen]
    return chosen
