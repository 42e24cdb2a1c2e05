"""Output of the command line: everything goes through here, so that no server, model or file steers the terminal."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from contextlib import contextmanager
from typing import Any

import click

from inference_providers.log import shown_by
from inference_providers.text import as_json, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import NoReturn

_NARROW = 60  # columns: below, options and what they do do not fit beside each other
# Words for what a command does, of which each group of commands has one.
_SYNONYMS = (("remove", "delete", "unset", "purge", "rm", "del"), ("list", "show", "ls"), ("set", "add", "new"))
_held: list[list[str]] = []  # what is said on standard output, where it goes to a pager
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def on_terminal(*, err: bool = False) -> bool:
    """Whether standard output (or standard error) is a terminal."""
    stream = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()


def has_colours(*, err: bool = False) -> bool:
    """Whether it is a terminal that shows colours, for somebody who wants them."""
    return on_terminal(err=err) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(
    text: str = "", *, err: bool = False, nl: bool = True, fold: bool | None = None, taken: int = 0, **style: Any
) -> None:
    """Print *text*: made printable on a terminal and on standard error, else unchanged.

    A message (*err*, unless *fold* says otherwise) has lines that fit the terminal, in which *taken* columns of the
    first one are used already. *style* is `click.style`'s, for terminals.
    """
    shown = on_terminal(err=err)
    if err or shown:
        text = printable(text)
    if shown and (err if fold is None else fold):
        text = folded(text, columns(err=err), taken)
    if style and has_colours(err=err):
        text = click.style(text, **style)
    put(f"{text}\n" if nl else text, err=err)


def columns(*, err: bool = False) -> int:
    """How wide the terminal of standard output (or standard error) is; the other one may be a file."""
    if not os.environ.get("COLUMNS"):
        try:
            if width := os.get_terminal_size((sys.stderr if err else sys.stdout).fileno()).columns:
                return width
        except (AttributeError, ValueError, OSError):  # not a terminal, or none at all
            pass
    return shutil.get_terminal_size().columns


def folded(text: str, width: int, taken: int = 0) -> str:
    """*text* with its long lines broken between words, each as far in as it began.

    What stands in backticks is to be copied, so it stays together, and so does a word that no line has room for.
    taken: columns of the first line that something else is in.
    """
    if max(map(len, text.split("\n"))) + taken <= width // 2:  # most are short; no character takes more than two
        return text
    from rich.cells import cell_len

    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip(" "))]
        if taken + cell_len(line) <= width:
            lines.append(line)
        else:
            lines.append(indent)
            for part in re.findall(r"(?:`[^`]*`|[^ `]|`)+", line):
                gap = "" if lines[-1] == indent else " "
                if gap and taken + cell_len(lines[-1]) + 1 + cell_len(part) > width:
                    lines.append(indent + part)
                    taken = 0
                else:
                    lines[-1] += gap + part
        taken = 0
    return "\n".join(lines)


def put(text: str, *, err: bool = False) -> None:
    """Print what has been made printable, codes for colours and all; it may be held back for a pager."""
    if _held and not err:
        _held[-1].append(text)
    else:
        click.echo(text, err=err, nl=False, color=True)  # keeps click from removing anything


@contextmanager
def holding(held: list[str]) -> Iterator[None]:
    """Have all that is said on standard output meanwhile put into a list instead."""
    _held.append(held)
    try:
        yield
    finally:
        _held.pop()


def say_bytes(line: bytes) -> None:
    """Print a line as it is, for whoever reads standard output as data."""
    click.echo(line)


def encodable(text: str) -> str:
    """*text* with escapes like `\\U0001f600` for what the encoding of standard output lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def say_json(value: Any, indent: int = 2) -> None:
    """Print *value* as JSON, with `\\uXXXX` for all that `say` would escape, wherever it goes."""
    text = as_json(value, indent)
    say(text if encodable(text) == text else as_json(value, indent, ascii_only=True))


