"""The chunks of a stream, put together to the reply that the same server would have given as a whole. Pure."""

from __future__ import annotations

from inference_providers.chat.completion import Pieces, usage_in, with_usage
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# Strings that come in pieces. Others (`id`, `role`, `name`, `type`, ...) are said once, or again and again.
_JOINED = {
    *("content", "refusal", "text", "arguments", "input", "transcript", "data", "signature"),
    *("reasoning_content", "reasoning", "reasoning_text", "thinking", "summary"),
}
# Lists whose parts grow: a part of the same kind as the last one goes on with it.
_GROWING = {
    *("content", "reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks", "summary"),
}
_APART = frozenset(("choices", "usage", "object"))
_TEXT_ALONE = {"content"}.issuperset
_OWN = frozenset(("delta", "message", "index", "usage"))
_CALLS = 4096  # of one message that are kept: many times what is ever run, and each small one takes two kilobytes
_COMPARED = 4096  # characters of a tool call's arguments: shorter ones are looked at for whether they are whole


class Assembly:
    """The reply so far. Whatever shape chunks have, they can be added."""

    __slots__ = ("_choices", "_fields", "_usage")

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Any = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        """One more chunk."""
        fields = self._fields
        for name, value in chunk.items():
            if value is not None and name not in _APART:
                fields[name] = value
        if usage := usage_in(chunk):
            self._usage = with_usage(self._usage, usage)
        choices = chunk.get("choices")
        for given in choices if type(choices) is list else ():
            if type(given) is not dict:
                continue
            index = given.get("index")
            index = index if type(index) is int else 0
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice()
            choice.add(given)

    @property
    def reply(self) -> dict[str, Any]:
        """A chat completion, or one of the older kind, as far as it has come."""
        kind = "text_completion" if any("text" in one.fields for one in self._choices.values()) else "chat.completion"
        choices = [{"index": at, **choice.whole(kind)} for at, choice in sorted(self._choices.items())]
        return {**self._fields, "object": kind, "choices": choices, "usage": self._usage}


class _Choice:
    """One answer of a reply: the message so far, and what stands beside it."""

    __slots__ = ("_calls", "_message", "_text", "fields")

    def __init__(self) -> None:
        self._text: Pieces | None = None  # of the content, as long as that is plain text
        self._message: dict[str, Any] = {}
        self._calls: ToolCalls | None = None
        self.fields: dict[str, Any] = {}

    def add(self, choice: Mapping[str, Any]) -> None:
        """What one chunk says of it."""
        fields = self.fields
        for name, value in choice.items():
            if name in _OWN:
                continue
            if value is None or (name == "finish_reason" and not value):
                fields.setdefault(name, None)
            elif name == "finish_reason":
                fields[name] = value
            else:
                _merge(fields, {name: value})
        delta = choice.get("delta")
        if type(delta) is not dict:  # some give a message as a whole
            delta = choice.get("message") if delta is None else None
            if type(delta) is not dict:
                return
        content = delta.get("content")
        if type(content) is str:
            if self._text is None and "content" not in self._message:
                self._text = Pieces()
            if self._text is not None:
                self._text.add(content)
                if _TEXT_ALONE(delta):
                    return
            else:
                self._content([{"type": "text", "text": content}])
        elif content is not None:
            self._content(content if type(content) is list else [content])
        for name, value in delta.items():
            if name == "tool_calls" and type(value) is list:
                self._calls = self._calls or ToolCalls()
                self._calls.add(value)
            elif name != "content":
                _merge(self._message, {name: value})

    def _content(self, parts: list[Any]) -> None:
        """Parts of content; what was plain text so far is the first of them."""
        if self._text is not None:
            so_far, self._text = self._text.text, None
            parts = [{"type": "text", "text": so_far}, *parts] if so_far else parts
        _merge(self._message, {"content": parts})

    def whole(self, kind: str) -> dict[str, Any]:
        """The choice of a whole reply."""
        fields = {name: _plain(value) for name, value in self.fields.items()}
        if kind != "chat.completion":
            return fields
        message: dict[str, Any] = {"role": "assistant", "content": None if self._text is None else self._text.text}
        message.update((name, _plain(value)) for name, value in self._message.items() if value is not None)
        message.update((name, None) for name, value in self._message.items() if value is None and name not in message)
        if self._calls is not None:
            message["tool_calls"] = self._calls.whole()
        return {"message": message, "finish_reason": None, **fields}


