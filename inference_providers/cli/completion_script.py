"""`inference-providers completion`: the script that a shell needs to complete commands and names."""

from __future__ import annotations

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import say


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@guarded
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands and model names in SHELL.

    Use it by `eval "$(inference-providers completion bash)"`.
    """
    from click.shell_completion import get_completion_class

    from inference_providers.cli.ask import main as ask

    script = get_completion_class(shell)
    assert script is not None
    if shell == "bash":
        say("COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}")  # else bash takes NAME:POLICY for three words
    for command, name in ((context.find_root().command, "inference-providers"), (ask, "ask-ai")):
        say(script(command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source())
