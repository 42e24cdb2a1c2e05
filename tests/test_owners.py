"""Ids lead back to whoever gave them: files, responses, batches and the like, by every client of a list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.calls.owners import Owners
from tests.conftest import async_list_of, list_of
from tests.servers import Behaviour, Connection, Received, Server, completion, status

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def response(one: str, status: str = "completed") -> dict[str, Any]:
    text = {"type": "output_text", "text": "hello", "annotations": []}
    item = {"type": "message", "id": f"msg_{one}", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": one, "object": "response", "created_at": 1, "model": "m", "status": status, "output": [item],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip


def keeper(name: str) -> Behaviour:
    """A provider that keeps things, and knows no id but its own, which end in its name."""

    def behave(connection: Connection, request: Received) -> None:
        where = request.path.removeprefix("/v1").partition("?")[0]
        parts = where.strip("/").split("/")
        foreign = [part for part in parts if "-of-" in part and not part.endswith(f"-of-{name}")]
        if foreign or (b"-of-" in request.body and f"-of-{name}".encode() not in request.body):
            connection.reply(404, {"error": {"message": f"no such thing: {foreign}"}})
        elif where.endswith("/chat/completions"):
            connection.reply(200, completion(name, request.json["model"]))
        elif parts[0] == "responses" and len(parts) == 1 and request.json.get("stream"):
            connection.start_stream()
            kept = response(f"resp-s-of-{name}")
            connection.event({"type": "response.created", "sequence_number": 0, "response": kept})
            connection.event({"type": "response.output_text.delta", "item_id": "i", "delta": name, "output_index": 0})
            connection.event({"type": "response.completed", "sequence_number": 2, "response": kept})
            connection.end_stream()
        elif parts[0] == "responses":
            connection.reply(
                200, {"object": "list", "data": []} if "input_items" in parts else response(f"resp-of-{name}")
            )
        else:
            one = next((part for part in parts if "-of-" in part), f"{parts[0]}-of-{name}")
            connection.reply(
                200, {"id": one, "object": parts[0], "status": "completed", "output_file_id": f"out-of-{name}"}
            )

    return behave


@pytest.fixture
def two(serve: Serve) -> tuple[openai.OpenAI, Server, Server]:
    """A client of two providers that keep things."""
    first, second = serve(keeper("one")), serve(keeper("two"))
    return list_of(first.url, second.url).client(), first, second


def paths(server: Server) -> list[str]:
    return [f"{request.method} {request.path.removeprefix('/v1')}" for request in server.asked]


def test_a_response_is_asked_for_where_it_is_kept(two: Any) -> None:
    client, first, second = two
    made = client.responses.create(model="p2/m", input="hi")
    client.responses.retrieve(made.id)
    client.responses.cancel(made.id)
    client.responses.input_items.list(made.id)
    client.responses.create(model="m", input="go on", previous_response_id=made.id)
    client.responses.create(input="go on", previous_response_id=made.id)
    client.responses.delete(made.id)
    assert first.asked == []
    assert len(second.asked) == 7
    assert [request.json["model"] for request in second.asked if request.path.endswith("/responses")] == [
        "m-internal"
    ] * 3


def test_so_is_one_that_was_streamed_also_where_the_stream_was_left(two: Any) -> None:
    client, first, second = two
    with client.responses.create(model="p2/m", input="hi", stream=True) as stream:
        made = next(iter(stream)).response
        next(iter(stream), None)
    client.responses.retrieve(made.id)
    assert first.asked == []
    assert paths(second) == ["POST /responses", f"GET /responses/{made.id}"]


def test_files_batches_and_vector_stores_stay_together(two: Any) -> None:
    client, first, second = two
    file = client.files.create(file=("a.jsonl", b"{}"), purpose="batch", extra_body={"model": "p2/m"})
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
    batch = client.batches.retrieve(batch.id)
    client.files.content(batch.output_file_id)
    client.files.content("out-of-two")
    store = client.vector_stores.create(file_ids=[file.id])
    client.vector_stores.files.create(vector_store_id=store.id, file_id=file.id)
    client.files.list(after=file.id)
    client.responses.create(model="m", input="hi", tools=[{"type": "file_search", "vector_store_ids": [store.id]}])
    client.fine_tuning.jobs.create(model="m", training_file=file.id)
    conversation = client.conversations.create(extra_body={"model": "p2/m"})
    client.responses.create(model="m", input="hi", conversation=conversation.id)
    client.responses.create(model="m", input="hi", conversation={"id": conversation.id})
    assert first.asked == []
    assert len(second.asked) == 13
    assert b'name="model"' not in second.asked[0].body
    assert "model" not in second.asked[1].json


def test_an_assistant_its_threads_and_their_runs_stay_together(two: Any) -> None:
    client, first, second = two
    with pytest.warns(DeprecationWarning):
        assistant = client.beta.assistants.create(model="p2/m")
        thread = client.beta.threads.create(extra_body={"model": "p2/m"})
        client.beta.threads.messages.create(thread.id, role="user", content="hi")
        run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, model="m")
        client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert first.asked == []
    assert [request.json.get("model") for request in second.asked[:4]] == ["m-internal", None, None, "m-internal"]
    assert {request.headers["openai-beta"] for request in second.asked} == {"assistants=v2"}


def test_a_chat_that_shows_a_file_goes_to_who_has_it(two: Any) -> None:
    client, first, second = two
    file = client.files.create(file=("a.pdf", b"%PDF"), purpose="user_data", extra_body={"model": "p2/m"})
    part = {"type": "file", "file": {"file_id": file.id}}
    for model in ("m", "auto", "default", "p2/m"):
        said = client.chat.completions.create(model=model, messages=[{"role": "user", "content": [part]}])
        assert said.choices[0].message.content == "two"
    assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "one"
    assert len(first.asked) == 1


def test_items_of_a_turn_bind_nobody_but_a_reference_to_one_does(two: Any) -> None:
    client, first, second = two
    made = client.responses.create(model="p2/m", input="hi")
    item = made.output[0].model_dump()
    client.responses.create(model="m", input=[item, {"role": "user", "content": "and"}], extra_headers={})
    assert paths(first) == ["POST /responses"]
    reference = {"type": "item_reference", "id": made.output[0].id}
    client.responses.create(model="m", input=[reference, {"role": "user", "content": "and"}])
    assert paths(second)[-1] == "POST /responses"


def test_what_two_providers_keep_is_not_mixed(two: Any) -> None:
    client, first, second = two
    mine = client.files.create(file=("a", b"{}"), purpose="batch", extra_body={"model": "p1/m"})
    other = client.vector_stores.create(extra_body={"model": "p2/m"})
    with pytest.raises(openai.BadRequestError, match="is at p"):
        client.vector_stores.files.create(vector_store_id=other.id, file_id=mine.id)
    with pytest.raises(openai.BadRequestError, match="Name a model of p2"):
        client.responses.create(
            model="p1/m", input="hi", tools=[{"type": "file_search", "vector_store_ids": [other.id]}]
        )
    assert len(first.asked) == len(second.asked) == 1


def test_an_id_that_nobody_gave_is_asked_of_one_after_the_other_and_then_known(two: Any) -> None:
    client, first, second = two
    for _ in range(2):
        assert client.batches.retrieve("batch-of-two").id == "batch-of-two"
    assert paths(first) == ["GET /batches/batch-of-two"]
    assert paths(second) == ["GET /batches/batch-of-two"] * 2


def test_all_clients_of_a_list_know_it_synchronous_or_not(serve: Serve) -> None:
    first, second = serve(keeper("one")), serve(keeper("two"))
    made = list_of(first.url, second.url)
    only, name = made.connect_to_model("m", provider="p2")
    file = only.files.create(file=("a", b"{}"), purpose="batch")
    asked = len(second.asked)

    async def main() -> None:
        async with made.async_client() as client:
            await client.files.retrieve(file.id)
            kept = await client.responses.create(model="p2/m", input="hi", stream=True)
            async for _ in kept:
                pass
            await client.responses.retrieve("resp-s-of-two")

    asyncio.run(main())
    assert first.asked == []
    assert len(second.asked) == asked + 3
    with list_of(first.url, second.url).client() as another, pytest.raises(openai.NotFoundError):
        another.files.retrieve("file-of-three")


@pytest.mark.parametrize("path", ["files", "batches", "files/file-1", "batches/batch-1"])
def test_what_says_no_model_is_asked_of_each_provider_once(serve: Serve, path: str) -> None:
    first, second = serve(status(404, {"error": {"message": "none here"}})), serve(status(404, None))
    priority = ["m", "n", "o"]
    client = list_of(first.url, second.url, more={"n": "n-1", "o": "o-1"}, priority=priority).client()
    with client, pytest.raises(openai.NotFoundError):
        client.get(f"/{path}", cast_to=object)
    assert len(first.asked) == 1
    assert len(second.asked) <= 1


def test_a_provider_cannot_draw_requests_to_it_by_what_it_calls_a_thing(serve: Serve) -> None:
    def greedy(connection: Connection, request: Received) -> None:
        names = ["files", "responses", "user", "m", "hi", "chat", "completions", "content"]
        connection.reply(200, {"id": "files", "object": "list", "data": [{"id": name} for name in names]})

    first, second = serve(keeper("one")), serve(greedy)
    with list_of(first.url, second.url).client() as client:
        client.files.create(file=("a", b"{}"), purpose="batch", extra_body={"model": "p2/m"})
        client.files.list()
        client.chat.completions.create(model="m", messages=MESSAGES)
        client.responses.create(model="m", input="hi")
    assert len(first.asked) == 3
    assert len(second.asked) == 1


class Somebody:
    """As much of an offer as the memory looks at."""

    def __init__(self, name: str) -> None:
        self.provider, self.endpoint = name, f"http://{name}"


def test_the_memory_is_bounded_and_the_newest_are_in_it() -> None:
    owners, who = Owners(kept=100), [Somebody("a"), Somebody("b")]
    for number in range(1000):
        owners.learn({"id": f"file-{number}"}, who[number % 2])  # type: ignore[arg-type]
    assert len(owners) == 100
    assert owners.of("/files/file-0", None) is None
    assert owners.of("/files/file-998", None) is who[0]  # type: ignore[comparison-overlap]
    assert owners.of("/files/file-999?x=1", None) is who[1]  # type: ignore[comparison-overlap]


def test_how_many_and_in_which_order_are_no_ids_whatever_a_server_calls_its_things() -> None:
    owners, who = Owners(), Somebody("a")
    owners.learn({"id": "20", "data": [{"id": "desc"}, {"id": "file-1"}]}, who)  # type: ignore[arg-type]
    assert owners.of("/files?limit=20&order=desc", None) is None
    for query in ("after=file-1", "limit=20&before=file-1", "file_id=file-1", "file_ids[]=file-1"):
        assert owners.of(f"/files?{query}", None) is who  # type: ignore[comparison-overlap]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10) | st.just("id"), inner, max_size=5)
    ),
    max_leaves=40,
)


@given(JSON, st.text(max_size=40))
def test_any_reply_can_be_learnt_and_any_request_looked_at(reply: Any, path: str) -> None:
    owners = Owners()
    owners.learn(reply, Somebody("a"))  # type: ignore[arg-type]
    body = reply if isinstance(reply, dict) else {"input": reply}
    found = owners.of(f"/{path}", body)
    assert found is None or found.provider == "a"
    one = reply.get("id") if isinstance(reply, dict) else None
    if isinstance(one, str) and one.isalnum() and one.isascii() and not one.isalpha():
        assert owners.of(f"/files/{one}", None) is not None


@given(st.integers(1, 64), st.integers(0, 400))
def test_an_id_in_a_stream_is_found_however_it_is_cut(size: int, before: int) -> None:
    event = {
        "type": "response.created",
        "pad": "x" * before,
        "response": {"id": "resp_0123456789", "object": "response"},
    }
    text = f"event: response.created\ndata: {json.dumps(event)}\n\n".encode()
    owners = Owners()
    ids = owners.stream(Somebody("a"))  # type: ignore[arg-type]
    for start in range(0, len(text), size):
        ids.feed(text[start : start + size])
    assert owners.of("/responses/resp_0123456789", None) is not None


def test_an_async_list_knows_its_ids_too(serve: Serve) -> None:
    first, second = serve(keeper("one")), serve(keeper("two"))

    async def main() -> None:
        async with async_list_of(first.url, second.url).client() as client:
            made = await client.responses.create(model="p2/m", input="hi")
            await client.responses.retrieve(made.id)

    asyncio.run(main())
    assert first.asked == []


@pytest.mark.parametrize("terms", [{"avoid": ["p1"]}, {"only": ["p2"]}])
def test_who_is_avoided_is_not_asked_for_what_it_made_either(serve: Serve, terms: dict[str, Any]) -> None:
    first, second = serve(keeper("one")), serve(keeper("two"))
    providers = list_of(first.url, second.url)
    made = providers.client().files.create(file=("a", b"x"), purpose="batch", extra_body={"model": "p1/m"}).id
    asked = len(first.asked)
    client = providers.client(**terms)
    calls: list[Callable[[], Any]] = [
        lambda: client.files.retrieve(made),
        lambda: client.responses.create(model="auto", input="x", previous_response_id=made),
        lambda: providers.client().responses.create(input="x", previous_response_id=made, extra_body=terms),
    ]
    for call in calls:
        with pytest.raises(openai.BadRequestError) as error:
            call()
        assert error.value.code == "provider_avoided"
    assert (len(first.asked), second.asked) == (asked, [])
