"""OpenAI's protocol: chat completions in full; other paths of its API are passed on, and judged by their errors. Pure.

A `protocol.ModelProtocol`. Its vocabulary is the one that callers use: `encode` only respells what a provider calls
otherwise, and replies stay as they came.
"""

from __future__ import annotations

import codecs

from inference_providers import chat
from inference_providers.chat import parameter_rules, parameters
from inference_providers.offers import wire_name
from inference_providers.protocols import classify
from inference_providers.protocols.classify import Verdict
from inference_providers.protocols.request import FittedRequest
from inference_providers.registry import OPENAI_PROTOCOL
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.protocols.request import ModelRequest
    from inference_providers.protocols.stream import StreamJudge
    from inference_providers.registry import Registry

ID = OPENAI_PROTOCOL
_ROWS = {
    "/embeddings": ("data", "embeddings"),
    "/rerank": ("results", "data"),
}  # where their replies have what was asked for
# Whose replies are JSON or a stream of it, whatever they are called.
_READ = (chat.PATH, "/completions", "/responses", "/messages")


# Requests


def missing(
    request: ModelRequest, offer: Offer, needs: Sequence[str], *, body: Mapping[str, Any] | None = None
) -> list[str]:
    """What keeps this offer from being asked, in words. body: what is asked for, where that is not the request's."""
    body = request.body if body is None else body
    words = [parameter_rules.NEEDS[need] for need in needs if offer.lacks(need) or need in offer.rules.refused]
    if request.unsupported == parameters.ERROR and body is not None:
        words += parameter_rules.dropped(body, offer.rules, request.untouched)
    return words


def encode(request: ModelRequest, offer: Offer) -> FittedRequest:
    """The request as this offer gets it: its name for the model, its spelling of parameters."""
    given = request.body
    body: dict[str, Any] | None = None
    content = b""
    dropped: list[str] = []
    repaired: list[str] = []
    if given is None:
        content = _form_with_model(request.content, wire_name(offer))
    elif request.api != chat.PATH:
        body = dict(given)
    else:
        body, dropped, repaired = chat_body(request, offer, given)
    accept = request.accept or ("text/event-stream" if request.streams else "application/json")
    headers = {**request.headers, "Accept": accept}
    if body is not None and ("model" in body or request.api == chat.PATH):  # a batch or a vector store has none
        name = wire_name(offer)
        if request.raw and given is not None and body == given:
            from inference_providers.protocols.raw_json import with_model

            content = with_model(request.raw, given, name)
        body["model"] = name
    if body is not None or content:
        headers["Content-Type"] = request.content_type
    return FittedRequest(
        offer,
        request.method,
        request.path,
        headers,
        body=body,
        content=content,
        dropped=dropped,
        repaired=repaired,
    )


def chat_body(
    request: ModelRequest, offer: Offer, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str], list[str]]:
    """The body of a chat in the words that this offer takes, and what was dropped, and repaired.

    given: what is asked for.
    """
    mode, exempt = request.unsupported, request.untouched
    body = parameter_rules.adapted(given, offer.rules, mode=mode, exempt=exempt)
    dropped = [] if mode == parameters.KEEP else parameter_rules.dropped(given, offer.rules, exempt)
    repaired: list[str] = []
    if request.repairs and mode == parameters.DROP and (known := request.repairs.get(offer.place)) is not None:
        body, refused, repaired = known.applied(body)
        dropped += refused
    return body, dropped, repaired


# The head of a form's part that is called `model`, quoted or not.
_IS_MODEL = rb'(?i:content-disposition):[^\r\n]*;[ \t]*(?i:name)=(?:"model"|model)[ \t]*(?:;[^\r\n]*)?(?:\r\n|$)'
_LONGEST_HEAD = 4096  # bytes of a part's headers
_PART_NAME = rb'(?i:content-disposition):[^\r\n]*;[ \t]*(?i:name)="?([^"\r\n;]*)'
_FORM_STREAM = rb'name="stream"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)'


def is_form(kind: str) -> bool:
    """Whether a content type is that of a form."""
    return kind.strip().lower().startswith("multipart/form-data")


def form_model(content: bytes) -> str | None:
    """The model that a multipart form names."""
    found = _model_part(content)
    return None if found is None else content[found[1] : found[2]].decode("utf-8", "replace")


def form_without_model(content: bytes) -> bytes:
    """A multipart form without the part that names a model."""
    found = _model_part(content)
    return content if found is None else content[: found[0]] + content[found[2] + 2 :]


def form_streams(content: bytes) -> bool:
    """Whether a multipart form asks for its reply as events."""
    import re

    match = re.search(_FORM_STREAM, content)
    return match is not None and match[1].strip().lower() in (b"true", b"1")


