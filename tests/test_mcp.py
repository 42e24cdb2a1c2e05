"""Servers of MCP: real ones by the official SDK, over pipes and HTTP, and hostile ones; all within limits."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from inference_providers import ProviderList
from inference_providers.toolsets.results import DESCRIPTION, RESULT, TOOLS, FailedError
from inference_providers.toolsets.servers import Server, server_of
from inference_providers.toolsets.session import ServerError, Session, tools_of
from tests.mcp_program import server as sdk_server
from tests.servers import PATIENCE

HERE = Path(__file__).parent
SDK = {"command": sys.executable, "args": [str(HERE / "mcp_program.py")]}
Open = Callable[..., tuple[Session, dict[str, Any]]]


def hostile(way: str, **section: Any) -> dict[str, Any]:
    """The section of a server that misbehaves in a way."""
    return {"command": sys.executable, "args": ["-I", str(HERE / "hostile_mcp.py"), way], **section}


@pytest.fixture
def opened() -> Iterator[Open]:
    """Start a server by its section; all have ended at the end of the test."""
    sessions: list[Session] = []

    def start(section: dict[str, Any], environ: dict[str, str] | None = None) -> tuple[Session, dict[str, Any]]:
        environ = {"PATH": os.environ["PATH"], **(environ or {})}
        session = Session(Server("demo", section, environ), environ)
        sessions.append(session)
        return session, {tool.name.removeprefix("demo__"): tool for tool, _ in tools_of(session)}

    yield start
    for session in sessions:
        session.close()
        assert session._thread is not None
        assert not session._thread.is_alive()
    mine = psutil.Process().children(recursive=True)
    assert [one for one in mine if one.is_running() and "mcp" in " ".join(one.cmdline())] == []


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The SDK's server over HTTP, in a thread."""
    import uvicorn

    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    served = uvicorn.Server(
        uvicorn.Config(sdk_server.streamable_http_app(), port=port, log_level="critical", ws="none")
    )
    thread = threading.Thread(target=served.run, args=([sock],), daemon=True)
    thread.start()
    while not served.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{port}/mcp"
    served.should_exit = True
    thread.join(PATIENCE)


def test_a_program_of_the_sdk(opened: Open, capfd: Any) -> None:
    section = {**SDK, "env": ["DEMO_TOKEN"], "tools": ["[!n]*"]}
    session, tools = opened(section, {"DEMO_TOKEN": "x", "OPENAI_API_KEY": "k", "OTHER": "y", "HOME": "/tmp"})
    assert sorted(tools) == ["add", "fail", "picture", "variables", "write"]
    assert tools["add"].function(a=1, b=2) == "3"
    assert tools["write"].function(path="x") == "written x"
    assert tools["picture"].function() == "a dot\n[image, image/png, 3 bytes: not shown to you]"
    with pytest.raises(FailedError, match="there is nothing"):
        tools["fail"].function()
    seen = tools["variables"].function()
    assert "HOME" in seen
    assert "DEMO_TOKEN" in seen
    assert "OTHER" not in seen
    assert "OPENAI" not in seen
    assert capfd.readouterr() == ("", "")  # nor its standard error
    assert "noise of the server" in session._running.last_words


def test_an_address_of_the_sdk(opened: Open, address: str) -> None:
    _, tools = opened({"url": address})
    assert tools["add"].function(a=1, b=2) == "3"
    with pytest.raises(FailedError, match="there is nothing"):
        tools["fail"].function()
    assert tools["add"].function(a=2, b=2) == "4"


def test_a_model_calls_a_servers_tool(opened: Open, address: str) -> None:
    _, tools = opened({"url": address})
    call = {"id": "1", "type": "function", "function": {"name": "demo__add", "arguments": '{"a": 2, "b": 3}'}}
    providers = ProviderList(mock={"gpt-4o": [{"tool_calls": [call]}, "It is 5."]})
    answer = providers.ask_ai("2 + 3?", "gpt-4o", tools=list(tools.values()))
    assert answer == "It is 5."
    assert [turn["content"] for turn in answer.messages if turn["role"] == "tool"] == ["5"]


