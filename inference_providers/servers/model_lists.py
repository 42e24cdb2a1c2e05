"""Lists of models in files: `{"models": ["litellm_gpt-4", {"name": ..., "model_path": ..., ...}]}`, in JSON or YAML.

The files are those that `INFERENCE_PROVIDERS_MODELS` names, and `models.json`, `models.yaml` in the user's
configuration folder. Models with a path can be launched; see `launchables`. A file of agents
(`{"agents": {"player_0": {"type": "llm", "model": "litellm_gpt-4"}}}`) is a list of their models.
"""

from __future__ import annotations

import json
import os
from typing import Any, cast

from inference_providers.errors import RegistryError, UnknownModelError
from inference_providers.files import folders
from inference_providers.offers import PREFIXES, prefix_of
from inference_providers.plugins import engine_rows
from inference_providers.registry import bundled
from inference_providers.servers import model_files, recipes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inference_providers.servers.records import LaunchOptions, ModelEntry

    _List = tuple[str | dict[str, Any], bool]  # a path or what is in a file, and whether the file has to be the user's

FILES_VARIABLE = "INFERENCE_PROVIDERS_MODELS"
TEXTS = ("model_path", "tokenizer_path", "description", "engine")
OPTIONS = (*recipes.TUNING, "port", "idle", "anyway")
FROM_CODE = ("command", "health", "key_variable")  # a program may say how to start a server; a file may not
SYNONYMS = {  # vLLM's words -> ours
    "gpu_memory_utilization": "gpu_memory",
    "max_model_len": "context",
    "tensor_parallel_size": "tensor_parallel",
}
_FIELDS = ("name", *TEXTS, *OPTIONS, *FROM_CODE, *SYNONYMS)
_COMMENT = "_"  # what begins the names of fields that nobody reads

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
    *lists: str | os.PathLike[str] | dict[str, Any],
    environ: Mapping[str, str],
    check: Callable[[ModelEntry], object] = lambda entry: None,
    places: Iterable[str] = (),
) -> dict[str, ModelEntry]:
    """Read model lists, files or what is in them; by default the usual files of *environ*: name -> entry.

    *places*: files that are read beside the usual ones, where they exist and nobody else can write them. What is read
    besides those holds from now on, until there is another; without any the usual files do again, as they are then.
    *check* raises ValueError or UnknownModelError for an entry that is not to be. Raises RegistryError, with every
    problem.
    """
    global _listed
    problems: list[str] = []
    named: list[_List] = [(one if isinstance(one, dict) else os.fspath(one), False) for one in lists]
    beside: list[_List] = [] if named else [(path, False) for path in places if _is_believed(path)]
    entries = _gathered(named or [*_usual_files(environ), *beside], problems, check)
    if problems:
        raise _refusal(problems)
    _listed = entries if named or beside else None
    return entries


def _is_believed(path: str) -> bool:
    """Whether a file is there that nobody else can write; of one that others can write a warning says why not."""
    if not os.path.exists(path):
        return False
    if why := folders.distrust(os.path.dirname(os.path.abspath(path))) or folders.distrust_file(path):
        folders.warn_once(f"{path}: is not used: {why}")
    return not why


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
    lists: Iterable[_List],
    problems: list[str],
    check: Callable[[ModelEntry], object] = lambda entry: None,
) -> dict[str, ModelEntry]:
    entries: dict[str, ModelEntry] = {}
    for source, mine in lists:
        origin, data = (source, _read(source, mine, problems)) if isinstance(source, str) else ("the list", source)
        if data is None:
            continue
        if not any(isinstance(data.get(key), kind) for key, kind in (("models", list), ("agents", dict))):
            problems.append(f'{origin}: not a model list; it must be {{"models": [...]}} or {{"agents": {{...}}}}')
            continue
        for name, entry in _entries(_agents(data), origin, problems, check).items():
            entries.setdefault(name, entry)  # a list says more of a model than who uses it
        entries |= _entries(_models(data), origin, problems, check)
    return entries


def _read(path: str, mine: bool, problems: list[str]) -> dict[str, Any] | None:
    """The data of one file; None where it cannot be used, and why goes to *problems*."""
    if mine and (why := folders.distrust(os.path.dirname(path))):
        problems.append(f"{path}: is not used: {why}")
        return None
    try:
        data = _parsed(folders.read(path, _MOST_BYTES + 1, mine=mine))
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return None
    except (ValueError, RecursionError) as error:
        shown = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        problems.append(f"{path}: neither JSON nor YAML: {shown[:_MOST_SAID]}")
        return None
    return data if isinstance(data, dict) else {}


