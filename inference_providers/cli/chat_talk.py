"""A conversation: its turns, who answers, and what it cost."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress

import click

from inference_providers.cli import chat_view
from inference_providers.cli.chat_files import Attachments
from inference_providers.cli.chat_view import Interrupts
from inference_providers.cli.lists import environment
from inference_providers.cli.output import on_terminal, say
from inference_providers.cli.refused_keys import RefusedKeys
from inference_providers.cli.wording import spoken
from inference_providers.errors import InferenceProvidersError, NoCredentialsError, UnknownModelError
from inference_providers.upkeep import redacted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Protocol

    from inference_providers.calls import AnswerStream
    from inference_providers.chat import Answer
    from inference_providers.cli.chat_plain import PlainPrompt
    from inference_providers.cli.chat_prompt import Prompt
    from inference_providers.clients import ProviderList
    from inference_providers.offers import Offer
    from inference_providers.telemetry import Conversation, UsageLog

    Content = str | list[dict[str, Any]]

    class Pair(Protocol):
        """What asks two models at once."""

        def ask(self, talk: Talk, content: Content, *, again: bool) -> None:
            """Ask both, show what comes, keep it."""

        def close(self) -> None:
            """Close connections."""


FAILURES = (InferenceProvidersError, ValueError, TypeError)  # the last two for what cannot be asked


class Spent:
    """What answers took."""

    def __init__(self) -> None:
        self.answers = self.input_tokens = self.output_tokens = self.unknown = 0
        self.cost = 0.0

    def add(self, answer: Answer | None) -> None:
        """Count an answer; None for one that was stopped, of which nobody says what it cost."""
        self.answers += 1
        if answer is None or answer.usage is None:
            self.unknown += 1
            return
        self.input_tokens += answer.usage.input_tokens
        self.output_tokens += answer.usage.output_tokens
        if answer.cost is None:
            self.unknown += 1
        else:
            self.cost += answer.cost

    def __str__(self) -> str:
        known = f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out, ${self.cost:.6f}"
        more = f" (the cost of {self.unknown} is not known)" if self.unknown else ""
        return f"{self.answers} answer{'s' * (self.answers != 1)}: {known}{more}"


class Whole:
    """An answer that came as a whole, as a stream of one piece."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __enter__(self) -> Whole:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def __iter__(self) -> Iterator[str]:
        yield str(self.answer)


class Branch:
    """What was said with one model."""

    def __init__(self, model: str | None, turns: list[dict[str, Any]], conversation: Conversation | None) -> None:
        self.model, self.turns, self.conversation = model, turns, conversation
        self.before: list[dict[str, Any]] = []  # the turns before the last question

    def asked(self, content: Content, *, again: bool) -> list[dict[str, Any]]:
        """The messages of a question: after all turns, or in the place of the last one."""
        if not again:
            self.before = self.turns
        return [*self.before, {"role": "user", "content": content}]

    def answered(self, asked: list[dict[str, Any]], text: str) -> None:
        """Keep what was asked and answered; nothing where nothing came."""
        if text:
            self.turns = [*asked, {"role": "assistant", "content": text}]


