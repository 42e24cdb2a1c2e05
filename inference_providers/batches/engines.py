"""What does a batch elsewhere than in this process: engines by name. The table has the module that does it.

An engine's module has `runner(pipeline, job, output, told)`, which gives what `Runner` is to a batch: `summary`,
`quiet`, and `results()`. It lies above this folder, holding what programs hold; so it is loaded by its name.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENGINES = {"ray": "inference_providers.ray"}


def runner(engine: str, *given: Any) -> Any:
    """The runner of an engine. Raises ImportError where a package is missing, with the command that installs it."""
    return importlib.import_module(ENGINES[engine]).runner(*given)
