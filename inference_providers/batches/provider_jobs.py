"""Providers' own batch APIs: a file goes up, the provider works on it at a lower price, results come down.

It takes its own time, often hours. Paths, fields and words are rows of the registry (`batch`). What is under way
is kept in a file beside the output, so that a program that was ended takes up its jobs again instead of paying twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from io import BytesIO

from inference_providers import chat
from inference_providers.batches import files
from inference_providers.batches.items import Item, MalformedItemError, Result, Summary
from inference_providers.batches.job import names_of, route_key
from inference_providers.batches.provider_parts import Part, State, beside
from inference_providers.calls import refused
from inference_providers.chat import AnswerBuilder, parameters
from inference_providers.errors import (
    InferenceProvidersError,
    InvalidRequestError,
    NoCredentialsError,
    ProviderError,
    ProviderUnavailableError,
)
from inference_providers.files import mode_beside
from inference_providers.log import warn
from inference_providers.protocols import PROTOCOLS, capable_offers, classify, error_details, fit, json_or_text
from inference_providers.routing import OVERLOADED
from inference_providers.transport import RESPONSE_CAP, WireError, request_to
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
TRIES = 6  # of one request to a batch API, when the provider is unwell
_GONE = (404, 410)  # what says that a job or its results are no more
_PASSING = (408, 409, 425, 429)  # refusals that may be none a moment later
RESULT_CAP = 1024 * 1024 * 1024  # bytes of one results file


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
        if hasattr(job.source, "__aiter__"):
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
                    self._output.put(result.as_line())
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
        parts: list[tuple[_Api, Part]] = []
        broken: list[Result] = []
        items: Iterable[Item]
        if files.waits(self._job.source):  # a pipe: all of it, since the parts are made at one go
            items = [item async for item in files.items_that_come(self._job.source, self._job.reader)]
        else:
            items = files.items(self._job.source, self._job.reader)
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

    def _api(self, part: Part) -> _Api:
        """The first candidate whose provider has a batch API, or that which works on this part already."""
        if part.api is None:
            offers = self._pipeline.finder.first_available(names_of(part.models))
            rows = self._pipeline.finder.registry
            having = [offer for offer in offers if offer.connection.get("batch") is not None]
            found = next((offer for offer in having if part.provider in ("", offer.provider)), None)
            if found is None:
                raise self._nobody(offers)
            part.provider = found.provider
            part.api = _Api(self._pipeline, found, {**rows.batch, **found.connection["batch"]}, self._job)
        api: _Api = part.api
        return api

    def _nobody(self, offers: Sequence[Offer]) -> NoCredentialsError:
        rows = self._pipeline.finder.registry.providers.items()
        able = parameters.listed(pid for pid, row in rows if row.connection.get("batch") is not None)
        tried = list(dict.fromkeys(offer.provider for offer in offers[:5]))
        verb = "has" if len(tried) == 1 else "have"
        return NoCredentialsError(f"{parameters.listed(tried)} {verb} no batch API that is known. {able} have one.")


class _Api:
    """One provider's batch API, as its row describes it."""

    def __init__(self, pipeline: Pipeline, offer: Offer, row: Mapping[str, Any], job: Job) -> None:
        self._pipeline, self.offer, self._row, self._job = pipeline, offer, row, job
        self.most, self.largest = row["requests"], row["bytes"]

    def line(self, item: Item, name: str) -> tuple[bytes, list[str]]:
        """An item as a line of the file, as it would be asked directly; and what was left out.

        Raises InvalidRequestError.
        """
        request = self._pipeline.request(item.body, self._job.pattern)
        capable_offers(request, [self.offer], self._pipeline.who_could)
        fitted = fit(request, self.offer)
        url = self._row["body"].get("endpoint", "/v1/chat/completions")
        row = {"custom_id": name, "method": "POST", "url": url, "body": fitted.body}
        self._pipeline.note_dropped(self.offer, fitted.dropped)
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n", fitted.dropped

    def _unwell(self, what: str) -> ProviderUnavailableError:
        name = self.offer.provider
        return ProviderUnavailableError(f"{name}: {what}", provider=name)

    async def send(self, part: Part) -> str:
        """Upload a part and start the work on it; the job's id."""
        row, name = self._row, f"batch-{part.names[0]}.jsonl"
        form = {field: value.replace("{name}", name) for field, value in row["form"].items()}
        content, kind = _form(form, name, b"".join(part.lines))
        part.lines = []
        uploaded = await self._ask("POST", row["upload"], content, kind)
        if not isinstance(uploaded.get("id"), str):
            raise self._unwell("its batch API gave the file no id")
        values = {"{file}": uploaded["id"], "{model}": self.offer.internal_name}
        asked = _filled(row["body"], values)
        if self._job.completion_window and "completion_window" in asked:
            asked["completion_window"] = self._job.completion_window
        body = json.dumps(asked).encode()
        made = self._inside(await self._ask("POST", row["create"], body, "application/json"))
        if not isinstance(made.get("id"), str):
            raise self._unwell("its batch API gave no job id")
        return str(made["id"])

    async def wait_for(self, part: Part) -> list[Result]:
        """Look until the job has ended; the results of its items."""
        pause, (_, longest) = POLL[0], POLL
        until = time.monotonic() + 7 * 86400
        while True:
            state = self._inside(await self._ask("GET", self._path("poll", part.job)))
            status = str(state.get("status"))
            if status in (*self._row["done"], *self._row["failed"]):
                break
            if time.monotonic() > until:
                raise self._unwell(f"job {part.job} has not ended in a week")
            await asyncio.sleep(pause)
            pause = min(longest, pause * 1.5)
        found: dict[str, Any] = {}
        ours = frozenset(part.names)
        for field in (self._row["output"], self._row["errors"]):
            if state.get(field):
                text = await self._download(str(state[field]))
                found |= {name: row for row in _rows(text) if (name := str(row.get("custom_id"))) in ours}
        failed = error_details(state).message if status in self._row["failed"] else ""
        rows = zip(part.items, part.names, part.dropped, strict=True)
        return [
            self._result(
                item, found.get(name), failed or f"the job ended as {status!r} without a result for it", dropped
            )
            for item, name, dropped in rows
        ]

    def _path(self, row: str, name: str) -> str:
        """A row's path for something that the provider has named.

        Raises ProviderUnavailableError for a name that leads elsewhere.
        """
        from urllib.parse import quote

        if any(part in ("", ".", "..") for part in name.split("/")):
            raise self._unwell(f"its batch API gave something that is not an id: {name[:80]!r}")
        return str(self._row[row]).replace("{id}", quote(name, safe="/:", errors="replace"))

    async def _download(self, file: str) -> bytes:
        return await self._bytes("GET", self._path("download", file), cap=RESULT_CAP)

    def _result(self, item: Item, row: Any, otherwise: str, dropped: list[str]) -> Result:
        response = row.get("response") if isinstance(row, dict) else None
        response = response if isinstance(response, dict) else {}
        body = response.get("body")
        if not isinstance(body, dict):
            problem = (error_details(row).message if isinstance(row, dict) else "") or otherwise
            return Result(item, None, self._unwell(f"{problem}"))
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
        cost = cost_of(usage, self.offer.facts, service="batch", part=self._row.get("price", 1.0))
        given = AnswerBuilder(split=bool(self._job.pattern.split_thinking))
        given.add(usage, cost, (), dropped, 0.0)
        return Result(item, given.answer(body, self.offer, ()))

    def _inside(self, reply: dict[str, Any]) -> dict[str, Any]:
        inner = reply.get(self._row.get("inside", ""))
        return inner if isinstance(inner, dict) else reply

    async def _ask(self, method: str, path: str, content: bytes = b"", kind: str = "") -> dict[str, Any]:
        data = json_or_text(await self._bytes(method, path, content, kind))
        if not isinstance(data, dict):
            raise self._unwell("its batch API gave no JSON object")
        return data

    async def _bytes(
        self, method: str, path: str, content: bytes = b"", kind: str = "", cap: int = RESPONSE_CAP
    ) -> bytes:
        """A request to the provider's own address, with its own key; tried again while the provider is unwell."""
        request = request_to(self.offer, method, path, {"Content-Type": kind} if kind else {}, content or None)
        for attempt in range(TRIES):
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
            problem = verdict.error or self._unwell("no answer")
            if (
                isinstance(problem, InvalidRequestError)
                or (300 <= (problem.status or 0) < 500 and problem.status not in _PASSING)
                or problem.code == "forbidden"
                or verdict.action in (classify.DEAD, classify.STOP)
                or (method == "POST" and (problem.status or 0) >= 500 and problem.status not in OVERLOADED)
                or attempt == TRIES - 1
            ):
                raise problem
            wait = verdict.retry_after or min(60.0, 2.0**attempt)
            warn(f"{problem}; asked again in {wait:.0f} s")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")


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


def _rows(text: bytes) -> Iterator[dict[str, Any]]:
    for line in BytesIO(text):
        row = json_or_text(line)
        if isinstance(row, dict):
            yield row
