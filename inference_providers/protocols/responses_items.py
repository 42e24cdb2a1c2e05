"""The items of a request for a response, as the turns of a chat completion. Pure.

What an assistant thought, said and called in one go is one turn there. The results of its calls follow it at once,
wherever among the items they stand, and what results show as pictures comes after them.
"""

from __future__ import annotations

from inference_providers.protocols.dialect import settled
from inference_providers.protocols.request_fields import array, mapping, refused, text
from inference_providers.protocols.responses_thoughts import open_seal, take_held
from inference_providers.protocols.responses_tools import SEARCH, as_arguments, as_text, function_name, function_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.protocols.request_fields import Notes

_CALLS = ("function_call", "custom_tool_call", "tool_search_call")
_RESULTS = ("function_call_output", "custom_tool_call_output", "tool_search_output")
_SEARCHES = ("tool_search_call", "tool_search_output")
# What a provider's own tools did: what the assistant said of it is there all the same.
_TRACES = ("web_search_call", "file_search_call", "mcp_list_tools", "configuration_update")
_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_SYSTEM = ("system", "developer")


class Turns:
    """The turns so far. tools: what items of the input say may be called."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._turns: list[_Assistant | dict[str, Any]] = []
        self._open: _Assistant | None = None  # the assistant's turn that goes on
        self._callers: dict[str, _Assistant] = {}  # whose each call is that has no result so far
        self._held: dict[str, Any] = {}  # what providers want back with calls that follow
        self.tools: list[Any] = []

    def add(self, item: Mapping[str, Any], where: str) -> None:
        """One more item."""
        kind = item.get("type") or ("message" if item.get("role") is not None else "")
        kind = text(kind, f"{where}.type")
        if kind == "message":
            self._message(item, where)
        elif kind == "reasoning":
            self._reasoning(item, where)
        elif kind in _SEARCHES and item.get("call_id") is None:  # a provider has searched
            self._notes.lose(kind)
            self.tools += array(item.get("tools") or [], f"{where}.tools")
        elif kind in _CALLS:
            self._call(item, kind, where)
        elif kind in _RESULTS:
            self._result(item, where)
        elif kind == "additional_tools":
            self.tools += array(item.get("tools") or [], f"{where}.tools")
        elif kind in _TRACES:
            self._notes.lose(kind)
        elif kind == "" and item.get("id"):
            self._notes.only_native(f"{where} names an item that is not kept here")
        elif kind == "item_reference":
            self._notes.only_native(f"{where} names {str(item.get('id'))[:80]!r}, which is not kept here")
        elif kind:
            self._notes.only_native(f"{where} is a {kind[:60]!r}, which only a provider of this API can read")
        else:
            raise refused(f"{where}.type is missing")

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = text(item.get("role"), f"{where}.role")
        parts = self._parts(item.get("content"), where)
        if role == "assistant":
            said = [part["text"] if part["type"] == "text" else "" for part in parts]
            self._assistant.texts += [words for words in said if words]
            self._assistant.spoke = True
        elif role in ("user", *_SYSTEM):
            self._open = None
            self._turns.append({"role": "system" if role in _SYSTEM else role, "content": _plain(parts)})
        else:
            raise refused(f"{where}.role must be user, assistant, system or developer, not {role[:40]!r}")

    @property
    def _assistant(self) -> _Assistant:
        if self._open is None:
            self._open = _Assistant()
            self._turns.append(self._open)
        return self._open

    def _reasoning(self, item: Mapping[str, Any], where: str) -> None:
        """Thoughts belong to what follows them: behind what was said or called, another turn begins with them."""
        if self._open is not None and (self._open.spoke or self._open.calls):
            self._open = None
        summary = self._texts(item.get("summary"), f"{where}.summary")
        words = self._texts(item.get("content"), f"{where}.content") or summary
        sealed = item.get("encrypted_content")
        details = open_seal(text(sealed, f"{where}.encrypted_content")) if sealed is not None else []
        if details is None:
            self._notes.lose("reasoning.encrypted_content")
        self._held |= take_held(details or [])
        self._assistant.think(words, details or [])

    def _texts(self, parts: Any, where: str) -> str:
        listed = [mapping(part, where) for part in array(parts or [], where)]
        return "\n\n".join(text(part.get("text"), f"{where}.text") for part in listed)

    def _call(self, item: Mapping[str, Any], kind: str, where: str) -> None:
        call = text(item.get("call_id"), f"{where}.call_id")
        namespace = text(item.get("namespace") or "", f"{where}.namespace")
        if kind == "tool_search_call":
            item = {**item, "name": SEARCH, "arguments": as_text(item.get("arguments"))}
        if kind == "custom_tool_call":
            arguments = as_arguments(text(item.get("input"), f"{where}.input"))
        else:
            arguments = text(item.get("arguments"), f"{where}.arguments") or "{}"
        called = {"name": function_name(text(item.get("name"), f"{where}.name"), namespace), "arguments": arguments}
        extra = {"extra_content": self._held.pop(call)} if call in self._held else {}
        self._assistant.calls.append({"id": call, "type": "function", "function": called, **extra})
        if call in self._callers:
            self._callers[call].waits -= 1
        self._callers[call] = self._assistant
        self._assistant.waits += 1

    def _result(self, item: Mapping[str, Any], where: str) -> None:
        call = item.get("call_id")
        call = text("" if call is None else call, f"{where}.call_id")
        found = array(item.get("tools") or [], f"{where}.tools")
        self.tools += found
        told = f"These tools can be called now: {', '.join(function_names(found)) or 'none'}."
        given = told if item.get("type") == "tool_search_output" else item.get("output")
        parts = self._parts(given, where, "output")
        caller = self._callers.pop(call, None)
        if caller is None:
            self._notes.only_native(f"{where} is the output of {call[:80]!r}, and nothing before it calls that")
            return
        caller.waits -= 1
        caller.results.append(_result(call, parts, caller))
        if self._open is caller and not caller.waits:
            self._open = None

    def _parts(self, content: Any, where: str, name: str = "content") -> list[dict[str, Any]]:
        """Parts of a turn's content, of texts with and without what surrounds them."""
        where = f"{where}.{name}"
        if content is None or isinstance(content, str):
            return [{"type": "text", "text": content or ""}]
        found = (self._part(mapping(part, where), f"{where}.{at}") for at, part in enumerate(array(content, where)))
        return [part for part in found if part is not None]

    def _part(self, part: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        kind = text(part.get("type"), f"{where}.type")
        if kind in _TEXTS:
            return {"type": "text", "text": text(part.get("text"), f"{where}.text")}
        if kind == "refusal":
            return {"type": "text", "text": text(part.get("refusal"), f"{where}.refusal")}
        if kind == "input_audio":
            return {"type": "input_audio", "input_audio": mapping(part.get("input_audio"), f"{where}.input_audio")}
        if part.get("file_id") and kind in ("input_image", "input_file"):
            self._notes.only_native(f"{where} is a file that is kept at a provider (send what is in it)")
            return None
        if kind == "input_image":
            url = text(part.get("image_url"), f"{where}.image_url")
            detail = part.get("detail") or "auto"
            more = {} if detail == "auto" else {"detail": "high" if detail == "original" else text(detail, where)}
            return {"type": "image_url", "image_url": {"url": url, **more}}
        if kind == "input_file":
            name = text(part.get("filename") or "file", f"{where}.filename")
            data = text(part.get("file_data") or part.get("file_url"), f"{where}.file_data")
            return {"type": "file", "file": {"filename": name, "file_data": data}}
        self._notes.only_native(f"{where} is a {kind[:60]!r}, which only a provider of this API can read")
        return None

    def whole(self) -> list[dict[str, Any]]:
        """All turns. Systems' words at the beginning are one turn: many models take only one, and only there."""
        for call in self._callers:
            self._notes.only_native(f"the call {call[:80]!r} has no output in the input")
        made: list[dict[str, Any]] = []
        before: _Assistant | None = None
        for turn in self._turns:
            if not isinstance(turn, _Assistant):
                made.append(turn)
                before = None
                continue
            if not turn.spoke and not turn.calls:  # thoughts that nothing follows: of what is before them, or nobody's
                if before is None:
                    self._notes.lose("reasoning")
                    continue
                before.thoughts = before.thoughts or turn.thoughts
                before.details += turn.details
                made[before.place] = before.turn()
                continue
            turn.place, before = len(made), turn
            made += turn.rows()
        return settled(made)


class _Assistant:
    """What an assistant thought, said and called in one go, and what its calls brought.

    place: among the turns. waits: for the results of how many calls.
    """

    def __init__(self) -> None:
        self.thoughts: list[str] = []
        self.details: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.spoke = False
        self.calls: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.shown: list[dict[str, Any]] = []
        self.place = self.waits = 0

    def think(self, words: str, details: list[dict[str, Any]]) -> None:
        """More thoughts: in words, and as whoever signed or encrypted them has to get them."""
        kept = [one for one in details if one.get("signature") or one.get("data")]
        said = words or "".join(str(one.get("text") or "") for one in details)
        self.thoughts += [said] if said else []
        self.details += kept

    def turn(self) -> dict[str, Any]:
        """The turn itself."""
        turn: dict[str, Any] = {"role": "assistant", "content": "\n\n".join(self.texts)}
        if self.calls and not self.texts:
            turn["content"] = None
        if self.thoughts:
            turn["reasoning_content"] = "\n\n".join(self.thoughts)
        if self.details:
            turn["reasoning_details"] = self.details
        if self.calls:
            turn["tool_calls"] = self.calls
        return turn

    def rows(self) -> list[dict[str, Any]]:
        """The turn, with the results of its calls, and what they show."""
        shown = [{"role": "user", "content": self.shown}] if self.shown else []
        return [self.turn(), *self.results, *shown]


def _result(call: str, parts: list[dict[str, Any]], caller: _Assistant) -> dict[str, Any]:
    """The turn of a call's result. Pictures and files, which it cannot hold, are shown after all of them."""
    words = "\n".join(part["text"] for part in parts if part["type"] == "text")
    others = [part for part in parts if part["type"] != "text"]
    if others:
        words = f"{words}\n(what it shows follows)".strip()
        caller.shown += [{"type": "text", "text": f"What the tool call {call} shows:"}, *others]
    return {"role": "tool", "tool_call_id": call, "content": words}


def _plain(parts: list[dict[str, Any]]) -> Any:
    """A turn's content: text where it is nothing else."""
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "\n\n".join(texts) if len(texts) == len(parts) else parts
