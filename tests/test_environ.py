"""A list reads of the environment what it was given, and nothing else: of the process only where no `environ=` was."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference_providers import LocalServerError, ProviderList, UnknownModelError
from inference_providers.files import folders
from inference_providers.servers import engines, model_files, stopping
from inference_providers.servers.state import running, servers_folder
from inference_providers.testing import tiny_model
from inference_providers.transport import tls
from inference_providers.transport.http import Request, WireError
from inference_providers.transport.sync_sender import Sender
from inference_providers.upkeep.updater import Updater
from tests.conftest import ROOT, places
from tests.servers import Connection, Received, Server
from tests.test_launch import SLOW_ENGINE, nobody_else, nothing_is_left, slow
from tests.test_update import NEWER, publishing

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test
PACKAGE = ROOT / "inference_providers"
Serve = Callable[..., Server]
Environ = dict[str, str] | None

# Each variable, where it is given and where it is not


def listed(value: str) -> str:
    """A list of one model, `mine`, as text."""
    return json.dumps({"models": [{"name": "mine", "model_path": value}]})


def a_model(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(tiny_model.write(str(path)))


def a_list_of_models(path: Path) -> Path:
    model = a_model(path.parent / "weights" / "tiny.gguf")
    path.write_text(listed(str(model)))
    return path


MODELS: dict[str, Callable[[Path], Path]] = {  # variable -> what it is set to, where there is a model `mine`
    "INFERENCE_PROVIDERS_MODELS": lambda at: a_list_of_models(at / "list.json"),
    "INFERENCE_PROVIDERS_LOCAL_MODEL": lambda at: a_model(at / "mine.gguf"),
    "XDG_CONFIG_HOME": lambda at: a_list_of_models(at / "inference_providers" / "models.json").parents[1],
    "XDG_DATA_HOME": lambda at: a_model(at / "inference_providers" / "models" / "mine.gguf").parents[2],
    "XDG_CACHE_HOME": lambda at: a_model(at / "llama.cpp" / "mine.gguf").parents[1],
    "LLAMA_CACHE": lambda at: a_model(at / "mine.gguf").parent,
    "HF_HOME": lambda at: a_model(at / "hub" / "models--a--b" / "snapshots" / "1" / "mine.gguf").parents[4],
    "HF_HUB_CACHE": lambda at: a_model(at / "models--a--b" / "snapshots" / "1" / "mine.gguf").parents[3],
    "HUGGINGFACE_HUB_CACHE": lambda at: a_model(at / "models--a--b" / "snapshots" / "1" / "mine.gguf").parents[3],
    "HOME": lambda at: a_model(at / ".lmstudio" / "models" / "mine.gguf").parents[2],
}


def has_model(environ: Environ, name: str = "mine:local") -> bool:
    try:
        return bool(ProviderList(environ=environ, json_override=nobody_else()).resolve(name).offers)
    except (UnknownModelError, LocalServerError):
        return False


def check_holds_only_where_given(
    variable: str, value: str, holds: Callable[[Environ], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert holds({variable: value})
    assert not holds({})
    monkeypatch.setenv(variable, value)
    assert not holds({}), "it is the process's, not the list's"
    assert holds({variable: value})
    assert holds(None), "the process's is the default"
    monkeypatch.delenv(variable)
    assert not holds(None), "it is no longer set"


@pytest.mark.parametrize("variable", MODELS)
def test_models_are_looked_for_where_the_environment_given_says(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    value = str(MODELS[variable](tmp_path / "there"))
    check_holds_only_where_given(variable, value, has_model, monkeypatch)


def test_two_lists_of_one_process_have_model_lists_of_their_own(tmp_path: Path) -> None:
    made = {}
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "list.json").write_text(listed(str(a_model(folder / f"{name}.gguf"))))
        environ = {"INFERENCE_PROVIDERS_MODELS": str(folder / "list.json")}
        made[name] = ProviderList(environ=environ, json_override=nobody_else())
    for _ in range(2):  # whichever was asked last
        for name, providers in made.items():
            found = {Path(offer.internal_name).stem for offer in providers.resolve("mine").offers}
            assert found == {name}


def test_a_variable_that_is_taken_out_of_the_mapping_counts_no_longer(tmp_path: Path) -> None:
    environ = {"INFERENCE_PROVIDERS_MODELS": str(a_list_of_models(tmp_path / "list.json"))}
    providers = ProviderList(environ=environ, json_override=nobody_else())
    assert providers.resolve("mine").offers
    del environ["INFERENCE_PROVIDERS_MODELS"]
    with pytest.raises(UnknownModelError):
        providers.resolve("mine")


def test_a_tilde_is_the_home_of_the_environment_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "there" / "x.png"
    model = a_model(tmp_path / "there" / "tiny.gguf")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    lists = tmp_path / "list.json"
    lists.write_text(listed("~/tiny.gguf"))

    def shown(environ: Environ) -> bool:
        try:
            return bool(ProviderList(environ=environ, mock={"*": "seen"}).ask_ai("What is it?", images=["~/x.png"]))
        except ValueError:
            return False

    def of_a_list(environ: Environ) -> bool:
        given = {**(os.environ if environ is None else environ), "INFERENCE_PROVIDERS_MODELS": str(lists)}
        return has_model(given)

    def at_a_path(environ: Environ) -> bool:
        return folders.expanded("~/tiny.gguf", os.environ if environ is None else environ) == str(model)

    for holds in (shown, of_a_list, at_a_path):
        check_holds_only_where_given("HOME", str(tmp_path / "there"), holds, monkeypatch)


def test_an_environment_without_a_home_has_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert folders.home({}) == folders.home({"HOME": "relative"}) == str(tmp_path / "account")
    assert servers_folder({}).startswith(str(tmp_path / "account" / ".local" / "state"))
    assert model_files.own_folder({}) == str(
        tmp_path / "account" / ".local" / "share" / "inference_providers" / "models"
    )


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_folders_are_those_of_the_environment_given_too(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("HOME", "/elsewhere")
    monkeypatch.setenv("LOCALAPPDATA", "/elsewhere")
    at = str(tmp_path)
    found = [folders.own(kind, {"HOME": at}) for kind in ("cache", "config", "data")]
    if system == "darwin":
        below = ["Library/Caches", "Library/Application Support", "Library/Application Support"]
        assert found == [f"{at}/{one}/inference_providers" for one in below]
        assert folders.own("data", {"HOME": at, "XDG_DATA_HOME": "/data"}) == "/data/inference_providers"
    else:
        usual = f"{at}/AppData/Local/inference_providers/inference_providers"
        assert found == [f"{usual}/Cache", usual, usual]
        given = folders.own("data", {"HOME": at, "LOCALAPPDATA": "/local"})
        assert given == "/local/inference_providers/inference_providers"


# Updates, proxies, certificates


def test_updates_come_from_the_address_of_the_environment_given(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{serve(publishing(NEWER)).port}/r.json"
    monkeypatch.setenv("INFERENCE_PROVIDERS_URL", "http://127.0.0.1:9/none.json")
    environ = {"INFERENCE_PROVIDERS_URL": url, "INFERENCE_PROVIDERS_CACHE_DIR": str(tmp_path / "mine")}
    assert ProviderList(auto_update=True, environ=environ, local=False).registry.version == NEWER["version"]
    assert (tmp_path / "mine" / "registry.json").exists()
    assert Updater({}).url == "https://models.dev/api.json"


@pytest.mark.parametrize("variable", ["INFERENCE_PROVIDERS_CACHE_DIR", "XDG_CACHE_HOME", "HOME"])
def test_updates_are_kept_where_the_environment_given_says(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INFERENCE_PROVIDERS_CACHE_DIR")
    there = str(tmp_path / "there")

    def kept(environ: Environ) -> bool:
        return Updater(environ).path.startswith(there)

    check_holds_only_where_given(variable, there, kept, monkeypatch)


def test_proxies_are_those_of_the_environment_given(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """For questions and for updates; a proxy that refuses notes who has asked it to connect."""

    def refuse(connection: Connection, request: Received) -> None:
        connection.reply(403, {})

    proxy = serve(refuse)

    def asks(environ: Environ) -> bool:
        before = len(proxy.requests)
        with pytest.raises(WireError):
            Sender(environ).send(Request("GET", "https://models.invalid/v1"))
        return len(proxy.requests) > before

    def updates(environ: Environ) -> bool:
        before = len(proxy.requests)
        made = Updater(environ, url="https://registry.invalid/r.json")
        with pytest.raises(Exception, match=r"registry\.invalid"):
            made.fetch()
        return len(proxy.requests) > before

    for holds in (asks, updates):
        check_holds_only_where_given("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}", holds, monkeypatch)


CERTIFICATES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_certificates_are_those_of_the_environment_given(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CERTIFICATES:
        monkeypatch.delenv(name, raising=False)

    def refused(environ: Environ) -> bool:
        try:
            tls.context(os.environ if environ is None else environ)
        except WireError as error:
            return variable in str(error)
        return False

    check_holds_only_where_given(variable, str(tmp_path / "none.pem"), refused, monkeypatch)


def test_keys_of_connections_are_logged_where_the_environment_given_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "keys.log"

    def logged(environ: Environ) -> bool:
        log.unlink(missing_ok=True)
        tls.context(os.environ if environ is None else environ)
        return log.exists()

    check_holds_only_where_given("SSLKEYLOGFILE", str(log), logged, monkeypatch)
    with pytest.raises(WireError, match=r"SSLKEYLOGFILE=.* names a log"):
        tls.context({"SSLKEYLOGFILE": str(tmp_path / "nowhere" / "keys.log")})


def test_a_connection_is_checked_as_strictly_as_pythons_own_default() -> None:
    import ssl

    ours, usual = tls.context({}), ssl.create_default_context()
    for name in ("verify_mode", "verify_flags", "check_hostname", "options", "minimum_version", "maximum_version"):
        assert getattr(ours, name) == getattr(usual, name), name


# Servers that are launched


def a_program(folder: Path) -> str:
    """An engine that only a PATH finds; its name."""
    folder.mkdir()
    (folder / "my-engine").write_text(f'#!/bin/sh\nexec {sys.executable} -P {SLOW_ENGINE} "$@"\n')
    (folder / "my-engine").chmod(0o755)
    return "my-engine"


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """Environments whose servers are kept apart; all of them end."""
    made: list[dict[str, str]] = []

    def make(name: str) -> dict[str, str]:
        made.append({**places(), "XDG_STATE_HOME": str(tmp_path / name)})
        return made[-1]

    yield make
    for environ in made:
        for folder, _ in list(running(environ)):
            assert stopping.stop(folder)


def test_programs_of_one_environment_share_servers_and_those_of_another_do_not(
    apart: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    mine, theirs = apart("mine"), apart("theirs")
    options: dict[str, Any] = {"json_override": nobody_else(), "local_models": [slow()]}
    first = ProviderList(environ=mine, **options)
    second = ProviderList(environ=dict(mine), **options)
    other = ProviderList(environ=theirs, **options)
    said = first.ask_ai("hi", "slow")
    assert second.ask_ai("hi", "slow") == said, "each says its process"
    assert other.ask_ai("hi", "slow") != said
    assert [len([*running(one)]) for one in (mine, theirs)] == [1, 1]
    assert not [*running(os.environ)]
    for folder, environ in ((str(tmp_path / "mine"), mine), (str(tmp_path / "theirs"), theirs)):
        assert all(path.startswith(folder) for path, _ in running(environ))


def test_engines_are_found_on_the_path_of_the_environment_given(
    apart: Callable[[str], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = a_program(tmp_path / "bin")
    path = os.pathsep.join([str(tmp_path / "bin"), "/usr/bin", "/bin"])

    def installed(environ: Environ) -> bool:
        return engines.installed({"program": name}, os.environ if environ is None else environ)

    check_holds_only_where_given("PATH", path, installed, monkeypatch)
    model = slow(command=[name, "{port}"])
    environ = {**apart("mine"), "PATH": path}
    providers = ProviderList(environ=environ, json_override=nobody_else(), local_models=[model])
    assert "says hello" in providers.ask_ai("hi", "slow")


def test_an_engine_has_of_the_environment_what_was_given_and_a_path(
    apart: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("HF_HOME", "/process")
    whole = apart("mine")
    environ = {"XDG_STATE_HOME": whole["XDG_STATE_HOME"], "CUDA_VISIBLE_DEVICES": "3"}
    providers = ProviderList(environ=environ, json_override=nobody_else(), local_models=[slow()])
    assert providers.ask_ai("hi", "slow")
    ((_, state),) = running(environ)
    seen = psutil.Process(state["engine"]).environ()
    beside = os.path.dirname(sys.executable)
    assert seen == {
        **environ,
        "PATH": f"{os.defpath}{os.pathsep}{beside}",
        "PYTHONUNBUFFERED": "1",
        "ENGINE_KEY": state["key"],
    } | {name: value for name, value in seen.items() if name == "LC_CTYPE"}  # which Python sets for what it starts


# Nothing at all is read of the process


def names_in_the_package() -> set[str]:
    """Whatever may be the name of a variable: every word in capitals of sources and registry."""
    found: set[str] = set()
    for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.json")):
        found |= set(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", path.read_text("utf-8")))
    proxies = {name.lower() for name in found if name.endswith("_PROXY")}
    return found | proxies | {"SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy"}


SCENARIO = """
import asyncio, base64, json, os, socket, sys, threading, traceback

