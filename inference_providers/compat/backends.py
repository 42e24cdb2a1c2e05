"""Functions for simulations that mix backends by prefix: `generate_response("litellm_gpt-4", ...)`.

The other prefixes are `vllm_`, `hf_` and `openrouter_`, and those of backends of the program's own (`base_backend`).

Models may be listed in files: `{"models": ["litellm_gpt-4", ...]}`, or entries with `name`, `model_path`,
`tokenizer_path` and `description`, or `{"agents": {"player_0": {"type": "llm", "model": ...}}}`, in JSON or YAML.
"""

from __future__ import annotations

import math
import os
from typing import Any

from inference_providers.chat import parameters
from inference_providers.clients import default_list
from inference_providers.compat.base_backend import own_backend, own_backends
from inference_providers.errors import LocalServerError, UnknownModelError
from inference_providers.offers import prefix_of
from inference_providers.servers import model_lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from inference_providers.chat import Prompt
    from inference_providers.clients import AskOptions
    from inference_providers.servers import ModelEntry

MAX_TOKENS, TEMPERATURE = 250, 0.1  # unless the call or the environment says otherwise
# Where a simulation keeps its lists, below the folder in which it runs.
PLACES = tuple(f"src/configs/{backend}_models.{kind}" for backend in ("litellm", "vllm") for kind in ("json", "yaml"))


