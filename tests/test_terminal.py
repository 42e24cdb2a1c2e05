"""The command line as a person has it: terminals of several widths and encodings, pipes with what is no text."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import NoCredentialsError, ProviderList
from inference_providers.cli.completion import complete_model, complete_provider
from inference_providers.cli.standard_input import as_text
from tests.conftest import ROOT
from tests.servers import Server, status

Serve = Callable[..., Server]
CANARY = "canary-terminal-0123456789"
WIDTHS = (40, 80, 200)
LETTERS = "Sure \N{GRINNING FACE} \N{RIGHTWARDS ARROW} d\xe9j\xe0 vu"


def environment(folder: Path, **environ: str) -> dict[str, str]:
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
    base["INFERENCE_PROVIDERS_LOG"] = "off"
    return {**base, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ}


def program(name: str, *arguments: str) -> list[str]:
    module = "ask" if name == "ask-ai" else "main"
    return [
        sys.executable,
        "-c",
        f"from inference_providers.cli.{module} import main; main(prog_name={name!r})",
        *arguments,
    ]


def keyed(server: Server) -> dict[str, str]:
    return {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., str]:
    """Run a command in a terminal so many columns wide; what is shown, without the terminal's own codes."""

    def run(width: int, *arguments: str, code: int = 0, encoding: str = "utf-8", **environ: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        with subprocess.Popen(
            program(*arguments), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=tmp_path,
            env=environment(tmp_path, **environ),
        ) as process:  # fmt: skip
            os.close(theirs)
            told = b""
            try:
                while chunk := os.read(ours, 65536):
                    told += chunk
            except OSError:  # its other end is closed
                os.close(ours)
        assert process.returncode == code, told
        assert b"Traceback" not in told
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told.decode(encoding)).replace("\r", "")

    return run


@pytest.fixture
def piped(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*arguments: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            program(*arguments), input=stdin, capture_output=True, cwd=tmp_path, check=False,
            env=environment(tmp_path, **environ),
        )  # fmt: skip

    return run


# Widths


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("arguments", [["resolve", "gpt-4o"], ["resolve", "llama-3.3-70b", "--all"]])
def test_names_that_are_resolved_stay_whole(shown: Any, width: int, arguments: list[str]) -> None:
    said = shown(width, "inference-providers", *arguments, OPENAI_API_KEY=CANARY)
    offers = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False).resolve(arguments[1]).offers
    names = [f"{offer.provider}/{offer.internal_name}" for offer in offers if offer.usable or "--all" in arguments]
    words = said.split()
    assert names
    assert [name for name in names if name not in words] == []
    assert all(variable in words for variable in {offer.variable for offer in offers if offer.usable})
    assert CANARY not in said


def test_what_cannot_be_used_is_counted_in_one_line_and_listed_on_demand(shown: Any) -> None:
    short = shown(80, "inference-providers", "resolve", "gpt-4o", OPENAI_API_KEY=CANARY)
    whole = shown(80, "inference-providers", "resolve", "gpt-4o", "--all", OPENAI_API_KEY=CANARY)
    assert len(short.splitlines()) < 15
    assert re.search(r"and \d\d that cannot be used now \(--all says why\)\n$", short)
    assert "openrouter/openai/gpt-4o" not in short
    assert "openrouter/openai/gpt-4o" in whole
    assert re.search(r"None of \d+ can be used now", shown(80, "inference-providers", "resolve", "gpt-4o"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["models", "providers", "local"])
def test_names_in_tables_stay_whole(shown: Any, tmp_path: Path, width: int, command: str) -> None:
    arguments = [command, "list"] if command == "local" else [command, "--all"]
    folder = tmp_path / ".local" / "share" / "inference_providers" / "models"
    folder.mkdir(parents=True)
    file = folder / f"{'long-' * 12}name.gguf"
    file.write_bytes(b"GGUF\x03\0\0\0" + bytes(64))
    said = shown(width, "inference-providers", *arguments)
    registry = ProviderList(environ={}, local=False).registry
    expected = {"models": registry.canonical_names, "providers": registry.providers, "local": [file.stem]}[command]
    words = set(said.split())
    assert [name for name in expected if name not in words] == []
    if command == "local":
        assert str(file) in said
    if command == "models":
        assert "$/M in" in said


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "arguments", [["ask-ai"], ["inference-providers"], *(["inference-providers", one] for one in ("chat", "batch"))]
)
def test_help_breaks_no_word_and_fits(shown: Any, width: int, arguments: list[str]) -> None:
    said, wide = shown(width, *arguments, "--help"), shown(200, *arguments, "--help")
    assert max(map(len, said.splitlines())) <= max(width, 80 if "ask-ai" in arguments else width)
    known = set(wide.split())
    assert [word for word in said.split() if word not in known and not word.endswith("...")] == []
    assert "-h, --help" in said


