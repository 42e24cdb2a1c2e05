"""TLS, over real sockets: whom the environment says to trust, and what is said of certificates that are not."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference_providers.transport import tls
from inference_providers.transport.async_sender import AsyncSender
from inference_providers.transport.http import Limits, Request, WireError
from inference_providers.transport.origins import connecting, told
from inference_providers.transport.sync_sender import Sender
from tests.proxies import TlsServer, certificate, serving
from tests.servers import PATIENCE, refused_port

Start = Callable[..., TlsServer]
Ways = pytest.mark.parametrize("way", ["sync", "async"])
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
FILES = [name for name in VARIABLES if name != "SSL_CERT_DIR"]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def hashed(pem: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate, named as OpenSSL looks for it."""
    folder = tmp_path_factory.mktemp("hashed")
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(pem)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(pem.parent / "cert.pem", folder / f"{name}.0")
    return folder


@pytest.fixture
def start(pem: Path) -> Iterator[Start]:
    servers: list[TlsServer] = []

    def made(other: Path = pem) -> TlsServer:
        servers.append(TlsServer(serving(other)))
        return servers[-1]

    yield made
    for server in servers:
        server.close()


def fetch(way: str, environ: dict[str, str], port: int, host: str = "localhost", times: int = 1) -> list[bytes]:
    request, limits = (
        Request("POST", f"https://{host}:{port}/v1/models", {"X-A": "b"}, b"1"),
        Limits(connect=PATIENCE, total=PATIENCE),
    )

    async def all_of() -> list[bytes]:
        sender = AsyncSender(environ, limits)
        try:
            return [await (await sender.send(request)).read() for _ in range(times)]
        finally:
            await sender.aclose()

    if way == "async":
        return asyncio.run(all_of())
    sender = Sender(environ, limits)
    try:
        return [sender.send(request).read() for _ in range(times)]
    finally:
        sender.close()


def failure(way: str, environ: dict[str, str], port: int, host: str = "localhost") -> WireError:
    with pytest.raises(WireError) as caught:
        fetch(way, environ, port, host)
    return caught.value


@Ways
@pytest.mark.parametrize("variable", VARIABLES)
def test_whom_the_environment_names_is_trusted_and_connections_are_used_again(
    way: str, variable: str, start: Start, pem: Path, hashed: Path
) -> None:
    server = start()
    folders = {
        "SSL_CERT_DIR": (f"/nowhere{os.pathsep}{hashed}",),
        "REQUESTS_CA_BUNDLE": (str(hashed),),
        "CURL_CA_BUNDLE": (str(hashed),),
    }
    files = () if variable == "SSL_CERT_DIR" else (str(pem), f" {pem} ")
    values = (*folders.get(variable, ()), *files)
    for count, value in enumerate(values, 1):
        assert all(fetch(way, {variable: value}, server.port, times=2))
        assert server.connections == count
    assert [request.body for request in server.requests] == [b"1"] * 2 * len(values)


@Ways
def test_which_variable_counts(way: str, start: Start, pem: Path, hashed: Path, tmp_path: Path) -> None:
    """The first that is set; an empty one is not. Node's is added to any."""
    server, other = start(), certificate(tmp_path)
    good, bad = str(pem), str(other)
    for environ in (
        {"SSL_CERT_FILE": good, "REQUESTS_CA_BUNDLE": bad, "CURL_CA_BUNDLE": bad},
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": " ", "REQUESTS_CA_BUNDLE": good, "CURL_CA_BUNDLE": bad},
        {"SSL_CERT_FILE": bad, "SSL_CERT_DIR": str(hashed)},
        {"SSL_CERT_FILE": good, "SSL_CERT_DIR": "/nowhere"},
        {"SSL_CERT_FILE": bad, "NODE_EXTRA_CA_CERTS": good},
        {"NODE_EXTRA_CA_CERTS": good, "CURL_CA_BUNDLE": bad},
    ):
        assert fetch(way, environ, server.port)
    for environ in (
        {"SSL_CERT_FILE": bad, "REQUESTS_CA_BUNDLE": good},
        {"SSL_CERT_DIR": str(hashed.parent), "SSL_CERT_FILE": bad, "CURL_CA_BUNDLE": good},
        {"REQUESTS_CA_BUNDLE": bad, "CURL_CA_BUNDLE": good},
        {"PIP_CERT": good, "AWS_CA_BUNDLE": good},
    ):
        assert failure(way, environ, server.port).kind == "tls"


def test_extra_certificates_are_added_to_the_usual_ones(pem: Path) -> None:
    usual, more = tls.context({}), tls.context({"NODE_EXTRA_CA_CERTS": str(pem)})
    assert more.cert_store_stats()["x509"] == usual.cert_store_stats()["x509"] + 1


