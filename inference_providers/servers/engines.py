"""Engines on this machine: whether they are installed, and what they get of the environment."""

from __future__ import annotations

import os
import sys

from inference_providers.servers.engine_environment import passed_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def installed(way: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether a way's program is on the PATH (or beside this Python), or its module is there. Nothing is imported."""
    if "program" in way and program(way["program"], environ) is None:
        return False
    top, _, rest = way.get("module", "").partition(".")
    if not top:
        return True
    from importlib.util import find_spec

    found = find_spec(top)
    if found is None or not rest:
        return found is not None
    places = [os.path.join(place, *rest.split(".")) for place in found.submodule_search_locations or ()]
    return any(os.path.isdir(place) or os.path.exists(f"{place}.py") for place in places)


def program(name: str, environ: Mapping[str, str]) -> str | None:
    """The path of a program, or None."""
    import shutil

    beside = os.path.dirname(sys.executable)  # a virtual environment that is used without being activated
    return shutil.which(name, path=os.pathsep.join([environ.get("PATH") or os.defpath, beside]))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What an engine gets of the environment: where things are, and its own settings; see `passed_on`.

    What *environ* lacks it lacks: `HOME`, for one, is then the system's for this user, and `TMPDIR` is `/tmp`. A
    process can do without each but `PATH`, which is the system's usual one where none is given: engines call
    compilers and tools by name.
    """
    path = os.pathsep.join([environ.get("PATH") or os.defpath, os.path.dirname(sys.executable)])
    return {**passed_on(environ), "PATH": path, "PYTHONUNBUFFERED": "1"}
