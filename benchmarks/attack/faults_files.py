"""Faults of files, each as it once was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from benchmarks.attack.put_back import Fault, everywhere, having, together

Back = AbstractContextManager[Any]


def mode_of_the_umask() -> Back:
    """A file that was written anew had the mode of a new one."""
    from inference_providers.files import writing

    return having(writing, _inherit=lambda file, before, target: os.fchmod(file, 0o644))


def links_replaced() -> Back:
    """Where an output was a link, a file took the link's place."""
    from inference_providers.batches import files as batch_files
    from inference_providers.files import writing

    right = batch_files.Output._open

    def opened(self: Any, mode: int) -> None:
        right(self, mode)
        self._target = self.path

    @contextmanager
    def replacing(path: Any, *, text: bool = False, mode: int = 0o666) -> Iterator[Any]:
        before = os.stat(path)
        new = f"{path}.{os.getpid()}.tmp"
        with open(new, "w" if text else "wb") as file:
            yield file
            os.fchmod(file.fileno(), before.st_mode & 0o777)
        os.replace(new, path)

    return together(having(batch_files.Output, _open=opened), everywhere(writing, "replacing", replacing))


def foreign_lines_dropped() -> Back:
    """A line that no batch wrote was left out when a file was written anew."""
    from inference_providers.batches import files as batch_files

    right = batch_files._is_asked_again
    return having(batch_files, _is_asked_again=lambda line: right(line) or batch_files._is_foreign(line))


def foreign_rows_taken() -> Back:
    """A row was a batch's if it had something like a key."""
    import json

    from inference_providers.batches import lines as batch_lines

    def row_of(line: bytes) -> Any:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        known = isinstance(row, dict) and (row.get("key") or row.get("id"))
        return {"index": None, "error": None, "key": "0", **row} if known else None

    return everywhere(batch_lines, "row_of", row_of)


def special_files_opened() -> Back:
    """Whatever had a name was opened, and read to its end."""
    from inference_providers.files import opening, writing

    def opened(path: Any, flags: int, mode: int = 0o666) -> int:
        return os.open(path, flags, mode)

    def nothing(path: Any, *, whole: bool = False) -> Any:
        return os.stat(path) if os.path.exists(path) else None

    return together(everywhere(opening, "regular", opened), everywhere(writing, "check_writable", nothing))


def input_taken_for_output() -> Back:
    """The input was compared with the output's own name only."""
    from inference_providers.batches import places as batch_places

    def check(source: Any, places: Any) -> None:
        if places is not None and isinstance(source, os.PathLike) and os.fspath(source) == places.out:
            raise ValueError("the input")

    return together(everywhere(batch_places, "check", check), having(batch_places, _is_ours=lambda path: True))


def formulas_untold() -> Back:
    """An answer went into a cell as it was, and nobody was told."""
    from inference_providers.batches import formulas

    return everywhere(formulas, "is_formula", lambda cell: False)


FAULTS = [
    Fault("an output's mode lost", "outputs written anew", 60, mode_of_the_umask),
    Fault("an output's link replaced", "outputs written anew", 60, links_replaced),
    Fault("lines of others dropped", "outputs written anew", 60, foreign_lines_dropped),
    Fault("rows of others taken for results", "outputs written anew", 60, foreign_rows_taken),
    Fault("pipes and devices opened", "special files", 20, special_files_opened),
    Fault("an input emptied", "inputs as outputs", 60, input_taken_for_output),
    Fault("formulas in a table untold", "formulas", 20, formulas_untold),
]
