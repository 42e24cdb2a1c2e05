"""Settings and keys that are stored: which layer counts, what is believed, and who reads them."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList, SettingsError
from inference_providers.cli import serve as serving
from inference_providers.cli.completion import complete_model
from inference_providers.cli.main import main
from inference_providers.credentials import find
from inference_providers.gateway import admin_token
from inference_providers.registry import bundled
from inference_providers.settings import layered, store_key, system_keyring
from tests.servers import PATIENCE, Connection, Received, Server, answer

Serve = Callable[..., Server]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The user's own folder of settings."""
    made = tmp_path / "config" / "inference_providers"
    made.mkdir(parents=True, mode=0o700)
    return made


def write(folder: Path, config: str | None = None, keys: str | None = None) -> None:
    if config is not None:
        (folder / "config.toml").write_text(config, "utf-8")
        (folder / "config.toml").chmod(0o644)
    if keys is not None:
        (folder / "keys.toml").write_text(keys, "utf-8")
        (folder / "keys.toml").chmod(0o600)


def test_each_layer_counts_where_those_before_it_are_silent(folder: Path, tmp_path: Path) -> None:
    write(folder, 'policy = "cheapest"\n', '[keys]\nGROQ_API_KEY = "gsk-stored-1234567890"\n')
    secret = tmp_path / "secret"
    secret.write_text("gsk-filed-1234567890\n")
    base = dict(os.environ)
    own = layered(base)
    assert (own["GROQ_API_KEY"], own.source("GROQ_API_KEY")) == ("gsk-stored-1234567890", "keys file")
    assert (own["INFERENCE_PROVIDERS_POLICY"], own.source("INFERENCE_PROVIDERS_POLICY")) == ("cheapest", "settings")
    filed = layered({**base, "GROQ_API_KEY_FILE": str(secret)})
    assert (filed["GROQ_API_KEY"], filed.source("GROQ_API_KEY")) == ("gsk-filed-1234567890", "GROQ_API_KEY_FILE")
    of_process = layered({**base, "GROQ_API_KEY_FILE": str(secret), "GROQ_API_KEY": "gsk-set-1234567890"})
    assert (of_process["GROQ_API_KEY"], of_process.source("GROQ_API_KEY")) == ("gsk-set-1234567890", "environment")
    assert layered({**base, "INFERENCE_PROVIDERS_POLICY": ""})["INFERENCE_PROVIDERS_POLICY"] == ""
    assert "gsk-" not in repr(own) + repr(own.stored) + repr(vars(own.stored)) + repr(filed.filed("GROQ_API_KEY"))


def test_what_is_taken_out_stays_out(folder: Path) -> None:
    write(folder, keys='[keys]\nGROQ_API_KEY = "gsk-stored-1234567890"\nOPENAI_API_KEY = "sk-stored-1234567890"\n')
    made = layered(dict(os.environ)).changed(["GROQ_API_KEY"], {}).changed(["OPENAI_API_KEY"], {"OPENAI_API_KEY": "sk"})
    assert "GROQ_API_KEY" not in made
    assert (made.get("GROQ_API_KEY"), made["OPENAI_API_KEY"]) == (None, "sk")


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_list_reads_what_is_stored_only_where_it_is_told_to(folder: Path, kind: type) -> None:
    write(
        folder,
        'model = "groq/openai/gpt-oss-20b"\n[aliases]\nwork = "gpt-oss-120b"\n',
        '[keys]\nGROQ_API_KEY = "gsk-stored-1234567890"\n',
    )
    with pytest.raises(NoCredentialsError):
        kind(local=False).candidates("gpt-oss-120b")
    with pytest.raises(NoCredentialsError, match=r"Keys are kept in .*: ProviderList\(settings=True\) goes by them"):
        kind(local=False).candidates("auto")
    told = kind(local=False, settings=True)
    assert [offer.provider for offer in told.candidates("work")] == ["groq"]
    assert told.explain().chosen.internal_name == "openai/gpt-oss-20b"
    assert (
        kind(local=False, settings=True, aliases={"work": "gpt-oss-20b"}).candidates("work")[0].canonical_name
        == "gpt-oss-20b"
    )


