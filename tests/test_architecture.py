"""Folders in one order, between them only their faces; the way to a first answer imports nothing of weight."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT
from tools import faces

PACKAGE = ROOT / "inference_providers"
NAME = PACKAGE.name
# From the bottom up: imports point down only. A word alone is a folder; "ground" stands for the modules below.
ORDER = (
    "loading", "text", "rendering", "ground", "files", "registry", "credentials", "plugins", "settings", "usage", "chat", "offers", "transport", "protocols", "servers",
    "upkeep", "testing", "state", "routing", "calls", "telemetry", "cache", "templates", "toolsets", "batches", "vectors", "clients", "ray", "notebook", "compat", "gateway", "cli",
)  # fmt: skip
GROUND = {"_face": "loading"}  # and all others are "ground"
WITHOUT_FACE = ("cli", "upkeep.importers")  # nobody imports from them but their own, and those that run them
# Imports for types only that still point up.
UPWARD = {
    ("batches", "clients"): {"Base"},
}


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py" and not is_shim(path))


def is_shim(path: Path) -> bool:
    """Whether a file only says where its module has gone, or is no module of ours but a hook of another program's."""
    return path.parts[len(PACKAGE.parts)] in ("_old", "_pyinstaller")


def folder_of(module: str) -> str:
    """The folder of a module below the package: `registry` for `registry.naming`, "ground" for `errors`."""
    head = module.partition(".")[0]
    return head if head in ORDER else GROUND.get(head, "ground")


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> list[tuple[str, str, bool]]:
    """(module below the package, name, whether for types only) of every import of the package in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == NAME:
            assert not node.level, f"{path}: a relative import"
            base = node.module.removeprefix(NAME).removeprefix(".")
            found += [(base, alias.name, id(node) in typing) for alias in node.names]
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == NAME for alias in node.names), f"{path}: import by module"
    return found


def face_of(folder: str, typing: bool) -> set[str]:
    """The names that a folder gives; to type checkers also those that are types only."""
    typed = {name for _, name, only in imports(PACKAGE / folder / "__init__.py") if only and typing}
    return typed | set(importlib.import_module(f"{NAME}.{folder}").__all__)


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_imports_point_down_only(path: Path) -> None:
    own = folder_of(module_of(path))
    if module_of(path) == "":
        return  # the package's own face knows everybody
    for base, name, typing in imports(path):
        if base == "" and name == "__version__":
            continue
        other = folder_of(base or name)
        assert ORDER.index(other) <= ORDER.index(own) or (typing and name in UPWARD.get((own, other), ())), (
            f"{module_of(path)} ({own}) imports {name} of {other}, which lies above it"
        )


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_between_folders_only_faces_are_used(path: Path) -> None:
    own = folder_of(module_of(path))
    for base, name, typing in imports(path):
        other = folder_of(base or name)
        if (
            other in (own, "ground", "loading")
            or base.split(".")[0] in WITHOUT_FACE
            or base == "upkeep.importers.build"
        ):
            continue
        if base == "":  # `from inference_providers import chat`: the face itself
            assert name in ORDER, f"{module_of(path)} imports {name} of the package's face"
        elif module_of(path) != "":
            assert base == other, f"{module_of(path)} reaches into {base} for {name}, past the face of {other}"
            assert name in face_of(other, typing), f"{name} is not on the face of {other}"


def test_no_circle_runs_through_modules_typing_imports_included() -> None:
    modules = {module_of(path) for path in files()}
    arrows: dict[str, set[str]] = {}
    for path in files():
        own = module_of(path)
        if own == "" or path.name == "__init__.py":
            continue  # faces load what they give when it is asked for
        for base, name, _ in imports(path):
            full = f"{base}.{name}".lstrip(".")
            target = full if full in modules else base
            if folder_of(target) == folder_of(own) and target in modules:
                arrows.setdefault(own, set()).add(target)
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle: {' -> '.join((*trail[trail.index(module) :], module))}"
        if module not in done:
            for target in sorted(arrows.get(module, ())):
                walk(target, (*trail, module))
            done.add(module)

    for module in sorted(arrows):
        walk(module, ())


def test_faces_give_what_others_use() -> None:
    assert faces.stale() == [], "`make generate` writes them anew"


@pytest.mark.parametrize("folder", faces.folders())
def test_a_face_loads_what_it_gives_when_it_is_asked(folder: str) -> None:
    package = importlib.import_module(f"{NAME}.{folder}")
    assert package.__all__
    assert {name for name in package.__all__ if getattr(package, name, None) is None} == set()
    names = {name for name in package.__all__ if not isinstance(getattr(package, name), ModuleType)}
    modules = {path.stem for path in (PACKAGE / folder).glob("*.py")}
    assert modules & names == set(), "importing the module would put it in the place of its namesake"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_every_folder_has_its_row_in_the_documents() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split("|")[1].strip().strip("`/") for line in text.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row in ORDER] == [
        name for name in reversed(ORDER) if name not in ("loading", "ground")
    ]
    for folder in ORDER:
        if folder not in ("loading", "ground"):
            doc = importlib.import_module(f"{NAME}.{folder}").__doc__
            assert doc is not None
            assert doc.splitlines()[0] in text, f"the row of {folder} and the first line of its docstring differ"


def loaded_by(code: str, environ: dict[str, str] | None = None) -> set[str]:
    """Modules loaded by a program in a process of its own, without the hooks of an editable install."""
    site = Path(pytest.__file__).parent.parent
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": "/nonexistent", **(environ or {}), "PYTHONPATH": f"{ROOT}:{site}"},
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
    code = "from inference_providers import ask_ai\ntry:\n    ask_ai('x')\nexcept Exception as error:\n    assert type(error).__name__ == 'ProviderUnavailableError', error"
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


def documentation(tree: ast.AST) -> int:
    """How many lines below a node are docstrings, but for the first of each: the reference is made of them."""
    places = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, places) and ast.get_docstring(node)]
    return sum((node.end_lineno or 0) - node.lineno for node in first)


def test_modules_and_functions_stay_small() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        assert text.count("\n") - documentation(tree) <= 400, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno - documentation(node)
                assert lines <= 55, f"{path}: {node.name}"


def test_no_code_branches_on_a_providers_name() -> None:
    from inference_providers.registry import bundled

    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                constants = {
                    c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                }
                assert constants & (set(bundled().providers) - {"local"}) == set(), f"{path}:{node.lineno}"
