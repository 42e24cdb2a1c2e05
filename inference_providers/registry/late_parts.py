"""Cuts what most programs never ask for out of the bundled file's text, half of it, to be parsed when it is asked for.

The importer lays the file out so: each provider's facts on a line of their own, last in its row, then models, then
kinds. A file that is laid out in another way is parsed as a whole.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FACTS, _ROW = b'\n"facts":', b'":{\n'  # where a provider's facts begin, and where its row does
_SECTIONS, _END = ("models", "kinds"), b"\n}\n},\n"  # in their order, and how the last row of each ends it


def cut(text: bytes) -> tuple[bytes, dict[str, bytes], dict[str, bytes]]:
    """The text without facts and late sections; facts by provider; the sections' texts, empty where there are none."""
    kept, facts = [], {}
    late = dict.fromkeys(_SECTIONS, b"")
    start = 0  # of what is kept next
    while (end := text.find(_FACTS, start)) >= 0:
        row = text.rfind(_ROW, start, end)
        pid = text[text.rfind(b"\n", 0, row) + 2 : row].decode()
        kept.append(text[start : end - 1])  # without the comma
        start = text.index(b"\n", end + 1)
        facts[pid] = text[end + len(_FACTS) : start]
    for name in _SECTIONS:
        mark = f'\n"{name}":'.encode()
        begins = text.find(mark, max(start - 1, 0))  # its line may be the next
        ends = text.find(_END + b'"', begins)
        if 0 <= begins < ends:
            late[name] = text[begins + len(mark) : ends + len(_END) - 2]
            kept.append(text[start : begins + 1])
            start = ends + len(_END)
    kept.append(text[start:])
    return b"".join(kept), facts, late


def row_of(models: bytes, canonical: str) -> Mapping[str, Any]:
    """A model's row, out of the text of all."""
    start = models.find(b"\n" + json.dumps(canonical, ensure_ascii=False).encode("utf-8", "surrogatepass") + b":{\n")
    if start < 0:
        return {}
    row: dict[str, Any] = json.loads(models[models.index(b"{", start) : models.index(b"\n}", start) + 2])
    return row
