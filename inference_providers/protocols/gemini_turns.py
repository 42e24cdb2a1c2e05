"""The contents of a request to Google's API as the turns of a chat completion. Pure.

Neighbours of one side are one turn: programs keep a streamed answer in pieces, and results each for itself.
"""

from __future__ import annotations

import json

from inference_providers.protocols import gemini_signatures as signatures
from inference_providers.protocols.gemini_fields import base64, fields, refused, rest, several, text, word
from inference_providers.protocols.pending_calls import PendingCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ROLES = {"user": False, "function": False, "tool": False, "model": True}  # whether the model says it
_KNOWN = frozenset((
    "text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse",
    "executableCode", "codeExecutionResult",
))  # fmt: skip
_SAID = _KNOWN - {"thought", "thoughtSignature"}
_CALL, _RESULT = frozenset(("id", "name", "args")), frozenset(("id", "name", "response", "parts"))
_FORMATS = {"x-wav": "wav", "wave": "wav", "mpeg": "mp3", "x-m4a": "m4a", "mp4": "m4a"}  # of audio, by its kind
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript", "application/x-javascript")
_ENDINGS = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "pdf": "application/pdf",
}  # fmt: skip
_AT_GOOGLE = ("://generativelanguage.googleapis.com/", "://storage.googleapis.com/generativelanguage")


def system(given: Any, losses: dict[str, None]) -> str:
    """The text of an instruction for the model."""
    if given is None or isinstance(given, str):
        return given or ""
    parts = several(fields(given, "systemInstruction").get("parts"), "systemInstruction.parts")
    texts = []
    for place, part in enumerate(parts):
        where = f"systemInstruction.parts[{place}]"
        box = fields(part, where)
        if "text" not in box and box:
            raise refused(f"{where}: an instruction is text, and this is {next(iter(box))[:60]}")
        texts.append(text(box.get("text", ""), where))
    return "\n".join(filter(None, texts))


def turns(contents: Any, losses: dict[str, None]) -> list[dict[str, Any]]:
    """All turns. Raises InvalidRequestError."""
    reading = _Turns(losses)
    runs: list[tuple[bool, list[tuple[str, dict[str, Any]]]]] = []
    for place, content in enumerate(several(contents, "contents")):
        where = f"contents[{place}]"
        box = fields({"parts": [{"text": content}]} if isinstance(content, str) else content, where)
        role = text(box.get("role", "user"), f"{where}.role") or "user"
        if role not in _ROLES:
            raise refused(f"{where}.role must be user or model, not {role!r:.40}")
        given = several(box.get("parts"), f"{where}.parts")
        parts = [(at := f"{where}.parts[{number}]", fields(part, at)) for number, part in enumerate(given)]
        if not runs or runs[-1][0] != _ROLES[role]:
            runs.append((_ROLES[role], []))
        runs[-1][1].extend(parts)
    for is_models, parts in runs:
        (reading.model if is_models else reading.user)(parts)
    reading.end()
    if not reading.turns:
        raise refused("contents: at least one with something in it is needed")
    return reading.turns