def initialize_llm_registry(*lists: str | os.PathLike[str] | dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Read model lists.

    Args:
        *lists: Paths of model lists or of files with agents, or what is in such a file. Default: the files that
            `INFERENCE_PROVIDERS_MODELS` names, `models.json` and `models.yaml` in the user's configuration folder, and
            `src/configs/litellm_models.json` and `vllm_models.json` (or `.yaml`) below the current folder, which alone
            are left out, with a warning, where others can write them.

    Returns:
        An entry for each name, with `backend`, `model_path`, `tokenizer_path` and `description`.

    Raises:
        RegistryError: A file is not such a list; `problems` has every problem.
        TypeError: Something is neither a path nor a dict.
    """
    for given in lists:
        if not isinstance(given, str | os.PathLike | dict):
            raise TypeError(f'a model list is a path, or a dict as {{"models": [...]}}, not {type(given).__name__}')
    loaded = model_lists.load(*lists, environ=os.environ, check=_with_backend, places=PLACES)
    return {name: _with_backend(entry) for name, entry in loaded.items()}


def _with_backend(entry: ModelEntry) -> dict[str, Any]:
    name, path = entry["name"], entry["model_path"]
    file = (model_lists.engine_of(entry) or "vllm") if path else ""
    return {**entry, "backend": file or detect_model_backend(name)}


def get_available_models() -> list[str]:
    """The listed models and those that backends of the program's own have, else those within reach.

    Returns:
        Their names.
    """
    listed = [*model_lists.listed(os.environ), *_own_models()]
    if listed:
        return list(dict.fromkeys(listed))
    providers = default_list()
    return [name for name in providers.get_canonical_model_names() if providers.find_model_providers(name)]


def _own_models() -> list[str]:
    return [f"{backend.name}_{model}" for backend in own_backends() for model in backend.load_models()]


def list_models() -> list[dict[str, Any]]:
    """The listed models, and those that backends of the program's own have.

    Returns:
        For each a dict with `name`, `backend`, `model_path`, `tokenizer_path`, `description`, and whether it is
        `available` now.
    """
    entries = {name: model_lists.checked(name) for name in _own_models()} | model_lists.listed(os.environ)
    return [{**_with_backend(entry), "available": _is_available(name)} for name, entry in entries.items()]


def _is_available(name: str) -> bool:
    own, rest = own_backend(name)
    if own is not None:
        return own.is_model_available(rest)
    providers = default_list()
    try:
        offers = providers.find_model_providers(_model_to_ask(name))
    except (UnknownModelError, LocalServerError):
        return False
    running = {server.provider for server in providers.local_servers()} if any(offer.local for offer in offers) else ()
    return any(not offer.local or offer.launchable or offer.provider in running for offer in offers)


def get_backend_for_model(model_name: str) -> str:
    """The backend of a model: by its list, else by its name.

    Args:
        model_name: A name of a list, or any other.

    Returns:
        The prefix (`litellm`, `vllm`, `hf`, `openrouter`), the name of a backend of the program's own, or a provider's
        id.

    Raises:
        UnknownModelError: The name means no model; `suggestions` has the closest.
    """
    entry = model_lists.listed(os.environ).get(model_name)
    return str(_with_backend(entry)["backend"]) if entry else detect_model_backend(model_name)


def detect_model_backend(model_name: str) -> str:
    """The backend that a name stands for. Backends of the program's own come first.

    Args:
        model_name: A name with a prefix, or of a model in any spelling.

    Returns:
        The prefix (`litellm`, `vllm`, `hf`, `openrouter`), the name of a backend of the program's own, or a provider's
        id.

    Raises:
        UnknownModelError: The name means no model, or nobody serves it; `suggestions` has the closest.
    """
    own, _ = own_backend(model_name)
    if own is not None:
        return own.name
    if prefix := prefix_of(model_name):
        return prefix
    providers = default_list()
    offers = providers.resolve(model_name).offers
    usable = providers.find_model_providers(model_name)
    if not offers:
        raise UnknownModelError(f"No provider and no server here serves {model_name!r} now.")
    return (usable or offers)[0].provider


def generate_response(model_name: str, prompt: Prompt, **kwargs: Unpack[AskOptions]) -> str:
    """Ask one model of a simulation.

    Args:
        model_name: A name with a prefix (`litellm_gpt-4`), of a list, or of a model in any spelling.
        prompt: Text, or a list of messages.

    Keyword Args:
        max_tokens (int): The most tokens of the answer. Default: `MAX_TOKENS` of the environment, else 250.
        temperature (float): Randomness, from 0 to 2. Default: `TEMPERATURE` of the environment, else 0.1.
        **options: All others as in `ask_ai`.

    Returns:
        The text of the answer.

    Raises:
        NoCredentialsError: There is no key for the model; `variables` names those that would help.
        UnknownModelError: The name means no model; `suggestions` has the closest.
        ProviderError: The only provider that was asked failed; the kind says how.
        AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
        ValueError: A variable is not a number, or an option's value is out of range.
    """
    if not any(parameters.SYNONYMS.get(word, word) == "max_tokens" for word in kwargs):
        kwargs["max_tokens"] = _whole("MAX_TOKENS", MAX_TOKENS)
    kwargs.setdefault("temperature", _number("TEMPERATURE", TEMPERATURE))
    own, rest = own_backend(model_name)
    if own is not None:
        return own.generate_response(rest, prompt, **kwargs)
    return str(default_list().ask_ai(prompt, _model_to_ask(model_name), **kwargs))


def _model_to_ask(name: str) -> str:
    """The name to ask a listed model by.

    One with a path is asked of a running server that has its name or path; otherwise it is launched.
    """
    entry = model_lists.listed(os.environ).get(name)
    if entry is None or entry["model_path"] is None:
        return name
    path = str(entry["model_path"])
    engine = model_lists.engine_of(entry)
    for server in default_list().local_servers():
        for one in (model_lists.plain(name), path, os.path.basename(path)):
            # A server of another engine may have something else that is called so; the path says which model it is.
            if one in server.models and (one == path or engine in ("", server.provider)):
                return f"{server.provider}/{one}"
    return name


def _whole(variable: str, default: int) -> int:
    number = _number(variable, default)
    if number != int(number):
        raise ValueError(f"the environment variable {variable} must be a whole number, not {number}")
    return int(number)


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the environment variable {variable} must be a number, not {text!r}")
    return number
