"""The layered environment: variables, where they are silent the user's keys, and where those are the user's settings.

Whatever reads the environment reads these, so nothing below learns of another way to be told something.
"""

from __future__ import annotations

from inference_providers.credentials import Environment
from inference_providers.errors import SettingsError
from inference_providers.settings.stored import CONFIG, Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


class LayeredEnvironment(Environment):
    """An environment over the user's files.

    A variable that is set counts, even if it is empty: `INFERENCE_PROVIDERS_MODEL= ask-ai` asks as if no model were
    set. Files that have changed are read again when `fingerprint` is asked for.
    """

    __slots__ = ("_strict", "stored")

    def __init__(self, variables: Mapping[str, str], *, strict: bool = True) -> None:
        super().__init__(variables)
        self._strict, self.stored = strict, Stored(variables, strict=strict)

    def __getitem__(self, name: str) -> str:
        try:
            return super().__getitem__(name)
        except KeyError:
            return self.stored.values[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._variables
        yield from (name for name in self.stored.values if name not in self._variables)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def source(self, name: str) -> str:
        """Where the value of a variable is from, for people; empty where it has none."""
        return super().source(name) or self.stored.sources.get(name, "")

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
    return environ if isinstance(environ, LayeredEnvironment) else LayeredEnvironment(environ, strict=strict)


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


def section(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """A table of the settings of an environment's user: `section("aliases", environ)`. Raises SettingsError."""
    return layered(environ).section(name)
