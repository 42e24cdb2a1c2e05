"""The turns of a conversation: read from a reply, and put as the provider takes them that gets them next. Pure.

Providers differ in what they send and in what they take back. What one wants back (the thoughts of its model, a
signature of them) is refused by another, and ids of calls that one gives are of a form that another does not take.
So a turn remembers who gave it, and each provider's row of the registry says how it wants turns (`connection.turns`).
"""

from __future__ import annotations

import hashlib
import json
import re

from inference_providers.chat import completion
from inference_providers.chat.parameters import DEVELOPER
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from typing import Any


class Turn(dict[str, "Any"]):
    """A turn of a model: a dict like any other, which remembers the id of the provider that gave it."""

    provider: str | None = None

    def copy(self) -> Turn:
        """One with the same fields, from the same provider."""
        copied = Turn(self)
        copied.provider = self.provider
        return copied


# What carries a model's thoughts: in a message, or in one of its calls. Whoever sent it may want it back.
THOUGHTS = (
    "reasoning_content", "reasoning", "reasoning_details", "reasoning_opaque", "reasoning_text", "thinking",
    "thinking_blocks", "encrypted_content", "extra_content", "thought_signature", "signature",
    "provider_specific_fields",
)  # fmt: skip
# What else a reply has that is no part of a request; `refusal` and `audio` are, for some.
_OF_REPLIES = (
    "annotations", "audio", "citations", "context", "executed_tools", "images", "refusal", "search_results",
    "stop_reason", "token_ids",
)  # fmt: skip
_FOREIGN = frozenset((*THOUGHTS, *_OF_REPLIES))
_LEFT_OVER = frozenset(("index", "parsed", "parsed_arguments"))  # of a stream, and of the SDK's `parse`: for nobody

_ID, _ID_READ = "[a-zA-Z0-9_-]{1,40}", 256  # the form that everybody takes; characters of an id that are looked at
_NAME, _NO_NAME = "[a-zA-Z0-9_-]{1,64}", "[^a-zA-Z0-9_-]"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
NOT_JSON = "INVALID_JSON"  # the only argument of a call whose arguments are no JSON object
NOTHING = "(empty)"  # instead of a turn without anything in it, which most refuse


# Read from a reply


def assistant(message: Mapping[str, Any], provider: str | None = None) -> Turn:
    """A reply's message as a turn of a conversation, for whoever gets it next.

    Its calls are in the standard form. It has what its provider may want back as well.
    """
    calls = calls_of(message)
    content = message.get("content")
    if not _thinks(content) and (content is not None or not calls):
        content = completion.content_text(content)
    turn = Turn(role="assistant", content=content)
    if calls:
        turn["tool_calls"] = calls
    for name in (*THOUGHTS, "refusal"):
        if message.get(name):
            turn[name] = message[name]
    audio = message.get("audio")
    if isinstance(audio, dict) and audio.get("id"):
        turn["audio"] = {name: audio[name] for name in ("id", "transcript") if name in audio}
    turn.provider = provider
    return turn


def without_calls(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A reply that calls what nobody offers, as one that says it, if that call is all there is.

    Models that are asked for JSON give it as the arguments of a call now and then.
    """
    choice, message = completion.first_choice(reply), completion.message_of(reply)
    calls, text = calls_of(message), completion.content_text(message.get("content"))
    if not text.strip() and len(calls) == 1 and (function := _function_in(calls[0])) is not None:
        text = function["arguments"]
    kept = {name: value for name, value in message.items() if name not in ("tool_calls", "function_call")}
    return {**reply, "choices": [{**choice, "message": {**kept, "content": text}}, *reply["choices"][1:]]}


def tool_result(call_id: str, text: str) -> dict[str, Any]:
    """The result of a tool call as a turn of a conversation."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def calls_of(message: Mapping[str, Any]) -> list[Any]:
    """The calls in a message, in the standard form: each with an id of its own, a type, a name, arguments as text.

    One that is no call of a function stays as it is. The only call of an older API (`function_call`) is one, too.
    """
    calls = _calls_in(message)
    ids = Ids(calls)
    return [_standard(call, ids) for call in calls]


def _standard(call: Any, ids: Ids) -> Any:
    function = _function_in(call)
    if function is None:
        return call
    others = {name: value for name, value in call.items() if name not in (*_LEFT_OVER, "name", "arguments")}
    name, arguments = str(function.get("name") or ""), _arguments_text(function.get("arguments"))
    return {
        **others,
        "id": ids.given_to(call, _any_form),
        "type": call.get("type") or "function",
        "function": {**function, "name": name, "arguments": arguments},
    }


def _function_in(call: Any) -> Mapping[str, Any] | None:
    """The name and arguments of a call; None for a call of another kind."""
    if not isinstance(call, dict) or call.get("type") not in (None, "", "function"):
        return None
    function = call.get("function")
    if isinstance(function, dict):
        return function
    flat = {name: call[name] for name in ("name", "arguments") if name in call}
    return flat if "function" not in call and isinstance(flat.get("name"), str) else None


def _arguments_text(given: Any) -> str:
    """Arguments as text: some servers give an object, or nothing, or the text as JSON once more."""
    if isinstance(given, str) and given.strip() not in ("", "null"):
        return _unquoted(given) if given.lstrip()[:1] == '"' else given
    return "{}" if not given or isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _unquoted(text: str) -> str:
    """The arguments in a JSON string, where it holds some."""
    try:
        inner = jsontext.loads(text)
        holds = isinstance(inner, str) and isinstance(jsontext.loads(inner), dict)
    except ValueError:
        return text
    return str(inner) if holds else text


def _thinks(content: Any) -> bool:
    return isinstance(content, list) and any(isinstance(part, dict) and completion.thinks(part) for part in content)


# Ids


class Ids:
    """The ids of a conversation's calls: each is there once.

    One that is made is of nine letters and digits, which is the form that the strictest take. It follows from what
    it stands for, so that it is the same whenever the conversation is sent.
    """

    def __init__(self, calls: Iterable[Any]) -> None:
        self._given = {id_in(call) for call in calls}
        self._used: set[str] = set()
        self._met: dict[str, int] = {}  # how often one was made for the same

    def given_to(self, call: Mapping[str, Any], fits: Callable[[str], bool]) -> str:
        """The call's own id, if it is the first with it and *fits* says that it may stay; else one that is made."""
        own = id_in(call)
        if own and own not in self._used and fits(own):
            self._used.add(own)
            return own
        what = own or json.dumps([str(part) for part in (_function_in(call) or {}).values()])
        while True:
            self._met[what] = self._met.get(what, 0) + 1
            made = _nine(f"{what}\n{self._met[what]}")
            if made not in self._used and made not in self._given:
                self._used.add(made)
                return made


def id_in(call: Any, name: str = "id") -> str:
    """The id that a call has, or a result for it; empty for one that is none."""
    given = call.get(name) if isinstance(call, dict) else None
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""


def _nine(text: str) -> str:
    number = int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())
    digits = []
    for _ in range(9):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(digits)


