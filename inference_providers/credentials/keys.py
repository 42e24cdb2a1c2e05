"""Keys: API keys found in environment variables, and the values that hold them without showing them.

Pure: the environment is a mapping given by the caller.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from inference_providers.credentials.hosts import host_of, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from inference_providers.registry import Provider

_PLACEHOLDER = (
    r"(?i)^(|\W+|x{3,}|your[-_ ].*|<.*>|\[.*\]|\{.*\}|\$\{?\w*\}?|sk-(\.{3,}|x+|\*+|your.*)|"
    r"change[-_ ]?me|change[-_ ]?this|replace[-_ ]?me|replace[-_ ]with.*|insert[-_ ].*|todo|tbd|none|null|undefined|"
    r"api[-_ ]?key|.*your[-_ ](api[-_ ]?)?key.*|placeholder|\S*-?\.\.\.|\S*[x*]{8,})$"
)
# How the names of variables end that hold keys.
_ENDS = (
    "KEY",
    "TOKEN",
    "_BEDROCK",
    "SECRET",
    "PASSWORD",
    "_PAT",
    "_JWT",
    "_CREDENTIAL",
)  # of variables that hold keys
FILED = "_FILE"  # behind a key's variable: the variable that names a file with the key
_LONGEST = 16 * 1024  # bytes of a file with a key
_PATIENCE = 30.0  # seconds for a key that is loaded when it is asked for
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


class LateKey(Secretive):
    """A key that is loaded when it is about to be sent, or is asked for."""

    __slots__ = ()
    mark: str  # what stands for the key, whether it is loaded or not

    @property
    def loaded(self) -> Secret | None:
        """The key, if it was loaded."""
        raise NotImplementedError

    def load(self, limit: float) -> Secret:
        """The key, within *limit* seconds. Raises LocalServerError where there is none to be had."""
        raise NotImplementedError

    async def load_async(self, limit: float) -> Secret:
        """`load` for asyncio."""
        raise NotImplementedError


class KeyFile:
    """A file that holds one key, as a variable names it: its `content`, a `Secret`, or the `problem` with it.

    Who else can read it is not looked at: a secret in a container belongs to root and can often be read by everybody.
    """

    __slots__ = ("content", "path", "problem", "variable")

    def __init__(self, variable: str, path: str, environ: Mapping[str, str]) -> None:
        from inference_providers.files import folders, regular

        self.variable, self.path = variable, folders.expanded(path, environ)
        self.content, self.problem = Secret(""), ""
        try:
            with open(self.path, "rb", opener=regular) as file:
                found = file.read(_LONGEST + 1)
            if len(found) > _LONGEST:
                self.problem = f"{variable} names {self.path}, which is larger than {_LONGEST // 1024} KiB"
            else:
                self.content = Secret(found.decode("utf-8-sig").strip())
        except UnicodeDecodeError:
            self.problem = f"{variable} names {self.path}, which is not text"
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "that is not a path"
            shown = f"{self.path}, which cannot be read: {why}" if self._is_path else "a file that is not there"
            self.problem = f"{variable} names {shown}"
        if not self.problem and not self.content:
            self.problem = f"{variable} names {self.path}, which is empty"

    def __repr__(self) -> str:
        return f"<KeyFile of {self.variable}>"

    @property
    def _is_path(self) -> bool:
        """Whether it can be shown: else it is perhaps the key itself."""
        try:
            folder = os.path.dirname(self.path)
            return os.path.lexists(self.path) or (folder not in ("", os.sep) and os.path.isdir(folder))
        except ValueError:
            return False


class Environment(Mapping[str, str], Secretive):
    """Environment variables whose repr shows none of them: tracebacks with local variables stay clean.

    A key variable that is not set, or empty, has what is in the file that `VARIABLE_FILE` names, as containers are
    given secrets.
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables: Mapping[str, str] = variables._variables if type(variables) is Environment else variables

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Environment:
        """These variables, which may be an environment already."""
        return variables if isinstance(variables, Environment) else cls(variables)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __getitem__(self, name: str) -> str:
        value = self.found(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:  # thousands of variables are asked for, and few are set
        """The value of a variable, or *default*."""
        value = self.found(name)
        return default if value is None else value

    def found(self, name: str) -> str | None:
        """The value of a variable; None where it has none."""
        value = self._variables.get(name)
        if not value and name.endswith(_ENDS) and name + FILED in self._variables:
            filed = self.filed(name)
            value = value if filed is None or filed.problem else filed.content
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def filed(self, name: str) -> KeyFile | None:
        """The file that has the key of a variable, which does not have it itself."""
        path = self._variables.get(name + FILED, "").strip()
        if not path or self._variables.get(name) or not name.endswith(_ENDS):
            return None
        return KeyFile(name + FILED, path, self._variables)

    def late(self, name: str) -> LateKey | None:
        """The key of a variable, where it is loaded later."""
        return None

    def problem(self, name: str) -> str:
        """Why a key that is meant to be there cannot be had: its file cannot be read. Empty where nothing is wrong."""
        filed = self.filed(name) if name + FILED in self._variables else None
        return "" if filed is None else filed.problem

    def source(self, name: str) -> str:
        """Where the value of a variable is from, for people; empty where it has none."""
        filed = self.filed(name) if name + FILED in self._variables else None
        if filed is not None and not filed.problem:
            return name + FILED
        return "environment" if name in self._variables else ""

    def place(self, name: str) -> str:
        """Where a key is that the variable itself does not have, for messages; empty where it has it."""
        source = self.source(name)
        return f"in the file that {source} names" if source == name + FILED else ""

    def fingerprint(self) -> int:
        """Another number once any of it has changed."""
        return hash(frozenset(self._variables.items()))

    def changed(self, without: Collection[str], put: Mapping[str, str]) -> Environment:
        """The same *without* some variables, and with others *put* in."""
        return Environment({name: value for name, value in self.items() if name not in without} | dict(put))


class Credential(Secretive):
    """A key and the variable it came from; `key` is a `Secret`.

    *place*: where it is, for messages; in the variable, where nothing else is said. `late`: what loads it, where it is
    not here yet.
    """

    __slots__ = ("_key", "late", "place", "variable")

    def __init__(self, key: str | LateKey, variable: str | None, place: str = "") -> None:
        self.late = None if isinstance(key, str) else key
        self._key, self.variable = Secret(key) if isinstance(key, str) else None, variable
        self.place = place or (f"in {variable}" if variable else "")

    @property
    def key(self) -> Secret:
        """The key; loaded now where it is not here yet. Raises LocalServerError."""
        if self.late is not None:
            return self.late.load(_PATIENCE)
        assert self._key is not None
        return self._key

    @property
    def mark(self) -> str:
        """What stands for the key, where it need not be loaded to tell it from others."""
        return self.late.mark if self.late is not None else self.key

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
    if re.match(r"https?://", text):
        return "is an address, not a key"
    if re.search(r"[^\x21-\x7e]", text):
        return "holds blanks or other characters that do not occur in keys"
    return None


def find(provider: Provider, environ: Mapping[str, str]) -> tuple[Credential | None, str]:
    """(the credential for *provider*, "") or (None, the reason why there is none).

    The first of its variables that holds a key wins; placeholders are passed over.
    A server on this machine that wants no key gets `DUMMY_KEY`.
    """
    auth, refused, environ = provider.connection.get("auth"), "", Environment.of(environ)
    if isinstance(auth, dict) and auth["by"] != "form" and provider.key_variables:
        names = provider.key_variables
        variable = next((name for name in names if environ.get(name, "").strip()), names[0])
        if type(environ.get(variable)) is not Secret:  # else it is an access token, given by hand
            from inference_providers.credentials.google import GCLOUD, OWN_VARIABLE, find_file

            path, place, why = find_file(variable, environ)
            # What no variable names goes where Google's own variable may go, whatever a row calls its own.
            return (Credential(path, OWN_VARIABLE if place == GCLOUD else variable, place) if path else None), why
    for variable in provider.key_variables:
        if (late := environ.late(variable)) is not None:
            return Credential(late, variable, environ.place(variable)), ""
        value = environ.get(variable)
        if not value and (problem := environ.problem(variable)):
            refused = refused or problem
            continue
        if value is None:
            continue
        for prefix in provider.connection.get("key_prefixes") or ():
            value = value.strip().removeprefix(prefix)
        reason = refusal(value)
        if reason is None:
            return Credential(value.strip(), variable, environ.place(variable)), ""
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
        behind = FILED if plain.endswith(FILED) else ""
        plain = plain.removesuffix(behind)
        stem = re.sub(r"_?(API)?_?(SECRET_)?(KEYS?|TOKEN|SECRET)$", "", plain)
        full = f"{stem}_API_KEY"
        full = full if full in names else (called or {}).get(stem.lower(), full)
        match = [full] if full in names else get_close_matches(plain, names, n=1, cutoff=0.88)
        if match and match[0] + behind not in (name, *environ):
            meant[name] = match[0] + behind
    return meant
