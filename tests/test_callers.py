"""Callers of a gateway: their keys, who is known by one, what may be said of them; the administrator's token."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers.cli.main import main
from inference_providers.files import folders, kept_secret
from inference_providers.gateway.administrator import VARIABLE, admin_token, token_path
from inference_providers.gateway.caller_fields import FieldError, UnknownCallerError
from inference_providers.gateway.callers import ADMIN, Callers
from inference_providers.gateway.quotas import TIERS
from tests.conftest import ROOT, places

DAY = 86400.0
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC


class Clocks:
    """The time of a test."""

    def __init__(self) -> None:
        self.now, self.passed = NOW, 0.0

    def made(self, admin: str = "") -> Callers:
        return Callers(places(), admin, clock=lambda: self.now, monotonic=lambda: self.passed)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_a_key_is_its_callers_and_nobody_elses(clocks: Clocks) -> None:
    callers = clocks.made("an-administrators-token")
    alice, key = callers.create("alice")
    bob, other = callers.create("bob")
    assert key.startswith("ip-")
    assert len(key) == 3 + 43
    assert key != other
    for token, caller in ((key, alice), (other, bob)):
        found = callers.of(token)
        assert found is not None
        assert (found.id, found.name, found.is_admin, found.quota) == (caller.id, caller.name, False, None)
    assert callers.of("an-administrators-token") is ADMIN
    for stranger in ("", "ip-", key[:-1], key + "x", key.upper(), "\udcff", "an-administrators-toke"):
        assert callers.of(stranger) is None
        assert callers.problem(stranger) == ""


def test_the_file_is_private_and_holds_no_key(clocks: Clocks) -> None:
    callers = clocks.made()
    made = [callers.create(name, tier="free")[1] for name in ("a", "b")]
    assert callers.database is not None
    callers.database.close()
    folder = Path(callers.database.path).parent
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for key in made:
            assert key.encode() not in path.read_bytes()
            assert key.removeprefix("ip-").encode() not in path.read_bytes()
    assert all(made[0] not in str(one.as_dict()) + repr(one) for one in callers.list())


def test_a_key_ends_and_who_has_it_is_told(clocks: Clocks) -> None:
    callers = clocks.made()
    _, key = callers.create("alice", expires="30d")
    _, other = callers.create("bob")
    clocks.now += 30 * DAY - 1
    assert callers.of(key) is not None
    clocks.now += 1
    assert callers.of(key) is None
    assert callers.problem(key).startswith("This key expired on 2027-02-14 08:00 UTC;")
    callers.update("alice", expires=None)
    assert callers.of(key) is not None
    callers.revoke("BOB")
    assert callers.of(other) is None
    assert callers.problem(other).startswith("This key was revoked on 2027-02-14 08:00 UTC;")
    clocks.now += DAY
    assert callers.revoke("bob").revoked == clocks.now - DAY, "the first time counts"
    assert callers.problem(key) == ""


def test_what_one_process_changes_others_know_a_second_later(clocks: Clocks) -> None:
    one, other = clocks.made(), clocks.made()
    assert other.of("ip-nobody") is None
    _, key = one.create("alice", tier="free")
    assert one.of(key) is not None, "whoever has made it knows it at once"
    assert other.of(key) is None, "the file is looked at no more than once a second"
    clocks.passed += 1.0
    found = other.of(key)
    assert found is not None
    assert found.tier == "free"
    one.update("alice", tier="pro")
    one.revoke("alice")
    assert other.of(key) is found
    clocks.passed += 1.0
    assert other.of(key) is None
    one.remove("alice")
    clocks.passed += 1.0
    assert other.problem(key) == ""


def test_the_file_is_read_only_where_it_has_changed(clocks: Clocks) -> None:
    one, other = clocks.made(), clocks.made()
    _, key = one.create("alice")
    found = other.of(key)
    for _ in range(5):
        clocks.passed += 1.0
        assert other.of(key) is found, "the same object: nothing was read"
    one.create("bob")
    clocks.passed += 1.0
    assert other.of(key) is not found


def test_a_program_beside_it_may_change_the_file(clocks: Clocks) -> None:
    callers = clocks.made()
    _, key = callers.create("alice")
    assert callers.of(key) is not None
    assert callers.database is not None
    with closing(sqlite3.connect(callers.database.path)) as connection, connection:
        connection.execute("UPDATE callers SET models = 'not json'")
    connection.close()
    clocks.passed += 1.0
    assert callers.of(key) is None, "a row of another form is nobody"
    assert callers.list() == []


def test_the_key_of_a_file_that_is_gone_is_not_taken(clocks: Clocks) -> None:
    callers = clocks.made()
    _, key = callers.create("alice")
    assert callers.of(key) is not None
    assert callers.database is not None
    for path in Path(callers.database.path).parent.iterdir():
        path.unlink()
    clocks.passed += 1.0
    assert callers.of(key) is None


def test_names_are_of_one_caller_until_it_is_removed(clocks: Clocks) -> None:
    callers = clocks.made()
    first, _ = callers.create("alice")
    for name in ("alice", "Alice"):
        with pytest.raises(FieldError, match="already"):
            callers.create(name)
    callers.revoke("alice")
    with pytest.raises(FieldError, match="already"):
        callers.create("alice")
    callers.remove("alice")
    second, key = callers.create("alice")
    assert second.id != first.id, "what was of the first is not the second's"
    assert callers.of(key) is not None
    with pytest.raises(UnknownCallerError, match="no caller is called 'carol'; there are alice"):
        callers.get("carol")
    for refused in ("", "-a", "a b", "a/b", "x" * 65, "ä", "a\n", None, 3, "admin", "Admin"):
        with pytest.raises(FieldError) as error:
            callers.create(refused)  # type: ignore[arg-type]
        assert error.value.field == "name"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("models", []), ("models", "gpt-4o"), ("models", [""]), ("models", [3]), ("models", ["a\n"]),
        ("models", {"a": 1}), ("models", ["x" * 301]), ("tier", "gold"), ("tier", []), ("requests_per_minute", 0),
        ("requests_per_minute", 1.5), ("tokens_per_minute", True), ("tokens_per_minute", "5"), ("concurrent", -1),
        ("concurrent", 2**60), ("budget", -1), ("budget", float("nan")), ("budget", float("inf")), ("budget", "5"),
        ("expires", "yesterday"), ("expires", "2020-01-01"), ("expires", "0d"), ("expires", -5), ("expires", 1e300),
        ("expires", [1]), ("expires", "99999-01-01"), ("expires", "999999999w"), ("expires", True), ("id", "c_1"),
        ("revoked", None), ("name", "other"), ("digest", b"x"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(field: str, value: Any, clocks: Clocks) -> None:
    callers = clocks.made()
    callers.create("alice")
    with pytest.raises(FieldError) as error:
        callers.update("alice", **({field: value} if field != "name" else {"id": value}))
    assert error.value.field == (field if field != "name" else "id")
    assert callers.get("alice").as_dict() == {
        "id": callers.get("alice").id, "name": "alice", "models": None, "tier": None, "requests_per_minute": None,
        "tokens_per_minute": None, "concurrent": None, "budget": None, "created": "2027-01-15T08:00:00Z",
        "expires": None, "revoked": None,
    }  # fmt: skip


def test_what_is_given_is_kept(clocks: Clocks) -> None:
    callers = clocks.made()
    given = {"models": [" gpt-4o ", "groq/llama-3.3-70b", "gpt-4o"], "tier": "basic", "concurrent": 9, "budget": 5}
    callers.create("alice", **given, expires="2027-01-31")
    found = callers.get("alice")
    assert found.models == ("gpt-4o", "groq/llama-3.3-70b")
    assert found.as_dict()["expires"] == "2027-01-31T00:00:00Z"
    quota, basic = found.quota, TIERS["basic"]
    assert quota is not None
    assert (quota.requests_per_minute, quota.tokens_per_minute) == (basic.requests_per_minute, basic.tokens_per_minute)
    assert (quota.concurrent, quota.budget) == (9, 5.0)
    for expires, when in (("12h", NOW + DAY / 2), (NOW + 5, NOW + 5), ("2027-01-15T10:00+01:00", NOW + 3600)):
        assert callers.update("alice", expires=expires).expires == when
    changed = callers.update("alice", models=None, tier="enterprise", concurrent=None, budget=None)
    assert (changed.models, changed.quota) == (None, None)


def test_without_a_home_there_are_no_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_home_of_account", lambda: None)
    callers = Callers({}, "an-administrators-token")
    assert callers.of("an-administrators-token") is ADMIN
    assert callers.list() == []
    with pytest.raises(OSError, match="no home folder"):
        callers.create("alice")
    with pytest.raises(OSError, match=VARIABLE):
        admin_token({})


def test_a_file_that_others_can_write_is_nobodys_word(clocks: Clocks) -> None:
    callers = clocks.made()
    _, key = callers.create("alice")
    assert callers.database is not None
    callers.database.close()
    Path(callers.database.path).chmod(0o666)
    other = clocks.made()
    assert other.of(key) is None
    with pytest.raises(OSError, match="can be written by everybody"):
        other.list()
    with pytest.raises(OSError, match="can be written by everybody"):
        other.create("bob")


# The administrator's token


def test_a_token_is_made_once_and_private() -> None:
    token = admin_token(places())
    assert len(token) == 43
    assert admin_token(places()) == token
    path = token_path(places())
    assert path is not None
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(Path(path).parent) == ["gateway-token"], "nothing is left beside it"
    given = "a-token-of-my-own!"
    assert admin_token({**places(), VARIABLE: given}) == given
    assert admin_token({**places(), VARIABLE: ""}) == token


def test_processes_that_start_at_once_have_the_same_token() -> None:
    code = (
        "import os, sys\nfrom inference_providers.gateway.administrator import admin_token\n"
        "print('ready', flush=True)\nsys.stdin.readline()\nprint(admin_token(os.environ))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**places(), "PYTHONPATH": str(ROOT)},
        )
        for _ in range(6)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate()[0].strip() for process in started}
    assert said == {admin_token(places())}


def test_a_secret_that_another_process_has_made_meanwhile_is_that_one(tmp_path: Path) -> None:
    path = str(tmp_path / "own" / "secret")

    def late() -> bytes:
        assert kept_secret(path, lambda: b"the first", 100) == b"the first"
        return b"the second"

    assert kept_secret(path, late, 100) == b"the first"
    assert os.listdir(tmp_path / "own") == ["secret"]


@pytest.mark.parametrize(
    "given", ["short", "x" * 15, "has a blank in the middle", "x" * 20 + "\n", "ünicode-ünicode-ü"]
)
def test_a_token_that_is_no_good_is_refused_without_being_shown(given: str) -> None:
    with pytest.raises(ValueError, match=VARIABLE) as error:
        admin_token({**places(), VARIABLE: given})
    assert given not in str(error.value)


@pytest.mark.parametrize(("spoil", "said"), [(b"", "0 characters"), (b"a b" * 20, "blanks"), (b"\xff" * 40, "blanks")])
def test_a_file_without_a_token_is_told(spoil: bytes, said: str) -> None:
    admin_token(places())
    path = Path(str(token_path(places())))
    path.write_bytes(spoil)
    with pytest.raises(ValueError, match=f"{said}.*remove the file"):
        admin_token(places())


def test_a_token_that_others_could_write_is_not_taken() -> None:
    admin_token(places())
    path = Path(str(token_path(places())))
    path.chmod(0o666)
    with pytest.raises(OSError, match="it can be written by everybody"):
        admin_token(places())


# The command line


def run(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done


def test_the_key_alone_is_on_standard_output() -> None:
    options = ("--tier", "basic", "--models", "gpt-4o, gpt-4o-mini", "--budget", "5", "--expires", "30d")
    done = run("callers", "create", "alice", *options)
    key = done.stdout.strip()
    assert len(key) == 46
    assert "shown this once" in done.stderr
    found = Callers(places()).of(key)
    assert found is not None
    assert (found.name, found.models, found.tier, found.budget) == ("alice", ("gpt-4o", "gpt-4o-mini"), "basic", 5.0)
    for shown in (
        run("callers", "list"),
        run("callers", "list", "--json"),
        run("callers", "update", "alice", "--json"),
    ):
        assert "alice" in shown.output
        assert key not in shown.output
    made = json.loads(run("callers", "create", "bob", "--json").stdout)
    assert Callers(places()).of(made["key"]) is not None


def test_limits_are_changed_and_taken_away() -> None:
    run("callers", "create", "alice", "--tier", "free", "--requests-per-minute", "7", "--tokens-per-minute", "900")
    listed = run("callers", "list").stdout
    assert "7 requests a minute, 900 tokens a minute, 2 at once" in " ".join(listed.split())
    changed = run("callers", "update", "alice", "--concurrent", "9", "--unlimited", "requests-per-minute", "--json")
    row = json.loads(changed.stdout)
    assert (row["concurrent"], row["requests_per_minute"], row["tokens_per_minute"]) == (9, None, 900)
    assert "not both" in run("callers", "update", "alice", "--budget", "1", "--unlimited", "budget", code=2).stderr
    assert "A caller has no 'speed'" in run("callers", "update", "alice", "--unlimited", "speed", code=2).stderr


def test_what_is_wrong_is_told_and_nothing_is_made() -> None:
    assert "There are no callers" in run("callers", "list").stderr
    for words in (("--expires", "soon"), ("--models", " , "), ("--tier", "gold"), ("--concurrent", "0")):
        run("callers", "create", "alice", *words, code=2)
    run("callers", "create", "a b", code=2)
    assert json.loads(run("callers", "list", "--json").stdout) == []
    assert "No caller is called 'alice'; there is none" in run("callers", "revoke", "alice", code=2).stderr


def test_a_name_that_nobody_has_is_told_at_once() -> None:
    done = run("callers", "create", "alice", "--models", "gpt-4o,gtp-4o-mini")
    assert done.stderr.count("Warning") == 1
    assert "gtp-4o-mini" in done.stderr


def test_revoked_and_purged() -> None:
    key = run("callers", "create", "alice").stdout.strip()
    assert "purge --caller alice" in run("callers", "revoke", "alice").stderr
    assert Callers(places()).of(key) is None
    assert "revoked" in run("callers", "list").stdout
    run("purge", "--caller", "alice", "usage", "--yes", code=2)
    run("purge", "--caller", "alice", code=2)
    assert run("purge", "--caller", "alice", "--yes").stderr == "Removed.\n"
    assert json.loads(run("callers", "list", "--json").stdout) == []
    run("callers", "create", "alice")
