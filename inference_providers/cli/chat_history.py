"""What was typed in chats, in a private file: as long as texts are kept in the log, and only where they are."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from prompt_toolkit.history import History

from inference_providers.files import folders, regular, replacing
from inference_providers.text import jsontext, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 1000  # messages
_CAP = 1024 * 1024  # bytes of the file; above, what is older goes
_DAY = 86400.0


class KeptHistory(History):
    """Lines of JSON, each with a time and a text. What cannot be read or written is done without."""

    def __init__(self, path: str, days: float) -> None:
        """*days*: how long a text is kept."""
        super().__init__()
        self._path, self._days = path, days

    def load_history_strings(self) -> Iterable[str]:
        """What was typed, the latest first."""
        rows, is_whole = self._rows()
        since = time.time() - self._days * _DAY
        kept = [row for row in rows if row[0] >= since][-_MOST:]
        if len(kept) < len(rows) or not is_whole:
            with suppress(OSError), replacing(self._path, text=True, mode=0o600) as file:
                file.writelines(_line(*row) for row in kept)
        return [printable(text) for _, text in reversed(kept)]

    def store_string(self, string: str) -> None:
        """Add a text to the file."""
        with suppress(OSError):
            folders.make(os.path.dirname(self._path))
            if folders.distrust(os.path.dirname(self._path)):
                return
            file = regular(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, _line(time.time(), string).encode("utf-8", "replace"))
            finally:
                os.close(file)

    def _rows(self) -> tuple[list[tuple[float, str]], bool]:
        """The last lines of the file, and whether these are all."""
        try:
            if folders.distrust(os.path.dirname(self._path)):
                return [], True
            with open(self._path, "rb", opener=regular) as file:
                if folders.distrust_open(file.fileno()):
                    return [], True
                begin = max(0, file.seek(0, os.SEEK_END) - _CAP)
                file.seek(begin)
                text = file.read(_CAP).decode("utf-8", "replace")
        except OSError:
            return [], True
        found = []
        for line in text.splitlines():
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                row = jsontext.loads(line)
                found.append((float(row["at"]), str(row["text"])))
        return found, not begin


def _line(at: float, text: str) -> str:
    return json.dumps({"at": round(at), "text": text}) + "\n"
