"""Records: what the types of dicts say is what is in them, in the registry file, on a pipe and in a state file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from inference_providers.registry.registry import bundled
from inference_providers.servers import launch, model_lists, records
from inference_providers.servers.launchables import Launchables
from inference_providers.servers.model_files import ModelFile
from tests.conftest import ROOT
from tests.test_architecture import loaded_by
from tests.test_launch import nothing_is_left, running, slow

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
ROWS = [
    pytest.param(recipe, id=recipe["name"])
    for provider in bundled().providers.values()
    for recipe in (provider.local or {}).get("launch") or ()
]


def assert_is(row: Mapping[str, Any], record: Any) -> None:
    """All fields that must be there are, and no others than may be."""
    assert record.__required_keys__ <= set(row) <= record.__required_keys__ | record.__optional_keys__


@pytest.mark.parametrize("recipe", ROWS)
def test_recipes_of_the_registry(recipe: dict[str, Any]) -> None:
    assert_is(recipe, records.LaunchRecipe)
    assert_is(recipe.get("key") or {}, records.KeyRule)


def test_the_schema_of_recipes_has_the_same_fields() -> None:
    schema = json.loads((ROOT / "schema" / "inference-providers.schema.json").read_text("utf-8"))["$defs"]["launch"]
    assert set(schema["required"]) == records.LaunchRecipe.__required_keys__
    assert {*schema["properties"], "title"} == set(records.LaunchRecipe.__annotations__)
    assert set(schema["properties"]["key"]["properties"]) == set(records.KeyRule.__annotations__)


def test_fields_of_models_and_options() -> None:
    assert set(records.ModelRecord.__annotations__) == set(ModelFile.__slots__)
    ours = {*model_lists.OPTIONS, *model_lists.FROM_CODE, "tokenizer"}  # which a list calls `tokenizer_path`
    assert set(records.LaunchOptions.__annotations__) == ours


def test_entries_of_models() -> None:
    (bare, whole) = model_lists.entries(["a.gguf", {**slow(), "engine": "vllm", "idle": 5, "context": 16}])
    for entry in (bare, whole):
        assert_is(entry, records.ModelEntry)


def test_a_record_of_a_model_is_the_model() -> None:
    model = ModelFile("x", "/x.gguf", "gguf", 5, "test", served="y", engine="vllm", options={"slots": 2, "idle": 1})
    assert ModelFile(**model.record()).record() == model.record()
    more = model.with_options({"slots": 3})
    assert more.options == {"slots": 3, "idle": 1}
    assert model.options == {"slots": 2, "idle": 1}, "an option of one launch is not the model's"


def test_the_plan_and_the_state_of_a_server(tmp_path: Path) -> None:
    (server,) = Launchables(bundled(), os.environ, [slow()]).matching("slow")
    assert_is(server._plan(str(tmp_path)), records.LaunchPlan)
    server.wake()
    ((folder, state),) = running(os.environ)
    assert state == json.loads(Path(folder, "state.json").read_text("utf-8"))
    assert_is(state, records.ServerState)
    assert_is(state["model"], records.ModelRecord)
    server.release()


def test_no_program_loads_them() -> None:
    modules = sorted(path.stem for path in Path(launch.__file__).parent.glob("*.py"))
    names = [name for name in modules if name not in ("__init__", "records", "llama_server")]
    loaded = loaded_by("".join(f"import inference_providers.servers.{name}\n" for name in names))
    assert {f"inference_providers.servers.{name}" for name in names} <= loaded
    assert "inference_providers.servers.records" not in loaded
