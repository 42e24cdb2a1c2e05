"""Functions for simulations that mix backends by prefix: `generate_response("litellm_gpt-4", ...)`.

The other prefixes are `vllm_`, `hf_` and `openrouter_`.

Models may be listed in files: `{"models": ["litellm_gpt-4", ...]}`, or entries with `name`, `model_path`,
`tokenizer_path` and `description`, in JSON or YAML.
"""

from __future__ import annotations

import math
import os
from typing import Any

from inference_providers.chat import parameters
from inference_providers.clients import default_list
from inference_providers.errors import LocalServerError, UnknownModelError
from inference_providers.offers import prefix_of
from inference_providers.servers import model_lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from inference_providers.chat import Prompt
    from inference_providers.clients import AskOptions

MAX_TOKENS, TEMPERATURE = 250, 0.1  # unless the call or the environment says otherwise


def initialize_llm_registry(*paths: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Read model lists, and return them: name -> entry with `backend`, `model_path`, `tokenizer_path`, `description`.

    Default: the files that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
    configuration folder. Raises RegistryError, with every problem, for a file that is not a model list.
    """
    loaded = model_lists.load(*paths, environ=os.environ, check=_with_backend)
    return {name: _with_backend(entry) for name, entry in loaded.items()}


def _with_backend(entry: Mapping[str, Any]) -> dict[str, Any]:
    name, path = entry["name"], entry["model_path"]
    backend = prefix_of(name) or (entry.get("engine", "vllm") if path else detect_model_backend(name))
    return {**entry, "backend": backend}


def get_available_models() -> list[str]:
    """Names of the listed models, else of the models within reach."""
    listed = list(model_lists.listed(os.environ))
    if listed:
        return listed
    providers = default_list()
    return [name for name in providers.get_canonical_model_names() if providers.find_model_providers(name)]


def list_models() -> list[dict[str, Any]]:
    """The listed models, as dicts.

    With `name`, `backend`, `model_path`, `tokenizer_path`, `description`, and whether each is `available` now.
    """
    return [
        {**_with_backend(entry), "available": _is_available(name)}
        for name, entry in model_lists.listed(os.environ).items()
    ]


def _is_available(name: str) -> bool:
    try:
        return bool(default_list().find_model_providers(_model_to_ask(name)))
    except (UnknownModelError, LocalServerError):
        return False


def get_backend_for_model(model_name: str) -> str:
    """The backend of a model: by its list, else by its name. Raises UnknownModelError."""
    entry = model_lists.listed(os.environ).get(model_name)
    return str(_with_backend(entry)["backend"]) if entry else detect_model_backend(model_name)


def detect_model_backend(model_name: str) -> str:
    """The backend that a name stands for: its prefix (`litellm`, `vllm`, `hf`, `openrouter`), else a provider's id.

    Raises UnknownModelError, with the closest names.
    """
    if prefix := prefix_of(model_name):
        return prefix
    providers = default_list()
    offers = providers.resolve(model_name).offers
    usable = providers.find_model_providers(model_name)
    if not offers:
        raise UnknownModelError(f"No provider and no server here serves {model_name!r} now.")
    return (usable or offers)[0].provider


def generate_response(model_name: str, prompt: Prompt, **kwargs: Unpack[AskOptions]) -> str:
    """Ask one model of a simulation; returns the text of its answer.

    *kwargs* as in `ask_ai`; `max_tokens` and `temperature` default to `MAX_TOKENS` (250) and
    `TEMPERATURE` (0.1) of the environment. Raises what `ask_ai` raises, and ValueError for a variable that
    is not a number.
    """
    if not any(parameters.SYNONYMS.get(word, word) == "max_tokens" for word in kwargs):
        kwargs["max_tokens"] = int(_number("MAX_TOKENS", MAX_TOKENS))
    kwargs.setdefault("temperature", _number("TEMPERATURE", TEMPERATURE))
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


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the environment variable {variable} must be a number, not {text!r}")
    return number