def test_headers_go_to_the_servers_own_address_alone(serve: Any, opened: Open) -> None:
    other = serve()

    def redirecting(connection: Any, request: Any) -> None:
        connection.reply(307, b"", {"location": other.url})

    first = serve(redirecting)
    section = {"url": first.url, "headers": {"Authorization": "Bearer ${DEMO_TOKEN}"}}
    with pytest.raises(ServerError, match="Redirect") as caught:
        opened(section, {"DEMO_TOKEN": "secret-token"})
    assert first.asked[0].headers["authorization"] == "Bearer secret-token"
    assert other.asked == []
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((500, "no"), "HTTP 500"),
        ((401, {"error": "no"}), r"HTTP 401: it wants a key, or another one; headers = .* in \[mcp\.demo\]"),
        ((200, b"[" * 100_000), "Unexpected content type"),
        ((200, b'{"x": "' + b"y" * 9_000_000 + b'"}', {"content-type": "application/json"}), "more than 8 MB"),
        ((200, b"[" + b"[]," * 2_000_000 + b"[]]", {"content-type": "application/json"}), "too complex"),
    ],
)
def test_an_address_with_something_else(serve: Any, opened: Open, reply: tuple[Any, ...], says: str) -> None:
    server = serve(lambda connection, request: connection.reply(*reply))
    with pytest.raises(ServerError, match=says):
        opened({"url": server.url})


def test_an_address_that_does_not_answer(serve: Any, opened: Open) -> None:
    server = serve(lambda connection, request: connection.hold())
    with pytest.raises(ServerError, match=r"has not answered within 0\.2 s"):
        opened({"url": server.url, "timeout": 0.2})


def test_a_closed_port_is_told() -> None:
    session = Session(Server("demo", {"url": "http://127.0.0.1:9/mcp"}, {}), {})
    with pytest.raises(ServerError, match=r"demo \(http://127.0.0.1:9\) cannot be used: connection refused"):
        session.tools()
    session.close()


def test_without_the_sdk_it_is_told_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "mcp.client.client", None)
    session = Session(Server("demo", SDK, {}), {})
    with pytest.raises(ServerError, match=r"need the package mcp, 2\.3 or later: `pip install mcp`"):
        session.tools()
    session.close()


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (hostile("hangs", timeout=0.3), "has not answered within 0.3 s"),
        (hostile("ends"), "no such database"),
        ({"command": "no-such-program-xyz"}, "no such program"),
        ({"command": "./hostile"}, "no such program"),
        ({"command": sys.executable, "args": ["-c", ""]}, "Connection closed"),
        ({"command": sys.executable, "args": ["-c", "print('[' * 9000000)"]}, "more than 8 MB"),
    ],
)
def test_a_server_that_does_not_start(opened: Open, section: dict[str, Any], says: str) -> None:
    section["env"] = ["DEMO_TOKEN"]
    with pytest.raises(ServerError, match=says) as caught:
        opened(section, {"DEMO_TOKEN": "secret-token"})
    assert "secret-token" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_a_server_says_no_secret_that_it_was_given_and_is_not_started_where_one_stands(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "a folder from elsewhere"
    for folder in (home, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    environ = {"DEMO_TOKEN": "tk-0123456789-abcdefghij", "HOME": str(home), "USERPROFILE": str(home)}
    session, tools = opened(hostile("echoes", env=["DEMO_TOKEN"]), environ)
    told = json.dumps([[one.full_name, one.description, one.parameters] for one in session.tools()])
    assert re.search(r"(?i)tk-0123|abcdefghij|dGstMDEyM", told) is None
    assert "Opens with [key], or [key]" in told
    assert tools["go"].function() == f"{home} [key]"
    _, tools = opened(hostile("echoes", env={"DEMO_TOKEN": environ["DEMO_TOKEN"]}, cwd="."), {})
    assert tools["go"].function() == f"{here} [key]"


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("dies", "the server demo has ended"),
        ("hangs in a call", r"no result within 0\.5 s"),
        ("endless line", "more than 8 MB"),
        ("bomb", "too complex"),
    ],
)
def test_a_server_that_fails_in_a_call(opened: Open, way: str, says: str) -> None:
    session, tools = opened(hostile(way))
    session.server.timeout = 0.5 if "hangs" in way else 60  # of calls: its start may take longer
    with pytest.raises(FailedError, match=says):
        tools["go"].function()
    with pytest.raises(FailedError):
        tools["go"].function()


