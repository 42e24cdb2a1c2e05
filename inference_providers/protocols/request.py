"""What a caller wants of whichever candidate, and the same as one candidate gets it. Pure."""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.chat import parameters
from inference_providers.transport import request_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.protocols.native_form import NativeForm
    from inference_providers.protocols.repairs import Repairs
    from inference_providers.transport import Request

    WhoCould = Callable[[Callable[[Offer], bool]], str]  # a test of an offer in; who passes it out, in words


_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one for each call


class FittedRequest:
    """A request as one offer gets it, in its protocol: worked out once for each offer of a call.

    native: the path by which it goes in the words of its caller's own API, and its reply comes back; else empty.
    endpoint, key: where that is, and the header that has the key there, where they are not as usual.

    body: the JSON object, or None where *content*, the bytes, is all there is. headers: without the key.
    dropped: names of the parameters that this offer does not take, and does not get. repaired: in words, what it gets
    otherwise than it was asked for, since it refused that, or has another measure for it. asked: the body in the words
    of a chat completion, where the offer's protocol has others; else None.
    """

    __slots__ = (
        "asked", "body", "content", "dropped", "endpoint", "headers", "key", "method", "native", "offer", "path",
        "repaired",
    )  # fmt: skip

    def __init__(
        self,
        offer: Offer,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: dict[str, Any] | None = None,
        content: bytes = b"",
        dropped: list[str],
        repaired: list[str] | None = None,
    ) -> None:
        self.offer, self.method, self.path, self.headers = offer, method, path, headers
        self.body, self.content, self.dropped = body, content, dropped
        self.repaired = repaired or []
        self.asked: Mapping[str, Any] | None = None
        self.native = self.endpoint = self.key = ""

    def to_send(self) -> Request:
        """The HTTP request for one try: the bytes are made once, address and key are those of now.

        A server that this package launches has both anew with each start, and it may have been started between two
        tries; what cancels one try must not cancel the next, either.
        """
        if not self.content and self.body is not None:
            self.content = _as_json(self.body).encode("utf-8", "replace")
        return request_to(
            self.offer,
            self.method,
            self.path,
            self.headers,
            self.content or None,
            endpoint=self.endpoint,
            key_header=self.key,
        )


class ModelRequest:
    """What a caller wants of whichever candidate: a path of OpenAI's API, and a JSON body, or another one as bytes.

    The model is set when a candidate is chosen: in the JSON body, or in the form that *content* holds.
    *unsupported* is what becomes of a parameter that the candidate does not take: it is kept or
    dropped, or the candidate is not asked (`parameters.KEEP`, `DROP`, `ERROR`). *untouched* fields go as they are.
    *streams*: the reply is to come as events, where that is not in the body. *accept*: the content type of a reply that
    is passed on as it comes, unread: speech, a file.

    `api` is the path alone, by which body and reply are read; empty where no model is asked, but something looked up.

    *asked*: the models by the names that the caller gave them, for those who log calls; None for the best.
    *tries*: how often one candidate is asked at most; None for what the policy says. *preferences*: those of the call,
    None where it has none. *in_turn*: its candidates are in the order in which they are to be asked. *cache*: what it
    says of a cache of replies: False for none, options of its own; None where it says nothing. *raw*: the bytes of
    *body*, which go on as they are, but for the model's name, to an offer that needs nothing else changed. *caller*: on
    whose behalf it is made, by an id, where a program serves several; else empty. *native*: the same request in the
    words of another API, in which it came, for those who speak that.

    It is made for one call, and remembers for that call what each offer gets of it: `fits`, by the offer's identity.
    `repairs` is what offers are known to refuse, by their `place`; `learnt` is what this very call has found of it.
    """

    __slots__ = (
        "accept",
        "allow_empty",
        "api",
        "asked",
        "body",
        "cache",
        "caller",
        "content",
        "content_type",
        "fits",
        "headers",
        "in_turn",
        "learnt",
        "method",
        "native",
        "path",
        "preferences",
        "raw",
        "repairs",
        "streams",
        "tries",
        "unsupported",
        "untouched",
    )

    def __init__(
        self,
        body: Mapping[str, Any] | None = None,
        path: str = chat.PATH,
        *,
        method: str = "POST",
        content: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        allow_empty: bool = False,
        unsupported: str = parameters.DROP,
        untouched: Container[str] = (),
        streams: bool = False,
        accept: str = "",
    ) -> None:
        self.untouched = untouched
        self.api = path.partition("?")[0] if method == "POST" else ""
        self.unsupported = unsupported if self.api == chat.PATH else parameters.KEEP
        self.body, self.path, self.method = body, path, method
        self.streams = streams or bool(body and body.get("stream"))  # whether the reply is to come as events
        self.accept = accept
        self.content, self.content_type = content, content_type
        self.headers = dict(headers or {})  # the caller's own, for whoever answers
        self.allow_empty = allow_empty
        self.tries: int | None = None
        self.asked: str | Sequence[str] | None = None
        self.preferences: Any = None  # `routing.Preferences`, of which nothing is read here
        self.in_turn = False
        self.cache: Mapping[str, Any] | bool | None = None
        self.caller = ""
        self.raw = b""
        self.native: NativeForm | None = None
        self.fits: dict[int, FittedRequest] = {}
        self.repairs: Mapping[Any, Repairs] = {}
        self.learnt: dict[Any, list[Repairs]] = {}

    @property
    def mends(self) -> bool:
        """Whether a candidate that refuses a field is asked again without it."""
        return self.unsupported == parameters.DROP and self.body is not None
