"""The cluster: found, joined, and what is wrong where it is not. Nothing else imports Ray before this has."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import contextmanager

from inference_providers import __version__, installing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WHEEL = "ray.init(runtime_env={'py_modules': ['inference_providers-...-py3-none-any.whl']})"
_PATIENCE = 10.0  # seconds for a connection


def load() -> Any:
    """Ray with Ray Data. Raises ImportError with the command that installs it."""
    try:
        import ray
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(f"batches on a cluster need Ray with Ray Data ({error}): {installing.RAY}") from None
    return ray


@contextmanager
def joined(address: str | None) -> Iterator[Any]:
    """Ray, connected: as the program has done it, else to *address*, and then until the end of this.

    address: as in `ray.init`; default: RAY_ADDRESS, or the cluster of this machine. Raises ConnectionError.
    """
    ray = load()
    if ray.is_initialized():
        yield ray
        return
    named = address or os.environ.get("RAY_ADDRESS")  # which Ray reads itself, whatever environment a list has
    try:
        _knock(named)
        ray.init(address=address or "auto", log_to_driver=False, logging_level="warning")
    except (OSError, ValueError, RuntimeError) as error:
        where = f"at {named}" if named else "here (address=, or RAY_ADDRESS)"
        raise ConnectionError(
            f"no cluster of Ray answers {where}: {_first_line(error)}. `ray start --head` starts one; "
            'address="local" takes this machine alone'
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def quiet(ray: Any) -> Iterator[None]:
    """Ray Data without its bars and plans: a batch tells how far it is itself."""
    logger = logging.getLogger("ray.data")
    level, context = logger.level, ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    logger.setLevel(logging.CRITICAL + 1)  # what fails is raised as well
    try:
        with ray.data.DataContext.current(context):
            yield
    finally:
        logger.setLevel(level)


def machines(ray: Any) -> int:
    """How many nodes work."""
    return sum(1 for node in ray.nodes() if node["Alive"]) or 1


def check_version(theirs: str) -> None:
    """Raise RuntimeError where the driver has another version of this package."""
    if theirs != __version__:
        here = socket.gethostname()
        raise RuntimeError(
            f"inference_providers {__version__} is installed on {here}, and {theirs} in the program that "
            f"has started this batch; install the same one on all machines, or send it along: {WHEEL}"
        )


def check_room(ray: Any, memory: int) -> None:
    """Raise RuntimeError where no machine has as much memory as an actor claims: Ray would wait for one for ever."""
    nodes = [node["Resources"].get("memory", 0) for node in ray.nodes() if node["Alive"]]
    if nodes and max(nodes) < memory:
        raise RuntimeError(
            f"an actor needs {memory // 2**20} MiB, and the largest machine of the cluster gives Ray "
            f"{int(max(nodes)) // 2**20}; `ray start --memory=...` says how much it may use"
        )


def told(error: BaseException) -> BaseException:
    """An error of Ray's, with advice where it says that this package is missing on a node."""
    if "No module named 'inference_providers" not in str(error):
        return error
    return RuntimeError(
        f"inference_providers is not installed on a machine of the cluster; install it there, or send it along: {WHEEL}"
    )


def _knock(address: str | None) -> None:
    """Raise OSError where nobody listens: Ray itself tries for minutes."""
    host, _, port = (address or "").rpartition("/")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()


def _first_line(error: BaseException) -> str:
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)
