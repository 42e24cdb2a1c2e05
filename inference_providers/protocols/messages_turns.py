"""The turns of a chat as those of Anthropic's messages. Pure.

There, systems speak beside the turns, users and models take turns, and all calls of a turn are answered in the next
one. Nothing that is said is left out: neighbours become one turn, and what has no word there goes as it is, for the
provider to judge.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.chat import NOTHING
from inference_providers.protocols.messages_stream import input_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Block = dict[str, Any]

NO_RESULT = "(There is no result: the call was not made, or its result was lost.)"
_KINDS = ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result")
_SYSTEM = ("system", "developer")
_RESULTS = ("tool", "function")
_TEXTS = ("text", "input_text", "output_text", "refusal")


def spoken(turns: Any) -> tuple[str | list[Block], list[dict[str, Any]]]:
    """What systems say, and the turns of users and models, which alternate and begin with a user's.

    Where nobody but a system speaks, that is the question.
    """
    talk = _Talk()
    for turn in turns if isinstance(turns, list | tuple) else ():
        if isinstance(turn, dict):
            talk.add(turn)
    talk.answer()
    system, spoken = talk.system, talk.turns
    if not spoken:
        return "", [{"role": "user", "content": system or _nothing()}]
    if spoken[0]["role"] == "assistant":
        spoken.insert(0, {"role": "user", "content": _nothing()})
    if spoken[-1]["role"] == "assistant" and (last := spoken[-1]["content"][-1]).get("type") == "text":
        last["text"] = last["text"].rstrip() or NOTHING  # blanks at the end of what is to be gone on with are refused
    plain = all(block.keys() == {"type", "text"} for block in system)
    return "\n\n".join(block["text"] for block in system) if plain else system, spoken


def _nothing() -> list[Block]:
    return [{"type": "text", "text": NOTHING}]


class _Talk:
    """A conversation while its turns are gone through."""

    def __init__(self) -> None:
        self.system: list[Block] = []
        self.turns: list[dict[str, Any]] = []
        self._waiting: dict[str, str] = {}  # the calls of the last model's turn without a result: id -> name
        self._results: list[Block] = []
        self._said: list[Block] = []
        self._heard = False  # somebody has spoken since

    def add(self, turn: Mapping[str, Any]) -> None:
        """One more turn."""
        role = turn.get("role")
        if role in _SYSTEM:
            self.system += blocks_of(turn)
        elif role == "assistant":
            self._model(turn)
        elif role in _RESULTS:
            self._heard = True
            self._result(turn)
        else:
            self._heard = True
            self._said += blocks_of(turn)

    def _model(self, turn: Mapping[str, Any]) -> None:
        blocks = [*_thoughts(turn), *blocks_of(turn)]
        if not blocks and (words := chat.refusal_in(turn)):
            blocks = [{"type": "text", "text": words}]
        calls = [_call(call) for call in chat.calls_of(turn)]
        if not blocks and not calls:
            return
        if self._heard or not self.turns:
            self.answer()
        if self.turns and self.turns[-1]["role"] == "assistant":
            self.turns[-1]["content"] += blocks + calls
        else:
            self.turns.append({"role": "assistant", "content": blocks + calls})
        self._waiting |= {call["id"]: call["name"] for call in calls if call.get("type") == "tool_use"}

    def _result(self, turn: Mapping[str, Any]) -> None:
        """The result of a call that waits for one; what is not goes as something that is said."""
        given, name = turn.get("tool_call_id"), turn.get("name")
        if given is None:
            given = next((call for call, called in self._waiting.items() if called == name or not name), None)
        blocks = blocks_of(turn)
        if not isinstance(given, str) or given not in self._waiting:
            self._said += [{"type": "text", "text": f"Result of the call {given or name or 'of a tool'}:"}, *blocks]
            return
        del self._waiting[given]
        result: Block = {"type": "tool_result", "tool_use_id": given}
        marks = [mark for block in blocks if (mark := block.pop("cache_control", None))]
        if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
            result["content"] = blocks[0]["text"]
        elif blocks:
            result["content"] = blocks
        if marks:
            result["cache_control"] = marks[-1]
        self._results.append(result)

    def answer(self) -> None:
        """What users and tools have said so far is one turn, in which every call has its result."""
        missing = [
            {"type": "tool_result", "tool_use_id": call, "content": NO_RESULT, "is_error": True}
            for call in self._waiting
        ]
        blocks = [*self._results, *missing, *self._said]
        if blocks or self._heard:
            self.turns.append({"role": "user", "content": blocks or _nothing()})
        self._waiting, self._results, self._said, self._heard = {}, [], [], False


def _call(call: Any) -> Block:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return dict(call) if isinstance(call, dict) else {"type": "text", "text": str(call)}
    used = {"type": "tool_use", "id": str(call.get("id")), "name": str(function.get("name") or "")}
    mark = {"cache_control": call["cache_control"]} if call.get("cache_control") else {}
    return {**used, "input": input_of(str(function.get("arguments") or "")), **mark}


def _thoughts(turn: Mapping[str, Any]) -> Iterator[Block]:
    """A model's thoughts, as far as it has signed them: others are refused."""
    details = turn.get("reasoning_details") or turn.get("thinking_blocks")
    for one in details if isinstance(details, list) else ():
        if not isinstance(one, dict):
            continue
        kind, data, signature = one.get("type"), one.get("data"), one.get("signature")
        if kind in ("reasoning.encrypted", "redacted_thinking") and isinstance(data, str) and data:
            yield {"type": "redacted_thinking", "data": data}
        elif kind in ("reasoning.text", "thinking") and isinstance(signature, str) and signature:
            words = one.get("text" if kind == "reasoning.text" else "thinking")
            yield {"type": "thinking", "thinking": words if isinstance(words, str) else "", "signature": signature}


