# Made of `async_inference_calls.py` by `make generate`: change that, not this.
"""Calls of the inference API over a pipeline: one request, a batch, a stream."""

from __future__ import annotations

import time
from functools import partial

from inference_providers.compat.inference_api import batch_of, id_of, model_name, question_of, request_of
from inference_providers.compat.inference_errors import failure, invalid
from inference_providers.compat.inference_reply import (
    COMPLETED,
    FAILED,
    batch_reply,
    delta_of,
    details_of,
    last_delta,
    new_id,
    reply_of,
)
from inference_providers.compat.inference_waiting import AT_ONCE, gathered
from inference_providers.errors import InferenceProvidersError
from inference_providers.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from inference_providers.calls import AnswerStream, Pipeline
    from inference_providers.compat.inference_api import InferenceRequest

    Answering = Callable[["InferenceRequest"], "Inferred"]


class Inferred:
    """A reply as JSON, and what is kept of it to be read again."""

    __slots__ = ("details", "reply")

    def __init__(self, reply: dict[str, Any], latency: float) -> None:
        self.reply = reply
        self.details = details_of(reply, time.time(), latency)


def inferred(pipeline: Pipeline, request: InferenceRequest) -> Inferred:
    """Ask. Raises what `ask_ai` raises, and InvalidRequestError for what is wrong with the request."""
    created = time.time()
    own, question = question_of(pipeline, request)
    answer = own.asker.answer(question, request.asked_models, request.falls_back, request.timeout)
    reply = reply_of(answer, new_id(), created, model_name(own, request, answer))
    return Inferred(reply, answer.latency)


def batched(body: Any, answering: Answering) -> dict[str, Any]:
    """A batch's JSON, asked: each request's reply or error, in order. *answering* asks one of them.

    Raises InvalidRequestError for what is wrong with the batch as a whole.
    """
    rows, parallel = batch_of(body)
    created = time.time()
    calls = [partial(_one_of, row, place, answering) for place, row in enumerate(rows)]
    return batch_reply(gathered(calls, AT_ONCE if parallel else 1), created)


def _one_of(row: Any, place: int, answering: Answering) -> dict[str, Any]:
    """One request of a batch: what is wrong with it is its own."""
    own = {"id": id_of(row, place)}
    try:
        request = request_of(row, within=(within := f"requests[{place}]."))
        if request.streams:
            raise invalid("A batch gives whole replies; leave out stream", f"{within}stream")
        inferred = answering(request)
    except InferenceProvidersError as error:
        return {**own, "status": FAILED, **failure(error)[2]}
    except Exception as error:  # noqa: BLE001  (the others are not to be lost by it)
        warn(f"a request of a batch failed: {type(error).__name__}: {error}")
        return {**own, "status": FAILED, **failure(error)[2]}
    return {**own, "status": COMPLETED, "response": inferred.reply}


class EventStream:
    """A stream that has begun: its events, and at its end what is kept of it, else None."""

    def __init__(self, stream: AnswerStream, pipeline: Pipeline, request: InferenceRequest, created: float) -> None:
        self._stream, self._pipeline, self._request, self._created = stream, pipeline, request, created
        self.id = new_id("inf_stream")
        self.inferred: Inferred | None = None

    def events(self) -> Generator[dict[str, Any], None, None]:
        """Each event's JSON, the last with tokens and cost. Raises TruncatedStreamError where it breaks."""
        for text in self._stream:
            yield delta_of(self.id, text)
        answer = self._stream.answer
        model = model_name(self._pipeline, self._request, answer)
        self.inferred = Inferred(reply_of(answer, self.id, self._created, model), answer.latency)
        yield last_delta(answer, self.id, self._created, model)

    def close(self) -> None:
        """Stop: the provider stops generating."""
        self._stream.close()


def streamed(pipeline: Pipeline, request: InferenceRequest) -> EventStream:
    """Ask for a stream, and wait for its first content. Raises what `inferred` raises."""
    created = time.time()
    own, question = question_of(pipeline, request)
    stream = own.asker.stream(question, request.asked_models, request.falls_back, request.timeout)
    return EventStream(stream.open(), own, request, created)
