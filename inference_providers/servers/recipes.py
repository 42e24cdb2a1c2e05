"""Launch recipes: rows of the registry that say how an engine is started, turned into command lines. Pure.

A recipe's `command`, `environment` and `options` are templates. `{model}`, `{name}`, `{tokenizer}`,
`{python}` and `{package}` are filled from the model and this installation, `{port}`, `{key}` and `{file}`
(a file that holds the key) by the supervisor, when it has chosen them.
"""

from __future__ import annotations

import re
from typing import Any, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inference_providers.servers.records import LaunchOptions, LaunchRecipe

CONTEXT = 8192  # tokens, unless the model has fewer or the user says otherwise
IDLE = 600.0  # seconds without a call after which a server ends
TUNING = ("context", "slots", "threads", "gpu_memory", "tensor_parallel")  # options that an engine may have words for
_WHOLE_NUMBERS = {  # option -> what it counts
    "context": "tokens",
    "slots": "requests at once",
    "threads": "threads",
    "tensor_parallel": "GPUs",
}


def checked(options: Mapping[str, Any]) -> LaunchOptions:
    """The launch options that are set: None is left out.

    Raises ValueError for what no engine could take.
    """
    present = {option: value for option, value in options.items() if value is not None}
    for option, unit in _WHOLE_NUMBERS.items():
        value = present.get(option, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{option} must be a whole number of {unit}, 1 or more, not {value!r}")
    fraction = present.get("gpu_memory", 1)
    if not isinstance(fraction, int | float) or isinstance(fraction, bool) or not 0 < fraction <= 1:
        raise ValueError(f"gpu_memory must be a part of the memory, above 0 and at most 1, not {fraction!r}")
    idle = present.get("idle", 0)
    if not isinstance(idle, int | float) or isinstance(idle, bool) or not 0 <= idle < float("inf"):
        raise ValueError(f"idle must be a number of seconds, 0 for never, not {idle!r}")
    port = present.get("port", 1)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise ValueError(f"port must be a number from 1 to 65535, not {port!r}")
    return cast("LaunchOptions", present)


def templates(recipe: LaunchRecipe, options: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a recipe with the words for these options, still to be filled."""
    command, environment = list(recipe["command"]), dict(recipe.get("environment") or {})
    for option in options:
        template = (recipe.get("options") or {}).get(option) or ()
        if isinstance(template, dict):
            environment |= {name: text.replace("{value}", f"{{{option}}}") for name, text in template.items()}
        else:
            command += [text.replace("{value}", f"{{{option}}}") for text in template]
    return command, environment


def served_name(recipe: LaunchRecipe, name: str) -> str:
    """What a model is called by the server of a recipe: *name*, where its command line has a place for one.

    It has no dashes before it, which begin options.
    """
    has_place = any("{name}" in text for text in recipe["command"])
    return (name.lstrip("-") or "model") if has_place else name


def unsupported(recipe: LaunchRecipe, options: Iterable[str]) -> list[str]:
    """Those of the options that this recipe has no word for."""
    supported = recipe.get("options") or ()
    return [option for option in options if option in (*TUNING, "tokenizer") and option not in supported]


def fill(text: str, values: Mapping[str, object]) -> str:
    """A template with those of its values that there are; in one go, so that no value is taken for a template."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), text)
