"""What tests of frameworks share: two providers, of which the first is broken, and programs that know neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from inference_providers import AsyncProviderList, Policy, ProviderList
from tests.conftest import keys, registry_of
from tests.frameworks.capable import capable
from tests.servers import Server, status

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked; frameworks may warn of what they like."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.frameworks)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


class Providers:
    """Two of them: `broken` answers 500 to everything, `good` can do all. Every call takes the way over the first."""

    def __init__(self, broken: Server, good: Server) -> None:
        self.broken, self.good = broken, good
        # Whoever fails again and again is asked later; here each call is to begin with the one that fails.
        options: dict[str, Any] = {"policy": Policy(tries=1, failures=10_000), "local": False}
        registry, environ = registry_of(broken.url, good.url), keys(2)
        self.list = ProviderList(json_override=registry, environ=environ, **options)
        self.async_list = AsyncProviderList(json_override=registry, environ=environ, **options)
        self.sync: openai.OpenAI = self.list.client()
        self.asynchronous: openai.AsyncOpenAI = self.async_list.client()

    def close(self) -> None:
        """Close the client; that of asyncio closes with its loop."""
        self.sync.close()


@pytest.fixture
def providers(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The providers; at the end, both were asked, and the second answered whatever the first did not."""
    monkeypatch.setenv("OPENAI_API_KEY", "never-sent")  # some look for one before they take a client
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    made = Providers(serve(status(500, {"error": {"message": "out of order"}})), serve(capable))
    yield made
    made.close()
    assert len(made.broken.asked) == len(made.good.asked) > 0
    assert not [request for request in (*made.broken.asked, *made.good.asked) if b"never-sent" in request.raw]
