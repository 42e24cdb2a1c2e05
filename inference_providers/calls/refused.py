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
    refusal = message.get("refusal")
    if chat.tool_calls(message):
        return
    if isinstance(refusal, str) and refusal and not chat.content_text(message.get("content")):
        from inference_providers.credentials import scrub

        raise _error(offer, f"the model refuses: {scrub(refusal, (offer.api_key,))[:_WORDS]}", "refusal")
    if finish == "content_filter":
        raise _error(offer, "the reply was cut by its content filter", "content_filter")


def _error(offer: Offer, what: str, code: str) -> ContentFilteredError:
    words = f"{offer.provider}/{offer.internal_name}: {what}"
    return ContentFilteredError(words, provider=offer.provider, status=200, code=code)
