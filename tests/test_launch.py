"""Servers that are launched: real llama.cpp servers on a real (tiny, untrained) model, and engines that misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import urllib3

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    LocalServerError,
    ProviderList,
    UnknownModelError,
)
from inference_providers.files import locks
from inference_providers.registry.registry import bundled
from inference_providers.servers import launch, model_lists, stopping
from inference_providers.servers.engines import environment
from inference_providers.servers.launchables import Launchables
from inference_providers.servers.state import running, servers_folder
from inference_providers.testing import tiny_model
from tests.conftest import places
from tests.servers import PATIENCE, Server, refused_port

SLOW_ENGINE = Path(__file__).with_name("slow_engine.py")
Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model.write(str(tmp_path_factory.mktemp("models") / "tiny.gguf"))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the person's own is found, and after each test every server ends by itself or is ended."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(model_lists, "_listed", None)
    yield
    for folder, _ in list(running(os.environ)):
        assert stopping.stop(folder)


def a_list(**options: Any) -> ProviderList:
    """A list whose environment has no keys, and that looks at no other local port than its own servers'."""
    environ = {**places(), **options.pop("environ", {})}
    return ProviderList(**{"environ": environ, "json_override": nobody_else(), **options})


def nobody_else() -> dict[str, Any]:
    rows = {}
    for pid, provider in bundled().providers.items():
        if provider.local is not None:
            connection = {**provider.connection, "endpoint": f"http://127.0.0.1:{PORT}/v1"}
            rows[pid] = {**provider.data, "connection": connection}
    return {"providers": rows}


PORT = refused_port()


def slow(name: str = "slow", *options: str, **more: Any) -> dict[str, Any]:
    """A model that a program brings with a command of its own."""
    command = [sys.executable, "-P", str(SLOW_ENGINE), "{port}", *options]
    return {"name": name, "command": command, "key_variable": "ENGINE_KEY", **more}


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but is not yet collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def states() -> list[dict[str, Any]]:
    return [state for _, state in running(os.environ)]


def engines() -> list[int]:
    return [state["engine"] for state in states()]


# What it is for


def test_a_tiny_model_is_written_in_seconds_and_the_same_each_time(model: str, tmp_path: Path) -> None:
    assert 400_000 < os.path.getsize(model) < 700_000
    assert Path(tiny_model.write(str(tmp_path / "again.gguf"))).read_bytes() == Path(model).read_bytes()


def test_ask_ai_with_an_empty_environment_is_answered_by_a_launched_server(model: str) -> None:
    environ = {"INFERENCE_PROVIDERS_LOCAL_MODEL": model}
    providers = a_list(environ=environ)
    assert providers.ask_ai("Come here often?", max_tokens=8)
    connection = providers.connect_to_ai()
    assert (connection.provider, connection.name) == ("llama.cpp", "tiny")
    client, name = connection
    assert providers.get_response(client, name, "hi", max_tokens=8)
    client.close()
    assert "".join(providers.stream("hi", max_tokens=8))

    async def asked() -> str:
        return str(
            await AsyncProviderList(environ={**places(), **environ}, json_override=nobody_else()).ask_ai(
                "hi", max_tokens=8
            )
        )

    assert asyncio.run(asked())
    assert len(engines()) == 1


@pytest.mark.parametrize("form", ["llama.cpp/{}", "llama_cpp/{}", "{}", "{}:local", "llama.cpp:{}"])
def test_a_path_is_a_model(model: str, form: str) -> None:
    answer = a_list().ask_ai("hi", form.format(model), max_tokens=2)
    assert (answer.provider, answer.model) == ("llama.cpp", "tiny")