def _form_with_model(content: bytes, model: str) -> bytes:
    found = _model_part(content)
    return content if found is None else content[: found[1]] + model.encode() + content[found[2] :]


def _model_part(content: bytes) -> tuple[int, int, int] | None:
    """Where the part of a multipart form that names a model begins, and where its text begins and ends.

    Its first line is the boundary, so that a file which holds another form is not taken for this one.
    """
    import re

    for place, head, text, end in _parts(content):
        if re.search(_IS_MODEL, content[head : text - 4]):
            return place, text, end
    return None


def form_lists(content: bytes, names: Sequence[str]) -> tuple[dict[str, list[str]], bytes]:
    """What a multipart form says under these names, each once or as a list (`avoid`, `avoid[]`), and the form without.

    It is told by their names being there at all, so that a form with a file in it is not looked through for nothing.
    """
    import re

    found: dict[str, list[str]] = {}
    kept, done = bytearray(), 0
    if not any(name.encode() in content for name in names):
        return found, content
    for place, head, text, end in _parts(content):
        called = re.search(_PART_NAME, content[head : text - 4])
        name = called[1].decode("latin-1").removesuffix("[]") if called else ""
        if name in names:
            found.setdefault(name, []).append(content[text:end].decode("utf-8", "replace"))
            kept += content[done:place]
            done = end + 2
    return found, bytes(kept + content[done:])


def form_file(content: bytes) -> tuple[str, bytes] | None:
    """The file of a multipart form: its name and its content; None where it has none."""
    import re

    for _, head, text, end in _parts(content):
        names = content[head : text - 4]
        called = re.search(_PART_NAME, names)
        if called and called[1] == b"file":
            name = re.search(rb'filename="([^"\r\n]{0,255})"', names)
            return (name[1].decode("utf-8", "replace") if name else "", content[text:end])
    return None


