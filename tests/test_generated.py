"""Modules that are made of others are what their sources say, and a change of those is noticed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_packaging import makefile
from tools import faces, twins

SAYS = "is made of this module by `make generate`"
BY_HAND = {"async_waiting.py", "async_exchange.py", "async_sender.py"}  # each has a counterpart that is another one
SOURCES = sorted(twins.sources().items())


def copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Path, Path]]:
    """Copies of the sources and of what is made of them, for the tools to look at: source's name -> both."""
    found = {}
    for pair in SOURCES:
        copies = [folder / path.relative_to(twins.PACKAGE) for path in pair]
        for copy, path in zip(copies, pair, strict=True):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        found[copies[0].name] = (copies[0], copies[1])
    monkeypatch.setattr(twins, "PACKAGE", folder)
    monkeypatch.setattr(twins, "ROOT", folder)
    return found


def test_made_modules_are_what_their_sources_say() -> None:
    assert twins.stale() == [], "`make generate` writes them anew"


def test_every_asynchronous_module_is_a_source_or_one_that_is_known_to_be_written_by_hand() -> None:
    found = {path for path in twins.PACKAGE.rglob("async_*.py") if path.parent.name != "_old"}
    assert {path.name for path in found - set(twins.sources())} == BY_HAND
    assert len(SOURCES) >= 6


@pytest.mark.parametrize(("source", "made"), SOURCES, ids=[made.stem for _, made in SOURCES])
def test_a_made_module_says_of_what_it_is_made(source: Path, made: Path) -> None:
    assert f"\n`{made.stem}` {SAYS}.\n" in source.read_text("utf-8")
    text = made.read_text("utf-8")
    assert text.splitlines()[0] == f"# Made of `{source.name}` by `make generate`: change that, not this."
    assert SAYS not in text
    kinds = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
    assert [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)] == []


def test_nothing_says_that_it_is_made_but_what_is() -> None:
    said = {path for path in twins.PACKAGE.rglob("*.py") if path.read_text("utf-8").startswith("# Made of ")}
    assert said == set(twins.sources().values())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("await sleep(step.seconds)", "await sleep(2 * step.seconds)"),
        ("        offer = step.offer\n", "        offer = step.hedge\n"),
        ("reply.close()", "reply.text"),
        ("if offer.launchable or", "if not offer.launchable or"),
    ],
)
def test_a_change_of_a_source_is_noticed(
    right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, made = copied(tmp_path, monkeypatch)["async_caller.py"]
    assert twins.stale() == []
    text = source.read_text("utf-8")
    assert right in text
    source.write_text(text.replace(right, wrong), "utf-8")
    assert twins.stale() == [made]
    twins.main()
    assert twins.stale() == []


def test_what_does_not_change_the_meaning_is_not_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, made = copied(tmp_path, monkeypatch)["async_asker.py"]
    text = made.read_text("utf-8")
    made.write_text(text.replace("\n\n\n", "\n# a comment\n\n\n"), "utf-8")
    assert twins.stale() == []
    first, second = "from functools import partial\n", "from itertools import groupby\n"
    assert first + second in text
    made.write_text(text.replace(first + second, second + first), "utf-8")
    assert twins.stale() == []
    made.unlink()
    assert twins.stale() == [made]


def test_the_order_of_imports_within_a_function_means_nothing() -> None:
    one = "def f():\n    from a import x\n    from b import y, z\n    return x, y, z\n"
    other = "def f():\n    from b import z, y\n    from a import x\n    return x, y, z\n"
    assert twins.meaning(one) == twins.meaning(other)
    assert twins.meaning(one) != twins.meaning(one.replace("return x, y", "return y, x"))


def test_lines_that_say_so_stay_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "async_thing.py"
    source.write_text(
        '"""A thing.\n\n`thing` is made of this module by `make generate`.\n"""\n'
        "made = async_client()  # as it is\nother = async_client()\n",
        "utf-8",
    )
    assert twins.twin(source).splitlines() == [
        "# Made of `async_thing.py` by `make generate`: change that, not this.",
        '"""A thing."""',
        "made = async_client()",
        "other = client()",
    ]
    kept = [line for source, _ in SOURCES for line in source.read_text("utf-8").splitlines() if twins.KEPT in line]
    for line in kept:
        assert any(line.replace(f"  {twins.KEPT}", "") in made.read_text("utf-8").splitlines() for _, made in SOURCES)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("async def f() -> AsyncIterator[int]:", "def f() -> Iterator[int]:"),
        ("    async for x in y:", "    for x in y:"),
        ("    async with aclosing(y) as z:", "    with closing(y) as z:"),
        ("return await thing.call_async(x)", "return thing.call(x)"),
        ("run: Callable[[], Awaitable[list[int]]]", "run: Callable[[], list[int]]"),
        ("-> AsyncGenerator[Offer, None]:", "-> Generator[Offer, None, None]:"),
        ("async def __aexit__(self)", "def __exit__(self)"),
        ("from calls.async_waiting import sleep", "from calls.waiting import sleep"),
        ("the words asynchronous and awaits stay", "the words asynchronous and awaits stay"),
    ],
)
def test_what_is_said_of_asyncio_is_said_of_threads(line: str, expected: str) -> None:
    assert twins.changed(line) == expected


def test_the_makefile_makes_and_formats_what_is_made() -> None:
    commands = makefile()["generate"]
    for part in ("-m tools.faces", "-m tools.twins", "ruff check --fix", "ruff format"):
        assert part in commands
    listed = subprocess.run([sys.executable, "-m", "tools"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = set(listed.stdout.split())
    assert {str(made.relative_to(ROOT)) for _, made in SOURCES} <= named
    assert {f"inference_providers/{folder}/__init__.py" for folder in faces.folders()} <= named
    assert [name for name in named if not (ROOT / name).is_file()] == []
