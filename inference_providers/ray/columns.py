"""Rows of a dataset as questions, and results as columns. Needs PyArrow, as Ray Data does."""

from __future__ import annotations

import json

from inference_providers.batches import ANSWERS, PROMPTS, prefix
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.batches import Result

ASKED = ("messages", *PROMPTS, "model", "models", "system", "custom_id", "id")  # columns that are read
COLUMNS = (*ANSWERS, "parsed", "input_tokens", "output_tokens", "finish_reason")


def question(row: Mapping[str, Any], *, whole: bool) -> Any:
    """What a row asks: its columns that are known, or the *whole* row, for a prompt with columns.

    Arrow has all structs of a column alike, so what a message does not say is null in it: left out. Raises ValueError
    for messages that are text, and no JSON.
    """
    if whole:
        return dict(row)
    asked = {name: row[name] for name in ASKED if row.get(name) is not None}
    if (turns := asked.get("messages")) is not None:
        asked["messages"] = _said(jsontext.loads(turns) if isinstance(turns, str) else turns)
    return asked


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _said(inner) for name, inner in value.items() if inner is not None}
    return [_said(inner) for inner in value] if isinstance(value, list) else value


def with_results(table: Any, results: Sequence[Result]) -> Any:
    """The table of the questions with columns of what came of them.

    These have "batch_" before them where the table has one of their names. `parsed` is text of JSON: a column has one
    type, and answers may have several.
    """
    import pyarrow as pa  # pyright: ignore[reportMissingImports]

    taken = prefix(table.column_names, COLUMNS)
    rows = [_cells(result) for result in results]
    types = {"cost": pa.float64(), "input_tokens": pa.int64(), "output_tokens": pa.int64()}
    for name in COLUMNS:
        column = pa.array([row.get(name) for row in rows], types.get(name, pa.string()))
        table = table.append_column(taken + name, column)
    return table


def _cells(result: Result) -> dict[str, Any]:
    if (error := result.error) is not None:
        return {"error": f"{type(error).__name__}: {error}"}
    answer = result.answer
    usage = answer.usage
    return {
        "answer": str(answer).encode("utf-8", "replace").decode(),
        "provider": answer.provider,
        "answered_by": answer.model,
        "cost": answer.cost,
        "parsed": None if answer.parsed is None else json.dumps(_plain(answer.parsed), ensure_ascii=False, default=str),
        "input_tokens": None if usage is None else usage.input_tokens,
        "output_tokens": None if usage is None else usage.output_tokens,
        "finish_reason": answer.finish_reason,
    }


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)  # of pydantic
    return value if dump is None else dump(mode="json")
