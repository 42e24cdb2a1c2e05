"""Google's generateContent, as programs send it: read into a chat completion. Pure.

What has no counterpart and changes nothing of what is meant is left out, and named; what would change it is refused.
"""

from __future__ import annotations

from inference_providers.protocols.dialect import Asked
from inference_providers.protocols.gemini_fields import fields, flag, number, refused, rest, several, text, whole, word
from inference_providers.protocols.gemini_schema import answer_format, json_schema
from inference_providers.protocols.gemini_turns import system, turns
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_BODY = frozenset(
    ("contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "cachedContent", "model")
)
_PASSED: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", whole),
    "maxOutputTokens": ("max_tokens", whole),
    "presencePenalty": ("presence_penalty", number),
    "frequencyPenalty": ("frequency_penalty", number),
    "seed": ("seed", whole),
    "responseLogprobs": ("logprobs", flag),
}
_CONFIG = frozenset((
    *_PASSED, "stopSequences", "candidateCount", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
    "responseFormat", "responseModalities", "thinkingConfig",
))  # fmt: skip
_SILENT = ("TEXT", "MODALITY_UNSPECIFIED")
_ENUM = "text/x.enum"
_LEVELS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}
_BUDGETS = ((0, "none"), (1024, "low"), (8192, "medium"))  # tokens of thoughts, up to which an effort is meant
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_FUNCTION = frozenset(("name", "description", "parameters", "parametersJsonSchema"))


def read(body: Mapping[str, Any], model: str = "auto", streams: bool = False) -> Asked:
    """A request for content as one for a chat completion. Raises InvalidRequestError, which names the field.

    model: as the path has it, without `models/`.
    """
    try:
        jsontext.check(body)
    except ValueError as error:
        raise refused(f"the body is {error}") from None
    losses: dict[str, None] = {}
    box = fields(body, "the body")
    rest(box, _BODY, losses)
    if box.get("cachedContent"):
        raise refused("cachedContent is kept at Google, which is not asked here; send its contents")
    instruction = system(box.get("systemInstruction"), losses)
    made: dict[str, Any] = {"model": model, "messages": turns(box.get("contents"), losses)}
    if instruction:
        made["messages"].insert(0, {"role": "system", "content": instruction})
    _read_config(fields(box.get("generationConfig", {}), "generationConfig"), made, losses)
    _read_tools(box, made, losses)
    if streams:
        made |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked(made, body, losses=list(losses), streams=streams)


