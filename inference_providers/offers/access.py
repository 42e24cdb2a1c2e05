"""How one provider can be reached now: endpoint and credential, or the reason why not. Pure."""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.offers.addresses import notices, own_address
from inference_providers.registry import MESSAGES, SPOKEN, SPOKEN_PROTOCOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.chat import Rules
    from inference_providers.credentials import Address, Credential, LateKey, Pins, Tokens
    from inference_providers.offers.local_server import LocalServer
    from inference_providers.offers.selection import Selection
    from inference_providers.registry import Facts, Provider, Registry

    class Live(Protocol):
        """What providers say themselves that they have: see `calls.LiveLists`."""

        def lacking(self, access: Access, name: str) -> str:
            """Why there is no model of that name, by the provider's own list; empty where that tells nothing."""
            raise NotImplementedError

        def has(self, access: Access, name: str) -> bool:
            """Whether the provider's own list has a model of that name."""
            raise NotImplementedError

        def called(self, access: Access, canonical: str = "", internal: str = "") -> list[tuple[str | None, str]]:
            """Models that a provider's list has and the registry has not: see `LiveList.called`."""
            raise NotImplementedError


ALLOW_VARIABLE = "INFERENCE_PROVIDERS_ALLOW"  # providers that may have a general-purpose token without being named
BY_HAND = "the api_key given"  # where a key is from that no variable holds
BY_HAND_VARIABLE = "INFERENCE_PROVIDERS_REMOTE_KEY"  # stands for its variable at an address of the caller's
LACKING = "its provider's list of "  # how the reason begins why an offer is no candidate that a live list lacks
ANOTHER = "another"  # the protocol of what is served by an API only that is not spoken here

# APIs of one company, in words: what is served by one of them only cannot be asked.
_FOREIGN = {
    "gemini": "Google's own Gemini API",
    "converse": "Amazon's Converse API",
}


def unspoken(protocol: str, api: str = "") -> str:
    """Why nobody can be asked in a protocol, or by an API; empty for those that this package speaks."""
    if protocol not in SPOKEN_PROTOCOLS:
        return f"speaks a protocol of its own ({protocol!r}), which is not spoken here"
    if api and api not in SPOKEN:
        return f"this model is served by {_FOREIGN.get(api, 'another protocol')} only"
    return ""


