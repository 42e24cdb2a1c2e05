"""Lists of models in files: `{"models": ["litellm_gpt-4", {"name": ..., "model_path": ..., ...}]}`, in JSON or YAML.

The files are those that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
configuration folder. Models with a path can be launched; see `launchables`.
"""

from __future__ import annotations

import json
import os
from typing import Any, cast

from inference_providers.errors import RegistryError, UnknownModelError
from inference_providers.files import folders
from inference_providers.offers import PREFIXES, prefix_of
from inference_providers.registry import bundled
from inference_providers.servers import model_files, recipes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inference_providers.servers.records import LaunchOptions, ModelEntry

FILES_VARIABLE = "INFERENCE_PROVIDERS_MODELS"
TEXTS = ("model_path", "tokenizer_path", "description", "engine")
OPTIONS = (*recipes.TUNING, "port", "idle", "anyway")
FROM_CODE = ("command", "health", "key_variable")  # a program may say how to start a server; a file may not

_MOST_BYTES = 256 * 1024  # of a list; nobody writes more by hand, and YAML is slow
_MOST_NODES = 100_000  # of a YAML file, with what its aliases stand for
_MOST_SAID = 300  # characters of what is wrong

_MOST_KEPT = 16  # states of files whose entries are kept

_listed: dict[str, ModelEntry] | None = None  # of the files that the program named; they hold for the whole process
_kept: dict[Any, tuple[dict[str, ModelEntry], list[str]]] = {}  # the state of usual files -> their entries and problems


def listed(environ: Mapping[str, str]) -> dict[str, ModelEntry]:
    """The models of the lists that the program named; of the usual files, if it named none: name -> entry.

    Raises RegistryError, with every problem.
    """
    entries, problems = usable(environ)
    if problems:
        raise _refusal(problems)
    return entries


def usable(environ: Mapping[str, str]) -> tuple[dict[str, ModelEntry], list[str]]:
    """`listed`, without what cannot be used; and every problem of that."""
    if _listed is not None:
        return _listed, []
    files = _usual_files(environ)
    version = tuple((path, _version(path), mine and folders.distrust(os.path.dirname(path))) for path, mine in files)
    result = _kept.get(version)
    if result is None:
        problems: list[str] = []
        result = _gathered(files, problems), problems
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[version] = result
    return result


def load(
    *paths: str | os.PathLike[str],
    environ: Mapping[str, str],
    check: Callable[[ModelEntry], object] = lambda entry: None,
) -> dict[str, ModelEntry]:
    """Read model lists, by default the usual files of *environ*: name -> entry.

    Those that are named hold from now on, until there are others; without any the usual files do again, as they are
    then. *check* raises ValueError or UnknownModelError for an entry that is not to be. Raises RegistryError, with
    every problem.
    """
    global _listed
    problems: list[str] = []
    named = [(os.fspath(path), False) for path in paths]
    entries = _gathered(named or _usual_files(environ), problems, check)
    if problems:
        raise _refusal(problems)
    _listed = entries if named else None
    return entries


def _refusal(problems: list[str]) -> RegistryError:
    return RegistryError(problems, "The model lists cannot be used")


