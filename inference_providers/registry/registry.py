"""The registry: providers, canonical names, internal names. Data in, data out; frozen after loading.

The file's format is described in `docs/registry.md` and in `schema/inference-providers.schema.json`.
This module is on every program's path to its first answer, so it imports little and
builds its indexes when they are first asked for.
"""

from __future__ import annotations

import json
import os
from functools import cached_property, lru_cache

from inference_providers.errors import RegistryError
from inference_providers.registry.provider import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.registry.kind_models import KindModels
    from inference_providers.registry.naming import Names
    from inference_providers.registry.refusals import Refusals

BUNDLED_PATH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "inference-providers.json")

OBJECTS = 96 * 1024 * 1024  # bytes that a registry's, or a catalogue's, objects may take in memory
_APART = dict.fromkeys(map(ord, " ._-"))  # what may stand between the words of a provider's name
_LINK_CAP = 1024  # bytes of a file that is looked at as the text of a symbolic link


class Registry:
    """All providers in their order, with the indexes that name resolution needs."""

    def __init__(
        self,
        data: Mapping[str, Any],
        facts: Mapping[str, bytes | Provider] | None = None,
        *,
        models: bytes = b"",
        kinds: bytes = b"",
        installed: bool = False,
    ) -> None:
        """*facts*: for providers whose rows lack them, as JSON text or a provider that has them.

        *models*, *kinds*: those sections' texts, where *data* lacks them. *installed*: the package's own.
        """
        self._rows, self._installed, self._models_text, self._kinds_text = data, installed, models, kinds
        self._serving: dict[str, list[tuple[Provider, str]]] = {}  # what `offers_of` found
        self._read: dict[str, Mapping[str, Any]] = {}  # rows of models out of the text of all
        self.providers = {
            pid: Provider(pid, row, (facts or {}).get(pid)) for pid, row in (data.get("providers") or {}).items()
        }

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The whole registry, as in its file."""
        late = any(provider.has_late_facts for provider in self.providers.values())
        if not late and not self._models_text and not self._kinds_text:
            return self._rows
        found = {**self._rows, "providers": {provider.id: provider.whole for provider in self.providers.values()}}
        if self._models_text:
            found["models"] = self.models
        if self._kinds_text:
            found["kinds"] = {kind: models.rows for kind, models in self.kinds.items()}
        return found

    @property
    def rows(self) -> Mapping[str, Any]:
        """`data`, without the facts and the models that nobody has asked for."""
        return self._rows

    def variant(self, data: Mapping[str, Any]) -> Registry:
        """The registry of *data*, which was made of `rows`: rows without facts keep those that they have here."""
        facts = {
            pid: self.providers[pid]
            for pid, row in data["providers"].items()
            if "facts" not in row and pid in self.providers and self.providers[pid].has_late_facts
        }
        models = b"" if "models" in data else self._models_text
        return Registry(data, facts, models=models, kinds=b"" if "kinds" in data else self._kinds_text)

    def opened(self, patch: Mapping[str, Any]) -> Registry:
        """This registry, with the facts and the models that a merge patch changes in its `rows`."""
        changes = patch.get("providers")
        touched = {
            pid: self.providers[pid].whole
            for pid, change in (changes.items() if isinstance(changes, dict) else ())
            if isinstance(change, dict) and "facts" in change and pid in self.providers
        }
        late = {name: self.data[name] for name in ("models", "kinds") if name in patch and name not in self._rows}
        if not touched and not late:
            return self
        return self.variant({**self._rows, **late, "providers": {**self._rows["providers"], **touched}})

    def __repr__(self) -> str:
        return f"<Registry version {self.version}: {len(self.providers)} providers>"

    @property
    def version(self) -> int:
        """YYYYMMDDNN, never decreasing; 0 for files without one."""
        return int(self._rows.get("version") or 0)

    @property
    def auto_model_priority(self) -> list[str]:
        """Canonical names, best first."""
        return list(self._rows.get("auto_model_priority") or [])

    @property
    def auto_small_priority(self) -> list[str]:
        """Canonical names for small jobs, best first; a file without such a list has the other one."""
        return list(self._rows.get("auto_small_priority") or self.auto_model_priority)

    def makers_of(self, canonical: str) -> Sequence[str]:
        """The ids of providers through which a model's own lab sells it by use, best first."""
        makers: Mapping[str, list[str]] | None = self._rows.get("makers")
        return (makers.get(self.model(canonical).get("lab") or "") or ()) if makers else ()

    @property
    def families(self) -> list[list[str]]:
        """[prefix, provider] for names that the registry does not know."""
        return list(self._rows.get("families") or [])

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Rules about generation parameters that hold for everybody; a file without them has the installed ones."""
        return self._rows.get("parameters") or ({} if self._installed else bundled().parameters)

    @cached_property
    def refusals(self) -> Refusals:
        """How a server's words are read where it refuses; a file without such rows has the installed ones."""
        if not self._installed and not self._rows.get("refusals"):
            return bundled().refusals
        from inference_providers.registry.refusals import Refusals

        rows = self._rows.get("refusals") or {}
        return Refusals(rows, rows if self._installed else bundled().rows.get("refusals") or {})

    @property
    def batch(self) -> Mapping[str, Any]:
        """How batch APIs work, unless a provider's row says otherwise."""
        return self._rows.get("batch") or ({} if self._installed else bundled().batch)

    @property
    def fastest(self) -> list[str]:
        """Providers known for speed, fastest first."""
        return list(self._rows.get("fastest") or [])

    @property
    def engines(self) -> list[str]:
        """Engines that may stand in for each other when a model is launched here, best first."""
        return list(self._rows.get("engines") or [])

    @property
    def easiest(self) -> list[str]:
        """Providers whose keys are easiest to get."""
        return list(self._rows.get("easiest") or [])

    @property
    def aliases(self) -> Mapping[str, str]:
        """Bundled aliases of canonical names."""
        return self._rows.get("aliases") or {}

    @property
    def retired_models(self) -> Mapping[str, Any]:
        """Models that ended: `{name: {"successor": ..., "ended": ...}}`."""
        return (self._rows.get("retired") or {}).get("models") or {}

    @property
    def retired_providers(self) -> Mapping[str, Any]:
        """Services that ended: name, when, the variables of their keys, a successor."""
        return (self._rows.get("retired") or {}).get("providers") or {}

    def model(self, canonical: str) -> Mapping[str, Any]:
        """Facts about a canonical model, whoever serves it: lab, family, release date, open weights."""
        if self._models_text and "models" not in self.__dict__:  # one of a thousand: the others are not read for it
            row = self._read.get(canonical)
            if row is None:
                from inference_providers.registry.late_parts import row_of

                row = self._read[canonical] = row_of(self._models_text, canonical)
            return row
        return self.models.get(canonical) or {}

    @cached_property
    def models(self) -> Mapping[str, Any]:
        """Facts about every canonical model: see `model`."""
        found: dict[str, Any] = json.loads(self._models_text or "{}")
        return found or self._rows.get("models") or {}

    @cached_property
    def kinds(self) -> Mapping[str, KindModels]:
        """Models of other kinds than text, by kind: see `registry.kinds.KINDS`."""
        from inference_providers.registry.kind_models import read

        return read(self._kinds_text, self._rows.get("kinds") or {})

    def kind_priority(self, kind: str) -> list[str]:
        """The models of a kind that are asked where none is named, best first."""
        return list((self._rows.get("kind_priority") or {}).get(kind) or ())

    def facts_of_model(self, canonical: str) -> Mapping[str, Any]:
        """`model`, of the installed registry where this one says nothing of it.

        A file of one's own may hold providers alone.
        """
        return self.model(canonical) or ({} if self._installed else bundled().model(canonical))

    @cached_property
    def organisations(self) -> Mapping[str, frozenset[str]]:
        """What stands before a slash in some internal name, and the labs: each with the labs of its models.

        All in lower case.
        """
        found: dict[str, set[str]] = {}
        for name, canonical in self.internal_index.items():
            lab = self.model(canonical).get("lab")
            for head in name.split("/")[:-1]:
                found.setdefault(head, set()).update([lab] if lab else [])
        for row in self.models.values():
            if lab := row.get("lab"):
                found.setdefault(lab, set()).add(lab)
        if not self._installed:
            for head, labs in bundled().organisations.items():
                found.setdefault(head, set()).update(labs)
        return {head: frozenset(labs) for head, labs in found.items()}

    @cached_property
    def canonical_names(self) -> frozenset[str]:
        """Every canonical name that some provider offers."""
        return frozenset[str]().union(*[provider.model_names for provider in self.providers.values()])

    @cached_property
    def provider_aliases(self) -> Mapping[str, str]:
        """Lower-case spellings of providers, other tools' included, to ids."""
        found: dict[str, str] = {}
        for pid, provider in self.providers.items():
            for spelling in provider.data.get("aliases") or ():
                found.setdefault(spelling.lower(), pid)
        found.update((pid.lower(), pid) for pid in self.providers)
        return found

    def provider_id(self, spelling: str) -> str | None:
        """The id behind a provider's name in any known spelling, or None."""
        key = spelling.strip().lower()
        pid = self.provider_aliases.get(key) or self._joined_aliases.get(key.translate(_APART))
        return None if pid and key not in self.provider_aliases and key in self.organisations else pid

    @cached_property
    def _joined_aliases(self) -> Mapping[str, str]:
        """`provider_aliases` without what parts their words: tools write `vertex_ai`, `vertex-ai` and `vertexai`."""
        return {spelling.translate(_APART): pid for spelling, pid in self.provider_aliases.items()}

    @cached_property
    def internal_index(self) -> Mapping[str, str]:
        """Every internal name, in lower case, to its canonical name."""
        index: dict[str, str] = dict(self._rows.get("names") or {})
        for provider in self.providers.values():
            main, more = provider.model_names, provider.more_names
            index.update(zip(map(str.lower, main.values()), main, strict=True))
            index.update(zip(map(str.lower, more), more.values(), strict=True))
        return index

    @cached_property
    def names(self) -> Names:
        """Canonical naming with this registry's knowledge."""
        from inference_providers.registry.naming import Names

        return Names(self.internal_index, sorted(self.canonical_names))

    @cached_property
    def loose_index(self) -> Mapping[str, str]:
        """Canonical and retired names under a key that ignores case, dots and dashes."""
        from inference_providers.registry.naming import loose

        index = {loose(name): name for name in sorted(self.retired_models)}
        index.update((loose(name), name) for name in sorted(self.canonical_names))
        return index

    @cached_property
    def _has_slashes(self) -> bool:
        """Whether any canonical name has one: those that are derived have none."""
        return "/" in "".join((*self.canonical_names, *self.retired_models))

    def canonical(self, name: str) -> str | None:
        """The canonical or retired name that this is, case, dots and dashes aside."""
        if name in self.canonical_names:
            return name
        if "/" in name and not self._has_slashes:
            return None  # most names that are not canonical: an index of all need not be made for them
        from inference_providers.registry.naming import loose

        return self.loose_index.get(loose(name))

    def makers_first(self, canonical: str, providers: list[Provider]) -> list[Provider]:
        """These providers, those first through which a model's own lab sells it."""
        makers = self.makers_of(canonical)
        if not makers:
            return providers
        first = sorted([row for row in providers if row.id in makers], key=lambda row: makers.index(row.id))
        return first + [row for row in providers if row.id not in makers]

    def offers_of(self, canonical: str) -> Sequence[tuple[Provider, str]]:
        """(provider, internal name) of everyone who serves a canonical model: its makers, then registry order."""
        found = self._serving.get(canonical)
        if found is None:
            serving = [
                provider
                for provider in self.providers.values()
                # Whoever has further names for a model has a preferred one, in the file that the importer makes.
                if canonical in provider.model_names
                or (not self._installed and canonical in provider.more_names.values())
            ]
            found = self._serving[canonical] = [
                (provider, internal_name)
                for provider in self.makers_first(canonical, serving)
                for internal_name in provider.internal_names(canonical)
            ]
        return found


