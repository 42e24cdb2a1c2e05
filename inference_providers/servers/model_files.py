"""Model files on this machine: GGUF files and Hugging Face folders, found where other programs keep them.

Nothing is loaded: sizes come from the file system, facts from a GGUF file's head or a folder's `config.json`.
"""

from __future__ import annotations

import os
import re
from functools import partial

from inference_providers.files import folders
from inference_providers.servers import gguf
from inference_providers.text import in_line, jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from inference_providers.servers.records import LaunchOptions, ModelFacts, ModelRecord

GGUF, HUGGING_FACE = "gguf", "hf"
FOLDER_VARIABLE = "MODELS_DIR"  # a folder of models of the user's: files and Hugging Face folders
_DEEPEST = 3  # folders below that one in which models are looked for: `maker/model/variant`
_JSON_CAP = 64 * 1024 * 1024  # bytes of a manifest or a config.json that are read
OVERHEAD = 0.10  # of the weights, for buffers
WORKSPACE = 256 * 1024 * 1024  # bytes that an engine takes besides


class ModelFile:
    """A model that could be launched. Its fields are those of `records.ModelRecord`, which says what each means."""

    __slots__ = (
        "description", "engine", "kind", "name", "options", "path", "served", "size", "source", "tokenizer_path",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        path: str,
        kind: str,
        size: int,
        source: str,
        *,
        served: str = "",
        tokenizer_path: str = "",
        description: str = "",
        engine: str = "",
        options: LaunchOptions | None = None,
    ) -> None:
        self.name, self.path, self.kind, self.size, self.source = name, path, kind, size, source
        self.served, self.tokenizer_path, self.description = served or name, tokenizer_path or path, description
        self.engine = engine
        self.options: LaunchOptions = {**options} if options else {}

    def __repr__(self) -> str:
        return in_line(f"<ModelFile {self.name}: {self.kind}, {self.size // 1024 // 1024} MiB, {self.source}>")

    def record(self) -> ModelRecord:
        """The model as state files have it; `ModelFile(**record)` is an equal one."""
        return {
            "name": self.name,
            "path": self.path,
            "kind": self.kind,
            "size": self.size,
            "source": self.source,
            "served": self.served,
            "tokenizer_path": self.tokenizer_path,
            "description": self.description,
            "engine": self.engine,
            "options": self.options,
        }

    def with_options(self, options: LaunchOptions) -> ModelFile:
        """The same model with further launch options, which hold before its own."""
        record = self.record()
        record["options"] = {**self.options, **options}
        return ModelFile(**record)

    @property
    def facts(self) -> ModelFacts:
        """Layers, heads, sizes and context of the model, as its file says."""
        return gguf.facts(self.path) if self.kind == GGUF else folder_facts(self.path)

    def memory(self, context: int) -> int:
        """Bytes that it takes to run with *context* tokens: weights, cache of keys and values, buffers."""
        return int(self.size * (1 + OVERHEAD)) + gguf.cache_bytes(self.facts, context) + WORKSPACE


def find_all(environ: Mapping[str, str]) -> list[ModelFile]:
    """Every model file in the usual folders, each path once for each of its names.

    The folders are this package's own, the one that `MODELS_DIR` names, and those of Ollama, LM Studio, Hugging Face
    and llama.cpp.
    """
    home, cache = folders.home(environ), folders.base("cache", environ)
    libraries: list[tuple[Callable[..., Iterator[ModelFile]], str | None, str]] = [
        (_gguf_files, believed_folder(environ), "models folder"),
        (_models_below, folders.expanded(environ.get(FOLDER_VARIABLE, "").strip(), environ), FOLDER_VARIABLE),
        (_ollama, folders.named(environ, "OLLAMA_MODELS") or _below(home, ".ollama", "models"), "Ollama"),
        (_gguf_files, _below(home, ".lmstudio", "models"), "LM Studio"),
        (_gguf_files, _below(cache, "lm-studio", "models"), "LM Studio"),
        (_hub, hub_folder(environ), "Hugging Face"),
        (_gguf_files, folders.named(environ, "LLAMA_CACHE") or _below(cache, "llama.cpp"), "llama.cpp"),
    ]
    unique: dict[tuple[str, str], ModelFile] = {}
    for read, folder, source in libraries:
        # Absolute, for an engine runs elsewhere, and an argument that began with a dash would be an option.
        for model in read(os.path.abspath(folder), source) if folder else ():
            name = model.name if model.source == "Ollama" else ""  # several of its names may share a file
            unique.setdefault((os.path.realpath(model.path), name), model)
    return list(unique.values())


