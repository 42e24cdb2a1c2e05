"""Files in a chat: named by `/file`, or dropped into the terminal, which then types or pastes their paths."""

from __future__ import annotations

import os
import shlex
from urllib.parse import unquote, urlsplit

from inference_providers.files import folders
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LONGEST = 32 * 1024  # characters of a text that may be paths


class Attachments:
    """Files that go with the next question."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._files: list[tuple[str, list[dict[str, Any]]]] = []  # what each is told as, and its parts of a message

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def label(self) -> str:
        """What is attached, in a line each."""
        return "\n".join(f"Attached: {told}" for told, _ in self._files)

    def add(self, path: str) -> str:
        """Attach a file; what to tell of it. Raises ValueError for what no model can be shown."""
        from inference_providers.chat import file_parts

        parts = file_parts([path], self._environ)
        told = in_line(os.path.basename(path) or path)
        if not path.startswith(("http:", "https:")):
            told += f" ({sized(os.path.getsize(folders.expanded(path, self._environ)))})"
        self._files.append((told, parts))
        return told

    def drop(self, text: str) -> bool:
        """Attach the files that a text names, if it is nothing but their whole paths; returns whether it is."""
        paths = dropped(text, self._environ)
        count = len(self._files)
        try:
            for path in paths:
                self.add(path)
        except (ValueError, OSError):
            del self._files[count:]  # then it is a text like any other
            return False
        return bool(paths)

    def clear(self) -> None:
        """Attach nothing."""
        self._files.clear()

    def with_text(self, text: str) -> str | list[dict[str, Any]]:
        """The content of a message with what is attached, which is nothing from then on."""
        if not self._files:
            return text
        parts = [part for _, found in self._files for part in found]
        self.clear()
        return [{"type": "text", "text": text}, *parts]


def dropped(text: str, environ: Mapping[str, str]) -> list[str]:
    """The files whose whole paths are all that a text says, quoted, with escapes or as URLs; else none."""
    if len(text) > _LONGEST or not text.strip():
        return []
    whole = _path(text.strip().strip("'\""), environ)
    if whole is not None:  # a path with spaces, as some terminals paste it
        return [whole]
    try:
        words = shlex.split(text, posix=os.name == "posix")
    except ValueError:
        return []
    found = [_path(word if os.name == "posix" else word.strip("\"'"), environ) for word in words]
    paths = [path for path in found if path is not None]
    return paths if len(paths) == len(found) else []


def _path(word: str, environ: Mapping[str, str]) -> str | None:
    """The regular file that a word names by its whole path."""
    if word.startswith("file://"):
        parts = urlsplit(word)
        word = unquote(parts.path) if parts.netloc in ("", "localhost") else ""
    path = folders.expanded(word, environ) if word.startswith("~") else word
    try:
        return path if os.path.isabs(path) and os.path.isfile(path) else None
    except ValueError:  # a zero byte
        return None


def sized(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
