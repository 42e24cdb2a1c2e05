"""Imports point down only; the way to a first answer imports nothing of weight."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "inference_providers"
LAYERS = {
    **dict.fromkeys(("errors", "display", "installing"), 0),
    **dict.fromkeys(
        (
            "registry", "schema", "jsontext", "validation", "naming", "credentials", "trust", "attempts", "candidates", "resolution", "advice", "chat",
            "parameters", "structured", "docstrings", "tools", "answer", "dialogue", "conversation", "pace", "batch_items", "substitute",
            "local_server", "provider_rows", "usage", "cost", "access", "ordering", "arguments", "question", "parameter_rules", "explanation", "policies", "ways", "redaction", "foreign_secrets", "batch_lines", "formulas", "passed_on", "offerings", "heads",
        ),
        1,
    ),
    **dict.fromkeys(
        (
            "log", "update", "download", "local", "launch", "connection", "tiny_model", "wire", "importers",
            "pictures", "answer_stream", "files", "pipes", "batch_files", "batch_parts", "batch_places", "batch_tables", "mock", "cassette", "model_files", "machine",
            "engines", "locks", "processes", "server_state", "supervisor", "llama_server", "model_lists", "launchables",
            "folders", "peers", "progress",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "finder", "base", "provider_list", "async_provider_list",
            "batch_plan", "batch_runner", "batch_jobs", "batches", "engine", "engine_settings", "backends", "roll_call",
            "one_line", "options",
        ),
        3,
    ),
    **dict.fromkeys(("cli", "__main__", "pytest_plugin"), 4),
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Top-level modules of this package that a file imports at run time."""
    found: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, ast.ImportFrom | ast.Import):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = (
                [f"{node.module}.{name}" for name in names]
                if node.module == "inference_providers"
                else [str(node.module)]
            )
        found |= {name.split(".")[1] for name in names if name.startswith("inference_providers.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in LAYERS, f"{own} has no layer; give it one here and in docs/architecture.md"
    too_high = {name for name in imports(path) if name != own and LAYERS[name] > LAYERS[own]}
    assert too_high == set()


def loaded_by(code: str, environ: dict[str, str] | None = None) -> set[str]:
    """Modules loaded by a program in a process of its own, without the hooks of an editable install."""
    site = Path(pytest.__file__).parent.parent
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": "/nonexistent", "PYTHONPATH": f"{ROOT}:{site}", **(environ or {})},
    )
    return set(done.stdout.split())


def test_importing_reads_nothing_and_loads_nothing_of_weight() -> None:
    loaded = loaded_by(
        "import builtins\nreal = builtins.open\nbuiltins.open = lambda *a, **k: (_ for _ in ()).throw(AssertionError(a))\nimport inference_providers\nbuiltins.open = real"
    )
    assert {name for name in loaded if name.startswith("inference_providers")} == {"inference_providers"}


def test_listing_offers_loads_no_http_library_and_no_sdk() -> None:
    code = "from inference_providers import ProviderList\nassert ProviderList().find_model_providers('gpt-4')"
    loaded = loaded_by(code, {"OPENAI_API_KEY": "k"})
    assert (
        loaded
        & {
            "openai",
            "requests",
            "aiohttp",
            "httpx2",
            "jsonschema",
            "urllib3",
            "dataclasses",
            "typing",
            "pathlib",
            "logging",
        }
        == set()
    )


def test_asking_loads_no_sdk(serve: object) -> None:
    code = "from inference_providers import ask_ai\ntry:\n    ask_ai('x')\nexcept Exception as error:\n    assert type(error).__name__ == 'AllProvidersFailedError', error"
    loaded = loaded_by(code, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert loaded & {"openai", "requests", "aiohttp", "httpx2", "jsonschema"} == set()


def test_a_list_of_ones_own_loads_nothing_of_weight() -> None:
    code = (
        "from inference_providers import ProviderList\n"
        "row = {'connection': {'endpoint': 'https://x.example/v1', 'api_key': 'X_KEY'}, 'facts': {'m': [1000]}}\n"
        "for option in ({'json_merge': {'aliases': {'work': 'gpt-4o'}}}, {'json_override': {'providers': {'x': row}}}):\n"
        "    ProviderList(environ={}, local=False, **option)"
    )
    assert loaded_by(code) & {"jsonschema", "pydantic", "pydantic_core", "openai", "typing", "dataclasses"} == set()


def test_modules_and_functions_stay_small() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 55, f"{path}: {node.name}"


def test_no_code_branches_on_a_providers_name() -> None:
    from inference_providers.registry import bundled

    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                constants = {
                    c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                }
                assert constants & (set(bundled().providers) - {"local"}) == set(), f"{path}:{node.lineno}"
