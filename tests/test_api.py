"""What others rely on changes only when somebody means it to."""

from __future__ import annotations

import difflib
import subprocess
import sys

import click
import pytest

import inference_providers
from tests import api
from tests.conftest import ROOT


def test_the_public_names_are_those_that_were_written_down() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.api"], cwd=ROOT, capture_output=True, text=True, check=True)
    kept, now = api.PATH.read_text("utf-8").splitlines(), done.stdout.splitlines()
    changed = list(difflib.unified_diff(kept, now, "tests/data/api.txt", "now", lineterm="", n=3))
    if changed:
        pytest.fail(
            "What others rely on has changed:\n\n"
            + "\n".join(changed)
            + "\n\nA line that is gone or different breaks somebody's program: put it back, or say so in CHANGELOG.md."
            "\nIf it is meant, `make api` (`python -m tests.api --write`) writes it down; commit tests/data/api.txt with it.",
            pytrace=False,
        )


def test_every_public_name_is_written_down() -> None:
    lines = api.PATH.read_text("utf-8").splitlines()
    for name in inference_providers.__all__:
        starts = (f"class {name}(", f"def {name}(", f"async def {name}(")
        assert [line for line in lines if line.startswith(starts)], name


def test_what_breaks_a_call_changes_the_text() -> None:
    """A parameter's name, its place, whether it is by name only, its default; not its type."""

    def before(a: int, b: int = 1, *, c: int = 2) -> None: ...

    def typed(a: str, b: str = 1, *, c: bytes = 2) -> int: ...  # type: ignore[assignment]

    def renamed(x: int, b: int = 1, *, c: int = 2) -> None: ...

    def moved(b: int, a: int = 1, *, c: int = 2) -> None: ...

    def by_name(a: int, *, b: int = 1, c: int = 2) -> None: ...

    def another(a: int, b: int = 3, *, c: int = 2) -> None: ...

    def without(a: int, b: int = 1) -> None: ...

    assert api.signature(typed) == api.signature(before) == "(a, b=1, *, c=2)"
    assert api.signature(before) not in [api.signature(one) for one in (renamed, moved, by_name, another, without)]


def test_members_of_classes_are_told_with_their_kind() -> None:
    class Kept:
        __slots__ = ("_hidden", "slot")
        constant = 3

        def __init__(self) -> None:
            self.slot = self._hidden = 1

        def method(self, a: int = 1) -> None: ...

        async def later(self) -> None: ...

        @property
        def shown(self) -> int:
            return 1

        @classmethod
        def made(cls, a: int) -> None: ...

        def __len__(self) -> int:
            return 0

        def _own(self) -> None: ...

    assert list(api.members(Kept, "tests")) == [
        "constant = 3", "async later(self)", "made(cls, a): classmethod", "method(self, a=1)",
        "shown: property", "slot: attribute", "supports __len__",
    ]  # fmt: skip


def test_options_are_told_with_what_they_take() -> None:
    @click.group()
    def group() -> None: ...

    @group.command()
    @click.argument("names", nargs=-1, required=True)
    @click.option("-k", "--kind", type=click.Choice(["a", "b"]), multiple=True)
    @click.option("--quiet/--loud")
    def go() -> None: ...

    assert list(api.command("program", group)) == [
        "program", "program go", "    NAMES text required repeatable", "    -k, --kind a|b repeatable", "    --quiet, --loud flag",
    ]  # fmt: skip
