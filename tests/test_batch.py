"""Batches: what goes in, what comes out, in which order, at what pace, and what is left after a kill."""

from __future__ import annotations

import asyncio
import csv
import gc
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import inference_providers
from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    NoCredentialsError,
    ProviderError,
    ProviderList,
    RateLimitError,
    UnknownModelError,
)
from inference_providers.batches.files import Output, Results
from inference_providers.batches.items import MalformedItemError, Reader
from inference_providers.routing.concurrency import FIRST, MOST, RISE
from tests.batch_server import echo, last, prompts
from tests.conftest import ROOT, async_list_of, keys, list_of, registry_of
from tests.servers import PATIENCE, Connection, Limiter, Received, Server, answer, completion, status

Serve = Callable[..., Server]
KINDS = ["sync", "async"]
SLOW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def run(kind: str, urls: str | list[str], questions: Any, models: Any = None, **options: Any) -> tuple[list[Any], Any]:
    """Results and summary of a batch, sync or async; with a file, those in the file."""
    endpoints = [urls] if isinstance(urls, str) else urls
    options.setdefault("progress", False)
    if kind == "sync":
        made = list_of(*endpoints).batch(questions, models, **options)
        return list(made), made.summary

    async def work() -> tuple[list[Any], Any]:
        made = async_list_of(*endpoints).batch(questions, models, **options)
        if options.get("out") is not None:
            await made
            return list(Results(options["out"])) if str(options["out"]).endswith("jsonl") else [], made.summary
        return [result async for result in made], made.summary

    return asyncio.run(work())


def texts(results: list[Any]) -> list[str | None]:
    return [str(result.answer) if result.ok else None for result in results]


def said(questions: Any) -> list[str]:
    return [f"re: {question}" for question in questions]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def written(path: Path, *rows: Any) -> Path:
    """A file of JSON lines; bytes go in as they are."""
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows) + b"\n")
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# Results


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_in_the_order_of_the_questions(serve: Serve, kind: str) -> None:
    questions = [f"q{number}" for number in range(60)]
    results, summary = run(kind, serve(echo).url, questions)
    assert texts(results) == said(questions)
    assert [result.index for result in results] == list(range(60))
    assert (summary.answered, summary.total, summary.input_tokens, summary.output_tokens) == (60, 60, 180, 60)


@SLOW
@given(order=st.permutations(range(7)))
def test_in_whatever_order_answers_come_results_are_in_order(serve: Serve, order: list[int]) -> None:
    came: list[int] = []
    turn = threading.Condition()

    def behave(connection: Connection, request: Received) -> None:
        number = int(last(request))
        with turn:
            assert turn.wait_for(lambda: len(came) == order.index(number), PATIENCE)
            came.append(number)  # before the last answer ends the batch
            echo(connection, request)
            turn.notify_all()

    results, _ = run("async", serve(behave).url, [str(number) for number in range(7)])
    assert came == order
    assert texts(results) == said(range(7))


@SLOW
@given(order=st.permutations(range(5)))
def test_as_completed_gives_them_as_they_came(serve: Serve, order: list[int]) -> None:
    results: list[Any] = []
    turn = threading.Condition()

    def behave(connection: Connection, request: Received) -> None:
        number = int(last(request))
        with turn:
            assert turn.wait_for(lambda: len(results) == order.index(number), PATIENCE)
        echo(connection, request)

    async def work() -> None:
        questions = [str(number) for number in range(5)]
        async for result in async_list_of(serve(behave).url).batch(questions, as_completed=True, progress=False):
            with turn:
                results.append(result)
                turn.notify_all()

    asyncio.run(work())
    assert [result.index for result in results] == order
    assert all(str(result.answer) == f"re: {result.index}" for result in results)


@pytest.mark.parametrize("kind", KINDS)
def test_one_failure_is_one_result_among_the_others(serve: Serve, kind: str) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "b":
            connection.reply(400, {"error": {"message": "b is not allowed"}})
        else:
            echo(connection, request)

    results, summary = run(kind, serve(behave).url, ["a", "b", "c"])
    assert texts(results) == ["re: a", None, "re: c"]
    assert isinstance(results[1].error, inference_providers.InvalidRequestError)
    with pytest.raises(inference_providers.InvalidRequestError):
        _ = results[1].answer
    assert (summary.answered, summary.failed) == (2, 1)
    assert "item 1: " in summary.problems[0]


@pytest.mark.parametrize("kind", KINDS)
def test_no_questions_no_results(serve: Serve, tmp_path: Path, kind: str) -> None:
    server = serve(echo)
    assert run(kind, server.url, [])[0] == []
    assert run(kind, server.url, [], out=tmp_path / "out.jsonl")[0] == []
    assert server.requests == []
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_equal_questions_are_each_answered(serve: Serve, tmp_path: Path) -> None:
    server = serve(echo)
    results, _ = run("sync", server.url, ["same"] * 5, out=tmp_path / "out.jsonl")
    assert texts(results) == ["re: same"] * 5
    assert len(server.asked) == 5


def test_an_item_may_name_its_own_model_and_an_unknown_one_fails_alone(serve: Serve) -> None:
    server = serve(echo)
    made = list_of(server.url, more={"other": "other-internal"})
    asked = [{"prompt": "a", "model": "other"}, {"prompt": "b", "model": "no-such-model-xyz"}, "c"]
    results = list(made.batch(asked, "m"))
    assert texts(results) == ["re: a", None, "re: c"]
    assert isinstance(results[1].error, UnknownModelError)
    assert sorted(request.json["model"] for request in server.asked) == ["m-internal", "other-internal"]


@pytest.mark.parametrize("model", [5, {"a": 1}, [5], [["m"]], [{}], [None], 1.5, True])
def test_a_model_that_is_no_name_fails_alone(serve: Serve, model: Any) -> None:
    results, _ = run("sync", serve(echo).url, [{"prompt": "a", "model": model}, "b"])
    assert texts(results) == [None, "re: b"]


def test_parameters_and_system_of_the_batch_and_of_the_item(serve: Serve) -> None:
    server = serve(echo)
    asked = [{"prompt": "a", "temperature": 0.5, "system": "Mine."}, "b"]
    run("sync", server.url, asked, system="Ours.", temperature=1, max_tokens=9, extra_body={"x": 1}, concurrency=1)
    first, second = (request.json for request in server.asked)
    assert (first["temperature"], first["messages"][0]["content"], first["x"]) == (0.5, "Mine.", 1)
    assert (second["temperature"], second["messages"][0]["content"], second["max_tokens"]) == (1, "Ours.", 9)


def test_a_schema_holds_for_every_item_and_a_misfit_is_sent_back_once(serve: Serve, tmp_path: Path) -> None:
    def behave(connection: Connection, request: Received) -> None:
        first = request.json["messages"][-1]["content"]
        text = '{"n": 1}' if first != "bad" else "no JSON"
        connection.reply(200, completion(text, "m-internal"))

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    server = serve(behave)
    results, _ = run("sync", server.url, ["a", "bad"], schema=schema, out=tmp_path / "out.jsonl")
    assert [result.answer.parsed for result in results] == [{"n": 1}, {"n": 1}]
    assert len(server.asked) == 3


