"""What notebooks get beyond what everybody gets: the magics `%ask` and `%%ask`."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.notebook.magic import load_ipython_extension as load_ipython_extension

_HOME = {
    "magic": ("load_ipython_extension",),
}
__getattr__, __dir__ = face(__name__, _HOME)
