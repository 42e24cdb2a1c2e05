"""Text from elsewhere: made safe to show, and JSON read within limits."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.text import jsontext as jsontext
    from inference_providers.text.display import as_json as as_json
    from inference_providers.text.display import in_line as in_line
    from inference_providers.text.display import pieces as pieces
    from inference_providers.text.display import printable as printable

_HOME = {
    "display": (
        "as_json",
        "in_line",
        "pieces",
        "printable",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("jsontext",))
