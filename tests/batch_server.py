"""Servers for batches: one that says back what it is asked, and one with files and jobs like OpenAI's, Mistral's or Together's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.servers import Connection, Received, answer, completion

FILES = re.compile(r'name="([^"]+)"(?:; filename="[^"]*")?(?:\r\n[^\r\n]+)*\r\n\r\n(.*?)\r\n--', re.DOTALL)


def last(request: Received) -> str:
    """The last message of a request."""
    return str(request.json["messages"][-1].get("content"))


def prompts(requests: list[Received]) -> list[str]:
    """The last messages of the chats among *requests*."""
    return [last(request) for request in requests if request.path.endswith("/chat/completions")]


def echo(connection: Connection, request: Received) -> None:
    """Say it back."""
    if request.path.endswith("/chat/completions"):
        connection.reply(200, completion(f"re: {last(request)}", request.json["model"]))
    else:
        answer(connection, request)


class Jobs:
    """A batch API. *row* is that of the registry; *ends* makes the results of a job out of its lines."""

    def __init__(self, row: dict[str, Any], *, looks: int = 1, status: str | None = None) -> None:
        self.row, self.looks, self.status = row, looks, status or row["done"][0]
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.forms: list[dict[str, str]] = []
        self.uploads = 0
        self.refuse: dict[str, Callable[[Connection], None]] = {}  # by the first words of "METHOD path"
        self.result: Callable[[dict[str, Any]], dict[str, Any] | str | None] = good
        self.more: dict[str, Any] = {}  # what a job says beside
        self.failing: Callable[[dict[str, Any]], bool] = lambda line: False

    def __call__(self, connection: Connection, request: Received) -> None:
        path, row = request.path.removeprefix("/v1"), self.row
        for start, refusal in list(self.refuse.items()):
            if f"{request.method} {path}".startswith(start):
                return refusal(connection)
        if request.method == "POST" and path == row["upload"]:
            return connection.reply(200, self._upload(request))
        if request.method == "POST" and path == row["create"]:
            return connection.reply(200, self._inside(self._create(request.json)))
        start = row.get("list", row["create"])
        if request.method == "GET" and path.partition("?")[0] == start:
            jobs = [self._inside(job) for job in reversed(self.jobs.values())]
            return connection.reply(200, {"object": "list", "data": jobs, "has_more": False})
        begin, end = row.get("cancel", f"{row['poll']}/cancel").split("{id}")
        if request.method == "POST" and path.startswith(begin) and path.endswith(end):
            job = self.jobs[path[len(begin) : len(path) - len(end)]]
            job["status"], job["ended"] = "cancelling", True
            return connection.reply(200, self._inside(job))
        head, tail = row["download"].split("{id}")
        if path.startswith(head) and path.endswith(tail):
            found = self.files.get(path[len(head) : len(path) - len(tail)])
            return connection.reply(404 if found is None else 200, found if found is not None else {"error": "gone"})
        job = self.jobs.get(path.removeprefix(row["poll"].removesuffix("{id}")))
        return connection.reply(404, {"error": "no job"}) if job is None else connection.reply(200, self._look(job))

    @property
    def lines(self) -> list[list[dict[str, Any]]]:
        """The uploaded files, parsed."""
        return [
            [json.loads(line) for line in data.splitlines()] for name, data in self.files.items() if name[:2] == "in"
        ]

    def _inside(self, job: dict[str, Any]) -> dict[str, Any]:
        return {self.row["inside"]: job} if "inside" in self.row else job

    def _upload(self, request: Received) -> dict[str, Any]:
        form = dict(FILES.findall(request.body.decode()))
        self.uploads += 1
        name = f"in-{self.uploads}"
        self.files[name] = form.pop("file").encode()
        self.forms.append(form)
        return {"id": name, "object": "file"}

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        job = {"id": f"job-{len(self.jobs) + 1}", "status": "validating", "asked": body, "left": self.looks}
        self.jobs[str(job["id"])] = job
        return job

    def _look(self, job: dict[str, Any]) -> dict[str, Any]:
        job["left"] -= 1
        if job["left"] < 0 and "ended" not in job:
            job["ended"] = True
            job["status"] = self.status
            job |= self.more
            self._end(job)
        return job

    def _end(self, job: dict[str, Any]) -> None:
        given = job["asked"].get("input_file_id") or job["asked"]["input_files"][0]
        lines = [json.loads(line) for line in self.files[given].splitlines()]
        for field, chosen in (
            (self.row["output"], [line for line in lines if not self.failing(line)]),
            (self.row["errors"], [line for line in lines if self.failing(line)]),
        ):
            made = [row for line in chosen if (row := self.result(line)) is not None]
            if made:
                name = f"{field}-{job['id']}"
                text = [row if isinstance(row, str) else json.dumps(row) for row in reversed(made)]
                self.files[name] = ("\n".join(text) + "\n").encode()
                job[field] = name


def good(line: dict[str, Any]) -> dict[str, Any]:
    """A line's result: what was said, said back."""
    text = f"re: {line['body']['messages'][-1]['content']}"
    body = completion(text, line["body"]["model"])
    return {"id": "x", "custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def bad(line: dict[str, Any]) -> dict[str, Any]:
    """A line's result: refused."""
    body = {"error": {"message": "your prompt is bad", "type": "invalid_request_error"}}
    return {"id": "x", "custom_id": line["custom_id"], "response": {"status_code": 400, "body": body}, "error": None}
