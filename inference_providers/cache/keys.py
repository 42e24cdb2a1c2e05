"""What makes two requests the same: everything that may change the reply, and whose keys ask. Pure.

Of a request nothing is kept but a digest, keyed by the caller: whoever has the file, but not the keys, cannot find out
by trying what was asked.
"""

from __future__ import annotations

import json
from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.cache.settings import Settings
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest

_FORM = 1  # of what is digested: another one finds nothing of before
_SIZE = 32  # bytes of a digest
# In these the order of names is the caller's style; elsewhere (schemas, tools) a model may go by it.
_UNORDERED = ("messages", "input", "stream_options", "logit_bias")
_NOT_ASKED = ("timeout", "idempotency-key", "x-idempotency-key", "traceparent", "tracestate", "x-request-id")


def key_of(request: ModelRequest, offers: Sequence[Offer], settings: Settings) -> bytes | None:
    """The digest of a request to these candidates; None for one that cannot be written down (NaN, infinity)."""
    try:
        text = json.dumps(_asked(request, offers), allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        return None
    return blake2b(text.encode("ascii"), digest_size=_SIZE, key=_identity(offers, settings)).digest()


def _asked(request: ModelRequest, offers: Sequence[Offer]) -> list[Any]:
    body: Mapping[str, Any] = request.body or {}
    names = list(dict.fromkeys(offer.canonical_name or f"{offer.provider}/{offer.internal_name}" for offer in offers))
    who = sorted({_place(offer) for offer in offers})
    fields = [[name, _field(name, body[name])] for name in sorted(body) if name != "model"]
    headers = sorted((name.lower(), value) for name, value in request.headers.items())
    how = [request.streams, request.unsupported, request.allow_empty, sorted(request.untouched)]  # type: ignore[call-overload]
    asked = [_FORM, request.path, names, who, fields, [row for row in headers if row[0] not in _NOT_ASKED], how]
    return [*asked, request.caller] if request.caller else asked  # also where replies are everybody's


def _field(name: str, value: Any) -> Any:
    """A value in one spelling: as text, in which the order of names does not count where a model does not see it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=name in _UNORDERED)


def _place(offer: Offer) -> tuple[str, str, str, str]:
    """Who is asked: the provider, where, by which name, and with which account."""
    where, name = offer.place
    return offer.provider, where or "", name, json.dumps(sorted(offer.headers.items()))


def _identity(offers: Sequence[Offer], settings: Settings) -> bytes:
    """Who asks: a digest of the keys in use, and of the caller's name."""
    if settings.shared:
        return b"shared"
    keys = sorted({secret for offer in offers if (secret := _secret(offer))})
    return blake2b(json.dumps([keys, settings.caller]).encode("ascii"), digest_size=_SIZE).digest()


def _secret(offer: Offer) -> str:
    """The key of an offer; where that is exchanged for tokens, which come and go, what they are made of."""
    return str(offer.key_mark() or "")
