"""`inference-providers logs`: calls one by one, and whether they are logged."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click

from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.kept_log import history_path
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.removal import ask_before
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.usage import LogFile, LogSettings

_COUNT = 20
_SHOWN = ("id", "when", "model", "tokens", "cost", "seconds", "outcome", "said")
_count = click.option("-n", "--count", type=click.IntRange(min=1), default=_COUNT, show_default=True, help="How many.")
_caller = click.option("--caller", metavar="NAME", help="Only calls of that caller of a gateway.")


@click.group(invoke_without_command=True)
@click.option("--last", is_flag=True, help="Show the last call.")
@_caller
@click.pass_context
@guarded
@paged
def logs(context: click.Context, last: bool, caller: str | None) -> None:
    """Look at calls in the log, turn it on and off, delete it; without a command: the latest calls."""
    if context.invoked_subcommand is not None:
        if caller is not None:
            raise click.UsageError("Give --caller behind the command: logs list --caller NAME.")
        return
    if last:
        from inference_providers.usage import latest

        found = latest(_file(), 1, caller=_id(caller))
        _print_call(found[0] if found else None, False)
    else:
        _list(_COUNT, "", False, caller)


@logs.command("list")
@_count
@_caller
@json_option
@guarded
@paged
def list_calls(count: int, caller: str | None, as_json: bool) -> None:
    """List the latest calls."""
    _list(count, "", as_json, caller)


@logs.command()
@click.argument("text")
@_count
@_caller
@json_option
@guarded
@paged
def search(text: str, count: int, caller: str | None, as_json: bool) -> None:
    """List calls with TEXT in what was said (where that is kept), or in the names of model, provider or program."""
    _list(count, text, as_json, caller)


@logs.command()
@click.argument("number", type=int, metavar="ID")
@json_option
@guarded
@paged
def show(number: int, as_json: bool) -> None:
    """Show one call, with all that is kept of it."""
    from inference_providers.usage import call

    _print_call(call(_file(), number), as_json)


@logs.command()
@click.option("--since", default="all", show_default=True, help="7d, 24h, today, this_month, 2026-11-01, all, ...")
@guarded
def export(since: str) -> None:
    """Print all calls as JSON lines, the first one first."""
    from datetime import UTC, datetime

    from inference_providers.text import as_json
    from inference_providers.usage import every, moments

    for one in every(_file(), *moments(since, datetime.now(UTC))):
        say(as_json(one, None))


@logs.command()
@click.option("--text", is_flag=True, help="Keep what is said, too, also of what is piped.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Keep calls that long; default: 400.")
@click.option("--megabytes", type=click.FloatRange(min=0, min_open=True), help="In a file of that size at most.")
@click.option("--text-days", type=click.FloatRange(min=0, min_open=True), help="Keep texts that long; default: 30.")
@click.option("--text-megabytes", type=click.FloatRange(min=0, min_open=True), help="That much of it; default: 100.")
@guarded
def on(text: bool, **keep: float | None) -> None:
    """Log the calls of the command line."""
    settings = _settings()
    settings.set(told=True, log="text" if text else "usage", **keep)
    _unset()
    said = ", and what is said" if text else ""
    say(f"Tokens, cost and times of calls are logged{said}: {_file().path}", err=True)


@logs.command()
@guarded
def off() -> None:
    """Log no call of the command line. What is there stays: `logs delete` removes it."""
    _settings().set(told=True, log="off")
    _unset()
    say(
        "Calls of the command line are not logged any more; `inference-providers logs delete` removes what is there.",
        err=True,
    )


@logs.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@guarded
def delete(yes: bool) -> None:
    """Remove all calls, and what was said, from the log, and what was typed in chat."""
    file = _file()
    ask_before(f"Remove all that is in {file.path}?", yes=yes)
    if not file.clear():
        raise click.ClickException(f"It cannot be removed now: {file.database.fault}")
    if typed := history_path(environment()):
        with suppress(FileNotFoundError):
            os.unlink(typed)
    say("Removed.", err=True)


def _unset() -> None:
    """Have the last word count: that of these commands, not that of the settings' file."""
    environ = environment()
    if "log" in environ.stored.settings:
        from inference_providers.settings import unset_value

        unset_value(environ, ["log"])


def _file() -> LogFile:
    from inference_providers.usage import LogFile

    file = LogFile.of(environment())
    if file is None:
        raise click.ClickException("This user has no home folder, and so nothing is logged.")
    return file


def _settings() -> LogSettings:
    from inference_providers.usage import LogSettings

    settings = LogSettings.of(environment())
    if settings is None:
        raise click.ClickException("This user has no home folder, and so nothing is logged.")
    return settings


def _id(caller: str | None) -> str | None:
    """By what the log knows a caller of a gateway: its id, which may be given as well."""
    if caller is None:
        return None
    from inference_providers.gateway import Callers

    callers = Callers(environment())
    return caller if any(one.id == caller for one in callers.list()) else callers.get(caller).id


def _list(count: int, text: str, as_json: bool, caller: str | None) -> None:
    from inference_providers.usage import latest

    found = latest(_file(), count, text, _id(caller))
    if as_json:
        say_json(found)
    elif not found:
        say("No such call is in the log." if text else "No call is in the log.", err=True)
    else:
        emit([_row(one) for one in found], _SHOWN, False, prose=["said"])


def _row(one: dict[str, Any]) -> dict[str, Any]:
    from inference_providers.text import in_line

    tokens = "" if one["input_tokens"] is None else f"{one['input_tokens']:,} in, {one['output_tokens']:,} out"
    said = in_line(_words(one["messages"][-1]))[:60] if one["messages"] else ""
    return {
        "id": one["id"],
        "when": _local(one["time"]),
        "model": f"{one['provider']}/{one['model']}" if one["provider"] else one["canonical_name"],
        "tokens": tokens,
        "cost": "?" if one["cost"] is None else f"${one['cost']:.6f}",
        "seconds": f"{one['seconds']:.2f}",
        "outcome": one["outcome"],
        "said": said,
    }


def _local(time: str) -> str:
    from datetime import datetime

    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _words(turn: Any) -> str:
    from inference_providers.chat import content_text

    return content_text(turn.get("content")) if isinstance(turn, dict) else ""


def _print_call(one: dict[str, Any] | None, as_json: bool) -> None:
    if one is None:
        say("There is no such call in the log.", err=True)
        raise SystemExit(FAILED)
    if as_json:
        say_json(one)
        return
    for name, value in one.items():
        if value is not None and name not in ("messages", "answer", "tries"):
            say(f"{name}: {value}")
    for tried in one["tries"] or ():
        say(f"tried: {tried[0]}/{tried[1]}: {tried[2]} ({tried[3]} s)")
    for turn in one["messages"] or ():
        say(f"\n{turn.get('role', '')}:", bold=True)
        say(_words(turn))
    if one["answer"] is not None:
        say("\nassistant:", bold=True)
        say(one["answer"])