def test_tools_are_called_in_a_batch(serve: Serve) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def behave(connection: Connection, request: Received) -> None:
        if request.json["messages"][-1]["role"] == "tool":
            return connection.reply(200, completion(last(request), "m"))
        call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return connection.reply(200, completion(None, message=message, finish_reason="tool_calls"))

    results, _ = run("sync", serve(behave).url, ["2 + 3?", "again"], tools=[add])
    assert texts(results) == ["5", "5"]


def test_a_conversation_may_be_an_item(serve: Serve) -> None:
    from inference_providers import Conversation, Message, Role

    asked = Conversation(messages=[Message(role=Role.USER, content="hi")], conversation_id="c1")
    results, _ = run("sync", serve(echo).url, [asked])
    assert (texts(results), results[0].custom_id) == (["re: hi"], "c1")


def test_the_module_has_a_batch_of_its_own(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-module-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", serve(echo).url)
    assert texts(list(inference_providers.batch(["a", "b"], "gpt-4o"))) == ["re: a", "re: b"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_error": "stop"}, "on_error"),
        ({"mode": "cheap"}, "mode"),
        ({"concurrency": 0}, "concurrency"),
        ({"requests_per_minute": -1}, "requests_per_minute"),
        ({"temperature": 7}, "temperature"),
        ({"mode": "provider"}, "out"),
    ],
)
def test_options_that_make_no_sense_are_refused(serve: Serve, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(list_of(serve(echo).url).batch(["a"], **options))


@pytest.mark.parametrize("wrong", ["one question", b"bytes", 5, None])
def test_what_is_no_list_of_questions_is_refused(serve: Serve, wrong: Any) -> None:
    with pytest.raises(TypeError, match="a batch takes"):
        list_of(serve(echo).url).batch(wrong)


def test_a_misspelled_option_is_refused(serve: Serve) -> None:
    with pytest.raises(TypeError, match="concurency"):
        list_of(serve(echo).url).batch(["a"], concurency=4)


# Sources


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_raises_is_an_error_and_what_was_answered_stays(serve: Serve, tmp_path: Path, kind: str) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"

    def source() -> Iterator[str]:
        yield from ("a", "b")
        raise LookupError("the database is gone")

    with pytest.raises(LookupError, match="database"):
        run(kind, server.url, source(), out=out)
    results, _ = run(kind, server.url, ["a", "b"], out=out)
    assert texts(results) == ["re: a", "re: b"]


def _until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize("kind", KINDS)
def test_questions_may_come_from_an_asynchronous_generator(serve: Serve, kind: str) -> None:
    async def source() -> AsyncIterator[str]:
        for number in range(20):
            await asyncio.sleep(0)
            yield f"q{number}"

    results, _ = run(kind, serve(echo).url, source(), concurrency=3)
    assert texts(results) == said(f"q{number}" for number in range(20))


def test_an_endless_source_may_be_left_and_nothing_stays_behind(serve: Serve) -> None:
    def source() -> Iterator[str]:
        number = 0
        while True:
            yield str(number)
            number += 1

    server = serve(echo)
    results = iter(list_of(server.url).batch(source()))
    assert str(next(results).answer) == "re: 0"
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "batch"]
    assert _until(lambda: not server._open)

    def no_more_is_asked() -> bool:  # though what was sent before may still be read
        asked = len(server.asked)
        time.sleep(0.2)
        return len(server.asked) == asked

    assert _until(no_more_is_asked)


def test_a_batch_may_be_forgotten_in_the_thread_that_works_for_it(serve: Serve) -> None:
    """As the collector of garbage does, which runs in any thread."""
    held: list[Iterator[Any]] = []
    begun, forgotten = threading.Event(), threading.Event()

    def slowly(connection: Connection, request: Received) -> None:
        time.sleep(0.02)
        echo(connection, request)

    def questions() -> Iterator[str]:
        for number in itertools.count():
            yield str(number)
            if begun.is_set() and held:
                held.clear()
                forgotten.set()

    server = serve(slowly)
    held.append(iter(list_of(server.url).batch(questions(), concurrency=2)))
    next(held[0])
    begun.set()
    assert forgotten.wait(PATIENCE)
    assert _until(lambda: not [thread for thread in threading.enumerate() if thread.name == "batch"])


def test_leaving_an_asynchronous_batch_ends_its_work_and_its_source(serve: Serve) -> None:
    ended = []

    async def source() -> AsyncIterator[str]:
        try:
            for number in range(1_000_000):
                yield str(number)
        finally:
            ended.append(True)

    async def work() -> int:
        loop, server = asyncio.get_running_loop(), serve(echo)
        async for _ in async_list_of(server.url).batch(source()):
            break
        assert await asyncio.to_thread(_until, lambda: bool(ended) and len(asyncio.all_tasks(loop)) <= 2)
        return len(server.asked)

    assert asyncio.run(work()) < 1_000_000
    assert ended == [True]


def test_leaving_an_asynchronous_batch_keeps_what_came(serve: Serve, tmp_path: Path) -> None:
    out, wrong = tmp_path / "out.jsonl", []

    async def work(server: Server) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
        results = async_list_of(server.url).batch([f"q{number}" for number in range(400)], out=out).__aiter__()
        assert str((await anext(results)).answer) == "re: q0"
        await results.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)

    asyncio.run(work(serve(echo)))
    gc.collect()
    assert wrong == []
    had = len(lines_of(out))
    assert had >= 1
    server = serve(echo)
    results, summary = run("sync", server.url, [f"q{number}" for number in range(400)], out=out)
    assert texts(results) == said(f"q{number}" for number in range(400))
    assert (len(server.asked), summary.resumed) == (400 - had, had)


def test_a_program_may_end_in_the_midst_of_a_batch(serve: Serve) -> None:
    server = serve(echo)
    program = f"results = iter({_made(server)}.batch(map(str, range(10**9)))); print(next(results).answer)"
    done = _python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "re: 0\n", "")


@pytest.mark.parametrize("with_file", [True, False])
def test_the_synchronous_batch_works_where_an_event_loop_runs(serve: Serve, tmp_path: Path, with_file: bool) -> None:
    made = list_of(serve(echo).url)
    out = tmp_path / "out.jsonl" if with_file else None

    async def notebook() -> list[Any]:
        return list(made.batch(["a", "b"], out=out))

    assert texts(asyncio.run(notebook())) == ["re: a", "re: b"]


@pytest.mark.parametrize("way", ["plain", "file", "notebook"])
def test_an_interrupt_ends_a_batch_at_once(serve: Serve, tmp_path: Path, way: str) -> None:
    reached = threading.Event()

    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "0":
            return echo(connection, request)
        reached.set()
        connection.hold()
        return None

    file = tmp_path / "out.jsonl"
    out = "" if way == "plain" else f", out={str(file)!r}"
    call = f"list({_made(serve(behave))}.batch(map(str, range(100)), concurrency=2{out}))"
    program = (
        f"async def main():\n    {call}\nasyncio.new_event_loop().run_until_complete(main())"
        if way == "notebook"
        else call
    )
    process = _start(program)
    assert reached.wait(PATIENCE)
    assert way == "plain" or _until(lambda: file.exists() and b"\n" in file.read_bytes())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE / 2)  # while the server would still keep it waiting
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    if way != "plain":
        assert [row["answer"] for row in lines_of(file)] == ["re: 0"]


def _made(*servers: Server) -> str:
    return f"list_of({', '.join(repr(server.url) for server in servers)})"


