"""`MetaInferenceEngine`: one engine for every model; conversations in, conversations with the reply appended out."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from inference_providers.calls import narrowed
from inference_providers.chat import Conversation, Message, Role, parameters
from inference_providers.clients import ProviderList
from inference_providers.compat.engine_settings import (
    GenerationParams,
    GuidedDecodingParams,
    InferenceConfig,
    ModelParams,
    RemoteParams,
    coerced,
    effective,
)
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
    from collections.abc import Mapping
    from typing import Unpack

    from inference_providers.calls import Pipeline
    from inference_providers.clients import EngineOptions, Names

__all__ = [
    "GenerationParams",
    "GuidedDecodingParams",
    "InferenceConfig",
    "MetaInferenceEngine",
    "ModelParams",
    "RemoteParams",
]

_NO_KEY = ("", "none", "null", "empty", "no-key")  # what people write for a server without a key
MOST_ENGINES = 64  # kept: one for each provider, key, address and environment


class MetaInferenceEngine:
    """One engine for every model: `MetaInferenceEngine(temperature=0.7, max_tokens=1000)`.

    generation: parameters for every call. remote_params: `RemoteParams`, or a dict of them.
    Raises TypeError for an unknown parameter, and ValueError for a value out of range.
    """

    def __init__(
        self, *, remote_params: RemoteParams | dict[str, Any] | None = None, **generation: Unpack[EngineOptions]
    ) -> None:
        self._generation = _words(generation)
        _check(self._generation)
        self._remote = effective(None if remote_params is None else coerced(RemoteParams, remote_params))
        self._engines: dict[tuple[Any, ...], ProviderList] = {}

    def __repr__(self) -> str:
        return f"<MetaInferenceEngine with {len(self._engines)} engines>"

    def infer(
        self,
        conversations: Any,
        model_name: str | None = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        *,
        remote_params: RemoteParams | dict[str, Any] | None = None,
        output_path: str | os.PathLike[str] | None = None,
        avoid: Names | None = None,
        only: Names | None = None,
        api_key: str | None = None,
        api_base: str | None = None,
        **generation: Unpack[EngineOptions],
    ) -> list[Conversation]:
        """Answer conversations concurrently; they come back in order, each with its reply appended.

        conversations: a list of `Conversation`, dicts with `messages`, or lists of messages; or just one of these.
        model_name: any spelling: `gpt-4o`, `together/llama3.1-70b`, `claude-3-7-sonnet`, `vllm/llama3.1-8b`.
        generation: overrides that of *inference_config*, which overrides the engine's own; *remote_params* likewise,
        field by field: what a call does not set stays as it is, the address and key in particular.
        It may have `split_thinking`, as in `ask_ai`. avoid, only: as there. api_key, api_base: `api_key` and
        `api_url` of *remote_params*.

        Raises what `ask_ai` raises, for the first conversation that fails; an output file keeps the other answers.
        """
        config = InferenceConfig() if inference_config is None else coerced(InferenceConfig, inference_config)
        inputs = _conversations(conversations)
        name = model_name or config.model.model_name
        if not name:
            raise UnknownModelError("No model: give model_name, or an inference_config with one.")
        by_hand = RemoteParams(api_key=hidden(api_key), api_url=api_base)
        layers = [coerced(RemoteParams, row) for row in (config.remote_params, remote_params) if row is not None]
        remote = effective(self._remote, *layers, by_hand)
        words = {**self._generation, **_words(config.generation.as_fields()), **_words(generation)}
        _check(words)
        size = words.pop("batch_size", config.generation.batch_size)
        engine, called = self._engine(name, config.engine, remote, config.model)
        _load(narrowed(engine.pipeline, avoid, only), called)
        out = output_path or config.output_path
        window = remote.batch_completion_window
        if window and not out:
            raise ValueError("batch_completion_window asks for a provider's batch job, which needs an output path")
        results = engine.batch(
            inputs,
            called,
            out=out,
            mode="provider" if window else "direct",
            completion_window=window,
            on_error="raise",
            progress=False,
            avoid=avoid,
            only=only,
            **_pace(remote, size),
            **words,
        )
        return [inputs[result.index].with_message(_reply(result.answer)) for result in results]

    def _engine(
        self, name: str, kind: str | None, remote: RemoteParams, model: ModelParams | None = None
    ) -> tuple[ProviderList, str]:
        """The engine for a model and these settings, created once; and the model's name there."""
        if stand_in.active is not None and stand_in.active.is_isolated:
            remote = replace(remote, api_url=None)  # mock mode answers for every server
        environ = _environment()
        key = _key(remote, environ)
        settings = (remote.max_retries, remote.retry_backoff_base, remote.retry_backoff_max, remote.connection_timeout)
        provider = _provider(name, kind) if (key is not None or kind) and not remote.api_url else None
        key = _checked(key, remote, keyless=bool(remote.api_url) or _is_here(provider))
        secret = blake2b(key.encode(), digest_size=16).hexdigest() if key else None
        environ_hash = hash(frozenset(environ.items()))
        head, _, rest = name.removeprefix("litellm_").partition("/")
        owner = bundled().provider_id(head) if rest else None
        plain = rest if owner and provider in (None, owner) else name
        launch = _launch_entry(plain, provider or owner, model, environ)
        cache_key = (provider, remote.api_url, secret, environ_hash, settings, id(stand_in.active), *launch.values())
        if cache_key not in self._engines:
            if len(self._engines) >= MOST_ENGINES:
                self._engines.clear()
            self._engines[cache_key] = _list(provider, key, remote, environ, [launch] if launch else [])
        if remote.api_url:
            return self._engines[cache_key], f"{REMOTE}/{name}"
        return self._engines[cache_key], name if provider is None else f"{provider}/{plain}"