class Access(credentials.Secretive):
    """How one provider can be reached now: endpoint and credential, or the reason why not."""

    __slots__ = (
        "_accesses", "_general", "_permitted", "_routed", "_rules", "credential", "elsewhere", "endpoint", "headers",
        "key_source", "late", "live", "notices", "opt_in", "pins", "place", "provider", "reason", "region", "registry",
        "server", "tokens", "variable",
    )  # fmt: skip

    def __init__(
        self,
        provider: Provider,
        endpoint: str | None,
        credential: Credential | None,
        reason: str,
        *,
        opt_in: bool = False,
        headers: Mapping[str, str] | None = None,
        general: Mapping[str, Any] | None = None,
        server: LocalServer | None = None,
        pins: Pins | None = None,
        registry: Registry | None = None,
        accesses: Accesses | None = None,
        elsewhere: str = "",
        tokens: Tokens | None = None,
        region: str = "",
    ) -> None:
        """*server*: one that this package launches.

        *general*: the rules about parameters of *registry*. *accesses*: where the provider's routes lead is worked out
        there; without them, all its offers are at *endpoint*. *elsewhere*: by what those models are avoided that a
        server here has run elsewhere; empty where they are not. *tokens*: what is sent in place of the credential.
        *region*: that of the user's, where names of models belong to regions.
        """
        self.elsewhere = elsewhere
        self.registry = registry
        self._accesses, self._routed = accesses, {"": self}
        self.provider, self.endpoint, self.credential, self.server = provider, endpoint or "", credential, server
        self.reason, self.opt_in = reason, opt_in
        self.place = endpoint if server is None else server.place
        self.tokens, self.region = tokens, region
        self.late: LateKey | None = None if credential is None or tokens is not None else credential.late
        self.variable = None if credential is None else credential.variable
        self.key_source = "" if credential is None else credential.place
        self.headers = headers or {}
        self.notices: Sequence[str] = ()  # what is to be known of where its key goes
        self.live: Live | None = None  # what providers say themselves that they have; None: that does not count
        self.pins = pins
        self._general = general or {}
        self._rules: dict[tuple[frozenset[str], tuple[int, ...]], Rules] = {}  # by what is refused, and the rows
        self._permitted: tuple[Address | None, str] = (None, "")  # where requests for an endpoint were found to go

    @property
    def key(self) -> credentials.Secret | None:
        """The key that is sent; loaded now where it is not here yet. Raises LocalServerError."""
        return None if self.credential is None or self.tokens is not None else self.credential.key

    @property
    def key_mark(self) -> str | None:
        """What stands for the key that is sent, loaded or not."""
        return None if self.credential is None or self.tokens is not None else self.credential.mark

    @property
    def general(self) -> Mapping[str, Any]:
        """The registry's rules about parameters, and about APIs."""
        return self._general

    @property
    def allowed(self) -> Accesses | None:
        """The accesses that this is one of, which know who is avoided; None without a key."""
        return self._accesses

    def by_route(self, digit: str) -> Access:
        """Access to the offers of one of the provider's routes."""
        if digit not in self._routed:
            provider = self.provider.by_route(digit)
            here = self._accesses is None or provider is self.provider
            self._routed[digit] = self if here else self._accesses.work_out(provider)  # type: ignore[union-attr]
        return self._routed[digit]

    def by_kind(self, kind: str) -> Access:
        """Access to the provider's models of a kind."""
        if kind not in self._routed:
            provider = self.provider.by_kind(kind)
            here = self._accesses is None or provider is self.provider
            self._routed[kind] = self if here else self._accesses.work_out(provider)  # type: ignore[union-attr]
        return self._routed[kind]

    def forbids(self, address: Address, endpoint: str) -> str:
        """Why a request must not go to *address*; empty where it may: at the endpoint's origin, with a pinned key."""
        known, there = self._permitted
        if address is known and endpoint == there:
            return ""
        if address.origin != credentials.origin_of(endpoint):
            return f"{address.authority} is not where {self.provider.id} is"
        variable = self.variable
        if variable and self.pins is not None and not self.pins.admits(variable, address):
            return f"{variable} may go to {', '.join(self.pins.hosts(variable))} only, not to {address.authority}"
        self._permitted = (address, endpoint)
        return ""

    def nearness(self, internal_name: str, *, apart: bool) -> int:
        """How near a name's models are to the user's region: see `regions.nearness`."""
        rows: Mapping[str, str] = (self.provider.connection.get("regions") or {}).get("prefixes") or {}
        from inference_providers.offers.regions import nearness

        return 0 if not rows else nearness(rows, self.region, internal_name, apart=apart)

    def notices_of(self, internal_name: str) -> Sequence[str]:
        """What is to be known of where a model is asked: also that it is asked all over the world."""
        if not self.region or self.nearness(internal_name, apart=False) != 2:
            return self.notices
        said = f"{self.provider.id}/{internal_name} may be worked on anywhere, not in {self.region} alone"
        return [*self.notices, f"{said}; name another of its names to keep it there"]

    def rules(self, facts: Facts, internal_name: str, api: str) -> Rules:
        """The rules about parameters for an offer with these facts; worked out once for all that refuse the same.

        *api*: by which it is asked.
        """
        refused = facts.refusals(self._general.get("refused") or {})
        if api == MESSAGES:
            from inference_providers.offers.other_apis import message_rules

            return message_rules(self._general, facts, internal_name, refused, self.provider.id, self._rules)
        pid = self.provider.id
        rows = [row for row in self._general.get("models") or () if pid in row["at"] and _is_named(row, internal_name)]
        key = (refused, tuple(map(id, rows)))
        if key not in self._rules:
            from inference_providers.chat import Rules

            connection = self.provider.connection
            own = connection.get("parameters") or {}
            for row in rows:
                own = {
                    **own,
                    "refuses": [*(own.get("refuses") or ()), *(row.get("refuses") or ())],
                    "spelling": {**(own.get("spelling") or {}), **(row.get("spelling") or {})},
                }
            turns = connection.get("turns")
            self._rules[key] = Rules(self._general, own, refused, provider=pid, turns=turns)
        return self._rules[key]