class ToolCalls:
    """Tool calls, whose pieces are told apart by index, by id, or by what they begin with."""

    __slots__ = ("_by_id", "_by_index", "_calls", "_places")

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int, dict[str, Any]] = {}
        self._by_id: dict[str, dict[str, Any]] = {}
        self._places: dict[int, int] = {}  # among the calls, by what `id` says of each

    def add(self, pieces: list[Any]) -> None:
        """The pieces of one chunk."""
        for piece in pieces:
            self.add_piece(piece)

    def add_piece(self, piece: Any) -> int | None:
        """One piece; which call it is of, by its place among them. None for what is kept of no call."""
        if type(piece) is not dict:
            return None
        call = self._known(piece)
        if call is None and len(self._calls) >= _CALLS:
            return None
        if call is None:
            call = {}
            self._places[id(call)] = len(self._calls)
            self._calls.append(call)
        index, called = piece.get("index"), piece.get("id")
        if type(index) is int:
            self._by_index[index] = call
        if type(called) is str and called:
            self._by_id[called] = call
        _merge(call, piece)
        return self._places[id(call)]

    def _known(self, piece: Mapping[str, Any]) -> dict[str, Any] | None:
        """The call that a piece goes on with; None for a new one."""
        index, called = piece.get("index"), piece.get("id")
        called = called if type(called) is str else ""
        if type(index) is int:
            call = self._by_index.get(index)
            if call is None:
                return None
            if called and call.get("id") and called != call["id"]:  # some number all calls alike
                return self._by_id.get(called)
            return None if not called and _begins_anew(call, piece) else call
        if called:
            return self._by_id.get(called)
        last = self._calls[-1] if self._calls else None
        return None if _name(piece) and last is not None and _name(last) else last

    def whole(self) -> list[Any]:
        """The calls of a whole message, which have no index."""
        calls = [_plain(call) for call in self._calls]
        for call in calls:
            call.pop("index", None)
        return calls


def _name(call: Mapping[str, Any]) -> Any:
    function = call.get("function")
    return function.get("name") if isinstance(function, dict) else None


def _begins_anew(call: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    """Whether a piece with neither id nor index of its own is another call: it has a name, and the last is whole."""
    if not (_name(piece) and _name(call)):
        return False
    so_far = call["function"].get("arguments")
    if not isinstance(so_far, Pieces) or so_far.size > _COMPARED:
        return False
    try:
        return isinstance(jsontext.loads(so_far.text), dict) and bool(piece["function"].get("arguments"))
    except ValueError:
        return False


class _Parts:
    """A list whose items are told apart by index, or by being of one kind with the last."""

    __slots__ = ("_by_index", "items")

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._by_index: dict[int, dict[str, Any]] = {}

    def add(self, items: list[Any], *, grows: bool) -> None:
        """More of it."""
        for item in items:
            if type(item) is not dict:
                self.items.append(item)
                continue
            index = item.get("index")
            known = self._by_index.get(index) if type(index) is int else None
            if known is None and grows and type(index) is not int and self._goes_on(item):
                known = self.items[-1]
            if known is None:
                if not grows and type(index) is not int:
                    self.items.append(item)  # as it is: nothing will be added to it
                    continue
                known = {}
                self.items.append(known)
                if type(index) is int:
                    self._by_index[index] = known
            _merge(known, item)

    def _goes_on(self, item: Mapping[str, Any]) -> bool:
        last = self.items[-1] if self.items else None
        if type(last) is not dict or item.get("type") is None:
            return False
        return all(last.get(name) == item.get(name) for name in ("type", "id", "thought"))


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what one chunk says to what others have said."""
    for name, value in more.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif type(value) is str and name in _JOINED:
            if type(known) is not Pieces:
                known = into[name] = Pieces()
            known.add(value)
        elif type(value) is dict:
            if type(known) is not dict:
                known = into[name] = {}
            _merge(known, value)
        elif type(value) is list:
            if type(known) is not _Parts:
                known = into[name] = _Parts()
            known.add(value, grows=name in _GROWING)
        elif value != "" or known is None:
            into[name] = value


def _plain(value: Any) -> Any:
    """What was added, as JSON has it."""
    if type(value) is Pieces:
        return value.text
    if type(value) is _Parts:
        return [_plain(item) for item in value.items]
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    return value


def assembled(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The reply that the chunks of a whole stream add up to."""
    assembly = Assembly()
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.reply
