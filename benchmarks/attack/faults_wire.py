"""Faults of the wire, of keys and of what is shown, each as it once was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from benchmarks.attack.put_back import Fault, everywhere, having, together

Back = AbstractContextManager[Any]


def interim_is_final() -> Back:
    """Of all 1xx replies only 100 was passed over; the connection was used again."""
    from inference_providers.transport import http1

    right = http1.Reader._read_head

    def read(self: Any, head: bytes) -> None:
        found = re.match(rb"HTTP/1.1 (1(?!00)\d\d)", head)
        if found is None:
            right(self, head)
        else:
            self.status, self._state, self._certain = int(found[1]), http1.DONE, True

    return having(http1.Reader, _read_head=read)


def pooled_without_body() -> Back:
    """After 204 and 304 a connection was used again, whatever came behind it."""
    from inference_providers.transport import http1

    right = http1.Reader._frame

    def frame(self: Any, modern: bool, size: int | None, chunked: bool) -> None:
        right(self, modern, size, chunked)
        self._certain = self._certain or self.status in (204, 304)

    return having(http1.Reader, _frame=frame)


def first_of_two_lengths() -> Back:
    """Of several lengths the first was taken."""
    from inference_providers.transport import http1

    right = http1.length
    return having(http1, length=lambda text: right(text.partition(",")[0]))


def dead_line_pooled() -> Back:
    """A stream that was collected gave its connection back, closed."""
    from inference_providers.transport import sync_sender as send

    def close(self: Any) -> None:
        self._closed = True
        if self._held:
            line = self._held.pop()
            line.close()
            self._pool.put(line)

    return together(having(send._Exchange, close=close), having(send._Line, quiet=lambda self: True))


def half_read_line_pooled() -> Back:
    """A stream that another thread closed gave its connection back in the middle of a reply."""
    from inference_providers.transport import sync_sender as send

    right = send._Exchange.close

    def close(self: Any) -> None:
        if self._blocked and self._held:
            self._closed = True
            self._pool.put(self._held.pop())
        else:
            right(self)

    return together(having(send._Exchange, close=close), having(send._Line, quiet=lambda self: True))


def abandoned_line_pooled() -> Back:
    """A task that was cancelled gave its connection back in the middle of a reply."""
    from inference_providers.transport import async_exchange as aexchange
    from inference_providers.transport.http import WireError

    def abandon(self: Any) -> None:
        line = self.leave()
        if line is not None:
            self._error = self._error or WireError("broken", "the response was closed")
            line.put() if self.reader.headed else line.close()
        self._wake()

    def received(self: Any, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.received(data)

    return together(
        having(aexchange.Exchange, abandon=abandon),
        having(aexchange.Line, data_received=received),
        having(aexchange, _readable=lambda file: False),
    )


def only_endpoints_checked() -> Back:
    """What was checked was a registry's endpoint, not the URL that was sent to; and rows could continue a host."""
    from inference_providers.credentials.hosts import address_of
    from inference_providers.registry import schema
    from inference_providers.transport import http as messages

    right = schema._validator

    def validator(strict: bool) -> Any:
        made = right(strict)
        plain = json.loads(json.dumps(made.schema).replace('"pattern": "^/"', '"minLength": 0'))
        return type(made)(plain, format_checker=made.format_checker)

    def permitted(request: Any) -> Any:
        try:
            return address_of(request.url)
        except ValueError as error:
            raise messages.WireError("forbidden", str(error)) from None

    return together(
        everywhere(messages, "permitted", permitted),
        having(schema, _validator=validator),
    )


def foreign_secrets_are_keys() -> Back:
    """Any variable that a registry named was a key."""
    from inference_providers.credentials import foreign_secrets

    return everywhere(foreign_secrets, "is_foreign", lambda variable: False)


def redirects_followed() -> Back:
    """Not a fault that there was: what the attack looks for."""
    from inference_providers.transport import sync_sender as send
    from inference_providers.transport.http import Request

    right = send.Sender.send

    def follow(self: Any, request: Any, **options: Any) -> Any:
        response = right(self, request, **options)
        place = response.headers.get("location", "")
        if response.status < 300 or not place.startswith("http:"):
            return response
        return right(self, Request(request.method, place, {}, request.body), **options)

    return having(send.Sender, send=follow)


def raw_scrubbing() -> Back:
    """Keys were looked for in the bytes as they came, in no other form."""
    from inference_providers.credentials import redaction

    def found(text: str, secret: str) -> Iterator[tuple[int, int]]:
        for place in redaction._whole(text, secret):
            yield place, place + len(secret)

    return having(redaction, _echoes=found)


def keys_as_text() -> Back:
    """Keys were plain text, and so was what was sent."""
    from inference_providers.credentials import keys
    from inference_providers.transport import http1

    return together(having(keys.Secret, __repr__=str.__repr__), having(http1.Sealed, __repr__=bytes.__repr__))


def _as_it_is(text: str) -> str:
    return text


def raw_log() -> Back:
    """What a server said was kept and logged as it was; only the line of an error was made printable."""
    from inference_providers import errors, log
    from inference_providers.protocols import error_body

    return together(*(having(module, printable=_as_it_is) for module in (log, errors, error_body)))


def json_with_c1() -> Back:
    """`--json` escaped what JSON must escape, and nothing else."""
    from inference_providers.cli import output

    def as_json(value: Any, indent: int | None = 2) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    return having(output, as_json=as_json, printable=_as_it_is)


def bidirectional_text() -> Back:
    """Characters that turn the order of a text were let through."""
    from inference_providers.text import display

    hidden = display._HIDDEN.replace(r"\u2028-\u202e", "").replace(r"\u2060-\u206f", "")
    shown = display._SHOWN.replace(display._HIDDEN, hidden)
    assert shown != display._SHOWN and re.compile(shown)
    return having(display, _HIDDEN=hidden, _SHOWN=shown)


FAULTS = [
    Fault("1xx other than 100 taken for the final reply", "answers to threads", 400, interim_is_final),
    Fault("1xx other than 100 taken for the final reply, asyncio", "answers to tasks", 400, interim_is_final),
    Fault("a connection used again after 204 and 304", "answers to threads", 800, pooled_without_body),
    Fault("the first of two lengths taken", "bytes against h11", 20_000, first_of_two_lengths),
    Fault("a collected stream's dead connection pooled", "left streams", 40, dead_line_pooled),
    Fault("a half-read connection pooled by another thread's close", "left streams", 40, half_read_line_pooled),
    Fault("a half-read connection pooled by a cancelled task", "cancelled streams", 48, abandoned_line_pooled),
    Fault("batch rows that continue the host", "keys by registries", 400, only_endpoints_checked),
    Fault("the URL about to be sent unchecked", "keys by URLs", 400, only_endpoints_checked),
    Fault("secrets of other things taken for keys", "keys by registries", 400, foreign_secrets_are_keys),
    Fault("redirects followed", "keys by redirects", 60, redirects_followed),
    Fault("echoed keys looked for as they are only", "echoes", 60, raw_scrubbing),
    Fault("keys that show in tracebacks", "interrupted calls", 20, keys_as_text),
    Fault("keys that show in a repr", "holders of keys", 100, keys_as_text),
    Fault("a server's escapes in the log", "terminal", 60, raw_log),
    Fault("C1 let through by --json", "terminal", 60, json_with_c1),
    Fault("text that turns the order of what follows", "texts for a terminal", 300, bidirectional_text),
]
