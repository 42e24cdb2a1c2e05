"""Plug-ins: an example package that is installed and used, what a package may not say, and what is left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Context, Option
from click.testing import CliRunner

from inference_providers import ProviderList
from inference_providers.chat import ORDERS
from inference_providers.cli.completion import complete_model
from inference_providers.cli.doctor_report import examine, report
from inference_providers.cli.key_setting import meant
from inference_providers.cli.main import main
from inference_providers.files import folders
from inference_providers.offers.resolution import AUTO
from inference_providers.offers.selection import LOCAL, REMOTE
from inference_providers.offers.sorting import POLICIES
from inference_providers.plugins import discovery, loading, objects, registered
from inference_providers.plugins import rows as rules
from inference_providers.plugins.discovery import ENGINES, TEMPLATES, TOOLS
from inference_providers.registry.registry import Registry
from inference_providers.servers import running, stopping
from inference_providers.testing import tiny_model
from tests.conftest import ROOT, keys, places
from tests.gateway.inside import Inside
from tests.servers import Connection, Received, Server, completion
from tests.test_ask import Run, run

EXAMPLE = ROOT / "examples" / "plugin"
__all__ = ["run"]  # a fixture


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process that has seen no plug-in yet; what a test puts on the path is forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(folders, "_warned", set())
    monkeypatch.setattr(loading, "_known", {})
    monkeypatch.setattr(registered, "_last", None)
    yield
    base = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(base):
            del sys.modules[name]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder where pip has put the example, which it builds where it lies."""
    where = tmp_path_factory.mktemp("office")
    source = where / "source"
    source.mkdir()
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--target", str(where / "site"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(where / "site")


@pytest.fixture
def office(installed: str) -> str:
    sys.path.append(installed)
    return installed


def package(
    folder: Path, name: str, module: str, entry_points: dict[str, dict[str, str]], version: str = "1.0"
) -> None:
    """An installed package, as far as it matters: a module, and what its metadata say."""
    folder.mkdir(exist_ok=True)
    plain = name.replace("-", "_")
    (folder / f"{plain}.py").write_text(module)
    metadata = folder / f"{plain}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nAbout it\n")
    text = "".join(
        f"[inference_providers.{group}]\n" + "".join(f"{one} = {target}\n" for one, target in rows.items())
        for group, rows in entry_points.items()
    )
    (metadata / "entry_points.txt").write_text(text)


# The example


def test_its_provider_is_asked_with_its_own_key(office: str, serve: Callable[..., Server]) -> None:
    server = serve()
    environ = {"OFFICE_API_KEY": keys(1)["P1_API_KEY"], "OFFICE_BASE_URL": server.url}
    mine = ProviderList(environ=environ, local=False)
    assert mine.ask_ai("hi", "office-large") == "hello"
    assert server.requests[-1].json["model"] == "office/large-2"
    assert mine.find_model_providers("office-large")[0].facts.context_window == 128000
    assert [offer.provider for offer in mine.find_model_providers("llama-3.3-70b")] == ["office"]
    without = ProviderList(environ={**environ, discovery.VARIABLE: "off"}, local=False)
    assert "office" not in without.registry.providers


def test_its_provider_comes_after_those_of_the_package(office: str) -> None:
    environ = {"OFFICE_API_KEY": "k-office", "GROQ_API_KEY": "k-groq"}
    offers = ProviderList(environ=environ, local=False).find_model_providers("llama-3.3-70b")
    assert [offer.provider for offer in offers] == ["groq", "office"]