def test_paths_may_be_relative_or_begin_at_home(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tiny.gguf").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    providers = a_list()
    for name in ("llama.cpp/own/tiny.gguf", "./own/tiny.gguf", "own/tiny.gguf", "llama.cpp/~/own/tiny.gguf"):
        assert providers.connect_to_model(name).name == "tiny"
    assert len(engines()) == 1


def test_every_way_of_asking_starts_what_it_needs(model: str) -> None:
    name = f"llama.cpp/{model}"

    async def all_of_asyncio() -> list[Any]:
        providers = AsyncProviderList(environ=places(), json_override=nobody_else())
        answers: list[Any] = [await providers.ask_ai("hi", name, max_tokens=2)]
        answers.append("".join([piece async for piece in providers.stream("hi", name, max_tokens=2)]))
        connection = await providers.connect_to_model(name, test=True)
        reply = await connection.client.chat.completions.create(
            model=connection.name, messages=[{"role": "user", "content": "hi"}], max_tokens=2
        )
        answers.append(reply.choices[0].message.content)
        await connection.client.close()
        await providers.aclose()
        return answers

    assert all(asyncio.run(all_of_asyncio()))
    assert eventually(lambda: not engines())
    providers = a_list()
    assert [result.answer.provider for result in providers.batch(["a", "b"], name, max_tokens=2)] == ["llama.cpp"] * 2
    assert "".join(providers.stream("hi", name, max_tokens=2))
    client = providers.client(name)
    said = client.chat.completions.create(model="default", messages=[{"role": "user", "content": "x"}], max_tokens=2)
    assert said.choices[0].message.content
    client.close()


# Choice


@pytest.fixture
def llama(model: str, tmp_path: Path) -> str:
    """A file called like a model that providers serve as well, where llama.cpp keeps files."""
    path = tmp_path / ".cache" / "llama.cpp" / "Llama-3.1-8B-Instruct-Q4_K_M.gguf"
    path.parent.mkdir(parents=True)
    path.symlink_to(model)
    return str(path)


@pytest.fixture
def cloud(serve: Serve) -> dict[str, Any]:
    """A registry with one provider that serves llama-3.1-8b, beside the engines."""
    row = {
        "name": "Cloud",
        "connection": {"protocol": "openai", "endpoint": serve().url, "api_key": ["CLOUD_KEY"]},
        "model_names": {"llama-3.1-8b": "cloud-llama"},
    }
    return {"providers": {"cloud": row, **nobody_else()["providers"]}, "models": bundled().data["models"]}


def test_a_plain_name_launches_nothing_unless_asked(llama: str, cloud: dict[str, Any]) -> None:
    options = {"json_override": cloud, "environ": {**places(), "CLOUD_KEY": "k-cloud-1"}}
    assert a_list(**options).ask_ai("hi", "llama-3.1-8b").provider == "cloud"
    assert not engines()
    launching = a_list(**options, local="launch")
    assert [offer.provider for offer in launching.find_model_providers("llama-3.1-8b")] == ["llama.cpp", "cloud"]
    assert launching.ask_ai("hi", "llama-3.1-8b", max_tokens=2).provider == "llama.cpp"
    assert a_list(**options).ask_ai("hi", "llama-3.1-8b", max_tokens=2).provider == "llama.cpp", "it runs now"


@pytest.mark.parametrize("name", ["cloud/llama-3.1-8b", "llama-3.1-8b:smartest"])
def test_who_names_a_provider_or_a_policy_gets_it(llama: str, cloud: dict[str, Any], name: str) -> None:
    providers = a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"})
    assert providers.ask_ai("hi", f"llama.cpp/{llama}", max_tokens=2)
    assert providers.ask_ai("hi", name).provider == "cloud"


def test_the_cheapest_is_a_server_that_runs_and_none_that_would_have_to_be_started(
    llama: str, cloud: dict[str, Any]
) -> None:
    providers = a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"}, local="launch")
    assert providers.ask_ai("hi", "llama-3.1-8b:cheapest").provider == "cloud"
    assert not engines()
    assert providers.ask_ai("hi", f"llama.cpp/{llama}", max_tokens=2)
    assert providers.ask_ai("hi", "llama-3.1-8b:cheapest", max_tokens=2).provider == "llama.cpp"


@pytest.mark.parametrize(
    "name", ["llama.cpp/llama-3.1-8b", "llama-3.1-8b:local", "llama.cpp/Llama-3.1-8B-Instruct-Q4_K_M"]
)
def test_who_names_an_engine_never_gets_the_cloud(llama: str, cloud: dict[str, Any], name: str) -> None:
    providers = a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"})
    assert {offer.provider for offer in providers.candidates(name)} == {"llama.cpp"}
    os.unlink(llama)
    Path(llama).write_bytes(b"GGUF" + b"\0" * 64)
    with pytest.raises(AllProvidersFailedError, match=r"llama\.cpp could not run"):
        a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"}).ask_ai("hi", name)


def test_local_false_launches_nothing(llama: str) -> None:
    with pytest.raises(UnknownModelError):
        a_list(local=False).ask_ai("hi", llama)
    with pytest.raises(ValueError, match='"launch"'):
        a_list(local="start")


def test_what_cannot_run_is_shown_with_its_reason(model: str) -> None:
    providers = a_list(environ={"PATH": "/nonexistent"})
    found = {offer.provider: offer.reason for offer in providers.explain(f"{model}:local")}
    assert found["vllm"] == "vLLM does not run GGUF files"
    assert found["llama.cpp"] == ""
    with pytest.raises(LocalServerError, match=r"No engine here can run .*\n  vLLM does not run GGUF files"):
        providers.ask_ai("hi", f"vllm/{model}")


def test_the_engine_that_is_not_there_is_named_and_the_next_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "hf"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    stand_in = tmp_path / "bin" / "transformers"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such model: ' + sys.argv[2])\n")
    stand_in.chmod(0o755)
    providers = a_list(environ={"PATH": str(stand_in.parent)})
    with pytest.raises(AllProvidersFailedError, match=rf"(?s)could not run hf\..*no such model: {folder}"):
        providers.ask_ai("hi", str(folder))
    assert "vLLM is not installed (pip install vllm); transformers serve runs" in caplog.text


def test_an_engine_that_fails_is_followed_by_the_next_and_both_are_told(
    model: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    broken = {**slow("twice", "--fail", "out of CUDA memory"), "engine": "vllm"}
    providers = a_list(local_models=[broken, {"name": "twice", "model_path": model}])
    answer = providers.ask_ai("hi", "twice", max_tokens=2)
    assert [attempt.provider for attempt in answer.attempts] == ["vllm", "llama.cpp"]
    assert "out of CUDA memory" in caplog.text
    assert "llama.cpp/tiny answered instead" in caplog.text


# Models to launch


def test_models_are_given_in_code(model: str) -> None:
    given = [model, {"name": "llama-3.1-8b", "model_path": model, "context": 512, "slots": 1}]
    providers = a_list(local_models=given)
    assert providers.ask_ai("hi", "tiny", max_tokens=2).provider == "llama.cpp"
    assert providers.ask_ai("hi", "llama-3.1-8b", max_tokens=2).model == "tiny"
    commands = [" ".join(psutil.Process(pid).cmdline()) for pid in engines()]
    assert any("--ctx-size 512 --parallel 1" in command for command in commands)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("model.gguf", "must be a list"),
        ([3], "must be a name"),
        ([{"name": "x"}], "no model_path"),
        ([{"name": "x", "model_path": "/x", "context": 0}], "context must be"),
        ([{"name": "x", "model_path": "/x", "gpu_memory": 1.5}], "gpu_memory must be"),
        ([{"name": "x", "model_path": "/x", "port": 70000}], "port must be"),
    ],
)
def test_what_is_given_wrongly_is_said_at_once(given: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        a_list(local_models=given)


def test_models_are_listed_in_files(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "inference_providers"
    folder.mkdir(parents=True)
    rows = [{"name": "vllm_agent", "model_path": model, "description": "mine"}, {"name": "other", "model_path": model}]
    (folder / "models.json").write_text(json.dumps({"models": rows}))
    script = "from inference_providers import generate_response as g; print(len(g('vllm_agent', 'hi', max_tokens=4)))"
    environ = {**os.environ, "OLLAMA_HOST": f"127.0.0.1:{PORT}"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
    assert int(done.stdout) > 0
    assert "vLLM does not run GGUF files; llama.cpp runs tiny instead" in done.stderr
    assert a_list().ask_ai("hi", "other", max_tokens=2).model == "tiny"


def test_a_file_may_not_bring_a_command(tmp_path: Path) -> None:
    from inference_providers import RegistryError, initialize_llm_registry

    path = tmp_path / "list.json"
    path.write_text(json.dumps({"models": [slow("evil")]}))
    with pytest.raises(RegistryError, match="command may be given by a program only"):
        initialize_llm_registry(path)


@pytest.mark.parametrize("how", ["json_merge", "json_override"])
def test_a_registry_may_not_bring_a_command(model: str, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "mark"
    evil = [{"name": "x", "command": ["touch", str(mark)], "health": "/", "loading": 1, "formats": ["gguf"]}]
    rows = nobody_else()
    for pid in ("llama.cpp", "vllm"):
        rows["providers"][pid]["connection"]["local"] = {
            **rows["providers"][pid]["connection"]["local"],
            "launch": evil,
        }
    answer = a_list(**{"json_override": None, how: rows}).ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    assert answer.provider == "llama.cpp"
    assert not mark.exists()


# Keys


def test_the_server_wants_a_key_that_only_its_user_has(model: str) -> None:
    providers = a_list(environ={"OPENAI_API_KEY": "canary-not-for-the-engine"})
    offer = providers.connect_to_model(f"llama.cpp/{model}").offer
    (folder, state), *_ = running(os.environ)
    with urllib3.PoolManager() as pool:
        body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
        assert pool.request("POST", offer.endpoint + "/chat/completions", json=body).status == 401
    assert offer.api_key is not None
    assert len(offer.api_key) > 20
    for pid in (state["engine"], state["supervisor"]):
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert offer.api_key not in " ".join(psutil.Process(pid).cmdline())
    assert offer.api_key not in repr(offer) + repr(providers.local_servers())
    assert stat.S_IMODE(os.stat(servers_folder(os.environ)).st_mode) == 0o700
    for name in ("state.json", "log"):
        assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


def test_an_engine_that_prints_its_key_does_not_get_it_into_the_log() -> None:
    providers = a_list(local_models=[slow()])
    answer = providers.ask_ai("hi", "slow")
    (folder, state), *_ = running(os.environ)
    log = Path(folder, "log")
    assert eventually(lambda: "asked with ..." in log.read_text())
    assert state["key"] not in log.read_text()
    assert "hello" in answer


def test_a_key_by_file_is_readable_by_the_user_alone_and_gone_afterwards(tmp_path: Path) -> None:
    """SGLang's way: the key is in a file that its command line names."""
    row = next(iter(bundled().providers["sglang"].local["launch"]))  # type: ignore[index]
    stand_in = tmp_path / "engine.py"
    stand_in.write_text(
        "import json, os, stat, sys\n"
        "path = sys.argv[sys.argv.index('--config') + 1]\n"
        "os.environ['ENGINE_KEY'] = json.load(open(path))['api-key']\n"
        "print('mode', oct(stat.S_IMODE(os.stat(path).st_mode)), flush=True)\n"
        f"os.execv(sys.executable, [sys.executable, '-P', {str(SLOW_ENGINE)!r}, sys.argv[1]])\n"
    )
    recipe: Any = {
        **row,
        "command": [sys.executable, "-P", str(stand_in), "{port}"],
        "module": "",
        "formats": ["gguf"],
        "options": {},
    }
    server = launch.LaunchableServer("sglang", "SGLang", recipe, _file(str(tmp_path / "x.gguf")), None, {}, print)
    server.wake()
    assert "mode 0o600" in Path(server.folder, "log").read_text()
    with urllib3.PoolManager() as pool:
        body = {"model": "x", "messages": []}
        headers = {"Authorization": f"Bearer {server.key}"}
        assert pool.request("POST", server.endpoint + "/chat/completions", json=body, headers=headers).status == 200
    server.release()
    assert eventually(lambda: not os.path.exists(os.path.join(server.folder, "key.yaml")))


def _file(path: str) -> Any:
    from inference_providers.servers.model_files import GGUF, ModelFile

    return ModelFile("x", path, GGUF, 0, "test")


# One for all, and an end


SHARED = """
import sys
from inference_providers import ProviderList
from tests.test_launch import a_list
providers = a_list()
answer = providers.ask_ai("hi", "llama.cpp/" + sys.argv[1], max_tokens=2)
print(answer.attempts[0].outcome, next(iter(providers.local_servers())).endpoint, flush=True)
sys.stdin.read()
"""


def user_of(model: str, script: str = SHARED) -> subprocess.Popen[str]:
    """A program that asks once, says so, and stays."""
    root = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", script, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip


def ended(program: subprocess.Popen[str]) -> None:
    program.wait(PATIENCE)
    for pipe in (program.stdin, program.stdout):
        if pipe is not None:
            pipe.close()


def test_two_programs_that_ask_at_once_share_one_server(model: str) -> None:
    programs = [user_of(model) for _ in range(3)]
    said = {program.stdout.readline() for program in programs if program.stdout is not None}
    assert len(said) == 1
    assert said.pop().startswith("ok http://127.0.0.1:")
    (engine,) = engines()
    programs[0].kill()
    ended(programs[0])
    time.sleep(4.5)  # longer than a server without users stays
    assert engines() == [engine]
    for program in programs[1:]:
        program.kill()
        ended(program)
    assert eventually(lambda: not alive(engine))
    assert not states()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind_when_a_program_is_ended(model: str, how: signal.Signals) -> None:
    program = user_of(model)
    assert program.stdout is not None
    assert program.stdout.readline().startswith("ok")
    (state,) = states()
    os.killpg(program.pid, how)  # as Ctrl-C does: the whole group gets it
    ended(program)
    assert eventually(lambda: not alive(state["engine"]) and not alive(state["supervisor"]))


def test_nothing_is_left_behind_when_a_program_ends_while_its_server_is_loading(tmp_path: Path) -> None:
    script = (
        "import sys; from tests.test_launch import a_list, slow\n"
        "a_list(local_models=[slow('slow', '--load', '60')]).ask_ai('hi', 'slow')"
    )
    program = user_of("", script)
    assert eventually(lambda: any(state["engine"] for state in states()))
    (state,) = states()
    program.kill()
    ended(program)
    assert eventually(lambda: not alive(state["engine"]) and not alive(state["supervisor"]))


def test_a_child_that_ends_does_not_end_its_parents_server(model: str) -> None:
    providers = a_list()
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    (engine,) = engines()
    script = "import os, sys\npid = os.fork()\nif not pid: sys.exit(0)\nos.waitpid(pid, 0)\n"
    program = user_of(model, SHARED.replace("sys.stdin.read()", script + "sys.stdin.read()"))
    assert program.stdout is not None
    assert program.stdout.readline()
    providers.close()
    time.sleep(4.5)
    assert engines() == [engine]
    program.kill()
    ended(program)
    assert eventually(lambda: not alive(engine))


def test_closing_ends_the_server_and_the_next_call_starts_another(model: str) -> None:
    providers = a_list()
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    (engine,) = engines()
    providers.close()
    assert eventually(lambda: not alive(engine))
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)


@pytest.mark.parametrize("who", ["engine", "supervisor"])
@pytest.mark.parametrize("how", ["name", "client", "async", "stream"])
def test_a_killed_server_is_started_again_by_the_next_call(model: str, who: str, how: str) -> None:
    providers = a_list()
    name = f"llama.cpp/{model}"
    connection = providers.connect_to_model(name)
    asynchronous = AsyncProviderList(environ=places(), json_override=nobody_else())

    async def first_and_second() -> None:
        assert await asynchronous.ask_ai("hi", name, max_tokens=2)
        os.kill(state[who], signal.SIGKILL)
        assert await asynchronous.ask_ai("hi", name, max_tokens=2)

    (state,) = states()
    if how == "async":
        asyncio.run(first_and_second())
    else:
        assert providers.ask_ai("hi", name, max_tokens=2)
        os.kill(state[who], signal.SIGKILL)
        if how == "client":
            assert providers.get_response(connection.client, connection.name, "hi", max_tokens=2)
            connection.client.close()
        elif how == "stream":
            assert eventually(lambda: not alive(state["engine"]))  # a stream that has begun is never begun anew
            assert "".join(providers.stream("hi", name, max_tokens=2))
        else:
            assert providers.ask_ai("hi", name, max_tokens=2)
    assert eventually(lambda: not alive(state["engine"]))
    assert providers.ask_ai("hi", name, max_tokens=2), "a killed server may have answered once more while it was dying"
    assert len(engines()) == 1


def test_many_threads_and_many_tasks_start_one_server(model: str) -> None:
    providers = a_list()
    asynchronous = AsyncProviderList(environ=places(), json_override=nobody_else())
    name = f"llama.cpp/{model}"
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda: said.append(providers.ask_ai("hi", name, max_tokens=2))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(asynchronous.ask_ai("hi", name, max_tokens=2) for _ in range(16)))

    assert len(asyncio.run(all_at_once())) == 16
    for thread in threads:
        thread.join()
    assert len(said) == 8
    assert len(engines()) == 1


def test_an_idle_server_ends_and_comes_back() -> None:
    providers = a_list(local_models=[slow("brief", idle=1)])
    engine, _, _ = providers.ask_ai("hi", "brief").split()
    assert eventually(lambda: not alive(int(engine)))
    assert providers.ask_ai("hi", "brief").split()[0] != engine


def test_a_server_at_work_is_not_idle(tmp_path: Path) -> None:
    """A long answer, of which this package hears nothing until its end."""
    busy = tmp_path / "busy.py"
    busy.write_text(SLOW_ENGINE.read_text().replace("time.sleep(float", "burn(float") + "\n")
    busy.write_text(
        busy.read_text().replace(
            "class Handler",
            "def burn(seconds):\n    until = time.monotonic() + seconds\n    while time.monotonic() < until:\n        pass\n\n\nclass Handler",
            1,
        )
    )
    command = [sys.executable, "-P", str(busy), "{port}"]
    providers = a_list(
        local_models=[{"name": "busy", "command": command, "key_variable": "ENGINE_KEY", "engine": "vllm", "idle": 2}]
    )
    answer = providers.ask_ai("hi", "busy", seed=5)
    assert [attempt.outcome for attempt in answer.attempts] == ["ok"]


# What goes wrong


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"no model", "neither a GGUF file nor a folder"),
        (b"GGUF" + b"\0" * 64, "could not run bad"),
    ],
)
def test_a_bad_model_file_is_a_clear_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "bad.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((LocalServerError, AllProvidersFailedError), match=message):
        a_list().ask_ai("hi", f"llama.cpp/{path}")


