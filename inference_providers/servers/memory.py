"""What this machine has free: memory for a model."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIMITS = (  # what a container may use, and what it uses: cgroups of version 2, then 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory(limits: Iterable[tuple[str, str]] = _LIMITS) -> int:
    """Bytes of main memory that a new program can have, within the limit of a container where there is one."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for most, used in limits:
        limit, taken = _number(most), _number(used)
        if limit is not None and taken is not None:
            return max(0, min(free, limit - taken + _cache(used)))
    return free


def _cache(used: str) -> int:
    """Bytes of files that a container keeps in memory, and gives up when they are needed."""
    try:
        with open(os.path.join(os.path.dirname(used), "memory.stat"), encoding="ascii") as file:
            rows = dict(line.split() for line in file)
        return int(rows.get("total_inactive_file") or rows.get("inactive_file") or 0)
    except (OSError, ValueError):
        return 0


def gpu_memory(environ: Mapping[str, str]) -> list[int]:
    """Free bytes of each NVIDIA GPU, as `nvidia-smi` says; empty where there is none."""
    import subprocess

    from inference_providers.servers import engines

    program = engines.program("nvidia-smi", environ)
    if program is None:
        return []
    command = [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True, env=engines.environment(environ)
        ).stdout
        return [int(line) * 1024 * 1024 for line in output.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def available(kinds: Iterable[str], environ: Mapping[str, str], gpus: int = 1) -> tuple[int, str]:
    """Bytes that an engine can have, and of what, for a person.

    *kinds*: `main`, `gpu` or both; without a GPU it is main memory. *gpus*: how many it uses, the emptiest first.
    """
    on_gpus = sorted(gpu_memory(environ), reverse=True) if "gpu" in kinds else []
    if not on_gpus:
        return free_memory(), "memory"
    free = sum(on_gpus[:gpus])
    return (free + free_memory(), "memory, that of the GPU included,") if "main" in kinds else (free, "GPU memory")


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # not there, or `max`
        return None


def sized(count: float) -> str:
    """Bytes for a person: `4.7 GiB`."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
