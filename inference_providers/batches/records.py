"""Lines of a batch's output file, as types: what is written, and what is read again. For type checkers alone."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict, final


class Problem(TypedDict):
    """An error in a line."""

    type: str  # the name of its class
    message: str
    provider: NotRequired[str]
    status: NotRequired[int]  # of the HTTP response
    code: NotRequired[str]


@final
class ResultLine(TypedDict):
    """One item's answer or error, in this package's own form. What is written of an answer is `Answer.as_dict`'s."""

    index: int  # place in the input, from 0
    key: str  # digest of the request and its settings, 16 hexadecimal digits; empty for an item that cannot be read
    answer: str | None
    error: Problem | None
    custom_id: NotRequired[str]  # as given
    line: NotRequired[int]  # of the input file, from 1; for errors
    provider: NotRequired[str | None]
    model: NotRequired[str]  # the provider's name for it
    input_tokens: NotRequired[int | None]
    output_tokens: NotRequired[int | None]
    cost: NotRequired[float | None]  # USD
    latency: NotRequired[float]  # seconds
    finish_reason: NotRequired[str | None]
    attempts: NotRequired[int]  # how many
    parsed: NotRequired[Any]
    tool_calls: NotRequired[list[dict[str, Any]]]
    dropped: NotRequired[list[str]]
    repaired: NotRequired[list[str]]
    cached: NotRequired[bool]
    unchecked: NotRequired[list[str]]


class OpenAIResponse(TypedDict):
    """The response in a line of OpenAI's form."""

    status_code: int
    request_id: str  # the key
    body: dict[str, Any]  # the reply as it came, or `{"error": Problem}`


class OpenAIError(TypedDict):
    """The error in a line of OpenAI's form."""

    code: str  # the name of its class
    message: str


@final
class OpenAILine(TypedDict):
    """One item's answer or error, in the form of OpenAI's batch API: for items that came in it."""

    id: str  # `batch_req_` and the key
    custom_id: str | None
    index: int
    response: OpenAIResponse | None
    error: OpenAIError | None
    line: NotRequired[int]


Line = ResultLine | OpenAILine
