"""Ways to launch an engine: rows of the registry, turned into command lines. Pure.

A row's `command`, `environment` and `options` are templates. `{model}`, `{name}`, `{tokenizer}`,
`{python}` and `{package}` are filled from the model and this installation, `{port}`, `{key}` and `{file}`
(a file that holds the key) by the supervisor, when it has chosen them.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CONTEXT = 8192  # tokens, unless the model has fewer or the user says otherwise
IDLE = 600.0  # seconds without a call after which a server ends
TUNING = ("context", "slots", "threads", "gpu_memory", "tensor_parallel")  # wishes that an engine may have words for
_WHOLE = {  # option -> what it counts
    "context": "tokens",
    "slots": "requests at once",
    "threads": "threads",
    "tensor_parallel": "GPUs",
}


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, None left out. Raises ValueError for what no engine could take."""
    found = {option: value for option, value in options.items() if value is not None}
    for option, counted in _WHOLE.items():
        value = found.get(option, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{option} must be a whole number of {counted}, 1 or more, not {value!r}")
    fraction = found.get("gpu_memory", 1)
    if not isinstance(fraction, int | float) or isinstance(fraction, bool) or not 0 < fraction <= 1:
        raise ValueError(f"gpu_memory must be a part of the memory, above 0 and at most 1, not {fraction!r}")
    idle = found.get("idle", 0)
    if not isinstance(idle, int | float) or isinstance(idle, bool) or not 0 <= idle < float("inf"):
        raise ValueError(f"idle must be a number of seconds, 0 for never, not {idle!r}")
    port = found.get("port", 1)
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise ValueError(f"port must be a number from 1 to 65535, not {port!r}")
    return found


def assembled(way: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a way with these options, still to be filled."""
    command, environment = list(way["command"]), dict(way.get("environment") or {})
    for option in options:
        template = (way.get("options") or {}).get(option) or ()
        if isinstance(template, dict):
            environment |= {name: text.replace("{value}", f"{{{option}}}") for name, text in template.items()}
        else:
            command += [text.replace("{value}", f"{{{option}}}") for text in template]
    return command, environment


def named(way: Mapping[str, Any], name: str) -> str:
    """What a model is called by the server of a way: where its command line says so.

    It has no dashes before it, which begin options.
    """
    said = any("{name}" in text for text in way["command"])
    return (name.lstrip("-") or "model") if said else name


def left_out(way: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Those of the options that this way has no word for."""
    known = way.get("options") or ()
    return [option for option in options if option in (*TUNING, "tokenizer") and option not in known]


def filled(text: str, values: Mapping[str, Any]) -> str:
    """A template with what is known of its values; in one go, so that no value is taken for a template."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)