def test_the_end_of_the_log_is_shown_when_a_start_fails() -> None:
    failing = slow("failing", "--fail", "CUDA out of memory: tried to allocate 2 GiB")
    with pytest.raises(AllProvidersFailedError) as caught:
        a_list(local_models=[failing]).ask_ai("hi", "failing")
    said = str(caught.value)
    assert "It ended while it was loading, with exit code 1." in said
    assert "CUDA out of memory: tried to allocate 2 GiB" in said
    assert os.path.join("servers", "") in said
    assert caught.value.attempts[0].error is not None


def test_a_model_that_is_too_big_is_refused_with_the_numbers(model: str, tmp_path: Path) -> None:
    path = tmp_path / "huge.gguf"
    path.write_bytes(Path(model).read_bytes())
    os.truncate(path, 10**13)  # sparse
    with pytest.raises(AllProvidersFailedError) as caught:
        a_list().ask_ai("hi", f"llama.cpp/{path}")
    said = str(caught.value)
    assert "huge is too big to run now: with 4096 tokens of context it takes about 10244." in said
    assert "its weights are 9313.2 GiB" in said
    assert "GiB of memory are free" in said
    assert not states(), "nothing was started"


def test_a_slow_start_is_told_and_goes_on_when_the_call_gives_up(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    loaded = tmp_path / "loaded"
    providers = a_list(local_models=[slow("slow", "--until", str(loaded))])
    with pytest.raises(AllProvidersFailedError, match="still loading slow; it goes on"):
        providers.ask_ai("hi", "slow", timeout=2.5)
    assert re.search(rf"loading slow with {re.escape(Path(sys.executable).name)} \.\.\. \d s", caplog.text)
    assert eventually(lambda: bool(engines() and engines()[0]))
    (state,) = states()
    loaded.touch()
    assert f"{state['engine']} says hello" in providers.ask_ai("hi", "slow")


def test_a_port_that_is_taken_is_noticed_and_its_owner_gets_nothing(serve: Serve, model: str) -> None:
    stranger = serve()
    port = int(stranger.url.rpartition(":")[2].partition("/")[0])
    providers = a_list(local_models=[{"name": "there", "model_path": model, "port": port}])
    with pytest.raises(AllProvidersFailedError, match=f"Port {port} is taken by another program; nothing was sent"):
        providers.ask_ai("hi", "there")
    assert stranger.requests == []


def test_a_stranger_that_takes_the_port_while_the_engine_starts_gets_no_key(tmp_path: Path) -> None:
    """The engine itself never listens; a process that is not its child does, and would answer whatever is asked."""
    heard = tmp_path / "heard"
    stranger = tmp_path / "stranger.py"
    stranger.write_text(
        "import os, socket, sys\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "for fd in (0, 1, 2): os.dup2(os.open(os.devnull, os.O_RDWR), fd)\n"
        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "s.settimeout(20)\n"
        "try:\n"
        "    while True:\n"
        "        c, _ = s.accept()\n"
        "        c.settimeout(1)\n"
        "        try: data = c.recv(65536)\n"
        "        except OSError: data = b''\n"
        f"        open({str(heard)!r}, 'ab').write(data)\n"
        "        c.sendall(b'HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}')\n"
        "        c.close()\n"
        "except OSError: pass\n"
    )
    script = (
        "import subprocess, sys, time\n"
        f"subprocess.run([sys.executable, {str(stranger)!r}, sys.argv[1]])\n"
        "time.sleep(1.5)\n"
        "sys.exit('address already in use')\n"
    )
    command = [sys.executable, "-c", script, "{port}"]
    given = {"name": "raced", "command": command, "key_variable": "ENGINE_KEY"}
    with pytest.raises(AllProvidersFailedError, match="Every port that was tried was taken by another program"):
        a_list(local_models=[given]).ask_ai("a secret question", "raced")
    assert not heard.exists() or heard.read_bytes() == b""


def test_a_state_that_a_killed_supervisor_left_is_not_believed(model: str, serve: Serve) -> None:
    """Its port may belong to anybody by now."""
    providers = a_list()
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    ((folder, state),) = running(os.environ)
    os.kill(state["supervisor"], signal.SIGKILL)
    assert eventually(lambda: not alive(state["engine"]) and not locks.is_held(os.path.join(folder, "lock")))
    stranger = serve()
    state["port"] = int(stranger.url.rpartition(":")[2].partition("/")[0])
    Path(folder, "state.json").write_text(json.dumps(state))
    assert not states()
    assert not a_list().local_servers()
    assert a_list().ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    assert stranger.requests == []


def with_a_child(tmp_path: Path) -> dict[str, Any]:
    """A model whose engine starts a process of its own, as those do that spread over processors."""
    script = tmp_path / "engine.py"
    child = "[__import__('sys').executable, '-c', 'import time; time.sleep(100)']"
    script.write_text(SLOW_ENGINE.read_text().replace("KEY =", f"__import__('subprocess').Popen({child})\nKEY =", 1))
    command = [sys.executable, "-P", str(script), "{port}"]
    return {"name": "left", "command": command, "key_variable": "ENGINE_KEY"}


def test_an_engine_ends_with_all_that_it_started_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    providers = a_list(local_models=[with_a_child(tmp_path)])
    assert providers.ask_ai("hi", "left")
    (state,) = states()
    (child,) = psutil.Process(state["engine"]).children()
    os.kill(state["supervisor"], signal.SIGKILL)
    assert eventually(lambda: not alive(state["engine"]) and not alive(child.pid))
    assert providers.ask_ai("hi", "left")


def test_what_a_killed_supervisor_and_its_watchdog_left_behind_is_ended_by_the_next(tmp_path: Path) -> None:
    providers = a_list(local_models=[with_a_child(tmp_path)])
    assert providers.ask_ai("hi", "left")
    (state,) = states()
    (watchdog,) = [one.pid for one in psutil.Process(state["supervisor"]).children() if one.pid != state["engine"]]
    (child,) = psutil.Process(state["engine"]).children()
    for pid in (watchdog, state["supervisor"]):
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not states())
    assert alive(child.pid)
    assert providers.ask_ai("hi", "left")
    assert eventually(lambda: not alive(state["engine"]) and not alive(child.pid))
    assert len(engines()) == 1


