"""What servers, models and files say steers no terminal: by every way, seen from the terminal's end."""

from __future__ import annotations

import ast
import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import traceback
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import InferenceProvidersError, ProviderList
from inference_providers.protocols import error_details
from inference_providers.text import display
from tests.batch_server import Jobs
from tests.conftest import ROOT, keys, registry_of
from tests.servers import Connection, Received, Server, answer, completion, delta
from tests.test_batch_jobs import row_of

Serve = Callable[..., Server]
CANARY = "canary-tty-0123456789"
# A title, a clipboard, a cleared screen, colours; C1's own introducers; a turned name; a line overwritten; text that hides.
HOSTILE = (
    "\x1b]0;owned\x07 \x1b]52;c;cm0gLXJm\x1b\\ \x1b[2J\x1b[38;5;99m \x9b2J \x9d0;owned\x9c \x90q\x9c \x00\x05\x08\x0b\x0c\x0e"
    " gp\u202ej.exe\u2066x\u2069 \u200e\u200f\u061c all good\rsorry\x85\u2028\u2029 \ufeff\u2060\ufff9 \U000e0041\U000e0042 \x7f end"
)
WELL = [
    "plain",
    "two\nlines\tand a tab",
    "naïve façade, 日本語, 한국어, עברית, العربية, ไทย\u200bไทย, ខ្មែរ\u200bភាសា",
    "نامه‌ای می‌خواهم",  # with U+200C
    "क्‍ष ශ්‍රී",  # with U+200D
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 1️⃣ ❤️",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿 🏴 🏴‍☠️",
    "葛󠄀 ﷽ Ǆ é é \xa0 soft\xadhyphen ␛ ∑ ",
]
STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# What the program itself writes: colours, lines drawn anew, a cursor hidden meanwhile.
OWN = re.compile(rb"\x1b\[(?:[\d;]*m|\?25[lh]|\d*A|2?K)|\r\n|\r(?=\x1b\[2?K|[^\n]*\.\.\. \d+ s)|\r(?=\x1b\[\d*A)")


