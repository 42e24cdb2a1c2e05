"""Faults of reading replies, each as it once was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from benchmarks.attack.put_back import Fault, everywhere, having, together

Back = AbstractContextManager[Any]
NO_END = 2**62


def fences_by_pattern() -> Back:
    """JSON in a reply was found by patterns that go back."""
    from inference_providers.chat import found_json

    def without_thoughts(text: str) -> str:
        text = re.sub(r"(?s)^\s*(?:<think>.*?</think>|[^\s{\[\"`].*?</think>\s*\n)", "", text).strip()
        fenced = re.search(r"(?s)```(?:json)?\s*\n(.*?)\n\s*```", text) or re.search(
            r"(?s)```(?:json)?\s*\n(.*?)```", text
        )
        return fenced[1] if fenced else text

    return having(found_json, without_thoughts=without_thoughts)


def pages_by_pattern() -> Back:
    """Tags were taken out of a page by a pattern that goes back."""
    from inference_providers.protocols import error_body

    def plain(text: str) -> str:
        return " ".join(re.sub(r"(?is)<(script|style).*?</\1>|<[^>]{0,500}>", " ", text).split())[:300]

    return everywhere(error_body, "plain", plain)


def patterns_that_go_back() -> Back:
    """A schema's patterns ran in Python's own regular expressions."""
    from inference_providers.chat import validation

    def matcher(pattern: str) -> Any:
        return lambda text: bool(re.search(pattern, text))

    return having(validation, matcher=matcher)


def any_depth() -> Back:
    """JSON of any depth was read, and what broke a stream's reader was nobody's to catch."""
    from inference_providers.protocols import stream
    from inference_providers.text import jsontext

    def loads(text: Any, **_: Any) -> Any:
        return json.loads(text)

    def guarded(self: Any, events: Iterator[Any]) -> Iterator[dict[str, Any]]:
        for event in events:
            yield from self._event(event)
            if self.verdict is not None or self.done:
                return

    return together(having(jsontext, loads=loads), having(stream.StreamJudge, _guarded=guarded))


def any_size() -> Back:
    """Whatever came was made into objects."""
    from inference_providers.text import jsontext

    return having(jsontext, fits=lambda data, objects=0: True)


def streams_without_end() -> Back:
    """A stream was kept, however much came."""
    from inference_providers.protocols import stream
    from inference_providers.transport import sse

    return together(
        having(stream, EARLY_CAP=NO_END, EARLY_EVENTS=NO_END, TEXT_CAP=NO_END, EVENTS_CAP=NO_END),
        having(sse, EVENT_CAP=NO_END),
    )


def any_number_of_calls() -> Back:
    """Steps were counted, and calls of tools were not."""
    from inference_providers.calls import tool_loop as dialogue

    return having(dialogue, _check_calls=lambda asked, made, turns: None)


def endless_schemas() -> Back:
    """A schema was checked for its form alone."""
    from inference_providers.chat import validation
    from inference_providers.text import jsontext

    def check_schema(schema: dict[str, Any]) -> None:
        try:
            jsontext.check(schema)
        except ValueError:  # what its check came to after a while, which may be very long
            raise RecursionError("maximum recursion depth exceeded") from None

    return having(validation, check_schema=check_schema)


def deep_registries() -> Back:
    """A registry that a program gave was taken however deep it was."""
    from inference_providers.text import jsontext

    return having(jsontext, check=lambda value: None)


FAULTS = [
    Fault("a pattern for JSON in a fence", "slow replies", 100, fences_by_pattern),
    Fault("a pattern for a page's text", "slow replies", 60, pages_by_pattern),
    Fault("patterns of schemas that go back", "slow replies", 60, patterns_that_go_back),
    Fault("JSON of any depth, and no net under a stream", "odd replies", 200, any_depth),
    Fault("objects of any size", "large replies", 12, any_size),
    Fault("streams without end", "endless streams", 10, streams_without_end),
    Fault("calls of tools uncounted", "calls of tools", 30, any_number_of_calls),
    Fault("schemas without end", "schemas of a program", 40, endless_schemas),
    Fault("registries of any depth", "registries of a program", 20, deep_registries),
]
