"""Sources by name: where each is had, by which file of which package, and as of which day it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inference_providers.errors import RegistryError
from inference_providers.files import folders
from inference_providers.registry import package_file, parse, problems
from inference_providers.text import jsontext
from inference_providers.upkeep import comparison, packages
from inference_providers.upkeep.download import download, redacted
from inference_providers.upkeep.importers import litellm, literals, models_dev, pi
from inference_providers.upkeep.importers.reading import load_overlay, read_source
from inference_providers.upkeep.importers.rows import Source
from inference_providers.upkeep.laid_over import day_of
from inference_providers.upkeep.updater import CATALOGUE_CAP, fetch_catalogue


class Catalogue(NamedTuple):
    """What a source says, and as of which day; empty where it does not say."""

    data: Any
    day: str = ""


def names(overlay: Mapping[str, Any]) -> list[str]:
    """The names of the sources that a registry may be built of."""
    return [name for name, row in overlay["sources"].items() if "get" in row and "refused" not in row]


def refusal(name: str, overlay: Mapping[str, Any]) -> str:
    """Why a source, by its name or its address, is not one to build of; empty where it may be."""
    for known, row in overlay["sources"].items():
        if "refused" in row and (name == known or name.startswith(row["url"])):
            return str(row["refused"])
    return ""


def read_named(
    origin: str, environ: Mapping[str, str], today: str = "", overlay: Mapping[str, Any] | None = None
) -> Source:
    """A source by its name, by a file or by an address, read. Raises RegistryError.

    *today*, YYYY-MM-DD, bounds the day that a source gives for itself; the present day if left out.
    """
    overlay = overlay or load_overlay()
    if why := refusal(origin, overlay):
        raise RegistryError([f"{origin}: {why}"], "This cannot be a source")
    if origin in names(overlay) and not os.path.isfile(origin):  # a folder may well be called like a package
        found = fetch(origin, environ, today or time.strftime("%Y-%m-%d", time.gmtime()), overlay)
        return read_source(found.data, overlay, origin, day=found.day)
    if "://" not in origin and not os.path.exists(folders.expanded(origin, environ)):
        known = ", ".join(names(overlay))
        raise RegistryError([f"{origin}: neither a file nor a source's name ({known})"], "There is no such source")
    return read_source(fetch_catalogue(origin, environ), overlay, origin)


def read_listing(origin: str, environ: Mapping[str, str]) -> comparison.Listing:
    """The prices of what may be compared with: a list that is no source, a catalogue, a registry.

    By name, as a file or from an address. Raises RegistryError.
    """
    overlay = load_overlay()
    row = overlay["sources"].get(origin) or {}
    if "refused" not in row and origin in names(overlay):
        return comparison.of_source(read_named(origin, environ, overlay=overlay))
    data = fetch_catalogue(row.get("url", origin), environ)
    if comparison.is_listing(data):
        return comparison.of_listing(data)
    if isinstance(data.get("providers"), dict):
        if faults := problems(data):
            raise RegistryError(faults, f"{redacted(origin)} is not a registry")
        return comparison.of_registry(data)
    return comparison.of_source(read_source(data, overlay, origin))


def fetch(name: str, environ: Mapping[str, str], today: str, overlay: Mapping[str, Any]) -> Catalogue:
    """What a named source says now. Raises RegistryError."""
    row = overlay["sources"][name]["get"]
    if "url" in row:
        text, _ = download(row["url"], CATALOGUE_CAP, None, environ)
        data = parse(text or b"", name)
        return Catalogue(data, day_of(data, today))
    if "package" not in row:
        return Catalogue(parse(package_file(str(Path(__file__).parent / "importers" / row["file"])), name))
    with packages.archive(row["client"], row["package"], environ) as path:
        return read_package(path, row, name, today)


def read_package(path: str, row: Mapping[str, Any], name: str, today: str) -> Catalogue:
    """What an archive of a named source's package says. Raises RegistryError."""
    found: dict[str, Any] = {}
    day = ""
    for file in packages.files(path):
        if day < file.day <= today:
            day = file.day
        if packages.named(file, row.get("stamp", "")) and (stamp := packages.stamp(file.read())) <= today:
            day = max(day, stamp)
        elif packages.named(file, row["file"]):
            found[Path(file.name).stem] = _READERS[row["form"]](file)
    data = _CONVERSIONS[row["form"]](found) if found else None
    if not data:
        raise RegistryError(
            [f"{name}: {row['package']} has no {row['file']} that can be read; a newer one may have it elsewhere"],
            "A package cannot be read",
        )
    return Catalogue(data, (day_of(data, today) if row["form"] == "program" else "") or day)


def _json(file: packages.File) -> Any:
    try:
        return jsontext.loads(file.read())
    except ValueError as error:
        raise RegistryError([f"{file.name}: not JSON ({error})"], "A package cannot be read") from None


def _program(file: packages.File) -> Any:
    with packages.readable(file.name), file.open() as stream:
        return literals.embedded(stream, lambda data: isinstance(data, dict) and models_dev.recognises(data))


def _whole(found: Mapping[str, Any]) -> Any:
    return next(iter(found.values()))


_READERS: Mapping[str, Callable[[packages.File], Any]] = {
    "prices": _json, "endpoints": _json, "models": _json, "program": _program,
}  # fmt: skip
_CONVERSIONS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "prices": lambda found: litellm.prices_of(_whole(found)),
    "endpoints": lambda found: litellm.endpoints_of(_whole(found)),
    "models": pi.of_package,
    "program": _whole,
}
