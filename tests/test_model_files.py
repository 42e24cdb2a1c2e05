"""Model files: found where other programs keep them, with sizes and what they take to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.servers import gguf, memory, model_files
from inference_providers.testing.tiny_model import write

CONFIG = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file that llama.cpp loads."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write(str(path))
    return path


@pytest.fixture
def home(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which four programs keep models."""
    ollama = tmp_path / ".ollama" / "models"
    (ollama / "blobs").mkdir(parents=True)
    (ollama / "blobs" / "sha256-aa").write_bytes(tiny.read_bytes())
    manifest = ollama / "manifests" / "registry.ollama.ai" / "library" / "llama3.1"
    manifest.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:aa"}
    (manifest / "8b").write_text(json.dumps({"layers": [{"mediaType": "x"}, layer]}))
    (manifest / "broken").write_text("not JSON")
    studio = tmp_path / ".lmstudio" / "models" / "someone" / "repo"
    studio.mkdir(parents=True)
    for number in (1, 2, 3):
        (studio / f"big-0000{number}-of-00003.gguf").write_bytes(b"GGUF" + bytes(996))
    (studio / "mmproj-big.gguf").write_bytes(b"GGUF")
    hub = tmp_path / ".cache" / "huggingface" / "hub" / "models--Qwen--Qwen2-7B-Instruct" / "snapshots" / "abc"
    hub.mkdir(parents=True)
    (hub / "config.json").write_text(json.dumps(CONFIG))
    (hub / "model.safetensors").write_bytes(bytes(5000))
    (hub / "pytorch_model.bin").write_bytes(bytes(5000))
    (tmp_path / ".cache" / "huggingface" / "hub" / "models--x--empty" / "snapshots").mkdir(parents=True)
    cpp = tmp_path / ".cache" / "llama.cpp"
    cpp.mkdir()
    (cpp / "small.gguf").symlink_to(tiny)
    return tmp_path


def found(home: Path) -> dict[str, model_files.ModelFile]:
    return {model.name: model for model in model_files.find_all({"HOME": str(home)})}


def test_models_of_four_programs_are_found_each_once(home: Path, tiny: Path) -> None:
    models = found(home)
    assert {name: (m.kind, m.source, m.size) for name, m in models.items()} == {
        "llama3.1:8b": ("gguf", "Ollama", tiny.stat().st_size),
        "big": ("gguf", "LM Studio", 3000),
        "Qwen/Qwen2-7B-Instruct": ("hf", "Hugging Face", 5000),
        "small": ("gguf", "llama.cpp", tiny.stat().st_size),
    }
    assert models["big"].path.endswith("big-00001-of-00003.gguf")


def test_other_places_are_looked_at_where_the_environment_names_them(home: Path) -> None:
    environ = {
        "HOME": "/nonexistent",
        "OLLAMA_MODELS": str(home / ".ollama" / "models"),
        "HF_HOME": str(home / ".cache" / "huggingface"),
    }
    assert {model.source for model in model_files.find_all(environ)} == {"Ollama", "Hugging Face"}


def test_memory_is_weights_cache_and_workspace(home: Path) -> None:
    model = found(home)["Qwen/Qwen2-7B-Instruct"]
    cache = 1000 * 2 * 2 * (16 + 16) * 2  # context, layers, heads of keys and values, their sizes, bytes
    assert model.memory(1000) == 5500 + cache + model_files.WORKSPACE


def test_the_head_of_a_gguf_file_tells_its_shape(tiny: Path) -> None:
    assert gguf.facts(str(tiny)) == {"layers": 2, "kv_heads": 4, "key": 16, "value": 16, "context": 4096}


@given(st.binary(max_size=400))
def test_a_head_of_garbage_tells_nothing_and_breaks_nothing(tmp_path_factory: Any, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "x.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00" + garbage)
    facts = gguf.facts(str(path))
    assert gguf.cache_bytes(facts, 4096) >= 0


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_context_never_takes_less_memory(tiny: Path, one: int, other: int) -> None:
    model = model_files.at(str(tiny))
    assert (model.memory(one) <= model.memory(other)) == (one <= other)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "missing.gguf", "No such file"),
        (lambda folder: folder, "has a config.json"),
        (
            lambda folder: (folder / "x.gguf").write_text("text") and folder / "x.gguf",
            "is neither a GGUF file nor a folder",
        ),
    ],
)
def test_a_path_without_a_model_is_refused_with_the_reason(tmp_path: Path, make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model_files.at(str(make(tmp_path)))


def test_free_memory_keeps_to_the_limit_of_a_container(tmp_path: Path) -> None:
    most, used = tmp_path / "max", tmp_path / "current"
    most.write_text("5000000\n")
    used.write_text("4000000\n")
    assert memory.free_memory([(str(most), str(used))]) == 1_000_000
    most.write_text("max\n")
    assert memory.free_memory([(str(most), str(used))]) > 5_000_000


def test_the_command_lists_them_and_says_what_is_free(home: Path) -> None:
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    command = [str(Path(sys.executable).parent / "inference-providers"), "local", "list"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=environ)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["big"]["size"] == 3000
    assert rows["big"]["fits"] is True
    told = subprocess.run(
        [*command, "--context", "99999999999"], capture_output=True, text=True, check=True, env=environ
    )
    assert "too much now" in told.stdout
    assert "is free" in told.stderr


def test_free_memory_of_gpus_is_what_the_drivers_program_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '1024\\n4096\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert memory.gpu_memory(os.environ) == [1024 * 2**20, 4096 * 2**20]
    assert memory.available(["gpu"], os.environ) == (4096 * 2**20, "GPU memory")
    assert memory.available(["gpu"], os.environ, gpus=2)[0] == 5120 * 2**20
    assert memory.available(["main", "gpu"], os.environ)[0] > 4096 * 2**20
    program.write_text("#!/bin/sh\nexit 9\n")
    assert memory.gpu_memory(os.environ) == []
    assert memory.available(["gpu"], os.environ)[1] == "memory"


@pytest.mark.parametrize("what", ["file", "config.json"])
def test_nobody_waits_for_what_is_no_regular_file(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / what)
    if what == "file":
        with pytest.raises(ValueError, match="cannot be read: it is a"):
            model_files.at(str(tmp_path / what))
        with pytest.raises(ValueError, match="cannot be read: it is a"):
            model_files.at("/dev/zero")
    else:
        with pytest.raises(ValueError, match="is not a model"):
            model_files.at(str(tmp_path))


def test_models_dir_holds_files_and_folders_of_models(tmp_path: Path) -> None:
    for name in ("Qwen/Qwen2-7B-Instruct", "llama2-7b-chat", "a/b/c/too-deep", "no-weights"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(json.dumps(CONFIG))
        if name != "no-weights":
            (tmp_path / name / "model.safetensors").write_bytes(bytes(500))
    (tmp_path / "llama2-7b-chat" / "inner.gguf").write_bytes(b"GGUF")  # a part of that model
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "small.gguf").write_bytes(b"GGUF")
    models = model_files.find_all({"MODELS_DIR": str(tmp_path), "HOME": str(tmp_path / "home")})
    assert [(model.name, model.kind, model.served, model.source) for model in models] == [
        ("Qwen/Qwen2-7B-Instruct", "hf", "Qwen2-7B-Instruct", "MODELS_DIR"),
        ("small", "gguf", "small", "MODELS_DIR"),
        ("llama2-7b-chat", "hf", "llama2-7b-chat", "MODELS_DIR"),
    ]
    assert model_files.find_all({"MODELS_DIR": str(tmp_path / "none"), "HOME": str(tmp_path / "home")}) == []
