"""A stream, judged event by event. Pure: bytes in, chunks and a verdict out.

Until the first content a failure is a verdict, and another candidate may be asked.
After it every failure is a TruncatedStreamError that carries the text so far. What a chunk
says is read in `stream_chunks`, for each API that streams.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.credentials import MARK, scrub
from inference_providers.errors import ProviderUnavailableError, TruncatedStreamError
from inference_providers.protocols import classify
from inference_providers.protocols.error_body import error_details, trimmed
from inference_providers.protocols.stream_chunks import MESSAGES, reader_of
from inference_providers.protocols.stream_ends import WHOLE, WITHHELD, outcome_of
from inference_providers.protocols.stream_form import as_chunks, as_events, is_chunk
from inference_providers.protocols.stream_notes import Notes
from inference_providers.text import jsontext
from inference_providers.transport import sse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.protocols.chat_form import ChatForm
    from inference_providers.protocols.classify import Verdict
    from inference_providers.registry import Registry
    from inference_providers.transport import WireError


EARLY_CAP, EARLY_EVENTS = 1024 * 1024, 10_000  # bytes and events before the first content: all of them are kept
TEXT_CAP = 16 * 1024 * 1024  # characters of an answer and of thoughts: they are kept for `.partial`
_SCRUBBED = 262144  # characters of a text in which keys are looked for in every form
EVENTS_CAP = 1_000_000  # of a chat
OTHER_CAP = 64 * 1024 * 1024  # bytes of chunks that hold more than text: tools' calls, logprobs, pictures
_PINGS = ("ping", "keepalive", "keep-alive", "heartbeat")  # what servers call, or write into, events that say nothing
_EVENTS, _LINES, _WHOLE, _PASSED = "events", "lines", "whole", "passed"  # what a body may turn out to be
_AS_IT_CAME, _AS_EVENTS = "", "text/event-stream"


class StreamJudge(Notes):
    """Judges one stream as its bytes come: a `protocol.EventJudge` of OpenAI's events.

    A body is what it begins like, whatever its content type says: server-sent events, lines of JSON, one JSON reply.
    `verdict` is set once it failed before its first content or reached its end.
    """

    __slots__ = {  # noqa: RUF023  (in the order in which they come)
        "provider": "Who is named in errors.",
        "verdict": "What came of it; None as long as it goes on.",
        "events": "How many events have come, those without content included.",
        "allow_empty": "Whether an answer without content is one.",
        "_kind": "What the body is, once enough of it has come to tell.",
        "_label": "What its content type says.",
        "_head": "What came before that.",
        "_raw": "The bytes that were read last, behind `_tail`.",
        "_looked": "Whether the first line of a body was looked at.",
        "_unread": "Whether the body is passed on whatever it is, once it is no error.",
        "_tail": "What has come of an event that has not ended: it is passed on with its end.",
        "_form": "What puts chunks into the form that SDKs read, once one is of another.",
        "_plain": "The body so far, where it is one reply.",
        "_skipped": "A ping was among the events of this piece, or a chunk in another form.",
        "_size": "How many bytes have come.",
        "_decode": "The verdict on a body that turns out to be a complete reply.",
        "_read": "What reads a chunk; None for streams that are passed on.",
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
        choices: int = 1,
        unread: bool = False,
    ) -> None:
        super().__init__(choices)
        self._registry = registry
        self.provider, self._secrets, self._now, self._decode = provider, list(secrets), now, decode
        self._path, self._unread, self._skipped = path, unread, False
        self._read, always_empty = reader_of(path)
        self.allow_empty = allow_empty or always_empty
        self._parser: sse.Parser | sse.Lines = sse.Parser()
        self._label = headers.get("content-type", _AS_EVENTS).lower()
        self._kind = ""
        if self._read is None and _AS_EVENTS not in self._label:
            self._kind = _PASSED if classify.is_foreign(self._label) else _WHOLE
        self._head = self._raw = self._tail = b""
        self._plain, self._looked = bytearray(), False
        self._form: ChatForm | None = None
        self._size = self.events = 0
        self.verdict: Verdict | None = None

    @property
    def media_type(self) -> str:
        """The content type of what is passed on; empty where that is as it came."""
        if self._kind == _EVENTS or self._kind == _LINES:
            return _AS_EVENTS
        made = self._kind == _WHOLE and (self.verdict is None or self.verdict.reply is not None)
        return _AS_EVENTS if made else _AS_IT_CAME

    @property
    def text(self) -> str:
        """The text so far."""
        return self.words.text

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The chunks that these bytes complete. Raises TruncatedStreamError after first content."""
        self._size += len(chunk)
        self._skipped = False
        if not self._kind:
            self._head = chunk = self._head + chunk
            self._kind = self._looks_like(chunk)
        self._raw = self._tail + chunk if self._tail else chunk
        if self._kind == _PASSED:
            self.started = True
        elif self._kind == _WHOLE:
            yield from self._one_reply(chunk)
        elif self._kind:
            alone = self._parser.alone(chunk)
            yield from self._guarded(self._parser.feed(chunk) if alone is None else (sse.Event("", alone, ""),))
            self._check()

    def _looks_like(self, head: bytes) -> str:
        """What a body is that begins like this; empty as long as it may be anything."""
        begins = sse.begins(head)
        if begins is None and len(head) < sse.HEAD_CAP:
            return ""
        is_json = head.removeprefix(sse.MARK).lstrip()[:1] in (b"{", b"[")
        return _EVENTS if begins or (_AS_EVENTS in self._label and not is_json) else _WHOLE

    def _one_reply(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """More of a body that is one reply, unless its first line is a chunk: then it is lines of JSON."""
        self._plain += chunk if self._plain else chunk.removeprefix(sse.MARK).lstrip()
        if self._read is not None and not self._looked and (b"\n" in chunk or not chunk):
            line, ended, _ = self._plain.partition(b"\n")
            self._looked = bool(ended)
            if line and (ended or not chunk) and is_chunk(line):
                self._kind, self._parser = _LINES, sse.Lines()
                body, self._plain = bytes(self._plain), bytearray()
                yield from self._guarded(self._parser.feed(body))
                return
        if self._unread and len(self._plain) > EARLY_CAP:  # longer than any error
            self._kind, self.started, self._raw = _PASSED, True, bytes(self._plain)
        elif len(self._plain) > sse.EVENT_CAP:
            self._fail("the reply is too large")

    def passed_on(self, events: Sequence[Mapping[str, Any]], *, ends: bool = False) -> bytes:
        """The bytes that stand for what was read last, which has brought these events.

        Whoever reads them reads server-sent events: lines and a whole reply become such, and pings are left out. An
        event is passed on once it has ended: what is left out is left out whole.
        """
        if self._kind == _PASSED:
            return self._raw
        if self._kind == _EVENTS:
            end = sse.end_of_events(self._raw) if self._parser.held and not ends else len(self._raw)
            self._tail = self._raw[end:]
            unended = ends and events  # the end of the body ends an event for us, and for no SDK
            if not (self._skipped or unended) or self._path == MESSAGES:  # pings are events of messages
                return self._raw[:end]
            return b"".join(as_events(events, done=self.done))
        verdict = self.verdict
        if ends and self._kind == _WHOLE and verdict is not None and verdict.reply is None:
            return bytes(self._plain)
        farewell = ends and self._kind != _EVENTS and verdict is not None and verdict.action == classify.OK
        return b"".join(as_events(events, done=farewell and self._path != MESSAGES))

    def end(self) -> Iterator[dict[str, Any]]:
        """What the end of the body completes; sets the verdict."""
        self._skipped, self._raw = False, self._tail
        self.started = self.started or (self._unread and self._kind == _PASSED)  # a file may be empty
        if not self._kind and _AS_EVENTS not in self._label:
            self._kind, self._plain = _WHOLE, bytearray(self._head)
        if self._kind == _WHOLE and self.verdict is None:
            yield from self._one_reply(b"")
        if self._kind == _WHOLE and self.verdict is None:
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
            "other": self._read is None,
            "content": self.started,
            "finish": self.finished,
            "filtered": self.filtered,
            "cut": self.cut,
            "done": self.done,
            "empty": self.allow_empty,
        }
        return [name for name, holds in flags.items() if holds]

    def _guarded(self, events: Iterable[sse.Event]) -> Iterator[dict[str, Any]]:
        """The chunks in events. One of a shape that nobody foresaw is a failure like others."""
        try:
            for event in events:
                chunk = self._event(event)
                if chunk is not None:
                    yield chunk
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
        if self.verdict is not None or self.done or self._read is None:
            return
        if not self.started and (
            self._size - self._parser.held > EARLY_CAP or self.events > EARLY_EVENTS
        ):  # an event may be long: a picture
            self._fail("the stream goes on without content")
        elif self.words.size + self.thoughts > TEXT_CAP or self.events > EVENTS_CAP or self.other > OTHER_CAP:
            self._fail("the stream does not end")

    def broke(self, error: WireError) -> None:
        """The connection failed. Raises TruncatedStreamError after first content, else sets the verdict."""
        if self.finished:  # all has been said; only the farewell is missing
            self.verdict = classify.Verdict(classify.OK)
        else:
            self._fail(str(error), classify.failure(error, self.provider))

    def late(self) -> None:
        """No content came in time; the provider may still be working on it."""
        self._fail("no content in time; it may have been billed", code="timeout")

    def silent(self) -> None:
        """No event came for too long. Raises TruncatedStreamError, unless the answer is whole."""
        if self.finished:
            self.verdict = classify.Verdict(classify.OK)
        else:
            self._fail("the stream fell silent", code="timeout")

    def _fail(self, what: str, verdict: Verdict | None = None, code: str | None = None) -> None:
        """*code* is the reason in a word, where *verdict* does not have it."""
        if self.started:
            message = (
                f"{self.provider}: {scrub(what, self._secrets)}; {len(self.text)} characters of the answer had come"
            )
            reason = verdict.error if verdict is not None else None
            raise TruncatedStreamError(
                message,
                self._partial(),
                provider=self.provider,
                status=200,
                code=code if reason is None else reason.code,
                body=b"" if reason is None else reason.body,
            )
        error = ProviderUnavailableError(
            f"{self.provider}: {scrub(what, self._secrets)}", provider=self.provider, status=200, code=code
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

    def _event(self, event: sse.Event) -> dict[str, Any] | None:
        """The chunk in an event; None where it is none."""
        self.events += 1
        data = event.data
        if event.other or event.name == "error":
            self._error_event(data or event.other)
            return None
        if data == "[DONE]":  # read as JSON, it would cost as much as many chunks
            self.done = True
            return None
        try:
            chunk = jsontext.loads(data)
        except (jsontext.TooDeep, jsontext.TooLarge) as error:
            self._fail(f"a chunk is {error}")
            return None
        except ValueError:
            inner = data.removeprefix("data:")
            if inner is not data and not inner.lstrip().startswith("data:"):  # some proxies write that name twice
                self._skipped = True
                return self._event(sse.Event(event.name, inner.strip(), ""))
            self._no_json("" if event.name in _PINGS else data.strip())
            return None
        if not chunk or event.name in _PINGS:
            self._skipped = True
        elif not isinstance(chunk, dict):
            self._fail("a chunk is not an object")
        elif chunk.get("error") or "error" in (chunk.get("object"), chunk.get("type")):
            self.error(chunk)
        elif self._path == chat.PATH and not chunk.get("choices") and (found := classify.hidden_error(chunk)):
            self.error(found)
        elif self._read is None:
            self.started = True  # whatever it is, it is not an error
            self.usage = chunk.get("usage") or self.usage
            return chunk
        elif self._read(self, chunk, len(data)):
            if self.verdict is None:
                return self._formed(chunk) if self.odd else chunk
        else:
            self._skipped = True
        return None

    def _formed(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """A chunk of a chat as SDKs read it."""
        if self._form is None:
            from inference_providers.protocols.chat_form import ChatForm

            self._form = ChatForm()
        formed, self.odd = self._form.put(chunk), False
        self._skipped = self._skipped or formed is not chunk
        return formed

    def _no_json(self, data: str) -> None:
        if data == "[DONE]":
            self.done = True
        elif not data or data.strip(": ").lower() in _PINGS:
            self._skipped = True
        else:
            self._fail("a chunk is not JSON")

    def _error_event(self, text: str) -> None:
        try:
            body = jsontext.loads(text)
        except ValueError:
            body = text
        self.error(body if isinstance(body, dict) else {"error": str(trimmed(body))})

    def error(self, body: Mapping[str, Any], what: str = "an error without a message") -> None:
        """An error has come in place of a chunk, or in one. Raises TruncatedStreamError after first content."""
        clean = classify.clean_error(body, self._secrets)
        message = error_details(clean).message or what
        self._fail(message, classify.error_in_success(clean, self.provider, self._now, self._registry))

    def fail(self, what: str) -> None:
        """The stream is not an answer. Raises TruncatedStreamError after first content."""
        self._fail(what)

    def _whole(self, body: bytes) -> Iterator[dict[str, Any]]:
        """JSON or HTML where a stream was asked for: judged as a complete reply; an answer becomes one chunk."""
        if self._unread and "html" not in self._label:
            self._file(body)
            return
        verdict = self._decode(
            200,
            {},
            body,
            self.provider,
            self._secrets,
            self._now,
            path=self._path,
            allow_empty=self.allow_empty,
            registry=self._registry,
        )
        self.verdict = verdict
        if verdict.action == classify.OK:
            self.started = self.finished = True
            if verdict.reply is None:  # not read, and passed on as it is
                return
            self.usage = chat.billed_in(verdict.reply)
            self.words.add(chat.reply_text(verdict.reply))
            yield from as_chunks(verdict.reply)

    def _file(self, body: bytes) -> None:
        """What was asked for as bytes is one, unless it is an error's JSON."""
        try:
            value = jsontext.loads(body)
        except ValueError:
            value = None
        if isinstance(value, dict) and (value.get("error") or value.get("object") == "error"):
            self.error(value)
        else:
            self.started, self.verdict = True, classify.Verdict(classify.OK)
