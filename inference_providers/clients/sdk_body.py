"""What an SDK client sends: checked, and the model read out of it. Pure."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.errors import InvalidRequestError
from inference_providers.protocols import form_model, form_streams, form_without_model, is_form
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import httpx2

DEFAULT = "default"  # a model's name that stands for the client's own choice
_OWN_WORDS = chat.PREFERRING | {"avoid", "only", "cache", "cache_config"}
_NEEDS_BODY = (chat.PATH, "/completions", "/embeddings", "/responses")
# What is kept at a provider, whichever model is used with it later: a model here says at whose.
_WITHOUT_MODEL = ("files", "uploads", "batches", "vector_stores", "conversations", "containers", "threads", "evals")


def checked_body(content: bytes, kind: str, path: str, method: str = "POST") -> dict[str, Any] | None:
    """The JSON object of a request; None where it is a form, or nothing. Raises InvalidRequestError for other JSON."""
    if "json" not in kind.lower():
        return None
    if not content:
        if method == "POST" and path.partition("?")[0] in _NEEDS_BODY:
            raise InvalidRequestError("Nothing was sent: the request has no body, and so no model.", code="no_body")
        return None
    try:
        body = jsontext.in_one_way(content)
    except ValueError as error:
        what = "JSON that nests too deep" if isinstance(error, jsontext.TooDeep) else f"not JSON: {error}"
        raise InvalidRequestError(f"Nothing was sent: the body is {what}", code="invalid_json") from None
    if not isinstance(body, dict):
        raise InvalidRequestError(
            f"Nothing was sent: the body is not a JSON object but {type(body).__name__}.", code="invalid_json"
        )
    return body


def picked_model(body: dict[str, Any] | None, content: bytes, path: str) -> tuple[list[str], bytes]:
    """The models that a request names, best first, none for the client's own choice; and its form.

    Takes `models` out of the body, and a model out of what providers know none of. Raises InvalidRequestError for names
    that are no text.
    """
    named: Any = form_model(content) if body is None else body.get("model")
    if path == chat.PATH and type(named) is str and body is not None and "models" not in body:  # most are like this
        return [named] if named != DEFAULT else [], content
    listed = body.pop("models", None) if body else None
    path = path.partition("?")[0]
    kind, *below = path.strip("/").split("/")
    if kind in _WITHOUT_MODEL and "runs" not in below:  # a run of an assistant has one
        if body:
            body.pop("model", None)
        elif named:
            content = form_without_model(content)
    elif body is not None and path == "/responses" and "prompt" not in body:
        body.setdefault("model", DEFAULT)  # which whoever is asked gets its own name for
    names = listed if isinstance(listed, list) else [name for name in (listed,) if name is not None]
    for name in (*names, "" if named is None else named):
        if not isinstance(name, str):
            raise InvalidRequestError(
                f"Nothing was sent: a model is named in text, not by {type(name).__name__}.", code="invalid_model"
            )
    return names or ([named] if named not in (None, DEFAULT) else []), content


def streams(path: str, kind: str, content: bytes) -> bool:
    """Whether something other than a JSON body asks for events: a form, or a query."""
    if is_form(kind):
        return form_streams(content)
    return "?" in path and any(
        field in ("stream=true", "stream=True", "stream=1") for field in path.partition("?")[2].split("&")
    )


def accepted(wanted: str) -> str:
    """What is wanted by an `Accept` where that is neither JSON nor events: it says so for speech and files."""
    return (
        ""
        if not wanted or wanted == "*/*" or any(kind in wanted for kind in ("json", "event-stream", "*/*"))
        else wanted
    )


def seconds(request: httpx2.Request, timeout: float) -> float:
    """Seconds that a call may take: as the SDK says, else *timeout*."""
    read = (request.extensions.get("timeout") or {}).get("read")
    return timeout if read is None else float(read)


def own_words(body: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What a body says to us and to no provider, taken out of it: terms, what it says of a cache, what it prefers."""
    if not body or _OWN_WORDS.isdisjoint(body):
        return {}, {}, {}
    terms: dict[str, Any] = {word: body.pop(word) for word in ("avoid", "only") if word in body}
    cache: dict[str, Any] = {word: body.pop(word) for word in ("cache", "cache_config") if word in body}
    if chat.PREFERRING.isdisjoint(body):
        return terms, cache, {}
    # What is no text is a provider's own: OpenRouter's `provider` is an object.
    own = chat.PREFERRING & body.keys() - ({"provider"} if not isinstance(body.get("provider"), str) else set())
    return terms, cache, {word: body.pop(word) for word in own}