names, trap, own, url, address = json.loads(sys.stdin.read())
import inference_providers
from inference_providers import *
from inference_providers.batches import roll_call
from inference_providers.servers import state as server_state, stopping
from tests.test_launch import SLOW_ENGINE, nobody_else, slow
from tests.conftest import registry_of
from tests.test_update import NEWER

# What libraries and this test's helpers read as they are imported is theirs.
import httpx2, jsonschema, openai, psutil, pydantic, referencing, subprocess, ssl, tempfile, yaml, certifi

touched = []
PACKAGE = os.path.dirname(inference_providers.__file__)


def note(what):
    touched.append((str(what), ["".join(traceback.format_list([frame])) for frame in traceback.extract_stack()[-6:-2]]))


class Watched(type(os.environ)):
    def __getitem__(self, name):
        if name in names:
            note(name)
        return super().__getitem__(name)

    def __iter__(self):
        note("all")
        return super().__iter__()


def watch(event, arguments):
    if event.split(".")[0] in ("open", "os", "socket", "shutil", "subprocess", "glob"):
        if any(sign in repr(arguments) for sign in (trap, str(address))):
            note((event, arguments))


for name in names:
    os.environ[name] = f"{trap}/{name}" if sys.argv[1] == "places" else f"http://127.0.0.1:{address}/{name}"
