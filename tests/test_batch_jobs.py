"""Providers' own batch APIs: upload, wait, download; a kill in between; and all that a provider may do wrong."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import (
    AsyncBatchJobs,
    AsyncProviderList,
    AuthenticationError,
    BatchJobs,
    InvalidRequestError,
    NoCredentialsError,
    ProviderList,
    ProviderUnavailableError,
    UnknownModelError,
)
from inference_providers.batches import provider_jobs as batch_jobs
from inference_providers.batches.files import Results
from inference_providers.registry.registry import bundled
from tests.batch_server import Jobs, bad, good
from tests.conftest import ROOT, keys, registry_of
from tests.servers import PATIENCE, Server, refused_port

Serve = Callable[..., Server]
ROWS = ["openai", "mistral", "together", "novita"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_jobs, "POLL", (0.01, 0.02))


def row_of(provider: str) -> dict[str, Any]:
    """How a provider's batch API works: its own row over what holds for all."""
    return {**bundled().batch, **bundled().providers[provider].connection["batch"]}


def registry(url: str, provider: str = "openai", **more: Any) -> dict[str, Any]:
    """A registry with one provider whose batch API is that of another."""
    made = registry_of(url, facts=[[8000, 1000, 1.0, 2.0]])
    made["batch"] = bundled().batch
    made["providers"]["p1"]["connection"]["batch"] = {**bundled().providers[provider].connection["batch"], **more}
    return json.loads(json.dumps(made, default=dict))  # type: ignore[no-any-return]


def run(
    url: str,
    questions: Any,
    out: Path,
    models: Any = None,
    *,
    provider: str = "openai",
    kind: str = "sync",
    **options: Any,
) -> tuple[list[Any], Any]:
    """Results in the file, and the summary."""
    settings: dict[str, Any] = {"json_override": registry(url, provider, **options.pop("row", {}))}
    settings |= {"environ": options.pop("environ", keys(1)), "local": False}
    options = {"mode": "provider", "out": out, "progress": False, **options}
    if kind == "sync":
        made = ProviderList(**settings).batch(questions, models, **options)
    else:

        async def work() -> Any:
            return await AsyncProviderList(**settings).batch(questions, models, **options)

        made = asyncio.run(work())
    return list(Results(out)), made.summary


def texts(results: list[Any]) -> list[str | None]:
    return [str(result.answer) if result.ok else None for result in results]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("provider", ROWS)
def test_every_form_of_batch_api_is_spoken(serve: Serve, out: Path, provider: str, kind: str) -> None:
    row = row_of(provider)
    jobs = Jobs(row)
    results, summary = run(serve(jobs).url, ["a", "b", "c"], out, provider=provider, kind=kind, max_tokens=5)
    assert texts(results) == ["re: a", "re: b", "re: c"]
    assert (summary.answered, jobs.uploads, len(jobs.jobs)) == (3, 1, 1)
    assert jobs.forms[0]["purpose"] == row["form"]["purpose"]
    line = jobs.lines[0][0]
    assert (line["method"], line["body"]["model"], line["body"]["max_tokens"]) == ("POST", "m-internal", 5)
    asked = jobs.jobs["job-1"]["asked"]
    assert set(asked) == set(row["body"])
    assert "in-1" in (asked.get("input_file_id"), *asked.get("input_files", ()))
    assert not Path(f"{out}.jobs.json").exists()


def test_the_price_is_that_of_a_batch(serve: Serve, out: Path) -> None:
    results, summary = run(serve(Jobs(row_of("openai"))).url, ["a"], out)
    assert results[0].answer.cost == pytest.approx((3 * 1.0 + 1 * 2.0) / 1e6 / 2)
    assert summary.cost == results[0].answer.cost


