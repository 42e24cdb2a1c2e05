"""Fills the generated parts of README and docs: `python docs/generate.py`, or `--check` to compare only."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inference_providers import installing
from inference_providers.registry.provider import SPOKEN_PROTOCOLS
from inference_providers.registry.registry import Registry, bundled

ROOT = Path(__file__).parent.parent
_MESSAGES = "who is asked by Anthropic's messages"


def provider_table(registry: Registry) -> str:
    """Cloud providers with an endpoint, as one line of names for each group; local servers after them."""
    cloud = [
        p for p in registry.providers.values() if p.local is None and p.endpoint and p.protocol in SPOKEN_PROTOCOLS
    ]
    main, rest = cloud[: len(registry.easiest) * 8], cloud[len(registry.easiest) * 8 :]
    rows = ["| provider | id | key | models |", "|---|---|---|---|"]
    for provider in main:
        name = f"[{provider.name}]({provider.data['console']})" if provider.data.get("console") else provider.name
        rows.append(
            f"| {name} | `{provider.id}` | `{(provider.key_variables or ['-'])[0]}` | {len(provider.data['model_names'])} |"
        )
    here = ", ".join(p.name for p in registry.providers.values() if p.local is not None and p.id != "local")
    return "\n".join(
        [*rows, "", f"And {len(rest)} more: {', '.join(p.id for p in rest)}.", "", f"On this machine: {here}."]
    )


def disagreements(registry: Registry) -> str:
    """How far the sources agree."""
    found = registry.data["sources"]["disagreements"]
    rows = ["| fact | offers on which sources disagree |", "|---|---|"]
    labels = {
        "context": "context window",
        "output": "output limit",
        "price_in": "input price",
        "price_out": "output price",
        "price_cached": "cached input price",
    }
    rows += [f"| {label} | {found[field]} |" for field, label in labels.items()]
    return "\n".join(
        [*rows, "", f"Compared: {found['compared']} facts that at least two sources give for the same offer."]
    )


def parameter_rows(registry: Registry) -> str:
    """What providers make of parameters."""

    def names(listed: list[str]) -> str:
        return ", ".join(f"`{name}`" for name in listed)

    rows = ["| provider | its own names | refuses | takes beyond OpenAI's |", "|---|---|---|---|"]
    whose = [(provider.name, provider.connection.get("parameters")) for provider in registry.providers.values()]
    for name, row in [*whose, (_MESSAGES, registry.parameters.get("messages"))]:
        if row:
            spelled = ", ".join(f"`{name}`: `{own}`" for name, own in row.get("spelling", {}).items())
            refused = [one for one in row.get("refuses", []) if one != "json_schema"]
            rows.append(f"| {name} | {spelled} | {names(refused)} | {names(row.get('accepts', []))} |")
    return "\n".join(rows)


def turn_rows(registry: Registry) -> str:
    """How providers want the turns of a conversation."""
    rows = ["| provider | form of a call's id | takes back | fills in where there are calls |", "|---|---|---|---|"]
    whose = [(provider.name, provider.connection.get("turns")) for provider in registry.providers.values()]
    for name, row in [*whose, (_MESSAGES, registry.parameters.get("messages", {}).get("turns"))]:
        if row:
            form = f"`{row['ids']}`" if "ids" in row else ""
            taken = ", ".join(f"`{name}`" for name in row["takes"]) or "nothing" if "takes" in row else "what it gave"
            filled_in = ", ".join(f"`{name}`" for part in ("fills", "first_call") for name in row.get(part, {}))
            rows.append(f"| {name} | {form} | {taken} | {filled_in} |")
    return "\n".join(rows)


def batch_rows(registry: Registry) -> str:
    """Providers with a batch API."""
    rows = ["| provider | price | questions in a file |", "|---|---|---|"]
    for provider in registry.providers.values():
        own = provider.connection.get("batch")
        if own is not None:
            row = {**registry.batch, **own}
            price = f"{row['price']:.0%} of the usual" if "price" in row else "not known; counted as usual"
            rows.append(f"| {provider.name} | {price} | {row['requests']:,} |")
    return "\n".join(rows)


def numbers(registry: Registry) -> str:
    """What the registry holds."""
    cloud = [p for p in registry.providers.values() if p.local is None]
    offers = [len(names) for p in cloud if (names := p.callable_names())]
    local = len(registry.providers) - len(cloud)
    return f"Version {registry.version}: {len(cloud)} providers ({len(offers)} with models that can be asked for), {local} kinds of local servers, {len(registry.canonical_names)} canonical names, {sum(offers)} offers."


def command_table() -> str:
    """Every command, with what it does, and a link to its help."""
    from inference_providers.cli.main import main

    rows = ["| command | |", "|---|---|"]
    for name, command in sorted(main.commands.items()):
        anchor = "ask-ai" if name == "ask" else f"inference-providers-{name}"
        rows.append(f"| [`{name}`](#{anchor}) | {command.get_short_help_str(200)} |")
    return "\n".join(rows)


def command_help() -> str:
    """The help of every command; those of a group are a level below it."""
    import click

    from inference_providers.cli.ask import main as ask
    from inference_providers.cli.main import main

    def pages(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
        if command is ask and parent is not None:
            return []  # it stands at the top
        context = click.Context(
            command,
            info_name=name,
            parent=parent,
            terminal_width=100,
            max_content_width=100,
            **(command.context_settings or {}),
        )
        level = "###" if parent is not None and parent.parent is not None else "##"
        found = [f"{level} `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```"]
        for sub in sorted(command.commands) if isinstance(command, click.Group) else ():
            found += pages(command.commands[sub], sub, context)
        return found

    return "\n\n".join([*pages(ask, "ask-ai"), *pages(main, "inference-providers")])


def fault_matrix() -> str:
    """The table that the tests run."""
    sys.path.insert(0, str(ROOT))
    from tests.fault_server import table

    return table()


def status_rows() -> str:
    """How a server's words are judged, and a status where no words decide."""
    from inference_providers.protocols import classify

    def line(status: str, words: str, action: str, error: str) -> str:
        return f"| {status} | {words} | {action.upper()} | `{error}` |"

    rows = ["| status | words | outcome | error |", "|---|---|---|---|"]
    rows += [
        line(", ".join(map(str, sorted(row.statuses))) or "any", row.name, row.action, row.error)
        for row in bundled().refusals
    ]
    alike: dict[tuple[str, type[Exception]], list[int]] = {}
    for status, verdict in classify.BY_STATUS.items():
        alike.setdefault(verdict, []).append(status)
    rows += [
        line(", ".join(map(str, statuses)), "", action, error.__name__) for (action, error), statuses in alike.items()
    ]
    rows += [line(f"others from {least} on", "", action, error.__name__) for least, action, error in classify.BY_CLASS]
    action, error = classify.OTHERWISE
    return "\n".join([*rows, line("others", "", action, error.__name__)])