def seen(call: list[str], environ: dict[str, str], folder: Path, *, typed: bytes = b"") -> str:
    """Run a program with a terminal for everything; what the terminal gets, without the program's own codes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    started = subprocess.Popen(
        call, stdin=theirs if typed else subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=folder, env=environ
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the terminal's other end is closed
        os.close(ours)
    started.wait()
    assert b"\x1b[38;5;99m" not in shown, "a server's colour"
    return OWN.sub(b"", shown).decode()


def is_harmless(shown: str) -> None:
    found = STEERS.search(shown)
    assert found is None, ascii(shown[max(0, found.start() - 60) : found.end() + 60])
    assert not re.search("[\U000e0000-\U000e007f]", shown)


@pytest.fixture
def see(tmp_path: Path) -> Callable[..., str]:
    """Run one of the commands in a terminal."""

    def run(program: str, *arguments: str, server: Server | None = None, typed: bytes = b"", **environ: str) -> str:
        module = "ask" if program == "ask-ai" else "main"
        call = [sys.executable, "-c", f"from inference_providers.cli.{module} import main; main(prog_name={program!r})"]
        keyed = {} if server is None else {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}
        base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "TERM": "xterm"}  # fmt: skip
        return seen([*call, *arguments], {**base, **keyed, **environ}, tmp_path, typed=typed)

    return run


def hostile_answer(connection: Connection, request: Received) -> None:
    """In the answer, in small pieces of a stream, and in every other field that is text."""
    if not request.path.endswith("/chat/completions"):
        answer(connection, request)
    elif request.streams:
        connection.start_stream({"x-request-id": "\x9b2J", "server": "\x85\x9d0;x\x9c"})
        for letter in f"hello {HOSTILE}":
            connection.event({**delta(letter), "model": HOSTILE, "id": HOSTILE})
        connection.event(delta(None, f"stop{HOSTILE}"))
        connection.event("[DONE]")
        connection.end_stream()
    else:
        connection.reply(200, {**completion(f"hello {HOSTILE}", HOSTILE, finish_reason=f"stop{HOSTILE}"), "id": HOSTILE})  # fmt: skip


def refuses(code: int, body: Any) -> Callable[[Connection, Received], None]:
    """With a status whose reason steers, too."""

    def behave(connection: Connection, request: Received) -> None:
        data = (
            body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        )
        connection.send(f"HTTP/1.1 {code} \x9d0;x\x9c\r\ncontent-length: {len(data)}\r\nx-a: \x9b2J\r\n\r\n".encode() + data)  # fmt: skip

    return behave


ERRORS: dict[str, Any] = {
    "400": refuses(400, {"error": {"message": f"no {HOSTILE}", "code": HOSTILE, "type": HOSTILE}}),
    "401": refuses(401, {"error": {"message": f"no {HOSTILE}", "code": HOSTILE}}),
    "404 of a model": refuses(404, {"detail": [{"loc": ["body", HOSTILE], "msg": f"no {HOSTILE}"}]}),
    "429": refuses(429, {"errors": [f"no {HOSTILE}"]}),
    "text": refuses(500, f"no {HOSTILE}".encode()),
    "latin-1": refuses(400, b"no \x9b2J \x1b[2J \x85 end"),
    "no JSON": refuses(200, f"no {HOSTILE}".encode()),
    "in a 200": refuses(200, {"error": {"message": f"no {HOSTILE}", "code": HOSTILE}}),
    "no HTTP": lambda connection, request: (connection.send(f"no {HOSTILE}\r\n\r\n".encode()), connection.close()),
    "bad header": lambda connection, request: (
        connection.send(f"HTTP/1.1 200 OK\r\nno {HOSTILE}\r\ncontent-length: \x1b[2J\r\n\r\n".encode()),
        connection.close(),
    ),
}


def breaks(connection: Connection, request: Received) -> None:
    """After the first words."""
    if not request.path.endswith("/chat/completions"):
        answer(connection, request)
        return
    connection.start_stream()
    connection.event(delta("Once upon"))
    connection.event({"error": {"message": f"no {HOSTILE}", "code": HOSTILE}})
    connection.end_stream()


# The function


@pytest.mark.parametrize("text", WELL)
def test_ordinary_text_of_every_language_is_untouched(text: str) -> None:
    assert display.printable(text) == text
    assert "".join(display.pieces(text)) == text, "letter by letter"
    assert json.loads(display.as_json(text)) == text


def test_what_steers_is_shown() -> None:
    assert display.printable("a\x1b[2Jb\x9bc\u202ed\U000e0041e\x7f") == r"a\x1b[2Jb\x9bc\u202ed\U000e0041e\x7f"
    assert display.printable("one\r\ntwo\rthree\u200f") == "one\ntwothree"
    assert display.in_line("a\tb\nc") == r"a\tb\nc"


def test_a_character_cut_in_two_is_put_together() -> None:
    assert list(display.pieces(["a\ud83d", "\ude00b", "\ud83d"])) == ["a", "😀b", r"\ud83d"]
    assert display.printable("\udb40\udc41") == r"\U000e0041"


@given(st.text(st.characters() | st.sampled_from([*HOSTILE, *"".join(WELL), "\ud83d", "\ude00"])))
def test_any_text_is_made_harmless_once_and_loses_nothing_else(text: str) -> None:
    shown = display.printable(text)
    is_harmless(re.sub("🏴\U000e0067\U000e0062[\U000e0061-\U000e007a]{3}\U000e007f", "", shown))
    assert display.printable(shown) == shown
    assert "".join(display.pieces(text)) == "".join(display.pieces([text])) == shown
    ordinary = [c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    rest = iter(shown)
    assert all(c in rest for c in ordinary)


@given(st.recursive(st.text(st.characters() | st.sampled_from(HOSTILE)), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_json_is_harmless_and_means_the_same(value: Any) -> None:
    made = display.as_json(value)
    is_harmless(made)
    assert json.loads(made) == json.loads(json.dumps(value))


@given(st.text(st.sampled_from(HOSTILE + "ab \n")))
def test_what_is_made_of_a_servers_words_is_harmless_from_the_start(text: str) -> None:
    words = error_details({"error": {"message": text, "code": text, "type": text}})
    for made in (words.message, words.code, words.kind, words.text, error_details(text).message, str(InferenceProvidersError(text))):  # fmt: skip
        is_harmless(made)


def test_what_is_logged_is_harmless_whoever_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    from inference_providers import log

    log.warn(f"warned: {HOSTILE}")
    log.tell(f"told: {HOSTILE}")
    assert "warned: " in caplog.text and "told: " in caplog.text
    is_harmless(caplog.text)


# The commands, in a terminal


@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--json"], ["-v"]], ids=" ".join)
def test_an_answer_steers_nothing(see: Any, serve: Serve, options: list[str]) -> None:
    shown = see("ask-ai", *options, "hi", server=serve(hostile_answer))
    assert "hello" in shown and "end" in shown
    assert r"\x1b]0;owned" in shown or r"\u001b]0;owned" in shown
    is_harmless(shown)


@pytest.mark.parametrize("options", [["-v"], ["-v", "--no-stream"], ["-v", "--json"]], ids=" ".join)
@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_steers_nothing(see: Any, serve: Serve, kind: str, options: list[str]) -> None:
    shown = see("ask-ai", *options, "--timeout", "5", "hi", server=serve(ERRORS[kind]))
    assert "Error:" in shown
    assert "asking openai/" in shown
    is_harmless(shown)


def test_a_broken_stream_steers_nothing(see: Any, serve: Serve) -> None:
    shown = see("ask-ai", "-v", "hi", server=serve(breaks))
    assert "Once upon" in shown and "Error:" in shown
    is_harmless(shown)


@pytest.mark.parametrize("behaviour", [hostile_answer, breaks, ERRORS["400"]], ids=["answer", "broken", "error"])
def test_a_conversation_steers_nothing(see: Any, serve: Serve, behaviour: Any) -> None:
    shown = see("inference-providers", "chat", server=serve(behaviour), typed=b"hi\n/exit\n", TERM="dumb")
    assert re.search("hello|Once|no ", shown)
    is_harmless(shown.replace("\x1b[?2004h", "").replace("\x1b[?2004l", "").replace("\r", ""))  # readline's own


def test_markdown_brings_no_escapes_of_its_own(see: Any, serve: Serve) -> None:
    page = (
        "# T &#x202e; &#x9b; &#27; &rlm;\n\n[safe](https://evil.example/&#x202e;) ![pic](http://evil.example/x.png) <https://auto.example>\n\n"
        "| a&#x202e; | b |\n|---|---|\n| `c` | &#x2028; |\n\n```sh\nls &#x202e;\n```\n\n[link=https://evil.example]x[/link] :smile:\n\n&#xE0041; done\n"
    )
    server = serve(lambda connection, request: answer(connection, request, page))
    shown = see("inference-providers", "chat", server=server, typed=b"hi\n/exit\n", TERM="dumb")
    assert "done" in shown
    assert "(https://evil.example/" in shown, "where a link goes is seen"
    is_harmless(shown.replace("\x1b[?2004h", "").replace("\x1b[?2004l", "").replace("\r", ""))


def lists_models(connection: Connection, request: Received) -> None:
    if request.path.endswith("/models"):
        rows = [{"id": name, "object": "model", "owned_by": "vllm"} for name in (f"evil{HOSTILE}", "a\tb\nc", "[red]x[/red]:smile:")]  # fmt: skip
        connection.reply(200, {"object": "list", "data": rows})
    else:
        hostile_answer(connection, request)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("inference-providers models", "evil"),
        ("inference-providers models --json", "evil"),
        ("inference-providers providers --all", "vllm"),
        ("inference-providers resolve evil", "evil"),
        ("inference-providers doctor", "evil"),
        ("inference-providers doctor --json", "evil"),
        ("inference-providers roll-call --free -y", "answered"),
        ("inference-providers roll-call --free -y --json", "evil"),
        ("ask-ai -v hi", "asking vllm/evil"),
        ("ask-ai -v -m vllm/evli hi", "evli"),
    ],
)
def test_the_names_of_a_servers_models_steer_nothing(see: Any, serve: Serve, call: str, expected: str) -> None:
    shown = see(*call.split(), VLLM_API_BASE=serve(lists_models).url)
    assert expected in shown
    is_harmless(shown)


def test_a_name_is_a_name_in_a_table(see: Any, serve: Serve) -> None:
    shown = see("inference-providers", "models", VLLM_API_BASE=serve(lists_models).url)
    assert "[red]x[/red]:smile:" in shown
    assert r"a\tb\nc" in shown


def test_files_of_models_and_what_engines_say_steer_nothing(see: Any, tmp_path: Path) -> None:
    folder = tmp_path / "share" / "inference_providers" / "models"
    folder.mkdir(parents=True)
    name = f"evil{HOSTILE}".replace("/", "-").replace("\x00", "")
    path = folder / f"{name}.gguf"
    path.write_bytes(b"GGUF" + f"{HOSTILE}".encode() * 40)
    home = {"XDG_DATA_HOME": str(tmp_path / "share"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for call in (["local", "list"], ["local", "list", "--json"], ["local", "start", str(path)], ["local", "status"], ["local", "stop", name], ["doctor"]):  # fmt: skip
        is_harmless(see("inference-providers", *call, **home))


def test_arguments_and_file_names_steer_nothing(see: Any, tmp_path: Path) -> None:
    words = HOSTILE.replace("\x00", "")
    bad = tmp_path / "registry.json"
    bad.write_text(json.dumps({"providers": {words: {"connection": words}}, words: 1}))
    for call in (
        ["ask-ai", f"--{words}"],
        ["ask-ai", "-m", words, "hi"],
        ["ask-ai", "--timeout", words, "hi"],
        ["ask-ai", "-i", words, "hi"],
        ["inference-providers", words],
        ["inference-providers", "batch", words, "-o", "x"],
        ["inference-providers", "resolve", words],
        ["inference-providers", "resolve", "x", "--provider", words],
        ["inference-providers", "registry", "show", words],
        ["inference-providers", "registry", "validate", "--strict", str(bad)],
        ["inference-providers", "registry", "validate", str(tmp_path / words.replace("/", "-"))],
    ):
        shown = see(*call, OPENAI_API_KEY=CANARY, OPENAI_BASE_URL="http://127.0.0.1:9/v1")
        assert "rror" in shown or "registry" in shown or "There is no" in shown, shown
        assert "Traceback" not in shown
        is_harmless(shown)


def test_a_batch_steers_nothing(see: Any, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": "a", "custom_id": HOSTILE}) + f'\n{{"no {HOSTILE}"\n')
    shown = see("inference-providers", "batch", "in.jsonl", "-o", "out.jsonl", server=serve(ERRORS["400"]))
    assert "failed" in shown
    is_harmless(shown)


def test_what_a_provider_says_of_a_batch_steers_nothing(serve: Serve, tmp_path: Path) -> None:
    jobs = Jobs(row_of("openai"), status="failed")
    made = registry_of(serve(jobs).url)
    made["providers"]["p1"]["connection"]["batch"] = {**row_of("openai")}
    jobs.refuse["POST /batches"] = lambda connection: connection.reply(400, {"error": {"message": f"no {HOSTILE}"}})
    code = (
        "import json, sys\nfrom inference_providers import ProviderList\n"
        "p = ProviderList(json_override=json.load(open(sys.argv[1])), local=False)\n"
        "for r in p.batch(['a'], mode='provider', out=sys.argv[2]): print(r, r.error)"
    )
    (tmp_path / "r.json").write_text(json.dumps(made))
    shown = seen(
        [sys.executable, "-c", code, str(tmp_path / "r.json"), str(tmp_path / "out.jsonl")],
        {
            **keys(1),
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        },
        tmp_path,
    )
    assert r"\x1b]0;owned" in shown
    is_harmless(shown)


# Elsewhere: as it came


def test_a_pipe_gets_the_answer_as_it_came(serve: Serve, tmp_path: Path) -> None:
    base = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "OLLAMA_HOST": "127.0.0.1:9",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
    for option in ("--no-stream", "--timeout=20"):
        call = [sys.executable, "-c", "from inference_providers.cli.ask import main; main()", option, "hi"]
        done = subprocess.run(
            call, stdin=subprocess.DEVNULL, capture_output=True, check=True,
            env={**base, "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": serve(hostile_answer).url},
        )  # fmt: skip
        assert done.stdout.decode() == f"hello {HOSTILE}\n"


def test_half_a_character_is_no_error(serve: Serve, see: Any, tmp_path: Path) -> None:
    server = serve(lambda connection, request: answer(connection, request, "\ud83d\ude00 \ud83d"))
    assert "😀 \\ud83d" in see("ask-ai", "hi", server=server)
    done = subprocess.run(
        [sys.executable, "-c", "from inference_providers.cli.ask import main; main()", "hi"], stdin=subprocess.DEVNULL,
        capture_output=True, check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.rstrip().endswith(rb"\ud83d")


# Programs that use the package


PROGRAMS = {
    "ask": "ask_ai('hi')",
    "asyncio": "import asyncio; from inference_providers import AsyncProviderList; asyncio.run(AsyncProviderList().ask_ai('hi'))",
    "stream": "list(ProviderList().stream('hi'))",
    "SDK": "ProviderList().client('gpt-4').chat.completions.create(model='gpt-4', messages=[{'role': 'user', 'content': 'hi'}])",
    "SDK stream": "list(ProviderList().client('gpt-4').chat.completions.create(model='gpt-4', messages=[{'role': 'user', 'content': 'hi'}], stream=True))",
    "one": "ProviderList().connect_to_first_available_model(['gpt-4'], test=True)",
}


# Of each server in turn, what Python shows of an error that nobody catches.
UNCAUGHT = """
import logging, os, sys
from inference_providers import *
logging.basicConfig(level="INFO")
for url in sys.argv[1:]:
    os.environ["OPENAI_BASE_URL"] = url
    try:
        {program}
    except Exception:
        sys.excepthook(*sys.exc_info())
    print(f"[after {{url}}]", file=sys.stderr)
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_error_that_nobody_catches_steers_nothing(serve: Serve, tmp_path: Path, program: str) -> None:
    servers = {kind: serve(ERRORS[kind]) for kind in ("400", "text", "in a 200", "no HTTP", "bad header")}
    servers["broken"] = serve(breaks)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": CANARY}  # fmt: skip
    code = UNCAUGHT.format(program=PROGRAMS[program])
    shown = seen([sys.executable, "-c", code, *(one.url for one in servers.values())], environ, tmp_path)
    for kind, server in servers.items():
        part, mark, shown = shown.partition(f"[after {server.url}]")
        assert mark
        assert server.requests, f"{kind} was not asked"
        assert "Traceback" in part or kind == "broken"
        is_harmless(part)
    assert shown == ""


