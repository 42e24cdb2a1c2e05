"""Files for a question: pictures, PDF files, sound and text, as the parts of a message that they become."""

from __future__ import annotations

import os
import re

from inference_providers import files
from inference_providers.chat import file_kinds
from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeAlias

    Named: TypeAlias = tuple[str, bytes]
    File: TypeAlias = str | bytes | os.PathLike[str] | Named

MIB = 1024 * 1024
CAPS = {"image": 20 * MIB, "pdf": 32 * MIB, "audio": 25 * MIB, "text": 4 * MIB}  # bytes of one file
MOST_BYTES = max(CAPS.values())
TOTAL = 48 * MIB  # bytes of all files of a question
_WHAT = {"image": "an image", "pdf": "a PDF file", "audio": "sound", "text": "a text"}
_FORM = {"pdf": "document.pdf", "text": "text"}  # names of files without one


def file_parts(given: Iterable[File] | File | None, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Files as parts of a message, by what their first bytes say that they are.

    given: paths (`~` by *environ*), bytes, or (name, bytes); `http` and `https` URLs are handed on for the provider to
    fetch: one of a path in .pdf as a PDF file, any other as a picture.
    Raises ValueError for what cannot be read, is too large, or is of no kind that a model can be shown.
    """
    if given is None:
        return []
    listed = [given] if isinstance(given, str | bytes | bytearray | os.PathLike) else list(given)
    total, parts = 0, []
    for one in listed:
        part, size = _part(one, environ)
        total += size
        if total > TOTAL:
            raise ValueError(f"the files of a question may have {TOTAL // MIB} MiB together; ask about fewer at a time")
        parts.append(part)
    return parts


def _part(given: Any, environ: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    if isinstance(given, str) and (scheme := given.partition(":")[0].lower()) in ("http", "https", "data"):
        return (_of_data_url(given) if scheme == "data" else _by_url(given)), len(given)
    name, content = _read(given, environ)
    return part_of(content, name), len(content)


def _read(given: Any, environ: Mapping[str, str]) -> tuple[str, bytes]:
    """The name and the content of a file; the name of bytes alone is empty."""
    if isinstance(given, bytes | bytearray):
        return "", bytes(given)
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], bytes | bytearray):
        return os.path.basename(str(given[0])), bytes(given[1])
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"a file is a path, a URL, bytes or (name, bytes), not {type(given).__name__}")
    path = folders.expanded(os.fspath(given), environ)
    try:
        return os.path.basename(path), files.read(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"the file {path!r} cannot be read: {why}") from None


def part_of(content: bytes, name: str = "") -> dict[str, Any]:
    """One file as a part of a message. Raises ValueError for what no model can be shown, and for too much."""
    called = repr(name) if name else "a file without a name"
    if not content:
        raise ValueError(f"{called} is empty")
    kind = file_kinds.kind_of(content)
    if not kind:
        raise ValueError(f"{called} {_unknown(content)}")
    if len(content) > CAPS[kind]:
        raise ValueError(f"{called} is too large: {_WHAT[kind]} may have at most {CAPS[kind] // MIB} MiB")
    if kind == "text":
        return {"type": "text", "text": _quoted(name or _FORM[kind], file_kinds.text_of(content) or "")}
    from base64 import b64encode

    data = b64encode(content).decode()
    if kind == "image":
        return {
            "type": "image_url",
            "image_url": {"url": f"data:image/{file_kinds.image_format(content)};base64,{data}"},
        }
    if kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": file_kinds.sound_format(content)}}
    name = name or _FORM[kind]
    name = name if name.lower().endswith(".pdf") else f"{name}.pdf"  # some look at nothing else
    file = {"filename": name, "file_data": f"data:application/pdf;base64,{data}"}
    return {"type": "file", "file": file}


def _unknown(content: bytes) -> str:
    if known := file_kinds.described(content):
        return f"is {known[0]}; {known[1]}"
    if b"\0" not in content[:1024]:
        return file_kinds.why_no_text(content)
    return "is of no kind that a model can be shown: PNG, JPEG, GIF, WebP, BMP, PDF, WAV, MP3, FLAC, OGG, M4A or text"


def _quoted(name: str, text: str) -> str:
    """A text between marks with its name, so that the model can tell it from the question: none that it holds."""
    name = "".join(letter if letter.isprintable() and letter not in '"<>' else "_" for letter in name)
    held = set(re.findall(r"(?i)</\s*file(\d*)", text))
    mark = "file" + next(end for end in ("", *map(str, range(2, len(held) + 2))) if end not in held)
    return f'<{mark} name="{name}">\n{text.strip()}\n</{mark}>'


def _by_url(url: str) -> dict[str, Any]:
    path = url.partition("?")[0].partition("#")[0]
    if path.lower().endswith(".pdf"):
        return {"type": "file", "file": {"filename": path.rpartition("/")[2], "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url}}


def _of_data_url(url: str) -> dict[str, Any]:
    from base64 import b64decode
    from urllib.parse import unquote_to_bytes

    head, comma, data = url.partition(",")
    try:
        content = b64decode(data, validate=True) if head.lower().endswith(";base64") else unquote_to_bytes(data)
    except ValueError:
        content = b""
    if not comma or not content:
        raise ValueError(f"{head[:40]!r} is not a data: URL that can be read")
    return part_of(content)
