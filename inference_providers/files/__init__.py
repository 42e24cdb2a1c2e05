"""Files and folders of the user: opened, replaced, locked, trusted or not."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.files import folders as folders
    from inference_providers.files import locks as locks
    from inference_providers.files import pipes as pipes
    from inference_providers.files.database import Database as Database
    from inference_providers.files.opening import is_pipe as is_pipe
    from inference_providers.files.opening import read as read
    from inference_providers.files.opening import regular as regular
    from inference_providers.files.opening import same as same
    from inference_providers.files.private import Private as Private
    from inference_providers.files.private import read_private as read_private
    from inference_providers.files.secret import kept_secret as kept_secret
    from inference_providers.files.writer import row_writer as row_writer
    from inference_providers.files.writing import REPLACES_OPEN as REPLACES_OPEN
    from inference_providers.files.writing import check_writable as check_writable
    from inference_providers.files.writing import mode_beside as mode_beside
    from inference_providers.files.writing import replacing as replacing

_HOME = {
    "database": ("Database",),
    "opening": (
        "is_pipe",
        "read",
        "regular",
        "same",
    ),
    "private": (
        "Private",
        "read_private",
    ),
    "secret": ("kept_secret",),
    "writer": ("row_writer",),
    "writing": (
        "REPLACES_OPEN",
        "check_writable",
        "mode_beside",
        "replacing",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "folders",
        "locks",
        "pipes",
    ),
)