def test_a_finished_batch_is_not_sent_again(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    server = serve(jobs)
    run(server.url, ["a", "b"], out)
    results, summary = run(server.url, ["a", "b"], out)
    assert (texts(results), summary.resumed, jobs.uploads) == (["re: a", "re: b"], 2, 1)


def test_errors_come_in_a_file_of_their_own(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.failing = lambda line: line["body"]["messages"][-1]["content"] == "b"
    jobs.result = lambda line: bad(line) if jobs.failing(line) else good(line)
    server = serve(jobs)
    results, summary = run(server.url, ["a", "b"], out)
    assert texts(results) == ["re: a", None]
    assert "your prompt is bad" in str(results[1].error)
    assert summary.failed == 1
    jobs.failing = lambda line: False
    again, _ = run(server.url, ["a", "b"], out)
    assert texts(again) == ["re: a", "re: b"]
    assert [line["body"]["messages"][-1]["content"] for line in jobs.lines[1]] == ["b"]


def test_a_line_that_is_missing_is_a_failure_and_the_rest_is_kept(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.result = lambda line: None if line["body"]["messages"][-1]["content"] == "b" else good(line)
    results, _ = run(serve(jobs).url, ["a", "b", "c"], out)
    assert texts(results) == ["re: a", None, "re: c"]
    assert "without a result" in str(results[1].error)


@pytest.mark.parametrize(
    "made",
    [
        "not JSON",
        "[1]",
        '{"custom_id": null}',
        '{"custom_id": "stranger", "response": {"body": {}}}',
    ],
)
def test_results_of_no_known_form_fail_their_items_alone(serve: Serve, out: Path, made: str) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.result = lambda line: made if line["body"]["messages"][-1]["content"] == "b" else good(line)
    assert texts(run(serve(jobs).url, ["a", "b"], out)[0]) == ["re: a", None]


@pytest.mark.parametrize(
    "response",
    [
        None,
        5,
        {"body": None},
        {"body": {}},
        {"body": {"choices": []}},
        {"body": {"choices": [None]}},
        {"status_code": "ok", "body": {"choices": []}},
        {"status_code": 500, "body": {"error": "boom"}},
    ],
)
def test_a_response_that_is_none_fails_its_item_alone(serve: Serve, out: Path, response: Any) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.result = lambda line: (
        {**good(line), "response": response} if line["body"]["messages"][-1]["content"] == "b" else good(line)
    )
    assert texts(run(serve(jobs).url, ["a", "b"], out)[0]) == ["re: a", None]


@pytest.mark.parametrize("provider", ["openai", "mistral", "together"])
def test_a_failed_job_fails_its_items_and_they_are_sent_anew_next_time(serve: Serve, out: Path, provider: str) -> None:
    row = row_of(provider)
    jobs = Jobs(row, status=row["failed"][0])
    jobs.result = lambda line: None
    server = serve(jobs)
    results, summary = run(server.url, ["a", "b"], out, provider=provider)
    assert (summary.failed, texts(results)) == (2, [None, None])
    assert row["failed"][0] in str(results[0].error)
    jobs.status, jobs.result = row["done"][0], good
    assert texts(run(server.url, ["a", "b"], out, provider=provider)[0]) == ["re: a", "re: b"]
    assert jobs.uploads == 2


def test_an_expired_job_gives_what_it_has(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"), status="expired")
    jobs.result = lambda line: good(line) if line["body"]["messages"][-1]["content"] == "a" else None
    assert texts(run(serve(jobs).url, ["a", "b"], out)[0]) == ["re: a", None]


@pytest.mark.parametrize(
    ("code", "kind"), [(400, InvalidRequestError), (401, AuthenticationError), (403, AuthenticationError)]
)
@pytest.mark.parametrize("refused", ["POST /files", "POST /batches"])
def test_a_refusal_is_told_for_every_item_and_not_tried_again(
    serve: Serve, out: Path, refused: str, code: int, kind: type[Exception]
) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse[refused] = lambda connection: connection.reply(code, {"error": {"message": "no, sorry"}})
    server = serve(jobs)
    results, summary = run(server.url, ["a", "b"], out)
    assert summary.failed == 2
    assert type(json.loads(out.read_text().splitlines()[0])["error"]) is dict
    assert kind.__name__ in str(results[0].error)
    assert len([request for request in server.requests if request.path.endswith(refused.split("/")[1])]) == 1


def test_a_provider_that_is_unwell_for_a_moment_is_asked_again(serve: Serve, out: Path) -> None:
    jobs, left = Jobs(row_of("openai")), {"GET /batches": 1, "GET /files": 1}

    def unwell(start: str) -> Callable[[Any], None]:
        def reply(connection: Any) -> None:
            left[start] -= 1
            if not left[start]:
                del jobs.refuse[start]
            connection.reply(503, {"error": "busy"}, {"retry-after": "0.01"})

        return reply

    jobs.refuse |= {start: unwell(start) for start in left}
    assert texts(run(serve(jobs).url, ["a"], out)[0]) == ["re: a"]
    assert jobs.uploads == 1


@pytest.mark.parametrize("broken", ["GET /batches", "GET /files"])
def test_a_job_that_cannot_be_looked_at_is_taken_up_later_and_not_paid_twice(
    serve: Serve, out: Path, broken: str
) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse[broken] = lambda connection: connection.reply(401, {"error": {"message": "key expired"}})
    server = serve(jobs)
    _, summary = run(server.url, ["a", "b"], out)
    assert summary.failed == 2
    jobs.refuse.clear()
    assert texts(run(server.url, ["a", "b"], out)[0]) == ["re: a", "re: b"]
    assert jobs.uploads == 1


def test_nobody_there_is_told_for_every_item(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_jobs, "TRIES", 1)
    results, summary = run(f"http://127.0.0.1:{refused_port()}/v1", ["a"], out)
    assert summary.failed == 1
    assert ProviderUnavailableError.__name__ in str(results[0].error)


@pytest.mark.parametrize("reply", [b"[]", b"hello", b"{}", b'{"id": 5}'])
def test_a_reply_without_a_job_id_is_an_error(serve: Serve, out: Path, reply: bytes) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse["POST /batches"] = lambda connection: connection.reply(200, reply)
    assert run(serve(jobs).url, ["a"], out)[1].failed == 1
    assert not Path(f"{out}.jobs.json").exists()


def test_an_upload_without_an_id_starts_no_job(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse["POST /files"] = lambda connection: connection.reply(200, {"object": "file"})
    assert run(serve(jobs).url, ["a"], out)[1].failed == 1
    assert jobs.jobs == {}


def test_bad_items_are_told_and_do_not_go_up(serve: Serve, out: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'"a"\n{oops\n{"custom_id": "x", "prompt": "b"}\n{"prompt": "c", "model": "no-such-model-xyz"}\n')
    jobs = Jobs(row_of("openai"))
    results, summary = run(serve(jobs).url, file, out)
    assert texts(results) == ["re: a", None, "re: b", None]
    assert (summary.malformed, results[1].line, results[2].custom_id) == (1, 2, "x")
    assert len(jobs.lines[0]) == 2


def test_equal_questions_and_equal_ids_are_each_answered(serve: Serve, out: Path) -> None:
    asked = [{"custom_id": "same", "prompt": "a"}] * 3
    results, _ = run(serve(Jobs(row_of("openai"))).url, asked, out)
    assert (texts(results), [result.custom_id for result in results]) == (["re: a"] * 3, ["same"] * 3)


def test_more_than_a_file_may_hold_goes_up_as_several(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    questions = [str(number) for number in range(7)]
    results, _ = run(serve(jobs).url, questions, out, row={"requests": 3})
    assert texts(results) == [f"re: {question}" for question in questions]
    assert [len(lines) for lines in jobs.lines] == [3, 3, 1]


def test_a_file_is_not_larger_than_it_may_be(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    run(serve(jobs).url, ["x" * 400] * 5, out, row={"bytes": 1500})
    assert jobs.uploads > 1
    assert all(len(data) <= 1500 for name, data in jobs.files.items() if name.startswith("in-"))


def test_answers_take_the_form_of_openai_where_the_items_did(serve: Serve, out: Path) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    line = {"custom_id": "x", "method": "POST", "url": "/v1/chat/completions", "body": body}
    run(serve(Jobs(row_of("openai"))).url, [line], out)
    row = json.loads(out.read_text())
    assert (row["custom_id"], row["response"]["status_code"], row["error"]) == ("x", 200, None)
    assert row["response"]["body"]["choices"][0]["message"]["content"] == "re: a"


def test_the_first_failure_is_raised_where_that_is_wanted(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.result = bad
    server = serve(jobs)
    with pytest.raises(InvalidRequestError, match="your prompt is bad"):
        run(server.url, ["a"], out, on_error="raise")
    jobs.result = good
    assert texts(run(server.url, ["a"], out, on_error="raise")[0]) == ["re: a"]


def test_a_provider_without_a_batch_api_is_named(serve: Serve, out: Path) -> None:
    made = ProviderList(json_override=registry_of(serve().url), environ=keys(1), local=False)
    results = list(made.batch(["a"], mode="provider", out=out))
    assert NoCredentialsError.__name__ in str(results[0].error)
    assert "no batch API" in str(results[0].error)


@pytest.mark.parametrize("options", [{"schema": {"type": "object"}}, {"tools": [len]}, {"out": None}])
def test_what_takes_more_than_one_reply_is_refused(serve: Serve, out: Path, options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        made = ProviderList(json_override=registry(serve().url), environ=keys(1), local=False)
        list(made.batch(["a"], **{"mode": "provider", "out": out, **options}))


PROGRAM = """
import json, sys
from inference_providers import ProviderList
from inference_providers.batches import provider_jobs as batch_jobs
batch_jobs.POLL = (0.01, 0.02)
ProviderList(json_override=json.loads(sys.argv[1]), environ=json.loads(sys.argv[2]), local=False).batch(
    ["a", "b", "c"], mode="provider", out=sys.argv[3])
"""


def test_a_program_that_was_killed_takes_up_its_job_and_the_file_holds_no_secret(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"), looks=10**9)
    server = serve(jobs)
    arguments = [json.dumps(registry(server.url)), json.dumps(keys(1)), str(out)]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT)
    end = time.monotonic() + PATIENCE
    while len(server.requests) < 5 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    text = Path(f"{out}.jobs.json").read_text()
    assert "job-1" in text
    assert not any(key in text for key in keys(1).values())
    jobs.jobs["job-1"]["left"] = 2
    assert texts(run(server.url, ["a", "b", "c"], out)[0]) == ["re: a", "re: b", "re: c"]
    assert (jobs.uploads, len(jobs.jobs)) == (1, 1)
    assert not Path(f"{out}.jobs.json").exists()


def test_new_questions_beside_a_job_under_way_go_up_alone(serve: Serve, out: Path) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse["GET /batches"] = lambda connection: connection.reply(401, {"error": "not now"})
    server = serve(jobs)
    run(server.url, ["a", "b"], out)
    jobs.refuse.clear()
    assert texts(run(server.url, ["a", "b", "c"], out)[0]) == ["re: a", "re: b", "re: c"]
    assert [len(lines) for lines in jobs.lines] == [2, 1]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"job-9": {}}', '{"job-9": 5}', '{"job-9": {"items": 5}}'])
def test_a_jobs_file_that_is_no_such_file_is_no_matter(serve: Serve, out: Path, text: str) -> None:
    Path(f"{out}.jobs.json").write_text(text)
    assert texts(run(serve(Jobs(row_of("openai"))).url, ["a"], out)[0]) == ["re: a"]


@pytest.mark.parametrize("gone", ["GET /batches", "GET /files"])
def test_a_job_that_the_provider_has_forgotten_does_not_stay_for_ever(serve: Serve, out: Path, gone: str) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse[gone] = lambda connection: connection.reply(404, {"error": {"message": "no such job"}})
    server = serve(jobs)
    assert run(server.url, ["a"], out)[1].failed == 1
    jobs.refuse.clear()
    assert texts(run(server.url, ["a"], out)[0]) == ["re: a"]


# Why a job failed

LIMIT = "Enqueued token limit reached for m in organization org-1. Limit: 90,000 enqueued tokens."
REASONS: list[tuple[dict[str, Any], str]] = [
    ({"errors": {"object": "list", "data": [{"code": "token_limit_exceeded", "message": LIMIT, "line": None}]}}, LIMIT),
    ({"errors": {"data": [{"code": "a", "message": "one", "line": 3}, {"message": "two"}]}}, "line 3: one; two"),
    ({"errors": {"data": [{"message": f"m{n}"} for n in range(9)]}}, "m0; m1; m2; and 6 more"),
    ({"errors": [{"message": "bad file", "count": 2}]}, "bad file"),
    ({"errors": [], "error": "Validation failed: line 3"}, "Validation failed: line 3"),
    ({"error": {"message": "no such model", "code": "x"}}, "no such model"),
    ({"errors": {"data": [{"code": "mismatched_model"}]}}, "mismatched_model"),
    ({"errors": {"message": "alone"}}, "alone"),
    ({"errors": "in words"}, ""),
    ({"errors": None}, ""),
    ({"errors": {"data": [None, 5, {"message": "\x1b[31mred"}]}}, "\\x1b[31mred"),
]


@pytest.mark.parametrize(("state", "words"), REASONS)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_why_a_job_failed_is_told(serve: Serve, out: Path, state: dict[str, Any], words: str, kind: str) -> None:
    jobs = Jobs(row_of("openai"), status="failed")
    jobs.result = lambda line: None
    jobs.more = state
    results, _ = run(serve(jobs).url, ["a"], out, kind=kind)
    assert "the job ended as 'failed'" in str(results[0].error)
    assert words in str(results[0].error)
    assert "\x1b" not in str(results[0].error)


# Handles


def handles(url: str, provider: str = "openai", environ: Any = None) -> BatchJobs:
    made = ProviderList(json_override=registry(url, provider), environ=environ or keys(1), local=False)
    return BatchJobs(made)


@pytest.mark.parametrize("provider", ROWS)
def test_jobs_are_listed_looked_at_and_fetched_by_whoever_has_the_key(serve: Serve, out: Path, provider: str) -> None:
    jobs = Jobs(row_of(provider))
    server = serve(jobs)
    run(server.url, [{"prompt": "a", "custom_id": "x"}, "b"], out, provider=provider)
    mine = handles(server.url, provider)
    (job,) = mine.list()
    assert (job.name, job.stage, job.problem) == ("p1/job-1", "done", "")
    assert mine.get(job).status == row_of(provider)["done"][0]
    results = mine.results("p1/job-1")
    assert {str(result.answer) for result in results} == {"re: a", "re: b"}
    assert all(result.custom_id and result.answer.cost for result in results)
    assert mine.list("p1")[0].as_dict()["id"] == "job-1"


def test_jobs_are_handled_in_an_event_loop(serve: Serve, out: Path) -> None:
    server = serve(Jobs(row_of("openai")))
    run(server.url, ["a"], out)

    async def work() -> list[Any]:
        made = AsyncProviderList(json_override=registry(server.url), environ=keys(1), local=False)
        mine = AsyncBatchJobs(made)
        found = [await mine.list(), await mine.get("p1/job-1"), await mine.results("p1/job-1")]
        await made.aclose()
        return found

    listed, job, results = asyncio.run(work())
    assert [one.id for one in listed] == [job.id] == ["job-1"]
    assert texts(results) == ["re: a"]


def test_a_job_is_cancelled_and_says_so(serve: Serve) -> None:
    jobs = Jobs(row_of("openai"), looks=99)
    server = serve(jobs)
    jobs.jobs["job-1"] = {"id": "job-1", "status": "in_progress", "left": 99, "request_counts": {"total": 2, "done": 1}}
    mine = handles(server.url)
    assert (mine.get("p1/job-1").stage, mine.get("p1/job-1").counts) == ("running", {"total": 2, "done": 1})
    with pytest.raises(ProviderUnavailableError, match="it still runs"):
        mine.results("p1/job-1")
    assert mine.cancel("p1/job-1").status == "cancelling"


def test_a_failed_job_says_why_when_it_is_looked_at_and_fetched(serve: Serve) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.jobs["job-1"] = {"id": "job-1", "status": "failed", "left": 99, **REASONS[0][0]}
    mine = handles(serve(jobs).url)
    assert mine.list()[0].problem == LIMIT
    with pytest.raises(ProviderUnavailableError, match="Enqueued token limit"):
        mine.results("p1/job-1")


def test_what_names_no_job_is_refused_before_anything_is_sent(serve: Serve) -> None:
    server = serve(Jobs(row_of("openai")))
    mine = handles(server.url)
    for wrong in ("job-1", "p1/", "nobody/job-1"):
        with pytest.raises(UnknownModelError):
            mine.get(wrong)
    with pytest.raises(ProviderUnavailableError, match="not an id"):
        mine.get("p1/../../files")
    with pytest.raises(NoCredentialsError):
        handles(server.url, environ={"OTHER": "x"}).get("p1/job-1")
    assert server.requests == []


def test_a_provider_that_refuses_the_list_does_not_hide_the_others(serve: Serve) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.refuse["GET /batches"] = lambda connection: connection.reply(401, {"error": {"message": "bad key"}})
    mine = handles(serve(jobs).url)
    assert list(mine.list()) == []
    assert isinstance(mine.problems["p1"], AuthenticationError)
    with pytest.raises(AuthenticationError):
        mine.list("p1")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["list"], 0, "openai/job-1"),
        (["list", "openai", "--json"], 0, '"stage": "done"'),
        (["show", "openai/job-1"], 0, "status: completed"),
        (["fetch", "openai/job-1"], 0, "re: a"),
        (["cancel", "openai/job-1"], 0, "status: cancelling"),
        (["show", "job-1"], 4, "names no job"),
        (["list", "anyscale"], 4, ""),
    ],
)
def test_the_command_line_handles_jobs(
    serve: Serve, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    jobs = Jobs(row_of("openai"))
    jobs.files["f"] = json.dumps(
        good({"custom_id": "x", "body": {"model": "gpt-4o", "messages": [{"content": "a"}]}})
    ).encode()
    jobs.jobs["job-1"] = {"id": "job-1", "status": "completed", "left": 99, "output_file_id": "f"}
    base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
    base |= {"OPENAI_API_KEY": "canary-jobs-0123456789", "OPENAI_BASE_URL": serve(jobs).url}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "inference_providers", "batch-jobs", *arguments],
        capture_output=True, text=True, env=base, cwd=ROOT, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == code or (code == 4 and done.returncode in (3, 4)), done.stderr
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stdout + done.stderr
