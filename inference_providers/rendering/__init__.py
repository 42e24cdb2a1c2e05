"""How things look where no terminal is: HTML that is built, tables, Markdown made safe, cells that change."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.rendering.cells import Cell as Cell
    from inference_providers.rendering.cells import Text as Text
    from inference_providers.rendering.cells import bar as bar
    from inference_providers.rendering.cells import notebook as notebook
    from inference_providers.rendering.markdown import note as note
    from inference_providers.rendering.markdown import safe as safe
    from inference_providers.rendering.markup import Markup as Markup
    from inference_providers.rendering.markup import group as group
    from inference_providers.rendering.markup import tag as tag
    from inference_providers.rendering.table import Table as Table
    from inference_providers.rendering.table import money as money
    from inference_providers.rendering.table import pairs as pairs
    from inference_providers.rendering.table import pairs_in_markdown as pairs_in_markdown

_HOME = {
    "cells": (
        "Cell",
        "Text",
        "bar",
        "notebook",
    ),
    "markdown": (
        "note",
        "safe",
    ),
    "markup": (
        "Markup",
        "group",
        "tag",
    ),
    "table": (
        "Table",
        "money",
        "pairs",
        "pairs_in_markdown",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)
