"""What a reply means: a response or a failure in, a verdict out. Pure.

`docs/failures.md` lists what real servers do and which verdict each gets. Shapes and
phrases are rows of tables here; nothing depends on who the provider is.
"""

from __future__ import annotations

import codecs
import re

from inference_providers import chat
from inference_providers.credentials import scrub, scrub_bytes, scrub_json
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
from inference_providers.protocols.error_details import Said, decode, plain, retry_after, said, trimmed
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.offers import Offer
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

# What messages and codes tell beyond the status: name -> pattern.
PHRASES = {
    "no credit left": r"insufficient[_ ](quota|credits?|balance|funds)|credits? (are |is |have been )?(exhausted|depleted)|out of credits|used all (available )?credits|billing_hard_limit|payment required|spending limit",
    "resource exhausted": r"RESOURCE_EXHAUSTED",
    "invalid key": r"api[ _-]?key (is )?(not valid|invalid|incorrect)|(invalid|incorrect|wrong|expired)[ _](x-)?api[ _-]?(key|token)|API_KEY_INVALID|invalid_api_key|no auth credentials|user not found\.?$",
    "content filter": r"content[_ ](filter|policy)|ResponsibleAIPolicyViolation|content management policy|flagged|moderation|unsafe|safety system",
    "context length": r"context[_ ](length|window|size)|exceed_context_size|context_length_exceeded|maximum context|prompt is too long|too many (input )?tokens|input is too long|exceeds the (model'?s )?(maximum )?(context|input)",
    "unknown model": r"model[_ ](not[_ ]found|does not exist|unavailable|deprecated|decommissioned)|model `?.{1,100}`? (does not exist|not found|is not available|has been (deprecated|decommissioned|removed))|(unknown|invalid|unsupported|no such) model|not a valid model|model not exist|no endpoints found",
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
_REFUSED = f"{PHRASES['context length']}|{PHRASES['content filter']}"  # refusals that some send with status 200
_BILLED = "; it may have been billed"
# kind of `WireError` -> (action, what is added to its message); others are NEXT.
_BY_KIND = {"broken": (RETRY, ""), "deadline": (NEXT, _BILLED), "timeout": (NEXT, _BILLED)}


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
    """A verdict on a request that got no usable response. A server that this package launched is started anew by the next try."""
    if launched and error.kind in ("connect", "broken"):
        message = f"{provider}: the connection to its server was lost; it is started anew if it has ended"
        problem = ProviderUnavailableError(message, provider=provider, code="broken")
        return Verdict(RETRY, problem, retry_after=RESTART)
    action, note = _BY_KIND.get(error.kind, (NEXT, ""))
    problem = ProviderUnavailableError(f"{provider}: {error}{note}", provider=provider, code=error.kind)
    return Verdict(action, problem)


def response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    secrets: Iterable[str | None],
    now: float,
    *,
    path: str = chat.PATH,
    allow_empty: bool = False,
) -> Verdict:
    """A verdict on a complete response. *secrets* are scrubbed from everything that is kept."""
    secrets = list(secrets)
    if status in SUCCESS:
        kind = headers.get("content-type", "json").lower()
        if path != chat.PATH and is_foreign(kind):
            return Verdict(OK)
        return _success(body, provider, secrets, now, path=path, allow_empty=allow_empty)
    if status in REDIRECTS:
        return Verdict(
            NEXT,
            ProviderUnavailableError(
                f"{provider} answered with a redirect ({status}), which is not followed: neither key nor prompt went there. Check its endpoint.",
                provider=provider,
                status=status,
            ),
        )
    clean = scrub_bytes(body[:65536], secrets)
    words = _clean(said(decode(clean)), secrets)
    message = words.message or f"HTTP {status} without a message"
    verdict = _status(status, words, message, provider, retry_after(headers, words.message, now))
    if verdict.error is not None:
        verdict.error.body = clean
    return verdict


def _clean(words: Said, secrets: Iterable[str | None]) -> Said:
    """Words without keys that only the reading of them has put together."""
    secrets = list(secrets)
    return Said(scrub(words.message, secrets), scrub(words.code, secrets), scrub(words.kind, secrets))


def is_foreign(kind: str) -> bool:
    """Whether a content type is none of ours to judge: speech, pictures, transcripts."""
    return "json" not in kind and "html" not in kind


def _status(status: int, words: Said, message: str, provider: str, wait: float | None) -> Verdict:
    action, kind = _decide(status, words, wait)
    error = kind(
        f"{provider}: {message} (HTTP {status})",
        provider=provider,
        status=status,
        code=words.code or words.kind or None,
        retry_after=wait,
    )
    return Verdict(action, error, retry_after=wait, cool=status == 429)