def _pace(remote: RemoteParams, size: int | None) -> dict[str, Any]:
    """How fast a batch asks, and how long it waits, in the words of `batch`."""
    return {
        "concurrency": remote.num_workers or size or "auto",
        "adaptive": remote.use_adaptive_concurrency,
        "requests_per_minute": remote.requests_per_minute,
        "tokens_per_minute": remote.tokens_per_minute,
        "timeout": remote.connection_timeout,
        "patience": remote.connection_timeout if remote.max_retries else 0.0,
    }


def _environment() -> Environment:
    """The environment as it is now: one snapshot for a whole call, and the only place that reads the process's."""
    return Environment(dict(os.environ))


def _key(remote: RemoteParams, environ: Mapping[str, str]) -> str | None:
    """The explicit key, None without one; empty if an empty one was given. Raises NoCredentialsError."""
    if not isinstance(remote.api_key, str | None) or not isinstance(remote.api_key_env_varname, str | None):
        raise TypeError("api_key and api_key_env_varname must be text")
    variable = remote.api_key_env_varname
    if remote.api_key is not None or variable is None:
        return remote.api_key
    if not re.fullmatch(r"[A-Za-z_]\w*", variable):  # perhaps a key in the wrong place, so it is not shown
        raise ValueError("api_key_env_varname must be the name of an environment variable")
    if is_foreign(variable) and not any(variable in row.key_variables for row in bundled().providers.values()):
        raise ValueError(f"{variable} holds a secret of another service, not a provider's key; use another variable")
    key = environ.get(variable)
    if not key and stand_in.active is None:
        raise NoCredentialsError(
            f"{variable}, which should hold the key, is not set. Set it, or pass api_key.", [variable]
        )
    return key or None


def _checked(key: str | None, remote: RemoteParams, *, keyless: bool) -> str | None:
    """The explicit key, checked; the dummy key if it says that a server wants none (only with *keyless*).

    Raises NoCredentialsError for what is not a key: no key of the environment is used instead.
    """
    if key is None:
        return None
    if keyless and key.strip().lower() in _NO_KEY:
        return DUMMY_KEY
    if stand_in.active is None and (problem := refusal(key)):
        variable = remote.api_key_env_varname if remote.api_key is None else None
        hint = " Leave it out if the server wants none." if keyless else ""
        raise NoCredentialsError(f"{variable or BY_HAND.capitalize()} {problem}.{hint}", [variable] if variable else [])
    return key


def _check(words: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for what are no parameters of generation, and no options of an engine."""
    parameters.normalise({name: value for name, value in words.items() if name not in _OWN})


_OWN = ("batch_size", "split_thinking")


def _words(generation: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in the words of `GenerationParams` or `ask_ai`, each under one name, so that layers can override."""
    words = {**generation}
    guided = words.pop("guided_decoding", None)
    if guided is not None:
        words |= GenerationParams(guided_decoding=guided).as_fields()
    by_name: dict[str, Any] = {}
    for word, value in words.items():
        name = parameters.SYNONYMS.get(word, word)
        if value is not None and by_name.setdefault(name, value) != value:
            raise parameters.contradiction(word, name)
    return by_name


def _conversations(value: Any) -> list[Conversation]:
    if isinstance(value, Conversation | str | dict) or _is_messages(value):
        value = [value]
    return [Conversation.of(one) for one in value]


def _is_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, Message) or (isinstance(m, dict) and "role" in m) for m in value)
    )


