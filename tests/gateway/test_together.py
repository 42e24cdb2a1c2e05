"""Where the gateway's parts meet: limits over reloads, files and batches, and what must leave none of them."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from inference_providers.gateway import passed
from inference_providers.gateway.app import Application
from inference_providers.gateway.callers import Caller
from tests.batch_server import echo
from tests.conftest import keys, registry_of
from tests.gateway.conftest import TOKEN
from tests.gateway.helpers import eventually
from tests.gateway.in_process import Asked
from tests.gateway.inside import Inside
from tests.gateway.test_callers import Client
from tests.gateway.test_files import MODEL, Both, lines, row_of, with_api
from tests.gateway.test_own_things import CHAT, ONE, RESPONSES, caller, run
from tests.running import Running
from tests.servers import PATIENCE, Connection, Received, Server

Serve = Callable[..., Server]
Start = Callable[..., Running]
Work = Callable[[Asked], Coroutine[Any, Any, None]]
HI = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
HALF = "\ud800"  # of a character: JSON may name it, and no text holds it
(KEY,) = keys(1).values()


async def ended(ask: Asked, token: str, made: dict[str, Any]) -> dict[str, Any]:
    """A batch as it has ended."""
    while made["status"] not in ("completed", "failed", "cancelled"):
        await asyncio.sleep(0.02)
        _, made = await ask(token, "GET", f"/v1/batches/{made['id']}")
    return made


async def begun(ask: Asked, token: str, content: bytes) -> tuple[int, Any]:
    """A batch over a new file."""
    _, file = await ask.upload(token, content)
    return await ask(token, "POST", "/v1/batches", {"input_file_id": file["id"], "endpoint": CHAT})


def test_a_reload_between_the_calls_of_one_request_lifts_no_limit(serve: Serve) -> None:
    server = serve(echo)

    async def work(ask: Asked) -> None:
        assert (await ask(ONE, "POST", CHAT, HI))[0] == 200
        ask.gateway.reload()
        # As it is before the next request comes, and so for one that is between two of its calls.
        assert [type(stage).__name__ for stage in ask.gateway.pipeline.stages].count("Metering") == 1
        assert (await ask(ONE, "POST", CHAT, HI))[0] == 429

    run(registry_of(server.url, model=MODEL), work, Caller(ONE, ONE, requests_per_minute=1))
    assert len(server.requests) == 1


def test_replies_are_read_again_after_a_reload(serve: Serve) -> None:
    async def work(ask: Asked) -> None:
        ask.gateway.replies.put(ONE, "one", {"id": "one"})
        before = ask.gateway.replies
        ask.gateway.reload()
        assert ask.gateway.replies is before  # and with it what has no file
        assert (await ask(ONE, "GET", "/v1/inference/one"))[0] == 200

    run(registry_of(serve().url, model=MODEL), work)


@pytest.mark.parametrize("limits", [{"models": (MODEL,)}, {"budget": 1.0}])
def test_a_batch_over_a_file_that_only_its_provider_has_is_not_for_callers_with_limits(
    serve: Serve, limits: dict[str, Any]
) -> None:
    jobs = Both(row_of("openai"))
    server = serve(jobs)

    async def work(ask: Asked) -> None:
        _, file = await ask.upload(ONE, lines("a", model="another"), purpose="user_data")
        status, said = await ask(ONE, "POST", "/v1/batches", {"input_file_id": file["id"], "endpoint": CHAT})
        assert (status, said["error"]["code"]) == (403, "file_not_checked")
        assert not jobs.jobs
        twice = 'user_data\r\n--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch'
        assert (await ask.upload(ONE, lines("a", model="another"), purpose=twice))[0] == 400
        assert (await ask(TOKEN, "POST", "/v1/batches", {"input_file_id": file["id"], "endpoint": CHAT}))[0] == 200

    run(with_api(server.url), work, Caller(ONE, ONE, **limits))


def test_no_field_tells_a_provider_of_other_models_than_the_callers(serve: Serve) -> None:
    server = serve(echo)
    more = {"fallbacks": [{"model": "another"}]}

    async def work(ask: Asked) -> None:
        for path in (CHAT, RESPONSES, "/v1/embeddings"):
            status, said = await ask(ONE, "POST", path, {**HI, "input": "x", **more})
            assert (status, said["error"]["code"]) == (400, "foreign_field"), path
        _, made = await begun(ask, ONE, lines("a", **more))
        assert made["errors"]["data"][0]["param"] == "body.fallbacks"
        _, made = await begun(ask, ONE, lines("a", tools=[{"type": "image_generation", "model": "another"}]))
        assert made["errors"]["data"][0]["param"] == "body.model of tools"
        assert not server.requests
        assert (await ask(TOKEN, "POST", CHAT, {**HI, **more}))[0] == 200

    run(with_api(server.url), work, caller(ONE, (MODEL,)))


def test_a_key_that_a_provider_says_again_is_in_no_result_and_no_list(serve: Serve) -> None:
    class Telling(Both):
        def _look(self, job: dict[str, Any]) -> dict[str, Any]:
            return {**super()._look(job), "metadata": {"key": KEY}}

    def behave(connection: Connection, request: Received) -> None:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": request.key}}
        connection.reply(200, {"id": "x", "object": "chat.completion", "choices": [choice]})

    async def results(ask: Asked) -> None:
        made = await ended(ask, ONE, (await begun(ask, ONE, lines("a")))[1])
        _, found = await ask(ONE, "GET", f"/v1/files/{made['output_file_id']}/content")
        assert found["response"]["body"]["choices"][0]["message"]["content"] == "[key]"

    async def lists(ask: Asked) -> None:
        _, made = await begun(ask, ONE, lines("a"))
        for path in ("/v1/batches", f"/v1/batches/{made['id']}"):
            status, said = await ask(ONE, "GET", path)
            assert (status, KEY in json.dumps(said)) == (200, False), path
            assert "[key]" in json.dumps(said), path

    run(registry_of(serve(behave).url, model=MODEL), results)
    run(with_api(serve(Telling(row_of("openai"))).url), lists)


def test_half_a_character_is_no_failure_of_the_gateway(serve: Serve) -> None:
    def behave(connection: Connection, request: Received) -> None:
        text = {"type": "output_text", "text": "Hi", "annotations": []}
        said = {"type": "message", "role": "assistant", "content": [text], "id": HALF}
        connection.reply(200, {"id": HALF, "object": "response", "status": "completed", "output": [said]})

    async def work(ask: Asked) -> None:
        for method, path, body in (
            ("POST", "/v1/batches", {"input_file_id": HALF, "endpoint": CHAT}),
            ("POST", RESPONSES, {"model": MODEL, "input": "x", "previous_response_id": HALF}),
            ("GET", f"/v1/files/{HALF}", None),
            ("GET", f"/v1/inference/{HALF}", None),
        ):
            assert (await ask(ONE, method, path, body))[0] == 404, path
        assert (await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": "x"}))[0] == 200
        _, file = await ask.upload(ONE, lines("a"))
        asked = {"input_file_id": file["id"], "endpoint": CHAT, "metadata": {"a": HALF}}
        status, made = await ask(ONE, "POST", "/v1/batches", asked)
        assert (status, made["metadata"]) == (200, {"a": "?"})
        await ended(ask, ONE, made)

    run(registry_of(serve(behave).url, model=MODEL, speaks=("responses",)), work)


def multipart(content: bytes) -> bytes:
    """A form that uploads questions."""
    form = '--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x\r\n'
    form += 'Content-Disposition: form-data; name="file"; filename="q.jsonl"\r\n\r\n'
    return form.encode() + content + b"\r\n--x--\r\n"


class Waiting:
    """Answer, but from the fourth question on only when `go` is set."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), list[Received]()

    def __call__(self, connection: Connection, request: Received) -> None:
        self.asked.append(request)
        if len(self.asked) > 3:
            self.go.wait(PATIENCE)
        echo(connection, request)


