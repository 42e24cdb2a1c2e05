"""`inference-providers serve`: one local address for programs in every language."""

from __future__ import annotations

import gc
import os
import sys

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway import Gateway, Metrics, Settings
    from inference_providers.settings import LayeredEnvironment


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 for all networks.")
@click.option("--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
@click.option("--no-token", is_flag=True, help="Let every program on this machine in; on loopback only.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name by which it may be called.")
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False),
    help="A file with NAME=VALUE lines, such as keys, over the environment; SIGHUP has it read again.",
)
@click.option("--registry", type=click.Path(exists=True, dir_okay=False), help="A file merged over the registry.")
@click.option("--max-body", type=click.IntRange(1), default=64, show_default=True, help="MiB of a request.")
@guarded
def serve(
    host: str,
    port: int,
    workers: int,
    no_token: bool,
    allow_host: tuple[str, ...],
    env_file: str | None,
    registry: str | None,
    max_body: int,
) -> None:
    """Serve every model within reach at one address.

    Programs for OpenAI's API are given http://127.0.0.1:8484/v1, those for Anthropic's, Google's or Ollama's
    http://127.0.0.1:8484, and the token that is in the file which this command names, or in INFERENCE_PROVIDERS_TOKEN
    where that is set. SIGHUP has registry and keys read anew.
    """
    _check_installed()
    from inference_providers.gateway import Metrics, Settings, Workers, hold_signals, is_loopback, listening

    if no_token and not is_loopback(host):
        raise click.UsageError(f"--no-token is for loopback only: at {host} everybody could use your keys.")
    hold_signals("SIGHUP")
    source = _Source(registry, env_file, no_token, is_shared=workers > 1)
    environ = source.environ()
    limit = max_body * 1024 * 1024
    token = source.token(environ)
    settings = Settings(host=host, port=port, token=token, hosts=allow_host, max_body=limit, workers=workers)
    try:
        sock = listening(host, port)
    except OSError as error:
        raise click.ClickException(_not_listening(host, port, error)) from None
    settings.port = sock.getsockname()[1]
    metrics = Metrics(workers)
    gateway = _gateway(settings, source, metrics)  # what is wrong is told here, and by none of the workers
    hold_signals("SIGTERM")
    _introduce(settings, environ)
    if workers == 1:
        _work(gateway, sock)
        return
    from inference_providers.routing import forget_refused
    from inference_providers.state import SHARED, state_of

    known = state_of(environ.get("INFERENCE_PROVIDERS_STATE") or SHARED, environ)
    forget_refused(known)  # whoever starts it anew may have mended that
    known.close()
    if known.link is not None:
        known.link.close()  # each worker has one of its own, and no fork is made beside threads
    sys.exit(Workers(workers, lambda: _work(_gateway(settings, source, metrics), sock), sock).run())


def _not_listening(host: str, port: int, error: OSError) -> str:
    """Why an address cannot be listened at, and which option mends that."""
    import errno

    option = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
    return f"Nothing can listen at {host}:{port}: {error.strerror}.\nChoose another {option}."


def _check_installed() -> None:
    """Raise a usage error where the extra is missing, or this system has not what it takes."""
    from importlib.util import find_spec

    from inference_providers import installing

    if not hasattr(os, "fork"):
        raise click.ClickException("`serve` needs Linux, macOS or another Unix: start it in WSL.")
    missing = [name for name in ("uvloop",) if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"`serve` needs {', '.join(missing)}: {installing.command('gateway')}")


class _Source:
    """What a gateway is made of, read at its start and again for each SIGHUP."""

    def __init__(self, registry: str | None, env_file: str | None, no_token: bool, *, is_shared: bool) -> None:
        self._registry, self._no_token, self._is_shared = registry, no_token, is_shared
        self._env_file = env_file and os.path.abspath(env_file)

    def environ(self) -> LayeredEnvironment:
        """The environment of this process and the file's over it, both over the user's settings. Raises ValueError."""
        from inference_providers.gateway import read_environ
        from inference_providers.settings import layered

        return layered(read_environ(self._env_file, os.environ) if self._env_file else dict(os.environ))

    def token(self, environ: Mapping[str, str]) -> str:
        """The administrator's token. Raises ValueError and OSError."""
        from inference_providers.gateway import admin_token

        if self._no_token:
            return ""
        return admin_token(environ)

    def providers(self, environ: Mapping[str, str]) -> Any:
        """The list that is served, with the log that commands keep."""
        from inference_providers import AsyncProviderList
        from inference_providers.usage import OFF, USAGE, VARIABLE, LogSettings

        settings = LogSettings.of(environ)
        said = None if environ.get(VARIABLE) else (settings.mode if settings is not None else OFF) or USAGE
        state: Any = environ.get("INFERENCE_PROVIDERS_STATE") or ("shared" if self._is_shared else None)
        return AsyncProviderList(json_merge=self._registry, environ=environ, log=said, state=state, settings=True)  # type: ignore[arg-type]


def _introduce(settings: Settings, environ: Mapping[str, str]) -> None:
    """Say where it is, and what that means."""
    from inference_providers.gateway import token_place

    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"Serving at http://{address}:{settings.port}/v1", err=True)
    if not settings.token:
        say("Every program on this machine may use it: no token is asked for.", err=True)
    else:
        say(f"Token: {token_place(environ)}", err=True)
        say(f"Page: http://{address}:{settings.port}/", err=True)
    if settings.is_open:
        say("Other machines reach it, and what they send and get is not encrypted:", err=True)
        say("put a proxy with TLS before it.", err=True)


def _gateway(settings: Settings, source: _Source, metrics: Metrics) -> Gateway:
    """A gateway that reads all of its source anew when it is told to."""
    from inference_providers.gateway import Gateway

    def read() -> Any:
        environ = source.environ()
        providers = source.providers(environ)
        settings.token = source.token(environ)
        return providers

    return Gateway(read, settings, metrics=metrics)


def _work(gateway: Gateway, sock: socket.socket) -> None:
    """Serve until a signal ends it."""
    import uvloop

    from inference_providers.gateway import serve as serving

    gc.set_threshold(10_000, 20, 50)  # each request makes hundreds of objects, of which next to none are in circles
    uvloop.run(serving(gateway, sock))
