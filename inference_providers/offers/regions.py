"""Names of models that belong to parts of the world: how near each is to the user. Pure."""

from __future__ import annotations

import re

from inference_providers.errors import UnknownModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def nearness(prefixes: Mapping[str, str], region: str, name: str, *, apart: bool) -> int:
    """How near a name's models are to a region: 0 in it, 1 in its part of the world, 2 anywhere.

    3: for no region in particular; 4: elsewhere. *prefixes*: of names, each with a pattern for its regions. *apart*:
    such a name is asked for at the region's own address.
    """
    prefix = next((one for one in prefixes if name.startswith(one)), None)
    if prefix is None or not region:
        return 0 if apart else 3
    if re.fullmatch(prefixes[prefix], region) is None:
        return 4
    return 2 if prefixes[prefix] == ".*" else 1


def without_region(connection: Mapping[str, Any], region: str, name: str) -> str:
    """A model's name without the region that other tools write before it, which must be the user's *region*.

    Raises UnknownModelError where it is another: what is to stay in one part of the world is asked in no other.
    """
    variable = connection["regions"]["variable"]
    pattern = ((connection.get("variables") or {}).get(variable) or {}).get("pattern") or r"(?!)"
    *heads, last = name.split("/")
    named = next((head for head in heads if re.fullmatch(pattern, head)), "")
    if named and named != region:
        where = f"it is asked in {region}" if region else "no region is set"
        raise UnknownModelError(
            f"{name[:100]!r} is to be asked in {named}, and {where}. Nobody is asked. Set {variable}={named}."
        )
    return "/".join([*(head for head in heads if head != named), last])
