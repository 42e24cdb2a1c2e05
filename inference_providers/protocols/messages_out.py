"""A chat completion's body as that of a message of Anthropic's. Pure.

What it has no word for is left out, and named; what it has in another measure is put so, and told. What a model takes
(how it is told to think, whether it takes schemas) is a row: `parameters.messages` of the registry.
"""

from __future__ import annotations

from inference_providers.chat import parameters
from inference_providers.protocols.messages_from import ANSWER_TOOL
from inference_providers.protocols.messages_turns import spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FEWEST = 1024  # tokens of thoughts that can be asked for
_MOST_WHOLE, _MOST_STREAMED, _UNKNOWN = 16_384, 64_000, 4096  # tokens of an answer, where the caller sets no limit
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 49_152}
_LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")
_LONGEST_USER = 256  # characters
_SPELT = {
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "tools",
    "tool_choice", "functions", "function_call", "parallel_tool_calls", "reasoning_effort", "response_format", "user",
    "stream", "stream_options", "metadata",
}  # fmt: skip
# Fields of its own that no chat completion has: they go as they are.
_OWN = (
    "thinking", "output_config", "context_management", "mcp_servers", "container", "inference_geo", "cache_control",
    "speed", "diagnostics", "stop_sequences",
)  # fmt: skip
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


class Message:
    """body: of a request for a message. lost: names of fields that were left out. put: what was put otherwise."""

    __slots__ = ("body", "lost", "put")

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.lost: list[str] = []
        self.put: list[str] = []

    def lose(self, *names: str) -> None:
        """Fields that the request does not have any more."""
        for name in names:
            self.body.pop(name, None)
            if name not in self.lost:
                self.lost.append(name)


def message(
    body: Mapping[str, Any],
    takes: Mapping[str, Any],
    *,
    limit: int | None = None,
    most: int | None = None,
) -> Message:
    """A request for a chat completion as one for a message.

    takes: the row of its model. limit: tokens that the model can answer with, None where unknown. most: that an answer
    may have where the caller sets no limit, None for what is usual.
    """
    made = Message({"model": body.get("model")})
    given = body.get("max_tokens") or body.get("max_completion_tokens")
    made.body["max_tokens"] = given or most or usual_limit(limit, streams=bool(body.get("stream")))
    system, turns = spoken(body.get("messages"))
    if system:
        made.body["system"] = system
    made.body["messages"] = turns
    made.body |= {name: body[name] for name in _OWN if body.get(name) is not None}
    if (stop := body.get("stop")) is not None:
        _stop(made, [stop] if isinstance(stop, str) else stop)
    _tools(made, body)
    _format(made, body, takes)
    _think(made, body.get("reasoning_effort"), takes)
    _sampling(made, body)
    _user(made, body)
    if body.get("stream"):
        made.body["stream"] = True
    made.lose(*(name for name, value in body.items() if value is not None and name not in _SPELT | {*_OWN}))
    return made


def usual_limit(limit: int | None, *, streams: bool) -> int:
    """Tokens of an answer where nobody has said how many: it has to be said there.

    As many as the model can, within what one reply takes time for.
    """
    return min(limit or _UNKNOWN, _MOST_STREAMED if streams else _MOST_WHOLE)


def _stop(made: Message, words: Any) -> None:
    """Where to stop. Blanks alone are refused."""
    listed = words if isinstance(words, list | tuple) else []
    kept = [word for word in listed if isinstance(word, str) and word.strip()]
    if len(kept) < len(listed):
        made.lose("stop")
    if kept:
        made.body["stop_sequences"] = kept


def _tools(made: Message, body: Mapping[str, Any]) -> None:
    older = [{"type": "function", "function": one} for one in body.get("functions") or ()]
    tools = [*(body.get("tools") or ()), *older]
    choice = body.get("tool_choice", body.get("function_call"))
    if isinstance(choice, dict) and isinstance(allowed := choice.get("allowed_tools"), dict):
        names = [_named(tool) for tool in allowed.get("tools") or ()]
        tools, choice = [tool for tool in tools if _named(tool) in names], allowed.get("mode")
    if not tools:
        return
    made.body["tools"] = [_tool(tool) for tool in tools]
    said: dict[str, Any] = {}
    if isinstance(choice, dict):
        said = {"type": "tool", "name": _named(choice)}
    elif choice in _CHOICES:
        said = {"type": _CHOICES[choice]}
    if body.get("parallel_tool_calls") is False and said.get("type") != "none":
        said = {"type": "auto", **said, "disable_parallel_tool_use": True}
    if said:
        made.body["tool_choice"] = said


def _named(tool: Any) -> str:
    """The name of the function that a tool, or a choice of one, is about."""
    function = tool.get("function", tool) if isinstance(tool, dict) else {}
    return str(function.get("name") or "") if isinstance(function, dict) else ""


