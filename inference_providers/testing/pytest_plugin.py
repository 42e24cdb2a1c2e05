"""The pytest plug-in: tests of programs that use this package, without keys and without network.

    def test_mine(inference_providers):
        inference_providers.mock({"gpt-4": "It depends."})
        assert my_function() == ...

The fixture stands in for every `ProviderList` made during the test, and for `ask_ai`. Until `mock`,
`cassette`, `record` or `replay` is called, nothing is answered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest


class Stand:
    """What the fixture `inference_providers` gives. `requests` holds the bodies that the mock was asked."""

    def __init__(self, node: Any, mode: str) -> None:
        self._node, self._mode = node, mode
        advice = "call inference_providers.mock({...}) or .cassette() in this test first"
        self.mock({"*": {"error": {"status": 400, "message": advice}}})

    def _activate(self, sender: Any) -> Any:
        from inference_providers.testing import stand_in

        stand_in.active = sender
        return sender

    def mock(self, replies: dict[str, Any]) -> Any:
        """Answer with these replies: see `inference_providers.mock`."""
        from inference_providers.testing.mock import Mock

        self._mock = Mock(replies)
        return self._activate(self._mock)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The JSON bodies that the mock was asked."""
        found: list[dict[str, Any]] = self._mock.requests
        return found

    def record(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Ask the real providers, and keep what they answer, keys left out.

        Default: `cassettes/FILE.TEST.json` beside the test.
        """
        from inference_providers.testing.cassette import RECORD, Cassette

        return self._activate(Cassette(path or self._path(), RECORD))

    def replay(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Answer from a recording. A request that it does not hold raises an error."""
        from inference_providers.testing.cassette import REPLAY, Cassette

        return self._activate(Cassette(path or self._path(), REPLAY))

    def cassette(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Replay, or record what was never recorded, as `--inference-record` says: once (the default), all or none."""
        place = path or self._path()
        recorded = os.path.exists(place)
        return (
            self.record(place) if self._mode == "all" or (self._mode == "once" and not recorded) else self.replay(place)
        )

    def _path(self) -> str:
        parts = [self._node.path.stem, *self._node.nodeid.split("::")[1:]]  # of another file or class is another one
        name = re.sub(r"[^\w.-]+", "_", ".".join(parts))
        return os.path.join(os.path.dirname(self._node.path), "cassettes", f"{name}.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that says when to record."""
    group = parser.getgroup("inference_providers")
    group.addoption(
        "--inference-record",
        choices=["once", "all", "none"],
        default="once",
        help="Record what providers answer to tests with a cassette: what was never recorded (once), "
        "everything anew (all), nothing (none).",
    )


@pytest.fixture
def inference_providers(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Stands in for the network: `.mock({...})`, `.cassette()`, `.record()`, `.replay()`."""
    from inference_providers.testing import stand_in

    before = stand_in.active
    yield Stand(request.node, str(request.config.getoption("--inference-record")))
    stand_in.active = before
