"""Batch APIs of other forms than OpenAI's, by servers that speak as their makers document: Anthropic, Google, xAI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import BatchJobs, ProviderList
from inference_providers.batches import foreign_words, job_forms
from inference_providers.batches import provider_jobs as batch_jobs
from inference_providers.batches.files import Results
from inference_providers.protocols import messages_from
from inference_providers.registry.registry import bundled
from tests.conftest import keys, registry_of
from tests.servers import Connection, Received, Server, completion

Serve = Callable[..., Server]
KEY = "canary-1-0123456789abcdef"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_jobs, "POLL", (0.01, 0.02))


class Maker:
    """What the three servers have in common: a job that ends at the second look, and what each request comes to."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.looks, self.cancelled = 0, False
        self.problem: dict[str, Any] | None = None
        self.wrong: Callable[[str], bool] = lambda text: text == "bad"

    @property
    def ended(self) -> bool:
        return self.looks > 1 or self.cancelled


class Anthropic(Maker):
    def job(self) -> dict[str, Any]:
        self.looks += 1
        status = "ended" if self.ended else "in_progress"
        counts = {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0}
        base = {
            "id": "msgbatch_01",
            "type": "message_batch",
            "request_counts": counts,
            "created_at": "2026-01-01T00:00:00Z",
        }
        return {**base, "processing_status": status, "results_url": "https://api.anthropic.com/elsewhere"}

    def __call__(self, connection: Connection, request: Received) -> None:
        path = request.path.removeprefix("/v1")
        assert request.headers["x-api-key"].startswith("canary-1")
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in request.headers
        if request.method == "POST" and path == "/messages/batches":
            self.requests += request.json["requests"]
            return connection.reply(200, self.job())
        if path.endswith("/cancel"):
            self.cancelled = True
            return connection.reply(200, self.job())
        if path == "/messages/batches/msgbatch_01/results":
            return connection.reply(
                200, b"\n".join(json.dumps(self.result(one)).encode() for one in reversed(self.requests))
            )
        if path.startswith("/messages/batches?"):
            return connection.reply(200, {"data": [self.job()], "has_more": False})
        return connection.reply(200, self.job())

    def result(self, one: dict[str, Any]) -> dict[str, Any]:
        text = one["params"]["messages"][-1]["content"][0]["text"]
        if self.wrong(text):
            error = {"type": "error", "error": {"type": "invalid_request_error", "message": "your prompt is bad"}}
            return {"custom_id": one["custom_id"], "result": {"type": "errored", "error": error}}
        if text == "late":
            return {"custom_id": one["custom_id"], "result": {"type": "expired"}}
        usage = {"input_tokens": 2, "output_tokens": 1, "cache_read_input_tokens": 1}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": one["params"]["model"],
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": f"re: {text}"}],
            "stop_reason": "end_turn", "usage": usage,
        }  # fmt: skip
        return {"custom_id": one["custom_id"], "result": {"type": "succeeded", "message": message}}


class Google(Maker):
    def job(self) -> dict[str, Any]:
        self.looks += 1
        state = (
            "BATCH_STATE_FAILED" if self.problem else "BATCH_STATE_SUCCEEDED" if self.ended else "BATCH_STATE_RUNNING"
        )
        metadata = {"state": state, "createTime": "2026-01-01T00:00:00Z", "batchStats": {"requestCount": "3"}}
        job: dict[str, Any] = {"name": "batches/b1", "metadata": metadata, "done": self.ended}
        if self.problem:
            return {**job, "error": self.problem}
        if self.ended:
            job["response"] = {"inlinedResponses": {"inlinedResponses": list(map(self.result, self.requests))}}
        return job

    def __call__(self, connection: Connection, request: Received) -> None:
        assert request.headers["x-goog-api-key"].startswith("canary-1")
        assert "authorization" not in request.headers
        assert "/openai" not in request.path
        if request.path == "/v1/models/m-internal:batchGenerateContent":
            self.requests += request.json["batch"]["input_config"]["requests"]["requests"]
            return connection.reply(200, self.job())
        if request.path == "/v1/batches/b1:cancel":
            self.cancelled = True
            return connection.reply(200, {})
        if request.path.startswith("/v1/batches?pageSize="):
            return connection.reply(200, {"operations": [self.job()]})
        return connection.reply(200 if request.path == "/v1/batches/b1" else 404, self.job())

    def result(self, one: dict[str, Any]) -> dict[str, Any]:
        text = one["request"]["contents"][-1]["parts"][0]["text"]
        if self.wrong(text):
            return {"metadata": one["metadata"], "error": {"code": 3, "message": "your prompt is bad"}}
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
        parts = [{"text": "hm", "thought": True}, {"text": f"re: {text}"}]
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
        reply = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m-internal", "responseId": "r"}
        return {"metadata": one["metadata"], "response": reply}


