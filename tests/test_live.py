"""`ProviderList(live=True)`: what providers say themselves that they have corrects the registry, and no call waits."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import NoCredentialsError, ProviderList, UnknownModelError
from inference_providers.calls.live import LiveLists
from inference_providers.calls.live_store import LiveStore
from inference_providers.files import folders
from inference_providers.offers.live_list import LiveList
from inference_providers.registry.provider import Provider
from tests.conftest import async_list_of, keys, list_of
from tests.servers import PATIENCE, Connection, Received, Server, answer

Serve = Callable[..., Server]
NOW = 1790000000.0  # 2026-09-21


def listing(*names: Any, then: Any = answer) -> Any:
    """A server whose list has these: names, or whole rows."""

    def behaviour(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            rows = [name if isinstance(name, dict) else {"id": name} for name in names]
            connection.reply(200, {"object": "list", "data": rows})
        else:
            then(connection, request)

    return behaviour


def late(go_on: threading.Event, *names: Any) -> Any:
    """The same, but the list comes only from then on."""

    def behaviour(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            assert go_on.wait(PATIENCE)
        listing(*names)(connection, request)

    return behaviour


def without_list(status: int) -> Any:
    def behaviour(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(status, {"error": {"message": "no list here"}})
        else:
            answer(connection, request)

    return behaviour


def live_of(*servers: Server, **options: Any) -> Any:
    return list_of(*(server.url for server in servers), live=True, **options)


def lists_of(providers: Any) -> LiveLists:
    found = providers.pipeline.finder.accesses.live
    assert isinstance(found, LiveLists)
    return found


def looked(providers: Any) -> None:
    """Have the lists asked for, and come back when that is over."""
    providers.explain("m")
    settled(providers)


def settled(providers: Any) -> None:
    end = time.monotonic() + PATIENCE
    while lists_of(providers)._asking and time.monotonic() < end:
        time.sleep(0.001)
    assert not lists_of(providers)._asking


def asked_for_lists(server: Server) -> int:
    return sum(request.path.endswith("/models") for request in server.requests)


def test_what_a_list_lacks_is_left_to_the_next_provider(serve: Serve) -> None:
    go_on = threading.Event()
    first, second = serve(late(go_on, "other")), serve(listing("m-internal"))
    providers = live_of(first, second)
    assert providers.ask_ai("hi", model="m").provider == "p1"  # nobody waits for a list
    go_on.set()
    settled(providers)
    assert providers.ask_ai("hi", model="m").provider == "p2"
    assert providers.ask_ai("hi").provider == "p2"
    assert len(first.asked) == 1
    lines = str(providers.explain("m")).splitlines()
    assert lines[1].startswith("  no     p1/m-internal: its provider's list of 20")
    assert lines[1].endswith(" lacks it")
    assert lines[2].startswith("  first  p2/m-internal")


def test_the_same_for_asyncio(serve: Serve) -> None:
    import asyncio

    go_on = threading.Event()
    first, second = serve(late(go_on, "other")), serve(listing("m-internal"))
    providers = async_list_of(first.url, second.url, live=True)

    async def main() -> list[str | None]:
        before = await providers.ask_ai("hi", model="m")
        go_on.set()
        await asyncio.to_thread(settled, providers)
        after = await providers.ask_ai("hi", model="m")
        await providers.aclose()
        return [before.provider, after.provider]

    assert asyncio.run(main()) == ["p1", "p2"]


def test_the_first_answer_waits_for_no_list(serve: Serve) -> None:
    """The list comes only when the chat was answered: a call that waited for it would never end."""
    answered = threading.Event()
    first, second = serve(late(answered, "other")), serve(late(answered, "m-internal"))
    providers = live_of(first, second)
    assert providers.ask_ai("hi", model="m").provider == "p1"
    assert lists_of(providers)._asking  # the lists are waited for yet, by nobody
    answered.set()
    settled(providers)
    assert providers.ask_ai("hi", model="m").provider == "p2"


def test_one_slow_list_does_not_hold_up_the_others(serve: Serve) -> None:
    slow = serve(lambda connection, request: connection.hold() if request.path.endswith("/models") else answer(connection, request))  # fmt: skip
    quick, last = serve(listing("other")), serve(listing("m-internal"))
    providers = live_of(quick, last, slow)
    providers.explain("m")
    end = time.monotonic() + PATIENCE
    while providers.explain("m").chosen.provider != "p2" and time.monotonic() < end:
        time.sleep(0.001)
    assert providers.explain("m").chosen.provider == "p2"
    assert lists_of(providers)._asking  # the slow one is waited for yet, by nobody


def test_what_a_providers_own_list_has_is_not_doubtful(serve: Serve) -> None:
    go_on = threading.Event()
    doubtful = [8000, 1000, 1, 2, None, "d"]
    providers = live_of(serve(late(go_on, "m-internal")), serve(listing("m-internal")), facts=[doubtful, doubtful[:5]])
    assert [offer.provider for offer in providers.explain("m").candidates] == ["p2", "p1"]
    go_on.set()
    settled(providers)
    assert [offer.provider for offer in providers.explain("m").candidates] == ["p1", "p2"]
    assert "a newer list lacks" not in str(providers.explain("m"))


def test_who_is_named_is_asked_all_the_same(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = live_of(first, serve(listing("m-internal")))
    looked(providers)
    assert providers.ask_ai("hi", model="p1/m").provider == "p1"


def test_a_model_that_nobody_lists_any_more_is_told_as_that(serve: Serve) -> None:
    providers = live_of(serve(listing("other")))
    looked(providers)
    with pytest.raises(NoCredentialsError, match=r"Provider 1 cannot be asked for 'm': its provider's list of 20.* lacks it"):  # fmt: skip
        providers.ask_ai("hi", model="m")


def test_what_the_registry_does_not_know_is_resolved_by_its_own_name(serve: Serve) -> None:
    go_on = threading.Event()
    first = serve(late(go_on, "m-internal", "brand-new-thing", {"id": "vendor/Fresh-Model"}, "text-embedding-9"))
    providers, names = live_of(first, serve(listing("m-internal"))), ("brand-new-thing", "vendor/fresh-model")
    for name in names:
        with pytest.raises(UnknownModelError):
            providers.resolve(name)
    go_on.set()
    settled(providers)
    for name in names:
        found = providers.resolve(name)
        assert (found.rule, [offer.provider for offer in found.offers]) == ("internal name", ["p1"])
    assert providers.resolve("p1/brand-new-thing").rule == "engine"
    assert providers.ask_ai("hi", model="vendor/fresh-model").provider == "p1"
    assert first.asked[-1].json["model"] == "vendor/Fresh-Model"
    with pytest.raises(UnknownModelError):  # nothing to talk to
        providers.resolve("text-embedding-9")


def test_a_canonical_name_reaches_who_lists_that_model_by_another_name(serve: Serve) -> None:
    first, second = serve(listing("acme/M2-Instruct", "m-internal")), serve(listing("m-internal"))
    registry_row = {"name": "P3", "connection": {"protocol": "openai", "endpoint": "http://127.0.0.1:9/v1", "api_key": "P3_API_KEY"}, "model_names": {"m2": "m2-internal"}}  # fmt: skip
    providers = live_of(first, second, json_merge={"providers": {"p3": registry_row}})
    looked(providers)
    found = providers.explain("m2")
    assert [(o.provider, o.internal_name) for o in found.candidates] == [("p1", "acme/M2-Instruct")]
    assert providers.ask_ai("hi", model="m2").provider == "p1"


NAMES = [
    ("gemini-2.5-pro", ["models/gemini-2.5-pro"], False),
    ("Llama3.2", ["llama3.2:latest"], False),
    ("gpt-4o", ["gpt-4o-2024-08-06"], False),
    ("claude-3-5-haiku-latest", ["claude-3-5-haiku-20241022"], False),
    ("org/x", ["x"], False),
    ("x", ["org/x"], False),
    ("x", ["accounts/fireworks/models/x"], False),
    ("org/x", ["other/x"], True),
    ("gpt-4o-2024-08-06", ["gpt-4o"], True),
    ("gpt-4o", ["gpt-4o-mini"], True),
    ("x", ["y", "text-embedding-x"], True),
]


@pytest.mark.parametrize(("name", "listed", "lacks"), NAMES, ids=[f"{name} in {listed}" for name, listed, _ in NAMES])
def test_names_are_compared_as_providers_write_them(name: str, listed: list[str], lacks: bool) -> None:
    provider = Provider("p", {"connection": {}, "model_names": {"x": name}})
    assert LiveList(provider, listed, asked=NOW).lacks(name) == lacks


@pytest.mark.parametrize("case", ["a page", "names of its own", "deployments"])
def test_a_list_that_cannot_be_compared_proves_nothing(case: str) -> None:
    names = {f"m{number}": f"m{number}-internal" for number in range(5)}
    provider = Provider("p", {"connection": {"deployments": case == "deployments"}, "model_names": names})
    listed = ["azureml://1", "azureml://2"] if case == "names of its own" else ["m1-internal"]
    found = LiveList(provider, listed, asked=NOW, whole=case != "a page")
    assert not found.lacks("m2-internal")
    assert found.in_vain() == []


def test_a_word_of_the_providers_own_behind_a_name_is_no_other_model() -> None:
    provider = Provider("p", {"connection": {"suffixes": [":online"]}, "model_names": {"x": "a/x"}})
    assert not LiveList(provider, ["a/x"], asked=NOW).lacks("a/x:online")
    assert LiveList(provider, ["a/x"], asked=NOW).lacks("a/y:online")


def test_another_process_has_the_lists_of_the_day(serve: Serve) -> None:
    """It is told by requests: the second program has an answer of p2 at once, and asks nobody for a list."""
    first, second = serve(listing("other")), serve(listing("m-internal"))
    looked(live_of(first, second))
    registry = live_of(first, second).registry.rows
    code = (
        "import json, sys, os\nfrom inference_providers import ProviderList\n"
        "providers = ProviderList(json_override=json.loads(sys.argv[1]), local=False, live=True)\n"
        "print(providers.ask_ai('hi', model='m').provider, bool(providers.pipeline.finder.accesses.live._asking))"
    )
    data = {"providers": registry["providers"], "auto_model_priority": ["m"]}
    path = LiveStore(live_of(first).pipeline.finder.environ).path
    environ = {**os.environ, **keys(2), "INFERENCE_PROVIDERS_CACHE_DIR": os.path.dirname(path)}
    done = subprocess.run([sys.executable, "-c", code, json.dumps(data)], env=environ, capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.stdout, done.stderr) == ("p2 False\n", "")
    assert (asked_for_lists(first), asked_for_lists(second)) == (1, 1)


def test_the_file_is_the_users_own_and_holds_neither_key_nor_address(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = live_of(first)
    looked(providers)
    store = LiveStore(providers.pipeline.finder.environ)
    text = Path(store.path).read_text()
    key = keys(1)["P1_API_KEY"]
    assert stat.S_IMODE(os.stat(store.path).st_mode) == stat.S_IMODE(os.stat(store._secret_path).st_mode) == 0o600
    assert key not in text and str(first.port) not in text
    import hashlib

    endpoint = first.url
    plain = (key, endpoint + key, f"{endpoint}\0{key}")
    assert not [one for one in plain if hashlib.sha256(one.encode()).hexdigest() in text]
    assert json.loads(text)["lists"].keys() == {store.digest(endpoint, key)}
    Path(store._secret_path).unlink()
    assert LiveStore(providers.pipeline.finder.environ).digest(endpoint, key) not in text


def test_a_list_counts_for_a_day(serve: Serve) -> None:
    now, go_on = [NOW], threading.Event()
    go_on.set()
    first = serve(late(go_on, "other"))
    providers = live_of(first, serve(listing("m-internal")))
    lists_of(providers)._clock = lambda: now[0]
    looked(providers)
    assert providers.explain("m").chosen.provider == "p2"
    now[0] += 86399
    looked(providers)
    assert (asked_for_lists(first), providers.explain("m").chosen.provider) == (1, "p2")
    now[0] += 1
    go_on.clear()
    assert providers.explain("m").chosen.provider == "p1"  # what is older counts no more, and the new one not yet
    go_on.set()
    settled(providers)
    assert (asked_for_lists(first), providers.explain("m").chosen.provider) == (2, "p2")


def test_a_file_from_the_future_does_not_count(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = live_of(first)
    looked(providers)
    path = Path(LiveStore(providers.pipeline.finder.environ).path)
    held = json.loads(path.read_text())
    for row in held["lists"].values():
        row["asked"] = 10**11
    path.write_text(json.dumps(held))
    looked(live_of(first))
    assert asked_for_lists(first) == 2


DAMAGED = {
    "cut off": '{"version": 1, "lists": {"a',
    "another form": "[1, 2]",
    "deep": "[" * 100000,
    "entries that are none": '{"lists": {"a": 3, "b": {"provider": 1}}}',
    "empty": "",
    "no text": "\udcff\udcfe",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_heals(serve: Serve, case: str) -> None:
    first = serve(listing("other"))
    providers = live_of(first, serve(listing("m-internal")))
    path = Path(LiveStore(providers.pipeline.finder.environ).path)
    path.parent.mkdir(parents=True)
    path.write_bytes(DAMAGED[case].encode(errors="surrogateescape"))
    looked(providers)
    assert providers.explain("m").chosen.provider == "p2"
    assert len(json.loads(path.read_text())["lists"]) == 2


def test_names_that_steer_a_terminal_in_the_file_are_not_taken(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = live_of(first)
    looked(providers)
    path = Path(LiveStore(providers.pipeline.finder.environ).path)
    held = json.loads(path.read_text())
    for row in held["lists"].values():
        row["talking"] = ["\x1b[2Jm-internal"]
    path.write_text(json.dumps(held))
    looked(live_of(first))
    assert asked_for_lists(first) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are not examined here")
def test_a_folder_that_others_can_write_is_passed_over_with_one_warning(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_warned", set())
    first = serve(listing("other"))
    providers = live_of(first, serve(listing("m-internal")))
    folder = Path(LiveStore(providers.pipeline.finder.environ).path).parent
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    looked(providers)
    looked(providers)
    assert providers.explain("m").chosen.provider == "p2"  # in this process it counts
    assert len([line for line in caplog.messages if "What providers have is not kept" in line]) == 1
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_passed_over_with_a_warning(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_warned", set())
    first = serve(listing("other"))
    providers = live_of(first, serve(listing("m-internal")))
    folder = Path(LiveStore(providers.pipeline.finder.environ).path).parent
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder would be")
    looked(providers)
    assert providers.explain("m").chosen.provider == "p2"
    assert [line for line in caplog.messages if "cannot be written" in line or "cannot be examined" in line]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500, 302])
def test_a_list_that_cannot_be_had_changes_nothing(serve: Serve, status: int) -> None:
    first = serve(without_list(status))
    providers = live_of(first, serve(listing("m-internal")))
    looked(providers)
    assert providers.ask_ai("hi", model="m").provider == "p1"
    looked(providers)
    assert asked_for_lists(first) == 1  # nor is it asked again and again


def test_no_redirect_is_followed(serve: Serve) -> None:
    stranger = serve(listing("other"))

    def leading(connection: Connection, request: Received) -> None:
        connection.reply(302, None, {"location": f"{stranger.url}/models"})

    providers = live_of(serve(leading), serve(listing("m-internal")))
    looked(providers)
    assert stranger.requests == []


def nested(depth: int) -> bytes:
    return b'{"data": ' + b"[" * depth + b"]" * depth + b"}"


HOSTILE: dict[str, bytes] = {
    "deep": nested(100_000),
    "wrong types": b'{"data": [1, null, [], {}, {"id": 3}, {"id": null}, {"id": {"a": 1}}, true]}',
    "no list": b'{"data": {"id": "other"}}',
    "control characters": json.dumps({"data": [{"id": "\x1b[2J\u202eevil"}, {"id": "a\nb"}]}).encode(),
    "long names": json.dumps({"data": [{"id": "x" * 100_000}]}).encode(),
    "an empty list": b'{"data": []}',
    "no JSON": b"<html>",
    "a number": b"9" * 100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_list_changes_nothing(serve: Serve, case: str) -> None:
    def hostile(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, HOSTILE[case], {"content-type": "application/json"})
        else:
            answer(connection, request)

    providers = live_of(serve(hostile), serve(listing("m-internal")))
    looked(providers)
    assert providers.ask_ai("hi", model="m").provider == "p1"


def test_a_million_names_are_bounded(serve: Serve) -> None:
    """What is longer than what is looked at is no whole list: nothing is left out for it."""
    body = json.dumps({"data": [f"n{number}" for number in range(1_000_000)]}).encode()

    def endless(connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            connection.reply(200, body, {"content-type": "application/json"})
        else:
            answer(connection, request)

    short = json.dumps({"data": [f"n{number}" for number in range(6000)]}).encode()

    def long(connection: Connection, request: Received) -> None:
        connection.reply(200, short, {"content-type": "application/json"})

    providers = live_of(serve(endless), serve(long), serve(listing("m-internal")))
    looked(providers)
    assert [offer.provider for offer in providers.explain("m").candidates] == ["p1", "p2", "p3"]
    path = LiveStore(providers.pipeline.finder.environ).path
    assert all(len(row["talking"]) <= 5000 for row in json.loads(Path(path).read_text())["lists"].values())


def test_each_key_goes_to_its_owner_only(serve: Serve) -> None:
    servers = [serve(listing("m-internal")) for _ in range(3)]
    looked(live_of(*servers))
    for server, key in zip(servers, keys(3).values(), strict=True):
        assert [(request.method, request.path, request.key) for request in server.requests] == [("GET", "/v1/models", key)]  # fmt: skip


def test_offline_nobody_is_asked(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = live_of(first, environ={"INFERENCE_PROVIDERS_OFFLINE": "1"})
    assert providers.ask_ai("hi", model="m").provider == "p1"  # on this machine
    assert asked_for_lists(first) == 0


def test_a_general_purpose_token_is_not_sent_unasked(serve: Serve) -> None:
    first = serve(listing("m-internal"))
    row = {"providers": {"p1": {"connection": {"opt_in": True}}}}
    looked(live_of(first, json_merge=row))
    assert asked_for_lists(first) == 0
    looked(live_of(first, json_merge=row, allow=["p1"]))
    assert asked_for_lists(first) == 1


def test_who_is_avoided_is_not_asked(serve: Serve) -> None:
    first, second = serve(listing("m-internal")), serve(listing("m-internal"))
    looked(live_of(first, second, avoid=["p1"]))
    assert (asked_for_lists(first), asked_for_lists(second)) == (0, 1)


def test_a_call_on_terms_of_its_own_knows_the_lists(serve: Serve) -> None:
    go_on = threading.Event()
    first, second, third = serve(late(go_on, "other")), serve(listing("m-internal")), serve(listing("m-internal"))
    providers = live_of(first, second, third)
    assert providers.ask_ai("hi", model="m", avoid=["p3"]).provider == "p1"
    go_on.set()
    settled(providers)
    assert providers.ask_ai("hi", model="m", avoid=["p3"]).provider == "p2"
    assert providers.ask_ai("hi", model="m", avoid=["p2"]).provider == "p3"
    by_hand = providers.ask_ai("hi", model="p1/m", api_key="another-key-0123456789")
    assert by_hand.provider == "p1"  # of what that key may use, nothing is known
    assert not [r for r in first.requests if r.path.endswith("/models") and r.key == "another-key-0123456789"]


def test_who_is_avoided_by_a_call_is_not_asked_because_of_it(serve: Serve) -> None:
    first, second = serve(listing("m-internal")), serve(listing("m-internal"))
    providers = live_of(first, second)
    assert providers.ask_ai("hi", model="m", avoid=["p1"]).provider == "p2"
    settled(providers)
    assert (asked_for_lists(first), asked_for_lists(second)) == (0, 1)
    looked(providers)
    assert (asked_for_lists(first), asked_for_lists(second)) == (1, 1)


def test_a_key_or_an_address_by_hand_has_nobody_asked(serve: Serve) -> None:
    first, second = serve(listing("m-internal")), serve(listing("m-internal"))
    providers = live_of(first, second)
    assert providers.ask_ai("hi", model="p1/m", api_key="another-key-0123456789").provider == "p1"
    assert providers.ask_ai("hi", model="m", api_base=second.url).provider == "p2"
    assert not lists_of(providers)._asking
    assert asked_for_lists(first) == asked_for_lists(second) == 0


def test_a_provider_may_want_its_key_in_a_header_of_its_own(serve: Serve) -> None:
    first = serve(listing("m-internal"))
    row = {"path": "/models?limit=9", "key": "x-api-key", "headers": {"a-version": "2023-06-01"}}
    providers = live_of(first, json_merge={"providers": {"p1": {"connection": {"list": row}}}})
    looked(providers)
    (request,) = first.requests
    assert (request.path, request.headers["x-api-key"], request.headers["a-version"]) == (
        "/v1/models?limit=9", keys(1)["P1_API_KEY"], "2023-06-01",
    )  # fmt: skip
    assert "authorization" not in request.headers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_asks_for_itself(serve: Serve) -> None:
    """While the parent's thread waits for a list, which the child has not."""
    go_on = threading.Event()

    first = serve(late(go_on, "other"))
    providers = live_of(first, serve(listing("m-internal")))
    providers.explain("m")
    while not asked_for_lists(first):
        time.sleep(0.001)
    child = os.fork()
    if child == 0:
        try:
            providers.pipeline.narrowed.clear()
            live = lists_of(providers)
            live._known.clear()
            code = 1
            providers.explain("m")
            while os.getpid() in live._asking:
                time.sleep(0.001)
            code = 0 if providers.explain("m").chosen.provider == "p2" else 2
        finally:
            os._exit(code)
    while asked_for_lists(first) < 2:
        time.sleep(0.001)
    go_on.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    settled(providers)
    assert providers.explain("m").chosen.provider == "p2"


