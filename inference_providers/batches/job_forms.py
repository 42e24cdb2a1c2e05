"""Batch APIs that take requests themselves instead of a file with them: three forms, each as its maker documents it.

https://platform.claude.com/docs/en/api/creating-message-batches, https://ai.google.dev/gemini-api/docs/batch-api,
https://docs.x.ai/docs/guides/batch-api. Which form a provider has is a row (`batch.form_of`).
"""

from __future__ import annotations

import json

from inference_providers.batches import foreign_words
from inference_providers.batches.batch_api import BatchApi
from inference_providers.batches.job_api import DONE, RUNNING, json_lines
from inference_providers.errors import InferenceProvidersError
from inference_providers.protocols import json_or_text, messages_from, messages_out, messages_turns
from inference_providers.registry import MESSAGES
from inference_providers.transport import RESPONSE_CAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.batches.provider_parts import Part

_PAYLOAD = 20_000_000  # bytes of one request
_MOST_PAGES = 100_000
_JSON = "application/json"


class MessagesForm(BatchApi):
    """Anthropic's: a list of messages' parameters; results in lines below the job."""

    def request_of(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        lost: list[str] = []
        if self.offer.protocol != MESSAGES:  # else it is in these words already
            made = messages_out.message(body, self.offer.rules.model, limit=self.offer.output_limit)
            body, lost = made.body, made.lost
        params = {field: value for field, value in body.items() if field != "stream"}
        if strange := messages_turns.strange_kinds(params["messages"]):
            raise ValueError(f"a part of kind {strange[0]!r} cannot go into this provider's batch")
        return {"custom_id": name, "params": params}, lost

    async def send(self, part: Part) -> str:
        content = b'{"requests": [%s]}' % b",".join(part.lines)
        part.lines = []
        return self.id_of(await self.ask("POST", self._row["create"], content, _JSON))

    async def rows(self, job: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.stage_of(state) == RUNNING:
            return []
        text = await self.bytes("GET", self.path(self._row["results"], job), cap=self.results_cap)
        return [_of_message(row) for row in json_lines(text)]


def _of_message(row: Mapping[str, Any]) -> dict[str, Any]:
    result = row.get("result")
    result = result if isinstance(result, dict) else {}
    message = result.get("message")
    if result.get("type") == "succeeded" and isinstance(message, dict):
        return _answered(row.get("custom_id"), messages_from.completion(message, 0))
    return _failed(row.get("custom_id"), result.get("error"), result.get("type"))


class ContainerForm(BatchApi):
    """xAI's: a job that is made empty, filled, and read by pages; how it stands is told by counts."""

    def request_of(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        return {"batch_request_id": name, "batch_request": {"chat_get_completion": body}}, []

    async def send(self, part: Part) -> str:
        made = json.dumps({"name": f"batch-{part.names[0]}"}).encode()
        job = self.id_of(await self.ask("POST", self._row["create"], made, _JSON))
        lines, part.lines = part.lines, []
        path = self.path(self._row["upload"], job)
        try:
            while lines:
                size = count = 0
                while count < len(lines) and (not count or size + len(lines[count]) < _PAYLOAD):
                    size += len(lines[count])
                    count += 1
                await self.bytes("POST", path, b'{"batch_requests": [%s]}' % b",".join(lines[:count]), _JSON)
                del lines[:count]
        except InferenceProvidersError:
            await self._give_up(job)  # of what nobody will fetch, nothing is to be charged
            raise
        return job

    async def _give_up(self, job: str) -> None:
        try:
            await self.cancel(job)
        except InferenceProvidersError:
            pass  # what refused the lines is the error to report, and it is being raised

    def word_of(self, state: Mapping[str, Any]) -> str:
        count, pending = _counts(state)
        return "completed" if count and not pending else f"{pending} of {count} pending"

    def stage_of(self, state: Mapping[str, Any]) -> str:
        count, pending = _counts(state)
        return DONE if count and not pending else RUNNING

    async def rows(self, job: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path, token, seen = self.path(self._row["results"], job), "", set[str]()
        for _ in range(_MOST_PAGES):
            from urllib.parse import quote

            more = f"&pagination_token={quote(token, safe='', errors='replace')}" if token else ""
            page = json_or_text(await self.bytes("GET", f"{path}?limit=100{more}", cap=RESPONSE_CAP))
            page = page if isinstance(page, dict) else {}
            listed = page.get("results") or page.get("batch_results") or []
            found += [_of_container(row) for row in listed if isinstance(row, dict)]
            token = page.get("pagination_token") or ""
            if not isinstance(token, str) or not token or token in seen:
                return found
            seen.add(token)
        return found


def _counts(state: Mapping[str, Any]) -> tuple[int, int]:
    given = state.get("state")
    counts = given if isinstance(given, dict) else {}
    found = [counts.get(name) for name in ("num_requests", "num_pending")]
    count, pending = (number if type(number) is int else 0 for number in found)
    return count, pending


def _of_container(row: Mapping[str, Any]) -> dict[str, Any]:
    result = row.get("batch_result")
    result = result if isinstance(result, dict) else {}
    response = result.get("response")
    body = response.get("chat_get_completion") if isinstance(response, dict) else None
    if isinstance(body, dict):
        return _answered(row.get("batch_request_id"), body)
    error = result.get("error") or row.get("error") or row.get("error_message")
    return _failed(row.get("batch_request_id"), error, "failed")


class GenerateForm(BatchApi):
    """Google's: a list of requests to generateContent, of one model; an operation that holds the results."""

    def request_of(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        request, dropped = foreign_words.to_google(body)
        return {"request": request, "metadata": {"key": name}}, dropped

    async def send(self, part: Part) -> str:
        name = json.dumps(f"batch-{part.names[0]}").encode()
        requests = b'{"requests": {"requests": [%s]}}' % b",".join(part.lines)
        part.lines = []
        content = b'{"batch": {"display_name": %s, "input_config": %s}}' % (name, requests)
        path = self.path(self._row["create"], self.offer.internal_name.removeprefix("models/"))
        return self.id_of(await self.ask("POST", path, content, _JSON))

    def inside(self, reply: dict[str, Any]) -> dict[str, Any]:
        metadata = reply.get("metadata")
        return {**metadata, **reply} if isinstance(metadata, dict) else reply

    def word_of(self, state: Mapping[str, Any]) -> str:
        return str(state.get("state")).removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")

    async def rows(self, job: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: Any = state.get("response")
        found = found if isinstance(found, dict) else state.get("output")
        for _ in range(2):  # a list in an object of the same name
            found = found.get("inlinedResponses") if isinstance(found, dict) else found
        return [_of_operation(row) for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _of_operation(row: Mapping[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata")
    name = metadata.get("key") if isinstance(metadata, dict) else None
    if isinstance(row.get("response"), dict):
        return _answered(name, foreign_words.from_google(row["response"]))
    return _failed(name, row.get("error"), "failed")


def _answered(name: Any, body: dict[str, Any]) -> dict[str, Any]:
    return {"custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}


def _failed(name: Any, error: Any, word: Any) -> dict[str, Any]:
    """A row for a request that failed: with its error, else with the word for how it ended."""
    return {"custom_id": name, "response": None, "error": error or {"message": f"the request ended as {word!r}"}}


FORMS: dict[str, type[BatchApi]] = {"messages": MessagesForm, "container": ContainerForm, "generate": GenerateForm}


def api_class(row: Mapping[str, Any]) -> type[BatchApi]:
    """What speaks the form of a batch API."""
    return FORMS[row["form_of"]] if "form_of" in row else BatchApi
