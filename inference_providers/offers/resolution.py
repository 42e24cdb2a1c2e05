"""What a name stands for: its offers, and the rule that says so. Pure."""

from __future__ import annotations

from inference_providers.offers.offer_list import Offers, table_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from inference_providers.offers.offer import Offer
    from inference_providers.rendering import Table

AUTO, SMALL = "auto", "auto:small"  # names that leave the choice of the model, for whatever and for small jobs


class Resolution:
    """What a name stands for.

    Attributes:
        name: What was asked for.
        rule: The rule that matched.
        canonical_name: The model's canonical name, None if it is unknown.
        offers: Who serves it, usable or not.
        warning: What a person is told who asks for that name.
        guessed: Whether a warning has to say who is asked.
        ended: The model that was asked for and is gone, by its canonical name; empty in most cases.
    """

    __slots__ = ("canonical_name", "ended", "guessed", "name", "offers", "rule", "warning")

    def __init__(
        self,
        name: str,
        rule: str,
        canonical_name: str | None,
        offers: Sequence[Offer],
        warning: str = "",
        *,
        guessed: bool = False,
        ended: str = "",
    ) -> None:
        self.name, self.rule, self.canonical_name = name, rule, canonical_name
        self.offers, self.warning = Offers(offers), warning
        self.guessed = guessed  # whether a warning has to say who is asked
        self.ended = ended

    def under(self, name: str, rule: str, offers: Sequence[Offer] | None = None) -> Resolution:
        """The same for another name that stands for this one.

        Args:
            name: The other name.
            rule: The rule by which it does.
            offers: Other offers than these.

        Returns:
            The new resolution.
        """
        kept = self.offers if offers is None else offers
        return Resolution(name, rule, self.canonical_name, kept, self.warning, guessed=self.guessed, ended=self.ended)

    def table(self) -> Table:
        """The offers, a row for each, without their keys."""
        meant = self.canonical_name or "a model that the registry does not know"
        said = f"{self.name} is {meant} (rule: {self.rule})"
        return table_of(self.offers, f"{said}. {self.warning}" if self.warning else said)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` of the offers. Raises ImportError without pandas."""
        return self.table().to_pandas()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()

    def __repr__(self) -> str:
        return f"<Resolution of {self.name!r} by rule {self.rule!r}: {self.canonical_name}, {len(self.offers)} offers>"
