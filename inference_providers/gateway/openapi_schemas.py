"""Schemas of the OpenAPI document: what goes in and what comes out, as far as the gateway itself says. Data."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ref(name: str) -> dict[str, str]:
    """A schema of the document, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _of(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return {**made, "required": list(required)} if required else made


def _or_null(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], **more}


_TEXT, _FLAG = _or_null("string"), _or_null("boolean")
_NAME = {"type": "string", "pattern": "\\S"}
_SHARE = _or_null("number", minimum=0, maximum=1)
TIMEFRAME = {
    "type": "string",
    "pattern": "^(all|today|yesterday|this_week|last_week|this_month|last_month|this_year|[1-9][0-9]?[hdw]"
    "|last_[1-9][0-9]?_(minutes|hours|days|weeks|months))$",
    "examples": ["last_30_days", "7d", "today", "this_month"],
}
METRICS = {
    "analytics": _of("array", items={"enum": ["requests", "tokens", "costs", "latency"]}, minItems=1),
    "performance": _of("array", items={"enum": ["success_rate", "avg_latency", "p95_latency"]}, minItems=1),
}
_MESSAGES = _of(
    "array",
    minItems=1,
    items=_object(
        ("role",), role=_of("string", examples=["user", "assistant", "system"]), content={"examples": ["Hello"]}
    ),
)
_MODEL = {"anyOf": [_NAME, _of("array", items=_NAME, minItems=1)], "examples": ["gpt-4o"]}
_PARAMETERS: dict[str, Any] = {
    "max_tokens": _or_null("integer", minimum=1),
    "temperature": _or_null("number", minimum=0, maximum=2),
    "top_p": _SHARE,
    "seed": _or_null("integer"),
    "frequency_penalty": _or_null("number", minimum=-2, maximum=2),
    "presence_penalty": _or_null("number", minimum=-2, maximum=2),
}
_STEP = _object(
    provider=_or_null("string", pattern="\\S"),
    model=_or_null("string", pattern="\\S"),
    timeout=_or_null("number", minimum=1, maximum=86400000, description="milliseconds"),
)
_FALLBACK_STRATEGY = {"enum": ["best_available", "same_model", "none", None]}
_COSTS = {
    "anyOf": [
        _FLAG,
        _object(
            enabled=_of("boolean"), max_cost=_or_null("number", minimum=0), prefer_cheaper=_of("boolean"),
            quality_threshold=_SHARE,
        ) | {"additionalProperties": False},
    ]
}  # fmt: skip
_FALLBACK_CONFIG = {
    **_object(
        strategies=_or_null("array", items={**_STEP, "additionalProperties": False}, minItems=1, maxItems=50),
        retry_attempts=_or_null("integer", minimum=0, maximum=10),
        backoff_multiplier=_or_null("number", minimum=1, maximum=10),
    ),
    "type": ["object", "null"],
    "additionalProperties": False,
}
_CACHE_CONFIG = {
    **_object(
        enabled=_of("boolean"), ttl=_or_null("number", exclusiveMinimum=0), strategy={"const": "exact"},
        key_strategy={"const": "exact"},
    ),
    "type": ["object", "null"],
    "additionalProperties": False,
}  # fmt: skip
_ERROR = _object(
    ("error",),
    error=_object(("code", "message", "details"), code=_of("string"), message=_of("string"), details=_of("object")),
)
_USAGE = {
    **_object(
        ("prompt_tokens", "completion_tokens", "total_tokens"),
        prompt_tokens=_of("integer"), completion_tokens=_of("integer"), total_tokens=_of("integer"),
    ),
    "type": ["object", "null"],
}  # fmt: skip
_COST = _object(
    ("amount", "currency", "provider_cost", "savings"),
    amount=_or_null("number"), currency={"const": "USD"}, provider_cost=_or_null("number"), savings=_or_null("number"),
)  # fmt: skip
_CHOICE = _object(
    ("index", "message", "finish_reason"),
    index=_of("integer"),
    message=_object(("role", "content"), role=_of("string"), content=_or_null("string")),
    finish_reason=_or_null("string"),
)


SCHEMAS: dict[str, Any] = {
    "Error": _ERROR,
    "OpenAIError": _object(("error",), error=_object(("message",), message=_of("string"))),
    "InferenceRequest": {
        **_object(
            ("model", "messages"), model=_MODEL, messages=_MESSAGES, **_PARAMETERS,
            stream=_FLAG, store=_FLAG, system=_TEXT, provider=_or_null("string", pattern="\\S"),
            fallback_providers=_or_null("array", items=_NAME), fallback_config=_FALLBACK_CONFIG,
            retry_attempts=_or_null("integer", minimum=0, maximum=10), cost_optimization=_COSTS,
            latency_optimization=_FLAG, quality_threshold=_SHARE, max_cost=_or_null("number", minimum=0),
            cache_config=_CACHE_CONFIG, fallback_strategy=_FALLBACK_STRATEGY,
        ),
        "description": "`timeout` is in seconds. Further fields are parameters of the model's. Keys, addresses, "
        "headers and files are refused.",
    },
    "Inference": _object(
        ("id", "object", "created", "model", "provider", "choices", "usage", "cost"),
        id=_of("string", pattern="^inf_"), object={"const": "inference"}, created=_of("integer"),
        model=_of("string"), provider=_of("string"), choices=_of("array", items=_CHOICE, minItems=1), usage=_USAGE,
        cost=_COST,
    ),
    "StoredInference": _object(
        ("id", "status", "model", "provider", "created", "completed", "latency_ms", "result"),
        id=_of("string"), status={"const": "completed"}, model=_of("string"), provider=_of("string"),
        created=_of("integer"), completed=_of("integer"), latency_ms=_of("integer"),
        result=_object(("content", "tokens", "cost"), content=_or_null("string"), tokens=_or_null("integer"),
                       cost=_or_null("number")),
    ),
    "BatchRequest": {
        **_object(
            ("requests",),
            requests=_of("array", minItems=1, maxItems=100, items={
                "description": "An InferenceRequest with an `id`; what is wrong with one is its own error.",
            }),
            parallel=_FLAG, fallback_strategy=_FALLBACK_STRATEGY,
        ),
        "additionalProperties": False,
    },
    "Batch": _object(
        ("id", "object", "created", "responses", "completed", "failed", "cost"),
        id=_of("string"), object={"const": "inference.batch"}, created=_of("integer"),
        responses=_of("array", items={
            **_object(("id", "status"), id=_of("string"), status={"enum": ["completed", "failed"]}),
            "oneOf": [
                _object(("response",), response=ref("Inference")),
                {**_ERROR, "required": ["error"]},
            ],
        }),
        completed=_of("integer"), failed=_of("integer"),
        cost=_object(("amount", "currency", "unknown"), amount=_of("number"), currency={"const": "USD"},
                     unknown=_of("integer")),
    ),
    "AnalyticsRequest": {
        **_object(timeframe=TIMEFRAME, metrics=METRICS["analytics"]), "additionalProperties": False,
    },
    "PerformanceRequest": {
        **_object(("model",), model=_of("string", minLength=1), timeframe=TIMEFRAME, metrics=METRICS["performance"]),
        "additionalProperties": False,
    },
    "ChatRequest": _object(("messages",), model=_NAME, messages=_MESSAGES, stream=_FLAG),
    "CompletionRequest": _object(("model", "prompt"), model=_NAME, prompt={}, stream=_FLAG),
    "ResponseRequest": _object((), model=_NAME, input={}, stream=_FLAG),
    "EmbeddingRequest": _object(("input",), model=_NAME, input={}),
}  # fmt: skip
