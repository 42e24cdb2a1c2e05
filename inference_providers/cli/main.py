"""`inference-providers`: look at keys, servers, models and the registry."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from inference_providers import __version__, files
from inference_providers.cli.batch import batch
from inference_providers.cli.chat import chat
from inference_providers.cli.completion import complete_model, complete_provider
from inference_providers.cli.exit_codes import BAD_REGISTRY, EXIT_CODES, guarded
from inference_providers.cli.local import local
from inference_providers.cli.output import Group, say, say_json
from inference_providers.cli.roll_call import roll_call
from inference_providers.cli.tables import emit
from inference_providers.offers import order

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Group, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """See which models your keys and servers reach, and look after the registry behind it."""


@main.command()
@_json_option
@guarded
def doctor(as_json: bool) -> None:
    """Show keys and servers found, what was skipped, and what ask_ai would use and why."""
    from inference_providers.cli.doctor import examine, report
    from inference_providers.clients import ProviderList

    found = examine(ProviderList())
    if as_json:
        say_json(found)
    else:
        say(report(found))


@main.command()
@click.argument("pattern", default="")
@click.option("--all", "everything", is_flag=True, help="Also models for which no key is set.")
@_json_option
@guarded
def models(pattern: str, everything: bool, as_json: bool) -> None:
    """List models whose names contain PATTERN, best prices first seen; only those usable now, unless --all."""
    from inference_providers.clients import ProviderList

    providers = ProviderList()
    rows = []
    for name in providers.get_canonical_model_names():
        if pattern.lower() in name:
            offers = providers.resolve(name).offers
            usable = order(offers)
            if usable or everything:
                rows.append(_model_row(name, offers, usable, providers.registry.model(name)))
    for server in providers.local_servers():
        for name, canonical in server.models.items():
            if canonical not in providers.registry.canonical_names and pattern.lower() in name.lower():
                rows.append(_model_row(name, [], [], {}) | {"providers": [f"{server.provider} (here)"], "usable": True})
    if not rows and not as_json:
        named = f" with {pattern!r} in its name" if pattern else ""
        say(
            f"There is no model{named}."
            if everything
            else f"No model{named} is usable now. --all lists those that need a key.",
            err=True,
        )
    emit(rows, ["model", "providers", "context", "input_price", "output_price", "released"], as_json)


def _model_row(name: str, offers: list[Any], usable: list[Any], facts: Any) -> dict[str, Any]:
    priced = [o for o in usable or offers if o.input_price is not None and o.output_price is not None]
    cheapest = min(priced, key=lambda o: (o.input_price or 0) * 3 + (o.output_price or 0), default=None)
    shown = list(dict.fromkeys(offer.provider for offer in usable or offers))
    return {
        "model": name,
        "providers": shown[:6] + ([f"+{len(shown) - 6}"] if len(shown) > 6 else []),
        "usable": bool(usable),
        "context": max((offer.context_window or 0 for offer in usable or offers), default=0) or None,
        "input_price": cheapest and cheapest.input_price,
        "output_price": cheapest and cheapest.output_price,
        "released": facts.get("released"),
    }


@main.command()
@click.option("--all", "everything", is_flag=True, help="Also providers for which no key is set.")
@_json_option
@guarded
def providers(everything: bool, as_json: bool) -> None:
    """List providers with a key, or all of them."""
    from inference_providers import credentials
    from inference_providers.clients import ProviderList

    listed = ProviderList()
    rows = []
    for provider in listed.registry.providers.values():
        found, reason = credentials.find(provider, listed.pipeline.finder.environ)
        usable = found is not None and found.variable is not None
        if everything or usable:
            variables = [found.variable] if found and found.variable else provider.key_variables
            rows.append(
                {
                    "provider": provider.id,
                    "name": provider.name,
                    "variables": variables,
                    "models": len(provider.data.get("model_names") or {}),
                    "endpoint": provider.endpoint,
                    "usable": usable,
                    "reason": reason,
                }
            )
    if not rows and not as_json:
        say("No key is set. --all lists every provider with its variables.", err=True)
    emit(rows, ["provider", "name", "variables", "models", "endpoint"], as_json)


@main.command()
@click.argument("name", shell_complete=complete_model)
@click.option("--provider", shell_complete=complete_provider, help="Pass the name to this provider as it is.")
@_json_option
@guarded
def resolve(name: str, provider: str | None, as_json: bool) -> None:
    """Show which model NAME means, by which rule, who serves it, and what is usable."""
    from inference_providers.clients import ProviderList

    found = ProviderList().resolve(name, provider=provider)
    rows = [
        {
            "provider": offer.provider,
            "internal_name": offer.internal_name,
            "usable": offer.usable,
            "why": offer.reason or _why_usable(offer),
            "input_price": offer.input_price,
            "output_price": offer.output_price,
            "context": offer.context_window,
        }
        for offer in found.offers
    ]
    if as_json:
        say_json(
            {
                "name": name,
                "rule": found.rule,
                "canonical_name": found.canonical_name,
                "warning": found.warning or None,
                "offers": rows,
            }
        )
        return
    say(f"{name} is {found.canonical_name or 'a choice among models'} (rule: {found.rule})")
    if found.warning:
        say(f"Note: {found.warning}", err=True)
    emit(rows, ["provider", "internal_name", "usable", "why", "input_price", "output_price"], False)


def _why_usable(offer: Any) -> str:
    if offer.variable:
        return f"{offer.variable} is set"
    return "on this machine" if offer.endpoint else "its server would be started"


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and model names in SHELL.

    Use it by `eval "$(inference-providers completion bash)"`.
    """
    from click.shell_completion import get_completion_class

    from inference_providers.cli.ask import main as ask

    kind = get_completion_class(shell)
    assert kind is not None
    for command, name in ((main, "inference-providers"), (ask, "ask-ai")):
        say(kind(command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source())


for command in (batch, chat, local, roll_call):
    main.add_command(command)


@main.group()
def registry() -> None:
    """Build, update, check and show the registry of providers and models."""


@registry.command()
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="FILE_OR_URL",
    help="A catalogue; give it once for each source.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True), help="Where to write; default: standard output."
)
@guarded
def build(sources: tuple[str, ...], output: str | None) -> None:
    """Build a registry from public catalogues; the same inputs give the same bytes."""
    from inference_providers.upkeep import build as build_registry
    from inference_providers.upkeep import fetch_catalogue, load_overlay, read_source, to_text

    if output is not None and output != "-":
        files.check_writable(output, whole=True)
        if same := [source for source in sources if files.same(os.path.expanduser(source), output)]:
            raise click.UsageError(f"{same[0]} is an input; the registry needs a file of its own.")
    overlay = load_overlay()
    read = []
    for origin in sources:
        say(f"reading {origin}", err=True)
        read.append(read_source(fetch_catalogue(origin, os.environ), overlay, origin))
    text = to_text(build_registry(read, overlay))
    if output is None or output == "-":
        say(text, nl=False)
    else:
        with files.replacing(output, text=True) as file:
            file.write(text)
        say(f"wrote {output} ({len(text.encode()) // 1024} KiB)", err=True)