def calling(connection: Connection, request: Received) -> None:
    """A model that wants to know where Ada sits."""
    turns = request.json["messages"]
    if turns[-1]["role"] == "tool":
        connection.reply(200, completion(f"She sits in {turns[-1]['content']}"))
        return
    call = {"id": "c1", "type": "function", "function": {"name": "room_of", "arguments": '{"name": "Ada"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    connection.reply(200, completion(message=message, finish_reason="tool_calls"))


def test_its_tool_is_called_in_the_loop(office: str, serve: Callable[..., Server]) -> None:
    environ = {"OFFICE_API_KEY": keys(1)["P1_API_KEY"], "OFFICE_BASE_URL": serve(calling).url}
    tools = [objects(TOOLS, environ)["room_of"]]
    said = ProviderList(environ=environ, local=False).ask_ai("Where is Ada?", "office-large", tools=tools)
    assert said == 'She sits in "2.14"'


def test_its_tool_and_its_template_on_the_command_line(
    office: str, serve: Callable[..., Server], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(calling)
    monkeypatch.setenv("OFFICE_API_KEY", keys(1)["P1_API_KEY"])
    monkeypatch.setenv("OFFICE_BASE_URL", server.url)
    done = run(server, "-m", "office-large", "-t", "memo", "-p", "to=Grace", "--tool", "room_of", "the rain")
    assert (done.code, done.out) == (0, 'She sits in "2.14"\n'), done.err
    system, user = server.requests[0].json["messages"]
    assert (system["content"], user["content"]) == (
        "You write memos of at most five lines.",
        "Write a memo to Grace about: the rain",
    )
    missing = run(server, "-m", "office-large", "--tool", "room", "hi")
    assert "No installed package has a tool 'room'; there is room_of" in " ".join(missing.err.split())


def test_a_setting_leaves_its_template_out(office: str, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    listed = ["templates", "list"]
    assert "memo" in CliRunner().invoke(main, listed, env=environ).stdout
    assert CliRunner().invoke(main, ["config", "set", "plugins", "off"], env=environ).exit_code == 0
    assert "memo" not in CliRunner().invoke(main, listed, env=environ).stdout
    assert "no template 'memo'" in CliRunner().invoke(main, ["ask", "-t", "memo", "hi"], env=environ).stderr


def test_its_store_keeps_the_replies_of_a_cache(office: str, serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    environ = {"OFFICE_API_KEY": keys(1)["P1_API_KEY"], "OFFICE_BASE_URL": server.url}
    cache = {"store": "office-files", "path": str(tmp_path / "replies")}
    for _ in range(2):  # another list finds what the first has kept
        mine = ProviderList(environ=environ, local=False, cache=cache)
        assert mine.ask_ai("hi", "office-large") == "hello"
    assert len(server.requests) == 1
    (file,) = (tmp_path / "replies").iterdir()
    assert b"canary" not in file.read_bytes()
    store = mine.pipeline.stages[0].store  # type: ignore[attr-defined]
    assert [row["count"] for row in store.counts()] == [1]
    file.write_bytes(b"[1]\nanything")  # of another form: asked anew
    assert mine.ask_ai("hi", "office-large") == "hello"
    assert len(server.requests) == 2
    assert (store.purge("somebody"), store.clear(), store.clear()) == (0, 1, 0)


def test_a_store_that_nobody_has_is_an_error_with_the_names_of_all(office: str) -> None:
    with pytest.raises(ValueError, match='must be "sqlite" or "memory" or "office-files", not \'redis\''):
        ProviderList(environ={}, local=False, cache={"store": "redis"})


def test_its_dialect_is_spoken_by_a_gateway(office: str, serve: Callable[..., Server]) -> None:
    gateway = Inside(serve().url)
    try:
        status, _, body = gateway.ask("POST", "/plain", {"question": "hi", "model": "m"})
        assert (status, json.loads(body)["answer"]) == (200, "hello")
        status, headers, body = gateway.ask("POST", "/plain", {"question": "hi", "model": "m", "stream": True})
        assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", b"hello\n")
        status, _, body = gateway.ask("POST", "/plain", {"question": 1})
        assert (status, json.loads(body)["error"]["message"]) == (400, "question: must be text")
        assert gateway.ask("POST", "/plain", {"question": "hi"}, {"Authorization": ""})[0] == 401
    finally:
        gateway.stop()


def test_its_engine_is_launched(office: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OFFICE_ENGINE_SERVER", str(ROOT / "tests" / "slow_engine.py"))
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    listed = {"name": "listed", "model_path": model, "engine": "office-engine"}
    mine = ProviderList(environ=places(), local_models=[listed])
    try:
        assert mine.ask_ai("hi", "listed").provider == "office-engine"
        assert mine.ask_ai("hi", f"office-engine/{model}").endswith("says hello")
        (found,) = [state for _, state in running(os.environ)]
        assert (found["provider"], found["title"]) == ("office-engine", "The office's engine")
    finally:
        mine.pipeline.finder.release()
        for folder, _ in list(running(os.environ)):
            assert stopping.stop(folder)


def test_they_are_listed(office: str) -> None:
    done = CliRunner().invoke(main, ["plugins", "--json"])
    rows = json.loads(done.stdout)
    groups = {row["group"]: row["name"] for row in rows}
    assert groups == {
        "providers": "office",
        "engines": "office-engine",
        "dialects": "plain",
        "tools": "room_of",
        "templates": "memo",
        "stores": "office-files",
    }
    assert {(row["package"], row["version"], row["problem"]) for row in rows} == {
        ("inference-providers-office", "1.0", "")
    }
    off = CliRunner().invoke(main, ["plugins"], env={discovery.VARIABLE: "off"})
    assert (off.exit_code, off.stdout, off.stderr) == (0, "", "INFERENCE_PROVIDERS_PLUGINS is off.\n")


def test_the_command_line_knows_its_provider(office: str) -> None:
    done = CliRunner().invoke(main, ["providers", "--json"], env={"OFFICE_API_KEY": "k-office"})
    assert [(row["provider"], row["variables"]) for row in json.loads(done.stdout)] == [("office", ["OFFICE_API_KEY"])]
    listed = CliRunner().invoke(main, ["keys", "list", "--json"], env={"OFFICE_API_KEY": "k-office"})
    assert [(one["variable"], one["providers"]) for one in json.loads(listed.stdout)] == [
        ("OFFICE_API_KEY", ["office"])
    ]
    row, variable = meant("office")
    assert row is not None
    assert (row.id, variable) == ("office", "OFFICE_API_KEY")
    said = report(examine(ProviderList(environ={}, local=False)))
    assert "\nPlug-ins:\n  office (providers) of inference-providers-office 1.0\n" in said
    found = complete_model(Context(main), Option(["--model"]), "office/")
    assert {item.value for item in found} >= {"office/office-large", "office/office/large-2"}


# What is left out, and why


BROKEN = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "lacks-module": ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "raises-its-own": ("class E(BaseException): pass\nraise E('no')", "E: no"),
    "raises-what-fails": ("class E(Exception):\n    def __str__(self): raise OSError\nraise E()", "E: "),
    "raises-much": ("raise ValueError('x' * 10_000_000)", "ValueError: xxx"),
    "fails-later": (
        "requires = 1\nclass D(dict):\n    def items(self): raise OSError('no')\nthing = D(providers=1)",
        "OSError: no",
    ),
    "unversioned": ("thing = {}", "does not say which version of the interface it needs (`requires = 1`)"),
    "newer": (
        "requires = 2\nthing = {}",
        "needs version 2 of the interface, and this is 1; upgrade inference_providers",
    ),
    "older": ("requires = 0\nthing = {}", "needs version 0 of the interface, and this is 1; upgrade older"),
    "lacks-attribute": ("requires = 1", "AttributeError: module 'lacks_attribute' has no attribute 'thing'"),
    "misshapen": ("requires = 1\nthing = 3", "misshapen:thing must be a dict in the form of json_merge, or a function"),
    "function-raises": ("requires = 1\ndef thing(): raise OSError('no')", "OSError: no"),
    "empty": ("requires = 1\nthing = {}", "$.providers: must be an object with one row or more"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told_once_and_left_out(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module, problem = BROKEN[name]
    package(tmp_path / "site", name, module, {"providers": {"mine": f"{name.replace('-', '_')}:thing"}})
    sys.path.append(str(tmp_path / "site"))
    for _ in range(2):
        mine = ProviderList(environ={"OPENAI_API_KEY": "k-openai"}, local=False)
        assert mine.find_model_providers("gpt-4o")[0].provider == "openai"
    (said,) = caplog.messages
    assert said.startswith(f"The plug-in 'mine' (provider) of {name} 1.0 is left out: ")
    assert problem in said
    assert len(said) < 1000
    listed = CliRunner().invoke(main, ["plugins"]).stdout
    assert problem in listed and name in listed


def test_what_its_module_prints_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package(
        tmp_path / "site", "talks", "print('hello')\nrequires = 1\ndef talk(): ...", {"tools": {"talk": "talks:talk"}}
    )
    sys.path.append(str(tmp_path / "site"))
    assert [one.name for one in loading.loaded({}, TOOLS)] == ["talk"]
    assert capsys.readouterr() == ("", "hello\n")


def test_what_a_package_changes_later_counts_for_nothing(tmp_path: Path) -> None:
    module = f"requires = 1\nthing = {{'providers': {{'mine': {row()!r}}}}}"
    package(tmp_path / "site", "changing", module, {"providers": {"mine": "changing:thing"}})
    sys.path.append(str(tmp_path / "site"))
    (one,) = loading.loaded({}, discovery.PROVIDERS)
    sys.modules["changing"].thing["providers"]["mine"]["connection"]["endpoint"] = "https://other.example/v1"
    assert one.value["providers"]["mine"]["connection"]["endpoint"] == "https://llm.mine.example/v1"


def row(**connection: Any) -> dict[str, Any]:
    """A row that may be there, but for what a test says."""
    base = {"protocol": "openai", "endpoint": "https://llm.mine.example/v1", "api_key": "MINE_API_KEY"}
    return {"name": "Mine", "connection": {**base, **connection}, "model_names": {"mine-1": "mine-1"}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a provider of the package": ({"openai": row()}, "'openai' is a name of openai"),
    "another spelling of one": ({"mine": {**row(), "aliases": ["google_genai"]}}, "is a name of "),
    "a word of ours": ({"auto": row()}, "'auto' has a meaning of its own"),
    "a union of countries": ({"eu": row(api_key="EU_API_KEY")}, "'eu' has a meaning of its own"),
    "a country as a spelling": ({"mine": {**row(), "aliases": ["China"]}}, "'China' has a meaning of its own"),
    "what stands before names of models": ({"meta-llama": row()}, "'meta-llama' stands before names of models"),
    "a pinned key": ({"mine": row(api_key="OPENAI_API_KEY")}, "OPENAI_API_KEY must begin with MINE_"),
    "another's key beside its own": (
        {"mine": row(api_key=["MINE_API_KEY", "GITHUB_TOKEN"])},
        "GITHUB_TOKEN must begin",
    ),
    "a pinned key by its own name": ({"z": row(api_key="Z_AI_API_KEY")}, "$.providers.z"),
    "a secret of something else": ({"database": row(api_key="DATABASE_URL")}, "holds the secret of something else"),
    "no key": ({"mine": row(api_key=[])}, "api_key: is missing"),
    "no https": ({"mine": row(endpoint="http://llm.mine.example/v1")}, "must begin with https://"),
    "a route without https": (
        {"mine": row(routes={"1": {"api": "responses", "endpoint": "http://mine.example/v1"}})},
        "must begin with https://",
    ),
    "another's variable in its address": (
        {"mine": row(endpoint="https://${HOME}.example/v1", variables={"HOME": {"pattern": ".*"}})},
        "HOME must begin with MINE_",
    ),
    "another's variable in a header": (
        {"mine": row(headers={"x-more": "NPM_TOKEN"})},
        ".connection.headers: no plug-in may say this",
    ),
    "credentials of the machine": (
        {"mine": row(auth={"by": "adc", "token": "https://mine.example/token"})},
        ".connection.auth: no plug-in may say this",
    ),
    "a server on this machine as a provider": ({"mine": row(local=True)}, ".connection.local: no plug-in may say this"),
    "another's model by its name": (
        {"mine": {**row(), "model_names": {"mine-1": "meta-llama/Llama-3.3-70B-Instruct"}}},
        "'meta-llama/Llama-3.3-70B-Instruct' is a name of llama-3.3-70b",
    ),
    "a name that means another model": (
        {"mine": {**row(), "model_names": {"gpt-4o-2024-08-06": "mine-1"}}},
        "is a name of gpt-4o",
    ),
    "a name with a head": ({"mine": {**row(), "model_names": {"openai/gpt-9": "x"}}}, "neither a slash nor a colon"),
    "a form that is none": ({"mine": {"connection": 3}}, "$.providers.mine.connection"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_package_may_not_say(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows, problem = REFUSED[name]
    package(tmp_path, "mine", f"requires = 1\nthing = {{'providers': {rows!r}}}", {"providers": {"mine": "mine:thing"}})
    sys.path.append(str(tmp_path))
    everything = {"MINE_API_KEY": "k-mine", "OPENAI_API_KEY": "k-openai", "Z_AI_API_KEY": "k-z"}
    mine = ProviderList(environ=everything, local=False)
    (said,) = caplog.messages
    assert problem in said
    assert mine.registry.providers.keys() == ProviderList(environ={discovery.VARIABLE: "off"}).registry.providers.keys()


def test_a_provider_is_called_by_no_word_that_says_how_to_choose() -> None:
    assert {*POLICIES, *ORDERS, AUTO, LOCAL, REMOTE} <= {*rules._RESERVED}


def test_other_parts_of_the_registry_are_not_for_a_package(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    package(
        tmp_path, "mine", "requires = 1\nthing = {'aliases': {'gpt-4o': 'mine'}}", {"providers": {"mine": "mine:thing"}}
    )
    sys.path.append(str(tmp_path))
    ProviderList(environ={}, local=False)
    assert "$.aliases: a plug-in may say `providers` alone" in caplog.text


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ({"mine": "MINE_API_KEY"}, "has the provider mine, too"),
        ({"mine-x": "MINE_X_KEY"}, "has the variable MINE_X_KEY"),
    ],
)
def test_of_two_that_want_the_same_neither_has_it(
    second: dict[str, str], problem: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, rows in (("first", {"mine": ["MINE_API_KEY", "MINE_X_KEY"]}), ("second", second)):
        made = {pid: row(api_key=variable) for pid, variable in rows.items()}
        thing = f"requires = 1\nthing = {{'providers': {made!r}}}"
        package(tmp_path, name, thing, {"providers": {name: f"{name}:thing"}})
    sys.path.append(str(tmp_path))
    mine = ProviderList(environ={}, local=False)
    assert not {"mine", "mine-x"} & mine.registry.providers.keys()
    assert len(caplog.messages) == 2
    assert problem in caplog.text
    chosen = ProviderList(environ={discovery.VARIABLE: "second"}, local=False)  # the other one is not looked at
    assert {"mine", "mine-x"} & chosen.registry.providers.keys() == set(second)


def test_two_of_the_same_name_are_both_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("first", "second"):
        package(tmp_path, name, "requires = 1\ndef thing(): 'It.'", {"tools": {"look": f"{name}:thing"}})
    package(tmp_path, "third", "requires = 1\ndef thing(): 'It.'", {"tools": {"see": "third:thing"}})
    sys.path.append(str(tmp_path))
    assert list(objects(TOOLS, {})) == ["see"]
    assert "of first 1.0 is left out: second has one of the same name; uninstall one of them" in caplog.text


def test_a_program_says_more_than_a_package(office: str) -> None:
    without = ProviderList(environ={}, local=False, json_merge={"providers": {"office": None}})
    assert "office" not in without.registry.providers
    moved = {"providers": {"office": {"connection": {"endpoint": "https://other.example/v1"}}}}
    mine = ProviderList(environ={"OFFICE_API_KEY": "k"}, local=False, json_merge=moved)
    assert mine.find_model_providers("office-large")[0].endpoint == "https://other.example/v1"
    alone = ProviderList(environ={}, local=False, json_override={"providers": {"mine": row()}})
    assert list(alone.registry.providers) == ["mine"]


def test_a_row_that_the_registry_has_already_stays(office: str) -> None:
    """A newer registry, or one that the program trusts, may know a provider of that name."""
    there = row(api_key="OFFICE_API_KEY")
    made = registered.extended(Registry({"providers": {"office": there}}), {})
    assert made.providers["office"].endpoint == "https://llm.mine.example/v1"
    assert "office-engine" in made.providers


def test_a_dialect_takes_no_path_of_the_gateway(
    tmp_path: Path, serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    module = (
        "requires = 1\n"
        "class Dialect:\n"
        "    def __init__(self, path): self.path = path\n"
        "    def read(self, body): return body\n"
        "    def reply(self, data): return {'mine': True}\n"
        "taken, odd, own = Dialect('/v1/chat/completions'), Dialect('/x/{y}'), Dialect('/x')\n"
    )
    package(tmp_path, "mine", module, {"dialects": {name: f"mine:{name}" for name in ("taken", "odd", "own")}})
    sys.path.append(str(tmp_path))
    gateway = Inside(serve().url)
    try:
        chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        assert b"mine" not in gateway.ask("POST", "/v1/chat/completions", chat)[2]
        assert json.loads(gateway.ask("POST", "/x", chat)[2]) == {"mine": True}
        status, _, body = gateway.ask("POST", "/x", {**chat, "stream": True})
        assert (status, json.loads(body)["error"]["param"]) == (400, "stream")
        assert gateway.ask("POST", "/x", {**chat, "api_base": "https://other.example"})[0] == 400
    finally:
        gateway.stop()
    assert len([line for line in caplog.messages if "is left out" in line]) == 2
    rows = json.loads(CliRunner().invoke(main, ["plugins", "--json"]).stdout)
    assert {row["name"]: row["problem"] for row in rows} == {
        "taken": "/v1/chat/completions is a path of the gateway's own",
        "odd": "'/x/{y}' is not a path of plain segments, like /v2/chat",
        "own": "",
    }


def test_an_engine_is_on_this_machine_and_has_a_recipe(tmp_path: Path) -> None:
    far = row(endpoint="https://llm.mine.example/v1", local={"launch": [{"name": "x"}]})
    package(
        tmp_path,
        "mine",
        f"requires = 1\nthing = {{'providers': {{'mine': {far!r}}}}}",
        {"engines": {"mine": "mine:thing"}},
    )
    sys.path.append(str(tmp_path))
    (found,) = registered.examined({}, ENGINES)
    assert found.problem
    assert "mine" not in ProviderList(environ={}, local=False).registry.providers


# How they are found


def test_what_lies_in_the_current_directory_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "mine", "raise RuntimeError", {"tools": {"mine": "mine:thing"}})
    monkeypatch.chdir(tmp_path)
    for entry in ("", ".", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [entry, *sys.path])
        assert [one for one in discovery.declared({}) if one.package == "mine"] == []


def test_a_file_of_the_current_directory_comes_in_no_modules_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "site", "mine", "requires = 1\nthing = 'installed'", {"templates": {"mine": "mine:thing"}})
    (tmp_path / "mine.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    wanted = [str(tmp_path), "", *sys.path, str(tmp_path / "site")]
    sys.path[:] = wanted
    assert objects(TEMPLATES, {}) == {"mine": "installed"}
    assert sys.path == wanted


def test_a_package_that_is_installed_meanwhile_is_found(tmp_path: Path) -> None:
    sys.path.append(str(tmp_path))
    assert objects(TEMPLATES, {}) == {}
    package(tmp_path, "mine", "requires = 1\nthing = 'Say: $input'", {"templates": {"mine": "mine:thing"}})
    assert objects(TEMPLATES, {}) == {"mine": "Say: $input"}


def test_of_two_copies_of_a_package_the_one_that_is_imported_counts(tmp_path: Path) -> None:
    for folder, version in (("one", "2.0"), ("two", "1.0")):
        package(tmp_path / folder, "mine", "requires = 1\nthing = ''", {"templates": {folder: "mine:thing"}}, version)
        sys.path.append(str(tmp_path / folder))
    assert [(one.name, one.version) for one in discovery.declared({}, TEMPLATES)] == [("one", "2.0")]


def test_entry_points_are_read_as_importlib_reads_them(tmp_path: Path) -> None:
    from importlib.metadata import distributions

    package(
        tmp_path, "a.mine-name", "", {"tools": {"one": "x:y", "two.three": "x.z : y.z [extra]"}, "other": {"no": "x"}}
    )
    (file,) = tmp_path.glob("*/entry_points.txt")
    file.write_text("# a comment\n[console_scripts]\nx = y:z\n\n" + file.read_text())
    sys.path.append(str(tmp_path))
    (theirs,) = distributions(path=[str(tmp_path)])
    wanted = [(e.name, e.module, e.attr) for e in theirs.entry_points if e.group == "inference_providers.tools"]
    found = [(d.name, *(part.strip() for part in d.target.split(":"))) for d in discovery.declared({}, TOOLS)]
    assert found == wanted
    assert {(d.package, d.version) for d in discovery.declared({}, TOOLS)} == {(theirs.name, theirs.version)}


def test_nothing_is_looked_for_where_they_are_off(office: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": looked.append(str(path)) or real(path))
    ProviderList(environ={discovery.VARIABLE: "off"}, local=False)
    assert looked == []
    sys.path.append(str(ROOT / "tests"))
    ProviderList(environ={}, local=False)
    seen = len(looked)
    assert seen
    ProviderList(environ={}, local=False)  # nothing was installed meanwhile
    assert len(looked) == seen