def hub_folder(environ: Mapping[str, str]) -> str | None:
    """Where Hugging Face's models are; None for a user without a home."""
    hub = folders.named(environ, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
    hub = hub or _below(folders.named(environ, "HF_HOME"), "hub")
    return hub or _below(folders.base("cache", environ), "huggingface", "hub")


def at(
    path: str,
    name: str = "",
    source: str = "given",
    *,
    tokenizer_path: str = "",
    description: str = "",
    engine: str = "",
    options: LaunchOptions | None = None,
) -> ModelFile:
    """The model at a path that somebody gave, `~` filled in; the other fields are those of a `ModelFile`.

    Raises ValueError, saying what is wrong, where there is no model.
    """
    path = os.path.abspath(path)
    if os.path.isdir(path):
        if not os.path.isfile(os.path.join(path, "config.json")):
            raise ValueError(f"{path} is not a model: a Hugging Face folder has a config.json")
        kind, size = HUGGING_FACE, _weights(path)
    else:
        try:
            magic = folders.read(path, 4, mine=False)
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        if magic != gguf.MAGIC:
            raise ValueError(f"{path} is neither a GGUF file nor a folder with a config.json")
        kind, size = GGUF, whole_size(path)
    served = named_by(path)
    return ModelFile(
        name or served, path, kind, size, source,
        served=served, tokenizer_path=tokenizer_path, description=description, engine=engine, options=options,
    )  # fmt: skip


def named_by(path: str) -> str:
    """What a model is called by its path: its file or folder, or its repository in Hugging Face's cache."""
    snapshot = re.search(r"/models--([^/]+)/snapshots/[^/]+/?$", path)
    return snapshot[1].replace("--", "/") if snapshot else _stem(path.rstrip("/"))


def is_gguf(file: str) -> bool:
    """Whether a file is a GGUF model by its name: of one in several parts the first, and no projector for pictures."""
    part = _PART.search(file)
    return file.endswith(".gguf") and (not part or part[1] == "00001") and not file.startswith("mmproj")


def own_folder(environ: Mapping[str, str]) -> str | None:
    """This package's folder for models of the user's own; None for a user without a home."""
    return _below(folders.own("data", environ), "models")


def believed_folder(environ: Mapping[str, str]) -> str | None:
    """`own_folder`, unless others can write there, which is reported once.

    For what is in it is started where no model was named.
    """
    folder = own_folder(environ)
    if folder and os.path.isdir(folder) and (why := folders.distrust(folder)):
        folders.warn_once(f"The models in {folder} are not used: {why}.")
        return None
    return folder


def _below(folder: str | None, *names: str) -> str | None:
    return os.path.join(folder, *names) if folder else None


_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def _gguf_files(folder: str, source: str) -> Iterator[ModelFile]:
    """The models below a folder."""
    for root, inner, names in os.walk(folder):
        inner.sort()
        for file in sorted(names):
            path = os.path.join(root, file)
            if is_gguf(file) and os.path.isfile(path):
                yield ModelFile(_stem(path), path, GGUF, whole_size(path), source)


def _models_below(folder: str, source: str) -> Iterator[ModelFile]:
    """The models in a folder of the user's: GGUF files, and Hugging Face folders by their path below it."""
    for root, inner, names in os.walk(folder):
        below = os.path.relpath(root, folder)
        if "config.json" in names and below != os.curdir and (size := _weights(root)):
            yield ModelFile(below.replace(os.sep, "/"), root, HUGGING_FACE, size, source, served=os.path.basename(root))
            inner.clear()
            continue
        inner[:] = sorted(inner) if below.count(os.sep) < _DEEPEST - 1 else []
        for path in (os.path.join(root, file) for file in sorted(names) if is_gguf(file)):
            if os.path.isfile(path):
                yield ModelFile(_stem(path), path, GGUF, whole_size(path), source)


def _stem(path: str) -> str:
    return _PART.sub("", os.path.basename(path)).removesuffix(".gguf")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # a link whose target is gone
        return 0


def whole_size(path: str) -> int:
    """The size of a GGUF file with all of its parts."""
    part = _PART.search(path)
    if not part:
        return _size(path)
    return sum(_size(f"{path[: part.start()]}-{number:05}-of-{part[2]}.gguf") for number in range(1, int(part[2]) + 1))


def _ollama(folder: str, source: str) -> Iterator[ModelFile]:
    """What Ollama has pulled: manifests name the files of weights by their digest."""
    manifests = os.path.join(folder, "manifests")
    for root, inner, names in os.walk(manifests):
        inner.sort()
        for tag in sorted(names):
            layers = _json(os.path.join(root, tag)).get("layers")
            for layer in layers if isinstance(layers, list) else ():
                if isinstance(layer, dict) and layer.get("mediaType") == "application/vnd.ollama.image.model":
                    path = os.path.join(folder, "blobs", str(layer.get("digest", "")).replace(":", "-"))
                    if os.path.isfile(path):
                        yield ModelFile(f"{_ollama_name(manifests, root)}:{tag}", path, GGUF, _size(path), source)


def _ollama_name(manifests: str, folder: str) -> str:
    """What Ollama calls the model of a manifest: `llama3.1`, `someone/model`, `hf.co/someone/repository`."""
    name = os.path.relpath(folder, manifests).replace(os.sep, "/")
    return name.removeprefix("registry.ollama.ai/").removeprefix("library/")


def _hub(folder: str, source: str) -> Iterator[ModelFile]:
    """Hugging Face's cache: the newest snapshot of each repository that holds a model, and the GGUF files of others."""
    try:
        repositories = sorted(name for name in os.listdir(folder) if name.startswith("models--"))
    except OSError:
        return
    for repository in repositories:
        name = repository.removeprefix("models--").replace("--", "/")
        snapshots = os.path.join(folder, repository, "snapshots")
        revisions = [os.path.join(snapshots, entry) for entry in _entries(snapshots)]
        if not revisions:
            continue
        newest = max(revisions, key=os.path.getmtime)
        size = _weights(newest)
        if os.path.exists(os.path.join(newest, "config.json")) and size:
            yield ModelFile(name, newest, HUGGING_FACE, size, source)
        else:
            yield from _gguf_files(newest, source)


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _weights(folder: str) -> int:
    """Bytes of a folder's weights: safetensors where there are any, else PyTorch's files."""
    for suffix in (".safetensors", ".bin", ".pt"):
        names = [name for name in _entries(folder) if name.endswith(suffix)]
        parts = [name for name in names if not name.startswith("consolidated")] or names  # the same weights, once more
        total = sum(_size(os.path.join(folder, name)) for name in parts)
        if total:
            return total
    return 0


def _json(path: str) -> dict[str, Any]:
    try:
        data = jsontext.loads(folders.read(path, _JSON_CAP, mine=False))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def folder_facts(folder: str) -> ModelFacts:
    """Layers, heads, sizes and context of a Hugging Face model, from its `config.json`."""
    config = _json(os.path.join(folder, "config.json"))
    inner = config.get("text_config")  # of models that see pictures
    config = inner if isinstance(inner, dict) else config
    number = partial(gguf.whole_number, config)
    heads = number("num_attention_heads") or 1
    size = number("head_dim") or number("hidden_size") // heads
    return {
        "layers": number("num_hidden_layers"),
        "kv_heads": number("num_key_value_heads") or heads,
        "key": size,
        "value": size,
        "context": number("max_position_embeddings"),
    }
