"""Callers over a running gateway: made by the administrator, held to their models, limits and budgets; and purged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, places
from tests.running import Running
from tests.servers import Server

Start = Callable[..., Running]
Serve = Callable[..., Server]
CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "a secret question"}]


class Asked:
    """A reply of the gateway."""

    def __init__(self, reply: tuple[int, dict[str, str], bytes]) -> None:
        self.status, self.headers, self.content = reply

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> Any:
        return self.json["error"]


class Client:
    """A gateway, as the administrator or a caller asks it."""

    def __init__(self, running: Running) -> None:
        self.running = running

    def do(self, method: str, path: str, body: Any = None, key: str = "") -> Asked:
        headers = {"Authorization": f"Bearer {key}"} if key else None
        return Asked(self.running.ask(method, path, body, headers))

    def create(self, name: str, **fields: Any) -> str:
        made = self.do("POST", "/admin/callers", {"name": name, **fields})
        assert made.status == 201, made.content
        key: str = made.json["key"]
        return key

    def chat(self, key: str, model: str = "gpt-4o-mini", **fields: Any) -> Asked:
        return self.do("POST", CHAT, {"model": model, "messages": MESSAGES, **fields}, key)


@pytest.fixture
def client(start: Start, serve: Serve) -> Client:
    return Client(start(serve().url, environ={"INFERENCE_PROVIDERS_LOG": "text"}))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**places(), "PYTHONPATH": str(ROOT), "INFERENCE_PROVIDERS_LOG": "off"}
    command = [sys.executable, "-m", "inference_providers", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


def test_a_caller_from_its_making_to_its_end(client: Client) -> None:
    made = client.do("POST", "/admin/callers", {"name": "alice", "tier": "basic", "budget": 5})
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json["key"]
    assert client.chat(key).status == 200
    shown = client.do("GET", "/admin/callers/alice").json
    assert (shown["name"], shown["tier"], shown["budget"], shown["concurrent"]) == ("alice", "basic", 5.0, None)
    listed = client.do("GET", "/admin/callers")
    assert [one["name"] for one in listed.json["data"]] == ["alice"]
    for reply in (client.do("GET", "/admin/callers/alice"), listed):
        assert key not in reply.content.decode()
        assert "digest" not in reply.content.decode()
    changed = client.do("PATCH", "/admin/callers/alice", {"tier": None, "concurrent": 3})
    assert (changed.json["tier"], changed.json["concurrent"]) == (None, 3)
    assert client.do("DELETE", "/admin/callers/alice").json["revoked"]
    refused = client.chat(key)
    assert refused.status == 401
    assert refused.error["message"].startswith("This key was revoked on ")
    stranger = client.chat("ip-" + "x" * 43)
    assert stranger.status == 401
    assert "revoked" not in stranger.error["message"]
    assert client.do("POST", "/admin/callers/alice/purge").json["purged"]
    assert client.do("GET", "/admin/callers/alice").status == 404
    assert client.chat(key).error["message"] == stranger.error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/callers"), ("POST", "/admin/callers"), ("GET", "/admin/callers/alice"),
        ("PATCH", "/admin/callers/alice"), ("DELETE", "/admin/callers/alice"), ("POST", "/admin/callers/alice/purge"),
    ],
)  # fmt: skip
def test_callers_are_the_administrators_alone(method: str, path: str, client: Client) -> None:
    key = client.create("alice")
    body = {"name": "mallory"} if method in ("POST", "PATCH") else None
    assert client.do(method, path, body, key).status == 403
    assert client.do(method, path, body, "nobody").status == 401
    assert [one["name"] for one in client.do("GET", "/admin/callers").json["data"]] == ["alice"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "", {"name": "bob", "tier": "gold"}, 400, "tier"),
        ("POST", "", {"tier": "pro"}, 400, "name"),
        ("POST", "", {"name": "alice"}, 400, "name"),
        ("POST", "", {"name": "b c"}, 400, "name"),
        ("POST", "", {"name": "bob", "key": "ip-mine"}, 400, "key"),
        ("POST", "", {"name": "bob", "self": 1}, 400, "self"),
        ("POST", "", ["bob"], 400, None),
        ("PATCH", "/alice", {"budget": -1}, 400, "budget"),
        ("PATCH", "/alice", {"name": "bob"}, 400, "name"),
        ("PATCH", "/alice", {"revoked": None}, 400, "revoked"),
        ("PATCH", "/bob", {"budget": 1}, 404, "name"),
        ("DELETE", "/bob", None, 404, "name"),
        ("POST", "/bob/purge", None, 404, "name"),
    ],
)
def test_what_cannot_be_is_told_by_its_field(
    method: str, path: str, body: Any, status: int, field: str | None, client: Client
) -> None:
    client.create("alice")
    refused = client.do(method, f"/admin/callers{path}", body)
    assert refused.status == status, refused.content
    assert refused.error["param"] == field
    assert [one["name"] for one in client.do("GET", "/admin/callers").json["data"]] == ["alice"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_limits_are_kept_and_told(workers: str, start: Start, serve: Serve) -> None:
    server = serve()
    client = Client(start(server.url, args=["--workers", workers]))
    key = client.create("alice", requests_per_minute=4)
    found = [client.chat(key, stream=number % 2 == 0) for number in range(6)]
    assert [one.status for one in found] == [200] * 4 + [429] * 2
    assert [one.headers["x-ratelimit-remaining"] for one in found] == ["3", "2", "1", "0", "0", "0"]
    assert {one.headers["x-ratelimit-limit"] for one in found} == {"4"}
    assert all(int(one.headers["x-ratelimit-reset"]) > 1_700_000_000 for one in found)
    for one in found:
        refused = one.status == 429
        assert ("retry-after" in one.headers) == ("x-ratelimit-retry-after" in one.headers) == refused
        if refused:
            assert 1 <= int(one.headers["retry-after"]) <= 60
            assert one.error["code"] == "rate_limit_exceeded"
    assert len(server.requests) == 4
    assert client.do("POST", CHAT, {"model": "gpt-4o-mini", "messages": MESSAGES}).status == 200, "the administrator"
    if workers == "1":
        client.do("PATCH", "/admin/callers/alice", {"requests_per_minute": 5})
        assert client.chat(key).status == 200


def test_a_stream_that_is_over_is_under_way_no_more(start: Start, serve: Serve) -> None:
    client = Client(start(serve().url))
    key = client.create("alice", concurrent=1)
    for number in range(4):
        assert client.chat(key, stream=number % 2 == 0).status == 200


def test_a_budget_that_is_used_up(client: Client) -> None:
    key = client.create("alice", budget=0.0)
    refused = client.chat(key)
    assert refused.status == 402
    assert "retry-after" not in refused.headers
    assert "begins anew" in refused.error["message"]


SPELLINGS = ("gpt-4o", "p1/gpt-4o", "openai/gpt-4o", "gpt-4o:cheapest", "GPT-4o", "p1/anything", "gpt-4o-2024-08-06")


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_asks_its_own_models_only(stream: bool, start: Start, serve: Serve) -> None:
    server = serve()
    client = Client(start(server.url))
    key = client.create("alice", models=["gpt-4o-mini"])
    for name in SPELLINGS:
        refused = client.chat(key, name, stream=stream)
        assert refused.status in (400, 404), (name, refused.content)
        assert server.requests == []
    for name in ("gpt-4o-mini", "p1/gpt-4o-mini", "auto", "gpt-4o-mini:cheapest"):
        assert client.chat(key, name, stream=stream).status == 200, name
    body = {"models": ["gpt-4o", "gpt-4o-mini"], "model": "gpt-4o", "messages": MESSAGES, "stream": stream}
    assert client.do("POST", CHAT, body, key).status == 200
    assert {one.json["model"] for one in server.requests} == {"gpt-4o-mini-internal"}
    assert [row["id"] for row in client.do("GET", "/v1/models", key=key).json["data"]] == ["gpt-4o-mini"]
    nobodys = client.create("bob", models=["gpt-4o"])
    assert client.chat(nobodys, "gpt-4o-mini").status == 404
    assert client.chat(nobodys, "auto").status in (404, 503)
    assert client.do("GET", "/v1/models", key=nobodys).json["data"] == []
    assert client.do("GET", "/v1/models/gpt-4o-mini", key=nobodys).status == 404


@pytest.mark.parametrize("path", ["/v1/inference", "/v1/inference/stream"])
def test_the_inference_api_is_held_to_the_same(path: str, start: Start, serve: Serve) -> None:
    server = serve()
    client = Client(start(server.url))
    body = {"model": "gpt-4o-mini", "messages": MESSAGES}
    key = client.create("alice", requests_per_minute=2, models=["gpt-4o-mini"])
    assert client.do("POST", path, {**body, "model": "gpt-4o"}, key).status == 404
    found = [client.do("POST", path, {**body, "model": name}, key) for name in ("gpt-4o-mini", "auto", "gpt-4o-mini")]
    assert [one.status for one in found] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in found] == ["1", "0", "0"]
    assert int(found[2].headers["retry-after"]) > 0
    assert found[2].error["code"] == "rate_limit_exceeded"
    poor = client.create("bob", budget=0)
    assert client.do("POST", path, body, poor).status == 402
    assert len(server.requests) == 2


def test_each_request_of_a_batch_counts(start: Start, serve: Serve) -> None:
    server = serve()
    client = Client(start(server.url))
    key = client.create("alice", requests_per_minute=2)
    requests = [{"id": str(number), "model": "gpt-4o-mini", "messages": MESSAGES} for number in range(4)]
    done = client.do("POST", "/v1/inference/batch", {"requests": requests, "parallel": False}, key)
    assert done.status == 200
    assert done.content.count(b"rate_limit_exceeded") == 2
    assert len(server.requests) == 2


def test_what_a_caller_used_is_logged_shown_and_purged(client: Client) -> None:
    alice, bob = client.create("alice", budget=1), client.create("bob")
    for key in (alice, alice, bob, ""):
        assert client.chat(key).status == 200
    kept = client.do("POST", "/v1/inference", {"model": "gpt-4o-mini", "messages": MESSAGES}, alice).json["id"]
    assert client.do("GET", f"/v1/inference/{kept}", key=alice).status == 200
    assert client.do("GET", f"/v1/inference/{kept}", key=bob).status == 404
    client.running.stop()
    rows = json.loads(run("usage", "--by", "caller", "--json").stdout)
    assert {row["caller"]: row["calls"] for row in rows} == {"alice": 3, "bob": 1, "-": 1}
    calls = json.loads(run("logs", "list", "--caller", "alice", "--json").stdout)
    assert len(calls) == 3
    assert all("a secret question" in str(call["messages"]) for call in calls)
    assert "No caller is called 'carol'" in run("logs", "list", "--caller", "carol").stderr
    assert run("purge", "--caller", "alice").returncode == 2, "nobody can be asked"
    done = run("purge", "--caller", "alice", "--yes")
    assert (done.returncode, done.stderr) == (0, "Removed.\n")
    rows = json.loads(run("usage", "--by", "caller", "--json").stdout)
    assert {row["caller"]: row["calls"] for row in rows} == {"bob": 1, "-": 1}
    identity = calls[0]["caller"].encode()
    for folder in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        for path in Path(os.environ[folder]).rglob("*"):
            assert path.is_dir() or identity not in path.read_bytes(), path
    assert "No caller is called 'alice'; there are bob" in run("purge", "--caller", "alice", "--yes").stderr
