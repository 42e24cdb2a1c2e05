"""The log of usage as a pipeline has it: hears of each call, and has it written, with nobody waiting for that.

It is a stage, since only those see what was asked, and a listener, since a stream's end comes later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from hashlib import blake2b, sha256

from inference_providers.calls import CallFinished, FirstContent, Stage, StreamFinished
from inference_providers.chat import names_of
from inference_providers.usage import TEXT, LogFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.calls import Call, Event


_LONG = 16384  # bytes of a prompt
FREEZES = ("AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE")  # where these are set, the process may be frozen after a call


class Conversation:
    """What the calls of one conversation have in common: its id, and how many of its messages are in the log."""

    __slots__ = ("id", "known")

    def __init__(self, name: str = "", known: int = 0) -> None:
        self.id, self.known = name or os.urandom(8).hex(), known


class _Record:
    """What is known of a call that is not over."""

    __slots__ = ("at", "call", "first", "text", "words")

    def __init__(self, call: Call) -> None:
        self.call, self.at = call, time.time()
        self.first: float | None = None
        self.text: str | None = None
        self.words: Any = None  # of a stream, as far as it has come


class UsageLog(Stage):
    """Writes each call of a pipeline into the log.

    mode: `usage`, or `text` with what was said. conversation: that of all calls from now on, if they have one.
    """

    def __init__(self, file: LogFile, mode: str, environ: Mapping[str, str], program: str | None = None) -> None:
        self.file, self.mode = file, mode
        self.program = _program() if program is None else program
        self.conversation: Conversation | None = None
        self._freezes = any(environ.get(name) for name in FREEZES)
        self._open: dict[int, _Record] = {}

    def __repr__(self) -> str:
        return f"<UsageLog of {self.mode} in {self.file!r}>"

    def before(self, call: Call) -> None:
        """A call begins."""
        if call.request.api:  # a model is asked
            self._open[call.number] = _Record(call)

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """It has its reply; a stream is open."""
        if self.mode != TEXT or error is not None or (record := self._open.get(call.number)) is None:
            return
        with suppress(Exception):  # what is logged may not end a call
            record.words = getattr(reply, "words", None)
            if record.words is None:
                record.text = getattr(reply, "text", None)

    def hear(self, event: Event) -> None:
        """What happens to it; at its end it is written."""
        kind = type(event)
        if kind is FirstContent:
            if (record := self._open.get(event.call)) is not None:
                record.first = event.seconds  # type: ignore[attr-defined]
        elif isinstance(event, CallFinished):
            record = self._open.get(event.call)
            if record is None or (kind is not StreamFinished and record.call.is_open):
                return  # its stream has only been opened
            del self._open[event.call]
            self._write(record, event)

    hear.ends_alone = True  # type: ignore[attr-defined]

    def _write(self, record: _Record, event: CallFinished) -> None:
        call, usage = record.call, event.usage
        conversation = self.conversation
        provider, model = event.provider or "", event.model or ""
        if not provider and call.attempts:  # nobody has answered: who was asked last
            last = call.attempts[-1]
            provider, model = last.provider, last.model
        name = event.canonical_name or (call.attempts[-1].canonical_name if call.attempts else None) or model
        row = (
            record.at,
            self.program,
            call.request.api,
            _asked(call),
            provider,
            model,
            name or _asked(call) or "",
            event.outcome,
            *((None,) * 5 if usage is None else _counts(usage)),
            event.cost,
            usage is not None and usage.price is not None and not event.cached,
            event.seconds,
            record.first,
            event.attempts,
            _tries(call),
            self._hash(call),
            None if conversation is None else conversation.id,
            call.request.caller or None,
        )
        self.file.put(row, self._said(record, conversation) if self.mode == TEXT else None)
        if self._freezes:
            from inference_providers.files import row_writer

            row_writer().flush(2.0)

    def _hash(self, call: Call) -> str | None:
        key = self.file.key
        if key is None:
            return None
        said = _prompt(call).encode("utf-8", "replace")
        if len(said) > _LONG:
            said = sha256(said).digest()  # which processors have instructions for
        return blake2b(said, key=key, digest_size=16).hexdigest()

    def _said(self, record: _Record, conversation: Conversation | None) -> tuple[str, bool, str, str] | None:
        """What was asked and answered; of a conversation what is new in it."""
        answer = record.text if record.words is None else record.words.text
        body = record.call.request.body
        turns = body.get("messages") if body is not None else None
        if not answer or not isinstance(turns, list):
            return None
        known = 0 if conversation is None else conversation.known
        is_whole = known == 0 or known >= len(turns)
        new = turns if is_whole else turns[known:]
        if conversation is not None:
            conversation.known = len(turns) + 1
        asked = json.dumps(new, ensure_ascii=False, default=str)
        return "" if conversation is None else conversation.id, is_whole, asked, answer


def _program() -> str:
    """What the running program is called."""
    name = os.path.basename((getattr(sys, "argv", None) or [""])[0])
    return name if name not in ("", "-c", "-m") else "python"


def _asked(call: Call) -> str:
    asked = call.request.asked
    if type(asked) is str:
        return asked
    return "auto" if asked is None else ", ".join(names_of(asked))


def _counts(usage: Any) -> tuple[int, ...]:
    written = usage.more.get("cache_write_tokens", 0)
    return usage.input_tokens, usage.output_tokens, usage.cached_tokens, written, usage.reasoning_tokens


def _tries(call: Call) -> str | None:
    """Attempts, where there were several or one has failed: [[provider, model, outcome, seconds], ...]."""
    tried = call.attempts
    if not tried or (len(tried) == 1 and tried[0].error is None):
        return None
    return json.dumps(
        [
            [one.provider, one.model, "ok" if one.error is None else type(one.error).__name__, round(one.seconds, 3)]
            for one in tried
        ]
    )


def _prompt(call: Call) -> str:
    """What is asked, the same text for the same prompt."""
    body = call.request.body
    if body is None:
        return call.request.content.hex()
    turns = body.get("messages")
    if type(turns) is list:
        said = [
            f"{turn.get('role')}\x1f{content}"
            for turn in turns
            if type(turn) is dict and type(content := turn.get("content")) is str
        ]
        if len(said) == len(turns):
            return "\x1e".join(said)
    asked = turns if turns is not None else body.get("input", body.get("prompt"))
    return json.dumps(asked, ensure_ascii=False, default=str)
