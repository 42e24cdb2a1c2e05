"""`inference-providers chat`: a conversation in the terminal."""

from __future__ import annotations

import sys
from functools import partial

import click

from inference_providers.cli import kept_log
from inference_providers.cli.ask_options import with_conversation, with_generation
from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.first_run import walked
from inference_providers.cli.template_options import with_chat_template
from inference_providers.cli.terms import on_terms
from inference_providers.cli.toolbox import with_tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.cli.chat_beside import Beside
    from inference_providers.clients import ClientTerms


@click.command("chat")
@guarded
@walked
@with_chat_template
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    shell_complete=complete_model,
    help="A model, in any spelling; default: the best within reach. Two of them answer beside each other.",
)
@click.option("-s", "--system", help="System prompt.")
@with_generation
@with_tools
@with_conversation
@on_terms
def chat(
    models: tuple[str, ...],
    system: str | None,
    goes_on: bool,
    conversation: str | None,
    options: dict[str, Any],
    terms: ClientTerms,
    template: Callable[[str], str] | None = None,
) -> None:
    """Talk to a model, or to two. /help lists the commands; Ctrl-C stops an answer and keeps what has arrived."""
    from inference_providers.cli.chat_commands import COMMANDS, run, take_up
    from inference_providers.cli.chat_talk import Talk
    from inference_providers.cli.lists import provider_list

    if len(models) > 2:
        raise click.UsageError("Two models at most answer beside each other.")
    whom: dict[str, Any] = {"avoid": terms.pop("avoid", None), "only": terms.pop("only", None)}
    whom |= {"learn": True, "log": False}
    providers = provider_list(**whom)
    log = kept_log.keep(providers, "chat")
    turns: list[dict[str, Any]] = []
    if goes_on:
        turns, model = kept_log.go_on(log, conversation)
        models = models or ((model,) if model and model != "auto" else ())
    talk = Talk(providers, list(models), {**options, **terms}, log, partial(_beside, whom))
    for other in models[1:]:
        talk.add_beside(other)
    talk.greet()
    if turns:
        take_up(talk, turns)
    talk.system = talk.system if system is None else system
    talk.template = template
    talk.run(run, {command.name: command.completes for command in COMMANDS})
    if talk.failed and not talk.interactive:
        sys.exit(FAILED)


def _beside(whom: dict[str, Any]) -> Beside:
    from inference_providers.cli.chat_beside import Beside
    from inference_providers.clients import AsyncProviderList

    return Beside(partial(AsyncProviderList, settings=True, **whom))
