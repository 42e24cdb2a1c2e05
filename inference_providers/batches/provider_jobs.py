"""Providers' own batch APIs: a file goes up, the provider works on it at a lower price, results come down.

It takes its own time, often hours. Paths, fields and words are rows of the registry (`batch`). What is under way
is kept in a file beside the output, so that a program that was ended takes up its jobs again instead of paying twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from inference_providers import chat
from inference_providers.batches import files
from inference_providers.batches.items import Item, MalformedItemError, Result, Summary
from inference_providers.batches.job import names_of, route_key
from inference_providers.batches.job_api import FAILED, RUNNING, JobApi, problem_of
from inference_providers.batches.provider_parts import Part, State, beside
from inference_providers.calls import refused
from inference_providers.chat import AnswerBuilder, parameters
from inference_providers.errors import (
    InferenceProvidersError,
    InvalidRequestError,
    NoCredentialsError,
)
from inference_providers.files import mode_beside
from inference_providers.protocols import PROTOCOLS, capable_offers, classify, error_details, fit
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.batches.job import Job
    from inference_providers.calls import Pipeline
    from inference_providers.offers import Offer
    from inference_providers.routing import Pace

POLL = (2.0, 60.0)  # seconds between looks: the first, and the most
_GONE = (404, 410)  # what says that a job or its results are no more


class JobRunner:
    """Does a job by a provider's batch API. The interface is that of `runner.Runner`."""

    def __init__(
        self,
        pipeline: Pipeline,
        job: Job,
        output: files.Output | None,
        told: Callable[[Summary, Pace], None] | None = None,
    ) -> None:
        if output is None:
            raise ValueError('mode="provider" takes hours and needs an output file (out=...), to be taken up from')
        if hasattr(job.source.given, "__aiter__"):
            raise ValueError('mode="provider" takes a file or a plain iterable; collect the questions first')
        if not job.is_plain:
            raise ValueError('mode="provider" asks each question once: no schema, no functions as tools')
        self._pipeline, self._job, self._output, self._told = pipeline, job, output, told
        self.summary, self.quiet = Summary(), False
        self._state = State(beside(output.path), fresh=not job.resume, mode=mode_beside(output.path))

    async def results(self) -> AsyncGenerator[list[Result], None]:
        """Results as each of the provider's jobs ends, in its order."""
        started = time.monotonic()
        try:
            async for ready, ended in self._all():
                for result in ready:
                    self.summary.add(result)
                    if (line := self._job.as_line(result)) is not None:
                        self._output.put(line)
                self._output.flush()
                if ended is not None:
                    self._state.done(ended)
                if self._told is not None:
                    self._told(self.summary, self._job.pace)
                yield ready
                failed = next((result.error for result in ready if result.error is not None), None)
                if failed is not None and self._job.raises:
                    raise failed
            self._state.settle()
        finally:
            self._output.flush()
            self.summary.seconds = time.monotonic() - started

    async def _all(self) -> AsyncIterator[tuple[list[Result], Part | None]]:
        """Send every part that is not under way, then wait for all.

        With the results comes the part whose job has ended.
        """
        parts: list[tuple[BatchApi, Part]] = []
        broken: list[Result] = []
        items: Iterable[Item]
        if self._job.source.waits:  # a pipe: all of it, since the parts are made at one go
            items = [item async for item in self._job.source.items_that_come()]
        else:
            items = self._job.source.items()
        for part in self._parts(items, broken):
            try:
                api = self._api(part)
                if not part.job:
                    part.job = await api.send(part)
                    self._state.remember(part)
            except InferenceProvidersError as error:
                yield [Result(item, None, error) for item in part.items], None
                continue
            parts.append((api, part))
        if broken:
            yield broken, None
        for api, part in parts:
            ended: Part | None = part
            try:
                ready = await api.wait_for(part)
            except InferenceProvidersError as error:
                ready = [Result(item, None, error) for item in part.items]
                if getattr(error, "status", None) not in _GONE:
                    ended = None  # it still works on them, and is looked at again next time
            yield ready, ended

    def _parts(self, items: Iterable[Item], broken: list[Result]) -> Iterator[Part]:
        """Items in parts that a provider takes as one file: one model each, not too many, not too large.

        Items that a job works on already come last, as its part.
        """
        open_parts: dict[Any, Part] = {}
        under_way: dict[str, Part] = {}
        seen: Counter[str] = Counter()  # equal questions are told apart by their number
        for item in items:
            seen[item.key] += 1
            name = f"{item.key}-{seen[item.key]}"
            if self._output.has(item):
                self.summary.resumed += 1
            elif item.problem:
                broken.append(Result(item, None, MalformedItemError(item.problem)))
            elif (known := self._state.job_of(name)) is not None:
                job, provider = known
                under_way.setdefault(job, Part(item.models, job, provider)).add(item, name)
            else:
                key = route_key(item.models)
                part = open_parts.setdefault(key, Part(item.models))
                try:
                    api = self._api(part)
                    line, dropped = api.line(item, name)
                except InferenceProvidersError as error:
                    broken.append(Result(item, None, error))
                    continue
                if part.items and (len(part.items) >= api.most or part.size + len(line) > api.largest):
                    yield open_parts.pop(key)
                    part = open_parts[key] = Part(item.models)
                part.add(item, name, line, dropped)
        yield from (part for part in open_parts.values() if part.items)
        yield from under_way.values()

    def _api(self, part: Part) -> BatchApi:
        """The first candidate whose provider has a batch API, or that which works on this part already."""
        if part.api is None:
            offers = self._pipeline.finder.first_available(names_of(part.models))
            rows = self._pipeline.finder.registry
            having = [offer for offer in offers if offer.connection.get("batch") is not None]
            found = next((offer for offer in having if part.provider in ("", offer.provider)), None)
            if found is None:
                raise self._nobody(offers)
            part.provider = found.provider
            row = {**rows.batch, **found.connection["batch"]}
            part.api = api_class(row)(self._pipeline, found, row, self._job)
        api: BatchApi = part.api
        return api

    def _nobody(self, offers: Sequence[Offer]) -> NoCredentialsError:
        rows = self._pipeline.finder.registry.providers.items()
        able = parameters.listed(pid for pid, row in rows if row.connection.get("batch") is not None)
        tried = list(dict.fromkeys(offer.provider for offer in offers[:5]))
        verb = "has" if len(tried) == 1 else "have"
        return NoCredentialsError(f"{parameters.listed(tried)} {verb} no batch API that is known. {able} have one.")