def _reply(answer: Any) -> Message:
    extra = {"tool_calls": answer.tool_calls} if answer.tool_calls else {}
    return Message(Role.ASSISTANT, str(answer), extra)


def _provider(name: str, kind: str | None) -> str:
    """The provider that owns an explicit key: the engine that is named, else the only one that serves the model.

    Raises UnknownModelError if there is no such engine, or more than one.
    """
    registry = bundled()
    for spelling in filter(None, (kind, kind and kind.lower().removeprefix("remote_"))):
        if (pid := registry.provider_id(spelling)) is not None:
            return pid
    if kind:
        raise UnknownModelError(f"There is no engine {kind!r}. `inference-providers providers --all` lists them.")
    here = registry.provider_id(name.partition("/")[0]) if "/" in name else None
    if here is not None and registry.providers[here].local is not None:
        return here
    resolution = ProviderList(environ={}, local=False).resolve(name)
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


def _is_here(provider: str | None) -> bool:
    """Whether a provider is a server on this machine."""
    return provider in bundled().providers and bundled().providers[provider].local is not None


def _launch_entry(
    path: str, engine: str | None, model: ModelParams | None, environ: Mapping[str, str]
) -> dict[str, Any]:
    """The model list's entry to launch a model file here; empty if the model's parameters do not affect a launch."""
    options = {"tokenizer_path": model.tokenizer_name, "context": model.model_max_length} if model else {}
    options = {name: value for name, value in options.items() if value}
    if not options or not _is_here(engine) or not os.path.exists(folders.expanded(path, environ)):
        return {}
    return {"name": path, "model_path": path, "engine": engine, **options}


def _load(pipeline: Pipeline, name: str) -> None:
    """Launch a server before the first question: loading may take longer than the timeout of a reply."""
    if not _is_here(pipeline.finder.registry.provider_id(name.partition("/")[0])):
        return
    first = next(iter(pipeline.finder.candidates(name)), None)
    if first is not None and first.launchable:
        first.wake(float("inf"))


def _list(
    provider: str | None,
    key: str | None,
    remote: RemoteParams,
    environ: Environment,
    local_models: list[dict[str, Any]],
) -> ProviderList:
    policy = Policy(
        total=remote.connection_timeout,
        tries=remote.max_retries + 1,
        attempts=max(6, remote.max_retries + 1),
        backoff_base=remote.retry_backoff_base,
        backoff_cap=remote.retry_backoff_max,
    )
    options: dict[str, Any] = {
        "policy": policy,
        "timeout": remote.connection_timeout,
        "limits": Limits(total=remote.connection_timeout),
        "local_models": local_models,
    }
    if remote.api_url:
        takes = {"accepts": list(bundled().parameters.get("extras") or ())}  # an unknown server: it gets all parameters
        connection = {"protocol": "openai", "endpoint": remote.address(), "api_key": [REMOTE_KEY], "parameters": takes}
        row = {REMOTE: {"name": "Remote", "connection": connection, "model_names": {}}}
        with_key = {**_without_keys(environ), REMOTE_KEY: key or DUMMY_KEY}
        return _by_hand(
            ProviderList(json_merge={"providers": row}, environ=with_key, local=False, **options), REMOTE_KEY
        )
    if not key or provider is None:
        return ProviderList(environ=environ, **options)
    here = _is_here(provider)
    if here and key == DUMMY_KEY:
        return ProviderList(environ=_without_keys(environ), **options)
    variables = bundled().providers[provider].key_variables
    if not variables:
        raise UnknownModelError(f"{provider} takes no key; leave api_key out.")
    with_key = {**_without_keys(environ), variables[0]: key}
    if not here:
        rows = {provider: bundled().rows["providers"][provider]}
        only_owner = bundled().variant({**bundled().rows, "providers": rows})
        options |= {"json_override": only_owner, "local": False, "allow": [provider]}
    return _by_hand(ProviderList(environ=with_key, **options), variables[0])


def _by_hand(providers: ProviderList, variable: str) -> ProviderList:
    """Have messages say that the key in *variable* was given by hand: the user has set no such variable."""
    providers.pipeline.finder.accesses.by_hand = variable
    return providers


def _without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without any provider's key or account: a call with an explicit key uses no other."""
    rows = bundled().providers.values()
    keys = {name for row in rows for name in (*row.key_variables, *(row.connection.get("headers") or {}).values())}
    return {name: value for name, value in environ.items() if name not in keys}
