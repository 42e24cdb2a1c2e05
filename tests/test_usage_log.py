"""The log of calls: what is in it, whoever asks; what is never in it; that no call waits for it or fails by it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AsyncProviderList, MetaInferenceEngine, ProviderList
from inference_providers.files.writer import row_writer
from inference_providers.protocols import ModelRequest
from inference_providers.telemetry.usage_log import Conversation, UsageLog
from inference_providers.usage.log_file import COLUMNS, MIGRATIONS, SLOT, Keep, LogFile, slots_of
from inference_providers.usage.log_file import LOG_NAME as NAME
from tests.conftest import keys, list_of, places
from tests.servers import Server, answer, completion, status
from tests.test_pipeline import (
    ANSWER,
    FACTS,
    KINDS,
    PROMPT,
    Way,
    asking,
    at_fault,
    breaks,
    broken,
    by_client,
    connected,
    dropped,
    failing,
    good,
    in_batch,
    left,
    refuses,
    to_its_end,
    with_tools,
)

Serve = Callable[..., Server]
MESSAGES = [{"role": "user", "content": PROMPT}]


def data() -> Path:
    return Path(os.environ["XDG_DATA_HOME"]) / "inference_providers"


def rows(table: str = "calls") -> list[dict[str, Any]]:
    assert row_writer().flush(30)
    path = data() / NAME
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]


def logged(*urls: str, kind: str = "sync", log: Any = "usage", **options: Any) -> Any:
    return list_of(
        *urls, kind=KINDS[kind], facts=[FACTS] * len(urls), log=log, environ={**places(), **keys(len(urls))}, **options
    )


def run(way: Way, made: Any) -> Any:
    async def running() -> Any:
        return await way(made)

    return asyncio.run(running())


WAYS: dict[str, tuple[Way, Any, list[str]]] = {
    "answer": (asking("m"), good, ["ok"]),
    "stream": (to_its_end, good, ["ok"]),
    "left": (left, good, ["closed"]),
    "dropped": (dropped, good, ["closed"]),
    "broken": (broken, breaks, ["TruncatedStreamError"]),
    "tools": (asking("m", tools=[len]), good, ["ok"]),
    "client": (by_client("chat.completions.create", messages=MESSAGES), good, ["ok"]),
    "client's stream": (by_client("chat.completions.create", messages=MESSAGES, stream=True), good, ["ok"]),
    "embeddings": (by_client("embeddings.create", input="hi"), good, ["ok"]),
    "connected": (connected, good, ["ok"]),
    "batch": (in_batch, good, ["ok", "ok", "ok"]),
    "at fault": (failing(Exception, asking("m")), at_fault, ["ContentFilteredError"]),
    "refused": (failing(Exception, asking("m")), refuses, ["AuthenticationError"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WAYS)
def test_every_way_to_ask_is_logged_once_for_each_call(name: str, kind: str, serve: Serve) -> None:
    way, behaviour, outcomes = WAYS[name]
    if name == "tools":
        way, behaviour = asking("m"), good
    run(way, logged(serve(behaviour).url, kind=kind))
    found = rows()
    assert [row["outcome"] for row in found] == outcomes
    for row in found:
        asked = "m-internal" if name == "connected" else "m"
        assert (row["provider"], row["name"], row["asked"]) == ("p1", "m", asked)
        assert row["at"] > 1_700_000_000, "seconds since 1970"
        assert row["seconds"] >= 0
        assert (row["first"] is not None) == (name in ("stream", "left", "dropped", "broken", "client's stream"))
        assert row["prompt"]
        assert len(row["prompt"]) == 32
        if row["outcome"] == "ok":
            assert row["input"] > 0
            assert row["cost"] == pytest.approx((row["input"] + 2 * row["output"]) / 1e6)


@pytest.mark.parametrize("kind", KINDS)
def test_fallbacks_are_told_with_their_outcomes(kind: str, serve: Serve) -> None:
    made = logged(serve(refuses).url, serve(good).url, kind=kind)
    run(asking("m"), made)
    (row,) = rows()
    assert (row["provider"], row["attempts"], row["outcome"]) == ("p2", 2, "ok")
    assert [tried[:3] for tried in json.loads(row["tries"])] == [
        ["p1", "m-internal", "AuthenticationError"],
        ["p2", "m-internal", "ok"],
    ]


def test_each_reply_of_a_question_is_a_call(serve: Serve) -> None:
    def double(number: int) -> int:
        """Twice the number."""
        return 2 * number

    made = logged(serve(with_tools).url)
    made.ask_ai(PROMPT, "m", tools=[double])
    assert [row["outcome"] for row in rows()] == ["ok", "ok"]


def test_an_engine_logs_too(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", keys(1)["P1_API_KEY"])
    monkeypatch.setenv("OPENAI_BASE_URL", serve(good).url)
    monkeypatch.setenv("INFERENCE_PROVIDERS_LOG", "usage")
    engine = MetaInferenceEngine()
    engine.infer([PROMPT], "gpt-4o")
    assert [(row["provider"], row["name"]) for row in rows()] == [("openai", "gpt-4o")]


def test_nothing_is_kept_unless_it_was_said(serve: Serve) -> None:
    for log in (None, False, "off"):
        logged(serve(good).url, log=log).ask_ai(PROMPT, "m")
    assert rows() == []
    assert not data().exists()


def test_the_environment_can_say_it_and_a_program_goes_before_it(serve: Serve) -> None:
    url = serve(good).url
    environ = {**places(), **keys(1), "INFERENCE_PROVIDERS_LOG": "on"}
    list_of(url, facts=[FACTS], environ=environ, log=False).ask_ai(PROMPT, "m")
    assert rows() == []
    list_of(url, facts=[FACTS], environ=environ).ask_ai(PROMPT, "m")
    assert len(rows()) == 1
    with pytest.raises(ValueError, match="INFERENCE_PROVIDERS_LOG must be"):
        list_of(url, environ={**environ, "INFERENCE_PROVIDERS_LOG": "everything"})
    with pytest.raises(ValueError, match="log must be"):
        list_of(url, log="everything")


def test_mock_replies_are_logged_only_where_a_program_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_LOG", "usage")
    ProviderList(mock={"gpt-4": "hi"}).ask_ai("hi", "gpt-4")
    assert rows() == []


def test_the_log_of_usage_holds_no_word_and_no_key_and_is_private(serve: Serve) -> None:
    logged(serve(good).url).ask_ai(PROMPT, "m")
    assert len(rows()) == 1
    assert rows("texts") == []
    assert stat.S_IMODE(data().stat().st_mode) == 0o700
    for file in data().iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        content = file.read_bytes()
        for secret in (PROMPT, ANSWER, keys(1)["P1_API_KEY"]):
            assert secret.encode() not in content, file


def test_the_hash_of_a_prompt_is_the_same_for_the_same_and_says_nothing_without_the_key(serve: Serve) -> None:
    made = logged(serve(good).url)
    for prompt in ("one", "one", "two"):
        made.ask_ai(prompt, "m")
    hashes = [row["prompt"] for row in rows()]
    assert hashes[0] == hashes[1] != hashes[2]
    (data() / "usage.key").write_bytes(os.urandom(32))
    logged(serve(good).url).ask_ai("one", "m")
    assert rows()[-1]["prompt"] not in hashes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["answer", "stream", "client", "client's stream", "batch"])
def test_texts_are_kept_where_that_is_said(way: str, kind: str, serve: Serve) -> None:
    run(WAYS[way][0], logged(serve(good).url, kind=kind, log="text"))
    found = rows("texts")
    assert len(found) == len(WAYS[way][2])
    whole = f"{ANSWER} and on" if "stream" in way else ANSWER
    for row in found:
        assert row["answer"] == whole
        assert json.loads(row["asked"])[0]["role"] == "user"
        assert row["size"] == len(row["asked"]) + len(row["answer"])


def test_half_a_character_costs_no_row(serve: Serve) -> None:
    made = logged(
        serve(lambda connection, request: connection.reply(200, completion("half \ud83d", "m"))).url, log="text"
    )
    assert made.ask_ai("and \ud800", "m") == "half \ud83d"
    (row,) = rows("texts")
    assert row["answer"] == "half ?"
    assert len(rows()) == 1


def test_a_conversation_keeps_each_message_once(serve: Serve) -> None:
    made = logged(serve(good).url, log="text")
    log = next(stage for stage in made.pipeline.stages if isinstance(stage, UsageLog))
    log.conversation = Conversation("c1")
    turns: list[dict[str, Any]] = []
    for word in ("one", "two", "three"):
        turns.append({"role": "user", "content": word})
        turns.append({"role": "assistant", "content": str(made.ask_ai(turns, "m"))})
    found = rows("texts")
    assert [(row["conversation"], row["whole"]) for row in found] == [("c1", 1), ("c1", 0), ("c1", 0)]
    assert [[turn["content"] for turn in json.loads(row["asked"])] for row in found] == [["one"], ["two"], ["three"]]


# What may go wrong


def trouble(kind: str) -> None:
    folder = data()
    folder.mkdir(parents=True, mode=0o700)
    if kind == "corrupt":
        (folder / NAME).write_bytes(b"no database " * 1000)
        (folder / NAME).chmod(0o600)
    elif kind == "newer":
        with closing(sqlite3.connect(folder / NAME)) as connection, connection:
            connection.execute("PRAGMA user_version = 99")
    elif kind == "folder":
        (folder / NAME).mkdir()
    elif kind == "of others":
        folder.chmod(0o777)


@pytest.mark.parametrize("kind", ["corrupt", "newer", "folder", "of others"])
def test_whatever_is_wrong_with_the_file_costs_one_warning_and_no_call(
    kind: str, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    trouble(kind)
    made = logged(serve(good).url)
    for _ in range(3):
        assert made.ask_ai(PROMPT, "m") == ANSWER
        row_writer().flush(30)
    warned = [record.message for record in caplog.records if NAME in record.message]
    assert len(warned) == 1, warned
    row_writer()._renew()  # what could not be written is not the next test's


def test_a_user_without_a_home_gets_one_warning(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    from inference_providers.files import folders

    made = list_of(serve(good).url, log="usage", environ={"HOME": "relative"})
    if folders.home({"HOME": "relative"}) is None:
        assert "not logged" in caplog.text
    assert made.ask_ai(PROMPT, "m") == ANSWER


def test_programs_that_log_at_the_same_time_lose_no_call(serve: Serve) -> None:
    code = (
        "from inference_providers import ProviderList\n"
        "made = ProviderList(mock={'gpt-4': 'hi'}, log='usage')\n"
        "for _ in range(50): made.ask_ai('hi', 'gpt-4')\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(8)]
    for one in running:
        _, said = one.communicate(timeout=120)
        assert (one.returncode, said) == (0, b"")
    assert len(rows()) == 400
    assert sum(row["calls"] for row in rows("slots")) == 400
    assert len({row["prompt"] for row in rows()}) == 1, "they share one key"


def test_where_a_process_may_be_frozen_each_call_is_written_before_it_ends(serve: Serve) -> None:
    made = list_of(
        serve(good).url, log="usage", facts=[FACTS], environ={**places(), **keys(1), "AWS_LAMBDA_FUNCTION_NAME": "f"}
    )
    made.ask_ai(PROMPT, "m")
    with closing(sqlite3.connect(data() / NAME)) as connection, connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)


# How long it is kept


def row(at: float, **values: Any) -> tuple[Any, ...]:
    made = {
        "at": at, "program": "test", "path": "/chat/completions", "asked": "m", "provider": "p", "model": "m",
        "name": "m", "outcome": "ok", "input": 10, "output": 5, "cached": 2, "written": 0, "reasoning": 0, "cost": 0.5,
        "reported": False, "seconds": 2.0, "first": None, "attempts": 1, "tries": None, "prompt": None,
        "conversation": None, "caller": None, **values,
    }  # fmt: skip
    return tuple(made.values())


def log_file(**keep: float) -> LogFile:
    made = LogFile.of(places(), Keep(**keep))
    assert made is not None
    return made


def test_what_is_old_goes() -> None:
    now = time.time()
    file = log_file(days=10, text_days=5)
    for days in (20, 7, 1):
        file.put(row(now - days * 86400), ("", True, "[]", str(days)))
    rows()
    log_file(days=10, text_days=5).put(row(now))  # which looks what is old
    assert len(rows()) == 3
    assert [one["answer"] for one in rows("texts")] == ["1"]
    assert sum(one["calls"] for one in rows("slots")) == 3


def test_what_is_too_much_goes_the_oldest_first() -> None:
    now = time.time()
    file = log_file()
    for number in range(5):
        file.put(row(now + number), ("", True, "[]", str(number) * 3000))
    rows()
    log_file(text_megabytes=0.01).put(row(now))
    assert [one["answer"][0] for one in rows("texts")] == ["2", "3", "4"]
    assert len(rows()) == 6
    small = log_file(megabytes=0.001)
    small.put(row(now))
    assert len(rows()) < 7


def test_clearing_leaves_nothing_in_the_file() -> None:
    file = log_file()
    file.put(row(time.time()), ("", True, '["a secret question"]', "a secret answer"))
    assert len(rows("texts")) == 1
    assert file.clear()
    assert rows() == rows("texts") == rows("slots") == []
    for path in data().iterdir():
        assert b"secret" not in path.read_bytes(), path


def test_sums_are_those_of_the_calls() -> None:
    at = 1_000_000 * SLOT
    calls = [
        row(at),
        row(at + SLOT - 1, cost=None, first=0.5),
        row(at + SLOT),
        row(at, outcome="RateLimitError", cost=None, input=None, output=None, cached=None, attempts=3),
    ]
    sums = slots_of(calls)
    #            slot, program, provider, name, caller, calls, failed, unknown, in, out, cached, cost, seconds, firsts, first, tries
    assert sums == [
        (at, "test", "p", "m", "", 3, 1, 1, 20, 10, 4, 0.5, 4.0, 1, 0.5, 5),
        (at + SLOT, "test", "p", "m", "", 1, 0, 0, 10, 5, 2, 0.5, 2.0, 0, 0.0, 1),
    ]


def test_a_log_of_before_there_were_callers_keeps_its_rows_and_sums() -> None:
    path = data() / NAME
    path.parent.mkdir(parents=True, mode=0o700)
    now = time.time()
    old, (new,) = row(now), slots_of([row(now)])
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in MIGRATIONS[0].split(";"):
            connection.execute(statement)
        connection.execute(f"INSERT INTO calls ({', '.join(COLUMNS[:-1])}) VALUES ({', '.join('?' * 21)})", old[:-1])
        connection.execute(f"INSERT INTO slots VALUES ({', '.join('?' * 15)})", (*new[:4], *new[5:]))
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    file = log_file()
    file.put(row(now))
    file.put(row(now, caller="c1"))
    assert [one["caller"] for one in rows()] == [None, None, "c1"]
    assert [(one["caller"], one["calls"], one["cost"]) for one in rows("slots")] == [("", 2, 1.0), ("c1", 1, 0.5)]


def test_what_is_kept_of_a_caller_goes_and_nothing_else() -> None:
    now = time.time()
    file = log_file()
    for caller in (None, "c1", "c2"):
        file.put(row(now, caller=caller), ("", True, f'["asked by {caller}"]', f"told {caller}"))
    assert file.purge("c1")
    assert [one["caller"] for one in rows()] == [None, "c2"]
    assert [one["answer"] for one in rows("texts")] == ["told None", "told c2"]
    assert [(one["caller"], one["calls"]) for one in rows("slots")] == [("", 1), ("c2", 1)]
    for path in data().iterdir():
        assert b"told c1" not in path.read_bytes(), path
        assert b"asked by c1" not in path.read_bytes(), path


@pytest.mark.parametrize("stream", [False, True])
def test_on_whose_behalf_a_request_is_made_is_in_its_row(stream: bool, serve: Serve) -> None:
    made = logged(serve(good).url)
    pipeline = made.pipeline
    for caller in ("", "c1"):
        request = ModelRequest({"model": "", "messages": MESSAGES, "stream": stream})
        request.caller = caller
        offers = pipeline.finder.candidates("m")
        if stream:
            assert list(pipeline.caller.stream(offers, request))
        else:
            pipeline.caller.call(offers, request)
    assert [found["caller"] for found in rows()] == [None, "c1"]


def test_a_cache_that_answers_is_logged_without_an_attempt(serve: Serve) -> None:
    from inference_providers.calls import Reply, Stage
    from tests.servers import completion

    class Cache(Stage):
        def before(self, call: Any) -> Reply:
            return Reply.of({**completion("kept"), "usage": None}, call.offers[0])

    made = logged(serve(status(500)).url)
    made.pipeline.stages.append(Cache())
    assert made.ask_ai(PROMPT, "m") == "kept"
    (found,) = rows()
    assert (found["attempts"], found["outcome"], found["input"]) == (0, "ok", None)


def test_the_calls_of_a_list_under_terms_are_logged(serve: Serve) -> None:
    made = logged(serve(answer).url, serve(answer).url)
    made.ask_ai(PROMPT, "m", avoid=["p1"])
    assert [found["provider"] for found in rows()] == ["p2"]
    assert isinstance(AsyncProviderList(mock={"gpt-4": "x"}, log="usage"), AsyncProviderList)
