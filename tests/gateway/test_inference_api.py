"""The inference API over the gateway, as it was written down: replies, batches, streams, errors, what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import Client, errors
from inference_providers.gateway.replies import Replies
from inference_providers.testing import tiny_model
from tests.conftest import registry_of
from tests.running import Running
from tests.servers import Connection, Received, Server, answer, delta, status

Start = Callable[..., Running]
Serve = Callable[..., Server]
API, MODEL = "/v1/inference", "gpt-4o-mini"
SAID = {"model": MODEL, "messages": [{"role": "user", "content": "Explain quantum computing"}]}


def asked(gateway: Running, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
    code, _, content = gateway.ask(method, path, body)
    return code, json.loads(content)


def events_of(content: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in content.decode().split("\n\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_each_path_with_and_without_its_version(start: Start, serve: Serve) -> None:
    gateway = start(serve().url)
    code, reply = asked(gateway, API, {**SAID, "max_tokens": 150, "temperature": 0.7, "cost_optimization": True})
    assert code == 200, reply
    assert reply["id"].startswith("inf_")
    assert (reply["object"], reply["model"], reply["provider"]) == ("inference", MODEL, "p1")
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": "hello"}
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    assert reply["cost"] == {"amount": None, "currency": "USD", "provider_cost": None, "savings": None}
    for base in ("/v1", ""):
        code, kept = asked(gateway, f"{base}/inference/{reply['id']}", method="GET")
        assert code == 200
        assert (kept["status"], kept["result"]["content"], kept["result"]["tokens"]) == ("completed", "hello", 4)
        assert kept["created"] <= kept["completed"]
        assert asked(gateway, f"{base}/inference", SAID)[0] == 200
        assert asked(gateway, f"{base}/inference/batch", {"requests": [SAID]})[1]["completed"] == 1
        assert gateway.ask("POST", f"{base}/inference/stream", SAID)[2].endswith(b"data: [DONE]\n\n")
        assert asked(gateway, f"{base}/inference/analytics", {"timeframe": "7d"})[1]["timeframe"] == "7d"
        performance = f"{base}/inference/performance?model={MODEL}&metrics=success_rate,p95_latency"
        assert asked(gateway, performance, method="GET")[1]["metrics"] == ["success_rate", "p95_latency"]


def test_who_is_asked_is_as_the_request_says(start: Start, serve: Serve) -> None:
    """And nothing of what is meant for the gateway goes on; what it does not know does."""
    first, second = serve(status(500)), serve()
    gateway = start(first.url, second.url)
    steps = [{"provider": "p1", "timeout": 5000}, {"provider": "p2", "model": MODEL}]
    config = {"strategies": steps, "retry_attempts": 0, "backoff_multiplier": 2.0}
    said = {**SAID, "fallback_config": config, "store": False, "quality_threshold": 0, "my_own": {"x": 1}}
    code, reply = asked(gateway, API, said)
    assert (code, reply["provider"]) == (200, "p2"), reply
    assert second.asked[0].json == {"messages": SAID["messages"], "my_own": {"x": 1}, "model": f"{MODEL}-internal"}
    assert asked(gateway, f"{API}/{reply['id']}", method="GET")[1]["error"]["code"] == "not_found"
    code, reply = asked(gateway, API, {**SAID, "provider": "p1", "retry_attempts": 0})
    assert (code, reply["error"]["code"], reply["error"]["details"]["provider"]) == (503, "provider_unavailable", "p1")
    count = len(second.asked)
    assert asked(gateway, API, {**SAID, "provider": "p1", "fallback_providers": ["p2"]})[1]["provider"] == "p2"
    assert asked(gateway, API, {**SAID, "preferences": {"primary": "p2"}})[1]["provider"] == "p2"
    assert len(second.asked) == count + 2


def test_a_request_names_no_key_address_header_or_file(start: Start, serve: Serve) -> None:
    server = serve()
    gateway = start(server.url)
    for more, parameter in (
        ({"api_base": "http://127.0.0.1:1/v1"}, "api_base"),
        ({"Api-Key": "k"}, "Api-Key"),
        ({"extra_headers": {"a": "b"}}, "extra_headers"),
        ({"extra_body": {"base_url": "http://x"}}, "extra_body.base_url"),
        (
            {"fallback_config": {"strategies": [{"provider": "p1", "apiKey": "k"}]}},
            "fallback_config.strategies[0].apiKey",
        ),
        ({"anything": [[{"model_path": "/x"}]]}, "anything[0][0].model_path"),
        ({"cache_config": {"enabled": True, "path": "/tmp/x"}}, "cache_config.path"),
        ({"images": ["/etc/passwd"]}, "images"),
    ):
        code, reply = asked(gateway, API, {**SAID, **more})
        assert (code, reply["error"]["code"]) == (400, "invalid_request")
        assert reply["error"]["details"]["parameter"] == parameter
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}
    assert asked(gateway, API, {**SAID, "messages": [picture]})[0] == 400
    assert server.asked == []
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"path": {}, "api_key": {}}}}}
    assert asked(gateway, API, {**SAID, "tools": [tool]})[0] == 200, "what tools take may be called anything"


def test_errors_have_the_form_that_was_written_down(start: Start, serve: Serve) -> None:
    behaviours = {"now": status(429, {"error": {"message": "slow down"}}, {"retry-after": "100"})}
    server = serve(lambda connection, request: behaviours["now"](connection, request))
    gateway = start(server.url)
    code, reply = asked(gateway, API, {"messages": SAID["messages"]})
    assert code == 400
    assert reply == {
        "error": {
            "code": "invalid_request",
            "message": "Missing required parameter: model",
            "details": {"parameter": "model", "expected_type": "string"},
        }
    }
    assert asked(gateway, API, b"{")[1]["error"]["code"] == "invalid_request"
    assert asked(gateway, API, b"[" * 100_000)[0] == 400
    code, reply = asked(gateway, API, {**SAID, "model": "no-such-model-at-all"})
    assert (code, reply["error"]["code"]) == (404, "model_not_found")
    code, headers, content = gateway.ask("POST", API, {**SAID, "timeout": 5})
    assert (code, headers["retry-after"]) == (429, "100")
    told = json.loads(content)["error"]
    assert (told["code"], told["details"]["retry_after"], told["details"]["provider"]) == (
        "rate_limit_exceeded", 100.0, "p1",
    )  # fmt: skip
    behaviours["now"] = status(402, {"error": {"message": "no credits"}})
    another = start(server.url)
    assert asked(another, API, SAID)[1]["error"]["code"] == "insufficient_credits"
    code, _, content = gateway.ask("POST", API, SAID, {"Authorization": "Bearer nobody"})
    assert (code, json.loads(content)["error"]["code"]) == (401, "unknown_token")
    assert set(json.loads(content)["error"]) == {"code", "message", "details"}
    code, _, content = gateway.ask("POST", API, b"model=x", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (code, set(json.loads(content)["error"])) == (415, {"code", "message", "details"})


def test_a_batch_keeps_order_and_ids_and_loses_nothing_by_a_failure(start: Start, serve: Serve) -> None:
    def behave(connection: Connection, request: Received) -> None:
        text = request.json["messages"][0]["content"] if request.body else ""
        (status(400, {"error": {"message": "bad"}}) if text == "bad" else answer)(connection, request)

    server = serve(behave)
    gateway = start(server.url)
    rows = [{"id": f"r{n}", "model": MODEL, "messages": [{"role": "user", "content": f"q{n}"}]} for n in range(8)]
    rows[2]["messages"] = [{"role": "user", "content": "bad"}]
    rows[5] = {"id": "r5", "messages": []}
    for parallel in (True, False):
        code, reply = asked(gateway, f"{API}/batch", {"requests": rows, "parallel": parallel})
        assert (code, reply["object"]) == (200, "inference.batch")
        assert [row["id"] for row in reply["responses"]] == [f"r{n}" for n in range(8)]
        failed = {row["id"]: row["error"]["code"] for row in reply["responses"] if row["status"] == "failed"}
        assert failed == {"r2": "invalid_request", "r5": "invalid_request"}
        assert (reply["completed"], reply["failed"]) == (6, 2)
    assert [request.json["messages"][0]["content"] for request in server.asked[-7:] if request.body] == [
        *("q0", "q1", "bad", "q3", "q4", "q6", "q7")
    ], "one after another, in order"
    for body in ({}, {"requests": []}, {"requests": rows, "model": MODEL}, {"requests": rows, "parallel": "yes"}):
        assert asked(gateway, f"{API}/batch", body)[0] == 400
    assert asked(gateway, f"{API}/batch", {"requests": rows, "fallback_strategy": "luck"})[0] == 400


def test_what_a_batch_falls_back_to(start: Start, serve: Serve) -> None:
    first, second = serve(status(500)), serve()
    gateway = start(first.url, second.url)
    said = {**SAID, "retry_attempts": 0}
    for word, wanted in (("none", "failed"), ("same_model", "completed"), ("best_available", "completed")):
        (row,) = asked(gateway, f"{API}/batch", {"requests": [said], "fallback_strategy": word})[1]["responses"]
        assert row["status"] == wanted, row


def test_a_stream_is_events_with_tokens_in_the_last(start: Start, serve: Serve) -> None:
    gateway = start(serve().url)
    code, headers, content = gateway.ask("POST", f"{API}/stream", {**SAID, "stream": True, "max_tokens": 500})
    assert (code, headers["content-type"]) == (200, "text/event-stream")
    *deltas, last, done = events_of(content)
    assert done == "[DONE]"
    assert "".join(event["choices"][0]["delta"]["content"] for event in deltas) == "hello"
    assert {(event["id"], event["object"]) for event in deltas} == {(last["id"], "inference.delta")}
    assert (last["choices"][0]["finish_reason"], last["provider"], last["model"]) == ("stop", "p1", MODEL)
    assert {"usage", "cost"} <= last.keys()
    assert asked(gateway, f"{API}/{last['id']}", method="GET")[1]["result"]["content"] == "hello"
    assert events_of(gateway.ask("POST", API, {**SAID, "stream": True})[2])[-1] == "[DONE]"


def test_what_fails_before_a_stream_is_a_status_and_in_the_middle_an_event(start: Start, serve: Serve) -> None:
    def breaks(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Once"))
        connection.close()

    gateway = start(serve(breaks).url)
    code, _, content = gateway.ask("POST", f"{API}/stream", SAID)
    first, last = events_of(content)
    assert (code, first["choices"][0]["delta"]["content"]) == (200, "Once")
    assert last["error"]["code"] == "stream_broken"
    assert last["id"] == first["id"]
    refusing = start(serve(status(400, {"error": {"message": "no"}})).url)
    assert asked(refusing, f"{API}/stream", SAID)[0] == 400


def test_a_client_that_leaves_ends_what_it_asked_for(start: Start, serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Once"))
        connection.hold(b"")

    server = serve(slow)
    gateway = start(server.url)
    with Client(gateway.token, gateway.url, environ={}) as client:
        stream = client.inference.stream(**SAID)
        assert next(iter(stream)).content == "Once"
        stream.close()
    server.keeps_waiting()
    assert server.left()


def test_the_client_has_the_same_over_a_gateway(start: Start, serve: Serve) -> None:
    behaviours: dict[str, Any] = {"now": answer}
    server = serve(lambda connection, request: behaviours["now"](connection, request))
    gateway = start(server.url)
    environ = {"INFERENCE_PROVIDERS_GATEWAY": gateway.url, "INFERENCE_PROVIDERS_TOKEN": gateway.token}
    with Client(environ=environ) as client:
        response = client.inference.create(**SAID, max_tokens=150)
        assert (response.content, response.provider, response.usage.total_tokens) == ("hello", "p1", 4)
        assert client.inference.retrieve(response.id).result.content == "hello"
        assert [one.content for one in client.inference.batch([SAID, SAID])] == ["hello", "hello"]
        *chunks, last = client.inference.stream(SAID)
        assert "".join(chunk.content for chunk in chunks) == "hello"
        assert last.finish_reason == "stop"
        assert client.inference.analytics(timeframe="last_30_days").total_requests is not None
        assert client.inference.performance(MODEL, ["success_rate"]).success_rate is None
        with pytest.raises(errors.InvalidRequestError, match="no inference of this id"):
            client.inference.get("inf_of_somebody_else")
        with pytest.raises(errors.InvalidRequestError) as invalid:
            client.inference.create(messages=[{"role": "user", "content": "Hi"}])
        assert invalid.value.details == {"parameter": "model", "expected_type": "string"}
        behaviours["now"] = status(429, {"error": {"message": "slow down"}}, {"retry-after": "100"})
        with pytest.raises(errors.RateLimitError) as limited:
            client.inference.create(**SAID, timeout=20)
        assert (limited.value.retry_after, limited.value.provider) == (100.0, "p1")
        assert limited.value.attempts[0].provider == "p1"
        client.inference.configure_providers({"primary": "p9"})
        with pytest.raises(errors.InvalidRequestError, match="p9"):
            client.inference.create(**SAID)
    with Client("wrong", gateway.url, environ={}) as stranger, pytest.raises(errors.AuthenticationError):
        stranger.inference.create(**SAID)


def key_of(gateway: Running, name: str, **fields: Any) -> str:
    key: str = asked(gateway, "/admin/callers", {"name": name, **fields})[1]["key"]
    return key


def test_a_caller_is_held_to_its_models_and_limits(start: Start, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    registry = registry_of(server.url, model=MODEL)
    registry["providers"]["p1"]["model_names"]["gpt-4o"] = "gpt-4o-internal"
    registry["auto_model_priority"] = ["gpt-4o", MODEL]
    (tmp_path / "two.json").write_text(json.dumps(registry))
    gateway = start(server.url, args=["--registry", str(tmp_path / "two.json")])
    own = {"Authorization": f"Bearer {key_of(gateway, 'alice', models=[MODEL])}"}
    said = {"messages": SAID["messages"]}
    for body in (
        {"model": "auto"},
        {"model": ["gpt-4o", MODEL]},
        {"model": MODEL, "fallback_strategy": "best_available"},
    ):
        code, _, content = gateway.ask("POST", API, {**said, **body}, own)
        assert (code, json.loads(content)["model"]) == (200, MODEL), content
    for body in (
        {"model": "gpt-4o"},
        {"model": "p1/gpt-4o"},
        {"model": MODEL, "strategies": [{"provider": "p1", "model": "gpt-4o"}]},
        {"model": MODEL, "fallback_config": {"strategies": [{"model": "gpt-4o"}]}},
        {"model": MODEL, "preferences": {"primary": "p1"}, "strategies": [{"model": "gpt-4o"}]},
    ):
        code, _, content = gateway.ask("POST", API, {**said, **body}, own)
        assert (code, json.loads(content)["error"]["code"]) == (404, "model_not_found"), content
    assert {request.json["model"] for request in server.asked} == {f"{MODEL}-internal"}
    limited = {"Authorization": f"Bearer {key_of(gateway, 'bob', requests_per_minute=3)}"}
    reply = json.loads(gateway.ask("POST", f"{API}/batch", {"requests": [SAID] * 5, "parallel": False}, limited)[2])
    codes = [row.get("error", {}).get("code") for row in reply["responses"]]
    assert codes == [None, None, None, "rate_limit_exceeded", "rate_limit_exceeded"]
    code, headers, content = gateway.ask("POST", f"{API}/stream", SAID, limited)
    assert (code, json.loads(content)["error"]["code"]) == (429, "rate_limit_exceeded")
    assert headers["x-ratelimit-limit"] == "3"
    assert int(headers["retry-after"]) > 0


def test_a_caller_reads_its_own_replies_and_sums_alone(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, environ={"INFERENCE_PROVIDERS_LOG": "usage"})
    alice, bob = ({"Authorization": f"Bearer {key_of(gateway, name)}"} for name in ("alice", "bob"))
    id_ = json.loads(gateway.ask("POST", API, SAID, alice)[2])["id"]
    codes = [gateway.ask("GET", f"{API}/{id_}", headers=headers)[0] for headers in (alice, bob, None)]
    assert codes == [200, 404, 404]
    for headers, count in ((alice, 1), (bob, 0), (None, 1)):
        for path in ("analytics", f"performance?model={MODEL}"):
            assert json.loads(gateway.ask("GET", f"{API}/{path}", headers=headers)[2])["total_requests"] == count
    assert asked(gateway, "/admin/callers/alice/purge", {})[0] == 200
    assert gateway.ask("GET", f"{API}/{id_}", headers=alice)[0] == 401


def test_nobody_reads_what_another_caller_was_told() -> None:
    moment = [1000.0]
    kept = Replies(None, clock=lambda: moment[0])
    kept.put("a", "inf_1", {"id": "inf_1"})
    assert kept.get("a", "inf_1") == {"id": "inf_1"}
    assert kept.get("b", "inf_1") is None
    moment[0] += 3600
    assert kept.get("a", "inf_1") is None


def test_a_model_is_never_a_file_of_this_machine(start: Start, serve: Serve, tmp_path: Path) -> None:
    """Neither started, nor looked for: whoever asks does not learn which files there are."""
    there, missing = tiny_model.write(str(tmp_path / "there.gguf")), str(tmp_path / "thrre.gguf")
    gateway = start(serve().url, environ={"INFERENCE_PROVIDERS_AVOID": ""})
    for form in ("{}", "llamacpp/{}", "vllm/{}", "local/{}", "./{}", "..\\{}"):
        for api in (API, "/v1/chat/completions"):
            told = [asked(gateway, api, {**SAID, "model": form.format(path)}) for path in (there, missing)]
            assert told[0][0] == told[1][0] >= 400
            assert json.dumps(told[0]).replace("there.gguf", "thrre.gguf") == json.dumps(told[1])
            assert "No such file" not in json.dumps(told)


def test_a_key_that_a_provider_says_again_goes_nowhere(start: Start, serve: Serve, tmp_path: Path) -> None:
    key = "canary-1-0123456789abcdef"

    def echo(connection: Connection, request: Received) -> None:
        if request.streams:
            connection.start_stream()
            connection.event(delta(f"you sent {key}"))
            connection.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            connection.event("[DONE]")
            connection.end_stream()
        else:
            message = {"role": "assistant", "content": f"you sent {key}"}
            connection.reply(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    gateway = start(serve(echo).url)
    reply = asked(gateway, API, SAID)[1]
    said = [json.dumps(reply), json.dumps(asked(gateway, f"{API}/{reply['id']}", method="GET")[1])]
    said += [json.dumps(asked(gateway, f"{API}/batch", {"requests": [SAID]})[1])]
    said += [gateway.ask("POST", f"{API}/stream", SAID)[2].decode()]
    for text in said:
        assert "you sent" in text
        assert key not in text