class _Turns:
    """The turns so far, and the calls of the last that wait for their results."""

    def __init__(self, losses: dict[str, None]) -> None:
        self.turns: list[dict[str, Any]] = []
        self._losses = losses
        self._waiting = PendingCalls()
        self._told: dict[str, str] = {}  # results of those calls, by id
        self._shown: list[dict[str, Any]] = []  # pictures of the model's, which its own turn cannot hold
        self._count = 0

    def user(self, parts: list[tuple[str, dict[str, Any]]]) -> None:
        """Results of calls, each a turn of its own, then what else is said."""
        said, self._shown = self._shown, []
        for where, box in parts:
            self._note(box, where)
            if "functionResponse" in box:
                said += self._result(box["functionResponse"], f"{where}.functionResponse")
        for where, box in parts:
            if box.get("thought") is True:
                self._losses["thought"] = None
            elif "functionResponse" not in box and (part := self._part(box, where)):
                said.append(part)
        if said:
            texts = [part["text"] for part in said if part["type"] == "text"]
            self.turns.append({"role": "user", "content": "\n".join(texts) if len(texts) == len(said) else said})

    def model(self, parts: list[tuple[str, dict[str, Any]]]) -> None:
        """What the model said, thought and called."""
        texts: list[str] = []
        thoughts: list[str] = []
        hidden: list[str] = []
        details: list[Any] = []
        calls: list[dict[str, Any]] = []
        self._waiting, self._told = PendingCalls(), {}
        for where, box in parts:
            self._note(box, where)
            if "functionCall" in box:
                calls.append(self._call(box["functionCall"], f"{where}.functionCall"))
            elif "inlineData" in box or "fileData" in box:
                self._shown += filter(None, (self._part(box, where),))
            elif box.get("thought") is True:
                thoughts.append(text(box.get("text", ""), f"{where}.text"))
            elif part := self._part(box, where):
                texts.append(part["text"])
            if "thoughtSignature" in box:
                self._sign(text(box["thoughtSignature"], f"{where}.thoughtSignature"), box, calls, hidden, details)
        turn: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
        if reasoning := "".join(thoughts) or "".join(hidden):
            turn["reasoning_content"] = reasoning
        if details:
            turn["reasoning_details"] = details
        if calls:
            turn["tool_calls"] = calls
        if turn["content"] or len(turn) > 2:
            self.turns.append(turn)

    def end(self) -> None:
        """Nothing follows."""
        self.user([])

    def _note(self, box: dict[str, Any], where: str) -> None:
        rest(box, _KNOWN, self._losses)
        if len(_SAID.intersection(box)) > 1:
            raise refused(f"{where} holds {' and '.join(sorted(_SAID.intersection(box)))}: a part is one thing")

    def _sign(
        self, said: str, box: dict[str, Any], calls: list[dict[str, Any]], hidden: list[str], details: list[Any]
    ) -> None:
        """Put a signature where it is understood."""
        ours = signatures.held(said)
        if ours is not None:
            hidden.append(ours[0])
            details += ours[1]
        elif said in signatures.NONE:
            return
        elif said and "functionCall" in box:
            calls[-1].update(signatures.of_call(said))
        elif said:
            self._losses["thoughtSignature"] = None

    def _call(self, given: Any, where: str) -> dict[str, Any]:
        box = fields(given, where)
        rest(box, _CALL, self._losses, "functionCall.")
        name, own = text(box.get("name"), f"{where}.name"), text(box.get("id", ""), f"{where}.id")
        arguments = box.get("args", {})
        if not isinstance(arguments, dict):
            raise refused(f"{where}.args must be an object, not {type(arguments).__name__}")
        self._count += 1
        call = own or f"gemini_{self._count}"
        self._waiting.add((call, name), ("name", name), ("id", own) if own else ("name alone", name))
        function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
        return {"id": call, "type": "function", "function": function}

    def _result(self, given: Any, where: str) -> list[dict[str, Any]]:
        """Add the turn of a call's result; what is in it beside text, which that turn cannot hold."""
        box = fields(given, where)
        rest(box, _RESULT, self._losses, "functionResponse.")
        own, content = text(box.get("id", ""), f"{where}.id"), _result_text(box.get("response"), f"{where}.response")
        if own and self._told.get(own) == content:
            return []  # some programs say results twice when they go on with a conversation
        call = self._answered(own, text(box.get("name", ""), f"{where}.name"), where)
        self._told[own] = content
        parts: list[dict[str, Any]] = []
        for place, part in enumerate(several(box.get("parts"), f"{where}.parts")):
            at = f"{where}.parts[{place}]"
            parts += filter(None, (self._part(fields(part, at), at),))
        if parts:
            content = f"{content}\n(what it shows follows)".strip()
            parts.insert(0, {"type": "text", "text": f"What the call of {call[1]} shows:"})
        self.turns.append({"role": "tool", "tool_call_id": call[0], "content": content})
        return parts

    def _answered(self, own: str, name: str, where: str) -> tuple[str, str]:
        """The call that a result is for: by its id, else the first of its name that has no id of its own."""
        if own:
            call = self._waiting.take(("id", own)) or self._waiting.take(("name alone", name))
        else:
            call = self._waiting.take(("name", name) if name else None)
        if call is None:
            raise refused(
                f"{where} is the result of no call that waits for one: {own or name or 'it names none'!r:.80}"
            )
        return call

    def _part(self, box: dict[str, Any], where: str) -> dict[str, Any] | None:
        """A part as one of a chat completion's; None for one that says nothing."""
        if "inlineData" in box:
            return _inline(box["inlineData"], f"{where}.inlineData")
        if "fileData" in box:
            return _file(box["fileData"], f"{where}.fileData")
        if "functionCall" in box:
            raise refused(f"{where}: a functionCall is the model's to say")
        said = text(box.get("text", ""), f"{where}.text")
        for name, of in (("executableCode", "code"), ("codeExecutionResult", "output")):
            if name in box:
                self._losses[name] = None
                inner = fields(box[name], f"{where}.{name}")
                language = word(inner.get("language", ""), where).lower() if of == "code" else ""
                said = f"\n```{language}\n{text(inner.get(of, ''), f'{where}.{name}.{of}')}\n```\n"
        return {"type": "text", "text": said} if said else None


