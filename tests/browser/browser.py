"""A browser without a window, and pages that are watched: what they load, what they complain of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SCHEMES = ("light", "dark")
WIDTHS = (360, 768, 1280)
PATIENCE = 15_000  # milliseconds for what a page is to come to: a machine may be busy
_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', function (event) {
  console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI);
});
"""


def program() -> str:
    """The path of a browser. Ends whatever runs where there is none: nothing was tried then."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    said = "no browser is here: `apt-get install -y chromium` as root brings one, on Debian; Google Chrome will do, too"
    raise SystemExit(said)


@contextmanager
def launched() -> Iterator[Any]:
    """A browser that runs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="`make test-browser` makes the environment for it")
    path = program()
    with playwright.sync_playwright() as api:
        browser = api.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """What the pages of a context do besides what they show. *origin*: the only one that they may ask.

    expected: words of complaints that a test provokes.
    """

    def __init__(self, context: Any, origin: str) -> None:
        self.origin, self.expected = origin, list[str]()
        self.urls: list[str] = []
        self.complaints: list[str] = []
        context.add_init_script(_VIOLATIONS)
        context.on("request", lambda request: self.urls.append(request.url))
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def check(self) -> None:
        """Nothing was complained of, nobody else was asked, and no secret is in an address."""
        unexpected = [one for one in self.complaints if not any(words in one for words in self.expected)]
        assert unexpected == []
        foreign = [url for url in self.urls if not url.startswith(("data:", "blob:")) and origin_of(url) != self.origin]
        assert foreign == []
        assert not [url for url in self.urls if "token-0123456789" in url or "ip-" in urlsplit(url).query]


def origin_of(url: str) -> str:
    """Its scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def axe_findings(page: Any) -> list[str]:
    """What axe-core has against a page, one line for each element."""
    from importlib.resources import files

    source = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(f"{source}\n;0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    rules = found["violations"]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in rules for node in rule["nodes"]]
