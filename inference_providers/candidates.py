"""Candidates: offers with their credential and base URL, in the order in which they are tried.

Pure: a registry, an environment and a policy in, offers out. `Offer.reason`: why one is not a candidate; else empty.
"""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.display import in_line
from inference_providers.registry import DOUBTFUL, FEATURES, OPENAI_PROTOCOL, OTHER_PROTOCOL, Facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.credentials import Address, Pins
    from inference_providers.local_server import LocalServer
    from inference_providers.parameters import Rules
    from inference_providers.registry import Provider, Registry

    class Shuffles(Protocol):
        """What `choose_randomly` needs: `random.Random` has it."""

        def shuffle(self, x: list[Any]) -> None:
            """Shuffle in place."""


BY_HAND = "the api_key given"  # where a key is from that no variable holds


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


class Access(credentials.Secretive):
    """How one provider can be reached now: endpoint and credential, or the reason why not."""

    __slots__ = (
        "_general", "_pins", "_rules", "_seen", "by_hand", "credential", "endpoint", "headers", "opt_in", "place",
        "provider", "reason", "server",
    )  # fmt: skip

    def __init__(
        self,
        provider: Provider,
        endpoint: str | None,
        credential: credentials.Credential | None,
        reason: str,
        *,
        opt_in: bool = False,
        headers: Mapping[str, str] | None = None,
        general: Mapping[str, Any] | None = None,
        server: LocalServer | None = None,
        pins: Pins | None = None,
        by_hand: str | None = None,
    ) -> None:
        self._pins = pins
        self._seen: credentials.Address | None = None  # where its requests were found to go
        self.by_hand = by_hand  # the variable that stands for a key given by the program
        self.server = server  # which this package launches
        self.place = server.place if server is not None else endpoint
        self.provider, self.endpoint, self.credential = provider, endpoint, credential
        self.reason, self.opt_in = reason, opt_in
        self.headers = headers or {}
        self._general = general or {}  # the registry's rules about parameters
        self._rules: dict[str, Rules] = {}

    def forbids(self, address: credentials.Address) -> str:
        """Why a request must not go to *address*; empty where it may: at the endpoint's origin, with a pinned key."""
        if address is self._seen:
            return ""
        if address.origin != credentials.origin_of(self.endpoint):
            return f"{address.authority} is not where {self.provider.id} is"
        variable = self.credential.variable if self.credential else None
        if variable and self._pins is not None and not self._pins.admits(variable, address):
            return f"{variable} may go to {', '.join(self._pins.hosts(variable))} only, not to {address.authority}"
        self._seen = address
        return ""

    def moved(self) -> None:
        """Take address and key of the server that was launched: they change with each start."""
        self._seen = None
        if self.server is not None:
            self.endpoint = self.server.endpoint
            self.credential = credentials.Credential(self.server.key or credentials.DUMMY_KEY, None)

    def rules(self, flags: str) -> Rules:
        """The rules about parameters for an offer with these flags; worked out once."""
        if flags not in self._rules:
            from inference_providers.parameters import Rules

            self._rules[flags] = Rules(self._general, self.provider.connection.get("parameters") or {}, flags)
        return self._rules[flags]