def phrases() -> str:
    """The patterns of a server's words."""
    rows = [f"{row.name}:\n" + "\n".join(f"  {word}" for word in row.words) for row in bundled().refusals]
    return "\n".join(["```text", *rows, "```"])


def stream_ends() -> str:
    """What the end of a stream means."""
    from inference_providers.protocols.stream_ends import ENDS

    rows = ["| has come | has not come | the stream is |", "|---|---|---|"]
    rows += [f"| {', '.join(present)} | {', '.join(absent)} | {outcome} |" for present, absent, outcome in ENDS]
    return "\n".join(rows)


def stored() -> str:
    """The settings that can be kept, each with its variable."""
    from inference_providers.settings import SETTINGS

    rows = [f"| `{one.name}` | `{one.variable}` | {one.what} |" for one in SETTINGS.values()]
    return "\n".join(["| setting | variable | says |", "|---|---|---|", *rows])


def settings() -> str:
    """The variables that are no provider's."""
    from inference_providers.cli.variables import VARIABLES

    lines = []
    for title, rows in VARIABLES.items():
        lines += ["", f"## {title}", "", "| variable | says |", "|---|---|"]
        lines += [f"| `{name}` | {said} |" for name, said in rows.items()]
    return "\n".join([*lines[1:], ""])


