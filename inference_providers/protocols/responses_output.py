"""The items of a response while they come: each tells its events, in the order that clients want. Pure.

One item is open at a time, and one part of it: what is told of it stands between its `added` and its `done`.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.protocols.reply_parts import is_likely
from inference_providers.protocols.responses_thoughts import held, seal
from inference_providers.protocols.responses_tools import CUSTOM, SEARCH, Tool, as_input, as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    class Told(Protocol):
        """What is told of an item: the kind of an event behind `response.`, and its fields."""

        def __call__(self, kind: str, **fields: Any) -> None: ...


TEXT, REFUSAL = "output_text", "refusal"
_WHOLE = 16 * 1024  # characters of a call's arguments, up to which it is looked at whether they are whole
_DONE, _CUT = "completed", "incomplete"


class Thoughts:
    """An item of thoughts. summarized: whether they are told as a summary, which programs show; else as they are."""

    def __init__(self, tell: Told, id: str, *, summarized: bool) -> None:
        self._tell, self._id, self._summarized = tell, id, summarized
        self._pieces = chat.Pieces()
        self._details: chat.Assembly | None = None
        self._held: list[dict[str, Any]] = []
        self._sealed: str | None = None
        self._begun = False
        tell("output_item.added", item=self.item("in_progress"))

    def add(self, words: str, details: Any = None) -> None:
        """More of them, in words and as whoever thought them wants them back."""
        if details and isinstance(details, list):
            self._details = self._details or chat.Assembly()
            self._details.add({"choices": [{"index": 0, "delta": {"reasoning_details": details}}]})
        if not words:
            return
        if not self._begun:
            self._begun = True
            self._tell(f"{self._part}.added", **self._place, part=self._shown(""))
        self._pieces.add(words)
        self._tell(f"{self._kind}.delta", **self._place, delta=words)

    def hold(self, call_id: str, extra: Any) -> None:
        """Keep what belongs to the call that follows."""
        self._held.append(held(call_id, extra))

    @property
    def _part(self) -> str:
        return "reasoning_summary_part" if self._summarized else "content_part"

    @property
    def _kind(self) -> str:
        return "reasoning_summary_text" if self._summarized else "reasoning_text"

    @property
    def _place(self) -> dict[str, int]:
        return {"summary_index" if self._summarized else "content_index": 0}

    def _shown(self, words: str) -> dict[str, Any]:
        return {"type": "summary_text" if self._summarized else "reasoning_text", "text": words}

    def item(self, status: str = _DONE) -> dict[str, Any]:
        """The item so far."""
        words = self._pieces.text
        parts = [self._shown(words)] if words else []
        item: dict[str, Any] = {"id": self._id, "type": "reasoning", "summary": parts if self._summarized else []}
        if not self._summarized:
            item["content"] = parts
        if self._sealed is not None:
            item["encrypted_content"] = self._sealed
        return {**item, "status": status}

    def end(self, *, cut: bool = False, sealed: bool = False) -> dict[str, Any]:
        """The whole item. sealed: whether it is asked for in the form that is given back as it is."""
        words = self._pieces.text
        if self._begun:
            self._tell(f"{self._kind}.done", **self._place, text=words)
            self._tell(f"{self._part}.done", **self._place, part=self._shown(words))
        details = [] if self._details is None else chat.message_of(self._details.reply).get("reasoning_details", [])
        signed = [one for one in details if isinstance(one, dict) and (one.get("signature") or one.get("data"))]
        if sealed and not signed:
            signed = [{"type": "reasoning.text", "text": words}]
        if signed or self._held:
            self._sealed = seal([*signed, *self._held])
        item = self.item(_CUT if cut else _DONE)
        self._tell("output_item.done", item=item)
        return item


class Message:
    """An item of words: text, and what the model refuses with."""

    def __init__(self, tell: Told, id: str) -> None:
        self._tell, self._id = tell, id
        self._parts: list[dict[str, Any]] = []
        self._pieces, self._kind = chat.Pieces(), ""
        self._logprobs: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        tell("output_item.added", item=self.item("in_progress"))

    def add(self, kind: str, words: str, logprobs: Sequence[dict[str, Any]] = ()) -> None:
        """More words. kind: TEXT or REFUSAL."""
        if kind != self._kind:
            self._end_part()
            self._kind, self._pieces, self._logprobs = kind, chat.Pieces(), []
            self._tell("content_part.added", content_index=len(self._parts), part=self._part())
        self._pieces.add(words)
        place = len(self._parts)
        if kind == TEXT:
            self._logprobs += logprobs
            self._tell("output_text.delta", content_index=place, delta=words, logprobs=list(logprobs))
        else:
            self._tell("refusal.delta", content_index=place, delta=words)

    def annotate(self, annotations: Sequence[dict[str, Any]]) -> None:
        """What the text rests on; it stands in the part that is open."""
        for annotation in annotations:
            if self._kind == TEXT:
                more = {"content_index": len(self._parts), "annotation_index": len(self._annotations)}
                self._tell("output_text.annotation.added", **more, annotation=annotation)
            self._annotations.append(annotation)

    def _part(self) -> dict[str, Any]:
        words = self._pieces.text
        if self._kind == REFUSAL:
            return {"type": REFUSAL, "refusal": words}
        return {"type": TEXT, "text": words, "annotations": list(self._annotations), "logprobs": list(self._logprobs)}

    def _end_part(self) -> None:
        if not self._kind:
            return
        part, place = self._part(), len(self._parts)
        if self._kind == TEXT:
            logprobs = part["logprobs"]
            self._tell("output_text.done", content_index=place, text=part["text"], logprobs=logprobs)
            self._annotations = []
        else:
            self._tell("refusal.done", content_index=place, refusal=part["refusal"])
        self._tell("content_part.done", content_index=place, part=part)
        self._parts.append(part)
        self._kind = ""

    def item(self, status: str = _DONE) -> dict[str, Any]:
        """The item so far."""
        parts = [*self._parts, *([self._part()] if self._kind else [])]
        return {"id": self._id, "type": "message", "status": status, "role": "assistant", "content": parts}

    def end(self, *, cut: bool = False, sealed: bool = False) -> dict[str, Any]:
        """The whole item."""
        self._end_part()
        item = self.item(_CUT if cut else _DONE)
        self._tell("output_item.done", item=item)
        return item


class Call:
    """A call of a function."""

    prefix = "fc_"

    def __init__(self, tell: Told, id: str, call_id: str, tool: Tool) -> None:
        self._tell, self._id, self._call_id, self._tool = tell, id, call_id, tool
        self._pieces = chat.Pieces()
        tell("output_item.added", item=self._item("", "in_progress"))

    def add(self, piece: str) -> None:
        """More of its arguments."""
        if piece:
            self._pieces.add(piece)
            self._more(piece)

    def _more(self, piece: str) -> None:
        self._tell("function_call_arguments.delta", delta=piece)

    @property
    def is_whole(self) -> bool:
        """Whether what has come of its arguments is a JSON object: then nothing more comes."""
        if not 0 < self._pieces.size <= _WHOLE:
            return False
        arguments = self._pieces.text
        return arguments.rstrip().endswith("}") and isinstance(as_object(arguments), dict)

    def _item(self, arguments: str, status: str) -> dict[str, Any]:
        return {**self._head("function_call", status), "arguments": arguments}

    def _head(self, kind: str, status: str) -> dict[str, Any]:
        tool = self._tool
        named = {"name": tool.name, **({"namespace": tool.namespace} if tool.namespace else {})}
        return {"id": self._id, "type": kind, "status": status, "call_id": self._call_id, **named}

    def item(self, status: str = _DONE) -> dict[str, Any]:
        """The item so far."""
        return self._item(self._pieces.text, status)

    def end(self, *, cut: bool = False, sealed: bool = False) -> dict[str, Any]:
        """The whole item."""
        item = self.item(_CUT if cut else _DONE)
        self._whole(item)
        self._tell("output_item.done", item=item)
        return item

    def _whole(self, item: dict[str, Any]) -> None:
        self._tell("function_call_arguments.done", arguments=item["arguments"])


class CustomCall(Call):
    """A call of a custom tool, whose input stands in JSON, and is told when that is whole."""

    prefix = "ctc_"

    def _more(self, piece: str) -> None:
        pass

    def _item(self, arguments: str, status: str) -> dict[str, Any]:
        return {**self._head("custom_tool_call", status), "input": as_input(arguments)}

    def _whole(self, item: dict[str, Any]) -> None:
        if item["input"]:
            self._tell("custom_tool_call_input.delta", delta=item["input"])
        self._tell("custom_tool_call_input.done", input=item["input"])


class SearchCall(Call):
    """A search for tools, which the program makes. It has no events of its own."""

    prefix = "tsc_"

    def _more(self, piece: str) -> None:
        pass

    def _item(self, arguments: str, status: str) -> dict[str, Any]:
        head = {name: value for name, value in self._head("tool_search_call", status).items() if name != "name"}
        return {**head, "execution": "client", "arguments": as_object(arguments)}

    def _whole(self, item: dict[str, Any]) -> None:
        pass


CALLS = {CUSTOM: CustomCall, SEARCH: SearchCall}  # by the kind of a tool; all others are functions
Item = Thoughts | Message | Call


def annotations_in(delta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a text rests on, as the Responses API says it: pages of the web, with where they are spoken of."""
    made = []
    listed = delta.get("annotations")
    for one in listed if isinstance(listed, list) else ():
        cited = one.get("url_citation") if isinstance(one, dict) else None
        if isinstance(cited, dict) and isinstance(cited.get("url"), str):
            begin, end = (cited.get(name) for name in ("start_index", "end_index"))
            made.append({
                "type": "url_citation", "url": cited["url"],
                "title": cited["title"] if isinstance(cited.get("title"), str) else "",
                "start_index": begin if type(begin) is int else 0, "end_index": end if type(end) is int else 0,
            })  # fmt: skip
    return made


def logprobs_in(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How likely each token was, where it says so."""
    found = choice.get("logprobs")
    listed = found.get("content") if isinstance(found, dict) else None
    return [_likely(one) for one in listed if is_likely(one)] if isinstance(listed, list) else []


def _likely(one: Mapping[str, Any], *, inner: bool = False) -> dict[str, Any]:
    listed, raw = one.get("top_logprobs"), one.get("bytes")
    spelled = raw if isinstance(raw, list) else list(one["token"].encode("utf-8", "replace"))
    made = {"token": one["token"], "logprob": one["logprob"], "bytes": [byte for byte in spelled if type(byte) is int]}
    if inner:
        return made
    top = [_likely(other, inner=True) for other in listed if is_likely(other)] if isinstance(listed, list) else []
    return {**made, "top_logprobs": top}