class Talk:
    """One conversation, or two that are asked the same: reads messages, runs commands, shows answers."""

    def __init__(
        self,
        providers: ProviderList,
        models: list[str],
        options: dict[str, Any],
        log: UsageLog | None = None,
        beside: Callable[[], Pair] | None = None,
    ) -> None:
        """*options*: of each question, as `stream` takes them. *beside*: makes what asks two models."""
        self.providers, self.options, self.log = providers, options, log
        self.system: str | None = None
        self.template: Callable[[str], str] | None = None  # makes the question of what is typed
        self.branches = [Branch(models[0] if models else None, [], None if log is None else log.conversation)]
        self.last: Content | None = None  # the last question
        self.spent = Spent()
        self.attached = Attachments(environment())
        self.interrupts = Interrupts()
        self.failed = False  # whether any question did
        self.interactive = sys.stdin is not None and sys.stdin.isatty()
        self.prompt: Prompt | PlainPrompt | None = None
        self._make_beside = beside
        self.beside: Pair | None = None
        self._refused = RefusedKeys(providers)

    def who(self, model: str | None) -> str:
        """Who would be asked first. Raises what is wrong with the name of a model, or with all that are set."""
        if base := self.options.get("api_base"):
            return f"{named(model)} at {redacted(base)}"
        if self.options.get("api_key"):
            return named(model)  # which provider that is for shows when it is asked
        offer = self._first(model)
        return f"{offer.provider}/{offer.internal_name}"

    def _first(self, model: str | None) -> Offer:
        usual = None if model is not None else self.providers.pipeline.finder.default_models()
        *names, last = [model] if model is not None else usual or ["auto"]
        for name in names:
            with suppress(NoCredentialsError, UnknownModelError):
                return self.providers.candidates(name)[0]
        return self.providers.candidates(last)[0]

    # Reading

    def greet(self) -> None:
        """Tell a person who answers. Raises what is wrong with the names of models."""
        who = " and ".join([self.who(branch.model) for branch in self.branches])
        if self.interactive:
            self.tell(f"Talking to {who}. Ask something; /help lists the commands.")

    def run(self, command: Callable[[Talk, str], bool], completes: Mapping[str, str]) -> None:
        """Read and answer messages until the end of input.

        *command*: runs a line that begins with a slash, and returns whether to go on. *completes*: what each takes.
        """
        if self.interactive:
            self.prompt = self._prompt(completes)
        try:
            with nullcontext() if self.prompt is None else self.prompt.session(self.interrupts):
                self._converse(command)
        finally:
            if self.beside is not None:
                self.beside.close()

    def _converse(self, command: Callable[[Talk, str], bool]) -> None:
        for text in self._messages():
            if self.attached.drop(text):
                if not self.interactive or not on_terminal():  # else it stands above the prompt
                    self.tell(self.attached.label)
            elif text.startswith("/") and "\n" not in text:
                if not command(self, text):
                    return
            elif text:
                self.ask(text)

    def _prompt(self, completes: Mapping[str, str]) -> Prompt | PlainPrompt:
        from inference_providers.cli import chat_plain

        if os.environ.get("TERM", "") in ("dumb", "unknown") or not sys.stdout.isatty():
            return chat_plain.PlainPrompt()
        from inference_providers.cli import chat_prompt

        words = chat_prompt.Words(completes, self._names)
        return chat_prompt.opened(words, self.attached.drop, self._history()) or chat_plain.PlainPrompt()

    def _names(self, typed: str) -> list[str]:
        """Names of models that begin with what was typed, else those that hold it."""
        from inference_providers.cli.completion import complete_model

        context = click.get_current_context()
        names = [item.value for item in complete_model(context, context.command.params[0], typed)]
        return names or [name for name in self.providers.get_canonical_model_names() if typed.lower() in name.lower()]

    def _history(self) -> Any:
        """What was typed before, where what is said is kept."""
        from inference_providers.cli import chat_history, kept_log
        from inference_providers.usage import TEXT, LogSettings

        environ = environment()
        settings, path = LogSettings.of(environ), kept_log.history_path(environ)
        if self.log is None or self.log.mode != TEXT or settings is None or path is None:
            return None
        return chat_history.KeptHistory(path, settings.keep.text_days)

    def _messages(self) -> Iterator[str]:
        """What is asked and commanded until the end of input: messages of a person, or lines of a file."""
        if self.prompt is not None:
            while (message := self.prompt.read(lambda: self.attached.label)) is not None:
                yield message
            return
        from inference_providers.cli import standard_input

        held: list[str] = []
        for line in standard_input.lines():
            text = line.rstrip("\r\n")
            held.append(text.removesuffix("\\"))
            if not text.endswith("\\"):
                yield "\n".join(held).strip()
                held = []
        if held:
            yield "\n".join(held).strip()

    def tell(self, text: str) -> None:
        """Say something to the person, which is not an answer; words stay whole."""
        say(text, err=True)

    # Asking

    def ask(self, text: str) -> None:
        """Ask, with what is attached, and show the answer. A failure is told; Ctrl-C keeps what has arrived."""
        said = text if self.template is None else self.template(text)
        self._ask(self.attached.with_text(said), again=False)

    def ask_again(self) -> None:
        """Ask the last question in its own place. Raises ValueError without one."""
        if self.last is None:
            raise ValueError("There is no question to ask again yet.")
        self._ask(self.last, again=True)

    def _ask(self, content: Content, *, again: bool) -> None:
        self.last = content
        with nullcontext() if self.prompt is None else self.prompt.answering():
            if len(self.branches) == 1:
                self._answer(self.branches[0], content, again)
            else:
                assert self.beside is not None
                self.beside.ask(self, content, again=again)

    def _answer(self, branch: Branch, content: Content, again: bool) -> None:
        asked, collected = branch.asked(content, again=again), list[str]()
        with self.interrupts:
            self.interrupts.forget()
            view = chat_view.view()
            try:
                with self.interrupts.waiting():
                    stream = self._opened(asked, branch.model)
                with stream:
                    texts = iter(stream)
                    while piece := self._next(texts):
                        collected.append(piece)
                        view.show(piece)
            except (KeyboardInterrupt, *FAILURES) as error:
                view.end()
                if not self.interactive and isinstance(error, ValueError | TypeError):
                    raise
                self._broken(error, bool(collected))
            else:
                view.end()
                self._close(stream.answer)
            self._refused.tell()
        branch.answered(asked, "".join(collected))

    def _opened(self, asked: list[dict[str, Any]], model: str | None) -> AnswerStream | Whole:
        """The answer as it comes; where tools may be called between, when it is whole."""
        if self.options.get("tools"):
            return Whole(self.providers.ask_ai(asked, model, system=self.system, **self.options))
        return self.providers.stream(asked, model, system=self.system, **self.options).open()

    def _next(self, texts: Iterator[str]) -> str:
        """The next text of an answer; empty at its end."""
        with self.interrupts.waiting():
            return next(texts, "")

    def _broken(self, error: BaseException, has_begun: bool) -> None:
        """Say why an answer has not come to its end."""
        if has_begun:
            self.spent.add(None)
        self.failed = self.failed or isinstance(error, FAILURES)
        self.tell("(stopped)" if isinstance(error, KeyboardInterrupt) else spoken(error))

    def _close(self, answer: Answer) -> None:
        """What stands below an answer on a terminal: who gave it, and what it took."""
        self.spent.add(answer)
        if answer.finish_reason == "length":
            self.tell("(stopped by the token limit)")
        if on_terminal():
            say(footer(answer, self.spent), err=True, dim=True)

    # Who answers

    def start_over(self) -> None:
        """Forget what was said; what comes is another conversation in the log."""
        from inference_providers.telemetry import Conversation

        self.last, self.spent = None, Spent()
        for branch in self.branches:
            branch.turns, branch.before = [], []
            branch.conversation = None if branch.conversation is None else Conversation()
        self._log_as(self.branches[0])

    def add_beside(self, model: str) -> None:
        """Have another model answer beside the first one from here on. Raises ValueError where there are tools."""
        if self.options.get("tools"):
            raise ValueError("Two models cannot answer beside each other with tools; ask one of them.")
        from inference_providers.telemetry import Conversation

        first = self.branches[0]
        if self.beside is None and self._make_beside is not None:
            self.beside = self._make_beside()
        second = Branch(model, first.turns, None if first.conversation is None else Conversation())
        second.before = first.before
        self.branches = [first, second]

    def pick(self, number: int) -> None:
        """Go on with one of two models alone."""
        self.branches = [self.branches[number]]
        self._log_as(self.branches[0])

    def _log_as(self, branch: Branch) -> None:
        if self.log is not None:
            self.log.conversation = branch.conversation


def named(model: str | None) -> str:
    """A model as it was named, for a person."""
    return "the best model within reach" if model is None else model


def footer(answer: Answer, spent: Spent) -> str:
    """Who gave an answer, after how long, what it took, and what the conversation took so far."""
    parts = [f"{answer.provider}/{answer.model}", f"{answer.latency:.1f} s"]
    if answer.usage is not None and (answer.usage.input_tokens or answer.usage.output_tokens):
        parts.append(str(answer.usage))
    if answer.cost:
        parts.append(f"${answer.cost:.6f}")
    if spent.answers > 1 and spent.cost:
        parts.append(f"so far ${spent.cost:.6f}")
    return " \u00b7 ".join(parts)
