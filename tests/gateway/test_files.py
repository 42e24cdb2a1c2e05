"""Files and batches by the official SDK: at a provider with a batch API, and run by the gateway itself."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from inference_providers.registry.registry import bundled
from tests.batch_server import Jobs, echo, last, prompts
from tests.conftest import registry_of
from tests.running import Running
from tests.servers import PATIENCE, Connection, Received, Server

Start = Callable[..., Running]
Serve = Callable[..., Server]
Sdk = Callable[[Running], openai.OpenAI]
MODEL = "gpt-4o-mini"


@pytest.fixture
def sdk() -> Iterator[Callable[[Running], openai.OpenAI]]:
    """Clients of gateways, which are closed at the end."""
    made: list[openai.OpenAI] = []

    def client(gateway: Running) -> openai.OpenAI:
        made.append(openai.OpenAI(base_url=gateway.url, api_key=gateway.token, max_retries=0))
        return made[-1]

    yield client
    for one in made:
        one.close()


def lines(*texts: str, model: str | None = MODEL, **more: Any) -> bytes:
    """A file of questions."""
    rows = [
        {
            "custom_id": text,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {**({"model": model} if model else {}), "messages": [{"role": "user", "content": text}], **more},
        }
        for text in texts
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def with_api(*endpoints: str, provider: str = "openai", of: int = 1) -> dict[str, Any]:
    """A registry whose provider number *of* has a batch API like that of another."""
    made = registry_of(*endpoints, model=MODEL)
    made["batch"] = bundled().batch
    made["providers"][f"p{of}"]["connection"]["batch"] = dict(bundled().providers[provider].connection["batch"])
    return json.loads(json.dumps(made, default=dict))  # type: ignore[no-any-return]


def made(client: openai.OpenAI, content: bytes, **options: Any) -> Any:
    """A batch over a new file."""
    file = client.files.create(file=("q.jsonl", content), purpose="batch")
    options = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **options}
    return client.batches.create(input_file_id=file.id, **options)


def ended(client: openai.OpenAI, batch: Any) -> Any:
    """A batch as it has ended."""
    until = time.monotonic() + PATIENCE
    while batch.status not in ("completed", "failed", "expired", "cancelled") and time.monotonic() < until:
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    return batch


def answers(client: openai.OpenAI, file: str) -> dict[str, str]:
    """What was answered, by custom_id."""
    rows = [json.loads(line) for line in client.files.content(file).text.splitlines()]
    return {row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"] for row in rows}


class Both(Jobs):
    """A provider with a batch API, which answers chats as well, and knows its files and jobs by id."""

    def __call__(self, connection: Connection, request: Received) -> None:
        path = request.path.removeprefix("/v1")
        if path.endswith("/chat/completions"):
            return echo(connection, request)
        if request.method == "DELETE" and path.removeprefix("/files/") in self.files:
            self.files.pop(path.removeprefix("/files/"))
            return connection.reply(200, {"id": path.removeprefix("/files/"), "object": "file", "deleted": True})
        if request.method == "GET" and path.removeprefix("/files/") in self.files:
            return connection.reply(200, {"id": path.removeprefix("/files/"), "object": "file", "purpose": "batch"})
        return super().__call__(connection, request)

    def _look(self, job: dict[str, Any]) -> dict[str, Any]:
        return {"object": "batch", "input_file_id": job["asked"].get("input_file_id"), **super()._look(job)}


def row_of(provider: str) -> dict[str, Any]:
    return {**bundled().batch, **bundled().providers[provider].connection["batch"]}


def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "inference_providers"


def test_a_provider_with_a_batch_api_works_on_the_file(start: Start, serve: Serve, sdk: Sdk) -> None:
    jobs = Both(row_of("openai"))
    server = serve(jobs)
    gateway = start(server.url, registry=with_api(server.url))
    client = sdk(gateway)
    batch = made(client, lines("a", "b"), metadata={"for": "me"})
    assert batch.id == "job-1"
    (sent,) = jobs.lines
    assert [line["body"]["model"] for line in sent] == [f"{MODEL}-internal"] * 2
    assert [line["custom_id"] for line in sent] == ["a", "b"]
    assert jobs.forms == [{"purpose": "batch"}]
    asked = jobs.jobs["job-1"]["asked"]
    assert asked == {
        "completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": "in-1",
        "metadata": {"for": "me"},
    }  # fmt: skip
    own = batch.input_file_id
    assert client.files.retrieve(own).purpose == "batch"
    gateway.stop()  # whoever comes next knows it all the same
    client = sdk(start(server.url, registry=with_api(server.url)))
    batch = ended(client, batch)
    assert (batch.status, batch.input_file_id) == ("completed", own)
    assert answers(client, batch.output_file_id) == {"a": "re: a", "b": "re: b"}
    assert [one.id for one in client.batches.list()] == ["job-1"]
    assert {one.id for one in client.files.list()} == {own, batch.output_file_id}
    assert not prompts(server.requests)  # nothing was asked directly
    client.files.delete(own)
    assert "in-1" not in jobs.files  # nor does the provider keep its copy


def test_without_a_batch_api_the_gateway_runs_it(start: Start, serve: Serve, tmp_path: Path, sdk: Sdk) -> None:
    def some(connection: Connection, request: Received) -> None:
        if request.path.endswith("/chat/completions") and last(request) == "bad":
            return connection.reply(400, {"error": {"message": "your prompt is bad", "type": "invalid_request_error"}})
        return echo(connection, request)

    server = serve(some)
    client = sdk(start(server.url))
    content = lines("a", "bad", "c")
    file = client.files.create(file=("q.jsonl", content), purpose="batch")
    assert (file.object, file.bytes, file.filename, file.purpose) == ("file", len(content), "q.jsonl", "batch")
    assert file.expires_at is not None
    kept = state(tmp_path) / "gateway-files" / file.id
    assert kept.read_bytes() == content
    assert os.stat(kept).st_mode & 0o777 == 0o600
    assert client.files.content(file.id).read() == content
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"for": "me"}
    )
    assert batch.status in ("validating", "in_progress")
    assert (batch.object, batch.input_file_id, batch.metadata) == ("batch", file.id, {"for": "me"})
    batch = ended(client, batch)
    assert batch.status == "completed"
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 2, "failed": 1}
    assert batch.in_progress_at and batch.finalizing_at and batch.completed_at
    assert answers(client, batch.output_file_id) == {"a": "re: a", "c": "re: c"}
    (failed,) = [json.loads(line) for line in client.files.content(batch.error_file_id).text.splitlines()]
    assert failed["custom_id"] == "bad"
    assert failed["response"]["status_code"] == 400
    assert "your prompt is bad" in failed["error"]["message"]
    assert client.files.retrieve(batch.output_file_id).purpose == "batch_output"
    assert [one.id for one in client.batches.list()] == [batch.id]
    assert not (state(tmp_path) / "gateway-files" / batch.id).exists()
    client.files.delete(file.id)
    assert not kept.exists()
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


class Gate:
    """A provider that answers the first *free* requests, and holds the others until it is opened."""

    def __init__(self, free: int) -> None:
        self.free, self.open, self.came = free, threading.Event(), 0

    def __call__(self, connection: Connection, request: Received) -> None:
        if request.path.endswith("/chat/completions"):
            self.came += 1
            if self.came > self.free:
                self.open.wait(PATIENCE)
        echo(connection, request)


def waited(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    assert what()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_batch_goes_on_after_a_restart(number: int, start: Start, serve: Serve, tmp_path: Path, sdk: Sdk) -> None:
    gate = Gate(2)
    server = serve(gate)
    gateway = start(server.url)
    client = sdk(gateway)
    batch = made(client, lines("a", "b", "c", "d"))
    out = state(tmp_path) / "gateway-files" / batch.id / "out.jsonl"
    waited(lambda: out.exists() and out.read_bytes().count(b"\n") == 2)
    done = {json.loads(line)["custom_id"] for line in out.read_bytes().splitlines()}
    gateway.process.send_signal(number)
    gateway.process.wait()
    gate.open.set()
    asked = len(prompts(server.requests))
    client = sdk(start(server.url))
    batch = ended(client, batch)
    assert batch.status == "completed"
    assert batch.request_counts.model_dump() == {"total": 4, "completed": 4, "failed": 0}
    assert set(answers(client, batch.output_file_id)) == {"a", "b", "c", "d"}
    again = prompts(server.requests)[asked:]
    assert not done & set(again)  # what was finished is not asked again
    assert set(again) == {"a", "b", "c", "d"} - done


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_batch_is_cancelled(workers: str, start: Start, serve: Serve, sdk: Sdk) -> None:
    gate = Gate(1)
    server = serve(gate)
    gateway = start(server.url, args=["--workers", workers])
    client = sdk(gateway)
    batch = made(client, lines("a", "b", "c"))
    waited(lambda: gate.came == 3)
    waited(lambda: client.batches.retrieve(batch.id).request_counts.completed == 1)
    assert sdk(gateway).batches.cancel(batch.id).status == "cancelling"  # by whichever worker
    batch = ended(client, batch)
    gate.open.set()
    assert batch.status == "cancelled"
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 1, "failed": 0}
    assert len(answers(client, batch.output_file_id)) == 1
    assert batch.cancelling_at and batch.cancelled_at
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_lines_that_cannot_be_asked_fail_the_batch_before_anything_is_asked(
    start: Start, serve: Serve, sdk: Sdk
) -> None:
    server = serve(echo)
    client = sdk(start(server.url))
    twice = lines("a", "a")
    wrong = lines("b").replace(b"chat/completions", b"embeddings")
    foreign = lines("c", api_base="http://127.0.0.1:1")
    terms = lines("d", avoid=["p1"])
    unknown = lines("e", model="no-such-model-anywhere")
    batch = made(client, twice + b"not JSON\n" + wrong + foreign + terms + unknown)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [(problem.line, problem.code) for problem in batch.errors.data] == [
        (2, "duplicate_custom_id"), (3, "invalid_json_line"), (4, "mismatched_endpoint"), (5, "foreign_field"),
        (6, "foreign_field"), (7, "model_not_found"),
    ]  # fmt: skip
    assert made(client, b"\n").errors.data[0].code == "empty_file"
    embeddings = lines("a").replace(b"chat/completions", b"embeddings")
    assert made(client, embeddings, endpoint="/v1/embeddings").errors.data[-1].code in (
        "endpoint_not_supported", "model_not_found",
    )  # fmt: skip
    with pytest.raises(openai.BadRequestError):
        made(client, lines("a"), endpoint="/v1/images/generations")
    with pytest.raises(openai.NotFoundError):
        client.batches.create(
            input_file_id="../../x", endpoint="/v1/chat/completions", completion_window="24h",
        )  # fmt: skip
    assert not prompts(server.requests)


def test_a_batch_api_of_another_form_is_used_by_our_own_batch(start: Start, serve: Serve, sdk: Sdk) -> None:
    jobs = Both(row_of("mistral"))
    server = serve(jobs)
    client = sdk(start(server.url, registry=with_api(server.url, provider="mistral")))
    batch = ended(client, made(client, lines("a", "b")))
    assert batch.status == "completed"
    assert answers(client, batch.output_file_id) == {"a": "re: a", "b": "re: b"}
    assert jobs.uploads == 1
    assert not prompts(server.requests)


def test_models_of_several_providers_are_asked_directly(start: Start, serve: Serve, sdk: Sdk) -> None:
    jobs = Both(row_of("openai"))
    first, second = serve(jobs), serve(echo)
    registry = with_api(first.url, second.url)
    registry["providers"]["p2"]["model_names"] = {"other": "other-internal"}
    client = sdk(start(first.url, second.url, registry=registry))
    batch = ended(client, made(client, lines("a") + lines("b", model="p2/other")))
    assert batch.status == "completed", batch.errors
    assert set(answers(client, batch.output_file_id)) == {"a", "b"}
    assert (jobs.uploads, prompts(first.requests), prompts(second.requests)) == (0, ["a"], ["b"])


def test_other_files_go_on_at_once(start: Start, serve: Serve, tmp_path: Path, sdk: Sdk) -> None:
    jobs = Both(row_of("openai"))
    server = serve(jobs)
    client = sdk(start(server.url, registry=with_api(server.url)))
    file = client.files.create(file=("t.jsonl", b"{}\n"), purpose="fine-tune")
    assert (file.id, jobs.uploads) == ("in-1", 1)
    assert not (state(tmp_path) / "gateway-files").exists()
    assert [one.id for one in client.files.list()] == ["in-1"]
    assert client.files.delete("in-1").deleted
    assert [one.id for one in client.files.list()] == []
