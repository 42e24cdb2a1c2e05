"""The lists of providers that an engine asks: one for each provider, key, address and environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from inference_providers.chat import parameters
from inference_providers.clients import ProviderList
from inference_providers.credentials import DUMMY_KEY, Environment, hidden, is_foreign, refusal
from inference_providers.errors import NoCredentialsError, UnknownModelError
from inference_providers.files import folders
from inference_providers.offers import BY_HAND, REMOTE
from inference_providers.offers import BY_HAND_VARIABLE as REMOTE_KEY
from inference_providers.registry import bundled
from inference_providers.routing import Policy
from inference_providers.testing import stand_in
from inference_providers.transport import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.compat.engine_model import ModelParams
    from inference_providers.compat.engine_settings import RemoteParams
    from inference_providers.registry import Registry

_NO_KEY = ("", "none", "null", "empty", "no-key")  # what people write for a server without a key
MOST = 64  # lists that are kept
# Options of a `ProviderList` that an engine hands on. At an address by hand, where nobody else is asked, only those
# that are about calls count.
OF_REGISTRY = ("json_override", "json_merge", "auto_update", "update_url")
OF_FINDING = ("trust", "allow", "aliases", "local", "local_models", "avoid", "only")
OF_CALLS = (
    "mock", "verbose", "random", "learn", "log", "telemetry", "hedge_after", "allow_empty", "budget", "rate_limits",
    "cache",
)  # fmt: skip
# Kinds of engines by other tools' names, where these are neither a provider's id nor another name of one.
_KINDS = {"hugging_face_router": "huggingface"}
_HAVE_THEIR_OWN = ("vllm", "llama.cpp", "sglang")  # servers that answer with what they have loaded, and nothing else


class Lists:
    """Lists of providers, each made when it is first needed.

    options: of `ProviderList`, for all of them, `environ` among them. Raises what a list raises for wrong ones.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._environ: Mapping[str, str] | None = options.get("environ")
        # Variables that a program sets beside the environment: each a value, or the variable that holds it.
        self.beside: Mapping[str, tuple[str | None, str | None]] = {}
        self.tuning: Mapping[str, Any] = {}  # of servers that are launched, in the words of a model list
        self._finding = {name: options[name] for name in OF_FINDING if name in options}
        self._finding.setdefault("local", "launch")  # a model that lies here goes before the same one elsewhere
        self._calls = {name: options[name] for name in OF_CALLS if name in options}
        of_registry = {name: options[name] for name in OF_REGISTRY if name in options}
        self._registry: Registry | None = None
        if options:  # so that what is wrong with them is said at once
            made = ProviderList(environ=self.environment(), **of_registry, **self._finding, **self._calls)
            self._registry = made.registry if of_registry else None
        self.made: dict[tuple[Any, ...], ProviderList] = {}

    @property
    def registry(self) -> Registry:
        """The registry of providers."""
        return bundled() if self._registry is None else self._registry

    @property
    def is_mocked(self) -> bool:
        """Whether something stands in for all providers: neither keys nor addresses count then."""
        if self._calls.get("mock") is not None:
            return True
        return stand_in.active is not None and stand_in.active.is_isolated

    def environment(self) -> Environment:
        """The environment as it is now: one snapshot for a whole call, and the only place that reads the process's."""
        variables = dict(os.environ if self._environ is None else self._environ)
        for name, (value, variable) in self.beside.items():
            given = value or variables.get(variable or "")
            if given:
                variables[name] = given
        return Environment(variables)

    def find(
        self, name: str, kind: str | None, remote: RemoteParams, model: ModelParams | None = None
    ) -> tuple[ProviderList, str]:
        """The list for a model and these settings, created once; and the model's name there."""
        if self.is_mocked:
            remote = replace(remote, api_url=None)  # mock mode answers for every server
        environ = self.environment()
        key = _key(remote, environ, self.registry, mocked=self._is_stood_in)
        settings = (remote.max_retries, remote.retry_backoff_base, remote.retry_backoff_max, remote.connection_timeout)
        provider = self._provider(name, kind) if (key is not None or kind) and not remote.api_url else None
        keyless = bool(remote.api_url) or self.is_here(provider)
        key = _checked(key, remote, keyless=keyless, mocked=self._is_stood_in)
        secret = blake2b(key.encode(), digest_size=16).hexdigest() if key else None
        environ_hash = hash(frozenset(environ.items()))
        head, _, rest = name.removeprefix("litellm_").partition("/")
        owner = self.registry.provider_id(head) if rest else None
        plain = rest if owner and provider in (None, owner) else name
        launch = self._launch_entry(plain, provider or owner, model, environ)
        cache_key = (provider, remote.api_url, secret, environ_hash, settings, id(stand_in.active), *launch.values())
        if cache_key not in self.made:
            if len(self.made) >= MOST:
                self.made.clear()
            self.made[cache_key] = self._list(provider, key, remote, environ, [launch] if launch else [])
        if remote.api_url:
            return self.made[cache_key], f"{REMOTE}/{name}"
        return self.made[cache_key], name if provider is None else f"{provider}/{plain}"

    @property
    def _is_stood_in(self) -> bool:
        return self._calls.get("mock") is not None or stand_in.active is not None

    def is_here(self, provider: str | None) -> bool:
        """Whether a provider is a server on this machine."""
        row = self.registry.providers.get(provider or "")
        return row is not None and row.local is not None

    @property
    def launches(self) -> bool:
        """Whether a model that lies here is launched before the same one is asked elsewhere."""
        return self._finding["local"] == "launch" and not self.is_mocked

    def here(self, providers: ProviderList, name: str) -> str | None:
        """A name that nobody knows as a server's on this machine, if one runs that could have it; None without one.

        A server that loads, and fetches, whatever it is asked for is none of these.
        """
        if not self._finding["local"]:
            return None
        try:
            providers.resolve(name)
        except UnknownModelError:
            running = {server.provider for server in providers.local_servers()}
            return next((f"{pid}/{name}" for pid in _HAVE_THEIR_OWN if pid in running), None)
        return None

    def kind(self, engine: str) -> str | None:
        """The provider that a kind of engine stands for; None for one that nobody knows."""
        word = str(engine).lower()
        for spelling in (str(engine), word.removeprefix("remote_"), _KINDS.get(word, "")):
            if spelling and (pid := self.registry.provider_id(spelling)) is not None:
                return pid
        return None

    def _provider(self, name: str, kind: str | None) -> str | None:
        """The provider that owns an explicit key: the engine that is named, else the only one that serves the model.

        Raises UnknownModelError if there is no such engine, or more than one.
        """
        registry = self.registry
        if kind:
            if (pid := self.kind(kind)) is not None:
                return pid
            if self.is_mocked:
                return None
            if str(kind).upper() == "REMOTE":
                raise ValueError(f"the engine {kind} is whatever answers at an address: give api_url")
            if ended := registry.retired_providers.get(str(kind).lower()):
                raise UnknownModelError(
                    f"The engine {kind} cannot be asked: {ended['name']} ended in {ended['ended']}."
                )
            raise UnknownModelError(f"There is no engine {kind!r}. `inference-providers providers --all` lists them.")
        here = registry.provider_id(name.partition("/")[0]) if "/" in name else None
        if here is not None and registry.providers[here].local is not None:
            return here
        override: Any = self._registry
        resolution = ProviderList(environ={}, local=False, json_override=override).resolve(name)
        serving = list(dict.fromkeys(offer.provider for offer in resolution.offers))
        plain = name.lower().removeprefix("litellm_")
        lab = next((pid for prefix, pid in registry.families if plain.startswith(prefix)), "")
        ended = lab in registry.providers and resolution.canonical_name in registry.retired_models  # by its maker
        # `google/gemma-2-9b-it` is a name at other providers.
        if (lab in serving or ended) and resolution.rule != "internal name":
            return lab
        if len(serving) == 1:
            return serving[0]
        who = parameters.listed(serving[:5]) or "nobody"
        raise UnknownModelError(
            f"Whose key is it? {name!r} is served by {who}, and a key goes to its owner only: write provider/{name}."
        )

    def _launch_entry(
        self, path: str, engine: str | None, model: ModelParams | None, environ: Mapping[str, str]
    ) -> dict[str, Any]:
        """The model list's entry to launch a model file here; empty if the model's parameters affect no launch."""
        options = {"tokenizer_path": model.tokenizer_name, "context": model.model_max_length} if model else {}
        options = {name: value for name, value in (options | {**self.tuning}).items() if value}
        if not options or not self.is_here(engine) or not os.path.exists(folders.expanded(path, environ)):
            return {}
        return {"name": path, "model_path": path, "engine": engine, **options}

    def _list(
        self,
        provider: str | None,
        key: str | None,
        remote: RemoteParams,
        environ: Environment,
        local_models: list[dict[str, Any]],
    ) -> ProviderList:
        options: dict[str, Any] = {**self._calls, **_limits(remote)}
        if remote.api_url:
            return _at_address(remote, key, environ, options)
        options = {**self._finding, "json_override": self._registry, **options}
        options["local_models"] = [*options.get("local_models", ()), *local_models]
        if not key or provider is None:
            return ProviderList(environ=environ, **options)
        here = self.is_here(provider)
        without_keys = _without_keys(environ, self.registry)
        if here and key == DUMMY_KEY:
            return ProviderList(environ=without_keys, **options)
        variables = self.registry.providers[provider].key_variables
        if not variables:
            raise UnknownModelError(f"{provider} takes no key; leave api_key out.")
        if not here:
            rows = {provider: self.registry.rows["providers"][provider]}
            only_owner = self.registry.variant({**self.registry.rows, "providers": rows})
            options |= {"json_override": only_owner, "local": False, "allow": [provider]}
        made = ProviderList(environ={**without_keys, variables[0]: hidden(key)}, **options)
        return _by_hand(made, variables[0], key, remote)