def test_what_objects_say_of_themselves_steers_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "inference_providers")
    registry = registry_of(serve(hostile_answer).url, serve(ERRORS["400"]).url)
    for row in registry["providers"].values():
        row["model_names"] = {"m": f"m{HOSTILE}"}
    made = ProviderList(json_override=registry, environ=keys(2), local=False, verbose=True)
    answered = made.ask_ai("hi", "m")
    with pytest.raises(InferenceProvidersError) as caught:
        made.ask_ai("hi", ["p2/m"])
    offers = made.candidates("m")
    texts = [str(made.explain("m")), repr(offers), repr(made.resolve("m")), *map(str, answered.attempts), repr(answered.attempts)]  # fmt: skip
    texts += [caplog.text, "".join(traceback.format_exception(caught.value)), str(caught.value)]
    with made.stream("hi", "m") as stream:
        texts.append(repr(stream))
    done = made.batch([{"prompt": "hi", "custom_id": HOSTILE}], "p2/m")
    texts += [repr(list(done)), *done.summary.problems]
    assert len(done.summary.problems) == 1
    for text in texts:
        is_harmless(text)


# Nothing goes past it


def test_the_command_line_prints_by_one_function() -> None:
    import inference_providers.cli

    (folder,) = inference_providers.cli.__path__
    for path in Path(folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(node, "attr", getattr(node, "id", ""))
            builtin = name == "print" and isinstance(node, ast.Name)
            assert path.name == "output.py" or not (builtin or name in ("echo", "secho")), f"{path.name}:{node.lineno}"
