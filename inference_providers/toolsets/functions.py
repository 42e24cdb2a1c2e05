"""Python functions by their address: `module:function`, `path/to/file.py:function`, or the name of a plug-in."""

from __future__ import annotations

import os
import re
import sys

from inference_providers.files import folders
from inference_providers.plugins import TOOLS, objects, said_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

_NAMES = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"


def function_at(address: str, environ: Mapping[str, str]) -> Callable[..., Any]:
    """The function at an address, which runs its module. Raises ValueError, which says what is wrong with the address.

    A module is one of this Python's environment, never one of the folder in which the program was started: whoever
    put a file there would have it run. A file is named by its path.
    """
    if re.fullmatch(r"[\w.-]+", address) and not address.endswith(".py"):
        return _plugin(address, environ)
    place, colon, name = address.rpartition(":")
    is_file = place.endswith(".py")
    if not (colon and re.fullmatch(_NAMES, name) and (is_file or re.fullmatch(_NAMES, place))):
        raise ValueError(f"the tool {address!r} is not an address: give MODULE:FUNCTION, or FILE.py:FUNCTION")
    found: Any = _from_file(place, environ) if is_file else _from_environment(place)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(f"the tool {address!r} is not there: {place} has no function {name}")
    function: Callable[..., Any] = found
    return function


def _plugin(name: str, environ: Mapping[str, str]) -> Callable[..., Any]:
    """The function that a plug-in of this name is. Raises ValueError."""
    found = objects(TOOLS, environ)
    if name not in found:
        known = f"; there is {', '.join(sorted(found))}" if found else ""
        raise ValueError(
            f"no installed package has a tool {name!r}{known}. A function is MODULE:FUNCTION, or FILE.py:FUNCTION"
        )
    function: Callable[..., Any] = found[name]
    return function


def reads_only(function: Callable[..., Any]) -> bool:
    """Whether the author of a function says that it changes nothing: `function.read_only = True`."""
    return getattr(function, "read_only", None) is True


def _from_environment(name: str) -> ModuleType:
    import importlib

    path = list(sys.path)
    sys.path[:] = _installed(path)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name and not name.startswith(f"{error.name}."):
            raise ValueError(f"the module {name} cannot be imported: {said_by(error)}") from None
        beside = f"{name.replace('.', os.sep)}.py"
        hint = f"; a file of this folder is named by its path: ./{beside}:FUNCTION" if os.path.exists(beside) else ""
        raise ValueError(f"there is no module {name} in the environment of {sys.executable}{hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever a module does when it is run)
        raise ValueError(f"the module {name} cannot be imported: {said_by(error)}") from None
    finally:
        sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]


def _installed(path: list[str]) -> list[str]:
    """Where modules are looked for, without the folder that `python -m` and `python -c` put before all others."""
    if path and not sys.flags.safe_path and path[0] in ("", os.getcwd()):
        path = path[1:]
    return [entry for entry in path if entry]


def _from_file(path: str, environ: Mapping[str, str]) -> ModuleType:
    import importlib.util

    path = os.path.abspath(folders.expanded(path, environ))
    name = "tools_of_" + re.sub(r"\W", "_", path)
    if name in sys.modules:  # one module for several functions of a file
        return sys.modules[name]
    if not os.path.isfile(path):
        raise ValueError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever a module does when it is run)
        del sys.modules[name]
        raise ValueError(f"{path} cannot be imported: {said_by(error)}") from None
    return module
