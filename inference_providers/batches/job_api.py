"""One provider's batch API, as its row of the registry describes it: requests to it, and what it says of a job."""

from __future__ import annotations

import asyncio
import time

from inference_providers.credentials import Secret
from inference_providers.errors import InvalidRequestError, ProviderError, ProviderUnavailableError
from inference_providers.log import warn
from inference_providers.protocols import classify, error_details, json_or_text
from inference_providers.routing import OVERLOADED
from inference_providers.text import in_line
from inference_providers.transport import RESPONSE_CAP, WireError, request_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer
    from inference_providers.transport import Request

TRIES = 6  # of one request to a batch API, when the provider is unwell
RESULT_CAP = 1024 * 1024 * 1024  # bytes of one results file
RUNNING, DONE, FAILED = "running", "done", "failed"
_PASSING = (408, 409, 425, 429)  # refusals that may be none a moment later
_LISTS = ("data", "batches", "jobs", "operations")  # what a list of jobs stands in
_IDS = ("id", "batch_id", "name")
_SHOWN = 3  # problems of one job


class JobApi:
    """Requests to a provider's batch API, by its own address and with its own key."""

    def __init__(self, pipeline: Pipeline, offer: Offer, row: Mapping[str, Any]) -> None:
        self._pipeline, self.offer, self._row = pipeline, offer, row
        self.results_cap, self.tries = RESULT_CAP, TRIES

    def unwell(self, what: str) -> ProviderUnavailableError:
        """An error that says what it did."""
        name = self.offer.provider
        return ProviderUnavailableError(f"{name}: {what}", provider=name)

    async def look(self, job: str) -> dict[str, Any]:
        """A job, as it says it is now."""
        return self.inside(await self.ask("GET", self.path(self._row["poll"], job)))

    async def jobs(self, limit: int) -> list[dict[str, Any]]:
        """Its jobs, the newest first, as far as its first page has them."""
        where = self._row.get("list", self._row["create"])
        data = json_or_text(await self.bytes("GET", f"{where}?{self._row.get('limit', 'limit')}={limit}"))
        rows = data if isinstance(data, list) else next((data[n] for n in _LISTS if data.get(n)), []) if data else []
        return [self.inside(row) for row in rows if isinstance(row, dict)][:limit]

    async def cancel(self, job: str) -> dict[str, Any]:
        """A job that is to end."""
        path = self._row.get("cancel", f"{self._row['poll']}/cancel")
        await self.ask("POST", self.path(path, job), b"{}", "application/json")
        return await self.look(job)

    async def rows(self, job: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The results of a job, a row each."""
        found: list[dict[str, Any]] = []
        for field in (self._row["output"], self._row["errors"]):
            if state.get(field):
                path = self.path(self._row["download"], str(state[field]))
                found += json_lines(await self.bytes("GET", path, cap=RESULT_CAP))
        return found

    def id_of(self, state: Mapping[str, Any]) -> str:
        """A job's id. Raises ProviderUnavailableError."""
        found = next((state[name] for name in _IDS if isinstance(state.get(name), str)), None)
        if found is None:
            raise self.unwell("its batch API gave no job id")
        return str(found)

    def word_of(self, state: Mapping[str, Any]) -> str:
        """A job's own word for how it stands."""
        return str(state.get(self._row.get("status", "status")))

    def stage_of(self, state: Mapping[str, Any]) -> str:
        """How a job stands: RUNNING, DONE or FAILED."""
        word = self.word_of(state)
        return DONE if word in self._row["done"] else FAILED if word in self._row["failed"] else RUNNING

    def path(self, template: str, name: str) -> str:
        """A row's path for something that the provider has named.

        Raises ProviderUnavailableError for a name that leads elsewhere.
        """
        from urllib.parse import quote

        if any(part in ("", ".", "..") for part in name.split("/")):
            raise self.unwell(f"its batch API gave something that is not an id: {name[:80]!r}")
        return template.replace("{id}", quote(name, safe="/:", errors="replace"))

    def inside(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A job, out of a reply that holds it."""
        inner = reply.get(self._row.get("inside", ""))
        return inner if isinstance(inner, dict) else reply

    async def ask(self, method: str, path: str, content: bytes = b"", kind: str = "") -> dict[str, Any]:
        """A request whose reply is an object."""
        data = json_or_text(await self.bytes(method, path, content, kind))
        if not isinstance(data, dict):
            raise self.unwell("its batch API gave no JSON object")
        return self.inside(data)

    def _request(self, method: str, path: str, content: bytes, kind: str) -> Request:
        """To the provider's endpoint, or beside the part of it that speaks OpenAI's words; with the key."""
        row, offer = self._row, self.offer
        headers = {**({"Content-Type": kind} if kind else {}), **row.get("headers", {})}
        request = request_to(offer, method, path, headers, content or None)
        if beside := row.get("beside"):
            request.url = offer.endpoint.removesuffix(beside) + path
        if (header := row.get("key")) and offer.api_key is not None:
            fields = {name: value for name, value in request.headers.items() if type(value) is not Secret}
            request.headers = {**fields, header: Secret(offer.api_key)}
        return request

    async def bytes(
        self, method: str, path: str, content: bytes = b"", kind: str = "", cap: int = RESPONSE_CAP
    ) -> bytes:
        """A request to the provider's own address, with its own key; tried again while the provider is unwell."""
        request = self._request(method, path, content, kind)
        for attempt in range(self.tries):
            try:
                response = await self._pipeline.async_sender.send(request, limit=self._pipeline.timeout)
                body = await response.read(cap)
                if response.status in classify.SUCCESS:
                    return body
                verdict = classify.refusal(
                    response.status, response.headers, body, self.offer.provider, (self.offer.api_key,), time.time()
                )
            except WireError as error:
                verdict = classify.failure(error, self.offer.provider)
                # Whether a request that starts work has done so is not known: asked again, it might be paid for twice.
                if method == "POST" and error.kind not in ("connect", "tls"):
                    raise verdict.error or ProviderError(str(error)) from None
            problem = verdict.error or self.unwell("no answer")
            if (
                isinstance(problem, InvalidRequestError)
                or (300 <= (problem.status or 0) < 500 and problem.status not in _PASSING)
                or problem.code == "forbidden"
                or verdict.action in (classify.DEAD, classify.STOP)
                or (method == "POST" and (problem.status or 0) >= 500 and problem.status not in OVERLOADED)
                or attempt == self.tries - 1
            ):
                raise problem
            wait = verdict.retry_after or min(60.0, 2.0**attempt)
            warn(f"{problem}; asked again in {wait:.0f} s")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")


def problem_of(state: Mapping[str, Any]) -> str:
    """Why a job failed, in its own words: of a list of problems the first few; empty if it does not say."""
    errors = state.get("errors")
    listed = errors.get("data", [errors]) if isinstance(errors, dict) else errors
    if not isinstance(listed, list) or not listed:
        listed = [state.get(name) for name in ("error", "failure_reason", "status_reason", "message", "reason")]
    told = list(dict.fromkeys(filter(None, map(_told, listed[:1000]))))
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return in_line("; ".join(told[:_SHOWN]) + more)


def _told(problem: Any) -> str:
    if isinstance(problem, str):
        return problem.strip()
    if not isinstance(problem, dict):
        return ""
    words = error_details(problem).message or str(problem.get("code") or "")
    line = problem.get("line")
    return f"line {line}: {words}" if words and isinstance(line, int) and not isinstance(line, bool) else words


def json_lines(text: bytes) -> Iterator[dict[str, Any]]:
    """The objects among the lines of a text."""
    for line in text.split(b"\n"):
        row = json_or_text(line)
        if isinstance(row, dict):
            yield row