def test_what_an_engine_named_as_the_cause_is_told_before_its_last_words() -> None:
    script = "print('(Worker) ERROR [x.py:1] ValueError: too little of it'); print('further words\\n' * 30); exit(1)"
    given = {"name": "wordy", "command": [sys.executable, "-c", script]}
    with pytest.raises(AllProvidersFailedError, match=r"\n +ValueError: too little of it\n +\.\.\.\n +further words\n"):
        a_list(local_models=[given]).ask_ai("hi", "wordy")


def test_an_engine_that_does_not_want_to_end_is_killed() -> None:
    stubborn = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)"]
    server = Launchables(bundled(), os.environ, [{"name": "stubborn", "command": stubborn}]).matching("stubborn")[0]
    with pytest.raises(LocalServerError, match="still loading"):
        server.wake(1.0)
    assert eventually(lambda: any(engines()))
    (state,) = states()
    assert stopping.stop(server.folder)
    assert not alive(state["engine"])


def test_the_environment_of_an_engine_holds_its_settings_and_no_secrets() -> None:
    given = {"HOME": "/h", "HF_HOME": "/hf", "HF_TOKEN": "t", "VLLM_API_KEY": "k", "CUDA_VISIBLE_DEVICES": "0"}
    given |= dict.fromkeys(("HF_AUTH", "LLAMA_CLOUD_PAT", "VLLM_SERVICE_PASS", "LLAMA_KEY1", "LLAMA_ARG_HF_REPO"), "s")
    given |= {"OPENAI_API_KEY": "k", "DATABASE_URL": "u:p@h", "TOKENIZERS_PARALLELISM": "false", "AWS_SECRET_ACCESS_KEY": "s"}  # fmt: skip
    passed = set(environment(given))
    assert passed == {"PATH", "PYTHONUNBUFFERED", "HOME", "HF_HOME", "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM"}