def test_the_thread_keeps_no_program_alive(serve: Serve, tmp_path: Path) -> None:
    """The list never comes, and the program ends all the same, saying nothing."""
    holding = serve(lambda connection, request: connection.hold())
    code = (
        "import json, sys\nfrom inference_providers import ProviderList\n"
        "providers = ProviderList(json_override=json.loads(sys.argv[1]), local=False, live=True)\n"
        "providers.explain('m')\nsys.stdin.readline()"
    )
    data = {"providers": live_of(holding).registry.rows["providers"]}
    with subprocess.Popen([sys.executable, "-c", code, json.dumps(data)], env={**os.environ, **keys(1), "HOME": str(tmp_path)}, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        holding.keeps_waiting()
        assert process.communicate("\n") == (None, "")
        assert process.returncode == 0
    assert holding.left()


def test_without_live_nothing_is_asked_and_nothing_loaded(serve: Serve) -> None:
    first = serve(listing("other"))
    providers = list_of(first.url)
    assert providers.pipeline.finder.accesses.live is None
    assert providers.ask_ai("hi", model="m").provider == "p1"
    assert asked_for_lists(first) == 0
    code = "import sys\nfrom inference_providers import ProviderList\nProviderList(local=False).resolve('gpt-4o')\nprint([m for m in sys.modules if 'live' in m])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_making_a_list_asks_nobody(serve: Serve) -> None:
    first = serve(listing("other"))
    providers: ProviderList = live_of(first)
    assert not lists_of(providers)._asking
    assert first.requests == []


def test_a_mock_is_asked_for_no_list() -> None:
    providers = ProviderList(mock={"gpt-4o": "hello"}, live=True, environ={})
    assert providers.ask_ai("hi", model="gpt-4o") == "hello"
    assert providers.pipeline.finder.accesses.live is None
