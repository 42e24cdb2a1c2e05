"""The OpenAPI document of the gateway: the inference API, and the main paths of OpenAI's. Pure, but for its handler."""

from __future__ import annotations

import json
from functools import cache

from inference_providers import __version__
from inference_providers.gateway import openapi_schemas as schemas
from inference_providers.gateway.messages import JSON, Outgoing
from inference_providers.gateway.openapi_schemas import ref
from inference_providers.gateway.routes import OPEN, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

PATH = "/openapi.json"
_ABOUT = (
    "Every model within reach, at one address. Paths of the inference API are there without `/v1` as well; other paths "
    "of OpenAI's API (images, audio, files, batches, moderations) go on to whoever serves them."
)
_DESCRIBED = {
    400: "The request is not as it has to be, or nobody could answer it.",
    401: "The token is missing or not known.",
    402: "No credits, or no budget, is left.",
    403: "The path is the administrator's, or the page that asks is of another origin.",
    404: "There is no such model, or nothing of this id.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests; `Retry-After` says when to come back, where that is known.",
    500: "The gateway failed.",
    503: "No provider answered.",
    504: "No provider answered in time.",
}
_BODY = (408, 413, 415)


def document() -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "inference_providers", "version": __version__, "description": _ABOUT},
        "security": [{"token": []}],
        "paths": {**_inference(), **_openai(), **_open()},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.SCHEMAS,
        },
    }


def _inference() -> dict[str, Any]:
    """Paths of the inference API."""
    one = {"application/json": {"schema": ref("Inference")}, "text/event-stream": {}}
    events: dict[str, Any] = {"text/event-stream": {}}
    report = {"application/json": {"schema": {"type": "object"}}}
    base = "/v1/inference"
    paths = {
        base: {"post": _operation("createInference", "One request", one, "InferenceRequest")},
        f"{base}/batch": {
            "post": _operation("createBatch", "Many requests", _json("Batch"), "BatchRequest", lacking=(404, 503))
        },
        f"{base}/stream": {
            "post": _operation("streamInference", "One request, as it comes", events, "InferenceRequest")
        },
        f"{base}/{{id}}": {
            "get": _operation(
                "getInference",
                "What was replied in the last hour",
                _json("StoredInference"),
                parameters=[_in_path("id")],
            )
        },
    }
    for name, words, required in (
        ("analytics", "What was used in a time", ()),
        ("performance", "How well a model did", ("model",)),
    ):
        query = [_in_query(field, field in required) for field in (*required, "timeframe", "metrics")]
        paths[f"{base}/{name}"] = {
            "get": _operation(f"get{name.title()}", words, report, parameters=_of_metrics(query, name)),
            "post": _operation(f"post{name.title()}", words, report, f"{name.title()}Request"),
        }
    return paths


def _openai() -> dict[str, Any]:
    """The main paths of OpenAI's API, whose replies are those of whoever answers."""
    both = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}
    whole = {"application/json": {"schema": {"type": "object"}}}
    rows = (
        ("chat/completions", "createChatCompletion", "A reply to a conversation", both, "ChatRequest"),
        ("completions", "createCompletion", "Text that goes on", both, "CompletionRequest"),
        ("responses", "createResponse", "A response", both, "ResponseRequest"),
        ("embeddings", "createEmbedding", "Vectors of texts", whole, "EmbeddingRequest"),
    )
    paths: dict[str, Any] = {
        f"/v1/{path}": {"post": _operation(name, words, replies, schema, error="OpenAIError")}
        for path, name, words, replies, schema in rows
    }
    everything = {"name": "all", "in": "query", "schema": {"type": "string", "enum": ["1", "true"]}}
    listing = _operation("listModels", "The models within reach", whole, parameters=[everything], error="OpenAIError")
    one = _operation(
        "getModel", "One of the models", whole, parameters=[_in_path("model"), everything], error="OpenAIError"
    )
    return {**paths, "/v1/models": {"get": listing}, "/v1/models/{model}": {"get": one}}


def _open() -> dict[str, Any]:
    """Paths that ask for no token."""
    found = {}
    for path, name, words, statuses in (
        ("/health", "getHealth", "Whether the gateway lives", (200,)),
        ("/ready", "getReady", "Whether anybody can be asked", (200, 503)),
        (PATH, "getOpenAPI", "This document", (200,)),
    ):
        reply = {"description": words, "content": {"application/json": {"schema": {"type": "object"}}}}
        responses = {str(status): reply for status in statuses}
        found[path] = {"get": {"operationId": name, "summary": words, "security": [], "responses": responses}}
    return found


def _operation(
    name: str,
    summary: str,
    replies: dict[str, Any],
    body: str = "",
    *,
    parameters: list[dict[str, Any]] | None = None,
    error: str = "Error",
    lacking: tuple[int, ...] = (),
) -> dict[str, Any]:
    """One operation. *lacking*: statuses that it never has."""
    failures = {"application/json": {"schema": ref(error)}}
    statuses = [status for status in _DESCRIBED if (body or status not in _BODY) and status not in lacking]
    responses = {str(status): {"description": _DESCRIBED[status], "content": failures} for status in statuses}
    made: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": replies}, **responses},
    }
    if body:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    if parameters:
        made["parameters"] = parameters
    return made


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": ref(schema)}}


def _in_path(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9._:-]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, required: bool) -> dict[str, Any]:
    schema = {"timeframe": schemas.TIMEFRAME}.get(name, {"type": "string", "minLength": 1})
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _of_metrics(parameters: list[dict[str, Any]], report: str) -> list[dict[str, Any]]:
    """The same, with the metrics of a report, between commas."""
    (metrics,) = [one for one in parameters if one["name"] == "metrics"]
    metrics |= {"schema": schemas.METRICS[report], "style": "form", "explode": False}
    return parameters


@cache
def _content() -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


async def openapi(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The document: nothing in it is secret."""
    return Outgoing(200, [JSON], _content())


ROUTES = (Route("GET", PATH, openapi, OPEN),)
