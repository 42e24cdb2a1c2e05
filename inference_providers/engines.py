"""Engines on this machine: whether they are installed, and what they get of the environment."""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PASSED_ON = (  # what an engine may need of the environment; no key of anybody goes to it
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|VIRTUAL_ENV|CONDA_PREFIX|PYTHONPATH|LD_LIBRARY_PATH|"
    r"(LC_|XDG_|DYLD_|CUDA|NVIDIA_|NCCL_|HIP_|ROCR_|HSA_|OMP_|MKL_|OPENBLAS_|HF_|HUGGINGFACE_|TRANSFORMERS_|TORCH|PYTORCH_|"
    r"TOKENIZERS_|VLLM_|SGLANG_|GGML_|LLAMA_|OLLAMA_)\w*"
)
_SECRET = r"(^|_)(API)?(KEY|TOKEN|SECRET|PASS\w*|PAT|CRED\w*|AUTH\w*|BEARER)S?\d*($|_)|^LLAMA_(CLOUD|ARG)_"


def installed(way: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether a way's program is on the PATH (or beside this Python), or its module is there. Nothing is imported."""
    if "program" in way and program(way["program"], environ) is None:
        return False
    top, _, rest = way.get("module", "").partition(".")
    if not top:
        return True
    from importlib.util import find_spec

    found = find_spec(top)
    if found is None or not rest:
        return found is not None
    places = [os.path.join(place, *rest.split(".")) for place in found.submodule_search_locations or ()]
    return any(os.path.isdir(place) or os.path.exists(f"{place}.py") for place in places)


def program(name: str, environ: Mapping[str, str]) -> str | None:
    """The path of a program, or None."""
    import shutil

    beside = os.path.dirname(sys.executable)  # a virtual environment that is used without being activated
    path = environ.get("PATH") or os.environ.get("PATH") or os.defpath
    return shutil.which(name, path=os.pathsep.join([path, beside]))


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What an engine gets of the environment: where things are, and its own settings; nothing that may be a key."""
    path = os.pathsep.join([environ.get("PATH") or os.defpath, os.path.dirname(sys.executable)])
    passed = {
        name: value
        for name, value in environ.items()
        if re.fullmatch(_PASSED_ON, name) and not re.search(_SECRET, name)
    }
    return {**passed, "PATH": path, "PYTHONUNBUFFERED": "1"}
