"""Models of providers that the registry says nothing of: they are asked what they have, and the best of it is tried.

Whatever a list says is a stranger's word: it is bounded, and only ever used as a name that is sent back to whom it
came from.
"""

from __future__ import annotations

import re
import time

from inference_providers.errors import AllProvidersFailedError, InferenceProvidersError
from inference_providers.joint_errors import all_failed
from inference_providers.offers import AUTO, SMALL, defaults, is_to_talk_to
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer, Resolver
    from inference_providers.registry import Provider

    Best = Mapping[str, Sequence[tuple[str | None, str]]]  # choice -> (canonical name, the provider's own), best first

PATH = "/models"
LIMIT = 10.0  # seconds for providers to say what they have
# In names of models that are not for chat.
_NOT_CHAT = re.compile(
    r"(?i)embed|whisper|tts|dall-e|moderation|rerank|transcri|-image|imagen|realtime|sora|guard|davinci-002|babbage"
)
_ROWS = 2000  # models of a list that are looked at
_LONGEST = 200  # characters of a name
_MORE = ("has_more", "next", "next_page", "next_cursor", "nextPageToken", "next_page_token")  # of a list in pages


def candidates(
    resolver: Resolver,
    name: str,
    providers: Iterable[Provider],
    ask: Callable[[Offer, float], bytes],
    known: MutableMapping[str, Best],
    *,
    strict: bool,
) -> list[Offer]:
    """The best that these providers say they have, for a choice: a few of each.

    *ask*: what one replies that is asked for its list, by an offer of no model, within seconds. *known*: what such
    replies came to, by their ids; more is put there. All together have `LIMIT`.
    *strict*: raise the error of the first that failed where nobody has a model to talk to.
    """
    found: list[Offer] = []
    problems: list[tuple[Provider, InferenceProvidersError]] = []
    until = time.monotonic() + LIMIT
    for provider in providers:
        try:
            if provider.id not in known:
                if (left := until - time.monotonic()) <= 0:
                    break
                (nameless,) = resolver.offers_by(provider, [(None, PATH.strip("/"))])
                known[provider.id] = _best(resolver, provider, ask(nameless, left))
            found += resolver.offers_by(provider, known[provider.id][defaults.list_of(name)])
        except InferenceProvidersError as error:
            problems.append((provider, error))
    if problems and not found and strict:
        provider, problem = problems[0]
        known_of = "that can be asked by chat " if provider.model_names else ""
        late = (
            f" ({provider.name} was asked what it has, since no model of it {known_of}is known; "
            f"name one: {provider.id}/MODEL)"
        )
        raise all_failed(f"{problem}{late}", getattr(problem, "attempts", ()), late)
    return found


def _best(resolver: Resolver, provider: Provider, reply: bytes) -> Best:
    """The first few of a list, for each choice. Raises AllProvidersFailedError for one without a model to talk to."""
    names = resolver.registry.names
    made = dict(_models(reply))
    listed = [(canonical, model) for model in made if (canonical := names.canonical_name(model)) is not None]
    offers = [offer for offer in resolver.offers_by(provider, listed) if offer.usable]
    if not offers:
        raise AllProvidersFailedError(f"{provider.id}: its list has no model to talk to", [])
    return {
        choice: [(offer.canonical_name, offer.internal_name) for offer in best[: defaults.COUNT]]
        for choice in (AUTO, SMALL)
        if (best := defaults.ranked(resolver.registry, choice, offers, made))
    }


def _models(reply: bytes) -> Iterator[tuple[str, int]]:
    """The names in a list, and the month in which each was made as far as it says so."""
    try:
        data: Any = jsontext.loads(reply)
    except ValueError:
        return
    rows = data.get("data", data.get("models")) if isinstance(data, dict) else data
    for row in rows[:_ROWS] if isinstance(rows, list) else ():
        model = row.get("id", row.get("name")) if isinstance(row, dict) else row
        if not isinstance(model, str) or not 0 < len(model) <= _LONGEST or not model.isprintable():
            continue
        if isinstance(row, dict) and not is_to_talk_to(row):
            continue
        created = row.get("created") if isinstance(row, dict) else None
        yield model, defaults.month(_day(created))


def listed_models(reply: bytes, *, chat_only: bool = True) -> list[str]:
    """The names in a list of models, sorted. chat_only: without those that say, or are named as, something else."""
    found = kinds_of(reply)
    return [] if found is None else sorted(found[0] if chat_only else {*found[0], *found[1]})


def kinds_of(reply: bytes, most: int = _ROWS) -> tuple[list[str], list[str], bool] | None:
    """The names of models to talk to in a list, those of others, and whether that is all; None where it is no list.

    *most*: rows that are looked at. One with another page is not all.
    """
    try:
        data: Any = jsontext.loads(reply)
    except ValueError:
        return None
    rows = data.get("data", data.get("models")) if isinstance(data, dict) else data
    if not isinstance(rows, list):
        return None
    more = isinstance(data, dict) and any(data.get(word) for word in _MORE)
    talking: dict[str, None] = {}
    other: dict[str, None] = {}
    for row in rows[:most]:
        name = row.get("id", row.get("name")) if isinstance(row, dict) else row
        if isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable():
            talks = (not isinstance(row, dict) or is_to_talk_to(row)) and not _NOT_CHAT.search(name)
            (talking if talks else other)[name] = None
    return list(talking), [name for name in other if name not in talking], not more and len(rows) <= most


def _day(created: object) -> str:
    """A Unix time as a date; empty for what is none since 2015: some give 0, or the same for all."""
    if not isinstance(created, int | float) or not 1.42e9 < created < 4e9:
        return ""
    return time.strftime("%Y-%m", time.gmtime(created))
