"""The site of README and docs: `python -m tools.pages` builds it into build/site; another folder may be given.

MkDocs takes pages from one folder and has no page for a file outside of it, so docs/ is laid out in build/pages first,
with the pages of the project beside it. A link to any other file of the repository becomes the file's address.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
STAGED, BUILT = ROOT / "build" / "pages", ROOT / "build" / "site"
PROJECT = {
    "CHANGELOG.md": "project/changelog.md",
    "CODE_OF_CONDUCT.md": "project/conduct.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "project/security.md",
}
_FENCE = re.compile(r"(^ *```.*?^ *```)", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"(?<![\w/])docs/([a-z-]+)\.md\b")  # a page that a docstring names
_FILE = re.compile(r"\[[\w/-]+\.md\](\(([\w./-]+\.md)[^)\s]*\))")  # a link that reads as the name of its file
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)")


def source_address(path: str) -> str:
    """Where a file or folder of the repository can be seen, by its path there."""
    metadata = configparser.RawConfigParser()
    metadata.read(ROOT / "setup.cfg", "utf-8")
    urls = dict(line.split(" = ") for line in metadata["metadata"]["project_urls"].strip().splitlines())
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{urls['Source']}/{kind}/main/{path}"


def rewritten(text: str, change: Callable[[str], str]) -> str:
    """Markdown with *change* applied to the target of each link that leads to a file; code blocks stay as they are."""
    parts = _FENCE.split(text)
    parts[::2] = [_LINK.sub(lambda match: change(match[1]), part) for part in parts[::2]]
    return "".join(parts)


def placed(path: Path) -> str:
    """Where a file of the repository is in the site's folder; empty if it is not part of the site."""
    name = path.relative_to(ROOT).as_posix()
    if name == "docs/index.md":
        return "contents.md"  # the site begins with README
    if name.startswith("docs/") and path.is_file() and path.suffix != ".py":
        return name.removeprefix("docs/")
    return PROJECT.get(name, "")


def staged(path: Path) -> str:
    """A page as the site's folder has it."""
    here = Path(placed(path)).parent

    def change(target: str) -> str:
        aim = Path(os.path.normpath(path.parent / target))
        if within := placed(aim):
            return Path(os.path.relpath(within, here)).as_posix()
        return source_address(aim.relative_to(ROOT).as_posix()) if aim.exists() else target

    def titled(match: re.Match[str]) -> str:
        aim = path.parent / match[2]
        title = aim.read_text("utf-8").partition("\n")[0].removeprefix("# ") if aim.is_file() else match[2]
        return f"[{title}]{match[1]}"

    return rewritten(_FILE.sub(titled, path.read_text("utf-8")), change)


def stage() -> None:
    """Lay out the site's folder anew."""
    shutil.rmtree(STAGED, ignore_errors=True)
    files = [path for path in sorted((ROOT / "docs").rglob("*")) if "__pycache__" not in path.parts]
    for path in [*files, *(ROOT / name for name in PROJECT)]:
        if path.is_file() and (name := placed(path)):
            (STAGED / name).parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".md":
                (STAGED / name).write_text(staged(path), "utf-8")
            else:
                shutil.copyfile(path, STAGED / name)


def build(folder: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run MkDocs over what is laid out. A warning is an error, if MkDocs is not told to be quiet about it."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    command += ["--site-dir", os.path.abspath(folder)] if folder else []
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    for page in Path(folder or BUILT).glob("reference/*/index.html"):
        page.write_text(_NAMED.sub(r'<a href="../../\1/">\1</a>', page.read_text("utf-8")), "utf-8")
    return done


def main(folder: str | None = None) -> int:
    """Lay out the site's folder, and build the site into *folder*."""
    stage()
    done = build(folder)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
