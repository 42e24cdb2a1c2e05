"""The page at `/`: who sees it, what it says, and that nothing in it is more than text."""

from __future__ import annotations

import csv
import os
import pkgutil
import re
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers.files import row_writer
from inference_providers.gateway.page import words
from inference_providers.gateway.page.assets import FILES, address
from inference_providers.gateway.page.frame import name_of
from inference_providers.gateway.page.paths import ROUTES
from inference_providers.gateway.routes import PAGE
from inference_providers.gateway.sessions import LASTS, Sessions
from inference_providers.gateway.under_way import LATEST
from inference_providers.rendering import tag
from inference_providers.text import printable
from inference_providers.usage import LogFile
from tests.gateway.browser import Browser
from tests.gateway.inside import CHAT, HI, TOKEN, Inside, head
from tests.gateway.strict_html import Page, complaints
from tests.running import Running
from tests.servers import PATIENCE, Connection, Received, Server, delta, status

Within = Callable[..., Inside]
SHOWN = [route.pattern.replace("{number}", "1") for route in ROUTES if route.kind == PAGE and route.method == "GET"]
PAGES = ("/", *sorted(SHOWN))
WHOLE = [path for path in PAGES if path not in ("/page/live/rows", "/page/log.csv") and "{" not in path]
OF_LOG = ("/", "/page/costs", "/page/log")
HOSTILE = "=<script>alert(1)</script>\u202egpj\x1b[31m'\""
NOW = time.time()


def put(gateway: Inside, **more: Any) -> None:
    """A call in the gateway's log."""
    row = {
        "at": NOW - 60, "program": "serve", "path": "/chat/completions", "asked": "auto", "provider": "p1",
        "model": "m-internal", "name": "m", "outcome": "ok", "input": 100, "output": 20, "cached": 0, "written": 0,
        "reasoning": 0, "cost": 0.25, "reported": False, "seconds": 2.0, "first": None, "attempts": 1, "tries": None,
        "prompt": None, "conversation": None, "caller": None,
    }  # fmt: skip
    file = LogFile.of(gateway.gateway.pipeline.users_environ)
    assert file is not None
    file.put(tuple((row | more).values()))
    row_writer().flush()


@pytest.fixture(scope="module")
def filled(provider: Server) -> Iterator[Inside]:
    """A gateway that logs, whose log has calls of all kinds."""
    inside = Inside(provider.url, options={"log": "usage"})
    put(inside, outcome="RateLimitError", cost=None, input=None, output=None, attempts=3)
    put(inside, cost=None, name="nobody-knows-what-it-costs")
    for _ in range(60):
        put(inside, provider="p2", name="other", cost=0.5)
    put(inside, name=HOSTILE, provider=HOSTILE, asked=HOSTILE, caller=HOSTILE, outcome=HOSTILE, model=HOSTILE)
    yield inside
    inside.stop()


@pytest.fixture
def browser(filled: Inside) -> Browser:
    made = Browser(filled)
    assert made.log_in().status == 303
    return made


# Who sees it


def test_nobody_sees_a_page_without_the_token(filled: Inside) -> None:
    browser = Browser(filled)
    for path in PAGES:
        seen = browser.get(path)
        assert (seen.status, seen.headers["location"], seen.content) == (303, "/page/login", b""), path
    assert "Log in" in browser.get("/page/login").text
    wrong = browser.ask("POST", "/page/login", {"token": TOKEN + "x"})
    assert wrong.status == 403
    assert "not this gateway's token" in wrong.text
    assert TOKEN not in wrong.content.decode()
    assert not browser.cookies


def test_a_session_begins_with_the_token_and_ends_with_a_logout_whoever_kept_its_cookie(within: Within) -> None:
    browser, other = Browser(gateway := within("http://127.0.0.1:9")), Browser(gateway)
    seen, _ = browser.log_in(), other.log_in()
    assert (seen.status, seen.headers["location"]) == (303, "/")
    name, value = next(iter(browser.cookies.items()))
    assert name == f"inference_providers_{gateway.port}"
    said = seen.headers["set-cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={LASTS:.0f}"} == set(said)
    assert TOKEN not in value
    assert browser.get("/").status == other.get("/page/costs").status == 200
    assert browser.get("/page/login").headers["location"] == "/"
    left = browser.ask("POST", "/page/logout", {"csrf": browser.csrf})
    assert (left.status, left.headers["location"], browser.cookies) == (303, "/page/login", {})
    browser.cookies[name] = value
    assert browser.get("/page/costs").status == other.get("/page/costs").status == 303


