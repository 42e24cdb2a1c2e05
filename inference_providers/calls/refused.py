"""Replies in which the model, or a filter behind it, refuses: errors, with the words of the refusal. Pure."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.errors import ContentFilteredError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.offers import Offer

_WORDS = 2000  # characters of a refusal that an error tells


def check(message: Mapping[str, Any], finish: Any, offer: Offer) -> None:
    """Raise ContentFilteredError for a message that only refuses, or that a content filter has ended: *finish*.

    To ask again, or another, would not change that.
    """
    if (found := _found(message, finish)) is not None:
        raise _error(found, offer.provider, f"{offer.provider}/{offer.internal_name}", offer.api_key)


def check_own(message: Mapping[str, Any], model: str, key: str) -> None:
    """`check` for a message that a client of the caller's own has got, with this key."""
    if (found := _found(message, None)) is not None:
        raise _error(found, None, model, key)


def _found(message: Mapping[str, Any], finish: Any) -> tuple[str, str] | None:
    """(what has happened, the error's code); None for a message that says, or does, something else."""
    if chat.has_tool_calls({"message": message}):
        return None
    refusal = chat.refusal_in(message)
    if refusal and not chat.content_text(message.get("content")).strip():
        return f"the model refuses: {refusal}", "refusal"
    return ("the reply was cut by its content filter", "content_filter") if chat.is_withheld(finish) else None


def _error(found: tuple[str, str], provider: str | None, who: str, key: str | None) -> ContentFilteredError:
    from inference_providers.credentials import scrub

    what, code = found
    return ContentFilteredError(f"{who}: {scrub(what, (key,))[:_WORDS]}", provider=provider, status=200, code=code)
