"""`inference-providers serve`: one local address for programs in every language."""

from __future__ import annotations

import os
import sys

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.gateway import Metrics, Settings


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 for all networks.")
@click.option("--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
@click.option("--no-token", is_flag=True, help="Let every program on this machine in; on loopback only.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name by which it may be called.")
@click.option("--registry", type=click.Path(exists=True, dir_okay=False), help="A file merged over the registry.")
@click.option("--max-body", type=click.IntRange(1), default=64, show_default=True, help="MiB of a request.")
@guarded
def serve(
    host: str, port: int, workers: int, no_token: bool, allow_host: tuple[str, ...], registry: str | None, max_body: int
) -> None:
    """Serve every model within reach at one address, by OpenAI's API.

    Programs are given http://127.0.0.1:8484/v1 and the token that is in the file which this command names, or in
    INFERENCE_PROVIDERS_TOKEN where that is set. SIGHUP has registry and keys read anew.
    """
    from inference_providers.gateway import Metrics, Settings, admin_token, is_loopback, listening

    if no_token and not is_loopback(host):
        raise click.UsageError(f"--no-token is for loopback only: at {host} everybody could use your keys.")
    token = "" if no_token else admin_token(os.environ)
    settings = Settings(
        host=host, port=port, token=token, hosts=allow_host, max_body=max_body * 1024 * 1024, workers=workers
    )
    try:
        sock = listening(host, port)
    except OSError as error:
        raise click.ClickException(
            f"{host}:{port} cannot be listened at: {error.strerror}. Choose another --port."
        ) from None
    settings.port = sock.getsockname()[1]
    _introduce(settings, no_token)
    metrics = Metrics(workers)
    if workers == 1:
        _work(settings, sock, registry, metrics)
        return
    from inference_providers.gateway import Workers
    from inference_providers.routing import forget_refused
    from inference_providers.state import SHARED, state_of

    forget_refused(state_of(SHARED, os.environ))  # whoever starts it anew may have mended that
    sys.exit(Workers(workers, lambda: _work(settings, sock, registry, metrics, state=SHARED)).run())


def _introduce(settings: Settings, no_token: bool) -> None:
    """Say where it is, and what that means."""
    from inference_providers.gateway import token_place

    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"Serving at http://{address}:{settings.port}/v1", err=True)
    if no_token:
        say("Every program on this machine may use it: no token is asked for.", err=True)
    else:
        say(f"Token: {token_place(os.environ)}", err=True)
    if settings.is_open:
        say(
            "Other machines reach it, and what they send and get is not encrypted: put a proxy with TLS before it.",
            err=True,
        )


def _work(settings: Settings, sock: Any, registry: str | None, metrics: Metrics, state: str | None = None) -> None:
    """One worker, until a signal ends it."""
    import uvloop

    from inference_providers.gateway import Gateway
    from inference_providers.gateway import serve as serving

    uvloop.run(serving(Gateway(lambda: _providers(registry, state), settings, metrics=metrics), sock))


def _providers(registry: str | None, state: str | None) -> Any:
    """The list that is served, with the log that commands keep."""
    from inference_providers import AsyncProviderList
    from inference_providers.usage import OFF, USAGE, VARIABLE, LogSettings

    settings = LogSettings.of(os.environ)
    said = None if os.environ.get(VARIABLE) else (settings.mode if settings is not None else OFF) or USAGE
    return AsyncProviderList(json_merge=registry, state=state, log=said)  # type: ignore[arg-type]
