"""A batch that is done in parts, elsewhere: items in files of a folder, and what came of each part in a journal.

The folder stands beside the output, where all who work on the batch can see it:

    out.jsonl.parts/items/000001.jsonl      the items of a part, written by the program that holds the output
    out.jsonl.parts/journals/000001.jsonl   lines as in the output, appended by whoever asks them, one by one

A journal is gathered into the output once its part is done, or by the next program that takes the batch up.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress

from inference_providers import files
from inference_providers.batches.items import Item, result_of
from inference_providers.batches.lines import row_of
from inference_providers.files import locks
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from inference_providers.batches.files import Output
    from inference_providers.batches.items import Result

_MARK = ".batch"  # a file in a folder of parts that says that it is one


class Parts:
    """A folder of parts. Raises ValueError where it holds something else, OSError where it cannot be written."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self._items, self._journals = os.path.join(self.folder, "items"), os.path.join(self.folder, "journals")

    @classmethod
    def beside(cls, lines: str) -> Parts:
        """The folder for a file of lines."""
        return cls(f"{lines}.parts")

    def make(self, beside: str) -> None:
        """Make the folder, without items; private where the file is that it is *beside*."""
        mark = os.path.join(self.folder, _MARK)
        if os.path.isdir(self.folder) and os.listdir(self.folder) and not os.path.exists(mark):
            raise ValueError(f"{self.folder} holds something other than a batch's parts; give another file for results")
        os.makedirs(self.folder, 0o777 if files.mode_beside(beside) == 0o666 else 0o700, exist_ok=True)
        os.makedirs(self._journals, exist_ok=True)
        with open(mark, "wb"):
            shutil.rmtree(self._items, ignore_errors=True)
        os.mkdir(self._items)

    def remove(self) -> None:
        """Remove the folder: all is gathered."""
        if os.path.exists(os.path.join(self.folder, _MARK)):
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, lines: Sequence[bytes]) -> None:
        """Write the items of a part, each as `line_of` has it."""
        with files.replacing(self._path(self._items, name)) as file:
            file.writelines(lines)

    def check(self) -> None:
        """Raise FileNotFoundError with advice where the folder is another one on this machine."""
        if not os.path.exists(os.path.join(self.folder, _MARK)):
            raise FileNotFoundError(
                f"{self.folder} is not to be seen on this machine; give an output file (out=) in a folder that all "
                "machines share"
            )

    def items(self, name: str) -> list[Item]:
        """The items of a part; none where it was gathered.

        To be read when the part's journal is open: who gathers it removes the items first, so whoever finds them has
        all of the journal.
        """
        try:
            with open(self._path(self._items, name), "rb", opener=files.regular) as file:
                return [_item_of(jsontext.loads(line)) for line in file]
        except FileNotFoundError:
            return []

    def journal(self, name: str) -> str:
        """The path of a part's journal."""
        return self._path(self._journals, name)

    def journals(self) -> list[str]:
        """The names of the parts that have journals."""
        found: list[str] = []
        with suppress(FileNotFoundError):
            found = sorted(os.listdir(self._journals))
        return [name.removesuffix(".jsonl") for name in found if name.endswith(".jsonl")]

    def gather_free(self, name: str, output: Output, heard: Callable[[Result], None] | None = None) -> None:
        """`gather`, unless somebody has the journal open; meanwhile nobody can append to it."""
        with suppress(FileNotFoundError):
            file = files.regular(self.journal(name), os.O_RDWR)
            try:
                if locks.take(file):
                    self.gather(name, output, heard)
            finally:
                os.close(file)

    def gather(self, name: str, output: Output, heard: Callable[[Result], None] | None = None) -> list[Result]:
        """Put what a journal holds into the output, and remove it: its results.

        A line that the output has already is left out: whoever gathered it was killed before the journal was gone.
        """
        results = []
        path = self.journal(name)
        with suppress(FileNotFoundError), open(path, "rb", opener=files.regular) as file:
            for line in file:
                row = row_of(line)
                if row is None or output.holds(row):
                    continue
                output.put(line.decode("utf-8").rstrip("\n"))
                result = result_of(row)
                results.append(result)
                if heard is not None:
                    heard(result)
        output.flush()
        for gone in (self._path(self._items, name), path):
            with suppress(FileNotFoundError):
                os.unlink(gone)
        return results

    @staticmethod
    def _path(folder: str, name: str) -> str:
        return os.path.join(folder, f"{name}.jsonl")


def take_over(output: Output, *, resume: bool) -> None:
    """Put what a batch elsewhere has left beside an output into it, so that it is not asked again; or, away."""
    parts = Parts.beside(output.path)
    if not os.path.isdir(parts.folder):
        return
    if resume and (names := parts.journals()):
        for name in names:
            parts.gather_free(name, output)
        output.take_up()
    if not resume or not parts.journals():
        parts.remove()


def line_of(item: Item) -> bytes:
    """An item as a line of a part. Raises TypeError and ValueError where it holds what is not JSON."""
    row = {
        "index": item.index,
        "line": item.line,
        "custom_id": item.custom_id,
        "key": item.key,
        "models": item.models,
        "openai_form": item.openai_form,
        "body": item.body,
    }
    return json.dumps(row).encode() + b"\n"


def _item_of(row: Any) -> Item:
    item = Item(row["index"], row["line"])
    item.custom_id, item.key, item.models = row["custom_id"], row["key"], row["models"]
    item.openai_form, item.body = row["openai_form"], row["body"]
    return item
