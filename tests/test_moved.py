"""Modules that have moved: their old paths work, and warn."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import inference_providers
from tests.conftest import ROOT

OLD = Path(inference_providers.__file__).parent / "_old"
PLACES = {
    "mock": ("Mock",),
    "cassette": ("Cassette",),
    "tiny_model": ("write",),
    "answer": ("Answer", "Usage"),
    "answer_stream": ("AnswerStream", "AsyncAnswerStream"),
    "backends": ("generate_response", "list_models"),
    "explanation": ("Explanation",),
    "engine_settings": ("GenerationParams", "RemoteParams"),
    "conversation": ("Conversation",),
    "candidates": ("Offer",),
    "inference_providers": ("ProviderList",),
    "provider_list": ("ProviderList",),
    "async_provider_list": ("AsyncProviderList",),
    "engine": ("MetaInferenceEngine", "RemoteParams"),
    "connection": ("Connection",),
    "batch_items": ("Result", "Summary"),
    "one_line": ("ask_ai",),
    "resolution": ("Resolution",),
    "naming": ("Names",),
    "schema": ("problems",),
    "update": ("Updater",),
    "local": ("scan",),
    "wire.route": ("Policy", "Health"),
    "wire.messages": ("Limits", "Request"),
}


def test_every_module_that_has_moved_is_tried_here() -> None:
    modules = {".".join(path.relative_to(OLD).with_suffix("").parts) for path in OLD.rglob("*.py")}
    assert {name for name in modules if not name.endswith("__init__")} == {*PLACES, "pytest_plugin"}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PLACES.items() for name in names])
def test_an_old_path_gives_the_same_thing_and_says_where_it_is_now(module: str, name: str) -> None:
    old = importlib.import_module(f"inference_providers.{module}")
    with pytest.warns(
        DeprecationWarning, match=rf"inference_providers\.{module} has moved: import {name} from inf"
    ) as seen:
        value = getattr(old, name)
    where = str(seen[0].message).rpartition(" from ")[2]
    assert value is getattr(importlib.import_module(where), name)
    assert Path(seen[0].filename) == Path(__file__)  # the program's line, not ours


def test_a_name_that_was_never_there_is_an_error() -> None:
    old = importlib.import_module("inference_providers.mock")
    with pytest.raises(AttributeError, match=r"'inference_providers\.mock' has no attribute 'nothing'"):
        _ = old.nothing


def test_commands_and_plug_ins_work_by_their_old_paths(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inference_providers.tiny_model", str(tmp_path / "tiny.gguf")]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    assert (tmp_path / "tiny.gguf").stat().st_size > 1000
    (tmp_path / "test_it.py").write_text(
        "from inference_providers import ask_ai\n"
        "def test_it(inference_providers):\n"
        "    inference_providers.mock({'*': 'yes'})\n"
        "    assert ask_ai('?') == 'yes'\n"
    )
    plain = ["-p", "no:cacheprovider", "-p", "no:inference_providers", "-p", "inference_providers.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plain, str(tmp_path / "test_it.py")],
        check=False, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_an_old_module_loads_nothing_yet() -> None:
    code = (
        "import sys, inference_providers.mock, inference_providers.wire.route\n"
        "print([name for name in sys.modules if name.startswith('inference_providers.testing')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_every_public_name_is_where_it_was() -> None:
    """Pickles name the module of a class; people read it in a traceback."""
    for module, names in PLACES.items():
        old = importlib.import_module(f"inference_providers.{module}")
        for name in set(names) & set(inference_providers.__all__):
            with pytest.warns(DeprecationWarning):
                assert getattr(old, name) is getattr(inference_providers, name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_settings_of_an_engine_that_were_pickled_before_are_read() -> None:
    before = (  # pickle.dumps(RemoteParams(max_retries=3), protocol=0) of then, cut to the fields that matter
        b"ccopyreg\n__newobj__\n(cinference_providers.engine_settings\nRemoteParams\nt"
        b"R(dV_said\nc__builtin__\nset\n((lVmax_retries\natRsVmax_retries\nI3\nsb."
    )
    settings = pickle.loads(before)
    assert settings.given() == {"max_retries": 3}
    assert pickle.loads(pickle.dumps(settings)).given() == {"max_retries": 3}
    assert copy.copy(settings).given() == {"max_retries": 3}
