"""What a reply means: a response or a failure in, a verdict out. Pure.

`docs/failures.md` lists what real servers do and which verdict each gets. What a server's words mean are rows of the
registry file (`refusals`), what its status means alone are rows of tables here: plain data that the page is made of.
Nothing depends on who the provider is, nor on the protocol that it speaks. What only a failure needs is loaded with
the first one.
"""

from __future__ import annotations

from inference_providers import errors
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

    from inference_providers.errors import BudgetExceededError
    from inference_providers.offers import Offer
    from inference_providers.protocols.error_body import ErrorDetails
    from inference_providers.registry import Registry
    from inference_providers.transport import WireError

OK = "ok"
NEXT = "next"  # cool the candidate down, go to the next
RETRY = "retry"  # same candidate once more, then NEXT
DEAD = "dead"  # let that key rest, NEXT
STOP = "stop"  # typed error, no other provider is asked
DOUBT = "doubt"  # refused in words that nobody knows: STOP, unless one other candidate answers
WAIT = "wait"  # NEXT if there is another candidate, else wait as long as the server said
POLL = "poll"  # the server is loading a model: ask again until the deadline
LARGER = "larger"  # NEXT if a later candidate has a larger context window, else STOP
HELD = "held"  # not sent: NEXT if there is another candidate, else wait until there is room, if that is all

RESTART = 0.1  # seconds for the end of a server of ours to be noticed
SUCCESS = (200, 201, 203)
REDIRECTS = (301, 302, 303, 307, 308)

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
    (400, DOUBT, InvalidRequestError),
)
OTHERWISE = (NEXT, ProviderUnavailableError)
UNKNOWN = 400  # the status with which words are looked for where an error comes with a status of success
# The status that an error has then, by its kind, else UNKNOWN: what programs catch and back off by.
_BY_KIND_OF_ERROR: tuple[tuple[type[ProviderError], int], ...] = (
    (AuthenticationError, 401),
    (InsufficientCreditsError, 402),
    (RateLimitError, 429),
)
ERROR_READ = 65536  # bytes of an error body
_HIDDEN = ("message", "msg", "detail", "error_msg", "error_message", "errors", "fault", "Message")
_BILLED = "; it may have been billed"
# kind of `WireError` -> (action, what is added to its message); others are NEXT.
_BY_KIND = {"broken": (RETRY, ""), "deadline": (NEXT, _BILLED), "timeout": (NEXT, _BILLED), "setup": (STOP, "")}


class Verdict:
    """What to do (`action`), why (`error`), and how long to wait (`retry_after`, seconds).

    `words` are the server's own, without keys, where it refused; else None. An action of DOUBT is one on a refusal in
    words that nobody knows: it may be the request's fault or the server's.
    """

    __slots__ = (
        "absent",
        "action",
        "also",
        "cool",
        "error",
        "exceeded",
        "offer",
        "repaired",
        "reply",
        "response",
        "retry_after",
        "spread",
        "words",
    )

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
        self.spread = 0.0  # seconds by which to come later than that, at random, where many wait for the same moment
        self.offer: Offer | None = None  # who answered, where that may be another than was asked first
        self.exceeded: BudgetExceededError | None = None  # the budget that holds it
        self.words: ErrorDetails | None = None  # what the server said, where it refused
        self.absent = False  # the provider says that it does not have the model
        self.repaired = ""  # in words: what it refused, and does not get when it is asked again at once
        self.also: list[Verdict] = []  # of candidates asked at the same time, which have answered as well
        # status, headers and body of a reply that worked
        self.response: tuple[int, Mapping[str, str], bytes] | None = None

    def __repr__(self) -> str:
        return f"<Verdict {self.action}: {self.error}>"


