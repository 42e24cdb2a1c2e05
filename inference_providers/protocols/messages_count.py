"""How many tokens a request in Anthropic's words has, estimated: its tokenizer is not public. Pure.

Rather too many than too few, since programs cut their conversations by it. What the numbers come from are counts that
were published beside the requests they are of; the tests hold the estimate to them.
"""

from __future__ import annotations

import binascii
import json
import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# Spaces before numbers, numbers by three digits, rows of one sign, others in pairs, ends of lines, and wide gaps.
_SIGNS = r" (?=[0-9])|[0-9]{1,3}|([!-/:-@\[-`{-~])\1{2,15}|[!-/:-@\[-`{-~]{1,2}|\n+|[ \t]{2,16}"


class _Tokenizer:
    """letters: of a word that are one piece. weight: tokens of a piece. first, system, tool: tokens around the first
    message, the system's words and each tool. cap: of a picture.
    """

    __slots__ = ("cap", "first", "pieces", "system", "tool", "weight")

    def __init__(self, letters: int, weight: float, *, first: int, system: int, tool: int, cap: int) -> None:
        self.pieces = re.compile(rf"[A-Za-z]{{1,{letters}}}|{_SIGNS}")
        self.weight, self.first, self.system, self.tool, self.cap = weight, first, system, tool, cap


class _Model:
    """What models since a version have in common.

    since: (family, or "" for all, version). tools: tokens of the prompt that comes with tools, by whether one has to be
    called. edge: pixels of a picture's longer side, to which it is made smaller.
    """

    __slots__ = ("edge", "since", "tokenizer", "tools")

    def __init__(self, since: tuple[str, int, int], tools: tuple[int, int], edge: int, tokenizer: _Tokenizer) -> None:
        self.since, self.tools, self.edge, self.tokenizer = since, tools, edge, tokenizer


# From https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing and /build-with-claude/vision, as
# of September 2026. From 4.7 on, another tokenizer makes some 1.3 times as many tokens of the same English.
_NEW = _Tokenizer(5, 1.22, first=8, system=2, tool=40, cap=4784)
_OLD = _Tokenizer(11, 1.05, first=7, system=0, tool=8, cap=1568)
_MODELS = (
    _Model(("", 5, 5), (354, 474), 2048, _NEW),
    _Model(("sonnet", 5, 0), (354, 474), 2576, _NEW),
    _Model(("", 4, 8), (290, 410), 2576, _NEW),
    _Model(("", 4, 7), (675, 804), 2576, _NEW),
    _Model(("", 4, 5), (497, 589), 1568, _OLD),
    _Model(("", 0, 0), (346, 355), 1568, _OLD),
)
_NAME = re.compile(r"claude-(?:(opus|sonnet|haiku|fable|mythos)-)?(\d)(?:[-.](\d)(?!\d))?")

_MESSAGE = 8  # tokens around each message but the first
_CALL, _ARGUMENT, _RESULT = 34, 10, 28  # around a call of a tool, each of its arguments, and a result
_TOOLS = {"bash": 325, "text_editor": 700, "str_replace": 700, "computer": 735, "memory": 900}  # known by their types
_OTHER_TOOL, _EXAMPLES = 600, 60  # any other of these; what examples bring along
_PICTURE, _PICTURE_FRAME, _PATCH = 1600, 4, 28  # of a picture whose size nobody knows; around one; pixels of a token
_PAGE = 2300  # tokens of a PDF's page, which is both read and looked at
_PAGES = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_PAGE_BYTES = 100_000  # of a file that does not show its pages

_IDEOGRAPHS = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_LETTERS = re.compile("[\u0080-\u024f\u2000-\u206f]")  # they break words apart
_SYMBOLS = re.compile("[\U00010000-\U0010ffff]")
_WIDE, _BROKEN, _SYMBOL, _OTHER = 1.25, 1.0, 2.5, 0.7  # tokens of each of these, and of all others beyond ASCII


def count(body: Mapping[str, Any]) -> int:
    """The tokens of a request, estimated. There is always a number: what is malformed counts as its JSON."""
    model = _model(body.get("model"))
    tokens = float(model.tokenizer.first)
    if system := body.get("system"):
        tokens += model.tokenizer.system + _blocks(system, model)
    messages = body.get("messages")
    messages = messages if isinstance(messages, list) else []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else message
        tokens += _MESSAGE + _blocks(content, model)
    tokens -= _MESSAGE if messages else 0
    tools = body.get("tools")
    if isinstance(tools, list) and tools:
        choice = body.get("tool_choice")
        forced = isinstance(choice, dict) and choice.get("type") in ("any", "tool")
        tokens += model.tools[forced] + sum(_tool(tool, model) for tool in tools)
    config = body.get("output_config")
    form = config.get("format") if isinstance(config, dict) else body.get("output_format")
    return math.ceil(tokens + (_json(form, model) if form else 0))


def _model(name: Any) -> _Model:
    found = _NAME.search(name.lower()) if isinstance(name, str) else None
    if found is None:
        return _MODELS[-1]
    family, version = found[1] or "", (int(found[2]), int(found[3] or 0))
    return next(one for one in _MODELS if one.since[0] in ("", family) and version >= one.since[1:])


