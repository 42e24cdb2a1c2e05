"""`ask-ai` with tools, MCP servers and templates, in this process, over a loopback server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers.templates.kept import every, find, path_of, save, text_of
from tests.servers import Connection, Received, Server, completion
from tests.test_ask import Run, run, saying, sent
from tests.test_mcp import hostile
from tests.test_plugins import package
from tests.test_toolsets import FILE

Serve = Callable[..., Server]
__all__ = ["run"]  # a fixture


@pytest.fixture
def tools_file(tmp_path: Path) -> str:
    path = tmp_path / "tools.py"
    path.write_text("print('imported')\n" + FILE.replace("notes.append(text)", 'print("noting"), notes.append(text)'))
    return str(path)


def calling(*calls: tuple[str, dict[str, Any]]) -> Callable[[Connection, Received], None]:
    """Call tools one after another, and then answer."""
    left = list(calls)

    def behave(connection: Connection, request: Received) -> None:
        reply = completion("done", "gpt-4o")
        if left:
            name, arguments = left.pop(0)
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"id": f"c{len(left)}", "type": "function", "function": function}
            reply["choices"][0] |= {"message": {"role": "assistant", "content": None, "tool_calls": [call]}}
        connection.reply(200, reply)

    return behave


def results(server: Server) -> list[str]:
    return [turn["content"] for turn in sent(server)["messages"] if turn["role"] == "tool"]


def test_a_model_calls_functions(run: Run, serve: Serve, tools_file: str) -> None:
    server = serve(calling(("look", {"title": "Emma"}), ("note", {"text": "x"}), ("basename", {"p": "/a/b"})))
    tools = [part for name in ("look", "note") for part in ("--tool", f"{tools_file}:{name}")]
    done = run(server, "-m", "gpt-4o", *tools, "--tool", "os.path:basename", "Go.")
    assert (done.code, done.out) == (0, "done\n")
    assert results(server)[0] == "1 of Emma"
    assert "not allowed" in results(server)[1]
    assert "not allowed" in results(server)[2]
    assert "note was not called: it may change something, and there is no terminal to ask at." in done.err
    described = {tool["function"]["name"]: tool["function"]["description"] for tool in sent(server)["tools"]}
    assert described["look"] == "Look for a book."
    assert set(described) == {"look", "note", "basename"}


def test_tools_may_be_allowed_and_their_output_is_not_the_answer(run: Run, serve: Serve, tools_file: str) -> None:
    server = serve(calling(("note", {"text": "x"})))
    done = run(server, "-m", "gpt-4o", "--json", "--allow-tools", "--tool", f"{tools_file}:note", "Go.")
    assert json.loads(done.out)["answer"] == "done"
    assert results(server) == ["written"]
    assert "imported\n" in done.err
    assert "noting\n" in done.err


@pytest.mark.parametrize("name", ["math:sqrt", "os:getcwd", "builtins:len"])
def test_a_built_in_is_described_by_what_it_is(run: Run, serve: Serve, name: str) -> None:
    done = run(serve(), "-m", "gpt-4o", "--tool", name, "Go.")
    if name == "os:getcwd":
        assert (done.code, done.out) == (0, "hello\n")
    else:
        assert done.code == 2
        assert "can only be given by position." in done.err


def test_a_model_that_goes_on_calling_tools(run: Run, serve: Serve, tools_file: str) -> None:
    server = serve(calling(*[("look", {"title": "Emma"})] * 9))
    done = run(server, "-m", "gpt-4o", "--max-steps", "3", "--tool", f"{tools_file}:look", "Go.")
    assert (done.code, done.out, len(server.asked)) == (1, "", 3)
    assert "No answer after 3 steps: the model goes on calling tools. Give a larger --max-steps" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tool", "nonsense:"], "'nonsense:' is not an address: give MODULE:FUNCTION"),
        (["--tool", "nonsense"], "No installed package has a tool 'nonsense'"),
        (
            ["--tool", "os.path:basename", "--tool", "posixpath:basename", "--tool", "ntpath:basename"],
            "Two tools are called basename",
        ),
        (
            ["--mcp", "files"],
            "There is no MCP server 'files' in the settings; a section [mcp.files] makes one.",
        ),
        (["-p", "a=b"], "-p sets a variable of a template: name one with -t."),
        (["-t", "nope"], "There is no template 'nope'."),
        (["-t", "../nope"], "cannot be a template's name"),
    ],
)
def test_what_is_wrong_is_told_before_anybody_is_asked(run: Run, serve: Serve, arguments: list[str], says: str) -> None:
    server = serve()
    done = run(server, "-m", "gpt-4o", *arguments, "Go.")
    assert done.code == 2
    assert says in done.err
    assert server.asked == []


def configured(tmp_path: Path, **sections: dict[str, Any]) -> None:
    folder = tmp_path / "inference_providers"
    folder.mkdir(mode=0o700)
    lines = [f"[mcp.{name}]\n" + "".join(f"{k} = {v!r}\n" for k, v in one.items()) for name, one in sections.items()]
    (folder / "config.toml").write_text("\n".join(lines))


def test_a_model_calls_the_tools_of_servers(run: Run, serve: Serve, tmp_path: Path) -> None:
    configured(tmp_path, files=hostile("plain"), careful=hostile("plain", ask="always"))
    server = serve(calling(("files__go", {}), ("careful__go", {"x": 1})))
    done = run(server, "-m", "gpt-4o", "--mcp", "files", "--mcp", "careful", "Go.")
    assert (done.code, done.out) == (0, "done\n")
    assert results(server)[0] == "gone"
    assert "not allowed" in results(server)[1]
    assert "careful__go was not called" in done.err


def test_a_server_that_dies_is_told_to_the_model_and_one_that_does_not_start_to_the_person(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    configured(tmp_path, dies=hostile("dies"), ends=hostile("ends"))
    server = serve(calling(("dies__go", {})))
    done = run(server, "-m", "gpt-4o", "--mcp", "dies", "Go.")
    assert (done.code, done.out) == (0, "done\n")
    assert json.loads(results(server)[0]) == {"error": "FailedError: the server dies has ended"}
    done = run(server, "-m", "gpt-4o", "--mcp", "ends", "Go.")
    assert done.code == 1
    assert "The MCP server ends (" in done.err
    assert "no such database" in done.err


# Templates


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}


def test_a_template_asks(run: Run, serve: Serve, environ: dict[str, str]) -> None:
    server = serve(saying("hello"))
    content = {
        "prompt": "In $lang: $input",
        "system": "You are $who.",
        "model": "gpt-4o",
        "options": {"temperature": 0.5, "top_p": 0.9, "stop": ["x"]},
        "defaults": {"who": "brief"},
    }
    save("mine", content, environ)
    done = run(server, "-t", "mine", "-p", "lang=Dutch", "a", "text", stdin=b"more")
    assert (done.code, done.out) == (0, "hello\n")
    assert sent(server)["messages"] == [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "In Dutch: a text\n\nmore"},
    ]
    assert (sent(server)["model"], sent(server)["temperature"]) == ("gpt-4o", 0.5)
    assert (sent(server)["top_p"], sent(server)["stop"]) == (0.9, ["x"])
    done = run(server, "-t", "mine", "-p", "lang=Dutch", "-m", "gpt-4", "-s", "Other.", "--temperature", "1", "x")
    assert (sent(server)["model"], sent(server)["temperature"]) == ("gpt-4", 1)
    assert sent(server)["messages"][0]["content"] == "Other."
    done = run(server, "-t", "mine", "-p", "lang=Dutch", "-o", "top_p=0.1", "-o", "temperature=0", "x")
    assert (done.code, sent(server)["top_p"], sent(server)["temperature"]) == (0, 0.1, 0)
    assert sent(server)["stop"] == ["x"]
    done = run(server, "-t", "mine", "x")
    assert (done.code, "needs -p lang=..." in done.err) == (2, True)
    done = run(server, "-t", "mine", "-p", "lang=Dutch")
    assert (done.code, "is about something: give it behind the options" in done.err) == (2, True)


def test_a_template_may_ask_by_itself_and_name_schema_and_tools(
    run: Run, serve: Serve, environ: dict[str, str], tools_file: str
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    save("count", {"prompt": "How many?", "model": "gpt-4o", "schema": schema}, environ)
    server = serve(saying('{"n": 3}'))
    done = run(server, "-t", "count")
    assert (done.code, json.loads(done.out)) == (0, {"n": 3})
    assert sent(server)["messages"] == [{"role": "user", "content": "How many?"}]
    save("shelf", {"prompt": "Look.", "model": "gpt-4o", "tools": [f"{tools_file}:look"]}, environ)
    server = serve(calling(("look", {"title": "Emma"})))
    assert run(server, "-t", "shelf").out == "done\n"
    assert results(server) == ["1 of Emma"]


def test_a_template_cannot_say_where_a_question_goes_or_allow_what_it_calls(
    run: Run, serve: Serve, environ: dict[str, str]
) -> None:
    server = serve()
    for number, options in enumerate(({"api_base": "http://x"}, {"allow_tools": True}, {"api_key_variable": "X"})):
        save(f"bad{number}", {"prompt": "x", "model": "gpt-4o", "options": options}, environ)
        done = run(server, "-t", f"bad{number}")
        assert done.code == 2
        assert next(iter(options)) in done.err
    save("hot", {"prompt": "x", "options": {"temperature": "very"}}, environ)
    done = run(server, "-t", "hot")
    assert (done.code, "The template hot: " in done.err) == (2, True)
    assert server.asked == []


def test_what_a_command_line_says_is_kept_as_a_template(run: Run, serve: Serve, environ: dict[str, str]) -> None:
    server = serve(saying("hello"))
    done = run(
        server, "--save", "sum", "-m", "gpt-4o", "-s", "Be brief.", "--temperature", "0.5", "-o", "top_p=0.9",
        "--tool", "os.path:basename", "--only", "openai", "-p", "lang=Dutch", "Sum up in $lang:", "$input",
    )  # fmt: skip
    assert (done.code, done.out) == (0, "")
    assert server.asked == []
    kept = find("sum", environ)
    assert (kept.prompt, kept.system, kept.models) == ("Sum up in $lang: $input", "Be brief.", ["gpt-4o"])
    assert kept.options == {"temperature": 0.5, "top_p": "0.9", "only": ["openai"]}
    assert (kept.tools, kept.defaults) == (["os.path:basename"], {"lang": "Dutch"})
    done = run(server, "-t", "sum", "a text")
    assert done.out == "hello\n"
    assert sent(server)["messages"][1]["content"] == "Sum up in Dutch: a text"
    assert (sent(server)["temperature"], sent(server)["top_p"]) == (0.5, 0.9)
    done = run(server, "--save", "sum", "x")
    assert (done.code, "There is a template sum already" in done.err) == (2, True)
    done = run(server, "--save", "empty")
    assert (done.code, "Give what to keep" in done.err) == (2, True)
    done = run(server, "--save", "secret", "--api-base", "http://x", "hi")
    assert (done.code, "--api-base cannot be kept in a template" in done.err) == (2, True)


def test_a_template_runs_no_file_of_the_folder_in_which_one_stands(
    run: Run, serve: Serve, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "t.py").write_text(
            f"def where(x: str) -> str:\n    'Say.'\n    return {folder.name!r}\n\nwhere.read_only = True\n"
        )
        (folder / "s.json").write_text(json.dumps({"type": "object", "title": folder.name}))
    monkeypatch.chdir(own)
    assert run(serve(), "--save", "near", "-m", "gpt-4o", "--tool", "t.py:where", "Go.").code == 0
    assert run(serve(), "--save", "form", "-m", "gpt-4o", "--schema", "s.json", "Go.").code == 0
    monkeypatch.chdir(other)
    server = serve(calling(("where", {"x": ""})))
    assert run(server, "-t", "near").out == "done\n"
    assert results(server) == ["own"]
    assert find("form", environ).schema == str(own / "s.json")
    path = Path(path_of("near", environ))
    path.write_text('prompt = "Go."\ntools = ["./t.py:where"]\n')
    done = run(server, "-t", "near")
    assert (done.code, "must be named by its whole path" in done.err) == (2, True)


def test_plug_ins_bring_tools_and_templates(
    run: Run, serve: Serve, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "installed"
    module = "requires = 1\ntext = 'Name: $input'\n\ndef room(name: str) -> str:\n    return 'B 12'\n\nroom.read_only = True\n"
    groups = {"tools": {"room": "rooms_of_tests:room"}, "templates": {"naming": "rooms_of_tests:text"}}
    package(folder, "rooms-of-tests", module, groups)
    monkeypatch.syspath_prepend(str(folder))
    server = serve(calling(("room", {"name": "Ada"})))
    done = run(server, "-m", "gpt-4o", "--tool", "room", "-t", "naming", "Ada")
    assert (done.code, done.out, done.err) == (0, "done\n", "")
    assert sent(server)["messages"][0]["content"] == "Name: Ada"
    assert results(server) == ["B 12"]
    assert text_of("naming", environ) == 'prompt = "Name: $input"\n'
    assert every(environ) == ["naming"]
    save("naming", {"prompt": "Own: $input"}, environ)
    assert find("naming", environ).prompt == "Own: $input"
    assert "there is room." in run(server, "-m", "gpt-4o", "--tool", "rome", "Ada").err


def test_nothing_of_this_is_loaded_for_a_plain_question(serve: Serve, tmp_path: Path) -> None:
    from tests.test_architecture import loaded_by

    code = "from inference_providers.cli.ask import main\nmain(['-m', 'gpt-4o', '-n', 'hi'], standalone_mode=False)"
    environ = {
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": serve().url,
        "HOME": str(tmp_path),
        "INFERENCE_PROVIDERS_LOG": "off",
    }
    loaded = loaded_by(code, environ)
    assert "inference_providers.cli.toolbox" in loaded
    unwanted = {"mcp", "anyio", "tomlkit", "asyncio", "pydantic", "importlib.metadata"}
    assert loaded & unwanted == set()
    assert not [
        name for name in loaded if name.startswith(("inference_providers.toolsets", "inference_providers.templates"))
    ]
    assert "inference_providers.cli.tool_question" not in loaded


def test_help_names_them(run: Run, serve: Serve) -> None:
    said = run(serve(), "--help").out
    assert all(
        name in said for name in ("-t, --template NAME", "-p, --param", "--save", "--tool", "--mcp", "--allow-tools")
    )
