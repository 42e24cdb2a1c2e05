"""`inference-providers batch-jobs`: jobs that providers' own batch APIs work on."""

from __future__ import annotations

import sys

import click

from inference_providers.cli.completion import complete_provider
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.batches import BatchJob, BatchJobs

_COLUMNS = ("name", "status", "created", "ended", "problem")


@click.group("batch-jobs")
def batch_jobs() -> None:
    """List, read, cancel and fetch the jobs of providers' batch APIs.

    JOB is the provider and the job's id, as the list names it: openai/batch_abc123.
    """


@batch_jobs.command("list")
@click.argument("provider", required=False, shell_complete=complete_provider)
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="Of each provider, at most.")
@json_option
@guarded
@paged
def list_jobs(provider: str | None, limit: int, as_json: bool) -> None:
    """List the newest jobs of a PROVIDER, or of all whose keys are there."""
    jobs = _jobs()
    found = jobs.list(provider, limit=limit)
    emit([job.as_dict() for job in found], _COLUMNS, as_json)
    for name, problem in jobs.problems.items():
        say(f"{name} is left out: {problem}", err=True)
    if not found and not as_json:
        say("No jobs.", err=True)


@batch_jobs.command()
@click.argument("job")
@json_option
@guarded
def show(job: str, as_json: bool) -> None:
    """Show a JOB as it is now."""
    _show(_jobs().get(job), as_json)


@batch_jobs.command()
@click.argument("job")
@json_option
@guarded
def cancel(job: str, as_json: bool) -> None:
    """Ask for a JOB's end. What it has answered by then is charged."""
    _show(_jobs().cancel(job), as_json)


@batch_jobs.command()
@click.argument("job")
@click.option("-o", "--output", default="-", show_default=True, type=click.Path(dir_okay=False), help="JSON lines.")
@guarded
def fetch(job: str, output: str) -> None:
    """Write what a JOB has answered. Exit code 1 if a request failed."""
    from inference_providers import files

    if output != "-":
        files.check_writable(output, whole=True)
    results = _jobs().results(job)
    lines = "".join(f"{result.as_line()}\n" for result in results)
    if output == "-":
        say(lines, nl=False)
    else:
        with files.replacing(output, text=True) as file:
            file.write(lines.encode("utf-8", "replace").decode())
    failed = sum(not result.ok for result in results)
    say(f"{len(results) - failed} answered, {failed} failed", err=True)
    if failed:
        sys.exit(FAILED)


def _jobs() -> BatchJobs:
    from inference_providers.batches import BatchJobs
    from inference_providers.cli.lists import provider_list

    return BatchJobs(provider_list())


def _show(job: BatchJob, as_json: bool) -> None:
    if as_json:
        say_json(job.data)
        return
    for name, value in job.as_dict().items():
        if name == "counts":
            value = ", ".join(f"{count} {word}" for word, count in value.items())
        if value not in ("", None):
            say(f"{name}: {value}")
