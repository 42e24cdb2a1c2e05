"""Names of models that belong to parts of the world: how near each is to the user. Pure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


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
