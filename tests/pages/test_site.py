"""The site: pages show what the repository's Markdown says, and every link and anchor leads somewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from markdown_it import MarkdownIt

from tests.conftest import ROOT
from tests.pages import terminal
from tools.pages import STAGED, build, stage

HELD = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src", "object": "data"}


class Page(HTMLParser):
    """The links of a page, and what in it can be linked."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Each opening tag."""
        found = dict(attrs)
        self.anchors |= {found[name] or "" for name in ("id", "name") if name in found}
        if (target := found.get(HELD.get(tag, ""))) is not None:
            self.links.append((tag, target))


pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    """Every page of the site, by its file."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_link_and_anchor_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    broken, count = [], 0
    for path, page in pages.items():
        for _, link in page.links:
            target, anchor = urldefrag(link)
            if urlsplit(target).scheme or path.name == "404.html":
                continue
            aim = (path.parent / unquote(target)).resolve() if target else path
            aim = aim / "index.html" if aim.is_dir() else aim
            count += 1
            if not aim.exists() or (anchor and aim in pages and unquote(anchor) not in pages[aim].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []
    assert count > 1000


def test_links_to_elsewhere_are_listed_and_safe(pages: dict[Path, Page]) -> None:
    """They are not asked here: `build/links-to-elsewhere.txt` has them, for whoever looks at them by hand."""
    links = {link for page in pages.values() for tag, link in page.links if tag == "a" and urlsplit(link).netloc}
    listed = ROOT / "build" / "links-to-elsewhere.txt"
    listed.parent.mkdir(exist_ok=True)
    listed.write_text("".join(f"{link}\n" for link in sorted(links)), "utf-8")
    assert {link for link in links if urlsplit(link).scheme != "https"} == set()


def test_each_page_leads_on(site: Path) -> None:
    """From the first page, by "next" at the end of each, through all that are in the navigation."""
    path, seen = site / "index.html", list[Path]()
    while link := re.search(
        r'<a href="([^"]+)" class="md-footer__link md-footer__link--next"', path.read_text("utf-8")
    ):
        seen.append(path)
        path = (path.parent / link[1]).resolve() / "index.html"
        assert path not in seen
    assert len(seen) > 50


def test_nothing_of_a_page_is_fetched_from_elsewhere(pages: dict[Path, Page]) -> None:
    held = {link for page in pages.values() for tag, link in page.links if tag != "a"}
    assert {link for link in held if urlsplit(link).netloc} == set()
    assert held


def test_a_link_to_nowhere_fails_the_build(tmp_path: Path) -> None:
    stage()
    page = STAGED / "glossary.md"
    page.write_text(page.read_text("utf-8") + "\n[Nowhere](no-such-page.md)\n", "utf-8")
    done = build(str(tmp_path))
    stage()
    assert done.returncode == 1
    assert "no-such-page.md" in done.stderr


SEEN = ("li", "ol", "table", "pre", "h2", "h3", "strong", "em", "blockquote")


def test_a_page_shows_what_commonmark_makes_of_it(site: Path) -> None:
    """The repository is read as CommonMark elsewhere; the site's Markdown wants blank lines and deeper indentation."""
    render = MarkdownIt("commonmark").enable("table").render
    different = {}
    for path in sorted(STAGED.rglob("*.md")):
        text = path.read_text("utf-8")
        if "\n::: " in text:
            continue  # most of it is made of docstrings
        name = re.sub(r"(^|/)(index|README)$", r"\1", path.relative_to(STAGED).with_suffix("").as_posix())
        article = re.search(r"<article.*?</article>", (site / name / "index.html").read_text("utf-8"), re.DOTALL)
        assert article, name
        counts = [[len(re.findall(rf"<{tag}[ >]", html)) for tag in SEEN] for html in (render(text), article[0])]
        if counts[0] != counts[1]:
            different[name] = dict(zip(SEEN, zip(*counts, strict=True), strict=True))
    assert different == {}


def test_the_picture_of_a_terminal_is_of_what_commands_print() -> None:
    assert terminal.drawn() == terminal.FILE.read_text("utf-8"), "run `make pictures`"