def _tool(tool: Any) -> Any:
    """A function as a tool; one of Anthropic's own kinds goes as it is."""
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return tool
    schema = function.get("parameters")
    schema = schema if isinstance(schema, dict) and schema else {"type": "object", "properties": {}}
    made = {"name": function.get("name"), "input_schema": {"type": "object", **schema}}
    if isinstance(function.get("description"), str):
        made["description"] = function["description"]
    if function.get("strict") is True and schema.get("additionalProperties") is False:
        made["strict"] = True
    mark = tool.get("cache_control") or function.get("cache_control")
    return {**made, "cache_control": mark} if isinstance(mark, dict) else made


def _format(made: Message, body: Mapping[str, Any], takes: Mapping[str, Any]) -> None:
    """The form of the answer: where the model takes no schema, a tool's input, or what it is told to write."""
    form = body.get("response_format")
    if not isinstance(form, dict) or form.get("type") not in ("json_schema", "json_object"):
        return
    inner = form.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if not isinstance(schema, dict):
        _instruct(made, "Answer with a JSON object, and nothing else.")
        return
    from inference_providers.protocols.messages_schema import closed

    if takes.get("schema") and (said := closed(schema)) is not None:
        form = {"type": "json_schema", "schema": said}
        made.body["output_config"] = {**made.body.get("output_config", {}), "format": form}
        return
    thinks = body.get("reasoning_effort") not in (None, "none") or made.body.get("thinking")
    if thinks or "tools" in made.body or schema.get("type") != "object":
        _instruct(made, parameters.schema_prompt(schema))
        return
    described = inner.get("description") if isinstance(inner, dict) else None
    tool = {"name": ANSWER_TOOL, "description": described or "Give the answer.", "input_schema": schema}
    made.body |= {"tools": [tool], "tool_choice": {"type": "tool", "name": ANSWER_TOOL}}


def _instruct(made: Message, words: str) -> None:
    system = made.body.get("system")
    if isinstance(system, list):
        made.body["system"] = [*system, {"type": "text", "text": words}]
    else:
        made.body["system"] = f"{system}\n\n{words}" if system else words


def _think(made: Message, effort: Any, takes: Mapping[str, Any]) -> None:
    """How much is thought, in the way in which the model is told."""
    if effort is None or "thinking" in made.body:
        return
    levels: list[str] = takes.get("efforts") or []
    off = takes.get("off")
    if effort == "none":
        if isinstance(off, dict):
            made.body["thinking"] = off
        elif off is False and levels:  # it always thinks
            _effort(made, levels[0], effort)
        return
    if effort not in _LEVELS:
        made.lose("reasoning_effort")
        return
    forced = made.body.get("tool_choice", {}).get("type") in ("any", "tool")  # nobody may think then
    if levels:
        _effort(made, _nearest(effort, levels), effort)
    if takes.get("thinking") == "adaptive":
        if not forced:
            made.body["thinking"] = {"type": "adaptive", "display": "summarized"}
        return
    budget = min(_BUDGETS[effort], made.body["max_tokens"] // 2)
    if takes.get("thinking") == "budget" and not forced and budget >= FEWEST and not _calls_unthought(made):
        made.body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif not levels:
        made.lose("reasoning_effort")


def _effort(made: Message, level: str, asked: str) -> None:
    made.body["output_config"] = {**made.body.get("output_config", {}), "effort": level}
    if level != asked:
        made.put.append(f"reasoning_effort {level!r} for {asked!r}")


def _nearest(effort: str, levels: list[str]) -> str:
    """The level that is meant: the highest that is not above it, else the lowest."""
    below = [level for level in levels if _LEVELS.index(level) <= _LEVELS.index(effort)]
    return max(below, key=_LEVELS.index) if below else min(levels, key=_LEVELS.index)


def _calls_unthought(made: Message) -> bool:
    """Whether the model has last called a tool without thoughts that are known: then it is not to think now."""
    turns = made.body["messages"]
    before = turns[-2]["content"] if len(turns) > 1 else []
    kinds = [block.get("type") for block in before] if isinstance(before, list) else []
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")


def _sampling(made: Message, body: Mapping[str, Any]) -> None:
    """How much is left to chance: nothing of it beside thoughts, and one of two words for it."""
    heat, share, best = (body.get(name) for name in ("temperature", "top_p", "top_k"))
    thinks = made.body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if isinstance(heat, int | float):
        if thinks and heat != 1:
            made.lose("temperature")
        else:
            made.body["temperature"] = min(heat, 1)
            if heat > 1:
                made.put.append(f"temperature 1 for {heat}")
    if isinstance(share, int | float):
        if "temperature" in made.body or (thinks and share < 0.95):
            made.lose("top_p")
        else:
            made.body["top_p"] = share
    if isinstance(best, int) and best > 0:
        if thinks:
            made.lose("top_k")
        else:
            made.body["top_k"] = best


def _user(made: Message, body: Mapping[str, Any]) -> None:
    given, metadata = body.get("user"), body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("user_id"), str):
        given = metadata["user_id"]
    elif metadata:
        made.lose("metadata")
    if isinstance(given, str) and 0 < len(given) <= _LONGEST_USER:
        made.body["metadata"] = {"user_id": given}
    elif given:
        made.lose("user")
