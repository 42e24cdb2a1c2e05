"""Templates: questions that are kept in files, with places to fill in."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.templates.kept import TemplateError as TemplateError
    from inference_providers.templates.kept import every as every
    from inference_providers.templates.kept import find as find
    from inference_providers.templates.kept import folder as folder
    from inference_providers.templates.kept import path_of as path_of
    from inference_providers.templates.kept import save as save
    from inference_providers.templates.kept import text_of as text_of
    from inference_providers.templates.template import Template as Template

_HOME = {
    "kept": (
        "TemplateError",
        "every",
        "find",
        "folder",
        "path_of",
        "save",
        "text_of",
    ),
    "template": ("Template",),
}
__getattr__, __dir__ = face(__name__, _HOME)
