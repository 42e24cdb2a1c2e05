"""Engines on this machine: whether they are installed, and what they get of the environment."""

from __future__ import annotations

import os
import sys

from inference_providers.servers.engine_environment import passed_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.servers.records import LaunchRecipe


def installed(recipe: LaunchRecipe, environ: Mapping[str, str]) -> bool:
    """Whether a recipe's program is on the PATH or beside this Python, and its module is there; nothing is imported."""
    if "program" in recipe and program(recipe["program"], environ) is None:
        return False
    top, _, rest = recipe.get("module", "").partition(".")
    if not top:
        return True
    from importlib.util import find_spec

    spec = find_spec(top)
    if spec is None or not rest:
        return spec is not None
    paths = [os.path.join(folder, *rest.split(".")) for folder in spec.submodule_search_locations or ()]
    return any(os.path.isdir(path) or os.path.exists(f"{path}.py") for path in paths)


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
