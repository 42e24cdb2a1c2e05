"""One question to its answer: replies, tool calls, and a second try where the reply does not fit its schema.

One generator decides, for sync and async alike. It yields the body of a request, and is sent the
reply; or it yields calls, and is sent their results. Pure.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.chat import Answer, AnswerBuilder
from inference_providers.errors import InvalidReplyError, StepLimitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.reply import Reply
    from inference_providers.calls.stream_reply import StreamReply
    from inference_providers.chat import Call, Question, SchemaMismatch

CALLS_IN_REPLY, CALLS = 128, 512  # tool calls that are made for one reply, and for one question


def converse(question: Question) -> Generator[dict[str, Any] | list[Call], Any, Answer]:
    """Ask until there is an answer.

    Raises StepLimitError, ContentFilteredError where the model refuses, or InvalidReplyError after one repair.
    """
    turns = question.turns
    given = AnswerBuilder(split=bool(question.split_thinking))
    repaired = False
    made = 0
    for step in range(1, question.max_steps + 1):
        body = question.body(turns)
        reply: Reply = yield body
        _count(given, reply)
        message = chat.message_of(reply.data)
        if message.get("refusal") or type(message.get("content")) is list:
            _check_refusal(reply, message)
        asked = chat.calls_of(message) if message.get("tool_calls") or message.get("function_call") else ()
        if asked and question.tools and question.tools.makes(asked):
            if step == question.max_steps:
                break  # nobody would hear the results
            made += len(asked)
            _check_calls(len(asked), made, turns)
            calls = question.tools.calls(asked)
            results: list[str] = yield calls
            turn = chat.assistant(message, reply.offer.provider)
            turns = [*turns, turn, *map(chat.tool_result, [c.id for c in calls], results)]
            continue
        if question.output_schema is None or (asked and ("tools" in body or "functions" in body)):
            return given.answer(reply.data, reply.offer, turns)
        from inference_providers.chat import SchemaMismatch

        data = chat.without_calls(reply.data) if asked else reply.data
        message = chat.message_of(data)
        try:
            value = question.output_schema.parse(chat.content_text(message.get("content")))
        except SchemaMismatch as misfit:
            _check_repair(reply, message, misfit, repaired=repaired, last=step == question.max_steps)
            repaired = True
            turns = [
                *turns,
                chat.assistant(message, reply.offer.provider),
                {"role": "user", "content": question.output_schema.repair(misfit)},
            ]
            continue
        answer = given.answer(data, reply.offer, turns, value)
        answer.unchecked = question.output_schema.unchecked
        return answer
    steps = "1 step" if question.max_steps == 1 else f"{question.max_steps} steps"
    raise StepLimitError(
        f"No answer after {steps}: the model goes on calling tools. "
        "Give a larger max_steps, or tools that tell it more.",
        turns,
    )


def _check_repair(
    reply: Reply, message: Mapping[str, Any], misfit: SchemaMismatch, *, repaired: bool, last: bool
) -> None:
    """Raise an error for a reply that does not fit its schema and is not to be repaired."""
    choice = chat.first_choice(reply.data)
    _check_refusal(reply, message, choice.get("finish_reason"))
    cut = chat.cut_by_length(choice)
    if not (repaired or cut or last):
        return
    if reply.forget is not None:
        reply.forget()  # whoever asks again is to have another
    so_far = ": the token limit cut it; give a larger max_tokens" if cut else ""
    so_far = so_far or (", even after one repair" if repaired else "")
    raise InvalidReplyError(
        f"{reply.offer.provider}/{reply.offer.internal_name}: the reply does not fit the schema{so_far}: {misfit}",
        provider=reply.offer.provider,
        text=chat.content_text(message.get("content")),
        problems=misfit.problems,
    ) from None


def _check_refusal(reply: Reply, message: Mapping[str, Any], finish: Any = None) -> None:
    """Raise ContentFilteredError for a reply that is none because the model refuses, or that a filter has cut."""
    from inference_providers.calls import refused

    refused.check(message, finish, reply.offer)


def _check_calls(asked: int, made: int, turns: Sequence[Mapping[str, Any]]) -> None:
    """Raise StepLimitError for more tool calls than are made; none of this reply's is then made."""
    if asked > CALLS_IN_REPLY:
        told = f"{asked} tool calls in one reply; at most {CALLS_IN_REPLY} are made"
    elif made > CALLS:
        told = f"{made} tool calls for one question; at most {CALLS} are made"
    else:
        return
    raise StepLimitError(
        f"The model asked for {told}. None of this reply's was made. "
        "Give tools that do more in one call, or ask for less at once.",
        turns,
    )


def _count(given: AnswerBuilder, reply: Reply) -> None:
    charge, attempts = reply.charge, reply.attempts
    if reply.cached:
        attempts = [*attempts, from_cache(reply)]
    listed = charge.cost
    if reply.cached or reply.listed is not reply.offer:
        listed = charge.listed_at(None if reply.listed is reply.offer else reply.listed.facts)
    given.add(charge, attempts, reply.dropped, reply.seconds, reply.repaired, listed, cached=reply.cached)


def from_cache(reply: Reply | StreamReply | AsyncStreamReply) -> Attempt:
    """What stands among a question's attempts for a reply that was kept: nobody was asked."""
    from inference_providers.attempts import Attempt

    offer = reply.offer
    return Attempt(offer.provider, offer.internal_name, "cache", canonical_name=offer.canonical_name)


def answer_of(reply: Reply, turns: Sequence[Mapping[str, Any]], *, split: bool = False) -> Answer:
    """The answer that one reply gives, tools and schemas aside. split: as in `AnswerBuilder`.

    Raises ContentFilteredError where it refuses.
    """
    given = AnswerBuilder(split=split)
    message = chat.message_of(reply.data)
    if message.get("refusal") or type(message.get("content")) is list:
        _check_refusal(reply, message)
    _count(given, reply)
    return given.answer(reply.data, reply.offer, turns)