# The command line


def cli(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inference_providers", "local", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environ},
    )  # fmt: skip


def test_a_server_is_started_shown_and_stopped_by_hand(model: str) -> None:
    started = cli("start", model, "--context", "512")
    assert started.returncode == 0, started.stderr
    assert started.stdout.startswith("tiny is served by llama.cpp at http://127.0.0.1:")
    (state,) = states()
    time.sleep(4.5)
    (row,) = json.loads(cli("status", "--json").stdout)
    assert (row["name"], row["phase"], row["users"], row["stays"]) == ("tiny", "ready", 0, True)
    assert state["key"] not in json.dumps(row)
    providers = a_list()
    assert providers.ask_ai("hi", "tiny", max_tokens=2).provider == "llama.cpp"
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2).provider == "llama.cpp"
    assert engines() == [state["engine"]], "it is used, though it was started with an option"
    assert cli("stop", "nothing").returncode == 1
    stopped = cli("stop", "tiny")
    assert (stopped.returncode, stopped.stderr) == (0, "Stopped tiny (llama.cpp).\n")
    assert not alive(state["engine"])
    said = cli("status").stderr
    assert "No launched server runs" in said
    assert re.search(r"tiny \(llama\.cpp, ended\) \d min ago: it was told to; its log: ", said)