def test_what_a_server_has_started_ends_with_it(opened: Open) -> None:
    session, tools = opened(hostile("child"))
    child = psutil.Process(int(tools["go"].function()))
    assert child.is_running()
    session.close()
    gone, alive = psutil.wait_procs([child], timeout=PATIENCE)
    assert alive == []


def speaking(connection: Any, request: Any) -> None:
    """A server at an address that has a session, and never confirms that it ends."""
    if request.method != "POST":
        connection.hold()
        return
    said = request.json
    results: dict[str, Any] = {
        "initialize": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "serverInfo": {"name": "x", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "go", "inputSchema": {"type": "object"}}]},
    }
    if said["method"] == "tools/call" and said["params"]["arguments"]:
        results["tools/call"] = {"odd": 1}
    if said["method"] in results:
        reply = {"jsonrpc": "2.0", "id": said["id"], "result": results[said["method"]]}
        connection.reply(200, reply, {"mcp-session-id": "s"})
    else:
        connection.reply(202 if "id" not in said else 404, b"")


def test_an_address_that_does_not_let_go_is_left(opened: Open, serve: Any) -> None:
    server = serve(speaking)
    session, tools = opened({"url": server.url})
    assert list(tools) == ["go"]
    with pytest.raises(FailedError, match="Session terminated"):
        tools["go"].function()
    with pytest.raises(FailedError, match="it sent something else than a result"):
        tools["go"].function(odd=True)
    session.close()
    assert session._thread is not None
    assert not session._thread.is_alive()
    assert "DELETE" in [request.method for request in server.asked]  # the SDK may still ask for its stream after it


def test_thousands_of_tools_are_cut_and_told(opened: Open) -> None:
    session, tools = opened(hostile("thousands"))
    assert len(tools) == TOOLS
    assert session.notes == [
        "demo lists 2,000 tools; the model gets the first 128. Name those that you want: tools = [...] in [mcp.demo]"
    ]
    session, tools = opened(hostile("thousands", tools=["t1_40*", "nothing"]))
    assert sorted(tools) == ["t1_40", *[f"t1_40{n}" for n in range(10)]]
    assert session.notes == ["demo has no tool nothing"]


def test_descriptions_steer_nothing_and_are_cut(opened: Open) -> None:
    session, tools = opened(hostile("descriptions"))
    (first, *others) = tools.values()
    said = first.schema["function"]["description"]
    assert said.isprintable() or set(said) - {"\n"} == {one for one in said if one.isprintable()}
    assert len(said) < DESCRIPTION + 100
    assert [tool.name for tool in others] == ["demo__a_b_", "demo__a_b__2"]
    assert first.name.startswith("demo__a_b_")
    assert len(first.name) <= 64
    assert session.notes == ["demo: the tool long is left out: its schema is too long"]


def test_schemas_that_providers_refuse_are_left_out(opened: Open) -> None:
    session, tools = opened(hostile("schemas"))
    schemas = {name: tool.schema["function"]["parameters"] for name, tool in tools.items()}
    assert schemas == {"none": {"type": "object", "properties": {}}}
    assert session.notes == [
        "demo: the tool no\\nnumber is left out: its schema holds a number that JSON has not",
        "demo: the tool deep is left out: its schema is nested too deep",
    ]


def test_a_result_steers_nothing_and_is_cut(opened: Open) -> None:
    _, tools = opened(hostile("long result"))
    text = tools["go"].function()
    assert text.startswith(r"\x1b]0;owned\x07\x1b[2J\u202e\U000e0041www")
    assert text.endswith("characters left out]")
    assert len(text) < RESULT + 100