@pytest.mark.parametrize("option", ["--usage", "--save"])
def test_a_wrong_option_brings_no_far_fetched_ones(piped: Any, option: str) -> None:
    assert b"Did you mean" not in piped("ask-ai", option, "x").stderr
    assert b"Did you mean '--temperature'" in piped("ask-ai", "--temprature", "x").stderr


@pytest.mark.parametrize(
    ("command", "typed", "meant"),
    [
        ("batch", "--budget", "--max-cost"), ("batch", "--column", "--prompt"), ("batch", "--out", "--output"),
        ("batch", "--api_key", "--api-key-variable"), ("batch", "--nonsense", ""), ("batch", "--file", ""),
    ],
)  # fmt: skip
def test_an_option_in_the_words_of_another_tool_brings_the_one_that_is_meant(
    piped: Any, command: str, typed: str, meant: str
) -> None:
    said = piped("inference-providers", command, "x", typed, "1").stderr.decode()
    assert f"No such option '{typed}'." in said
    assert said.count("Did you mean") == bool(meant)
    assert f"Did you mean '{meant}'?" in said or not meant


# Encodings


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "koi8-r", "shift_jis", "iso8859-1", "utf-16", "ascii"])
@pytest.mark.parametrize("how", [["ask-ai"], ["ask-ai", "--no-stream"], ["ask-ai", "--json"], ["inference-providers", "chat"]])  # fmt: skip
def test_an_answer_that_the_encoding_lacks_is_printed_with_escapes(
    piped: Any, serve: Serve, encoding: str, how: list[str]
) -> None:
    question = ["hi"] if how[0] == "ask-ai" else []
    stdin = b"" if question else b"hi\n"
    done = piped(*how, *question, stdin=stdin, PYTHONIOENCODING=encoding, **keyed(serve(says(LETTERS))))
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode("utf-8" if encoding == "ascii" else encoding)
    if how[-1] == "--json":
        assert json.loads(said)["answer"] == LETTERS
    else:
        undone = re.sub(r"\\(?:x(..)|u(....)|U(.{8}))", lambda m: chr(int(m[1] or m[2] or m[3], 16)), said)
        assert undone == f"{LETTERS}\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_no_encoding_of_a_terminal_costs_an_answer(shown: Any, serve: Serve, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "in.jsonl").write_text('"hi"\n')
    environ = {**keyed(serve(says(f"{LETTERS}\n\n- one\n- two"))), "PYTHONIOENCODING": encoding}
    read = "utf-8" if encoding == "ascii" else encoding
    assert "Sure" in shown(80, "ask-ai", "hi", encoding=read, **environ)
    shown(80, "inference-providers", "batch", "in.jsonl", "-o", "out.jsonl", encoding=encoding, **environ)
    assert LETTERS in json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["answer"]
    shown(80, "inference-providers", "roll-call", "-y", "--model", "gpt-4", "-o", "page", encoding=encoding, **environ)
    assert LETTERS in (tmp_path / "page.html").read_text("utf-8")


