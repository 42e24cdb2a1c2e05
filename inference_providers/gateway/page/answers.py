"""An answer for the playground, as it comes: lines of JSON, of which the last says what it took, or how it failed.

`{"text"}` is more of it, `{"provider", "first"}` who has begun and after how many seconds, `{"end": {...}}` the end,
`{"error": {"message", "status", "provider"}}` a failure. An empty line says that the model is waited for.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing

from inference_providers.credentials import scrub
from inference_providers.errors import InferenceProvidersError
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import AsyncAnswerStream
    from inference_providers.gateway.service import Gateway

MOST_TOKENS = 1_000_000
_WAITING = b"\n"


async def answers(
    gateway: Gateway, messages: Sequence[Mapping[str, Any]], model: str, options: Mapping[str, Any]
) -> AsyncGenerator[bytes, None]:
    """The lines. Whoever closes it has the provider stop."""
    started = time.monotonic()
    opening = asyncio.ensure_future(_opened(gateway, messages, model, options))
    try:
        while not opening.done():
            await asyncio.wait((opening,), timeout=gateway.settings.ping_seconds)
            if not opening.done():
                yield _WAITING
        stream = opening.result()
        first = time.monotonic() - started
        yield _line({"provider": stream.provider, "first": first})
        secrets = gateway.secrets()
        async with aclosing(stream):
            async for text in stream:
                yield _line({"text": printable(scrub(text, secrets))})
        yield _line({"end": _end(stream, first, time.monotonic() - started)})
    except InferenceProvidersError as error:
        yield _line({"error": _failure(error)})
    finally:
        if not opening.done():
            opening.cancel()
        elif not opening.cancelled() and opening.exception() is None:
            await opening.result().aclose()


async def _opened(
    gateway: Gateway, messages: Sequence[Mapping[str, Any]], model: str, options: Mapping[str, Any]
) -> AsyncAnswerStream:
    stream: AsyncAnswerStream = await gateway.providers.ask_ai(messages, model, stream=True, **options)
    return await stream.open()


def _end(stream: AsyncAnswerStream, first: float, seconds: float) -> dict[str, Any]:
    """What it took. speed: tokens a second from the first on; None where nobody knows how many there were."""
    answer = stream.answer
    usage, rest = answer.usage, seconds - first
    made = None if usage is None else usage.output_tokens
    return {
        "provider": answer.provider,
        "model": answer.model,
        "input_tokens": None if usage is None else usage.input_tokens,
        "output_tokens": made,
        "cost": answer.cost,
        "seconds": seconds,
        "speed": made / rest if made and rest > 0 else None,
        "finish_reason": answer.finish_reason,
        "attempts": len(answer.attempts),
        "cached": answer.cached,
    }


def _failure(error: InferenceProvidersError) -> dict[str, Any]:
    from inference_providers.gateway import failures  # which tells of failures on pages, too

    told = failures.read(error)
    return {"message": printable(told.message), "status": told.status, "provider": told.provider}


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