def silence() -> None:
    """Have nothing more reach standard output: what is left of it cannot be written."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave_reader() -> NoReturn:
    """End where whoever read standard output has gone, which is not an error."""
    silence()
    sys.exit(0)


class _Printable:
    """Makes usage errors printable: they quote arguments and file names."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):  # an answer was paid for: what an encoding lacks is shown as an escape
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        shown_by(lambda warning: say(warning, err=True))
        columns = shutil.get_terminal_size().columns
        if columns < _NARROW:  # click lays help out for 50 columns at least, which a narrower terminal breaks anywhere
            kwargs.setdefault("terminal_width", columns - 1)
        try:
            return super().make_context(*args, **kwargs)  # type: ignore[misc]
        except click.ClickException as error:
            raise _cleaned(error) from None
        except BrokenPipeError:  # of help and version
            leave_reader()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)  # type: ignore[misc]
        except click.ClickException as error:
            raise _cleaned(error) from None
        except BrokenPipeError:
            leave_reader()


def _cleaned(error: click.ClickException) -> click.ClickException:
    vars(error)["message"] = printable(error.message)
    if isinstance(error, click.NoSuchOption):
        meant = _meant(error)  # of what click finds, dashes alone make no likeness
        found = meant or _alike(error.option_name.strip("-"), error.possibilities or ())
        vars(error)["possibilities"] = found
    elif (typed := getattr(error, "command_name", None)) and not getattr(error, "possibilities", None):
        known = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", {})
        words = next((words for words in _SYNONYMS if typed in words), ())
        vars(error)["possibilities"] = [one for one in words if one in known]
    if on_terminal(err=True):
        message = folded(error.format_message(), columns(err=True), taken=len("Error: "))
        vars(error)["format_message"] = lambda: message
    return error


# Options by the words of other tools, and of other commands here.
_OPTIONS = {
    "budget": "max-cost", "max-price": "max-cost", "column": "prompt", "columns": "prompt", "template": "prompt",
    "file": "attach", "image": "attach", "out": "output", "model-name": "model", "no-input": "no-stdin",
    "silent": "quiet", "tokens": "max-tokens", "json-schema": "schema", "country": "only", "provider": "only",
    "exclude": "avoid", "api-url": "api-base", "base-url": "api-base", "api-key": "api-key-variable",
    "key": "api-key-variable",
}  # fmt: skip


def _meant(error: click.NoSuchOption) -> list[str]:
    """The option of a command that another tool calls as it was typed."""
    word = _OPTIONS.get(error.option_name.strip("-").lower().replace("_", "-"))
    command = error.ctx.command if error.ctx is not None else None
    known = [] if command is None else [name for option in command.params for name in option.opts]
    return [f"--{word}"] if f"--{word}" in known else []


def _alike(typed: str, options: Sequence[str]) -> list[str]:
    """Those that may have been meant: none that is far off, nor one beside another that is much nearer."""
    from difflib import SequenceMatcher

    if not options:
        return []
    likeness = {one: 1.0 if typed in one else SequenceMatcher(None, typed, one.strip("-")).ratio() for one in options}
    least = max(0.7, max(likeness.values()) - 0.1)
    return [one for one, ratio in likeness.items() if ratio > least]


class _Formatter(click.HelpFormatter):
    """Help with options above what they do, where there is no room for both beside each other."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of terms and what they mean."""
        if self.width < _NARROW:
            rows = list(rows)
            col_max = 12 if max((len(term) for term, _ in rows), default=0) <= 12 else 6
        super().write_dl(rows, col_max, col_spacing)


def listed(rows: Sequence[tuple[str, str]]) -> str:
    """Terms and what they mean, as wide as the terminal."""
    formatter = _Formatter(width=min(shutil.get_terminal_size().columns, 100) - 1)
    formatter.write_dl(rows)
    return formatter.getvalue().rstrip()


class _Context(click.Context):
    formatter_class = _Formatter


class Command(_Printable, click.Command):
    """A program's command."""

    context_class = _Context


class Group(_Printable, click.Group):
    """A program's group of commands."""

    context_class = _Context

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, or a group with its commands."""
        for one in (cmd, *(cmd.commands.values() if isinstance(cmd, click.Group) else ())):
            one.context_class = _Context
            one.short_help = one.get_short_help_str(limit=sys.maxsize)  # which click shows whole, in several lines
        super().add_command(cmd, name)
