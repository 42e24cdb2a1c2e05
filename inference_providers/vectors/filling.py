"""Texts into a collection: only what is new is embedded, and whatever has been paid for is kept.

Each request's vectors are written as soon as they come. Where a request is refused for one of its texts, its halves are
asked for, so that the others come all the same.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue

from inference_providers.calls import candidates_of_kind, embedded
from inference_providers.chat import EMBEDDING_MODEL_VARIABLE, LETTERS, TEXTS, names_of
from inference_providers.errors import ContextLengthError, InvalidRequestError
from inference_providers.registry import EMBEDDINGS
from inference_providers.vectors.collection import Entry, digest_of, identity
from inference_providers.waits import has_come, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Embeddings, Models
    from inference_providers.vectors.collection import Collection
    from inference_providers.vectors.sources import Text
    from inference_providers.vectors.store import Known, Store

AT_ONCE = 4  # requests
_HOPELESS = 8  # texts that are refused before any is taken, for another reason than their length: it is not the texts


class Filled:
    """What came of it: numbers of texts, tokens and US dollars (None where unknown).

    skipped: files that are not text. problems: what could not be read. refused: what the provider did not take. Of each
    its id, and why.
    """

    def __init__(self) -> None:
        self.embedded = self.unchanged = self.removed = 0
        self.skipped: list[tuple[str, str]] = []
        self.problems: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str]] = []
        self.tokens: int | None = 0
        self.cost: float | None = 0.0
        self.provider: str | None = None

    def __repr__(self) -> str:
        return f"<Filled: {self.embedded} embedded, {self.unchanged} unchanged>"

    def add(self, found: Embeddings) -> None:
        """Count vectors that have come."""
        self.embedded += len(found)
        self.provider = found.provider
        self.tokens = None if found.usage is None or self.tokens is None else self.tokens + found.usage.input_tokens
        self.cost = None if found.cost is None or self.cost is None else self.cost + found.cost


class _Request:
    """Texts that are asked for at once, and what came of them."""

    def __init__(self, texts: list[Text]) -> None:
        self.texts, self.ended = texts, threading.Event()
        self.found: list[tuple[list[Text], Embeddings]] = []
        self.refused: list[tuple[Text, InvalidRequestError]] = []
        self.error: BaseException | None = None


class Filling:
    """One collection, as texts are put into it. It is made with the first vectors that come, where there is none."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        name: str,
        model: Models = None,
        *,
        dimensions: int | None = None,
        extra: Mapping[str, Any] | None = None,
        keep: bool = False,
        told: Callable[[Filled], None] = lambda filled: None,
    ) -> None:
        """*keep*: the texts themselves, too. *told* hears whenever more has come.

        `ending` hears how many requests are waited for where it ends early.

        Raises MixedModelsError for another model than the collection's, and as `candidates_of_kind` does.
        """
        self._store, self._pipeline, self.name, self._keep, self.told = store, pipeline, name, keep, told
        self.collection = store.get(name)
        self._is_named = len(names_of(model)) == 1 and model != "auto"  # so it stays that for all texts
        self._dimensions, self._extra = dimensions, dict(extra or {})
        registry = pipeline.finder.registry
        if self.collection is not None:
            _check_same(self.collection, dimensions, self._extra)
            self._names = names_of(model) or self.collection.names(registry)
        else:
            self._names = names_of(model) or pipeline.finder.default_models(EMBEDDING_MODEL_VARIABLE) or ["auto"]
        offers = candidates_of_kind(pipeline.finder, self._names, EMBEDDINGS)
        if self.collection is not None:
            for offer in offers:
                self.collection.check_model(identity(registry, offer.canonical_name, offer.internal_name))
        self._most = min([offer.row().kind(EMBEDDINGS).get("inputs") or TEXTS for offer in offers], default=TEXTS)
        self.filled = Filled()
        self.ending: Callable[[int], None] = lambda requests: None
        self._done: SimpleQueue[_Request] = SimpleQueue()
        self._under_way: list[_Request] = []
        self._digests: set[bytes] = set()  # of texts whose vectors the collection has

    def fill(self, texts: Iterable[Text], *, prune: bool = False) -> Filled:
        """Put texts into the collection. *prune*: remove what is not among them.

        Whatever ends it, what has come, and what is under way, is written first. Raises ValueError where all would be
        removed since no text came: that is a slip, such as a wrong folder.
        """
        self._store.check_writable()
        known = {} if self.collection is None else self._store.known(self.collection)
        self._digests = {digest for digest, _, _ in known.values()}
        seen: set[str] = set()
        try:
            for group in self._groups(self._new(texts, known, seen)):
                while len(self._under_way) >= (AT_ONCE if self.collection is not None else 1):
                    self._take(taken(self._done))
                self._start(group)
            while self._under_way:
                self._take(taken(self._done))
        except BaseException:
            self.ending(sum(not request.ended.is_set() for request in self._under_way))
            for request in list(self._under_way):
                has_come(request.ended)
                self._keep_of(request)
            raise
        if prune and self.collection is not None and not self.filled.problems:
            if known and not seen:
                raise ValueError(f"no text came, so nothing was removed from the collection {self.name!r}")
            gone = [id for id in known if id not in seen]
            self._store.remove(self.collection, gone)
            self.filled.removed = len(gone)
        return self.filled

    def _new(self, texts: Iterable[Text], known: Mapping[str, Known], seen: set[str]) -> Iterator[Text]:
        """The texts that have to be embedded."""
        for one in texts:
            if not one.problem and not _is_whole(one):
                one.problem = "it holds half of a character (a lone surrogate), which is not text"
            if one.problem:
                (self.filled.skipped if one.foreign else self.filled.problems).append((one.id, one.problem))
                continue
            if not one.text.strip():
                continue  # nobody takes it
            seen.add(one.id)
            digest = digest_of(one.text)
            had, has_text, metadata = known.get(one.id, (b"", False, None))
            if had == digest and has_text >= self._keep and metadata == one.metadata:
                self.filled.unchanged += 1
            elif digest in self._digests and self.collection is not None:
                text = one.text if self._keep else None
                if self._store.copy(self.collection, one.id, digest, text, one.metadata):
                    self.filled.unchanged += 1
                else:
                    yield one
            else:
                yield one

    def _groups(self, texts: Iterable[Text]) -> Iterator[list[Text]]:
        group: list[Text] = []
        size = 0
        for one in texts:
            if group and (len(group) == self._most or size + len(one.text) > LETTERS):
                yield group
                group, size = [], 0
            group.append(one)
            size += len(one.text)
        if group:
            yield group

    def _start(self, texts: list[Text]) -> None:
        request = _Request(texts)
        collection = self.collection
        names = self._names
        if collection is not None and not self._is_named:
            names = collection.names(self._pipeline.finder.registry)

        def work() -> None:
            try:
                self._ask(request, request.texts, names)
            except BaseException as error:  # noqa: BLE001  (raised where the caller waits)
                request.error = error
            request.ended.set()
            self._done.put(request)

        self._under_way.append(request)
        threading.Thread(target=work, daemon=True).start()

    def _ask(self, request: _Request, texts: list[Text], names: Sequence[str]) -> None:
        body = self.collection.body() if self.collection is not None else self._first_body()
        try:
            found = embedded(self._pipeline, [one.text for one in texts], list(names), body, None)
        except InvalidRequestError as error:
            if len(texts) == 1:
                request.refused.append((texts[0], error))
                others = [one for _, one in request.refused if not isinstance(one, ContextLengthError)]
                if not self.filled.embedded and not request.found and len(others) >= _HOPELESS:
                    raise
                return
            half = len(texts) // 2
            self._ask(request, texts[:half], names)
            self._ask(request, texts[half:], names)
        else:
            request.found.append((texts, found))

    def _first_body(self) -> dict[str, Any]:
        return {**({} if self._dimensions is None else {"dimensions": self._dimensions}), **self._extra}

    def _take(self, request: _Request) -> None:
        self._keep_of(request)
        if request.error is not None:
            raise request.error
        self.filled.refused += [(one.id, str(error)) for one, error in request.refused]
        self.told(self.filled)

    def _keep_of(self, request: _Request) -> None:
        for texts, found in request.found:
            model = identity(self._pipeline.finder.registry, found.canonical_name, found.model)
            if self.collection is None:
                self.collection = self._store.create(
                    self.name, model, found, shortened=self._dimensions is not None, extra=self._extra
                )
            self.collection.check_model(model)
            for vector in found:
                self.collection.check_length(vector)
            entries = [
                Entry(one.id, vector, digest_of(one.text), one.text if self._keep else None, one.metadata)
                for one, vector in zip(texts, found, strict=True)
            ]
            self._store.put(self.collection, entries)
            self._digests.update(one.digest for one in entries)
        for _, found in request.found:
            self.filled.add(found)
        self._under_way.remove(request)


def _is_whole(one: Text) -> bool:
    """Whether an id and its text can be written: after it was paid for is too late."""
    try:
        (one.id + one.text).encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_same(collection: Collection, dimensions: int | None, extra: Mapping[str, Any]) -> None:
    from inference_providers.vectors.collection import MixedModelsError

    if dimensions is not None and (dimensions != collection.dimensions or not collection.shortened):
        raise MixedModelsError(
            f"The collection {collection.name!r} holds vectors of {collection.dimensions} numbers; those of "
            f"{dimensions} cannot be compared with them."
        )
    if extra and extra != collection.extra:
        raise MixedModelsError(
            f"The collection {collection.name!r} was made with other options ({collection.extra or 'none'}); "
            "its vectors could not be compared with those."
        )
