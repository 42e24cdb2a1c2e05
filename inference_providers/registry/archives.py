"""Data files of a package that is not in a folder: in a zip archive, or in a program that was packed with it."""

from __future__ import annotations

import sys

from inference_providers.errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def content(path: str) -> bytes:
    """What whoever loaded this package has at a path. Raises RegistryError where it was left behind."""
    loader: Any = getattr(sys.modules[__name__.partition(".")[0]].__spec__, "loader", None)
    try:
        found: bytes = loader.get_data(path)
    except (OSError, AttributeError):
        advice = (
            "Whatever packs a program has to take the package's data along: PyInstaller does by our own hook, "
            "or by `--collect-all inference_providers`."
        )
        raise RegistryError([advice], f"{path}, which belongs to this package, is not there") from None
    return found
