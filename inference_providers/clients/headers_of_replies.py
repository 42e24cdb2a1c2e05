"""Headers of a reply for whoever asked: those of the provider that still hold, and who gave it. Pure."""

from __future__ import annotations

from functools import lru_cache

from inference_providers.clients.sdk_headers import plain_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import AsyncStreamReply, Reply, StreamReply


def reply_headers(reply: Reply | StreamReply | AsyncStreamReply) -> list[tuple[bytes, bytes]]:
    """Names in lower case, without a length."""
    return [*plain_headers(reply.headers), *said_headers(reply)]


def said_headers(reply: Reply | StreamReply | AsyncStreamReply) -> list[tuple[bytes, bytes]]:
    """What we say of a reply: who gave it, who was tried, what they did not get."""
    offer, attempts = reply.offer, reply.attempts
    tried = ", ".join([f"{a.provider}/{a.model}={a.status or 'no answer'}" for a in attempts])
    headers = [
        *_who(offer.provider, offer.internal_name, offer.canonical_name or ""),
        (b"x-inference-attempts", b"%d" % len(attempts)),
        (b"x-inference-tried", _ascii(tried)),
    ]
    if reply.cached:
        headers.append((b"x-inference-cache", b"hit"))
    if reply.dropped:
        headers.append((b"x-inference-dropped", _ascii(", ".join(reply.dropped))))
    if reply.repaired:
        headers.append((b"x-inference-repaired", _ascii(", ".join(reply.repaired))))
    return headers


@lru_cache(maxsize=256)
def _who(provider: str, model: str, name: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-inference-provider", _ascii(provider)),
        (b"x-inference-model", _ascii(model)),
        (b"x-inference-canonical-model", _ascii(name)),
    )


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")
