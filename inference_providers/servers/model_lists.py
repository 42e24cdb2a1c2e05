"""Lists of models in files: `{"models": ["litellm_gpt-4", {"name": ..., "model_path": ..., ...}]}`, in JSON or YAML.

The files are those that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
configuration folder. Models with a path can be launched; see `launchables`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from inference_providers.errors import RegistryError, UnknownModelError
from inference_providers.files import folders
from inference_providers.registry import bundled
from inference_providers.servers import commands as ways
from inference_providers.servers import model_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILES_VARIABLE = "INFERENCE_PROVIDERS_MODELS"
PREFIXES = {"litellm": "", "vllm": "vllm", "hf": "transformers", "openrouter": ""}  # of names -> the engine they mean
TEXTS = ("model_path", "tokenizer_path", "description", "engine")
OPTIONS = (*ways.TUNING, "port", "idle", "anyway")
FROM_CODE = ("command", "health", "key_variable")  # a program may say how to start a server; a file may not

_MOST_BYTES = 256 * 1024  # of a list; nobody writes more by hand, and YAML is slow
_MOST_NODES = 100_000  # of a YAML file, with what its aliases stand for
_MOST_SAID = 300  # characters of what is wrong

_MOST_KEPT = 16  # states of files whose entries are kept

_listed: dict[str, dict[str, Any]] | None = None  # of the files that the program named; they hold for the whole process
_kept: dict[Any, tuple[dict[str, dict[str, Any]], list[str]]] = {}  # the state of usual files -> what they gave


def listed(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The models of the lists that the program named; of the usual files, if it named none. Raises RegistryError."""
    found, problems = usable(environ)
    if problems:
        raise _refusal(problems)
    return found


def usable(environ: Mapping[str, str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """`listed`, without what cannot be used; and every problem of that."""
    if _listed is not None:
        return _listed, []
    files = _usual_files(environ)
    seen = tuple((path, _changed(path), mine and folders.distrust(os.path.dirname(path))) for path, mine in files)
    known = _kept.get(seen)
    if known is None:
        problems: list[str] = []
        known = _gathered(files, problems), problems
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[seen] = known
    return known


def load(
    *paths: str | os.PathLike[str],
    environ: Mapping[str, str],
    check: Callable[[dict[str, Any]], object] = lambda entry: None,
) -> dict[str, dict[str, Any]]:
    """Read model lists (default: the usual files of *environ*): name -> entry. Raises RegistryError, with every problem.

    Those that are named hold from now on, until there are others; without any the usual files do again, as they are then.
    *check* raises ValueError or UnknownModelError for an entry that is not to be.
    """
    global _listed
    problems: list[str] = []
    named = [(os.fspath(path), False) for path in paths]
    found = _gathered(named or _usual_files(environ), problems, check)
    if problems:
        raise _refusal(problems)
    _listed = found if named else None
    return found


def _refusal(problems: list[str]) -> RegistryError:
    return RegistryError(problems, "The model lists cannot be used")


def _usual_files(environ: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Paths, and whether each has to be the user's own: one that they name may be a team's."""
    named = [(path, False) for path in environ.get(FILES_VARIABLE, "").split(os.pathsep) if path]
    folder = folders.own("config", environ)
    usual = [os.path.join(folder, f"models.{kind}") for kind in ("json", "yaml", "yml")] if folder else []
    return [*named, *((path, True) for path in usual if os.path.exists(path))]


def _changed(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _gathered(
    files: list[tuple[str, bool]],
    problems: list[str],
    check: Callable[[dict[str, Any]], object] = lambda entry: None,
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path, mine in files:
        found |= _read(path, mine, problems, check)
    return found


def _read(
    path: str, mine: bool, problems: list[str], check: Callable[[dict[str, Any]], object]
) -> dict[str, dict[str, Any]]:
    if mine and (why := folders.distrust(os.path.dirname(path))):
        problems.append(f"{path}: is not used: {why}")
        return {}
    try:
        data = _parsed(folders.read(path, _MOST_BYTES + 1, mine=mine))
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    except (ValueError, RecursionError) as error:
        shown = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        problems.append(f"{path}: neither JSON nor YAML: {shown[:_MOST_SAID]}")
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
            problems.append(f"{path}: $.models[{place}]: {str(error).splitlines()[0][:_MOST_SAID]}")
        except RecursionError:
            problems.append(f"{path}: $.models[{place}]: nested too deeply")
        else:
            found[entry["name"]] = entry
    return found


def _parsed(content: bytes) -> Any:
    """The data of a file. Raises ValueError and RecursionError for what is none."""
    if len(content) > _MOST_BYTES:
        raise ValueError(f"larger than {_MOST_BYTES // 1024} KiB")
    text = content.decode()
    try:
        return json.loads(text)
    except ValueError:
        return _parsed_yaml(text)


def _parsed_yaml(text: str) -> Any:
    """YAML's data. What its tags make of a text may fail in any way, and a few aliases of aliases stand for more than memory holds."""
    import yaml

    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _nodes(node, {}) > _MOST_NODES:
            raise ValueError("its aliases stand for too much")
        return loader.construct_document(node)
    except (yaml.YAMLError, AttributeError, TypeError, LookupError, ArithmeticError) as error:
        raise ValueError(error) from None
    finally:
        if loader is not None:
            loader.dispose()


def _nodes(node: Any, known: dict[int, int]) -> int:
    """How many nodes there are below one, if each alias were what it stands for; more than may be for one that holds itself."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1  # until it is counted
        inner = node.value if isinstance(node.value, list) else []
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        known[id(node)] = 1 + sum(_nodes(part, known) for part in parts)
    return known[id(node)]


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


def file_of(entry: dict[str, Any], source: str, environ: Mapping[str, str]) -> model_files.ModelFile:
    """The model of an entry, to be launched; `~` is the home folder of *environ*. Raises ValueError where there is none at its path."""
    more: dict[str, Any] = {
        "description": entry["description"],
        "engine": entry.get("engine") or PREFIXES.get(prefix_of(entry["name"]) or "", ""),
        "options": options_of(entry),
    }
    if entry["tokenizer_path"] and entry["tokenizer_path"] != entry["model_path"]:
        more["tokenizer_path"] = os.path.abspath(folders.expanded(entry["tokenizer_path"], environ))
    return model_files.at(folders.expanded(entry["model_path"], environ), entry["name"], source, **more)
