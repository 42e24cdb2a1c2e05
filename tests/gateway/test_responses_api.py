"""OpenAI's responses through the gateway, asked by the official SDK: translated, kept, or as they came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall
from pydantic import BaseModel

from inference_providers.gateway import kept_responses
from inference_providers.gateway.callers import Caller
from inference_providers.gateway.messages import Refused
from inference_providers.gateway.replies import Replies
from tests.conftest import registry_of
from tests.gateway.in_process import Asked, asked
from tests.gateway.inside import PATIENCE, TOKEN, Inside
from tests.running import Running
from tests.servers import Connection, Received, Server, completion, delta

Within = Callable[..., Inside]
Serve = Callable[..., Server]
PATH = "/v1/responses"
TOOL: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
NATIVE: dict[str, Any] = {
    "id": "resp_native", "object": "response", "created_at": 1, "status": "completed", "model": "m-internal",
    "output": [{"id": "msg_native", "type": "message", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "Native.", "annotations": []}]}],
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
}  # fmt: skip


def _client(gateway: Any, token: str = TOKEN) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=token, max_retries=0, timeout=PATIENCE)


def _native(*urls: str, of: str = "p1") -> dict[str, Any]:
    """A registry one of whose providers has responses as well."""
    registry = registry_of(*urls)
    registry["providers"][of]["connection"]["speaks"] = {"responses": {}}
    return registry


def _caller(id: str) -> Caller:
    return Caller(id, id)


def echo(connection: Connection, request: Received) -> None:
    """Behave: say how many turns have come, and what was said last."""
    turns = request.json["messages"]
    connection.reply(200, completion(f"{len(turns)}: {turns[-1]['content']}", request.json["model"]))


def whole(connection: Connection, request: Received) -> None:
    """Behave: a provider that has the responses API."""
    connection.reply(200, NATIVE)


def streams(*parts: dict[str, Any] | str, finish: str = "stop") -> Any:
    """Behave: a stream of these deltas, with its usage."""

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for part in parts:
            said = {"content": part} if isinstance(part, str) else part
            connection.event({"id": "c", "model": "m-internal", "choices": [{"index": 0, "delta": said}]})
        connection.event(delta(None, finish))
        usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
                 "prompt_tokens_details": {"cached_tokens": 5}}  # fmt: skip
        connection.event({"choices": [], "usage": usage})
        connection.event("[DONE]")
        connection.end_stream()

    return behave


def test_a_conversation_of_several_turns_is_kept_here(within: Within, serve: Serve) -> None:
    server = serve(echo)
    with _client(within(server.url)) as client:
        first = client.responses.create(model="m", input="one", instructions="Short.", metadata={"a": "b"})
        assert first.output_text == "2: one"
        second = client.responses.create(model="m", input="two", previous_response_id=first.id)
        assert (second.output_text, second.previous_response_id) == ("3: two", first.id)
        third = client.responses.create(model="m", input="three", previous_response_id=second.id, store=False)
        assert third.output_text == "5: three"
        sent = server.requests[-1]
        assert sent.path == "/v1/chat/completions"
        assert [turn["content"] for turn in sent.json["messages"]] == ["one", "2: one", "two", "3: two", "three"]
        assert client.responses.retrieve(first.id).to_dict() == first.to_dict()
        other = client.responses.create(model="m", input="other", previous_response_id=first.id)
        assert other.output_text == "3: other"  # from any of them, it goes on another way
        listed = client.responses.input_items.list(second.id, order="asc")
        assert [(item.type, item.content[0].text) for item in listed] == [  # type: ignore[union-attr]
            ("message", "one"), ("message", "2: one"), ("message", "two"),
        ]  # fmt: skip
        assert [len(page.data) for page in client.responses.input_items.list(second.id, limit=2).iter_pages()] == [2, 1]
        client.responses.delete(first.id)
        for gone in (first.id, second.id, third.id):  # deleted; what was before it is; not stored
            with pytest.raises(openai.NotFoundError, match="kept for 24 hours") as refused:
                client.responses.create(model="m", input="x", previous_response_id=gone)
            assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError, match="background"):
            client.responses.cancel(second.id)


def test_a_stream_is_translated_and_kept_before_it_ends(within: Within, serve: Serve) -> None:
    thought = {"reasoning_content": "Hm."}
    server = serve(streams(thought, "Hel", "lo."))
    ask: dict[str, Any] = {"model": "m", "input": "Hi", "reasoning": {"summary": "auto"}}
    with _client(within(server.url)) as client:
        with client.responses.stream(**ask) as stream:
            kinds = [event.type for event in stream]
            response = stream.get_final_response()
        assert response.output_text == "Hello."
        assert response.usage is not None and response.usage.input_tokens_details.cached_tokens == 5
        assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
        assert "response.reasoning_summary_text.delta" in kinds
        assert server.requests[0].json["stream_options"] == {"include_usage": True}
        for event in client.responses.create(model="m", input="on", previous_response_id=response.id, stream=True):
            last = event
        assert last.type == "response.completed"
        turns = server.requests[-1].json["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert client.responses.retrieve(response.id).output_text == "Hello."


def test_tools_are_called_and_answered(within: Within, serve: Serve) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}

    def behave(connection: Connection, request: Received) -> None:
        (streams({"tool_calls": [call]}, finish="tool_calls") if len(request.json["messages"]) == 1 else echo)(
            connection, request
        )

    server = serve(behave)
    with _client(within(server.url)) as client:
        with client.responses.stream(model="m", input="Look.", tools=[TOOL]) as stream:  # type: ignore[list-item]
            first = stream.get_final_response()
        (item,) = first.output
        assert isinstance(item, ResponseFunctionToolCall)
        assert (item.name, item.arguments, item.call_id) == ("look", '{"a": 1}', "c1")
        second = client.responses.create(
            model="m",
            previous_response_id=first.id,
            input=[{"type": "function_call_output", "call_id": "c1", "output": "seen"}],
        )
        assert second.output_text == "3: seen"
        with pytest.raises(openai.BadRequestError, match="c1"):  # a call without its output
            client.responses.create(model="m", previous_response_id=first.id, input="And?")


def test_a_program_that_keeps_its_own_history_gets_back_what_it_gave(within: Within, serve: Serve) -> None:
    """As Codex asks: nothing stored, always streams, reasoning comes back with what is to be handed on in it."""
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}]
    call = {"index": 0, "id": "c1", "function": {"name": "apply", "arguments": '{"input": "*** Begin"}'}}
    server = serve(streams({"reasoning_details": details, "reasoning": "Hm."}, "I look.", {"tool_calls": [call]}))
    ask: dict[str, Any] = {
        "model": "m", "instructions": "You code.", "stream": True, "store": False, "parallel_tool_calls": False,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k", "tool_choice": "auto",
        "tools": [{"type": "custom", "name": "apply", "description": "Patches.",
                   "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}],
    }  # fmt: skip
    given: list[Any] = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Rules."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    ]
    gateway = within(server.url)
    with _client(gateway) as client:
        raw = client.responses.with_raw_response.create(**ask, input=given)
        lost = {name.strip() for name in raw.headers["x-inference-lost"].split(",")}
        assert lost == {"tools.format", "prompt_cache_key"}
        done = [event.item for event in raw.parse() if event.type == "response.output_item.done"]  # type: ignore[attr-defined]
        assert [item.type for item in done] == ["reasoning", "message", "custom_tool_call"]
        assert done[2].input == "*** Begin"
        kept = [{name: value for name, value in item.to_dict().items() if name != "id"} for item in done]
        answer = {"type": "custom_tool_call_output", "call_id": "c1", "output": "Done."}
        list(client.responses.create(**ask, input=[*given, *kept, answer]))
    turns = server.requests[-1].json["messages"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "tool"]
    assert turns[0]["content"] == "You code.\n\nRules."
    assert turns[2]["content"] == "I look."
    assert json.loads(turns[2]["tool_calls"][0]["function"]["arguments"]) == {"input": "*** Begin"}
    assert turns[3] == {"role": "tool", "tool_call_id": "c1", "content": "Done."}


class Colour(BaseModel):
    name: str


def test_an_answer_in_a_form_is_read_by_the_sdk(within: Within, serve: Serve) -> None:
    def behave(connection: Connection, request: Received) -> None:
        asked_for = request.json["response_format"]["json_schema"]
        assert (asked_for["name"], asked_for["strict"]) == ("Colour", True)
        text = '{"name": "red"}'
        if request.streams:
            streams(text[:5], text[5:])(connection, request)
        else:
            connection.reply(200, completion(text, request.json["model"]))

    with _client(within(serve(behave).url)) as client:
        assert client.responses.parse(model="m", input="x", text_format=Colour).output_parsed == Colour(name="red")
        with client.responses.stream(model="m", input="x", text_format=Colour) as stream:
            assert stream.get_final_response().output_parsed == Colour(name="red")


def test_items_may_be_named_instead_of_sent(within: Within, serve: Serve) -> None:
    server = serve(echo)
    with _client(within(server.url)) as client:
        first = client.responses.create(model="m", input="one")
        named: Any = {"type": "item_reference", "id": first.output[0].id}
        user: Any = {"role": "user", "content": "two"}
        second = client.responses.create(model="m", input=[{"role": "user", "content": "one"}, named, user])
        assert second.output_text == "3: two"
        assert server.requests[-1].json["messages"][1]["content"] == "1: one"
        client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError, match="msg_"):
            client.responses.create(model="m", input=[named, user])


def test_an_item_that_is_named_again_and_again_is_read_once_and_has_an_end(
    within: Within, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, reads = within(serve(echo).url), list[str]()
    kept = gateway.gateway.responses
    find = kept.find
    with _client(gateway) as client:
        first = client.responses.create(model="m", input="one")
        named: Any = [{"type": "item_reference", "id": first.output[0].id}] * 50
        monkeypatch.setattr(kept, "find", lambda caller, id: (reads.append(id), find(caller, id))[1])
        client.responses.create(model="m", input=[*named, {"role": "user", "content": "two"}])
        assert reads == [first.id]
        monkeypatch.setattr(kept_responses, "MOST", 4000)
        with pytest.raises(openai.APIStatusError, match="too long") as refused:
            client.responses.create(model="m", input=named)
    assert refused.value.status_code == 413


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"previous_response_id": "resp_of_somebody"}, "resp_of_somebody"),
        ({"input": [{"type": "message", "role": "tool", "content": "x"}]}, r"input\.0\.role"),
    ],
)
def test_what_nobody_here_can_do_is_refused_in_words(
    within: Within, serve: Serve, more: dict[str, Any], words: str
) -> None:
    server = serve(echo)
    with _client(within(server.url)) as client, pytest.raises(openai.BadRequestError, match=words):
        client.responses.create(**{"model": "m", "input": "Hi", **more})
    assert server.asked == []


def test_a_stream_that_breaks_says_so_and_is_not_kept(within: Within, serve: Serve) -> None:
    def cut(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Hel"))
        connection.close()

    gateway = within(serve(cut).url)
    with _client(gateway) as client:
        events = list(client.responses.create(model="m", input="Hi", stream=True))
        last = events[-1]
        assert last.type == "response.failed"
        assert last.response.error is not None and "had come" in last.response.error.message
        assert [event.sequence_number for event in events] == list(range(len(events)))
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(last.response.id)


def run(registry: dict[str, Any], work: Any, *callers: Caller) -> None:
    async def all_of_it() -> None:
        async with asked(registry, *callers) as gateway:
            await work(gateway)

    asyncio.run(all_of_it())


def test_whoever_has_the_api_gets_a_request_as_it_came() -> None:
    raw = json.dumps({"model": "m", "input": "Hi", "tools": [{"type": "web_search"}], "x": 1}, indent=1).encode()

    async def work(ask: Asked) -> None:
        assert await ask(TOKEN, "POST", PATH, raw) == (200, NATIVE)
        sent = server.requests[0]
        assert (sent.path, sent.body) == (PATH, raw.replace(b'"m"', b'"m-internal"'))

    with Server(whole) as server:
        run(_native(server.url), work)


def test_a_response_of_a_provider_leads_back_to_it() -> None:
    async def work(ask: Asked) -> None:
        status, made = await ask("one", "POST", PATH, {"model": "p2/m", "input": "Hi"})
        assert (status, made["id"]) == (200, "resp_native")
        go_on = {"input": "on", "previous_response_id": "resp_native"}
        assert (await ask("one", "POST", PATH, go_on))[0] == 200
        assert native.requests[-1].json["previous_response_id"] == "resp_native"
        assert (await ask("one", "GET", f"{PATH}/resp_native"))[0] == 200
        assert native.requests[-1].path == f"{PATH}/resp_native"
        status, said = await ask("two", "POST", PATH, go_on)
        assert (status, said["error"]["code"]) == (404, "not_found")
        status, said = await ask("one", "POST", PATH, {**go_on, "model": "p1/m"})
        assert (status, said["error"]["code"]) == (400, "foreign_id")
        assert chat.requests == []

    with Server(echo) as chat, Server(whole) as native:
        run(_native(chat.url, native.url, of="p2"), work, _caller("one"), _caller("two"))


def test_a_conversation_that_began_here_goes_on_at_a_provider() -> None:
    async def work(ask: Asked) -> None:
        ids = {"include": ["reasoning.encrypted_content"]}
        status, made = await ask("one", "POST", PATH, {"model": "p1/m", "input": "one", **ids})
        assert status == 200
        assert [item["type"] for item in made["output"]] == ["reasoning", "message"]
        go_on = {"model": "p2/m", "input": "two", "previous_response_id": made["id"]}
        assert await ask("one", "POST", PATH, go_on) == (200, NATIVE)
        sent = native.requests[-1].json
        assert "previous_response_id" not in sent
        roles = [(item["role"], item.get("id")) for item in sent["input"]]
        assert roles == [("user", None), ("assistant", None), ("user", None)]  # no thoughts that only we can read
        replayed = {"model": "p2/m", "input": [{"role": "user", "content": "one"}, *made["output"]]}
        assert (await ask("one", "POST", PATH, replayed))[0] == 200
        assert [item["role"] for item in native.requests[-1].json["input"]] == ["user", "assistant"]
        status, said = await ask("two", "POST", PATH, go_on)
        assert (status, said["error"]["code"]) == (404, "previous_response_not_found")
        assert (await ask("two", "GET", f"{PATH}/{made['id']}"))[0] == 404
        assert (await ask("two", "DELETE", f"{PATH}/{made['id']}"))[0] == 404
        assert (await ask("one", "GET", f"{PATH}/{made['id']}"))[0] == 200

    def thinks(connection: Connection, request: Received) -> None:
        said = completion("1", request.json["model"])
        said["choices"][0]["message"]["reasoning_content"] = "Hm."
        connection.reply(200, said)

    with Server(thinks) as chat, Server(whole) as native:
        run(_native(chat.url, native.url, of="p2"), work, _caller("one"), _caller("two"))


def test_thoughts_that_a_provider_cannot_read_do_not_go_to_it_twice() -> None:
    """A conversation that began with another account: what that encrypted is refused, and left out."""
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}

    def behave(connection: Connection, request: Received) -> None:
        if any(item.get("type") == "reasoning" for item in request.json["input"]):
            why = {"message": "The encrypted content gAAA could not be verified.", "code": "invalid_encrypted_content"}
            connection.reply(400, {"error": {**why, "type": "invalid_request_error"}})
        else:
            whole(connection, request)

    async def work(ask: Asked) -> None:
        body = {"model": "m", "input": [{"role": "user", "content": "Hi"}, thought, said]}
        assert await ask(TOKEN, "POST", PATH, body) == (200, NATIVE)
        first, second = (request.json["input"] for request in server.requests)
        assert first == body["input"]
        assert [item.get("id") for item in second] == [None, None]  # it would have to have its thoughts before it

    with Server(behave) as server:
        run(_native(server.url), work)


def test_ids_of_a_native_stream_are_learnt() -> None:
    def behave(connection: Connection, request: Received) -> None:
        if not request.streams:
            whole(connection, request)
            return
        connection.start_stream()
        connection.event({"type": "response.created", "response": {**NATIVE, "status": "in_progress", "output": []}})
        connection.event({"type": "response.output_text.delta", "delta": "Native."})
        connection.event({"type": "response.completed", "response": NATIVE})
        connection.end_stream()

    async def work(ask: Asked) -> None:
        status, said = await ask("one", "POST", PATH, {"model": "m", "input": "Hi", "stream": True})
        assert status == 200 and b"response.completed" in said
        assert (await ask("one", "GET", f"{PATH}/resp_native"))[0] == 200
        assert (await ask("two", "GET", f"{PATH}/resp_native"))[0] == 404

    with Server(behave) as server:
        run(_native(server.url), work, _caller("one"), _caller("two"))


def test_a_kept_conversation_is_found_by_another_worker_and_after_a_restart(
    start: Callable[..., Running], serve: Serve
) -> None:
    server = serve(echo)
    ask: dict[str, Any] = {"model": "gpt-4o-mini", "input": "one"}
    gateway = start(server.url)
    with _client(gateway) as client:
        first = client.responses.create(**ask)
    gateway.stop()
    gateway = start(server.url, args=["--workers", "2"])
    for _ in range(4):  # whoever takes the connection
        with _client(gateway) as client:
            assert client.responses.create(**ask, previous_response_id=first.id).output_text == "3: one"


def test_what_is_used_is_kept_for_another_day_and_what_is_not_goes() -> None:
    moment = [0.0]
    kept = kept_responses.KeptResponses(Replies(None, clock=lambda: moment[0], seconds=10))
    new_id = kept_responses.ids()
    response = {"id": new_id("resp_"), "output": [{"type": "message", "id": new_id("msg_"), "role": "assistant"}]}
    assert kept.keep("one", response, [{"role": "user", "content": "x"}], new_id)
    (said, answered) = kept.history("one", str(response["id"]))
    assert kept_responses.is_ours(said["id"]) and kept.items("one", [str(said["id"])]) == {said["id"]: said}
    assert kept.items("one", [str(answered["id"])]) == {answered["id"]: answered}
    with pytest.raises(Refused, match="msg_"):
        kept.items("two", [str(answered["id"])])
    moment[0] = 9
    kept.history("one", str(response["id"]))
    moment[0] = 18
    assert kept.find("one", str(response["id"])) is not None
    moment[0] = 29
    with pytest.raises(Exception, match="kept for 24 hours"):
        kept.history("one", str(response["id"]))


def test_ids_of_other_kinds_are_not_taken_for_ours() -> None:
    new_id = kept_responses.ids()
    made = [new_id(prefix) for prefix in ("resp_", "msg_", "fc_", "rs_", "call_")]
    assert all(map(kept_responses.is_ours, made)) and len(set(made)) == 5
    assert not any(map(kept_responses.is_ours, ("resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "", None, 1)))


def test_a_deleted_caller_leaves_no_conversation(serve: Serve) -> None:
    server = serve(echo)

    async def work(ask: Asked) -> None:
        _, made = await ask("one", "POST", PATH, {"model": "m", "input": "secret words"})
        for removal in ask.gateway.removals():
            removal("one")
        assert (await ask("one", "GET", f"{PATH}/{made['id']}"))[0] == 404

    run(registry_of(server.url), work, _caller("one"))


def test_items_of_the_input_are_as_the_types_say(within: Within, serve: Serve) -> None:
    server = serve(echo)
    given: list[Any] = [
        {"role": "user", "content": [{"type": "input_text", "text": "x"},
                                     {"type": "input_image", "image_url": "data:image/png;base64,aGk="}]},
        {"role": "assistant", "content": "Yes."},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
    ]  # fmt: skip
    with _client(within(server.url)) as client:
        response = client.responses.create(model="m", input=given)
        listed = client.responses.input_items.list(response.id, order="asc").data
    types = ["message", "message", "reasoning", "function_call", "function_call_output"]
    assert [item.type for item in listed] == types
    assert all(item.id for item in listed)
    for item in listed:
        type(item).model_validate(item.to_dict(), strict=True)
    Response.model_validate(response.to_dict(), strict=True)


@pytest.mark.parametrize(
    ("path", "field"),
    [(PATH, "metadata"), (PATH, "reasoning"), ("/v1/messages", "metadata"), ("/v1/messages", "tools")],
)
def test_a_body_that_can_just_be_read_is_no_failure_of_the_gateway(path: str, field: str) -> None:
    """Python writes a little less of JSON in JSON than it reads, and the less, the deeper it is in calls itself."""

    async def work(ask: Asked) -> None:
        statuses = []
        for levels in range(900, 1001, 4):
            deep = b'{"a":' * levels + b"1" + b"}" * levels
            tool = b'[{"type": "custom", "name": "f", "input_schema": %s}]' % deep if field == "tools" else deep
            said = b'"input": "x", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]'
            status, found = await ask(
                TOKEN, "POST", path, b'{"model": "m", %s, "%s": %s}' % (said, field.encode(), tool)
            )
            statuses.append(status)
            assert status in (200, 400), (levels, found)
        assert statuses == sorted(statuses) and statuses[-1] == 400

    with Server(echo) as server:
        run(registry_of(server.url), work)


def test_headers_of_another_dialect_do_not_go_there() -> None:
    async def work(ask: Asked) -> None:
        scope = {"anthropic-beta": "b", "anthropic-version": "2023-06-01", "openai-beta": "responses=v1"}
        status, _ = await ask(TOKEN, "POST", PATH, {"model": "m", "input": "Hi"}, headers=scope)
        assert status == 200
        assert [name for name in server.requests[0].headers if "beta" in name or "anthropic" in name] == ["openai-beta"]

    with Server(whole) as server:
        run(_native(server.url), work)


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "image_generation", "model": "other"}]},
        {
            "input": [
                {"role": "user", "content": "Hi"},
                {"type": "additional_tools", "tools": [{"type": "x", "model": "y"}]},
            ]
        },
    ],
)
def test_a_tool_names_no_model_that_its_caller_may_not_ask(more: dict[str, Any]) -> None:
    async def work(ask: Asked) -> None:
        status, told = await ask("one", "POST", PATH, {"model": "m", "input": "Hi", **more})
        assert (status, told["error"]["code"], server.requests) == (400, "foreign_field", [])
        assert (await ask("two", "POST", PATH, {"model": "m", "input": "Hi", **more}))[0] == 200

    with Server(whole) as server:
        run(_native(server.url), work, Caller("one", "one", models=("m",)), Caller("two", "two"))


def test_a_stream_that_breaks_at_its_provider_ends_as_the_same_response() -> None:
    begun = {**NATIVE, "status": "in_progress", "output": []}
    words = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hel", "logprobs": []}

    def breaks(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"type": "response.created", "response": begun, "sequence_number": 0})
        connection.event({"type": "response.output_text.delta", **words, "sequence_number": 1})
        connection.close()

    async def work(ask: Asked) -> None:
        status, raw = await ask(TOKEN, "POST", PATH, {"model": "m", "input": "Hi", "stream": True})
        events = [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: ")]
        kinds = ["response.created", "response.output_text.delta", "response.failed"]
        assert (status, [event["type"] for event in events]) == (200, kinds)
        assert [event["sequence_number"] for event in events] == [0, 1, 2]
        assert events[0]["response"]["id"] == events[2]["response"]["id"]
        assert events[2]["response"]["error"]["code"] == "server_error"

    with Server(breaks) as server:
        run(_native(server.url), work)