def parse(text: str | bytes, origin: str = "registry") -> dict[str, Any]:
    """JSON text to a registry's data. Raises RegistryError, with line and column, for anything but a JSON object."""
    from inference_providers.text import jsontext

    try:
        data = jsontext.loads(text, objects=OBJECTS)
    except ValueError as error:
        raise RegistryError([f"$: not JSON ({error})"], f"{origin} cannot be read") from None
    if not isinstance(data, dict):
        raise RegistryError([f"$: must be an object, not {type(data).__name__}"], f"{origin} cannot be used")
    return data


def linked(path: str) -> str:
    """Where the content of one of this package's data files is.

    Some of them are symbolic links to the one copy in the repository. Git without symbolic links (on Windows,
    unless it is told otherwise) writes a link as a text file that holds the target. Such a text is followed if it is
    a relative path to a file of the same name within the repository; anything else is the file itself.
    """
    if os.stat(path).st_size > _LINK_CAP:
        return path
    with open(path, "rb") as file:
        text = file.read().decode("utf-8", "replace").strip()
    if text[:1] in ("", "{", "/") or "\\" in text or not text.isprintable():
        return path
    folder = os.path.dirname(os.path.abspath(path))
    target = os.path.normpath(os.path.join(folder, text))
    inside = target.startswith(os.path.dirname(folder) + os.sep)
    same_name = os.path.basename(target) == os.path.basename(path)
    return target if inside and same_name and target != path and os.path.isfile(target) else path


