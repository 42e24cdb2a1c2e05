"""`doctor --check` and `models --live`: which keys work, and what they reach, as their providers say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from inference_providers.calls import key_checks, live_asking
from inference_providers.calls.key_checks import FAILED, NOT_ASKED, REFUSED, UNKNOWN, WORKS, check_keys
from inference_providers.cli.key_report import key_report
from inference_providers.cli.main import main
from inference_providers.upkeep.importers.build import load_overlay
from tests.conftest import keys, list_of
from tests.servers import PATIENCE, Connection, Received, Server
from tests.test_live import HOSTILE, asked_for_lists, listing

Serve = Callable[..., Server]
CANARY = "canary-1-0123456789abcdef"


def private(*names: str) -> Any:
    """A server that gives its list only to who has a key."""

    def behaviour(connection: Connection, request: Received) -> None:
        if request.key is None:
            connection.reply(401, {"error": {"message": "no key"}})
        else:
            listing(*names)(connection, request)

    return behaviour


def refusing(status: int, message: str = "Invalid API Key") -> Any:
    return lambda connection, request: connection.reply(status, {"error": {"message": message}})


def checked(*servers: Server, **options: Any) -> list[key_checks.KeyCheck]:
    return check_keys(list_of(*(server.url for server in servers), **options).pipeline)


def test_a_key_works_that_has_a_list_which_nobody_else_gets(serve: Serve) -> None:
    (check,) = checked(serve(private("m-internal", "brand-new", "text-embedding-3")))
    assert (check.verdict, check.status, check.said) == (WORKS, None, "")
    assert check.live is not None
    assert (check.live.talking, check.live.other) == (("m-internal", "brand-new"), ("text-embedding-3",))


def test_an_account_without_models_has_none(serve: Serve) -> None:
    providers = list_of(serve(private()).url)
    (check,) = check_keys(providers.pipeline)
    row = check.as_dict(providers.registry)
    assert (row["verdict"], row["models"], row["not_in_list"]) == ("works", 0, [])


def test_every_row_on_lists_says_after_which_page(serve: Serve) -> None:
    """And is one that the requests are made by."""
    overlay = load_overlay()
    rows = {pid: row["connection"]["list"] for pid, row in overlay["providers"].items() if "list" in row.get("connection", {})}  # fmt: skip
    assert {"anthropic", "openrouter"} <= rows.keys()

    def anything(connection: Connection, request: Received) -> None:
        known = request.key is not None
        connection.reply(200 if known else 401, {"data": [{"id": "m-internal"}]} if known else {"error": "no key"})

    for pid, row in rows.items():
        assert overlay["pages"][pid]["list"]["page"].startswith("https://")
        server = serve(anything)
        (check,) = checked(server, json_merge={"providers": {"p1": {"connection": {"list": row}}}})
        assert check.verdict == WORKS
        first = server.requests[0]
        assert first.path == "/v1" + row.get("path", "/models")
        assert first.headers.get(row.get("key", "authorization"), "").removeprefix("Bearer ") == keys(1)["P1_API_KEY"]


@pytest.mark.parametrize(("status", "words"), [(400, "API key not valid. Please pass a valid API key."), (403, "Invalid API key")])  # fmt: skip
def test_a_key_may_be_refused_with_any_status(serve: Serve, status: int, words: str) -> None:
    (check,) = checked(serve(refusing(status, words)))
    assert (check.verdict, check.status, check.said) == (REFUSED, status, words)


def test_a_refused_key_is_told_in_the_providers_words(serve: Serve) -> None:
    (check,) = checked(serve(refusing(401)))
    assert (check.verdict, check.status, check.said, check.live) == (REFUSED, 401, "Invalid API Key", None)


@pytest.mark.parametrize(
    ("behaviour", "verdict", "said"),
    [
        (listing("m-internal"), UNKNOWN, key_checks.OPEN),
        (refusing(404, "Not Found"), UNKNOWN, "it has no list of models to ask for"),
        (refusing(405, "Not allowed"), UNKNOWN, "it has no list of models to ask for"),
        (refusing(403, "not in your country"), FAILED, "not in your country"),
        (listing(), UNKNOWN, key_checks.OPEN),
        (refusing(402, "no balance"), FAILED, "no balance"),
        (refusing(429, "slow down"), FAILED, "slow down"),
        (refusing(500, "oops"), FAILED, "oops"),
        (lambda connection, request: connection.reset(), FAILED, ""),
        (lambda connection, request: connection.reply(200, "<html>hello</html>"), UNKNOWN, "what it replied is no list of models"),
    ],
    ids=["open to everybody", "404", "405", "403", "empty", "402", "429", "500", "broken", "a page"],
)  # fmt: skip
def test_what_proves_nothing_is_told_as_that(serve: Serve, behaviour: Any, verdict: str, said: str) -> None:
    (check,) = checked(serve(behaviour))
    assert check.verdict == verdict
    assert said in check.said


def test_where_everybody_gets_the_list_a_page_about_the_key_tells(serve: Serve) -> None:
    """The row of the registry names it; a list without a key is then not asked for."""

    def router(connection: Connection, request: Received) -> None:
        if request.path.endswith("/key"):
            fits = request.key == keys(1)["P1_API_KEY"]
            connection.reply(200 if fits else 401, {"data": {}} if fits else {"error": {"message": "No such key"}})
        else:
            listing("m-internal")(connection, request)

    server, row = serve(router), {"providers": {"p1": {"connection": {"list": {"check": "/key"}}}}}
    (check,) = checked(server, json_merge=row)
    assert (check.verdict, [request.path for request in server.requests]) == (WORKS, ["/v1/models", "/v1/key"])
    assert check.live is not None
    (check,) = checked(server, json_merge=row, environ={"P1_API_KEY": "canary-2-0123456789abcdef"})
    assert (check.verdict, check.said, check.live) == (REFUSED, "No such key", None)


def test_no_redirect_is_followed(serve: Serve) -> None:
    stranger = serve(listing("m-internal"))
    leading = serve(lambda connection, request: connection.reply(302, None, {"location": f"{stranger.url}/models"}))
    (check,) = checked(leading)
    assert (check.verdict, stranger.requests) == (FAILED, [])


def test_each_key_is_seen_by_its_owner_only_and_the_proof_goes_without(serve: Serve) -> None:
    servers = [serve(private("m-internal")) for _ in range(3)]
    checked(*servers)
    for server, key in zip(servers, keys(3).values(), strict=True):
        assert [request.key for request in server.requests] == [key, None]


def test_all_are_asked_at_the_same_time_and_told_in_the_registrys_order(serve: Serve) -> None:
    """Each server answers only when all have been asked: one after another would never end."""
    import threading

    all_there = threading.Barrier(8)

    def meeting(connection: Connection, request: Received) -> None:
        if request.key is not None:
            all_there.wait(PATIENCE)
        private("m-internal")(connection, request)

    found = checked(*[serve(meeting) for _ in range(8)])
    assert [(check.provider.id, check.verdict) for check in found] == [(f"p{n}", WORKS) for n in range(1, 9)]


def test_a_slow_provider_is_left_behind(serve: Serve) -> None:
    slow = serve(lambda connection, request: connection.hold())
    providers = list_of(slow.url, serve(private("m-internal")).url)
    late, quick = check_keys(providers.pipeline, seconds=5)
    assert (late.verdict, quick.verdict) == (FAILED, WORKS)
    assert slow.left()


def test_what_hangs_on_something_else_than_a_reply_is_left_behind_as_well() -> None:
    """Names are looked up by the system, which knows no deadline of ours."""
    import threading

    forever = threading.Event()
    found = live_asking.at_once(lambda item, left: item if item != "slow" else forever.wait(PATIENCE), ["slow", "quick"], 2)  # fmt: skip
    forever.set()
    assert found == [None, "quick"]


def test_more_providers_than_are_asked_at_once_all_have_their_turn() -> None:
    count = 3 * live_asking.AT_ONCE
    assert live_asking.at_once(lambda item, left: item * 2, range(count), PATIENCE) == [n * 2 for n in range(count)]


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_list_is_told_in_a_few_lines(serve: Serve, case: str) -> None:
    def hostile(connection: Connection, request: Received) -> None:
        connection.reply(200, HOSTILE[case], {"content-type": "application/json"})

    providers = list_of(serve(hostile).url)
    checks = check_keys(providers.pipeline, prove=False)
    text = key_report(checks, providers.registry)
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text) is None
    assert len(text) < 2000
    json.dumps([check.as_dict(providers.registry) for check in checks])


HOSTILE_WORDS = ["\x1b]0;title\x07\x1b[2J", "\u202eevil", "x" * 10_000, "字" * 500, "a\r\nb" * 50]


@pytest.mark.parametrize("words", HOSTILE_WORDS, ids=["escapes", "reversed", "long", "wide", "lines"])
def test_words_of_a_refusal_do_not_steer_a_terminal_and_fit_into_80_columns(serve: Serve, words: str) -> None:
    providers = list_of(serve(refusing(401, words)).url)
    text = key_report(check_keys(providers.pipeline), providers.registry)
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text) is None
    assert max(map(cell_len, text.splitlines())) <= 79
    assert len(text) < 1500


def test_a_refusal_that_quotes_the_key_does_not_show_it(serve: Serve) -> None:
    def echoing(connection: Connection, request: Received) -> None:
        connection.reply(401, {"error": {"message": f"Incorrect API key provided: {request.key}"}})

    providers = list_of(serve(echoing).url)
    checks = check_keys(providers.pipeline)
    assert checks[0].verdict == REFUSED
    assert keys(1)["P1_API_KEY"] not in key_report(checks, providers.registry) + json.dumps(checks[0].as_dict(providers.registry))  # fmt: skip


def test_what_the_registry_lacks_and_what_it_lists_in_vain(serve: Serve) -> None:
    more = {"old": "old-model", "pro": "pro-3"}
    listed = ("models/m-internal", "Brand-New", "pro-3-2026-01-01", "pro-3", "text-embedding-3")
    providers = list_of(serve(private(*listed)).url, more=more)
    (check,) = check_keys(providers.pipeline)
    row = check.as_dict(providers.registry)
    assert (row["models"], row["other_models"]) == (4, 1)
    assert row["not_in_registry"] == ["Brand-New"]  # no snapshot of what it has, nothing that is not to talk to
    assert row["not_in_list"] == ["old-model"]
    rows = [(one["model"], one["name"], one["note"]) for one in check.rows(providers.registry)]
    assert rows == [
        ("Brand-New", "Brand-New", "not in the registry"),
        ("m", "models/m-internal", ""),
        ("pro", "pro-3", ""),
        ("pro", "pro-3-2026-01-01", ""),
        ("old", "old-model", "not in its list"),
    ]


def test_general_purpose_tokens_and_who_is_avoided_are_not_asked(serve: Serve) -> None:
    first, second = serve(private("m-internal")), serve(private("m-internal"))
    row = {"providers": {"p1": {"connection": {"opt_in": True}}}}
    found = checked(first, second, json_merge=row, avoid=["p2"])
    assert [check.verdict for check in found] == [NOT_ASKED, NOT_ASKED]
    assert "INFERENCE_PROVIDERS_ALLOW=p1" in found[0].said
    assert "avoid" in found[1].said
    assert first.requests == second.requests == []
    assert checked(first, json_merge=row, allow=["p1"])[0].verdict == WORKS


def test_off_line_nobody_is_asked(serve: Serve) -> None:
    first = serve(private("m-internal"))
    (check,) = checked(first, environ={"INFERENCE_PROVIDERS_OFFLINE": "1"})
    assert (check.verdict, check.said, first.requests) == (NOT_ASKED, "off line", [])


# The command line


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")

    def run(*words: str, **environ: str) -> Any:
        return CliRunner().invoke(main, words, env=environ)

    return run


def at(variable: str, server: Server, key: str = CANARY) -> dict[str, str]:
    return {f"{variable}_API_KEY": key, f"{variable}_BASE_URL": server.url}


def test_doctor_check_says_what_works_and_what_to_do(serve: Serve, run: Any) -> None:
    good, bad, none = serve(private("gpt-4o", "gpt-9-next")), serve(refusing(401)), serve(refusing(404, "Not Found"))
    environ = {**at("OPENAI", good), **at("GROQ", bad, CANARY.replace("-1-", "-2-")), **at("CEREBRAS", none, CANARY.replace("-1-", "-3-"))}  # fmt: skip
    done = run("doctor", "--check", **environ)
    assert done.exit_code == 0, done.output
    text = done.output.partition("Keys, as their providers say:")[2]
    lines = [line.strip() for line in text.splitlines()]
    assert "OPENAI_API_KEY  openai: works" in lines
    assert "It has 2 models to talk to." in lines
    assert "Not in the registry: gpt-9-next." in lines
    assert any(line.startswith("In the registry, and not in its list: ") for line in lines)
    assert "GROQ_API_KEY  groq: the key is refused (HTTP 401): Invalid API Key" in lines
    assert "Put another key in GROQ_API_KEY; get one at https://console.groq.com/keys" in lines
    assert "CEREBRAS_API_KEY  cerebras: cannot be judged (HTTP 404): it has no list of" in text
    assert "1 of 3 keys works for certain." in lines
    assert max(map(cell_len, text.splitlines())) < 80
    assert "canary" not in done.output


def test_doctor_check_as_json(serve: Serve, run: Any) -> None:
    good = serve(private("gpt-4o", "gpt-9-next"))
    done = run("doctor", "--check", "--json", **at("OPENAI", good))
    (row,) = json.loads(done.output)["check"]
    assert (row["provider"], row["variable"], row["verdict"], row["models"]) == ("openai", "OPENAI_API_KEY", "works", 2)
    assert row["not_in_registry"] == ["gpt-9-next"]
    assert "check" not in json.loads(run("doctor", "--json", **at("OPENAI", good)).output)
    assert len(good.requests) == 2


@pytest.mark.parametrize(("behaviour", "code"), [(private("gpt-4o"), 0), (listing("gpt-4o"), 0), (refusing(404, "Not Found"), 0), (refusing(401), 1), (refusing(500), 1)], ids=["works", "open", "no list", "refused", "unwell"])  # fmt: skip
def test_the_exit_code_is_1_where_no_key_works(serve: Serve, run: Any, behaviour: Any, code: int) -> None:
    environ = at("OPENAI", serve(behaviour))
    assert run("doctor", "--check", **environ).exit_code == code
    assert run("doctor", "--check", "--json", **environ).exit_code == code
    assert run("doctor", **environ).exit_code == 0
    assert run("models", "--live", **environ).exit_code == code


def test_one_refused_key_beside_one_that_works_is_no_failure(serve: Serve, run: Any) -> None:
    environ = {**at("OPENAI", serve(private("gpt-4o"))), **at("GROQ", serve(refusing(401)))}
    assert run("doctor", "--check", **environ).exit_code == 0
    assert run("models", "--live", **environ).exit_code == 0


def test_without_any_key_the_exit_code_is_3_and_with_a_server_here_0(serve: Serve, run: Any) -> None:
    done = run("doctor", "--check")
    assert (done.exit_code, "there is none to ask about" in done.output) == (3, True)
    assert run("models", "--live").exit_code == 3
    here = serve(listing("qwen3-8b"))
    assert run("doctor", "--check", VLLM_API_BASE=here.url).exit_code == 0
    done = run("models", "--live", "--json", VLLM_API_BASE=here.url)
    assert (done.exit_code, [row["name"] for row in json.loads(done.stdout)]) == (0, ["qwen3-8b"])


def test_models_live_lists_what_the_account_has(serve: Serve, run: Any) -> None:
    environ = {**at("OPENAI", serve(private("gpt-4o", "gpt-9-next"))), **at("GROQ", serve(refusing(401)))}
    done = run("models", "--live", "gpt", **environ)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["gpt-4o", "openai", "gpt-4o", ""]
    assert rows[1] == ["gpt-9-next", "openai", "gpt-9-next", "not in the registry"]
    assert {row[3] for row in rows[2:]} == {"not in its list"}
    assert "GROQ_API_KEY  groq: the key is refused (HTTP 401): Invalid API Key" in done.stderr
    found = json.loads(run("models", "--live", "9-next", "--json", **environ).stdout)
    assert found == [{"model": "gpt-9-next", "provider": "openai", "name": "gpt-9-next", "note": "not in the registry"}]
    assert run("models", "--live", "--all", **environ).exit_code == 2


def test_off_line_the_command_line_says_so_and_asks_nobody(serve: Serve, run: Any) -> None:
    server = serve(private("gpt-4o"))
    for words in (["--offline", "doctor", "--check"], ["--offline", "models", "--live"]):
        done = run(*words, **at("OPENAI", server))
        assert (done.exit_code, "Off line: no provider was asked." in done.output) == (0, True)
    assert asked_for_lists(server) == 0
