"""Journals of a dataset's answers: lines as in a batch's output, in files of one folder, found again by their keys."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left

from inference_providers import files
from inference_providers.batches.items import result_of
from inference_providers.batches.lines import key_of, row_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inference_providers.batches.items import Result
    from inference_providers.batches.records import Line

    Index = tuple[Sequence[str], Sequence[int], Sequence[int], Sequence[int]]

_MARK = ".journals"


class Journals:
    """A folder of journals."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def make(self) -> None:
        """Make the folder. Raises ValueError where it holds something else."""
        mark = os.path.join(self.folder, _MARK)
        if os.path.isdir(self.folder) and os.listdir(self.folder) and not os.path.exists(mark):
            raise ValueError(f"{self.folder} holds something other than journals; give another folder")
        os.makedirs(self.folder, exist_ok=True)
        with open(mark, "ab"):
            pass

    def check(self) -> None:
        """Raise FileNotFoundError where the folder is another one on this machine."""
        if not os.path.exists(os.path.join(self.folder, _MARK)):
            raise FileNotFoundError(
                f"{self.folder} is not to be seen on this machine; give a journal in a folder that all machines share"
            )

    def path(self, name: str) -> str:
        """The path of a journal."""
        return os.path.join(self.folder, f"{name}.jsonl")

    def index(self) -> Index:
        """Where the answers are: names of files, and, sorted by key, keys, numbers of files and places in them."""
        names = sorted(name for name in os.listdir(self.folder) if name.endswith(".jsonl"))
        found = []
        for number, name in enumerate(names):
            for place, row in _rows(os.path.join(self.folder, name)):
                if row["error"] is None:
                    found.append((int(key_of(row), 16), number, place))
        found.sort()
        keys, numbers, places = array("Q"), array("I"), array("Q")
        for key, number, place in found:
            keys.append(key)
            numbers.append(number)
            places.append(place)
        return names, keys, numbers, places

    def recalled(self, index: Index, key: str) -> Result | None:
        """The answer of an earlier run to the same request."""
        names, keys, numbers, places = index
        if not key:
            return None
        number = int(key, 16)
        place = bisect_left(keys, number)
        if place >= len(keys) or keys[place] != number:
            return None
        with open(os.path.join(self.folder, names[numbers[place]]), "rb", opener=files.regular) as file:
            file.seek(places[place])
            row = row_of(file.readline())
        return None if row is None else result_of(row)

    @staticmethod
    def results(path: str) -> dict[tuple[int, str], Result]:
        """The answers in one journal, by place and key."""
        return {(int(row["index"] or 0), key_of(row)): result_of(row) for _, row in _rows(path) if row["error"] is None}


def _rows(path: str) -> Iterator[tuple[int, Line]]:
    """The rows of a journal, and where each begins."""
    place = 0
    with open(path, "rb", opener=files.regular) as file:
        for line in file:
            row = row_of(line)
            if row is not None:
                yield place, row
            place += len(line)
