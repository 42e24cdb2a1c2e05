"""The options of `ask-ai`, in groups. Each group is one line above a command, and hands on what it makes of its own.

A group takes its options out of those that click has read, and puts what `ask_ai` takes into *options*, a dict that all
groups of a command fill. A group stands below `guarded`, so that what it raises becomes a message.
"""

from __future__ import annotations

from functools import wraps

import click

from inference_providers.cli.ask_output import Output
from inference_providers.cli.completion import ImageFile, complete_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def with_question(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what is asked, and whom: comes as *models*, *system*, *images*, *no_stdin*; `--timeout` into *options*."""

    @wraps(command)
    def run(*args: Any, timeout: float | None, **kwargs: Any) -> Any:
        kwargs.setdefault("options", {})["timeout"] = timeout
        return command(*args, **kwargs)

    return _with(
        run,
        click.option(
            "-m",
            "--model",
            "models",
            multiple=True,
            shell_complete=complete_model,
            help="A model, in any spelling; may be repeated, best first. Default: the best in reach; auto:small: a "
            "cheap one.",
        ),
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds for the answer, including retries."
        ),
        click.option("-s", "--system", help="System prompt."),
        click.option(
            "-i",
            "--image",
            "images",
            multiple=True,
            type=ImageFile(),
            help="An image to show: a file, a URL or - (standard input); may be repeated.",
        ),
        click.option(
            "-n", "--no-stdin", is_flag=True, help="Do not read standard input: for loops over lines of a file."
        ),
    )


def with_generation(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds generation parameters; all go into *options*."""

    @wraps(command)
    def run(*args: Any, temperature: float | None, max_tokens: int | None, **kwargs: Any) -> Any:
        kwargs.setdefault("options", {}).update(max_tokens=max_tokens, temperature=temperature)
        return command(*args, **kwargs)

    return _with(
        run,
        click.option("--temperature", type=click.FloatRange(0, 2), help="Randomness of the answer; 0 for the least."),
        click.option("--max-tokens", type=click.IntRange(min=1), help="Stop the answer after this many tokens."),
    )


def with_conversation(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds which conversation goes on: comes as *goes_on*, whether one does, and *conversation*, its id or None."""

    @wraps(command)
    def run(*args: Any, goes_on: bool, conversation: str | None, **kwargs: Any) -> Any:
        return command(*args, goes_on=goes_on or conversation is not None, conversation=conversation, **kwargs)

    return _with(
        run,
        click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last conversation in the log."),
        click.option("--id", "conversation", metavar="ID", help="Go on with this conversation, by its id in the log."),
    )


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what is printed of the answer, and how: comes as *output*."""

    @wraps(command)
    def run(*args: Any, no_stream: bool, as_json: bool, verbose: bool, **kwargs: Any) -> Any:
        output = Output(streams=not no_stream, as_json=as_json, verbose=verbose)
        return command(*args, output=output, **kwargs)

    return _with(
        run,
        click.option("--no-stream", is_flag=True, help="Print the answer when it is complete."),
        click.option("--json", "as_json", is_flag=True, help="Print answer, provider, model and attempts as JSON."),
        click.option("-v", "--verbose", is_flag=True, help="Report on standard error what is tried."),
    )


def _with(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """A command with options, in the order in which its help shows them."""
    for option in reversed(options):
        command = option(command)
    return command
