"""Sources by name: fetched by the clients of package registries, read as data, dated by themselves."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import RegistryError
from inference_providers.cli.main import main
from inference_providers.upkeep import packages
from inference_providers.upkeep.importers import literals
from inference_providers.upkeep.importers.reading import load_overlay, read_source
from inference_providers.upkeep.named_sources import names, read_named, read_package
from tests.conftest import ROOT

TODAY = "2026-11-26"
SOURCES = load_overlay()["sources"]
ROW = {"name": "M", "env": ["GROQ_API_KEY"], "npm": "@ai-sdk/groq", "models": {"m-1-8b": {"id": "m-1-8b", "last_updated": "2026-09-30"}}}  # fmt: skip
PI = {"openai-completions": {
    "chat:m-1-8b": {"id": "m-1-8b", "api": "openai-completions", "baseUrl": "https://api.groq.com/openai/v1", "cost": {"input": 1, "output": 2}, "type": "chat"},
    "image:p": {"api": "openai-completions", "baseUrl": "", "type": "image"},
}}  # fmt: skip
PRICES = {
    "sample_spec": {"litellm_provider": "one of ..."},
    "groq/m-1-8b": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 1e-6},
    "groq/latest": {"alias_of": "groq/m-1-8b"},
}
LIKE_OPENAI = {"publicai": {"base_url": "https://api.publicai.co/v1", "api_key_env": "PUBLICAI_API_KEY"}, "odd": 5}
OLD = 499162500  # 1985: the day that npm gives to every file


def tgz(files: Mapping[str, str | bytes], mtime: float = OLD) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            data = content.encode() if isinstance(content, str) else content
            member.size, member.mtime = len(data), mtime
            made.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def wheel(files: Mapping[str, str], day: tuple[int, int, int] = (1980, 1, 1)) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, (*day, 0, 0, 0)), content)
    return buffer.getvalue()


NPM_PI = {
    "package/dist/providers/data/groq.json": json.dumps(PI),
    "package/dist/providers/data/.manifest.json": '{"generatedAt":"2026-11-10T12:05:37.628Z"}',
    "package/dist/index.js": "throw 1",
}
PIP_LITELLM = {
    "litellm/model_prices_and_context_window_backup.json": json.dumps(PRICES),
    "litellm/llms/openai_like/providers.json": json.dumps(LIKE_OPENAI),
    "litellm/__init__.py": "raise SystemExit(9)",
    "litellm-1.dist-info/sboms/x.cyclonedx.json": '{"metadata": {"timestamp": "2026-11-20T03:38:35Z"}}',
}

Clients = Callable[..., dict[str, str]]


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    """An environment with a `pip` or `npm` that brings this archive, and writes down how it was called."""

    def make(client: str, content: bytes = b"", *, code: int = 0, said: str = "") -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        archive = tmp_path / ("found" + packages._ARCHIVES[client])
        archive.write_bytes(content)
        script = folder / client
        script.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/called\nenv > {tmp_path}/given\necho "{said}" >&2\n'
            'for word; do test -d "$word" && folder=$word; done\n'
            f'test {code} = 0 && cp {archive} "$folder"\nexit {code}\n'
        )
        script.chmod(0o755)
        return {"PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(tmp_path), "GROQ_API_KEY": "canary-groq"}

    return make


def offers(source: Any) -> list[tuple[str, str]]:
    return [(row.provider, row.internal_name) for row in source.offers]


def test_pi_ai_is_the_newest_package_of_npm(clients: Clients, tmp_path: Path) -> None:
    source = read_named("pi-ai", clients("npm", tgz(NPM_PI)), TODAY)
    assert (source.kind, source.day, offers(source)) == ("pi-ai", "2026-11-10", [("groq", "m-1-8b")])
    called = (tmp_path / "called").read_text()
    assert "@earendil-works/pi-ai@latest" in called and "--ignore-scripts" in called
    assert "canary-groq" not in (tmp_path / "given").read_text(), "no key of a provider goes along"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "called", "found.tgz", "given"]


def test_litellms_lists_are_of_the_newest_package_of_pip(clients: Clients, tmp_path: Path) -> None:
    environ = clients("pip", wheel(PIP_LITELLM))
    prices = read_named("litellm", environ, TODAY)
    assert (prices.kind, prices.day, offers(prices)) == ("litellm", "2026-11-20", [("groq", "m-1-8b")])
    called = (tmp_path / "called").read_text()
    assert "--no-deps" in called and "--only-binary=:all:" in called, "nothing is built to learn what it is"
    listed = read_named("litellm-endpoints", environ, TODAY)
    (row,) = listed.providers
    assert (listed.kind, row.endpoint, row.variables) == (
        "litellm-endpoints", "https://api.publicai.co/v1", ("PUBLICAI_API_KEY",),
    )  # fmt: skip


def js(value: Any) -> str:
    """As a minifier writes it."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key if key.isascii() and key.isidentifier() else json.dumps(key)}:{js(one)}" for key, one in value.items()) + "}"  # fmt: skip
    if isinstance(value, list):
        return "[" + ",".join(map(js, value)) + "]"
    return {True: "!0", False: "!1"}[value] if isinstance(value, bool) else json.dumps(value)


