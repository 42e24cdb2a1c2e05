"""Vectors of texts: by a small model on this machine, from the extra `semantic`, or by one that the user names."""

from __future__ import annotations

import json
import os
import threading
from array import array
from functools import cached_property
from math import isfinite, sqrt
from operator import mul

from inference_providers.errors import InferenceProvidersError
from inference_providers.installing import SEMANTIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from inference_providers.calls import Call

PATH = "/embeddings"
LIMIT, SHARE = 5.0, 0.25  # seconds that a vector may take, and the part of what its call has left
REST = 60.0  # seconds for which no vector is asked for after one that did not come
# The static vectors that the package `wordllama` carries: what is measured with others says nothing of these.
_PACKAGE = "wordllama"
_FILES = {
    "tokenizers/l2_supercat_tokenizer_config.json": "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
    "weights/l2_supercat_256.safetensors": "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
}
_MOST = 8192  # numbers of a vector


def packed(numbers: Iterable[float]) -> bytes:
    """A vector of length 1, as bytes. Raises ValueError for what is not a vector."""
    vector = array("f", numbers)
    length = sqrt(sum(map(mul, vector, vector)))
    if not 0 < len(vector) <= _MOST or not isfinite(length) or not length:
        raise ValueError("not a vector")
    return array("f", (number / length for number in vector)).tobytes()


def likeness(one: bytes, other: bytes) -> float:
    """The cosine of two vectors; 0 for vectors of different kinds."""
    if len(one) != len(other) or len(one) % 4:
        return 0.0
    return float(sum(map(mul, array("f", one), array("f", other))))


class LocalModel:
    """The model on this machine: a text is the mean of its words' vectors. Raises ValueError where it is missing."""

    name = f"{_PACKAGE} {_FILES['weights/l2_supercat_256.safetensors'][:16]}"

    def __init__(self) -> None:
        from importlib.util import find_spec

        found = [find_spec(name) for name in (_PACKAGE, "numpy", "tokenizers")]
        if not all(found):
            raise ValueError(
                f"a cache of similar questions needs a model for embeddings: {SEMANTIC}, or name one that you reach "
                'as embedding_model, like "openai/text-embedding-3-small"'
            )
        places = found[0].submodule_search_locations if found[0] is not None else None
        self._folder = next(iter(places or ()), "")
        self._lock = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether it has been read, which takes a tenth of a second."""
        return "_loaded" in self.__dict__

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """(tokenizer, vectors). Its package is not imported: it would look for files on the network."""
        from importlib import import_module

        numpy, tokenizers = import_module("numpy"), import_module("tokenizers")
        words, weights = (_checked(os.path.join(self._folder, name), digest) for name, digest in _FILES.items())
        size = int.from_bytes(weights[:8], "little")
        row = json.loads(weights[8 : 8 + size])["embedding.weight"]
        table = numpy.frombuffer(weights, numpy.float16, offset=8 + size).reshape(row["shape"])
        return tokenizers.Tokenizer.from_str(words.decode("utf-8")), table

    def vector(self, text: str) -> bytes:
        """The vector of a text. Raises ValueError where there is none, OSError where the model cannot be read."""
        with self._lock:
            tokenizer, table = self._loaded
        return packed(table[tokenizer.encode(text, add_special_tokens=False).ids].mean(0, dtype="float32").tolist())


def _checked(path: str, digest: str) -> bytes:
    from hashlib import sha256

    with open(path, "rb") as file:
        content = file.read()
    if sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} is not the file that this version knows: {SEMANTIC}")
    return content


class Embedding:
    """One text to its vector, within a call: what is waited for like a call under way.

    vector: None where there is none, which costs the call nothing but the hit. cost: USD; None if unknown.
    """

    def __init__(self, model: LocalModel | str, text: str, call: Call) -> None:
        self._model, self._text, self._call = model, text, call
        self.vector: bytes | None = None
        self.cost: float | None = 0.0

    def wait(self, seconds: float) -> None:
        """Find it, within so many seconds."""
        if not isinstance(self._model, str):
            self._by_local()
            return
        pipeline: Any = self._call.context
        try:
            offers = pipeline.finder.first_available([self._model])
            self._take(pipeline.caller.call(offers, self._request(), total=min(LIMIT, SHARE * seconds)))
        except (InferenceProvidersError, ValueError, TypeError) as error:
            self._fails(error)

    async def wait_async(self, seconds: float) -> None:
        """`wait`, for asyncio."""
        if not isinstance(self._model, str):
            if self._model.is_loaded:
                self._by_local()
            else:
                import asyncio

                await asyncio.to_thread(self._by_local)
            return
        from inference_providers.calls import async_asker

        pipeline: Any = self._call.context
        try:
            offers = await async_asker.found(pipeline.finder, [self._model])
            limit = min(LIMIT, SHARE * seconds)
            self._take(await pipeline.async_caller.call(offers, self._request(), total=limit))
        except (InferenceProvidersError, ValueError, TypeError) as error:
            self._fails(error)

    def _by_local(self) -> None:
        assert not isinstance(self._model, str)
        try:
            self.vector = self._model.vector(self._text)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._fails(error)

    def _request(self) -> Any:
        from inference_providers.protocols import ModelRequest

        request = ModelRequest({"model": "default", "input": self._text}, PATH)
        request.cache = {"strategy": "exact"}
        return request

    def _take(self, reply: Any) -> None:
        from inference_providers.chat import usage_in
        from inference_providers.usage import cost_of, usage_of

        self.cost = 0.0 if reply.cached else cost_of(usage_of(usage_in(reply.data)), reply.offer.facts)
        rows = reply.data.get("data") if isinstance(reply.data, dict) else None
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            raise ValueError("the reply holds no vector")
        self.vector = packed(rows[0].get("embedding"))  # type: ignore[arg-type]

    def _fails(self, error: Exception) -> None:
        said = f"the cache finds nothing similar for now: {error}"
        self._call.context.warn_once(said, key="the cache finds nothing similar")