def says(text: str) -> Callable[[Any, Any], None]:
    from tests.servers import answer

    return lambda connection, request: answer(connection, request, text)


# Standard input


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(4)))
    + chunk(b"IEND", b"")
)
IMAGES = {
    "png": PNG,
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff",
    "webp": b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00",
    "bmp": b"BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00",
}
NO_TEXT = {
    "zip archive or an office document": b"PK\x03\x04\x14\x00\x06\x00",
    "an office document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "compressed by gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "TIFF": b"II*\x00\x08\x00\x00\x00",
    "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
    "a program": b"\x7fELF\x02\x01\x01\x00",
    "a database": b"SQLite format 3\x00\x10\x00",
    "zero bytes": b"one\x00two\x00",
    "byte 4 is 0xe9": b"caf\xe9 au lait",
}


SHOWN = {
    "a PDF file": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "a PDF file, though": b"%PDF-1.7\n1 0 obj\n",
    "sound": b"ID3\x04\x00\x00\x00\x00\xff\xfb",
}


@pytest.mark.parametrize("how", [[], ["-i", "-"]], ids=["as it is", "as -i -"])
@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_on_standard_input_is_shown(piped: Any, serve: Serve, kind: str, how: list[str]) -> None:
    server = serve()
    done = piped("ask-ai", "-m", "gpt-4o", *how, "What is this?", stdin=IMAGES[kind], **keyed(server))
    assert (done.returncode, done.stderr) == (0, b"")
    words, image = server.asked[0].json["messages"][0]["content"]
    assert words["text"] == "What is this?"
    assert image["image_url"]["url"].startswith(f"data:image/{kind};base64,")


@pytest.mark.parametrize("command", ["ask-ai", "chat"])
@pytest.mark.parametrize("told", NO_TEXT)
def test_what_is_no_text_is_refused_before_it_costs_anything(piped: Any, serve: Serve, told: str, command: str) -> None:
    server = serve()
    call = ["ask-ai", "hi"] if command == "ask-ai" else ["inference-providers", "chat"]
    done = piped(*call, stdin=NO_TEXT[told], **keyed(server))
    assert done.returncode == 2
    assert told.encode() in done.stderr
    assert server.asked == []


@pytest.mark.parametrize(("arguments", "stdin", "told"), [
    ([], PNG, b"Give a question about the image"),
    (["-i", "-", "hi"], b"words", b"-i - takes a PNG"),
    (["-i", "-", "hi"], b"", b"-i - takes a PNG"),
    ([os.fsdecode(b"caf\xe9")], b"", b"The question is not text"),
])  # fmt: skip
def test_what_lacks_an_image_or_a_question_is_wrong_usage(
    piped: Any, serve: Serve, arguments: list[str], stdin: bytes, told: bytes
) -> None:
    server = serve()
    done = piped("ask-ai", *arguments, stdin=stdin, **keyed(server))
    assert (done.returncode, server.asked) == (2, [])
    assert told in done.stderr


@pytest.mark.parametrize("what", ["an image", *SHOWN])
def test_a_chat_takes_no_file_from_a_pipe(piped: Any, serve: Serve, what: str) -> None:
    server = serve()
    done = piped("inference-providers", "chat", stdin=SHOWN.get(what, PNG), **keyed(server))
    assert (done.returncode, server.asked) == (2, [])
    assert f"is {what.partition(',')[0]}, not text. Pipe it to ask-ai".encode() in done.stderr