@registry.command()
@click.option("--url", help="Where from; default: INFERENCE_PROVIDERS_URL, else models.dev.")
@guarded
def update(url: str | None) -> None:
    """Download the newest registry, check it, and keep it for programs that use auto_update."""
    from inference_providers.upkeep import Updater

    updater = Updater(url=url)
    data = updater.fetch()
    version = data["version"] if data else (updater.cached() or _bundled()).version
    if updater.not_kept:
        say(updater.not_kept, err=True)
    say(f"{'Updated to' if data else 'Nothing new since'} version {version} from {updater.url}")


def _bundled() -> Any:
    from inference_providers.registry import bundled

    return bundled()


@registry.command()
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--strict", is_flag=True, help="Also report unknown fields.")
@guarded
def validate(files: tuple[str, ...], strict: bool) -> None:
    """Check registry FILES (default: the bundled one): every problem with its JSON path."""
    from inference_providers.registry import BUNDLED_PATH, linked, problems
    from inference_providers.upkeep import read

    found = 0
    for path in files or (linked(BUNDLED_PATH),):
        wrong = problems(read(path, "file"), strict=strict)
        found += len(wrong)
        for problem in wrong:
            say(f"{path}: {problem}", err=True)
        if not wrong:
            say(f"{path}: valid")
    if found:
        sys.exit(BAD_REGISTRY)


@registry.command()
@click.argument("provider", required=False)
@guarded
def show(provider: str | None) -> None:
    """Print the bundled registry, or one PROVIDER's row, as JSON."""
    from inference_providers.errors import UnknownModelError

    found = _bundled()
    if provider is None:
        say_json(found.data, indent=1)
        return
    pid = found.provider_id(provider)
    if pid is None:
        raise UnknownModelError(f"There is no provider {provider!r}. `inference-providers providers --all` lists them.")
    say_json({pid: found.data["providers"][pid]}, indent=1)


if __name__ == "__main__":
    main()
