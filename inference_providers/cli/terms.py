"""The options by which a command says whom it may ask, and with which key."""

from __future__ import annotations

import os
import re
from functools import wraps

import click

from inference_providers.chat import ORDERS
from inference_providers.cli.completion import complete_provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.clients import ClientTerms


_base = click.option("--api-base", metavar="URL", help="Ask this OpenAI-compatible server, and nobody else.")
_variable = click.option(
    "--api-key-variable", metavar="NAME", help="The variable that holds the key; for one provider (openai/gpt-4o)."
)


def offline(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--offline`, which is the variable, for this command."""

    def set_variable(context: click.Context, _: click.Parameter, value: bool) -> None:
        from inference_providers.offers import OFFLINE_VARIABLE

        if value:
            before = os.environ.get(OFFLINE_VARIABLE)
            os.environ[OFFLINE_VARIABLE] = "1"
            context.call_on_close(lambda: _put_back(OFFLINE_VARIABLE, before))

    return click.option(
        "--offline",
        is_flag=True,
        expose_value=False,
        callback=set_variable,
        help="Ask nobody beyond this machine and private networks, and download nothing.",
    )(command)


def _put_back(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--offline`, and `--avoid` and `--only`, which come as tuples *avoid* and *only*."""
    for option in (
        offline,
        click.option(
            "--only",
            multiple=True,
            shell_complete=complete_provider,
            help="Ask nobody but this provider, country (DE) or local; may be repeated.",
        ),
        click.option(
            "--avoid",
            multiple=True,
            shell_complete=complete_provider,
            help="Never ask this provider, country (CN) or local; may be repeated.",
        ),
    ):
        command = option(command)
    return command


def on_address(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--avoid`, `--only`, `--offline`, `--api-base` and `--api-key-variable`; all come as *terms*.

    A key itself is not an option: other users see command lines, and shells keep them.
    """

    @wraps(command)
    def run(
        *args: Any,
        avoid: tuple[str, ...],
        only: tuple[str, ...],
        api_base: str | None,
        api_key_variable: str | None,
        **kwargs: Any,
    ) -> Any:
        return command(*args, terms=_terms(avoid, only, api_base, api_key_variable), **kwargs)

    return selecting(_base(_variable(run)))


def on_terms(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of `on_address`, `--policy` and `--max-cost`; all come as *terms*, for `ask_ai`."""

    @wraps(command)
    def run(*args: Any, policy: Any, max_cost: float | None, terms: ClientTerms, **kwargs: Any) -> Any:
        if policy is not None:
            terms["policy"] = policy
        if max_cost is not None:
            terms["max_cost"] = max_cost
        return command(*args, terms=terms, **kwargs)

    order = click.option(
        "--policy",
        type=click.Choice(ORDERS, case_sensitive=False),
        metavar="NAME",
        help=f"Who is asked first: {', '.join(ORDERS)}.",
    )
    cost = click.option("--max-cost", type=click.FloatRange(min=0), help="US dollars that an answer may cost at most.")
    return on_address(order(cost(run)))


def _terms(
    avoid: tuple[str, ...], only: tuple[str, ...], api_base: str | None, api_key_variable: str | None
) -> ClientTerms:
    terms: ClientTerms = {}
    if avoid:
        terms["avoid"] = avoid
    if only:
        terms["only"] = only
    if api_base is not None:
        terms["api_base"] = api_base
    if api_key_variable is not None:
        terms["api_key"] = _key_in(api_key_variable)
    return terms


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `-o KEY=VALUE`, which goes into the request as it is, and comes as the dict *extra*."""

    def read(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
        import json

        found: dict[str, Any] = {}
        for one in given:
            name, equals, value = one.partition("=")
            if not equals or not name:
                raise click.BadParameter(f"Give KEY=VALUE, not {one!r}.")
            if name in ("model", "input"):
                raise click.BadParameter(f"{name!r} is not an option of the model; the command itself says that.")
            try:
                found[name] = json.loads(value)
            except ValueError:
                found[name] = value
        return found

    return click.option(
        "-o",
        "--option",
        "extra",
        multiple=True,
        metavar="KEY=VALUE",
        callback=read,
        help="For the model, as it is: input_type=query of some; may be repeated.",
    )(command)


def _key_in(variable: str) -> str:
    """The key that a variable holds. Raises ValueError and NoCredentialsError, which show no value."""
    from inference_providers.cli.lists import environment
    from inference_providers.credentials import hidden, is_foreign
    from inference_providers.errors import NoCredentialsError
    from inference_providers.registry import bundled

    if not re.fullmatch(r"[A-Za-z_]\w*", variable):  # perhaps a key in the wrong place, so it is not shown
        raise ValueError("--api-key-variable takes the name of an environment variable, not a key")
    if is_foreign(variable) and not any(variable in row.key_variables for row in bundled().providers.values()):
        raise ValueError(f"{variable} holds a secret of another service, not a provider's key; use another variable")
    key: str = hidden(environment().get(variable, ""))
    if not key:
        raise NoCredentialsError(f"{variable}, which should hold the key, is not set.", [variable])
    return key
