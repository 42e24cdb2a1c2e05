"""What a refusal complains of: which field of a chat request a server does not take, and what it takes instead. Pure.

A server that refuses a field nearly always names it. `repair_of` reads the refusal beside the request that it refused:
a name counts only where such a field was sent, so a supposition costs at most one more request.
"""

from __future__ import annotations

import re

from inference_providers.chat import parameters
from inference_providers.protocols.repairs import (
    DROPPABLE,
    KEYWORDS,
    LEAST_CAP,
    LEVELS,
    MESSAGE_FIELDS,
    OURS,
    TOKEN_CAPS,
    Repairs,
    is_count,
    is_strict,
    json_schema_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.errors import ProviderError

TRIES = 3  # repairs of one candidate in one call: servers name one field at a time
STATUSES = (400, 403, 404, 413, 415, 422, 500, 501)  # with which servers refuse a field
_WITH = {"logprobs": ("top_logprobs",)}  # what makes no sense without it
# Of two that exclude each other, the second goes.
_PAIRS = (("temperature", "top_p"), ("frequency_penalty", "presence_penalty"))
_THOUGHT = ("reasoning_effort", "reasoning", "thinking", "thinking_budget", "enable_thinking")
_LISTED = 2  # levels of effort that a list of them has at least
# Words that messages use in other senses as well: they count in quotes or as a path only.
_COMMON = frozenset(("n", "user", "metadata", "options", "priority", "reasoning", "thinking", "usage", "echo", "tfs"))

_REFUSES = (
    r"unsupported|not (?:currently |yet )?support|n't support|un(?:recogni[sz]ed|known|expected)"
    r"|extra (?:inputs?|fields?)|(?:is|are|was|be) not (?:permitted|allowed|available|valid|implemented|accepted)"
    r"|(?:is|are|was|be) not (?:enabled|compatible|recogni[sz]ed)"
    r"|not (?:permitted|allowed|implemented)|forbidden|additional ?propert|can ?not (?:be|both)|can't be|deprecated"
    r"|only the default|cannot find field|invalid (?:parameter|argument|field|property|param|keyword|schema|value)"
    r"|be unset|(?:may|can|must) only be|must be set to|only [\d.]{1,9} is allowed"
    r"|only (?:be )?(?:allowed|set|used) (?:when|if|with)"
    r"|invalid \w{1,30} argument|not a valid format|only [^.\n]{1,60} (?:is|are) supported"
    r"|disabled|no longer|incompatible|mutually exclusive|(?:must|should) not be|only one of|remove|only support"
    r"|not one of|expected one of|must be (?:one of|either|'|\"|`|null|none|text|auto)"
    r"|does not (?:accept|allow|exist|take|match)|unable to"
)
_TOO_LARGE = (
    r"too (?:large|big|high|long|many)|at most|less than|exceed|greater than|maximum|larger than|up to|range|between"
    r"|<=?|>=?|\u2264|limit|reduce|above"
)
_ELSEWHERE = r"\b(?:messages|roles?|tools?|tool_choice|functions?|response_format|schema|json|models?)\b"
_NAME = r"[A-Za-z_$][A-Za-z0-9_$]*"
_NUMBER = r"(?<![\w.\-])\d{1,9}(?![\w\-]|\.\d)"
_UPPER = rf"({_NUMBER})( \(exclusive\))?"
_CAP_WORDS = r"max(?:imum)?[_ ]?(?:new|completion|output)?[_ ]?tokens"


def repair_of(error: ProviderError, text: str, param: str, body: Mapping[str, Any]) -> Repairs | None:
    """What to leave out of *body*, or to put otherwise, after this refusal; None where it does not say, or where
    what it says cannot be given up.

    text: what the server said, code and kind included. param: the field that it named apart from its words.
    """
    if error.status not in STATUSES:
        return None
    found = Repairs()
    parts = text.split("; ")[:20]
    for part in parts:
        complaint = _Complaint(error, part, param if len(parts) == 1 or param in part else "", body)
        found = found | next(filter(None, (rule(complaint) for rule in _RULES)), Repairs())
    return found or None


class _Complaint:
    """A refusal beside the request that it refused."""

    def __init__(self, error: ProviderError, text: str, param: str, body: Mapping[str, Any]) -> None:
        self.error, self.text, self.body = error, text, body
        self.small = text.lower()
        self.refuses = bool(re.search(_REFUSES, self.small))
        self.paths = list(_paths(param))

    def names(self, field: str) -> bool:
        """Whether a field is named: apart, in quotes, as a part of a path, or, if it is no common word, at all."""
        if field in self.paths:
            return True
        return self._has(field) or ("_" in field and self._has(_camel_case(field)))

    def _has(self, field: str) -> bool:
        spelled = re.escape(field)
        spaced = spelled.replace("_", "[_ ]")
        quoted = rf"['\"`\u2018\u201c]{spelled}['\"`\u2019\u201d]|[.\]]{spelled}(?![\w$])|(?<![\w$.]){spelled}[.\[:]"
        if re.search(quoted, self.text):
            return True
        return field not in _COMMON and bool(re.search(rf"(?<![\w$]){spaced}(?![\w$])", self.text, re.IGNORECASE))

    def says(self, pattern: str) -> bool:
        """Whether the words match, in whatever case of letters."""
        return bool(re.search(pattern, self.small))


def _camel_case(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(word.title() for word in others)


def _paths(param: str) -> Iterator[str]:
    """The names in a path like `messages[1].reasoning_content`."""
    return (match[0] for match in re.finditer(_NAME, param[:200]))


def _token_cap(it: _Complaint) -> Repairs | None:
    """A cap of tokens that is too large, or is called otherwise."""
    name = next((cap for cap in TOKEN_CAPS if is_count(it.body.get(cap))), None)
    if name is None:
        return None
    sent: int = it.body[name]
    if (room := _room(it.error, sent)) is not None:
        return Repairs(most={name: room})
    if not it.says(_CAP_WORDS) and name not in it.paths:
        return None
    other = TOKEN_CAPS[1 - TOKEN_CAPS.index(name)]
    if it.says(_TOO_LARGE):
        told = [int(number) - bool(outside) for number, outside in re.findall(_UPPER, it.text)]
        smaller = [value for value in told if LEAST_CAP <= value < sent]
        if smaller:
            return Repairs(most={name: max(smaller)})
    if it.refuses and it.names(name) and other not in it.body:
        return Repairs(renamed={name: other})
    return None


def _room(error: ProviderError, cap: int) -> int | None:
    """Tokens that a prompt leaves in the window, where prompt and cap together were too many."""
    limit, requested = getattr(error, "limit", None), getattr(error, "requested", None)
    if limit is None or requested is None or requested <= cap:
        return None
    room: int = limit - (requested - cap)
    return room if LEAST_CAP <= room < cap else None


def _role(it: _Complaint) -> Repairs | None:
    roles = {turn.get("role") for turn in it.body.get("messages") or () if isinstance(turn, dict)}
    if parameters.DEVELOPER in roles and it.says(r"developer") and (it.refuses or it.says("role")):
        return Repairs(without=["developer"])
    if (
        roles & {"system", parameters.DEVELOPER}
        and it.refuses
        and it.says(r"system[' \"`]*(?:role|message|prompt|instruct)|developer instruction|role[^.]{0,60}system")
    ):
        return Repairs(without=["system"])
    return None


def _demand(it: _Complaint) -> Repairs | None:
    choice = it.body.get("tool_choice")
    if choice is None or choice == "none" or not it.names("tool_choice"):
        return None
    if not (it.refuses or it.says(r"must be|should be|only|required|invalid")):
        return None
    return Repairs(without=["auto_choice" if choice == "auto" else "demanded_call"])


def _stops(it: _Complaint) -> Repairs | None:
    stop = it.body.get("stop")
    if stop is None or not it.names("stop"):
        return None
    if isinstance(stop, str):
        return Repairs(without=["stop_text"]) if it.says(r"list|array|sequence of|iterable|slice") else None
    return Repairs(without=["stop_list"]) if len(stop) == 1 and it.says(r"string|str\b|text") else None


def _schemas(it: _Complaint) -> Repairs | None:
    """Keywords of schemas, strict mode, schemas at all."""
    inner = json_schema_in(it.body)
    tools = it.body.get("tools")
    if inner is None and not tools:
        return None
    about = it.says(r"schema|response[_ ]?format|structured|json[_ ]mode|tool|function|strict|keyword|propert")
    if not (about or {"response_format", "tools"} & set(it.paths)):
        return None
    used = _keys({"tools": tools, "response_format": inner and inner["schema"]})
    keywords = [word for word in sorted(KEYWORDS & used) if it.refuses and _quoted(it.text, word)]
    if keywords:
        return Repairs(keywords=keywords)
    strict = bool((inner or {}).get("strict")) or (isinstance(tools, list) and any(map(is_strict, tools)))
    if strict and it.names("strict") and (it.refuses or it.says("strict")):
        return Repairs(without=["strict"])
    if inner is None or not it.says(r"response[_ ]?format|json[_ ]?schema|structured|invalid schema|json[_ ]mode"):
        return None
    if inner.get("strict") and it.says(r"invalid schema|invalid json ?schema|schema is invalid|strict"):
        return Repairs(without=["strict"])
    if it.refuses or it.says(r"unavailable|must be|should be|only|invalid"):
        return Repairs(without=["json_schema"])
    return None


def _quoted(text: str, word: str) -> bool:
    spelled = re.escape(word)
    return bool(
        re.search(
            rf"\]\.{spelled}:|not a valid {spelled}\b"
            rf"|['\"`\u2018\u201c]{spelled}['\"`\u2019\u201d]|\b{spelled}\b(?=[^a-z]{{0,3}}(?:keyword|is not|not))",
            text,
        )
    ) or bool(re.search(rf"(?:keywords?|unknown name|field)[: ]{{1,3}}{spelled}(?![\w$])", text, re.IGNORECASE))


def _keys(value: Any) -> set[str]:
    """All keys in nested JSON."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found.update(node)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found


def _message_fields(it: _Complaint) -> Repairs | None:
    """Fields of messages that this server does not know."""
    if not it.refuses:
        return None
    used = {key for turn in it.body.get("messages") or () if isinstance(turn, dict) for key in turn}
    named = [field for field in sorted(used & MESSAGE_FIELDS) if it.names(field)]
    about = it.says(r"message|propert|extra|field|assistant")
    return Repairs(fields=named) if named and about else None


def _both(it: _Complaint) -> Repairs | None:
    """Two that exclude each other."""
    for first, second in _PAIRS:
        named = {first, second} <= it.body.keys() and all(it.says(_spellings(name)) for name in (first, second))
        if named and (it.refuses or it.says(r"both|only one|alter")):
            return Repairs(dropped=[second])
    return None


def _spellings(field: str) -> str:
    return field.replace("_", "[_ ]?")


def _effort(it: _Complaint) -> Repairs | None:
    """An effort that this model does not have, where others are listed: the next one below it, else above."""
    sent = it.body.get("reasoning_effort")
    named = it.names("reasoning_effort")
    if sent not in LEVELS or not (named or it.says(r"reasoning|effort|\blevels?\b")):
        return None
    if not named and any(map(it.names, it.body.keys() - {"model", "messages", "stream"})):
        return None
    place = LEVELS.index(sent)
    listed = [level for level in LEVELS if level != sent and re.search(rf"(?<![\w-]){level}(?![\w-])", it.text)]
    if len(listed) < _LISTED or not (it.refuses or it.says(r"should be|must be|valid|expected")):
        return None
    below = [level for level in listed if LEVELS.index(level) < place]
    return Repairs(without=[f"{sent}_effort_as_{below[-1] if below else listed[0]}"])


def _plain(it: _Complaint) -> Repairs | None:
    """A parameter that this server, or this model, does not take."""
    if not it.refuses:
        return None
    sent = it.body.keys() & DROPPABLE
    if it.says(r"\broles?\b"):
        sent = sent - {"user"}
    apart = [name for name in it.paths if name in sent]
    named = apart or [name for name in sorted(sent) if it.names(name)]
    if len(named) > 1:
        named = _complained_of(it, named)
    if named:
        return Repairs(dropped=[*named, *(more for name in named for more in _WITH.get(name, ()) if more in sent)])
    ours = sorted(OURS & it.body.keys())
    unnamed = not any(it.names(name) for name in it.body if name not in ("model", "stream", "messages"))
    unnamed = unnamed and not it.says(_ELSEWHERE)
    if ours and unnamed and it.says(r"argument|parameter|field|propert|extra|param|option"):
        return Repairs(dropped=ours)  # it names nothing that was sent: what nobody asked for goes first
    return None


def _thought(it: _Complaint) -> Repairs | None:
    """A model that does not think, or always does, and says so without a field's name; penalties, in the same way."""
    if not it.refuses:
        return None
    named = (
        [name for name in _THOUGHT if name in it.body]
        if it.says(r"\b(?:thinking|reasoning|think)\b(?! models?)")
        else []
    )
    if it.says(r"\bpenalty\b"):
        named += [name for name in ("frequency_penalty", "presence_penalty") if name in it.body]
    return Repairs(dropped=named) if named else None


def _complained_of(it: _Complaint, named: list[str]) -> list[str]:
    """Of several that are named, those before a list of what is supported; the first, where a text tells of choices."""
    head = re.split(
        r"(?:supported|known) (?:parameters|properties|fields|arguments|values)"
        r"|(?:allowed|valid|expected)(?: one of| fields)?[: ]|instead",
        it.text,
        maxsplit=1,
        flags=re.IGNORECASE,
    )[0]
    first = [name for name in named if re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", head)]
    return first or named[:1]


_RULES = (_token_cap, _role, _demand, _stops, _schemas, _message_fields, _both, _effort, _plain, _thought)
