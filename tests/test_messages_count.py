"""Tokens of a request in Anthropic's words: the estimate, held to counts that were published beside their requests."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers.protocols.messages_count import count, image_size
from tests.test_messages import JSON

# Each with the page that it is from, and its day. `times`: how often the text comes; `picture`: its size alone.
ROWS: list[dict[str, Any]] = json.loads(Path("tests/data/messages_tokens.json").read_text(encoding="utf-8"))


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(8)


def jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc0\0\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes(10)
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xff\xfe\0\x04hi" + frame


FILES = {
    "jpeg": jpeg(2000, 1500),
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Pages/Count 1>>2 0 obj<</Type /Page/Parent 1 0 R>>",
}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def picture(raw: bytes) -> list[dict[str, Any]]:
    source = {"type": "base64", "media_type": "image/png", "data": encoded(raw)}
    return [{"role": "user", "content": [{"type": "image", "source": source}]}]


def estimate(row: dict[str, Any]) -> int:
    body = row["body"]
    if "picture" in row:
        empty = count({**body, "messages": picture(b"")}) - 1600
        return count({**body, "messages": picture(png(*row["picture"]))}) - empty
    if "times" in row:
        [message] = body["messages"]
        body = {**body, "messages": [{**message, "content": message["content"] * row["times"]}]}
    if "file" in row:
        body = json.loads(json.dumps(body).replace('"FILE"', json.dumps(encoded(FILES[row["file"]]))))
    return count(body)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tokens']}-{row['from'].rpartition('/')[2]}")
def test_an_estimate_is_never_far_below_and_not_absurdly_above(row: dict[str, Any]) -> None:
    most = 1.5 if row["body"]["model"] == "claude-sonnet-4-5" and "346" in row.get("note", "") else 1.35
    assert 0.9 * row["tokens"] <= estimate(row) <= most * row["tokens"]


def test_estimates_are_near_on_the_whole() -> None:
    ratios = [estimate(row) / row["tokens"] for row in ROWS]
    assert len(ratios) > 50
    assert 1 <= median(ratios) < 1.1


@given(st.dictionaries(st.sampled_from(["model", "system", "messages", "tools", "tool_choice", "output_config"]), JSON))
@settings(max_examples=100)
def test_whatever_is_asked_has_a_number(body: dict[str, Any]) -> None:
    assert count(body) >= 7
    assert count({"messages": [{"role": "user", "content": [body, {"type": "image", **body}]}]}) >= 7


@given(st.text(), st.text())
@settings(max_examples=50)
def test_more_text_has_no_fewer_tokens(first: str, second: str) -> None:
    whole, part = (count({"messages": [{"role": "user", "content": text}]}) for text in (first + second, first))
    assert whole >= part - 1, "two signs may be one token"


def test_everything_counts() -> None:
    tool = {"name": "f", "description": "Does a thing.", "input_schema": {"type": "object"}}
    plain: dict[str, Any] = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hi"}]}
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "What it says"}]}
    longer: list[dict[str, Any]] = [
        {**plain, "system": [{"type": "text", "text": "Be brief."}]},
        {**plain, "tools": [tool]},
        {**plain, "messages": [*plain["messages"], use]},
        {**plain, "messages": [*plain["messages"], use, result]},
        {**plain, "messages": [*plain["messages"], *picture(png(100, 100))]},
        {**plain, "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        {**plain, "tools": [{"type": "bash_20250124", "name": "bash"}]},
    ]
    assert all(count(body) > count(plain) for body in longer)
    assert count({**plain, "tools": [tool], "tool_choice": {"type": "any"}}) > count({**plain, "tools": [tool]})
    assert count({**plain, "model": "anthropic/claude-opus-4.7", "system": "different " * 500}) > 1.2 * count(
        {**plain, "system": "different " * 500}
    )


@pytest.mark.parametrize(
    "raw",
    [
        png(300, 200),
        jpeg(300, 200),
        b"GIF89a" + (300).to_bytes(2, "little") + (200).to_bytes(2, "little"),
        b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (299).to_bytes(3, "little") + (199).to_bytes(3, "little"),
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + (299 | 199 << 14).to_bytes(4, "little") + bytes(5),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + (300).to_bytes(2, "little") + (200).to_bytes(2, "little"),
    ],
    ids=["png", "jpeg", "gif", "webp-extended", "webp-lossless", "webp"],
)
def test_pictures_say_their_size(raw: bytes) -> None:
    assert image_size(raw) == (300, 200)


@given(st.binary(max_size=40), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF8", b"RIFF\0\0\0\0WEBPVP8 "]))
@settings(max_examples=100)
def test_what_is_no_picture_has_no_size_and_costs_no_error(raw: bytes, head: bytes) -> None:
    image_size(head + raw)
    assert count({"messages": picture(head + raw)}) >= 7