def package_file(path: str) -> bytes:
    """The content of one of this package's data files, wherever it is installed: in a folder, or in a zip archive.

    Raises RegistryError where it was left behind.
    """
    try:
        with open(linked(path), "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        from inference_providers.registry.archives import content

        return content(path)


@lru_cache(maxsize=1)
def bundled() -> Registry:
    """The registry that was installed with this package."""
    from inference_providers.registry.late_parts import cut

    text, facts, late = cut(package_file(BUNDLED_PATH))
    # The package's own: nobody has to look how deep it nests.
    return Registry(json.loads(text), facts, models=late["models"], kinds=late["kinds"], installed=True)


def canonical_name(internal_name: str) -> str | None:
    """The canonical name of a model that some provider or server calls by another.

    `canonical_name("accounts/fireworks/models/llama-v3p3-70b-instruct")` is `"llama-3.3-70b"`. Names that the bundled
    registry knows are looked up; the rest is derived from the spelling.

    Args:
        internal_name: The model's name, wherever it is from.

    Returns:
        The canonical name. None for what is not a text model (embeddings, images, speech), for names that stand for no
        particular model (`auto`), and for empty or absurdly long text.
    """
    if not isinstance(internal_name, str):
        return None
    return bundled().names.canonical_name(internal_name)