def _limits(remote: RemoteParams) -> dict[str, Any]:
    """How often and how long a list tries."""
    policy = Policy(
        total=remote.connection_timeout,
        tries=remote.max_retries + 1,
        attempts=max(6, remote.max_retries + 1),
        backoff_base=remote.retry_backoff_base,
        backoff_cap=remote.retry_backoff_max,
    )
    total = remote.connection_timeout
    return {"policy": policy, "timeout": total, "limits": Limits(total=total)}


def _at_address(
    remote: RemoteParams, key: str | None, environ: Environment, options: Mapping[str, Any]
) -> ProviderList:
    """The list of the one server at an address by hand."""
    takes = {"accepts": list(bundled().parameters.get("extras") or ())}  # an unknown server: it gets all parameters
    connection: dict[str, Any] = {
        "protocol": "openai",
        "endpoint": remote.address(),
        "api_key": [REMOTE_KEY],
        "parameters": takes,
    }
    connection["batch"] = {"price": 1.0}
    row = {REMOTE: {"name": "Remote", "connection": connection, "model_names": {}}}
    with_key = {**_without_keys(environ, bundled()), REMOTE_KEY: key or DUMMY_KEY}
    made = ProviderList(json_merge={"providers": row}, environ=with_key, local=False, **options)
    return _by_hand(made, REMOTE_KEY, key, remote)


