"""What an offer is known to refuse of a chat request, and what it gets instead. Pure.

What may be left out is listed; everything else (privacy, retention, routing, safety, tools, images, where to stop) is
never given up, and then the next candidate is asked.
"""

from __future__ import annotations

from inference_providers.chat import parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

TOKEN_CAPS = ("max_tokens", "max_completion_tokens")
LEAST_CAP = 16  # tokens below which a cap is not lowered: nothing would be said

# What may be left out, and is then told in `Answer.dropped`. How an answer is sampled, shown or served; nothing that
# says what may become of the data, where it may go, or what must not be said.
DROPPABLE = frozenset((
    *("temperature", "top_p", "top_k", "top_a", "min_p", "typical_p", "tfs", "tfs_z", "epsilon_cutoff", "eta_cutoff"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty", "repeat_penalty", "repeat_last_n"),
    *("penalty_decay", "penalty_alpha", "length_penalty", "no_repeat_ngram_size", "encoder_repetition_penalty"),
    *("diversity_penalty", "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n"),
    *("dry_sequence_breakers", "xtc_probability", "xtc_threshold", "mirostat", "mirostat_tau", "mirostat_eta"),
    *("mirostat_mode", "dynatemp_range", "dynatemp_exponent", "smoothing_factor", "temperature_last", "min_keep"),
    *("n_probs", "seed", "random_seed", "n", "best_of", "num_beams", "use_beam_search", "early_stopping", "do_sample"),
    *("logit_bias", "logprobs", "top_logprobs", "prompt_logprobs", "echo", "min_tokens", "ignore_eos"),
    *("skip_special_tokens", "spaces_between_special_tokens", "add_generation_prompt", "include_stop_str_in_output"),
    *("reasoning_effort", "reasoning", "thinking", "thinking_budget", "enable_thinking", "include_reasoning"),
    *("reasoning_format", "reasoning_split", "chat_template_kwargs", "verbosity", "service_tier", "user", "metadata"),
    *("parallel_tool_calls", "stream_options", "prompt_cache_key", "cache_prompt", "prediction", "priority"),
    *("keep_alive", "options", "return_token_ids", "timings_per_token", "usage", "web_search_options"),
))  # fmt: skip
# What names within such a field say of something that is not given up: then the whole field stays.
_FATES = (
    *("store", "storage", "retain", "retention", "privacy", "private", "zdr", "no_log", "no-log", "nolog", "logging"),
    *("training", "collect", "region", "residen", "safe", "guard", "moderat", "redact", "mask", "pii", "opt_out"),
    "optout",
)
_NODES = 1000  # values of a field that are looked at
OURS = frozenset(("stream_options",))  # fields that this package adds by itself: nobody misses them
# Fields of messages that only some servers know: leftovers of other providers' replies.
MESSAGE_FIELDS = frozenset((
    *("reasoning_content", "reasoning", "reasoning_details", "refusal", "annotations", "audio", "function_call"),
    *("thinking", "thinking_blocks", "provider_specific_fields", "extra_content", "images", "citations", "prefix"),
    *("index", "name", "signature", "thought_signature", "cache_control"),
))  # fmt: skip
# Of them, what anybody's message may go without. The others are the user's own words where no model gave them; and a
# call of a function is never given up, only its empty field.
_ANYBODYS = frozenset(("index", "name", "prefix", "cache_control"))
# Keywords of schemas that only narrow what is allowed, or describe it: replies are checked against the whole schema.
KEYWORDS = frozenset((
    *("additionalProperties", "$schema", "$id", "$comment", "default", "title", "description", "examples", "format"),
    *("pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "contains", "minContains", "deprecated"),
    *("maxContains", "contentMediaType", "contentEncoding", "readOnly", "writeOnly", "nullable", "propertyNames"),
))  # fmt: skip


class Repairs:
    """What one offer does not take, and what it takes instead. Empty ones are false; `|` is both.

    dropped: fields that are left out. renamed: field -> what it is called. most: field -> its largest value.
    fields: of messages, that are left out. keywords: of schemas. without: `developer` (the role), `system` (the role),
    `strict`, `json_schema` (schemas go into the prompt), `demanded_call` (of a tool), `auto_choice` (of tools),
    `stop_text` and `stop_list` (what is sent is the other), `messages_api` and `responses_api` (it is asked by chat),
    and marks of `EFFORTS` (an effort, for which the next is sent).
    """

    __slots__ = ("dropped", "fields", "keywords", "most", "renamed", "without")

    def __init__(
        self,
        dropped: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        most: Mapping[str, int] | None = None,
        fields: Iterable[str] = (),
        keywords: Iterable[str] = (),
        without: Iterable[str] = (),
    ) -> None:
        self.dropped, self.fields, self.keywords = frozenset(dropped), frozenset(fields), frozenset(keywords)
        self.without, self.renamed, self.most = frozenset(without), dict(renamed or {}), dict(most or {})

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repairs) and self.as_row() == other.as_row()

    def __hash__(self) -> int:
        return hash((self.dropped, self.fields, self.keywords, self.without))

    def __repr__(self) -> str:
        return f"<Repairs {self.as_row()}>"

    def __or__(self, later: Repairs) -> Repairs:
        return Repairs(
            self.dropped | later.dropped,
            {**self.renamed, **later.renamed},
            {**self.most, **{n: min(value, self.most.get(n, value)) for n, value in later.most.items()}},
            self.fields | later.fields,
            self.keywords | later.keywords,
            self.without | later.without,
        )

    def as_row(self) -> dict[str, Any]:
        """As JSON; what is empty is left out."""
        row: dict[str, Any] = {}
        for name in self.__slots__:
            if value := getattr(self, name):
                row[name] = sorted(value) if isinstance(value, frozenset) else value
        return row

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Repairs:
        """From JSON that anybody may have written: what is not known to be harmless is left out."""

        def names(key: str, known: frozenset[str]) -> list[str]:
            listed = row.get(key)
            return [n for n in listed if isinstance(n, str) and n in known] if isinstance(listed, list) else []

        def table(key: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
            given = row.get(key)
            rows = given.items() if isinstance(given, dict) else ()
            return {n: value for n, value in rows if n in TOKEN_CAPS and fits(value)}

        return cls(
            names("dropped", DROPPABLE),
            table("renamed", lambda value: value in TOKEN_CAPS),
            table("most", lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= LEAST_CAP),
            names("fields", MESSAGE_FIELDS),
            names("keywords", KEYWORDS),
            names("without", _MARKS),
        )

    @property
    def told(self) -> str:
        """What is refused, for a person."""
        parts = [
            *sorted(self.dropped),
            *(f"{name} (it is called {called})" for name, called in self.renamed.items()),
            *(f"{name} above {most}" for name, most in self.most.items()),
            *(f"{name} in messages" for name in sorted(self.fields)),
            *(f"{name} in schemas" for name in sorted(self.keywords)),
            *(_MARKS_TOLD[mark] for mark in sorted(self.without)),
        ]
        return "does not take " + parameters.listed(parts)

    def applied(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
        """A request's body as this offer takes it, the names of what was left out, and in words what was changed."""
        fields = dict(body)
        dropped = [name for name in fields if name in self.dropped and not _protects(fields[name])]
        for name in dropped:
            del fields[name]
        words: list[str] = []
        for name, called in self.renamed.items():
            if name in fields and called not in fields:
                fields[called] = fields.pop(name)
                words.append(f"{name} sent as {called}")
        for name, most in self.most.items():
            if is_count(fields.get(name)) and fields[name] > most:
                fields[name] = most
                words.append(f"{name} lowered to {most}")
        if self.fields:
            _change_messages(fields, lambda turn: _without(turn, self.fields), words, "")
        for mark, change in _MARKS_DONE.items():
            if mark in self.without:
                change(fields, words)
        if efforts := self.without & EFFORTS.keys():
            _other_effort(fields, efforts, words)
        if self.keywords:
            _loosen(fields, self.keywords, words)
        return fields, [name for name in dropped if name not in OURS], words


def _protects(value: Any) -> bool:
    """Whether a field holds what says what may become of the data, where it may go, or what must not be said."""
    waiting = [value]
    for _ in range(_NODES):
        if not waiting:
            return False
        node = waiting.pop()
        if isinstance(node, dict):
            if any(fate in str(name).lower() for name in node for fate in _FATES):
                return True
            waiting += node.values()
        elif isinstance(node, list | tuple):
            waiting += node
    return True


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _change_messages(
    fields: dict[str, Any], change: Callable[[dict[str, Any]], Any], words: list[str], say: str
) -> None:
    """Put *change* of each message in its place; say so if any is another then."""
    turns = fields.get("messages")
    if not isinstance(turns, list):
        return
    changed = [change(turn) if isinstance(turn, dict) else turn for turn in turns]
    if changed != turns:
        fields["messages"] = changed
        if say:
            words.append(say)


def _without(turn: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """A message without leftovers of other providers' replies."""
    is_models = turn.get("role") == "assistant"
    return {
        name: value
        for name, value in turn.items()
        if name not in fields or (value and (name == "function_call" or not (is_models or name in _ANYBODYS)))
    }


def _no_developer(fields: dict[str, Any], words: list[str]) -> None:
    def change(turn: dict[str, Any]) -> dict[str, Any]:
        return {**turn, "role": "system"} if turn.get("role") == parameters.DEVELOPER else turn

    _change_messages(fields, change, words, "the developer's message sent as system")


def _no_system(fields: dict[str, Any], words: list[str]) -> None:
    """What the system says becomes the beginning of what the user says first."""
    turns = fields.get("messages")
    if not isinstance(turns, list):
        return
    said = [t["content"] for t in turns if _is_system(t) and isinstance(t.get("content"), str)]
    rest = [t for t in turns if not (_is_system(t) and isinstance(t.get("content"), str))]
    first = next((n for n, t in enumerate(rest) if isinstance(t, dict) and t.get("role") == "user"), None)
    if not said or first is None:
        return
    text = "\n\n".join(said)
    content = rest[first].get("content")
    own = [{"type": "text", "text": text}, *content] if isinstance(content, list) else f"{text}\n\n{content or ''}"
    rest[first] = {**rest[first], "content": own}
    fields["messages"] = rest
    words.append("the system's message put into the user's")


def _is_system(turn: Any) -> bool:
    return isinstance(turn, dict) and turn.get("role") in ("system", parameters.DEVELOPER)


def _no_strict(fields: dict[str, Any], words: list[str]) -> None:
    tools = fields.get("tools")
    if isinstance(tools, list) and any(is_strict(tool) for tool in tools):
        fields["tools"] = [
            {**tool, "function": {k: v for k, v in tool["function"].items() if k != "strict"}}
            if is_strict(tool)
            else tool
            for tool in tools
        ]
        words.append("tools sent without strict")
    if (inner := json_schema_in(fields)) is not None and "strict" in inner:
        loose = {k: v for k, v in inner.items() if k != "strict"}
        fields["response_format"] = {**fields["response_format"], "json_schema": loose}
        words.append("schema sent without strict")


def is_strict(tool: Any) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("function"), dict) and "strict" in tool["function"]


def json_schema_in(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    form = fields.get("response_format")
    inner = form.get("json_schema") if isinstance(form, dict) else None
    return inner if isinstance(inner, dict) and isinstance(inner.get("schema"), dict) else None


def _no_schema(fields: dict[str, Any], words: list[str]) -> None:
    from inference_providers.chat import with_instruction

    if (inner := json_schema_in(fields)) is not None:
        fields["messages"] = with_instruction(fields.get("messages") or (), parameters.schema_prompt(inner["schema"]))
        del fields["response_format"]
        words.append("schema put into the prompt")


def _no_demand(fields: dict[str, Any], words: list[str]) -> None:
    if fields.get("tool_choice") not in (None, "none", "auto"):
        words.append("a tool's call left to the model, not demanded")
        fields["tool_choice"] = "auto"


def _no_auto(fields: dict[str, Any], words: list[str]) -> None:
    if fields.get("tool_choice") == "auto":
        del fields["tool_choice"]  # which means the same


def _stop_as_list(fields: dict[str, Any], words: list[str]) -> None:
    if isinstance(fields.get("stop"), str):
        fields["stop"] = [fields["stop"]]
        words.append("stop sent as a list")


def _stop_as_text(fields: dict[str, Any], words: list[str]) -> None:
    stop = fields.get("stop")
    if isinstance(stop, list) and len(stop) == 1:
        fields["stop"] = stop[0]
        words.append("stop sent as text")


LEVELS = parameters.EFFORTS[1:]  # `none` is another thing to say
# Of an effort that is not taken, and the one that is sent for it: (the one, the other) by mark.
EFFORTS = {f"{one}_effort_as_{other}": (one, other) for one in LEVELS for other in LEVELS if one != other}


def _other_effort(fields: dict[str, Any], marks: frozenset[str], words: list[str]) -> None:
    steps = dict(EFFORTS[mark] for mark in sorted(marks))
    said = effort = fields.get("reasoning_effort")
    for _ in steps:
        effort = steps.get(effort, effort) if isinstance(effort, str) else effort
    if effort != said:
        fields["reasoning_effort"] = effort
        words.append(f"reasoning_effort {said} sent as {effort}")


# Marks of `Repairs.without`, in the order in which they are done.
_MARKS_DONE: dict[str, Callable[[dict[str, Any], list[str]], None]] = {
    "developer": _no_developer,
    "system": _no_system,
    "strict": _no_strict,
    "json_schema": _no_schema,
    "demanded_call": _no_demand,
    "auto_choice": _no_auto,
    "stop_text": _stop_as_list,
    "stop_list": _stop_as_text,
}
_MARKS = frozenset((*_MARKS_DONE, *EFFORTS, "messages_api", "responses_api"))
_MARKS_TOLD = {
    "messages_api": "Anthropic's Messages API",
    "responses_api": "the Responses API",
    "developer": "the role developer",
    "system": "the role system",
    "strict": "strict",
    "json_schema": "schemas (they go into the prompt)",
    "demanded_call": "a demand for a tool's call",
    "auto_choice": 'tool_choice "auto"',
    "stop_text": "stop as text",
    "stop_list": "stop as a list",
    **{mark: f"reasoning_effort {one}" for mark, (one, _) in EFFORTS.items()},
}


def _loosen(fields: dict[str, Any], keywords: frozenset[str], words: list[str]) -> None:
    """Leave keywords out of all schemas of a request."""
    tools = fields.get("tools")
    if isinstance(tools, list):
        changed = [_loosened_tool(tool, keywords) for tool in tools]
        if changed != tools:
            fields["tools"] = changed
            words.append(f"tools' schemas sent without {parameters.listed(sorted(keywords))}")
    if (inner := json_schema_in(fields)) is not None:
        schema = _loosened(inner["schema"], keywords)
        if schema != inner["schema"]:
            fields["response_format"] = {**fields["response_format"], "json_schema": {**inner, "schema": schema}}
            words.append(f"schema sent without {parameters.listed(sorted(keywords))}")


def _loosened_tool(tool: Any, keywords: frozenset[str]) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("parameters"), dict):
        return tool
    return {**tool, "function": {**function, "parameters": _loosened(function["parameters"], keywords)}}


def _loosened(node: Any, keywords: frozenset[str], *, names: bool = False) -> Any:
    """A schema without these keywords; *names*: its keys are names of fields, not keywords."""
    if isinstance(node, list):
        return [_loosened(item, keywords) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key in ("enum", "const") else _loosened(value, keywords, names=not names and key in _NAMED)
        for key, value in node.items()
        if names or key not in keywords
    }


_NAMED = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
