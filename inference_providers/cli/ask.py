"""`ask-ai`: one question, answered by the best model within reach."""

from __future__ import annotations

import click

from inference_providers import __version__
from inference_providers.cli.ask_options import with_conversation, with_generation, with_output, with_question
from inference_providers.cli.exit_codes import EXIT_CODES, guarded
from inference_providers.cli.output import Command
from inference_providers.cli.terms import on_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.cli.ask_output import Output
    from inference_providers.clients import ClientTerms
    from inference_providers.telemetry import UsageLog


@click.command(cls=Command, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("question", nargs=-1)
@guarded
@with_question
@with_generation
@with_conversation
@with_output
@click.version_option(__version__)
@on_terms
def main(
    question: tuple[str, ...],
    models: tuple[str, ...],
    system: str | None,
    images: tuple[str, ...],
    no_stdin: bool,
    goes_on: bool,
    conversation: str | None,
    output: Output,
    options: dict[str, Any],
    terms: ClientTerms,
    template: Callable[[str], str] | None = None,
) -> None:
    """Ask a language model a QUESTION, with whatever keys or servers there are.

    Standard input, if there is any, is added to the question; an image is shown:

    \b
        ask-ai "Why is the sky blue?"
        git diff | ask-ai "Write a commit message for this."
        ask-ai "What is wrong here?" <screenshot.png
    """
    from inference_providers.cli import kept_log
    from inference_providers.cli.refused_keys import RefusedKeys
    from inference_providers.clients import ProviderList

    prompt, shown = _asked(" ".join(question), images, no_stdin, template)
    providers = ProviderList(verbose=output.verbose, learn=True, log=False)
    log = kept_log.keep(providers, "ask-ai")
    asked: Any = prompt
    if goes_on:
        turns, model = kept_log.go_on(log, conversation)
        asked = _going_on(turns, prompt, system, log)
        models = models or ((model,) if model and model != "auto" else ())
    refused = RefusedKeys(providers)
    try:
        output.ask(
            providers,
            asked,
            {**options, "model": list(models) or None, "system": system, "images": shown or None, **terms},
        )
    finally:
        refused.tell()


def _asked(
    question: str, images: tuple[str, ...], no_stdin: bool, template: Callable[[str], str] | None
) -> tuple[str, list[str | bytes]]:
    """The prompt and the images, both with what is on standard input. Raises UsageError for what is neither.

    *template*: makes the prompt of what is typed and piped.
    """
    from inference_providers.cli import standard_input

    if any("\ud800" <= letter <= "\udfff" for letter in question):  # how Python puts bytes that it cannot read
        raise click.UsageError("The question is not text in the encoding of your terminal.")
    data = b"" if no_stdin else standard_input.piped()
    shown: list[str | bytes] = [data if image == "-" else image for image in images]
    if "-" in images:
        if not standard_input.is_image(data):
            raise click.UsageError("-i - takes a PNG, JPEG, GIF, WebP or BMP image from standard input.")
        data = b""
    elif data and standard_input.is_image(data):
        shown.append(data)
        data = b""
    prompt = "\n\n".join(part for part in (question.strip(), standard_input.as_text(data).strip()) if part)
    if template is not None:
        prompt = template(prompt)
    if not prompt:
        about = " about the image" if shown else ""
        raise click.UsageError(f"Give a question{about}, as an argument{'' if shown else ' or on standard input'}.")
    return prompt, shown


def _going_on(
    turns: list[dict[str, Any]], prompt: str, system: str | None, log: UsageLog | None
) -> list[dict[str, Any]]:
    """The messages of a conversation that goes on; with another system prompt it becomes another one."""
    if system is not None and log is not None and log.conversation is not None:
        turns = [turn for turn in turns if turn.get("role") != "system"]
        log.conversation.known = 0  # it is another one from here on
    return [*turns, {"role": "user", "content": prompt}]