def _read_config(config: dict[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    head = "generationConfig."
    rest(config, _CONFIG, losses, head)
    made |= {name: check(config[of], head + of) for of, (name, check) in _PASSED.items() if of in config}
    stops = [text(one, f"{head}stopSequences") for one in several(config.get("stopSequences"), f"{head}stopSequences")]
    if stops:
        made["stop"] = stops
    if (count := whole(config.get("candidateCount", 1), f"{head}candidateCount")) != 1:
        made["n"] = count
    if "logprobs" in config and made.get("logprobs"):
        made["top_logprobs"] = whole(config["logprobs"], f"{head}logprobs")
    _read_modalities(config, made)
    _read_thinking(fields(config.get("thinkingConfig", {}), f"{head}thinkingConfig"), made, losses)
    for given in several(config.get("responseFormat"), f"{head}responseFormat"):
        form = fields(given, f"{head}responseFormat")
        if others := form.keys() - {"text"}:
            raise refused(f"{head}responseFormat asks for {min(others)[:60]}, which cannot be had here")
        inner = fields(form.get("text", {}), f"{head}responseFormat.text")
        config = {**config, "responseMimeType": inner.get("mimeType", ""), "responseJsonSchema": _schema_in(inner)}
    _read_format(config, made, head)


def _schema_in(box: dict[str, Any]) -> Any:
    return box.get("schema", box.get("jsonSchema"))


def _read_modalities(config: dict[str, Any], made: dict[str, Any]) -> None:
    where = "generationConfig.responseModalities"
    wanted = [word(one, where) for one in several(config.get("responseModalities"), where)]
    for one in wanted:
        if one not in (*_SILENT, "IMAGE"):
            raise refused(f"{where}: answers are text and pictures here, not {one!r:.40}")
    if "IMAGE" in wanted:
        made["modalities"] = [one.lower() for one in dict.fromkeys(wanted) if one != _SILENT[1]]


def _read_thinking(thinking: dict[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    head = "generationConfig.thinkingConfig."
    rest(thinking, frozenset(("includeThoughts", "thinkingBudget", "thinkingLevel")), losses, head)
    flag(thinking.get("includeThoughts", False), f"{head}includeThoughts")
    level = word(thinking.get("thinkingLevel", ""), f"{head}thinkingLevel")
    if level and level != "THINKING_LEVEL_UNSPECIFIED":
        if level not in _LEVELS:
            raise refused(f"{head}thinkingLevel is none of {', '.join(_LEVELS)}")
        made["reasoning_effort"] = _LEVELS[level]
    elif (budget := whole(thinking.get("thinkingBudget", -1), f"{head}thinkingBudget")) >= 0:
        made["reasoning_effort"] = next((name for most, name in _BUDGETS if budget <= most), "high")
        if budget:
            losses[f"{head}thinkingBudget"] = None


def _read_format(config: dict[str, Any], made: dict[str, Any], head: str) -> None:
    """In which form the answer is to come."""
    kind = text(config.get("responseMimeType", ""), f"{head}responseMimeType").lower()
    if kind not in ("", "text/plain", "application/json", _ENUM):
        raise refused(f"{head}responseMimeType {kind!r:.60} cannot be had here")
    schema = None
    if config.get("responseJsonSchema") is not None:
        schema = config["responseJsonSchema"]
        if not isinstance(schema, dict):
            raise refused(f"{head}responseJsonSchema must be an object, not {type(schema).__name__}")
    elif "responseSchema" in config:
        schema = json_schema(config["responseSchema"], f"{head}responseSchema")
    if schema is None and kind == _ENUM:
        raise refused(f"{head}responseSchema is needed where {head}responseMimeType is {_ENUM}")
    if schema is not None or kind == "application/json":
        made["response_format"] = answer_format(schema, is_enum=kind == _ENUM)


def _read_tools(box: dict[str, Any], made: dict[str, Any], losses: dict[str, None]) -> None:
    tools: list[dict[str, Any]] = []
    for place, given in enumerate(several(box.get("tools"), "tools")):
        tool = fields(given, f"tools[{place}]")
        for name in tool.keys() - {"functionDeclarations"}:
            if tool[name] != []:
                raise refused(f"tools[{place}]: {name[:60]} runs at Google, and has no counterpart at this model")
        where = f"tools[{place}].functionDeclarations"
        declared = enumerate(several(tool.get("functionDeclarations"), where))
        tools += [_function(one, f"{where}[{number}]", losses) for number, one in declared]
    config = fields(box.get("toolConfig", {}), "toolConfig")
    rest(config, frozenset(("functionCallingConfig",)), losses, "toolConfig.")
    calling = fields(config.get("functionCallingConfig", {}), "toolConfig.functionCallingConfig")
    rest(calling, frozenset(("mode", "allowedFunctionNames")), losses, "toolConfig.functionCallingConfig.")
    _choose(calling, tools, made)


def _function(given: Any, where: str, losses: dict[str, None]) -> dict[str, Any]:
    box = fields(given, where)
    rest(box, _FUNCTION, losses, "functionDeclarations.")
    schema = box.get("parametersJsonSchema")
    if schema is None:
        schema = json_schema(box.get("parameters", {}), f"{where}.parameters")
    elif not isinstance(schema, dict):
        raise refused(f"{where}.parametersJsonSchema must be an object, not {type(schema).__name__}")
    function: dict[str, Any] = {"name": text(box.get("name"), f"{where}.name")}
    if "description" in box:
        function["description"] = text(box["description"], f"{where}.description")
    function["parameters"] = schema or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _choose(calling: dict[str, Any], tools: list[dict[str, Any]], made: dict[str, Any]) -> None:
    """The tools that may be called, and whether one must be."""
    where = "toolConfig.functionCallingConfig"
    mode = word(calling.get("mode", ""), f"{where}.mode")
    if mode not in (*_MODES, "", "MODE_UNSPECIFIED"):
        raise refused(f"{where}.mode is none of {', '.join(_MODES)}")
    names = several(calling.get("allowedFunctionNames"), f"{where}.allowedFunctionNames")
    allowed = [text(one, f"{where}.allowedFunctionNames") for one in names]
    known = {tool["function"]["name"] for tool in tools}
    for name in allowed:
        if name not in known:
            raise refused(f"{where}.allowedFunctionNames: no function is called {name!r:.80}")
    if allowed and mode != "NONE":
        tools = [tool for tool in tools if tool["function"]["name"] in allowed]
    if not tools:
        return
    made["tools"] = tools
    if mode == "ANY" and len(allowed) == 1:
        made["tool_choice"] = {"type": "function", "function": {"name": allowed[0]}}
    elif mode in _MODES:
        made["tool_choice"] = _MODES[mode]
