"""`inference-providers batch`: every item of a file asked, the answers written to another."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, INTERRUPTED, guarded
from inference_providers.cli.output import say
from inference_providers.cli.terms import on_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, NoReturn

    from inference_providers.batches import Summary
    from inference_providers.clients import Terms


def _concurrency(context: click.Context, option: click.Parameter, value: str) -> int | str:
    try:
        return value if value == "auto" else int(value)
    except ValueError:
        raise click.BadParameter(f'must be a whole number or "auto", not {value!r}') from None


@click.command("batch")
@click.argument("source", metavar="INPUT", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    help="Where the answers go: JSON lines, or CSV by its name.",
)
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
    system: str | None,
    concurrency: int | Literal["auto"],
    rpm: float | None,
    tpm: float | None,
    max_tokens: int | None,
    temperature: float | None,
    timeout: float | None,
    mode: Literal["direct", "provider"],
    csv_formulas: Literal["keep", "escape"],
    no_resume: bool,
    quiet: bool,
    terms: Terms,
) -> None:
    """Ask every item of INPUT, a file of JSON lines or CSV, and write the answers as they arrive.

    A line is a text in quotes, an object with "prompt" or "messages" (and "custom_id", "model",
    parameters), or a line of OpenAI's batch format. A CSV file has a column "prompt". Run it again
    after an interruption: items with an answer are not asked again; those that failed are.

    Exit code 1 if any item failed.
    """
    from inference_providers.cli.refused_keys import RefusedKeys
    from inference_providers.clients import ProviderList

    if output == "-":
        raise click.UsageError("The answers go to a file, so that the batch can be resumed; give its name.")
    refused = RefusedKeys(providers := ProviderList(learn=True))
    try:
        done = providers.batch(
            source,
            list(models) or None,
            out=output,
            resume=not no_resume,
            concurrency=concurrency,
            requests_per_minute=rpm,
            tokens_per_minute=tpm,
            max_tokens=max_tokens,
            temperature=temperature,
            timeout=timeout,
            system=system,
            mode=mode,
            csv_formulas=csv_formulas,
            progress=False if quiet else None,
            **terms,
        )
    except BlockingIOError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        _interrupted(output)
    finally:
        refused.tell()
    _report(done.summary, output)


def _interrupted(output: str) -> NoReturn:
    say(f"\nInterrupted. {output} keeps the answers so far; the same command resumes from there.", err=True)
    sys.exit(INTERRUPTED)


def _report(summary: Summary, output: str) -> None:
    """Print the summary; exits with 1 if any item failed."""
    for problem in summary.problems:
        say(problem, err=True)
    unlisted = summary.failed + summary.malformed - len(summary.problems)
    if unlisted > 0:
        say(f"... and {unlisted} more; the output has them all", err=True)
    say(f"{summary}; wrote {output}", err=True)
    if summary.failed or summary.malformed:
        sys.exit(FAILED)
