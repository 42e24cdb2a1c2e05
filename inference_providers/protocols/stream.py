"""A chat stream, judged event by event. Pure: bytes in, chunks and a verdict out.

Until the first content a failure is a verdict, and another candidate may be asked.
After it every failure is a TruncatedStreamError that carries the text so far.
"""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.credentials import MARK, scrub
from inference_providers.errors import ProviderUnavailableError, TruncatedStreamError
from inference_providers.protocols import classify
from inference_providers.protocols.error_body import error_details, trimmed
from inference_providers.text import jsontext
from inference_providers.transport import sse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from typing import Any

    from inference_providers.protocols.classify import Verdict
    from inference_providers.protocols.protocol import EventJudge
    from inference_providers.registry import Registry
    from inference_providers.transport import WireError


EARLY_CAP, EARLY_EVENTS = 1024 * 1024, 10_000  # bytes and events before the first content: all of them are kept
TEXT_CAP = 16 * 1024 * 1024  # characters of an answer and of thoughts: they are kept for `.partial`
_SCRUBBED = 262144  # characters of a text in which keys are looked for in every form
EVENTS_CAP = 1_000_000  # of a chat

# What the end of a body means, by what has come until then: (what has, what has not, outcome). The first match wins.
# other: no chat, but another kind of stream. content: text, thoughts, a tool's call. finish, filtered, cut: a finish
# reason, content_filter, length. done: [DONE]. empty: whoever asked takes an answer without content.
WHOLE, WITHHELD = "an answer", "withheld by its content filter"
EMPTY, BROKEN_OFF = "the stream held no content", "the stream ended without a finish reason"
ENDS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("other", "content"), (), WHOLE),
    (("filtered",), ("content",), WITHHELD),
    ((), ("content", "finish", "done"), EMPTY),
    ((), ("content", "finish", "empty"), EMPTY),
    ((), ("finish", "done"), BROKEN_OFF),
    ((), ("content", "cut", "empty"), EMPTY),
    ((), (), WHOLE),
)


def outcome_of(seen: Container[str]) -> str:
    """What the end of a body means after this was seen of it: an outcome of `ENDS`."""
    return next(
        outcome
        for present, absent, outcome in ENDS
        if all(name in seen for name in present) and not any(name in seen for name in absent)
    )


