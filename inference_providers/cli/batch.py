"""`inference-providers batch`: every item of a file asked, the answers written to another."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

import click

from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, INTERRUPTED, guarded
from inference_providers.cli.output import on_terminal, say, say_bytes
from inference_providers.cli.terms import on_terms
from inference_providers.cli.wording import spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Literal, NoReturn

    from inference_providers.batches import Result, Summary
    from inference_providers.clients import ClientTerms


def _concurrency(context: click.Context, option: click.Parameter, value: str) -> int | str:
    try:
        return value if value == "auto" else int(value)
    except ValueError:
        raise click.BadParameter(f'Give a whole number or "auto", not {value!r}.') from None


@click.command("batch")
@click.argument(
    "source", metavar="INPUT", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    help="Where the answers go: JSON lines, or CSV by its name; - for standard output.",
)
@click.option("-p", "--prompt", help="Ask this of each row, as in 'Summarise: {column}'.")
@click.option(
    "--format",
    "input_format",
    type=click.Choice(["auto", "jsonl", "json", "csv", "text"]),
    default="auto",
    show_default=True,
    help="What INPUT holds, if its name does not say; text: a question a line.",
)
@click.option("--encoding", help="Of CSV and text that is not UTF-8, as cp1252.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    shell_complete=complete_model,
    help="For items that name no model; several: best first.",
)
@click.option("-s", "--system", help="System prompt for every item.")
@click.option(
    "-c",
    "--concurrency",
    default="auto",
    show_default=True,
    callback=_concurrency,
    help="Concurrent requests, or auto to find out what each provider allows.",
)
@click.option("--rpm", type=click.FloatRange(min=0, min_open=True), help="Requests a minute, for each provider.")
@click.option("--tpm", type=click.FloatRange(min=0, min_open=True), help="Tokens a minute, for each provider.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Stop each answer after this many tokens.")
@click.option("--temperature", type=click.FloatRange(0, 2), help="Randomness of the answers; 0 for the least.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds for each answer, including retries."
)
@click.option(
    "--mode",
    type=click.Choice(["direct", "provider"]),
    default="direct",
    show_default=True,
    help="provider: use its batch API; slower, at about half the price.",
)
@click.option("--engine", type=click.Choice(["ray"]), help="ray: the machines of a cluster ask, by limits for all.")
@click.option("--address", metavar="HOST:PORT", help="Of the cluster; default: RAY_ADDRESS, or that of this machine.")
@click.option("--actors", type=click.IntRange(min=1), help="Processes that ask; default: one on each machine.")
@click.option(
    "--csv-formulas",
    type=click.Choice(["keep", "escape"]),
    default="keep",
    show_default=True,
    help="escape: an apostrophe before answers that a spreadsheet would run as formulas.",
)
@click.option("--no-resume", is_flag=True, help="Start over, and discard what the output holds.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
@guarded
@on_terms
def batch(
    source: Path,
    output: str,
    models: tuple[str, ...],
    rpm: float | None,
    tpm: float | None,
    no_resume: bool,
    quiet: bool,
    engine: Literal["ray"] | None,
    terms: ClientTerms,
    **same: Any,
) -> None:
    """Ask every item of INPUT, a file of JSON lines, JSON, CSV or text, and write the answers as they arrive.

    A line of JSON is a text in quotes, an object with "prompt" or "messages" (and "custom_id",
    "model", parameters), or a line of OpenAI's batch format. A CSV file has a column "prompt", or
    columns that --prompt names. A text file has a question in each line. - is standard input, read to
    its end first. Run it again after an interruption: items with an answer are not asked again;
    those that failed are.

    With --engine ray the machines of a cluster ask, and -o lies in a folder that all of them share. Each
    has keys of its own, in its environment.

    Exit code 1 if any item failed.
    """
    from inference_providers.cli import standard_input
    from inference_providers.cli.lists import provider_list
    from inference_providers.cli.refused_keys import RefusedKeys

    refused = RefusedKeys(providers := provider_list(learn=True))
    printed = output == "-"
    try:
        with standard_input.as_file(source) as questions, _told_plainly(engine):
            done = providers.batch(
                questions,
                list(models) or None,
                out=None if printed else output,
                resume=not no_resume,
                requests_per_minute=rpm,
                tokens_per_minute=tpm,
                progress=False if quiet else None,
                engine=engine,
                **same,  # what is called alike there
                **terms,
            )
            if printed:
                _print(done)
    except BlockingIOError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        _interrupted(output)
    finally:
        refused.tell()
    _report(done.summary, output)


@contextmanager
def _told_plainly(engine: str | None) -> Iterator[None]:
    """What is wrong with an engine as a message: it has errors of its own, of which no other command knows."""
    from inference_providers.errors import InferenceProvidersError

    try:
        yield
    except (InferenceProvidersError, ValueError, TypeError, BlockingIOError):
        raise
    except Exception as error:
        if engine is None or getattr(error, "errno", None):  # a file's, with a name
            raise
        lines = spoken(error).strip().splitlines() or [type(error).__name__]
        raise click.ClickException(lines[-1]) from None  # one of Ray's begins with a traceback


def _print(results: Iterable[Result]) -> None:
    """Results on standard output, a line of JSON each, as they come."""
    for result in results:
        line = result.as_line()
        say(line) if on_terminal() else say_bytes(line.encode("utf-8", "replace"))


def _interrupted(output: str) -> NoReturn:
    kept = "What was printed is what came" if output == "-" else f"{output} keeps the answers so far"
    again = "" if output == "-" else "; the same command resumes from there"
    say(f"\nInterrupted. {kept}{again}. What was being asked may have been charged.", err=True)
    sys.exit(INTERRUPTED)


def _report(summary: Summary, output: str) -> None:
    """Print the summary; exits with 1 if any item failed."""
    for problem in summary.problems:
        say(problem, err=True)
    unlisted = summary.failed + summary.malformed - len(summary.problems)
    if unlisted > 0:
        say(f"... and {unlisted} more; the output has them all", err=True)
    say(f"{summary}{'' if output == '-' else f'; wrote {output}'}", err=True)
    if summary.failed or summary.malformed:
        sys.exit(FAILED)