def failure(error: WireError, provider: str, *, launched: bool = False, at: str = "") -> Verdict:
    """A verdict on a request that got no usable response.

    launched: this package launched the server, and starts it anew with the next try. at: the host, where it is not
    the usual one, since it is then the first thing to look at.
    """
    if launched and error.kind in ("connect", "broken", "stranger"):
        lost = str(error) if error.kind == "stranger" else "the connection to its server was lost"
        message = f"{provider}: {lost}; it is started anew if it has ended"
        problem = ProviderUnavailableError(message, provider=provider, code="broken")
        return Verdict(RETRY, problem, retry_after=RESTART)
    action, note = _BY_KIND.get(error.kind, (NEXT, ""))
    where = f" ({at})" if at and error.kind in ("connect", "broken", "protocol") else ""
    problem = ProviderUnavailableError(f"{provider}: {error}{where}{note}", provider=provider, code=error.kind)
    return Verdict(action, problem)


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    secrets: Iterable[str | None],
    now: float,
    *,
    registry: Registry | None = None,
) -> Verdict:
    """A verdict on a response whose status is not one of `SUCCESS`, in whatever protocol.

    *secrets* are scrubbed from everything that is kept. *now* is a Unix time. *registry* says what words mean; by
    default the installed one does.
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
    words = _scrubbed(error_details(json_or_text(clean)), secrets)
    verdict = _judged(status, words, headers, provider, now, registry)
    if verdict.error is not None:
        verdict.error.body = clean
    return verdict


def _scrubbed(words: ErrorDetails, secrets: list[str | None]) -> ErrorDetails:
    """Words without keys that only the reading of them has put together."""
    from inference_providers.credentials import scrub

    return words.mapped(lambda text: scrub(text, secrets))


def _judged(
    status: int,
    words: ErrorDetails,
    headers: Mapping[str, str],
    provider: str,
    now: float,
    registry: Registry | None,
    *,
    otherwise: str = "",
    in_success: bool = False,
) -> Verdict:
    """The verdict on a refusal. *in_success*: it came with a status of success, and *status* is read from it."""
    from inference_providers.protocols.waits import retry_after

    message = words.message or otherwise or f"HTTP {status} without a message"
    wait = retry_after(
        {**words.headers, **headers}, words.text, now, told=words.wait, limited=429 in (status, words.status)
    )
    action, kind, absent = _decide(status, words, registry, in_success)
    limited = kind is RateLimitError and (action == RETRY or status == 429)
    if limited and wait is not None:
        action = WAIT
    shown = f"HTTP {status}"
    if in_success and words.status is None:
        status = next((number for named, number in _BY_KIND_OF_ERROR if issubclass(kind, named)), UNKNOWN)
        shown = f"in a reply with HTTP {SUCCESS[0]}"
    error = kind(
        f"{provider}: {message} ({shown})",
        provider=provider,
        status=status,
        code=words.code or words.kind or None,
        retry_after=wait,
        words=message,
    )
    if isinstance(error, ContextLengthError):
        from inference_providers.protocols.sizes import sizes_of

        error.limit, error.requested = sizes_of(words)
    verdict = Verdict(action, error, retry_after=wait, cool=status == 429 or limited)
    verdict.words, verdict.absent = words, absent
    return verdict


def _decide(
    status: int, words: ErrorDetails, registry: Registry | None, in_success: bool
) -> tuple[str, type[ProviderError], bool]:
    """What to do, by the words, else by the status; and whether the model is said not to be there."""
    if registry is None:
        from inference_providers.registry import bundled

        registry = bundled()
    found = registry.refusals.find(status, words.text)
    if found is None and words.status is not None and words.status != status:
        found = registry.refusals.find(words.status, words.text)
    if found is not None:
        action, error = found.action, getattr(errors, found.error)
    elif in_success and words.status is None:
        action, error = OTHERWISE
    else:
        action, error = _by_status(status)
        if words.status is not None and (action == DOUBT or words.relayed):
            action, error = _by_status(words.status)
    if action == DEAD and words.relayed:
        action = NEXT  # the account of whoever is behind it, not ours
    return action, error, found is not None and found.absent


def _by_status(status: int) -> tuple[str, type[ProviderError]]:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return next(((action, error) for least, action, error in BY_CLASS if status >= least), OTHERWISE)


def is_foreign(kind: str) -> bool:
    """Whether a content type is not ours to judge: speech, pictures, transcripts."""
    return "json" not in kind and "html" not in kind


def hidden_error(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error that a reply without content holds under another name than `error`; None where it holds none."""
    base = reply.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        return {"error": base}
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(first, dict):
        held = first.get("error")
        return {"error": held} if held else None
    return reply if any(reply.get(name) for name in _HIDDEN) else None


def clean_error(body: Mapping[str, Any], secrets: Iterable[str | None]) -> Mapping[str, Any]:
    """As much of an error's JSON as is ever told of it, without keys."""
    from inference_providers.credentials import scrub_json
    from inference_providers.protocols.error_body import trimmed

    clean: Mapping[str, Any] = scrub_json(trimmed(body), list(secrets))
    return clean


def error_in_success(clean: Mapping[str, Any], provider: str, now: float, registry: Registry | None = None) -> Verdict:
    """An error delivered with status 200, as `clean_error` has it.

    Judged by its words and by the status inside it, else as unavailable.
    """
    import json

    from inference_providers.protocols.error_body import error_details

    words = error_details(clean)
    status = words.status or UNKNOWN
    said = "an error without a message"
    verdict = _judged(status, words, {}, provider, now, registry, otherwise=said, in_success=True)
    if verdict.error is not None:
        verdict.error.body = json.dumps(clean).encode()
    return verdict


def withheld(provider: str) -> Verdict:
    """The provider's content filter let nothing through."""
    message = f"{provider}: the reply was withheld by its content filter"
    return Verdict(STOP, ContentFilteredError(message, provider=provider, status=200, code="content_filter"))


def unreadable(provider: str, error: Exception) -> Verdict:
    """A reply whose shape broke the reading of it."""
    return unavailable(NEXT, provider, f"the reply has a shape that cannot be read ({type(error).__name__})")


def unavailable(action: str, provider: str, what: str, status: int = 200) -> Verdict:
    """A response that is not an answer."""
    return Verdict(action, ProviderUnavailableError(f"{provider}: {what}", provider=provider, status=status))
