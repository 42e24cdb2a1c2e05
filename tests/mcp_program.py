"""A server of MCP by the official SDK, for tests: over standard input and output, or at a port that is given."""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, TextContent, ToolAnnotations

server = MCPServer("demo", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def write(path: str) -> str:
    """Write a file."""
    print("noise of the server", file=sys.stderr)
    return f"written {path}"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def variables() -> list[str]:
    """Name the variables of the environment."""
    return sorted(os.environ)


@server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def picture() -> list[TextContent | ImageContent]:
    """Draw."""
    return [TextContent(type="text", text="a dot"), ImageContent(type="image", data="AAAA", mime_type="image/png")]


@server.tool()
def never() -> str:
    """What no section of a test wants."""
    raise AssertionError


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def fail() -> str:
    """Fail."""
    raise ToolError("there is nothing")


if __name__ == "__main__":
    server.run()
