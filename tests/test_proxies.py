"""Proxies of HTTP and SOCKS, over real sockets: which one is used, what each is told, and what its failures say."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AllProvidersFailedError, ProviderUnavailableError
from inference_providers.credentials.hosts import address_of
from inference_providers.credentials.keys import Environment
from inference_providers.transport.async_sender import AsyncSender
from inference_providers.transport.http import Limits, Request, WireError
from inference_providers.transport.origins import proxy_for
from inference_providers.transport.proxies import is_excepted
from inference_providers.transport.sync_sender import Sender
from tests.conftest import async_list_of, list_of
from tests.proxies import HOST, Proxy, Talk, TlsServer, certificate, connects, serving, socks4, socks5
from tests.servers import PATIENCE, BlackHole, Server, refused_port

Serve = Callable[..., Server]
Ways = pytest.mark.parametrize("way", ["sync", "async"])


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Start proxies and servers; all are closed at the end of the test."""
    made: list[Any] = []

    def keep(one: Any) -> Any:
        made.append(one)
        return one

    yield keep
    for one in made:
        one.close()


def fetch(way: str, environ: Any, url: str, *bodies: bytes, limits: Limits | None = None) -> list[bytes]:
    """The replies to POSTs of *bodies*, one after another, or to one GET."""
    limits = limits or Limits(connect=PATIENCE, total=PATIENCE)
    requests = [Request("POST", url, {"X-Own": "canary-tunnel"}, body) for body in bodies] or [Request("GET", url)]

    async def all_of() -> list[bytes]:
        sender = AsyncSender(environ, limits)
        try:
            return [await (await sender.send(request)).read() for request in requests]
        finally:
            await sender.aclose()

    if way == "async":
        return asyncio.run(all_of())
    sender = Sender(environ, limits)
    try:
        return [sender.send(request).read() for request in requests]
    finally:
        sender.close()


def failure(way: str, environ: Any, url: str = f"https://{HOST}/v1/x", limits: Limits | None = None) -> WireError:
    with pytest.raises(WireError) as caught:
        fetch(way, environ, url, limits=limits)
    return caught.value


def echo(connection: Any, request: Any) -> None:
    connection.reply(200, request.body or b"nothing")


