"""Who gets in: pages in browsers, programs of this machine, callers; and what of a request is obeyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers.gateway.page.frame import LOGIN
from inference_providers.gateway.routes import ADMIN, PAGE, Route
from inference_providers.gateway.settings import Settings, is_loopback
from inference_providers.gateway.table import ROUTES
from tests.conftest import ROOT
from tests.gateway.inside import CHAT, HI, TOKEN, Inside, head, post, statuses
from tests.running import Running
from tests.servers import Server

Start = Callable[..., Running]
Within = Callable[..., Inside]


def test_only_this_machine_reaches_it(start: Start, provider: Server) -> None:
    port = start(provider.url).port
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    found = [line.split()[1] for line in listening.splitlines() if line.split()[3] == "0A" and f":{port:04X} " in line]
    assert found == [f"0100007F:{port:04X}"]


OUTSIDE = ["0.0.0.0", "::", "", "0", "192.0.2.1", "127.evil.example", "localhost.evil.example"]


def _serve(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command, which ends by itself."""
    known = {name: value for name, value in os.environ.items() if name != "INFERENCE_PROVIDERS_TOKEN"}
    command = [sys.executable, "-m", "inference_providers", "serve", "--port", "0", *args]
    given = {**known, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_token_it_is_for_this_machine_alone() -> None:
    assert [host for host in OUTSIDE if is_loopback(host)] == []
    for host in OUTSIDE[::5]:
        ended = _serve("--no-token", "--host", host)
        assert ended.returncode == 2
        assert "loopback" in ended.stderr


def test_an_empty_token_is_no_permission() -> None:
    with pytest.raises(ValueError, match="token"):
        Settings(host="0.0.0.0", token="")
    state = Path(os.environ["XDG_STATE_HOME"]) / "inference_providers"
    state.mkdir(parents=True)
    (state / "gateway-token").write_text("\n")
    (state / "gateway-token").chmod(0o600)
    ended = _serve()
    assert ended.returncode != 0
    assert "gateway-token" in ended.stderr


# What is there for everybody: of the page its login, and files of which nobody knows the names.
SHOWN = {"/health": 200, "/ready": 200, "/openapi.json": 200, "/": 200, "/page/static/{name}": 404}


def _holds_a_token(said: str) -> bool:
    """Whether a header holds something that is taken for a token."""
    return said[:7].lower() == "bearer " and bool(said[7:].strip())


def _path(route: Route) -> str:
    return route.pattern.replace("{", "").replace("...}", "").replace("}", "")


@pytest.mark.parametrize("said", ["", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", f"bearer{TOKEN}"])
def test_every_path_wants_the_token_but_those_for_everybody(gateway: Inside, provider: Server, said: str) -> None:
    before = len(provider.requests)
    for route in ROUTES:
        body = HI if route.method == "POST" else None
        if route.pattern == LOGIN:
            continue  # it is asked for there: test_page.py
        status, headers, content = gateway.ask(route.method, _path(route), body, {"Authorization": said})
        assert TOKEN.encode() not in content
        if route.pattern in SHOWN:
            assert status == SHOWN[route.pattern]
            continue
        if route.kind == PAGE and not _holds_a_token(said):
            assert (status, headers["location"]) == (303, "/page/login")
            continue
        assert status == 401, route.pattern
        assert headers["www-authenticate"].startswith("Bearer")
        if route.kind != PAGE:
            error = json.loads(content)["error"]
            assert "token" in (error if isinstance(error, str) else error["message"]), "Ollama's API has words alone"
    assert len(provider.requests) == before


def test_without_a_token_nobody_is_the_administrator(within: Within, provider: Server) -> None:
    gateway = within(provider.url, token="")
    for said in ("", "Bearer whatever"):
        assert gateway.ask("POST", CHAT, HI, {"Authorization": said})[0] == 200
        for route in ROUTES:
            if route.kind == ADMIN:
                assert gateway.ask(route.method, _path(route), {}, {"Authorization": said})[0] == 401


OWN = ["127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8484", "localhost", "LOCALHOST:99"]
FOREIGN = [
    "evil.example", "evil.example:8484", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[::1]evil.example",
    "127.0.0.1:80@evil.example", "localhost:x", "127.0.0.1:", "localhost/", "0.0.0.0", "127.0.0.2", "2130706433",
    "[::1", "::1", "[::ffff:127.0.0.1]", "localhost.", " ", "",
]  # fmt: skip


@pytest.mark.parametrize("host", OWN)
def test_it_is_called_by_its_own_names(gateway: Inside, host: str) -> None:
    assert statuses(gateway.raw(head("GET", "/v1/models", host=host))) == [200]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_was_led_here_is_not_served(gateway: Inside, host: str) -> None:
    for path in ("/v1/models", "/health"):
        assert statuses(gateway.raw(head("GET", path, host=host))) == [421]


def test_other_names_are_allowed_one_by_one(within: Within, provider: Server) -> None:
    gateway = within(provider.url, hosts=["Gateway.Internal"])
    assert statuses(gateway.raw(head("GET", "/v1/models", host="gateway.internal:80"))) == [200]
    assert statuses(gateway.raw(head("GET", "/v1/models", host="other.internal"))) == [421]


def test_a_host_that_is_not_certain_is_refused(gateway: Inside) -> None:
    for other in ("evil.example", "127.0.0.1"):
        assert statuses(gateway.raw(head("GET", "/health", f"Host: {other}"))) == [421]
    for target in ("http://evil.example/health", "https://127.0.0.1/health", "//evil.example/health", "*", "health"):
        assert statuses(gateway.raw(head("GET", target))) in ([400], [404])
    assert statuses(gateway.raw(head("CONNECT", "evil.example:443"))) == [400]


ORIGINS = ["null", "", "http://evil.example", "http://127.0.0.1:1", "http://localhost", "http://127.0.0.1.evil.example",
           "file://", "http://127.0.0.1/", "chrome-extension://abc"]  # fmt: skip


@pytest.mark.parametrize("origin", ORIGINS)
def test_pages_of_other_origins_stay_out(gateway: Inside, provider: Server, origin: str) -> None:
    before = len(provider.requests)
    for request in (
        post(HI, f"Origin: {origin}"),
        head("GET", "/v1/models", f"Origin: {origin}"),
        head("OPTIONS", CHAT, f"Origin: {origin}", "Access-Control-Request-Method: POST"),
    ):
        answer = gateway.raw(request)
        assert statuses(answer) == [403]
        assert b"access-control" not in answer.lower()
    assert len(provider.requests) == before


def test_what_browsers_send_without_an_origin_stays_out(within: Within, provider: Server) -> None:
    gateway = within(provider.url, token="")
    for site in ("cross-site", "same-site"):
        assert gateway.ask("GET", "/v1/models", None, {"Sec-Fetch-Site": site})[0] == 403
    for site in ("none", "same-origin"):
        assert gateway.ask("GET", "/v1/models", None, {"Sec-Fetch-Site": site})[0] == 200


def test_no_page_is_told_that_it_may(gateway: Inside) -> None:
    own = "Origin: http://127.0.0.1"
    for request in (
        head("OPTIONS", CHAT, own, "Access-Control-Request-Method: POST"),
        head("OPTIONS", CHAT, "Access-Control-Request-Method: POST"),
        post(HI, own),
        head("GET", "/health", own),
    ):
        assert b"access-control" not in gateway.raw(request).lower()


KINDS = [
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
    ("text/plain; application/json", 415), ("text/json", 415), ("application/jsonp", 415), ("", 415),
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON ;charset=UTF-8", 200),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), KINDS)
def test_only_what_a_page_cannot_send_unasked_is_read(gateway: Inside, kind: str, status: int) -> None:
    assert statuses(gateway.raw(post(HI, f"Content-Type: {kind}"))) == [status]


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip"])
def test_compressed_bodies_are_not_taken(gateway: Inside, coding: str) -> None:
    assert statuses(gateway.raw(post(HI, f"Content-Encoding: {coding}"))) == [415]
    assert statuses(gateway.raw(post(HI, f"Content-Encoding: {coding}", "Content-Encoding: identity"))) == [415]


FIELDS: dict[str, Any] = {
    "api_base": "http://evil.example", "base_url": "http://evil.example", "api_key": "sk-of-the-caller",
    "api_version": "1", "extra_headers": {"Authorization": "Bearer x"}, "headers": {"Host": "evil.example"},
    "endpoint": "http://evil.example", "environ": {"PATH": "/"}, "command": ["sh", "-c", "true"], "proxy": "socks5://x",
    "local_models": "/etc", "trust": ["evil.example"], "cache_config": {"path": "/tmp/x"}, "cache": {"backend": "x"},
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_says_where_to_send_or_what_to_read(gateway: Inside, provider: Server, name: str) -> None:
    before = len(provider.requests)
    status, _, content = gateway.ask("POST", CHAT, {**HI, name: FIELDS[name]})
    assert status == 400
    assert name in content.decode() or "cache" in name
    if "cache" not in name:  # which is no word of OpenAI's queries
        assert gateway.ask("POST", f"{CHAT}?a=1&{name}=evil.example", HI)[0] == 400
    assert len(provider.requests) == before


_TALK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
_PART = {"parts": [{"text": "Hi"}]}
OF_DIALECTS: dict[str, Any] = {
    "/v1/messages": _TALK, "/v1/responses": {"model": "m", "input": "Hi"}, "/api/chat": _TALK,
    "/api/generate": {"model": "m", "prompt": "Hi"}, "/api/embed": {"model": "m", "input": ["Hi"]},
    "/v1beta/models/m:generateContent": {"contents": [_PART]}, "/v1beta/models/m:embedContent": {"content": _PART},
    "/v1beta/models/m:batchEmbedContents": {"requests": [{"content": _PART}]},
}  # fmt: skip


@pytest.mark.parametrize("path", OF_DIALECTS)
@pytest.mark.parametrize("own", [{"avoid": ["p1"]}, {"api_base": "http://127.0.0.1:9"}], ids=["avoid", "api_base"])
def test_what_is_said_to_us_is_heard_in_every_dialect(
    gateway: Inside, provider: Server, path: str, own: dict[str, Any]
) -> None:
    before = len(provider.requests)
    status, _, content = gateway.ask("POST", path, {**OF_DIALECTS[path], **own})
    assert (status, len(provider.requests)) == (400, before)
    assert next(iter(own)).encode() in content


def test_parts_that_name_a_file_are_text_to_us(gateway: Inside, provider: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG\r\n\x1a\nwhat-only-the-owner-may-read")
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_path", "image_path": str(secret)},
        {"type": "input_image", "image_url": str(secret)},
        {"type": "image_url", "image_url": {"url": f"file://{secret}"}},
        {"type": "file", "file": {"path": str(secret)}},
    ]
    nested = {"api_base": "http://evil.example", "x": {"extra_headers": {"a": "b"}}}
    body = {"model": "m", "messages": [{"role": "user", "content": parts}], "metadata": nested, "extra_body": nested}
    assert gateway.ask("POST", CHAT, body)[0] == 200
    assert provider.requests[-1].json["messages"] == body["messages"]
    assert b"only-the-owner" not in provider.requests[-1].body
    assert "a" not in provider.requests[-1].headers


def test_what_nobody_knows_goes_on_untouched(gateway: Inside, provider: Server) -> None:
    body = {**HI, "x_new": {"a": [1, None, "é"]}, "temperature": 0.5, "chat_template_kwargs": {"b": True}}
    assert gateway.ask("POST", CHAT, body)[0] == 200
    assert provider.requests[-1].json == {**body, "model": "m-internal"}


def test_a_header_tells_no_gateway_behind_us_where_to_send(gateway: Inside, provider: Server) -> None:
    where = {
        "Helicone-Target-URL": "evil.example", "Helicone-OpenAI-Api-Base": "evil.example", "X-Forward-To": "evil.example",
        "X-Portkey-Custom-Host": "evil.example", "X-Portkey-Config": "{}", "X-Other": "https://evil.example/v1",
        "X-Upstream": "evil.example", "X-Destination": "evil.example", "X-Backend": "evil.example",
        "X-Azure-Resource": "evil.example", "X-Model": "evil.example", "CF-AIG-Custom-Provider": "evil.example",
    }  # fmt: skip
    assert gateway.ask("POST", CHAT, HI, {**where, "X-Session-Id": "s-1", "X-Title": "App"})[0] == 200
    sent = provider.requests[-1]
    assert b"evil.example" not in sent.raw
    assert (sent.headers["x-session-id"], sent.headers["x-title"]) == ("s-1", "App")
    assert sent.headers["authorization"] == "Bearer canary-1-0123456789abcdef"


IDS = [
    "%2e%2e",
    "..",
    ".",
    "a%3Fb=c",
    "a%23",
    "%0d%0aX:y",
    "a%20b",
    "x%00",
    "%C3%A9",
    "a%5Cb",
    "a%25",
    "a;b",
    "a" * 600,
]


@pytest.mark.parametrize("name", IDS)
def test_an_id_is_no_part_of_another_address(gateway: Inside, provider: Server, name: str) -> None:
    before = len(provider.requests)
    for method, path in (("GET", "/v1/files/"), ("DELETE", "/v1/files/"), ("GET", "/v1/responses/")):
        assert statuses(gateway.raw(head(method, path + name))) == [404]
    assert len(provider.requests) == before


def test_a_path_is_what_it_means_however_it_is_written(gateway: Inside, provider: Server) -> None:
    for path in ("/v1/chat%2Fcompletions", "/v1/%63hat/completions", "/v1/chat/completion%73"):
        assert statuses(gateway.raw(post(HI, path=path))) == [200]
        assert provider.requests[-1].path == CHAT
        assert statuses(gateway.raw(post({**HI, "api_base": "http://evil.example"}, path=path))) == [400]
    for path in (
        "/v1/../v1/chat/completions",
        "//v1/chat/completions",
        "/v1/chat/completions/",
        "/V1/chat/completions",
    ):
        assert statuses(gateway.raw(post(HI, path=path))) == [404]


def test_a_list_of_models_is_made_anew_after_a_while(within: Within, serve: Callable[..., Server]) -> None:
    gateway = within(serve().url)
    first = gateway.ask("GET", "/v1/models")
    kept = gateway.gateway.kept["models"]
    (key,) = kept
    kept[key] = (time.monotonic() + 100, b"{}")
    assert gateway.ask("GET", "/v1/models")[2] == b"{}"
    kept[key] = (time.monotonic(), b"{}")
    assert gateway.ask("GET", "/v1/models")[2] == first[2]
