"""A web API over whatever models your keys reach: whole answers, and answers as they come (server-sent events).

pip install fastapi uvicorn
uvicorn fastapi_app:app
curl -N localhost:8000/stream -H 'content-type: application/json' -d '{"text": "Tell me a story."}'
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from inference_providers import AsyncProviderList, InferenceProvidersError, NoCredentialsError


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.models = AsyncProviderList()  # one for the whole program: it keeps connections, and what it learns
    yield
    await app.state.models.aclose()


app = FastAPI(lifespan=lifespan)


class Question(BaseModel):
    text: str = Field(min_length=1, max_length=20_000)


class Reply(BaseModel):
    text: str
    model: str | None
    cost: float | None


@app.exception_handler(InferenceProvidersError)
async def failed(request: Request, error: InferenceProvidersError) -> JSONResponse:
    status = 503 if isinstance(error, NoCredentialsError) else 502
    return JSONResponse({"error": str(error)}, status)


@app.post("/ask")
async def ask(question: Question, request: Request) -> Reply:
    answer = await request.app.state.models.ask_ai(question.text, max_tokens=500, timeout=60)
    return Reply(text=answer, model=answer.model, cost=answer.cost)


@app.post("/stream")
async def stream(question: Question, request: Request) -> StreamingResponse:
    answer = request.app.state.models.stream(question.text, max_tokens=500, timeout=60)
    await answer.open()  # until the first content: a failure is a status; from here on, an event

    async def events() -> AsyncIterator[str]:
        async with answer:  # whoever goes away stops the model, too
            try:
                async for piece in answer:
                    yield event({"text": piece})
                yield event({"done": True, "model": answer.model, "cost": answer.answer.cost})
            except InferenceProvidersError as error:
                yield event({"error": str(error)})

    return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


def event(data: dict[str, object]) -> str:
    return f"data: {json.dumps(data)}\n\n"
