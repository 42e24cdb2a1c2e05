"""The command line as a person uses it: in processes of its own, with real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import PATIENCE, Server, delta, status

Serve = Callable[..., Server]
CANARY = "canary-cli-0123456789"


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `ask-ai` or `inference-providers` with nothing but the given environment."""

    def run(*arguments: str, stdin: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        program = "inference_providers.cli.ask" if arguments[0] == "ask-ai" else "inference_providers"
        call = (
            [sys.executable, "-c", f"from {program} import main; main(prog_name='ask-ai')"]
            if arguments[0] == "ask-ai"
            else [sys.executable, "-m", program]
        )
        base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
        base["INFERENCE_PROVIDERS_LOG"] = "off"
        rest = arguments[1:]
        return subprocess.run(
            [*call, *rest],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            env={**base, **environ},
            check=False,
        )

    return run


def keyed(server: Server) -> dict[str, str]:
    return {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}


def test_ask_ai_prints_the_answer(cli: Any, serve: Serve) -> None:
    done = cli("ask-ai", "Come", "here", "often?", **keyed(serve()))
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_the_question_may_come_on_standard_input(cli: Any, serve: Serve) -> None:
    server = serve()
    done = cli("ask-ai", "Summarise this.", stdin="a long text\n", **keyed(server))
    assert done.returncode == 0
    assert server.asked[0].json["messages"][0]["content"] == "Summarise this.\n\na long text"


def test_options_reach_the_model(cli: Any, serve: Serve) -> None:
    server = serve()
    cli("ask-ai", "-m", "gpt-4", "-s", "Be brief.", "--max-tokens", "7", "--no-stream", "hi", **keyed(server))
    assert server.asked[0].json == {
        "model": "gpt-4",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 7,
    }


def test_json_says_who_answered(cli: Any, serve: Serve) -> None:
    found = json.loads(cli("ask-ai", "--json", "hi", **keyed(serve())).stdout)
    assert (found["answer"], found["provider"], found["model"]) == ("hello", "openai", "gpt-6.1-sol")


def test_the_reply_is_streamed_as_it_comes(cli: Any, serve: Serve, tmp_path: Path) -> None:
    import threading

    go_on = threading.Event()

    def halting(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("first"))
        go_on.wait(PATIENCE)
        connection.event(delta(" second", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **keyed(serve(halting))}
    program = [sys.executable, "-c", "from inference_providers.cli.ask import main; main()", "hi"]
    process = subprocess.Popen(program, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(5) == b"first"
    go_on.set()
    assert process.stdout.read() == b" second\n"
    assert process.wait() == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "message"),
    [
        (("ask-ai",), {}, 2, "Give a question"),
        (("ask-ai", "hi"), {}, 3, "No API key and no model server was found."),
        (
            ("ask-ai", "-m", "nonsense-model-xyz", "hi"),
            {},
            4,
            "No provider in the registry serves 'nonsense-model-xyz'",
        ),
        (("ask-ai", "-m", "gpt-4", "hi"), {}, 3, "OPENAI_API_KEY"),
        (
            ("ask-ai", "hi"),
            {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
            1,
            "connection refused",
        ),
        (("inference-providers", "resolve", "nonsense-model-xyz"), {}, 4, "Closest names"),
        (("inference-providers", "registry", "validate", "/no/such/file"), {}, 5, "/no/such/file"),
        (("inference-providers", "registry", "build", "--from", "/no/such/file"), {}, 5, "/no/such/file"),
        (
            ("inference-providers", "registry", "update", "--url", "http://127.0.0.1:9/x.json"),
            {},
            5,
            "http://127.0.0.1:9/x.json",
        ),
        (("inference-providers", "registry", "show", "nobody"), {}, 4, "There is no provider 'nobody'"),
        (("inference-providers", "nonsense"), {}, 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_a_message_and_an_exit_code(
    cli: Any, arguments: tuple[str, ...], environ: dict[str, str], code: int, message: str
) -> None:
    done = cli(*arguments, **environ)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stderr + done.stdout


def test_a_stream_that_breaks_says_so_after_what_came(cli: Any, serve: Serve) -> None:
    def breaking(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("half an"))
        connection.reset()

    done = cli("ask-ai", "hi", **keyed(serve(breaking)))
    assert (done.returncode, done.stdout) == (1, "half an\n")
    assert "p" in done.stderr and "Traceback" not in done.stderr


def test_doctor_tells_what_was_found_skipped_and_misspelt(cli: Any, serve: Serve) -> None:
    environ = {
        **keyed(serve()),
        "GROQ_API_KEY": "your-api-key",
        "ANTHROPIC_APIKEY": CANARY,
        "GITHUB_TOKEN": CANARY,
        "ANYSCALE_API_KEY": CANARY,
    }
    done = cli("inference-providers", "doctor", **environ)
    assert done.returncode == 0
    for part in (
        "OPENAI_API_KEY               openai",
        "GITHUB_TOKEN                 github-copilot  (general-purpose",
        "GROQ_API_KEY holds a placeholder",
        "ANTHROPIC_APIKEY: did you mean ANTHROPIC_API_KEY?",
        "OPENAI_BASE_URL: openai goes to 127.0.0.1",
        "ANYSCALE_API_KEY belongs to Anyscale Endpoints; try together",
        " old): ",
        "ask_ai would use gpt-6.1-sol at openai: OPENAI_API_KEY is set.",
    ):
        assert part in done.stdout
    assert CANARY not in done.stdout
    found = json.loads(cli("inference-providers", "doctor", "--json", **environ).stdout)
    assert found["would_use"]["provider"] == "openai"
    assert CANARY not in json.dumps(found)


@pytest.mark.parametrize(
    ("environ", "used", "says"),
    [
        ({"HTTPS_PROXY": f"http://me:{CANARY}@127.0.0.1:9"}, ["HTTPS_PROXY=http://127.0.0.1:9"], ": OPENAI_API_KEY is set."),
        ({"HTTPS_PROXY": f"ftp://me:{CANARY}@127.0.0.1"}, [], ", but HTTPS_PROXY names no proxy that can be used (ftp:"),
        ({"SSL_CERT_FILE": "/no.pem"}, ["SSL_CERT_FILE=/no.pem"], ", but SSL_CERT_FILE=/no.pem names no certificates ("),
        ({"SSL_CERT_FILE": "/no.pem", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, [], ": OPENAI_API_KEY is set."),
    ],
    ids=["a proxy", "no proxy", "no certificates", "this machine"],
)  # fmt: skip
def test_doctor_tells_which_network_settings_count_and_what_is_wrong_with_them(
    cli: Any, environ: dict[str, str], used: list[str], says: str
) -> None:
    environ = {"OPENAI_API_KEY": CANARY, **environ}
    done = cli("inference-providers", "doctor", **environ)
    assert f"ask_ai would use gpt-6.1-sol at openai{says}" in done.stdout
    assert ("\nNetwork:\n" in done.stdout) == bool(used)
    assert CANARY not in done.stdout + done.stderr
    assert json.loads(cli("inference-providers", "doctor", "--json", **environ).stdout)["network"]["used"] == used


def test_models_lists_what_is_usable(cli: Any) -> None:
    usable = cli("inference-providers", "models", "gpt-4", OPENAI_API_KEY=CANARY).stdout.splitlines()
    assert any(line.startswith("gpt-4\topenai\t") for line in usable)
    everything = json.loads(cli("inference-providers", "models", "llama-3.3", "--all", "--json").stdout)
    assert "llama-3.3-70b" in [row["model"] for row in everything]
    assert "--all" in cli("inference-providers", "models", "llama-3.3").stderr


def test_providers_and_resolve_print_tables_and_json(cli: Any) -> None:
    assert cli("inference-providers", "providers", OPENAI_API_KEY=CANARY).stdout.startswith(
        "openai\tOpenAI\tOPENAI_API_KEY\t"
    )
    assert len(json.loads(cli("inference-providers", "providers", "--all", "--json").stdout)) > 165
    found = json.loads(cli("inference-providers", "resolve", "together/llama3.1-70b", "--json").stdout)
    assert (found["rule"], found["canonical_name"]) == ("engine", "llama-3.1-70b")
    assert CANARY not in cli("inference-providers", "resolve", "gpt-4", OPENAI_API_KEY=CANARY).stdout


def test_registry_show_validate_and_update(cli: Any, serve: Serve, tmp_path: Path) -> None:
    assert (
        json.loads(cli("inference-providers", "registry", "show", "togetherai").stdout)["together"]["name"]
        == "Together AI"
    )
    assert cli("inference-providers", "registry", "validate", "--strict").stdout.endswith("valid\n")
    bad = tmp_path / "bad.json"
    bad.write_text('{"providers": {"x": {}}}')
    done = cli("inference-providers", "registry", "validate", str(bad))
    assert done.returncode == 5
    assert "$.providers.x: 'connection' is a required property" in done.stderr
    from tests.test_update import NEWER, publishing

    done = cli(
        "inference-providers",
        "registry",
        "update",
        "--url",
        f"http://127.0.0.1:{serve(publishing(NEWER)).port}/r.json",
        INFERENCE_PROVIDERS_CACHE_DIR=str(tmp_path / "kept"),
    )
    assert done.stdout.startswith(f"Updated to version {NEWER['version']}"), done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(cli: Any, shell: str) -> None:
    done = cli("inference-providers", "completion", shell)
    assert done.returncode == 0
    assert "_ASK_AI_COMPLETE" in done.stdout
    assert "_INFERENCE_PROVIDERS_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    "arguments", ["completion bash", "completion fish", "--help", "batch --help", "--version", "paths", "registry show"]
)
def test_a_reader_that_has_gone_is_no_failure_of_any_command(arguments: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "inference_providers", *arguments.split()],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_model_names_are_completed(cli: Any) -> None:
    done = cli("ask-ai", _ASK_AI_COMPLETE="bash_complete", COMP_WORDS="ask-ai -m gpt-oss-1", COMP_CWORD="2")
    assert "plain,gpt-oss-120b" in done.stdout.split()


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    script = f"{sys.executable} -m inference_providers registry show | head -c 10"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout == '{\n "schema'


def test_no_colour_codes_reach_a_pipe(cli: Any, serve: Serve) -> None:
    done = cli("ask-ai", "hi", **keyed(serve(status(404, "gone"))))
    assert "\x1b[" not in done.stderr + cli("inference-providers", "doctor").stdout


@pytest.mark.parametrize("how", ["ask-ai", "no-stream", "json", "chat", "batch"])
def test_a_refused_key_is_said_in_one_line_where_another_answered(
    cli: Any, serve: Serve, tmp_path: Path, how: str
) -> None:
    refusing = serve(status(401, {"error": {"message": f"Incorrect API key provided: {CANARY}"}}))
    here = serve()
    environ = {**keyed(refusing), "OLLAMA_HOST": f"127.0.0.1:{here.port}"}
    (tmp_path / "in.jsonl").write_text('"one"\n"two"\n"three"\n')
    commands = {
        "ask-ai": ("ask-ai", "hi"),
        "no-stream": ("ask-ai", "--no-stream", "hi"),
        "json": ("ask-ai", "--json", "hi"),
        "chat": ("inference-providers", "chat"),
        "batch": ("inference-providers", "batch", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl"), "-q"),
    }
    done = cli(*commands[how], stdin="hi\nand again\n" if how == "chat" else None, **environ)
    line = "openai refused the key in OPENAI_API_KEY (HTTP 401); local answered instead"
    assert done.returncode == 0
    assert done.stderr.count("refused the key") == 1
    assert line in done.stderr.splitlines()
    assert CANARY not in done.stderr + done.stdout
    if how == "json":
        assert json.loads(done.stdout)["answer"] == "hello"
    else:
        expected = {"ask-ai": "hello\n", "no-stream": "hello\n", "chat": "hello\nhello\n", "batch": ""}
        assert done.stdout == expected[how]


def test_where_nobody_answered_the_error_says_it_alone(cli: Any, serve: Serve) -> None:
    done = cli("ask-ai", "hi", **keyed(serve(status(401, {"error": {"message": "no"}}))))
    assert done.returncode == 1
    assert "answered instead" not in done.stderr


def test_doctor_says_why_a_model_file_is_left_out(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    for path, said in (
        (tmp_path / "empty.gguf", "empty.gguf is neither a GGUF file nor a folder"),
        (tmp_path, "a Hugging Face folder has a config.json"),
        (tmp_path / "gone.gguf", "INFERENCE_PROVIDERS_LOCAL_MODEL: there is no file"),
    ):
        told = cli("inference-providers", "doctor", INFERENCE_PROVIDERS_LOCAL_MODEL=str(path)).stdout
        assert said in told
        assert "would start" not in told