def _any_form(call_id: str) -> bool:
    return True


# Put as a provider takes them


def fitted(body: Mapping[str, Any], provider: str, wanted: Mapping[str, Any], *, developer: bool = True) -> Any:
    """The turns of a request as a provider takes them; those of users and systems stay as they are.

    wanted: its `connection.turns` of the registry. developer: whether it takes that role.
    Calls of the older API (`function_call`) become calls of tools, unless the request is one of that API.
    """
    turns = body.get("messages")
    if not isinstance(turns, list | tuple):
        return turns
    target = _Target(body, provider, wanted, developer)
    last = len(turns) - 1
    return [
        target.turn(turn, last=place == last) if isinstance(turn, dict) else turn for place, turn in enumerate(turns)
    ]


def _calls_in(turn: Mapping[str, Any]) -> list[Any]:
    """The calls in a turn, as they are."""
    listed, legacy = turn.get("tool_calls"), turn.get("function_call")
    if isinstance(listed, list) and listed:
        return listed
    return [{"function": legacy}] if isinstance(legacy, dict) and legacy else []


def _is_from(turn: Any, role: str) -> bool:
    return isinstance(turn, dict) and turn.get("role") == role


class _Target:
    """Who gets a conversation, and which calls still wait for their results, while its turns are gone through."""

    def __init__(self, body: Mapping[str, Any], provider: str, wanted: Mapping[str, Any], developer: bool) -> None:
        self._legacy = "functions" in body
        self._names = {_name_of(tool) for tool in body.get("tools") or () if isinstance(tool, dict)}
        self._provider, self._developer = provider, developer
        self._takes: Container[str] | None = wanted.get("takes")
        self._fills: Mapping[str, Any] = wanted.get("fills") or {}
        self._first_call: Mapping[str, Any] = wanted.get("first_call") or {}
        self._form: str | None = wanted.get("ids")
        self._ids = Ids(call for turn in body["messages"] if _is_from(turn, "assistant") for call in _calls_in(turn))
        self._waiting: list[tuple[str, str, str]] = []  # (its id here, its id there, name of the function)

    def turn(self, turn: Mapping[str, Any], *, last: bool) -> Mapping[str, Any]:
        """One turn as it is sent."""
        role = turn.get("role")
        if role in ("tool", "function"):
            return turn if self._legacy and role == "function" else self._result(turn)
        self._waiting = []
        if role == "assistant":
            return turn if self._legacy and turn.get("function_call") else self._assistant(turn, last)
        return {**turn, "role": "system"} if role == DEVELOPER and not self._developer else turn

    def _assistant(self, turn: Mapping[str, Any], last: bool) -> dict[str, Any]:
        giver = getattr(turn, "provider", None)
        takes = self._takes if giver in (None, self._provider) else ()
        form = self._form
        if form is None and giver not in (None, self._provider):
            form = _ID
        kept = {
            name: value
            for name, value in turn.items()
            if value is not None and _goes(name, takes) and name not in ("tool_calls", "function_call")
        }
        content = kept["content"] = _content(turn.get("content"), takes)
        if isinstance(kept.get("audio"), dict) and "id" in kept["audio"]:
            kept["audio"] = {"id": kept["audio"]["id"]}
        calls = [self._call(call, takes, form) for call in _calls_in(turn)]
        if calls:
            return self._calling(kept, calls, keeps_blank=takes is None)
        if not last and _is_blank(content):
            kept["content"] = None if {"audio", "refusal"} & kept.keys() else _said_otherwise(turn) or NOTHING
        return kept

    def _calling(self, turn: dict[str, Any], calls: list[Any], *, keeps_blank: bool) -> dict[str, Any]:
        """A turn with calls. One that says nothing else has null for content: more refuse empty text than null."""
        if _is_blank(turn["content"]) and not keeps_blank:
            turn["content"] = None
        for name, value in self._fills.items():
            if not turn.get(name):
                turn[name] = value
        if self._first_call and isinstance(calls[0], dict):
            calls[0] = {**self._first_call, **calls[0]}
        turn["tool_calls"] = calls
        return turn

    def _call(self, call: Any, takes: Container[str] | None, form: str | None) -> Any:
        function = _function_in(call)
        if function is None:
            self._waiting.append((id_in(call), id_in(call), ""))
            return call
        sent = {
            name: value
            for name, value in call.items()
            if value is not None and _goes(name, takes) and name not in ("name", "arguments")
        }
        given, name = id_in(call), _name_of(call)
        sent["id"] = self._ids.given_to(call, _any_form if form is None else lambda own: _has_form(own, form))
        sent["type"] = "function"
        extras = {key: value for key, value in function.items() if value is not None and _goes(key, takes)}
        there = name if name in self._names else _plain_name(name)
        sent["function"] = {**extras, "name": there, "arguments": _arguments(function.get("arguments"))}
        self._waiting.append((given, sent["id"], name))
        return sent

    def _result(self, turn: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of the first call that waits for it; one for which none waits goes as it is."""
        given = id_in(turn, "tool_call_id")
        name = turn.get("name")
        same: Iterable[tuple[str, str, str]] = (call for call in self._waiting if call[0] == given)
        if not given:
            same = [call for call in self._waiting if name and call[2] == name] or self._waiting
        call = next(iter(same), None)
        if call is None:
            return {**turn, "content": _result_content(turn.get("content"))}
        self._waiting.remove(call)
        rest = {key: value for key, value in turn.items() if key not in ("role", "content", "tool_call_id")}
        if turn.get("role") == "function":
            rest.pop("name", None)
        return {"role": "tool", "tool_call_id": call[1], **rest, "content": _result_content(turn.get("content"))}


def _name_of(call: Mapping[str, Any]) -> str:
    """The name in a call, or in the description of a tool; empty where there is none."""
    return str((_function_in(call) or {}).get("name") or "")


def _plain_name(name: str) -> str:
    """The name of a tool that there is not, as everybody takes it: the model made it up."""
    return name if re.fullmatch(_NAME, name) else re.sub(_NO_NAME, "_", name[:64]) or "unnamed"


def _goes(name: str, takes: Container[str] | None) -> bool:
    """Whether a field goes to a provider that takes these of the foreign ones; None for what is not known of it."""
    return name not in _LEFT_OVER and (takes is None or name not in _FOREIGN or name in takes)


def _has_form(call_id: str, form: str) -> bool:
    return len(call_id) <= _ID_READ and re.fullmatch(form, call_id) is not None


def _content(content: Any, takes: Container[str] | None) -> Any:
    """A content without the thoughts in it, where they are not taken."""
    if takes is None or "thinking" in takes or not _thinks(content):
        return content
    return completion.content_text(content)


def _is_blank(content: Any) -> bool:
    if isinstance(content, list):
        return all(
            isinstance(part, dict) and part.get("type") == "text" and _is_blank(part.get("text")) for part in content
        )
    return not content or (isinstance(content, str) and content.isspace())


def _said_otherwise(turn: Mapping[str, Any]) -> str:
    """The words of a refusal, or of a spoken answer."""
    audio = turn.get("audio")
    words = turn.get("refusal") or (audio.get("transcript") if isinstance(audio, dict) else "")
    return words if isinstance(words, str) else ""


def _arguments(given: Any) -> str:
    """Arguments as the text of a JSON object. What is none is put into one: the model sees what it wrote."""
    text = _arguments_text(given)
    try:
        value = jsontext.loads(text, strict=True)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return json.dumps({NOT_JSON: text}, ensure_ascii=False)
    # half of a surrogate pair is JSON for Python, and for few others
    return json.dumps(value, ensure_ascii=False) if "\\ud" in text.lower() else text


def _result_content(content: Any) -> Any:
    """A result's content: text, or parts; never without text, which some refuse."""
    if isinstance(content, list) and content and all(isinstance(part, dict) and "type" in part for part in content):
        return content
    if isinstance(content, str) and not _is_blank(content):
        return content
    return json.dumps(content, ensure_ascii=False, default=str)