def test_a_model_by_default_is_asked_where_none_is_named(serve: Serve) -> None:
    server = serve()
    environ = {"OPENAI_API_KEY": "sk-right-1234567890", "OPENAI_BASE_URL": server.url}
    providers = ProviderList(
        environ={**environ, "INFERENCE_PROVIDERS_MODEL": "nosuch/none, openai/gpt-4o-mini"}, local=False
    )
    assert providers.ask_ai("hi").model == "gpt-4o-mini"
    assert providers.ask_ai("hi", "openai/gpt-4o").model == "gpt-4o"
    assert providers.connect_to_ai(test=False)[1] == "gpt-4o-mini"
    with providers.stream("hi") as stream:
        assert "".join(stream) == "hello"
    assert stream.answer.model == "gpt-4o-mini"
    assert [result.answer.model for result in providers.batch(["hi"])] == ["gpt-4o-mini"]
    assert providers.estimate("hi").model == "gpt-4o-mini"
    assert providers.explain().chosen.internal_name == "gpt-4o-mini"  # type: ignore[union-attr]
    assert "by default)" in str(providers.explain()).splitlines()[0]
    assert "by default)" not in str(providers.explain("gpt-4o")).splitlines()[0]
    with pytest.raises(NoCredentialsError, match="It is asked by default: INFERENCE_PROVIDERS_MODEL says that"):
        ProviderList(environ={**environ, "INFERENCE_PROVIDERS_MODEL": "groq/gpt-oss-20b"}, local=False).ask_ai("hi")


KEY = "gsk-stored-1234567890"
BACKEND = """
import time
from keyring.backend import KeyringBackend

class Kept(KeyringBackend):
    priority = 5
    kept = {}
    def get_password(self, service, username): return self.kept.get((service, username))
    def set_password(self, service, username, password): self.kept[service, username] = password
    def delete_password(self, service, username): del self.kept[service, username]
"""


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A keyring as a system has it."""
    import keyring

    names: dict[str, object] = {}
    exec(BACKEND, names)
    kind: Any = names["Kept"]
    before = keyring.get_keyring()
    keyring.set_keyring(made := kind())
    monkeypatch.setattr(system_keyring, "_failed", None)
    yield made
    keyring.set_keyring(before)


def run(*words: str, typed: str = "") -> Result:
    """What a command does that gets this on standard input."""
    return CliRunner().invoke(main, list(words), input=typed)


def listing(connection: Connection, request: Received) -> None:
    """A provider's list of models, for the right key alone."""
    if request.path.endswith("/models") and request.key != KEY:
        connection.reply(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
    elif request.path.endswith("/models"):
        connection.reply(200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})
    else:
        answer(connection, request)