def _blocks(content: Any, model: _Model) -> float:
    """Tokens of a content: text, or blocks of any kind."""
    if content is None or isinstance(content, str):
        return _text(content or "", model)
    if not isinstance(content, list):
        return _json(content, model)
    return sum(_block(block, model) for block in content)


def _block(block: Any, model: _Model) -> float:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind in ("text", "thinking") and isinstance(text := block.get(kind), str):
        return _text(text, model)
    if kind == "image":
        return _picture(block.get("source"), model)
    if kind == "document":
        return _document(block, model)
    if kind == "tool_use":
        given = block.get("input")
        arguments = len(given) * _ARGUMENT if isinstance(given, dict) else 0
        name = block.get("name")
        return _CALL + arguments + _text(name if isinstance(name, str) else "", model) + _json(given or {}, model)
    if kind == "tool_result":
        return _RESULT + _blocks(block.get("content"), model)
    if kind == "redacted_thinking":  # encrypted, in base64
        return len(str(block.get("data", ""))) / 4
    return _json(block, model)


def _tool(tool: Any, model: _Model) -> float:
    if not isinstance(tool, dict):
        return _json(tool, model)
    kind = tool.get("type")
    if isinstance(kind, str) and "input_schema" not in tool:
        return next((tokens for name, tokens in _TOOLS.items() if kind.startswith(name)), _OTHER_TOOL)
    told = {name: tool[name] for name in ("name", "description", "input_schema", "input_examples") if tool.get(name)}
    return model.tokenizer.tool + (_EXAMPLES if tool.get("input_examples") else 0) + _json(told, model)


def _document(block: Mapping[str, Any], model: _Model) -> float:
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    told = _text(f"{block.get('title') or ''}{block.get('context') or ''}", model)
    data = source.get("data")
    if source.get("type") == "content":
        return told + _blocks(source.get("content"), model)
    if source.get("type") == "text" and isinstance(data, str):
        return told + _text(data, model)
    if isinstance(data, str):
        raw = _decoded(data)
        return told + _PAGE * (len(_PAGES.findall(raw)) or math.ceil(len(raw) / _PAGE_BYTES) or 1)
    return told + _PAGE


def _picture(source: Any, model: _Model) -> float:
    data = source.get("data") if isinstance(source, dict) else None
    size = image_size(_decoded(data[:_HEAD])) if isinstance(data, str) else None
    return _PICTURE_FRAME + (_PICTURE if size is None else picture(*size, model))


def picture(width: int, height: int, model: _Model) -> int:
    """Tokens of a picture of so many pixels: one for each square of 28, once it is made small enough."""
    scale = min(
        1.0, model.edge / max(width, height, 1), math.sqrt(model.tokenizer.cap * _PATCH**2 / max(width * height, 1))
    )
    patches = math.ceil(width * scale / _PATCH) * math.ceil(height * scale / _PATCH)
    return min(patches, model.tokenizer.cap)


_HEAD = 1 << 18  # characters of base64 within which a picture says its size


def _decoded(data: str) -> bytes:
    try:
        return binascii.a2b_base64(data[: len(data) // 4 * 4])
    except (ValueError, UnicodeError):
        return b""


def image_size(raw: bytes) -> tuple[int, int] | None:
    """(width, height) of a PNG, GIF, WebP or JPEG by its header; None if it does not say."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) >= 24:
        return int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
    if raw.startswith(b"GIF8") and len(raw) >= 10:
        return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")
    if raw[8:12] == b"WEBP" and len(raw) >= 30:
        return _webp_size(raw)
    return _jpeg_size(raw) if raw.startswith(b"\xff\xd8\xff") else None


def _webp_size(raw: bytes) -> tuple[int, int] | None:
    def number(at: int, size: int) -> int:
        return int.from_bytes(raw[at : at + size], "little")

    if raw[12:16] == b"VP8X":
        return number(24, 3) + 1, number(27, 3) + 1
    if raw[12:16] == b"VP8L":
        return (number(21, 4) & 0x3FFF) + 1, (number(21, 4) >> 14 & 0x3FFF) + 1
    return (number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF) if raw[12:16] == b"VP8 " else None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """Segments follow one another, each with its length; the one that begins the frame has the size."""
    at = 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        kind = raw[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9], "big"), int.from_bytes(raw[at + 5 : at + 7], "big")
        at += 1 if kind == 0xFF else 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return None


def _json(value: Any, model: _Model) -> float:
    return _text(json.dumps(value, ensure_ascii=False, default=str), model)


def _text(text: str, model: _Model) -> float:
    """Tokens of a text: its words in pieces, and its signs."""
    tokens = len(model.tokenizer.pieces.findall(text)) * model.tokenizer.weight
    if not text.isascii():
        wide, broken, symbols = (len(kind.findall(text)) for kind in (_IDEOGRAPHS, _LETTERS, _SYMBOLS))
        others = len(text) - len(text.encode("ascii", "ignore")) - wide - broken - symbols
        tokens += wide * _WIDE + broken * _BROKEN + symbols * _SYMBOL + max(others, 0) * _OTHER
    return tokens
