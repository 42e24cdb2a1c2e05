"""Requests in other words than those of OpenAI's chat completions, through the one pipeline.

Whoever speaks a dialect gets a request as it came, and its reply goes back as it comes. All others get it as a chat
completion, and their replies are translated; what has no counterpart is named in a header of the reply.
"""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from itertools import groupby

from inference_providers import chat
from inference_providers.clients import RoutedRequest, headers_for_all, said_headers
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import failures, openai_api, passed, streaming
from inference_providers.gateway.messages import JSON, Incoming, Outgoing, Refused
from inference_providers.gateway.named import Named
from inference_providers.protocols import NO_SUCH_PATH, OWN_WORDS, NativeForm, as_json, native_request, speaks
from inference_providers.transport import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Reply
    from inference_providers.gateway.messages import Headers
    from inference_providers.gateway.service import Gateway
    from inference_providers.offers import Offer
    from inference_providers.plugins import Events
    from inference_providers.protocols import Asked


_PATIENCE = 10.0  # seconds for what is looked up before it is estimated
_OF_ONE = ("anthropic-",)  # how headers begin that say something in one dialect alone: see `Dialect.headers`
LOST = b"x-inference-lost"


class Dialect:
    """One API's words. Everything is pure, but for ids, which are made here.

    name: of the form in which its failures are told (`failures.DIALECTS`), and by which rows of providers say that they
    speak it. path: where those are asked; empty where nobody does. reply, events: make its replies of chat completions.
    media_type: of its streams. ping: see `streaming.Form`. plainer: see `NativeForm`. learns: whether what a provider
    says in its words is about things that are kept there, which later requests name. nameable: gives what of a request
    may name such things, where that is not all of it. kept: what a translated stream goes through, so that it is kept.
    headers: how those of a caller begin that are for whoever speaks it, and for nobody else.
    """

    def __init__(
        self,
        name: str,
        reply: Callable[..., dict[str, Any]],
        events: Callable[..., Events],
        *,
        path: str = "",
        media_type: str = passed.EVENTS,
        ping: bytes = b": waiting for the model\n\n",
        plainer: Callable[..., dict[str, Any] | None] | None = None,
        learns: bool = False,
        kept: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]] | None = None,
        nameable: Callable[[Any], Any] | None = None,
        headers: str = "",
    ) -> None:
        self.name, self.reply, self.events, self.path = name, reply, events, path
        self.media_type, self.ping, self.plainer, self.learns = media_type, ping, plainer, learns
        self.nameable, self.headers, self.kept = nameable, headers, kept

    def speaks_by(self, header: str) -> bool:
        """Whether a caller's header is for whoever speaks this dialect, and for nobody else."""
        return bool(self.headers) and header.lower().startswith(self.headers)


def new_id(prefix: str) -> str:
    """An id that nobody guesses."""
    return prefix + os.urandom(12).hex()


