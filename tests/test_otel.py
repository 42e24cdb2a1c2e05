"""OpenTelemetry: spans and metrics of calls, by the conventions for generative AI; nothing where it is off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from inference_providers import AuthenticationError
from tests.conftest import list_of
from tests.servers import Server
from tests.test_pipeline import (
    ANSWER,
    FACTS,
    KINDS,
    PROMPT,
    asking,
    broken,
    by_client,
    good,
    in_batch,
    refuses,
    to_its_end,
)
from tests.test_usage_log import run

Serve = Callable[..., Server]
needed = pytest.mark.skipif(find_spec("opentelemetry") is None, reason="the extra otel is not installed")


class Told:
    """What is exported."""

    def __init__(self) -> None:
        trace, metrics = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.metrics")
        export = import_module("opentelemetry.sdk.trace.export")
        memory = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        self._exporter = memory.InMemorySpanExporter()
        self.tracers = trace.TracerProvider()
        self.tracers.add_span_processor(export.SimpleSpanProcessor(self._exporter))
        self._reader = import_module("opentelemetry.sdk.metrics.export").InMemoryMetricReader()
        self.meters = metrics.MeterProvider(metric_readers=[self._reader])

    @property
    def spans(self) -> Any:
        return self._exporter.get_finished_spans()

    @property
    def measured(self) -> dict[str, list[tuple[float, dict[str, Any]]]]:
        """Metric -> (sum, attributes) of each of its points."""
        data = self._reader.get_metrics_data()
        found = [one for resource in data.resource_metrics for scope in resource.scope_metrics for one in scope.metrics]
        return {one.name: [(point.sum, dict(point.attributes)) for point in one.data.data_points] for one in found}


def told_by(made: Any) -> Told:
    from inference_providers.telemetry.otel import OpenTelemetry

    told = Told()
    listener = OpenTelemetry(told.tracers, told.meters)
    made.pipeline.stages.insert(0, listener)
    made.pipeline.listeners.append(listener.hear)
    return told


@needed
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "way",
    [asking("m"), to_its_end, by_client("chat.completions.create", messages=[{"role": "user", "content": PROMPT}])],
)
def test_a_call_is_a_span_and_measured(way: Any, kind: str, serve: Serve) -> None:
    made = list_of(serve(good).url, kind=KINDS[kind], facts=[FACTS])
    told = told_by(made)
    run(way, made)
    (span,) = told.spans
    assert (span.name, span.kind.name, span.status.status_code.name) == ("chat m", "CLIENT", "UNSET")
    found = dict(span.attributes)
    assert found["gen_ai.operation.name"] == "chat"
    assert (found["gen_ai.provider.name"], found["gen_ai.request.model"]) == ("p1", "m")
    assert found["gen_ai.response.model"] == "m-internal"
    assert found["gen_ai.usage.input_tokens"] > 0
    assert found["inference_providers.cost_usd"] > 0
    assert ("gen_ai.response.time_to_first_chunk" in found) == (way is to_its_end)
    for text in (str(found), span.name):
        assert PROMPT not in text
        assert ANSWER not in text
    measured = told.measured
    kinds = {attributes["gen_ai.token.type"]: total for total, attributes in measured["gen_ai.client.token.usage"]}
    assert kinds == {"input": found["gen_ai.usage.input_tokens"], "output": found["gen_ai.usage.output_tokens"]}
    (((_, attributes)),) = measured["gen_ai.client.operation.duration"]
    assert attributes["gen_ai.provider.name"] == "p1"
    assert ("gen_ai.client.operation.time_to_first_chunk" in measured) == (way is to_its_end)


@needed
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_told_by_its_kind(kind: str, serve: Serve) -> None:
    from tests.test_pipeline import breaks, failing

    made = list_of(serve(refuses).url, kind=KINDS[kind], facts=[FACTS])
    told = told_by(made)
    run(failing(AuthenticationError, asking("m")), made)
    streams = list_of(serve(breaks).url, kind=KINDS[kind], facts=[FACTS])
    also = told_by(streams)
    run(broken, streams)
    for one, error in ((told, "AuthenticationError"), (also, "TruncatedStreamError")):
        (span,) = one.spans
        assert span.attributes["error.type"] == error
        assert span.status.status_code.name == "ERROR"
        (((_, attributes)),) = one.measured["gen_ai.client.operation.duration"]
        assert attributes["error.type"] == error


@needed
def test_spans_are_below_that_of_the_program_and_each_item_of_a_batch_has_one(serve: Serve) -> None:
    made = list_of(serve(good).url, facts=[FACTS])
    told = told_by(made)
    with told.tracers.get_tracer("test").start_as_current_span("mine") as mine:
        made.ask_ai(PROMPT, "m")
    inner, _ = told.spans
    assert inner.parent.span_id == mine.get_span_context().span_id
    run(in_batch, made)
    assert len(told.spans) == 5


@needed
def test_an_option_turns_it_on(serve: Serve) -> None:
    from inference_providers.telemetry.otel import OpenTelemetry

    made = list_of(serve(good).url, facts=[FACTS], telemetry=True)
    assert any(isinstance(stage, OpenTelemetry) for stage in made.pipeline.stages)
    assert made.ask_ai(PROMPT, "m") == ANSWER


def test_nothing_of_it_is_imported_where_it_is_off_and_what_is_missing_is_named() -> None:
    code = (
        "import sys\nfrom inference_providers import ProviderList\n"
        "ProviderList(mock={'gpt-4': 'hi'}).ask_ai('hi', 'gpt-4')\n"
        "assert not [name for name in sys.modules if 'opentelemetry' in name or 'telemetry' in name]\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n    ProviderList(mock={'gpt-4': 'hi'}, telemetry=True)\n"
        "except ImportError as error:\n    assert 'otel' in str(error), error\n"
        "else:\n    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
