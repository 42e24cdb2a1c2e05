"""A program's own files in the format of the first implementation: what they say of keys that are pinned now.

Published files of that time have rows that would send a key to where it is pinned no more. Such a row is disabled,
and a warning says why; the file's other rows hold.
"""

from __future__ import annotations

from inference_providers.credentials import Pins, without_strays
from inference_providers.registry import bundled, merge, modernised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Registry


def modern(
    data: Mapping[str, Any],
    base: Registry | None,
    trust: Mapping[str, Sequence[str]] | None,
    name: str,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """The data of a registry in the first format, in today's, merged into *base* where there is one.

    It has still to be checked, as any other: what is wrong in other ways is left as it is. *name* is for warnings.
    """
    from inference_providers.registry import problems

    made, told = modernised(data, bundled(), base)
    if base is not None:
        made = merge(base.rows, made)
    if not problems(made, known=base.rows if base is not None else None):
        made, strays = without_strays(made, bundled(), Pins(bundled(), trust))
        told += strays
    for line in told:
        warn(f"{name}, a file in the first published format: {line}")
    return made
