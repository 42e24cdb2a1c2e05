"""Offers: who serves a model, with all that a question needs of it, made once and then left as it is. Pure."""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.offers.access import ANOTHER, unspoken
from inference_providers.registry import CHAT, MESSAGES, OPENAI_PROTOCOL, RESPONSES, SPOKEN, TALKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Self, dataclass_transform

    from inference_providers.chat import Rules
    from inference_providers.credentials import Address, Secret, Tokens
    from inference_providers.offers.access import Access
    from inference_providers.registry import Facts, Provider, Registry

    @dataclass_transform(frozen_default=True, eq_default=False)
    class Frozen(tuple[str, str, str | None, str, Secret | None]):
        """Tells type checkers that nothing can be assigned (see `Offer.__setattr__`), and what it unpacks as."""

        __slots__ = ()

        def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...

else:
    Frozen = object

_put = object.__setattr__
_SHOWN = (
    "provider", "internal_name", "canonical_name", "endpoint", "usable", "reason", "local", "billing",
    "context_window", "output_limit", "input_price", "output_price", "cached_input_price",
)  # fmt: skip


class Offer(credentials.Secretive, Frozen):
    """A provider serving a model under an internal name.

    Unpacks as `(provider, endpoint, canonical_name, internal_name, api_key)`. The key
    is never shown by repr or str, and an offer cannot be pickled. Nothing of it can be assigned.
    """

    # What the registry says of this offer alone is read when the first of it is asked for: most offers are of
    # providers without a key, and only counted.
    __slots__ = {  # noqa: RUF023  (in the order in which a person reads them)
        "provider": "The provider's id.",
        "provider_name": "The provider's name, as people know it.",
        "canonical_name": "The model's canonical name; None where it is not known.",
        "internal_name": "The provider's name for the model.",
        "endpoint": "Base URL for an OpenAI client; empty when it cannot be built.",
        "api_key": "The key, or None without one.",
        "variable": "The environment variable that holds the key.",
        "notices": "What its user should know of where it is asked, in sentences.",
        "key_source": "Where the key is, for messages: `in VARIABLE`, or given by hand; empty without one.",
        "headers": "Further headers that this provider gets: header -> value.",
        "connection": "The provider's connection row of the registry.",
        "named": "Whether the user named this provider.",
        "local": "Whether this is a server on this machine, and the model runs there.",
        "place": "What may be well or ill, whoever asks.",
        "protocol": "How it is spoken to: `openai`, `messages`, or what this package does not speak.",
        "api": "By which API it is asked: `chat`, `messages`, `responses`, or one that this package does not speak.",
        "billing": "How its key is charged: `payg` (by use), `plan` (a subscription) or `free`.",
        "reason": "Why this offer is not a candidate; empty when it is one.",
        "usable": "Whether it can be tried now.",
        "doubtful": "The model may have ended at this provider, as far as the registry knows.",
        "facts": "Sizes, prices and capabilities, as in the registry.",
        "features": "What it can, by the sources: `tools`, `vision`, `structured_output`, `reasoning`, `pdf`, `audio`.",
        "context_window": "Tokens, or None where unknown.",
        "output_limit": "Tokens, or None where unknown.",
        "input_price": "USD per million tokens, or None where unknown.",
        "output_price": "USD per million tokens, or None where unknown.",
        "cached_input_price": "USD per million tokens, or None where unknown.",
        "rules": "What it makes of generation parameters.",
        "registry": "The registry that it is from; None where nothing is known of it.",
        "_access": "",
    }

    provider: str
    provider_name: str
    canonical_name: str | None
    internal_name: str
    endpoint: str
    api_key: Secret | None
    variable: str | None
    notices: Sequence[str]
    key_source: str
    headers: Mapping[str, str]
    connection: Mapping[str, Any]
    named: bool
    local: bool
    place: tuple[str | None, str]
    protocol: str
    api: str
    billing: str
    reason: str
    usable: bool
    doubtful: bool
    facts: Facts
    features: frozenset[str]
    context_window: int | None
    output_limit: int | None
    input_price: float | None
    output_price: float | None
    cached_input_price: float | None
    rules: Rules
    registry: Registry | None
    _access: Access

    # What is otherwise for a server that this package launches.
    launchable: bool = False  # whether this is one, running or not
    awake: bool = True  # whether it can be asked as it is; else `wake` comes first
    tokens: Tokens | None = None  # what is sent in place of the key, where that has to be exchanged
    fits: bool = True  # whether its server is made for such a model, installed or not
    wished: bool = False  # whether it is the engine that its model's entry names
    # What says, for the client's port of a new connection, why nothing may be sent, if so; None: no check.
    peer_check: Callable[[int], str] | None = None

    def __init__(self, access: Access, canonical_name: str | None, internal_name: str, *, named: bool = False) -> None:
        provider = access.provider
        _put(self, "_access", access)
        _put(self, "provider", provider.id)
        _put(self, "provider_name", provider.name)
        _put(self, "canonical_name", canonical_name)
        _put(self, "internal_name", internal_name)
        _put(self, "named", named)
        _put(self, "local", provider.local is not None and not runs_elsewhere(internal_name))
        _put(self, "connection", provider.connection)
        _put(self, "headers", access.headers)
        _put(self, "variable", access.variable)
        _put(self, "notices", access.notices_of(internal_name))
        _put(self, "key_source", access.key_source)
        _put(self, "registry", access.registry)
        if access.server is not None:  # its address and its key: see LaunchedOffer
            _put(self, "place", (access.place, internal_name))
        elif "routes" not in provider.connection:  # else what is known of the offer says where it is
            _reached_by(self, access)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A field that has not been filled. It is, once, and from then on this method is not asked."""
            if name == "rules":
                _put(self, name, self._access.rules(self.facts, self.internal_name, self.api))
            elif name in _BY_FACTS or (name in _BY_ROUTE and "routes" in self.connection):
                self._read_facts()
            else:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self, name)

    def _read_facts(self) -> None:
        access = self._access
        facts = self._known_facts()
        if "routes" in access.provider.connection and access.server is None:
            access = access.by_route(facts.route)
            _reached_by(self, access)
        # At an address of the user's own, nobody here knows what has ended, nor which APIs there are.
        own = access.pins is None
        elsewhere = own and access.provider.local is None and _is_elsewhere(access)
        api = access.provider.usual_api if elsewhere else facts.api
        reason = unspoken(access.provider.protocol, api) or access.reason
        if not reason and access.opt_in and not self.named:
            reason = f"{access.variable} is a general-purpose token; name the provider or allow it"
        if not reason and not self.local and access.provider.local is not None:
            reason = access.elsewhere
        doubtful = facts.is_doubtful and not own
        if not reason and access.live is not None and api in (*TALKS, RESPONSES):
            doubtful = doubtful and not access.live.has(access, self.internal_name)
            reason = "" if self.named else access.live.lacking(access, self.internal_name)
        if not reason and not self.named and access.region and nearness(self) == 4:
            reason = f"this name does not work in {access.region}; name the provider to ask for it all the same"
        _put(self, "facts", facts)
        _put(self, "protocol", _protocol(access.provider.protocol, api))
        _put(self, "api", api)
        _put(self, "billing", access.provider.billing)
        _put(self, "reason", reason)
        _put(self, "usable", not reason)
        _put(self, "doubtful", doubtful)
        _put(self, "features", facts.capabilities)
        _put(self, "context_window", facts.context_window)
        _put(self, "output_limit", facts.output_limit)
        _put(self, "input_price", facts.input_price)
        _put(self, "output_price", facts.output_price)
        _put(self, "cached_input_price", facts.cached_input_price)

    def _known_facts(self) -> Facts:
        return self._access.provider.facts(self.internal_name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an offer cannot be changed, and so not its {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an offer cannot be changed, and so not its {name!r}")

    if not TYPE_CHECKING:
        # It unpacks by these two. With an `__iter__`, pandas would take a list of offers for rows, keys and all.
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            return (self.provider, self.endpoint, self.canonical_name, self.internal_name, self.api_key)[index]

    def __repr__(self) -> str:
        from inference_providers.text import in_line

        state = f" ({self.reason})" if self.reason else ""
        return in_line(f"<Offer {self.provider}/{self.internal_name} of {self.canonical_name}{state}>")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Offer) or self.key_mark() != other.key_mark():
            return False
        return all(self[index] == other[index] for index in range(4))

    def __hash__(self) -> int:
        return hash(self.place)

    def as_dict(self) -> dict[str, Any]:
        """What is known of it, without the key: a row for a table, a file or JSON.

        Returns:
            The facts by name; prices in USD per million tokens, sizes in tokens.
        """
        return {name: getattr(self, name) for name in _SHOWN} | {"features": sorted(self.features)}

    def _repr_html_(self) -> str:
        from inference_providers.rendering import pairs

        return pairs(self.as_dict()).text

    def _repr_markdown_(self) -> str:
        from inference_providers.rendering import pairs_in_markdown

        return pairs_in_markdown(self.as_dict())

    def called(self, internal_name: str) -> Offer:
        """The same provider's offer under another of its names.

        Args:
            internal_name: The other name.

        Returns:
            The offer.
        """
        if internal_name == self.internal_name:
            return self
        return type(self)(self._access, self.canonical_name, internal_name, named=self.named)

    def key_mark(self) -> str | None:
        """What stands for the key, where it need not be sent to tell it from others."""
        return self.api_key if self.tokens is None else self.tokens.credential.mark

    def row(self) -> Provider:
        """The provider's row of the registry.

        Returns:
            The row.
        """
        return self._access.provider

    def moved(self) -> str:
        """The host where it is asked, if that is not where its provider usually is: by the user's own word.

        Returns:
            The host, else an empty text.
        """
        usual, host = self.row().endpoint, credentials.host_of(self.endpoint)
        return "" if self.launchable or "$" in usual or host == credentials.host_of(usual) else host

    def forbids(self, address: Address) -> str:
        """Why a request with this offer's key must not go to an address.

        Args:
            address: Where it would go.

        Returns:
            The reason, empty where it may.
        """
        why = self._access.forbids(address, self.endpoint)
        if why and not self.moved():  # its provider may have another host for another API
            for row in (self.connection.get("speaks") or {}).values():
                there = row.get("endpoint")
                if there and credentials.origin_of(there) == address.origin:
                    return self._access.forbids(address, there)
        return why

    def asked_by(self, api: str) -> Mapping[str, Any] | None:
        """How it is asked by an API. What is not said there is as in chats.

        Args:
            api: "chat", "messages", "responses", ...

        Returns:
            `endpoint`, `key` (the header that has it) and `headers`; None if it is not asked so.
        """
        speaks: Mapping[str, Any] | None = (self.connection.get("speaks") or {}).get(api)
        if self.api == api:
            from inference_providers.offers.other_apis import usual

            said = {name: (speaks or {})[name] for name in ("key", "headers") if name in (speaks or {})}
            return {**usual(self._access.general, self.connection, self.variable, api), **said}
        if speaks is None or self.api != CHAT or (not self.local and self.moved()):
            return None  # nobody knows what is spoken at an address of the user's
        if "names" in speaks:
            import re

            return speaks if re.search(speaks["names"], self.internal_name) else None
        return speaks

    def lacks(self, feature: str) -> bool:
        """Whether the sources say that it cannot do something.

        Args:
            feature: One of `features`.

        Returns:
            True if they say so, False where nobody knows.
        """
        return feature in self.facts.lacks

    def wake(self, limit: float) -> None:
        """Have the server running, if it is one that this package launches.

        Args:
            limit: Seconds to wait for it at most.

        Raises:
            LocalServerError: It cannot be started, or is not ready in time.
        """

    async def wake_async(self, limit: float) -> None:
        """Have the server running, if it is one that this package launches; for asyncio.

        Args:
            limit: Seconds to wait for it at most.

        Raises:
            LocalServerError: It cannot be started, or is not ready in time.
        """

    def lost(self) -> None:
        """Note that a request did not get through: whether a server of ours still runs is looked at anew."""


def _protocol(protocol: str, api: str) -> str:
    """How an offer is spoken to: a provider may have models of one API beside those of another."""
    if api not in SPOKEN:
        return ANOTHER
    return MESSAGES if api == MESSAGES else OPENAI_PROTOCOL if protocol == MESSAGES else protocol


def _reached_by(offer: Offer, access: Access) -> None:
    _put(offer, "endpoint", access.endpoint)
    if access.tokens is None and access.late is None:  # else it is read whenever it is asked for
        _put(offer, "api_key", access.key)
    _put(offer, "place", (access.place, offer.internal_name))


def nearness(offer: Offer) -> int:
    """How near an offer's model is to the user's region: see `Access.nearness`; 0 where names belong to no region."""
    access = offer._access
    if not access.region:
        return 0
    return access.nearness(offer.internal_name, apart=offer.endpoint != access.endpoint)


def _is_elsewhere(access: Access) -> bool:
    return access.endpoint.rstrip("/") != access.provider.endpoint


_BY_ROUTE = frozenset(("endpoint", "api_key", "place"))
_BY_FACTS = frozenset((
    "facts", "protocol", "api", "billing", "reason", "usable", "doubtful", "features", "context_window", "output_limit",
    "input_price", "output_price", "cached_input_price",
))  # fmt: skip


def runs_elsewhere(internal_name: str) -> bool:
    """Whether a server here has a model run elsewhere: Ollama's `gpt-oss:120b-cloud` and `glm-5.3:cloud`."""
    tag = internal_name.lower().rpartition(":")[2] if ":" in internal_name else ""
    return tag == "cloud" or tag.endswith("-cloud")
