"""One provider's row of the registry. Pure."""

from __future__ import annotations

import json

from inference_providers.registry.facts import CHAT, MESSAGES, Facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

OPENAI_PROTOCOL = "openai"
SPOKEN_PROTOCOLS = (OPENAI_PROTOCOL, MESSAGES)
# How people call the variable with a provider's address, after what stands before `_API_KEY` in that of its key.
_ADDRESSES = ("_BASE_URL", "_API_BASE", "_API_BASE_URL")
_ANYBODYS = ("MODEL", "LOCAL", "OR")  # by which programs mean whatever model they use
_BEFORE = ("_API_BASE", "_API_KEY", "_HOST", "_ENDPOINT")


class Provider:
    """One provider's row: the data, which stays as loaded, and what is read of it for every question."""

    __slots__ = {  # noqa: RUF023  (in the order in which a person reads them)
        "id": "",
        "data": "The row, as in the file; perhaps without its facts.",
        "name": "The name people know it by.",
        "connection": "How to reach it: protocol, endpoint, key variables.",
        "endpoint": "Base URL of its OpenAI-compatible API; may hold `${VARIABLE}`; empty if it has none.",
        "protocol": "`openai`, or `messages` where chats are asked by Anthropic's; else one that nothing here speaks.",
        "key_variables": "Environment variables that may hold its key, preferred first.",
        "local": "Set for servers on this machine: how to find and recognise them.",
        "model_names": "Canonical name -> its own, preferred name.",
        "more_names": "Its further names -> canonical name.",
        "_facts": "",
    }

    def __init__(self, provider_id: str, data: Mapping[str, Any], facts: bytes | Provider | None = None) -> None:
        """*facts*: those that the row lacks, as JSON text, or a provider that has them."""
        self.id, self.data = provider_id, data
        self._facts: Any = facts  # text at first: most programs look at a few offers only
        self.name = str(data.get("name", provider_id))
        connection: Mapping[str, Any] = data.get("connection") or {}
        self.connection = connection
        self.endpoint: str = connection.get("endpoint") or ""
        self.protocol: str = connection.get("protocol") or OPENAI_PROTOCOL
        keys = connection.get("api_key") or ()
        self.key_variables: tuple[str, ...] = (keys,) if isinstance(keys, str) else tuple(keys)
        local = connection.get("local")
        self.local: Mapping[str, Any] | None = {} if local is True else local or None
        self.model_names: Mapping[str, str] = data.get("model_names") or {}
        self.more_names: Mapping[str, str] = data.get("more_names") or {}

    @property
    def own_variables(self) -> tuple[str, ...]:
        """The variables of its row in which the user may say where it is, the address as it is."""
        listed = self.connection.get("base_url") or (self.local or {}).get("address") or ()
        return (listed,) if isinstance(listed, str) else tuple(listed)

    @property
    def address_variables(self) -> tuple[str, ...]:
        """All variables in which the user may say where it is, preferred first: `GROQ_BASE_URL`, `GROQ_API_BASE`.

        Those of its row, and those that are called like the variable of its key, or of its address.
        """
        listed = self.own_variables
        names = (*listed, *self.key_variables)
        stems = [name.removesuffix(end) for name in names for end in _BEFORE if name.endswith(end)]
        if self.local is not None:
            stems.append("".join(letter if letter.isalnum() else "_" for letter in self.id.upper()))
        rules = (self.connection.get("variables") or {}).values()
        parts = {name for rule in rules for name in rule.get("also") or ()}  # of its usual address
        alike = (stem + end for stem in stems if stem not in _ANYBODYS for end in _ADDRESSES)
        return tuple(dict.fromkeys((*listed, *(name for name in alike if name not in parts))))

    @property
    def part_of(self) -> str:
        """The provider, in lower case, that this row is a part of, and is avoided with; empty if it is a whole one."""
        return str(self.data.get("part_of") or "").lower()

    @property
    def disabled(self) -> str:
        """That it is out of service, and why, where its row says so; empty if it is not."""
        flag = self.data.get("disabled")
        return f"is disabled: it {flag.rstrip('.')}" if isinstance(flag, str) and flag else "is disabled" * bool(flag)

    @property
    def billing(self) -> str:
        """`payg` (by use), `plan` (a subscription, whose prices say nothing of a call) or `free`."""
        return self.data.get("billing") or "payg"

    @property
    def moving(self) -> str:
        """The day of its prices, where they change by the hour; empty where they stay."""
        return str(self.data.get("moving") or "")

    def by_route(self, digit: str) -> Provider:
        """The provider as it is reached by one of its routes: itself, where that leads to its usual address."""
        endpoint = ((self.connection.get("routes") or {}).get(digit) or {}).get("endpoint")
        if not endpoint or endpoint == self.endpoint:
            return self
        return self.at(endpoint)

    def at(self, endpoint: str) -> Provider:
        """The provider as it would be at another address."""
        return Provider(self.id, {**self.data, "connection": {**self.connection, "endpoint": endpoint}}, self)

    def by_kind(self, kind: str) -> Provider:
        """The provider as it is reached for models of a kind: itself, where that leads to its usual address."""
        endpoint = self.kind(kind).get("endpoint")
        if not endpoint or endpoint == self.endpoint:
            return self
        connection = {**self.connection, "endpoint": endpoint}
        return Provider(self.id, {**self.data, "connection": connection}, self)

    def kind(self, kind: str) -> Mapping[str, Any]:
        """How it serves a kind of models: `endpoint`, where it is another, and `inputs`, the most in one request."""
        return (self.connection.get("kinds") or {}).get(kind) or {}

    @property
    def all_ways(self) -> list[Provider]:
        """The provider as it is reached usually, by its routes, for kinds of models, by other APIs, and for a token."""
        connection = self.connection
        ways = [self, *(self.by_route(digit) for digit in connection.get("routes") or ())]
        ways += [self.by_kind(kind) for kind in connection.get("kinds") or ()]
        ways += [self.at(way["endpoint"]) for way in (connection.get("speaks") or {}).values() if "endpoint" in way]
        auth = connection.get("auth")
        return [*ways, self.at(auth["token"])] if isinstance(auth, dict) else ways

    def opt_in(self, variable: str | None) -> bool:
        """Whether *variable* is a general-purpose token, used only when the provider is named or allowed."""
        flag = self.connection.get("opt_in", False)
        return variable in flag if isinstance(flag, list) else bool(flag)

    def internal_names(self, canonical: str) -> list[str]:
        """Its names for a canonical model, the preferred one first."""
        main = self.model_names.get(canonical)
        found = [main] if main else []
        if canonical in self.more_names.values():  # rare: most providers have one name for a model
            found += [name for name, owner in self.more_names.items() if owner == canonical]
        return found

    def canonical_of(self, internal_name: str) -> str | None:
        """The canonical name that this provider lists for one of its internal names."""
        more = self.more_names.get(internal_name)
        return more or next((c for c, i in self.model_names.items() if i == internal_name), None)

    def callable_names(self) -> list[str]:
        """Its names for models that can be asked for here, with a key or an account: its offers, as they are counted.

        None, where it is out of service, or speaks another protocol, or there is no variable for its key.
        """
        reached = self.endpoint and self.protocol in SPOKEN_PROTOCOLS and not self.disabled
        if not reached or not (self.key_variables or self.local is not None):
            return []
        names = dict.fromkeys([*self.model_names.values(), *self.more_names])
        return [name for name in names if not self.facts(name).other_protocol]

    def facts(self, internal_name: str) -> Facts:
        """Facts about one of its offers."""
        return Facts(self.all_facts.get(internal_name) or (), self.connection.get("routes"), self.usual_api)

    @property
    def usual_api(self) -> str:
        """By which API its models are asked, unless a route says otherwise."""
        return MESSAGES if self.protocol == MESSAGES else CHAT

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
