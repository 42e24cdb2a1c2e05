"""The pytest plug-in: tests of programs that use this package, without keys and without network.

    def test_mine(inference_providers):
        inference_providers.mock({"gpt-4": "It depends."})
        assert my_function() == ...

The fixture stands in for every `ProviderList` created during the test, and for `ask_ai`. Until `mock`,
`cassette`, `record` or `replay` is called, every question is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest


class Stand:
    """The value of the fixture `inference_providers`. `requests` holds the bodies of all requests to the mock."""

    def __init__(self, node: Any, mode: str) -> None:
        self._node, self._mode = node, mode
        hint = "call inference_providers.mock({...}) or .cassette() in this test first"
        self.mock({"*": {"error": {"status": 400, "message": hint}}})

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
        """The JSON bodies of all requests to the mock."""
        bodies: list[dict[str, Any]] = self._mock.requests
        return bodies

    def record(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Ask the real providers, and record their replies without keys.

        Default: `cassettes/FILE.TEST.json` beside the test.
        """
        from inference_providers.testing.cassette import RECORD, Cassette

        return self._activate(Cassette(path or self._path(), RECORD))

    def replay(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Answer from a recording. A request that is not in it raises an error."""
        from inference_providers.testing.cassette import REPLAY, Cassette

        return self._activate(Cassette(path or self._path(), REPLAY))

    def cassette(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Replay, or record, by `--inference-record`: what is not recorded yet (once, the default), all or none."""
        path = path or self._path()
        is_missing = self._mode == "once" and not os.path.exists(path)
        return self.record(path) if self._mode == "all" or is_missing else self.replay(path)

    def _path(self) -> str:
        parts = [
            self._node.path.stem,
            *self._node.nodeid.split("::")[1:],
        ]  # a test of another file or class has its own
        name = re.sub(r"[^\w.-]+", "_", ".".join(parts))
        return os.path.join(os.path.dirname(self._node.path), "cassettes", f"{name}.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says when to record."""
    group = parser.getgroup("inference_providers")
    group.addoption(
        "--inference-record",
        choices=["once", "all", "none"],
        default="once",
        help="Record the replies of providers to tests with a cassette: those without a recording (once), "
        "all of them anew (all), none (none).",
    )


@pytest.fixture
def inference_providers(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Stands in for the network: `.mock({...})`, `.cassette()`, `.record()`, `.replay()`."""
    from inference_providers.testing import stand_in

    before = stand_in.active
    yield Stand(request.node, str(request.config.getoption("--inference-record")))
    stand_in.active = before
