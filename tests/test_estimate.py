"""What a question may take and cost, before it is sent."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inference_providers
from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList, UnknownModelError
from inference_providers.clients.token_counting import _encoding, by_characters, counting
from tests.conftest import list_of, places

FACTS = [8000, 1000, 1, 2]
NOWHERE = "http://127.0.0.1:9"


def estimate(
    question: Any = "How are you today?", *, facts: list[Any] | None = None, kind: Any = ProviderList, **options: Any
) -> Any:
    return list_of(NOWHERE, facts=[FACTS if facts is None else facts], kind=kind).estimate(question, "m", **options)


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_an_estimate_says_what_it_is_made_of(kind: Any) -> None:
    found = estimate(kind=kind, max_tokens=100)
    (least, most), method = found.input_tokens, found.method
    assert method == "characters"
    assert 0 < least < 12 < most < 50
    assert (found.output_tokens, found.limit) == ((0, 100), "max_tokens")
    assert found.low == pytest.approx(least / 1e6)
    assert found.high == pytest.approx((most + 2 * 100) / 1e6)
    assert (found.provider, found.model) == ("p1", "m-internal")
    assert found.as_dict()["method"] == "characters"


@pytest.mark.parametrize(
    ("facts", "options", "output", "limit"),
    [
        (FACTS, {}, 1000, "model"),
        ([8000, None, 1, 2], {}, 4096, "default"),
        (FACTS, {"max_tokens": 10, "n": 3}, 30, "max_tokens"),
        (FACTS, {"max_new_tokens": 10}, 10, "max_tokens"),
    ],
)
def test_how_long_an_answer_may_be(facts: list[Any], options: dict[str, Any], output: int, limit: str) -> None:
    found = estimate(facts=facts, **options)
    assert (found.output_tokens[1], found.limit) == (output, limit)


def test_what_is_unknown_is_none() -> None:
    assert (estimate(facts=[8000, 1000]).low, estimate(facts=[8000, 1000]).high) == (None, None)
    picture = estimate(images=[b"\x89PNG\r\n\x1a\n" + bytes(20)])
    assert (picture.input_tokens[1], picture.high) == (None, None)
    assert picture.low is not None


def test_more_text_and_tools_take_more() -> None:
    def now(zone: str) -> str:
        """The time in a zone.

        Args:
            zone: which
        """
        return zone

    plain, long, with_tool = estimate("hi"), estimate("hi " * 1000), estimate("hi", tools=[now])
    assert plain.low < with_tool.low < long.low
    assert plain.high < with_tool.high < long.high


def test_a_model_without_a_key_has_an_estimate_and_an_unknown_one_none() -> None:
    made = ProviderList(environ=places(), local=False)
    found = made.estimate("hi", "gpt-4o")
    assert found.low is not None
    with pytest.raises(UnknownModelError):
        made.estimate("hi", "nobody-has-this")
    with pytest.raises(NoCredentialsError):
        made.estimate("hi")


def test_the_module_has_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1-0123456789abcdef")
    found = inference_providers.estimate("hi", "openai/gpt-4o")
    assert (found.provider, found.model) == ("openai", "gpt-4o")
    assert inference_providers.estimate("hi").low is not None


@given(st.text())
def test_characters_give_a_range(text: str) -> None:
    low, high = by_characters(text)
    assert 0 <= low <= high <= max(1, len(text) * 3)


def test_tiktoken_is_used_with_the_files_that_are_there_and_downloads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tiktoken")
    load, public = import_module("tiktoken.load"), import_module("tiktoken_ext.openai_public")

    def downloads(*_: Any) -> None:
        raise AssertionError("it downloads")

    monkeypatch.setattr(load, "read_file", downloads)
    environ = {"TIKTOKEN_CACHE_DIR": str(tmp_path)}
    assert counting(["gpt-4o"], environ)[0] == "characters"
    made = {"name": "o200k_base", "pat_str": ".", "special_tokens": {}}
    content = b"\n".join(b64encode(bytes([byte])) + b" " + str(byte).encode() for byte in range(256))
    (tmp_path / hashlib.sha1(b"https://there").hexdigest()).write_bytes(content)
    (tmp_path / "piped").mkdir()
    os.mkfifo(tmp_path / "piped" / hashlib.sha1(b"https://there").hexdigest())

    def constructor() -> dict[str, Any]:
        return {**MADE, "mergeable_ranks": load_tiktoken_bpe("https://there", HASH)}  # type: ignore[name-defined]  # noqa: F821

    for right in (hashlib.sha256(content).hexdigest(), "0" * 64):
        code = FunctionType(constructor.__code__, {"MADE": made, "HASH": right})
        monkeypatch.setitem(public.ENCODING_CONSTRUCTORS, "o200k_base", code)
        _encoding.cache_clear()
        method, count = counting(["gpt-4o"], environ)
        assert (method == "tiktoken") == (right != "0" * 64), "a file that is damaged is not used"
        if method == "tiktoken":
            assert count("abc") == (3, 3)
        assert counting(["gpt-4o"], {"TIKTOKEN_CACHE_DIR": str(tmp_path / "piped")})[0] == "characters"
    _encoding.cache_clear()


def test_tokenizers_are_used_with_the_files_that_are_there(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"hi": 0, "[UNK]": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    folder = tmp_path / "models--org--model" / "snapshots" / "1"
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    method, count = counting(["org/model"], {"HF_HUB_CACHE": str(tmp_path), "HOME": os.environ["HOME"]})
    assert (method, count("hi there you")) == ("tokenizers", (3, 3))