def _models(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The rows of a list, each with its place. What the file says of launching holds for those that say nothing."""
    rows: list[Any] = data["models"] if isinstance(data.get("models"), list) else []
    common = {word: data[word] for word in (*OPTIONS, *SYNONYMS) if data.get(word) is not None}
    for index, row in enumerate(rows):
        if common and isinstance(row, dict) and row.get("model_path"):
            own = {SYNONYMS.get(word, word) for word in row}
            row = {**row, **{word: value for word, value in common.items() if SYNONYMS.get(word, word) not in own}}
        yield f"$.models[{index}]", row


def _agents(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The models of a file's agents, each with its place; agents of other kinds (`human`, `random`) have none."""
    agents: dict[str, Any] = data["agents"] if isinstance(data.get("agents"), dict) else {}
    for name, agent in agents.items():
        if not isinstance(agent, dict) or "model" in agent or agent.get("type") == "llm":
            yield f"$.agents.{name}.model", agent.get("model") if isinstance(agent, dict) else None


def _entries(
    rows: Iterable[tuple[str, Any]], origin: str, problems: list[str], check: Callable[[ModelEntry], object]
) -> dict[str, ModelEntry]:
    """The entries of rows; what is wrong with one goes to *problems*."""
    entries = {}
    for place, row in rows:
        try:
            entry = checked(row)
            if words := [word for word in FROM_CODE if word in entry]:
                raise ValueError(f"{words[0]} may be given by a program only, not by a file")
            check(entry)
        except (ValueError, UnknownModelError) as error:
            problems.append(f"{origin}: {place}: {str(error).splitlines()[0][:_MOST_SAID]}")
        except RecursionError:
            problems.append(f"{origin}: {place}: nested too deeply")
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
    row = _in_our_words(row)
    for field in TEXTS:
        if not isinstance(row.get(field), str | None):
            raise ValueError(f"{field} must be text")
    if row.get("engine") and bundled().provider_id(row["engine"]) is None and row["engine"] not in engine_rows({}):
        engines = [pid for pid, provider in bundled().providers.items() if (provider.local or {}).get("launch")]
        engines += engine_rows({})
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


def _in_our_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row without vLLM's words and without comments. Raises ValueError for fields that nobody knows."""
    unknown = [field for field in row if field not in _FIELDS and not str(field).startswith(_COMMENT)]
    if unknown:
        from difflib import get_close_matches

        close = get_close_matches(str(unknown[0]), _FIELDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(_FIELDS)}"
        raise ValueError(f"unknown field {', '.join(repr(str(field)[:100]) for field in unknown[:5])}; {hint}")
    found = {field: value for field, value in row.items() if field not in SYNONYMS}
    for word, field in SYNONYMS.items():
        if row.get(word) is not None and found.setdefault(field, row[word]) != row[word]:
            raise ValueError(f"{word} and {field} are the same, and differ: {row[word]!r} and {found[field]!r}")
    return found


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


def full_path(path: str, environ: Mapping[str, str]) -> str:
    """Where the path of an entry leads, `~` filled in.

    A relative one that is not below the current folder is looked for in the folder that `MODELS_DIR` names.
    """
    path, folder = folders.expanded(path, environ), environ.get(model_files.FOLDER_VARIABLE, "").strip()
    if folder and not os.path.isabs(path) and not os.path.exists(path):
        path = os.path.join(folders.expanded(folder, environ), path)
    return os.path.abspath(path)


def file_of(entry: ModelEntry, source: str, environ: Mapping[str, str]) -> model_files.ModelFile:
    """The model of an entry with a path, to be launched; `~` is the home folder of *environ*.

    *source*: whose entry it is, for a person. Raises ValueError where there is no model at its path.
    """
    path, tokenizer = entry["model_path"] or "", entry["tokenizer_path"]
    own_tokenizer = tokenizer if tokenizer and tokenizer != path else ""
    return model_files.at(
        full_path(path, environ),
        entry["name"],
        source,
        tokenizer_path=own_tokenizer and full_path(own_tokenizer, environ),
        description=entry["description"],
        engine=engine_of(entry),
        options=options_of(entry),
    )