@pytest.mark.parametrize(("data", "text"), [
    ("na\xefve \N{GRINNING FACE}".encode(), "na\xefve \N{GRINNING FACE}"),
    (b"\xef\xbb\xbfhi", "hi"),
    ("hi \xe9".encode("utf-16"), "hi \xe9"),
    ("hi \xe9".encode("utf-32"), "hi \xe9"),
    ("d\xe9j\xe0".encode()[:-1], "d\xe9j"),
    ("\xe9t\xe9".encode()[1:], "t\xe9"),
    (b"BMW, GIF89a and II*", "BMW, GIF89a and II*"),
    (b"\x1b[1mbold\x1b[0m\ttab\r\n", "\x1b[1mbold\x1b[0m\ttab\r\n"),
    (b"", ""),
])  # fmt: skip
def test_text_is_read_in_the_encoding_that_it_is_in(data: bytes, text: str) -> None:
    assert as_text(data) == text


def test_the_encoding_of_the_terminal_is_honoured(piped: Any, serve: Serve) -> None:
    server = serve()
    piped("ask-ai", stdin=b"caf\xe9", PYTHONIOENCODING="cp1252", **keyed(server))
    assert server.asked[0].json["messages"][0]["content"] == "caf\xe9"
    done = piped("ask-ai", stdin=b"\x01\x02caf\xe9", PYTHONIOENCODING="cp1252", **keyed(server))
    assert (done.returncode, len(server.asked)) == (2, 1)


def test_a_loop_over_lines_keeps_its_lines(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "lines").write_text("one\ntwo\nthree\n")
    ask = f"{sys.executable} -c 'from inference_providers.cli.ask import main; main()'"
    script = f'while read line; do {ask} -n "$line"; done <lines'
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment(tmp_path, **keyed(server)), check=True)
    assert [request.json["messages"][0]["content"] for request in server.asked] == ["one", "two", "three"]


# Words


PYTHON = re.compile(r"\w\(\)|\b[a-z]\w*=|\b(api_base|max_tokens|None|True|False|ProviderList|\.partial)\b|This call's")


@pytest.mark.parametrize("arguments", [
    ["ask-ai", "-m", "", "hi"],
    ["ask-ai", "--only", "openia", "hi"],
    ["ask-ai", "--avoid", "openai", "-m", "openai/gpt-4o", "hi"],
    ["ask-ai", "--api-base", "nonsense", "hi"],
    ["ask-ai", "--api-base", "http://127.0.0.1:9/v1", "hi"],
    ["ask-ai", "--api-key-variable", "OPENAI_API_KEY", "-m", "claude-sonnet-4.5", "hi"],
    ["ask-ai", "--timeout", "nan", "hi"],
    ["ask-ai", "-i", "nothing.png", "hi"],
    ["inference-providers", "chat", "-m", ""],
    ["inference-providers", "resolve", ""],
    ["inference-providers", "batch", "in.jsonl", "-o", "kept.txt"],
    ["inference-providers", "batch", "in.jsonl", "-o", "new.jsonl", "-c", "0"],
])  # fmt: skip
def test_nothing_talks_python_to_a_person(piped: Any, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "in.jsonl").write_text('"hi"\n')
    (tmp_path / "kept.txt").write_text("mine\n")
    done = piped(*arguments, OPENAI_API_KEY=CANARY)
    assert done.returncode != 0
    assert PYTHON.search(done.stderr.decode()) is None, done.stderr.decode()


def test_a_refused_key_and_a_deadline_are_told_without_python(piped: Any, serve: Serve) -> None:
    refusing = serve(status(401, {"error": {"message": "Incorrect API key provided"}}))
    done = piped("inference-providers", "chat", stdin=b"one\ntwo\n", **keyed(refusing))
    assert b"or after a new start, with another key in OPENAI_API_KEY" in done.stderr
    assert PYTHON.search(done.stderr.decode()) is None, done.stderr.decode()

    def halting(connection: Any, request: Any) -> None:
        from tests.servers import delta

        connection.start_stream()
        connection.event(delta("half"))
        connection.reset()

    done = piped("ask-ai", "hi", **keyed(serve(halting)))
    assert (done.returncode, done.stdout) == (1, b"half\n")
    assert b"4 characters of the answer had come" in done.stderr
    assert PYTHON.search(done.stderr.decode()) is None, done.stderr.decode()


