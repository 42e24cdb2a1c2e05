"""What engines get of the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.registry.registry import bundled
from inference_providers.servers import engine_environment as passed_on
from inference_providers.servers import recipes
from inference_providers.servers.engines import environment
from inference_providers.servers.launchables import Launchables
from inference_providers.testing import tiny_model
from tests.test_launch import a_list, nothing_is_left, running, slow

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
SECRETS = (
    "HF_TOKEN", "HF_ACCESSTOKEN", "HF_SESSION", "HF_KEYFILE", "HF_ENDPOINT", "HF_TOKEN_PATH", "HF_STORED_TOKENS_PATH",
    "HUGGINGFACE_PWD", "HUGGING_FACE_HUB_TOKEN", "OLLAMA_COOKIE", "OLLAMA_HOST", "OLLAMA_API_KEY", "OLLAMA_AUTH",
    "XDG_SESSION_COOKIE", "XDG_SESSION_ID", "VLLM_API_KEY", "VLLM_LICENSE", "VLLM_DEBUG_LOG_API_SERVER_RESPONSE",
    "SGLANG_JWT", "LLAMA_API_KEY", "LLAMA_ARG_API_KEY", "LLAMA_ARG_HF_REPO", "LC_SECRET", "LC_API", "CUDA_KEY_RING",
    "NVIDIA_NGC_CLI_CREDS", "NVIDIA_LOGIN", "TORCH_HUB_BEARER", "TRANSFORMERS_PASSPHRASE", "DYLD_INSERT_LIBRARIES",
    "LD_PRELOAD", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "PYTHONSTARTUP", "S3_SECRET_ACCESS_KEY",
    "AWS_PROFILE", "SSH_AUTH_SOCK", "KUBECONFIG", "NETRC", "DATABASE_URL", "OPENAI_API_KEY", "path", "hf_home",
)  # fmt: skip
SETTINGS = {
    "HOME": "/h", "LANG": "C.UTF-8", "LC_ALL": "C", "HF_HOME": "/hf", "HF_HUB_CACHE": "/hf/hub", "CUDA_VISIBLE_DEVICES": "0,1",
    "ROCR_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "4", "VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_LOGGING_LEVEL": "DEBUG",
    "OLLAMA_MODELS": "/models@2", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": "/a:/b@3:/c",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True", "LD_LIBRARY_PATH": "/usr/lib:/opt/openssl@3/lib",
}  # fmt: skip


def test_settings_go_and_nothing_else_does() -> None:
    given = {**SETTINGS, **dict.fromkeys(SECRETS, "s3cret")}
    passed = environment(given)
    assert {name: passed[name] for name in SETTINGS} == SETTINGS
    assert set(passed) == {*SETTINGS, "PATH", "PYTHONUNBUFFERED"}


@given(st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1), st.text()))
def test_a_name_that_is_not_on_the_list_does_not_go(environ: dict[str, str]) -> None:
    assert set(passed_on.passed_on(environ)) <= passed_on.NAMES


@pytest.mark.parametrize(
    "value",
    ["https://user:password@host/x", "https://user:pass/word@host", "socks5h://u@h", "user:password@host", "a,http://u:p@h,b",
     "HTTPS://TOKEN@HOST"],
)  # fmt: skip
def test_an_address_with_a_login_does_not_go_under_any_name(value: str) -> None:
    assert passed_on.passed_on(dict.fromkeys(passed_on.NAMES, value)) == {}


def test_no_name_on_the_list_sounds_like_a_secret() -> None:
    words = [
        "TOKEN",
        "KEY",
        "SECRET",
        "PASS",
        "PWD",
        "COOKIE",
        "SESSION",
        "CRED",
        "AUTH",
        "BEARER",
        "LOGIN",
        "ENDPOINT",
        "PROXY",
        "URL",
        "URI",
        "LICENSE",
        "JWT",
    ]
    assert {name for name in passed_on.NAMES if {*name.split("_")} & {*words}} == set()


def test_neither_engine_nor_supervisor_has_more() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux shows the environment of a process")
    secret = {**dict.fromkeys(SECRETS, "s3cret"), "HF_HOME": "https://u:s3cret@host", "HF_ACCESSTOKEN": "s3cret"}
    assert a_list(local_models=[slow()], environ={**secret, "OMP_NUM_THREADS": "3"}).ask_ai("hi", "slow")
    ((_, state),) = running(os.environ)
    for pid in (state["engine"], state["supervisor"]):
        seen = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"s3cret" not in seen
        assert b"OMP_NUM_THREADS=3" in seen


# Names of models on command lines


ODD = ("--port=80", "-m", "--", "-", "---x", "a b", "{key}", "{port}", "$(id)", "a;b", "@file", "=x")


def rows() -> Iterator[object]:
    for engine, provider in bundled().providers.items():
        for recipe in (provider.local or {}).get("launch") or ():
            yield pytest.param(engine, recipe, id=recipe["name"])


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(("engine", "recipe"), list(rows()))
def test_no_name_of_a_model_becomes_an_option(
    engine: str, recipe: dict[str, object], name: str, tmp_path: Path
) -> None:
    from inference_providers.servers.launch import LaunchableServer
    from inference_providers.servers.model_files import ModelFile

    path = str(tmp_path / f"{name}.gguf")
    options = dict.fromkeys(recipe.get("options") or (), 1)  # type: ignore[call-overload]
    options["tokenizer"] = path
    server = LaunchableServer(
        engine, "x", recipe, ModelFile(name, path, "gguf", 0, "test", options=options), None, {}, print
    )
    command, _ = recipes.templates(recipe, {**options, "tokenizer": path})
    values = {**server._values, "python": "/python", "package": "/package", "port": 1, "key": "k", "file": "/f"}
    for template, filled in zip(command, [recipes.fill(text, values) for text in command], strict=True):
        assert template.startswith("-") or not filled.startswith("-"), template
    assert [*server.models] == [recipes.fill(str(recipe.get("served", "{name}")), server._values)]


@pytest.mark.parametrize("file", ["--port=80.gguf", "-m.gguf", "--.gguf", "a b.gguf", "{key}.gguf", "ü, v.gguf"])
def test_a_model_whose_name_looks_like_an_option_is_served(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    folder = tmp_path / "data" / "inference_providers" / "models"
    folder.mkdir(parents=True)
    os.rename(model, folder / file)
    monkeypatch.chdir(folder)
    providers = a_list()
    for name in (f"llama.cpp/{file}", f"./{file}", f"llama.cpp/{file.removesuffix('.gguf')}"):
        answer = providers.ask_ai("hi", name, max_tokens=2)
        assert answer.provider == "llama.cpp"
    assert len([*running(os.environ)]) == 1
    assert Launchables(bundled(), os.environ).running()[0].model.path == str(folder / file)
