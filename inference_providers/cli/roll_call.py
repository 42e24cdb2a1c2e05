"""`inference-providers roll-call`: every model within reach asked the same questions."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager

import click

from inference_providers import __version__, files
from inference_providers.cli.completion import complete_provider
from inference_providers.cli.exit_codes import INTERRUPTED, guarded
from inference_providers.cli.output import on_terminal, say, say_json
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inference_providers.batches import Entry


@click.command("roll-call")
@click.option("--free", is_flag=True, help="Only models that cost nothing.")
@click.option(
    "--provider", "only", multiple=True, shell_complete=complete_provider, help="Only this provider; may be repeated."
)
@click.option("--model", "models", multiple=True, help="Only models with this in their name; may be repeated.")
@click.option(
    "-q", "--question", "questions", multiple=True, help="Ask this instead of the default questions; may be repeated."
)
@click.option(
    "--budget", type=click.FloatRange(min=0), default=0.10, show_default=True, help="US dollars to spend at most."
)
@click.option("--unpriced", is_flag=True, help="Also ask models whose price is not known.")
@click.option("-o", "--output", default="roll-call", show_default=True, help="Where to write: NAME.md and NAME.html.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and write no files.")
@guarded
def roll_call(
    free: bool,
    only: tuple[str, ...],
    models: tuple[str, ...],
    questions: tuple[str, ...],
    budget: float,
    unpriced: bool,
    output: str,
    as_json: bool,
    yes: bool,
) -> None:
    """Ask every model within reach the same questions: who answers, how fast, at what price.

    That is all models of all providers with a key, and of servers on this machine, within the
    spending limit. The answers go to a page in Markdown and one in HTML.
    """
    from inference_providers.batches import roll_call as calling
    from inference_providers.batches import roll_call_pages
    from inference_providers.cli.lists import provider_list

    providers = provider_list()
    offers = calling.called(providers.pipeline, only=only, models=models, free=free)
    if not offers and not (only or models or free):
        raise providers.pipeline.finder.guidance.nothing()
    if not offers:
        raise click.UsageError("No such model is within reach: `inference-providers models` lists those that are.")
    wanted = questions or calling.QUESTIONS
    base = output.removesuffix(".md").removesuffix(".html")
    if not as_json:
        _check_writable(base)
    asks = sys.stdin is not None and sys.stdin.isatty() and not yes
    if asks and not click.confirm(f"{len(offers)} models, at most ${budget:.2f}: go on?", default=False, err=True):
        say("Nobody was asked.", err=True)
        return
    with _progress(len(offers)) as report:
        call = calling.RollCall(providers.pipeline, offers, wanted, budget=budget, unpriced=unpriced, told=report)
        try:
            asyncio.run(call.run())
        except KeyboardInterrupt:
            interrupted = True  # the answers so far have been paid for, so they are written all the same
        else:
            interrupted = False
    entries = call.entries
    if as_json:
        say_json([entry.as_dict() for entry in roll_call_pages.ordered(entries)])
        if interrupted:
            say(roll_call_pages.summary(entries, call.spent), err=True)
    else:
        _write(base, entries, wanted, call.spent, _made(str(providers.registry.version)))
    if interrupted:
        sys.exit(INTERRUPTED)


def _made(registry: str) -> str:
    """When and how these answers came, so that two pages can be compared."""
    import shlex
    from datetime import UTC, datetime

    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = shlex.join(["inference-providers", "roll-call", *sys.argv[2:]])
    return f"{now}, registry {registry}, inference_providers {__version__}: {command}"


def _write(base: str, entries: Sequence[Entry], questions: Sequence[str], spent: float, made: str) -> None:
    from inference_providers.batches import roll_call_pages

    for suffix, text in (
        (".md", roll_call_pages.markdown(entries, questions, spent, made)),
        (".html", roll_call_pages.html(entries, questions, spent, made)),
    ):
        with files.replacing(base + suffix, text=True) as file:
            file.write(text)
    say(roll_call_pages.summary(entries, spent), fold=True)
    say(f"Wrote {base}.md and {base}.html.", fold=True)


def _check_writable(base: str) -> None:
    """Raise OSError or ValueError if a page cannot be written: before anything is spent, not after."""
    pages = [base + suffix for suffix in (".md", ".html")]
    for page in pages:
        files.check_writable(page, whole=True)
    if files.same(*pages):
        raise ValueError(f"{pages[0]} and {pages[1]} are the same file; each page needs its own")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Entry, float], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not on_terminal(err=True):
        yield lambda entry, spent: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("", total=total)

        def report(entry: Entry, spent: float) -> None:
            bar.update(task, advance=1, description=in_line(f"${spent:.4f} · {entry.provider}/{entry.name}"))

        yield report
