"""`inference-providers usage`: what was used, by provider, model, day, program, hour or caller."""

from __future__ import annotations

import csv

import click

from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import columns, has_colours, json_option, on_terminal, put, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.usage import LogFile, Totals

BY = ("provider", "model", "day", "program", "hour", "caller")


@click.command("usage")
@click.option("--since", default="30d", show_default=True, help="7d, 24h, today, this_month, 2026-11-01, all, ...")
@click.option("--by", type=click.Choice(BY), default="model", show_default=True, help="What to add up by.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--plot", is_flag=True, help="Draw the costs; needs the extra `plot`.")
@click.option("--html", type=click.Path(dir_okay=False, writable=True), help="Write a page with charts to this file.")
@guarded
@paged
def usage(since: str, by: str, as_json: bool, as_csv: bool, plot: bool, html: str | None) -> None:
    """Show what was used: calls, tokens, costs and times, from the log of calls.

    A cost with "+ 3 unknown" leaves out three calls of which nobody knows what they cost.
    """
    from datetime import UTC, datetime

    from inference_providers.usage import LogFile, moments, report

    start, end = moments(since, datetime.now(UTC))
    file = LogFile.of(environment())
    if html is not None:
        _write_page(html, since, file, start, end)
        return
    rows = report(file, start, end, by)
    if by == "caller":
        _name(rows)
    if as_json:
        say_json([{by: one.key, **one.as_dict()} for one in rows])
    elif as_csv:
        _print_csv(by, rows)
    elif not rows:
        say(f"No call of that time is in the log{_why(file)}.", err=True)
    elif plot:
        _draw(by, rows)
    else:
        _print_table(by, rows)


def _name(rows: Sequence[Totals]) -> None:
    """Have callers of a gateway stand by their names, where those are known; `-` is for all other calls."""
    from inference_providers.gateway import Callers

    names = {one.id: one.name for one in Callers(environment()).list()} if any(one.key for one in rows) else {}
    for one in rows:
        one.key = names.get(one.key, one.key) or "-"


def _why(file: LogFile | None) -> str:
    from inference_providers.usage import OFF, LogSettings

    settings = LogSettings.of(environment())
    if file is None or settings is None:
        return ": this user has no home folder"
    return "; `inference-providers logs on` turns it on" if settings.mode == OFF else ""


def _print_table(by: str, rows: Sequence[Totals]) -> None:
    from inference_providers.usage import SUMS, TABLE, Totals, cells

    whole = Totals("all", [0] * len(SUMS))
    for one in rows:
        whole.add(one)
    shown = [{by: one.key, **dict(zip(TABLE, cells(one), strict=True))} for one in (*rows, whole)]
    emit(shown if len(rows) > 1 else shown[:1], [by, *TABLE], False)


def _print_csv(by: str, rows: Sequence[Totals]) -> None:
    from io import StringIO

    from inference_providers.batches import escaped, is_formula
    from inference_providers.usage import SUMS, Totals

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    values = [one.as_dict() for one in rows]
    names = list(Totals("", [0] * len(SUMS)).as_dict())
    writer.writerow([by, *names])
    for one, row in zip(rows, values, strict=True):
        key = escaped(one.key) if is_formula(one.key) else one.key  # servers name their models as they like
        writer.writerow([key, *("" if row[name] is None else row[name] for name in names)])
    say(text.getvalue(), nl=False)


def _draw(by: str, rows: Sequence[Totals]) -> None:
    from importlib import import_module

    from inference_providers import installing
    from inference_providers.text import in_line

    try:
        plotext = import_module("plotext")
        draw = plotext.simple_bar
    except (ImportError, AttributeError):  # it is not there, or another version, which draws otherwise
        raise click.ClickException(f"--plot needs plotext: {installing.command('plot')}") from None
    plotext.clear_figure()
    names = [in_line(one.key) for one in rows]  # made safe, so that the colours of all else can stay
    width = min(columns() - 2 if on_terminal() else 80, 80)  # it draws a column or two more
    draw(names, [round(one.cost, 6) for one in rows], width=width, title=f"US dollars by {by}")
    drawn = plotext.build().rstrip("\n")
    put(f"{drawn if has_colours() else plotext.uncolorize(drawn)}\n")


def _write_page(path: str, since: str, file: LogFile | None, start: float, end: float) -> None:
    from inference_providers.files import replacing
    from inference_providers.usage import page_of, report

    parts = {by: report(file, start, end, by) for by in BY if by != "hour"}
    _name(parts["caller"])
    if all(one.key == "-" for one in parts["caller"]):
        del parts["caller"]
    page = page_of(f"Usage since {since}", parts)
    try:
        with replacing(path, text=True, mode=0o600) as opened:
            opened.write(page)
    except OSError as error:
        say(f"Error: {path} cannot be written: {error.strerror or error}", err=True)
        raise SystemExit(FAILED) from None
    say(f"Wrote {path}.", err=True)
