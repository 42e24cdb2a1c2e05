"""Whether calls are logged, and how long that is kept: what the program, the environment and the user say."""

from __future__ import annotations

import json
import os

from inference_providers.files import folders
from inference_providers.usage.log_file import Keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VARIABLE = "INFERENCE_PROVIDERS_LOG"
NAME = "usage.json"
OFF, USAGE, TEXT = "off", "usage", "text"
_WORDS = {
    "off": OFF, "0": OFF, "no": OFF, "false": OFF, "none": OFF, "": OFF,
    "on": USAGE, "1": USAGE, "yes": USAGE, "true": USAGE, "usage": USAGE, "text": TEXT,
}  # fmt: skip
_KEPT = ("days", "megabytes", "text_days", "text_megabytes")


def mode_of(log: str | bool | None, environ: Mapping[str, str]) -> str:
    """`off`, `usage` or `text`, by what a program says, else by the environment. Raises ValueError for other words."""
    if isinstance(log, bool):
        return USAGE if log else OFF
    given, where = (environ.get(VARIABLE, ""), VARIABLE) if log is None else (log, "log")
    if not isinstance(given, str) or given.strip().lower() not in _WORDS:
        raise ValueError(f'{where} must be "usage", "text" or "off", not {given!r}')
    return _WORDS[given.strip().lower()]


class LogSettings:
    """What the user has said of the log by `inference-providers logs`, in a file beside it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        try:
            found = json.loads(folders.read(path, 4096))
            self.values = found if isinstance(found, dict) else {}
        except (OSError, ValueError, RecursionError):
            pass  # nothing was said

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> LogSettings | None:
        """This user's; None for a user without a home."""
        folder = folders.own("data", environ)
        return None if folder is None else cls(os.path.join(folder, NAME))

    def __repr__(self) -> str:
        return f"<LogSettings {self.values}>"

    @property
    def mode(self) -> str | None:
        """`off`, `usage` or `text`; None where the user has not said it."""
        said = self.values.get("log")
        return said if said in (OFF, USAGE, TEXT) else None

    @property
    def keep(self) -> Keep:
        """How long and how much is kept."""
        keep = Keep()
        for name in _KEPT:
            value = self.values.get(name)
            if isinstance(value, int | float) and value > 0:
                setattr(keep, name, value)
        return keep

    def set(self, **values: Any) -> None:
        """Keep what the user says. Raises OSError."""
        from inference_providers.files import replacing

        self.values |= {name: value for name, value in values.items() if value is not None}
        folders.make(os.path.dirname(self.path))
        with replacing(self.path, text=True, mode=0o600) as file:
            json.dump(self.values, file)
