"""What goes into a batch and what comes out of it, as Python values and as lines of files. Pure."""

from __future__ import annotations

import json
from hashlib import blake2b

from inference_providers import chat
from inference_providers.attempts import reason
from inference_providers.batches.lines import key_of
from inference_providers.chat import parameters
from inference_providers.errors import InferenceProvidersError, ProviderError
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.batches.records import Line, OpenAILine, Problem, ResultLine
    from inference_providers.chat import Answer

_as_json = json.JSONEncoder(ensure_ascii=False).encode
CHAT_URL = "/v1/chat/completions"
PROMPTS = ("prompt", "question", "text", "input")
_OWN = ("model", "models", "system", "messages", "custom_id", "id", "line", *PROMPTS)


class MalformedItemError(ValueError):
    """An item of a batch that cannot be asked."""


class Item:
    """One request of a batch. `problem` says why it cannot be asked; `key` is the same for the same request."""

    __slots__ = ("body", "custom_id", "index", "key", "line", "models", "openai_form", "problem")

    def __init__(self, index: int, line: int | None = None) -> None:
        self.index, self.line = index, line
        self.custom_id: str | None = None
        self.body: dict[str, Any] = {}
        self.models: Any = None
        self.key = ""
        self.openai_form = False
        self.problem = ""

    def __repr__(self) -> str:
        return f"<Item {self.index}{f' {self.custom_id!r}' if self.custom_id else ''}>"


