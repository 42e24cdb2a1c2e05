"""`ask-ai`: one question, answered by the best model within reach."""

from __future__ import annotations

import click

from inference_providers import __version__
from inference_providers.cli.ask_options import with_conversation, with_generation, with_output, with_question
from inference_providers.cli.exit_codes import EXIT_CODES, guarded
from inference_providers.cli.first_run import walked
from inference_providers.cli.output import Command
from inference_providers.cli.template_options import template_options, with_template
from inference_providers.cli.terms import on_terms
from inference_providers.cli.toolbox import with_tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.cli.ask_output import Output
    from inference_providers.clients import ClientTerms
    from inference_providers.telemetry import UsageLog


@click.command(cls=Command, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("question", nargs=-1)
@guarded
@walked
@with_template
@with_question
@with_generation
@template_options
@with_tools
@with_conversation
@with_output
@click.version_option(__version__)
@on_terms
def main(
    question: tuple[str, ...],
    models: tuple[str, ...],
    system: str | None,
    images: tuple[str, ...],
    attachments: tuple[str, ...],
    no_stdin: bool,
    goes_on: bool,
    conversation: str | None,
    output: Output,
    options: dict[str, Any],
    terms: ClientTerms,
    template: Callable[[str], str] | None = None,
) -> None:
    """Ask a language model a QUESTION, with whatever keys or servers there are.

    Standard input, if there is any, is added to the question; an image, a PDF file or sound is shown:

    \b
        ask-ai "Why is the sky blue?"
        git diff | ask-ai "Write a commit message for this."
        ask-ai "What is wrong here?" <screenshot.png
        ask-ai "Sum it up." -a report.pdf
        ask-ai -x "A bash script that counts lines." >count.sh
        ask-ai --schema "city, people int" "The largest city of Peru?"
    """
    from inference_providers.cli import kept_log
    from inference_providers.cli.lists import provider_list
    from inference_providers.cli.refused_keys import RefusedKeys

    said = _Said(" ".join(question), images, attachments, no_stdin, template)
    providers = provider_list(verbose=output.verbose, learn=True, log=False)
    files = said.files(providers.pipeline.finder.environ)
    log = kept_log.keep(providers, "ask-ai")
    asked: Any = said.prompt
    if goes_on:
        turns, model = kept_log.go_on(log, conversation)
        asked = _going_on(turns, said.prompt, system, log)
        models = models or ((model,) if model and model != "auto" else ())
    refused = RefusedKeys(providers)
    whom = {"model": list(models) or None, "system": system, "images": said.images or None, "files": files or None}
    try:
        output.ask(providers, asked, {**options, **whom, **terms})
    finally:
        refused.tell()


class _Said:
    """What is said and shown, with what is on standard input.

    template: makes the prompt of what is typed and piped. Raises UsageError where there is no question.
    """

    def __init__(
        self,
        question: str,
        images: tuple[str, ...],
        attachments: tuple[str, ...],
        no_stdin: bool,
        template: Callable[[str], str] | None,
    ) -> None:
        from inference_providers.cli import standard_input

        if any("\ud800" <= letter <= "\udfff" for letter in question):  # how Python puts bytes that it cannot read
            raise click.UsageError("The question is not text in the encoding of your terminal.")
        self._piped = b"" if no_stdin else standard_input.piped()
        self._attachments = attachments
        self.images: list[str | bytes] = [self._piped if image == "-" else image for image in images]
        text, kind = self._piped, standard_input.kind_of(self._piped)
        if "-" in images and kind != "image":
            raise click.UsageError("-i - takes a PNG, JPEG, GIF, WebP or BMP image from standard input.")
        if "-" in images or "-" in attachments:
            text = b""
        elif kind:
            self._attachments, text = (*attachments, "-"), b""
        parts = (question.strip(), standard_input.as_text(text).strip())
        self.prompt = "\n\n".join(filter(None, parts))
        if template is not None:
            self.prompt = template(self.prompt)
        if not self.prompt:
            shown = self._attachments or images
            about = f" about the {'image' if kind == 'image' or images else 'file'}" if shown else ""
            raise click.UsageError(f"Give a question{about}, as an argument{'' if shown else ' or on standard input'}.")

    def files(self, environ: Mapping[str, str]) -> list[Any]:
        """What is shown beside the images."""
        if not self._attachments:
            return []
        from inference_providers.cli.ask_files import attached

        return attached(self._attachments, self._piped, environ)


def _going_on(
    turns: list[dict[str, Any]], prompt: str, system: str | None, log: UsageLog | None
) -> list[dict[str, Any]]:
    """The messages of a conversation that goes on; with another system prompt it becomes another one."""
    if system is not None and log is not None and log.conversation is not None:
        turns = [turn for turn in turns if turn.get("role") != "system"]
        log.conversation.known = 0  # it is another one from here on
    return [*turns, {"role": "user", "content": prompt}]
