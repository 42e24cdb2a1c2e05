"""One plug-in of each kind. It imports little, since it is loaded with the first list of providers that a program makes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers alone: at run time nothing of the package is needed
    from inference_providers.plugins import Rows, Store, StreamingDialect, Template

requires = 1  # the version of the plug-ins' interface

# A provider, as a row of the registry: docs/registry.md lists the fields. All variables begin with its id.
provider: Rows = {
    "providers": {
        "office": {
            "name": "The office's models",
            "website": "https://llm.office.example",
            "connection": {
                "protocol": "openai",
                "endpoint": "https://llm.office.example/v1",
                "api_key": "OFFICE_API_KEY",
                "base_url": "OFFICE_BASE_URL",
            },
            "model_names": {"office-large": "office/large-2", "llama-3.3-70b": "meta-llama/Llama-3.3-70B-Instruct"},
            # context window, output limit (tokens), input and output price (USD for a million tokens)
            "facts": {"office/large-2": [128000, 8192, 0.5, 1.5]},
        }
    }
}


def engine() -> dict[str, Any]:
    """A local engine: where it is found when it runs, and how it is started. A function, since a path is worked out."""
    server = os.environ.get("OFFICE_ENGINE_SERVER", "office-server")
    return {
        "providers": {
            "office-engine": {
                "name": "The office's engine",
                "connection": {
                    "protocol": "openai",
                    "endpoint": "http://127.0.0.1:18321/v1",
                    "local": {
                        "address": ["OFFICE_ENGINE_BASE_URL"],
                        "fingerprint": [{"owned_by": "office"}],
                        "launch": [
                            {
                                "name": "office-server",
                                "program": "python3",
                                "install": "pip install office-server",
                                "command": ["{python}", server, "{port}"],
                                "key": {"variable": "ENGINE_KEY"},
                                "health": "/health",
                                "loading": 60,
                                "formats": ["gguf"],
                                "memory": ["main"],
                            }
                        ],
                    },
                },
                "model_names": {},
            }
        }
    }


class Plain:
    """A dialect of the gateway: POST /plain {"question": ..., "stream": true} is answered with {"answer": ...}."""

    path = "/plain"
    media_type = "text/plain; charset=utf-8"  # of streams

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request, as a chat completion. A ValueError is told to whoever asks, with status 400."""
        if not isinstance(body.get("question"), str):
            raise ValueError("question: must be text")
        return {
            "model": body.get("model", "auto"),
            "messages": [{"role": "user", "content": body["question"]}],
            "stream": body.get("stream") is True,
        }

    def reply(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A chat completion, in the dialect's words."""
        return {"answer": completion["choices"][0]["message"]["content"], "by": completion.get("model")}

    def events(self) -> PlainEvents:
        """What makes the words of one stream. Without this method the dialect has no streams."""
        return PlainEvents()


class PlainEvents:
    """A stream: the text as it comes, and nothing else."""

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """What a chunk of a chat completion brings."""
        return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices") or ()).encode()

    def end(self) -> bytes:
        """What ends a stream."""
        return b"\n"

    def failed(self, status: int, message: str, code: str = "") -> bytes:
        """What says that a stream failed."""
        return f"\n[{status}: {message}]\n".encode()


plain: StreamingDialect = Plain()


def room_of(name: str) -> str:
    """Which room a person sits in.

    Args:
        name: the person's first name
    """
    return json.dumps({"ada": "2.14", "grace": "3.01"}.get(name.lower(), "unknown"))


room_of.read_only = True  # type: ignore[attr-defined]  # it changes nothing, so nobody is asked before each call


memo: Template = {
    "system": "You write memos of at most five lines.",
    "prompt": "Write a memo to $to about: $input",
    "defaults": {"to": "everybody"},
}


class Files(MutableMapping[bytes, bytes]):
    """A cache store: a mapping of bytes to bytes. This one has a file for each key, and no limit."""

    def __init__(self, path: str, max_bytes: int) -> None:
        """path: where, by the option `path` of the cache; empty where none is given. max_bytes: what it may hold."""
        self.folder = path or "office-replies"
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def _file(self, key: bytes) -> str:
        return os.path.join(self.folder, key.hex())

    def __getitem__(self, key: bytes) -> bytes:
        try:
            with open(self._file(key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: bytes, value: bytes) -> None:
        with open(self._file(key), "wb") as file:
            file.write(value)

    def __delitem__(self, key: bytes) -> None:
        try:
            os.unlink(self._file(key))
        except FileNotFoundError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes.fromhex, os.listdir(self.folder))

    def __len__(self) -> int:
        return len(os.listdir(self.folder))


files: Store = Files
