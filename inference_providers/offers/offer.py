"""Candidates: offers with their credential and base URL, in the order in which they are tried.

Pure: a registry, an environment and a policy in, offers out. `Offer.reason`: why one is not a candidate; else empty.
"""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.offers.access import BY_HAND
from inference_providers.registry import DOUBTFUL, FEATURES, OTHER_PROTOCOL, Facts
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Protocol

    from inference_providers.chat import Rules
    from inference_providers.credentials import Address
    from inference_providers.offers.access import Access

    class Shuffles(Protocol):
        """What `choose_randomly` needs: `random.Random` has it."""

        def shuffle(self, x: list[Any]) -> None:
            """Shuffle in place."""


class Offer(credentials.Secretive):
    """A provider serving a model under an internal name.

    Unpacks as `(provider, endpoint, canonical_name, internal_name, api_key)`. The key
    is never shown by repr or str, and an offer cannot be pickled.
    """

    __slots__ = ("_access", "_facts", "canonical_name", "internal_name", "named", "place")

    def __init__(self, access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> None:
        self._access = access
        self.canonical_name = canonical_name
        self.internal_name = internal_name
        self.named = named  # the user named this provider
        self._facts: Facts | None = None
        self.place = (access.place, internal_name)  # what may be well or ill, whoever asks

    def __iter__(self) -> Iterator[Any]:
        return iter((self.provider, self.endpoint, self.canonical_name, self.internal_name, self.api_key))

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        return tuple(self)[index]

    def __repr__(self) -> str:
        state = "" if not self.reason else f" ({self.reason})"
        return in_line(f"<Offer {self.provider}/{self.internal_name} of {self.canonical_name}{state}>")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Offer) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self.place)

    def called(self, internal_name: str) -> Offer:
        """The same provider's offer under another of its names."""
        if internal_name == self.internal_name:
            return self
        return Offer(self._access, self.canonical_name, internal_name, named=self.named)

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self._access.provider.id

    @property
    def provider_name(self) -> str:
        """The provider's name, as people know it."""
        return self._access.provider.name

    @property
    def endpoint(self) -> str:
        """Base URL for an OpenAI client; empty when it cannot be built."""
        return self._access.endpoint or ""

    @property
    def api_key(self) -> str | None:
        """The key, or None without one."""
        return self._access.credential.key if self._access.credential else None

    @property
    def variable(self) -> str | None:
        """The environment variable that holds the key."""
        return self._access.credential.variable if self._access.credential else None

    @property
    def key_source(self) -> str:
        """Where the key is, for messages: `in VARIABLE`, or what the program gave by hand; empty without one."""
        if self.variable is None:
            return ""
        return BY_HAND if self._access.by_hand == self.variable else f"in {self.variable}"

    @property
    def connection(self) -> Mapping[str, Any]:
        """The provider's connection row of the registry."""
        return self._access.provider.connection

    @property
    def rules(self) -> Rules:
        """What it makes of generation parameters."""
        return self._access.rules(self.facts.flags)

    def forbids(self, address: Address) -> str:
        """Why a request with this offer's key must not go to *address*; empty where it may."""
        return self._access.forbids(address)

    def lacks(self, feature: str) -> bool:
        """Whether the sources say that it cannot do *feature*, one of FEATURES; False where nobody knows."""
        return _LACKING[feature] in self.facts.flags

    @property
    def headers(self) -> Mapping[str, str]:
        """Further headers that this provider gets: header -> value."""
        return self._access.headers

    @property
    def local(self) -> bool:
        """Whether this is a server on this machine."""
        return self._access.provider.local is not None

    @property
    def awake(self) -> bool:
        """Whether it can be asked as it is; else `wake` comes first."""
        server = self._access.server
        return server is None or (server.awake and bool(server.endpoint))

    @property
    def launchable(self) -> bool:
        """Whether this is a server that this package launches, running or not."""
        return self._access.server is not None

    @property
    def fits(self) -> bool:
        """Whether its server is made for such a model, installed or not."""
        server = self._access.server
        return server is None or server.fits

    @property
    def wished(self) -> bool:
        """Whether it is the engine that its model's entry names."""
        server = self._access.server
        return server is not None and server.wished

    def wake(self, limit: float) -> None:
        """Have the server running, if it is one that this package launches. Raises LocalServerError."""
        if self._access.server is not None:
            self._access.server.wake(limit)
            self._access.moved()

    async def wake_async(self, limit: float) -> None:
        """`wake` for asyncio."""
        if self._access.server is not None:
            await self._access.server.wake_async(limit)
            self._access.moved()

    @property
    def peer_check(self) -> Callable[[int], str] | None:
        """What says, for the client's port of a new connection, why nothing may be sent, if so; None: no check."""
        return None if self._access.server is None else self._access.server.stranger

    @property
    def reason(self) -> str:
        """Why this offer is no candidate; empty when it is one."""
        if OTHER_PROTOCOL in self.facts.flags:
            return "this model is served by another protocol only"
        if self._access.opt_in and not self.named:
            return f"{self.variable} is a general-purpose token; name the provider or allow it"
        return self._access.reason

    @property
    def usable(self) -> bool:
        """Whether it can be tried now."""
        return not self.reason

    @property
    def doubtful(self) -> bool:
        """The model may have ended at this provider: a newer list lacks it."""
        return DOUBTFUL in self.facts.flags

    @property
    def facts(self) -> Facts:
        """Sizes, prices and flags, as in the registry."""
        if self._facts is None:
            self._facts = self._access.provider.facts(self.internal_name)
        return self._facts

    @property
    def context_window(self) -> int | None:
        """Tokens, or None where unknown."""
        return self.facts.context_window

    @property
    def output_limit(self) -> int | None:
        """Tokens, or None where unknown."""
        return self.facts.output_limit

    @property
    def input_price(self) -> float | None:
        """USD per million tokens, or None where unknown."""
        return self.facts.input_price

    @property
    def output_price(self) -> float | None:
        """USD per million tokens, or None where unknown."""
        return self.facts.output_price

    @property
    def cached_input_price(self) -> float | None:
        """USD per million tokens, or None where unknown."""
        return self.facts.cached_input_price

    @property
    def features(self) -> frozenset[str]:
        """Of `tools`, `vision`, `structured_output`, `reasoning`: those the sources know of."""
        return frozenset(FEATURES[letter] for letter in self.facts.flags if letter in FEATURES)


_LACKING = {feature: letter.upper() for letter, feature in FEATURES.items()}
