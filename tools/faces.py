"""Writes the faces of folders: each gives what modules of other folders import from it, and nothing else.

A name is found in the module that defines it. One that is defined for type checkers only is given to them only.
`python -m tools.faces` writes; tests compare.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inference_providers"
NAME = PACKAGE.name
ALWAYS = {  # names of the documentation, which no other folder imports
    "calls": {
        "AttemptFinished",
        "Call",
        "CallFinished",
        "CallStarted",
        "Event",
        "FirstContent",
        "Stage",
        "StreamFinished",
    },
    "plugins": {"VERSION", "Dialect", "Events", "Rows", "Store", "StreamingDialect", "Template", "objects"},
    "clients": {"AskOptions", "BatchOptions", "GenerationOptions", "StreamOptions"},
    "ray": {"ask", "runner"},  # the second is loaded by name, as `batches.engines` says
}


def folders() -> list[str]:
    """The folders that have a face."""
    return [path.name for path in sorted(PACKAGE.iterdir()) if (path / "__init__.py").exists() and has_face(path)]


def has_face(path: Path) -> bool:
    """Whether a folder's `__init__.py` is a face."""
    return "face(__name__" in "".join((path / "__init__.py").read_text("utf-8").split())


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> list[ast.ImportFrom]:
    """What a file imports by name, anywhere in it."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]


def users(folder: str) -> list[Path]:
    """The modules outside a folder that may import from its face."""
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in (folder, "_old", "_pyinstaller") and path.name != "__main__.py"
    ]


def used(folder: str) -> set[str]:
    """The names that others take from a face, by `from ...folder import name` or as `folder.name`."""
    names = set(ALWAYS.get(folder, ()))
    for path in users(folder):
        imported = False
        for node in imports(path):
            if node.module == f"{NAME}.{folder}":
                names |= {alias.name for alias in node.names}
            imported |= node.module == NAME and folder in {alias.name for alias in node.names}
        if imported:
            names |= {
                node.attr
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == folder
            }
    return names | given_by_the_package(folder)


def given_by_the_package(folder: str) -> set[str]:
    """The public names that the package's own face takes from a folder."""
    for node in ast.walk(tree(PACKAGE / "__init__.py")):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == folder and isinstance(value, ast.Tuple):
                    return set(ast.literal_eval(value))
    return set()


@cache
def defined(path: Path) -> tuple[set[str], set[str]]:
    """Names that a module defines at run time, and those for type checkers alone."""
    at_run_time: set[str] = set()
    typing: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for inner in node.body:
                typing |= names_of(inner)
        else:
            at_run_time |= names_of(node)
    return at_run_time, typing


def names_of(node: ast.stmt) -> set[str]:
    """The names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {
            name.id
            for target in node.targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
    return {node.target.id} if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else set()


def homes(folder: str) -> tuple[dict[str, list[str]], dict[str, list[str]], list[str]]:
    """Module -> names that it gives; module -> names for type checkers alone; modules that are given whole."""
    home: dict[str, list[str]] = {}
    typing: dict[str, list[str]] = {}
    modules: list[str] = []
    paths = {
        ".".join(path.relative_to(PACKAGE / folder).with_suffix("").parts): path
        for path in sorted((PACKAGE / folder).rglob("*.py"), key=lambda path: (len(path.parts), path))
        if path.name != "__init__.py"
    }
    before = given(folder)
    for name in sorted(used(folder)):
        for target, kind in ((home, 0), (typing, 1)):
            found = [module for module, path in paths.items() if name in defined(path)[kind]]
            chosen = [module for module in found if name in before.get(module, ())] or found
            if len(chosen) > 1:
                raise SystemExit(
                    f"{folder}: {name} is defined in {', '.join(chosen)}; which is it? Write it into the face"
                )
            if chosen:
                target.setdefault(chosen[0], []).append(name)
                break
        else:
            if name not in paths:
                raise SystemExit(f"{folder} has no {name}, which others import")
            modules.append(name)
    return home, typing, modules


def given(folder: str) -> dict[str, set[str]]:
    """What the face gives now: module -> names."""
    found: dict[str, set[str]] = {}
    for node in imports(PACKAGE / folder / "__init__.py"):
        if node.module:
            module = node.module.removeprefix(f"{NAME}.{folder}").removeprefix(".")
            found.setdefault(module, set()).update(alias.name for alias in node.names)
    return found


def face(folder: str) -> str:
    """The text of a folder's `__init__.py`, its docstring as it is."""
    home, typing, modules = homes(folder)
    package = f"{NAME}.{folder}"
    doc = ast.get_docstring(tree(PACKAGE / folder / "__init__.py"), clean=False)
    seen = {module: sorted([*home.get(module, ()), *typing.get(module, ())]) for module in {*home, *typing}}
    lines = [f'"""{doc}"""', "", "from __future__ import annotations", "", f"from {NAME}._face import face", ""]
    lines += ["TYPE_CHECKING = False", "if TYPE_CHECKING:"]
    lines += [f"    from {package} import {module} as {module}" for module in modules]
    lines += [f"    from {package}.{m} import {name} as {name}" for m in sorted(seen) for name in seen[m]]
    lines += ["", "_HOME = {"]
    lines += [f'    "{module}": ({tuple_of(names)}),' for module, names in sorted(home.items())]
    whole = f", modules=({tuple_of(modules)})" if modules else ""
    return "\n".join([*lines, "}", f"__getattr__, __dir__ = face(__name__, _HOME{whole})", ""])


def tuple_of(names: list[str]) -> str:
    """The source text of a tuple of names, without its brackets."""
    return ", ".join(f'"{name}"' for name in names) + ","


def content(module: ast.Module) -> list[str]:
    """What a face says, whatever the order of its imports."""
    return sorted(
        ast.dump(part) for node in module.body for part in (node.body if isinstance(node, ast.If) else [node])
    )


def stale() -> list[str]:
    """The folders whose faces are not what others use."""
    return [
        name for name in folders() if content(ast.parse(face(name))) != content(tree(PACKAGE / name / "__init__.py"))
    ]


def main() -> None:
    """Write every face that is not as it should be."""
    for folder in stale():
        path = PACKAGE / folder / "__init__.py"
        path.write_text(face(folder), "utf-8")
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
