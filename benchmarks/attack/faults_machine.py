"""Faults of what lies on this machine, each as it once was."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from benchmarks.attack.put_back import Fault, everywhere, having, together

Back = AbstractContextManager[Any]


def _believed() -> Back:
    from inference_providers.files import folders

    return having(folders, distrust=lambda path: "", distrust_file=lambda path: "", distrust_open=lambda file: "")


def _anybodys_port() -> Back:
    from inference_providers.servers import peers

    return having(peers, stranger=lambda *args: "")


def states_believed() -> Back:
    """Neither owner nor mode of a state was looked at, nor who has the port that it names."""
    return together(_believed(), _anybodys_port())


def caches_of_others() -> Back:
    """A cache was used, whoever could write it."""
    return _believed()


def caches_unchecked() -> Back:
    """A cached registry with a right sum was taken for one that was checked."""
    from inference_providers.upkeep import updater as update

    return having(update, _problems=lambda data: [])


def lists_by_yaml_alone() -> Back:
    """What YAML raised was raised."""
    from inference_providers.servers import model_lists

    def parsed(content: bytes) -> Any:
        import yaml

        return yaml.safe_load(content)

    return having(model_lists, _parsed=parsed)


def environment_by_patterns() -> Back:
    """Engines got all variables that began like theirs, but those that ended like a key."""
    from inference_providers.servers import engine_environment as passed_on

    begin = r"(PATH|HOME|LANG|LC_|TMPDIR|XDG_|CUDA|NVIDIA|HF_|HUGGINGFACE|TRANSFORMERS|TORCH|PYTORCH|OMP_|MKL|VLLM|SGLANG|OLLAMA|GGML|LLAMA)"
    end = r"(?i)(_|^)(api_?key|token|secret|password|credentials?)$"

    def taken(environ: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environ.items() if re.match(begin, name) and not re.search(end, name)}

    return everywhere(passed_on, "passed_on", taken)


def names_as_options() -> Back:
    """A model was called by its file's name, whatever it began with."""
    from inference_providers.servers import recipes

    return having(recipes, served_name=lambda recipe, name: name)


def home_by_tilde() -> Back:
    """Without a home, `~` was one; and platformdirs raised."""
    from inference_providers.files import folders

    right = folders.own

    def own(kind: str, environ: Mapping[str, str]) -> str | None:
        found = right(kind, environ)
        if found is None or not os.path.isabs(found):
            raise RuntimeError("Could not determine home directory.")
        return found

    return having(folders, home=lambda environ: os.path.expanduser("~"), own=own)


FAULTS = [
    Fault("a state believed, whoever can write it", "states of servers", 40, states_believed),
    Fault("a launched server's port is anybody's", "states of servers", 40, _anybodys_port),
    Fault("a cache used, whoever can write it", "caches", 60, caches_of_others),
    Fault("a cached registry unchecked", "caches", 100, caches_unchecked),
    Fault("a model list's errors raised as they are", "model lists", 200, lists_by_yaml_alone),
    Fault("an engine's environment by patterns", "engines", 60, environment_by_patterns),
    Fault("a model's name that is an option", "engines", 200, names_as_options),
    Fault("no home, but a folder called ~", "no home", 40, home_by_tilde),
]