class StreamJudge:
    """Judges one stream as its bytes come: a `protocol.EventJudge` of OpenAI's events.

    `verdict` is set once it failed before its first content or reached its end.
    """

    __slots__ = {  # noqa: RUF023  (in the order in which they come)
        "provider": "Who is named in errors.",
        "started": "Content has come (text, thoughts, a tool's call; anything, of another kind of stream).",
        "finished": "A finish reason has come: the answer is whole, whatever becomes of the connection.",
        "done": "`[DONE]` has come: what follows is not read.",
        "verdict": "What came of it; None as long as it goes on.",
        "usage": "Tokens used, as the last chunk that told of them had it.",
        "events": "How many events have come, those without content included.",
        "_filtered": "The finish reason is `content_filter`.",
        "_cut": "The finish reason is `length`.",
        "_passed": "The body is speech, a picture, or the like: it is passed on unread.",
        "_plain": "The body so far, where it is not an event stream; else None.",
        "_text": "The text so far, for `.partial`.",
        "_thoughts": "How many characters of thoughts have come.",
        "_size": "How many bytes have come.",
        "_allow_empty": "Whether an answer without content is one.",
        "_decode": "The verdict on a body that turns out to be a complete reply.",
        "_now": "",
        "_registry": "What says what a server's words mean.",
        "_parser": "",
        "_path": "",
        "_secrets": "",
    }

    def __init__(
        self,
        provider: str,
        secrets: Iterable[str | None],
        headers: Mapping[str, str],
        now: float,
        decode: Callable[..., Verdict],
        *,
        path: str = chat.PATH,
        allow_empty: bool = False,
        registry: Registry | None = None,
    ) -> None:
        self._registry = registry
        self.provider, self._secrets, self._now, self._decode = provider, list(secrets), now, decode
        self._parser = sse.Parser()
        kind = headers.get("content-type", "text/event-stream").lower()
        is_stream = "text/event-stream" in kind
        self._passed = path != chat.PATH and not is_stream and classify.is_foreign(kind)
        self._plain = None if is_stream or self._passed else bytearray()
        self._text, self._thoughts = chat.Pieces(), 0
        self._path, self._allow_empty = path, allow_empty
        self._filtered = self._cut = self.started = self.finished = self.done = False
        self._size = self.events = 0
        self.verdict: Verdict | None = None
        self.usage: Any = None

    @property
    def plain(self) -> bool:
        """Whether the body is not an event stream, and its reply was made one."""
        return self._plain is not None

    @property
    def within_event(self) -> bool:
        """Whether an event has begun and not ended."""
        return self._parser.held > 0

    @property
    def text(self) -> str:
        """The text so far."""
        return self._text.text

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The chunks that these bytes complete. Raises TruncatedStreamError after first content."""
        self._size += len(chunk)
        if self._passed:
            self.started = True
        elif self._plain is not None:
            self._plain += chunk
            if len(self._plain) > sse.EVENT_CAP:
                self._fail("the reply is too large")
        else:
            yield from self._guarded(self._parser.feed(chunk))
            self._check()

    def end(self) -> Iterator[dict[str, Any]]:
        """What the end of the body completes; sets the verdict."""
        if self._plain is not None and self.verdict is None:
            yield from self._whole(bytes(self._plain))
            return
        if self.verdict is None and not self.done:
            yield from self._guarded(self._parser.end())
        if self.verdict is not None:
            return
        outcome = outcome_of(self._seen())
        if outcome == WHOLE:
            self.verdict = classify.Verdict(classify.OK)
        else:
            self._fail(outcome, classify.withheld(self.provider) if outcome == WITHHELD else None)

    def _seen(self) -> list[str]:
        """What has come, in the words of `ENDS`."""
        flags = {
            "other": self._path != chat.PATH,
            "content": self.started,
            "finish": self.finished,
            "filtered": self._filtered,
            "cut": self._cut,
            "done": self.done,
            "empty": self._allow_empty,
        }
        return [name for name, holds in flags.items() if holds]

    def _guarded(self, events: Iterator[sse.Event]) -> Iterator[dict[str, Any]]:
        """The chunks in events. One of a shape that nobody foresaw is a failure like others."""
        try:
            for event in events:
                yield from self._event(event)
                if self.verdict is not None or self.done:
                    return
        except TruncatedStreamError:
            raise
        except sse.OversizeEvent as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  (a reply must not be able to break a program)
            self._fail(f"a chunk has a shape that cannot be read ({type(error).__name__})")

    def _check(self) -> None:
        """Fail where more has come than is kept."""
        if self.verdict is not None or self.done or self._path != chat.PATH:
            return
        if not self.started and (
            self._size - self._parser.held > EARLY_CAP or self.events > EARLY_EVENTS
        ):  # an event may be long: a picture
            self._fail("the stream goes on without content")
        elif self._text.size + self._thoughts > TEXT_CAP or self.events > EVENTS_CAP:
            self._fail("the stream does not end")

    def broke(self, error: WireError) -> None:
        """The connection failed. Raises TruncatedStreamError after first content, else sets the verdict."""
        if self.finished:  # all has been said; only the farewell is missing
            self.verdict = classify.Verdict(classify.OK)
        else:
            self._fail(str(error), classify.failure(error, self.provider))

    def late(self) -> None:
        """No content came in time; the provider may still be working on it."""
        self._fail("no content in time; it may have been billed")

    def silent(self) -> None:
        """No event came for too long. Raises TruncatedStreamError."""
        self._fail("the stream fell silent")

    def _fail(self, what: str, verdict: Verdict | None = None) -> None:
        if self.started:
            message = (
                f"{self.provider}: {scrub(what, self._secrets)} after {len(self.text)} characters; they are in .partial"
            )
            raise TruncatedStreamError(message, self._partial(), provider=self.provider, status=200)
        error = ProviderUnavailableError(
            f"{self.provider}: {scrub(what, self._secrets)}", provider=self.provider, status=200
        )
        self.verdict = verdict or classify.Verdict(classify.NEXT, error)

    def _partial(self) -> str:
        """The text so far. Of a long one only whole keys are taken out: it was handed on as it came."""
        text = self.text
        if len(text) <= _SCRUBBED:
            return scrub(text, self._secrets)
        for secret in filter(None, self._secrets):
            text = text.replace(secret, MARK)
        return text

    def _event(self, event: sse.Event) -> Iterator[dict[str, Any]]:
        self.events += 1
        if event.data.strip() == "[DONE]":
            self.done = True
            return
        if event.other or event.name == "error":
            self._error_event(event.data or event.other)
            return
        if not event.data.strip():
            return
        try:
            chunk = jsontext.loads(event.data)
        except (jsontext.TooDeep, jsontext.TooLarge) as error:
            self._fail(f"a chunk is {error}")
            return
        except ValueError:
            self._fail("a chunk is not JSON")
            return
        if not isinstance(chunk, dict):
            self._fail("a chunk is not an object")
        elif chunk.get("error") or "error" in (chunk.get("object"), chunk.get("type")):
            self._error(chunk)
        elif self._path == chat.PATH and not chunk.get("choices") and (found := classify.hidden_error(chunk)):
            self._error(found)
        else:
            self._note(chunk)
            if self.verdict is None:
                yield chunk

    def _error_event(self, text: str) -> None:
        try:
            body = jsontext.loads(text)
        except ValueError:
            body = text
        self._error(body if isinstance(body, dict) else {"error": str(trimmed(body))})

    def _error(self, body: Mapping[str, Any]) -> None:
        clean = classify.clean_error(body, self._secrets)
        what = error_details(clean).message or "an error without a message"
        self._fail(what, classify.error_in_success(clean, self.provider, self._now, self._registry))

    def _note(self, chunk: Mapping[str, Any]) -> None:
        self.usage = chunk.get("usage") or self.usage
        if self._path != chat.PATH:
            self.started = True  # whatever it is, it is not an error
            return
        choice = chat.first_choice(chunk)
        if choice.get("finish_reason") == "error":
            if (found := classify.hidden_error(chunk)) is not None:
                self._error(found)
            else:
                self._fail("the stream ended with finish_reason 'error'")
            return
        text = delta_text(chunk)
        self._text.add(text)
        delta = choice.get("delta")
        self._thoughts += len(chat.thoughts(delta))
        reasoning = isinstance(delta, dict) and (delta.get("reasoning_content") or delta.get("reasoning"))
        if text or reasoning or chat.has_tool_calls(choice) or chat.has_other_content(choice):
            self.started = True
        if choice.get("finish_reason"):
            self.finished = True
            self._filtered = choice["finish_reason"] == "content_filter"
            self._cut = chat.cut_by_length(choice)

    def _whole(self, body: bytes) -> Iterator[dict[str, Any]]:
        """JSON or HTML where a stream was asked for: judged as a complete reply; an answer becomes one chunk."""
        verdict = self._decode(
            200,
            {},
            body,
            self.provider,
            self._secrets,
            self._now,
            path=self._path,
            allow_empty=self._allow_empty,
            registry=self._registry,
        )
        self.verdict = verdict
        if verdict.action == classify.OK:
            self.started = self.finished = True
            if verdict.reply is None:  # not read, and passed on as it is
                self._plain = None
                return
            choice = chat.first_choice(verdict.reply)
            self._text.add(chat.reply_text(verdict.reply))
            yield {
                **verdict.reply,
                "object": "chat.completion.chunk",
                "choices": [{**choice, "delta": choice.get("message")}],
            }


def delta_text(chunk: Mapping[str, Any]) -> str:
    """The text of a stream chunk."""
    delta = chat.first_choice(chunk).get("delta")
    return chat.content_text(delta.get("content")) if isinstance(delta, dict) else ""


def as_events(chunks: Iterable[Mapping[str, Any]], *, done: bool = True) -> Iterator[bytes]:
    """Chunks as server-sent events: for a server that answered a request for a stream with one JSON reply."""
    for chunk in chunks:
        yield b"data: " + json.dumps(chunk).encode() + b"\n\n"  # in ASCII: half of a surrogate pair has no bytes
    if done:
        yield b"data: [DONE]\n\n"


class Part:
    """What one piece of a stream's bytes brought.

    `events`, and `failure`, which comes after them; `raw`, as it is passed on.
    """

    __slots__ = ("events", "failure", "raw")

    def __init__(self, judge: EventJudge, raw: bytes, *, ends: bool = False) -> None:
        within = judge.within_event
        self.raw = raw
        self.events: list[dict[str, Any]] = []
        self.failure: TruncatedStreamError | None = None
        try:
            for event in judge.end() if ends else judge.feed(raw):
                self.events.append(event)
        except TruncatedStreamError as failure:
            self.failure = failure
            # The event that failed is not passed on; those before it are, unless one of them began in an earlier piece.
            self.raw = b"" if within else b"".join(as_events(self.events, done=False))