def _decide(status: int, words: Said, wait: float | None) -> tuple[str, type[ProviderError]]:
    for statuses, phrase, action, error in BY_WORDS:
        if status in statuses and words.has(PHRASES[phrase]):
            return action, error
    if status == 429 and wait is not None:
        return WAIT, RateLimitError
    if status in BY_STATUS:
        return BY_STATUS[status]
    return next(((action, error) for least, action, error in BY_CLASS if status >= least), OTHERWISE)


def _success(
    body: bytes, provider: str, secrets: list[str | None], now: float, *, path: str, allow_empty: bool
) -> Verdict:
    try:
        if path != chat.PATH and _passes_unread(body):
            return Verdict(OK)
        reply = jsontext.loads(body if len(body) > jsontext.LARGE else body.decode("utf-8"))
    except (jsontext.TooDeep, jsontext.TooLarge) as error:
        return _unavailable(NEXT, provider, f"the reply is {error}")
    except ValueError:
        return _not_json(body, provider, secrets)
    if not isinstance(reply, dict):
        return _unavailable(NEXT, provider, f"the reply is no object but {type(reply).__name__}")
    inner = reply.get("error")
    if inner or reply.get("object") == "error":
        return error_in_success(scrub_json(trimmed(reply), secrets), provider, now)
    if path != chat.PATH:
        return Verdict(OK, reply=reply)
    return _chat_reply(reply, provider, allow_empty)


def _passes_unread(body: bytes) -> bool:
    """Whether a large reply of another kind than chat need not be read: an object that nothing in it calls an error."""
    return (
        len(body) > jsontext.LARGE
        and body[:200].lstrip()[:1] == b"{"
        and body[-200:].rstrip()[-1:] == b"}"
        and (b'"error"' not in body or not jsontext.fits(body))
    )


def _not_json(body: bytes, provider: str, secrets: list[str | None]) -> Verdict:
    start = body[:200].lstrip()[:1]
    if not body.strip() or start in (b"{", b"[") or not _is_utf8(body):
        return _unavailable(
            RETRY, provider, "the reply is empty" if not body.strip() else "the reply is cut or no valid JSON"
        )
    text = scrub(plain(scrub_bytes(body[:65536], secrets).decode("utf-8", "replace")), secrets)
    return _unavailable(NEXT, provider, f"the reply is no JSON: {text[:120]!r}")


def _is_utf8(body: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for place in range(0, len(body), 65536):  # a copy of it all might be four times as large
            decoder.decode(body[place : place + 65536])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def error_in_success(reply: Mapping[str, Any], provider: str, now: float) -> Verdict:
    """An error delivered with status 200, scrubbed already: judged by the status inside it, else as unavailable."""
    words = said(reply)
    number = re.search(r"\b([45]\d\d)\b", words.code)
    status = int(number[1]) if number else 400 if words.has(_REFUSED) else 503
    message = words.message or "an error without a message"
    verdict = _status(status, words, message, provider, retry_after({}, words.message, now))
    return verdict if number or verdict.action in (STOP, LARGER) else Verdict(NEXT, verdict.error)


def _chat_reply(reply: Mapping[str, Any], provider: str, allow_empty: bool) -> Verdict:
    choice = chat.first_choice(reply)
    if not choice:
        return _unavailable(NEXT, provider, "the reply has no choices")
    if choice.get("finish_reason") == "error":
        return _unavailable(NEXT, provider, "the reply ended with finish_reason 'error'")
    said_something = chat.reply_text(reply) or chat.has_tool_calls(choice) or chat.has_other_content(choice)
    if not said_something and choice.get("finish_reason") == "content_filter":
        return withheld(provider)
    if not said_something and not allow_empty and not (choice.get("finish_reason") and chat.cut_by_length(choice)):
        return _unavailable(NEXT, provider, "the reply is empty")
    return Verdict(OK, reply=reply)


def withheld(provider: str) -> Verdict:
    """The provider's content filter let nothing through."""
    message = f"{provider}: the reply was withheld by its content filter"
    return Verdict(STOP, ContentFilteredError(message, provider=provider, status=200, code="content_filter"))


def unreadable(provider: str, error: Exception) -> Verdict:
    """A reply whose shape broke the reading of it."""
    return _unavailable(NEXT, provider, f"the reply has a shape that cannot be read ({type(error).__name__})")


def _unavailable(action: str, provider: str, what: str) -> Verdict:
    return Verdict(action, ProviderUnavailableError(f"{provider}: {what}", provider=provider, status=200))