def _is_named(row: Mapping[str, Any], internal_name: str) -> bool:
    """Whether a row of `models` is about a model."""
    import re

    return re.search(row["names"], internal_name, re.IGNORECASE) is not None


class Accesses(credentials.Secretive):
    """Access to every provider of a registry under one environment and policy; each worked out once."""

    def __init__(
        self,
        registry: Registry,
        environ: Mapping[str, str],
        pins: Pins,
        allow: Container[str] = (),
        selection: Selection | None = None,
    ) -> None:
        self.registry, self._environ, self._pins, self._allow = registry, environ, pins, allow
        self.selection = selection  # who may be asked; None: everybody
        self._general = registry.parameters
        self._known: dict[str, Access] = {}
        self.by_hand: str | None = None  # a variable that is none of the user's: it stands for a key by hand
        self.by_hand_source = BY_HAND  # where that key is, for messages; empty where it is none
        self.live: Live | None = None  # what providers say themselves that they have
        self._tokens: dict[tuple[str, str, str], Tokens] = {}  # shared by all that are made of one another

    def within(self, selection: Selection) -> Accesses:
        """The same with another selection."""
        made = Accesses(self.registry, self._environ, self._pins, self._allow, selection)
        made.by_hand, made.by_hand_source = self.by_hand, self.by_hand_source
        made.live, made._tokens = self.live, self._tokens
        return made

    def with_key(self, provider: Provider, key: str, selection: Selection) -> Accesses:
        """The same with a key by hand for one provider, which replaces the environment's and its account."""
        account = (*provider.key_variables, *(provider.connection.get("headers") or {}).values())
        put = {provider.key_variables[0]: credentials.Secret(key)}
        environ = credentials.Environment.of(self._environ).changed(account, put)
        allowed = frozenset([provider.id])
        made = Accesses(self.registry, environ, self._pins, allowed, selection)
        made.by_hand = provider.key_variables[0]
        return made

    def with_address(self, provider: Provider, endpoint: str, key: str | None, selection: Selection) -> Accesses:
        """The same with an address of the caller's for one provider, which may be none of the registry's.

        Without a key, it has the environment's where that goes to this very origin anyhow.
        """
        made = self.within(selection)
        made.live = None
        known = self[provider.id] if provider.id in self.registry.providers else None
        if key is not None:
            made.by_hand = BY_HAND_VARIABLE
            credential = credentials.Credential(key, BY_HAND_VARIABLE)
            found = made._access(provider, endpoint, credential, "", pins=None)
        elif known is not None:
            found = made._access(
                provider,
                endpoint,
                known.credential,
                known.reason,
                headers=known.headers,
                pins=known.pins,
                tokens=known.tokens,
            )
        else:
            found = made._access(provider, endpoint, None, "", pins=None)
        made._known[provider.id] = found
        return made

    def own_address(self, provider_id: str) -> str:
        """Where the user says, in a variable, that a provider is; empty where nothing is said."""
        return own_address(self.registry.providers[provider_id], self._environ)[1]

    def avoids(self, provider: Provider) -> str:
        """By what a provider is avoided; empty where it is not."""
        if self.selection is None:
            return ""
        endpoint = self._located(provider)[1] if self.selection.offline else ""
        return self.selection.why_not(provider, endpoint=endpoint or "")

    def __getitem__(self, provider_id: str) -> Access:
        found = self._known.get(provider_id)  # another thread may have everything forgotten meanwhile
        if found is None:
            found = self._known[provider_id] = self.work_out(self.registry.providers[provider_id])
        return found

    def forget(self) -> None:
        """Work everything out anew, since the environment may have changed."""
        self._known.clear()

    def at(self, server: LocalServer) -> Access:
        """Access to a server found on this machine, at its address."""
        known = self[server.provider]
        if known.provider.disabled or self.avoids(known.provider):
            return known
        launched = server if server.launched else None
        credential = credentials.Credential(server.key, None) if server.key else known.credential
        foreign = credential and credential.variable and not self._pins.belongs_here(credential.variable)
        if credential is None or foreign or (launched and not server.key):
            credential = credentials.Credential(credentials.DUMMY_KEY, None)
        # Where it runs is the registry's word or the user's own (`OLLAMA_HOST`): its address alone counts.
        return self._access(known.provider, server.endpoint, credential, server.reason, server=launched, pins=None)

    def _access(self, provider: Provider, *args: Any, **kwargs: Any) -> Access:
        if self.selection is not None and provider.local is not None:
            kwargs["elsewhere"] = self.selection.why_not(provider, elsewhere=True)
        made = Access(
            provider,
            *args,
            **{
                "pins": self._pins,
                "general": self._general,
                "registry": self.registry,
                **kwargs,
            },
        )
        made.live = self.live
        if made.variable is not None and made.variable == self.by_hand:
            made.key_source = self.by_hand_source
        if made.variable is not None:
            made.notices = notices(provider, self._environ, made.endpoint, made.key_source.removeprefix("in "))
        return made

    def work_out(self, provider: Provider) -> Access:
        """How a provider, or one of its routes, can be reached."""
        if avoided := self.avoids(provider):
            return self._access(provider, self._located(provider)[1], None, avoided)
        if disabled := provider.disabled:
            return self._access(provider, None, None, disabled)
        if problem := unspoken(provider.protocol):
            return self._access(provider, None, None, problem)
        credential, reason = credentials.find(provider, self._environ)
        own, endpoint, problem = self._located(provider)
        if credential is None or endpoint is None:
            return self._access(provider, endpoint, None, reason or problem)
        if credential.variable and not self._may_go(provider, credential.variable, endpoint, own):
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
        pins = None if own else self._pins  # the user's own word on where this key goes
        return self._access(
            provider,
            endpoint,
            credential,
            "",
            opt_in=opt_in,
            headers=headers,
            pins=pins,
            accesses=self,
            tokens=None if own else self._tokens_of(provider, credential),
            region=self._region(provider),
        )

    def _tokens_of(self, provider: Provider, credential: Credential) -> Tokens | None:
        """What is sent in place of a credential that has to be exchanged; None where it is sent itself."""
        auth, variable = provider.connection.get("auth"), credential.variable
        if not isinstance(auth, dict) or not variable or variable in auth.get("plain", ()):
            return None
        if variable == self.by_hand and auth["by"] != "form":  # no file, but a token that the program has
            return None
        place = (provider.id, variable, str(credential.mark))
        if place not in self._tokens:
            made = credentials.Tokens(auth, credential, variable, self._environ, self._pins)
            self._tokens.setdefault(place, made)
        return self._tokens[place]

    def _region(self, provider: Provider) -> str:
        """The user's region, where a provider has names of models for regions."""
        if "regions" not in provider.connection:
            return ""
        said = credentials.told(provider, provider.connection["regions"]["variable"], self._environ)
        return next(iter(said.values()), "")

    def _located(self, provider: Provider) -> tuple[str, str | None, str]:
        """The variable in which the user says where a provider is, its endpoint, and why there is none."""
        own, address, problem = own_address(provider, self._environ)
        if own:  # whether it is there now or not
            return own, address or None, problem
        for name in credentials.sources_of(provider) if "$" in provider.endpoint else ():
            if self._pins.pinned(name):
                return "", None, f"its endpoint would hold {name}, which is a key"
        return ("", *credentials.fill_endpoint(provider, self._environ))

    def _may_go(self, provider: Provider, variable: str, endpoint: str, own: str) -> bool:
        if own and provider.local is not None:
            return self._pins.belongs_here(variable)
        if own:  # the user's own word on where this key goes; one that nobody pins goes where its row says
            return not self._pins.pinned(variable) or self._pins.own_address(variable, own)
        return self._pins.allows(variable, endpoint)