class Batch:
    """A batch of a caller's, of a gateway that runs."""

    def __init__(self, gateway: Running, key: str, content: bytes) -> None:
        self.gateway, self._headers = gateway, {"Authorization": f"Bearer {key}"}
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        file = self._json("POST", "/v1/files", multipart(content), kind)
        self.id = self._json("POST", "/v1/batches", {"input_file_id": file["id"], "endpoint": CHAT})["id"]

    def _json(self, method: str, path: str, body: Any = None, more: Any = None) -> Any:
        return json.loads(self.gateway.ask(method, path, body, {**self._headers, **(more or {})})[2])

    @property
    def status(self) -> str:
        return str(self._json("GET", f"/v1/batches/{self.id}")["status"])


class Looked(dict[str, Caller]):
    """Callers, and how often one of them was looked up."""

    count = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.count += 1
        return super().get(key, default)


def test_a_running_batch_is_held_to_what_its_caller_may_now(serve: Serve) -> None:
    waiting = Waiting()

    async def work(ask: Asked) -> None:
        callers: Any = ask.gateway.callers
        looked = callers._callers = Looked(callers._callers)
        _, made = await begun(ask, ONE, lines(*map(str, range(60))))
        while len(waiting.asked) <= 3:
            await asyncio.sleep(0.02)
        looked[ONE] = caller(ONE, ("another",))
        count = looked.count
        while looked.count < count + 2:
            await asyncio.sleep(0.02)
        waiting.go.set()
        made = await ended(ask, ONE, made)
        assert made["request_counts"]["failed"] > 0
        assert len(waiting.asked) == made["request_counts"]["completed"] < 60

    run(registry_of(serve(waiting).url, model=MODEL), work, caller(ONE, (MODEL,)))


