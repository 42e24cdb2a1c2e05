"""`inference-providers callers`: who may ask a gateway of yours, and how much."""

from __future__ import annotations

from typing import Any

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_providers.gateway import Caller, Callers

_SHOWN = ("name", "state", "tier", "limits", "budget", "models", "created", "expires")
_TIERS = ("free", "basic", "pro", "enterprise")
_COUNT = click.IntRange(min=1)


@click.group("callers")
def callers() -> None:
    """Give other people and programs keys to a gateway of yours (`inference-providers serve`), and take them back."""


def _fields(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--models", help="The only models that it may ask, between commas; default: all."),
        click.option("--tier", type=click.Choice(_TIERS), help="Limits by the minute and at once; default: none."),
        click.option("--requests-per-minute", type=_COUNT, help="In place of the tier's."),
        click.option("--tokens-per-minute", type=_COUNT, help="In place of the tier's."),
        click.option("--concurrent", type=_COUNT, help="Requests at once, in place of the tier's."),
        click.option("--budget", type=click.FloatRange(min=0), help="US dollars a month."),
        click.option("--expires", help="When its key ends: 12h, 30d, 2027-01-31; default: never."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@callers.command()
@click.argument("name")
@_fields
@json_option
@guarded
def create(name: str, as_json: bool, **fields: Any) -> None:
    """Make a caller called NAME and print its key.

    Nobody can show the key again.
    """
    made, key = _callers().create(name, **_given(fields))
    if as_json:
        say_json({**made.as_dict(), "key": key})
        return
    say(f"The key of {made.name}, which is shown this once:", err=True)
    say(key)
    _warn_of_unknown(made)


@callers.command()
@click.argument("name")
@_fields
@click.option("--unlimited", multiple=True, help="Take a limit away, by the name of its option.", metavar="LIMIT")
@json_option
@guarded
def update(name: str, unlimited: tuple[str, ...], as_json: bool, **fields: Any) -> None:
    """Change what NAME may ask; its key stays."""
    none = {limit.lstrip("-").replace("-", "_"): None for limit in unlimited}
    given = _given(fields)
    if twice := [limit for limit in none if limit in given]:
        raise click.UsageError(f"Give {twice[0]} a value, or take it away, not both.")
    changed = _callers().update(name, **given, **none)
    if as_json:
        say_json(changed.as_dict())
        return
    emit([_row(changed)], _SHOWN, False)
    _warn_of_unknown(changed)


@callers.command("list")
@json_option
@guarded
@paged
def list_callers(as_json: bool) -> None:
    """List all callers, and what each may ask; keys are not kept."""
    found = _callers().list()
    if as_json:
        say_json([one.as_dict() for one in found])
    elif not found:
        say("There are no callers; `inference-providers callers create NAME` makes one.", err=True)
    else:
        emit([_row(one) for one in found], _SHOWN, False)


@callers.command()
@click.argument("name")
@guarded
def revoke(name: str) -> None:
    """Take the key of NAME no longer.

    A running gateway knows within a second or two.
    """
    revoked = _callers().revoke(name)
    say(
        f"The key of {revoked.name} is not taken any more.\n"
        f"`inference-providers purge --caller {revoked.name}` removes what is kept of it.",
        err=True,
    )


def _callers() -> Callers:
    from inference_providers.gateway import Callers

    return Callers(environment())


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in fields.items() if value is not None}
    if "models" in given:
        given["models"] = [name for part in given["models"].split(",") if (name := part.strip())]
    return given


def _warn_of_unknown(caller: Caller) -> None:
    """Say which of its models nobody has: it may be a slip, or a server that does not run now."""
    from inference_providers import UnknownModelError
    from inference_providers.cli.lists import provider_list

    made = provider_list() if caller.models is not None else None
    for name in caller.models or ():
        try:
            assert made is not None
            made.resolve(name)
        except UnknownModelError as error:
            say(f"Warning: {str(error).splitlines()[0]}", err=True)


def _row(one: Caller) -> dict[str, Any]:
    import time

    quota, shown = one.quota, one.as_dict()
    numbers = (
        {}
        if quota is None
        else {
            "requests a minute": quota.requests_per_minute,
            "tokens a minute": quota.tokens_per_minute,
            "at once": quota.concurrent,
        }
    )
    why = one.problem(time.time())
    return {
        "name": one.name,
        "state": "" if not why else "revoked" if one.revoked is not None else "expired",
        "tier": one.tier or "",
        "limits": ", ".join(f"{most:,} {what}" for what, most in numbers.items() if most is not None),
        "budget": "" if one.budget is None else f"${one.budget:.12g} a month",
        "models": "all" if one.models is None else ", ".join(one.models),
        "created": shown["created"][:10],
        "expires": (shown["expires"] or "")[:10],
    }