@Ways
@pytest.mark.parametrize("variable", VARIABLES)
def test_certificates_that_cannot_be_read_are_named_with_their_variable(
    way: str, variable: str, pem: Path, tmp_path: Path
) -> None:
    """Before anything is opened."""
    whole = (pem.parent / "cert.pem").read_text()
    wrong = {"empty": "", "no PEM": "hello", "a key": (pem.parent / "key.pem").read_text(), "cut": whole[: len(whole) // 2],
             "broken": whole.replace("M", "*"), "cut second": whole + whole[: len(whole) // 2]}  # fmt: skip
    values = []
    for name, text in wrong.items():
        path = tmp_path / name
        if variable == "SSL_CERT_DIR":
            path.mkdir()
            (path / "cert.pem").write_text(text)
        else:
            path.write_text(text)
        values.append(str(path))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    values += [str(tmp_path / name) for name in ("missing", "folder", "pipe", "missing/file")] + [
        "relative.pem",
        "null\0byte",
    ]
    for value in values:
        error = failure(way, {variable: value}, refused_port())
        assert error.kind == "setup"
        assert f"nothing was sent: {variable}={value} names no certificates (" in str(error)
        assert "openssl rehash" not in str(error) or os.path.isdir(value)


@pytest.mark.parametrize("kind", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_an_end_amid_the_handshake_is_none_of_tls(kind: type[ssl.SSLError]) -> None:
    """Pythons differ in how they call it, by their OpenSSL."""
    error = kind(8, "EOF occurred")
    assert (connecting(error, False).kind, str(connecting(error, False))) == ("broken", "the connection was reset")
    assert told(error, False).kind == "broken"
    assert connecting(ssl.SSLError(1, "[SSL] wrong version number"), False).kind == "tls"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(pem: Path, tmp_path: Path) -> None:
    shut = tmp_path / "shut.pem"
    shutil.copy(pem, shut)
    shut.chmod(0)
    assert "Permission denied" in str(failure("sync", {"SSL_CERT_FILE": str(shut)}, refused_port()))


@Ways
def test_a_setting_that_was_corrected_counts(way: str, start: Start, pem: Path, tmp_path: Path) -> None:
    """What could not be read is read again with the next request."""
    server, environ = start(), {"SSL_CERT_FILE": str(tmp_path / "later.pem")}
    request = Request("GET", f"https://localhost:{server.port}/v1/models")

    async def twice() -> bytes:
        sender = AsyncSender(environ)
        with pytest.raises(WireError, match=r"later\.pem"):
            await sender.send(request)
        shutil.copy(pem, tmp_path / "later.pem")
        try:
            return await (await sender.send(request)).read()
        finally:
            await sender.aclose()

    if way == "async":
        assert asyncio.run(twice())
        return
    sender = Sender(environ)
    with pytest.raises(WireError, match=r"later\.pem"):
        sender.send(request)
    shutil.copy(pem, tmp_path / "later.pem")
    assert sender.send(request).read()
    sender.close()


@Ways
def test_a_certificate_that_is_not_trusted_is_refused_before_anything_is_sent(
    way: str, start: Start, tmp_path: Path
) -> None:
    """The error says what is wrong with it, and what to do."""
    expired = _made(tmp_path / "expired", days=-1)
    other = _made(tmp_path / "other", names="DNS:other.example")
    cases = [
        ({}, start(), "signed by nobody who is trusted here", "let SSL_CERT_FILE name"),
        ({"SSL_CERT_FILE": str(expired)}, start(expired), "certificate has expired", "this machine's clock"),
        ({"SSL_CERT_FILE": str(other)}, start(other), "Hostname mismatch", "is for another host"),
    ]
    for environ, server, what, to_do in cases:
        error = failure(way, environ, server.port)
        assert error.kind == "tls"
        assert what in str(error) and to_do in str(error)
        assert server.requests == []
    assert "is for another host" in str(failure(way, {"SSL_CERT_FILE": str(other)}, cases[2][1].port, "127.0.0.1"))


def _made(folder: Path, **details: Any) -> Path:
    folder.mkdir()
    return certificate(folder, **details)


def test_a_context_is_as_strict_as_pythons_own_whatever_is_named(pem: Path) -> None:
    import ssl

    made, usual = tls.context({"CURL_CA_BUNDLE": str(pem)}), ssl.create_default_context()
    assert (made.verify_mode, made.check_hostname, made.verify_flags) == (usual.verify_mode, True, usual.verify_flags)
    assert sys.flags.ignore_environment or made.minimum_version == usual.minimum_version
