"""`inference-providers local`: models and servers on this machine."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any

import click

from inference_providers.cli.completion import complete_server
from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment, registry
from inference_providers.cli.local_get import get
from inference_providers.cli.output import json_option, say
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit
from inference_providers.errors import LocalServerError
from inference_providers.files import folders
from inference_providers.servers import CONTEXT, IDLE, ended, endpoint_of, read_state, recipes, running
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.servers import LaunchableServer, LaunchOptions, ServerState


@click.group()
def local() -> None:
    """Models and model servers on this machine."""


local.add_command(get)


@local.command("list")
@click.option(
    "--context",
    type=click.IntRange(min=1),
    default=CONTEXT,
    show_default=True,
    help="Tokens of context to estimate the memory for.",
)
@json_option
@guarded
@paged
def list_models(context: int, as_json: bool) -> None:
    """List model files: those of Ollama, LM Studio, Hugging Face, llama.cpp, and in this package's models folder.

    The memory is an estimate of what a model takes with --context tokens of context; a model that
    does not fit into the memory that is free now is marked.
    """
    from inference_providers.servers import memory, model_files

    free = memory.free_memory()
    rows: list[dict[str, Any]] = []
    for model in model_files.find_all(environment()):
        needed = model.memory(context)
        rows.append(
            {
                "name": model.name,
                "kind": model.kind,
                "size": model.size if as_json else memory.sized(model.size),
                "memory": needed if as_json else memory.sized(needed) + ("" if needed <= free else ", too much now"),
                "fits": needed <= free,
                "source": model.source,
                "path": model.path,
            }
        )
    if not rows and not as_json:
        own = model_files.own_folder(environment())
        places = "where Ollama, LM Studio, Hugging Face and llama.cpp keep theirs" + (f", and {own}" if own else "")
        say(f"No model files in the usual places: {places}.", err=True)
    emit(rows, ["name", "kind", "size", "memory", "source", "path"], as_json)
    if rows and not as_json:
        say(f"{memory.sized(free)} of memory is free.", err=True)


_count = click.IntRange(min=1)


@local.command()
@click.argument("model")
@click.option("--context", type=_count, help="Tokens of context; default: 8192, or the model's limit if less.")
@click.option("--slots", type=_count, help="Concurrent requests; default: the engine's.")
@click.option("--threads", type=_count, help="Threads; default: the engine's.")
@click.option("--gpu-memory", type=click.FloatRange(0, 1, min_open=True), help="Fraction of the GPU's memory to use.")
@click.option("--tensor-parallel", type=_count, help="GPUs to spread the model over.")
@click.option("--tokenizer", help="Path of the tokenizer, if it is not the model's own.")
@click.option("--port", type=click.IntRange(1, 65535), help="Loopback port; default: a free one.")
@click.option(
    "--idle",
    type=click.FloatRange(min=0),
    default=IDLE,
    show_default=True,
    help="Seconds without a call after which the server stops; 0: never.",
)
@click.option("--anyway", is_flag=True, help="Try it even if the memory seems too small.")
@guarded
def start(model: str, **options: Any) -> None:
    """Serve MODEL: a path, or a name that `local list` shows; ENGINE/MODEL picks the engine.

    The server runs until it has been idle for --idle seconds or is stopped. All your programs that
    ask for this model use it.
    """
    tokenizer = options.pop("tokenizer")
    if tokenizer:
        options["tokenizer"] = os.path.abspath(folders.expanded(tokenizer, environment()))
    options["anyway"] = options["anyway"] or None
    server = _first_that_runs(_servers(model, recipes.checked(options)), model)
    server.keep()
    state = read_state(server.folder)
    idle = state and state["idle"]
    until = f"stops after {idle:g} s without a call" if idle else "runs until it is stopped"
    runs = "is running already, served" if server.joined else "is served"
    say(f"{server.model.name} {runs} by {server.title} at {server.endpoint}; it {until}.")
    pinned = model if model.startswith(f"{server.provider}/") else f"{server.provider}/{model.removesuffix(':local')}"
    say(f"Ask it:   ask-ai --model {shlex.quote(pinned)} 'Hello'", err=True)
    say(f"Stop it:  inference-providers local stop {shlex.quote(server.model.name)}", err=True)


def _servers(model: str, options: LaunchOptions) -> list[LaunchableServer]:
    """Servers that could serve a model, by its name or path. Raises LocalServerError if there are none."""
    from inference_providers.log import warn
    from inference_providers.servers import Launchables

    known = registry()
    models = Launchables(known, environment(), tell=warn, launch_options=options)
    head, slash, rest = model.partition("/")
    pid = known.provider_id(head) if slash and rest else None
    if pid and known.providers[pid].local is None:
        raise LocalServerError(f"{pid} is not an engine on this machine: there is nothing to start.")
    name = (rest if pid else model).removesuffix(":local")
    servers = models.matching(name, pid)
    if not servers:
        near, how = models.instead(name)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        way = f"`{how}` fetches it." if how else "`inference-providers local list` shows them."
        raise LocalServerError(f"There is no model {name!r} on this machine.{hint} {way}")
    return servers


def _first_that_runs(servers: list[LaunchableServer], model: str) -> LaunchableServer:
    """The first server that starts; prints why those before it did not. Raises LocalServerError if none does."""
    problems = []
    for server in servers:
        if server.reason:
            problems += [f"{server.reason}."] if server.fits else []
            continue
        try:
            server.wake()
        except KeyboardInterrupt:
            say("\nInterrupted; stopping what was started.", err=True)
            raise
        except LocalServerError as error:
            problems.append(str(error))
        else:
            for problem in problems:
                say(f"Note: {problem}", err=True)
            return server
    problems = problems or [f"{server.reason}." for server in servers]
    listing = "".join(f"\n{problem}" for problem in problems)
    raise LocalServerError(f"No engine here can run {model}:{listing}" if len(problems) > 1 else problems[0])


@local.command()
@json_option
@guarded
def status(as_json: bool) -> None:
    """Show the launched servers: those of `local start`, and those of programs that use them."""
    rows = [_row(folder, state) for folder, state in running(environment())]
    if as_json:
        emit(rows, [], True)
        return
    if not rows:
        say("No launched server runs. `inference-providers local start MODEL` starts one.", err=True)
    for row in rows:
        ends = f"stops after {row['idle']:g} s" if row["idle"] else "does not stop for that"
        stays = "runs without users" if row["stays"] else f"used by {row['users']} program{'s' * (row['users'] != 1)}"
        unused = f"idle for {row['unused']} s"
        say(f"{in_line(row['name'])} ({row['engine']}, {row['phase']}): {stays}; {unused}, {ends}")
        for field in ("endpoint", "model", "log"):
            say(f"  {field:<9} {in_line(row[field])}")
    for folder, state in ended(environment()):
        minutes = (time.time() - state["since"]) / 60
        name = f"{in_line(state['model']['name'])} ({state['title']}, {state['phase']})"
        say(f"{name} {minutes:.0f} min ago: {state['message']}; its log: {folder}/log", err=True)


def _row(folder: str, state: ServerState) -> dict[str, Any]:
    return {
        "name": state["model"]["name"],
        "engine": state["title"],
        "phase": state["phase"],
        "endpoint": endpoint_of(state),
        "users": len(os.listdir(os.path.join(folder, "users"))),
        "unused": round(time.time() - os.stat(os.path.join(folder, "used")).st_mtime),
        "stays": os.path.exists(os.path.join(folder, "kept")),
        "idle": state["idle"],
        "model": state["model"]["path"],
        "log": os.path.join(folder, "log"),
    }


@local.command()
@click.argument("names", nargs=-1, shell_complete=complete_server)
@click.option("--all", "everything", is_flag=True, help="Stop every server that was launched.")
@guarded
def stop(names: tuple[str, ...], everything: bool) -> None:
    """Stop the launched servers of the models NAMES, even if programs are using them."""
    from inference_providers.servers import stopping

    if (not names and not everything) or not all(names):
        raise click.UsageError("Name the models to stop, or give --all.")
    servers = list(running(environment()))
    if not servers:
        say("No launched server runs.", err=True)
    for name in names:
        if not any(_is_called(state, name) for _, state in servers):
            names_here = ", ".join(state["model"]["name"] for _, state in servers) or "none"
            raise LocalServerError(f"No launched server serves {name!r}; there are: {names_here}.")
    for folder, state in servers:
        if everything or any(_is_called(state, name) for name in names):
            if not stopping.stop(folder):
                raise LocalServerError(f"The server of {state['model']['name']} does not stop; see {folder}/log.")
            say(f"Stopped {state['model']['name']} ({state['title']}).", err=True)


def _is_called(state: ServerState, name: str) -> bool:
    model = state["model"]
    called = (model["name"], model["served"], model["path"], f"{state['provider']}/{model['served']}")
    return name in called or os.path.abspath(folders.expanded(name, environment())) == model["path"]
