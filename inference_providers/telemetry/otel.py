"""Spans and metrics of OpenTelemetry, by its conventions for generative AI. Nothing that was said is in them.

As published on https://opentelemetry.io/docs/specs/semconv/gen-ai/, which is still in development. What has no
convention (the cost, the number of attempts) has names of this package's own.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from inference_providers import __version__, installing
from inference_providers.calls import CallFinished, FirstContent, Stage, StreamFinished
from inference_providers.chat import names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.calls import Call, Event

SCOPE = "inference_providers"
_OPERATIONS = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}
# How the conventions call providers whose id is another one here.
_NAMES = {
    "amazon-bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure-cognitive-services": "azure.ai.inference",
    "google": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
_TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]


class OpenTelemetry(Stage):
    """A span, and measurements, for each call of a pipeline. Raises ImportError without `opentelemetry-api`.

    tracer_provider, meter_provider: default those that the program has set for all.
    """

    def __init__(self, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        try:
            self._trace, metrics = import_module("opentelemetry.trace"), import_module("opentelemetry.metrics")
        except ImportError:
            raise ImportError(f"telemetry needs opentelemetry-api: {installing.command('otel')}") from None
        self._tracer = self._trace.get_tracer(SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(SCOPE, __version__, meter_provider)
        self._tokens, self._seconds, self._first = (
            meter.create_histogram(f"gen_ai.client.{name}", unit, what, explicit_bucket_boundaries_advisory=bounds)
            for name, unit, what, bounds in (
                ("token.usage", "{token}", "Number of input and output tokens used.", _TOKENS),
                ("operation.duration", "s", "GenAI operation duration.", _SECONDS),
                ("operation.time_to_first_chunk", "s", "Time to receive the first chunk.", _SECONDS),
            )
        )
        self._open: dict[int, tuple[Any, dict[str, Any], list[float], Call]] = {}

    def __repr__(self) -> str:
        return f"<OpenTelemetry with {len(self._open)} calls under way>"

    def before(self, call: Call) -> None:
        """A call begins, below whatever span the program is in."""
        if call.request.api:
            with suppress(Exception):  # what is told may not end a call
                self._begin(call)

    def _begin(self, call: Call) -> None:
        asked = call.request.asked
        model = "auto" if asked is None else ", ".join(names_of(asked))
        operation = _OPERATIONS.get(call.request.api, call.request.api.strip("/"))
        common = {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
        first = {**common, "gen_ai.provider.name": _named(call.offers[0].provider)} if call.offers else common
        span = self._tracer.start_span(f"{operation} {model}", kind=self._trace.SpanKind.CLIENT, attributes=first)
        if call.request.streams:
            span.set_attribute("gen_ai.request.stream", True)
        self._open[call.number] = (span, common, [], call)

    def hear(self, event: Event) -> None:
        """Its first content, and its end."""
        if (known := self._open.get(event.call)) is None:
            return
        span, common, first, call = known
        if isinstance(event, FirstContent):
            first.append(event.seconds)
            span.set_attribute("gen_ai.response.time_to_first_chunk", event.seconds)
        elif isinstance(event, CallFinished):
            if type(event) is not StreamFinished and call.is_open:
                return  # its stream has only been opened
            del self._open[event.call]
            self._end(span, common, first, event)

    hear.ends_alone = True  # type: ignore[attr-defined]

    def _end(self, span: Any, common: dict[str, Any], first: list[float], event: CallFinished) -> None:
        if event.provider is not None:
            common["gen_ai.provider.name"] = _named(event.provider)
            common["gen_ai.response.model"] = event.model
        if event.outcome not in ("ok", "closed"):
            common["error.type"] = event.outcome
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, event.outcome))
        span.set_attributes({**common, f"{SCOPE}.attempts": event.attempts})
        if event.cost is not None:
            span.set_attribute(f"{SCOPE}.cost_usd", event.cost)
        if (usage := event.usage) is not None:
            counts = {
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cache_read.input_tokens": usage.cached_tokens,
                "cache_creation.input_tokens": usage.cache_write_tokens,
                "reasoning.output_tokens": usage.reasoning_tokens,
            }
            span.set_attributes({f"gen_ai.usage.{name}": count for name, count in counts.items() if count})
            for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
                self._tokens.record(count, {**common, "gen_ai.token.type": kind})
        self._seconds.record(event.seconds, common)
        if first:
            self._first.record(first[0], common)
        span.end()


def _named(provider: str) -> str:
    return _NAMES.get(provider, provider)
