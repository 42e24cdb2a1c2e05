"""Mock mode: replies written by a program's author, through the whole pipeline, without key or network.

    ProviderList(mock={"gpt-4": "It depends.", "*": lambda messages: messages[-1]["content"].upper()})

Each model has a text; a function of the messages; a dict with `content`, `latency_ms` (milliseconds), `error`,
`tool_calls`; or a list of these, one for each call, the last for all further calls. `"*"` is for every
other model. An `error` is an HTTP status, a text, or `{"status": 429, "message": "...", "retry_after": 1}`. Texts get
vectors that are the same each time, and mean nothing.
"""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from inference_providers.registry import Registry
    from inference_providers.transport import Request

VARIABLE = "INFERENCE_PROVIDERS_MOCK_KEY"
HOST = "https://mock.invalid"  # never resolved
EVERY = "*"


class Mock:
    """Replies by model. `requests` holds the JSON bodies of all requests. Raises TypeError for an invalid reply."""

    skips_backoff = is_isolated = True

    def __init__(self, replies: Mapping[str, Any]) -> None:
        if not hasattr(replies, "items"):
            raise TypeError('mock must be a mapping of models to replies, like {"gpt-4": "Hello"}')
        for name, reply in replies.items():
            _check(name, reply)
        self._replies = dict(replies)
        self._counts: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []
        registry = bundled()
        plain = {name: name.removeprefix("litellm_") for name in replies if name != EVERY}
        self._canonical = {name: registry.names.canonical_name(plain[name]) or plain[name] for name in plain}
        self._owners: dict[tuple[str, str], str] = {}  # (provider, internal name) -> whose reply

    def registry(self) -> Registry:
        """The bundled registry with the mocked models only, each at every provider that has it, at a local address."""
        registry = bundled()
        wanted = {canonical: name for name, canonical in self._canonical.items()}
        providers: dict[str, Any] = {}
        for pid, row in registry.rows["providers"].items():
            names = self._names(pid, row, wanted)
            if names and not row["connection"].get("local"):
                connection = {"protocol": "openai", "endpoint": f"{HOST}/{pid}/v1", "api_key": [VARIABLE]}
                providers[pid] = {**row, **names, "connection": connection}
        unknown = {
            name: name for name, canonical in self._canonical.items() if canonical not in registry.canonical_names
        }
        connection = {"protocol": "openai", "endpoint": f"{HOST}/mock/v1", "api_key": [VARIABLE]}
        providers["mock"] = {"name": "Mock", "connection": connection, "model_names": unknown}
        self._owners |= {("mock", name): name for name in unknown}
        first = [name if name in unknown else canonical for name, canonical in self._canonical.items()]
        every = EVERY in self._replies
        large, small = registry.auto_model_priority, registry.auto_small_priority
        lists = {"auto_model_priority": large, "auto_small_priority": small}
        families = [["", "mock"]] if every else registry.families  # "*" is for unknown names as well
        orders = {name: list(dict.fromkeys([*first, *(models if every else ())])) for name, models in lists.items()}
        return registry.variant({**registry.rows, "providers": providers, "families": families, **orders})

    def _names(self, pid: str, row: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
        """The mocked models' names at a provider: all of its names if every model is mocked."""
        main, more = row.get("model_names", {}), row.get("more_names", {})
        mocked = {name: main[name] for name in wanted if name in main}
        mocked_more = {internal: name for internal, name in more.items() if name in wanted} if wanted else {}
        for internal, name in [*((i, n) for n, i in mocked.items()), *mocked_more.items()]:
            self._owners[pid, internal] = wanted[name]
        if EVERY not in self._replies:
            main, more = mocked, mocked_more
        return {"model_names": main, "more_names": more} if main or more else {}

    def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """One variable with a dummy key, and those that say where `~` is and how a list behaves; nothing else."""
        kept = ("HOME", "USERPROFILE", "INFERENCE_PROVIDERS_COMPAT")
        return {VARIABLE: "mock-mode", **{name: environ[name] for name in kept if name in environ}}

    def sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
        """The sender that answers from the mock replies."""
        from inference_providers.testing.senders import MockSender

        return MockSender(self)

    def async_sender(self, real: Callable[[], Any], secrets: Callable[[], list[str]]) -> Any:
        """`sender` for asyncio."""
        from inference_providers.testing.async_senders import AsyncMockSender

        return AsyncMockSender(self)

    def answer(self, request: Request) -> tuple[float, int, dict[str, str], list[bytes]]:
        """(seconds to wait, status, headers, chunks of the body) for a request."""
        provider, _, path = request.url.removeprefix(f"{HOST}/").partition("/v1")
        if path == "/models":
            rows = [{"id": name, "object": "model", "owned_by": "mock"} for _, name in self._owners]
            return 0.0, 200, *_json({"object": "list", "data": rows})
        if path == "/embeddings":
            from inference_providers.testing.mock_vectors import embeddings

            self.requests.append(body := json.loads(request.body or b"{}"))
            return 0.0, 200, *_json(embeddings(body))
        if path.partition("?")[0] != chat.PATH:
            return (
                0.0,
                404,
                *_json({"error": {"message": f"mock mode answers chat completions and embeddings only, not {path}"}}),
            )
        body = json.loads(request.body or b"{}")
        self.requests.append(body)
        reply = self._reply(self._owners.get((provider, body["model"]), EVERY), body)
        wait = float(reply.get("latency_ms", 0)) / 1000
        if reply.get("error") is not None:
            return wait, *_failure(reply["error"])
        if body.get("stream"):
            return wait, 200, {"content-type": "text/event-stream"}, list(_events(reply, body))
        return wait, 200, *_json(_completion(reply, body))

    def _missing(self, model: str) -> str:
        there = ", ".join(self._replies) or "none at all"
        return f'mock mode: no reply for {model!r}; there is one for {there}. Add it, or "*" for every model'

    def _reply(self, name: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self._replies.get(name)
        if isinstance(reply, list):
            count = self._counts.get(name, 0)
            self._counts[name] = count + 1
            reply = reply[min(count, len(reply) - 1)]
        if reply is None:
            return {"error": {"status": 404, "message": self._missing(body["model"])}}
        if callable(reply):
            reply = reply(body["messages"])
            if hasattr(reply, "__await__") and (close := getattr(reply, "close", None)) is not None:
                close()
                raise TypeError(f"the mock reply for {name!r} is an async function; give a plain function")
            if not isinstance(reply, str | dict):
                raise TypeError(
                    f"the mock function for {name!r} must return text or a dict, not {type(reply).__name__}"
                )
            _check(name, reply)
        return {"content": reply} if isinstance(reply, str) else reply


_FIELDS = ("content", "latency_ms", "error", "tool_calls", "finish_reason", "usage")


def _check(name: str, reply: Any) -> None:
    if isinstance(reply, list) and reply:
        for one in reply:
            _check(name, one)
    elif isinstance(reply, dict):
        if unknown := [str(field) for field in reply if field not in _FIELDS]:
            raise TypeError(f"the mock reply for {name!r} has no {', '.join(unknown)}; it has {', '.join(_FIELDS)}")
        if not isinstance(reply.get("content"), str | None):
            raise TypeError(f"the content of the mock reply for {name!r} must be text, not {reply['content']!r:.80}")
        if not isinstance(reply.get("latency_ms", 0), int | float):
            raise TypeError(
                f"latency_ms of the mock reply for {name!r} must be a number, not {reply['latency_ms']!r:.80}"
            )
    elif not (isinstance(reply, str | dict) or callable(reply)):
        raise TypeError(
            f"the mock reply for {name!r} must be text, a function, a dict or a list of these, "
            f"not {type(reply).__name__}"
        )


def _json(data: Any) -> tuple[dict[str, str], list[bytes]]:
    return {"content-type": "application/json"}, [json.dumps(data, ensure_ascii=False).encode()]


def _failure(error: Any) -> tuple[int, dict[str, str], list[bytes]]:
    row = error if isinstance(error, dict) else {"status": error} if isinstance(error, int) else {"message": str(error)}
    status = int(row.get("status") or getattr(error, "status", None) or 500)
    headers, body = _json({"error": {"message": row.get("message", f"mock error {status}"), "code": row.get("code")}})
    wait = row.get("retry_after")
    return status, {**headers, **({"retry-after": str(wait)} if wait is not None else {})}, body


def _usage(reply: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, int]:
    """Token counts of a reply, estimated at four characters a token."""
    read = sum(len(chat.content_text(turn.get("content"))) for turn in body["messages"]) // 4 + 1
    written = len(str(reply.get("content") or "")) // 4 + 1
    return reply.get("usage") or {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _completion(reply: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    calls = reply.get("tool_calls")
    message = {"role": "assistant", "content": reply.get("content"), **({"tool_calls": calls} if calls else {})}
    finish = reply.get("finish_reason") or ("tool_calls" if calls else "stop")
    return {
        "id": "mock", "object": "chat.completion", "created": 0, "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": _usage(reply, body),
    }  # fmt: skip


def _events(reply: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[bytes]:
    whole = _completion(reply, body)
    message = whole["choices"][0]["message"]
    words = str(message["content"] or "").split(" ")
    deltas: list[dict[str, Any]] = [{"content": word if index == 0 else f" {word}"} for index, word in enumerate(words)]
    if message.get("tool_calls"):
        deltas = [{"tool_calls": [{"index": index, **call} for index, call in enumerate(message["tool_calls"])]}]
    head = {"id": "mock", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    for delta in deltas:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    end = {"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}
    yield _event({**head, "choices": [end], "usage": whole["usage"]})
    yield b"data: [DONE]\n\n"


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
