"""Files of the repository that are not tidy: `python tests/tidy.py` names them. Needs git, and nothing but Python.

Text ends with one line end and holds no carriage return; no file is larger than 1.6 MB.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LARGEST = 1_600_000  # bytes
RECORDED = "tests/data/"  # what other programs print, as they print it


def problem(name: str, content: bytes) -> str:
    """What is wrong with a file; empty if nothing is."""
    if len(content) > LARGEST:
        return f"has {len(content):,} bytes; {LARGEST:,} are the most"
    if b"\0" in content or name.startswith(RECORDED):
        return ""
    if b"\r" in content:
        return "has carriage returns"
    if content and (not content.endswith(b"\n") or content.endswith(b"\n\n")):
        return "must end with one line end"
    return ""


def problems() -> list[str]:
    """All of them, one line each, for the files that git knows or would add."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    found = []
    for name in sorted(filter(None, told.stdout.decode().split("\0"))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and (wrong := problem(name, path.read_bytes())):
            found.append(f"{name} {wrong}")
    return found


if __name__ == "__main__":
    found = problems()
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.exit(bool(found))
