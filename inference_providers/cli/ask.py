"""`ask-ai`: one question, answered by the best model within reach."""

from __future__ import annotations

import sys

import click

from inference_providers import __version__
from inference_providers.cli.completion import ImageFile, complete_model
from inference_providers.cli.exit_codes import EXIT_CODES, guarded
from inference_providers.cli.output import Command, on_terminal, say, say_json
from inference_providers.cli.terms import on_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.clients import ClientTerms, ProviderList
    from inference_providers.telemetry import UsageLog


@click.command(cls=Command, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("question", nargs=-1)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    shell_complete=complete_model,
    help="A model, in any spelling; may be repeated, best first. Default: the best in reach; auto:small: a cheap one.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds for the answer, including retries."
)
@click.option("-s", "--system", help="System prompt.")
@click.option(
    "-i",
    "--image",
    "images",
    multiple=True,
    type=ImageFile(),
    help="An image to show: a file, a URL or - (standard input); may be repeated.",
)
@click.option("--temperature", type=click.FloatRange(0, 2), help="Randomness of the answer; 0 for the least.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Stop the answer after this many tokens.")
@click.option("-n", "--no-stdin", is_flag=True, help="Do not read standard input: for loops over lines of a file.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is complete.")
@click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last conversation in the log.")
@click.option("--id", "conversation", metavar="ID", help="Go on with this conversation, by its id in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print answer, provider, model and attempts as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Report on standard error what is tried.")
@click.version_option(__version__)
@guarded
@on_terms
def main(
    question: tuple[str, ...],
    models: tuple[str, ...],
    timeout: float | None,
    system: str | None,
    images: tuple[str, ...],
    max_tokens: int | None,
    temperature: float | None,
    no_stdin: bool,
    no_stream: bool,
    goes_on: bool,
    conversation: str | None,
    as_json: bool,
    verbose: bool,
    terms: ClientTerms,
) -> None:
    """Ask a language model a QUESTION, with whatever keys or servers there are.

    Standard input, if there is any, is added to the question; an image is shown:

    \b
        ask-ai "Why is the sky blue?"
        git diff | ask-ai "Write a commit message for this."
        ask-ai "What is wrong here?" <screenshot.png
    """
    from inference_providers.cli import kept_log
    from inference_providers.cli.lists import provider_list
    from inference_providers.cli.refused_keys import RefusedKeys

    prompt, shown = _asked(" ".join(question), images, no_stdin)
    providers = provider_list(verbose=verbose, learn=True, log=False)
    log = kept_log.keep(providers, "ask-ai")
    asked: Any = prompt
    if goes_on or conversation is not None:
        turns, model = kept_log.go_on(log, conversation)
        asked = _going_on(turns, prompt, system, log)
        models = models or ((model,) if model and model != "auto" else ())
    options: dict[str, Any] = {
        "model": list(models) or None,
        "timeout": timeout,
        "system": system,
        "images": shown or None,
        "max_tokens": max_tokens,
        "temperature": temperature,
        **terms,
    }
    refused = RefusedKeys(providers)
    try:
        if as_json:
            say_json(providers.ask_ai(asked, **options).as_dict())
        elif no_stream:
            say(providers.ask_ai(asked, **options))
        else:
            _print_stream(providers, asked, options)
    finally:
        refused.tell()


def _asked(question: str, images: tuple[str, ...], no_stdin: bool) -> tuple[str, list[str | bytes]]:
    """The prompt and the images, both with what is on standard input. Raises UsageError for what is neither."""
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


def _print_stream(providers: ProviderList, prompt: Any, options: dict[str, Any]) -> None:
    from inference_providers.errors import TruncatedStreamError
    from inference_providers.text import pieces

    with providers.stream(prompt, **options) as stream:
        try:
            for piece in pieces(stream) if on_terminal() else stream:
                say(piece, nl=False)
                if sys.stdout is not None:
                    sys.stdout.flush()
        except TruncatedStreamError:
            say()
            raise
    say()
    if stream.answer.finish_reason == "length":
        say("(stopped by the token limit; --max-tokens sets another)", err=True)