@pytest.mark.parametrize("headers", [{"X_Forwarded_Proto": "https"}, {}])
def test_over_https_the_cookie_goes_nowhere_else(within: Within, headers: dict[str, str]) -> None:
    browser = Browser(within("http://127.0.0.1:9"), "http" if headers else "https")
    seen = browser.ask("POST", "/page/login", {"token": TOKEN}, **headers)
    assert seen.headers["set-cookie"].startswith("__Host-inference_providers=")
    assert seen.headers["set-cookie"].endswith("; Secure")
    assert browser.get("/").status == 200
    shown = browser.get("/page/programs").text  # which a browser asks for without an `Origin`
    assert f"https://127.0.0.1:{browser.gateway.port}/v1" in shown and "http://127.0.0.1" not in shown
    left = browser.ask("POST", "/page/logout", {"csrf": browser.csrf})
    assert left.headers["set-cookie"].startswith("__Host-inference_providers=;")


def test_a_session_ends_with_the_token_and_with_its_time(within: Within) -> None:
    gateway = within("http://127.0.0.1:9")
    browser = Browser(gateway)
    browser.log_in()
    gateway.settings.token = "another-token-0123456789"
    assert browser.get("/").status == 303
    gateway.settings.token = ""
    assert browser.get("/").status == 303
    now = [1000.0]
    sessions = Sessions(clock=lambda: now[0])
    headers = {"cookie": f"a=b; inference_providers_1={sessions.begin(TOKEN)}; c=d"}
    now[0] += LASTS - 1
    assert sessions.of(headers, TOKEN, 1) is not None
    assert sessions.of(headers, TOKEN, 2) is None
    others = "".join(f"port{number}={'x' * 90}; " for number in range(600))  # of other servers at 127.0.0.1
    assert sessions.of({"cookie": others + headers["cookie"]}, TOKEN, 1) is not None
    now[0] += 1
    assert sessions.of(headers, TOKEN, 1) is None


@given(st.text(st.characters(exclude_characters=",;"), max_size=80))
@settings(max_examples=60)
def test_no_other_cookie_is_a_session(value: str) -> None:
    sessions = Sessions()
    true = sessions.begin(TOKEN)
    for said in (value, f"{value}.{value}", f"{true}{value}" if value.strip() else value, true[:-1], f"9{true}"):
        if said.strip() != true:
            assert sessions.of({"cookie": f"inference_providers_1={said}"}, TOKEN, 1) is None
    assert Sessions().of({"cookie": f"inference_providers_1={true}"}, TOKEN, 1) is None


def test_workers_know_a_session_of_each_other_and_its_end() -> None:
    sessions = Sessions()
    headers = {"cookie": f"inference_providers_1={sessions.begin(TOKEN)}"}

    def in_a_worker(work: Callable[[], bool]) -> bool:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if work() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def ends() -> bool:
        sessions.end_all()
        return True

    assert in_a_worker(lambda: sessions.of(headers, TOKEN, 1) is not None)
    assert in_a_worker(ends)
    assert sessions.of(headers, TOKEN, 1) is None


def test_a_form_of_another_page_does_nothing(filled: Inside, browser: Browser) -> None:
    csrf = browser.csrf
    other = Browser(filled)
    other.log_in()
    for sent in ({}, {"csrf": ""}, {"csrf": csrf[:-1]}, {"csrf": other.csrf}, {"csrf": "\u00e9"}):
        seen = browser.ask("POST", "/page/logout", sent)
        assert seen.status == 403
        assert complaints(seen.content) == []
    assert (
        browser.ask("POST", "/page/logout", {"csrf": "no"}, Authorization="Basic YTpi").status == 403
    )  # sent by itself
    assert browser.get("/page/live").status == 200
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "same-site"}):
        assert browser.ask("POST", "/page/logout", {"csrf": csrf}, **headers).status == 403
        assert browser.ask("POST", "/page/login", {"token": TOKEN}, **headers).status == 403
    assert browser.get("/", Host="evil.example").status == 421
    assert browser.get("/page/live").status == 200


