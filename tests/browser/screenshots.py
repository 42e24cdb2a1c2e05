"""The pictures of the docs, and of all pages for whoever works on them: `python -m tests.browser.screenshots`.

The data, the clock and the address are the same each time, so the pictures are alike as long as the pages are.

    --all FOLDER   every page in three widths and both schemes, into a folder of yours
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser import scene
from tests.browser.browser import SCHEMES, WIDTHS, launched
from tests.browser.pages import PAGES, Ready, sign_in
from tests.browser.provider import Scene
from tests.conftest import ROOT
from tests.running import Running

FOLDER = ROOT / "docs" / "pictures"
NOW = 1_795_705_200  # 2026-11-26 15:00 UTC, a Thursday
PORT, PROVIDERS_PORT = 8484, 8455  # which the pages show
SHOWN = {  # picture -> page, width, scheme
    "costs": ("costs-month", 1280, "light"),
    "phone": ("costs-month", 360, "dark"),
    "callers": ("callers", 1280, "light"),
    "playground": ("playground", 1280, "light"),
    "programs": ("programs", 1280, "light"),
}


@contextmanager
def gateway() -> Iterator[Running]:
    """A gateway over the scene, at another time."""
    with tempfile.TemporaryDirectory() as folder, Scene(PROVIDERS_PORT) as provider:
        home = Path(folder)
        scene.fill(home, NOW)
        running = scene.serving(home, provider.url, port=PORT, module="tests.browser.clock", more={"CLOCK": str(NOW)})
        try:
            yield running
        finally:
            running.stop()


def pictured(browser: Any, url: str, page: str, width: int, scheme: str, file: Path, *, whole: bool) -> None:
    """One picture. *whole*: of all of the page, else of what a window shows of it."""
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce",
        locale="en-US", timezone_id="UTC",
    )  # fmt: skip
    shown = context.new_page()
    shown.clock.install(time=NOW)
    ready: Ready = PAGES[page]
    if page != "login":
        sign_in(shown)
    ready(shown)
    shown.mouse.move(0, 0)
    shown.screenshot(path=file, full_page=whole, animations="disabled", caret="hide")
    context.close()


def main() -> None:
    """Make them."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--all", type=Path, metavar="FOLDER", help="every page, in all widths and schemes")
    reader.add_argument("--page", action="append", choices=sorted(PAGES), help="this page only; repeatable")
    given = reader.parse_args()
    wanted = {
        f"{page}-{width}-{scheme}": (page, width, scheme) for page in PAGES for width in WIDTHS for scheme in SCHEMES
    } if given.all else SHOWN  # fmt: skip
    folder = given.all or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _check_free(PORT, PROVIDERS_PORT)
    with gateway() as running, launched() as browser:
        url = f"http://127.0.0.1:{running.port}"
        for name, (page, width, scheme) in wanted.items():
            if not given.page or page in given.page:
                pictured(browser, url, page, width, scheme, folder / f"{name}.png", whole=bool(given.all))
                if not given.all:
                    compress(folder / f"{name}.png")
                print(folder / f"{name}.png")


def _check_free(*ports: int) -> None:
    """End the program where somebody else listens at one of them."""
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            sys.exit(f"port {port} is needed, since the pages show it: {error.strerror}")


def compress(file: Path) -> None:
    """Make a picture of a page smaller: it has few colours."""
    from PIL import Image

    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(file, optimize=True)


if __name__ == "__main__":
    main()
