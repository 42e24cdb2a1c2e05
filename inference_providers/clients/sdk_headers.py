"""Headers of SDK clients: which of the caller's own go to whoever answers, and which of a reply come back. Pure.

What goes to everybody is allowed by name: a program that passes a visitor's request on has headers in it that say who
the visitor is, and nobody can list them all.
"""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Put there by the SDK for OpenAI, or our business.
_SDKS_OWN = frozenset(
    (
        b"authorization user-agent host accept accept-encoding connection "
        b"content-length content-type cookie transfer-encoding openai-organization openai-project"
    ).split()
)
_ALLOWED = frozenset(b"openai-beta idempotency-key http-referer traceparent tracestate".split())
_ALLOWED_PREFIXES = (b"x-", b"anthropic-", b"helicone-", b"portkey-", b"cf-aig-")
# Of those that begin so: what proxies and browsers put there, and what is for us.
_REFUSED_PREFIXES = (
    b"x-stainless", b"x-inference-", b"x-forwarded", b"x-real-", b"x-original-", b"x-client-ip", b"x-remote-",
    b"x-cluster-", b"x-envoy-", b"x-amzn-", b"x-amz-", b"x-ms-", b"x-appengine-", b"x-vercel-", b"x-http-method",
    b"x-requested-with", b"x-rewrite-", b"x-scheme", b"x-proxy", b"x-goog-",
)  # fmt: skip
_SECRET = rb"key|token|secret|passw|auth|credential|cookie|session|signature|jwt|sso|saml|csrf|xsrf|bearer"
_NO_SECRETS = (b"idempotency-key", b"x-idempotency-key", b"x-session-id", b"x-session-affinity")
_NOT_OF_REPLIES = frozenset((
    "content-encoding", "content-length", "transfer-encoding", "set-cookie", "location",
    "x-inference-cache",  # which is ours to say
))  # fmt: skip


def own_headers(raw: Iterable[tuple[bytes, bytes]], *, one_provider: bool) -> dict[str, str]:
    """The headers of the caller's own that go along.

    To a client of one provider all that are not the SDK's: whoever sets one there knows who gets it. To anybody else
    those that are made for providers (`x-...`, `openai-beta`, `idempotency-key`) and do not sound like a secret.
    """
    goes = _is_own if one_provider else _is_for_all
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw if goes(name.lower())}


def headers_for_all(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of *headers*, by names in lower case, that go to whoever answers: see `own_headers`."""
    return {name: headers[name] for name in _going_to_all(tuple(headers))}


@lru_cache(maxsize=64)
def _going_to_all(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if _is_for_all(name.encode("latin-1"))]


def _is_own(name: bytes) -> bool:
    return name not in _SDKS_OWN and not name.startswith((b"x-stainless", b"x-inference-"))


def _is_for_all(name: bytes) -> bool:
    allowed = name in _ALLOWED or (name.startswith(_ALLOWED_PREFIXES) and not name.startswith(_REFUSED_PREFIXES))
    return allowed and (name in _NO_SECRETS or not re.search(_SECRET, name))


def plain_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Response headers that still hold once the body has been decoded, without where to go next: nobody goes there."""
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for said, value in headers.items()
        if (name := said.lower()) not in _NOT_OF_REPLIES
    ]
