"""What `client.models` gives: the models that could be asked now, one row each. Nobody is asked for it."""

from __future__ import annotations

from urllib.parse import unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from inference_providers.calls import Finder
    from inference_providers.offers import Offer

PATH = "/models"


def model_answer(finder: Finder, path: str) -> dict[str, Any]:
    """The reply to `GET /models`, or to that of one model, in OpenAI's form.

    Raises UnknownModelError for a name that means nobody, NoCredentialsError where no key is there.
    """
    name = path.partition("?")[0].removeprefix(PATH).strip("/")
    if not name:
        return {"object": "list", "data": list(_rows(finder).values())}
    return _row_of(finder, unquote(name))


def _row_of(finder: Finder, name: str) -> dict[str, Any]:
    """The row of the list that a name in any spelling means, else one of its own under that name."""
    first = finder.candidates(name)[0]
    rows = _rows(finder)
    return rows.get(name) or rows.get(_name(first)) or _row(name, first)


def _rows(finder: Finder) -> dict[str, dict[str, Any]]:
    """A row for each model: those of the automatic choice first, in its order, then all others by name."""
    from inference_providers.offers import order

    rows: dict[str, dict[str, Any]] = {}
    _add(rows, finder.first_available(["auto"]))
    reachable = finder.resolver.reachable(finder.registry.canonical_names)
    _add(rows, sorted(order(reachable), key=lambda offer: offer.canonical_name or ""))
    return rows


def _add(rows: dict[str, dict[str, Any]], offers: Iterable[Offer]) -> None:
    for offer in offers:
        rows.setdefault(_name(offer), _row(_name(offer), offer))


def _name(offer: Offer) -> str:
    return offer.canonical_name or offer.internal_name


def _row(name: str, offer: Offer) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": offer.provider}
