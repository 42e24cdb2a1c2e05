"""How a provider is spoken to is one module: what is demanded of each, and what an offer gets of a request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import pytest

from inference_providers import AsyncProviderList, ProviderList, TruncatedStreamError
from inference_providers.credentials import Pins
from inference_providers.errors import AllProvidersFailedError, InvalidRequestError, ProviderError
from inference_providers.offers.access import Accesses, unspoken
from inference_providers.offers.late_offers import offer_by
from inference_providers.offers.offer import Offer
from inference_providers.protocols import PROTOCOLS, capable_offers, classify, fit
from inference_providers.protocols.classify import Verdict
from inference_providers.protocols.request import FittedRequest, ModelRequest
from inference_providers.protocols.stream_form import as_events
from inference_providers.registry import SPOKEN_PROTOCOLS
from inference_providers.registry.registry import Registry, bundled
from inference_providers.transport import WireError
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, status
from tests.test_offers import Movable

Serve = Callable[..., Server]
KINDS = [ProviderList, AsyncProviderList]
ACTIONS = {"ok", "next", "retry", "dead", "stop", "wait", "poll", "larger", "doubt"}


@pytest.mark.parametrize("name", SPOKEN_PROTOCOLS)
def test_every_protocol_is_one_that_offers_may_have(name: str) -> None:
    assert name == PROTOCOLS[name].ID
    assert unspoken(name) == ""


def test_every_candidate_of_the_package_is_spoken_to() -> None:
    spoken = {provider.protocol for provider in bundled().providers.values() if not unspoken(provider.protocol)}
    assert spoken == set(SPOKEN_PROTOCOLS) == {PROTOCOLS[name].ID for name in SPOKEN_PROTOCOLS}


@pytest.mark.parametrize("name", SPOKEN_PROTOCOLS)
@pytest.mark.parametrize("code", [200, 302, 400, 429, 503])
def test_any_body_gets_a_verdict_without_a_key(name: str, code: int) -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b"<p>key sk-0123456789abcdef</p>",
        b'{"error": "sk-0123456789abcdef"}',
        b"\xff",
    ):
        verdict = PROTOCOLS[name].decode(
            code, {}, body, "p", ("sk-0123456789abcdef",), 0.0, path="/chat/completions", allow_empty=False
        )
        assert verdict.action in ACTIONS - {"ok"}
        assert isinstance(verdict.error, ProviderError)
        assert "0123456789abcdef" not in f"{verdict.error}{verdict.error.body!r}"


def test_the_tables_of_verdicts_are_plain_data() -> None:
    by_class = [(action, error) for _, action, error in classify.BY_CLASS]
    verdicts: list[tuple[str, type[ProviderError]]] = [*classify.BY_STATUS.values(), classify.OTHERWISE, *by_class]
    assert all(action in ACTIONS and issubclass(error, ProviderError) for action, error in verdicts)


# What an offer gets of a request


def calls_of(run: Callable[[], object], *functions: Any) -> list[int]:
    """How often each function runs."""
    codes = [function.__code__ for function in functions]
    counts = [0] * len(codes)

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            counts[codes.index(frame.f_code)] += 1

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streams", [False, True])
def test_a_request_is_fitted_once_for_each_candidate_however_often_it_is_tried(
    serve: Serve, kind: Any, streams: bool
) -> None:
    unwell, well = serve(status(500)), serve()
    providers = list_of(unwell.url, well.url, serve().url, kind=kind)
    caller = providers.pipeline.caller if kind is ProviderList else providers.pipeline.async_caller
    offers = providers.find_model_providers("m")
    request = ModelRequest({"messages": [{"role": "user", "content": "hi"}], "stream": streams})

    async def wait_for(call: Any) -> Any:
        return await call

    def run() -> None:
        reply = (caller.stream if streams else caller.call)(offers, request)
        reply = reply if kind is ProviderList else asyncio.run(wait_for(reply))
        assert reply.dropped == []
        if streams:
            reply.close()

    encode = PROTOCOLS["openai"].encode
    assert calls_of(run, encode, FittedRequest.to_send) == [2, 3]
    assert (len(unwell.asked), len(well.asked)) == (2, 1)
    assert unwell.asked[0].body == unwell.asked[1].body
    assert list(request.fits) == [id(offer) for offer in offers[:2]], "who was not asked got nothing"


def test_what_a_launched_server_gets_goes_to_where_it_is_now_with_the_key_of_now() -> None:
    server = Movable("vllm", "", {"m": None})
    offer = offer_by(Accesses(bundled(), {}, Pins(bundled())).at(server), None, "m")
    request = ModelRequest({"messages": []})
    sent = []
    for _ in range(2):
        offer.wake(1)
        sent.append(fit(request, offer).to_send())
    assert [one.url for one in sent] == [f"http://127.0.0.1:{port}/v1/chat/completions" for port in (9001, 9002)]
    assert [str(one.headers["Authorization"]) for one in sent] == ["Bearer key-1", "Bearer key-2"]
    assert sent[0].body is sent[1].body, "the bytes are made once"


def test_a_try_that_is_cancelled_cancels_no_other() -> None:
    offer = list_of("http://127.0.0.1:9/v1").find_model_providers("m")[0]
    request = ModelRequest({"messages": []})
    assert fit(request, offer) is fit(request, offer)
    assert fit(request, offer).to_send() is not fit(request, offer).to_send()


def test_who_cannot_do_it_is_not_fitted() -> None:
    offers = list_of("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1").find_model_providers("m")
    request = ModelRequest({"messages": [], "guided_regex": "a"}, unsupported="error")
    with pytest.raises(InvalidRequestError, match="cannot do guided_regex") as caught:
        capable_offers(request, offers, lambda able: f"{sum(map(able, offers))} others can.")
    assert "0 others can." in str(caught.value)
    assert request.fits == {}


# Another protocol: the interface is enough for one that shares nothing with OpenAI's.


class Plain:
    """Requests of two lines, replies of one, streams of a word a line that end in a full stop."""

    ID = "openai"

    def missing(self, request: ModelRequest, offer: Offer, needs: Sequence[str]) -> list[str]:
        return list(needs)

    def encode(self, request: ModelRequest, offer: Offer) -> FittedRequest:
        turns = (request.body or {})["messages"]
        content = f"{offer.internal_name}\n{turns[-1]['content']}".encode()
        path = "/tell" if request.streams else "/say"
        return FittedRequest(offer, "PUT", path, {"X-Plain": "1"}, content=content, dropped=["temperature"])

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
        registry: Registry | None = None,
    ) -> Verdict:
        if status not in classify.SUCCESS:
            return classify.refusal(status, headers, body, provider, secrets, now)
        message = {"role": "assistant", "content": body.decode()}
        return Verdict(classify.OK, reply={"choices": [{"message": message, "finish_reason": "stop"}]})

    def judge(
        self,
        provider: str,
        secrets: Iterable[str | None],
        headers: Mapping[str, str],
        now: float,
        *,
        path: str,
        allow_empty: bool,
        registry: Registry | None = None,
        choices: int = 1,
        unread: bool = False,
    ) -> PlainJudge:
        return PlainJudge(provider)


class PlainJudge:
    """A stream of lines."""

    resting = False
    media_type = "text/event-stream"

    def __init__(self, provider: str) -> None:
        self.provider, self._held, self._text = provider, b"", ""
        self.started = self.done = False
        self.verdict: Verdict | None = None
        self.usage: Any = None
        self.events = 0

    def passed_on(self, events: Sequence[Mapping[str, Any]], *, ends: bool = False) -> bytes:
        return b"".join(as_events(events, done=ends))

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        *lines, self._held = (self._held + chunk).split(b"\n")
        for line in lines:
            self.events += 1
            if line == b".":
                self.done = True
                return
            self.started = True
            self._text += line.decode()
            yield {"choices": [{"delta": {"content": line.decode()}}]}

    def end(self) -> Iterator[dict[str, Any]]:
        if self.done:
            self.verdict = Verdict(classify.OK)
        elif self.started:
            raise TruncatedStreamError("no full stop", self._text, provider=self.provider, status=200)
        else:
            self.verdict = classify.unavailable(classify.NEXT, self.provider, "nothing came")
        return iter(())

    def broke(self, error: WireError) -> None:
        self.verdict = classify.failure(error, self.provider)

    def late(self) -> None:
        raise NotImplementedError

    def silent(self) -> None:
        raise NotImplementedError


def speaks_plain(connection: Connection, request: Received) -> None:
    if (request.method, request.headers.get("x-plain")) != ("PUT", "1"):
        connection.reply(400, {"error": {"message": "not plain"}})
    elif request.path.endswith("/say"):
        connection.reply(200, "hello there")
    else:
        connection.start_stream({"content-type": "text/plain"})
        for line in (b"hello\nth", b"ere\n", b".\n" if b"cut" not in request.body else b""):
            connection.chunk(line)
        connection.end_stream()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "openai", Plain())


def asked(providers: Any, question: str, **options: Any) -> Any:
    if isinstance(providers, ProviderList):
        return providers.ask_ai(question, "m", **options)
    return asyncio.run(providers.ask_ai(question, "m", **options))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("plain")
def test_another_protocol_is_spoken_in_calls(serve: Serve, kind: Any) -> None:
    server = serve(speaks_plain)
    reply = asked(list_of(server.url, kind=kind), "hi", temperature=0.5)
    assert (reply, reply.dropped) == ("hello there", ["temperature"])
    (request,) = server.asked
    assert (request.method, request.path, request.body) == ("PUT", "/v1/say", b"m-internal\nhi")
    assert request.key == "canary-1-0123456789abcdef"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("plain")
def test_another_protocol_falls_back_and_says_what_it_cannot_do(serve: Serve, kind: Any) -> None:
    first, second = serve(status(429, {"error": {"message": "insufficient_quota"}})), serve(speaks_plain)
    reply = asked(list_of(first.url, second.url, kind=kind), "hi")
    assert (reply, [attempt.status for attempt in reply.attempts]) == ("hello there", [429, 200])
    with pytest.raises(InvalidRequestError, match="cannot do vision"):
        asked(list_of(second.url, kind=kind), "what is this?", images="https://x.example/a.png")
    with pytest.raises((AllProvidersFailedError, InvalidRequestError), match="not plain"):
        asked(list_of(serve(status(400, {"error": {"message": "not plain"}})).url, kind=kind), "hi")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("plain")
def test_another_protocol_is_spoken_in_streams(serve: Serve, kind: Any) -> None:
    server = serve(speaks_plain)
    providers = list_of(server.url, kind=kind)

    async def pieces(question: str) -> list[str]:
        return [piece async for piece in await providers.ask_ai(question, "m", stream=True)]

    def read(question: str) -> list[str]:
        if kind is ProviderList:
            return list(providers.ask_ai(question, "m", stream=True))
        return asyncio.run(pieces(question))

    assert read("hi") == ["hello", "there"]
    with pytest.raises(TruncatedStreamError) as caught:
        read("cut")
    assert caught.value.partial == "hellothere"
    assert {request.path for request in server.asked} == {"/v1/tell"}
