"""A stream of a response, made of the chunks of a chat completion, whatever their order. Pure.

Calls may come in pieces that alternate, and text between the pieces of a call: what cannot go into the open item waits
until that is whole.
"""

from __future__ import annotations

import re

from inference_providers import chat
from inference_providers.protocols.reply_parts import Waiting, as_line, piece_of
from inference_providers.protocols.responses_form import failure, head, tier_of, usage
from inference_providers.protocols.responses_in import SEALED
from inference_providers.protocols.responses_output import (
    CALLS,
    REFUSAL,
    TEXT,
    Call,
    Item,
    Message,
    Thoughts,
    annotations_in,
    logprobs_in,
)
from inference_providers.protocols.responses_tools import FUNCTION, Tool, Tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

THOUGHT = "thought"
_RESPONSE = re.compile(rb'"id"\s*:\s*"(resp_[\w-]{1,200})"').search


class Output:
    """What a chat completion comes to as a response: `told` holds the events so far, each a kind and its fields.

    *now*: seconds since 1970.
    """

    def __init__(self, asked: Asked, *, new_id: Callable[[str], str], now: float) -> None:
        self._asked, self._new_id, self._now = asked, new_id, now
        self._tools: Tools = getattr(asked, "tools", {})
        config = asked.original.get("reasoning")
        config = config if isinstance(config, dict) else {}
        self._summarized = bool(config.get("summary") or config.get("generate_summary"))
        included = asked.original.get("include")
        self._sealed = isinstance(included, list) and SEALED in included
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.response: dict[str, Any] = {}  # as it is; empty before it has begun
        self._items: list[dict[str, Any]] = []
        self._open: Item | None = None
        self._pieces = chat.ToolCalls()
        self._place: int | None = None  # which call is open
        self._over: set[int] = set()  # calls that are whole
        self._waiting: dict[int, Waiting] = {}  # calls that are not open
        self._later: list[tuple[str, str, Any, Any]] = []  # what came while a call was open
        self._ids: set[str] = set()  # of calls
        self._reason: Any = None
        self._usage: Any = None

    def begin(self, chunk: Mapping[str, Any]) -> None:
        """The events that begin it."""
        if self.response:
            return
        model = chunk.get("model")
        self.response = head(self._asked, self._new_id, self._now, model if isinstance(model, str) else "")
        for kind in ("created", "in_progress"):
            self._tell(kind, response=dict(self.response))

    def _tell(self, kind: str, **fields: Any) -> None:
        self.told.append((f"response.{kind}", fields))

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """What one chunk brings."""
        self.begin(chunk)
        if said := chat.usage_in(chunk):
            self._usage = chat.with_usage(self._usage, said)
        if tier := tier_of(chunk):
            self.response["service_tier"] = tier
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                self._choice(choice)

    def _choice(self, choice: Mapping[str, Any]) -> None:
        delta = chat.delta_of(choice)
        details = delta.get("reasoning_details")
        self._say(THOUGHT, chat.thoughts(delta), details=details)
        self._say(TEXT, chat.content_text(delta.get("content")), logprobs_in(choice))
        self._say(REFUSAL, chat.refusal_in(delta))
        if isinstance(self._open, Message):
            self._open.annotate(annotations_in(delta))
        for call in chat.tool_calls(delta):
            self._call(call)
        self._reason = choice.get("finish_reason") or self._reason

    def _say(self, kind: str, words: str, logprobs: Any = (), details: Any = None) -> None:
        """Words of a kind, and thoughts that nobody can read."""
        sealed = isinstance(details, list) and any(
            isinstance(one, dict) and (one.get("signature") or one.get("data")) for one in details
        )
        if not words and not sealed:
            return
        if not self._has_room():
            self._later.append((kind, words, logprobs, details))
            return
        if kind == THOUGHT:
            if not isinstance(self._open, Thoughts):
                self._end_item()
                self._open = Thoughts(self._teller("rs_"), self._last_id, summarized=self._summarized)
            self._open.add(words, details)
            return
        if not isinstance(self._open, Message):
            self._end_item()
            self._open = Message(self._teller("msg_"), self._last_id)
        self._open.add(kind, words, logprobs)

    def _teller(self, prefix: str) -> Callable[..., None]:
        """What tells of the next item, which has an id of its own."""
        place, self._last_id = len(self._items), self._new_id(prefix)
        id_ = self._last_id

        def tell(kind: str, **fields: Any) -> None:
            named = {} if kind.startswith("output_item.") else {"item_id": id_}
            self._tell(kind, **named, output_index=place, **fields)

        return tell

    def _end_item(self, *, cut: bool = False) -> None:
        if self._open is None:
            return
        self._items.append(self._open.end(cut=cut, sealed=self._sealed))
        if self._place is not None:
            self._over.add(self._place)
        self._open = self._place = None

    def _has_room(self) -> bool:
        """Whether another item than a call that goes on may begin; what has waited for that comes first."""
        while isinstance(self._open, Call):
            if not self._open.is_whole:
                return False
            self._end_item()
            self._next_call()
        later, self._later = self._later, []
        for one in later:
            self._say(*one)
        return True

    def _next_call(self) -> None:
        """Begin the first of the calls that wait, of those whose name is known."""
        place = next((place for place, call in self._waiting.items() if call.name), None)
        if place is not None:
            self._begin_call(place, self._waiting.pop(place))

    def _call(self, call: Any) -> None:
        place = self._pieces.add_piece(call)
        if place is None or place in self._over:
            return
        name, arguments, given = piece_of(call)
        if isinstance(self._open, Call) and place == self._place:
            self._open.add(arguments)
            return
        waiting = self._waiting.setdefault(place, Waiting())
        waiting.name, waiting.id = waiting.name or name, waiting.id or given
        waiting.arguments.add(arguments)
        waiting.extra = waiting.extra or call.get("extra_content")
        if waiting.name and self._has_room() and place in self._waiting:
            self._begin_call(place, self._waiting.pop(place))

    def _begin_call(self, place: int, call: Waiting) -> None:
        call_id = call.id if call.id and call.id not in self._ids else self._new_id("call_")
        if call.extra:
            self._hold(call_id, call.extra)
        self._end_item()
        tool = self._tools.get(call.name) or Tool(FUNCTION, call.name)
        self._ids.add(call_id)
        made = CALLS.get(tool.kind, Call)
        tell = self._teller(made.prefix)
        opened: Call = made(tell, self._last_id, call_id, tool)
        self._open, self._place = opened, place
        opened.add(call.arguments.text)

    def _hold(self, call_id: str, extra: Any) -> None:
        """Have the thoughts before a call hold what belongs to that and has no place in its item."""
        if not isinstance(self._open, Thoughts):
            self._end_item()
            self._open = Thoughts(self._teller("rs_"), self._last_id, summarized=self._summarized)
        self._open.hold(call_id, extra)

    def end(self) -> None:
        """The events that end it."""
        self.begin({})
        self._rest()
        cut, withheld = chat.is_cut(self._reason), chat.is_withheld(self._reason)
        self._end_item(cut=cut or withheld)
        if cut or withheld:
            self.response["incomplete_details"] = {"reason": "max_output_tokens" if cut else "content_filter"}
        self.response["status"] = "incomplete" if cut or withheld else "completed"
        self._whole()
        self._tell(self.response["status"], response=self.response)

    def _rest(self) -> None:
        """What still waits."""
        for place, call in self._waiting.items():
            if call.name or call.arguments.size:
                self._begin_call(place, call)
        self._waiting = {}
        if self._later:
            self._end_item()
            self._has_room()

    def _whole(self) -> None:
        self.response["output"], self.response["usage"] = self._items, usage(self._usage)

    def fail(self, status: int, message: str, code: str) -> None:
        """The event that says that it failed, with what has come so far."""
        self.begin({})
        if self._open is not None:
            self._items.append(self._open.item("incomplete"))
        self.response |= {"status": "failed", "error": failure(status, message, code)}
        self._whole()
        self._tell("failed", response=self.response)


