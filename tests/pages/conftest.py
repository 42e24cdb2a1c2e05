"""What the pages need: the site as it is built, once, and a browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import launched
from tests.conftest import ROOT

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.docs)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser without a window, for all tests."""
    with launched() as made:
        yield made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site: `make docs-site`, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "tools.pages", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder
