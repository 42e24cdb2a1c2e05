"""`GET /metrics` of a running gateway, and what its workers know together."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families as parsed

from tests.running import Running
from tests.servers import PATIENCE, Connection, Received, Server, completion, status
from tests.test_pipeline import eventually

Start = Callable[..., Running]
Serve = Callable[..., Server]
CHAT = "/v1/chat/completions"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a secret prompt"}]}


def scraped(gateway: Running) -> str:
    code, headers, text = gateway.ask("GET", "/metrics")
    assert code == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return text.decode()


def total(gateway: Running, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in parsed(scraped(gateway))
        for sample in family.samples
        if sample.name == f"inference_providers_{name}" and labels.items() <= sample.labels.items()
    )


def ask(gateway: Running, **more: Any) -> str:
    code, headers, body = gateway.ask("POST", CHAT, {**BODY, **more})
    assert code == 200, body
    return headers["x-inference-provider"]


def test_what_was_asked_is_counted_by_who_asked_and_who_answered(start: Start, serve: Serve) -> None:
    gateway = start(serve(status(500)).url, serve().url)
    for _ in range(3):
        assert ask(gateway) == "p2"
    ask(gateway, stream=True)
    known = {"provider": "p2", "model": "gpt-4o-mini", "caller": "admin"}
    assert total(gateway, "requests_total", outcome="ok", **known) == 4
    assert total(gateway, "first_content_seconds_count", **known) == 1
    assert total(gateway, "attempts_total", provider="p1", outcome="ok") == 0 < total(gateway, "attempts_total")
    assert total(gateway, "http_responses_total", route=CHAT, status="200") == 4


def test_callers_are_told_apart_on_every_path(start: Start, serve: Serve) -> None:
    gateway = start(serve().url)
    made = json.loads(gateway.ask("POST", "/admin/callers", {"name": "alice", "tier": "pro"})[2])
    key, caller = made["key"], made["id"]
    asked = ((CHAT, BODY), (CHAT, {**BODY, "stream": True}), ("/v1/inference", BODY), ("/v1/inference/stream", BODY))
    for path, body in asked:
        for token in (key, gateway.token):
            assert gateway.ask("POST", path, body, {"Authorization": f"Bearer {token}"})[0] == 200
    text = scraped(gateway)
    assert key not in text and "alice" not in text
    for who in (caller, "admin"):
        assert total(gateway, "requests_total", caller=who, outcome="ok") == 4
    assert total(gateway, "open_streams") == 0


def test_no_path_no_prompt_and_no_token_is_in_it(start: Start, serve: Serve) -> None:
    gateway = start(serve().url)
    ask(gateway)
    assert gateway.ask("GET", "/v1/a-secret-path")[0] == 404
    assert gateway.ask("POST", "/a-secret-path?with=query", BODY)[0] == 404
    text = scraped(gateway)
    assert total(gateway, "http_responses_total", route="unknown", status="404") == 2
    for private in ("secret", gateway.token, "127.0.0.1"):
        assert private not in text


def test_it_is_the_administrators(start: Start, serve: Serve) -> None:
    gateway = start(serve().url)
    for token in ("", "Bearer somebody"):
        assert gateway.ask("GET", "/metrics", headers={"Authorization": token})[0] == 401


def test_any_worker_answers_for_all_and_a_killed_ones_counts_stay(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, args=["--workers", "2"])
    for _ in range(10):
        ask(gateway)
    assert [total(gateway, "requests_total") for _ in range(5)] == [10] * 5
    children = psutil.Process(gateway.process.pid).children()
    assert len(children) == 2
    os.kill(children[0].pid, signal.SIGKILL)
    children[0].wait(PATIENCE)
    for _ in range(10):
        ask(gateway)
    assert [total(gateway, "requests_total") for _ in range(3)] == [20] * 3


def test_workers_tell_each_other_which_key_is_refused_until_they_are_told_to_reload(start: Start, serve: Serve) -> None:
    good: list[bool] = []

    def behaviour(conn: Connection, request: Received) -> None:
        conn.reply(200 if good else 401, completion() if good else {"error": {"message": "no"}})

    refusing = serve(behaviour)
    gateway = start(refusing.url, serve().url, args=["--workers", "3"])
    assert {ask(gateway) for _ in range(20)} == {"p2"}
    assert len(refusing.asked) == 1
    good.append(True)
    gateway.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: ask(gateway) == "p1")
    gateway.stop()
    assert {ask(start(refusing.url, serve().url, args=["--workers", "2"])) for _ in range(2)} == {"p1"}