class Events:
    """A stream of a response, as bytes. *now*: seconds since 1970, when it begins."""

    def __init__(self, asked: Asked, *, new_id: Callable[[str], str], now: float = 0) -> None:
        self._output = Output(asked, new_id=new_id, now=now)
        self._number, self._ended = 0, False
        self._passed = ""  # the id of a response that somebody else tells of

    @property
    def response(self) -> dict[str, Any]:
        """The response, as it is after `end`."""
        return self._output.response

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The events that a chunk brings."""
        self._output.feed(chunk)
        return self._written()

    def end(self) -> bytes:
        """The events that end it."""
        if self._ended:
            return b""
        self._ended = True
        self._output.end()
        return self._written()

    def failed(self, status: int, message: str, code: str = "") -> bytes:
        """The event that says that it failed."""
        if self._ended:
            return b""
        self._ended = True
        self._output.fail(status, message, code)
        if self._passed:  # which has begun
            self._output.told = self._output.told[-1:]
            self._output.response["id"] = self._passed
        return self._written()

    def passed(self, lines: bytes) -> None:
        """Whole lines of a stream that goes on as it came: if that breaks, what says so has to go on with it."""
        self._number += sum(line.startswith(b"data:") for line in lines.splitlines())
        if not self._passed and (found := _RESPONSE(lines)) is not None:
            self._passed = found[1].decode()

    def _written(self) -> bytes:
        told, self._output.told = self._output.told, []
        out = []
        for kind, fields in told:
            data = as_line({"type": kind, "sequence_number": self._number, **fields})
            out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))
            self._number += 1
        return b"".join(out)