def _parts(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each part of a form: where it begins, its head, its text, and where that ends."""
    boundary = content[: content.find(b"\r\n", 0, 200) + 1].rstrip(b"\r")
    place = 0 if boundary.startswith(b"--") else -1
    while place >= 0:
        head = place + len(boundary) + 2
        text = content.find(b"\r\n\r\n", head, head + _LONGEST_HEAD) + 4
        end = content.find(b"\r\n" + boundary, max(text - 4, head))
        if text >= 4 and end >= text:
            yield place, head, text, end
        place = end + 2 if end >= 0 else -1


# Replies


def judge(
    provider: str,
    secrets: Iterable[str | None],
    headers: Mapping[str, str],
    now: float,
    *,
    path: str = chat.PATH,
    allow_empty: bool = False,
    registry: Registry | None = None,
    choices: int = 1,
    unread: bool = False,
) -> StreamJudge:
    """What judges one stream as it comes. Where it turns out to be a complete reply, `decode` does."""
    from inference_providers.protocols.stream import StreamJudge

    return StreamJudge(
        provider,
        secrets,
        headers,
        now,
        decode,
        path=path,
        allow_empty=allow_empty,
        registry=registry,
        choices=choices,
        unread=unread,
    )


def decode(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    secrets: Iterable[str | None],
    now: float,
    *,
    path: str = chat.PATH,
    allow_empty: bool = False,
    registry: Registry | None = None,
) -> Verdict:
    """A verdict on a complete response. *secrets* are scrubbed from everything that is kept."""
    if status not in classify.SUCCESS:
        return classify.refusal(status, headers, body, provider, secrets, now, registry=registry)
    kind = headers.get("content-type", "json").lower()
    if path not in _READ and classify.is_foreign(kind):
        return Verdict(classify.OK)
    if path in _READ and body[:1] != b"{" and _is_stream(body):
        return _from_stream(body, provider, secrets, now, path, allow_empty)
    try:
        if path != chat.PATH and _passes_unread(body):
            return Verdict(classify.OK)
        reply = jsontext.loads(body if len(body) > jsontext.LARGE else body.decode("utf-8"))
    except (jsontext.TooDeep, jsontext.TooLarge) as error:
        return classify.unavailable(classify.NEXT, provider, f"the reply is {error}")
    except ValueError:
        if body.startswith(codecs.BOM_UTF8):
            body = body.removeprefix(codecs.BOM_UTF8)
            return decode(
                status, headers, body, provider, secrets, now, path=path, allow_empty=allow_empty, registry=registry
            )
        if path in _READ and body.lstrip()[:1] == b"{" and b"\n" in body.strip():  # lines of JSON, or a cut reply
            return _from_stream(body, provider, secrets, now, path, allow_empty)
        return _not_json(body, provider, secrets)
    if isinstance(reply, list) and not path:  # what was looked up: some give their list of models bare
        return Verdict(classify.OK, reply=None)
    if not isinstance(reply, dict):
        return classify.unavailable(classify.NEXT, provider, f"the reply is not an object but {type(reply).__name__}")
    if reply.get("error") or reply.get("object") == "error":
        return classify.error_in_success(classify.clean_error(reply, secrets), provider, now, registry)
    verdict = _read(reply, provider, path, allow_empty)
    if path == chat.PATH and verdict.action != classify.OK and (found := classify.hidden_error(reply)) is not None:
        return classify.error_in_success(classify.clean_error(found, secrets), provider, now, registry)
    return verdict


def _read(reply: dict[str, Any], provider: str, path: str, allow_empty: bool) -> Verdict:
    """The verdict on an object that is no error."""
    if path == chat.PATH:
        return _chat_reply(reply, provider, allow_empty)
    if path == "/responses":
        from inference_providers.protocols import responses

        return responses.judged(reply, provider, allow_empty)
    if path == "/messages":
        from inference_providers.protocols import messages_stream

        return messages_stream.judged(reply, provider, allow_empty)
    if path in _ROWS and not any(map(reply.get, _ROWS[path])):
        return classify.unavailable(classify.NEXT, provider, f"the reply has no {_ROWS[path][0]}")
    if path == "/completions" and reply.get("choices") == []:
        return classify.unavailable(classify.NEXT, provider, "the reply has no choices")
    return Verdict(classify.OK, reply=reply)


def _is_stream(body: bytes) -> bool:
    from inference_providers.transport import sse

    return bool(sse.begins(body))


def _from_stream(
    body: bytes, provider: str, secrets: Iterable[str | None], now: float, path: str, allow_empty: bool
) -> Verdict:
    """The verdict on a stream that came where nobody asked for one: it is put together to the reply that was meant."""
    import json

    from inference_providers.protocols.stream_parts import whole_reply

    verdict, reply = whole_reply(body, provider, secrets, now, path)
    if verdict.action == classify.OK:
        verdict = _read(reply, provider, path, allow_empty)
    if verdict.action == classify.OK:
        made = json.dumps(reply).encode()
        verdict.response = (200, {"content-type": "application/json"}, made)
    return verdict


def _passes_unread(body: bytes) -> bool:
    """Whether a large reply of another kind than chat need not be read: nothing in it calls the object an error."""
    return (
        len(body) > jsontext.LARGE
        and body[:200].lstrip()[:1] == b"{"
        and body[-200:].rstrip()[-1:] == b"}"
        and (b'"error"' not in body or not jsontext.fits(body))
    )


def _not_json(body: bytes, provider: str, secrets: Iterable[str | None]) -> Verdict:
    from inference_providers.credentials import scrub, scrub_bytes
    from inference_providers.protocols.error_body import plain

    if not body.strip():
        return classify.unavailable(classify.RETRY, provider, "the reply is empty")
    if body[:200].lstrip()[:1] in (b"{", b"[") or not _is_utf8(body):
        return classify.unavailable(classify.RETRY, provider, "the reply is cut or not valid JSON")
    secrets = list(secrets)
    text = scrub(plain(scrub_bytes(body[: classify.ERROR_READ], secrets).decode("utf-8", "replace")), secrets)
    return classify.unavailable(classify.NEXT, provider, f"the reply is not JSON: {text[:120]!r}")


def _is_utf8(body: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), 65536):  # a copy of it all might be four times as large
            decoder.decode(body[start : start + 65536])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _chat_reply(reply: Mapping[str, Any], provider: str, allow_empty: bool) -> Verdict:
    choice = chat.first_choice(reply)
    message = choice.get("message")
    if choice.get("finish_reason") == "stop" and type(message) is dict:  # most are like this
        text = message.get("content")
        if text and type(text) is str:
            return Verdict(classify.OK, reply=reply)
    if not choice:
        return classify.unavailable(classify.NEXT, provider, "the reply has no choices")
    if (reason := choice.get("finish_reason")) in chat.FAILED:
        return classify.unavailable(classify.NEXT, provider, f"the reply ended with finish_reason {reason!r}")
    has_content = chat.reply_text(reply) or chat.has_tool_calls(choice) or chat.has_other_content(choice)
    if not has_content and chat.is_withheld(reason):
        return classify.withheld(provider)
    if not has_content and not allow_empty and not chat.is_cut(reason):
        return classify.unavailable(classify.NEXT, provider, "the reply is empty")
    return Verdict(classify.OK, reply=reply)
