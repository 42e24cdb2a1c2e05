"""Lists of models in files: `{"models": ["litellm_gpt-4", {"name": ..., "model_path": ..., ...}]}`, in JSON or YAML.

The files are those that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
configuration folder. Models with a path can be launched; see `launchables`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from inference_providers import files, model_files, ways
from inference_providers.errors import RegistryError, UnknownModelError
from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FILES_VARIABLE = "INFERENCE_PROVIDERS_MODELS"
PREFIXES = {"litellm": "", "vllm": "vllm", "hf": "transformers", "openrouter": ""}  # of names -> the engine they mean
TEXTS = ("model_path", "tokenizer_path", "description", "engine")
OPTIONS = (*ways.TUNING, "port", "idle", "anyway")
FROM_CODE = ("command", "health", "key_variable")  # a program may say how to start a server; a file may not

_listed: dict[str, dict[str, Any]] | None = None


def listed() -> dict[str, dict[str, Any]]:
    """The models of the lists that were read last; of the usual files, if none was read."""
    return load() if _listed is None else _listed


def load(
    *paths: str | os.PathLike[str], check: Callable[[dict[str, Any]], object] = lambda entry: None
) -> dict[str, dict[str, Any]]:
    """Read model lists (default: the usual files): name -> entry. Raises RegistryError, with every problem.

    *check* raises ValueError or UnknownModelError for an entry that is not to be.
    """
    global _listed
    problems: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for path in paths or _usual_files():
        found |= _read(os.fspath(path), problems, check)
    if problems:
        raise RegistryError(problems, "The model lists cannot be used")
    _listed = found
    return found


def _usual_files() -> list[str]:
    import platformdirs

    named = [path for path in os.environ.get(FILES_VARIABLE, "").split(os.pathsep) if path]
    folder = platformdirs.user_config_dir("inference_providers")
    usual = [os.path.join(folder, f"models.{kind}") for kind in ("json", "yaml", "yml")]
    return [*named, *(path for path in usual if os.path.exists(path))]


def _read(path: str, problems: list[str], check: Callable[[dict[str, Any]], object]) -> dict[str, dict[str, Any]]:
    try:
        data = _parsed(files.read(path).decode("utf-8"))
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    except ValueError as error:
        problems.append(f"{path}: neither JSON nor YAML: {' '.join(str(error).split())}")
        return {}
    rows = data.get("models") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        problems.append(f'{path}: no model list; it must be {{"models": [...]}}')
        return {}
    found = {}
    for place, row in enumerate(rows):
        try:
            entry = checked(row)
            if said := [word for word in FROM_CODE if word in entry]:
                raise ValueError(f"{said[0]} may be given by a program only, not by a file")
            check(entry)
        except (ValueError, UnknownModelError) as error:
            problems.append(f"{path}: $.models[{place}]: {str(error).splitlines()[0]}")
        else:
            found[entry["name"]] = entry
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(error) from None


def checked(row: Any) -> dict[str, Any]:
    """An entry, completed: a name stands for itself. Raises ValueError."""
    if isinstance(row, str) and row:
        row = {"name": row}
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
        raise ValueError("must be a name, or an object with a name")
    for field in TEXTS:
        if not isinstance(row.get(field), str | None):
            raise ValueError(f"{field} must be text")
    if row.get("engine") and bundled().provider_id(row["engine"]) is None:
        known = [pid for pid, provider in bundled().providers.items() if (provider.local or {}).get("launch")]
        raise ValueError(f"unknown engine {row['engine']!r}; there are: {', '.join(known)}")
    command = row.get("command")
    if command is not None and not (
        isinstance(command, list) and command and all(isinstance(part, str) and "{key}" not in part for part in command)
    ):
        raise ValueError("command must be a list of texts, without {key}: the key goes by key_variable")
    options = ways.checked({option: row.get(option) for option in OPTIONS})
    path = row.get("model_path")
    return {
        "name": row["name"],
        "model_path": path,
        "tokenizer_path": row.get("tokenizer_path") or path,
        "description": row.get("description") or "",
        **({"engine": row["engine"]} if row.get("engine") else {}),
        **options,
        **{field: row[field] for field in FROM_CODE if row.get(field) is not None},
    }


def given(models: Any) -> list[dict[str, Any]]:
    """Entries for models that a program gives: paths, or objects like those of a list. Raises ValueError and TypeError."""
    if isinstance(models, str | os.PathLike) or not hasattr(models, "__iter__"):
        raise TypeError(f"local_models must be a list of paths or of objects, not {models!r}")
    found = []
    for row in models:
        if isinstance(row, str | os.PathLike):
            path = os.fspath(row)
            row = {"name": model_files.named_by(path), "model_path": path}
        entry = checked(row)
        if not entry["model_path"] and "command" not in entry:
            raise ValueError(f"{entry['name']!r} has no model_path")
        found.append(entry)
    return found


def prefix_of(name: str) -> str | None:
    """The prefix of a name that stands for where it goes: `vllm` of `vllm_my-model`."""
    return next((prefix for prefix in PREFIXES if name.startswith(f"{prefix}_")), None)


def plain(name: str) -> str:
    """A name without such a prefix."""
    prefix = prefix_of(name)
    return name.removeprefix(f"{prefix}_") if prefix else name


def options_of(entry: dict[str, Any]) -> dict[str, Any]:
    """What an entry says of its launch."""
    return {field: entry[field] for field in (*OPTIONS, *FROM_CODE) if field in entry}


def file_of(entry: dict[str, Any], source: str) -> model_files.ModelFile:
    """The model of an entry, to be launched. Raises ValueError where there is none at its path."""
    more: dict[str, Any] = {
        "description": entry["description"],
        "engine": entry.get("engine") or PREFIXES.get(prefix_of(entry["name"]) or "", ""),
        "options": options_of(entry),
    }
    if entry["tokenizer_path"] and entry["tokenizer_path"] != entry["model_path"]:
        more["tokenizer_path"] = os.path.abspath(os.path.expanduser(entry["tokenizer_path"]))
    return model_files.at(entry["model_path"], entry["name"], source, **more)
