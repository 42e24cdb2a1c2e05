"""The prompt of a chat: several lines, history, completion, files that are dropped into it."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus, is_searching
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.processors import TabsProcessor
from prompt_toolkit.layout.screen import Char

from inference_providers.cli.chat_plain import has_more, message, moded, quiet
from inference_providers.cli.output import say
from inference_providers.text import in_line, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.output import Output

    from inference_providers.cli.chat_view import Interrupts

_PASTED = 0.05  # seconds in which the next key of a paste is there; nobody types that fast
_MARKS_PASTES, _MARKS_NO_PASTES = "\x1b[?2004h", "\x1b[?2004l"
_HIDDEN = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xE0000, 0xE0080))
_MOST = 200  # completions that are shown


class Prompt:
    """Reads messages. What is typed while nobody reads them is there when they are read next."""

    def __init__(
        self,
        words: Words,
        attach: Callable[[str], bool],
        history: History | None = None,
        *,
        terminal: tuple[Input, Output] | None = None,
    ) -> None:
        """*words*: what is completed. *attach*: takes what was pasted, or returns false. *terminal*: another one than
        that of the process.
        """
        Char.display_mappings.update({chr(code): f"\\u{code:04x}" for code in _HIDDEN})
        self._attach = attach
        self._ahead = False
        self._usual: list[Any] | None = None
        self._history = history or InMemoryHistory()
        given, shown = terminal or (None, _output())
        self._own = terminal is None
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            history=self._history,
            completer=words,
            complete_while_typing=False,
            key_bindings=self._keys(),
            prompt_continuation="… ",
            input_processors=[TabsProcessor(char1=" ", char2=" ")],
            enable_suspend=True,
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            input=given,
            output=shown,
        )

    def read(self, label: Callable[[], str] = str) -> str | None:
        """One message; None at the end of input. *label*: what stands above the prompt, asked for again and again."""
        self._ahead = self._ahead or (self._own and has_more(0))

        def above() -> str:
            text = printable(label())
            return f"{text}\n> " if text else "> "

        while True:
            try:
                return message([self._session.prompt(above)])
            except KeyboardInterrupt:
                self._ahead = False
            except EOFError:
                return None

    def remember(self, text: str) -> None:
        """Have a message come back that was not typed here."""
        self._history.append_string(text)

    @contextmanager
    def session(self, interrupts: Interrupts) -> Iterator[None]:
        """As long as messages are read: keys that are pressed before a prompt wait for it, as they are."""
        with suppress(ImportError):
            import termios

            self._usual = termios.tcgetattr(sys.stdin.fileno())
        with interrupts, quiet(lines=False):
            yield

    @contextmanager
    def answering(self) -> Iterator[None]:
        """As long as an answer comes: pastes are marked even so."""
        sys.stdout.write(_MARKS_PASTES)
        sys.stdout.flush()
        try:
            yield
        finally:
            sys.stdout.write(_MARKS_NO_PASTES)
            sys.stdout.flush()

    def usual(self) -> AbstractContextManager[None]:
        """As long as another program, or a question, has the terminal: it is as it was before the session."""
        return nullcontext() if self._usual is None else moded(self._usual)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        writing = has_focus(DEFAULT_BUFFER) & ~is_searching

        @keys.add("enter", filter=writing)
        def enter(event: KeyPressEvent) -> None:
            self._enter(event)

        @keys.add("escape", "enter", filter=writing)
        @keys.add("c-j", filter=writing)
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("tab", filter=writing & Condition(lambda: not get_app().current_buffer.text.startswith("/")))
        def tab(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\t")

        @keys.add(Keys.BracketedPaste, filter=writing)
        def paste(event: KeyPressEvent) -> None:
            text = event.data.replace("\r\n", "\n").replace("\r", "\n")
            if not self._attach(text):
                event.current_buffer.insert_text(text)

        return keys

    def _enter(self, event: KeyPressEvent) -> None:
        """Send the message, or go on with it: in a paste that the terminal did not mark, a fence, behind a `\\`."""
        buffer, waiting = event.current_buffer, bool(event.key_processor.input_queue)
        is_command = buffer.text.startswith("/") and "\n" not in buffer.text
        pasted = not self._ahead and not is_command and (waiting or (self._own and has_more(_PASTED)))
        if pasted or (buffer.document.is_cursor_at_the_end and _goes_on(buffer)):
            buffer.insert_text("\n")
        else:
            self._ahead = waiting
            buffer.validate_and_handle()


def _goes_on(buffer: Buffer) -> bool:
    """Whether a message is not at its end: a fence is open, if two empty lines do not end it, or `\\` says so."""
    if buffer.text.endswith("\\"):
        buffer.delete_before_cursor()
        return True
    fences = [line for line in buffer.text.split("\n") if line.lstrip().startswith("```")]
    return len(fences) % 2 == 1 and not buffer.text.endswith("\n\n")


def _output() -> Output | None:
    """The terminal, which is not asked where its cursor is: who leaves before it answers finds that in the shell."""
    if os.name != "posix":
        return None
    from prompt_toolkit.output.vt100 import Vt100_Output

    output = Vt100_Output.from_pty(sys.stdout, term=os.environ.get("TERM"))
    output.enable_cpr = False
    return output


class Words(Completer):
    """Commands, and what stands behind them."""

    def __init__(self, completes: Mapping[str, str], models: Callable[[str], Sequence[str]]) -> None:
        """*completes*: commands, and what each takes: `model`, `file` or nothing. *models*: those of a beginning."""
        self._completes, self._models = completes, models
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What begins as the text before the cursor does."""
        text = document.text_before_cursor
        name, space, rest = text.partition(" ")
        if "\n" in text or not text.startswith("/"):
            return
        if not space:
            yield from (Completion(one, -len(text)) for one in self._completes if one.startswith(text))
        elif self._completes.get(name) == "model":
            yield from (Completion(one, -len(rest), display=in_line(one)) for one in self._models(rest)[:_MOST])
        elif self._completes.get(name) == "file":
            inner = Document(rest, len(rest))
            for one in self._paths.get_completions(inner, complete_event):
                yield Completion(one.text, one.start_position, display=in_line(one.display_text))


def opened(words: Words, attach: Callable[[str], bool], history: History | None) -> Prompt | None:
    """A prompt, or None where this terminal cannot have one."""
    try:
        return Prompt(words, attach, history)
    except Exception as error:  # noqa: BLE001 - what a console lacks is told by errors of each system's own
        say(f"This terminal cannot edit several lines ({error}); lines are read one by one.", err=True)
        return None
