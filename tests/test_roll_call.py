"""Roll call: every model within reach is asked, within the spending limit; the tables hold nothing but text."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ProviderList, UnknownModelError
from inference_providers.batches.roll_call import (
    AT_ONCE,
    MAX_TOKENS,
    Entry,
    RollCall,
    called,
)
from inference_providers.batches.roll_call_pages import html, markdown, ordered, summary
from inference_providers.calls import Call, Stage
from tests.conftest import ROOT, Quick, keys, registry_of
from tests.servers import PATIENCE, Connection, Received, Server, answer, delta, refused_port, status
from tests.test_pipeline import eventually

Serve = Callable[..., Server]
FREE, CHEAP, UNKNOWN = [8000, 4000, 0, 0], [8000, 4000, 1, 1], None
MOST = (2 * 50 * 1 + MAX_TOKENS * 2 * 1) / 1e6  # about what two answers of a CHEAP model may cost
CANARY = "canary-roll-0123456789"


def hall(*servers: Server | str, models: dict[str, Any] | None = None) -> ProviderList:
    """Providers p1, p2, ..., each with the same models: name -> facts."""
    registry = registry_of(*(one if isinstance(one, str) else one.url for one in servers))
    models = {"m": FREE} if models is None else models
    for row in registry["providers"].values():
        row["model_names"] = {name: f"{name}-internal" for name in models}
        row["facts"] = {f"{name}-internal": facts for name, facts in models.items() if facts is not None}
    registry["auto_model_priority"] = list(models)
    return ProviderList(json_override=registry, environ=keys(len(servers)), local=False, random=Quick())


def call(providers: ProviderList, **options: Any) -> tuple[list[Entry], RollCall]:
    """Ask everybody; entries in the order of the offers."""
    chosen = {name: options.pop(name) for name in ("only", "models", "free") if name in options}
    made = RollCall(providers.pipeline, called(providers.pipeline, **chosen), **options)
    return run(made, providers), made


def run(made: RollCall, providers: ProviderList) -> list[Entry]:
    """Its entries, in the order of the offers."""

    async def work() -> list[Entry]:
        try:
            return await made.run()
        finally:
            await providers.pipeline.async_sender.aclose()

    return asyncio.run(work())


def metered(connection: Any, request: Any) -> None:
    """Answer in a stream that tells its tokens."""
    connection.start_stream()
    connection.event(delta("It"))
    tell_the_rest(connection)


def tell_the_rest(connection: Any) -> None:
    for word in (" is", " 42."):
        connection.event(delta(word))
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    connection.event({**delta(None, "stop"), "usage": usage})
    connection.event("[DONE]")
    connection.end_stream()


def test_every_model_of_every_provider_is_asked_every_question(serve: Serve) -> None:
    first, second = serve(metered), serve(metered)
    entries, made = call(hall(first, second, models={"a": CHEAP, "b": FREE}), questions=["One?", "Two?"])
    assert [(e.provider, e.model, e.answers) for e in entries] == [
        (provider, model, ["It is 42."] * 2) for provider in ("p1", "p2") for model in ("a", "b")
    ]
    for server in (first, second):
        asked = {(r.json["model"], r.json["messages"][-1]["content"]) for r in server.asked}
        assert asked == {(f"{model}-internal", question) for model in "ab" for question in ("One?", "Two?")}
    assert made.spent == pytest.approx(2 * 2 * 30 / 1e6)


def test_an_entry_tells_time_speed_and_cost(serve: Serve) -> None:
    begun: list[Entry] = []

    def waits(connection: Connection, request: Received) -> None:
        """Say the rest a while after the first word has come: what takes time has a speed."""
        connection.start_stream()
        connection.event(delta("It"))
        assert eventually(lambda: begun[0].first_token is not None)
        time.sleep(0.02)
        tell_the_rest(connection)

    providers = hall(serve(waits), models={"a": CHEAP})
    made = RollCall(providers.pipeline, called(providers.pipeline))
    begun.extend(made.entries)
    (entry,) = run(made, providers)
    assert entry.first_token is not None and entry.first_token > 0
    assert entry.speed is not None and 0 < entry.speed <= 20 / 0.02
    assert entry.cost == pytest.approx(2 * 30 / 1e6)
    assert (entry.problem, entry.asked) == ("", True)


def test_models_are_asked_at_the_same_time(serve: Serve) -> None:
    together = threading.Barrier(4)

    def meeting(connection: Any, request: Any) -> None:
        together.wait(PATIENCE)
        answer(connection, request)

    entries, _ = call(hall(serve(meeting), models=dict.fromkeys("abcd", FREE)), questions=["One?"])
    assert [entry.problem for entry in entries] == [""] * 4


def test_there_are_no_more_tasks_than_models_at_once(serve: Serve) -> None:
    names: list[str] = []

    def counting(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        names.append(getattr(coroutine, "__qualname__", ""))
        return asyncio.Task(coroutine, loop=loop, **more)

    providers = hall(serve(answer), models=dict.fromkeys(map(str, range(3 * AT_ONCE)), FREE))
    made = RollCall(providers.pipeline, called(providers.pipeline), ["One?"])

    async def run() -> list[Entry]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(counting)
        try:
            return await made.run()
        finally:
            loop.set_task_factory(None)
            await providers.pipeline.async_sender.aclose()

    entries = asyncio.run(run())
    assert [entry.problem for entry in entries] == [""] * (3 * AT_ONCE)
    assert sum("RollCall" in name for name in names) == AT_ONCE


# Choice


def test_providers_models_and_what_is_free_can_be_chosen(serve: Serve) -> None:
    providers = hall(serve(), serve(), models={"alpha": FREE, "beta": CHEAP, "gamma": UNKNOWN})
    told = [[f"{o.provider}/{o.canonical_name}" for o in called(providers.pipeline, **how)] for how in (
        {"only": ["p2"]}, {"models": ["ALPHA", "amma"]}, {"free": True}, {"only": ["p1"], "models": ["beta"], "free": True},
    )]  # fmt: skip
    assert told == [
        ["p2/alpha", "p2/beta", "p2/gamma"],
        ["p1/alpha", "p1/gamma", "p2/alpha", "p2/gamma"],
        ["p1/alpha", "p2/alpha"],
        [],
    ]


def test_a_provider_that_nobody_knows_is_an_error(serve: Serve) -> None:
    with pytest.raises(UnknownModelError, match="p9"):
        called(hall(serve()).pipeline, only=["p9"])


def test_without_a_key_nobody_is_asked() -> None:
    assert called(ProviderList(environ={}, local=False).pipeline) == []
    assert call(hall(models={}))[0] == []


def test_a_general_purpose_token_is_used_only_where_its_provider_is_named() -> None:
    providers = ProviderList(environ={"GITHUB_TOKEN": "canary-1-0123456789abcdef"}, local=False)
    assert called(providers.pipeline) == []
    assert {offer.provider for offer in called(providers.pipeline, only=["github-copilot"])} == {"github-copilot"}


# Money


@pytest.mark.parametrize("budget", [0, 0.0])
def test_a_limit_of_nothing_still_asks_what_is_free(serve: Serve, budget: float) -> None:
    server = serve(metered)
    entries, made = call(hall(server, models={"free": FREE, "cheap": CHEAP, "unknown": UNKNOWN}), budget=budget)
    assert [entry.asked for entry in entries] == [True, False, False]
    assert "$0.0000 of $0.00 are spent" in entries[1].problem
    assert "no price is known" in entries[2].problem
    assert made.spent == 0
    assert {request.json["model"] for request in server.asked} == {"free-internal"}


def test_no_more_is_set_aside_than_the_limit(serve: Serve) -> None:
    """Others wait until it is known what the first have cost."""
    now, most, lock = 0, 0, threading.Lock()

    def slow(connection: Connection, request: Received) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
        metered(connection, request)

    server = serve(slow)
    entries, made = call(hall(server, models={f"m{n}": CHEAP for n in range(10)}), budget=3.5 * MOST)
    assert most <= 3
    assert all(entry.asked for entry in entries)
    assert made.spent <= 3.5 * MOST


def test_the_cheapest_are_asked_first(serve: Serve) -> None:
    dear = [*CHEAP[:2], *(price * 100 for price in CHEAP[2:4])]
    entries, _ = call(hall(serve(metered), models={"dear": dear, "cheap": CHEAP}), budget=2 * MOST)
    assert [(entry.model, entry.asked) for entry in entries] == [("dear", False), ("cheap", True)]


def test_what_was_set_aside_and_not_spent_is_there_for_others(serve: Serve) -> None:
    entries, _ = call(hall(serve(metered), models={f"m{n:02}": CHEAP for n in range(40)}), budget=17 * MOST)
    assert sum(entry.asked for entry in entries) > 17


def test_what_a_silent_provider_may_have_cost_counts_against_the_limit(serve: Serve) -> None:
    """One that does not say how many tokens it used may have used all that were set aside."""
    entries, _ = call(hall(serve(answer), models={f"m{n:02}": CHEAP for n in range(40)}), budget=17.5 * MOST)
    assert sum(entry.asked for entry in entries) <= 18


def test_models_without_a_price_are_asked_on_request(serve: Serve) -> None:
    entries, made = call(hall(serve(metered), models={"a": UNKNOWN}), unpriced=True, budget=0)
    assert (entries[0].answers, entries[0].cost, made.spent) == (["It is 42."] * 2, None, 0)
    assert "| ? |" in markdown(entries, ["One?"], 0)


@pytest.mark.parametrize("budget", [-0.01, float("nan")])
def test_a_limit_below_nothing_is_refused(serve: Serve, budget: float) -> None:
    with pytest.raises(ValueError, match="spending limit"):
        RollCall(hall(serve()).pipeline, [], budget=budget)


# Failures


def test_a_failure_is_told_and_the_others_answer(serve: Serve) -> None:
    entries, _ = call(hall(serve(), serve(status(500)), f"http://127.0.0.1:{refused_port()}/v1"))
    assert entries[0].problem == ""
    assert "500" in entries[1].problem
    assert "refused" in entries[2].problem
    assert summary(entries, 0.0) == "1 answered, 2 failed, 0 not asked, $0.0000 spent"


@pytest.mark.parametrize("half", [False, True])
def test_an_interruption_tells_who_was_asked_and_what_it_may_have_cost(serve: Serve, half: bool) -> None:
    asked, held = threading.Semaphore(0), threading.Event()

    def holding(connection: Connection, request: Received) -> None:
        connection.start_stream()
        if half:
            connection.event(delta("It is"))
        asked.release()
        held.wait(PATIENCE)

    count = AT_ONCE + 3
    providers = hall(serve(holding), models={f"m{n:02}": CHEAP for n in range(count)})
    made = RollCall(providers.pipeline, called(providers.pipeline), ["One?"], budget=1)

    async def run() -> None:
        task = asyncio.create_task(made.run())
        for _ in range(AT_ONCE):
            await asyncio.to_thread(asked.acquire)
        if half:
            while not all(entry.first_token for entry in made.entries if entry.asked):
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await providers.pipeline.async_sender.aclose()

    asyncio.run(run())
    held.set()
    sent = [entry for entry in made.entries if entry.asked]
    assert len(sent) == AT_ONCE
    assert all((entry.problem, entry.interrupted, entry.cost) == ("interrupted", True, None) for entry in sent)
    assert all((entry.answers, entry.partial) == ([], "It is" if half else "") for entry in sent)
    assert all(entry.problem == "not asked: interrupted before" for entry in made.entries if not entry.asked)
    most = sum(entry.at_most or 0 for entry in sent)
    assert most > AT_ONCE * MAX_TOKENS * 1e-6
    told = summary(made.entries, made.spent)
    assert told.startswith(f"0 answered, 0 failed, {AT_ONCE} interrupted, 3 not asked, $0.0000 spent")
    assert told.endswith(f"{AT_ONCE} of unknown cost: at most ${most:.4f} more")
    assert markdown(made.entries, ["One?"], 0).count("| ? |") == AT_ONCE


def test_what_broke_off_may_be_charged_and_what_was_refused_is_not(serve: Serve) -> None:
    def breaking(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("It is"))
        connection.close()

    entries, made = call(hall(serve(breaking), serve(status(400)), models={"m": CHEAP}), questions=["One?"])
    assert [(entry.cost, entry.partial) for entry in entries] == [(None, "It is"), (0.0, "")]
    assert "| It is \\[broken off\\] |" in markdown(entries, ["One?"], 0)
    assert "1 of unknown cost: at most $" in summary(entries, made.spent)


def test_an_error_that_nobody_foresaw_takes_one_model_alone(serve: Serve) -> None:
    class Broken(Stage):
        def before(self, call: Call) -> None:
            if call.offers[0].canonical_name == "a":
                raise RuntimeError("boom")

    providers = hall(serve(metered), models={"a": CHEAP, "b": CHEAP})
    providers.pipeline.stages.append(Broken())
    made = RollCall(providers.pipeline, called(providers.pipeline), ["One?"])

    async def run() -> None:
        await made.run()
        await providers.pipeline.async_sender.aclose()

    asyncio.run(run())
    assert made.entries[0].problem == "boom"
    assert made.entries[1].answers == ["It is 42."]


def test_a_refused_key_is_not_tried_for_all_the_other_models(serve: Serve) -> None:
    refusing = serve(status(401, {"error": {"message": "bad key canary-1-0123456789abcdef"}}))
    entries, _ = call(hall(refusing, models={f"m{n:02}": FREE for n in range(60)}))
    assert len(refusing.asked) <= 16
    assert all(entry.problem and entry.answers == [] for entry in entries)
    assert "canary" not in f"{entries} {markdown(entries, [], 0)} {html(entries, [], 0)}"


def test_a_model_that_fails_once_is_asked_nothing_more(serve: Serve) -> None:
    server = serve(status(400, {"error": {"message": "not that"}}))
    (entry,), _ = call(hall(server))
    assert len(server.asked) == 1
    assert "not that" in entry.problem


def test_a_stream_that_breaks_is_a_failure(serve: Serve) -> None:
    def breaking(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("half"))
        connection.reset()

    (entry,), _ = call(hall(serve(breaking), models={"a": CHEAP}))
    assert "half" not in entry.answers
    assert (bool(entry.problem), entry.cost) == (True, None)


def test_what_is_no_provider_error_does_not_stop_the_others(serve: Serve) -> None:
    odd = serve(lambda connection, request: connection.reply(200, "{" * 5000))
    entries, _ = call(hall(odd, serve()))
    assert (bool(entries[0].problem), entries[1].answers) == (True, ["hello"] * 2)


# Tables


class Reader(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


EVIL = (
    "<script>alert(1)</script> </td> & \"q\" 's' <img src=x onerror=y> ![pixel](https://evil.example/x.png) a|b `c` \\"
)


def evil_entries(serve: Serve) -> list[Entry]:
    servers = [serve(lambda c, r: answer(c, r, EVIL)), serve(status(400, {"error": {"message": EVIL}}))]
    return call(hall(*servers), questions=[EVIL])[0]


def test_a_page_of_html_holds_what_a_model_says_as_text_alone(serve: Serve) -> None:
    page = Reader(html(evil_entries(serve), [EVIL], 0.0))
    assert page.text.count(EVIL) >= 2  # the question and the answer
    assert not page.tags & {"script", "img", "a", "iframe", "link"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]


def test_a_page_of_markdown_holds_what_a_model_says_as_text_alone(serve: Serve) -> None:
    from markdown_it import MarkdownIt

    text = markdown(evil_entries(serve), [EVIL], 0.0)
    page = Reader(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert page.tags <= {"h1", "p", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert "![pixel](https://evil.example/x.png)" in page.text
    assert page.text.count("<script>alert(1)</script>") >= 2


def test_rows_of_markdown_have_as_many_cells_as_the_head(serve: Serve) -> None:
    lines = markdown(evil_entries(serve), [EVIL], 0.0).splitlines()
    rows = [line.replace("\\\\", "").replace("\\|", "") for line in lines if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert len(rows) == 4


def test_control_characters_are_in_neither_page(serve: Serve) -> None:
    text = "\x1b]0;owned\x07\x9b31mred\x00\u2028"
    entries, _ = call(hall(serve(lambda c, r: answer(c, r, text))))
    for page in (markdown(entries, [text], 0.0), html(entries, [text], 0.0)):
        assert not set(page) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))


def test_those_that_answered_come_first_and_the_quickest_before_the_others(serve: Serve) -> None:
    begun: list[Entry] = []

    def slow(connection: Connection, request: Received) -> None:
        assert eventually(lambda: begun[2].first_token is not None)
        answer(connection, request)

    providers = hall(serve(status(400, {})), serve(slow), serve())
    made = RollCall(providers.pipeline, called(providers.pipeline))
    begun.extend(made.entries)
    entries = run(made, providers)
    assert [entry.provider for entry in ordered(entries)] == ["p3", "p2", "p1"]
    assert json.dumps([entry.as_dict() for entry in entries])


# The command


@pytest.fixture
def base(tmp_path: Path) -> dict[str, str]:
    here = {"OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", **here}


def roll(folder: Path, base: dict[str, str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-W", "error", "-m", "inference_providers", "roll-call", *arguments]
    folder.mkdir(exist_ok=True)
    given = {"capture_output": True, "text": True, **options}
    return subprocess.run(program, cwd=folder, env=base, check=False, stdin=subprocess.DEVNULL, **given)


def keyed(base: dict[str, str], server: Server) -> dict[str, str]:
    return {**base, "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}


def test_the_command_writes_both_pages_and_a_summary(serve: Serve, base: dict[str, str], tmp_path: Path) -> None:
    server = serve(metered)
    done = roll(tmp_path / "w", keyed(base, server), "--model", "gpt-4o", "--provider", "openai", "--budget", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "answered, 0 failed, 0 not asked, $0.0" in done.stdout
    assert {path.name for path in (tmp_path / "w").iterdir()} == {"roll-call.md", "roll-call.html"}
    assert "It is 42." in (tmp_path / "w" / "roll-call.md").read_text()
    assert all("gpt-4o" in request.json["model"] for request in server.asked)
    assert CANARY not in (tmp_path / "w" / "roll-call.html").read_text()


def test_both_pages_say_when_and_how_they_were_made(serve: Serve, base: dict[str, str], tmp_path: Path) -> None:
    roll(tmp_path / "w", keyed(base, serve(metered)), "--model", "gpt-4o-mini", "-q", "What is 6 * 7?")
    for page in ("roll-call.md", "roll-call.html"):
        text = (tmp_path / "w" / page).read_text().replace("\\", "").replace("&#x27;", "'")
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC, registry \d{8}", text)
        assert "inference-providers roll-call --model gpt-4o-mini -q 'What is 6 * 7?'" in text
    assert "@media (max-width" in (tmp_path / "w" / "roll-call.html").read_text()


@pytest.mark.parametrize(("typed", "asked"), [("\n", False), ("n\n", False), ("y\n", True)])
def test_on_a_terminal_enter_alone_spends_nothing(
    serve: Serve, base: dict[str, str], tmp_path: Path, typed: str, asked: bool
) -> None:
    server = serve(metered)
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    call = [sys.executable, "-m", "inference_providers", "roll-call", "--model", "gpt-4o-mini", "-q", "hi"]
    done = subprocess.run(
        call, stdin=theirs, capture_output=True, text=True, cwd=tmp_path, env=keyed(base, server), check=False
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert bool(server.asked) == asked == ("Nobody was asked." not in done.stderr)


def test_the_command_prints_json_and_writes_nothing(serve: Serve, base: dict[str, str], tmp_path: Path) -> None:
    done = roll(tmp_path / "w", keyed(base, serve(metered)), "--json", "--model", "gpt-4o-mini", "-q", "One?")
    assert json.loads(done.stdout)[0]["answers"] == ["It is 42."]
    assert list((tmp_path / "w").iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_before_anybody_is_asked(
    serve: Serve, base: dict[str, str], tmp_path: Path
) -> None:
    server = serve(metered)
    (tmp_path / "file").write_text("")
    done = roll(tmp_path / "w", keyed(base, server), "--model", "gpt-4o-mini", "-o", str(tmp_path / "file" / "x"))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert server.asked == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "No API key and no model server was found"),
        (("--model", "zzz"), "No such model is within reach"),
        (("--provider", "nobody"), "There is no provider 'nobody'"),
        (("--budget", "-1"), "budget"),
        (("--budget", "nan"), "limit"),
        (("--budget", "lots"), "budget"),
    ],
)
def test_what_goes_wrong_is_a_message(
    base: dict[str, str], serve: Serve, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    server = serve()
    done = roll(tmp_path / "w", base if not arguments else keyed(base, server), *arguments)
    assert done.returncode in (2, 3, 4)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert server.asked == []


def test_there_is_a_progress_bar_on_a_terminal_and_it_is_harmless(
    serve: Serve, base: dict[str, str], tmp_path: Path
) -> None:
    def listing(connection: Any, request: Any) -> None:
        if request.path.endswith("/models"):
            rows = [{"id": "evil\x1b]0;owned\x07", "object": "model", "owned_by": "vllm"}]
            connection.reply(200, {"object": "list", "data": rows})
        elif not request.path.endswith("/chat/completions"):
            connection.reply(404, None)
        else:
            metered(connection, request)

    ours, theirs = pty.openpty()
    done = roll(
        tmp_path / "w", {**base, "VLLM_API_BASE": serve(listing).url, "TERM": "xterm"},
        "--free", capture_output=False, stderr=theirs, stdout=subprocess.PIPE,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        os.close(ours)
    assert done.returncode == 0
    assert b"1/1" in shown
    assert b"vllm/evil" in shown
    assert b"\x1b]0;" not in shown


def test_the_command_says_what_an_interruption_leaves_open(serve: Serve, base: dict[str, str], tmp_path: Path) -> None:
    came, held = threading.Event(), threading.Event()

    def holding(connection: Connection, request: Received) -> None:
        came.set()
        held.wait(PATIENCE)

    command = [sys.executable, "-W", "error", "-m", "inference_providers", "roll-call", "--model", "gpt-4o-mini"]
    with subprocess.Popen(
        [*command, "--provider", "openai", "--budget", "1"], cwd=tmp_path, env=keyed(base, serve(holding)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert came.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=PATIENCE)
        held.set()
    assert process.returncode == 130
    assert re.search(r"^0 answered, 0 failed, [1-9]\d* interrupted, .*unknown cost: at most \$0\.0", shown)
    assert "interrupted" in (tmp_path / "roll-call.md").read_text()
