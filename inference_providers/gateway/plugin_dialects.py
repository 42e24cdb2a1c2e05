"""Paths that plug-ins bring: each reads a request of its own as a chat completion, and puts the reply in its words."""

from __future__ import annotations

import re

from inference_providers.files import folders
from inference_providers.gateway import dialects, passed
from inference_providers.gateway.dialects import Dialect
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.routes import Route, Routes
from inference_providers.plugins import DIALECTS, objects
from inference_providers.protocols import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway.messages import Handler
    from inference_providers.gateway.service import Gateway
    from inference_providers.plugins import Dialect as Plugin

_PATH = r"(/[A-Za-z0-9._~-]+)+"


def routes(environ: Mapping[str, str], ours: Routes) -> list[Route]:
    """A route for each dialect of a plug-in; what is wrong with others is told once. *ours*: paths that are taken."""
    plugins = objects(DIALECTS, environ)
    wrong = problems(plugins, ours)
    for name, problem in wrong.items():
        folders.warn_once(f"The plug-in {name!r} (dialect) is left out: {problem}")
    return [Route("POST", one.path, _handler(name, one)) for name, one in plugins.items() if name not in wrong]


def taken_paths(plugins: Mapping[str, Plugin]) -> dict[str, str]:
    """`problems`, with the paths of the gateway."""
    from inference_providers.gateway.table import ROUTES

    return problems(plugins, Routes(ROUTES))


def problems(plugins: Mapping[str, Plugin], ours: Routes) -> dict[str, str]:
    """What is wrong with the paths of dialects, by their names."""
    found: dict[str, str] = {}
    for name, plugin in plugins.items():
        others = [other for other, one in plugins.items() if one.path == plugin.path and other != name]
        if not re.fullmatch(_PATH, plugin.path):
            found[name] = f"{plugin.path!r} is not a path of plain segments, like /v2/chat"
        elif ours.methods(plugin.path):
            found[name] = f"{plugin.path} is a path of the gateway's own"
        elif others:
            found[name] = f"{plugin.path} is the path of {' and '.join(others)}, too"
    return found


def _handler(name: str, plugin: Any) -> Handler:
    media_type = getattr(plugin, "media_type", passed.EVENTS)
    made = Dialect(
        name,
        lambda completion, _: plugin.reply(completion),
        lambda _: plugin.events(),
        media_type=media_type,
        ping=b": waiting for the model\n\n" if media_type == passed.EVENTS else b"",
    )

    async def handler(gateway: Gateway, incoming: Incoming) -> Outgoing:
        return await dialects.answered(gateway, incoming, made, _asked(plugin, incoming.json()))

    return handler


def _asked(plugin: Plugin, body: dict[str, Any]) -> Asked:
    """A request, as the plug-in reads it. Raises Refused for what it refuses, and for what nobody can be asked."""
    try:
        read = plugin.read(body)
    except ValueError as error:
        raise Refused(400, str(error) or "The request cannot be read.", "invalid_request") from None
    streams = read.get("stream") is True
    if streams and not hasattr(plugin, "events"):
        raise Refused(400, f"{plugin.path} has no streams: leave `stream` out.", "unsupported", parameter="stream")
    return Asked(read, read, streams=streams)
