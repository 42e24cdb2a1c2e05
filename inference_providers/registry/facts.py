"""What is known of one offer: how it is reached, sizes, prices, and what its model can do. Pure.

The registry file has what it can do as letters, to stay small. They are read here, and nowhere else.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from inference_providers.registry.prices import Prices

    Capability = Literal["tools", "vision", "structured_output", "reasoning", "pdf", "audio"]

TOOLS: Capability = "tools"
VISION: Capability = "vision"
STRUCTURED_OUTPUT: Capability = "structured_output"
REASONING: Capability = "reasoning"
PDF: Capability = "pdf"
AUDIO: Capability = "audio"

# Letters in the sixth column of an offer's facts. In upper case: the sources say that it cannot. A
# capability in neither case is unknown. What other upper-case letters refuse, the registry's `parameters` say. A digit
# is that of one of its provider's `routes`.
CAPABILITIES: Mapping[str, Capability] = {
    "t": TOOLS, "v": VISION, "s": STRUCTURED_OUTPUT, "r": REASONING, "f": PDF, "a": AUDIO,
}  # fmt: skip
DOUBTFUL, OTHER_PROTOCOL = "d", "x"
DIGITS = "123456789"

CHAT, RESPONSES, MESSAGES = "chat", "responses", "messages"
TALKS = (CHAT, MESSAGES)  # by which a chat is asked for; the second after its translation
OTHER = "other"  # an API of which it is known only that nobody here speaks it
SPOKEN = (*TALKS, RESPONSES, "embeddings", "images", "speech", "transcription", "rerank", "moderation")

_UNKNOWN = (None,) * 7
_NOTHING: Mapping[str, Any] = {}


class Facts:
    """What is known of one offer: sizes in tokens, prices in USD per million tokens, None where unknown."""

    __slots__ = {  # noqa: RUF023  (in the order in which a person reads them)
        "context_window": "Tokens, or None where unknown.",
        "output_limit": "Tokens, or None where unknown.",
        "input_price": "USD per million tokens, or None where unknown.",
        "output_price": "USD per million tokens, or None where unknown.",
        "cached_input_price": "USD per million tokens, or None where unknown.",
        "more": "Further prices, as in the registry file: see `prices`.",
        "capabilities": "What the sources say that it can do.",
        "lacks": "What the sources say that it cannot do.",
        "is_doubtful": "Whether the model may have ended at this provider.",
        "api": "How it is asked: `chat`, `responses`, `messages`, ...",
        "route": "The digit of the provider's route to it; empty for its usual one.",
        "_letters": "",
    }

    def __init__(
        self, row: Sequence[Any] = (), routes: Mapping[str, Mapping[str, str]] | None = None, usual: str = CHAT
    ) -> None:
        """*row*: as in the registry file, where what is unknown at the end is left out. *routes*: its provider's.

        *usual*: by which API its provider's models are asked without a route.
        """
        (
            self.context_window, self.output_limit, self.input_price, self.output_price, self.cached_input_price,
            letters, more,
        ) = (*row, *_UNKNOWN)[:7]  # fmt: skip
        self.more: Mapping[str, Any] = more or _NOTHING
        self._letters: str = letters or ""
        self.capabilities, self.lacks, self.is_doubtful, self.route = _read(self._letters)
        if self.route:
            self.api = ((routes or _NOTHING).get(self.route) or _NOTHING).get("api") or OTHER
        else:
            self.api = usual

    if TYPE_CHECKING:
        context_window: int | None
        output_limit: int | None
        input_price: float | None
        output_price: float | None
        cached_input_price: float | None

    @property
    def prices(self) -> Prices:
        """All that is known of its prices: by length, service and kind of token."""
        from inference_providers.registry.prices import Prices

        return Prices(self.input_price, self.output_price, self.cached_input_price, self.more)

    @property
    def other_protocol(self) -> bool:
        """Whether it is served by an API only that nothing here speaks."""
        return self.api not in SPOKEN

    def refusals(self, by_letter: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """Names of the parameters that it does not take. *by_letter*: `refused` of the registry's `parameters`."""
        return frozenset(name for letter in self._letters for name in by_letter.get(letter) or ())


@lru_cache(maxsize=1024)  # there are some 600 combinations
def _read(letters: str) -> tuple[frozenset[Capability], frozenset[Capability], bool, str]:
    routes = [letter for letter in letters if letter in DIGITS or letter == OTHER_PROTOCOL]
    return (
        frozenset(name for letter, name in CAPABILITIES.items() if letter in letters),
        frozenset(name for letter, name in CAPABILITIES.items() if letter.upper() in letters),
        DOUBTFUL in letters,
        routes[-1] if routes else "",
    )
