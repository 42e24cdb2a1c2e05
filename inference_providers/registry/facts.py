"""What is known of one offer: sizes, prices, and what its model can do. Pure.

The registry file has what it can do as letters, to stay small. They are read here, and nowhere else.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    Capability = Literal["tools", "vision", "structured_output", "reasoning"]

TOOLS: Capability = "tools"
VISION: Capability = "vision"
STRUCTURED_OUTPUT: Capability = "structured_output"
REASONING: Capability = "reasoning"

# Letters in the last column of an offer's facts. In upper case: the sources say that it cannot. A
# capability in neither case is unknown. What other upper-case letters refuse, the registry's `parameters` say.
CAPABILITIES: Mapping[str, Capability] = {"t": TOOLS, "v": VISION, "s": STRUCTURED_OUTPUT, "r": REASONING}
DOUBTFUL, OTHER_PROTOCOL = "d", "x"

_UNKNOWN = (None,) * 6


class Facts:
    """What is known of one offer: sizes in tokens, prices in USD per million tokens, None where unknown."""

    __slots__ = {  # noqa: RUF023  (in the order in which a person reads them)
        "context_window": "Tokens, or None where unknown.",
        "output_limit": "Tokens, or None where unknown.",
        "input_price": "USD per million tokens, or None where unknown.",
        "output_price": "USD per million tokens, or None where unknown.",
        "cached_input_price": "USD per million tokens, or None where unknown.",
        "capabilities": "What the sources say that it can do.",
        "lacks": "What the sources say that it cannot do.",
        "is_doubtful": "Whether the model may have ended at this provider: a newer list lacks it.",
        "other_protocol": "Whether it is served by another protocol only.",
        "_letters": "",
    }

    def __init__(self, row: Sequence[Any] = ()) -> None:
        """*row*: as in the registry file, where what is unknown at the end is left out."""
        context_window, output_limit, input_price, output_price, cached_input_price, letters = (*row, *_UNKNOWN)[:6]
        self.context_window: int | None = context_window
        self.output_limit: int | None = output_limit
        self.input_price: float | None = input_price
        self.output_price: float | None = output_price
        self.cached_input_price: float | None = cached_input_price
        self._letters: str = letters or ""
        self.capabilities, self.lacks, self.is_doubtful, self.other_protocol = _read(self._letters)

    def refusals(self, by_letter: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """Names of the parameters that it does not take. *by_letter*: `refused` of the registry's `parameters`."""
        return frozenset(name for letter in self._letters for name in by_letter.get(letter) or ())


@lru_cache(maxsize=1024)  # there are some 150 combinations
def _read(letters: str) -> tuple[frozenset[Capability], frozenset[Capability], bool, bool]:
    return (
        frozenset(name for letter, name in CAPABILITIES.items() if letter in letters),
        frozenset(name for letter, name in CAPABILITIES.items() if letter.upper() in letters),
        DOUBTFUL in letters,
        OTHER_PROTOCOL in letters,
    )