def test_opencode_is_models_devs_catalogue_out_of_a_program(clients: Clients) -> None:
    table = {pid: {"id": pid, **ROW} for pid in ("groq", "deepinfra")}
    noise = os.urandom(3 * 1024 * 1024)
    decoy = b'({groq:{id:"groq",env:f()}})'
    program = noise + decoy + b"p=n.sync(()=>(" + js(table).encode() + b"))" + noise
    environ = clients("npm", tgz({"package/bin/opencode": program}))
    source = read_named("opencode", environ, TODAY)
    assert (source.kind, source.day) == ("models.dev", "2026-09-30")
    assert sorted(offers(source)) == [("deepinfra", "m-1-8b"), ("groq", "m-1-8b")]


def test_the_packages_own_endpoints_need_no_network() -> None:
    source = read_named("endpoints", {"INFERENCE_PROVIDERS_OFFLINE": "1"}, TODAY)
    assert source.kind == "endpoints" and source.day == SOURCES["endpoints"]["date"]
    assert {"openai", "groq", "together"} <= {row.provider for row in source.providers}


def test_an_archive_with_days_is_of_its_newest_one(tmp_path: Path) -> None:
    path = tmp_path / "found.whl"
    bare = {name: text for name, text in PIP_LITELLM.items() if "sboms" not in name}
    for day, found in (((2026, 11, 5), "2026-11-05"), ((2027, 1, 1), ""), ((1980, 1, 1), "")):
        path.write_bytes(wheel(bare, day))
        assert read_package(str(path), SOURCES["litellm"]["get"], "litellm", TODAY).day == found


def test_a_source_that_does_not_say_has_the_overlays_day(clients: Clients) -> None:
    bare = {name: text for name, text in PIP_LITELLM.items() if "sboms" not in name}
    assert read_named("litellm", clients("pip", wheel(bare)), TODAY).day == SOURCES["litellm"]["date"]


def test_a_file_is_read_as_ever(tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(json.dumps({"groq": ROW}))
    assert read_named(str(tmp_path / "api.json"), {}, TODAY).day == SOURCES["models.dev"]["date"]


def test_a_folder_that_is_called_like_a_source_is_none(
    clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pi-ai").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_named("pi-ai", clients("npm", tgz(NPM_PI)), TODAY).kind == "pi-ai"


def test_what_is_neither_a_file_nor_a_source_is_told_so_with_the_names() -> None:
    with pytest.raises(RegistryError, match=r"lite-llm: neither a file nor a source's name \(.*litellm.*pi-ai"):
        read_named("lite-llm", {}, TODAY)


# What can go wrong


def damaged(archive: bytes) -> bytes:
    """An archive in the middle of which a byte is another."""
    middle = len(archive) // 2
    return archive[:middle] + bytes([archive[middle] ^ 255]) + archive[middle + 1 :]


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "it fails": ("npm", {"code": 1, "said": "npm error code E404"}, "npm failed: npm error code E404"),
    "it fails in silence": ("npm", {"code": 3}, "npm failed: exit code 3"),
    "it brings no archive": ("npm", {"content": b"not gzip"}, "cannot be read"),
    "it is cut": ("npm", {"content": tgz(NPM_PI)[:-300]}, "cannot be read"),
    "it is damaged": ("npm", {"content": damaged(tgz(NPM_PI))}, "cannot be read"),
    "the file is elsewhere": ("npm", {"content": tgz({"package/other.json": "{}"})}, "a newer one may have it elsewhere"),
    "the file is no JSON": ("npm", {"content": tgz({"package/dist/providers/data/groq.json": "x"})}, "not JSON"),
    "the file is too large": (
        "npm", {"content": tgz({"package/dist/providers/data/groq.json": b" " * (packages.FILE_CAP + 1)})}, "larger than",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_package_that_cannot_be_had_or_read_is_told_so(clients: Clients, what: str) -> None:
    client, options, said = WRONG[what]
    with pytest.raises(RegistryError) as caught:
        read_named("pi-ai", clients(client, **options), TODAY)
    assert said in str(caught.value)


def test_wherever_an_archive_is_damaged_it_is_told_so(tmp_path: Path) -> None:
    wheel, tar = tmp_path / "x.whl", tmp_path / "x.tgz"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a/b.json", json.dumps(NPM_PI))
    tar.write_bytes(tgz(NPM_PI))
    told = 0
    for path in (wheel, tar):
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
            try:
                assert all(isinstance(file.read(), bytes) for file in packages.files(str(path)))
            except RegistryError:
                told += 1
    assert told > 100


def test_offline_and_without_the_client_the_way_out_is_named(clients: Clients, tmp_path: Path) -> None:
    for name, client in (("litellm", "pip"), ("pi-ai", "npm"), ("opencode", "npm")):
        with pytest.raises(RegistryError, match=rf"there is no `{client}` on PATH; install {client}, or give a file"):
            read_named(name, {"PATH": str(tmp_path / "empty")}, TODAY)
        with pytest.raises(RegistryError, match="INFERENCE_PROVIDERS_OFFLINE is set; unset it"):
            read_named(name, {**clients(client), "INFERENCE_PROVIDERS_OFFLINE": "1"}, TODAY)
    with pytest.raises(RegistryError, match="INFERENCE_PROVIDERS_OFFLINE is set"):
        read_named("models.dev", {"INFERENCE_PROVIDERS_OFFLINE": "1"}, TODAY)
    ran = CliRunner().invoke(main, ["registry", "build", "--from", "pi-ai"], env={"INFERENCE_PROVIDERS_OFFLINE": "1"})
    assert (ran.exit_code, "INFERENCE_PROVIDERS_OFFLINE" in ran.stderr) == (5, True)


def test_names_in_an_archive_are_no_paths(clients: Clients, tmp_path: Path) -> None:
    files = {"../../evil": "x", "/tmp/evil": "x", **NPM_PI}
    read_named("pi-ai", clients("npm", tgz(files)), TODAY)
    assert not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()


def test_a_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "UNPACKED_CAP", 1024 * 1024)
    path = tmp_path / "found.tgz"
    path.write_bytes(gzip.compress(gzip.decompress(tgz({"package/zeros": b"\0" * 4 * 1024 * 1024}))))
    with pytest.raises(RegistryError, match="holds more than 1048576 bytes"):
        list(packages.files(str(path)))


# What is no source


def test_a_list_that_may_not_be_bundled_is_no_source(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"data": [{"id": "openai/gpt-5", "pricing": {"prompt": "0.1"}}]}))
    for origin in ("openrouter", "https://openrouter.ai/api/v1/models", str(file)):
        with pytest.raises(RegistryError, match=r"no licence lets its prices be bundled.*registry compare"):
            read_named(origin, {}, TODAY)
    assert "openrouter" not in names(load_overlay())


