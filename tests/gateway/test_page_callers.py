"""The pages for work: callers are made, limited and revoked, models are asked side by side, programs get their lines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from inference_providers.gateway.caller_fields import FieldError
from inference_providers.gateway.callers import Caller
from inference_providers.gateway.page import caller_form, program_lines
from inference_providers.gateway.page.caller_list import ACTIVE, EXPIRED, EXPIRING, REVOKED, state_of
from tests.conftest import ROOT
from tests.gateway.conftest import TOKEN
from tests.gateway.inside import Inside
from tests.servers import Connection, Received, Server, delta

FORM = "application/x-www-form-urlencoded"


class Browser:
    """Somebody with a cookie, and with what proves that a form is ours."""

    def __init__(self, gateway: Inside) -> None:
        self.gateway, settings = gateway, gateway.settings
        value = settings.sessions.begin(settings.token)
        self.cookie = f"inference_providers_{settings.port}={value}"
        _, _, page = self.get("/page/callers")
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, str]:
        given = {"Authorization": "", "Cookie": self.cookie, "Accept": "text/html", **headers}
        status, found, content = self.gateway.ask(method, path, body, given)
        return status, found, content.decode()

    def get(self, path: str) -> tuple[int, Any, str]:
        return self._ask("GET", path, None, {})

    def send(self, path: str, csrf: str | None = None, **fields: str) -> tuple[int, Any, str]:
        body = urlencode({"csrf": self.csrf if csrf is None else csrf, **fields}).encode()
        return self._ask("POST", path, body, {"Content-Type": FORM})

    def play(self, csrf: str | None = None, **said: Any) -> tuple[int, list[dict[str, Any]] | str]:
        headers = {"Content-Type": "application/json", "X-CSRF-Token": self.csrf if csrf is None else csrf}
        status, found, content = self._ask("POST", "/page/playground", json.dumps(said).encode(), headers)
        if "ndjson" not in found["content-type"]:
            return status, content
        return status, [json.loads(line) for line in content.splitlines() if line]


@pytest.fixture(scope="module")
def browser(gateway: Inside) -> Browser:
    return Browser(gateway)


def key_in(page: str) -> str:
    (found,) = set(re.findall(r"ip-[A-Za-z0-9_-]{43}", page))
    return found


def chats(gateway: Inside, key: str) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    return gateway.ask("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})[0]


# Callers


def test_a_key_is_made_shown_once_and_works(browser: Browser, gateway: Inside) -> None:
    status, headers, page = browser.send("/page/callers/_new", name="alice", tier="basic", budget="5", expires="30d")
    assert status == 201 and headers["cache-control"] == "no-store"
    key = key_in(page)
    assert chats(gateway, key) == 200
    for path in ("/page/callers", "/page/callers/alice", "/", "/page/callers/alice/revoke"):
        assert key not in browser.get(path)[2]
    caller = gateway.gateway.callers.get("alice")
    assert (caller.tier, caller.budget, caller.requests_per_minute) == ("basic", 5.0, None)
    assert caller.expires is not None


def test_sending_the_form_again_makes_no_second_key(browser: Browser, gateway: Inside) -> None:
    assert browser.send("/page/callers/_new", name="again")[0] == 201
    status, _, page = browser.send("/page/callers/_new", name="again")
    assert status == 400 and "already" in page and "ip-" not in page
    assert len([one for one in gateway.gateway.callers.list() if one.name == "again"]) == 1


def test_limits_are_changed_and_only_those(browser: Browser, gateway: Inside) -> None:
    browser.send(
        "/page/callers/_new", name="bob", tier="pro", concurrent="3", models="m\r\nother, third", expires="2999-01-31"
    )
    before = gateway.gateway.callers.get("bob")
    assert before.models == ("m", "other", "third")
    values = caller_form.values_of(before)
    status, headers, _ = browser.send("/page/callers/bob", **{**values, "budget": "$1,200.50", "concurrent": ""})
    assert (status, headers["location"]) == (303, "/page/callers?done=changed&name=bob")
    after = gateway.gateway.callers.get("bob")
    assert (after.budget, after.concurrent) == (1200.5, None)
    assert (after.tier, after.models, after.expires) == (before.tier, before.models, before.expires)
    assert "bob" in browser.get(headers["location"])[2]


def test_a_key_is_revoked_after_a_question(browser: Browser, gateway: Inside) -> None:
    key = key_in(browser.send("/page/callers/_new", name="gone")[2])
    assert "Revoke the key of gone?" in browser.get("/page/callers/gone/revoke")[2]
    assert chats(gateway, key) == 200  # asking alone does nothing
    assert browser.send("/page/callers/gone/revoke")[0] == 303
    assert chats(gateway, key) == 401
    assert "revoked" in browser.get("/page/callers/gone")[2]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/page/callers/_new", {"name": "forged"}),
        ("/page/callers/kept", {"budget": "1000"}),
        ("/page/callers/kept/revoke", {}),
    ],
)
def test_nothing_is_done_for_a_page_that_is_not_ours(browser: Browser, gateway: Inside, path: str, fields: Any) -> None:
    browser.send("/page/callers/_new", name="kept")
    for csrf in ("", "wrong"):
        assert browser.send(path, csrf=csrf, **fields)[0] == 403
    names = {one.name: one for one in gateway.gateway.callers.list()}
    assert "forged" not in names and names["kept"].budget is None and names["kept"].revoked is None
    anybody = {"Authorization": "", "Content-Type": FORM}
    assert gateway.ask("POST", path, urlencode(fields).encode(), anybody)[0] == 303  # to the login


def test_a_callers_key_opens_no_page(browser: Browser, gateway: Inside) -> None:
    key = key_in(browser.send("/page/callers/_new", name="nosy")[2])
    for path in ("/page/callers", "/page/playground", "/page/programs"):
        assert gateway.ask("GET", path, headers={"Authorization": f"Bearer {key}"})[0] == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "<b>x</b>"}, "A caller's name has 1 to 64"),
        ({"name": "c1", "budget": "much"}, "Budget must be a number, not 'much'"),
        ({"name": "c2", "budget": "-1"}, "Budget must be a number"),
        (
            {"name": "c3", "requests_per_minute": "0"},
            "Requests a minute must be a whole number from 1 on, or empty for none",
        ),
        ({"name": "c4", "tokens_per_minute": "1.5"}, "must be a whole number"),
        ({"name": "c5", "expires": "yesterday"}, "Expires must be a time from now"),
        ({"name": "c6", "expires": "2001-01-01"}, "must lie in the future"),
        ({"name": "c7", "tier": "gold"}, "Tier must be one of"),
        ({"name": "c8", "models": "a\x00b"}, "is not a model's name"),
    ],
)
def test_what_cannot_be_is_said_beside_what_was_typed(
    browser: Browser, gateway: Inside, fields: Any, words: str
) -> None:
    status, _, page = browser.send("/page/callers/_new", **fields)
    assert status == 400
    assert words in unescape(page) and "<b>x</b>" not in page and 'aria-invalid="true"' in page
    for name, value in fields.items():
        assert value.isprintable() is False or value in unescape(page), name
    assert fields["name"] not in [one.name for one in gateway.gateway.callers.list()]


def test_unknown_callers_are_a_page(browser: Browser) -> None:
    status, headers, page = browser.get("/page/callers/nobody-at-all")
    assert status == 404 and headers["content-type"].startswith("text/html")
    assert "No caller is called" in unescape(page)


def test_a_form_says_what_a_caller_has_and_changes_nothing_by_itself() -> None:
    caller = Caller(
        "c_1", "x", ("m", "groq/n"), "pro", 7, 9_000_000, 2, 12.25, created=1.0, expires=1_900_000_000.0
    )  # fmt: skip
    values = caller_form.values_of(caller)
    assert values["models"] == "m\ngroq/n" and values["budget"] == "12.25" and values["expires"] == "2030-03-17 17:46"
    assert caller_form.read({**values, "models": "m\r\ngroq/n\r\n", "more": "x"}, values) == {}
    assert caller_form.read({**values, "expires": "", "tier": ""}, values) == {"expires": None, "tier": None}
    for wrong in ("1e9", "0x10", "nan", "inf", "१२", "--1", "1.2.3", "$"):
        with pytest.raises(FieldError):
            caller_form.read({"budget": wrong})


def test_whether_a_key_is_taken_in_a_word() -> None:
    now, day = 1_800_000_000.0, 86400.0
    assert state_of(Caller("i", "n"), now) == ACTIVE
    assert state_of(Caller("i", "n", expires=now + 30 * day), now) == ACTIVE
    assert state_of(Caller("i", "n", expires=now + 3 * day), now) == EXPIRING
    assert state_of(Caller("i", "n", expires=now), now) == EXPIRED
    assert state_of(Caller("i", "n", expires=now - day, revoked=now - 2 * day), now) == REVOKED


# The playground


def test_a_model_answers_in_lines(browser: Browser, provider: Server) -> None:
    status, lines = browser.play(model="m", prompt="Hi", system="Be brief", temperature=0.5, max_tokens=7)
    assert status == 200 and isinstance(lines, list)
    assert lines[0]["provider"] == "p1" and lines[0]["first"] >= 0
    assert "".join(line["text"] for line in lines[1:-1]) == "hello"
    assert lines[-1]["end"]["finish_reason"] == "stop" and lines[-1]["end"]["attempts"] == 1
    sent = provider.requests[-1].json
    assert sent["messages"] == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]
    assert (sent["temperature"], sent["max_tokens"], sent["stream"]) == (0.5, 7, True)


def test_a_failure_is_a_line(browser: Browser) -> None:
    status, lines = browser.play(model="no-such-model-at-all", prompt="Hi")
    assert status == 200 and isinstance(lines, list)
    assert lines[-1]["error"]["status"] == 404 and "no-such-model-at-all" in lines[-1]["error"]["message"]


def test_the_playground_wants_a_proof_and_the_api_takes_no_cookie(
    browser: Browser, gateway: Inside, provider: Server
) -> None:
    before = len(provider.requests)
    for csrf in ("", "wrong"):
        assert browser.play(csrf=csrf, model="m", prompt="Hi")[0] == 403
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    headers = {
        "Authorization": "",
        "Cookie": browser.cookie,
        "X-CSRF-Token": browser.csrf,
        "Content-Type": "application/json",
    }
    for path in ("/v1/chat/completions", "/v1/inference", "/v1/responses"):
        assert gateway.ask("POST", path, body, headers)[0] == 401
    assert gateway.ask("GET", "/admin/callers", None, headers)[0] == 401
    assert len(provider.requests) == before


@pytest.mark.parametrize(
    "said",
    [
        {"model": "m"}, {"prompt": "Hi"}, {"model": ["m"], "prompt": "Hi"}, {"model": "m", "prompt": {"a": 1}},
        {"model": "m", "prompt": "   "}, {"model": "m", "prompt": "Hi", "temperature": "hot"},
        {"model": "m", "prompt": "Hi", "temperature": 3}, {"model": "m", "prompt": "Hi", "max_tokens": True},
        {"model": "m", "prompt": "Hi", "max_tokens": 0}, {"model": "m", "prompt": "Hi", "system": 7},
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(browser: Browser, provider: Server, said: Any) -> None:
    before = len(provider.requests)
    assert browser.play(**said)[0] == 400
    assert len(provider.requests) == before


def test_nothing_that_a_model_says_steers_or_hides_and_no_key_is_said_again(
    within: Callable[..., Inside], serve: Any
) -> None:
    def echo(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta(f"\x1b[31m\u202e<b>{request.key}"))
        connection.event(delta(None, "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    server = serve(echo)
    _, lines = Browser(within(server.url)).play(model="m", prompt="Hi")
    assert isinstance(lines, list)
    said = "".join(line.get("text", "") for line in lines)
    assert said.startswith("\\x1b[31m\\u202e<b>") and "canary" not in json.dumps(lines)


def test_a_model_that_is_left_stops(within: Callable[..., Inside], serve: Any) -> None:
    def holding(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("x"))
        connection.hold()

    server: Server = serve(holding)
    gateway = within(server.url)
    browser = Browser(gateway)
    body = json.dumps({"model": "m", "prompt": "Hi"}).encode()
    head = (
        f"POST /page/playground HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {browser.cookie}\r\nX-CSRF-Token: {browser.csrf}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with gateway.connect() as sock:
        sock.sendall(head.encode() + body)
        while b'"text"' not in sock.recv(65536):
            pass
    assert server.left()


def test_a_page_without_any_model(within: Callable[..., Inside], provider: Server, tmp_path: Path) -> None:
    gateway = within(provider.url, options={"environ": {"P1_API_KEY": "", "HOME": str(tmp_path)}})
    assert "No model is within reach" in Browser(gateway).get("/page/playground")[2]


# Programs


def test_lines_are_those_of_the_docs() -> None:
    """Which `make test-clients` runs; curl is on the page of the gateway."""
    page = (ROOT / "docs" / "programs.md").read_text("utf-8")
    told = {}
    for name, section in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE):
        told[name] = [
            block.strip("\n") for block in re.findall(r"^```\w+\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        ]
    shown = {program.name: [lines.text for lines in program] for program in program_lines.PROGRAMS}
    (curl,) = shown.pop("curl")
    assert curl in (ROOT / "docs" / "gateway.md").read_text("utf-8").splitlines()
    assert shown == told
    assert len({program.id for program in program_lines.PROGRAMS}) == len(program_lines.PROGRAMS)


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_go_runs_as_it_is_pasted(browser: Browser, gateway: Inside, tmp_path: Path) -> None:
    page = unescape(browser.get("/page/programs")[2])
    (tmp_path / "main.go").write_text(re.findall(r"<code>(package main.*?)</code>", page, re.DOTALL)[0])
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOCACHE": str(tmp_path / "go"), "GO111MODULE": "off"}
    environ["INFERENCE_PROVIDERS_TOKEN"] = TOKEN
    done = subprocess.run(
        ["go", "run", "main.go"], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


def test_a_program_is_told_this_address_and_no_token(browser: Browser, gateway: Inside) -> None:
    page = browser.get("/page/programs")[2]
    assert f"http://127.0.0.1:{gateway.port}/v1" in page and "8484" not in page
    assert TOKEN not in page and "INFERENCE_PROVIDERS_TOKEN" in page
    assert "openai for Python" in page and "curl" in page


def test_only_programs_whose_path_is_there(browser: Browser, gateway: Inside) -> None:
    page = browser.get("/page/programs")[2]
    for program in program_lines.PROGRAMS:
        status, _, said = gateway.ask("POST", program.path, {})
        is_there = status != 405 and b"There is no such path" not in said
        assert (f'id="{program.id}"' in page) == is_there, program


def test_no_class_is_drawn_by_two_styles() -> None:
    """Each page has both: what one says of a class of its own must not meet another of that name."""
    folder = ROOT / "inference_providers" / "gateway" / "page" / "static"
    own, common = (
        set(re.findall(r"^\.([a-z-]+)(?=[^\n]*\{)", (folder / name).read_text("utf-8"), re.MULTILINE))
        for name in ("work.css", "style.css")
    )
    assert own & common <= {"button"} and {"took", "lines", "column"} <= own