@pytest.fixture
def found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system find a host that there is not."""
    real = socket.getaddrinfo

    def find(host: Any, *rest: Any, **more: Any) -> Any:
        if host in (HOST, HOST.encode()):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", find)


# What goes through a proxy


@Ways
@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "socks4", "socks4a", "socks"])
@pytest.mark.usefixtures("found_here")
def test_tls_goes_through_any_proxy(way: str, scheme: str, pem: Path, start: Callable[..., Any]) -> None:
    """Two requests, on one connection; the proxy learns the host and nothing of what is said to it."""
    if scheme.startswith("socks"):
        pytest.importorskip("socksio")
    server = start(TlsServer(serving(pem), echo))
    talk = {"socks4": socks4(b"us@r"), "socks4a": socks4(b"us@r"), "http": connects(), "https": connects()}
    context = serving(pem) if scheme == "https" else None
    proxy = start(Proxy(server.port, talk.get(scheme, socks5(b"us@r", b"p:w")), context))
    url = f"https://{HOST}/v1/x"
    environ = {"HTTPS_PROXY": f"{scheme}://us%40r:p%3Aw@localhost:{proxy.port}", "SSL_CERT_FILE": str(pem)}
    assert fetch(way, environ, url, b"hello", b"x" * 200_000) == [b"hello", b"x" * 200_000]
    assert proxy.connections == server.connections == len(proxy.asked) == 1
    assert b"canary-tunnel" not in proxy.asked[0]
    assert all("proxy-authorization" not in request.headers for request in server.requests)
    if scheme in ("http", "https"):
        assert proxy.asked[0].startswith(b"CONNECT models.example:443 HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic dXNAcjpwOnc=\r\n" in proxy.asked[0]
    else:
        told = {"socks4": b"\xc0\0\x02\x01 443", "socks4a": b"models.example 443", "socks5": b"1 \xc0\0\x02\x01 443"}
        assert proxy.asked[0] == told.get(scheme, b"3 models.example 443")


@Ways
@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]"])
def test_socks_takes_addresses(way: str, scheme: str, host: str, serve: Serve, start: Callable[..., Any]) -> None:
    pytest.importorskip("socksio")
    proxy = start(Proxy(serve(echo).port, socks4() if "4" in scheme else socks5(kind=3, drip=True)))
    environ = {"ALL_PROXY": f"{scheme}://127.0.0.1:{proxy.port}/"}
    if "4" in scheme and ":" in host:
        assert "socks5 can" in str(failure(way, environ, f"http://{host}:81/v1"))
        return
    assert fetch(way, environ, f"http://{host}:81/v1", b"hi") == [b"hi"]
    packed = ipaddress.ip_address(host.strip("[]")).packed
    assert proxy.asked == [packed + b" 81" if "4" in scheme else b"%d %s 81" % (4 if ":" in host else 1, packed)]


@Ways
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_sent_requests_without_tls_as_they_are(
    way: str, scheme: str, pem: Path, start: Callable[..., Any]
) -> None:
    proxy = start(TlsServer(serving(pem), echo) if scheme == "https" else Server(echo))
    environ = {"http_proxy": f"{scheme}://user:p%40ss@localhost:{proxy.port}", "SSL_CERT_FILE": str(pem)}
    assert fetch(way, environ, f"http://{HOST}/v1/x", b"1", b"2") == [b"1", b"2"]
    assert proxy.connections == 1
    for request in proxy.requests:
        assert request.path == f"http://{HOST}/v1/x"
        assert request.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
        assert request.headers["host"] == HOST


# What its failures say


NO_PAGE = b"HTTP/1.1 %s\r\ncontent-length: 2\r\n%s\r\nno"
HTTP_FAILURES: dict[str, tuple[bytes | None, str, str]] = {
    "403": (NO_PAGE % (b"403 Forbidden", b""), "connect", "refused to connect to models.example:443 (HTTP 403)"),
    "405": (NO_PAGE % (b"405 Method Not Allowed", b""), "connect", "(HTTP 405)"),
    "302": (NO_PAGE % (b"302 Found", b"location: http://127.0.0.1:9/\r\n"), "connect", "login in a browser"),
    "407": (NO_PAGE % (b"407 Login", b"proxy-authenticate: Basic realm=x\r\n"), "connect", "does not accept the name"),
    "407 NTLM": (NO_PAGE % (b"407 Login", b"proxy-authenticate: NTLM\r\n"), "connect", "another kind than Basic"),
    "502": (NO_PAGE % (b"502 Bad Gateway", b""), "broken", "could not connect to models.example:443 (HTTP 502)"),
    "503": (NO_PAGE % (b"503 Busy", b""), "broken", "(HTTP 503)"),
    "closed": (b"", "broken", "closed before the answer was complete"),
    "cut": (b"HTTP/1.1 200 OK\r\nx", "broken", "closed before the answer was complete"),
    "garbage": (b"\x05\xff", "protocol", "does not answer as a proxy does"),
    "a long header": (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000, "protocol", "head is too long"),
    "says more": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "protocol", "does not answer as a proxy does"),
    "speaks for its origin": (
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n",
        "protocol",
        "more than that it has connected",
    ),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "protocol", "HTTP 101"),
}


@Ways
@pytest.mark.parametrize("name", HTTP_FAILURES)
def test_what_an_http_proxy_does_wrong_is_said(way: str, name: str, start: Callable[..., Any]) -> None:
    """With the variable, what to do, and no password; the origin is sent nothing."""
    reply, kind, message = HTTP_FAILURES[name]
    proxy = start(Proxy(9, connects(reply or b"", passes=False)))
    environ = Environment({"HTTPS_PROXY": f"http://somebody:canary-password@127.0.0.1:{proxy.port}"})
    error = failure(way, environ)
    assert error.kind == kind
    assert f"HTTPS_PROXY=http://127.0.0.1:{proxy.port}" in str(error)
    assert message in str(error)
    assert_nothing_shows(error)


def assert_nothing_shows(error: WireError) -> None:
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    ours = shown[shown.index("inference_providers/transport/") :]
    assert "canary" not in str(error)
    for secret in ("canary-password", "c29tZWJvZHk6Y2FuYXJ5LXBhc3N3b3Jk"):
        assert secret not in ours


@given(st.lists(st.binary(max_size=20) | st.sampled_from(
    [b"HTTP/1.1 ", b"200 OK\r\n", b"407 No\r\n", b"503\r\n", b"\r\n", b"\n", b"Content-Length: 5\r\n", b"proxy-authenticate: x\r\n", b"100 Continue\r\n\r\n", b"999 x\r\n"]
), max_size=8), st.integers(1, 60))  # fmt: skip
def test_whatever_an_http_proxy_says_it_has_connected_or_the_error_is_ours(said: list[bytes], size: int) -> None:
    """Without a byte behind a head of success it is believed, and h11 reads the same."""
    import h11

    from inference_providers.transport import http1
    from inference_providers.transport.origins import Origin

    origin = Origin(address_of(f"https://{HOST}/"), {"HTTPS_PROXY": "http://name:canary@a:1"})
    data, reader = b"".join(said), http1.Reader("CONNECT")
    try:
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
        if not reader.headed:
            reader.end()
        origin.check_tunnel(reader)
    except WireError as error:
        assert "canary" not in str(error)
        return
    theirs = h11.Connection(h11.CLIENT)
    theirs.send(h11.Request(method="CONNECT", target="a:1", headers=[("host", "a:1")]))
    theirs.receive_data(data)
    while isinstance(event := theirs.next_event(), h11.InformationalResponse):
        continue
    assert isinstance(event, h11.Response) and 200 <= event.status_code < 300
    assert theirs.trailing_data[0] == b""


@Ways
def test_a_proxy_that_wants_a_login_says_how_to_give_one(way: str, serve: Serve, start: Callable[..., Any]) -> None:
    """Also where it is sent the request itself, and 407 would seem to be the provider's answer."""
    wanting = NO_PAGE % (b"407 Login", b"proxy-authenticate: Basic realm=x\r\n")
    proxy = start(Proxy(9, connects(wanting, passes=False)))
    for scheme in ("http", "https"):
        name = f"{scheme}_proxy"
        error = failure(way, {name: f"127.0.0.1:{proxy.port}"}, f"{scheme}://{HOST}/v1")
        assert error.kind == "connect"
        assert f"{name}=http://NAME:PASSWORD@127.0.0.1:{proxy.port}" in str(error)