def blocks_of(turn: Mapping[str, Any]) -> list[Block]:
    """What a turn says, as blocks; those of blank text are left out, since they are refused."""
    content = turn.get("content")
    parts = content if isinstance(content, list | tuple) else [content]
    blocks = [block for part in parts if (block := _block(part)) is not None]
    mark = turn.get("cache_control")
    if isinstance(mark, dict) and blocks:
        blocks[-1].setdefault("cache_control", mark)
    return blocks


def _block(part: Any) -> Block | None:
    if isinstance(part, str) or part is None:
        return {"type": "text", "text": part} if part and not part.isspace() else None
    if not isinstance(part, dict):
        return {"type": "text", "text": str(part)}
    kind = part.get("type")
    block: Block | None = None
    if kind in _TEXTS or (kind is None and "text" in part):
        text = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(text, str) or not text or text.isspace():
            return None
        block = {"type": "text", "text": text}
    elif kind == "image_url":
        given = part.get("image_url")
        block = _picture(given.get("url") if isinstance(given, dict) else given)
    elif kind == "file" and isinstance(part.get("file"), dict):
        block = _document(part["file"])
    elif chat.thinks(part) and not (part.get("signature") or part.get("data")):
        return None
    if block is None:
        return dict(part)
    if isinstance(part.get("cache_control"), dict):
        block["cache_control"] = part["cache_control"]
    return block


def _picture(url: Any) -> Block | None:
    if not isinstance(url, str):
        return None
    kind, data = _data_of(url)
    source = {"type": "base64", "media_type": kind, "data": data} if data else {"type": "url", "url": url}
    return {"type": "image", "source": source}


def _document(file: Mapping[str, Any]) -> Block | None:
    """A file as a document, by its content, its address, or the provider's id of it."""
    given, name = file.get("file_data"), file.get("filename")
    named = {"title": name} if isinstance(name, str) and name else {}
    if isinstance(file.get("file_id"), str):
        return {"type": "document", "source": {"type": "file", "file_id": file["file_id"]}, **named}
    if not isinstance(given, str) or not given:
        return None
    if given.startswith(("http://", "https://")):
        return {"type": "document", "source": {"type": "url", "url": given}, **named}
    kind, data = _data_of(given) if given.startswith("data:") else ("application/pdf", given)
    if kind.startswith("image/"):
        return _picture(given)
    if kind.startswith("text/"):
        import base64

        try:
            text = base64.b64decode(data).decode("utf-8")
        except ValueError:
            return None
        return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}, **named}
    return {"type": "document", "source": {"type": "base64", "media_type": kind, "data": data}, **named}


def _data_of(url: str) -> tuple[str, str]:
    """The type and the base64 of a data URL; nothing of another one."""
    if url[:5].lower() != "data:":
        return "", ""
    head, _, data = url[5:].partition(",")
    kind, _, how = head.partition(";")
    if not how.lower().endswith("base64"):
        import base64
        from urllib.parse import unquote_to_bytes

        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return kind.lower() or "text/plain", data


def strange_kinds(turns: list[dict[str, Any]]) -> list[str]:
    """The kinds of blocks in turns that no message has: of parts that have no word there."""
    blocks = [block for turn in turns for block in turn["content"]]
    return [str(block.get("type")) for block in blocks if block.get("type") not in _KINDS]
