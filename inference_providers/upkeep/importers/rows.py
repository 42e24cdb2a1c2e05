"""The rows that readers of sources produce: about providers, and about their offers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from inference_providers.registry import CAPABILITIES


class ProviderRow(NamedTuple):
    """What one source says about one provider. Empty: it does not say."""

    provider: str
    name: str = ""
    endpoint: str = ""
    protocol: str = ""
    variables: tuple[str, ...] = ()
    model_list: str = ""


class OfferRow(NamedTuple):
    """What one source says about one offer. Prices in USD per million tokens, sizes in tokens."""

    provider: str
    internal_name: str
    display: str = ""
    api: str = ""  # one of APIS: how it is served, by the source's own word
    asked: str = ""  # the same: how the source asks it itself, be there other ways or not
    endpoint: str = ""  # of that API, where the source gives one for this offer
    context: int | None = None
    output: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_write: float | None = None
    more: Mapping[str, Any] = {}  # further prices, as in the registry file
    features: str = ""  # letters, see LETTERS
    released: str = ""
    family: str = ""
    open_weights: bool | None = None
    ended: bool = False  # the source says so, of that day
    ends: str = ""  # the day on which it ends, or has ended
    successor: str = ""  # its maker's word on what comes after it
    label: str = ""  # the source's own word on which model it is
    dimensions: int | None = None  # of an embedding
    page: str = ""  # where the source has its prices from


class Source(NamedTuple):
    """One source file, read. `day`: as of when; the newest wins. `rank` orders those of one day, the smallest first."""

    kind: str
    rank: int
    providers: list[ProviderRow]
    offers: list[OfferRow]
    day: str = ""
    others: Sequence[OfferRow] = ()  # of models of other kinds than text; their `api` is the kind


def in_order(source: Source) -> Source:
    """A source's offers by provider and name, whatever their order in its file; what can be no name is left out."""
    return source._replace(offers=_sorted(source.offers), others=_sorted(source.others))


def _sorted(rows: Iterable[OfferRow]) -> list[OfferRow]:
    named = [row for row in rows if _is_name(row.internal_name)]
    return sorted(named, key=lambda row: (row.provider, row.internal_name))


def _is_name(value: str) -> bool:
    """Whether a text can be a model's name: printable, and of a line's length."""
    return 0 < len(value) <= 200 and value.isprintable() and value == value.strip()


# How an offer is reached; `gemini`, `converse` and `other` are APIs of one company.
APIS = ("chat", "responses", "messages", "gemini", "converse", "other")

# Letters of facts, in their order. P refuses sampling parameters, E the reasoning effort.
LETTERS = "".join(letter + letter.upper() for letter in CAPABILITIES) + "PE"

# Protocols of providers by the SDK package that a source gives.
PROTOCOLS = {
    "@ai-sdk/anthropic": "messages",
    "@ai-sdk/google": "google",
    "@ai-sdk/google-vertex/anthropic": "anthropic",
}


def letters(row: Mapping[str, Any], **names: str) -> str:
    """Feature letters for a row, in upper case for features that it denies: `letters(row, t="tool_call")`."""
    values = {letter: row.get(names[letter]) for letter in CAPABILITIES if letter in names}
    return "".join(
        letter if value else letter.upper() for letter, value in values.items() if value is not None and value != ""
    )


# Sources are written by many hands. What is not of the kind that belongs there is unknown, and the rest is read.


def text(value: Any) -> str:
    """A text; empty if it is none."""
    return value if isinstance(value, str) else ""


def table(value: Any) -> Mapping[str, Any]:
    """An object; empty if it is none."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; empty if it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts in a list; empty if it is none."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def variables(value: Any) -> tuple[str, ...]:
    """The names of environment variables in a list."""
    return tuple(name for name in texts(value) if re.fullmatch(r"[A-Z0-9_]{1,64}", name))


def date_of(value: Any) -> str:
    """A day, as YYYY-MM-DD; empty if it is none."""
    return value[:10] if isinstance(value, str) and re.match(_DAY, value) else ""


_DAY = r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)"
_DEAREST = 1e6  # USD per million tokens: nothing costs a dollar for each token
_LONGEST = 1e9  # tokens


def clean_endpoint(value: Any) -> str:
    """An OpenAI client's base URL: no trailing slash, no `/chat/completions`, `${VARIABLE}` kept.

    Empty for what is no address.
    """
    url = text(value).strip().rstrip("/").removesuffix("/chat/completions")
    if url.startswith("${"):  # a variable that holds a whole address: its value's scheme is taken off
        url = f"https://{url}"
    url = url.replace("${{", "${").rstrip("/")
    return url if re.fullmatch(r"https?://[^\s@]+", url) else ""


def rates(*prices: float | None) -> list[float | None]:
    """Prices in the order of the registry file (input, output, cached input, cache write), as far as they are known."""
    known = list(prices)
    while known and known[-1] is None:
        known.pop()
    return known


def above(tiers: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Price tiers as in the registry file, the smallest first: `[tokens, input, output, cached input, cache write]`."""
    found = {size: rates(*prices) for given, *prices in tiers if (size := tokens(given)) and any(prices)}
    return [[size, *found[size]] for size in sorted(found)]


def paid(value: Any, *, scale: float = 1) -> float | None:
    """A price that some sources give as 0 where they do not know it."""
    return number(value, scale=scale) or None


def number(value: Any, *, scale: float = 1) -> float | None:
    """A price, rounded so that 1e-06 a token is exactly 1 a million. An int if whole; None if it is not a price."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _DEAREST / scale:
        return None
    rounded = round(value * scale, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def tokens(value: Any) -> int | None:
    """A size in tokens, or None if the source does not know it."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _LONGEST
    return int(value) if known else None


class Ids:
    """Foreign provider ids to ours; None for those that are skipped, and for what can be no id.

    `days`: as of when each kind of source is.
    """

    def __init__(self, ids: Mapping[str, str], skip: Mapping[str, str], days: Mapping[str, str]) -> None:
        self._ids, self._skip, self.days = ids, skip, days

    def __call__(self, foreign: str, source: str = "") -> str | None:
        """*source*: the kind of source, which may mean another service by a name than all others do."""
        own = self._ids.get(f"{source}:{foreign}")
        if own is None and foreign in self._skip:
            return None
        found = own or self._ids.get(foreign, foreign.lower())
        return found if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", found) else None
