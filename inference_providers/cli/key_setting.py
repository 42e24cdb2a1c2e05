"""A key on its way from a person to where it is kept: asked for unseen, checked, stored."""

from __future__ import annotations

import re
import sys

import click

from inference_providers.cli.exit_codes import FAILED
from inference_providers.cli.lists import environment, provider_list
from inference_providers.cli.output import say
from inference_providers.credentials import Secret, refusal, sources_of, told, variables_of
from inference_providers.errors import UnknownModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import KeyCheck
    from inference_providers.registry import Provider

_LONGEST = 16 * 1024  # characters of a key
_AROUND = " \t\r\n'\"`,;\u2018\u2019\u201c\u201d\xab\xbb"  # what no key begins or ends with
_PASTED = r"\x1b\[20[01]~"  # what a terminal may put around what is pasted


def meant(name: str) -> tuple[Provider | None, str]:
    """The provider and the variable that a person means: by a provider in any spelling, or by a variable.

    Raises UnknownModelError, which does not show what may be a key, and ValueError.
    """
    from inference_providers.cli.lists import registry
    from inference_providers.settings import may_be_stored

    known = registry()
    rows = known.providers
    if re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)+", name) and may_be_stored(name):
        owners = [row for row in rows.values() if name in row.key_variables or name in sources_of(row)]
        return (owners[0] if owners else None), name
    if any(name in row.address_variables for row in rows.values()):
        raise ValueError(f"{name} says where a key goes, which no file does: set it in the environment")
    pid = known.provider_id(name)
    if pid is None:
        from difflib import get_close_matches

        near = get_close_matches(name.lower(), [pid for pid, row in rows.items() if row.key_variables], n=3)
        is_word = len(name) <= 24 and len(re.findall(r"\d", name)) < 3  # else it may be a key
        shown = repr(name) if is_word else "of that name"
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UnknownModelError(
            f"There is no provider {shown}.{hint}\n`inference-providers providers --all` lists those there are.", near
        )
    row = rows[pid]
    if not row.key_variables:
        raise UnknownModelError(f"{row.name} takes no key.")
    return row, row.key_variables[0]


def variables_of_row(row: Provider) -> list[str]:
    """All variables that may be stored for a provider."""
    return [*row.key_variables, *sources_of(row), *(row.connection.get("headers") or {}).values()]


def set_key(
    row: Provider | None, variable: str, *, to_file: bool = False, checked: bool = True, yes: bool = False
) -> None:
    """Ask for a key and keep it; exits with 1 where it is refused and so not kept."""
    from inference_providers.settings import store_variable

    if row is not None and variable not in row.key_variables:  # a part of its address
        store_variable(environment(), variable, _plain(row, variable))
        say(f"Stored {variable}.", err=True)
        return
    key = _asked(row, variable)
    parts = _parts(row) if row is not None else {}
    if checked and row is not None and not _passes(row, variable, key, parts, yes=yes):
        asked = sys.stdin is not None and sys.stdin.isatty()
        say("It was not stored." if asked else "It was not stored. --yes stores it all the same.", err=True)
        sys.exit(FAILED)
    for name, value in parts.items():
        store_variable(environment(), name, value)
    keep(variable, key, to_file=to_file)


def keep(variable: str, key: Secret, *, to_file: bool = False) -> None:
    """Store a key, and say where."""
    from inference_providers.settings import KEYS, backend, store_key

    environ = environment()
    is_path = variable.endswith("_CREDENTIALS")  # of a file: that is no secret
    name = "" if to_file or is_path else backend()
    store_key(environ, variable, key, in_keyring=bool(name))
    where = f"in the keyring ({name})" if name else f"in {environ.stored.path(KEYS)}, which only you can read"
    say(f"Stored {variable} {where}.", err=True)
    if (source := environment().source(variable)) not in ("keyring", "keys file"):
        say(f"It is also set ({source}), which counts before what is stored.", err=True)


