"""The files of a batch: which there are besides the one that was asked for, and that no two of them are the same."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from inference_providers import files
from inference_providers.batches.files import Output
from inference_providers.batches.lines import is_cut, row_of
from inference_providers.batches.provider_parts import beside
from inference_providers.batches.sources import check_name, is_csv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.batches.sources import Source


class Places:
    """The files that a batch may write.

    These are *out*; the lines that it is made of, where it is a table; and the jobs under way, if it has some.
    """

    def __init__(self, out: str | os.PathLike[str], *, has_jobs: bool = False) -> None:
        check_name(out, out=True)
        self.out, self._has_jobs = os.fspath(out), has_jobs
        self.is_table = is_csv(out)
        self.lines = f"{self.out}.jsonl" if self.is_table else self.out
        self.jobs = beside(self.lines)

    def all(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys((self.out, self.lines, self.jobs)))

    def check_writable(self) -> None:
        """Raise OSError where one cannot be written."""
        if self.is_table:
            files.check_writable(self.out, whole=True)
        files.check_writable(self.lines)
        if self._has_jobs or os.path.lexists(self.jobs):
            files.check_writable(self.jobs, whole=True)

    def opened(self, *, resume: bool) -> Output:
        """The file for lines, open for writing.

        Raises ValueError where something would be lost that no batch wrote and nobody gave up.
        """
        if self.is_table and resume:
            from inference_providers.batches import tables

            tables.check(self.out, self.lines)
        if self.is_table and not resume and not _is_ours(self.lines):
            raise ValueError(f"{self.lines}, where the lines of {self.out} go, holds something else; give another file")
        mode = files.mode_beside(self.out) if self.is_table else 0o666
        return Output(self.lines, resume=resume, mode=mode)


def _is_ours(path: str) -> bool:
    """Whether a file holds a result, or nothing at all."""
    empty = True
    with suppress(FileNotFoundError), open(path, "rb", opener=files.regular) as file:
        for line in file:
            if row_of(line) is not None or is_cut(line):
                return True
            empty = empty and not line.strip()
    return empty


def check(questions: Source, places: Places | None) -> None:
    """Check that the questions and the results can be in these files. Nothing is created and nothing is changed.

    Raises ValueError where they cannot, OSError where a file cannot be read or written.
    """
    source = questions.given
    if isinstance(source, os.PathLike):
        _check_source(source)
    outputs = [] if places is None else places.all()
    for number, path in enumerate(outputs):
        if _is_source(source, path):
            raise ValueError(f"{path} is the input; the results need a file of their own")
        if other := next((known for known in outputs[:number] if files.same(path, known)), None):
            raise ValueError(f"{path} and {other} are the same file; each needs its own")
    questions.check()
    if places is not None:
        places.check_writable()


def _check_source(source: os.PathLike[str]) -> None:
    mode = os.stat(source).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(source))
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise ValueError(f"{os.fspath(source)} is a device or a socket; questions come from a regular file or a pipe")


def _is_source(source: Any, path: str) -> bool:
    """Whether questions come from a file: by whatever name it was given, or already open."""
    if isinstance(source, os.PathLike):
        return files.same(source, path)
    with suppress(Exception):  # no open file, or none any more
        return os.path.samestat(os.fstat(source.fileno()), os.stat(path))
    return False
