"""Lines of a batch's file: which of them a batch wrote, and which are somebody else's. Pure."""

from __future__ import annotations

from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.batches.records import Line

_HEXADECIMAL = frozenset("0123456789abcdef")
_MOST = 2**31  # items
_ANSWERED = frozenset(
    ("answer", "provider", "model", "input_tokens", "output_tokens", "cost", "latency", "finish_reason", "attempts")
)
_RESPONSE = frozenset(("status_code", "request_id", "body"))


def row_of(line: bytes) -> Line | None:
    """The row of a line that a batch wrote, known by its whole shape; None for any other line."""
    try:
        row: Any = jsontext.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not {"index", "error"} <= row.keys():
        return None
    index, custom = row["index"], row.get("custom_id")
    if not (index is None or (type(index) is int and 0 <= index < _MOST)) or not isinstance(custom, str | None):
        return None
    if not (_is_openai_row(row) if "response" in row else _is_own_row(row)):
        return None
    known: Any = row
    found: Line = known
    return found


def _is_own_row(row: Mapping[str, Any]) -> bool:
    if row["error"] is None:
        return _is_key(row.get("key")) and row.keys() >= _ANSWERED and isinstance(row["answer"], str)
    broken = row.get("key") == ""  # an item that could not be read has no request
    return (broken or _is_key(row.get("key"))) and "answer" in row and _says(row["error"], "type")


def _is_openai_row(row: Mapping[str, Any]) -> bool:
    name, response = row.get("id"), row["response"]
    key = name.removeprefix("batch_req_") if isinstance(name, str) and name.startswith("batch_req_") else None
    if not _is_key(key) or "custom_id" not in row:
        return False
    if response is None:
        return _says(row["error"], "code")
    if not isinstance(response, dict) or not response.keys() >= _RESPONSE or response["request_id"] != key:
        return False
    return isinstance(response["body"], dict) and (row["error"] is None or _says(row["error"], "code"))


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 16 and _HEXADECIMAL.issuperset(value)


def _says(error: Any, kind: str) -> bool:
    return isinstance(error, dict) and isinstance(error.get(kind), str) and isinstance(error.get("message"), str)


def key_of(row: Line) -> str:
    """The key of a row: the same for the same request."""
    return str(row.get("key") or str(row.get("id", "")).removeprefix("batch_req_"))


def is_cut(line: bytes) -> bool:
    """Whether a file's last line is the beginning of one that a batch was writing when it was killed."""
    if line.endswith(b"\n") or _is_whole(line):
        return False
    head, comma, rest = line.partition(b", ")
    if not comma:
        begins = (b'{"index": ', b'{"id": "batch_req_')
        return head.startswith(begins) or any(begin.startswith(head) for begin in begins)
    if head.startswith(b'{"id": "batch_req_'):
        return _goes_on(rest, b'"custom_id": ')
    return head.startswith(b'{"index": ') and (_goes_on(rest, b'"custom_id": ') or _goes_on(rest, b'"answer": '))


def _is_whole(line: bytes) -> bool:
    try:
        jsontext.loads(line)
    except ValueError:
        return False
    return True


def _goes_on(rest: bytes, name: bytes) -> bool:
    return rest.startswith(name) or name.startswith(rest)
