"""Cells of a table that a spreadsheet would run: how they begin, and what stops it.

After OWASP's page on CSV injection.
"""

from __future__ import annotations

import re

KEEP, ESCAPE = "keep", "escape"
_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"  # the latter in full width, as Chinese and Japanese text has them
_LEADS = re.compile("[\\s\"'\x00-\x1f\x7f\u00ad\u200b-\u200f\u2060\ufeff]*")  # what a spreadsheet may pass over
_NUMBER = re.compile(
    r"[+-]?(?=[.,]?[0-9])[0-9]*(?:[.,' \u00a0\u202f][0-9]{3})*(?:[.,][0-9]*)?(?:[eE][+-]?[0-9]+)?\s?%?"
)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula. A number with a sign is not one."""
    lead = _LEADS.match(cell)
    assert lead is not None  # it may be empty
    starts = cell[lead.end() : lead.end() + 1]
    if not (starts and starts in _STARTS) and not any(mark in lead[0] for mark in "\t\r"):
        return False
    return not _NUMBER.fullmatch(cell.strip())


def escaped(cell: str) -> str:
    """A cell as text: an apostrophe before it. Only for a formula."""
    return f"'{cell}"