def _asked(row: Provider | None, variable: str) -> Secret:
    """The key, from a person or from standard input. Raises ClickException for what is not a key."""
    if sys.stdin is not None and sys.stdin.isatty():
        if row is not None and (console := row.data.get("console")):
            say(f"{row.name}: a key is to be had at {console}", err=True)
        key = bare(_typed(f"{variable} (it is not shown): "), variable)
    else:
        key = bare(sys.stdin.read(_LONGEST + 1) if sys.stdin is not None else "", variable)
    for prefix in (row.connection.get("key_prefixes") or ()) if row is not None else ():
        key = Secret(key.removeprefix(prefix).strip())
    if variable.endswith("_CREDENTIALS"):
        return key
    problem = "is longer than any key" if len(key) > _LONGEST else refusal(key)
    if problem:
        raise click.ClickException(f"Not stored: what was given {problem}.")
    return key


def bare(text: str, variable: str) -> Secret:
    """A key without what is copied along with it: quotes, a comma, or a line that sets its variable, as in a shell."""
    text = re.sub(_PASTED, "", text).strip(_AROUND)
    text = re.sub(rf"^(?:(?:export|set|setx)\s+|\$env:)?{re.escape(variable)}[\"']?\s*[=:\s]\s*", "", text, count=1)
    text = re.sub(r"^(?:authorization:\s*)?bearer\s+", "", text.strip(_AROUND), count=1, flags=re.IGNORECASE)
    return Secret(text.strip(_AROUND))


def _typed(question: str) -> str:
    """What is typed unseen. Raises ClickException where the terminal would show it."""
    import getpass
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(question, sys.stderr)
    except getpass.GetPassWarning:
        raise click.ClickException("This terminal would show the key; give it on standard input instead.") from None
    except EOFError:
        raise click.Abort from None


def _parts(row: Provider) -> dict[str, str]:
    """What a provider's address needs beside the key and nobody has said yet, asked of a person."""
    environ, found = environment(), dict[str, str]()
    for name in variables_of(row.endpoint):
        rule = (row.connection.get("variables") or {}).get(name) or {}
        if not told(row, name, environ) and "default" not in rule:
            found[name] = _plain(row, name)
    return found


def _plain(row: Provider, variable: str) -> str:
    """A part of an address, from a person or from standard input. Raises ClickException where nobody can be asked."""
    from inference_providers.credentials import fill_endpoint

    if sys.stdin is None or not sys.stdin.isatty():
        text = sys.stdin.read(_LONGEST).strip() if sys.stdin is not None else ""
        if not text or "\n" in text:
            raise click.ClickException(
                f"{row.name} needs {variable}, too: do `inference-providers keys set {variable}` first."
            )
        return text
    while True:
        text = str(click.prompt(variable, err=True)).strip()
        others = dict.fromkeys(variables_of(row.endpoint), "")
        _, problem = fill_endpoint(row, {**others, variable: text})
        if not problem.startswith(variable) or problem.endswith("is not set"):
            return text
        say(f"{problem}.", err=True)


def check(row: Provider, variable: str, key: Secret, parts: dict[str, str]) -> KeyCheck | None:
    """What the provider says of a key: its list of models is asked for, which is free."""
    from inference_providers.calls import key_checks

    environ = environment().changed(row.key_variables, {variable: key, **parts})
    providers = provider_list(environ=environ, local=False, log=False)
    found = key_checks.check_keys(providers.pipeline, only=(row.id,))
    return found[0] if found else None


def _passes(row: Provider, variable: str, key: Secret, parts: dict[str, str], *, yes: bool) -> bool:
    """Whether a key is to be kept, by what its provider says, which a person is told."""
    from inference_providers.calls import key_checks
    from inference_providers.cli.key_report import verdict_of

    found = check(row, variable, key, parts)
    if found is None:
        return True
    say(f"{verdict_of(found)}", err=True)
    if found.verdict != key_checks.REFUSED or yes:
        return True
    if sys.stdin is not None and sys.stdin.isatty():
        return click.confirm("Store it all the same?", default=False, err=True)
    return False
