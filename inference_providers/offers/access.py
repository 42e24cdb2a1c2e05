"""How one provider can be reached now: endpoint and credential, or the reason why not. Pure."""

from __future__ import annotations

from inference_providers import credentials
from inference_providers.registry import OPENAI_PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Any, Protocol

    from inference_providers.chat import Rules
    from inference_providers.credentials import Pins
    from inference_providers.offers.local_server import LocalServer
    from inference_providers.registry import Provider, Registry

    class Shuffles(Protocol):
        """What `choose_randomly` needs: `random.Random` has it."""

        def shuffle(self, x: list[Any]) -> None:
            """Shuffle in place."""


BY_HAND = "the api_key given"  # where a key is from that no variable holds


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
            from inference_providers.chat import Rules

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
        from inference_providers.offers.local_server import own_address

        return own_address(provider, self._environ)[1]

    def _may_go(self, provider: Provider, variable: str, endpoint: str) -> bool:
        if provider.local is not None and endpoint == self._own_address(provider):
            return self._pins.belongs_here(variable)
        own = provider.connection.get("base_url")  # the user's own word on where this key goes
        if own and self._environ.get(own, "").strip():
            return self._pins.own_address(variable, own)
        return self._pins.allows(variable, endpoint)