def test_every_named_source_has_a_licence_that_allows_it() -> None:
    for name in names(load_overlay()):
        assert SOURCES[name]["licence"] == "MIT"


def test_no_package_registrys_host_is_named() -> None:
    for path in (ROOT / "inference_providers" / "upkeep").rglob("*.py"):
        assert "registry.npmjs" not in path.read_text("utf-8") and "pypi.org" not in path.read_text("utf-8")


# Literals

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), values))
def test_json_and_what_minifiers_make_of_it_are_read_alike(value: dict[str, Any]) -> None:
    assert literals.loads(json.dumps(value)) == literals.loads(js(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a:1,'b':.5,3:`x`,}", {"a": 1, "b": 0.5, "3": "x"}),
        (r'{a:"\x41\u{1f600}\'",b:void 0,c:[1e3,0x1F,-2,],d:"a\\"}', {"a": "A\U0001f600'", "b": None, "c": [1000, 31, -2], "d": "a\\"}),
        ('{"true":true,null:null,$x_1:!1,é:2}', {"true": True, "null": None, "$x_1": False, "é": 2}),
    ],
)  # fmt: skip
def test_literals_of_generators_are_read(text: str, value: Any) -> None:
    assert literals.loads(text) == value


@pytest.mark.parametrize(
    "text", ["{a:f()}", "{a:x}", "{...b}", "{a:`${x}`}", "{a:1+1}", "{[a]:1}", "{a(){}}", "{a:'x}", "{a:1", "[" * 200 + "]" * 200, "", "{a:0x" + "f" * 400 + "}", "{a:1e999}"]
)  # fmt: skip
def test_what_would_have_to_be_run_is_no_data(text: str) -> None:
    with pytest.raises(ValueError):
        literals.loads(text)


def test_a_program_is_read_in_pieces() -> None:
    class Endless(io.RawIOBase):
        """A program of 200 MiB that ends in the table, and never holds more than it is asked for."""

        def __init__(self) -> None:
            self.left, self.largest = 200, 0
            self.last = js({"groq": {"id": "groq", **ROW}}).encode()

        def read(self, size: int = -1) -> bytes:
            self.largest = max(self.largest, size)
            self.left -= 1
            return b'x{"a":' * (size // 6) if self.left > 0 else self.last if self.left == 0 else b""

    program = Endless()
    found = literals.embedded(program, lambda data: "groq" in data)
    assert found["groq"]["models"] == ROW["models"]
    assert program.largest <= 1024 * 1024


def test_of_many_beginnings_some_are_looked_at() -> None:
    asked: list[Any] = []
    decoys = b'{a:{id:"a",env:[]}}' * 1000
    assert literals.embedded(io.BytesIO(decoys), lambda data: bool(asked.append(data))) is None
    assert 10 <= len(asked) <= 100


@given(st.binary(max_size=300))
def test_no_program_breaks_the_search(noise: bytes) -> None:
    begun = b'{a:{id:"a",env:'
    assert literals.embedded(io.BytesIO(begun + noise), lambda data: False) is None


def test_the_forms_of_packages_are_read_as_the_forms_of_files() -> None:
    overlay = load_overlay()
    of_package = read_source({"groq": {"m-1-8b": PI["openai-completions"]["chat:m-1-8b"]}}, overlay)
    assert of_package.kind == "pi-ai"