def _start(program: str) -> subprocess.Popen[str]:
    head = "import asyncio\nfrom pathlib import Path\nfrom tests.conftest import list_of\n"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", head + program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _python(program: str) -> subprocess.CompletedProcess[str]:
    process = _start(program)
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


# on_error="raise"


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_failure_is_raised_and_no_more_is_asked(serve: Serve, tmp_path: Path, kind: str) -> None:
    has_failed = threading.Event()

    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "q0":
            connection.reply(400, {"error": {"message": "q0 is bad"}})
            has_failed.set()
        else:
            assert has_failed.wait(PATIENCE)
            time.sleep(0.05)
            echo(connection, request)

    server, out = serve(behave), tmp_path / "out.jsonl"
    with pytest.raises(inference_providers.InvalidRequestError, match="q0 is bad"):
        run(kind, server.url, [f"q{number}" for number in range(2000)], on_error="raise", out=out)
    assert len(server.asked) <= 40  # what was on its way: the first sixteen, and little more
    assert len(lines_of(out)) == len(server.asked)


def test_a_failure_is_raised_though_the_source_is_silent(serve: Serve) -> None:
    async def source() -> AsyncIterator[str]:
        yield "bad"
        await asyncio.sleep(3600)

    async def work() -> None:
        async for _ in async_list_of(serve(status(400, {"error": "no"})).url).batch(source(), on_error="raise"):
            pass

    with pytest.raises(inference_providers.InvalidRequestError):
        asyncio.run(asyncio.wait_for(work(), PATIENCE))


# Output files


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_batch_asks_nothing_again(serve: Serve, tmp_path: Path, kind: str) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    first, _ = run(kind, server.url, ["a", "b"], out=out)
    before = out.read_bytes()
    again, summary = run(kind, server.url, ["a", "b"], out=out)
    assert texts(first) == texts(again) == ["re: a", "re: b"]
    assert (len(server.asked), summary.resumed, out.read_bytes()) == (2, 2, before)


@pytest.mark.parametrize("changed", [{"system": "Be brief."}, {"temperature": 0}, {"extra_body": {"x": 1}}])
def test_changed_settings_ask_anew(serve: Serve, tmp_path: Path, changed: dict[str, Any]) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    run("sync", server.url, ["a"], out=out)
    run("sync", server.url, ["a"], out=out, **changed)
    assert len(server.asked) == 2


def test_a_changed_schema_asks_anew(serve: Serve, tmp_path: Path) -> None:
    server, out = serve(lambda c, r: c.reply(200, completion('{"n": 1}'))), tmp_path / "out.jsonl"
    for least in (0, 1, 1):
        run("sync", server.url, ["a"], out=out, schema={"type": "object", "properties": {"n": {"minimum": least}}})
    assert len(server.asked) == 2


def test_without_resume_all_is_asked_again(serve: Serve, tmp_path: Path) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    for _ in range(2):
        results, _ = run("sync", server.url, ["a", "b"], out=out, resume=False)
        assert texts(results) == ["re: a", "re: b"]
    assert (len(server.asked), len(lines_of(out))) == (4, 2)


def test_what_failed_is_asked_again(serve: Serve, tmp_path: Path) -> None:
    out, broken = tmp_path / "out.jsonl", [True]

    def behave(connection: Connection, request: Received) -> None:
        if broken[0] and last(request) == "b":
            connection.reply(400, {"error": {"message": "no"}})
        else:
            echo(connection, request)

    server = serve(behave)
    first, _ = run("sync", server.url, ["a", "b"], out=out)
    assert not first[1].ok
    broken[0] = False
    again, _ = run("sync", server.url, ["a", "b"], out=out)
    assert texts(again) == ["re: a", "re: b"]
    assert prompts(server.asked[2:]) == ["b"]


@pytest.mark.parametrize("kind", KINDS)
def test_questions_put_in_between_do_not_shift_the_answers(serve: Serve, tmp_path: Path, kind: str) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    for questions in (["a", "b", "c"], ["x", "a", "b", "c"], ["c", "a"], ["a", "b", "c"]):
        results, _ = run(kind, server.url, questions, out=out)
        assert texts(results) == said(questions)
    assert sorted(prompts(server.asked)) == ["a", "b", "c", "x"]