class Reader:
    """Turns prompts, requests and OpenAI's batch lines into items.

    settings: what holds for every item: models, system prompt, parameters.
    """

    def __init__(self, models: Any, system: str | None, fields: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
        self._models, self._system, self._fields, self._extra = models, system, dict(fields), dict(extra)
        settings = json.dumps([models, system, self._fields, self._extra], sort_keys=True, default=str)
        self._salt = blake2b(settings.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._plain = system is None and not self._fields and not self._extra

    def item(self, given: Any, index: int, line: int | None = None) -> Item:
        """One item; a malformed one has a problem."""
        item = Item(index, line)
        try:
            self._fill(item, given)
        except (ValueError, TypeError) as error:
            item.problem = str(error) or reason(error)
        return item

    def broken(self, problem: str, index: int, line: int | None) -> Item:
        """An item for a line that cannot be read."""
        item = Item(index, line)
        item.problem = problem
        return item

    def _fill(self, item: Item, given: Any) -> None:
        item.models = self._models
        if isinstance(given, str):
            item.key = self._key(given.encode("utf-8", "surrogatepass"))
            turns = chat.messages(given, self._system)
            item.body = {"messages": turns} if self._plain else {"messages": turns, **self._fields, **self._extra}
            return
        is_conversation = hasattr(given, "as_messages")
        content = {**given.to_dict(), "metadata": None} if hasattr(given, "to_dict") else given
        item.key = self._key(json.dumps(content, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
        if isinstance(given, dict):
            self._fill_from(item, given)
        elif is_conversation:
            item.custom_id = given.conversation_id
            turns = chat.messages(given.as_messages(), self._system)
            own = {"tools": given.tools} if given.tools else {}
            item.body = {"messages": turns, **self._fields, **own, **self._extra}
        else:
            item.body = {"messages": chat.messages(given, self._system), **self._fields, **self._extra}

    def _fill_from(self, item: Item, given: Mapping[str, Any]) -> None:
        custom = given.get("custom_id", given.get("id"))
        item.custom_id = None if custom is None else str(custom)
        if "body" in given:
            self._fill_from_openai(item, given)
            return
        turns = given.get("messages")
        prompt = turns if turns is not None else next((given[name] for name in PROMPTS if given.get(name)), None)
        if prompt is None:
            raise MalformedItemError(
                f"it has neither messages nor a prompt; it has {parameters.listed(map(str, given)) or 'nothing'}"
            )
        own = parameters.normalise({name: value for name, value in given.items() if name not in _OWN})
        item.models = given.get("models") or given.get("model") or self._models
        system = given.get("system") or self._system
        item.body = {"messages": chat.messages(prompt, system), **self._fields, **own, **self._extra}

    def _fill_from_openai(self, item: Item, given: Mapping[str, Any]) -> None:
        body = given["body"]
        item.openai_form = True
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            raise MalformedItemError("its body holds no messages")
        if not str(given.get("url", CHAT_URL)).endswith(chat.PATH):
            raise MalformedItemError(f"only {CHAT_URL} can be asked in a batch, not {given['url']}")
        own = {name: value for name, value in body.items() if name not in ("model", "stream", "stream_options")}
        item.body = {**self._fields, **own, "messages": chat.messages(own["messages"], self._system), **self._extra}
        item.models = self._models if self._models is not None else body.get("model")

    def _key(self, content: bytes) -> str:
        return blake2b(content, digest_size=8, key=self._salt).hexdigest()


_COLUMNS = (
    "answer", "provider", "model", "input_tokens", "output_tokens", "cost", "latency", "finish_reason", "parsed",
    "error",
)  # fmt: skip


class Result:
    """What came of one item of a batch: an answer, or an error.

    Attributes:
        index: Its place in the input, from 0.
        custom_id: As given, None without one.
        line: Of the input file, from 1.
        error: Why there is no answer, None if there is one.
    """

    __slots__ = ("_answer", "custom_id", "error", "index", "key", "line", "openai_form", "row")

    def __init__(self, item: Item, answer: Answer | None, error: Exception | None = None) -> None:
        self.index, self.custom_id, self.line, self.key = item.index, item.custom_id, item.line, item.key
        self.openai_form = item.openai_form
        self._answer, self.error = answer, error
        self.row: Mapping[str, Any] = {}  # the line of a file that it was read from

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.error is None

    @property
    def answer(self) -> Answer:
        """The answer. Raises the item's error where there is none."""
        if self._answer is None:
            raise self.error or ValueError("there is no answer")
        return self._answer

    def __repr__(self) -> str:
        return f"<Result {self.index}: {self._answer if self.ok else f'{type(self.error).__name__}: {self.error}'!r}>"

    def as_dict(self) -> dict[str, Any]:
        """A row for a table, with the same names whether there is an answer or an error."""
        row: dict[str, Any] = {"index": self.index, "custom_id": self.custom_id, **dict.fromkeys(_COLUMNS)}
        if self.error is not None:
            earlier = isinstance(self.error, FailedEarlier)  # then its message says of what type it was
            return row | {"error": str(self.error) if earlier else f"{type(self.error).__name__}: {self.error}"}
        answer, usage = self.answer, self.answer.usage
        row |= {"answer": str(answer), "latency": round(answer.latency, 3)}
        row |= {name: getattr(answer, name) for name in ("provider", "model", "cost", "finish_reason", "parsed")}
        if usage is not None:
            row |= {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        return row

    def _repr_html_(self) -> str:
        from inference_providers.rendering import pairs

        return pairs(self.as_dict()).text

    def as_line(self) -> str:
        """One line of JSON, without its end: OpenAI's form where the item came in it."""
        row = self._openai_row() if self.openai_form else self._own_row()
        return _as_json(row)

    def _own_row(self) -> ResultLine:
        row: Any = {"index": self.index}
        if self.custom_id is not None:
            row["custom_id"] = self.custom_id
        if self.error is not None:
            row |= {"answer": None, "error": problem_of(self.error)}
            if self.line is not None:
                row["line"] = self.line
        else:
            row |= _shortened(self.answer)
            row["error"] = None
        row["key"] = self.key
        line: ResultLine = row
        return line

    def _openai_row(self) -> OpenAILine:
        line: OpenAILine = {
            "id": f"batch_req_{self.key}",
            "custom_id": self.custom_id,
            "index": self.index,
            "response": None,
            "error": None,
        }
        if self.error is None:
            line["response"] = {"status_code": 200, "request_id": self.key, "body": self.answer.data}
            return line
        problem = problem_of(self.error)
        if status := problem.get("status"):
            line["response"] = {"status_code": status, "request_id": self.key, "body": {"error": problem}}
        line["error"] = {"code": problem["type"], "message": problem["message"]}
        if self.line is not None:
            line["line"] = self.line
        return line


def _shortened(answer: Answer) -> Iterator[tuple[str, Any]]:
    """An answer's fields for a line: those of its `as_dict`, usage as two numbers, attempts counted."""
    for name, value in answer.as_dict().items():
        if name == "usage":
            yield from ((part, value[part] if value else None) for part in ("input_tokens", "output_tokens"))
        elif name == "attempts":
            yield name, len(value)
        elif name != "canonical_name":
            yield name, value


def problem_of(error: Exception) -> Problem:
    """An error for a file: its type and message, the provider and status where there are any."""
    problem: Problem = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ProviderError):
        if error.provider is not None:
            problem["provider"] = error.provider
        if error.status is not None:
            problem["status"] = error.status
        if error.code is not None:
            problem["code"] = error.code
    return problem


class FailedEarlier(InferenceProvidersError):
    """An item that failed when its batch ran, as its file tells. said: what it was told, without the error's class."""

    said = ""


def result_of(line: Line) -> Result:
    """A result as it was written to a file."""
    result = _read(line)
    result.row = line
    return result


def _read(line: Line) -> Result:
    from inference_providers.chat import Answer, AnswerBuilder
    from inference_providers.usage import Usage, usage_of

    item = Item(int(line.get("index") or 0), line.get("line"))
    item.custom_id, item.openai_form = line.get("custom_id"), "response" in line
    item.key = key_of(line)
    if line.get("error"):
        problem: Mapping[str, Any] = line["error"] or {}
        kind = problem.get("type", problem.get("code"))
        error = FailedEarlier(f"{kind}: {problem.get('message')}")
        error.said = str(problem.get("message"))
        return Result(item, None, error)
    if "id" in line:
        data = line["response"]["body"] if line["response"] else {}
        given = AnswerBuilder()
        given.usage, given.cost = usage_of(chat.usage_in(data)), None
        return Result(item, given.answer(data, None, ()))
    tokens = line.get("input_tokens"), line.get("output_tokens")
    answer = Answer(
        line["answer"] or "",
        provider=line.get("provider"),
        model=line.get("model") or "",
        usage=Usage(tokens[0], tokens[1] or 0) if tokens[0] is not None else None,
        cost=line.get("cost"),
        latency=line.get("latency") or 0.0,
        finish_reason=line.get("finish_reason"),
        parsed=line.get("parsed"),
        tool_calls=line.get("tool_calls") or (),
        dropped=line.get("dropped") or (),
        repaired=line.get("repaired") or (),
        cached=line.get("cached") is True,
        unchecked=line.get("unchecked") or (),
    )
    return Result(item, answer)


class Summary:
    """What came of a batch.

    Attributes:
        answered: How many questions were answered.
        failed: How many were not.
        malformed: How many could not be asked.
        resumed: How many had an answer in the output file already.
        cost: USD, without what has no known price.
        unpriced: How many answers have no known price.
        input_tokens: Of all answers.
        output_tokens: Of all answers.
        seconds: How long it took.
        problems: The first few failures, for a person.
    """

    __slots__ = (
        "answered",
        "cost",
        "failed",
        "input_tokens",
        "malformed",
        "output_tokens",
        "problems",
        "resumed",
        "seconds",
        "unpriced",
    )

    def __init__(self) -> None:
        self.answered = self.failed = self.malformed = self.resumed = self.unpriced = 0
        self.input_tokens = self.output_tokens = 0
        self.cost = self.seconds = 0.0
        self.problems: list[str] = []  # the first few, for a person

    @property
    def total(self) -> int:
        """All items seen."""
        return self.answered + self.failed + self.malformed + self.resumed

    def add(self, result: Result) -> None:
        """Count a result.

        Args:
            result: The result.
        """
        if result.error is not None:
            if isinstance(result.error, MalformedItemError):
                self.malformed += 1
            else:
                self.failed += 1
            if len(self.problems) < 10:
                where = f"line {result.line}" if result.line is not None else f"item {result.index}"
                said = getattr(result.error, "said", "").partition("\n")[0] or reason(result.error)
                self.problems.append(in_line(f"{where}: {said}"))
            return
        self.answered += 1
        answer = result.answer
        if answer.cost is None:
            self.unpriced += 1
        else:
            self.cost += answer.cost
        if answer.usage is not None:
            self.input_tokens += answer.usage.input_tokens
            self.output_tokens += answer.usage.output_tokens

    def __str__(self) -> str:
        parts = [f"{self.answered} answered"]
        parts += [
            f"{count} {word}"
            for word, count in (("failed", self.failed), ("malformed", self.malformed), ("done before", self.resumed))
            if count
        ]
        rate = f" ({self.answered / self.seconds:.1f}/s)" if self.seconds > 0 and self.answered else ""
        money = f", ${self.cost:.4f}" if self.cost else ""
        unknown = f" and {self.unpriced} without a known price" if self.unpriced and self.cost else ""
        return f"{', '.join(parts)} in {self.seconds:.1f} s{rate}{money}{unknown}"

    def __repr__(self) -> str:
        return f"<Summary: {self}>"


def prompts_cost(body: Mapping[str, Any]) -> float:
    """About how many tokens a request will take, answer included: four characters each."""
    letters = sum(len(chat.content_text(turn.get("content"))) for turn in body.get("messages") or ())
    limit = body.get("max_tokens")
    return letters / 4 + (limit if isinstance(limit, int) else 256)
