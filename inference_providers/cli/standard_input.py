"""Standard input: text in a known encoding, or a file to show; nothing else, since what is sent as text is paid for."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import contextmanager

import click

from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def piped() -> bytes:
    """All of standard input, empty for a terminal; says what it waits for when nothing comes within a second."""
    import select

    if sys.stdin is None or sys.stdin.isatty():
        return b""
    if os.name == "posix" and not select.select([sys.stdin], [], [], 1.0)[0]:
        say("reading the rest of the question from standard input (--no-stdin if there is none)", err=True)
    return sys.stdin.buffer.read()


def kind_of(data: bytes) -> str:
    """`image`, `pdf` or `audio`, which can be shown to a model; empty for text, and for what is none of these."""
    if not data:
        return ""
    from inference_providers.chat import file_kinds

    kind = file_kinds.kind_of(data)
    return "" if kind == "text" or (kind != "pdf" and _decoded(data) is not None) else kind


def as_text(data: bytes, what: str = "Standard input") -> str:
    """The text that *data* is: UTF-8, what its byte order mark says, or the encoding that is set for the terminal.

    Characters that are cut at either end (`head -c`) are left out, where there are whole ones. Raises UsageError for
    what is not text.
    """
    if not data:
        return ""
    from inference_providers.chat import file_kinds

    text = None if data.startswith(file_kinds.PDF) else _decoded(data)
    if text is None:
        raise click.UsageError(f"{what} {_why_no_text(data)}")
    return text


def lines() -> Iterator[str]:
    """The lines of standard input as they come. Raises UsageError for what is not text."""
    from inference_providers.chat import file_kinds

    if sys.stdin is None:
        return
    source = sys.stdin.buffer
    line = source.readline()
    if any(line.startswith(mark) for mark, encoding in file_kinds.BYTE_ORDER_MARKS if encoding != "utf-8-sig"):
        yield from as_text(line + source.read()).splitlines(keepends=True)  # its line feeds are more than one byte
        return
    while line:
        try:
            text = as_text(line)
        except click.UsageError:
            as_text(line + source.read(32))  # which tells more of what it is
            raise
        yield text
        line = source.readline()


@contextmanager
def as_file(source: Path) -> Iterator[Path]:
    """The file of a path; of `-` standard input, which is put into one of its own, private and short-lived."""
    if str(source) != "-":
        yield source
        return
    import shutil
    import tempfile
    from pathlib import Path

    if sys.stdin is None:
        raise click.UsageError("There is no standard input; give the name of a file.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        with path.open("xb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield path
        except ValueError as error:
            if str(path) not in str(error):
                raise
            raise ValueError(str(error).replace(str(path), "Standard input")) from None


def _decoded(data: bytes) -> str | None:
    from inference_providers.chat import file_kinds

    for mark, encoding in file_kinds.BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _without_nul(data, encoding)
    text = _without_nul(data, "utf-8")
    if text is None or not data.endswith(text[-1:].encode("utf-8", "surrogatepass")):  # perhaps cut in a character
        begun = data[:3].lstrip(bytes(range(0x80, 0xC0)))
        text = _without_nul(begun + data[3:], "utf-8")
        text = None if text is None or text.isascii() else text
    own = (sys.stdin.encoding if sys.stdin is not None else None) or "utf-8"
    if text is not None or codecs.lookup(own).name == "utf-8":
        return text
    text = _without_nul(data, own)  # one byte a character takes any file for text
    return None if text is None or any(letter < " " and letter not in "\t\n\r\f\b\x1b" for letter in text) else text


def _without_nul(data: bytes, encoding: str) -> str | None:
    """The text in an encoding, without a last character that is cut; None if it is none, or holds a NUL."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeError:
        return None
    return None if "\0" in text else text


_SHOWN = {"image": "an image", "pdf": "a PDF file", "audio": "sound"}


def _why_no_text(data: bytes) -> str:
    from inference_providers.chat import file_kinds

    kind = _SHOWN.get(file_kinds.kind_of(data))
    if kind is not None:
        return f"is {kind}, not text. Pipe it to ask-ai, with a question about it."
    return file_kinds.why_no_text(data)
