"""The options of `ask-ai`, in groups. Each group is one line above a command, and hands on what it makes of its own.

A group takes its options out of those that click has read, and puts what `ask_ai` takes into *options*, a dict that all
groups of a command fill. A group stands below `guarded`, so that what it raises becomes a message.
"""

from __future__ import annotations

from functools import wraps

import click

from inference_providers.cli.ask_output import Output
from inference_providers.cli.completion import FileName, complete_effort, complete_model, complete_parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def with_question(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what is asked, and whom: comes as *models*, *system*, *images*, *attachments*, *no_stdin*."""
    return _with(
        command,
        click.option(
            "-m",
            "--model",
            "models",
            multiple=True,
            shell_complete=complete_model,
            help="A model, in any spelling; may be repeated, best first. Default: the best in reach; auto:small: a "
            "cheap one.",
        ),
        click.option("-s", "--system", help="System prompt."),
        click.option(
            "-i",
            "--image",
            "images",
            multiple=True,
            type=FileName(),
            help="An image to show: a file, a URL or - (standard input); may be repeated.",
        ),
        click.option(
            "-a",
            "--attach",
            "attachments",
            metavar="FILE",
            multiple=True,
            type=FileName(),
            help="A file to show: image, PDF, sound or text, whatever its name; a path, a URL or -; may be repeated.",
        ),
        click.option(
            "-n", "--no-stdin", is_flag=True, help="Do not read standard input: for loops over lines of a file."
        ),
    )


def _effort(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A level of thinking that some model has; BadParameter for a slip, which a provider may take without a word."""
    if value is None:
        return None
    from inference_providers.chat import parameters

    if value.lower() in parameters.EFFORTS:
        return value.lower()
    raise click.BadParameter(
        f"{value!r} is not one of {', '.join(parameters.EFFORTS)}. A model's own is given by -o reasoning_effort=LEVEL."
    )


def with_generation(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds generation parameters and `--timeout`; all go into *options*."""

    @wraps(command)
    def run(*args: Any, given: tuple[str, ...], options: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        options = {} if options is None else options
        found = {name: kwargs.pop(name) for name in ("timeout", "max_tokens", "temperature", "reasoning_effort")}
        options |= found
        if given:
            from inference_providers.cli.ask_parameters import parameters_of

            more = parameters_of(given)
            if twice := [name for name in more if found.get(name) is not None]:
                raise click.UsageError(f"{twice[0]} is given twice: by -o and by an option of its own.")
            options |= more
        return command(*args, options=options, **kwargs)

    return _with(
        run,
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds for the answer, including retries."
        ),
        click.option("--temperature", type=click.FloatRange(0, 2), help="Randomness of the answer; 0 for the least."),
        click.option("--max-tokens", type=click.IntRange(min=1), help="Stop the answer after this many tokens."),
        click.option(
            "-e",
            "--effort",
            "reasoning_effort",
            metavar="LEVEL",
            callback=_effort,
            shell_complete=complete_effort,
            help="How much it thinks before it answers: none, minimal, low, medium, high, xhigh or max.",
        ),
        click.option(
            "-o",
            "--option",
            "given",
            metavar="KEY=VALUE",
            shell_complete=complete_parameter,
            multiple=True,
            help="Any other parameter: top_p=0.9, seed=1, stop=END, ...; may be repeated.",
        ),
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
    """Adds what is printed of the answer, and how: comes as *output*; a schema goes into *options*."""

    @wraps(command)
    def run(*args: Any, no_stream: bool, schema: str | None, schema_multi: str | None, **kwargs: Any) -> Any:
        output = Output(streams=not no_stream, **{name: kwargs.pop(name) for name in _SHOWN})
        if schema is not None or schema_multi is not None:
            kwargs.setdefault("options", {})["schema"] = _schema(schema, schema_multi)
        return command(*args, output=output, **kwargs)

    return _with(
        run,
        click.option(
            "-x", "--extract", is_flag=True, help="Print the first code block of the answer alone, without its fence."
        ),
        click.option(
            "--schema",
            metavar="SCHEMA",
            type=FileName(),
            help="Answer with JSON that fits: fields (name, age int, bio: one sentence), JSON Schema, or a .json file.",
        ),
        click.option(
            "--schema-multi",
            metavar="SCHEMA",
            type=FileName(),
            help="The same for a list of such things, as items.",
        ),
        click.option("--no-stream", is_flag=True, help="Print the answer when it is complete."),
        click.option("--json", "as_json", is_flag=True, help="Print answer, provider, model and attempts as JSON."),
        click.option(
            "-u", "--usage", is_flag=True, help="Say on standard error who answered, tokens, cost and seconds."
        ),
        click.option("-v", "--verbose", is_flag=True, help="Report on standard error what is tried."),
    )


_SHOWN = ("as_json", "extract", "usage", "verbose")


def _schema(one: str | None, many: str | None) -> dict[str, Any]:
    from inference_providers.cli.ask_schema import list_of, schema_of

    if one is not None and many is not None:
        raise click.UsageError("--schema and --schema-multi: give one of them.")
    return schema_of(one) if one is not None else list_of(schema_of(many or ""))


def _with(command: Callable[..., Any], *options: Callable[..., Any]) -> Callable[..., Any]:
    """A command with options, in the order in which its help shows them."""
    for option in reversed(options):
        command = option(command)
    return command
