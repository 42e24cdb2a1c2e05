"""One question to its answer: replies, calls of tools, and a second try where the reply does not fit its schema.

One generator decides, for sync and async alike. It yields the body of a request, and is sent the
reply; or it yields calls, and is sent their results. Pure.
"""

from __future__ import annotations

from inference_providers import chat, parameters
from inference_providers.answer import Answer, Given, cost_of, usage_of
from inference_providers.errors import InvalidReplyError, StepLimitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
    from typing import Any

    from inference_providers.structured import Shape
    from inference_providers.tools import Call, Toolbox
    from inference_providers.wire.call import Reply

MAX_STEPS = 10  # replies to one question, calls of tools between them
CALLS_IN_REPLY, CALLS = 128, 512  # of tools that are made for one reply, and for one question


class Question:
    """What is asked: messages, the request's other fields, tools, the shape of the answer.

    *fields* are generation parameters in any tool's words; *extra* goes into the request as it is.
    Raises TypeError and ValueError for what cannot be asked.
    """

    def __init__(
        self,
        turns: Sequence[Mapping[str, Any]],
        fields: Mapping[str, Any],
        *,
        schema: Any = None,
        extra: Mapping[str, Any] | None = None,
        max_steps: int = MAX_STEPS,
        on_unsupported: str = parameters.DROP,
    ) -> None:
        if on_unsupported not in parameters.MODES:
            raise ValueError(f'on_unsupported must be "drop" or "error", not {on_unsupported!r}')
        if not isinstance(max_steps, int) or max_steps < 1:
            raise ValueError(f"max_steps must be a whole number from 1 on, not {max_steps!r}")
        self.turns, self.max_steps, self.on_unsupported = [dict(turn) for turn in turns], max_steps, on_unsupported
        if isinstance(fields.get("response_format"), type):  # as the SDK's own users write it
            fields, schema = {**fields, "response_format": None}, schema or fields["response_format"]
        self.fields = parameters.normalise(fields) if fields else {}
        self.tools: Toolbox | None = None
        if self.fields.get("tools"):
            from inference_providers.tools import Toolbox

            self.tools = Toolbox(self.fields["tools"])
            self.fields["tools"] = self.tools.schemas
        given = self.fields.get("response_format")
        self.shape: Shape | None = None
        if schema is not None:
            if given is not None:
                raise ValueError("schema and response_format say the same thing; give one of them")
            from inference_providers.structured import Shape

            self.shape = Shape(schema)
            self.fields["response_format"] = self.shape.response_format
        self.extra = dict(extra or {})
        if "stream" in self.extra:
            raise ValueError("extra_body cannot turn streaming on; ask with stream=True")

    def body(self, turns: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """A request for a reply to *turns*, the model aside."""
        turns = self.turns if turns is None else list(turns)
        fields = self.fields
        if len(turns) > len(self.turns) and fields.get("tool_choice") not in (None, "none"):
            # a call that is asked for is made once: for ever, there would be no answer
            fields = {**fields, "tool_choice": "auto"}
        return {"messages": turns, **fields, **self.extra}

    def streamed(self) -> dict[str, Any]:
        """A request for a stream of text."""
        if self.shape is not None or self.tools is not None:
            raise ValueError("a stream gives text as it comes; with schema or tools, ask without stream")
        return {**self.body(), "stream": True, "stream_options": parameters.USAGE}


def converse(question: Question) -> Generator[dict[str, Any] | list[Call], Any, Answer]:
    """Ask until there is an answer. Raises StepLimitError, or InvalidReplyError after one repair."""
    turns = question.turns
    given = Given()
    repaired = False
    made = 0
    for step in range(1, question.max_steps + 1):
        reply: Reply = yield question.body(turns)
        _count(given, reply)
        message = chat.message_of(reply.data)
        asked = chat.tool_calls(message)
        if asked and question.tools and question.tools.makes(asked):
            if step == question.max_steps:
                break  # nobody would hear the results
            made += len(asked)
            _check_calls(len(asked), made, turns)
            calls = question.tools.calls(asked) or []
            results: list[str] = yield calls
            turns = [*turns, chat.assistant(message), *map(chat.tool_result, [c.id for c in calls], results)]
            continue
        if question.shape is None or asked:
            return given.answer(reply.data, reply.offer, turns)
        from inference_providers.structured import Misfit

        try:
            value = question.shape.parse(chat.content_text(message.get("content")))
        except Misfit as misfit:
            cut = chat.cut_by_length(chat.first_choice(reply.data))
            if repaired or cut or step == question.max_steps:
                so_far = (
                    ": the token limit cut it; give a larger max_tokens"
                    if cut
                    else ", even after one repair"
                    if repaired
                    else ""
                )
                raise InvalidReplyError(
                    f"{reply.offer.provider}/{reply.offer.internal_name}: the reply does not fit the schema{so_far}: {misfit}",
                    provider=reply.offer.provider,
                    text=chat.content_text(message.get("content")),
                    problems=misfit.problems,
                ) from None
            repaired = True
            turns = [*turns, chat.assistant(message), {"role": "user", "content": question.shape.repair(misfit)}]
            continue
        answer = given.answer(reply.data, reply.offer, turns, value)
        answer.unchecked = question.shape.unchecked
        return answer
    raise StepLimitError(
        f"No answer after {question.max_steps} steps: the model goes on calling tools. Give a larger max_steps, or tools that tell it more.",
        turns,
    )


def _check_calls(asked: int, made: int, turns: Sequence[Mapping[str, Any]]) -> None:
    """Raise StepLimitError for more calls of tools than are made: none of this reply's is."""
    if asked > CALLS_IN_REPLY:
        told = f"{asked} calls of tools in one reply; at most {CALLS_IN_REPLY} are made"
    elif made > CALLS:
        told = f"{made} calls of tools for one question; at most {CALLS} are made"
    else:
        return
    raise StepLimitError(
        f"The model asked for {told}. None of this reply's was. Give tools that do more in one call, or ask for less at once.",
        turns,
    )


async def converse_async(question: Question, reply: Callable[[dict[str, Any]], Awaitable[Reply]]) -> Answer:
    """`converse`, driven for asyncio: *reply* asks, and several calls of tools run at once."""
    import asyncio

    steps = converse(question)
    step = next(steps)
    while True:
        result: Any
        if isinstance(step, dict):
            result = await reply(step)
        else:
            result = await asyncio.gather(*(call.run_async() for call in step))
        try:
            step = steps.send(result)
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer


def _count(given: Given, reply: Reply) -> None:
    usage = usage_of(reply.data.get("usage"))
    given.add(usage, cost_of(usage, reply.offer.facts), reply.attempts, reply.dropped, reply.seconds)


def answer_of(reply: Reply, turns: Sequence[Mapping[str, Any]]) -> Answer:
    """The answer that one reply gives, tools and schemas aside."""
    given = Given()
    _count(given, reply)
    return given.answer(reply.data, reply.offer, turns)
