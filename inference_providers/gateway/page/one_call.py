"""One call of the log: all that is kept of it but its words, and who was tried."""

from __future__ import annotations

import asyncio
from datetime import datetime

from inference_providers.gateway.messages import Refused
from inference_providers.gateway.page import words
from inference_providers.gateway.page.frame import name_of, page, page_route, section, table, time_of
from inference_providers.gateway.page.log import PATH as LOG
from inference_providers.gateway.page.log import outcome_of
from inference_providers.gateway.page.logged import caller_names, log_of
from inference_providers.rendering import tag
from inference_providers.usage import call as call_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway

_DIGITS = 18  # of a number that SQLite has


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page. Raises Refused (404)."""
    said = incoming.values["number"]
    number = int(said) if said.isascii() and said.isdecimal() and len(said) <= _DIGITS else 0

    def work() -> tuple[dict[str, Any] | None, dict[str, str]]:
        file = log_of(gateway)
        return None if file is None else call_of(file, number), caller_names(gateway)

    found, names = await asyncio.to_thread(work)
    if found is None:
        raise Refused(404, "There is no such call in the log; what is old is removed.", "unknown_call")
    tries = [
        [name_of(str(provider)), name_of(str(model)), outcome_of(str(outcome)), words.seconds(_number(seconds))]
        for provider, model, outcome, seconds in found["tries"] or ()
    ]
    tried = table("Who was tried", ["Provider", "Model", "Outcome", "Took"], tries, numbers=(3,))
    return page(
        gateway,
        incoming,
        f"Call {number}",
        tag(
            "dl",
            [tag("div", tag("dt", name), tag("dd", value)) for name, value in _facts(found, names)],
            class_="facts",
        ),
        section("Who was tried", tried) if tries else None,
        tag("p", tag("a", "To the log", href=LOG)),
    )


def _facts(one: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, Any]]:
    """What is known of it; what is not, is not said."""
    reported = ", as the provider says" if one["reported"] else ""
    cost = "unknown" if one["cost"] is None else f"{words.money(one['cost'])}{reported}"
    caller = str(one["caller"] or "")
    facts: list[tuple[str, Any]] = [
        ("When", time_of(datetime.fromisoformat(one["time"]).timestamp())),
        ("Outcome", outcome_of(str(one["outcome"]))),
        ("Caller", name_of(names.get(caller, caller))),
        ("Program", name_of(str(one["program"]))),
        ("API", tag("code", one["path"])),
        ("Asked for", name_of(str(one["asked"] or ""), "auto")),
        ("Provider", name_of(str(one["provider"] or ""), "nobody")),
        ("Its name for the model", name_of(str(one["model"] or ""), words.UNKNOWN)),
        ("Cost", cost),
        ("Took", words.seconds(one["seconds"])),
    ]
    more = [
        ("First content after", one["first_content"], words.seconds),
        ("Tokens a second", one["tokens_per_second"], words.count),
        ("Input tokens", one["input_tokens"], _whole),
        ("Output tokens", one["output_tokens"], _whole),
        ("Read from a cache", one["cached_tokens"], _whole),
        ("Written into a cache", one["cache_write_tokens"], _whole),
        ("Tokens of thoughts", one["reasoning_tokens"], _whole),
    ]
    return facts + [(name, form(value)) for name, value, form in more if value]


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


ROUTES = (page_route("GET", LOG + "/{number}", shown),)
