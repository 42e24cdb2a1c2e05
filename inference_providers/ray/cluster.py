"""The cluster: found, joined, and what is wrong where it is not. Nothing else imports Ray before this has."""

from __future__ import annotations

import socket
from contextlib import contextmanager

from inference_providers import __version__, installing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WHEEL = "ray.init(runtime_env={'py_modules': ['inference_providers-...-py3-none-any.whl']})"


def load() -> Any:
    """Ray with Ray Data. Raises ImportError with the command that installs it."""
    try:
        import ray
        import ray.data
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
    try:
        ray.init(address=address or "auto", log_to_driver=False, logging_level="warning")
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = f"at {address}" if address else "here (address=, or RAY_ADDRESS)"
        raise ConnectionError(
            f"no cluster of Ray answers {where}: {_first_line(error)}. `ray start --head` starts one; "
            'address="local" takes this machine alone'
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def machines(ray: Any) -> int:
    """How many nodes work."""
    return sum(1 for node in ray.nodes() if node["Alive"]) or 1


def check_version(theirs: str) -> None:
    """Raise RuntimeError where the driver has another version of this package."""
    if theirs != __version__:
        raise RuntimeError(
            f"inference_providers {__version__} is installed on {socket.gethostname()}, and {theirs} in the program that "
            f"has started this batch; install the same one on all machines, or send it along: {WHEEL}"
        )


def told(error: BaseException) -> BaseException:
    """The error that a program can use: what was raised in a worker, without Ray's wrapping."""
    found: BaseException | None = error
    seen: list[BaseException] = []
    while found is not None and found not in seen:
        seen.append(found)
        inner = getattr(found, "cause", None) or found.__cause__
        if not isinstance(inner, BaseException):
            break
        found = inner
    innermost = seen[-1]
    text = str(error)
    if "No module named 'inference_providers" in text:
        return RuntimeError(
            "inference_providers is not installed on a machine of the cluster; install it there, or send it along: "
            + WHEEL
        )
    return innermost


def _first_line(error: BaseException) -> str:
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)
