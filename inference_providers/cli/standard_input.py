"""Standard input: text in a known encoding or an image, and nothing else, since what is sent as text is paid for."""

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

_BYTE_ORDER_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# How files begin that people pipe, what they are, and what to do. PDF may be all ASCII, and is text to nobody.
_PDF = b"%PDF-"
_FILES = (
    (_PDF, "a PDF", "extract its text first: pdftotext FILE - | ..."),
    (b"PK\x03\x04", "a zip archive or an office document", "convert it to text first"),
    (b"\xd0\xcf\x11\xe0", "an office document", "convert it to text first"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first: zcat FILE | ..."),
    (b"BZh", "compressed by bzip2", "unpack it first: bzcat FILE | ..."),
    (b"\xfd7zXZ", "compressed by xz", "unpack it first: xzcat FILE | ..."),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first: zstdcat FILE | ..."),
    (b"ID3", "sound", "only text and images can be asked about"),
    (b"OggS", "sound", "only text and images can be asked about"),
    (b"fLaC", "sound", "only text and images can be asked about"),
    (b"RIFF", "sound or film", "only text and images can be asked about"),
    (b"II*\x00", "a TIFF image", "convert it to PNG or JPEG first"),
    (b"MM\x00*", "a TIFF image", "convert it to PNG or JPEG first"),
    (b"\x7fELF", "a program", "only text and images can be asked about"),
    (b"SQLite format 3\x00", "a database", "write what you need of it as text"),
)


def piped() -> bytes:
    """All of standard input, empty for a terminal; says what it waits for when nothing comes within a second."""
    import select

    if sys.stdin is None or sys.stdin.isatty():
        return b""
    if os.name == "posix" and not select.select([sys.stdin], [], [], 1.0)[0]:
        say("reading the rest of the question from standard input (--no-stdin if there is none)", err=True)
    return sys.stdin.buffer.read()


def is_image(data: bytes) -> bool:
    """Whether *data* is an image that can be shown to a model. What is text is none, though it begin with "BM"."""
    from inference_providers.chat import image_format

    return image_format(data) is not None and _decoded(data) is None


def as_text(data: bytes, what: str = "Standard input") -> str:
    """The text that *data* is: UTF-8, what its byte order mark says, or the encoding that is set for the terminal.

    Characters that are cut at either end (`head -c`) are left out, where there are whole ones. Raises UsageError for
    what is no text.
    """
    text = None if data.startswith(_PDF) else _decoded(data)
    if text is None:
        raise click.UsageError(f"{what} {_why_no_text(data)}")
    return text


def lines() -> Iterator[str]:
    """The lines of standard input as they come. Raises UsageError for what is no text."""
    if sys.stdin is None:
        return
    source = sys.stdin.buffer
    line = source.readline()
    if any(line.startswith(mark) for mark, encoding in _BYTE_ORDER_MARKS if encoding != "utf-8-sig"):
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
        yield path


def _decoded(data: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
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


def _why_no_text(data: bytes) -> str:
    from inference_providers.chat import image_format

    if image_format(data) is not None:
        return "is an image, not text. Pipe it to ask-ai, with a question about it."
    for begin, kind, hint in _FILES:
        if data.startswith(begin):
            return f"is {kind}, not text; {hint}"
    if data[4:8] == b"ftyp":
        return "is a HEIC or AVIF image, or a film, not text; convert an image to PNG or JPEG first."
    if b"\0" in data:
        return "is not text: it holds zero bytes."
    try:
        data.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is 0x{data[error.start]:02x}"
        return f"is not text in UTF-8 ({where}); convert it first: iconv -f latin1 -t utf-8 FILE | ..."
    return "is not text."
