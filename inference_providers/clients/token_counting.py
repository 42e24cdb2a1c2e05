"""How many tokens a text has: by a tokenizer that is here, else by its characters. Nothing is ever downloaded."""

from __future__ import annotations

import os
import re
from functools import lru_cache, partial
from importlib import import_module

from inference_providers import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Count = Callable[[str], tuple[int, int]]  # tokens of a text: at least, and at most

CHARACTERS = "characters"
_CAP = 64 * 1024 * 1024  # bytes of an encoding's file
# Characters of a token, at most and at least: of letters as in English, and of all other scripts.
_LATIN, _OTHER = (6.0, 2.0), (2.0, 0.4)
_PIECES = re.compile("[A-Za-z]{1,6}|[\u00c0-\u1fff]{1,2}|[0-9]|\\n+|[^\\sA-Za-z0-9\u00c0-\u1fff]").finditer
_AROUND = 4  # tokens around each message, as most models count
_BESIDE = 258  # of a picture of usual size, or a page: what each takes, only its model knows


def counting(names: list[str], environ: Mapping[str, str]) -> tuple[str, Count]:
    """(method, count) for a model by its names: `tiktoken`, `tokenizers` or `characters`."""
    return _by_tiktoken(names, environ) or _by_tokenizers(names, environ) or (CHARACTERS, by_characters)


def by_characters(text: str) -> tuple[int, int]:
    """Between how many tokens a text is likely to have: in English some four characters make one, in Chinese one."""
    latin = len(text.encode("ascii", "ignore"))
    other = len(text) - latin
    low, high = latin / _LATIN[0] + other / _OTHER[0], latin / _LATIN[1] + other / _OTHER[1]
    return int(low) + bool(text), int(high) + bool(text)


def prompt_tokens(body: Mapping[str, Any], names: list[str], environ: Mapping[str, str]) -> int:
    """The tokens of a chat completion's prompt, estimated for a model by its names: rather too many than too few."""
    import json

    from inference_providers import chat

    method, count = counting(names, environ)
    count = by_pieces if method == CHARACTERS else count
    texts, tokens = [], 0
    for turn in body.get("messages") or ():
        content = turn.get("content")
        texts += [chat.content_text(content), chat.thoughts(turn)]
        texts += [json.dumps(call.get("function"), ensure_ascii=False) for call in chat.tool_calls(turn)]
        parts = content if isinstance(content, list) else ()
        tokens += _AROUND + _BESIDE * sum("text" not in part for part in parts)
    described = [body[name] for name in ("tools", "response_format") if body.get(name)]
    texts += [json.dumps(one, ensure_ascii=False) for one in described]
    return tokens + sum(count(text)[1] for text in filter(None, texts))


def by_pieces(text: str) -> tuple[int, int]:
    """The same by its words, in pieces, and its signs: more than most models make of it."""
    pieces = sum(1 for _ in _PIECES(text))
    return pieces, pieces


def _exactly(count: Callable[[str], int]) -> Count:
    def counted(text: str) -> tuple[int, int]:
        tokens = count(text)
        return tokens, tokens

    return counted


def _by_tiktoken(names: list[str], environ: Mapping[str, str]) -> tuple[str, Count] | None:
    for name in names:
        try:
            encoding = _encoding(name, _tiktoken_folder(environ))
        except Exception:  # noqa: BLE001, S112  (not installed, no file, or a version that does it otherwise)
            continue
        return "tiktoken", _exactly(partial(_tokens, encoding))
    return None


def _tokens(encoding: Any, text: str) -> int:
    return len(encoding.encode(text, disallowed_special=()))


def _tiktoken_folder(environ: Mapping[str, str]) -> str:
    own = environ.get("TIKTOKEN_CACHE_DIR") or environ.get("DATA_GYM_CACHE_DIR")
    return own or os.path.join(environ.get("TMPDIR") or "/tmp", "data-gym-cache")


@lru_cache(maxsize=4)
def _encoding(model: str, folder: str) -> Any:
    """A model's encoding whose file is in tiktoken's cache; what makes it is given a reader that cannot download.

    Raises ImportError without tiktoken, KeyError for a model that it does not know, OSError without that file.
    """
    import hashlib
    from types import FunctionType

    name = import_module("tiktoken.model").encoding_name_for_model(model)
    made = import_module("tiktoken_ext.openai_public").ENCODING_CONSTRUCTORS[name]

    def cached(url: str, expected_hash: str | None = None) -> dict[bytes, int]:
        from base64 import b64decode

        name = hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
        content = files.read(os.path.join(folder, name), _CAP)  # whoever else writes in /tmp may have made it
        if expected_hash is not None and hashlib.sha256(content).hexdigest() != expected_hash:
            raise OSError(0, "damaged")
        pairs = (line.split() for line in content.splitlines() if line)
        return {b64decode(token): int(rank) for token, rank in pairs}

    parts = FunctionType(made.__code__, {**made.__globals__, "load_tiktoken_bpe": cached})()
    return import_module("tiktoken").Encoding(**parts)


def _by_tokenizers(names: list[str], environ: Mapping[str, str]) -> tuple[str, Count] | None:
    """By the `tokenizer.json` of a model of that name in Hugging Face's cache."""
    from inference_providers.servers import hub_folder

    path = next(filter(None, (_tokenizer_file(hub_folder(environ), name) for name in names)), None)
    if path is None:
        return None
    try:
        tokenizer = _tokenizer(path)
    except Exception:  # noqa: BLE001  (not installed, or a file of another version)
        return None
    return "tokenizers", _exactly(lambda text: len(tokenizer.encode(text).ids))


def _tokenizer_file(hub: str | None, name: str) -> str | None:
    if hub is None or name.count("/") != 1 or ".." in name:
        return None
    snapshots = os.path.join(hub, f"models--{name.replace('/', '--')}", "snapshots")
    try:
        found = sorted(os.listdir(snapshots))
    except OSError:
        return None
    paths = (os.path.join(snapshots, one, "tokenizer.json") for one in found)
    return next(filter(os.path.isfile, paths), None)


@lru_cache(maxsize=4)
def _tokenizer(path: str) -> Any:
    return import_module("tokenizers").Tokenizer.from_file(path)
