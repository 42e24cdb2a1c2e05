"""Random secrets that are made once and kept in a file of the user's, the same for all processes."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def kept_secret(path: str, new: Callable[[], bytes], cap: int) -> bytes:
    """What is in a private file, at most *cap* bytes; where there is none, it is made with what *new* gives.

    Of several processes that make it at once, all get the same. Raises OSError.
    """
    folders.make(os.path.dirname(path))
    if not os.path.exists(path):
        beside = f"{path}.{os.urandom(6).hex()}"
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            made = new()
            if os.write(file, made) != len(made):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            with suppress(FileExistsError):
                os.link(beside, path)  # whole, and never in place of another process's
        finally:
            os.close(file)
            os.unlink(beside)
    return folders.read(path, cap)