os.environ.__class__ = Watched
sys.addaudithook(watch)

environ = {"P1_API_KEY": "canary-1-0123456789abcdef"}
registry = registry_of(url, model="gpt-4")
registry["providers"] |= nobody_else()["providers"]
made = ProviderList(environ=environ, json_override=registry, local_models=[slow()])
assert made.ask_ai("hi") == "hello"
assert made.ask_ai("hi", "gpt-4", images=[base64.b64decode("iVBORw0KGgo=")]) == "hello"
assert "".join(made.stream("hi", "p1/gpt-4")) == "hello"
assert [str(one.answer) for one in made.batch(["a", "b"], "gpt-4", out=own + "/out.jsonl", progress=False)] == ["hello"] * 2
made.explain("gpt-4"), made.explain(), made.local_servers(), made.resolve("gpt-4")
for name in ("nobody-has-this", "~/none.gguf", "llama.cpp/none.gguf", "none:local", "./none.gguf"):
    try:
        made.candidates(name)
    except InferenceProvidersError:
        pass
    else:
        raise AssertionError(name)
for call in (lambda: made.ask_ai("hi", images=["~/none.png"]), lambda: ProviderList(environ={}).ask_ai("hi", "gpt-4")):
    try:
        call()
    except (ValueError, InferenceProvidersError):
        pass
    else:
        raise AssertionError(call)
