"""Refusals in the words of servers: which row of the registry decides each, and what is read from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import openai
import pytest

from inference_providers import errors
from inference_providers.errors import (
    AuthenticationError,
    ContextLengthError,
    InsufficientCreditsError,
    ProviderUnavailableError,
    RateLimitError,
)
from inference_providers.protocols import classify, openai_chat
from inference_providers.protocols.classify import Verdict
from inference_providers.registry.registry import bundled
from tests.conftest import ROOT, list_of
from tests.servers import Connection, Received, Server

EXAMPLES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "refusals.json").read_text("utf-8"))
ROWS = {row.name: row for row in bundled().refusals}
NOW = 1_800_000_000.0  # a Unix time


def verdict_of(example: dict[str, Any]) -> Verdict:
    """What becomes of a reply as it stands in the file."""
    body = example["body"]
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = {name.lower(): value for name, value in example.get("headers", {}).items()}
    return openai_chat.decode(example["status"], headers, data, "p", (), NOW)


def row_of(example: dict[str, Any], verdict: Verdict) -> str | None:
    """The row that decided."""
    assert verdict.words is not None
    named = verdict.words.status
    statuses = [named or classify.UNKNOWN] if example["status"] in classify.SUCCESS else [example["status"], named]
    found = (bundled().refusals.find(status, verdict.words.text) for status in statuses if status is not None)
    return next((row.name for row in found if row is not None), None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one['status']} {one['source']}"[:60])
def test_a_real_refusal_is_decided_by_its_row(example: dict[str, Any]) -> None:
    verdict = verdict_of(example)
    decided = row_of(example, verdict)
    assert decided in example.get("rows", [example["row"]]), verdict.error
    row = ROWS.get(decided or "")
    assert verdict.action == example.get("action", row.action if row else verdict.action)
    if row is not None:
        assert type(verdict.error) is getattr(errors, row.error)
    if "wait" in example:
        assert verdict.retry_after == pytest.approx(example["wait"])
    if "param" in example:
        assert verdict.words is not None
        assert verdict.words.param == example["param"]
    if "limit" in example:
        assert isinstance(verdict.error, ContextLengthError)
        assert (verdict.error.limit, verdict.error.requested) == (example["limit"], example.get("requested"))


def test_every_row_has_real_refusals() -> None:
    known = Counter(example["row"] for example in EXAMPLES)
    assert {name for name in ROWS if known[name] < 1} <= {"a longer reply than there is room for"}
    assert {name for name in known if name is not None} <= ROWS.keys()


@pytest.mark.parametrize(
    ("body", "kind", "status", "of_sdk"),
    [
        ({"error": "no such path"}, ProviderUnavailableError, 400, openai.BadRequestError),
        ({"error": {"message": "boom", "type": "invalid_request_error"}}, ProviderUnavailableError, 400, openai.BadRequestError),
        ({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}, RateLimitError, 429,
         openai.RateLimitError),
        ({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
         InsufficientCreditsError, 402, openai.APIStatusError),
        ({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, AuthenticationError, 401,
         openai.AuthenticationError),
        ({"error": {"message": "bad", "code": "404"}}, ProviderUnavailableError, 404, openai.NotFoundError),
    ],
)  # fmt: skip
def test_an_error_in_a_reply_of_status_200_has_the_status_of_its_kind(
    serve: Callable[..., Server], body: Any, kind: Any, status: int, of_sdk: Any
) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.reply(200, body)

    with pytest.raises(kind) as caught:
        list_of(serve(behave).url).ask_ai("x", "m")
    assert caught.value.status == status
    assert f"(HTTP {status})" in str(caught.value) or "(in a reply with HTTP 200)" in str(caught.value)
    with pytest.raises(of_sdk):
        client = list_of(serve(behave).url).client()
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
