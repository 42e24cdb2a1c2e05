"""Builds with the content of data files that are symbolic links, also from a clone without them; and with a README
whose links lead somewhere on the page of a package index as well. Else see setup.cfg.
"""

from __future__ import annotations

import os
import re
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from inference_providers.registry.registry import linked


class Build(build_py):
    """Copies into a wheel what a link's text stands for."""

    def copy_file(self, infile: Any, outfile: Any, *args: Any, **kwargs: Any) -> Any:
        return super().copy_file(linked(infile), outfile, *args, **kwargs)


class Source(sdist):
    """Copies into a source distribution what a link's text stands for."""

    def copy_file(self, infile: Any, outfile: Any, *args: Any, **kwargs: Any) -> Any:
        return super().copy_file(linked(infile), outfile, *args, **kwargs)


def description() -> str:
    """README with addresses in place of paths: a package's page has no files beside it."""
    root = Path(__file__).parent
    settings = RawConfigParser()
    settings.read(root / "setup.cfg", "utf-8")
    (source,) = re.findall(r"^Source = (\S+)$", settings["metadata"]["project_urls"], re.MULTILINE)

    def absolute(found: re.Match[str]) -> str:
        return f"{found[1]}{source}/{'raw' if found[1].startswith('!') else 'blob'}/main/{found[2]}"

    return re.sub(r"(!?\[[^\]]*\]\()(?!https?://|#)([^)\s]+)", absolute, (root / "README.md").read_text("utf-8"))


setup(cmdclass={"build_py": Build, "sdist": Source}, long_description=description())
