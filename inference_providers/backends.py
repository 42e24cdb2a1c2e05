"""Simulations that mix backends by prefix: `generate_response("litellm_gpt-4", ...)`, `"vllm_..."`, `"hf_..."`, `"openrouter_..."`.

Models may be listed in files: `{"models": ["litellm_gpt-4", ...]}`, or entries with `name`, `model_path`,
`tokenizer_path` and `description`, in JSON or YAML.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

from inference_providers import parameters
from inference_providers.errors import RegistryError, UnknownModelError
from inference_providers.one_line import default_list

MAX_TOKENS, TEMPERATURE = 250, 0.1  # where neither the call nor the environment says otherwise
PREFIXES = ("litellm", "vllm", "hf", "openrouter")
FILES_VARIABLE = "INFERENCE_PROVIDERS_MODELS"

_models: dict[str, dict[str, Any]] | None = None


def initialize_llm_registry(*paths: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Read model lists, and return them: name -> entry with `backend`, `model_path`, `tokenizer_path`, `description`.

    Default: the files that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
    configuration folder. Raises RegistryError, with every problem, for a file that is no model list.
    """
    global _models
    problems: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for path in paths or _default_files():
        found |= _read(os.fspath(path), problems)
    if problems:
        raise RegistryError(problems, "The model lists cannot be used")
    _models = found
    return {name: dict(entry) for name, entry in found.items()}


def _default_files() -> list[str]:
    import platformdirs

    named = [path for path in os.environ.get(FILES_VARIABLE, "").split(os.pathsep) if path]
    folder = platformdirs.user_config_dir("inference_providers")
    usual = [os.path.join(folder, f"models.{kind}") for kind in ("json", "yaml", "yml")]
    return [*named, *(path for path in usual if os.path.exists(path))]


def _read(path: str, problems: list[str]) -> dict[str, dict[str, Any]]:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            data = json.loads(text)
        except ValueError:
            data = yaml.safe_load(text)
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"{path}: neither JSON nor YAML: {' '.join(str(error).split())}")
        return {}
    rows = data.get("models") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        problems.append(f'{path}: no model list; it must be {{"models": [...]}}')
        return {}
    found = {}
    for place, row in enumerate(rows):
        try:
            entry = _entry(row)
        except (ValueError, UnknownModelError) as error:
            problems.append(f"{path}: $.models[{place}]: {str(error).splitlines()[0]}")
        else:
            found[entry["name"]] = entry
    return found


def _entry(row: Any) -> dict[str, Any]:
    if isinstance(row, str) and row:
        row = {"name": row}
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
        raise ValueError("must be a name, or an object with a name")
    for field in ("model_path", "tokenizer_path", "description"):
        if not isinstance(row.get(field), str | None):
            raise ValueError(f"{field} must be text")
    path = row.get("model_path")
    return {
        "name": row["name"],
        "backend": _prefix(row["name"]) or ("vllm" if path else detect_model_backend(row["name"])),
        "model_path": path,
        "tokenizer_path": row.get("tokenizer_path") or path,
        "description": row.get("description") or "",
    }


def _prefix(name: str) -> str | None:
    return next((prefix for prefix in PREFIXES if name.startswith(f"{prefix}_")), None)


def _listed() -> dict[str, dict[str, Any]]:
    if _models is None:
        initialize_llm_registry()
    assert _models is not None
    return _models


def get_available_models() -> list[str]:
    """Names of the listed models; of the models within reach where none are listed."""
    listed = list(_listed())
    if listed:
        return listed
    providers = default_list()
    return [name for name in providers.get_canonical_model_names() if providers.find_model_providers(name)]


def list_models() -> list[dict[str, Any]]:
    """The listed models: `name`, `backend`, `model_path`, `tokenizer_path`, `description`, and whether each is `available` now."""
    return [{**entry, "available": _is_available(name)} for name, entry in _listed().items()]


def _is_available(name: str) -> bool:
    try:
        return bool(default_list().find_model_providers(_asked(name)))
    except UnknownModelError:
        return False


def get_backend_for_model(model_name: str) -> str:
    """Where a model goes: its list's backend, else what its name says. Raises UnknownModelError."""
    entry = _listed().get(model_name)
    return str(entry["backend"]) if entry else detect_model_backend(model_name)


def detect_model_backend(model_name: str) -> str:
    """The backend that a name alone stands for: its prefix (`litellm`, `vllm`, `hf`, `openrouter`), else the provider's id.

    Raises UnknownModelError, with the closest names.
    """
    prefix = _prefix(model_name)
    if prefix is not None:
        return prefix
    providers = default_list()
    offers = providers.resolve(model_name).offers
    usable = providers.find_model_providers(model_name)
    if not offers:
        raise UnknownModelError(f"Nobody serves {model_name!r} now.")
    return (usable or offers)[0].provider


def generate_response(model_name: str, prompt: Any, **kwargs: Any) -> str:
    """Ask one model of a simulation; its answer's text.

    *kwargs* as in `ask_ai`; `max_tokens` and `temperature` default to `MAX_TOKENS` (250) and
    `TEMPERATURE` (0.1) of the environment. Raises what `ask_ai` raises, and ValueError for a variable that
    is no number.
    """
    if not any(parameters.SYNONYMS.get(word, word) == "max_tokens" for word in kwargs):
        kwargs["max_tokens"] = int(_number("MAX_TOKENS", MAX_TOKENS))
    kwargs.setdefault("temperature", _number("TEMPERATURE", TEMPERATURE))
    return str(default_list().ask_ai(prompt, _asked(model_name), **kwargs))


def _asked(name: str) -> str:
    """What a listed model is asked as: one with a path is a server's on this machine, under its name or its path."""
    entry = _listed().get(name)
    if entry is None or entry["model_path"] is None:
        return name
    prefix = _prefix(name)
    plain = name.removeprefix(f"{prefix}_") if prefix else name
    path = str(entry["model_path"])
    for server in default_list().local_servers():
        for one in (plain, path, os.path.basename(path)):
            if one in server.models:
                return f"{server.provider}/{one}"
    return f"{prefix or entry['backend']}_{plain}"


def _number(variable: str, default: float) -> float:
    given = os.environ.get(variable, "").strip()
    try:
        number = float(given) if given else default
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the environment variable {variable} must be a number, not {given!r}")
    return number