def _result_text(response: Any, where: str) -> str:
    """What a function gave, as text: as it is where it is nothing else, or JSON."""
    if response is None:
        return "{}"
    if not isinstance(response, dict):
        raise refused(f"{where} must be an object, not {type(response).__name__}")
    (name, only), *others = response.items() or (("", None),)
    if not others and name in ("output", "result") and isinstance(only, str):
        return only
    return json.dumps(response, ensure_ascii=False)


def _inline(given: Any, where: str) -> dict[str, Any]:
    box = fields(given, where)
    kind = text(box.get("mimeType"), f"{where}.mimeType").partition(";")[0].strip().lower()
    data = base64(box.get("data", ""), f"{where}.data")
    name = text(box.get("displayName", ""), f"{where}.displayName")
    family, _, form = kind.partition("/")
    if family == "image":
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    if family == "audio":
        return {"type": "input_audio", "input_audio": {"data": data, "format": _FORMATS.get(form, form)}}
    if kind == "application/pdf":
        return {
            "type": "file",
            "file": {"filename": name or "document.pdf", "file_data": f"data:{kind};base64,{data}"},
        }
    if kind.startswith(_TEXTS):
        return {"type": "text", "text": f"{name}\n{_decoded(data, where)}" if name else _decoded(data, where)}
    raise refused(f"{where}: {kind!r:.60} cannot be passed on to this model")


def _decoded(data: str, where: str) -> str:
    from base64 import b64decode

    try:
        return b64decode(data).decode()
    except ValueError:
        raise refused(f"{where}.data is not the base64 of text in UTF-8") from None


def _file(given: Any, where: str) -> dict[str, Any]:
    box = fields(given, where)
    url = text(box.get("fileUri"), f"{where}.fileUri")
    if not url.startswith(("https://", "http://")) or any(place in url for place in _AT_GOOGLE):
        raise refused(f"{where}: {url!r:.120} is kept at Google, which is not asked here; send it as inlineData")
    kind = text(box.get("mimeType", ""), f"{where}.mimeType").lower()
    kind = kind or _ENDINGS.get(url.partition("?")[0].rpartition(".")[2].lower(), "")
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "application/pdf":
        name = text(box.get("displayName", ""), f"{where}.displayName")
        return {"type": "file", "file": {"filename": name or "document.pdf", "file_data": url}}
    raise refused(f"{where}: {kind or 'a file of no known kind'!r:.60} cannot be passed on by its address")
