"""Ids lead back to whoever made them: per caller, after a restart, in another worker."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.conftest import registry_of
from tests.running import Running
from tests.servers import Server
from tests.test_owners import keeper

Start = Callable[..., Running]
Serve = Callable[..., Server]


def test_a_response_is_found_after_a_restart(start: Start, serve: Serve) -> None:
    first, second = serve(keeper("one")), serve(keeper("two"))
    registry = registry_of(first.url, second.url, model="gpt-4o-mini", speaks=("responses",))
    gateway = start(first.url, second.url, registry=registry)
    status, _, body = gateway.ask("POST", "/v1/responses", {"model": "p2/gpt-4o-mini", "input": "hi"})
    assert status == 200, body
    made = json.loads(body)["id"]
    assert made.endswith("two")
    gateway.stop()
    gateway = start(first.url, second.url, registry=registry)
    status, _, body = gateway.ask("GET", f"/v1/responses/{made}")
    assert (status, json.loads(body)["id"]) == (200, made)
    status, _, body = gateway.ask("POST", "/v1/responses", {"input": "go on", "previous_response_id": made})
    assert status == 200, body
    assert second.requests[-1].json["model"] == "gpt-4o-mini-internal"
    assert [request.path for request in first.asked] == []


def test_every_worker_knows_what_one_has_learnt(start: Start, serve: Serve) -> None:
    first, second = serve(keeper("one")), serve(keeper("two"))
    registry = registry_of(first.url, second.url, model="gpt-4o-mini", speaks=("responses",))
    gateway = start(first.url, second.url, args=["--workers", "2"], registry=registry)
    _, _, body = gateway.ask("POST", "/v1/responses", {"model": "p2/gpt-4o-mini", "input": "hi"})
    made = json.loads(body)["id"]
    for _ in range(12):  # whoever takes the connection
        assert gateway.ask("GET", f"/v1/responses/{made}")[0] == 200
    assert first.asked == []
