"""Every environment variable that is read is in the table of them, and what is in the table is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from inference_providers import InferenceProvidersError, ProviderList
from inference_providers.cli.variables import rows
from inference_providers.credentials import sources_of
from inference_providers.registry.registry import bundled
from inference_providers.servers.engine_environment import passed_on
from inference_providers.upkeep import Updater
from tests.conftest import ROOT

PACKAGE = ROOT / "inference_providers"
# Texts that look like names of variables, and are none that is read.
OTHER = {
    "FILE_OR_URL",  # a command's argument
    "PROHIBITED_CONTENT",  # why Google stopped
    "REMOTE_VLLM",  # kinds of engines
    "GOOGLE_VERTEX",
    "HUGGING_FACE_ROUTER",
    "XDG_CONFIG_DIRS",  # pip alone gets it, for its own settings
    "INVALID_JSON",  # what stands for a tool call's arguments
    "MODEL_NAME",  # stands in the addresses of providers that have ended
    "INFERENCE_PROVIDERS_MOCK_KEY",  # both stand for the variable of a key that is in none
    "INFERENCE_PROVIDERS_REMOTE_KEY",
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def of_the_registry() -> set[str]:
    found: set[str] = set()
    for row in bundled().providers.values():
        connection = row.connection
        found |= {*row.key_variables, *row.address_variables, *sources_of(row)}
        found |= set((connection.get("headers") or {}).values())
    return found | {name for row in bundled().retired_providers.values() for name in row.get("api_key") or ()}


def named_in_the_source() -> dict[str, str]:
    """Texts in the source that are names of variables, by their form or by what they are looked up in."""
    found: dict[str, str] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.name in ("__init__.py", "engine_environment.py", "variables.py") or path.name.startswith("gemini_"):
            continue  # the last have Google's words for states and reasons
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for name in _names(node):
                found.setdefault(name, str(path.relative_to(PACKAGE)))
    return found


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", node.value) and not node.value.startswith("O_"):
            yield node.value
    elif isinstance(node, ast.Subscript):
        yield from _in_an_environment(node.value, node.slice)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        yield from _in_an_environment(node.func.value, node.args[0])


def _in_an_environment(owner: ast.AST, argument: ast.AST) -> Iterator[str]:
    if ast.unparse(owner).endswith("environ") and isinstance(argument, ast.Constant):
        yield str(argument.value)


def test_every_variable_that_the_source_names_is_in_the_table() -> None:
    named = {name: path for name, path in named_in_the_source().items() if name not in OTHER}
    assert len(named) > 20
    assert {name: path for name, path in named.items() if name not in rows() and name not in of_the_registry()} == {}


def test_every_variable_of_the_table_is_read() -> None:
    source = "\n".join(
        path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path.name not in ("variables.py", "__init__.py")
    )
    unread = [
        name
        for name in rows()
        if f'"{name}"' not in source and not (name.lower() in PROXIES and f'"{name.lower()}"' in source)
    ]
    assert unread == []


class Noting(Mapping[str, str]):
    """An environment that notes what is looked for in it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables, self.seen = variables, set[str]()

    def __getitem__(self, name: str) -> str:
        self.seen.add(name)
        return self.variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)


@pytest.mark.parametrize("name", ["gpt-4o", "llama-3.3-70b", "ollama/x", "x.gguf", None])
def test_what_a_list_looks_for_is_in_a_table(tmp_path: Any, name: str | None) -> None:
    environ = Noting(
        {"HOME": str(tmp_path), "OPENAI_API_KEY": "k-0123456789", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    )
    with suppress(InferenceProvidersError):
        ProviderList(environ=environ).ask_ai("hi", name, timeout=5)
    Updater(environ)
    passed = passed_on(dict.fromkeys(environ.seen, "x"))  # what engines get is listed in a module of its own
    alike = {name for name in environ.seen if name.endswith(("_URL", "_HOST", "_ENDPOINT", "_BASE", "_BASEURL"))}
    known = {*rows(), *of_the_registry(), *PROXIES, *passed, *alike}
    known |= {f"{name}_FILE" for name in known}  # files with keys
    assert len(environ.seen) > 50
    assert sorted(environ.seen - known) == []


def test_the_page_has_all_of_them() -> None:
    page = (ROOT / "docs" / "environment.md").read_text("utf-8")
    keys = {name for row in bundled().providers.values() for name in row.key_variables}
    assert [name for name in sorted({*rows(), *keys}) if f"`{name}`" not in page] == []
