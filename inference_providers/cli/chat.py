"""`inference-providers chat`: a conversation in the terminal."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from typing import Any

import click

from inference_providers.cli import kept_log, prompt
from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.first_run import walked
from inference_providers.cli.output import encodable, listed, on_terminal, say
from inference_providers.cli.terms import selecting
from inference_providers.cli.wording import spoken
from inference_providers.errors import InferenceProvidersError, TruncatedStreamError
from inference_providers.text import pieces, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inference_providers.calls import AnswerStream
    from inference_providers.clients import ProviderList
    from inference_providers.telemetry import UsageLog

HELP = (
    ("/model NAME", "talk to another model; without a name: show the current one"),
    ("/system TEXT", "set the system prompt; without text: remove it"),
    ("/save FILE", "save the conversation: as JSON if the name ends in .json, else as Markdown"),
    ("/retry", "ask the last question again"),
    ("/clear", "start over"),
    ("/exit", "leave (so does Ctrl-D); Ctrl-C stops an answer and keeps what has arrived"),
)


@click.command("chat")
@click.option(
    "-m", "--model", shell_complete=complete_model, help="A model, in any spelling; default: the best within reach."
)
@click.option("-s", "--system", help="System prompt.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="Randomness of the answers; 0 for the least.")
@selecting
@guarded
@walked
def chat(
    model: str | None, system: str | None, temperature: float | None, avoid: tuple[str, ...], only: tuple[str, ...]
) -> None:
    """Talk to a model. /help lists the commands; Ctrl-C stops an answer and keeps what has arrived."""
    from inference_providers.cli.lists import provider_list

    providers = provider_list(avoid=avoid or None, only=only or None, learn=True, log=False)
    log = kept_log.keep(providers, "chat")
    talk = Talk(providers, model, system, {} if temperature is None else {"temperature": temperature}, log)
    talk.run()
    if talk.failed and not talk.interactive:
        sys.exit(FAILED)


class Talk:
    """One conversation: its turns, and the commands that act on it."""

    def __init__(
        self,
        providers: ProviderList,
        model: str | None,
        system: str | None,
        options: dict[str, Any],
        log: UsageLog | None = None,
    ) -> None:
        self._providers, self._model, self._system, self._options = providers, model, system, options
        self.turns: list[dict[str, Any]] = []
        self._log = log
        self._last: tuple[list[dict[str, Any]], str] | None = None  # the turns before the last question, and that
        from inference_providers.cli.refused_keys import RefusedKeys

        self._refused = RefusedKeys(providers)
        self._terminal = on_terminal()
        self.interactive = sys.stdin is not None and sys.stdin.isatty()
        self.failed = False  # whether any question did

    def run(self) -> None:
        """Read and answer questions until the end of input."""
        offer = self._providers.candidates("auto" if self._model is None else self._model)[0]
        if self.interactive:
            prompt.prepare()
            who = f"{offer.provider}/{offer.internal_name}"
            say(f"Talking to {who}. Ask something; /help lists the commands.", err=True)
        for message in self._messages():
            if message.startswith("/") and "\n" not in message:
                if not self._command(message):
                    return
            elif message:
                with prompt.unechoed() if self.interactive else nullcontext():
                    self._ask(message)

    def _messages(self) -> Iterator[str]:
        """What is asked and commanded until the end of input: messages of a person, or lines of a file."""
        if self.interactive:
            while (message := prompt.typed()) is not None:
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

    def _command(self, line: str) -> bool:
        """Run a line that begins with a slash; returns whether to go on."""
        name, _, rest = line.partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            "/model": self._set_model,
            "/system": self._set_system,
            "/save": self._save,
            "/retry": self._retry,
            "/clear": self._clear,
            "/help": lambda _: say(listed(HELP), err=True),
        }
        if name in ("/exit", "/quit"):
            return False
        if name in commands:
            commands[name](rest.strip())
        else:
            say(f"There is no command {name}; /help lists them.", err=True)
        return True

    def _set_model(self, name: str) -> None:
        if name:
            try:
                offer = self._providers.candidates(name)[0]
            except InferenceProvidersError as error:
                if not self.interactive:
                    raise
                say(spoken(error), err=True)
                return
            self._model = name
            say(f"now talking to {offer.provider}/{offer.internal_name}", err=True)
        else:
            say(self._model or "the best model within reach", err=True)

    def _set_system(self, text: str) -> None:
        self._system = text or None

    def _clear(self, _: str) -> None:
        self.turns, self._last = [], None
        if self._log is not None and self._log.conversation is not None:
            from inference_providers.telemetry import Conversation

            self._log.conversation = Conversation()

    def _retry(self, _: str) -> None:
        if self._last is None:
            say("There is no question to ask again yet.", err=True)
            return
        self._ask(self._last[1], self._last[0])

    def _save(self, path: str) -> None:
        if not path:
            say("Give a file: /save talk.md", err=True)
            return
        path = os.path.expanduser(path)
        start = [{"role": "system", "content": self._system}] if self._system else []
        try:
            with open(path, "x", encoding="utf-8") as file:
                if path.endswith(".json"):
                    json.dump({"messages": start + self.turns}, file, ensure_ascii=False, indent=1)
                else:
                    file.write("".join(f"**{turn['role']}**\n\n{turn['content']}\n\n" for turn in start + self.turns))
        except FileExistsError:
            say(f"{path} exists already; give another name.", err=True)
        except OSError as error:
            say(f"{path} cannot be written: {error.strerror}", err=True)
        else:
            say(f"wrote {path}", err=True)

    def _ask(self, question: str, before: list[dict[str, Any]] | None = None) -> None:
        """Ask, show the answer as it arrives, keep both. A failure keeps neither; Ctrl-C keeps what has arrived."""
        self._last = (self.turns if before is None else before, question)
        turns = [*self._last[0], {"role": "user", "content": question}]
        pieces_so_far: list[str] = []
        try:
            with self._providers.stream(turns, self._model, system=self._system, **self._options) as stream:
                self._show(stream, pieces_so_far)
        except KeyboardInterrupt:
            say("\n(stopped)", err=True)
        except TruncatedStreamError as error:
            self.failed = True
            say(f"\n{spoken(error)}", err=True)
        except InferenceProvidersError as error:
            self.failed = True
            say(spoken(error), err=True)
            return
        finally:
            self._refused.tell()
        if pieces_so_far:
            self.turns = [*turns, {"role": "assistant", "content": "".join(pieces_so_far)}]

    def _show(self, stream: AnswerStream, collected: list[str]) -> None:
        """Print text as it arrives, and collect it: as Markdown on a terminal, unchanged elsewhere."""
        if not self._terminal:
            for piece in stream:
                collected.append(piece)
                say(piece, nl=False)
            say()
            return
        from rich.console import Console
        from rich.live import Live

        def collecting() -> Iterator[str]:
            for piece in stream:
                collected.append(piece)
                yield piece

        # The part that may still change. Finished blocks are printed for good, as only one screenful can be redrawn.
        text = ""
        with Live(console=Console(), refresh_per_second=8) as live:
            for piece in pieces(collecting()):
                text += piece
                end = _last_block(text)
                done, text = text[:end], text[end:]
                live.update(_markdown(text), refresh=bool(done))
                if done:
                    first = live.console.render_lines(_markdown(text))[:1]  # lists bring a blank line of their own
                    apart = [""] if any(part.text.strip() for line in first for part in line) else []
                    live.console.print(_markdown(done), *apart)
        answer = stream.answer
        cost = f" · ${answer.cost:.6f}" if answer.cost else ""
        say(f"{answer.provider}/{answer.model} · {answer.latency:.1f} s{cost}", err=True, dim=True)


def _markdown(text: str) -> Any:
    """Markdown to print. Links are shown with their addresses: a terminal's own links would hide where they lead."""
    from rich.markdown import Markdown

    page = Markdown(text, hyperlinks=False)
    tokens = list(page.parsed)
    while tokens:  # only now are entities (`&#x202e;`) characters
        token = tokens.pop()
        token.content = encodable(printable(token.content))
        token.attrs = {
            name: encodable(printable(value)) if isinstance(value, str) else value
            for name, value in token.attrs.items()
        }
        tokens += token.children or ()
    return page


def _last_block(text: str) -> int:
    """Where the last block begins in the complete lines of some Markdown: the blocks before it are finished."""
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    tokens = MarkdownIt().enable("table").parse("\n".join(lines[:-1]))
    begins = [token.map[0] for token in tokens if token.level == 0 and token.map]
    return sum(len(line) + 1 for line in lines[: begins[-1]]) if begins else 0