class Xai(Maker):
    def job(self) -> dict[str, Any]:
        self.looks += 1
        count = len(self.requests)
        state = {"num_requests": count, "num_pending": 0 if self.ended else count, "num_success": 0, "num_error": 0}
        return {"batch_id": "b-1", "name": "mine", "create_time": "2026-01-01T00:00:00Z", "state": state}

    def __call__(self, connection: Connection, request: Received) -> None:
        path = request.path.removeprefix("/v1")
        assert request.headers["authorization"].startswith("Bearer canary-1")
        if request.method == "POST" and path == "/batches":
            assert request.json["name"]
            return connection.reply(200, self.job())
        if path == "/batches/b-1/requests":
            self.requests += request.json["batch_requests"]
            return connection.reply(200, {})
        if path == "/batches/b-1:cancel":
            self.cancelled = True
            return connection.reply(200, self.job())
        if path.startswith("/batches/b-1/results?"):
            number = int(path.rpartition("pagination_token=")[2]) if "token" in path else 0
            more = (
                {"pagination_token": str(number + 1)} if number + 1 < len(self.requests) else {"pagination_token": None}
            )
            return connection.reply(200, {"results": [self.result(self.requests[number])], **more})
        if path.startswith("/batches?"):
            return connection.reply(200, {"batches": [self.job()]})
        return connection.reply(200 if path == "/batches/b-1" else 404, self.job())

    def result(self, one: dict[str, Any]) -> dict[str, Any]:
        body = one["batch_request"]["chat_get_completion"]
        text = body["messages"][-1]["content"]
        name = one["batch_request_id"]
        if self.wrong(text):
            return {"batch_request_id": name, "batch_result": {"error": {"message": "your prompt is bad"}}}
        made = completion(f"re: {text}", body["model"])
        return {"batch_request_id": name, "batch_result": {"response": {"chat_get_completion": made}}}


MAKERS = {"anthropic": Anthropic, "google": Google, "xai": Xai}
by_maker = pytest.mark.parametrize("maker", list(MAKERS))


def list_at(server: Server, maker: str) -> ProviderList:
    """A provider whose batch API is that of a maker, at a server."""
    own = bundled().providers[maker].connection["batch"]
    made = registry_of(server.url + own.get("beside", ""), facts=[[8000, 1000, 1.0, 2.0]])
    made["batch"] = bundled().batch
    made["providers"]["p1"]["connection"]["batch"] = own
    return ProviderList(json_override=json.loads(json.dumps(made, default=dict)), environ=keys(1), local=False)


def run(server: Server, maker: str, questions: Any, out: Path, **options: Any) -> tuple[list[Any], Any]:
    done = list_at(server, maker).batch(questions, mode="provider", out=out, progress=False, **options)
    return list(Results(out)), done.summary


@by_maker
def test_each_form_is_spoken_and_what_failed_fails_alone(serve: Serve, tmp_path: Path, maker: str) -> None:
    made = MAKERS[maker]()
    server = serve(made)
    results, summary = run(server, maker, ["a", "bad", "c"], tmp_path / "out.jsonl", system="Be brief.", max_tokens=9)
    assert [str(result.answer) if result.ok else None for result in results] == ["re: a", None, "re: c"]
    assert "your prompt is bad" in str(results[1].error)
    assert summary.cost == pytest.approx(2 * (3 * 1.0 + 1 * 2.0) / 1e6 / 2)
    assert (results[0].answer.usage.input_tokens, results[0].answer.finish_reason) == (3, "stop")
    assert "Be brief." in json.dumps(made.requests[0])
    assert "9" in json.dumps(made.requests[0])


@by_maker
def test_jobs_of_each_form_are_handled(serve: Serve, tmp_path: Path, maker: str) -> None:
    made = MAKERS[maker]()
    server = serve(made)
    run(server, maker, ["a", "bad"], tmp_path / "out.jsonl")
    jobs = BatchJobs(list_at(server, maker))
    (job,) = jobs.list()
    assert (job.stage, job.created) == ("done", "2026-01-01T00:00:00Z")
    assert jobs.get(job.name).id == job.id
    results = jobs.results(job)
    assert sorted(str(result.answer) for result in results if result.ok) == ["re: a"]
    assert [str(result.error) for result in results if not result.ok] == ["p1: your prompt is bad"]
    assert all(result.custom_id for result in results)
    jobs.cancel(job)
    assert made.cancelled


def test_an_expired_request_says_so(serve: Serve, tmp_path: Path) -> None:
    results, _ = run(serve(Anthropic()), "anthropic", ["late", "a"], tmp_path / "out.jsonl")
    assert "expired" in str(results[0].error)
    assert results[1].ok


def test_why_an_operation_failed_is_told(serve: Serve, tmp_path: Path) -> None:
    made = Google()
    made.problem = {"code": 8, "message": "Resource has been exhausted (e.g. check quota)."}
    results, _ = run(serve(made), "google", ["a"], tmp_path / "out.jsonl")
    assert "the job ended as 'FAILED': Resource has been exhausted" in str(results[0].error)


def test_answers_without_their_names_are_taken_in_order(serve: Serve, tmp_path: Path) -> None:
    made = Google()
    plain = made.result
    made.result = lambda one: {name: value for name, value in plain(one).items() if name != "metadata"}  # type: ignore[method-assign]
    results, _ = run(serve(made), "google", ["a", "b"], tmp_path / "out.jsonl")
    assert [str(result.answer) for result in results] == ["re: a", "re: b"]