@pytest.fixture
def openai(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Who is OpenAI in these tests."""
    server = serve(listing)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return server


def test_a_key_is_checked_and_kept_in_the_keyring(folder: Path, system: Any, openai: Server) -> None:
    done = run("keys", "set", "openai", typed=f"{KEY}\n")
    assert done.exit_code == 0, done.output
    assert "openai: works" in done.output
    assert "Stored OPENAI_API_KEY in the keyring" in done.output
    assert KEY not in done.output
    assert system.kept == {("inference_providers", "OPENAI_API_KEY"): KEY}
    assert KEY not in (folder / "keys.toml").read_text()
    assert [request.path for request in openai.requests if request.path.endswith("completions")] == []
    assert ProviderList(settings=True, local=False).ask_ai("hi", "gpt-4o") == "hello"
    assert openai.requests[-1].key == KEY
    assert "OPENAI_API_KEY\tkeyring" in run("keys", "list").output
    assert "OPENAI_API_KEY (keyring)" in run("keys", "remove", "openai").output
    assert (system.kept, run("keys", "remove", "openai").exit_code) == ({}, 1)


def test_a_key_goes_into_a_file_that_is_the_users_alone(folder: Path, system: Any, openai: Server) -> None:
    os.umask(before := os.umask(0))
    done = run("keys", "set", "openai", "--file", typed=f"OPENAI_API_KEY={KEY}\n")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE((folder / "keys.toml").stat().st_mode) == 0o600
    assert (system.kept, KEY in done.output) == ({}, False)
    assert ProviderList(settings=True, local=False).ask_ai("hi", "gpt-4o") == "hello"
    run("keys", "set", "openai", typed=f"{KEY}\n")  # from the file into the keyring
    assert (KEY in (folder / "keys.toml").read_text(), len(system.kept)) == (False, 1)
    run("keys", "set", "openai", "--file", "--no-check", typed=f"{KEY}\n")  # and back
    assert (KEY in (folder / "keys.toml").read_text(), system.kept) == (True, {})
    assert os.umask(before) == before


def test_a_key_that_is_refused_is_not_kept(folder: Path, openai: Server) -> None:
    wrong = "sk-wrong-1234567890"
    done = run("keys", "set", "openai", "--file", typed=wrong)
    assert done.exit_code == 1
    assert "is refused (HTTP 401)" in done.output
    assert wrong not in done.output
    assert not (folder / "keys.toml").exists()
    assert run("keys", "set", "openai", "--file", "--yes", typed=wrong).exit_code == 0
    asked = len(openai.requests)
    assert run("keys", "set", "openai", "--file", "--no-check", typed=wrong).exit_code == 0
    assert len(openai.requests) == asked


@pytest.mark.parametrize(
    "typed",
    [
        f"  {KEY} \n",
        f'"{KEY}"',
        f"\u201c{KEY}\u201d",
        f"`{KEY}`,",
        f"GROQ_API_KEY={KEY}",
        f"export GROQ_API_KEY='{KEY}'",
        f'GROQ_API_KEY: "{KEY}"',
        f'"GROQ_API_KEY": "{KEY}",',
        f'setx GROQ_API_KEY "{KEY}"',
        f'$env:GROQ_API_KEY = "{KEY}";',
        f"Bearer {KEY}",
        f"Authorization: Bearer {KEY}",
        f"\x1b[200~{KEY}\x1b[201~",
    ],
)
def test_what_is_copied_along_with_a_key_is_left_out(folder: Path, typed: str) -> None:
    assert run("keys", "set", "groq", "--file", "--no-check", typed=typed).exit_code == 0
    assert ProviderList(settings=True, local=False).pipeline.finder.environ["GROQ_API_KEY"] == KEY


@pytest.mark.parametrize(
    "typed", ["", "your-api-key", "gsk with blanks", "x" * 20_000, "sk-...", "https://console.groq.com/keys", "''"]
)
def test_what_is_no_key_is_not_kept(folder: Path, typed: str) -> None:
    done = run("keys", "set", "groq", "--file", typed=typed)
    assert (done.exit_code, list(folder.iterdir())) == (1, [])
    assert done.output.startswith("Error: Not stored")


@pytest.mark.parametrize("words", [("groq", KEY), (f"GROQ_API_KEY={KEY}",), (KEY,)])
def test_a_key_on_the_command_line_is_not_shown_again(folder: Path, words: tuple[str, ...]) -> None:
    done = run("keys", "set", *words)
    assert done.exit_code in (2, 4)
    assert KEY not in done.output
    assert KEY[:12] not in done.output


def test_a_cloud_is_asked_for_what_its_address_needs(folder: Path) -> None:
    assert run("keys", "set", "AZURE_RESOURCE_NAME", typed="my-own\n").exit_code == 0
    done = run("keys", "set", "azure", "--file", "--no-check", typed=f"{KEY}\n")
    assert done.exit_code == 0, done.output
    access = ProviderList(settings=True, local=False).pipeline.finder.accesses["azure"]
    assert (access.reason, access.endpoint) == ("", "https://my-own.openai.azure.com/openai/v1")
    assert run("keys", "remove", "azure").output.count("Removed") == 2


def test_what_a_server_is_given_is_not_shown_when_it_is_set(folder: Path) -> None:
    done = run("config", "set", "mcp.shelf.headers.Authorization", f"Bearer {KEY}")
    assert (done.exit_code, done.output) == (0, "mcp.shelf.headers.Authorization is set.\n")
    assert KEY in (folder / "config.toml").read_text()
    assert KEY not in run("config").output + run("config", "--json").output + run("doctor").output


def test_a_value_that_nests_too_deep_is_a_text(folder: Path) -> None:
    assert run("config", "set", "mcp.files.args", "[" * 5000).exit_code == 0
    assert run("config", "get", "mcp.files.args").output == "[" * 5000 + "\n"


def test_a_key_in_the_place_of_its_variable_is_not_shown(folder: Path) -> None:
    write(folder, keys=f'[keys]\n"{KEY}" = "OPENAI_API_KEY"\nHTTPS_PROXY = "http://evil.example"\n')
    problems = "\n".join(layered(dict(os.environ)).stored.problems)
    assert "one name is not a key of a provider" in problems
    assert "HTTPS_PROXY is not a key" in problems
    assert KEY not in problems + run("doctor").output


@pytest.mark.parametrize(
    "line", ['models = "models.json"', 'models = ["/x", "./models.json"]', 'local_model = "m.gguf"']
)
def test_no_path_in_a_file_of_settings_begins_where_one_stands(folder: Path, line: str) -> None:
    write(folder, line + "\n")
    with pytest.raises(SettingsError, match="must be a whole path"):
        ProviderList(settings=True, local=False)
    write(folder, 'models = "~/models.json"\n')
    assert layered(dict(os.environ))["INFERENCE_PROVIDERS_MODELS"] == "~/models.json"


def test_no_file_moves_a_key_or_says_what_is_the_systems(folder: Path) -> None:
    done = run("keys", "set", "OPENAI_BASE_URL", typed="https://evil.example/v1")
    assert (done.exit_code, "set it in the environment" in done.output) == (2, True)
    write(
        folder,
        keys=f'[keys]\nOPENAI_API_KEY = "{KEY}"\nOPENAI_BASE_URL = "https://evil.example/v1"\nHTTPS_PROXY = "http://evil.example"\nPATH = "/evil"\n',
    )
    environ = layered(dict(os.environ))
    assert {name: environ.get(name) for name in ("OPENAI_BASE_URL", "HTTPS_PROXY")} == {
        "OPENAI_BASE_URL": None,
        "HTTPS_PROXY": None,
    }
    assert "/evil" not in environ["PATH"]
    assert len(environ.stored.problems) == 3
    assert (
        ProviderList(environ=environ, local=False).pipeline.finder.accesses["openai"].endpoint
        == "https://api.openai.com/v1"
    )
    assert KEY not in dict(environ).values()  # no copy of the environment has it, as those of other programs
    assert KEY not in [value for _, value in environ.items()]


def test_files_that_others_can_read_or_write_are_told_and_not_used(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, 'model = "gpt-4o"\n', f'[keys]\nOPENAI_API_KEY = "{KEY}"\n')
    (folder / "keys.toml").chmod(0o644)
    environ = layered(dict(os.environ))
    assert ("OPENAI_API_KEY" in environ, environ["INFERENCE_PROVIDERS_MODEL"]) == (False, "gpt-4o")
    assert "can be read by everybody" in environ.stored.problems[0]
    assert "chmod 600" in environ.stored.problems[0]
    done = run("keys", "set", "openai", "--file", "--no-check", typed=KEY)
    assert (done.exit_code, "is not changed" in done.output) == (2, True)
    folder.chmod(0o777)
    environ = layered(dict(os.environ))
    assert "INFERENCE_PROVIDERS_MODEL" not in environ
    assert "chmod go-w" in environ.stored.problems[0]
    assert "is not written" in run("config", "set", "policy", "cheapest").output
    folder.chmod(0o700)
    (folder / "config.toml").unlink()
    os.mkfifo(folder / "config.toml")
    assert "it is a pipe" in layered(dict(os.environ)).stored.problems[-1]


@pytest.mark.parametrize("how", ["raises", "hangs", "has it no more", "has a placeholder"])
def test_a_keyring_that_gives_no_key_is_told_and_others_are_asked(
    folder: Path, system: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, never = serve(), threading.Event()
    monkeypatch.setattr(system_keyring, "LIMIT", 0.2)
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    write(folder, keys='[keyring]\nOPENAI_API_KEY = "stored 1"\n')
    loads = []

    def get_password(service: str, username: str) -> str | None:
        loads.append(username)
        if how == "raises":
            raise RuntimeError(f"the daemon said {KEY}")
        if how == "hangs":
            never.wait()
        return "your-api-key" if how == "has a placeholder" else None

    monkeypatch.setattr(system, "get_password", get_password)
    providers = ProviderList(settings=True, local=False)
    answered = providers.ask_ai("hi", ["openai/gpt-4o", "groq/openai/gpt-oss-20b"])
    assert [attempt.provider for attempt in answered.attempts] == ["openai", "groq"]
    assert "OPENAI_API_KEY" in answered.attempts[0].outcome
    assert "keyring" in answered.attempts[0].outcome
    assert KEY not in answered.attempts[0].outcome
    providers.ask_ai("hi", ["openai/gpt-4o", "groq/openai/gpt-oss-20b"])
    assert loads == ["OPENAI_API_KEY"] * (1 if how in ("raises", "hangs") else len(loads))  # it is left alone a while
    assert providers.candidates("openai/gpt-4o")[0].api_key is None
    never.set()


ASKED = """
import sys
from inference_providers import ProviderList
providers = ProviderList(settings=True, local=False)
assert {offer.provider for offer in providers.candidates('gpt-oss-20b')} >= {'groq', 'openrouter'}, providers.explain('gpt-oss-20b')
assert providers.ask_ai('hi', 'groq/openai/gpt-oss-20b') == 'hello'
assert providers.ask_ai('hi', ['gpt-oss-20b']) == 'hello'
providers.explain(), str(providers.candidates('gpt-oss-20b')), providers.pipeline.finder.guidance.unused()
assert 'keyring' not in sys.modules
assert [offer for offer in providers.candidates('gpt-oss-20b') if offer.provider == 'openrouter'][0].api_key == 'sk-or-kept-1234567890'
assert 'keyring' in sys.modules
"""


def test_the_keyring_is_not_loaded_for_an_answer_by_another_key(folder: Path, tmp_path: Path, serve: Serve) -> None:
    write(folder, keys='[keyring]\nOPENROUTER_API_KEY = "stored 1"\n')
    (tmp_path / "kept.py").write_text(
        BACKEND.replace("kept = {}", 'kept = {("inference_providers", "OPENROUTER_API_KEY"): "sk-or-kept-1234567890"}')
    )
    environ = {
        **os.environ, "GROQ_API_KEY": KEY, "GROQ_BASE_URL": serve().url, "PYTHON_KEYRING_BACKEND": "kept.Kept",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", ASKED], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not text"),
        (b"k" * 20_000, "is larger than 16 KiB"),
        (b"your-api-key\n", "holds a placeholder"),
    ],
)
def test_a_file_with_a_key_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environ = {"GROQ_API_KEY_FILE": str(file), "HOME": str(tmp_path)}
    with pytest.raises(NoCredentialsError) as caught:
        ProviderList(environ=environ, local=False).ask_ai("hi")
    assert "GROQ_API_KEY" in str(caught.value)
    assert says in str(caught.value)
    assert "kkkk" not in str(caught.value)
    credential, why = find(bundled().providers["groq"], environ)
    assert (credential, says in why) == (None, True)


def test_a_key_in_place_of_the_path_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(NoCredentialsError) as caught:
        ProviderList(environ={"GROQ_API_KEY_FILE": KEY, "HOME": str(tmp_path)}, local=False).ask_ai("hi")
    assert "GROQ_API_KEY_FILE names a file that is not there" in str(caught.value)
    assert KEY not in str(caught.value)


def test_every_key_variable_may_have_a_file() -> None:
    paths = {"GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_CREDENTIALS"}  # which name files already
    for name in {name for row in bundled().providers.values() for name in row.key_variables} - paths:
        environ = layered({f"{name}_FILE": "/dev/null"})
        assert environ.problem(name), name


def test_settings_are_set_shown_and_unset(folder: Path) -> None:
    (folder / "config.toml").write_text("# mine\npolicy = 'fastest' # and why\n")
    for words in (
        ("model", "gpt-4o", "claude-sonnet-4.5"),
        ("aliases.fast.one", "gpt-4o-mini"),
        ("budget", "per_day=5,per_call=0.1"),
        ("budget.per_month", "50"),
        ("embedding_model", "text-embedding-3-small"),
        ("offline", "false"),
        ("avoid", "CN,local"),
        ("mcp.files.args", '["-m", "server"]'),
    ):
        done = run("config", "set", *words)
        assert done.exit_code == 0, done.output
    text = (folder / "config.toml").read_text()
    assert text.startswith("# mine\npolicy = 'fastest' # and why\n")
    environ = layered(dict(os.environ))
    assert environ["INFERENCE_PROVIDERS_MODEL"] == "gpt-4o,claude-sonnet-4.5"
    assert environ.section("aliases") == {"fast.one": "gpt-4o-mini"}
    assert environ.section("mcp") == {"files": {"args": ["-m", "server"]}}
    pipeline = ProviderList(settings=True, local=False).pipeline
    assert pipeline.preferences is not None
    budget = pipeline.preferences.budget
    assert budget is not None
    assert (pipeline.preferences.strategy, budget.per_day, budget.per_call, budget.per_month) == ("fastest", 5, 0.1, 50)
    context = click.Context(main)
    assert "fast.one" in [item.value for item in complete_model(context, main.params[0], "fa")]
    assert run("config", "get", "model").output == "gpt-4o,claude-sonnet-4.5\n"
    assert run("config", "get", "aliases.fast.one").output == "gpt-4o-mini\n"
    shown = run("config").output
    assert "model\tgpt-4o,claude-sonnet-4.5\tsettings" in shown
    assert run("config", "unset", "mcp.files.args").exit_code == 0
    assert "mcp" not in (folder / "config.toml").read_text()
    assert run("config", "unset", "mcp.files.args").exit_code == 1
    assert run("config", "path").output == f"{folder / 'config.toml'}\n"


def test_a_key_in_the_file_of_settings_is_told_where_to_go(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(f'OPENAI_API_KEY = "{KEY}"\nPolicy = "cheapest"\n')
    told = layered(dict(os.environ)).stored.problems
    assert told[0].endswith(": a key is not a setting: `inference-providers keys set OPENAI_API_KEY` keeps one")
    assert told[1].endswith(": there is no setting 'Policy' (did you mean 'policy'?)")
    assert KEY not in str(told)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("modle", "gpt-4o"), 2, "did you mean 'model'"),
        (("model", ""), 2, "`inference-providers config unset model` takes it out."),
        (("model", " ", ","), 2, "`inference-providers config unset model` takes it out."),
        (("budget.per_day", "-3"), 2, "per_day"),
        (("model", "gemma-33"), 4, "gemma-3"),
        (("embedding_model", "gpt-4o"), 2, "--kind embeddings"),
        (("policy", "cheap"), 2, "cheapest"),
        (("avoid", "nosuchplace"), 2, "nosuchplace"),
        (("offline", "perhaps"), 2, "true or false"),
        (("budget", "5"), 2, "budget.per_day"),
        (("budget.per_week", "5"), 2, "per_month"),
        (("local_model", "here.gguf"), 2, "whole path"),
        (("OPENAI_API_KEY", KEY), 2, "keys set"),
        (("aliases.fast", "nosuchmodel-xyz"), 4, "nosuchmodel-xyz"),
    ],
)
def test_a_setting_that_is_wrong_is_not_written(folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    done = run("config", "set", *words)
    assert (done.exit_code, says in done.output) == (code, True), done.output
    assert KEY not in done.output
    assert not (folder / "config.toml").exists()


def test_a_file_with_a_mistake_stops_whoever_asks_and_nobody_who_mends_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (folder / "config.toml").write_text('model = "gpt-4o"\npolicy = cheapest\n')
    with pytest.raises(SettingsError, match=r"config.toml cannot be read: .*line 2") as caught:
        ProviderList(settings=True)
    assert "config edit" in str(caught.value)
    for words in (("doctor",), ("config",), ("paths",), ("keys", "list")):
        assert run(*words).exit_code == 0, words
    assert "line 2" in run("config", "set", "log", "off").output
    editor = tmp_path / "editor"
    editor.write_text(f"#!{sys.executable}\nimport sys\nopen(sys.argv[1], 'a').write('# seen')\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    done = run("config", "edit")
    assert (done.exit_code, "line 2" in done.output) == (2, True)
    assert (folder / "config.toml").read_text().endswith("# seen")
    (folder / "config.toml").write_text("model = 7\n")
    with pytest.raises(SettingsError, match="model must be text"):
        ProviderList(settings=True)


@pytest.mark.parametrize(
    "content",
    [
        f'[keys]\nOTHER_API_KEY = "{KEY}\n',
        f'[keys]\nA_API_KEY = "{KEY}"\nA_API_KEY = "{KEY}"\n',
        f"[{KEY}]\n[{KEY}]\n",
        f"[keys.{KEY}]\n[keys.{KEY}]\n",
        f'a = {{"{KEY}" = 1, "{KEY}" = 2}}\n',
        f'"{KEY}" = {{a = 1}}\n["{KEY}".b]\n',
        f'[keys]\nOTHER_API_KEY = "{KEY}"\n'.encode() + b"# \xff\n",
        KEY,
    ],
    ids=range(8),
)
def test_a_file_of_keys_with_a_mistake_shows_none_of_them(folder: Path, content: str | bytes) -> None:
    write(folder, keys="")
    (folder / "keys.toml").write_bytes(content.encode() if isinstance(content, str) else content)
    for ask in (
        lambda: ProviderList(settings=True),
        lambda: store_key(dict(os.environ), "GROQ_API_KEY", "gsk-new-1234567890", in_keyring=False),
    ):
        with pytest.raises(SettingsError, match=r"keys\.toml cannot be read") as caught:
            ask()
        assert KEY not in shown_with_variables(caught.value)


def test_a_key_that_cannot_be_stored_shows_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource
    import signal

    write(folder, keys=f'[keys]\nOTHER_API_KEY = "{KEY}"\n')
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(system_keyring.KeyringError) as caught:
        store_key(dict(os.environ), "GROQ_API_KEY", "gsk-new-1234567890", in_keyring=True)
    assert KEY not in shown_with_variables(caught.value)
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))  # a disk that is full
    try:
        with pytest.raises(OSError, match="large") as full:
            store_key(dict(os.environ), "GROQ_API_KEY", "gsk-new-1234567890", in_keyring=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert KEY not in shown_with_variables(full.value)
    assert sorted(path.name for path in folder.iterdir()) == [".settings.lock", "keys.toml"]
    assert (folder / "keys.toml").read_text() == f'[keys]\nOTHER_API_KEY = "{KEY}"\n'


def shown_with_variables(error: BaseException) -> str:
    """Its traceback with local variables, but for those of the test itself."""
    frames = error.__traceback__ and error.__traceback__.tb_next
    return "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())


def test_settings_that_are_too_long_are_told_and_left_as_they_are(folder: Path) -> None:
    written = 'model = "gpt-4o"\n' + "#\n" * 600_000 + '[aliases]\nfast = "gpt-4o-mini"\n'
    write(folder, written)
    done = run("config", "set", "policy", "cheapest")
    assert (done.exit_code != 0, "larger than 1024 KiB" in done.output) == (True, True), done.output
    assert (folder / "config.toml").read_text() == written
    assert "larger than 1024 KiB" in layered(dict(os.environ), strict=False).stored.problems[0]


def test_settings_of_the_folder_that_one_is_in_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("config.toml", "keys.toml", "inference_providers/config.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('model = "gpt-4o"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", ".")  # a relative path counts as none
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert layered(dict(os.environ)).stored.settings == {}


def test_what_is_changed_meanwhile_counts_for_a_list_that_runs(folder: Path, openai: Server) -> None:
    providers = ProviderList(settings=True, local=False)
    with pytest.raises(NoCredentialsError):
        providers.candidates("openai/gpt-4o")
    run("keys", "set", "openai", "--file", "--no-check", typed=KEY)
    assert providers.ask_ai("hi", "openai/gpt-4o") == "hello"


def test_who_writes_at_the_same_time_loses_nothing(folder: Path) -> None:
    (folder / "keys.toml").write_text("# mine\n")
    (folder / "keys.toml").chmod(0o600)
    names = [f"MINE_{number}_API_KEY" for number in range(12)]

    def store(name: str) -> None:
        store_key(layered(dict(os.environ)), name, KEY, in_keyring=False)

    threads = [threading.Thread(target=store, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    environ = layered(dict(os.environ))
    assert {name: environ.get(name) for name in names} == dict.fromkeys(names, KEY)
    assert (folder / "keys.toml").read_text().startswith("# mine\n")
    assert sorted(path.name for path in folder.iterdir()) == [".settings.lock", "keys.toml"]


def test_a_keyring_that_fails_keeps_nothing_and_the_way_out_is_told(
    folder: Path, system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: str) -> None:
        raise RuntimeError(KEY)

    monkeypatch.setattr(system, "set_password", fails)
    done = run("keys", "set", "groq", "--no-check", typed=KEY)
    assert (done.exit_code, KEY in done.output, (folder / "keys.toml").exists()) == (1, False, False)
    assert "The keyring cannot be used now (RuntimeError)" in done.output
    assert "--file" in done.output


def test_keys_are_purged_where_they_are_named_from_the_keyring_too(folder: Path, system: Any) -> None:
    run("keys", "set", "groq", "--no-check", typed=KEY)
    run("config", "set", "policy", "cheapest")
    run("purge", "--all", "--yes")
    assert len(system.kept) == 1
    assert run("purge", "keys", "--yes").exit_code == 0
    assert ((folder / "keys.toml").exists(), (folder / "config.toml").exists(), system.kept) == (False, True, {})


def test_doctor_says_where_each_is_from(
    folder: Path, system: Any, openai: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        folder,
        'model = "gpt-4o"\nmodle = "x"\n',
        f'[keys]\nGROQ_API_KEY = "{KEY}"\n[keyring]\nOPENAI_API_KEY = "stored 1"\n',
    )
    system.kept["inference_providers", "OPENAI_API_KEY"] = KEY
    (tmp_path / "secret").write_text(KEY)
    monkeypatch.setenv("MISTRAL_API_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("XAI_API_KEY_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("COHERE_API_KEY", KEY)
    monkeypatch.setattr(system, "get_password", None)  # nobody asks for a key to be shown
    done = run("doctor")
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.output.splitlines() if line.strip()}
    assert lines["GROQ_API_KEY"].endswith("groq  (keys file)")
    assert lines["OPENAI_API_KEY"].endswith("openai  (keyring)")
    assert lines["MISTRAL_API_KEY"].endswith("mistral  (MISTRAL_API_KEY_FILE)")
    assert lines["COHERE_API_KEY"].endswith(" cohere")
    assert "XAI_API_KEY_FILE names" in done.output
    assert "model = gpt-4o  (settings)" in done.output
    assert "did you mean 'model'?" in done.output
    assert "programs with settings=True." in done.output
    assert "ask_ai would use gpt-4o at openai: its key is in the keyring, as OPENAI_API_KEY." in done.output


def test_a_stored_key_that_is_refused_is_told_with_how_to_replace_it(folder: Path, openai: Server) -> None:
    write(folder, keys='[keys]\nOPENAI_API_KEY = "sk-wrong-1234567890"\n')
    done = run("doctor", "--check")
    assert "`inference-providers keys set openai` replaces it" in " ".join(done.output.split())


def test_the_last_word_on_the_log_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERENCE_PROVIDERS_LOG")
    run("config", "set", "log", "text")
    assert layered(dict(os.environ))["INFERENCE_PROVIDERS_LOG"] == "text"
    assert run("logs", "off").exit_code == 0
    assert "INFERENCE_PROVIDERS_LOG" not in layered(dict(os.environ))


def test_the_gateways_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-more-than-sixteen\n")
    environ = {"HOME": str(tmp_path), "INFERENCE_PROVIDERS_TOKEN_FILE": str(tmp_path / "token")}
    assert admin_token(environ) == "a-token-of-more-than-sixteen"
    (tmp_path / "token").unlink()
    with pytest.raises(ValueError, match=r"INFERENCE_PROVIDERS_TOKEN_FILE names .* No such file"):
        admin_token(environ)


def test_only_keys_that_were_loaded_are_left_out_of_texts(folder: Path, system: Any) -> None:
    """None other was sent; and loading all would ask the keyring for what nobody needs."""
    write(folder, keys='[keyring]\nOPENAI_API_KEY = "stored 1"\n')
    system.kept["inference_providers", "OPENAI_API_KEY"] = KEY
    pipeline = ProviderList(settings=True, local=False).pipeline
    assert (pipeline.secrets(), len(pipeline.late_keys())) == ([], 1)
    assert pipeline.finder.candidates("openai/gpt-4o")[0].api_key == KEY
    assert (pipeline.secrets(), pipeline.late_keys()) == ([KEY], [])


def test_many_tasks_that_need_a_key_have_it_loaded_once(
    folder: Path, system: Any, openai: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, keys='[keyring]\nOPENAI_API_KEY = "stored 1"\n')
    loads, all_wait = [], threading.Barrier(2)

    def get_password(service: str, username: str) -> str:
        loads.append(threading.current_thread().name)
        all_wait.wait(PATIENCE)
        return KEY

    monkeypatch.setattr(system, "get_password", get_password)

    async def asked() -> list[str]:
        providers = AsyncProviderList(settings=True, local=False)
        tasks = [asyncio.create_task(providers.ask_ai("hi", "openai/gpt-4o")) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.to_thread(all_wait.wait, PATIENCE)
        return [str(answered) for answered in await asyncio.gather(*tasks)]

    assert asyncio.run(asked()) == ["hello"] * 5
    assert loads == ["keyring"]
    assert {request.key for request in openai.requests} == {KEY}


def test_a_gateway_goes_by_what_is_kept_and_reads_it_again(folder: Path, tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("INFERENCE_PROVIDERS_POLICY=fastest\n")
    env_file.chmod(0o600)
    write(folder, 'policy = "cheapest"\n[aliases]\nwork = "gpt-oss-20b"\n')
    source = serving._Source(None, str(env_file), True, is_shared=False)
    assert source.environ()["INFERENCE_PROVIDERS_POLICY"] == "fastest"
    write(folder, keys=f'[keys]\nGROQ_API_KEY = "{KEY}"\n')
    served = source.providers(source.environ())
    assert [offer.provider for offer in served.candidates("work")] == ["groq"]
    (folder / "config.toml").write_text("policy = 7\n")
    with pytest.raises(SettingsError, match="policy must be text"):
        source.environ()
