"""Builds with the content of data files that are symbolic links, also from a clone without them. Else see setup.cfg."""

from __future__ import annotations

import os
import sys
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


setup(cmdclass={"build_py": Build, "sdist": Source})