def _by_hand(providers: ProviderList, variable: str, key: str | None, remote: RemoteParams) -> ProviderList:
    """Have messages say where the key in *variable* is from: the user has set no such variable."""
    accesses = providers.pipeline.finder.accesses
    accesses.by_hand = variable
    if key in (None, DUMMY_KEY):
        accesses.by_hand_source = ""
    elif remote.api_key is None and remote.api_key_env_varname:
        accesses.by_hand_source = f"in {remote.api_key_env_varname}"
    return providers


def _without_keys(environ: Mapping[str, str], registry: Registry) -> dict[str, str]:
    """The environment without any provider's key or account: a call with an explicit key uses no other."""
    rows = registry.providers.values()
    keys = {name for row in rows for name in (*row.key_variables, *(row.connection.get("headers") or {}).values())}
    return {name: value for name, value in environ.items() if name not in keys}


def _key(remote: RemoteParams, environ: Mapping[str, str], registry: Registry, *, mocked: bool) -> str | None:
    """The explicit key, None without one; empty if an empty one was given. Raises NoCredentialsError."""
    if not isinstance(remote.api_key, str | None) or not isinstance(remote.api_key_env_varname, str | None):
        raise TypeError("api_key and api_key_env_varname must be text")
    variable = remote.api_key_env_varname
    if remote.api_key is not None or variable is None:
        key: str | None = hidden(remote.api_key)
        return key
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):  # perhaps a key in the wrong place, so it is not shown
        raise ValueError("api_key_env_varname must be the name of an environment variable")
    if is_foreign(variable) and not any(variable in row.key_variables for row in registry.providers.values()):
        raise ValueError(f"{variable} holds a secret of another service, not a provider's key; use another variable")
    found = environ.get(variable)
    if not found and not mocked:
        raise NoCredentialsError(
            f"{variable}, which should hold the key, is not set. Set it, or pass api_key.", [variable]
        )
    return found or None


def _checked(key: str | None, remote: RemoteParams, *, keyless: bool, mocked: bool) -> str | None:
    """The explicit key, checked; the dummy key if it says that a server wants none (only with *keyless*).

    Raises NoCredentialsError for what is not a key: no key of the environment is used instead.
    """
    if key is None:
        return None
    if keyless and key.strip().lower() in _NO_KEY:
        return DUMMY_KEY
    if not mocked and (problem := refusal(key)):
        variable = remote.api_key_env_varname if remote.api_key is None else None
        hint = " Leave it out if the server wants none." if keyless else ""
        raise NoCredentialsError(f"{variable or BY_HAND.capitalize()} {problem}.{hint}", [variable] if variable else [])
    return key
