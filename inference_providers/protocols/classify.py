"""What a reply means: a response or a failure in, a verdict out. Pure.

`docs/failures.md` lists what real servers do and which verdict each gets. Statuses and phrases are rows of tables
here, plain data that the page is made of; nothing depends on who the provider is, nor on the protocol that it speaks.
What only a failure needs is loaded with the first one.
"""

from __future__ import annotations

import re

from inference_providers.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    InsufficientCreditsError,
    InvalidRequestError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.protocols.error_body import ErrorDetails
    from inference_providers.transport import WireError

OK = "ok"
NEXT = "next"  # cool the candidate down, go to the next
RETRY = "retry"  # same candidate once more, then NEXT
DEAD = "dead"  # disable that key for this process, NEXT
STOP = "stop"  # typed error, no other provider is asked
WAIT = "wait"  # NEXT if there is another candidate, else wait as long as the server said
POLL = "poll"  # the server is loading a model: ask again until the deadline
LARGER = "larger"  # NEXT if a later candidate has a larger context window, else STOP

RESTART = 0.1  # seconds for the end of a server of ours to be noticed
SUCCESS = (200, 201, 203)
REDIRECTS = (301, 302, 303, 307, 308)

# What messages and codes tell beyond the status: name -> pattern, whatever the case of letters.
PHRASES = {
    "no credit left": (
        r"insufficient[_ ](quota|credits?|balance|funds)|credits? (are |is |have been )?(exhausted|depleted)"
        r"|out of credits|used all (available )?credits|billing_hard_limit|payment required|spending limit"
    ),
    "resource exhausted": r"RESOURCE_EXHAUSTED",
    "invalid key": (
        r"api[ _-]?key (is )?(not valid|invalid|incorrect)"
        r"|(invalid|incorrect|wrong|expired)[ _](x-)?api[ _-]?(key|token)"
        r"|API_KEY_INVALID|invalid_api_key|no auth credentials|user not found\.?$"
    ),
    "content filter": (
        r"content[_ ](filter|policy)|ResponsibleAIPolicyViolation|content management policy"
        r"|flagged|moderation|unsafe|safety system"
    ),
    "context length": (
        r"context[_ ](length|window|size)|exceed_context_size|context_length_exceeded|maximum context"
        r"|prompt is too long|too many (input )?tokens|input is too long"
        r"|exceeds the (model'?s )?(maximum )?(context|input)"
    ),
    "unknown model": (
        r"model[_ ](not[_ ]found|does not exist|unavailable|deprecated|decommissioned)"
        r"|model `?.{1,100}`? (does not exist|not found|is not available"
        r"|has been (deprecated|decommissioned|removed))"
        r"|(unknown|invalid|unsupported|no such) model|not a valid model|model not exist|no endpoints found"
    ),
    "loading": r"loading model|model is (currently )?loading|unavailable_error",
    "no capacity": r"capacity|overloaded",
}
# (statuses, phrase, action, error): what the words say beats what the status says. The first match wins.
BY_WORDS: tuple[tuple[tuple[int, ...], str, str, type[ProviderError]], ...] = (
    ((403, 429), "no credit left", DEAD, InsufficientCreditsError),
    ((429,), "resource exhausted", NEXT, RateLimitError),
    ((400, 403), "invalid key", DEAD, AuthenticationError),
    ((400, 403, 422, 498), "content filter", STOP, ContentFilteredError),
    ((400, 413, 422), "context length", LARGER, ContextLengthError),
    ((400, 422), "unknown model", NEXT, ProviderUnavailableError),
    ((503,), "loading", POLL, ProviderUnavailableError),
    ((503,), "no capacity", NEXT, ProviderUnavailableError),
)
# status -> (action, error), where no words decide. A 429 that says how long is WAIT.
BY_STATUS: dict[int, tuple[str, type[ProviderError]]] = {
    401: (DEAD, AuthenticationError),
    402: (DEAD, InsufficientCreditsError),
    403: (NEXT, AuthenticationError),
    404: (NEXT, ProviderUnavailableError),
    405: (NEXT, ProviderUnavailableError),
    408: (RETRY, ProviderUnavailableError),
    409: (RETRY, ProviderUnavailableError),
    410: (NEXT, ProviderUnavailableError),
    425: (RETRY, ProviderUnavailableError),
    429: (RETRY, RateLimitError),
    498: (NEXT, ProviderUnavailableError),
    499: (NEXT, ProviderUnavailableError),
    501: (NEXT, ProviderUnavailableError),
}
# (least status, action, error) for others. The first match wins.
BY_CLASS: tuple[tuple[int, str, type[ProviderError]], ...] = (
    (500, RETRY, ProviderUnavailableError),
    (400, STOP, InvalidRequestError),
)
OTHERWISE = (NEXT, ProviderUnavailableError)
REFUSED_IN_SUCCESS = ("context length", "content filter")  # phrases of refusals that some send with status 200
STATUS_IN_CODE = r"\b([45]\d\d)\b"  # a status that an error with status 200 names as its code
ERROR_READ = 65536  # bytes of an error body
_BILLED = "; it may have been billed"
# kind of `WireError` -> (action, what is added to its message); others are NEXT.
_BY_KIND = {"broken": (RETRY, ""), "deadline": (NEXT, _BILLED), "timeout": (NEXT, _BILLED), "setup": (STOP, "")}


