"""Model lists in files: what is wrong with one is said, and stands in nobody's way."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import ProviderList, RegistryError, UnknownModelError, initialize_llm_registry
from inference_providers.servers import model_lists
from inference_providers.testing import tiny_model
from tests.conftest import list_of
from tests.servers import Server
from tests.test_launch import a_list, nothing_is_left

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
Serve = Callable[..., Server]


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """What is thrown away within a hundred thousand brackets has no room to say farewell, and pytest hears of it."""
    gc.disable()
    yield
    gc.enable()


ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
BAD = {
    "deep JSON": "[" * 100_000 + "]" * 100_000,
    "deep JSON in an entry": '{"models": [{"name": "x", "context": ' + "[" * 900 + "]" * 900 + "}]}",
    "deep YAML": "models:\n" + "".join("  " * n + "- a:\n" for n in range(1, 400)),
    "deep YAML in a line": "{a: " * 20_000,
    "a date that is none": "models: [!!timestamp x]",
    "a date of no calendar": "models: [2001-99-99]",
    "a number that is none": "models: [!!int '']",
    "a truth that is none": "models: [!!bool x]",
    "bytes that are none": "models: [!!binary '\u00fc']",
    "a fraction that is none": "models: [!!float x]",
    "a number in base 60 that is none": "models: [!!int '1:x']",
    "an object of Python": "models: [!!python/object/apply:os.system [echo]]",
    "a set": "models: !!set {a, b}",
    "pairs": "models: !!omap [a]",
    "a key that is a list": "? [a]\n: b",
    "billions of texts": ALIASES + "models: [*a11]",
    "billions of texts in an entry": ALIASES + "models: [{name: x, context: *a11}]",
    "billions of merges": MERGED + "models: [*a11]",
    "a list of itself": "models: &m [*m]",
    "an entry of itself": "models: [&m {name: x, context: *m}]",
    "an alias of nothing": "models: [*x]",
    "two documents": "models: [a]\n---\nmodels: [b]",
    "huge JSON": json.dumps({"models": ["x" * 1_000_000]}),
    "huge YAML": "models: [" + "x, " * 200_000 + "]",
    "a huge number": '{"models": [{"name": "x", "port": ' + "9" * 5000 + "}]}",
    "a long text": '{"models": [{"name": "x", "context": "' + "y" * 100_000 + '"}]}',
    "no list": "3",
    "nothing": "",
    "NUL": "\0",
    "half a character": "\ud800",
    "names that are none": '{"models": [null, 3, [], {}, {"name": 3}, {"name": ""}]}',
    "paths that are none": '{"models": [{"name": "x", "model_path": 3}]}',
    "an engine that is none": '{"models": [{"name": "x", "engine": []}]}',
}  # fmt: skip


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's lists are."""
    monkeypatch.setattr(model_lists, "_kept", {})
    folder = tmp_path / "config" / "inference_providers"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_list_is_said_with_its_file(what: str, usual: Path) -> None:
    path = usual / "models.yaml"
    path.write_bytes(BAD[what].encode("utf-8", "surrogatepass"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for named in ([path], []):
        with pytest.raises(RegistryError) as caught:
            initialize_llm_registry(*named)
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < 3000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 * 1024  # KiB


@pytest.mark.parametrize("what", ["a FIFO", "a folder", "/dev/zero", "bytes", "nothing", "a loop"])
def test_what_is_no_file_is_said_and_nobody_waits(what: str, tmp_path: Path, usual: Path) -> None:
    path = tmp_path / "list.yaml"
    if what == "a FIFO":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    elif what == "bytes":
        path.write_bytes(random.Random(1).randbytes(5000))
    elif what == "a loop":
        path.symlink_to(path)
    elif what == "/dev/zero":
        path = Path("/dev/zero")
    with pytest.raises(RegistryError, match=str(path)):
        initialize_llm_registry(path)


@pytest.mark.parametrize(
    "what", ["deep JSON", "a date that is none", "billions of texts in an entry", "a list of itself"]
)
def test_one_that_cannot_be_used_stands_in_nobodys_way(
    what: str, usual: Path, tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in that of who asks another model, nor in that of the other lists; and it is told once."""
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    (usual / "models.json").write_text(json.dumps({"models": [{"name": "mine", "model_path": model}]}))
    (usual / "models.yaml").write_text(BAD[what])
    providers = a_list()
    assert [offer.internal_name for offer in providers.candidates("mine")] == ["tiny"]
    assert [offer.internal_name for offer in providers.candidates("mine")] == ["tiny"]
    assert list_of(serve().url).ask_ai("hi")
    assert caplog.text.count(f"{usual / 'models.yaml'}: ") == 1


def test_a_list_that_was_mended_counts(usual: Path, tmp_path: Path) -> None:
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    path = usual / "models.yaml"
    path.write_text("models: [!!timestamp x]")
    providers = a_list()
    assert model_lists.usable(os.environ)[1]
    path.write_text(f"models: [{{name: mended, model_path: {model}}}]")
    assert [offer.internal_name for offer in providers.candidates("mended")] == ["tiny"]


def test_aliases_and_merges_of_a_sane_size_are_fine(usual: Path) -> None:
    (usual / "models.yaml").write_text(
        "base: &base {context: 512, slots: 2}\nmodels:\n- {<<: *base, name: a, model_path: /a}\n- {<<: *base, name: b, model_path: /b}\n"
    )
    found = model_lists.load(environ=os.environ)
    assert [(name, entry["context"]) for name, entry in found.items()] == [("a", 512), ("b", 512)]


@pytest.mark.parametrize("which", ["folder", "file"])
def test_a_list_that_others_can_write_is_not_used_unless_it_is_named(
    which: str, usual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A team's list may be a group's to write: who names it means it."""
    path = usual / "models.json"
    path.write_text('{"models": ["gpt-4"]}')
    assert set(model_lists.usable(os.environ)[0]) == {"gpt-4"}
    monkeypatch.setattr(model_lists, "_listed", None)
    (usual if which == "folder" else path).chmod(0o777)
    found, problems = model_lists.usable(os.environ)
    assert found == {}
    assert "can be written by everybody" in problems[0]
    monkeypatch.setattr(model_lists, "_listed", None)
    assert set(model_lists.load(path, environ={})) == {"gpt-4"}


@given(st.text(alphabet="ab0-:,[]{}&*!<>|?#'\"\\ \n\t%@\u00fc.", max_size=200))
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    try:
        model_lists._parsed(text.encode())
    except (ValueError, RecursionError) as error:
        assert str(error) or error


def test_a_listed_file_is_not_asked_of_a_cloud_where_nothing_here_is_used(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(json.dumps({"models": [{"name": "hf_agent", "model_path": str(tmp_path / "weights")}]}))
    environ = {"INFERENCE_PROVIDERS_MODELS": str(path), "HF_TOKEN": "hf_" + "x" * 30}
    providers = ProviderList(environ=environ, local=False)
    for ask in (providers.resolve, providers.candidates, lambda name: providers.ask_ai("secret", name)):
        with pytest.raises(UnknownModelError, match="in a list of yours"):
            ask("hf_agent")
    assert providers.resolve("hf_another").rule == "prefix"