def api_class(row: Mapping[str, Any]) -> type[BatchApi]:
    """What speaks the form of a batch API."""
    if "form_of" not in row:
        return BatchApi
    from inference_providers.batches.job_forms import FORMS

    return FORMS[row["form_of"]]


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
        content, kind = _form(form, name, b"".join(part.lines))
        part.lines = []
        uploaded = await self.ask("POST", row["upload"], content, kind)
        if not isinstance(uploaded.get("id"), str):
            raise self.unwell("its batch API gave the file no id")
        values = {"{file}": uploaded["id"], "{model}": self.offer.internal_name}
        asked = _filled(row["body"], values)
        if self._job.completion_window and "completion_window" in asked:
            asked["completion_window"] = self._job.completion_window
        body = json.dumps(asked).encode()
        return self.id_of(await self.ask("POST", row["create"], body, "application/json"))

    async def wait_for(self, part: Part) -> list[Result]:
        """Look until the job has ended; the results of its items."""
        pause, (_, longest) = POLL[0], POLL
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
        verdict = PROTOCOLS[self.offer.protocol].decode(
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
        usage = usage_of(chat.usage_in(body))
        cost = cost_of(usage, self.offer.facts)
        given = AnswerBuilder(split=bool(self._job.pattern.split_thinking))
        given.add(usage, None if cost is None else cost * self._row.get("price", 1.0), (), dropped, 0.0)
        return Result(item, given.answer(body, self.offer, ()))


def _form(fields: Mapping[str, str], name: str, content: bytes) -> tuple[bytes, str]:
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
