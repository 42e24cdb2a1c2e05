"""The log of the command line's own calls: what is kept of them, and the one time that this is said."""

from __future__ import annotations

import os
import sys

import click

from inference_providers.cli.lists import environment
from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.clients import AsyncProviderList, ProviderList
    from inference_providers.telemetry import UsageLog
    from inference_providers.usage import LogSettings

HISTORY = "chat-history"
_TOLD = (
    "Calls are logged: tokens, cost and times, and for {days:.0f} days what is said in\n"
    "conversations that begin on a terminal. `inference-providers logs off` turns it\n"
    "off. The log: {path}"
)


def history_path(environ: Mapping[str, str]) -> str | None:
    """The file with what was typed in chats; None for a user without a home."""
    from inference_providers.files import folders

    folder = folders.own("state", environ)
    return None if folder is None else os.path.join(folder, HISTORY)


def keep(
    providers: ProviderList | AsyncProviderList, program: str, *, piped: bool = False, told_now: bool = False
) -> UsageLog | None:
    """Log the calls of a command, as the user, or else the environment, says; None where they are not logged.

    told_now: that is said at once, where it was never said, and not with the first call.

    By default what is said is kept of conversations that begin on a terminal, and of nothing that is *piped*.
    """
    from inference_providers.telemetry import Conversation, keep_log
    from inference_providers.usage import OFF, TEXT, USAGE, VARIABLE, LogSettings, mode_of

    environ = environment()
    settings = LogSettings.of(environ)
    if settings is None:
        return None
    on_terminal = not piped and sys.stdin is not None and sys.stdin.isatty()
    said = mode_of(None, environ) if environ.get(VARIABLE) else settings.mode
    mode = said or (TEXT if on_terminal else USAGE)
    if mode == OFF or (said is None and not _is_told(settings, providers, told_now)):
        return None
    log = keep_log(providers.pipeline, mode, environ, program)
    if log is not None and mode == TEXT:
        log.conversation = Conversation()
    return log


def _is_told(settings: LogSettings, providers: ProviderList | AsyncProviderList, now: bool) -> bool:
    """Have it said once, with the first call, where the log is.

    False where that cannot be remembered, and so nothing be kept either.
    """
    if settings.values.get("told"):
        return True
    try:
        settings.set(told=False)
    except OSError:
        return False

    def tell(event: object) -> None:
        if not settings.values.get("told") and not LogSettings(settings.path).values.get("told"):  # for another list
            settings.set(told=True)
            path = os.path.join(os.path.dirname(settings.path), LOG_NAME)
            say(_TOLD.format(path=path, days=settings.keep.text_days), err=True)

    from inference_providers.usage import LOG_NAME, LogSettings

    if now:
        tell(None)
    else:
        providers.pipeline.listeners.append(tell)
    return True


def go_on(log: UsageLog | None, conversation: str | None) -> tuple[list[dict[str, Any]], str]:
    """(messages so far, model) of a conversation, or of the latest, which the next call goes on with.

    Raises ClickException where there is none.
    """
    from inference_providers.telemetry import Conversation
    from inference_providers.usage import turns_of

    found = None if log is None else turns_of(log.file, conversation)
    if found is None or log is None:
        which = "conversation to go on with" if conversation is None else f"conversation {conversation!r} in the log"
        how = "`inference-providers logs on --text` keeps what is said" if log is not None else "nothing is logged"
        listed = "" if conversation is None else "\n`inference-providers logs` lists the calls that it has."
        raise click.ClickException(f"There is no {which}: {how}.{listed}")
    name, turns, model = found
    log.conversation = Conversation(name, len(turns))
    return turns, model