assert len(roll_call.called(made.pipeline)) == 1


async def asynchronous():
    there = AsyncProviderList(environ=environ, json_override=registry)
    assert await there.ask_ai("hi", "gpt-4") == "hello"
    assert [str(one.answer) async for one in there.batch(["a"], "gpt-4", progress=False)] == ["hello"]
    assert [entry.problem for entry in await roll_call.RollCall(there.pipeline, roll_call.called(there.pipeline), unpriced=True).run()] == [""]
    try:
        await AsyncProviderList(environ={}, json_override=registry_of("https://nowhere.invalid/v1"), local=False).ask_ai("hi")
    except InferenceProvidersError:
        pass
    await there.aclose()


asyncio.run(asynchronous())
here = {**environ, "XDG_STATE_HOME": own}
launching = ProviderList(environ=here, json_override=registry, local_models=[slow()])
assert "says hello" in launching.ask_ai("hi", "slow")
((folder, state),) = server_state.running(here)
for pid in (state["engine"], state["supervisor"]):
    seen = psutil.Process(pid).environ()
    assert not [name for name, value in seen.items() if trap in value or str(address) in value], seen
launching.close()
assert stopping.stop(folder)
kept = {"XDG_CACHE_HOME": own + "/cache"}
updated = ProviderList(auto_update=True, environ=kept, local=False, update_url=url.replace("/v1", "/r.json"))
assert updated.registry.version == NEWER["version"]
ProviderList(auto_update=True, environ=kept, local=False, update_url="https://registry.invalid/r.json")  # nor is it by a proxy
with socket.create_server(("127.0.0.1", 0)) as deaf:  # which speaks no TLS, but all is read that is read for it
    threading.Thread(target=lambda: [deaf.accept()[0].close() for _ in range(2)], daemon=True).start()
    secured = registry_of(f"https://127.0.0.1:{deaf.getsockname()[1]}/v1")
    try:
        ProviderList(environ=environ, json_override=secured, local=False).ask_ai("hi")
    except AllProvidersFailedError as error:
        assert "the connection was reset" in str(error), error
