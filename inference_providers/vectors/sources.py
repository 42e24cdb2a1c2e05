"""Where the texts of a collection come from: files of a folder, lines, JSON lines, CSV.

Each has an id, by which it is known again. What cannot be read has a problem instead of a text.
"""

from __future__ import annotations

import json
import os
from fnmatch import fnmatch

from inference_providers import files
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

CONTENT = ("content", "text")  # what the text is called in JSON lines and CSV


class Text:
    """A text with its id. problem: why there is none, in words. foreign: what is there is not text at all."""

    __slots__ = ("foreign", "id", "metadata", "problem", "text")

    def __init__(
        self,
        id: str,
        text: str = "",
        metadata: Mapping[str, Any] | None = None,
        *,
        problem: str = "",
        foreign: bool = False,
    ) -> None:
        self.id, self.text, self.metadata, self.problem, self.foreign = id, text, metadata, problem, foreign

    def __repr__(self) -> str:
        return f"<Text {self.id!r}>"


def from_files(folder: str, pattern: str, decode: Callable[[bytes, str], str]) -> Iterator[Text]:
    """The files below a folder that match a pattern, as a shell reads one: what begins with a dot has to be named so.

    Their ids are their paths below it. A link to a file of the folder is that file; one that leads out of it is left
    out, since whoever made the folder may have meant it to: what it leads to would go to a provider. *decode* gives the
    text of bytes, of what is called so. Raises ValueError for what is not a folder, and for a pattern that leads out.
    """
    if not os.path.isdir(folder):
        raise ValueError(f"{folder} is not a folder")
    parts = pattern.replace(os.sep, "/").split("/")
    if os.path.isabs(pattern) or ".." in parts:
        raise ValueError(f"the pattern {pattern!r} leads out of {folder}; name the folder in which the files are")
    root = os.path.join(os.path.realpath(folder), "")
    for name in sorted(_below(folder, "", [part for part in parts if part not in ("", ".")])):
        path = os.path.join(folder, name)
        id = name.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        if not os.path.realpath(path).startswith(root):
            yield Text(id, problem="it is a link that leads out of the folder", foreign=True)
            continue
        try:
            text = decode(files.read(path), path)
        except OSError as error:
            yield Text(id, problem=error.strerror or str(error))
        except ValueError as error:
            yield Text(id, problem=str(error), foreign=True)
        else:
            yield Text(id, text)


def _below(folder: str, at: str, parts: Sequence[str]) -> set[str]:
    """The paths below a folder, and below the path *at* in it, that fit the parts of a pattern; no folders.

    `**` goes into no linked folder: links may lead in circles, and many of them in more ways than can be walked.
    """
    if not parts:
        return set()
    try:
        entries = list(os.scandir(os.path.join(folder, at)))
    except OSError:
        return set()
    found, part, rest = set[str](), parts[0], parts[1:]
    if part == "**" and rest:
        if rest[0] == "**":  # twice says no more
            return _below(folder, at, rest)
        found |= _below(folder, at, rest)
    for entry in entries:
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        path = os.path.join(at, entry.name)
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                found |= _below(folder, path, parts)
            elif not rest and not entry.is_dir():
                found.add(path)
        elif fnmatch(entry.name, part):
            if rest:
                found |= _below(folder, path, rest)
            elif not entry.is_dir():
                found.add(path)
    return found


def from_lines(path: str, decode: Callable[[bytes, str], str]) -> Iterator[Text]:
    """The lines of a file that hold something, by their numbers."""
    for number, line in enumerate(decode(files.read(path, _CAP), path).splitlines(), 1):
        if line.strip():
            yield Text(str(number), line.strip())


def from_json_lines(path: str) -> Iterator[Text]:
    """The lines of a file of JSON lines: `content` (or `text`) with an `id`, and what else there is as metadata."""
    with open(path, "rb", opener=files.regular) as file:
        for number, line in enumerate(file, 1):
            if text := line.strip().removeprefix(b"\xef\xbb\xbf"):
                try:
                    yield _of_row(jsontext.loads(text), number)
                except ValueError as error:
                    yield Text(f"line {number}", problem=str(error))


def from_csv(path: str) -> Iterator[Text]:
    """The rows of a table with a column `content` (or `text`), and perhaps `id`; all others are metadata.

    Raises ValueError for a table without such a column.
    """
    from inference_providers.batches import CsvFile

    table = CsvFile(path, lambda columns: any(name.lower() in CONTENT for name in columns))
    if not any(name.lower() in CONTENT for name in table.columns):
        raise ValueError(
            f"{path} has the columns {', '.join(table.columns)}; one must be called {' or '.join(CONTENT)}"
        )
    for row in table.rows():
        if row.problem:
            yield Text(f"line {row.line}", problem=row.problem)
        else:
            yield _of_row(dict(zip(table.columns, row.cells, strict=True)), row.line)


_CAP = 256 * 1024 * 1024  # bytes of lines, which are read whole


def _of_row(row: Any, number: int) -> Text:
    if isinstance(row, str):
        return Text(str(number), row)
    if not isinstance(row, dict):
        return Text(f"line {number}", problem="it is neither a text in quotes nor an object")
    names = {name.lower(): name for name in row}
    content = next((names[name] for name in CONTENT if name in names), None)
    if content is None or not isinstance(row[content], str):
        return Text(f"line {number}", problem=f"it has no text called {' or '.join(CONTENT)}")
    own = names.get("id")
    id = row[own] if own is not None and row[own] not in ("", None) else number
    metadata = {name: value for name, value in row.items() if name not in (own, content)}
    return Text(id if isinstance(id, str) else json.dumps(id), row[content], metadata or None)
