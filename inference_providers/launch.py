"""The embedded engine: a llama.cpp server in a process of its own, on a loopback port, with a key of its own.

It is what answers when a person has neither a key nor a running server, but the
`[local]` extra and a GGUF file. The server ends with the process that started it.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time

from inference_providers.errors import LocalServerError
from inference_providers.resolution import LocalServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_TIMEOUT = 120.0  # seconds for loading a model
PROGRESS_AFTER = 2.0  # seconds after which a person is told that something is going on
KEY_VARIABLE = "INFERENCE_PROVIDERS_ENGINE_KEY"
CONTEXT = 4096  # tokens


def available() -> bool:
    """Whether the engine is installed (`pip install 'inference_providers[local]'`)."""
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None


class EmbeddedEngine:
    """A started engine: its address, its key, its process. `stop()` ends it; so does the end of this process."""

    def __init__(self, model: str, process: subprocess.Popen[str], endpoint: str, key: str) -> None:
        self.model, self.endpoint, self.key = model, endpoint, key
        self._process = process
        atexit.register(self.stop)

    def __repr__(self) -> str:
        return f"<EmbeddedEngine {self.model} at {self.endpoint}>"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def server(self, canonical_name: Callable[[str], str | None]) -> LocalServer:
        """This engine as a server on this machine."""
        name = os.path.basename(self.model)
        return LocalServer("llama.cpp", self.endpoint, {name: canonical_name(name)}, self.key)

    def stop(self) -> None:
        """End the engine."""
        atexit.unregister(self.stop)
        if self._process.stdin is not None:
            self._process.stdin.close()  # the engine ends when its standard input does
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def start(model: str, environ: Mapping[str, str], tell: Callable[[str], None] = lambda message: None) -> EmbeddedEngine:
    """Start an engine for a GGUF file and wait until it is ready. Raises LocalServerError."""
    import secrets

    if not available():
        raise LocalServerError(
            "The embedded engine is not installed. Install it with: pip install 'inference_providers[local]'"
        )
    _check_file(model)
    key = secrets.token_urlsafe(24)
    log = _log_file()
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "inference_providers.launch", model],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=_child_environment(environ, key), close_fds=True,
        )  # fmt: skip
    return EmbeddedEngine(model, process, _wait_for_address(process, model, log, tell), key)


def _check_file(model: str) -> None:
    try:
        with open(model, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise LocalServerError(
            f"The model file {model!r} cannot be read: {error.strerror}. Give a GGUF file."
        ) from None
    if magic != b"GGUF":
        raise LocalServerError(f"{model!r} is no GGUF file. The embedded engine loads GGUF files only.")


def _child_environment(environ: Mapping[str, str], key: str) -> dict[str, str]:
    """What the engine needs of the environment: no API key of anyone goes to it."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "SYSTEMROOT",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES",
        "VIRTUAL_ENV",
    )
    child = {name: value for name, value in {**os.environ, **environ}.items() if name in kept}
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return {**child, KEY_VARIABLE: key, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


def _log_file() -> str:
    import tempfile

    handle, path = tempfile.mkstemp(prefix="inference-providers-engine-", suffix=".log")
    os.close(handle)
    return path


def _wait_for_address(process: subprocess.Popen[str], model: str, log: str, tell: Callable[[str], None]) -> str:
    """The endpoint that the engine prints when it is ready; progress is told after two seconds."""
    import threading

    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(
        target=lambda stream: lines.append(stream.readline()), args=(process.stdout,), daemon=True
    )
    reader.start()
    started = told = time.monotonic()
    while reader.is_alive() and time.monotonic() - started < START_TIMEOUT:
        reader.join(0.05)
        if time.monotonic() - told > PROGRESS_AFTER:
            told = time.monotonic()
            tell(f"loading {os.path.basename(model)} ... {told - started:.0f} s")
    address = lines[0].strip() if lines else ""
    if not address.startswith("http://127.0.0.1:"):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        raise LocalServerError(f"The engine could not load {model!r}. The end of its log ({log}):\n{_tail(log)}")
    os.unlink(log)
    return f"{address.rstrip('/')}/v1"


def _tail(path: str, lines: int = 8) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join(f"  {line}" for line in file.readlines()[-lines:]) or "  (nothing)"


def serve(model: str) -> None:
    """Run a llama.cpp server for *model* until standard input ends. This is the engine's process."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = int(os.environ.get("INFERENCE_PROVIDERS_ENGINE_CONTEXT", CONTEXT))
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = 2
    params.ui = False
    params.api_keys = [os.environ[KEY_VARIABLE]]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # the server's threads do not end by themselves


if __name__ == "__main__":
    serve(sys.argv[1])
