"""A bare relay, to compare gateways with: uvicorn takes requests, aiohttp sends them on, nothing is read.

`python -m benchmarks.gateway_relay PORT UPSTREAM`, the ports of the relay and of the provider.
"""

from __future__ import annotations

import sys
from typing import Any

import aiohttp
import uvicorn

sessions: list[aiohttp.ClientSession] = []


async def relay(scope: Any, receive: Any, send: Any) -> None:
    """Send a request on, and its reply back as it comes."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"].endswith("shutdown"):
                return
    if not sessions:
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    url = f"http://127.0.0.1:{sys.argv[2]}/v1/chat/completions"
    async with sessions[0].post(url, data=content, headers={"Content-Type": "application/json"}) as reply:
        kept = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        headers = [field for field in kept if field[0] in (b"content-type", b"content-length")]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        async for piece in reply.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        relay,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="critical",
        access_log=False,
    )