class Verdict:
    """What to do (`action`), why (`error`), and how long to wait (`retry_after`, seconds)."""

    __slots__ = ("action", "also", "cool", "error", "offer", "reply", "response", "retry_after")

    def __init__(
        self,
        action: str,
        error: ProviderError | None = None,
        *,
        retry_after: float | None = None,
        reply: Any = None,
        cool: bool = False,
    ) -> None:
        self.action, self.error, self.retry_after, self.reply, self.cool = action, error, retry_after, reply, cool
        self.offer: Offer | None = None  # who answered, where that may be another than was asked first
        self.also: list[Verdict] = []  # of candidates asked at the same time, which have answered as well
        self.response: tuple[int, Mapping[str, str], bytes] | None = (
            None  # status, headers, body of a reply that worked
        )

    def __repr__(self) -> str:
        return f"<Verdict {self.action}: {self.error}>"


def failure(error: WireError, provider: str, *, launched: bool = False) -> Verdict:
    """A verdict on a request that got no usable response.

    launched: this package launched the server, and starts it anew with the next try.
    """
    if launched and error.kind in ("connect", "broken"):
        message = f"{provider}: the connection to its server was lost; it is started anew if it has ended"
        problem = ProviderUnavailableError(message, provider=provider, code="broken")
        return Verdict(RETRY, problem, retry_after=RESTART)
    action, note = _BY_KIND.get(error.kind, (NEXT, ""))
    problem = ProviderUnavailableError(f"{provider}: {error}{note}", provider=provider, code=error.kind)
    return Verdict(action, problem)


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, provider: str, secrets: Iterable[str | None], now: float
) -> Verdict:
    """A verdict on a response whose status is not one of `SUCCESS`, in whatever protocol.

    *secrets* are scrubbed from everything that is kept. *now* is a Unix time.
    """
    from inference_providers.credentials import scrub_bytes
    from inference_providers.protocols.error_body import error_details, json_or_text

    if status in REDIRECTS:
        message = (
            f"{provider} answered with a redirect ({status}), which is not followed: "
            "neither key nor prompt went there. Check its endpoint."
        )
        return Verdict(NEXT, ProviderUnavailableError(message, provider=provider, status=status))
    secrets = list(secrets)
    clean = scrub_bytes(body[:ERROR_READ], secrets)
    verdict = _by_status(status, _scrubbed(error_details(json_or_text(clean)), secrets), headers, provider, now)
    if verdict.error is not None:
        verdict.error.body = clean
    return verdict


def _scrubbed(words: ErrorDetails, secrets: list[str | None]) -> ErrorDetails:
    """Words without keys that only the reading of them has put together."""
    from inference_providers.credentials import scrub

    return type(words)(scrub(words.message, secrets), scrub(words.code, secrets), scrub(words.kind, secrets))


def _by_status(
    status: int, words: ErrorDetails, headers: Mapping[str, str], provider: str, now: float, otherwise: str = ""
) -> Verdict:
    from inference_providers.protocols.error_body import retry_after

    message = words.message or otherwise or f"HTTP {status} without a message"
    wait = retry_after(headers, message, now)
    action, kind = _decide(status, words, wait)
    error = kind(
        f"{provider}: {message} (HTTP {status})",
        provider=provider,
        status=status,
        code=words.code or words.kind or None,
        retry_after=wait,
    )
    return Verdict(action, error, retry_after=wait, cool=status == 429)


def _decide(status: int, words: ErrorDetails, wait: float | None) -> tuple[str, type[ProviderError]]:
    for statuses, phrase, action, error in BY_WORDS:
        if status in statuses and words.has(PHRASES[phrase]):
            return action, error
    if status == 429 and wait is not None:
        return WAIT, RateLimitError
    if status in BY_STATUS:
        return BY_STATUS[status]
    return next(((action, error) for least, action, error in BY_CLASS if status >= least), OTHERWISE)


def is_foreign(kind: str) -> bool:
    """Whether a content type is not ours to judge: speech, pictures, transcripts."""
    return "json" not in kind and "html" not in kind


def clean_error(body: Mapping[str, Any], secrets: Iterable[str | None]) -> Mapping[str, Any]:
    """As much of an error's JSON as is ever told of it, without keys."""
    from inference_providers.credentials import scrub_json
    from inference_providers.protocols.error_body import trimmed

    clean: Mapping[str, Any] = scrub_json(trimmed(body), list(secrets))
    return clean


def error_in_success(clean: Mapping[str, Any], provider: str, now: float) -> Verdict:
    """An error delivered with status 200, as `clean_error` has it.

    Judged by the status inside it, else as unavailable.
    """
    from inference_providers.protocols.error_body import error_details

    words = error_details(clean)
    number = re.search(STATUS_IN_CODE, words.code)
    refused = any(words.has(PHRASES[phrase]) for phrase in REFUSED_IN_SUCCESS)
    status = int(number[1]) if number else 400 if refused else 503
    verdict = _by_status(status, words, {}, provider, now, "an error without a message")
    return verdict if number or verdict.action in (STOP, LARGER) else Verdict(NEXT, verdict.error)


def withheld(provider: str) -> Verdict:
    """The provider's content filter let nothing through."""
    message = f"{provider}: the reply was withheld by its content filter"
    return Verdict(STOP, ContentFilteredError(message, provider=provider, status=200, code="content_filter"))


def unreadable(provider: str, error: Exception) -> Verdict:
    """A reply whose shape broke the reading of it."""
    return unavailable(NEXT, provider, f"the reply has a shape that cannot be read ({type(error).__name__})")


def unavailable(action: str, provider: str, what: str) -> Verdict:
    """A response with a status of success that is not an answer."""
    return Verdict(action, ProviderUnavailableError(f"{provider}: {what}", provider=provider, status=200))
