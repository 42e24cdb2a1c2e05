"""Lists of offers, which a person can look at: tables that show what each costs and can do, and no key."""

from __future__ import annotations

from inference_providers.offers.offer import Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.rendering import Table

SHOWN = {
    "provider": "provider",
    "internal_name": "model",
    "input_price": "input, USD/M",
    "output_price": "output, USD/M",
    "context_window": "context",
    "features": "features",
    "reason": "not usable since",
}


class Offers(list[Offer]):
    """A list of offers. Each of them holds its key; `table()` and `to_pandas()` have everything else."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getitem__(self, index: Any) -> Any:
            found = super().__getitem__(index)
            return Offers(found) if isinstance(index, slice) else found

    def table(self) -> Table:
        """A row for each: what `Offer.as_dict` gives."""
        return table_of(self)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, a row for each. Raises ImportError without pandas."""
        return self.table().to_pandas()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()


def table_of(offers: list[Offer], title: str = "") -> Table:
    """A table of offers; the reason why one is none is a column where one has it."""
    from inference_providers.rendering import Table

    shown = {name: heading for name, heading in SHOWN.items() if name != "reason" or any(one.reason for one in offers)}
    return Table((offer.as_dict() for offer in offers), shown, title)