def _usual_files(environ: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Paths, and whether each has to be the user's own: one that they name may be a team's."""
    named = [(path, False) for path in environ.get(FILES_VARIABLE, "").split(os.pathsep) if path]
    folder = folders.own("config", environ)
    usual = [os.path.join(folder, f"models.{kind}") for kind in ("json", "yaml", "yml")] if folder else []
    return [*named, *((path, True) for path in usual if os.path.exists(path))]


def _version(path: str) -> tuple[int, ...]:
    """What tells a file from an earlier state of it; empty where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return ()
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def _gathered(
    files: list[tuple[str, bool]],
    problems: list[str],
    check: Callable[[ModelEntry], object] = lambda entry: None,
) -> dict[str, ModelEntry]:
    entries: dict[str, ModelEntry] = {}
    for path, mine in files:
        entries |= _read(path, mine, problems, check)
    return entries


def _read(path: str, mine: bool, problems: list[str], check: Callable[[ModelEntry], object]) -> dict[str, ModelEntry]:
    """The entries of one file; what is wrong with it goes to *problems*."""
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
        problems.append(f'{path}: not a model list; it must be {{"models": [...]}}')
        return {}
    entries = {}
    for index, row in enumerate(rows):
        try:
            entry = checked(row)
            if words := [word for word in FROM_CODE if word in entry]:
                raise ValueError(f"{words[0]} may be given by a program only, not by a file")
            check(entry)
        except (ValueError, UnknownModelError) as error:
            problems.append(f"{path}: $.models[{index}]: {str(error).splitlines()[0][:_MOST_SAID]}")
        except RecursionError:
            problems.append(f"{path}: $.models[{index}]: nested too deeply")
        else:
            entries[entry["name"]] = entry
    return entries


def _parsed(content: bytes) -> Any:
    """The data of a file. Raises ValueError and RecursionError where it is neither JSON nor YAML."""
    if len(content) > _MOST_BYTES:
        raise ValueError(f"larger than {_MOST_BYTES // 1024} KiB")
    text = content.decode()
    try:
        return json.loads(text)
    except ValueError:
        return _parsed_yaml(text)


def _parsed_yaml(text: str) -> Any:
    """YAML's data. Raises ValueError.

    What its tags make of a text may fail in any way, and a few aliases of aliases stand for more than memory holds.
    """
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


def _nodes(node: Any, counts: dict[int, int]) -> int:
    """How many nodes there are below one, if each alias were what it stands for.

    More than may be for one that holds itself. *counts*: those of the nodes that were counted, by their `id`.
    """
    if id(node) not in counts:
        counts[id(node)] = _MOST_NODES + 1  # until it is counted
        inner = node.value if isinstance(node.value, list) else []
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        counts[id(node)] = 1 + sum(_nodes(part, counts) for part in parts)
    return counts[id(node)]


def checked(row: Any) -> ModelEntry:
    """An entry, completed: a name stands for itself. Raises ValueError."""
    if isinstance(row, str) and row:
        row = {"name": row}
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
        raise ValueError("must be a name, or an object with a name")
    for field in TEXTS:
        if not isinstance(row.get(field), str | None):
            raise ValueError(f"{field} must be text")
    if row.get("engine") and bundled().provider_id(row["engine"]) is None:
        engines = [pid for pid, provider in bundled().providers.items() if (provider.local or {}).get("launch")]
        raise ValueError(f"unknown engine {row['engine']!r}; there are: {', '.join(engines)}")
    command = row.get("command")
    if command is not None and not (
        isinstance(command, list) and command and all(isinstance(part, str) and "{key}" not in part for part in command)
    ):
        raise ValueError("command must be a list of texts, without {key}: the key goes by key_variable")
    options = recipes.checked({option: row.get(option) for option in OPTIONS})
    path = row.get("model_path")
    entry: ModelEntry = {
        "name": row["name"],
        "model_path": path,
        "tokenizer_path": row.get("tokenizer_path") or path,
        "description": row.get("description") or "",
    }
    if row.get("engine"):
        entry["engine"] = row["engine"]
    return {**entry, **options, **_options(row, FROM_CODE)}


def _options(row: Mapping[str, Any], fields: Iterable[str]) -> LaunchOptions:
    """Those of the launch options that a row sets."""
    return cast("LaunchOptions", {field: row[field] for field in fields if row.get(field) is not None})


def entries(models: Any) -> list[ModelEntry]:
    """Entries for models of a program: paths, or objects like those of a list. Raises ValueError and TypeError."""
    if isinstance(models, str | os.PathLike) or not hasattr(models, "__iter__"):
        raise TypeError(f"local_models must be a list of paths or of objects, not {models!r}")
    complete = []
    for row in models:
        if isinstance(row, str | os.PathLike):
            path = os.fspath(row)
            row = {"name": model_files.named_by(path), "model_path": path}
        entry = checked(row)
        if not entry["model_path"] and "command" not in entry:
            raise ValueError(f"{entry['name']!r} has no model_path")
        complete.append(entry)
    return complete


def check_not_listed(name: str, environ: Mapping[str, str]) -> None:
    """Raise UnknownModelError for a model file that a list gives this name, where nothing on this machine is used.

    Its prefix would lead its prompts to a cloud.
    """
    entry = usable(environ)[0].get(name)
    if entry is not None and entry["model_path"]:
        raise UnknownModelError(
            f"{name!r} is a model file on this machine, in a list of yours, and nothing here is used (local=False). "
            "Leave local=False out, or name a model elsewhere."
        )


def plain(name: str) -> str:
    """A name without such a prefix."""
    prefix = prefix_of(name)
    return name.removeprefix(f"{prefix}_") if prefix else name


def engine_of(entry: ModelEntry) -> str:
    """The engine that is to be tried first: what the entry says, else what its name's prefix means; or empty."""
    return entry.get("engine") or PREFIXES.get(prefix_of(entry["name"]), ("", ""))[1]


def options_of(entry: ModelEntry) -> LaunchOptions:
    """What an entry says of its launch."""
    return _options(entry, (*OPTIONS, *FROM_CODE))


def file_of(entry: ModelEntry, source: str, environ: Mapping[str, str]) -> model_files.ModelFile:
    """The model of an entry with a path, to be launched; `~` is the home folder of *environ*.

    *source*: whose entry it is, for a person. Raises ValueError where there is no model at its path.
    """
    path, tokenizer = entry["model_path"] or "", entry["tokenizer_path"]
    own_tokenizer = tokenizer if tokenizer and tokenizer != path else ""
    return model_files.at(
        folders.expanded(path, environ),
        entry["name"],
        source,
        tokenizer_path=own_tokenizer and os.path.abspath(folders.expanded(own_tokenizer, environ)),
        description=entry["description"],
        engine=engine_of(entry),
        options=options_of(entry),
    )