def key_rows(registry: Registry) -> str:
    """The variables that rows of the registry name: keys, addresses, accounts, by provider."""
    from inference_providers.credentials import sources_of

    def names(listed: Iterable[str]) -> str:
        return ", ".join(f"`{name}`" for name in dict.fromkeys(listed))

    here = {name for row in registry.providers.values() if row.local is not None for name in row.address_variables}
    rows = ["| provider | key | address | account |", "|---|---|---|---|"]
    for provider in registry.providers.values():
        connection = provider.connection
        account = [*sources_of(provider), *(connection.get("headers") or {}).values()]
        reached = provider.endpoint and provider.protocol in SPOKEN_PROTOCOLS
        address = [
            name for name in provider.address_variables if reached and (provider.local is not None or name not in here)
        ]
        if provider.key_variables or address or account:
            cells = [names(provider.key_variables), names(address), names(account)]
            rows.append(f"| {provider.name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def install() -> str:
    """What to type to have the package."""
    where = (
        "It is not on PyPI: the package of this name there is another project's. Make the wheel with `make wheel`, in a clone. Then install it"
        if installing.UNPUBLISHED
        else "Install it"
    )
    return f"{where} with `{installing.command()}`, or `{installing.command('local')}` to get the embedded llama.cpp engine as well."


def error_rows() -> str:
    """Every error: of which kind it is, what it says, and the exit code that the command line makes of it."""
    import inference_providers
    from inference_providers import InferenceProvidersError
    from inference_providers.cli.exit_codes import code_of

    def below(kind: type[Exception]) -> list[type[Exception]]:
        return [kind, *(one for sub in kind.__subclasses__() if sub.__name__ in public for one in below(sub))]

    public = set(inference_providers.__all__)
    rows = ["| error | is a | when | exit code |", "|---|---|---|---|"]
    for kind in below(InferenceProvidersError):
        name, base = kind.__name__, kind.__bases__[0].__name__
        address = f"#inference_providers.errors.{name}"
        about = (kind.__doc__ or "").partition("\n")[0]
        rows.append(f"| [`{name}`]({address}) | `{base}` | {about} | {code_of(kind)} |")
    return "\n".join(rows)


def exit_codes() -> str:
    """What the command line ends with."""
    from inference_providers.cli.exit_codes import EXIT_CODES

    said = EXIT_CODES.removeprefix("Exit codes: ").rstrip(".").split("; ")
    return "\n".join(
        ["| exit code | meaning |", "|---|---|", *(f"| {' | '.join(one.split(' ', 1))} |" for one in said)]
    )


def pages() -> str:
    """The pages of the site, in the order of its navigation."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Which passes over what is for Python alone."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    sections = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)["nav"]

    def line(entry: Any, depth: int) -> list[str]:
        title, inner = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        indent = "    " * depth
        if isinstance(inner, list):
            return [f"{indent}- {title}", *(row for one in inner for row in line(one, depth + 1))]
        path = ROOT / "docs" / inner
        if not path.exists() or inner == "index.md":
            return []  # a page of the project beside the docs, and README
        heading = title or path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        return [f"{indent}- [{heading}]({inner})"]

    rows = []
    for section in sections:
        ((title, inner),) = section.items()
        if found := [row for one in inner for row in line(one, 0)]:
            rows += ["", f"## {title}", "", *found]
    return "\n".join([*rows[1:], ""])


PARTS = {
    "README.md": {"install": install},
    "docs/index.md": {"pages": pages},
    "docs/providers.md": {"providers": lambda: provider_table(bundled())},
    "docs/reference/errors.md": {"errors": error_rows, "codes": exit_codes},
    "docs/registry.md": {"numbers": lambda: numbers(bundled()), "disagreements": lambda: disagreements(bundled())},
    "docs/cli.md": {"commands": command_table, "help": command_help},
    "docs/parameters.md": {"parameters": lambda: parameter_rows(bundled())},
    "docs/answers.md": {"turns": lambda: turn_rows(bundled())},
    "docs/batch.md": {"batch": lambda: batch_rows(bundled())},
    "docs/settings.md": {"stored": stored},
    "docs/environment.md": {"settings": settings, "keys": lambda: key_rows(bundled())},
    "docs/failures.md": {"statuses": status_rows, "phrases": phrases, "ends": stream_ends, "matrix": fault_matrix},
}


def filled(text: str, parts: dict[str, object]) -> str:
    """*text* with each generated part between its markers replaced."""
    for name, make in parts.items():
        assert callable(make)
        pattern = rf"(<!-- {name}: generated[^>]*-->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda match, made=make: f"{match[1]}{made()}\n{match[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
    return text


def main() -> int:
    """Fill, or with `--check` tell what is out of date."""
    stale = []
    for file, parts in PARTS.items():
        path = ROOT / file
        before = path.read_text("utf-8")
        after = filled(before, dict(parts))
        if after != before:
            stale.append(file)
            if "--check" not in sys.argv:
                path.write_text(after, "utf-8")
    print(f"{'out of date' if '--check' in sys.argv else 'filled'}: {', '.join(stale) or 'nothing'}")
    return bool(stale and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
