"""OpenTelemetry: spans and metrics of calls, by the conventions for generative AI; nothing where it is off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
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
    SECRETS,
    asking,
    breaks,
    broken,
    by_client,
    failing,
    good,
    in_batch,
    refuses,
    to_its_end,
)
from tests.test_usage_log import run

Serve = Callable[..., Server]
needed = pytest.mark.skipif(find_spec("opentelemetry") is None, reason="the extra otel is not installed")
OTLP = "opentelemetry.exporter.otlp.proto.http"


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
    told = Told()
    listen(made, told.tracers, told.meters)
    return told


def listen(made: Any, tracers: Any, meters: Any) -> None:
    from inference_providers.telemetry.otel import OpenTelemetry

    listener = OpenTelemetry(tracers, meters)
    made.pipeline.stages.insert(0, listener)
    made.pipeline.listeners.append(listener.hear)


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


class Collector:
    """Spans and metrics as they come to a server over HTTP, decoded."""

    def __init__(self, server: Server) -> None:
        trace, metrics = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.metrics")
        spans = import_module(f"{OTLP}.trace_exporter").OTLPSpanExporter(endpoint=f"{server.url}/traces", timeout=5)
        numbers = import_module(f"{OTLP}.metric_exporter").OTLPMetricExporter(
            endpoint=f"{server.url}/metrics", timeout=5
        )
        readers = import_module("opentelemetry.sdk.metrics.export")
        self._server = server
        self.tracers, processors = trace.TracerProvider(), import_module("opentelemetry.sdk.trace.export")
        self.tracers.add_span_processor(processors.BatchSpanProcessor(spans))
        self.meters = metrics.MeterProvider(metric_readers=[readers.PeriodicExportingMetricReader(numbers)])

    def close(self) -> None:
        """Have all sent."""
        self.tracers.shutdown()
        self.meters.shutdown()

    def _received(self, path: str, module: str, name: str) -> list[Any]:
        kind = getattr(import_module(f"opentelemetry.proto.collector.{module}"), name)
        return [kind.FromString(one.body) for one in self._server.requests if one.path.endswith(path)]

    @property
    def spans(self) -> list[Any]:
        batches = self._received("/v1/traces", "trace.v1.trace_service_pb2", "ExportTraceServiceRequest")
        resources = [resource for batch in batches for resource in batch.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]

    @property
    def metrics(self) -> dict[str, list[Any]]:
        """Metric -> points of its histogram, as they were last sent."""
        batches = self._received("/v1/metrics", "metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest")
        scopes = [scope for resource in batches[-1].resource_metrics for scope in resource.scope_metrics]
        return {one.name: list(one.histogram.data_points) for scope in scopes for one in scope.metrics}


def attributes_of(told: Any) -> dict[str, Any]:
    """Attributes of a span or a point, as they came."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in told.attributes}


@needed
@pytest.mark.parametrize("kind", KINDS)
def test_a_collector_gets_calls_streams_and_failures_and_no_word_of_them(kind: str, serve: Serve) -> None:
    pytest.importorskip(OTLP)
    receiver = serve(lambda connection, request: connection.reply(200, "", {"content-type": "application/x-protobuf"}))
    collector = Collector(receiver)
    answers, refusals = (list_of(serve(one).url, kind=KINDS[kind], facts=[FACTS]) for one in (good, refuses))
    for made in (answers, refusals):
        listen(made, collector.tracers, collector.meters)
    with closing(collector):
        run(asking("m"), answers)
        run(to_its_end, answers)
        run(failing(AuthenticationError, asking("m")), refusals)

    asked, streamed, failed = collector.spans
    assert [(one.name, one.kind) for one in (asked, streamed, failed)] == [("chat m", 3)] * 3  # 3: a client's
    assert [one.status.code for one in (asked, streamed, failed)] == [0, 0, 2]  # 2: an error
    for one in (asked, streamed):
        found = attributes_of(one)
        assert (found["gen_ai.provider.name"], found["gen_ai.response.model"]) == ("p1", "m-internal")
        assert found["gen_ai.usage.input_tokens"] > 0
        assert found["inference_providers.cost_usd"] > 0
        assert ("gen_ai.response.time_to_first_chunk" in found) == (one is streamed)
        assert one.end_time_unix_nano > one.start_time_unix_nano
    assert attributes_of(failed)["error.type"] == "AuthenticationError"

    durations = collector.metrics["gen_ai.client.operation.duration"]
    by_error = {attributes_of(point).get("error.type"): point.count for point in durations}
    assert by_error == {None: 2, "AuthenticationError": 1}
    assert [point.count for point in collector.metrics["gen_ai.client.operation.time_to_first_chunk"]] == [1]
    tokens = {
        attributes_of(point)["gen_ai.token.type"]: point.sum for point in collector.metrics["gen_ai.client.token.usage"]
    }
    for name in ("input", "output"):
        assert tokens[name] == sum(attributes_of(one)[f"gen_ai.usage.{name}_tokens"] for one in (asked, streamed))

    sent = b"".join(request.raw for request in receiver.requests)
    assert b"chat m" in sent
    for secret in SECRETS:
        assert secret.encode() not in sent


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
