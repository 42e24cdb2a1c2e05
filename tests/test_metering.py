"""What a caller's calls come to, however they end: tokens, dollars, and places that are free again."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import BudgetExceededError, InferenceProvidersError, RateLimitError, UnknownModelError
from inference_providers.gateway.allowed_models import AllowedModels
from inference_providers.gateway.callers import ADMIN, Caller
from inference_providers.gateway.metering import Asking, Metering, asking
from inference_providers.gateway.quotas import Quota
from inference_providers.gateway.shared_windows import SharedWindows
from inference_providers.gateway.spending import Spending
from inference_providers.gateway.tiers import Tiers
from inference_providers.gateway.windows import MemoryWindows
from inference_providers.protocols import ModelRequest
from tests.conftest import async_list_of, places
from tests.servers import Server, answer, status
from tests.test_pipeline import FACTS, breaks, good

Serve = Callable[..., Server]
MESSAGES = [{"role": "user", "content": "hi"}]
WINDOWS = {"memory": MemoryWindows, "file": lambda: SharedWindows.of(places())}


class Bench:
    """A list whose calls are metered, and what its caller has used."""

    def __init__(self, *urls: str, windows: str = "memory", **options: Any) -> None:
        self.made = async_list_of(*urls, facts=[FACTS] * len(urls), **options)
        self.pipeline = self.made.pipeline
        self.windows: Any = WINDOWS[windows]()
        self.tiers = Tiers(self.windows, Spending.of(places()))
        self.metering = Metering(self.tiers, AllowedModels(self.pipeline.finder))
        self.pipeline.stages.insert(0, self.metering)
        self.pipeline.listeners.append(self.metering.hear)

    def request(self, *, stream: bool = False, **fields: Any) -> ModelRequest:
        body = {"model": "", "messages": MESSAGES, "stream": stream, **fields}
        if stream:
            body["stream_options"] = {"include_usage": True}
        request = ModelRequest(body)
        request.asked = ["m"]
        return request

    async def ask(self, caller: Caller, *, stream: bool = False, **fields: Any) -> Asking:
        """One call of a caller, to its end."""
        one = Asking(caller)
        token = asking.set(one)
        try:
            offers, request = self.pipeline.finder.candidates("m"), self.request(stream=stream, **fields)
            if stream:
                reply = await self.pipeline.async_caller.stream(offers, request)
                asking.reset(token)
                token = asking.set(None)  # what is read later is read outside
                async for _ in reply:
                    pass
            else:
                await self.pipeline.async_caller.call(offers, request)
        finally:
            asking.reset(token)
        return one

    def taken_by(self, caller: Caller) -> int:
        """Tokens of its minute."""
        place: Any = self.windows.take(caller.id, Quota(tokens_per_minute=10**6), 0)
        self.windows.give_back(place)
        return 10**6 - int(place.remaining)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def running() -> None:
        await work()

    asyncio.run(running())


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("stream", [False, True])
def test_tokens_and_dollars_are_those_of_the_reply(stream: bool, windows: str, serve: Serve) -> None:
    bench = Bench(serve(good).url, windows=windows)
    one = Caller("c_1", "alice", tokens_per_minute=100_000, budget=1.0)

    async def work() -> None:
        found = await bench.ask(one, stream=stream, max_tokens=300)
        thought = 100_000 - int(found.headers["x-ratelimit-remaining"])
        assert thought > 300, "as it was thought, while it was under way"
        took = bench.taken_by(one)
        assert 0 < took < 100, "as the reply says"
        assert 0 < bench.tiers.spending.spent("c_1") < 0.001
        await bench.ask(one, stream=stream, max_tokens=300)
        assert bench.taken_by(one) == 2 * took

    run(work)


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("behaviour", [status(500), status(400), breaks])
def test_a_call_that_fails_is_under_way_no_more(behaviour: Any, windows: str, serve: Serve) -> None:
    bench = Bench(serve(behaviour).url, windows=windows, timeout=20)
    one = Caller("c_1", "alice", concurrent=1, tokens_per_minute=10_000, budget=1.0)

    async def work() -> None:
        for stream in (False, True, False, True):
            with pytest.raises(InferenceProvidersError) as error:
                await bench.ask(one, stream=stream, max_tokens=20)
            assert not isinstance(error.value, RateLimitError | BudgetExceededError)
        assert bench.tiers.spending.spent("c_1") < 1e-3

    run(work)


@pytest.mark.parametrize("windows", WINDOWS)
def test_a_call_that_is_cancelled_or_dropped_is_under_way_no_more(windows: str, serve: Serve) -> None:
    one = Caller("c_1", "alice", concurrent=1)

    async def work() -> None:
        bench = Bench(serve(good).url, windows=windows)
        token = asking.set(Asking(one))
        offers = bench.pipeline.finder.candidates("m")
        reply: Any = await bench.pipeline.async_caller.stream(offers, bench.request(stream=True))
        with pytest.raises(RateLimitError, match="requests at once"):
            await bench.pipeline.async_caller.call(offers, bench.request())
        reply.close()
        await bench.pipeline.async_caller.call(offers, bench.request())
        reply = await bench.pipeline.async_caller.stream(offers, bench.request(stream=True))
        del reply  # never read, never closed
        gc.collect()
        opening = asyncio.ensure_future(bench.pipeline.async_caller.call(offers, bench.request()))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await bench.pipeline.async_caller.call(offers, bench.request())
        asking.reset(token)

    run(work)


def test_a_kept_reply_counts_as_a_request_and_costs_nothing(serve: Serve) -> None:
    server = serve(good)
    bench = Bench(server.url, cache={"store": "memory"})
    one = Caller("c_1", "alice", requests_per_minute=3, tokens_per_minute=10_000, budget=1.0)

    async def work() -> None:
        await bench.ask(one)
        spent, took = bench.tiers.spending.spent("c_1"), bench.taken_by(one)
        assert (await bench.ask(one)).headers["x-ratelimit-remaining"] == "1"
        await bench.ask(one)
        assert bench.tiers.spending.spent("c_1") == spent > 0
        assert bench.taken_by(one) == took > 0
        with pytest.raises(RateLimitError):
            await bench.ask(one)
        await bench.ask(Caller("c_2", "bob"))

    run(work)
    assert len(server.requests) == 2, "what was kept is not given to another caller"


def test_nobody_is_asked_for_what_is_refused(serve: Serve) -> None:
    server = serve(answer)
    bench = Bench(server.url)

    async def work() -> None:
        for one, kind in (
            (Caller("c_1", "alice", budget=0.0), BudgetExceededError),
            (Caller("c_2", "bob", tokens_per_minute=1), RateLimitError),
            (Caller("c_3", "carol", ("gpt-4o",)), UnknownModelError),
        ):
            for stream in (False, True):
                with pytest.raises(kind):
                    await bench.ask(one, stream=stream)

    run(work)
    assert server.requests == []


def test_whoever_has_no_limits_leaves_no_trace(serve: Serve) -> None:
    bench = Bench(serve(good).url, windows="file")

    async def work() -> None:
        await bench.ask(ADMIN)
        free = await bench.ask(Caller("c_1", "alice"), stream=True)
        assert free.headers == {}
        offers = bench.pipeline.finder.candidates("m")
        await bench.pipeline.async_caller.call(offers, bench.request())

    run(work)
    assert not list(Path(places()["XDG_DATA_HOME"]).rglob("*.sqlite"))
    assert repr(bench.metering) == "<Metering of 0 calls>"


class Dropping(SharedWindows):
    """Drops what is in its hands in the middle of a transaction, as the garbage collector may."""

    hands: list[Any]

    def _taken(self, *given: Any) -> Any:
        self.hands.clear()
        gc.collect()
        return super()._taken(*given)


def test_a_stream_that_is_dropped_while_the_file_is_in_use_is_settled_afterwards(tmp_path: Path, serve: Serve) -> None:
    bench = Bench(serve(good).url)
    windows = bench.tiers.windows = Dropping(str(tmp_path / "own" / "limits.sqlite"))
    windows.hands = []
    one = Caller("c_1", "alice", concurrent=1)

    async def work() -> None:
        asking.set(Asking(one))
        offers = bench.pipeline.finder.candidates("m")
        windows.hands.append(await bench.pipeline.async_caller.stream(offers, bench.request(stream=True)))
        with pytest.raises(RateLimitError):  # it had its place until then
            await bench.pipeline.async_caller.call(offers, bench.request())
        await bench.pipeline.async_caller.call(offers, bench.request())

    run(work)
    assert windows.database.fault == ""
    windows.close()
