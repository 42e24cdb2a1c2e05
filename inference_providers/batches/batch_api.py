"""One provider's batch API for one batch: a part of it sent, waited for, and read. The form is that of OpenAI's."""

from __future__ import annotations

import asyncio
import json
import time

from inference_providers import chat
from inference_providers.batches.items import Item, Result
from inference_providers.batches.job_api import FAILED, RUNNING, JobApi, problem_of
from inference_providers.calls import refused
from inference_providers.chat import AnswerBuilder, parameters
from inference_providers.errors import InferenceProvidersError, InvalidRequestError
from inference_providers.offers import wire_name
from inference_providers.protocols import PROTOCOLS, capable_offers, classify, error_details, fit
from inference_providers.registry import OPENAI_PROTOCOL
from inference_providers.usage import Charge, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.batches.job import Job
    from inference_providers.batches.provider_parts import Part
    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer


class BatchApi(JobApi):
    """A provider's batch API for one batch."""

    def __init__(self, pipeline: Pipeline, offer: Offer, row: Mapping[str, Any], job: Job) -> None:
        super().__init__(pipeline, offer, row)
        self._job = job
        self.most, self.largest = row["requests"], row["bytes"]

    def line(self, item: Item, name: str) -> tuple[bytes, list[str]]:
        """An item as a line of the file, as it would be asked directly; and what was left out.

        Raises InvalidRequestError.
        """
        request = self._pipeline.request(item.body, self._job.pattern)
        capable_offers(request, [self.offer], self._pipeline.who_could)
        fitted = fit(request, self.offer)
        try:
            row, further = self.request_of(name, fitted.body or {})
        except ValueError as error:
            raise InvalidRequestError(f"{self.offer.provider}: {error}", provider=self.offer.provider) from None
        if further and self._job.pattern.on_unsupported == parameters.ERROR:
            told = f"{self.offer.provider}: its batch API has no word for {parameters.listed(further)}"
            raise InvalidRequestError(told, provider=self.offer.provider)
        dropped = [*fitted.dropped, *further]
        self._pipeline.note_dropped(self.offer, dropped)
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n", dropped

    def request_of(self, name: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A request in the API's form, and which fields it has no word for. Raises ValueError."""
        url = self._row["body"].get("endpoint", "/v1/chat/completions")
        return {"custom_id": name, "method": "POST", "url": url, "body": body}, []

    async def send(self, part: Part) -> str:
        """Upload a part and start the work on it; the job's id."""
        row, name = self._row, f"batch-{part.names[0]}.jsonl"
        form = {field: value.replace("{name}", name) for field, value in row["form"].items()}
        content, kind = multipart(form, name, b"".join(part.lines))
        part.lines = []
        uploaded = await self.ask("POST", row["upload"], content, kind)
        if not isinstance(uploaded.get("id"), str):
            raise self.unwell("its batch API gave the file no id")
        values = {"{file}": uploaded["id"], "{model}": wire_name(self.offer)}
        asked = _filled(row["body"], values)
        if self._job.completion_window and "completion_window" in asked:
            asked["completion_window"] = self._job.completion_window
        body = json.dumps(asked).encode()
        return self.id_of(await self.ask("POST", row["create"], body, "application/json"))

    async def wait_for(self, part: Part, poll: tuple[float, float]) -> list[Result]:
        """Look until the job has ended; the results of its items. *poll*: seconds between looks, first and at most."""
        pause, longest = poll
        until = time.monotonic() + 7 * 86400
        while True:
            state = await self.look(part.job)
            if (stage := self.stage_of(state)) != RUNNING:
                break
            if time.monotonic() > until:
                raise self.unwell(f"job {part.job} has not ended in a week")
            await asyncio.sleep(pause)
            pause = min(longest, pause * 1.5)
        ours = frozenset(part.names)
        rows_found = await self.rows(part.job, state)
        if len(rows_found) == len(part.names) and not any(row.get("custom_id") for row in rows_found):
            rows_found = [{**row, "custom_id": name} for row, name in zip(rows_found, part.names, strict=True)]
        found = {name: row for row in rows_found if (name := str(row.get("custom_id"))) in ours}
        problem = problem_of(state) if stage == FAILED else ""
        failed = f"the job ended as {self.word_of(state)!r}{f': {problem}' if problem else ' without a result for it'}"
        rows = zip(part.items, part.names, part.dropped, strict=True)
        return [self.result(item, found.get(name), failed, dropped) for item, name, dropped in rows]

    def result(self, item: Item, row: Any, otherwise: str, dropped: list[str]) -> Result:
        response = row.get("response") if isinstance(row, dict) else None
        response = response if isinstance(response, dict) else {}
        body = response.get("body")
        if not isinstance(body, dict):
            problem = (error_details(row).message if isinstance(row, dict) else "") or otherwise
            return Result(item, None, self.unwell(f"{problem}"))
        content = json.dumps(body).encode()
        verdict = PROTOCOLS[OPENAI_PROTOCOL].decode(  # as which every form gives its rows
            code if isinstance(code := response.get("status_code"), int) and code else 200,
            {},
            content,
            self.offer.provider,
            (self.offer.api_key,),
            time.time(),
            path=chat.PATH,
            allow_empty=False,
            registry=self.offer.registry,
        )
        if verdict.action != classify.OK:
            return Result(item, None, verdict.error)
        try:
            refused.check(chat.message_of(body), None, self.offer)
        except InferenceProvidersError as error:
            return Result(item, None, error)
        part = self._row.get("price", 1.0)
        facts, registry = self.offer.facts, self.offer.registry
        charged = Charge(usage_of(chat.billed_in(body)), facts, registry, service="batch", part=part)
        given = AnswerBuilder(split=bool(self._job.pattern.split_thinking))
        given.add(charged, (), dropped, 0.0)
        return Result(item, given.answer(body, self.offer, ()))


def multipart(fields: Mapping[str, str], name: str, content: bytes) -> tuple[bytes, str]:
    """A multipart form with a file, and its content type."""
    from secrets import token_hex

    boundary = token_hex(16)
    parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
    parts.append(f'name="file"; filename="{name}"\r\nContent-Type: application/jsonl\r\n\r\n'.encode() + content)
    begin = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
    body = b"".join(piece for part in parts for piece in (begin, part, b"\r\n"))
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """A row's body with its placeholders filled."""
    if isinstance(value, dict):
        return {name: _filled(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return values.get(value, value) if isinstance(value, str) else value