def test_a_batch_waits_while_nobody_can_tell_whose_it_is(start: Start, serve: Serve, tmp_path: Path) -> None:
    waiting = Waiting()
    url = serve(waiting).url
    gateway = start(url)
    key = Client(gateway).create("one", models=[MODEL])
    batch = Batch(gateway, key, lines(*map(str, range(10))))
    assert eventually(lambda: len(waiting.asked) > 3)
    gateway.process.kill()
    gateway.process.wait()
    waiting.go.set()
    (file,) = tmp_path.rglob("callers.sqlite")
    for tail in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{file}{tail}", f"{file}.aside{tail}")
    file.mkdir()  # which no program can read
    started = start(url)
    shown = json.loads(started.ask("GET", f"/v1/batches/{batch.id}")[2])
    assert shown["status"] == "in_progress"
    assert started.stop() == 0
    file.rmdir()
    for tail in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{file}.aside{tail}", f"{file}{tail}")
    batch.gateway = start(url)
    assert eventually(lambda: batch.status == "completed")


def test_a_registry_without_other_kinds_has_a_whole_list(serve: Serve) -> None:
    async def work(ask: Asked) -> None:
        status, said = await ask(ONE, "GET", "/v1/models?all=1")
        assert (status, [row["id"] for row in said["data"]]) == (200, [MODEL])

    run(registry_of(serve().url, model=MODEL), work)


def test_a_server_is_told_that_a_gateway_cannot_begin(serve: Serve) -> None:
    async def work(ask: Asked) -> None:
        told = list[dict[str, Any]]()
        base = ask.gateway.ids.database
        assert base is not None

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.startup"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        base.write(
            lambda connection: (
                connection.execute(
                    "INSERT INTO ids VALUES ('x', '', '', 'y', 1, 'batch', NULL, '', 'no JSON', 0, NULL)"
                ).rowcount
            )
        )
        await Application(ask.gateway)({"type": "lifespan"}, receive, send)
        assert [message["type"] for message in told] == ["lifespan.startup.failed"]

    run(registry_of(serve().url), work)


def test_no_accept_header_brings_a_key_that_a_provider_says_again(within: Callable[..., Inside], serve: Serve) -> None:
    said = json.dumps({"id": "x", "object": "response", "said": "%s"}).replace("%s", KEY).encode()

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream({"content-type": "audio/mpeg"})
        for at in range(len(said)):
            connection.chunk(said[at : at + 1])
        connection.end_stream()

    gateway = within(serve(behave).url)
    for path in ("/v1/audio/speech", "/v1/completions"):
        for accept in ({}, {"Accept": "application/octet-stream"}):
            body = {"model": "m", "input": "x", "voice": "a"}
            status, _, content = gateway.ask("POST", path, body, accept)
            assert KEY.encode() not in content, (path, accept)
            assert b"[key]" in content or status != 200, (path, accept, content)
    assert status == 200


@pytest.mark.parametrize("size", range(1, 30))
def test_pieces_are_whole_without_a_key(size: int) -> None:
    class Reply:
        class offer:
            api_key = KEY

    said = f"{KEY[:5]}. {KEY} .. {KEY} {KEY[:5]}".encode()
    clean = passed.Bytes(Reply)
    got = [clean.feed(said[at : at + size]) for at in range(0, len(said), size)]
    assert b"".join((*got, clean.rest())) == said.replace(KEY.encode(), b"[key]")


def test_a_key_that_was_revoked_is_not_a_way_past_its_limits_where_no_token_is_asked_for(
    start: Start, serve: Serve
) -> None:
    gateway = start(serve().url)
    client = Client(gateway)
    key = client.create("one", models=["another"])
    client.do("DELETE", "/admin/callers/one")
    gateway.stop()
    open_to_all = start(serve().url, args=["--no-token"])
    for token, status in ((key, 401), ("whatever", 200), ("", 200)):
        given = {"Authorization": f"Bearer {token}" if token else ""}
        assert open_to_all.ask("POST", CHAT, HI, given)[0] == status


def test_analytics_tell_of_chats_where_no_token_is_asked_for(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, args=["--no-token"], environ={"INFERENCE_PROVIDERS_LOG": "text"})
    nobody = {"Authorization": ""}
    for path in (CHAT, "/v1/inference"):
        assert gateway.ask("POST", path, HI, nobody)[0] == 200

    def told() -> bool:
        said = json.loads(gateway.ask("GET", "/v1/inference/analytics", None, nobody)[2])
        return bool(said["total_requests"] == 2)

    assert eventually(told)
