"""What tests with a real Redis share; they run by `make test-cluster`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference_providers.state.redis_link import RedisLink
from tests.cluster.redis_server import PROGRAM, Redis


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are left out unless they are asked for."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker("cluster")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of this test's own."""
    if PROGRAM is None:
        pytest.fail("neither valkey-server nor redis-server is installed: `make test-cluster` says how")
    made = Redis(tmp_path / "redis")
    yield made
    made.go_on()
    made.stop()


@pytest.fixture
def link(redis: Redis) -> Iterator[Callable[[], RedisLink]]:
    """Makes links to it, each as another process has one."""
    made: list[RedisLink] = []

    def another() -> RedisLink:
        made.append(RedisLink(redis.url))
        return made[-1]

    yield another
    for one in made:
        one.close()
