"""Makes synchronous modules of their asynchronous twins: `async_caller.py` is the source, `caller.py` is made of it.

`await`, `async for` and `async with` lose their word, names lose `Async` and `async_`, and what waits comes from
`calls.waiting` instead of `calls.async_waiting`, whose names are the same. Lines that end in `# as it is` stay.
`python -m tools.twins` writes; a test compares.
"""

from __future__ import annotations

import ast
import re
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inference_providers"
KEPT = "# as it is"
SAYS = re.compile(r"\n\n`\w+` is made of this module by `make generate`\.\n(?=\"{3})")
HEAD = "# Made of `{source}` by `make generate`: change that, not this.\n"
RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\bfrom asyncio import sleep\b", "from time import sleep"),
        (r"\basync (def|for|with)\b", r"\1"),
        (r"\bawait ", ""),
        (r"\bAsyncGenerator\[(.+?), None\]", r"Generator[\1, None, None]"),
        (r"\bAwaitable\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"\1"),
        (r"\b(__)a(iter|next|enter|exit)(__)\b", r"\1\2\3"),
        (r"\bac(los)(e|ing)\b", r"c\1\2"),
        (r"\b(\w+)_async\b", r"\1"),
        (r"\basync_(\w+)", r"\1"),
        (r"\bAsync(?=[A-Z])", ""),
    )
)


def sources() -> dict[Path, Path]:
    """Each asynchronous module that a synchronous one is made of, and that one."""
    return {
        path: path.with_name(path.name.removeprefix("async_"))
        for path in sorted(PACKAGE.rglob("async_*.py"))
        if "is made of this module by `make generate`" in path.read_text("utf-8")
    }


def twin(source: Path) -> str:
    """The synchronous module's text, not formatted."""
    text = source.read_text("utf-8")
    text = SAYS.sub("", text, count=1)
    lines = [line if line.rstrip().endswith(KEPT) else changed(line) for line in text.splitlines(keepends=True)]
    return HEAD.format(source=source.name) + "".join(lines).replace(f"  {KEPT}", "")


def changed(line: str) -> str:
    """A line without the words of asyncio."""
    for pattern, replacement in RULES:
        line = pattern.sub(replacement, line)
    return line


def meaning(text: str) -> str:
    """What a module says, whatever its format and the order of its imports, within functions as well."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.names.sort(key=lambda alias: alias.name)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                statements[:] = in_order(statements)
    body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    return "\n".join(map(ast.dump, body))


def in_order(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Statements, with imports that follow each other in one order."""
    found: list[ast.stmt] = []
    for imports, run in groupby(statements, lambda node: isinstance(node, ast.ImportFrom | ast.Import)):
        block = list(run)
        found += sorted(block, key=ast.dump) if imports else block
    return found


def stale() -> list[Path]:
    """The made modules that are not what their sources say."""
    return [
        made
        for source, made in sources().items()
        if not made.exists() or meaning(made.read_text("utf-8")) != meaning(twin(source))
    ]


def main() -> None:
    """Write every made module that is not as it should be."""
    late = set(stale())
    for source, made in sources().items():
        if made in late:
            made.write_text(twin(source), "utf-8")
            print(f"written: {made.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