def test_a_job_that_could_not_be_filled_is_cancelled(serve: Serve, tmp_path: Path) -> None:
    made = Xai()

    def refusing(connection: Connection, request: Received) -> None:
        if request.path.endswith("/requests"):
            return connection.reply(400, {"error": {"message": "too many of them"}})
        return made(connection, request)

    results, _ = run(serve(refusing), "xai", ["a"], tmp_path / "out.jsonl")
    assert "too many of them" in str(results[0].error)
    assert made.cancelled


def test_many_requests_go_in_several_payloads(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_forms, "_PAYLOAD", 500)
    made = Xai()
    server = serve(made)
    results, _ = run(server, "xai", [f"q{number}" for number in range(9)], tmp_path / "out.jsonl")
    assert all(result.ok for result in results)
    assert len([request for request in server.requests if request.path.endswith("/requests")]) > 1


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "look"}, PICTURE]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "5"},
        {"role": "user", "content": "and now?"},
    ],
    "stop": "END",
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "strange": 1,
}


def test_a_chat_in_the_words_of_google() -> None:
    made, dropped = foreign_words.to_google(CHAT)
    assert (made["generationConfig"], dropped) == ({"stopSequences": ["END"]}, ["strange"])
    assert [turn["role"] for turn in made["contents"]] == ["user", "model", "user", "user"]
    assert made["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert made["contents"][2]["parts"][0]["functionResponse"] == {"name": "f", "response": {"result": "5"}}


def test_results_of_several_calls_are_one_turn_for_google() -> None:
    calls = [{**CALL, "id": name} for name in ("c1", "c2")]
    results = [{"role": "tool", "tool_call_id": name, "content": name} for name in ("c1", "c2")]
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    for after in ([], [{"role": "user", "content": "and?"}]):
        made, _ = foreign_words.to_google({"messages": [*turns, *after]})
        assert [len(turn["parts"]) for turn in made["contents"]] == [1, 2, 2, *(1 for _ in after)]
        given = [part["functionResponse"]["response"]["result"] for part in made["contents"][2]["parts"]]
        assert given == ["c1", "c2"]


@pytest.mark.parametrize("maker", ["anthropic", "google"])
def test_turns_that_say_nothing_do_not_go_up(serve: Serve, tmp_path: Path, maker: str) -> None:
    made = MAKERS[maker]()
    alone = [{"role": "system", "content": "Be brief."}]
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "c"}]
    results, _ = run(serve(made), maker, [alone, "a", talk], tmp_path / "out.jsonl")
    assert [result.ok for result in results] == [maker == "anthropic", True, True]
    if maker == "google":
        assert "nothing in it but a system prompt" in str(results[0].error)
    assert len(made.requests) == (3 if maker == "anthropic" else 2)
    turns = foreign_words.to_google({"messages": talk})[0]["contents"]
    assert [turn["parts"] for turn in turns] == [[{"text": "q"}], [{"text": "c"}]]


def test_files_and_sound_go_into_a_batch_in_googles_words() -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"file_data": "https://example.com/b.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
    ]
    made, _ = foreign_words.to_google({"messages": [{"role": "user", "content": parts}]})
    assert made["contents"][0]["parts"] == [
        {"text": "What is it?"},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
        {"fileData": {"fileUri": "https://example.com/b.pdf"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "UklGRg=="}},
    ]
    kept: Any = [{"type": "file", "file": {"file_id": "file-1"}}]
    with pytest.raises(ValueError, match="a part of kind 'file' cannot go into"):
        foreign_words.to_google({"messages": [{"role": "user", "content": kept}]})


@pytest.mark.parametrize("maker", ["anthropic", "google"])
def test_a_field_without_a_word_there_is_an_error_where_that_is_wanted(
    serve: Serve, tmp_path: Path, maker: str
) -> None:
    made = MAKERS[maker]()
    options: dict[str, Any] = {"frequency_penalty": 1.0, "on_unsupported": "error"}
    results, summary = run(serve(made), maker, ["a"], tmp_path / "out.jsonl", **options)
    assert (summary.answered, summary.failed, made.requests) == (0, 1, [])
    assert "its batch API has no word for frequency_penalty" in str(results[0].error)


def test_calls_come_back_in_the_words_of_openai() -> None:
    part = {"functionCall": {"name": "f", "args": {"x": 1}}}
    reply = foreign_words.from_google({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]})
    assert reply["choices"][0]["message"]["tool_calls"] == [{**CALL, "id": "call_0"}]


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [None], [{"type": "text"}], {"parts": 5}, {"parts": [5]}])
def test_no_reply_of_another_shape_breaks_the_reading(value: Any) -> None:
    messages_from.completion({"content": value, "usage": value, "stop_reason": value, "id": value}, 0)
    foreign_words.from_google({"candidates": [{"content": value}, value], "usageMetadata": value})
    foreign_words.from_google({"candidates": value})
