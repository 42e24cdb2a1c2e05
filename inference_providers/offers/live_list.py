"""What one provider says that it has, asked with one key, beside what the registry says of it. Pure."""

from __future__ import annotations

import re
import time

from inference_providers.registry import RESPONSES, TALKS, without_suffix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_providers.registry import Provider, Registry

TALKING = (*TALKS, RESPONSES)  # the APIs of which lists are believed that a model is not there
_COMPARED = 5  # models from which on a list that has none of them is about something else, or in other names
# The date of a snapshot: whoever lists `gpt-4o-2024-08-06` has `gpt-4o` and `gpt-4o-latest`, too.
_DATE = re.compile(r"[-@:](?:\d{4}-?\d{2}-?\d{2}|\d{2}-\d{2}(?:-\d{4})?|\d{4})$")


class LiveList:
    """The models in a provider's own list, as it calls them: those to talk to, and others.

    asked: seconds since 1970. whole: whether it has everything; a page of a longer list proves nothing of the rest.
    """

    def __init__(
        self, provider: Provider, talking: Iterable[str], other: Iterable[str] = (), *, asked: float, whole: bool = True
    ) -> None:
        self._provider = provider
        self.talking, self.other, self.asked, self.whole = tuple(talking), tuple(other), asked, whole
        self._spellings = {_key(name): name for name in self.talking}
        keys = [form for name in (*self.other, *self.talking) for key in [_key(name)] for form in (key, _undated(key))]
        self._forms = {*keys, *(key.rpartition("/")[2] for key in keys)}
        self._headless = {key for key in keys if "/" not in key}
        self._known = [*provider.model_names.values(), *provider.more_names]
        self._registered = {_key(name): name for name in reversed(self._known)}
        self._beyond: dict[str, str | None] | None = None
        self._compares: bool | None = None

    def __repr__(self) -> str:
        return f"<LiveList of {self._provider.id}: {len(self.talking)} models to talk to, {len(self.other)} others>"

    @property
    def day(self) -> str:
        """The day on which it was asked, as in 2026-09-22."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.asked))

    @property
    def compares(self) -> bool:
        """Whether what it lacks says anything: not where it is empty, or a part, or has names of the account's own."""
        if self._compares is None:
            apart = len(self._known) >= _COMPARED and not any(map(self.has, self._known))
            self._compares = (
                bool(self._forms) and self.whole and not apart and not self._provider.connection.get("deployments")
            )
        return self._compares

    def lacks(self, name: str) -> bool:
        """Whether it tells that the provider has no model of that name, for this key."""
        return self.compares and not self.has(name)

    def has(self, name: str) -> bool:
        """Whether it has a model of that name, as names are compared."""
        key = _key(name)
        for form in (key, key.removesuffix("-latest")):
            if form in self._forms or form.rpartition("/")[2] in self._headless:
                return True
        shorter = without_suffix(name, self._provider.connection.get("suffixes") or ())
        return shorter is not None and self.has(shorter)

    def in_vain(self) -> list[str]:
        """The names by which the registry offers models of this provider that this list lacks."""
        return [name for name in self._known if self._provider.facts(name).api in TALKING and self.lacks(name)]

    def beyond(self, registry: Registry) -> dict[str, str | None]:
        """What it has to talk to and the registry does not list for this provider: name -> what that stands for."""
        if self._beyond is None:
            beyond = [name for name in self.talking if _key(name) not in self._registered]
            self._beyond = {name: registry.names.canonical_name(name) for name in beyond}
        return self._beyond

    def canonical_of(self, registry: Registry, name: str) -> str | None:
        """What one of its names stands for."""
        registered = self._registered.get(_key(name))
        return registry.names.canonical_name(name) if registered is None else self._provider.canonical_of(registered)

    def called(self, registry: Registry, canonical: str, internal: str) -> list[tuple[str | None, str]]:
        """(canonical name, its own) of what is beyond the registry, and stands for *canonical* or is called *internal*.

        Either may be empty.
        """
        beyond = self.beyond(registry)
        own = internal if internal in beyond else self._spellings.get(_key(internal), "") if internal else ""
        return [(means, name) for name, means in beyond.items() if name == own or (canonical and means == canonical)]

    def lacking_in_registry(self, registry: Registry) -> list[str]:
        """What is beyond the registry, but for further names of models that it lists for this provider."""
        served = {*self._provider.model_names, *self._provider.more_names.values()}
        return [name for name, means in self.beyond(registry).items() if means is None or means not in served]


def _key(name: str) -> str:
    """A name for comparing: Google lists `models/gemini-2.5-pro`, Ollama `llama3.2:latest`."""
    return name.lower().removeprefix("models/").removesuffix(":latest")


def _undated(key: str) -> str:
    return _DATE.sub("", key)
