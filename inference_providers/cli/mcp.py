"""`inference-providers mcp`: the servers of MCP in the settings, and what they can do."""

from __future__ import annotations

import click

from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.output import json_option
from inference_providers.cli.toolbox import complete_server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SHOWN = 100  # characters of a description


@click.group()
def mcp() -> None:
    """Look at MCP servers: programs and addresses whose tools a model may call (`ask-ai --mcp NAME`)."""


@mcp.command("list")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_server)
@json_option
@guarded
def list_(names: tuple[str, ...], as_json: bool) -> None:
    """Start the servers of the settings, or those that are named, and list their tools."""
    import sys

    from inference_providers.cli.output import say, say_json
    from inference_providers.cli.toolbox import sessions_of

    sessions = sessions_of(names or None)
    if not sessions:
        say("There is no MCP server in the settings; a section [mcp.NAME] with a command or a url makes one.", err=True)
    try:
        for session in sessions:
            session.start()
        found = [_looked_at(session) for session in sessions]
    finally:
        for session in sessions:
            session.leave()
        for session in sessions:
            session.close()
    if as_json:
        say_json(found)
    else:
        for one in found:
            _say(one)
    if any("problem" in one for one in found):
        sys.exit(FAILED)


def _looked_at(session: Any) -> dict[str, Any]:
    from inference_providers.toolsets import ServerError

    server = session.server
    found: dict[str, Any] = {"server": server.name, "place": server.place}
    try:
        found["tools"] = [
            {
                "name": one.full_name,
                "description": one.description,
                "asks": not server.calls_freely(one.harmless),
                "parameters": one.parameters,
            }
            for one in session.tools()
        ]
        found["notes"] = session.notes
    except ServerError as error:
        found["problem"] = str(error)
    return found


def brief(text: str) -> str:
    """The beginning of a text, up to the end of a word where it has any."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rpartition(' ')[0] or text[:_SHOWN]} ..."


def _say(found: dict[str, Any]) -> None:
    from inference_providers.cli.output import listed, say
    from inference_providers.text import in_line

    say(f"{found['server']}  {in_line(found['place'])}", bold=True)
    if "problem" in found:
        say("\n".join(f"  {line}" for line in found["problem"].split("\n")), fold=True)
        return
    rows = []
    for tool in found["tools"]:
        about = brief(in_line(" ".join(tool["description"].split())))
        rows.append((tool["name"], f"{about} (asks before a call)" if tool["asks"] else about))
    say(listed(rows) if rows else "  no tools")
    for note in found["notes"]:
        say(f"  ({in_line(note)})")