@Ways
def test_a_proxy_that_is_not_there_is_named(way: str, start: Callable[..., Any], pem: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    reset = start(Server(lambda connection, request: connection.reset()))

    def puzzled(proxy: Proxy, sock: socket.socket) -> bool:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        return False

    plain = start(Proxy(9, puzzled))
    with silent, BlackHole() as hole:
        cases = [
            (f"http://127.0.0.1:{refused_port()}", "connection refused"),
            ("http://no-such-proxy.invalid:3128", "the host name cannot be resolved"),
            (f"http://127.0.0.1:{hole.url.rpartition(':')[2].removesuffix('/v1')}", "no connection in time"),
            (f"http://127.0.0.1:{silent.getsockname()[1]}", "no connection in time"),
            (f"http://127.0.0.1:{reset.port}", "was reset"),
            (f"https://127.0.0.1:{silent.getsockname()[1]}", "no connection in time"),
            (f"https://127.0.0.1:{plain.port}", "most proxies are http://"),
        ]
        for value, message in cases:
            connect = 0.3 if message == "no connection in time" else PATIENCE
            error = failure(way, {"all_proxy": value}, limits=Limits(connect=connect, total=2 * PATIENCE))
            assert f"all_proxy={value}: " in str(error)
            assert message in str(error)
            assert "unset all_proxy" in str(error) or "most proxies" in str(error)


@Ways
def test_a_failure_behind_the_proxy_is_not_the_proxys(
    way: str, start: Callable[..., Any], tmp_path: Path, pem: Path
) -> None:
    server = start(TlsServer(serving(pem), echo))
    proxy = start(Proxy(server.port, connects()))
    error = failure(way, {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"})
    assert error.kind == "tls"
    assert "SSL_CERT_FILE" in str(error) and "HTTPS_PROXY" not in str(error)
    other = failure(
        way, {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "SSL_CERT_FILE": str(pem)}, "https://x.example"
    )
    assert "another host" in str(other)
    assert server.requests == []


@Ways
def test_a_proxy_whose_certificate_is_unknown_is_named(way: str, start: Callable[..., Any], pem: Path) -> None:
    proxy = start(Proxy(9, connects(), serving(pem)))
    error = failure(way, {"HTTPS_PROXY": f"https://127.0.0.1:{proxy.port}"})
    assert error.kind == "tls"
    assert f"HTTPS_PROXY=https://127.0.0.1:{proxy.port}: TLS failed" in str(error)
    assert "SSL_CERT_FILE" in str(error) and "most proxies" not in str(error)
    assert proxy.asked == []


@Ways
@pytest.mark.parametrize("scheme", ["socks4a", "socks5h"])
def test_what_a_socks_proxy_does_wrong_is_said(way: str, scheme: str, start: Callable[..., Any]) -> None:
    pytest.importorskip("socksio")

    def says(data: bytes) -> Talk:
        def talk(proxy: Proxy, sock: socket.socket) -> bool:
            sock.sendall(data)
            sock.recv(1000)
            return False

        return talk

    cases: list[tuple[Talk, str]] = [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not answer as a SOCKS proxy does"),
        (says(b""), "was reset"),
    ]
    if scheme == "socks4a":
        cases += [(socks4(b"somebody", code), f"did not connect to {HOST}") for code in (91, 92, 93)]
        cases += [(socks4(b"somebody else"), "another user"), (says(b"\0\x59" + bytes(6)), "does not answer as a")]
    else:
        cases += [(socks5(code=code), f"did not connect to {HOST}") for code in (1, 2, 3, 4, 5, 6, 7, 8, 77)]
        cases += [(socks5(b"somebody", b"else"), "does not accept the name and password")]
        cases += [(says(b"\x05\xff"), "login of another kind"), (says(b"\x05\0\x05\0\0\x09"), "does not answer as a")]
        cases += [(says(b"\x05\x01"), "login of another kind"), (says(b"\x05\0\x05\0\0\x01\0"), "was reset")]
    for talk, message in cases:
        proxy = start(Proxy(9, talk))
        environ = Environment({"HTTPS_PROXY": f"{scheme}://somebody:canary-password@127.0.0.1:{proxy.port}"})
        error = failure(way, environ)
        assert f"HTTPS_PROXY={scheme}://127.0.0.1:{proxy.port}" in str(error)
        assert message in str(error)
        assert_nothing_shows(error)


PLACES = ["models.example", "192.0.2.1", "10.1", "2001:db8::1", "1", "999.999.999.999", "a" * 256]
LOGINS = ["", "name:canary@", "name@", ":@", "%00:x@", "%FF:%FF@", "n" * 256 + "@"]


@given(
    st.sampled_from(["socks", "socks4", "socks4a", "socks5", "socks5h"]), st.sampled_from(PLACES), st.sampled_from(LOGINS),
    st.lists(st.binary(max_size=4) | st.sampled_from([b"\x05\x00", b"\x05\x02", b"\x01\x00", b"\x05\0\0\x01", b"\x05\0\0\x03", b"\0\x5a"]), max_size=8),
)  # fmt: skip
def test_whatever_a_socks_proxy_says_it_has_connected_or_the_error_is_ours(
    scheme: str, host: str, login: str, said: list[bytes]
) -> None:
    """What it says is read to the byte: the next one is the origin's."""
    pytest.importorskip("socksio")
    from inference_providers.transport.socks import handshake

    proxy = proxy_for(address_of("https://x.example"), {"https_proxy": f"{scheme}://{login}a:1"})
    assert proxy is not None
    left = b"".join(said)
    steps = handshake(proxy, host, 443)
    try:
        _, size = next(steps)
        for _ in range(10):
            assert size < 300
            if len(left) < size:
                return  # it closes, or is silent
            answer, left = left[:size], left[size:]
            _, size = steps.send(answer)
        raise AssertionError("no end")
    except WireError as error:
        assert "canary" not in str(error)
    except StopIteration:
        assert left is not None


@Ways
def test_a_socks_proxy_that_wants_a_login_or_an_address_says_so(way: str, start: Callable[..., Any]) -> None:
    pytest.importorskip("socksio")
    proxy = start(Proxy(9, socks5(b"name", b"password")))
    said = str(failure(way, {"all_proxy": f"socks5h://127.0.0.1:{proxy.port}"}))
    assert f"all_proxy=socks5h://NAME:PASSWORD@127.0.0.1:{proxy.port}" in said
    for scheme, other in (("socks5", "socks5h"), ("socks4", "socks4a")):
        proxy = start(Proxy(9, socks5()))
        error = failure(way, {"all_proxy": f"{scheme}://127.0.0.1:{proxy.port}"}, "https://no-such-host.invalid/")
        assert f"with {other}:// the proxy looks it up itself" in str(error)
        assert proxy.asked == []
    long = failure(way, {"all_proxy": f"socks5h://{'n' * 256}@127.0.0.1:{proxy.port}"})
    assert long.kind == "setup" and "255 bytes" in str(long)


@Ways
@pytest.mark.parametrize("drips", [False, True])
def test_a_socks_proxy_keeps_to_the_time_for_connecting(way: str, drips: bool, start: Callable[..., Any]) -> None:
    """Silent, or with a byte now and then."""
    pytest.importorskip("socksio")
    left = []

    def talk(proxy: Proxy, sock: socket.socket) -> bool:
        sock.settimeout(0.1 if drips else 60)
        sock.sendall(b"\x05\0\x05\0\0\x03\xff" if drips else b"\x05")
        sock.recv(1000)
        for _ in range(100 if drips else 1):
            try:
                if drips:
                    sock.sendall(b"x")
                if not sock.recv(1000):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return False
        left.append(True)
        return False

    proxy = start(Proxy(9, talk))
    error = failure(way, {"all_proxy": f"socks5h://127.0.0.1:{proxy.port}"}, limits=Limits(connect=0.5, total=60))
    assert error.kind == "connect" and "no connection in time" in str(error)


def test_without_the_extra_the_error_says_what_to_install() -> None:
    """Before anything is opened, and by every way to ask."""
    from tests.test_architecture import loaded_by

    code = """
import sys
sys.modules["socksio"] = None
from inference_providers import ProviderUnavailableError, ask_ai
try:
    ask_ai("hi", "openai/gpt-4o")
except ProviderUnavailableError as error:
    text = str(error)
assert "HTTPS_PROXY=socks5://127.0.0.1:9 is a SOCKS proxy" in text, text
assert "inference_providers[socks]" in text and "pip install socksio" in text, text
"""
    loaded_by(code, {"OPENAI_API_KEY": "k", "HTTPS_PROXY": "socks5://127.0.0.1:9"})


# Through the whole pipeline


@Ways
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "SSL_CERT_FILE"])
def test_what_is_wrong_here_is_no_failure_of_providers(way: str, variable: str, serve: Serve) -> None:
    """It is said once: whoever is asked, the same would come of it."""
    made = (async_list_of if way == "async" else list_of)(
        f"https://{HOST}/v1", "https://two.example/v1", environ={variable: "gopher://:canary-secret@x"}
    )
    with pytest.raises(ProviderUnavailableError, match=variable) as caught:
        asyncio.run(made.ask_ai("hi")) if way == "async" else made.ask_ai("hi")
    assert caught.value.code == "setup"
    assert "nothing was sent" in str(caught.value)
    if variable == "HTTPS_PROXY":
        assert "canary" not in str(caught.value)


@Ways
def test_a_proxy_that_is_down_is_named_for_every_provider(way: str) -> None:
    value = f"http://127.0.0.1:{refused_port()}"
    made = (async_list_of if way == "async" else list_of)(
        f"https://{HOST}/v1", "https://two.example/v1", environ={"HTTPS_PROXY": value}
    )
    with pytest.raises(AllProvidersFailedError) as caught:
        asyncio.run(made.ask_ai("hi")) if way == "async" else made.ask_ai("hi")
    assert str(caught.value).count(f"HTTPS_PROXY={value}: connection refused") == 2


@Ways
def test_a_key_goes_to_its_host_and_not_to_the_proxy(way: str, pem: Path, start: Callable[..., Any]) -> None:
    pytest.importorskip("socksio")
    server = start(TlsServer(serving(pem)))
    for talk, scheme in ((connects(), "http"), (socks5(), "socks5h")):
        proxy = start(Proxy(server.port, talk))
        environ = {"HTTPS_PROXY": f"{scheme}://127.0.0.1:{proxy.port}", "SSL_CERT_FILE": str(pem)}
        made = (async_list_of if way == "async" else list_of)(f"https://{HOST}/v1", environ=environ)
        assert (asyncio.run(made.ask_ai("hi")) if way == "async" else made.ask_ai("hi")) == "hello"
        assert server.asked[-1].key and server.asked[-1].headers["host"] == HOST
        assert b"canary" not in b"".join(proxy.asked)


# Which proxy, and for what


@pytest.mark.parametrize(
    ("environ", "url", "shown"),
    [
        ({"HTTPS_PROXY": "http://a:1"}, "https://x.example", "HTTPS_PROXY=http://a:1"),
        ({"HTTPS_PROXY": "a:1"}, "https://x.example", "HTTPS_PROXY=http://a:1"),
        ({"HTTPS_PROXY": " HTTP://a:1/ "}, "https://x.example", "HTTPS_PROXY=http://a:1"),
        ({"HTTPS_PROXY": "http://a"}, "https://x.example", "HTTPS_PROXY=http://a"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "https://x.example", "HTTPS_PROXY=http://[::1]:3128"),
        ({"HTTPS_PROXY": "u:p/@?#w@a:1"}, "https://x.example", "HTTPS_PROXY=http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "https://x.example", "https_proxy=http://b:2"),
        ({"https_proxy": "http://b:2", "HTTPS_PROXY": "http://a:1"}, "https://x.example", "https_proxy=http://b:2"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": ""}, "https://x.example", None),
        ({"HTTPS_PROXY": "  "}, "https://x.example", None),
        ({"HTTPS_PROXY": "http://a:1"}, "http://x.example", None),
        ({"HTTP_PROXY": "http://a:1"}, "http://x.example", "HTTP_PROXY=http://a:1"),
        ({"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, "http://x.example", None),
        ({"http_proxy": "http://a:1", "REQUEST_METHOD": "GET"}, "http://x.example", "http_proxy=http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, "https://x.example", "HTTPS_PROXY=http://a:1"),
        ({"ALL_PROXY": "http://a:1"}, "https://x.example", "ALL_PROXY=http://a:1"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https://x.example", "HTTPS_PROXY=http://b:2"),
        ({"all_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "https://x.example", "HTTPS_PROXY=http://b:2"),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "x.example", "no_proxy": ""}, "http://x.example", "ALL_PROXY=http://a:1"),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "", "no_proxy": "x.example"}, "http://x.example", None),
        *[({"ALL_PROXY": "http://a:1"}, f"http://{host}", None) for host in ("localhost", "127.0.0.1:8", "[::1]", "127.1", "a.localhost", "0.0.0.0")],
        ({"ALL_PROXY": "http://a:1"}, "http://192.168.0.1", "ALL_PROXY=http://a:1"),
    ],
)  # fmt: skip
def test_which_proxy_is_used(environ: dict[str, str], url: str, shown: str | None) -> None:
    found = proxy_for(address_of(url), environ)
    assert (found and found.shown) == shown


@pytest.mark.parametrize("value", ["socks5h://a", "SOCKS5H://u:p@a/", "socks5h://[::1]", "socks5h://a:80"])
def test_socks_has_a_port_of_its_own(value: str) -> None:
    found = proxy_for(address_of("https://x.example"), {"https_proxy": value})
    assert found is not None
    assert found.shown.rpartition(":")[2] == ("80" if value.endswith(":80") else "1080")


@pytest.mark.parametrize(
    "value",
    ["http://", "http://canary:canary@", "ftp://canary:canary@a:1", "canary canary", "http://canary:99999", "canary://canary",
     "'http://canary:1'", "http://a:1:canary", "http://canary:pass word@bad host:1", "http:///canary", "socks5h://", "caünary:1"],
)  # fmt: skip
def test_a_value_that_is_no_proxy_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(WireError, match="nothing was sent: HTTPS_PROXY names no proxy") as caught:
        proxy_for(address_of("https://x.example"), {"HTTPS_PROXY": value})
    assert caught.value.kind == "setup"
    assert "canary" not in str(caught.value).replace("canary://...", "")


@Ways
def test_the_login_of_a_proxy_that_cannot_be_used_shows_nowhere(way: str) -> None:
    for value in ("socks7://somebody:canary-password@proxy.example:1080", "http://somebody:canary-password@bad host:1"):
        assert_nothing_shows(failure(way, Environment({"HTTPS_PROXY": value})))


@given(st.text(max_size=40) | st.from_regex(r"(http|socks5)://[a-z:@%/.\[\]0-9]*", fullmatch=True))
def test_any_value_is_a_proxy_or_a_wrong_setting(value: str) -> None:
    try:
        found = proxy_for(address_of("https://x.example"), {"HTTPS_PROXY": value})
    except WireError as error:
        assert error.kind == "setup"
    else:
        assert found is None or (found.authorization is not None and found.address.host)


# What is excepted


@pytest.mark.parametrize(
    ("no_proxy", "url", "excepted"),
    [
        ("*", "https://x.example", True), ("a.example,*", "https://x.example", True), ("*:444", "https://x.example", False),
        ("x.example", "https://x.example", True), ("x.example", "https://a.x.example", True), ("x.example", "https://ax.example", False),
        (".x.example", "https://x.example", True), (".x.example", "https://a.b.x.example", True), ("*.x.example", "https://a.x.example", True),
        ("X.Example", "https://x.EXAMPLE", True), ("x.example.", "https://x.example", True), ("x.example", "https://x.example.", True),
        (" a.example , x.example ", "https://x.example", True), ("a.example x.example", "https://x.example", True),
        ("a.example\tx.example\n", "https://x.example", True), (",, ,", "https://x.example", False), ("", "https://x.example", False),
        (".", "https://x.example", False), ("e", "https://x.example", False), ("example", "https://x.example", True),
        ("x.example:443", "https://x.example", True), ("x.example:8080", "https://x.example", False), (".x.example:8080", "http://a.x.example:8080", True),
        ("x.example:80", "http://x.example", True), ("*x.example", "https://ax.example", False),
        ("10.1.2.3", "http://10.1.2.3", True), ("10.1.2.3:81", "http://10.1.2.3", False), ("10.1.2.3:81", "http://10.1.2.3:81", True),
        ("2.3", "http://10.1.2.3", False), (".3", "http://10.1.2.3", False), ("10.1.2", "http://10.1.2.3", False),
        ("10.0.0.0/8", "http://10.1.2.3", True), ("10.9.9.9/8", "http://10.1.2.3", True), ("10.0.0.0/16", "http://10.1.2.3", False),
        ("10.1.2.3/32", "http://10.1.2.3", True), ("0.0.0.0/0", "http://10.1.2.3", True), ("10.0.0.0/33", "http://10.1.2.3", False),
        ("10.0.0.0/", "http://10.1.2.3", False), ("10.0.0.0/x", "http://10.1.2.3", False), ("10.0.0.0/8", "http://10.x.example", False),
        ("::/0", "http://10.1.2.3", False), ("0.0.0.0/0", "http://[2001:db8::1]", False),
        ("2001:db8::1", "http://[2001:db8::1]", True), ("[2001:db8::1]", "http://[2001:db8::1]", True),
        ("2001:DB8:0:0::1", "http://[2001:db8::1]:81", True), ("[2001:db8::1]:81", "http://[2001:db8::1]:81", True),
        ("[2001:db8::1]:81", "http://[2001:db8::1]", False), ("2001:db8::/32", "http://[2001:db8::1]", True),
        ("[2001:db8::]/32", "http://[2001:db8::1]", True), ("2001:db9::/32", "http://[2001:db8::1]", False),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]", True), ("::ffff:10.1.2.3", "http://10.1.2.3", True),
        ("[", "http://10.1.2.3", False), ("]:/", "https://x.example", False), ("/", "https://x.example", False),
    ],
)  # fmt: skip
def test_what_a_no_proxy_excepts(no_proxy: str, url: str, excepted: bool) -> None:
    assert is_excepted(address_of(url), no_proxy) == excepted


LABELS = st.lists(st.sampled_from(["a", "b", "ab", "x-1"]), min_size=1, max_size=4).map(".".join)
NUMBERS = st.integers(0x01000000, 0x7EFFFFFF).map(lambda number: str(ipaddress.IPv4Address(number)))
HOSTS = LABELS | NUMBERS
ENTRIES = st.lists(HOSTS | LABELS.map(".".__add__) | st.just("*"), max_size=4)


@given(HOSTS, ENTRIES)
def test_names_are_excepted_as_python_itself_does(host: str, entries: list[str]) -> None:
    """Where no entry is part of an IP address, which Python takes for a domain."""
    number = host.replace(".", "").isdigit()
    entries = [entry for entry in entries if not number or entry.replace(".", "").isdigit() or entry == "*"]
    no_proxy = ",".join(entries)
    theirs = urllib.request.proxy_bypass_environment(host, {"no": no_proxy}) or "*" in entries  # type: ignore[attr-defined]
    assert is_excepted(address_of(f"http://{host}"), no_proxy) == bool(theirs)


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128), st.booleans())
def test_networks_are_excepted_as_their_bits_say(
    host: ipaddress._BaseAddress, near: ipaddress._BaseAddress, bits: int, flip: bool
) -> None:
    """An oracle of numbers: the first *bits* are those of the network."""
    width = host.max_prefixlen
    bits = bits % (width + 1)
    number = int(host) ^ (1 << (width - bits) if flip and bits else (1 << (width - bits)) - 1)
    network = type(host)(number)  # type: ignore[call-arg]
    url = f"http://[{host}]" if width == 128 else f"http://{host}"
    if getattr(host, "ipv4_mapped", None) is None:
        assert is_excepted(address_of(url), f"{near}/0x,{network}/{bits}") == (not flip or not bits)