def test_json_says_what_failed_as_well(piped: Any, serve: Serve) -> None:
    done = piped("ask-ai", "--json", "hi", **keyed(serve(status(401, {"error": {"message": "no"}}))))
    found = json.loads(done.stdout)
    assert (done.returncode, found["kind"], found["attempts"][0]["provider"]) == (1, "AuthenticationError", "openai")
    assert json.loads(piped("inference-providers", "resolve", "--json", "nonsense-xyz").stdout)["kind"] == "UnknownModelError"  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), [
    ("OPEN_AI_KEY", "OPENAI_API_KEY"), ("OPENAI_KEY", "OPENAI_API_KEY"), ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
    ("openai_api_key", "OPENAI_API_KEY"), ("OPNAI_API_KEY", "OPENAI_API_KEY"), ("OPENAI_TOKEN", "OPENAI_API_KEY"),
    ("OPENAI_SECRET_KEY", "OPENAI_API_KEY"), ("OPENAI_API_SECRET_KEY", "OPENAI_API_KEY"),
    ("GPT_API_KEY", "OPENAI_API_KEY"), ("CHATGPT_API_KEY", "OPENAI_API_KEY"), ("ANTHROPIC_KEY", "ANTHROPIC_API_KEY"),
    ("GEMINI_KEY", "GEMINI_API_KEY"), ("GROQ_KEY", "GROQ_API_KEY"), ("MISTRALAI_KEY", "MISTRAL_API_KEY"),
])  # fmt: skip
def test_a_misspelt_variable_is_told_where_no_key_is_found(typed: str, meant: str) -> None:
    providers = ProviderList(environ={typed: CANARY}, local=False)
    with pytest.raises(NoCredentialsError) as caught:
        providers.ask_ai("hi")
    assert f"Perhaps misspelt:\n  {typed}: did you mean {meant}?\n" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_misspelt_variable_is_told_where_it_would_have_helped() -> None:
    providers = ProviderList(environ={"OPEN_AI_KEY": CANARY}, local=False)
    with pytest.raises(NoCredentialsError, match="OPEN_AI_KEY: did you mean OPENAI_API_KEY"):
        providers.ask_ai("hi", "openai/gpt-4o")
    with pytest.raises(NoCredentialsError) as caught:
        providers.ask_ai("hi", "anthropic/claude-sonnet-4.5")
    assert "OPEN_AI_KEY" not in str(caught.value)


@pytest.mark.parametrize(
    "typed", ["gpt4o", "GPT-4O", "palm", "claude-2", "gpt-4-32k", "gpt-4o:cheapest", "openai/palm"]
)
def test_the_name_that_was_typed_stays_in_the_message(typed: str) -> None:
    with pytest.raises(Exception, match=re.escape(typed)):
        ProviderList(environ={}, local=False).ask_ai("hi", typed)