def test_only_pages_take_forms_and_the_login_no_large_ones(filled: Inside, browser: Browser) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert filled.ask("POST", CHAT, b"model=m", form)[0] == 415
    assert filled.ask("POST", "/admin/callers", b"name=eve", form)[0] == 415
    assert browser.ask("POST", "/page/login", b"token=" + b"x" * 20_000).status == 413
    chunked = head(
        "POST", "/page/login", "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"
    )
    assert b" 413 " in filled.raw(chunked + b"5\r\ntoken\r\n0\r\n\r\n").split(b"\r\n")[0]


def test_callers_get_nothing_of_it(within: Within) -> None:
    gateway = within("http://127.0.0.1:9")
    _, key = gateway.gateway.callers.create("eve")
    for path in PAGES[1:]:
        for said in ({"Authorization": f"Bearer {key}"}, {"Authorization": "", "x-api-key": key}):
            code, _, content = gateway.ask("GET", path, None, said)
            assert code == 403
            assert b"eve" not in content
            assert complaints(content) == []
    browser = Browser(gateway)
    assert browser.ask("POST", "/page/login", {"token": key}).status == 403
    browser.cookies[f"inference_providers_{gateway.port}"] = key
    assert browser.get("/").status == 303
    assert gateway.ask("GET", "/page/costs")[0] == 200  # the administrator's token as a header
    assert gateway.ask("POST", "/page/logout", {}, {"Cookie": "of=another"})[0] == 303


