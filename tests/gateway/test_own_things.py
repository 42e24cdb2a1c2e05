"""What one caller has made is nobody else's, but for the administrator's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inference_providers import ProviderList
from inference_providers.batches.passing import takes_files
from inference_providers.gateway.callers import Caller
from inference_providers.gateway.named import may_name_ids
from inference_providers.offers.late_offers import offer_by
from inference_providers.registry.registry import bundled
from tests.batch_server import echo, prompts
from tests.conftest import ROOT, registry_of
from tests.gateway.conftest import TOKEN
from tests.gateway.in_process import Asked, asked
from tests.gateway.test_files import MODEL, Both, Gate, lines, row_of, with_api
from tests.servers import Server
from tests.test_owners import keeper, response

Serve = Callable[..., Server]
ONE, TWO = "caller-one", "caller-two"
RESPONSES, CHAT = "/v1/responses", "/v1/chat/completions"


def caller(id: str, models: tuple[str, ...] | None = None) -> Caller:
    made = Caller(id, id)
    made.models = models
    return made


def run(registry: dict[str, Any], work: Callable[[Asked], Coroutine[Any, Any, None]], *callers: Caller) -> None:
    """Have callers one and two ask a gateway."""

    async def all_of_it() -> None:
        async with asked(registry, *(callers or (caller(ONE), caller(TWO)))) as gateway:
            await work(gateway)

    asyncio.run(all_of_it())


def test_an_id_of_one_caller_is_not_there_for_another(serve: Serve) -> None:
    server = serve(keeper("one"))

    async def work(ask: Asked) -> None:
        _, made = await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": "hi"})
        one = made["id"]
        came = len(server.requests)
        for method, path, body in (
            ("GET", f"{RESPONSES}/{one}", None),
            ("DELETE", f"{RESPONSES}/{one}", None),
            ("POST", f"{RESPONSES}/{one}/cancel", None),
            ("GET", f"{RESPONSES}/{one}/input_items?limit=2", None),
            ("POST", RESPONSES, {"model": MODEL, "input": "go on", "previous_response_id": one}),
            ("POST", RESPONSES, b'{"model": "%s", "input": "x", "previous_\\u0072esponse_id": "%s"}' % (
                MODEL.encode(), one.encode())),
            ("POST", RESPONSES, {"model": MODEL, "input": [{"type": "item_reference", "id": one}]}),
            ("POST", CHAT, {"model": MODEL, "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_id": one}}]}]}),
            ("GET", f"{RESPONSES}/never-made", None),
            ("POST", CHAT, {"model": MODEL, "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_id": "made-elsewhere"}}]}]}),
        ):  # fmt: skip
            status, said = await ask(TWO, method, path, body)
            assert (status, said["error"]["code"]) == (404, "not_found"), (path, said)
        part = {"type": "file", "file": {"file_id": one}}
        many = {"model": MODEL, "messages": [{"role": "user", "content": [part]}], "x": [[]] * 250_000}
        status, said = await ask(TWO, "POST", CHAT, many)
        assert (status, said["error"]["code"]) == (400, "too_many_values")
        asked_so = {"model": MODEL, "messages": [{"role": "user", "content": [part]}]}
        assert (await ask(TWO, "POST", "/v1/inference", asked_so))[0] == 404
        assert len(server.requests) == came  # no provider has heard of it
        for token in (ONE, TOKEN):
            assert (await ask(token, "GET", f"{RESPONSES}/{one}"))[0] == 200
            go_on = {"model": MODEL, "input": "go on", "previous_response_id": one}
            assert (await ask(token, "POST", RESPONSES, go_on))[0] == 200
        assert (await ask(TOKEN, "GET", f"{RESPONSES}/made-elsewhere-of-one"))[0] == 200

    run(registry_of(server.url, model=MODEL, speaks=("responses",)), work)


def test_no_spelling_of_a_body_hides_an_id(serve: Serve) -> None:
    made = iter(f"resp-{number}" for number in range(10_000))
    server = serve(lambda connection, request: connection.reply(200, response(next(made))))
    asked: dict[str, Any] = {"model": MODEL, "input": "x", "previous_response_id": "resp-0"}
    text = json.dumps(asked)
    deep = ["[" * levels + "]" * levels for levels in range(800, 1000)]  # at some, one reader gives up before another
    bodies: list[tuple[Any, str]] = [
        *(
            (text.encode(code), "application/json")
            for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32")
        ),
        *((f'{text[:-1]}, "x": {levels}}}'.encode(), "application/json") for levels in deep),
        (text.encode(), "application/JSON"),
        (text.encode(), "Application/Json; charset=utf-16"),
        (text.encode("utf-8-sig"), "application/json"),
        (f'{text[:-1]}, "previous_response_id": null}}'.encode(), "application/json"),
        (f'{{"previous_response_id": "resp-0", {text.replace("resp-0", "x")[1:]}'.encode(), "application/json"),
        ({"model": MODEL, "input": [{"id": "resp-0"}]}, "application/json"),
        ({"model": MODEL, "input": [{"type": None, "id": "resp-0"}]}, "application/json"),
    ]

    async def work(ask: Asked) -> None:
        assert (await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": "hi"}))[1]["id"] == "resp-0"
        for body, kind in bodies:
            status, said = await ask(TWO, "POST", RESPONSES, body, kind)
            assert status in (400, 404), (body, kind, said)
        assert len(server.requests) == 1
        assert (await ask(TWO, "POST", RESPONSES, {"model": MODEL, "input": "hi"}))[1]["id"] == "resp-1"
        query = "&".join(["a=1"] * 150)
        assert (await ask(TWO, "GET", f"{RESPONSES}/resp-1/input_items?{query}"))[0] == 200
        assert (await ask(TWO, "GET", f"{RESPONSES}/resp-1/input_items?{query}&after=resp-0"))[0] == 404
        assert (await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": [{"id": "resp-0"}]}))[0] == 200

    run(registry_of(server.url, model=MODEL, speaks=("responses",)), work)


def test_ids_of_a_stream_are_its_callers(serve: Serve) -> None:
    server = serve(keeper("one"))

    async def work(ask: Asked) -> None:
        status, said = await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": "hi", "stream": True})
        assert (status, b"resp-s-of-one" in said) == (200, True)
        assert (await ask(TWO, "GET", f"{RESPONSES}/resp-s-of-one"))[0] == 404
        assert (await ask(ONE, "GET", f"{RESPONSES}/resp-s-of-one"))[0] == 200

    run(registry_of(server.url, model=MODEL, speaks=("responses",)), work)


def test_a_plain_chat_neither_reads_nor_writes_the_file_of_ids(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo)

    async def work(ask: Asked) -> None:
        call = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]}
        turns = [{"role": "user", "content": "hi"}, call, {"role": "tool", "tool_call_id": "c", "content": "x"}]
        assert (await ask(ONE, "POST", CHAT, {"model": MODEL, "messages": turns}))[0] == 200
        (before,) = (tmp_path / "state" / "inference_providers").glob("gateway-ids.db")
        assert ask.gateway.ids.database is not None
        seen: list[str] = []
        connection: Any = ask.gateway.ids.database._connection
        connection.set_trace_callback(seen.append)
        assert (await ask(ONE, "POST", CHAT, {"model": MODEL, "messages": turns}))[0] == 200
        assert not seen
        assert before.exists()

    run(registry_of(server.url, model=MODEL), work)


def test_lists_are_of_ones_own_things_by_pages(serve: Serve) -> None:
    server = serve(echo)

    async def listed(ask: Asked, token: str, query: str = "") -> tuple[list[str], bool]:
        status, said = await ask(token, "GET", f"/v1/files{query}")
        assert status == 200, said
        return [one["id"] for one in said["data"]], said["has_more"]

    async def work(ask: Asked) -> None:
        own = [(await ask.upload(ONE, lines(str(number))))[1]["id"] for number in range(3)]
        other = (await ask.upload(TWO, lines("x")))[1]["id"]
        assert await listed(ask, ONE) == (own[::-1], False)
        assert await listed(ask, ONE, "?limit=2") == (own[:0:-1], True)
        assert await listed(ask, ONE, f"?limit=2&after={own[1]}") == ([own[0]], False)
        assert await listed(ask, ONE, "?order=asc&limit=1") == ([own[0]], True)
        assert await listed(ask, ONE, "?purpose=vision") == ([], False)
        assert await listed(ask, TWO) == ([other], False)
        assert await listed(ask, TOKEN) == ([other, *own[::-1]], False)
        assert (await ask(TWO, "GET", f"/v1/files?after={other}&limit=x"))[0] == 400
        assert (await ask(TWO, "GET", f"/v1/files?after={own[0]}"))[0] == 404
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            assert (await ask(TWO, method, f"/v1/files/{own[0]}{path}"))[0] == 404
        batch = {"input_file_id": own[0], "endpoint": CHAT, "completion_window": "24h"}
        assert (await ask(TWO, "POST", "/v1/batches", batch))[0] == 404
        _, made = await ask(ONE, "POST", "/v1/batches", batch)
        assert (await ask(TWO, "GET", f"/v1/batches/{made['id']}"))[0] == 404
        assert (await ask(TWO, "POST", f"/v1/batches/{made['id']}/cancel"))[0] == 404
        assert (await ask(TWO, "GET", "/v1/batches"))[1]["data"] == []
        assert [one["id"] for one in (await ask(TOKEN, "GET", "/v1/batches"))[1]["data"]] == [made["id"]]
        assert not [name for name in made if name.startswith("_")]

    run(registry_of(server.url, model=MODEL), work)


def test_a_batch_at_a_provider_is_its_callers_whoever_looks_at_it(serve: Serve) -> None:
    jobs = Both(row_of("openai"))
    server = serve(jobs)

    async def work(ask: Asked) -> None:
        file = (await ask.upload(ONE, lines("a")))[1]["id"]
        _, made = await ask(ONE, "POST", "/v1/batches", {"input_file_id": file, "endpoint": CHAT})
        assert made["id"] == "job-1"
        path = f"/v1/batches/{made['id']}"
        for _ in range(3):
            _, said = await ask(TOKEN, "GET", path)  # the administrator sees first what has come of it
        assert said["status"] == "completed"
        output = f"/v1/files/{said['output_file_id']}/content"
        assert (await ask(TWO, "GET", output))[0] == 404
        assert (await ask(ONE, "GET", output))[0] == 200
        assert (await ask(TWO, "GET", path))[0] == 404
        assert (await ask(TWO, "GET", "/v1/files/in-1"))[0] == 404  # the provider's copy
        _, said = await ask(ONE, "GET", "/v1/batches")
        assert [(one["id"], one["status"], one["input_file_id"]) for one in said["data"]] == [
            ("job-1", "completed", file)
        ]
        jobs.jobs["job-2"] = {"id": "job-2", "status": "completed"}
        _, said = await ask(TOKEN, "GET", "/v1/batches?provider=p1")
        assert [one["id"] for one in said["data"]] == ["job-2", "job-1"]  # what nobody has made here, too
        assert (await ask(ONE, "GET", "/v1/batches?provider=p1"))[0] == 403
        assert (await ask(ONE, "GET", "/v1/batches/job-2"))[0] == 404
        _, said = await ask(ONE, "GET", "/v1/batches")
        assert [one["id"] for one in said["data"]] == ["job-1"]

    run(with_api(server.url), work)


def test_lines_may_name_ones_own_things_and_models_only(serve: Serve) -> None:
    server = serve(echo)

    async def problems(ask: Asked, token: str, content: bytes) -> list[Any]:
        file = (await ask.upload(token, content))[1]["id"]
        _, made = await ask(token, "POST", "/v1/batches", {"input_file_id": file, "endpoint": CHAT})
        return [problem["code"] for problem in (made["errors"] or {"data": []})["data"]]

    async def work(ask: Asked) -> None:
        own = (await ask.upload(ONE, b"x"))[1]["id"]
        part = lines("a").replace(
            b'"content": "a"', b'"content": [{"type": "file", "file": {"file_id": "%s"}}]' % own.encode()
        )
        assert json.loads(part)["body"]["messages"][0]["content"][0]["file"] == {"file_id": own}
        assert await problems(ask, TWO, part) == ["not_found"]
        assert await problems(ask, TWO, lines("a", model="p1/m2")) == ["model_not_found"]
        assert await problems(ask, TWO, lines("a", model=None)) == []  # the first of all is one of its own
        assert await problems(ask, TWO, lines("a")) == []

    registry = registry_of(server.url, model=MODEL)
    registry["providers"]["p1"]["model_names"]["m2"] = "m2-internal"
    run(registry, work, caller(ONE), caller(TWO, (MODEL,)))


def test_a_callers_files_have_a_limit(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo)

    async def work(ask: Asked) -> None:
        ask.gateway.files.most_bytes = 2000
        kept = await ask.upload(ONE, b"x" * 1500)
        assert kept[0] == 200
        status, said = await ask.upload(ONE, b"x" * 600)
        assert (status, said["error"]["code"]) == (413, "storage_full")
        assert (await ask.upload(TWO, b"x" * 600))[0] == 200
        assert (await ask(ONE, "DELETE", f"/v1/files/{kept[1]['id']}"))[1]["deleted"] is True
        assert (await ask.upload(ONE, b"x" * 600))[0] == 200
        assert len(list((tmp_path / "state" / "inference_providers" / "gateway-files").iterdir())) == 2
        assert not prompts(server.requests)

    run(registry_of(server.url, model=MODEL), work)


def test_files_are_kept_for_so_many_days(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo)
    folder = tmp_path / "state" / "inference_providers" / "gateway-files"

    async def work(ask: Asked) -> None:
        ask.gateway.files.days = 0.0
        _, made = await ask.upload(ONE, lines("a"))
        assert (await ask(ONE, "GET", f"/v1/files/{made['id']}"))[0] == 404
        assert [path.name for path in folder.iterdir()] == [made["id"]]

    async def later(ask: Asked) -> None:
        assert not list(folder.iterdir())
        assert (await ask(ONE, "GET", "/v1/files"))[1]["data"] == []

    run(registry_of(server.url, model=MODEL), work)
    run(registry_of(server.url, model=MODEL), later)


def test_a_budget_holds_in_a_batch_which_is_asked_directly(serve: Serve) -> None:
    jobs = Both(row_of("openai"))
    server = serve(jobs)

    async def ended(ask: Asked, token: str) -> Any:
        file = (await ask.upload(token, lines("a")))[1]["id"]
        _, made = await ask(token, "POST", "/v1/batches", {"input_file_id": file, "endpoint": CHAT})
        while made["status"] not in ("completed", "failed"):
            await asyncio.sleep(0.02)
            _, made = await ask(token, "GET", f"/v1/batches/{made['id']}")
        return made

    async def work(ask: Asked) -> None:
        made = await ended(ask, ONE)
        assert made["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
        _, said = await ask(ONE, "GET", f"/v1/files/{made['error_file_id']}/content")
        assert said["error"]["code"] == "BudgetExceededError"
        assert not prompts(server.requests)
        made = await ended(ask, TWO)
        assert made["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
        assert (prompts(server.requests), jobs.uploads) == (["a"], 0)

    registry = with_api(server.url)
    registry["providers"]["p1"]["facts"] = {f"{MODEL}-internal": [8000, 1000, 1.0, 2.0]}
    run(registry, work, Caller(ONE, ONE, budget=0.0), Caller(TWO, TWO, budget=5.0))


def test_a_batch_ends_with_its_callers_key(serve: Serve) -> None:
    gate = Gate(0)
    server = serve(gate)
    made: list[str] = []

    async def work(ask: Asked) -> None:
        file = (await ask.upload(ONE, lines("a")))[1]["id"]
        _, said = await ask(ONE, "POST", "/v1/batches", {"input_file_id": file, "endpoint": CHAT})
        made.append(said["id"])
        while not gate.came:
            await asyncio.sleep(0.02)

    async def later(ask: Asked) -> None:
        status = ""
        while status != "cancelled":
            await asyncio.sleep(0.02)
            status = (await ask(TOKEN, "GET", f"/v1/batches/{made[0]}"))[1]["status"]
        assert gate.came == 1

    run(registry_of(server.url, model=MODEL), work)
    gate.open.set()
    run(registry_of(server.url, model=MODEL), later, caller(TWO))


def test_what_a_batch_may_ask_for_is_checked(serve: Serve) -> None:
    server = serve(echo)

    async def work(ask: Asked) -> None:
        file = (await ask.upload(ONE, lines("a")))[1]["id"]
        for wrong in ({"completion_window": "8d"}, {"completion_window": 24}, {"metadata": "x"}, {"endpoint": "/v1/x"}):
            body = {"input_file_id": file, "endpoint": CHAT, **wrong}
            status, said = await ask(ONE, "POST", "/v1/batches", body)
            assert (status, said["error"]["param"]) == (400, next(iter(wrong)))
        assert (await ask(ONE, "POST", "/v1/batches", {"endpoint": CHAT}))[0] == 400
        assert (await ask(ONE, "GET", "/v1/batches"))[1]["data"] == []

    run(registry_of(server.url, model=MODEL), work)


def test_vector_stores_and_conversations_are_ones_own(serve: Serve) -> None:
    server = serve(keeper("one"))

    async def work(ask: Asked) -> None:
        for kind in ("vector_stores", "conversations"):
            _, made = await ask(ONE, "POST", f"/v1/{kind}", {"name": "x"})
            path = f"/v1/{kind}/{made['id']}"
            assert (await ask(ONE, "GET", path))[0] == 200
            assert (await ask(TWO, "GET", path))[0] == 404
            assert (await ask(TWO, "DELETE", path))[0] == 404
        _, said = await ask(ONE, "GET", "/v1/vector_stores")
        assert [one["id"] for one in said["data"]] == ["vector_stores-of-one"]
        assert (await ask(TWO, "GET", "/v1/vector_stores"))[1]["data"] == []
        search = {
            "model": MODEL,
            "input": "x",
            "tools": [{"type": "file_search", "vector_store_ids": ["vector_stores-of-one"]}],
        }
        assert (await ask(ONE, "POST", RESPONSES, search))[0] == 200
        assert (await ask(TWO, "POST", RESPONSES, search))[0] == 404
        talk = {"model": MODEL, "input": "x", "conversation": {"id": "conversations-of-one"}}
        assert (await ask(ONE, "POST", RESPONSES, talk))[0] == 200
        assert (await ask(TWO, "POST", RESPONSES, talk))[0] == 404

    run(registry_of(server.url, model=MODEL, speaks=("responses",)), work)


def test_what_a_caller_has_can_be_removed(serve: Serve, tmp_path: Path) -> None:
    server = serve(keeper("one"))

    async def work(ask: Asked) -> None:
        own = (await ask.upload(ONE, lines("a")))[1]["id"]
        other = (await ask.upload(TWO, lines("a")))[1]["id"]
        _, made = await ask(ONE, "POST", RESPONSES, {"model": MODEL, "input": "hi"})
        assert ask.gateway.files.purge(ONE) == 1
        assert (await ask(ONE, "GET", f"{RESPONSES}/{made['id']}"))[0] == 404
        assert (await ask(ONE, "GET", f"/v1/files/{own}"))[0] == 404
        assert (await ask(TWO, "GET", f"/v1/files/{other}"))[0] == 200
        kept = tmp_path / "state" / "inference_providers" / "gateway-files"
        assert [path.name for path in kept.iterdir()] == [other]

    run(registry_of(server.url, model=MODEL, speaks=("responses",)), work)


def test_a_batch_under_way_is_purged_with_its_caller(serve: Serve, tmp_path: Path) -> None:
    gate = Gate(1)
    server = serve(gate)
    kept = tmp_path / "state" / "inference_providers" / "gateway-files"

    async def work(ask: Asked) -> None:
        file = (await ask.upload(ONE, lines("a", "b", "c")))[1]["id"]
        _, said = await ask(ONE, "POST", "/v1/batches", {"input_file_id": file, "endpoint": CHAT})
        while said["request_counts"]["completed"] < 1:
            await asyncio.sleep(0.02)
            _, said = await ask(ONE, "GET", f"/v1/batches/{said['id']}")
        await asyncio.to_thread(ask.gateway.files.purge, ONE)
        while ask.gateway.batches._tasks:
            await asyncio.sleep(0.02)
        assert not list(kept.iterdir())
        assert ask.gateway.ids.find([file, said["id"]]) == []
        assert ask.gateway.ids.listed("file", None) == []

    run(registry_of(server.url, model=MODEL), work)
    gate.open.set()


def test_the_page_names_who_takes_a_file_as_it_came() -> None:
    registry = bundled()
    own = {pid: row for pid, row in registry.providers.items() if row.connection.get("batch") is not None}
    offers = {
        pid: offer_by(ProviderList(environ={}, local=False).pipeline.finder.accesses[pid], None, "m") for pid in own
    }
    taking = {own[pid].name for pid, offer in offers.items() if takes_files(offer, registry, 1, 1)}
    page = (ROOT / "docs" / "gateway-files.md").read_text()
    (row,) = re.findall(r"in OpenAI's form \((.*?)\)", page)
    assert {known for name in taking for known in row.split(", ") if name.startswith(known)} == set(row.split(", "))
    assert len(taking) == len(row.split(", "))


IDS = ("file_id", "vector_store_ids", "input_file", "conversation", "prompt", "container", "audio", "x_id", "files")
OTHERS = ("call_id", "tool_call_id", "content", "text", "ids", "conversations")


@given(
    st.dictionaries(st.sampled_from((*IDS, *OTHERS)), st.text(max_size=5) | st.just("item_reference"), max_size=4),
    st.booleans(),
)
def test_a_long_body_is_looked_at_as_a_short_one_is(fields: dict[str, str], escaped: bool) -> None:
    short = json.dumps({"messages": [fields]}, ensure_ascii=escaped).encode()
    long = json.dumps({"messages": [fields], "padding": "word " * 1000}, ensure_ascii=escaped).encode()
    assert may_name_ids(long) == may_name_ids(short)
