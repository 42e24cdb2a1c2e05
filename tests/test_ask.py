"""`ask-ai`: what is asked of a loopback server, and what is printed of its answer. In this process, to be quick."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.shell_completion import ShellComplete

from inference_providers.cli import ask, main
from inference_providers.cli.ask_code import first_block
from inference_providers.cli.ask_schema import list_of, schema_of
from tests.servers import Connection, Received, Server, answer, completion, status
from tests.test_attachments import PDF, PNG, WAV, data

Serve = Callable[..., Server]
CODE = "Here:\n\n```python\nprint(1)\n```\n\nAnd:\n\n```\nno\n```\n"
USAGE = {"prompt_tokens": 1200, "completion_tokens": 34, "prompt_tokens_details": {"cached_tokens": 200}}


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `ask-ai` with OpenAI's key for a server, and with standard input."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")

    def ran(server: Server, *arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setenv("OPENAI_API_KEY", "canary-1-0123456789abcdef")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        (tmp_path / "stdin").write_bytes(stdin)
        with open(tmp_path / "stdin", encoding="utf-8") as file, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", file)
            with pytest.raises(SystemExit) as ended:
                ask.main(list(arguments), prog_name="ask-ai")
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return ran


def saying(*texts: str, **more: Any) -> Callable[[Connection, Received], None]:
    """Answer with one text after another, the last again and again."""
    left = list(texts)

    def behave(connection: Connection, request: Received) -> None:
        text = left.pop(0) if len(left) > 1 else left[0]
        if request.path.endswith("/models") or request.streams:
            answer(connection, request, text)
        else:
            connection.reply(200, {**completion(text, "gpt-4o"), **more})

    return behave


def sent(server: Server) -> Any:
    return server.asked[-1].json


# The code of an answer


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CODE, "print(1)"),
        ("~~~\na\n~~~", "a"),
        ("````md\n```\ninner\n```\n````", "```\ninner\n```"),
        ("1. Do\n\n   ```sh\n   ls\n     -l\n   ```\n", "ls\n  -l"),
        ("> ```\n> quoted\n> ```", "quoted"),
        ("```c\nint main() {", "int main() {"),
        ("```\n```", ""),
        ("```\n\n a\n\n```", "\n a\n"),
        ("    indented, but without a fence\n", None),
        ("a `span` and ```one more``` in a line", None),
        ("", None),
    ],
)
def test_the_first_fenced_block_is_found_as_in_markdown(text: str, code: str | None) -> None:
    assert first_block(text) == code


def test_the_code_alone_is_printed(run: Run, serve: Serve) -> None:
    server = serve(saying(CODE))
    assert run(server, "-x", "hi") == (0, "print(1)\n", "")
    assert "stream" not in sent(server)


def test_an_answer_without_code_is_printed_and_told(run: Run, serve: Serve) -> None:
    done = run(serve(), "--extract", "hi")
    assert done == (0, "hello\n", "(no fenced code block in the answer; this is all of it)\n")


def test_code_that_the_token_limit_cuts_is_told(run: Run, serve: Serve) -> None:
    cut = completion("```\nx = [1,", "gpt-4o")
    cut["choices"][0]["finish_reason"] = "length"
    done = run(serve(status(200, cut)), "-x", "hi")
    assert (done.code, done.out) == (0, "x = [1,\n")
    assert "stopped by the token limit" in done.err


# Schemas


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("name, age int", {"name": {"type": "string"}, "age": {"type": "integer"}}),
        (
            "name str, price float, new bool, tags list: some words",
            {
                "name": {"type": "string"},
                "price": {"type": "number"},
                "new": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}, "description": "some words"},
            },
        ),
        (
            "name string, at number, born integer, new boolean, tags array, about text",
            {
                "name": {"type": "string"},
                "at": {"type": "number"},
                "born": {"type": "integer"},
                "new": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "about": {"type": "string"},
            },
        ),
        (
            "bio: one sentence, short\n\nage int: in years\n",
            {
                "bio": {"type": "string", "description": "one sentence, short"},
                "age": {"type": "integer", "description": "in years"},
            },
        ),
    ],
)
def test_fields_are_a_schema(text: str, fields: dict[str, Any]) -> None:
    shape = {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}
    assert schema_of(text) == shape
    assert list_of(shape)["properties"] == {"items": {"type": "array", "items": shape}}


def test_the_json_is_printed_once_it_fits(run: Run, serve: Serve) -> None:
    server = serve(saying('{"name": "Ada"}', 'Sure: {"name": "Ada", "age": 36}'))
    done = run(server, "--schema", "name, age int", "hi")
    assert (done.code, json.loads(done.out)) == (0, {"name": "Ada", "age": 36})
    assert len(server.asked) == 2
    assert sent(server)["response_format"]["json_schema"]["schema"]["required"] == ["name", "age"]


def test_a_schema_may_be_json_or_a_file(run: Run, serve: Serve, tmp_path: Path) -> None:
    server = serve(saying("[1, 2]"))
    numbers = json.dumps({"type": "array", "items": {"type": "integer"}})
    (tmp_path / "numbers.json").write_text(numbers, "utf-8")
    for given in (numbers, str(tmp_path / "numbers.json"), "~/numbers.json"):
        assert json.loads(run(server, "--schema", given, "hi").out) == [1, 2]


def test_with_json_the_whole_answer_has_the_value(run: Run, serve: Serve) -> None:
    server = serve(saying('{"items": [{"name": "Ada"}]}'))
    found = json.loads(run(server, "--schema-multi", "name", "--json", "hi").out)
    assert (found["parsed"], found["provider"]) == ({"items": [{"name": "Ada"}]}, "openai")


def test_what_never_fits_is_a_failure(run: Run, serve: Serve) -> None:
    done = run(serve(), "--schema", "name", "--json", "hi")
    assert (done.code, json.loads(done.out)["kind"]) == (1, "InvalidReplyError")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--schema", "name, age integer years"], "'age integer years' is not a field. Write NAME"),
        (["--schema", "name, age date"], "types are str, int, float, bool, list"),
        (["--schema", " , "], "--schema is empty"),
        (["--schema", "{"], "--schema is not JSON"),
        (["--schema", "none.json"], "The schema none.json cannot be read: No such file"),
        (["--schema", '{"type": "nonsense"}'], "nonsense"),
        (["--schema", "a", "--schema-multi", "b"], "give one of them"),
        (["--schema", "a", "-x"], "--extract prints code, and --schema JSON"),
        (["--json", "-x"], "give one of them"),
        (["-o", "top_p"], "-o takes KEY=VALUE, such as -o top_p=0.9, not 'top_p'"),
        (["-o", "topp=1"], "'topp' is not a generation parameter; did you mean top_p or"),
        (["-o", "nonsense=1"], "A provider's own go into -o 'extra_body={...}'"),
        (["-o", "top_p=7"], "top_p must be from 0 to 1, not 7"),
        (["-o", "top_p=high"], "top_p must be a number, not 'high'"),
        (["-o", "seed=1.5"], "seed must be a whole number, not 1.5."),
        (["-o", "logprobs=maybe"], "logprobs must be true or false, not 'maybe'."),
        (["-o", "logit_bias=1"], "logit_bias must be an object, not 1."),
        (["-o", "max_steps=2"], "max_steps has an option of its own: --max-steps."),
        (["-o", "concurrency=2"], "'concurrency' is not a generation parameter. A provider's own"),
        (["-o", "on_unsupported=err"], 'on_unsupported must be "drop" or "error", not \'err\'.'),
        (["-e", "banana"], "'banana' is not one of none, minimal, low, medium, high, xhigh, max."),
        (["-e", ""], "A model's own is given by -o reasoning_effort=LEVEL."),
        (["-o", "seed=1", "-o", "seed=2"], "seed is given twice."),
        (["-o", "max_new_tokens=1", "--max-tokens", "2"], "max_tokens is given twice: by -o and by an option"),
        (["-o", "model=gpt-4o"], "model has an option of its own: -m."),
        (["-o", "extra_body=1"], "-o extra_body takes a JSON object"),
        (["-a", "-"], "-a - takes a file from standard input, and nothing came"),
        (["-i", __file__], "use PNG, JPEG, GIF, WebP or BMP; -a takes it"),
        (["-a", "none.pdf"], "The file 'none.pdf' cannot be read: No such file or directory."),
        (["-a", "."], "The file '.' cannot be read: Is a directory."),
    ],
)
def test_what_is_wrong_is_said_before_anybody_is_asked(run: Run, serve: Serve, arguments: list[str], told: str) -> None:
    server = serve()
    done = run(server, *arguments, "hi")
    assert (done.code, server.asked) == (2, [])
    assert told in done.err


# Parameters


def test_any_parameter_is_an_option(run: Run, serve: Serve) -> None:
    server = serve()
    given = {"top_p": "0.9", "seed": "7", "stop": '["a", "b"]', "user": "123", "logit_bias": '{"5": -1}'}
    options = [word for name, value in given.items() for word in ("-o", f"{name}={value}")]
    done = run(server, "-m", "openai/gpt-4o", *options, "-o", 'extra_body={"own": [1]}', "hi")
    assert done.code == 0
    expected = {"top_p": 0.9, "seed": 7, "stop": ["a", "b"], "user": "123", "logit_bias": {"5": -1}, "own": [1]}
    assert sent(server).items() >= expected.items()


def test_only_who_takes_all_of_it_may_be_asked(run: Run, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    run(serve(), "-m", "openai/gpt-4o", "-o", "effort=low", "hi")
    assert 'it was left out (on_unsupported="error" asks only those that take it)' in caplog.text
    done = run(serve(), "-m", "openai/gpt-4o", "-o", "effort=low", "-o", "on_unsupported=error", "hi")
    assert (done.code, done.out) == (1, "")


@pytest.mark.parametrize("option", [["-e", "low"], ["-e", "LOW"], ["-o", "reasoning-effort=low"], ["-o", "effort=low"]])
def test_how_much_is_thought(run: Run, serve: Serve, option: list[str]) -> None:
    server = serve()
    run(server, "-m", "openai/gpt-5", *option, "hi")
    assert sent(server)["reasoning_effort"] == "low"


@pytest.mark.parametrize("policy", ["cheapest", "Cheapest"])
def test_a_policy_is_known_in_any_letters(run: Run, serve: Serve, policy: str) -> None:
    assert run(serve(), "-m", "gpt-4o", "--policy", policy, "hi") == (0, "hello\n", "")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("whisper-1", "whisper-1 is a model for transcription: `inference-providers models` lists those to talk to."),
        ("text-embedding-3-small", "text-embedding-3-small is a model for embeddings: "),
        ("gpt-4o", ""),
    ],
)
def test_a_model_that_is_none_to_talk_to_is_told_where_it_did_not_answer(
    run: Run, serve: Serve, name: str, told: str
) -> None:
    done = run(serve(status(404, {"error": {"message": "This is not a chat model."}})), "-m", name, "hi")
    assert done.code == 1
    assert told in done.err
    assert ("is a model for" in done.err) == bool(told)


# Usage


@pytest.mark.parametrize("how", [["--no-stream"], ["--json"], ["-x"], ["--schema", '{"type": "string"}']])
def test_what_it_took_is_said_beside_the_answer(run: Run, serve: Serve, how: list[str]) -> None:
    server = serve(saying('"hello"', usage=USAGE))
    plain = run(server, "-m", "gpt-4o", *how, "hi")
    done = run(server, "-m", "gpt-4o", "-u", *how, "hi")
    assert done.out == plain.out or how == ["--json"]
    line = done.err.splitlines()[-1]
    assert line.startswith("openai/gpt-4o, 1,200 tokens in (200 cached), 34 out, $0.00")
    assert line.endswith(" s")
    assert "tokens in" not in plain.err


def test_a_stream_says_what_it_took_as_well(run: Run, serve: Serve) -> None:
    done = run(serve(), "-m", "gpt-4o", "--usage", "hi")
    assert (done.out, done.err.startswith("openai/gpt-4o, tokens unknown, cost unknown, ")) == ("hello\n", True)


# Files


def test_files_are_shown_by_what_they_are(run: Run, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "a.txt").write_bytes(PDF)
    (tmp_path / "b.csv").write_bytes(b"x,y\n")
    done = run(server, "-m", "openai/gpt-4o", "-a", "~/a.txt", "--attach", str(tmp_path / "b.csv"), "hi")
    assert done == (0, "hello\n", "")
    words, file, text = sent(server)["messages"][0]["content"]
    assert file["file"] == {"filename": "a.txt.pdf", "file_data": f"data:application/pdf;base64,{data(PDF)}"}
    assert (words["text"], text["text"]) == ("hi", '<file name="b.csv">\nx,y\n</file>')


@pytest.mark.parametrize("how", [[], ["-a", "-"]], ids=["as it is", "as -a -"])
@pytest.mark.parametrize(("content", "kind"), [(PDF, "file"), (WAV, "input_audio"), (PNG, "image_url")])
def test_a_file_on_standard_input_is_shown(run: Run, serve: Serve, content: bytes, kind: str, how: list[str]) -> None:
    server = serve()
    done = run(server, "-m", "openai/some-model", *how, "What is this?", stdin=content)
    assert (done.code, done.out) == (0, "hello\n")
    words, part = sent(server)["messages"][0]["content"]
    assert (words["text"], part["type"]) == ("What is this?", kind)


def test_text_on_standard_input_may_be_a_file(run: Run, serve: Serve) -> None:
    server = serve()
    run(server, "-a", "-", "hi", stdin=b"words")
    assert sent(server)["messages"][0]["content"] == 'hi\n\n<file name="standard input">\nwords\n</file>'


def test_a_file_without_a_question_is_wrong_usage(run: Run, serve: Serve) -> None:
    done = run(serve(), stdin=PDF)
    assert done.code == 2
    assert "Give a question about the file, as an argument." in done.err


def pages(connection: Connection, request: Received) -> None:
    """Files at addresses, one of them behind a redirect."""
    if request.path == "/old":
        connection.reply(302, {}, {"Location": "/files/r%C3%A9sum%C3%A9.pdf"})
    elif request.path.startswith("/loop"):
        connection.reply(302, {}, {"Location": f"{request.path}x"})
    elif request.path == "/out":
        connection.reply(302, {}, {"Location": "ftp://example.com/x"})
    elif request.path == "/bad":
        connection.reply(302, {}, {"Location": "https://[::1/x"})
    elif request.path.startswith("/files/"):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PDF) + PDF)
    else:
        connection.reply(404, {})


def test_what_is_at_an_address_is_fetched(run: Run, serve: Serve) -> None:
    server, other = serve(), serve(pages)
    host = other.url.removesuffix("/v1")
    assert run(server, "-m", "openai/gpt-4o", "-a", f"{host}/old", "hi").code == 0
    assert sent(server)["messages"][0]["content"][1]["file"]["filename"] == "r\xe9sum\xe9.pdf"
    assert [request.key for request in other.requests] == [None, None]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/none", "HTTP 404"),
        ("/loop", "5 redirects"),
        ("/out", "an address that is not https"),
        ("/bad", "an address that is not https"),
    ],
)
def test_what_cannot_be_fetched_is_told(run: Run, serve: Serve, path: str, told: str) -> None:
    server, other = serve(), serve(pages)
    done = run(server, "-a", f"{other.url.removesuffix('/v1')}{path}", "hi")
    assert (done.code, server.asked) == (1, [])
    assert told in done.err


def test_what_an_address_may_have_of_secrets_is_not_shown(run: Run, serve: Serve) -> None:
    host = serve(pages).url.removesuffix("/v1").removeprefix("http://")
    for wrong in (f"http://me:hidden-1@{host}/none?sign=hidden-2", f"http://{host}/none?sign=hidden-2#hidden-3"):
        done = run(serve(), "-a", wrong, "hi")
        assert (done.code, "hidden" in done.err) == (1, False)
        assert f"http://{host}/none cannot be fetched: " in done.err


def test_offline_fetches_nothing_from_far_away(run: Run, serve: Serve) -> None:
    done = run(serve(), "--offline", "-a", "https://example.com/a.pdf", "hi")
    assert (done.code, done.out) == (1, "")
    assert "https://example.com/a.pdf cannot be fetched: INFERENCE_PROVIDERS_OFFLINE is set" in done.err


# Conversations


def test_a_conversation_goes_on_with_its_files_and_with_a_schema(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_LOG", "text")
    server = serve(saying('{"pages": 3}'))
    (tmp_path / "a.pdf").write_bytes(PDF)
    assert run(server, "-m", "openai/gpt-4o", "-a", "~/a.pdf", "How long?").code == 0
    done = run(server, "-c", "--schema", "pages int", "Again, as JSON.")
    assert json.loads(done.out) == {"pages": 3}
    first, said, last = sent(server)["messages"]
    assert first["content"][1]["file"]["file_data"].endswith(data(PDF))
    assert (said["role"], last["content"]) == ("assistant", "Again, as JSON.")
    run(server, "-c", "-x", "-a", "~/a.pdf", "And this?")
    assert [type(turn["content"]) for turn in sent(server)["messages"]] == [list, str, str, str, list]


# One command by two names


def test_ask_is_a_command_of_inference_providers() -> None:
    assert main.main.commands["ask"] is ask.main


def test_the_price_and_the_order_hold_with_the_other_options(run: Run, serve: Serve, tmp_path: Path) -> None:
    server = serve(saying('{"a": "x"}'))
    (tmp_path / "a.pdf").write_bytes(PDF)
    asked = ["-m", "openai/gpt-4o", "-a", "~/a.pdf", "--schema", "a", "--policy", "cheapest", "hi"]
    done = run(server, "--max-cost", "0.0000001", *asked)
    assert (done.code, server.asked) == (1, [])
    assert "A smaller --max-tokens" in done.err
    assert json.loads(run(server, "--max-cost", "5", *asked).out) == {"a": "x"}


@pytest.mark.parametrize(
    ("words", "typed", "completed"),
    [
        (["-o"], "top", ["top_k=", "top_logprobs=", "top_p="]),
        (["--effort"], "m", ["max", "medium", "minimal"]),
        (["-a"], "rep", [("rep", "file")]),
        (["--schema"], "per", [("per", "file")]),
        (["hi", "-m"], "auto:sm", ["auto:small"]),
    ],
)
def test_values_are_completed(words: list[str], typed: str, completed: list[Any]) -> None:
    found = ShellComplete(ask.main, {}, "ask-ai", "_ASK_AI_COMPLETE").get_completions(words, typed)
    shown = [one.value if one.type == "plain" else (one.value, one.type) for one in found]
    assert sorted(set(shown) & set(completed)) == sorted(completed)