def test_why_a_server_ended_is_told_afterwards(model: str) -> None:
    assert cli("start", model).returncode == 0
    (engine,) = engines()
    os.kill(engine, signal.SIGKILL)
    assert eventually(lambda: "ended" in cli("status").stderr)
    assert re.search(
        r"tiny \(llama\.cpp, ended\) \d min ago: by itself, with signal SIGKILL; its log: ", cli("status").stderr
    )
    assert json.loads(cli("status", "--json").stdout) == []


def test_one_server_may_be_both_kept_and_used(model: str) -> None:
    providers = a_list()
    assert providers.ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    assert cli("start", model).returncode == 0
    (engine,) = engines()
    providers.close()
    time.sleep(4.5)
    assert engines() == [engine]
    assert cli("stop", "--all").returncode == 0
    assert not alive(engine)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-like-it"], "There is no model 'nothing-like-it' on this machine"),
        (["/no/such.gguf"], "/no/such.gguf cannot be read"),
        (["vllm/{model}"], "vLLM does not run GGUF files"),
        (["{model}", "--slots", "0"], "--slots"),
    ],
)
def test_what_cannot_be_started_is_said_plainly(model: str, arguments: list[str], message: str) -> None:
    done = cli("start", *(argument.format(model=model) for argument in arguments))
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_meta_engine_launches_with_its_models_settings(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference_providers import MetaInferenceEngine

    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{PORT}")
    engine = MetaInferenceEngine()
    asked = [{"messages": [{"role": "user", "content": "hi"}]}]
    config = {
        "model": {"model_name": f"llama.cpp/{model}", "model_max_length": 768},
        "generation": {"max_new_tokens": 2},
    }
    (conversation,) = engine.infer(asked, inference_config=config)
    assert conversation.messages[-1].content
    (pid,) = engines()
    assert "--ctx-size 768" in " ".join(psutil.Process(pid).cmdline())


def test_a_model_that_cannot_be_launched_is_passed_over_in_a_list(model: str) -> None:
    providers = a_list()
    connection = providers.connect_to_first_available_model(["/no/such.gguf", "nonsense-model", model])
    assert connection.name == "tiny"
    with pytest.raises(LocalServerError, match="cannot be read"):
        providers.connect_to_first_available_model(["nonsense-model", "/no/such.gguf"])


@pytest.mark.parametrize("name", ["mine", "llama.cpp/mine", "mine:local"])
def test_a_name_that_a_program_gives_is_its_own(model: str, tmp_path: Path, name: str) -> None:
    """Whatever else runs here under that name, for another program or with other options."""
    other = tiny_model.write(str(tmp_path / "other.gguf"), seed=1)
    first = a_list(local_models=[{"name": "mine", "model_path": other}])
    assert first.ask_ai("hi", name, max_tokens=2).model == "other"
    second = a_list(local_models=[{"name": "mine", "model_path": model}])
    assert second.ask_ai("hi", name, max_tokens=2).model == "tiny"
    third = a_list(local_models=[{"name": "mine", "model_path": other, "context": 300, "threads": 1}])
    assert third.ask_ai("hi", name, max_tokens=2).model == "other"
    commands = sorted(" ".join(psutil.Process(pid).cmdline()).partition("--model ")[2] for pid in engines())
    assert len(commands) == 3
    assert sum("--ctx-size 300 --threads 1" in command for command in commands) == 1


# What a name must not mean


def test_what_is_not_there_is_never_answered_by_what_runs(model: str, tmp_path: Path) -> None:
    first = a_list()
    assert first.ask_ai("hi", model, max_tokens=2)
    for name in ("llama.cpp/tny", "llama.cpp/tny.gguf", "llama.cpp/qwen3-235b", f"llama.cpp/{tmp_path}/tiny.gguf"):
        with pytest.raises(
            LocalServerError, match=r"no llama.cpp server runs .*`inference-providers local list`|cannot be read"
        ):
            a_list().ask_ai("hi", name)


def test_a_path_is_that_file_though_another_of_the_name_runs(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        tiny_model.write(str(tmp_path / folder / "llama-3.1-8b.gguf"))
    monkeypatch.chdir(tmp_path / "b")
    first, second = a_list(), a_list()
    assert first.ask_ai("hi", f"llama.cpp/{tmp_path}/a/llama-3.1-8b.gguf", max_tokens=2)
    assert second.ask_ai("hi", "llama.cpp/llama-3.1-8b.gguf", max_tokens=2)
    assert sorted(state["model"]["path"] for state in states()) == [
        str(tmp_path / folder / "llama-3.1-8b.gguf") for folder in ("a", "b")
    ]


def test_a_file_that_is_not_there_is_not_asked_of_the_cloud(llama: str, cloud: dict[str, Any]) -> None:
    providers = a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"})
    for name in (
        "models/llama-3.1-8b.gguf",
        "./llama-3.1-8b.gguf",
        "llama-3.1-8b-q9.gguf",
        "C:\\models\\llama-3.1-8b.gguf",
    ):
        with pytest.raises(LocalServerError, match="cannot be read"):
            providers.candidates(name)
    assert providers.candidates(os.path.basename(llama))[0].provider == "llama.cpp"


def test_a_folder_called_like_a_provider_changes_nothing(
    cloud: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloud" / "new").mkdir(parents=True)
    (tmp_path / "cloud" / "new" / "config.json").write_text("{}")
    (tmp_path / "cloud" / "x.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    providers = a_list(json_override=cloud, environ={"CLOUD_KEY": "k-cloud-1"}, local="launch")
    for name in ("cloud/new", "cloud/x.gguf"):
        assert [offer.provider for offer in providers.candidates(name)] == ["cloud"]


def test_a_file_of_a_model_without_a_key_is_pointed_out(llama: str, cloud: dict[str, Any]) -> None:
    from inference_providers import NoCredentialsError

    with pytest.raises(NoCredentialsError, match=r"A file of it lies here \(llama\.cpp\): ask for llama-3\.1-8b:local"):
        a_list(json_override=cloud).candidates("llama-3.1-8b")


def test_models_of_one_ollama_are_told_apart(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ("library/alpha", "someone/beta"):
        manifest = tmp_path / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / name
        manifest.mkdir(parents=True)
        layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{name[-4:]}"}
        for tag in ("latest", "8b"):
            (manifest / tag).write_text(json.dumps({"layers": [layer]}))
        blob = tmp_path / ".ollama" / "models" / "blobs" / f"sha256-{name[-4:]}"
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(b"GGUF")
    providers = a_list(environ={"PATH": str(program.parent), "HOME": str(tmp_path)})
    for name in ("alpha:latest", "alpha:8b", "someone/beta:latest"):
        (offer,) = providers.candidates(f"ollama/{name}")
        assert (offer.provider, offer.internal_name) == ("ollama", name)


def test_the_same_server_is_meant_whichever_python_asks(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Launchables(bundled(), os.environ).matching(model, "llama.cpp")[0]
    monkeypatch.setattr(sys, "executable", "/elsewhere/bin/python3")
    assert Launchables(bundled(), os.environ).matching(model, "llama.cpp")[0].folder == here.folder


# Waiting


def test_a_task_that_waits_for_a_model_can_be_cancelled() -> None:
    script = (
        "import asyncio, time; from tests.test_launch import *\n"
        "async def main():\n"
        "    providers = AsyncProviderList(environ=os.environ, json_override=nobody_else(),"
        " local_models=[slow('slow', '--load', '600')])\n"
        "    try: await asyncio.wait_for(providers.ask_ai('hi', 'slow'), 1.5)\n"
        "    except TimeoutError: print('cancelled', flush=True)\n"
        "asyncio.run(main())\n"
    )
    program = user_of("", script)
    assert program.stdout is not None
    assert program.stdout.readline() == "cancelled\n"
    ended(program)
    assert eventually(lambda: not states())


def test_a_call_keeps_to_its_time_though_another_waits_longer(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    providers = a_list(local_models=[slow("slow", "--until", str(loaded))])
    patient = threading.Thread(target=lambda: providers.ask_ai("hi", "slow"))
    patient.start()
    assert eventually(lambda: bool(states()))
    with pytest.raises(AllProvidersFailedError, match="still loading"):
        providers.ask_ai("hi", "slow", timeout=1.0)
    assert patient.is_alive()
    loaded.touch()
    patient.join()


def test_a_start_that_fails_is_tried_once_for_all_who_wait(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    providers = AsyncProviderList(
        environ=places(),
        json_override=nobody_else(),
        local_models=[slow("failing", "--load", "2", "--fail", "no memory", "--count", str(starts))],
    )

    async def all_at_once() -> list[Any]:
        asked = (providers.ask_ai("hi", "failing") for _ in range(12))
        return await asyncio.gather(*asked, return_exceptions=True)

    assert all("no memory" in str(error) for error in asyncio.run(all_at_once()))
    assert starts.read_text() == "started\n"


def test_a_child_that_is_forked_while_a_model_loads_can_ask_too() -> None:
    script = (
        "import os, sys, threading, time; from tests.test_launch import *\n"
        "providers = a_list(local_models=[slow('slow', '--load', '3')])\n"
        "loading = threading.Thread(target=lambda: providers.ask_ai('hi', 'slow')); loading.start()\n"
        "while not states(): time.sleep(0.05)\n"
        "pid = os.fork()\n"
        "said = 'hello' in providers.ask_ai('hi', 'slow', timeout=60)\n"
        "if pid: os.waitpid(pid, 0); loading.join()\n"
        "print(said, flush=True); os._exit(0)\n"
    )
    program = user_of("", script)
    assert program.stdout is not None
    assert [program.stdout.readline(), program.stdout.readline()] == ["True\n", "True\n"]
    ended(program)


# Bad surroundings


def test_a_list_that_cannot_be_read_stands_in_nobodys_way(model: str, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "inference_providers"
    folder.mkdir(parents=True)
    (folder / "models.json").write_text('{"models": [{"name": "a", "engine": "lama.cpp", "model_path": "x"}]}')
    script = SHARED.replace("sys.stdin.read()", "providers.close()")
    program = subprocess.run(
        [sys.executable, "-c", script, model], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip
    assert program.stdout.startswith("ok")
    assert program.stderr.count("unknown engine 'lama.cpp'") <= 1


def test_a_bad_file_among_the_users_own_is_left_out(
    model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" / "inference_providers" / "models"
    folder.mkdir(parents=True)
    (folder / "aaa.gguf").write_text("no model")
    (folder / "mmproj-b.gguf").symlink_to(model)
    (folder / "b-00002-of-00002.gguf").symlink_to(model)
    (folder / "good.gguf").symlink_to(model)
    assert a_list().ask_ai("hi", max_tokens=2).model == "good"
    assert "the models folder: " in caplog.text
    assert "aaa.gguf is neither a GGUF file nor a folder" in caplog.text


def test_a_place_that_cannot_hold_state_is_named(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(AllProvidersFailedError, match="XDG_STATE_HOME sets another folder"):
        a_list().ask_ai("hi", f"llama.cpp/{model}")


def test_states_of_another_version_are_passed_over(model: str) -> None:
    assert a_list().ask_ai("hi", f"llama.cpp/{model}", max_tokens=2)
    providers = a_list()
    server = providers.candidates(f"llama.cpp/{model}")[0]
    server.wake(PATIENCE)
    ((folder, state),) = running(os.environ)
    Path(folder, "state.json").write_text(json.dumps({**state, "model": {**state["model"], "revision": 1}}))
    assert a_list().local_servers() == []
    Path(folder, "state.json").write_text(json.dumps(state))


def test_a_long_answer_keeps_its_server_though_it_takes_no_processor_time() -> None:
    providers = a_list(local_models=[slow("slow", idle=2)])
    answer = providers.ask_ai("hi", "slow", seed=5, extra_body={"seed": 5})
    assert [attempt.outcome for attempt in answer.attempts] == ["ok"]


def test_a_server_that_is_loading_is_not_taken_for_one_that_runs(model: str) -> None:
    server = Launchables(bundled(), os.environ).matching(model, "llama.cpp")[0]
    steps = server._steps(10)
    while not callable(next(steps)):
        pass
    lock = os.open(os.path.join(server.folder, "lock"), os.O_RDWR | os.O_CREAT)
    assert locks.take(lock), "as a supervisor has it before it says anything"
    assert not server.awake
    os.close(lock)
    steps.close()
    server.release()


def test_an_impatient_call_does_not_spoil_a_patient_one(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    providers = a_list(local_models=[slow("slow", "--until", str(loaded))])
    errors: list[Exception] = []

    def impatient() -> None:
        try:
            providers.ask_ai("hi", "slow", timeout=1.0)
        except AllProvidersFailedError as error:
            errors.append(error)
        loaded.touch()

    first = threading.Thread(target=impatient)
    first.start()
    assert eventually(lambda: bool(states()))
    assert "hello" in providers.ask_ai("hi", "slow")
    first.join()
    assert "still loading" in str(errors[0])


def test_a_listed_name_stands_in_for_a_model_without_a_key_but_not_for_a_provider_that_is_named(
    model: str, cloud: dict[str, Any], tmp_path: Path
) -> None:
    from inference_providers import NoCredentialsError

    folder = tmp_path / "config" / "inference_providers"
    folder.mkdir(parents=True)
    (folder / "models.json").write_text(json.dumps({"models": [{"name": "llama-3.1-8b", "model_path": model}]}))
    providers = a_list(json_override=cloud)
    assert providers.candidates("llama-3.1-8b")[0].provider == "llama.cpp"
    for name, provider in (("llama-3.1-8b", "cloud"), ("cloud/llama-3.1-8b", None)):
        with pytest.raises(NoCredentialsError):
            providers.candidates(name, provider=provider)


def test_folders_of_servers_that_ended_long_ago_are_removed(model: str) -> None:
    old, new = (Path(servers_folder(os.environ), name) for name in ("old", "new"))
    for folder in (old, new):
        (folder / "users").mkdir(parents=True)
        (folder / "used").touch()
        (folder / "log").touch()
    for path in (old / "users", old / "used", old):
        os.utime(path, (time.time() - 2 * 24 * 3600,) * 2)
    assert a_list().ask_ai("hi", model, max_tokens=2)
    assert eventually(lambda: not old.exists())
    assert new.exists()


def test_an_engine_whose_address_is_given_is_not_launched_for_a_name(llama: str) -> None:
    providers = a_list(environ={"LLAMACPP_API_BASE": f"http://127.0.0.1:{PORT}"})
    with pytest.raises(LocalServerError, match=r"no llama\.cpp server runs at"):
        providers.candidates("llama.cpp/llama-3.1-8b")
    assert providers.candidates(f"llama.cpp/{llama}")[0].launchable


def test_what_a_running_server_needs_is_not_removed(model: str) -> None:
    from click.testing import CliRunner

    from inference_providers.cli.main import main

    assert cli("start", model).returncode == 0
    ((folder, _),) = running(os.environ)
    for kind in ("servers", "models", "--all"):
        done = CliRunner().invoke(main, ["purge", kind, "--yes"])
        assert done.exit_code == 0 if kind == "models" else "local stop --all" in done.output, done.output
    assert os.path.exists(os.path.join(folder, "state.json"))
    assert cli("stop", "--all").returncode == 0
    assert CliRunner().invoke(main, ["purge", "--all", "--yes"]).exit_code == 0
    assert not os.path.exists(folder)


def test_a_hint_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    path = tiny_model.write(str(tmp_path / "it's $HOME & mine.gguf"))
    done = cli("start", path)
    hints = [line.partition(":")[2].strip() for line in done.stderr.splitlines() if line.startswith(("Ask it", "Stop"))]
    ask, stop = map(shlex.split, hints)
    assert ask == ["ask-ai", "--model", f"llama.cpp/{path}", "Hello"]
    assert cli(*stop[2:]).returncode == 0
    assert engines() == []


def test_an_engine_by_name_launches_a_model_file(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference_providers import GenerationParams, LlamaCppInferenceEngine, ModelParams

    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{PORT}")
    engine = LlamaCppInferenceEngine(
        ModelParams(model_name=model, model_max_length=640), generation_params=GenerationParams(max_new_tokens=2)
    )
    result = engine.infer_partial(["hi", "ho"])
    assert [index for index, _ in result.successful] == [0, 1]
    assert result.successful[0][1].metadata["provider"] == "llama.cpp"
    (pid,) = engines()
    assert "--ctx-size 640" in " ".join(psutil.Process(pid).cmdline())


def test_tuning_of_an_engine_by_name_goes_to_the_server_that_it_launches(model: str) -> None:
    from inference_providers import ModelParams, VLLMInferenceEngine

    engine = VLLMInferenceEngine(ModelParams(model), tensor_parallel_size=2, gpu_memory_utilization=0.5, max_num_seqs=4)
    entry = engine._lists._launch_entry(model, "vllm", engine._model, {})
    assert (entry["tensor_parallel"], entry["gpu_memory"], entry["slots"]) == (2, 0.5, 4)
