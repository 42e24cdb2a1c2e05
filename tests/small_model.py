"""A real small model for tests that want words and no noise: smollm2, fetched once and kept in pytest's cache."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inference_providers import LocalServerError, ProviderList
from inference_providers.servers import getting, open_models
from tests.conftest import places
from tests.test_launch import nobody_else

NAME = f"llama.cpp/{open_models.SMALLEST}"
CAPITAL = "What is the capital of France? Answer in one sentence."


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> str:
    """A data folder in which the model lies, where people have it. Skips where it cannot be had."""
    cache = request.config.cache
    assert cache is not None
    folder = str(cache.mkdir("data"))
    try:
        getting.get(open_models.named(open_models.SMALLEST), {**os.environ, "XDG_DATA_HOME": folder})
    except LocalServerError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture
def environ(data: str) -> dict[str, str]:
    """The environment of somebody who has no key and no server, and has fetched the model."""
    return {**places(), "XDG_DATA_HOME": data}


@pytest.fixture
def small(environ: dict[str, str]) -> Any:
    """A list for that person."""
    with closing(ProviderList(environ=environ, json_override=nobody_else())) as providers:
        yield providers


def model_file(data: str) -> Path:
    return Path(getting.place(open_models.named(open_models.SMALLEST), {"XDG_DATA_HOME": data}))
