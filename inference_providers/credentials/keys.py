"""Keys: API keys found in environment variables, and the values that hold them without showing them.

Pure: the environment is a mapping given by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inference_providers.credentials.hosts import host_of, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from inference_providers.registry import Provider

_PLACEHOLDER = (
    r"(?i)^(|\W+|x{3,}|your[-_ ].*|<.*>|\[.*\]|\{.*\}|\$\{?\w*\}?|sk-(\.{3,}|x+|\*+|your.*)|"
    r"change[-_ ]?me|change[-_ ]?this|replace[-_ ]?me|replace[-_ ]with.*|insert[-_ ].*|todo|tbd|none|null|undefined|"
    r"api[-_ ]?key|.*your[-_ ](api[-_ ]?)?key.*|placeholder|\S*-?\.\.\.|\S*[x*]{8,})$"
)
DUMMY_KEY = "not-needed"  # sent to local servers that ask for none


class Secretive:
    """For what holds keys: it cannot be pickled, so that no key ends up in a file."""

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


class Secret(str):
    """A key: real where it is used as text (`str`, `format`, a client's `api_key`), masked where it is only shown.

    Its repr, and so every traceback with local variables, and its pickle show "[key]".
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[key]'"

    def __reduce_ex__(self, _: Any) -> tuple[type[str], tuple[str]]:
        return str, ("[key]",)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self


def hidden(key: Any) -> Any:
    """A key that a caller gives, as a `Secret`; anything else as it is, to be refused where keys are checked."""
    return Secret(key) if isinstance(key, str) else key


class Environment(Mapping[str, str], Secretive):
    """Environment variables whose repr shows none of them: tracebacks with local variables stay clean."""

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __repr__(self) -> str:
        return "<Environment>"

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


class Credential(Secretive):
    """A key and the variable it came from; `key` is a `Secret`.

    *place*: where it is, for messages; in the variable, where nothing else is said.
    """

    __slots__ = ("key", "place", "variable")

    def __init__(self, key: str, variable: str | None, place: str = "") -> None:
        self.key, self.variable = Secret(key), variable
        self.place = place or (f"in {variable}" if variable else "")

    def __repr__(self) -> str:
        return f"Credential(variable={self.variable!r}, key='...')"


def refusal(value: str) -> str | None:
    """Why *value* is not a key, as the end of a sentence that begins with its variable; None if it may be one."""
    text = value.strip()
    if not text:
        return "is empty"
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return "is wrapped in quotes; remove them"
    if len(text) < 256 and re.match(_PLACEHOLDER, text):
        return "holds a placeholder, not a key"
    if re.search(r"[^\x21-\x7e]", text):
        return "holds blanks or other characters that do not occur in keys"
    return None


def find(provider: Provider, environ: Mapping[str, str]) -> tuple[Credential | None, str]:
    """(the credential for *provider*, "") or (None, the reason why there is none).

    The first of its variables that holds a key wins; placeholders are passed over.
    A server on this machine that wants no key gets `DUMMY_KEY`.
    """
    auth, refused = provider.connection.get("auth"), ""
    if isinstance(auth, dict) and auth["by"] != "form" and provider.key_variables:
        names = provider.key_variables
        variable = next((name for name in names if environ.get(name, "").strip()), names[0])
        if type(environ.get(variable)) is not Secret:  # else it is an access token, given by hand
            from inference_providers.credentials.google import GCLOUD, OWN_VARIABLE, find_file

            path, place, why = find_file(variable, environ)
            # What no variable names goes where Google's own variable may go, whatever a row calls its own.
            return (Credential(path, OWN_VARIABLE if place == GCLOUD else variable, place) if path else None), why
    for variable in provider.key_variables:
        value = environ.get(variable)
        if value is None:
            continue
        for prefix in provider.connection.get("key_prefixes") or ():
            value = value.strip().removeprefix(prefix)
        reason = refusal(value)
        if reason is None:
            return Credential(value.strip(), variable), ""
        refused = refused or f"{variable} {reason}"
    if provider.local is not None:
        return Credential(DUMMY_KEY, None), ""
    if auth == "oauth":
        return None, "needs an OAuth access token, not a key"
    wanted = " or ".join(provider.key_variables)
    if not wanted and is_loopback(host_of(provider.endpoint)):
        return Credential(DUMMY_KEY, None), ""
    if not wanted:
        return None, "has no key variable; give it `api_key`"
    return None, refused or f"{wanted} is not set"


def near_misses(
    known: Iterable[str], environ: Mapping[str, str], called: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Set variables whose names are almost one of the key variables *known*: `{"OPENAI_KEY": "OPENAI_API_KEY"}`.

    *called* has the variable for other words that people put there: `{"claude": "ANTHROPIC_API_KEY"}`.
    Names only: no value is looked at, and a near miss is never used as a key.
    """
    from difflib import get_close_matches

    names = sorted(set(known))
    candidates = [name for name in environ if name not in names and re.search(r"(?i)key|token|secret|_pat$", name)]
    meant: dict[str, str] = {}
    for name in sorted(candidates):
        plain = re.sub(r"-", "_", name.upper())
        stem = re.sub(r"_?(API)?_?(KEYS?|TOKEN|SECRET)$", "", plain)
        full = f"{stem}_API_KEY"
        full = full if full in names else (called or {}).get(stem.lower(), full)
        match = [full] if full in names else get_close_matches(plain, names, n=1, cutoff=0.88)
        if match and match[0] not in environ:
            meant[name] = match[0]
    return meant
