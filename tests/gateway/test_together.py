"""Where the gateway's parts meet: limits over reloads, files and batches, and what must leave none of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from inference_providers.gateway.callers import Caller
from tests.batch_server import echo
from tests.conftest import keys, registry_of
from tests.gateway.conftest import TOKEN
from tests.gateway.in_process import Asked
from tests.gateway.test_files import MODEL, Both, lines, row_of, with_api
from tests.gateway.test_own_things import CHAT, ONE, RESPONSES, caller, run
from tests.servers import Connection, Received, Server

Serve = Callable[..., Server]
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
        assert not server.requests
        assert (await ask(TOKEN, "POST", CHAT, {**HI, **more}))[0] == 200

    run(registry_of(server.url, model=MODEL), work, caller(ONE, (MODEL,)))


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

    run(registry_of(serve(behave).url, model=MODEL), work)