made.close()
found = list(touched)
for look in (lambda: os.environ.get("HOME"), lambda: os.environ.copy(), lambda: os.listdir(trap)):  # these are noticed
    seen = len(touched)
    look()
    assert len(touched) > seen
json.dump(found, sys.stdout)
"""


@pytest.mark.parametrize("kind", ["places", "addresses"])
def test_nothing_of_the_process_is_touched_by_a_list_with_an_environment_of_its_own(
    kind: str, tmp_path: Path, serve: Serve
) -> None:
    from tests.servers import answer

    def behave(connection: Connection, request: Received) -> None:
        (publishing(NEWER) if request.path == "/r.json" else answer)(connection, request)

    server, stranger = serve(behave), serve()
    trap, own = tmp_path / "trap-of-the-process", tmp_path / "own"
    own.mkdir()
    names = sorted(names_in_the_package())
    assert {"HOME", "PATH", "HF_HOME", "XDG_STATE_HOME", "INFERENCE_PROVIDERS_MODELS", "OPENAI_API_KEY"} <= set(names)
    for name in names:
        (trap / name / "inference_providers").mkdir(parents=True)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", SCENARIO, kind],
        input=json.dumps([names, str(trap), str(own), server.url, stranger.port]),
        env={**places(), "PYTHONPATH": path, "HOME": str(own)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    touched = json.loads(done.stdout)
    assert touched == [], "\n".join(f"{what}\n{''.join(frames)}" for what, frames in touched[:5])
    assert stranger.requests == []


# The process's environment is looked at in few places

EDGES = {  # where there is no `environ=` to be given: a command, a fixture, a function of the module, a process
    "one_line": {"default_list"},
    "pytest_plugin": None,
    "backends": None,
    "llama_server": None,
    "version_0_2": {"updated"},
    "engine_lists": {"environment"},
    "cluster": {"joined"},  # of Ray, which reads it itself
    "worker": {"_list"},  # on a node, whose environment counts
    "content_items": {"sent"},  # a picture's path, in a conversation that has no list
}
DEFAULTS = {
    "finder",
    "construction",
    "updater",
    "sync_sender",
    "async_sender",
    "inference_client",
    "async_inference_client",
}  # `os.environ if environ is None else environ` in a constructor
TILDES = {"folders": {"expanded"}}  # of other users
OF_THE_PROCESS = ("environ", "environb", "getenv", "getenvb", "putenv", "unsetenv")
BY_ITSELF = {  # functions that look there unless they are told not to, and how they are told; None: they cannot be
    "which": "path",
    "run": "env",
    "Popen": "env",
    "mkstemp": "dir",
    "mkdtemp": "dir",
    "NamedTemporaryFile": "dir",
    "TemporaryDirectory": "dir",
    "TemporaryFile": "dir",
    "gettempdir": None,
    "expanduser": None,
    "home": None,
    "expandvars": None,
    "create_default_context": None,
    "load_default_certs": None,
    "getproxies": None,
}
MODULES = ("os", "path", "shutil", "subprocess", "tempfile", "Path", "pathlib", "ssl", "request")


def looks(tree: ast.AST, function: str = "") -> Iterator[tuple[str, str, ast.AST]]:
    """What looks into the process's environment, and in which function."""
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "platformdirs", "shutil", "tempfile"):
            yield from (
                (alias.name, inner, tree) for alias in node.names if alias.name in (*OF_THE_PROCESS, *BY_ITSELF)
            )
        if isinstance(node, ast.Import | ast.ImportFrom) and "platformdirs" in ast.unparse(node):
            yield "platformdirs", inner, tree
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in OF_THE_PROCESS:
            yield node.attr, inner, tree
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BY_ITSELF:
            owner = ast.unparse(node.func.value).rpartition(".")[2]
            told = BY_ITSELF[node.func.attr]
            if owner in MODULES and told not in {word.arg for word in node.keywords}:
                yield node.func.attr, inner, tree
        yield from looks(node, inner)