def test_a_model_file_that_nothing_runs_is_told(piped: Any, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no model")
    done = piped("ask-ai", "hi", INFERENCE_PROVIDERS_LOCAL_MODEL=str(tmp_path / "m.gguf"))
    assert b"INFERENCE_PROVIDERS_LOCAL_MODEL is set, but nothing here runs its model" in done.stderr


def test_providers_and_doctor_agree_on_the_address_and_the_count(piped: Any) -> None:
    environ = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    (row,) = json.loads(piped("inference-providers", "providers", "--json", **environ).stdout)
    assert row["endpoint"] == "http://127.0.0.1:9/v1"
    told = json.loads(piped("inference-providers", "doctor", "--json", **environ).stdout)["registry"]
    everybody = json.loads(piped("inference-providers", "providers", "--all", "--json").stdout)
    assert told["providers"] + told["local_servers"] >= len(everybody)
    assert told["local_servers"] > 5


def test_an_address_of_ones_own_is_named_where_it_fails(piped: Any) -> None:
    environ = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    for arguments in (["ask-ai", "hi"], ["ask-ai", "--no-stream", "hi"], ["ask-ai", "-m", "gpt-4o", "hi"]):
        done = piped(*arguments, **environ)
        assert (done.returncode, done.stderr) == (1, b"Error: openai: connection refused (127.0.0.1:9)\n")


def test_every_file_that_is_validated_has_its_turn(piped: Any, tmp_path: Path) -> None:
    for name, text in (("a", '{"providers": {"x": {}}}'), ("b", "["), ("c", '{"providers": {"x": {}}}')):
        (tmp_path / name).write_text(text)
    done = piped("inference-providers", "registry", "validate", "a", "b", "c")
    assert done.returncode == 5
    assert [line[0] for line in done.stderr.decode().splitlines() if line[1:2] == ":"] == ["a", "c"]
    assert b"file (b)" in done.stderr


# Completion


@pytest.mark.parametrize(("typed", "expected"), [
    ("gpt-oss-1", "gpt-oss-120b"), ("auto:s", "auto:small"), ("openai/gpt-4", "openai/gpt-4o"),
    ("gpt-4o:ch", "gpt-4o:cheapest"), ("OpenAI/gpt-4o-m", "openai/gpt-4o-mini"),
])  # fmt: skip
def test_models_are_completed(typed: str, expected: str) -> None:
    assert expected in [item.value for item in complete_model(None, None, typed)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("arguments", "kind"), [
    ("registry show ope", "plain,openai"), ("models gpt-4", "plain,gpt-4o"), ("resolve gpt-4", "plain,gpt-4o"),
])  # fmt: skip
def test_arguments_are_completed(piped: Any, arguments: str, kind: str) -> None:
    words = f"inference-providers {arguments}"
    environ = {"_INFERENCE_PROVIDERS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}  # fmt: skip
    assert kind in piped("inference-providers", **environ).stdout.decode().split()


def test_files_are_left_to_the_shell(piped: Any) -> None:
    environ = {"_ASK_AI_COMPLETE": "bash_complete", "COMP_WORDS": "ask-ai -i pic", "COMP_CWORD": "2"}
    assert piped("ask-ai", **environ).stdout == b"file,pic\n"


def test_providers_are_completed() -> None:
    assert "openai" in [item.value for item in complete_provider(None, None, "Ope")]  # type: ignore[arg-type]


# Offers, where a person looks at them


def test_an_offer_as_a_row_has_no_key() -> None:
    (offer,) = ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False).find_model_providers("openai/gpt-4o")
    row = json.dumps(offer.as_dict())
    assert CANARY not in row
    assert '"input_price"' in row
    assert not hasattr(offer, "__iter__")  # by which pandas would take it for a row
    *_, key = offer
    assert str(key) == CANARY


def test_a_notebook_shows_what_to_do_without_our_frames() -> None:
    def mine() -> None:
        ProviderList(environ={}, local=False).ask_ai("hi", "nonsense-xyz")

    with pytest.raises(Exception, match="nonsense-xyz") as caught:
        mine()
    told = caught.value._render_traceback_()  # type: ignore[attr-defined]
    assert len(told) < 25
    assert not any(f"{os.sep}inference_providers{os.sep}" in line and "File" in line for line in told)
    assert any("in mine" in line for line in told)
    assert any(line.startswith("UnknownModelError: No provider in the registry serves 'nonsense-xyz'") for line in told)


@pytest.mark.parametrize(
    "arguments",
    [["completion", "bash"], ["--help"], ["models", "--help"], ["keys", "set", "--help"], ["--version"], ["registry", "show"]],
)  # fmt: skip
def test_a_reader_that_goes_is_no_failure(tmp_path: Path, arguments: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        program("inference-providers", *arguments), stdout=theirs, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env=environment(tmp_path), cwd=tmp_path, check=False,
    )  # fmt: skip
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")