@settings(SLOW, max_examples=40)
@given(data=st.data())
def test_whatever_is_left_of_a_file_nothing_is_asked_twice_and_nothing_is_lost(serve: Serve, data: Any) -> None:
    server = serve(echo)
    count = data.draw(st.integers(1, 8))
    questions = [data.draw(st.sampled_from(["a", "b", "c"])) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        run("async", server.url, questions, out=out)
        lines = sorted(out.read_bytes().splitlines(keepends=True), key=lambda line: json.loads(line)["index"])
        left = data.draw(st.permutations(lines))
        kept: list[str] = []
        parts: list[bytes] = []
        for line in left:
            fate = data.draw(st.sampled_from(["kept", "gone", "error", "garbage"]))
            row = json.loads(line)
            if fate == "kept":
                kept.append(row["answer"])
            failed = json.dumps({**row, "answer": None, "error": {"type": "E", "message": "m"}}).encode() + b"\n"
            parts.append({"kept": line, "gone": b"", "error": failed, "garbage": b"\xff{\r\n\n"}[fate])
        text = b"".join(parts)
        if kept and data.draw(st.booleans()):
            part = data.draw(st.integers(1, 99))  # in hundredths: how long a line is depends on how long its call took
            text += left[0][: max(1, len(left[0]) * part // 100)]  # cut by a kill
        if kept or not text:
            out.write_bytes(text)
            server.requests.clear()
            results, summary = run("async", server.url, questions, out=out)
            assert texts(results) == said(questions)
            assert sorted([*kept, *said(prompts(server.asked))]) == sorted(said(questions))
            assert summary.resumed == len(kept)


def test_lines_with_carriage_returns_are_taken_up(serve: Serve, tmp_path: Path) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    run("sync", server.url, ["a", "b"], out=out)
    out.write_bytes(out.read_bytes().replace(b"\n", b"\r\n"))
    results, _ = run("sync", server.url, ["a", "b"], out=out)
    assert (texts(results), len(server.asked)) == (["re: a", "re: b"], 2)


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("content", ["My only copy of a novel.\nIt is long.\n", '{"prompt": "a"}\n{"prompt": "b"}\n'])
def test_a_file_that_holds_something_else_is_not_taken_for_results(
    serve: Serve, tmp_path: Path, content: str, resume: bool
) -> None:
    out = tmp_path / "novel.jsonl"
    out.write_text(content)
    if resume:
        with pytest.raises(ValueError, match=r"novel\.jsonl"):
            run("sync", serve(echo).url, ["a"], out=out)
        assert out.read_text() == content
    else:
        run("sync", serve(echo).url, ["a"], out=out, resume=False)
        assert len(lines_of(out)) == 1


def test_the_input_is_never_the_output(serve: Serve, tmp_path: Path) -> None:
    file = written(tmp_path / "in.jsonl", "a", "b")
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"in\.jsonl"):
        run("sync", serve(echo).url, file, out=file, resume=False)
    assert file.read_bytes() == before


def test_a_missing_folder_a_folder_and_a_file_without_leave_are_refused_before_anything_is_asked(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(echo)
    with pytest.raises(FileNotFoundError):
        run("sync", server.url, ["a"], out=tmp_path / "no" / "out.jsonl")
    with pytest.raises(IsADirectoryError):
        run("sync", server.url, ["a"], out=tmp_path)
    sealed = tmp_path / "sealed.jsonl"
    sealed.touch(mode=0o400)
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            run("sync", server.url, ["a"], out=sealed)
    assert server.asked == []


def test_a_full_disk_ends_the_batch_with_an_error(serve: Serve, tmp_path: Path) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        f"{_made(server)}.batch(map(str, range(5000)), out={str(out)!r})"
    )
    done = _python(program)
    assert done.returncode == 1
    assert "OSError" in done.stderr
    assert "Exception in callback" not in done.stderr
    assert len(server.asked) < 1000
    results, _ = run("sync", server.url, map(str, range(100)), out=out)
    assert texts(results) == said(range(100))


@pytest.mark.parametrize("resume", [True, False])
def test_two_processes_do_not_write_to_one_file(serve: Serve, tmp_path: Path, resume: bool) -> None:
    reached, go = threading.Event(), threading.Event()

    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "1":
            reached.set()
            go.wait(PATIENCE)
        echo(connection, request)

    server, out = serve(behave), tmp_path / "out.jsonl"
    process = _start(f"{_made(server)}.batch(['0', '1', '2'], concurrency=1, out={str(out)!r})")
    assert reached.wait(PATIENCE)
    with pytest.raises(BlockingIOError, match="another process"):
        run("sync", server.url, ["0", "1", "2"], out=out, resume=resume)
    go.set()
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    assert texts(list(Results(out))) == ["re: 0", "re: 1", "re: 2"]
    assert len(server.asked) == 3


@pytest.mark.parametrize("after", [1, 60, 250])
def test_after_a_kill_nothing_finished_is_asked_again_and_nothing_is_lost(
    serve: Serve, tmp_path: Path, after: int
) -> None:
    def behave(connection: Connection, request: Received) -> None:
        time.sleep(0.002)
        echo(connection, request)

    server, out = serve(behave), tmp_path / "out.jsonl"
    process = _start(f"{_made(server)}.batch(map(str, range(300)), out={str(out)!r})")
    assert _until(lambda: out.exists() and out.read_bytes().count(b"\n") >= after)
    process.kill()
    process.communicate()
    finished = [row["answer"] for row in lines_of_whole(out)]
    server = serve(echo)  # what was on its way when it was killed may still come to the other
    results, summary = run("sync", server.url, map(str, range(300)), out=out)
    assert texts(results) == said(range(300))
    assert summary.resumed == len(finished)
    assert sorted([*finished, *said(prompts(server.asked))]) == sorted(said(range(300)))


def lines_of_whole(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_replies_that_cost_no_time_reach_the_file_as_well(tmp_path: Path) -> None:
    out, sizes = tmp_path / "out.jsonl", []

    def source() -> Iterator[str]:
        for number in range(2000):
            sizes.append(out.stat().st_size)
            yield str(number)

    ProviderList(mock={"*": "hi"}, local=False).batch(source(), "gpt-4o", out=out)
    assert sizes[-1] > 0
    assert len(lines_of(out)) == 2000


def test_a_result_read_from_a_file_says_what_the_first_one_did(serve: Serve, tmp_path: Path) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    facts = [[8000, 1000, 1.0, 2.0]]
    asked = [{"prompt": "ü\u2028\n", "custom_id": "x" * 5000}]
    live = next(iter(list_of(server.url, facts=facts).batch(asked)))
    kept = next(iter(list_of(server.url, facts=facts).batch(asked, out=out)))
    assert (kept.custom_id, str(kept.answer), kept.index) == (live.custom_id, str(live.answer), live.index)
    for name in ("provider", "model", "cost", "finish_reason", "tool_calls", "dropped", "parsed"):
        assert getattr(kept.answer, name) == getattr(live.answer, name)
    assert kept.answer.usage.input_tokens == live.answer.usage.input_tokens == 3
    assert kept.answer.messages[-1]["content"] == str(live.answer)


def test_an_awaited_batch_with_a_file_gives_all_its_results(serve: Serve, tmp_path: Path) -> None:
    async def work() -> list[Any]:
        made = async_list_of(serve(echo).url)
        await made.batch(["a"], out=tmp_path / "out.jsonl")
        done = await made.batch(["a", "b"], out=tmp_path / "out.jsonl")
        return [result async for result in done]

    assert texts(asyncio.run(work())) == ["re: a", "re: b"]


def test_to_await_a_batch_without_a_file_is_an_error(serve: Serve) -> None:
    async def work() -> None:
        await async_list_of(serve(echo).url).batch(["a"])

    with pytest.raises(ValueError, match="out="):
        asyncio.run(work())


# Input files


def test_malformed_lines_are_told_by_number_and_do_not_stop_the_rest(serve: Serve, tmp_path: Path) -> None:
    rows: list[Any] = ["first", b"{broken", b"", b"   ", b"\xff\xfe\x00", {"no": "prompt"}, 5, None, [], b"[" * 9999]
    server, out = serve(echo), tmp_path / "out.jsonl"
    results, summary = run("sync", server.url, written(tmp_path / "in.jsonl", *rows, {"prompt": "last"}), out=out)
    assert texts(results) == ["re: first", *[None] * 7, "re: last"]
    assert [result.line for result in results if not result.ok] == [2, 5, 6, 7, 8, 9, 10]
    assert (summary.malformed, summary.answered, len(server.asked)) == (7, 2, 2)
    assert summary.problems[0].startswith("line 2: not JSON")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["prompt", "messages", "body", "model", "models", "system", "role", "content", "url", "tools"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(values=st.lists(JSON, max_size=10))
def test_any_value_is_an_item_or_has_a_problem(values: list[Any]) -> None:
    reader = Reader(None, None, {}, {})
    for index, value in enumerate(values):
        item = reader.item(value, index)
        assert item.index == index
        assert item.problem or item.body["messages"]


@settings(SLOW, max_examples=40)
@given(bad=st.lists(JSON | st.binary(max_size=12), max_size=6), data=st.data())
def test_no_bad_item_ever_stops_the_rest(serve: Serve, bad: list[Any], data: Any) -> None:
    rows = [row.replace(b"\n", b"").replace(b"\r", b"") if isinstance(row, bytes) else row for row in bad]
    place = data.draw(st.integers(0, len(rows)))
    with tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder) / "in.jsonl", *rows[:place], "good", *rows[place:], "good as well")
        results, _ = run("async", serve(echo).url, file, as_completed=True)
    answers = [str(result.answer) for result in results if result.ok]
    assert {"re: good", "re: good as well"} <= set(answers)


def test_a_byte_order_mark_and_windows_lines_are_no_matter(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n"b"\r\n\r\n')
    results, _ = run("sync", serve(echo).url, file)
    assert texts(results) == ["re: a", "re: b"]


def test_half_a_character_fails_alone_or_is_sent(serve: Serve, tmp_path: Path) -> None:
    file = written(tmp_path / "in.jsonl", b'"\\ud800"', "b")
    results, _ = run("sync", serve(echo).url, file, out=tmp_path / "out.jsonl")
    assert str(results[1].answer) == "re: b"
    again, summary = run("sync", serve(echo).url, file, out=tmp_path / "out.jsonl")
    assert len(again) == 2
    assert summary.resumed >= 1


def test_lines_of_openai_are_answered_in_the_form_of_openai(serve: Serve, tmp_path: Path) -> None:
    def line(number: int, **more: Any) -> dict[str, Any]:
        body = {"model": "m", "messages": [{"role": "user", "content": f"q{number}"}], "max_tokens": 5}
        return {"custom_id": f"id-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, **more}

    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "q1":
            connection.reply(400, {"error": {"message": "no"}})
        else:
            echo(connection, request)

    file = written(tmp_path / "in.jsonl", line(0), line(1), line(2, url="/v1/embeddings"), line(0), line(4, body={}))
    server, out = serve(behave), tmp_path / "out.jsonl"
    results, _ = run("sync", server.url, file, out=out)
    assert [result.custom_id for result in results] == ["id-0", "id-1", "id-2", "id-0", "id-4"]
    assert texts(results) == ["re: q0", None, None, "re: q0", None]
    rows = {row["index"]: row for row in lines_of(out)}
    assert rows[0]["custom_id"] == "id-0"
    assert rows[0]["response"]["body"]["choices"][0]["message"]["content"] == "re: q0"
    assert (rows[0]["response"]["status_code"], rows[0]["error"]) == (200, None)
    assert rows[1]["response"]["status_code"] == 400
    assert rows[1]["error"]["message"]
    assert (rows[2]["response"], rows[2]["line"]) == (None, 3)
    _, summary = run("sync", server.url, file, out=out)
    assert summary.resumed == 2


CSV = 'id,prompt,note\n1,"Say ""hi"",\nplease",kept\n2,,empty\n3,plain,"a,b",too,many\n4,fine,""\n'


@pytest.mark.parametrize("kind", KINDS)
def test_csv_with_quotes_and_newlines_comes_back_with_answers(serve: Serve, tmp_path: Path, kind: str) -> None:
    (tmp_path / "in.csv").write_text(CSV)
    server, out = serve(echo), tmp_path / "out.csv"
    _, summary = run(kind, server.url, tmp_path / "in.csv", out=out)
    rows = table(out)
    assert [row["answer"] for row in rows] == ['re: Say "hi",\nplease', "", "", "re: fine"]
    notes = [("1", "kept"), ("2", "empty"), ("3", "a,b,too,many"), ("4", "")]
    assert [(row["id"], row["note"]) for row in rows] == notes
    assert [row["provider"] for row in rows] == ["p1", "", "", "p1"]
    assert "no prompt" in rows[1]["error"]
    assert "5 cells, 3 columns" in rows[2]["error"]
    assert (summary.answered, summary.malformed) == (2, 2)
    _, again = run(kind, server.url, tmp_path / "in.csv", out=out)
    assert (again.resumed, len(server.asked)) == (2, 2)


def test_rows_put_into_a_csv_file_later_keep_each_answer_in_its_row(serve: Serve, tmp_path: Path) -> None:
    server, file, out = serve(echo), tmp_path / "in.csv", tmp_path / "out.csv"
    for prompts_now in (["a", "b"], ["new", "a", "b"], ["b"], ["b", "a"]):
        file.write_text("prompt\n" + "\n".join(prompts_now) + "\n")
        run("sync", server.url, file, out=out)
        rows = table(out)
        assert [(row["prompt"], row["answer"]) for row in rows] == [(p, f"re: {p}") for p in prompts_now]
    assert len(server.asked) == 3


def test_a_long_cell_and_strange_bytes_do_not_stop_a_csv_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbfprompt\r\n" + b"x" * 200_000 + b"\r\n\xff\xfe\r\nlast\r\n")
    results, _ = run("sync", serve(echo).url, tmp_path / "in.csv", concurrency=1)
    assert len(results) == 3
    assert str(results[2].answer) == "re: last"


def test_csv_out_of_questions_that_were_in_no_file(serve: Serve, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run("sync", serve(echo).url, [{"prompt": "a", "custom_id": "x"}, "b"], out=out)
    rows = table(out)
    assert [(row["index"], row["custom_id"], row["answer"]) for row in rows] == [
        ("0", "x", "re: a"),
        ("1", "", "re: b"),
    ]


# Pace


@pytest.mark.parametrize("kind", KINDS)
def test_a_provider_that_refuses_many_at_once_is_slowed_to_what_it_takes(serve: Serve, kind: str) -> None:
    lock, now, most = threading.Condition(), [0], [0]

    def behave(connection: Connection, request: Received) -> None:
        with lock:
            now[0] += 1
            at_once = now[0]
            most[0] = max(most[0], at_once)
            lock.notify_all()
            lock.wait_for(lambda: most[0] > 4, PATIENCE)  # nobody is answered before too many are there
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        if at_once > 4:
            connection.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "0"})
        else:
            echo(connection, request)

    questions = [str(number) for number in range(120)]
    results, summary = run(kind, serve(behave).url, questions)
    assert texts(results) == said(questions)
    assert summary.failed == 0
    assert most[0] > 4  # it was tried


def test_a_storm_of_refusals_passes_and_every_item_is_answered(serve: Serve) -> None:
    calm, refused = threading.Event(), []

    def behave(connection: Connection, request: Received) -> None:
        if not calm.is_set():
            refused.append(1)
            if len(refused) >= 40:
                calm.set()
            connection.reply(429, {"error": {"message": "slow"}}, {"retry-after": "0.05"})
        else:
            echo(connection, request)

    results, _ = run("sync", serve(behave).url, [str(number) for number in range(100)])
    assert texts(results) == said(range(100))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("code", [429, 500, 503, 529])
def test_retries_end_whatever_the_failure_and_all_are_told(serve: Serve, code: int, retries: int, kind: str) -> None:
    server = serve(status(code, {"error": {"message": "busy"}}))
    results, _ = run(kind, server.url, ["a"], max_retries=retries)
    assert len(server.asked) == retries + 1
    error = results[0].error
    assert len(error.attempts) == retries + 1
    told = f"; {retries + 1} attempts at p1/m-internal, all alike" if retries else ""
    assert str(error) == f"p1: busy (HTTP {code}){told}"


def test_every_attempt_of_a_long_wait_is_told(serve: Serve) -> None:
    numbers = itertools.count(1)

    def busy(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": f"busy, says try {next(numbers)}"}})

    server = serve(busy)
    error = run("sync", server.url, ["a"], max_retries=20)[0][0].error
    assert isinstance(error, RateLimitError)
    assert len(error.attempts) == len(server.asked) == 21
    assert "21 attempts, of which the last 12:" in str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", ["no such path", {"message": "Unexpected endpoint or method."}, {"code": "odd"}])
def test_an_error_in_a_good_reply_is_a_failure_and_not_waited_for(serve: Serve, error: Any, kind: str) -> None:
    server = serve(status(200, {"error": error}))
    results, summary = run(kind, server.url, ["a"])
    assert summary.failed == 1
    assert len(server.asked) <= 2
    assert not isinstance(results[0].error, RateLimitError)


@pytest.mark.parametrize("given", [-1, 1.5, True, "3"])
def test_retries_are_a_number(given: Any) -> None:
    with pytest.raises(ValueError, match="max_retries"):
        ProviderList(mock={"m": "x"}).batch(["a"], max_retries=given)


def test_patience_ends(serve: Serve) -> None:
    server = serve(status(429, {"error": {"message": "slow"}}, {"retry-after": "0.02"}))
    results, summary = run("sync", server.url, ["a", "b"], patience=0.1)
    assert summary.failed == 2
    assert all(isinstance(result.error, AllProvidersFailedError) for result in results)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("code", [429, 503])
def test_who_says_to_come_back_after_the_patience_is_over_is_not_waited_for(serve: Serve, kind: str, code: int) -> None:
    server = serve(status(code, {"error": {"message": "enough for today"}}, {"retry-after": "86400"}))
    results, summary = run(kind, server.url, map(str, range(60)), patience=3600)
    assert summary.failed == 60
    assert len(server.asked) <= 32  # 16 go out before the first is refused; a 503 is tried twice
    assert all(isinstance(result.error, ProviderError) and result.error.status == code for result in results)
    final = results[-1].error
    assert isinstance(final, AllProvidersFailedError)
    assert "not asked: it said to come back in 86" in str(final)
    assert "enough for today" in str(final)


@pytest.mark.parametrize("concurrency", ["auto", 1])
def test_while_one_model_is_refused_for_long_the_next_of_the_list_answers(serve: Serve, concurrency: Any) -> None:
    first, second = serve(status(429, None, {"retry-after": "86400"})), serve(echo)
    registry = registry_of(first.url, second.url)
    registry["providers"]["p2"]["model_names"] = {"n": "n-internal"}
    providers = ProviderList(json_override=registry, environ=keys(2), local=False)
    results = list(providers.batch(map(str, range(40)), ["m", "n"], concurrency=concurrency))
    assert [result.answer.provider for result in results if result.answer] == ["p2"] * 40
    assert len(first.asked) <= 16


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_are_asked_at_once_than_was_said(serve: Serve, concurrency: int) -> None:
    lock, now, most = threading.Condition(), [0], [0]

    def behave(connection: Connection, request: Received) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            lock.notify_all()
            lock.wait_for(lambda: most[0] >= concurrency, PATIENCE)
        time.sleep(0.01)  # for one too many to come
        with lock:
            now[0] -= 1
        echo(connection, request)

    run("sync", [serve(behave).url, serve(behave).url], map(str, range(20)), concurrency=concurrency)
    assert most[0] == concurrency


def test_requests_a_minute_are_kept_to_for_each_provider(serve: Serve) -> None:
    limiters = [Limiter(10, 10, echo) for _ in range(2)]  # ten a second, and one second's worth at the start
    run("sync", [serve(limiter).url for limiter in limiters], map(str, range(24)), requests_per_minute=600)
    assert sum(limiter.answered for limiter in limiters) == 24
    assert all(limiter.answered > 4 and not limiter.refused for limiter in limiters)


def test_one_of_two_providers_that_refuses_the_key_leaves_the_limits_of_the_other_alone(serve: Serve) -> None:
    limiter = Limiter(20, 40 + 2, echo)  # the first of both were on their way before the refusal was known
    refusing = serve(status(401, {"error": {"message": "bad key"}}))
    results, _ = run("sync", [refusing.url, serve(limiter).url], map(str, range(70)), requests_per_minute=1200)
    assert texts(results) == said(range(70))
    assert len(refusing.asked) <= 21
    assert limiter.refused == 0


def test_tokens_a_minute_are_kept_to(serve: Serve) -> None:
    limiter = Limiter(20 / 4, 40 / 4 + 1, echo)  # twenty a second; each takes four: fewer than the twenty expected
    run("sync", serve(limiter).url, ["x" * 36] * 14, max_tokens=11, tokens_per_minute=1200, concurrency=1)
    assert (limiter.answered, limiter.refused) == (14, 0)


def test_two_providers_share_a_batch(serve: Serve) -> None:
    def slowly(connection: Connection, request: Received) -> None:
        time.sleep(0.005)
        echo(connection, request)

    first, second = serve(slowly), serve(slowly)
    results, _ = run("sync", [first.url, second.url], map(str, range(80)))
    assert {result.answer.provider for result in results} == {"p1", "p2"}
    assert len(first.asked) + len(second.asked) == 80
    assert len(first.asked) > 10 < len(second.asked)


def test_one_of_two_providers_fails_and_the_other_answers_all(serve: Serve) -> None:
    results, _ = run("sync", [serve(status(500, "oops")).url, serve(echo).url], map(str, range(30)))
    assert texts(results) == said(range(30))
    assert {result.answer.provider for result in results} == {"p2"}


@pytest.mark.parametrize("kind", KINDS)
def test_when_every_key_is_refused_each_item_says_so_and_few_are_asked(serve: Serve, kind: str) -> None:
    servers = [serve(status(401, {"error": {"message": "bad key"}})) for _ in range(2)]
    results, summary = run(kind, [server.url for server in servers], map(str, range(300)))
    assert summary.failed == 300
    assert "key" in str(results[299].error)
    assert sum(len(server.asked) for server in servers) <= 64


def test_a_long_wait_for_one_model_does_not_hold_up_another(serve: Serve) -> None:
    def busy(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": "slow"}}, {"retry-after": "300"})

    registry = registry_of(serve(busy).url, serve(echo).url)
    registry["providers"]["p1"]["model_names"] = {"a": "a-internal"}
    registry["providers"]["p2"]["model_names"] = {"b": "b-internal"}
    made = ProviderList(json_override={**registry, "auto_model_priority": ["a", "b"]}, environ=keys(2), local=False)
    questions = [{"prompt": "x", "model": "a"}, *({"prompt": str(n), "model": "b"} for n in range(20))]
    results = made.batch(questions, requests_per_minute=600, concurrency=4, as_completed=True, timeout=PATIENCE)
    came = [str(result.answer) for _, result in zip(range(20), results, strict=False)]
    assert sorted(came) == sorted(said(range(20)))


def test_what_no_item_could_be_asked_of_is_raised_once(tmp_path: Path) -> None:
    made = ProviderList(json_override=registry_of("http://127.0.0.1:9/v1"), environ={}, local=False)
    with pytest.raises(NoCredentialsError):
        list(made.batch(["a", "b"]))
    with pytest.raises(UnknownModelError):
        made.batch(["a", "b"], "no-such-model-zzz", out=tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_one_question_is_no_batch() -> None:
    made = ProviderList(mock={"m": "x"})
    for one in ("a", {"prompt": "a"}, 5):
        with pytest.raises(TypeError):
            made.batch(one)


def test_a_csv_file_that_has_our_columns_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Prompt,answer\nhi,gold\n")
    ProviderList(mock={"m": "mine"}).batch(tmp_path / "in.csv", out=tmp_path / "out.csv")
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["answer"], row["batch_answer"]) == ("gold", "mine")


def test_without_adapting_a_refusal_halves_nothing(serve: Serve) -> None:
    server = serve(lambda c, r: c.reply(429, {}) if len(server.asked) == 1 else answer(c, r))
    batch = list_of(server.url).batch(["a"] * 3, concurrency=3, adaptive=False)
    assert [str(result.answer) for result in batch] == ["hello"] * 3
    assert [lane.limit for lane in batch._job.pace.lanes.values()] == [3.0]


# Memory


@pytest.mark.parametrize("way", ["iterated", "file"])
def test_memory_does_not_grow_with_the_number_of_items(serve: Serve, tmp_path: Path, way: str) -> None:
    program = f"""
import tracemalloc
made = {_made(serve(echo))}
def peak(count, **options):
    tracemalloc.start()
    for result in made.batch((f"question {{n}}" for n in range(count)), concurrency=16, **options):
        del result
    return tracemalloc.get_traced_memory()[1], tracemalloc.stop()
out = {{"out": {str(tmp_path)!r} + "/{{}}.jsonl"}} if {way == "file"} else {{}}
for count in (200, 400, 4000):
    print(peak(count, **{{name: path.format(count) for name, path in out.items()}})[0])
"""
    done = _python(program)
    assert done.stderr == ""
    _, few, many = map(int, done.stdout.split())
    assert many < few + 900_000  # 3600 results would be more than 10 MB


def test_a_file_of_nothing_but_bad_lines_takes_no_memory(serve: Serve, tmp_path: Path) -> None:
    made = list_of(serve(echo).url)
    source = tmp_path / "in.jsonl"

    def peak(count: int) -> int:
        source.write_bytes(b"{bad\n" * count)
        tracemalloc.start()
        try:
            made.batch(source, out=tmp_path / f"{count}.jsonl")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(8000) < peak(400) + 1_000_000


# Progress


def test_progress_is_told_on_standard_error_though_it_is_no_terminal(serve: Serve, tmp_path: Path) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if last(request) == "bad":
            connection.reply(400, {"error": {"message": "no"}})
        else:
            echo(connection, request)

    done = _python(f"list({_made(serve(behave))}.batch(['a', 'bad', 'c'], progress=True))")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "3/3" in done.stderr
    assert "1 failed" in done.stderr


def test_nothing_is_told_where_nobody_looks(serve: Serve) -> None:
    done = _python(f"list({_made(serve(echo))}.batch(['a', 'b']))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# The command line


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `inference-providers batch` against a server."""

    def call(server: Server | None, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
        key = {"OPENAI_API_KEY": "canary-cli-0123456789", "OPENAI_BASE_URL": server.url} if server else {}
        command = [sys.executable, "-W", "error", "-m", "inference_providers", "batch", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**base, **key}, cwd=ROOT, check=False, timeout=60
        )

    return call


def test_the_command_line_does_a_batch(cli: Any, serve: Serve, tmp_path: Path) -> None:
    server, out = serve(echo), tmp_path / "out.jsonl"
    file = written(tmp_path / "in.jsonl", "a", {"prompt": "b", "custom_id": "x"})
    done = cli(server, file, "-o", out, "-m", "gpt-4o", "-s", "Be brief.", "--temperature", "0.5", "-c", "2")
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r"2 answered in .*; wrote .*out\.jsonl", done.stderr)
    assert [str(result.answer) for result in Results(out)] == ["re: a", "re: b"]
    assert server.asked[0].json["temperature"] == 0.5
    assert server.asked[0].json["messages"][0] == {"role": "system", "content": "Be brief."}
    again = cli(server, file, "-o", out, "-m", "gpt-4o", "-s", "Be brief.", "--temperature", "0.5")
    assert "2 done before" in again.stderr
    assert len(server.asked) == 2


def test_the_command_line_tells_bad_lines_and_exits_with_one(cli: Any, serve: Serve, tmp_path: Path) -> None:
    file = written(tmp_path / "in.jsonl", "a", b"{oops\x1b[31m", "c")
    done = cli(serve(echo), file, "-o", tmp_path / "out.jsonl", "-m", "gpt-4o")
    assert done.returncode == 1
    assert "line 2: not JSON" in done.stderr
    assert "2 answered, 1 malformed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_takes_and_gives_csv(cli: Any, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("prompt,n\na,1\nb,2\n")
    done = cli(serve(echo), tmp_path / "in.csv", "-o", tmp_path / "out.csv", "-m", "gpt-4o", "-q")
    assert done.returncode == 0
    rows = table(tmp_path / "out.csv")
    assert [(row["n"], row["answer"]) for row in rows] == [("1", "re: a"), ("2", "re: b")]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-file", "-o", "{out}"], 2, "does not exist"),
        (["{in}"], 2, "--output"),
        (["{in}", "-o", "{out}", "-c", "many"], 2, "--concurrency"),
        (["{in}", "-o", "{out}", "-c", "0"], 2, "concurrency must be"),
        (["{in}", "-o", "{folder}"], 2, "is a directory"),
        (["{in}", "-o", "{folder}/out.xlsx"], 2, "JSON lines, or as CSV"),
        (["{in}", "-o", "{folder}/out.json"], 2, "JSON lines (.jsonl), or as CSV (.csv), not as .json"),
        (["{in}", "-o", "{folder}/out.TSV"], 2, "JSON lines (.jsonl), or as CSV (.csv), not as .tsv"),
        (["{in}", "-o", "{out}", "--prompt", "Summarise"], 2, "names no column"),
        (["{in}", "-o", "{folder}/no/out.jsonl"], 1, "No such file"),
        (["{in}", "-o", "{in}"], 2, "in.jsonl"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    cli: Any, serve: Serve, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    names = {"in": written(tmp_path / "in.jsonl", "a"), "out": tmp_path / "out.jsonl", "folder": tmp_path}
    done = cli(serve(echo), *(argument.format(**names) for argument in arguments), "-m", "gpt-4o")
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_says_who_writes_already(cli: Any, serve: Serve, tmp_path: Path) -> None:
    output = Output(tmp_path / "out.jsonl")
    try:
        done = cli(serve(echo), written(tmp_path / "in.jsonl", "a"), "-o", tmp_path / "out.jsonl", "-m", "gpt-4o")
    finally:
        output.close()
    assert done.returncode == 1
    assert "another process" in done.stderr


def test_malformed_items_have_an_error_of_their_own(serve: Serve) -> None:
    results, _ = run("sync", serve(echo).url, [{"nothing": 1}, "", {"prompt": "x", "temprature": 1}])
    assert all(isinstance(result.error, MalformedItemError) for result in results)
    assert "temperature" in str(results[2].error)


def test_an_asynchronous_batch_has_a_list_of_its_own(serve: Serve) -> None:
    made: AsyncProviderList = async_list_of(serve(echo).url)
    assert repr(made.batch(["a"])).startswith("<AsyncBatch")


def test_an_empty_account_is_not_waited_for(serve: Serve) -> None:
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    server = serve(status(429, body))
    results = list(list_of(server.url).batch(["a", "b", "c"], concurrency=1))
    assert [result.ok for result in results] == [False] * 3
    assert len(server.asked) == 1


def test_a_rate_by_the_minute_holds_for_all_models_of_a_provider(serve: Serve) -> None:
    made = list_of(serve().url, more={"n": "n-internal"})
    pace = made.batch([{"prompt": "a", "model": "m"}, {"prompt": "b", "model": "n"}], requests_per_minute=6000)
    assert all(result.ok for result in pace)
    one, other = pace._job.pace.lanes.values()
    assert one._requests is other._requests


def test_a_source_that_fails_loses_nothing_that_is_on_its_way(serve: Serve, tmp_path: Path) -> None:
    fails = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        fails.wait(PATIENCE)
        time.sleep(0.1)
        answer(connection, request)

    server = serve(slow)

    async def source() -> AsyncIterator[str]:
        for question in "abc":
            yield question
        assert await asyncio.to_thread(_until, lambda: len(server.asked) == 3)
        fails.set()
        raise LookupError("the source is gone")

    out = tmp_path / "out.jsonl"
    with pytest.raises(LookupError):
        list_of(server.url).batch(source(), out=out, concurrency=4)
    assert len(lines_of(out)) == 3


def test_a_csv_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keep.csv").write_text("a,b\nprecious,data\n")
    with pytest.raises(ValueError, match="something other"):
        ProviderList(mock={"m": "x"}).batch(["q"], out=tmp_path / "keep.csv")
    assert "precious" in (tmp_path / "keep.csv").read_text()
    with pytest.raises(ValueError, match="one must be called prompt"):
        ProviderList(mock={"m": "x"}).batch(tmp_path / "keep.csv", out=tmp_path / "out.jsonl")


# Workers

KEEPER = 1  # task that closes connections nobody uses


def tasks_for(urls: list[str], questions: Any, **options: Any) -> tuple[int, list[Any]]:
    """How many tasks a batch makes, and its results."""
    made: list[Any] = []

    def counting(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **more)

    async def work() -> list[Any]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(counting)
        try:
            return [result async for result in async_list_of(*urls).batch(questions, **options)]
        finally:
            loop.set_task_factory(None)  # what `asyncio.run` makes for the end is its own

    results = asyncio.run(work())
    return len(made), results


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_small_batch_makes_a_task_for_each_item_and_one_that_finds_the_end(serve: Serve, count: int) -> None:
    made, results = tasks_for([serve(echo).url], map(str, range(count)))
    assert texts(results) == said(range(count))
    assert made <= count + 1 + KEEPER


@pytest.mark.parametrize("providers", [1, 2])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_tasks_than_items_at_once(serve: Serve, concurrency: int, providers: int) -> None:
    urls = [serve(echo).url for _ in range(providers)]
    made, results = tasks_for(urls, map(str, range(60)), concurrency=concurrency)
    assert texts(results) == said(range(60))
    assert made <= concurrency + KEEPER


@pytest.mark.parametrize("providers", [1, 2])
def test_a_large_batch_makes_a_task_for_each_request_at_once_and_a_few_that_wait(serve: Serve, providers: int) -> None:
    together = threading.Barrier(FIRST * providers)  # the first round is answered when all of it is there
    first = threading.Semaphore(FIRST * providers)

    def behave(connection: Connection, request: Received) -> None:
        if first.acquire(blocking=False):
            together.wait(PATIENCE)
        echo(connection, request)

    made, results = tasks_for([serve(behave).url for _ in range(providers)], map(str, range(300)))
    assert texts(results) == said(range(300))
    lanes = FIRST * providers + 300 * RISE  # a limit rises by so much with each answer, at most
    assert FIRST * providers < made <= lanes * (1 + 2 * RISE) + 1 + KEEPER < MOST


def test_questions_that_come_one_by_one_are_asked_by_one_or_two(serve: Serve) -> None:
    server = serve(echo)

    async def source() -> AsyncIterator[str]:
        for number in range(20):
            yield str(number)
            while len(server.asked) <= number:
                await asyncio.sleep(0.001)

    made, results = tasks_for([server.url], source())
    assert texts(results) == said(range(20))
    assert made < 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("concurrency", [2, 24])
def test_as_many_are_asked_at_once_as_was_said(serve: Serve, kind: str, concurrency: int) -> None:
    together = threading.Barrier(concurrency)

    def behave(connection: Connection, request: Received) -> None:
        together.wait(PATIENCE)  # with fewer at once nobody would be answered
        echo(connection, request)

    results, _ = run(kind, serve(behave).url, map(str, range(3 * concurrency)), concurrency=concurrency)
    assert texts(results) == said(range(3 * concurrency))


def test_a_round_of_answers_that_come_at_once_makes_room_for_a_quarter_more(serve: Serve) -> None:
    """As servers answer that work on many questions together: the limit rises by the round, whatever waits in between."""
    rounds = [FIRST]
    while rounds[-1] < 48:
        rounds.append(rounds[-1] + int(rounds[-1] * RISE))
    barriers = [barrier for size in rounds for barrier in [threading.Barrier(size)] * size]
    lock = threading.Lock()

    def behave(connection: Connection, request: Received) -> None:
        with lock:
            barrier = barriers.pop(0) if barriers else None
        if barrier is not None:
            barrier.wait(PATIENCE)  # nobody is answered before the whole round is there
        echo(connection, request)

    questions = [str(number) for number in range(sum(rounds) + 60)]
    results, _ = run("async", serve(behave).url, questions)
    assert texts(results) == said(questions)


def test_while_functions_run_others_are_asked(serve: Serve) -> None:
    """An item whose function runs is in no lane, and does not hold up the reading."""
    together = threading.Barrier(4)

    def meet() -> str:
        """Wait for the others."""
        together.wait(PATIENCE)
        return "met"

    def behave(connection: Connection, request: Received) -> None:
        if request.json["messages"][-1]["role"] == "tool":
            return connection.reply(200, completion(last(request)))
        call = {"id": "1", "type": "function", "function": {"name": "meet", "arguments": "{}"}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return connection.reply(200, completion(None, message=message, finish_reason="tool_calls"))

    results, _ = run("async", serve(behave).url, map(str, range(8)), tools=[meet], concurrency=4)
    assert texts(results) == ["met"] * 8


@pytest.mark.parametrize("named", [False, True])
def test_items_that_wait_for_the_clock_do_not_hide_those_that_need_not(serve: Serve, named: bool) -> None:
    """They are read, though all lanes of the first model are full: its items may name it, or leave it to the batch."""

    def busy(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": "slow"}}, {"retry-after": "300"})

    registry = registry_of(serve(busy).url, serve(echo).url)
    registry["providers"]["p1"]["model_names"] = {"a": "a-internal"}
    registry["providers"]["p2"]["model_names"] = {"b": "b-internal"}
    made = ProviderList(json_override={**registry, "auto_model_priority": ["a", "b"]}, environ=keys(2), local=False)
    waiting = [{"prompt": "x", "model": "a"} if named else "x"] * (2 * FIRST)
    questions = [*waiting, *({"prompt": str(number), "model": "b"} for number in range(20))]
    results = made.batch(questions, "a", as_completed=True, timeout=PATIENCE)
    came = [str(result.answer) for _, result in zip(range(20), results, strict=False)]
    assert sorted(came) == sorted(said(range(20)))


class Mute:
    """A conversation that cannot be read, and does not say why."""

    conversation_id = "mute"

    def as_messages(self) -> list[Any]:
        raise ValueError


def test_an_item_that_fails_without_a_word_fails_alone(serve: Serve) -> None:
    results, summary = run("sync", serve(echo).url, ["a", Mute(), "b"])
    assert texts(results) == ["re: a", None, "re: b"]
    assert summary.problems == ["item 1: ValueError"]


def test_a_line_has_the_fields_of_an_answer_in_short(serve: Serve, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    server = serve(echo)
    run("sync", server.url, ["a"], out=out)
    told = list_of(server.url).ask_ai("a").as_dict()
    (line,) = lines_of(out)
    usage = told.pop("usage")
    changed = {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"], "attempts": 1}
    del told["canonical_name"], told["latency"], line["latency"]
    assert line == {"index": 0, **told, **changed, "error": None, "key": line["key"]}
