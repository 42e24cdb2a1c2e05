"""A request that came in another API's words, read into those of OpenAI's chat completions."""

from __future__ import annotations

from inference_providers import chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from typing import Any


# What a request of any dialect may say to us, and nobody else gets.
OWN_WORDS = chat.PREFERRING | {"avoid", "only", "models", "cache", "cache_config"}
_UNKNOWN = "fields that nobody knows"


def others(box: Mapping[str, Any], known: Container[str], head: str = "") -> dict[str, None]:
    """What an object has beside the known fields, as it is told: by name, where that can be one."""
    names = (name for name, value in box.items() if value is not None and name not in known)
    return dict.fromkeys(head + (name if name.isascii() and name.isidentifier() else _UNKNOWN) for name in names)


class Asked:
    """body: of a chat completion. losses: names of what has no counterpart there, and was left out.

    streams: whether the reply is to come as events. original: the request as it came. only_native: why nobody can take
    the request but who speaks its own API, in words: leaving out what has no counterpart would change what is meant.
    """

    __slots__ = ("body", "losses", "only_native", "original", "streams")

    def __init__(
        self,
        body: dict[str, Any],
        original: Mapping[str, Any],
        *,
        losses: Iterable[str] = (),
        streams: bool = False,
        only_native: str = "",
    ) -> None:
        self.body, self.original, self.losses, self.streams = body, original, list(losses), streams
        self.only_native = only_native


def settled(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns as most models take them: what the system says is one turn, the first.

    What it says later goes to the user's turn there, marked as the system's: to move it to the beginning would spoil
    the cache of all that stands between.
    """
    made: list[dict[str, Any]] = []
    waiting: list[str] = []  # what came between calls and their results, which nothing may part
    for turn in turns:
        if turn["role"] == "system" and isinstance(turn["content"], str):
            waiting.append(turn["content"])
            if not (made and made[-1].get("tool_calls")):
                _tell(made, waiting)
            continue
        if turn["role"] != "tool":
            _tell(made, waiting)
        made.append(turn)
    _tell(made, waiting)
    return made


def _tell(made: list[dict[str, Any]], waiting: list[str]) -> None:
    """Add what waits to turns."""
    if not waiting:
        return
    said = "\n\n".join(filter(None, waiting))
    waiting.clear()
    last = made[-1] if made else {"role": "system", "content": ""}
    content = last["content"]
    if last["role"] == "system" and isinstance(content, str):
        made[-1:] = [{"role": "system", "content": f"{content}\n\n{said}" if content else said}]
        return
    said = f"<system>\n{said}\n</system>"
    if last["role"] != "user":
        made.append({"role": "user", "content": said})
    elif isinstance(content, str):
        made[-1] = {**last, "content": f"{content}\n\n{said}"}
    else:
        made[-1] = {**last, "content": [*content, {"type": "text", "text": said}]}
