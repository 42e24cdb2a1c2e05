"""An engine for tests: a small OpenAI-like server that takes its time, wants a key, and can fail in the ways engines do.

`python slow_engine.py PORT [--load SECONDS] [--until FILE] [--fail MESSAGE] [--count FILE]`; the key is in ENGINE_KEY.
It loads for so many seconds, and until a file is there; it adds a line to a file when it starts.
It writes each request's path and key to standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = os.environ.get("ENGINE_KEY", "")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.reply(200 if self.path == "/health" else 404, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers.get("authorization") != f"Bearer {KEY}":
            self.reply(401, {"error": {"message": "wrong key"}})
            return
        print(f"asked with {KEY}", flush=True)  # as careless engines do
        time.sleep(float(asked.get("seed") or 0))
        message = {"role": "assistant", "content": f"{os.getpid()} says hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.reply(200, {"object": "chat.completion", "model": asked["model"], "choices": [choice]})

    def reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("--load", type=float, default=0.0)
    options.add_argument("--until", default=os.devnull)
    options.add_argument("--fail", default="")
    options.add_argument("--count", default=os.devnull)
    given = options.parse_args()
    with open(given.count, "a", encoding="utf-8") as count:
        count.write("started\n")
    time.sleep(given.load)
    while not os.path.exists(given.until):
        time.sleep(0.02)
    if given.fail:
        sys.exit(given.fail)
    ThreadingHTTPServer(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
