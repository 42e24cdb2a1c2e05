"""One call of an engine: conversations to a batch, and what comes of each back into it."""

from __future__ import annotations

import json
import os
import time

from inference_providers import chat, files
from inference_providers.batches import Batch, Job
from inference_providers.chat import Conversation
from inference_providers.compat.engine_results import InferenceResult, failure_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.batches import Result
    from inference_providers.calls import Pipeline
    from inference_providers.chat import Answer
    from inference_providers.compat.engine_results import FailureDetail
    from inference_providers.usage import Usage

_TOLD_EVERY = 1.0  # seconds between two looks at how far it is
# What a reply says of itself: whatever an earlier reply has left there is replaced.
OF_REPLIES = ("usage", "cost", "finish_reason", "reasoning", "provider", "model", "parsed", "dropped", "error")


class Run:
    """Conversations that are asked at once, and what has come of them so far.

    With *out*, a line for each that is answered goes there as soon as it is: the conversation, as `Conversation.of`
    reads it, beside what resuming needs.
    """

    def __init__(
        self,
        conversations: Sequence[Conversation],
        out: str | os.PathLike[str] | None,
        system: str | None,
        progress_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self._given, self._system, self._progress_path = conversations, system, progress_path
        self._out = None if out is None else os.fspath(out)
        self.result, self._told = InferenceResult(), 0.0

    def ask(self, pipeline: Pipeline, model: str, **options: Any) -> InferenceResult:
        """Ask all. An error that ends it has what came before as `inference_result`.

        Raises ValueError, before anything is asked, for metadata that cannot go to the file.
        """
        if self._out is not None:
            _check_metadata(self._given)
            os.makedirs(os.path.dirname(os.path.abspath(self._out)), exist_ok=True)
        self._tell_progress()
        options |= {"out": self._out, "system": self._system, "progress": False, "as_completed": True}
        try:
            job = Job(self._given, model, **options)
            job.as_line, job.is_heard = self._line, True
            batch = Batch(pipeline, job)
            known = {index for index, _ in self.result.successful}
            for result in batch:  # without a file, they come only now, and each has been taken
                if result.row and result.index not in known:  # answered by an earlier run
                    self.result.successful.append((result.index, self._kept(result)))
        except BaseException as error:
            error.__dict__["inference_result"] = self._sorted()
            raise
        finally:
            self._tell_progress()
        return self._sorted()

    def _tell_progress(self) -> None:
        """Write how far it is, for whoever watches."""
        if self._progress_path is None:
            return
        self._told = time.monotonic()
        counts = {"total": len(self._given), "completed": len(self.result.successful)}
        now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        row = {**counts, "failed": len(self.result.failures), "updated_at": now}
        os.makedirs(os.path.dirname(os.path.abspath(self._progress_path)), exist_ok=True)
        with files.replacing(os.fspath(self._progress_path), text=True, mode=0o666) as file:
            json.dump(row, file)

    def _sorted(self) -> InferenceResult:
        self.result.successful.sort(key=lambda pair: pair[0])
        return self.result

    def take(self, result: Result) -> Conversation | None:
        """Note what came of one; the conversation, if it was answered."""
        if time.monotonic() - self._told > _TOLD_EVERY:
            self._tell_progress()
        if result.error is not None:
            self.result.failures[result.index] = failure_of(result.error)
            return None
        answered = self._answered(result.index, result.answer)
        self.result.successful.append((result.index, answered))
        return answered

    def _answered(self, index: int, answer: Answer) -> Conversation:
        given = self._given[index]
        sent = len(given) + bool(self._system)
        turns = answer.messages
        new = turns[sent:] if len(answer.asked) >= sent else turns[-1:]  # calls of tools, and their results, as well
        if answer.reasoning:
            new[-1].setdefault("reasoning_content", answer.reasoning)
        return _continued(given, new, metadata_of(answer))

    def _kept(self, result: Result) -> Conversation:
        """A conversation that an earlier run has written."""
        given, row = self._given[result.index], result.row
        if not row.get("messages"):  # by a batch
            return self._answered(result.index, result.answer)
        said = row.get("metadata") or {}
        found = {name: said[name] for name in OF_REPLIES if name in said}
        return _continued(given, row["messages"][len(given) :], found)

    def _line(self, result: Result) -> str | None:
        answered = self.take(result)
        if answered is None or self._out is None:
            return None
        row: dict[str, Any] = json.loads(result.as_line())
        return _as_json({**row, **answered.to_dict()})


def _check_metadata(conversations: Sequence[Conversation]) -> None:
    for index, given in enumerate(conversations):
        try:
            _as_json(given.metadata)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"the metadata of conversation {index} cannot be written as JSON: {error}") from None


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _continued(given: Conversation, turns: Sequence[Any], metadata: Mapping[str, Any]) -> Conversation:
    """A conversation with more turns, and what their last says of itself in its metadata."""
    own = {name: value for name, value in given.metadata.items() if name not in OF_REPLIES}
    return Conversation([*given.messages, *turns], given.conversation_id, own | {**metadata}, given.tools)


def metadata_of(answer: Answer) -> dict[str, Any]:
    """What a reply says of itself, in words that other tools use; what is not known is not there, but for the cost."""
    usage = answer.usage
    told: dict[str, Any] = {
        "usage": _tokens(usage) if usage is not None else None,
        "finish_reason": answer.finish_reason,
        "reasoning": answer.reasoning,
        "provider": answer.provider,
        "model": answer.model,
        "dropped": answer.dropped,
    }
    told = {name: value for name, value in told.items() if value}
    if answer.parsed is not None:
        told["parsed"] = chat.plain(answer.parsed)
    return {**told, "cost": answer.cost}


def _tokens(usage: Usage) -> dict[str, int]:
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    counts["total_tokens"] = usage.total_tokens
    more = {"cached_tokens": usage.cached_tokens, "reasoning_tokens": usage.reasoning_tokens}
    return counts | {name: count for name, count in more.items() if count}


def unanswered(given: Conversation, failure: FailureDetail) -> Conversation:
    """A conversation that was not answered: as it was, with the reason in its metadata."""
    why: dict[str, Any] = {"message": failure.error_message, "type": type(failure.error).__name__}
    if failure.status_code is not None:
        why["status"] = failure.status_code
    return _continued(given, (), {"error": why})