class Accesses(credentials.Secretive):
    """Access to every provider of a registry under one environment and policy; each worked out once."""

    def __init__(self, registry: Registry, environ: Mapping[str, str], pins: Pins, allow: Container[str] = ()) -> None:
        self.registry, self._environ, self._pins, self._allow = registry, environ, pins, allow
        self._known: dict[str, Access] = {}
        self.by_hand: str | None = None  # a variable that is none of the user's: it stands for a key by hand

    def __getitem__(self, provider_id: str) -> Access:
        if provider_id not in self._known:
            self._known[provider_id] = self._work_out(self.registry.providers[provider_id])
        return self._known[provider_id]

    def forget(self) -> None:
        """Work everything out anew, since the environment may have changed."""
        self._known.clear()

    def at(self, server: LocalServer) -> Access:
        """Access to a server found on this machine, at its address."""
        known = self[server.provider]
        if known.provider.data.get("disabled"):
            return known
        credential = credentials.Credential(server.key, None) if server.key else known.credential
        if credential is None or (credential.variable and not self._pins.belongs_here(credential.variable)):
            credential = credentials.Credential(credentials.DUMMY_KEY, None)
        launched = server if server.launched else None
        # Where it runs is the registry's word or the user's own (`OLLAMA_HOST`): its address alone counts.
        return self._access(known.provider, server.endpoint, credential, server.reason, server=launched, pins=None)

    def _access(self, *args: Any, **kwargs: Any) -> Access:
        return Access(
            *args, **{"pins": self._pins, "general": self.registry.parameters, "by_hand": self.by_hand, **kwargs}
        )

    def _work_out(self, provider: Provider) -> Access:
        if provider.data.get("disabled"):
            return self._access(provider, None, None, "is disabled")
        if provider.protocol != OPENAI_PROTOCOL:
            return self._access(provider, None, None, f"speaks {provider.protocol!r}, not the OpenAI protocol")
        credential, reason = credentials.find(provider, self._environ)
        endpoint, problem = self._endpoint(provider)
        if credential is None or endpoint is None:
            return self._access(provider, endpoint, None, reason or problem)
        if credential.variable and not self._may_go(provider, credential.variable, endpoint):
            hosts = ", ".join(self._pins.hosts(credential.variable))
            return self._access(
                provider,
                endpoint,
                None,
                f"{credential.variable} may go to {hosts} only, not to {credentials.host_of(endpoint)}",
            )
        opt_in = provider.opt_in(credential.variable) and provider.id not in self._allow
        rows = self._pins.headers(credential.variable, endpoint, provider.connection.get("headers") or {})
        headers = {header: value for header, source in rows.items() if (value := self._environ.get(source, "").strip())}
        own = self._environ.get(provider.connection.get("base_url") or "", "").strip() or self._own_address(provider)
        pins = None if own else self._pins  # the user's own word on where this key goes
        return self._access(provider, endpoint, credential, "", opt_in=opt_in, headers=headers, pins=pins)

    def _endpoint(self, provider: Provider) -> tuple[str | None, str]:
        if provider.local is not None and (here := self._own_address(provider)):
            return here, ""  # where the user says that it runs, whether it runs now or not
        own = provider.connection.get("base_url")
        if own and (address := self._environ.get(own, "").strip()):
            plain = credentials.is_plain_address(address)
            return (address.rstrip("/"), "") if plain else (None, f"{own} is no plain http(s) address")
        secret = next((name for name in credentials.variables_of(provider.endpoint) if self._pins.pinned(name)), None)
        if secret:
            return None, f"its endpoint would hold {secret}, which is a key"
        return credentials.fill_endpoint(provider, self._environ)

    def _own_address(self, provider: Provider) -> str:
        from inference_providers.local_server import own_address

        return own_address(provider, self._environ)[1]

    def _may_go(self, provider: Provider, variable: str, endpoint: str) -> bool:
        if provider.local is not None and endpoint == self._own_address(provider):
            return self._pins.belongs_here(variable)
        own = provider.connection.get("base_url")  # the user's own word on where this key goes
        if own and self._environ.get(own, "").strip():
            return self._pins.own_address(variable, own)
        return self._pins.allows(variable, endpoint)


def order(offers: Iterable[Offer], *, here_first: bool = False) -> list[Offer]:
    """Candidates among *offers*: usable ones in the given order, doubtful ones after the rest, local ones last.

    With *here_first*, local ones come before all others.

    Of several names that one provider has for a model (regions, dated snapshots) the first stands for all.
    """
    usable = sorted(
        (offer for offer in offers if not offer._access.reason and offer.usable),
        key=lambda offer: ((offer.local and not offer.named) != here_first, offer.doubtful),
    )
    first: dict[tuple[str, str, str], Offer] = {}
    for offer in usable:
        first.setdefault((offer.provider, offer.place[0] or "", offer.canonical_name or offer.internal_name), offer)
    return list(first.values())


def shuffled(offers: Sequence[Offer], random: Shuffles) -> list[Offer]:
    """The same candidates in random order."""
    mixed = list(offers)
    random.shuffle(mixed)
    return mixed
