"""Nothing goes to whom it was not meant for: an engine's own server, a provider's name with a slip, probes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import openai

from inference_providers import InferenceProvidersError, MetaInferenceEngine, ProviderList

STRANGE = [
    "my-company",
    "opnerouter",
    "azur",
    "azure-prod",
    "proxy",
    "gpt-proxy",
    "openai_like",
    "groqq",
    "private",
    "gateway.corp",
    "openruoter",
    "togehter",
    "antropic",
    "company:openai",
]
CLOSED = ["gpt-4o", "claude-3-opus", "gemini-2.5-pro", "gpt-4o:cheapest", "o3-mini"]
HERE = [
    "JAN_API_KEY",
    "VLLM_API_KEY",
    "LMSTUDIO_API_KEY",
    "LITELLM_API_KEY",
    "OLLAMA_API_KEY",
    "OPENAI_API_KEY",
    "LOCALAI_API_KEY",
]
PAGES = ["<title>Jan API</title>", "<title>LocalAI API</title>", "Ollama is running", "vllm", "LM Studio", "{}"]


def _heard(world: Any, keys: set[str | None]) -> str | None:
    """What somebody heard who should not have."""
    try:
        world.check(keys)
    except AssertionError:
        hears = [*world.cloud.requests, *world.proxy.requests, *(r for r in world.stranger.requests if r.key or r.body)]
        return (
            f"somebody else heard {[request.path for request in hears[:3]]}, keys {sorted({str(r.key) for r in hears})}"
        )
    return None


def _close(world: Any) -> None:
    for server in (world.private, world.cloud, world.proxy, world.stranger):
        server.close()


def private(dice: Random, folder: Path) -> Iterator[str | None]:
    """An engine, or a list, to which one server is named in any way; a cloud, a proxy and a server here listen, too."""
    from tests.test_meant import (
        BEHAVIOURS,
        CALLS,
        FAST,
        FORMS,
        HOW,
        NAMES,
        OWN,
        SECRET,
        TUNING,
        World,
        environment,
        private_list,
    )

    world = World()
    try:
        while True:
            behaviour, name = dice.choice(list(BEHAVIOURS)), dice.choice(NAMES)
            url = world.begin(behaviour)
            said = None
            if dice.random() < 0.6:
                remote = {"api_url": url, **FAST, "api_key": OWN}
                form, tuning = dice.choice(list(FORMS)), dice.choice(TUNING)
                what = f"an engine, {form}, {tuning}"
                with environment(world.environ()), suppress(InferenceProvidersError):
                    MetaInferenceEngine(remote_params=remote).infer(SECRET, name, **FORMS[form](tuning))
            else:
                call, how = dice.choice(list(CALLS)), dice.choice(HOW)
                what = f"{call}, {how}"
                made, head = private_list(world, url, how)
                with suppress(InferenceProvidersError, openai.OpenAIError):
                    CALLS[call](made, f"{head}/{name}")
                made.close()
            said = _heard(world, {OWN, "not-needed", None})
            yield said and f"{what}: {said}"
    finally:
        _close(world)


def heads(dice: Random, folder: Path) -> Iterator[str | None]:
    """A provider's name with a slip in it, or one that nobody has, before a model that is nobody else's to give."""
    from inference_providers.registry.registry import bundled
    from tests.test_meant import SECRET, World

    world = World()
    try:
        while True:
            world.begin("answers")
            head = _slipped(dice) if dice.random() < 0.5 else dice.choice(STRANGE)
            if bundled().provider_id(head) is not None or head in bundled().organisations:
                continue  # somebody else's name
            name = dice.choice(["{}/{}", "{}/{}", "litellm_{}/{}"]).format(head, dice.choice(CLOSED))
            made: Any = ProviderList(environ=world.environ(), timeout=3.0)
            with suppress(InferenceProvidersError, openai.OpenAIError):
                if dice.random() < 0.7:
                    made.ask_ai(SECRET, name)
                else:
                    made.get_response(*made.connect_to_model(name), SECRET)
            made.close()
            said = _heard(world, {None})
            yield said and f"{name}: {said}"
    finally:
        _close(world)


def _slipped(dice: Random) -> str:
    word = dice.choice(["openrouter", "azure", "together", "groq", "cerebras", "fireworks", "anthropic"])
    at = dice.randrange(len(word) - 1)
    return dice.choice(
        [word[:at] + word[at + 1 :], word[: at + 1] + word[at:], word[:at] + word[at + 1] + word[at] + word[at + 2 :]]
    )


def probes(dice: Random, folder: Path) -> Iterator[str | None]:
    """Strangers on this machine that look like servers of models, and want a key: looking for servers sends none."""
    from inference_providers.servers.discovery import scan
    from tests.servers import Server
    from tests.test_local import registry_at

    wanted = [401]

    def behave(connection: Any, request: Any) -> None:
        if request.path.endswith("/models"):
            connection.reply(
                wanted[0],
                {"error": "no key"}
                if wanted[0] != 200
                else {"data": [{"id": "x", "owned_by": dice.choice(["vllm", "library", "organization_owner"])}]},
                {"www-authenticate": "Bearer"},
            )
        else:
            connection.reply(200, dice.choice(PAGES), {"server": dice.choice(["uvicorn", "llama.cpp", "vllm"])})

    with Server(behave) as server:
        while True:
            wanted[0] = dice.choice([401, 401, 403, 200])
            canary = f"canary-{dice.getrandbits(96):024x}"
            environ = {**dict.fromkeys(HERE, canary), **dict.fromkeys(_variables(), canary)}
            with suppress(InferenceProvidersError):
                scan(registry_at(server.port), environ, timeout=2)
            heard = [request.path for request in server.requests if canary.encode() in request.raw]
            server.requests.clear()
            yield f"a key went to {heard[0]}" if heard else None


def _variables() -> list[str]:
    from inference_providers.registry.registry import bundled

    return [variable for provider in bundled().providers.values() for variable in provider.key_variables]
