"""`--tool` and `--mcp`: what a model may call while it answers."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import wraps

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from click.shell_completion import CompletionItem

    from inference_providers.toolsets import Permission, Session


def complete_server(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of servers in the settings that start with what was typed."""
    from click.shell_completion import CompletionItem

    from inference_providers.cli.lists import environment

    known = environment().section("mcp")
    return [CompletionItem(name) for name in sorted(known) if name.startswith(incomplete)]


def with_tools(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--tool`, `--mcp`, `--allow-tools` and `--max-steps`; what they name goes into *options* as `tools`."""

    @wraps(command)
    def run(
        *args: Any,
        tool: tuple[str, ...],
        servers: tuple[str, ...],
        allow_tools: bool,
        max_steps: int | None,
        **kwargs: Any,
    ) -> Any:
        options = kwargs.setdefault("options", {})
        if not tool and not servers:
            return command(*args, **kwargs)
        if max_steps is not None:
            options["max_steps"] = max_steps
        with opened(tool, servers, everything=allow_tools) as options["tools"]:
            return command(*args, **kwargs)

    for option in (
        click.option(
            "--max-steps", type=click.IntRange(min=1), help="Replies at most, those that call tools among them."
        ),
        click.option("--allow-tools", is_flag=True, help="Let tools write without a question for each call."),
        click.option(
            "--mcp",
            "servers",
            multiple=True,
            metavar="NAME",
            shell_complete=complete_server,
            help="An MCP server of the settings whose tools the model may call; may be repeated.",
        ),
        click.option(
            "--tool",
            multiple=True,
            metavar="MODULE:FUNCTION",
            help="A function that the model may call, also FILE.py:FUNCTION or a plug-in's name; may be repeated.",
        ),
    ):
        run = option(run)
    return run


@contextmanager
def opened(functions: Sequence[str], servers: Sequence[str], *, everything: bool) -> Iterator[list[Any]]:
    """Tools for a question: functions, and those of servers, which run for as long as this is open.

    Raises ValueError for what cannot be found, and ServerError for a server that cannot be used.
    """
    from inference_providers.cli import tool_question
    from inference_providers.cli.lists import environment
    from inference_providers.toolsets import Permission, function_at

    permission = Permission(tool_question.ask, tool_question.tell, everything=everything)
    load, environ = _aside(function_at), environment()
    found: list[Any] = [permission.function(_aside(load(address, environ))) for address in dict.fromkeys(functions)]
    sessions = sessions_of(servers) if servers else []
    try:
        for session in sessions:  # all at once: each takes as long as its program to start
            session.start()
        for session in sessions:
            found += _tools(session, permission)
        yield found
    finally:
        for session in sessions:
            session.leave()
        for session in sessions:
            session.close()


def _aside(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose output goes to standard error: it is not the answer."""
    from contextlib import redirect_stdout

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with redirect_stdout(sys.stderr):
            return function(*args, **kwargs)

    return run


def sessions_of(servers: Sequence[str] | None) -> list[Session]:
    """Servers of the settings by their names, or all of them, not started yet. Raises ValueError and SettingsError."""
    from inference_providers.cli.lists import environment
    from inference_providers.toolsets import Session, server_of

    known = environment(strict=True)
    sections = known.section("mcp")
    wanted = sorted(sections) if servers is None else dict.fromkeys(servers)
    return [Session(server_of(name, sections, known), known) for name in wanted]


def _tools(session: Session, permission: Permission) -> list[Any]:
    from inference_providers.cli.output import say
    from inference_providers.toolsets import tools_of

    made = [
        permission.tool(tool, harmless=session.server.calls_freely(listed.harmless))
        for tool, listed in tools_of(session)
    ]
    for note in session.notes:
        say(f"({note})", err=True)
    return made
