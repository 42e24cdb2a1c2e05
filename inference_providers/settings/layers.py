"""The layered environment: variables, where they are silent the user's keys, and where those are the user's settings.

Whatever reads the environment reads these, so nothing below learns of another way to be told something.
"""

from __future__ import annotations

import os

from inference_providers.credentials import Environment
from inference_providers.errors import LocalServerError, SettingsError
from inference_providers.files import folders
from inference_providers.settings.known import SETTINGS
from inference_providers.settings.stored import CONFIG, KEYRING, KEYS, KEYS_FILE, Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

    from inference_providers.credentials import LateKey


_PATIENCE = 30.0  # seconds for a key that is asked for by its name


class LayeredEnvironment(Environment):
    """An environment over the user's files.

    A variable that is set counts, even if it is empty: `INFERENCE_PROVIDERS_MODEL= ask-ai` asks as if no model were
    set. Whoever asks for a key by its name gets it; iteration, and so every copy, passes over stored keys. Files that
    have changed are read again when `fingerprint` is asked for.
    """

    __slots__ = ("_hidden", "stored")

    def __init__(self, variables: Mapping[str, str], stored: Stored, hidden: Collection[str] = ()) -> None:
        """*hidden*: variables that the files do not say."""
        super().__init__(variables)
        self.stored, self._hidden = stored, hidden

    def found(self, name: str) -> str | None:
        """The value of a variable, a key loaded if need be; None where it has none."""
        value = super().found(name)
        if value is not None or name in self._hidden:
            return value
        late = self.stored.late.get(name)
        return self.stored.values.get(name) if late is None else _loaded(late)

    def __contains__(self, name: object) -> bool:
        named = str(name)
        if super().found(named) is not None:
            return True
        return named not in self._hidden and (named in self.stored.late or named in self.stored.values)

    def __iter__(self) -> Iterator[str]:
        yield from self._variables
        for name in self.stored.settings:
            if (variable := SETTINGS[name].variable) not in self._variables:
                yield variable

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def late(self, name: str) -> LateKey | None:
        """The key of a variable in the keyring, where nothing before that has one."""
        found = self.stored.late.get(name)
        return None if found is None or name in self._hidden or super().found(name) is not None else found

    def changed(self, without: Collection[str], put: Mapping[str, str]) -> Environment:
        """The same *without* some variables, and with others *put* in."""
        variables = {name: value for name, value in self._variables.items() if name not in without} | dict(put)
        return LayeredEnvironment(variables, self.stored, {*self._hidden, *without})

    def source(self, name: str) -> str:
        """Where the value of a variable is from, for people; empty where it has none."""
        if (found := super().source(name)) or name in self._hidden:
            return found
        return self.stored.sources.get(name, "")

    def place(self, name: str) -> str:
        """Where a key is that the variable itself does not have, for messages; empty where it has it."""
        source = self.source(name)
        stored = {KEYRING: f"in the keyring, as {name}", KEYS_FILE: f"in {KEYS}, as {name}"}
        return stored.get(source) or super().place(name)

    def fingerprint(self) -> int:
        """Another number once any of it has changed, the files included."""
        if self.stored.look() != self.stored.seen:
            self.stored = Stored(self._variables, strict=False)
        return hash((super().fingerprint(), self.stored.seen))

    def section(self, name: str) -> dict[str, Any]:
        """A table of the settings, such as `aliases`; empty where the file has none."""
        return dict(self.stored.sections.get(name, {}))


def layered(environ: Mapping[str, str], *, strict: bool = True) -> LayeredEnvironment:
    """The layered environment over these variables; itself where it is one.

    Raises SettingsError for a file that cannot be understood; not *strict*: `stored.problems` says what is wrong.
    """
    if isinstance(environ, LayeredEnvironment):
        return environ
    return LayeredEnvironment(environ, Stored(environ, strict=strict))


def _loaded(late: LateKey) -> str | None:
    """A key that is loaded now; None, with a warning, where there is none to be had."""
    try:
        return late.load(_PATIENCE)
    except LocalServerError as error:
        folders.warn_once(str(error))
        return None


def with_settings(
    environ: Mapping[str, str], aliases: Mapping[str, str] | None
) -> tuple[LayeredEnvironment, Mapping[str, str]]:
    """What a list reads that goes by the user's files: the layered environment, and its aliases over the user's.

    Raises SettingsError.
    """
    made = layered(environ)
    own = made.section("aliases")
    for name, model in own.items():
        if not isinstance(model, str):
            raise SettingsError(f"{made.stored.path(CONFIG)}: aliases.{name} must be the name of a model, as text.")
    return made, {**own, **(aliases or {})}


def unread(environ: Mapping[str, str]) -> list[str]:
    """What to say where keys are kept and a program does not go by them, in lines; none where there are none."""
    folder = None if isinstance(environ, LayeredEnvironment) else folders.own("config", environ)
    if folder is None or not os.path.isfile(path := os.path.join(folder, KEYS)):
        return []
    return [f"Keys are kept in {path}: ProviderList(settings=True) goes by them."]


def section(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """A table of the settings of an environment's user: `section("aliases", environ)`. Raises SettingsError."""
    return layered(environ).section(name)