def to_us(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a body is said to us, or must not be said to anybody: whom to ask, where to send."""
    return {name: value for name, value in body.items() if name in OWN_WORDS or name in openai_api.FOREIGN}


async def vectors(
    gateway: Gateway,
    incoming: Incoming,
    original: Mapping[str, Any],
    body: Mapping[str, Any],
    made: Callable[[Any], Any],
    losses: Sequence[str] = (),
) -> Outgoing:
    """Vectors of texts: asked for by *body*, in OpenAI's words, and told as *made* puts them. original: as it came."""
    content = json.dumps({**to_us(original), **body}).encode()
    headers = {**incoming.headers, "content-type": "application/json"}
    inner = Incoming("POST", openai_api.BASE + "/embeddings", incoming.caller, content=content, headers=headers)
    came = await openai_api.routed(gateway, inner)
    assert isinstance(came.content, bytes)
    try:
        data = made(json.loads(came.content))
    except (ValueError, RecursionError) as error:
        raise Refused(502, f"The provider's answer cannot be read: {error}", "unreadable") from None
    said = [field for field in came.headers if field[0].startswith(b"x-")]
    lost = [(LOST, ", ".join(losses).encode())] if losses else []
    return Outgoing(200, [JSON, *said, *lost], json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


async def answered(gateway: Gateway, incoming: Incoming, dialect: Dialect, asked: Asked) -> Outgoing:
    """What whoever serves the model says to a request, in its own words. *asked*: the request, read."""
    turn = await prepared(gateway, incoming, dialect, asked)
    if asked.streams:
        return await turn.streamed()
    reply = await turn.called()
    return turn.passed(reply) if reply.native else turn.translated(reply)


async def prepared(gateway: Gateway, incoming: Incoming, dialect: Dialect, asked: Asked) -> Turn:
    """A request, with all that is needed to have it answered. Raises Refused and what finding candidates raises."""
    path = dialect.path or chat.PATH
    named = Named(gateway.ids, incoming.caller, "POST", path)
    await named.read(incoming, gateway.pipeline.finder, dialect.nameable)
    original = dict(asked.original)
    ours = {word: original.pop(word) for word in OWN_WORDS & original.keys()}
    headers = passed.own_of_caller(headers_for_all(incoming.headers))
    own = {name: value for name, value in headers.items() if not name.lower().startswith(_OF_ONE)}
    of_dialect = {name: value for name, value in headers.items() if dialect.speaks_by(name)}
    body = {**asked.body, **ours}
    wanted = RoutedRequest("POST", chat.PATH, b"", "application/json", gateway.options, named, headers=own, body=body)
    openai_api.admit(incoming, wanted, original)
    if dialect.path:
        native = NativeForm(
            dialect.name,
            dialect.path,
            original,
            b"" if ours else incoming.content,
            headers=own | of_dialect,
            only=asked.only_native,
            plainer=dialect.plainer,
        )
        if dialect.plainer is not None and (plain := dialect.plainer(original)) is not None:  # what we made ourselves
            native.body, native.raw = plain, b""
        wanted.request.native = native
    return Turn(gateway, dialect, asked, wanted, named, *await openai_api.candidates(gateway, incoming, wanted))


class Turn:
    """One request on its way: a `streaming.Form` of its reply."""

    def __init__(
        self,
        gateway: Gateway,
        dialect: Dialect,
        asked: Asked,
        wanted: RoutedRequest,
        named: Named,
        pipeline: Any,
        offers: Sequence[Offer],
    ) -> None:
        self._gateway, self._dialect, self.asked, self._named = gateway, dialect, asked, named
        self._request, self._pipeline = wanted.request, pipeline
        self._request.repairs = pipeline.health.repairs  # who is known to lack an API that its row says it has
        self.media_type, self.ping = dialect.media_type, dialect.ping
        self._offers = self._natives_first(offers)

    def _natives_first(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        """The candidates, where nobody has said in which order: of one model's those who need no translation."""
        native = self._request.native
        if native is None or self._request.preferences is not None:
            return offers
        ordered: list[Offer] = []
        for _, alike in groupby(offers, lambda offer: (offer.canonical_name, offer.local, offer.billing)):
            ordered += sorted(alike, key=lambda offer: not speaks(self._request, offer))
        return ordered

    async def called(self) -> Reply:
        """The reply as a whole."""
        total, hedge_after = self._gateway.options.timeout, self._pipeline.hedge_after
        caller = self._pipeline.async_caller
        reply: Reply = await caller.call(self._offers, self._request, total=total, hedge_after=hedge_after)
        return reply

    async def streamed(self) -> Outgoing:
        """The reply as it comes."""
        stream = self._pipeline.async_caller.stream(self._offers, self._request, total=self._gateway.options.timeout)
        return await streaming.streamed(asyncio.ensure_future(stream), self, self._gateway.settings.ping_seconds)

    async def learn(self, reply: Reply) -> None:
        """Remember what a reply in the dialect's own words says that its provider keeps."""
        await self._named.learn(reply.data, reply.offer)

    async def told(self, path: str, name: str) -> dict[str, Any] | None:
        """What whoever would be asked first says below the dialect's path, if it speaks that; None where it does not.

        That costs nothing, and is not a call of a model. name: of a number that the answer must have.
        """
        offer, native = self._offers[0] if self._offers else None, self._request.native
        lacking = self._gateway.kept.setdefault("lacks " + path, set())
        if offer is None or native is None or offer.place in lacking or not speaks(self._request, offer):
            return None
        fitted = native_request(self._request, offer)
        fitted.path += path
        try:
            response = await self._pipeline.async_caller.sender.send(fitted.to_send(), limit=_PATIENCE)
            content = await response.read()
        except WireError:
            return None
        if response.status in NO_SUCH_PATH:
            lacking.add(offer.place)
        try:
            found = json.loads(content) if response.status == 200 else None
        except (ValueError, RecursionError):
            return None
        number = found.get(name) if isinstance(found, dict) else None
        return {name: number} if type(number) is int and number >= 0 else None

    def passed(self, reply: Reply) -> Outgoing:
        """A reply that came in the dialect's own words."""
        return Outgoing(reply.status, *passed.whole(reply))

    def translated(self, reply: Reply) -> Outgoing:
        """A chat completion, in the dialect's words."""
        return self.made(reply, self._dialect.reply(reply.data, self.asked))

    def made(self, reply: Reply, data: Mapping[str, Any]) -> Outgoing:
        """What was made of a chat completion, with what we say of it."""
        content = passed.without_key(as_json(data), reply.offer.api_key)
        return Outgoing(200, [JSON, *self._said(reply)], content)

    def _said(self, reply: Reply | AsyncStreamReply) -> list[tuple[bytes, bytes]]:
        headers = [*said_headers(reply), (b"x-content-type-options", b"nosniff")]
        if losses := ", ".join(dict.fromkeys(self.asked.losses)):
            headers.append((LOST, losses.encode("ascii", "replace")))
            if self._pipeline.verbose:
                self._pipeline.tell(f"{reply.offer.provider} was asked by chat completions, without {losses}")
        return headers

    # A form of streams

    def headers(self, reply: AsyncStreamReply) -> Headers:
        """Those of a stream that has begun."""
        if reply.native:
            return passed.headers_of(reply)
        kind = (b"content-type", self.media_type.encode())
        return [kind, (b"cache-control", b"no-cache"), *self._said(reply)]

    def pieces(self, reply: AsyncStreamReply) -> AsyncIterator[bytes]:
        """What a provider sends, in the dialect's words."""
        if not reply.native:
            made = self._translated(reply)
            return made if self._dialect.kept is None else self._dialect.kept(made)
        pieces = self._named.noting(reply.raw(), reply.offer) if self._dialect.learns else None
        events = self._dialect.events(self.asked)
        failed, note = partial(self._failed, events), getattr(events, "passed", None)
        return streaming.passed_on(reply, failed, pieces, note)

    async def _translated(self, reply: AsyncStreamReply) -> AsyncIterator[bytes]:
        events, key = self._dialect.events(self.asked), reply.offer.api_key
        try:
            async for chunks in reply.batches():
                if piece := b"".join(map(events.feed, chunks)):
                    yield passed.without_key(piece, key)
            yield passed.without_key(events.end(), key)
        except InferenceProvidersError as error:
            yield self._failed(events, error)

    def failed(self, error: InferenceProvidersError | Refused) -> bytes:
        """A failure of a stream that has not begun."""
        return self._failed(self._dialect.events(self.asked), error)

    def _failed(self, events: Events, error: InferenceProvidersError | Refused) -> bytes:
        told = failures.read(error)
        return events.failed(told.status, told.message, told.code)