def is_allowed(stem: str, what: str, function: str, around: ast.AST) -> bool:
    if stem in EDGES:
        inside = EDGES[stem]
        return inside is None or function in inside
    if what == "expanduser":
        return function in TILDES.get(stem, set())
    default = isinstance(around, ast.IfExp) and ast.unparse(around) == "os.environ if environ is None else environ"
    return what == "environ" and stem in DEFAULTS and function in ("__init__", "pipeline_of") and default


def test_the_environment_of_the_process_is_looked_at_in_the_places_named_alone() -> None:
    found, used = [], set()
    for path in PACKAGE.rglob("*.py"):
        if "cli" in path.relative_to(PACKAGE).parts:
            continue
        for what, function, around in looks(ast.parse(path.read_text("utf-8"))):
            used.add(path.stem)
            if not is_allowed(path.stem, what, function, around):
                found.append(f"{path.relative_to(PACKAGE)}: {what} in {function or 'the module'}")
    assert found == []
    assert used - {"pytest_plugin"} == {*EDGES, *DEFAULTS, *TILDES} - {"pytest_plugin"}, (
        "a place that is named no longer looks"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import os\ndef f(): return os.environ['X']",
        "from os import environ",
        "import os\nos.getenv('X')",
        "import os\nos.path.expanduser('~')",
        "from pathlib import Path\nPath.home()",
        "import shutil\nshutil.which('x')",
        "import subprocess\nsubprocess.run(['x'])",
        "import ssl\nssl.create_default_context()",
        "import platformdirs",
        "import os\nclass A:\n    def __init__(self, environ=None): self.a = environ or os.environ",
    ],
)
def test_that_look_is_seen(code: str) -> None:
    seen = [*looks(ast.parse(code))]
    assert seen
    assert not any(is_allowed("finder", *one) for one in seen)
