"""The gateway's pages in a browser (`make test-browser`)."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.browser.browser")
