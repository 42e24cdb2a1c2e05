"""The embedded engine: a real llama.cpp server, started on a real (tiny, untrained) model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inference_providers import AsyncProviderList, LocalServerError, ProviderList, launch, tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model.write(str(tmp_path_factory.mktemp("models") / "tiny.gguf"))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but is not yet collected does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_tiny_model_is_written_in_seconds_and_the_same_each_time(model: str, tmp_path: Path) -> None:
    assert 400_000 < os.path.getsize(model) < 700_000
    assert Path(tiny_model.write(str(tmp_path / "again.gguf"))).read_bytes() == Path(model).read_bytes()


def test_ask_ai_with_an_empty_environment_is_answered_by_the_embedded_engine(model: str) -> None:
    import asyncio

    environ = {"INFERENCE_PROVIDERS_LOCAL_MODEL": model}
    providers = ProviderList(environ=environ, json_override=_only_llamacpp())
    assert providers.ask_ai("Come here often?", max_tokens=8)
    connection = providers.connect_to_ai()
    assert (connection.provider, connection.name) == ("llama.cpp", "tiny.gguf")
    client, name = connection
    assert providers.get_response(client, name, "hi")
    client.close()
    assert "".join(providers.stream("hi", max_tokens=8))
    assert asyncio.run(AsyncProviderList(environ=environ, json_override=_only_llamacpp()).ask_ai("hi", max_tokens=8))


def _only_llamacpp() -> dict[str, object]:
    """No other local port is looked at: whatever runs on this machine stays out of the test."""
    from inference_providers.registry import bundled
    from tests.servers import refused_port

    row = bundled().data["providers"]["llama.cpp"]
    return {
        "providers": {
            "llama.cpp": {
                **row,
                "connection": {**row["connection"], "endpoint": f"http://127.0.0.1:{refused_port()}/v1"},
            }
        }
    }


def test_the_engine_wants_a_key_that_only_its_owner_has(model: str) -> None:
    import urllib3

    engine = launch.start(model, {"OPENAI_API_KEY": "canary-not-for-the-engine"})
    try:
        with urllib3.PoolManager() as pool:
            refused = pool.request(
                "POST",
                engine.endpoint + "/chat/completions",
                json={"messages": [{"role": "user", "content": "x"}], "max_tokens": 2},
            )
            assert refused.status == 401
        assert b"canary" not in Path(f"/proc/{engine._process.pid}/environ").read_bytes()
        assert engine.key not in Path(f"/proc/{engine._process.pid}/cmdline").read_text()
        assert engine.key not in repr(engine)
    finally:
        engine.stop()
    assert not engine.alive


def test_the_engine_ends_with_the_process_that_started_it(model: str) -> None:
    script = f"import sys, time; from inference_providers import launch; e = launch.start({model!r}, {{}}); print(e._process.pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    engine = int(parent.stdout.readline())
    assert alive(engine)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while alive(engine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(engine)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"no model", "no GGUF file"), (b"GGUF" + b"\0" * 64, "could not load")],
)
def test_a_bad_model_file_is_a_clear_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "bad.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LocalServerError, match=message):
        launch.start(str(path), {})