def test_without_a_token_nobody_is_let_in_and_the_page_says_so(within: Within) -> None:
    browser = Browser(gateway := within("http://127.0.0.1:9", token=""))
    for path in PAGES:
        assert browser.get(path).headers["location"] == "/page/login"
    assert "--no-token" in browser.get("/page/login").text
    for token in ("", "x"):
        assert browser.ask("POST", "/page/login", {"token": token}).status == 403
        cookie = f"inference_providers_{gateway.port}={gateway.settings.sessions.begin(token)}"
        assert browser.get("/page/costs", Cookie=cookie).status == 303


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_programs_that_look_whether_anybody_is_there_are_told(filled: Inside, method: str) -> None:
    for accept in ("", "application/json", "*/*"):
        code, headers, content = filled.ask(method, "/", None, {"Authorization": "", "Accept": accept})
        assert (code, headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert bool(content) is (method == "GET")


# What it is made of


def test_every_reply_forbids_what_no_page_needs(browser: Browser) -> None:
    replies = [browser.get(path) for path in (*PAGES, "/page/login")]
    replies += [
        browser.ask("POST", "/page/logout", {"csrf": "no"}),
        browser.ask("POST", "/page/login", {"token": "no"}),
    ]
    browser.cookies = {}
    replies += [browser.get("/"), browser.get("/page/costs"), browser.get("/page/login")]
    for seen in replies:
        policy = {
            rule.partition(" ")[0]: rule.partition(" ")[2]
            for rule in seen.headers["content-security-policy"].split("; ")
        }
        assert policy == {
            "default-src": "'none'", "style-src": "'self'", "script-src": "'self'", "img-src": "'self'",
            "connect-src": "'self'", "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
        }  # fmt: skip
        assert seen.headers["x-content-type-options"] == "nosniff"
        assert seen.headers["referrer-policy"] == "same-origin"
        assert seen.headers["cache-control"] == "no-store"


def test_files_are_called_by_what_is_in_them_and_kept_for_good(filled: Inside) -> None:
    for name in FILES:
        where = address(name)
        code, headers, content = filled.ask("GET", where, None, {"Authorization": ""})
        assert code == 200
        assert content
        assert where.split(".")[-2] == sha256(content).hexdigest()[:16]
        assert "immutable" in headers["cache-control"]
        assert headers["x-content-type-options"] == "nosniff"
    assert filled.ask("GET", "/page/static/style.css", None, {"Authorization": ""})[0] == 404
    assert filled.ask("GET", "/page/static/../markup.py", None, {"Authorization": ""})[0] == 404


def test_styles_and_scripts_ask_nobody_and_make_no_html_of_text() -> None:
    for name in FILES:
        said = (pkgutil.get_data("inference_providers.gateway.page", f"static/{name}") or b"").decode()
        assert said.count("{") == said.count("}")
        assert not re.search(
            r"url\(|@import|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(", said
        )
        assert [one for one in re.findall(r"https?:[^\s\"']+", said) if "www.w3.org" not in one] == []


@pytest.mark.parametrize("more", ["", "?range=1h", "?range=7d", "?range=30d", "?range=x", "?model=%00%3Cb&before=x"])
def test_pages_are_what_a_strict_reader_wants(browser: Browser, more: str) -> None:
    for path in WHOLE:
        seen = browser.get(path + more)
        assert (path, seen.status, complaints(seen.content)) == (path, 200, [])
    rows = browser.get("/page/live/rows").content
    assert complaints(rows, whole=False) == []


def test_pages_of_a_gateway_that_knows_nothing_yet(within: Within) -> None:
    browser = Browser(within("http://127.0.0.1:9", options={"log": "off"}, workers=3))
    browser.log_in()
    for path in WHOLE:
        seen = browser.get(path)
        assert (path, complaints(seen.content)) == (path, [])
        if path == "/page/log/1":
            assert (seen.status, "There is no such call in the log" in seen.text) == (404, True)
            continue
        assert seen.status == 200
        assert ("inference-providers logs on" in seen.text) is (path in OF_LOG)
    assert "3 processes serve" in browser.get("/page/live").text


def test_what_models_and_callers_say_is_text_and_nothing_hides_in_it(filled: Inside, browser: Browser) -> None:
    for path in ("/page/costs?range=1h", "/page/costs?range=30d", "/page/log", f"/page/log?model={'%3Cscript'}"):
        seen = browser.get(path)
        assert printable(HOSTILE) in seen.text, path
        assert not {"\u202e", "\x1b"} & set(seen.content.decode())
        assert [one["src"] for one in seen.page.all("script")] == [address("page.js")]
    rows = list(csv.reader(browser.get("/page/log.csv").content.decode().splitlines()))
    assert {len(one) for one in rows} == {16}
    assert any(HOSTILE[:10] in cell for one in rows for cell in one)
    assert not [cell for one in rows for cell in one if cell.startswith("=")]  # which a spreadsheet would work out


def test_no_page_holds_a_secret(filled: Inside, browser: Browser) -> None:
    keys = filled.gateway.secrets()
    secrets = [TOKEN, *browser.cookies.values(), *keys, *(key[:12] for key in keys)]
    assert len(secrets) >= 4
    for path in PAGES:
        content = browser.get(path).content.decode()
        assert content
        for secret in secrets:
            assert secret not in content


@given(st.text(), st.text())
@settings(max_examples=100)
def test_text_comes_out_as_it_went_in(one: str, other: str) -> None:
    read = Page(tag("p", one, title=other).text, whole=False)
    assert [name for name, _ in read.elements] == ["p"]
    assert read.elements[0][1] == {"title": printable(other)}
    assert "".join(read.texts) == printable(one)


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("a", {"href": "javascript:alert(1)"}), ("a", {"href": "//evil.example"}), ("a", {"href": "/\\evil.example"}),
        ("a", {"href": "http://evil.example"}), ("a", {"href": "data:text/html,x"}), ("a", {"href": " /x"}),
        ("a", {"href": "/x\ny"}), ("form", {"action": "javascript:x"}), ("p", {"onclick": "x"}), ("p", {"style": "x"}),
        ("iframe", {"srcdoc": "x"}), ("p", {"srcdoc": "x"}), ("style", {}), ("script", {}), ("base", {"href": "/"}),
    ],
)  # fmt: skip
def test_what_no_page_has_cannot_be_built(name: str, attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no page has|leads elsewhere|a script is a file"):
        tag(name, **attributes)
    with pytest.raises(ValueError, match="a script is a file"):
        tag("script", "alert(1)", src="/x.js")


# What it says


def test_costs_are_those_of_the_log_and_say_what_nobody_knows(browser: Browser) -> None:
    for time_ in ("1h", "24h", "7d", "30d"):
        seen = browser.get(f"/page/costs?range={time_}")
        assert "$30.25 without 1 call of unknown price" in seen.text
        assert "63 2 failed, 3.2 %" in seen.text
        assert "p2 $30.00 60 6k 1.2k 2.00 s 2.00 s" in seen.text
        assert "nobody-knows-what-it-costs $0 + 1 unknown" in seen.text
        assert [one["aria-current"] for one in seen.page.all("a") if "aria-current" in one] == ["page", "page"]


def test_costs_of_one_provider_are_its_own_and_there_is_a_way_back(browser: Browser) -> None:
    seen = browser.get("/page/costs?range=24h")
    link = next(one["href"] for one in seen.page.all("a") if "provider=p2" in one.get("href", ""))
    alone = browser.get(link)
    assert "$30.00" in alone.text
    assert "$30.25" not in alone.text
    assert "By provider" not in alone.text
    back = [one["href"] for one in alone.page.all("a") if one.get("aria-label", "").endswith("show every provider")]
    assert back == ["/page/costs?range=24h"]
    assert all(
        "provider=p2" in one["href"]
        for one in alone.page.all("a")
        if "range=" in one["href"] and one["href"] not in back
    )
    nobody = browser.get("/page/costs?provider=%3Cscript%3E&model=%22%27")
    assert "No call of these" in nobody.text
    assert complaints(nobody.content) == []


def test_the_log_is_searched_and_read_a_page_at_a_time(browser: Browser) -> None:
    first = browser.get("/page/log?provider=P2&outcome=answered&caller=-")
    assert first.text.count("answered") == 50
    links = {one.get("rel", ""): one["href"] for one in first.page.all("a")}
    assert "prev" not in links
    second = browser.get(links["next"])
    assert second.text.count("answered") == 10
    assert {one.get("rel") for one in second.page.all("a")} == {None, "prev"}
    back = browser.get(next(one["href"] for one in second.page.all("a") if one.get("rel") == "prev"))
    numbers = [one["datetime"] for one in back.page.all("time")]
    assert back.text.count("answered") == 50
    assert numbers == [one["datetime"] for one in first.page.all("time")]
    failed = browser.get("/page/log?outcome=failed&model=m").text
    assert "rate limit" in failed
    assert "3 tries" in failed
    assert "No such call is in the log." in browser.get("/page/log?model=%25").text
    rows = list(csv.DictReader(browser.get("/page/log.csv?provider=p2").content.decode().splitlines()))
    assert len(rows) == 60
    assert {(one["name"], one["cost"], one["caller"]) for one in rows} == {("other", "0.5", "administrator")}


def test_a_call_is_shown_with_all_who_were_tried(within: Within) -> None:
    browser = Browser(gateway := within("http://127.0.0.1:9"))
    browser.log_in()
    tries = '[["p1", "m-internal", "RateLimitError", 0.5], ["of another form"], [1, 2, 3, "4"]]'
    put(gateway, asked="x", cost=0.125, reported=True, tries=tries)
    newest = browser.get("/page/log").page
    (first, *_) = [one["href"] for one in newest.all("a") if re.fullmatch(r"/page/log/\d+", one.get("href", ""))]
    seen = browser.get(first)
    assert complaints(seen.content) == []
    assert "Asked for x Provider p1" in seen.text
    assert "Cost $0.125, as the provider says" in seen.text
    assert "p1 m-internal rate limit 500 ms" in seen.text
    for number in ("0", "x", "-1", "9" * 40, "\u0661"):
        missing = browser.get(f"/page/log/{quote(number)}")
        assert (missing.status, complaints(missing.content)) == (404, [])


def test_the_overview_says_what_each_key_reaches_and_which_was_refused(
    serve: Callable[..., Server], within: Within
) -> None:
    refusing = serve(lambda c, r: c.reply(401, {"error": {"message": "No <b>such</b> key"}}))
    gateway = within(serve().url, refusing.url)
    browser = Browser(gateway)
    browser.log_in()
    before = browser.get("/").text
    assert "1 model within reach, through 2 keys." in before
    assert re.search(r"Provider 1 p1 P1_API_KEY 1 model 127\.0\.0\.1:\d+ ready", before)
    assert "refused" not in before
    assert gateway.ask("POST", CHAT, {**HI, "only": ["p2"]})[0] == 503
    after = browser.get("/")
    assert complaints(after.content) == []
    assert re.search(r"P2_API_KEY 1 model 127\.0\.0\.1:\d+ key refused", after.text)
    assert "No <b>such</b> key" in after.text


def test_a_provider_that_rests_is_said_to(serve: Callable[..., Server], within: Within) -> None:
    gateway = within(serve(status(429, {"error": {"message": "slow down"}}, {"retry-after": "120"})).url, serve().url)
    browser = Browser(gateway)
    browser.log_in()
    assert gateway.ask("POST", CHAT, HI)[0] == 200
    assert re.search(r"P1_API_KEY 1 model 127\.0\.0\.1:\d+ rests 1 model for up to 2 min", browser.get("/").text)


def test_of_what_is_over_the_latest_are_kept(filled: Inside, browser: Browser) -> None:
    for number in range(LATEST + 3):
        assert filled.ask("POST", CHAT, {**HI, "model": "m" if number else "auto"})[0] == 200
    assert len(filled.gateway.under_way.over()) == LATEST
    assert f"The last {LATEST} calls." in browser.get("/page/live").text
    assert "asked for auto" not in browser.get("/page/live").text


def test_a_login_holds_at_every_worker_and_so_does_the_logout(
    start: Callable[..., Running], serve: Callable[..., Server]
) -> None:
    browser = Browser(start(serve().url, args=["--workers", "3"]))
    browser.log_in()
    workers = [re.search(r"one of them, (\d+),", browser.get("/page/live").text) for _ in range(20)]
    assert all(workers)
    (name, value), csrf = next(iter(browser.cookies.items())), browser.csrf
    assert browser.ask("POST", "/page/logout", {"csrf": csrf}).status == 303
    browser.cookies[name] = value
    assert {browser.get("/page/live").status for _ in range(20)} == {303}


def test_what_is_under_way_is_shown_and_then_what_came_of_it(serve: Callable[..., Server], within: Within) -> None:
    goes_on = threading.Event()

    def slowly(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("he"))
        goes_on.wait(PATIENCE)
        connection.event(delta("llo", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    gateway = within(serve(slowly).url)
    made, key = gateway.gateway.callers.create("alice")
    browser = Browser(gateway)
    browser.log_in()
    assert "Under way: 0" in browser.get("/page/live").text
    said = {"Authorization": f"Bearer {key}"}
    asking = threading.Thread(target=gateway.ask, args=("POST", CHAT, {**HI, "stream": True}, said))
    asking.start()
    try:
        while not any(one.first for one in gateway.gateway.under_way.open()):
            time.sleep(0.001)
        during = Page(browser.get("/page/live/rows").content.decode(), whole=False).text
        assert "Under way: 1" in during
        assert "m alice p1 streams, first content after" in during
    finally:
        goes_on.set()
        asking.join(PATIENCE)
    while gateway.gateway.under_way.open():
        time.sleep(0.001)
    after = browser.get("/page/live").text
    assert "Under way: 0" in after
    assert "m-internal asked for m alice p1 answered" in after
    assert gateway.ask("POST", "/admin/callers/alice/purge", {})[0] == 200
    assert made.id not in browser.get("/page/live").content.decode()
    assert "m-internal" not in browser.get("/page/live").text


@pytest.mark.parametrize(
    ("dollars", "said"),
    [
        (None, "–"), (0, "$0"), (0.00000042, "$0.00000042"), (0.0042, "$0.0042"), (0.25, "$0.250"), (3, "$3.00"),
        (12345.6, "$12,346"), (1e-12, "$0.000000000"),
    ],
)  # fmt: skip
def test_money_is_said_as_people_read_it(dollars: float | None, said: str) -> None:
    assert words.money(dollars).startswith(said)


def test_a_name_that_would_widen_its_table_may_be_broken() -> None:
    assert 'class="long"' in name_of("team-a.backend@example.com").text
    assert "class" not in name_of("claude-sonnet-4.5").text


def test_numbers_and_times_are_short() -> None:
    assert [words.count(one) for one in (None, 0, 950, 12_345, 999_700, 4.56e6, 2e9)] == [
        "–", "0", "950", "12.3k", "1M", "4.56M", "2B",
    ]  # fmt: skip
    assert [words.seconds(one) for one in (None, 0.05, 2.345, 45.67, 240, 7200)] == [
        "–", "50 ms", "2.35 s", "45.7 s", "4 min", "2.0 h",
    ]  # fmt: skip
    assert [words.percent(*one) for one in ((0, 0), (0, 5), (1, 9999), (1, 30), (1, 2))] == [
        "–", "0 %", "< 0.1 %", "3.3 %", "50 %",
    ]  # fmt: skip
