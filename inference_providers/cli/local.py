"""`inference-providers local`: models and servers on this machine."""

from __future__ import annotations

import os
from typing import Any

import click

from inference_providers.cli.exits import guarded
from inference_providers.cli.tables import emit


@click.group()
def local() -> None:
    """Models and model servers on this machine."""


@local.command("list")
@click.option(
    "--context",
    type=click.IntRange(min=1),
    default=4096,
    show_default=True,
    help="Tokens of context to reckon the memory for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def list_models(context: int, as_json: bool) -> None:
    """List model files: those of Ollama, LM Studio, Hugging Face, llama.cpp, and in this package's models folder.

    memory is about what a model takes to run with so many tokens of context; what does not fit into
    the memory that is free now is marked.
    """
    from inference_providers import machine, model_files

    free = machine.free_memory()
    rows: list[dict[str, Any]] = []
    for model in model_files.found(os.environ):
        needed = model.memory(context)
        rows.append(
            {
                "name": model.name,
                "kind": model.kind,
                "size": model.size if as_json else machine.sized(model.size),
                "memory": needed if as_json else machine.sized(needed) + ("" if needed <= free else ", too much now"),
                "fits": needed <= free,
                "source": model.source,
                "path": model.path,
            }
        )
    if not rows and not as_json:
        click.echo(
            "No model files in the usual places. `inference-providers doctor` shows where models of its own would lie.",
            err=True,
        )
    emit(rows, ["name", "kind", "size", "memory", "source", "path"], as_json)
    if rows and not as_json:
        click.echo(f"{machine.sized(free)} of memory are free.", err=True)
