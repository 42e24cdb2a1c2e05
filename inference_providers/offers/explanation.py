"""Why a model's offers are candidates or not, for people. Pure."""

from __future__ import annotations

from inference_providers.errors import UnknownModelError
from inference_providers.offers.offer_list import SHOWN, Offers
from inference_providers.offers.resolution import AUTO
from inference_providers.text import in_line, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from inference_providers.offers.offer import Offer
    from inference_providers.offers.resolution import Resolution
    from inference_providers.offers.resolver import Resolver
    from inference_providers.registry import Registry
    from inference_providers.rendering import Table

_SHOWN = ("provider", "internal_name", "input_price", "output_price", "context_window")


def explained(
    names: Sequence[str | None],
    resolver: Resolver,
    ordered: Callable[[Resolution], Sequence[Offer]],
    registry: Registry,
    *,
    by_default: bool = False,
) -> Explanation:
    """Why the offers of the first of these names that has candidates are such or not; None is the automatic choice.

    Where none has any, those of the first name that is known. *by_default*: the names are those that are asked where
    none is given. Raises UnknownModelError where none is known.
    """
    found: Explanation | None = None
    problem: UnknownModelError | None = None
    for name in names:
        try:
            resolution = resolver.resolve(AUTO if name is None else name)
        except UnknownModelError as error:
            problem = problem or error
            continue
        made = _explained(name, resolution, ordered(resolution), registry)
        made.by_default = by_default
        if made.candidates:
            return made
        found = found or made
    if found is None:
        raise problem or UnknownModelError("The list of models is empty. Give at least one name.")
    return found


def _explained(name: str | None, resolution: Resolution, ordered: Sequence[Offer], registry: Registry) -> Explanation:
    """Why the offers that a name stands for are candidates or not; *ordered* are those that are.

    With them, whoever is new in a downloaded registry and has the model.
    """
    offers = list(resolution.offers)
    if registry.rows.get("new_providers"):
        from inference_providers.offers.new_providers import offers_of

        offers += offers_of(registry, resolution.canonical_name)
    return Explanation(name, resolution.rule, offers, ordered, resolution.warning)


class Explanation:
    """Every offer with the reason why it is or is not a candidate. Iterates over offers; str() is a table.

    Attributes:
        name: What was asked for, None for the automatic choice.
        rule: The rule that the name was resolved by.
        offers: All of them.
        candidates: Those that would be asked, in order.
        chosen: The first of these, None without one.
        warning: What a person is told who asks for that name.
    """

    def __init__(
        self, name: str | None, rule: str, offers: Sequence[Offer], ordered: Sequence[Offer], warning: str = ""
    ) -> None:
        """*ordered*: the candidates among the offers. *warning*: what a person is told who asks for that name."""
        self.name, self.rule, self.offers, self.warning = name, rule, Offers(offers), warning
        self.candidates = Offers(ordered)
        self.chosen = self.candidates[0] if self.candidates else None
        self._stands = {id(offer) for offer in self.candidates}
        self.by_default = False  # whether nobody named this model but the user's settings
        self.arithmetic: dict[int, str] = {}  # by an offer's identity: what a policy says of it

    def by_policy(self, ordered: Sequence[Offer], told: Callable[[Offer], str]) -> Explanation:
        """The same with the candidates in a policy's order.

        Args:
            ordered: The candidates.
            told: What the policy says of each.

        Returns:
            The new explanation.
        """
        made = Explanation(self.name, self.rule, [*ordered, *self._others()], ordered, self.warning)
        made.by_default = self.by_default
        made.arithmetic = {id(offer): told(offer) for offer in ordered}
        return made

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)

    def __repr__(self) -> str:
        return f"<Explanation of {self.name!r}: {len(self.candidates)} of {len(self.offers)} offers are candidates>"

    def __str__(self) -> str:
        head = f"{self.name or 'automatic choice'} ({self.rule}{', by default' if self.by_default else ''})"
        rows = [
            f"  {self.verdict(offer)}  {in_line(f'{offer.provider}/{offer.internal_name}: {self.why(offer)}')}"
            for offer in self.offers
        ]
        return "\n".join([printable(head), *([f"  {in_line(self.warning)}"] if self.warning else []), *rows])

    def table(self) -> Table:
        """Every offer as a row, in the order in which they are tried, those that are no candidates last.

        Returns:
            The table, without keys.
        """
        from inference_providers.rendering import Table

        first = [*self.candidates, *sorted(self._others(), key=lambda offer: not offer.usable)]
        rows = [
            {"candidate": self.verdict(offer).strip(), **offer.as_dict(), "reason": self.why(offer)} for offer in first
        ]
        title = f"{self.name or 'automatic choice'} ({self.rule})"
        shown = {"candidate": "candidate", **{name: SHOWN[name] for name in _SHOWN}, "reason": "why"}
        return Table(rows, shown, f"{title}. {self.warning}" if self.warning else title)

    def to_pandas(self) -> Any:
        """Every offer as a row.

        Returns:
            A `pandas.DataFrame`, without keys.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.table().to_pandas()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()

    def _others(self) -> list[Offer]:
        """The offers that are no candidates."""
        return [offer for offer in self.offers if id(offer) not in self._stands]

    def verdict(self, offer: Offer) -> str:
        """Whether an offer is a candidate, in a word.

        Args:
            offer: One of the offers.

        Returns:
            "first", "yes", "same" or "no", padded to five characters.
        """
        if offer is self.chosen:
            return "first"
        return "no   " if not offer.usable else "yes  " if id(offer) in self._stands else "same "

    def why(self, offer: Offer) -> str:
        """Why an offer is or is not a candidate, for a person.

        Args:
            offer: One of the offers.

        Returns:
            The reason.
        """
        if not offer.usable:
            return offer.reason
        if id(offer) not in self._stands:
            return "another of this provider's names for the model; its preferred one is tried"
        here = "a server on this machine" if offer.endpoint else "its server would be started"
        if offer.row().local is not None and not offer.local:
            here += ", which has it run elsewhere"
        in_variable = offer.key_source == f"in {offer.variable}"
        is_stored = offer.key_source.startswith("in ")
        what = f"its key is {offer.key_source}" if is_stored else f"{offer.key_source} is used"
        given = f"{offer.variable} is set" if in_variable else what
        found = given if offer.variable else here
        found += f"; {self.arithmetic[id(offer)]}" if id(offer) in self.arithmetic else ""
        return found + ("; a newer list lacks this model, so it comes after the others" if offer.doubtful else "")
