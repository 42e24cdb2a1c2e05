"""Anthropic's messages protocol: chats are translated; other paths of its API are passed on. Pure.

A `protocol.ModelProtocol`. Loaded when the first request goes to who speaks it.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.offers import wire_name
from inference_providers.protocols import classify, messages_from, openai_chat
from inference_providers.protocols.messages_stream import PATH
from inference_providers.protocols.request import FittedRequest
from inference_providers.protocols.stream import StreamJudge
from inference_providers.protocols.stream_form import as_events
from inference_providers.registry import MESSAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.protocols.classify import Verdict
    from inference_providers.protocols.protocol import EventJudge
    from inference_providers.protocols.request import ModelRequest
    from inference_providers.registry import Registry
    from inference_providers.transport import sse

ID = MESSAGES
HEADERS = {"anthropic-version": "2023-06-01"}
# What a chat asks for that is no more than what is done anyhow.
_USUAL: Mapping[str, Any] = {
    "n": 1, "logprobs": False, "store": False, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {},
    "repetition_penalty": 1,
}  # fmt: skip


def _asked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked for, but for what is usual."""
    if _USUAL.keys().isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in _USUAL or value != _USUAL[name]}


def missing(request: ModelRequest, offer: Offer, needs: Sequence[str]) -> list[str]:
    """What keeps this offer from being asked, in words."""
    return openai_chat.missing(request, offer, needs, body=None if request.body is None else _asked(request.body))


def encode(request: ModelRequest, offer: Offer) -> FittedRequest:
    """The request as this offer gets it. What it leaves out of a chat is among `dropped`."""
    row = offer.asked_by(MESSAGES) or {}
    own_headers = {**HEADERS, **(row.get("headers") or {})}
    if request.api != chat.PATH or request.body is None:
        fitted = openai_chat.encode(request, offer)
        fitted.headers, fitted.key = {**own_headers, **fitted.headers}, row.get("key", "")
        return fitted
    from inference_providers.protocols.messages_out import message

    asked, dropped, repaired = openai_chat.chat_body(request, offer, _asked(request.body))
    asked["model"] = wire_name(offer)
    made = message(asked, offer.rules.model, limit=offer.output_limit)
    own = {name: asked[name] for name in made.lost if name in request.untouched and name in asked}
    headers = {
        **own_headers,
        **request.headers,
        "Accept": "text/event-stream" if request.streams else "application/json",
        "Content-Type": request.content_type,
    }
    fitted = FittedRequest(
        offer,
        request.method,
        PATH + request.path.removeprefix(chat.PATH),
        headers,
        body={**made.body, **own},
        dropped=[*dropped, *(name for name in made.lost if name not in own and name not in dropped)],
        repaired=[*repaired, *made.put],
    )
    fitted.asked, fitted.key = asked, row.get("key", "")
    return fitted


def decode(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    secrets: Iterable[str | None],
    now: float,
    *,
    path: str = chat.PATH,
    allow_empty: bool = False,
    registry: Registry | None = None,
) -> Verdict:
    """A verdict on a complete response; the reply to a chat is a chat completion, and so are its bytes."""
    translated = path in (chat.PATH, PATH)
    verdict = openai_chat.decode(
        status,
        headers,
        body,
        provider,
        secrets,
        now,
        path=PATH if translated else path,
        allow_empty=allow_empty,
        registry=registry,
    )
    if translated and verdict.action == classify.OK and isinstance(verdict.reply, dict):
        verdict.reply = messages_from.completion(verdict.reply, now)
        made = messages_from.as_bytes(verdict.reply)
        verdict.response = (status, {"content-type": "application/json"}, made)
    return verdict


def judge(
    provider: str,
    secrets: Iterable[str | None],
    headers: Mapping[str, str],
    now: float,
    *,
    path: str = chat.PATH,
    allow_empty: bool = False,
    registry: Registry | None = None,
    choices: int = 1,
    unread: bool = False,
) -> EventJudge:
    """What judges one stream as it comes; that of a chat gives a chat's chunks, and is passed on as such."""
    if path != chat.PATH:
        return openai_chat.judge(
            provider,
            secrets,
            headers,
            now,
            path=path,
            allow_empty=allow_empty,
            registry=registry,
            choices=choices,
            unread=unread,
        )
    return MessageJudge(provider, secrets, headers, now, allow_empty=allow_empty, registry=registry)


class MessageJudge(StreamJudge):
    """Judges the stream of a message, and gives it as that of a chat completion."""

    __slots__ = ("_chunks", "_counts", "_farewell")

    def __init__(
        self, provider: str, secrets: Iterable[str | None], headers: Mapping[str, str], now: float, **more: Any
    ):
        self._chunks, self._counts, self._farewell = messages_from.Chunks(now), None, False
        super().__init__(provider, secrets, headers, now, decode, path=PATH, **more)

    @property
    def usage(self) -> Any:
        """Tokens used, in OpenAI's names."""
        return messages_from.usage(self._chunks.counts or self._counts)

    @usage.setter
    def usage(self, counts: Any) -> None:
        self._counts = counts

    def _event(self, event: sse.Event) -> dict[str, Any] | None:
        said = super()._event(event)
        return None if said is None else self._chunks.chunk(said)

    def passed_on(self, events: Sequence[Mapping[str, Any]], *, ends: bool = False) -> bytes:
        """The bytes of the chunks that came of what was read last."""
        whole = self.done or (ends and self.verdict is not None and self.verdict.action == classify.OK)
        farewell, self._farewell = whole and not self._farewell, self._farewell or whole
        return b"".join(as_events(events, done=farewell))