def test_noise_between_messages_is_borne(opened: Open, capfd: Any, caplog: Any) -> None:
    _, tools = opened(hostile("noise"))
    assert tools["go"].function() == "gone"
    assert capfd.readouterr() == ("", "")
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({}, "needs a command or a url, and not both"),
        ({"command": "x", "url": "http://x"}, "needs a command or a url, and not both"),
        ({"command": "x", "headers": {"a": "b"}}, "headers is of no use with command"),
        ({"url": "http://localhost", "args": ["x"]}, "args is of no use with url"),
        ({"command": "x", "comand": "y"}, "unknown key 'comand'"),
        ({"command": ["x"]}, "command must be text"),
        ({"command": "x", "args": "y"}, "args must be a list of texts"),
        ({"command": "x", "env": "y"}, "env must be a list of names"),
        ({"command": "x", "env": ["NOT_SET"]}, "needs the variable NOT_SET, which is not set"),
        ({"command": "x", "timeout": 0}, "timeout must be seconds"),
        ({"command": "x", "ask": "sometimes"}, "ask must be always or writes or never"),
        ({"url": "ftp://x"}, "is not a plain http"),
        ({"url": "http://user:pass@x"}, "is not a plain http"),
        ({"url": "http://mcp.example.com", "headers": {"a": "b"}}, "unencrypted"),
        ({"url": "http://localhost", "headers": {"a": "b\r\nc: d"}}, "headers must be a table"),
        ("x", "must be a section"),
    ],
)
def test_a_section_that_is_wrong(section: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        server_of("demo", {"demo": section}, {})


@pytest.mark.parametrize("name", ["", "a__b", "a b", "../x", "x" * 33, "-x"])
def test_names_of_servers(name: str) -> None:
    with pytest.raises(ValueError, match="up to 32 letters"):
        server_of(name, {name: {"command": "x"}}, {})


def test_an_unknown_server_names_those_that_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"no MCP server 'gti' in the settings, which have git, web; a section \[mcp\.gti\]"
    ):
        server_of("gti", {"web": {}, "git": {}}, {})


def test_offline_means_no_server_elsewhere() -> None:
    section = {"url": "https://mcp.example.com/mcp"}
    assert server_of("demo", {"demo": section}, {}).place == "https://mcp.example.com"
    with pytest.raises(ValueError, match="INFERENCE_PROVIDERS_OFFLINE is set"):
        server_of("demo", {"demo": section}, {"INFERENCE_PROVIDERS_OFFLINE": "1"})


@pytest.mark.parametrize(
    ("ask", "freely"),
    [
        ("writes", {True: True, False: False}),
        ("always", {True: False, False: False}),
        ("never", {True: True, False: True}),
    ],
)
def test_who_is_asked_when(ask: str, freely: dict[bool, bool]) -> None:
    server = server_of("demo", {"demo": {"command": "x", "ask": ask}}, {})
    assert {read_only: server.calls_freely(read_only) for read_only in (True, False)} == freely


def test_the_command_that_lists_servers(tmp_path: Path, monkeypatch: Any) -> None:
    from click.testing import CliRunner

    from inference_providers.cli.mcp import mcp
    from inference_providers.cli.toolbox import complete_server

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    run = CliRunner()
    assert "There is no MCP server in the settings" in run.invoke(mcp, ["list"]).stderr
    folder = tmp_path / "inference_providers"
    folder.mkdir(mode=0o700)
    sections = {"good": hostile("descriptions"), "gone": {"command": "no-such-program-xyz"}}
    lines = [
        f"[mcp.{name}]\n" + "".join(f"{key} = {value!r}\n" for key, value in one.items())
        for name, one in sections.items()
    ]
    (folder / "config.toml").write_text("\n".join(lines))
    done = run.invoke(mcp, ["list"])
    assert done.exit_code == 1
    assert re.search(r"good__a_b_ +Go\.\n", done.stdout)
    assert "\x1b" not in done.stdout
    assert "The MCP server gone (no-such-program-xyz) cannot be used" in done.stdout
    done = run.invoke(mcp, ["list", "good", "--json"])
    assert done.exit_code == 0
    tools = json.loads(done.stdout)[0]["tools"]
    assert [(tool["name"], tool["asks"]) for tool in tools[1:]] == [("good__a_b_", False), ("good__a_b__2", False)]
    done = run.invoke(mcp, ["list", "god"])
    assert (done.exit_code, "gone, good" in done.stderr) == (2, True)
    assert [one.value for one in complete_server(None, None, "goo")] == ["good"]  # type: ignore[arg-type]
