"""One provider's row of the registry, and what is known of its offers. Pure."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# Letters in the last column of an offer's facts. In upper case: the sources say that it cannot. A
# feature in neither case is unknown. What other upper-case letters refuse, the registry's `parameters` say.
FEATURES = {"t": "tools", "v": "vision", "s": "structured_output", "r": "reasoning"}
DOUBTFUL, OTHER_PROTOCOL = "d", "x"
OPENAI_PROTOCOL = "openai"


class Facts:
    """What is known of one offer: sizes in tokens, prices in USD per million tokens, None where unknown."""

    __slots__ = ("cached_input_price", "context_window", "flags", "input_price", "output_limit", "output_price")

    def __init__(self, row: list[Any] | None = None) -> None:
        padded = [*(row or ()), None, None, None, None, None, None]
        self.context_window: int | None = padded[0]
        self.output_limit: int | None = padded[1]
        self.input_price: float | None = padded[2]
        self.output_price: float | None = padded[3]
        self.cached_input_price: float | None = padded[4]
        self.flags: str = padded[5] or ""


class Provider:
    """One provider's row: a thin view over the data, which stays as loaded."""

    __slots__ = ("_facts", "data", "id")

    def __init__(self, provider_id: str, data: Mapping[str, Any], facts: bytes | Provider | None = None) -> None:
        """*facts*: those that the row lacks, as JSON text, or a provider that has them."""
        self.id, self.data = provider_id, data
        self._facts: Any = facts  # text at first: most programs look at a few offers only

    @property
    def name(self) -> str:
        """The name people know it by."""
        return str(self.data.get("name", self.id))

    @property
    def connection(self) -> Mapping[str, Any]:
        """How to reach it: protocol, endpoint, key variables."""
        return self.data.get("connection") or {}

    @property
    def endpoint(self) -> str:
        """Base URL of its OpenAI-compatible API; may hold `${VARIABLE}`; empty if it has none."""
        return self.connection.get("endpoint") or ""

    @property
    def protocol(self) -> str:
        """`openai` where an OpenAI client works."""
        return self.connection.get("protocol") or OPENAI_PROTOCOL

    @property
    def key_variables(self) -> list[str]:
        """Environment variables that may hold its key, preferred first."""
        keys = self.connection.get("api_key") or []
        return [keys] if isinstance(keys, str) else list(keys)

    @property
    def local(self) -> Mapping[str, Any] | None:
        """Set for servers on this machine: how to find and recognise them."""
        found = self.connection.get("local")
        return {} if found is True else found or None

    def opt_in(self, variable: str | None) -> bool:
        """Whether *variable* is a general-purpose token, used only when the provider is named or allowed."""
        flag = self.connection.get("opt_in", False)
        return variable in flag if isinstance(flag, list) else bool(flag)

    def internal_names(self, canonical: str) -> list[str]:
        """Its names for a canonical model, the preferred one first."""
        main = (self.data.get("model_names") or {}).get(canonical)
        found: list[str] = [main] if main else []
        more = self.data.get("more_names")
        if more and canonical in more.values():  # rare: most providers have one name for a model
            found += [name for name, owner in more.items() if owner == canonical]
        return found

    def canonical_of(self, internal_name: str) -> str | None:
        """The canonical name that this provider lists for one of its internal names."""
        more: str | None = (self.data.get("more_names") or {}).get(internal_name)
        if more:
            return more
        return next((c for c, i in (self.data.get("model_names") or {}).items() if i == internal_name), None)

    def facts(self, internal_name: str) -> Facts:
        """Facts about one of its offers."""
        return Facts(self.all_facts.get(internal_name))

    @property
    def all_facts(self) -> Mapping[str, list[Any]]:
        """Facts about all of its offers, by internal name."""
        if isinstance(self._facts, bytes):
            self._facts = json.loads(self._facts)
        elif isinstance(self._facts, Provider):
            return self._facts.all_facts  # read once for all registries that have them
        return self._facts or self.data.get("facts") or {}

    @property
    def has_late_facts(self) -> bool:
        """Whether its row lacks facts that are known all the same."""
        return bool(self._facts)

    @property
    def whole(self) -> Mapping[str, Any]:
        """Its row, facts included."""
        return {**self.data, "facts": dict(self.all_facts)} if self._facts and self.all_facts else self.data
